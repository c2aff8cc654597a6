/* test_transfer.c - layers of one model as the start of another, and freezing them by their numbers. */
#include "support.h"

#include <string.h>

static bp_model *new_model(size_t inputs, const char *net, size_t outputs, bp_task task, uint64_t seed)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = inputs;
    o.outputs = outputs;
    o.task = task;
    o.net = net;
    o.seed = seed;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static bp_model *classifier(const char *net, size_t classes, uint64_t seed)
{
    return new_model(4, net, classes, BP_CLASSIFY, seed);
}

/* Whether w and b of layer i have the same values in both. */
static bool same_layer(const bp_model *a, const bp_model *b, size_t i)
{
    enum { MOST = 64 };
    bp_layer_info x, y;
    double one[MOST], other[MOST];
    assert_true(bp_model_layer(a, i, &x) && bp_model_layer(b, i, &y));
    assert_true(bp_node_size(x.w) <= MOST && bp_node_size(y.w) <= MOST);
    if (bp_node_size(x.w) != bp_node_size(y.w)) {
        return false;
    }
    assert_ok(bp_param_get(x.w, one));
    assert_ok(bp_param_get(y.w, other));
    if (memcmp(one, other, bp_node_size(x.w) * sizeof *one) != 0) {
        return false;
    }
    assert_ok(bp_param_get(x.b, one));
    assert_ok(bp_param_get(y.b, other));
    return memcmp(one, other, bp_node_size(x.b) * sizeof *one) == 0;
}

static void set_bias(const bp_model *m, size_t i, double value)
{
    bp_layer_info l;
    double values[16];
    assert_true(bp_model_layer(m, i, &l));
    for (size_t k = 0; k < bp_node_size(l.b); k++) {
        values[k] = value + (double)k;
    }
    assert_ok(bp_param_set(l.b, values));
}

static const char *const letters[] = {"a", "b", "c"};

static bp_model *source(void)
{
    const double mean = 3, scale = 0.25;
    bp_model *m = classifier("dense 6 relu, dropout 0.2, dense 5 tanh", 3, 1);
    for (size_t i = 0; i < 4; i++) {
        if (i != 1) {
            set_bias(m, i, 0.5 * (double)i + 1);
        }
    }
    assert_ok(bp_model_set_scaling(m, 1, &mean, &scale));
    assert_ok(bp_model_set_classes(m, letters));
    return m;
}

static void expect_scaling(const bp_model *m)
{
    const double *mean, *scale;
    assert_int_equal(bp_model_scaling(m, &mean, &scale), 1);
    assert_true(mean[0] == 3 && scale[0] == 0.25);
}

static void test_all(void **state)
{
    (void)state;
    size_t taken = 99;
    bp_model *from = source(), *to = classifier("dense 6 relu, dropout 0.5, dense 5 tanh", 3, 2);
    assert_false(same_layer(to, from, 0));
    assert_ok(bp_model_transfer(&taken, to, from, 0));
    assert_int_equal(taken, 4);
    assert_true(same_layer(to, from, 0) && same_layer(to, from, 2) && same_layer(to, from, 3));
    assert_string_equal(bp_model_class(to, 1), "b");
    expect_scaling(to);
    bp_model_free(to);
    bp_model_free(from);
}

/* Another number of classes, or numbers: the head stays new, and so does what belongs to it. */
static void test_other_head(void **state)
{
    (void)state;
    const struct {
        size_t outputs;
        bp_task task;
    } heads[] = {{2, BP_CLASSIFY}, {7, BP_CLASSIFY}, {3, BP_REGRESS}};
    bp_model *from = source();
    for (size_t i = 0; i < 3; i++) {
        size_t taken;
        const char *net = "dense 6 relu, dropout 0.2, dense 5 tanh";
        bp_model *to = new_model(4, net, heads[i].outputs, heads[i].task, 2), *same;
        assert_ok(bp_model_copy(&same, to, NULL));
        assert_ok(bp_model_transfer(&taken, to, from, 0));
        assert_int_equal(taken, 3);
        assert_true(same_layer(to, from, 0) && same_layer(to, from, 2) && same_layer(to, same, 3));
        assert_null(bp_model_class(to, 0));
        expect_scaling(to);
        bp_model_free(same);
        bp_model_free(to);
    }
    bp_model_free(from);
}

/* Two classes with one unit, and one number between 0 and 1: alike in form, not in meaning. */
static void test_other_meaning(void **state)
{
    (void)state;
    size_t taken;
    bp_model *m[2];
    for (size_t i = 0; i < 2; i++) {
        bp_model_options o = bp_model_defaults();
        o.inputs = 4;
        o.net = "dense 5 tanh";
        o.task = i ? BP_REGRESS : BP_CLASSIFY;
        o.outputs = i ? 1 : 2;
        o.output = "sigmoid";
        o.loss = "bce";
        o.seed = i + 1;
        assert_ok(bp_model_new(&m[i], &o));
    }
    assert_ok(bp_model_transfer(&taken, m[1], m[0], 0));
    assert_int_equal(taken, 1);
    assert_int_equal(bp_model_transfer(&taken, m[1], m[0], 2), BP_ERR_SHAPE);
    assert_int_equal(taken, 0);
    assert_non_null(strstr(bp_error(), "\"dense 1 sigmoid, 5 -> 1, for 2 classes\" there and "
                                       "\"dense 1 sigmoid, 5 -> 1, for 1 numbers\" here"));
    bp_model_free(m[0]);
    bp_model_free(m[1]);
}

/* The first layers into a deeper network of another type. */
static void test_some(void **state)
{
    (void)state;
    size_t taken;
    bp_model_options o = bp_model_defaults();
    bp_model *from = source(), *to;
    o.inputs = 4;
    o.outputs = 3;
    o.net = "dense 6 relu, dropout 0.1, dense 5 tanh, dense 5 tanh";
    o.type = BP_F64;
    o.seed = 2;
    assert_ok(bp_model_new(&to, &o));
    assert_int_equal(bp_model_transfer(&taken, to, from, 0), BP_ERR_SHAPE);
    assert_non_null(strstr(bp_error(), "4 there and 5 here; say how many"));
    assert_ok(bp_model_transfer(&taken, to, from, 1));
    assert_int_equal(taken, 1);
    assert_true(same_layer(to, from, 0) && !same_layer(to, from, 2));
    assert_ok(bp_model_transfer(&taken, to, from, 3));
    assert_true(same_layer(to, from, 2));
    assert_null(bp_model_class(to, 0));
    assert_int_equal(bp_model_transfer(&taken, to, from, 4), BP_ERR_SHAPE); /* the head on a hidden layer */
    assert_int_equal(bp_model_transfer(&taken, to, from, 6), BP_ERR_SHAPE);
    assert_non_null(strstr(bp_error(), "more were asked for"));
    bp_model_free(to);
    bp_model_free(from);
}

/* What does not fit is named, and nothing is changed. */
static void test_unlike(void **state)
{
    (void)state;
    const struct {
        size_t inputs;
        const char *net, *text;
    } cases[] = {
        {5, "dense 6 relu, dropout 0.2, dense 5 tanh",
         "layer 0 is \"dense 6 relu, 4 -> 6\" there and \"dense 6 relu, 5 -> 6\" here"},
        {4, "dense 6 tanh, dropout 0.2, dense 5 tanh", "\"dense 6 tanh, 4 -> 6\" here"},
        {4, "dense 6 relu, dropout 0.2, dense 8 tanh",
         "layer 2 is \"dense 5 tanh, 6 -> 5\" there and \"dense 8 tanh, 6 -> 8\" here"},
        {4, "dense 6 relu, dense 5 tanh, dropout 0.2", "layer 1 is \"dropout 0.2, 6 -> 6\" there"},
    };
    bp_model *from = source();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bp_model *to = new_model(cases[i].inputs, cases[i].net, 3, BP_CLASSIFY, 2), *same;
        const double *mean, *scale;
        assert_ok(bp_model_copy(&same, to, NULL));
        assert_int_equal(bp_model_transfer(NULL, to, from, 0), BP_ERR_SHAPE);
        if (!strstr(bp_error(), cases[i].text)) {
            fail_msg("%s", bp_error());
        }
        assert_true(same_layer(to, same, 0) && same_layer(to, same, 3));
        assert_int_equal(bp_model_scaling(to, &mean, &scale), 0);
        bp_model_free(same);
        bp_model_free(to);
    }
    bp_model *from_head = classifier("", 3, 1), *to_head = classifier("", 4, 1);
    assert_int_equal(bp_model_transfer(NULL, to_head, from_head, 0), BP_ERR_SHAPE);
    bp_model_free(from_head);
    bp_model_free(to_head);
    bp_model *from_drop = classifier("dropout 0.2, dense 6 relu", 3, 1);
    bp_model *to_drop = new_model(5, "dropout 0.2, dense 6 relu", 3, BP_CLASSIFY, 1);
    assert_int_equal(bp_model_transfer(NULL, to_drop, from_drop, 1), BP_ERR_SHAPE);
    assert_non_null(strstr(bp_error(), "\"dropout 0.2, 4 -> 4\" there and \"dropout 0.2, 5 -> 5\" here"));
    bp_model_free(from_drop);
    bp_model_free(to_drop);
    bp_model_free(from);
}

static bp_model *sigmoids(const char *loss)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = 4;
    o.outputs = 2;
    o.task = BP_REGRESS;
    o.output = "sigmoid";
    o.loss = loss;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

/* Sigmoids that say classes are no head for numbers, though they look alike. */
static void test_other_task(void **state)
{
    (void)state;
    bp_model_options o = bp_model_defaults();
    o.inputs = 4;
    o.outputs = 3;
    o.net = "dense 5 relu";
    o.output = "sigmoid";
    bp_model *from, *to;
    size_t taken;
    assert_ok(bp_model_new(&from, &o));
    o.task = BP_REGRESS;
    o.seed = 2;
    assert_ok(bp_model_new(&to, &o));
    assert_ok(bp_model_transfer(&taken, to, from, 0));
    assert_int_equal(taken, 1);
    assert_true(same_layer(to, from, 0) && !same_layer(to, from, 1));
    bp_model_free(from);
    bp_model_free(to);
}

/* A head that cannot take over the scaling of the other's outputs: nothing is changed, not even the scaling of the inputs. */
static void test_refused_meaning(void **state)
{
    (void)state;
    const double mean[] = {1, 2}, scale[] = {3, 4}, *got_mean, *got_scale;
    bp_model *from = sigmoids("mse"), *to = sigmoids("bce");
    assert_ok(bp_model_set_scaling(from, 1, mean, scale));
    assert_ok(bp_model_set_output_scaling(from, 2, mean, scale));
    assert_int_equal(bp_model_transfer(NULL, to, from, 0), BP_ERR_ARGUMENT);
    assert_int_equal(bp_model_scaling(to, &got_mean, &got_scale), 0);
    bp_model_free(from);
    bp_model_free(to);
}

/* The scaling of the outputs belongs to the head. */
static void test_output_scaling(void **state)
{
    (void)state;
    const double mean = 10, scale = 2, *got_mean, *got_scale;
    bp_model *from = new_model(4, "dense 3 tanh", 1, BP_REGRESS, 1);
    bp_model *same = new_model(4, "dense 3 tanh", 1, BP_REGRESS, 2);
    bp_model *other = new_model(4, "dense 3 tanh", 2, BP_REGRESS, 2);
    assert_ok(bp_model_set_output_scaling(from, 1, &mean, &scale));
    assert_ok(bp_model_transfer(NULL, same, from, 0));
    assert_ok(bp_model_transfer(NULL, other, from, 0));
    assert_int_equal(bp_model_output_scaling(same, &got_mean, &got_scale), 1);
    assert_true(got_mean[0] == 10 && got_scale[0] == 2);
    assert_int_equal(bp_model_output_scaling(other, &got_mean, &got_scale), 0);
    bp_model_free(same);
    bp_model_free(other);
    bp_model_free(from);
}

/* ---- freezing ---- */

static void expect_frozen(bp_model *m, const char *layers, const char *expected)
{
    char text[64];
    assert_ok(bp_model_freeze(m, layers));
    assert_int_equal(bp_model_frozen(text, sizeof text, m), strlen(expected));
    assert_string_equal(text, expected);
}

static void test_freeze(void **state)
{
    (void)state;
    const char *net = "dense 6 relu, dropout 0.2, dense 5 tanh, dense 4 relu";
    bp_model *m = classifier(net, 3, 1), *copy;
    bp_layer_info l;
    char text[4];
    expect_frozen(m, "0", "0");
    expect_frozen(m, "body", "0-3");
    expect_frozen(m, "0-2", "0-2");
    expect_frozen(m, " 2 , 0 - 1 ", "0-2");
    expect_frozen(m, "4,2-3", "2-4");
    expect_frozen(m, "0,3", "0,3");
    assert_ok(bp_model_copy(&copy, m, NULL));
    assert_int_equal(bp_model_frozen(text, 2, copy), 3);
    assert_string_equal(text, "0");
    assert_true(bp_model_layer(m, 3, &l) && l.frozen);
    assert_true(bp_model_layer(m, 1, &l) && !l.frozen);
    bp_param_freeze(bp_graph_find(bp_model_graph(copy), "3.bias"), true); /* of layer 2 */
    char longer[64];
    assert_int_equal(bp_model_frozen(longer, sizeof longer, copy), strlen("0,3.bias,3"));
    assert_string_equal(longer, "0,3.bias,3");
    expect_frozen(m, "none", "");
    bp_model_free(copy);
    bp_model_free(m);
}

static void test_bad_lists(void **state)
{
    (void)state;
    const struct {
        const char *layers, *text;
    } cases[] = {
        {"", "expected numbers of layers"},
        {"head", "freezing layers \"head\": expected numbers"},
        {"0,", "expected numbers"},
        {"0 1", "expected numbers"},
        {"2-0", "expected numbers"},
        {"-1", "expected numbers"},
        {"99999999999999999999999", "expected numbers"},
        {"0-4", "there is no layer 4: they are counted from 0, and the last one is 3"},
        {"1", "layer 1, dropout 0.2, has no weights"},
        {"0-3", "nothing would be left to train"},
        {"0,2,3", "nothing would be left to train"},
    };
    bp_model *m = source(), *head = classifier("", 3, 1);
    expect_frozen(m, "2", "2");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[16];
        assert_int_equal(bp_model_freeze(m, cases[i].layers), BP_ERR_ARGUMENT);
        if (!strstr(bp_error(), cases[i].text)) {
            fail_msg("\"%s\": %s", cases[i].layers, bp_error());
        }
        bp_model_frozen(text, sizeof text, m);
        assert_string_equal(text, "2");
    }
    assert_int_equal(bp_model_freeze(head, "body"), BP_ERR_ARGUMENT);
    assert_non_null(strstr(bp_error(), "no layer before the last"));
    bp_model_free(head);
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),        cmocka_unit_test(test_other_head), cmocka_unit_test(test_other_meaning),
        cmocka_unit_test(test_some),       cmocka_unit_test(test_unlike),     cmocka_unit_test(test_output_scaling),
        cmocka_unit_test(test_freeze),     cmocka_unit_test(test_bad_lists),  cmocka_unit_test(test_refused_meaning),
        cmocka_unit_test(test_other_task),
    };
    return cmocka_run_group_tests_name("transfer", tests, choose_kernel, NULL);
}
