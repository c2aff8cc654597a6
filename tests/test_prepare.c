/* test_prepare.c - from columns to inputs: what is found in the rows of a table, and what becomes of other rows. */
#include "support_prepare.h"

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

static void test_boolean_and_left_out(void **state)
{
    (void)state;
    bp_table *t = table("sex:t,flag:n,same:t,none:n,code:t,y:n\n"
                        "m,0,a,,k1,0.5\nf,1,a,,k2,1.5\nf,1,a,,k3,2.25\nm,1,a,,k4,3.125\n",
                        true);
    bp_preparation *p = fit(t, NULL);
    bp_feature_info f;
    assert_true(bp_preparation_feature(p, 0, &f));
    assert_string_equal(f.column, "sex");
    assert_string_equal(f.kind, "boolean");
    assert_string_equal(f.text, "f / m");
    assert_true(bp_preparation_feature(p, 1, &f));
    assert_string_equal(f.kind, "boolean");
    assert_true(bp_preparation_feature(p, 2, &f));
    assert_string_equal(f.column, "code");
    assert_false(bp_preparation_feature(p, 3, &f));
    static const char *const inputs[] = {"sex=m", "flag", "code=k1"};
    char name[64] = "?";
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(bp_preparation_input(p, i, name, sizeof name), inputs[i]);
    }
    assert_string_equal(bp_preparation_input(p, bp_preparation_inputs(p), name, sizeof name), "");
    const char *column, *text;
    assert_true(bp_preparation_note(p, 0, &column, &text));
    assert_string_equal(column, "same");
    assert_non_null(strstr(text, "same value"));
    assert_true(bp_preparation_note(p, 1, &column, &text));
    assert_string_equal(column, "none");
    assert_false(bp_preparation_note(p, 2, &column, &text));
    bp_dataset *d = apply(p, t, true, NULL);
    assert_close(input(d, 0, 0), 1); /* mean 1/2, deviation 1/2 */
    assert_close(input(d, 1, 0), -1);
    assert_close(input(d, 0, 1), -0.75 / sqrt(0.75 * 0.25));
    bp_dataset_free(d);
    bp_table *other = table("sex:t,flag:n,code:t\nx,0,k1\n,1,k2\n", true);
    bp_prepare_report report;
    d = apply(p, other, false, &report);
    assert_true(input(d, 0, 0) == 0 && input(d, 1, 0) == 0);
    assert_int_equal(report.unknown, 1);
    assert_int_equal(report.missing, 1);
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(other);
    bp_table_free(t);
}

/* A table of one text and one number column with `rows` rows; text(i) makes the text. */
static bp_table *text_table(size_t rows, void (*text)(char *out, size_t size, size_t i))
{
    char *content = malloc(rows * 80 + 64), *at = content;
    assert_non_null(content);
    at += sprintf(at, "c:t,y:n\n");
    for (size_t i = 0; i < rows; i++) {
        char cell[64];
        text(cell, sizeof cell, i);
        at += sprintf(at, "%s,%zu.5\n", cell, i);
    }
    bp_table *t = table(content, true);
    free(content);
    return t;
}

static void write_code(char *out, size_t size, size_t i)
{
    snprintf(out, size, "K%zu", i);
}

static void write_sentence(char *out, size_t size, size_t i)
{
    snprintf(out, size, "the house number %zu by the lake", i);
}

/* L0 in 64 rows of 128, L1 in 32, L2 in 16 ... */
static void write_halves(char *out, size_t size, size_t i)
{
    size_t level = 0;
    while ((i & 1) && level < 7) {
        i >>= 1;
        level++;
    }
    snprintf(out, size, "L%zu", level);
}

/* c once, d once, b in three rows, else a. */
static void write_rare(char *out, size_t size, size_t i)
{
    snprintf(out, size, "%s", i == 5 ? "c" : i == 6 ? "d" : i < 3 ? "b" : "a");
}

static void test_many_levels(void **state)
{
    (void)state;
    bp_prepare_options o = bp_prepare_defaults();
    bp_preparation *p;
    bp_table *t = text_table(30, write_sentence);
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_DATA, "free text");
    bp_table_free(t);
    t = text_table(30, write_code);
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_DATA, "no column to predict from");
    o.categorical = (bp_columns){(const char *const[]){"c"}, 1};
    o.max_levels = 5;
    p = fit(t, &o);
    assert_int_equal(bp_preparation_inputs(p), 6);
    bp_preparation_free(p);
    bp_table_free(t);

    o = bp_prepare_defaults();
    t = text_table(2048, write_rare);
    p = fit(t, &o); /* less than one in a thousand rows: c, in one; not b, in three */
    char pooled[64];
    assert_int_equal(bp_preparation_inputs(p), 3);
    assert_string_equal(bp_preparation_input(p, 1, pooled, sizeof pooled), "c=b");
    assert_string_equal(bp_preparation_input(p, 2, pooled, sizeof pooled), "c=(other)");
    bp_preparation_free(p);
    bp_table_free(t);

    t = table("c:t,w:n,y:n\np,0.1,1\np,0.1,2\nq,0.1,3\nq,0.1,4\nr,0.1,5\nr,0.1,6\ns,0.1,7\n", true);
    o.min_count = 2; /* rows: what weights that are not whole say of each other is that these are alike */
    o.weight = "w";
    p = fit(t, &o);
    assert_int_equal(bp_preparation_inputs(p), 4);
    bp_preparation_free(p);
    bp_table_free(t);

    o.weight = NULL;
    o.min_count = 8;
    t = text_table(128, write_halves);
    p = fit(t, &o); /* L0 64, L1 32, L2 16, L3 8; L4 4, L5 2, L6 1, L7 1 */
    bp_feature_info f;
    char name[64];
    assert_true(bp_preparation_feature(p, 0, &f));
    assert_string_equal(f.text, "4 levels, 4 rare ones pooled");
    assert_string_equal(bp_preparation_input(p, 4, name, sizeof name), "c=(other)");
    bp_table *other = table("c:t\nL7\nnever\nL1\n", true);
    bp_prepare_report report;
    bp_dataset *d = apply(p, other, false, &report);
    assert_int_equal(report.unknown, 1); /* L7 was seen, though it has no input of its own */
    assert_true(input(d, 0, 4) == 1 && input(d, 1, 4) == 1 && input(d, 2, 1) == 1 && input(d, 2, 4) == 0);
    bp_dataset_free(d);
    bp_table_free(other);
    bp_preparation_free(p);
    bp_table_free(t);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        double seconds, year, month, weekday, hour;
    } known[] = {
        {0, 1970, 0, 3, 0},                           /* Thursday, 1970-01-01 00:00 */
        {951782400 + 43200 + 1800, 2000, 1, 1, 12.5}, /* Tuesday, 2000-02-29 12:30 */
        {1709164800, 2024, 1, 3, 0},                  /* Thursday, 2024-02-29 */
        {-1, 1969, 11, 2, 86399.0 / 3600},            /* Wednesday, 1969-12-31 23:59:59 */
        {4107542400, 2100, 2, 0, 0},                  /* Monday, 2100-03-01: 2100 has no leap day */
        {4107456000, 2100, 1, 6, 0},                  /* Sunday, 2100-02-28 */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_true(bp_date_part_value(BP_DATE_YEAR, known[i].seconds) == known[i].year);
        assert_true(bp_date_part_value(BP_DATE_MONTH, known[i].seconds) == known[i].month);
        assert_true(bp_date_part_value(BP_DATE_WEEKDAY, known[i].seconds) == known[i].weekday);
        assert_close(bp_date_part_value(BP_DATE_HOUR, known[i].seconds), known[i].hour);
    }
    bp_table *t = table("when:s,y:n\n0,1.5\n86400,2.5\n,3.5\n2678400,4.5\n", true); /* January 1, 2; February 1 */
    bp_preparation *p = fit(t, NULL);
    bp_feature_info f;
    char name[64];
    assert_true(bp_preparation_feature(p, 0, &f));
    assert_string_equal(f.kind, "date");
    assert_string_equal(f.text, "days, month, weekday, indicator of missing values");
    assert_int_equal(f.inputs, 1 + 2 + 2 + 1);
    assert_string_equal(bp_preparation_input(p, 2, name, sizeof name), "when month (cosine)");
    bp_dataset *d = apply(p, t, true, NULL);
    assert_close(input(d, 0, 1), 0); /* January: angle 0 */
    assert_close(input(d, 0, 2), 1);
    assert_close(input(d, 3, 1), 0.5); /* February: 30 degrees */
    assert_close(input(d, 3, 2), sqrt(0.75));
    assert_close(input(d, 0, 3), sin(2 * 3.14159265358979 * 3 / 7));
    assert_true(input(d, 2, 5) == 1 && input(d, 0, 5) == 0);
    assert_close(input(d, 2, 0), input(d, 1, 0)); /* the median */
    bp_dataset_free(d);
    bp_table *texts = table("when:t\n1970-01-02\n", true); /* as a stream has it */
    d = apply(p, texts, false, NULL);
    assert_true(d->train.rows == 1);
    bp_dataset_free(d);
    bp_table_free(texts);
    texts = table("when:t\nyesterday\n", true);
    assert_error(bp_preparation_apply(&d, p, texts, NULL, 0, false, NULL, NULL), BP_ERR_DATA, "\"yesterday\"");
    bp_table_free(texts);
    bp_preparation_free(p);
    bp_table_free(t);
}

/* ---- Scales ------------------------------------------------------------------------------------------------------ */

/* Numbers of a shape: normal scores, their exponentials cubed (a heavy tail), or mostly zero. */
static double normal_at(size_t i, size_t n)
{
    return bp_normal_quantile(((double)i + 0.5) / (double)n);
}
static double tail_at(size_t i, size_t n)
{
    return exp(3 * normal_at(i, n));
}
static double zeros_at(size_t i, size_t n)
{
    return i < n - n / 20 ? 0 : (double)(i - (n - n / 20));
}

static void check_scale(double (*at)(size_t i, size_t n), size_t n, bp_numbers_rule rule, double limit)
{
    bp_pool pool = {bp_allocator_or_default(NULL), NULL};
    bp_distribution d = {n, bp_pool_alloc(&pool, n, sizeof(bp_weighted)), 0, 0};
    bp_weighted *scratch = bp_pool_alloc(&pool, n, sizeof *scratch);
    for (size_t i = 0; i < n; i++) {
        d.item[i] = (bp_weighted){at((i * 7919) % n, n), 1};
    }
    bp_distribution_sort(&d, scratch);
    bp_scale s;
    assert_ok(bp_scale_fit(&s, &pool, &d, rule));
    double before = -INFINITY, mean = 0, square = 0;
    for (size_t i = 0; i < d.count; i++) {
        double z = bp_scale_apply(&s, d.item[i].value);
        assert_true(fabs(z) <= limit && z >= before);
        before = z;
        mean += z * d.item[i].weight / d.total;
        square += z * z * d.item[i].weight / d.total;
    }
    if (rule != BP_NUMBERS_ROBUST) {
        assert_true(fabs(mean) < 0.5 && sqrt(square) > 0.3 && sqrt(square) < 2);
    }
    const double far[] = {-INFINITY, -3e38, 3e38, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        double z = bp_scale_apply(&s, far[i]);
        assert_true(isfinite(z) && fabs(z) <= s.limit);
        assert_true(i < 2 ? z <= bp_scale_apply(&s, d.item[0].value) : z >= before);
    }
    bp_pool_free(&pool);
}

static void test_scales(void **state)
{
    (void)state;
    double (*const shapes[])(size_t, size_t) = {normal_at, tail_at, zeros_at};
    for (size_t i = 0; i < 3; i++) {
        for (bp_numbers_rule r = 0; r < BP_NUMBERS_RULES; r++) {
            check_scale(shapes[i], 5000, r, r == BP_NUMBERS_AUTO ? 10 : r == BP_NUMBERS_QUANTILE ? 4 : 1000);
            check_scale(shapes[i], 40, r, r == BP_NUMBERS_AUTO ? 10 : 1000);
        }
    }
}

static void test_normal_quantile(void **state)
{
    (void)state;
    assert_true(fabs(bp_normal_quantile(0.5)) < 1e-15);
    assert_true(fabs(bp_normal_quantile(0.975) - 1.959963984540054) < 1e-13);
    assert_true(fabs(bp_normal_quantile(1e-6) + 4.753424308822899) < 1e-12);
    for (double p = 1e-12; p < 0.5; p *= 3) {
        double x = bp_normal_quantile(p);
        assert_true(fabs(0.5 * erfc(-x / sqrt(2)) / p - 1) < 1e-11);
        assert_true(fabs(bp_normal_quantile(1 - 0.25) + bp_normal_quantile(0.25)) < 1e-15);
    }
}

/* The statistics against their definitions, on numbers where squares of f64 overflow, too. */
static void test_distribution(void **state)
{
    (void)state;
    bp_weighted item[6] = {{3, 1}, {-0.0, 2}, {0.0, 1}, {-5, 1}, {3, 1}, {8, 2}}, scratch[6];
    bp_distribution d = {6, item, 0, 0}; /* -5, 0 x 3, 3 x 2, 8 x 2 */
    bp_distribution_sort(&d, scratch);
    assert_int_equal(d.count, 4);
    assert_true(d.total == 8 && item[0].value == -5 && item[1].weight == 3 && item[3].weight == 2);
    assert_close(bp_distribution_mean(&d), 17.0 / 8);
    assert_close(bp_distribution_deviation(&d, 0), sqrt((25 + 18 + 128) / 8.0));
    assert_close(bp_distribution_spread(&d, 0), (5 + 6 + 16) / 8.0);
    assert_true(bp_distribution_quantile(&d, 0.5) == 1.5); /* 4 of 8 below it */
    assert_true(bp_distribution_quantile(&d, 0.4) == 0 && bp_distribution_quantile(&d, 1) == 8);
    assert_true(bp_distribution_is_whole(&d));
    bp_weighted large[2] = {{1e308, 1}, {-1e308, 1}};
    d = (bp_distribution){2, large, 0, 0};
    bp_distribution_sort(&d, scratch);
    assert_true(fabs(bp_distribution_mean(&d)) < 1e293);
    assert_close(bp_distribution_deviation(&d, 0) / 1e308, 1);
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

/* 400 rows of every kind of column. copies: a row of weight 2 stands twice with weight 1, one of weight 0 is not there. */
static bp_table *weighted_table(bool copies)
{
    char *content = malloc(1 << 17), *at = content;
    assert_non_null(content);
    at += sprintf(at, "x:n,heavy:d,c:t,b:t,when:s,w:n,y:n,k:t\n");
    for (size_t i = 0; i < 400; i++) {
        size_t weight = i % 7 == 0 ? 2 : i % 11 == 0 ? 0 : 1, mixed = (i * 37) % 400;
        for (size_t copy = 0; copy < (copies ? weight : 1); copy++) {
            char x[32] = "";
            if (i % 13) {
                snprintf(x, sizeof x, "%g", sin((double)mixed));
            }
            at += sprintf(at, "%s,%.17g,L%zu,%s,%zu,%zu,%g,%s\n", x, exp((double)mixed / 40),
                          mixed % 40 ? mixed % 3 : mixed, i % 3 ? "yes" : "no", mixed * 7200, copies ? 1 : weight,
                          cos((double)i), i % 5 ? "up" : "down");
        }
    }
    bp_table *t = table(content, true);
    free(content);
    return t;
}

static void test_weights_are_repetitions(void **state)
{
    (void)state;
    bp_table *weighted = weighted_table(false), *repeated = weighted_table(true);
    static const char *const targets[] = {"y", "k"};
    for (int i = 0; i < 2; i++) {
        for (bp_numbers_rule r = 0; r < BP_NUMBERS_RULES; r++) {
            bp_prepare_options o = bp_prepare_defaults();
            o.target = (bp_columns){&targets[i], 1};
            o.drop = (bp_columns){&targets[1 - i], 1};
            o.weight = "w";
            o.numbers = r;
            o.class_weight = i == 1 ? "balanced" : NULL;
            bp_preparation *a = fit(weighted, &o), *b = fit(repeated, &o);
            assert_string_equal(bp_preparation_text(a), bp_preparation_text(b));
            bp_preparation_free(a);
            bp_preparation_free(b);
        }
    }
    bp_table_free(weighted);
    bp_table_free(repeated);
}

static void test_weights(void **state)
{
    (void)state;
    bp_table *t = table("x:n,w:n,k:t\n1,2,a\n2,1,a\n3,0,b\n4,1,b\n5,4,a\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    o.weight = "w";
    o.class_weight = "balanced";
    bp_preparation *p = fit(t, &o); /* a: 7 of 8, b: 1 of 8 */
    assert_close(bp_preparation_class_weight(p, 0), 8.0 / (2 * 7));
    assert_close(bp_preparation_class_weight(p, 1), 8.0 / 2);
    assert_string_equal(bp_preparation_weight(p), "w");
    uint32_t kept[5];
    bp_prepare_report report;
    bp_dataset *d;
    assert_ok(bp_preparation_apply(&d, p, t, NULL, 0, true, kept, &report));
    assert_int_equal(report.rows, 4);
    assert_int_equal(report.dropped, 1);
    assert_true(kept[2] == 3 && kept[3] == 4);
    assert_close((double)d->train.weight[0], 2 * 8.0 / 14);
    assert_close((double)d->train.weight[2], 4);
    bp_data plain = bp_prepared_without_class_weights(&d->train);
    assert_true(plain.weight[0] == 2 && plain.weight[2] == 1 && plain.rows == 4);
    bp_dataset_free(d);
    bp_preparation_free(p);
    o.class_weight = "b=3";
    p = fit(t, &o);
    assert_true(bp_preparation_class_weight(p, 0) == 1 && bp_preparation_class_weight(p, 1) == 3);
    bp_preparation_free(p);
    static const char *const wrong[] = {"c=1", "a", "a=-1", "a=x", "a=1,a=2", "\"a=1", "a=0,b=0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.class_weight = wrong[i];
        assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_ARGUMENT, "class weights");
    }
    bp_table_free(t);
    t = table("x:n,w:n,k:t\n1,2,a\n2,-1,b\n", true);
    o.class_weight = NULL;
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_DATA, "row 2");
    bp_table_free(t);
}
/* What is said of a column of these texts, "" if nothing. */
static const char *hint_of(const char *const *text, size_t count)
{
    static char out[512];
    bp_pool pool = {bp_allocator_or_default(NULL), NULL};
    const char *hint;
    bp_table *t;
    assert_ok(bp_table_new(&t, "texts", true, NULL));
    assert_ok(bp_table_add_column(t, "c", 1, BP_COLUMN_TEXT, BP_I32));
    for (size_t i = 0; i < count && text[i]; i++) {
        uint32_t code;
        assert_ok(bp_table_intern(&code, t, 0, text[i], strlen(text[i])));
    }
    assert_ok(bp_column_hint(&hint, &pool, &t->column[0]));
    snprintf(out, sizeof out, "%s", hint ? hint : "");
    bp_pool_free(&pool);
    bp_table_free(t);
    return out;
}

static void test_hints(void **state)
{
    (void)state;
    static const char *const longest[] = {"11111111111111111111111111111111111111111111111111111111111\xE2\x82\xAC"};
    const char *cut = hint_of(longest, 1); /* not within the sign */
    assert_ok(bp_check_utf8(cut, strlen(cut), "the hint"));
    assert_non_null(strstr(cut, "111...\""));
    enum { MOST = 10 };
    static const struct {
        const char *text[MOST], *mention; /* NULL: nothing is said */
    } known[] = {
        {{"1.234,5", "1.234.567,25"}, "a decimal comma, as in \"1.234,5\""},
        {{"12,5", "-3,25", "+0,5", "7"}, "a decimal comma, as in \"12,5\""},
        {{"1,234", "12", "-1,234,567.8"}, "commas between thousands, as in \"1,234\""},
        {{"$12", "7.5$", "12"}, "a sign of money or per cent, as in \"$12\""},
        {{"5 %", "7,5 %"}, "a sign of money"},
        {{"\xE2\x82\xAC 1,200", "-3"}, "a sign of money"},
        {{"1,5", "1", "2", "3", "4", "5", "6", "7", "8", "word"}, "a decimal comma"},
        {{"1,5", "1", "2", "3", "4", "5", "6", "7", "some", "word"}, NULL},
        {{"1", "2"}, NULL},
        {{"abc", "$", "a$b", "1$2"}, NULL},
        {{"1,2,3", "4,5,6"}, NULL},
        {{"12,"}, NULL},
        {{"1234,567,"}, NULL},
        {{",5"}, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *hint = hint_of(known[i].text, MOST);
        if (known[i].mention ? strstr(hint, known[i].mention) == NULL : *hint != '\0') {
            fail_msg("\"%s\" ...: \"%s\", expected \"%s\"", known[i].text[0], hint, known[i].mention);
        }
    }
}

/* Among many values the least and the greatest are knots, even where the last one weighs next to nothing. */
static void test_outer_knots(void **state)
{
    (void)state;
    enum { VALUES = 400 };
    bp_weighted item[VALUES], scratch[VALUES];
    bp_pool pool = {bp_allocator_or_default(NULL), NULL};
    bp_scale s;
    for (size_t i = 0; i < VALUES; i++) {
        item[i] = (bp_weighted){(double)i, i + 1 < VALUES ? 1 : 1e-20};
    }
    bp_distribution d = {VALUES, item, 0, 0};
    bp_distribution_sort(&d, scratch);
    assert_ok(bp_scale_fit(&s, &pool, &d, BP_NUMBERS_QUANTILE));
    assert_in_range(s.knots, 200, 258);
    assert_true(s.knot[0] == 0 && s.knot[s.knots - 1] == VALUES - 1);
    bp_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_category),
        cmocka_unit_test(test_boolean_and_left_out),
        cmocka_unit_test(test_many_levels),
        cmocka_unit_test(test_outer_knots),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_normal_quantile),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_weights_are_repetitions),
        cmocka_unit_test(test_weights),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
