/* prepare.h - the inside of preparations: what is known of every column after the fit, and the steps of fit and apply.
 *
 * A prepared row is a record of 4-byte cells: first the numbers as they go into the network (f32), then one code for each
 * category, whose one-hot inputs are made only when they are needed. Inputs are numbered likewise: numbers first. Where
 * numbers go in as they are, and the network scales them itself, cells have 8 bytes (f64). */
#ifndef BP_PREPARE_H
#define BP_PREPARE_H

#include "data/date.h"
#include "data/distribution.h"
#include "data/table.h"

#define BP_PREPARE_VERSION 1

typedef enum bp_feature_kind {
    BP_FEATURE_NUMBER,
    BP_FEATURE_BOOLEAN, /* two texts, as 0 and 1; or, without levels, two numbers */
    BP_FEATURE_DATE,
    BP_FEATURE_CATEGORY, /* last: its inputs stand behind all numbers */
    BP_FEATURE_KINDS
} bp_feature_kind;
const char *bp_feature_kind_name(bp_feature_kind k);

/* A column of the fitted table. */
typedef struct bp_source {
    const char *name;
    size_t position;       /* from 0 */
    bp_column_kind read;   /* what it was read as */
    bp_type type;          /* of numbers: other rows are rounded to it, too */
    bp_date_format format; /* of dates */
} bp_source;

/* Distinct texts. */
typedef struct bp_texts {
    const char **text;
    size_t count;
} bp_texts;

/* z = (f(x) - center) * scale, kept within +-limit; f by map. */
typedef enum bp_scale_map {
    BP_MAP_LINEAR,   /* x */
    BP_MAP_ASINH,    /* asinh((x - origin) / unit): linear near origin, logarithmic far from it */
    BP_MAP_QUANTILE, /* straight lines between knots, beyond them on along the outer `edge` knots */
    BP_MAPS
} bp_scale_map;
const char *bp_scale_map_name(bp_scale_map m);

typedef struct bp_scale {
    bp_scale_map map;
    double origin, unit; /* asinh */
    double center, scale, limit;
    size_t knots;         /* quantile; 2 or more */
    double *knot, *score; /* x ascending; f(x) */
} bp_scale;

/* Parts of a date, each one or two inputs. */
typedef enum bp_date_part {
    BP_DATE_DAYS,  /* since 1970, with fraction */
    BP_DATE_YEAR,  /* as in 2024 */
    BP_DATE_MONTH, /* sine and cosine, as the next two */
    BP_DATE_WEEKDAY,
    BP_DATE_HOUR, /* with its fraction */
    BP_DATE_PARTS
} bp_date_part;
const char *bp_date_part_name(bp_date_part p);
size_t bp_date_part_inputs(bp_date_part p);
/* The part of a date, in its own unit; period: of the cyclic ones, else 0. */
double bp_date_part_value(bp_date_part p, double seconds);
double bp_date_part_period(bp_date_part p);

typedef struct bp_feature {
    bp_source source;
    bp_feature_kind kind;
    size_t first, inputs; /* derived by bp_preparation_layout */
    size_t cell;          /* its first cell in a record */
    bool indicator;       /* the last of its inputs says that the value was missing */
    double filled;        /* number, date: in place of a missing value */
    bp_scale scale;       /* number, boolean (of 0 and 1) */
    bool part[BP_DATE_PARTS];
    bp_scale part_scale[BP_DATE_PARTS]; /* of those that are not cyclic */
    bp_texts level;                     /* boolean: 2; category: those with an input, in order of their texts */
    bp_texts pooled;                    /* category: those that share an input; empty where they are too many to list */
    bool other;                         /* category: there is such an input, the next one */
    bool missing;                       /* category: missing values have an input, the last one */
} bp_feature;

typedef struct bp_target {
    bp_source source;
    bp_texts level;         /* classify: classes; multilabel: the texts of 0 and of 1 */
    double mean, deviation; /* regress */
} bp_target;

typedef struct bp_prepare_note {
    const char *column, *text;
} bp_prepare_note;

/* Columns as bp_table_options wants them: features first, then targets and weight. */
typedef struct bp_reading_list {
    const char **name;
    size_t features, all;
} bp_reading_list;

typedef struct bp_reading {
    bp_reading_list text, number, wide, date;
    const char **date_format; /* of each of date */
} bp_reading;

/* How columns are named: by name; or by number, in a table with all columns, without targets, without targets and weight. */
typedef enum bp_reading_by {
    BP_READING_NAMES,
    BP_READING_ALL,
    BP_READING_NO_TARGETS,
    BP_READING_NO_WEIGHT,
    BP_READINGS
} bp_reading_by;

struct bp_preparation {
    bp_pool pool;
    const char *text;
    bp_table_task task;
    bp_missing_rule missing;
    bool header;    /* columns are known by name */
    size_t columns; /* of the fitted table */
    bp_feature *feature;
    size_t features;
    bp_target *target;
    size_t targets;
    double *class_weight; /* one a class; NULL: all 1 */
    bp_source *weight;    /* NULL: none */
    bp_source *id;
    size_t ids;
    bp_prepare_note *note; /* columns that were left out, and hints */
    size_t notes;
    /* derived */
    size_t numbers, categories, inputs;
    bool plain; /* inputs are numbers as the table has them, each there: records are f64 */
    bp_reading reading[BP_READINGS];
};

/* ---- prepare.c ---- */

bp_status bp_preparation_new(bp_preparation **out, const bp_allocator *allocator);
/* Numbers inputs and cells, and makes the lists for reading, once features, targets and the rest are set. */
bp_status bp_preparation_layout(bp_preparation *p);
/* Features of a kind have so many inputs. */
size_t bp_feature_inputs(const bp_feature *f);

/* ---- prepare_reading.c: p->reading ---- */

bp_status bp_preparation_list_reading(bp_preparation *p);
/* The column of t that is `s`, or t->column_count. */
size_t bp_source_column(const bp_preparation *p, const bp_table *t, const bp_source *s, bool with_target);
/* Fails unless t has all columns that p needs; the error names those that it lacks. */
bp_status bp_preparation_check_columns(const bp_preparation *p, const bp_table *t, bool with_target);

/* ---- prepare_text.c: sets p->text ---- */
bp_status bp_preparation_describe(bp_preparation *p);

/* ---- prepare_scale.c ---- */

/* Chooses a scale for numbers of that distribution. */
bp_status bp_scale_fit(bp_scale *s, bp_pool *pool, const bp_distribution *d, bp_numbers_rule rule);
/* For the two values of a boolean; `ones` is the share of the second. */
void bp_scale_fit_boolean(bp_scale *s, double zero, double one, double ones);
double bp_scale_apply(const bp_scale *s, double x);
/* x as it is */
extern const bp_scale bp_scale_none;
bool bp_scale_is_none(const bp_scale *s);

/* ---- prepare_cells.c: cells of a column as what they are to be, whatever they were read as ---- */

typedef struct bp_cells {
    const bp_table *table;
    const bp_column *column;
    size_t index;         /* of the column */
    bool narrow;          /* numbers are rounded to f32 */
    const double *value;  /* text as numbers: of each level */
    bp_texts level;       /* as texts: the distinct ones */
    const double *number; /* numbers as texts: those that the levels stand for, ascending */
} bp_cells;

/* The rows in question: row NULL: 0 .. count - 1; weight NULL: 1 each. */
typedef struct bp_sample {
    const bp_table *table;
    const uint32_t *row;
    const double *weight;
    size_t count;
} bp_sample;

static inline size_t bp_sample_row(const bp_sample *s, size_t i)
{
    return s->row ? s->row[i] : i;
}
static inline double bp_sample_weight(const bp_sample *s, size_t i)
{
    return s->weight ? s->weight[i] : 1;
}

/* Cells as numbers, or dates as seconds; texts that are none in one of the rows are an error that names the first. as: what
 * the column was when the preparation was fitted; NULL: it is being fitted. */
bp_status bp_cells_numbers(bp_cells *c, bp_pool *pool, const bp_sample *s, size_t column, const bp_source *as);
/* Cells as texts; numbers are written as short as they can be, whole ones without a point. Dates are an error. */
bp_status bp_cells_texts(bp_cells *c, bp_pool *pool, const bp_sample *s, size_t column, const bp_source *as);
double bp_cells_number(const bp_cells *c, size_t row);  /* NaN: missing */
uint32_t bp_cells_level(const bp_cells *c, size_t row); /* BP_NO_LEVEL: missing */
/* The distribution of numbers in these rows. */
bp_status bp_cells_distribution(bp_distribution *d, bp_pool *pool, const bp_cells *c, const bp_sample *s);
/* The weight of each level, and, one behind, of missing cells. */
bp_status bp_cells_weights(double **weight, bp_pool *pool, const bp_cells *c, const bp_sample *s);
/* The index of a text in texts in order of strcmp; texts.count if it is not there. */
size_t bp_texts_find(const bp_texts *t, const char *text);

/* ---- prepare_rows.c: which rows are used, and what they count ---- */

/* Columns of a table in their roles, as indices. */
typedef struct bp_roles {
    const size_t *feature, *target;
    size_t features, targets; /* targets 0: not looked at */
    size_t weight;            /* SIZE_MAX: none */
    bp_missing_rule missing;
    bool plain; /* nothing could be filled in */
} bp_roles;

/* Of row[0 .. count) of t (row NULL: all) those with targets, a weight above 0 and, where the rule drops them, without
 * missing features. NaN and negative weights are errors, and missing features, too, where that is the rule. */
bp_status bp_rows_select(bp_sample *out, bp_pool *pool, const bp_table *t, const uint32_t *row, size_t count,
                         const bp_roles *roles);
bool bp_cell_missing(const bp_table *t, size_t row, size_t column);

/* ---- prepare_hint.c ---- */

/* What probably keeps a column of text from being one of numbers; *out NULL: nothing. In pool. */
bp_status bp_column_hint(const char **out, bp_pool *pool, const bp_column *c);

/* ---- prepare_category.c ---- */

/* weight: of each level of c, and behind them of missing cells. */
bp_status bp_category_fit(bp_feature *f, bp_preparation *p, const bp_cells *c, const double *weight,
                          const bp_prepare_options *o);

/* ---- prepare_date.c ---- */

bp_status bp_date_fit(bp_feature *f, bp_pool *pool, const bp_distribution *d);
/* The inputs of a date but the indicator. */
void bp_date_write(const bp_feature *f, float *out, double seconds);

/* ---- prepare_target.c ---- */

/* Task, classes and scaling of p's targets, whose sources are set. */
bp_status bp_targets_fit(bp_preparation *p, bp_pool *scratch, const bp_sample *s, const bp_prepare_options *o);
/* What the levels of a target's cells are to the preparation: of each its class, or an index >= classes: unknown.
 * alike: marks those that were taken for a class though they differ in blanks, case or a final full stop. */
bp_status bp_target_match(uint32_t **match, bool **alike, bp_pool *scratch, const bp_texts *classes,
                          const bp_texts *found);

#endif
