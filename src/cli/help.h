/* help.h - help, manual pages, the reference and completions, all written from the tables of commands and options. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "options.h"

void help_overview(FILE *out);
void help_command(FILE *out, const cli_command *c);

/* roff for man(1), of a command, or of backprop itself (NULL). */
void write_manual(FILE *out, const cli_command *c);
/* The reference of the whole command line in Markdown: docs/commands.md. */
void write_reference(FILE *out);
/* shell: "bash", "zsh" or "fish". */
void write_completions(FILE *out, const char *shell);

/* "name METAVAR" as help and manual show it; out: 64 bytes. */
void option_synopsis(char *out, size_t size, const option_row *row);
/* The command takes data, so help lists the data sets; it makes networks, so help shows the recipes. */
bool command_reads_data(const cli_command *c);
bool command_reads_tables(const cli_command *c);
bool command_uses_recipes(const cli_command *c);

#endif
