/* exec.c - the two-phase step.
 *
 *   rows phase      each thread carries its own rows, block by block, through the whole depth: load, forward, loss,
 *                   backward to every delta. Rows do not depend on each other, so nobody waits.
 *   barrier
 *   weights phase   each thread owns a stretch of the parameters and sums its tiles over all rows, in row order; a
 *                   finished tile goes to the optimizer while it is in the cache, or is kept.
 *   barrier         (the end of the team's run)
 *
 * The cut between threads never changes the order of a sum, so results are the same bits for every number of threads. */
#include "graph/graph.h"

#include <string.h>

typedef struct step {
    bp_session *s;
    size_t rows;
    int what;
    const bp_hooks *hooks;
} step;

static bp_run run_of(const bp_session *s, const bp_node *n, size_t row, size_t rows)
{
    return (bp_run){s, s->graph->kernels, n, row, rows};
}

/* dL/d(target) = 1/N: the objective is the mean over the rows. */
static void seed_gradient(const bp_session *s, size_t row, size_t rows, size_t batch)
{
    const bp_slot *slot = &s->slots[s->targets[0]->index];
    for (size_t r = row; r < row + rows; r++) {
        if (s->graph->type == BP_F64) {
            ((double *)slot->grad)[r * slot->ld] = 1 / (double)batch;
        } else {
            ((float *)slot->grad)[r * slot->ld] = (float)(1 / (double)batch);
        }
    }
}

static void forward_block(const step *t, size_t row, size_t rows)
{
    const bp_session *s = t->s;
    if (t->hooks->load) {
        t->hooks->load(t->hooks->rows_ctx, row, rows);
    }
    for (size_t i = 0; i < s->forward_count; i++) {
        bp_run r = run_of(s, s->forward[i], row, rows);
        r.n->op->forward(&r);
    }
    if (t->hooks->observe) {
        t->hooks->observe(t->hooks->rows_ctx, row, rows);
    }
}

static void backward_block(const step *t, size_t row, size_t rows)
{
    const bp_session *s = t->s;
    if (s->targets[0]->batched) {
        seed_gradient(s, row, rows, t->rows);
    }
    for (size_t i = 0; i < s->backward_count; i++) {
        bp_run r = run_of(s, s->backward[i], row, rows);
        r.n->op->backward(&r);
    }
}

static void rows_phase(const step *t, int thread, int threads)
{
    bp_range mine = bp_team_share(t->rows, 1, thread, threads);
    for (size_t row = mine.begin; row < mine.end; row += t->s->block) {
        size_t rows = mine.end - row < t->s->block ? mine.end - row : t->s->block;
        if (t->what & BP_FORWARD) {
            forward_block(t, row, rows);
        }
        if (t->what & BP_BACKWARD) {
            backward_block(t, row, rows);
        }
    }
}

/* One tile: what every consumer contributes, then on to the optimizer or into the session. */
static void reduce_tile(const step *t, const bp_reduction *red, bp_range part, char *scratch)
{
    const bp_session *s = t->s;
    const bp_slot *slot = &s->slots[red->node->index];
    bool consumed = t->hooks->tile && bp_node_is(red->node, BP_OP_PARAM);
    bp_tile tile = {.node = red->node, .begin = part.begin, .end = part.end};
    tile.grad = consumed ? scratch : slot->grad + part.begin * s->graph->element;
    for (size_t i = 0; i < red->part_count; i++) {
        const bp_contribution *c = &red->parts[i];
        bp_run r = run_of(s, c->op, 0, t->rows);
        tile.accumulate = s->slots[c->op->index].accumulate[c->i];
        c->op->op->reduce(&r, c->i, &tile);
    }
    if (consumed) {
        tile.accumulate = false;
        t->hooks->tile(t->hooks->tile_ctx, &tile);
    }
}

/* The elements of a reduction whose cost lies in [from, to) of the whole, in units. */
static bp_range share_of(const bp_reduction *red, double from, double to)
{
    size_t units = (red->node->size + red->unit - 1) / red->unit;
    double a = (from - red->before) / red->cost, b = (to - red->before) / red->cost;
    size_t begin = a <= 0 ? 0 : (size_t)(a + 0.5), end = b <= 0 ? 0 : (size_t)(b + 0.5);
    begin = (begin < units ? begin : units) * red->unit;
    end = (end < units ? end : units) * red->unit;
    return (bp_range){begin, end < red->node->size ? end : red->node->size};
}

static void weights_phase(const step *t, int thread, int threads)
{
    const bp_session *s = t->s;
    double total = s->reduction_cost, share = total / threads;
    double from = share * thread, to = thread == threads - 1 ? 2 * total : share * (thread + 1);
    char *scratch = s->scratch + (size_t)thread * s->scratch_bytes;
    for (size_t i = 0; i < s->reduction_count; i++) {
        const bp_reduction *red = &s->reductions[i];
        bp_range mine = share_of(red, from, to);
        for (size_t at = mine.begin; at < mine.end; at += red->tile) {
            size_t end = mine.end - at < red->tile ? mine.end : at + red->tile;
            reduce_tile(t, red, (bp_range){at, end}, scratch);
        }
    }
}

/* ---- what depends on no input: computed once, by one thread ---- */

static void shared_forward(const step *t)
{
    for (size_t i = 0; i < t->s->shared_count; i++) {
        bp_run r = run_of(t->s, t->s->shared[i], 0, 1);
        r.n->op->forward(&r);
    }
}

static void shared_backward(const step *t)
{
    const bp_session *s = t->s;
    if (!s->targets[0]->batched) {
        seed_gradient(s, 0, 1, 1);
    }
    for (size_t i = 0; i < s->shared_backward_count; i++) {
        const bp_node *n = s->shared_backward[i];
        bp_run r = run_of(s, n, 0, 1);
        n->op->backward(&r);
        for (int k = n->op->weight; k < n->op->arity; k++) {
            const bp_node *w = n->in[k];
            if (s->slots[w->index].gradient) {
                bp_tile tile = {w, 0, w->size, s->slots[w->index].grad, s->slots[n->index].accumulate[k]};
                n->op->reduce(&r, k, &tile);
            }
        }
    }
}

static void run_step(void *ctx, int thread, int threads)
{
    const step *t = ctx;
    if ((t->what & BP_FORWARD) && t->s->shared_count) {
        if (thread == 0) {
            shared_forward(t);
        }
        bp_team_barrier(threads);
    }
    rows_phase(t, thread, threads);
    if (!(t->what & BP_BACKWARD)) {
        return;
    }
    bp_team_barrier(threads);
    weights_phase(t, thread, threads);
    if (t->s->shared_backward_count) {
        bp_team_barrier(threads);
        if (thread == 0) {
            shared_backward(t);
        }
    }
}

bool bp_session_tiles_final(const bp_session *s)
{
    return s->shared_backward_count == 0;
}

void bp_session_run(bp_session *s, size_t rows, int what, const bp_hooks *hooks)
{
    step t = {s, rows, what, hooks};
    if (what & BP_FORWARD) {
        s->rows = rows;
    }
    bp_team_run(s->threads, run_step, &t);
}
