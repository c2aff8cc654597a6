/* test_graph_edges.c - the computation graph at its edges: kinks of every op, gradients that are zero, an objective that is a
 * parameter, rows of weight 0, masks of dropout, senseless sizes. test_graph.c has what lies between them. */
#include "support.h"

#include <string.h>

/* Every op that has kinks knows where: element 1 lies on one, the others do not. */
static void kinks_of_every_op(void **state)
{
    (void)state;
    const double at[] = {0, 0, 1e-9, 1, -1}; /* of |d| at 0 both sides make 0, which is right */
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        bp_graph *g = bp_graph_new(BP_F64, NULL);
        bp_node *x = bp_input(g, "x", bp_shape1(3)), *t = bp_input(g, "t", bp_shape1(3));
        bp_node *y = i == 0   ? bp_sum(bp_elu(x, 0.5))
                     : i == 1 ? bp_sum(bp_leaky_relu(x, 0.1))
                     : i == 2 ? bp_absolute_error(x, t)
                              : bp_huber(x, t, 1);
        const bp_node *targets[] = {y};
        assert_ok(bp_graph_compile(g));
        bp_session *s;
        bp_check_report *r;
        assert_ok(bp_session_new(&s, g, targets, 1, NULL));
        assert_ok(bp_session_set(s, x, (double[]){0.3, at[i], -0.4}, 1));
        assert_int_equal(bp_session_set(s, t, (double[]){0, 0, 0}, 1), i < 2 ? BP_ERR_STATE : BP_OK);
        assert_ok(bp_gradient_check(&r, s, g, 1, NULL));
        for (size_t k = 0; k < r->count; k++) {
            assert_int_equal(r->rows[k].kinks, 1);
            assert_int_equal(r->rows[k].checked, 2);
        }
        assert_true(r->passed);
        bp_check_report_free(r);
        bp_session_free(s);
        bp_graph_free(g);
    }
}

/* A gradient that is zero everywhere agrees with its numerical estimate, but shows nothing. */
static void zero_gradients_do_not_pass(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(2));
    const bp_node *targets[] = {bp_sum(bp_relu(x))};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    bp_check_report *r;
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    assert_ok(bp_session_set(s, x, (double[]){-1, -2}, 1));
    assert_ok(bp_gradient_check(&r, s, g, 1, NULL));
    assert_true(r->rows[0].all_zero && r->rows[0].checked == 2 && r->rows[0].max_rel == 0);
    assert_false(r->rows[0].passed || r->passed);
    bp_check_report_free(r);
    bp_session_free(s);
    bp_graph_free(g);
}

/* L = w: nothing lies between the objective and the parameter. */
static void objective_is_a_parameter(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *w = bp_param(g, "w", bp_shape1(1));
    const bp_node *targets[] = {w};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    bp_session_options so = bp_session_defaults();
    assert_ok(bp_session_new(&s, g, targets, 1, &so));
    assert_ok(bp_session_set_weights(s, (double[]){3}, 1)); /* of rows, which this objective does not have */
    assert_ok(bp_param_set(w, (double[]){2}));
    assert_ok(bp_forward(s, 1));
    assert_ok(bp_backward(s));
    assert_near(bp_session_objective(s), 2, 0);
    double value;
    assert_ok(bp_session_gradient(s, w, &value));
    assert_near(value, 1, 0);
    assert_ok(bp_param_set(w, (double[]){0}));
    bp_session_free(s);
    bp_optimizer *o;
    bp_optimizer_options oo = bp_optimizer_defaults(BP_SGD);
    assert_ok(bp_optimizer_new(&o, g, &oo));
    so.stream_updates = true; /* there is no tile to stream */
    assert_ok(bp_session_new(&s, g, targets, 1, &so));
    assert_int_equal(bp_optimizer_step(o, s, 1), BP_ERR_STATE);
    bp_session_free(s);
    so.stream_updates = false;
    assert_ok(bp_session_new(&s, g, targets, 1, &so));
    assert_ok(bp_optimizer_step(o, s, 1));
    assert_ok(bp_param_get(w, &value));
    assert_near(value, -0.1, 1e-15);
    bp_session_free(s);
    bp_optimizer_free(o);
    bp_graph_free(g);
}

/* A row of weight 0 is left out, even where its loss is infinite. */
static void weight_zero_leaves_out(void **state)
{
    (void)state;
    counter c = {0};
    bp_allocator a = counting(&c);
    bp_graph *g = bp_graph_new(BP_F64, &a);
    bp_node *x = bp_input(g, "x", bp_shape1(1));
    const bp_node *targets[] = {bp_exp(x)};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    bp_session_options o = bp_session_defaults();
    o.max_rows = 2;
    assert_ok(bp_session_new(&s, g, targets, 1, &o));
    assert_ok(bp_session_set(s, x, (double[]){0, 1000}, 2));
    assert_ok(bp_session_set_weights(s, (double[]){3, 0}, 2));
    assert_ok(bp_forward(s, 2));
    assert_near(bp_session_objective(s), 1.5, 0);
    bp_session_free(s);
    bp_graph_free(g);
    assert_int_equal(c.live, 0); /* the weights are given back, too */
}

/* Every dropout of a graph, every row, step and seed has a mask of its own; the same ones give the same mask. */
static void masks_of_dropout(void **state)
{
    (void)state;
    enum { N = 64 };
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(N));
    const bp_node *targets[] = {bp_dropout(x, 0.5), bp_dropout(x, 0.5)};
    double ones[2 * N], one[2 * N], other[2 * N];
    for (size_t i = 0; i < 2 * N; i++) {
        ones[i] = 1;
    }
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    bp_session_options o = bp_session_defaults();
    o.max_rows = 2;
    o.gradients = false;
    o.training = true;
    assert_ok(bp_session_new(&s, g, targets, 2, &o));
    assert_ok(bp_session_set(s, x, ones, 2));
    assert_ok(bp_forward(s, 2));
    assert_ok(bp_session_get(s, targets[0], one));
    assert_ok(bp_session_get(s, targets[1], other));
    assert_memory_not_equal(one, other, sizeof one);
    assert_memory_not_equal(one, one + N, N * sizeof *one);
    bp_session_set_step(s, 1);
    assert_ok(bp_forward(s, 2));
    assert_ok(bp_session_get(s, targets[0], other));
    assert_memory_not_equal(one, other, sizeof one);
    bp_session_set_step(s, 0);
    assert_ok(bp_forward(s, 2));
    assert_ok(bp_session_get(s, targets[0], other));
    assert_memory_equal(one, other, sizeof one);
    bp_session_set_training(s, false);
    assert_ok(bp_forward(s, 2));
    assert_ok(bp_session_get(s, targets[0], other));
    assert_memory_equal(ones, other, sizeof ones);
    bp_session_free(s);
    o.seed = 2;
    assert_ok(bp_session_new(&s, g, targets, 2, &o));
    assert_ok(bp_session_set(s, x, ones, 2));
    assert_ok(bp_forward(s, 2));
    assert_ok(bp_session_get(s, targets[0], other));
    assert_memory_not_equal(one, other, sizeof one);
    bp_session_free(s);
    bp_graph_free(g);
}

/* Nodes without a name of their own; a graph that could not be made. */
static void made_up_names_and_no_graph(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F32, NULL);
    bp_node *x = bp_input(g, NULL, bp_shape1(2)), *p = bp_param(g, NULL, bp_shape1(2));
    assert_string_equal(bp_node_name(x), "input:0");
    assert_string_equal(bp_node_name(p), "param:1");
    assert_ptr_equal(bp_graph_find(g, "param:1"), p);
    bp_graph_free(g);
    assert_null(bp_input(NULL, "x", bp_shape1(2)));
    assert_null(bp_input(NULL, "x", bp_shape1(0)));
    assert_null(bp_param(NULL, "w", bp_shape1(2)));
    assert_null(bp_constant(NULL, 1));
    assert_int_equal(bp_graph_compile(NULL), BP_ERR_ARGUMENT);
}

/* What makes no sense for any graph. */
static void sessions_of_senseless_sizes(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    assert_null(bp_input(g, "x", bp_shape1(SIZE_MAX - 3)));
    assert_int_equal(bp_graph_compile(g), BP_ERR_SHAPE);
    assert_non_null(strstr(bp_error(), "too large"));
    bp_graph_free(g);
    g = bp_graph_new(BP_F64, NULL);
    const bp_node *targets[] = {bp_sum(bp_input(g, NULL, bp_shape1(2)))};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    const int threads[] = {-1, INT32_MAX};
    for (size_t i = 0; i < 2; i++) {
        bp_session_options o = bp_session_defaults();
        o.threads = threads[i];
        assert_int_equal(bp_session_new(&s, g, targets, 1, &o), BP_ERR_ARGUMENT);
        assert_null(s);
    }
    bp_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinks_of_every_op),
        cmocka_unit_test(zero_gradients_do_not_pass),
        cmocka_unit_test(objective_is_a_parameter),
        cmocka_unit_test(weight_zero_leaves_out),
        cmocka_unit_test(masks_of_dropout),
        cmocka_unit_test(made_up_names_and_no_graph),
        cmocka_unit_test(sessions_of_senseless_sizes),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
