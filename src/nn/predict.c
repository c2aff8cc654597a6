/* predict.c - answers of a model: prediction, evaluation. */
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

/* ---- evaluation ---- */

typedef struct evaluation {
    bp_evaluation public;
    bp_allocator allocator;
    void *answer; /* numbers: one row, as bp_predict gives it */
    double *sums; /* numbers: per target, sum and sum of squares of the true values */
    double squared, absolute;
} evaluation;

static void count_confusion(void *ctx, const bp_measure *e, size_t first, size_t rows)
{
    evaluation *v = ctx;
    for (size_t r = 0; r < rows; r++) {
        const char *score = e->batch.score + r * e->batch.score_ld * e->m->graph->element;
        size_t said = bp_model_decide(e->m, score, e->batch.decision.threshold);
        v->public.confusion[(size_t)e->data->label[first + r] * v->public.classes + said]++;
    }
}

static void sum_errors(void *ctx, const bp_measure *e, size_t first, size_t rows)
{
    evaluation *v = ctx;
    size_t n = e->data->targets, element = e->m->graph->element;
    for (size_t i = 0; i < rows * n; i++) {
        size_t r = i / n, c = i % n;
        double o, t = e->data->y[(first + r) * n + c];
        if (c == 0) {
            bp_model_answer(e->m, v->answer, e->y + r * e->y_ld * element);
        }
        bp_widen(&o, (char *)v->answer + c * element, e->m->graph->type, 1);
        v->squared += (o - t) * (o - t);
        v->absolute += fabs(o - t);
        v->sums[c] += t;
    }
}

static double ratio(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

static void score_classes(bp_evaluation *e)
{
    for (size_t c = 0; c < e->classes; c++) {
        size_t hits = e->confusion[c * e->classes + c], said = 0, true_count = 0;
        for (size_t k = 0; k < e->classes; k++) {
            true_count += e->confusion[c * e->classes + k];
            said += e->confusion[k * e->classes + c];
        }
        e->precision[c] = ratio(hits, said);
        e->recall[c] = ratio(hits, true_count);
        e->f1[c] = ratio(2 * hits, said + true_count);
    }
}

/* R^2 = 1 - sum (o - t)^2 / sum (t - mean t)^2, the mean of each target apart. */
static void score_numbers(evaluation *v, const bp_data *d)
{
    double spread = 0, count = (double)d->rows * (double)d->targets;
    for (size_t i = 0; i < d->rows * d->targets; i++) {
        double off = d->y[i] - v->sums[i % d->targets] / (double)d->rows;
        spread += off * off;
    }
    v->public.rmse = sqrt(v->squared / count);
    v->public.mae = v->absolute / count;
    v->public.r2 = spread > 0 ? 1 - v->squared / spread : NAN;
}

static bp_status allocate_evaluation(evaluation **out, const bp_model *m, const bp_data *d)
{
    const bp_allocator *a = &m->allocator;
    evaluation *v = bp_alloc(a, 1, sizeof *v);
    *out = v;
    if (!v) {
        return BP_ERR_MEMORY;
    }
    size_t k = m->options.task == BP_CLASSIFY ? m->options.outputs : 0, cells;
    v->allocator = *a;
    v->public = (bp_evaluation){.rows = d->rows, .classes = k, .rmse = NAN, .mae = NAN, .r2 = NAN};
    bool fits = bp_mul_size(&cells, k, k);
    bool done = fits && (k == 0 || ((v->public.confusion = bp_alloc(a, cells, sizeof *v->public.confusion)) &&
                                    (v->public.precision = bp_alloc(a, k, sizeof(double))) &&
                                    (v->public.recall = bp_alloc(a, k, sizeof(double))) &&
                                    (v->public.f1 = bp_alloc(a, k, sizeof(double)))));
    done = done && (v->answer = bp_alloc(a, m->options.outputs, m->graph->element));
    done = done && (v->sums = bp_alloc(a, d->targets, sizeof *v->sums));
    return done ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_evaluate(bp_evaluation **out, const bp_model *m, const bp_data *data, int threads)
{
    double start = bp_seconds();
    *out = NULL;
    bp_status status = bp_data_check(data, m);
    if (status != BP_OK) {
        return status;
    }
    evaluation *v;
    bp_measure e = {0};
    status = allocate_evaluation(&v, m, data);
    status = status == BP_OK ? bp_measure_new(&e, m, data, threads) : status;
    if (status == BP_OK) {
        bp_evaluation *public = &v->public;
        bp_measure_run(&e, &public->loss, &public->accuracy, public->classes ? count_confusion : sum_errors, v);
        if (public->classes) {
            score_classes(public);
        } else {
            score_numbers(v, data);
        }
        public->seconds = bp_seconds() - start;
        *out = public;
    } else if (v) {
        bp_evaluation_free(&v->public);
    }
    bp_measure_free(&e);
    return status;
}

void bp_evaluation_free(bp_evaluation *e)
{
    if (!e) {
        return;
    }
    evaluation *v = (evaluation *)e;
    bp_allocator a = v->allocator;
    bp_release(&a, e->confusion);
    bp_release(&a, e->precision);
    bp_release(&a, e->recall);
    bp_release(&a, e->f1);
    bp_release(&a, v->sums);
    bp_release(&a, v->answer);
    bp_release(&a, v);
}
