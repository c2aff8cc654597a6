/* simd_avx512.h - AVX-512 F, DQ, BW, VL: 16 floats or 8 doubles, masks in their own registers. See simd.h. */
#ifndef BP_KERNEL_SIMD_AVX512_H
#define BP_KERNEL_SIMD_AVX512_H

#include <immintrin.h>

#if defined(BP_KERNEL_F32)
typedef __m512 vec;
typedef __mmask16 mask;
enum { VL = 16 };
#define OP(name)           _mm512_##name##_ps
#define COMPARE(a, b, how) _mm512_cmp_ps_mask(a, b, how)
#else
typedef __m512d vec;
typedef __mmask8 mask;
enum { VL = 8 };
#define OP(name)           _mm512_##name##_pd
#define COMPARE(a, b, how) _mm512_cmp_pd_mask(a, b, how)
#endif

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

/* The first n lanes. */
BP_INLINE mask v_lanes(size_t n)
{
    return (mask)((1u << n) - 1);
}
/* Lanes from n on are zero. */
BP_INLINE vec v_load_n(const real *p, size_t n)
{
    return OP(maskz_loadu)(v_lanes(n), p);
}
BP_INLINE void v_store_n(real *p, vec v, size_t n)
{
    OP(mask_storeu)(p, v_lanes(n), v);
}
/* v in the first n lanes, fill in the others. */
BP_INLINE vec v_first(vec v, size_t n, vec fill)
{
    return OP(mask_blend)(v_lanes(n), fill, v);
}

/* a b + c, c - a b */
BP_INLINE vec v_fma(vec a, vec b, vec c)
{
    return OP(fmadd)(a, b, c);
}
BP_INLINE vec v_fnma(vec a, vec b, vec c)
{
    return OP(fnmadd)(a, b, c);
}
/* a > b ? a : b and a < b ? a : b: the second operand where one is NaN. */
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
    return COMPARE(a, b, _CMP_GT_OQ);
}
BP_INLINE mask v_eq(vec a, vec b)
{
    return COMPARE(a, b, _CMP_EQ_OQ);
}
BP_INLINE vec v_select(mask m, vec a, vec b)
{
    return OP(mask_blend)(m, b, a);
}
BP_INLINE bool v_any(mask m)
{
    return m != 0;
}

/* a 2^n for whole n, rounded once where the result is subnormal. */
BP_INLINE vec v_scale(vec a, vec n)
{
    return OP(scalef)(a, n);
}

#if defined(BP_KERNEL_F32)
/* a0 b0 a1 b1 ..., from the lower and from the upper halves. */
BP_INLINE vec v_zip_lo(vec a, vec b)
{
    const __m512i from = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return _mm512_permutex2var_ps(a, from, b);
}
BP_INLINE vec v_zip_hi(vec a, vec b)
{
    const __m512i from = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    return _mm512_permutex2var_ps(a, from, b);
}
#else
BP_INLINE vec v_zip_lo(vec a, vec b)
{
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}
BP_INLINE vec v_zip_hi(vec a, vec b)
{
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}
#endif

/* Sum and maximum of the lanes, by halves. */
BP_INLINE real v_sum(vec v)
{
#if defined(BP_KERNEL_F32)
    __m256 q = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(q), _mm256_extractf128_ps(q, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
#else
    __m256d q = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    __m128d h = _mm_add_pd(_mm256_castpd256_pd128(q), _mm256_extractf128_pd(q, 1));
    return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
#endif
}
BP_INLINE real v_largest(vec v)
{
#if defined(BP_KERNEL_F32)
    __m256 q = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(q), _mm256_extractf128_ps(q, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
#else
    __m256d q = _mm256_max_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    __m128d h = _mm_max_pd(_mm256_castpd256_pd128(q), _mm256_extractf128_pd(q, 1));
    return _mm_cvtsd_f64(_mm_max_sd(h, _mm_unpackhi_pd(h, h)));
#endif
}

#undef OP
#undef COMPARE

#endif
