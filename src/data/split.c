/* split.c - dividing a data set in two, class by class, in a way that the seed alone decides. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

static bp_status check_split(const bp_data *data, double fraction)
{
    if (!(fraction > 0 && fraction < 1)) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "splitting data: the fraction is %g, expected a number between 0 and 1, both excluded",
                       fraction);
    }
    if (data->rows < 2 || data->rows > UINT32_MAX) {
        return bp_fail(BP_ERR_DATA, "splitting data: %zu rows, expected at least 2 and at most 4294967295", data->rows);
    }
    for (size_t i = 0; i < data->rows && data->classes > 0; i++) {
        if (data->label[i] < 0 || (size_t)data->label[i] >= data->classes) {
            return bp_fail(BP_ERR_DATA,
                           "splitting data: the label of row %zu (counted from 0) is %d, expected 0 to %zu", i,
                           (int)data->label[i], data->classes - 1);
        }
    }
    return BP_OK;
}

/* ---- Choosing ---------------------------------------------------------------------------------------------------- */

/* Rows in order of their class: those of class c are order[begin[c]] .. order[begin[c+1]-1], ascending. */
typedef struct grouping {
    size_t groups;
    size_t *begin;   /* groups + 1 */
    uint32_t *order; /* rows */
    uint32_t *pick;  /* rows: work space for permutations */
} grouping;

static void release_grouping(const bp_allocator *a, grouping *g)
{
    bp_release(a, g->begin);
    bp_release(a, g->order);
    bp_release(a, g->pick);
}

static size_t group_of(const bp_data *data, size_t row)
{
    return data->classes > 0 ? (size_t)data->label[row] : 0;
}

static bp_status group_rows(grouping *g, const bp_data *data, const bp_allocator *a)
{
    g->groups = data->classes > 0 ? data->classes : 1;
    g->begin = bp_alloc(a, g->groups + 2, sizeof *g->begin);
    g->order = bp_alloc(a, data->rows, sizeof *g->order);
    g->pick = bp_alloc(a, data->rows, sizeof *g->pick);
    if (!g->begin || !g->order || !g->pick) {
        return BP_ERR_MEMORY;
    }
    /* Counting sort, shifted by one: begin[c+1] runs from the begin of c to its end, where c+1 begins. */
    for (size_t i = 0; i < data->rows; i++) {
        g->begin[group_of(data, i) + 2]++;
    }
    for (size_t c = 2; c <= g->groups + 1; c++) {
        g->begin[c] += g->begin[c - 1];
    }
    for (size_t i = 0; i < data->rows; i++) {
        g->order[g->begin[group_of(data, i) + 1]++] = (uint32_t)i;
    }
    return BP_OK;
}

/* How many rows the part gets: at least one, and at least one less than all. */
static size_t part_size(size_t rows, double fraction)
{
    double wanted = floor(fraction * (double)rows + 0.5);
    wanted = wanted < 1 ? 1 : wanted;
    return wanted > (double)(rows - 1) ? rows - 1 : (size_t)wanted;
}

/* How many of the first n rows, in order of class, belong to a part of `total` rows: n total / rows, rounded. Rounding
 * these sums, not each class, keeps the total exact and every class within one row of its share. */
static size_t share(size_t n, size_t rows, size_t total)
{
    return (size_t)(((uint64_t)total * n + rows / 2) / rows);
}

/* chosen[row] = 1 for the `total` rows of the part. */
static void choose_rows(unsigned char *chosen, grouping *g, size_t rows, size_t total, uint64_t seed)
{
    for (size_t c = 0; c < g->groups; c++) {
        size_t begin = g->begin[c], end = g->begin[c + 1];
        size_t take = share(end, rows, total) - share(begin, rows, total);
        bp_rng rng = bp_rng_new(seed, BP_RANDOM_SPLIT, (uint32_t)c);
        bp_rng_permutation(&rng, g->pick, end - begin);
        for (size_t i = 0; i < take; i++) {
            chosen[g->order[begin + g->pick[i]]] = 1;
        }
    }
}

/* ---- Copying ----------------------------------------------------------------------------------------------------- */

/* Copies of the rows whose mark is `mark`; row_bytes of each. NULL when memory is out. */
static void *gather(bp_dataset *d, const void *from, size_t row_bytes, const unsigned char *chosen, int mark,
                    size_t rows)
{
    char *to = bp_dataset_alloc(d, d->train.rows, row_bytes);
    size_t n = 0;
    for (size_t i = 0; to && i < rows; i++) {
        if (chosen[i] == mark) {
            memcpy(to + n++ * row_bytes, (const char *)from + i * row_bytes, row_bytes);
        }
    }
    return to;
}

/* Inputs of the rows that are made on demand, as f64: the same numbers for a network of either type. */
static void *fill_rows(bp_dataset *d, const bp_data *data, const unsigned char *chosen, int mark)
{
    size_t cells, n = 0;
    bool fits = bp_mul_size(&cells, d->train.rows, data->inputs);
    if (!fits) {
        bp_fail(BP_ERR_MEMORY, "splitting data: %zu rows of %zu inputs are more than memory can hold", d->train.rows,
                data->inputs);
    }
    double *to = fits ? bp_dataset_alloc(d, cells, sizeof *to) : NULL;
    for (size_t i = 0; to && i < data->rows; i++) {
        if (chosen[i] == mark) {
            data->fill(data->x, i, to + n++ * data->inputs, BP_F64);
        }
    }
    return to;
}

static bp_status copy_rows(bp_dataset **out, const bp_data *data, const unsigned char *chosen, int mark, size_t count,
                           const bp_allocator *a)
{
    bp_dataset *d;
    bp_status status = bp_dataset_new(&d, mark ? "part" : "rest", a);
    if (status != BP_OK) {
        return status;
    }
    *out = d;
    snprintf(d->source, sizeof d->source, "%zu of %zu rows", count, data->rows);
    bp_data *t = &d->train;
    *t = *data;
    t->rows = count;
    if (data->fill) {
        t->fill = NULL;
        t->x_type = BP_F64;
        t->x = fill_rows(d, data, chosen, mark);
    } else {
        t->x = gather(d, data->x, data->inputs * bp_type_size(data->x_type), chosen, mark, data->rows);
    }
    t->label = data->label ? gather(d, data->label, sizeof *data->label, chosen, mark, data->rows) : NULL;
    t->y = data->y ? gather(d, data->y, data->targets * sizeof *data->y, chosen, mark, data->rows) : NULL;
    t->weight = data->weight ? gather(d, data->weight, sizeof *data->weight, chosen, mark, data->rows) : NULL;
    t->class_names = data->class_names ? bp_dataset_names(d, data->class_names, data->classes) : NULL;
    bool complete = t->x && !t->label == !data->label && !t->y == !data->y && !t->weight == !data->weight &&
                    !t->class_names == !data->class_names;
    return complete ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_data_split(bp_dataset **part, bp_dataset **rest, const bp_data *data, double fraction, uint64_t seed,
                        const bp_allocator *allocator)
{
    *part = *rest = NULL;
    bp_status status = check_split(data, fraction);
    if (status != BP_OK) {
        return status;
    }
    bp_allocator a = bp_allocator_or_default(allocator);
    grouping g = {0};
    unsigned char *chosen = bp_alloc(&a, data->rows, 1);
    status = chosen ? group_rows(&g, data, &a) : BP_ERR_MEMORY;
    if (status == BP_OK) {
        size_t count = part_size(data->rows, fraction);
        choose_rows(chosen, &g, data->rows, count, seed);
        status = copy_rows(part, data, chosen, 1, count, &a);
        if (status == BP_OK) {
            status = copy_rows(rest, data, chosen, 0, data->rows - count, &a);
        }
    }
    release_grouping(&a, &g);
    bp_release(&a, chosen);
    if (status != BP_OK) {
        bp_dataset_free(*part);
        bp_dataset_free(*rest);
        *part = *rest = NULL;
    }
    return status;
}
