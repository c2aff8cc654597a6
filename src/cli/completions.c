/* completions.c - completions for bash, zsh and fish from the tables of commands and options. */
#include "help.h"

#include <string.h>

static bool takes_path(const option_row *row)
{
    return row->type == VALUE_FILE || row->type == VALUE_DATA || row->type == VALUE_PART;
}

/* Arguments of the command may be paths: those of commands that read data. */
static bool takes_files(command_id c)
{
    return command_table[c].most > 0 && option_applies(OPT_DATA_DIR, c);
}

static void words_of(FILE *out, word_at words)
{
    for (size_t i = 0; words != NULL && words(i) != NULL; i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", words(i));
    }
}

static void command_names(FILE *out)
{
    words_of(out, command_name_at);
}

/* Text inside single quotes of a shell. */
static void quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(*text, out);
        }
    }
    fputc('\'', out);
}

/* ---- bash -------------------------------------------------------------------------------------------------------- */

/* One case for each option that takes a value: what may follow it. */
static void bash_values(FILE *out, command_id c)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const option_row *row = &option_table[i];
        if (!option_applies((option_id)i, c) || row->type == VALUE_FLAG) {
            continue;
        }
        fprintf(out, "        %s:--%s) words=\"", command_table[c].name, row->name);
        words_of(out, row->words);
        fprintf(out, "\"; files=%s ;;\n", takes_path(row) ? "-f" : "");
    }
}

static void bash_options(FILE *out, command_id c)
{
    fprintf(out, "        %s) options=\"", command_table[c].name);
    for (size_t i = 0; i < OPTIONS; i++) {
        if (option_applies((option_id)i, c)) {
            fprintf(out, "--%s ", option_table[i].name);
        }
    }
    fputs("\"; words=\"", out);
    words_of(out, command_table[c].words);
    fprintf(out, "\"; files=%s ;;\n", takes_files(c) ? "-f" : "");
}

static void write_bash(FILE *out)
{
    fputs("# bash completion for backprop\n_backprop()\n{\n"
          "    local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
          "    local command=\"${COMP_WORDS[1]}\" words= files= options=\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"",
          out);
    command_names(out);
    fputs(" --help --version\" -- \"$current\"))\n        return\n    fi\n"
          "    [ \"$previous\" = \"=\" ] && previous=\"${COMP_WORDS[COMP_CWORD-2]}\"\n"
          "    [ \"$current\" = \"=\" ] && current=\n"
          "    case \"$command:$previous\" in\n",
          out);
    for (size_t c = 0; c < COMMANDS; c++) {
        bash_values(out, (command_id)c);
    }
    fputs("        *) case \"$command\" in\n", out);
    for (size_t c = 0; c < COMMANDS; c++) {
        bash_options(out, (command_id)c);
    }
    fputs("        esac ;;\n    esac\n"
          "    case \"$current\" in\n"
          "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$current\")) ;;\n"
          "        *) COMPREPLY=($(compgen -W \"$words\" $files -- \"$current\")) ;;\n"
          "    esac\n}\ncomplete -o filenames -F _backprop backprop\n",
          out);
}

/* ---- zsh --------------------------------------------------------------------------------------------------------- */

/* '--name=[help]:METAVAR:action', with what zsh would take for its own escaped. */
static void zsh_option(FILE *out, const option_row *row)
{
    fprintf(out, "            '--%s%s[", row->name, row->type == VALUE_FLAG ? "" : "=");
    for (const char *t = row->help; *t != '\0'; t++) {
        if (*t == '[' || *t == ']' || *t == '\\') {
            fputc('\\', out);
        }
        fputs(*t == '\'' ? "'\\''" : (char[]){*t, '\0'}, out);
    }
    fputc(']', out);
    if (row->type != VALUE_FLAG) {
        fprintf(out, ":%s:", row->metavar);
        if (takes_path(row)) {
            fputs("_files", out);
        } else if (row->words != NULL) {
            fputc('(', out);
            for (size_t i = 0; row->words(i) != NULL; i++) {
                fputs(i > 0 ? " " : "", out);
                for (const char *t = row->words(i); *t != '\0'; t++) {
                    fprintf(out, "%s%c", *t == ':' ? "\\" : "", *t);
                }
            }
            fputc(')', out);
        }
    }
    fputs("' \\\n", out);
}

static void zsh_command(FILE *out, command_id c)
{
    const cli_command *row = &command_table[c];
    fprintf(out, "        %s)\n        _arguments -s \\\n", row->name);
    for (size_t i = 0; i < OPTIONS; i++) {
        if (option_applies((option_id)i, c)) {
            zsh_option(out, &option_table[i]);
        }
    }
    if (row->words != NULL && !takes_files(c)) {
        fputs("            '*:argument:(", out);
        words_of(out, row->words);
        fputs(")' ;;\n", out);
    } else if (row->most > 0) {
        fputs("            '*:argument:_alternative \"data:DATA:(", out);
        words_of(out, row->words);
        fputs(")\" \"files:file:_files\"' ;;\n", out);
    } else {
        fputs("            ;;\n", out);
    }
}

static void write_zsh(FILE *out)
{
    fputs("#compdef backprop\n_backprop()\n{\n    if (( CURRENT == 2 )); then\n        local -a commands=(\n", out);
    for (size_t i = 0; i < COMMANDS; i++) {
        char text[160];
        snprintf(text, sizeof text, "%s:%s", command_table[i].name, command_table[i].summary);
        fputs("            ", out);
        quoted(out, text);
        fputc('\n', out);
    }
    fputs("        )\n        _describe command commands\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $command in\n",
          out);
    for (size_t c = 0; c < COMMANDS; c++) {
        zsh_command(out, (command_id)c);
    }
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = \"_backprop\" ]; then\n    _backprop \"$@\"\nelse\n"
          "    compdef _backprop backprop\nfi\n",
          out);
}

/* ---- fish -------------------------------------------------------------------------------------------------------- */

static void fish_option(FILE *out, const option_row *row, command_id c)
{
    fprintf(out, "complete -c backprop -n '__fish_seen_subcommand_from %s' -l %s", command_table[c].name, row->name);
    if (row->type != VALUE_FLAG) {
        fputs(takes_path(row) ? " -rF" : " -x", out);
    }
    if (row->words != NULL) {
        fputs(" -a '", out);
        words_of(out, row->words);
        fputc('\'', out);
    }
    fputs(" -d ", out);
    /* fish knows \' inside single quotes, not the shell's way of closing them */
    fputc('\'', out);
    for (const char *t = row->help; *t != '\0'; t++) {
        fprintf(out, "%s%c", *t == '\'' || *t == '\\' ? "\\" : "", *t);
    }
    fputs("'\n", out);
}

static void write_fish(FILE *out)
{
    fputs("# fish completion for backprop\n", out);
    for (size_t c = 0; c < COMMANDS; c++) {
        fprintf(out, "complete -c backprop -n __fish_use_subcommand -fa %s -d '%s'\n", command_table[c].name,
                command_table[c].summary);
        if (command_table[c].words != NULL) {
            fprintf(out, "complete -c backprop -n '__fish_seen_subcommand_from %s' -%sa '", command_table[c].name,
                    takes_files((command_id)c) ? "F" : "f");
            words_of(out, command_table[c].words);
            fputs("'\n", out);
        }
        for (size_t i = 0; i < OPTIONS; i++) {
            if (option_applies((option_id)i, (command_id)c)) {
                fish_option(out, &option_table[i], (command_id)c);
            }
        }
    }
}

void write_completions(FILE *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        write_bash(out);
    } else if (strcmp(shell, "zsh") == 0) {
        write_zsh(out);
    } else {
        write_fish(out);
    }
}
