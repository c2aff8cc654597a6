/* optimizer.c - update rules applied to the parameters of a graph: tile by tile as gradients leave the weights phase, or
 * to whole gradients where something needs them whole (their joint norm; parameters used by shared ops). */
#include "nn/optimizer.h"

#include "graph/node.h"
#include "nn/minimize.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What an optimizer cannot take. */
enum {
    NO_MOMENTUM = 1,
    NO_L1 = 2,
    NO_DECAY = 4,
    NO_CLIPPING = 8,
    NO_SCHEDULE = 16,
    OWN_LENGTH = NO_MOMENTUM | NO_DECAY | NO_CLIPPING | NO_SCHEDULE /* it finds out how far to go */
};

typedef struct optimizer_kind {
    const char *name;
    bp_update_rule rule; /* of kernels; BP_UPDATES: it has none */
    bool nesterov;
    const bp_method *method; /* NULL: takes mini-batches */
    unsigned refuses;
    bp_optimizer_options defaults;
} optimizer_kind;

/* Defaults as in PyTorch; lr of SGD, which PyTorch leaves to the user, is 0.1 (0.01 with momentum). */
static const optimizer_kind kinds[] = {
    [BP_SGD] = {"sgd", BP_UPDATE_SGD, .defaults = {.lr = 0.1}},
    [BP_MOMENTUM] = {"momentum", BP_UPDATE_MOMENTUM, .defaults = {.lr = 0.01, .momentum = 0.9}},
    [BP_NESTEROV] = {"nesterov", BP_UPDATE_MOMENTUM, .nesterov = true, .defaults = {.lr = 0.01, .momentum = 0.9}},
    [BP_ADAGRAD] = {"adagrad", BP_UPDATE_ADAGRAD, .refuses = NO_MOMENTUM, .defaults = {.lr = 0.01, .eps = 1e-10}},
    [BP_RMSPROP] = {"rmsprop", BP_UPDATE_RMSPROP, .defaults = {.lr = 0.01, .beta2 = 0.99, .eps = 1e-8}},
    [BP_ADAM] = {"adam", BP_UPDATE_ADAM, .refuses = NO_MOMENTUM,
                 .defaults = {.lr = 0.001, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}},
    [BP_ADAMW] = {"adamw", BP_UPDATE_ADAM, .refuses = NO_MOMENTUM,
                  .defaults = {.lr = 0.001, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01}},
    [BP_LBFGS] = {"lbfgs", BP_UPDATES, .method = &bp_lbfgs_method, .refuses = OWN_LENGTH | NO_L1,
                  .defaults = {.lr = 1, .history = 10, .tolerance_gradient = 1e-5, .tolerance_decrease = 1e-9}},
    [BP_RPROP] = {"rprop", BP_UPDATES, .method = &bp_rprop_method, .refuses = OWN_LENGTH,
                  .defaults = {.lr = 0.1, .eta_plus = 1.2, .eta_minus = 0.5, .step_min = 1e-6, .step_max = 50}},
};
_Static_assert(sizeof kinds / sizeof *kinds == BP_OPTIMIZERS, "one row for each optimizer");

const char *bp_optimizer_name(bp_optimizer_kind k)
{
    return (size_t)k < BP_OPTIMIZERS ? kinds[k].name : "unknown";
}

bool bp_optimizer_full_batch(bp_optimizer_kind k)
{
    return bp_optimizer_method(k) != NULL;
}

const bp_method *bp_optimizer_method(bp_optimizer_kind k)
{
    return (size_t)k < BP_OPTIMIZERS ? kinds[k].method : NULL;
}

static const char *name_at(size_t i)
{
    return kinds[i].name;
}

bp_status bp_optimizer_parse(bp_optimizer_kind *out, const char *name)
{
    int i = bp_find_name(name, name_at, BP_OPTIMIZERS);
    if (i < 0) {
        return bp_fail_unknown("optimizer", name, name_at, BP_OPTIMIZERS);
    }
    *out = (bp_optimizer_kind)i;
    return BP_OK;
}

bp_optimizer_options bp_optimizer_defaults(bp_optimizer_kind kind)
{
    bp_optimizer_options o = (size_t)kind < BP_OPTIMIZERS ? kinds[kind].defaults : kinds[BP_SGD].defaults;
    o.kind = kind;
    return o;
}

/* ---- options ---- */

typedef struct bound {
    const char *name;
    double value, low, high; /* low <= value < high */
} bound;

typedef struct refusal {
    unsigned flag;
    const char *name;
    double value;
    const char *advice;
} refusal;

static bp_status check_refusals(const bp_optimizer_options *o)
{
    const char *own = "the method itself finds out how far to go";
    const refusal refusals[] = {
        {NO_MOMENTUM, "momentum", o->momentum, "momentum, nesterov, sgd and rmsprop do; adam has beta1 for it"},
        {NO_L1, "l1", o->l1, "the penalty has no gradient at 0, which the line search needs; use l2, or rprop"},
        {NO_DECAY, "weight decay", o->weight_decay, "use the penalty l2"},
        {NO_CLIPPING, "clip_norm", o->clip_norm, own},
        {NO_CLIPPING, "clip_value", o->clip_value, own},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *r = &refusals[i];
        if (r->value > 0 && (kinds[o->kind].refuses & r->flag)) {
            return bp_fail(BP_ERR_ARGUMENT, "%s takes no %s: %s", kinds[o->kind].name, r->name, r->advice);
        }
    }
    return BP_OK;
}

bp_status bp_optimizer_check_schedule(const bp_optimizer_options *o, const bp_schedule *s)
{
    bool constant = s->kind == 0 && s->warmup == 0;
    if (!constant && (kinds[o->kind].refuses & NO_SCHEDULE)) {
        return bp_fail(BP_ERR_ARGUMENT, "%s takes no schedule but constant: it finds out itself how far to go",
                       kinds[o->kind].name);
    }
    return BP_OK;
}

/* What the methods that take all rows need beyond the bounds. */
static bp_status check_method(const bp_optimizer_options *o)
{
    const char *name = kinds[o->kind].name;
    if (o->lr == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "%s: a first step of 0; expected more", name);
    }
    if (o->kind == BP_LBFGS && o->history == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "%s: a history of 0 steps; expected at least 1", name);
    }
    if (o->kind == BP_RPROP &&
        !(o->eta_minus > 0 && o->eta_minus < 1 && o->eta_plus > 1 && o->step_min > 0 && o->step_min <= o->step_max)) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "%s: eta_minus %g, eta_plus %g, steps %g to %g; expected 0 < eta_minus < 1 < eta_plus and "
                       "0 < step_min <= step_max",
                       name, o->eta_minus, o->eta_plus, o->step_min, o->step_max);
    }
    return BP_OK;
}

bp_status bp_optimizer_check(const bp_optimizer_options *o)
{
    if ((size_t)o->kind >= BP_OPTIMIZERS) {
        return bp_fail(BP_ERR_ARGUMENT, "%d is not an optimizer", (int)o->kind);
    }
    const bound bounds[] = {
        {"learning rate", o->lr, 0, INFINITY},
        {"momentum", o->momentum, 0, 1},
        {"dampening", o->dampening, 0, INFINITY},
        {"beta1", o->beta1, 0, 1},
        {"beta2", o->beta2, 0, 1},
        {"eps", o->eps, 0, INFINITY},
        {"lr_decay", o->lr_decay, 0, INFINITY},
        {"initial accumulator", o->initial, 0, INFINITY},
        {"l2", o->l2, 0, INFINITY},
        {"l1", o->l1, 0, INFINITY},
        {"weight decay", o->weight_decay, 0, INFINITY},
        {"clip_norm", o->clip_norm, 0, INFINITY},
        {"clip_value", o->clip_value, 0, INFINITY},
        {"tolerance_gradient", o->tolerance_gradient, 0, INFINITY},
        {"tolerance_decrease", o->tolerance_decrease, 0, INFINITY},
        {"eta_plus", o->eta_plus, 0, INFINITY},
        {"step_max", o->step_max, 0, INFINITY},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const bound *b = &bounds[i];
        if (!(b->value >= b->low && b->value < b->high)) {
            return bp_fail(BP_ERR_ARGUMENT, "%s: %s %g; expected %g <= value < %g", kinds[o->kind].name, b->name,
                           b->value, b->low, b->high);
        }
    }
    bp_status status = check_refusals(o);
    if (status != BP_OK) {
        return status;
    }
    if (kinds[o->kind].nesterov && (o->momentum <= 0 || o->dampening != 0)) {
        return bp_fail(BP_ERR_ARGUMENT, "nesterov needs a momentum above 0 and no dampening");
    }
    return kinds[o->kind].method ? check_method(o) : BP_OK;
}

/* ---- the optimizer ---- */

enum { NORM_CHUNK = 16384 }; /* elements whose squares are summed together */

struct bp_optimizer {
    bp_graph *graph;
    bp_optimizer_options options;
    char *m, *v;               /* moments, with the offsets of the parameter slab; NULL: none */
    double *partial;           /* sums of squares of the chunks of the gradient slab */
    void *rprop;               /* its state, */
    double *wide;              /* and parameters and gradients as double; NULL: another rule */
    size_t step;               /* updates done */
    bp_state_list state;       /* made when it is first asked for */
    bp_update weights, biases; /* coefficients of the step under way */
};

/* SGD with momentum is PyTorch's SGD(momentum). */
static bp_update_rule rule_of(const bp_optimizer_options *o)
{
    return o->kind == BP_SGD && o->momentum > 0 ? BP_UPDATE_MOMENTUM : kinds[o->kind].rule;
}

static bool wants_m(const bp_optimizer_options *o)
{
    bp_update_rule rule = rule_of(o);
    return rule == BP_UPDATE_MOMENTUM || rule == BP_UPDATE_ADAM || (rule == BP_UPDATE_RMSPROP && o->momentum > 0);
}

static bool wants_v(const bp_optimizer_options *o)
{
    bp_update_rule rule = rule_of(o);
    return rule == BP_UPDATE_ADAGRAD || rule == BP_UPDATE_RMSPROP || rule == BP_UPDATE_ADAM;
}

static size_t norm_chunks(const bp_graph *g)
{
    return (g->slab_size + NORM_CHUNK - 1) / NORM_CHUNK;
}

bp_status bp_optimizer_new(bp_optimizer **out, bp_graph *g, const bp_optimizer_options *options)
{
    *out = NULL;
    bp_status status = bp_optimizer_check(options);
    if (status == BP_OK && options->kind == BP_LBFGS) {
        status = bp_fail(BP_ERR_ARGUMENT,
                         "lbfgs evaluates the objective several times a step, on all rows, which steps of your own "
                         "cannot do: use bp_train, or another optimizer");
    }
    if (status == BP_OK && !g->compiled) {
        status = bp_fail(BP_ERR_STATE, "an optimizer needs a compiled graph: call bp_graph_compile first");
    }
    if (status != BP_OK) {
        return status;
    }
    const bp_allocator *a = &g->allocator;
    bp_optimizer *o = bp_alloc(a, 1, sizeof *o);
    if (!o) {
        return BP_ERR_MEMORY;
    }
    o->graph = g;
    o->options = *options;
    o->state = bp_state_new(a);
    bool done = (!wants_m(options) || (o->m = bp_alloc(a, g->slab_size, g->element))) &&
                (!wants_v(options) || (o->v = bp_alloc(a, g->slab_size, g->element))) &&
                (o->partial = bp_alloc(a, norm_chunks(g), sizeof *o->partial));
    if (done && options->kind == BP_RPROP) {
        done = bp_rprop_method.new(&o->rprop, a, g->slab_size, options) == BP_OK &&
               (o->wide = bp_alloc(a, g->slab_size, 2 * sizeof *o->wide));
    }
    if (!done) {
        bp_optimizer_free(o);
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; o->v && options->initial > 0 && i < g->slab_size; i++) {
        bp_narrow(o->v + i * g->element, g->type, &options->initial, 1);
    }
    *out = o;
    return BP_OK;
}

void bp_optimizer_free(bp_optimizer *o)
{
    if (o) {
        const bp_allocator *a = &o->graph->allocator;
        bp_release(a, o->m);
        bp_release(a, o->v);
        bp_release(a, o->partial);
        bp_release(a, o->wide);
        bp_rprop_method.free(o->rprop);
        bp_state_free(&o->state);
        bp_release(a, o);
    }
}

void bp_optimizer_set_lr(bp_optimizer *o, double lr)
{
    o->options.lr = lr;
}

/* ---- its state ---- */

void bp_optimizer_list(bp_optimizer *o, bp_state_list *s)
{
    const bp_graph *g = o->graph;
    bp_state_count(s, "optimizer.step", &o->step, SIZE_MAX);
    bp_state_real(s, "optimizer.lr", &o->options.lr);
    if (o->m) {
        bp_state_array(s, "optimizer.m", g->type, g->slab_size, o->m);
    }
    if (o->v) {
        bp_state_array(s, "optimizer.v", g->type, g->slab_size, o->v);
    }
    if (o->rprop) {
        bp_rprop_method.list(o->rprop, s);
    }
}

static void make_state(bp_optimizer *o)
{
    if (o->state.count == 0) {
        bp_state_array(&o->state, "weights", o->graph->type, o->graph->slab_size, o->graph->slab);
        bp_optimizer_list(o, &o->state);
    }
}

bp_status bp_optimizer_state(const bp_state **out, bp_optimizer *o)
{
    make_state(o);
    *out = &o->state.view;
    return bp_state_show(&o->state);
}

bp_status bp_optimizer_restore(bp_optimizer *o, const bp_state *from)
{
    make_state(o);
    return bp_state_restore(&o->state, from);
}

/* ---- steps ---- */

/* Coefficients of the next step; penalties and decay leave biases (vectors) alone. */
static void prepare(bp_optimizer *o)
{
    const bp_optimizer_options *p = &o->options;
    double t = (double)o->step + 1;
    o->weights = (bp_update){.lr = p->lr / (1 + (t - 1) * p->lr_decay),
                             .l2 = p->l2,
                             .l1 = p->l1,
                             .decay = p->lr * p->weight_decay,
                             .clip = p->clip_value,
                             .scale = 1,
                             .momentum = p->momentum,
                             .dampening = p->dampening,
                             .nesterov = kinds[p->kind].nesterov,
                             .first_step = o->step == 0,
                             .beta1 = p->beta1,
                             .beta2 = p->beta2,
                             .eps = p->eps,
                             .bias1 = 1 - pow(p->beta1, t),
                             .bias2 = 1 - pow(p->beta2, t)};
    o->biases = o->weights;
    o->biases.l2 = o->biases.l1 = o->biases.decay = 0;
    o->step++;
}

/* Updates elements [begin, end) of a parameter; grad: their gradient. */
static void update_part(const bp_optimizer *o, const bp_node *n, size_t begin, size_t end, const void *grad)
{
    const bp_graph *g = o->graph;
    size_t at = (n->offset + begin) * g->element;
    if (n->frozen) { /* since the session was made */
        return;
    }
    bp_update_args args = {end - begin, g->slab + at, grad, o->m ? o->m + at : NULL, o->v ? o->v + at : NULL};
    g->kernels->update[rule_of(&o->options)](n->shape.dims > 1 ? &o->weights : &o->biases, &args);
}

/* Row by row, or at once where the tile is as wide as the parameter. */
static void update_tile(void *ctx, const bp_tile *t)
{
    const bp_optimizer *o = ctx;
    size_t width = bp_node_cols(t->node), cols = t->cols.end - t->cols.begin;
    if (cols == width) {
        update_part(o, t->node, t->rows.begin * width, t->rows.end * width, t->grad);
        return;
    }
    for (size_t r = t->rows.begin; r < t->rows.end; r++) {
        const char *grad = t->grad + (r - t->rows.begin) * t->ld * o->graph->element;
        update_part(o, t->node, r * width + t->cols.begin, r * width + t->cols.end, grad);
    }
}

/* ---- with whole gradients ---- */

typedef struct whole {
    bp_optimizer *o;
    const bp_session *s;
} whole;

static void sum_chunks(void *ctx, int thread, int threads)
{
    const whole *w = ctx;
    const bp_graph *g = w->o->graph;
    bp_range mine = bp_team_share(norm_chunks(g), 1, thread, threads);
    for (size_t i = mine.begin; i < mine.end; i++) {
        size_t first = i * NORM_CHUNK, left = g->slab_size - first;
        w->o->partial[i] =
            g->kernels->sum_squares(left < NORM_CHUNK ? left : NORM_CHUNK, w->s->grads + first * g->element);
    }
}

/* As torch.nn.utils.clip_grad_norm_: scale by max / (norm + 1e-6) if that is below 1. */
static double norm_scale(whole *w, double most)
{
    bp_team_run(bp_pace_threads(&w->s->pace), sum_chunks, w);
    double sum = 0;
    for (size_t i = 0; i < norm_chunks(w->o->graph); i++) {
        sum += w->o->partial[i];
    }
    double scale = most / (sqrt(sum) + 1e-6);
    return scale < 1 || isnan(scale) ? scale : 1;
}

static void update_share(void *ctx, int thread, int threads)
{
    const whole *w = ctx;
    const bp_graph *g = w->o->graph;
    for (size_t i = 0; i < g->param_count; i++) {
        const bp_node *n = g->params[i];
        const bp_slot *slot = &w->s->slots[n->index];
        bp_range mine = bp_team_share(n->size, BP_ALIGN, thread, threads);
        if (slot->grad && mine.begin < mine.end) {
            update_part(w->o, n, mine.begin, mine.end, slot->grad + mine.begin * g->element);
        }
    }
}

/* ---- penalties as a part of the objective ---- */

double bp_penalties(const bp_session *s, const bp_optimizer_options *o, double *g, const double *x)
{
    double squares = 0, sizes = 0;
    for (size_t i = 0; i < s->graph->param_count; i++) {
        const bp_node *n = s->graph->params[i];
        bool penalised = n->shape.dims > 1 && s->slots[n->index].grad;
        for (size_t k = n->offset; penalised && k < n->offset + n->size; k++) {
            squares += x[k] * x[k];
            sizes += fabs(x[k]);
            g[k] += o->l2 * x[k] + o->l1 * ((x[k] > 0) - (x[k] < 0));
        }
    }
    return 0.5 * o->l2 * squares + o->l1 * sizes;
}

/* rprop needs the objective before the first weight moves, and the gradients that it compares in one precision. */
static void update_rprop(bp_optimizer *o, const bp_session *s)
{
    const bp_graph *g = o->graph;
    double *x = o->wide, *gradient = o->wide + g->slab_size;
    bp_widen(x, g->slab, g->type, g->slab_size);
    bp_widen(gradient, s->grads, g->type, g->slab_size);
    double f = bp_session_objective(s) + bp_penalties(s, &o->options, gradient, x);
    bp_rprop_move(o->rprop, x, gradient, f);
    bp_graph_keep_frozen(g, x);
    bp_narrow(g->slab, g->type, x, g->slab_size);
}

bool bp_optimizer_needs_gradients(const bp_optimizer *o, const bp_session *s)
{
    return o->rprop || o->options.clip_norm > 0 || !bp_session_tiles_final(s);
}

void bp_optimizer_run(bp_optimizer *o, bp_session *s, size_t rows, const bp_hooks *hooks)
{
    bp_hooks h = *hooks;
    prepare(o);
    if (!bp_optimizer_needs_gradients(o, s)) {
        h.tile_ctx = o;
        h.tile = update_tile;
        bp_session_run(s, rows, BP_FORWARD | BP_BACKWARD, &h);
        return;
    }
    whole w = {o, s};
    bp_session_run(s, rows, BP_FORWARD | BP_BACKWARD, &h);
    if (o->rprop) {
        update_rprop(o, s);
        return;
    }
    if (o->options.clip_norm > 0) {
        o->weights.scale = o->biases.scale = norm_scale(&w, o->options.clip_norm);
    }
    bp_team_run(bp_pace_threads(&s->pace), update_share, &w);
}

bp_status bp_optimizer_step(bp_optimizer *o, bp_session *s, size_t rows)
{
    if (s->graph != o->graph || !s->options.gradients) {
        return bp_fail(BP_ERR_STATE, "bp_optimizer_step: needs a session of the optimizer's graph, with gradients");
    }
    if (rows < 1 || rows > s->options.max_rows) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu rows; this session was made for 1 to %zu", rows, s->options.max_rows);
    }
    if (bp_optimizer_needs_gradients(o, s) && s->options.stream_updates) {
        return bp_fail(BP_ERR_STATE,
                       "this step needs the gradients as a whole (%s); make the session without stream_updates",
                       o->rprop                   ? "rprop"
                       : o->options.clip_norm > 0 ? "clip_norm"
                                                  : "a parameter is used by an op that depends on no input");
    }
    bp_optimizer_run(o, s, rows, &(bp_hooks){0});
    return BP_OK;
}
