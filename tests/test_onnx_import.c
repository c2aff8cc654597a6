/* test_onnx_import.c - what ONNX graphs may contain beside plain layers: constants that are computed, shapes, tensors in every
 * encoding, names of classes; and what looks harmless but would be read wrongly. */
#include "support_onnx.h"

#include <math.h>

static const double x0[] = {0.75, -1.25};

/* What the model answers to x0; to be released. */
static const float *answer(const bp_model *m)
{
    static float y[8];
    bp_predictor *p;
    assert_true(bp_model_describe(m).outputs <= 8);
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    assert_ok(bp_predict(p, y, x0, BP_F64, 1));
    bp_predictor_free(p);
    return y;
}

/* The graph, whose value y is `columns` numbers wide, answers these to x0. */
static void expect_answer(const char *y, const double *expected, size_t columns)
{
    bp_model *m;
    bp_onnx_output(&g, "y", y, BP_ONNX_FLOAT, columns);
    assert_ok(finish(NULL, &m));
    assert_int_equal(bp_model_describe(m).outputs, columns);
    const float *found = answer(m);
    for (size_t j = 0; j < columns; j++) {
        if (!(fabs((double)found[j] - expected[j]) <= 1e-6 * fmax(1, fabs(expected[j])))) {
            fail_msg("answer %zu: %g, expected %g", j, (double)found[j], expected[j]);
        }
    }
    bp_model_free(m);
}

/* x0 w1 + plus */
static const double *product(double plus)
{
    static double y[3];
    for (size_t j = 0; j < 3; j++) {
        y[j] = x0[0] * w1[j] + x0[1] * w1[3 + j] + plus;
    }
    return y;
}

static const char *whole(const double *value, size_t n)
{
    return bp_onnx_array(&g, BP_ONNX_INT64, value, 1, n, 0);
}

/* ---- constants --------------------------------------------------------------------------------------------------- */

/* A constant that has more numbers than a row would make the row longer, also where all of them are the same. */
static void test_stretched(void **state)
{
    (void)state;
    static const double same[] = {0.5, 0.5, 0.5}, slope[] = {2, 3, 4};
    const char *x = start_graph();
    expect_answer(bp_onnx_op2(&g, "Add", x, matrix(same, 1, 3)), product(0.5), 3);
    begin();
    x = bp_onnx_op2(&g, "MatMul", bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2), matrix(w1, 2, 1));
    expect_refused(bp_onnx_op2(&g, "Add", x, list(same, 3)), BP_ERR_UNSUPPORTED, "does not fit the 1 numbers");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Mul", x, matrix(same, 3, 1)), BP_ERR_UNSUPPORTED, "does not fit the 3 numbers");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Sub", list(same, 0), x), BP_ERR_UNSUPPORTED, "does not fit");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "PRelu", x, list(slope, 3)), BP_ERR_UNSUPPORTED, "from element to element");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Div", list(slope, 3), x), BP_ERR_UNSUPPORTED, "from element to element");
    double expected[3];
    for (size_t j = 0; j < 3; j++) {
        expected[j] = slope[j] - product(0)[j];
    }
    x = start_graph();
    expect_answer(bp_onnx_op2(&g, "Sub", list(slope, 3), x), expected, 3);
}

static void test_computed(void **state)
{
    (void)state;
    static const double two[] = {2, 2}, pair[] = {-1, 0.5}, values[] = {3, 5, 7};
    const char *x = start_graph();
    const char *c = bp_onnx_op2(&g, "Div", list(values, 3), bp_onnx_scalar(&g, BP_ONNX_FLOAT, 2));
    double expected[3];
    for (size_t j = 0; j < 3; j++) {
        expected[j] = product(0)[j] + values[j] / 2;
    }
    expect_answer(bp_onnx_op2(&g, "Add", x, c), expected, 3);
    x = start_graph();
    c = bp_onnx_op2(&g, "Sub", list(values, 3), list(pair, 2));
    expect_refused(bp_onnx_op2(&g, "Add", x, c), BP_ERR_UNSUPPORTED, "different shapes");
    x = start_graph(); /* [3] times [1, 1] is [1, 3] */
    c = bp_onnx_op2(&g, "Mul", list(values, 3), matrix(two, 1, 1));
    expect_refused(bp_onnx_op2(&g, "Add", x, c), BP_ERR_UNSUPPORTED, "different shapes");
    x = start_graph(); /* nothing times one number is nothing */
    c = bp_onnx_op2(&g, "Mul", list(values, 0), list(two, 1));
    expect_refused(bp_onnx_op2(&g, "Add", x, c), BP_ERR_UNSUPPORTED, "does not fit");
    x = start_graph();
    c = bp_onnx_op2(&g, "Mul", list(two, 1), list(values, 0));
    expect_refused(bp_onnx_op2(&g, "Add", x, c), BP_ERR_UNSUPPORTED, "does not fit");
    /* a number and a list of one number are a list: only lists are joined */
    static const double three = 3, minus = -1;
    x = start_graph();
    c = bp_onnx_op2(&g, "Mul", bp_onnx_scalar(&g, BP_ONNX_INT64, 1), whole(&three, 1));
    c = bp_onnx_op2(&g, "Concat", whole(&minus, 1), c);
    expect_answer(bp_onnx_op2(&g, "Reshape", x, c), product(0), 3);
}

/* A number for each row of a matrix within the row: [2, 1] with [2, 3]. */
static void test_columns_of_ones(void **state)
{
    (void)state;
    static const double grid[] = {-1, 2, 3}, flat[] = {-1, 6}, c[] = {0.5, -2};
    double w[12], expected[6];
    for (size_t j = 0; j < 6; j++) {
        w[j] = w1[j % 3];
        w[6 + j] = w1[3 + j % 3];
        expected[j] = product(0)[j % 3] + c[j / 3];
    }
    begin();
    const char *x = bp_onnx_op2(&g, "MatMul", bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2), matrix(w, 2, 6));
    x = bp_onnx_op2(&g, "Reshape", x, whole(grid, 3));
    x = bp_onnx_op2(&g, "Add", x, matrix(c, 2, 1));
    expect_answer(bp_onnx_op2(&g, "Reshape", x, whole(flat, 2)), expected, 6);
}

/* Maps of single numbers before, between and behind the layers; one that loses an input is no scaling. */
static void test_diagonals(void **state)
{
    (void)state;
    static const double by[] = {0, 2}, plus[] = {1, -3}, third[] = {0.5, 2, -1}, more[] = {0.25, -4, 8};
    double expected[2] = {0, 0};
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    x = bp_onnx_op2(&g, "Add", bp_onnx_op2(&g, "Mul", x, list(by, 2)), list(plus, 2));
    x = bp_onnx_op1(&g, "Tanh", bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3)));
    x = bp_onnx_op2(&g, "Add", bp_onnx_op2(&g, "Mul", x, list(third, 3)), list(more, 3));
    x = bp_onnx_op2(&g, "MatMul", x, matrix(w2, 3, 2));
    x = bp_onnx_op2(&g, "Mul", x, list(plus, 2));
    for (size_t j = 0; j < 3; j++) {
        double z = w1[j] + (2 * x0[1] - 3) * w1[3 + j], a = third[j] * tanh(z) + more[j];
        for (size_t k = 0; k < 2; k++) {
            expected[k] += a * w2[2 * j + k] * plus[k];
        }
    }
    expect_answer(x, expected, 2);
}

/* Weights [3, 2] turned around; a bias by Constant; a shape made of other numbers. */
static void test_made(void **state)
{
    (void)state;
    static const double turned[] = {0.5, 0.25, -1, 1.5, 2, -0.75}, rough[] = {-1.5, 3.75};
    static const float bias[] = {0.25f, 0.25f, 0.25f};
    static const int64_t shape[] = {-1, 3};
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    x = bp_onnx_op2(&g, "MatMul", x, bp_onnx_op1(&g, "Transpose", matrix(turned, 3, 2)));
    const char *b = bp_onnx_node(&g, "Constant", NULL, 0);
    bp_onnx_floats(&g, "value_floats", bias, 3);
    x = bp_onnx_op2(&g, "Add", x, b);
    const char *s = bp_onnx_node(&g, "Constant", NULL, 0);
    bp_onnx_ints(&g, "value_ints", shape, 2);
    x = bp_onnx_op2(&g, "Reshape", x, s);
    x = bp_onnx_op2(&g, "Reshape", x, bp_onnx_cast(&g, list(rough, 2), BP_ONNX_INT64));
    expect_answer(x, product(0.25), 3);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* x.view(x.size(0), -1) as PyTorch writes it, old and new; flatten(1) of the newer exporter. */
static void test_views(void **state)
{
    (void)state;
    static const double zero = 0, minus = -1, three = 3, shape[] = {0, 0, -1}, first = -2;
    const char *x = start_graph();
    const char *batch = bp_onnx_op2(&g, "Gather", bp_onnx_op1(&g, "Shape", x), bp_onnx_scalar(&g, BP_ONNX_INT64, 0));
    batch = bp_onnx_op2(&g, "Unsqueeze", batch, whole(&zero, 1));
    expect_answer(bp_onnx_op2(&g, "Reshape", x, bp_onnx_op2(&g, "Concat", batch, whole(&minus, 1))), product(0), 3);
    x = start_graph();
    batch = bp_onnx_op2(&g, "Gather", bp_onnx_op1(&g, "Shape", x), whole(&first, 1)); /* from the end */
    expect_answer(bp_onnx_op2(&g, "Reshape", x, bp_onnx_op2(&g, "Concat", batch, whole(&three, 1))), product(0), 3);
    x = start_graph();
    batch = bp_onnx_op1(&g, "Shape", x);
    bp_onnx_int(&g, "start", 0);
    bp_onnx_int(&g, "end", 1);
    expect_answer(bp_onnx_op2(&g, "Reshape", x, bp_onnx_op2(&g, "Concat", batch, whole(&three, 1))), product(0), 3);
    x = start_graph();
    const char *row = bp_onnx_op1(&g, "Shape", x);
    bp_onnx_int(&g, "start", -1);
    expect_answer(bp_onnx_op2(&g, "Reshape", x, bp_onnx_op2(&g, "Concat", whole(&minus, 1), row)), product(0), 3);
    x = start_graph(); /* 0: as it was */
    expect_answer(bp_onnx_op2(&g, "Reshape", x, whole(shape, 2)), product(0), 3);
}

static void test_ones(void **state)
{
    (void)state;
    static const double one = 1, two = 2, three[] = {-1, 3, 1}, none[] = {0}, both[] = {1, 2}, far[] = {1, 7};
    static const double rest[] = {-1, 3, -1}, minus = -1, width = 3;
    const char *x = start_graph();
    x = bp_onnx_op2(&g, "Unsqueeze", x, whole(&one, 1)); /* [N, 1, 3] */
    x = bp_onnx_op2(&g, "Reshape", x, whole(three, 3));  /* [N, 3, 1] */
    expect_answer(bp_onnx_op2(&g, "Squeeze", x, whole(&two, 1)), product(0), 3);
    x = start_graph();
    x = bp_onnx_op2(&g, "Reshape", x, whole(rest, 3)); /* [N, 3, what is left] */
    expect_answer(bp_onnx_op2(&g, "Squeeze", x, whole(&two, 1)), product(0), 3);
    x = start_graph();
    x = bp_onnx_op2(&g, "Unsqueeze", x, whole(&one, 1));
    expect_answer(bp_onnx_op2(&g, "Squeeze", x, whole(&one, 1)), product(0), 3);
    x = start_graph();
    const char *const parts[] = {whole(&minus, 1), whole(&one, 1), whole(&width, 1)};
    x = bp_onnx_op2(&g, "Reshape", x, bp_onnx_node(&g, "Concat", parts, 3)); /* [N, 1, 3] */
    expect_answer(bp_onnx_op2(&g, "Squeeze", x, whole(&one, 1)), product(0), 3);
    x = start_graph();
    x = bp_onnx_op2(&g, "Unsqueeze", x, whole(both, 2)); /* [N, 1, 1, 3] */
    expect_answer(bp_onnx_op1(&g, "Squeeze", x), product(0), 3);
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Squeeze", x, whole(&one, 1)), BP_ERR_UNSUPPORTED, "that is not 1");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Squeeze", x, whole(none, 1)), BP_ERR_UNSUPPORTED, "takes the batch away");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Unsqueeze", x, whole(none, 1)), BP_ERR_UNSUPPORTED, "before the batch");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Unsqueeze", x, whole(far, 2)), BP_ERR_FORMAT, "no such axis");
    x = start_graph();
    expect_refused(bp_onnx_op2(&g, "Reshape", x, whole(both, 2)), BP_ERR_UNSUPPORTED, "does not fit");
    x = start_graph();
    x = bp_onnx_op1(&g, "Softmax", x);
    bp_onnx_int(&g, "axis", 0);
    expect_refused(x, BP_ERR_UNSUPPORTED, "softmax of a row");
    begin();
    x = bp_onnx_op(&g, "Gemm", bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2), matrix(w1, 2, 3), list(b1, 3));
    bp_onnx_int(&g, "transA", 1);
    expect_refused(x, BP_ERR_UNSUPPORTED, "not transposed");
}

/* ---- tensors as they may lie in a file --------------------------------------------------------------------------- */

static void test_encodings(void **state)
{
    (void)state;
    float floats[6];
    double doubles[6];
    int32_t narrow[] = {4, -8, 16, 2, 12, -6}; /* 8 w1 */
    int64_t wide[6];
    double expected[3];
    for (size_t i = 0; i < 6; i++) {
        floats[i] = (float)w1[i];
        doubles[i] = w1[i];
        wide[i] = narrow[i];
    }
    for (int kind = 0; kind < 6; kind++) {
        const char *x = start_graph();
        BpOnnx__Tensor *t = g.initializer.item[0];
        static const int types[] = {BP_ONNX_FLOAT, BP_ONNX_DOUBLE, BP_ONNX_INT64,
                                    BP_ONNX_INT32, BP_ONNX_INT8,   BP_ONNX_INT32};
        t->data_type = types[kind];
        t->raw_data.len = 0;
        t->n_float_data = kind == 0 ? 6 : 0;
        t->float_data = floats;
        t->n_double_data = kind == 1 ? 6 : 0;
        t->double_data = doubles;
        t->n_int64_data = kind == 2 ? 6 : 0;
        t->int64_data = wide;
        t->n_int32_data = kind == 3 || kind == 4 ? 6 : 0;
        t->int32_data = narrow;
        if (kind == 5) {
            t->raw_data = (ProtobufCBinaryData){sizeof narrow, (uint8_t *)narrow};
        }
        for (size_t j = 0; j < 3; j++) {
            expected[j] = product(0)[j] * (kind < 2 ? 1 : 8);
        }
        bp_model *m;
        if (kind == 1) { /* a model of doubles, whose answers are doubles */
            double w[6];
            bp_onnx_output(&g, "y", x, BP_ONNX_DOUBLE, 3);
            assert_ok(finish(NULL, &m));
            assert_int_equal(bp_model_describe(m).type, BP_F64);
            assert_ok(bp_param_get(bp_graph_param(bp_model_graph(m), 0), w));
            assert_memory_equal(w, w1, sizeof w);
            bp_model_free(m);
        } else {
            expect_answer(x, expected, 3);
        }
    }
    const char *x = start_graph();
    ((BpOnnx__Tensor *)g.initializer.item[0])->data_type = 10; /* float16 */
    expect_refused(x, BP_ERR_UNSUPPORTED, "elements of type 10");
    x = start_graph();
    float *data = (float *)(void *)((BpOnnx__Tensor *)g.initializer.item[0])->raw_data.data;
    data[1] = NAN;
    expect_refused(x, BP_ERR_FORMAT, "not finite");
}

static BpOnnx__Tensor *add_external(BpOnnx__StringStringEntry entry[2], BpOnnx__StringStringEntry *list_of[2],
                                    const char *file, char *length)
{
    static const char *const keys[] = {"location", "length"};
    const size_t none[] = {1};
    static float nothing;
    char name[32];
    snprintf(name, sizeof name, "t%zu", g.initializer.count);
    bp_onnx_raw(&g, name, BP_ONNX_FLOAT, &nothing, 1, none);
    BpOnnx__Tensor *t = g.initializer.item[g.initializer.count - 1];
    for (size_t i = 0; i < 2; i++) {
        bp_onnx__string_string_entry__init(&entry[i]);
        entry[i].key = (char *)(uintptr_t)keys[i];
        entry[i].value = i ? length : (char *)(uintptr_t)file;
        list_of[i] = &entry[i];
    }
    t->raw_data.len = 0;
    t->data_location = 1;
    t->n_external_data = 2;
    t->external_data = list_of;
    return t;
}

/* Many tensors that all claim the same bytes of another file do not earn memory for each of them. */
static void test_same_bytes(void **state)
{
    (void)state;
    enum { TENSORS = 200, BYTES = 1 << 20 };
    static BpOnnx__StringStringEntry entry[TENSORS][2], *lists[TENSORS][2];
    char length[] = "1048576", *zeros = calloc(BYTES, 1);
    write_file(in_folder("zeros.bin"), zeros, BYTES);
    free(zeros);
    for (size_t tensors = 8; tensors <= TENSORS; tensors += TENSORS - 8) {
        const char *x = start_graph();
        for (size_t i = 0; i < tensors; i++) {
            add_external(entry[i], lists[i], "zeros.bin", length)->dims[0] = BYTES / 4;
        }
        bp_model *m;
        bp_onnx_output(&g, "y", x, BP_ONNX_FLOAT, 3);
        assert_int_equal(finish(NULL, &m), tensors == 8 ? BP_OK : BP_ERR_MEMORY);
        bp_model_free(m);
    }
    const char *x = start_graph();
    add_external(entry[0], lists[0], "zeros.bin", length)->dims[0] = 3;
    expect_refused(x, BP_ERR_FORMAT, "says otherwise");
}

/* ---- what classes are called ------------------------------------------------------------------------------------- */

/* Softmax of x w2, and its class through a LabelEncoder with these keys. */
static bp_status encoded(bp_model **m, const int64_t *keys, const char *const *names)
{
    static const char *const others[] = {"x", "y", "z"};
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    const char *p = bp_onnx_op1(&g, "Softmax", bp_onnx_op2(&g, "MatMul", x, matrix(w2, 2, 3)));
    const char *label = bp_onnx_op1(&g, "ArgMax", p);
    bp_onnx_int(&g, "axis", 1);
    label = bp_onnx_op1(&g, "ml:LabelEncoder", label);
    bp_onnx_ints(&g, "keys_int64s", keys, 3);
    bp_onnx_strings(&g, "values_strings", names, 3);
    bp_onnx_output(&g, "label", label, BP_ONNX_STRING, 0);
    p = bp_onnx_op1(&g, "ml:ZipMap", p); /* the first names count */
    bp_onnx_strings(&g, "classlabels_strings", others, 3);
    bp_onnx_output(&g, "probabilities", p, BP_ONNX_FLOAT, 3);
    return finish(NULL, m);
}

static void test_encoder(void **state)
{
    (void)state;
    static const int64_t mixed[] = {2, 0, 1}, strange[] = {5, 6, 7};
    static const char *const names[] = {"two", "zero", "one"};
    bp_model *m;
    assert_ok(encoded(&m, mixed, names));
    assert_string_equal(bp_model_class(m, 0), "zero");
    assert_string_equal(bp_model_class(m, 1), "one");
    assert_string_equal(bp_model_class(m, 2), "two");
    bp_model_free(m);
    assert_error(encoded(&m, strange, names), BP_ERR_UNSUPPORTED, "not the numbers of the classes");
}

/* Logarithms of probabilities: classes, and their probabilities. */
static void test_log_softmax(void **state)
{
    (void)state;
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    x = bp_onnx_op1(&g, "LogSoftmax", bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3)));
    bp_onnx_output(&g, "y", x, BP_ONNX_FLOAT, 3);
    bp_model *m;
    bp_import_options o = bp_import_defaults();
    assert_ok(finish(NULL, &m));
    assert_int_equal(bp_model_describe(m).task, BP_CLASSIFY);
    const float *y = answer(m);
    assert_true(fabs((double)(y[0] + y[1] + y[2]) - 1) < 1e-6);
    bp_model_free(m);
    o.task = "regress";
    assert_error(bp_model_import(&m, in_folder("g.onnx"), &o), BP_ERR_UNSUPPORTED, "logarithms");
    x = start_graph();
    x = bp_onnx_op1(&g, "LogSoftmax", x);
    expect_refused(bp_onnx_op1(&g, "Neg", x), BP_ERR_UNSUPPORTED, "computes with an answer");
}

/* What numbers between 0 and 1 are learned with, unless it is asked for. */
static void test_loss(void **state)
{
    (void)state;
    bp_model *m;
    bp_import_options o = bp_import_defaults();
    const char *x = start_graph();
    bp_onnx_output(&g, "y", bp_onnx_op1(&g, "Sigmoid", x), BP_ONNX_FLOAT, 3);
    assert_ok(finish(NULL, &m));
    assert_string_equal(bp_model_describe(m).loss, "bce");
    bp_model_free(m);
    o.loss = "mse";
    assert_ok(bp_model_import(&m, in_folder("g.onnx"), &o));
    assert_string_equal(bp_model_describe(m).loss, "mse");
    bp_model_free(m);
}

/* Two numbers that do not add up to 1 are no probabilities of two classes. */
static void test_no_pair(void **state)
{
    (void)state;
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    const char *p = bp_onnx_op1(&g, "Sigmoid", bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 1)));
    const char *both = bp_onnx_op2(&g, "Concat", bp_onnx_op1(&g, "Neg", p), p);
    bp_onnx_int(&g, "axis", 1);
    bp_model *m;
    bp_onnx_output(&g, "y", both, BP_ONNX_FLOAT, 2);
    assert_error(finish(NULL, &m), BP_ERR_UNSUPPORTED, "[1 - p, p]");
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
    (void)state;
    double positive[3];
    for (size_t j = 0; j < 3; j++) {
        positive[j] = fmax(product(0)[j], 0);
    }
    const char *x = start_graph();
    x = bp_onnx_op1(&g, "Clip", x);
    bp_onnx_float(&g, "min", 0);
    expect_answer(x, positive, 3);
    x = start_graph();
    x = bp_onnx_op(&g, "Clip", x, bp_onnx_scalar(&g, BP_ONNX_FLOAT, 0), bp_onnx_scalar(&g, BP_ONNX_FLOAT, 3.4e38));
    expect_answer(x, positive, 3);
    x = start_graph();
    expect_answer(bp_onnx_op2(&g, "Max", x, bp_onnx_scalar(&g, BP_ONNX_FLOAT, 0)), positive, 3);
    static const double most[] = {6, 100, 5000};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        x = start_graph();
        x = bp_onnx_op(&g, "Clip", x, bp_onnx_scalar(&g, BP_ONNX_FLOAT, 0), bp_onnx_scalar(&g, BP_ONNX_FLOAT, most[i]));
        expect_refused(x, BP_ERR_UNSUPPORTED, "activation");
        x = start_graph();
        x = bp_onnx_op1(&g, "Relu", x);
        x = bp_onnx_op2(&g, "Min", x, bp_onnx_scalar(&g, BP_ONNX_FLOAT, most[i]));
        expect_refused(x, BP_ERR_UNSUPPORTED, "activation");
    }
    x = start_graph();
    x = bp_onnx_op1(&g, "Elu", x);
    bp_onnx_float(&g, "alpha", 0.5F);
    expect_refused(x, BP_ERR_UNSUPPORTED, "none of the activations");
}

/* ---- nodes and names --------------------------------------------------------------------------------------------- */

/* Dropout also gives a mask, which is no data. */
static void test_second_output(void **state)
{
    (void)state;
    for (int used = 0; used < 2; used++) {
        const char *x = start_graph();
        x = bp_onnx_op1(&g, "Dropout", x);
        char *outputs[] = {g.last->output[0], (char *)(uintptr_t) "mask"};
        g.last->output = outputs;
        g.last->n_output = 2;
        if (used) {
            expect_refused(bp_onnx_op2(&g, "Mul", x, "mask"), BP_ERR_UNSUPPORTED, "only its first output");
        } else {
            expect_answer(x, product(0), 3);
        }
    }
}

/* What is not used may be anything. */
static void test_unused(void **state)
{
    (void)state;
    static const size_t dim[] = {1};
    static float nothing;
    const char *x = start_graph();
    bp_onnx_op1(&g, "LSTM", x);
    bp_onnx_raw(&g, "half", BP_ONNX_FLOAT, &nothing, 1, dim);
    ((BpOnnx__Tensor *)g.initializer.item[g.initializer.count - 1])->data_type = 10;
    expect_answer(x, product(0), 3);
}

static void test_several(void **state)
{
    (void)state;
    bp_model *m;
    const char *x = start_graph();
    bp_onnx_output(&g, "first", x, BP_ONNX_FLOAT, 3);
    bp_onnx_output(&g, "second", bp_onnx_op1(&g, "Relu", x), BP_ONNX_FLOAT, 3);
    assert_error(finish(NULL, &m), BP_ERR_UNSUPPORTED, "several outputs");
    x = start_graph();
    bp_onnx_output(&g, "first", x, BP_ONNX_FLOAT, 3);
    bp_onnx_output(&g, "same", bp_onnx_op1(&g, "Identity", x), BP_ONNX_FLOAT, 3);
    assert_ok(finish(NULL, &m));
    bp_model_free(m);
    x = start_graph();
    bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    expect_refused(x, BP_ERR_UNSUPPORTED, "one is supported");
}

/* Operators of old files: the softmax of version 12 is over all that follows the batch, axes are attributes. */
static void test_old_version(void **state)
{
    (void)state;
    static const int64_t axis = 1;
    const char *x = start_graph();
    x = bp_onnx_op1(&g, "Unsqueeze", x);
    bp_onnx_ints(&g, "axes", &axis, 1);
    x = bp_onnx_op1(&g, "Softmax", x); /* [N, 1, 3], axis 1: all of a row, but it need not be known here */
    bp_onnx_output(&g, "y", x, BP_ONNX_FLOAT, 3);
    bp_model *m;
    assert_ok(finish(NULL, &m)); /* version 13: the last axis */
    bp_model_free(m);
    bytes b = read_file(in_folder("g.onnx"));
    BpOnnx__Model *message = bp_onnx__model__unpack(NULL, b.size, b.data);
    for (int named = 0; named < 2; named++) {
        char *domain = message->opset_import[0]->domain;
        message->opset_import[0]->version = 12;
        message->opset_import[0]->domain = named ? (char *)(uintptr_t) "ai.onnx" : domain;
        uint8_t *packed = malloc(b.size + 64);
        write_file(in_folder("old.onnx"), packed, bp_onnx__model__pack(message, packed));
        message->opset_import[0]->domain = domain;
        free(packed);
        assert_error(bp_model_import(&m, in_folder("old.onnx"), NULL), BP_ERR_UNSUPPORTED, "softmax of a row");
    }
    bp_onnx__model__free_unpacked(message, NULL);
    free(b.data);
}

/* ---- files of this library --------------------------------------------------------------------------------------- */

static void change_own(const char *from, const char *to, void (*change)(BpOnnx__Model *m))
{
    bytes b = read_file(in_folder(from));
    BpOnnx__Model *m = bp_onnx__model__unpack(NULL, b.size, b.data);
    uint8_t *packed = malloc(2 * b.size);
    change(m);
    write_file(in_folder(to), packed, bp_onnx__model__pack(m, packed));
    bp_onnx__model__free_unpacked(m, NULL);
    free(packed);
    free(b.data);
}

static void repeat_key(BpOnnx__Model *m)
{
    strcpy(m->metadata_props[1]->key, "net"); /* another "net" is there; this one had a longer name */
}

static void spoil_weight(BpOnnx__Model *m)
{
    float nan = NAN;
    memcpy(m->graph->initializer[0]->raw_data.data, &nan, sizeof nan);
}

static void shorten_weights(BpOnnx__Model *m)
{
    m->graph->initializer[0]->raw_data.len -= 4;
}

static void widen_network(BpOnnx__Model *m)
{
    for (size_t i = 0; i < m->n_metadata_props; i++) {
        if (strcmp(m->metadata_props[i]->key, "net") == 0) {
            free(m->metadata_props[i]->value);
            m->metadata_props[i]->value = strdup("dense 3000 tanh, dense 3000 gelu");
        }
    }
}

static void test_own(void **state)
{
    (void)state;
    bp_model_options o = bp_model_defaults();
    bp_import_options how = bp_import_defaults();
    bp_model *m;
    o.inputs = 2;
    o.outputs = 1;
    o.task = BP_REGRESS;
    o.net = "dense 3 tanh, dense 3 gelu";
    assert_ok(bp_model_new(&m, &o));
    assert_ok(bp_onnx_save(m, in_folder("own.onnx")));
    bp_model_free(m);
    how.loss = "huber";
    assert_ok(bp_model_import(&m, in_folder("own.onnx"), &how));
    assert_string_equal(bp_model_describe(m).loss, "huber");
    bp_model_free(m);
    how.task = "classify";
    assert_error(bp_model_import(&m, in_folder("own.onnx"), &how), BP_ERR_ARGUMENT, "says that itself");
    change_own("own.onnx", "bad.onnx", repeat_key);
    assert_error(bp_model_import(&m, in_folder("bad.onnx"), NULL), BP_ERR_FORMAT, "\"net\" twice");
    change_own("own.onnx", "bad.onnx", spoil_weight);
    assert_error(bp_model_import(&m, in_folder("bad.onnx"), NULL), BP_ERR_FORMAT, "not finite");
    change_own("own.onnx", "bad.onnx", shorten_weights);
    assert_error(bp_model_import(&m, in_folder("bad.onnx"), NULL), BP_ERR_FORMAT, "another shape");
    change_own("own.onnx", "bad.onnx", widen_network); /* 36 MB of weights, which the file does not have */
    assert_error(bp_model_import(&m, in_folder("bad.onnx"), NULL), BP_ERR_MEMORY, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stretched),  cmocka_unit_test(test_computed), cmocka_unit_test(test_made),
        cmocka_unit_test(test_views),      cmocka_unit_test(test_ones),     cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_encoder),  cmocka_unit_test(test_log_softmax),
        cmocka_unit_test(test_no_pair),    cmocka_unit_test(test_loss),     cmocka_unit_test(test_columns_of_ones),
        cmocka_unit_test(test_diagonals),  cmocka_unit_test(test_limits),   cmocka_unit_test(test_second_output),
        cmocka_unit_test(test_unused),     cmocka_unit_test(test_several),  cmocka_unit_test(test_old_version),
        cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
