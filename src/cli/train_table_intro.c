/* train_table_intro.c - what `backprop train` says of a table before it trains: what was read, what becomes of each column,
 * which rows are for what. */
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "train.h"

/* ---- before: what was read --------------------------------------------------------------------------------------- */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void say_read(const terminal *t, const training *run)
{
    const bp_table *table = run->tables.table;
    char rows[NUMBER_SIZE], bytes[NUMBER_SIZE], time[NUMBER_SIZE], text[700];
    snprintf(text, sizeof text, "%s: %s row%s of %zu column%s, %s; read in %s, %s%s", table_title(run->what),
             number_text(rows, (double)bp_table_rows(table)), plural(bp_table_rows(table)), bp_table_columns(table),
             plural(bp_table_columns(table)),
             bp_table_has_header(table) ? "named by the first line" : "without a header: named by position",
             duration_text(time, run->tables.read_seconds), bytes_text(bytes, (double)bp_table_bytes(table)),
             given(run->o, OPT_CACHE) ? " in the cache" : "");
    train_say(t, "table", text);
    const char *why = NULL;
    size_t skipped = bp_table_skipped(table, &why);
    if (skipped > 0) {
        snprintf(text, sizeof text, "%s row%s left out, the first: %s", number_text(rows, (double)skipped),
                 plural(skipped), why);
        train_say(t, "skipped", text);
    }
}

/* ---- before: the columns ----------------------------------------------------------------------------------------- */

/* What a column is for, in one word and in a text. */
typedef struct usage {
    const char *kind;
    char text[600];
    bool used;
} usage;

static bool listed(const training *run, const name_list *list, size_t column)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bp_table_find(run->tables.table, list->name[i]) == column) {
            return true;
        }
    }
    return false;
}

/* What the preparation has to say of a column; NULL: nothing. */
static const char *note_of(const training *run, const char *column)
{
    const char *name = NULL, *text = NULL;
    for (size_t i = 0; bp_preparation_note(run->tables.fit->preparation, i, &name, &text); i++) {
        if (strcmp(name, column) == 0) {
            return text;
        }
    }
    return NULL;
}

/* Columns whose cells gave no input; the preparation may know why. */
static void unused(usage *u, const training *run, const bp_column_info *c, size_t column)
{
    const table_request *r = &run->tables.request;
    u->kind = "-";
    if (listed(run, &r->drop, column)) {
        snprintf(u->text, sizeof u->text, "dropped");
        return;
    }
    if (listed(run, &r->id, column)) {
        snprintf(u->text, sizeof u->text, "names the row in predictions");
        return;
    }
    if (run->tables.request.prepare.weight != NULL &&
        bp_table_find(run->tables.table, run->tables.request.prepare.weight) == column) {
        snprintf(u->text, sizeof u->text, "weight of the row");
        return;
    }
    const char *why = note_of(run, c->name);
    snprintf(u->text, sizeof u->text, "%s",
             why != NULL         ? why
             : run->from != NULL ? "not used by the model"
                                 : "not used");
}

static const char *target_at(const bp_preparation *p, size_t index)
{
    return bp_preparation_target(p, index, NULL, NULL);
}

static usage usage_of(const training *run, size_t column)
{
    const bp_preparation *p = run->tables.fit->preparation;
    bp_column_info c = bp_table_column(run->tables.table, column);
    bp_feature_info feature;
    usage u = {0};
    for (size_t i = 0; target_at(p, i) != NULL; i++) {
        if (strcmp(target_at(p, i), c.name) == 0) {
            u.kind = "target";
            u.used = true;
            snprintf(u.text, sizeof u.text, "to be predicted");
            return u;
        }
    }
    for (size_t i = 0; bp_preparation_feature(p, i, &feature); i++) {
        if (strcmp(feature.column, c.name) == 0) {
            u.kind = feature.kind;
            u.used = true;
            const char *hint = note_of(run, c.name);
            snprintf(u.text, sizeof u.text, "%zu input%s: %s%s%s", feature.inputs, plural(feature.inputs), feature.text,
                     hint != NULL ? "; " : "", hint != NULL ? hint : "");
            return u;
        }
    }
    unused(&u, run, &c, column);
    return u;
}

static size_t name_columns(const bp_table *t)
{
    enum { LEAST = 6, MOST = 28 };
    size_t width = LEAST;
    for (size_t i = 0; i < bp_table_columns(t); i++) {
        size_t length = text_columns(bp_table_column(t, i).name);
        width = length > width ? length : width;
    }
    return width < MOST ? width : MOST;
}

static void say_column(const terminal *t, const training *run, size_t column, size_t width)
{
    usage u = usage_of(run, column);
    bp_column_info c = bp_table_column(run->tables.table, column);
    char missing[NUMBER_SIZE + 24] = "", number[NUMBER_SIZE], text[700];
    if (c.missing > 0) {
        snprintf(missing, sizeof missing, "%s%s cell%s missing", u.text[0] != '\0' ? "; " : "",
                 number_text(number, (double)c.missing), plural(c.missing));
    }
    snprintf(text, sizeof text, "%s%s", u.text, missing);
    fprintf(t->file, "%-9s%s", "", u.used ? "" : style_on(t, STYLE_DIM));
    pad_text(t->file, c.name, width);
    fprintf(t->file, "%s  %-9s", style_off(t), u.kind);
    fputs(u.used ? "" : style_on(t, STYLE_DIM), t->file);
    size_t at = 9 + width + 2 + 9 + 1, room = wrap_width(t);
    fputc(' ', t->file);
    wrap_text(t->file, text, at, at, room > at + 20 ? room : SIZE_MAX);
    fputs(style_off(t), t->file);
}

/* Many columns of one kind are no news each: the first ones stand for all. */
static void say_columns(const terminal *t, const training *run)
{
    enum { MOST_LINES = 24, SHOWN_OF_MANY = 16 };
    const bp_table *table = run->tables.table;
    size_t columns = bp_table_columns(table), shown = columns <= MOST_LINES ? columns : SHOWN_OF_MANY;
    size_t width = name_columns(table);
    fprintf(t->file, "%s%-9s%-*s  %-9s%s\n", style_on(t, STYLE_DIM), "columns", (int)width, "name", "kind",
            style_off(t));
    for (size_t i = 0; i < columns; i++) {
        if (i < shown || !usage_of(run, i).used) {
            say_column(t, run, i, width);
        }
    }
    size_t hidden = 0;
    for (size_t i = shown; i < columns; i++) {
        hidden += usage_of(run, i).used;
    }
    if (hidden > 0) {
        fprintf(t->file, "%-9s%s... and %zu more%s\n", "", style_on(t, STYLE_DIM), hidden, style_off(t));
    }
}

static void say_target(const terminal *t, const training *run)
{
    const bp_preparation *p = run->tables.fit->preparation;
    char text[1200];
    size_t used = 0, outputs = bp_preparation_outputs(p);
    for (size_t i = 0; target_at(p, i) != NULL && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? ", " : "", target_at(p, i));
    }
    if (!given(run->o, OPT_TARGET) && run->from == NULL && used < sizeof text) {
        used += (size_t)snprintf(text + used, sizeof text - used, ", the last column (another: --target NAME)");
    }
    const char *task = bp_preparation_task(p) == BP_TABLE_CLASSIFY  ? "classes"
                       : bp_preparation_task(p) == BP_TABLE_REGRESS ? "number"
                                                                    : "yes/no label";
    if (used < sizeof text) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; %zu %s%s", outputs, task,
                                 bp_preparation_task(p) == BP_TABLE_CLASSIFY ? ": " : plural(outputs));
    }
    for (size_t i = 0; bp_preparation_task(p) == BP_TABLE_CLASSIFY && i < outputs && used < sizeof text; i++) {
        if (i == 8) {
            snprintf(text + used, sizeof text - used, ", ...");
            break;
        }
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? ", " : "", bp_preparation_class(p, i));
    }
    train_say(t, "target", text);
}

static void say_rows(const terminal *t, const training *run)
{
    const table_training *tables = &run->tables;
    const bp_fit *f = tables->fit;
    char rows[NUMBER_SIZE], text[400], part[NUMBER_SIZE];
    size_t test = tables->test_table != NULL ? bp_table_rows(tables->test_table) : tables->split.part_rows;
    size_t used = (size_t)snprintf(text, sizeof text, "%s trained on", number_text(rows, (double)run->train.rows));
    if (f->valid != NULL) {
        used +=
            (size_t)snprintf(text + used, sizeof text - used, ", %s watched for early stopping%s%s",
                             number_text(part, (double)f->valid->train.rows), tables->valid_table != NULL ? ": " : "",
                             tables->valid_table != NULL ? run->o->value[OPT_VALID].text : "");
    }
    if (test > 0) {
        used += (size_t)snprintf(text + used, sizeof text - used, ", %s for the test%s%s",
                                 number_text(part, (double)test), tables->test_table != NULL ? ": " : "",
                                 tables->test_table != NULL ? run->o->value[OPT_TEST].text : "");
    }
    size_t lost = bp_table_rows(tables->table) - f->rows - tables->split.part_rows + f->report.dropped;
    if (lost > 0) {
        snprintf(text + used, sizeof text - used, "; %s left out: no target, weight 0 or --missing drop",
                 number_text(part, (double)lost));
    }
    train_say(t, "rows", text);
}

void train_table_introduction(const training *run)
{
    terminal t = terminal_of(stderr);
    say_read(&t, run);
    say_columns(&t, run);
    say_target(&t, run);
    say_rows(&t, run);
}

void train_table_chosen(const training *t)
{
    const bp_fit *f = t->tables.fit;
    double rows = (double)f->train->train.rows;
    terminal out = terminal_of(stderr);
    char text[256];
    double l2 = f->run.optimizer.l2, other = (f->recipe.penalty[0] + f->recipe.penalty[1]) / rows - l2;
    size_t folds = t->tables.folds->count;
    if (f->options.own_net || f->recipe.other_net == NULL) {
        snprintf(text, sizeof text, "--l2 %.3g, better than %.3g in %zu folds", l2, other, folds);
    } else {
        snprintf(text, sizeof text, "--net \"%s\" --l2 %.3g, better in %zu folds than the other proposal",
                 bp_model_describe(t->model).net, l2, folds);
    }
    train_say(&out, "chosen", text);
}

void train_table_folds_live(const training *t)
{
    terminal out = terminal_of(stderr);
    size_t all = t->tables.fold_count * (t->tables.comparing ? BP_FIT_PENALTIES : 1), done = t->tables.folds_done;
    if (out.live) {
        fprintf(out.file, done < all ? "\rcross-validation: %zu of %zu folds" : "\r\033[K", done, all);
        fflush(out.file);
    }
}

/* The first measure and the last: accuracy and area under the curve, or error and R2. */
void train_table_fold(size_t fold, const training *t, const bp_fold *done)
{
    char text[NUMBER_SIZE];
    if (t->tables.comparing) {
        fprintf(stderr, "--l2 %.3g, ", t->tables.fit->run.optimizer.l2);
    }
    const bp_evaluation *e = done->network;
    measure first = measure_at(e, 0), last = first;
    for (size_t i = 1; measure_at(e, i).key != NULL; i++) {
        last = measure_at(e, i);
    }
    fprintf(stderr, "fold %zu of %zu: %s %s", fold + 1, t->tables.fold_count, first.text,
            measure_text(text, &first, measure_value(&first, e)));
    fprintf(stderr, ", %s %s\n", last.text, measure_text(text, &last, measure_value(&last, e)));
}
