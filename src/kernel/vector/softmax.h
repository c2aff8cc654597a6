/* softmax.h - softmax of one row, shared by rows.c and loss.c. */
#ifndef BP_KERNEL_SOFTMAX_H
#define BP_KERNEL_SOFTMAX_H

#include "kernel/vector/vmath.h"

BP_INLINE real row_largest(size_t n, const real *x)
{
    const vec least = v_set(-(real)INFINITY);
    vec max = least;
    size_t c = 0;
    for (; c + VL <= n; c += VL) {
        max = v_max(v_load(x + c), max);
    }
    if (c < n) {
        max = v_max(v_first(v_load_n(x + c, n - c), n - c, least), max);
    }
    return v_largest(max);
}

/* What softmax_row found: softmax_j = exp(x_j - max) / sum, logsumexp = max + log(sum). */
typedef struct softmax_stats {
    real max, sum;
} softmax_stats;

/* y = softmax(x); y may be x. A NaN among x is lost in the maximum but not in the sum. */
BP_INLINE softmax_stats softmax_row(size_t n, real *y, const real *x)
{
    softmax_stats stats;
    stats.max = row_largest(n, x);
    const vec max = v_set(stats.max);
    vec sum = v_set(0);
    size_t c = 0;
    for (; c + VL <= n; c += VL) {
        vec e = v_exp(v_load(x + c) - max);
        sum = sum + e;
        v_store(y + c, e);
    }
    if (c < n) {
        vec e = v_exp(v_load_n(x + c, n - c) - max);
        sum = sum + v_first(e, n - c, v_set(0));
        v_store_n(y + c, e, n - c);
    }
    stats.sum = v_sum(sum);
    const vec divisor = v_set(stats.sum);
    for (c = 0; c + VL <= n; c += VL) {
        v_store(y + c, v_load(y + c) / divisor);
    }
    if (c < n) {
        v_store_n(y + c, v_load_n(y + c, n - c) / divisor, n - c);
    }
    return stats;
}

#endif
