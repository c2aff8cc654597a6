/* test_cli_data.c - `backprop data`, training without naming data, and predictions that are drawn. */
#include "command.h"

static void shell(const char *line)
{
    char text[1200];
    snprintf(text, sizeof text, "cd '%s' && %s", folder, line);
    if (system(text) != 0)
        fail_msg("failed: %s", line);
}

/* The entry of a set in the JSON list. */
static bool is_here(const char *line, const char *name)
{
    json_t *o = result_of(line);
    json_t *sets = json_object_get(o, "sets");
    bool found = false, here = false;
    for (size_t i = 0; i < json_array_size(sets); i++) {
        json_t *one = json_array_get(sets, i);
        if (strcmp(json_string_value(json_object_get(one, "name")), name) != 0)
            continue;
        found = true;
        here = json_is_true(json_object_get(one, "here"));
    }
    json_decref(o);
    if (!found)
        fail_msg("%s is not in the list", name);
    return here;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static void test_list(void **state)
{
    (void)state;
    outcome o = run("data");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "backprop fetch mnist"));
    assert_non_null(strstr(o.out, "backprop fetch fashion-mnist"));
    assert_non_null(strstr(o.out, "digits"));
    outcome_free(&o);
    assert_true(is_here("data|--json", "spirals"));
    assert_false(is_here("data|--json", "mnist"));
}

/* Four IDX files do not tell which set they are: only a folder of the right name is taken for a named set, and one of an
 * unknown name for MNIST. */
static void test_which_folder_is_which_set(void **state)
{
    (void)state;
    expect(0, NULL, "data|digits|--rows|600|--out|mnist");
    shell("mkdir -p data other && cp -r mnist data/fashion-mnist && cp mnist/* other");
    assert_true(is_here("data|--json|--data-dir|data", "fashion-mnist"));
    assert_true(is_here("data|--json|--data-dir|data/fashion-mnist/", "fashion-mnist"));
    assert_true(is_here("data|--json|--data-dir|.", "mnist"));
    assert_false(is_here("data|--json|--data-dir|other", "fashion-mnist"));
    shell("rm -r mnist");
    assert_true(is_here("data|--json|--data-dir|other", "mnist"));
    assert_false(is_here("data|--json|--data-dir|data/fashion-mnist", "mnist"));
    outcome o = run("data|fashion-mnist|--data-dir|data");
    assert_non_null(strstr(o.out, "\nAnkle boot "));
    outcome_free(&o);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* What is written is a data set again, the same one. */
static void test_written_set_can_be_used(void **state)
{
    (void)state;
    static const char *const sets[] = {"digits", "spirals"};
    char line[200];
    for (size_t i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "data|%s|--rows|600|--seed|7|--out|%s-files", sets[i], sets[i]);
        expect(0, NULL, line);
        snprintf(line, sizeof line, "train|%s|--rows|600|--seed|7|--epochs|2|--json", sets[i]);
        json_t *a = result_of(line);
        snprintf(line, sizeof line, "train|./%s-files|--seed|7|--epochs|2|--json", sets[i]);
        json_t *b = result_of(line);
        assert_true(number(a, "test_loss") == number(b, "test_loss"));
        assert_true(number(a, "train_loss") == number(b, "train_loss"));
        json_decref(a);
        json_decref(b);
    }
}

static void test_same_seed_same_files(void **state)
{
    (void)state;
    expect(0, NULL, "data|digits|--rows|600|--out|a");
    expect(0, NULL, "data|digits|--rows|600|--out|b");
    expect(0, NULL, "data|digits|--rows|600|--seed|2|--out|c");
    assert_same_files("a/train-images-idx3-ubyte", "b/train-images-idx3-ubyte");
    shell("! cmp -s a/train-images-idx3-ubyte c/train-images-idx3-ubyte");
}

static void test_nothing_is_overwritten(void **state)
{
    (void)state;
    expect(0, NULL, "data|xor|--out|x");
    shell("cp x/train-images-idx3-ubyte before");
    expect(5, "--force replaces it", "data|moons|--out|x");
    assert_same_files("before", "x/train-images-idx3-ubyte");
    expect(0, NULL, "data|moons|--out|x|--force");
    shell("! cmp -s before x/train-images-idx3-ubyte");
    shell("gzip x/t10k-labels-idx1-ubyte");
    expect(5, "would be mixed", "data|xor|--out|x|--force");
    expect(5, "cannot make the directory", "data|xor|--out|nowhere/x");
    shell("echo > file");
    expect(5, NULL, "data|xor|--out|file");
}

static void test_sheet(void **state)
{
    (void)state;
    size_t size = 0;
    expect(0, NULL, "data|digits|--rows|600|--sheet|s.png");
    expect(0, NULL, "data|digits|--rows|600|--sheet|s.pgm");
    char *png = slurp("s.png", &size), *pgm = slurp("s.pgm", NULL);
    assert_true(size > 1000);
    assert_memory_equal(png, "\x89PNG\r\n", 6);
    assert_memory_equal(pgm, "P5", 2);
    free(png);
    free(pgm);
    expect(5, "--force replaces it", "data|digits|--rows|600|--sheet|s.png");
    expect(5, ".png or .pgm", "data|digits|--rows|600|--sheet|s.jpg");
    expect(2, NULL, "data|xor|--sheet|x.png");
    assert_false(exists("x.png"));
}

static void test_data_usage(void **state)
{
    (void)state;
    expect(2, "which data set?", "data|--out|x");
    expect(3, "did you mean \"digits\"?", "data|digit");
    expect(3, "backprop fetch fashion-mnist", "data|fashion-mnist");
    outcome o = run("data|xor|--rows|40");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "40 training rows, 10 test rows"));
    outcome_free(&o);
    o = run_as(&(manner){.file_limit = 4096}, "data|digits|--rows|600|--out|full");
    assert_int_equal(o.code, 5);
    outcome_free(&o);
    assert_false(exists("full/train-images-idx3-ubyte"));
}

/* ---- the default ------------------------------------------------------------------------------------------------- */

static void test_train_without_data(void **state)
{
    (void)state;
    outcome o = run("train|--rows|1200|--epochs|6");
    assert_int_equal(o.code, 0);
    assert_true(exists("digits.safetensors"));
    assert_non_null(strstr(o.err, "digits: 1,200 training rows"));
    assert_non_null(strstr(o.err, "generated by this program"));
    assert_non_null(strstr(o.err, "backprop fetch mnist"));
    outcome_free(&o);
    json_t *e = result_of("eval|digits.safetensors|digits|--rows|1200|--json");
    assert_true(number(e, "accuracy") > 0.7);
    json_decref(e);
}

/* ---- drawn predictions ------------------------------------------------------------------------------------------- */

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

/* Numbers with a percent sign; the pictures have such signs, too, but no digits. */
static int count_shares(const char *text)
{
    int count = 0;
    for (; (text = strstr(text, " %")) != NULL; text++)
        count += text[-1] >= '0' && text[-1] <= '9';
    return count;
}

static void test_draw(void **state)
{
    (void)state;
    expect(0, NULL, "train|--rows|1200|--epochs|6|--quiet");
    outcome o = run("predict|digits.safetensors|digits|--draw");
    assert_int_equal(o.code, 0);
    assert_int_equal(count_of(o.out, "row "), 5);
    assert_int_equal(count_shares(o.out), 15);
    assert_null(strchr(o.out, '\033')); /* no terminal, no colour */
    outcome_free(&o);
    o = run("predict|digits.safetensors|digits|--draw|--rows|2-3|--top|10|--out|drawn");
    assert_int_equal(o.code, 0);
    outcome_free(&o);
    char *drawn = slurp("drawn", NULL);
    assert_int_equal(count_of(drawn, "row "), 2);
    assert_int_equal(count_shares(drawn), 20);
    assert_non_null(strstr(drawn, "row 2 is 2,"));
    free(drawn);
    expect(0, NULL, "train|xor|--rows|50|--epochs|1|--quiet");
    expect(2, "--draw is for images", "predict|xor.safetensors|xor|--draw");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_which_folder_is_which_set),
        TEST(test_written_set_can_be_used),
        TEST(test_same_seed_same_files),
        TEST(test_nothing_is_overwritten),
        TEST(test_sheet),
        TEST(test_data_usage),
        TEST(test_train_without_data),
        TEST(test_draw),
    };
    unsetenv("BACKPROP_DATA");
    setenv("XDG_CACHE_HOME", "/nonexistent", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
