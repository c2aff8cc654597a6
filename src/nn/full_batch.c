/* full_batch.c - an epoch as one step of a method that looks at all rows: lbfgs.c or rprop.c. Here is what such a method
 * minimises: the mean loss over all rows plus the penalties, as a function of the parameters.
 *
 * Rows pass through a session in blocks, in their order. Loss and gradient of the blocks are added up in double, in one
 * order for every number of threads. */
#include "graph/node.h"
#include "nn/train.h"

#include <math.h>
#include <string.h>

enum { BLOCK_ROWS = 1024 }; /* in a session at once: enough for threads and GEMM, few enough for the cache */

typedef struct full_batch {
    const bp_method *method;
    void *state;
    bp_function function;
    bp_point point;
    bool started;                     /* f and g of the point are known */
    double loss;                      /* of the last evaluation, without penalties, */
    bp_tally done;                    /* and what its rows count */
    size_t passes;                    /* evaluations so far: which dropout masks are used */
    double *scratch, *block_gradient; /* point.x, point.g and a gradient of one block lie in scratch */
} full_batch;

static size_t steps(const bp_train_options *o, const bp_data *data)
{
    (void)o;
    (void)data;
    return 1;
}

/* ---- the objective ---- */

/* Adds one block's share of loss and gradient; false if they are not finite. */
static bool add_block(bp_trainer *t, double *g, size_t first, size_t rows)
{
    full_batch *own = t->own;
    const bp_graph *graph = t->m->graph;
    size_t blocks = (t->data->rows - 1) / BLOCK_ROWS + 1;
    double share = (double)rows / (double)t->data->rows;
    bp_hooks hooks = {.rows_ctx = &t->batch, .load = bp_batch_load, .observe = bp_batch_observe};
    t->batch.first = first;
    bp_session_set_step(t->s, own->passes * blocks + first / BLOCK_ROWS);
    bp_session_run(t->s, rows, BP_FORWARD | BP_BACKWARD, &hooks);
    own->loss += share * bp_session_objective(t->s);
    if (!isfinite(own->loss) || !graph->kernels->all_finite(graph->slab_size, t->s->grads)) {
        return false;
    }
    bp_widen(own->block_gradient, t->s->grads, graph->type, graph->slab_size);
    for (size_t i = 0; i < graph->slab_size; i++) {
        g[i] += share * own->block_gradient[i];
    }
    bp_tally these = bp_batch_tally(&t->batch, rows);
    own->done.rows += these.rows;
    own->done.right += these.right;
    return true;
}

/* x is rounded to what the parameters can hold, so that f, g and the step from the last x belong together. */
static double objective(void *ctx, double *g, double *x)
{
    bp_trainer *t = ctx;
    full_batch *own = t->own;
    const bp_graph *graph = t->m->graph;
    bp_graph_keep_frozen(graph, x);
    bp_narrow(graph->slab, graph->type, x, graph->slab_size);
    bp_widen(x, graph->slab, graph->type, graph->slab_size);
    memset(g, 0, graph->slab_size * sizeof *g);
    own->loss = 0;
    own->done = (bp_tally){0};
    bool finite = graph->kernels->all_finite(graph->slab_size, graph->slab);
    for (size_t first = 0; finite && first < t->data->rows; first += BLOCK_ROWS) {
        size_t left = t->data->rows - first;
        finite = add_block(t, g, first, left < BLOCK_ROWS ? left : BLOCK_ROWS);
    }
    own->passes++;
    t->evaluations++;
    t->samples += t->data->rows;
    return finite ? own->loss + bp_penalties(t->s, &t->o->optimizer, g, x) : NAN;
}

/* ---- opening and closing ---- */

/* A line search compares values of one function; masks that change make it another one. */
static bp_status check_dropout(const bp_trainer *t)
{
    for (size_t i = 0; i < t->s->forward_count && t->o->optimizer.kind == BP_LBFGS; i++) {
        const bp_node *n = t->s->forward[i];
        if (bp_node_is(n, BP_OP_DROPOUT) && n->a > 0) {
            return bp_fail(BP_ERR_ARGUMENT,
                           "lbfgs needs an objective that is the same each time, and the network has dropout: leave "
                           "it out (the penalty l2 serves the same end), or use rprop or adam");
        }
    }
    return BP_OK;
}

static bp_status make_point(full_batch *own, const bp_graph *g)
{
    size_t n = g->slab_size;
    if (!(own->scratch = bp_alloc(&g->allocator, n, 3 * sizeof(double)))) {
        return BP_ERR_MEMORY;
    }
    own->point = (bp_point){.x = own->scratch, .g = own->scratch + n};
    own->block_gradient = own->scratch + 2 * n;
    bp_widen(own->point.x, g->slab, g->type, n);
    return BP_OK;
}

static bp_status set_up(bp_trainer *t)
{
    const bp_graph *g = t->m->graph;
    const bp_optimizer_options *o = &t->o->optimizer;
    full_batch *own = t->own = bp_alloc(&g->allocator, 1, sizeof *own);
    if (!own) {
        return BP_ERR_MEMORY;
    }
    own->method = bp_optimizer_method(o->kind);
    own->function = (bp_function){g->slab_size, objective, t};
    bp_status status = bp_optimizer_check_schedule(o, &t->o->schedule);
    size_t rows = t->data->rows < BLOCK_ROWS ? t->data->rows : BLOCK_ROWS;
    status = status == BP_OK ? bp_trainer_session(t, rows, false) : status;
    status = status == BP_OK ? check_dropout(t) : status;
    status = status == BP_OK ? make_point(own, g) : status;
    return status == BP_OK ? own->method->new (&own->state, &g->allocator, g->slab_size, o) : status;
}

static void tear_down(bp_trainer *t)
{
    full_batch *own = t->own;
    if (own) {
        own->method->free(own->state);
        bp_release(&t->m->allocator, own->scratch);
        bp_release(&t->m->allocator, own);
    }
}

/* ---- one iteration ---- */

static bp_outcome iterate(bp_trainer *t)
{
    full_batch *own = t->own;
    bp_point *p = &own->point;
    if (!own->started) {
        p->f = objective(t, p->g, p->x);
        own->started = true;
    }
    if (!isfinite(p->f)) {
        return BP_BROKEN;
    }
    return own->method->step(own->state, &own->function, p);
}

/* Leaves the model, its loss and its right answers at the point. It is where the last evaluation was, except after a line
 * search that found nothing better. */
static void settle(bp_trainer *t)
{
    full_batch *own = t->own;
    const bp_graph *g = t->m->graph;
    double *evaluated = own->block_gradient;
    bp_widen(evaluated, g->slab, g->type, g->slab_size);
    if (memcmp(evaluated, own->point.x, g->slab_size * sizeof *evaluated) != 0) {
        own->point.f = objective(t, own->point.g, own->point.x);
    }
}

static bp_status epoch(bp_trainer *t)
{
    double start = bp_seconds();
    full_batch *own = t->own;
    bp_outcome outcome = iterate(t);
    if (outcome != BP_BROKEN) {
        settle(t);
    }
    t->step++;
    t->lr = own->point.step;
    t->train_seconds += bp_seconds() - start;
    if (outcome == BP_BROKEN) {
        return bp_trainer_diverged(t, own->loss);
    }
    t->done = own->done;
    t->rows_done = t->data->rows;
    t->loss_sum = own->loss * (double)t->rows_done;
    if (outcome == BP_CONVERGED) {
        t->stop = t->converged = true;
    }
    bp_trainer_stepped(t);
    return BP_OK;
}

static void list(bp_trainer *t, bp_state_list *s)
{
    full_batch *own = t->own;
    size_t n = t->m->graph->slab_size;
    bp_state_array(s, "point.x", BP_F64, n, own->point.x);
    bp_state_array(s, "point.g", BP_F64, n, own->point.g);
    bp_state_real(s, "point.f", &own->point.f);
    bp_state_real(s, "point.step", &own->point.step);
    bp_state_flag(s, "full.started", &own->started);
    bp_state_count(s, "full.passes", &own->passes, SIZE_MAX);
    bp_state_real(s, "full.loss", &own->loss);
    bp_state_real(s, "full.rows", &own->done.rows);
    bp_state_real(s, "full.right", &own->done.right);
    own->method->list(own->state, s);
}

const bp_stepper bp_full_batch = {set_up, epoch, tear_down, steps, list};
