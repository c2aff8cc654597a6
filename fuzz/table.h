/* table.h - what a fuzz target does with a table that it could read: looks at everything in it. */
#ifndef FUZZ_TABLE_H
#define FUZZ_TABLE_H

#include <math.h>

#include "data/table.h"
#include "input.h"

/* Dies where the numbers of the table contradict one another. Frees the table. */
static inline void table_check(bp_table *t)
{
    for (size_t column = 0; column < bp_table_columns(t); column++) {
        bp_column_info info = bp_table_column(t, column);
        size_t missing = 0, length = 0;
        for (size_t row = 0; row < bp_table_rows(t); row++) {
            const char *text = info.kind == BP_COLUMN_TEXT ? bp_table_text(t, row, column) : NULL;
            missing += info.kind == BP_COLUMN_TEXT ? !text : isnan(bp_table_number(t, row, column)) != 0;
            length += text ? strlen(text) : 0;
        }
        if (missing != info.missing || length > SIZE_MAX / 2 || !info.name) {
            abort();
        }
    }
    bp_table_free(t);
}

/* A reader either gives a table or says why not. */
static inline void table_demand(bp_status status, bp_table *t)
{
    if ((status == BP_OK) != (t != NULL) || (status != BP_OK && !*bp_error())) {
        abort();
    }
    if (t) {
        table_check(t);
    }
}

#endif
