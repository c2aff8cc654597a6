/* test_partners.c - networks that PyTorch and scikit-learn made, imported, and ours, answered by them: the scripts in
 * importers/ write files and answers. */
#include "support_io.h"

#include <math.h>

enum { ABSENT = 77, MOST_OUTPUTS = 16 };

typedef struct partner {
    const char *name, *script;
    int nets;
} partner;

static const partner torch = {"PyTorch", "torch_models.py", 3}, sklearn = {"scikit-learn", "sklearn_models.py", 5};

/* Runs its script; the exit code. */
static int run_script(const partner *p, const char *what)
{
    char line[700];
    if (access("/usr/bin/python3", X_OK) != 0) {
        return ABSENT;
    }
    snprintf(line, sizeof line, "PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 %s/tests/importers/%s %s %s", BP_SOURCE_DIR,
             p->script, what, folder);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Numbers that the script wrote; the caller frees them. */
static double *numbers_of(int net, const char *ending, size_t *count)
{
    char name[32];
    snprintf(name, sizeof name, "%d.%s", net, ending);
    bytes b = read_file(in_folder(name));
    *count = b.size / sizeof(double);
    return (double *)(void *)b.data;
}

static void text_of(char out[400], int net, const char *ending)
{
    char name[32];
    snprintf(name, sizeof name, "%d.%s", net, ending);
    bytes b = read_file(in_folder(name));
    snprintf(out, 400, "%.*s", (int)b.size, (const char *)b.data);
    free(b.data);
}

/* The largest one, relative to the answer or, below 1, absolute. */
static double largest_difference(const bp_model *m, const double *x, const double *y, size_t rows)
{
    bp_model_options d = bp_model_describe(m);
    bp_predictor *p = NULL;
    double worst = 0, found[MOST_OUTPUTS];
    float narrow[MOST_OUTPUTS];
    assert_true(d.outputs <= MOST_OUTPUTS);
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    for (size_t i = 0; i < rows; i++) {
        assert_ok(bp_predict(p, d.type == BP_F64 ? (void *)found : narrow, x + i * d.inputs, BP_F64, 1));
        for (size_t j = 0; j < d.outputs; j++) {
            double answer = d.type == BP_F64 ? found[j] : (double)narrow[j], expected = y[i * d.outputs + j];
            double difference = fabs(answer - expected) / fmax(1, fabs(expected));
            worst = !(difference <= worst) ? difference : worst;
        }
    }
    bp_predictor_free(p);
    return worst;
}

/* The network that the script wrote as number `net`. */
static bp_model *import_net(int net)
{
    char name[32], described[400], task[400];
    text_of(described, net, "net");
    text_of(task, net, "task");
    bp_import_options o = bp_import_defaults();
    o.net = described;
    o.task = task;
    bp_model *m;
    snprintf(name, sizeof name, "%d.safetensors", net);
    assert_ok(bp_model_import(&m, in_folder(name), &o));
    return m;
}

static void expect_same(const bp_model *m, const partner *p, int net, const char *way)
{
    size_t nx, ny;
    double *x = numbers_of(net, "x", &nx), *y = numbers_of(net, "y", &ny);
    bp_model_options d = bp_model_describe(m);
    assert_int_equal(nx / d.inputs, ny / d.outputs);
    double worst = largest_difference(m, x, y, nx / d.inputs);
    print_message("%s %s, \"%s\", %s: %.2g\n", way, p->name, d.net, bp_type_name(d.type), worst);
    assert_true(worst <= (d.type == BP_F64 ? 1e-14 : 2e-6));
    free(x);
    free(y);
}

/* Networks come here, and go back under our names and layout. */
static void both_ways(const partner *p)
{
    enum { MOST_NETS = 8 };
    bp_model *m[MOST_NETS];
    int code = run_script(p, "write");
    if (code == ABSENT) {
        print_message("SKIPPED: Debian's Python has no %s; nothing is known about its networks\n", p->name);
        skip();
    }
    assert_int_equal(code, 0);
    assert_true(p->nets <= MOST_NETS);
    for (int net = 0; net < p->nets; net++) {
        char name[32];
        snprintf(name, sizeof name, "%d.safetensors", net);
        m[net] = import_net(net);
        expect_same(m[net], p, net, "from");
        assert_ok(bp_model_save(m[net], in_folder(name)));
        snprintf(name, sizeof name, "%d.y", net); /* it is to be written anew */
        assert_int_equal(unlink(in_folder(name)), 0);
    }
    assert_int_equal(run_script(p, "answer"), 0);
    for (int net = 0; net < p->nets; net++) {
        expect_same(m[net], p, net, "to");
        bp_model_free(m[net]);
    }
}

static void test_torch(void **state)
{
    (void)state;
    both_ways(&torch);
}

static void test_sklearn(void **state)
{
    (void)state;
    both_ways(&sklearn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_torch, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_sklearn, folder_make, folder_remove),
    };
    return cmocka_run_group_tests_name("partners", tests, NULL, NULL);
}
