/* test_c_source.c - models as C source: compiled without a warning, run, and compared with the library's answers. */
#include "support_c_source.h"

enum { ROWS = 24 };

/* ---- models and rows --------------------------------------------------------------------------------------------- */

typedef struct kind {
    const char *net, *output, *loss;
    bp_task task;
    size_t inputs, outputs;
    size_t scaling; /* means and scales of inputs: 0, 1 or inputs */
    bool output_scaling;
} kind;

static const double *numbers(size_t count, double first, double step)
{
    static double list[4][64];
    static int turn;
    double *out = list[turn = (turn + 1) % 4];
    for (size_t i = 0; i < count; i++) {
        out[i] = first + step * (double)i;
    }
    return out;
}

static bp_model *make_model(const kind *k, bp_type type)
{
    bp_model_options o = bp_model_defaults();
    o.net = k->net;
    o.output = k->output;
    o.loss = k->loss;
    o.task = k->task;
    o.inputs = k->inputs;
    o.outputs = k->outputs;
    o.type = type;
    o.init = "normal:0.5";
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    bp_graph *g = bp_model_graph(m);
    for (size_t i = 1; i < bp_graph_params(g); i += 2) { /* biases begin at zero, which would hide them */
        bp_node *b = bp_graph_param(g, i);
        assert_ok(bp_param_set(b, numbers(bp_node_size(b), -0.3, 0.07)));
    }
    if (k->scaling) {
        assert_ok(
            bp_model_set_scaling(m, k->scaling, numbers(k->scaling, 1000.03, 0.1), numbers(k->scaling, 0.5, 0.1)));
    }
    if (k->output_scaling) {
        assert_ok(bp_model_set_output_scaling(m, k->outputs, numbers(k->outputs, 5, 7), numbers(k->outputs, 3, 11)));
    }
    return m;
}

/* Rows that floats hold. */
static bp_data make_rows(double *x, const kind *k)
{
    for (size_t i = 0; i < ROWS * k->inputs; i++) {
        double offset = k->scaling ? 1000 : 0;
        x[i] = (double)(float)(offset + 3 * sin(1.7 * (double)i * (double)i));
    }
    return (bp_data){.rows = ROWS, .inputs = k->inputs, .x = x, .x_type = BP_F64};
}

static void write_rows(const double *x, size_t count, bp_type type)
{
    float *narrow = calloc(count, sizeof *narrow);
    for (size_t i = 0; i < count; i++) {
        narrow[i] = (float)x[i];
    }
    write_file(in_folder("rows"), type == BP_F64 ? (const void *)x : narrow,
               count * (type == BP_F64 ? sizeof *x : sizeof *narrow));
    free(narrow);
}

static const char *const predict_rows =
    "    FILE *in = fopen(\"rows\", \"rb\");\n    while (fread(x, sizeof x, 1, in) == 1) {\n"
    "        m_predict(y, x, scratch);\n        fwrite(y, sizeof y, 1, out);\n    }\n    fclose(in);\n";

/* The largest difference between the program and the library, against the size of the answers. */
static double worst_difference(const bp_model *m, const bp_data *data, bp_type type)
{
    bytes answers = read_file(in_folder("answers"));
    size_t outputs = bp_model_describe(m).outputs;
    double worst = 0, size = 1, y[64];
    assert_int_equal(answers.size, ROWS * outputs * (type == BP_F64 ? sizeof(double) : sizeof(float)));
    for (size_t r = 0; r < ROWS; r++) {
        library_answer(y, m, data, r);
        for (size_t j = 0; j < outputs; j++) {
            double off = fabs(number_in(&answers, type, r * outputs + j) - y[j]);
            assert_true(isfinite(off));
            worst = fmax(worst, off);
            size = fmax(size, fabs(y[j]));
        }
    }
    free(answers.data);
    return worst / size;
}

static void compare_kind(const kind *k, bp_type model_type, bp_type type, double tolerance)
{
    double x[ROWS * 64];
    bp_model *m = make_model(k, model_type);
    bp_data data = make_rows(x, k);
    export_model(m, type, NULL);
    write_rows(x, ROWS * k->inputs, type);
    run_program(type, predict_rows);
    double off = worst_difference(m, &data, type);
    if (!(off <= tolerance)) {
        fail_msg("\"%s\", output %s, %s as %s: %g off", k->net, k->output ? k->output : "by task",
                 bp_type_name(model_type), bp_type_name(type), off);
    }
    bp_model_free(m);
}

/* ---- every activation, output, loss, scaling --------------------------------------------------------------------- */

static void test_activations(void **state)
{
    (void)state;
    for (size_t a = 0; a < BP_ACTIVATIONS; a++) {
        char net[100];
        snprintf(net, sizeof net, "dense 19 %s, dropout 0.5, dense 7 %s", bp_activation_name((bp_activation)a),
                 bp_activation_name((bp_activation)a));
        kind k = {.net = net, .inputs = 6, .outputs = 3};
        compare_kind(&k, BP_F32, BP_F32, 2e-6);
        compare_kind(&k, BP_F64, BP_F64, 1e-13);
    }
}

static const kind kinds[] = {
    {"", NULL, NULL, BP_CLASSIFY, 5, 3, 0, false},                   /* no hidden layer */
    {"", NULL, NULL, BP_REGRESS, 1, 1, 0, false},                    /* the least of all */
    {"dense 33 relu", NULL, NULL, BP_CLASSIFY, 7, 2, 1, false},      /* rests of all loops; one scaling for all */
    {"dense 4 tanh", "sigmoid", NULL, BP_CLASSIFY, 4, 2, 4, false},  /* one unit for two classes */
    {"dense 4 tanh", "tanh", "mse", BP_CLASSIFY, 4, 2, 0, false},    /* the same from -1 to 1 */
    {"dense 4 tanh", "linear", "mae", BP_CLASSIFY, 4, 2, 0, false},  /* the same beyond 0 and 1 */
    {"dense 16 relu", "sigmoid", NULL, BP_CLASSIFY, 9, 5, 9, false}, /* scores of several */
    {"dense 16 relu", "tanh", "huber", BP_CLASSIFY, 9, 5, 0, false},
    {"dense 5 relu, dense 40 relu, dense 6 relu, dense 50 relu", NULL, NULL, BP_REGRESS, 8, 17, 8, true},
    {"dense 8 softmax, dense 8 linear", "sigmoid", "bce", BP_REGRESS, 3, 4, 0, false}, /* labels */
    {"dense 8 gelu", "linear", "huber", BP_REGRESS, 3, 2, 1, true},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        compare_kind(&kinds[i], BP_F32, BP_F32, 3e-6);
        compare_kind(&kinds[i], BP_F64, BP_F64, 1e-12);
        compare_kind(&kinds[i], BP_F64, BP_F32, 3e-6);
    }
}

/* ---- the self-test ----------------------------------------------------------------------------------------------- */

static void test_self_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bp_model *m = make_model(&kinds[i], BP_F32);
        export_model(m, i % 2 ? BP_F64 : BP_F32, NULL);
        run_self_test();
        bp_model_free(m);
    }
}

static void replace_in_source(const char *from, const char *to)
{
    bytes source = read_file(in_folder("m.c"));
    source.data[source.size] = '\0';
    char *at = strstr((char *)source.data, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    write_file(in_folder("m.c"), source.data, source.size);
    free(source.data);
}

/* It notices whatever goes wrong. */
static void test_self_test_fails(void **state)
{
    (void)state;
    static const char *const damage[][2] = {
        {"x1 * m_w1", "x1 - m_w1"}, {"tanhf(x)", "expf( x)"}, {"x0 = ((x", "x0 =-((x"}};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        bp_model *m = make_model(&kinds[3], BP_F64);
        export_model(m, BP_F32, NULL);
        assert_int_equal(shell("gcc -std=c99 -DM_TEST_MAIN m.c -o selftest -lm && ./selftest"), 0);
        replace_in_source(damage[i][0], damage[i][1]);
        assert_int_equal(shell("gcc -std=c99 -DM_TEST_MAIN m.c -o selftest -lm"), 0);
        assert_int_equal(shell("./selftest"), 1);
        bp_model_free(m);
    }
}

/* ---- int8 -------------------------------------------------------------------------------------------------------- */

/* Part of the rows whose label is that of the largest answer; for targets R^2 = 1 - sum (a - y)^2 / sum (y - mean)^2. */
static double quality(const bp_data *d, const double *answers, size_t outputs)
{
    double right = 0, off = 0, spread = 0, mean[64] = {0};
    for (size_t i = 0; d->classes == 0 && i < d->rows * outputs; i++) {
        mean[i % outputs] += d->y[i] / (double)d->rows;
    }
    for (size_t r = 0; r < d->rows; r++) {
        const double *a = answers + r * outputs;
        size_t best = 0;
        for (size_t j = 0; j < outputs; j++) {
            best = a[j] > a[best] ? j : best;
            if (d->classes == 0) {
                off += pow(a[j] - d->y[r * outputs + j], 2);
                spread += pow(d->y[r * outputs + j] - mean[j], 2);
            }
        }
        right += d->classes && best == (size_t)d->label[r];
    }
    return d->classes ? right / (double)d->rows : 1 - off / spread;
}

/* The qualities in the report are those of the library's answers and of the program's. */
static void check_qualities(const bp_c_report *report, const bp_model *m, const bp_data *d)
{
    static double ours[ROWS * 64], theirs[ROWS * 64];
    size_t outputs = bp_model_describe(m).outputs;
    bytes answers = read_file(in_folder("answers"));
    for (size_t r = 0; r < ROWS; r++) {
        library_answer(ours + r * outputs, m, d, r);
    }
    for (size_t i = 0; i < ROWS * outputs; i++) {
        theirs[i] = number_in(&answers, BP_I8, i);
    }
    double before = quality(d, ours, outputs), after = quality(d, theirs, outputs);
    assert_true(fabs((d->classes ? report->before : report->r2_before) - before) <= 1e-6 * fmax(1, fabs(before)));
    assert_true(fabs((d->classes ? report->after : report->r2_after) - after) <= 1e-4 * fmax(1, fabs(after)));
    free(answers.data);
}

/* Buffers are as large as the largest that comes into them, which need not be the last one. */
static void test_scratch(void **state)
{
    (void)state;
    const kind k = {.net = "dense 40 relu, dense 6 relu, dense 5 relu, dense 4 relu", .inputs = 3, .outputs = 2};
    bp_model *m = make_model(&k, BP_F32);
    assert_int_equal(export_model(m, BP_F32, NULL).scratch, (40 + 6) * sizeof(float));
    bp_model_free(m);
}

/* What the report says is what the program does. */
static void test_int8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        double x[ROWS * 64], y[ROWS * 64], size = 1, answer[64];
        int32_t label[ROWS];
        bp_model *m = make_model(k, i % 2 ? BP_F64 : BP_F32);
        bp_data data = make_rows(x, k);
        for (size_t r = 0; r < ROWS * k->outputs; r++) {
            label[r / k->outputs] = (int32_t)(r / k->outputs % k->outputs);
            y[r] = (double)(r % 2);
        }
        for (size_t r = 0; r < ROWS; r++) {
            library_answer(answer, m, &data, r);
            for (size_t j = 0; j < k->outputs; j++) {
                size = fmax(size, fabs(answer[j]));
            }
        }
        bool classes = k->task == BP_CLASSIFY;
        data.classes = classes ? k->outputs : 0;
        data.label = classes ? label : NULL;
        data.targets = classes ? 0 : k->outputs;
        data.y = classes ? NULL : y;
        bp_c_report report = export_model(m, BP_I8, &data);
        run_self_test();
        write_rows(x, ROWS * k->inputs, BP_I8);
        run_program(BP_I8, predict_rows);
        double off = worst_difference(m, &data, BP_I8);
        assert_int_equal(report.rows, ROWS);
        assert_true(off > 0 && off < 0.2 && report.mean > 0 && report.mean <= report.largest);
        assert_true(fabs(off - report.largest / size) < 1e-3 * off + 1e-6);
        assert_true(isnan(report.after) != classes && isnan(report.r2_after) == classes);
        check_qualities(&report, m, &data);
        bp_model_free(m);
    }
}

static void test_int8_refuses(void **state)
{
    (void)state;
    kind k = {.net = "", .inputs = 140000, .outputs = 1, .task = BP_REGRESS};
    float *x = calloc(k.inputs, sizeof *x);
    double y = 1;
    bp_model *m = make_model(&k, BP_F32);
    bp_c_options o = bp_c_defaults();
    bp_data data = {.rows = 1, .inputs = k.inputs, .x = x, .x_type = BP_F32, .targets = 1, .y = &y};
    o.type = BP_I8;
    o.calibrate = &data;
    assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_ERR_UNSUPPORTED, "32 bits");
    data.inputs--;
    assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_ERR_DATA, "inputs");
    data.inputs++;
    x[7] = INFINITY;
    assert_int_not_equal(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_OK);
    bp_model_free(m);
    free(x);
}

/* ---- the rest of the source -------------------------------------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"zero \"0\"", "a\\b?\?/", "\xc3\xa9\n1"};
    kind k = {.net = "dense 4", .inputs = 2, .outputs = 3};
    bp_model *m = make_model(&k, BP_F32);
    assert_ok(bp_model_set_classes(m, names));
    export_model(m, BP_F32, NULL);
    run_self_test();
    run_program(BP_F32, "    (void)scratch;\n    (void)x;\n    y[0] = 1;\n    y[2] = 2;\n"
                        "    fprintf(out, \"%s|%s|%s|%d|%s\", m_class(0), m_class(1), m_class(2), m_decide(y), "
                        "m_class(3));\n");
    bytes answers = read_file(in_folder("answers"));
    answers.data[answers.size] = '\0';
    assert_string_equal((char *)answers.data, "zero \"0\"|a\\b?\?/|\xc3\xa9\n1|2|");
    free(answers.data);
    bp_model_free(m);
}

/* Without a header, without a test; weights read back exactly. */
static void test_exact_weights(void **state)
{
    (void)state;
    kind k = {.net = "", .inputs = 1, .outputs = 5, .task = BP_REGRESS};
    static const double weights[5] = {0.1F, 1.0 / 3, 1.17549435e-38F, 3.4028234e38F, -7};
    bp_model *m = make_model(&k, BP_F64);
    assert_ok(bp_param_set(bp_graph_param(bp_model_graph(m), 0), weights));
    bp_c_options o = bp_c_defaults();
    o.type = BP_F64;
    bp_c_report r;
    assert_ok(bp_model_export_c(&r, m, in_folder("m.c"), &o));
    assert_int_equal(r.constants, 10 * sizeof(double));
    o.with_test = true; /* is no part of what is used */
    assert_ok(bp_model_export_c(&r, m, in_folder("tested.c"), &o));
    assert_int_equal(r.constants, 10 * sizeof(double));
    o.with_test = false;
    assert_int_equal(r.scratch, sizeof(double));
    assert_int_equal(r.arguments, 6 * sizeof(double));
    write_file(in_folder("m.h"), "", 0);
    FILE *f = fopen(in_folder("main.c"), "w");
    fputs("#include \"m.c\"\n#include <stdio.h>\nint main(void)\n{\n    FILE *out = fopen(\"answers\", \"wb\");\n"
          "    fwrite(model_w1, sizeof model_w1, 1, out);\n    return fclose(out);\n}\n",
          f);
    fclose(f);
    assert_int_equal(shell("gcc -std=c99 -Wall -Wextra -Werror main.c -o program && ./program"), 0);
    bytes answers = read_file(in_folder("answers"));
    for (size_t i = 0; i < 5; i++) {
        assert_true(number_in(&answers, BP_F64, i) == weights[i]);
    }
    free(answers.data);
    bp_model_free(m);
}

/* What a microcontroller without a C library has: relu and linear outputs need no header but stddef.h. */
static void test_freestanding(void **state)
{
    (void)state;
    kind k = {.net = "dense 20 relu, dense 9 leaky_relu", .inputs = 6, .outputs = 2, .task = BP_REGRESS, .scaling = 6};
    bp_model *m = make_model(&k, BP_F32);
    export_model(m, BP_F32, NULL);
    assert_int_equal(shell("gcc -std=c99 -ffreestanding -O2 -c m.c -o m.o && test -z \"$(nm -u m.o)\""), 0);
    assert_int_equal(shell("! grep -nE 'math.h|malloc|stdio' m.c m.h"), 0);
    bp_model_free(m);
}

static void test_refusals(void **state)
{
    (void)state;
    kind k = {.net = "dense 4", .inputs = 2, .outputs = 3};
    bp_model *m = make_model(&k, BP_F32);
    static const char *const bad[] = {"", "1st", "a-b", "int", "a234567890123456789012345678901234567890"};
    bp_c_options o = bp_c_defaults();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.name = bad[i];
        assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_ERR_ARGUMENT, "names");
    }
    o = bp_c_defaults();
    o.type = BP_I16;
    assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_ERR_ARGUMENT, "i16");
    o.type = BP_I8;
    assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_ERR_ARGUMENT, "data");
    assert_error(bp_model_export_c(NULL, m, "", NULL), BP_ERR_ARGUMENT, "path");
    assert_error(bp_model_export_c(NULL, m, "/nowhere/no.c", NULL), BP_ERR_IO, "/nowhere");
    o = bp_c_defaults();
    o.header = in_folder("no.c");
    assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), &o), BP_ERR_ARGUMENT, "both");
    ((float *)bp_param_data(bp_graph_param(bp_model_graph(m), 0)))[1] = NAN;
    assert_error(bp_model_export_c(NULL, m, in_folder("no.c"), NULL), BP_ERR_NUMERIC, "finite");
    assert_int_not_equal(access(in_folder("no.c"), F_OK), 0);
    bp_model_free(m);
}

/* Doubles that no float holds are no numbers in a source of floats. */
static void test_too_large(void **state)
{
    (void)state;
    static const double huge = 1e300, tiny = 1e-300, one = 1;
    const kind k = {.net = "", .inputs = 1, .outputs = 1, .task = BP_REGRESS};
    double x = 1e30, y = 1;
    bp_data data = {.rows = 1, .inputs = 1, .x = &x, .x_type = BP_F64, .targets = 1, .y = &y};
    for (int what = 0; what < 5; what++) {
        bp_model *m = make_model(&k, BP_F64);
        bp_c_options o = bp_c_defaults();
        bp_node *w = bp_graph_param(bp_model_graph(m), 0);
        o.calibrate = &data;
        if (what == 0) {
            assert_ok(bp_param_set(w, &huge));
        } else if (what == 1) {
            assert_ok(bp_model_set_scaling(m, 1, &huge, &one));
        } else if (what == 2) {
            assert_ok(bp_model_set_output_scaling(m, 1, &tiny, &huge));
        } else if (what == 3) {
            assert_ok(bp_param_set(bp_graph_param(bp_model_graph(m), 1), &huge));
        } else {
            const double large = 3e38;
            assert_ok(bp_param_set(w, &large));
            o.type = BP_I8; /* the weight is a float, its product with a step is none */
        }
        assert_error(bp_model_export_c(NULL, m, in_folder("large.c"), &o), BP_ERR_NUMERIC,
                     "finite number of type float");
        o.type = BP_F64;
        assert_ok(bp_model_export_c(NULL, m, in_folder("large.c"), &o));
        bp_model_free(m);
    }
}

static int export_twice(void *ctx)
{
    bp_c_options o = bp_c_defaults();
    o.header = in_folder("pair.h");
    bp_status status = bp_model_export_c(NULL, ctx, in_folder("pair.c"), &o);
    return status == BP_ERR_IO ? 0 : 1;
}

/* Where the disk is full before the source is complete, header and source both stay what they were. */
static void test_both_or_none(void **state)
{
    (void)state;
    const kind k = {.net = "dense 50 relu", .inputs = 20, .outputs = 3};
    bp_model *m = make_model(&k, BP_F32);
    write_file(in_folder("pair.h"), "old h", 5);
    write_file(in_folder("pair.c"), "old c", 5);
    int files = files_in(folder);
    assert_int_equal(with_file_limit(6000, export_twice, m), 0);
    bytes h = read_file(in_folder("pair.h")), c = read_file(in_folder("pair.c"));
    assert_int_equal(h.size, 5);
    assert_int_equal(c.size, 5);
    assert_memory_equal(h.data, "old h", 5);
    assert_int_equal(files_in(folder), files);
    free(h.data);
    free(c.data);
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),  cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_self_test),    cmocka_unit_test(test_self_test_fails),
        cmocka_unit_test(test_int8),         cmocka_unit_test(test_int8_refuses),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_exact_weights),
        cmocka_unit_test(test_freestanding), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_large),    cmocka_unit_test(test_scratch),
        cmocka_unit_test(test_both_or_none),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
