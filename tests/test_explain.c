/* test_explain.c - permutation importance: against its expectation in closed form, and what it must not depend on. */
#include "support_io.h"

#include <math.h>

#include "data/table.h"

/* ---- a table and a model of it ----------------------------------------------------------------------------------- */

enum { ROWS = 3000 };

static double noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (1 << 24);
}

/* Columns a, b, kind, y in this order, or turned around with one more in between. y = 4 a + (0, 3 or 6 by kind); b says nothing. */
static bp_table *make_table(bool turned)
{
    static const char *const kinds[] = {"red", "green", "blue"};
    static const char *const names[2][5] = {{"a", "b", "kind", "y", NULL}, {"y", "kind", "more", "b", "a"}};
    static const char order[2][6] = {"abky", "ykmba"};
    bp_table *t;
    uint32_t random = 1;
    assert_ok(bp_table_new(&t, "made", true, NULL));
    for (size_t c = 0; c < 5 && names[turned][c]; c++) {
        bp_column_kind kind = order[turned][c] == 'k' ? BP_COLUMN_TEXT : BP_COLUMN_NUMBER;
        assert_ok(bp_table_add_column(t, names[turned][c], strlen(names[turned][c]), kind, BP_F32));
    }
    char *records = bp_table_add_rows(t, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        double a = noise(&random), b = noise(&random);
        unsigned k = (unsigned)(noise(&random) * 3);
        for (size_t c = 0; c < t->column_count; c++) {
            char *record = records + i * t->record_bytes, what = order[turned][c];
            uint32_t code;
            assert_ok(bp_table_intern(&code, t, bp_table_find(t, "kind"), kinds[k], strlen(kinds[k])));
            if (what == 'k') {
                bp_record_set_code(record, &t->column[c], code);
            } else {
                bp_record_set_number(record, &t->column[c],
                                     what == 'a'   ? a
                                     : what == 'b' ? b
                                     : what == 'm' ? 7.0 * (double)i
                                                   : 4 * a + 3 * k);
            }
        }
    }
    assert_ok(bp_table_finish(t));
    return t;
}

/* A linear model of y, which is right, or one whose weights are zero. */
static bp_model *make_model(const bp_table *t, bool trained)
{
    const char *target[] = {"y"};
    double mean, deviation;
    bp_preparation *p;
    bp_dataset *set;
    bp_model *m;
    bp_prepare_options columns = bp_prepare_defaults();
    columns.target = (bp_columns){target, 1};
    columns.numbers = BP_NUMBERS_STANDARD;
    assert_ok(bp_preparation_fit(&p, t, NULL, 0, &columns));
    assert_ok(bp_preparation_apply(&set, p, t, NULL, 0, true, NULL, NULL));
    bp_model_options network = bp_model_defaults();
    network.inputs = bp_preparation_inputs(p);
    network.outputs = 1;
    network.task = BP_REGRESS;
    network.net = "";
    network.type = BP_F64;
    network.init = "zeros";
    assert_ok(bp_model_new(&m, &network));
    bp_preparation_target(p, 0, &mean, &deviation);
    double scale = deviation;
    assert_ok(bp_model_set_output_scaling(m, 1, &mean, &scale));
    assert_ok(bp_model_set_preparation(m, p));
    bp_train_options how = bp_train_defaults();
    how.epochs = 60;
    how.optimizer.lr = 0.01;
    if (trained) {
        assert_ok(bp_train(NULL, m, &set->train, &how));
    }
    bp_dataset_free(set);
    bp_preparation_free(p);
    return m;
}

typedef struct fixture {
    bp_table *table, *turned;
    bp_model *model;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->table = make_table(false);
    f->turned = make_table(true);
    f->model = make_model(f->table, true);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bp_table_free(f->table);
    bp_table_free(f->turned);
    bp_model_free(f->model);
    free(f);
    return 0;
}

static bp_importance *measured(const fixture *f, const bp_table *t, const bp_importance_options *o)
{
    bp_importance *r;
    assert_ok(bp_importance_measure(&r, f->model, t, o));
    return r;
}

static const bp_importance_row *row_of(const bp_importance *r, const char *column)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->row[i].column, column) == 0) {
            return &r->row[i];
        }
    }
    fail_msg("no row for the column %s", column);
    return NULL;
}

static void assert_same(const bp_importance *x, const bp_importance *y)
{
    assert_int_equal(x->count, y->count);
    for (size_t i = 0; i < x->count; i++) {
        const bp_importance_row *a = &x->row[i], *b = &y->row[i];
        assert_string_equal(a->column, b->column);
        assert_true(a->loss == b->loss && a->score == b->score);
        assert_true(a->loss_deviation == b->loss_deviation && a->score_deviation == b->score_deviation);
    }
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* A model that is right, of y = sum of independent terms: shuffling one of them adds the difference of two independent draws to
 * the answer, so that the mean squared error becomes 2 var(term), and R2 falls by 2 var(term) / var(y). The loss is 1/2 the
 * error, in units of var(y). var of 4 a: 16/12, of 3 k: 9 * 2/3 = 6. */
static void test_is_what_theory_says(void **state)
{
    const fixture *f = *state;
    bp_importance_options o = bp_importance_defaults();
    o.repeats = 20;
    bp_importance *r = measured(f, f->table, &o);
    double var_a = 16.0 / 12, var_kind = 6, var_y = var_a + var_kind;
    assert_int_equal(r->rows, ROWS);
    assert_int_equal(r->count, 3);
    assert_string_equal(r->score_name, "r2");
    assert_true(r->score > 0.999);
    assert_string_equal(r->row[0].column, "kind");
    assert_string_equal(r->row[1].column, "a");
    assert_string_equal(r->row[2].column, "b");
    assert_true(fabs(row_of(r, "a")->score - 2 * var_a / var_y) < 0.03);
    assert_true(fabs(row_of(r, "kind")->score - 2 * var_kind / var_y) < 0.05);
    assert_true(fabs(row_of(r, "a")->loss - var_a / var_y) < 0.015);
    assert_true(fabs(row_of(r, "kind")->loss - var_kind / var_y) < 0.025);
    assert_true(fabs(row_of(r, "b")->score) < 1e-3);
    assert_true(row_of(r, "a")->score_deviation > 0 && row_of(r, "a")->score_deviation < 0.05);
    bp_importance_free(r);
}

static void test_model_that_ignores_its_inputs(void **state)
{
    const fixture *f = *state;
    fixture g = {.model = make_model(f->table, false)};
    bp_importance *r = measured(&g, f->table, NULL);
    assert_int_equal(r->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(r->row[i].loss == 0 && r->row[i].score == 0 && r->row[i].loss_deviation == 0);
    }
    assert_string_equal(r->row[0].column, "a"); /* of equals, in the order of the columns */
    bp_importance_free(r);
    bp_model_free(g.model);
}

static void test_threads_do_not_matter(void **state)
{
    const fixture *f = *state;
    bp_importance_options o = bp_importance_defaults();
    o.threads = 1;
    bp_importance *one = measured(f, f->table, &o);
    o.threads = 3;
    bp_importance *three = measured(f, f->table, &o);
    assert_same(one, three);
    bp_importance_free(one);
    bp_importance_free(three);
}

static void test_order_of_columns_does_not_matter(void **state)
{
    const fixture *f = *state;
    bp_importance *x = measured(f, f->table, NULL), *y = measured(f, f->turned, NULL);
    assert_same(x, y);
    bp_importance_free(x);
    bp_importance_free(y);
}

static void test_seed_and_rows(void **state)
{
    const fixture *f = *state;
    bp_importance_options o = bp_importance_defaults();
    bp_importance *x = measured(f, f->table, &o);
    o.seed = 2;
    bp_importance *y = measured(f, f->table, &o);
    assert_true(row_of(x, "a")->loss != row_of(y, "a")->loss);
    o.rows = 500;
    o.repeats = 1;
    bp_importance *few = measured(f, f->table, &o);
    assert_int_equal(few->rows, 500);
    assert_true(row_of(few, "a")->loss_deviation == 0);
    assert_true(fabs(row_of(few, "a")->loss - row_of(x, "a")->loss) < 0.1);
    bp_importance_free(x);
    bp_importance_free(y);
    bp_importance_free(few);
}

static void test_table_is_left_alone(void **state)
{
    const fixture *f = *state;
    size_t size = f->table->rows * f->table->record_bytes;
    char *before = malloc(size);
    memcpy(before, f->table->records, size);
    bp_importance_free(measured(f, f->table, NULL));
    assert_memory_equal(before, f->table->records, size);
    free(before);
}

static bool stop_at_two(void *ctx, size_t done, size_t total)
{
    ++*(int *)ctx;
    assert_int_equal(total, 3);
    return done < 2;
}

static void test_errors(void **state)
{
    const fixture *f = *state;
    bp_importance *r;
    int calls = 0;
    bp_importance_options o = bp_importance_defaults();
    o.on_column = stop_at_two;
    o.ctx = &calls;
    assert_error(bp_importance_measure(&r, f->model, f->table, &o), BP_ERR_STOPPED, "2 of 3 columns");
    assert_int_equal(calls, 2);
    assert_null(r);
    o = bp_importance_defaults();
    o.repeats = 0;
    assert_error(bp_importance_measure(&r, f->model, f->table, &o), BP_ERR_ARGUMENT, "0 shuffles");
    bp_model_options plain = bp_model_defaults();
    plain.inputs = plain.outputs = 2;
    bp_model *m;
    assert_ok(bp_model_new(&m, &plain));
    assert_true(bp_importance_measure(&r, m, f->table, NULL) != BP_OK);
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_what_theory_says),
        cmocka_unit_test(test_model_that_ignores_its_inputs),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_order_of_columns_does_not_matter),
        cmocka_unit_test(test_seed_and_rows),
        cmocka_unit_test(test_table_is_left_alone),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
