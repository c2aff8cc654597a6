/* numeric.c - what NPY, NPZ and LIBSVM share once their numbers are known. The contract is in numeric.h. */
#include "data/numeric.h"

#include <math.h>

#include "base/decimal.h"

static bp_status refuse_dates(const bp_table *names, const bp_table_options *o)
{
    if (o->date_count > 0) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "%s: column \"%s\" is asked to be read as a date, but a file of numbers has no dates; read it as "
            "a number",
            names->source, o->date[0]);
    }
    return BP_OK;
}

bp_status bp_numeric_table(bp_table **out, const bp_table *names, bp_evidence *evidence, size_t rows,
                           const bp_table_options *options)
{
    *out = NULL;
    bp_plan plan;
    bp_status status = refuse_dates(names, options);
    if (status != BP_OK) {
        return status;
    }
    for (size_t i = 0; i < names->column_count; i++) {
        evidence[i].odd = names->column[i].kind == BP_COLUMN_TEXT ? rows : 0;
    }
    status = bp_plan_init(&plan, names, options);
    if (status == BP_OK) {
        bp_plan_guess(&plan, evidence);
        for (size_t i = 0; i < plan.count && status == BP_OK; i++) {
            if (names->column[i].kind == BP_COLUMN_TEXT && plan.column[i].kind != BP_COLUMN_TEXT) {
                status = bp_fail(BP_ERR_DATA, "%s: column \"%s\" is asked to be numbers, but it is an array of texts",
                                 names->source, names->column[i].name);
            }
        }
    }
    status = status == BP_OK ? bp_plan_table(out, &plan, names) : status;
    if (status == BP_OK && rows > 0 && !bp_table_add_rows(*out, rows)) {
        status = BP_ERR_MEMORY;
    }
    bp_plan_free(&plan);
    if (status != BP_OK) {
        bp_table_free(*out);
        *out = NULL;
    }
    return status;
}

bp_status bp_numeric_put_text(bp_table *t, size_t row, size_t column, double value)
{
    uint32_t code = BP_NO_LEVEL;
    char text[BP_DECIMAL_SIZE];
    size_t bytes = bp_decimal_text(text, value, BP_F64);
    bp_status status = isnan(value) ? BP_OK : bp_table_intern(&code, t, column, text, bytes);
    bp_record_set_code(t->records + row * t->record_bytes, &t->column[column], code);
    return status;
}
