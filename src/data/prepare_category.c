/* prepare_category.c - which levels of a category get an input of their own, and which share one. */
#include "data/prepare.h"

#include <stdlib.h>
#include <string.h>

enum { LISTED = 1000 }; /* pooled levels that a preparation can name */

typedef struct candidate {
    const char *text;
    double weight;
} candidate;

static int by_weight(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->weight != y->weight) {
        return x->weight > y->weight ? -1 : 1;
    }
    return strcmp(x->text, y->text);
}

static int by_text(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return strcmp(x->text, y->text);
}

/* The levels that occur, most frequent first. */
static size_t list_candidates(candidate *list, const bp_texts *level, const double *weight)
{
    size_t n = 0;
    for (size_t i = 0; i < level->count; i++) {
        if (weight[i] > 0) {
            list[n++] = (candidate){level->text[i], weight[i]};
        }
    }
    qsort(list, n, sizeof *list, by_weight);
    return n;
}

/* Levels below this weight are pooled. By default one in a thousand rows, but ten rows are always enough. */
static double least_weight(const bp_prepare_options *o, double total)
{
    if (o->min_count > 0) {
        return (double)o->min_count;
    }
    return total < 10000 ? total / 1000 : 10;
}

static bp_status keep_texts(bp_texts *out, bp_pool *pool, candidate *list, size_t count)
{
    qsort(list, count, sizeof *list, by_text);
    out->text = bp_pool_alloc(pool, count, sizeof *out->text);
    for (size_t i = 0; out->text && i < count; i++) {
        out->text[i] = bp_pool_copy(pool, list[i].text);
        if (!out->text[i]) {
            return BP_ERR_MEMORY;
        }
    }
    out->count = count;
    return out->text ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_category_fit(bp_feature *f, bp_preparation *p, const bp_cells *c, const double *weight,
                          const bp_prepare_options *o)
{
    const bp_allocator *a = &p->pool.allocator;
    candidate *list = bp_alloc(a, c->level.count, sizeof *list);
    if (!list) {
        return BP_ERR_MEMORY;
    }
    double total = 0;
    size_t count = list_candidates(list, &c->level, weight), own = 0;
    for (size_t i = 0; i < count; i++) {
        total += list[i].weight;
    }
    while (own < count && own < o->max_levels && list[own].weight >= least_weight(o, total)) {
        own++;
    }
    /* A single level has nothing to be pooled with. */
    own = own + 1 == count && count <= o->max_levels && o->min_count == 0 ? count : own;
    f->other = own < count;
    f->missing = weight[c->level.count] > 0;
    bp_status status = keep_texts(&f->level, &p->pool, list, own);
    if (status == BP_OK) {
        status = keep_texts(&f->pooled, &p->pool, list + own, count - own <= LISTED ? count - own : 0);
    }
    bp_release(a, list);
    return status;
}
