/* search_setting.c - settings: that of a fit, those drawn at random, and how one is put into a fit. What is tried and within
 * which limits stands in the tables here. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/search.h"

/* ---- of a fit ---------------------------------------------------------------------------------------------------- */

bp_setting bp_fit_setting(const bp_fit *f)
{
    const bp_train_options *run = &f->run;
    return (bp_setting){.net = bp_model_describe(f->model).net,
                        .optimizer = run->optimizer.kind,
                        .lr = run->optimizer.lr,
                        .l2 = run->optimizer.l2,
                        .weight_decay = run->optimizer.weight_decay,
                        .schedule = run->schedule,
                        .batch = run->batch,
                        .epochs = run->epochs,
                        .patience = run->patience,
                        .numbers = f->options.prepare.numbers};
}

const char *bp_setting_text(char *out, const bp_setting *s)
{
    char schedule[BP_SCHEDULE_TEXT];
    snprintf(out, BP_SETTING_TEXT,
             "%s; %s, lr %.9g, l2 %.9g, weight decay %.9g; %s, batch %zu, %zu epochs, patience %zu; "
             "numbers %s",
             s->net, bp_optimizer_name(s->optimizer), s->lr, s->l2, s->weight_decay,
             bp_schedule_text(schedule, sizeof schedule, &s->schedule), s->batch, s->epochs, s->patience,
             bp_numbers_rule_name(s->numbers));
    return out;
}

void bp_setting_apply(bp_train_options *run, const bp_fit *f, const bp_setting *s)
{
    const bp_optimizer_options *old = &f->run.optimizer;
    *run = f->run;
    if (s->optimizer != old->kind) {
        run->optimizer = bp_optimizer_defaults(s->optimizer);
        run->optimizer.l1 = old->l1;
        run->optimizer.clip_norm = old->clip_norm;
        run->optimizer.clip_value = old->clip_value;
    }
    run->optimizer.lr = s->lr;
    run->optimizer.l2 = s->l2;
    run->optimizer.weight_decay = s->weight_decay;
    run->schedule = s->schedule;
    run->batch = s->batch;
    run->epochs = s->epochs;
    run->patience = s->patience;
}

bp_fit_options bp_setting_options(const bp_fit *f, const bp_setting *s)
{
    bp_fit_options o = f->options;
    bp_setting_apply(&o.train, f, s);
    o.model.net = s->net;
    o.own_net = o.own_optimizer = o.own_schedule = o.own_epochs = o.own_batch = o.own_patience = true;
    o.prepare.numbers = s->numbers;
    o.prepare.task = bp_preparation_task(f->preparation);
    o.valid = o.valid != 0 ? o.valid : f->valid ? f->recipe.valid : -1;
    return o;
}

bp_status bp_fit_with(bp_fit **out, const bp_fit *f, const bp_setting *s)
{
    bp_fit_options o = bp_setting_options(f, s);
    bp_status status = bp_fit_new(out, f->table, f->row, f->rows, &o);
    if (status == BP_OK) {
        (*out)->options.model.net = bp_model_describe((*out)->model).net; /* that of s may be gone before */
    }
    return status;
}

/* ---- drawn ------------------------------------------------------------------------------------------------------- */

/* The random numbers of a candidate, each for one purpose whatever becomes of the others: what is fixed does not change
 * the rest. Part of the reproducibility promise: new ones go to the end. */
typedef enum use {
    KEEP_NET,
    KEEP_OPTIMIZER,
    KEEP_LR,
    KEEP_PENALTY,
    KEEP_SCHEDULE,
    KEEP_BATCH,
    KEEP_NUMBERS,
    DEPTH,
    WIDTH,
    ACTIVATION,
    DROPS,
    RATE,
    KIND,
    LR,
    PENALTY,
    SCHEDULE,
    BATCH,
    NUMBERS,
    USES
} use;

typedef struct draw {
    double u[USES]; /* in [0, 1) */
    const bp_fit *f;
    unsigned fixed;
    bool near; /* differs from the setting of f in some parts only */
} draw;

/* Optimizers and the limits that learning rate and penalty are drawn within, both on a logarithmic scale. */
typedef struct range {
    bp_optimizer_kind kind;
    double lr_low, lr_high;
    double penalty_low, penalty_high; /* weight_decay where that is decoupled, else l2 */
    bool decoupled;
} range;
static const range ranges[] = {
    {BP_ADAM, 3e-4, 2e-2, 1e-6, 3e-2, false},
    {BP_ADAMW, 3e-4, 2e-2, 1e-3, 1, true},
    {BP_LBFGS, 1, 1, 1e-5, 1e-1, false},
};
enum {
    RANGES = sizeof ranges / sizeof *ranges,
    FULL_BATCH_ROWS = 10000, /* up to so many rows lbfgs is worth a try */
    RULES_ROWS = 200000,     /* each rule for numbers that is tried has a copy of the rows in memory */
    FULL_BATCH_EPOCHS = 200,
    FULL_BATCH_PATIENCE = 30
};

/* Whether a part is to be drawn anew. */
static bool drawn(const draw *d, unsigned part, use keep)
{
    return (d->fixed & part) == 0 && !(d->near && d->u[keep] < 0.5);
}

static size_t pick(double u, size_t count)
{
    return (size_t)(u * (double)count);
}

/* Between low and high on a logarithmic scale, with three digits: what a report shows can be given as an option. */
static double pick_log(double u, double low, double high)
{
    double x = low * pow(high / low, u), unit = pow(10, 2 - floor(log10(x)));
    return low < high ? round(x * unit) / unit : low;
}

/* Units of the widest layers that few rows can make use of. */
static double widest(size_t rows)
{
    return rows <= 1000 ? 128 : rows <= 10000 ? 256 : 512;
}

/* 0 to 3 layers of equal width, a multiple of 8, each followed by dropout in half of the nets. */
static void draw_net(char *net, const draw *d, bool dropout)
{
    static const size_t depth_of[] = {0, 1, 1, 1, 2, 2, 2, 2, 3, 3};
    static const bp_activation activation_of[] = {BP_RELU, BP_TANH, BP_GELU};
    size_t depth = depth_of[pick(d->u[DEPTH], sizeof depth_of / sizeof *depth_of)];
    size_t width = (size_t)(16 * pow(widest(d->f->rows) / 16, d->u[WIDTH]) / 8 + 0.5) * 8;
    bp_activation f = activation_of[pick(d->u[ACTIVATION], sizeof activation_of / sizeof *activation_of)];
    size_t percent = 5 * (1 + pick(d->u[RATE], 10)), used = 0;
    net[0] = '\0';
    for (size_t i = 0; i < depth && used < BP_SETTING_NET; i++) {
        used += (size_t)snprintf(net + used, BP_SETTING_NET - used, "%sdense %zu %s", i > 0 ? ", " : "", width,
                                 bp_activation_name(f));
        if (dropout && d->u[DROPS] < 0.5 && used < BP_SETTING_NET) {
            used += (size_t)snprintf(net + used, BP_SETTING_NET - used, ", dropout 0.%02zu", percent);
        }
    }
}

/* lbfgs takes no dropout, neither batch nor schedule, and pays only where there are few rows. */
static bool lbfgs_possible(const draw *d, const bp_setting *s)
{
    const bp_optimizer_options *o = &d->f->run.optimizer;
    bool net_drops = strstr(s->net, "dropout") != NULL && !drawn(d, BP_SEARCH_NET, KEEP_NET);
    bool decays = s->weight_decay > 0 && (d->fixed & BP_SEARCH_PENALTY) != 0;
    return d->f->rows <= FULL_BATCH_ROWS && !net_drops && !decays && o->l1 == 0 && o->clip_norm == 0 &&
           o->clip_value == 0 && (d->fixed & (BP_SEARCH_LR | BP_SEARCH_BATCH | BP_SEARCH_SCHEDULE)) == 0;
}

/* The limits for a kind of optimizer; one that no search proposes keeps within a factor of 10 of the learning rate given. */
static range range_of(bp_optimizer_kind kind, double lr)
{
    for (size_t i = 0; i < RANGES; i++) {
        if (ranges[i].kind == kind) {
            return ranges[i];
        }
    }
    return (range){kind, lr / 10, lr * 10, 1e-6, 3e-2, false};
}

static void draw_penalty(bp_setting *s, const draw *d, const range *r)
{
    double penalty = pick_log(d->u[PENALTY], r->penalty_low, r->penalty_high);
    s->weight_decay = r->decoupled ? penalty : 0;
    s->l2 = r->decoupled ? 0 : penalty;
}

/* Where steps of one batch replace steps of all rows or the other way round, as many as are usual. */
static void choose_epochs(bp_setting *s, const draw *d, const bp_setting *base)
{
    bool full = bp_optimizer_full_batch(s->optimizer);
    if ((d->fixed & BP_SEARCH_EPOCHS) != 0 || full == bp_optimizer_full_batch(base->optimizer)) {
        return;
    }
    size_t rows = d->f->rows;
    s->epochs = full ? FULL_BATCH_EPOCHS : rows <= 1000 ? 300 : rows <= 10000 ? 100 : 40;
    s->patience = s->patience == 0 ? 0 : full ? FULL_BATCH_PATIENCE : s->epochs / 5;
}

static void draw_optimizer(bp_setting *s, const draw *d, const bp_setting *base)
{
    if (drawn(d, BP_SEARCH_OPTIMIZER, KEEP_OPTIMIZER)) {
        s->optimizer = ranges[pick(d->u[KIND], lbfgs_possible(d, s) ? RANGES : RANGES - 1)].kind;
    }
    bool other = s->optimizer != base->optimizer;
    range r = range_of(s->optimizer, base->lr);
    if ((other && (d->fixed & BP_SEARCH_LR) == 0) || drawn(d, BP_SEARCH_LR, KEEP_LR)) {
        s->lr = pick_log(d->u[LR], r.lr_low, r.lr_high);
    }
    if ((other && (d->fixed & BP_SEARCH_PENALTY) == 0) || drawn(d, BP_SEARCH_PENALTY, KEEP_PENALTY)) {
        draw_penalty(s, d, &r);
    }
    choose_epochs(s, d, base);
}

static void draw_steps(bp_setting *s, const draw *d)
{
    static const char *const schedule_of[] = {"constant", "cosine"};
    bool full = bp_optimizer_full_batch(s->optimizer);
    if (full || drawn(d, BP_SEARCH_SCHEDULE, KEEP_SCHEDULE)) {
        bp_schedule_parse(&s->schedule, schedule_of[full ? 0 : pick(d->u[SCHEDULE], 2)]); /* known to be valid */
    }
    if (!full && drawn(d, BP_SEARCH_BATCH, KEEP_BATCH)) { /* a quarter to 4 times as many rows, but at least 4 steps */
        size_t most = d->f->train->train.rows / 4 > 8 ? d->f->train->train.rows / 4 : 8;
        size_t batch = (s->batch < 32 ? 8 : s->batch / 4) << pick(d->u[BATCH], 5);
        s->batch = batch < most ? batch : most;
    }
}

/* Half of them the rule that chooses for each column. */
static void draw_numbers(bp_setting *s, const draw *d)
{
    if (d->f->rows <= RULES_ROWS && drawn(d, BP_SEARCH_NUMBERS, KEEP_NUMBERS)) {
        size_t rule = pick(d->u[NUMBERS], 2 * BP_NUMBERS_RULES - 2);
        s->numbers = rule < BP_NUMBERS_RULES ? (bp_numbers_rule)rule : BP_NUMBERS_AUTO;
    }
}

size_t bp_setting_defaults(const bp_fit *f, unsigned fixed)
{
    const bp_fit_recipe *r = &f->recipe;
    const bp_optimizer_options *o = &f->run.optimizer;
    bool open = (fixed & (BP_SEARCH_OPTIMIZER | BP_SEARCH_PENALTY)) == 0 && o->kind == r->optimizer && !f->valid;
    return open && r->penalty[1] != 0 && o->l2 == r->penalty[0] / (double)f->train->train.rows ? 2 : 1;
}

bp_setting bp_setting_draw(char *net, const bp_fit *f, unsigned fixed, size_t index)
{
    bp_setting base = bp_fit_setting(f), s = base;
    draw d = {.f = f, .fixed = fixed, .near = index % 2 == 1};
    bp_rng random = bp_rng_new(f->options.seed, BP_RANDOM_SEARCH, (uint32_t)index);
    for (size_t i = 0; i < USES; i++) {
        d.u[i] = bp_rng_uniform(&random);
    }
    if (index < bp_setting_defaults(f, fixed)) {
        bool other = index > 0 && f->recipe.other_net && !f->options.own_net && (fixed & BP_SEARCH_NET) == 0;
        s.net = other ? f->recipe.other_net : base.net;
        s.l2 = index > 0 ? f->recipe.penalty[index] / (double)f->train->train.rows : base.l2;
        return s;
    }
    draw_optimizer(&s, &d, &base);
    if (drawn(&d, BP_SEARCH_NET, KEEP_NET)) {
        draw_net(net, &d, s.optimizer != BP_LBFGS);
        s.net = net;
    }
    draw_steps(&s, &d);
    draw_numbers(&s, &d);
    return s;
}
