/* prepare_rows.c - which rows of a table are used, and how much each of them counts. */
#include "data/prepare.h"

#include <math.h>
#include <string.h>

bool bp_cell_missing(const bp_table *t, size_t row, size_t column)
{
    const bp_column *c = &t->column[column];
    if (c->kind == BP_COLUMN_TEXT) {
        return bp_table_code(t, row, c) == BP_NO_LEVEL;
    }
    return isnan(bp_table_number(t, row, column));
}

/* The first of these columns that the row lacks; count if it has them all. */
static size_t first_missing(const bp_table *t, size_t row, const size_t *column, size_t count)
{
    size_t i = 0;
    while (i < count && !bp_cell_missing(t, row, column[i])) {
        i++;
    }
    return i;
}

static bp_status check_row(bool *use, double *weight, const bp_table *t, size_t row, const bp_roles *r,
                           const bp_cells *weights)
{
    *use = false;
    *weight = 1;
    if (first_missing(t, row, r->target, r->targets) < r->targets) {
        return BP_OK;
    }
    if (r->weight != SIZE_MAX) {
        *weight = bp_cells_number(weights, row);
        if (!(*weight >= 0 && *weight <= 1e30)) {
            return bp_fail(BP_ERR_DATA,
                           "column \"%s\" of %s has the weight %g in row %zu; expected a number, 0 or more",
                           t->column[r->weight].name, t->source, *weight, t->rows_before + row + 1);
        }
        if (*weight == 0) {
            return BP_OK;
        }
    }
    size_t gap = r->missing == BP_MISSING_IMPUTE ? r->features : first_missing(t, row, r->feature, r->features);
    if (gap < r->features && r->missing == BP_MISSING_ERROR) {
        return bp_fail(BP_ERR_DATA, "column \"%s\" of %s has no value in row %zu; %s", t->column[r->feature[gap]].name,
                       t->source, t->rows_before + row + 1,
                       r->plain ? "the model does not say what to take for it: fill it in, or leave the row out"
                                : "fill it in, or let missing values be imputed or their rows dropped");
    }
    *use = gap == r->features;
    return BP_OK;
}

/* Whole weights are numbers of rows. Others say only what rows count beside each other: made to sum up to the number of
 * rows, as rules that count rows need it. */
static void normalise_weights(double *weight, size_t count)
{
    bool whole = true;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        whole = whole && weight[i] == floor(weight[i]);
        sum += weight[i];
    }
    for (size_t i = 0; i < count && !whole; i++) {
        weight[i] *= (double)count / sum;
    }
}

bp_status bp_rows_select(bp_sample *out, bp_pool *pool, const bp_table *t, const uint32_t *row, size_t count,
                         const bp_roles *roles)
{
    bp_cells weights = {0};
    bool weighted = roles->weight != SIZE_MAX;
    if (count > UINT32_MAX) {
        return bp_fail(BP_ERR_UNSUPPORTED, "%s: %zu rows at once; expected at most 4294967295", t->source, count);
    }
    uint32_t *kept = bp_pool_alloc(pool, count, sizeof *kept);
    double *weight = bp_pool_alloc(pool, weighted ? count : 0, sizeof *weight);
    bp_status status = kept && weight ? BP_OK : BP_ERR_MEMORY;
    *out = (bp_sample){t, kept, weighted ? weight : NULL, 0};
    if (status == BP_OK && weighted) {
        status = bp_cells_numbers(&weights, pool, &(bp_sample){t, row, NULL, count}, roles->weight, NULL);
    }
    for (size_t i = 0; i < count && status == BP_OK; i++) {
        bool use;
        double w;
        size_t r = row ? row[i] : i;
        status = check_row(&use, &w, t, r, roles, &weights);
        if (use && status == BP_OK) {
            if (weighted) {
                weight[out->count] = w;
            }
            kept[out->count++] = (uint32_t)r;
        }
    }
    if (weighted) {
        normalise_weights(weight, out->count);
    }
    return status;
}
