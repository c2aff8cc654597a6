/* map.c - element-wise functions: maps, their gradients, functions of two variables, broadcasting and conversion.
 *
 * Each formula is a function of vectors; a handful of loops carry them over matrices. The formulas are those of plain.c. */
#include "kernel/vector/set.h"
#include "kernel/vector/vmath.h"

/* ---- Formulas ---------------------------------------------------------------------------------------------------- */

static const real SQRT_HALF = R(0.70710678118654752440);
static const real SQRT_TWO_OVER_PI = R(0.79788456080286535588);
static const real INV_SQRT_TWO_PI = R(0.39894228040143267794);
static const real TWO_OVER_SQRT_PI = R(1.12837916709551257390);
static const real GELU_CUBIC = R(0.044715);

BP_INLINE vec positive(vec x, vec yes, vec no)
{
    return v_select(v_gt(x, v_set(0)), yes, no);
}

/* Phi(x), the normal distribution function. */
BP_INLINE vec normal_cdf(vec x)
{
    return v_fma(v_set(R(0.5)), v_erf(x * v_set(SQRT_HALF)), v_set(R(0.5)));
}

/* 2u of the tanh approximation: (1 + tanh u) / 2 = sigmoid(2u). */
BP_INLINE vec gelu_tanh_argument(vec x)
{
    return v_set(2 * SQRT_TWO_OVER_PI) * v_fma(v_set(GELU_CUBIC) * x * x, x, x);
}

/* clang-format off */
BP_INLINE vec f_LINEAR(vec x, vec a)     { (void)a; return x; }
BP_INLINE vec f_SIGMOID(vec x, vec a)    { (void)a; return v_sigmoid(x); }
BP_INLINE vec f_TANH(vec x, vec a)       { (void)a; return v_tanh(x); }
BP_INLINE vec f_RELU(vec x, vec a)       { (void)a; return v_max(v_set(0), x); }
BP_INLINE vec f_LEAKY_RELU(vec x, vec a) { return positive(x, x, a * x); }
BP_INLINE vec f_ELU(vec x, vec a)        { return positive(x, x, a * v_expm1(x)); }
BP_INLINE vec f_GELU(vec x, vec a)       { (void)a; return x * normal_cdf(x); }
BP_INLINE vec f_GELU_TANH(vec x, vec a)  { (void)a; return x * v_sigmoid(gelu_tanh_argument(x)); }
BP_INLINE vec f_SILU(vec x, vec a)       { (void)a; return x * v_sigmoid(x); }
BP_INLINE vec f_SOFTPLUS(vec x, vec a)   { (void)a; return positive(x, x, v_set(0)) + v_log1p(v_exp(v_neg(v_abs(x)))); }
BP_INLINE vec f_NEG(vec x, vec a)        { (void)a; return v_neg(x); }
BP_INLINE vec f_EXP(vec x, vec a)        { (void)a; return v_exp(x); }
BP_INLINE vec f_LOG(vec x, vec a)        { (void)a; return v_log(x); }
BP_INLINE vec f_SQRT(vec x, vec a)       { (void)a; return v_sqrt(x); }
BP_INLINE vec f_SQUARE(vec x, vec a)     { (void)a; return x * x; }
BP_INLINE vec f_ERF(vec x, vec a)        { (void)a; return v_erf(x); }
BP_INLINE vec f_LOG1P(vec x, vec a)      { (void)a; return v_log1p(x); }
BP_INLINE vec f_EXPM1(vec x, vec a)      { (void)a; return v_expm1(x); }

/* f'(x) from x and y = f(x). */
BP_INLINE vec d_LINEAR(vec x, vec y, vec a)     { (void)x; (void)y; (void)a; return v_set(1); }
BP_INLINE vec d_SIGMOID(vec x, vec y, vec a)    { (void)x; (void)a; return y * (v_set(1) - y); }
BP_INLINE vec d_TANH(vec x, vec y, vec a)       { (void)x; (void)a; return v_fnma(y, y, v_set(1)); }
BP_INLINE vec d_RELU(vec x, vec y, vec a)       { (void)y; (void)a; return positive(x, v_set(1), v_set(0)); }
BP_INLINE vec d_LEAKY_RELU(vec x, vec y, vec a) { (void)y; return positive(x, v_set(1), a); }
BP_INLINE vec d_ELU(vec x, vec y, vec a)        { return positive(x, v_set(1), y + a); }
BP_INLINE vec d_SOFTPLUS(vec x, vec y, vec a)   { (void)y; (void)a; return v_sigmoid(x); }
BP_INLINE vec d_NEG(vec x, vec y, vec a)        { (void)x; (void)y; (void)a; return v_set(-1); }
BP_INLINE vec d_EXP(vec x, vec y, vec a)        { (void)x; (void)a; return y; }
BP_INLINE vec d_LOG(vec x, vec y, vec a)        { (void)y; (void)a; return v_set(1) / x; }
BP_INLINE vec d_SQRT(vec x, vec y, vec a)       { (void)x; (void)a; return v_set(1) / (v_set(2) * y); }
BP_INLINE vec d_SQUARE(vec x, vec y, vec a)     { (void)y; (void)a; return v_set(2) * x; }
BP_INLINE vec d_ERF(vec x, vec y, vec a)        { (void)y; (void)a; return v_set(TWO_OVER_SQRT_PI) * v_exp(v_neg(x * x)); }
BP_INLINE vec d_LOG1P(vec x, vec y, vec a)      { (void)y; (void)a; return v_set(1) / (v_set(1) + x); }
BP_INLINE vec d_EXPM1(vec x, vec y, vec a)      { (void)x; (void)a; return y + v_set(1); }
/* clang-format on */

BP_INLINE vec d_SILU(vec x, vec y, vec a)
{
    (void)a;
    vec s = v_sigmoid(x);
    return v_fma(y, v_set(1) - s, s);
}

BP_INLINE vec d_GELU(vec x, vec y, vec a)
{
    (void)y;
    (void)a;
    vec density = v_set(INV_SQRT_TWO_PI) * v_exp(v_set(R(-0.5)) * x * x);
    return v_fma(x, density, normal_cdf(x));
}

/* s + x s (1 - s) 2u', s = sigmoid(2u). With e = e^-|2u|, s (1 - s) = e / (1 + e)^2, without cancellation. */
BP_INLINE vec d_GELU_TANH(vec x, vec y, vec a)
{
    (void)y;
    (void)a;
    vec u = gelu_tanh_argument(x);
    vec du = v_set(2 * SQRT_TWO_OVER_PI) * v_fma(v_set(3 * GELU_CUBIC) * x, x, v_set(1));
    vec e = v_exp(v_neg(v_abs(u)));
    vec part = v_set(1) / (v_set(1) + e);
    vec s = positive(u, part, e * part);
    return v_fma(x * (e * part * part), du, s);
}

/* ---- Loops ------------------------------------------------------------------------------------------------------- */

BP_INLINE void map_each(size_t rows, size_t cols, bp_mat y, bp_cmat x, double parameter, vec (*f)(vec, vec))
{
    const vec a = v_set((real)parameter);
    if (y.ld == cols && x.ld == cols) { /* no gaps: one long row */
        cols *= rows;
        rows = 1;
    }
    for (size_t r = 0; r < rows; r++) {
        real *yr = row_of(y, r);
        const real *xr = crow_of(x, r);
        size_t c = 0;
        for (; c + VL <= cols; c += VL) {
            v_store(yr + c, f(v_load(xr + c), a));
        }
        if (c < cols) {
            v_store_n(yr + c, f(v_load_n(xr + c, cols - c), a), cols - c);
        }
    }
}

/* Whether the rows of all operands follow each other without gaps. */
BP_INLINE bool grad_is_packed(const bp_map_grad *g)
{
    return g->dx.ld == g->cols && g->dy.ld == g->cols && (!g->x.p || g->x.ld == g->cols) &&
           (!g->y.p || g->y.ld == g->cols);
}

BP_INLINE void map_grad_each(const bp_map_grad *g, vec (*derivative)(vec, vec, vec))
{
    const vec a = v_set((real)g->a);
    const bool packed = grad_is_packed(g);
    const size_t rows = packed ? 1 : g->rows, cols = packed ? g->rows * g->cols : g->cols;
    for (size_t r = 0; r < rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *dy = crow_of(g->dy, r);
        const real *x = g->x.p ? crow_of(g->x, r) : g->y.p ? crow_of(g->y, r) : dy;
        const real *y = g->y.p ? crow_of(g->y, r) : x;
        size_t c = 0;
        for (; c + VL <= cols; c += VL) {
            vec d = v_load(dy + c) * derivative(v_load(x + c), v_load(y + c), a);
            v_put(dx + c, d, VL, g->accumulate);
        }
        if (c < cols) {
            size_t n = cols - c;
            vec d = v_load_n(dy + c, n) * derivative(v_load_n(x + c, n), v_load_n(y + c, n), a);
            v_put(dx + c, d, n, g->accumulate);
        }
    }
}

#define X(id, formula, gradient)                                                                                       \
    void NAME(bp_map_##id)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double a)                                    \
    {                                                                                                                  \
        map_each(rows, cols, y, x, a, f_##id);                                                                         \
    }                                                                                                                  \
    void NAME(bp_map_grad_##id)(const bp_map_grad *g)                                                                  \
    {                                                                                                                  \
        map_grad_each(g, d_##id);                                                                                      \
    }
BP_MAP_TABLE(X)
#undef X

/* ---- Two variables ----------------------------------------------------------------------------------------------- */

BP_INLINE vec zip_one_ADD(vec a, vec b)
{
    return a + b;
}
BP_INLINE vec zip_one_SUB(vec a, vec b)
{
    return a - b;
}
BP_INLINE vec zip_one_MUL(vec a, vec b)
{
    return a * b;
}
BP_INLINE vec zip_one_DIV(vec a, vec b)
{
    return a / b;
}

/* The operand's lanes from column c on, n of them. */
BP_INLINE vec operand_at(const real *p, size_t step, size_t c, size_t n)
{
    return step ? v_load_upto(p + c, n) : v_set(*p);
}

BP_INLINE void zip_each(size_t rows, size_t cols, bp_mat y, bp_operand x1, bp_operand x2, vec (*f)(vec, vec))
{
    for (size_t r = 0; r < rows && cols > 0; r++) {
        real *yr = row_of(y, r);
        const real *a = orow_of(x1, r), *b = orow_of(x2, r);
        size_t c = 0;
        for (; c + VL <= cols; c += VL) {
            v_store(yr + c, f(operand_at(a, x1.step, c, VL), operand_at(b, x2.step, c, VL)));
        }
        if (c < cols) {
            size_t n = cols - c;
            v_store_n(yr + c, f(operand_at(a, x1.step, c, n), operand_at(b, x2.step, c, n)), n);
        }
    }
}

#define X(id)                                                                                                          \
    void NAME(bp_zip_##id)(size_t rows, size_t cols, bp_mat y, bp_operand x1, bp_operand x2)                           \
    {                                                                                                                  \
        zip_each(rows, cols, y, x1, x2, zip_one_##id);                                                                 \
    }
BP_ZIP_TABLE(X)
#undef X

void NAME(bp_row_spread)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s, bool accumulate)
{
    for (size_t r = 0; r < rows; r++) {
        real *yr = row_of(y, r);
        vec v = v_set(*crow_of(x, r) * (real)s);
        size_t c = 0;
        for (; c + VL <= cols; c += VL) {
            v_put(yr + c, v, VL, accumulate);
        }
        if (c < cols) {
            v_put(yr + c, v, cols - c, accumulate);
        }
    }
}

/* ---- Conversion -------------------------------------------------------------------------------------------------- */

/* Left to the compiler's vectoriser: independent lanes, no multiplication followed by an addition. */
#define CONVERT(id, source)                                                                                            \
    static void convert_##id(size_t cols, real *restrict y, const source *restrict x, const bp_convert *how)           \
    {                                                                                                                  \
        if (how->step == 0 || (!how->mean && !how->scale)) {                                                           \
            const real mean = how->mean ? (real)how->mean[0] : 0;                                                      \
            const real scale = how->scale ? (real)how->scale[0] : 1;                                                   \
            for (size_t c = 0; c < cols; c++) {                                                                        \
                y[c] = ((real)x[c] - mean) * scale;                                                                    \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t c = 0; c < cols; c++) {                                                                            \
            const real mean = how->mean ? (real)how->mean[c] : 0;                                                      \
            const real scale = how->scale ? (real)how->scale[c] : 1;                                                   \
            y[c] = ((real)x[c] - mean) * scale;                                                                        \
        }                                                                                                              \
    }
CONVERT(f32, float)
CONVERT(f64, double)
CONVERT(u8, uint8_t)
CONVERT(i8, int8_t)
CONVERT(i16, int16_t)
CONVERT(i32, int32_t)

void NAME(bp_convert)(size_t cols, void *dst, const void *src, bp_type from, const bp_convert *how)
{
    switch (from) {
    case BP_F32:
        convert_f32(cols, dst, src, how);
        break;
    case BP_F64:
        convert_f64(cols, dst, src, how);
        break;
    case BP_U8:
        convert_u8(cols, dst, src, how);
        break;
    case BP_I8:
        convert_i8(cols, dst, src, how);
        break;
    case BP_I16:
        convert_i16(cols, dst, src, how);
        break;
    case BP_I32:
        convert_i32(cols, dst, src, how);
        break;
    default:
        break;
    }
}
