/* table_read.c - reading tables, whole or block by block, by the reader that fits the content. */
#include "data/csv_stream.h"
#include "data/file.h"
#include "data/table.h"
#include "data/table_cache.h"

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

typedef bp_status (*table_reader)(bp_table **out, const char *path, const bp_table_options *options);

/* The reader for a file; CSV is what everything is that is nothing else. */
static bp_status choose_reader(table_reader *reader, const char *path, const bp_allocator *allocator)
{
    (void)path;
    (void)allocator;
    *reader = bp_csv_table;
    return BP_OK;
}

/* A table that is in memory, through the cache. */
static bp_status move_to_cache(bp_table **t, const char *path, const bp_table_options *options)
{
    bp_cache_writer *w;
    bp_status status = bp_cache_create(&w, path, options);
    if (status == BP_OK) {
        bp_cache_append(w, (*t)->records, (*t)->rows * (*t)->record_bytes);
        status = bp_cache_finish(w, *t, (*t)->rows);
    }
    bp_table_free(*t);
    *t = NULL;
    if (status == BP_OK) {
        status = bp_cache_open(t, path, options);
    }
    if (status == BP_OK && !*t) {
        status = bp_fail(BP_ERR_IO, "reading %s: it changed meanwhile; does another program write to it?", path);
    }
    return status;
}

bp_status bp_table_read(bp_table **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    bp_table_options o = options ? *options : bp_table_defaults();
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "reading a table: no path was given");
    }
    bp_table *t = NULL;
    table_reader reader;
    bp_status status = o.cache ? bp_cache_open(&t, path, &o) : BP_OK;
    if (status != BP_OK || t) {
        *out = t;
        return status;
    }
    status = choose_reader(&reader, path, o.allocator);
    status = status == BP_OK ? reader(&t, path, &o) : status;
    if (status == BP_OK && o.cache && !t->mapping) {
        status = move_to_cache(&t, path, &o);
    }
    *out = t;
    return status;
}

/* ---- Streams ----------------------------------------------------------------------------------------------------- */

/* CSV is read block by block; a table of another format is read whole, and a block is a part of it. */
struct bp_table_stream {
    bp_allocator allocator;
    bp_csv_stream *csv;
    bp_table *whole;
    bp_table part;
    size_t done; /* rows of whole */
};

bp_status bp_table_open(bp_table_stream **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    bp_table_options o = options ? *options : bp_table_defaults();
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "reading a table: no path was given");
    }
    bp_allocator a = bp_allocator_or_default(o.allocator);
    bp_table_stream *s = bp_alloc(&a, 1, sizeof *s);
    if (!s) {
        return BP_ERR_MEMORY;
    }
    s->allocator = a;
    table_reader reader;
    bp_status status = choose_reader(&reader, path, o.allocator);
    if (status == BP_OK) {
        status = reader == bp_csv_table ? bp_csv_stream_open(&s->csv, path, &o) : reader(&s->whole, path, &o);
    }
    if (status != BP_OK) {
        bp_table_close(s);
        return status;
    }
    *out = s;
    return BP_OK;
}

bp_status bp_table_next(bp_table_stream *s, const bp_table **block, size_t rows)
{
    if (s->csv) {
        return bp_csv_stream_next(s->csv, block, rows);
    }
    const bp_table *t = s->whole;
    size_t left = t->rows - s->done;
    s->part = *t;
    s->part.rows = rows < left ? rows : left;
    s->part.records = t->records + s->done * t->record_bytes;
    s->done += s->part.rows;
    *block = &s->part;
    return BP_OK;
}

const char *bp_table_line(const bp_table_stream *s, size_t row, size_t *bytes)
{
    *bytes = 0;
    return s->csv ? bp_csv_stream_line(s->csv, row, bytes) : NULL;
}

char bp_table_delimiter(const bp_table_stream *s)
{
    return s->csv ? bp_csv_stream_delimiter(s->csv) : ',';
}

void bp_table_close(bp_table_stream *s)
{
    if (!s) {
        return;
    }
    bp_allocator a = s->allocator;
    bp_csv_stream_close(s->csv);
    bp_table_free(s->whole);
    bp_release(&a, s);
}
