/* help.c - `backprop help` and --help: text wrapped to the terminal, every default asked of the library. */
#include "help.h"

#include <string.h>

#include "base/base.h"
#include "defaults.h"
#include "terminal.h"

typedef struct page {
    FILE *out;
    terminal terminal;
    size_t width;
} page;

static page page_of(FILE *out)
{
    page p = {out, terminal_of(out), 0};
    p.width = p.terminal.width < 100 ? p.terminal.width - 1 : 100;
    return p;
}

static void wrap(const page *p, const char *text, size_t at, size_t indent)
{
    wrap_text(p->out, text, at, indent, p->width);
}

/* Paragraphs; a line that starts with a blank stays as it is. */
static void paragraphs(const page *p, const char *text)
{
    char line[1024];
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (line[0] == ' ' || line[0] == '\0') {
            fprintf(p->out, "%s\n", line);
        } else {
            wrap(p, line, 0, 0);
        }
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

static void heading(const page *p, const char *title)
{
    fprintf(p->out, "\n%s%s%s\n", style_on(&p->terminal, STYLE_BOLD), title, style_off(&p->terminal));
}

/* "  left        text", the text wrapped in its own column. */
static void entry(const page *p, const char *left, const char *text, size_t column)
{
    size_t used = 2 + strlen(left);
    fprintf(p->out, "  %s%s%s", style_on(&p->terminal, STYLE_ACCENT), left, style_off(&p->terminal));
    if (used + 2 > column) {
        fprintf(p->out, "\n%*s", (int)column, "");
        used = column;
    }
    fprintf(p->out, "%*s", (int)(column - used), "");
    wrap(p, text, column, column);
}

/* ---- parts of a page --------------------------------------------------------------------------------------------- */

void option_synopsis(char *out, size_t size, const option_row *row)
{
    snprintf(out, size, "--%s%s%s", row->name, row->metavar != NULL ? " " : "",
             row->metavar != NULL ? row->metavar : "");
}

static void option_entry(const page *p, const option_row *row)
{
    char left[64], fallback[160] = "", text[512];
    option_synopsis(left, sizeof left, row);
    if (row->fallback != NULL) {
        row->fallback(fallback, sizeof fallback);
    }
    snprintf(text, sizeof text, fallback[0] != '\0' ? "%s (default: %s)" : "%s%s", row->help, fallback);
    entry(p, left, text, 23);
}

static void option_groups(const page *p, command_id c)
{
    for (size_t g = 0; g < GROUPS; g++) {
        bool open = false;
        for (size_t i = 0; i < OPTIONS; i++) {
            if (option_table[i].group != (option_group)g || !option_applies((option_id)i, c)) {
                continue;
            }
            if (!open) {
                heading(p, option_group_title((option_group)g));
            }
            open = true;
            option_entry(p, &option_table[i]);
        }
    }
}

bool command_reads_data(const cli_command *c)
{
    return option_applies(OPT_DATA_DIR, (command_id)(c - command_table));
}

bool command_reads_tables(const cli_command *c)
{
    return option_applies(OPT_DELIMITER, (command_id)(c - command_table));
}

bool command_uses_recipes(const cli_command *c)
{
    return option_applies(OPT_NET, (command_id)(c - command_table));
}

static void data_sets(const page *p, const cli_command *c)
{
    heading(p, "DATA is one of");
    for (size_t i = 0; data_word(i) != NULL; i++) {
        entry(p, data_word(i), bp_dataset_list(i).summary, 17);
    }
    entry(p, "DIRECTORY", directory_text(), 17);
    if (command_reads_tables(c)) {
        entry(p, "FILE", file_text(), 17);
    }
}

static void recipes(const page *p)
{
    heading(p, "Defaults by data");
    for (size_t i = 0; recipe_at(i).name != NULL; i++) {
        recipe r = recipe_at(i);
        char text[640];
        recipe_text(text, sizeof text, &r);
        entry(p, r.name, text, 13);
    }
    fputs("  ", p->out);
    wrap(p, recipe_note(), 2, 2);
    heading(p, "Learning rates of the optimizers");
    char rates[256];
    learning_rates_text(rates, sizeof rates);
    fputs("  ", p->out);
    wrap(p, rates, 2, 2);
}

static void examples(const page *p, const char *text)
{
    heading(p, "Examples");
    while (*text != '\0') {
        const char *note = strstr(text, "  ");
        size_t end = strcspn(text, "\n");
        fprintf(p->out, "  %s%.*s%s\n      ", style_on(&p->terminal, STYLE_ACCENT), (int)(note - text), text,
                style_off(&p->terminal));
        fprintf(p->out, "%.*s\n", (int)(end - (size_t)(note + 2 - text)), note + 2);
        text += end + 1;
    }
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

void help_command(FILE *out, const cli_command *c)
{
    page p = page_of(out);
    fprintf(out, "usage: backprop %s %s%s[options]\n\n", c->name, c->arguments, c->arguments[0] != '\0' ? " " : "");
    paragraphs(&p, c->text);
    option_groups(&p, (command_id)(c - command_table));
    if (command_reads_data(c)) {
        data_sets(&p, c);
    }
    if (command_uses_recipes(c)) {
        recipes(&p);
    }
    examples(&p, c->examples);
}

void help_overview(FILE *out)
{
    page p = page_of(out);
    char left[64];
    fprintf(out, "usage: backprop COMMAND ...\n\nTrain, check and run feed-forward neural networks.\n");
    heading(&p, "Commands");
    for (size_t i = 0; i < COMMANDS; i++) {
        snprintf(left, sizeof left, "%s %s", command_table[i].name, command_table[i].arguments);
        entry(&p, left, command_table[i].summary, 23);
    }
    heading(&p, "Start here");
    fprintf(out, "  backprop train\n  backprop help train\n");
    heading(&p, "Exit codes");
    for (size_t i = 0; exit_code_at(i).text != NULL; i++) {
        snprintf(left, sizeof left, "%d", (int)exit_code_at(i).code);
        entry(&p, left, exit_code_at(i).text, 8);
    }
}

exit_code run_help(const options *o)
{
    const cli_command *c = NULL;
    if (o->positionals > 0) {
        int id = bp_find_name(o->positional[0], command_name_at, COMMANDS);
        if (id < 0) {
            bp_fail_unknown("command", o->positional[0], command_name_at, COMMANDS);
            return fail_usage(NULL);
        }
        c = &command_table[id];
    }
    if (given(o, OPT_COMPLETIONS)) {
        write_completions(stdout, o->value[OPT_COMPLETIONS].text);
    } else if (given(o, OPT_MARKDOWN)) {
        write_reference(stdout);
    } else if (given(o, OPT_MAN)) {
        write_manual(stdout, c);
    } else if (c != NULL) {
        help_command(stdout, c);
    } else {
        help_overview(stdout);
    }
    return CODE_OK;
}
