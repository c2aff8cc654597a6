/* element.h - what plain.c and the vectorised sources share: the element type of this compilation, the naming of its
 * symbols, and the few coefficients that both sets must derive in the same way. Arithmetic on arrays is not here.
 *
 * The build defines BP_KERNEL_F32 or BP_KERNEL_F64, and BP_SUFFIX, "avx512_f32" and the like. */
#ifndef BP_KERNEL_ELEMENT_H
#define BP_KERNEL_ELEMENT_H

#include <math.h>

#include "kernel/kernel.h"

#if defined(BP_KERNEL_F32)
typedef float real;
#define BP_REAL_TYPE BP_F32
#define R(x)         ((real)(x##f)) /* a constant of the element type */
#elif defined(BP_KERNEL_F64)
typedef double real;
#define BP_REAL_TYPE BP_F64
#define R(x)         ((real)(x))
#else
#error "define BP_KERNEL_F32 or BP_KERNEL_F64"
#endif

/* NAME(bp_gemm) is bp_gemm_avx512_f32: every symbol carries its set and type. */
#define BP_JOIN_(a, b) a##_##b
#define BP_JOIN(a, b)  BP_JOIN_(a, b)
#define NAME(x)        BP_JOIN(x, BP_SUFFIX)

/* Families of functions over one kernel table rely on their small bodies being inlined where they are passed. */
#define BP_INLINE static inline __attribute__((always_inline, unused))

/* Start of row r; NULL stays NULL. */
BP_INLINE real *row_of(bp_mat m, size_t r)
{
    return m.p ? (real *)m.p + r * m.ld : NULL;
}
BP_INLINE const real *crow_of(bp_cmat m, size_t r)
{
    return m.p ? (const real *)m.p + r * m.ld : NULL;
}
BP_INLINE const real *orow_of(bp_operand m, size_t r)
{
    return (const real *)m.p + r * m.ld;
}

/* Whether t is the number of one of `classes` classes; guards every use of a target as an index. */
BP_INLINE bool class_is_valid(real t, size_t classes)
{
    return t >= 0 && t < (real)classes;
}

/* Dropout keeps a word w when w >= rate 2^32, that is when all or w > above. */
typedef struct dropout_rule {
    uint32_t above;
    bool all;
    real scale; /* 1 / (1 - rate) */
} dropout_rule;

BP_INLINE dropout_rule dropout_rule_of(double rate)
{
    uint64_t least = (uint64_t)ceil(rate * 4294967296.0); /* smallest kept word, up to 2^32 */
    dropout_rule rule = {(uint32_t)(least - 1), least == 0, (real)(1.0 / (1.0 - rate))};
    return rule;
}

/* bp_update in the element type, with what the rules use ready made. */
typedef struct update_coef {
    real scale, clip, l2, l1; /* g' = clamp(scale g, clip) + l2 w + l1 sign(w) */
    real keep;                /* 1 - decay */
    real lr, momentum, gain;  /* gain = 1 - dampening */
    real beta1, rest1, beta2, rest2, eps;
    real step, root; /* Adam: lr / bias1, 1 / sqrt(bias2) */
    bool nesterov, first_step;
} update_coef;

BP_INLINE update_coef update_coef_of(const bp_update *u)
{
    update_coef c;
    c.scale = (real)u->scale;
    c.clip = u->clip > 0 ? (real)u->clip : (real)INFINITY;
    c.l2 = (real)u->l2;
    c.l1 = (real)u->l1;
    c.keep = (real)(1.0 - u->decay);
    c.lr = (real)u->lr;
    c.momentum = (real)u->momentum;
    c.gain = (real)(1.0 - u->dampening);
    c.beta1 = (real)u->beta1;
    c.rest1 = (real)(1.0 - u->beta1);
    c.beta2 = (real)u->beta2;
    c.rest2 = (real)(1.0 - u->beta2);
    c.eps = (real)u->eps;
    c.step = (real)(u->lr / u->bias1);
    c.root = (real)(1.0 / sqrt(u->bias2));
    c.nesterov = u->nesterov;
    c.first_step = u->first_step;
    return c;
}

#endif
