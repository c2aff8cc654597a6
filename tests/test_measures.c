/* test_measures.c - what an evaluation says, beside scikit-learn. How the golden values came about is written in
 * golden/make_measures.py. A network without hidden layers whose weights are the identity has the given numbers as outputs. */
#include "golden/golden.h"

#include "nn/roc.h"
#include "support.h"

typedef struct kind {
    const char *name, *output, *loss;
    bp_task task;
    bool classes;
} kind;

static const kind kinds[] = {{"sigmoid", "sigmoid", "bce", BP_CLASSIFY, true},
                             {"softmax", "softmax", "cross-entropy", BP_CLASSIFY, true},
                             {"linear", "linear", "mse", BP_CLASSIFY, true},
                             {"labels", "sigmoid", "bce", BP_REGRESS, false},
                             {"numbers", "linear", "mse", BP_REGRESS, false}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* One case of measures.json. */
typedef struct sample {
    const kind *kind;
    const json_t *expected;
    golden_array x, truth;
    int32_t *label;
    float *weight;
    bp_data data;
    bp_model *m;
} sample;

static bp_model *identity(const kind *k, size_t inputs, bp_type type)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = inputs;
    o.outputs = inputs == 1 && k->classes ? 2 : inputs;
    o.task = k->task;
    o.net = "";
    o.output = k->output;
    o.loss = k->loss;
    o.init = "zeros";
    o.type = type;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    bp_node *w = bp_graph_find(bp_model_graph(m), "0.weight");
    static double values[128 * 128];
    assert_true(bp_node_size(w) == inputs * inputs && bp_node_size(w) <= sizeof values / sizeof *values);
    memset(values, 0, sizeof values);
    for (size_t i = 0; i < inputs; i++) {
        values[i * inputs + i] = 1;
    }
    assert_ok(bp_param_set(w, values));
    return m;
}

static void sample_load(sample *s, const json_t *one, bp_type type)
{
    *s = (sample){.expected = golden_get(one, "expected")};
    for (size_t k = 0; k < KINDS; k++) {
        s->kind = strcmp(kinds[k].name, golden_text(one, "name")) == 0 ? &kinds[k] : s->kind;
    }
    assert_non_null(s->kind);
    size_t rows = golden_size(one, "rows"), inputs = golden_size(one, "inputs");
    s->x = golden_numbers(golden_get(one, "x"));
    s->truth = golden_numbers(golden_get(one, "truth"));
    s->label = golden_alloc(s->truth.count, sizeof *s->label);
    for (size_t i = 0; i < s->truth.count; i++) {
        s->label[i] = (int32_t)s->truth.v[i];
    }
    s->data = (bp_data){.rows = rows, .inputs = inputs, .x = s->x.v, .x_type = BP_F64};
    if (s->kind->classes) {
        s->data.classes = inputs == 1 ? 2 : inputs;
        s->data.label = s->label;
    } else {
        s->data.targets = inputs;
        s->data.y = s->truth.v;
    }
    if (json_is_array(golden_get(one, "weight"))) {
        golden_array weight = golden_numbers(golden_get(one, "weight"));
        s->weight = golden_alloc(rows, sizeof *s->weight);
        for (size_t i = 0; i < rows; i++) {
            s->weight[i] = (float)weight.v[i];
        }
        s->data.weight = s->weight;
        free(weight.v);
    }
    s->m = identity(s->kind, inputs, type);
}

static void sample_free(sample *s)
{
    bp_model_free(s->m);
    free(s->x.v);
    free(s->truth.v);
    free(s->label);
    free(s->weight);
}

/* A measure that the case does not have must not be made up: NaN. */
static size_t compare(const sample *s, const char *key, double found, double tolerance)
{
    const json_t *v = json_object_get(s->expected, key);
    if (!json_is_number(v)) {
        if (!isnan(found)) {
            print_error("%s: %s is %g, expected NaN\n", s->kind->name, key, found);
        }
        return isnan(found) ? 0U : 1U;
    }
    double golden = json_number_value(v);
    return golden_differences(s->kind->name, key, &found, &golden, 1, (golden_tolerance){tolerance, 1});
}

static size_t compare_list(const sample *s, const char *key, const double *found, double tolerance)
{
    const json_t *list = json_object_get(s->expected, key);
    size_t bad = 0;
    if (!list) {
        return found != NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        double golden = json_number_value(v);
        bad += json_is_number(v)
                   ? golden_differences(s->kind->name, key, &found[i], &golden, 1, (golden_tolerance){tolerance, 1})
                   : (isnan(found[i]) ? 0U : 1U);
    }
    return bad;
}

static size_t compare_confusion(const sample *s, const bp_evaluation *e)
{
    const json_t *rows = json_object_get(s->expected, "confusion");
    size_t bad = (rows != NULL) == (e->confusion != NULL) ? 0U : 1U;
    for (size_t i = 0; rows && e->confusion && i < e->classes * e->classes; i++) {
        const json_t *cell = json_array_get(json_array_get(rows, i / e->classes), i % e->classes);
        bad += json_number_value(cell) == (double)e->confusion[i] ? 0U : 1U;
    }
    return bad;
}

static size_t compare_all(const sample *s, const bp_evaluation *e, double tolerance)
{
    const struct {
        const char *key;
        double value;
    } one[] = {{"accuracy", e->accuracy},
               {"label_accuracy", e->label_accuracy},
               {"balanced_accuracy", e->balanced_accuracy},
               {"macro_f1", e->macro_f1},
               {"log_loss", e->log_loss},
               {"auc", e->auc}};
    const struct {
        const char *key;
        const double *values;
    } list[] = {{"precision", e->precision}, {"recall", e->recall}, {"f1", e->f1}, {"class_auc", e->class_auc}};
    size_t bad = compare_confusion(s, e);
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        bad += compare(s, one[i].key, one[i].value, tolerance);
    }
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        bad += compare_list(s, list[i].key, list[i].values, tolerance);
    }
    if (e->labels == 0) { /* labels have measures of numbers, too, of which the file has none */
        bad += compare(s, "rmse", e->rmse, tolerance) + compare(s, "mae", e->mae, tolerance) +
               compare(s, "r2", e->r2, tolerance);
    }
    return bad;
}

static void as_scikit_learn_says(void **state)
{
    (void)state;
    json_t *cases = golden_load("measures.json");
    assert_true(json_array_size(cases) >= 14);
    for (size_t i = 0; i < 2 * json_array_size(cases); i++) {
        bp_type type = i % 2 ? BP_F32 : BP_F64;
        sample s;
        bp_evaluation *e;
        sample_load(&s, json_array_get(cases, i / 2), type);
        assert_ok(bp_evaluate(&e, s.m, &s.data, 1));
        assert_int_equal(e->labels, strcmp(s.kind->name, "labels") == 0 ? s.data.targets : 0);
        assert_int_equal(compare_all(&s, e, type == BP_F64 ? 1e-12 : 1e-5), 0);
        bp_evaluation_free(e);
        sample_free(&s);
    }
    json_decref(cases);
}

/* Targets between 0 and 1 are shares, not labels. */
static void shares_are_no_labels(void **state)
{
    (void)state;
    const double x[] = {-1, 2, 0.5, -3}, y[] = {0, 1, 0.25, 0};
    bp_data d = {.rows = 4, .inputs = 1, .x = x, .x_type = BP_F64, .targets = 1, .y = y};
    bp_model *m = identity(&kinds[3], 1, BP_F64);
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &d, 1));
    assert_int_equal(e->labels, 0);
    assert_true(isnan(e->accuracy) && isnan(e->label_accuracy) && isnan(e->auc) && isnan(e->log_loss));
    assert_true(e->rmse > 0 && e->mae > 0);
    assert_null(e->precision);
    bp_evaluation_free(e);
    bp_model_free(m);
}

/* Targets that are all the same have no spread, though their computed mean is not quite that number. */
static void constant_targets_have_no_r2(void **state)
{
    (void)state;
    enum { ROWS = 10 };
    const kind k = {"numbers", "linear", "mse", BP_REGRESS, false};
    double x[ROWS], y[ROWS];
    float weight[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        x[r] = (double)r;
        y[r] = 0.1;
        weight[r] = r == 3 ? 0 : 0.7f;
    }
    bp_data d = {.rows = ROWS, .inputs = 1, .x = x, .x_type = BP_F64, .targets = 1, .y = y};
    bp_model *m = identity(&k, 1, BP_F64);
    for (int round = 0; round < 3; round++) {
        bp_evaluation *e;
        assert_ok(bp_evaluate(&e, m, &d, 1));
        assert_true(isnan(e->r2) == (round < 2));
        bp_evaluation_free(e);
        d.weight = weight;
        y[round == 0 ? 3 : 5] = 7; /* first a row that does not count, then one that does */
    }
    bp_model_free(m);
}

/* An answer of just a half is no yes. */
static void a_half_is_no_yes(void **state)
{
    (void)state;
    const double x[] = {0, 3}, y[] = {0, 1};
    bp_data d = {.rows = 2, .inputs = 1, .x = x, .x_type = BP_F64, .targets = 1, .y = y};
    bp_model *m = identity(&kinds[3], 1, BP_F64);
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &d, 1));
    assert_int_equal(e->labels, 1);
    assert_near(e->accuracy, 1, 0);
    assert_near(e->precision[0], 1, 0);
    bp_evaluation_free(e);
    bp_model_free(m);
}

/* The area by its definition: every pair of a positive and a negative row. */
static double area_by_pairs(const double *score, const uint8_t *positive, const float *weight, size_t rows)
{
    double won = 0, all = 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < rows; j++) {
            if (positive[i] && !positive[j]) {
                double pair = weight ? (double)weight[i] * (double)weight[j] : 1;
                won += score[i] > score[j] ? pair : score[i] == score[j] ? pair / 2 : 0;
                all += pair;
            }
        }
    }
    return won / all;
}

static void area_of_pairs(void **state)
{
    (void)state;
    enum { ROWS = 300 };
    double score[ROWS];
    uint8_t positive[ROWS];
    float weight[ROWS];
    bp_ranked work[2 * ROWS];
    uint64_t seed = 5;
    for (int round = 0; round < 8; round++) {
        for (size_t i = 0; i < ROWS; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int32_t n = (int32_t)(seed >> 40) - (1 << 23);
            score[i] = round % 2 ? n / (1 << 20) * 0.5 : n * ldexp(1, (int)(seed >> 33 & 63) - 50);
            score[i] = i % 17 == 0 ? -0.0 : i % 17 == 1 ? 0.0 : score[i]; /* which are equal */
            positive[i] = seed >> 60 & 1 || score[i] > 3;
            weight[i] = (float)(seed >> 50 & 7);
        }
        score[0] = 1e300;
        score[1] = -INFINITY;
        assert_near(bp_roc_area(score, positive, NULL, ROWS, work), area_by_pairs(score, positive, NULL, ROWS), 1e-13);
        assert_near(bp_roc_area(score, positive, weight, ROWS, work), area_by_pairs(score, positive, weight, ROWS),
                    1e-13);
    }
    memset(positive, 1, sizeof positive);
    assert_true(isnan(bp_roc_area(score, positive, NULL, ROWS, work)));
    positive[0] = 0;
    score[7] = NAN;
    assert_true(isnan(bp_roc_area(score, positive, NULL, ROWS, work)));
    assert_true(isnan(bp_roc_area(score, positive, NULL, 0, work)));
}

/* So many classes and rows that the scores are taken in groups: the areas are those of each class alone. */
static void many_classes(void **state)
{
    (void)state;
    enum { ROWS = 140000, CLASSES = 128 };
    const kind k = {"linear", "linear", "mse", BP_CLASSIFY, true};
    uint8_t *x = malloc((size_t)ROWS * CLASSES), *positive = malloc(ROWS);
    int32_t *label = malloc(ROWS * sizeof *label);
    double *score = malloc(ROWS * sizeof *score);
    bp_ranked *work = malloc(2 * ROWS * sizeof *work);
    assert_true(x && positive && label && score && work);
    uint64_t seed = 9;
    for (size_t i = 0; i < (size_t)ROWS * CLASSES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (uint8_t)(seed >> 57);
    }
    for (size_t r = 0; r < ROWS; r++) {
        label[r] = (int32_t)(r * 7 % CLASSES);
        x[r * CLASSES + (size_t)label[r]] = (uint8_t)(x[r * CLASSES + (size_t)label[r]] + label[r]);
    }
    bp_data d = {.rows = ROWS, .inputs = CLASSES, .x = x, .x_type = BP_U8, .classes = CLASSES, .label = label};
    bp_model *m = identity(&k, CLASSES, BP_F32);
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &d, 0));
    const size_t some[] = {0, 60, CLASSES - 9, CLASSES - 1};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        for (size_t r = 0; r < ROWS; r++) {
            score[r] = x[r * CLASSES + some[i]];
            positive[r] = (size_t)label[r] == some[i];
        }
        assert_near(e->class_auc[some[i]], bp_roc_area(score, positive, NULL, ROWS, work), 1e-14);
    }
    assert_true(e->class_auc[0] > 0.48 && e->class_auc[0] < 0.52 && e->class_auc[CLASSES - 1] > 0.95);
    bp_evaluation_free(e);
    bp_model_free(m);
    free(x);
    free(positive);
    free(label);
    free(score);
    free(work);
}

/* Memory that runs out anywhere is told, and nothing is lost. */
static void memory_runs_out(void **state)
{
    (void)state;
    json_t *cases = golden_load("measures.json");
    sample s;
    sample_load(&s, json_array_get(cases, 4), BP_F32);
    counter c = {0};
    bp_allocator a = counting(&c);
    bp_model_options o = bp_model_describe(s.m);
    o.allocator = &a;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    size_t live = c.live, before = c.calls;
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, &s.data, 1));
    bp_evaluation_free(e);
    assert_int_equal(c.live, live);
    size_t calls = c.calls - before;
    for (size_t i = 1; i <= calls; i++) {
        c.fail_at = c.calls + i;
        assert_int_equal(bp_evaluate(&e, m, &s.data, 1), BP_ERR_MEMORY);
        assert_null(e);
        assert_int_equal(c.live, live);
    }
    bp_model_free(m);
    sample_free(&s);
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn_says), cmocka_unit_test(shares_are_no_labels),
        cmocka_unit_test(area_of_pairs),        cmocka_unit_test(many_classes),
        cmocka_unit_test(memory_runs_out),      cmocka_unit_test(constant_targets_have_no_r2),
        cmocka_unit_test(a_half_is_no_yes),
    };
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
