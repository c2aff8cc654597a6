/* kernel.h - arithmetic on plain arrays, chosen once by looking at the CPU.
 *
 * A kernel knows nothing of graphs, allocates nothing and starts no thread. All matrices are row-major; `ld` is the
 * distance between the starts of two rows, in elements. A kernel reads and writes exactly rows x cols elements and never
 * touches what lies between cols and ld. Unless stated otherwise outputs do not overlap inputs.
 *
 * The promise on which the whole library rests: **the bits of an output element depend on the values it is computed from
 * and on nothing else** - not on the number of rows in the call, on the position of the element in a tile, vector or
 * tail, or on alignment. For GEMM that means one chain of multiply-adds per element of C, k ascending, whatever the tile;
 * for sums one fixed order that depends on the length alone. (Sign and payload of a NaN excepted.) With accumulate the
 * chain starts at C, so that a product summed in pieces of k has the bits of the whole. Results may differ between
 * instruction sets in the last bits.
 *
 * Every kernel exists twice: in plain.c, written to be read, compiled for the baseline CPU - the definition, the test
 * oracle and the "portable" kernel set - and in the vectorised sources, compiled once per instruction set and type.
 */
#ifndef BP_KERNEL_H
#define BP_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backprop/backprop.h"

/* A matrix operand: element (r, c) of `type` is at p + r*ld + c. */
typedef struct bp_mat {
    void *p;
    size_t ld;
} bp_mat;

typedef struct bp_cmat {
    const void *p;
    size_t ld;
} bp_cmat;

/* A broadcast operand: element (r, c) is at p + r*ld + c*step. ld = 0 repeats one row, step = 0 repeats one column. */
typedef struct bp_operand {
    const void *p;
    size_t ld;
    size_t step; /* 0 or 1 */
} bp_operand;

/* Element-wise functions of one variable. X(id, formula y = f(x), derivative as used by map_grad). `a` is the
 * function's parameter where it has one. NaN goes in, NaN comes out: relu(NaN) is NaN. */
#define BP_MAP_TABLE(X)                                                                                                \
    X(LINEAR, "x", "1")                                                                                                \
    X(SIGMOID, "1 / (1 + exp(-x))", "y (1 - y)")                                                                       \
    X(TANH, "tanh(x)", "1 - y^2")                                                                                      \
    X(RELU, "max(0, x)", "x > 0 ? 1 : 0")                                                                              \
    X(LEAKY_RELU, "x > 0 ? x : a x", "x > 0 ? 1 : a")                                                                  \
    X(ELU, "x > 0 ? x : a (exp(x) - 1)", "x > 0 ? 1 : y + a")                                                          \
    X(GELU, "x/2 (1 + erf(x / sqrt 2))", "Phi(x) + x phi(x)")                                                          \
    X(GELU_TANH, "x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))", "by the product rule")                               \
    X(SILU, "x / (1 + exp(-x))", "s + y (1 - s), s = sigmoid(x)")                                                      \
    X(SOFTPLUS, "log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))", "sigmoid(x)")                                        \
    X(NEG, "-x", "-1")                                                                                                 \
    X(EXP, "exp(x)", "y")                                                                                              \
    X(LOG, "log(x)", "1 / x")                                                                                          \
    X(SQRT, "sqrt(x)", "1 / (2 y)")                                                                                    \
    X(SQUARE, "x^2", "2 x")                                                                                            \
    X(ERF, "erf(x)", "2 / sqrt(pi) exp(-x^2)")                                                                         \
    X(LOG1P, "log(1 + x)", "1 / (1 + x)")                                                                              \
    X(EXPM1, "exp(x) - 1", "y + 1")

typedef enum bp_map {
#define X(id, formula, derivative) BP_MAP_##id,
    BP_MAP_TABLE(X)
#undef X
        BP_MAPS
} bp_map;

/* Element-wise functions of two variables. */
typedef enum bp_zip { BP_ZIP_ADD, BP_ZIP_SUB, BP_ZIP_MUL, BP_ZIP_DIV, BP_ZIPS } bp_zip;

/* Element-wise losses of (o, t): squared 1/2 (o-t)^2; absolute |o-t|; huber (|d| <= a ? d^2/2 : a (|d| - a/2));
 * bce of a logit: max(o,0) - o t + log1p(exp(-|o|)). */
typedef enum bp_error_fn { BP_ERROR_SQUARED, BP_ERROR_ABSOLUTE, BP_ERROR_HUBER, BP_ERROR_BCE, BP_ERRORS } bp_error_fn;

/* C[m,n] = f( op(A) op(B) + bias ) or, with accumulate, C += op(A) op(B) (then bias must be NULL and map LINEAR).
 *   NN: A[m,k] B[k,n]   forward, x W
 *   NT: A[m,k] B[n,k]   deltas, delta W^T
 *   TN: A[k,m] B[k,n]   weights, x^T delta
 * k = 0 gives f(bias), or leaves C alone with accumulate. z, when z.p is set, receives the value before f. */
typedef enum bp_gemm_form { BP_GEMM_NN, BP_GEMM_NT, BP_GEMM_TN } bp_gemm_form;

typedef struct bp_gemm {
    bp_gemm_form form;
    size_t m, n, k;
    bp_cmat a, b;
    bp_mat c;
    bool accumulate;
    const void *bias; /* n elements, or NULL */
    bp_map map;       /* applied last */
    double map_a;     /* its parameter */
    bp_mat z;         /* m x n, or z.p = NULL */
} bp_gemm;

/* Coefficients of one optimizer step, computed in double by the caller once a step. g' = g + l2 w + l1 sign(w) in
 * every update; then, with decay = lr * weight decay (decoupled), w is first multiplied by (1 - decay). */
typedef struct bp_update {
    double lr;
    double l2, l1, decay;
    double clip;  /* g is clamped to [-clip, clip] before anything else; 0: not */
    double scale; /* g is multiplied by this first of all (global-norm clipping, averaging); 1: not */
    double momentum, dampening;
    bool nesterov, first_step; /* first_step: momentum buffer starts as g', as PyTorch's SGD does */
    double beta1, beta2, eps;
    double bias1, bias2; /* 1 - beta^t */
} bp_update;

/* n elements each: parameters w, gradient g, moments m and v (NULL where the optimizer has none). */
typedef struct bp_update_args {
    size_t n;
    void *w;
    const void *g;
    void *m, *v;
} bp_update_args;

/* Update rules, PyTorch's definitions (torch.optim of the same names):
 *   SGD       w -= lr g'                         (moments: none)
 *   MOMENTUM  m = momentum m + (1-dampening) g'  (first step: m = g'); w -= lr (nesterov ? g' + momentum m : m)
 *   ADAGRAD   v += g'^2;                          w -= lr g' / (sqrt(v) + eps)
 *   RMSPROP   v = beta2 v + (1-beta2) g'^2;  d = g' / (sqrt(v) + eps);
 *             momentum > 0 ? (m = momentum m + d; w -= lr m) : w -= lr d
 *   ADAM      m = beta1 m + (1-beta1) g'; v = beta2 v + (1-beta2) g'^2;
 *             w -= (lr / bias1) m / (sqrt(v) / sqrt(bias2) + eps) */
typedef enum bp_update_rule {
    BP_UPDATE_SGD,
    BP_UPDATE_MOMENTUM,
    BP_UPDATE_ADAGRAD,
    BP_UPDATE_RMSPROP,
    BP_UPDATE_ADAM,
    BP_UPDATES
} bp_update_rule;

/* Arguments of the kernels that need many. */
typedef struct bp_map_grad {
    size_t rows, cols;
    bp_mat dx;
    bp_cmat dy, x, y;
    double a;
    bool accumulate;
} bp_map_grad;

typedef struct bp_loss_grad {
    size_t rows, cols;
    bp_mat dx;
    bp_cmat g; /* one element a row */
    bp_cmat p; /* probabilities, or the outputs o */
    bp_operand t;
    double a;
    bool accumulate;
} bp_loss_grad;

typedef struct bp_drop {
    size_t rows, cols;
    bp_mat y;
    bp_cmat x;
    double rate;
    uint32_t key[2], stream[2];
    uint32_t row0; /* index within the batch of the first row */
    bool accumulate;
} bp_drop;

typedef struct bp_convert {
    const double *mean, *scale; /* NULL: 0 and 1 */
    size_t step;                /* 0: one value for all columns; 1: one a column */
} bp_convert;

/* One instruction set and one element type. T below is float or double according to `type`. */
typedef struct bp_kernels {
    const char *name; /* "portable", "avx2", "avx512", "neon" */
    bp_type type;     /* BP_F32 or BP_F64 */

    void (*gemm)(const bp_gemm *g);

    /* y = f(x). y may be x. */
    void (*map[BP_MAPS])(size_t rows, size_t cols, bp_mat y, bp_cmat x, double a);
    /* dx = dy f'(x, y), or dx += with accumulate. x and y are f's argument and value (either p may be NULL where the
     * formula in the table does not use it; RELU, LEAKY_RELU, ELU accept y in place of x, with a >= 0). dx may be dy. */
    void (*map_grad[BP_MAPS])(const bp_map_grad *g);

    /* y = x1 o x2 with broadcasting operands. */
    void (*zip[BP_ZIPS])(size_t rows, size_t cols, bp_mat y, bp_operand x1, bp_operand x2);

    /* y[r] = sum over c of x[r,c] * s, written at y + r*ld. */
    void (*row_sum)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s);
    /* y[c] = sum over r of x[r,c], r ascending, or y[c] +=. */
    void (*col_sum)(size_t rows, size_t cols, void *y, bp_cmat x, bool accumulate);
    /* y[r,c] = x[r]*s for every c, or y += . */
    void (*row_spread)(size_t rows, size_t cols, bp_mat y, bp_cmat x, double s, bool accumulate);

    /* y[r,:] = softmax(x[r,:]), stable: exp(x - max) / sum. y may be x. */
    void (*softmax)(size_t rows, size_t cols, bp_mat y, bp_cmat x);
    /* dx[r,c] = y (dy - sum_c dy y), or +=. */
    void (*softmax_grad)(const bp_map_grad *g);
    /* Softmax + cross-entropy on logits: p[r,:] = softmax(x[r,:]),
     * loss[r] = logsumexp(x[r,:]) - x[r, t] for class targets t (t.step = 0, one element a row, an integer as T; NaN
     * where there is no such class),
     * loss[r] = -sum_c t[r,c] (x[r,c] - logsumexp) for distributions (t.step = 1). loss at loss.p + r*loss.ld. */
    void (*cross_entropy)(size_t rows, size_t cols, bp_mat loss, bp_mat p, bp_cmat x, bp_operand t);
    /* dx = g[r] (p - onehot(t)) or g[r] (p sum_c t - t); or +=. g at g.p + r*g.ld. */
    void (*cross_entropy_grad)(const bp_loss_grad *g);
    /* loss[r] = sum_c e(o[r,c], t[r,c]), c ascending in the fixed order of row_sum. */
    void (*error[BP_ERRORS])(size_t rows, size_t cols, bp_mat loss, bp_cmat o, bp_cmat t, double a);
    /* dx = g[r] * de/do, or +=. (p of bp_loss_grad is o, t has step 1.) */
    void (*error_grad[BP_ERRORS])(const bp_loss_grad *g);

    /* Inverted dropout: y = keep ? x / (1 - rate) : 0, or y +=. Element (r, c) of the batch is kept where word c % 4 of
     * Philox4x32-10(key, counter {c / 4, row0 + r, stream[0], stream[1]}) is >= rate 2^32. Also its own backward. */
    void (*dropout)(const bp_drop *d);

    /* dst[c] = ((T) src[c] - mean[c*step]) * scale[c*step], src of element type `from`; computed in T. */
    void (*convert)(size_t cols, void *dst, const void *src, bp_type from, const bp_convert *c);

    void (*update[BP_UPDATES])(const bp_update *u, const bp_update_args *a);
    /* sum of x[i]^2 over n elements, accumulated in double, one fixed order. */
    double (*sum_squares)(size_t n, const void *x);
    /* Whether all n elements are finite. */
    bool (*all_finite)(size_t n, const void *x);
    /* Index of the largest element, the lowest one on a tie; a NaN counts as the largest. */
    size_t (*argmax)(size_t n, const void *x);

    /* `rounds` rounds of independent multiply-adds on registers alone, as many at a time as keep the CPU busy: the limit
     * that gemm can come near. Returns the floating-point operations done; *out, one element, gets the sum of it all. */
    double (*fma_burst)(size_t rounds, void *out);
} bp_kernels;

/* The kernel set in use for a type: the best the CPU has, or what bp_kernel_select chose. Never NULL. */
const bp_kernels *bp_kernels_for(bp_type type);
/* A named set, or NULL when this build or this CPU does not have it. */
const bp_kernels *bp_kernels_named(const char *name, bp_type type);

#endif
