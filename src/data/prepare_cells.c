/* prepare_cells.c - the cells of a column as numbers or as texts, whichever is wanted, whatever they were read as. */
#include "data/prepare.h"

#include <math.h>
#include <string.h>

#include "base/decimal.h"
#include "data/number.h"

/* ---- Reading cells ----------------------------------------------------------------------------------------------- */

double bp_cells_number(const bp_cells *c, size_t row)
{
    if (!c->value) {
        double x = bp_table_number(c->table, row, c->index);
        return c->narrow ? (double)(float)x : x;
    }
    uint32_t code = bp_table_code(c->table, row, c->column);
    return code == BP_NO_LEVEL ? NAN : c->value[code];
}

uint32_t bp_cells_level(const bp_cells *c, size_t row)
{
    if (!c->number) {
        return bp_table_code(c->table, row, c->column);
    }
    double x = bp_cells_number(c, row);
    size_t low = 0, high = c->level.count;
    if (isnan(x)) {
        return BP_NO_LEVEL;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->number[middle] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low;
}

size_t bp_texts_find(const bp_texts *t, const char *text)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(t->text[middle], text);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return t->count;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static bp_cells open_cells(const bp_table *t, size_t column, const bp_source *as)
{
    const bp_column *c = &t->column[column];
    bool narrow = as && as->read == BP_COLUMN_NUMBER ? as->type == BP_F32 : c->type == BP_F32;
    return (bp_cells){.table = t, .column = c, .index = column, .narrow = narrow};
}

/* The first row that has this level; s->count if none has. */
static size_t row_of_level(const bp_cells *c, const bp_sample *s, size_t level)
{
    size_t i = 0;
    while (i < s->count && bp_table_code(c->table, bp_sample_row(s, i), c->column) != level) {
        i++;
    }
    return i;
}

/* A text as the number or date that it stands for. */
static bool read_level(double *out, const char *text, const bp_source *as)
{
    size_t bytes = strlen(text);
    if (as && as->read == BP_COLUMN_DATE) {
        return bp_date_parse(out, text, bytes, as->format);
    }
    bool number = bp_number_parse(out, text, bytes, '.') == BP_NUMBER_VALUE;
    if (number && as && as->read == BP_COLUMN_NUMBER && as->type == BP_F32) {
        *out = (double)bp_number_narrow(*out, text, bytes, '.');
    }
    return number;
}

/* Numbers and dates do not stand for each other. */
static bp_status check_kind(const bp_cells *c, const bp_source *as)
{
    bool date = c->column->kind == BP_COLUMN_DATE;
    if (!as || date == (as->read == BP_COLUMN_DATE)) {
        return BP_OK;
    }
    return bp_fail(BP_ERR_DATA, "column \"%s\" of %s was read as %ss, but the model was fitted to %ss", c->column->name,
                   c->table->source, bp_column_kind_name(c->column->kind), bp_column_kind_name(as->read));
}

bp_status bp_cells_numbers(bp_cells *c, bp_pool *pool, const bp_sample *s, size_t column, const bp_source *as)
{
    *c = open_cells(s->table, column, as);
    if (c->column->kind != BP_COLUMN_TEXT) {
        return check_kind(c, as);
    }
    double *value = bp_pool_alloc(pool, c->column->level_count, sizeof *value);
    if (!value) {
        return BP_ERR_MEMORY;
    }
    c->value = value;
    for (size_t l = 0; l < c->column->level_count; l++) {
        if (read_level(&value[l], c->column->level[l], as)) {
            continue;
        }
        value[l] = NAN;
        size_t i = row_of_level(c, s, l);
        if (i < s->count) {
            char shown[64];
            bp_text_shown(shown, sizeof shown, c->column->level[l], strlen(c->column->level[l]));
            return bp_fail(BP_ERR_DATA,
                           "column \"%s\" of %s has to be %ss, but row %zu has the text \"%s\"; correct it, name it "
                           "as a missing value, or treat the column as categorical",
                           c->column->name, c->table->source, bp_column_kind_name(as ? as->read : BP_COLUMN_NUMBER),
                           bp_sample_row(s, i) + 1, shown);
        }
    }
    return BP_OK;
}

/* The distinct numbers, and their texts. */
static bp_status list_numbers(bp_cells *c, bp_pool *pool, const bp_sample *s)
{
    bp_distribution d;
    bp_status status = bp_cells_distribution(&d, pool, c, s);
    if (status != BP_OK) {
        return status;
    }
    double *number = bp_pool_alloc(pool, d.count, sizeof *number);
    c->level.text = bp_pool_alloc(pool, d.count, sizeof *c->level.text);
    if (!number || !c->level.text) {
        return BP_ERR_MEMORY;
    }
    c->number = number;
    for (size_t i = 0; i < d.count; i++) {
        char text[BP_DECIMAL_SIZE];
        number[i] = d.item[i].value;
        bp_decimal_text(text, number[i], c->narrow ? BP_F32 : BP_F64);
        c->level.text[i] = bp_pool_copy(pool, text);
        if (!c->level.text[i]) {
            return BP_ERR_MEMORY;
        }
    }
    c->level.count = d.count;
    return BP_OK;
}

bp_status bp_cells_texts(bp_cells *c, bp_pool *pool, const bp_sample *s, size_t column, const bp_source *as)
{
    *c = open_cells(s->table, column, as);
    if (c->column->kind == BP_COLUMN_DATE) {
        return bp_fail(
            BP_ERR_DATA,
            "column \"%s\" of %s was read as dates; to use it as a category or class it has to be read as text",
            c->column->name, c->table->source);
    }
    if (c->column->kind == BP_COLUMN_NUMBER) {
        return list_numbers(c, pool, s);
    }
    c->level = (bp_texts){c->column->level, c->column->level_count};
    return BP_OK;
}

/* ---- What the rows have ------------------------------------------------------------------------------------------ */

bp_status bp_cells_distribution(bp_distribution *d, bp_pool *pool, const bp_cells *c, const bp_sample *s)
{
    bp_pool work = {pool->allocator, NULL};
    bp_weighted *item = bp_pool_alloc(&work, s->count, sizeof *item);
    bp_weighted *scratch = bp_pool_alloc(&work, s->count, sizeof *scratch);
    *d = (bp_distribution){0, item, 0, 0};
    for (size_t i = 0; item && scratch && i < s->count; i++) {
        double x = bp_cells_number(c, bp_sample_row(s, i)), weight = bp_sample_weight(s, i);
        if (isnan(x)) {
            d->missing += weight;
        } else {
            item[d->count++] = (bp_weighted){x, weight};
        }
    }
    bool complete = item && scratch;
    if (complete) {
        bp_distribution_sort(d, scratch);
        d->item = bp_pool_alloc(pool, d->count, sizeof *d->item);
        complete = d->item != NULL;
    }
    if (complete) {
        memcpy(d->item, item, d->count * sizeof *item);
    }
    bp_pool_free(&work);
    return complete ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_cells_weights(double **weight, bp_pool *pool, const bp_cells *c, const bp_sample *s)
{
    *weight = bp_pool_alloc(pool, c->level.count + 1, sizeof **weight);
    if (!*weight) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < s->count; i++) {
        uint32_t level = bp_cells_level(c, bp_sample_row(s, i));
        (*weight)[level == BP_NO_LEVEL ? c->level.count : level] += bp_sample_weight(s, i);
    }
    return BP_OK;
}
