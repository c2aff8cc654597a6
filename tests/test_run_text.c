/* test_run_text.c - what makes two runs the same: whatever decides about the result is told apart, and nothing else is. */
#include "support_prepare.h"

#include <stddef.h>

#include "format/run_text.h"

enum { ROWS = 6 };

static double inputs[2 * ROWS], targets[ROWS];
static float weights[ROWS];
static int32_t labels[ROWS];

/* What a run consists of. */
typedef struct run {
    bp_model_options net;
    bp_model *m; /* NULL: made from `net` */
    bp_data data, other;
    bp_train_options train;
} run;

static run some_run(void)
{
    run r = {.net = bp_model_defaults(), .train = bp_train_defaults()};
    for (size_t i = 0; i < ROWS; i++) {
        inputs[2 * i] = (double)i;
        inputs[2 * i + 1] = -1;
        targets[i] = 1.5 * (double)i;
        weights[i] = 1;
        labels[i] = (int32_t)i % 2;
    }
    r.net.inputs = 2;
    r.net.outputs = 1;
    r.net.task = BP_REGRESS;
    r.net.net = "dense 3 tanh";
    r.data = (bp_data){.rows = ROWS, .inputs = 2, .x = inputs, .x_type = BP_F64, .targets = 1, .y = targets};
    r.other = r.data;
    return r;
}

static json_t *describe(const run *r)
{
    json_t *text;
    bp_model *m = r->m;
    if (!m) {
        assert_ok(bp_model_new(&m, &r->net));
    }
    assert_ok(bp_run_describe(&text, m, &r->data, &r->train));
    if (!r->m) {
        bp_model_free(m);
    }
    return text;
}

static bp_status compare(const run *saved, const run *now)
{
    json_t *there = describe(saved), *here = describe(now);
    char *text = json_dumps(there, JSON_COMPACT);
    bp_status status = bp_run_compare(text, here, "file");
    free(text);
    json_decref(there);
    json_decref(here);
    return status;
}

static void expect_other(const run *now, const char *mention)
{
    run saved = some_run();
    assert_error(compare(&saved, now), BP_ERR_DATA, mention);
}

static void test_same(void **state)
{
    (void)state;
    run a = some_run(), b = some_run();
    b.train.threads = 3;
    b.train.epochs = 77;
    b.train.steps = 1000;
    assert_ok(compare(&a, &b));
    double copy[2 * ROWS];
    memcpy(copy, inputs, sizeof copy);
    b.data.x = copy; /* elsewhere, but the same */
    assert_ok(compare(&a, &b));
}

/* Every number of the optimizer. */
#define AT(name) offsetof(bp_optimizer_options, name)
static const size_t numbers[] = {AT(lr),
                                 AT(momentum),
                                 AT(dampening),
                                 AT(beta1),
                                 AT(beta2),
                                 AT(eps),
                                 AT(lr_decay),
                                 AT(initial),
                                 AT(l2),
                                 AT(l1),
                                 AT(weight_decay),
                                 AT(clip_norm),
                                 AT(clip_value),
                                 AT(tolerance_gradient),
                                 AT(tolerance_decrease),
                                 AT(eta_plus),
                                 AT(eta_minus),
                                 AT(step_min),
                                 AT(step_max)};
#undef AT
enum { NUMBERS = sizeof numbers / sizeof *numbers };
_Static_assert(sizeof(bp_optimizer_options) == (NUMBERS + 2) * sizeof(double), "all but the kind and the history");

static void test_optimizer(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        run now = some_run();
        *(double *)(void *)((char *)&now.train.optimizer + numbers[i]) += 0.0625;
        expect_other(&now, " there, ");
    }
    run now = some_run();
    now.train.optimizer.history++;
    expect_other(&now, "history");
}

static void test_options(void **state)
{
    (void)state;
    run r = some_run();
    r.train.seed++;
    expect_other(&r, "seed: ");
    r = some_run();
    r.train.restore_best = !r.train.restore_best;
    expect_other(&r, "best weights");
    r = some_run();
    r.train.patience = 4;
    expect_other(&r, "patience");
    /* a schedule that knows the end */
    run saved = some_run();
    assert_ok(bp_schedule_parse(&saved.train.schedule, "cosine"));
    r = saved;
    r.train.epochs++;
    assert_error(compare(&saved, &r), BP_ERR_DATA, "epochs");
    r = saved;
    r.train.steps = 5;
    assert_error(compare(&saved, &r), BP_ERR_DATA, "steps of the schedule: none there, 5 now");
    assert_error(compare(&r, &saved), BP_ERR_DATA, "steps of the schedule: 5 there, none now");
}

static void test_data(void **state)
{
    (void)state;
    run r = some_run();
    r.data.weight = weights;
    expect_other(&r, "training data");
    run saved = r;
    float heavier[ROWS] = {1, 1, 1, 1, 1, 2};
    r.data.weight = heavier;
    assert_error(compare(&saved, &r), BP_ERR_DATA, "training data");
    r = some_run();
    r.train.valid = &r.other;
    expect_other(&r, "validation data: none there");
    r = some_run();
    r.train.test = &r.other;
    expect_other(&r, "test data: none there");
    float narrow[2 * ROWS];
    r = some_run();
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        narrow[i] = (float)inputs[i];
    }
    r.data.x = narrow;
    r.data.x_type = BP_F32;
    expect_other(&r, "type f64");
    saved = some_run();
    saved.net.task = BP_CLASSIFY;
    saved.net.outputs = 2;
    saved.data.classes = 2;
    saved.data.label = labels;
    r = saved;
    int32_t others[ROWS] = {0};
    r.data.label = others;
    assert_error(compare(&saved, &r), BP_ERR_DATA, "training data");
}

/* Two models whose scalings differ; set: of the inputs or the outputs. */
static void check_scaling(bp_status (*set)(bp_model *, size_t, const double *, const double *), const char *mention)
{
    static const double one = 1, two = 2;
    run saved = some_run(), r = saved;
    assert_ok(bp_model_new(&saved.m, &saved.net));
    assert_ok(bp_model_new(&r.m, &r.net));
    assert_ok(set(r.m, 1, &one, &two));
    assert_error(compare(&saved, &r), BP_ERR_DATA, mention);
    assert_ok(set(saved.m, 1, &one, &one));
    assert_error(compare(&saved, &r), BP_ERR_DATA, mention);
    bp_model_free(saved.m);
    bp_model_free(r.m);
}

static void test_network(void **state)
{
    (void)state;
    run r = some_run();
    r.net.loss = "huber";
    expect_other(&r, "loss");
    r = some_run();
    r.net.output = "tanh";
    expect_other(&r, "output");
    r = some_run();
    r.net.init = "zeros";
    expect_other(&r, "first weights");
    r = some_run();
    r.net.seed = 5;
    expect_other(&r, "seed of the first weights");
    r = some_run();
    r.net.type = BP_F64;
    expect_other(&r, "number type");
    check_scaling(bp_model_set_scaling, "scaling of the inputs");
    check_scaling(bp_model_set_output_scaling, "scaling of the outputs");
}

/* The same inputs, but from columns of other names. */
static void test_preparation(void **state)
{
    (void)state;
    run r[2] = {some_run(), some_run()};
    for (int i = 0; i < 2; i++) {
        bp_table *t = table(i ? "b:n,z:n\n1,2\n2,4\n3,7\n4,1\n" : "a:n,z:n\n1,2\n2,4\n3,7\n4,1\n", true);
        bp_prepare_options o = bp_prepare_defaults();
        o.task = BP_TABLE_REGRESS;
        bp_preparation *p = fit(t, &o);
        r[i].net.inputs = r[i].data.inputs = bp_preparation_inputs(p);
        assert_ok(bp_model_new(&r[i].m, &r[i].net));
        assert_ok(bp_model_set_preparation(r[i].m, p));
        bp_preparation_free(p);
        bp_table_free(t);
    }
    assert_error(compare(&r[0], &r[1]), BP_ERR_DATA, "preparation of the columns");
    assert_ok(compare(&r[0], &r[0]));
    bp_model_free(r[0].m);
    bp_model_free(r[1].m);
}

static void test_no_description(void **state)
{
    (void)state;
    run r = some_run();
    json_t *here = describe(&r);
    assert_error(bp_run_compare(NULL, here, "file"), BP_ERR_FORMAT, "of which run");
    assert_error(bp_run_compare("[]", here, "file"), BP_ERR_FORMAT, "of which run");
    assert_error(bp_run_compare("{\"a\":\"1\",\"a\":\"1\"}", here, "file"), BP_ERR_FORMAT, "of which run");
    assert_error(bp_run_compare("{\"mood\":\"bad\"}", here, "file"), BP_ERR_DATA, "of another run");
    json_decref(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),           cmocka_unit_test(test_optimizer), cmocka_unit_test(test_options),
        cmocka_unit_test(test_data),           cmocka_unit_test(test_network),   cmocka_unit_test(test_preparation),
        cmocka_unit_test(test_no_description),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
