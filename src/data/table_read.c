/* table_read.c - reading tables, whole or block by block, by the reader that fits the content. */
#include <string.h>
#include <sys/stat.h>

#include "data/csv_stream.h"
#include "data/file.h"
#include "data/table.h"
#include "data/table_cache.h"

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

typedef bp_status (*table_reader)(bp_table **out, const char *path, const bp_table_options *options);

/* What the content of a file begins with. */
static const struct {
    const char *magic;
    table_reader reader;
} magics[] = {{"\x93NUMPY", bp_npy_table}, {"PK\3\4", bp_npz_table}, {"PK\5\6", bp_npz_table}};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static table_reader reader_of(const char *path, const char *head, size_t bytes)
{
    static const char *const libsvm[] = {".libsvm", ".libsvm.gz", ".svm", ".svm.gz"};
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        size_t n = strlen(magics[i].magic);
        if (bytes >= n && memcmp(head, magics[i].magic, n) == 0) {
            return magics[i].reader;
        }
    }
    for (size_t i = 0; i < sizeof libsvm / sizeof *libsvm; i++) {
        if (ends_with(path, libsvm[i])) {
            return bp_libsvm_table;
        }
    }
    return bp_libsvm_looks(head, bytes) ? bp_libsvm_table : bp_csv_table;
}

/* The reader for a file; CSV is what everything is that is nothing else, that cannot be read twice, or that is asked to
 * have a delimiter. */
static bp_status choose_reader(table_reader *reader, const char *path, const bp_table_options *options)
{
    char head[4096];
    size_t got = 0;
    struct stat st;
    bp_reader *r;
    *reader = bp_csv_table;
    if (options->delimiter || strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return BP_OK;
    }
    bp_status status = bp_reader_open(&r, path, true, options->allocator);
    if (status != BP_OK) {
        return status;
    }
    status = bp_reader_some(r, head, sizeof head, &got);
    bp_reader_close(r);
    *reader = reader_of(path, head, got);
    return status;
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
    status = choose_reader(&reader, path, &o);
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
    bp_status status = choose_reader(&reader, path, &o);
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
    s->part.rows_before = s->done;
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
