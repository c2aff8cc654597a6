/* test_cli_export.c - `backprop export --c` as a user calls it: what is told, what the source answers, what is refused. */
#include "command.h"

static int in_shell(const char *line)
{
    char all[2000];
    snprintf(all, sizeof all, "cd '%s' && %s", folder, line);
    int status = system(all);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_plain(void **state)
{
    (void)state;
    expect(0, NULL, "train|moons|--rows|200|--epochs|2|--net|dense 5 tanh|--quiet");
    expect(0, NULL, "export|moons.safetensors|--c|moons.c|--name|moons|--header|moons.h|--with-test");
    assert_true(exists("moons.h"));
    assert_int_equal(in_shell("cc -DMOONS_TEST_MAIN moons.c -o moons -lm && ./moons"), 0);
    json_t *r = result_of("export|moons.safetensors|--c|two.c|--type|f64|--json");
    assert_string_equal(json_string_value(json_object_get(r, "format")), "C");
    assert_string_equal(json_string_value(json_object_get(r, "type")), "f64");
    assert_true(number(r, "flash_bytes") > 8 * (2 * 5 + 5 + 5 * 2 + 2) - 1 && number(r, "scratch_bytes") == 5 * 8);
    assert_true(number(r, "ram_bytes") == (5 + 2 + 2) * 8);
    assert_null(json_object_get(r, "accuracy"));
    json_decref(r);
}

static void test_int8(void **state)
{
    (void)state;
    expect(0, NULL, "train|moons|--rows|400|--epochs|20|--quiet");
    json_t *r =
        result_of("export|moons.safetensors|--c|m.c|--type|int8|--calibrate|moons|--rows|400|--with-test|--json");
    assert_true(number(r, "rows") == 100 && number(r, "largest_error") > 0 && number(r, "largest_error") < 0.1);
    assert_true(number(r, "mean_error") > 0 && number(r, "mean_error") < number(r, "largest_error"));
    json_t *e = result_of("eval|moons.safetensors|moons|--rows|400|--json");
    assert_true(fabs(number(r, "accuracy_before") - number(e, "accuracy")) < 1e-9);
    assert_true(fabs(number(r, "accuracy") - number(e, "accuracy")) < 0.05);
    json_decref(e);
    json_decref(r);
    assert_int_equal(in_shell("cc -DMODEL_TEST_MAIN m.c -o m -lm && ./m"), 0);
    outcome o = run("export|moons.safetensors|--c|m.c|--type|int8|--calibrate|moons");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "accuracy"));
    outcome_free(&o);
}

/* The answers of the source to the rows of a file are those of predict. */
static void test_table(void **state)
{
    (void)state;
    char text[4000] = "size,colour,price\n";
    size_t n = strlen(text);
    for (int i = 0; i < 60; i++) {
        n +=
            (size_t)snprintf(text + n, sizeof text - n, "%d.5,%s,%d\n", i * 7 % 31, i % 2 ? "red" : "blue", i * 3 % 17);
    }
    write_text("things.csv", text);
    write_text("new.csv", "size,colour\n3.5,red\n,blue\n9,\n-4,green\n");
    expect(0, NULL, "train|things.csv|--target|price|--task|regress|--epochs|3|--quiet");
    expect(0, NULL, "predict|things.safetensors|new.csv|--out|answers.csv");
    expect(0, NULL, "export|things.safetensors|--c|net.c|--name|net");
    write_text("main.c", "#include \"net.c\"\n#include <stdio.h>\nint main(void)\n{\n"
                         "    static const float size[] = {3.5f, NAN, 9, -4};\n"
                         "    static const char *const colour[] = {\"red\", \"blue\", \"\", \"green\"};\n"
                         "    float x[NET_INPUTS], y[NET_OUTPUTS], scratch[NET_SCRATCH], right;\n"
                         "    FILE *f = fopen(\"answers.csv\", \"r\");\n    int wrong = f == NULL;\n"
                         "    wrong += fscanf(f, \"%*[^\\n]\") != 0;\n"
                         "    for (int i = 0; i < 4; i++) {\n        net_row row;\n        row.size = size[i];\n"
                         "        row.colour = net_colour_level(colour[i]);\n"
                         "        wrong += net_prepare(x, &row) + (fscanf(f, \"%f\", &right) != 1);\n"
                         "        net_predict(y, x, scratch);\n"
                         "        wrong += !(fabsf(y[0] - right) <= 1e-5f * (1 + fabsf(right)));\n    }\n"
                         "    return wrong;\n}\n");
    assert_int_equal(in_shell("cc -std=c99 main.c -o main -lm && ./main"), 0);
    outcome o = run("export|things.safetensors|--c|net.c|--type|int8|--calibrate|things.csv");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "R2"));
    outcome_free(&o);
}

static void test_refusals(void **state)
{
    (void)state;
    expect(0, NULL, "train|moons|--rows|100|--epochs|1|--net|dense 3|--quiet");
    expect(2, "--calibrate", "export|moons.safetensors|--c|a.c|--type|int8");
    expect(2, "int8", "export|moons.safetensors|--c|a.c|--calibrate|moons");
    expect(2, "--c", "export|moons.safetensors|--onnx|a.onnx|--with-test");
    expect(2, "several", "export|moons.safetensors|--onnx|a.onnx|--c|a.c");
    expect(2, "one of", "export|moons.safetensors");
    expect(2, "names", "export|moons.safetensors|--c|a.c|--name|2nd");
    expect(2, "--header", "export|moons.safetensors|--c|a.c|--header|a.c");
    expect(2, "type", "export|moons.safetensors|--c|a.c|--type|f16");
    expect(3, "784", "export|moons.safetensors|--c|a.c|--type|int8|--calibrate|digits");
    expect(2, "--c needs a name: no pipe", "export|moons.safetensors|--c|-");
    assert_false(exists("-"));
    expect(5, "nowhere", "export|moons.safetensors|--c|nowhere/a.c");
    assert_false(exists("a.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_int8, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_table, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refusals, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
