/* table.c - the table of one vectorised set and element type. */
#include "kernel/sets.h"
#include "kernel/vector/set.h"
#include "kernel/vector/simd.h"

const bp_kernels NAME(bp_kernels) = {
    .name = BP_SET_NAME,
    .type = BP_REAL_TYPE,
    .gemm = NAME(bp_gemm),
#define X(id, formula, gradient) [BP_MAP_##id] = NAME(bp_map_##id),
    .map = {BP_MAP_TABLE(X)},
#undef X
#define X(id, formula, gradient) [BP_MAP_##id] = NAME(bp_map_grad_##id),
    .map_grad = {BP_MAP_TABLE(X)},
#undef X
#define X(id) [BP_ZIP_##id] = NAME(bp_zip_##id),
    .zip = {BP_ZIP_TABLE(X)},
#undef X
    .row_sum = NAME(bp_row_sum),
    .col_sum = NAME(bp_col_sum),
    .row_spread = NAME(bp_row_spread),
    .softmax = NAME(bp_softmax),
    .softmax_grad = NAME(bp_softmax_grad),
    .cross_entropy = NAME(bp_cross_entropy),
    .cross_entropy_grad = NAME(bp_cross_entropy_grad),
#define X(id) [BP_ERROR_##id] = NAME(bp_error_##id),
    .error = {BP_ERROR_TABLE(X)},
#undef X
#define X(id) [BP_ERROR_##id] = NAME(bp_error_grad_##id),
    .error_grad = {BP_ERROR_TABLE(X)},
#undef X
    .dropout = NAME(bp_dropout),
    .convert = NAME(bp_convert),
#define X(id) [BP_UPDATE_##id] = NAME(bp_update_##id),
    .update = {BP_UPDATE_TABLE(X)},
#undef X
    .sum_squares = NAME(bp_sum_squares),
    .all_finite = NAME(bp_all_finite),
    .argmax = NAME(bp_argmax),
    .fma_burst = NAME(bp_fma_burst),
};
