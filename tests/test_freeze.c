/* test_freeze.c - frozen parameters: no bit of them changes, whatever trains the others, and the others learn as if the
 * frozen ones were constants. */
#include "support.h"

#include <math.h>
#include <string.h>

enum { ROWS = 60, INPUTS = 3, HIDDEN = 5 };

static double x[ROWS * INPUTS], y[ROWS];

static void make_data(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < INPUTS; j++) {
            x[i * INPUTS + j] = sin(1.7 * (double)(i * INPUTS + j));
        }
        y[i] = x[i * INPUTS] - x[i * INPUTS + 1] * x[i * INPUTS + 2];
    }
}

static bp_model *new_model(bp_type type)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = INPUTS;
    o.outputs = 1;
    o.task = BP_REGRESS;
    o.net = "dense 5 tanh, dense 5 tanh";
    o.type = type;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static bp_status train(bp_model *m, const bp_optimizer_options *optimizer)
{
    bp_data d = {.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64, .targets = 1, .y = y};
    bp_train_options o = bp_train_defaults();
    o.optimizer = *optimizer;
    o.epochs = 5;
    return bp_train(NULL, m, &d, &o);
}

static size_t bytes_of(const bp_node *n, bp_type type)
{
    return bp_node_size(n) * bp_type_size(type);
}

/* Trains with layer `layer` frozen, which has a -0 in it: its bits stay, all others change. */
static void expect_frozen(const bp_optimizer_options *optimizer, bp_type type, size_t layer)
{
    bp_model *m = new_model(type), *before;
    bp_layer_info info;
    double values[HIDDEN * HIDDEN];
    assert_true(bp_model_layer(m, layer, &info));
    assert_ok(bp_param_get(info.w, values));
    values[1] = -0.0;
    assert_ok(bp_param_set(info.w, values));
    bp_param_freeze(info.w, true);
    bp_param_freeze(info.b, true);
    assert_ok(bp_model_copy(&before, m, NULL));
    assert_ok(train(m, optimizer));
    for (size_t i = 0; i < bp_graph_params(bp_model_graph(m)); i++) {
        const bp_node *now = bp_graph_param(bp_model_graph(m), i), *then = bp_graph_param(bp_model_graph(before), i);
        bool same = memcmp(bp_param_values(now), bp_param_values(then), bytes_of(now, type)) == 0;
        assert_int_equal(bp_param_frozen(now), bp_param_frozen(then));
        if (same != bp_param_frozen(now)) {
            fail_msg("%s, layer %zu frozen: %s %s", bp_optimizer_name(optimizer->kind), layer, bp_node_name(now),
                     same ? "did not change" : "changed");
        }
    }
    bp_model_free(before);
    bp_model_free(m);
}

static void test_every_optimizer(void **state)
{
    (void)state;
    for (int k = 0; k < BP_OPTIMIZERS; k++) {
        for (size_t layer = 0; layer < 3; layer++) {
            bp_optimizer_options o = bp_optimizer_defaults((bp_optimizer_kind)k);
            expect_frozen(&o, BP_F32, layer);
            o.l2 = 0.01; /* penalties of frozen weights move nothing either */
            expect_frozen(&o, BP_F64, layer);
            if (!bp_optimizer_full_batch(o.kind)) {
                o.weight_decay = 0.01;
                o.clip_norm = 0.1;
                expect_frozen(&o, BP_F32, layer);
            }
        }
    }
}

/* Gradients of the other layers are those of the whole network; the frozen one has none, nor what lies before it. */
static void test_gradients(void **state)
{
    (void)state;
    bp_model *m = new_model(BP_F64);
    bp_layer_info info[3];
    bp_session *whole, *part;
    double expected[HIDDEN * HIDDEN], found[HIDDEN * HIDDEN];
    bp_session_options o = bp_session_defaults();
    o.max_rows = ROWS;
    o.input_gradients = false;
    const bp_node *loss = bp_model_loss_node(m);
    assert_ok(bp_session_new(&whole, bp_model_graph(m), &loss, 1, &o));
    for (size_t i = 0; i < 3; i++) {
        assert_true(bp_model_layer(m, i, &info[i]));
        bp_param_freeze(info[i].w, i < 2);
        bp_param_freeze(info[i].b, i < 2);
    }
    assert_ok(bp_session_new(&part, bp_model_graph(m), &loss, 1, &o));
    assert_true(bp_session_flops(part) < bp_session_flops(whole));
    bp_session *both[] = {whole, part};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(bp_session_set(both[i], bp_model_x(m), x, ROWS));
        assert_ok(bp_session_set(both[i], bp_model_target(m), y, ROWS));
        assert_ok(bp_forward(both[i], ROWS));
        assert_ok(bp_backward(both[i]));
    }
    assert_ok(bp_session_gradient(whole, info[2].w, expected));
    assert_ok(bp_session_gradient(part, info[2].w, found));
    for (size_t i = 0; i < HIDDEN; i++) {
        assert_true(found[i] != 0);
        assert_near(found[i], expected[i], 0);
    }
    assert_int_not_equal(bp_session_gradient(part, info[0].w, found), BP_OK);
    assert_int_not_equal(bp_session_gradient(part, info[1].w, found), BP_OK);
    bp_session_free(whole);
    bp_session_free(part);
    bp_model_free(m);
}

/* ---- frozen is constant ---- */

typedef struct pair {
    bp_graph *graph;
    bp_node *x, *t, *w[2], *b[2], *loss;
} pair;

static void start_values(double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = cos(2.3 * (double)i + 1);
    }
}

/* w or b of layer `layer`: a parameter, or a constant of the same values. */
static bp_node *leaf(bp_graph *g, const char *name, bp_shape shape, bool constant)
{
    double values[HIDDEN * HIDDEN];
    start_values(values, HIDDEN * HIDDEN);
    return constant ? bp_constant_array(g, shape, values) : bp_param(g, name, shape);
}

/* Two layers and their squared error, written out; of the first, w and b are constants, or to be frozen. */
static pair new_pair(bool constant)
{
    pair p = {.graph = bp_graph_new(BP_F32, NULL)};
    p.x = bp_input(p.graph, "x", bp_shape1(INPUTS));
    p.t = bp_input(p.graph, "t", bp_shape1(1));
    p.w[0] = leaf(p.graph, "w0", bp_shape2(INPUTS, HIDDEN), constant);
    p.b[0] = leaf(p.graph, "b0", bp_shape1(HIDDEN), constant);
    p.w[1] = leaf(p.graph, "w1", bp_shape2(HIDDEN, 1), false);
    p.b[1] = leaf(p.graph, "b1", bp_shape1(1), false);
    bp_node *a = bp_dense(p.x, p.w[0], p.b[0], BP_TANH);
    p.loss = bp_squared_error(bp_affine(a, p.w[1], p.b[1]), p.t);
    assert_ok(bp_graph_compile(p.graph));
    for (size_t i = 0; i < bp_graph_params(p.graph); i++) {
        double values[HIDDEN * HIDDEN];
        start_values(values, HIDDEN * HIDDEN);
        assert_ok(bp_param_set(bp_graph_param(p.graph, i), values));
    }
    return p;
}

static void steps(const pair *p, const bp_optimizer_options *options, int count)
{
    bp_session *s;
    bp_optimizer *o;
    bp_session_options so = bp_session_defaults();
    so.max_rows = ROWS;
    so.input_gradients = false;
    const bp_node *target = p->loss;
    assert_ok(bp_session_new(&s, p->graph, &target, 1, &so));
    assert_ok(bp_optimizer_new(&o, p->graph, options));
    assert_ok(bp_session_set(s, p->x, x, ROWS));
    assert_ok(bp_session_set(s, p->t, y, ROWS));
    for (int i = 0; i < count; i++) {
        assert_ok(bp_optimizer_step(o, s, ROWS));
    }
    bp_optimizer_free(o);
    bp_session_free(s);
}

/* What PyTorch calls requires_grad = False is a constant: after many steps the other layer has the same bits either way. */
static void test_frozen_is_constant(void **state)
{
    (void)state;
    for (int k = 0; k < BP_OPTIMIZERS; k++) {
        bp_optimizer_options o = bp_optimizer_defaults((bp_optimizer_kind)k);
        if (o.kind == BP_LBFGS) { /* by bp_train alone */
            continue;
        }
        o.l2 = 0.01;
        o.clip_norm = o.kind == BP_RPROP ? 0 : 0.5; /* of the joint norm, a frozen gradient must be no part */
        pair frozen = new_pair(false), constant = new_pair(true);
        bp_param_freeze(frozen.w[0], true);
        bp_param_freeze(frozen.b[0], true);
        steps(&frozen, &o, 40);
        steps(&constant, &o, 40);
        for (size_t i = 0; i < 2; i++) {
            const bp_node *a = i ? frozen.b[1] : frozen.w[1], *b = i ? constant.b[1] : constant.w[1];
            assert_memory_equal(bp_param_values(a), bp_param_values(b), bytes_of(a, BP_F32));
        }
        bp_graph_free(frozen.graph);
        bp_graph_free(constant.graph);
    }
}

/* A session that was made before still has the gradient, but it moves nothing. */
static void expect_frozen_late(bp_optimizer_kind kind)
{
    pair p = new_pair(false);
    bp_session *s;
    bp_optimizer *o;
    bp_optimizer_options options = bp_optimizer_defaults(kind);
    bp_session_options so = bp_session_defaults();
    float before[INPUTS * HIDDEN];
    so.max_rows = ROWS;
    const bp_node *target = p.loss;
    assert_ok(bp_session_new(&s, p.graph, &target, 1, &so));
    assert_ok(bp_optimizer_new(&o, p.graph, &options));
    bp_param_freeze(p.w[0], true);
    memcpy(before, bp_param_values(p.w[0]), sizeof before);
    assert_ok(bp_session_set(s, p.x, x, ROWS));
    assert_ok(bp_session_set(s, p.t, y, ROWS));
    assert_ok(bp_optimizer_step(o, s, ROWS));
    assert_memory_equal(before, bp_param_values(p.w[0]), sizeof before);
    bp_optimizer_free(o);
    bp_session_free(s);
    bp_graph_free(p.graph);
}

static void test_frozen_late(void **state)
{
    (void)state;
    expect_frozen_late(BP_ADAM);
    expect_frozen_late(BP_RPROP);
}

static bp_check_report *checked(bp_model *m)
{
    bp_session *s;
    bp_check_report *report;
    bp_session_options o = bp_session_defaults();
    bp_check_options check = bp_check_defaults();
    o.max_rows = ROWS;
    check.inputs = false;
    const bp_node *loss = bp_model_loss_node(m);
    assert_ok(bp_session_new(&s, bp_model_graph(m), &loss, 1, &o));
    assert_ok(bp_session_set(s, bp_model_x(m), x, ROWS));
    assert_ok(bp_session_set(s, bp_model_target(m), y, ROWS));
    assert_ok(bp_gradient_check(&report, s, bp_model_graph(m), ROWS, &check));
    bp_session_free(s);
    return report;
}

static void test_gradient_check(void **state)
{
    (void)state;
    bp_model *m = new_model(BP_F64);
    bp_graph *g = bp_model_graph(m);
    for (size_t frozen = 0; frozen <= bp_graph_params(g); frozen++) {
        bp_check_report *r = checked(m);
        assert_int_equal(r->count, bp_graph_params(g) - frozen);
        assert_int_equal(r->passed, r->count > 0);
        bp_check_report_free(r);
        if (frozen < bp_graph_params(g)) {
            bp_param_freeze(bp_graph_param(g, frozen), true);
        }
    }
    bp_model_free(m);
}

static void test_nothing_to_train(void **state)
{
    (void)state;
    bp_model *m = new_model(BP_F32);
    for (size_t i = 0; i < bp_graph_params(bp_model_graph(m)); i++) {
        bp_param_freeze(bp_graph_param(bp_model_graph(m), i), true);
    }
    bp_optimizer_options o = bp_optimizer_defaults(BP_ADAM);
    assert_int_equal(train(m, &o), BP_ERR_ARGUMENT);
    assert_non_null(strstr(bp_error(), "all parameters are frozen"));
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_optimizer),    cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_frozen_is_constant), cmocka_unit_test(test_frozen_late),
        cmocka_unit_test(test_gradient_check),     cmocka_unit_test(test_nothing_to_train),
    };
    make_data();
    return cmocka_run_group_tests_name("freeze", tests, choose_kernel, NULL);
}
