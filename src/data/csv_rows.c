/* csv_rows.c - the rows of a CSV file, of its unpacked content, or of a pipe, through a buffer that holds at least a row. */
#include "data/csv.h"
#include "data/file.h"

#define FIRST_BUFFER ((size_t)1 << 18)
#define LONGEST_ROW  ((size_t)64 << 20)

struct bp_csv {
    bp_allocator allocator;
    char *path;
    const char *shown; /* for messages */
    bp_reader *reader;
    bool keep;    /* nothing that was read leaves the buffer */
    bool live;    /* rows are wanted as they come */
    bool regular; /* can be opened again */
    char *buffer; /* room bytes, then one for '\0' behind the content, and spare ones */
    size_t room, begin, end;
    size_t first; /* where the content begins: behind the byte order mark */
    bool ended;   /* nothing follows the buffer */
    size_t line;  /* that buffer[begin] is on */
    bp_splitter splitter;
};

static bp_status open_reader(bp_csv *c)
{
    bp_status status = bp_reader_open_stream(&c->reader, c->path, &c->allocator);
    if (status == BP_OK) {
        c->regular = bp_reader_is_regular(c->reader);
    }
    return status;
}

/* Makes room behind the content: by moving it to the front, or with a larger buffer. */
static bp_status make_room(bp_csv *c)
{
    if (!c->keep && c->begin > 0) {
        memmove(c->buffer, c->buffer + c->begin, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
    }
    if (c->end < c->room) {
        return BP_OK;
    }
    if (c->end - c->begin >= LONGEST_ROW) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s, line %zu: this row has more than %zu bytes; is a quote in it never closed?",
                       c->shown, c->line, LONGEST_ROW);
    }
    size_t most = c->regular ? bp_reader_most(c->reader) : FIRST_BUFFER; /* a small file needs but a small buffer */
    size_t first = most < FIRST_BUFFER ? most + 1 : FIRST_BUFFER, room = c->room ? 2 * c->room : first;
    char *larger = bp_alloc(&c->allocator, room + 1 + BP_SPLIT_SPARE, 1);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (c->end > 0) {
        memcpy(larger, c->buffer, c->end);
    }
    bp_release(&c->allocator, c->buffer);
    c->buffer = larger;
    c->room = room;
    return BP_OK;
}

static bp_status refill(bp_csv *c)
{
    size_t got = 0;
    bp_status status = make_room(c);
    if (status == BP_OK) {
        status = bp_reader_some(c->reader, c->buffer + c->end, c->room - c->end, &got);
    }
    if (status == BP_OK) {
        c->end += got;
        c->ended = got == 0;
        c->buffer[c->end] = '\0';
    }
    return status;
}

/* The first bytes: UTF-8's mark is left out, UTF-16's refused. */
static bp_status skip_mark(bp_csv *c)
{
    while (c->end < 3 && !c->ended) {
        bp_status status = refill(c);
        if (status != BP_OK) {
            return status;
        }
    }
    const unsigned char *p = (const unsigned char *)c->buffer;
    if (c->end >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF))) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: this is text in UTF-16, expected UTF-8; convert it, for instance with iconv -f "
                       "UTF-16 -t UTF-8",
                       c->shown);
    }
    c->first = c->end >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    c->begin = c->first;
    c->line = 1;
    return BP_OK;
}

bp_status bp_csv_open(bp_csv **out, const char *path, bool keep, const bp_allocator *allocator)
{
    *out = NULL;
    bp_allocator a = bp_allocator_or_default(allocator);
    bp_csv *c = bp_alloc(&a, 1, sizeof *c);
    if (!c) {
        return BP_ERR_MEMORY;
    }
    c->allocator = a;
    bp_splitter_init(&c->splitter, ',', &a);
    c->path = bp_strdup(&a, path ? path : "");
    bp_status status = c->path ? open_reader(c) : BP_ERR_MEMORY;
    if (status == BP_OK) {
        c->shown = strcmp(c->path, "-") == 0 ? "standard input" : c->path;
        c->keep = keep && !c->regular;
        c->live = !keep;
        status = skip_mark(c);
    }
    if (status != BP_OK) {
        bp_csv_close(c);
        return status;
    }
    *out = c;
    return BP_OK;
}

void bp_csv_close(bp_csv *c)
{
    if (!c) {
        return;
    }
    bp_allocator a = c->allocator;
    bp_reader_close(c->reader);
    bp_splitter_free(&c->splitter);
    bp_release(&a, c->buffer);
    bp_release(&a, c->path);
    bp_release(&a, c);
}

static bool head_is_enough(const bp_csv *c, size_t least, size_t want)
{
    size_t have = c->end - c->begin;
    return c->ended || have >= want || (have > least && c->live && bp_reader_pauses(c->reader));
}

bp_status bp_csv_head(bp_csv *c, const char **text, size_t *bytes, bool *all, size_t least, size_t want)
{
    while (!head_is_enough(c, least, want)) {
        bp_status status = refill(c);
        if (status != BP_OK) {
            return status;
        }
    }
    *text = c->buffer + c->begin;
    *bytes = c->end - c->begin;
    *all = c->ended;
    return BP_OK;
}

void bp_csv_set_delimiter(bp_csv *c, char delimiter)
{
    bp_splitter_free(&c->splitter);
    bp_splitter_init(&c->splitter, delimiter, &c->allocator);
}

char bp_csv_delimiter(const bp_csv *c)
{
    return c->splitter.delimiter;
}

static bool is_blank(const bp_csv_row *row)
{
    return row->cells == 1 && row->cell[0].bytes == 0 && !row->cell[0].quoted;
}

/* The row at c->begin; row->cell is NULL if more bytes are needed. */
static bp_status split_here(bp_csv *c, bp_csv_row *row)
{
    const char *next;
    size_t lines;
    bp_status status =
        bp_split_row(&c->splitter, row, &next, &lines, c->buffer + c->begin, c->buffer + c->end, c->ended);
    if (status != BP_OK) {
        return status == BP_ERR_FORMAT ? bp_fail_context(status, "reading %s, line %zu: ", c->shown, c->line) : status;
    }
    row->line = c->line;
    if (next) {
        c->begin = (size_t)(next - c->buffer);
        c->line += lines;
    }
    return BP_OK;
}

bp_status bp_csv_next(bp_csv *c, bp_csv_row *row)
{
    return bp_csv_next_at_hand(c, row, NULL);
}

bp_status bp_csv_next_at_hand(bp_csv *c, bp_csv_row *row, bool *later)
{
    for (;;) {
        if (c->begin == c->end && c->ended) {
            *row = (bp_csv_row){.line = c->line};
            return BP_OK;
        }
        bp_status status = split_here(c, row);
        if (status == BP_OK && !row->cell) {
            if (later && bp_reader_pauses(c->reader)) {
                *later = true;
                return BP_OK;
            }
            status = refill(c);
        } else if (status == BP_OK && !is_blank(row)) {
            return BP_OK;
        }
        if (status != BP_OK) {
            return status;
        }
    }
}

bp_status bp_csv_rewind(bp_csv *c)
{
    if (c->keep) {
        c->begin = c->first;
        c->line = 1;
        return BP_OK;
    }
    bp_reader_close(c->reader);
    c->reader = NULL;
    c->begin = c->end = 0;
    c->ended = false;
    bp_status status = open_reader(c);
    return status == BP_OK ? skip_mark(c) : status;
}

size_t bp_csv_left(const bp_csv *c)
{
    size_t buffered = c->end - c->begin, sum;
    if (c->ended) {
        return buffered;
    }
    return c->regular && bp_add_size(&sum, buffered, bp_reader_most(c->reader)) ? sum : SIZE_MAX;
}

const char *bp_csv_path(const bp_csv *c)
{
    return c->shown;
}
