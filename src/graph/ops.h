/* ops.h - what the op functions share: operands and gradients of a run as kernel arguments. */
#ifndef BP_OPS_H
#define BP_OPS_H

#include "graph/node.h"

static inline const bp_slot *bp_slot_of(const bp_run *r, const bp_node *n)
{
    return &r->s->slots[n->index];
}

static inline char *bp_row_at(const bp_run *r, char *base, size_t ld)
{
    return base + r->row * ld * r->s->graph->element;
}

/* Values of a node, the rows of the run. */
static inline bp_mat bp_value(const bp_run *r, const bp_node *n)
{
    const bp_slot *s = bp_slot_of(r, n);
    return (bp_mat){bp_row_at(r, s->value, s->ld), s->ld};
}

/* Gradient of a node, the rows of the run. */
static inline bp_mat bp_grad(const bp_run *r, const bp_node *n)
{
    const bp_slot *s = bp_slot_of(r, n);
    return (bp_mat){bp_row_at(r, s->grad, s->ld), s->ld};
}

/* The node's own workspace. */
static inline bp_mat bp_work(const bp_run *r)
{
    const bp_slot *s = bp_slot_of(r, r->n);
    return (bp_mat){bp_row_at(r, s->work, s->work_ld), s->work_ld};
}

static inline bp_cmat bp_const_mat(bp_mat m)
{
    return (bp_cmat){m.p, m.ld};
}

static inline bp_cmat bp_input_value(const bp_run *r, int i)
{
    return bp_const_mat(bp_value(r, r->n->in[i]));
}

/* A node spread over `cols` columns: one element is repeated. */
static inline bp_operand bp_spread(const bp_run *r, const bp_node *n, size_t cols)
{
    bp_mat m = bp_value(r, n);
    return (bp_operand){m.p, m.ld, n->size == cols};
}

/* Whether backward has to write the gradient of operand i, and whether it adds to what is there. */
static inline bool bp_wants(const bp_run *r, int i)
{
    return bp_slot_of(r, r->n->in[i])->gradient && !bp_node_reduces(r->n, i);
}

static inline bool bp_adds(const bp_run *r, int i)
{
    return bp_slot_of(r, r->n)->accumulate[i];
}

static inline double bp_element(const bp_run *r, bp_mat m, size_t row, size_t c)
{
    size_t i = row * m.ld + c;
    return r->s->graph->type == BP_F64 ? ((const double *)m.p)[i] : (double)((const float *)m.p)[i];
}

/* Forward and backward of the element-wise functions of one variable (n->op->kernel is a bp_map). */
void bp_map_forward(const bp_run *r);
void bp_map_backward(const bp_run *r);
bool bp_map_above(const bp_run *r, size_t c); /* relu, leaky relu: x > 0 */
size_t bp_map_kinks(const bp_node *n);
size_t bp_elu_kinks(const bp_node *n);

/* ... of two variables (a bp_zip). */
bool bp_zip_shape(bp_node *n);
void bp_zip_forward(const bp_run *r);
void bp_zip_backward(const bp_run *r);
void bp_zip_reduce(const bp_run *r, int i, const bp_tile *t);

/* sum, mean, softmax, dropout */
bool bp_scalar_shape(bp_node *n);
void bp_sum_forward(const bp_run *r);
void bp_sum_backward(const bp_run *r);
void bp_mean_forward(const bp_run *r);
void bp_mean_backward(const bp_run *r);
void bp_softmax_forward(const bp_run *r);
void bp_softmax_backward(const bp_run *r);
bool bp_dropout_shape(bp_node *n);
void bp_dropout_forward(const bp_run *r);
void bp_dropout_backward(const bp_run *r);

/* matmul, affine, dense */
bool bp_matmul_shape(bp_node *n);
bool bp_affine_shape(bp_node *n);
bool bp_dense_shape(bp_node *n);
void bp_affine_forward(const bp_run *r);
void bp_affine_backward(const bp_run *r);
void bp_affine_reduce(const bp_run *r, int i, const bp_tile *t);
double bp_affine_flops(const bp_node *n);
void bp_dense_forward(const bp_run *r);
void bp_dense_backward(const bp_run *r);
size_t bp_dense_work(const bp_node *n);
bool bp_dense_above(const bp_run *r, size_t c);
size_t bp_dense_kinks(const bp_node *n);

/* losses */
bool bp_error_shape(bp_node *n);
bool bp_huber_shape(bp_node *n);
void bp_error_forward(const bp_run *r);
void bp_error_backward(const bp_run *r);
double bp_error_flops(const bp_node *n);
bool bp_absolute_above(const bp_run *r, size_t c);
bool bp_huber_above(const bp_run *r, size_t c);
size_t bp_error_kinks(const bp_node *n);
bool bp_cross_entropy_shape(bp_node *n);
void bp_cross_entropy_forward(const bp_run *r);
void bp_cross_entropy_backward(const bp_run *r);
size_t bp_cross_entropy_work(const bp_node *n);
double bp_cross_entropy_flops(const bp_node *n);

#endif
