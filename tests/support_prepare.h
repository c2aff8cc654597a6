/* support_prepare.h - small tables for tests, fitted and applied. */
#ifndef SUPPORT_PREPARE_H
#define SUPPORT_PREPARE_H

#include "support_io.h"

#include <math.h>

#include "data/prepare.h"

/* ---- Small tables ------------------------------------------------------------------------------------------------ */

static inline double parse_cell(const char *cell)
{
    return strcmp(cell, "") == 0 ? (double)NAN : atof(cell);
}

/* Cuts the next field, up to a comma or the end of the line, from *at. */
static inline char *next_field(char **at, char *out)
{
    size_t length = strcspn(*at, ",\n");
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + ((*at)[length] == ',');
    return out;
}

/* A table from text: a first line of names, each followed by n (number), d (f64 number), t (text) or s (date, in seconds):
 * "age:n,sex:t\n22,male\n". header false: the names are forgotten. */
static inline bp_table *table(const char *content, bool header)
{
    enum { MOST = 64 };
    char *text = strdup(content), *at = text, field[256], kinds[MOST];
    bp_table *t;
    size_t columns = 0;
    assert_ok(bp_table_new(&t, "small.csv", header, NULL));
    while (*at != '\n') {
        size_t length = strlen(next_field(&at, field)) - 2;
        kinds[columns] = field[length + 1];
        bp_column_kind kind = kinds[columns] == 't' ? BP_COLUMN_TEXT : BP_COLUMN_NUMBER;
        kind = kinds[columns] == 's' ? BP_COLUMN_DATE : kind;
        assert_ok(bp_table_add_column(t, header ? field : NULL, header ? length : 0, kind,
                                      kinds[columns++] == 'n' ? BP_F32 : BP_F64));
    }
    for (at++; *at; at++) {
        char *record = bp_table_add_rows(t, 1);
        assert_non_null(record);
        for (size_t c = 0; c < columns; c++) {
            uint32_t code = BP_NO_LEVEL;
            next_field(&at, field);
            if (kinds[c] != 't') {
                bp_record_set_number(record, &t->column[c], parse_cell(field));
                continue;
            }
            if (*field) {
                assert_ok(bp_table_intern(&code, t, c, field, strlen(field)));
            }
            bp_record_set_code(record, &t->column[c], code);
        }
    }
    assert_ok(bp_table_finish(t));
    free(text);
    return t;
}

/* Fits, and hands out what is read back from the text: every test goes the way through the model file. */
static inline bp_preparation *fit(const bp_table *t, const bp_prepare_options *o)
{
    bp_prepare_options defaults = bp_prepare_defaults();
    bp_preparation *p, *again;
    assert_ok(bp_preparation_fit(&p, t, NULL, 0, o ? o : &defaults));
    assert_ok(bp_preparation_parse(&again, bp_preparation_text(p), NULL));
    assert_string_equal(bp_preparation_text(again), bp_preparation_text(p));
    bp_preparation_free(p);
    return again;
}

static inline bp_dataset *apply(const bp_preparation *p, const bp_table *t, bool with_target, bp_prepare_report *report)
{
    bp_dataset *d;
    assert_ok(bp_preparation_apply(&d, p, t, NULL, 0, with_target, NULL, report));
    return d;
}

/* One input of a prepared row; both types must agree. */
static inline double input(const bp_dataset *d, size_t row, size_t at)
{
    float narrow[64];
    double wide[64];
    assert_true(d->train.inputs <= 64 && at < d->train.inputs && row < d->train.rows);
    d->train.fill(d->train.x, row, narrow, BP_F32);
    d->train.fill(d->train.x, row, wide, BP_F64);
    assert_true((double)narrow[at] == wide[at]);
    return wide[at];
}

static inline void assert_close(double a, double b)
{
    if (!(fabs(a - b) <= 1e-5 * fmax(1, fabs(b)))) {
        fail_msg("%.9g is not %.9g", a, b);
    }
}

#endif
