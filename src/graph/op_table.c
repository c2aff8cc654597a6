/* op_table.c - the ops. One row is all there is to an op: everything else is derived from it - dispatch, the documented
 * list, the gradient test of every op. To add one, write its functions and its row. */
#include "graph/ops.h"

#define MAP(id, label, f, df)                                                                                          \
    {                                                                                                                  \
        .name = label, .formula = f, .gradient = df, .arity = 1, .weight = 1, .kernel = BP_MAP_##id,                   \
        .forward = bp_map_forward, .backward = bp_map_backward                                                         \
    }
#define KINKED(id, label, f, df, kinks_of)                                                                             \
    {                                                                                                                  \
        .name = label, .formula = f, .gradient = df, .arity = 1, .weight = 1, .kernel = BP_MAP_##id,                   \
        .forward = bp_map_forward, .backward = bp_map_backward, .above = bp_map_above, .kinks = kinks_of               \
    }
#define ZIP(id, label, f, df)                                                                                          \
    {                                                                                                                  \
        .name = label, .formula = f, .gradient = df, .arity = 2, .weight = 2, .kernel = BP_ZIP_##id,                   \
        .shape = bp_zip_shape, .forward = bp_zip_forward, .backward = bp_zip_backward, .reduce = bp_zip_reduce         \
    }
#define ERROR(id, label, f, df)                                                                                        \
    .name = label, .formula = f, .gradient = df, .arity = 2, .weight = 2, .kernel = BP_ERROR_##id,                     \
    .forward = bp_error_forward, .backward = bp_error_backward, .flops = bp_error_flops

/* clang-format off */
const bp_op bp_op_table[BP_OPS] = {
    [BP_OP_INPUT] = {.name = "input", .formula = "set by the caller, one row a sample", .gradient = "dL/dx"},
    [BP_OP_PARAM] = {.name = "param", .formula = "trained", .gradient = "dL/dw, summed over the rows"},
    [BP_OP_CONST] = {.name = "const", .formula = "fixed", .gradient = "none"},

    [BP_OP_ADD] = ZIP(ADD, "add", "a + b", "da = g, db = g"),
    [BP_OP_SUB] = ZIP(SUB, "sub", "a - b", "da = g, db = -g"),
    [BP_OP_MUL] = ZIP(MUL, "mul", "a b", "da = g b, db = g a"),
    [BP_OP_DIV] = ZIP(DIV, "div", "a / b", "da = g / b, db = -g y / b"),

    [BP_OP_NEG] = MAP(NEG, "neg", "-x", "-g"),
    [BP_OP_EXP] = MAP(EXP, "exp", "e^x", "g y"),
    [BP_OP_LOG] = MAP(LOG, "log", "ln x", "g / x"),
    [BP_OP_SQRT] = MAP(SQRT, "sqrt", "x^(1/2)", "g / (2 y)"),
    [BP_OP_SQUARE] = MAP(SQUARE, "square", "x^2", "2 g x"),

    [BP_OP_SUM] = {.name = "sum", .formula = "sum_j x_j", .gradient = "g for every j", .arity = 1, .weight = 1,
                   .shape = bp_scalar_shape, .forward = bp_sum_forward, .backward = bp_sum_backward},
    [BP_OP_MEAN] = {.name = "mean", .formula = "1/n sum_j x_j", .gradient = "g / n for every j", .arity = 1, .weight = 1,
                    .shape = bp_scalar_shape, .forward = bp_mean_forward, .backward = bp_mean_backward},

    [BP_OP_MATMUL] = {.name = "matmul", .formula = "x W", .gradient = "dx = g W^T, dW = x^T g", .arity = 2, .weight = 1,
                      .shape = bp_matmul_shape, .forward = bp_affine_forward, .backward = bp_affine_backward,
                      .reduce = bp_affine_reduce, .flops = bp_affine_flops},
    [BP_OP_AFFINE] = {.name = "affine", .formula = "x W + b", .gradient = "dx = g W^T, dW = x^T g, db = g", .arity = 3,
                      .weight = 1, .shape = bp_affine_shape, .forward = bp_affine_forward, .backward = bp_affine_backward,
                      .reduce = bp_affine_reduce, .flops = bp_affine_flops},
    [BP_OP_DENSE] = {.name = "dense", .formula = "f(z), z = x W + b",
                     .gradient = "dz = g f'(z), dx = dz W^T, dW = x^T dz, db = dz", .arity = 3, .weight = 1,
                     .shape = bp_dense_shape, .forward = bp_dense_forward, .backward = bp_dense_backward,
                     .reduce = bp_affine_reduce, .flops = bp_affine_flops, .work = bp_dense_work,
                     .above = bp_dense_above, .kinks = bp_dense_kinks},

    [BP_OP_LINEAR] = MAP(LINEAR, "linear", "x", "g"),
    [BP_OP_SIGMOID] = MAP(SIGMOID, "sigmoid", "1 / (1 + e^-x)", "g y (1 - y)"),
    [BP_OP_TANH] = MAP(TANH, "tanh", "tanh x", "g (1 - y^2)"),
    [BP_OP_RELU] = KINKED(RELU, "relu", "max(0, x)", "x > 0 ? g : 0", bp_map_kinks),
    [BP_OP_LEAKY_RELU] = KINKED(LEAKY_RELU, "leaky_relu", "x > 0 ? x : a x", "x > 0 ? g : a g", bp_map_kinks),
    [BP_OP_ELU] = KINKED(ELU, "elu", "x > 0 ? x : a (e^x - 1)", "x > 0 ? g : g (y + a)", bp_elu_kinks),
    [BP_OP_GELU] = MAP(GELU, "gelu", "x Phi(x)", "g (Phi(x) + x phi(x))"),
    [BP_OP_GELU_TANH] = MAP(GELU_TANH, "gelu_tanh", "x/2 (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x^3)",
                            "g (1/2 (1 + tanh u) + x/2 (1 - tanh^2 u) u')"),
    [BP_OP_SILU] = MAP(SILU, "silu", "x sigmoid(x)", "g (s + y (1 - s)), s = sigmoid(x)"),
    [BP_OP_SOFTPLUS] = MAP(SOFTPLUS, "softplus", "ln(1 + e^x)", "g sigmoid(x)"),
    [BP_OP_SOFTMAX] = {.name = "softmax", .formula = "e^x_j / sum_k e^x_k", .gradient = "y_j (g_j - sum_k g_k y_k)",
                       .arity = 1, .weight = 1, .forward = bp_softmax_forward, .backward = bp_softmax_backward},
    [BP_OP_DROPOUT] = {.name = "dropout", .formula = "training: keep ? x / (1 - rate) : 0; else x",
                       .gradient = "keep ? g / (1 - rate) : 0", .arity = 1, .weight = 1, .shape = bp_dropout_shape,
                       .forward = bp_dropout_forward, .backward = bp_dropout_backward},

    [BP_OP_SQUARED_ERROR] = {ERROR(SQUARED, "squared_error", "1/2 sum_j (o_j - t_j)^2", "do = g (o - t), dt = -do"),
                             .shape = bp_error_shape},
    [BP_OP_ABSOLUTE_ERROR] = {ERROR(ABSOLUTE, "absolute_error", "sum_j |o_j - t_j|", "do = g sign(o - t), dt = -do"),
                              .shape = bp_error_shape, .above = bp_absolute_above, .kinks = bp_error_kinks},
    [BP_OP_HUBER] = {ERROR(HUBER, "huber", "sum_j |d| <= a ? d^2/2 : a (|d| - a/2), d = o - t",
                           "do = g clamp(d, -a, a), dt = -do"),
                     .shape = bp_huber_shape, .above = bp_huber_above, .kinks = bp_error_kinks},
    [BP_OP_SOFTMAX_CROSS_ENTROPY] = {.name = "softmax_cross_entropy", .formula = "-sum_j t_j ln softmax(z)_j",
                                     .gradient = "dz = g (softmax(z) sum_j t_j - t), dt_j = -g ln softmax(z)_j", .arity = 2,
                                     .weight = 2, .shape = bp_cross_entropy_shape, .forward = bp_cross_entropy_forward,
                                     .backward = bp_cross_entropy_backward, .flops = bp_cross_entropy_flops,
                                     .work = bp_cross_entropy_work},
    [BP_OP_SIGMOID_BCE] = {ERROR(BCE, "sigmoid_bce", "sum_j max(z,0) - z t + ln(1 + e^-|z|)",
                                 "dz = g (sigmoid(z) - t), dt = -g z"),
                           .shape = bp_error_shape},
};
/* clang-format on */

bp_op_info bp_op_list(size_t index)
{
    if (index >= BP_OPS) {
        return (bp_op_info){0};
    }
    const bp_op *op = &bp_op_table[index];
    return (bp_op_info){op->name, op->formula, op->gradient, op->arity};
}
