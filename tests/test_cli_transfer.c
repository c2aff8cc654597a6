/* test_cli_transfer.c - `backprop train --init-from MODEL --freeze LAYERS --new-head`: what is taken and what stays, and that
 * it helps where there are few rows. */
#include "command.h"

#include <backprop/io.h>

#define HEAD_START                                                                                                     \
    "train|digits|--rows|4000|--epochs|4|--seed|3|--quiet|--net|dense 48 relu, dense 24 relu|--out|digits.model"

/* ---- data and models --------------------------------------------------------------------------------------------- */

static void must(bp_status status)
{
    if (status != BP_OK) {
        fail_msg("%s", bp_error());
    }
}

static void write_array(const char *dir, const char *name, bp_type type, bp_shape shape, void *data)
{
    char path[700];
    bp_array a = {.type = type, .shape = shape, .data = data};
    snprintf(path, sizeof path, "%s/%s/%s", folder, dir, name);
    must(bp_idx_write(path, &a));
}

/* The first `rows` images of d whose class is below `classes`, as IDX files DIR/PART-... */
static void write_part(const char *dir, const char *part, const bp_data *d, size_t classes, size_t rows)
{
    char name[64];
    uint8_t *x = malloc(rows * d->inputs), *label = malloc(rows);
    size_t count = 0;
    assert_true(x != NULL && label != NULL && d->x_type == BP_U8);
    for (size_t i = 0; i < d->rows && count < rows; i++) {
        if ((size_t)d->label[i] < classes) {
            memcpy(x + count * d->inputs, (const uint8_t *)d->x + i * d->inputs, d->inputs);
            label[count++] = (uint8_t)d->label[i];
        }
    }
    assert_int_equal(count, rows);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    write_array(dir, name, BP_U8, (bp_shape){3, {rows, d->height, d->width, 0}}, x);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    write_array(dir, name, BP_U8, bp_shape1(rows), label);
    free(x);
    free(label);
}

/* A folder with few rows of few classes of a data set. */
static void write_few(const char *dir, const char *what, size_t classes, size_t train, size_t test)
{
    char path[600];
    const char *places[] = {getenv("BACKPROP_DATA")};
    bp_dataset *set = NULL;
    bp_dataset_options o = bp_dataset_defaults();
    o.dirs = places;
    o.dir_count = places[0] != NULL;
    o.seed = 77;
    snprintf(path, sizeof path, "%s/%s", folder, dir);
    assert_int_equal(mkdir(path, 0700), 0);
    must(bp_dataset_load(&set, what, &o));
    write_part(dir, "train", &set->train, classes, train);
    write_part(dir, "t10k", &set->test, classes, test);
    bp_dataset_free(set);
}

static bp_model *load(const char *name)
{
    char path[600];
    bp_model *m = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(bp_model_load(&m, path, NULL));
    return m;
}

/* Whether parameter `name` has the same bits in both files. */
static bool same_parameter(const char *a, const char *b, const char *name)
{
    bp_model *x = load(a), *y = load(b);
    const bp_node *p = bp_graph_find(bp_model_graph(x), name), *q = bp_graph_find(bp_model_graph(y), name);
    assert_true(p != NULL && q != NULL);
    bool same = bp_node_size(p) == bp_node_size(q) &&
                memcmp(bp_param_values(p), bp_param_values(q), bp_node_size(p) * sizeof(float)) == 0;
    bp_model_free(x);
    bp_model_free(y);
    return same;
}

static void expect_note(const char *model, const char *key, const char *value)
{
    bp_model *m = load(model);
    const char *found = bp_model_note(m, key);
    assert_string_equal(found != NULL ? found : "none", value);
    bp_model_free(m);
}

/* ---- what is taken, what stays ----------------------------------------------------------------------------------- */

static void test_other_classes(void **state)
{
    (void)state;
    expect(0, NULL, HEAD_START);
    write_few("few", "digits", 3, 60, 300);
    expect(0,
           "digits.model: scaling of the inputs, and the weights of all layers but the last, which is new: 3 classes "
           "instead of 10",
           "train|few|--epochs|6|--init-from|digits.model|--freeze|body|--out|three.model");
    assert_true(same_parameter("digits.model", "three.model", "0.weight"));
    assert_true(same_parameter("digits.model", "three.model", "2.bias"));
    expect_note("three.model", "frozen", "0-1");
    expect_note("three.model", "new_head", "true");
    expect_note("three.model", "init_from", "digits.model");
    expect(0, "layers 0-1; 75 of 38,931 parameters are trained",
           "train|few|--epochs|6|--init-from|digits.model|--freeze|body|--out|three.model");
    expect(0, "layer 0; 1,251 of 38,931 parameters are trained",
           "train|few|--epochs|1|--init-from|digits.model|--freeze|0|--out|one.model");
    assert_true(same_parameter("digits.model", "one.model", "0.weight"));
    assert_false(same_parameter("digits.model", "one.model", "2.weight"));
    json_t *r = result_of("train|few|--epochs|1|--init-from|digits.model|--freeze|0|--out|one.model|--json|--quiet");
    assert_true(json_is_true(json_object_get(r, "new_head")));
    assert_true(number(r, "trained_parameters") == 1251 && number(r, "parameters") == 38931);
    json_decref(r);
}

/* The same number of classes: the whole model, or a new last layer. */
static void test_new_head(void **state)
{
    (void)state;
    expect(0, NULL, HEAD_START);
    expect(0, "digits.model: scaling of the inputs, and the weights of all layers\n",
           "train|digits|--rows|100|--steps|0|--init-from|digits.model|--out|all.model");
    assert_true(same_parameter("digits.model", "all.model", "4.weight"));
    expect(0, "but the last, which is new\n",
           "train|digits|--rows|100|--steps|0|--init-from|digits.model|--new-head|--out|new.model");
    assert_true(same_parameter("digits.model", "new.model", "2.weight"));
    assert_false(same_parameter("digits.model", "new.model", "4.weight"));
    expect_note("all.model", "new_head", "none");
    json_t *trained = result_of("eval|digits.model|digits|--rows|300|--json");
    json_t *all = result_of("eval|all.model|digits|--rows|300|--json");
    assert_true(number(trained, "loss") == number(all, "loss"));
    json_decref(trained);
    json_decref(all);
    /* What trained it as a whole leaves nothing in the notes of the next one. */
    expect(0, NULL, "train|digits|--rows|100|--epochs|1|--init-from|new.model|--out|next.model|--quiet");
    expect_note("next.model", "new_head", "none");
}

static void test_refused(void **state)
{
    (void)state;
    expect(2, "--freeze is about a model that has learned something: it needs --init-from", "train|xor|--freeze|0");
    expect(2, "--new-head is about", "train|xor|--new-head");
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--net|dense 4 tanh|--out|xor.model|--quiet");
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--net| |--out|bare.model|--quiet");
    expect(2, "there is no layer 2", "train|xor|--init-from|xor.model|--freeze|2");
    expect(2, "expected numbers of layers", "train|xor|--init-from|xor.model|--freeze|head");
    expect(2, "nothing would be left to train", "train|xor|--init-from|xor.model|--freeze|0-1");
    expect(2, "the last layer is new", "train|xor|--init-from|xor.model|--freeze|1|--new-head");
    expect(3, "no layer but the last one", "train|xor|--init-from|bare.model|--new-head");
    expect(3, "was trained on samples of 2 numbers, those of digits have 784",
           "train|digits|--rows|100|--init-from|xor.model|--new-head");
    expect(2, "exclude each other", "train|xor|--init-from|xor.model|--new-head|--loss|mse");
}

/* A run with frozen layers goes on as such, and not as another. */
static void test_resume(void **state)
{
    (void)state;
#define FROM_XOR "train|moons|--rows|200|--schedule|constant|--quiet|--init-from|xor.model|--new-head"
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--net|dense 6 tanh|--out|xor.model|--quiet");
    expect(0, NULL, FROM_XOR "|--freeze|0|--epochs|20|--out|whole.model");
    expect(0, NULL, FROM_XOR "|--freeze|0|--epochs|9|--out|part.model|--checkpoint|run|--every|20 steps");
    expect(3, "frozen layers: 0 there, none now", FROM_XOR "|--epochs|20|--out|part.model|--resume|run");
    expect(
        3, "a new last layer (--new-head): yes there, no now",
        "train|moons|--rows|200|--schedule|constant|--quiet|--init-from|xor.model|--freeze|0|--epochs|20|--resume|run");
    expect(0, NULL, FROM_XOR "|--freeze|0|--epochs|20|--out|part.model|--resume|run");
    assert_same_files("whole.model", "part.model");
    assert_true(same_parameter("xor.model", "part.model", "0.weight"));
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* x, colour and y decide about shape, of two or three kinds, and size. */
static void write_table(const char *name, size_t rows, size_t start, bool three)
{
    char path[600];
    static const char *const colour[] = {"red", "green", "blue"};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("x,colour,y,shape,size\n", f);
    for (size_t i = start; i < start + rows; i++) {
        double x = sin(1.7 * (double)i), y = cos(2.9 * (double)i), size = 3 * x - y + (double)(i % 3);
        const char *shape = size < 0 ? "round" : !three || size < 2 ? "long" : "flat";
        fprintf(f, "%.4f,%s,%.4f,%s,%.4f\n", x, colour[i % 3], y, shape, size);
    }
    fclose(f);
}

#define SHORT   "|--epochs|3|--net|dense 8 relu, dense 5 tanh|--quiet|--out|first.model"
#define GOES_ON "|--epochs|3|--init-from|first.model|--out|next.model"

static void test_tables(void **state)
{
    (void)state;
    write_table("first.csv", 150, 0, false);
    write_table("two.csv", 90, 300, false);
    write_table("three.csv", 90, 500, true);
    expect(0, NULL, "train|first.csv|--target|shape|--drop|size" SHORT);
    expect(0, "preparation of the columns, and the weights of all layers\n", "train|two.csv" GOES_ON "|--steps|0");
    assert_true(same_parameter("first.model", "next.model", "4.weight"));
    expect(0, "layers but the last, which is new: 3 classes instead of 2", "train|three.csv" GOES_ON "|--freeze|body");
    assert_true(same_parameter("first.model", "next.model", "0.weight"));
    assert_true(same_parameter("first.model", "next.model", "2.weight"));
    expect_note("next.model", "frozen", "0-1");
    expect(0, NULL, "eval|next.model|three.csv");
    expect(0, NULL, "predict|next.model|two.csv");
    expect(0, "which is new\n", "train|two.csv|--new-head|--test|0.2|--valid|first.csv" GOES_ON);
    expect(0, "which is new: 1 number instead of 2 classes", "train|two.csv|--target|size|--freeze|0" GOES_ON);
    expect(0, "not used by the model", "train|two.csv" GOES_ON);
}

static void test_tables_refused(void **state)
{
    (void)state;
    write_table("first.csv", 150, 0, false);
    expect(0, NULL, "train|first.csv|--target|shape|--drop|size" SHORT);
    expect(0, NULL, "train|xor|--rows|100|--epochs|1|--quiet|--out|xor.model");
    expect(2, "\"x\" of first.csv is an input of the model", "train|first.csv|--target|x" GOES_ON);
    expect(2, "--drop and --init-from exclude each other", "train|first.csv|--drop|y" GOES_ON);
    expect(2, "--numbers and --init-from exclude", "train|first.csv|--numbers|robust" GOES_ON);
    expect(2, "--folds and --init-from exclude", "train|first.csv|--folds|3" GOES_ON);
    expect(2, "--search and --init-from exclude", "train|first.csv|--search|3" GOES_ON);
    expect(2, "no layer 5", "train|first.csv|--freeze|5" GOES_ON);
    expect(3, "xor.model was not trained on a table", "train|first.csv|--init-from|xor.model");
    expect(3, "first.model prepares the columns of a table, but xor is a data set",
           "train|xor|--rows|100|--init-from|first.model");
    expect(3, "No such file", "train|first.csv|--init-from|missing.model");
}

/* ---- whether it helps -------------------------------------------------------------------------------------------- */

static double accuracy(const char *line)
{
    json_t *r = result_of(line);
    double found = number(r, "test_accuracy");
    json_decref(r);
    return found;
}

/* From drawn digits to real ones, of which there are few: ten classes, then five. */
static void test_mnist(void **state)
{
    (void)state;
    char probe[600];
    snprintf(probe, sizeof probe, "%s/mnist/t10k-labels-idx1-ubyte.gz", getenv("BACKPROP_DATA"));
    if (access(probe, R_OK) != 0) {
        skip();
    }
    expect(0, NULL,
           "train|digits|--rows|12000|--epochs|6|--quiet|--net|dense 64 relu, dense 32 relu|--out|digits.model");
    static const struct {
        const char *dir, *batch;
        size_t classes, rows;
    } cases[] = {{"ten", "128|--epochs|30", 10, 500}, {"five", "10|--epochs|100", 5, 50}};
    for (size_t i = 0; i < 2; i++) {
        char line[300];
        write_few(cases[i].dir, "mnist", cases[i].classes, cases[i].rows, 2000);
        snprintf(line, sizeof line, "train|%s|--batch|%s|--quiet|--json|--net|dense 64 relu, dense 32 relu",
                 cases[i].dir, cases[i].batch);
        double scratch = accuracy(line);
        snprintf(line, sizeof line, "train|%s|--batch|%s|--quiet|--json|--init-from|digits.model|--freeze|0",
                 cases[i].dir, cases[i].batch);
        double transferred = accuracy(line);
        print_message("%zu rows of %zu classes of MNIST: %.4f from scratch, %.4f from digits\n", cases[i].rows,
                      cases[i].classes, scratch, transferred);
        assert_true(transferred > scratch + 0.01);
        assert_true(transferred > 0.86);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_other_classes), TEST(test_new_head),       TEST(test_refused), TEST(test_resume),
        TEST(test_tables),        TEST(test_tables_refused), TEST(test_mnist),
    };
    setenv("BACKPROP_DATA", BP_SOURCE_DIR "/../shared/data", 0);
    return cmocka_run_group_tests_name("cli_transfer", tests, NULL, NULL);
}
