/* manual.c - manual pages (man(7) macros) from the tables of commands and options. */
#include "help.h"

#include <string.h>

#include "defaults.h"

/* Text with everything escaped that roff would take for its own: backslash, dash, and a dot or quote that starts a line. */
static void roff(FILE *out, const char *text, size_t length)
{
    bool line_start = true;
    for (size_t i = 0; i < length && text[i] != '\0'; i++) {
        char c = text[i];
        if (line_start && (c == '.' || c == '\'')) {
            fputs("\\&", out);
        }
        if (c == '\\') {
            fputs("\\e", out);
        } else if (c == '-') {
            fputs("\\-", out);
        } else {
            fputc(c, out);
        }
        line_start = c == '\n';
    }
}

static void roff_text(FILE *out, const char *text)
{
    roff(out, text, strlen(text));
}

static void tagged(FILE *out, const char *tag, const char *text)
{
    fputs(".TP\n.B ", out);
    roff_text(out, tag);
    fputc('\n', out);
    roff_text(out, text);
    fputc('\n', out);
}

/* Paragraphs; lines that start with a blank are set as they are. */
static void roff_paragraphs(FILE *out, const char *text)
{
    bool kept = false;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool keep = text[0] == ' ';
        if (keep != kept) {
            fputs(keep ? ".PP\n.nf\n" : ".fi\n", out);
        }
        kept = keep;
        if (length == 0) {
            fputs(".PP", out);
        }
        roff(out, text, length);
        fputc('\n', out);
        text += length + (text[length] == '\n' ? 1 : 0);
    }
    if (kept) {
        fputs(".fi\n", out);
    }
}

static void title(FILE *out, const char *name, const char *summary)
{
    fputs(".TH ", out);
    for (const char *c = name; *c != '\0'; c++) {
        fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
    }
    fprintf(out, " 1 \"\" \"backprop %s\" \"backprop\"\n.SH NAME\n", bp_version());
    roff_text(out, name);
    fputs(" \\- ", out);
    roff_text(out, summary);
    fputc('\n', out);
}

static void manual_options(FILE *out, command_id c)
{
    fputs(".SH OPTIONS\n", out);
    for (size_t g = 0; g < GROUPS; g++) {
        bool open = false;
        for (size_t i = 0; i < OPTIONS; i++) {
            const option_row *row = &option_table[i];
            if (row->group != (option_group)g || !option_applies((option_id)i, c)) {
                continue;
            }
            if (!open) {
                fprintf(out, ".SS %s\n", option_group_title((option_group)g));
            }
            open = true;
            char tag[64], fallback[160] = "", text[512];
            option_synopsis(tag, sizeof tag, row);
            if (row->fallback != NULL) {
                row->fallback(fallback, sizeof fallback);
            }
            snprintf(text, sizeof text, fallback[0] != '\0' ? "%s (default: %s)" : "%s%s", row->help, fallback);
            tagged(out, tag, text);
        }
    }
}

static void manual_data(FILE *out, const cli_command *c)
{
    fputs(".SH DATA\n", out);
    for (size_t i = 0; data_word(i) != NULL; i++) {
        tagged(out, data_word(i), bp_dataset_list(i).summary);
    }
    tagged(out, "DIRECTORY", directory_text());
    if (c == NULL || command_reads_tables(c)) {
        tagged(out, "FILE", file_text());
    }
}

static void manual_recipes(FILE *out)
{
    fputs(".SH DEFAULTS BY DATA\n", out);
    for (size_t i = 0; recipe_at(i).name != NULL; i++) {
        recipe r = recipe_at(i);
        char text[640];
        recipe_text(text, sizeof text, &r);
        tagged(out, r.name, text);
    }
}

static void manual_examples(FILE *out, const char *text)
{
    fputs(".SH EXAMPLES\n", out);
    while (*text != '\0') {
        const char *note = strstr(text, "  ");
        size_t end = strcspn(text, "\n");
        fputs(".TP\n.B ", out);
        roff(out, text, (size_t)(note - text));
        fputc('\n', out);
        roff(out, note + 2, end - (size_t)(note + 2 - text));
        fputc('\n', out);
        text += end + 1;
    }
}

static void manual_exit_codes(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; exit_code_at(i).text != NULL; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "%d", (int)exit_code_at(i).code);
        tagged(out, tag, exit_code_at(i).text);
    }
}

static void manual_environment(FILE *out)
{
    fputs(".SH ENVIRONMENT\n", out);
    for (size_t i = 0; environment_at(i).name != NULL; i++) {
        tagged(out, environment_at(i).name, environment_at(i).text);
    }
}

static void manual_see_also(FILE *out, const cli_command *except)
{
    const char *comma = "";
    fputs(".SH SEE ALSO\n", out);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (&command_table[i] == except) {
            continue;
        }
        fprintf(out, "%s.BR backprop\\-%s (1)", comma, command_table[i].name);
        comma = " ,\n";
    }
    fputc('\n', out);
}

void write_manual(FILE *out, const cli_command *c)
{
    char name[64];
    snprintf(name, sizeof name, "backprop%s%s", c != NULL ? "-" : "", c != NULL ? c->name : "");
    title(out, name, c != NULL ? c->summary : "train, check and run feed-forward neural networks");
    fputs(".SH SYNOPSIS\n.B backprop", out);
    fprintf(out, " %s\n.I ", c != NULL ? c->name : "");
    roff_text(out, c != NULL ? c->arguments : "COMMAND ...");
    fputs(c != NULL ? " [options]\n.SH DESCRIPTION\n" : "\n.SH COMMANDS\n", out);
    if (c != NULL) {
        roff_paragraphs(out, c->text);
        manual_options(out, (command_id)(c - command_table));
    }
    for (size_t i = 0; c == NULL && i < COMMANDS; i++) {
        tagged(out, command_table[i].name, command_table[i].summary);
    }
    if (c == NULL || command_reads_data(c)) {
        manual_data(out, c);
    }
    if (c != NULL && command_uses_recipes(c)) {
        manual_recipes(out);
    }
    if (c != NULL) {
        manual_examples(out, c->examples);
    }
    manual_exit_codes(out);
    manual_environment(out);
    manual_see_also(out, c);
}
