/* cli.h - what the files of the command share: exit codes, the commands, how a failure is told.
 *
 * The command is a user of the library like any other: it calls <backprop/backprop.h> and <backprop/io.h>, and besides them
 * only the helpers of base.h for parsing and for names. Results go to stdout, talk goes to stderr. */
#ifndef CLI_H
#define CLI_H

#include <stdio.h>

#include "backprop/backprop.h"
#include "backprop/io.h"

typedef enum exit_code {
    CODE_OK = 0,
    CODE_NEGATIVE = 1,
    CODE_USAGE = 2,
    CODE_DATA = 3,
    CODE_NUMERIC = 4,
    CODE_OUTPUT = 5,
    CODE_FAULT = 6,
    CODE_NETWORK = 7,
    CODE_INTERRUPTED = 130
} exit_code;

/* Rows of the exit code table, for help and the man page; text is NULL past the last. */
typedef struct exit_code_info {
    exit_code code;
    const char *text;
} exit_code_info;
exit_code_info exit_code_at(size_t index);

/* Rows of the table of environment variables that the command reads; name is NULL past the last. */
typedef struct environment_info {
    const char *name, *text;
} environment_info;
environment_info environment_at(size_t index);

typedef enum command_id {
    CMD_TRAIN,
    CMD_EVAL,
    CMD_PREDICT,
    CMD_EXPLAIN,
    CMD_CHECK,
    CMD_INSPECT,
    CMD_EXPORT,
    CMD_IMPORT,
    CMD_BENCH,
    CMD_DATA,
    CMD_FETCH,
    CMD_VERSION,
    CMD_HELP,
    COMMANDS
} command_id;

struct options;

typedef struct cli_command {
    const char *name;
    const char *arguments; /* "MODEL DATA": words in capitals, optional ones in brackets */
    size_t least, most;    /* positional arguments */
    const char *summary;   /* one line, no full stop */
    const char *text;     /* paragraphs, separated by an empty line; a line that starts with a blank is kept as it is */
    const char *examples; /* a line each: the command, two blanks, what it does */
    const char *(*words)(size_t index); /* what an argument may be, for completion; NULL: paths alone, or nothing */
    exit_code (*run)(const struct options *o);
} cli_command;

extern const cli_command command_table[COMMANDS];
const char *command_name_at(size_t index); /* NULL past the last */

exit_code run_train(const struct options *o);
exit_code run_eval(const struct options *o);
exit_code run_predict(const struct options *o);
exit_code run_explain(const struct options *o);
exit_code run_check(const struct options *o);
exit_code run_inspect(const struct options *o);
exit_code run_export(const struct options *o);
exit_code run_import(const struct options *o);
exit_code run_bench(const struct options *o);
exit_code run_data(const struct options *o);
exit_code run_fetch(const struct options *o);
exit_code run_version(const struct options *o);
exit_code run_help(const struct options *o);

const char *bench_word(size_t index); /* what bench measures; NULL past the last */
const char *compiler_text(void);      /* what built this program, "gcc 12.2.0" */

/* Say what went wrong, "backprop: TEXT", and return the exit code that belongs to it. */
exit_code fail_status(bp_status status);    /* the text of bp_error(); by status */
exit_code fail_as(exit_code code);          /* the text of bp_error(); the caller knows the code */
exit_code fail_usage(const cli_command *c); /* the same, with a pointer to the help of c (NULL: of backprop) */
exit_code finish_stdout(exit_code code);    /* flushes; CODE_OUTPUT where stdout could not be written */

#endif
