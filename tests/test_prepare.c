/* test_prepare.c - from columns to inputs: what is found in the rows of a table, and what becomes of other rows. */
#include "support_io.h"

#include <math.h>

#include "data/prepare.h"

/* ---- Small tables ------------------------------------------------------------------------------------------------ */

static double parse_cell(const char *cell)
{
    return strcmp(cell, "") == 0 ? (double)NAN : atof(cell);
}

/* Cuts the next field, up to a comma or the end of the line, from *at. */
static char *next_field(char **at, char *out)
{
    size_t length = strcspn(*at, ",\n");
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + ((*at)[length] == ',');
    return out;
}

/* A table from text: a first line of names, each followed by n (number), d (f64 number), t (text) or s (date, in seconds):
 * "age:n,sex:t\n22,male\n". header false: the names are forgotten. */
static bp_table *table(const char *content, bool header)
{
    enum { MOST = 64 };
    char *text = strdup(content), *at = text, field[256], kinds[MOST];
    bp_table *t;
    size_t columns = 0;
    assert_ok(bp_table_new(&t, "small.csv", header, NULL));
    while (*at != '\n') {
        size_t length = strlen(next_field(&at, field)) - 2;
        kinds[columns] = field[length + 1];
        bp_column_kind kind = kinds[columns] == 't' ? BP_COLUMN_TEXT : BP_COLUMN_NUMBER;
        kind = kinds[columns] == 's' ? BP_COLUMN_DATE : kind;
        assert_ok(bp_table_add_column(t, header ? field : NULL, header ? length : 0, kind,
                                      kinds[columns++] == 'n' ? BP_F32 : BP_F64));
    }
    for (at++; *at; at++) {
        char *record = bp_table_add_rows(t, 1);
        assert_non_null(record);
        for (size_t c = 0; c < columns; c++) {
            uint32_t code = BP_NO_LEVEL;
            next_field(&at, field);
            if (kinds[c] != 't') {
                bp_record_set_number(record, &t->column[c], parse_cell(field));
                continue;
            }
            if (*field) {
                assert_ok(bp_table_intern(&code, t, c, field, strlen(field)));
            }
            bp_record_set_code(record, &t->column[c], code);
        }
    }
    assert_ok(bp_table_finish(t));
    free(text);
    return t;
}

/* Fits, and hands out what is read back from the text: every test goes the way through the model file. */
static bp_preparation *fit(const bp_table *t, const bp_prepare_options *o)
{
    bp_prepare_options defaults = bp_prepare_defaults();
    bp_preparation *p, *again;
    assert_ok(bp_preparation_fit(&p, t, NULL, 0, o ? o : &defaults));
    assert_ok(bp_preparation_parse(&again, bp_preparation_text(p), NULL));
    assert_string_equal(bp_preparation_text(again), bp_preparation_text(p));
    bp_preparation_free(p);
    return again;
}

static bp_dataset *apply(const bp_preparation *p, const bp_table *t, bool with_target, bp_prepare_report *report)
{
    bp_dataset *d;
    assert_ok(bp_preparation_apply(&d, p, t, NULL, 0, with_target, NULL, report));
    return d;
}

/* One input of a prepared row; both types must agree. */
static double input(const bp_dataset *d, size_t row, size_t at)
{
    float narrow[64];
    double wide[64];
    assert_true(d->train.inputs <= 64 && at < d->train.inputs && row < d->train.rows);
    d->train.fill(d->train.x, row, narrow, BP_F32);
    d->train.fill(d->train.x, row, wide, BP_F64);
    assert_true((double)narrow[at] == wide[at]);
    return wide[at];
}

static void assert_close(double a, double b)
{
    if (!(fabs(a - b) <= 1e-5 * fmax(1, fabs(b)))) {
        fail_msg("%.9g is not %.9g", a, b);
    }
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static void test_number(void **state)
{
    (void)state;
    bp_table *t = table("x:n,y:n\n1,0\n2,0.5\n3,1.5\n,2.5\n6,3.25\n", true);
    bp_preparation *p = fit(t, NULL);
    assert_int_equal(bp_preparation_task(p), BP_TABLE_REGRESS);
    assert_int_equal(bp_preparation_inputs(p), 2); /* x and that it is missing */
    assert_int_equal(bp_preparation_outputs(p), 1);
    double mean, deviation;
    assert_string_equal(bp_preparation_target(p, 0, &mean, &deviation), "y");
    assert_close(mean, 1.55);
    assert_close(deviation, sqrt((1.55 * 1.55 + 1.05 * 1.05 + 0.05 * 0.05 + 0.95 * 0.95 + 1.7 * 1.7) / 5));
    bp_prepare_report report;
    bp_dataset *d = apply(p, t, true, &report);
    double dev = sqrt((4 + 1 + 0 + 9) / 4.0); /* mean of 1 2 3 6 is 3 */
    assert_close(input(d, 0, 0), (1 - 3) / dev);
    assert_close(input(d, 4, 0), (6 - 3) / dev);
    assert_close(input(d, 3, 0), (2.5 - 3) / dev); /* the median */
    assert_close(input(d, 3, 1), 1);
    assert_close(input(d, 0, 1), 0);
    assert_int_equal(report.missing, 1);
    assert_int_equal(report.rows, 5);
    assert_int_equal(d->train.targets, 1);
    assert_true(d->train.y[4] == 3.25);
    char name[64];
    assert_string_equal(bp_preparation_input(p, 1, name, sizeof name), "x=(missing)");
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(t);
}

static void test_category(void **state)
{
    (void)state;
    bp_table *t = table("c:t,y:t\nred,a\ngreen,a\n,b\nblue,b\nred,a\nblue,b\n", true);
    bp_preparation *p = fit(t, NULL);
    assert_int_equal(bp_preparation_inputs(p), 4); /* blue green red, missing */
    char name[64];
    assert_string_equal(bp_preparation_input(p, 0, name, sizeof name), "c=blue");
    assert_string_equal(bp_preparation_input(p, 3, name, sizeof name), "c=(missing)");
    bp_dataset *d = apply(p, t, true, NULL);
    const double expected[6][4] = {{0, 0, 1, 0}, {0, 1, 0, 0}, {0, 0, 0, 1}, {1, 0, 0, 0}, {0, 0, 1, 0}, {1, 0, 0, 0}};
    for (size_t r = 0; r < 6; r++) {
        for (size_t i = 0; i < 4; i++) {
            assert_true(input(d, r, i) == expected[r][i]);
        }
    }
    assert_int_equal(d->train.classes, 2);
    assert_string_equal(d->train.class_names[1], "b");
    assert_int_equal(d->train.label[2], 1);
    bp_dataset_free(d);
    bp_table *other = table("c:t\nblue\nviolet\n\n", true);
    bp_prepare_report report;
    d = apply(p, other, false, &report);
    assert_int_equal(report.unknown, 1);
    assert_int_equal(report.missing, 1);
    assert_string_equal(report.first_unknown, "column \"c\": \"violet\" in row 2");
    for (size_t i = 0; i < 4; i++) {
        assert_true(input(d, 1, i) == 0);
    }
    assert_true(input(d, 2, 3) == 1);
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(other);
    bp_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_number), cmocka_unit_test(test_category)};
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
