/* test_prepare_plain.c - models that know no columns on tables: which columns become inputs, and that the numbers arrive as
 * they are. */
#include "support_table.h"

#include "data/prepare.h"

static bp_model *model_of(size_t inputs, size_t outputs, bp_task task, bp_type type)
{
    bp_model *m;
    bp_model_options o = bp_model_defaults();
    o.inputs = inputs;
    o.outputs = outputs;
    o.task = task;
    o.net = "dense 5 tanh";
    o.type = type;
    o.seed = 3;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static bp_status plain(bp_preparation **p, const bp_model *m, const bp_table *t, bool with_target, const char *target,
                       const char *drop)
{
    bp_prepare_options o = bp_prepare_defaults();
    o.target = (bp_columns){&target, target != NULL};
    o.drop = (bp_columns){&drop, drop != NULL};
    return bp_preparation_plain(p, m, t, with_target, &o);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

enum { ROWS = 7, INPUTS = 3 };

/* Seconds, of which f32 does not have the last digits, something small, something ordinary. */
static void make_row(double x[INPUTS], size_t row)
{
    x[0] = 1.6e9 + 7 * (double)row;
    x[1] = 1e-7 * ((double)row - 3);
    x[2] = 0.1 * (double)(row * row);
}

static bp_table *table_of_rows(bool header)
{
    char text[2000];
    bp_table *t;
    bp_table_options o = bp_table_defaults();
    static const char *const wide[] = {"1", "2", "3"};
    size_t used = (size_t)snprintf(text, sizeof text, "%s", header ? "when,small,plain\n" : "");
    for (size_t i = 0; i < ROWS; i++) {
        double x[INPUTS];
        make_row(x, i);
        used += (size_t)snprintf(text + used, sizeof text - used, "%.17g,%.17g,%.17g\n", x[0], x[1], x[2]);
    }
    o.wide = wide;
    o.wide_count = INPUTS;
    assert_ok(read_text(&t, text, &o));
    return t;
}

/* Scaled by the model, answers are those of bp_predict on the same rows, to the bit. */
static void check_answers(bp_type type, bool header)
{
    static const double mean[] = {1.6e9, 0, 2}, scale[] = {0.05, 1e6, 0.5};
    enum { OUT = 2 };
    double x[ROWS * INPUTS], expected[ROWS * OUT], found[ROWS * OUT];
    bp_model *m = model_of(INPUTS, OUT, BP_REGRESS, type);
    bp_table *t = table_of_rows(header);
    bp_preparation *p, *again;
    bp_dataset *d;
    bp_predictor *predictor;
    assert_ok(bp_model_set_scaling(m, INPUTS, mean, scale));
    for (size_t i = 0; i < ROWS; i++) {
        make_row(x + i * INPUTS, i);
    }
    assert_ok(bp_preparation_plain(&p, m, t, false, NULL));
    assert_ok(bp_preparation_parse(&again, bp_preparation_text(p), NULL));
    assert_string_equal(bp_preparation_text(again), bp_preparation_text(p));
    assert_ok(bp_preparation_apply(&d, again, t, NULL, 0, false, NULL, NULL));
    assert_ok(bp_predictor_new(&predictor, m, ROWS, 1));
    assert_ok(bp_predict(predictor, expected, x, BP_F64, ROWS));
    assert_ok(bp_predict_data(predictor, found, &d->train, 0, ROWS));
    assert_memory_equal(found, expected, ROWS * OUT * bp_type_size(type));
    assert_memory_not_equal(found, (const char *)found + OUT * bp_type_size(type), OUT * bp_type_size(type));
    bp_predictor_free(predictor);
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_preparation_free(again);
    bp_table_free(t);
    bp_model_free(m);
}

static void test_answers(void **state)
{
    (void)state;
    check_answers(BP_F64, true);
    check_answers(BP_F64, false);
    check_answers(BP_F32, true);
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

/* The names of features and targets on one line. */
static const char *roles(const bp_preparation *p)
{
    static char out[300];
    bp_feature_info f;
    size_t used = 0;
    const char *name;
    for (size_t i = 0; bp_preparation_feature(p, i, &f); i++) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%s ", f.column);
    }
    used += (size_t)snprintf(out + used, sizeof out - used, "->");
    for (size_t k = 0; (name = bp_preparation_target(p, k, NULL, NULL)) != NULL; k++) {
        used += (size_t)snprintf(out + used, sizeof out - used, " %s", name);
    }
    return out;
}

typedef struct choice {
    const char *text;
    bool with_target;
    const char *target, *drop;
    const char *roles; /* NULL: an error of this kind, with this in it: */
    bp_status status;
    const char *error;
} choice;

static void check_choices(const choice *c, size_t count, const bp_model *m)
{
    for (size_t i = 0; i < count; i++) {
        bp_table *t;
        bp_preparation *p = NULL;
        assert_ok(read_text(&t, c[i].text, NULL));
        bp_status status = plain(&p, m, t, c[i].with_target, c[i].target, c[i].drop);
        if (c[i].roles) {
            assert_ok(status);
            assert_string_equal(roles(p), c[i].roles);
        } else {
            assert_int_equal(status, c[i].status);
            assert_null(p);
            if (!strstr(bp_error(), c[i].error)) {
                fail_msg("case %zu: \"%s\" is not in \"%s\"", i, c[i].error, bp_error());
            }
        }
        bp_preparation_free(p);
        bp_table_free(t);
    }
}

static void test_columns(void **state)
{
    (void)state;
    static const char *const two = "a,b\n1,2\n", *const three = "a,b,c\n1,2,3\n1.5,2,4\n",
                             *const text = "who,a,b,c\nx y,1,2,3\nz,4,5,6\n", *const nameless = "1,2,3\n4,5,6\n";
    const choice numbers[] = {
        {two, false, NULL, NULL, "a b -> output1", BP_OK, NULL},
        {three, false, NULL, NULL, "a b -> c", BP_OK, NULL},
        {three, true, "a", NULL, "b c -> a", BP_OK, NULL},
        {three, true, "2", NULL, "a c -> b", BP_OK, NULL},
        {three, false, NULL, "b", "a c -> output1", BP_OK, NULL},
        {nameless, true, NULL, NULL, "column1 column2 -> column3", BP_OK, NULL},
        {nameless, true, "1", NULL, "column2 column3 -> column1", BP_OK, NULL},
        {text, true, NULL, "who", "a b -> c", BP_OK, NULL},
        {two, true, NULL, NULL, NULL, BP_ERR_SHAPE, "takes 2 and, behind them, 1 for the target"},
        {three, true, NULL, "b", NULL, BP_ERR_SHAPE, "has 3 columns (2 without those that are named)"},
        {text, false, NULL, NULL, NULL, BP_ERR_SHAPE,
         "has 4 columns, but the model, which knows none by name, takes 2, or 3 with the target; column 1, \"who\", is "
         "no number"},
        {text, false, NULL, "c", NULL, BP_ERR_DATA, "column 1, \"who\""},
        {text, true, "who", "c", NULL, BP_ERR_DATA, "column 1, \"who\""},
        {three, true, "d", NULL, NULL, BP_ERR_ARGUMENT, "no column \"d\""},
        {three, true, "a", "a", NULL, BP_ERR_ARGUMENT, "\"a\""},
    };
    const choice classes[] = {
        {"a,b,kind\n1,2,x\n3,4,y\n", true, NULL, NULL, "a b -> kind", BP_OK, NULL},
        {"kind,a,b\nx,1,2\ny,3,4\n", true, "kind", NULL, "a b -> kind", BP_OK, NULL},
    };
    bp_model *m = model_of(2, 1, BP_REGRESS, BP_F32), *k = model_of(2, 3, BP_CLASSIFY, BP_F32);
    check_choices(numbers, sizeof numbers / sizeof *numbers, m);
    check_choices(classes, sizeof classes / sizeof *classes, k);
    bp_model_free(m);
    bp_model_free(k);
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

static void expect_labels(const bp_model *m, const char *text, const int *label, const char *error)
{
    bp_table *t;
    bp_preparation *p;
    bp_dataset *d = NULL;
    assert_ok(read_text(&t, text, NULL));
    assert_ok(bp_preparation_plain(&p, m, t, true, NULL));
    bp_status status = bp_preparation_apply(&d, p, t, NULL, 0, true, NULL, NULL);
    if (error) {
        assert_int_equal(status, BP_ERR_DATA);
        assert_non_null(strstr(bp_error(), error));
    } else {
        assert_ok(status);
        assert_int_equal(d->train.classes, 3);
        for (size_t i = 0; i < d->train.rows; i++) {
            assert_int_equal(d->train.label[i], label[i]);
        }
    }
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(t);
}

/* Without names they are 0, 1, 2, however a program writes these. */
static void test_classes(void **state)
{
    (void)state;
    static const char *const names[] = {"red", "green", "blue"};
    static const int label[] = {2, 0, 1};
    bp_model *m = model_of(1, 3, BP_CLASSIFY, BP_F32);
    expect_labels(m, "x,y\n.5,2\n.25,0\n.125,1\n", label, NULL);
    expect_labels(m, ".5 2.000000000000000000e+00\n.25 0.000000000000000000e+00\n.1 1.000000000000000000e+00\n", label,
                  NULL);
    expect_labels(m, "x,y\n.5,2\n.25,3\n", NULL, "\"3\" in row 2");
    assert_ok(bp_model_set_classes(m, names));
    expect_labels(m, "x,y\n.5,blue\n.25,red\n.125,green\n", label, NULL);
    expect_labels(m, "x,y\n.5,blue\n.25,pink\n", NULL, "\"pink\"");
    bp_model_free(m);
}

static void test_missing(void **state)
{
    (void)state;
    bp_model *m = model_of(2, 1, BP_REGRESS, BP_F32);
    bp_table *t;
    bp_preparation *p;
    bp_dataset *d;
    assert_ok(read_text(&t, "a,b\n1,2\n3,\n4,5\n", NULL));
    assert_ok(bp_preparation_plain(&p, m, t, false, NULL));
    assert_int_equal(bp_preparation_missing(p), BP_MISSING_ERROR);
    assert_int_equal(bp_preparation_apply(&d, p, t, NULL, 0, false, NULL, NULL), BP_ERR_DATA);
    assert_non_null(strstr(bp_error(), "column \"b\""));
    assert_non_null(strstr(bp_error(), "row 2"));
    assert_non_null(strstr(bp_error(), "leave the row out"));
    bp_preparation_free(p);
    bp_table_free(t);
    bp_model_free(m);
}

/* What names the rows, and classes, are texts; inputs are numbers. */
static void test_kinds_of_columns(void **state)
{
    (void)state;
    static const char *const who[] = {"who"};
    bp_model *m = model_of(2, 3, BP_CLASSIFY, BP_F32);
    bp_prepare_options o = bp_prepare_defaults();
    bp_preparation *p;
    bp_table *t;
    o.id = (bp_columns){who, 1};
    assert_ok(read_text(&t, "who,a,b,kind\nx,1,2,0\n", NULL));
    assert_ok(bp_preparation_plain(&p, m, t, true, &o));
    assert_string_equal(bp_preparation_id(p, 0), "who");
    assert_null(bp_preparation_id(p, 1));
    const char *text = bp_preparation_text(p);
    assert_non_null(strstr(text, "\"column\":\"who\",\"position\":1,\"read\":\"text\""));
    assert_non_null(strstr(text, "\"column\":\"a\",\"position\":2,\"read\":\"number\",\"type\":\"f64\""));
    assert_non_null(strstr(text, "\"column\":\"kind\",\"position\":4,\"read\":\"text\""));
    bp_preparation_free(p);
    bp_table_free(t);
    bp_model_free(m);
}

/* In the model it makes one that knows its columns, and training can go on from it: with its scaling, at its loss. */
static void test_in_a_model(void **state)
{
    (void)state;
    static const double mean[] = {2, 50}, scale[] = {0.5, 0.1}, y_mean = 1000, y_scale = 40;
    double y_found, y_deviation;
    bp_model *m = model_of(2, 1, BP_REGRESS, BP_F32);
    bp_table *t;
    bp_preparation *p, *back;
    bp_dataset *d;
    bp_evaluation *before, *after;
    bp_fit *f;
    assert_ok(bp_model_set_scaling(m, 2, mean, scale));
    assert_ok(bp_model_set_output_scaling(m, 1, &y_mean, &y_scale));
    assert_ok(read_text(&t, "a,b,y\n1,40,980\n3,50,1010\n2,60,1005\n4,55,1050\n1,45,990\n", NULL));
    assert_ok(bp_preparation_plain(&p, m, t, true, NULL));
    assert_ok(bp_model_set_preparation(m, p));
    assert_ok(bp_model_preparation(&back, m));
    assert_string_equal(roles(back), "a b -> y");
    assert_string_equal(bp_preparation_target(back, 0, &y_found, &y_deviation), "y");
    assert_true(y_found == y_mean && y_deviation == y_scale);
    bp_fit_options o = bp_fit_defaults();
    o.from = m;
    o.valid = -1;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_false(f->new_head);
    assert_ok(bp_preparation_apply(&d, back, t, NULL, 0, true, NULL, NULL));
    assert_ok(bp_evaluate(&before, m, &d->train, 1));
    assert_ok(bp_evaluate(&after, f->model, &f->train->train, 1));
    assert_true(before->loss > 0 && before->loss == after->loss);
    bp_evaluation_free(before);
    bp_evaluation_free(after);
    bp_dataset_free(d);
    bp_fit_free(f);
    bp_preparation_free(back);
    bp_preparation_free(p);
    bp_table_free(t);
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_columns),          cmocka_unit_test(test_classes),
        cmocka_unit_test(test_missing), cmocka_unit_test(test_kinds_of_columns), cmocka_unit_test(test_in_a_model),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
