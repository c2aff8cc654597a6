/* test_cli_models.c - eval, predict, check, inspect; what a terminal shows; MNIST, where the images are there. */
#include "command.h"

#include <math.h>

/* ---- using models ------------------------------------------------------------------------------------------------ */

static void test_predict(void **state)
{
    (void)state;
    expect(0, NULL, "train|moons|--rows|400|--epochs|20|--quiet");
    outcome o = run("predict|moons.safetensors|moons|--rows|3-5|--top|2");
    assert_int_equal(o.code, 0);
    char class[2][32];
    size_t row = 0;
    double p[2];
    int lines = 0, length = 0;
    for (const char *at = o.out; *at != '\0'; at += length, lines++) {
        assert_int_equal(
            sscanf(at, "%zu\t%31[^\t]\t%lf\t%31[^\t]\t%lf\n%n", &row, class[0], &p[0], class[1], &p[1], &length), 5);
        assert_int_equal(row, 3 + lines);
        assert_string_not_equal(class[0], class[1]);
        assert_true(p[0] >= p[1] && fabs(p[0] + p[1] - 1) < 2e-6);
    }
    assert_int_equal(lines, 3);
    outcome_free(&o);
    expect(0, NULL, "predict|moons.safetensors|moons|--part|all|--out|p.tsv");
    o = run("predict|moons.safetensors|moons|--part|all");
    char *file = slurp("p.tsv", NULL);
    assert_string_equal(file, o.out);
    free(file);
    outcome_free(&o);
}

/* The classes printed are those that eval counts. */
static void test_predict_agrees_with_eval(void **state)
{
    (void)state;
    expect(0, NULL, "train|spirals|--epochs|3|--quiet");
    json_t *e = result_of("eval|spirals.safetensors|spirals|--json");
    json_t *confusion = json_object_get(e, "confusion");
    const char *name = json_string_value(json_object_get(json_array_get(json_object_get(e, "classes"), 1), "class"));
    json_int_t counted = 0, printed = 0;
    for (size_t i = 0; i < 2; i++)
        counted += json_integer_value(json_array_get(json_array_get(confusion, i), 1));
    outcome o = run("predict|spirals.safetensors|spirals");
    for (const char *line = o.out; *line != '\0'; line = strchr(line, '\n') + 1)
        printed += strncmp(strchr(line, '\t') + 1, name, strlen(name)) == 0;
    assert_int_equal(counted, printed);
    assert_true(counted > 0);
    json_decref(e);
    outcome_free(&o);
}

static void test_eval_refuses_other_data(void **state)
{
    (void)state;
    const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
    const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    static const char *const names[] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-labels-idx1-ubyte"};
    for (size_t i = 0; i < 4; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fwrite(i < 2 ? images : labels, 1, i < 2 ? sizeof images : sizeof labels, f);
        fclose(f);
    }
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--quiet");
    expect(3, "samples of 2 numbers", "eval|xor.safetensors|.");
    expect(0, NULL, "train|.|--epochs|2|--out|m.safetensors|--net|dense 3");
    expect(3, "samples of 4 numbers", "eval|m.safetensors|xor");
}

static void test_check(void **state)
{
    (void)state;
    outcome o = run("check|xor|--net|dense 10 sigmoid|--output|sigmoid|--loss|mse|--all");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "0.weight"));
    assert_non_null(strstr(o.out, "forward passes"));
    assert_non_null(strstr(o.out, "The gradients agree."));
    outcome_free(&o);
    expect(0, NULL, "check|xor|--net|dense 10 relu, dense 5 gelu|--unfused");
    o = run("check|xor|--net|dense 10 tanh|--init|zeros"); /* gradients that are all zero prove nothing */
    assert_int_equal(o.code, 1);
    assert_non_null(strstr(o.out, "The check FAILED: where a gradient is zero"));
    outcome_free(&o);
    expect(0, NULL, "train|moons|--rows|200|--epochs|2|--quiet");
    json_t *r = result_of("check|moons.safetensors|moons|--sample|20|--rows|5|--json");
    assert_true(json_is_true(json_object_get(r, "passed")));
    assert_true(number(r, "rows") == 5);
    json_t *tensor;
    size_t i;
    json_array_foreach(json_object_get(r, "tensors"), i, tensor)
    {
        assert_true(number(tensor, "checked") <= 20);
        assert_true(number(tensor, "max_rel") <= 1e-6);
    }
    assert_true(i >= 6);
    json_decref(r);
    expect(2, "describes a new network", "check|moons.safetensors|moons|--net|dense 3");
}

/* The numbers that follow the line with `mark` after position `from`. */
static const char *read_numbers(double *out, size_t count, const char *from, const char *mark)
{
    const char *at = strstr(from, mark);
    if (at == NULL)
        fail_msg("the trace has no \"%s\"", mark);
    at = strchr(at, '\n');
    for (size_t i = 0; i < count; i++) {
        char *end = NULL;
        out[i] = strtod(at, &end);
        assert_true(end != at);
        at = end;
    }
    return at;
}

/* The trace scales its sample as prediction does. */
static void test_trace_agrees_with_predict(void **state)
{
    (void)state;
    double a[3], p[2], best = 0;
    char class[32];
    expect(0, NULL, "train|moons|--rows|200|--epochs|2|--net|dense 3 tanh|--quiet|--dtype|f64|--standardize");
    outcome o = run("predict|moons.safetensors|moons|--rows|7");
    assert_int_equal(sscanf(o.out, "7\t%31[^\t]\t%lf", class, &best), 2);
    outcome_free(&o);
    o = run("inspect|moons.safetensors|--trace|moons|--row|7|--full");
    const char *at = read_numbers(a, 3, o.out, "a = f(z)");
    read_numbers(p, 2, at, "a = f(z)");
    assert_true(fabs(fmax(p[0], p[1]) - best) < 1e-6);
    outcome_free(&o);
}

/* The equations hold for the numbers that are printed: a network 2-3-2, tanh and softmax. */
static void test_trace(void **state)
{
    (void)state;
    double x[2], z[3], a[3], z2[2], p[2], delta2[2], db2[2], dw2[6], delta[3], db[3], dw[6];
    expect(0, NULL, "train|moons|--rows|200|--epochs|2|--net|dense 3 tanh|--quiet|--dtype|f64");
    outcome o = run("inspect|moons.safetensors|--trace|moons|--row|7|--full");
    assert_int_equal(o.code, 0);
    const char *at = read_numbers(x, 2, o.out, "x, scaled");
    at = read_numbers(z, 3, at, "z = a_in w + b");
    at = read_numbers(a, 3, at, "a = f(z)");
    at = read_numbers(z2, 2, at, "z = a_in w + b");
    at = read_numbers(p, 2, at, "a = f(z)");
    at = read_numbers(delta2, 2, at, "BP1");
    at = read_numbers(db2, 2, at, "BP3");
    at = read_numbers(dw2, 6, at, "BP4");
    at = read_numbers(delta, 3, at, "BP2");
    at = read_numbers(db, 3, at, "BP3");
    read_numbers(dw, 6, at, "BP4");
    assert_true(fabs(p[0] + p[1] - 1) < 1e-12);
    assert_true(fabs(delta2[0] + delta2[1]) < 1e-12 && fabs(delta2[0]) > 1e-9); /* p - t */
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(a[i] - tanh(z[i])) < 1e-12);
        for (int j = 0; j < 2; j++) {
            assert_true(fabs(dw2[i * 2 + j] - a[i] * delta2[j]) < 1e-12);
            assert_true(fabs(dw[j * 3 + i] - x[j] * delta[i]) < 1e-12);
        }
        assert_true(delta[i] == db[i]);
    }
    outcome_free(&o);
    o = run("inspect|moons.safetensors|--trace|moons");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "norm"));
    outcome_free(&o);
}

/* The cost that a trace prints is the loss that eval measures, whatever the targets look like to the network. */
static void test_trace_agrees_with_eval(void **state)
{
    (void)state;
    expect(0, NULL, "data|xor|--rows|40|--out|ten|--force"); /* ten of them to test with */
    const char *pairs[] = {"tanh|--loss|mse", "sigmoid|--loss|bce", "softmax|--loss|cross-entropy",
                           "linear|--loss|huber"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char line[256];
        snprintf(line, sizeof line, "train|./ten|--epochs|3|--quiet|--out|pair.safetensors|--output|%s", pairs[i]);
        expect(0, NULL, line);
        double sum = 0;
        for (int row = 0; row < 10; row++) {
            snprintf(line, sizeof line, "inspect|pair.safetensors|--trace|./ten|--row|%d", row);
            outcome o = run(line);
            const char *cost = strstr(o.out, "C = ");
            assert_non_null(cost);
            sum += strtod(cost + 4, NULL);
            outcome_free(&o);
        }
        json_t *e = result_of("eval|pair.safetensors|./ten|--json");
        double loss = json_number_value(json_object_get(e, "loss"));
        assert_true(json_number_value(json_object_get(e, "rows")) == 10);
        if (!(fabs(sum / 10 - loss) <= 1e-4 * (1 + loss))) {
            print_error("%s: traces %g, eval %g\n", pairs[i], sum / 10, loss);
        }
        assert_true(fabs(sum / 10 - loss) <= 1e-4 * (1 + loss));
        json_decref(e);
    }
}

/* A text of genann, one hidden layer, as a model: the rest is what the library does. */
static void test_import(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/net.ann", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("2 1 2 1 0.5 1 -2 -0.25 0.75 1.5 0.1 -3 4", f);
    fclose(f);
    json_t *r = result_of("import|net.ann|--task|classify|--json");
    assert_string_equal(json_string_value(json_object_get(r, "format")), "genann");
    assert_string_equal(json_string_value(json_object_get(r, "net")), "dense 2 sigmoid");
    assert_string_equal(json_string_value(json_object_get(r, "model")), "net.safetensors");
    assert_int_equal(number(r, "parameters"), 9);
    json_decref(r);
    expect(0, NULL, "eval|net.safetensors|xor");
    expect(0, NULL, "import|net.ann|--out|other.safetensors");
    expect(0, NULL, "inspect|other.safetensors");
    expect(2, "says that itself", "import|net.ann|--net|dense 2 relu");
    expect(2, "the same file", "import|net.ann|--out|net.ann");
    r = result_of("import|net.ann|--scaling|0.5,4|--out|scaled.safetensors|--json");
    json_decref(r);
    r = result_of("inspect|scaled.safetensors|--json");
    json_t *scaling = json_object_get(r, "scaling");
    assert_true(json_number_value(json_array_get(json_object_get(scaling, "mean"), 0)) == 0.5);
    assert_true(json_number_value(json_array_get(json_object_get(scaling, "scale"), 0)) == 0.25);
    json_decref(r);
    r = result_of("import|net.ann|--task|classify|--classes|same,\"not, same\"|--out|named.safetensors|--json");
    json_decref(r);
    r = result_of("inspect|named.safetensors|--json");
    assert_string_equal(json_string_value(json_array_get(json_object_get(r, "classes"), 1)), "not, same");
    json_decref(r);
    expect(2, "expected 2 different names", "import|net.ann|--task|classify|--classes|a,b,c|--out|y.safetensors");
    expect(2, "expected 2 different names", "import|net.ann|--task|classify|--classes|a,a|--out|y.safetensors");
    expect(2, "--task classify", "import|net.ann|--classes|a,b|--out|y.safetensors");
    expect(2, "MEAN,DEVIATION", "import|net.ann|--scaling|255|--out|y.safetensors");
    expect(2, "MEAN,DEVIATION", "import|net.ann|--scaling|0,0|--out|y.safetensors");
    expect(2, "MEAN,DEVIATION", "import|net.ann|--scaling|0,x|--out|y.safetensors");
    expect(0, NULL, "export|scaled.safetensors|--onnx|scaled.onnx");
    expect(2, "says itself", "import|scaled.onnx|--scaling|0,255|--out|y.safetensors");
    assert_false(exists("y.safetensors"));
    r = result_of("import|scaled.onnx|--out|again.safetensors|--json"); /* the notes come with it */
    assert_string_equal(json_string_value(json_object_get(r, "format")), "genann");
    json_decref(r);
    expect(0, NULL, "train|moons|--rows|100|--epochs|1|--net|dense 3|--quiet");
    expect(0, NULL, "export|moons.safetensors|--onnx|moons.onnx");
    outcome told = run("import|moons.onnx|--out|again.safetensors");
    assert_int_equal(told.code, 0);
    assert_non_null(strstr(told.out, "from ONNX of backprop export"));
    outcome_free(&told);
    expect(3, "a model already", "import|net.safetensors|--out|x.safetensors");
    expect(3, "absent.net", "import|absent.net");
    expect(5, "nowhere", "import|net.ann|--out|nowhere/x.safetensors");
    assert_false(exists("x.safetensors"));
}

static void test_inspect(void **state)
{
    (void)state;
    expect(0, NULL, "train|moons|--rows|200|--epochs|2|--net|dense 3 tanh, dropout 0.1|--quiet");
    json_t *r = result_of("inspect|moons.safetensors|--json");
    assert_true(number(r, "parameters") == 2 * 3 + 3 + 3 * 2 + 2);
    json_t *notes = json_object_get(r, "notes");
    assert_string_equal(json_string_value(json_object_get(notes, "data")), "moons");
    assert_string_equal(json_string_value(json_object_get(notes, "epochs")), "2");
    json_decref(r);
    outcome o = run("inspect|moons.safetensors");
    assert_non_null(strstr(o.out, "dense 3 tanh"));
    assert_non_null(strstr(o.out, "dropout 0.1"));
    outcome_free(&o);
}

/* ---- terminals --------------------------------------------------------------------------------------------------- */

static void test_no_escapes_in_pipes(void **state)
{
    (void)state;
    setenv("TERM", "xterm-256color", 1);
    static const char *const lines[] = {"train|xor|--rows|200|--epochs|3",
                                        "eval|xor.safetensors|xor",
                                        "inspect|xor.safetensors",
                                        "inspect|xor.safetensors|--trace|xor",
                                        "check|xor",
                                        "help|train"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        outcome o = run(lines[i]);
        assert_int_equal(o.code, 0);
        if (strpbrk(o.out, "\033\r") != NULL || strpbrk(o.err, "\033\r") != NULL)
            fail_msg("backprop %s writes escape codes to a pipe", lines[i]);
        for (const char *t = o.err; *t != '\0'; t++)
            assert_true((unsigned char)*t < 128);
        if (i == 0) {
            assert_non_null(strstr(o.err, "epoch 3/3: loss "));
            assert_null(strstr(o.out, "epoch"));
        }
        outcome_free(&o);
    }
}

/* What a terminal of 80 columns receives. out: size bytes. */
static void run_in_terminal(char *out, size_t size, char **arguments)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        skip(); /* no pseudo-terminals here, as in a bare chroot */
    }
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(slave, STDOUT_FILENO);
        dup2(slave, STDERR_FILENO);
        close(master);
        if (chdir(folder) == 0)
            execv(BP_COMMAND, arguments);
        _exit(99);
    }
    close(slave);
    size_t used = 0;
    for (ssize_t n; used + 1 < size && (n = read(master, out + used, size - used - 1)) > 0;)
        used += (size_t)n;
    out[used] = '\0';
    close(master);
    assert_int_equal(code_of(child), 0);
}

static void test_terminal(void **state)
{
    (void)state;
    static char text[1 << 16];
    char *arguments[] = {"backprop", "train", "xor", "--rows", "200", "--epochs", "100", NULL};
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "", 1);
    setenv("LANG", "", 1);
    setenv("COLUMNS", "80", 1);
    unsetenv("NO_COLOR");
    run_in_terminal(text, sizeof text, arguments);
    assert_non_null(strstr(text, "\033[1m"));
    assert_non_null(strstr(text, "█"));
    assert_non_null(strstr(text, "100/100"));
    assert_null(strstr(text, "  99/100")); /* many epochs: not a line each */
    assert_non_null(strstr(text, "confusion matrix"));
    assert_non_null(strstr(text, "backprop predict xor.safetensors xor"));
    setenv("NO_COLOR", "1", 1);
    run_in_terminal(text, sizeof text, arguments);
    assert_null(strstr(text, "\033[1m"));
    assert_null(strstr(text, "\033[3"));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    run_in_terminal(text, sizeof text, arguments);
    assert_null(strchr(text, '\033'));
    setenv("TERM", "xterm-256color", 1);
}

/* ---- MNIST ------------------------------------------------------------------------------------------------------- */

static void test_mnist(void **state)
{
    (void)state;
    const char *data = getenv("BACKPROP_DATA");
    if (data == NULL)
        data = BP_SOURCE_DIR "/../shared/data";
    char path[600], line[1200];
    snprintf(path, sizeof path, "%s/mnist/train-images-idx3-ubyte.gz", data);
    if (access(path, R_OK) != 0)
        skip();
    snprintf(
        line, sizeof line,
        "train|mnist|--data-dir|%s|--net|dense 50 relu|--init|normal:0.01|--optimizer|sgd|--lr|0.1|--batch|100|--steps|"
        "600|--json|--quiet",
        data);
    json_t *r = result_of(line);
    assert_true(number(r, "steps") == 600 && number(r, "epochs") == 1);
    assert_true(number(r, "test_accuracy") >= 0.85);
    json_decref(r);
    snprintf(line, sizeof line, "predict|mnist.safetensors|mnist|--data-dir|%s|--rows|0-99|--top|10", data);
    expect(0, NULL, line);
    snprintf(line, sizeof line, "check|mnist.safetensors|mnist|--data-dir|%s|--rows|2|--sample|20", data);
    expect(0, NULL, line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_predict),
        TEST(test_predict_agrees_with_eval),
        TEST(test_eval_refuses_other_data),
        TEST(test_check),
        TEST(test_trace),
        TEST(test_trace_agrees_with_predict),
        TEST(test_trace_agrees_with_eval),
        TEST(test_import),
        TEST(test_inspect),
        TEST(test_no_escapes_in_pipes),
        TEST(test_terminal),
        TEST(test_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
