/* test_graph.c - the computation graph: worked examples, every op against numerical differentiation, fused ops against
 * their compositions, gradients that meet in one node, and builders that fail. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "graph/ops.h"

enum { ROWS = 3 };

/* ---- the classic examples ---- */

static double gradient_of(bp_session *s, bp_node *n)
{
    double g;
    assert_ok(bp_session_gradient(s, n, &g));
    return g;
}

static void apples(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *price = bp_input(g, "apple price", bp_shape1(1)), *count = bp_input(g, "apples", bp_shape1(1));
    bp_node *tax = bp_input(g, "tax", bp_shape1(1)), *total = bp_mul(bp_mul(price, count), tax);
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    const bp_node *targets[] = {total};
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    assert_ok(bp_session_set(s, price, (double[]){100}, 1));
    assert_ok(bp_session_set(s, count, (double[]){2}, 1));
    assert_ok(bp_session_set(s, tax, (double[]){1.1}, 1));
    assert_ok(bp_forward(s, 1));
    assert_ok(bp_backward(s));
    assert_near(bp_session_objective(s), 220, 1e-14);
    assert_near(gradient_of(s, price), 2.2, 1e-14);
    assert_near(gradient_of(s, count), 110, 1e-14);
    assert_near(gradient_of(s, tax), 200, 1e-14);
    bp_session_free(s);
    bp_graph_free(g);
}

static void apples_and_oranges(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    const char *names[] = {"apple price", "apples", "orange price", "oranges", "tax"};
    double values[] = {100, 2, 150, 3, 1.1}, expected[] = {2.2, 110, 3.3, 165, 650};
    bp_node *x[5];
    for (size_t i = 0; i < 5; i++) {
        x[i] = bp_input(g, names[i], bp_shape1(1));
    }
    bp_node *total = bp_mul(bp_add(bp_mul(x[0], x[1]), bp_mul(x[2], x[3])), x[4]);
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    const bp_node *targets[] = {total};
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    for (size_t i = 0; i < 5; i++) {
        assert_ok(bp_session_set(s, x[i], &values[i], 1));
    }
    assert_ok(bp_forward(s, 1));
    assert_ok(bp_backward(s));
    assert_near(bp_session_objective(s), 715, 1e-14);
    for (size_t i = 0; i < 5; i++) {
        assert_near(gradient_of(s, x[i]), expected[i], 1e-14);
    }
    bp_session_free(s);
    bp_graph_free(g);
}

/* z = (x + y)^2, both as square(u) and as u u: the gradients of a node that is used twice add up. */
static void square_of_sum(void **state)
{
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        bp_graph *g = bp_graph_new(BP_F64, NULL);
        bp_node *x = bp_input(g, "x", bp_shape1(1)), *y = bp_param(g, "y", bp_shape1(1));
        bp_node *u = bp_add(x, y), *z = twice ? bp_mul(u, u) : bp_square(u);
        assert_ok(bp_graph_compile(g));
        bp_session *s;
        const bp_node *targets[] = {z};
        bp_session_options o = bp_session_defaults();
        o.max_rows = 2;
        assert_ok(bp_session_new(&s, g, targets, 1, &o));
        assert_ok(bp_param_set(y, (double[]){3}));
        assert_ok(bp_session_set(s, x, (double[]){2, -5}, 2));
        assert_ok(bp_forward(s, 2));
        assert_ok(bp_backward(s));
        double dx[2], dy;
        assert_ok(bp_session_gradient(s, x, dx));
        assert_ok(bp_session_gradient(s, y, &dy));
        assert_near(bp_session_objective(s), (25 + 4) / 2.0, 1e-14);
        assert_near(dx[0], 2 * 5 / 2.0, 1e-14); /* the objective is the mean of two rows */
        assert_near(dx[1], 2 * -2 / 2.0, 1e-14);
        assert_near(dy, dx[0] + dx[1], 1e-14);
        bp_session_free(s);
        bp_graph_free(g);
    }
}

/* ---- every op against numerical differentiation ---- */

typedef struct scene {
    bp_graph *g;
    bp_node *x, *x2, *p; /* two inputs and a parameter, n elements each */
    bp_node *one;        /* an input of one element */
    size_t n;
} scene;

typedef bp_node *(*build_fn)(scene *c);

/* Numbers in (0.2, 1.2), the second half of them negative unless positive is set: away from kinks and poles. */
static double number(size_t i, bool positive)
{
    double v = 0.2 + fmod(0.6180339887 * (double)(i * i + 3 * i + 1), 1.0);
    return positive || i % 2 == 0 ? v : -v;
}

static void fill(bp_session *s, bp_node *n, bool positive, size_t salt)
{
    double values[ROWS * 300];
    for (size_t i = 0; i < ROWS * bp_node_size(n); i++) {
        values[i] = number(i + salt, positive);
    }
    assert_ok(bp_session_set(s, n, values, ROWS));
}

static void fill_params(bp_graph *g, bool positive)
{
    for (size_t k = 0; k < bp_graph_params(g); k++) {
        bp_node *p = bp_graph_param(g, k);
        double values[3000];
        for (size_t i = 0; i < bp_node_size(p); i++) {
            values[i] = number(i + 7 * k, positive);
        }
        assert_ok(bp_param_set(p, values));
    }
}

/* A random linear functional makes one number of any node, with a different gradient for each element. */
static bp_node *objective(scene *c, bp_node *y)
{
    if (!y || bp_node_size(y) == 1) {
        return y;
    }
    double weights[300];
    for (size_t i = 0; i < bp_node_size(y); i++) {
        weights[i] = number(i + 5, false);
    }
    return bp_sum(bp_mul(y, bp_constant_array(c->g, bp_node_shape(y), weights)));
}

#define UNARY(name, call)                                                                                              \
    static bp_node *build_##name(scene *c)                                                                             \
    {                                                                                                                  \
        return call;                                                                                                   \
    }
UNARY(add, bp_add(c->x, c->x2))
UNARY(sub, bp_sub(c->x, c->x2))
UNARY(mul, bp_mul(c->x, c->x2))
UNARY(div, bp_div(c->x, c->x2))
UNARY(add_row, bp_add(c->p, c->x))
UNARY(sub_row, bp_sub(c->p, c->x))
UNARY(mul_row, bp_mul(c->x, c->p))
UNARY(div_row, bp_div(c->x, c->p))
UNARY(div_by_rows, bp_div(c->p, c->x))
UNARY(sub_scalar, bp_sub(c->x, c->one))
UNARY(mul_scalar, bp_mul(c->one, c->x))
UNARY(div_scalar, bp_div(c->x, c->one))
UNARY(scalar_div, bp_div(c->one, c->x))
UNARY(mul_param_scalar, bp_mul(bp_param(c->g, "s", bp_shape1(1)), c->x))
UNARY(div_param_scalar, bp_div(c->x, bp_param(c->g, "s", bp_shape1(1))))
UNARY(neg, bp_neg(c->x))
UNARY(exp, bp_exp(c->x))
UNARY(log, bp_log(c->x))
UNARY(sqrt, bp_sqrt(c->x))
UNARY(square, bp_square(c->x))
UNARY(sum, bp_mul(bp_sum(c->x), bp_sum(c->x2)))
UNARY(mean, bp_mul(bp_mean(c->x), bp_mean(c->x2)))
UNARY(matmul, bp_matmul(c->x, bp_param(c->g, "w", bp_shape2(c->n, 5))))
UNARY(matmul_one, bp_matmul(c->x, bp_param(c->g, "w", bp_shape2(c->n, 1))))
UNARY(affine, bp_affine(c->x, bp_param(c->g, "w", bp_shape2(c->n, 7)), bp_param(c->g, "b", bp_shape1(7))))
UNARY(linear, bp_linear(c->x))
UNARY(sigmoid, bp_sigmoid(c->x))
UNARY(tanh, bp_tanh(c->x))
UNARY(relu, bp_relu(c->x))
UNARY(leaky_relu, bp_leaky_relu(c->x, 0.2))
UNARY(elu, bp_elu(c->x, 1))
UNARY(elu_alpha, bp_elu(c->x, 0.7))
UNARY(gelu, bp_gelu(c->x))
UNARY(gelu_tanh, bp_gelu_tanh(c->x))
UNARY(silu, bp_silu(c->x))
UNARY(softplus, bp_softplus(c->x))
UNARY(softmax, bp_softmax(c->x))
UNARY(dropout, bp_dropout(c->x, 0.3))
UNARY(squared_error, bp_squared_error(c->x, c->x2))
UNARY(absolute_error, bp_absolute_error(c->x, c->x2))
UNARY(huber, bp_huber(c->x, c->x2, 0.5))
UNARY(cross_entropy, bp_softmax_cross_entropy(c->x, c->x2))
UNARY(bce, bp_sigmoid_bce(c->x, c->x2))
UNARY(shared, bp_mul(bp_sum(bp_square(bp_sub(c->p, bp_constant(c->g, 0.1)))), bp_sum(bp_mul(c->p, c->x))))

static bp_node *build_tied(scene *c)
{
    bp_node *w = bp_param(c->g, "w", bp_shape2(c->n, 4));
    return bp_mul(bp_matmul(c->x, w), bp_matmul(c->x2, w));
}

#define DENSE(name, f)                                                                                                 \
    UNARY(dense_##name, bp_dense(c->x, bp_param(c->g, "w", bp_shape2(c->n, 6)), bp_param(c->g, "b", bp_shape1(6)), f))
DENSE(linear, BP_LINEAR)
DENSE(sigmoid, BP_SIGMOID)
DENSE(tanh, BP_TANH)
DENSE(relu, BP_RELU)
DENSE(leaky_relu, BP_LEAKY_RELU)
DENSE(elu, BP_ELU)
DENSE(gelu, BP_GELU)
DENSE(gelu_tanh, BP_GELU_TANH)
DENSE(silu, BP_SILU)
DENSE(softplus, BP_SOFTPLUS)

typedef struct op_case {
    const char *op; /* the row of the op table that it is about */
    build_fn build;
    bool positive; /* inputs above 0 */
    size_t least;  /* elements of a sample at least */
} op_case;

static const op_case cases[] = {
    {"add", build_add, false, 1},
    {"sub", build_sub, false, 1},
    {"mul", build_mul, false, 1},
    {"div", build_div, false, 1},
    {"add", build_add_row, false, 1},
    {"sub", build_sub_row, false, 1},
    {"mul", build_mul_row, false, 1},
    {"div", build_div_row, false, 1},
    {"div", build_div_by_rows, false, 1},
    {"sub", build_sub_scalar, false, 1},
    {"mul", build_mul_scalar, false, 1},
    {"div", build_div_scalar, false, 1},
    {"div", build_scalar_div, false, 1},
    {"mul", build_mul_param_scalar, false, 1},
    {"div", build_div_param_scalar, false, 1},
    {"neg", build_neg, false, 1},
    {"exp", build_exp, false, 1},
    {"log", build_log, true, 1},
    {"sqrt", build_sqrt, true, 1},
    {"square", build_square, false, 1},
    {"sum", build_sum, false, 1},
    {"mean", build_mean, false, 1},
    {"matmul", build_matmul, false, 1},
    {"matmul", build_matmul_one, false, 1},
    {"matmul", build_tied, false, 1},
    {"affine", build_affine, false, 1},
    {"dense", build_dense_linear, false, 1},
    {"dense", build_dense_sigmoid, false, 1},
    {"dense", build_dense_tanh, false, 1},
    {"dense", build_dense_relu, false, 1},
    {"dense", build_dense_leaky_relu, false, 1},
    {"dense", build_dense_elu, false, 1},
    {"dense", build_dense_gelu, false, 1},
    {"dense", build_dense_gelu_tanh, false, 1},
    {"dense", build_dense_silu, false, 1},
    {"dense", build_dense_softplus, false, 1},
    {"linear", build_linear, false, 1},
    {"sigmoid", build_sigmoid, false, 1},
    {"tanh", build_tanh, false, 1},
    {"relu", build_relu, false, 1},
    {"leaky_relu", build_leaky_relu, false, 1},
    {"elu", build_elu, false, 1},
    {"elu", build_elu_alpha, false, 1},
    {"gelu", build_gelu, false, 1},
    {"gelu_tanh", build_gelu_tanh, false, 1},
    {"silu", build_silu, false, 1},
    {"softplus", build_softplus, false, 1},
    {"softmax", build_softmax, false, 2},
    {"dropout", build_dropout, false, 3},
    {"squared_error", build_squared_error, false, 1},
    {"absolute_error", build_absolute_error, false, 1},
    {"huber", build_huber, false, 1},
    {"softmax_cross_entropy", build_cross_entropy, true, 2},
    {"sigmoid_bce", build_bce, true, 1},
    {"mul", build_shared, false, 1},
};
enum { CASES = sizeof cases / sizeof *cases };

static bp_check_report *check_case(const op_case *k, size_t n)
{
    scene c = {.g = bp_graph_new(BP_F64, NULL), .n = n};
    c.x = bp_input(c.g, "x", bp_shape1(n));
    c.x2 = bp_input(c.g, "x2", bp_shape1(n));
    c.one = bp_input(c.g, "one", bp_shape1(1));
    c.p = bp_param(c.g, "p", bp_shape1(n));
    bp_node *y = k->build(&c);
    bp_node *loss = objective(&c, y);
    assert_ok(bp_graph_compile(c.g));
    bp_session *s;
    const bp_node *targets[] = {loss};
    bp_session_options o = bp_session_defaults();
    o.max_rows = ROWS;
    o.training = true;
    assert_ok(bp_session_new(&s, c.g, targets, 1, &o));
    fill_params(c.g, k->positive);
    bp_node *inputs[] = {c.x, c.x2, c.one};
    for (size_t i = 0; i < 3; i++) {
        if (s->slots[inputs[i]->index].needed) {
            fill(s, inputs[i], k->positive, 11 * i);
        }
    }
    bp_check_report *report;
    bp_check_options co = bp_check_defaults();
    co.sample = 0;
    assert_ok(bp_gradient_check(&report, s, c.g, ROWS, &co));
    bp_session_free(s);
    bp_graph_free(c.g);
    return report;
}

static void gradients_of_every_op(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 2, 7, 16, 130};
    for (size_t i = 0; i < CASES; i++) {
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            if (sizes[z] < cases[i].least) {
                continue;
            }
            bp_check_report *r = check_case(&cases[i], sizes[z]);
            assert_true(r->count > 0);
            for (size_t t = 0; t < r->count; t++) {
                if (!r->rows[t].passed) {
                    print_error(
                        "%s (case %zu), %zu elements, %zu of %zu compared, %zu kinks: largest relative difference %g, "
                        "%.17g by back-propagation, %.17g numerically\n",
                        cases[i].op, i, sizes[z], r->rows[t].checked, r->rows[t].size, r->rows[t].kinks,
                        r->rows[t].max_rel, r->rows[t].worst_backprop, r->rows[t].worst_numeric);
                }
                assert_true(r->rows[t].passed);
                assert_true(r->rows[t].max_rel <= 1e-6);
                assert_int_equal(r->rows[t].checked + r->rows[t].kinks, r->rows[t].size);
                assert_true(r->rows[t].kinks == 0);
            }
            bp_check_report_free(r);
        }
    }
}

/* A new row in the table without a gradient test is an error. */
static void every_op_has_a_case(void **state)
{
    (void)state;
    for (size_t i = 0; bp_op_list(i).name; i++) {
        bp_op_info op = bp_op_list(i);
        bool found = op.arity == 0;
        for (size_t k = 0; k < CASES && !found; k++) {
            found = strcmp(cases[k].op, op.name) == 0;
        }
        if (!found) {
            print_error("op \"%s\" has no gradient test\n", op.name);
        }
        assert_true(found);
        assert_true(op.formula && *op.formula && op.gradient && *op.gradient);
    }
}

/* Class targets: the same loss and gradient as the one-hot distribution. */
static void class_targets(void **state)
{
    (void)state;
    double z[ROWS * 4], classes[ROWS] = {2, 0, 3}, onehot[ROWS * 4] = {0}, loss[2], dz[2][ROWS * 4];
    for (size_t i = 0; i < ROWS * 4; i++) {
        z[i] = 3 * number(i, false);
    }
    for (size_t r = 0; r < ROWS; r++) {
        onehot[r * 4 + (size_t)classes[r]] = 1;
    }
    for (int k = 0; k < 2; k++) {
        bp_graph *g = bp_graph_new(BP_F64, NULL);
        bp_node *x = bp_input(g, "z", bp_shape1(4)), *t = bp_input(g, "t", bp_shape1(k ? 4 : 1));
        const bp_node *targets[] = {bp_softmax_cross_entropy(x, t)};
        assert_ok(bp_graph_compile(g));
        bp_session *s;
        bp_session_options o = bp_session_defaults();
        o.max_rows = ROWS;
        assert_ok(bp_session_new(&s, g, targets, 1, &o));
        assert_ok(bp_session_set(s, x, z, ROWS));
        assert_ok(bp_session_set(s, t, k ? onehot : classes, ROWS));
        assert_ok(bp_forward(s, ROWS));
        assert_ok(bp_backward(s));
        loss[k] = bp_session_objective(s);
        assert_ok(bp_session_gradient(s, x, dz[k]));
        if (k == 0) { /* the number of a class has no gradient, and says so */
            double none[ROWS];
            assert_int_equal(bp_session_gradient(s, t, none), BP_ERR_STATE);
            assert_non_null(strstr(bp_error(), "\"t\""));
        }
        bp_session_free(s);
        bp_graph_free(g);
    }
    assert_near(loss[0], loss[1], 1e-15);
    for (size_t i = 0; i < ROWS * 4; i++) {
        assert_near(dz[0][i], dz[1][i], 1e-15);
    }
}

/* ---- the checker notices what is broken ---- */

static void flip_sign(const bp_run *r)
{
    bp_map_backward(r);
    bp_mat dx = bp_grad(r, r->n->in[0]);
    r->k->map[BP_MAP_NEG](r->rows, r->n->size, dx, (bp_cmat){dx.p, dx.ld}, 0);
}

static void drop_one(const bp_run *r)
{
    bp_map_backward(r);
    bp_mat dx = bp_grad(r, r->n->in[0]);
    ((double *)dx.p)[r->n->size - 1] = 0;
}

static void all_zero(const bp_run *r)
{
    bp_mat dx = bp_grad(r, r->n->in[0]);
    for (size_t i = 0; i < r->rows; i++) {
        memset((double *)dx.p + i * dx.ld, 0, r->n->size * sizeof(double));
    }
}

static void not_a_number(const bp_run *r)
{
    bp_map_backward(r);
    ((double *)bp_grad(r, r->n->in[0]).p)[0] = NAN;
}

static void slightly_off(const bp_run *r)
{
    bp_map_backward(r);
    ((double *)bp_grad(r, r->n->in[0]).p)[0] *= 1 + 1e-5;
}

static bool passes_with(void (*backward)(const bp_run *))
{
    bp_op op = bp_op_table[BP_OP_SQUARE];
    op.backward = backward;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(5));
    bp_node like = {.op = &op, .in = {x}, .shape = x->shape, .size = 5, .batched = true};
    bp_node *y = bp_sum(bp_node_add(g, &like, NULL));
    assert_ok(bp_graph_compile(g));
    const bp_node *targets[] = {y};
    bp_session *s;
    bp_session_options o = bp_session_defaults();
    o.max_rows = ROWS;
    assert_ok(bp_session_new(&s, g, targets, 1, &o));
    fill(s, x, false, 0);
    bp_check_report *r;
    assert_ok(bp_gradient_check(&r, s, g, ROWS, NULL));
    bool passed = r->passed;
    assert_int_equal(r->rows[0].passed, passed);
    bp_check_report_free(r);
    bp_session_free(s);
    bp_graph_free(g);
    return passed;
}

static void broken_backwards_are_noticed(void **state)
{
    (void)state;
    assert_true(passes_with(bp_map_backward));
    assert_false(passes_with(flip_sign));
    assert_false(passes_with(drop_one));
    assert_false(passes_with(all_zero));
    assert_false(passes_with(not_a_number));
    assert_false(passes_with(slightly_off));
}

/* At a kink there is no derivative: it is named and left out. Next to one, a smaller step is taken. */
static void kinks_are_named(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(4)), *y = bp_relu(x);
    const bp_node *targets[] = {bp_sum(bp_mul(y, y))};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    bp_check_report *r;
    assert_ok(bp_session_set(s, x, (double[]){0.5, 3e-6, -0.5, 2}, 1));
    assert_ok(bp_gradient_check(&r, s, g, 1, NULL));
    assert_int_equal(r->rows[0].kinks, 0);
    assert_true(r->passed);
    bp_check_report_free(r);
    bp_session_free(s);
    bp_graph_free(g);

    g = bp_graph_new(BP_F64, NULL);
    x = bp_input(g, "x", bp_shape1(3));
    y = bp_relu(x);
    const bp_node *sum[] = {bp_sum(y)};
    assert_ok(bp_graph_compile(g));
    assert_ok(bp_session_new(&s, g, sum, 1, NULL));
    assert_ok(bp_session_set(s, x, (double[]){0.5, 0, 1e-9}, 1));
    assert_ok(bp_gradient_check(&r, s, g, 1, NULL));
    assert_int_equal(r->rows[0].checked, 1);
    assert_int_equal(r->rows[0].kinks, 2);
    assert_string_equal(r->rows[0].kink, bp_node_name(y));
    assert_true(r->passed);
    bp_check_report_free(r);
    bp_session_free(s);
    bp_graph_free(g);
}

/* The kink of an op that depends on a parameter alone is found, too. */
static void kinks_of_parameters(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(2)), *p = bp_param(g, "p", bp_shape1(2)), *y = bp_relu(p);
    const bp_node *targets[] = {bp_sum(bp_mul(x, y))};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    assert_ok(bp_param_set(p, (double[]){0, 1.5}));
    assert_ok(bp_session_set(s, x, (double[]){2, 3}, 1));
    bp_check_options o = bp_check_defaults();
    o.inputs = false;
    bp_check_report *r;
    assert_ok(bp_gradient_check(&r, s, g, 1, &o));
    assert_int_equal(r->rows[0].kinks, 1);
    assert_string_equal(r->rows[0].kink, bp_node_name(y));
    assert_true(r->passed);
    bp_check_report_free(r);
    bp_session_free(s);
    bp_graph_free(g);
}

/* Nothing is read before it is there. */
static void gradients_that_are_not_there(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(1)), *w = bp_param(g, "w", bp_shape1(1));
    const bp_node *targets[] = {bp_square(bp_mul(x, w))};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    double value;
    assert_int_equal(bp_session_get(s, targets[0], &value), BP_ERR_STATE);
    assert_int_equal(bp_session_gradient(s, w, &value), BP_ERR_STATE);
    assert_ok(bp_session_set(s, x, (double[]){2}, 1));
    bp_optimizer_options o = bp_optimizer_defaults(BP_SGD);
    bp_optimizer *optimizer;
    assert_ok(bp_optimizer_new(&optimizer, g, &o));
    assert_ok(bp_optimizer_step(optimizer, s, 1));
    assert_int_equal(bp_session_gradient(s, w, &value), BP_ERR_STATE); /* the step has used it up */
    assert_ok(bp_forward(s, 1));
    assert_ok(bp_backward(s));
    assert_ok(bp_session_gradient(s, w, &value));
    bp_optimizer_free(optimizer);
    bp_session_free(s);
    bp_graph_free(g);
}

static void numeric_gradient_call(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(2)), *w = bp_param(g, "w", bp_shape1(2));
    const bp_node *targets[] = {bp_sum(bp_mul(bp_square(x), w))};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    assert_ok(bp_param_set(w, (double[]){2, -1}));
    assert_ok(bp_session_set(s, x, (double[]){3, 4}, 1));
    double dx[2], dw[2], back[2];
    assert_int_equal(bp_numeric_gradient(s, g, x, 0, dx), BP_ERR_STATE); /* forward comes first */
    assert_ok(bp_forward(s, 1));
    assert_ok(bp_numeric_gradient(s, g, x, 0, dx));
    assert_ok(bp_numeric_gradient(s, g, w, 1e-4, dw));
    assert_near(dx[0], 12, 1e-9);
    assert_near(dx[1], -8, 1e-9);
    assert_near(dw[0], 9, 1e-9);
    assert_near(dw[1], 16, 1e-9);
    assert_ok(bp_session_get(s, x, back));
    assert_true(back[0] == 3 && back[1] == 4);
    assert_int_equal(bp_numeric_gradient(s, g, targets[0], 0, dx), BP_ERR_ARGUMENT);
    bp_session_free(s);
    bp_graph_free(g);
}

/* ---- fused ops against the compositions they replace ---- */

typedef struct outcome {
    double loss, dx[ROWS * 9], dw[9 * 6], db[6];
} outcome;

static outcome run_layer(bp_activation f, bool fused, bp_type type)
{
    outcome out;
    bp_graph *g = bp_graph_new(type, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(9)), *w = bp_param(g, "w", bp_shape2(9, 6));
    bp_node *b = bp_param(g, "b", bp_shape1(6));
    scene c = {.g = g, .n = 9};
    bp_node *a = fused ? bp_dense(x, w, b, f) : bp_activate(bp_add(bp_matmul(x, w), b), f);
    const bp_node *targets[] = {objective(&c, a)};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    bp_session_options o = bp_session_defaults();
    o.max_rows = ROWS;
    assert_ok(bp_session_new(&s, g, targets, 1, &o));
    fill(s, x, false, 1);
    fill_params(g, false);
    assert_ok(bp_forward(s, ROWS));
    assert_ok(bp_backward(s));
    out.loss = bp_session_objective(s);
    assert_ok(bp_session_gradient(s, x, out.dx));
    assert_ok(bp_session_gradient(s, w, out.dw));
    assert_ok(bp_session_gradient(s, b, out.db));
    bp_session_free(s);
    bp_graph_free(g);
    return out;
}

static void dense_equals_its_parts(void **state)
{
    (void)state;
    for (int f = 0; f < BP_SOFTMAX; f++) {
        for (int single = 0; single < 2; single++) {
            bp_type type = single ? BP_F32 : BP_F64;
            double tolerance = single ? 2e-6 : 1e-14;
            outcome a = run_layer((bp_activation)f, true, type), b = run_layer((bp_activation)f, false, type);
            assert_near(a.loss, b.loss, tolerance);
            for (size_t i = 0; i < ROWS * 9; i++) {
                assert_near(a.dx[i], b.dx[i], tolerance);
            }
            for (size_t i = 0; i < 9 * 6; i++) {
                assert_near(a.dw[i], b.dw[i], tolerance);
            }
            for (size_t i = 0; i < 6; i++) {
                assert_near(a.db[i], b.db[i], tolerance);
            }
        }
    }
}

/* -sum t ln softmax(z), and the two terms of BCE, written out with elementary ops. */
static void fused_losses_equal_their_parts(void **state)
{
    (void)state;
    for (int bce = 0; bce < 2; bce++) {
        bp_graph *g = bp_graph_new(BP_F64, NULL);
        bp_node *z = bp_input(g, "z", bp_shape1(4)), *t = bp_input(g, "t", bp_shape1(4)), *parts, *one;
        if (bce) {
            one = bp_constant(g, 1);
            bp_node *p = bp_sigmoid(z), *q = bp_mul(bp_sub(one, t), bp_log(bp_sub(one, p)));
            parts = bp_neg(bp_sum(bp_add(bp_mul(t, bp_log(p)), q)));
        } else {
            parts = bp_neg(bp_sum(bp_mul(t, bp_log(bp_softmax(z)))));
        }
        bp_node *fused = bce ? bp_sigmoid_bce(z, t) : bp_softmax_cross_entropy(z, t);
        assert_ok(bp_graph_compile(g));
        double loss[2], dz[2][ROWS * 4], dt[2][ROWS * 4];
        for (int k = 0; k < 2; k++) {
            const bp_node *targets[] = {k ? fused : parts};
            bp_session *s;
            bp_session_options o = bp_session_defaults();
            o.max_rows = ROWS;
            assert_ok(bp_session_new(&s, g, targets, 1, &o));
            fill(s, z, false, 0);
            fill(s, t, true, 3);
            assert_ok(bp_forward(s, ROWS));
            assert_ok(bp_backward(s));
            loss[k] = bp_session_objective(s);
            assert_ok(bp_session_gradient(s, z, dz[k]));
            assert_ok(bp_session_gradient(s, t, dt[k]));
            bp_session_free(s);
        }
        assert_near(loss[0], loss[1], 1e-14);
        for (size_t i = 0; i < ROWS * 4; i++) {
            assert_near(dz[0][i], dz[1][i], 1e-14);
            assert_near(dt[0][i], dt[1][i], 1e-14);
        }
        bp_graph_free(g);
    }
}

/* Logits of a thousand: the composition overflows, the fused op does not. */
static void fused_losses_are_stable(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F32, NULL);
    bp_node *z = bp_input(g, "z", bp_shape1(3)), *t = bp_input(g, "t", bp_shape1(1));
    const bp_node *targets[] = {bp_softmax_cross_entropy(z, t)};
    assert_ok(bp_graph_compile(g));
    bp_session *s;
    assert_ok(bp_session_new(&s, g, targets, 1, NULL));
    assert_ok(bp_session_set(s, z, (double[]){1000, -1000, 998}, 1));
    assert_ok(bp_session_set(s, t, (double[]){1}, 1));
    assert_ok(bp_forward(s, 1));
    assert_ok(bp_backward(s));
    double dz[3];
    assert_ok(bp_session_gradient(s, z, dz));
    assert_near(bp_session_objective(s), 2000.126928, 1e-6);
    assert_near(dz[0], 0.880797, 1e-5);
    assert_near(dz[1], -1, 1e-6);
    bp_session_free(s);
    bp_graph_free(g);
}

/* ---- builders that fail ---- */

static void first_error_is_kept(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F32, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(4)), *w = bp_param(g, "w", bp_shape2(5, 3));
    bp_node *y = bp_relu(bp_matmul(x, w)); /* 4 elements do not go into a 5x3 matrix */
    assert_null(y);
    assert_null(bp_add(y, x));
    assert_null(bp_param(g, "more", bp_shape1(2)));
    assert_int_equal(bp_graph_compile(g), BP_ERR_SHAPE);
    assert_non_null(strstr(bp_error(), "matmul"));
    assert_non_null(strstr(bp_error(), "5x3"));
    bp_graph_free(g);
}

static void bad_builds(void **state)
{
    (void)state;
    struct {
        const char *says;
        int which;
    } bad[] = {{"must be unique", 0}, {"only one depends", 1},   {"0 <= rate < 1", 2}, {"at least 1", 3},
               {"always 1", 4},       {"different graphs", 5},   {"bias", 6},          {"cannot be fused", 7},
               {"differ", 8},         {"depends on an input", 9}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bp_graph *g = bp_graph_new(BP_F32, NULL), *other = bp_graph_new(BP_F32, NULL);
        bp_node *x = bp_input(g, "x", bp_shape1(4)), *w = bp_param(g, "w", bp_shape2(4, 3)), *n = NULL;
        switch (bad[i].which) {
        case 0:
            n = bp_input(g, "w", bp_shape1(2));
            break;
        case 1:
            n = bp_squared_error(x, bp_param(g, "t", bp_shape1(4)));
            break;
        case 2:
            n = bp_dropout(x, 1);
            break;
        case 3:
            n = bp_param(g, "z", bp_shape2(3, 0));
            break;
        case 4:
            n = bp_softmax_cross_entropy(bp_sum(x), bp_input(g, "t", bp_shape1(1)));
            break;
        case 5:
            n = bp_add(x, bp_input(other, "y", bp_shape1(4)));
            break;
        case 6:
            n = bp_affine(x, w, bp_param(g, "b", bp_shape1(4)));
            break;
        case 7:
            n = bp_dense(x, w, bp_param(g, "b", bp_shape1(3)), BP_SOFTMAX);
            break;
        case 8:
            n = bp_add(x, bp_input(g, "y", bp_shape1(3)));
            break;
        case 9:
            n = bp_matmul(x, x);
            break;
        }
        assert_null(n);
        assert_int_not_equal(bp_graph_compile(g), BP_OK);
        if (!strstr(bp_error(), bad[i].says)) {
            print_error("case %zu says: %s\n", i, bp_error());
        }
        assert_non_null(strstr(bp_error(), bad[i].says));
        bp_graph_free(g);
        bp_graph_free(other);
    }
    assert_null(bp_graph_new(BP_U8, NULL));
}

static void sessions_refuse(void **state)
{
    (void)state;
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(4)), *y = bp_square(x), *unused = bp_input(g, "u", bp_shape1(1));
    const bp_node *vector[] = {y};
    const bp_node *targets[] = {bp_sum(y)};
    bp_session *s;
    assert_int_equal(bp_session_new(&s, g, targets, 1, NULL), BP_ERR_STATE); /* not compiled */
    assert_ok(bp_graph_compile(g));
    assert_int_equal(bp_session_new(&s, g, vector, 1, NULL), BP_ERR_SHAPE);
    bp_session_options o = bp_session_defaults();
    o.max_rows = SIZE_MAX;
    assert_int_not_equal(bp_session_new(&s, g, targets, 1, &o), BP_OK);
    assert_null(s);
    assert_null(bp_neg(x)); /* a compiled graph is closed */
    o = bp_session_defaults();
    assert_ok(bp_session_new(&s, g, targets, 1, &o));
    double v[4] = {1, 2, 3, 4};
    assert_int_equal(bp_backward(s), BP_ERR_STATE);
    assert_int_equal(bp_session_set(s, unused, v, 1), BP_ERR_STATE);
    assert_int_equal(bp_session_set(s, y, v, 1), BP_ERR_ARGUMENT);
    assert_int_equal(bp_session_set(s, x, v, 2), BP_ERR_ARGUMENT);
    assert_int_equal(bp_forward(s, 2), BP_ERR_ARGUMENT);
    assert_int_equal(bp_forward(s, 0), BP_ERR_ARGUMENT);
    bp_session_free(s);
    bp_graph_free(g);
}

/* Whatever allocation fails, the call says so and everything is given back. */
static void memory_runs_out(void **state)
{
    (void)state;
    for (size_t at = 1;; at++) {
        counter c = {.fail_at = at};
        bp_allocator a = counting(&c);
        bp_graph *g = bp_graph_new(BP_F32, &a);
        bp_status status = BP_ERR_MEMORY;
        bp_session *s = NULL;
        if (g) {
            bp_node *x = bp_input(g, "x", bp_shape1(3));
            bp_node *w = bp_param(g, "w", bp_shape2(3, 2)), *b = bp_param(g, "b", bp_shape1(2));
            const bp_node *targets[] = {bp_sum(bp_dense(x, w, b, BP_GELU))};
            status = bp_graph_compile(g);
            status = status == BP_OK ? bp_session_new(&s, g, targets, 1, NULL) : status;
        }
        bool failed = c.calls >= at;
        assert_int_equal(status, failed ? BP_ERR_MEMORY : BP_OK);
        bp_session_free(s);
        bp_graph_free(g);
        assert_int_equal(c.live, 0);
        if (!failed) {
            assert_true(at > 20);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apples),
        cmocka_unit_test(apples_and_oranges),
        cmocka_unit_test(square_of_sum),
        cmocka_unit_test(gradients_of_every_op),
        cmocka_unit_test(every_op_has_a_case),
        cmocka_unit_test(class_targets),
        cmocka_unit_test(broken_backwards_are_noticed),
        cmocka_unit_test(kinks_are_named),
        cmocka_unit_test(kinks_of_parameters),
        cmocka_unit_test(gradients_that_are_not_there),
        cmocka_unit_test(numeric_gradient_call),
        cmocka_unit_test(dense_equals_its_parts),
        cmocka_unit_test(fused_losses_equal_their_parts),
        cmocka_unit_test(fused_losses_are_stable),
        cmocka_unit_test(first_error_is_kept),
        cmocka_unit_test(bad_builds),
        cmocka_unit_test(sessions_refuse),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
