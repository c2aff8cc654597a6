/* test_released.c - files that released versions wrote are read, and mean what they meant: released/VERSION has models
 * beside their answers, a table with predictions, and a checkpoint with the end of its run. released/write.sh writes them. */
#include "command.h"

#include <dirent.h>

#include <backprop/io.h>

/* Kernels of other machines round otherwise; so many steps of training make more of it. */
static const double WITHIN_F32 = 2e-6, WITHIN_F64 = 1e-12, WITHIN_TRAINED = 1e-4;

static struct version {
    char path[300]; /* its folder */
} versions[50];
static size_t version_count;

static int find_versions(void **state)
{
    (void)state;
    const char *kernel = getenv("BACKPROP_TEST_KERNEL");
    if (kernel != NULL && bp_kernel_select(kernel) != BP_OK) {
        print_error("%s\n", bp_error());
        return -1;
    }
    DIR *d = opendir(BP_SOURCE_DIR "/tests/released");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL && version_count < 50;) {
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
            snprintf(versions[version_count++].path, sizeof versions->path, "%s/tests/released/%.20s", BP_SOURCE_DIR,
                     e->d_name);
        }
    }
    closedir(d);
    return version_count > 0 ? 0 : -1;
}

/* A file of a version's folder; NULL: that version wrote none. */
static FILE *open_file(const char *version, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%.300s/%.300s", version, name);
    return fopen(path, "r");
}

static bp_model *load(const char *version, const char *name)
{
    char path[700];
    bp_model *m = NULL;
    snprintf(path, sizeof path, "%.300s/%.300s", version, name);
    if (bp_model_load(&m, path, NULL) != BP_OK) {
        fail_msg("%s", bp_error());
    }
    return m;
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* Every row of inputs and answers in f. */
static size_t expect_answers(const bp_model *m, FILE *f, const char *name)
{
    bp_model_options o = bp_model_describe(m);
    bp_predictor *p = NULL;
    double x[8], y[8], within = o.type == BP_F32 ? WITHIN_F32 : WITHIN_F64;
    float narrow[8];
    size_t rows = 0;
    assert_true(o.inputs <= 8 && o.outputs <= 8);
    assert_int_equal(bp_predictor_new(&p, m, 1, 1), BP_OK);
    while (fscanf(f, "%lf", &x[0]) == 1) {
        for (size_t i = 1; i < o.inputs; i++) {
            assert_int_equal(fscanf(f, "%lf", &x[i]), 1);
        }
        assert_int_equal(bp_predict(p, o.type == BP_F32 ? (void *)narrow : (void *)y, x, BP_F64, 1), BP_OK);
        for (size_t i = 0; i < o.outputs; i++) {
            double expected = 0, found = o.type == BP_F32 ? (double)narrow[i] : y[i];
            assert_int_equal(fscanf(f, "%lf", &expected), 1);
            if (!(fabs(found - expected) <= within * fmax(1, fabs(expected)))) {
                fail_msg("%s, row %zu: answer %zu is %.17g, it was %.17g", name, rows, i, found, expected);
            }
        }
        rows++;
    }
    bp_predictor_free(p);
    return rows;
}

static void expect_model(const char *version, const char *answers)
{
    char name[300];
    snprintf(name, sizeof name, "%.*s.safetensors", (int)(strlen(answers) - strlen(".answers")), answers);
    bp_model *m = load(version, name);
    FILE *f = open_file(version, answers);
    assert_non_null(f);
    assert_in_range(expect_answers(m, f, name), 12, 12);
    fclose(f);
    if (bp_model_describe(m).task == BP_CLASSIFY) {
        assert_string_equal(bp_model_class(m, 1), "green \"light\"");
    }
    bp_model_free(m);
}

static void test_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < version_count; i++) {
        size_t models = 0;
        DIR *d = opendir(versions[i].path);
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            size_t n = strlen(e->d_name), tail = strlen(".answers");
            if (n > tail && strcmp(e->d_name + n - tail, ".answers") == 0) {
                expect_model(versions[i].path, e->d_name);
                models++;
            }
        }
        closedir(d);
        assert_true(models >= 6);
    }
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* The next word of a CSV line without quotes in front, as a text and, where it is one, as a number. */
static bool next_word(char word[64], double *number, FILE *f)
{
    char *end;
    bool found = fscanf(f, " %63[^,\n]", word) == 1;
    (void)!fscanf(f, ",");
    *number = found ? strtod(word, &end) : 0;
    if (found && *end != '\0') {
        *number = 0;
    }
    return found;
}

static void expect_same_csv(FILE *expected, FILE *found)
{
    char a[64], b[64];
    double x, y;
    size_t words = 0;
    while (next_word(a, &x, expected)) {
        assert_true(next_word(b, &y, found));
        if (x == 0 && y == 0) {
            assert_string_equal(a, b);
        } else if (!(fabs(x - y) <= 1e-5 * fmax(1, fabs(x)))) {
            fail_msg("word %zu is %s, it was %s", words, b, a);
        }
        words++;
    }
    assert_false(next_word(b, &y, found));
    assert_true(words > 30);
}

static void expect_predictions(const char *version, const char *target, const char *option)
{
    char line[1000], name[100];
    snprintf(name, sizeof name, "%s.csv", target);
    FILE *expected = open_file(version, name);
    if (expected == NULL) {
        return;
    }
    snprintf(line, sizeof line, "predict|%s/%s.safetensors|%s/flats.csv|--out|found.csv%s", version, target, version,
             option);
    outcome o = run(line);
    if (o.code != 0) {
        fail_msg("%s", o.err);
    }
    outcome_free(&o);
    FILE *found = open_file(folder, "found.csv");
    assert_non_null(found);
    expect_same_csv(expected, found);
    fclose(expected);
    fclose(found);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < version_count; i++) {
        expect_predictions(versions[i].path, "rent", "");
        expect_predictions(versions[i].path, "district", "|--proba");
    }
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static void expect_same_weights(const bp_model *a, const bp_model *b)
{
    double x[64], y[64];
    const bp_graph *g = bp_model_graph_const(a), *h = bp_model_graph_const(b);
    assert_int_equal(bp_graph_params(g), bp_graph_params(h));
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        size_t size = bp_node_size(bp_graph_param(g, i));
        assert_true(size <= 64 && size == bp_node_size(bp_graph_param(h, i)));
        assert_int_equal(bp_param_get(bp_graph_param(g, i), x), BP_OK);
        assert_int_equal(bp_param_get(bp_graph_param(h, i), y), BP_OK);
        for (size_t k = 0; k < size; k++) {
            assert_true(fabs(x[k] - y[k]) <= WITHIN_TRAINED);
        }
    }
}

/* The run goes on from the checkpoint, a step before its end, and ends as it did. */
static void test_checkpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < version_count; i++) {
        char line[1000];
        FILE *end = open_file(versions[i].path, "run.safetensors");
        if (end == NULL) {
            continue;
        }
        fclose(end);
        snprintf(line, sizeof line, "rm -rf %s/run && cp -r %.300s/run %s/run", folder, versions[i].path, folder);
        assert_int_equal(system(line), 0);
        outcome o = run("train|moons|--rows|60|--epochs|4|--batch|16|--net|dense 3 tanh|--resume|run|--every|5 "
                        "steps|--out|ended.safetensors");
        if (o.code != 0) {
            fail_msg("%s", o.err);
        }
        outcome_free(&o);
        bp_model *then = load(versions[i].path, "run.safetensors"), *now = load(folder, "ended.safetensors");
        expect_same_weights(then, now);
        bp_model_free(then);
        bp_model_free(now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_models),
        TEST(test_tables),
        TEST(test_checkpoints),
    };
    return cmocka_run_group_tests_name("released", tests, find_versions, NULL);
}
