/* simd_neon.h - AArch64 Advanced SIMD: 4 floats or 2 doubles. See simd.h and, for what each operation is,
 * simd_avx512.h. There are no masked loads: a partial vector goes through a small array. */
#ifndef BP_KERNEL_SIMD_NEON_H
#define BP_KERNEL_SIMD_NEON_H

#include <arm_neon.h>

#if defined(BP_KERNEL_F32)
typedef float32x4_t vec;
typedef uint32x4_t mask;
enum { VL = 4 };
#define OP(name) name##_f32
#else
typedef float64x2_t vec;
typedef uint64x2_t mask;
enum { VL = 2 };
#define OP(name) name##_f64
#endif

BP_INLINE vec v_set(real x)
{
    return OP(vdupq_n)(x);
}
BP_INLINE vec v_load(const real *p)
{
    return OP(vld1q)(p);
}
BP_INLINE void v_store(real *p, vec v)
{
    OP(vst1q)(p, v);
}

BP_INLINE vec v_load_n(const real *p, size_t n)
{
    real lane[VL] = {0};
    for (size_t i = 0; i < n; i++) {
        lane[i] = p[i];
    }
    return v_load(lane);
}
BP_INLINE void v_store_n(real *p, vec v, size_t n)
{
    real lane[VL];
    v_store(lane, v);
    for (size_t i = 0; i < n; i++) {
        p[i] = lane[i];
    }
}
BP_INLINE vec v_first(vec v, size_t n, vec fill)
{
    real lane[VL], rest[VL];
    v_store(lane, v);
    v_store(rest, fill);
    for (size_t i = n; i < VL; i++) {
        lane[i] = rest[i];
    }
    return v_load(lane);
}

BP_INLINE vec v_fma(vec a, vec b, vec c)
{
    return OP(vfmaq)(c, a, b);
}
BP_INLINE vec v_fnma(vec a, vec b, vec c)
{
    return OP(vfmsq)(c, a, b);
}
BP_INLINE vec v_sqrt(vec a)
{
    return OP(vsqrtq)(a);
}

BP_INLINE mask v_gt(vec a, vec b)
{
    return OP(vcgtq)(a, b);
}
BP_INLINE mask v_eq(vec a, vec b)
{
    return OP(vceqq)(a, b);
}
BP_INLINE vec v_select(mask m, vec a, vec b)
{
    return OP(vbslq)(m, a, b);
}
BP_INLINE bool v_any(mask m)
{
    uint64x2_t w = (uint64x2_t)m;
    return (vgetq_lane_u64(w, 0) | vgetq_lane_u64(w, 1)) != 0;
}
/* Not fmax: the second operand where one is NaN. */
BP_INLINE vec v_max(vec a, vec b)
{
    return v_select(v_gt(a, b), a, b);
}
BP_INLINE vec v_min(vec a, vec b)
{
    return v_select(v_gt(b, a), a, b);
}

BP_INLINE vec v_zip_lo(vec a, vec b)
{
    return OP(vzip1q)(a, b);
}
BP_INLINE vec v_zip_hi(vec a, vec b)
{
    return OP(vzip2q)(a, b);
}

BP_INLINE real v_sum(vec v)
{
    return OP(vaddvq)(v);
}
BP_INLINE real v_largest(vec v)
{
    return OP(vmaxvq)(v);
}

#undef OP

#endif
