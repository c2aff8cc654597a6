/* test_model.c - models as they are made and described: what is refused and why, initial weights, answers of one unit, and what
 * travels with a model. */
#include "support.h"

#include <math.h>
#include <string.h>

static bp_model *three_classes(const char *net)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = 4;
    o.outputs = 3;
    o.net = net;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static void refused_models(void **state)
{
    (void)state;
    struct {
        const char *net, *output, *loss, *init;
        size_t outputs;
        bp_task task;
        const char *says;
    } bad[] = {
        {"dense 5 rleu", NULL, NULL, NULL, 3, BP_CLASSIFY, "did you mean \"relu\""},
        {"dens 5", NULL, NULL, NULL, 3, BP_CLASSIFY, "did you mean \"dense\""},
        {"dense 5,,dense 5", NULL, NULL, NULL, 3, BP_CLASSIFY, "layer 2"},
        {"dense 5,", NULL, NULL, NULL, 3, BP_CLASSIFY, "no layer between"},
        {",dense 5", NULL, NULL, NULL, 3, BP_CLASSIFY, "no layer between"},
        {"", NULL, NULL, NULL, 3, (bp_task)7, "not a task"},
        {"dense 0 relu", NULL, NULL, NULL, 3, BP_CLASSIFY, "at least one unit"},
        {"dropout 1.5", NULL, NULL, NULL, 3, BP_CLASSIFY, "RATE < 1"},
        {"dense 99999999999999999999 relu", NULL, NULL, NULL, 3, BP_CLASSIFY, "dense UNITS"},
        {"", "softmax", NULL, NULL, 1, BP_REGRESS, "always 1"},
        {"", "linear", "cross-entropy", NULL, 3, BP_CLASSIFY, "output softmax"},
        {"", "softmax", "bce", NULL, 3, BP_CLASSIFY, "loss cross-entropy"},
        {"", "tanh", "bce", NULL, 2, BP_CLASSIFY, "output sigmoid"},
        {"", NULL, "cross-entropy", NULL, 1, BP_REGRESS, "targets are numbers"},
        {"", "relu", NULL, NULL, 3, BP_CLASSIFY, "valid: linear, sigmoid, tanh, softmax"},
        {"", NULL, "mes", NULL, 3, BP_CLASSIFY, "did you mean \"mse\""},
        {"", NULL, NULL, "gloro", 3, BP_CLASSIFY, "glorot"},
        {"", NULL, NULL, "normal:x", 3, BP_CLASSIFY, "normal:NUMBER"},
        {"", NULL, NULL, "zeros:1", 3, BP_CLASSIFY, "takes no number"},
        {"", NULL, NULL, "normal:-1", 3, BP_CLASSIFY, "number >= 0"},
        {"dense 4294967296", NULL, NULL, NULL, 3, BP_CLASSIFY, "more than a layer can have"},
        {"", NULL, NULL, NULL, 1, BP_CLASSIFY, "only one class"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bp_model_options o = bp_model_defaults();
        o.inputs = 4;
        o.outputs = bad[i].outputs;
        o.task = bad[i].task;
        o.net = bad[i].net;
        o.output = bad[i].output;
        o.loss = bad[i].loss;
        o.init = bad[i].init;
        bp_model *m;
        assert_int_not_equal(bp_model_new(&m, &o), BP_OK);
        assert_null(m);
        if (!strstr(bp_error(), bad[i].says)) {
            print_error("case %zu says: %s\n", i, bp_error());
        }
        assert_non_null(strstr(bp_error(), bad[i].says));
    }
}

/* Moments of the initial weights against the formulas. */
static void initial_weights(void **state)
{
    (void)state;
    struct {
        const char *init;
        double sigma;
        double most; /* largest size possible; 0: unbounded */
    } expected[] = {
        {"zeros", 0, 1e-300},
        {"normal:0.02", 0.02, 0},
        {"uniform:0.3", 0.3 / sqrt(3), 0.3},
        {"glorot-uniform", sqrt(2.0 / 700), sqrt(6.0 / 700)},
        {"glorot-normal", sqrt(2.0 / 700), 0},
        {"he-uniform", sqrt(2.0 / 400), sqrt(6.0 / 400)},
        {"he-normal", sqrt(2.0 / 400), 0},
        {"lecun-uniform", sqrt(1.0 / 400), sqrt(3.0 / 400)},
        {"lecun-normal", sqrt(1.0 / 400), 0},
        {NULL, sqrt(2.0 / 400), sqrt(6.0 / 400)}, /* relu: He uniform */
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bp_model_options o = bp_model_defaults();
        o.inputs = 400;
        o.outputs = 3;
        o.net = "dense 300 relu";
        o.init = expected[i].init;
        o.type = BP_F64;
        bp_model *m;
        assert_ok(bp_model_new(&m, &o));
        bp_layer_info l;
        assert_true(bp_model_layer(m, 0, &l));
        const double *w = bp_param_values(l.w), *b = bp_param_values(l.b);
        double mean = 0, square = 0, most = 0, n = 400 * 300;
        for (size_t k = 0; k < 400 * 300; k++) {
            mean += w[k] / n;
            square += w[k] * w[k] / n;
            most = fabs(w[k]) > most ? fabs(w[k]) : most;
        }
        assert_true(fabs(mean) <= 4 * expected[i].sigma / sqrt(n));
        assert_near(sqrt(square) / (expected[i].sigma + 1e-300), expected[i].sigma > 0, 0.01);
        assert_true(expected[i].most == 0 || most <= expected[i].most);
        for (size_t k = 0; k < 300; k++) {
            assert_true(b[k] == 0);
        }
        bp_model_free(m);
    }
}

/* Both probabilities of two classes come from one unit, and are probabilities whatever it says. */
static void two_classes_from_one_unit(void **state)
{
    (void)state;
    const double given[] = {-2, 0.25, 3}, of_line[] = {0, 0.25, 1};
    for (int i = 0; i < 2; i++) {
        bp_model_options o = bp_model_defaults();
        o.inputs = 1;
        o.outputs = 2;
        o.net = "";
        o.output = i ? "tanh" : "linear";
        o.type = BP_F64;
        bp_model *m;
        bp_predictor *p;
        double out[3 * 2];
        assert_ok(bp_model_new(&m, &o));
        assert_int_equal(bp_model_units(m), 1);
        assert_ok(bp_param_set(bp_graph_param(bp_model_graph(m), 0), (double[]){1}));
        assert_ok(bp_predictor_new(&p, m, 3, 1));
        assert_ok(bp_predict(p, out, given, BP_F64, 3));
        for (size_t r = 0; r < 3; r++) {
            double second = i ? (tanh(given[r]) + 1) / 2 : of_line[r];
            assert_near(out[2 * r + 1], second, 1e-14);
            assert_near(out[2 * r], 1 - second, 1e-14);
        }
        bp_predictor_free(p);
        bp_model_free(m);
    }
}

/* The description of a network makes the same network: a rate is written with all its digits. */
static void rates_are_told_in_full(void **state)
{
    (void)state;
    bp_model *m = three_classes("dropout 0.30000000000000004, dense 5 relu");
    assert_string_equal(bp_model_describe(m).net, "dropout 0.30000000000000004, dense 5 relu");
    bp_model_free(m);
}

static void notes_come_and_go(void **state)
{
    (void)state;
    bp_model *m = three_classes("");
    const char *keys[] = {"a", "b", "c"}, *key, *value;
    for (size_t i = 0; i < 3; i++) {
        assert_ok(bp_model_set_note(m, keys[i], "old"));
    }
    assert_ok(bp_model_set_note(m, "c", "new"));
    assert_ok(bp_model_set_note(m, "c", bp_model_note(m, "c"))); /* its own text */
    assert_ok(bp_model_set_note(m, "a", NULL));
    assert_ok(bp_model_set_note(m, "a", NULL));
    assert_true(bp_model_note_at(m, 0, &key, &value));
    assert_string_equal(key, "b");
    assert_string_equal(value, "old");
    assert_true(bp_model_note_at(m, 1, &key, &value));
    assert_string_equal(key, "c");
    assert_string_equal(value, "new");
    assert_false(bp_model_note_at(m, 2, &key, &value));
    assert_null(bp_model_note(m, "a"));
    bp_model_free(m);
}

/* New names may be those that the model has. */
static void class_names_of_its_own(void **state)
{
    (void)state;
    bp_model *m = three_classes("");
    assert_ok(bp_model_set_classes(m, (const char *const[]){"a", "b", "c"}));
    assert_ok(bp_model_set_classes(
        m, (const char *const[]){bp_model_class(m, 2), bp_model_class(m, 1), bp_model_class(m, 0)}));
    assert_string_equal(bp_model_class(m, 0), "c");
    assert_string_equal(bp_model_class(m, 2), "a");
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_models),
        cmocka_unit_test(initial_weights),
        cmocka_unit_test(two_classes_from_one_unit),
        cmocka_unit_test(rates_are_told_in_full),
        cmocka_unit_test(notes_come_and_go),
        cmocka_unit_test(class_names_of_its_own),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
