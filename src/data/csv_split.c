/* csv_split.c - one row of CSV, cut into cells (RFC 4180, and blanks around cells, any delimiter, any line end). */
#include "data/csv.h"

enum { STOP = 1, BLANK = 2 }; /* a byte ends an unquoted cell; is a blank */

static const char unterminated[] = "its quote is never closed";
static const char after_quote[] = "more text follows its closing quote; a quote within quotes is written twice";

void bp_splitter_init(bp_splitter *s, char delimiter, const bp_allocator *a)
{
    *s = (bp_splitter){.allocator = *a, .delimiter = delimiter};
    s->class['\0'] = s->class['\n'] = s->class['\r'] = STOP;
    s->class[' '] = s->class['\t'] = BLANK;
    s->class[(unsigned char)delimiter] = STOP;
    if (delimiter == ' ') {
        s->class[' '] = s->class['\t'] = STOP | BLANK;
    }
}

void bp_splitter_free(bp_splitter *s)
{
    bp_release(&s->allocator, s->cell);
    s->cell = NULL;
    s->room = 0;
}

static bp_status grow_cells(bp_splitter *s)
{
    size_t room = s->room ? 2 * s->room : 64;
    if (s->room >= BP_MOST_COLUMNS) {
        return bp_fail(BP_ERR_FORMAT, "this row has more than %zu cells", BP_MOST_COLUMNS);
    }
    bp_cell *larger = bp_alloc(&s->allocator, room, sizeof *larger);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (s->room > 0) {
        memcpy(larger, s->cell, s->room * sizeof *larger);
    }
    bp_release(&s->allocator, s->cell);
    s->cell = larger;
    s->room = room;
    return BP_OK;
}

static inline bool has_class(const bp_splitter *s, char c, int class)
{
    return s->class[(unsigned char)c] & class;
}

static inline const char *skip_blanks(const bp_splitter *s, const char *p)
{
    while (has_class(s, *p, BLANK)) {
        p++;
    }
    return p;
}

/* The first byte at or behind p that ends an unquoted cell: eight at a time. In a word the lowest byte that is marked is
 * right, those above it may not be (S. E. Anderson, "Bit Twiddling Hacks", hasless and haszero). Bytes below 16 are line ends,
 * NUL and the tab, and a few that no text has. */
static inline const char *to_stop(const bp_splitter *s, const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t delimiter = ones * (unsigned char)s->delimiter;
    for (;;) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
            word = __builtin_bswap64(word);
        }
        uint64_t other = word ^ delimiter;
        uint64_t marks = (((word - ones * 16) & ~word) | ((other - ones) & ~other)) & tops;
        if (!marks) {
            p += sizeof word;
            continue;
        }
        p += __builtin_ctzll(marks) / 8;
        if (has_class(s, *p, STOP)) {
            return p;
        }
        p++;
    }
}

/* A cell at the opening quote p; returns behind the closing one, at a NUL byte, or behind `end` if there is neither. */
static const char *quoted_cell(bp_cell *cell, size_t *lines, const char *p, const char *end)
{
    const char *first = ++p;
    *cell = (bp_cell){.text = first, .quoted = true};
    for (; p < end; p++) {
        if (*p == '"') {
            if (p[1] != '"') {
                break;
            }
            cell->doubled = true;
            p++;
        }
        if (*p == '\0') {
            break;
        }
        *lines += *p == '\n' || (*p == '\r' && p[1] != '\n');
    }
    cell->bytes = (uint32_t)((p < end ? p : end) - first);
    return p < end && *p == '\0' ? p : p + 1;
}

/* The first line end at or behind p, or `end`. */
static const char *line_end(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r') {
        p++;
    }
    return p;
}

static bp_status fail_nul(void)
{
    return bp_fail(BP_ERR_FORMAT, "there is a NUL byte: this is no text file, or text in UTF-16, which has to be "
                                  "converted, for instance with iconv -f UTF-16 -t UTF-8");
}

/* An unclosed quote makes its first line a bad row, and the next one is tried again. */
static const char *give_up_quote(bp_csv_row *row, size_t *lines, const char *end)
{
    row->bad = unterminated;
    row->bad_cell = row->cells;
    *lines = 0;
    return line_end(row->raw, end);
}

/* The quoted cell at p, up to where the next cell or row begins; NULL if it may go on behind `end`. */
static const char *take_quoted(bp_splitter *s, bp_csv_row *row, size_t *lines, const char *p, const char *end,
                               bool last)
{
    p = quoted_cell(&s->cell[row->cells], lines, p, end);
    if (p >= end && !last) { /* nobody knows, or the closing quote may be the first of two */
        return NULL;
    }
    if (p > end) {
        return give_up_quote(row, lines, end);
    }
    p = s->delimiter == ' ' ? p : skip_blanks(s, p);
    if (!has_class(s, *p, STOP)) {
        row->bad = after_quote;
        row->bad_cell = row->cells;
        p = to_stop(s, p);
    }
    return p;
}

static const char *take_plain(bp_splitter *s, bp_cell *cell, const char *p)
{
    const char *first = p, *stop = to_stop(s, p), *behind = stop;
    while (behind > first && has_class(s, behind[-1], BLANK)) {
        behind--;
    }
    *cell = (bp_cell){.text = first, .bytes = (uint32_t)(behind - first)};
    return stop;
}

/* Past the delimiter at p, if there is one: another cell follows. */
static bool take_delimiter(const bp_splitter *s, const char **p)
{
    if (s->delimiter == ' ') {
        *p = skip_blanks(s, *p);
        return **p != '\n' && **p != '\r' && **p != '\0';
    }
    bool there = **p == s->delimiter;
    *p += there;
    return there;
}

bp_status bp_split_row(bp_splitter *s, bp_csv_row *row, const char **next, size_t *lines, const char *p,
                       const char *end, bool last)
{
    *row = (bp_csv_row){.raw = p};
    *next = NULL;
    *lines = 0;
    bool more = true;
    while (more) {
        bp_status status = row->cells == s->room ? grow_cells(s) : BP_OK;
        if (status != BP_OK) {
            return status;
        }
        p = skip_blanks(s, p);
        p = *p == '"' ? take_quoted(s, row, lines, p, end, last) : take_plain(s, &s->cell[row->cells], p);
        if (!p) {
            return BP_OK;
        }
        row->cells++;
        more = take_delimiter(s, &p);
    }
    if (p < end && *p == '\0') {
        return fail_nul();
    }
    if (!last && (p == end || (*p == '\r' && p + 1 == end))) { /* the line end may be CR LF */
        return BP_OK;
    }
    row->cell = s->cell;
    row->raw_bytes = (size_t)(p - row->raw);
    *lines += p < end;
    *next = p == end ? end : p + 1 + (*p == '\r' && p[1] == '\n');
    return BP_OK;
}

const char *bp_cell_plain(const bp_cell *cell, char *scratch, size_t *bytes)
{
    *bytes = cell->bytes;
    if (!cell->doubled) {
        return cell->text;
    }
    char *out = scratch;
    for (const char *p = cell->text, *end = p + cell->bytes; p < end; p++) {
        *out++ = *p;
        p += *p == '"'; /* the second of two */
    }
    *bytes = (size_t)(out - scratch);
    return scratch;
}
