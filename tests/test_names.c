/* test_names.c - tables of names and numbers from text: the nearest name, the edit distance, what is a number and what is not. */
#include "support.h"

#include "base/base.h"

#include <string.h>

static const char *const names[] = {"sgd", "momentum", "adam", "adamw"};
enum { NAMES = sizeof names / sizeof *names };

static const char *name_at(size_t i)
{
    return names[i];
}

static void nearest_names(void **state)
{
    (void)state;
    assert_string_equal(bp_nearest_name("sdg", name_at, NAMES), "sgd");
    assert_string_equal(bp_nearest_name("adma", name_at, NAMES), "adam");
    assert_string_equal(bp_nearest_name("momnetum", name_at, NAMES), "momentum");
    assert_string_equal(bp_nearest_name("mo", name_at, NAMES), "momentum"); /* how it begins is enough, */
    assert_null(bp_nearest_name("m", name_at, NAMES));                      /* but not one letter */
    assert_null(bp_nearest_name("rprop", name_at, NAMES));
    char lengthy[200];
    memset(lengthy, 'x', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_null(bp_nearest_name(lengthy, name_at, NAMES));
    assert_int_equal(bp_find_name("adamw", name_at, NAMES), 3);
    assert_int_equal(bp_find_name("adamwx", name_at, NAMES), -1);
}

static void unknown_names(void **state)
{
    (void)state;
    assert_int_equal(bp_fail_unknown("rule", "adma", name_at, NAMES), BP_ERR_ARGUMENT);
    assert_string_equal(bp_error(),
                        "unknown rule \"adma\"; did you mean \"adam\"? (valid: sgd, momentum, adam, adamw)");
    bp_fail_unknown("rule", "rprop", name_at, NAMES);
    assert_string_equal(bp_error(), "unknown rule \"rprop\" (valid: sgd, momentum, adam, adamw)");
}

static void edit_distances(void **state)
{
    (void)state;
    assert_int_equal(bp_edit_distance("", ""), 0);
    assert_int_equal(bp_edit_distance("", "abc"), 3);
    assert_int_equal(bp_edit_distance("abc", ""), 3);
    assert_int_equal(bp_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(bp_edit_distance("abcd", "bcd"), 1);
    const char *forty = "0123456789012345678901234567890123456789";
    assert_int_equal(bp_edit_distance(forty, forty), 0);
    assert_int_equal(bp_edit_distance("01234567890123456789012345678901234567890", ""), 40);
}

static void split_names(void **state)
{
    (void)state;
    char name[32];
    assert_string_equal(bp_split_name(name, "step:3,0.5", ':'), "3,0.5");
    assert_string_equal(name, "step");
    assert_null(bp_split_name(name, "step", ':'));
    assert_string_equal(name, "step");
    assert_string_equal(bp_split_name(name, "0123456789012345678901234567890123456789:x", ':'), "x");
    assert_string_equal(name, "0123456789012345678901234567890");
}

static void numbers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double value;
    } good[] = {{"1", 1}, {"-0.5", -0.5}, {".25", 0.25}, {"2.", 2}, {"+1e-3", 1e-3}, {"1.5E2", 150}};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(bp_parse_double(&value, good[i].text));
        assert_true(value == good[i].value);
    }
    const char *bad[] = {"",    ".",  "-",   "1x",  "x1",    " 1",  "1 ", "1.2.3",
                         "1,5", "1e", "inf", "nan", "1e999", "0x1", "--1"};
    value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(bp_parse_double(&value, bad[i]));
    }
    assert_true(value == 7);
    char digits[66];
    memset(digits, '1', sizeof digits);
    digits[63] = '\0';
    assert_true(bp_parse_double(&value, digits));
    digits[63] = '1';
    digits[64] = '\0';
    assert_false(bp_parse_double(&value, digits));
}

static void sizes(void **state)
{
    (void)state;
    size_t value = 7;
    const char *bad[] = {"", "-1", "+1", " 1", "1.0", "18446744073709551616", "1x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(bp_parse_size(&value, bad[i]));
    }
    assert_int_equal(value, 7);
    assert_true(bp_parse_size(&value, "18446744073709551615"));
    assert_true(value == SIZE_MAX);
    assert_true(bp_parse_size(&value, "0012"));
    assert_int_equal(value, 12);
}

/* Sums and products that do not fit; parts of a range. */
static void arithmetic(void **state)
{
    (void)state;
    size_t n;
    assert_true(bp_mul_size(&n, SIZE_MAX / 3, 3) && n == SIZE_MAX / 3 * 3);
    assert_false(bp_mul_size(&n, SIZE_MAX / 2 + 1, 2));
    assert_true(bp_mul_size(&n, SIZE_MAX, 0) && n == 0);
    assert_true(bp_add_size(&n, SIZE_MAX - 1, 1) && n == SIZE_MAX);
    assert_false(bp_add_size(&n, SIZE_MAX, 1));
    bp_allocator a = bp_allocator_or_default(NULL);
    assert_null(bp_alloc(&a, SIZE_MAX, 2));
    assert_null(bp_alloc(&a, SIZE_MAX, 1));
    char *none = bp_alloc(&a, 0, 8), *large = bp_alloc(&a, 3, 1 << 20);
    assert_non_null(none);
    assert_true((uintptr_t)none % BP_ALIGN == 0 && (uintptr_t)large % BP_ALIGN == 0);
    bp_release(&a, none);
    bp_release(&a, large);
    for (int threads = 1; threads < 9; threads++) {
        for (size_t rows = 0; rows < 40; rows++) {
            size_t at = 0, most = 0, least = SIZE_MAX;
            for (int t = 0; t < threads; t++) {
                bp_range r = bp_team_share(rows, 4, t, threads);
                size_t pieces = (r.end - r.begin + 3) / 4;
                assert_int_equal(r.begin, at);
                assert_true(r.begin % 4 == 0 || r.begin == rows);
                most = pieces > most ? pieces : most;
                least = pieces < least ? pieces : least;
                at = r.end;
            }
            assert_int_equal(at, rows);
            assert_true(most - least <= 1);
        }
    }
}

static void failures(void **state)
{
    (void)state;
    assert_int_equal(bp_fail(BP_ERR_DATA, "row %d", 3), BP_ERR_DATA);
    assert_int_equal(bp_fail_context(BP_ERR_IO, "file %s: ", "x"), BP_ERR_IO);
    assert_string_equal(bp_error(), "file x: row 3");
    assert_int_equal(bp_last_status(), BP_ERR_IO);
    bp_fail(BP_ERR_DATA, "again: %s", bp_error()); /* its own text as an argument */
    assert_string_equal(bp_error(), "again: file x: row 3");
    char lengthy[3000];
    memset(lengthy, 'y', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = '\0';
    bp_fail_context(BP_ERR_DATA, "%s", lengthy);
    assert_int_equal(strlen(bp_error()), 1023);
    bp_fail_context(BP_ERR_DATA, "front: ");
    assert_int_equal(strlen(bp_error()), 1023);
    assert_memory_equal(bp_error(), "front: yyy", 10);
    for (int s = BP_OK; s <= BP_ERR_STOPPED; s++) {
        assert_string_not_equal(bp_status_name((bp_status)s), "unknown");
    }
    assert_string_equal(bp_status_name((bp_status)(BP_ERR_STOPPED + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_names), cmocka_unit_test(unknown_names), cmocka_unit_test(edit_distances),
        cmocka_unit_test(split_names),   cmocka_unit_test(numbers),       cmocka_unit_test(sizes),
        cmocka_unit_test(arithmetic),    cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
