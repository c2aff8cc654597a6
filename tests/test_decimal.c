/* test_decimal.c - shortest decimals: they read back as the same number, no shorter text does, no locale shows. */
#include "support.h"

#include "base/decimal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_text(const char *expected, double value, bp_type type)
{
    char text[BP_DECIMAL_SIZE];
    size_t length = bp_decimal_text(text, value, type);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
}

static void test_known_texts(void **state)
{
    (void)state;
    expect_text("0", 0, BP_F32);
    expect_text("0", -0.0, BP_F64);
    expect_text("0.1", 0.1F, BP_F32);
    expect_text("0.1", 0.1, BP_F64);
    expect_text("-2.5", -2.5, BP_F32);
    expect_text("0.33333334", 1.0F / 3, BP_F32);
    expect_text("0.3333333333333333", 1.0 / 3, BP_F64);
    expect_text("206855.83", 206855.828125F, BP_F32);
    expect_text("0.0001", 1e-4F, BP_F32);
    expect_text("9.99e-05", 9.99e-5F, BP_F32);
    expect_text("1e-05", 1e-5F, BP_F32);
    expect_text("16777216", 16777216, BP_F32);
    expect_text("1000000000000", 999999995904.0, BP_F32);
    expect_text("1e+30", 1e30F, BP_F32);
    expect_text("1e-45", 1.4e-45F, BP_F32);
    expect_text("3.4028235e+38", 3.4028234663852886e38, BP_F32);
    expect_text("5e-324", 5e-324, BP_F64);
    expect_text("nan", (double)NAN, BP_F32);
    expect_text("-inf", -(double)INFINITY, BP_F64);
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t digits_of(const char *text)
{
    size_t n = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        n += *text >= '0' && *text <= '9';
    }
    return n;
}

/* Against the C library: the first precision that reads back. Only where that writes an exponent too are the digits
 * comparable; zeros that hold a place are no digits then. */
static void check_f32(float value)
{
    char text[BP_DECIMAL_SIZE], best[BP_DECIMAL_SIZE];
    bp_decimal_text(text, (double)value, BP_F32);
    if (strtof(text, NULL) != value) {
        fail_msg("%.9g became %s", (double)value, text);
    }
    int p = 0;
    do {
        snprintf(best, sizeof best, "%.*g", ++p, (double)value);
    } while (strtof(best, NULL) != value);
    if (strchr(best, 'e') == NULL && digits_of(text) > digits_of(best)) {
        fail_msg("%s is shorter than %s", best, text);
    }
}

static void test_random_numbers_read_back(void **state)
{
    (void)state;
    static const double units[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7};
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 300000; i++) {
        uint64_t word = next(&random);
        uint32_t bits = (uint32_t)(word >> 16);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            check_f32(value);
        }
        check_f32((float)((double)(bits % 2000001) / units[word >> 61]));
    }
}

static void test_doubles_read_back(void **state)
{
    (void)state;
    char text[BP_DECIMAL_SIZE];
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        bp_decimal_text(text, value, BP_F64);
        assert_true(!isfinite(value) || strtod(text, NULL) == value);
    }
}

/* Neighbours of powers of ten and of two: where digits carry over, and where the spacing of numbers changes. */
static void test_edges_read_back(void **state)
{
    (void)state;
    for (int e = -44; e <= 38; e++) {
        float at =
            strtof((char[8]){'1', 'e', e < 0 ? '-' : '+', (char)('0' + abs(e) / 10), (char)('0' + abs(e) % 10)}, NULL);
        check_f32(at);
        check_f32(nextafterf(at, 0));
        check_f32(nextafterf(at, INFINITY));
    }
    for (int e = -149; e < 128; e++) {
        check_f32(ldexpf(1, e));
        check_f32(nextafterf(ldexpf(1, e), 0));
    }
}

static void test_locale_does_not_show(void **state)
{
    (void)state;
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        skip();
    }
    expect_text("0.3333333333333333", 1.0 / 3, BP_F64);
    expect_text("1.5e+30", 1.5e30, BP_F64);
    expect_text("0.5", 0.5, BP_F32);
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_texts),          cmocka_unit_test(test_random_numbers_read_back),
        cmocka_unit_test(test_doubles_read_back),    cmocka_unit_test(test_edges_read_back),
        cmocka_unit_test(test_locale_does_not_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
