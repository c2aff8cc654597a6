/* onnx_element.c - operators that work element by element: on constants they are computed, on data they are composed into one
 * function, known by its values at some points, which is then recognised as an affine map or an activation. */
#include "format/onnx_in.h"

#include <math.h>
#include <string.h>

/* ---- points ------------------------------------------------------------------------------------------------------ */

/* From -240 to 240, dense around 0, where activations differ; never 0 itself, where kinks are. The few that lie far out tell
 * an activation from one that is cut off there. */
double bp_onnx_point(size_t k)
{
    double t = ((double)k + 0.5) / BP_ONNX_POINTS * 2 - 1; /* -1 to 1 */
    return 270 * pow(t, 19) + 30 * t * t * t + 0.7 * t;
}

void bp_onnx_identity(bp_onnx_value *v)
{
    for (size_t k = 0; k < BP_ONNX_POINTS; k++) {
        v->f[k] = bp_onnx_point(k);
    }
}

/* ---- recognition ------------------------------------------------------------------------------------------------- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}
static double leaky_relu(double x)
{
    return x > 0 ? x : 0.01 * x;
}
static double elu(double x)
{
    return x > 0 ? x : expm1(x);
}
static double relu(double x)
{
    return fmax(x, 0);
}
static double gelu(double x)
{
    return x / 2 * erfc(-x * sqrt(0.5));
}
static double gelu_tanh(double x)
{
    return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}
static double silu(double x)
{
    return x * sigmoid(x);
}

static double (*const formulas[BP_ACTIVATIONS])(double x) = {
    [BP_SIGMOID] = sigmoid, [BP_TANH] = tanh,           [BP_RELU] = relu, [BP_LEAKY_RELU] = leaky_relu, [BP_ELU] = elu,
    [BP_GELU] = gelu,       [BP_GELU_TANH] = gelu_tanh, [BP_SILU] = silu, [BP_SOFTPLUS] = softplus};

static double value_at(bp_activation act, size_t k)
{
    return formulas[act] ? formulas[act](bp_onnx_point(k)) : bp_onnx_point(k);
}

/* Whether f = scale act + shift at all points, up to constants that were rounded to f32. */
static bool fits(const double *f, bp_activation act, double scale, double shift)
{
    for (size_t k = 0; k < BP_ONNX_POINTS; k++) {
        double expected = scale * value_at(act, k) + shift;
        if (!(fabs(f[k] - expected) <= 2e-6 * fmax(fabs(scale), fabs(expected)))) {
            return false;
        }
    }
    return true;
}

static bool is_identity(const double *f)
{
    for (size_t k = 0; k < BP_ONNX_POINTS; k++) {
        if (f[k] != bp_onnx_point(k)) {
            return false;
        }
    }
    return true;
}

/* f = scale act + shift. Exactly the activation is preferred to a multiple of it. */
static bool recognise(bp_activation *act, double *scale, double *shift, const double *f)
{
    size_t low = BP_ONNX_POINTS / 2 - 8, high = BP_ONNX_POINTS / 2 + 8; /* where all activations rise */
    for (int general = 0; general < 2; general++) {
        for (bp_activation a = BP_LINEAR; a < BP_SOFTMAX; a++) {
            double rise = value_at(a, high) - value_at(a, low);
            *act = a;
            *scale = general ? (f[high] - f[low]) / rise : 1;
            *shift = general ? f[high] - *scale * value_at(a, high) : 0;
            if (isfinite(*scale) && *scale != 0 && isfinite(*shift) && fits(f, a, *scale, *shift)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

static double *combine(bp_onnx_in *in, size_t n, const double *a, const double *times, const double *plus, double start)
{
    double *out = bp_pool_alloc(&in->pool, n, sizeof *out);
    for (size_t i = 0; out && i < n; i++) {
        out[i] = (a ? a[i] : start) * (times ? times[i] : 1) + (plus ? plus[i] : 0);
    }
    return out;
}

bp_onnx_stage *bp_onnx_rescale(bp_onnx_in *in, const bp_onnx_stage *s, const double *scale, const double *shift)
{
    bp_onnx_stage *copy = bp_pool_alloc(&in->pool, 1, sizeof *copy);
    if (!copy) {
        return NULL;
    }
    *copy = *s;
    copy->scale = scale ? combine(in, s->n, s->scale, scale, NULL, 1) : s->scale;
    copy->shift = scale || shift ? combine(in, s->n, s->shift, scale, shift, 0) : s->shift;
    return (!scale || copy->scale) && (!(scale || shift) || copy->shift) ? copy : NULL;
}

static double *filled(bp_onnx_in *in, size_t n, double value)
{
    double *out = bp_pool_alloc(&in->pool, n, sizeof *out);
    for (size_t i = 0; out && i < n; i++) {
        out[i] = value;
    }
    return out;
}

static bp_status fail_activation(const bp_onnx_value *v)
{
    return bp_fail(
        BP_ERR_UNSUPPORTED,
        "what %s computes is none of the activations there are (sigmoid, tanh, relu, leaky_relu with slope 0.01, "
        "elu with alpha 1, gelu, gelu_tanh, silu, softplus, softmax)",
        v->at ? v->at : "the input");
}

bp_status bp_onnx_commit(const bp_onnx_stage **out, bp_onnx_in *in, const bp_onnx_value *v)
{
    bp_activation act;
    double scale, shift;
    *out = v->stage;
    if (v->pair || v->log) {
        return bp_fail(BP_ERR_UNSUPPORTED, "%s is computed on: expected the end of the graph",
                       v->at ? v->at : "an answer");
    }
    if (is_identity(v->f)) {
        return BP_OK;
    }
    if (!recognise(&act, &scale, &shift, v->f)) {
        return fail_activation(v);
    }
    bp_onnx_stage *s = bp_pool_alloc(&in->pool, 1, sizeof *s);
    if (!s) {
        return BP_ERR_MEMORY;
    }
    *s = (bp_onnx_stage){.parent = v->stage, .act = act, .alpha = 1, .n = v->stage->n};
    const bp_onnx_stage *from = act == BP_LINEAR ? v->stage : s;
    *out = from;
    if (scale != 1 || shift != 0) {
        double *scales = filled(in, from->n, scale), *shifts = filled(in, from->n, shift);
        *out = scales && shifts ? bp_onnx_rescale(in, from, scales, shifts) : NULL;
    }
    return *out ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_onnx_affine(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *v, const double *scale,
                         const double *shift)
{
    const bp_onnx_stage *s;
    bp_status status = bp_onnx_commit(&s, in, v);
    if (status != BP_OK) {
        return status;
    }
    *out = *v;
    out->stage = bp_onnx_rescale(in, s, scale, shift);
    bp_onnx_identity(out);
    return out->stage ? BP_OK : BP_ERR_MEMORY;
}

/* ---- the operators ----------------------------------------------------------------------------------------------- */

static double op_neg(double x)
{
    return -x;
}
static double op_reciprocal(double x)
{
    return 1 / x;
}
static double op_sign(double x)
{
    return (double)((x > 0) - (x < 0));
}
static double op_softsign(double x)
{
    return x / (1 + fabs(x));
}
static double op_mish(double x)
{
    return x * tanh(softplus(x));
}

static const struct {
    const char *op;
    double (*f)(double x);
} plain[] = {{"Relu", relu},
             {"Sigmoid", sigmoid},
             {"Tanh", tanh},
             {"Softplus", softplus},
             {"Erf", erf},
             {"Exp", exp},
             {"Log", log},
             {"Abs", fabs},
             {"Neg", op_neg},
             {"Sqrt", sqrt},
             {"Reciprocal", op_reciprocal},
             {"Sign", op_sign},
             {"Softsign", op_softsign},
             {"Mish", op_mish}};

static double op_leaky(double x, double alpha, double beta)
{
    (void)beta;
    return x >= 0 ? x : alpha * x;
}
static double op_elu(double x, double alpha, double beta)
{
    (void)beta;
    return x >= 0 ? x : alpha * expm1(x);
}
static double op_celu(double x, double alpha, double beta)
{
    (void)beta;
    return fmax(x, 0) + fmin(0, alpha * expm1(x / alpha));
}
static double op_selu(double x, double alpha, double gamma)
{
    return gamma * (x > 0 ? x : alpha * expm1(x));
}
static double op_hard_sigmoid(double x, double alpha, double beta)
{
    return fmax(0, fmin(1, alpha * x + beta));
}
static double op_thresholded(double x, double alpha, double beta)
{
    (void)beta;
    return x > alpha ? x : 0;
}

static const struct {
    const char *op;
    double (*f)(double x, double alpha, double beta);
    double alpha;
    const char *second;
    double beta;
} shaped[] = {
    {"LeakyRelu", op_leaky, 0.01, "beta", 0},
    {"Elu", op_elu, 1, "beta", 0},
    {"Celu", op_celu, 1, "beta", 0},
    {"Selu", op_selu, 1.6732632423543772, "gamma", 1.0507009873554805},
    {"HardSigmoid", op_hard_sigmoid, 0.2, "beta", 0.5},
    {"ThresholdedRelu", op_thresholded, 1, "beta", 0},
};

static double op_add(double a, double b)
{
    return a + b;
}
static double op_sub(double a, double b)
{
    return a - b;
}
static double op_mul(double a, double b)
{
    return a * b;
}
static double op_div(double a, double b)
{
    return a / b;
}
static double op_prelu(double x, double slope)
{
    return x >= 0 ? x : slope * x;
}

/* affine: for data and one number for each element, what the scale and shift of z are: data op c, and c op data. */
typedef struct pair_op {
    const char *op;
    double (*f)(double a, double b);
    enum { NOT_AFFINE, SUM, DIFFERENCE, PRODUCT, QUOTIENT } affine;
} pair_op;
static const pair_op pairs[] = {
    {"Add", op_add, SUM},      {"Sum", op_add, SUM},      {"Sub", op_sub, DIFFERENCE},
    {"Mul", op_mul, PRODUCT},  {"Div", op_div, QUOTIENT}, {"Pow", pow, NOT_AFFINE},
    {"Max", fmax, NOT_AFFINE}, {"Min", fmin, NOT_AFFINE}, {"PRelu", op_prelu, NOT_AFFINE},
};

/* A function of one number. */
typedef struct mapping {
    double (*plain)(double x);
    double (*shaped)(double x, double alpha, double beta); /* where plain is NULL */
    double alpha, beta;
} mapping;

static double apply(const mapping *m, double x)
{
    return m->plain ? m->plain(x) : m->shaped(x, m->alpha, m->beta);
}

static bp_status need_numbers(const bp_onnx_value *v)
{
    if (v->pair || v->log || v->kind == BP_ONNX_LABEL || (v->kind == BP_ONNX_CONSTANT && !v->tensor->value)) {
        return bp_fail(BP_ERR_UNSUPPORTED, "it computes with an answer or with texts");
    }
    return BP_OK;
}

static bp_status map_value(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *v, const mapping *m)
{
    bp_status status = need_numbers(v);
    *out = *v;
    for (size_t k = 0; v->kind == BP_ONNX_DATA && k < BP_ONNX_POINTS; k++) {
        out->f[k] = apply(m, v->f[k]);
    }
    if (status != BP_OK || v->kind == BP_ONNX_DATA) {
        return status;
    }
    bp_onnx_tensor *t = bp_onnx_tensor_new(in, v->tensor->type, v->tensor->dims, v->tensor->dim);
    for (size_t i = 0; t && i < t->count; i++) {
        t->value[i] = apply(m, v->tensor->value[i]);
    }
    if (!t) {
        return BP_ERR_MEMORY;
    }
    bp_onnx_tensor_finish(t);
    out->tensor = t;
    return BP_OK;
}

static bp_status handle_plain(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    mapping m = {0};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        m.plain = strcmp(plain[i].op, in->node->op_type) == 0 ? plain[i].f : m.plain;
    }
    return map_value(out, in, a[0], &m);
}

static bp_status handle_shaped(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    mapping m = {0};
    for (size_t i = 0; i < sizeof shaped / sizeof *shaped; i++) {
        if (strcmp(shaped[i].op, in->node->op_type) == 0) {
            m.shaped = shaped[i].f;
            m.alpha = bp_onnx_float_or(in->node, "alpha", shaped[i].alpha);
            m.beta = bp_onnx_float_or(in->node, shaped[i].second, shaped[i].beta);
        }
    }
    return map_value(out, in, a[0], &m);
}

static double op_clip(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

/* Whether limits of data can be told from none: they are reached at some points, or so far out that they mean none. */
static bp_status check_limits(const bp_onnx_value *v, double low, double high)
{
    const double none = 1e30;
    bool below = low <= -none, above = high >= none;
    for (size_t k = 0; k < BP_ONNX_POINTS; k++) {
        below = below || v->f[k] <= low;
        above = above || v->f[k] >= high;
    }
    return v->kind != BP_ONNX_DATA || (below && above)
               ? BP_OK
               : bp_fail(BP_ERR_UNSUPPORTED, "it cuts off what is beyond %g, which no activation does",
                         below ? high : low);
}

/* Limits are inputs, or in old files attributes. */
static bp_status handle_clip(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    mapping m = {.shaped = op_clip};
    m.alpha = bp_onnx_float_or(in->node, "min", -INFINITY);
    m.beta = bp_onnx_float_or(in->node, "max", INFINITY);
    for (size_t i = 1; i < count && i < 3; i++) {
        if (!a[i]) {
            continue;
        }
        if (a[i]->kind != BP_ONNX_CONSTANT || !a[i]->tensor->value || a[i]->tensor->count != 1) {
            return bp_fail(BP_ERR_UNSUPPORTED, "its limits are no single constant numbers");
        }
        *(i == 1 ? &m.alpha : &m.beta) = a[i]->tensor->value[0];
    }
    bp_status status = check_limits(a[0], m.alpha, m.beta);
    return status == BP_OK ? map_value(out, in, a[0], &m) : status;
}

/* gelu, of version 20. */
static bp_status handle_gelu(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    const BpOnnx__Attribute *how = bp_onnx_attribute(in->node, "approximate");
    bool approximate = how && how->s.len == 4 && memcmp(how->s.data, "tanh", 4) == 0;
    mapping m = {.plain = approximate ? gelu_tanh : gelu};
    return map_value(out, in, a[0], &m);
}

/* ---- two operands ------------------------------------------------------------------------------------------------ */

/* Whether t, stretched to rows of v, leaves their shape as it is. Its leading dimension is the batch's, which must be 1. */
static bp_status check_stretch(const bp_onnx_tensor *t, const bp_onnx_value *v)
{
    int extra = t->dims - v->dims;
    bool fits = extra <= 1 && (extra < 1 || t->dim[0] == 1);
    for (int d = 0; d < v->dims && fits; d++) {
        fits = d + extra < 0 || t->dim[d + extra] == 1 || t->dim[d + extra] == v->dim[d];
    }
    return fits ? BP_OK
                : bp_fail(BP_ERR_UNSUPPORTED, "the shape of a constant does not fit the %zu numbers of a row",
                          v->columns);
}

/* out[i] = the element of t that meets element i of a row of v; the batch has one element in t. */
static double *spread(bp_onnx_in *in, const bp_onnx_tensor *t, const bp_onnx_value *v)
{
    double *out = bp_pool_alloc(&in->pool, v->columns, sizeof *out);
    int extra = t->dims - v->dims;
    for (size_t i = 0; out && i < v->columns; i++) {
        size_t rest = i, at = 0, step = 1;
        for (int d = v->dims - 1; d >= 0; d--) {
            size_t index = rest % v->dim[d], size = d + extra >= 0 ? t->dim[d + extra] : 1;
            rest /= v->dim[d];
            at += (size == 1 ? 0 : index) * step;
            step *= size;
        }
        out[i] = t->value[at];
    }
    return out;
}

static bp_status each_element(bp_onnx_value *out, bp_onnx_in *in, const pair_op *op, const bp_onnx_value *data,
                              const bp_onnx_tensor *t, bool constant_first)
{
    double *c = spread(in, t, data), *other = bp_pool_alloc(&in->pool, data->columns, sizeof *other);
    if (!c || !other) {
        return BP_ERR_MEMORY;
    }
    double sign = op->affine == DIFFERENCE ? constant_first ? 1 : -1 : 1;
    for (size_t i = 0; i < data->columns; i++) {
        other[i] = op->affine == QUOTIENT ? 1 / c[i] : op->affine == DIFFERENCE && constant_first ? -1 : 1;
        c[i] *= sign;
    }
    switch (op->affine) {
    case SUM:
        return bp_onnx_affine(out, in, data, NULL, c);
    case DIFFERENCE:
        return bp_onnx_affine(out, in, data, constant_first ? other : NULL, c);
    case PRODUCT:
        return bp_onnx_affine(out, in, data, c, NULL);
    case QUOTIENT:
        if (!constant_first) {
            return bp_onnx_affine(out, in, data, other, NULL);
        } /* fall through */
    default:
        return bp_fail(BP_ERR_UNSUPPORTED, "its constant differs from element to element");
    }
}

static bp_status two_constants(bp_onnx_value *out, bp_onnx_in *in, const pair_op *op, const bp_onnx_tensor *a,
                               const bp_onnx_tensor *b)
{
    bool same = a->dims == b->dims && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
    const bp_onnx_tensor *large = b->count == 1 && (a->count != 1 || a->dims >= b->dims) ? a : b;
    const bp_onnx_tensor *single = large == a ? b : a;
    if (!same && (single->count != 1 || single->dims > large->dims)) {
        return bp_fail(BP_ERR_UNSUPPORTED, "two constants of different shapes");
    }
    bp_onnx_tensor *t = bp_onnx_tensor_new(in, large->type, large->dims, large->dim);
    for (size_t i = 0; t && i < t->count; i++) {
        t->value[i] = op->f(a->value[a->count == 1 ? 0 : i], b->value[b->count == 1 ? 0 : i]);
    }
    if (!t) {
        return BP_ERR_MEMORY;
    }
    bp_onnx_tensor_finish(t);
    *out = (bp_onnx_value){.kind = BP_ONNX_CONSTANT, .tensor = t};
    return BP_OK;
}

static bp_status two_rows(bp_onnx_value *out, const pair_op *op, const bp_onnx_value *a, const bp_onnx_value *b)
{
    if (a->stage != b->stage || a->dims != b->dims || memcmp(a->dim, b->dim, sizeof a->dim) != 0) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "it joins two branches: only networks whose layers follow each other are supported");
    }
    *out = *a;
    for (size_t k = 0; k < BP_ONNX_POINTS; k++) {
        out->f[k] = op->f(a->f[k], b->f[k]);
    }
    return BP_OK;
}

static const pair_op *pair_row(const char *op)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strcmp(pairs[i].op, op) == 0) {
            return &pairs[i];
        }
    }
    return NULL;
}

static bp_status handle_pair(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    const pair_op *op = pair_row(in->node->op_type);
    if (count != 2 || !a[1]) {
        return bp_fail(BP_ERR_UNSUPPORTED, "it has %zu inputs; two are supported", count);
    }
    for (size_t i = 0; i < 2; i++) {
        bp_status status = need_numbers(a[i]);
        if (status != BP_OK) {
            return status;
        }
    }
    if (a[0]->kind == a[1]->kind) {
        return a[0]->kind == BP_ONNX_CONSTANT ? two_constants(out, in, op, a[0]->tensor, a[1]->tensor)
                                              : two_rows(out, op, a[0], a[1]);
    }
    bool constant_first = a[0]->kind == BP_ONNX_CONSTANT;
    const bp_onnx_value *data = a[constant_first ? 1 : 0];
    const bp_onnx_tensor *t = a[constant_first ? 0 : 1]->tensor;
    bp_status status = check_stretch(t, data);
    if (status != BP_OK) {
        return status;
    }
    if (!t->uniform) {
        return each_element(out, in, op, data, t, constant_first);
    }
    status = check_limits(data, op->f == fmax ? t->value[0] : -INFINITY, op->f == fmin ? t->value[0] : INFINITY);
    if (status != BP_OK) {
        return status;
    }
    *out = *data;
    for (size_t k = 0; k < BP_ONNX_POINTS; k++) {
        out->f[k] = constant_first ? op->f(t->value[0], data->f[k]) : op->f(data->f[k], t->value[0]);
    }
    return BP_OK;
}

bp_onnx_handler bp_onnx_element_handler(const char *op)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcmp(plain[i].op, op) == 0) {
            return handle_plain;
        }
    }
    for (size_t i = 0; i < sizeof shaped / sizeof *shaped; i++) {
        if (strcmp(shaped[i].op, op) == 0) {
            return handle_shaped;
        }
    }
    bp_onnx_handler special = strcmp(op, "Clip") == 0 ? handle_clip : strcmp(op, "Gelu") == 0 ? handle_gelu : NULL;
    return pair_row(op) ? handle_pair : special;
}
