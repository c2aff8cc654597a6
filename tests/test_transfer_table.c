/* test_transfer_table.c - tables that go on from a model of another table: inputs as the model prepares them, targets found
 * anew, and the last layer new where the targets are others. */
#include "support_table.h"

/* ---- tables ------------------------------------------------------------------------------------------------------ */

typedef enum layout { FIRST, PERMUTED, NAMELESS, PERMUTED_NAMELESS } layout;

/* Flats: area, town and age decide about price, grade (a, b, c) and noisy (yes, no). Rows are other ones for another
 * `start`; every seventh area is missing. */
static bp_table *flats(size_t rows, size_t start, layout how)
{
    static const char *const town[] = {"ulm", "bonn", "kiel"};
    static char text[40000];
    size_t used = (size_t)snprintf(text, sizeof text, "%s",
                                   how == FIRST      ? "area,town,age,grade,noisy,price\n"
                                   : how == PERMUTED ? "price,age,extra,noisy,area,grade,town\n"
                                                     : "");
    for (size_t i = start; i < start + rows; i++) {
        double area = 40 + 10 * sin(1.3 * (double)i) * cos((double)i), age = (double)(i * 7 % 50) + 0.5;
        double price = 100 * area - 3 * age + 500 * (double)(i % 3);
        char cell[32] = "";
        const char *grade = price < 4300   ? "a"
                            : price < 4700 ? "b"
                                           : "c",
                   *noisy = i % 3 == 1 && age < 30 ? "yes" : "no";
        if (i % 7 != 0) {
            snprintf(cell, sizeof cell, "%.3f", area);
        }
        const char *at = town[i % 3];
        size_t left = sizeof text - used;
        char *end = text + used;
        used +=
            (size_t)(how % 2 ? snprintf(end, left, "%.2f,%g,%zu,%s,%s,%s,%s\n", price, age, i, noisy, cell, grade, at)
                             : snprintf(end, left, "%s,%s,%g,%s,%s,%.2f\n", cell, at, age, grade, noisy, price));
    }
    bp_table *t;
    assert_ok(read_text(&t, text, NULL));
    return t;
}

enum { ROWS = 120 };

static const char *const grade[] = {"grade"}, *const noisy[] = {"noisy"}, *const price[] = {"price"},
                         *const age[] = {"age"}, *const others[] = {"noisy", "price"},
                         *const rest[] = {"grade", "noisy"};

static bp_fit_options options_for(const char *const *target, const char *const *drop, size_t drops)
{
    bp_fit_options o = bp_fit_defaults();
    o.prepare.target = (bp_columns){target, 1};
    o.prepare.drop = (bp_columns){drop, drops};
    o.model.net = "dense 6 tanh, dense 4 relu";
    o.own_net = true;
    o.valid = -1;
    o.train.epochs = 3;
    o.own_epochs = true;
    o.train.threads = 1;
    return o;
}

static bp_fit_options options_from(const bp_model *from, const char *const *target)
{
    bp_fit_options o = options_for(target, NULL, 0);
    o.own_net = false;
    o.model = bp_model_defaults();
    o.from = from;
    o.seed = 5;
    return o;
}

/* A trained model of the grades, or prices. */
static bp_fit *first_fit(const char *const *target)
{
    bp_fit *f;
    bp_table *t = flats(ROWS, 0, FIRST);
    bp_fit_options o = target == grade ? options_for(target, others, 2) : options_for(target, rest, 2);
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_ok(bp_fit_train(f));
    bp_table_free(t);
    return f;
}

static bool same_layer(const bp_model *a, const bp_model *b, size_t i)
{
    bp_layer_info x, y;
    assert_true(bp_model_layer(a, i, &x) && bp_model_layer(b, i, &y));
    return bp_node_size(x.w) == bp_node_size(y.w) &&
           memcmp(bp_param_values(x.w), bp_param_values(y.w), bp_node_size(x.w) * sizeof(float)) == 0;
}

/* Rows of a table as inputs of the network. */
static double *inputs_of(const bp_preparation *p, const bp_table *t)
{
    bp_dataset *set;
    assert_ok(bp_preparation_apply(&set, p, t, NULL, 0, false, NULL, NULL));
    double *x = calloc(set->train.rows * set->train.inputs, sizeof *x);
    assert_non_null(x);
    for (size_t r = 0; r < set->train.rows; r++) {
        set->train.fill(set->train.x, r, x + r * set->train.inputs, BP_F64);
    }
    bp_dataset_free(set);
    return x;
}

/* ---- what is taken ----------------------------------------------------------------------------------------------- */

/* Other rows, other places of the columns, another target: every input is what it was. */
static void test_inputs_stay(void **state)
{
    (void)state;
    const layout layouts[] = {FIRST, PERMUTED};
    bp_fit *first = first_fit(grade);
    for (size_t i = 0; i < 2; i++) {
        bp_table *t = flats(ROWS, 1000, layouts[i]);
        bp_fit_options o = options_from(first->model, noisy);
        bp_fit *f;
        assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
        assert_int_equal(bp_preparation_inputs(f->preparation), bp_preparation_inputs(first->preparation));
        double *a = inputs_of(first->preparation, t), *b = inputs_of(f->preparation, t);
        assert_memory_equal(a, b, ROWS * bp_preparation_inputs(f->preparation) * sizeof *a);
        free(a);
        free(b);
        assert_true(f->new_head);
        assert_true(same_layer(f->model, first->model, 0) && same_layer(f->model, first->model, 1));
        assert_string_equal(bp_model_describe(f->model).net, "dense 6 tanh, dense 4 relu");
        assert_int_equal(bp_model_describe(f->model).outputs, 2);
        assert_string_equal(bp_model_class(f->model, 1), "yes");
        assert_ok(bp_model_freeze(f->model, "body"));
        assert_ok(bp_fit_train(f));
        assert_true(same_layer(f->model, first->model, 0));
        bp_table_free(t);
        bp_fit_free(f);
    }
    bp_fit_free(first);
}

/* Places are those of the new table: rows without names are understood as it has them. */
static void test_places(void **state)
{
    (void)state;
    bp_fit *first = first_fit(grade), *f;
    bp_table *named = flats(ROWS, 0, PERMUTED), *nameless = flats(ROWS, 0, PERMUTED_NAMELESS);
    bp_fit_options o = options_from(first->model, noisy);
    assert_ok(bp_fit_new(&f, named, NULL, 0, &o));
    double *a = inputs_of(f->preparation, named), *b = inputs_of(f->preparation, nameless);
    assert_memory_equal(a, b, ROWS * bp_preparation_inputs(f->preparation) * sizeof *a);
    free(a);
    free(b);
    bp_fit_free(f);
    bp_fit_free(first);
    bp_table_free(named);
    bp_table_free(nameless);
}

/* The same question to other rows: all layers, and prices in the units that the head has learned. */
static void test_same_targets(void **state)
{
    (void)state;
    const char *const *targets[] = {grade, price};
    for (size_t i = 0; i < 2; i++) {
        bp_fit *first = first_fit(targets[i]), *f;
        const double *mean, *scale, *first_mean, *first_scale;
        bp_table *t = flats(ROWS, 501, PERMUTED);
        bp_fit_options o = options_from(first->model, targets[i]);
        assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
        assert_false(f->new_head);
        assert_true(same_layer(f->model, first->model, 2));
        size_t scaled = bp_model_output_scaling(first->model, &first_mean, &first_scale);
        assert_int_equal(bp_model_output_scaling(f->model, &mean, &scale), scaled);
        assert_true(scaled == 0 || (mean[0] == first_mean[0] && scale[0] == first_scale[0]));
        double center, first_center, deviation, first_deviation;
        assert_non_null(bp_preparation_target(f->preparation, 0, &center, &deviation));
        assert_non_null(bp_preparation_target(first->preparation, 0, &first_center, &first_deviation));
        assert_true(center == first_center && deviation == first_deviation);
        bp_fit_free(f);
        o.new_head = true;
        assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
        assert_true(f->new_head);
        assert_true(same_layer(f->model, first->model, 1) && !same_layer(f->model, first->model, 2));
        bp_fit_free(f);
        bp_table_free(t);
        bp_fit_free(first);
    }
}

/* From classes to numbers: loss and output are those of numbers. */
static void test_other_task(void **state)
{
    (void)state;
    bp_fit *first = first_fit(grade), *f;
    const double *mean, *scale;
    bp_table *t = flats(ROWS, 0, FIRST);
    bp_fit_options o = options_from(first->model, price);
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_true(f->new_head && same_layer(f->model, first->model, 1));
    assert_int_equal(bp_model_loss(f->model), BP_MSE);
    assert_int_equal(bp_model_output_scaling(f->model, &mean, &scale), 1);
    assert_true(mean[0] > 4000 && mean[0] < 5000);
    bp_fit_free(f);
    bp_fit_free(first);
    bp_table_free(t);
}

/* Without names columns are told by their places, and the model that comes of it, too. */
static void test_nameless(void **state)
{
    (void)state;
    static const char *const fourth[] = {"4"}, *const fifth[] = {"5"}, *const unused[] = {"5", "6"};
    bp_table *t = flats(ROWS, 0, NAMELESS), *other = flats(ROWS, 300, NAMELESS);
    bp_fit *first, *f;
    bp_fit_options o = options_for(fourth, unused, 2);
    assert_false(bp_table_has_header(t));
    assert_ok(bp_fit_new(&first, t, NULL, 0, &o));
    o = options_from(first->model, fifth);
    assert_ok(bp_fit_new(&f, other, NULL, 0, &o));
    assert_true(f->new_head && same_layer(f->model, first->model, 0));
    o = options_from(f->model, fifth);
    bp_fit *third;
    assert_ok(bp_fit_new(&third, t, NULL, 0, &o));
    assert_false(third->new_head);
    bp_fit_free(third);
    bp_fit_free(f);
    bp_fit_free(first);
    bp_table_free(t);
    bp_table_free(other);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void expect_refusal(const bp_table *t, const bp_fit_options *o, bp_status status, const char *text)
{
    bp_fit *f;
    assert_int_equal(bp_fit_new(&f, t, NULL, 0, o), status);
    assert_null(f);
    if (!strstr(bp_error(), text)) {
        fail_msg("%s", bp_error());
    }
}

static void test_refused(void **state)
{
    (void)state;
    bp_fit *first = first_fit(grade), *f;
    bp_table *t = flats(ROWS, 0, FIRST), *lacking;
    bp_folds *folds;
    bp_search *search;
    bp_fit_options o = options_from(first->model, age);
    expect_refusal(t, &o, BP_ERR_ARGUMENT, "column \"age\" of ");
    expect_refusal(t, &o, BP_ERR_ARGUMENT, "is an input of the model; it cannot be given as target");
    o = options_from(first->model, grade);
    o.own_net = true;
    expect_refusal(t, &o, BP_ERR_ARGUMENT, "exclude each other");
    assert_ok(read_text(&lacking, "area,grade\n1,a\n2,b\n3,a\n4,b\n", NULL));
    o = options_from(first->model, grade);
    expect_refusal(lacking, &o, BP_ERR_DATA, "lacks 2 columns that the model needs: \"age\", \"town\"");
    bp_table_free(lacking);
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_int_equal(bp_fit_folds(&folds, f, NULL), BP_ERR_ARGUMENT);
    assert_int_equal(bp_fit_search(&search, f, NULL), BP_ERR_ARGUMENT);
    assert_non_null(strstr(bp_error(), "trains networks from nothing"));
    bp_fit_free(f);
    assert_ok(bp_model_set_preparation_text(first->model, NULL));
    o = options_from(first->model, grade);
    expect_refusal(t, &o, BP_ERR_STATE, "preparation");
    bp_fit_free(first);
    bp_table_free(t);
}

/* No layer is left where there is but one. */
static void test_bare(void **state)
{
    (void)state;
    bp_table *t = flats(ROWS, 0, FIRST);
    bp_fit *first;
    bp_fit_options o = options_for(grade, others, 2);
    o.model.net = "";
    assert_ok(bp_fit_new(&first, t, NULL, 0, &o));
    o = options_from(first->model, noisy);
    expect_refusal(t, &o, BP_ERR_DATA, "no layer but the last one");
    bp_fit_free(first);
    bp_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs_stay), cmocka_unit_test(test_places),   cmocka_unit_test(test_same_targets),
        cmocka_unit_test(test_other_task),  cmocka_unit_test(test_nameless), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bare),
    };
    return cmocka_run_group_tests_name("transfer_table", tests, folder_make, folder_remove);
}
