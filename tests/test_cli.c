/* test_cli.c - the command line: help, options, training, files that cannot be read or written, interruption.
 *
 * On generated data only, so that it runs anywhere. What is done with models is in test_cli_models.c. */
#include "command.h"

#include <math.h>

/* ---- help -------------------------------------------------------------------------------------------------------- */

static const char *const commands[] = {"train",  "eval",  "predict", "check", "inspect", "export",
                                       "import", "bench", "data",    "fetch", "version", "help"};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Options that scripts rely on. */
static const char *const promised[][2] = {
    {"train",
     "--test --valid --net --output --loss --optimizer --lr --momentum --weight-decay --schedule --batch --epochs "
     "--steps --init --seed --threads --dtype --no-shuffle --init-from --freeze --new-head --out --log --json --quiet "
     "--data-dir --l1 "
     "--l2 --clip-norm --clip-value --patience --restore-best --standardize --kernel --rows"},
    {"eval", "--json --threads --part"},
    {"predict", "--top --out --part --rows --draw"},
    {"check", "--net --rows --all --sample --seed --unfused"},
    {"inspect", "--trace --row --full"},
    {"import", "--out --net --task --output --loss --approximate --json"},
    {"data", "--out --rows --seed --sheet --force --data-dir --json"},
    {"fetch", "--mirror --data-dir --sums --timeout --json --quiet"},
};

static void test_help_has_promised_options(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof promised / sizeof *promised; c++) {
        char line[64], names[1024], entry[64];
        snprintf(line, sizeof line, "%s|--help", promised[c][0]);
        outcome o = run(line);
        assert_int_equal(o.code, 0);
        snprintf(names, sizeof names, "%s", promised[c][1]);
        for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " ")) {
            snprintf(entry, sizeof entry, "\n  %s ", name);
            if (strstr(o.out, entry) == NULL)
                fail_msg("%s --help has no %s", promised[c][0], name);
        }
        outcome_free(&o);
    }
}

/* Every option that the completions of a command know is in its help and in its manual page. */
static void test_derived_texts_agree(void **state)
{
    (void)state;
    outcome bash = run("help|--completions|bash");
    assert_int_equal(bash.code, 0);
    for (int c = 0; c < COMMANDS; c++) {
        char line[64], mark[64], names[2048], escaped[128];
        snprintf(line, sizeof line, "help|%s", commands[c]);
        outcome help = run(line);
        snprintf(line, sizeof line, "help|--man|%s", commands[c]);
        outcome man = run(line);
        snprintf(mark, sizeof mark, "        %s) options=\"", commands[c]);
        const char *found = strstr(bash.out, mark);
        assert_non_null(found);
        found += strlen(mark);
        snprintf(names, sizeof names, "%.*s", (int)strcspn(found, "\""), found);
        int count = 0;
        for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " "), count++) {
            assert_non_null(strstr(help.out, name));
            size_t used = 0;
            for (const char *t = name; *t != '\0'; t++)
                used += (size_t)snprintf(escaped + used, sizeof escaped - used, "%s%c", *t == '-' ? "\\" : "", *t);
            if (strstr(man.out, escaped) == NULL)
                fail_msg("the manual page of %s has no %s", commands[c], name);
        }
        assert_true(count > 0);
        outcome_free(&help);
        outcome_free(&man);
    }
    outcome_free(&bash);
}

static void test_help_tells_live_defaults(void **state)
{
    (void)state;
    outcome o = run("help|train");
    assert_non_null(strstr(o.out, "momentum, nesterov and rmsprop (default: 0.9"));
    assert_non_null(strstr(o.out, "adamw: 0.01"));
    assert_non_null(strstr(o.out, "Defaults by data"));
    outcome_free(&o);
    o = run("--help");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "Exit codes"));
    outcome_free(&o);
    expect(2, "usage: backprop", "");
    o = run("--version");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "backprop "));
    outcome_free(&o);
}

static void test_completions_are_valid_shell(void **state)
{
    (void)state;
    char line[700];
    outcome o = run("help|--completions|bash");
    outcome_free(&o);
    snprintf(line, sizeof line, "bash -n '%s/stdout'", folder);
    if (system("command -v bash >/dev/null 2>&1") == 0)
        assert_int_equal(system(line), 0);
    expect(0, NULL, "help|--completions|zsh");
    expect(0, NULL, "help|--completions=fish");
    expect(2, "unknown completions", "help|--completions|csh");
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static void test_usage_errors(void **state)
{
    (void)state;
    expect(2, "did you mean \"train\"?", "trian|xor");
    expect(2, "did you mean --epochs?", "train|xor|--epoch|3");
    expect(2, "did you mean \"adam\"?", "train|xor|--optimizer|adm");
    expect(2, "eval does not take --lr (train does)", "eval|a|b|--lr|1");
    expect(2, "--epochs needs a value", "train|xor|--epochs");
    expect(2, "--json takes no value", "train|xor|--json=yes");
    expect(2, "--lr needs", "train|xor|--lr|fast");
    expect(2, "--lr needs", "train|xor|--lr|0.1x");
    expect(2, "--lr needs", "train|xor|--lr|nan");
    expect(2, "--lr needs", "train|xor|--lr=-1");
    expect(2, "--epochs needs", "train|xor|--epochs|-1");
    expect(2, "--epochs needs", "train|xor|--epochs|1.5");
    expect(2, "--batch needs", "train|xor|--batch|0");
    expect(2, "--valid needs", "train|xor|--valid|1");
    expect(2, "--threads needs", "train|xor|--threads|99999");
    expect(2, "needs more arguments", "eval");
    expect(2, "no further argument", "train|xor|moons");
    expect(2, "two dashes", "train|xor|-e|3");
    expect(2, "--row needs --trace", "inspect|m|--row|1");
    expect(2, NULL, "train|xor|--net|dense many");
    expect(2, NULL, "train|xor|--schedule|sometimes");
    expect(2, NULL, "train|xor|--init|magic");
    expect(2, NULL, "train|xor|--output|softmax|--loss|bce");
    expect(2, "exclude each other", "train|xor|--init-from|a|--net|dense 2");
    assert_int_equal(count_files("safetensors"), 0);
}

static void test_ways_to_write_options(void **state)
{
    (void)state;
    expect(0, NULL, "train|xor|--epochs|2|--rows|100|--out|a.safetensors");
    expect(0, NULL, "train|--epochs=2|--rows=100|--out=b.safetensors|xor");
    expect(0, NULL, "train|--epochs=2|--rows=100|--out=c.safetensors|--|xor");
    assert_same_files("a.safetensors", "b.safetensors");
    assert_same_files("a.safetensors", "c.safetensors");
    expect(3, NULL, "train|--|--json");
}

static void test_bad_files(void **state)
{
    (void)state;
    expect(3, NULL, "train|nowhere");
    expect(3, NULL, "train|.");
    expect(3, NULL, "eval|nowhere.safetensors|xor");
    expect(3, NULL, "inspect|nowhere.safetensors");
    write_text("text.safetensors", "this is not a model, but a text that goes on for a while");
    expect(3, NULL, "inspect|text.safetensors");
    expect(3, NULL, "predict|text.safetensors|xor");
    expect(0, NULL, "train|xor|--epochs|1|--rows|50|--net|dense 4|--quiet");
    expect(3, NULL, "eval|xor.safetensors|nowhere");
    expect(3, NULL, "train|xor|--init-from|text.safetensors");
    expect(2, "the test part of xor has rows 0-", "predict|xor.safetensors|xor|--rows|5-999999");
    expect(2, "more than the 2 classes", "predict|xor.safetensors|xor|--top|3");
    expect(2, "has rows 0-", "inspect|xor.safetensors|--trace|xor|--row|999999");
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static void test_train_result(void **state)
{
    (void)state;
    static const char *const keys[] = {"epochs",     "steps",          "seconds",   "samples_per_second",
                                       "train_loss", "train_accuracy", "test_loss", "test_accuracy",
                                       "parameters", "threads",        "kernel",    "model",
                                       "valid_loss", "valid_accuracy", "seed",      "dtype",
                                       "best_epoch", "stopped_early"};
    json_t *r =
        result_of("train|circles|--rows|400|--net|dense 16 tanh|--optimizer|adam|--lr|0.02|--batch|16|--epochs|60|"
                  "--json|--out|m.safetensors");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(r, keys[i]) == NULL)
            fail_msg("the result has no \"%s\"", keys[i]);
    assert_true(number(r, "epochs") == 60 && number(r, "steps") == 60 * 25);
    assert_true(number(r, "parameters") == 2 * 16 + 16 + 16 * 2 + 2);
    assert_true(number(r, "test_accuracy") >= 0.9);
    assert_true(number(r, "train_loss") > 0 && number(r, "seconds") > 0 && number(r, "samples_per_second") > 0);
    assert_true(json_is_null(json_object_get(r, "valid_loss")));
    json_t *e = result_of("eval|m.safetensors|circles|--rows|400|--json");
    assert_true(number(e, "accuracy") >= 0.9 && number(e, "rows") == 100);
    static const char *const more[] = {"balanced_accuracy", "log_loss", "macro_f1", "auc"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) { /* the same as after training */
        char key[64];
        snprintf(key, sizeof key, "test_%s", more[i]);
        assert_true(number(e, more[i]) > 0 && fabs(number(e, more[i]) - number(r, key)) < 1e-12);
    }
    assert_int_equal(json_array_size(json_object_get(e, "confusion")), 2);
    json_decref(e);
    json_decref(r);
}

static void test_steps_and_epochs(void **state)
{
    (void)state;
    json_t *r = result_of("train|xor|--rows|100|--batch|32|--steps|6|--epochs|10|--json|--quiet");
    assert_true(number(r, "steps") == 6 && number(r, "epochs") == 2);
    json_decref(r);
    r = result_of("train|xor|--rows|100|--batch|32|--steps|600|--epochs|3|--json|--quiet");
    assert_true(number(r, "steps") == 12 && number(r, "epochs") == 3);
    json_decref(r);
}

/* The initial weights depend on nothing but network, init and seed. */
static void test_steps_0(void **state)
{
    (void)state;
    json_t *r = result_of("train|xor|--steps|0|--json|--out|a.safetensors|--dtype|f64");
    assert_true(number(r, "steps") == 0);
    assert_true(json_is_null(json_object_get(r, "train_loss")));
    assert_true(number(r, "test_loss") > 0);
    json_decref(r);
    expect(0, NULL, "train|xor|--epochs|0|--out|b.safetensors|--dtype|f64");
    expect(0, NULL, "train|xor|--steps|0|--out|c.safetensors|--dtype|f64|--seed|2");
    assert_same_files("a.safetensors", "b.safetensors");
    size_t na = 0, nc = 0;
    char *a = slurp("a.safetensors", &na), *c = slurp("c.safetensors", &nc);
    assert_false(na == nc && memcmp(a, c, na) == 0);
    free(a);
    free(c);
}

static void test_same_bytes_for_any_threads(void **state)
{
    (void)state;
    static const char *const threads[] = {"1", "2", "3", "7"};
    char line[300], name[32];
    for (size_t i = 0; i < 4; i++) {
        snprintf(line, sizeof line,
                 "train|spirals|--rows|500|--epochs|4|--net|dense 64 relu, dropout 0.3, dense 32 tanh|--valid|0.2|"
                 "--restore-best|--quiet|--threads|%s|--out|m%s.safetensors",
                 threads[i], threads[i]);
        expect(0, NULL, line);
        snprintf(name, sizeof name, "m%s.safetensors", threads[i]);
        assert_same_files("m1.safetensors", name);
    }
}

static void test_log(void **state)
{
    (void)state;
    expect(0, NULL, "train|moons|--rows|200|--epochs|5|--valid|0.25|--log|log.jsonl|--quiet");
    char *log = slurp("log.jsonl", NULL);
    assert_non_null(log);
    int lines = 0;
    for (char *line = strtok(log, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_t *o = json_loads(line, 0, NULL);
        assert_true(json_is_object(o));
        assert_true(number(o, "epochs") == ++lines);
        assert_true(number(o, "train_loss") > 0 && number(o, "valid_loss") > 0 && number(o, "test_loss") > 0);
        assert_true(number(o, "steps") == lines * 5 && number(o, "lr") > 0);
        json_decref(o);
    }
    assert_int_equal(lines, 5);
    free(log);
}

static void test_init_from(void **state)
{
    (void)state;
    expect(0, NULL, "train|xor|--rows|200|--epochs|5|--out|a.safetensors|--quiet|--net|dense 8 tanh|--standardize");
    json_t *r = result_of("train|xor|--rows|200|--steps|0|--init-from|a.safetensors|--out|b.safetensors|--json");
    json_t *e = result_of("eval|a.safetensors|xor|--rows|200|--json");
    assert_true(number(r, "test_loss") == number(e, "loss"));
    json_decref(r);
    json_decref(e);
}

/* Later epochs: the last good one is saved. The first: what is there stays as it is. */
static void test_divergence(void **state)
{
    (void)state;
    outcome o =
        run("train|xor|--rows|200|--optimizer|sgd|--lr|0.01|--schedule|exponential:1e38|--loss|mse|--output|linear|"
            "--net|dense 8 relu|--out|late.safetensors|--json");
    assert_int_equal(o.code, 4);
    assert_non_null(strstr(o.err, "last good epoch"));
    outcome_free(&o);
    expect(0, NULL, "inspect|late.safetensors");
    o = run("train|xor|--rows|200|--optimizer|sgd|--lr|1e38|--loss|mse|--output|linear|--net|dense 8 relu|--out|"
            "first.safetensors");
    assert_int_equal(o.code, 4);
    assert_non_null(strstr(o.err, "nothing was saved"));
    assert_false(exists("first.safetensors"));
    outcome_free(&o);
}

/* Two outputs, or an output and an input, that are one file. */
static void test_same_file_twice(void **state)
{
    (void)state;
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--out|same.safetensors|--quiet");
    expect(2, "same file",
           "train|xor|--rows|200|--init-from|same.safetensors|--log|same.safetensors|--out|x.safetensors");
    expect(2, "same file", "train|xor|--rows|200|--log|both.safetensors|--out|both.safetensors");
    expect(2, "same file", "predict|same.safetensors|xor|--out|same.safetensors");
    expect(0, NULL, "inspect|same.safetensors");
    assert_false(exists("both.safetensors"));
}

static void test_early_stopping(void **state)
{
    (void)state;
    json_t *r = result_of("train|xor|--rows|100|--lr|0|--epochs|50|--patience|2|--valid|0.2|--json|--quiet");
    assert_true(json_is_true(json_object_get(r, "stopped_early")));
    assert_true(number(r, "epochs") == 3);
    json_decref(r);
}

/* Optimizers that take all rows for each step: an epoch is a step, and what has no meaning then is refused. */
static void test_full_batch(void **state)
{
    (void)state;
    json_t *r =
        result_of("train|moons|--rows|200|--net|dense 8 tanh|--optimizer|lbfgs|--l2|0.001|--epochs|400|--json|--quiet");
    assert_string_equal(json_string_value(json_object_get(r, "stopped")), "converged");
    assert_true(number(r, "steps") == number(r, "epochs") && number(r, "epochs") < 400);
    assert_true(number(r, "evaluations") > number(r, "steps") && number(r, "train_accuracy") > 0.97);
    json_decref(r);
    r = result_of("train|moons|--rows|200|--optimizer|rprop|--epochs|30|--json|--quiet");
    assert_true(number(r, "steps") == 30 && number(r, "train_accuracy") > 0.9);
    json_decref(r);
    expect(2, "--batch and --optimizer lbfgs exclude", "train|moons|--optimizer|lbfgs|--batch|10");
    expect(2, "--no-shuffle and --optimizer rprop exclude", "train|moons|--optimizer|rprop|--no-shuffle");
    expect(2, "no schedule but constant", "train|moons|--optimizer|rprop|--schedule|cosine");
    expect(2, "has dropout", "train|moons|--optimizer|lbfgs|--net|dense 8, dropout 0.1");
}

/* ---- output that cannot be written ------------------------------------------------------------------------------- */

static void test_unwritable_output(void **state)
{
    (void)state;
    expect(5, "nowhere/m.safetensors", "train|xor|--out|nowhere/m.safetensors");
    expect(5, "a directory", "train|xor|--out|.");
    expect(5, "device", "train|xor|--out|/dev/null");
    expect(5, "nowhere/log", "train|xor|--log|nowhere/log");
    assert_int_equal(count_files("safetensors"), 0);
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--quiet");
    expect(5, "nowhere/p.tsv", "predict|xor.safetensors|xor|--out|nowhere/p.tsv");
}

/* A limit on the size of files is a full disk that needs no rights to make. (LLVM's OpenMP needs a file of 1024 bytes.) */
static void test_full_disk(void **state)
{
    (void)state;
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--quiet|--out|old.safetensors");
    char *before = slurp("old.safetensors", NULL);
    outcome o = run_as(&(manner){.file_limit = 2048}, "train|xor|--rows|200|--epochs|1|--quiet|--out|old.safetensors");
    assert_int_equal(o.code, 5);
    outcome_free(&o);
    char *after = slurp("old.safetensors", NULL);
    assert_string_equal(before, after);
    free(before);
    free(after);
    o = run_as(&(manner){.file_limit = 2048}, "predict|old.safetensors|xor|--part|all|--out|p.tsv");
    assert_int_equal(o.code, 5);
    assert_false(exists("p.tsv"));
    assert_int_equal(count_files("tmp"), 0);
    outcome_free(&o);
    if (access("/dev/full", W_OK) == 0) {
        o = run_as(&(manner){.stdout_to = "/dev/full"}, "predict|old.safetensors|xor");
        assert_int_equal(o.code, 5);
        outcome_free(&o);
    }
}

/* ---- interruption ------------------------------------------------------------------------------------------------ */

static void wait_for(const char *name)
{
    for (int i = 0; i < 1000; i++) {
        char *text = slurp(name, NULL);
        bool there = text != NULL && text[0] != '\0';
        free(text);
        if (there)
            return;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    fail_msg("%s did not appear", name);
}

static void interrupted_by(int number_of_signal)
{
    pid_t child = start(&(manner){0}, "train|xor|--epochs|100000000|--quiet|--log|log.jsonl|--json");
    wait_for("log.jsonl"); /* one epoch is done */
    kill(child, number_of_signal);
    int code = code_of(child);
    assert_int_equal(code, 130);
    char *out = slurp("stdout", NULL), *err = slurp("stderr", NULL);
    json_t *r = json_loads(out, 0, NULL);
    assert_true(number(r, "steps") > 0 && number(r, "epochs") >= 1);
    assert_string_equal(json_string_value(json_object_get(r, "stopped")), "interrupted");
    assert_non_null(strstr(err, "interrupted after step"));
    json_decref(r);
    free(out);
    free(err);
    expect(0, NULL, "eval|xor.safetensors|xor");
}

static void test_interrupt(void **state)
{
    (void)state;
    interrupted_by(SIGINT);
}

static void test_terminate(void **state)
{
    (void)state;
    interrupted_by(SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_help_has_promised_options),
        TEST(test_derived_texts_agree),
        TEST(test_help_tells_live_defaults),
        TEST(test_completions_are_valid_shell),
        TEST(test_usage_errors),
        TEST(test_ways_to_write_options),
        TEST(test_bad_files),
        TEST(test_train_result),
        TEST(test_steps_and_epochs),
        TEST(test_steps_0),
        TEST(test_same_bytes_for_any_threads),
        TEST(test_log),
        TEST(test_init_from),
        TEST(test_divergence),
        TEST(test_same_file_twice),
        TEST(test_early_stopping),
        TEST(test_full_batch),
        TEST(test_unwritable_output),
        TEST(test_full_disk),
        TEST(test_interrupt),
        TEST(test_terminate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
