/* markdown.c - the reference of the command line in Markdown, from the tables of commands and options.
 *
 * docs/commands.md is what this prints; a test compares the two. Nothing here may depend on the machine or the moment. */
#include "help.h"

#include <string.h>

#include "defaults.h"

/* Text with everything escaped that Markdown would take for its own. */
static void plain(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length && text[i] != '\0'; i++) {
        if (strchr("\\`*_<|", text[i]) != NULL) {
            fputc('\\', out);
        }
        fputc(text[i], out);
    }
}

static void plain_text(FILE *out, const char *text)
{
    plain(out, text, strlen(text));
}

/* Paragraphs; lines that start with a blank become a block of code. */
static void plain_paragraphs(FILE *out, const char *text)
{
    bool kept = false;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool keep = text[0] == ' ';
        if (keep != kept) {
            fputs(keep ? "\n```text\n" : "```\n", out);
        }
        kept = keep;
        if (keep) {
            fprintf(out, "%.*s", (int)length, text);
        } else {
            plain(out, text, length);
        }
        fputc('\n', out);
        text += length + (text[length] == '\n' ? 1 : 0);
    }
    fputs(kept ? "```\n" : "", out);
}

static void table_head(FILE *out, const char *left, const char *right)
{
    fprintf(out, "\n| %s | %s |\n|---|---|\n", left, right);
}

/* | `left` | right | */
static void table_row(FILE *out, const char *left, const char *right)
{
    fputs("| `", out);
    for (const char *c = left; *c != '\0'; c++) {
        fprintf(out, "%s%c", *c == '|' ? "\\" : "", *c);
    }
    fputs("` | ", out);
    plain_text(out, right);
    fputs(" |\n", out);
}

/* ---- parts of a command ------------------------------------------------------------------------------------------ */

static void option_line(FILE *out, const option_row *row)
{
    char left[64], fallback[160] = "", text[512];
    option_synopsis(left, sizeof left, row);
    if (row->fallback != NULL) {
        row->fallback(fallback, sizeof fallback);
    }
    snprintf(text, sizeof text, fallback[0] != '\0' ? "%s (default: %s)" : "%s%s", row->help, fallback);
    table_row(out, left, text);
}

static void option_tables(FILE *out, command_id c)
{
    for (size_t g = 0; g < GROUPS; g++) {
        bool open = false;
        for (size_t i = 0; i < OPTIONS; i++) {
            if (option_table[i].group != (option_group)g || !option_applies((option_id)i, c)) {
                continue;
            }
            if (!open) {
                table_head(out, option_group_title((option_group)g), "");
            }
            open = true;
            option_line(out, &option_table[i]);
        }
    }
}

/* Each example with what it does as a comment before it. */
static void example_block(FILE *out, const char *text)
{
    fputs("\n<!-- test: elsewhere tests/test_docs.c -->\n```sh\n", out);
    while (*text != '\0') {
        const char *note = strstr(text, "  ");
        size_t end = strcspn(text, "\n");
        fprintf(out, "# %.*s\n%.*s\n", (int)(end - (size_t)(note + 2 - text)), note + 2, (int)(note - text), text);
        text += end + 1;
    }
    fputs("```\n", out);
}

static void command_section(FILE *out, const cli_command *c)
{
    fprintf(out, "\n## %s\n\n```text\nbackprop %s %s%s[options]\n```\n\n", c->name, c->name, c->arguments,
            c->arguments[0] != '\0' ? " " : "");
    plain_paragraphs(out, c->text);
    option_tables(out, (command_id)(c - command_table));
    example_block(out, c->examples);
}

/* ---- what commands share ----------------------------------------------------------------------------------------- */

static void data_section(FILE *out)
{
    fputs(
        "\n## Data sets\n\nDATA that commands take by name. Named sets that are files are looked for in `--data-dir`, "
        "then in\n"
        "`$BACKPROP_DATA`, then in the cache directory.\n",
        out);
    table_head(out, "DATA", "");
    for (size_t i = 0; data_word(i) != NULL; i++) {
        table_row(out, data_word(i), bp_dataset_list(i).summary);
    }
    table_row(out, "DIRECTORY", directory_text());
    table_row(out, "FILE", file_text());
}

static void recipe_section(FILE *out)
{
    char text[640];
    fputs("\n## Defaults by data\n", out);
    table_head(out, "data", "");
    for (size_t i = 0; recipe_at(i).name != NULL; i++) {
        recipe r = recipe_at(i);
        recipe_text(text, sizeof text, &r);
        table_row(out, r.name, text);
    }
    fputc('\n', out);
    plain_text(out, recipe_note());
    fputs("\n\nLearning rates of the optimizers: ", out);
    learning_rates_text(text, sizeof text);
    plain_text(out, text);
    fputs(".\n", out);
}

static void exit_code_section(FILE *out)
{
    fputs("\n## Exit codes\n", out);
    table_head(out, "code", "");
    for (size_t i = 0; exit_code_at(i).text != NULL; i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", (int)exit_code_at(i).code);
        table_row(out, code, exit_code_at(i).text);
    }
}

static void environment_section(FILE *out)
{
    fputs("\n## Environment\n", out);
    table_head(out, "variable", "");
    for (size_t i = 0; environment_at(i).name != NULL; i++) {
        table_row(out, environment_at(i).name, environment_at(i).text);
    }
}

void write_reference(FILE *out)
{
    fputs(
        "# The command line\n\n"
        "<!-- Written by `backprop help --markdown`; `make docs` writes it anew. -->\n\n"
        "Results go to stdout, talk goes to stderr. Options may stand before or after the other words, as `--name "
        "VALUE` or\n"
        "`--name=VALUE`; what follows `--` is no option. `backprop help COMMAND` says the same as this page, with the\n"
        "defaults of the build at hand. [tutorial.md](tutorial.md) shows the commands at work.\n",
        out);
    table_head(out, "command", "");
    for (size_t i = 0; i < COMMANDS; i++) {
        const cli_command *c = &command_table[i];
        fprintf(out, "| [`%s%s%s`](#%s) | ", c->name, c->arguments[0] != '\0' ? " " : "", c->arguments, c->name);
        plain_text(out, c->summary);
        fputs(" |\n", out);
    }
    fputs("\n[Data sets](#data-sets) · [Defaults by data](#defaults-by-data) · [Exit codes](#exit-codes) · "
          "[Environment](#environment)\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++) {
        command_section(out, &command_table[i]);
    }
    data_section(out);
    recipe_section(out);
    exit_code_section(out);
    environment_section(out);
}
