/* test_weights.c - rows that count more or less than others, and rows that are made when they are needed: both are compared
 * with the plain data that they stand for. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "backprop/io.h"

enum { ROWS = 37, INPUTS = 5, CLASSES = 3, TARGETS = 2, COPIES = 3 };

/* The rows with weights, and the same with each row as often as its weight says. */
typedef struct sample {
    double x[ROWS * COPIES * INPUTS], y[ROWS * COPIES * TARGETS];
    int32_t label[ROWS * COPIES];
    float weight[ROWS];
    bp_data weighted, repeated;
} sample;

static double noise(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 40) / (double)(1 << 23) - 1;
}

/* Weights 0 .. COPIES - 1, multiplied by `unit`, which must not matter. weighted has its own copy of the rows. */
static void make_sample(sample *plain, sample *s, size_t classes, float unit)
{
    uint64_t seed = 99;
    size_t rows = 0;
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t c = 0; c < INPUTS; c++) {
            plain->x[r * INPUTS + c] = noise(&seed);
            sum += plain->x[r * INPUTS + c] * (c % 2 ? 1 : -0.5);
        }
        plain->y[r * TARGETS] = sum;
        plain->y[r * TARGETS + 1] = sum * sum + 0.1 * noise(&seed);
        plain->label[r] = (int32_t)((sum > 0) + (classes > 2 && sum > 0.5));
        plain->weight[r] = unit * (float)(r % COPIES);
        for (size_t k = 0; k < r % COPIES; k++, rows++) {
            memcpy(s->x + rows * INPUTS, plain->x + r * INPUTS, INPUTS * sizeof *s->x);
            memcpy(s->y + rows * TARGETS, plain->y + r * TARGETS, TARGETS * sizeof *s->y);
            s->label[rows] = plain->label[r];
        }
    }
    bp_data d = {.rows = ROWS, .inputs = INPUTS, .x = plain->x, .x_type = BP_F64, .weight = plain->weight};
    d.classes = classes;
    d.label = classes ? plain->label : NULL;
    d.targets = classes ? 0 : TARGETS;
    d.y = classes ? NULL : plain->y;
    s->weighted = s->repeated = d;
    s->repeated.rows = rows;
    s->repeated.x = s->x;
    s->repeated.y = classes ? NULL : s->y;
    s->repeated.label = classes ? s->label : NULL;
    s->repeated.weight = NULL;
}

static bp_model *make_model(const bp_data *d, const char *loss, bp_type type)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = d->inputs;
    o.outputs = d->classes ? d->classes : d->targets;
    o.task = d->classes ? BP_CLASSIFY : BP_REGRESS;
    o.net = "dense 9 tanh, dense 6 gelu";
    o.loss = loss;
    o.type = type;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    const double mean[INPUTS] = {0.1, -0.2, 0.3, 0, 0.5}, scale[INPUTS] = {1, 2, 0.5, 1.5, 1};
    assert_ok(bp_model_set_scaling(m, INPUTS, mean, scale));
    return m;
}

static void assert_same_parameters(const bp_model *a, const bp_model *b, double tolerance)
{
    const bp_graph *g = bp_model_graph_const(a), *h = bp_model_graph_const(b);
    double p[128], q[128];
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        size_t n = bp_node_size(bp_graph_param(g, i));
        assert_true(n <= sizeof p / sizeof *p);
        assert_ok(bp_param_get(bp_graph_param(g, i), p));
        assert_ok(bp_param_get(bp_graph_param(h, i), q));
        for (size_t k = 0; k < n; k++) {
            assert_near(p[k], q[k], tolerance);
        }
    }
}

static bp_train_result train(bp_model *m, const bp_data *d, bp_optimizer_kind kind, size_t batch)
{
    bp_train_options o = bp_train_defaults();
    o.epochs = 12;
    o.batch = batch;
    o.valid = d;
    o.optimizer = bp_optimizer_defaults(kind);
    bp_train_result r;
    assert_ok(bp_train(&r, m, d, &o));
    return r;
}

typedef struct variant {
    size_t classes;
    const char *loss;
} variant;
static const variant variants[] = {{CLASSES, NULL}, {2, NULL}, {2, "bce"}, {0, NULL}, {0, "mae"}, {0, "huber"}};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* The trajectory of full batches is that of the rows repeated, and so are the measures on the way. Order of the rows: the
 * sums of a batch differ in rounding alone. */
static void weight_2_is_the_row_twice(void **state)
{
    (void)state;
    const struct {
        bp_optimizer_kind kind;
        double tolerance; /* a line search, and steps by the sign of the gradient, make rounding larger */
    } method[] = {{BP_SGD, 1e-12}, {BP_ADAM, 1e-11}, {BP_LBFGS, 1e-6}, {BP_RPROP, 1e-6}};
    enum { METHODS = sizeof method / sizeof *method };
    for (size_t v = 0; v < (size_t)VARIANTS * METHODS; v++) {
        sample plain, s;
        const char *loss = variants[v / METHODS].loss;
        bp_optimizer_kind kind = method[v % METHODS].kind;
        double tolerance = method[v % METHODS].tolerance;
        if (kind == BP_RPROP && loss && strcmp(loss, "mae") == 0) {
            continue; /* sums of signs are 0 or only nearly so, and the sign of that is what rprop looks at */
        }
        make_sample(&plain, &s, variants[v / METHODS].classes, 0.7F);
        bp_model *a = make_model(&s.weighted, loss, BP_F64), *b = make_model(&s.repeated, loss, BP_F64);
        bp_train_result ra = train(a, &s.weighted, kind, 1000), rb = train(b, &s.repeated, kind, 1000);
        assert_same_parameters(a, b, tolerance);
        assert_near(ra.last.train_loss, rb.last.train_loss, tolerance);
        assert_near(ra.last.valid_loss, rb.last.valid_loss, tolerance);
        if (s.weighted.classes) {
            assert_near(ra.last.train_accuracy, rb.last.train_accuracy, 1e-12);
            assert_near(ra.last.valid_accuracy, rb.last.valid_accuracy, 1e-12);
            assert_true(rb.last.train_accuracy > 0);
        }
        bp_model *c = make_model(&s.weighted, loss, BP_F64);
        s.weighted.weight = NULL; /* the weights do matter */
        bp_train_result rc = train(c, &s.weighted, kind, 1000);
        assert_true(fabs(rc.last.valid_loss - ra.last.valid_loss) > 1e-6);
        bp_model_free(a);
        bp_model_free(b);
        bp_model_free(c);
    }
}

/* Weights that are all the same do nothing; the loss of an epoch of small batches is the weighted mean. */
static void equal_weights_and_small_batches(void **state)
{
    (void)state;
    sample plain, s;
    make_sample(&plain, &s, CLASSES, 1);
    bp_model *a = make_model(&s.weighted, NULL, BP_F32), *b = make_model(&s.weighted, NULL, BP_F32);
    for (size_t r = 0; r < ROWS; r++) {
        plain.weight[r] = 4;
    }
    bp_train_result ra = train(a, &s.weighted, BP_ADAM, 8);
    s.weighted.weight = NULL;
    bp_train_result rb = train(b, &s.weighted, BP_ADAM, 8);
    assert_same_parameters(a, b, 0);
    assert_near(ra.last.train_loss, rb.last.train_loss, 0);
    bp_model_free(a);
    bp_model_free(b);

    make_sample(&plain, &s, CLASSES, 0.25F);
    a = make_model(&s.weighted, NULL, BP_F64);
    bp_train_options o = bp_train_defaults();
    o.epochs = 1;
    o.batch = 5;
    o.optimizer.lr = 1e-300; /* stands still */
    bp_train_result r;
    assert_ok(bp_train(&r, a, &s.weighted, &o));
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, a, &s.repeated, 1));
    assert_near(r.last.train_loss, e->loss, 1e-12);
    bp_evaluation_free(e);

    o.shuffle = false; /* part of an epoch: rows 0 to 9 */
    o.steps = 2;
    assert_ok(bp_train(&r, a, &s.weighted, &o));
    s.weighted.rows = 10;
    assert_ok(bp_evaluate(&e, a, &s.weighted, 1));
    assert_near(r.last.train_loss, e->loss, 1e-12);
    assert_near(r.last.train_accuracy, e->accuracy, 1e-12);
    bp_evaluation_free(e);
    bp_model_free(a);
}

/* Back-propagation through weighted rows against numerical differentiation. */
static void gradients_with_weights(void **state)
{
    (void)state;
    for (size_t v = 0; v < VARIANTS; v++) {
        sample plain, s;
        double weights[ROWS], target[CLASSES];
        make_sample(&plain, &s, variants[v].classes, 1);
        bp_model *m = make_model(&s.weighted, variants[v].loss, BP_F64);
        const bp_node *loss = bp_model_loss_node(m);
        bp_session *session;
        bp_session_options o = bp_session_defaults();
        o.max_rows = ROWS;
        assert_ok(bp_session_new(&session, bp_model_graph(m), &loss, 1, &o));
        size_t units = bp_node_size(bp_model_target(m)), stride;
        double *t = malloc(ROWS * units * sizeof *t);
        for (size_t r = 0; r < ROWS; r++) {
            weights[r] = (double)plain.weight[r];
            bp_model_encode(m, target, &s.weighted, r);
            memcpy(t + r * units, target, units * sizeof *t);
        }
        assert_ok(bp_session_set(session, bp_model_x(m), plain.x, ROWS));
        assert_ok(bp_session_set(session, bp_model_target(m), t, ROWS));
        assert_ok(bp_forward(session, ROWS));
        const double *each = bp_session_values(session, loss, &stride);
        double even = bp_session_objective(session), sum = 0;
        assert_ok(bp_session_set_weights(session, weights, ROWS));
        assert_ok(bp_forward(session, ROWS));
        for (size_t r = 0; r < ROWS; r++) {
            sum += weights[r] * each[r * stride] / ROWS;
        }
        assert_near(bp_session_objective(session), sum, 1e-14);
        assert_true(fabs(sum - even) > 1e-3);
        bp_check_report *report;
        assert_ok(bp_gradient_check(&report, session, bp_model_graph(m), ROWS, NULL));
        assert_true(report->passed);
        bp_check_report_free(report);
        assert_ok(bp_session_set_weights(session, NULL, 0));
        assert_ok(bp_forward(session, ROWS));
        assert_near(bp_session_objective(session), even, 0);
        assert_int_equal(bp_session_set_weights(session, weights, ROWS + 1), BP_ERR_ARGUMENT);
        bp_session_free(session);
        bp_model_free(m);
        free(t);
    }
}

static void weights_that_are_refused(void **state)
{
    (void)state;
    sample plain, s;
    const struct {
        float weight;
        const char *says;
    } bad[] = {{-1, "weight of row 4 is -1"},
               {NAN, "weight of row 4 is nan"},
               {INFINITY, "weight of row 4 is inf"},
               {0, "weights of all 37 rows are 0"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make_sample(&plain, &s, 2, 0);
        plain.weight[4] = bad[i].weight;
        bp_model *m = make_model(&s.weighted, NULL, BP_F32);
        assert_int_equal(bp_train(NULL, m, &s.weighted, NULL), BP_ERR_DATA);
        assert_non_null(strstr(bp_error(), bad[i].says));
        bp_model_free(m);
    }
}

/* ---- rows made on demand ---- */

static void fill_from(const void *x, size_t row, void *out, bp_type type)
{
    for (size_t c = 0; c < INPUTS; c++) {
        double v = ((const double *)x)[row * INPUTS + c];
        if (type == BP_F64) {
            ((double *)out)[c] = v;
        } else {
            ((float *)out)[c] = (float)v;
        }
    }
}

static bp_data on_demand(bp_data d)
{
    d.fill = fill_from;
    d.x_type = BP_U8; /* not used */
    return d;
}

/* Training, evaluating, predicting and splitting give the same bits as with the rows in memory. */
static void filled_rows_are_rows(void **state)
{
    (void)state;
    for (bp_type type = BP_F32; type <= BP_F64; type++) {
        sample plain, s;
        make_sample(&plain, &s, CLASSES, 1);
        bp_data filled = on_demand(s.weighted);
        bp_model *a = make_model(&filled, NULL, type), *b = make_model(&filled, NULL, type);
        if (type == BP_F64) { /* both ways of scaling, and none */
            const double mean = 0.25, scale = 2;
            assert_ok(bp_model_set_scaling(a, 1, &mean, &scale));
            assert_ok(bp_model_set_scaling(b, 1, &mean, &scale));
        }
        bp_train_result ra = train(a, &s.weighted, BP_ADAM, 8), rb = train(b, &filled, BP_ADAM, 8);
        assert_same_parameters(a, b, 0);
        assert_near(ra.last.valid_loss, rb.last.valid_loss, 0);

        char out[2][ROWS * CLASSES * sizeof(double)];
        size_t bytes = CLASSES * bp_type_size(type);
        bp_predictor *p;
        assert_ok(bp_predictor_new(&p, a, 7, 2));
        assert_ok(bp_predict(p, out[0], plain.x, BP_F64, ROWS));
        assert_ok(bp_predict_data(p, out[1], &filled, 0, ROWS));
        assert_memory_equal(out[0], out[1], ROWS * bytes);
        assert_ok(bp_predict_data(p, out[1], &filled, 11, 9));
        assert_memory_equal(out[0] + 11 * bytes, out[1], 9 * bytes);
        assert_int_equal(bp_predict_data(p, out[1], &filled, ROWS - 1, 2), BP_ERR_ARGUMENT);
        bp_predictor_free(p);
        bp_model_free(a);
        bp_model_free(b);
    }
}

enum { WIDE = 700, WIDE_ROWS = 3 };

static void fill_wide(const void *x, size_t row, void *out, bp_type type)
{
    memcpy(out, (const float *)x + row * WIDE, WIDE * bp_type_size(type)); /* asked for f32 alone */
}

/* Rows longer than the part that is scaled at a time. */
static void wide_rows_are_scaled(void **state)
{
    (void)state;
    static float x[WIDE_ROWS * WIDE];
    double mean[WIDE], scale[WIDE];
    float out[2][WIDE_ROWS * 2];
    uint64_t seed = 3;
    for (size_t i = 0; i < WIDE_ROWS * WIDE; i++) {
        x[i] = (float)noise(&seed);
        mean[i % WIDE] = noise(&seed);
        scale[i % WIDE] = noise(&seed);
    }
    bp_model_options o = bp_model_defaults();
    o.inputs = WIDE;
    o.outputs = 2;
    bp_model *m;
    bp_predictor *p;
    assert_ok(bp_model_new(&m, &o));
    assert_ok(bp_predictor_new(&p, m, 2, 1));
    bp_data d = {.rows = WIDE_ROWS, .inputs = WIDE, .x = x, .fill = fill_wide};
    const size_t counts[] = {WIDE, 1}; /* a number for each input, or one for all */
    for (size_t i = 0; i < 2; i++) {
        assert_ok(bp_model_set_scaling(m, counts[i], mean, scale));
        assert_ok(bp_predict(p, out[0], x, BP_F32, WIDE_ROWS));
        assert_ok(bp_predict_data(p, out[1], &d, 0, WIDE_ROWS));
        assert_memory_equal(out[0], out[1], sizeof out[0]);
    }
    bp_predictor_free(p);
    bp_model_free(m);
}

static void filled_rows_are_split(void **state)
{
    (void)state;
    sample plain, s;
    make_sample(&plain, &s, CLASSES, 1);
    bp_data filled = on_demand(s.weighted);
    bp_dataset *part[2], *rest[2];
    assert_ok(bp_data_split(&part[0], &rest[0], &s.weighted, 0.3, 5, NULL));
    assert_ok(bp_data_split(&part[1], &rest[1], &filled, 0.3, 5, NULL));
    assert_null(part[1]->train.fill);
    assert_int_equal(part[0]->train.rows, part[1]->train.rows);
    assert_memory_equal(part[0]->train.x, part[1]->train.x, part[0]->train.rows * INPUTS * sizeof(double));
    for (size_t r = 0; r < rest[1]->train.rows; r++) { /* weights go with their rows */
        size_t from = 0;
        while (
            memcmp(plain.x + from * INPUTS, (const double *)rest[1]->train.x + r * INPUTS, INPUTS * sizeof(double))) {
            from++;
        }
        assert_true(rest[1]->train.weight[r] == plain.weight[from]);
    }
    for (size_t i = 0; i < 2; i++) {
        bp_dataset_free(part[i]);
        bp_dataset_free(rest[i]);
    }
}

/* Numbers that are not finite are found in them, too. */
static void filled_rows_are_checked(void **state)
{
    (void)state;
    sample plain, s;
    make_sample(&plain, &s, 2, 1);
    plain.x[8 * INPUTS + 3] = NAN;
    bp_data filled = on_demand(s.weighted);
    bp_model *m = make_model(&filled, NULL, BP_F32);
    assert_int_equal(bp_train(NULL, m, &filled, NULL), BP_ERR_DATA);
    assert_non_null(strstr(bp_error(), "input 3 of row 8 is nan"));
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weight_2_is_the_row_twice), cmocka_unit_test(equal_weights_and_small_batches),
        cmocka_unit_test(gradients_with_weights),    cmocka_unit_test(weights_that_are_refused),
        cmocka_unit_test(wide_rows_are_scaled),      cmocka_unit_test(filled_rows_are_rows),
        cmocka_unit_test(filled_rows_are_split),     cmocka_unit_test(filled_rows_are_checked),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
