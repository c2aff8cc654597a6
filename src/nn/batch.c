/* batch.c - gathering rows of a data set into a session, and checking that the data can be used at all. */
#include "nn/batch.h"

#include "graph/node.h"

#include <math.h>
#include <string.h>

static double mean_weight(const bp_data *d)
{
    double sum = 0;
    for (size_t r = 0; r < d->rows; r++) {
        sum += (double)d->weight[r];
    }
    return sum / (double)d->rows;
}

bp_status bp_batch_bind(bp_batch *b, bp_session *s, const bp_model *m, const bp_data *data, bool with_target)
{
    *b = (bp_batch){.m = m, .data = data, .decision = bp_model_decision(m)};
    b->x = bp_session_values(s, m->x, &b->x_ld);
    b->score = bp_session_values(s, m->score, &b->score_ld);
    if (with_target) {
        b->target = bp_session_values(s, m->target, &b->target_ld);
    }
    if (!b->x || !b->score || (with_target && !b->target)) {
        return BP_ERR_STATE;
    }
    if (with_target && data->weight) {
        b->weights = bp_session_weigh(s);
        b->mean_weight = mean_weight(data);
    }
    return !with_target || !data->weight || b->weights ? BP_OK : BP_ERR_MEMORY;
}

static size_t source_row(const bp_batch *b, size_t row)
{
    return b->order ? b->order[b->first + row] : b->first + row;
}

/* Class `label` as the target of one sample: element u of it. */
static double class_target(const bp_model *m, int32_t label, size_t u)
{
    bp_decision d = bp_model_decision(m);
    if (m->loss == BP_CROSS_ENTROPY) {
        return label;
    }
    bool right = m->units == 1 ? label == 1 : (size_t)label == u;
    return right ? d.high : d.low;
}

/* Number u of a row of y, as the network is to answer it. */
static double number_target(const bp_model *m, const double *y, size_t u)
{
    const bp_scaling *s = &m->output_scaling;
    return s->count ? (y[u] - s->mean[u]) / s->scale[u] : y[u];
}

void bp_model_encode(const bp_model *m, double *target, const bp_data *data, size_t row)
{
    for (size_t u = 0; u < m->target->size; u++) {
        target[u] =
            data->classes ? class_target(m, data->label[row], u) : number_target(m, data->y + row * data->targets, u);
    }
}

/* Shuffled rows lie anywhere in memory: each is asked for a while before it is needed. Always inlined: GCC 12 drops calls of
 * a function that does nothing but prefetch. */
__attribute__((always_inline)) static inline void prefetch_row(const bp_batch *b, size_t row, size_t bytes)
{
    enum { AHEAD = 2048, LINE = 64 }; /* bytes under way */
    size_t at = b->first + row + (bytes < AHEAD ? AHEAD / bytes : 1);
    if (!b->order || at >= b->data->rows) {
        return;
    }
    const char *from = (const char *)b->data->x + b->order[at] * bytes;
    for (size_t i = 0; i < bytes; i += LINE) {
        __builtin_prefetch(from + i);
    }
    __builtin_prefetch(from + bytes - 1); /* a row seldom begins with a line */
}

/* A row that is made on demand: as the type of the network, then scaled, in parts that fit on the stack. */
static void fill_row(const bp_batch *b, char *x, size_t from, const bp_convert *how)
{
    enum { CHUNK = 256 };
    _Alignas(BP_ALIGN) double part[CHUNK];
    const bp_graph *g = b->m->graph;
    const bp_data *d = b->data;
    d->fill(d->x, from, x, g->type);
    for (size_t c = 0; how->mean && c < d->inputs; c += CHUNK) {
        size_t count = d->inputs - c < CHUNK ? d->inputs - c : CHUNK, at = c * how->step;
        bp_convert here = {how->mean + at, how->scale + at, how->step};
        memcpy(part, x + c * g->element, count * g->element);
        g->kernels->convert(count, x + c * g->element, part, g->type, &here);
    }
}

static void load_target(const bp_batch *b, size_t r, size_t from)
{
    const bp_model *m = b->m;
    const bp_data *d = b->data;
    size_t element = m->graph->element;
    char *target = b->target + r * b->target_ld * element;
    for (size_t u = 0; d->classes && u < m->target->size; u++) {
        double value = class_target(m, d->label[from], u);
        bp_narrow(target + u * element, m->graph->type, &value, 1);
    }
    const double *y = d->classes ? NULL : d->y + from * d->targets;
    for (size_t u = 0; y && m->output_scaling.count && u < d->targets; u++) {
        double value = number_target(m, y, u);
        bp_narrow(target + u * element, m->graph->type, &value, 1);
    }
    if (y && !m->output_scaling.count) {
        bp_narrow(target, m->graph->type, y, d->targets);
    }
}

void bp_batch_load(void *batch, size_t row, size_t rows)
{
    const bp_batch *b = batch;
    const bp_model *m = b->m;
    const bp_data *d = b->data;
    size_t source_bytes = d->inputs * bp_type_size(d->x_type);
    const bp_scaling *s = &m->scaling;
    bp_convert scaling = {s->count ? s->mean : NULL, s->count ? s->scale : NULL, s->count > 1};
    for (size_t r = row; r < row + rows; r++) {
        size_t from = source_row(b, r);
        char *x = b->x + r * b->x_ld * m->graph->element;
        if (d->fill) {
            fill_row(b, x, from, &scaling);
        } else {
            prefetch_row(b, r, source_bytes);
            m->graph->kernels->convert(d->inputs, x, (const char *)d->x + from * source_bytes, d->x_type, &scaling);
        }
        if (b->target) {
            load_target(b, r, from);
        }
        if (b->weights) {
            b->weights[r] = (double)d->weight[from] / b->mean_weight;
        }
    }
}

void bp_batch_observe(void *batch, size_t row, size_t rows)
{
    bp_batch *b = batch;
    if (!b->right) {
        return;
    }
    for (size_t r = row; r < row + rows; r++) {
        const char *score = b->score + r * b->score_ld * b->m->graph->element;
        b->right[r] = bp_model_decide(b->m, score, b->decision.threshold) == (size_t)b->data->label[source_row(b, r)];
    }
}

static size_t count_right(const bp_batch *b, size_t rows)
{
    size_t right = 0;
    for (size_t r = 0; b->right && r < rows; r++) {
        right += b->right[r];
    }
    return right;
}

bp_tally bp_batch_tally(const bp_batch *b, size_t rows)
{
    if (!b->weights) {
        return (bp_tally){(double)rows, (double)count_right(b, rows)};
    }
    bp_tally t = {0};
    for (size_t r = 0; r < rows; r++) {
        t.rows += b->weights[r];
        t.right += b->right && b->right[r] ? b->weights[r] : 0;
    }
    return t;
}

/* ---- checks ---- */

static bp_status check_sizes(const bp_data *d, const bp_model *m)
{
    if (d->rows == 0) {
        return bp_fail(BP_ERR_DATA, "the data has no rows");
    }
    if (d->rows > UINT32_MAX) {
        return bp_fail(BP_ERR_UNSUPPORTED, "%zu rows; at most 2^32 - 1 can be used", d->rows);
    }
    if (d->inputs != m->options.inputs) {
        return bp_fail(BP_ERR_DATA, "the data has %zu inputs a row, the model takes %zu", d->inputs, m->options.inputs);
    }
    if (!d->fill && (bp_type_size(d->x_type) == 0 || !d->x)) {
        return bp_fail(BP_ERR_ARGUMENT, "the data has no inputs x, or their type is unknown");
    }
    bool classify = m->options.task == BP_CLASSIFY;
    if (classify != (d->classes > 0)) {
        return bp_fail(BP_ERR_DATA, "the model predicts %s, the targets of the data are %s",
                       classify ? "classes" : "numbers", classify ? "numbers" : "classes");
    }
    if (classify ? !d->label : !d->y) {
        return bp_fail(BP_ERR_ARGUMENT, "the data has no %s", classify ? "labels" : "targets y");
    }
    size_t found = classify ? d->classes : d->targets;
    if (classify ? found > m->options.outputs : found != m->options.outputs) {
        return bp_fail(BP_ERR_DATA, "the data has %zu %s, the model %zu", found, classify ? "classes" : "targets",
                       m->options.outputs);
    }
    return BP_OK;
}

static bp_status check_row(const bp_data *d, size_t r, const void *row, bp_type type)
{
    bool finite = bp_kernels_for(type)->all_finite(d->inputs, row);
    for (size_t c = 0; !finite && c < d->inputs; c++) {
        double value;
        bp_widen(&value, (const char *)row + c * bp_type_size(type), type, 1);
        if (!isfinite(value)) {
            return bp_fail(BP_ERR_DATA, "input %zu of row %zu is %g; every input must be a finite number", c, r, value);
        }
    }
    return BP_OK;
}

static bp_status check_filled(const bp_data *d, const bp_model *m)
{
    bp_type type = m->graph->type;
    void *row = bp_alloc(&m->allocator, d->inputs, bp_type_size(type));
    bp_status status = row ? BP_OK : BP_ERR_MEMORY;
    for (size_t r = 0; status == BP_OK && r < d->rows; r++) {
        d->fill(d->x, r, row, type);
        status = check_row(d, r, row, type);
    }
    bp_release(&m->allocator, row);
    return status;
}

static bp_status check_inputs(const bp_data *d, const bp_model *m)
{
    if (d->fill) {
        return check_filled(d, m);
    }
    bp_status status = BP_OK;
    bool numbers = d->x_type == BP_F32 || d->x_type == BP_F64;
    size_t row_bytes = d->inputs * bp_type_size(d->x_type);
    for (size_t r = 0; numbers && status == BP_OK && r < d->rows; r++) {
        status = check_row(d, r, (const char *)d->x + r * row_bytes, d->x_type);
    }
    return status;
}

static bp_status check_weights(const bp_data *d)
{
    double sum = 0;
    for (size_t r = 0; d->weight && r < d->rows; r++) {
        double w = (double)d->weight[r];
        if (!(isfinite(w) && w >= 0)) {
            return bp_fail(BP_ERR_DATA, "the weight of row %zu is %g; expected a finite number, 0 or more", r, w);
        }
        sum += w;
    }
    if (d->weight && sum == 0) {
        return bp_fail(BP_ERR_DATA, "the weights of all %zu rows are 0; at least one must count", d->rows);
    }
    return BP_OK;
}

static bp_status check_targets(const bp_data *d, const bp_model *m)
{
    for (size_t r = 0; d->classes && r < d->rows; r++) {
        if (d->label[r] < 0 || (size_t)d->label[r] >= d->classes) {
            return bp_fail(BP_ERR_DATA, "label %d in row %zu; expected 0 to %zu", (int)d->label[r], r, d->classes - 1);
        }
    }
    for (size_t i = 0; !d->classes && i < d->rows * d->targets; i++) {
        double t = d->y[i];
        if (!isfinite(t)) {
            return bp_fail(BP_ERR_DATA, "target %zu of row %zu is %g; expected a finite number", i % d->targets,
                           i / d->targets, t);
        }
        if (m->loss == BP_BCE && !(t >= 0 && t <= 1)) {
            return bp_fail(BP_ERR_DATA, "target %zu of row %zu is %g; loss bce needs targets in [0, 1]: use mse",
                           i % d->targets, i / d->targets, t);
        }
    }
    return BP_OK;
}

bp_status bp_data_check(const bp_data *d, const bp_model *m)
{
    bp_status status = check_sizes(d, m);
    status = status == BP_OK ? check_weights(d) : status;
    status = status == BP_OK ? check_inputs(d, m) : status;
    return status == BP_OK ? check_targets(d, m) : status;
}
