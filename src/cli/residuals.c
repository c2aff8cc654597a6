/* residuals.c - the largest differences between truth and prediction. */
#include "residuals.h"

#include <math.h>

#include "memory.h"

enum { RESIDUALS = 5, BLOCK = 1024 };

typedef struct residual {
    size_t row, target; /* row of the data; which number */
    double truth, answer, error;
} residual;

static void keep_worst(residual *list, size_t *count, residual r)
{
    if (*count == RESIDUALS && !(r.error > list[RESIDUALS - 1].error)) {
        return;
    }
    size_t at = *count < RESIDUALS ? (*count)++ : RESIDUALS - 1;
    for (; at > 0 && list[at - 1].error < r.error; at--) {
        list[at] = list[at - 1];
    }
    list[at] = r;
}

/* Those of `rows` rows from `first`, answered in out. scale: the units of the targets, by which they compare; NULL: one. */
static void look_through(residual *list, size_t *count, const residual_source *s, const void *out, const double *scale,
                         size_t first, size_t rows)
{
    const bp_data *d = s->data;
    bool f64 = bp_model_describe(s->model).type == BP_F64;
    for (size_t i = 0; i < rows * d->targets; i++) {
        size_t j = i % d->targets;
        residual r = {.row = first + i / d->targets, .target = j, .truth = d->y[first * d->targets + i]};
        r.answer = f64 ? ((const double *)out)[i] : (double)((const float *)out)[i];
        r.error = fabs(r.truth - r.answer) / (scale != NULL ? scale[j] : 1);
        keep_worst(list, count, r);
    }
}

static bp_status find(residual *list, size_t *count, const residual_source *s)
{
    const bp_data *d = s->data;
    const double *scale = NULL, *mean = NULL;
    bool scaled = bp_model_output_scaling(s->model, &mean, &scale) == d->targets;
    void *out = cli_alloc(BLOCK * d->targets, bp_type_size(bp_model_describe(s->model).type));
    bp_predictor *p = NULL;
    bp_status status = out != NULL ? bp_predictor_new(&p, s->model, BLOCK, s->threads) : BP_ERR_MEMORY;
    *count = 0;
    for (size_t at = 0; at < d->rows && status == BP_OK; at += BLOCK) {
        size_t rows = d->rows - at < BLOCK ? d->rows - at : BLOCK;
        status = bp_predict_data(p, out, d, at, rows);
        if (status == BP_OK) {
            look_through(list, count, s, out, scaled ? scale : NULL, at, rows);
        }
    }
    bp_predictor_free(p);
    cli_release(out);
    return status;
}

static const char *target_name(const residual_source *s, const residual *r)
{
    const char *name = bp_preparation_target(s->preparation, r->target, NULL, NULL);
    return name != NULL ? name : "";
}

/* As its table counts: from 1. */
static size_t row_number(const residual_source *s, const residual *r)
{
    return (size_t)s->row[r->row] + 1;
}

void residuals_report(const terminal *t, const residual_source *s)
{
    residual list[RESIDUALS];
    size_t count = 0;
    if (find(list, &count, s) != BP_OK || count == 0) {
        return;
    }
    fprintf(t->file, "\n%sworst residuals%s%s: row 1 is the first row of data\n", style_on(t, STYLE_BOLD), style_off(t),
            s->of);
    fprintf(t->file, "%s%10s  %14s  %14s  %14s%s\n", style_on(t, STYLE_DIM), "row", "truth", "prediction", "residual",
            style_off(t));
    for (size_t i = 0; i < count; i++) {
        const residual *r = &list[i];
        fprintf(t->file, "%10zu  %14.6g  %14.6g  %+14.6g%s%s\n", row_number(s, r), r->truth, r->answer,
                r->truth - r->answer, s->data->targets > 1 ? "  " : "", s->data->targets > 1 ? target_name(s, r) : "");
    }
}

json_t *residuals_json(const residual_source *s)
{
    residual list[RESIDUALS];
    size_t count = 0;
    json_t *array = json_array();
    if (find(list, &count, s) != BP_OK) {
        return array;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        json_put_size(one, "row", row_number(s, &list[i]));
        json_put_text(one, "target", target_name(s, &list[i]));
        json_put(one, "truth", list[i].truth);
        json_put(one, "prediction", list[i].answer);
        json_array_append_new(array, one);
    }
    return array;
}
