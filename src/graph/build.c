/* build.c - builders: from operands to a node. Shapes are checked by the op's row of the table. */
#include "graph/node.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *bp_shape_text(char text[96], bp_shape shape)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < shape.dims && used < 96; i++) {
        int n = snprintf(text + used, 96 - used, "%s%zu", i ? "x" : "", shape.dim[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return text;
}

/* The graph of the first operand that is there; an absent operand means that its builder has failed before. */
static bp_graph *graph_of(const bp_node *like)
{
    for (int i = 0; i < like->op->arity; i++) {
        if (like->in[i]) {
            return like->in[i]->graph;
        }
    }
    return NULL;
}

static bp_node *build(bp_node like)
{
    bp_graph *g = graph_of(&like);
    if (!g || g->status != BP_OK) {
        return NULL;
    }
    for (int i = 0; i < like.op->arity; i++) {
        if (!like.in[i]) {
            bp_fail(BP_ERR_ARGUMENT, "%s: operand %d is NULL", like.op->name, i + 1);
            return bp_graph_failed(g);
        }
        if (like.in[i]->graph != g) {
            bp_fail(BP_ERR_ARGUMENT, "%s: operands belong to different graphs", like.op->name);
            return bp_graph_failed(g);
        }
        like.batched |= like.in[i]->batched;
    }
    like.shape = like.in[0]->shape;
    like.graph = g;
    if ((like.op->shape && !like.op->shape(&like)) || !bp_shape_size(&like.size, like.shape)) {
        return bp_graph_failed(g);
    }
    return bp_node_add(g, &like, NULL);
}

static bp_node *unary(bp_op_id id, bp_node *x, double a)
{
    return build((bp_node){.op = &bp_op_table[id], .in = {x}, .a = a});
}

static bp_node *binary(bp_op_id id, bp_node *a, bp_node *b, double parameter)
{
    return build((bp_node){.op = &bp_op_table[id], .in = {a, b}, .a = parameter});
}

/* ---- leaves ---- */

bp_node *bp_input(bp_graph *g, const char *name, bp_shape sample)
{
    bp_node like = {.op = &bp_op_table[BP_OP_INPUT], .shape = sample, .batched = true};
    if (!bp_shape_size(&like.size, sample)) {
        bp_fail_context(BP_ERR_SHAPE, "input \"%s\": ", name ? name : "?");
        return bp_graph_failed(g);
    }
    return bp_node_add(g, &like, name);
}

bp_node *bp_constant_array(bp_graph *g, bp_shape shape, const double *values)
{
    bp_node like = {.op = &bp_op_table[BP_OP_CONST], .shape = shape};
    if (!bp_shape_size(&like.size, shape)) {
        bp_fail_context(BP_ERR_SHAPE, "constant: ");
        return bp_graph_failed(g);
    }
    bp_node *n = bp_node_add(g, &like, NULL);
    if (!n) {
        return NULL;
    }
    n->constant = bp_alloc(&g->allocator, n->size, g->element);
    if (!n->constant) {
        return bp_graph_failed(g);
    }
    bp_narrow(n->constant, g->type, values, n->size);
    return n;
}

bp_node *bp_constant(bp_graph *g, double value)
{
    return bp_constant_array(g, bp_shape1(1), &value);
}

/* ---- arithmetic ---- */

bp_node *bp_add(bp_node *a, bp_node *b)
{
    return binary(BP_OP_ADD, a, b, 0);
}

bp_node *bp_sub(bp_node *a, bp_node *b)
{
    return binary(BP_OP_SUB, a, b, 0);
}

bp_node *bp_mul(bp_node *a, bp_node *b)
{
    return binary(BP_OP_MUL, a, b, 0);
}

bp_node *bp_div(bp_node *a, bp_node *b)
{
    return binary(BP_OP_DIV, a, b, 0);
}

bp_node *bp_neg(bp_node *x)
{
    return unary(BP_OP_NEG, x, 0);
}

bp_node *bp_exp(bp_node *x)
{
    return unary(BP_OP_EXP, x, 0);
}

bp_node *bp_log(bp_node *x)
{
    return unary(BP_OP_LOG, x, 0);
}

bp_node *bp_sqrt(bp_node *x)
{
    return unary(BP_OP_SQRT, x, 0);
}

bp_node *bp_square(bp_node *x)
{
    return unary(BP_OP_SQUARE, x, 0);
}

bp_node *bp_sum(bp_node *x)
{
    return unary(BP_OP_SUM, x, 0);
}

bp_node *bp_mean(bp_node *x)
{
    return unary(BP_OP_MEAN, x, 0);
}

bp_node *bp_matmul(bp_node *x, bp_node *w)
{
    return binary(BP_OP_MATMUL, x, w, 0);
}

bp_node *bp_affine(bp_node *x, bp_node *w, bp_node *b)
{
    return build((bp_node){.op = &bp_op_table[BP_OP_AFFINE], .in = {x, w, b}});
}

bp_node *bp_dense(bp_node *x, bp_node *w, bp_node *b, bp_activation f)
{
    return build((bp_node){.op = &bp_op_table[BP_OP_DENSE], .in = {x, w, b}, .f = f, .a = bp_activation_parameter(f)});
}

/* ---- activations ---- */

/* The name of each activation is that of its op; its parameter is the default of PyTorch. */
static const struct {
    bp_op_id op;
    double a;
} activation[] = {
    [BP_LINEAR] = {BP_OP_LINEAR, 0},     [BP_SIGMOID] = {BP_OP_SIGMOID, 0},          [BP_TANH] = {BP_OP_TANH, 0},
    [BP_RELU] = {BP_OP_RELU, 0},         [BP_LEAKY_RELU] = {BP_OP_LEAKY_RELU, 0.01}, [BP_ELU] = {BP_OP_ELU, 1},
    [BP_GELU] = {BP_OP_GELU, 0},         [BP_GELU_TANH] = {BP_OP_GELU_TANH, 0},      [BP_SILU] = {BP_OP_SILU, 0},
    [BP_SOFTPLUS] = {BP_OP_SOFTPLUS, 0}, [BP_SOFTMAX] = {BP_OP_SOFTMAX, 0},
};
_Static_assert(sizeof activation / sizeof *activation == BP_ACTIVATIONS, "one row for each activation");

double bp_activation_parameter(bp_activation a)
{
    return (size_t)a < BP_ACTIVATIONS ? activation[a].a : 0;
}

const bp_op *bp_activation_op(bp_activation a)
{
    return &bp_op_table[activation[a].op];
}

const char *bp_activation_name(bp_activation a)
{
    return (size_t)a < BP_ACTIVATIONS ? bp_activation_op(a)->name : "unknown";
}

static const char *activation_name_at(size_t i)
{
    return bp_activation_name((bp_activation)i);
}

bp_status bp_activation_parse(bp_activation *out, const char *name)
{
    int i = bp_find_name(name, activation_name_at, BP_ACTIVATIONS);
    if (i < 0) {
        return bp_fail_unknown("activation", name, activation_name_at, BP_ACTIVATIONS);
    }
    *out = (bp_activation)i;
    return BP_OK;
}

bp_node *bp_activate(bp_node *x, bp_activation a)
{
    if ((size_t)a >= BP_ACTIVATIONS) {
        bp_fail(BP_ERR_ARGUMENT, "bp_activate: %d is not an activation", (int)a);
        return x ? bp_graph_failed(x->graph) : NULL;
    }
    return unary(activation[a].op, x, activation[a].a);
}

bp_node *bp_linear(bp_node *x)
{
    return bp_activate(x, BP_LINEAR);
}

bp_node *bp_sigmoid(bp_node *x)
{
    return bp_activate(x, BP_SIGMOID);
}

bp_node *bp_tanh(bp_node *x)
{
    return bp_activate(x, BP_TANH);
}

bp_node *bp_relu(bp_node *x)
{
    return bp_activate(x, BP_RELU);
}

bp_node *bp_leaky_relu(bp_node *x, double slope)
{
    return unary(BP_OP_LEAKY_RELU, x, slope);
}

bp_node *bp_elu(bp_node *x, double alpha)
{
    return unary(BP_OP_ELU, x, alpha);
}

bp_node *bp_gelu(bp_node *x)
{
    return bp_activate(x, BP_GELU);
}

bp_node *bp_gelu_tanh(bp_node *x)
{
    return bp_activate(x, BP_GELU_TANH);
}

bp_node *bp_silu(bp_node *x)
{
    return bp_activate(x, BP_SILU);
}

bp_node *bp_softplus(bp_node *x)
{
    return bp_activate(x, BP_SOFTPLUS);
}

bp_node *bp_softmax(bp_node *x)
{
    return bp_activate(x, BP_SOFTMAX);
}

bp_node *bp_dropout(bp_node *x, double rate)
{
    return unary(BP_OP_DROPOUT, x, rate);
}

/* ---- losses ---- */

bp_node *bp_squared_error(bp_node *o, bp_node *t)
{
    return binary(BP_OP_SQUARED_ERROR, o, t, 0);
}

bp_node *bp_absolute_error(bp_node *o, bp_node *t)
{
    return binary(BP_OP_ABSOLUTE_ERROR, o, t, 0);
}

bp_node *bp_huber(bp_node *o, bp_node *t, double delta)
{
    return binary(BP_OP_HUBER, o, t, delta);
}

bp_node *bp_softmax_cross_entropy(bp_node *z, bp_node *t)
{
    return binary(BP_OP_SOFTMAX_CROSS_ENTROPY, z, t, 0);
}

bp_node *bp_sigmoid_bce(bp_node *z, bp_node *t)
{
    return binary(BP_OP_SIGMOID_BCE, z, t, 0);
}
