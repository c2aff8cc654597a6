/* numeric.h - tables from formats whose cells are numbers already: NPY, NPZ, LIBSVM.
 *
 * Such a file is read twice. The first pass checks all of it and notes every number as evidence for its column; then the
 * columns get their kinds and widths, and memory is taken; the second pass fills the rows. So nothing is allocated for
 * what a header promises and the file does not have. */
#ifndef BP_NUMERIC_H
#define BP_NUMERIC_H

#include "data/csv.h"
#include "data/table.h"

/* Notes a number of the first pass; NaN is a missing cell and says nothing. */
static inline void bp_numeric_note(bp_evidence *e, double value)
{
    if (value == value) {
        bp_note_number(e, value);
    }
}

/* A table with `rows` rows for the columns of `names`, which has none: those that are text there are text; the others are
 * numbers as wide as the evidence asks for, or text where the options want it. */
bp_status bp_numeric_table(bp_table **out, const bp_table *names, bp_evidence *evidence, size_t rows,
                           const bp_table_options *options);
/* A number as a text: the shortest decimal that reads back as the same double. */
bp_status bp_numeric_put_text(bp_table *t, size_t row, size_t column, double value);
/* Puts a number into a cell, of either kind: NaN is a missing one. */
static inline bp_status bp_numeric_put(bp_table *t, size_t row, size_t column, double value)
{
    const bp_column *c = &t->column[column];
    if (c->kind == BP_COLUMN_TEXT) {
        return bp_numeric_put_text(t, row, column, value);
    }
    bp_record_set_number(t->records + row * t->record_bytes, c, value);
    return BP_OK;
}

#endif
