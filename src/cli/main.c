/* main.c - finds the command, parses its options, runs it. */
#include <signal.h>
#include <string.h>

#include "base/base.h"
#include "help.h"
#include "options.h"
#include "terminal.h"

static exit_code tell(exit_code code, const char *after)
{
    terminal t = terminal_of(stderr);
    fputs("backprop: ", stderr);
    wrap_text(stderr, bp_error(), strlen("backprop: "), 2, wrap_width(&t));
    fputs(after, stderr);
    return code;
}

exit_code fail_as(exit_code code)
{
    return tell(code, "");
}

exit_code fail_status(bp_status status)
{
    switch (status) {
    case BP_ERR_ARGUMENT:
    case BP_ERR_SHAPE:
    case BP_ERR_UNSUPPORTED:
        return fail_as(CODE_USAGE);
    case BP_ERR_DATA:
    case BP_ERR_IO:
    case BP_ERR_FORMAT:
        return fail_as(CODE_DATA);
    case BP_ERR_NUMERIC:
        return fail_as(CODE_NUMERIC);
    case BP_OK:
    case BP_ERR_MEMORY:
    case BP_ERR_STATE:
    case BP_ERR_STOPPED:
        break;
    }
    return fail_as(CODE_FAULT);
}

exit_code fail_usage(const cli_command *c)
{
    char hint[96];
    snprintf(hint, sizeof hint, "try: backprop %s%s--help\n", c != NULL ? c->name : "", c != NULL ? " " : "");
    return tell(CODE_USAGE, hint);
}

exit_code finish_stdout(exit_code code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    bp_fail(BP_ERR_IO, "writing to stdout failed: is the disk full?");
    return fail_as(CODE_OUTPUT);
}

static exit_code run_command(command_id id, int count, char **words)
{
    options o = {.started = bp_seconds()};
    if (options_parse(&o, id, count, words) != BP_OK) {
        return fail_usage(&command_table[id]);
    }
    if (given(&o, OPT_HELP)) {
        help_command(stdout, &command_table[id]);
        return CODE_OK;
    }
    if (given(&o, OPT_KERNEL) && bp_kernel_select(o.value[OPT_KERNEL].text) != BP_OK) {
        return fail_usage(NULL);
    }
    return command_table[id].run(&o);
}

static exit_code run_words(int count, char **words)
{
    if (count == 0) {
        help_overview(stderr);
        return CODE_USAGE;
    }
    if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        help_overview(stdout);
        return CODE_OK;
    }
    const char *name = strcmp(words[0], "--version") == 0 ? "version" : words[0];
    int id = bp_find_name(name, command_name_at, COMMANDS);
    if (id >= 0) {
        return run_command((command_id)id, count - 1, words + 1);
    }
    if (name[0] == '-') {
        bp_fail(BP_ERR_ARGUMENT, "the first word is a command, and options follow it: backprop train mnist --epochs 5");
    } else {
        bp_fail_unknown("command", name, command_name_at, COMMANDS);
    }
    return fail_usage(NULL);
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* a file that grows past its limit is an error to tell, not a reason to die */
    return (int)finish_stdout(run_words(argc - 1, argv + 1));
}
