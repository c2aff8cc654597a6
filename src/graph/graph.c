/* graph.c - the graph as an object: nodes, names, the parameter slab. Building expressions is build.c's business. */
#include "graph/graph.h"
#include "graph/node.h"

#include <stdio.h>
#include <string.h>

bp_graph *bp_graph_new(bp_type type, const bp_allocator *allocator)
{
    if (type != BP_F32 && type != BP_F64) {
        bp_fail(BP_ERR_ARGUMENT, "a graph computes in f32 or f64, not %s", bp_type_name(type));
        return NULL;
    }
    bp_allocator a = bp_allocator_or_default(allocator);
    bp_graph *g = bp_alloc(&a, 1, sizeof *g);
    if (!g) {
        return NULL;
    }
    g->allocator = a;
    g->type = type;
    g->element = bp_type_size(type);
    g->kernels = bp_kernels_for(type);
    return g;
}

void bp_graph_free(bp_graph *g)
{
    if (!g) {
        return;
    }
    bp_allocator a = g->allocator;
    for (size_t i = 0; i < g->count; i++) {
        bp_release(&a, g->nodes[i]->constant);
        bp_release(&a, g->nodes[i]->name);
        bp_release(&a, g->nodes[i]);
    }
    bp_release(&a, g->nodes);
    bp_release(&a, g->params);
    bp_release(&a, g->slab);
    bp_release(&a, g->error);
    bp_release(&a, g);
}

void *bp_graph_failed(bp_graph *g)
{
    if (g && g->status == BP_OK) {
        g->status = bp_last_status();
        g->error = bp_strdup(&g->allocator, bp_error());
    }
    return NULL;
}

bp_status bp_graph_compile(bp_graph *g)
{
    if (!g) {
        return bp_fail(BP_ERR_ARGUMENT, "bp_graph_compile: the graph is NULL; look at the result of bp_graph_new");
    }
    if (g->status != BP_OK) {
        return bp_fail(g->status, "%s", g->error ? g->error : "out of memory");
    }
    if (g->count == 0) {
        return bp_fail(BP_ERR_STATE, "the graph is empty: build at least one node before bp_graph_compile");
    }
    g->compiled = true;
    return BP_OK;
}

bp_type bp_graph_type(const bp_graph *g)
{
    return g->type;
}

/* Doubles an array of pointers when it is full. */
static bool grow(bp_graph *g, bp_node ***array, size_t count, size_t *capacity)
{
    if (count < *capacity) {
        return true;
    }
    size_t larger = *capacity ? *capacity * 2 : 16;
    bp_node **fresh = bp_alloc(&g->allocator, larger, sizeof *fresh);
    if (!fresh) {
        return false;
    }
    if (count) {
        memcpy(fresh, *array, count * sizeof *fresh);
    }
    bp_release(&g->allocator, *array);
    *array = fresh;
    *capacity = larger;
    return true;
}

bool bp_shape_size(size_t *size, bp_shape shape)
{
    *size = 1;
    if (shape.dims < 1 || shape.dims > BP_MAX_DIMS) {
        bp_fail(BP_ERR_SHAPE, "a shape has 1 to %d dimensions, not %d", BP_MAX_DIMS, shape.dims);
        return false;
    }
    for (int i = 0; i < shape.dims; i++) {
        if (shape.dim[i] == 0 || !bp_mul_size(size, *size, shape.dim[i])) {
            bp_fail(BP_ERR_SHAPE, "dimension %d of a shape is %zu: %s", i, shape.dim[i],
                    shape.dim[i] ? "the number of elements overflows" : "every dimension must be at least 1");
            return false;
        }
    }
    if (*size > SIZE_MAX / (2 * BP_ALIGN)) { /* so many bytes, rounded up, can still be computed with */
        bp_fail(BP_ERR_SHAPE, "a shape of %zu elements is too large for the address space", *size);
        return false;
    }
    return true;
}

/* The name of a new node: as given and unique, or made up. NULL on failure. */
static char *name_node(bp_graph *g, const bp_node *n, const char *name)
{
    char made[64];
    if (!name) {
        snprintf(made, sizeof made, "%s:%zu", n->op->name, n->index);
        name = made;
    }
    if (bp_graph_find(g, name)) {
        bp_fail(BP_ERR_ARGUMENT, "the graph already has an input or parameter named \"%s\"; names must be unique",
                name);
        return NULL;
    }
    return bp_strdup(&g->allocator, name);
}

bp_node *bp_node_add(bp_graph *g, const bp_node *like, const char *name)
{
    if (!g || g->status != BP_OK) {
        return NULL;
    }
    if (g->compiled) {
        bp_fail(BP_ERR_STATE, "the graph is compiled: no node can be added to it");
        return bp_graph_failed(g);
    }
    bp_node *n = NULL;
    if (!grow(g, &g->nodes, g->count, &g->capacity) || !(n = bp_alloc(&g->allocator, 1, sizeof *n))) {
        return bp_graph_failed(g);
    }
    *n = *like;
    n->graph = g;
    n->index = g->count;
    n->name = name_node(g, n, name);
    if (!n->name) {
        bp_release(&g->allocator, n);
        return bp_graph_failed(g);
    }
    g->nodes[g->count++] = n;
    return n;
}

/* Makes room for n's values at the end of the slab. */
static bool extend_slab(bp_graph *g, bp_node *n)
{
    size_t per_line = BP_ALIGN / g->element, end, bytes;
    n->offset = g->slab_size;
    if (!bp_add_size(&end, g->slab_size, n->size) || !bp_add_size(&end, end, per_line) ||
        !bp_mul_size(&bytes, end, 2 * g->element)) {
        bp_fail(BP_ERR_MEMORY, "parameter \"%s\" of %zu elements is too large", n->name, n->size);
        return false;
    }
    end = bp_round_up(g->slab_size + n->size, per_line);
    if (end > g->slab_capacity) {
        size_t capacity = g->slab_capacity + g->slab_capacity / 2;
        capacity = capacity > end ? capacity : end;
        char *fresh = bp_alloc(&g->allocator, capacity, g->element);
        if (!fresh) {
            return false;
        }
        if (g->slab) {
            memcpy(fresh, g->slab, g->slab_size * g->element);
        }
        bp_release(&g->allocator, g->slab);
        g->slab = fresh;
        g->slab_capacity = capacity;
    }
    g->slab_size = end;
    return true;
}

bp_node *bp_param(bp_graph *g, const char *name, bp_shape shape)
{
    bp_node like = {.op = &bp_op_table[BP_OP_PARAM], .shape = shape};
    if (!bp_shape_size(&like.size, shape)) {
        bp_fail_context(BP_ERR_SHAPE, "parameter \"%s\": ", name ? name : "?");
        return bp_graph_failed(g);
    }
    if (g && !grow(g, &g->params, g->param_count, &g->param_capacity)) {
        return bp_graph_failed(g);
    }
    bp_node *n = bp_node_add(g, &like, name);
    if (!n) {
        return NULL;
    }
    if (!extend_slab(g, n)) {
        return bp_graph_failed(g);
    }
    g->params[g->param_count++] = n;
    return n;
}

/* ---- what a node is ---- */

const char *bp_node_name(const bp_node *n)
{
    return n->name;
}

const char *bp_node_op(const bp_node *n)
{
    return n->op->name;
}

bp_shape bp_node_shape(const bp_node *n)
{
    return n->shape;
}

size_t bp_node_size(const bp_node *n)
{
    return n->size;
}

size_t bp_graph_params(const bp_graph *g)
{
    return g->param_count;
}

bp_node *bp_graph_param(const bp_graph *g, size_t index)
{
    return index < g->param_count ? g->params[index] : NULL;
}

bp_node *bp_graph_find(const bp_graph *g, const char *name)
{
    for (size_t i = 0; i < g->count; i++) {
        bp_node *n = g->nodes[i];
        if ((bp_node_is(n, BP_OP_INPUT) || bp_node_is(n, BP_OP_PARAM)) && strcmp(n->name, name) == 0) {
            return n;
        }
    }
    return NULL;
}

void *bp_param_data(bp_node *param)
{
    return bp_node_is(param, BP_OP_PARAM) ? param->graph->slab + param->offset * param->graph->element : NULL;
}

const void *bp_param_values(const bp_node *param)
{
    return bp_node_is(param, BP_OP_PARAM) ? param->graph->slab + param->offset * param->graph->element : NULL;
}

void bp_narrow(void *out, bp_type type, const double *in, size_t n)
{
    if (type == BP_F64) {
        memcpy(out, in, n * sizeof *in);
        return;
    }
    float *f = out;
    for (size_t i = 0; i < n; i++) {
        f[i] = (float)in[i];
    }
}

void bp_widen(double *out, const void *in, bp_type type, size_t n)
{
    if (type == BP_F64) {
        memcpy(out, in, n * sizeof *out);
        return;
    }
    const float *f = in;
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)f[i];
    }
}

static bp_status expect_param(const bp_node *n)
{
    if (n && bp_node_is(n, BP_OP_PARAM)) {
        return BP_OK;
    }
    return bp_fail(BP_ERR_ARGUMENT, "expected a parameter, found %s", n ? n->name : "NULL");
}

bp_status bp_param_set(bp_node *param, const double *values)
{
    bp_status status = expect_param(param);
    if (status == BP_OK) {
        bp_narrow(bp_param_data(param), param->graph->type, values, param->size);
    }
    return status;
}

bp_status bp_param_get(const bp_node *param, double *values)
{
    bp_status status = expect_param(param);
    if (status == BP_OK) {
        bp_widen(values, bp_param_values(param), param->graph->type, param->size);
    }
    return status;
}

void bp_param_freeze(bp_node *param, bool frozen)
{
    param->frozen = frozen;
}

bool bp_param_frozen(const bp_node *param)
{
    return param->frozen;
}

void bp_graph_keep_frozen(const bp_graph *g, double *x)
{
    for (size_t i = 0; i < g->param_count; i++) {
        const bp_node *n = g->params[i];
        if (n->frozen) {
            bp_widen(x + n->offset, g->slab + n->offset * g->element, g->type, n->size);
        }
    }
}
