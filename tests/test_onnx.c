/* test_onnx.c - ONNX files: models that leave and come back, graphs as converters of other programs write them, built here node
 * by node, and files that must be refused. What ONNX Runtime and PyTorch make of it is tested by onnx/run.sh. */
#include "support_onnx.h"

#include <math.h>

enum { ROWS = 9 };

/* ---- models and answers ------------------------------------------------------------------------------------------ */

static double noise(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)state / 9223372036854775808.0;
}

static void randomise(bp_model *m)
{
    bp_graph *graph = bp_model_graph(m);
    for (size_t i = 0; i < bp_graph_params(graph); i++) {
        double value[256];
        bp_node *p = bp_graph_param(graph, i);
        for (size_t k = 0; k < bp_node_size(p); k++) {
            value[k] = noise();
        }
        assert_ok(bp_param_set(p, value));
    }
}

/* The answers of m, as doubles, for rows of numbers between -2 and 2 that are the same each time. */
static void answers(double *out, const bp_model *m)
{
    bp_model_options o = bp_model_describe(m);
    bp_predictor *p;
    double x[ROWS * 16], wide[ROWS * 16];
    float narrow[ROWS * 16];
    assert_true(o.inputs <= 16 && o.outputs <= 16);
    for (size_t i = 0; i < ROWS * o.inputs; i++) {
        x[i] = 2 * sin((double)(i * i + 1));
    }
    assert_ok(bp_predictor_new(&p, m, ROWS, 1));
    assert_ok(bp_predict(p, o.type == BP_F32 ? (void *)narrow : (void *)wide, x, BP_F64, ROWS));
    for (size_t i = 0; i < ROWS * o.outputs; i++) {
        out[i] = o.type == BP_F32 ? (double)narrow[i] : wide[i];
    }
    bp_predictor_free(p);
}

static void assert_same_answers(const bp_model *a, const bp_model *b, double tolerance)
{
    double ya[ROWS * 16], yb[ROWS * 16];
    size_t outputs = bp_model_describe(a).outputs;
    assert_int_equal(outputs, bp_model_describe(b).outputs);
    answers(ya, a);
    answers(yb, b);
    for (size_t i = 0; i < ROWS * outputs; i++) {
        if (!(fabs(ya[i] - yb[i]) <= tolerance * fmax(1, fabs(ya[i])))) {
            fail_msg("answer %zu: %.17g and %.17g", i, ya[i], yb[i]);
        }
    }
}

static bp_model *import_as(const char *name, const char *task)
{
    bp_model *m;
    bp_import_options o = bp_import_defaults();
    o.task = task;
    assert_ok(bp_model_import(&m, in_folder(name), &o));
    return m;
}

/* ---- out and back ------------------------------------------------------------------------------------------------ */

/* The file as another program would have written it: without what describes the model. */
static void strip(const char *from, const char *to)
{
    bytes b = read_file(in_folder(from));
    BpOnnx__Model *m = bp_onnx__model__unpack(NULL, b.size, b.data);
    assert_non_null(m);
    size_t count = m->n_metadata_props;
    m->n_metadata_props = 0;
    uint8_t *packed = malloc(b.size);
    size_t size = bp_onnx__model__pack(m, packed);
    m->n_metadata_props = count;
    bp_onnx__model__free_unpacked(m, NULL);
    write_file(in_folder(to), packed, size);
    free(packed);
    free(b.data);
}

static void check_round_trip(const bp_model_options *o, const char *task)
{
    bp_model *m, *back, *read;
    assert_ok(bp_model_new(&m, o));
    randomise(m);
    double mean[16], scale[16];
    for (size_t i = 0; i < 16; i++) {
        mean[i] = noise();
        scale[i] = 1 + noise() / 2;
    }
    assert_ok(bp_model_set_scaling(m, o->inputs, mean, scale));
    assert_ok(bp_model_set_note(m, "epochs", "3"));
    assert_ok(bp_onnx_save(m, in_folder("m.onnx")));
    /* with its description: the same model, to the byte */
    back = import_as("m.onnx", NULL);
    assert_ok(bp_model_save(m, in_folder("a.safetensors")));
    assert_ok(bp_model_save(back, in_folder("b.safetensors")));
    bytes a = read_file(in_folder("a.safetensors")), b = read_file(in_folder("b.safetensors"));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    free(a.data);
    free(b.data);
    /* without: the same answers */
    strip("m.onnx", "stripped.onnx");
    read = import_as("stripped.onnx", task);
    assert_same_answers(m, read, o->type == BP_F32 ? 2e-6 : 1e-10);
    bp_model_free(read);
    bp_model_free(back);
    bp_model_free(m);
}

static void test_activations(void **state)
{
    (void)state;
    for (bp_type type = BP_F32; type <= BP_F64; type++) {
        for (bp_activation f = 0; f < BP_ACTIVATIONS; f++) {
            char net[64];
            snprintf(net, sizeof net, "dense 6 %s, dropout 0.5, dense 4 %s", bp_activation_name(f),
                     bp_activation_name(f));
            bp_model_options o = bp_model_defaults();
            o.inputs = 5;
            o.outputs = 3;
            o.net = net;
            o.task = BP_REGRESS;
            o.type = type;
            check_round_trip(&o, NULL);
        }
    }
}

static void test_outputs(void **state)
{
    (void)state;
    static const struct {
        bp_task task;
        const char *output, *asked;
        size_t outputs;
    } kind[] = {{BP_CLASSIFY, "softmax", NULL, 4}, {BP_CLASSIFY, "softmax", NULL, 2},
                {BP_CLASSIFY, "sigmoid", NULL, 2}, {BP_CLASSIFY, "sigmoid", NULL, 3},
                {BP_REGRESS, "linear", NULL, 2},   {BP_REGRESS, "tanh", NULL, 1},
                {BP_REGRESS, "sigmoid", NULL, 3},  {BP_REGRESS, "softmax", "regress", 3}};
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        bp_model_options o = bp_model_defaults();
        o.inputs = 3;
        o.outputs = kind[i].outputs;
        o.net = i % 2 ? "" : "dense 4 relu";
        o.task = kind[i].task;
        o.output = kind[i].output;
        check_round_trip(&o, kind[i].asked);
    }
}

/* ---- graphs of other programs ------------------------------------------------------------------------------------ */

/* What w1, b1, relu, w2, b2 answer to x, scaled by (x - mean) * scale. */
static void two_layers(double y[2], const double x[2], const double mean[2], const double scale[2])
{
    y[0] = b2[0];
    y[1] = b2[1];
    for (size_t j = 0; j < 3; j++) {
        double z = b1[j];
        for (size_t i = 0; i < 2; i++) {
            z += (x[i] - mean[i]) * scale[i] * w1[i * 3 + j];
        }
        for (size_t k = 0; k < 2; k++) {
            y[k] += fmax(z, 0) * w2[j * 2 + k];
        }
    }
}

/* The model answers as two_layers does, after `end`. */
static void check_answers(bp_model *m, const double mean[2], const double scale[2], void (*end)(double y[2]))
{
    bp_predictor *p;
    assert_int_equal(bp_model_describe(m).inputs, 2);
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    for (size_t r = 0; r < 20; r++) {
        double x[] = {3 * noise(), 3 * noise()}, y[2];
        float found[2];
        assert_ok(bp_predict(p, found, x, BP_F64, 1));
        two_layers(y, x, mean, scale);
        if (end) {
            end(y);
        }
        assert_true(fabs((double)found[0] - y[0]) <= 2e-6 * fmax(1, fabs(y[0])));
        assert_true(fabs((double)found[1] - y[1]) <= 2e-6 * fmax(1, fabs(y[1])));
    }
    bp_predictor_free(p);
}

static void softmax(double y[2])
{
    double p = 1 / (1 + exp(y[0] - y[1]));
    y[0] = 1 - p;
    y[1] = p;
}

static const double none[2] = {0, 0}, ones[2] = {1, 1};

/* Keras: Reshape, MatMul, Add, Relu, MatMul, Add, Softmax. */
static void test_keras(void **state)
{
    (void)state;
    static const double shape[] = {-1, 2};
    begin();
    const char *x = bp_onnx_input(&g, "flatten_input", BP_ONNX_FLOAT, 2);
    x = bp_onnx_op2(&g, "Reshape", x, bp_onnx_array(&g, BP_ONNX_INT64, shape, 1, 2, 0));
    x = bp_onnx_op2(&g, "Add", bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3)), list(b1, 3));
    x = bp_onnx_op1(&g, "Relu", x);
    x = bp_onnx_op2(&g, "Add", list(b2, 2), bp_onnx_op2(&g, "MatMul", x, matrix(w2, 3, 2)));
    bp_onnx_output(&g, "dense_1", bp_onnx_op1(&g, "Softmax", x), BP_ONNX_FLOAT, 2);
    bp_model *m;
    assert_ok(finish(NULL, &m));
    assert_string_equal(bp_model_describe(m).net, "dense 3 relu");
    assert_int_equal(bp_model_describe(m).task, BP_CLASSIFY);
    check_answers(m, none, ones, softmax);
    bp_model_free(m);
}

/* scikit-learn: Scaler, Cast, MatMul, Add, Relu, ..., Softmax, ArgMax, ArrayFeatureExtractor, ZipMap with names. */
static void test_scikit_learn(void **state)
{
    (void)state;
    static const float offset[] = {0.5f, -1}, scale[] = {2, 0.25f};
    static const char *const names[] = {"no", "yes"};
    static const double mean[] = {0.5, -1}, by[] = {2, 0.25}, classes[] = {0, 1};
    begin();
    const char *x = bp_onnx_input(&g, "float_input", BP_ONNX_FLOAT, 2);
    x = bp_onnx_op1(&g, "ml:Scaler", x);
    bp_onnx_floats(&g, "offset", offset, 2);
    bp_onnx_floats(&g, "scale", scale, 2);
    x = bp_onnx_cast(&g, x, BP_ONNX_FLOAT);
    x = bp_onnx_op2(&g, "Add", bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3)), matrix(b1, 1, 3));
    x = bp_onnx_op1(&g, "Relu", x);
    x = bp_onnx_op2(&g, "Add", bp_onnx_op2(&g, "MatMul", x, matrix(w2, 3, 2)), matrix(b2, 1, 2));
    x = bp_onnx_op1(&g, "Softmax", x);
    bp_onnx_int(&g, "axis", 1);
    const char *label = bp_onnx_op1(&g, "ArgMax", x);
    bp_onnx_int(&g, "axis", 1);
    label = bp_onnx_op2(&g, "ml:ArrayFeatureExtractor", list(classes, 2), label);
    bp_onnx_output(&g, "output_label", bp_onnx_cast(&g, label, BP_ONNX_INT64), BP_ONNX_INT64, 0);
    x = bp_onnx_op1(&g, "ml:ZipMap", x);
    bp_onnx_strings(&g, "classlabels_strings", names, 2);
    bp_onnx_output(&g, "output_probability", x, BP_ONNX_FLOAT, 2);
    bp_model *m;
    assert_ok(finish(NULL, &m));
    assert_int_equal(bp_model_describe(m).task, BP_CLASSIFY);
    check_answers(m, mean, by, softmax);
    assert_string_equal(bp_model_class(m, 1), "yes"); /* texts tell more than numbers */
    const double *found, *size;
    assert_int_equal(bp_model_scaling(m, &found, &size), 2);
    assert_true(fabs(found[0] - 0.5) < 1e-12 && fabs(size[1] - 0.25) < 1e-12);
    bp_model_free(m);
}

/* Two classes from one unit: Sigmoid, 1 - p, Concat, ArgMax. */
static void test_pair(void **state)
{
    (void)state;
    static const double one = 1, v[] = {1, -2};
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    const char *p = bp_onnx_op1(&g, "Sigmoid", bp_onnx_op2(&g, "MatMul", x, matrix(v, 2, 1)));
    const char *both = bp_onnx_op2(&g, "Concat", bp_onnx_op2(&g, "Sub", list(&one, 1), p), p);
    bp_onnx_int(&g, "axis", 1);
    const char *label = bp_onnx_op1(&g, "ArgMax", both);
    bp_onnx_int(&g, "axis", 1);
    bp_onnx_output(&g, "label", label, BP_ONNX_INT64, 0);
    bp_onnx_output(&g, "probabilities", both, BP_ONNX_FLOAT, 2);
    bp_model *m;
    bp_predictor *predictor;
    assert_ok(finish(NULL, &m));
    assert_int_equal(bp_model_units(m), 1);
    float y[2];
    double at[] = {0.5, 0.75};
    assert_ok(bp_predictor_new(&predictor, m, 1, 1));
    assert_ok(bp_predict(predictor, y, at, BP_F64, 1));
    assert_true(fabs((double)y[1] - 1 / (1 + exp(1))) < 1e-6 && fabs((double)(y[0] + y[1]) - 1) < 1e-6);
    bp_predictor_free(predictor);
    bp_model_free(m);
}

/* Gemm with all its attributes, batch normalisation before and after, Sub and Div of the input, a learned bias behind. */
static void test_folding(void **state)
{
    (void)state;
    static const double mean[] = {0.5, -1}, deviation[] = {0.5, 4}, by[] = {2, 0.25};
    static const double gamma[] = {2, 0.5, 1}, beta[] = {0.5, 0, -1}, centre[] = {0.25, 1, 0}, var[] = {4, 0.25, 1};
    double turned[6], before[3], half[2] = {b2[0] / 4, b2[1] / 4}, prepared[6];
    for (size_t j = 0; j < 3; j++) {
        double s = gamma[j] / sqrt(var[j] + 1e-5);
        before[j] = (b1[j] - beta[j]) / s + centre[j]; /* so that the normalisation gives b1 and w1 */
        for (size_t i = 0; i < 2; i++) {
            turned[j * 2 + i] = w1[i * 3 + j] / s / 2;
            prepared[j * 2 + i] = w2[j * 2 + i] * 2;
        }
    }
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    x = bp_onnx_op2(&g, "Div", bp_onnx_op2(&g, "Sub", x, list(mean, 2)), list(deviation, 2));
    x = bp_onnx_op(&g, "Gemm", x, matrix(turned, 3, 2), list(before, 3));
    bp_onnx_int(&g, "transB", 1);
    bp_onnx_float(&g, "alpha", 2);
    const char *const inputs[] = {x, list(gamma, 3), list(beta, 3), list(centre, 3), list(var, 3)};
    x = bp_onnx_op1(&g, "Relu", bp_onnx_node(&g, "BatchNormalization", inputs, 5));
    x = bp_onnx_op2(&g, "Mul", x, bp_onnx_scalar(&g, BP_ONNX_FLOAT, 0.5));
    x = bp_onnx_op(&g, "Gemm", x, matrix(prepared, 3, 2), matrix(half, 1, 2));
    bp_onnx_float(&g, "beta", 4);
    bp_onnx_output(&g, "y", bp_onnx_op1(&g, "Dropout", x), BP_ONNX_FLOAT, 2);
    bp_model *m;
    assert_ok(finish(NULL, &m));
    assert_int_equal(bp_model_describe(m).task, BP_REGRESS);
    check_answers(m, mean, by, NULL);
    /* it goes on learning, and out again */
    bp_model *again;
    double xs[20], ys[20];
    for (size_t i = 0; i < 20; i++) {
        xs[i] = noise();
        ys[i] = noise();
    }
    bp_data data = {.rows = 10, .inputs = 2, .x = xs, .x_type = BP_F64, .targets = 2, .y = ys};
    bp_train_options t = bp_train_defaults();
    t.epochs = 2;
    assert_ok(bp_train(NULL, m, &data, &t));
    assert_ok(bp_onnx_save(m, in_folder("again.onnx")));
    again = import_as("again.onnx", NULL);
    assert_same_answers(m, again, 0);
    bp_model_free(again);
    bp_model_free(m);
}

/* An activation that no output layer has gets a layer behind it; scores become classes where that is asked for. */
static void test_ends(void **state)
{
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        begin();
        const char *x = bp_onnx_input(&g, "x", BP_ONNX_DOUBLE, 2);
        x = bp_onnx_op2(&g, "MatMul", x, bp_onnx_array(&g, BP_ONNX_DOUBLE, w2, 2, 2, 3));
        x = relu ? bp_onnx_op1(&g, "Relu", x) : x;
        bp_onnx_output(&g, "y", x, BP_ONNX_DOUBLE, 3);
        bp_model *m;
        assert_ok(finish(relu ? NULL : "classify", &m));
        assert_int_equal(bp_model_describe(m).type, BP_F64);
        assert_string_equal(bp_model_describe(m).net, relu ? "dense 3 relu" : "");
        assert_int_equal(bp_model_output(m), relu ? BP_LINEAR : BP_SOFTMAX);
        bp_model_free(m);
    }
}

/* ---- weights in another file ------------------------------------------------------------------------------------- */

static BpOnnx__StringStringEntry *entry(const char *key, const char *value)
{
    BpOnnx__StringStringEntry *e = malloc(sizeof *e);
    bp_onnx__string_string_entry__init(e);
    e->key = (char *)(uintptr_t)key;
    e->value = (char *)(uintptr_t)value;
    return e;
}

/* A graph whose matrix lies in `location`, 8 bytes from its beginning. */
static bp_status import_external(const char *location, bp_model **m)
{
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    bp_onnx_output(&g, "y", bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3)), BP_ONNX_FLOAT, 3);
    BpOnnx__Tensor *t = g.initializer.item[0];
    BpOnnx__StringStringEntry *entries[] = {entry("location", location), entry("offset", "8"), entry("length", "24")};
    t->raw_data.len = 0;
    t->data_location = 1;
    t->n_external_data = 3;
    t->external_data = entries;
    bp_status status = finish(NULL, m);
    for (size_t i = 0; i < 3; i++) {
        free(entries[i]);
    }
    return status;
}

static void test_external(void **state)
{
    (void)state;
    float data[8] = {99, 99};
    for (size_t i = 0; i < 6; i++) {
        data[2 + i] = (float)w1[i];
    }
    write_file(in_folder("weights.bin"), data, sizeof data);
    bp_model *m;
    double y[6];
    assert_ok(import_external("weights.bin", &m));
    assert_ok(bp_param_get(bp_graph_param(bp_model_graph(m), 0), y));
    assert_true(y[0] == w1[0] && y[5] == w1[5]);
    bp_model_free(m);
    assert_error(import_external("../weights.bin", &m), BP_ERR_FORMAT, "in the folder of the model");
    assert_error(import_external("/etc/passwd", &m), BP_ERR_FORMAT, "in the folder of the model");
    assert_error(import_external("nothing.bin", &m), BP_ERR_IO, "nothing.bin");
    write_file(in_folder("weights.bin"), data, sizeof data - 1);
    assert_error(import_external("weights.bin", &m), BP_ERR_FORMAT, "beyond the end");
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    const char *x = start_graph();
    expect_refused(bp_onnx_op1(&g, "LSTM", x), BP_ERR_UNSUPPORTED, "node \"LSTM_3\" (LSTM)");
    x = start_graph();
    expect_refused(bp_onnx_op1(&g, "HardSigmoid", x), BP_ERR_UNSUPPORTED, "(HardSigmoid)");
    x = start_graph();
    x = bp_onnx_op1(&g, "LeakyRelu", x);
    bp_onnx_float(&g, "alpha", 0.3f);
    expect_refused(x, BP_ERR_UNSUPPORTED, "none of the activations");
    x = start_graph();
    const char *branch = bp_onnx_op2(&g, "MatMul", x, matrix(w1, 3, 2));
    branch = bp_onnx_op2(&g, "MatMul", branch, matrix(w2, 2, 3));
    expect_refused(bp_onnx_op2(&g, "Add", x, branch), BP_ERR_UNSUPPORTED, "two branches");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3)), BP_ERR_UNSUPPORTED, "does not fit");
    x = start_graph();
    expect_refused(bp_onnx_op1(&g, "Relu", "nowhere"), BP_ERR_FORMAT, "\"nowhere\"");
    x = start_graph();
    ((BpOnnx__Tensor *)g.initializer.item[0])->dims[0] = 3;
    expect_refused(x, BP_ERR_FORMAT, "its shape asks for");
    x = start_graph();
    ((BpOnnx__Tensor *)g.initializer.item[0])->dims[0] = -1;
    expect_refused(x, BP_ERR_FORMAT, "a dimension of -1");
    x = start_graph();
    bp_onnx_input(&g, "other", BP_ONNX_FLOAT, 2);
    expect_refused(x, BP_ERR_UNSUPPORTED, "one is supported");
    x = start_graph();
    bp_onnx_output(&g, "y", x, BP_ONNX_FLOAT, 3);
    expect_refused(x, BP_ERR_FORMAT, "given twice");
}

/* Every prefix of a file is refused, and no byte that is changed does harm. */
static void test_damage(void **state)
{
    (void)state;
    bp_model_options o = bp_model_defaults();
    bp_model *m;
    o.inputs = o.outputs = 2;
    o.net = "dense 2 gelu";
    assert_ok(bp_model_new(&m, &o));
    assert_ok(bp_onnx_save(m, in_folder("m.onnx")));
    bp_model_free(m);
    strip("m.onnx", "stripped.onnx");
    bytes b = read_file(in_folder("stripped.onnx"));
    for (size_t n = 0; n < b.size; n += 7) {
        write_file(in_folder("cut.onnx"), b.data, n);
        assert_int_not_equal(bp_model_import(&m, in_folder("cut.onnx"), NULL), BP_OK);
        assert_null(m);
    }
    for (size_t i = 0; i < b.size; i += 3) {
        b.data[i] ^= 0x55;
        write_file(in_folder("changed.onnx"), b.data, b.size);
        if (bp_model_import(&m, in_folder("changed.onnx"), NULL) == BP_OK) {
            bp_model_free(m);
        }
        b.data[i] ^= 0x55;
    }
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),  cmocka_unit_test(test_outputs),  cmocka_unit_test(test_keras),
        cmocka_unit_test(test_scikit_learn), cmocka_unit_test(test_pair),     cmocka_unit_test(test_folding),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_external), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
