/* csv_read.c - a whole table from CSV, in as many passes as its surprises ask for: one, as a rule. */
#include "data/csv.h"
#include "data/table_cache.h"

enum { MOST_PASSES = 5 }; /* guess; kinds; formats of dates; f64: evidence only grows */
#define CACHE_BLOCK ((size_t)1 << 20)

/* Everything that lives while a table is read. */
typedef struct reading {
    const char *source;
    const bp_table_options *options;
    bp_allocator allocator;
    bp_csv *csv;
    bp_words words;
    bp_csv_shape shape;
    bp_plan plan;
    bp_cache_writer *out; /* NULL: the table stays in memory */
    size_t written;       /* rows */
} reading;

static bp_status fail_no_rows(const reading *r, const bp_table *t)
{
    if (t->skipped > 0) {
        return bp_fail(BP_ERR_DATA, "reading %s: all %zu rows are bad; the first: %s", bp_csv_path(r->csv), t->skipped,
                       t->skipped_why);
    }
    return bp_fail(BP_ERR_DATA, "reading %s: there is a header, but no row of data%s", bp_csv_path(r->csv),
                   r->options->header < 0 ? "; if the first row is data, say that there is no header" : "");
}

static bp_status fail_changing(const reading *r)
{
    return bp_fail(BP_ERR_IO, "reading %s: it changed meanwhile; does another program write to it?",
                   bp_csv_path(r->csv));
}

/* Room for all rows at once, where the size of the file tells about how many there are. */
static bp_status reserve(const reading *r, bp_table *t)
{
    size_t left = bp_csv_left(r->csv),
           least = t->column_count; /* bytes of a row: a delimiter or line end for each cell */
    if (left == SIZE_MAX || r->shape.row_bytes == 0 || r->out) {
        return BP_OK;
    }
    size_t likely = left / r->shape.row_bytes + left / r->shape.row_bytes / 64 + 16, most = left / least + 1;
    return bp_table_reserve(t, likely < most ? likely : most);
}

/* Rows that are complete go to the cache, where there is one. */
static bp_status flush(reading *r, bp_table *t, bool all)
{
    if (!r->out || (!all && t->rows * t->record_bytes < CACHE_BLOCK)) {
        return BP_OK;
    }
    bp_status status = bp_cache_append(r->out, t->records, t->rows * t->record_bytes);
    r->written += t->rows;
    t->rows = 0;
    return status;
}

static bp_status pass(reading *r, bp_table *t, bp_filler *f)
{
    bp_csv_row row;
    bp_status status = reserve(r, t);
    while (status == BP_OK) {
        status = bp_csv_next(r->csv, &row);
        if (status != BP_OK || row.cells == 0) {
            break;
        }
        bool before = f->surprised;
        status = bp_fill_row(f, &row);
        if (f->surprised && !before) { /* these records are of no use */
            bp_release(&t->allocator, t->records);
            t->records = NULL;
            t->rows = t->row_room = 0;
        } else if (status == BP_OK && !f->surprised) {
            status = flush(r, t, false);
        }
    }
    return status == BP_OK && !f->surprised ? flush(r, t, true) : status;
}

/* Back to the first row of data. */
static bp_status again(reading *r)
{
    bp_csv_row row;
    bp_status status = bp_csv_rewind(r->csv);
    return status == BP_OK && r->shape.names->has_header ? bp_csv_next(r->csv, &row) : status;
}

/* One pass; *changed: the plan was wrong, and is a better one now. */
static bp_status try_plan(bp_table **out, bool *changed, reading *r)
{
    bp_filler f;
    bp_table *t;
    bp_status status = bp_plan_table(&t, &r->plan, r->shape.names);
    if (status == BP_OK && r->options->cache) {
        r->written = 0;
        status = bp_cache_create(&r->out, r->source, r->options);
    }
    if (status == BP_OK) {
        status = bp_filler_init(&f, t, &r->plan, r->shape.evidence, &r->words, bp_csv_path(r->csv), r->options);
        status = status == BP_OK ? pass(r, t, &f) : status;
        bp_filler_free(&f);
    }
    if (status == BP_OK) {
        status = bp_plan_revise(&r->plan, changed, r->shape.evidence, r->shape.names);
        *changed = *changed || f.surprised;
    }
    if (status == BP_OK && !*changed && t->rows + r->written == 0) {
        status = fail_no_rows(r, t);
    }
    *out = t;
    return status;
}

static bp_status fill_table(bp_table **out, reading *r)
{
    for (int i = 0; i < MOST_PASSES; i++) {
        bool changed = false;
        bp_status status = i == 0 ? BP_OK : again(r);
        status = status == BP_OK ? try_plan(out, &changed, r) : status;
        if (status != BP_OK || !changed) {
            return status;
        }
        bp_table_free(*out);
        *out = NULL;
        bp_cache_abandon(r->out);
        r->out = NULL;
    }
    return fail_changing(r);
}

static bp_status prepare(reading *r)
{
    bp_status status = bp_words_init(&r->words, r->options->missing, &r->allocator);
    status = status == BP_OK ? bp_csv_open(&r->csv, r->source, true, &r->allocator) : status;
    if (status == BP_OK) {
        status = bp_csv_detect(&r->shape, r->csv, r->options, &r->words);
    }
    status = status == BP_OK ? bp_plan_init(&r->plan, r->shape.names, r->options) : status;
    if (status == BP_OK) {
        bp_plan_guess(&r->plan, r->shape.evidence);
    }
    return status;
}

bp_status bp_csv_table(bp_table **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    reading r = {.source = path, .options = options, .allocator = bp_allocator_or_default(options->allocator)};
    r.words.allocator = r.plan.allocator = r.allocator;
    bp_table *t = NULL;
    bp_status status = prepare(&r);
    status = status == BP_OK ? fill_table(&t, &r) : status;
    if (status == BP_OK && r.out) {
        status = bp_cache_finish(r.out, t, r.written);
        r.out = NULL;
        bp_table_free(t);
        t = NULL;
        status = status == BP_OK ? bp_cache_open(&t, path, options) : status;
        if (status == BP_OK && !t) {
            status = fail_changing(&r);
        }
    } else if (status == BP_OK) {
        status = bp_table_shrink(t);
    }
    bp_cache_abandon(r.out);
    bp_plan_free(&r.plan);
    bp_csv_shape_free(&r.shape, &r.allocator);
    bp_csv_close(r.csv);
    bp_words_free(&r.words);
    if (status != BP_OK) {
        bp_table_free(t);
        return status;
    }
    *out = t;
    return BP_OK;
}
