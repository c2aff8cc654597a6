/* prepare_apply.c - rows of a table as inputs and targets of a network: columns found again, values scaled, codes looked
 * up, and the function that makes the inputs of one row when they are needed. */
#include "data/prepare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

/* ---- Finding the columns ----------------------------------------------------------------------------------------- */

/* A feature and the column of the table at hand that it comes from. */
typedef struct binding {
    const bp_feature *feature;
    size_t column;
    bp_cells cells;
    const uint32_t *code; /* of each level of the cells: boolean 0, 1, 2: unknown; category: its input, or NO_INPUT */
    const bool *unknown;  /* of each level: the training rows did not have it */
    float filled[2 * BP_DATE_PARTS + 1]; /* what is written for a missing value, and the indicator */
} binding;

#define NO_INPUT UINT32_MAX

/* What the inputs of a row are made from: the context of fill_row. */
typedef struct frame {
    size_t inputs, numbers, categories, record_bytes;
    const char *records;
    const float *row_weight; /* without the weights of classes; NULL: all the same */
} frame;

typedef struct apply {
    const bp_preparation *p;
    const bp_table *t;
    bp_pool pool; /* work space */
    bp_sample rows;
    binding *feature;
    size_t *column, *target; /* of features; of targets */
    size_t weight;
    bp_dataset *d;
    frame *frame;
    bp_prepare_report report;
} apply;

static bp_status find_columns(apply *a, bool with_target)
{
    const bp_preparation *p = a->p;
    a->feature = bp_pool_alloc(&a->pool, p->features, sizeof *a->feature);
    a->column = bp_pool_alloc(&a->pool, p->features, sizeof *a->column);
    a->target = bp_pool_alloc(&a->pool, p->targets, sizeof *a->target);
    if (!a->feature || !a->column || !a->target) {
        return BP_ERR_MEMORY;
    }
    bp_status status = bp_preparation_check_columns(p, a->t, with_target);
    for (size_t i = 0; i < p->features && status == BP_OK; i++) {
        a->column[i] = bp_source_column(p, a->t, &p->feature[i].source, with_target);
        a->feature[i] = (binding){.feature = &p->feature[i], .column = a->column[i]};
    }
    for (size_t i = 0; i < p->targets && with_target && status == BP_OK; i++) {
        a->target[i] = bp_source_column(p, a->t, &p->target[i].source, true);
    }
    a->weight = p->weight && with_target ? bp_source_column(p, a->t, p->weight, true) : SIZE_MAX;
    return status;
}

/* ---- Levels ------------------------------------------------------------------------------------------------------ */

/* The input of a category's level; *unknown: it is new. */
static uint32_t category_input(const bp_feature *f, const char *level, bool *unknown)
{
    size_t at = bp_texts_find(&f->level, level);
    if (at < f->level.count) {
        return (uint32_t)(f->first + at);
    }
    /* Where the pooled levels are too many to be listed, nobody can tell a new one from them. */
    bool listed = !f->other || f->pooled.count > 0;
    *unknown = listed && bp_texts_find(&f->pooled, level) == f->pooled.count;
    return f->other ? (uint32_t)(f->first + f->level.count) : NO_INPUT;
}

static uint32_t boolean_value(const bp_feature *f, const char *level, bool *unknown)
{
    size_t at = bp_texts_find(&f->level, level);
    *unknown = at == f->level.count;
    return (uint32_t)at;
}

static bp_status bind_levels(binding *b, apply *a)
{
    bp_status status = bp_cells_texts(&b->cells, &a->pool, &a->rows, b->column, &b->feature->source);
    if (status != BP_OK) {
        return status;
    }
    size_t count = b->cells.level.count;
    uint32_t *code = bp_pool_alloc(&a->pool, count, sizeof *code);
    bool *unknown = bp_pool_alloc(&a->pool, count, sizeof *unknown);
    b->code = code;
    b->unknown = unknown;
    for (size_t i = 0; code && unknown && i < count; i++) {
        const char *level = b->cells.level.text[i];
        code[i] = b->feature->kind == BP_FEATURE_CATEGORY ? category_input(b->feature, level, &unknown[i])
                                                          : boolean_value(b->feature, level, &unknown[i]);
    }
    return code && unknown ? BP_OK : BP_ERR_MEMORY;
}

static bp_status bind_feature(binding *b, apply *a)
{
    const bp_feature *f = b->feature;
    if (f->kind == BP_FEATURE_CATEGORY || f->level.count > 0) {
        b->filled[1] = 1; /* a boolean of texts; its 0 is the mean */
        return bind_levels(b, a);
    }
    if (f->kind == BP_FEATURE_DATE) {
        bp_date_write(f, b->filled, f->filled);
    } else {
        b->filled[0] = (float)bp_scale_apply(&f->scale, f->filled);
    }
    b->filled[f->inputs - 1] = f->indicator ? 1 : b->filled[f->inputs - 1];
    return bp_cells_numbers(&b->cells, &a->pool, &a->rows, b->column, &b->feature->source);
}

/* ---- Records ----------------------------------------------------------------------------------------------------- */

static void fill_row(const void *x, size_t row, void *out, bp_type type)
{
    const frame *f = x;
    const char *record = f->records + row * f->record_bytes;
    const float *number = (const void *)record;
    const uint32_t *input = (const void *)(record + f->numbers * sizeof *number);
    if (type == BP_F32) {
        float *to = out;
        memcpy(to, number, f->numbers * sizeof *to);
        memset(to + f->numbers, 0, (f->inputs - f->numbers) * sizeof *to);
        for (size_t i = 0; i < f->categories; i++) {
            if (input[i] != NO_INPUT) {
                to[input[i]] = 1;
            }
        }
        return;
    }
    double *to = out;
    for (size_t i = 0; i < f->numbers; i++) {
        to[i] = (double)number[i];
    }
    memset(to + f->numbers, 0, (f->inputs - f->numbers) * sizeof *to);
    for (size_t i = 0; i < f->categories; i++) {
        if (input[i] != NO_INPUT) {
            to[input[i]] = 1;
        }
    }
}

/* Where records are the inputs. */
static void fill_plain(const void *x, size_t row, void *out, bp_type type)
{
    const frame *f = x;
    const double *number = (const void *)(f->records + row * f->record_bytes);
    if (type == BP_F64) {
        memcpy(out, number, f->numbers * sizeof *number);
        return;
    }
    float *to = out;
    for (size_t i = 0; i < f->numbers; i++) {
        to[i] = (float)number[i];
    }
}

static void note_unknown(apply *a, const binding *b, size_t row, uint32_t level)
{
    if (a->report.unknown++ == 0) {
        char shown[64], column[64];
        const char *text = b->cells.level.text[level], *name = b->feature->source.name;
        snprintf(a->report.first_unknown, sizeof a->report.first_unknown, "column \"%s\": \"%s\" in row %zu",
                 bp_text_shown(column, sizeof column, name, strlen(name)),
                 bp_text_shown(shown, sizeof shown, text, strlen(text)), a->t->rows_before + row + 1);
    }
}

static void write_category(apply *a, const binding *b, size_t row, char *cell)
{
    const bp_feature *f = b->feature;
    uint32_t level = bp_cells_level(&b->cells, row), input;
    if (level == BP_NO_LEVEL) {
        a->report.missing++;
        size_t at = f->level.count + f->other;
        input = f->missing || f->other ? (uint32_t)(f->first + (f->missing ? at : f->level.count)) : NO_INPUT;
    } else {
        input = b->code[level];
        if (b->unknown[level]) {
            note_unknown(a, b, row, level);
        }
    }
    memcpy(cell, &input, sizeof input);
}

/* A boolean of texts: 0 or 1, scaled; the mean where it is neither. */
static void write_boolean(apply *a, const binding *b, size_t row, float *out)
{
    uint32_t level = bp_cells_level(&b->cells, row);
    const bp_feature *f = b->feature;
    if (level == BP_NO_LEVEL) {
        a->report.missing++;
        memcpy(out, b->filled, f->inputs * sizeof *out);
        return;
    }
    out[f->inputs - 1] = 0;
    out[0] = 0;
    if (b->unknown[level]) {
        note_unknown(a, b, row, level);
    } else {
        out[0] = (float)bp_scale_apply(&f->scale, (double)b->code[level]);
    }
}

static void write_number(apply *a, const binding *b, size_t row, float *out)
{
    const bp_feature *f = b->feature;
    double x = bp_cells_number(&b->cells, row);
    if (isnan(x)) {
        a->report.missing++;
        memcpy(out, b->filled, f->inputs * sizeof *out);
        return;
    }
    out[f->inputs - 1] = 0;
    if (f->kind == BP_FEATURE_DATE) {
        bp_date_write(f, out, x);
    } else {
        out[0] = (float)bp_scale_apply(&f->scale, x);
    }
}

static void write_feature(apply *a, const binding *b, size_t row, char *record)
{
    char *cell = record + b->feature->cell * 4;
    if (a->p->plain) {
        ((double *)(void *)record)[b->feature->cell] = bp_cells_number(&b->cells, row);
    } else if (b->feature->kind == BP_FEATURE_CATEGORY) {
        write_category(a, b, row, cell);
    } else if (b->feature->level.count > 0) {
        write_boolean(a, b, row, (float *)(void *)cell);
    } else {
        write_number(a, b, row, (float *)(void *)cell);
    }
}

/* Column by column within blocks of rows that stay in the cache. */
static bp_status write_records(apply *a)
{
    enum { BLOCK = 512 };
    const bp_preparation *p = a->p;
    size_t bytes = (p->numbers + p->categories) * (p->plain ? sizeof(double) : sizeof(float));
    char *records = bp_dataset_records(a->d, a->rows.count, bytes, a->t->mapping ? a->t->source : NULL);
    a->frame = bp_dataset_alloc(a->d, 1, sizeof *a->frame);
    if (!records || !a->frame) {
        return bp_last_status();
    }
    for (size_t from = 0; from < a->rows.count; from += BLOCK) {
        size_t to = from + BLOCK < a->rows.count ? from + BLOCK : a->rows.count;
        for (size_t c = 0; c < p->features; c++) {
            for (size_t i = from; i < to; i++) {
                write_feature(a, &a->feature[c], bp_sample_row(&a->rows, i), records + i * bytes);
            }
        }
    }
    *a->frame = (frame){p->inputs, p->numbers, p->categories, bytes, records, NULL};
    bp_data *d = &a->d->train;
    *d = (bp_data){.rows = a->rows.count,
                   .inputs = p->inputs,
                   .x = a->frame,
                   .x_type = p->plain ? BP_F64 : BP_F32,
                   .fill = p->plain ? fill_plain : fill_row};
    return BP_OK;
}

/* ---- Targets ----------------------------------------------------------------------------------------------------- */

static bp_status fail_class(const apply *a, const bp_target *t, const char *text, size_t row)
{
    char shown[64], list[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < t->level.count && used + 8 < sizeof list; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", t->level.text[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return bp_fail(BP_ERR_DATA,
                   "target \"%s\" of %s is \"%s\" in row %zu, which is none of those it was fitted to (%s)",
                   t->source.name, a->t->source, bp_text_shown(shown, sizeof shown, text, strlen(text)),
                   a->t->rows_before + row + 1, list);
}

/* number[i] = the class of row i in target `index`; of yes/no targets 0 or 1. */
static bp_status write_levels(apply *a, size_t index, int32_t *number)
{
    const bp_target *t = &a->p->target[index];
    bp_cells c;
    uint32_t *match;
    bool *alike;
    bp_status status = bp_cells_texts(&c, &a->pool, &a->rows, a->target[index], &a->p->target[index].source);
    status = status == BP_OK ? bp_target_match(&match, &alike, &a->pool, &t->level, &c.level) : status;
    for (size_t i = 0; i < a->rows.count && status == BP_OK; i++) {
        size_t row = bp_sample_row(&a->rows, i);
        uint32_t level = bp_cells_level(&c, row);
        if (match[level] >= t->level.count) {
            return fail_class(a, t, c.level.text[level], row);
        }
        a->report.alike += alike[level];
        number[i] = (int32_t)match[level];
    }
    return status;
}

static bp_status write_labels(apply *a, size_t index, double *y)
{
    int32_t *number = bp_pool_alloc(&a->pool, a->rows.count, sizeof *number);
    bp_status status = number ? write_levels(a, index, number) : BP_ERR_MEMORY;
    for (size_t i = 0; i < a->rows.count && status == BP_OK; i++) {
        y[i * a->p->targets + index] = number[i];
    }
    return status;
}

static bp_status write_numbers(apply *a, size_t index, double *y)
{
    bp_cells c;
    size_t targets = a->p->targets;
    bp_status status = bp_cells_numbers(&c, &a->pool, &a->rows, a->target[index], &a->p->target[index].source);
    for (size_t i = 0; i < a->rows.count && status == BP_OK; i++) {
        y[i * targets + index] = bp_cells_number(&c, bp_sample_row(&a->rows, i));
    }
    return status;
}

static bp_status write_targets(apply *a)
{
    const bp_preparation *p = a->p;
    bp_data *d = &a->d->train;
    bp_status status = BP_OK;
    if (p->task == BP_TABLE_CLASSIFY) {
        d->classes = p->target[0].level.count;
        int32_t *label = bp_dataset_alloc(a->d, d->rows, sizeof *label);
        d->label = label;
        d->class_names = bp_dataset_names(a->d, p->target[0].level.text, d->classes);
        return label && d->class_names ? write_levels(a, 0, label) : BP_ERR_MEMORY;
    }
    size_t cells;
    d->targets = p->targets;
    double *y = bp_mul_size(&cells, d->rows, p->targets) ? bp_dataset_alloc(a->d, cells, sizeof *y) : NULL;
    d->y = y;
    for (size_t i = 0; y && i < p->targets && status == BP_OK; i++) {
        status = p->task == BP_TABLE_REGRESS ? write_numbers(a, i, y) : write_labels(a, i, y);
    }
    return y ? status : BP_ERR_MEMORY;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

/* The weights of the rows, and those times the weights of their classes. */
static bp_status write_weights(apply *a)
{
    bp_data *d = &a->d->train;
    const double *class_weight = a->p->class_weight;
    float *own = a->rows.weight ? bp_dataset_alloc(a->d, d->rows, sizeof *own) : NULL;
    float *all = class_weight ? bp_dataset_alloc(a->d, d->rows, sizeof *all) : own;
    if ((a->rows.weight && !own) || (class_weight && !all)) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < d->rows; i++) {
        double weight = bp_sample_weight(&a->rows, i);
        if (own) {
            own[i] = (float)weight;
        }
        if (class_weight) {
            all[i] = (float)(weight * class_weight[d->label[i]]);
        }
    }
    a->frame->row_weight = own;
    d->weight = all;
    return BP_OK;
}

bp_data bp_prepared_without_class_weights(const bp_data *data)
{
    bp_data d = *data;
    if (d.fill == fill_row || d.fill == fill_plain) {
        d.weight = ((const frame *)d.x)->row_weight;
    }
    return d;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static bp_status select_rows(apply *a, const uint32_t *row, size_t count, bool with_target)
{
    const bp_preparation *p = a->p;
    bp_roles roles = {a->column, a->target, p->features, p->targets, a->weight, p->missing, p->plain};
    if (!with_target) { /* none is left out */
        roles.targets = 0;
        roles.missing = p->missing == BP_MISSING_DROP ? BP_MISSING_IMPUTE : p->missing;
    }
    bp_status status = bp_rows_select(&a->rows, &a->pool, a->t, row, count, &roles);
    a->report.rows = a->rows.count;
    a->report.dropped = count - a->rows.count;
    return status;
}

static bp_status run_apply(apply *a, const uint32_t *row, size_t count, bool with_target)
{
    bp_status status = find_columns(a, with_target);
    status = status == BP_OK ? select_rows(a, row, count, with_target) : status;
    for (size_t i = 0; i < a->p->features && status == BP_OK; i++) {
        status = bind_feature(&a->feature[i], a);
    }
    status = status == BP_OK ? write_records(a) : status;
    if (with_target && status == BP_OK) {
        status = write_targets(a);
        status = status == BP_OK ? write_weights(a) : status;
    }
    return status;
}

bp_status bp_preparation_apply(bp_dataset **out, const bp_preparation *p, const bp_table *t, const uint32_t *row,
                               size_t count, bool with_target, uint32_t *kept, bp_prepare_report *report)
{
    *out = NULL;
    count = row ? count : t->rows;
    for (size_t i = 0; row && i < count; i++) {
        if (row[i] >= t->rows) {
            return bp_fail(BP_ERR_ARGUMENT, "preparing rows of %s: row %zu of %zu", t->source, (size_t)row[i], t->rows);
        }
    }
    apply a = {.p = p, .t = t, .pool = {p->pool.allocator, NULL}};
    bp_status status = bp_dataset_new(&a.d, "table", &p->pool.allocator);
    if (status != BP_OK) {
        return status;
    }
    snprintf(a.d->source, sizeof a.d->source, "%s", t->source);
    status = run_apply(&a, row, count, with_target);
    if (status == BP_OK && kept) {
        memcpy(kept, a.rows.row, a.rows.count * sizeof *kept);
    }
    bp_pool_free(&a.pool);
    if (status != BP_OK) {
        bp_dataset_free(a.d);
        return status;
    }
    if (report) {
        *report = a.report;
    }
    *out = a.d;
    return BP_OK;
}
