/* c_source_quantize.c - a network in 8-bit integers: how it is found from data, what it answers, how far that is off.
 *
 * Weights: symmetric, one scale for each output, q = round(w / s_j), -127 .. 127. Inputs of a layer: affine, one step and
 * zero point for the layer, x8 = round(x / step) + zero within -128 .. 127, from the least and greatest value that the rows
 * of the calibration data give there. Sums are exact in 32 bits. What a layer gives is made float again,
 *     z_j = (s_j step) sum_i q_ji x8_i + (b_j - s_j step zero sum_i q_ji),
 * the activation is computed in float, and rounded for the next layer: one multiplication in float for each unit, none for
 * each weight. (Jacob et al., arXiv:1712.05877, with float in place of its fixed-point multiplier.) */
#include "format/c_source.h"

#include <math.h>
#include <string.h>

#include "graph/node.h"
#include "nn/predict.h"

enum { BLOCK = 256 }; /* rows at a time */

/* ---- What the layers take ---------------------------------------------------------------------------------------- */

typedef struct extent {
    double low, high;
} extent;

/* The values of a node in the session, rows x n, widened into the range. */
static void widen_extent(extent *e, const void *values, bp_type type, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = type == BP_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i];
        e->low = v < e->low ? v : e->low;
        e->high = v > e->high ? v : e->high;
    }
}

/* The node that is the input of each layer with weights. */
static void input_nodes(const bp_node **node, const bp_model *m)
{
    const bp_node *last = m->x;
    size_t n = 0;
    for (size_t i = 0; i < m->layer_count; i++) {
        if (m->layers[i].w) {
            node[n++] = last;
        }
        last = m->layers[i].a;
    }
}

static bp_status measure_blocks(extent *e, const bp_c_model *c, bp_session *s, const bp_node *const *node,
                                const bp_data *data)
{
    bp_batch batch;
    bp_status status = bp_batch_bind(&batch, s, c->m, data, false);
    bp_hooks hooks = {.rows_ctx = &batch, .load = bp_batch_load};
    for (size_t at = 0; at < data->rows && status == BP_OK; at += BLOCK) {
        size_t rows = data->rows - at < BLOCK ? data->rows - at : BLOCK, stride;
        batch.first = at;
        bp_session_run(s, rows, BP_FORWARD, &hooks);
        for (size_t l = 0; l < c->layers; l++) {
            const char *values = bp_session_values(s, node[l], &stride);
            for (size_t r = 0; r < rows; r++) {
                size_t bytes = bp_type_size(c->described.type);
                widen_extent(&e[l], values + r * stride * bytes, c->described.type, c->layer[l].inputs);
            }
        }
    }
    return status;
}

/* e[l]: of the inputs of layer l, 0 included. */
static bp_status measure_extents(extent *e, const bp_c_model *c, const bp_data *data, bp_pool *pool)
{
    const bp_node **node = bp_pool_alloc(pool, c->layers + 1, sizeof *node);
    if (!node) {
        return BP_ERR_MEMORY;
    }
    if (data->inputs != c->described.inputs || data->rows == 0) {
        return bp_fail(BP_ERR_DATA, "calibrating: %zu rows of %zu inputs; expected some rows of %zu", data->rows,
                       data->inputs, c->described.inputs);
    }
    input_nodes(node + 1, c->m);
    node[0] = c->m->y;
    bp_session *s = NULL;
    bp_session_options o = bp_session_defaults();
    o.max_rows = BLOCK;
    o.threads = 1;
    o.gradients = false;
    /* Inputs are no targets, they are there anyway: the first is y, the second would be x. */
    node[1] = c->m->score;
    bp_status status = bp_session_new(&s, c->m->graph, node, c->layers + 1, &o);
    node[1] = c->m->x;
    if (status == BP_OK) {
        status = measure_blocks(e, c, s, node + 1, data);
    }
    bp_session_free(s);
    return status;
}

/* ---- Steps and weights ------------------------------------------------------------------------------------------- */

static bp_status quantize_inputs(bp_c_layer *l, const extent *e, size_t number)
{
    double step = (e->high - e->low) / 255;
    if (!isfinite(step)) {
        return bp_fail(BP_ERR_NUMERIC, "calibrating: layer %zu gets numbers that are not finite", number);
    }
    l->step = step > 1e-30 ? (float)step : 1;
    l->zero = (int)lround(-128 - e->low / (double)l->step);
    l->zero = l->zero < -128 ? -128 : l->zero > 127 ? 127 : l->zero;
    return BP_OK;
}

static void quantize_unit(bp_c_layer *l, size_t j)
{
    double most = 0;
    long sum = 0;
    int8_t *q = l->q + j * l->inputs;
    for (size_t i = 0; i < l->inputs; i++) {
        most = fmax(most, fabs(l->w[i * l->outputs + j]));
    }
    double scale = most > 0 ? most / 127 : 1;
    for (size_t i = 0; i < l->inputs; i++) {
        q[i] = (int8_t)lround(l->w[i * l->outputs + j] / scale);
        sum += q[i];
    }
    l->scale[j] = (float)(scale * (double)l->step);
    l->bias[j] = (float)(l->b[j] - (double)l->scale[j] * l->zero * (double)sum);
}

static bp_status quantize_layer(bp_c_layer *l, bp_pool *pool, size_t number)
{
    /* |sum| <= inputs * 127 * 128 has to stay below 2^31. */
    if (l->inputs > INT32_MAX / (127 * 128)) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "layer %zu has %zu inputs, whose sum may not fit into 32 bits; int8 takes %d at most", number,
                       l->inputs, INT32_MAX / (127 * 128));
    }
    l->q = bp_pool_alloc(pool, l->inputs * l->outputs, 1);
    l->scale = bp_pool_alloc(pool, l->outputs, sizeof *l->scale);
    l->bias = bp_pool_alloc(pool, l->outputs, sizeof *l->bias);
    if (!l->q || !l->scale || !l->bias) {
        return BP_ERR_MEMORY;
    }
    for (size_t j = 0; j < l->outputs; j++) {
        quantize_unit(l, j);
        if (!isfinite(l->scale[j]) || !isfinite(l->bias[j])) {
            return bp_fail(BP_ERR_NUMERIC, "layer %zu: the scale or bias of unit %zu is no finite number of type float",
                           number, j + 1);
        }
    }
    return BP_OK;
}

static bp_status make_workspace(bp_c_model *c)
{
    size_t widest = c->described.inputs;
    for (size_t l = 0; l < c->layers; l++) {
        widest = c->layer[l].outputs > widest ? c->layer[l].outputs : widest;
    }
    c->x8 = bp_pool_alloc(&c->pool, widest, 1);
    c->z = bp_pool_alloc(&c->pool, widest, sizeof *c->z);
    return c->x8 && c->z ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_c_quantize(bp_c_model *c, const bp_data *data)
{
    extent *e = bp_pool_alloc(&c->pool, c->layers, sizeof *e);
    bp_status status = e ? make_workspace(c) : BP_ERR_MEMORY;
    status = status == BP_OK ? measure_extents(e, c, data, &c->pool) : status;
    for (size_t l = 0; l < c->layers && status == BP_OK; l++) {
        status = quantize_inputs(&c->layer[l], &e[l], l + 1);
        status = status == BP_OK ? quantize_layer(&c->layer[l], &c->pool, l + 1) : status;
    }
    return status;
}

/* ---- What it answers --------------------------------------------------------------------------------------------- */

static int8_t to_byte(float v, const bp_c_layer *l)
{
    float x = v * (1 / l->step) + (float)l->zero;
    x = x > -128 ? x : -128;
    x = x < 127 ? x : 127;
    return (int8_t)(x < 0 ? x - 0.5F : x + 0.5F);
}

static void run_layer(const bp_c_layer *l, float *z, const int8_t *x)
{
    const bp_kernels *k = bp_kernels_for(BP_F32);
    for (size_t j = 0; j < l->outputs; j++) {
        const int8_t *q = l->q + j * l->inputs;
        int32_t sum = 0;
        for (size_t i = 0; i < l->inputs; i++) {
            sum += q[i] * x[i];
        }
        z[j] = (float)sum * l->scale[j] + l->bias[j];
    }
    bp_mat y = {z, l->outputs};
    if (l->f == BP_SOFTMAX) {
        k->softmax(1, l->outputs, y, (bp_cmat){z, l->outputs});
    } else {
        k->map[bp_activation_op(l->f)->kernel](1, l->outputs, y, (bp_cmat){z, l->outputs},
                                               bp_activation_parameter(l->f));
    }
}

/* As bp_model_answer, of floats. */
static void give_answer(const bp_c_model *c, float *y, const float *z)
{
    const bp_model *m = c->m;
    const bp_scaling *s = &m->output_scaling;
    if (m->units != c->described.outputs) {
        float p = m->output == BP_TANH ? (z[0] + 1) / 2 : z[0];
        y[1] = p < 0 ? 0 : p > 1 ? 1 : p;
        y[0] = 1 - y[1];
        return;
    }
    for (size_t j = 0; j < m->units; j++) {
        y[j] = s->count ? z[j] * (float)s->scale[j] + (float)s->mean[j] : z[j];
    }
}

void bp_c_simulate(const bp_c_model *c, float *y, const float *x)
{
    const bp_scaling *s = &c->m->scaling;
    bool narrow = c->described.type == BP_F32; /* whose means are rounded */
    for (size_t i = 0; i < c->described.inputs; i++) {
        size_t at = s->count > 1 ? i : 0;
        double mean = s->count == 0 ? 0 : narrow ? (double)(float)s->mean[at] : s->mean[at];
        c->x8[i] = to_byte(s->count ? (float)(((double)x[i] - mean) * s->scale[at]) : x[i], &c->layer[0]);
    }
    for (size_t l = 0; l < c->layers; l++) {
        run_layer(&c->layer[l], c->z, c->x8);
        for (size_t j = 0; l + 1 < c->layers && j < c->layer[l].outputs; j++) {
            c->x8[j] = to_byte(c->z[j], &c->layer[l + 1]);
        }
    }
    give_answer(c, y, c->z);
}

/* ---- How far that is off ----------------------------------------------------------------------------------------- */

/* Sums over the rows; [0]: the library's answers, [1]: those of int8. */
typedef struct sums {
    double largest, absolute;
    size_t right[2];
    double squared[2], spread;
} sums;

static size_t best_of(const double *y, size_t n)
{
    size_t best = 0;
    for (size_t j = 1; j < n; j++) {
        best = y[j] > y[best] ? j : best;
    }
    return best;
}

static void add_row(sums *t, const double *const y[2], const bp_data *d, size_t row, size_t n, const double *mean)
{
    for (size_t j = 0; j < n; j++) {
        double off = fabs(y[1][j] - y[0][j]);
        t->absolute += off;
        t->largest = off > t->largest || isnan(off) ? off : t->largest;
    }
    for (int k = 0; k < 2; k++) {
        t->right[k] += d->classes && best_of(y[k], n) == (size_t)d->label[row];
        for (size_t j = 0; d->classes == 0 && j < n; j++) {
            double off = y[k][j] - d->y[row * d->targets + j];
            t->squared[k] += off * off;
        }
    }
    for (size_t j = 0; d->classes == 0 && j < n; j++) {
        double off = d->y[row * d->targets + j] - mean[j];
        t->spread += off * off;
    }
}

static void mean_targets(double *mean, const bp_data *d)
{
    for (size_t i = 0; d->classes == 0 && i < d->rows * d->targets; i++) {
        mean[i % d->targets] += d->y[i] / (double)d->rows;
    }
}

static void read_row(float *x, const bp_data *d, size_t row)
{
    static const bp_convert plain = {NULL, NULL, 0};
    if (d->fill) {
        d->fill(d->x, row, x, BP_F32);
    } else {
        const char *from = (const char *)d->x + row * d->inputs * bp_type_size(d->x_type);
        bp_kernels_for(BP_F32)->convert(d->inputs, x, from, d->x_type, &plain);
    }
}

/* Work space of the comparison. */
typedef struct comparison {
    bp_predictor *predictor;
    void *out;     /* BLOCK x outputs of the model's type */
    float *x, *y8; /* a row */
    double *y[2], *mean;
} comparison;

static void compare_row(sums *t, const comparison *w, const bp_c_model *c, const bp_data *d, size_t row)
{
    size_t n = c->described.outputs;
    const char *answer = (const char *)w->out + row % BLOCK * n * bp_type_size(c->described.type);
    bp_widen(w->y[0], answer, c->described.type, n);
    read_row(w->x, d, row);
    bp_c_simulate(c, w->y8, w->x);
    bp_widen(w->y[1], w->y8, BP_F32, n);
    add_row(t, (const double *const[]){w->y[0], w->y[1]}, d, row, n, w->mean);
}

static bp_status compare_rows(sums *t, const comparison *w, const bp_c_model *c, const bp_data *d)
{
    bp_status status = BP_OK;
    for (size_t row = 0; row < d->rows && status == BP_OK; row++) {
        if (row % BLOCK == 0) {
            size_t rows = d->rows - row < BLOCK ? d->rows - row : BLOCK;
            status = bp_predict_data(w->predictor, w->out, d, row, rows);
        }
        if (status == BP_OK) {
            compare_row(t, w, c, d, row);
        }
    }
    return status;
}

static bp_status open_comparison(comparison *w, bp_pool *pool, const bp_c_model *c)
{
    size_t n = c->described.outputs;
    w->out = bp_pool_alloc(pool, BLOCK * n, bp_type_size(c->described.type));
    w->x = bp_pool_alloc(pool, c->described.inputs, sizeof *w->x);
    w->y8 = bp_pool_alloc(pool, n, sizeof *w->y8);
    w->y[0] = bp_pool_alloc(pool, n, sizeof **w->y);
    w->y[1] = bp_pool_alloc(pool, n, sizeof **w->y);
    w->mean = bp_pool_alloc(pool, n, sizeof *w->mean);
    if (!w->out || !w->x || !w->y8 || !w->y[0] || !w->y[1] || !w->mean) {
        return BP_ERR_MEMORY;
    }
    return bp_predictor_new(&w->predictor, c->m, BLOCK, 1);
}

bp_status bp_c_compare(bp_c_report *r, const bp_c_model *c, const bp_data *data)
{
    bp_pool pool = {c->pool.allocator, NULL};
    comparison w = {0};
    sums t = {0};
    bp_status status = bp_data_check(data, c->m);
    status = status == BP_OK ? open_comparison(&w, &pool, c) : status;
    if (status == BP_OK) {
        mean_targets(w.mean, data);
        status = compare_rows(&t, &w, c, data);
    }
    double rows = (double)data->rows;
    bool classes = data->classes > 0;
    r->rows = data->rows;
    r->largest = t.largest;
    r->mean = t.absolute / (rows * (double)c->described.outputs);
    r->before = classes ? (double)t.right[0] / rows : (double)NAN;
    r->after = classes ? (double)t.right[1] / rows : (double)NAN;
    r->r2_before = classes ? (double)NAN : 1 - t.squared[0] / t.spread;
    r->r2_after = classes ? (double)NAN : 1 - t.squared[1] / t.spread;
    bp_predictor_free(w.predictor);
    bp_pool_free(&pool);
    return status;
}
