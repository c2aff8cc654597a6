/* test_math_doc.c - what docs/math.md says is what the library does: the numbers of its worked example, and that every op
 * and every update rule has its entry. */
#include "golden/golden.h"

static char *text; /* the document, read once */

/* ---- reading the document --------------------------------------------------------------------------------------- */

static char *read_document(void)
{
    const char *path = BP_SOURCE_DIR "/docs/math.md";
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    size_t capacity = 1 << 20;
    char *out = golden_alloc(capacity, 1);
    size_t n = fread(out, 1, capacity - 1, f);
    assert_int_equal(fclose(f), 0);
    assert_true(n > 0 && n < capacity - 1);
    return out;
}

/* The numbers of the line "name = ..." of the example, as many as are wanted. */
static void example(double *out, const char *name, size_t count)
{
    const char *block = strstr(text, "# worked example\n");
    assert_non_null(block);
    const char *end = strstr(block, "```");
    assert_non_null(end);
    char start[40];
    (void)snprintf(start, sizeof start, "\n%s ", name);
    const char *line = strstr(block, start);
    if (!line || line > end)
        fail_msg("docs/math.md: no line \"%s =\" in the worked example", name);
    const char *p = strchr(line, '=') + 1;
    for (size_t i = 0; i < count; i++) {
        char *after;
        out[i] = strtod(p, &after);
        if (after == p)
            fail_msg("docs/math.md: \"%s\" has %zu numbers, %zu were expected", name, i, count);
        p = after;
    }
}

/* ---- the worked example ----------------------------------------------------------------------------------------- */

enum { MAX_NUMBERS = 4 };

/* Eight decimals are printed. Returns 1 when the library's numbers round to others. */
static size_t differs(const char *name, const double *found, size_t count)
{
    double printed[MAX_NUMBERS];
    assert_true(count <= MAX_NUMBERS);
    example(printed, name, count);
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(printed[i] - found[i]) <= 5.01e-9)) {
            print_error("%s[%zu]: docs/math.md has %.8f, the library %.8f\n", name, i, printed[i], found[i]);
            return 1;
        }
    }
    return 0;
}

static size_t value_differs(const char *name, const bp_session *s, const bp_node *n)
{
    double found[MAX_NUMBERS];
    assert_non_null(n);
    assert_true(bp_node_size(n) <= MAX_NUMBERS);
    golden_ok(bp_session_get(s, n, found));
    return differs(name, found, bp_node_size(n));
}

static size_t gradient_differs(const char *name, const bp_session *s, const bp_node *n)
{
    double found[MAX_NUMBERS];
    assert_non_null(n);
    assert_true(bp_node_size(n) <= MAX_NUMBERS);
    golden_ok(bp_session_gradient(s, n, found));
    return differs(name, found, bp_node_size(n));
}

static void set_param(bp_node *param, const char *name)
{
    double values[MAX_NUMBERS];
    example(values, name, bp_node_size(param));
    golden_ok(bp_param_set(param, values));
}

/* The 2-2-1 network of the example and its two layers with weights. */
static bp_model *example_model(bp_layer_info layers[2], bool unfused)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = 2;
    o.outputs = 1;
    o.task = BP_REGRESS;
    o.net = "dense 2 sigmoid";
    o.output = "sigmoid";
    o.loss = "mse";
    o.type = BP_F64;
    o.unfused = unfused;
    bp_model *m = NULL;
    golden_ok(bp_model_new(&m, &o));
    size_t found = 0;
    bp_layer_info layer;
    for (size_t i = 0; bp_model_layer(m, i, &layer); i++)
        if (layer.w) {
            assert_true(found < 2);
            layers[found++] = layer;
        }
    assert_int_equal(found, 2);
    set_param(layers[0].w, "w1");
    set_param(layers[0].b, "b1");
    set_param(layers[1].w, "w2");
    set_param(layers[1].b, "b2");
    return m;
}

/* A session for the one sample, its input and target set. */
static bp_session *example_session(const bp_model *m)
{
    bp_session_options o = bp_session_defaults();
    const bp_node *loss = bp_model_loss_node(m);
    bp_session *s = NULL;
    golden_ok(bp_session_new(&s, bp_model_graph_const(m), &loss, 1, &o));
    double x[2], t[1];
    example(x, "x", 2);
    example(t, "t", 1);
    golden_ok(bp_session_set(s, bp_model_x(m), x, 1));
    golden_ok(bp_session_set(s, bp_model_target(m), t, 1));
    return s;
}

static size_t parameters_differ(const bp_layer_info layers[2])
{
    static const char *const names[] = {"w1_new", "b1_new", "w2_new", "b2_new"};
    const bp_node *params[] = {layers[0].w, layers[0].b, layers[1].w, layers[1].b};
    double found[MAX_NUMBERS];
    size_t bad = 0;
    for (size_t i = 0; i < 4; i++) {
        golden_ok(bp_param_get(params[i], found));
        bad += differs(names[i], found, bp_node_size(params[i]));
    }
    return bad;
}

/* One update with the example's learning rate, then the loss with the new weights. */
static size_t step_differs(bp_model *m, bp_session *s, const bp_layer_info layers[2])
{
    bp_optimizer_options o = bp_optimizer_defaults(BP_SGD);
    example(&o.lr, "lr", 1);
    bp_optimizer *optimizer = NULL;
    golden_ok(bp_optimizer_new(&optimizer, bp_model_graph(m), &o));
    golden_ok(bp_optimizer_step(optimizer, s, 1));
    size_t bad = parameters_differ(layers);
    golden_ok(bp_forward(s, 1));
    double loss = bp_session_objective(s);
    bad += differs("loss_new", &loss, 1);
    bp_optimizer_free(optimizer);
    return bad;
}

static void test_worked_example(void **state)
{
    (void)state;
    bp_layer_info l[2];
    bp_model *m = example_model(l, true);
    bp_session *s = example_session(m);
    golden_ok(bp_forward(s, 1));
    golden_ok(bp_backward(s));
    size_t bad = value_differs("z1", s, l[0].z) + value_differs("a1", s, l[0].a) + value_differs("z2", s, l[1].z) +
                 value_differs("a2", s, l[1].a) + value_differs("loss", s, bp_model_loss_node(m));
    bad += gradient_differs("da2", s, l[1].a) + gradient_differs("delta2", s, l[1].z) +
           gradient_differs("db2", s, l[1].b) + gradient_differs("dw2", s, l[1].w);
    bad += gradient_differs("da1", s, l[0].a) + gradient_differs("delta1", s, l[0].z) +
           gradient_differs("db1", s, l[0].b) + gradient_differs("dw1", s, l[0].w) +
           gradient_differs("dx", s, bp_model_x(m));
    bad += step_differs(m, s, l);
    bp_session_free(s);
    bp_model_free(m);
    assert_int_equal(bad, 0);
}

/* The fused network keeps delta as the gradient of a layer; everything else is the same. */
static void test_worked_example_fused(void **state)
{
    (void)state;
    bp_layer_info l[2];
    bp_model *m = example_model(l, false);
    bp_session *s = example_session(m);
    golden_ok(bp_forward(s, 1));
    golden_ok(bp_backward(s));
    assert_string_equal(bp_node_op(l[0].a), "dense");
    size_t bad = value_differs("a1", s, l[0].a) + value_differs("loss", s, bp_model_loss_node(m)) +
                 gradient_differs("delta1", s, l[0].a) + gradient_differs("dw1", s, l[0].w) +
                 gradient_differs("dw2", s, l[1].w) + gradient_differs("dx", s, bp_model_x(m));
    bad += step_differs(m, s, l);
    bp_session_free(s);
    bp_model_free(m);
    assert_int_equal(bad, 0);
}

/* ---- completeness ----------------------------------------------------------------------------------------------- */

/* Whether the document has the name in code quotes. */
static bool documented(const char *name)
{
    char quoted[80];
    (void)snprintf(quoted, sizeof quoted, "`%s`", name);
    return strstr(text, quoted) != NULL;
}

static void test_every_op_documented(void **state)
{
    (void)state;
    size_t missing = 0, index = 0;
    for (; bp_op_list(index).name; index++)
        if (!documented(bp_op_list(index).name)) {
            print_error("docs/math.md, section 5, has no `%s`\n", bp_op_list(index).name);
            missing++;
        }
    assert_true(index > 0);
    assert_int_equal(missing, 0);
    assert_false(documented("no_such_op"));
}

static void test_every_rule_documented(void **state)
{
    (void)state;
    for (int kind = 0; kind < BP_OPTIMIZERS; kind++)
        if (!documented(bp_optimizer_name((bp_optimizer_kind)kind)))
            fail_msg("docs/math.md, section 8, has no `%s`", bp_optimizer_name((bp_optimizer_kind)kind));
}

static int load(void **state)
{
    (void)state;
    text = read_document();
    return 0;
}

static int unload(void **state)
{
    (void)state;
    free(text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_worked_example_fused),
        cmocka_unit_test(test_every_op_documented),
        cmocka_unit_test(test_every_rule_documented),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
