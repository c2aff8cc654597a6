/* test_libsvm.c - LIBSVM and SVMlight text as tables. */
#include <math.h>

#include "counter.h"
#include "support_io.h"

#include "data/table.h"

static bp_status read_text(bp_table **t, const char *text, const bp_table_options *options)
{
    bp_table_options o = options ? *options : bp_table_defaults();
    write_file(in_folder("data.libsvm"), text, strlen(text));
    return bp_libsvm_table(t, in_folder("data.libsvm"), &o);
}

static void expect_row(const bp_table *t, size_t row, const double *expected)
{
    for (size_t c = 0; c < bp_table_columns(t); c++) {
        double found = bp_table_number(t, row, c);
        if (!(found == expected[c] || (isnan(found) && isnan(expected[c])))) {
            fail_msg("row %zu, column %zu: %.17g, expected %.17g", row, c, found, expected[c]);
        }
    }
}

static void usual(void **state)
{
    (void)state;
    static const double rows[3][5] = {{0.5, 0, -0.25, 0, 1}, {0, 1, 0, 0, -1}, {0, 0, 0, 3.25, 1}};
    bp_table *t;
    assert_ok(read_text(&t, "+1 1:0.5 3:-25e-2\n-1 2:1 # comment 5:1\n\n# a line of its own\r\n  +1\t4:3.25 ", NULL));
    assert_int_equal(bp_table_rows(t), 3);
    assert_int_equal(bp_table_columns(t), 5);
    assert_string_equal(bp_table_column(t, 0).name, "column1");
    assert_string_equal(bp_table_column(t, 4).name, "label");
    assert_true(bp_table_has_header(t));
    for (size_t r = 0; r < 3; r++) {
        expect_row(t, r, rows[r]);
    }
    bp_table_free(t);
}

static void from_zero(void **state)
{
    (void)state;
    static const double first[] = {7, 0, 2, 1};
    bp_table *t;
    assert_ok(read_text(&t, "0 2:5\n1 0:7 2:2\n", NULL));
    assert_int_equal(bp_table_columns(t), 4);
    assert_string_equal(bp_table_column(t, 0).name, "column0");
    expect_row(t, 1, first);
    bp_table_free(t);
}

/* A file whose last features are all 0 fits a model that knows them; so does one that does not happen to have index 0. */
static void columns_asked_for(void **state)
{
    (void)state;
    static const char *const number[] = {"column0", "column5", "label"};
    static const double expected[] = {0, 3, 0, 0, 0, 0, 1};
    bp_table_options o = bp_table_defaults();
    o.number = number;
    o.number_count = 3;
    bp_table *t;
    assert_ok(read_text(&t, "1 1:3\n", &o));
    assert_int_equal(bp_table_columns(t), 7);
    expect_row(t, 0, expected);
    bp_table_free(t);
}

static void groups_and_missing(void **state)
{
    (void)state;
    static const double first[] = {1, (double)NAN, 3};
    bp_table *t;
    assert_ok(read_text(&t, "3 qid:1 1:1 2:nan\n1 qid:2 2:4\n", NULL));
    assert_int_equal(bp_table_columns(t), 3);
    expect_row(t, 0, first);
    assert_int_equal(bp_table_column(t, 1).missing, 1);
    bp_table_free(t);
}

/* Columns are as wide as their numbers need: all of them, the zeros that are not written, too. */
static void widths(void **state)
{
    (void)state;
    bp_table *t;
    assert_ok(read_text(&t, "1 1:16777217 2:0.1 3:100000.001\n0 1:5 3:100000.002\n-1 1:3 3:100000.003\n", NULL));
    assert_int_equal(bp_table_column(t, 0).type, BP_F64);
    assert_int_equal(bp_table_column(t, 1).type, BP_F32);
    assert_int_equal(bp_table_column(t, 2).type, BP_F64);
    assert_true(bp_table_number(t, 0, 0) == 16777217);
    bp_table_free(t);
    assert_ok(read_text(&t, "1 1:100000.001\n0 1:100000.002\n-1 2:3\n", NULL)); /* a zero makes the spread large */
    assert_int_equal(bp_table_column(t, 0).type, BP_F32);
    bp_table_free(t);
}

static void labels_as_texts(void **state)
{
    (void)state;
    static const char *const text[] = {"label", "column2"};
    bp_table_options o = bp_table_defaults();
    o.text = text;
    o.text_count = 2;
    bp_table *t;
    assert_ok(read_text(&t, "+1 1:1\n-1 2:0.1\n", &o));
    assert_string_equal(bp_table_text(t, 0, 2), "1");
    assert_string_equal(bp_table_text(t, 1, 2), "-1");
    assert_string_equal(bp_table_text(t, 0, 1), "0");
    assert_string_equal(bp_table_text(t, 1, 1), "0.1");
    bp_table_free(t);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bp_status status;
        const char *mention;
    } cases[] = {
        {"1 1:1\n1 1:1 3:2 3:4\n", BP_ERR_FORMAT, "line 2, character 11: \"3:4\" has an index that this line has had"},
        {"1 2:1 1:2\n", BP_ERR_FORMAT, "line 1, character 7: \"1:2\" comes after a larger index"},
        {"1,2 1:1\n", BP_ERR_FORMAT, "\"1,2\" is a list of labels"},
        {"cat 1:1\n", BP_ERR_FORMAT, "line 1, character 1: \"cat\" is no label"},
        {"1 1:1\n1:2\n", BP_ERR_FORMAT, "line 2, character 1: \"1:2\" is no label"},
        {"1 1:x\n", BP_ERR_FORMAT, "line 1, character 5: \"1:x\" has a value that is no number"},
        {"1 1:\n", BP_ERR_FORMAT, "has a value that is no number"},
        {"1 :1\n", BP_ERR_FORMAT, "\":1\" is no pair"},
        {"1 -1:1\n", BP_ERR_FORMAT, "\"-1:1\" is no pair"},
        {"1 1:1 qid:3\n", BP_ERR_FORMAT, "\"qid:3\" is no pair"},
        {"1 1:1e999\n", BP_ERR_FORMAT, "infinite"},
        {"1 18446744073709551617:1\n", BP_ERR_FORMAT, "beyond 1048576"},
        {"1 1000000:1\n", BP_ERR_MEMORY, "tables are dense"},
        {"\n# nothing\n", BP_ERR_DATA, "has no rows"},
        {"1\n2\n", BP_ERR_DATA, "no line has a pair"},
        {"", BP_ERR_DATA, "has no rows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bp_table *t;
        assert_error(read_text(&t, cases[i].text, NULL), cases[i].status, cases[i].mention);
        assert_null(t);
    }
}

/* A dense table may be large where the file is large enough. */
static void rows_times_columns(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    char *text = malloc(ROWS * 16);
    for (int columns = 400; columns <= 800; columns += 400) {
        char *at = text;
        for (int i = 0; i < ROWS; i++) { /* about 8 bytes a row */
            at += sprintf(at, "%d %d:1\n", i % 2, 1 + i % columns);
        }
        bp_table *t;
        if (columns == 400) {
            assert_ok(read_text(&t, text, NULL));
            assert_int_equal(bp_table_columns(t), columns + 1);
            bp_table_free(t);
        } else {
            assert_error(read_text(&t, text, NULL), BP_ERR_MEMORY, "line 20000: 20000 rows of 801 columns");
        }
    }
    free(text);
}

static void long_lines(void **state)
{
    (void)state;
    enum { COLUMNS = 100000 };
    char *text = malloc(COLUMNS * 16), *at = text;
    at += sprintf(at, "1 1:1\n2");
    for (int i = 1; i <= COLUMNS; i++) {
        at += sprintf(at, " %d:%d", i, i);
    }
    bp_table *t;
    assert_ok(read_text(&t, text, NULL));
    assert_int_equal(bp_table_rows(t), 2);
    assert_true(bp_table_number(t, 1, COLUMNS - 1) == COLUMNS && bp_table_number(t, 1, COLUMNS) == 2);
    bp_table_free(t);
    write_gzip(in_folder("data.gz"), text, strlen(text));
    bp_table_options o = bp_table_defaults();
    assert_ok(bp_libsvm_table(&t, in_folder("data.gz"), &o));
    assert_true(bp_table_number(t, 1, 12344) == 12345);
    bp_table_free(t);
    free(text);
}

static void recognised(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } cases[] = {{"1 1:2\n", true},          {"-1 3:0.5 7:1e3 # x\n1 1:1", true},
                 {"# head\n\n+1 1:1", true}, {"2 qid:1 1:3", true},
                 {"1 2 3\n", false},         {"1\n", false},
                 {"12 10:30:05\n", false},   {"a 1:2\n", false},
                 {"1,1:2\n", false},         {"", false},
                 {"1 x:2\n", false},         {"1 1: 2", false},
                 {"1 12x:5\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (bp_libsvm_looks(cases[i].text, strlen(cases[i].text)) != cases[i].is) {
            fail_msg("\"%s\"", cases[i].text);
        }
    }
}

static void out_of_memory(void **state)
{
    (void)state;
    bool done = false;
    for (size_t fail_at = 1; !done; fail_at++) {
        counter c = {.fail_at = fail_at};
        bp_allocator a = counting(&c);
        bp_table_options o = bp_table_defaults();
        o.allocator = &a;
        bp_table *t;
        bp_status status = read_text(&t, "1 1:1\n2 40:2\n", &o);
        done = status == BP_OK;
        assert_true(done || status == BP_ERR_MEMORY);
        bp_table_free(t);
        assert_int_equal(c.live, 0);
        assert_true(fail_at < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual),
        cmocka_unit_test(from_zero),
        cmocka_unit_test(columns_asked_for),
        cmocka_unit_test(groups_and_missing),
        cmocka_unit_test(widths),
        cmocka_unit_test(labels_as_texts),
        cmocka_unit_test(refusals),
        cmocka_unit_test(rows_times_columns),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(recognised),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
