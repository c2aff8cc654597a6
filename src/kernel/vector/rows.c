/* rows.c - kernels that go over rows as wholes: sums, softmax, dropout, and questions about arrays.
 *
 * A sum over a row is kept in VL partial sums, element c in number c % VL, which are added by halves at the end: an order
 * that depends on the length alone. */
#include "base/random.h"
#include "kernel/vector/set.h"
#include "kernel/vector/softmax.h"

void NAME(bp_row_sum)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s)
{
    for (size_t r = 0; r < rows; r++) {
        const real *xr = crow_of(x, r);
        vec sum = v_set(0);
        size_t c = 0;
        for (; c + VL <= cols; c += VL) {
            sum = sum + v_load(xr + c);
        }
        if (c < cols) {
            sum = sum + v_load_n(xr + c, cols - c);
        }
        *row_of(y, r) = v_sum(sum) * (real)s;
    }
}

/* One vector of columns; `n` of its lanes are there. */
BP_INLINE void col_sum_one(size_t rows, size_t n, real *y, bp_cmat x, size_t c, bool accumulate)
{
    vec sum = accumulate ? v_load_upto(y + c, n) : v_set(0);
    for (size_t r = 0; r < rows; r++) {
        sum = sum + v_load_upto(crow_of(x, r) + c, n);
    }
    v_store_n(y + c, sum, n);
}

/* Four vectors of columns at a time: their sums wait for each other no more. */
void NAME(bp_col_sum)(size_t rows, size_t cols, void *out, bp_cmat x, bool accumulate)
{
    real *y = out;
    size_t c = 0;
    for (; c + 4 * VL <= cols; c += 4 * VL) {
        vec sum[4];
        UNROLL for (int i = 0; i < 4; i++)
        {
            sum[i] = accumulate ? v_load(y + c + i * VL) : v_set(0);
        }
        for (size_t r = 0; r < rows; r++) {
            const real *xr = crow_of(x, r) + c;
            UNROLL for (int i = 0; i < 4; i++)
            {
                sum[i] = sum[i] + v_load(xr + i * VL);
            }
        }
        UNROLL for (int i = 0; i < 4; i++)
        {
            v_store(y + c + i * VL, sum[i]);
        }
    }
    for (; c < cols; c += VL) {
        col_sum_one(rows, cols - c < VL ? cols - c : VL, y, x, c, accumulate);
    }
}

void NAME(bp_softmax)(size_t rows, size_t cols, bp_mat y, bp_cmat x)
{
    for (size_t r = 0; r < rows; r++) {
        softmax_row(cols, row_of(y, r), crow_of(x, r));
    }
}

static real dot(size_t n, const real *a, const real *b)
{
    vec sum = v_set(0);
    size_t c = 0;
    for (; c + VL <= n; c += VL) {
        sum = v_fma(v_load(a + c), v_load(b + c), sum);
    }
    if (c < n) {
        sum = v_fma(v_load_n(a + c, n - c), v_load_n(b + c, n - c), sum);
    }
    return v_sum(sum);
}

void NAME(bp_softmax_grad)(const bp_map_grad *g)
{
    for (size_t r = 0; r < g->rows; r++) {
        real *dx = row_of(g->dx, r);
        const real *dy = crow_of(g->dy, r), *y = crow_of(g->y, r);
        const vec mean = v_set(dot(g->cols, dy, y));
        size_t c = 0;
        for (; c + VL <= g->cols; c += VL) {
            vec d = v_load(y + c) * (v_load(dy + c) - mean);
            v_put(dx + c, d, VL, g->accumulate);
        }
        if (c < g->cols) {
            size_t n = g->cols - c;
            vec d = v_load_n(y + c, n) * (v_load_n(dy + c, n) - mean);
            v_put(dx + c, d, n, g->accumulate);
        }
    }
}

/* ---- Dropout ----------------------------------------------------------------------------------------------------- */

enum { DROP_BLOCKS = 16, DROP_COLS = 4 * DROP_BLOCKS };

/* The words of columns 4 block .. 4 block + 63 of a row. The loop over blocks has no dependence between its turns. */
static void dropout_words(uint32_t words[DROP_COLS], const bp_drop *d, uint32_t row, uint32_t block)
{
    uint32_t plane[4][DROP_BLOCKS];
    for (uint32_t i = 0; i < DROP_BLOCKS; i++) {
        uint32_t ctr[4] = {block + i, row, d->stream[0], d->stream[1]}, out[4];
        bp_philox(out, d->key, ctr);
        plane[0][i] = out[0];
        plane[1][i] = out[1];
        plane[2][i] = out[2];
        plane[3][i] = out[3];
    }
    for (size_t i = 0; i < DROP_BLOCKS; i++) {
        for (size_t w = 0; w < 4; w++) {
            words[4 * i + w] = plane[w][i];
        }
    }
}

void NAME(bp_dropout)(const bp_drop *d)
{
    const dropout_rule rule = dropout_rule_of(d->rate);
    for (size_t r = 0; r < d->rows; r++) {
        real *y = row_of(d->y, r);
        const real *x = crow_of(d->x, r);
        for (size_t c0 = 0; c0 < d->cols; c0 += DROP_COLS) {
            uint32_t words[DROP_COLS];
            size_t n = d->cols - c0 < DROP_COLS ? d->cols - c0 : DROP_COLS;
            dropout_words(words, d, d->row0 + (uint32_t)r, (uint32_t)(c0 / 4));
            for (size_t c = 0; c < n; c++) {
                real kept = x[c0 + c] * rule.scale;
                real v = ((words[c] > rule.above) | rule.all) ? kept : 0;
                y[c0 + c] = d->accumulate ? y[c0 + c] + v : v;
            }
        }
    }
}

/* ---- Whole arrays ------------------------------------------------------------------------------------------------ */

enum { SQUARE_LANES = 32 };

/* 32 partial sums in double, added by halves; the inner loops are the compiler's to vectorise. */
double NAME(bp_sum_squares)(size_t n, const void *x)
{
    const real *p = x;
    double sum[SQUARE_LANES] = {0};
    size_t i = 0;
    for (; i + SQUARE_LANES <= n; i += SQUARE_LANES) {
        for (size_t l = 0; l < SQUARE_LANES; l++) {
            sum[l] += (double)p[i + l] * (double)p[i + l];
        }
    }
    for (size_t l = 0; i + l < n; l++) {
        sum[l] += (double)p[i + l] * (double)p[i + l];
    }
    for (size_t half = SQUARE_LANES / 2; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            sum[l] += sum[l + half];
        }
    }
    return sum[0];
}

/* 0 x is 0 for finite x, else NaN, and a sum keeps a NaN. */
bool NAME(bp_all_finite)(size_t n, const void *x)
{
    const real *p = x;
    vec sum = v_set(0);
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        sum = v_fma(v_load(p + i), v_set(0), sum);
    }
    if (i < n) {
        sum = v_fma(v_load_n(p + i, n - i), v_set(0), sum);
    }
    return v_sum(sum) == 0;
}

/* The first element that is NaN, else the first that equals the largest. Downwards: the lowest is the last found. */
size_t NAME(bp_argmax)(size_t n, const void *x)
{
    const real *p = x;
    const real max = row_largest(n, p);
    size_t best = n, nan = n;
    for (size_t i = n; i-- > 0;) {
        best = p[i] == max ? i : best;
        nan = isnan(p[i]) ? i : nan;
    }
    return nan < n ? nan : best < n ? best : 0;
}
