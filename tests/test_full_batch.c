/* Training on all rows at once: L-BFGS and iRPROP+ as minimisers of functions whose minima are known, against golden
 * values of independent implementations, and within the trainer. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "golden/golden.h"
#include "graph/graph.h"
#include "nn/minimize.h"
#include "nn/model.h"

/* ---- functions ---- */

enum { MOST = 40, EVALUATIONS = 4000 };

/* A function under watch: how often it was asked. */
typedef struct watched {
    double (*of)(double *g, const double *x, size_t n);
    size_t n, asked;
} watched;

static double ask(void *ctx, double *g, double *x)
{
    watched *w = ctx;
    w->asked++;
    return w->of(g, x, w->n);
}

/* 1/2 sum c_i (x_i - i)^2, c_i from 1 to 1000: minimum 0 at x_i = i. */
static double quadratic(double *g, const double *x, size_t n)
{
    double f = 0;
    for (size_t i = 0; i < n; i++) {
        double c = pow(1000, n > 1 ? (double)i / (double)(n - 1) : 0), off = x[i] - (double)i;
        g[i] = c * off;
        f += 0.5 * c * off * off;
    }
    return f;
}

/* Rosenbrock, Computer Journal 3 (1960) 175: sum 100 (x_2i+1 - x_2i^2)^2 + (1 - x_2i)^2, minimum 0 at 1. */
static double rosenbrock(double *g, const double *x, size_t n)
{
    double f = 0;
    for (size_t i = 0; i < n; i += 2) {
        double valley = x[i + 1] - x[i] * x[i], off = 1 - x[i];
        f += 100 * valley * valley + off * off;
        g[i] = -400 * x[i] * valley - 2 * off;
        g[i + 1] = 200 * valley;
    }
    return f;
}

/* x - ln x summed: not defined for x <= 0, minimum n at 1. */
static double barrier(double *g, const double *x, size_t n)
{
    double f = 0;
    for (size_t i = 0; i < n; i++) {
        g[i] = 1 - 1 / x[i];
        f += x[i] - log(x[i]);
    }
    return f;
}

static bp_optimizer_options lbfgs_options(void)
{
    bp_optimizer_options o = bp_optimizer_defaults(BP_LBFGS);
    o.tolerance_gradient = 1e-9;
    o.tolerance_decrease = 0;
    return o;
}

/* Runs a method from p->x until it converges, `most` steps at most; `after` looks at each step. */
static size_t minimise(const bp_method *method, const bp_optimizer_options *o, watched *w, bp_point *p, size_t most,
                       void (*after)(const bp_point *before, const bp_point *now, size_t n))
{
    bp_allocator a = bp_allocator_or_default(NULL);
    bp_function f = {w->n, ask, w};
    double x[MOST], g[MOST];
    void *state;
    size_t steps = 0;
    assert_ok(method->new (&state, &a, w->n, o));
    p->f = ask(w, p->g, p->x);
    for (bp_outcome outcome = BP_MOVED; outcome == BP_MOVED && steps < most; steps++) {
        bp_point before = {x, g, p->f, p->step};
        memcpy(x, p->x, w->n * sizeof *x);
        memcpy(g, p->g, w->n * sizeof *g);
        outcome = method->step(state, &f, p);
        assert_int_not_equal(outcome, BP_BROKEN);
        if (after) {
            after(&before, p, w->n);
        }
    }
    method->free(state);
    return steps;
}

/* With x' - x = a d the factor a drops out of both conditions. */
static void satisfies_strong_wolfe(const bp_point *before, const bp_point *now, size_t n)
{
    double was = 0, is = 0;
    for (size_t i = 0; i < n; i++) {
        was += before->g[i] * (now->x[i] - before->x[i]);
        is += now->g[i] * (now->x[i] - before->x[i]);
    }
    if (was == 0) { /* the last step may find nothing better */
        return;
    }
    double rounding = 1e-13 * fabs(was);
    assert_true(was < 0);
    assert_true(now->f <= before->f + 1e-4 * was + rounding);
    assert_true(fabs(is) <= 0.9 * fabs(was) + rounding);
}

static void lbfgs_on_quadratics(void **state)
{
    (void)state;
    double x[MOST], g[MOST];
    for (size_t n = 1; n <= 8; n++) { /* n <= history: all curvature is remembered */
        watched w = {quadratic, n, 0};
        bp_point p = {x, g, 0, 0};
        bp_optimizer_options o = lbfgs_options();
        for (size_t i = 0; i < n; i++) {
            x[i] = -3;
        }
        size_t steps = minimise(&bp_lbfgs_method, &o, &w, &p, 100, satisfies_strong_wolfe);
        for (size_t i = 0; i < n; i++) {
            assert_near(x[i], (double)i, 1e-8);
        }
        if (steps > 5 + 10 * n || w.asked > steps + 15) { /* SciPy takes as many of both */
            fail_msg("%zu variables: %zu steps, %zu evaluations", n, steps, w.asked);
        }
    }
}

static void lbfgs_on_rosenbrock(void **state)
{
    (void)state;
    double x[MOST], g[MOST];
    const size_t histories[] = {1, 3, 10, 50};
    for (size_t h = 0; h < 4; h++) {
        watched w = {rosenbrock, 20, 0};
        bp_point p = {x, g, 0, 0};
        bp_optimizer_options o = lbfgs_options();
        o.history = histories[h];
        for (size_t i = 0; i < w.n; i++) {
            x[i] = i % 2 ? 1 : -1.2 - 0.01 * (double)i;
        }
        size_t steps = minimise(&bp_lbfgs_method, &o, &w, &p, 500, satisfies_strong_wolfe);
        for (size_t i = 0; i < w.n; i++) {
            assert_near(x[i], 1, 1e-8);
        }
        assert_true(steps < 400 && w.asked < 3 * steps);
    }
}

/* A step into the forbidden part is shortened. */
static void lbfgs_where_f_is_not_defined(void **state)
{
    (void)state;
    double x[3] = {1e-3, 40, 2}, g[3];
    watched w = {barrier, 3, 0};
    bp_point p = {x, g, 0, 0};
    bp_optimizer_options o = lbfgs_options();
    o.lr = 100; /* the first step is as long as that */
    minimise(&bp_lbfgs_method, &o, &w, &p, 200, satisfies_strong_wolfe);
    for (size_t i = 0; i < 3; i++) {
        assert_near(x[i], 1, 1e-6);
    }
}

/* A quadratic that, once there is a base, is defined along its steepest descent alone. */
typedef struct ridge {
    double base[2], g[2];
    bool narrow;
} ridge;

static double on_the_ridge(void *ctx, double *g, double *x)
{
    const ridge *r = ctx;
    double across = (x[0] - r->base[0]) * r->g[1] - (x[1] - r->base[1]) * r->g[0];
    return r->narrow && fabs(across) > 1e-14 ? NAN : quadratic(g, x, 2);
}

/* Where the direction leads nowhere, the steepest descent is tried before giving up. */
static void lbfgs_starts_again(void **state)
{
    (void)state;
    bp_allocator a = bp_allocator_or_default(NULL);
    bp_optimizer_options o = lbfgs_options();
    ridge r = {0};
    bp_function f = {2, on_the_ridge, &r};
    double x[2] = {5, 4}, g[2];
    bp_point p = {x, g, 0, 0};
    void *method;
    assert_ok(bp_lbfgs_method.new(&method, &a, 2, &o));
    p.f = on_the_ridge(&r, g, x);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bp_lbfgs_method.step(method, &f, &p), BP_MOVED);
    }
    r = (ridge){{x[0], x[1]}, {g[0], g[1]}, true};
    double before = p.f;
    assert_int_equal(bp_lbfgs_method.step(method, &f, &p), BP_MOVED);
    assert_true(p.f < before);
    double odd[3] = {1, NAN, 2}, even[3] = {1, -3, 2};
    assert_true(isnan(bp_largest(3, odd)) && bp_largest(3, even) == 3);
    bp_lbfgs_method.free(method);
}

static void starts_that_are_no_good(void **state)
{
    (void)state;
    double x[2] = {-1, 2}, g[2] = {1, 1};
    const bp_method *methods[] = {&bp_lbfgs_method, &bp_rprop_method};
    const bp_optimizer_kind kinds[] = {BP_LBFGS, BP_RPROP};
    for (size_t i = 0; i < 2; i++) {
        bp_optimizer_options o = bp_optimizer_defaults(kinds[i]);
        watched w = {quadratic, 2, 0};
        double minimum[2] = {0, 1};
        bp_point there = {minimum, g, 0, 0};
        assert_int_equal(minimise(methods[i], &o, &w, &there, 10, NULL), 1); /* at once */
        assert_true(minimum[0] == 0 && minimum[1] == 1);
    }
    bp_allocator a = bp_allocator_or_default(NULL);
    bp_optimizer_options o = bp_optimizer_defaults(BP_RPROP);
    watched w = {barrier, 2, 0};
    bp_function f = {2, ask, &w};
    void *rprop;
    assert_ok(bp_rprop_method.new(&rprop, &a, 2, &o));
    g[0] = g[1] = 1;
    bp_point p = {x, g, 1, 0};
    assert_int_equal(bp_rprop_method.step(rprop, &f, &p), BP_BROKEN);
    bp_rprop_method.free(rprop);
}

static void rprop_on_functions(void **state)
{
    (void)state;
    double x[MOST], g[MOST];
    watched w = {quadratic, 10, 0};
    bp_point p = {x, g, 0, 0};
    bp_optimizer_options o = bp_optimizer_defaults(BP_RPROP);
    memset(x, 0, sizeof x);
    minimise(&bp_rprop_method, &o, &w, &p, 200, NULL);
    for (size_t i = 0; i < w.n; i++) {
        assert_near(x[i], (double)i, 1e-4);
    }
}

/* ---- within the trainer ---- */

enum { ROWS = 2500, INPUTS = 6 }; /* more than two blocks */
static double inputs[ROWS * INPUTS], numbers[ROWS * 2];
static int32_t labels[ROWS];
static float weights[ROWS];

static bp_data made_up(bool classes, size_t rows)
{
    bp_rng rng = bp_rng_new(3, 0, 0);
    for (size_t r = 0; r < ROWS; r++) {
        double *x = inputs + r * INPUTS;
        for (size_t c = 0; c < INPUTS; c++) {
            x[c] = bp_rng_normal(&rng);
        }
        double z = x[0] * x[1] + x[2] - 0.5 * x[3] * x[3];
        labels[r] = z > 0.5 ? 2 : z > -0.7;
        numbers[2 * r] = z;
        numbers[2 * r + 1] = sin(x[0]) + 0.1 * bp_rng_normal(&rng);
        weights[r] = (float)(r % 3);
    }
    bp_data d = {.rows = rows, .inputs = INPUTS, .x = inputs, .x_type = BP_F64};
    if (classes) {
        d.classes = 3;
        d.label = labels;
    } else {
        d.targets = 2;
        d.y = numbers;
    }
    return d;
}

static bp_model *make_model(const bp_data *d, const char *net, bp_type type)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = d->inputs;
    o.outputs = d->classes ? d->classes : d->targets;
    o.task = d->classes ? BP_CLASSIFY : BP_REGRESS;
    o.net = net;
    o.type = type;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static bp_train_options full_options(bp_optimizer_kind kind, size_t epochs)
{
    bp_train_options o = bp_train_defaults();
    o.optimizer = bp_optimizer_defaults(kind);
    o.epochs = epochs;
    return o;
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    for (int variant = 0; variant < 8; variant++) {
        bool rprop = variant & 1;
        bp_data d = made_up(variant & 2, ROWS);
        d.weight = variant & 4 ? weights : NULL;
        const char *net = rprop ? "dense 40 tanh, dropout 0.2, dense 9 gelu" : "dense 40 tanh, dense 9 gelu";
        bp_model *first = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            bp_model *m = make_model(&d, net, variant & 4 ? BP_F64 : BP_F32);
            bp_train_options o = full_options(rprop ? BP_RPROP : BP_LBFGS, 6);
            o.optimizer.l2 = 1e-3;
            o.threads = threads;
            assert_ok(bp_train(NULL, m, &d, &o));
            if (!first) {
                first = m;
                continue;
            }
            assert_memory_equal(first->graph->slab, m->graph->slab, m->graph->slab_size * m->graph->element);
            bp_model_free(m);
        }
        bp_model_free(first);
    }
}

/* The one step that rprop takes first says what the gradient is: the sign of that of all rows. */
static void blocks_make_the_whole_gradient(void **state)
{
    (void)state;
    for (int variant = 0; variant < 2; variant++) {
        bp_data d = made_up(false, ROWS);
        d.weight = variant ? weights : NULL;
        bp_model *whole = make_model(&d, "dense 7 tanh", BP_F64), *blocks = make_model(&d, "dense 7 tanh", BP_F64);
        bp_train_options sgd = full_options(BP_SGD, 1), lbfgs = full_options(BP_LBFGS, 1);
        sgd.batch = ROWS;
        sgd.shuffle = false;
        sgd.optimizer.l2 = lbfgs.optimizer.l2 = 0.01;
        bp_train_result r;
        assert_ok(bp_train(&r, blocks, &d, &lbfgs)); /* from the same weights, along the same gradient: x' = x - a g */
        size_t n = whole->graph->slab_size;
        const double *x = (const double *)(void *)whole->graph->slab, *y = (const double *)(void *)blocks->graph->slab;
        double *start = golden_alloc(n, sizeof *start), ss = 0, tt = 0;
        memcpy(start, x, n * sizeof *start);
        sgd.optimizer.lr = 1;
        assert_ok(bp_train(NULL, whole, &d, &sgd));
        for (size_t i = 0; i < n; i++) {
            ss += (y[i] - start[i]) * (y[i] - start[i]);
            tt += (x[i] - start[i]) * (x[i] - start[i]);
        }
        double a = sqrt(ss / tt);
        for (size_t i = 0; i < n; i++) {
            assert_near(y[i] - start[i], a * (x[i] - start[i]), 1e-12);
        }
        free(start);
        bp_model_free(whole);
        bp_model_free(blocks);
    }
}

static void train_loss_is_that_of_the_weights(void **state)
{
    (void)state;
    for (int kind = BP_LBFGS; kind <= BP_RPROP; kind++) {
        bp_data d = made_up(true, 700);
        bp_model *m = make_model(&d, "dense 12 tanh", BP_F64);
        bp_train_options o = full_options((bp_optimizer_kind)kind, 25);
        o.optimizer.l2 = 1e-3; /* not a part of the loss that is told */
        bp_train_result r;
        bp_evaluation *e;
        assert_ok(bp_train(&r, m, &d, &o));
        assert_ok(bp_evaluate(&e, m, &d, 1));
        assert_near(r.last.train_loss, e->loss, 1e-12);
        assert_near(r.last.train_accuracy, e->accuracy, 1e-12);
        assert_int_equal(r.last.epoch, 25);
        assert_int_equal(r.last.step, 25);
        assert_true(e->loss < 0.75);
        assert_true(r.evaluations >= 26 && !r.converged);
        bp_evaluation_free(e);
        bp_model_free(m);
    }
}

typedef struct count {
    size_t epochs, steps, stop_at;
} count;

static bool count_step(void *ctx, const bp_progress *p)
{
    count *c = ctx;
    c->steps++;
    assert_int_equal(p->step, c->steps);
    assert_int_equal(p->rows_done, p->rows_total);
    return true;
}

static bool count_epoch(void *ctx, const bp_progress *p)
{
    count *c = ctx;
    c->epochs++;
    assert_true(p->lr > 0 && isfinite(p->train_loss) && isfinite(p->valid_loss));
    return c->epochs != c->stop_at;
}

/* Callbacks, early stopping, best weights: as with any other optimizer. */
static void watching_works(void **state)
{
    (void)state;
    for (int kind = BP_LBFGS; kind <= BP_RPROP; kind++) {
        bp_data d = made_up(true, 60), v = made_up(true, ROWS);
        bp_model *m = make_model(&d, "dense 30 tanh, dense 30 tanh", BP_F32);
        count c = {0};
        bp_train_options o = full_options((bp_optimizer_kind)kind, 500);
        o.valid = &v;
        o.patience = 5;
        o.restore_best = true;
        o.on_step = count_step;
        o.on_epoch = count_epoch;
        o.ctx = &c;
        bp_train_result r;
        bp_evaluation *e;
        assert_ok(bp_train(&r, m, &d, &o)); /* 60 rows, 1200 weights: it will overfit */
        assert_true(r.stopped_early && r.best_epoch == c.epochs - 5 && c.steps == c.epochs);
        assert_ok(bp_evaluate(&e, m, &v, 1));
        assert_near(e->loss, r.best_loss, 1e-6);
        bp_evaluation_free(e);
        c = (count){.stop_at = 3};
        assert_ok(bp_train(&r, m, &d, &o));
        assert_true(r.stopped_by_callback && c.epochs == 3);
        bp_model_free(m);
    }
}

static void it_says_when_it_has_converged(void **state)
{
    (void)state;
    bp_data d = made_up(false, 300);
    const bp_type types[] = {BP_F32, BP_F64};
    for (int i = 0; i < 2; i++) {
        bp_model *m = make_model(&d, "", types[i]); /* linear least squares: one minimum */
        bp_train_options o = full_options(BP_LBFGS, 500);
        bp_train_result r;
        assert_ok(bp_train(&r, m, &d, &o));
        assert_true(r.converged && r.last.epoch < 40);
        double before = r.last.train_loss;
        assert_ok(bp_train(&r, m, &d, &o)); /* there is nothing left to gain */
        assert_true(r.converged && r.last.epoch <= 3 && r.last.train_loss <= before);
        o = full_options(BP_RPROP, 500);
        o.optimizer.lr = 0.1;
        o.optimizer.tolerance_gradient = 1e-3;
        assert_ok(bp_train(&r, m, &d, &o));
        assert_true(r.converged && r.last.train_loss < before + 1e-3); /* the last step evaluates nothing */
        bp_model_free(m);
    }
}

/* A line search that finds nothing better leaves the weights as they were, wherever it has looked. */
static void a_search_in_vain_changes_nothing(void **state)
{
    (void)state;
    size_t vain = 0;
    for (size_t rows = 40; rows < 60; rows++) {
        bp_data d = made_up(false, rows);
        bp_model *m = make_model(&d, "", BP_F32), *before = make_model(&d, "", BP_F32);
        bp_train_options o = full_options(BP_LBFGS, 500);
        o.optimizer.tolerance_gradient = o.optimizer.tolerance_decrease = 0; /* rounding ends it */
        bp_train_result r, rb;
        assert_ok(bp_train(&r, m, &d, &o));
        assert_true(r.converged);
        o.epochs = r.last.epoch - 1;
        assert_ok(bp_train(&rb, before, &d, &o));
        if (r.last.lr == rb.last.lr) { /* no new step */
            assert_memory_equal(m->graph->slab, before->graph->slab, m->graph->slab_size * sizeof(float));
            assert_true(r.last.train_loss == rb.last.train_loss);
            vain++;
        }
        bp_model_free(m);
        bp_model_free(before);
    }
    assert_true(vain > 5);
}

static void divergence_is_told(void **state)
{
    (void)state;
    bp_data d = made_up(false, 50);
    double old = numbers[7];
    numbers[7] = 1e200; /* squared: beyond f64 */
    for (int kind = BP_LBFGS; kind <= BP_RPROP; kind++) {
        bp_model *m = make_model(&d, "dense 5 tanh", BP_F64), *fresh = make_model(&d, "dense 5 tanh", BP_F64);
        bp_train_options o = full_options((bp_optimizer_kind)kind, 5);
        assert_int_equal(bp_train(NULL, m, &d, &o), BP_ERR_NUMERIC);
        assert_non_null(strstr(bp_error(), "a step on all rows"));
        assert_non_null(strstr(bp_error(), "start, epoch 0"));
        assert_memory_equal(m->graph->slab, fresh->graph->slab, m->graph->slab_size * sizeof(double));
        bp_model_free(m);
        bp_model_free(fresh);
    }
    numbers[7] = old;
}

/* ---- what is refused ---- */

static void set_dropout(bp_train_options *o, const char **net)
{
    (void)o;
    *net = "dense 5 relu, dropout 0.1";
}
static void set_l1(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.l1 = 0.1;
}
static void set_decay(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.weight_decay = 0.1;
}
static void set_norm(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.clip_norm = 1;
}
static void set_value(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.clip_value = 1;
}
static void set_momentum(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.momentum = 0.9;
}
static void set_schedule(bp_train_options *o, const char **net)
{
    (void)net;
    assert_ok(bp_schedule_parse(&o->schedule, "cosine"));
}
static void set_warmup(bp_train_options *o, const char **net)
{
    (void)net;
    assert_ok(bp_schedule_parse(&o->schedule, "warmup:5 + constant"));
}
static void set_no_step(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.lr = 0;
}
static void set_history(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.history = 0;
}
static void set_bounds(bp_train_options *o, const char **net)
{
    (void)net;
    o->optimizer.step_min = 100;
}

static void set_dropout_of_none(bp_train_options *o, const char **net)
{
    (void)o;
    *net = "dense 5 relu, dropout 0";
}

static void refusals(void **state)
{
    (void)state;
    const struct {
        void (*set)(bp_train_options *o, const char **net);
        const char *says;
        bool lbfgs, rprop;
    } cases[] = {{set_dropout, "has dropout", true, false},    {set_l1, "no l1", true, false},
                 {set_decay, "no weight decay", true, true},   {set_norm, "no clip_norm", true, true},
                 {set_value, "no clip_value", true, true},     {set_momentum, "no momentum", true, true},
                 {set_schedule, "no schedule", true, true},    {set_warmup, "no schedule", true, true},
                 {set_no_step, "a first step of", true, true}, {set_history, "history", true, false},
                 {set_bounds, "step_min", false, true},        {set_dropout_of_none, "", false, false}};
    bp_data d = made_up(true, 40);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int kind = BP_LBFGS; kind <= BP_RPROP; kind++) {
            const char *net = "dense 5 relu";
            bp_train_options o = full_options((bp_optimizer_kind)kind, 1);
            cases[i].set(&o, &net);
            bp_model *m = make_model(&d, net, BP_F32);
            bool refused = kind == BP_LBFGS ? cases[i].lbfgs : cases[i].rprop;
            assert_int_equal(bp_train(NULL, m, &d, &o), refused ? BP_ERR_ARGUMENT : BP_OK);
            if (refused && !strstr(bp_error(), cases[i].says)) {
                fail_msg("\"%s\" was expected in: %s", cases[i].says, bp_error());
            }
            bp_model_free(m);
        }
    }
}

/* Every allocation may fail; nothing is left behind. */
static void memory_runs_out(void **state)
{
    (void)state;
    bp_data d = made_up(true, 40);
    for (int kind = BP_LBFGS; kind <= BP_RPROP; kind++) {
        for (size_t fail = 1;; fail++) {
            counter c = {0};
            bp_allocator a = counting(&c);
            bp_model_options mo = bp_model_defaults();
            mo.inputs = INPUTS;
            mo.outputs = 3;
            mo.allocator = &a;
            bp_model *m;
            assert_ok(bp_model_new(&m, &mo));
            c.fail_at = c.calls + fail;
            bp_train_options o = full_options((bp_optimizer_kind)kind, 2);
            bp_status status = bp_train(NULL, m, &d, &o);
            bp_model_free(m);
            assert_int_equal(c.live, 0);
            if (status == BP_OK) {
                assert_true(fail > 5);
                break;
            }
            assert_int_equal(status, BP_ERR_MEMORY);
        }
    }
}

/* ---- loops of one's own ---- */

static void own_loops(void **state)
{
    (void)state;
    bp_data d = made_up(false, 30);
    bp_model *m = make_model(&d, "dense 4 tanh", BP_F32), *trained = make_model(&d, "dense 4 tanh", BP_F32);
    bp_optimizer_options lbfgs = bp_optimizer_defaults(BP_LBFGS), rprop = bp_optimizer_defaults(BP_RPROP);
    bp_optimizer *o;
    assert_int_equal(bp_optimizer_new(&o, bp_model_graph(m), &lbfgs), BP_ERR_ARGUMENT);
    assert_non_null(strstr(bp_error(), "bp_train"));
    rprop.l2 = 0.01;
    rprop.l1 = 0.001;
    assert_ok(bp_optimizer_new(&o, bp_model_graph(m), &rprop));
    bp_session_options so = bp_session_defaults();
    so.max_rows = d.rows;
    so.stream_updates = true;
    const bp_node *loss = bp_model_loss_node(m);
    bp_session *s;
    assert_ok(bp_session_new(&s, bp_model_graph(m), &loss, 1, &so));
    assert_int_equal(bp_optimizer_step(o, s, d.rows), BP_ERR_STATE); /* gradients are needed whole */
    bp_session_free(s);
    so.stream_updates = false;
    assert_ok(bp_session_new(&s, bp_model_graph(m), &loss, 1, &so));
    assert_ok(bp_session_set(s, bp_model_x(m), inputs, d.rows));
    assert_ok(bp_session_set(s, bp_model_target(m), numbers, d.rows));
    for (int step = 0; step < 12; step++) {
        assert_ok(bp_optimizer_step(o, s, d.rows));
    }
    bp_train_options to = full_options(BP_RPROP, 12);
    to.optimizer = rprop;
    assert_ok(bp_train(NULL, trained, &d, &to)); /* the same, by the trainer */
    assert_memory_equal(m->graph->slab, trained->graph->slab, m->graph->slab_size * sizeof(float));
    bp_session_free(s);
    bp_optimizer_free(o);
    bp_model_free(m);
    bp_model_free(trained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lbfgs_on_quadratics),
        cmocka_unit_test(lbfgs_on_rosenbrock),
        cmocka_unit_test(lbfgs_where_f_is_not_defined),
        cmocka_unit_test(lbfgs_starts_again),
        cmocka_unit_test(starts_that_are_no_good),
        cmocka_unit_test(rprop_on_functions),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(blocks_make_the_whole_gradient),
        cmocka_unit_test(train_loss_is_that_of_the_weights),
        cmocka_unit_test(watching_works),
        cmocka_unit_test(it_says_when_it_has_converged),
        cmocka_unit_test(a_search_in_vain_changes_nothing),
        cmocka_unit_test(divergence_is_told),
        cmocka_unit_test(refusals),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(own_loops),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
