/* train_table_report.c - what `backprop train` says of a table in the end: the network beside simpler models, on the same
 * rows, for people and as JSON. */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "memory.h"
#include "residuals.h"
#include "search.h"
#include "train.h"

/* ---- the network beside simpler models -------------------------------------------------------------------- */

enum { COMPARED = 3, NAMES = 20, COLUMN = 19 }; /* columns of text: 77 in all */

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

/* NULL: a linear model that Ctrl-C has left out. */
static const bp_evaluation *compared(const training *t, size_t which)
{
    return which == 0 ? t->measure : which == 1 ? t->tables.linear : t->tables.trivial;
}

/* Whether the result is that of the folds: there are some, and no test. */
static bool by_folds(const training *t)
{
    return t->tables.folds != NULL && t->test_measure == NULL;
}

static const char *compared_text(char *out, const measure *m, const training *t, size_t which)
{
    if (by_folds(t)) {
        return spread_text(out, m, fold_spread(m, t->tables.folds, which));
    }
    const bp_evaluation *e = compared(t, which);
    return measure_text(out, m, e != NULL ? measure_value(m, e) : NAN);
}

const char *trivial_text(char *out, const training *t)
{
    char name[CLASS_NAME];
    const bp_evaluation *e = t->tables.trivial;
    snprintf(out, CLASS_NAME + 16,
             e->classes > 0  ? "always one class"
             : e->labels > 0 ? "the usual answers"
                             : "always the mean");
    for (size_t j = 0; j < e->classes; j++) {
        for (size_t i = 0; i < e->classes; i++) {
            if (e->confusion[i * e->classes + j] > 0) {
                snprintf(out, CLASS_NAME + 16, "always %s", class_text(name, t->model, j));
            }
        }
    }
    return out;
}

static size_t rows_in_no_fold(const training *t)
{
    size_t rows = 0;
    for (size_t i = 0; i < t->tables.fit->rows; i++) {
        rows += t->tables.folds->of_row[i] == UINT32_MAX;
    }
    return rows;
}

/* What was measured on, and what the last column is where its heading has no room to say it. */
static void say_measured(const terminal *out, const training *t, const char *trivial)
{
    char rows[NUMBER_SIZE], text[CLASS_NAME + 160];
    const char *which = by_folds(t)                ? "folds"
                        : t->test_measure != NULL  ? "rows of the test"
                        : t->valid_measure != NULL ? "rows that decided when to stop; --test 0.2 or --folds 5 tell more"
                                                   : "rows that were trained on; --test 0.2 or --folds 5 tell more";
    number_text(rows, (double)(by_folds(t) ? t->tables.folds->count : t->measure->rows));
    size_t used =
        (size_t)snprintf(text, sizeof text, "%s %s %s", by_folds(t) ? "mean and deviation of" : "on", rows, which);
    if (trivial != NULL) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; the trivial answer is %s", trivial);
    }
    if (by_folds(t) && rows_in_no_fold(t) > 0) {
        snprintf(text + used, sizeof text - used, "; rows in no fold, since no other has their class: %zu",
                 rows_in_no_fold(t));
    }
    fputs(style_on(out, STYLE_DIM), out->file);
    wrap_text(out->file, text, 0, 0, wrap_width(out));
    fputs(style_off(out), out->file);
}

static void compare(const terminal *out, const training *t)
{
    char text[SPREAD_SIZE], trivial[CLASS_NAME + 16];
    bool fits = text_columns(trivial_text(trivial, t)) <= COLUMN - 2;
    say_measured(out, t, fits ? NULL : trivial);
    fprintf(out->file, "%s%-*s%*s%*s  ", style_on(out, STYLE_BOLD), NAMES, by_folds(t) ? "folds" : t->measured_name,
            COLUMN, "network", COLUMN, "linear model");
    pad_text_left(out->file, fits ? trivial : "trivial answer", COLUMN - 2);
    fprintf(out->file, "%s\n", style_off(out));
    for (size_t i = 0; measure_at(t->measure, i).key != NULL; i++) {
        measure m = measure_at(t->measure, i);
        fprintf(out->file, "%-*s", NAMES, m.text);
        for (size_t which = 0; which < COMPARED; which++) {
            fprintf(out->file, "%s%*s%s", which == 0 ? style_on(out, STYLE_BOLD) : "", COLUMN,
                    compared_text(text, &m, t, which), which == 0 ? style_off(out) : "");
        }
        fputc('\n', out->file);
    }
}

/* ---- is it worth it? -------------------------------------------------------------------------------------- */

/* Better than the linear model (1) or the trivial predictor (2): on the measured rows, or in the mean of the folds, by the
 * first measure. */
static bool network_better(const training *t, size_t which)
{
    bool weighted = given(t->o, OPT_CLASS_WEIGHT);
    if (!by_folds(t)) {
        const bp_evaluation *other = compared(t, which);
        return other == NULL || measure_better(t->measure, other, weighted);
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
        advice =
            "the columns may say nothing about the target, or training went wrong. Worth trying: more epochs, another "
            "learning rate, for rare classes --class-weight balanced";
    } else if (!network_better(t, 1)) {
        other = "a linear model";
        advice =
            "the simpler model, --net \"\", does as well. Worth trying: more rows, a smaller network, --weight-decay";
    } else {
        return;
    }
    snprintf(text, sizeof text, "the network is no better than %s here: %s.", other, advice);
    fprintf(out->file, "\n%swarning%s  ", style_on(out, STYLE_BAD), style_off(out));
    wrap_text(out->file, text, 9, 9, wrap_width(out));
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

/* An evaluation with the classes of all folds together, where the result is that of folds; else the measured one. */
typedef struct pooled {
    const bp_evaluation *measure;
    bp_evaluation total;
    size_t *confusion;
    double *rates;
} pooled;

/* precision, recall and f1 as they follow from the confusion matrix. */
static void rates(bp_evaluation *e)
{
    size_t n = e->classes;
    for (size_t i = 0; i < n; i++) {
        size_t true_rows = 0, predicted = 0, right = e->confusion[i * n + i];
        for (size_t j = 0; j < n; j++) {
            true_rows += e->confusion[i * n + j];
            predicted += e->confusion[j * n + i];
        }
        e->precision[i] = predicted > 0 ? (double)right / (double)predicted : 0;
        e->recall[i] = true_rows > 0 ? (double)right / (double)true_rows : 0;
        e->f1[i] = right > 0 ? 2.0 * (double)right / (double)(true_rows + predicted) : 0;
    }
}

/* All folds together, each row as it was predicted when its fold was held back. Numbers of rows: weights do not count. */
static bool pool_folds(pooled *out, const training *t)
{
    const bp_folds *folds = t->tables.folds;
    size_t n = t->measure->classes;
    out->total = *t->measure;
    out->confusion = cli_alloc(n * n, sizeof *out->confusion);
    out->rates = cli_alloc(4 * n, sizeof *out->rates);
    if (out->confusion == NULL || out->rates == NULL) {
        return false;
    }
    bp_evaluation *e = &out->total;
    e->confusion = out->confusion;
    e->precision = out->rates;
    e->recall = out->rates + n;
    e->f1 = out->rates + 2 * n;
    e->class_auc = out->rates + 3 * n;
    for (size_t f = 0; f < folds->count; f++) {
        for (size_t i = 0; i < n * n; i++) {
            e->confusion[i] += folds->fold[f].network->confusion[i];
        }
    }
    for (size_t c = 0; c < n; c++) {
        e->class_auc[c] = NAN; /* of ranks within a fold, not across them */
    }
    rates(e);
    return true;
}

static void pool(pooled *out, const training *t)
{
    *out = (pooled){.measure = t->measure};
    if (by_folds(t) && t->measure->classes > 0 && pool_folds(out, t)) {
        out->measure = &out->total;
    }
}

static void pooled_free(pooled *p)
{
    cli_release(p->confusion);
    cli_release(p->rates);
}

static residual_source measured_rows(const training *t)
{
    return (residual_source){.model = t->model,
                             .data = t->measured,
                             .preparation = t->tables.fit->preparation,
                             .row = t->tables.measured_row,
                             .threads = t->run.threads,
                             .of = by_folds(t) ? " among the rows trained on" : ""};
}

/* What the measured rows had that the rows trained on had not. */
static void say_report(const terminal *out, const training *t)
{
    bp_prepare_report r = t->tables.measured_report;
    r.missing = r.dropped = 0; /* the introduction has told of these */
    say_prepared(out, &r, true);
}

void train_table_result(const terminal *out, const training *t)
{
    char text[SPREAD_SIZE];
    if (!by_folds(t)) {
        report_summary(out, t->measure, t->measured_name);
        return;
    }
    for (size_t i = 0; measure_at(t->measure, i).key != NULL; i++) {
        measure m = measure_at(t->measure, i);
        if (m.summary) {
            fprintf(out->file, "folds %-10s %s\n", m.text, compared_text(text, &m, t, 0));
        }
    }
}

void train_table_report(const terminal *out, const training *t)
{
    compare(out, t);
    say_report(out, t);
    warn(out, t);
    if (t->measure->classes + t->measure->labels == 0) {
        residual_source source = measured_rows(t);
        residuals_report(out, &source);
    }
    if (t->measure->classes > 0) {
        pooled all;
        pool(&all, t);
        report_confusion(out, all.measure, t->model);
        pooled_free(&all);
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
        if (t->valid_measure == NULL) { /* the rows that each network of the folds did not see */
            char key[64];
            snprintf(key, sizeof key, "valid_%s", m.key);
            json_put(object, key, fold_spread(&m, folds, 0).mean);
        }
    }
    json_object_set_new(object, "folds", list);
    json_object_set_new(object, "mean", mean);
    json_object_set_new(object, "std", deviation);
}

static json_t *targets_json(const bp_preparation *p)
{
    json_t *list = json_array();
    const char *name = NULL;
    for (size_t i = 0; (name = bp_preparation_target(p, i, NULL, NULL)) != NULL; i++) {
        json_array_append_new(list, json_string(name));
    }
    return list;
}

void train_table_json(json_t *object, const training *t)
{
    const bp_fit *f = t->tables.fit;
    char trivial[CLASS_NAME + 16];
    json_object_set_new(object, "target", targets_json(f->preparation));
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
    json_put_bool(object, "better_than_baseline", network_better(t, 2));
    if (t->tables.linear != NULL) {
        json_object_set_new(object, "linear", evaluation_object(t->tables.linear));
        json_put_bool(object, "better_than_linear", network_better(t, 1));
    }
    pooled all;
    pool(&all, t);
    classes_json(object, all.measure, t->model, f->preparation);
    pooled_free(&all);
    if (t->measure->classes + t->measure->labels == 0) {
        residual_source source = measured_rows(t);
        json_object_set_new(object, "worst_residuals", residuals_json(&source));
    }
    if (t->tables.folds != NULL) {
        folds_json(object, t);
    }
    search_json(object, t);
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
    bp_status status = search_notes(t);
    status = status == BP_OK ? note_measures(t, t->train_measure, "train_") : status;
    status = status == BP_OK ? note_measures(t, t->valid_measure, "valid_") : status;
    status = status == BP_OK ? note_measures(t, t->test_measure, "test_") : status;
    const bp_folds *folds = t->tables.folds;
    for (size_t i = 0; folds != NULL && status == BP_OK && measure_at(folds->fold[0].network, i).key != NULL; i++) {
        measure m = measure_at(folds->fold[0].network, i);
        status = note_real(t->model, "folds_", m.key, fold_spread(&m, folds, 0).mean);
    }
    return status;
}
