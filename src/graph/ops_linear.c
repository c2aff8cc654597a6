/* ops_linear.c - x W, x W + b, f(x W + b). W is [in, out], row-major. */
#include "graph/ops.h"

static bool expect_weight(const bp_node *n, int i, int dims, const char *what)
{
    const bp_node *w = n->in[i];
    char text[96];
    if (w->batched) {
        bp_fail(BP_ERR_SHAPE, "%s: %s \"%s\" depends on an input; it must be the same for every row", n->op->name, what,
                w->name);
        return false;
    }
    if (w->shape.dims != dims) {
        bp_fail(BP_ERR_SHAPE, "%s: %s \"%s\" has shape %s; expected %d dimension%s", n->op->name, what, w->name,
                bp_shape_text(text, w->shape), dims, dims == 1 ? "" : "s");
        return false;
    }
    return true;
}

bool bp_matmul_shape(bp_node *n)
{
    const bp_node *x = n->in[0], *w = n->in[1];
    if (!expect_weight(n, 1, 2, "matrix")) {
        return false;
    }
    if (x->size != w->shape.dim[0]) {
        char text[96];
        bp_fail(BP_ERR_SHAPE, "%s: \"%s\" has %zu elements a sample, but \"%s\" is %s and takes %zu", n->op->name,
                x->name, x->size, w->name, bp_shape_text(text, w->shape), w->shape.dim[0]);
        return false;
    }
    n->shape = bp_shape1(w->shape.dim[1]);
    return true;
}

bool bp_affine_shape(bp_node *n)
{
    if (!bp_matmul_shape(n) || !expect_weight(n, 2, 1, "bias")) {
        return false;
    }
    if (n->in[2]->size != n->shape.dim[0]) {
        bp_fail(BP_ERR_SHAPE, "%s: bias \"%s\" has %zu elements; expected %zu, one a column of \"%s\"", n->op->name,
                n->in[2]->name, n->in[2]->size, n->shape.dim[0], n->in[1]->name);
        return false;
    }
    return true;
}

bool bp_dense_shape(bp_node *n)
{
    if ((size_t)n->f >= BP_SOFTMAX) {
        bp_fail(BP_ERR_ARGUMENT, "dense: %s cannot be fused; use bp_activate(bp_affine(x, w, b), f)",
                bp_activation_name(n->f));
        return false;
    }
    return bp_affine_shape(n);
}

double bp_affine_flops(const bp_node *n)
{
    return 2.0 * (double)n->in[0]->size * (double)n->size + (n->op->arity > 2 ? (double)n->size : 0);
}

static bp_gemm forward_gemm(const bp_run *r)
{
    const bp_node *n = r->n;
    return (bp_gemm){.form = BP_GEMM_NN,
                     .m = r->rows,
                     .n = n->size,
                     .k = n->in[0]->size,
                     .a = bp_input_value(r, 0),
                     .b = {bp_value(r, n->in[1]).p, n->size},
                     .c = bp_value(r, n),
                     .bias = n->op->arity > 2 ? bp_value(r, n->in[2]).p : NULL,
                     .map = BP_MAP_LINEAR};
}

/* z = x W + b */
void bp_affine_forward(const bp_run *r)
{
    bp_gemm g = forward_gemm(r);
    r->k->gemm(&g);
}

/* dx = dz W^T */
void bp_affine_backward(const bp_run *r)
{
    const bp_node *n = r->n;
    if (!bp_wants(r, 0)) {
        return;
    }
    bp_gemm g = {.form = BP_GEMM_NT,
                 .m = r->rows,
                 .n = n->in[0]->size,
                 .k = n->size,
                 .a = bp_const_mat(bp_grad(r, n)),
                 .b = {bp_value(r, n->in[1]).p, n->size},
                 .c = bp_grad(r, n->in[0]),
                 .accumulate = bp_adds(r, 0),
                 .map = BP_MAP_LINEAR};
    r->k->gemm(&g);
}

/* dW = x^T dz, the tile's rows of x^T and columns of dz; db = column sums of dz */
void bp_affine_reduce(const bp_run *r, int i, const bp_tile *t)
{
    size_t element = r->s->graph->element, cols = t->cols.end - t->cols.begin;
    bp_mat dz = bp_grad(r, r->n);
    bp_cmat part = {(char *)dz.p + t->cols.begin * element, dz.ld};
    if (i == 2) {
        r->k->col_sum(r->rows, cols, t->grad, part, t->accumulate);
        return;
    }
    bp_cmat x = bp_input_value(r, 0);
    bp_gemm g = {.form = BP_GEMM_TN,
                 .m = t->rows.end - t->rows.begin,
                 .n = cols,
                 .k = r->rows,
                 .a = {(const char *)x.p + t->rows.begin * element, x.ld},
                 .b = part,
                 .c = {t->grad, t->ld},
                 .accumulate = t->accumulate,
                 .map = BP_MAP_LINEAR};
    r->k->gemm(&g);
}

/* ---- dense: a = f(z) in the same op ---- */

static bp_map map_of(const bp_node *n)
{
    return (bp_map)bp_activation_op(n->f)->kernel;
}

/* Whether f' is computed from z; the others get by with a = f(z). */
static bool keeps_z(const bp_node *n)
{
    return n->f == BP_GELU || n->f == BP_GELU_TANH || n->f == BP_SILU || n->f == BP_SOFTPLUS;
}

size_t bp_dense_work(const bp_node *n)
{
    return keeps_z(n) ? n->size : 0;
}

void bp_dense_forward(const bp_run *r)
{
    bp_gemm g = forward_gemm(r);
    g.map = map_of(r->n);
    g.map_a = r->n->a;
    if (keeps_z(r->n)) {
        g.z = bp_work(r);
    }
    r->k->gemm(&g);
}

/* dz = da f'(z), in place of da; then as affine. */
void bp_dense_backward(const bp_run *r)
{
    const bp_node *n = r->n;
    bp_mat grad = bp_grad(r, n);
    bp_cmat y = bp_const_mat(bp_value(r, n));
    bp_map_grad g = {.rows = r->rows,
                     .cols = n->size,
                     .dx = grad,
                     .dy = bp_const_mat(grad),
                     .x = keeps_z(n) ? bp_const_mat(bp_work(r)) : y, /* relu and leaky relu: y has the sign of z */
                     .y = y,
                     .a = n->a};
    if (n->f != BP_LINEAR) {
        r->k->map_grad[map_of(n)](&g);
    }
    bp_affine_backward(r);
}

bool bp_dense_above(const bp_run *r, size_t c)
{
    return bp_element(r, bp_value(r, r->n), 0, c) > 0;
}

size_t bp_dense_kinks(const bp_node *n)
{
    return n->f == BP_RELU || n->f == BP_LEAKY_RELU ? n->size : 0;
}
