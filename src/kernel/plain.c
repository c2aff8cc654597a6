/* plain.c - every kernel in plain C: the definition, the test oracle and the "portable" set.
 *
 * Written to be read: libm's functions, one loop a formula, no blocking, no intrinsics. Compiled once per element type
 * for the baseline CPU. Sums run from left to right. */
#include <tgmath.h> /* exp(x) is expf for float */

#include "base/random.h"
#include "kernel/element.h"
#include "kernel/sets.h"

/* ---- Maps: y = f(x) ---------------------------------------------------------------------------------------------- */

static const real SQRT_HALF = R(0.70710678118654752440); /* 1 / sqrt 2 */
static const real SQRT_TWO_OVER_PI = R(0.79788456080286535588);
static const real INV_SQRT_TWO_PI = R(0.39894228040143267794);
static const real TWO_OVER_SQRT_PI = R(1.12837916709551257390);
static const real GELU_CUBIC = R(0.044715); /* Hendrycks & Gimpel, arXiv:1606.08415 */

static inline real sigmoid(real x)
{
    real e = exp(-fabs(x)); /* never overflows */
    return (x < 0 ? e : 1) / (1 + e);
}

static inline real softplus(real x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static inline real gelu_tanh_argument(real x)
{
    return SQRT_TWO_OVER_PI * (x + GELU_CUBIC * x * x * x);
}

/* clang-format off */
static inline real f_LINEAR(real x, real a)     { (void)a; return x; }
static inline real f_SIGMOID(real x, real a)    { (void)a; return sigmoid(x); }
static inline real f_TANH(real x, real a)       { (void)a; return tanh(x); }
static inline real f_RELU(real x, real a)       { (void)a; return x < 0 ? 0 : x; }
static inline real f_LEAKY_RELU(real x, real a) { return x > 0 ? x : a * x; }
static inline real f_ELU(real x, real a)        { return x > 0 ? x : a * expm1(x); }
static inline real f_GELU(real x, real a)       { (void)a; return x / 2 * (1 + erf(x * SQRT_HALF)); }
static inline real f_GELU_TANH(real x, real a)  { (void)a; return x / 2 * (1 + tanh(gelu_tanh_argument(x))); }
static inline real f_SILU(real x, real a)       { (void)a; return x * sigmoid(x); }
static inline real f_SOFTPLUS(real x, real a)   { (void)a; return softplus(x); }
static inline real f_NEG(real x, real a)        { (void)a; return -x; }
static inline real f_EXP(real x, real a)        { (void)a; return exp(x); }
static inline real f_LOG(real x, real a)        { (void)a; return log(x); }
static inline real f_SQRT(real x, real a)       { (void)a; return sqrt(x); }
static inline real f_SQUARE(real x, real a)     { (void)a; return x * x; }
static inline real f_ERF(real x, real a)        { (void)a; return erf(x); }
static inline real f_LOG1P(real x, real a)      { (void)a; return log1p(x); }
static inline real f_EXPM1(real x, real a)      { (void)a; return expm1(x); }

/* f'(x) from x and y = f(x). */
static inline real d_LINEAR(real x, real y, real a)     { (void)x; (void)y; (void)a; return 1; }
static inline real d_SIGMOID(real x, real y, real a)    { (void)x; (void)a; return y * (1 - y); }
static inline real d_TANH(real x, real y, real a)       { (void)x; (void)a; return 1 - y * y; }
static inline real d_RELU(real x, real y, real a)       { (void)y; (void)a; return x > 0 ? 1 : 0; }
static inline real d_LEAKY_RELU(real x, real y, real a) { (void)y; return x > 0 ? 1 : a; }
static inline real d_ELU(real x, real y, real a)        { return x > 0 ? 1 : y + a; }
static inline real d_SILU(real x, real y, real a)       { (void)a; return sigmoid(x) + y * (1 - sigmoid(x)); }
static inline real d_SOFTPLUS(real x, real y, real a)   { (void)y; (void)a; return sigmoid(x); }
static inline real d_NEG(real x, real y, real a)        { (void)x; (void)y; (void)a; return -1; }
static inline real d_EXP(real x, real y, real a)        { (void)x; (void)a; return y; }
static inline real d_LOG(real x, real y, real a)        { (void)y; (void)a; return 1 / x; }
static inline real d_SQRT(real x, real y, real a)       { (void)x; (void)a; return 1 / (2 * y); }
static inline real d_SQUARE(real x, real y, real a)     { (void)y; (void)a; return 2 * x; }
static inline real d_ERF(real x, real y, real a)        { (void)y; (void)a; return TWO_OVER_SQRT_PI * exp(-x * x); }
static inline real d_LOG1P(real x, real y, real a)      { (void)y; (void)a; return 1 / (1 + x); }
static inline real d_EXPM1(real x, real y, real a)      { (void)x; (void)a; return y + 1; }
/* clang-format on */

static inline real d_GELU(real x, real y, real a)
{
    (void)y;
    (void)a;
    return (1 + erf(x * SQRT_HALF)) / 2 + x * INV_SQRT_TWO_PI * exp(-x * x / 2);
}

static inline real d_GELU_TANH(real x, real y, real a)
{
    (void)y;
    (void)a;
    real u = gelu_tanh_argument(x);
    real du = SQRT_TWO_OVER_PI * (1 + 3 * GELU_CUBIC * x * x);
    real s = sigmoid(2 * u); /* (1 + tanh u) / 2 */
    return s + 2 * x * s * sigmoid(-2 * u) * du;
}

BP_INLINE void map_each(size_t rows, size_t cols, bp_mat y, bp_cmat x, real a, real (*f)(real, real))
{
    for (size_t r = 0; r < rows; r++) {
        real *yr = row_of(y, r);
        const real *xr = crow_of(x, r);
        for (size_t c = 0; c < cols; c++) {
            yr[c] = f(xr[c], a);
        }
    }
}

/* Where x or y is absent the other stands in: the formula does not use it, or only its sign. */
BP_INLINE void map_grad_each(const bp_map_grad *g, real (*derivative)(real, real, real))
{
    real a = (real)g->a;
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *dy = crow_of(g->dy, r);
        const real *x = g->x.p ? crow_of(g->x, r) : g->y.p ? crow_of(g->y, r) : dy;
        const real *y = g->y.p ? crow_of(g->y, r) : x;
        for (size_t c = 0; c < g->cols; c++) {
            real d = dy[c] * derivative(x[c], y[c], a);
            dx[c] = g->accumulate ? dx[c] + d : d;
        }
    }
}

#define X(id, formula, gradient)                                                                                       \
    static void map_##id(size_t rows, size_t cols, bp_mat y, bp_cmat x, double a)                                      \
    {                                                                                                                  \
        map_each(rows, cols, y, x, (real)a, f_##id);                                                                   \
    }                                                                                                                  \
    static void map_grad_##id(const bp_map_grad *g)                                                                    \
    {                                                                                                                  \
        map_grad_each(g, d_##id);                                                                                      \
    }
BP_MAP_TABLE(X)
#undef X

/* ---- GEMM -------------------------------------------------------------------------------------------------------- */

/* c[j] += sum over p of a(i,p) b(p,j), p ascending in every element; a(i,p) is a[p * step]. */
static void gemm_row(real *c, const real *a, size_t step, bp_cmat b, size_t n, size_t k)
{
    for (size_t p = 0; p < k; p++) {
        const real *bp = crow_of(b, p);
        real ap = a[p * step];
        for (size_t j = 0; j < n; j++) {
            c[j] += ap * bp[j];
        }
    }
}

/* The same for b transposed. */
static void gemm_row_nt(real *c, const real *a, bp_cmat b, size_t n, size_t k)
{
    for (size_t j = 0; j < n; j++) {
        const real *bj = crow_of(b, j);
        real sum = c[j];
        for (size_t p = 0; p < k; p++) {
            sum += a[p] * bj[p];
        }
        c[j] = sum;
    }
}

static void gemm(const bp_gemm *g)
{
    const real *bias = g->bias;
    for (size_t i = 0; i < g->m; i++) {
        real *c = row_of(g->c, i);
        real *z = row_of(g->z, i);
        for (size_t j = 0; j < g->n && !g->accumulate; j++) {
            c[j] = 0;
        }
        switch (g->form) {
        case BP_GEMM_NN:
            gemm_row(c, crow_of(g->a, i), 1, g->b, g->n, g->k);
            break;
        case BP_GEMM_NT:
            gemm_row_nt(c, crow_of(g->a, i), g->b, g->n, g->k);
            break;
        case BP_GEMM_TN:
            gemm_row(c, (const real *)g->a.p + i, g->a.ld, g->b, g->n, g->k);
            break;
        }
        for (size_t j = 0; j < g->n; j++) {
            c[j] = bias ? c[j] + bias[j] : c[j];
            if (z) {
                z[j] = c[j];
            }
        }
        NAME(bp_kernels).map[g->map](1, g->n, (bp_mat){c, 0}, (bp_cmat){c, 0}, g->map_a);
    }
}

/* ---- Functions of two variables, sums ---------------------------------------------------------------------------- */

static inline real zip_one_ADD(real a, real b)
{
    return a + b;
}
static inline real zip_one_SUB(real a, real b)
{
    return a - b;
}
static inline real zip_one_MUL(real a, real b)
{
    return a * b;
}
static inline real zip_one_DIV(real a, real b)
{
    return a / b;
}

BP_INLINE void zip_each(size_t rows, size_t cols, bp_mat y, bp_operand x1, bp_operand x2, real (*f)(real, real))
{
    for (size_t r = 0; r < rows; r++) {
        real *yr = row_of(y, r);
        const real *a = orow_of(x1, r), *b = orow_of(x2, r);
        for (size_t c = 0; c < cols; c++) {
            yr[c] = f(a[c * x1.step], b[c * x2.step]);
        }
    }
}

#define ZIP(id)                                                                                                        \
    static void zip_##id(size_t rows, size_t cols, bp_mat y, bp_operand x1, bp_operand x2)                             \
    {                                                                                                                  \
        zip_each(rows, cols, y, x1, x2, zip_one_##id);                                                                 \
    }
ZIP(ADD)
ZIP(SUB)
ZIP(MUL)
ZIP(DIV)

static void row_sum(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s)
{
    for (size_t r = 0; r < rows; r++) {
        const real *xr = crow_of(x, r);
        real sum = 0;
        for (size_t c = 0; c < cols; c++) {
            sum += xr[c];
        }
        *row_of(y, r) = sum * (real)s;
    }
}

static void col_sum(size_t rows, size_t cols, void *y, bp_cmat x, bool accumulate)
{
    real *sum = y;
    for (size_t c = 0; c < cols && !accumulate; c++) {
        sum[c] = 0;
    }
    for (size_t r = 0; r < rows; r++) {
        const real *xr = crow_of(x, r);
        for (size_t c = 0; c < cols; c++) {
            sum[c] += xr[c];
        }
    }
}

static void row_spread(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s, bool accumulate)
{
    for (size_t r = 0; r < rows; r++) {
        real *yr = row_of(y, r);
        real v = *crow_of(x, r) * (real)s;
        for (size_t c = 0; c < cols; c++) {
            yr[c] = accumulate ? yr[c] + v : v;
        }
    }
}

/* ---- Softmax and losses ------------------------------------------------------------------------------------------ */

/* logsumexp(x) = max + log_sum. Kept apart: a loss is a small difference of x and max. */
typedef struct softmax_stats {
    real max, log_sum;
} softmax_stats;

/* y = softmax(x) */
static softmax_stats softmax_row(size_t n, real *y, const real *x)
{
    real max = -(real)INFINITY, sum = 0;
    for (size_t c = 0; c < n; c++) {
        max = x[c] > max ? x[c] : max;
    }
    for (size_t c = 0; c < n; c++) {
        y[c] = exp(x[c] - max);
        sum += y[c];
    }
    for (size_t c = 0; c < n; c++) {
        y[c] /= sum;
    }
    return (softmax_stats){max, log(sum)};
}

static void softmax(size_t rows, size_t cols, bp_mat y, bp_cmat x)
{
    for (size_t r = 0; r < rows; r++) {
        softmax_row(cols, row_of(y, r), crow_of(x, r));
    }
}

static void softmax_grad(const bp_map_grad *g)
{
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *dy = crow_of(g->dy, r), *y = crow_of(g->y, r);
        real dot = 0;
        for (size_t c = 0; c < g->cols; c++) {
            dot += dy[c] * y[c];
        }
        for (size_t c = 0; c < g->cols; c++) {
            real d = y[c] * (dy[c] - dot);
            dx[c] = g->accumulate ? dx[c] + d : d;
        }
    }
}

static void cross_entropy(size_t rows, size_t cols, bp_mat loss, bp_mat p, bp_cmat x, bp_operand t)
{
    for (size_t r = 0; r < rows; r++) {
        const real *xr = crow_of(x, r), *tr = orow_of(t, r);
        softmax_stats s = softmax_row(cols, row_of(p, r), xr);
        real sum = 0;
        if (t.step == 0) {
            sum = class_is_valid(*tr, cols) ? (s.max - xr[(size_t)*tr]) + s.log_sum : (real)NAN;
        } else {
            for (size_t c = 0; c < cols; c++) {
                sum += tr[c] * ((s.max - xr[c]) + s.log_sum);
            }
        }
        *row_of(loss, r) = sum;
    }
}

static void cross_entropy_grad(const bp_loss_grad *g)
{
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *p = crow_of(g->p, r), *t = orow_of(g->t, r);
        real gr = *crow_of(g->g, r);
        real sum = g->t.step ? 0 : 1; /* a class target is a distribution of sum 1 */
        for (size_t c = 0; c < g->cols && g->t.step; c++) {
            sum += t[c];
        }
        for (size_t c = 0; c < g->cols; c++) {
            real tc = g->t.step ? t[c] : (real)c == *t ? 1 : 0;
            real d = gr * (p[c] * sum - tc);
            dx[c] = g->accumulate ? dx[c] + d : d;
        }
    }
}

static inline real e_SQUARED(real o, real t, real a)
{
    (void)a;
    return (o - t) * (o - t) / 2;
}
static inline real e_ABSOLUTE(real o, real t, real a)
{
    (void)a;
    return fabs(o - t);
}
static inline real e_HUBER(real o, real t, real a)
{
    real d = fabs(o - t);
    return d > a ? a * (d - a / 2) : d * d / 2;
}
static inline real e_BCE(real o, real t, real a)
{
    (void)a;
    return (o < 0 ? 0 : o) - o * t + log1p(exp(-fabs(o)));
}

/* de/do */
static inline real de_SQUARED(real o, real t, real a)
{
    (void)a;
    return o - t;
}
static inline real de_ABSOLUTE(real o, real t, real a)
{
    (void)a;
    real d = o - t;
    return d > 0 ? 1 : d < 0 ? -1 : d;
}
static inline real de_HUBER(real o, real t, real a)
{
    real d = o - t;
    return d > a ? a : d < -a ? -a : d;
}
static inline real de_BCE(real o, real t, real a)
{
    (void)a;
    return sigmoid(o) - t;
}

BP_INLINE void error_each(size_t rows, size_t cols, bp_mat loss, bp_cmat o, bp_cmat t, real a,
                          real (*e)(real, real, real))
{
    for (size_t r = 0; r < rows; r++) {
        const real * or = crow_of(o, r), *tr = crow_of(t, r);
        real sum = 0;
        for (size_t c = 0; c < cols; c++) {
            sum += e(or [c], tr[c], a);
        }
        *row_of(loss, r) = sum;
    }
}

BP_INLINE void error_grad_each(const bp_loss_grad *g, real (*de)(real, real, real))
{
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *o = crow_of(g->p, r), *t = orow_of(g->t, r);
        real gr = *crow_of(g->g, r);
        for (size_t c = 0; c < g->cols; c++) {
            real d = gr * de(o[c], t[c], (real)g->a);
            dx[c] = g->accumulate ? dx[c] + d : d;
        }
    }
}

#define ERROR(id)                                                                                                      \
    static void error_##id(size_t rows, size_t cols, bp_mat loss, bp_cmat o, bp_cmat t, double a)                      \
    {                                                                                                                  \
        error_each(rows, cols, loss, o, t, (real)a, e_##id);                                                           \
    }                                                                                                                  \
    static void error_grad_##id(const bp_loss_grad *g)                                                                 \
    {                                                                                                                  \
        error_grad_each(g, de_##id);                                                                                   \
    }
ERROR(SQUARED)
ERROR(ABSOLUTE)
ERROR(HUBER)
ERROR(BCE)

/* ---- Dropout, conversion ----------------------------------------------------------------------------------------- */

static void dropout(const bp_drop *d)
{
    dropout_rule rule = dropout_rule_of(d->rate);
    for (size_t r = 0; r < d->rows; r++) {
        real *y = row_of(d->y, r);
        const real *x = crow_of(d->x, r);
        uint32_t word[4] = {0};
        for (size_t c = 0; c < d->cols; c++) {
            if (c % 4 == 0) {
                uint32_t ctr[4] = {(uint32_t)(c / 4), d->row0 + (uint32_t)r, d->stream[0], d->stream[1]};
                bp_philox(word, d->key, ctr);
            }
            real v = rule.all || word[c % 4] > rule.above ? x[c] * rule.scale : 0;
            y[c] = d->accumulate ? y[c] + v : v;
        }
    }
}

static real element_at(const void *src, bp_type type, size_t i)
{
    switch (type) {
    case BP_F32:
        return (real)((const float *)src)[i];
    case BP_F64:
        return (real)((const double *)src)[i];
    case BP_U8:
        return (real)((const uint8_t *)src)[i];
    case BP_I8:
        return (real)((const int8_t *)src)[i];
    case BP_I16:
        return (real)((const int16_t *)src)[i];
    case BP_I32:
        return (real)((const int32_t *)src)[i];
    default:
        return (real)NAN;
    }
}

static void convert(size_t cols, void *dst, const void *src, bp_type from, const bp_convert *how)
{
    real *y = dst;
    for (size_t c = 0; c < cols; c++) {
        real mean = how->mean ? (real)how->mean[c * how->step] : 0;
        real scale = how->scale ? (real)how->scale[c * how->step] : 1;
        y[c] = (element_at(src, from, c) - mean) * scale;
    }
}

/* ---- Optimizers -------------------------------------------------------------------------------------------------- */

/* g' = clamp(scale g) + l2 w + l1 sign(w) */
static inline real full_gradient(const update_coef *u, real g, real w)
{
    g *= u->scale;
    g = g > u->clip ? u->clip : g < -u->clip ? -u->clip : g;
    return g + u->l2 * w + u->l1 * (real)((w > 0) - (w < 0));
}

static void update_sgd(const bp_update *update, const bp_update_args *a)
{
    update_coef u = update_coef_of(update);
    real *w = a->w;
    const real *g = a->g;
    for (size_t i = 0; i < a->n; i++) {
        w[i] = w[i] * u.keep - u.lr * full_gradient(&u, g[i], w[i]);
    }
}

static void update_momentum(const bp_update *update, const bp_update_args *a)
{
    update_coef u = update_coef_of(update);
    real *w = a->w, *m = a->m;
    const real *g = a->g;
    for (size_t i = 0; i < a->n; i++) {
        real gi = full_gradient(&u, g[i], w[i]);
        m[i] = u.first_step ? gi : u.momentum * m[i] + u.gain * gi;
        w[i] = w[i] * u.keep - u.lr * (u.nesterov ? gi + u.momentum * m[i] : m[i]);
    }
}

static void update_adagrad(const bp_update *update, const bp_update_args *a)
{
    update_coef u = update_coef_of(update);
    real *w = a->w, *v = a->v;
    const real *g = a->g;
    for (size_t i = 0; i < a->n; i++) {
        real gi = full_gradient(&u, g[i], w[i]);
        v[i] += gi * gi;
        w[i] = w[i] * u.keep - u.lr * (gi / (sqrt(v[i]) + u.eps));
    }
}

static void update_rmsprop(const bp_update *update, const bp_update_args *a)
{
    update_coef u = update_coef_of(update);
    real *w = a->w, *m = a->m, *v = a->v;
    const real *g = a->g;
    for (size_t i = 0; i < a->n; i++) {
        real gi = full_gradient(&u, g[i], w[i]);
        v[i] = u.beta2 * v[i] + u.rest2 * gi * gi;
        real d = gi / (sqrt(v[i]) + u.eps);
        if (u.momentum > 0) {
            d = m[i] = u.momentum * m[i] + d;
        }
        w[i] = w[i] * u.keep - u.lr * d;
    }
}

static void update_adam(const bp_update *update, const bp_update_args *a)
{
    update_coef u = update_coef_of(update);
    real *w = a->w, *m = a->m, *v = a->v;
    const real *g = a->g;
    for (size_t i = 0; i < a->n; i++) {
        real gi = full_gradient(&u, g[i], w[i]);
        m[i] = u.beta1 * m[i] + u.rest1 * gi;
        v[i] = u.beta2 * v[i] + u.rest2 * gi * gi;
        w[i] = w[i] * u.keep - u.step * (m[i] / (sqrt(v[i]) * u.root + u.eps));
    }
}

/* ---- Whole-array questions --------------------------------------------------------------------------------------- */

static double sum_squares(size_t n, const void *x)
{
    const real *p = x;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)p[i] * (double)p[i];
    }
    return sum;
}

static bool all_finite(size_t n, const void *x)
{
    const real *p = x;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(p[i])) {
            return false;
        }
    }
    return true;
}

static size_t argmax(size_t n, const void *x)
{
    const real *p = x;
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i])) {
            return i;
        }
        best = p[i] > p[best] ? i : best;
    }
    return best;
}

/* ---- The limit --------------------------------------------------------------------------------------------------- */

/* Packets are as wide as the registers of the baseline CPU, which has 16 of them or more. */
typedef real packet __attribute__((vector_size(16)));
enum { CHAINS = 12, PACKET = 16 / sizeof(real) };

static double fma_burst(size_t rounds, void *out)
{
    packet sum[CHAINS], all = {0}, x = all + R(0.999), y = all + R(0.001);
    for (int i = 0; i < CHAINS; i++) {
        sum[i] = all + (real)i;
    }
    for (size_t r = 0; r < rounds; r++) {
        for (int i = 0; i < CHAINS; i++) {
            sum[i] = sum[i] * x + y;
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        all = all + sum[i];
    }
    real total = 0;
    for (size_t i = 0; i < PACKET; i++) {
        total += all[i];
    }
    *(real *)out = total;
    return 2.0 * (double)rounds * CHAINS * PACKET;
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

const bp_kernels NAME(bp_kernels) = {
    .name = "portable",
    .type = BP_REAL_TYPE,
    .gemm = gemm,
#define X(id, formula, gradient) [BP_MAP_##id] = map_##id,
    .map = {BP_MAP_TABLE(X)},
#undef X
#define X(id, formula, gradient) [BP_MAP_##id] = map_grad_##id,
    .map_grad = {BP_MAP_TABLE(X)},
#undef X
    .zip = {zip_ADD, zip_SUB, zip_MUL, zip_DIV},
    .row_sum = row_sum,
    .col_sum = col_sum,
    .row_spread = row_spread,
    .softmax = softmax,
    .softmax_grad = softmax_grad,
    .cross_entropy = cross_entropy,
    .cross_entropy_grad = cross_entropy_grad,
    .error = {error_SQUARED, error_ABSOLUTE, error_HUBER, error_BCE},
    .error_grad = {error_grad_SQUARED, error_grad_ABSOLUTE, error_grad_HUBER, error_grad_BCE},
    .dropout = dropout,
    .convert = convert,
    .update = {update_sgd, update_momentum, update_adagrad, update_rmsprop, update_adam},
    .sum_squares = sum_squares,
    .all_finite = all_finite,
    .argmax = argmax,
    .fma_burst = fma_burst,
};
