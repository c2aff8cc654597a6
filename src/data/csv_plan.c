/* csv_plan.c - which kind each column has: what the options ask for, what the first rows suggest, what all rows prove.
 *
 * A first guess may be wrong; the cells that contradict it are counted as evidence, and the next pass goes by the evidence
 * of all rows. Evidence only ever leads from numbers and dates to text, and from f32 to f64, so that the passes end. */
#include "data/csv.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define MOSTLY 0.9 /* this share of the first cells makes a kind, the others are surprises */

static const unsigned any_format = (1U << BP_DATE_FORMATS) - 1;

/* ---- Evidence ---------------------------------------------------------------------------------------------------- */

void bp_evidence_init(bp_evidence *e)
{
    *e = (bp_evidence){.formats = any_format};
}

bp_column_kind bp_note_cell(bp_evidence *e, const bp_cell *cell, char point)
{
    double value;
    bp_number_kind kind = bp_number_parse(&value, cell->text, cell->bytes, point);
    if (kind != BP_NUMBER_NONE) {
        if (kind == BP_NUMBER_VALUE) {
            bp_note_number(e, value);
        } else {
            e->numbers++;
        }
        return BP_COLUMN_NUMBER;
    }
    unsigned formats = bp_date_formats(cell->text, cell->bytes);
    if (formats & e->formats) {
        e->formats &= formats;
        e->dates++;
        return BP_COLUMN_DATE;
    }
    e->odd++;
    return BP_COLUMN_TEXT;
}

/* Whether f32 would lose what matters: whole numbers that it does not have, numbers beyond its range, or a step of f32 that
 * is more than a thousandth of the standard deviation. */
static bool needs_f64(const bp_evidence *e)
{
    if (!e->inexact || e->numbers == 0) {
        return false;
    }
    double n = (double)e->numbers, size = fmax(fabs(e->least), fabs(e->most));
    if (!e->fractions || size > (double)FLT_MAX || size < (double)FLT_MIN) {
        return true;
    }
    double mean = e->sum / n, variance = e->squares / n - mean * mean;
    return e->least < e->most && size * (double)FLT_EPSILON / 2 > 1e-3 * sqrt(fmax(variance, 0));
}

/* ---- What was asked for ------------------------------------------------------------------------------------------ */

/* One list of the options. */
typedef struct wish {
    const char *what;
    const char *const *name;
    size_t count;
} wish;

/* The names in the list that the table does not have, all in one message. */
static bp_status check_names(const wish *w, const bp_table *names)
{
    char list[400];
    size_t used = 0, missing = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (bp_table_find(names, w->name[i]) == names->column_count) {
            int n = used < sizeof list
                        ? snprintf(list + used, sizeof list - used, "%s\"%s\"", missing ? ", " : "", w->name[i])
                        : 0;
            used += n > 0 ? (size_t)n : 0;
            missing++;
        }
    }
    if (missing > 1) {
        return bp_fail_context(BP_ERR_ARGUMENT, "%zu columns are missing, %s%s: ", missing, list,
                               used < sizeof list ? "" : "...");
    }
    return missing == 0 ? BP_OK : BP_ERR_ARGUMENT;
}

static bp_status ask(bp_plan *p, const bp_table *names, const wish *w, bp_column_kind kind)
{
    bp_status status = check_names(w, names);
    for (size_t i = 0; i < w->count && status == BP_OK; i++) {
        size_t column = bp_table_find(names, w->name[i]);
        bp_plan_column *c = &p->column[column];
        if (c->asked && c->kind != kind) {
            status = bp_fail(BP_ERR_ARGUMENT, "column %s is asked to be read as %s and as %s; choose one",
                             names->column[column].name, bp_column_kind_name(c->kind), bp_column_kind_name(kind));
        }
        c->kind = kind;
        c->asked = true;
    }
    return status;
}

static bp_status ask_formats(bp_plan *p, const bp_table *names, const bp_table_options *o)
{
    for (size_t i = 0; i < o->date_count && o->date_format; i++) {
        if (!o->date_format[i]) {
            continue;
        }
        size_t format = 0;
        while (format < BP_DATE_FORMATS && strcmp(bp_date_format_name(format), o->date_format[i]) != 0) {
            format++;
        }
        if (format == BP_DATE_FORMATS) {
            return bp_fail(BP_ERR_ARGUMENT, "unknown date format \"%s\" (valid: iso, d.m.y, d/m/y, m/d/y, ymd)",
                           o->date_format[i]);
        }
        bp_plan_column *c = &p->column[bp_table_find(names, o->date[i])];
        c->format = (bp_date_format)format;
        c->asked_format = true;
    }
    return BP_OK;
}

static bp_status ask_wide(bp_plan *p, const bp_table *names, const wish *w)
{
    bp_status status = check_names(w, names);
    for (size_t i = 0; i < w->count && status == BP_OK; i++) {
        p->column[bp_table_find(names, w->name[i])].wide = true;
    }
    return status;
}

bp_status bp_plan_init(bp_plan *p, const bp_table *names, const bp_table_options *asked)
{
    bp_table_options o = *asked, *options = &o;
    *p = (bp_plan){.allocator = names->allocator, .count = names->column_count};
    bp_status status = o.on_columns ? o.on_columns(o.ctx, names, &o) : BP_OK;
    if (status != BP_OK) {
        return status;
    }
    p->column = bp_alloc(&p->allocator, p->count, sizeof *p->column);
    if (!p->column) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < p->count; i++) {
        p->column[i].kind = BP_COLUMN_TEXT;
    }
    wish number = {"number", options->number, options->number_count};
    wish text = {"text", options->text, options->text_count};
    wish date = {"date", options->date, options->date_count};
    wish wide = {"wide", options->wide, options->wide_count};
    status = ask(p, names, &number, BP_COLUMN_NUMBER);
    status = status == BP_OK ? ask(p, names, &text, BP_COLUMN_TEXT) : status;
    status = status == BP_OK ? ask(p, names, &date, BP_COLUMN_DATE) : status;
    status = status == BP_OK ? ask_formats(p, names, options) : status;
    return status == BP_OK ? ask_wide(p, names, &wide) : status;
}

void bp_plan_free(bp_plan *p)
{
    bp_release(&p->allocator, p->column);
    p->column = NULL;
}

/* ---- Kinds ------------------------------------------------------------------------------------------------------- */

static bp_type column_type(const bp_plan_column *c)
{
    return c->kind == BP_COLUMN_TEXT ? BP_I32 : c->kind == BP_COLUMN_DATE || c->wide ? BP_F64 : BP_F32;
}

void bp_plan_fix(bp_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        p->column[i].type = column_type(&p->column[i]);
    }
}

static bp_date_format first_format(unsigned formats)
{
    size_t f = 0;
    while (f + 1 < BP_DATE_FORMATS && !(formats & 1U << f)) {
        f++;
    }
    return (bp_date_format)f;
}

bp_column_kind bp_evidence_kind(const bp_evidence *e)
{
    double all = (double)(e->numbers + e->dates + e->odd);
    if ((double)e->numbers >= MOSTLY * all) {
        return BP_COLUMN_NUMBER;
    }
    return (double)e->dates >= MOSTLY * all ? BP_COLUMN_DATE : BP_COLUMN_TEXT;
}

void bp_plan_guess(bp_plan *p, const bp_evidence *sample)
{
    for (size_t i = 0; i < p->count; i++) {
        bp_plan_column *c = &p->column[i];
        const bp_evidence *e = &sample[i];
        c->kind = c->asked ? c->kind : bp_evidence_kind(e);
        if (c->kind == BP_COLUMN_DATE && !c->asked_format) {
            c->format = e->dates == 0 && e->numbers > 0 ? BP_DATE_YMD : first_format(e->formats);
        }
        c->type = c->kind == BP_COLUMN_NUMBER && needs_f64(e) ? BP_F64 : column_type(c);
    }
}

/* A guessed column, by all its cells. */
static void revise_guess(bp_plan_column *c, const bp_evidence *e)
{
    bool dates = e->numbers == 0 && e->dates > 0 && (e->formats & (e->formats - 1)) == 0;
    if (e->odd == 0 && e->dates == 0) {
        c->kind = BP_COLUMN_NUMBER;
    } else if (e->odd == 0 && dates) {
        c->kind = BP_COLUMN_DATE;
        c->format = first_format(e->formats);
    } else {
        size_t all = e->numbers + e->dates + e->odd, usual = e->numbers > e->dates ? e->numbers : e->dates;
        c->kind = BP_COLUMN_TEXT;
        if (bp_evidence_kind(e) != BP_COLUMN_TEXT && usual < all) {
            c->odd = all - usual;
            c->line = e->line;
            memcpy(c->text, e->text, sizeof c->text);
        }
    }
}

/* A date whose order of day and month was not asked for. */
static bp_status revise_format(bp_plan_column *c, const bp_evidence *e, const char *name)
{
    if (e->dates > 0 && (e->formats & (e->formats - 1)) != 0) {
        return bp_fail(BP_ERR_DATA,
                       "all dates of column %s can be read as d/m/y and as m/d/y; say which it is, or read it as text",
                       name);
    }
    c->format = e->dates > 0 ? first_format(e->formats) : c->format;
    c->asked_format = true; /* from now on, another one is an error */
    return BP_OK;
}

bp_status bp_plan_revise(bp_plan *p, bool *changed, const bp_evidence *all, const bp_table *names)
{
    *changed = false;
    for (size_t i = 0; i < p->count; i++) {
        bp_plan_column *c = &p->column[i], before = *c;
        const bp_evidence *e = &all[i];
        if (c->kind == BP_COLUMN_TEXT) {
            continue;
        }
        if (!c->asked) {
            revise_guess(c, e);
        } else if (c->kind == BP_COLUMN_DATE && !c->asked_format) {
            bp_status status = revise_format(c, e, names->column[i].name);
            if (status != BP_OK) {
                return status;
            }
        }
        bool wide = c->kind == BP_COLUMN_NUMBER && (before.type == BP_F64 || needs_f64(e));
        c->type = wide ? BP_F64 : column_type(c);
        *changed = *changed || c->kind != before.kind || c->type != before.type || c->format != before.format;
    }
    return BP_OK;
}

bp_status bp_plan_table(bp_table **out, const bp_plan *p, const bp_table *names)
{
    bp_status status = bp_table_new(out, names->source, names->has_header, &names->allocator);
    for (size_t i = 0; i < p->count && status == BP_OK; i++) {
        const bp_plan_column *c = &p->column[i];
        const char *name = names->column[i].name;
        status = bp_table_add_column(*out, name, strlen(name), c->kind, c->type);
        if (status != BP_OK) {
            break;
        }
        bp_column *made = &(*out)->column[i];
        made->date_format = c->kind == BP_COLUMN_DATE ? bp_date_format_name(c->format) : NULL;
        made->odd = c->odd;
        made->odd_line = c->line;
        made->odd_text = c->odd ? bp_table_keep(*out, c->text, strlen(c->text)) : NULL;
        status = c->odd && !made->odd_text ? BP_ERR_MEMORY : BP_OK;
    }
    return status;
}
