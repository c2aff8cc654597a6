/* test_bench.c - `backprop bench`: what it reports is there and makes sense. How fast anything is, is not tested. */
#include "command.h"

static void assert_positive(const json_t *object, const char *key)
{
    double value = number(object, key);
    if (!(value > 0 && value < 1e300))
        fail_msg("\"%s\" is %g", key, value);
}

static json_t *list_of(const json_t *object, const char *key, size_t least)
{
    json_t *list = json_object_get(object, key);
    if (!json_is_array(list) || json_array_size(list) < least)
        fail_msg("\"%s\" is no list of at least %zu", key, least);
    return list;
}

static void assert_positive_rows(const json_t *object, const char *list_key, size_t least, const char *const *keys)
{
    size_t index;
    json_t *row;
    json_array_foreach(list_of(object, list_key, least), index, row)
    {
        for (size_t i = 0; keys[i] != NULL; i++)
            assert_positive(row, keys[i]);
    }
}

static void assert_texts(const json_t *object, const char *const *keys)
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        const char *text = json_string_value(json_object_get(object, keys[i]));
        if (text == NULL || text[0] == '\0')
            fail_msg("\"%s\" is no text", keys[i]);
    }
}

/* Everything but the two largest networks, which take seconds a step with sanitizers. */
static void test_result_is_complete(void **state)
{
    (void)state;
    static const char *const texts[] = {"version", "cpu", "kernel", "dtype", "compiler", NULL};
    static const char *const limits[] = {"threads", "gflops", "read_gb_per_second", "copy_gb_per_second", NULL};
    static const char *const work[] = {
        "batch",     "threads",      "seconds", "best_seconds", "runs", "samples_per_second", "gflops",
        "fma_share", "memory_share", NULL};
    static const char *const gemm[] = {"m",      "n",         "k", "threads", "seconds", "best_seconds",
                                       "gflops", "fma_share", NULL};
    json_t *o = result_of("bench|W4|W5|gemm|--quick|--json|--threads|1");
    assert_texts(o, texts);
    assert_positive(o, "threads");
    assert_positive(o, "cache_bytes");
    assert_true(json_is_true(json_object_get(o, "quick")));
    assert_positive_rows(o, "limits", 1, limits);
    assert_positive_rows(o, "work", 2, work);
    assert_positive_rows(o, "gemm", 10, gemm);
    json_t *first = json_array_get(list_of(o, "work", 2), 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "W4");
    json_decref(o);
}

/* Samples a second, time and unit of a line belong together; times are sorted as they should be. */
static void test_figures_agree(void **state)
{
    (void)state;
    json_t *o = result_of("bench|W4|--quick|--json|--threads|1|--kernel|portable|--dtype|f64");
    json_t *row = json_array_get(list_of(o, "work", 1), 0), *limit = json_array_get(list_of(o, "limits", 1), 0);
    assert_int_equal(json_array_size(json_object_get(o, "work")), 1);
    assert_string_equal(json_string_value(json_object_get(o, "kernel")), "portable");
    assert_string_equal(json_string_value(json_object_get(o, "dtype")), "f64");
    assert_string_equal(json_string_value(json_object_get(row, "unit")), "step");
    assert_true(number(row, "best_seconds") <= number(row, "seconds"));
    double batch = number(row, "seconds") * number(row, "samples_per_second");
    assert_true(fabs(batch - number(row, "batch")) < 1e-6);
    double share = number(row, "gflops") / number(limit, "gflops");
    assert_true(fabs(share - number(row, "fma_share")) < 1e-9);
    json_decref(o);
}

static void test_memory_of_a_process(void **state)
{
    (void)state;
    json_t *o = result_of("bench|memory|--quick|--json");
    double bytes = number(o, "peak_bytes");
    assert_true(bytes > 47e6); /* 60,000 images of 784 bytes */
    json_decref(o);
}

static void test_table_fits_a_terminal(void **state)
{
    (void)state;
    outcome o = run("bench|W5|W6|gemm|--quick");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "multiply-add"));
    assert_non_null(strstr(o.out, "W5"));
    for (char *line = strtok(o.out, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strlen(line) > 80)
            fail_msg("wider than 80 columns: %s", line);
    outcome_free(&o);
}

static void test_unknown_work(void **state)
{
    (void)state;
    expect(2, "valid: W1, W2, W3, W4, W5, W6, gemm, memory", "bench|W7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_result_is_complete),    TEST(test_figures_agree), TEST(test_memory_of_a_process),
        TEST(test_table_fits_a_terminal), TEST(test_unknown_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
