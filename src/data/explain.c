/* explain.c - permutation importance: what a model loses when a column of a table is shuffled.
 *
 * Shuffled is the column of the table, not its inputs: one column may become many inputs (levels, parts of a date, an
 * indicator of missing values), which belong together. The r-th shuffle is the same permutation of the rows for every
 * column, so that a column's importance does not depend on which other columns there are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/table.h"

bp_importance_options bp_importance_defaults(void)
{
    return (bp_importance_options){.repeats = 5, .seed = 1};
}

typedef struct importance {
    bp_importance public;
    bp_allocator allocator;
} importance;

/* The rows that are measured, as a table of their own: the columns' names and levels are those of the original. */
typedef struct shuffled {
    const bp_model *m;
    const bp_preparation *p;
    const bp_importance_options *o;
    bp_allocator allocator;
    bp_table table;
    char *cells;          /* one column as it is */
    uint32_t *order;      /* a permutation of the rows */
    bool *used;           /* whether the network sees the column */
    double *loss, *score; /* a number a shuffle */
} shuffled;

/* ---- the rows ---------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* row = the numbers of the rows that can be measured, those drawn by seed where not all are wanted. */
static bp_status choose_rows(uint32_t **row, size_t *count, const bp_table *t, const shuffled *s)
{
    size_t rows = t->rows, wanted = s->o->rows > 0 && s->o->rows < rows ? s->o->rows : rows;
    *row = NULL;
    if (rows > UINT32_MAX) {
        return bp_fail(BP_ERR_UNSUPPORTED, "%zu rows; at most 2^32 - 1 can be used", rows);
    }
    *row = bp_alloc(&s->allocator, rows, sizeof **row);
    if (*row == NULL) {
        return BP_ERR_MEMORY;
    }
    bp_rng random = bp_rng_new(s->o->seed, BP_RANDOM_SAMPLE, 0);
    bp_rng_permutation(&random, *row, rows);
    qsort(*row, wanted, sizeof **row, by_number);
    bp_dataset *set;
    bp_prepare_report report;
    bp_status status = bp_preparation_apply(&set, s->p, t, *row, wanted, true, *row, &report);
    if (status == BP_OK) {
        *count = set->train.rows;
        bp_dataset_free(set);
    }
    return status;
}

static bp_status take_rows(shuffled *s, const bp_table *t)
{
    uint32_t *row;
    size_t count = 0;
    bp_status status = choose_rows(&row, &count, t, s);
    if (status == BP_OK && count < 2) {
        status = bp_fail(BP_ERR_DATA, "%s has %zu rows with a target; to shuffle a column takes 2 or more", t->source,
                         count);
    }
    if (status == BP_OK) {
        s->table = *t;
        s->table.rows = count;
        s->table.records = bp_alloc(&s->allocator, count, t->record_bytes);
        s->order = bp_alloc(&s->allocator, count, sizeof *s->order);
        s->cells = bp_alloc(&s->allocator, count, sizeof(double));
        status = s->table.records != NULL && s->order != NULL && s->cells != NULL ? BP_OK : BP_ERR_MEMORY;
    }
    for (size_t i = 0; status == BP_OK && i < count; i++) {
        memcpy(s->table.records + i * t->record_bytes, t->records + row[i] * t->record_bytes, t->record_bytes);
    }
    bp_release(&s->allocator, row);
    return status;
}

/* used = the columns of t that become inputs. */
static bp_status find_columns(shuffled *s, const bp_table *t)
{
    bp_feature_info f;
    for (size_t i = 0; bp_preparation_feature(s->p, i, &f); i++) {
        size_t c = bp_preparation_find(s->p, t, f.column, true);
        if (c == t->column_count) {
            return bp_last_status();
        }
        s->used[c] = true;
    }
    return BP_OK;
}

static void free_shuffled(shuffled *s)
{
    bp_release(&s->allocator, s->table.records);
    bp_release(&s->allocator, s->cells);
    bp_release(&s->allocator, s->order);
    bp_release(&s->allocator, s->used);
    bp_release(&s->allocator, s->loss);
    bp_release(&s->allocator, s->score);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static bool has_accuracy(const shuffled *s)
{
    return bp_preparation_task(s->p) != BP_TABLE_REGRESS;
}

static bp_status measure(double *loss, double *score, const shuffled *s)
{
    bp_dataset *set;
    bp_evaluation *e;
    bp_status status = bp_preparation_apply(&set, s->p, &s->table, NULL, s->table.rows, true, NULL, NULL);
    if (status != BP_OK) {
        return status;
    }
    bp_data rows = bp_prepared_without_class_weights(&set->train); /* as eval measures */
    status = bp_evaluate(&e, s->m, &rows, s->o->threads);
    if (status == BP_OK) {
        *loss = e->loss;
        *score = has_accuracy(s) ? e->accuracy : e->r2;
        bp_evaluation_free(e);
    }
    bp_dataset_free(set);
    return status;
}

/* Puts cell order[i] (order NULL: i) of the column as it was into row i. */
static void put_cells(shuffled *s, const bp_column *c, const uint32_t *order)
{
    size_t bytes = bp_type_size(c->type);
    for (size_t i = 0; i < s->table.rows; i++) {
        size_t from = order != NULL ? order[i] : i;
        memcpy(s->table.records + i * s->table.record_bytes + c->offset, s->cells + from * bytes, bytes);
    }
}

static void keep_cells(shuffled *s, const bp_column *c)
{
    size_t bytes = bp_type_size(c->type);
    for (size_t i = 0; i < s->table.rows; i++) {
        memcpy(s->cells + i * bytes, bp_table_cell(&s->table, i, c), bytes);
    }
}

/* Mean and standard deviation (n - 1; 0 for a single value). */
static void summarize(double *mean, double *deviation, const double *value, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += value[i];
    }
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        squares += (value[i] - *mean) * (value[i] - *mean);
    }
    *deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
}

static bp_status explain_column(bp_importance_row *out, shuffled *s, const bp_column *c, const bp_importance *base)
{
    bp_status status = BP_OK;
    keep_cells(s, c);
    for (size_t r = 0; status == BP_OK && r < s->o->repeats; r++) {
        bp_rng random = bp_rng_new(s->o->seed, BP_RANDOM_PERMUTE, (uint32_t)r);
        bp_rng_permutation(&random, s->order, s->table.rows);
        put_cells(s, c, s->order);
        status = measure(&s->loss[r], &s->score[r], s);
        s->loss[r] -= base->loss;
        s->score[r] = base->score - s->score[r];
    }
    put_cells(s, c, NULL);
    summarize(&out->loss, &out->loss_deviation, s->loss, s->o->repeats);
    summarize(&out->score, &out->score_deviation, s->score, s->o->repeats);
    return status;
}

/* ---- all columns ------------------------------------------------------------------------------------------------- */

/* The most important first; of equals, in the order of the columns. */
static void sort_rows(bp_importance_row *row, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        bp_importance_row moved = row[i];
        size_t at = i;
        for (; at > 0 && row[at - 1].loss < moved.loss; at--) {
            row[at] = row[at - 1];
        }
        row[at] = moved;
    }
}

/* Room for the columns that the inputs are made of. */
static bp_status make_result(importance **out, const shuffled *s, const bp_table *t)
{
    importance *v = bp_alloc(&s->allocator, 1, sizeof *v);
    *out = v;
    if (v == NULL) {
        return BP_ERR_MEMORY;
    }
    v->allocator = s->allocator;
    v->public.rows = s->table.rows;
    v->public.repeats = s->o->repeats;
    v->public.score_name = has_accuracy(s) ? "accuracy" : "r2";
    v->public.row = bp_alloc(&s->allocator, t->column_count, sizeof *v->public.row);
    return v->public.row != NULL ? BP_OK : BP_ERR_MEMORY;
}

static bp_status explain_all(importance *v, shuffled *s, const bp_table *t)
{
    bp_importance *out = &v->public;
    bp_status status = measure(&out->loss, &out->score, s);
    size_t total = 0;
    for (size_t c = 0; c < t->column_count; c++) {
        total += s->used[c];
    }
    for (size_t c = 0; status == BP_OK && c < t->column_count; c++) {
        if (!s->used[c]) {
            continue;
        }
        bp_importance_row *row = &out->row[out->count];
        status = explain_column(row, s, &t->column[c], out);
        row->column = status == BP_OK ? bp_strdup(&v->allocator, t->column[c].name) : NULL;
        status = status == BP_OK && row->column == NULL ? BP_ERR_MEMORY : status;
        out->count += status == BP_OK;
        if (status == BP_OK && s->o->on_column != NULL && !s->o->on_column(s->o->ctx, out->count, total)) {
            status = bp_fail(BP_ERR_STOPPED, "stopped after %zu of %zu columns", out->count, total);
        }
    }
    sort_rows(out->row, out->count);
    return status;
}

static bp_status check_options(const bp_importance_options *o)
{
    if (o->repeats == 0 || o->repeats > UINT32_MAX) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu shuffles of each column; expected 1 to 2^32 - 1", o->repeats);
    }
    return BP_OK;
}

static bp_status prepare_shuffles(shuffled *s, const bp_table *t)
{
    s->loss = bp_alloc(&s->allocator, s->o->repeats, sizeof *s->loss);
    s->score = bp_alloc(&s->allocator, s->o->repeats, sizeof *s->score);
    s->used = bp_alloc(&s->allocator, t->column_count, sizeof *s->used);
    if (s->loss == NULL || s->score == NULL || s->used == NULL) {
        return BP_ERR_MEMORY;
    }
    bp_status status = take_rows(s, t);
    return status == BP_OK ? find_columns(s, t) : status;
}

bp_status bp_importance_measure(bp_importance **out, const bp_model *m, const bp_table *t,
                                const bp_importance_options *options)
{
    bp_importance_options o = options != NULL ? *options : bp_importance_defaults();
    shuffled s = {.m = m, .o = &o, .allocator = bp_allocator_or_default(o.allocator)};
    bp_preparation *p = NULL;
    importance *v = NULL;
    *out = NULL;
    bp_status status = check_options(&o);
    status = status == BP_OK ? bp_model_preparation(&p, m) : status;
    s.p = p;
    status = status == BP_OK ? prepare_shuffles(&s, t) : status;
    status = status == BP_OK ? make_result(&v, &s, t) : status;
    status = status == BP_OK ? explain_all(v, &s, t) : status;
    if (status == BP_OK) {
        *out = &v->public;
    } else if (v != NULL) {
        bp_importance_free(&v->public);
    }
    free_shuffled(&s);
    bp_preparation_free(p);
    return status;
}

void bp_importance_free(bp_importance *r)
{
    if (r == NULL) {
        return;
    }
    importance *v = (importance *)r;
    bp_allocator a = v->allocator;
    for (size_t i = 0; r->row != NULL && i < r->count; i++) {
        bp_release(&a, (void *)r->row[i].column);
    }
    bp_release(&a, r->row);
    bp_release(&a, v);
}
