/* test_train.c - the trainer: the same bits for any number of threads, nothing allocated in a step, the classic networks
 * learn what they should, and what happens when numbers stop being finite. */
#include "support.h"

#include <malloc.h>
#include <math.h>
#include <string.h>

#include "backprop/io.h"
#include "graph/graph.h"
#include "nn/model.h"

/* ---- made-up data: 3 classes that a small network can tell apart ---- */

enum { SAMPLES = 203, INPUTS = 13, CLASSES = 3 };

static float x[SAMPLES * INPUTS];
static int32_t label[SAMPLES];
static double numbers[SAMPLES * 2];

static bp_data made_up(bool classes)
{
    uint64_t seed = 12345;
    for (size_t r = 0; r < SAMPLES; r++) {
        double sum = 0;
        for (size_t c = 0; c < INPUTS; c++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            x[r * INPUTS + c] = (float)((double)(seed >> 40) / (double)(1 << 23) - 1);
            sum += (double)x[r * INPUTS + c] * (c % 2 ? 1 : -1);
        }
        label[r] = sum < -0.6 ? 0 : sum < 0.6 ? 1 : 2;
        numbers[r * 2] = sum;
        numbers[r * 2 + 1] = sum * sum;
    }
    bp_data d = {.rows = SAMPLES, .inputs = INPUTS, .x = x, .x_type = BP_F32};
    if (classes) {
        d.classes = CLASSES;
        d.label = label;
    } else {
        d.targets = 2;
        d.y = numbers;
    }
    return d;
}

static bp_model *make_model(const bp_data *d, const char *net, bp_type type, const bp_allocator *a)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = d->inputs;
    o.outputs = d->classes ? d->classes : d->targets;
    o.task = d->classes ? BP_CLASSIFY : BP_REGRESS;
    o.net = net;
    o.type = type;
    o.allocator = a;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

/* ---- threads ---- */

static void train_with(bp_model *m, const bp_data *d, bp_optimizer_kind kind, int threads, double clip)
{
    bp_train_options o = bp_train_defaults();
    o.epochs = 3;
    o.batch = 50; /* 203 rows: the last batch has 3 */
    o.threads = threads;
    o.optimizer = bp_optimizer_defaults(kind);
    o.optimizer.lr = 0.01;
    o.optimizer.l2 = 1e-3;
    o.optimizer.clip_norm = clip;
    assert_ok(bp_train(NULL, m, d, &o));
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    const int threads[] = {1, 2, 3, 7, 0}; /* 0: changes on the way */
    const char *net = "dense 70 relu, dropout 0.3, dense 33 gelu, dense 9 tanh";
    for (int kind = 0; !bp_optimizer_full_batch((bp_optimizer_kind)kind); kind++) { /* the others: test_full_batch.c */
        for (int variant = 0; variant < 4; variant++) {
            bp_data d = made_up(variant % 2 == 0);
            bp_type type = variant < 2 ? BP_F32 : BP_F64;
            bp_model *first = NULL;
            for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
                bp_model *m = make_model(&d, net, type, NULL);
                train_with(m, &d, (bp_optimizer_kind)kind, threads[t], variant == 3 ? 0.5 : 0);
                if (!first) {
                    first = m;
                    continue;
                }
                assert_memory_equal(first->graph->slab, m->graph->slab, m->graph->slab_size * m->graph->element);
                bp_model_free(m);
            }
            bp_model *fresh = make_model(&d, net, type, NULL);
            assert_memory_not_equal(first->graph->slab, fresh->graph->slab,
                                    fresh->graph->slab_size * fresh->graph->element);
            bp_model_free(fresh);
            bp_model_free(first);
        }
    }
}

/* Runs `runs` steps of one row, which take one[0] seconds on one thread and one[1] on all; returns those done on all. */
static size_t pace_runs(bp_pace *p, size_t runs, const double seconds[2])
{
    size_t all = 0;
    for (size_t i = 0; i < runs; i++) {
        int threads = bp_pace_threads(p);
        assert_true(threads == 1 || threads == 4);
        all += threads == 4;
        bp_pace_note(p, seconds[threads == 4], 1);
    }
    return all;
}

/* More threads are used where they are faster, and no longer when that changes. */
static void threads_that_pay(void **state)
{
    (void)state;
    const double faster[2] = {4e-3, 1e-3}, slower[2] = {4e-3, 40e-3};
    bp_pace p = bp_pace_new(4, false);
    size_t all = pace_runs(&p, 1000, faster);
    assert_true(all > 950 && all < 1000);
    pace_runs(&p, 1100, slower); /* until the next trial at the latest */
    all = pace_runs(&p, 1000, slower);
    assert_true(all > 0 && all < 50);
    bp_pace fixed = bp_pace_new(4, true), single = bp_pace_new(1, false);
    assert_int_equal(pace_runs(&fixed, 100, slower), 100);
    assert_int_equal(bp_pace_threads(&single), 1);
}

/* A row's answer does not depend on the rows that are asked with it. */
static void prediction_of_one_row(void **state)
{
    (void)state;
    bp_data d = made_up(true);
    bp_model *m = make_model(&d, "dense 70 silu, dense 17 relu", BP_F32, NULL);
    train_with(m, &d, BP_ADAM, 1, 0);
    bp_predictor *one, *many;
    assert_ok(bp_predictor_new(&one, m, 1, 1));
    assert_ok(bp_predictor_new(&many, m, 64, 2));
    float all[SAMPLES * CLASSES], single[CLASSES];
    assert_ok(bp_predict(many, all, x, BP_F32, SAMPLES));
    for (size_t r = 0; r < SAMPLES; r++) {
        assert_ok(bp_predict(one, single, x + r * INPUTS, BP_F32, 1));
        assert_memory_equal(single, all + r * CLASSES, sizeof single);
    }
    bp_predictor_free(one);
    bp_predictor_free(many);
    bp_model_free(m);
}

/* ---- memory ---- */

typedef struct memory_watch {
    counter *c;
    size_t calls, in_use, steps;
} memory_watch;

/* May fall at any time: OpenMP's threads that are no longer needed end when they like. */
static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static bool watch_step(void *ctx, const bp_progress *p)
{
    memory_watch *w = ctx;
    if (p->step == 2) { /* the first step may start the threads */
        w->calls = w->c->calls;
        w->in_use = heap_in_use();
    } else if (p->step > 2) {
        assert_int_equal(w->c->calls, w->calls);
        assert_true(heap_in_use() <= w->in_use);
        w->steps++;
    }
    return true;
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    bp_data d = made_up(true);
    for (int threads = 1; threads <= 2; threads++) {
        counter c = {0};
        bp_allocator a = counting(&c);
        bp_model *m = make_model(&d, "dense 40 relu, dropout 0.1, dense 20 gelu", BP_F32, &a);
        memory_watch w = {.c = &c};
        bp_train_options o = bp_train_defaults();
        o.threads = threads;
        o.test = &d;
        o.optimizer.clip_norm = threads == 2 ? 1 : 0;
        o.ctx = &w;
        o.on_step = watch_step;
        assert_ok(bp_train(NULL, m, &d, &o));
        assert_true(w.steps > 50);
        bp_predictor *p;
        float out[SAMPLES * CLASSES];
        assert_ok(bp_predictor_new(&p, m, 16, threads));
        size_t calls = c.calls, in_use = heap_in_use();
        assert_ok(bp_predict(p, out, x, BP_F32, SAMPLES));
        assert_int_equal(c.calls, calls);
        assert_true(heap_in_use() <= in_use);
        bp_predictor_free(p);
        bp_model_free(m);
        assert_true(c.calls > 30);
        assert_int_equal(c.live, 0);
    }
}

/* Whatever allocation fails, the call says so and everything is given back. */
static void memory_runs_out(void **state)
{
    (void)state;
    bp_data d = made_up(true);
    for (size_t at = 1;; at++) {
        counter c = {.fail_at = at};
        bp_allocator a = counting(&c);
        bp_model_options mo = bp_model_defaults();
        mo.inputs = INPUTS;
        mo.outputs = CLASSES;
        mo.allocator = &a;
        bp_model *m;
        bp_status status = bp_model_new(&m, &mo);
        if (status == BP_OK) {
            bp_train_options o = bp_train_defaults();
            o.steps = 1;
            o.valid = &d;
            o.restore_best = true;
            status = bp_train(NULL, m, &d, &o);
            bp_evaluation *e = NULL;
            status = status == BP_OK ? bp_evaluate(&e, m, &d, 1) : status;
            bp_evaluation_free(e);
            bp_model *copy = NULL;
            status = status == BP_OK ? bp_model_copy(&copy, m, NULL) : status;
            bp_model_free(copy);
        }
        bool failed = c.calls >= at;
        assert_int_equal(status, failed ? BP_ERR_MEMORY : BP_OK);
        bp_model_free(m);
        assert_int_equal(c.live, 0);
        if (!failed) {
            assert_true(at > 100);
            return;
        }
    }
}

/* ---- learning ---- */

static double accuracy_on(const char *data, const char *net, const char *output, const char *loss, size_t epochs)
{
    bp_dataset *d;
    assert_ok(bp_dataset_load(&d, data, NULL));
    bp_model_options mo = bp_model_defaults();
    mo.inputs = d->train.inputs;
    mo.outputs = d->train.classes;
    mo.net = net;
    mo.output = output;
    mo.loss = loss;
    bp_model *m;
    assert_ok(bp_model_new(&m, &mo));
    bp_train_options o = bp_train_defaults();
    o.epochs = epochs;
    o.batch = 10;
    o.optimizer.lr = 0.01;
    assert_ok(bp_train(NULL, m, &d->train, &o));
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &d->test, 0));
    double accuracy = e->accuracy;
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_dataset_free(d);
    return accuracy;
}

static void small_classics(void **state)
{
    (void)state;
    assert_true(accuracy_on("xor", "dense 10 sigmoid", "sigmoid", "mse", 40) >= 0.95);
    assert_true(accuracy_on("circles", "dense 10 sigmoid", "sigmoid", "mse", 40) >= 0.95);
    assert_true(accuracy_on("moons", "dense 16 relu", NULL, NULL, 30) >= 0.95);
    assert_true(accuracy_on("xor", "dense 10 tanh", "tanh", "mse", 30) >= 0.95);
    assert_true(accuracy_on("xor", "dense 16 relu", NULL, "bce", 30) >= 0.95);
    double line = accuracy_on("xor", "", NULL, NULL, 20); /* no straight line tells xor's classes apart */
    assert_true(line < 0.7);
}

static bp_dataset *mnist(void)
{
    const char *dir = real_data();
    if (!dir) {
        skip();
    }
    bp_dataset_options o = bp_dataset_defaults();
    const char *dirs[] = {dir};
    o.dirs = dirs;
    o.dir_count = 1;
    bp_dataset *d;
    assert_ok(bp_dataset_load(&d, "mnist", &o));
    return d;
}

static double mnist_accuracy(const bp_dataset *d, const char *net, bp_train_options o, uint64_t seed)
{
    bp_model_options mo = bp_model_defaults();
    mo.inputs = d->train.inputs;
    mo.outputs = d->train.classes;
    mo.net = net;
    mo.seed = seed;
    mo.init = o.optimizer.kind == BP_SGD ? "normal:0.01" : NULL;
    bp_model *m;
    assert_ok(bp_model_new(&m, &mo));
    double zero = 0, scale = 1 / 255.0;
    assert_ok(bp_model_set_scaling(m, 1, &zero, &scale));
    o.seed = seed;
    assert_ok(bp_train(NULL, m, &d->train, &o));
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &d->test, 0));
    double accuracy = e->accuracy;
    bp_evaluation_free(e);
    bp_model_free(m);
    return accuracy;
}

/* The classic two-layer network, and three sigmoid layers. */
static void mnist_classics(void **state)
{
    (void)state;
    bp_dataset *d = mnist();
    bp_train_options o = bp_train_defaults();
    o.optimizer = bp_optimizer_defaults(BP_SGD);
    o.batch = 100;
    o.epochs = 100;
    o.steps = 10000;
    double sum = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sum += mnist_accuracy(d, "dense 50 relu", o, seed);
    }
    print_message("784-50-10, mean of three seeds: %.4f\n", sum / 3);
    assert_true(sum / 3 >= 0.970);
    bp_train_options deep = bp_train_defaults();
    deep.batch = 64;
    deep.epochs = 6;
    deep.optimizer.lr = 0.003;
    double accuracy = mnist_accuracy(d, "dense 64 sigmoid, dense 16 sigmoid", deep, 1);
    print_message("784-64-16-10 sigmoid: %.4f\n", accuracy);
    assert_true(accuracy >= 0.955);
    bp_dataset_free(d);
}

/* ---- running ---- */

typedef struct tally {
    size_t epochs, steps, stop_epoch, stop_step;
    bp_progress last;
} tally;

static bool count_epoch(void *ctx, const bp_progress *p)
{
    tally *t = ctx;
    t->epochs++;
    t->last = *p;
    return t->epochs != t->stop_epoch;
}

static bool count_step(void *ctx, const bp_progress *p)
{
    tally *t = ctx;
    t->steps++;
    assert_int_equal(p->step, t->steps);
    return t->steps != t->stop_step;
}

static tally run(bp_train_options o, tally t, bp_train_result *r)
{
    bp_data d = made_up(true);
    bp_model *m = make_model(&d, "dense 8 relu", BP_F32, NULL);
    o.ctx = &t;
    o.on_epoch = count_epoch;
    o.on_step = count_step;
    assert_ok(bp_train(r, m, &d, &o));
    bp_model_free(m);
    return t;
}

static void epochs_and_steps(void **state)
{
    (void)state;
    bp_train_options o = bp_train_defaults();
    bp_train_result r;
    o.batch = 50; /* five steps an epoch */
    o.epochs = 4;
    tally t = run(o, (tally){0}, &r);
    assert_int_equal(t.epochs, 4);
    assert_int_equal(t.steps, 20);
    assert_int_equal(t.last.rows_done, SAMPLES);
    o.steps = 7; /* ends within the second epoch */
    t = run(o, (tally){0}, &r);
    assert_int_equal(t.epochs, 2);
    assert_int_equal(t.steps, 7);
    assert_int_equal(t.last.rows_done, 100);
    o.steps = 0;
    t = run(o, (tally){0}, &r);
    assert_int_equal(t.epochs + t.steps, 0);
    o.steps = SIZE_MAX;
    t = run(o, (tally){.stop_epoch = 2}, &r);
    assert_int_equal(t.epochs, 2);
    assert_true(r.stopped_by_callback);
    t = run(o, (tally){.stop_step = 3}, &r);
    assert_int_equal(t.steps, 3);
    assert_int_equal(t.last.step, 3);
    assert_true(r.stopped_by_callback);
    o.batch = 1000; /* larger than the data: one step an epoch */
    t = run(o, (tally){0}, &r);
    assert_int_equal(t.steps, 4);
    o.batch = SIZE_MAX;
    t = run(o, (tally){0}, &r);
    assert_int_equal(t.steps, 4);
}

static void early_stopping_and_best_weights(void **state)
{
    (void)state;
    bp_data d = made_up(true), valid = d;
    valid.rows = 40;
    d.rows -= 40;
    d.x = x + 40 * INPUTS;
    d.label = label + 40;
    bp_model *m = make_model(&d, "dense 64 relu", BP_F32, NULL);
    bp_train_options o = bp_train_defaults();
    o.epochs = 500;
    o.batch = 16;
    o.optimizer.lr = 0.02;
    o.valid = &valid;
    o.patience = 5;
    o.restore_best = true;
    bp_train_result r;
    assert_ok(bp_train(&r, m, &d, &o));
    assert_true(r.stopped_early);
    assert_int_equal(r.last.epoch, r.best_epoch + 5);
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &valid, 0));
    assert_near(e->loss, r.best_loss, 1e-7); /* these are the best weights */
    bp_evaluation_free(e);
    bp_model_free(m);
}

/* ---- numbers that stop being finite ---- */

static void divergence_is_told(void **state)
{
    (void)state;
    bp_data d = made_up(false);
    bp_model *m = make_model(&d, "dense 8 relu", BP_F32, NULL);
    bp_train_options o = bp_train_defaults();
    o.optimizer = bp_optimizer_defaults(BP_SGD);
    o.optimizer.lr = 1e4;
    o.epochs = 50;
    bp_train_result r;
    assert_int_equal(bp_train(&r, m, &d, &o), BP_ERR_NUMERIC);
    const char *says[] = {"epoch", "batch", "learning rate", "first numbers that are not finite are in", "try"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        if (!strstr(bp_error(), says[i])) {
            print_error("%s\n", bp_error());
        }
        assert_non_null(strstr(bp_error(), says[i]));
    }
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &d, 0));
    assert_true(isfinite(e->loss)); /* the last good weights are kept */
    bp_evaluation_free(e);
    bp_model_free(m);
}

static void bad_data(void **state)
{
    (void)state;
    struct {
        int which;
        const char *says;
    } bad[] = {{0, "label 3"},
               {1, "label -1"},
               {2, "no rows"},
               {3, "inputs"},
               {4, "input 5 of"},
               {5, "are numbers"},
               {6, "batch of 0"},
               {7, "learning rate"},
               {8, "no momentum"},
               {9, "3 classes"},
               {10, "99 is not a schedule"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bp_data d = made_up(true);
        bp_model *m = make_model(&d, "dense 8 relu", BP_F32, NULL);
        bp_train_options o = bp_train_defaults();
        switch (bad[i].which) {
        case 0:
            label[7] = 3;
            break;
        case 1:
            label[7] = -1;
            break;
        case 2:
            d.rows = 0;
            break;
        case 3:
            d.inputs = 12;
            break;
        case 4:
            x[3 * INPUTS + 5] = NAN;
            break;
        case 5:
            d = made_up(false);
            break;
        case 6:
            o.batch = 0;
            break;
        case 7:
            o.optimizer.lr = -1;
            break;
        case 8:
            o.optimizer.momentum = 0.9;
            break;
        case 10:
            o.schedule.kind = 99;
            break;
        case 9:
            bp_model_free(m), d.classes = 2, m = make_model(&d, "", BP_F32, NULL), d.classes = 3;
            break;
        }
        assert_int_not_equal(bp_train(NULL, m, &d, &o), BP_OK);
        if (!strstr(bp_error(), bad[i].says)) {
            print_error("case %zu says: %s\n", i, bp_error());
        }
        assert_non_null(strstr(bp_error(), bad[i].says));
        bp_model_free(m);
    }
}

/* Nesterov's rule is PyTorch's: with momentum, without dampening. */
static void nesterov_needs_momentum(void **state)
{
    (void)state;
    bp_optimizer_options o = bp_optimizer_defaults(BP_NESTEROV);
    assert_ok(bp_optimizer_check(&o));
    o.dampening = 0.1;
    assert_int_equal(bp_optimizer_check(&o), BP_ERR_ARGUMENT);
    o.dampening = o.momentum = 0;
    assert_int_equal(bp_optimizer_check(&o), BP_ERR_ARGUMENT);
}

/* ---- models ---- */

static void bce_wants_targets_in_0_1(void **state)
{
    (void)state;
    bp_data d = made_up(false);
    bp_model_options o = bp_model_defaults();
    o.inputs = INPUTS;
    o.outputs = 2;
    o.task = BP_REGRESS;
    o.loss = "bce";
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    assert_int_equal(bp_model_output(m), BP_SIGMOID);
    assert_int_equal(bp_train(NULL, m, &d, NULL), BP_ERR_DATA);
    assert_non_null(strstr(bp_error(), "[0, 1]"));
    bp_model_free(m);
}

/* Layers carry the names that torch.nn.Sequential gives them. */
static void layer_names(void **state)
{
    (void)state;
    bp_data d = made_up(true);
    bp_model *m = make_model(&d, " dense 5 relu ,dropout 0.5, dense 4 linear,dense 6", BP_F32, NULL);
    assert_string_equal(bp_model_describe(m).net, "dense 5 relu, dropout 0.5, dense 4 linear, dense 6 relu");
    const char *names[] = {"0.weight", "0.bias", "3.weight", "3.bias", "4.weight", "4.bias", "6.weight", "6.bias"};
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(bp_node_name(bp_graph_param(bp_model_graph(m), i)), names[i]);
    }
    assert_null(bp_graph_param(bp_model_graph(m), 8));
    assert_int_equal(bp_model_parameters(m), 14 * 5 + 6 * 4 + 5 * 6 + 7 * 3);
    bp_model *copy;
    bp_model_options o = {.type = BP_F64, .unfused = true};
    assert_ok(bp_model_copy(&copy, m, &o));
    double w32[65], w64[65];
    assert_ok(bp_param_get(bp_graph_param(bp_model_graph(m), 0), w32));
    assert_ok(bp_param_get(bp_graph_param(bp_model_graph(copy), 0), w64));
    assert_memory_equal(w32, w64, sizeof w32);
    bp_model_free(copy);
    bp_model_free(m);
}

static void schedules(void **state)
{
    (void)state;
    struct {
        const char *text;
        size_t step;
        double factor; /* 10 steps an epoch, 100 in all */
    } good[] = {{"constant", 99, 1},
                {"step:2", 19, 1},
                {"step:2", 20, 0.1},
                {"step:3,0.5", 65, 0.25},
                {"exponential:0.9", 35, 0.729},
                {"cosine", 50, 0.5},
                {"cosine:0.2", 100, 0.2},
                {"inverse:1", 30, 0.25},
                {"inverse:1,2", 30, 0.0625},
                {"warmup:10 + cosine", 4, 0.5},
                {"warmup:20+cosine", 60, 0.5},
                {"warmup:4", 1, 0.5},
                {"plateau:3,0.5", 80, 1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        bp_schedule s;
        assert_ok(bp_schedule_parse(&s, good[i].text));
        assert_near(bp_schedule_factor(&s, good[i].step, 10, 100), good[i].factor, 1e-12);
    }
    const char *bad[] = {"cosin",
                         "step",
                         "step:0",
                         "step:1,2,3",
                         "exponential:x",
                         "cosine:",
                         "warmup:x + cosine",
                         "step:-1",
                         "step:5,",
                         "step:,0.5",
                         "exponential:0.00000000000000000000000000000000000001",
                         "warmup:5 steps + cosine",
                         "warmup:5 + warmup:5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bp_schedule s;
        assert_int_equal(bp_schedule_parse(&s, bad[i]), BP_ERR_ARGUMENT);
        assert_near(bp_schedule_factor(&s, 100, 10, 100), 1, 0); /* it can be used, as constant */
    }
    bp_schedule s;
    char text[16];
    assert_ok(bp_schedule_parse(&s, "warmup:1234567 + step:3,0.5"));
    memset(text, 'x', sizeof text);
    assert_string_equal(bp_schedule_text(text, 9, &s), "warmup:1"); /* cut, and nothing behind it touched */
    assert_memory_equal(text + 9, "xxxxxxx", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(threads_that_pay),
        cmocka_unit_test(prediction_of_one_row),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(small_classics),
        cmocka_unit_test(mnist_classics),
        cmocka_unit_test(epochs_and_steps),
        cmocka_unit_test(early_stopping_and_best_weights),
        cmocka_unit_test(divergence_is_told),
        cmocka_unit_test(bad_data),
        cmocka_unit_test(nesterov_needs_momentum),
        cmocka_unit_test(bce_wants_targets_in_0_1),
        cmocka_unit_test(layer_names),
        cmocka_unit_test(schedules),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
