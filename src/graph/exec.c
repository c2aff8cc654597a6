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

/* dL/d(target) = weight/N: the objective is the mean over the rows. */
static void seed_gradient(const bp_session *s, size_t row, size_t rows, size_t batch)
{
    const bp_node *n = s->targets[0];
    const bp_slot *slot = &s->slots[n->index];
    const double *weight = n->batched ? s->weights : NULL;
    double even = 1 / (double)batch; /* one division, not one a row: small networks feel it */
    for (size_t r = row; r < row + rows; r++) {
        double seed = weight ? weight[r] / (double)batch : even;
        if (s->graph->type == BP_F64) {
            ((double *)slot->grad)[r * slot->ld] = seed;
        } else {
            ((float *)slot->grad)[r * slot->ld] = (float)seed;
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
        if ((t->what & BP_BACKWARD) && t->s->slots[t->s->targets[0]->index].gradient) {
            backward_block(t, row, rows);
        }
    }
}

/* One tile: what every consumer contributes, then on to the optimizer or into the session. */
static void reduce_tile(const step *t, const bp_reduction *red, bp_tile tile, char *scratch)
{
    const bp_session *s = t->s;
    bool consumed = t->hooks->tile && bp_node_is(red->node, BP_OP_PARAM);
    tile.ld = consumed ? tile.cols.end - tile.cols.begin : red->cols;
    tile.grad = scratch;
    if (!consumed) {
        tile.grad = s->slots[red->node->index].grad;
        tile.grad += (tile.rows.begin * red->cols + tile.cols.begin) * s->graph->element;
    }
    for (size_t i = 0; i < red->part_count; i++) {
        const bp_contribution *c = &red->parts[i];
        bp_run r = run_of(s, c->op, 0, t->rows);
        tile.accumulate = s->slots[c->op->index].accumulate[c->i];
        c->op->op->reduce(&r, c->i, &tile);
    }
    if (consumed) {
        t->hooks->tile(t->hooks->tile_ctx, &tile);
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where the part of the work that ends at `cost` ends in this reduction, in rows (columns of a vector). */
static size_t cut_at(const bp_reduction *red, double cost)
{
    double units = (cost - red->before) / red->cost;
    size_t whole = units <= 0 ? 0 : units >= (double)red->units ? red->units : (size_t)(units + 0.5);
    return least(whole * red->unit, red->by_cols ? red->cols : red->rows);
}

static void reduce_part(const step *t, const bp_reduction *red, bp_range part, char *scratch)
{
    bp_range rows = red->by_cols ? (bp_range){0, 1} : part, cols = red->by_cols ? part : (bp_range){0, red->cols};
    for (size_t c = cols.begin; c < cols.end; c += red->tile_cols) {
        for (size_t r = rows.begin; r < rows.end; r += red->tile_rows) {
            bp_tile tile = {.node = red->node,
                            .rows = {r, least(r + red->tile_rows, rows.end)},
                            .cols = {c, least(c + red->tile_cols, cols.end)}};
            reduce_tile(t, red, tile, scratch);
        }
    }
}

static void weights_phase(const step *t, int thread, int threads)
{
    const bp_session *s = t->s;
    double share = s->reduction_cost / threads;
    double from = share * thread, to = share * (thread + 1); /* cut_at rounds: the last one ends with the last unit */
    char *scratch = s->scratch + (size_t)thread * s->scratch_bytes;
    for (size_t i = 0; i < s->reduction_count; i++) {
        const bp_reduction *red = &s->reductions[i];
        reduce_part(t, red, (bp_range){cut_at(red, from), cut_at(red, to)}, scratch);
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
                size_t cols = bp_node_cols(w);
                bp_tile tile = {
                    w, {0, w->size / cols}, {0, cols}, s->slots[w->index].grad, cols, s->slots[n->index].accumulate[k]};
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
    if (!(t->what & BP_BACKWARD) || !t->s->slots[t->s->targets[0]->index].gradient) {
        return;
    }
    bp_team_barrier(threads);
    weights_phase(t, thread, threads);
    if (!bp_session_tiles_final(t->s)) {
        bp_team_barrier(threads);
        if (thread == 0) {
            shared_backward(t);
        }
    }
}

bool bp_session_tiles_final(const bp_session *s)
{
    return s->shared_backward_count == 0 && s->targets[0]->batched;
}

void bp_session_run(bp_session *s, size_t rows, int what, const bp_hooks *hooks)
{
    step t = {s, rows, what, hooks};
    if (what & BP_BACKWARD) {
        s->has_gradients = !hooks->tile;
    }
    if (what & BP_FORWARD) {
        s->rows = rows;
    }
    if (s->pace.mode == BP_PACE_FIXED) {
        bp_team_run(s->threads, run_step, &t);
        return;
    }
    double start = bp_seconds();
    bp_team_run(bp_pace_threads(&s->pace), run_step, &t);
    bp_pace_note(&s->pace, bp_seconds() - start, rows);
}
