/* command.h - runs the command as a user does: a process with arguments, exit code, stdout, stderr and files, in a folder
 * that each test has to itself. For the test_cli*.c; defines functions. */
#ifndef TEST_COMMAND_H
#define TEST_COMMAND_H

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

static char folder[256]; /* the test's own */

typedef struct outcome {
    int code;
    char *out, *err;
} outcome;

/* The text of a file in the folder, or NULL; *size may be NULL. */
static inline char *slurp(const char *name, size_t *size)
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

/* A file in the folder with this text. */
static inline void write_text(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static inline bool exists(const char *name)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0;
}

/* Files in the folder whose name has `part` in it. */
static inline int count_files(const char *part)
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

static inline void become(const manner *how, char **arguments)
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
static inline pid_t start(const manner *how, const char *line)
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

static inline int code_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline outcome run_as(const manner *how, const char *line)
{
    outcome o = {.code = code_of(start(how, line))};
    o.out = slurp("stdout", NULL);
    o.err = slurp("stderr", NULL);
    if (o.out == NULL)
        o.out = calloc(1, 1);
    return o;
}

static inline outcome run(const char *line)
{
    return run_as(&(manner){0}, line);
}

static inline void outcome_free(outcome *o)
{
    free(o->out);
    free(o->err);
}

/* Runs, and fails unless the exit code is `code` and the text on stderr has `part` in it (NULL: any). */
static inline void expect(int code, const char *part, const char *line)
{
    outcome o = run(line);
    if (o.code != code || (part != NULL && strstr(o.err, part) == NULL))
        fail_msg("backprop %s\nexit code %d, expected %d; stderr, expected \"%s\":\n%s", line, o.code, code,
                 part != NULL ? part : "", o.err);
    outcome_free(&o);
}

/* The JSON object in the last line of stdout, which must be there. */
static inline json_t *result_of(const char *line)
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

static inline double number(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("\"%s\" is not a number", key);
    return json_number_value(value);
}

static inline void assert_same_files(const char *a, const char *b)
{
    size_t na = 0, nb = 0;
    char *ta = slurp(a, &na), *tb = slurp(b, &nb);
    if (ta == NULL || tb == NULL || na != nb || memcmp(ta, tb, na) != 0)
        fail_msg("%s and %s differ", a, b);
    free(ta);
    free(tb);
}

static inline int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_cli-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) == NULL;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char line[600];
    snprintf(line, sizeof line, "chmod -R u+w '%s' && rm -rf '%s'", folder, folder);
    return system(line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

#endif
