/* test_cli_plain_table.c - the commands with models that know no columns, imported or trained on a data set, and tables. */
#include "command.h"

static char *output_of(const char *line)
{
    outcome o = run(line);
    if (o.code != 0)
        fail_msg("%s: exit code %d, %s", line, o.code, o.err);
    free(o.err);
    return o.out;
}

static void expect_output(const char *line, const char *out)
{
    char *found = output_of(line);
    assert_string_equal(found, out);
    free(found);
}

/* ---- imported ---------------------------------------------------------------------------------------------------- */

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static const double weight[] = {0.5, -1, 2, 0.25, -0.5, 1.5, 0.75, -2, 1};

/* What the network of make_imported answers: genann's bias is -1. */
static double answer(double x, double y)
{
    double h = sigmoid(-weight[0] + weight[1] * x + weight[2] * y);
    double g = sigmoid(-weight[3] + weight[4] * x + weight[5] * y);
    return -weight[6] + weight[7] * h + weight[8] * g;
}

static void make_imported(void)
{
    write_text("net.ann", "2 1 2 1 0.5 -1 2 0.25 -0.5 1.5 0.75 -2 1\n");
    expect(0, NULL, "import|net.ann|--output|linear|--out|net.safetensors");
}

enum { ROWS = 20000 }; /* several blocks */

static double x_of(int i)
{
    return (i % 101) / 10.0 - 5;
}

static double y_of(int i)
{
    return (i % 37) / 4.0 - 4;
}

/* "name" before the two inputs, "z" behind them. */
static void write_rows(const char *name, bool header, bool names, bool target)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (header)
        fprintf(f, "%sx,y%s\n", names ? "name," : "", target ? ",z" : "");
    for (int i = 0; i < ROWS; i++) {
        if (names)
            fprintf(f, "no %d,", i);
        fprintf(f, "%.17g,%.17g", x_of(i), y_of(i));
        if (target)
            fprintf(f, ",%.17g", answer(x_of(i), y_of(i)) + (i == 7 ? 3 : 0));
        fputc('\n', f);
    }
    fclose(f);
}

/* Each line ends in the answer. */
static void check_answers(const char *line, bool header)
{
    char *out = output_of(line), *at = out;
    if (header)
        at = strchr(at, '\n') + 1;
    for (int i = 0; i < ROWS; i++) {
        char *end = strchr(at, '\n'), *cell = end;
        assert_non_null(end);
        while (cell > at && cell[-1] != ',')
            cell--;
        double found = atof(cell), expected = answer(x_of(i), y_of(i));
        if (!(fabs(found - expected) <= 1e-14 * fmax(1, fabs(expected))))
            fail_msg("row %d: %.17g is not %.17g", i, found, expected);
        at = end + 1;
    }
    assert_int_equal(*at, '\0');
    free(out);
}

static void test_answers(void **state)
{
    (void)state;
    make_imported();
    write_rows("x.csv", true, false, false);
    write_rows("nameless.csv", false, false, false);
    write_rows("target.csv", true, false, true);
    write_rows("names.csv", true, true, true);
    check_answers("predict|net.safetensors|x.csv", true);
    check_answers("predict|net.safetensors|nameless.csv", false);
    check_answers("predict|net.safetensors|target.csv", true);
    check_answers("predict|net.safetensors|target.csv|--target|z|--keep", true);
    check_answers("predict|net.safetensors|names.csv|--drop|name", true);
    check_answers("predict|net.safetensors|names.csv|--id|1", true);
}

static void test_what_is_told(void **state)
{
    (void)state;
    make_imported();
    write_text("f.csv", "name,x,y,z\nann,1,2,3\nbob,4,5,6\n");
    outcome o = run("predict|net.safetensors|f.csv|--id|name");
    assert_int_equal(o.code, 0);
    assert_string_equal(o.err, "columns by position: 2 inputs, x to y; target z\n");
    assert_non_null(strstr(o.out, "name,prediction\nann,"));
    outcome_free(&o);
    o = run("predict|net.safetensors|f.csv|--drop|name,z");
    assert_string_equal(o.err, "columns by position: 2 inputs, x to y\n");
    outcome_free(&o);
}

static void test_measures(void **state)
{
    (void)state;
    make_imported();
    write_rows("names.csv", true, true, true);
    json_t *e = result_of("eval|net.safetensors|names.csv|--drop|name|--json");
    assert_true(number(e, "rows") == ROWS);
    assert_true(fabs(number(e, "rmse") - 3 / sqrt(ROWS)) < 1e-9);
    json_t *worst = json_array_get(json_object_get(e, "worst_residuals"), 0);
    assert_true(number(worst, "row") == 8);
    json_decref(e);
    e = result_of("explain|net.safetensors|names.csv|--target|z|--drop|name|--json");
    assert_int_equal(json_array_size(json_object_get(e, "columns")), 2);
    assert_true(number(e, "r2") > 0.99);
    json_decref(e);
    expect(0, NULL, "check|net.safetensors|names.csv|--drop|name");
    char *trace = output_of("inspect|net.safetensors|--trace|names.csv|--drop|name|--row|3");
    assert_non_null(strstr(trace, "row 3 of names.csv"));
    assert_non_null(strstr(trace, "-4.7 -3.25"));
    free(trace);
}

static void test_refused(void **state)
{
    (void)state;
    make_imported();
    write_text("wide.csv", "name,x,y,z\nann,1,2,3\nbob,4,5,6\n");
    write_text("text.csv", "x,y\n1,two\n3,four\n");
    write_text("cell.csv", "x,y\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n3,four\n");
    write_text("gap.csv", "x,y\n1,2\n3,\n");
    write_text("x.csv", "x,y\n1,2\n3,4\n");
    expect(3, "wide.csv has 4 columns", "predict|net.safetensors|wide.csv");
    expect(3, "takes 2, or 3 with the target", "predict|net.safetensors|wide.csv");
    expect(3, "column 1, \"name\", is no number", "predict|net.safetensors|wide.csv");
    expect(3, "--target, --drop", "predict|net.safetensors|wide.csv");
    expect(3, "column 2, \"y\", of text.csv is no number", "predict|net.safetensors|text.csv");
    expect(3, "\"four\"", "predict|net.safetensors|cell.csv");
    expect(3, "line 12", "predict|net.safetensors|cell.csv");
    expect(3, "column \"y\" of gap.csv has no value in row 2", "predict|net.safetensors|gap.csv");
    expect(3, "takes 2 and, behind them, 1 for the target", "eval|net.safetensors|x.csv");
    expect(2, "no column \"w\"", "predict|net.safetensors|wide.csv|--drop|w");
}

static void test_two_numbers(void **state)
{
    (void)state;
    write_text("pair.ann", "2 0 0 2 0 1 0 0 0 1\n");
    expect(0, NULL, "import|pair.ann|--output|linear|--out|pair.safetensors");
    write_text("four.csv", "a,b,c,d\n1,2,3,4\n5,6,7,8\n");
    expect_output("predict|pair.safetensors|four.csv", "prediction(c),prediction(d)\n1,2\n5,6\n");
    expect_output("predict|pair.safetensors|four.csv|--target|d,a", "prediction(d),prediction(a)\n2,3\n6,7\n");
    expect_output("predict|pair.safetensors|four.csv|--drop|2,3",
                  "prediction(output1),prediction(output2)\n1,4\n5,8\n");
    expect(2, "1 target column is named, but the answers of the model need 2",
           "predict|pair.safetensors|four.csv|--target|d");
    write_text("two.csv", "1;2\n3;4\n");
    expect_output("predict|pair.safetensors|two.csv", "1;2\n3;4\n");
    expect_output("predict|pair.safetensors|two.csv|--rows|1", "3;4\n");
}

/* ---- other files ------------------------------------------------------------------------------------------------- */

/* The last features of these rows are all 0; indices from 1, and from 0. */
static void test_libsvm(void **state)
{
    (void)state;
    make_imported();
    write_text("sum.ann", "4 0 0 1 0 1 10 100 1000\n");
    expect(0, NULL, "import|sum.ann|--output|linear|--out|sum.safetensors");
    write_text("one.libsvm", "1 1:1 2:2\n0 1:3\n");
    write_text("zero.libsvm", "1 0:1 1:2\n0 0:3 2:1\n");
    write_text("full.libsvm", "1 1:1 4:2\n");
    write_text("more.libsvm", "1 0:1 4:2\n");
    expect_output("predict|sum.safetensors|one.libsvm", "prediction\n21\n3\n");
    expect_output("predict|sum.safetensors|zero.libsvm", "prediction\n21\n103\n");
    expect_output("predict|sum.safetensors|full.libsvm", "prediction\n2001\n");
    expect(3, "has 6 columns", "predict|sum.safetensors|more.libsvm");
    json_t *e = result_of("eval|sum.safetensors|one.libsvm|--json");
    assert_true(fabs(number(e, "mae") - 11.5) < 1e-9);
    json_decref(e);
}

static void test_npy(void **state)
{
    (void)state;
    write_text("diff.ann", "2 0 0 1 0 1 -1\n");
    expect(0, NULL, "import|diff.ann|--output|linear|--out|diff.safetensors");
    char path[600], head[128];
    snprintf(path, sizeof path, "%s/x.npy", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\1\0\x76\0", 10);
    const char *shape = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
    memcpy(head + 10, shape, strlen(shape));
    head[127] = '\n';
    const double x[4] = {5, 3, 0.5, 1};
    fwrite(head, sizeof head, 1, f);
    fwrite(x, sizeof x, 1, f);
    fclose(f);
    expect_output("predict|diff.safetensors|x.npy", "2\n-0.5\n");
}

/* ---- trained on a data set --------------------------------------------------------------------------------------- */

static void test_classes(void **state)
{
    (void)state;
    expect(0, NULL, "train|xor|--epochs|200|--quiet|--out|xor.safetensors");
    write_text("points.csv", "x,y\n-0.8,-0.7\n0.8,-0.9\n-0.9,0.8\n0.7,0.9\n");
    char *out = output_of("predict|xor.safetensors|points.csv|--proba");
    assert_non_null(strstr(out, "prediction,p(equal),p(different)\n"));
    free(out);
    expect_output("predict|xor.safetensors|points.csv", "prediction\nequal\ndifferent\ndifferent\nequal\n");
    write_text("known.csv", "-0.8,-0.7,equal\n0.8,-0.9,different\n-0.9,0.8,different\n0.7,0.9,different\n");
    json_t *e = result_of("eval|xor.safetensors|known.csv|--json");
    assert_true(number(e, "accuracy") == 0.75);
    json_decref(e);
    e = result_of("eval|xor.safetensors|known.csv|--json|--target|3|--threads|2");
    assert_true(number(e, "accuracy") == 0.75);
    json_decref(e);
    write_text("other.csv", "-0.8,-0.7,equal\n0.8,-0.9,unlike\n");
    expect(3, "none of those", "eval|xor.safetensors|other.csv");
}

/* A model of a table knows its columns. */
static void test_own_columns(void **state)
{
    (void)state;
    char text[2000];
    size_t used = (size_t)snprintf(text, sizeof text, "a,b,c\n");
    for (int i = 0; i < 60; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d,%d,%d\n", i, i * 7 % 60, i % 9 + i);
    write_text("t.csv", text);
    expect(0, NULL, "train|t.csv|--epochs|1|--quiet|--out|t.safetensors");
    expect(2, "knows its columns", "predict|t.safetensors|t.csv|--drop|a");
    expect(3, "knows its columns", "eval|t.safetensors|t.csv|--target|a");
    outcome o = run("predict|t.safetensors|t.csv");
    assert_int_equal(o.code, 0);
    assert_string_equal(o.err, "");
    outcome_free(&o);
    make_imported();
    expect(3, "is for tables", "eval|net.safetensors|xor|--drop|1");
    expect(3, "was not trained on a table", "train|t.csv|--init-from|net.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers), TEST(test_what_is_told), TEST(test_measures), TEST(test_two_numbers), TEST(test_refused),
        TEST(test_libsvm),  TEST(test_npy),          TEST(test_classes),  TEST(test_own_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
