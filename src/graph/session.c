/* session.c - sessions as the caller sees them: made, set, run, read. */
#include "graph/node.h"

#include <math.h>
#include <string.h>

enum { MOST_THREADS = 4096 }; /* far more than that OpenMP cannot start, and ends the process */

bp_session_options bp_session_defaults(void)
{
    return (bp_session_options){.max_rows = 1, .gradients = true, .input_gradients = true, .seed = 1};
}

static bp_status check_arguments(const bp_graph *g, const bp_node *const *targets, size_t count,
                                 const bp_session_options *o)
{
    if (!g || !g->compiled) {
        return bp_fail(BP_ERR_STATE, "a session needs a compiled graph: call bp_graph_compile first");
    }
    if (count == 0 || o->max_rows == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "a session needs at least one target and max_rows of at least 1");
    }
    if (o->max_rows > UINT32_MAX) {
        return bp_fail(BP_ERR_ARGUMENT, "a session of %zu rows; at most 2^32 - 1", o->max_rows);
    }
    if (o->threads < 0 || o->threads > MOST_THREADS) {
        return bp_fail(BP_ERR_ARGUMENT, "a session with %d threads; expected 0 (as many as pay) to %d", o->threads,
                       MOST_THREADS);
    }
    for (size_t i = 0; i < count; i++) {
        if (!targets[i] || targets[i]->graph != g) {
            return bp_fail(BP_ERR_ARGUMENT, "target %zu of the session is not a node of its graph", i + 1);
        }
    }
    if (o->gradients && targets[0]->size != 1) {
        return bp_fail(BP_ERR_SHAPE,
                       "the objective \"%s\" has %zu elements a sample; gradients need one number (bp_sum?)",
                       targets[0]->name, targets[0]->size);
    }
    return BP_OK;
}

bp_status bp_session_new(bp_session **out, const bp_graph *g, const bp_node *const *targets, size_t count,
                         const bp_session_options *options)
{
    bp_session_options o = options ? *options : bp_session_defaults();
    *out = NULL;
    bp_status status = check_arguments(g, targets, count, &o);
    if (status != BP_OK) {
        return status;
    }
    bp_session *s = bp_alloc(&g->allocator, 1, sizeof *s);
    if (!s) {
        return BP_ERR_MEMORY;
    }
    s->graph = g;
    s->options = o;
    s->target_count = count;
    s->targets = bp_alloc(&g->allocator, count, sizeof *s->targets);
    if (s->targets) {
        memcpy(s->targets, targets, count * sizeof *targets);
    }
    status = s->targets ? bp_session_plan(s) : BP_ERR_MEMORY;
    if (status != BP_OK) {
        bp_session_free(s);
        return status;
    }
    *out = s;
    return BP_OK;
}

void bp_session_free(bp_session *s)
{
    if (!s) {
        return;
    }
    const bp_allocator *a = &s->graph->allocator;
    bp_release(a, s->slots);
    bp_release(a, s->forward);
    bp_release(a, s->backward);
    bp_release(a, s->shared);
    bp_release(a, s->shared_backward);
    bp_release(a, s->contributions);
    bp_release(a, s->reductions);
    bp_release(a, s->targets);
    bp_release(a, s->memory);
    bp_release(a, s->grads);
    bp_release(a, s->scratch);
    bp_release(a, s->weights);
    bp_release(a, s);
}

/* ---- running ---- */

static bp_status check_rows(const bp_session *s, size_t rows)
{
    if (rows < 1 || rows > s->options.max_rows) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu rows; this session was made for 1 to %zu", rows, s->options.max_rows);
    }
    return BP_OK;
}

bp_status bp_forward(bp_session *s, size_t rows)
{
    bp_status status = check_rows(s, rows);
    if (status == BP_OK) {
        bp_session_run(s, rows, BP_FORWARD, &(bp_hooks){0});
    }
    return status;
}

bp_status bp_backward(bp_session *s)
{
    if (!s->options.gradients || s->options.stream_updates) {
        return bp_fail(BP_ERR_STATE, "bp_backward: this session was made without %s",
                       s->options.gradients ? "room for gradients (stream_updates)" : "gradients");
    }
    if (s->rows == 0) {
        return bp_fail(BP_ERR_STATE, "bp_backward: call bp_forward first");
    }
    bp_session_run(s, s->rows, BP_BACKWARD, &(bp_hooks){0});
    return BP_OK;
}

double bp_session_objective(const bp_session *s)
{
    const bp_node *n = s->targets[0];
    const bp_slot *slot = &s->slots[n->index];
    if (n->size != 1 || s->rows == 0) {
        return NAN;
    }
    size_t rows = n->batched ? s->rows : 1;
    const double *weight = n->batched ? s->weights : NULL;
    double sum = 0;
    for (size_t r = 0; r < rows; r++) {
        size_t at = r * slot->ld;
        double one =
            s->graph->type == BP_F64 ? ((const double *)slot->value)[at] : (double)((const float *)slot->value)[at];
        sum += !weight ? one : weight[r] != 0 ? weight[r] * one : 0; /* 0 leaves the row out, whatever its loss */
    }
    return sum / (double)rows;
}

/* ---- reading and writing nodes ---- */

/* The slot of a node that this session computes, or NULL with the text set. */
static bp_slot *find_slot(const bp_session *s, const bp_node *n, bool gradient)
{
    if (!n || n->graph != s->graph) {
        bp_fail(BP_ERR_ARGUMENT, "the node does not belong to the session's graph");
        return NULL;
    }
    bp_slot *slot = &s->slots[n->index];
    if (!slot->needed) {
        bp_fail(BP_ERR_STATE, "no target of the session depends on \"%s\"", n->name);
        return NULL;
    }
    if (gradient && !(slot->gradient && slot->grad)) {
        bp_fail(BP_ERR_STATE, "the session has no gradient of \"%s\": %s", n->name,
                bp_node_is(n, BP_OP_PARAM) && n->frozen
                    ? "it is frozen"
                    : "the objective does not depend on it, or it was not asked for (gradients, input_gradients, "
                      "stream_updates)");
        return NULL;
    }
    return slot;
}

bp_status bp_session_set(bp_session *s, const bp_node *input, const double *values, size_t rows)
{
    bp_status status = check_rows(s, rows);
    bp_slot *slot = status == BP_OK ? find_slot(s, input, false) : NULL;
    if (!slot) {
        return bp_last_status();
    }
    if (!bp_node_is(input, BP_OP_INPUT)) {
        return bp_fail(BP_ERR_ARGUMENT, "bp_session_set: \"%s\" is a %s, not an input", input->name, input->op->name);
    }
    for (size_t r = 0; r < rows; r++) {
        bp_narrow(slot->value + r * slot->ld * s->graph->element, s->graph->type, values + r * input->size,
                  input->size);
    }
    return BP_OK;
}

double *bp_session_weigh(bp_session *s)
{
    size_t rows = s->options.max_rows;
    if (!s->weights) {
        s->weights = bp_alloc(&s->graph->allocator, rows, sizeof *s->weights);
        s->bytes += s->weights ? rows * sizeof *s->weights : 0;
    }
    for (size_t r = 0; s->weights && r < rows; r++) {
        s->weights[r] = 1;
    }
    return s->weights;
}

bp_status bp_session_set_weights(bp_session *s, const double *values, size_t rows)
{
    bp_status status = values ? check_rows(s, rows) : BP_OK;
    if (status != BP_OK || (!values && !s->weights)) {
        return status;
    }
    double *weights = bp_session_weigh(s);
    if (weights && values) {
        memcpy(weights, values, rows * sizeof *values);
    }
    return weights ? BP_OK : BP_ERR_MEMORY;
}

static bp_status expect_run(bool done, const char *what)
{
    return done ? BP_OK : bp_fail(BP_ERR_STATE, "nothing to read yet: call %s first", what);
}

static void copy_rows(const bp_session *s, const bp_node *n, const char *from, double *values)
{
    size_t ld = s->slots[n->index].ld, rows = n->batched ? s->rows : 1;
    for (size_t r = 0; r < rows; r++) {
        bp_widen(values + r * n->size, from + r * ld * s->graph->element, s->graph->type, n->size);
    }
}

bp_status bp_session_get(const bp_session *s, const bp_node *node, double *values)
{
    const bp_slot *slot = find_slot(s, node, false);
    if (!slot) {
        return bp_last_status();
    }
    bool leaf = bp_node_is(node, BP_OP_PARAM) || bp_node_is(node, BP_OP_CONST);
    bp_status status = expect_run(leaf || s->rows > 0, "bp_forward");
    if (status == BP_OK) {
        copy_rows(s, node, slot->value, values);
    }
    return status;
}

bp_status bp_session_gradient(const bp_session *s, const bp_node *node, double *values)
{
    const bp_slot *slot = find_slot(s, node, true);
    if (!slot) {
        return bp_last_status();
    }
    bp_status status = expect_run(s->has_gradients, "bp_backward (an optimizer's step does not keep the gradients)");
    if (status == BP_OK) {
        copy_rows(s, node, slot->grad, values);
    }
    return status;
}

void *bp_session_values(bp_session *s, const bp_node *node, size_t *stride)
{
    const bp_slot *slot = find_slot(s, node, false);
    if (slot && stride) {
        *stride = slot->ld;
    }
    return slot ? slot->value : NULL;
}

const void *bp_session_gradients(const bp_session *s, const bp_node *node, size_t *stride)
{
    const bp_slot *slot = find_slot(s, node, true);
    if (slot && stride) {
        *stride = slot->ld;
    }
    return slot ? slot->grad : NULL;
}

void bp_session_set_step(bp_session *s, uint64_t step)
{
    s->step = step;
}

void bp_session_set_training(bp_session *s, bool training)
{
    s->options.training = training;
}

int bp_session_threads(const bp_session *s)
{
    return s->threads;
}

size_t bp_session_bytes(const bp_session *s)
{
    return s->bytes;
}

double bp_session_flops(const bp_session *s)
{
    return s->flops;
}
