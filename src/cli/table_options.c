/* table_options.c - the options about tables. Nothing is read here. */
#include "table_options.h"

#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "memory.h"

/* ---- is it one? -------------------------------------------------------------------------------------------------- */

static bool is_set_name(const char *what)
{
    for (size_t i = 0; data_word(i) != NULL; i++) {
        if (strcmp(data_word(i), what) == 0) {
            return true;
        }
    }
    return false;
}

/* A file that is not there is missed as the table that its name promises. */
static bool ends_like_table(const char *what)
{
    static const char *const endings[] = {".csv", ".tsv", ".tab", ".txt",    ".data",
                                          ".npy", ".npz", ".svm", ".libsvm", ".gz"};
    size_t length = strlen(what);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (length > n && strcmp(what + length - n, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool table_named(const char *what)
{
    struct stat there;
    if (strcmp(what, "-") == 0) {
        return true;
    }
    if (is_set_name(what)) {
        return false;
    }
    return stat(what, &there) == 0 ? !S_ISDIR(there.st_mode) : ends_like_table(what);
}

const char *table_title(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* ---- lists of names ---------------------------------------------------------------------------------------------- */

/* Unpacks the entry at *at into itself and moves *at behind the comma that ends it; false where a quote is not closed. */
static bool unpack_name(char **at, char **name)
{
    char *from = *at, *to = *at;
    bool quoted = *from == '"';
    *name = to;
    from += quoted ? 1 : 0;
    while (*from != '\0' && (quoted || *from != ',')) {
        if (quoted && from[0] == '"' && from[1] != '"') {
            quoted = false;
            from++;
            continue;
        }
        from += quoted && from[0] == '"' ? 1 : 0;
        *to++ = *from++;
    }
    bool more = *from == ',';
    *to = '\0';
    *at = more ? from + 1 : NULL;
    return !quoted;
}

bp_status name_list_parse(name_list *out, const options *o, option_id id)
{
    *out = (name_list){0};
    if (!given(o, id)) {
        return BP_OK;
    }
    const char *option = option_table[id].name, *text = o->value[id].text;
    size_t length = strlen(text);
    out->text = cli_alloc(length + 1, 1);
    out->name = cli_alloc(length + 1, sizeof *out->name);
    if (out->text == NULL || out->name == NULL) {
        return BP_ERR_MEMORY;
    }
    memcpy(out->text, text, length + 1);
    for (char *at = out->text; at != NULL;) {
        char *name = NULL;
        if (!unpack_name(&at, &name)) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s: a quote is not closed in %s", option, text);
        }
        if (name[0] == '\0') {
            return bp_fail(BP_ERR_ARGUMENT,
                           "--%s: an empty name in \"%s\"; expected names, or numbers of columns from 1, separated by "
                           "commas",
                           option, text);
        }
        out->name[out->count++] = name;
    }
    return BP_OK;
}

void name_list_free(name_list *l)
{
    cli_release(l->text);
    cli_release(l->name);
    *l = (name_list){0};
}

static bp_columns columns_of(const name_list *l)
{
    return (bp_columns){l->name, l->count};
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bp_status parse_delimiter(char *out, const char *text)
{
    static const char characters[] = ",;\t| ";
    size_t count = 0;
    while (delimiter_word(count) != NULL) {
        count++;
    }
    const char *plain = strcmp(text, "\\t") == 0 ? "\t" : text;
    if (plain[0] != '\0' && plain[1] == '\0' && strchr(characters, plain[0]) != NULL) {
        *out = plain[0];
        return BP_OK;
    }
    int found = bp_find_name(text, delimiter_word, count);
    if (found < 0) {
        return bp_fail_unknown("delimiter", text, delimiter_word, count);
    }
    *out = characters[found];
    return BP_OK;
}

bp_status table_reading(bp_table_options *reading, const options *o)
{
    if (given(o, OPT_HEADER)) {
        reading->header = (int)o->value[OPT_HEADER].size;
    }
    if (given(o, OPT_DECIMAL_COMMA)) {
        reading->decimal_comma = true;
    }
    if (given(o, OPT_BAD_ROWS)) {
        reading->skip_bad_rows = o->value[OPT_BAD_ROWS].size == 1;
    }
    reading->missing = text_or(o, OPT_MISSING_WORDS, reading->missing);
    if (!given(o, OPT_DELIMITER)) {
        return BP_OK;
    }
    bp_status status = parse_delimiter(&reading->delimiter, o->value[OPT_DELIMITER].text);
    if (status == BP_OK && reading->delimiter == ',' && reading->decimal_comma) {
        return bp_fail(BP_ERR_ARGUMENT, "--decimal-comma does not go with --delimiter comma: a comma would be both");
    }
    return status;
}

/* ---- the whole request ------------------------------------------------------------------------------------------- */

static bp_status parse_lists(table_request *r, const options *o)
{
    const struct {
        name_list *list;
        option_id id;
    } lists[] = {{&r->target, OPT_TARGET},
                 {&r->categorical, OPT_CATEGORICAL},
                 {&r->numeric, OPT_NUMERIC},
                 {&r->drop, OPT_DROP},
                 {&r->id, OPT_ID}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        bp_status status = name_list_parse(lists[i].list, o, lists[i].id);
        if (status != BP_OK) {
            return status;
        }
    }
    return BP_OK;
}

bp_status table_request_make(table_request *out, const options *o)
{
    *out = (table_request){.reading = bp_table_defaults(), .prepare = bp_prepare_defaults()};
    bp_status status = parse_lists(out, o);
    if (status == BP_OK) {
        status = table_reading(&out->reading, o);
    }
    if (status != BP_OK) {
        return status;
    }
    out->reading.text = out->categorical.name;
    out->reading.text_count = out->categorical.count;
    out->reading.number = out->numeric.name;
    out->reading.number_count = out->numeric.count;
    out->reading.cache = text_or(o, OPT_CACHE, NULL);
    bp_prepare_options *p = &out->prepare;
    p->target = columns_of(&out->target);
    p->categorical = columns_of(&out->categorical);
    p->numeric = columns_of(&out->numeric);
    p->drop = columns_of(&out->drop);
    p->id = columns_of(&out->id);
    p->weight = text_or(o, OPT_SAMPLE_WEIGHT, NULL);
    p->class_weight = text_or(o, OPT_CLASS_WEIGHT, NULL);
    p->task = (bp_table_task)size_or(o, OPT_TASK, (size_t)p->task);
    p->missing = (bp_missing_rule)size_or(o, OPT_MISSING, (size_t)p->missing);
    p->impute = (bp_impute_rule)size_or(o, OPT_IMPUTE, (size_t)p->impute);
    p->numbers = (bp_numbers_rule)size_or(o, OPT_NUMBERS, (size_t)p->numbers);
    return BP_OK;
}

void table_request_free(table_request *r)
{
    name_list_free(&r->target);
    name_list_free(&r->categorical);
    name_list_free(&r->numeric);
    name_list_free(&r->drop);
    name_list_free(&r->id);
}

/* ---- what goes with what ----------------------------------------------------------------------------------------- */

/* Options of data sets that tables do not have, and what to use instead. */
static const struct {
    option_id id;
    const char *advice;
} not_for_tables[] = {
    {OPT_STANDARDIZE, "numbers of tables are always scaled: see --numbers"},
    {OPT_GENERATED_ROWS, "it is for generated data sets"},
    {OPT_PART, "a table has no parts: all its rows are used"},
};

bp_status table_check_options(const options *o, const char *what)
{
    if (table_named(what)) {
        for (size_t i = 0; i < sizeof not_for_tables / sizeof *not_for_tables; i++) {
            option_id id = not_for_tables[i].id;
            if (given(o, id)) {
                return bp_fail(BP_ERR_ARGUMENT, "--%s does not go with the table %s: %s", option_table[id].name,
                               table_title(what), not_for_tables[i].advice);
            }
        }
        return BP_OK;
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        if (given(o, (option_id)i) && option_table[i].group == GROUP_TABLE) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s is for tables, which are files; %s is a data set%s",
                           option_table[i].name, what,
                           is_set_name(what) ? "" : " or a directory: to read a table, give the path of a file");
        }
    }
    if (named(o, OPT_VALID)) {
        return bp_fail(BP_ERR_ARGUMENT, "--valid needs a number from 0 to below 1 for the data set %s, not \"%s\"",
                       what, o->value[OPT_VALID].text);
    }
    if (shared(o, OPT_TEST)) {
        return bp_fail(BP_ERR_ARGUMENT, "--test takes a share only of a table; for the data set %s it needs data",
                       what);
    }
    return BP_OK;
}
