/* predict.c - answers of a model: prediction, and loss and accuracy over data. evaluate.c has all other measures. */
#include "nn/predict.h"

#include "graph/node.h"

#include <math.h>
#include <string.h>

/* ---- prediction ---- */

struct bp_predictor {
    const bp_model *m;
    bp_session *s;
    size_t max_rows;
    char *y;
    size_t y_ld;
};

bp_status bp_predictor_new(bp_predictor **out, const bp_model *m, size_t max_rows, int threads)
{
    *out = NULL;
    bp_predictor *p = bp_alloc(&m->allocator, 1, sizeof *p);
    if (!p) {
        return BP_ERR_MEMORY;
    }
    p->m = m;
    p->max_rows = max_rows;
    bp_session_options o = bp_session_defaults();
    o.max_rows = max_rows;
    o.threads = threads;
    o.gradients = false;
    const bp_node *targets[] = {m->y};
    bp_status status = bp_session_new(&p->s, m->graph, targets, 1, &o);
    if (status != BP_OK) {
        bp_predictor_free(p);
        return status;
    }
    p->y = bp_session_values(p->s, m->y, &p->y_ld);
    *out = p;
    return BP_OK;
}

void bp_predictor_free(bp_predictor *p)
{
    if (p) {
        bp_session_free(p->s);
        bp_release(&p->m->allocator, p);
    }
}

/* Both probabilities of two classes from the one unit that stands for the second. */
static void write_pair(const bp_model *m, void *out, const void *y)
{
    double value, pair[2];
    bp_decision d = bp_model_decision(m);
    bp_widen(&value, y, m->graph->type, 1);
    double p = (value - d.low) / (d.high - d.low);
    pair[1] = p < 0 ? 0 : p > 1 ? 1 : p;
    pair[0] = 1 - pair[1];
    bp_narrow(out, m->graph->type, pair, 2);
}

static void write_numbers(const bp_model *m, void *out, const void *y)
{
    size_t element = m->graph->element;
    for (size_t u = 0; u < m->units; u++) {
        double value;
        bp_widen(&value, (const char *)y + u * element, m->graph->type, 1);
        value = value * m->output_scaling.scale[u] + m->output_scaling.mean[u];
        bp_narrow((char *)out + u * element, m->graph->type, &value, 1);
    }
}

void bp_model_answer(const bp_model *m, void *out, const void *y)
{
    if (m->units != m->options.outputs) {
        write_pair(m, out, y);
    } else if (m->output_scaling.count) {
        write_numbers(m, out, y);
    } else {
        memcpy(out, y, m->units * m->graph->element);
    }
}

bp_status bp_predict(bp_predictor *p, void *out, const void *x, bp_type x_type, size_t rows)
{
    bp_data data = {.rows = rows, .inputs = p->m->options.inputs, .x = x, .x_type = x_type};
    return bp_predict_data(p, out, &data, 0, rows);
}

bp_status bp_predict_data(bp_predictor *p, void *out, const bp_data *data, size_t first, size_t rows)
{
    const bp_model *m = p->m;
    size_t element = m->graph->element, outputs = m->options.outputs;
    if (!data->fill && bp_type_size(data->x_type) == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "predicting: unknown element type %d", (int)data->x_type);
    }
    if (data->inputs != m->options.inputs) {
        return bp_fail(BP_ERR_DATA, "predicting: the data has %zu inputs a row, the model takes %zu", data->inputs,
                       m->options.inputs);
    }
    if (first > data->rows || rows > data->rows - first) {
        return bp_fail(BP_ERR_ARGUMENT, "predicting: rows %zu to %zu of data that has %zu", first, first + rows,
                       data->rows);
    }
    bp_batch batch;
    bp_status status = bp_batch_bind(&batch, p->s, m, data, false);
    bp_hooks hooks = {.rows_ctx = &batch, .load = bp_batch_load};
    for (size_t at = 0; status == BP_OK && at < rows; at += p->max_rows) {
        size_t count = rows - at < p->max_rows ? rows - at : p->max_rows;
        batch.first = first + at;
        bp_session_run(p->s, count, BP_FORWARD, &hooks);
        for (size_t r = 0; r < count; r++) {
            bp_model_answer(m, (char *)out + (at + r) * outputs * element, p->y + r * p->y_ld * element);
        }
    }
    return status;
}

/* ---- measuring ---- */

enum { MEASURE_ROWS = 256 };

bp_status bp_measure_new(bp_measure *out, const bp_model *m, const bp_data *data, int threads)
{
    *out = (bp_measure){.m = m, .data = data};
    bp_session_options o = bp_session_defaults();
    o.max_rows = data->rows < MEASURE_ROWS ? data->rows : MEASURE_ROWS;
    o.threads = threads;
    o.gradients = false;
    const bp_node *targets[] = {m->loss_node, m->y};
    bp_status status = bp_session_new(&out->s, m->graph, targets, 2, &o);
    if (status == BP_OK) {
        status = bp_batch_bind(&out->batch, out->s, m, data, true);
    }
    out->y = status == BP_OK ? bp_session_values(out->s, m->y, &out->y_ld) : NULL;
    if (status == BP_OK && data->classes) {
        out->right = bp_alloc(&m->allocator, o.max_rows, 1);
        status = out->right ? BP_OK : BP_ERR_MEMORY;
    }
    return status;
}

void bp_measure_free(bp_measure *e)
{
    if (e->m) {
        bp_session_free(e->s);
        bp_release(&e->m->allocator, e->right);
    }
}

void bp_measure_run(bp_measure *e, double *loss, double *accuracy, bp_measure_rows each, void *ctx)
{
    size_t rows = e->data->rows, max = e->s->options.max_rows;
    double sum = 0;
    bp_tally all = {0};
    e->batch.right = e->right;
    bp_hooks hooks = {.rows_ctx = &e->batch, .load = bp_batch_load, .observe = bp_batch_observe};
    for (size_t at = 0; at < rows; at += max) {
        size_t count = rows - at < max ? rows - at : max;
        e->batch.first = at;
        bp_session_run(e->s, count, BP_FORWARD, &hooks);
        sum += bp_session_objective(e->s) * (double)count;
        bp_tally these = bp_batch_tally(&e->batch, count);
        all.rows += these.rows;
        all.right += these.right;
        if (each) {
            each(ctx, e, at, count);
        }
    }
    *loss = sum / all.rows;
    *accuracy = e->right ? all.right / all.rows : NAN;
}
