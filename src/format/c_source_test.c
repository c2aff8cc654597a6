/* c_source_test.c - the self-test of exported source: rows made up for the purpose, and what the library answers to them.
 * Rows of a table go through the preparation, too: missing values, every kind of level, numbers beyond the ends of scales. */
#include "data/prepare.h"
#include "format/c_source.h"

#include <math.h>

enum { TEST_ROWS = 6 };

/* What an answer may be off, against the size of the answers: another order of sums, libm's of another system; in int8 a
 * number that lies between two steps. */
static double tolerance(const bp_c_model *c)
{
    bool wide = c->o.type == BP_F64 && c->described.type == BP_F64;
    return bp_c_is_int8(c) ? 0.05 : wide ? 1e-9 : 1e-4;
}

/* The rows that are predicted. */
typedef struct rows {
    double *x;    /* TEST_ROWS x inputs, of the network */
    double *cell; /* TEST_ROWS x features: a number or a level; NaN: missing */
    double *y;    /* TEST_ROWS x outputs: what is right */
} rows;

/* -2 .. 2, the same on every machine (Numerical Recipes' linear congruential generator). */
static double next_number(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / (1 << 22) - 2;
}

static double rounded(double x, bool wide)
{
    return wide ? x : (double)(float)x;
}

static void make_inputs(rows *t, const bp_c_model *c)
{
    const double *mean, *scale;
    size_t inputs = c->described.inputs, count = bp_model_scaling(c->m, &mean, &scale);
    uint32_t state = 1;
    for (size_t i = 0; i < TEST_ROWS * inputs; i++) {
        double x = next_number(&state);
        if (count > 0) {
            size_t at = count > 1 ? i % inputs : 0;
            x = mean[at] + (scale[at] != 0 ? x / scale[at] : x);
        }
        t->x[i] = rounded(x, c->o.type == BP_F64);
    }
}

/* ---- Rows of a table --------------------------------------------------------------------------------------------- */

/* A number around and beyond what was seen in training. */
static double test_number(const bp_scale *s, size_t row)
{
    double at = (double)row - 2;
    switch (s->map) {
    case BP_MAP_ASINH:
        return s->origin + 3.3 * at * s->unit;
    case BP_MAP_QUANTILE: {
        double low = s->knot[0], high = s->knot[s->knots - 1];
        return low + (high - low) * (0.4 * at + 0.37);
    }
    default:
        return s->center + (s->scale != 0 ? 0.8 * at / s->scale : at);
    }
}

static double test_cell(const bp_c_model *c, size_t column, size_t row)
{
    const bp_feature *f = c->column[column].feature;
    if (c->p->missing == BP_MISSING_IMPUTE && (row + column) % TEST_ROWS == TEST_ROWS - 1) {
        return (double)NAN;
    }
    if (c->column[column].level) {
        return (double)((row * 5 + column) % (f->level.count + 1));
    }
    double number =
        f->kind == BP_FEATURE_DATE ? f->filled + ((double)row - 2) * 86400 * 37.3 : test_number(&f->scale, row);
    return rounded(number, f->kind == BP_FEATURE_DATE || f->source.type != BP_F32);
}

/* The inputs of a category or a boolean of texts. */
static void expect_level(double *x, const bp_feature *f, double cell)
{
    bool missing = isnan(cell);
    size_t level = missing ? f->level.count : (size_t)cell;
    if (f->kind != BP_FEATURE_CATEGORY) {
        x[0] = level < f->level.count ? bp_scale_apply(&f->scale, cell) : 0;
        if (f->indicator) {
            x[1] = missing;
        }
        return;
    }
    if (level < f->level.count) {
        x[level] = 1;
    } else if (missing && f->missing) {
        x[f->level.count + f->other] = 1;
    } else if (f->other) {
        x[f->level.count] = 1;
    }
}

static void expect_number(double *x, const bp_feature *f, double cell)
{
    double value = isnan(cell) ? f->filled : cell;
    float part[2 * BP_DATE_PARTS + 1] = {0};
    if (f->kind == BP_FEATURE_DATE) {
        bp_date_write(f, part, value);
    } else {
        part[0] = (float)bp_scale_apply(&f->scale, value);
    }
    for (size_t i = 0; i < f->inputs - f->indicator; i++) {
        x[i] = (double)part[i];
    }
    if (f->indicator) {
        x[f->inputs - 1] = isnan(cell);
    }
}

static bp_status make_table_rows(rows *t, bp_c_model *c, bp_pool *pool)
{
    size_t features = c->p->features, inputs = c->described.inputs;
    t->cell = bp_pool_alloc(pool, TEST_ROWS * features, sizeof *t->cell);
    for (size_t r = 0; t->cell && r < TEST_ROWS; r++) {
        for (size_t i = 0; i < features; i++) {
            const bp_feature *f = c->column[i].feature;
            double cell = test_cell(c, i, r), *x = t->x + r * inputs + f->first;
            t->cell[r * features + i] = cell;
            if (c->column[i].level) {
                expect_level(x, f, cell);
            } else {
                expect_number(x, f, cell);
            }
            for (size_t j = 0; j < f->inputs; j++) {
                x[j] = (double)(float)x[j];
            }
        }
    }
    return t->cell ? BP_OK : BP_ERR_MEMORY;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

static bp_status library_answers(rows *t, const bp_c_model *c, bp_pool *pool)
{
    size_t count = TEST_ROWS * c->described.outputs;
    float *narrow = bp_pool_alloc(pool, count, sizeof *narrow);
    void *out = c->described.type == BP_F64 ? (void *)t->y : narrow;
    bp_predictor *p = NULL;
    bp_status status = narrow ? bp_predictor_new(&p, c->m, TEST_ROWS, 1) : BP_ERR_MEMORY;
    if (status == BP_OK) {
        status = bp_predict(p, out, t->x, BP_F64, TEST_ROWS);
    }
    for (size_t i = 0; i < count && status == BP_OK && out == narrow; i++) {
        t->y[i] = (double)narrow[i];
    }
    bp_predictor_free(p);
    return status;
}

static bp_status int8_answers(rows *t, const bp_c_model *c, bp_pool *pool)
{
    size_t inputs = c->described.inputs, outputs = c->described.outputs;
    float *x = bp_pool_alloc(pool, inputs, sizeof *x), *y = bp_pool_alloc(pool, outputs, sizeof *y);
    bp_status status = x && y ? BP_OK : BP_ERR_MEMORY;
    for (size_t r = 0; r < TEST_ROWS && status == BP_OK; r++) {
        for (size_t i = 0; i < inputs; i++) {
            x[i] = (float)t->x[r * inputs + i];
        }
        bp_c_simulate(c, y, x);
        for (size_t j = 0; j < outputs; j++) {
            t->y[r * outputs + j] = (double)y[j];
        }
    }
    return status;
}

static bp_status make_rows(rows *t, bp_c_model *c, bp_pool *pool)
{
    t->x = bp_pool_alloc(pool, TEST_ROWS * c->described.inputs, sizeof *t->x);
    t->y = bp_pool_alloc(pool, TEST_ROWS * c->described.outputs, sizeof *t->y);
    if (!t->x || !t->y) {
        return BP_ERR_MEMORY;
    }
    bp_status status = BP_OK;
    if (c->p) {
        status = make_table_rows(t, c, pool);
    } else {
        make_inputs(t, c);
    }
    if (status != BP_OK) {
        return status;
    }
    return bp_c_is_int8(c) ? int8_answers(t, c, pool) : library_answers(t, c, pool);
}

/* ---- The source -------------------------------------------------------------------------------------------------- */

static void write_cell(bp_c_file *f, const bp_c_column *column, double cell)
{
    const bp_feature *feature = column->feature;
    char text[BP_C_LITERAL];
    if (column->level) {
        bp_c_put(f, "%d", isnan(cell) ? -1 : (int)cell);
    } else if (isnan(cell)) {
        bp_c_put(f, "NAN");
    } else {
        bool wide = feature->kind == BP_FEATURE_DATE || feature->source.type != BP_F32;
        bp_c_put(f, "%s", bp_c_literal(text, cell, wide));
    }
}

static void write_rows(bp_c_file *f, const bp_c_model *c, const rows *t)
{
    size_t width = c->p ? c->p->features : c->described.inputs;
    if (c->p) {
        bp_c_put(f, "    static const @_row row[%d] = {\n", TEST_ROWS);
    } else {
        bp_c_put(f, "    static const ~ row[%d][%zu] = {\n", TEST_ROWS, width);
    }
    for (size_t r = 0; r < TEST_ROWS; r++) {
        bp_c_raw(f, "    ");
        if (!c->p) {
            bp_c_list(f, t->x + r * width, width, f->wide);
        }
        for (size_t i = 0; c->p && i < width; i++) {
            bp_c_raw(f, i == 0 ? "{" : ", ");
            write_cell(f, &c->column[i], t->cell[r * width + i]);
        }
        bp_c_raw(f, c->p ? "},\n" : ",\n");
    }
    bp_c_raw(f, "    };\n");
}

static void write_answers(bp_c_file *f, const bp_c_model *c, const rows *t, double *allowed)
{
    const double *mean, *scale;
    size_t outputs = c->described.outputs, scaled = bp_model_output_scaling(c->m, &mean, &scale);
    bp_c_put(f, "    static const ~ answer[%d][%zu] = {\n", TEST_ROWS, outputs);
    for (size_t r = 0; r < TEST_ROWS; r++) {
        bp_c_raw(f, "    ");
        bp_c_list(f, t->y + r * outputs, outputs, f->wide);
        bp_c_raw(f, ",\n");
    }
    bp_c_put(f, "    };\n    static const ~ allowed[%zu] = ", outputs);
    for (size_t j = 0; j < outputs; j++) {
        allowed[j] = scaled ? fabs(scale[j]) : 1;
        for (size_t r = 0; r < TEST_ROWS; r++) {
            allowed[j] = fmax(allowed[j], fabs(t->y[r * outputs + j]));
        }
        allowed[j] *= tolerance(c);
    }
    bp_c_list(f, allowed, outputs, f->wide);
    bp_c_raw(f, ";\n");
}

static void write_function(bp_c_file *f, const bp_c_model *c, const rows *t, double *allowed)
{
    const char *type = bp_c_is_int8(c) ? "int8_t" : f->wide ? "double" : "float";
    bp_c_put(f, "int @_self_test(%s *scratch)\n{\n", type);
    write_rows(f, c, t);
    write_answers(f, c, t, allowed);
    bp_c_put(f, "    int wrong = 0, r, j;\n    ~ y[$_OUTPUTS];\n%s    for (r = 0; r < %d; r++) {\n",
             c->p ? "    ~ x[$_INPUTS];\n" : "", TEST_ROWS);
    bp_c_put(f, c->p ? "        wrong += @_prepare(x, &row[r]) != 0;\n        @_predict(y, x, scratch);\n"
                     : "        @_predict(y, row[r], scratch);\n");
    bp_c_put(f, "        for (j = 0; j < $_OUTPUTS; j++) {\n"
                "            const ~ off = y[j] - answer[r][j];\n"
                "            wrong += !(off <= allowed[j] && -off <= allowed[j]);\n"
                "        }\n    }\n    return wrong;\n}\n\n");
    bp_c_put(f,
             "#ifdef $_TEST_MAIN\nint main(void)\n{\n    static %s scratch[$_SCRATCH];\n"
             "    return @_self_test(scratch) != 0;\n}\n#endif\n",
             type);
}

bp_status bp_c_write_test(bp_c_file *f, bp_c_model *c)
{
    bp_pool pool = {c->pool.allocator, NULL};
    rows t = {0};
    size_t constants = f->constants; /* the test is no part of what is used */
    bp_status status = make_rows(&t, c, &pool);
    double *allowed = bp_pool_alloc(&pool, c->described.outputs, sizeof *allowed);
    status = allowed ? status : BP_ERR_MEMORY;
    if (status == BP_OK) {
        write_function(f, c, &t, allowed);
    }
    f->constants = constants;
    bp_pool_free(&pool);
    return status;
}
