/* test_import_fann.c - .net files written by FANN itself: the model answers what FANN answers. Without libfann the tests are
 * skipped, and say so; damaged and refused files, for which FANN is not needed, are in test_importers.c. */
#include "support_io.h"

#ifdef BP_HAVE_FANN
#include <fann.h>
#include <math.h>

enum { MOST = 16, ROWS = 50 };

typedef struct network {
    enum fann_activationfunc_enum hidden, output;
    double steepness;
    bool sparse, scaled;
} network;

/* The largest difference that any network of this program showed, relative to the answer or to 1: for docs/formats.md. */
static double largest;

static double uniform(double low, double high)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return low + (high - low) * (double)(state >> 11) / 9007199254740992.0;
}

/* Weights far enough from 0 for every activation to bend, and small enough for no sum to reach 150 / steepness, where FANN
 * cuts it off. */
static void spread_weights(struct fann *ann)
{
    unsigned count = fann_get_total_connections(ann);
    struct fann_connection *c = calloc(count, sizeof *c);
    assert_non_null(c);
    fann_get_connection_array(ann, c);
    for (unsigned i = 0; i < count; i++) {
        c[i].weight = (fann_type)uniform(-0.8, 0.8);
    }
    fann_set_weight_array(ann, c, count);
    free(c);
}

static void set_scaling(struct fann *ann, unsigned inputs, unsigned outputs)
{
    struct fann_train_data *d = fann_create_train(ROWS, inputs, outputs);
    for (unsigned i = 0; i < ROWS; i++) {
        for (unsigned j = 0; j < inputs; j++) {
            d->input[i][j] = (fann_type)uniform(10.0 * j, 10.0 * j + 5);
        }
        for (unsigned j = 0; j < outputs; j++) {
            d->output[i][j] = (fann_type)uniform(-100, 300.0 * (j + 1));
        }
    }
    assert_int_equal(fann_set_scaling_params(ann, d, -1, 1.5f, 0, 1), 0);
    fann_destroy_train(d);
}

/* What the FANN program says about x, with the scaling that its file has. */
static void ask_fann(double *y, struct fann *ann, const network *n, const double *x, unsigned inputs, unsigned outputs)
{
    fann_type in[MOST], out[MOST];
    for (unsigned j = 0; j < inputs; j++) {
        in[j] = (fann_type)x[j];
    }
    if (n->scaled) {
        fann_scale_input(ann, in);
    }
    memcpy(out, fann_run(ann, in), outputs * sizeof *out);
    if (n->scaled) {
        fann_descale_output(ann, out);
    }
    for (unsigned j = 0; j < outputs; j++) {
        y[j] = (double)out[j];
    }
}

/* As unit of the answers: with scaled outputs their range, since that is what the rounding errors of FANN are relative to. */
static void compare_rows(const bp_model *m, struct fann *ann, const network *n)
{
    unsigned inputs = fann_get_num_input(ann), outputs = fann_get_num_output(ann);
    bp_predictor *p;
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    for (int row = 0; row < ROWS; row++) {
        double x[MOST], expected[MOST], y[MOST];
        float answer[MOST];
        for (unsigned j = 0; j < inputs; j++) {
            x[j] = (double)(float)(n->scaled ? uniform(10.0 * j, 10.0 * j + 5) : uniform(-2, 2));
        }
        ask_fann(expected, ann, n, x, inputs, outputs);
        assert_ok(bp_predict(p, answer, x, BP_F64, 1));
        for (unsigned j = 0; j < outputs; j++) {
            double unit = n->scaled ? 300.0 * (j + 1) : fabs(expected[j]) > 1 ? fabs(expected[j]) : 1;
            y[j] = fabs((double)answer[j] - expected[j]) / unit;
            largest = y[j] > largest ? y[j] : largest;
            if (!(y[j] < 5e-6)) {
                fail_msg("row %d, output %u: FANN says %.9g, the model %.9g", row, j, expected[j], (double)answer[j]);
            }
        }
    }
    bp_predictor_free(p);
}

/* Writes the network as FANN does, reads it with FANN and with the importer, and compares the answers. */
static void expect_same(const network *n, const unsigned *layers, unsigned count)
{
    struct fann *made =
        n->sparse ? fann_create_sparse_array(0.5f, count, layers) : fann_create_standard_array(count, layers);
    fann_set_activation_function_hidden(made, n->hidden);
    fann_set_activation_function_output(made, n->output);
    fann_set_activation_steepness_hidden(made, (fann_type)n->steepness);
    fann_set_activation_steepness_output(made, (fann_type)n->steepness);
    spread_weights(made);
    if (n->scaled) {
        set_scaling(made, layers[0], layers[count - 1]);
    }
    const char *path = in_folder("fann.net");
    assert_int_equal(fann_save(made, path), 0);
    fann_destroy(made);
    struct fann *ann = fann_create_from_file(path);
    assert_non_null(ann);
    bp_model *m;
    assert_ok(bp_model_import(&m, path, NULL));
    assert_int_equal(bp_model_describe(m).type, BP_F32);
    assert_string_equal(bp_model_note(m, "imported_from"), "FANN");
    compare_rows(m, ann, n);
    bp_model_free(m);
    fann_destroy(ann);
}

static void test_answers(void **state)
{
    (void)state;
    static const enum fann_activationfunc_enum f[] = {FANN_LINEAR, FANN_SIGMOID, FANN_SIGMOID_SYMMETRIC};
    static const double steepness[] = {0.5, 0.3, 1.7};
    static const unsigned layers[] = {3, 5, 4, 2};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            for (size_t k = 0; k < 3; k++) {
                expect_same(&(network){f[i], f[j], steepness[k], false, false}, layers, 4);
                expect_same(&(network){f[i], f[j], steepness[k], false, true}, layers, 4);
            }
        }
        expect_same(&(network){f[i], f[i], 0.5, true, false}, (unsigned[]){6, 9, 3}, 3);
        expect_same(&(network){f[i], f[i], 0.5, false, false}, (unsigned[]){4, 1}, 2);
    }
    print_message("largest difference from FANN: %.2g\n", largest);
}

/* Neurons of a layer may differ in steepness. */
static void test_steepness_of_neurons(void **state)
{
    (void)state;
    struct fann *made = fann_create_standard(3, 2, 4, 1);
    fann_set_activation_function_hidden(made, FANN_SIGMOID);
    fann_set_activation_function_output(made, FANN_SIGMOID_SYMMETRIC);
    spread_weights(made);
    for (int i = 0; i < 4; i++) {
        fann_set_activation_steepness(made, (fann_type)(0.2 + 0.3 * i), 1, i);
    }
    const char *path = in_folder("steep.net");
    assert_int_equal(fann_save(made, path), 0);
    bp_model *m;
    assert_ok(bp_model_import(&m, path, NULL));
    compare_rows(m, made, &(network){FANN_SIGMOID, FANN_SIGMOID_SYMMETRIC, 0, false, false});
    bp_model_free(m);
    fann_destroy(made);
}

static void expect_refused(struct fann *ann, const char *part)
{
    bp_model *m;
    const char *path = in_folder("refused.net");
    assert_int_equal(fann_save(ann, path), 0);
    assert_int_equal(bp_model_import(&m, path, NULL), BP_ERR_UNSUPPORTED);
    assert_null(m);
    if (!strstr(bp_error(), part)) {
        fail_msg("expected \"%s\" in: %s", part, bp_error());
    }
    fann_destroy(ann);
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refused(fann_create_shortcut(3, 2, 3, 1), "shortcut");
    struct fann *ann = fann_create_standard(3, 2, 3, 1);
    fann_set_activation_function_hidden(ann, FANN_ELLIOT);
    expect_refused(ann, "FANN_ELLIOT");
    ann = fann_create_standard(3, 2, 3, 1);
    fann_set_activation_function_hidden(ann, FANN_SIGMOID);
    fann_set_activation_function(ann, FANN_LINEAR, 1, 1);
    expect_refused(ann, "different activations");
    ann = fann_create_standard(3, 2, 3, 1);
    bp_model *m;
    const char *path = in_folder("fixed.net");
    fann_save_to_fixed(ann, path);
    fann_destroy(ann);
    assert_int_equal(bp_model_import(&m, path, NULL), BP_ERR_UNSUPPORTED);
    assert_non_null(strstr(bp_error(), "fixed-point"));
}

/* Straight lines become curves where that is allowed: near, not equal. */
static void test_stepwise(void **state)
{
    (void)state;
    struct fann *ann = fann_create_standard(2, 3, 1); /* one layer: the unit itself */
    fann_set_activation_function_output(ann, FANN_SIGMOID_SYMMETRIC_STEPWISE);
    spread_weights(ann);
    const char *path = in_folder("stepwise.net");
    assert_int_equal(fann_save(ann, path), 0);
    bp_model *m;
    assert_int_equal(bp_model_import(&m, path, NULL), BP_ERR_UNSUPPORTED);
    assert_non_null(strstr(bp_error(), "FANN_SIGMOID_SYMMETRIC_STEPWISE"));
    bp_import_options o = bp_import_defaults();
    o.approximate = true;
    assert_ok(bp_model_import(&m, path, &o));
    bp_predictor *p;
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    double worst = 0;
    for (int row = 0; row < 1000; row++) {
        fann_type x[3] = {(fann_type)uniform(-3, 3), (fann_type)uniform(-3, 3), (fann_type)uniform(-3, 3)};
        float y;
        assert_ok(bp_predict(p, &y, x, BP_F32, 1));
        double difference = fabs((double)y - (double)*fann_run(ann, x));
        worst = difference > worst ? difference : worst;
    }
    assert_true(worst > 0.01 && worst < 0.067);
    bp_predictor_free(p);
    bp_model_free(m);
    fann_destroy(ann);
}
#else
static void test_answers(void **state)
{
    (void)state;
    print_message("SKIPPED: libfann-dev was not there when this was built; nothing is known about files of FANN\n");
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
#ifdef BP_HAVE_FANN
        cmocka_unit_test(test_steepness_of_neurons),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_stepwise),
#endif
    };
    return cmocka_run_group_tests_name("import_fann", tests, folder_make, folder_remove);
}
