/* simd_avx2.h - AVX2 with FMA: 8 floats or 4 doubles, masks are vectors of sign bits. See simd.h and, for what each
 * operation is, simd_avx512.h. */
#ifndef BP_KERNEL_SIMD_AVX2_H
#define BP_KERNEL_SIMD_AVX2_H

#include <immintrin.h>

#if defined(BP_KERNEL_F32)
typedef __m256 vec;
enum { VL = 8 };
#define OP(name) _mm256_##name##_ps
#else
typedef __m256d vec;
enum { VL = 4 };
#define OP(name) _mm256_##name##_pd
#endif
typedef vec mask;

BP_INLINE vec v_set(real x)
{
    return OP(set1)(x);
}
BP_INLINE vec v_load(const real *p)
{
    return OP(loadu)(p);
}
BP_INLINE void v_store(real *p, vec v)
{
    OP(storeu)(p, v);
}

/* The first n lanes: a window into ones followed by zeros. */
BP_INLINE __m256i v_lanes(size_t n)
{
#if defined(BP_KERNEL_F32)
    static const int32_t window[2 * VL] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
#else
    static const int64_t window[2 * VL] = {-1, -1, -1, -1, 0, 0, 0, 0};
#endif
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + VL - n));
}
BP_INLINE vec v_load_n(const real *p, size_t n)
{
    return OP(maskload)(p, v_lanes(n));
}
BP_INLINE void v_store_n(real *p, vec v, size_t n)
{
    OP(maskstore)(p, v_lanes(n), v);
}
BP_INLINE vec v_first(vec v, size_t n, vec fill)
{
    return OP(blendv)(fill, v, (vec)v_lanes(n));
}

BP_INLINE vec v_fma(vec a, vec b, vec c)
{
    return OP(fmadd)(a, b, c);
}
BP_INLINE vec v_fnma(vec a, vec b, vec c)
{
    return OP(fnmadd)(a, b, c);
}
BP_INLINE vec v_max(vec a, vec b)
{
    return OP(max)(a, b);
}
BP_INLINE vec v_min(vec a, vec b)
{
    return OP(min)(a, b);
}
BP_INLINE vec v_sqrt(vec a)
{
    return OP(sqrt)(a);
}

BP_INLINE mask v_gt(vec a, vec b)
{
    return OP(cmp)(a, b, _CMP_GT_OQ);
}
BP_INLINE mask v_eq(vec a, vec b)
{
    return OP(cmp)(a, b, _CMP_EQ_OQ);
}
BP_INLINE vec v_select(mask m, vec a, vec b)
{
    return OP(blendv)(b, a, m);
}
BP_INLINE bool v_any(mask m)
{
    return OP(movemask)(m) != 0;
}

#if defined(BP_KERNEL_F32)
BP_INLINE vec v_zip_lo(vec a, vec b)
{
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}
BP_INLINE vec v_zip_hi(vec a, vec b)
{
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}
#else
BP_INLINE vec v_zip_lo(vec a, vec b)
{
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20);
}
BP_INLINE vec v_zip_hi(vec a, vec b)
{
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31);
}
#endif

BP_INLINE real v_sum(vec v)
{
#if defined(BP_KERNEL_F32)
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
#else
    __m128d h = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
#endif
}
BP_INLINE real v_largest(vec v)
{
#if defined(BP_KERNEL_F32)
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
#else
    __m128d h = _mm_max_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_max_sd(h, _mm_unpackhi_pd(h, h)));
#endif
}

#undef OP

#endif
