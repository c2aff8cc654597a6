/* ops_element.c - ops that work element by element or row by row: maps, arithmetic, sums, softmax, dropout. */
#include "base/random.h"
#include "graph/ops.h"

#include <string.h>

/* ---- y = f(x) ---- */

void bp_map_forward(const bp_run *r)
{
    const bp_node *n = r->n;
    r->k->map[n->op->kernel](r->rows, n->size, bp_value(r, n), bp_input_value(r, 0), n->a);
}

static bp_map_grad map_grad(const bp_run *r)
{
    const bp_node *n = r->n;
    return (bp_map_grad){.rows = r->rows,
                         .cols = n->size,
                         .dx = bp_grad(r, n->in[0]),
                         .dy = bp_const_mat(bp_grad(r, n)),
                         .x = bp_input_value(r, 0),
                         .y = bp_const_mat(bp_value(r, n)),
                         .a = n->a,
                         .accumulate = bp_adds(r, 0)};
}

void bp_map_backward(const bp_run *r)
{
    bp_map_grad g = map_grad(r);
    r->k->map_grad[r->n->op->kernel](&g);
}

bool bp_map_above(const bp_run *r, size_t c)
{
    return bp_element(r, bp_value(r, r->n->in[0]), 0, c) > 0;
}

size_t bp_map_kinks(const bp_node *n)
{
    return n->size;
}

size_t bp_elu_kinks(const bp_node *n)
{
    return n->a == 1 ? 0 : n->size; /* with alpha = 1 the derivative is continuous */
}

/* ---- y = a o b ---- */

bool bp_zip_shape(bp_node *n)
{
    bp_node *a = n->in[0], *b = n->in[1];
    bool same = a->shape.dims == b->shape.dims &&
                memcmp(a->shape.dim, b->shape.dim, (size_t)a->shape.dims * sizeof *a->shape.dim) == 0;
    if (!same && a->size != 1 && b->size != 1) {
        char ta[96], tb[96];
        bp_fail(BP_ERR_SHAPE, "%s: shapes %s (%s) and %s (%s) differ; they must be equal, or one a single element",
                n->op->name, bp_shape_text(ta, a->shape), a->name, bp_shape_text(tb, b->shape), b->name);
        return false;
    }
    n->shape = a->size == 1 ? b->shape : a->shape;
    return true;
}

void bp_zip_forward(const bp_run *r)
{
    const bp_node *n = r->n;
    r->k->zip[n->op->kernel](r->rows, n->size, bp_value(r, n), bp_spread(r, n->in[0], n->size),
                             bp_spread(r, n->in[1], n->size));
}

enum { CHUNK = 128 }; /* elements of a row that the generic gradient handles at a time */

static char *row_part(const bp_run *r, bp_operand m, size_t row, size_t c)
{
    return (char *)m.p + (row * m.ld + c * m.step) * r->s->graph->element;
}

/* out[0..count) = dL/d(operand i) of one row, columns c ..., before any summing over what was broadcast. */
static void zip_local(const bp_run *r, int i, size_t row, size_t c, size_t count, void *out)
{
    const bp_node *n = r->n;
    bp_mat grad = bp_grad(r, n), value = bp_value(r, n);
    bp_mat d = {out, 0};
    bp_operand dy = {row_part(r, (bp_operand){grad.p, grad.ld, 1}, row, c), 0, 1};
    bp_operand y = {row_part(r, (bp_operand){value.p, value.ld, 1}, row, c), 0, 1};
    bp_operand other = bp_spread(r, n->in[1 - i], n->size);
    other.p = row_part(r, other, row, c);
    switch ((bp_zip)n->op->kernel) {
    case BP_ZIP_MUL: /* d(ab)/da = b */
        r->k->zip[BP_ZIP_MUL](1, count, d, dy, other);
        return;
    case BP_ZIP_DIV:
        if (i == 0) { /* d(a/b)/da = 1/b */
            r->k->zip[BP_ZIP_DIV](1, count, d, dy, other);
            return;
        } /* d(a/b)/db = -y/b */
        bp_operand b = bp_spread(r, n->in[1], n->size), product = {out, 0, 1};
        b.p = row_part(r, b, row, c);
        r->k->zip[BP_ZIP_MUL](1, count, d, dy, y);
        r->k->zip[BP_ZIP_DIV](1, count, d, product, b);
        r->k->map[BP_MAP_NEG](1, count, d, (bp_cmat){out, 0}, 0);
        return;
    default: /* d(a+b) = 1, 1; d(a-b) = 1, -1 */
        r->k->map[n->op->kernel == BP_ZIP_SUB && i == 1 ? BP_MAP_NEG : BP_MAP_LINEAR](1, count, d, (bp_cmat){dy.p, 0},
                                                                                      0);
    }
}

/* dst[0..count) = src or += src */
static void put(const bp_run *r, void *dst, const void *src, size_t count, bool add)
{
    if (add) {
        r->k->zip[BP_ZIP_ADD](1, count, (bp_mat){dst, 0}, (bp_operand){dst, 0, 1}, (bp_operand){src, 0, 1});
    } else {
        memcpy(dst, src, count * r->s->graph->element);
    }
}

/* Adds row `row` of the gradient of operand i, columns [begin, end) of the node, into dst (one element if the operand has
 * one). *add: whether dst holds something already. */
static void zip_row(const bp_run *r, int i, size_t row, bp_range cols, char *dst, bool *add)
{
    _Alignas(BP_ALIGN) double part[CHUNK];
    size_t element = r->s->graph->element;
    bool single = r->n->in[i]->size == 1;
    for (size_t c = cols.begin; c < cols.end; c += CHUNK) {
        size_t count = cols.end - c < CHUNK ? cols.end - c : CHUNK;
        zip_local(r, i, row, c, count, part);
        if (single) {
            _Alignas(BP_ALIGN) double sum[1];
            r->k->row_sum(1, count, (bp_mat){sum, 1}, (bp_cmat){part, count}, 1);
            put(r, dst, sum, 1, *add);
            *add = true;
        } else {
            put(r, dst + (c - cols.begin) * element, part, count, *add);
        }
    }
}

void bp_zip_backward(const bp_run *r)
{
    for (int i = 0; i < 2; i++) {
        if (!bp_wants(r, i)) {
            continue;
        }
        bp_mat dx = bp_grad(r, r->n->in[i]);
        for (size_t row = 0; row < r->rows; row++) {
            bool add = bp_adds(r, i);
            char *dst = (char *)dx.p + row * dx.ld * r->s->graph->element;
            zip_row(r, i, row, (bp_range){0, r->n->size}, dst, &add);
        }
    }
}

void bp_zip_reduce(const bp_run *r, int i, const bp_tile *t)
{
    size_t width = bp_node_cols(r->n->in[i]), element = r->s->graph->element;
    for (size_t w = t->rows.begin; w < t->rows.end; w++) {
        bp_range cols = {w * width + t->cols.begin, w * width + t->cols.end};
        if (r->n->in[i]->size == 1) {
            cols = (bp_range){0, r->n->size};
        }
        bool add = t->accumulate;
        for (size_t row = 0; row < r->rows; row++) {
            zip_row(r, i, row, cols, t->grad + (w - t->rows.begin) * t->ld * element, &add);
            add = true;
        }
    }
}

/* ---- sum, mean ---- */

bool bp_scalar_shape(bp_node *n)
{
    n->shape = bp_shape1(1);
    return true;
}

static void sum_forward(const bp_run *r, double scale)
{
    r->k->row_sum(r->rows, r->n->in[0]->size, bp_value(r, r->n), bp_input_value(r, 0), scale);
}

static void sum_backward(const bp_run *r, double scale)
{
    r->k->row_spread(r->rows, r->n->in[0]->size, bp_grad(r, r->n->in[0]), bp_const_mat(bp_grad(r, r->n)), scale,
                     bp_adds(r, 0));
}

void bp_sum_forward(const bp_run *r)
{
    sum_forward(r, 1);
}

void bp_sum_backward(const bp_run *r)
{
    sum_backward(r, 1);
}

void bp_mean_forward(const bp_run *r)
{
    sum_forward(r, 1 / (double)r->n->in[0]->size);
}

void bp_mean_backward(const bp_run *r)
{
    sum_backward(r, 1 / (double)r->n->in[0]->size);
}

/* ---- softmax ---- */

void bp_softmax_forward(const bp_run *r)
{
    r->k->softmax(r->rows, r->n->size, bp_value(r, r->n), bp_input_value(r, 0));
}

void bp_softmax_backward(const bp_run *r)
{
    bp_map_grad g = map_grad(r);
    r->k->softmax_grad(&g);
}

/* ---- dropout ---- */

bool bp_dropout_shape(bp_node *n)
{
    if (!(n->a >= 0 && n->a < 1)) {
        bp_fail(BP_ERR_ARGUMENT, "dropout: rate %g; expected 0 <= rate < 1", n->a);
        return false;
    }
    return true;
}

static void drop(const bp_run *r, bp_mat y, bp_cmat x, bool accumulate)
{
    const bp_session *s = r->s;
    bp_drop d = {.rows = r->rows,
                 .cols = r->n->size,
                 .y = y,
                 .x = x,
                 .rate = r->n->a,
                 .key = {(uint32_t)s->options.seed, (uint32_t)(s->options.seed >> 32)},
                 .stream = {(uint32_t)s->step, BP_RANDOM_DROPOUT | (uint32_t)r->n->index << 8},
                 .row0 = (uint32_t)r->row,
                 .accumulate = accumulate};
    r->k->dropout(&d);
}

void bp_dropout_forward(const bp_run *r)
{
    bp_mat y = bp_value(r, r->n);
    if (r->s->options.training) {
        drop(r, y, bp_input_value(r, 0), false);
    } else {
        r->k->map[BP_MAP_LINEAR](r->rows, r->n->size, y, bp_input_value(r, 0), 0);
    }
}

void bp_dropout_backward(const bp_run *r)
{
    bp_map_grad g = map_grad(r);
    if (r->s->options.training) {
        drop(r, g.dx, g.dy, g.accumulate);
    } else {
        r->k->map_grad[BP_MAP_LINEAR](&g);
    }
}
