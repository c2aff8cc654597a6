/* test_golden_ops.c - single ops against PyTorch: value and gradient of each, double precision, every kernel set.
 *
 * golden/ops.json has functions of one number at points that include kinks and both tails ("maps"), and ops on vectors
 * with the gradients of L = mean over rows of sum_j c_j y_j to each of their operands ("ops"). How they came about is
 * written in golden/make_golden.py. */
#include "golden/golden.h"

static const golden_tolerance tolerance = {1e-9, 1e-6};
static json_t *golden; /* ops.json, loaded once */

static bp_node *leaky_relu_default(bp_node *x)
{
    return bp_leaky_relu(x, 0.01);
}

static bp_node *leaky_relu_steep(bp_node *x)
{
    return bp_leaky_relu(x, 0.2);
}

static bp_node *elu_default(bp_node *x)
{
    return bp_elu(x, 1);
}

static bp_node *elu_low(bp_node *x)
{
    return bp_elu(x, 0.7);
}

static const struct {
    const char *name;
    bp_node *(*build)(bp_node *x);
} unary[] = {
    {"linear", bp_linear},
    {"sigmoid", bp_sigmoid},
    {"tanh", bp_tanh},
    {"relu", bp_relu},
    {"leaky_relu", leaky_relu_default},
    {"leaky_relu 0.2", leaky_relu_steep},
    {"elu", elu_default},
    {"elu 0.7", elu_low},
    {"gelu", bp_gelu},
    {"gelu_tanh", bp_gelu_tanh},
    {"silu", bp_silu},
    {"softplus", bp_softplus},
    {"neg", bp_neg},
    {"exp", bp_exp},
    {"log", bp_log},
    {"sqrt", bp_sqrt},
    {"square", bp_square},
    {"sum", bp_sum},
    {"mean", bp_mean},
    {"softmax", bp_softmax},
};

static const struct {
    const char *name;
    bp_node *(*build)(bp_node *a, bp_node *b);
} binary[] = {
    {"add", bp_add},
    {"sub", bp_sub},
    {"mul", bp_mul},
    {"div", bp_div},
    {"matmul", bp_matmul},
    {"squared_error", bp_squared_error},
    {"absolute_error", bp_absolute_error},
    {"softmax_cross_entropy", bp_softmax_cross_entropy},
    {"sigmoid_bce", bp_sigmoid_bce},
};

/* The node of an op of the JSON. b and c: the second and third operand, where the op has them. */
static bp_node *build_op(const json_t *op, bp_node *a, bp_node *b, bp_node *c)
{
    const char *name = golden_text(op, "op");
    for (size_t i = 0; i < sizeof unary / sizeof unary[0]; i++)
        if (strcmp(unary[i].name, name) == 0)
            return unary[i].build(a);
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++)
        if (strcmp(binary[i].name, name) == 0)
            return binary[i].build(a, b);
    if (strcmp(name, "huber") == 0)
        return bp_huber(a, b, golden_number(op, "delta"));
    if (strcmp(name, "affine") == 0)
        return bp_affine(a, b, c);
    if (strcmp(name, "dense") == 0) {
        bp_activation f;
        golden_ok(bp_activation_parse(&f, golden_text(op, "activation")));
        return bp_dense(a, b, c, f);
    }
    fail_msg("golden values: no op \"%s\"", name);
    return NULL;
}

static bp_session *new_session(bp_graph *g, const bp_node *objective, size_t rows)
{
    bp_session_options o = bp_session_defaults();
    o.max_rows = rows;
    bp_session *s = NULL;
    golden_ok(bp_graph_compile(g));
    golden_ok(bp_session_new(&s, g, &objective, 1, &o));
    return s;
}

/* ---- functions of one number ------------------------------------------------------------------------------------ */

static size_t check_map(const json_t *map)
{
    char label[100];
    (void)snprintf(label, sizeof label, "%s, %s", golden_text(map, "op"), bp_kernel_name());
    golden_array x = golden_numbers(golden_get(map, "x")), y = golden_numbers(golden_get(map, "y"));
    golden_array dx = golden_numbers(golden_get(map, "dx"));
    size_t n = x.count;
    assert_true(y.count == n && dx.count == n);
    double *found = golden_alloc(n, sizeof *found);

    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *in = bp_input(g, "x", bp_shape1(1)), *out = build_op(map, in, NULL, NULL);
    bp_session *s = new_session(g, out, n);
    golden_ok(bp_session_set(s, in, x.v, n));
    golden_ok(bp_forward(s, n));
    golden_ok(bp_backward(s));
    golden_ok(bp_session_get(s, out, found));
    size_t bad = golden_differences(label, "y", found, y.v, n, tolerance);
    golden_ok(bp_session_gradient(s, in, found));
    for (size_t i = 0; i < n; i++)
        found[i] *= (double)n; /* the objective is the mean over the n rows */
    bad += golden_differences(label, "dy/dx", found, dx.v, n, tolerance);
    bp_session_free(s);
    bp_graph_free(g);
    free(found);
    free(x.v);
    free(y.v);
    free(dx.v);
    return bad;
}

/* ---- ops on vectors --------------------------------------------------------------------------------------------- */

enum { MAX_OPERANDS = 3 };

typedef struct operand {
    const char *name;
    golden_array value;
    bp_node *node;
} operand;

/* "w", and "b" beside it, are parameters; everything else is an input with one row a sample. */
static bp_node *operand_node(bp_graph *g, const json_t *op, const char *name, const json_t *value)
{
    size_t cols = json_array_size(json_array_get(value, 0));
    if (strcmp(name, "w") == 0)
        return bp_param(g, name, bp_shape2(json_array_size(value), cols));
    if (strcmp(name, "b") == 0 && json_object_get(golden_get(op, "in"), "w"))
        return bp_param(g, name, bp_shape1(cols));
    return bp_input(g, name, bp_shape1(cols));
}

/* Operands in the order in which they are written. */
static size_t operands_new(operand operands[MAX_OPERANDS], bp_graph *g, const json_t *op)
{
    static const char *const order[] = {"a", "w", "b", "t"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const json_t *value = json_object_get(golden_get(op, "in"), order[i]);
        if (!value)
            continue;
        assert_true(n < MAX_OPERANDS);
        operands[n].name = order[i];
        operands[n].value = golden_numbers(value);
        operands[n++].node = operand_node(g, op, order[i], value);
    }
    for (size_t i = n; i < MAX_OPERANDS; i++)
        operands[i].node = NULL;
    return n;
}

static void set_operands(bp_session *s, const operand *operands, size_t n, size_t rows)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(bp_node_op(operands[i].node), "param") == 0)
            golden_ok(bp_param_set(operands[i].node, operands[i].value.v));
        else
            golden_ok(bp_session_set(s, operands[i].node, operands[i].value.v, rows));
}

static size_t check_gradients(const char *label, const json_t *op, const bp_session *s, operand *operands, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *gradient = json_object_get(golden_get(op, "gradient"), operands[i].name);
        if (!gradient) /* the number of a class has none */
            continue;
        golden_array wanted = golden_numbers(gradient);
        double *found = golden_alloc(wanted.count, sizeof *found);
        golden_ok(bp_session_gradient(s, operands[i].node, found));
        bad += golden_differences(label, operands[i].name, found, wanted.v, wanted.count, tolerance);
        free(found);
        free(wanted.v);
    }
    return bad;
}

static size_t check_op(const json_t *op)
{
    char label[100];
    (void)snprintf(label, sizeof label, "%s, %s", golden_text(op, "op"), bp_kernel_name());
    golden_array c = golden_numbers(golden_get(op, "c")), y = golden_numbers(golden_get(op, "y"));
    size_t rows = golden_size(op, "rows");
    operand operands[MAX_OPERANDS];
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    size_t n = operands_new(operands, g, op);
    bp_node *out = build_op(op, operands[0].node, operands[1].node, operands[2].node);
    bp_node *objective = bp_sum(bp_mul(out, bp_constant_array(g, bp_shape1(c.count), c.v)));
    bp_session *s = new_session(g, objective, rows);
    set_operands(s, operands, n, rows);
    golden_ok(bp_forward(s, rows));
    golden_ok(bp_backward(s));
    assert_int_equal(y.count, rows * bp_node_size(out));
    double *found = golden_alloc(y.count, sizeof *found);
    golden_ok(bp_session_get(s, out, found));
    size_t bad = golden_differences(label, "y", found, y.v, y.count, tolerance);
    bad += check_gradients(label, op, s, operands, n);
    for (size_t i = 0; i < n; i++)
        free(operands[i].value.v);
    free(found);
    free(c.v);
    free(y.v);
    bp_session_free(s);
    bp_graph_free(g);
    return bad;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void check_all(const char *list, size_t (*check)(const json_t *))
{
    const json_t *cases = golden_get(golden, list);
    size_t bad = 0;
    for (size_t k = 0; bp_kernel_available(k); k++) {
        golden_ok(bp_kernel_select(bp_kernel_available(k)));
        for (size_t i = 0; i < json_array_size(cases); i++)
            bad += check(json_array_get(cases, i)) != 0;
    }
    golden_ok(bp_kernel_select(bp_kernel_available(0)));
    assert_true(json_array_size(cases) > 0);
    assert_int_equal(bad, 0);
}

static void test_maps(void **state)
{
    (void)state;
    check_all("maps", check_map);
}

static void test_ops(void **state)
{
    (void)state;
    check_all("ops", check_op);
}

static int load(void **state)
{
    (void)state;
    golden = golden_load("ops.json");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_ops),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
