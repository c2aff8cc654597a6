/* vmath.h - exp, log, log1p, expm1, tanh, sigmoid and erf of vectors, without branches.
 *
 * Error of each function over its whole range, subnormal results included: at most 4 units in the last place
 * (tests/test_vmath.c measures it). NaN gives NaN, infinities and poles the limits that libm gives.
 *
 * Methods: argument reduction with a constant in two parts (W. Cody, W. Waite, "Software Manual for the Elementary
 * Functions", 1980) and polynomials. The coefficients are minimax fits by Remez exchange in 60-digit arithmetic; the
 * comment on each gives the function, the interval and the largest error of the fit. */
#ifndef BP_KERNEL_VMATH_H
#define BP_KERNEL_VMATH_H

#include "kernel/vector/simd.h"

#if defined(BP_KERNEL_F32)
/* LN2_HIGH has so few bits that its product with any exponent is exact. */
static const real LN2_HIGH = 0.693145751953125f, LN2_LOW = 1.42860682031e-6f;
static const real EXP_LEAST = -104.0f, EXP_MOST = 89.0f; /* exp is 0 below, infinite above */
static const real EXPM1_LEAST = -20.0f;                  /* expm1 is -1 below */
static const real SMALLEST_NORMAL = 1.17549435e-38f;
/* (e^r - 1 - r - r^2/2) / r^3 on |r| <= ln(2)/2; error times r^2: 2^-26 */
static const real EXP_C[] = {0.1666654430f, 0.04166640396f, 0.008366478766f, 0.001394060676f};
/* (2 atanh(s)/s - 2) / s^2 in s^2, s <= tan(pi/8)^2 = 0.172; error times s^2: 2^-29 */
static const real LOG_C[] = {0.6666677557f, 0.3997760690f, 0.2987055982f};
/* erf(x)/x - 1 in x^2, |x| <= 1; error 2^-29 */
static const real ERF_NEAR_C[] = {0.1283791659f,   -0.3761262714f,    0.1128360018f,  -0.02685444466f,
                                  0.005189535468f, -0.0008020842385f, 7.889123076e-5f};
/* -ln erfc(x) in x - ERF_MIDDLE, 1 <= x <= ERF_MOST, weighted by erfc; error 2^-35. Beyond, erf rounds to 1. */
static const real ERF_MIDDLE = 2.5f, ERF_MOST = 4.0f;
static const real ERF_FAR_C[] = {7.806815303f,     5.352680608f,     0.9438918241f,    0.01085350229f,
                                 -0.002166458798f, 0.0004310067515f, -6.176443383e-5f, 2.169761076e-5f};
#else
static const real LN2_HIGH = 0.69314718055920820916, LN2_LOW = 7.3710025651677989018e-13;
static const real EXP_LEAST = -746.0, EXP_MOST = 710.0;
static const real EXPM1_LEAST = -40.0;
static const real SMALLEST_NORMAL = 2.2250738585072014e-308;
/* as above, error 2^-61 */
static const real EXP_C[] = {0.166666666666666765,   0.0416666666666666899,   0.00833333333332166200,
                             0.00138888888888701301, 0.000198412698861152493, 0.0000248015873561754970,
                             2.75572441685684394e-6, 2.75572455022733786e-7,  2.51090657996748307e-8,
                             2.09237886145414881e-9};
/* error 2^-58 */
static const real LOG_C[] = {0.666666666666673067, 0.399999999994334316, 0.285714287390231434, 0.222221988613564403,
                             0.181835515740933201, 0.153143316906225407, 0.147935090035897577};
/* error 2^-57 */
static const real ERF_NEAR_C[] = {0.128379167095512567,    -0.376126389031835466,     0.112837916709452532,
                                  -0.0268661706432762183,  0.00522397760742346784,    -0.000854832598969675803,
                                  0.000120552953204942942, -0.0000149247446633354897, 1.64475176778718737e-6,
                                  -1.62091759117486957e-7, 1.37229762659245033e-8,    -7.80118887409775157e-10};
/* error 2^-59 */
static const real ERF_MIDDLE = 3.5, ERF_MOST = 6.0;
static const real ERF_FAR_C[] = {
    14.1124374021472246,      7.26609958837190041,      0.966753054859253037,      0.00522565861282763811,
    -0.000873687264501513594, 0.000147295494062613615,  -0.0000243916695223980343, 3.88564385534017940e-6,
    -5.82184109596357757e-7,  9.06581381072570176e-8,   -5.61056616276991856e-10,  3.43727921028830161e-9,
    -2.20092736614342531e-9,  -3.08412366808497390e-9,  -1.77561701768972528e-9,   -6.32666442504220474e-10,
    -1.39320996492369484e-10, -1.81666732258533008e-11, -1.04965776899675853e-12};
#endif

static const real LOG2_E = R(1.44269504088896340736);
/* Adding it to a small whole number leaves that number in the low bits of the sum, and rounds what is not whole. */
static const real WHOLE = (real)(3 * ((word)1 << (MANTISSA_BITS - 1)));

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* c[0] + c[1] x + ... + c[n-1] x^(n-1) by Horner's rule. */
BP_INLINE vec v_poly(vec x, const real *c, int n)
{
    vec sum = v_set(c[n - 1]);
    UNROLL for (int i = n - 2; i >= 0; i--)
    {
        sum = v_fma(sum, x, v_set(c[i]));
    }
    return sum;
}

BP_INLINE vec v_round(vec x)
{
    return x + v_set(WHOLE) - v_set(WHOLE);
}

/* 2^n for whole n within the exponents of normal numbers. */
BP_INLINE vec v_pow2(vec n)
{
    return (vec)((bits)(n + v_set(WHOLE + EXPONENT_BIAS)) << MANTISSA_BITS);
}

#if !defined(BP_ISA_AVX512)
/* a 2^n for whole n in two steps, so that 2^n itself may be out of range; only the second one can round. */
BP_INLINE vec v_scale(vec a, vec n)
{
    vec half = v_round(n * v_set(R(0.5)));
    return a * v_pow2(half) * v_pow2(n - half);
}
#endif

/* e^r - 1 for x = n ln 2 + r, |r| <= ln(2)/2. */
BP_INLINE vec v_exp_reduced(vec x, vec *n)
{
    *n = v_round(x * v_set(LOG2_E));
    vec r = v_fnma(*n, v_set(LN2_HIGH), x);
    r = v_fnma(*n, v_set(LN2_LOW), r);
    vec tail = v_fma(v_poly(r, EXP_C, COUNT(EXP_C)), r, v_set(R(0.5)));
    return v_fma(r * r, tail, r);
}

BP_INLINE vec v_exp(vec x)
{
    vec n;
    x = v_min(v_set(EXP_MOST), v_max(v_set(EXP_LEAST), x));
    vec q = v_exp_reduced(x, &n);
    return v_scale(q + v_set(1), n);
}

/* 2^n (1 + q) - 1 = 2^n q + (2^n - 1). At the upper end 2^n is halved, and the result doubled. */
BP_INLINE vec v_expm1(vec x)
{
    vec n;
    x = v_min(v_set(EXP_MOST), v_max(v_set(EXPM1_LEAST), x));
    vec q = v_exp_reduced(x, &n);
    vec limit = v_min(v_set(EXPONENT_BIAS), n);
    vec scale = v_pow2(limit);
    return v_fma(scale, q, scale - v_set(1)) * (v_set(1) + (n - limit));
}

/* Splits x > 0, normal, into 2^k m, sqrt(1/2) <= m < sqrt 2. */
BP_INLINE vec v_split(vec x, vec *k)
{
    const bits one = (bits)v_set(1), root = (bits)v_set(R(0.70710678118654752440));
    bits exponent = ((bits)x + (one - root)) >> MANTISSA_BITS; /* biased */
    *k = (vec)(exponent + (bits)v_set(WHOLE)) - v_set(WHOLE + EXPONENT_BIAS);
    return (vec)((bits)x - ((exponent - EXPONENT_BIAS) << MANTISSA_BITS));
}

/* k ln 2 + ln(1 + f), f in sqrt(1/2)-1 .. sqrt(2)-1, by ln(1+f) = 2 atanh(s), s = f / (2 + f). The sum is ordered so that
 * f, exact, is its leading term. */
BP_INLINE vec v_log_reduced(vec k, vec f)
{
    vec s = f / (v_set(2) + f);
    vec z = s * s;
    vec half_square = v_set(R(0.5)) * f * f;
    vec rest = v_fma(z, v_poly(z, LOG_C, COUNT(LOG_C)), half_square);
    vec low = v_fma(s, rest, k * v_set(LN2_LOW));
    return v_fma(k, v_set(LN2_HIGH), f - (half_square - low));
}

/* The logarithm of x where it is finite; elsewhere -infinity, infinity or NaN. */
BP_INLINE vec v_log_limits(vec x, vec value)
{
    const vec infinite = v_set((real)INFINITY);
    vec pole = v_select(v_eq(x, v_set(0)), v_neg(infinite), v_set((real)NAN));
    return v_select(v_gt(x, v_set(0)), v_select(v_gt(infinite, x), value, x), pole);
}

BP_INLINE vec v_log(vec x)
{
    const real up = (real)((word)1 << (MANTISSA_BITS + 2)); /* lifts subnormal numbers */
    mask tiny = v_gt(v_set(SMALLEST_NORMAL), x);
    vec k, m = v_split(v_select(tiny, x * v_set(up), x), &k);
    k = v_select(tiny, k - v_set(MANTISSA_BITS + 2), k);
    return v_log_limits(x, v_log_reduced(k, m - v_set(1)));
}

/* With 1 + x = 2^k m: f = m - 1 = 2^-k x + (2^-k - 1) is rounded once, where 1 + x would have lost bits of x. For large k
 * the 1 does not matter any more. */
BP_INLINE vec v_log1p(vec x)
{
    vec k, u = v_set(1) + x, m = v_split(u, &k);
    vec down = v_pow2(v_neg(k));
    vec f = v_fma(x, down, down - v_set(1));
    f = v_select(v_gt(k, v_set(2 * MANTISSA_BITS)), m - v_set(1), f);
    return v_log_limits(u, v_log_reduced(k, f));
}

/* t = e^(-2|x|) - 1; tanh |x| = -t / (2 + t) */
BP_INLINE vec v_tanh(vec x)
{
    vec t = v_expm1(v_set(-2) * v_abs(x));
    return v_copysign(t / (v_set(2) + t), x);
}

/* With e = e^-|x|, which cannot overflow: 1 / (1 + e) for x >= 0, else e / (1 + e). */
BP_INLINE vec v_sigmoid(vec x)
{
    vec e = v_exp(v_neg(v_abs(x)));
    return v_select(v_gt(v_set(0), x), e, v_set(1)) / (v_set(1) + e);
}

/* x + x P(x^2) within 1, 1 - e^-Q(|x|) outside. */
BP_INLINE vec v_erf(vec x)
{
    vec t = v_abs(x);
    vec near = v_fma(x, v_poly(x * x, ERF_NEAR_C, COUNT(ERF_NEAR_C)), x);
    vec u = v_min(v_set(ERF_MOST), t) - v_set(ERF_MIDDLE);
    vec far = v_set(1) - v_exp(v_neg(v_poly(u, ERF_FAR_C, COUNT(ERF_FAR_C))));
    return v_select(v_gt(v_set(1), t), near, v_copysign(far, x));
}

#endif
