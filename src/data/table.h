/* table.h - the inside of tables, shared by the readers that make them and the preparation that uses them. */
#ifndef BP_TABLE_H
#define BP_TABLE_H

#include <string.h>

#include "backprop/io.h"
#include "base/base.h"

#define BP_NO_LEVEL     UINT32_MAX /* code of a missing text */
#define BP_MOST_COLUMNS ((size_t)1 << 20)

/* The distinct texts of a column while it grows: an open hash table of codes. */
typedef struct bp_dictionary {
    uint32_t *slot; /* code + 1; 0: free. slots of them, a power of 2 */
    size_t slots;
    uint32_t *hash; /* of each level */
    size_t room;    /* of hash and of the column's level */
} bp_dictionary;

/* Cells of a row lie side by side, each 4 bytes wide (f32 or a code) or 8 (f64), so that a shuffled row is one place in
 * memory. A column is f64 where f32 would lose what matters: dates, whole numbers beyond 2^24, values whose spread is small
 * beside their size. */
typedef struct bp_column {
    const char *name;
    bp_column_kind kind;
    bp_type type;       /* BP_F32 or BP_F64; BP_I32 for codes (uint32_t) of text */
    size_t offset;      /* of its cell in a record, in bytes, a multiple of 4 (f64 cells need not be aligned to 8) */
    size_t missing;     /* cells */
    const char **level; /* text: level_count distinct texts */
    size_t level_count;
    size_t odd, odd_line; /* as in bp_column_info */
    const char *odd_text;
    const char *date_format; /* static */
    bp_dictionary dictionary;
} bp_column;

/* Texts of one life time, packed into blocks. */
typedef struct bp_text_block {
    struct bp_text_block *next;
    size_t used, size; /* of the bytes that follow */
} bp_text_block;

struct bp_table {
    bp_allocator allocator;
    const char *source;
    bool has_header;
    bp_column *column;
    size_t column_count, column_room;
    char *records; /* rows x record_bytes */
    size_t rows, record_bytes, row_room;
    size_t rows_before; /* of the file, in earlier blocks of a stream: for messages */
    size_t skipped;
    const char *skipped_why;
    bp_text_block *names;  /* names and the like; levels of a table that is read whole, too */
    bp_text_block *levels; /* texts that bp_table_clear forgets */
    void *mapping;         /* of the cache file that records and levels lie in; NULL: they are allocated */
    size_t mapping_bytes;
};

static inline const char *bp_table_cell(const bp_table *t, size_t row, const bp_column *c)
{
    return t->records + row * t->record_bytes + c->offset;
}

/* The code of a text, less than level_count or BP_NO_LEVEL, whatever a damaged cache file has there. */
static inline uint32_t bp_table_code(const bp_table *t, size_t row, const bp_column *c)
{
    uint32_t code;
    memcpy(&code, bp_table_cell(t, row, c), sizeof code);
    return code < c->level_count ? code : BP_NO_LEVEL;
}

/* ---- Making one: columns first, then rows, then the end ------------------------------------------------------------ */

/* source may be any text that says where the rows come from. */
bp_status bp_table_new(bp_table **out, const char *source, bool has_header, const bp_allocator *allocator);
/* Adds a column on the right, before any row. name NULL or empty: "column1" ... Names that are no UTF-8 are
 * errors. type: BP_F32 or BP_F64; for text it does not matter. */
bp_status bp_table_add_column(bp_table *t, const char *name, size_t name_bytes, bp_column_kind kind, bp_type type);
/* Fails if two columns have the same name: for those whose names come from a file. */
bp_status bp_table_check_names(const bp_table *t);
/* Room for `rows` more rows; NULL with the text set if there is no memory. The records returned, zeroed, are part of the
 * table at once; t->rows may be lowered to take rows back. */
char *bp_table_add_rows(bp_table *t, size_t rows);
/* Room for that many rows in all, without adding any. */
bp_status bp_table_reserve(bp_table *t, size_t rows);
/* Puts a value into a record. NaN and BP_NO_LEVEL are missing cells: they are counted by bp_table_finish. */
static inline void bp_record_set_number(char *record, const bp_column *c, double value)
{
    float narrow = (float)value;
    if (c->type == BP_F32) {
        memcpy(record + c->offset, &narrow, sizeof narrow);
    } else {
        memcpy(record + c->offset, &value, sizeof value);
    }
}
static inline void bp_record_set_code(char *record, const bp_column *c, uint32_t code)
{
    memcpy(record + c->offset, &code, sizeof code);
}
/* The code of a text of a text column, a new one if it is new. Texts must be UTF-8 without NUL: BP_ERR_FORMAT. */
bp_status bp_table_intern(uint32_t *code, bp_table *t, size_t column, const char *text, size_t bytes);
/* A copy of the text that lives as long as the table; NULL with the text set if there is no memory. */
const char *bp_table_keep(bp_table *t, const char *text, size_t bytes);
/* Counts the missing cells and gives back memory that is no longer needed. */
bp_status bp_table_finish(bp_table *t);
/* The last of the two alone: for readers that count missing cells on the way. */
bp_status bp_table_shrink(bp_table *t);
/* Adds the missing cells of rows first .. t->rows - 1 to the counts of the columns. */
void bp_table_count_missing(bp_table *t, size_t first);
/* Forgets rows and levels, for the next block of a stream. */
void bp_table_clear(bp_table *t);

/* Fails unless the bytes are UTF-8 (RFC 3629); what: "the name of column 3". */
bp_status bp_check_utf8(const char *text, size_t bytes, const char *what);
/* Copies text to out as an error message shows it: cut to fit, never within a character, control characters as "?". */
const char *bp_text_shown(char *out, size_t size, const char *text, size_t bytes);

/* ---- Readers by format: bp_table_read calls the one that fits the content ------------------------------------------ */

bp_status bp_csv_table(bp_table **out, const char *path, const bp_table_options *options);
bp_status bp_npy_table(bp_table **out, const char *path, const bp_table_options *options);
bp_status bp_npz_table(bp_table **out, const char *path, const bp_table_options *options);
bp_status bp_libsvm_table(bp_table **out, const char *path, const bp_table_options *options);
/* Whether a text, which may be cut off, begins like LIBSVM: its first row is a number and pairs like 3:0.5. */
bool bp_libsvm_looks(const char *text, size_t bytes);

#endif
