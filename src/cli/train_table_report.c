/* train_table_report.c - what `backprop train` says of a table: what was read and what becomes of each column; then the
 * network beside simpler models, on the same rows. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "memory.h"
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
    char text[200];
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

/* Columns whose cells gave no input; the preparation may know why. */
static void unused(usage *u, const training *run, const bp_column_info *c, size_t column)
{
    const table_request *r = &run->tables.request;
    const char *name = NULL, *why = NULL;
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
    snprintf(u->text, sizeof u->text, "not used");
    for (size_t i = 0; bp_preparation_note(run->tables.fit->preparation, i, &name, &why); i++) {
        if (strcmp(name, c->name) == 0) {
            snprintf(u->text, sizeof u->text, "%s", why);
        }
    }
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
            snprintf(u.text, sizeof u.text, "%zu input%s: %s", feature.inputs, plural(feature.inputs), feature.text);
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
        size_t length = strlen(bp_table_column(t, i).name);
        width = length > width ? length : width;
    }
    return width < MOST ? width : MOST;
}

static void say_column(const terminal *t, const training *run, size_t column, size_t width)
{
    usage u = usage_of(run, column);
    bp_column_info c = bp_table_column(run->tables.table, column);
    char missing[NUMBER_SIZE + 16] = "", number[NUMBER_SIZE], text[300];
    if (c.missing > 0) {
        snprintf(missing, sizeof missing, "%s%s missing", u.text[0] != '\0' ? "; " : "",
                 number_text(number, (double)c.missing));
    }
    snprintf(text, sizeof text, "%s%s", u.text, missing);
    fprintf(t->file, "%-9s%s%-*.*s%s  %-9s", "", u.used ? "" : style_on(t, STYLE_DIM), (int)width, (int)width, c.name,
            style_off(t), u.kind);
    fputs(u.used ? "" : style_on(t, STYLE_DIM), t->file);
    size_t at = 9 + width + 2 + 9 + 1, room = t->live ? t->width - 1 : SIZE_MAX;
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
    if (!given(run->o, OPT_TARGET) && used < sizeof text) {
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

void train_table_fold(size_t fold, size_t folds, const bp_fold *done)
{
    char text[NUMBER_SIZE];
    const bp_evaluation *e = done->network;
    fprintf(stderr, "fold %zu of %zu:", fold + 1, folds);
    for (size_t i = 0; measure_at(e, i).key != NULL; i++) {
        measure m = measure_at(e, i);
        fprintf(stderr, "%s %s %s", i > 0 ? "," : "", m.text, measure_text(text, &m, measure_value(&m, e)));
    }
    fputc('\n', stderr);
}

/* ---- after: the network beside simpler models -------------------------------------------------------------------- */

enum { COMPARED = 3, COLUMN = 18 };

static const bp_evaluation *of_fold(const bp_fold *f, size_t which)
{
    return which == 0 ? f->network : which == 1 ? f->linear : f->trivial;
}

/* Mean and deviation over the folds, of the network (0), the linear model (1) or the trivial predictor (2). */
static spread fold_spread(const measure *m, const bp_folds *folds, size_t which)
{
    const bp_evaluation **e = cli_alloc(folds->count, sizeof *e);
    spread s = {NAN, NAN};
    for (size_t i = 0; e != NULL && i < folds->count; i++) {
        e[i] = of_fold(&folds->fold[i], which);
    }
    if (e != NULL) {
        s = measure_spread(m, e, folds->count);
    }
    cli_release(e);
    return s;
}

static const bp_evaluation *compared(const training *t, size_t which)
{
    return which == 0 ? t->measure : which == 1 ? t->tables.linear : t->tables.trivial;
}

/* Whether the result is that of the folds: there are some, and no test. */
static bool by_folds(const training *t)
{
    return t->tables.folds != NULL && t->test_measure == NULL;
}

static void compared_text(char *out, size_t size, const measure *m, const training *t, size_t which)
{
    char mean[NUMBER_SIZE], deviation[NUMBER_SIZE];
    if (by_folds(t)) {
        spread s = fold_spread(m, t->tables.folds, which);
        measure_text(mean, m, s.mean);
        measure_text(deviation, m, s.deviation);
        mean[strcspn(mean, "%")] = '\0';
        mean[strcspn(mean, " ")] = '\0';
        snprintf(out, size, "%s +-%s", mean, deviation);
    } else {
        snprintf(out, size, "%s", measure_text(mean, m, measure_value(m, compared(t, which))));
    }
}

const char *trivial_text(char *out, const training *t)
{
    char name[CLASS_NAME];
    const bp_evaluation *e = t->tables.trivial;
    snprintf(out, CLASS_NAME + 16, e->classes > 0 ? "always one class" : "always the mean");
    for (size_t j = 0; j < e->classes; j++) {
        for (size_t i = 0; i < e->classes; i++) {
            if (e->confusion[i * e->classes + j] > 0) {
                snprintf(out, CLASS_NAME + 16, "always %s", class_text(name, t->model, j));
            }
        }
    }
    return out;
}

static void compare(const terminal *out, const training *t)
{
    char rows[NUMBER_SIZE], text[3 * NUMBER_SIZE], trivial[CLASS_NAME + 16], title[96];
    if (by_folds(t)) {
        snprintf(title, sizeof title, "%zu folds, mean +- deviation", t->tables.folds->count);
    } else {
        snprintf(title, sizeof title, "%s rows: %s", t->measured_name, number_text(rows, (double)t->measure->rows));
    }
    fprintf(out->file, "%s%-30s%*s%*s  %*.*s%s\n", style_on(out, STYLE_BOLD), title, COLUMN - 2, "network", COLUMN,
            "linear model", COLUMN - 2, COLUMN - 2, trivial_text(trivial, t), style_off(out));
    for (size_t i = 0; measure_at(t->measure, i).key != NULL; i++) {
        measure m = measure_at(t->measure, i);
        fprintf(out->file, "%-28s", m.text);
        for (size_t which = 0; which < COMPARED; which++) {
            compared_text(text, sizeof text, &m, t, which);
            fprintf(out->file, "%s%*s%s", which == 0 ? style_on(out, STYLE_BOLD) : "", COLUMN, text,
                    which == 0 ? style_off(out) : "");
        }
        fputc('\n', out->file);
    }
}

/* ---- after: is it worth it? -------------------------------------------------------------------------------------- */

/* Better than the linear model (1) or the trivial predictor (2): on the measured rows, or in the mean of the folds, by the
 * first measure. */
static bool network_better(const training *t, size_t which)
{
    bool weighted = given(t->o, OPT_CLASS_WEIGHT);
    if (!by_folds(t)) {
        return measure_better(t->measure, compared(t, which), weighted);
    }
    measure m = measure_at(t->measure, weighted && t->measure->classes > 0 ? 1 : 0);
    double a = fold_spread(&m, t->tables.folds, 0).mean, b = fold_spread(&m, t->tables.folds, which).mean;
    return m.higher ? a > b : a < b;
}

static void warn(const terminal *out, const training *t)
{
    char trivial[CLASS_NAME + 16], text[400];
    const char *advice = NULL, *other = NULL;
    if (!network_better(t, 2)) {
        other = trivial_text(trivial, t);
        advice = "the columns may say nothing about the target, or training went wrong: more epochs, another learning "
                 "rate, --class-weight balanced";
    } else if (!network_better(t, 1)) {
        other = "a linear model";
        advice = "the simpler model, --net \"\", is as good; or more rows, a smaller network, --weight-decay";
    } else {
        return;
    }
    snprintf(text, sizeof text, "the network is no better than %s here: %s.", other, advice);
    fprintf(out->file, "\n%swarning%s  ", style_on(out, STYLE_BAD), style_off(out));
    wrap_text(out->file, text, 9, 9, out->live ? out->width - 1 : SIZE_MAX);
}

/* ---- after: where it is wrong ------------------------------------------------------------------------------------ */

enum { RESIDUALS = 5 };

typedef struct residual {
    size_t row, target; /* row of the set; which number */
    double truth, answer, error;
} residual;

static void keep_worst(residual *list, size_t *count, residual r)
{
    if (*count == RESIDUALS && !(r.error > list[RESIDUALS - 1].error)) {
        return;
    }
    size_t at = *count < RESIDUALS ? (*count)++ : RESIDUALS - 1;
    for (; at > 0 && list[at - 1].error < r.error; at--) {
        list[at] = list[at - 1];
    }
    list[at] = r;
}

/* The largest |truth - answer|, of each target in its deviation's unit where there are several. */
static bp_status find_residuals(residual *list, size_t *count, const training *t)
{
    enum { BLOCK = 1024 };
    const bp_data *d = t->measured;
    const double *scale = NULL, *mean = NULL;
    bool scaled = bp_model_output_scaling(t->model, &mean, &scale) == d->targets && d->targets > 1;
    bp_type type = bp_model_describe(t->model).type;
    void *out = cli_alloc(BLOCK * d->targets, bp_type_size(type));
    bp_predictor *p = NULL;
    bp_status status = out != NULL ? bp_predictor_new(&p, t->model, BLOCK, t->run.threads) : BP_ERR_MEMORY;
    *count = 0;
    for (size_t at = 0; at < d->rows && status == BP_OK; at += BLOCK) {
        size_t rows = d->rows - at < BLOCK ? d->rows - at : BLOCK;
        status = bp_predict_data(p, out, d, at, rows);
        for (size_t i = 0; i < rows * d->targets && status == BP_OK; i++) {
            size_t j = i % d->targets;
            double answer = type == BP_F64 ? ((double *)out)[i] : (double)((float *)out)[i];
            residual r = {at + i / d->targets, j, d->y[at * d->targets + i], answer, 0};
            r.error = fabs(r.truth - r.answer) / (scaled ? scale[j] : 1);
            keep_worst(list, count, r);
        }
    }
    bp_predictor_free(p);
    cli_release(out);
    return status;
}

static const char *target_name(const training *t, size_t index)
{
    const char *name = target_at(t->tables.fit->preparation, index);
    return name != NULL ? name : "";
}

static void report_residuals(const terminal *out, const training *t)
{
    residual list[RESIDUALS];
    size_t count = 0;
    if (find_residuals(list, &count, t) != BP_OK || count == 0) {
        return;
    }
    fprintf(out->file, "\n%sworst residuals%s: rows of %s, counted from 1 without the header\n",
            style_on(out, STYLE_BOLD), style_off(out), table_title(bp_table_source(t->tables.measured_table)));
    fprintf(out->file, "%s%10s  %14s  %14s  %14s%s\n", style_on(out, STYLE_DIM), "row", "truth", "prediction",
            "residual", style_off(out));
    for (size_t i = 0; i < count; i++) {
        const residual *r = &list[i];
        fprintf(out->file, "%10zu  %14.6g  %14.6g  %+14.6g  %s\n", (size_t)t->tables.measured_row[r->row] + 1, r->truth,
                r->answer, r->truth - r->answer, t->measured->targets > 1 ? target_name(t, r->target) : "");
    }
}

/* ---- after: all of it -------------------------------------------------------------------------------------------- */

/* What the measured rows had that the rows trained on had not. */
static void say_report(const terminal *out, const training *t)
{
    const bp_prepare_report *r = &t->tables.measured_report;
    char unknown[NUMBER_SIZE];
    if (r->unknown > 0) {
        fprintf(out->file, "%s cell%s with a category that training did not have; the first: %s\n",
                number_text(unknown, (double)r->unknown), plural(r->unknown), r->first_unknown);
    }
}

void train_table_report(const terminal *out, const training *t)
{
    compare(out, t);
    if (t->test_measure == NULL && t->tables.folds == NULL) {
        fprintf(out->file, "%sthese rows also decided %s: --test 0.2 or --folds 5 tell more%s\n",
                style_on(out, STYLE_DIM), t->valid_measure != NULL ? "when to stop" : "the weights", style_off(out));
    }
    say_report(out, t);
    warn(out, t);
    if (t->measure->classes == 0 && bp_preparation_task(t->tables.fit->preparation) == BP_TABLE_REGRESS) {
        report_residuals(out, t);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *evaluation_object(const bp_evaluation *e)
{
    json_t *o = json_object();
    json_put_size(o, "rows", e->rows);
    measures_json(o, "", e);
    return o;
}

static void folds_json(json_t *object, const training *t)
{
    const bp_folds *folds = t->tables.folds;
    static const char *const prefix[COMPARED] = {"", "linear_", "baseline_"};
    json_t *list = json_array(), *mean = json_object(), *deviation = json_object();
    for (size_t i = 0; i < folds->count; i++) {
        json_t *one = evaluation_object(folds->fold[i].network);
        for (size_t which = 1; which < COMPARED; which++) {
            measures_json(one, prefix[which], of_fold(&folds->fold[i], which));
        }
        json_put_size(one, "best_epoch", folds->fold[i].best_epoch);
        json_array_append_new(list, one);
    }
    for (size_t i = 0; measure_at(t->measure, i).key != NULL; i++) {
        measure m = measure_at(t->measure, i);
        for (size_t which = 0; which < COMPARED; which++) {
            char key[64];
            spread s = fold_spread(&m, folds, which);
            snprintf(key, sizeof key, "%s%s", prefix[which], m.key);
            json_put(mean, key, s.mean);
            json_put(deviation, key, s.deviation);
        }
    }
    json_object_set_new(object, "folds", list);
    json_object_set_new(object, "mean", mean);
    json_object_set_new(object, "std", deviation);
}

static json_t *residuals_json(const training *t)
{
    residual list[RESIDUALS];
    size_t count = 0;
    json_t *array = json_array();
    if (find_residuals(list, &count, t) != BP_OK) {
        return array;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        json_put_size(one, "row", (size_t)t->tables.measured_row[list[i].row] + 1);
        json_put_text(one, "target", target_name(t, list[i].target));
        json_put(one, "truth", list[i].truth);
        json_put(one, "prediction", list[i].answer);
        json_array_append_new(array, one);
    }
    return array;
}

static json_t *names_json(const char *(*name)(const bp_preparation *, size_t), const bp_preparation *p)
{
    json_t *list = json_array();
    for (size_t i = 0; name(p, i) != NULL; i++) {
        json_array_append_new(list, json_string(name(p, i)));
    }
    return list;
}

void train_table_json(json_t *object, const training *t)
{
    const bp_fit *f = t->tables.fit;
    char trivial[CLASS_NAME + 16];
    json_object_set_new(object, "target", names_json(target_at, f->preparation));
    json_put_text(object, "task", bp_table_task_name(bp_preparation_task(f->preparation)));
    json_put_size(object, "rows", bp_table_rows(t->tables.table));
    json_put_size(object, "skipped_rows", bp_table_skipped(t->tables.table, NULL));
    json_put_size(object, "train_rows", t->train_measure->rows);
    json_put_size(object, "valid_rows", t->valid_measure != NULL ? t->valid_measure->rows : 0);
    json_put_size(object, "test_rows", t->test_measure != NULL ? t->test_measure->rows : 0);
    json_put_text(object, "measured_on", by_folds(t) ? "folds" : t->measured_name);
    json_t *baseline = evaluation_object(t->tables.trivial);
    json_put_text(baseline, "name", trivial_text(trivial, t));
    json_object_set_new(object, "baseline", baseline);
    json_object_set_new(object, "linear", evaluation_object(t->tables.linear));
    json_put_bool(object, "better_than_baseline", network_better(t, 2));
    json_put_bool(object, "better_than_linear", network_better(t, 1));
    classes_json(object, t->measure, t->model);
    if (t->measure->classes + t->measure->labels == 0) {
        json_object_set_new(object, "worst_residuals", residuals_json(t));
    }
    if (t->tables.folds != NULL) {
        folds_json(object, t);
    }
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static bp_status note_real(bp_model *m, const char *prefix, const char *key, double value)
{
    char name[64], text[40];
    snprintf(name, sizeof name, "%s%s", prefix, key);
    snprintf(text, sizeof text, "%.9g", value);
    return isfinite(value) ? bp_model_set_note(m, name, text) : BP_OK;
}

static bp_status note_measures(const training *t, const bp_evaluation *e, const char *prefix)
{
    bp_status status = BP_OK;
    for (size_t i = 0; e != NULL && measure_at(e, i).key != NULL && status == BP_OK; i++) {
        measure m = measure_at(e, i);
        status = note_real(t->model, prefix, m.key, measure_value(&m, e));
    }
    return status;
}

bp_status train_table_notes(const training *t)
{
    bp_status status = note_measures(t, t->train_measure, "train_");
    status = status == BP_OK ? note_measures(t, t->valid_measure, "valid_") : status;
    status = status == BP_OK ? note_measures(t, t->test_measure, "test_") : status;
    const bp_folds *folds = t->tables.folds;
    for (size_t i = 0; folds != NULL && status == BP_OK && measure_at(folds->fold[0].network, i).key != NULL; i++) {
        measure m = measure_at(folds->fold[0].network, i);
        status = note_real(t->model, "folds_", m.key, fold_spread(&m, folds, 0).mean);
    }
    return status;
}
