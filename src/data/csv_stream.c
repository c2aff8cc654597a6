/* csv_stream.c - CSV block by block, in memory that depends on the block alone: kinds of columns are given, not found, and
 * levels are those of the block. */
#include "data/csv_stream.h"

#include "data/csv.h"

/* Lines of a block, one after the other. */
typedef struct lines {
    char *text;
    size_t used, room;
    size_t *behind; /* where each line ends */
    size_t count, count_room;
} lines;

struct bp_csv_stream {
    bp_allocator allocator;
    bp_csv *csv;
    bp_words words;
    bp_plan plan;
    bp_filler filler;
    bp_csv_shape shape;
    bp_table *table;
    lines lines;
    char *header; /* as it stands in the file */
    size_t header_bytes;
};

static bp_status grow(const bp_allocator *a, void **block, size_t *room, size_t used, size_t need, size_t size)
{
    if (need <= *room) {
        return BP_OK;
    }
    size_t larger_room = need > 2 * *room ? need : 2 * *room;
    void *larger = bp_alloc(a, larger_room, size);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (used > 0) {
        memcpy(larger, *block, used * size);
    }
    bp_release(a, *block);
    *block = larger;
    *room = larger_room;
    return BP_OK;
}

static bp_status keep_line(bp_csv_stream *s, const bp_csv_row *row)
{
    lines *l = &s->lines;
    void *text = l->text, *behind = l->behind;
    bp_status status = grow(&s->allocator, &text, &l->room, l->used, l->used + row->raw_bytes, 1);
    l->text = text;
    if (status == BP_OK) {
        status = grow(&s->allocator, &behind, &l->count_room, l->count, l->count + 1, sizeof *l->behind);
        l->behind = behind;
    }
    if (status == BP_OK) {
        memcpy(l->text + l->used, row->raw, row->raw_bytes);
        l->used += row->raw_bytes;
        l->behind[l->count++] = l->used;
    }
    return status;
}

static bp_status keep_header(bp_csv_stream *s, const char *raw, size_t bytes)
{
    s->header = bp_alloc(&s->allocator, bytes, 1);
    if (!s->header) {
        return BP_ERR_MEMORY;
    }
    memcpy(s->header, raw, bytes);
    s->header_bytes = bytes;
    return BP_OK;
}

static bp_status start(bp_csv_stream *s, const char *path, const bp_table_options *options)
{
    bp_csv_shape *shape = &s->shape;
    bp_status status = bp_words_init(&s->words, options->missing, &s->allocator);
    status = status == BP_OK ? bp_csv_open(&s->csv, path, false, &s->allocator) : status;
    status = status == BP_OK ? bp_csv_detect(shape, s->csv, options, &s->words) : status;
    if (status == BP_OK && shape->header) {
        status = keep_header(s, shape->header, shape->header_bytes);
    }
    status = status == BP_OK ? bp_plan_init(&s->plan, shape->names, options) : status;
    if (status == BP_OK) {
        bp_plan_fix(&s->plan);
        status = bp_plan_table(&s->table, &s->plan, shape->names);
    }
    if (status == BP_OK) {
        bp_filler_init(&s->filler, s->table, &s->plan, NULL, &s->words, bp_csv_path(s->csv), options);
    }
    return status;
}

bp_status bp_csv_stream_open(bp_csv_stream **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    bp_allocator a = bp_allocator_or_default(options->allocator);
    bp_csv_stream *s = bp_alloc(&a, 1, sizeof *s);
    if (!s) {
        return BP_ERR_MEMORY;
    }
    s->allocator = s->words.allocator = s->plan.allocator = a;
    bp_status status = start(s, path, options);
    if (status != BP_OK) {
        bp_csv_stream_close(s);
        return status;
    }
    *out = s;
    return BP_OK;
}

bp_status bp_csv_stream_next(bp_csv_stream *s, const bp_table **block, size_t rows)
{
    bp_csv_row row;
    bool later = false;
    bp_status status = BP_OK;
    s->table->rows_before += s->table->rows;
    bp_table_clear(s->table);
    s->lines.used = s->lines.count = 0;
    *block = s->table;
    while (status == BP_OK && s->table->rows < rows) {
        size_t before = s->table->rows;
        status = bp_csv_next_at_hand(s->csv, &row, before > 0 ? &later : NULL);
        if (status != BP_OK || later || row.cells == 0) {
            break;
        }
        status = bp_fill_row(&s->filler, &row);
        if (status == BP_OK && s->table->rows > before) {
            status = keep_line(s, &row);
        }
    }
    return status;
}

const char *bp_csv_stream_line(const bp_csv_stream *s, size_t row, size_t *bytes)
{
    if (row == SIZE_MAX) {
        *bytes = s->header_bytes;
        return s->header;
    }
    *bytes = 0;
    if (row >= s->lines.count) {
        return NULL;
    }
    size_t begin = row ? s->lines.behind[row - 1] : 0;
    *bytes = s->lines.behind[row] - begin;
    return s->lines.text + begin;
}

char bp_csv_stream_delimiter(const bp_csv_stream *s)
{
    return bp_csv_delimiter(s->csv);
}

void bp_csv_stream_close(bp_csv_stream *s)
{
    if (!s) {
        return;
    }
    bp_allocator a = s->allocator;
    if (s->table) {
        bp_release(&a, s->filler.scratch);
    }
    bp_release(&a, s->lines.text);
    bp_release(&a, s->lines.behind);
    bp_release(&a, s->header);
    bp_table_free(s->table);
    bp_csv_shape_free(&s->shape, &a);
    bp_plan_free(&s->plan);
    bp_words_free(&s->words);
    bp_csv_close(s->csv);
    bp_release(&a, s);
}
