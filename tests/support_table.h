/* support_table.h - what the tests of tables share: text to table, table to text. */
#ifndef SUPPORT_TABLE_H
#define SUPPORT_TABLE_H

#include "support_io.h"

#include <math.h>

static inline bp_status read_bytes(bp_table **t, const char *text, size_t size, const bp_table_options *o)
{
    write_file(in_folder("t.csv"), text, size);
    return bp_table_read(t, in_folder("t.csv"), o);
}

static inline bp_status read_text(bp_table **t, const char *text, const bp_table_options *o)
{
    return read_bytes(t, text, strlen(text), o);
}

/* A cell as text: numbers with the digits that their type has, missing as "-". */
static inline const char *cell_text(const bp_table *t, size_t row, size_t column)
{
    static char text[64];
    const char *known = bp_table_text(t, row, column);
    if (bp_table_column(t, column).kind == BP_COLUMN_TEXT) {
        return known ? known : "-";
    }
    double value = bp_table_number(t, row, column);
    snprintf(text, sizeof text, "%.*g", bp_table_column(t, column).type == BP_F32 && fabs(value) < 1e6 ? 6 : 15, value);
    return isnan(value) ? "-" : text;
}

/* The whole table on one line: names and kinds, then rows: "a:n b:t|1 x|2 y". */
static inline const char *shown(const bp_table *t)
{
    static char out[4096];
    size_t n = 0;
    for (size_t i = 0; i < bp_table_columns(t); i++) {
        bp_column_info c = bp_table_column(t, i);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s:%c", i ? " " : "", c.name, bp_column_kind_name(c.kind)[0]);
    }
    for (size_t row = 0; row < bp_table_rows(t); row++) {
        for (size_t i = 0; i < bp_table_columns(t); i++) {
            n += (size_t)snprintf(out + n, sizeof out - n, "%c%s", i ? ' ' : '|', cell_text(t, row, i));
        }
    }
    return out;
}

#endif
