/* options.c - parsing of the command line by option_table. Knows the types of values, not what they are for. */
#include "options.h"

#include <string.h>

#include "base/base.h"

static const char *option_name_at(size_t index)
{
    return option_table[index].name;
}

/* The option called `name` (of `length` bytes) that the command takes; OPTIONS if there is none. */
static option_id find_option(const char *name, size_t length, command_id c)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *candidate = option_table[i].name;
        if (strncmp(candidate, name, length) == 0 && candidate[length] == '\0' && option_applies((option_id)i, c)) {
            return (option_id)i;
        }
    }
    return OPTIONS;
}

/* The commands that take an option of that name, "train, check"; "" if none does. */
static void takers(char *out, size_t size, const char *name)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t c = 0; c < COMMANDS; c++) {
        if (find_option(name, strlen(name), (command_id)c) == OPTIONS || used >= size) {
            continue;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", command_table[c].name);
    }
}

static bp_status unknown_option(const char *name, command_id c)
{
    const char *taker = command_table[c].name;
    char others[128];
    takers(others, sizeof others, name);
    if (others[0] != '\0') {
        return bp_fail(BP_ERR_ARGUMENT, "%s does not take --%s (%s does)", taker, name, others);
    }
    const char *near = bp_nearest_name(name, option_name_at, OPTIONS);
    if (near == NULL || find_option(near, strlen(near), c) == OPTIONS) {
        return bp_fail(BP_ERR_ARGUMENT, "%s has no option --%s", taker, name);
    }
    return bp_fail(BP_ERR_ARGUMENT, "%s has no option --%s; did you mean --%s?", taker, name, near);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bp_status wrong_number(const option_row *row, const char *text)
{
    return bp_fail(BP_ERR_ARGUMENT, "--%s needs %s, not \"%s\"", row->name,
                   row->limits != NULL ? row->limits->text : "a number", text);
}

static bool within(const interval *limits, double x)
{
    if (limits == NULL) {
        return true;
    }
    return limits->open ? x > limits->low && x < limits->high : x >= limits->low && x <= limits->high;
}

static bp_status parse_word(option_value *v, const option_row *row, const char *text)
{
    size_t count = 0;
    while (row->words(count) != NULL) {
        count++;
    }
    int found = bp_find_name(text, row->words, count);
    if (found < 0) {
        return bp_fail_unknown(row->name, text, row->words, count);
    }
    v->size = (size_t)found;
    return BP_OK;
}

/* "7" or "7-12", both ends included. */
static bp_status parse_range(option_value *v, const option_row *row, const char *text)
{
    char first[32];
    const char *dash = strchr(text, '-');
    size_t length = dash != NULL ? (size_t)(dash - text) : strlen(text);
    size_t from = 0, to = 0;
    bool good = length < sizeof first;
    if (good) {
        memcpy(first, text, length);
        first[length] = '\0';
        good = bp_parse_size(&from, first) && (dash == NULL || bp_parse_size(&to, dash + 1));
    }
    if (dash == NULL) {
        to = from;
    }
    if (!good || to < from || to == SIZE_MAX) {
        return bp_fail(BP_ERR_ARGUMENT, "--%s needs a row number or FROM-TO such as 0-9, not \"%s\"", row->name, text);
    }
    v->size = from;
    v->size_end = to + 1;
    return BP_OK;
}

/* What reads as a number must be a share; anything else is the name of data. */
static bp_status parse_part(option_value *v, const option_row *row, const char *text)
{
    double share = 0;
    if (text[0] == '\0') {
        return bp_fail(BP_ERR_ARGUMENT, "--%s needs %s or a name, not an empty text", row->name, row->limits->text);
    }
    bool number = bp_parse_double(&share, text);
    if (number && !within(row->limits, share)) {
        return bp_fail(BP_ERR_ARGUMENT, "--%s needs %s, or the name of data, not \"%s\"", row->name, row->limits->text,
                       text);
    }
    v->real = number ? share : NAN;
    return BP_OK;
}

static bp_status parse_value(option_value *v, const option_row *row, const char *text)
{
    v->text = text;
    switch (row->type) {
    case VALUE_SIZE:
        if (!bp_parse_size(&v->size, text) || !within(row->limits, (double)v->size)) {
            return wrong_number(row, text);
        }
        return BP_OK;
    case VALUE_REAL:
        if (!bp_parse_double(&v->real, text) || !within(row->limits, v->real)) {
            return wrong_number(row, text);
        }
        return BP_OK;
    case VALUE_WORD:
        return parse_word(v, row, text);
    case VALUE_RANGE:
        return parse_range(v, row, text);
    case VALUE_PART:
        return parse_part(v, row, text);
    case VALUE_FILE:
        if (strcmp(text, "-") == 0) { /* elsewhere it would be a pipe, here a file that is hard to remove */
            return bp_fail(BP_ERR_ARGUMENT, "--%s needs a name: no pipe can be used there (for a file called -: ./-)",
                           row->name);
        }
        return text[0] != '\0' ? BP_OK : bp_fail(BP_ERR_ARGUMENT, "--%s needs a name, not an empty text", row->name);
    case VALUE_DATA:
        return text[0] != '\0' ? BP_OK : bp_fail(BP_ERR_ARGUMENT, "--%s needs a name, not an empty text", row->name);
    case VALUE_FLAG:
    case VALUE_TEXT:
        break;
    }
    return BP_OK;
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

/* Parses words[*at], "--name", "--name=value" or "--name" "value", and moves *at past it. */
static bp_status parse_option(options *out, int *at, int count, char **words)
{
    const char *name = words[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    option_id id = find_option(name, length, out->command);
    if (id == OPTIONS) {
        char shown[64];
        snprintf(shown, sizeof shown, "%.*s", (int)(length < 60 ? length : 60), name);
        return unknown_option(shown, out->command);
    }
    const option_row *row = &option_table[id];
    option_value *v = &out->value[id];
    *at += 1;
    v->given = true;
    if (row->type == VALUE_FLAG) {
        return equals == NULL ? BP_OK : bp_fail(BP_ERR_ARGUMENT, "--%s takes no value", row->name);
    }
    if (equals != NULL) {
        return parse_value(v, row, equals + 1);
    }
    if (*at >= count) {
        return bp_fail(BP_ERR_ARGUMENT, "--%s needs a value: --%s %s", row->name, row->name, row->metavar);
    }
    return parse_value(v, row, words[(*at)++]);
}

static bp_status add_positional(options *out, const char *word)
{
    const cli_command *c = &command_table[out->command];
    if (out->positionals >= c->most) {
        return bp_fail(BP_ERR_ARGUMENT, "%s takes no further argument: \"%s\"", c->name, word);
    }
    out->positional[out->positionals++] = word;
    return BP_OK;
}

static bp_status check_count(const options *out)
{
    const cli_command *c = &command_table[out->command];
    if (out->positionals >= c->least) {
        return BP_OK;
    }
    return bp_fail(BP_ERR_ARGUMENT, "%s needs more arguments: backprop %s %s", c->name, c->name, c->arguments);
}

bp_status options_parse(options *out, command_id id, int count, char **words)
{
    bool only_positionals = false;
    out->command = id;
    for (int at = 0; at < count;) {
        const char *word = words[at];
        bp_status status = BP_OK;
        if (!only_positionals && strcmp(word, "--") == 0) {
            only_positionals = true;
            at++;
        } else if (!only_positionals && strcmp(word, "-h") == 0) {
            out->value[OPT_HELP].given = true;
        } else if (!only_positionals && strncmp(word, "--", 2) == 0) {
            status = parse_option(out, &at, count, words);
        } else if (!only_positionals && word[0] == '-' && word[1] != '\0') {
            status = bp_fail(BP_ERR_ARGUMENT, "%s has no option %s; options have two dashes and a long name",
                             command_table[id].name, word);
        } else {
            status = add_positional(out, word);
            at++;
        }
        if (status != BP_OK || given(out, OPT_HELP)) {
            return status;
        }
    }
    return check_count(out);
}
