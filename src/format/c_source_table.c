/* c_source_table.c - rows of a table as C: a struct with a field for each column, constants for the levels of texts, and
 * the function that makes the inputs of the network from them - in double, as the library does it, whatever the type of the
 * network: dates need it, and it is done once a column, not once a weight. */
#include "data/prepare.h"
#include "format/c_source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Names ------------------------------------------------------------------------------------------------------- */

/* What has levels. */
static bool has_levels(const bp_feature *f)
{
    return f->kind == BP_FEATURE_CATEGORY || f->level.count > 0;
}

/* Whether a constant of the source, or of another level, has this name. What is not named yet is empty. */
static bool constant_taken(const bp_c_model *c, size_t column, size_t level, const char *name)
{
    static const char *const own[] = {"INPUTS", "OUTPUTS", "SCRATCH", "MISSING", "RESTRICT", "H", "TEST_MAIN"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(own[i], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i <= column; i++) {
        size_t count = c->column[i].level ? c->column[i].feature->level.count + 1 : 0; /* OTHER is the last one */
        for (size_t l = 0; l < count; l++) {
            if ((i != column || l != level) && strcmp(c->column[i].level[l], name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void name_level(bp_c_model *c, size_t column, size_t level, const char *text)
{
    char part[2][BP_C_NAME], stem[BP_C_NAME];
    bp_c_identifier(part[0], c->column[column].name, true);
    bp_c_identifier(part[1], text, true);
    snprintf(stem, sizeof stem, "%.26s_%.26s", part[0], part[1]);
    char *name = c->column[column].level[level];
    snprintf(name, BP_C_NAME, "%s", stem);
    for (size_t n = 2; constant_taken(c, column, level, name); n++) {
        snprintf(name, BP_C_NAME, "%.50s_%u", stem, (unsigned)n);
    }
}

static void name_field(bp_c_model *c, size_t column)
{
    char stem[BP_C_NAME];
    char *name = c->column[column].name;
    bp_c_identifier(stem, c->column[column].feature->source.name, false);
    snprintf(name, BP_C_NAME, "%s", stem);
    for (size_t n = 2, i = 0; i < column;) {
        if (strcmp(c->column[i].name, name) == 0) {
            snprintf(name, BP_C_NAME, "%.50s_%u", stem, (unsigned)n++);
            i = 0;
        } else {
            i++;
        }
    }
}

bp_status bp_c_name_columns(bp_c_model *c)
{
    c->column = bp_pool_alloc(&c->pool, c->p->features, sizeof *c->column);
    for (size_t i = 0; c->column && i < c->p->features; i++) {
        const bp_feature *f = &c->p->feature[i];
        c->column[i].feature = f;
        name_field(c, i);
        if (!has_levels(f)) {
            continue;
        }
        c->column[i].level = bp_pool_alloc(&c->pool, f->level.count + 1, sizeof *c->column[i].level);
        if (!c->column[i].level) {
            return BP_ERR_MEMORY;
        }
        name_level(c, i, f->level.count, "OTHER"); /* the one that is sure to have its plain name */
        for (size_t l = 0; l < f->level.count; l++) {
            name_level(c, i, l, f->level.text[l]);
        }
    }
    return c->column ? BP_OK : BP_ERR_MEMORY;
}

/* ---- Declarations ------------------------------------------------------------------------------------------------ */

static const char *field_type(const bp_feature *f)
{
    bool narrow = f->kind != BP_FEATURE_DATE && f->source.type == BP_F32;
    return has_levels(f) ? "int" : narrow ? "float" : "double";
}

static void declare_levels(bp_c_file *f, const bp_c_column *column)
{
    const bp_feature *feature = column->feature;
    bp_c_put(f, "/* Column \"");
    bp_c_remark(f, feature->source.name);
    bp_c_put(f, "\". */\nenum {\n");
    for (size_t l = 0; l < feature->level.count; l++) {
        bp_c_put(f, "    $_%s = %zu, /* \"", column->level[l], l);
        bp_c_remark(f, feature->level.text[l]);
        bp_c_put(f, "\" */\n");
    }
    bp_c_put(f, "    $_%s = %zu /* any other text */\n};\n", column->level[feature->level.count], feature->level.count);
    bp_c_put(f,
             "/* The one that stands for a text. NULL and \"\" are missing. */\nint @_%s_level(const char *text);\n\n",
             column->name);
}

static bool has_dates(const bp_c_model *c)
{
    bool dates = false;
    for (size_t i = 0; i < c->p->features; i++) {
        dates = dates || c->column[i].feature->kind == BP_FEATURE_DATE;
    }
    return dates;
}

static void declare_field(bp_c_file *f, const bp_c_column *column)
{
    const bp_feature *feature = column->feature;
    bp_c_put(f, "    %s %s; /* \"", field_type(feature), column->name);
    bp_c_remark(f, feature->source.name);
    if (column->level) {
        bp_c_put(f, "\": $_%s ... or $_MISSING */\n", column->level[0]);
    } else if (feature->kind == BP_FEATURE_DATE) {
        bp_c_put(f, "\": seconds since 1970-01-01 00:00 UTC */\n");
    } else {
        bp_c_put(f, "\" */\n");
    }
}

void bp_c_declare_row(bp_c_file *f, const bp_c_model *c)
{
    bp_c_put(f, "#define $_MISSING (-1) /* in place of a level; a number that is missing is NAN */\n\n");
    for (size_t i = 0; i < c->p->features; i++) {
        if (c->column[i].level) {
            declare_levels(f, &c->column[i]);
        }
    }
    if (has_dates(c)) {
        bp_c_put(f, "/* A date (and time) of the Gregorian calendar as seconds since 1970-01-01 00:00 UTC. */\n"
                    "double @_seconds(int year, int month, int day, int hour, int minute, double second);\n\n");
    }
    bp_c_put(f, "/* A row of the table, the columns that the model uses. */\ntypedef struct @_row {\n");
    for (size_t i = 0; i < c->p->features; i++) {
        declare_field(f, &c->column[i]);
    }
    bp_c_put(f, "} @_row;\n\n");
    bp_c_put(f, c->p->missing == BP_MISSING_IMPUTE
                    ? "/* x[$_INPUTS]: what the network takes. Missing values are filled in; the result is 0. */\n"
                    : "/* x[$_INPUTS]: what the network takes. The result is 0 or, since the model answers only rows "
                      "that are\n * complete, the number of the first field without a value, from 1. */\n");
    bp_c_put(f, "int @_prepare(~ *x, const @_row *row);\n\n");
}

/* ---- What the columns share -------------------------------------------------------------------------------------- */

static void write_lookup(bp_c_file *f)
{
    bp_c_put(f, "/* The index of a text in `count` ascending ones; count if it is not there. */\n"
                "static int @_find(const char *const *level, int count, const char *text)\n{\n"
                "    int low = 0, high = count;\n"
                "    if (!text || !*text) {\n        return $_MISSING;\n    }\n"
                "    while (low < high) {\n"
                "        const int middle = low + (high - low) / 2;\n"
                "        const unsigned char *a = (const unsigned char *)level[middle];\n"
                "        const unsigned char *b = (const unsigned char *)text;\n"
                "        while (*a && *a == *b) {\n            a++;\n            b++;\n        }\n"
                "        if (*a == *b) {\n            return middle;\n        }\n"
                "        if (*a < *b) {\n            low = middle + 1;\n        } else {\n            high = middle;\n "
                "       }\n"
                "    }\n    return count;\n}\n\n");
}

static void write_limit(bp_c_file *f)
{
    bp_c_put(f, "/* Inputs are made as float, whatever the network computes in. */\n"
                "static float @_limited(double z, double limit)\n{\n"
                "    return (float)(z > limit ? limit : z < -limit ? -limit : z);\n}\n\n");
}

static void write_quantile(bp_c_file *f)
{
    bp_c_put(
        f,
        "/* Straight lines between the points (knot, score); beyond the ends along the outer `edge` of them. */\n"
        "static double @_quantile(const double *knot, const ~ *score, int count, double x)\n{\n"
        "    const int last = count - 1, edge = count / 10 > 0 ? count / 10 : 1;\n"
        "    int low = 0, high = last;\n"
        "    if (x <= knot[0]) {\n        high = edge;\n"
        "    } else if (x >= knot[last]) {\n        low = last - edge;\n"
        "        return (double)score[last] + (x - knot[last]) * ((double)score[last] - (double)score[low]) / "
        "(knot[last] - "
        "knot[low]);\n"
        "    } else {\n        while (high - low > 1) {\n"
        "            const int middle = low + (high - low) / 2;\n"
        "            if (knot[middle] <= x) {\n                low = middle;\n"
        "            } else {\n                high = middle;\n            }\n        }\n    }\n"
        "    return (double)score[low] + (x - knot[low]) * ((double)score[high] - (double)score[low]) / (knot[high] - "
        "knot[low]);\n}\n\n");
}

static void write_category(bp_c_file *f)
{
    bp_c_put(f, "/* One input a level, then one for other texts and one for missing ones, where there are such. */\n"
                "static void @_category(~ *x, int code, int levels, int other, int missing)\n{\n"
                "    int i;\n    for (i = 0; i < levels + other + missing; i++) {\n        x[i] = 0;\n    }\n"
                "    if (code >= 0 && code < levels) {\n        x[code] = 1;\n"
                "    } else if (code < 0 && missing) {\n        x[levels + other] = 1;\n"
                "    } else if (other) {\n        x[levels] = 1;\n    }\n}\n\n");
}

static void write_calendar(bp_c_file *f)
{
    bp_c_put(f, "/* Days since 1970-01-01; years begin in March, so that the leap day is the last. */\n"
                "double @_seconds(int year, int month, int day, int hour, int minute, double second)\n{\n"
                "    const double y = month > 2 ? year : year - 1.0, march = month > 2 ? month - 3.0 : month + 9.0;\n"
                "    const double days = 365 * y + floor(y / 4) - floor(y / 100) + floor(y / 400) +\n"
                "                        floor((153 * march + 2) / 5) + day - 719469;\n"
                "    return days * 86400 + hour * 3600.0 + minute * 60.0 + second;\n}\n\n");
    bp_c_put(
        f, "static void @_month(double day, double *year, double *month)\n{\n"
           "    const double shifted = day + 719468, era = floor(shifted / 146097), in_era = shifted - era * 146097;\n"
           "    const double of_era = floor((in_era - floor(in_era / 1460) + floor(in_era / 36524) - floor(in_era / "
           "146096)) / 365);\n"
           "    const double in_year = in_era - (365 * of_era + floor(of_era / 4) - floor(of_era / 100));\n"
           "    const double march = floor((5 * in_year + 2) / 153);\n"
           "    *month = march < 10 ? march + 2 : march - 10;\n"
           "    *year = era * 400 + of_era + (*month < 2 ? 1 : 0);\n}\n\n");
}

/* ---- Columns ----------------------------------------------------------------------------------------------------- */

/* Tables of the knots of a scale, numbered. */
static void write_knots(bp_c_file *f, const bp_scale *s, size_t column)
{
    char name[BP_C_NAME];
    if (s->map == BP_MAP_QUANTILE) {
        snprintf(name, sizeof name, "knot%zu", column);
        bp_c_table(f, name, s->knot, s->knots, true);
        snprintf(name, sizeof name, "score%zu", column);
        bp_c_table(f, name, s->score, s->knots, f->wide);
        bp_c_raw(f, "\n");
    }
}

static void write_levels(bp_c_file *f, const bp_c_column *column)
{
    const bp_texts *level = &column->feature->level;
    bp_c_put(f, "int @_%s_level(const char *text)\n{\n", column->name);
    if (level->count == 0) {
        bp_c_put(f, "    return @_find(NULL, 0, text);\n}\n\n");
        return;
    }
    bp_c_put(f, "    static const char *const level[%zu] = {\n", level->count);
    for (size_t l = 0; l < level->count; l++) {
        bp_c_raw(f, "        ");
        bp_c_string(f, level->text[l]);
        bp_c_raw(f, ",\n");
    }
    bp_c_put(f, "    };\n    return @_find(level, %zu, text);\n}\n\n", level->count);
}

/* x[at] = the scaled `value`, an expression. */
static void write_scaled(bp_c_file *f, const bp_scale *s, size_t at, size_t column, const char *value)
{
    char number[5][BP_C_LITERAL];
    bp_c_literal(number[0], s->origin, true);
    bp_c_literal(number[1], s->unit, true);
    bp_c_literal(number[2], s->center, true);
    bp_c_literal(number[3], s->scale, true);
    bp_c_literal(number[4], s->limit, true);
    bp_c_put(f, "        x[%zu] = @_limited((", at);
    if (s->map == BP_MAP_ASINH) {
        bp_c_put(f, "asinh((%s - (%s)) / %s)", value, number[0], number[1]);
    } else if (s->map == BP_MAP_QUANTILE) {
        bp_c_put(f, "@_quantile(@_knot%zu, @_score%zu, %zu, %s)", column, column, s->knots, value);
    } else {
        bp_c_put(f, "%s", value);
    }
    bp_c_put(f, " - (%s)) * %s, %s);\n", number[2], number[3], number[4]);
}

static void write_constant(bp_c_file *f, size_t at, double value)
{
    char number[BP_C_LITERAL];
    bp_c_put(f, "        x[%zu] = %s;\n", at, bp_c_literal(number, value, f->wide));
}

static void write_number(bp_c_file *f, const bp_c_column *column, size_t index)
{
    const bp_feature *feature = column->feature;
    size_t at = feature->first;
    bp_c_put(f, "    value = (double)row->%s;\n    if (value != value) {\n", column->name);
    write_constant(f, at, (double)(float)bp_scale_apply(&feature->scale, feature->filled));
    if (feature->indicator) {
        write_constant(f, at + 1, 1);
    }
    bp_c_put(f, "    } else {\n");
    write_scaled(f, &feature->scale, at, index, "value");
    if (feature->indicator) {
        write_constant(f, at + 1, 0);
    }
    bp_c_put(f, "    }\n");
}

static void write_boolean(bp_c_file *f, const bp_c_column *column)
{
    const bp_feature *feature = column->feature;
    char no[BP_C_LITERAL], yes[BP_C_LITERAL];
    bp_c_literal(no, (double)(float)bp_scale_apply(&feature->scale, 0), f->wide);
    bp_c_literal(yes, (double)(float)bp_scale_apply(&feature->scale, 1), f->wide);
    bp_c_put(f, "    x[%zu] = row->%s == 0 ? %s : row->%s == 1 ? %s : 0;\n", feature->first, column->name, no,
             column->name, yes);
    if (feature->indicator) {
        bp_c_put(f, "    x[%zu] = row->%s < 0 ? 1.0^ : 0.0^;\n", feature->first + 1, column->name);
    }
}

static const char *const part_values[BP_DATE_PARTS] = {[BP_DATE_DAYS] = "value / 86400",
                                                       [BP_DATE_YEAR] = "year",
                                                       [BP_DATE_MONTH] = "month",
                                                       [BP_DATE_WEEKDAY] = "(day + 3 - 7 * floor((day + 3) / 7))",
                                                       [BP_DATE_HOUR] = "((value - day * 86400) / 3600)"};

static void write_date(bp_c_file *f, const bp_c_column *column)
{
    const bp_feature *feature = column->feature;
    size_t at = feature->first, inputs = feature->inputs - feature->indicator;
    float filled[2 * BP_DATE_PARTS + 1];
    bp_date_write(feature, filled, feature->filled);
    bp_c_put(f, "    value = row->%s;\n    if (value != value) {\n", column->name);
    for (size_t i = 0; i < inputs; i++) {
        write_constant(f, at + i, (double)filled[i]);
    }
    if (feature->indicator) {
        write_constant(f, at + inputs, 1);
    }
    bp_c_put(f, "    } else {\n        const double day = floor(value / 86400);\n        double year, month;\n"
                "        @_month(day, &year, &month);\n        (void)year;\n        (void)month;\n");
    for (bp_date_part p = 0; p < BP_DATE_PARTS; p++) {
        double period = bp_date_part_period(p);
        if (feature->part[p] && period > 0) {
            bp_c_put(f, "        x[%zu] = (float)sin(2 * 3.14159265358979323846 * %s / %g);\n", at, part_values[p],
                     period);
            bp_c_put(f, "        x[%zu] = (float)cos(2 * 3.14159265358979323846 * %s / %g);\n", at + 1, part_values[p],
                     period);
        } else if (feature->part[p]) {
            write_scaled(f, &feature->part_scale[p], at, 0, part_values[p]);
        }
        at += feature->part[p] ? bp_date_part_inputs(p) : 0;
    }
    if (feature->indicator) {
        write_constant(f, at, 0);
    }
    bp_c_put(f, "    }\n");
}

static void write_column(bp_c_file *f, const bp_c_column *column, size_t index)
{
    const bp_feature *feature = column->feature;
    if (feature->kind == BP_FEATURE_CATEGORY) {
        bp_c_put(f, "    @_category(x + %zu, row->%s, %zu, %d, %d);\n", feature->first, column->name,
                 feature->level.count, feature->other, feature->missing);
    } else if (feature->level.count > 0) {
        write_boolean(f, column);
    } else if (feature->kind == BP_FEATURE_DATE) {
        write_date(f, column);
    } else {
        write_number(f, column, index);
    }
}

static void write_complete(bp_c_file *f, const bp_c_model *c)
{
    for (size_t i = 0; i < c->p->features && c->p->missing != BP_MISSING_IMPUTE; i++) {
        const char *name = c->column[i].name;
        if (c->column[i].level) {
            bp_c_put(f, "    if (row->%s < 0) {\n        return %zu;\n    }\n", name, i + 1);
        } else {
            bp_c_put(f, "    if (row->%s != row->%s) {\n        return %zu;\n    }\n", name, name, i + 1);
        }
    }
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

/* Which of the shared functions are called. */
typedef struct needs {
    bool numbers, limit, quantile, levels, category, dates;
} needs;

static needs needed(const bp_c_model *c)
{
    needs n = {.dates = has_dates(c)};
    for (size_t i = 0; i < c->p->features; i++) {
        const bp_feature *f = c->column[i].feature;
        bool number = !c->column[i].level && f->kind != BP_FEATURE_DATE;
        n.category = n.category || f->kind == BP_FEATURE_CATEGORY;
        n.levels = n.levels || c->column[i].level;
        n.numbers = n.numbers || !c->column[i].level;
        n.limit = n.limit || number || f->part[BP_DATE_DAYS] || f->part[BP_DATE_YEAR];
        n.quantile = n.quantile || (number && f->scale.map == BP_MAP_QUANTILE);
    }
    return n;
}

static void write_shared(bp_c_file *f, const needs *n)
{
    const struct {
        bool needed;
        void (*write)(bp_c_file *f);
    } part[] = {{n->levels, write_lookup},
                {n->limit, write_limit},
                {n->quantile, write_quantile},
                {n->category, write_category},
                {n->dates, write_calendar}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (part[i].needed) {
            part[i].write(f);
        }
    }
}

void bp_c_write_prepare(bp_c_file *f, const bp_c_model *c)
{
    needs n = needed(c);
    write_shared(f, &n);
    for (size_t i = 0; i < c->p->features; i++) {
        if (c->column[i].level) {
            write_levels(f, &c->column[i]);
        } else if (c->column[i].feature->kind != BP_FEATURE_DATE) {
            write_knots(f, &c->column[i].feature->scale, i);
        }
    }
    bp_c_put(f, "int @_prepare(~ *x, const @_row *row)\n{\n%s", n.numbers ? "    double value;\n" : "");
    write_complete(f, c);
    for (size_t i = 0; i < c->p->features; i++) {
        write_column(f, &c->column[i], i);
    }
    bp_c_put(f, "    return 0;\n}\n\n");
}
