/* test_importers.c - models of other libraries, from files written here by the description of each format: their answers,
 * computed by the formula of the original, and what is refused. Files that FANN wrote are in test_import_fann.c. */
#include "support_io.h"

#include <math.h>

static void write_text(const char *name, const char *text)
{
    write_file(in_folder(name), text, strlen(text));
}

/* The answers of a model to one row. */
static void answer(double *y, const bp_model *m, const double *x)
{
    bp_model_options d = bp_model_describe(m);
    float narrow[16];
    bp_predictor *p;
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    assert_ok(bp_predict(p, d.type == BP_F64 ? (void *)y : narrow, x, BP_F64, 1));
    for (size_t j = 0; d.type == BP_F32 && j < d.outputs; j++) {
        y[j] = (double)narrow[j];
    }
    bp_predictor_free(p);
}

static void expect_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%.17g, expected %.17g", found, expected);
    }
}

static void expect_fails(const char *name, bp_status status, const char *part, const bp_import_options *o)
{
    bp_model *m;
    bp_status found = bp_model_import(&m, in_folder(name), o);
    if (found != status || m || !strstr(bp_error(), part)) {
        fail_msg("%s: status %s, expected %s; text, expected \"%s\": %s", name, bp_status_name(found),
                 bp_status_name(status), part, bp_error());
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ---- which kind -------------------------------------------------------------------------------------------------- */

static void test_unknown(void **state)
{
    (void)state;
    write_text("unknown", "hello");
    expect_fails("unknown", BP_ERR_FORMAT, "FANN", NULL);
    write_text("empty", "");
    expect_fails("empty", BP_ERR_FORMAT, "of no kind", NULL);
    expect_fails("absent", BP_ERR_IO, "absent", NULL);
}

/* ---- FANN -------------------------------------------------------------------------------------------------------- */

/* Two inputs, two neurons of the hidden layer, one output: a line a key, in FANN's order. */
static const char *const fann_lines[] = {
    "FANN_FLO_2.1",
    "num_layers=3",
    "network_type=0",
    "layer_sizes=3 3 2 ",
    "scale_included=0",
    "neurons (num_inputs, activation_function, activation_steepness)=(0, 0, 0) (0, 0, 0) (0, 0, 0) (3, 3, 0.5) (3, 3, "
    "0.25) "
    "(0, 3, 0) (3, 0, 0.5) (0, 0, 0) ",
    "connections (connected_to_neuron, weight)=(0, 1) (1, -2) (2, 0.5) (0, 0.25) (1, 3) (2, -1) (3, 2) (4, -4) (5, "
    "1.5) ",
};
enum { FANN_LINES = sizeof fann_lines / sizeof *fann_lines };

/* The file with line `which` replaced; NULL: without it. */
static void write_fann(const char *name, size_t which, const char *line)
{
    char text[4096] = "";
    for (size_t i = 0; i < FANN_LINES; i++) {
        const char *use = i == which ? line : fann_lines[i];
        if (use) {
            strcat(strcat(text, use), "\n");
        }
    }
    write_text(name, text);
}

static void test_fann(void **state)
{
    (void)state;
    bp_model *m;
    const double x[2] = {0.75, -0.5};
    double y[1], h0 = sigmoid(2 * 0.5 * (x[0] - 2 * x[1] + 0.5)), h1 = sigmoid(2 * 0.25 * (0.25 * x[0] + 3 * x[1] - 1));
    write_fann("good.net", SIZE_MAX, NULL);
    assert_ok(bp_model_import(&m, in_folder("good.net"), NULL));
    assert_string_equal(bp_model_describe(m).net, "dense 2 sigmoid");
    answer(y, m, x);
    expect_near(y[0], 0.5 * (2 * h0 - 4 * h1 + 1.5), 1e-6);
    bp_model_free(m);
}

static void test_fann_damaged(void **state)
{
    (void)state;
    static const struct {
        size_t line;
        const char *with, *part;
        bp_status status;
    } cases[] = {
        {0, "FANN_FLO_1.1", "version", BP_ERR_UNSUPPORTED},
        {0, "FANN_FIX_2.0", "fixed-point", BP_ERR_UNSUPPORTED},
        {1, NULL, "num_layers", BP_ERR_FORMAT},
        {1, "num_layers=18446744073709551615", "layers", BP_ERR_FORMAT},
        {1, "num_layers=1", "at least 2", BP_ERR_FORMAT},
        {1, "num_layers=2", "end of the line", BP_ERR_FORMAT},
        {2, "network_type=1", "shortcut", BP_ERR_UNSUPPORTED},
        {2, "network_type=0\nnetwork_type=0", "second time", BP_ERR_FORMAT},
        {3, "layer_sizes=3 3 1", "bias neuron", BP_ERR_FORMAT},
        {3, "layer_sizes=3 3 18446744073709551615", "size", BP_ERR_FORMAT},
        {3, "layer_sizes=3 3 1000000", "too short", BP_ERR_FORMAT},
        {4, "scale_included=1", "scale_mean_in", BP_ERR_FORMAT},
        {5,
         "neurons (num_inputs, activation_function, activation_steepness)=(0, 0, 0) (0, 0, 0) (0, 0, 0) (3, 3, 0.5) "
         "(3, 5, "
         "0.25) (0, 3, 0) (3, 0, 0.5) (0, 0, 0) ",
         "different activations", BP_ERR_UNSUPPORTED},
        {5,
         "neurons (num_inputs, activation_function, activation_steepness)=(0, 0, 0) (0, 0, 0) (0, 0, 0) (3, 9, 0.5) "
         "(3, 9, "
         "0.25) (0, 3, 0) (3, 0, 0.5) (0, 0, 0) ",
         "FANN_GAUSSIAN_STEPWISE", BP_ERR_UNSUPPORTED},
        {5,
         "neurons (num_inputs, activation_function, activation_steepness)=(0, 0, 0) (0, 0, 0) (0, 0, 0) (999999999, 3, "
         "0.5) "
         "(3, 3, 0.25) (0, 3, 0) (3, 0, 0.5) (0, 0, 0) ",
         "too short", BP_ERR_FORMAT},
        {6,
         "connections (connected_to_neuron, weight)=(0, 1) (1, -2) (2, 0.5) (0, 0.25) (1, 3) (2, -1) (3, 2) (4, -4) ",
         "a connection", BP_ERR_FORMAT},
        {6,
         "connections (connected_to_neuron, weight)=(0, 1) (1, -2) (2, 0.5) (0, 0.25) (1, 3) (2, -1) (3, 2) (1, -4) "
         "(5, 1) ",
         "skip a layer", BP_ERR_UNSUPPORTED},
        {6,
         "connections (connected_to_neuron, weight)=(0, 1) (1, -2) (1, 0.5) (0, 0.25) (1, 3) (2, -1) (3, 2) (4, -4) "
         "(5, 1) ",
         "second connection", BP_ERR_FORMAT},
        {6,
         "connections (connected_to_neuron, weight)=(0, nan) (1, -2) (2, 0.5) (0, 0.25) (1, 3) (2, -1) (3, 2) (4, -4) "
         "(5, 1) ",
         "a weight", BP_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_fann("bad.net", cases[i].line, cases[i].with);
        expect_fails("bad.net", cases[i].status, cases[i].part, NULL);
    }
}

/* What the file says is not to be said again; what it does not have cannot be had. */
static void test_fann_options(void **state)
{
    (void)state;
    bp_import_options o = bp_import_defaults();
    write_fann("good.net", SIZE_MAX, NULL);
    o.net = "dense 2 relu";
    expect_fails("good.net", BP_ERR_ARGUMENT, "says that itself", &o);
    o = bp_import_defaults();
    o.task = "clasify";
    expect_fails("good.net", BP_ERR_ARGUMENT, "valid: classify, regress", &o);
    bp_model *m;
    o.task = "classify";
    assert_ok(bp_model_import(&m, in_folder("good.net"), &o));
    assert_int_equal(bp_model_describe(m).outputs, 2); /* two classes, one unit */
    assert_int_equal(bp_model_units(m), 1);
    bp_model_free(m);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_fann),
        cmocka_unit_test(test_fann_damaged),
        cmocka_unit_test(test_fann_options),
    };
    return cmocka_run_group_tests_name("importers", tests, folder_make, folder_remove);
}
