/* test_npy.c - NPY and NPZ files, as NumPy 1.24 wrote them (fuzz/corpus/npy) and as nobody should. */
#include <math.h>
#include <minizip/zip.h>

#include "counter.h"
#include "support_io.h"

#include "data/table.h"

static const char *corpus(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/fuzz/corpus/npy/%s", BP_SOURCE_DIR, name);
    return path;
}

static bp_status read_table(bp_table **t, const char *path)
{
    bp_table_options o = bp_table_defaults();
    size_t n = strlen(path);
    return strcmp(path + n - 4, ".npz") == 0 ? bp_npz_table(t, path, &o) : bp_npy_table(t, path, &o);
}

/* The file in the corpus is a table of these numbers; NaN is a missing cell. */
static void expect_numbers(const char *name, size_t rows, size_t columns, const double *expected)
{
    bp_table *t;
    bp_status status = read_table(&t, corpus(name));
    if (status != BP_OK) {
        fail_msg("%s: %s", name, bp_error());
    }
    assert_int_equal(bp_table_rows(t), rows);
    assert_int_equal(bp_table_columns(t), columns);
    for (size_t c = 0; c < columns; c++) {
        size_t missing = 0;
        for (size_t r = 0; r < rows; r++) {
            double found = bp_table_number(t, r, c), wanted = expected[r * columns + c];
            missing += isnan(wanted) != 0;
            if (!(found == wanted || (isnan(found) && isnan(wanted)))) {
                fail_msg("%s, row %zu, column %zu: %.17g, expected %.17g", name, r, c, found, wanted);
            }
        }
        assert_int_equal(bp_table_column(t, c).kind, BP_COLUMN_NUMBER);
        assert_int_equal(bp_table_column(t, c).missing, missing);
    }
    bp_table_free(t);
}

static void floats_in_every_order(void **state)
{
    (void)state;
    static const double m[] = {1, 2.5, (double)NAN, 4, -5, 6e10};
    expect_numbers("f8-2x3.npy", 2, 3, m);
    expect_numbers("f8-fortran.npy", 2, 3, m);
    expect_numbers("f8-big-endian.npy", 2, 3, m);
    expect_numbers("gzip.npy.gz", 2, 3, m);
    static const double single[] = {1, 2.5, (double)NAN, 4, -5, (double)6e10F};
    expect_numbers("f4-version-2.npy", 2, 3, single);
    static const double half[] = {1, 0.5, 65504, 5.9604644775390625e-8, (double)NAN, -0.0};
    expect_numbers("f2-version-3.npy", 3, 2, half);
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double most, least;
    } types[] = {{"i1.npy", 127, -128},
                 {"i2.npy", 32767, -32768},
                 {"i4.npy", 2147483647, -2147483648.0},
                 {"i8.npy", 9007199254740991, 0},
                 {"u1.npy", 255, 0},
                 {"u2.npy", 65535, 0},
                 {"u4.npy", 4294967295, 0},
                 {"u8.npy", 9007199254740991, 0}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        double expected[] = {1, types[i].most, 0, types[i].least};
        expect_numbers(types[i].name, 2, 2, expected);
    }
    static const double booleans[] = {1, 0, 1}, two[] = {1, 2};
    expect_numbers("b1.npy", 3, 1, booleans);
    expect_numbers("keys-in-other-order.npy", 2, 1, two);
    expect_numbers("python-2.npy", 2, 1, two);
}

static void expect_texts(const char *name, size_t column, size_t rows, const char *const *expected)
{
    bp_table *t;
    assert_ok(read_table(&t, corpus(name)));
    assert_int_equal(bp_table_rows(t), rows);
    assert_int_equal(bp_table_column(t, column).kind, BP_COLUMN_TEXT);
    for (size_t r = 0; r < rows; r++) {
        const char *text = bp_table_text(t, r, column);
        if (expected[r]) {
            assert_non_null(text);
            assert_string_equal(text, expected[r]);
        } else {
            assert_null(text);
        }
    }
    bp_table_free(t);
}

static void texts(void **state)
{
    (void)state;
    static const char *const words[] = {"cat", NULL,
                                        "gr\xC3\xB6\xC3\x9F"
                                        "e",
                                        "\xF0\x9F\x98\x80"};
    static const char *const left[] = {"a", NULL}, *const right[] = {"bc", "a"};
    expect_texts("text-U.npy", 0, 4, words);
    expect_texts("text-S.npy", 0, 2, left);
    expect_texts("text-S.npy", 1, 2, right);
}

/* What is no table, or cannot be one without loss, is refused with words that help. */
static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bp_status status;
        const char *mention;
    } cases[] = {
        {"u8-beyond-2-53.npy", BP_ERR_DATA, "row 2, column 1: the whole number is not below 2^53"},
        {"infinite.npy", BP_ERR_DATA, "row 2, column 1: the number is infinite"},
        {"three-dimensions.npy", BP_ERR_SHAPE, "3 dimensions"},
        {"scalar.npy", BP_ERR_SHAPE, "0 dimensions"},
        {"empty.npy", BP_ERR_DATA, "0 x 4"},
        {"records.npy", BP_ERR_UNSUPPORTED, "records of several fields"},
        {"objects.npy", BP_ERR_UNSUPPORTED, "type '|O'"},
        {"promises-much.npy", BP_ERR_FORMAT, "promises 4294967296 x 4294967296 elements"},
        {"promises-a-little-more.npy", BP_ERR_FORMAT, "promises 9 x 1 elements of 8 bytes, but what follows it are 64"},
        {"promises-a-little-less.npy", BP_ERR_FORMAT, "promises 7 x 1 elements of 8 bytes, but what follows it are 64"},
        {"promises-much.npy.gz", BP_ERR_FORMAT, "the file is damaged or cut short"},
        {"length-overflows.npy", BP_ERR_FORMAT, "a length that this machine can address at character 52"},
        {"header-long.npy", BP_ERR_FORMAT, "an NPY header of 4294967295 bytes"},
        {"rows-differ.npz", BP_ERR_SHAPE, "x_train (3 x 2), y_train (3), y_test (2)"},
        {"no-array.npz", BP_ERR_UNSUPPORTED, "README.txt: no array"},
        {"bzip2.npz", BP_ERR_UNSUPPORTED, "packed by method 12"},
        {"checksum-wrong.npz", BP_ERR_FORMAT, "the checksum is wrong"},
        {"members-overlap.npz", BP_ERR_FORMAT, "longer than the zip archive"},
        {"promises-much.npz", BP_ERR_FORMAT, "promises more bytes than it can hold"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bp_table *t;
        assert_error(read_table(&t, corpus(cases[i].name)), cases[i].status, cases[i].mention);
        assert_null(t);
    }
    bp_table *t;
    assert_error(read_table(&t, in_folder("none.npz")), BP_ERR_IO, "none.npz");
    write_file(in_folder("text.npy"), "1,2,3\n4,5,6\n", 12);
    assert_error(read_table(&t, in_folder("text.npy")), BP_ERR_FORMAT, "not NPY");
    write_file(in_folder("text.npz"), "1,2,3\n4,5,6\n", 12);
    assert_error(read_table(&t, in_folder("text.npz")), BP_ERR_FORMAT, "no zip archive");
}

/* Every byte of an array counts: no file cut short is a table. Of an archive, that is all but its end record, 22 bytes. */
static void cut_short(void **state)
{
    (void)state;
    static const char *const names[] = {"f8-2x3.npy", "gzip.npy.gz", "X-y.npz", "columns.npz"};
    for (size_t i = 0; i < 4; i++) {
        bytes b = read_file(corpus(names[i]));
        bool zip = strstr(names[i], ".npz") != NULL;
        const char *path = in_folder(zip ? "cut.npz" : "cut.npy");
        for (size_t n = 0; n < b.size - (zip ? 22 : 0); n++) {
            bp_table *t;
            write_file(path, b.data, n);
            if (read_table(&t, path) == BP_OK) {
                fail_msg("%s, cut to %zu of %zu bytes, was read", names[i], n, b.size);
            }
            assert_null(t);
        }
        free(b.data);
    }
}

static void inputs_and_target(void **state)
{
    (void)state;
    static const double expected[] = {5.1, 3.5, 0, 4.9, 3, 0, 6.2, 2.9, 1};
    bp_table *t;
    assert_ok(read_table(&t, corpus("X-y.npz")));
    assert_int_equal(bp_table_rows(t), 3);
    assert_int_equal(bp_table_columns(t), 3);
    assert_string_equal(bp_table_column(t, 0).name, "column1");
    assert_string_equal(bp_table_column(t, 2).name, "y");
    assert_false(bp_table_has_header(t));
    for (size_t i = 0; i < 9; i++) { /* f32 is enough for these columns */
        assert_true(bp_table_number(t, i / 3, i % 3) == (double)(float)expected[i]);
    }
    bp_table_free(t);
    assert_ok(read_table(&t, corpus("data-target.npz"))); /* the target lies first in the file, deflated */
    assert_int_equal(bp_table_columns(t), 51);
    assert_string_equal(bp_table_column(t, 50).name, "y");
    assert_true(bp_table_number(t, 2, 50) == 1 && bp_table_number(t, 2, 49) == 0);
    bp_table_free(t);
}

static void columns_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"age", "sex", "m_1", "m_2"};
    bp_table *t;
    assert_ok(read_table(&t, corpus("columns.npz")));
    assert_true(bp_table_has_header(t));
    assert_int_equal(bp_table_columns(t), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(bp_table_column(t, i).name, names[i]);
    }
    assert_true(bp_table_number(t, 2, 0) == 52);
    assert_string_equal(bp_table_text(t, 1, 1), "m");
    assert_true(bp_table_number(t, 2, 3) == (double)2.9F);
    bp_table_free(t);
}

static void numbers_as_texts(void **state)
{
    (void)state;
    static const char *const first[] = {"column1", "3"};
    bp_table_options o = bp_table_defaults();
    o.text = first;
    o.text_count = 2;
    bp_table *t;
    assert_ok(bp_npy_table(&t, corpus("f8-2x3.npy"), &o));
    assert_string_equal(bp_table_text(t, 0, 0), "1");
    assert_null(bp_table_text(t, 0, 2));
    assert_string_equal(bp_table_text(t, 1, 2), "60000000000");
    assert_int_equal(bp_table_column(t, 1).kind, BP_COLUMN_NUMBER);
    bp_table_free(t);
    o.text_count = 0;
    o.number = first;
    o.number_count = 1;
    assert_error(bp_npy_table(&t, corpus("text-U.npy"), &o), BP_ERR_DATA, "array of texts");
    static const char *const none[] = {"height"};
    o.number = none;
    assert_error(bp_npy_table(&t, corpus("f8-2x3.npy"), &o), BP_ERR_ARGUMENT, "height");
}

/* More than a block, in both orders, as an array and as a member of either kind. */
static void many_elements(void **state)
{
    (void)state;
    enum { ROWS = 5000, COLUMNS = 7, BYTES = ROWS * COLUMNS * 4 };
    unsigned char *file = malloc(128 + BYTES);
    for (int fortran = 0; fortran < 2; fortran++) {
        memset(file, ' ', 128);
        memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
        int n = snprintf((char *)file + 10, 118, "{'descr': '<i4', 'fortran_order': %s, 'shape': (%d, %d), }",
                         fortran ? "True" : "False", ROWS, COLUMNS);
        file[10 + n] = ' ';
        for (size_t i = 0; i < ROWS * COLUMNS; i++) {
            size_t row = fortran ? i % ROWS : i / COLUMNS, column = fortran ? i / ROWS : i % COLUMNS;
            uint32_t value = (uint32_t)(row * 10 + column);
            for (size_t k = 0; k < 4; k++) {
                file[128 + 4 * i + k] = (unsigned char)(value >> 8 * k);
            }
        }
        for (int kind = 0; kind < 3; kind++) { /* NPY; stored and deflated in an archive */
            const char *path = in_folder(kind ? "many.npz" : "many.npy");
            if (kind) {
                unlink(path);
                zipFile z = zipOpen64(path, APPEND_STATUS_CREATE);
                assert_int_equal(
                    zipOpenNewFileInZip64(z, "a.npy", NULL, NULL, 0, NULL, 0, NULL, kind == 2 ? Z_DEFLATED : 0, 6, 1),
                    ZIP_OK);
                assert_int_equal(zipWriteInFileInZip(z, file, 128 + BYTES), ZIP_OK);
                assert_int_equal(zipCloseFileInZip(z), ZIP_OK);
                assert_int_equal(zipClose(z, NULL), ZIP_OK);
            } else {
                write_file(path, file, 128 + BYTES);
            }
            bp_table *t;
            assert_ok(read_table(&t, path));
            assert_int_equal(bp_table_rows(t), ROWS);
            for (size_t i = 0; i < ROWS * COLUMNS; i++) {
                assert_true(bp_table_number(t, i / COLUMNS, i % COLUMNS) == (double)(i / COLUMNS * 10 + i % COLUMNS));
            }
            bp_table_free(t);
        }
    }
    free(file);
}

/* bp_table_read and bp_table_open know the formats by their content, whatever the names. */
static void by_content(void **state)
{
    (void)state;
    static const char *const names[] = {"X-y.npz", "f8-2x3.npy", "gzip.npy.gz", "../libsvm/usual", "../libsvm/gzip.gz"};
    static const size_t rows[] = {3, 2, 2, 3, 2}, columns[] = {3, 3, 3, 8, 3};
    for (size_t i = 0; i < 5; i++) {
        bytes b = read_file(corpus(names[i]));
        const char *path = in_folder("table.csv");
        write_file(path, b.data, b.size);
        free(b.data);
        bp_table *t;
        assert_ok(bp_table_read(&t, path, NULL));
        assert_int_equal(bp_table_rows(t), rows[i]);
        assert_int_equal(bp_table_columns(t), columns[i]);
        bp_table_stream *s;
        const bp_table *block;
        assert_ok(bp_table_open(&s, path, NULL));
        for (size_t r = 0; r <= rows[i]; r++) {
            assert_ok(bp_table_next(s, &block, 1));
            assert_int_equal(bp_table_rows(block), r < rows[i]);
            if (r < rows[i]) {
                assert_true(bp_table_number(block, 0, 0) == bp_table_number(t, r, 0));
            }
        }
        bp_table_close(s);
        bp_table_free(t);
    }
    write_file(in_folder("a.svm"), "1 \n", 3); /* by name, since it might be anything */
    bp_table *t;
    assert_error(bp_table_read(&t, in_folder("a.svm"), NULL), BP_ERR_DATA, "no line has a pair");
    bp_table_options o = bp_table_defaults();
    o.delimiter = ' ';
    o.header = 0;
    write_file(in_folder("a.txt"), "1 2:3\n4 5:6\n", 12);
    assert_ok(bp_table_read(&t, in_folder("a.txt"), &o));
    assert_string_equal(bp_table_text(t, 1, 1), "5:6");
    bp_table_free(t);
}

/* Whatever allocation fails: an error, and nothing stays behind. */
static void out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"f8-2x3.npy", "text-U.npy", "columns.npz"};
    for (size_t i = 0; i < 3; i++) {
        bool done = false;
        for (size_t fail_at = 1; !done; fail_at++) {
            counter c = {.fail_at = fail_at};
            bp_allocator a = counting(&c);
            bp_table_options o = bp_table_defaults();
            o.allocator = &a;
            bp_table *t;
            bp_status status = i == 2 ? bp_npz_table(&t, corpus(names[i]), &o) : bp_npy_table(&t, corpus(names[i]), &o);
            done = status == BP_OK;
            assert_true(done || status == BP_ERR_MEMORY);
            bp_table_free(t);
            assert_int_equal(c.live, 0);
            assert_true(fail_at < 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_in_every_order),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(texts),
        cmocka_unit_test(refusals),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(inputs_and_target),
        cmocka_unit_test(columns_by_name),
        cmocka_unit_test(numbers_as_texts),
        cmocka_unit_test(many_elements),
        cmocka_unit_test(by_content),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
