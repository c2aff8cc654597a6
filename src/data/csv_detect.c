/* csv_detect.c - what the first rows of a CSV file look like: delimiter, header, and a sample of evidence for each column. */
#include "data/csv.h"

#include <ctype.h>

enum { SAMPLE_ROWS = 1000, DELIMITER_ROWS = 100 };
#define SAMPLE_BYTES ((size_t)1 << 18)

/* The first rows, as far as they are in the buffer. */
typedef struct window {
    const char *text, *end;
    bool all; /* of the file */
} window;

/* ---- The delimiter ----------------------------------------------------------------------------------------------- */

/* The share of the first rows that have the most frequent number of cells, if that is 2 or more; -1: no row is complete. */
static bp_status consistency(double *share, const window *w, char delimiter, const bp_allocator *a)
{
    bp_splitter s;
    bp_csv_row row;
    size_t width[DELIMITER_ROWS], rows = 0, lines;
    const char *p = w->text;
    bp_status status = BP_OK;
    bp_splitter_init(&s, delimiter, a);
    while (rows < DELIMITER_ROWS && p < w->end) {
        const char *next;
        status = bp_split_row(&s, &row, &next, &lines, p, w->end, w->all);
        if (status != BP_OK || !next) {
            break;
        }
        p = next;
        if (row.cells > 1 || row.cell[0].bytes > 0) {
            width[rows++] = row.cells;
        }
    }
    bp_splitter_free(&s);
    size_t best = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t same = 0;
        for (size_t j = 0; j < rows; j++) {
            same += width[j] == width[i];
        }
        best = width[i] > 1 && same > best ? same : best;
    }
    *share = rows == 0 ? -1 : (double)best / (double)rows;
    return status;
}

/* The one that cuts most rows alike. Blanks stand in texts, too: they are the delimiter only where they cut nearly all rows
 * alike and nothing else does. */
static bp_status find_delimiter(char *found, const window *w, const bp_allocator *a)
{
    static const char candidates[] = {'\t', ';', '|', ',', ' '};
    static const double consistent = 0.9, mostly = 0.5;
    double best = 0;
    *found = ',';
    for (size_t i = 0; i < sizeof candidates; i++) {
        double share;
        bp_status status = consistency(&share, w, candidates[i], a);
        if (status != BP_OK) {
            return status;
        }
        bool fits = candidates[i] == ' ' ? share >= consistent && best < consistent : share > mostly;
        if (fits && share > best) {
            best = share;
            *found = candidates[i];
        }
    }
    return BP_OK;
}

static bp_status check_delimiter(char d)
{
    if (isalnum((unsigned char)d) || strchr("\"\r\n+-._", d) || (unsigned char)d >= 0x80) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "the delimiter cannot be byte %02x; expected a comma, semicolon, tab, bar or blank",
                       (unsigned char)d);
    }
    return BP_OK;
}

/* ---- The sample -------------------------------------------------------------------------------------------------- */

typedef struct sample {
    bp_allocator allocator;
    const bp_words *words;
    char point;
    bp_evidence *evidence; /* of the rows behind the first */
    bp_cell *first, *previous;
    size_t *like_first, *like_previous; /* cells that equal these */
    size_t columns, rows;               /* behind the first */
    size_t bytes;
} sample;

static void release_sample(sample *s)
{
    bp_release(&s->allocator, s->evidence);
    bp_release(&s->allocator, s->first);
    bp_release(&s->allocator, s->previous);
    bp_release(&s->allocator, s->like_first);
    bp_release(&s->allocator, s->like_previous);
}

static bp_status start_sample(sample *s, const bp_csv_row *row)
{
    const bp_allocator *a = &s->allocator;
    s->columns = row->cells;
    s->evidence = bp_alloc(a, s->columns, sizeof *s->evidence);
    s->first = bp_alloc(a, s->columns, sizeof *s->first);
    s->previous = bp_alloc(a, s->columns, sizeof *s->previous);
    s->like_first = bp_alloc(a, s->columns, sizeof *s->like_first);
    s->like_previous = bp_alloc(a, s->columns, sizeof *s->like_previous);
    if (!s->evidence || !s->first || !s->previous || !s->like_first || !s->like_previous) {
        return BP_ERR_MEMORY;
    }
    memcpy(s->first, row->cell, s->columns * sizeof *s->first);
    for (size_t i = 0; i < s->columns; i++) {
        bp_evidence_init(&s->evidence[i]);
    }
    return BP_OK;
}

static bool same_text(const bp_cell *a, const bp_cell *b)
{
    return a->bytes == b->bytes && memcmp(a->text, b->text, a->bytes) == 0;
}

static void add_to_sample(sample *s, const bp_csv_row *row)
{
    for (size_t i = 0; i < s->columns; i++) {
        const bp_cell *cell = &row->cell[i];
        s->like_first[i] += same_text(cell, &s->first[i]);
        s->like_previous[i] += s->rows > 0 && same_text(cell, &s->previous[i]);
        if (!bp_cell_missing(s->words, cell)) {
            bp_note_cell(&s->evidence[i], cell, s->point);
        }
    }
    memcpy(s->previous, row->cell, s->columns * sizeof *s->previous);
    s->rows++;
}

/* *enough = false: not even the first row is complete. */
static bp_status take_sample(sample *s, bool *enough, const window *w, char delimiter)
{
    bp_splitter splitter;
    bp_csv_row row;
    bp_status status = BP_OK;
    size_t rows = 0, lines;
    const char *p = w->text;
    bp_splitter_init(&splitter, delimiter, &s->allocator);
    while (status == BP_OK && rows < SAMPLE_ROWS && p < w->end) {
        const char *next;
        status = bp_split_row(&splitter, &row, &next, &lines, p, w->end, w->all);
        if (status != BP_OK || !next) {
            break;
        }
        p = next;
        if (row.cells == 1 && row.cell[0].bytes == 0 && !row.cell[0].quoted) {
            continue;
        }
        if (rows++ == 0) {
            status = start_sample(s, &row);
        } else if (row.cells == s->columns && !row.bad) {
            add_to_sample(s, &row);
        }
    }
    bp_splitter_free(&splitter);
    *enough = rows > 0;
    s->bytes = rows ? (size_t)(p - w->text) / rows : 0;
    return status;
}

/* ---- The header -------------------------------------------------------------------------------------------------- */

static bool looks_like_value(const sample *s, const bp_cell *cell)
{
    bp_evidence e;
    bp_evidence_init(&e);
    return bp_note_cell(&e, cell, s->point) != BP_COLUMN_TEXT;
}

/* Texts only: names are all different, are not among the texts below, and some of these come more than once. */
static bool names_over_texts(const sample *s)
{
    bool repeated = false;
    for (size_t i = 0; i < s->columns; i++) {
        for (size_t j = 0; j < i && s->columns < 1000; j++) {
            if (same_text(&s->first[i], &s->first[j])) {
                return false;
            }
        }
        if (s->first[i].bytes == 0 || s->like_first[i] > 0) {
            return false;
        }
        repeated = repeated || s->like_previous[i] * 10 >= s->rows;
    }
    return repeated && s->rows >= 3;
}

static bool is_name(const sample *s, const char *name)
{
    size_t number, bytes = strlen(name);
    if (bp_parse_size(&number, name)) {
        return false; /* a column by its number */
    }
    for (size_t i = 0; i < s->columns; i++) {
        const bp_cell *cell = &s->first[i];
        if (cell->bytes == bytes && memcmp(cell->text, name, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Columns that the caller knows by name: one of them in the first row says what it is, however few rows follow. */
static bool names_known_columns(const sample *s, const bp_table_options *o)
{
    bool found = false;
    for (size_t i = 0; i < o->text_count; i++) {
        found = found || is_name(s, o->text[i]);
    }
    for (size_t i = 0; i < o->number_count; i++) {
        found = found || is_name(s, o->number[i]);
    }
    for (size_t i = 0; i < o->date_count; i++) {
        found = found || is_name(s, o->date[i]);
    }
    return found;
}

/* Names are no values, and stand over values in at least one column. */
static bool has_header(const sample *s, const bp_table_options *o)
{
    if (names_known_columns(s, o)) {
        return true;
    }
    bool over_values = false;
    for (size_t i = 0; i < s->columns; i++) {
        const bp_evidence *e = &s->evidence[i];
        bool missing = bp_cell_missing(s->words, &s->first[i]);
        if (!missing && looks_like_value(s, &s->first[i])) {
            return false;
        }
        size_t values = e->numbers + e->dates;
        over_values = over_values || (!missing && values > 0 && values >= 2 * e->odd);
    }
    return over_values || s->rows == 0 || names_over_texts(s);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static bp_status name_columns(bp_table *t, const sample *s, bool header)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < s->columns && status == BP_OK; i++) {
        const bp_cell *cell = &s->first[i];
        size_t bytes = 0;
        char *scratch = bp_alloc(&s->allocator, header ? cell->bytes : 0, 1);
        if (!scratch) {
            return BP_ERR_MEMORY;
        }
        const char *name = header ? bp_cell_plain(cell, scratch, &bytes) : NULL;
        status = bp_table_add_column(t, name, bytes, BP_COLUMN_TEXT, BP_I32);
        bp_release(&s->allocator, scratch);
    }
    if (status == BP_OK && header) {
        status = bp_table_check_names(t);
    }
    return status == BP_ERR_FORMAT ? bp_fail_context(status, "reading %s: ", t->source) : status;
}

/* A header whose quotes are wrong: no row can be read without it, so that it is never skipped. */
static bp_status fail_header(const bp_csv *c, const bp_csv_row *row)
{
    char shown[64];
    const bp_cell *cell = &row->cell[row->bad_cell];
    return bp_fail(BP_ERR_FORMAT, "reading %s, line %zu, column %zu of the header: \"%s\" %s; correct the line",
                   bp_csv_path(c), row->line, row->bad_cell + 1,
                   bp_text_shown(shown, sizeof shown, cell->text, cell->bytes), row->bad);
}

/* Looks at more and more of the file until there is a row. */
static bp_status sample_rows(sample *s, char *delimiter, bp_csv *c, char asked)
{
    bool enough = false;
    window w;
    size_t bytes = 0, want = SAMPLE_BYTES;
    for (; !enough; want *= 4) {
        bp_status status = bp_csv_head(c, &w.text, &bytes, &w.all, bytes, want);
        w.end = w.text + bytes;
        *delimiter = asked;
        if (status == BP_OK && asked == '\0') {
            status = find_delimiter(delimiter, &w, &s->allocator);
        }
        if (status == BP_OK) {
            status = take_sample(s, &enough, &w, *delimiter);
        }
        if (status != BP_OK) {
            return status == BP_ERR_FORMAT ? bp_fail_context(status, "reading %s: ", bp_csv_path(c)) : status;
        }
        if (!enough && w.all) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: the file is empty; expected a table in CSV", bp_csv_path(c));
        }
    }
    return BP_OK;
}

/* Without a header the first row is one more of the sample. */
static void add_first(sample *s)
{
    for (size_t i = 0; i < s->columns; i++) {
        if (!bp_cell_missing(s->words, &s->first[i])) {
            bp_note_cell(&s->evidence[i], &s->first[i], s->point);
        }
    }
}

bp_status bp_csv_detect(bp_csv_shape *out, bp_csv *c, const bp_table_options *options, const bp_words *words)
{
    sample s = {.allocator = words->allocator, .words = words, .point = options->decimal_comma ? ',' : '.'};
    char delimiter = '\0';
    *out = (bp_csv_shape){0};
    bp_status status = options->delimiter ? check_delimiter(options->delimiter) : BP_OK;
    status = status == BP_OK ? sample_rows(&s, &delimiter, c, options->delimiter) : status;
    if (status != BP_OK) {
        release_sample(&s);
        return status;
    }
    bool header = options->header < 0 ? has_header(&s, options) : options->header > 0;
    bp_csv_set_delimiter(c, delimiter);
    status = bp_table_new(&out->names, bp_csv_path(c), header, &s.allocator);
    status = status == BP_OK ? name_columns(out->names, &s, header) : status;
    if (status == BP_OK && header) {
        bp_csv_row row;
        status = bp_csv_next(c, &row);
        status = status == BP_OK && row.bad ? fail_header(c, &row) : status;
        out->header = row.raw;
        out->header_bytes = row.raw_bytes;
    } else if (status == BP_OK) {
        add_first(&s);
    }
    for (size_t i = 0; status == BP_OK && i < s.columns; i++) {
        out->names->column[i].kind = bp_evidence_kind(&s.evidence[i]);
    }
    out->row_bytes = s.bytes;
    out->evidence = s.evidence;
    s.evidence = NULL;
    release_sample(&s);
    return status;
}

void bp_csv_shape_free(bp_csv_shape *shape, const bp_allocator *a)
{
    bp_release(a, shape->evidence);
    bp_table_free(shape->names);
    *shape = (bp_csv_shape){0};
}
