/* onnx_table.c - the columns of a table as ONNX inputs, and what becomes of them: the preparation of a model as a graph.
 *
 * Numbers are computed in double and rounded to float before they enter the network, as the preparation does; its formulas
 * are those of prepare_scale.c, prepare_date.c and prepare_apply.c, written once more in the operators that ONNX has. */
#include "backprop/io.h"
#include "data/prepare.h"
#include "format/onnx_out.h"

#include <math.h>

/* What is being written, in double. Short names: these are formulas. */
typedef struct writer {
    bp_onnx_graph *g;
    const char **part; /* numbers, in the order of the inputs; then categories */
    size_t parts;
} writer;

static const char *num(writer *w, double value)
{
    return bp_onnx_scalar(w->g, BP_ONNX_DOUBLE, value);
}
static const char *add(writer *w, const char *a, const char *b)
{
    return bp_onnx_op2(w->g, "Add", a, b);
}
static const char *sub(writer *w, const char *a, const char *b)
{
    return bp_onnx_op2(w->g, "Sub", a, b);
}
static const char *mul(writer *w, const char *a, const char *b)
{
    return bp_onnx_op2(w->g, "Mul", a, b);
}
static const char *divide(writer *w, const char *a, const char *b)
{
    return bp_onnx_op2(w->g, "Div", a, b);
}
static const char *floor_of(writer *w, const char *a)
{
    return bp_onnx_op1(w->g, "Floor", a);
}
/* floor(a / b) */
static const char *floor_div(writer *w, const char *a, double b)
{
    return floor_of(w, divide(w, a, num(w, b)));
}
static const char *as_double(writer *w, const char *a)
{
    return bp_onnx_cast(w->g, a, BP_ONNX_DOUBLE);
}

static void put_part(writer *w, const char *value)
{
    w->part[w->parts++] = bp_onnx_cast(w->g, value, BP_ONNX_FLOAT);
}

/* ---- scales ------------------------------------------------------------------------------------------------------ */

/* asinh v = sign(v) ln(|v| + sqrt(v^2 + 1)) */
static const char *write_asinh(writer *w, const bp_scale *s, const char *x)
{
    const char *v = divide(w, sub(w, x, num(w, s->origin)), num(w, s->unit));
    const char *root = bp_onnx_op1(w->g, "Sqrt", add(w, mul(w, v, v), num(w, 1)));
    const char *size = bp_onnx_op1(w->g, "Log", add(w, bp_onnx_op1(w->g, "Abs", v), root));
    return mul(w, bp_onnx_op1(w->g, "Sign", v), size);
}

/* Each of the knots + 1 intervals has a line, from a point of it and its slope. Which interval: how many knots are at or
 * below x. */
static const char *write_quantile(writer *w, const bp_scale *s, const char *x)
{
    size_t n = s->knots, last = n - 1, edge = n / 10 > 0 ? n / 10 : 1;
    double *line = bp_pool_alloc(&w->g->pool, n + 1, 3 * sizeof *line);
    if (!line) {
        w->g->status = BP_ERR_MEMORY;
        return NULL;
    }
    double *knot = line, *score = line + n + 1, *slope = line + 2 * (n + 1);
    for (size_t i = 0; i <= n; i++) {
        size_t from = i == 0 ? 0 : i - 1, low = i == n ? last - edge : from, high = i == 0 ? edge : i == n ? last : i;
        knot[i] = s->knot[from];
        score[i] = s->score[from];
        slope[i] = (s->score[high] - s->score[low]) / (s->knot[high] - s->knot[low]);
    }
    bp_onnx_graph *g = w->g;
    const double one = 1;
    const char *reached = bp_onnx_op2(g, "GreaterOrEqual", x, bp_onnx_array(g, BP_ONNX_DOUBLE, s->knot, 2, 1, n));
    const char *at = bp_onnx_op2(g, "ReduceSum", bp_onnx_cast(g, reached, BP_ONNX_INT64),
                                 bp_onnx_array(g, BP_ONNX_INT64, &one, 1, 1, 0));
    const char *k = bp_onnx_op2(g, "Gather", bp_onnx_array(g, BP_ONNX_DOUBLE, knot, 1, n + 1, 0), at);
    const char *y = bp_onnx_op2(g, "Gather", bp_onnx_array(g, BP_ONNX_DOUBLE, score, 1, n + 1, 0), at);
    const char *d = bp_onnx_op2(g, "Gather", bp_onnx_array(g, BP_ONNX_DOUBLE, slope, 1, n + 1, 0), at);
    return add(w, y, mul(w, sub(w, x, k), d));
}

static const char *write_as_it_is(writer *w, const bp_scale *s, const char *x)
{
    (void)w;
    (void)s;
    return x;
}

static const char *(*const maps[])(writer *w, const bp_scale *s, const char *x) = {
    [BP_MAP_LINEAR] = write_as_it_is, [BP_MAP_ASINH] = write_asinh, [BP_MAP_QUANTILE] = write_quantile};
_Static_assert(sizeof maps / sizeof *maps == BP_MAPS, "one function a map");

static const char *write_scale(writer *w, const bp_scale *s, const char *x)
{
    const char *z = mul(w, sub(w, maps[s->map](w, s, x), num(w, s->center)), num(w, s->scale));
    return bp_onnx_op(w->g, "Clip", z, num(w, -s->limit), num(w, s->limit));
}

/* ---- numbers and dates ------------------------------------------------------------------------------------------- */

/* The year, and the month from 0, of a day since 1970-01-01: civil_month of prepare_date.c. */
static void write_civil(writer *w, const char *day, const char **year, const char **month)
{
    const char *shifted = add(w, day, num(w, 719468)), *era = floor_div(w, shifted, 146097);
    const char *in_era = sub(w, shifted, mul(w, era, num(w, 146097)));
    const char *leap = sub(w, floor_div(w, in_era, 36524), floor_div(w, in_era, 1460));
    const char *days = add(w, in_era, sub(w, leap, floor_div(w, in_era, 146096)));
    const char *of_era = floor_div(w, days, 365);
    const char *in_year =
        sub(w, in_era, sub(w, add(w, mul(w, of_era, num(w, 365)), floor_div(w, of_era, 4)), floor_div(w, of_era, 100)));
    const char *march = floor_div(w, add(w, mul(w, in_year, num(w, 5)), num(w, 2)), 153);
    /* months 10 and 11 after March are January and February of the next year */
    const char *next = bp_onnx_op2(w->g, "GreaterOrEqual", march, num(w, 10));
    next = as_double(w, next);
    *month = sub(w, add(w, march, num(w, 2)), mul(w, next, num(w, 12)));
    *year = add(w, add(w, mul(w, era, num(w, 400)), of_era), next);
}

static const char *write_part(writer *w, bp_date_part p, const char *seconds)
{
    const char *day = floor_div(w, seconds, 86400), *year, *month, *shifted;
    switch (p) {
    case BP_DATE_YEAR:
        write_civil(w, day, &year, &month);
        return year;
    case BP_DATE_MONTH:
        write_civil(w, day, &year, &month);
        return month;
    case BP_DATE_WEEKDAY:
        shifted = add(w, day, num(w, 3));
        return sub(w, shifted, mul(w, floor_div(w, shifted, 7), num(w, 7)));
    case BP_DATE_HOUR:
        return divide(w, sub(w, seconds, mul(w, day, num(w, 86400))), num(w, 3600));
    default:
        return divide(w, seconds, num(w, 86400));
    }
}

/* Sine and cosine; ONNX Runtime knows the cosine in single precision only, so it is the sine a quarter turn on. */
static void write_cycle(writer *w, const char *value, double period)
{
    const double pi = 3.14159265358979323846;
    const char *angle = mul(w, value, num(w, 2 * pi / period));
    put_part(w, bp_onnx_op1(w->g, "Sin", angle));
    put_part(w, bp_onnx_op1(w->g, "Sin", add(w, angle, num(w, pi / 2))));
}

static void write_date(writer *w, const bp_feature *f, const char *seconds)
{
    for (bp_date_part p = 0; p < BP_DATE_PARTS; p++) {
        if (!f->part[p]) {
            continue;
        }
        const char *value = write_part(w, p, seconds);
        if (bp_date_part_period(p) > 0) {
            write_cycle(w, value, bp_date_part_period(p));
        } else {
            put_part(w, write_scale(w, &f->part_scale[p], value));
        }
    }
}

static int input_type(const bp_feature *f)
{
    bool text = f->kind == BP_FEATURE_CATEGORY || f->level.count > 0;
    bool wide = f->kind == BP_FEATURE_DATE || f->source.type == BP_F64;
    return text ? BP_ONNX_STRING : wide ? BP_ONNX_DOUBLE : BP_ONNX_FLOAT;
}

/* Missing values are NaN. */
static void write_number(writer *w, const bp_feature *f, const char *x)
{
    x = input_type(f) == BP_ONNX_DOUBLE ? x : as_double(w, x);
    const char *missing = bp_onnx_op1(w->g, "IsNaN", x);
    x = bp_onnx_op(w->g, "Where", missing, num(w, f->filled), x);
    if (f->kind == BP_FEATURE_DATE) {
        write_date(w, f, x);
    } else {
        put_part(w, write_scale(w, &f->scale, x));
    }
    if (f->indicator) {
        put_part(w, missing);
    }
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Two texts as two numbers, any other as 0. The indicator: whether it is missing, the empty text. */
static void write_boolean(writer *w, const bp_feature *f, const char *x)
{
    static const char *const none[] = {""};
    static const float one = 1;
    float value[2];
    for (size_t i = 0; i < 2; i++) {
        value[i] = (float)bp_scale_apply(&f->scale, (double)i);
    }
    const char *y = bp_onnx_op1(w->g, "ml:LabelEncoder", x);
    bp_onnx_strings(w->g, "keys_strings", f->level.text, f->level.count);
    bp_onnx_floats(w->g, "values_floats", value, 2);
    bp_onnx_float(w->g, "default_float", 0);
    w->part[w->parts++] = y;
    if (f->indicator) {
        y = bp_onnx_op1(w->g, "ml:LabelEncoder", x);
        bp_onnx_strings(w->g, "keys_strings", none, 1);
        bp_onnx_floats(w->g, "values_floats", &one, 1);
        bp_onnx_float(w->g, "default_float", 0);
        w->part[w->parts++] = y;
    }
}

/* The number of a text's input among those of the column, and 1 there. A text without input has the number behind the last,
 * which is nowhere. */
static void write_category(writer *w, const bp_feature *f, const char *x)
{
    bp_onnx_graph *g = w->g;
    size_t levels = f->level.count;
    int64_t other = (int64_t)(f->other ? levels : f->inputs);
    const char **text = bp_pool_alloc(&g->pool, levels + 1, sizeof *text);
    int64_t *at = bp_pool_alloc(&g->pool, levels + 1, sizeof *at);
    if (!text || !at) {
        g->status = BP_ERR_MEMORY;
        return;
    }
    for (size_t i = 0; i < levels; i++) {
        text[i] = f->level.text[i];
        at[i] = (int64_t)i;
    }
    text[levels] = "";
    at[levels] = f->missing ? (int64_t)(levels + f->other) : other;
    x = bp_onnx_op1(g, "ml:LabelEncoder", x);
    bp_onnx_strings(g, "keys_strings", text, levels + 1);
    bp_onnx_ints(g, "values_int64s", at, levels + 1);
    bp_onnx_int(g, "default_int64", other);
    const double off_on[] = {0, 1}, axis = 1;
    const char *hot = bp_onnx_op(g, "OneHot", x, bp_onnx_scalar(g, BP_ONNX_INT64, (double)f->inputs),
                                 bp_onnx_array(g, BP_ONNX_FLOAT, off_on, 1, 2, 0)); /* [N, 1, inputs] */
    w->part[w->parts++] = bp_onnx_op2(g, "Squeeze", hot, bp_onnx_array(g, BP_ONNX_INT64, &axis, 1, 1, 0));
}

/* ---- all columns ------------------------------------------------------------------------------------------------- */

static void write_feature(writer *w, const bp_feature *f, const char *x)
{
    if (f->kind == BP_FEATURE_CATEGORY) {
        write_category(w, f, x);
    } else if (f->level.count > 0) {
        write_boolean(w, f, x);
    } else {
        write_number(w, f, x);
    }
}

bp_status bp_onnx_table(bp_onnx_out *s, const char **x)
{
    bp_preparation *p;
    bp_status status = bp_model_preparation(&p, s->m);
    if (status != BP_OK) {
        return status;
    }
    writer w = {.g = s->g, .part = bp_pool_alloc(&s->g->pool, p->inputs + p->features, sizeof *w.part)};
    const char **input = bp_pool_alloc(&s->g->pool, p->features, sizeof *input);
    for (size_t i = 0; w.part && input && i < p->features; i++) {
        input[i] = bp_onnx_input(s->g, p->feature[i].source.name, input_type(&p->feature[i]), 1);
    }
    for (size_t i = 0; w.part && input && i < p->features; i++) {
        write_feature(&w, &p->feature[i], input[i]);
    }
    status = w.part && input ? BP_OK : BP_ERR_MEMORY;
    bp_preparation_free(p);
    if (status != BP_OK) {
        return status;
    }
    *x = bp_onnx_node(s->g, "Concat", w.part, w.parts);
    if (*x) {
        bp_onnx_int(s->g, "axis", 1);
        *x = s->element == BP_ONNX_DOUBLE ? bp_onnx_cast(s->g, *x, BP_ONNX_DOUBLE) : *x;
    }
    return s->g->status;
}
