/* set.h - what the files of one vectorised set export to its table (table.c). See kernel.h for what each does. */
#ifndef BP_KERNEL_VECTOR_SET_H
#define BP_KERNEL_VECTOR_SET_H

#include "kernel/element.h"

/* gemm.c */
void NAME(bp_gemm)(const bp_gemm *g);

/* map.c */
#define X(id, formula, gradient)                                                                                       \
    void NAME(bp_map_##id)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double a);                                   \
    void NAME(bp_map_grad_##id)(const bp_map_grad *g);
BP_MAP_TABLE(X)
#undef X
#define BP_ZIP_TABLE(X) X(ADD) X(SUB) X(MUL) X(DIV)
#define X(id)           void NAME(bp_zip_##id)(size_t rows, size_t cols, bp_mat y, bp_operand x1, bp_operand x2);
BP_ZIP_TABLE(X)
#undef X
void NAME(bp_row_spread)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s, bool accumulate);
void NAME(bp_convert)(size_t cols, void *dst, const void *src, bp_type from, const bp_convert *how);

/* rows.c */
void NAME(bp_row_sum)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s);
void NAME(bp_col_sum)(size_t rows, size_t cols, void *y, bp_cmat x, bool accumulate);
void NAME(bp_softmax)(size_t rows, size_t cols, bp_mat y, bp_cmat x);
void NAME(bp_softmax_grad)(const bp_map_grad *g);
void NAME(bp_dropout)(const bp_drop *d);
double NAME(bp_sum_squares)(size_t n, const void *x);
bool NAME(bp_all_finite)(size_t n, const void *x);
size_t NAME(bp_argmax)(size_t n, const void *x);

/* loss.c */
void NAME(bp_cross_entropy)(size_t rows, size_t cols, bp_mat loss, bp_mat p, bp_cmat x, bp_operand t);
void NAME(bp_cross_entropy_grad)(const bp_loss_grad *g);
#define BP_ERROR_TABLE(X) X(SQUARED) X(ABSOLUTE) X(HUBER) X(BCE)
#define X(id)                                                                                                          \
    void NAME(bp_error_##id)(size_t rows, size_t cols, bp_mat loss, bp_cmat o, bp_cmat t, double a);                   \
    void NAME(bp_error_grad_##id)(const bp_loss_grad *g);
BP_ERROR_TABLE(X)
#undef X

/* peak.c */
double NAME(bp_fma_burst)(size_t rounds, void *out);

/* update.c */
#define BP_UPDATE_TABLE(X) X(SGD) X(MOMENTUM) X(ADAGRAD) X(RMSPROP) X(ADAM)
#define X(id)              void NAME(bp_update_##id)(const bp_update *u, const bp_update_args *a);
BP_UPDATE_TABLE(X)
#undef X

#endif
