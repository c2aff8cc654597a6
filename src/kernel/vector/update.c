/* update.c - the optimizers' update rules. The formulas are those of kernel.h and plain.c.
 *
 * A rule is a function of one vector of each array; one loop carries it over the parameters. */
#include "kernel/vector/set.h"
#include "kernel/vector/simd.h"

/* One vector of parameters: w, its full gradient g, its moments. */
typedef struct lanes {
    vec w, g, m, v;
} lanes;

/* g' = clamp(scale g) + l2 w + l1 sign(w) */
BP_INLINE vec full_gradient(const update_coef *u, vec g, vec w)
{
    const vec zero = v_set(0), clip = v_set(u->clip);
    g = v_min(clip, v_max(v_neg(clip), g * v_set(u->scale)));
    vec sign = v_select(v_gt(w, zero), v_set(1), v_select(v_gt(zero, w), v_set(-1), zero));
    return v_fma(v_set(u->l1), sign, v_fma(v_set(u->l2), w, g));
}

/* w <- keep w - rate d */
BP_INLINE vec step(const update_coef *u, vec w, real rate, vec d)
{
    return v_fnma(v_set(rate), d, w * v_set(u->keep));
}

BP_INLINE void rule_SGD(const update_coef *u, lanes *x)
{
    x->w = step(u, x->w, u->lr, x->g);
}

BP_INLINE void rule_MOMENTUM(const update_coef *u, lanes *x)
{
    const vec momentum = v_set(u->momentum);
    x->m = u->first_step ? x->g : v_fma(momentum, x->m, v_set(u->gain) * x->g);
    x->w = step(u, x->w, u->lr, u->nesterov ? v_fma(momentum, x->m, x->g) : x->m);
}

BP_INLINE void rule_ADAGRAD(const update_coef *u, lanes *x)
{
    x->v = v_fma(x->g, x->g, x->v);
    x->w = step(u, x->w, u->lr, x->g / (v_sqrt(x->v) + v_set(u->eps)));
}

BP_INLINE void rule_RMSPROP(const update_coef *u, lanes *x)
{
    x->v = v_fma(v_set(u->beta2), x->v, v_set(u->rest2) * x->g * x->g);
    vec d = x->g / (v_sqrt(x->v) + v_set(u->eps));
    if (u->momentum > 0) {
        d = x->m = v_fma(v_set(u->momentum), x->m, d);
    }
    x->w = step(u, x->w, u->lr, d);
}

BP_INLINE void rule_ADAM(const update_coef *u, lanes *x)
{
    x->m = v_fma(v_set(u->beta1), x->m, v_set(u->rest1) * x->g);
    x->v = v_fma(v_set(u->beta2), x->v, v_set(u->rest2) * x->g * x->g);
    x->w = step(u, x->w, u->step, x->m / v_fma(v_sqrt(x->v), v_set(u->root), v_set(u->eps)));
}

/* One vector at position i, n of its lanes; moments that are NULL are neither read nor written. */
BP_INLINE void update_one(const update_coef *u, const bp_update_args *a, size_t i, size_t n,
                          void (*rule)(const update_coef *, lanes *))
{
    real *w = (real *)a->w + i, *m = a->m ? (real *)a->m + i : NULL, *v = a->v ? (real *)a->v + i : NULL;
    lanes x = {v_load_upto(w, n), v_load_upto((const real *)a->g + i, n), v_set(0), v_set(0)};
    x.m = m ? v_load_upto(m, n) : x.m;
    x.v = v ? v_load_upto(v, n) : x.v;
    x.g = full_gradient(u, x.g, x.w);
    rule(u, &x);
    v_store_upto(w, x.w, n);
    if (m) {
        v_store_upto(m, x.m, n);
    }
    if (v) {
        v_store_upto(v, x.v, n);
    }
}

BP_INLINE void update_each(const bp_update *update, const bp_update_args *a, bool uses_m, bool uses_v,
                           void (*rule)(const update_coef *, lanes *))
{
    const update_coef u = update_coef_of(update);
    const bp_update_args used = {a->n, a->w, a->g, uses_m ? a->m : NULL, uses_v ? a->v : NULL};
    size_t i = 0;
    for (; i + VL <= a->n; i += VL) {
        update_one(&u, &used, i, VL, rule);
    }
    if (i < a->n) {
        update_one(&u, &used, i, a->n - i, rule);
    }
}

void NAME(bp_update_SGD)(const bp_update *u, const bp_update_args *a)
{
    update_each(u, a, false, false, rule_SGD);
}
void NAME(bp_update_MOMENTUM)(const bp_update *u, const bp_update_args *a)
{
    update_each(u, a, true, false, rule_MOMENTUM);
}
void NAME(bp_update_ADAGRAD)(const bp_update *u, const bp_update_args *a)
{
    update_each(u, a, false, true, rule_ADAGRAD);
}
void NAME(bp_update_RMSPROP)(const bp_update *u, const bp_update_args *a)
{
    update_each(u, a, u->momentum > 0, true, rule_RMSPROP);
}
void NAME(bp_update_ADAM)(const bp_update *u, const bp_update_args *a)
{
    update_each(u, a, true, true, rule_ADAM);
}
