/* ops_loss.c - losses: one number a row from outputs and targets. */
#include "graph/ops.h"

#include <string.h>

bool bp_error_shape(bp_node *n)
{
    const bp_node *o = n->in[0], *t = n->in[1];
    if (o->size != t->size) {
        bp_fail(BP_ERR_SHAPE, "%s: outputs \"%s\" have %zu elements, targets \"%s\" have %zu; they must agree",
                n->op->name, o->name, o->size, t->name, t->size);
        return false;
    }
    if (o->batched != t->batched) {
        bp_fail(BP_ERR_SHAPE, "%s: of outputs \"%s\" and targets \"%s\" only one depends on an input", n->op->name,
                o->name, t->name);
        return false;
    }
    return bp_scalar_shape(n);
}

bool bp_huber_shape(bp_node *n)
{
    if (!(n->a > 0)) {
        bp_fail(BP_ERR_ARGUMENT, "huber: delta %g; expected a positive number", n->a);
        return false;
    }
    return bp_error_shape(n);
}

double bp_error_flops(const bp_node *n)
{
    return 3.0 * (double)n->in[0]->size;
}

void bp_error_forward(const bp_run *r)
{
    const bp_node *n = r->n;
    r->k->error[n->op->kernel](r->rows, n->in[0]->size, bp_value(r, n), bp_input_value(r, 0), bp_input_value(r, 1),
                               n->a);
}

enum { CHUNK = 128 };

/* dL/dt[row, c ...] of an element-wise error into out: -dL/do, since these errors depend on o - t; for BCE it is -z g. */
static void target_part(const bp_run *r, size_t row, size_t c, size_t count, void *out)
{
    size_t element = r->s->graph->element;
    bp_cmat o = bp_input_value(r, 0), t = bp_input_value(r, 1);
    bp_mat g = bp_grad(r, r->n);
    const char *orow = (const char *)o.p + (row * o.ld + c) * element;
    const char *trow = (const char *)t.p + (row * t.ld + c) * element;
    const char *grow = (const char *)g.p + row * g.ld * element;
    if (r->n->op->kernel == BP_ERROR_BCE) {
        r->k->zip[BP_ZIP_MUL](1, count, (bp_mat){out, 0}, (bp_operand){orow, 0, 1}, (bp_operand){grow, 0, 0});
    } else {
        bp_loss_grad part = {
            .rows = 1, .cols = count, .dx = {out, 0}, .g = {grow, 0}, .p = {orow, 0}, .t = {trow, 0, 1}, .a = r->n->a};
        r->k->error_grad[r->n->op->kernel](&part);
    }
    r->k->map[BP_MAP_NEG](1, count, (bp_mat){out, 0}, (bp_cmat){out, 0}, 0);
}

/* Walks over dL/dt in parts that fit on the stack. */
static void target_backward(const bp_run *r, void (*part_of)(const bp_run *, size_t, size_t, size_t, void *))
{
    _Alignas(BP_ALIGN) double part[CHUNK];
    bp_mat dt = bp_grad(r, r->n->in[1]);
    size_t cols = r->n->in[1]->size, element = r->s->graph->element;
    for (size_t row = 0; row < r->rows; row++) {
        for (size_t c = 0; c < cols; c += CHUNK) {
            size_t count = cols - c < CHUNK ? cols - c : CHUNK;
            char *dst = (char *)dt.p + (row * dt.ld + c) * element;
            part_of(r, row, c, count, part);
            bp_map_grad copy = {.rows = 1, .cols = count, .dx = {dst, 0}, .dy = {part, 0}, .accumulate = bp_adds(r, 1)};
            r->k->map_grad[BP_MAP_LINEAR](&copy);
        }
    }
}

static bp_loss_grad loss_grad(const bp_run *r, bp_cmat p, size_t target_step)
{
    const bp_node *n = r->n;
    bp_cmat t = bp_input_value(r, 1);
    return (bp_loss_grad){.rows = r->rows,
                          .cols = n->in[0]->size,
                          .dx = bp_grad(r, n->in[0]),
                          .g = bp_const_mat(bp_grad(r, n)),
                          .p = p,
                          .t = {t.p, t.ld, target_step},
                          .a = n->a,
                          .accumulate = bp_adds(r, 0)};
}

void bp_error_backward(const bp_run *r)
{
    if (bp_wants(r, 0)) {
        bp_loss_grad g = loss_grad(r, bp_input_value(r, 0), 1);
        r->k->error_grad[r->n->op->kernel](&g);
    }
    if (bp_wants(r, 1)) {
        target_backward(r, target_part);
    }
}

/* ---- kinks: |d| turns at 0; Huber's second derivative jumps at |d| = delta ---- */

static double difference(const bp_run *r, size_t c)
{
    return bp_element(r, bp_value(r, r->n->in[0]), 0, c) - bp_element(r, bp_value(r, r->n->in[1]), 0, c);
}

bool bp_absolute_above(const bp_run *r, size_t c)
{
    return difference(r, c) > 0;
}

bool bp_huber_above(const bp_run *r, size_t c)
{
    double d = difference(r, c);
    return d > r->n->a || d < -r->n->a;
}

size_t bp_error_kinks(const bp_node *n)
{
    return n->in[0]->size;
}

/* ---- softmax + cross-entropy ---- */

/* One element a row: the number of the class. */
static bool class_targets(const bp_node *n)
{
    return n->in[1]->size == 1;
}

bool bp_cross_entropy_shape(bp_node *n)
{
    const bp_node *z = n->in[0], *t = n->in[1];
    if (z->size < 2) {
        bp_fail(BP_ERR_SHAPE, "%s: the softmax of one element is always 1; use at least 2, or sigmoid_bce",
                n->op->name);
        return false;
    }
    if (t->size != 1 && t->size != z->size) {
        bp_fail(BP_ERR_SHAPE, "%s: targets \"%s\" have %zu elements; expected 1 (a class) or %zu (a distribution)",
                n->op->name, t->name, t->size, z->size);
        return false;
    }
    if (z->batched != t->batched) {
        bp_fail(BP_ERR_SHAPE, "%s: of logits \"%s\" and targets \"%s\" only one depends on an input", n->op->name,
                z->name, t->name);
        return false;
    }
    return bp_scalar_shape(n);
}

size_t bp_cross_entropy_work(const bp_node *n)
{
    return n->in[0]->size;
}

double bp_cross_entropy_flops(const bp_node *n)
{
    return 4.0 * (double)n->in[0]->size;
}

void bp_cross_entropy_forward(const bp_run *r)
{
    const bp_node *n = r->n;
    bp_cmat t = bp_input_value(r, 1);
    r->k->cross_entropy(r->rows, n->in[0]->size, bp_value(r, n), bp_work(r), bp_input_value(r, 0),
                        (bp_operand){t.p, t.ld, !class_targets(n)});
}

/* dL/dt_j = -g ln p_j = g (logsumexp(z) - z_j); the logsumexp from the largest p, which never underflows. */
static void distribution_part(const bp_run *r, size_t row, size_t c, size_t count, void *out)
{
    size_t element = r->s->graph->element;
    bp_cmat z = bp_input_value(r, 0);
    bp_mat p = bp_work(r), g = bp_grad(r, r->n);
    const char *zrow = (const char *)z.p + row * z.ld * element;
    const char *prow = (const char *)p.p + row * p.ld * element;
    size_t top = r->k->argmax(r->n->in[0]->size, zrow);
    _Alignas(BP_ALIGN) double lse[1];
    r->k->map[BP_MAP_LOG](1, 1, (bp_mat){lse, 0}, (bp_cmat){prow + top * element, 0}, 0);
    r->k->zip[BP_ZIP_SUB](1, 1, (bp_mat){lse, 0}, (bp_operand){zrow + top * element, 0, 0}, (bp_operand){lse, 0, 0});
    r->k->zip[BP_ZIP_SUB](1, count, (bp_mat){out, 0}, (bp_operand){lse, 0, 0}, (bp_operand){zrow + c * element, 0, 1});
    r->k->zip[BP_ZIP_MUL](1, count, (bp_mat){out, 0}, (bp_operand){out, 0, 1},
                          (bp_operand){(char *)g.p + row * g.ld * element, 0, 0});
}

void bp_cross_entropy_backward(const bp_run *r)
{
    if (bp_wants(r, 0)) {
        bp_loss_grad g = loss_grad(r, bp_const_mat(bp_work(r)), !class_targets(r->n));
        r->k->cross_entropy_grad(&g);
    }
    if (bp_wants(r, 1) && !class_targets(r->n)) {
        target_backward(r, distribution_part);
    }
}
