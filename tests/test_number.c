/* test_number.c - decimal numbers against the C library's reading of them (which is correctly rounded, too), and dates
 * against known days. */
#define _GNU_SOURCE /* timegm */

#include <float.h>
#include <locale.h>
#include <math.h>
#include <time.h>

#include "data/date.h"
#include "data/number.h"
#include "support_io.h"

static uint64_t seed = 1;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545F4914F6CDD1Du;
}

/* Both types, every bit, the sign of zero too. */
static void compare(const char *text)
{
    size_t n = strlen(text);
    double value, expected = strtod(text, NULL);
    float narrow_expected = strtof(text, NULL);
    bp_number_kind kind = bp_number_parse(&value, text, n, '.');
    if (kind != (isinf(expected) ? BP_NUMBER_INFINITE : BP_NUMBER_VALUE) ||
        memcmp(&value, &expected, sizeof value) != 0) {
        fail_msg("%s: read %a, expected %a", text, value, expected);
    }
    float narrow = bp_number_narrow(value, text, n, '.');
    if (memcmp(&narrow, &narrow_expected, sizeof narrow) != 0) {
        fail_msg("%s: as f32 read %a, expected %a", text, (double)narrow, (double)narrow_expected);
    }
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "+1",
                                       ".5",
                                       "5.",
                                       "1e5",
                                       "1E+05",
                                       "1e-5",
                                       "00012.500",
                                       "-.5e1",
                                       "+5.e-1",
                                       "1e00002",
                                       "0e999999",
                                       "0.0000e-99999999999999999999",
                                       "123456789012345678901234567890",
                                       "1e308",
                                       "1e309",
                                       "-1e400",
                                       "1e-400",
                                       "1e99999999999999999999",
                                       "1e-99999999999999999999"};
    static const char *const bad[] = {"",     "+",      "-",       ".",  "e5",  "1e",    "1e+",   "1.2.3",
                                      "0x10", "1,5",    "1 ",      " 1", "--1", "1_000", "1'000", "1e5.0",
                                      "1f",   "nan(1)", "infinit", "na", "-e",  "+-1",   "1e5 ",  "½"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        compare(good[i]);
    }
    double value;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bp_number_parse(&value, bad[i], strlen(bad[i]), '.') != BP_NUMBER_NONE) {
            fail_msg("\"%s\" was read as %g", bad[i], value);
        }
    }
    assert_int_equal(bp_number_parse(&value, "NaN", 3, '.'), BP_NUMBER_MISSING);
    assert_int_equal(bp_number_parse(&value, "-nan", 4, '.'), BP_NUMBER_MISSING);
    assert_int_equal(bp_number_parse(&value, "-Infinity", 9, '.'), BP_NUMBER_INFINITE);
    assert_true(isinf(value) && value < 0);
    assert_int_equal(bp_number_parse(&value, "1,5", 3, ','), BP_NUMBER_VALUE);
    assert_true(value == 1.5);
    assert_int_equal(bp_number_parse(&value, "1.5", 3, ','), BP_NUMBER_NONE);
    assert_int_equal(bp_number_parse(&value, "1234", 2, '.'), BP_NUMBER_VALUE);
    assert_true(value == 12);
}

/* The locale's decimal comma changes nothing. Where there is no such locale, this shows nothing, and fails nothing. */
static void test_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        skip();
    }
    double value;
    bp_number_kind kind = bp_number_parse(&value, "1.25e0", 6, '.');
    setlocale(LC_NUMERIC, "C");
    assert_int_equal(kind, BP_NUMBER_VALUE);
    assert_true(value == 1.25);
}

/* Short decimals, as tables have them. */
static void test_short(void **state)
{
    (void)state;
    for (int i = 0; i < 300000; i++) {
        char text[64];
        uint64_t r = draw();
        snprintf(text, sizeof text, "%s%u.%0*u", r & 1 ? "-" : "", (unsigned)(r >> 8) % 100000,
                 1 + (int)((r >> 30) % 6), (unsigned)(r >> 40) % 10);
        compare(text);
    }
}

static double any_double(void)
{
    double value;
    uint64_t bits;
    do {
        bits = draw();
        if ((bits & 7) == 0) {
            bits &= ~(UINT64_C(0x7FF) << 52); /* subnormals more often than by chance */
        }
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

/* Random bits of f64 and f32, with 1 to 25 digits, with and without an exponent. */
static void test_random(void **state)
{
    (void)state;
    char text[512];
    for (int i = 0; i < 150000; i++) {
        snprintf(text, sizeof text, "%.*e", (int)(draw() % 25), any_double());
        compare(text);
        float narrow;
        uint32_t bits = (uint32_t)draw();
        memcpy(&narrow, &bits, sizeof narrow);
        if (isfinite(narrow)) {
            snprintf(text, sizeof text, "%.*g", (int)(draw() % 25), (double)narrow);
            compare(text);
        }
        uint64_t r = draw();
        snprintf(text, sizeof text, "%llu%llu.%llue%d", (unsigned long long)(r >> (r & 63)), (unsigned long long)draw(),
                 (unsigned long long)draw(), (int)(draw() % 700) - 350);
        compare(text);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)draw(), (int)(draw() % 60) - 40);
        compare(text);
    }
}

/* Numbers half way between two neighbours, in full, and just above and below. */
static void test_halfway(void **state)
{
    (void)state;
    char text[1300];
    for (int i = 0; i < 4000; i++) {
        double value = fabs(any_double());
        int exponent;
        double fraction = frexp(value, &exponent);
        if (i % 2) { /* between two floats: all digits of a double that is half way */
            exponent = (int)(draw() % 270) - 145;
            value = ldexp((double)(((draw() >> 41) << 1) | 1), exponent - 24);
        } else if (exponent > -900) { /* between two doubles: half an ulp more, as digits of a long double */
            long double half = ldexpl((long double)fraction, 54) + 1;
            snprintf(text, sizeof text, "%.1100Lf", ldexpl(half, exponent - 54));
            if (strlen(text) < sizeof text - 2 && LDBL_MANT_DIG > DBL_MANT_DIG) {
                compare(text);
                strcat(text, "1");
                compare(text);
            }
            continue;
        }
        int n = snprintf(text, sizeof text, "%.800e", value);
        assert_true(n > 0 && (size_t)n < sizeof text);
        compare(text);
        char *e = strchr(text, 'e');
        e[-1] = '1'; /* a bit more, 800 digits behind */
        compare(text);
        snprintf(text, sizeof text, "%.17e", nextafter(value, 0));
        compare(text);
    }
    static const char *const known[] = {"2.2250738585072011e-308",
                                        "2.2250738585072012e-308",
                                        "4.9406564584124654e-324",
                                        "2.4703282292062327e-324",
                                        "2.4703282292062328e-324",
                                        "1.7976931348623157e308",
                                        "1.7976931348623158e308",
                                        "1.7976931348623159e308",
                                        "179769313486231580793e289",
                                        "9007199254740993",
                                        "9007199254740992.5",
                                        "9007199254740993.00000000000000001",
                                        "3.4028235677973366e38",
                                        "3.4028235677973365e38",
                                        "7.0064923216240853e-46",
                                        "7.0064923216240854e-46",
                                        "1.00000005960464477539062500",
                                        "1.000000059604644775390625000000000000000001",
                                        "0.000000000000000000000000000000001",
                                        "16777217",
                                        "16777217.0000001",
                                        "8388608.5",
                                        "1e23",
                                        "8.5e22",
                                        "6929495644600919.5",
                                        "3.518437208883201171875e13"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        compare(known[i]);
    }
}

static void test_very_long(void **state)
{
    (void)state;
    enum { DIGITS = 200000 };
    char *text = malloc(DIGITS + 32);
    assert_non_null(text);
    memset(text, '7', DIGITS);
    strcpy(text + DIGITS, "e-199990");
    compare(text);
    memset(text, '0', DIGITS);
    text[1] = '.';
    strcpy(text + DIGITS, "123456e200000");
    compare(text);
    text[0] = '1';
    strcpy(text + DIGITS, "1");
    compare(text);
    free(text);
}

/* ---- Dates ------------------------------------------------------------------------------------------------------- */

static void test_days(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        time_t t = (time_t)(draw() % 253402300800u) - (time_t)(draw() % 62167219200u);
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999) {
            continue;
        }
        char text[BP_DATE_FORMATS][80];
        int y = tm.tm_year + 1900, m = tm.tm_mon + 1, d = tm.tm_mday;
        snprintf(text[BP_DATE_ISO], 80, "%04d-%02d-%02d", y, m, d);
        snprintf(text[BP_DATE_DMY_DOTS], 80, "%d.%d.%04d", d, m, y);
        snprintf(text[BP_DATE_DMY], 80, "%02d/%02d/%04d", d, m, y);
        snprintf(text[BP_DATE_MDY], 80, "%d/%d/%04d", m, d, y);
        snprintf(text[BP_DATE_YMD], 80, "%04d%02d%02d", y, m, d);
        for (size_t f = 0; f < BP_DATE_FORMATS; f++) {
            double seconds;
            size_t n = strlen(text[f]);
            snprintf(text[f] + n, 80 - n, "%c%02d:%02d:%02d", i % 2 ? 'T' : ' ', tm.tm_hour, tm.tm_min, tm.tm_sec);
            assert_true(bp_date_parse(&seconds, text[f], strlen(text[f]), (bp_date_format)f));
            assert_true(seconds == (double)t);
        }
    }
}

/* Nothing behind the text counts, though it may be digits. */
static void test_parts_of_texts(void **state)
{
    (void)state;
    static const char text[] = "-123456789.25e17";
    static const double known[] = {NAN, NAN, -1, -12, -123, -1234, -12345, -123456, -1234567, -12345678, -123456789};
    for (size_t n = 2; n < sizeof known / sizeof *known; n++) {
        double value;
        assert_int_equal(bp_number_parse(&value, text, n, '.'), BP_NUMBER_VALUE);
        assert_true(value == known[n]);
        assert_int_equal(bp_number_parse(&value, text + 1, n - 1, '.'), BP_NUMBER_VALUE);
        assert_true(value == -known[n]);
    }
}

static void test_date_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-02T00:00", 86400},
        {"1970-01-01 01:02:03.25", 3723.25},
        {"1970-01-01T01:00:00Z", 3600},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1970-01-01T01:00-0130", 9000},
        {"1970-01-01 01:00 +01", 0},
        {"2000-02-29", 951782400},
        {"1969-12-31T23:59:60Z", 0},
    };
    static const char *const bad[] = {"1970-1-1",
                                      "1970-13-01",
                                      "1970-02-29",
                                      "1900-02-29",
                                      "1970-01-01T",
                                      "1970-01-01T24:00",
                                      "1970-01-01T1",
                                      "1970-01-01T01:00x",
                                      "70-01-01",
                                      "1970-01-01T01:00:00.",
                                      "1970-00-10",
                                      "1970-01-00",
                                      "",
                                      "1970-01-01T01:00+",
                                      "1970-01-01T01:00+25:00",
                                      "1970-01-01  01:00",
                                      "1970-01"};
    double seconds;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(bp_date_parse(&seconds, good[i].text, strlen(good[i].text), BP_DATE_ISO));
        assert_true(seconds == good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bp_date_parse(&seconds, bad[i], strlen(bad[i]), BP_DATE_ISO)) {
            fail_msg("\"%s\" was read as %.17g", bad[i], seconds);
        }
    }
    assert_int_equal(bp_date_formats("3/4/2020", 8), 1 << BP_DATE_DMY | 1 << BP_DATE_MDY);
    assert_int_equal(bp_date_formats("13/4/2020", 9), 1 << BP_DATE_DMY);
    assert_int_equal(bp_date_formats("3/14/2020", 9), 1 << BP_DATE_MDY);
    assert_int_equal(bp_date_formats("3.4.2020", 8), 1 << BP_DATE_DMY_DOTS);
    assert_int_equal(bp_date_formats("20200403", 8), 0);
    assert_int_equal(bp_date_formats("2020-04-03", 10), 1 << BP_DATE_ISO);
    assert_int_equal(bp_date_formats("1.2.3.4.5", 9), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),  cmocka_unit_test(test_locale),     cmocka_unit_test(test_short),
        cmocka_unit_test(test_random), cmocka_unit_test(test_halfway),    cmocka_unit_test(test_very_long),
        cmocka_unit_test(test_days),   cmocka_unit_test(test_date_forms), cmocka_unit_test(test_parts_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
