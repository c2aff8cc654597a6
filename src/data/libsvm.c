/* libsvm.c - the text format of LIBSVM and SVMlight: a row a line, and of its numbers only those that are not 0.
 *
 *   label index:value index:value ... # comment
 *
 * Source: the README of LIBSVM (csie.ntu.edu.tw/~cjlin/libsvm) and svmlight.joachims.org. Indices ascend, from 1, or from
 * 0 where one is 0. The table is dense: a column for every index up to the largest, named column1, column2 ... after the
 * index, so that files with different largest indices fit together; the label is the last column, "label". qid:N, the
 * group of a ranking, is skipped. */
#include <stdio.h>
#include <string.h>

#include "data/file.h"
#include "data/number.h"
#include "data/numeric.h"

#define CHUNK_BYTES  ((size_t)1 << 18)
#define COLUMN_BYTES ((size_t)256)      /* about what a column costs besides its cells */
#define DENSE_RATIO  ((size_t)256)      /* memory of the table to bytes of the file: more is no table */
#define DENSE_SMALL  ((size_t)16 << 20) /* allowed for any file */
#define LABEL        "label"

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

typedef struct lines {
    const char *path;
    bp_allocator allocator;
    bp_reader *reader;
    char *text;
    size_t room, used, at; /* bytes of text: in all, read, taken */
    size_t number;         /* of the last line, from 1 */
    bool ended;
} lines;

static void close_lines(lines *l)
{
    bp_reader_close(l->reader);
    bp_release(&l->allocator, l->text);
    l->reader = NULL;
    l->text = NULL;
}

/* Starts from the front. */
static bp_status begin_lines(lines *l)
{
    bp_reader_close(l->reader);
    l->reader = NULL;
    l->used = l->at = l->number = 0;
    l->ended = false;
    return bp_reader_open(&l->reader, l->path, true, &l->allocator);
}

/* Makes room for more text: moves what is left to the front, or takes twice the memory. */
static bp_status make_room(lines *l)
{
    if (l->at > 0) {
        memmove(l->text, l->text + l->at, l->used - l->at);
        l->used -= l->at;
        l->at = 0;
    }
    if (l->room - l->used >= CHUNK_BYTES) {
        return BP_OK;
    }
    size_t room = l->room ? 2 * l->room : 2 * CHUNK_BYTES;
    char *larger = bp_alloc(&l->allocator, room, 1);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (l->used > 0) {
        memcpy(larger, l->text, l->used);
    }
    bp_release(&l->allocator, l->text);
    l->text = larger;
    l->room = room;
    return BP_OK;
}

static bp_status read_more(lines *l)
{
    size_t got = 0;
    bp_status status = make_room(l);
    status = status == BP_OK ? bp_reader_some(l->reader, l->text + l->used, l->room - l->used, &got) : status;
    l->used += got;
    l->ended = got == 0;
    return status;
}

/* The next line without its end; *line is NULL after the last. */
static bp_status next_line(lines *l, const char **line, size_t *bytes)
{
    size_t looked = 0;
    *line = NULL;
    for (;;) {
        size_t from = l->at + looked;
        const char *end = l->used > from ? memchr(l->text + from, '\n', l->used - from) : NULL;
        if (end || (l->ended && l->used > l->at)) {
            *line = l->text + l->at;
            *bytes = end ? (size_t)(end - *line) : l->used - l->at;
            l->at += *bytes + (end != NULL);
            l->number++;
            return BP_OK;
        }
        if (l->ended) {
            return BP_OK;
        }
        looked = l->used - l->at;
        bp_status status = read_more(l);
        if (status != BP_OK) {
            return status;
        }
    }
}

/* ---- Words of a line --------------------------------------------------------------------------------------------- */

typedef struct words {
    const lines *lines;
    const char *begin, *at, *end;
    const char *word; /* the last one */
    size_t bytes;
} words;

static bp_status fail_word(const words *w, size_t skip, const char *what)
{
    char shown[48];
    return bp_fail(BP_ERR_FORMAT, "%s, line %zu, character %zu: \"%s\" %s", w->lines->path, w->lines->number,
                   (size_t)(w->word - w->begin) + skip + 1, bp_text_shown(shown, sizeof shown, w->word, w->bytes),
                   what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool next_word(words *w)
{
    while (w->at < w->end && is_blank(*w->at)) {
        w->at++;
    }
    w->word = w->at;
    while (w->at < w->end && !is_blank(*w->at)) {
        w->at++;
    }
    w->bytes = (size_t)(w->at - w->word);
    return w->bytes > 0;
}

static bp_status parse_label(double *out, const words *w)
{
    if (bp_number_parse(out, w->word, w->bytes, '.') == BP_NUMBER_VALUE) {
        return BP_OK;
    }
    return fail_word(
        w, 0,
        memchr(w->word, ',', w->bytes)
            ? "is a list of labels; a table has one label a row"
            : "is no label: a line begins with a number, as in \"1 3:0.5 7:2\"; write class names as numbers");
}

/* 3:0.5 */
static bp_status parse_pair(size_t *index, double *value, const words *w)
{
    size_t n = 0;
    *index = 0;
    while (n < w->bytes && w->word[n] >= '0' && w->word[n] <= '9') {
        *index = *index > BP_MOST_COLUMNS ? *index : 10 * *index + (size_t)(w->word[n] - '0');
        n++;
    }
    if (n == 0 || n == w->bytes || w->word[n] != ':') {
        return fail_word(w, 0, "is no pair of index and value, as in 3:0.5");
    }
    if (*index > BP_MOST_COLUMNS) {
        return fail_word(w, 0, "has an index beyond 1048576, the most columns of a table; number the features anew");
    }
    bp_number_kind kind = bp_number_parse(value, w->word + n + 1, w->bytes - n - 1, '.');
    if (kind == BP_NUMBER_INFINITE) {
        return fail_word(w, n + 1, "has an infinite value; replace it by a number, or by nan where it is missing");
    }
    return kind == BP_NUMBER_NONE ? fail_word(w, n + 1, "has a value that is no number") : BP_OK;
}

/* ---- Both passes ------------------------------------------------------------------------------------------------- */

typedef struct pass {
    lines lines;
    size_t base; /* index of the first column */
    size_t rows;
    /* first pass: */
    bool any;
    size_t largest;        /* index */
    bp_evidence *evidence; /* of each index, up to room - 1 */
    size_t room;
    bp_evidence label;
    /* second pass: */
    bp_table *table;
} pass;

typedef bp_status (*take_pair)(pass *p, const words *w, size_t index, double value);
typedef bp_status (*take_label)(pass *p, double label);

/* A row, or nothing: a blank line, or a comment. */
static bp_status parse_line(pass *p, const char *line, size_t bytes, take_label label, take_pair pair)
{
    const char *comment = memchr(line, '#', bytes);
    words w = {&p->lines, line, line, comment ? comment : line + bytes, NULL, 0};
    double value;
    size_t index, before = 0;
    bool first = true;
    if (!next_word(&w)) {
        return BP_OK;
    }
    bp_status status = parse_label(&value, &w);
    status = status == BP_OK ? label(p, value) : status;
    while (status == BP_OK && next_word(&w)) {
        if (first && w.bytes > 4 && memcmp(w.word, "qid:", 4) == 0) {
            continue;
        }
        status = parse_pair(&index, &value, &w);
        if (status == BP_OK && !first && index <= before) {
            status = fail_word(&w, 0,
                               index == before ? "has an index that this line has had before"
                                               : "comes after a larger index; indices must ascend");
        }
        status = status == BP_OK ? pair(p, &w, index, value) : status;
        before = index;
        first = false;
    }
    p->rows++;
    return status;
}

static bp_status parse_all(pass *p, take_label label, take_pair pair)
{
    const char *line;
    size_t bytes = 0;
    p->rows = 0;
    bp_status status = begin_lines(&p->lines);
    while (status == BP_OK) {
        status = next_line(&p->lines, &line, &bytes);
        if (!line) {
            break;
        }
        status = status == BP_OK ? parse_line(p, line, bytes, label, pair) : status;
    }
    return status;
}

/* ---- First pass: how many rows and columns, and what is in them -------------------------------------------------- */

/* A dense table of this size must be worth its memory. */
static bp_status check_dense(const pass *p, size_t rows, size_t columns)
{
    size_t file = bp_reader_file_bytes(p->lines.reader), bytes, most;
    if (!bp_mul_size(&most, file, DENSE_RATIO) || most < DENSE_SMALL) {
        most = DENSE_SMALL;
    }
    if (bp_mul_size(&bytes, rows, sizeof(float)) && bp_add_size(&bytes, bytes, COLUMN_BYTES) &&
        bp_mul_size(&bytes, bytes, columns) && bytes <= most) {
        return BP_OK;
    }
    return bp_fail(BP_ERR_MEMORY,
                   "%s, line %zu: %zu rows of %zu columns, nearly all of them 0, from a file of %zu bytes: tables are "
                   "dense and would need more than %zu times its size; leave out rare features, or number them anew "
                   "without gaps",
                   p->lines.path, p->lines.number, rows, columns, file, DENSE_RATIO);
}

static bp_status grow_evidence(pass *p, size_t index)
{
    bp_status status = check_dense(p, 0, index + 1);
    if (status != BP_OK) {
        return status;
    }
    size_t room = p->room > index / 2 ? 2 * p->room : index + 1;
    bp_evidence *larger = bp_alloc(&p->lines.allocator, room, sizeof *larger);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (p->room > 0) {
        memcpy(larger, p->evidence, p->room * sizeof *larger);
    }
    bp_release(&p->lines.allocator, p->evidence);
    p->evidence = larger;
    p->room = room;
    return BP_OK;
}

static bp_status note_label(pass *p, double label)
{
    bp_note_number(&p->label, label);
    return BP_OK;
}

static bp_status note_pair(pass *p, const words *w, size_t index, double value)
{
    (void)w;
    bp_status status = index >= p->room ? grow_evidence(p, index) : BP_OK;
    if (status != BP_OK) {
        return status;
    }
    p->any = true;
    p->base = index == 0 ? 0 : p->base;
    p->largest = index > p->largest ? index : p->largest;
    bp_numeric_note(&p->evidence[index], value);
    return BP_OK;
}

/* The pairs that the lines do not have are numbers, too: 0. */
static void note_zeros(bp_evidence *e, size_t count)
{
    if (count == 0) {
        return;
    }
    bp_note_number(e, 0);
    double more = (double)(count - 1);
    e->numbers += count - 1;
    e->sum -= more * e->shift;
    e->squares += more * e->shift * e->shift;
}

/* Columns that the options ask to be numbers are there even if this file has only zeros in them: so a file fits a model
 * that was trained on another one with larger indices. */
static void ask_columns(pass *p, const bp_table_options *o)
{
    static const char column[] = "column";
    for (size_t i = 0; i < o->number_count; i++) {
        size_t index;
        const char *name = o->number[i];
        if (strncmp(name, column, sizeof column - 1) == 0 && bp_parse_size(&index, name + sizeof column - 1) &&
            index <= BP_MOST_COLUMNS) {
            p->any = true;
            p->base = index == 0 ? 0 : p->base;
            p->largest = index > p->largest ? index : p->largest;
        }
    }
}

static bp_status scan(pass *p, const bp_table_options *options)
{
    p->base = 1;
    bp_status status = parse_all(p, note_label, note_pair);
    if (status == BP_OK && p->rows == 0) {
        status = bp_fail(BP_ERR_DATA, "%s has no rows", p->lines.path);
    }
    ask_columns(p, options);
    if (status == BP_OK && !p->any) {
        status = bp_fail(BP_ERR_DATA, "%s: no line has a pair of index and value, as in 3:0.5", p->lines.path);
    }
    status = status == BP_OK ? check_dense(p, p->rows, p->largest + 1) : status;
    /* one more for the label */
    return status == BP_OK && p->largest + 1 >= p->room ? grow_evidence(p, p->largest + 1) : status;
}

/* ---- Second pass ------------------------------------------------------------------------------------------------- */

static bp_status put_label(pass *p, double label)
{
    bp_table *t = p->table;
    if (p->rows >= t->rows) {
        return bp_fail(BP_ERR_IO, "reading %s: the file changed while it was read; try again", p->lines.path);
    }
    return bp_numeric_put(t, p->rows, t->column_count - 1, label);
}

static bp_status put_pair(pass *p, const words *w, size_t index, double value)
{
    (void)w;
    if (index < p->base || index > p->largest) {
        return bp_fail(BP_ERR_IO, "reading %s: the file changed while it was read; try again", p->lines.path);
    }
    return bp_numeric_put(p->table, p->rows, index - p->base, value);
}

/* Records are made of zeros, which are zeros as numbers, but not as texts. */
static bp_status put_zeros(bp_table *t)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < t->column_count; i++) {
        for (size_t row = 0; t->column[i].kind == BP_COLUMN_TEXT && row < t->rows && status == BP_OK; row++) {
            status = bp_numeric_put(t, row, i, 0);
        }
    }
    return status;
}

static bp_status name_columns(bp_table **names, const pass *p)
{
    bp_status status = bp_table_new(names, p->lines.path, true, &p->lines.allocator);
    for (size_t index = p->base; index <= p->largest && status == BP_OK; index++) {
        char name[32];
        int n = snprintf(name, sizeof name, "column%zu", index);
        status = bp_table_add_column(*names, name, (size_t)n, BP_COLUMN_NUMBER, BP_F32);
    }
    return status == BP_OK ? bp_table_add_column(*names, LABEL, sizeof LABEL - 1, BP_COLUMN_NUMBER, BP_F32) : status;
}

static bp_status fill(bp_table **out, pass *p, const bp_table_options *options)
{
    bp_table *names = NULL;
    bp_status status = name_columns(&names, p);
    if (status == BP_OK) {
        for (size_t i = p->base; i <= p->largest; i++) {
            note_zeros(&p->evidence[i], p->rows - p->evidence[i].numbers);
        }
        p->evidence[p->largest + 1] = p->label;
        status = bp_numeric_table(out, names, p->evidence + p->base, p->rows, options);
    }
    bp_table_free(names);
    if (status != BP_OK) {
        return status;
    }
    size_t rows = p->rows;
    p->table = *out;
    status = put_zeros(*out);
    status = status == BP_OK ? parse_all(p, put_label, put_pair) : status;
    if (status == BP_OK && p->rows != rows) {
        status = bp_fail(BP_ERR_IO, "reading %s: the file changed while it was read; try again", p->lines.path);
    }
    return status == BP_OK ? bp_table_finish(*out) : status;
}

bp_status bp_libsvm_table(bp_table **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    pass p = {.lines = {.path = path, .allocator = bp_allocator_or_default(options->allocator)}};
    bp_status status = scan(&p, options);
    status = status == BP_OK ? fill(out, &p, options) : status;
    if (status != BP_OK) {
        bp_table_free(*out);
        *out = NULL;
    }
    close_lines(&p.lines);
    bp_release(&p.lines.allocator, p.evidence);
    return status;
}

/* Whether a line is a label and pairs; *blank: there is nothing but a comment. */
static bool looks_like_row(bool *blank, const char *line, size_t bytes)
{
    const char *comment = memchr(line, '#', bytes);
    words w = {NULL, line, line, comment ? comment : line + bytes, NULL, 0};
    double number;
    size_t pairs = 0;
    *blank = !next_word(&w);
    if (*blank || bp_number_parse(&number, w.word, w.bytes, '.') != BP_NUMBER_VALUE) {
        return false;
    }
    for (; next_word(&w); pairs++) {
        const char *colon = memchr(w.word, ':', w.bytes);
        size_t n = colon ? (size_t)(colon - w.word) : 0, index = 0;
        while (index < n && w.word[index] >= '0' && w.word[index] <= '9') {
            index++;
        }
        bool qid = pairs == 0 && n == 3 && memcmp(w.word, "qid", 3) == 0;
        if (n == 0 || (!qid && index < n) ||
            bp_number_parse(&number, colon + 1, w.bytes - n - 1, '.') == BP_NUMBER_NONE) {
            return false;
        }
    }
    return pairs > 0;
}

bool bp_libsvm_looks(const char *text, size_t bytes)
{
    for (bool blank = true; bytes > 0 && blank;) {
        const char *end = memchr(text, '\n', bytes);
        size_t n = end ? (size_t)(end - text) : bytes;
        if (looks_like_row(&blank, text, n)) {
            return true;
        }
        text += n + (end != NULL);
        bytes -= n + (end != NULL);
    }
    return false;
}
