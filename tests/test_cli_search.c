/* test_cli_search.c - `backprop train --search`, as a user calls it: the table, the state, what stays fixed, Ctrl-C, what is
 * refused. */
#include "command.h"

#include "base/random.h"

/* Points in and out of a circle. */
static void write_points(const char *name, int rows)
{
    char path[600];
    bp_rng r = bp_rng_new(5, BP_RANDOM_DATA, 0);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "x,y,inside\n");
    for (int i = 0; i < rows; i++) {
        double x = 2 * bp_rng_uniform(&r) - 1, y = 2 * bp_rng_uniform(&r) - 1;
        fprintf(f, "%.4f,%.4f,%s\n", x, y, x * x + y * y < 0.6 ? "yes" : "no");
    }
    assert_int_equal(fclose(f), 0);
}

static json_t *row_at(const json_t *result, size_t index)
{
    return json_array_get(json_object_get(result, "search"), index);
}

static const char *word(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    assert_non_null(text);
    return text;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* The table is in the result, and the model is what its first row says. */
static void test_json(void **state)
{
    (void)state;
    write_points("points.csv", 150);
    json_t *result = result_of("train|points.csv|--search|9|--epochs|9|--json");
    assert_int_equal(json_array_size(json_object_get(result, "search")), 9);
    assert_true(number(result, "search_rungs") == 3);
    assert_true(number(result, "search_folds") > 1);
    bool seen[10] = {false};
    for (size_t i = 0; i < 9; i++) {
        const json_t *row = row_at(result, i);
        assert_true(number(row, "rank") == (double)i + 1);
        seen[(int)number(row, "candidate")] = true;
        assert_true(number(row, "accuracy") > 0 && number(row, "score") > 0 && number(row, "epochs") == 9);
    }
    for (int i = 1; i < 10; i++)
        assert_true(seen[i]);
    json_t *model = result_of("inspect|points.safetensors|--json"), *notes = json_object_get(model, "notes");
    assert_string_equal(word(notes, "optimizer"), word(row_at(result, 0), "optimizer"));
    assert_non_null(strstr(word(notes, "search"), "of 9"));
    assert_string_equal(word(notes, "numbers"), word(row_at(result, 0), "numbers"));
    json_decref(model);
    json_decref(result);
}

/* For people: 80 columns, one row marked as what would be without a search; nothing with --quiet. */
static void test_text(void **state)
{
    (void)state;
    write_points("points.csv", 150);
    outcome o = run("train|points.csv|--search|9|--epochs|9");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "rank"));
    assert_non_null(strstr(o.out, "trained in full"));
    assert_non_null(strstr(o.out, "after 1/9 of the training"));
    size_t marked = 0;
    char *save = NULL;
    for (char *line = strtok_r(o.out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (strlen(line) > 80)
            fail_msg("more than 80 columns: %s", line);
        marked += strlen(line) > 4 && line[4] == '*';
    }
    assert_in_range(marked, 1, 2);
    outcome_free(&o);
    o = run("train|points.csv|--search|3|--epochs|3|--quiet");
    assert_int_equal(o.code, 0);
    assert_null(strstr(o.out, "rank"));
    outcome_free(&o);
}

/* The same file, bit for bit, for any number of threads; and the search does not change what the winner is as an ordinary
 * run. */
static void test_same_model(void **state)
{
    (void)state;
    write_points("points.csv", 150);
    expect(0, NULL, "train|points.csv|--search|6|--epochs|6|--threads|1|--out|one");
    expect(0, NULL, "train|points.csv|--search|6|--epochs|6|--threads|3|--out|three");
    assert_same_files("one", "three");
}

/* What the command line says is that of every candidate. */
static void test_fixed(void **state)
{
    (void)state;
    write_points("points.csv", 150);
    json_t *result = result_of("train|points.csv|--search|8|--epochs|4|--net|dense 5 tanh|--lr|0.02|--batch|10|"
                               "--numbers|robust|--schedule|exponential:0.9|--l2|0.001|--valid|0.3|--json");
    for (size_t i = 0; i < 8; i++) {
        const json_t *row = row_at(result, i);
        assert_string_equal(word(row, "net"), "dense 5 tanh");
        assert_string_equal(word(row, "schedule"), "exponential:0.9");
        assert_string_equal(word(row, "numbers"), "robust");
        assert_true(number(row, "lr") == 0.02 && number(row, "batch") == 10 && number(row, "l2") == 0.001);
    }
    assert_true(number(result, "search_folds") == 0);
    json_decref(result);
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static void test_state(void **state)
{
    (void)state;
    write_points("points.csv", 150);
    json_t *first = result_of("train|points.csv|--search|6|--epochs|6|--search-state|s.json|--json|--out|first");
    json_t *again = result_of("train|points.csv|--search|6|--epochs|6|--search-state|s.json|--json|--out|again");
    assert_true(json_equal(json_object_get(first, "search"), json_object_get(again, "search")));
    assert_same_files("first", "again");
    json_decref(first);
    json_decref(again);
    expect(3, "seed \"1\" there, \"2\" here",
           "train|points.csv|--search|6|--epochs|6|--search-state|s.json|--seed|2|--out|other");
    expect(3, "candidates \"6\" there, \"7\" here", "train|points.csv|--search|7|--epochs|6|--search-state|s.json");
    assert_false(exists("other"));
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* Ctrl-C ends the search; the best so far is trained, and the state has what was found. */
static void test_interrupt(void **state)
{
    (void)state;
    write_points("points.csv", 400);
    pid_t child =
        start(&(manner){0}, "train|points.csv|--search|5000|--search-state|s.json|--threads|1|--json|--out|m");
    char *text = NULL;
    for (int i = 0; i < 3000 && text == NULL; i++) {
        nap();
        text = slurp("s.json", NULL);
        if (text != NULL && strstr(text, "\"loss\"") == NULL) {
            free(text);
            text = NULL;
        }
    }
    assert_non_null(text);
    free(text);
    assert_int_equal(kill(child, SIGINT), 0);
    assert_int_equal(code_of(child), 130);
    assert_true(exists("m"));
    char *out = slurp("stdout", NULL);
    json_t *result = json_loads(out, 0, NULL);
    assert_true(json_is_true(json_object_get(result, "search_stopped")));
    assert_in_range(json_array_size(json_object_get(result, "search")), 1, 4999);
    json_decref(result);
    free(out);
}

/* However short the time is: one setting has a score. */
static void test_time(void **state)
{
    (void)state;
    write_points("points.csv", 150);
    json_t *result = result_of("train|points.csv|--search|5|--search-time|1e-9|--threads|1|--json");
    assert_true(json_is_true(json_object_get(result, "search_stopped")));
    assert_int_equal(json_array_size(json_object_get(result, "search")), 1);
    json_decref(result);
}

/* ---- refused ----------------------------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    write_points("points.csv", 60);
    expect(2, "--search-state needs --search", "train|points.csv|--search-state|s.json");
    expect(2, "--search-time needs --search", "train|points.csv|--search-time|5");
    expect(2, "whole number of 1 or more", "train|points.csv|--search|0");
    expect(2, "at least 1 epoch", "train|points.csv|--search|3|--epochs|0");
    expect(2, "--search is for tables", "train|xor|--search|3");
    expect(2, "the table are the same file", "train|points.csv|--search|3|--search-state|points.csv");
    expect(2, "the model to write are the same file", "train|points.csv|--search|3|--search-state|points.safetensors");
    expect(5, "nowhere", "train|points.csv|--search|3|--search-state|nowhere/s.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_json),  TEST(test_text),      TEST(test_same_model), TEST(test_fixed),
        TEST(test_state), TEST(test_interrupt), TEST(test_time),       TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
