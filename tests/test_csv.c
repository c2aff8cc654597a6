/* test_csv.c - tables from CSV: every deviation that is read, every mistake that is named, and the real files. */
#include "support_table.h"

static void expect_table(const char *text, const bp_table_options *o, const char *expected, int line)
{
    bp_table *t;
    if (read_text(&t, text, o) != BP_OK) {
        fail_msg("line %d: %s", line, bp_error());
    }
    if (strcmp(shown(t), expected) != 0) {
        fail_msg("line %d: read    %s\n         expected %s", line, shown(t), expected);
    }
    bp_table_free(t);
}
#define expect(text, expected) expect_table(text, NULL, expected, __LINE__)

/* ---- What is read ------------------------------------------------------------------------------------------------ */

static void test_forms(void **state)
{
    (void)state;
    expect("a,b\n1,x\n2,y\n", "a:n b:t|1 x|2 y");
    expect("a,b\r\n1,x\r\n2,y", "a:n b:t|1 x|2 y");
    expect("a,b\r1,x\r2,y\r", "a:n b:t|1 x|2 y");
    expect("\xEF\xBB\xBF"
           "a,b\n1,x\n",
           "a:n b:t|1 x");
    expect("\n\n  \na,b\n\n1,x\n   \n2,y\n\n\r\n", "a:n b:t|1 x|2 y");
    expect(" a , b \n 1 ,\tx y \n2,  y", "a:n b:t|1 x y|2 y");
    expect("a;b\n1;x,y\n2;z,y\n", "a:n b:t|1 x,y|2 z,y");
    expect("a\tb\n1\tx y\n\tz\n", "a:n b:t|1 x y|- z");
    expect("a|b\n1|x\n2|y\n", "a:n b:t|1 x|2 y");
    expect("  a   b\n 1 \t x \n2 y", "a:n b:t|1 x|2 y");
    expect("1 2\n3 4\n", "column1:n column2:n|1 2|3 4");
    expect("x\n1\n2\n", "x:n|1|2");
    expect("1,2,\n3,4,\n", "column1:n column2:n column3:n|1 2 -|3 4 -");
    expect(",b\n1,2\n", "column1:n b:n|1 2");
    expect("gr\xC3\xB6\xC3\x9F"
           "e,b\n1,\xE2\x82\xAC\n",
           "gr\xC3\xB6\xC3\x9F"
           "e:n b:t|1 \xE2\x82\xAC");
}

static void test_quotes(void **state)
{
    (void)state;
    expect("a,b\n\"1\",\"x,y\"\n2,\"he said \"\"no\"\"\"\n", "a:n b:t|1 x,y|2 he said \"no\"");
    expect("a,b\n1,\"two\nlines\"\n2,\"x\r\ny\"\n", "a:n b:t|1 two\nlines|2 x\r\ny");
    expect("\"a \"\"b\"\"\",c\n1, \" x \" \n", "a \"b\":n c:t|1  x ");
    expect("a,b\n1,\"\"\n2,x\n", "a:n b:t|1 -|2 x");
    expect("a,b\n1,5\" pipe\n2,6\" pipe\n", "a:n b:t|1 5\" pipe|2 6\" pipe");
    expect("a b\n\"x y\" 1\n'z 2\n", "a:t b:n|x y 1|'z 2");
    expect("a,b\n1,\"\"\"\"\n", "a:n b:t|1 \"");
}

static void test_header(void **state)
{
    (void)state;
    expect("5.1,a\n4.9,b\n", "column1:n column2:t|5.1 a|4.9 b");
    expect("red,big\nred,small\nblue,big\nblue,big\n", "column1:t column2:t|red big|red small|blue big|blue big");
    expect("colour,size\nred,small\nred,big\nblue,big\nblue,big\n",
           "colour:t size:t|red small|red big|blue big|blue big");
    expect("?,a\n1,b\n2,a\n", "column1:n column2:t|- a|1 b|2 a");
    expect("day,n\n2020-01-01,x\n", "day:d n:t|1577836800 x");
    bp_table_options o = bp_table_defaults();
    o.header = 1;
    expect_table("1,2\n3,4\n", &o, "1:n 2:n|3 4", __LINE__);
    o.header = 0;
    expect_table("a,b\nc,d\n", &o, "column1:t column2:t|a b|c d", __LINE__);
    expect_table("a,b\n1,2\n3,4\n", &o, "column1:t column2:t|a b|1 2|3 4", __LINE__);
}

static void test_missing(void **state)
{
    (void)state;
    expect("a,b\n1,x\n,\nNA,n/a\nnan,NULL\n?,?\n-NaN,#N/A\n<na>,None\n", "a:n b:t|1 x|- -|- -|- -|- -|- -|- None");
    bp_table_options o = bp_table_defaults();
    o.missing = " unknown , -99,keine";
    expect_table("a,b\n1,x\n-99,Unknown\n,NA\nkeine,y\n", &o, "a:n b:t|1 x|-99 -|- NA|- y", __LINE__);
    bp_table *t;
    assert_ok(read_text(&t, "a,b\n1,x\n,\n2,\n", NULL));
    assert_int_equal(bp_table_column(t, 0).missing, 1);
    assert_int_equal(bp_table_column(t, 1).missing, 2);
    bp_table_free(t);
    expect("a,b\n,1\nNA,2\n", "a:n b:n|- 1|- 2");
}

static void test_numbers(void **state)
{
    (void)state;
    expect("a,b\n+1,.5\n1e5,5.\n1E+05,-0\n", "a:n b:n|1 0.5|100000 5|100000 -0");
    expect("a,b\n0x10,1\n1,1\n", "a:t b:n|0x10 1|1 1");
    bp_table_options o = bp_table_defaults();
    o.decimal_comma = true;
    expect_table("a;b\n1,5;x\n-2,25e1;y\n", &o, "a:n b:t|1.5 x|-22.5 y", __LINE__);
    o.header = 1;
    expect_table("a;b\n1.5;x\n1,5;y\n", &o, "a:t b:t|1.5 x|1,5 y", __LINE__);
    o.header = -1;
    expect_table("a,b\n\"1,5\",\"2,5\"\n\"3,5\",\"4,5\"\n", &o, "a:n b:n|1.5 2.5|3.5 4.5", __LINE__);
}

/* f64 where f32 would lose what matters, also if only the last row says so. */
static void test_wide(void **state)
{
    (void)state;
    bp_table *t;
    assert_ok(read_text(&t, "id,t,x,c,p\n16777217,100000.01,0.1,1e10,1e-300\n2,100000.02,0.2,1e10,1e-290\n", NULL));
    static const bp_type expected[] = {BP_F64, BP_F64, BP_F32, BP_F32, BP_F64};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(bp_table_column(t, i).type, expected[i]);
    }
    assert_true(bp_table_number(t, 0, 0) == 16777217 && bp_table_number(t, 1, 1) == 100000.02);
    assert_true(bp_table_number(t, 0, 2) == (double)0.1F);
    bp_table_free(t);
    char *text = malloc(100000);
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < 5000; i++) {
        n += (size_t)snprintf(text + n, 100000 - n, "%d,x\n", i);
    }
    n += (size_t)snprintf(text + n, 100000 - n, "123456789,x\n");
    assert_ok(read_bytes(&t, text, n, NULL));
    assert_int_equal(bp_table_column(t, 0).type, BP_F64);
    assert_true(bp_table_number(t, 5000, 0) == 123456789 && bp_table_number(t, 4999, 0) == 4999);
    bp_table_free(t);
    static const char *const wide[] = {"b"};
    bp_table_options o = bp_table_defaults();
    o.wide = wide;
    o.wide_count = 1;
    assert_ok(read_text(&t, "a,b\n0.1,0.1\n0.2,0.2\n", &o));
    assert_int_equal(bp_table_column(t, 0).type, BP_F32);
    assert_int_equal(bp_table_column(t, 1).type, BP_F64);
    assert_true(bp_table_number(t, 0, 1) == 0.1);
    bp_table_free(t);
    free(text);
}

/* A text far down makes a column of numbers text, and says so. */
static void test_odd(void **state)
{
    (void)state;
    enum { ROWS = 4000, SIZE = 200000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    size_t n = (size_t)snprintf(text, SIZE, "a,b,c,d,e\n");
    for (int i = 0; i < ROWS; i++) {
        const char *a = i == 3000 ? "none" : i == 3500 ? "nothing" : "7", *d = i == 3900 ? "2020-01-01" : "";
        n += (size_t)snprintf(text + n, SIZE - n, "%s,%d,x,%s,2020-01-0%d\n", a, i, d, i % 9 + 1);
    }
    bp_table *t;
    assert_ok(read_bytes(&t, text, n, NULL));
    bp_column_info a = bp_table_column(t, 0);
    assert_int_equal(a.kind, BP_COLUMN_TEXT);
    assert_int_equal(a.odd, 2);
    assert_int_equal(a.odd_line, 3002);
    assert_string_equal(a.odd_text, "none");
    assert_int_equal(a.levels, 3);
    assert_string_equal(bp_table_text(t, 3999, 0), "7");
    assert_int_equal(bp_table_column(t, 1).kind, BP_COLUMN_NUMBER);
    assert_true(bp_table_number(t, 3999, 1) == 3999);
    assert_int_equal(bp_table_column(t, 2).odd, 0);
    assert_int_equal(bp_table_column(t, 3).kind, BP_COLUMN_DATE); /* nothing else is in it */
    assert_int_equal(bp_table_column(t, 3).missing, ROWS - 1);
    assert_int_equal(bp_table_column(t, 4).kind, BP_COLUMN_DATE);
    assert_int_equal(bp_table_rows(t), ROWS);
    bp_table_free(t);
    free(text);
}

static void test_dates(void **state)
{
    (void)state;
    expect("d\n1970-01-02\n1970-01-01T01:00:00.5Z\n\n1970-01-01 00:00\nNA\n", "d:d|86400|3600.5|0|-");
    expect("d,x\n1.2.1970,1\n13.1.1970,2\n", "d:d x:n|2678400 1|1036800 2");
    expect("d,x\n1/2/1970,1\n1/13/1970,2\n", "d:d x:n|86400 1|1036800 2");
    expect("d,x\n1/2/1970,1\n13/1/1970,2\n", "d:d x:n|2678400 1|1036800 2");
    expect("d,x\n1/2/1970,1\n3/1/1970,2\n", "d:t x:n|1/2/1970 1|3/1/1970 2");
    expect("d,x\n13/2/1970,1\n3/14/1970,2\n", "d:t x:n|13/2/1970 1|3/14/1970 2");
    expect("d,x\n19700102,1\n19700103,1\n", "d:n x:n|19700102 1|19700103 1");
    static const char *const date[] = {"d"}, *const ymd[] = {"ymd"}, *const mdy[] = {"m/d/y"};
    bp_table_options o = bp_table_defaults();
    o.date = date;
    o.date_count = 1;
    expect_table("d,x\n19700102,1\n19700103,1\n", &o, "d:d x:n|86400 1|172800 1", __LINE__);
    o.date_format = ymd;
    expect_table("d,x\n19700102,1\n19700103,1\n", &o, "d:d x:n|86400 1|172800 1", __LINE__);
    o.date_format = mdy;
    expect_table("d,x\n1/2/1970,1\n3/1/1970,2\n", &o, "d:d x:n|86400 1|5097600 2", __LINE__);
    bp_table *t;
    assert_error(read_text(&t, "d,x\n1/2/1970,1\n13/1/1970,2\n", &o), BP_ERR_DATA, "not a date of the form m/d/y");
    o.date_format = NULL;
    assert_error(read_text(&t, "d,x\n1/2/1970,1\n3/1/1970,2\n", &o), BP_ERR_DATA, "d/m/y and as m/d/y");
    assert_error(read_text(&t, "d,x\n13/2/1970,1\n3/14/1970,2\n", &o), BP_ERR_DATA, "line 3");
    assert_error(read_text(&t, "d,x\n13/2/1970,1\nfoo,2\n", &o), BP_ERR_DATA, "\"foo\" is not a date");
    assert_ok(read_text(&t, "d\n13/2/1970\n", NULL));
    assert_string_equal(bp_table_column(t, 0).date_format, "d/m/y");
    bp_table_free(t);
}

static void test_asked(void **state)
{
    (void)state;
    static const char *const first[] = {"1"}, *const b[] = {"b"}, *const wrong[] = {"bb", "zzz"};
    bp_table_options o = bp_table_defaults();
    o.text = first;
    o.text_count = 1;
    expect_table("a,b\n1,2\n01,3\n", &o, "a:t b:n|1 2|01 3", __LINE__);
    o.number = b;
    o.number_count = 1;
    expect_table("a,b\n1,2\n01,?\n", &o, "a:t b:n|1 2|01 -", __LINE__);
    bp_table *t;
    assert_error(read_text(&t, "a,b\n1,2\n01,x\n", &o), BP_ERR_DATA, "line 3, column 2 (b): \"x\" is not a number");
    o.number = wrong;
    assert_error(read_text(&t, "a,b\n1,2\n", &o), BP_ERR_ARGUMENT, "did you mean \"b\"?");
    o.number_count = 2;
    assert_error(read_text(&t, "a,b\n1,2\n", &o), BP_ERR_ARGUMENT, "2 columns are missing, \"bb\", \"zzz\"");
    o.number = first;
    o.number_count = 1;
    assert_error(read_text(&t, "a,b\n1,2\n", &o), BP_ERR_ARGUMENT, "as number and as text");
}

/* ---- What is wrong ----------------------------------------------------------------------------------------------- */

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bp_status status;
        const char *mention;
    } bad[] = {
        {"", BP_ERR_FORMAT, "empty"},
        {" \n\n", BP_ERR_FORMAT, "empty"},
        {"a,b\n", BP_ERR_DATA, "no row of data"},
        {"a,b\n1,2\n1,2,3\n", BP_ERR_FORMAT, "line 3: this row has 3 cells, expected 2"},
        {"a,b\n1,2\n\"1\n2\",3\n7\n", BP_ERR_FORMAT,
         "line 5: this row has 1 cell, expected 2 as in the first row: \"7\""},
        {"a,b\n1,inf\n", BP_ERR_DATA, "line 2, column 2 (b): \"inf\" is infinite"},
        {"a,b\n1,1e999\n", BP_ERR_DATA, "line 2, column 2 (b): \"1e999\" is infinite or too large"},
        {"a,b\n1,\"x\n2,y\n", BP_ERR_FORMAT, "line 2, column 2 (b): \"x"},
        {"a,b\n1,\"x", BP_ERR_FORMAT, "line 2, column 2 (b): \"x\" its quote is never closed"},
        {"a,b\n1,\"x\" y\n", BP_ERR_FORMAT, "line 2, column 2 (b): \"x\" more text follows"},
        {"\"name\n1\n2\n3\n", BP_ERR_FORMAT, "line 1, column 1 of the header: \"name?1?2?3?\" its quote is never"},
        {"a,\"b\"x\n1,2\n3,4\n", BP_ERR_FORMAT, "line 1, column 2 of the header: \"b\" more text follows"},
        {"a,a\n1,2\n", BP_ERR_FORMAT, "t.csv: columns 1 and 2 are both named \"a\""},
        {"a,b\n1,\xFF\n", BP_ERR_FORMAT, "line 2, column 2 (b): a text, \"?\", is not UTF-8"},
        {"a,\xC3\n1,2\n", BP_ERR_FORMAT, "the name of column 2"},
        {"\xFF\xFE"
         "a",
         BP_ERR_FORMAT, "UTF-16"},
        {"\xFE\xFF"
         "a",
         BP_ERR_FORMAT, "UTF-16"},
    };
    bp_table *t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_error(read_text(&t, bad[i].text, NULL), bad[i].status, bad[i].mention);
        assert_null(t);
    }
    assert_error(read_bytes(&t, "a,b\n1,\0\n", 8, NULL), BP_ERR_FORMAT, "NUL");
    assert_error(read_bytes(&t, "a,b\n1,\"x\0\"\n", 11, NULL), BP_ERR_FORMAT, "NUL");
    assert_error(bp_table_read(&t, in_folder("none"), NULL), BP_ERR_IO, "none");
    assert_error(bp_table_read(&t, folder, NULL), BP_ERR_IO, "directory");
    assert_error(bp_table_read(&t, "", NULL), BP_ERR_ARGUMENT, "no path");
    bp_table_options o = bp_table_defaults();
    o.delimiter = 'x';
    assert_error(read_text(&t, "a,b\n1,2\n", &o), BP_ERR_ARGUMENT, "delimiter");
}

static void test_skip(void **state)
{
    (void)state;
    static const char *const a[] = {"a"};
    bp_table_options o = bp_table_defaults();
    o.skip_bad_rows = true;
    o.number = a;
    o.number_count = 1;
    bp_table *t;
    const char *why;
    assert_ok(read_text(&t, "a,b,c\n1,x,\n2\n3,y,5\nz,never,5\n,never,inf\n4,\"x\"y,1\n5,\"open,1\n6,z,\n", &o));
    assert_string_equal(shown(t), "a:n b:t c:n|1 x -|3 y 5|6 z -");
    assert_int_equal(bp_table_skipped(t, &why), 5);
    assert_non_null(strstr(why, "line 3: this row has 1 cell"));
    assert_int_equal(bp_table_column(t, 0).missing, 0);
    assert_int_equal(bp_table_column(t, 1).levels, 3);
    assert_int_equal(bp_table_column(t, 2).missing, 2);
    bp_table_free(t);
    assert_ok(read_text(&t, "a,b\n1,2\n3,\"open", &o)); /* up to the last byte */
    assert_string_equal(shown(t), "a:n b:n|1 2");
    bp_table_free(t);
    assert_error(read_text(&t, "a,b\nx,1\ny,2\n", &o), BP_ERR_DATA, "all 2 rows are bad");
}

/* ---- Real files -------------------------------------------------------------------------------------------------- */

static void test_real(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t rows, columns, texts;
        bool header;
        size_t missing;
    } file[] = {
        {"adult-train.csv", 32561, 15, 9, false, 4262},
        {"adult-test.csv", 16281, 15, 9, false, 2203},
        {"california-housing.csv", 20640, 10, 1, true, 207},
        {"iris.csv", 150, 5, 1, false, 0},
        {"pima-indians-diabetes.csv", 768, 9, 0, false, 0},
        {"sonar.csv", 208, 61, 1, false, 0},
        {"wine.csv", 178, 14, 0, false, 0},
        {"winequality-red.csv", 1599, 12, 0, false, 0},
        {"winequality-white.csv", 4898, 12, 0, false, 0},
    };
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        char name[64];
        snprintf(name, sizeof name, "csv/%s", file[i].name);
        if (!real_data(name)) {
            skip();
        }
        bp_table *t;
        assert_ok(bp_table_read(&t, real_data(name), NULL));
        assert_int_equal(bp_table_rows(t), file[i].rows);
        assert_int_equal(bp_table_columns(t), file[i].columns);
        assert_int_equal(bp_table_has_header(t), file[i].header);
        size_t texts = 0, missing = 0;
        for (size_t c = 0; c < bp_table_columns(t); c++) {
            texts += bp_table_column(t, c).kind == BP_COLUMN_TEXT;
            missing += bp_table_column(t, c).missing;
            assert_int_equal(bp_table_column(t, c).odd, 0);
        }
        assert_int_equal(texts, file[i].texts);
        assert_int_equal(missing, file[i].missing);
        bp_table_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_quotes),  cmocka_unit_test(test_header),
        cmocka_unit_test(test_missing),  cmocka_unit_test(test_numbers), cmocka_unit_test(test_wide),
        cmocka_unit_test(test_odd),      cmocka_unit_test(test_dates),   cmocka_unit_test(test_asked),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_skip),    cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
