/* test_cli_table.c - train and eval on tables, as a user calls them: options, results, the round trip, what is refused. */
#include "command.h"

#include "base/random.h"

/* ---- files ------------------------------------------------------------------------------------------------------- */

static FILE *create(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    return f;
}

/* Flowers of three kinds by two lengths and a colour that some lack. */
static void write_flowers(const char *name, int rows, uint64_t seed, char delimiter)
{
    static const char *const kind[] = {"daisy", "rose", "tulip"}, *const colour[] = {"white", "red", "yellow"};
    bp_rng r = bp_rng_new(seed, BP_RANDOM_DATA, 0);
    FILE *f = create(name);
    fprintf(f, "id%clength%cwidth%ccolour%ckind\n", delimiter, delimiter, delimiter, delimiter);
    for (int i = 0; i < rows; i++) {
        uint32_t k = bp_rng_below(&r, 3);
        double length = k + 1 + 0.4 * bp_rng_normal(&r), width = 2 - k + 0.4 * bp_rng_normal(&r);
        uint32_t c = bp_rng_below(&r, 4);
        fprintf(f, "%d%c%.3f%c%.3f%c%s%c%s\n", i, delimiter, length, delimiter, width, delimiter,
                c == 3 ? "" : colour[c == 2 ? k : c], delimiter, kind[k]);
    }
    assert_int_equal(fclose(f), 0);
}

/* A price that is no straight line of its columns. */
static void write_prices(const char *name, int rows, uint64_t seed)
{
    bp_rng r = bp_rng_new(seed, BP_RANDOM_DATA, 1);
    FILE *f = create(name);
    fprintf(f, "\"area, m2\",floor,price\n");
    for (int i = 0; i < rows; i++) {
        double area = 20 + 100 * bp_rng_uniform(&r);
        uint32_t level = bp_rng_below(&r, 12);
        double price = 1000 * area + 20000 * fabs(level - 6.0) + 2000 * bp_rng_normal(&r);
        fprintf(f, "%.1f,%u,%.0f\n", area, level, price);
    }
    assert_int_equal(fclose(f), 0);
}

static bool has(const json_t *object, const char *key)
{
    return json_object_get(object, key) != NULL;
}

static const char *word(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        fail_msg("\"%s\" is not a text", key);
    return json_string_value(value);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* Every measure of training, and what eval says of the same rows: the same numbers, to the last digit. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const of_classes[] = {"loss", "accuracy", "balanced_accuracy", "log_loss", "macro_f1", "auc"};
    static const char *const of_numbers[] = {"loss", "rmse", "mae", "r2"};
    write_flowers("flowers.csv", 300, 1, ',');
    write_flowers("more.csv", 100, 2, ',');
    write_prices("prices.csv", 400, 1);
    json_t *t = result_of("train|flowers.csv|--id|id|--test|more.csv|--epochs|40|--json|--quiet");
    json_t *e = result_of("eval|flowers.safetensors|flowers.csv|--json");
    json_t *o = result_of("eval|flowers.safetensors|more.csv|--json");
    for (size_t i = 0; i < sizeof of_classes / sizeof *of_classes; i++) {
        char train[64], test[64], valid[64];
        snprintf(train, sizeof train, "train_%s", of_classes[i]);
        snprintf(test, sizeof test, "test_%s", of_classes[i]);
        snprintf(valid, sizeof valid, "valid_%s", of_classes[i]);
        assert_true(number(t, train) == number(e, of_classes[i]));
        assert_true(number(t, test) == number(o, of_classes[i]));
        assert_true(has(t, valid));
    }
    assert_true(number(t, "test_accuracy") > 0.85);
    assert_string_equal(word(t, "measured_on"), "test");
    json_decref(t);
    json_decref(e);
    json_decref(o);
    t = result_of("train|prices.csv|--json|--quiet|--out|p.safetensors");
    e = result_of("eval|p.safetensors|prices.csv|--json");
    for (size_t i = 0; i < sizeof of_numbers / sizeof *of_numbers; i++) {
        char train[64];
        snprintf(train, sizeof train, "train_%s", of_numbers[i]);
        assert_true(number(t, train) == number(e, of_numbers[i]));
    }
    assert_true(number(t, "train_r2") > 0.9);
    assert_true(number(t, "train_r2") > number(json_object_get(t, "linear"), "r2"));
    assert_true(json_is_true(json_object_get(t, "better_than_linear")));
    assert_true(number(t, "train_rows") == 400);
    assert_int_equal(json_array_size(json_object_get(t, "worst_residuals")), 5);
    json_decref(t);
    json_decref(e);
}

static void test_same_bits(void **state)
{
    (void)state;
    write_flowers("a.csv", 200, 1, ',');
    expect(0, NULL, "train|a.csv|--drop|id|--epochs|10|--threads|1|--out|one.safetensors|--quiet|--test|0.2");
    expect(0, NULL, "train|a.csv|--drop|id|--epochs|10|--threads|3|--out|three.safetensors|--quiet|--test|0.2");
    assert_same_files("one.safetensors", "three.safetensors");
    expect(0, NULL, "train|a.csv|--drop|id|--epochs|10|--seed|2|--out|two.safetensors|--quiet|--test|0.2");
    size_t na = 0, nb = 0;
    char *a = slurp("one.safetensors", &na), *b = slurp("two.safetensors", &nb);
    assert_true(na != nb || memcmp(a, b, na) != 0);
    free(a);
    free(b);
}

/* The introduction says what was read and what is done with it; without --target it names the last column. */
static void test_introduction(void **state)
{
    (void)state;
    write_flowers("flowers.csv", 200, 1, ';');
    outcome o = run("train|flowers.csv|--id|id|--epochs|5|--test|0.25");
    assert_int_equal(o.code, 0);
    static const char *const said[] = {"200 rows of 5 columns",
                                       "kind, the last column",
                                       "3 classes: daisy, rose, tulip",
                                       "names the row",
                                       "category",
                                       "missing",
                                       "50 for the test"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (strstr(o.err, said[i]) == NULL)
            fail_msg("nothing of \"%s\" in:\n%s", said[i], o.err);
    static const char *const result[] = {"network", "linear model", "always", "log loss", "AUC", "confusion matrix"};
    for (size_t i = 0; i < sizeof result / sizeof *result; i++)
        if (strstr(o.out, result[i]) == NULL)
            fail_msg("nothing of \"%s\" in:\n%s", result[i], o.out);
    outcome_free(&o);
    o = run("inspect|flowers.safetensors");
    assert_non_null(strstr(o.out, "colour"));
    assert_non_null(strstr(o.out, "kind (classify)"));
    outcome_free(&o);
    json_t *j = result_of("inspect|flowers.safetensors|--json");
    assert_true(json_is_object(json_object_get(j, "preparation")));
    json_decref(j);
}

static void test_standard_input(void **state)
{
    (void)state;
    char line[1500];
    write_flowers("flowers.csv", 150, 1, '\t');
    snprintf(line, sizeof line,
             "cd '%s' && '%s' train - --drop id --epochs 5 --quiet <flowers.csv >o1 && '%s' eval table.safetensors - "
             "--json <flowers.csv >o2",
             folder, BP_COMMAND, BP_COMMAND);
    assert_int_equal(system(line), 0);
    expect(2, "only one of", "train|-|--test|-");
}

static void test_names_with_commas(void **state)
{
    (void)state;
    write_prices("p.csv", 100, 3);
    json_t *t = result_of("train|p.csv|--target|price|--drop|\"area, m2\"|--epochs|3|--json|--quiet");
    assert_int_equal(json_array_size(json_object_get(t, "target")), 1);
    json_decref(t);
    t = result_of("train|p.csv|--target|\"area, m2\",price|--epochs|3|--json|--quiet");
    assert_int_equal(json_array_size(json_object_get(t, "target")), 2);
    assert_string_equal(word(t, "task"), "regress");
    json_decref(t);
    expect(2, "quote is not closed", "train|p.csv|--target|\"area");
    expect(2, "an empty name", "train|p.csv|--target|price,");
}

/* A name of a file that is no UTF-8: the model can be saved, and go on. */
static void test_name_of_a_file(void **state)
{
    (void)state;
    write_prices("caf\xe9.csv", 100, 3);
    expect(0, NULL, "train|caf\xe9.csv|--epochs|2|--quiet|--out|caf\xe9.safetensors");
    expect(0, NULL, "train|caf\xe9.csv|--epochs|2|--quiet|--init-from|caf\xe9.safetensors|--out|more.safetensors");
    assert_true(exists("more.safetensors"));
}

/* ---- validation -------------------------------------------------------------------------------------------------- */

static void test_folds(void **state)
{
    (void)state;
    write_flowers("f.csv", 200, 1, ',');
    json_t *a = result_of("train|f.csv|--drop|id|--epochs|15|--folds|4|--json|--quiet|--threads|1");
    json_t *b = result_of("train|f.csv|--drop|id|--epochs|15|--folds|4|--json|--quiet|--threads|3");
    json_t *folds = json_object_get(a, "folds");
    assert_int_equal(json_array_size(folds), 4);
    double sum = 0, squares = 0, rows = 0;
    for (size_t i = 0; i < 4; i++) {
        double accuracy = number(json_array_get(folds, i), "accuracy");
        sum += accuracy;
        squares += accuracy * accuracy;
        rows += number(json_array_get(folds, i), "rows");
    }
    assert_true(rows == 200);
    assert_true(fabs(number(json_object_get(a, "mean"), "accuracy") - sum / 4) < 1e-12);
    assert_true(fabs(number(json_object_get(a, "std"), "accuracy") - sqrt((squares - sum * sum / 4) / 3)) < 1e-9);
    assert_true(json_equal(folds, json_object_get(b, "folds")));
    assert_string_equal(word(a, "measured_on"), "folds");
    assert_true(number(json_object_get(a, "mean"), "accuracy") >
                number(json_object_get(a, "mean"), "baseline_accuracy"));
    json_decref(a);
    json_decref(b);
    outcome o = run("train|f.csv|--drop|id|--epochs|5|--folds|3");
    assert_non_null(strstr(o.out, "deviation of 3 folds"));
    assert_non_null(strstr(o.err, "of 3:"));
    outcome_free(&o);
    expect(2, "--folds needs", "train|f.csv|--folds|1");
    expect(2, "300 folds of", "train|f.csv|--folds|300");
}

static void test_valid(void **state)
{
    (void)state;
    write_flowers("f.csv", 200, 1, ',');
    write_flowers("v.csv", 60, 2, ',');
    json_t *t = result_of("train|f.csv|--drop|id|--epochs|5|--valid|v.csv|--json|--quiet");
    json_t *e = result_of("eval|f.safetensors|v.csv|--json");
    assert_true(number(t, "valid_rows") == 60 && number(t, "train_rows") == 200);
    assert_true(number(t, "valid_log_loss") == number(e, "log_loss"));
    assert_string_equal(word(t, "measured_on"), "valid");
    json_decref(t);
    json_decref(e);
    t = result_of("train|f.csv|--drop|id|--epochs|5|--valid|0.3|--test|0.2|--json|--quiet");
    assert_true(number(t, "test_rows") == 40 && number(t, "valid_rows") == 48 && number(t, "train_rows") == 160);
    json_decref(t);
}

/* Weight 2 is the row twice, weight 0 its absence: the same minimum. */
static void test_sample_weights(void **state)
{
    (void)state;
    bp_rng r = bp_rng_new(6, BP_RANDOM_DATA, 0);
    FILE *weighted = create("weighted.csv"), *plain = create("plain.csv");
    fprintf(weighted, "x,y,w,z\n");
    fprintf(plain, "x,y,z\n");
    for (int i = 0; i < 120; i++) {
        double x = bp_rng_normal(&r), y = bp_rng_normal(&r), z = x - 2 * y + bp_rng_normal(&r);
        uint32_t w = bp_rng_below(&r, 3);
        fprintf(weighted, "%.4f,%.4f,%u,%.4f\n", x, y, w, z);
        for (uint32_t k = 0; k < w; k++)
            fprintf(plain, "%.4f,%.4f,%.4f\n", x, y, z);
    }
    fclose(weighted);
    fclose(plain);
    json_t *a =
        result_of("train|weighted.csv|--sample-weight|w|--net=|--optimizer|lbfgs|--l2|0.001|--valid|0|--numbers|"
                  "standard|--dtype|f64|--json|--quiet");
    json_t *b =
        result_of("train|plain.csv|--net=|--optimizer|lbfgs|--l2|0.001|--valid|0|--numbers|standard|--dtype|f64|"
                  "--json|--quiet");
    assert_true(number(a, "valid_rows") == 0 && json_is_null(json_object_get(a, "valid_loss")));
    assert_true(number(a, "train_rows") < 100 && number(b, "train_rows") > 100);
    assert_true(fabs(number(a, "train_rmse") - number(b, "train_rmse")) < 1e-5);
    assert_true(fabs(number(a, "train_r2") - number(b, "train_r2")) < 1e-5);
    json_decref(a);
    json_decref(b);
}

/* The cache holds what the file does: the same model, with and without, the first time and the second. */
static void test_cache(void **state)
{
    (void)state;
    write_flowers("f.csv", 200, 1, ',');
    expect(0, NULL, "train|f.csv|--drop|id|--epochs|4|--quiet|--out|a.safetensors");
    expect(0, NULL, "train|f.csv|--drop|id|--epochs|4|--quiet|--out|b.safetensors|--cache|f.cache");
    assert_true(exists("f.cache"));
    expect(0, NULL, "train|f.csv|--drop|id|--epochs|4|--quiet|--out|c.safetensors|--cache|f.cache");
    assert_same_files("a.safetensors", "b.safetensors");
    assert_same_files("a.safetensors", "c.safetensors");
}

/* A target that nothing is known about: the network is no better than what is always the same, and that is said. */
static void test_warning(void **state)
{
    (void)state;
    bp_rng r = bp_rng_new(5, BP_RANDOM_DATA, 0);
    FILE *f = create("noise.csv");
    fprintf(f, "x,y\n");
    for (int i = 0; i < 300; i++) {
        double y = bp_rng_normal(&r), x = bp_rng_normal(&r); /* in this order with every compiler */
        fprintf(f, "%.4f,%.4f\n", x, y);
    }
    fclose(f);
    outcome o = run("train|noise.csv|--test|0.5|--epochs|400|--valid|0|--l2|0|--net|dense 64 relu, dense 64 relu");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "no better than always the mean"));
    assert_non_null(strstr(o.out, "worst residuals"));
    outcome_free(&o);
}

/* ---- what eval counts -------------------------------------------------------------------------------------------- */

static void test_eval_counts(void **state)
{
    (void)state;
    write_flowers("f.csv", 200, 1, ',');
    expect(0, NULL, "train|f.csv|--drop|id|--epochs|5|--quiet");
    FILE *f = create("other.csv");
    fprintf(f, "kind,colour,width,length,extra\nrose,purple,1,2,x\nrose,red,,2,y\ntulip,,0,3,z\n,red,1,1,w\n");
    fclose(f);
    outcome o = run("eval|f.safetensors|other.csv");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.err, "values that the training rows did not have: 1"));
    assert_non_null(strstr(o.err, "purple"));
    outcome_free(&o);
    json_t *e = result_of("eval|f.safetensors|other.csv|--json");
    assert_true(number(e, "rows") == 3);
    assert_true(number(e, "unknown_cells") == 1);
    assert_true(number(e, "dropped_rows") == 1);
    json_decref(e);
    f = create("short.csv");
    fprintf(f, "kind,width\nrose,1\n");
    fclose(f);
    expect(3, "length", "eval|f.safetensors|short.csv");
    expect(3, "colour", "eval|f.safetensors|short.csv");
    expect(3, "trained on a table", "eval|f.safetensors|xor");
    expect(0, NULL, "train|xor|--rows|50|--epochs|1|--quiet");
    expect(3, "the model, which knows none by name, takes 2", "eval|xor.safetensors|f.csv");
}

/* Columns that are text, though they were probably meant as numbers, say what is in the way. */
static void test_hints(void **state)
{
    (void)state;
    FILE *f = create("hints.csv"), *comma = create("comma.csv");
    fprintf(f, "odd,large,money,code,y\n");
    fprintf(comma, "größe;y\n");
    for (int i = 0; i < 60; i++) {
        fprintf(f, "%s%d,\"%d,%03d\",%d €,A%d,%d\n", i == 40 ? "about " : "", i, 1 + i % 9, i, 100 + i % 7, i % 5,
                i % 2);
        fprintf(comma, "%d,5;%d,%d\n", i % 8, i, 1 + i % 9);
    }
    fclose(f);
    fclose(comma);
    outcome o = run("train|hints.csv|--epochs|1");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.err, "because of 1 cell among numbers or dates, the first in line 42: \"about 40\""));
    assert_non_null(strstr(o.err, "commas between thousands, as in \"1,000\""));
    assert_non_null(strstr(o.err, "a sign of money or per cent, as in \"100 €\""));
    assert_null(strstr(o.err, "\"A0\""));
    outcome_free(&o);
    expect(3, "a decimal comma, as in \"0,1\"", "train|comma.csv|--epochs|1");
    o = run("train|comma.csv|--epochs|1|--decimal-comma");
    assert_int_equal(o.code, 0);
    assert_null(strstr(o.err, "hint"));
    assert_non_null(strstr(o.err, "größe   number "));
    outcome_free(&o);
}

/* A name is cut where it is too long, but never within a character: the model has it in a note, which must be UTF-8. */
static void test_long_name(void **state)
{
    (void)state;
    static const char name[] = "ääääääääääääääääääääääääääääääääääää.csv";
    FILE *f = create(name);
    fprintf(f, "x,y\n1,a\n2,b\n3,a\n4,b\n");
    fclose(f);
    char command[256];
    snprintf(command, sizeof command, "train|%s|--epochs|1", name);
    outcome o = run(command);
    assert_int_equal(o.code, 0);
    outcome_free(&o);
}

static void test_labels_have_names(void **state)
{
    (void)state;
    FILE *f = create("labels.csv");
    fprintf(f, "x,warm,rare\n");
    for (int i = 0; i < 60; i++) {
        fprintf(f, "%d,%s,%s\n", i, i > 30 ? "yes" : "no", i % 6 == 0 ? "yes" : "no");
    }
    fclose(f);
    expect(0, NULL, "train|labels.csv|--target|warm,rare|--epochs|2|--quiet");
    outcome o = run("eval|labels.safetensors|labels.csv");
    assert_non_null(strstr(o.out, "\nwarm  "));
    outcome_free(&o);
    json_t *e = result_of("eval|labels.safetensors|labels.csv|--json");
    assert_string_equal(word(json_array_get(json_object_get(e, "labels"), 1), "label"), "rare");
    json_decref(e);
}

/* ---- what is refused, before anything long ----------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    write_flowers("f.csv", 50, 1, ',');
    expect(2, "--target is for tables", "train|xor|--target|x");
    expect(2, "--folds is for tables", "train|xor|--folds|5");
    expect(2, "--standardize does not go with the table f.csv", "train|f.csv|--standardize");
    expect(2, "--rows does not go", "train|f.csv|--rows|5");
    expect(2, "--valid needs a number from 0 to below 1 for the data set", "train|xor|--valid|v.csv");
    expect(2, "--test takes a share only of a table", "train|xor|--test|0.5");
    expect(2, "--test needs a number between 0 and 1", "train|f.csv|--test|1.5");
    expect(2, "unknown delimiter", "train|f.csv|--delimiter|colon");
    expect(2, "a comma would be both", "train|f.csv|--delimiter|,|--decimal-comma");
    expect(2, "unknown task", "train|f.csv|--task|cluster");
    expect(2, "is the table itself", "train|f.csv|--cache|f.csv");
    expect(2, "momentum", "train|nothing-here.csv|--optimizer|adam|--momentum|0.5");
    expect(2, "momentum", "train|nothing-here|--optimizer|adam|--momentum|0.5");
    expect(2, "--batch and --optimizer lbfgs exclude", "train|nothing-here|--optimizer|lbfgs|--batch|5");
    expect(3, "nothing-here.csv", "train|nothing-here.csv");
    expect(3, "did you mean f.csv", "train|f");
    expect(2, "petal", "train|f.csv|--target|petal");
    assert_int_equal(count_files("safetensors"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),        TEST(test_same_bits),      TEST(test_introduction), TEST(test_standard_input),
        TEST(test_names_with_commas), TEST(test_name_of_a_file), TEST(test_folds),        TEST(test_valid),
        TEST(test_warning),           TEST(test_sample_weights), TEST(test_cache),        TEST(test_eval_counts),
        TEST(test_refusals),          TEST(test_hints),          TEST(test_long_name),    TEST(test_labels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
