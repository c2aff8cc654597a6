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
    write_text("archive", "PK\3\4 and so on");
    expect_fails("archive", BP_ERR_FORMAT, "safetensors.torch.save_file", NULL);
    write_text("pickle", "\x80\4\x95 and so on");
    expect_fails("pickle", BP_ERR_FORMAT, "pickle", NULL);
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
    ("neurons (num_inputs, activation_function, activation_steepness)=(0, 0, 0) (0, 0, 0) (0, 0, 0) (3, 3, 0.5) "
     "(3, 3, 0.25) (0, 3, 0) (3, 0, 0.5) (0, 0, 0) "),
    ("connections (connected_to_neuron, weight)=(0, 1) (1, -2) (2, 0.5) (0, 0.25) (1, 3) (2, -1) (3, 2) (4, -4) "
     "(5, 1.5) "),
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
        {4, "scale_included=1\nscale_mean_in=0 0\nscale_deviation_in=1 1\nscale_new_min_in=-1 -1\nscale_factor_in=1 0",
         "scale_factor_in of number 2 is 0", BP_ERR_FORMAT},
        {4,
         "scale_included=1\nscale_mean_in=0 0\nscale_deviation_in=1 0\nscale_new_min_in=-1 -1\nscale_factor_in=1 0\n"
         "scale_mean_out=0\nscale_deviation_out=2\nscale_new_min_out=0\nscale_factor_out=0",
         "scale_factor_out of number 1 is 0", BP_ERR_FORMAT},
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

/* Numbers that only doubles hold make a model of doubles; a weight may still be too large with its steepness. */
static void test_fann_numbers(void **state)
{
    (void)state;
    static const char start[] = "connections (connected_to_neuron, weight)=(0, 1) (1, -2) (2, 0.5) (0, 0.25) (1, 3) "
                                "(2, -1) (3, 2) (4, -4) ";
    char line[300];
    bp_model *m;
    write_fann("good.net", SIZE_MAX, NULL);
    assert_ok(bp_model_import(&m, in_folder("good.net"), NULL));
    assert_int_equal(bp_model_describe(m).type, BP_F32);
    bp_model_free(m);
    snprintf(line, sizeof line, "%s(5, 0.12345678901234567)", start);
    write_fann("wide.net", 6, line);
    assert_ok(bp_model_import(&m, in_folder("wide.net"), NULL));
    assert_int_equal(bp_model_describe(m).type, BP_F64);
    bp_model_free(m);
    write_fann("large.net", 5,
               "neurons (num_inputs, activation_function, activation_steepness)=(0, 0, 0) (0, 0, 0) (0, 0, 0) "
               "(3, 3, 0.5) (3, 3, 0.25) (0, 3, 0) (3, 0, 1e39) (0, 0, 0) ");
    expect_fails("large.net", BP_ERR_NUMERIC, "layer 2 has a weight of", NULL);
}

/* A thousand connections of a million possible ones: so many weights are not made for that. */
static void test_fann_sparse(void **state)
{
    (void)state;
    enum { UNITS = 1000 };
    char *text, from[20];
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("FANN_FLO_2.1\nnum_layers=2\nnetwork_type=0\nlayer_sizes=1001 1001\n"
          "neurons (num_inputs, activation_function, activation_steepness)=",
          f);
    for (int i = 0; i < 2 * (UNITS + 1); i++) {
        fputs(i > UNITS && i < 2 * UNITS + 1 ? "(1, 0, 1) " : "(0, 0, 0) ", f);
    }
    fputs("\nconnections (connected_to_neuron, weight)=", f);
    for (int i = 0; i < UNITS; i++) {
        snprintf(from, sizeof from, "(%d, 1) ", i);
        fputs(from, f);
    }
    fclose(f);
    write_file(in_folder("sparse.net"), text, size);
    free(text);
    expect_fails("sparse.net", BP_ERR_UNSUPPORTED, "1000 connections of 1001 x 1001", NULL);
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

/* ---- genann ------------------------------------------------------------------------------------------------------ */

/* 2 inputs, 2 hidden layers of 2, an output: the bias of each neuron is -1 and comes first. */
static const char genann_text[] =
    "2 2 2 1 0.5 1 -2 -0.25 0.75 1.5 0.125 2 -1 -0.5 0.3 0.7 1e-1 -3.00000000000000000000e+00 4";

static double genann_neuron(const double *w, const double *x)
{
    return -w[0] + w[1] * x[0] + w[2] * x[1];
}

static void test_genann(void **state)
{
    (void)state;
    static const double w[] = {0.5, 1, -2, -0.25, 0.75, 1.5, 0.125, 2, -1, -0.5, 0.3, 0.7, 0.1, -3, 4};
    const double x[2] = {0.3, -1.2};
    double h[2] = {sigmoid(genann_neuron(w, x)), sigmoid(genann_neuron(w + 3, x))}, y[1];
    double g[2] = {sigmoid(genann_neuron(w + 6, h)), sigmoid(genann_neuron(w + 9, h))};
    bp_model *m;
    write_text("two.ann", genann_text);
    assert_ok(bp_model_import(&m, in_folder("two.ann"), NULL));
    assert_int_equal(bp_model_describe(m).type, BP_F64);
    answer(y, m, x);
    expect_near(y[0], sigmoid(genann_neuron(w + 12, g)), 1e-15);
    bp_model_free(m);
    bp_import_options o = bp_import_defaults();
    o.output = "linear";
    assert_ok(bp_model_import(&m, in_folder("two.ann"), &o));
    answer(y, m, x);
    expect_near(y[0], genann_neuron(w + 12, g), 1e-14);
    bp_model_free(m);
    o.output = "tanh";
    expect_fails("two.ann", BP_ERR_ARGUMENT, "sigmoid or linear", &o);
}

static void test_genann_without_hidden(void **state)
{
    (void)state;
    bp_model *m;
    const double x[2] = {2, -1};
    double y[2];
    write_text("none.ann", "2 0 0 2 1 2 3\n-1 0.5 0.25\n");
    assert_ok(bp_model_import(&m, in_folder("none.ann"), NULL));
    answer(y, m, x);
    expect_near(y[0], sigmoid(-1 + 4 - 3), 1e-15);
    expect_near(y[1], sigmoid(1 + 1 - 0.25), 1e-15);
    bp_model_free(m);
}

/* A small file may claim many layers; that must not take long. */
static void test_genann_deep(void **state)
{
    (void)state;
    enum { LAYERS = 100000 };
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "1 %d 1 1", LAYERS);
    for (int i = 0; i < 2 * LAYERS + 2; i++) {
        fputs(" 0", f);
    }
    fclose(f);
    write_file(in_folder("deep.ann"), text, size);
    free(text);
    expect_fails("deep.ann", BP_ERR_ARGUMENT, "100000 layers; expected 4096 at most", NULL);
}

static void test_genann_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"2 0 0 2 1 2 3 -1 0.5", "end"},
        {"2 0 0 2 1 2 3 -1 0.5 x", "a weight"},
        {"2 0 0 2 1 2 3 -1 0.5 nan", "a weight"},
        {"2 0 0 2 1 2 3 -1 0.5 0.25 7", "end of the file"},
        {"0 0 0 2 1 2 3 -1 0.5 0.25 7", "at least one"},
        {"2 1 0 2 1 2 3 -1 0.5 0.25 7", "at least one"},
        {"999999999999 9 999999999999 2 1 2 3", "more weights"},
        {"2 18446744073709551615 1 2 1 2 3", "more weights"},
        {"2 1 18446744073709551615 2 1 2 3", "more weights"},
        {"99 0 0 99 1 2 3", "more weights"},
        {"2 0 0 2\n1 2 3\n-1 0.5 x", "line 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("bad.ann", cases[i].text);
        expect_fails("bad.ann", BP_ERR_FORMAT, cases[i].part, NULL);
    }
}

/* ---- KANN -------------------------------------------------------------------------------------------------------- */

enum { INPUT = 1, OUTPUT = 2, TRUTH = 4, COST = 8, FEED = 0, VARIABLE = 1, CONSTANT = 2 };

/* A file under construction. */
typedef struct kann_file {
    unsigned char data[4096];
    size_t size;
    int nodes;
} kann_file;

static void put(kann_file *k, uint32_t value, int count)
{
    for (int i = 0; i < count; i++) {
        k->data[k->size++] = (unsigned char)(value >> 8 * i);
    }
}

static void put_value(kann_file *k, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    put(k, bits, 4);
}

static void kann_begin(kann_file *k)
{
    *k = (kann_file){{'K', 'A', 'N', 1}, 8, 0};
}

/* Both return the number of the node. */
static int leaf(kann_file *k, int role, int kind, int dims, int d0, int d1)
{
    put(k, 0, 4);
    put(k, (uint32_t)role, 4);
    put(k, (uint32_t)kind, 1);
    put(k, 0, 4);
    put(k, (uint32_t)dims, 1);
    for (int i = 0; i < dims; i++) {
        put(k, (uint32_t)(i ? d1 : d0), 4);
    }
    return k->nodes++;
}

static int op(kann_file *k, int role, int code, int a, int b)
{
    put(k, 0, 4);
    put(k, (uint32_t)role, 4);
    put(k, VARIABLE, 1);
    put(k, b < 0 ? 1 : 2, 4);
    put(k, (uint32_t)code, 2);
    put(k, (uint32_t)a, 4);
    if (b >= 0) {
        put(k, (uint32_t)b, 4);
    }
    put(k, UINT32_MAX, 4);
    put(k, code == 12 ? 4 : 0, 4); /* select keeps which child is chosen */
    put(k, 0, code == 12 ? 4 : 0);
    return k->nodes++;
}

static void kann_write(kann_file *k, const char *name, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_value(k, values[i]);
    }
    for (int i = 0; i < 4; i++) {
        k->data[4 + i] = (unsigned char)(k->nodes >> 8 * i);
    }
    write_file(in_folder(name), k->data, k->size);
}

/* Weights and biases of 3 -> 2 -> 2, then the rate of the dropout and the factor of the logits. */
static const float kann_values[] = {0.5f, -1, 2,    0.25f, 1.5f, -0.75f, 0.1f,  -0.2f,
                                    1,    -2, 0.5f, 3,     0.3f, -0.6f,  0.25f, 2};

/* relu, dropout, softmax of doubled logits, as kann_layer_cost builds it. middle: the op after the first layer. */
static void kann_classifier(const char *name, int middle)
{
    kann_file k;
    kann_begin(&k);
    int x = leaf(&k, INPUT, FEED, 2, 1, 3), w = leaf(&k, 0, VARIABLE, 2, 2, 3), b = leaf(&k, 0, VARIABLE, 1, 2, 0);
    int h = op(&k, 0, middle, op(&k, 0, 1, op(&k, 0, 3, x, w), b), -1);
    int rate = leaf(&k, 0, CONSTANT, 0, 0, 0), dropped = op(&k, 0, 15, h, rate);
    h = op(&k, 0, 12, h, dropped);
    int v = leaf(&k, 0, VARIABLE, 2, 2, 2), c = leaf(&k, 0, VARIABLE, 1, 2, 0), factor = leaf(&k, 0, CONSTANT, 0, 0, 0);
    int z = op(&k, 0, 2, op(&k, 0, 1, op(&k, 0, 3, h, v), c), factor);
    int y = op(&k, OUTPUT, 14, z, -1), truth = leaf(&k, TRUTH, FEED, 2, 1, 2);
    op(&k, COST, 13, y, truth);
    kann_write(&k, name, kann_values, sizeof kann_values / sizeof *kann_values);
}

static void test_kann_classifier(void **state)
{
    (void)state;
    bp_model *m;
    const float *w = kann_values;
    const double x[3] = {0.4, -0.7, 1.1};
    double h[2], z[2], y[2];
    for (int j = 0; j < 2; j++) {
        double sum = (double)w[6 + j];
        for (int i = 0; i < 3; i++) {
            sum += (double)w[3 * j + i] * x[i];
        }
        h[j] = sum > 0 ? sum : 0;
    }
    for (int j = 0; j < 2; j++) {
        z[j] = 2 * ((double)w[12 + j] + (double)w[8 + 2 * j] * h[0] + (double)w[9 + 2 * j] * h[1]);
    }
    kann_classifier("good.kan", 8);
    assert_ok(bp_model_import(&m, in_folder("good.kan"), NULL));
    bp_model_options d = bp_model_describe(m);
    assert_string_equal(d.net, "dense 2 relu, dropout 0.25");
    assert_int_equal(d.task, BP_CLASSIFY);
    answer(y, m, x);
    expect_near(y[0], 1 / (1 + exp(z[1] - z[0])), 1e-6);
    expect_near(y[1], 1 / (1 + exp(z[0] - z[1])), 1e-6);
    bp_model_free(m);
}

/* A sigmoid output with its cross-entropy, no bias, dropout of the inputs: numbers, unless classes are asked for. */
static void test_kann_numbers(void **state)
{
    (void)state;
    static const float values[] = {0.5f, -1, 0.125f};
    kann_file k;
    kann_begin(&k);
    int x = leaf(&k, INPUT, FEED, 2, 1, 2), rate = leaf(&k, 0, CONSTANT, 0, 0, 0);
    int h = op(&k, 0, 12, x, op(&k, 0, 15, x, rate)), w = leaf(&k, 0, VARIABLE, 2, 1, 2);
    int y = op(&k, OUTPUT, 6, op(&k, 0, 3, h, w), -1), truth = leaf(&k, TRUTH, FEED, 2, 1, 1);
    op(&k, COST, 22, y, truth);
    kann_write(&k, "numbers.kan", values, 3);
    bp_model *m;
    double found[1];
    assert_ok(bp_model_import(&m, in_folder("numbers.kan"), NULL));
    bp_model_options d = bp_model_describe(m);
    assert_string_equal(d.net, "dropout 0.125");
    assert_string_equal(d.loss, "bce");
    assert_int_equal(d.task, BP_REGRESS);
    answer(found, m, (const double[]){3, 1});
    expect_near(found[0], sigmoid(0.5 * 3 - 1), 1e-6);
    bp_model_free(m);
}

static void test_kann_refused(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *part;
    } cases[] = {{16, "conv2d"}, {32, "stdnorm"}, {99, "of a later version"}, {0, "none"}, {15, "dropout"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kann_classifier("other.kan", cases[i].code);
        expect_fails("other.kan", BP_ERR_UNSUPPORTED, cases[i].part, NULL);
    }
    kann_file k; /* weights that two layers share */
    kann_begin(&k);
    int x = leaf(&k, INPUT, FEED, 2, 1, 1), w = leaf(&k, 0, VARIABLE, 2, 1, 1);
    op(&k, OUTPUT, 3, op(&k, 0, 7, op(&k, 0, 3, x, w), -1), w);
    kann_write(&k, "shared.kan", (const float[]){1}, 1);
    expect_fails("shared.kan", BP_ERR_UNSUPPORTED, "of another layer", NULL);
}

/* Several constants in a row, and shapes that do not go together. */
static void test_kann_chain(void **state)
{
    (void)state;
    static const struct {
        int w[2], b, v[2];
        bp_status status;
        const char *part;
    } cases[] = {{{2, 3}, 2, {1, 2}, BP_OK, ""},
                 {{2, 3}, 2, {1, 5}, BP_ERR_FORMAT, "layer 2 takes 5 numbers, but gets 2"},
                 {{2, 4}, 2, {1, 2}, BP_ERR_FORMAT, "layer 1 takes 4 numbers, but gets 3"},
                 {{2, 3}, 3, {1, 2}, BP_ERR_UNSUPPORTED, "one bias a unit"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kann_file k;
        float values[32];
        kann_begin(&k);
        int x = leaf(&k, INPUT, FEED, 2, 1, 3), w = leaf(&k, 0, VARIABLE, 2, cases[i].w[0], cases[i].w[1]);
        int b = leaf(&k, 0, VARIABLE, 1, cases[i].b, 0), h = op(&k, 0, 7, op(&k, 0, 1, op(&k, 0, 3, x, w), b), -1);
        int v = leaf(&k, 0, VARIABLE, 2, cases[i].v[0], cases[i].v[1]), two = leaf(&k, 0, CONSTANT, 0, 0, 0);
        int three = leaf(&k, 0, CONSTANT, 0, 0, 0), z = op(&k, 0, 2, op(&k, 0, 3, h, v), two);
        op(&k, OUTPUT, 2, z, three);
        size_t count = (size_t)(cases[i].w[0] * cases[i].w[1] + cases[i].b + cases[i].v[0] * cases[i].v[1]);
        for (size_t j = 0; j < count; j++) {
            values[j] = 0.25F;
        }
        values[count] = 2;
        values[count + 1] = 3;
        kann_write(&k, "chain.kan", values, count + 2);
        if (cases[i].status != BP_OK) {
            expect_fails("chain.kan", cases[i].status, cases[i].part, NULL);
            continue;
        }
        bp_model *m;
        double y[1];
        assert_ok(bp_model_import(&m, in_folder("chain.kan"), NULL));
        answer(y, m, (const double[]){1, 2, -1});
        expect_near(y[0], 6 * 0.5 * tanh(0.25 * 2 + 0.25), 1e-6);
        bp_model_free(m);
    }
}

/* One number of a good file is another one: 8 bytes before the values are where the last node says what was before it in time. */
static void test_kann_changed(void **state)
{
    (void)state;
    const size_t values = sizeof kann_values;
    kann_classifier("whole.kan", 8);
    bytes b = read_file(in_folder("whole.kan"));
    memset(b.data + b.size - values - 8, 0, 4);
    write_file(in_folder("recurrent.kan"), b.data, b.size);
    expect_fails("recurrent.kan", BP_ERR_UNSUPPORTED, "recurrent", NULL);
    memset(b.data + b.size - values - 8, 0xff, 4);
    float nan = NAN;
    memcpy(b.data + b.size - values, &nan, sizeof nan);
    write_file(in_folder("nan.kan"), b.data, b.size);
    expect_fails("nan.kan", BP_ERR_NUMERIC, "a weight of", NULL);
    free(b.data);
}

/* Cut anywhere, or with any byte changed: an answer or an error, never a crash. */
static void test_kann_damaged(void **state)
{
    (void)state;
    kann_classifier("whole.kan", 8);
    bytes whole = read_file(in_folder("whole.kan"));
    bp_model *m;
    for (size_t i = 4; i < whole.size; i++) {
        write_file(in_folder("cut.kan"), whole.data, i);
        expect_fails("cut.kan", BP_ERR_FORMAT, "cut.kan", NULL);
    }
    for (size_t i = 4; i < whole.size; i++) {
        whole.data[i] ^= 0x5a;
        write_file(in_folder("changed.kan"), whole.data, whole.size);
        if (bp_model_import(&m, in_folder("changed.kan"), NULL) == BP_OK) {
            bp_model_free(m);
        }
        whole.data[i] ^= 0x5a;
    }
    free(whole.data);
}

/* ---- PyTorch ----------------------------------------------------------------------------------------------------- */

static void write_tensors(const char *name, const char *header, const float *values, size_t count)
{
    unsigned char file[4096] = {(unsigned char)strlen(header), (unsigned char)(strlen(header) >> 8)};
    size_t size = 8 + strlen(header);
    memcpy(file + 8, header, strlen(header));
    memcpy(file + size, values, count * sizeof *values);
    write_file(in_folder(name), file, size + count * sizeof *values);
}

static const char torch_header[] = "{\"10.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                                   "\"2.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
                                   "\"2.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]}}";
static const float torch_values[] = {2, -3, 0.5f, -0.25f, 1, 2, 3, -1, 0.5f, 4};

static void test_torch(void **state)
{
    (void)state;
    bp_model *m;
    bp_import_options o = bp_import_defaults();
    const double x[3] = {1, -0.5, 0.25};
    double y[2], h0 = tanh(x[0] + 2 * x[1] + 3 * x[2] + 0.5), h1 = tanh(-x[0] + 0.5 * x[1] + 4 * x[2] - 0.25);
    write_tensors("torch", torch_header, torch_values, 10);
    o.net = "dropout 0.1, dense 2 tanh";
    assert_ok(bp_model_import(&m, in_folder("torch"), &o));
    answer(y, m, x);
    expect_near(y[0], 2 * h0 - 3 * h1, 1e-6);
    bp_model_free(m);
    o.task = "classify"; /* one number a row: two classes */
    assert_ok(bp_model_import(&m, in_folder("torch"), &o));
    answer(y, m, x);
    expect_near(y[1], sigmoid(2 * h0 - 3 * h1), 1e-6);
    assert_ok(bp_model_save(m, in_folder("ours")));
    bp_model_free(m);
    expect_fails("ours", BP_ERR_STATE, "a model already", &o);
}

static void test_torch_refused(void **state)
{
    (void)state;
    bp_import_options o = bp_import_defaults();
    write_tensors("torch", torch_header, torch_values, 10);
    expect_fails("torch", BP_ERR_ARGUMENT, "e.g. net \"dense 2 relu\"", &o);
    o.net = "dense 3 relu";
    expect_fails("torch", BP_ERR_ARGUMENT, "3 units in dense layer 1, but the file has 2", &o);
    o.net = "dense 2 relu, dense 2 relu";
    expect_fails("torch", BP_ERR_ARGUMENT,
                 "2 dense layers, but the file has 1 hidden ones; the last of its layers, of 1 ", &o);
    o.net = "";
    expect_fails("torch", BP_ERR_ARGUMENT, "0 dense layers, but the file has 1", &o);
    o.net = "dense 2 relo";
    expect_fails("torch", BP_ERR_ARGUMENT, "relu", &o);
    write_tensors("half", "{\"0.weight\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}", torch_values, 1);
    expect_fails("half", BP_ERR_UNSUPPORTED, "F16", &o);
    write_tensors("norm", "{\"0.running_mean\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", torch_values,
                  1);
    expect_fails("norm", BP_ERR_UNSUPPORTED, "0.running_mean", &o);
    write_tensors("lonely", "{\"0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", torch_values, 1);
    expect_fails("lonely", BP_ERR_FORMAT, "no tensor NAME.weight", &o);
    write_tensors("bad",
                  "{\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                  "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]}}",
                  torch_values, 3);
    o.net = "";
    expect_fails("bad", BP_ERR_FORMAT, "no weights go with that", &o);
    write_tensors("chain",
                  "{\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                  "\"1.weight\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[8,20]}}",
                  torch_values, 5);
    o.net = "dense 2 relu";
    expect_fails("chain", BP_ERR_FORMAT, "\"0.weight\" gives 2 numbers, but \"1.weight\"", &o);
    write_tensors("two", "{\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}", torch_values, 2);
    o.net = "";
    o.task = "classify";
    o.output = "sigmoid";
    expect_fails("two", BP_ERR_UNSUPPORTED, "two sigmoid units", &o);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),         cmocka_unit_test(test_fann),
        cmocka_unit_test(test_fann_damaged),    cmocka_unit_test(test_fann_options),
        cmocka_unit_test(test_fann_numbers),    cmocka_unit_test(test_fann_sparse),
        cmocka_unit_test(test_genann),          cmocka_unit_test(test_genann_without_hidden),
        cmocka_unit_test(test_genann_damaged),  cmocka_unit_test(test_genann_deep),
        cmocka_unit_test(test_kann_classifier), cmocka_unit_test(test_kann_numbers),
        cmocka_unit_test(test_kann_refused),    cmocka_unit_test(test_kann_damaged),
        cmocka_unit_test(test_kann_chain),      cmocka_unit_test(test_kann_changed),
        cmocka_unit_test(test_torch),           cmocka_unit_test(test_torch_refused),
    };
    return cmocka_run_group_tests_name("importers", tests, folder_make, folder_remove);
}
