/* table.h - the inside of tables, shared by the readers that make them and the preparation that uses them. */
#ifndef BP_TABLE_H
#define BP_TABLE_H

#include "backprop/io.h"
#include "base/base.h"

#define BP_NO_LEVEL UINT32_MAX /* code of a missing text */

/* Cells of a row lie side by side, each 4 bytes wide (f32 or a code) or 8 (f64), so that a shuffled row is one place in
 * memory. A column is f64 where f32 would lose what matters: dates, whole numbers beyond 2^24, values whose spread is small
 * beside their size. */
typedef struct bp_column {
    char *name;
    bp_column_kind kind;
    bp_type type;   /* BP_F32 or BP_F64; BP_I32 for codes (uint32_t) of text */
    size_t offset;  /* of its cell in a record, in bytes, a multiple of 4 (f64 cells need not be aligned to 8) */
    size_t missing; /* cells */
    char **level;   /* text: level_count distinct texts */
    size_t level_count;
} bp_column;

struct bp_table {
    bp_allocator allocator;
    char *source;
    bool has_header;
    bp_column *column;
    size_t column_count;
    char *records; /* rows x record_bytes */
    size_t rows, record_bytes;
    size_t skipped;
    char *skipped_why;
    void *mapping; /* of the cache file that records lie in; NULL: they are allocated */
    size_t mapping_bytes;
};

static inline const char *bp_table_cell(const bp_table *t, size_t row, const bp_column *c)
{
    return t->records + row * t->record_bytes + c->offset;
}

#endif
