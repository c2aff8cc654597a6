/* test_table.c - tables in memory: columns, records, levels, names, missing cells, and memory that runs out. */
#include "data/table.h"
#include "support_io.h"

#include <math.h>

/* Three columns and three rows: a number, a text, a wide number; the middle row has nothing. */
static bp_status build(bp_table **out, const bp_allocator *a)
{
    bp_status status = bp_table_new(out, "by hand", true, a);
    bp_table *t = *out;
    status = status ? status : bp_table_add_column(t, "height", 6, BP_COLUMN_NUMBER, BP_F32);
    status = status ? status : bp_table_add_column(t, "colour", 6, BP_COLUMN_TEXT, BP_F32);
    status = status ? status : bp_table_add_column(t, NULL, 0, BP_COLUMN_DATE, BP_F64);
    static const char *const colour[] = {"red", NULL, "r"};
    for (size_t i = 0; i < 3 && status == BP_OK; i++) {
        char *record = bp_table_add_rows(t, 1);
        if (!record) {
            return BP_ERR_MEMORY;
        }
        uint32_t code = BP_NO_LEVEL;
        status = colour[i] ? bp_table_intern(&code, t, 1, colour[i], strlen(colour[i])) : BP_OK;
        bp_record_set_number(record, &t->column[0], i == 1 ? (double)NAN : 0.1 * (double)i);
        bp_record_set_code(record, &t->column[1], code);
        bp_record_set_number(record, &t->column[2], i == 1 ? (double)NAN : 1700000000.25 + (double)i);
    }
    return status ? status : bp_table_finish(t);
}

static void test_values(void **state)
{
    (void)state;
    bp_table *t;
    assert_ok(build(&t, NULL));
    assert_int_equal(bp_table_rows(t), 3);
    assert_int_equal(bp_table_columns(t), 3);
    assert_true(bp_table_has_header(t));
    assert_string_equal(bp_table_source(t), "by hand");
    assert_true(bp_table_number(t, 2, 0) == (double)0.2F);
    assert_true(bp_table_number(t, 2, 2) == 1700000002.25);
    assert_true(isnan(bp_table_number(t, 1, 0)) && isnan(bp_table_number(t, 0, 1)) && isnan(bp_table_number(t, 3, 0)));
    assert_string_equal(bp_table_text(t, 0, 1), "red");
    assert_string_equal(bp_table_text(t, 2, 1), "r");
    assert_null(bp_table_text(t, 1, 1));
    assert_null(bp_table_text(t, 0, 0));
    assert_string_equal(bp_table_level(t, 1, 1), "r");
    assert_null(bp_table_level(t, 1, 2));
    static const bp_column_kind kind[] = {BP_COLUMN_NUMBER, BP_COLUMN_TEXT, BP_COLUMN_DATE};
    for (size_t i = 0; i < 3; i++) {
        bp_column_info info = bp_table_column(t, i);
        assert_int_equal(info.kind, kind[i]);
        assert_int_equal(info.missing, 1);
        assert_int_equal(info.levels, i == 1 ? 2 : 0);
    }
    assert_null(bp_table_column(t, 3).name);
    assert_int_equal(bp_table_skipped(t, NULL), 0);
    assert_true(bp_table_bytes(t) >= 3 * 16);
    bp_table_free(t);
}

static void test_find(void **state)
{
    (void)state;
    bp_table *t;
    assert_ok(build(&t, NULL));
    assert_int_equal(bp_table_find(t, "colour"), 1);
    assert_int_equal(bp_table_find(t, "column3"), 2);
    assert_int_equal(bp_table_find(t, "1"), 0);
    assert_int_equal(bp_table_find(t, "3"), 2);
    assert_int_equal(bp_table_find(t, "0"), 3);
    assert_int_equal(bp_table_find(t, "4"), 3);
    assert_int_equal(bp_table_find(t, "color"), 3);
    assert_non_null(strstr(bp_error(), "did you mean \"colour\"?"));
    assert_non_null(strstr(bp_error(), "height, colour, column3"));
    assert_int_equal(bp_table_find(t, "quite another"), 3);
    assert_null(strstr(bp_error(), "did you mean"));
    bp_table_free(t);
}

/* Many levels: each text has one code, in order of appearance, also after the dictionary has grown. */
static void test_levels(void **state)
{
    (void)state;
    enum { LEVELS = 20000 };
    bp_table *t;
    assert_ok(bp_table_new(&t, "x", false, NULL));
    assert_ok(bp_table_add_column(t, "", 0, BP_COLUMN_TEXT, BP_F32));
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < LEVELS; i++) {
            char text[32];
            uint32_t code;
            int n = snprintf(text, sizeof text, "level %u%s", i, i % 3 ? "" : " with a longer text");
            assert_ok(bp_table_intern(&code, t, 0, text, (size_t)n));
            assert_int_equal(code, i);
            assert_string_equal(bp_table_level(t, 0, code), text);
        }
    }
    uint32_t code;
    assert_ok(bp_table_intern(&code, t, 0, "level 17 and what follows", 5));
    assert_int_equal(code, LEVELS); /* "level" is the beginning of others, but not one of them */
    bp_table_clear(t);
    assert_ok(bp_table_intern(&code, t, 0, "level 9", 7));
    assert_int_equal(code, 0);
    bp_table_free(t);
}

static void test_names(void **state)
{
    (void)state;
    bp_table *t;
    assert_ok(bp_table_new(&t, "x", true, NULL));
    assert_error(bp_table_add_column(t, "\xFF\xFEno", 4, BP_COLUMN_NUMBER, BP_F32), BP_ERR_FORMAT, "not UTF-8");
    assert_ok(bp_table_add_column(t,
                                  "gr\xC3\xB6\xC3\x9F"
                                  "e",
                                  7, BP_COLUMN_NUMBER, BP_F32));
    assert_ok(bp_table_add_column(t, "b", 1, BP_COLUMN_NUMBER, BP_F32));
    assert_ok(bp_table_check_names(t));
    assert_ok(bp_table_add_column(t,
                                  "gr\xC3\xB6\xC3\x9F"
                                  "e",
                                  7, BP_COLUMN_TEXT, BP_F32));
    assert_error(bp_table_check_names(t), BP_ERR_FORMAT,
                 "columns 1 and 3 are both named \"gr\xC3\xB6\xC3\x9F"
                 "e\"");
    bp_table_free(t);
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "abc", "\xC2\x80", "\xE0\xA0\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xE2\x82",
                                      "\xC3(",
                                      "a\xFF"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(bp_check_utf8(good[i], strlen(good[i]), "it"));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_error(bp_check_utf8(bad[i], strlen(bad[i]), "it"), BP_ERR_FORMAT, "it, ");
    }
    assert_error(bp_check_utf8("a\0b", 3, "it"), BP_ERR_FORMAT, "byte 2 of it is 00");
    char shown[12];
    assert_string_equal(bp_text_shown(shown, sizeof shown, "a\tb\xFF", 4), "a?b?");
    assert_string_equal(bp_text_shown(shown, sizeof shown, "0123456789abcdef", 16), "01234567...");
    assert_string_equal(bp_text_shown(shown, sizeof shown, "0123456\xC3\xB6 and more", 18), "0123456...");
}

static void test_rows_grow(void **state)
{
    (void)state;
    bp_table *t;
    assert_ok(bp_table_new(&t, "x", false, NULL));
    assert_ok(bp_table_add_column(t, NULL, 0, BP_COLUMN_NUMBER, BP_F32));
    for (int i = 0; i < 5000; i++) {
        char *record = bp_table_add_rows(t, 1);
        assert_non_null(record);
        bp_record_set_number(record, &t->column[0], i);
    }
    assert_null(bp_table_add_rows(t, SIZE_MAX - 10));
    assert_null(bp_table_add_rows(t, SIZE_MAX / 4));
    assert_int_equal(bp_table_rows(t), 5000);
    t->rows = 4000;
    assert_ok(bp_table_finish(t));
    for (size_t i = 0; i < 4000; i++) {
        assert_true(bp_table_number(t, i, 0) == (double)i);
    }
    bp_table_free(t);
}

/* Whichever allocation fails, the call says so and nothing stays behind. */
static void *counted_alloc(void *ctx, size_t size)
{
    size_t *c = ctx; /* calls left before one fails, blocks out */
    if (c[0] == 0) {
        return NULL;
    }
    c[0]--;
    c[1]++;
    return aligned_alloc(64, size);
}

static void counted_release(void *ctx, void *block)
{
    ((size_t *)ctx)[1]--;
    free(block);
}

static void test_memory(void **state)
{
    (void)state;
    bp_status status = BP_ERR_MEMORY;
    size_t allowed = 0;
    for (; status != BP_OK && allowed < 100; allowed++) {
        size_t count[2] = {allowed, 0};
        bp_allocator a = {counted_alloc, counted_release, count};
        bp_table *t = NULL;
        status = build(&t, &a);
        assert_true(status == BP_OK || status == BP_ERR_MEMORY);
        bp_table_free(t);
        assert_int_equal(count[1], 0);
    }
    assert_true(allowed > 5 && allowed < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_find), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_utf8), cmocka_unit_test(test_rows_grow),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
