/* csv.h - the parts of the CSV reader: rows of raw cells, what they look like, and the filling of records.
 *
 * csv_split.c   one row of bytes into cells
 * csv_rows.c    a file, packed or not, or a pipe, as rows, with line numbers
 * csv_words.c   words for "no value"
 * csv_detect.c  delimiter, header and kinds of columns from the first rows
 * csv_plan.c    kinds of columns: what was asked for, what the first rows say, what all rows say
 * csv_fill.c    a row of cells into a record
 * csv_read.c    a whole table, in as many passes as its surprises ask for
 * csv_stream.c  block by block */
#ifndef BP_CSV_H
#define BP_CSV_H

#include "data/date.h"
#include "data/number.h"
#include "data/table.h"

/* ---- Cells of a row ---------------------------------------------------------------------------------------------- */

typedef struct bp_cell {
    const char *text; /* without blanks around it and without quotes */
    uint32_t bytes;
    bool quoted, doubled; /* doubled: holds "" for each " */
} bp_cell;

typedef struct bp_csv_row {
    const bp_cell *cell; /* valid until the next row */
    size_t cells;        /* 0: the end of the file */
    size_t line;         /* in the file, from 1, where it begins */
    const char *raw;     /* the row as it stands there, without the line end */
    size_t raw_bytes;
    const char *bad; /* what is wrong with its quotes; NULL: nothing */
    size_t bad_cell;
} bp_csv_row;

/* What cells are cut by. */
typedef struct bp_splitter {
    bp_allocator allocator;
    char delimiter;
    unsigned char class[256];
    bp_cell *cell; /* room of them */
    size_t room;
} bp_splitter;

#define BP_SPLIT_SPARE 8

void bp_splitter_init(bp_splitter *s, char delimiter, const bp_allocator *a);
void bp_splitter_free(bp_splitter *s);
/* Cuts the row that begins at p, where *end == '\0' behind the last byte, and BP_SPLIT_SPARE more bytes may be read. *next: behind its line end, or NULL if the row may
 * go on behind `end`, which it cannot where `last`. *lines: line ends passed. Fails for lack of memory and for NUL bytes. */
bp_status bp_split_row(bp_splitter *s, bp_csv_row *row, const char **next, size_t *lines, const char *p,
                       const char *end, bool last);
/* The cell's text without doubled quotes: as it is, or copied to scratch, which has room for cell->bytes. */
const char *bp_cell_plain(const bp_cell *cell, char *scratch, size_t *bytes);

/* ---- Rows of a file ---------------------------------------------------------------------------------------------- */

typedef struct bp_csv bp_csv;

/* keep: all bytes of what cannot be read twice, such as a pipe, are kept for bp_csv_rewind. */
bp_status bp_csv_open(bp_csv **out, const char *path, bool keep, const bp_allocator *allocator);
void bp_csv_close(bp_csv *c);
/* The content from the beginning, without the byte order mark: about `want` bytes or all there are; *all says which. From a
 * pipe that pauses it may be less if it is not read whole (keep), but it is more than `least`. */
bp_status bp_csv_head(bp_csv *c, const char **text, size_t *bytes, bool *all, size_t least, size_t want);
void bp_csv_set_delimiter(bp_csv *c, char delimiter);
char bp_csv_delimiter(const bp_csv *c);
/* The next row that is not blank; row->cells = 0 at the end. */
bp_status bp_csv_next(bp_csv *c, bp_csv_row *row);
/* The same, but where that would have to wait for a pipe: *later = true, and no row. */
bp_status bp_csv_next_at_hand(bp_csv *c, bp_csv_row *row, bool *later);
bp_status bp_csv_rewind(bp_csv *c);
/* How many bytes may be left; SIZE_MAX where nobody knows. */
size_t bp_csv_left(const bp_csv *c);
const char *bp_csv_path(const bp_csv *c); /* "standard input" for "-" */

/* ---- Words for "no value" ---------------------------------------------------------------------------------------- */

typedef struct bp_words {
    bp_allocator allocator;
    char *text; /* in small letters, commas replaced by NUL */
    const char **word;
    size_t count, longest;
    bool first[256]; /* bytes that words begin with, in small and capital letters */
} bp_words;

bp_status bp_words_init(bp_words *w, const char *list, const bp_allocator *a); /* list NULL: the default */
void bp_words_free(bp_words *w);
bool bp_words_have(const bp_words *w, const char *text, size_t bytes);
static inline bool bp_cell_missing(const bp_words *w, const bp_cell *cell)
{
    return cell->bytes == 0 || (cell->bytes <= w->longest && w->first[(unsigned char)cell->text[0]] &&
                                bp_words_have(w, cell->text, cell->bytes));
}

/* ---- What the cells of a column say about its kind --------------------------------------------------------------- */

typedef struct bp_evidence {
    size_t numbers, dates, odd; /* cells of each sort: dates that are no numbers; neither. Missing cells say nothing */
    unsigned formats;           /* of dates, a bit each, that fit all of them */
    double least, most;         /* of the numbers */
    double shift, sum, squares; /* of number - shift, shift being the first of them */
    bool fractions;             /* some are not whole */
    bool inexact;               /* some are no f32 */
    size_t surprises; /* cells that are not of the kind that the plan has for the column; the first of them: */
    size_t line;
    char text[48];
} bp_evidence;

void bp_evidence_init(bp_evidence *e);
/* What nearly all of the cells are. */
bp_column_kind bp_evidence_kind(const bp_evidence *e);
/* Notes a number. */
static inline void bp_note_number(bp_evidence *e, double x)
{
    if (e->numbers++ == 0) {
        e->shift = e->least = e->most = x;
    }
    double d = x - e->shift;
    e->least = x < e->least ? x : e->least;
    e->most = x > e->most ? x : e->most;
    e->sum += d;
    e->squares += d * d;
    e->inexact |= (double)(float)x != x;
    e->fractions |= !(x > -9e18 && x < 9e18) || (double)(int64_t)x != x;
}
/* Notes any cell that is not missing; returns what it is: a number, else a date, else a text. */
bp_column_kind bp_note_cell(bp_evidence *e, const bp_cell *cell, char point);

/* ---- The plan: kinds of columns ---------------------------------------------------------------------------------- */

typedef struct bp_plan_column {
    bp_column_kind kind;
    bp_type type;
    bp_date_format format;
    bool asked;        /* for this kind, by the options: what does not fit is an error */
    bool asked_format; /* of dates */
    bool wide;         /* asked for */
    size_t odd, line;  /* as in bp_column_info */
    char text[48];
} bp_plan_column;

typedef struct bp_plan {
    bp_allocator allocator;
    bp_plan_column *column;
    size_t count;
} bp_plan;

/* A plan for the columns of `names` as far as the options go; all others are text. */
bp_status bp_plan_init(bp_plan *p, const bp_table *names, const bp_table_options *options);
void bp_plan_free(bp_plan *p);
/* For a stream: numbers are f32 if not asked to be wide, dates "iso" if not asked to be something else. */
void bp_plan_fix(bp_plan *p);
/* The kinds that a sample suggests, for what was not asked for. */
void bp_plan_guess(bp_plan *p, const bp_evidence *sample);
/* The kinds that all cells prove; *changed: they are others than planned. Fails for a demanded date without a clear order. */
bp_status bp_plan_revise(bp_plan *p, bool *changed, const bp_evidence *all, const bp_table *names);
/* A table with the names and source of `names`, and the plan's columns. */
bp_status bp_plan_table(bp_table **out, const bp_plan *p, const bp_table *names);

/* ---- What the first rows look like ------------------------------------------------------------------------------- */

typedef struct bp_csv_shape {
    bp_table *names;       /* a table without rows that has the names of the columns, and what kinds they seem to be */
    bp_evidence *evidence; /* of each column, a sample */
    size_t row_bytes;      /* on average */
    const char *header;    /* the line of the header, valid until the next row is read; NULL: there is none */
    size_t header_bytes;
} bp_csv_shape;

/* Sets the delimiter of c and finds out the rest; c is then before the first row of data. */
bp_status bp_csv_detect(bp_csv_shape *out, bp_csv *c, const bp_table_options *options, const bp_words *words);
void bp_csv_shape_free(bp_csv_shape *shape, const bp_allocator *a);

/* ---- Filling records --------------------------------------------------------------------------------------------- */

typedef struct bp_filler {
    bp_table *table; /* whose columns are the plan's */
    const bp_plan *plan;
    const bp_words *words;
    const char *path;
    bp_evidence *evidence; /* of each column; NULL: a surprise is an error */
    char point;
    bool skip;      /* bad rows are counted, not errors */
    bool surprised; /* a cell is not of the planned kind: from now on, rows are only looked at */
    char *scratch;
    size_t scratch_bytes;
} bp_filler;

bp_status bp_filler_init(bp_filler *f, bp_table *t, const bp_plan *p, bp_evidence *e, const bp_words *w,
                         const char *path, const bp_table_options *options);
void bp_filler_free(bp_filler *f);
/* Puts a row into a new record of the table. A bad row is an error, or counted and left out. */
bp_status bp_fill_row(bp_filler *f, const bp_csv_row *row);

#endif
