/* test_cli_checkpoint.c - `backprop train` with --checkpoint and --resume as a user has it: the same model and the same log
 * as without an interruption, on data sets and tables; Ctrl-C; what is refused, and with which words. */
#include "command.h"

#include "base/base.h"

#define JOB        "train|moons|--rows|200|--epochs|30|--schedule|inverse:0.1|--net|dense 12 relu, dropout 0.1|--quiet"
#define WHOLE      JOB "|--out|whole.safetensors|--log|whole.log"
#define INTERRUPTS JOB "|--steps|50|--out|model.safetensors|--log|log|--checkpoint|run|--every|7 steps"
#define GOES_ON    JOB "|--out|model.safetensors|--log|log|--resume|run"

/* Fails unless two logs agree in all that does not depend on time. */
static void assert_same_logs(const char *a, const char *b)
{
    char *text[2] = {slurp(a, NULL), slurp(b, NULL)};
    size_t line[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        assert_non_null(text[i]);
        for (char *from = text[i]; (from = strstr(from, "\"seconds\"")); line[i]++) {
            char *to = strstr(from, "\"train_loss\"");
            assert_non_null(to);
            memset(from, ' ', (size_t)(to - from));
        }
    }
    assert_int_equal(line[0], line[1]);
    char *p = text[0], *q = text[1];
    while (*p || *q) { /* blanks may be more or fewer */
        p += strspn(p, " ");
        q += strspn(q, " ");
        if (*p != *q) {
            fail_msg("%s and %s differ from \"%.60s\" and \"%.60s\" on", a, b, p, q);
        }
        p += *p != '\0';
        q += *q != '\0';
    }
    free(text[0]);
    free(text[1]);
}

static void damage(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, 3000, SEEK_SET);
    fputc('!', f);
    fclose(f);
}

static void test_goes_on(void **state)
{
    (void)state;
    expect(0, NULL, WHOLE);
    expect(0, NULL, INTERRUPTS);
    assert_int_equal(count_files("log"), 2);
    expect(0, NULL, GOES_ON "|--threads|2");
    assert_same_files("model.safetensors", "whole.safetensors");
    assert_same_logs("log", "whole.log");
    json_t *again = result_of(GOES_ON "|--json"); /* from the end: measured and saved once more */
    assert_int_equal(number(again, "resumed_step"), number(again, "steps"));
    assert_string_equal(json_string_value(json_object_get(again, "checkpoint")),
                        "run/checkpoint-000000000210.safetensors");
    json_decref(again);
    assert_same_files("model.safetensors", "whole.safetensors");
    assert_same_logs("log", "whole.log");
}

static void test_damaged(void **state)
{
    (void)state;
    expect(0, NULL, WHOLE);
    expect(0, NULL, INTERRUPTS);
    damage("run/checkpoint-000000000050.safetensors");
    outcome o = run(JOB "|--out|model.safetensors|--log|log|--resume|run");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.err, "run/checkpoint-000000000050.safetensors: the checksum is wrong"));
    assert_non_null(strstr(o.err, "passed over"));
    outcome_free(&o);
    assert_same_files("model.safetensors", "whole.safetensors");
    assert_same_logs("log", "whole.log");
}

/* Ctrl-C within the run: a checkpoint is left, and the run goes on as if nothing had been. */
static void test_interrupt(void **state)
{
    (void)state;
    const char *job =
        "train|moons|--rows|500|--epochs|%d|--quiet|--schedule|constant|--out|%s.safetensors|--log|%s.log%s";
    char line[400];
    snprintf(line, sizeof line, job, 1000000, "model", "model", "|--checkpoint|run|--every|1 hour");
    pid_t child = start(&(manner){0}, line);
    for (size_t i = 0, bytes = 0; i < 6000 && bytes == 0; i++) { /* until an epoch has been */
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        free(slurp("model.log", &bytes));
    }
    kill(child, SIGINT);
    assert_int_equal(code_of(child), 130);
    char *err = slurp("stderr", NULL);
    assert_non_null(strstr(err, "with --resume run"));
    free(err);
    assert_int_equal(count_files("run"), 1);
    char *log = slurp("model.log", NULL), *last = strrchr(log, '{'); /* one epoch more, then */
    json_t *epoch = json_loads(last, 0, NULL);
    size_t epochs = (size_t)json_integer_value(json_object_get(epoch, "epochs")) + 1;
    json_decref(epoch);
    free(log);
    snprintf(line, sizeof line, job, (int)epochs, "model", "model", "|--resume|run");
    expect(0, NULL, line);
    snprintf(line, sizeof line, job, (int)epochs, "whole", "whole", "");
    expect(0, NULL, line);
    assert_same_files("model.safetensors", "whole.safetensors");
    assert_same_logs("model.log", "whole.log");
}

static void test_refused(void **state)
{
    (void)state;
    expect(3, "No such file", GOES_ON);
    expect(0, NULL, INTERRUPTS);
    expect(3, "checkpoints of an earlier run, up to step 50", INTERRUPTS);
    expect(3, "learning rate: 0.01 there, 0.5 now", GOES_ON "|--lr|0.5");
    expect(3, "training data: 200 rows", GOES_ON "|--seed|2");
    expect(3, "batch: 32 there, 16 now", GOES_ON "|--batch|16");
    expect(3, "number type: f32 there, f64 now", GOES_ON "|--dtype|f64");
    expect(3, "are planned", GOES_ON "|--steps|20");
    expect(3, "--init-from: none there, model.safetensors now",
           "train|moons|--rows|200|--epochs|30|--schedule|inverse:0.1|--quiet|--resume|run|--init-from|model."
           "safetensors|--out|b");
    expect(2, "--every is about checkpoints", JOB "|--every|3 steps");
    expect(2, "--keep is about checkpoints", JOB "|--keep|3");
    expect(2, "a checkpoint every \"3 lightyears\"", GOES_ON "|--every|3 lightyears");
    expect(2, "--keep needs", GOES_ON "|--keep|0");
    char *log = slurp("log", NULL);
    assert_true(strlen(log) > 100); /* what is refused leaves the log as it is */
    free(log);
    expect(3, "this is a checkpoint, not a model", "inspect|run/checkpoint-000000000050.safetensors");
    expect(3, "is a checkpoint, not a network", "import|run/checkpoint-000000000050.safetensors|--net|dense 8|--out|b");
    expect(0, NULL, GOES_ON);
}

/* Nothing of another file is cut off. */
static void test_other_log(void **state)
{
    (void)state;
    expect(0, NULL, WHOLE);
    expect(0, NULL, INTERRUPTS);
    write_text("mine", "dear diary\n");
    expect(3, "mine is not the one of the checkpoint", JOB "|--out|model.safetensors|--log|mine|--resume|run");
    char *mine = slurp("mine", NULL);
    assert_string_equal(mine, "dear diary\n");
    free(mine);
    expect(0, NULL, JOB "|--out|model.safetensors|--log|fresh|--resume|run"); /* begins where the run goes on */
    assert_same_files("model.safetensors", "whole.safetensors");
    char *fresh = slurp("fresh", NULL);
    assert_int_equal(strncmp(fresh, "{\"epochs\": 8,", 13), 0);
    free(fresh);
}

/* A file may not grow beyond so many bytes: training goes on, says so once, and ends with code 5. */
static void test_full_disk(void **state)
{
    (void)state;
    static const rlim_t limits[] = {1200, 6000}; /* stderr needs some, too */
    expect(0, NULL, WHOLE);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        expect(0, NULL, i == 0 ? INTERRUPTS : JOB "|--steps|50|--out|model.safetensors|--log|log|--checkpoint|run2");
        const char *job = i == 0 ? GOES_ON : JOB "|--out|model.safetensors|--log|log|--resume|run2";
        char line[400];
        snprintf(line, sizeof line, "%s|--every|1 step", job);
        outcome o = run_as(&(manner){.file_limit = limits[i]}, line);
        assert_int_equal(o.code, 5);
        char *told = strstr(o.err, "no checkpoint: writing run");
        assert_non_null(told);
        assert_null(strstr(told + 10, "no checkpoint: writing"));
        told = strstr(o.err, "the last checkpoint could not be written");
        assert_non_null(told);
        assert_null(strstr(told + 1, "the last checkpoint could not be written"));
        outcome_free(&o);
        assert_true(
            exists(i == 0 ? "run/checkpoint-000000000050.safetensors" : "run2/checkpoint-000000000050.safetensors"));
        assert_int_equal(count_files("tmp"), 0);
        expect(0, NULL, job);
        assert_same_files("model.safetensors", "whole.safetensors");
        assert_same_logs("log", "whole.log");
    }
}

/* The log alone meets a full disk: what is missing travels with the checkpoint, and is there in the end. */
static void test_log_on_full_disk(void **state)
{
    (void)state;
    expect(0, NULL, JOB "|--epochs|50|--out|whole.safetensors|--log|whole.log");
    const char *job = JOB "|--epochs|50|--out|model.safetensors|--log|log";
    char line[400];
    size_t bytes = 0;
    free(slurp("whole.log", &bytes));
    snprintf(line, sizeof line, "%s|--checkpoint|run", job);
    outcome o = run_as(&(manner){.file_limit = (rlim_t)bytes - 500}, line); /* one line and a half too few */
    assert_int_equal(o.code, 5);
    assert_non_null(strstr(o.err, "writing the log log failed"));
    assert_null(strstr(o.err, "no checkpoint"));
    outcome_free(&o);
    assert_same_files("model.safetensors", "whole.safetensors");
    snprintf(line, sizeof line, "%s|--resume|run", job);
    expect(0, NULL, line);
    assert_same_logs("log", "whole.log");
    assert_same_files("model.safetensors", "whole.safetensors");
    if (access("/dev/full", W_OK) == 0) {
        expect(5, "writing the log /dev/full failed", JOB "|--out|model.safetensors|--log|/dev/full|--checkpoint|run3");
    }
}

/* Starts, and kills once a checkpoint is there. */
static void kill_one(const char *line, const char *run_folder)
{
    pid_t child = start(&(manner){0}, line);
    char command[500];
    snprintf(command, sizeof command, "ls '%s/%s/'*.safetensors >/dev/null 2>&1", folder, run_folder);
    for (int i = 0; i < 6000 && system(command) != 0; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    kill(child, SIGKILL);
    code_of(child);
}

/* Ctrl-C ends the training of the network, not that of the linear model it is held against. */
static void test_interrupted_table(void **state)
{
    (void)state;
    char table[8000];
    size_t used = (size_t)snprintf(table, sizeof table, "size,floor,price\n");
    for (int i = 0; i < 200; i++) {
        used += (size_t)snprintf(table + used, sizeof table - used, "%d,%d,%d\n", 20 + i * 37 % 90, i * 11 % 8,
                                 900 * (20 + i * 37 % 90) + 700 * (i * 11 % 8) + i * 5 % 13);
    }
    write_text("houses.csv", table);
    json_t *whole = result_of("train|houses.csv|--valid|0.2|--epochs|2|--quiet|--json");
    const char *line = "train|houses.csv|--valid|0.2|--patience|9999999|--epochs|1000000|--json|--quiet|--log|log";
    pid_t child = start(&(manner){0}, line);
    for (size_t i = 0, bytes = 0; i < 6000 && bytes == 0; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        free(slurp("log", &bytes));
    }
    kill(child, SIGINT);
    assert_int_equal(code_of(child), 130);
    char *out = slurp("stdout", NULL);
    json_t *cut = json_loads(strchr(out, '{'), 0, NULL);
    assert_non_null(cut);
    assert_true(json_equal(json_object_get(cut, "linear"), json_object_get(whole, "linear")));
    assert_non_null(json_object_get(cut, "linear"));
    json_decref(cut);
    json_decref(whole);
    free(out);
}

static void test_tables(void **state)
{
    (void)state;
    char table[8000];
    size_t used = (size_t)snprintf(table, sizeof table, "size,district,floor,price\n");
    for (int i = 0; i < 200; i++) {
        used += (size_t)snprintf(table + used, sizeof table - used, "%d,%s,%d,%d\n", 20 + i * 37 % 90,
                                 i % 3 ? "hill" : "harbour", i * 11 % 8, 1000 * (20 + i * 37 % 90) + 9000 * (i % 3));
    }
    write_text("houses.csv", table);
    /* The first has its penalty chosen by cross-validation, which is done again. */
    const char *const jobs[] = {"train|houses.csv|--quiet|--epochs|25|--test|0.2",
                                "train|houses.csv|--quiet|--epochs|25|--valid|0.2|--patience|30"};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        char line[400], name[20];
        snprintf(line, sizeof line, "%s|--out|whole.safetensors|--log|whole.log", jobs[i]);
        expect(0, NULL, line);
        snprintf(name, sizeof name, "run%zu", i);
        snprintf(line, sizeof line, "%s|--out|model.safetensors|--log|log|--checkpoint|%s|--every|1 step", jobs[i],
                 name);
        kill_one(line, name);
        snprintf(line, sizeof line, "%s|--out|model.safetensors|--log|log|--resume|%s", jobs[i], name);
        expect(0, NULL, line);
        assert_same_files("model.safetensors", "whole.safetensors");
        assert_same_logs("log", "whole.log");
    }
    used += (size_t)snprintf(table + used, sizeof table - used, "50,hill,3,51000\n");
    write_text("houses.csv", table);
    expect(3, "training data", "train|houses.csv|--quiet|--epochs|25|--test|0.2|--resume|run0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_goes_on),          TEST(test_damaged),   TEST(test_interrupt),
        TEST(test_refused),          TEST(test_other_log), TEST(test_full_disk),
        TEST(test_log_on_full_disk), TEST(test_tables),    TEST(test_interrupted_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
