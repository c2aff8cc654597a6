/* loss.c - losses and their gradients: cross-entropy on logits, and the element-wise errors. The formulas are those of
 * plain.c; the order of a sum is that of rows.c. */
#include "kernel/vector/set.h"
#include "kernel/vector/softmax.h"

/* ---- Cross-entropy ----------------------------------------------------------------------------------------------- */

/* sum_c t ((max - x) + log_sum) */
static real distribution_loss(size_t n, const real *t, const real *x, real max, real log_sum)
{
    const vec m = v_set(max), l = v_set(log_sum);
    vec sum = v_set(0);
    size_t c = 0;
    for (; c + VL <= n; c += VL) {
        sum = v_fma(v_load(t + c), (m - v_load(x + c)) + l, sum);
    }
    if (c < n) { /* the lanes that are not there must not add 0 * infinity */
        sum = v_first(v_fma(v_load_n(t + c, n - c), (m - v_load_n(x + c, n - c)) + l, sum), n - c, sum);
    }
    return v_sum(sum);
}

void NAME(bp_cross_entropy)(size_t rows, size_t cols, bp_mat loss, bp_mat p, bp_cmat x, bp_operand t)
{
    for (size_t r = 0; r < rows; r++) {
        const real *xr = crow_of(x, r), *tr = orow_of(t, r);
        softmax_stats s = softmax_row(cols, row_of(p, r), xr);
        real log_sum = (real)log((double)s.sum);
        if (t.step) {
            *row_of(loss, r) = distribution_loss(cols, tr, xr, s.max, log_sum);
        } else {
            *row_of(loss, r) = class_is_valid(*tr, cols) ? (s.max - xr[(size_t)*tr]) + log_sum : (real)NAN;
        }
    }
}

/* dx = g p, and g (p - 1) in the column of the class. */
static void class_grad(size_t n, real *dx, const real *p, real t, real gr, bool accumulate)
{
    const vec gv = v_set(gr);
    size_t k = class_is_valid(t, n) ? (size_t)t : n;
    real at_class = k < n ? gr * (p[k] - 1) + (accumulate ? dx[k] : 0) : 0;
    size_t c = 0;
    for (; c + VL <= n; c += VL) {
        vec d = gv * v_load(p + c);
        v_put(dx + c, d, VL, accumulate);
    }
    if (c < n) {
        vec d = gv * v_load_n(p + c, n - c);
        v_put(dx + c, d, n - c, accumulate);
    }
    if (k < n) {
        dx[k] = at_class;
    }
}

/* dx = g (p sum t - t) */
static void distribution_grad(size_t n, real *dx, const real *p, const real *t, real gr, bool accumulate)
{
    const vec gv = v_set(gr);
    vec parts = v_set(0);
    size_t c = 0;
    for (; c + VL <= n; c += VL) {
        parts = parts + v_load(t + c);
    }
    if (c < n) {
        parts = parts + v_load_n(t + c, n - c);
    }
    const vec sum = v_set(v_sum(parts));
    for (c = 0; c + VL <= n; c += VL) {
        vec d = gv * (v_load(p + c) * sum - v_load(t + c));
        v_put(dx + c, d, VL, accumulate);
    }
    if (c < n) {
        vec d = gv * (v_load_n(p + c, n - c) * sum - v_load_n(t + c, n - c));
        v_put(dx + c, d, n - c, accumulate);
    }
}

void NAME(bp_cross_entropy_grad)(const bp_loss_grad *g)
{
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *p = crow_of(g->p, r), *t = orow_of(g->t, r);
        real gr = *crow_of(g->g, r);
        if (g->t.step) {
            distribution_grad(g->cols, dx, p, t, gr, g->accumulate);
        } else {
            class_grad(g->cols, dx, p, *t, gr, g->accumulate);
        }
    }
}

/* ---- Element-wise errors ----------------------------------------------------------------------------------------- */

BP_INLINE vec e_SQUARED(vec o, vec t, vec a)
{
    (void)a;
    return v_set(R(0.5)) * (o - t) * (o - t);
}
BP_INLINE vec e_ABSOLUTE(vec o, vec t, vec a)
{
    (void)a;
    return v_abs(o - t);
}
BP_INLINE vec e_HUBER(vec o, vec t, vec a)
{
    const vec half = v_set(R(0.5));
    vec d = v_abs(o - t);
    return v_select(v_gt(d, a), a * (d - half * a), half * d * d);
}
BP_INLINE vec e_BCE(vec o, vec t, vec a)
{
    (void)a;
    return v_fnma(o, t, v_max(v_set(0), o)) + v_log1p(v_exp(v_neg(v_abs(o))));
}

/* de/do. A NaN difference stays NaN. */
BP_INLINE vec de_SQUARED(vec o, vec t, vec a)
{
    (void)a;
    return o - t;
}
BP_INLINE vec de_ABSOLUTE(vec o, vec t, vec a)
{
    (void)a;
    vec d = o - t;
    return v_select(v_gt(d, v_set(0)), v_set(1), v_select(v_gt(v_set(0), d), v_set(-1), d));
}
BP_INLINE vec de_HUBER(vec o, vec t, vec a)
{
    return v_min(a, v_max(v_neg(a), o - t));
}
BP_INLINE vec de_BCE(vec o, vec t, vec a)
{
    (void)a;
    return v_sigmoid(o) - t;
}

/* One output a row, packed: a vector holds rows, not columns. */
BP_INLINE void error_packed(size_t rows, real *loss, const real *o, const real *t, vec a, vec (*e)(vec, vec, vec))
{
    for (size_t r = 0; r < rows; r += VL) {
        size_t n = rows - r;
        v_store_upto(loss + r, v_set(0) + e(v_load_upto(o + r, n), v_load_upto(t + r, n), a), n);
    }
}

BP_INLINE void error_grad_packed(const bp_loss_grad *g, vec a, vec (*de)(vec, vec, vec))
{
    const real *o = g->p.p, *t = g->t.p, *gr = g->g.p;
    for (size_t r = 0; r < g->rows; r += VL) {
        size_t n = g->rows - r;
        vec d = v_load_upto(gr + r, n) * de(v_load_upto(o + r, n), v_load_upto(t + r, n), a);
        v_put((real *)g->dx.p + r, d, n, g->accumulate);
    }
}

BP_INLINE void error_each(size_t rows, size_t cols, bp_mat loss, bp_cmat o, bp_cmat t, double parameter,
                          vec (*e)(vec, vec, vec))
{
    const vec a = v_set((real)parameter);
    if (cols == 1 && loss.ld == 1 && o.ld == 1 && t.ld == 1) {
        error_packed(rows, loss.p, o.p, t.p, a, e);
        return;
    }
    for (size_t r = 0; r < rows; r++) {
        const real * or = crow_of(o, r), *tr = crow_of(t, r);
        vec sum = v_set(0);
        size_t c = 0;
        for (; c + VL <= cols; c += VL) {
            sum = sum + e(v_load(or +c), v_load(tr + c), a);
        }
        if (c < cols) {
            size_t n = cols - c;
            sum = sum + v_first(e(v_load_n(or +c, n), v_load_n(tr + c, n), a), n, v_set(0));
        }
        *row_of(loss, r) = v_sum(sum);
    }
}

BP_INLINE void error_grad_each(const bp_loss_grad *g, vec (*de)(vec, vec, vec))
{
    const vec a = v_set((real)g->a);
    if (g->cols == 1 && g->dx.ld == 1 && g->p.ld == 1 && g->t.ld == 1 && g->g.ld == 1) {
        error_grad_packed(g, a, de);
        return;
    }
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *o = crow_of(g->p, r), *t = orow_of(g->t, r);
        const vec gr = v_set(*crow_of(g->g, r));
        size_t c = 0;
        for (; c + VL <= g->cols; c += VL) {
            vec d = gr * de(v_load(o + c), v_load(t + c), a);
            v_put(dx + c, d, VL, g->accumulate);
        }
        if (c < g->cols) {
            size_t n = g->cols - c;
            vec d = gr * de(v_load_n(o + c, n), v_load_n(t + c, n), a);
            v_put(dx + c, d, n, g->accumulate);
        }
    }
}

#define X(id)                                                                                                          \
    void NAME(bp_error_##id)(size_t rows, size_t cols, bp_mat loss, bp_cmat o, bp_cmat t, double a)                    \
    {                                                                                                                  \
        error_each(rows, cols, loss, o, t, a, e_##id);                                                                 \
    }                                                                                                                  \
    void NAME(bp_error_grad_##id)(const bp_loss_grad *g)                                                               \
    {                                                                                                                  \
        error_grad_each(g, de_##id);                                                                                   \
    }
BP_ERROR_TABLE(X)
#undef X
