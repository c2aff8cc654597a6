/* folds.c - dividing the rows of a table: folds, and parts held back. Value by value of the target, and by the seed alone.
 * Only numbers of rows are made here, no data is copied. */
#include <math.h>
#include <string.h>

#include "data/fit.h"
#include "data/prepare.h"

/* ---- shuffled, label by label ------------------------------------------------------------------------------------ */

/* Rows in order of their label, those of each label shuffled. */
typedef struct deck {
    uint32_t *order;
    size_t *begin; /* labels + 1: where each label begins in order */
    size_t labels;
    uint32_t *pick; /* work space */
} deck;

static void deck_free(deck *d, const bp_allocator *a)
{
    bp_release(a, d->order);
    bp_release(a, d->begin);
    bp_release(a, d->pick);
}

static bp_status count_labels(size_t *labels, const int32_t *label, size_t rows)
{
    *labels = 1;
    for (size_t i = 0; label != NULL && i < rows; i++) {
        if (label[i] < 0) {
            return bp_fail(BP_ERR_ARGUMENT, "dividing rows: the label of row %zu is %d, expected 0 or more", i,
                           (int)label[i]);
        }
        *labels = (size_t)label[i] + 1 > *labels ? (size_t)label[i] + 1 : *labels;
    }
    return BP_OK;
}

/* Rows in order of their label: a counting sort, shifted by one as begin[c + 1] runs from the begin of c to its end. */
static void sort_rows(deck *d, const int32_t *label, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        d->begin[(label != NULL ? (size_t)label[i] : 0) + 2]++;
    }
    for (size_t c = 2; c <= d->labels + 1; c++) {
        d->begin[c] += d->begin[c - 1];
    }
    for (size_t i = 0; i < rows; i++) {
        d->order[d->begin[(label != NULL ? (size_t)label[i] : 0) + 1]++] = (uint32_t)i;
    }
}

/* Shuffles the rows of label c; pick becomes the permutation, then the rows themselves. */
static void shuffle_label(deck *d, size_t c, uint64_t seed, bp_division use)
{
    uint32_t *rows = d->order + d->begin[c];
    size_t count = d->begin[c + 1] - d->begin[c];
    bp_rng rng = bp_rng_new(seed, BP_RANDOM_SPLIT, (uint32_t)use << 28 | (uint32_t)(c & 0xFFFFFFFu));
    bp_rng_permutation(&rng, d->pick, count);
    for (size_t i = 0; i < count; i++) {
        d->pick[i] = rows[d->pick[i]];
    }
    memcpy(rows, d->pick, count * sizeof *rows);
}

static bp_status deck_new(deck *d, size_t rows, const int32_t *label, uint64_t seed, bp_division use,
                          const bp_allocator *a)
{
    *d = (deck){0};
    bp_status status = count_labels(&d->labels, label, rows);
    if (status != BP_OK) {
        return status;
    }
    d->order = bp_alloc(a, rows, sizeof *d->order);
    d->begin = bp_alloc(a, d->labels + 2, sizeof *d->begin);
    d->pick = bp_alloc(a, rows, sizeof *d->pick);
    if (!d->order || !d->begin || !d->pick) {
        deck_free(d, a);
        return BP_ERR_MEMORY;
    }
    sort_rows(d, label, rows);
    for (size_t c = 0; c < d->labels; c++) {
        shuffle_label(d, c, seed, use);
    }
    return BP_OK;
}

bp_status bp_check_folds(size_t k, size_t rows)
{
    if (k < 2 || k > rows || rows > UINT32_MAX) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu folds of %zu rows; expected at least 2, and not more than there are rows",
                       k, rows);
    }
    return BP_OK;
}

bp_status bp_fold_rows(uint32_t *fold, size_t rows, size_t k, const int32_t *label, uint64_t seed)
{
    bp_allocator a = bp_allocator_or_default(NULL);
    deck d;
    bp_status status = bp_check_folds(k, rows);
    status = status == BP_OK ? deck_new(&d, rows, label, seed, BP_DIVIDE_FOLDS, &a) : status;
    if (status != BP_OK) {
        return status;
    }
    for (size_t i = 0; i < rows; i++) { /* dealt like cards, on from one label to the next */
        fold[d.order[i]] = (uint32_t)(i % k);
    }
    deck_free(&d, &a);
    return BP_OK;
}

/* Marks `share` of the rows, or as many as there are but for the first of each label. */
static void mark_rows(unsigned char *mark, const deck *d, size_t rows, double share)
{
    size_t used = 0, seen = 0;
    for (size_t c = 0; c < d->labels; c++) {
        used += d->begin[c + 1] > d->begin[c];
    }
    size_t eligible = rows - used;
    double wanted = floor(share * (double)rows + 0.5);
    size_t total = wanted < (double)eligible ? (size_t)wanted : eligible;
    for (size_t c = 0; c < d->labels; c++) {
        for (size_t i = d->begin[c] + 1; i < d->begin[c + 1]; i++, seen++) { /* evenly, `total` of them */
            uint64_t before = (uint64_t)seen * total / eligible, after = (uint64_t)(seen + 1) * total / eligible;
            mark[d->order[i]] = after > before;
        }
    }
}

/* ---- the rows of a table ----------------------------------------------------------------------------------------- */

static bool is_listed(const bp_table *t, const bp_columns *list, size_t column)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bp_table_find(t, list->name[i]) == column) {
            return true;
        }
    }
    return false;
}

/* The target that nobody named: the last column that is not used otherwise. */
static size_t last_column(const bp_table *t, const bp_prepare_options *o)
{
    bp_columns weight = {&o->weight, o->weight != NULL ? 1 : 0};
    size_t column = bp_table_columns(t);
    bool used = true;
    while (used && column > 0) {
        column--;
        used = is_listed(t, &o->drop, column) || is_listed(t, &o->id, column) || is_listed(t, &weight, column);
    }
    return column;
}

static bp_status find_column(size_t *out, const bp_table *t, const char *name)
{
    *out = bp_table_find(t, name);
    return *out < bp_table_columns(t) ? BP_OK : bp_last_status();
}

/* Target `index`, of those that were named, or else of one. */
static bp_status find_target(size_t *out, const bp_table *t, const bp_prepare_options *o, size_t index)
{
    if (o->target.count > 0) {
        return find_column(out, t, o->target.name[index]);
    }
    *out = last_column(t, o);
    return BP_OK;
}

static bool is_missing(const bp_table *t, size_t row, size_t column)
{
    const bp_column *c = &t->column[column];
    return c->kind == BP_COLUMN_TEXT ? bp_table_text(t, row, column) == NULL : isnan(bp_table_number(t, row, column));
}

/* Leaves out the rows whose cell in `column` is missing, or zero where zero is true. */
static size_t keep_rows(uint32_t *row, size_t count, const bp_table *t, size_t column, bool zero)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool out = zero ? t->column[column].kind == BP_COLUMN_NUMBER && bp_table_number(t, row[i], column) == 0
                        : is_missing(t, row[i], column);
        row[kept] = row[i];
        kept += out ? 0 : 1;
    }
    return kept;
}

static bp_status drop_unusable(bp_split *s, const bp_table *t, const bp_prepare_options *columns)
{
    size_t targets = columns->target.count, column = 0;
    for (size_t i = 0; i < (targets > 0 ? targets : 1); i++) {
        bp_status status = find_target(&column, t, columns, i);
        if (status != BP_OK) {
            return status;
        }
        s->rest_rows = keep_rows(s->rest, s->rest_rows, t, column, false);
    }
    if (columns->weight == NULL) {
        return BP_OK;
    }
    bp_status status = find_column(&column, t, columns->weight);
    if (status == BP_OK) {
        s->rest_rows = keep_rows(s->rest, s->rest_rows, t, column, true);
    }
    return status;
}

bp_status bp_rows_usable(bp_split *out, const bp_table *t, const uint32_t *row, size_t count,
                         const bp_prepare_options *columns)
{
    size_t rows = row != NULL ? count : bp_table_rows(t);
    *out = (bp_split){.allocator = bp_allocator_or_default(columns->allocator)};
    if (rows > UINT32_MAX) {
        return bp_fail(BP_ERR_DATA, "%s: %zu rows, expected at most 4294967295", bp_table_source(t), rows);
    }
    out->part = bp_alloc(&out->allocator, rows, sizeof *out->part);
    out->rest = bp_alloc(&out->allocator, rows, sizeof *out->rest);
    out->rest_rows = rows;
    bp_status status = out->part && out->rest ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < rows && status == BP_OK; i++) {
        out->rest[i] = row != NULL ? row[i] : (uint32_t)i;
    }
    status = status == BP_OK ? drop_unusable(out, t, columns) : status;
    if (status != BP_OK) {
        bp_split_free(out);
    }
    return status;
}

void bp_split_free(bp_split *s)
{
    if (s->part != NULL || s->rest != NULL) {
        bp_release(&s->allocator, s->part);
        bp_release(&s->allocator, s->rest);
    }
    *s = (bp_split){0};
}

enum { FEW_VALUES = 64, ROWS_OF_A_VALUE = 5 };

/* The distinct numbers of a column in these rows, ascending; FEW_VALUES + 1 if there are more. */
static size_t distinct_numbers(double *value, const bp_table *t, const uint32_t *row, size_t count, size_t column)
{
    size_t n = 0;
    for (size_t i = 0; i < count && n <= FEW_VALUES; i++) {
        double x = bp_table_number(t, row[i], column);
        size_t at = 0;
        while (at < n && value[at] < x) {
            at++;
        }
        if (at < n && value[at] == x) {
            continue;
        }
        memmove(value + at + 1, value + at, (n - at) * sizeof *value);
        value[at] = x;
        n++;
    }
    return n;
}

/* label[i] = the code of the text in row[i], or the place of its number among those of all rows, however many they are. */
static bp_status label_by_level(int32_t *label, const bp_table *t, const uint32_t *row, size_t count, size_t column,
                                const bp_allocator *a)
{
    bp_pool pool = {*a, NULL};
    bp_sample rows = {t, row, NULL, count};
    bp_cells cells;
    bp_status status = bp_cells_texts(&cells, &pool, &rows, column, NULL);
    for (size_t i = 0; i < count && status == BP_OK; i++) {
        label[i] = (int32_t)(bp_cells_level(&cells, row[i]) & INT32_MAX);
    }
    bp_pool_free(&pool);
    return status;
}

bp_status bp_rows_label(int32_t *label, const bp_table *t, const uint32_t *row, size_t count,
                        const bp_prepare_options *columns)
{
    double value[FEW_VALUES + 2];
    size_t column = 0;
    bp_status status = find_target(&column, t, columns, 0);
    if (status != BP_OK) {
        return status;
    }
    bp_allocator a = bp_allocator_or_default(columns->allocator);
    const bp_column *c = &t->column[column];
    bool classes = columns->task == BP_TABLE_CLASSIFY;
    if (c->kind == BP_COLUMN_TEXT || (classes && c->kind == BP_COLUMN_NUMBER)) {
        return label_by_level(label, t, row, count, column, &a);
    }
    size_t values = distinct_numbers(value, t, row, count, column);
    /* Numbers of which hardly two are alike do not tell rows apart: a part would get what little there is twice. */
    bool told = values <= FEW_VALUES && values * ROWS_OF_A_VALUE <= count;
    for (size_t i = 0; i < count; i++) {
        double x = bp_table_number(t, row[i], column);
        label[i] = 0;
        while (told && (size_t)label[i] < values && value[label[i]] < x) {
            label[i]++;
        }
    }
    return BP_OK;
}

/* ---- two parts --------------------------------------------------------------------------------------------------- */

static void move_marked(bp_split *s, const unsigned char *mark)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->rest_rows; i++) {
        if (mark[i]) {
            s->part[s->part_rows++] = s->rest[i];
        } else {
            s->rest[kept++] = s->rest[i];
        }
    }
    s->rest_rows = kept;
}

bp_status bp_rows_divide(bp_split *s, const bp_table *t, double share, const bp_prepare_options *columns, uint64_t seed,
                         bp_division use)
{
    const bp_allocator *a = &s->allocator;
    int32_t *label = bp_alloc(a, s->rest_rows, sizeof *label);
    unsigned char *mark = bp_alloc(a, s->rest_rows, 1);
    deck d = {0};
    bp_status status = label && mark ? bp_rows_label(label, t, s->rest, s->rest_rows, columns) : BP_ERR_MEMORY;
    status = status == BP_OK ? deck_new(&d, s->rest_rows, label, seed, use, a) : status;
    if (status == BP_OK) {
        mark_rows(mark, &d, s->rest_rows, share);
        move_marked(s, mark);
        deck_free(&d, a);
    }
    bp_release(a, label);
    bp_release(a, mark);
    return status;
}

bp_status bp_table_split(bp_split *out, const bp_table *t, double share, const bp_prepare_options *columns,
                         uint64_t seed)
{
    *out = (bp_split){0};
    if (!(share > 0 && share < 1)) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "dividing %s: the share is %g, expected a number between 0 and 1, both excluded",
                       bp_table_source(t), share);
    }
    bp_status status = bp_rows_usable(out, t, NULL, 0, columns);
    status = status == BP_OK ? bp_rows_divide(out, t, share, columns, seed, BP_DIVIDE_TEST) : status;
    if (status == BP_OK && (out->part_rows == 0 || out->rest_rows == 0)) {
        status = bp_fail(BP_ERR_DATA, "dividing %s: %zu rows are too few to take %g of them apart", bp_table_source(t),
                         out->part_rows + out->rest_rows, share);
    }
    if (status != BP_OK) {
        bp_split_free(out);
    }
    return status;
}
