/* csv_fill.c - a row of cells into a record: numbers and dates first, because they can fail, then texts, because a row that
 * is left out must not leave levels behind. */
#include "data/csv.h"

#include <math.h>
#include <stdio.h>

bp_status bp_filler_init(bp_filler *f, bp_table *t, const bp_plan *p, bp_evidence *e, const bp_words *w,
                         const char *path, const bp_table_options *options)
{
    *f = (bp_filler){.table = t, .plan = p, .words = w, .path = path, .evidence = e, .skip = options->skip_bad_rows};
    f->point = options->decimal_comma ? ',' : '.';
    for (size_t i = 0; i < p->count && e; i++) {
        bp_evidence_init(&e[i]);
    }
    return BP_OK;
}

void bp_filler_free(bp_filler *f)
{
    bp_release(&f->table->allocator, f->scratch);
    f->scratch = NULL;
}

/* ---- What is wrong with a row ------------------------------------------------------------------------------------ */

static bp_status fail_cell(const bp_filler *f, const bp_csv_row *row, size_t column, bp_status status, const char *what,
                           const char *advice)
{
    char shown[64];
    const bp_cell *cell = &row->cell[column];
    bp_text_shown(shown, sizeof shown, cell->text, cell->bytes);
    if (column >= f->table->column_count) {
        return bp_fail(status, "reading %s, line %zu, column %zu: \"%s\" %s; %s", f->path, row->line, column + 1, shown,
                       what, advice);
    }
    return bp_fail(status, "reading %s, line %zu, column %zu (%s): \"%s\" %s; %s", f->path, row->line, column + 1,
                   f->table->column[column].name, shown, what, advice);
}

static bp_status fail_width(const bp_filler *f, const bp_csv_row *row)
{
    char shown[64];
    size_t expected = f->table->column_count;
    bp_text_shown(shown, sizeof shown, row->raw, row->raw_bytes);
    const char *advice = expected == 1 ? "take away the first row if it is a title"
                                       : "correct the line, put quotes around cells that contain the delimiter, or "
                                         "have bad rows skipped (--bad-rows skip)";
    return bp_fail(BP_ERR_FORMAT,
                   "reading %s, line %zu: this row has %zu cell%s, expected %zu as in the first row: \"%s\"; %s",
                   f->path, row->line, row->cells, row->cells == 1 ? "" : "s", expected, shown, advice);
}

static bp_status fail_number(const bp_filler *f, const bp_csv_row *row, size_t column, bp_number_kind kind)
{
    if (kind == BP_NUMBER_INFINITE) {
        return fail_cell(f, row, column, BP_ERR_DATA, "is infinite or too large",
                         "correct the cell, or name the word among those that stand for a missing value");
    }
    return fail_cell(
        f, row, column, BP_ERR_DATA, "is not a number",
        "correct the cell, name the word among those that stand for a missing value, or read the column as "
        "text");
}

static bp_status fail_date(const bp_filler *f, const bp_csv_row *row, size_t column)
{
    char what[64];
    snprintf(what, sizeof what, "is not a date of the form %s", bp_date_format_name(f->plan->column[column].format));
    return fail_cell(
        f, row, column, BP_ERR_DATA, what,
        "correct the cell, name the word among those that stand for a missing value, or read the column as "
        "text");
}

/* ---- Surprises --------------------------------------------------------------------------------------------------- */

/* Notes the cell of a guessed column, whatever it is; a cell of another kind than planned ends the filling. */
static void look_at(bp_filler *f, const bp_csv_row *row, size_t column)
{
    const bp_plan_column *plan = &f->plan->column[column];
    const bp_cell *cell = &row->cell[column];
    bp_evidence *e = &f->evidence[column];
    if (bp_note_cell(e, cell, f->point) != plan->kind) {
        f->surprised = true;
        if (e->surprises++ == 0) {
            e->line = row->line;
            bp_text_shown(e->text, sizeof e->text, cell->text, cell->bytes);
        }
    }
}

/* ---- Cells ------------------------------------------------------------------------------------------------------- */

/* *value is NaN for a missing cell, or where looking only. */
static bp_status take_number(bp_filler *f, double *value, const bp_csv_row *row, size_t column)
{
    const bp_plan_column *plan = &f->plan->column[column];
    const bp_cell *cell = &row->cell[column];
    bp_number_kind kind = bp_number_parse(value, cell->text, cell->bytes, f->point);
    if (kind == BP_NUMBER_VALUE) {
        if (f->evidence) {
            bp_note_number(&f->evidence[column], *value);
        }
        if (plan->type == BP_F32) {
            *value = (double)bp_number_narrow(*value, cell->text, cell->bytes, f->point);
            if (isinf(*value) && !f->evidence) {
                return fail_number(f, row, column, BP_NUMBER_INFINITE);
            }
        }
        return BP_OK;
    }
    *value = (double)NAN;
    if (kind == BP_NUMBER_MISSING || bp_cell_missing(f->words, cell)) {
        return BP_OK;
    }
    if (plan->asked || kind == BP_NUMBER_INFINITE || !f->evidence) {
        return fail_number(f, row, column, kind);
    }
    look_at(f, row, column);
    return BP_OK;
}

static bp_status take_date(bp_filler *f, double *value, const bp_csv_row *row, size_t column)
{
    const bp_plan_column *plan = &f->plan->column[column];
    const bp_cell *cell = &row->cell[column];
    bool fits = bp_date_parse(value, cell->text, cell->bytes, plan->format);
    bool fixed = plan->asked_format || !f->evidence || (plan->asked && plan->format == BP_DATE_YMD);
    if (fits && fixed) {
        return BP_OK;
    }
    if (fits && f->evidence[column].formats == 1U << plan->format) { /* no other order is left */
        f->evidence[column].dates++;
        return BP_OK;
    }
    if (!fits) {
        *value = (double)NAN;
        if (bp_cell_missing(f->words, cell)) {
            return BP_OK;
        }
        if (fixed || (plan->asked && !bp_date_formats(cell->text, cell->bytes))) {
            return fail_date(f, row, column);
        }
        f->surprised = true; /* at best another order of day and month than planned */
    }
    look_at(f, row, column);
    return BP_OK;
}

static bp_status take_text(bp_filler *f, char *record, const bp_csv_row *row, size_t column)
{
    const bp_cell *cell = &row->cell[column];
    bp_table *t = f->table;
    uint32_t code = BP_NO_LEVEL;
    if (bp_cell_missing(f->words, cell)) {
        t->column[column].missing++;
        bp_record_set_code(record, &t->column[column], code);
        return BP_OK;
    }
    if (cell->doubled && cell->bytes > f->scratch_bytes) {
        bp_release(&t->allocator, f->scratch);
        f->scratch_bytes = 0;
        f->scratch = bp_alloc(&t->allocator, 2, cell->bytes);
        if (!f->scratch) {
            return BP_ERR_MEMORY;
        }
        f->scratch_bytes = 2 * (size_t)cell->bytes;
    }
    size_t bytes;
    const char *text = bp_cell_plain(cell, f->scratch, &bytes);
    bp_status status = bp_table_intern(&code, t, column, text, bytes);
    if (status != BP_OK) {
        return status == BP_ERR_FORMAT ? bp_fail_context(status, "reading %s, line %zu, column %zu (%s): ", f->path,
                                                         row->line, column + 1, t->column[column].name)
                                       : status;
    }
    bp_record_set_code(record, &t->column[column], code);
    return BP_OK;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

static bp_status fill_numbers(bp_filler *f, char *record, const bp_csv_row *row, size_t *filled)
{
    const bp_table *t = f->table;
    for (size_t i = 0; i < t->column_count; i++) {
        double value;
        bp_column *c = &t->column[i];
        *filled = i;
        if (c->kind == BP_COLUMN_TEXT) {
            continue;
        }
        bp_status status = c->kind == BP_COLUMN_NUMBER ? take_number(f, &value, row, i) : take_date(f, &value, row, i);
        if (status != BP_OK) {
            return status;
        }
        c->missing += isnan(value) != 0;
        if (record) {
            bp_record_set_number(record, c, value);
        }
    }
    return BP_OK;
}

static bp_status fill_texts(bp_filler *f, char *record, const bp_csv_row *row)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < f->table->column_count && status == BP_OK; i++) {
        if (f->table->column[i].kind == BP_COLUMN_TEXT) {
            status = take_text(f, record, row, i);
        }
    }
    return status;
}

/* Takes back what fill_numbers counted before it failed at column `filled`. */
static void uncount(bp_table *t, const char *record, size_t filled)
{
    for (size_t i = 0; i < filled && record; i++) {
        if (t->column[i].kind != BP_COLUMN_TEXT) {
            t->column[i].missing -= isnan(bp_table_number(t, t->rows - 1, i)) != 0;
        }
    }
}

static bp_status skip_row(bp_filler *f, bp_status status)
{
    bool hard = status != BP_ERR_DATA && status != BP_ERR_FORMAT;
    if (hard || !f->skip) {
        return status;
    }
    if (f->table->skipped++ == 0) {
        f->table->skipped_why = bp_table_keep(f->table, bp_error(), strlen(bp_error()));
        return f->table->skipped_why ? BP_OK : BP_ERR_MEMORY;
    }
    return BP_OK;
}

bp_status bp_fill_row(bp_filler *f, const bp_csv_row *row)
{
    bp_table *t = f->table;
    if (row->bad) {
        return skip_row(f, fail_cell(f, row, row->bad_cell, BP_ERR_FORMAT, row->bad, "correct the line"));
    }
    if (row->cells != t->column_count) {
        return skip_row(f, fail_width(f, row));
    }
    char *record = NULL;
    if (!f->surprised) {
        record = bp_table_add_rows(t, 1);
        if (!record) {
            return BP_ERR_MEMORY;
        }
    }
    size_t filled;
    bp_status status = fill_numbers(f, record, row, &filled);
    if (status != BP_OK) {
        uncount(t, record, filled);
        t->rows -= record != NULL;
        return skip_row(f, status);
    }
    return f->surprised ? BP_OK : fill_texts(f, record, row);
}
