/* plan.c - what a session computes, in which order, and where it is kept. Everything that can be decided before running is
 * decided here, once. */
#include "graph/graph.h"

#include <string.h>

enum {
    TILE_ELEMENTS = 32768,    /* a gradient tile stays in the second-level cache */
    TILE_COLS = 256,          /* of a wide matrix: the columns of x and delta that it needs stay there too */
    UNIT_ROWS = 8,            /* rows of a matrix in the smallest tile: what one pass of a GEMM kernel covers */
    UNIT_COLS = 64,           /* the same for vectors */
    BLOCK_BYTES = 512 * 1024, /* rows in flight of one thread: half of a usual second-level cache */
    BLOCK_ROWS_FEW = 32,      /* least rows of a block where the weights stay in the cache too, */
    BLOCK_ROWS_MANY = 256,    /* and where every block has to read them from further away */
    BLOCK_ROWS_MAX = 1024,
    PARALLEL_FLOPS = 1000 * 1000, /* a step with less work than this is not worth a second thread, nor a trial */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool bp_node_differentiable(const bp_node *n, int i)
{
    return !(bp_node_is(n, BP_OP_SOFTMAX_CROSS_ENTROPY) && i == 1 && n->in[1]->size == 1);
}

static const bp_node *node_at(const bp_session *s, size_t i)
{
    return s->graph->nodes[i];
}

/* needed: a target depends on it. gradient: for now, that the objective depends on it smoothly. */
static void mark_reachable(bp_session *s)
{
    for (size_t t = 0; t < s->target_count; t++) {
        s->slots[s->targets[t]->index].needed = true;
    }
    s->slots[s->targets[0]->index].gradient = s->options.gradients;
    for (size_t i = s->graph->count; i-- > 0;) {
        const bp_node *n = node_at(s, i);
        for (int k = 0; k < n->op->arity; k++) {
            bp_slot *operand = &s->slots[n->in[k]->index];
            operand->needed |= s->slots[i].needed;
            operand->gradient |= s->slots[i].gradient && bp_node_differentiable(n, k);
        }
    }
}

/* gradient: ... and somebody wants it: a parameter that is not frozen, an input if asked for, or an op on the way to one. */
static void mark_gradients(bp_session *s)
{
    for (size_t i = 0; i < s->graph->count; i++) {
        const bp_node *n = node_at(s, i);
        bool wanted =
            (bp_node_is(n, BP_OP_PARAM) && !n->frozen) || (bp_node_is(n, BP_OP_INPUT) && s->options.input_gradients);
        for (int k = 0; k < n->op->arity; k++) {
            wanted |= s->slots[n->in[k]->index].gradient;
        }
        s->slots[i].gradient &= wanted;
    }
}

static bool allocate_lists(bp_session *s)
{
    const bp_allocator *a = &s->graph->allocator;
    size_t count = s->graph->count;
    return (s->slots = bp_alloc(a, count, sizeof *s->slots)) && (s->forward = bp_alloc(a, count, sizeof *s->forward)) &&
           (s->backward = bp_alloc(a, count, sizeof *s->backward)) &&
           (s->shared = bp_alloc(a, count, sizeof *s->shared)) &&
           (s->shared_backward = bp_alloc(a, count, sizeof *s->shared_backward)) &&
           (s->contributions = bp_alloc(a, count * BP_ARITY, sizeof *s->contributions)) &&
           (s->reductions = bp_alloc(a, count, sizeof *s->reductions));
}

static void list_ops(bp_session *s)
{
    size_t count = s->graph->count;
    for (size_t i = 0; i < count; i++) {
        const bp_node *n = node_at(s, i);
        if (!s->slots[i].needed || !n->op->forward) {
            continue;
        }
        if (n->batched) {
            s->forward[s->forward_count++] = n;
        } else {
            s->shared[s->shared_count++] = n;
        }
    }
    for (size_t i = count; i-- > 0;) {
        const bp_node *n = node_at(s, i);
        if (!s->slots[i].gradient || !n->op->backward) {
            continue;
        }
        if (n->batched) {
            s->backward[s->backward_count++] = n;
        } else {
            s->shared_backward[s->shared_backward_count++] = n;
        }
    }
}

/* Marks that op n writes to, or adds to, the gradient of its operand i. `written` has one mark a node. */
static bool write_gradient(bp_session *s, const bp_node *n, int i, bool *written)
{
    size_t operand = n->in[i]->index;
    if (!s->slots[operand].gradient || !bp_node_differentiable(n, i)) {
        return false;
    }
    s->slots[n->index].accumulate[i] = written[operand];
    written[operand] = true;
    return true;
}

/* Describes how the gradient of a shared node is shared out and tiled. */
static void shape_reduction(bp_reduction *r)
{
    r->cols = bp_node_cols(r->node);
    r->rows = r->node->size / r->cols;
    r->by_cols = r->rows == 1;
    size_t extent = r->by_cols ? r->cols : r->rows;
    r->unit = r->by_cols ? UNIT_COLS : UNIT_ROWS;
    r->units = (extent + r->unit - 1) / r->unit;
    r->tile_cols = r->by_cols ? TILE_ELEMENTS : least(r->cols, TILE_COLS);
    r->tile_rows = r->by_cols ? 1 : TILE_ELEMENTS / r->tile_cols / UNIT_ROWS * UNIT_ROWS;
    r->cost = 2.0 * (double)r->part_count * (double)r->node->size / (double)r->units;
}

static void list_reductions(bp_session *s, bool *written)
{
    bp_contribution *next = s->contributions;
    for (size_t i = 0; i < s->graph->count; i++) {
        const bp_node *n = node_at(s, i);
        if (n->batched || !s->slots[i].gradient) {
            continue;
        }
        bp_reduction r = {.node = n, .parts = next, .before = s->reduction_cost};
        for (size_t b = 0; b < s->backward_count; b++) {
            const bp_node *op = s->backward[b];
            for (int k = 0; k < op->op->arity; k++) {
                if (op->in[k] == n && bp_node_reduces(op, k) && write_gradient(s, op, k, written)) {
                    *next++ = (bp_contribution){op, k};
                    r.part_count++;
                }
            }
        }
        if (r.part_count) {
            shape_reduction(&r);
            s->reductions[s->reduction_count++] = r;
            s->reduction_cost += r.cost * (double)r.units;
        }
    }
}

/* The order in which gradients are written: batched ops, reductions, shared ops. The first write stores, others add. */
static bp_status order_gradients(bp_session *s)
{
    bool *written = bp_alloc(&s->graph->allocator, s->graph->count, sizeof *written);
    if (!written) {
        return BP_ERR_MEMORY;
    }
    for (size_t b = 0; b < s->backward_count; b++) {
        const bp_node *n = s->backward[b];
        for (int i = 0; i < n->op->arity; i++) {
            if (!bp_node_reduces(n, i)) {
                write_gradient(s, n, i, written);
            }
        }
    }
    list_reductions(s, written);
    for (size_t b = 0; b < s->shared_backward_count; b++) {
        for (int i = 0; i < s->shared_backward[b]->op->arity; i++) {
            write_gradient(s, s->shared_backward[b], i, written);
        }
    }
    bp_release(&s->graph->allocator, written);
    return BP_OK;
}

/* ---- memory ---- */

/* Distance of two rows: a multiple of the alignment, except that short rows are packed where they divide it. Long rows take
 * an odd number of cache lines: where the distance is a multiple of a power of two, the same columns of many rows, which
 * x^T delta reads together, fall into a few sets of the cache and drive each other out. */
static size_t row_elements(size_t n, size_t element)
{
    enum { LONG = 16 }; /* lines */
    size_t per_line = BP_ALIGN / element;
    if (n < per_line && per_line % n == 0) {
        return n;
    }
    size_t lines = (n + per_line - 1) / per_line;
    return (lines >= LONG ? lines | 1 : lines) * per_line;
}

/* A region being carved up: with base NULL it is only measured. */
typedef struct region {
    char *base;
    size_t used;
} region;

/* *where = room for `rows` rows of n elements, aligned. */
static bool carve(const bp_session *s, region *r, char **where, size_t rows, size_t n)
{
    size_t size;
    if (!bp_mul_size(&size, rows, n) || !bp_mul_size(&size, size, s->graph->element) || size > SIZE_MAX / 4 - r->used) {
        bp_fail(BP_ERR_MEMORY, "a session of %zu rows is too large for the address space", rows);
        return false;
    }
    *where = r->base ? r->base + r->used : NULL;
    r->used += bp_round_up(size, BP_ALIGN);
    return true;
}

/* Parameters live in the graph's slab and the gradient slab, constants in their node, the rest in the session. */
static bool place_slot(bp_session *s, size_t i, region *r)
{
    const bp_node *n = node_at(s, i);
    bp_slot *slot = &s->slots[i];
    if (bp_node_is(n, BP_OP_PARAM)) {
        size_t at = n->offset * s->graph->element;
        slot->value = s->graph->slab + at;
        slot->grad = s->grads && slot->gradient ? s->grads + at : NULL;
        return true;
    }
    if (bp_node_is(n, BP_OP_CONST)) {
        slot->value = n->constant;
        return true;
    }
    size_t rows = n->batched ? s->options.max_rows : 1, ld = row_elements(n->size, s->graph->element);
    size_t work = n->op->work ? n->op->work(n) : 0;
    slot->ld = n->batched ? ld : 0;
    slot->work_ld = work ? row_elements(work, s->graph->element) : 0;
    return carve(s, r, &slot->value, rows, ld) && (!slot->gradient || carve(s, r, &slot->grad, rows, ld)) &&
           (!work || carve(s, r, &slot->work, rows, slot->work_ld));
}

static bool place_slots(bp_session *s, region *r)
{
    for (size_t i = 0; i < s->graph->count; i++) {
        if (s->slots[i].needed && !place_slot(s, i, r)) {
            return false;
        }
    }
    return true;
}

static bp_status plan_memory(bp_session *s)
{
    const bp_allocator *a = &s->graph->allocator;
    size_t slab = s->options.gradients && !s->options.stream_updates ? s->graph->slab_size * s->graph->element : 0;
    for (size_t i = 0; i < s->reduction_count; i++) {
        const bp_reduction *r = &s->reductions[i];
        size_t tile = least(r->tile_rows, r->rows) * least(r->tile_cols, r->cols) * s->graph->element;
        s->scratch_bytes = tile > s->scratch_bytes ? tile : s->scratch_bytes;
    }
    s->scratch_bytes = bp_round_up(s->scratch_bytes, BP_ALIGN);
    region measure = {NULL, 0};
    if (!place_slots(s, &measure) || !(s->memory = bp_alloc(a, measure.used, 1)) ||
        (slab && !(s->grads = bp_alloc(a, slab, 1))) ||
        !(s->scratch = bp_alloc(a, (size_t)s->threads, s->scratch_bytes))) {
        return BP_ERR_MEMORY;
    }
    region final = {s->memory, 0};
    place_slots(s, &final);
    s->bytes = final.used + slab + (size_t)s->threads * s->scratch_bytes;
    return BP_OK;
}

/* ---- threads and blocks ---- */

static double op_flops(const bp_session *s, const bp_node *n)
{
    double one = n->op->flops ? n->op->flops(n) : (double)n->size, total = one;
    for (int i = 0; i < n->op->arity; i++) {
        bool matters = i < 2 || n->op->weight >= n->op->arity; /* a bias costs little */
        if (s->slots[n->in[i]->index].gradient && matters) {
            total += one;
        }
    }
    return total;
}

static void plan_work(bp_session *s)
{
    size_t row_bytes = 0;
    for (size_t i = 0; i < s->forward_count; i++) {
        s->flops += op_flops(s, s->forward[i]);
    }
    for (size_t i = 0; i < s->graph->count; i++) {
        const bp_node *n = node_at(s, i);
        size_t copies = n->batched && s->slots[i].needed ? 1 + s->slots[i].gradient : 0;
        row_bytes += copies * row_elements(n->size, s->graph->element) * s->graph->element;
    }
    bool near = s->graph->slab_size * s->graph->element <= BLOCK_BYTES;
    size_t block = row_bytes ? BLOCK_BYTES / row_bytes / 16 * 16 : BLOCK_ROWS_MAX;
    size_t fewest = near ? BLOCK_ROWS_FEW : BLOCK_ROWS_MANY;
    block = block < fewest ? fewest : block;
    s->block = least(block, BLOCK_ROWS_MAX);
    bool fixed = s->options.threads > 0, small = s->flops * (double)s->options.max_rows < PARALLEL_FLOPS;
    s->threads = fixed ? s->options.threads : small ? 1 : bp_threads_available();
    s->pace = bp_pace_new(s->threads, fixed);
}

bp_status bp_session_plan(bp_session *s)
{
    if (!allocate_lists(s)) {
        return BP_ERR_MEMORY;
    }
    mark_reachable(s);
    mark_gradients(s);
    list_ops(s);
    bp_status status = order_gradients(s);
    if (status == BP_OK) {
        plan_work(s);
        status = plan_memory(s);
    }
    return status;
}
