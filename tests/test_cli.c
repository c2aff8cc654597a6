/* test_cli.c - the command as a user runs it: a process with arguments, exit code, stdout, stderr and files.
 *
 * Every test works in a folder of its own and on generated data, so that it runs anywhere; the MNIST test is skipped where
 * the images are not there. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- running the command ----------------------------------------------------------------------------------------- */

static char folder[256]; /* the test's own */

typedef struct outcome {
    int code;
    char *out, *err;
} outcome;

/* The text of a file in the folder, or NULL; *size may be NULL. */
static char *slurp(const char *name, size_t *size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    fseek(f, 0, SEEK_END);
    size_t length = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, length, f), length);
    text[length] = '\0';
    fclose(f);
    if (size != NULL)
        *size = length;
    return text;
}

static bool exists(const char *name)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0;
}

/* Files in the folder whose name has `part` in it. */
static int count_files(const char *part)
{
    char line[700];
    int count = 0;
    snprintf(line, sizeof line, "ls -A '%s'", folder);
    FILE *list = popen(line, "r");
    assert_non_null(list);
    while (fgets(line, sizeof line, list) != NULL)
        count += strstr(line, part) != NULL;
    pclose(list);
    return count;
}

typedef struct manner {
    rlim_t file_limit;     /* bytes; 0: none */
    const char *stdout_to; /* NULL: captured */
} manner;

static void become(const manner *how, char **arguments)
{
    int out = open(how->stdout_to != NULL ? how->stdout_to : "stdout", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int err = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (how->file_limit > 0)
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){how->file_limit, how->file_limit});
    execv(BP_COMMAND, arguments);
    _exit(99);
}

/* Starts the command with a line of arguments; words are separated by '|', so that they may have blanks. */
static pid_t start(const manner *how, const char *line)
{
    static char words[2048];
    char *arguments[64] = {"backprop"};
    int count = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok(words, "|"); w != NULL && count < 63; w = strtok(NULL, "|"))
        arguments[count++] = w;
    pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0)
            _exit(98);
        become(how, arguments);
    }
    assert_true(child > 0);
    return child;
}

static int code_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static outcome run_as(const manner *how, const char *line)
{
    outcome o = {.code = code_of(start(how, line))};
    o.out = slurp("stdout", NULL);
    o.err = slurp("stderr", NULL);
    if (o.out == NULL)
        o.out = calloc(1, 1);
    return o;
}

static outcome run(const char *line)
{
    return run_as(&(manner){0}, line);
}

static void outcome_free(outcome *o)
{
    free(o->out);
    free(o->err);
}

/* Runs, and fails unless the exit code is `code` and the text on stderr has `part` in it (NULL: any). */
static void expect(int code, const char *part, const char *line)
{
    outcome o = run(line);
    if (o.code != code || (part != NULL && strstr(o.err, part) == NULL))
        fail_msg("backprop %s\nexit code %d, expected %d; stderr, expected \"%s\":\n%s", line, o.code, code,
                 part != NULL ? part : "", o.err);
    outcome_free(&o);
}

/* The JSON object in the last line of stdout, which must be there. */
static json_t *result_of(const char *line)
{
    outcome o = run(line);
    if (o.code != 0)
        fail_msg("backprop %s\nexit code %d: %s", line, o.code, o.err);
    size_t length = strlen(o.out);
    assert_true(length > 0 && o.out[length - 1] == '\n');
    o.out[length - 1] = '\0';
    char *last = strrchr(o.out, '\n');
    json_t *object = json_loads(last != NULL ? last + 1 : o.out, 0, NULL);
    if (!json_is_object(object))
        fail_msg("backprop %s\nthe last line is no JSON object: %s", line, o.out);
    outcome_free(&o);
    return object;
}

static double number(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("\"%s\" is not a number", key);
    return json_number_value(value);
}

static void assert_same_files(const char *a, const char *b)
{
    size_t na = 0, nb = 0;
    char *ta = slurp(a, &na), *tb = slurp(b, &nb);
    if (ta == NULL || tb == NULL || na != nb || memcmp(ta, tb, na) != 0)
        fail_msg("%s and %s differ", a, b);
    free(ta);
    free(tb);
}

static int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_cli-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char line[600];
    snprintf(line, sizeof line, "chmod -R u+w '%s' && rm -rf '%s'", folder, folder);
    return system(line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

/* ---- help -------------------------------------------------------------------------------------------------------- */

static const char *const commands[] = {"train", "eval", "predict", "check", "inspect", "version", "help"};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Options that scripts rely on. */
static const char *const promised[][2] = {
    {"train",
     "--test --valid --net --output --loss --optimizer --lr --momentum --weight-decay --schedule --batch --epochs "
     "--steps --init --seed --threads --dtype --no-shuffle --init-from --out --log --json --quiet --data-dir --l1 "
     "--l2 --clip-norm --clip-value --patience --restore-best --standardize --kernel --rows"},
    {"eval", "--json --threads --part"},
    {"predict", "--top --out --part --rows"},
    {"check", "--net --rows --all --sample --seed --unfused"},
    {"inspect", "--trace --row --full"},
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
    expect(2, "needs more arguments", "train");
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

static void write_file(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_bad_files(void **state)
{
    (void)state;
    expect(3, NULL, "train|nowhere");
    expect(3, NULL, "train|.");
    expect(3, NULL, "eval|nowhere.safetensors|xor");
    expect(3, NULL, "inspect|nowhere.safetensors");
    write_file("text.safetensors", "this is not a model, but a text that goes on for a while");
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
    json_decref(r);
    json_t *e = result_of("eval|m.safetensors|circles|--rows|400|--json");
    assert_true(number(e, "accuracy") >= 0.9 && number(e, "rows") == 100);
    assert_int_equal(json_array_size(json_object_get(e, "confusion")), 2);
    json_decref(e);
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

static void test_divergence(void **state)
{
    (void)state;
    outcome o =
        run("train|xor|--rows|200|--optimizer|sgd|--lr|1e38|--loss|mse|--output|linear|--net|dense 8 relu|--json");
    assert_int_equal(o.code, 4);
    assert_non_null(strstr(o.err, "last good epoch"));
    assert_true(exists("xor.safetensors"));
    outcome_free(&o);
    expect(0, NULL, "inspect|xor.safetensors");
}

static void test_early_stopping(void **state)
{
    (void)state;
    json_t *r = result_of("train|xor|--rows|100|--lr|0|--epochs|50|--patience|2|--valid|0.2|--json|--quiet");
    assert_true(json_is_true(json_object_get(r, "stopped_early")));
    assert_true(number(r, "epochs") == 3);
    json_decref(r);
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

/* A limit on the size of files is a full disk that needs no rights to make. */
static void test_full_disk(void **state)
{
    (void)state;
    expect(0, NULL, "train|xor|--rows|200|--epochs|1|--quiet|--out|old.safetensors");
    char *before = slurp("old.safetensors", NULL);
    outcome o = run_as(&(manner){.file_limit = 512}, "train|xor|--rows|200|--epochs|1|--quiet|--out|old.safetensors");
    assert_int_equal(o.code, 5);
    outcome_free(&o);
    char *after = slurp("old.safetensors", NULL);
    assert_string_equal(before, after);
    free(before);
    free(after);
    o = run_as(&(manner){.file_limit = 512}, "predict|old.safetensors|xor|--part|all|--out|p.tsv");
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
    assert_non_null(strstr(o.out, "DISAGREE"));
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
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
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
        TEST(test_early_stopping),
        TEST(test_unwritable_output),
        TEST(test_full_disk),
        TEST(test_interrupt),
        TEST(test_terminate),
        TEST(test_predict),
        TEST(test_predict_agrees_with_eval),
        TEST(test_eval_refuses_other_data),
        TEST(test_check),
        TEST(test_trace),
        TEST(test_inspect),
        TEST(test_no_escapes_in_pipes),
        TEST(test_terminal),
        TEST(test_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
