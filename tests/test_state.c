/* test_state.c - the state of a run: a run that goes on from any of its steps ends with the same bits as one that was never
 * interrupted, whatever the optimizer and the number of threads; a state that does not fit is refused and changes nothing. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "nn/model.h"

enum { ROWS = 97, INPUTS = 5, BATCH = 20 }; /* the last batch of an epoch has 17 rows */

static double x[ROWS * INPUTS], y[ROWS];
static int32_t label[ROWS];
static float weight[ROWS];

static bp_data made_up(bool classes)
{
    uint64_t seed = 99;
    for (size_t r = 0; r < ROWS; r++) {
        y[r] = 0;
        for (size_t c = 0; c < INPUTS; c++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            x[r * INPUTS + c] = (double)(seed >> 40) / (double)(1 << 23) - 1;
            y[r] += x[r * INPUTS + c] * (c % 2 ? 1 : -0.5);
        }
        label[r] = y[r] > 0.1;
        weight[r] = 0.5f + (float)(r % 3);
    }
    bp_data d = {.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64, .weight = weight};
    if (classes) {
        d.classes = 2;
        d.label = label;
    } else {
        d.targets = 1;
        d.y = y;
    }
    return d;
}

/* ---- a state that outlives its run ---- */

static bp_state copy_state(const bp_state *s)
{
    bp_state copy = {.count = s->count, .part = calloc(s->count, sizeof *copy.part)};
    assert_non_null(copy.part);
    for (size_t i = 0; i < s->count; i++) {
        size_t bytes = s->part[i].count * bp_type_size(s->part[i].type);
        copy.part[i] = s->part[i];
        copy.part[i].name = strdup(s->part[i].name);
        copy.part[i].data = malloc(bytes ? bytes : 1);
        assert_non_null(copy.part[i].data);
        memcpy(copy.part[i].data, s->part[i].data, bytes);
    }
    return copy;
}

static void free_state(bp_state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free((void *)s->part[i].name);
        free(s->part[i].data);
    }
    free(s->part);
    *s = (bp_state){0};
}

typedef struct keeper {
    size_t at, step; /* keeps the state after step `at`, of those shown */
    bool stop;       /* and ends the run there */
    bp_state kept;
    bool last;
    size_t shown;
} keeper;

static bool keep_state(void *ctx, const bp_progress *p, const bp_state *state)
{
    keeper *k = ctx;
    k->shown++;
    k->last = state->last;
    if (p->step != k->at) {
        return true;
    }
    k->kept = copy_state(state);
    k->step = p->step;
    return !k->stop;
}

/* ---- runs ---- */

typedef struct setting {
    bp_optimizer_kind kind;
    const char *net, *schedule;
    bool classes, restore_best;
    double momentum, clip;
    bp_type type;
    double lr;               /* 0: the default */
    size_t epochs, patience; /* 0: 4 (full batch: 13), 3 */
} setting;

static const setting settings[] = {
    {BP_SGD, "dense 9 tanh", "constant", true, false, 0, 0, BP_F32, 0, 0, 0},
    {BP_SGD, "dense 9 tanh", "exponential:0.8", false, true, 0.5, 0, BP_F64, 0, 0, 0},
    {BP_MOMENTUM, "dense 9 relu, dropout 0.2, dense 4 silu", "cosine", true, true, 0.9, 0.3, BP_F32, 0, 0, 0},
    {BP_NESTEROV, "dense 9 gelu", "warmup:7 + step:2", false, false, 0.9, 0, BP_F32, 0, 0, 0},
    {BP_ADAGRAD, "dense 9 relu", "inverse:0.5", true, false, 0, 0, BP_F64, 0, 0, 0},
    {BP_RMSPROP, "dense 9 relu", "plateau:1,0.5", true, true, 0.4, 0, BP_F32, .lr = 0.2, .epochs = 9, .patience = 20},
    {BP_ADAM, "dense 9 relu, dropout 0.3", "plateau:0,0.7", false, true, 0, 0, BP_F32, .lr = 0.1, .epochs = 9},
    {BP_ADAM, "dense 9 relu", "constant", true, true, 0, 0, BP_F32, .lr = 0.3, .epochs = 50, .patience = 1},
    {BP_ADAMW, "dense 9 relu", "cosine:0.1", true, false, 0, 0.5, BP_F32, 0, 0, 0},
    {BP_LBFGS, "dense 9 tanh", "constant", true, true, 0, 0, BP_F32, 0, 0, 0},
    {BP_LBFGS, "dense 9 tanh", "constant", false, false, 0, 0, BP_F64, 0, 0, 0},
    {BP_LBFGS, "", "constant", false, false, 0, 0, BP_F64, .epochs = 200},
    {BP_RPROP, "dense 9 relu, dropout 0.2", "constant", true, true, 0, 0, BP_F32, 0, 0, 0},
    {BP_RPROP, "dense 9 tanh", "constant", false, false, 0, 0, BP_F64, 0, 0, 0},
};
enum { SETTINGS = sizeof settings / sizeof *settings, LBFGS = 9 /* the first of its settings */ };

static bp_model *make_model(const setting *s, const bp_data *d)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = d->inputs;
    o.outputs = d->classes ? d->classes : d->targets;
    o.task = d->classes ? BP_CLASSIFY : BP_REGRESS;
    o.net = s->net;
    o.type = s->type;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static bp_train_options make_options(const setting *s, const bp_data *valid)
{
    bp_train_options o = bp_train_defaults();
    o.optimizer = bp_optimizer_defaults(s->kind);
    o.optimizer.momentum = s->momentum;
    o.optimizer.clip_norm = s->clip;
    o.optimizer.l2 = 1e-3;
    assert_ok(bp_schedule_parse(&o.schedule, s->schedule));
    o.optimizer.lr = s->lr > 0 ? s->lr : o.optimizer.lr;
    o.epochs = s->epochs ? s->epochs : bp_optimizer_full_batch(s->kind) ? 13 : 4;
    o.batch = BATCH;
    o.restore_best = s->restore_best;
    o.valid = s->restore_best ? valid : NULL;
    o.patience = s->restore_best ? (s->patience ? s->patience : 3) : 0;
    o.threads = 1;
    return o;
}

static void assert_same_number(double a, double b)
{
    if (memcmp(&a, &b, sizeof a) != 0 && !(isnan(a) && isnan(b))) {
        fail_msg("%.17g and %.17g differ", a, b);
    }
}

static void assert_same_progress(const bp_progress *a, const bp_progress *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->total_steps, b->total_steps);
    assert_int_equal(a->rows_done, b->rows_done);
    assert_int_equal(a->rows_total, b->rows_total);
    assert_same_number(a->train_loss, b->train_loss);
    assert_same_number(a->train_accuracy, b->train_accuracy);
    assert_same_number(a->valid_loss, b->valid_loss);
    assert_same_number(a->valid_accuracy, b->valid_accuracy);
    assert_same_number(a->lr, b->lr);
    assert_int_equal(a->best, b->best);
}

/* Everything that does not depend on time. */
static void assert_same_result(const bp_train_result *a, const bp_train_result *b)
{
    assert_same_progress(&a->last, &b->last);
    if (a->best_epoch) {
        assert_same_progress(&a->best, &b->best);
    }
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_same_number(a->best_loss, b->best_loss);
    assert_int_equal(a->stopped_early, b->stopped_early);
    assert_int_equal(a->converged, b->converged);
    assert_int_equal(a->evaluations, b->evaluations);
}

static void assert_same_weights(const bp_model *a, const bp_model *b)
{
    assert_memory_equal(a->graph->slab, b->graph->slab, a->graph->slab_size * a->graph->element);
}

/* Stops after `step` steps, goes on with another number of threads in a model with other weights. */
static void interrupt_at(size_t step, const setting *s, const bp_model *whole, const bp_train_result *expected)
{
    bp_data d = made_up(s->classes), valid = d;
    valid.rows = 30;
    bp_train_options o = make_options(s, &valid);
    bp_model *first = make_model(s, &d), *second = make_model(s, &d);
    keeper k = {.at = step, .stop = step % 2};
    o.on_state = keep_state;
    o.state_ctx = &k;
    assert_ok(bp_train(NULL, first, &d, &o));
    assert_int_equal(k.step, step);
    o.on_state = NULL;
    o.resume = &k.kept;
    o.threads = 1 + (int)(step % 3);
    bp_train_result result;
    memset(second->graph->slab, 0x3c, second->graph->slab_size * second->graph->element);
    assert_ok(bp_train(&result, second, &d, &o));
    assert_same_weights(second, whole);
    assert_same_result(&result, expected);
    free_state(&k.kept);
    bp_model_free(first);
    bp_model_free(second);
}

static void any_step(void **state)
{
    (void)state;
    size_t early = 0, converged = 0, plateaus = 0; /* all ends and reductions must occur, or nothing is said of them */
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        bp_data d = made_up(s->classes), valid = d;
        valid.rows = 30;
        bp_train_options o = make_options(s, &valid);
        bp_model *whole = make_model(s, &d), *fresh = make_model(s, &d);
        bp_train_result expected;
        assert_ok(bp_train(&expected, whole, &d, &o));
        assert_memory_not_equal(whole->graph->slab, fresh->graph->slab, fresh->graph->slab_size * sizeof(float));
        early += expected.stopped_early;
        converged += expected.converged;
        plateaus += strncmp(s->schedule, "plateau", 7) == 0 && expected.last.lr < 0.9 * o.optimizer.lr;
        for (size_t step = 1; step <= expected.last.step; step++) {
            interrupt_at(step, s, whole, &expected);
        }
        bp_model_free(whole);
        bp_model_free(fresh);
    }
    assert_true(early > 0 && converged > 0 && plateaus == 2);
}

/* A run that ends within an epoch is measured there; a longer run goes on as if it had not ended. */
static void longer_as(const setting *s)
{
    for (size_t steps = 3; steps <= 15; steps++) { /* 5 an epoch */
        bp_data d = made_up(s->classes), valid = d;
        valid.rows = 30;
        bp_train_options o = make_options(s, &valid);
        bp_model *whole = make_model(s, &d), *m = make_model(s, &d);
        bp_train_result expected, result;
        o.patience = 0;
        assert_ok(bp_train(&expected, whole, &d, &o));
        keeper k = {.at = steps};
        o.steps = steps;
        o.on_state = keep_state;
        o.state_ctx = &k;
        assert_ok(bp_train(&result, m, &d, &o));
        assert_int_equal(result.last.step, steps);
        assert_int_equal(k.shown, steps);
        assert_true(k.last);
        o.on_state = NULL;
        o.resume = &k.kept;
        bp_train_result again;
        bp_model *same = make_model(s, &d);
        assert_ok(bp_train(&again, same, &d, &o)); /* nothing left but the end of the epoch */
        assert_same_weights(same, m);
        assert_same_result(&again, &result);
        o.steps = SIZE_MAX;
        assert_ok(bp_train(&result, m, &d, &o));
        assert_same_weights(m, whole);
        assert_same_result(&result, &expected);
        o.steps = steps - 1;
        assert_int_equal(bp_train(NULL, m, &d, &o), BP_ERR_DATA);
        assert_non_null(strstr(bp_error(), "are planned"));
        free_state(&k.kept);
        bp_model_free(same);
        bp_model_free(whole);
        bp_model_free(m);
    }
}

static void longer(void **state)
{
    (void)state;
    longer_as(&settings[1]);
    longer_as(&settings[3]);
    longer_as(&settings[6]);
}

static double *number_in(const bp_state *s, const char *name)
{
    const bp_state_part *p = bp_state_find(s, name);
    assert_non_null(p);
    return p->data;
}

static bp_state a_state(const setting *s);

/* What was done and how long it took is counted on. */
static void time_goes_on(void **state)
{
    (void)state;
    const setting *s = &settings[0];
    bp_data d = made_up(s->classes);
    bp_train_options o = make_options(s, NULL);
    bp_model *m = make_model(s, &d);
    bp_state from = a_state(s);
    bp_train_result result;
    *number_in(&from, "seconds") = 5000;
    *number_in(&from, "train_seconds") = 1000;
    *number_in(&from, "samples") = 1e12;
    o.resume = &from;
    assert_ok(bp_train(&result, m, &d, &o));
    assert_true(result.last.seconds >= 5000 && result.last.seconds < 6000);
    assert_true(result.last.train_seconds >= 1000 && result.last.train_seconds < 2000);
    assert_true(result.last.samples_per_second > 1e8);
    free_state(&from);
    bp_model_free(m);
}

/* A step that does not evaluate anything tells what the one before it found. */
static void nothing_to_gain(void **state)
{
    (void)state;
    const setting *s = &settings[LBFGS];
    assert_int_equal(s->kind, BP_LBFGS);
    bp_data d = made_up(s->classes);
    bp_train_options o = make_options(s, NULL);
    bp_model *m = make_model(s, &d);
    bp_state from = a_state(s);
    bp_train_result result;
    memset(number_in(&from, "point.g"), 0, bp_state_find(&from, "point.g")->count * sizeof(double));
    *number_in(&from, "full.loss") = 12;
    *number_in(&from, "full.rows") = ROWS / 2.0;
    *number_in(&from, "full.right") = ROWS / 4.0;
    *number_in(&from, "point.step") = 0.125;
    o.resume = &from;
    assert_ok(bp_train(&result, m, &d, &o));
    assert_true(result.converged);
    assert_near(result.last.train_loss, 24, 1e-12);
    assert_near(result.last.train_accuracy, 0.5, 1e-12);
    assert_near(result.last.lr, 0.125, 0);
    free_state(&from);
    bp_model_free(m);
}

/* A run that goes on and diverges within the epoch gives back the weights of the end of the one before. */
static void divergence(void **state)
{
    (void)state;
    const setting *s = &settings[0];
    bp_data d = made_up(s->classes);
    bp_train_options o = make_options(s, NULL);
    bp_model *m = make_model(s, &d), *good = make_model(s, &d);
    bp_state from = a_state(s); /* in the second epoch */
    o.epochs = 1;
    assert_ok(bp_train(NULL, good, &d, &o));
    o.epochs = 4;
    *(float *)bp_state_find(&from, "weights")->data = NAN;
    o.resume = &from;
    assert_int_equal(bp_train(NULL, m, &d, &o), BP_ERR_NUMERIC);
    assert_same_weights(m, good);
    free_state(&from);
    bp_model_free(m);
    bp_model_free(good);
}

/* ---- what does not fit ---- */

static bp_state a_state(const setting *s)
{
    bp_data d = made_up(s->classes), valid = d;
    bp_train_options o = make_options(s, &valid);
    bp_model *m = make_model(s, &d);
    keeper k = {.at = 7, .stop = true};
    o.on_state = keep_state;
    o.state_ctx = &k;
    assert_ok(bp_train(NULL, m, &d, &o));
    bp_model_free(m);
    return k.kept;
}

static void refuse(const bp_state *from, const setting *s, const char *mention)
{
    bp_data d = made_up(s->classes), valid = d;
    bp_train_options o = make_options(s, &valid);
    bp_model *m = make_model(s, &d), *fresh = make_model(s, &d);
    o.resume = from;
    assert_int_equal(bp_train(NULL, m, &d, &o), BP_ERR_DATA);
    if (!strstr(bp_error(), mention)) {
        fail_msg("\"%s\" does not say \"%s\"", bp_error(), mention);
    }
    assert_same_weights(m, fresh);
    bp_model_free(m);
    bp_model_free(fresh);
}

/* A state with one number changed. */
static void refuse_value(const setting *s, const char *name, double value, const char *mention)
{
    bp_state state = a_state(s);
    const bp_state_part *p = bp_state_find(&state, name);
    assert_non_null(p);
    *(double *)p->data = value;
    refuse(&state, s, mention);
    free_state(&state);
}

static void misfits(void **state)
{
    (void)state;
    bp_state sgd = a_state(&settings[0]), adam = a_state(&settings[6]), lbfgs = a_state(&settings[LBFGS]);
    refuse(&sgd, &settings[6], "another network");
    refuse(&adam, &settings[0], "another");
    refuse(&lbfgs, &settings[0], "another");
    setting wider = settings[0], best = settings[0];
    wider.net = "dense 90 tanh";
    best.restore_best = true;
    refuse(&sgd, &wider, "expected");
    refuse(&sgd, &best, "no \"best\"");
    sgd.count--; /* without the last part */
    refuse(&sgd, &settings[0], "has no \"best.best\"");
    sgd.count++;
    free_state(&sgd);
    free_state(&adam);
    free_state(&lbfgs);
    refuse_value(&settings[0], "rows_done", ROWS + 1, "rows_done");
    refuse_value(&settings[0], "rows_done", -1, "rows_done");
    refuse_value(&settings[0], "step", 1e300, "planned");
    refuse_value(&settings[0], "epoch", 1.5, "epoch");
    refuse_value(&settings[0], "epoch", NAN, "epoch");
    refuse_value(&settings[0], "within", 2, "within");
    refuse_value(&settings[LBFGS], "lbfgs.kept", 11, "lbfgs.kept");
    refuse_value(&settings[LBFGS], "lbfgs.newest", 11, "lbfgs.newest");
}

/* ---- an optimizer in a loop of one's own ---- */

typedef struct loop {
    bp_model *m;
    bp_session *s;
    bp_optimizer *o;
} loop;

static loop make_loop(bp_optimizer_kind kind)
{
    loop l;
    bp_data d = made_up(false);
    setting s = {.net = "dense 7 tanh", .type = BP_F32};
    l.m = make_model(&s, &d);
    bp_session_options so = bp_session_defaults();
    so.max_rows = ROWS;
    const bp_node *targets[] = {bp_model_loss_node(l.m)};
    assert_ok(bp_session_new(&l.s, bp_model_graph(l.m), targets, 1, &so));
    assert_ok(bp_session_set(l.s, bp_model_x(l.m), x, ROWS));
    assert_ok(bp_session_set(l.s, bp_model_target(l.m), y, ROWS));
    bp_optimizer_options o = bp_optimizer_defaults(kind);
    assert_ok(bp_optimizer_new(&l.o, bp_model_graph(l.m), &o));
    return l;
}

static void free_loop(loop *l)
{
    bp_optimizer_free(l->o);
    bp_session_free(l->s);
    bp_model_free(l->m);
}

static void own_loop(void **state)
{
    (void)state;
    for (int kind = 0; kind < BP_OPTIMIZERS; kind++) {
        if (kind == BP_LBFGS) {
            continue; /* bp_train alone has it */
        }
        loop a = make_loop((bp_optimizer_kind)kind), b = make_loop((bp_optimizer_kind)kind);
        const bp_state *view;
        bp_state kept = {0};
        for (int step = 0; step < 12; step++) {
            assert_ok(bp_optimizer_step(a.o, a.s, ROWS));
            if (step == 4) {
                bp_optimizer_set_lr(a.o, 0.0123);
            }
            if (step == 5) {
                assert_ok(bp_optimizer_state(&view, a.o));
                kept = copy_state(view);
            }
        }
        assert_ok(bp_optimizer_step(b.o, b.s, ROWS));
        assert_ok(bp_optimizer_restore(b.o, &kept));
        for (int step = 6; step < 12; step++) {
            assert_ok(bp_optimizer_step(b.o, b.s, ROWS));
        }
        assert_same_weights(a.m, b.m);
        loop other = make_loop(kind == BP_SGD ? BP_ADAM : BP_SGD);
        assert_int_equal(bp_optimizer_restore(other.o, &kept), BP_ERR_DATA);
        free_loop(&other);
        free_state(&kept);
        free_loop(&a);
        free_loop(&b);
    }
}

/* ---- memory ---- */

/* Whichever allocation fails, nothing leaks and nothing is torn down twice; showing states allocates once. */
static void memory(void **state)
{
    (void)state;
    const setting *s = &settings[LBFGS];
    bp_data d = made_up(s->classes);
    bp_state from = a_state(s);
    bool done = false;
    for (size_t fail_at = 0; !done; fail_at++) {
        counter c = {0};
        bp_allocator a = counting(&c);
        bp_model_options mo = bp_model_defaults();
        mo.inputs = INPUTS;
        mo.outputs = 2;
        mo.net = s->net;
        mo.allocator = &a;
        bp_model *m;
        assert_ok(bp_model_new(&m, &mo));
        bp_train_options o = make_options(s, &d);
        keeper k = {.at = SIZE_MAX};
        o.on_state = keep_state;
        o.state_ctx = &k;
        o.resume = &from;
        c.fail_at = c.calls + 1 + fail_at;
        bp_status status = bp_train(NULL, m, &d, &o);
        done = status == BP_OK;
        assert_true(done || status == BP_ERR_MEMORY);
        bp_model_free(m);
        assert_int_equal(c.live, 0);
        assert_true(fail_at < 1000);
    }
    free_state(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_step),        cmocka_unit_test(longer),     cmocka_unit_test(time_goes_on),
        cmocka_unit_test(nothing_to_gain), cmocka_unit_test(divergence), cmocka_unit_test(misfits),
        cmocka_unit_test(own_loop),        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
