/* onnx_ops.c - operators that are more than element by element: products, shapes, softmax, and the tails of classifiers. */
#include "format/onnx_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/onnx_graph.h"

const char *bp_onnx_here(const bp_onnx_in *in, char out[160])
{
    const BpOnnx__Node *n = in->node;
    const char *name = n->name && *n->name ? n->name : n->n_output ? n->output[0] : "";
    snprintf(out, 160, "node \"%.80s\" (%.40s)", name, n->op_type);
    return out;
}

static bp_status unsupported(const char *text)
{
    return bp_fail(BP_ERR_UNSUPPORTED, "%s", text);
}

static bool is_constant(const bp_onnx_value *v)
{
    return v && v->kind == BP_ONNX_CONSTANT && v->tensor->value;
}

static bp_status make_constant(bp_onnx_value *out, bp_onnx_tensor *t)
{
    if (!t) {
        return BP_ERR_MEMORY;
    }
    bp_onnx_tensor_finish(t);
    *out = (bp_onnx_value){.kind = BP_ONNX_CONSTANT, .tensor = t};
    return BP_OK;
}

/* Whether a row is a list of numbers, possibly with dimensions of 1 in front. */
static bool is_flat(const bp_onnx_value *v)
{
    return v->dims > 0 && v->dim[v->dims - 1] == v->columns;
}

static void set_columns(bp_onnx_value *v, size_t columns)
{
    v->dims = 1;
    v->dim[0] = v->columns = columns;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* f(v) W alpha; W as it lies in t. */
static bp_status multiply(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *v, const bp_onnx_tensor *t,
                          bool transposed, double alpha)
{
    if (t->dims != 2 || !is_flat(v) || t->dim[transposed ? 1 : 0] != v->columns) {
        return bp_fail(BP_ERR_UNSUPPORTED, "its matrix has %zu x %zu elements, which does not fit rows of %zu numbers",
                       t->dims > 0 ? t->dim[0] : 1, t->dims > 1 ? t->dim[1] : 1, v->columns);
    }
    const bp_onnx_stage *parent;
    bp_status status = bp_onnx_commit(&parent, in, v);
    bp_onnx_stage *s = status == BP_OK ? bp_pool_alloc(&in->pool, 1, sizeof *s) : NULL;
    if (!s) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    size_t columns = t->dim[transposed ? 0 : 1];
    if (columns == 0) {
        return unsupported("its matrix has no columns");
    }
    *s = (bp_onnx_stage){.parent = parent, .w = t, .transposed = transposed, .alpha = alpha, .n = columns};
    *out = (bp_onnx_value){.kind = BP_ONNX_DATA, .stage = s, .dims = v->dims, .columns = columns};
    memcpy(out->dim, v->dim, sizeof v->dim);
    out->dim[out->dims - 1] = columns;
    bp_onnx_identity(out);
    return BP_OK;
}

static bp_status handle_matmul(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    if (count != 2 || !a[1] || a[0]->kind != BP_ONNX_DATA || !is_constant(a[1])) {
        return unsupported("expected data times a constant matrix");
    }
    return multiply(out, in, a[0], a[1]->tensor, false, 1);
}

/* alpha A B + beta C */
static bp_status handle_gemm(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    bool has_c = count > 2 && a[2];
    if (count < 2 || !a[1] || a[0]->kind != BP_ONNX_DATA || !is_constant(a[1]) || (has_c && !is_constant(a[2])) ||
        bp_onnx_int_or(in->node, "transA", 0) != 0) {
        return unsupported("expected data (not transposed) times a constant matrix, plus a constant");
    }
    bool transposed = bp_onnx_int_or(in->node, "transB", 0) != 0;
    bp_onnx_value product = {0};
    bp_status status = multiply(&product, in, a[0], a[1]->tensor, transposed, bp_onnx_float_or(in->node, "alpha", 1));
    *out = product;
    if (status != BP_OK || !has_c) {
        return status;
    }
    const bp_onnx_tensor *c = a[2]->tensor;
    size_t last = c->dims ? c->dim[c->dims - 1] : 1;
    if (c->count != last || (last != 1 && last != product.columns)) {
        return unsupported("its C has more than one row, or another number of columns than the product");
    }
    double beta = bp_onnx_float_or(in->node, "beta", 1);
    double *shift = bp_pool_alloc(&in->pool, product.columns, sizeof *shift);
    for (size_t i = 0; shift && i < product.columns; i++) {
        shift[i] = beta * c->value[last == 1 ? 0 : i];
    }
    return shift ? bp_onnx_affine(out, in, &product, NULL, shift) : BP_ERR_MEMORY;
}

/* ---- maps with a number for each element ------------------------------------------------------------------------- */

/* (x - mean) / sqrt(var + epsilon) scale + b, a number each for the first dimension of a row. */
static bp_status handle_batch_norm(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    bool good =
        count == 5 && a[0]->kind == BP_ONNX_DATA && a[0]->dims > 0 && bp_onnx_int_or(in->node, "training_mode", 0) == 0;
    for (size_t i = 1; i < 5 && good; i++) {
        good = is_constant(a[i]) && a[i]->tensor->count == a[0]->dim[0];
    }
    if (!good) {
        return unsupported("expected a batch normalisation that is not training, with four constants a channel");
    }
    size_t n = a[0]->columns, each = n / a[0]->dim[0];
    double epsilon = bp_onnx_float_or(in->node, "epsilon", 1e-5);
    double *scale = bp_pool_alloc(&in->pool, n, sizeof *scale), *shift = bp_pool_alloc(&in->pool, n, sizeof *shift);
    if (!scale || !shift) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        size_t c = i / each;
        scale[i] = a[1]->tensor->value[c] / sqrt(a[4]->tensor->value[c] + epsilon);
        shift[i] = a[2]->tensor->value[c] - a[3]->tensor->value[c] * scale[i];
    }
    return bp_onnx_affine(out, in, a[0], scale, shift);
}

/* ai.onnx.ml: (x - offset) scale, a number each, or one for all. */
static bp_status handle_scaler(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    const BpOnnx__Attribute *offset = bp_onnx_attribute(in->node, "offset"), *by = bp_onnx_attribute(in->node, "scale");
    size_t n = a[0]->columns;
    bool good = count == 1 && a[0]->kind == BP_ONNX_DATA && offset && by &&
                (offset->n_floats == 1 || offset->n_floats == n) && (by->n_floats == 1 || by->n_floats == n);
    if (!good) {
        return unsupported("expected an offset and a scale for each column");
    }
    double *scale = bp_pool_alloc(&in->pool, n, sizeof *scale), *shift = bp_pool_alloc(&in->pool, n, sizeof *shift);
    if (!scale || !shift) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        scale[i] = (double)by->floats[by->n_floats == 1 ? 0 : i];
        shift[i] = -(double)offset->floats[offset->n_floats == 1 ? 0 : i] * scale[i];
    }
    return bp_onnx_affine(out, in, a[0], scale, shift);
}

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

static bp_status softmax(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *v)
{
    int64_t axis = bp_onnx_int_or(in->node, "axis", in->old_axes ? 1 : -1);
    if (v->kind != BP_ONNX_DATA || !is_flat(v) || (axis != -1 && axis != v->dims)) {
        return unsupported("expected the softmax of a row");
    }
    const bp_onnx_stage *parent;
    bp_status status = bp_onnx_commit(&parent, in, v);
    bp_onnx_stage *s = status == BP_OK ? bp_pool_alloc(&in->pool, 1, sizeof *s) : NULL;
    if (!s) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    *s = (bp_onnx_stage){.parent = parent, .act = BP_SOFTMAX, .alpha = 1, .n = v->columns};
    *out = *v;
    out->stage = s;
    bp_onnx_identity(out);
    return BP_OK;
}

static bp_status handle_softmax(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    return softmax(out, in, a[0]);
}

static bp_status handle_log_softmax(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    bp_status status = softmax(out, in, a[0]);
    out->log = true;
    return status;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static bp_status handle_same(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)in;
    (void)count;
    *out = *a[0];
    return BP_OK;
}

/* Constants: rounded as their new type rounds. */
static bp_status cast_constant(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_tensor *from, int64_t to)
{
    bool whole = to == BP_ONNX_INT64 || to == BP_ONNX_INT32;
    if (!from->value || (!whole && to != BP_ONNX_FLOAT && to != BP_ONNX_DOUBLE)) {
        return unsupported("it makes other numbers than float, double, int32 or int64 of a constant");
    }
    bp_onnx_tensor *t = bp_onnx_tensor_new(in, (int)to, from->dims, from->dim);
    for (size_t i = 0; t && i < t->count; i++) {
        double x = from->value[i];
        t->value[i] = whole ? trunc(x) : to == BP_ONNX_FLOAT ? (double)(float)x : x;
    }
    return make_constant(out, t);
}

static bp_status handle_cast(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    int64_t to = bp_onnx_int_or(in->node, "to", 0);
    if (a[0]->kind == BP_ONNX_CONSTANT) {
        return cast_constant(out, in, a[0]->tensor, to);
    }
    *out = *a[0];
    return to == BP_ONNX_FLOAT || to == BP_ONNX_DOUBLE
               ? BP_OK
               : unsupported("it makes other numbers than float or double of data");
}

static bp_status handle_flatten(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    if (a[0]->kind != BP_ONNX_DATA || bp_onnx_int_or(in->node, "axis", 1) != 1) {
        return unsupported("expected the rows of a batch, each flattened (axis 1)");
    }
    *out = *a[0];
    set_columns(out, a[0]->columns);
    return BP_OK;
}

/* A shape for data: first the batch, whatever it is called; then dimensions with as many elements as a row has. */
static bp_status reshape_data(bp_onnx_value *out, const bp_onnx_value *v, const bp_onnx_tensor *shape)
{
    size_t known = 1, dims = shape->count;
    int guessed = -1;
    *out = *v;
    if (dims == 0 || dims > BP_ONNX_DIMS || (dims == 1 && v->columns != 1)) {
        return unsupported("the new shape does not keep the rows of a batch apart");
    }
    out->dims = (int)dims - 1;
    for (int d = 0; d < out->dims; d++) {
        double size = shape->value[d + 1];
        if (size == 0 && d < v->dims) {
            size = (double)v->dim[d];
        }
        guessed = size == -1 ? d : guessed;
        if ((size != -1 && !(size >= 1 && size <= (double)v->columns)) ||
            !bp_mul_size(&known, known, size == -1 ? 1 : (size_t)size)) {
            return unsupported("the new shape does not fit the numbers of a row");
        }
        out->dim[d] = size == -1 ? 1 : (size_t)size;
    }
    if (guessed >= 0) {
        out->dim[guessed] = v->columns / known;
        known *= v->columns / known;
    }
    return known == v->columns ? BP_OK : unsupported("the new shape does not fit the numbers of a row");
}

static bp_status reshape_constant(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *v,
                                  const bp_onnx_tensor *shape)
{
    size_t known = 1, guessed = SIZE_MAX;
    bp_onnx_tensor *t = bp_pool_alloc(&in->pool, 1, sizeof *t);
    if (!t) {
        return BP_ERR_MEMORY;
    }
    *t = *v->tensor;
    t->dims = (int)shape->count;
    for (size_t d = 0; d < shape->count && d < BP_ONNX_DIMS; d++) {
        double size = shape->value[d];
        guessed = size == -1 ? d : guessed;
        if (size != -1 && (!(size >= 1 && size <= (double)t->count) || !bp_mul_size(&known, known, (size_t)size))) {
            return unsupported("the new shape does not fit a constant");
        }
        t->dim[d] = size == -1 ? 1 : (size_t)size;
    }
    if (guessed < BP_ONNX_DIMS) {
        t->dim[guessed] = t->count / known;
        known *= t->count / known;
    }
    if (shape->count > BP_ONNX_DIMS || known != t->count) {
        return unsupported("the new shape does not fit a constant");
    }
    *out = (bp_onnx_value){.kind = BP_ONNX_CONSTANT, .tensor = t};
    return BP_OK;
}

static bp_status handle_reshape(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    if (count < 2 || !is_constant(a[1])) {
        return unsupported("its new shape is no constant");
    }
    return a[0]->kind == BP_ONNX_DATA ? reshape_data(out, a[0], a[1]->tensor)
                                      : reshape_constant(out, in, a[0], a[1]->tensor);
}

/* Axes: an attribute or the second input; true where `axis` of a shape of `rank` dimensions is one of them. */
static bool has_axis(const bp_onnx_in *in, const bp_onnx_value *axes, int axis, int rank, bool otherwise)
{
    const BpOnnx__Attribute *old = bp_onnx_attribute(in->node, "axes");
    size_t count = old ? old->n_ints : axes ? axes->tensor->count : 0;
    for (size_t i = 0; i < count; i++) {
        double at = old ? (double)old->ints[i] : axes->tensor->value[i];
        if (at == axis || at == axis - rank) {
            return true;
        }
    }
    return count == 0 && otherwise;
}

/* Constants keep their elements; data their rows: dimensions of 1 go or come, never the batch. */
static bp_status handle_squeeze(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    const bp_onnx_value *axes = count > 1 ? a[1] : NULL, *v = a[0];
    bool data = v->kind == BP_ONNX_DATA;
    int rank = data ? v->dims + 1 : v->tensor->dims, kept = 0;
    size_t dim[BP_ONNX_DIMS + 1] = {0}, left[BP_ONNX_DIMS + 1];
    if ((axes && !is_constant(axes)) || (data && has_axis(in, axes, 0, rank, false))) {
        return unsupported("it takes the batch away, or its axes are no constants");
    }
    memcpy(dim + data, data ? v->dim : v->tensor->dim, (size_t)(rank - data) * sizeof *dim);
    for (int d = data; d < rank; d++) {
        bool goes = has_axis(in, axes, d, rank, dim[d] == 1);
        if (goes && dim[d] != 1) {
            return unsupported("it takes a dimension away that is not 1");
        }
        if (!goes) {
            left[kept++] = dim[d];
        }
    }
    *out = *v;
    if (data) {
        out->dims = kept;
        memcpy(out->dim, left, (size_t)kept * sizeof *left);
        return BP_OK;
    }
    bp_onnx_tensor *t = bp_pool_alloc(&in->pool, 1, sizeof *t);
    if (!t) {
        return BP_ERR_MEMORY;
    }
    *t = *v->tensor;
    t->dims = kept;
    memcpy(t->dim, left, (size_t)kept * sizeof *left);
    out->tensor = t;
    return BP_OK;
}

static bp_status handle_unsqueeze(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    const bp_onnx_value *axes = count > 1 ? a[1] : NULL, *v = a[0];
    const BpOnnx__Attribute *old = bp_onnx_attribute(in->node, "axes");
    bool data = v->kind == BP_ONNX_DATA;
    if (axes && !is_constant(axes)) {
        return unsupported("its axes are no constants");
    }
    size_t new_axes = old ? old->n_ints : axes ? axes->tensor->count : 0, from = 0, made[BP_ONNX_DIMS + 1];
    int before = data ? v->dims + 1 : v->tensor->dims;
    const size_t *dim = data ? v->dim : v->tensor->dim;
    if (new_axes > BP_ONNX_DIMS || before + (int)new_axes > BP_ONNX_DIMS) {
        return unsupported("too many dimensions");
    }
    int rank = before + (int)new_axes;
    if (data && has_axis(in, axes, 0, rank, false)) {
        return unsupported("it puts a dimension before the batch");
    }
    for (int d = data; d < rank; d++) {
        bool is_new = has_axis(in, axes, d, rank, false);
        if (!is_new && (int)from >= before - data) {
            return bp_fail(BP_ERR_FORMAT, "an axis is named twice, or there is no such axis");
        }
        made[d - data] = is_new ? 1 : dim[from++];
    }
    *out = *v;
    if (data) {
        out->dims = rank - 1;
        memcpy(out->dim, made, (size_t)out->dims * sizeof *made);
        return BP_OK;
    }
    bp_onnx_tensor *t = bp_pool_alloc(&in->pool, 1, sizeof *t);
    if (!t) {
        return BP_ERR_MEMORY;
    }
    *t = *v->tensor;
    t->dims = rank;
    memcpy(t->dim, made, (size_t)rank * sizeof *made);
    out->tensor = t;
    return BP_OK;
}

static bp_status handle_transpose(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    const BpOnnx__Attribute *perm = bp_onnx_attribute(in->node, "perm");
    const bp_onnx_tensor *t = is_constant(a[0]) ? a[0]->tensor : NULL;
    bool turns = !perm || (perm->n_ints == 2 && perm->ints[0] == 1 && perm->ints[1] == 0);
    if (!t || t->dims != 2 || !turns) {
        return unsupported("only constant matrices are transposed");
    }
    const size_t dim[] = {t->dim[1], t->dim[0]};
    bp_onnx_tensor *made = bp_onnx_tensor_new(in, t->type, 2, dim);
    for (size_t i = 0; made && i < t->count; i++) {
        made->value[i % t->dim[1] * t->dim[0] + i / t->dim[1]] = t->value[i];
    }
    return make_constant(out, made);
}

/* Where a slice of `rank` elements begins or ends: counted from the end where it is negative, and kept within them. */
static size_t slice_end(int64_t at, size_t rank)
{
    int64_t count = (int64_t)rank;
    at = at < -count ? 0 : at < 0 ? at + count : at;
    return (size_t)(at < count ? at : count);
}

/* The shape of data as a constant; the batch is -1, which is what Reshape wants to hear. */
static bp_status handle_shape(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    bool data = a[0]->kind == BP_ONNX_DATA;
    if (!data && a[0]->kind != BP_ONNX_CONSTANT) {
        return unsupported("the shape of an answer");
    }
    size_t rank = (size_t)(data ? a[0]->dims + 1 : a[0]->tensor->dims);
    size_t first = slice_end(bp_onnx_int_or(in->node, "start", 0), rank);
    size_t end = slice_end(bp_onnx_int_or(in->node, "end", INT64_MAX), rank), length = end > first ? end - first : 0;
    bp_onnx_tensor *t = bp_onnx_tensor_new(in, BP_ONNX_INT64, 1, &length);
    for (size_t i = first; t && i < first + length; i++) {
        t->value[i - first] = data ? i == 0 ? -1 : (double)a[0]->dim[i - 1] : (double)a[0]->tensor->dim[i];
    }
    return make_constant(out, t);
}

/* Elements of a constant list: of shapes. */
static bp_status handle_gather(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    if (count != 2 || !is_constant(a[0]) || !is_constant(a[1]) || a[0]->tensor->dims != 1 || a[1]->tensor->dims > 1) {
        return unsupported("only elements of constant lists are gathered");
    }
    const bp_onnx_tensor *from = a[0]->tensor, *at = a[1]->tensor;
    bp_onnx_tensor *t = bp_onnx_tensor_new(in, from->type, at->dims, at->dim);
    for (size_t i = 0; t && i < t->count; i++) {
        double index = at->value[i] < 0 ? at->value[i] + (double)from->count : at->value[i];
        if (!(index >= 0 && index < (double)from->count)) {
            return bp_fail(BP_ERR_FORMAT, "it gathers element %g of %zu", index, from->count);
        }
        t->value[i] = from->value[(size_t)index];
    }
    return make_constant(out, t);
}

static bp_status handle_constant(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)a;
    (void)count;
    const BpOnnx__Node *n = in->node;
    const BpOnnx__Attribute *v = n->n_attribute == 1 ? n->attribute[0] : NULL;
    bp_onnx_tensor *t = NULL;
    if (v && strcmp(v->name, "value") == 0 && v->t) {
        const bp_onnx_tensor *read = NULL;
        bp_status status = bp_onnx_tensor_read(&read, in, v->t);
        *out = (bp_onnx_value){.kind = BP_ONNX_CONSTANT, .tensor = read};
        return status;
    }
    if (v && (strcmp(v->name, "value_float") == 0 || strcmp(v->name, "value_int") == 0)) {
        bool whole = v->name[6] == 'i';
        t = bp_onnx_tensor_new(in, whole ? BP_ONNX_INT64 : BP_ONNX_FLOAT, 0, NULL);
        if (t) {
            t->value[0] = whole ? (double)v->i : (double)v->f;
        }
        return make_constant(out, t);
    }
    if (v && (strcmp(v->name, "value_floats") == 0 || strcmp(v->name, "value_ints") == 0)) {
        bool whole = v->name[6] == 'i';
        size_t length = whole ? v->n_ints : v->n_floats;
        t = bp_onnx_tensor_new(in, whole ? BP_ONNX_INT64 : BP_ONNX_FLOAT, 1, &length);
        for (size_t i = 0; t && i < length; i++) {
            t->value[i] = whole ? (double)v->ints[i] : (double)v->floats[i];
        }
        return make_constant(out, t);
    }
    return unsupported("its value is of a kind that is not known");
}

/* ---- tails of classifiers ---------------------------------------------------------------------------------------- */

static bp_status join_constants(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    size_t length = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_constant(a[i]) || a[i]->tensor->dims != 1 || !bp_add_size(&length, length, a[i]->tensor->count)) {
            return unsupported("it joins other things than constant lists, or the two probabilities [1 - p, p]");
        }
    }
    bp_onnx_tensor *t = bp_onnx_tensor_new(in, a[0]->tensor->type, 1, &length);
    for (size_t i = 0; t && i < count; i++) {
        memcpy(t->value + at, a[i]->tensor->value, a[i]->tensor->count * sizeof *t->value);
        at += a[i]->tensor->count;
    }
    return make_constant(out, t);
}

/* Two classes of one unit: [1 - p, p]. */
static bp_status handle_concat(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!a[i]) {
            return unsupported("an input is missing");
        }
    }
    int64_t axis = bp_onnx_int_or(in->node, "axis", 0);
    bool pair = count == 2 && a[0]->kind == BP_ONNX_DATA && a[1]->kind == BP_ONNX_DATA && a[0]->stage == a[1]->stage &&
                a[0]->columns == 1 && a[1]->columns == 1 && a[0]->dims == 1 && (axis == 1 || axis == -1);
    for (size_t k = 0; pair && k < BP_ONNX_POINTS; k++) {
        pair = fabs(a[0]->f[k] + a[1]->f[k] - 1) <= 1e-6;
    }
    if (!pair) {
        return join_constants(out, in, a, count);
    }
    *out = *a[1];
    out->pair = true;
    set_columns(out, 2);
    return BP_OK;
}

/* Names of classes from texts or whole numbers; the first that the graph has count, but texts more than numbers. */
static bp_status note_classes(bp_onnx_in *in, const ProtobufCBinaryData *text, const double *number, size_t count)
{
    if (count == 0 || (in->class_name && (in->class_texts || !text))) {
        return BP_OK;
    }
    const char **name = bp_pool_alloc(&in->pool, count, sizeof *name);
    for (size_t i = 0; name && i < count; i++) {
        char whole[32];
        snprintf(whole, sizeof whole, "%.0f", number ? number[i] : 0);
        name[i] =
            text ? bp_pool_text(&in->pool, (const char *)text[i].data, text[i].len) : bp_pool_copy(&in->pool, whole);
        if (!name[i]) {
            return BP_ERR_MEMORY;
        }
    }
    in->class_name = name;
    in->class_texts = text != NULL;
    in->classes = count;
    return name ? BP_OK : BP_ERR_MEMORY;
}

/* Names in an attribute: strings, or whole numbers. */
static bp_status note_attribute(bp_onnx_in *in, const char *strings, const char *ints)
{
    const BpOnnx__Attribute *s = bp_onnx_attribute(in->node, strings), *i = bp_onnx_attribute(in->node, ints);
    if (s && s->n_strings) {
        return note_classes(in, s->strings, NULL, s->n_strings);
    }
    size_t count = i ? i->n_ints : 0;
    double *number = bp_pool_alloc(&in->pool, count, sizeof *number);
    for (size_t k = 0; number && k < count; k++) {
        number[k] = (double)i->ints[k];
    }
    return number ? note_classes(in, NULL, number, count) : BP_ERR_MEMORY;
}

/* ai.onnx.ml.LabelEncoder: the values of the classes, which the graph has numbered 0, 1, ... or in another way before, lie where
 * the keys are those numbers. */
static bp_status note_encoded(bp_onnx_in *in)
{
    const BpOnnx__Attribute *keys = bp_onnx_attribute(in->node, "keys_int64s");
    const BpOnnx__Attribute *texts = bp_onnx_attribute(in->node, "values_strings");
    if (!keys || !texts || texts->n_strings == 0 || in->class_texts) {
        return note_attribute(in, "values_strings", "values_int64s");
    }
    size_t count = in->class_name ? in->classes : texts->n_strings;
    ProtobufCBinaryData *text = bp_pool_alloc(&in->pool, count, sizeof *text);
    for (size_t i = 0; text && i < count; i++) {
        double number = (double)i;
        size_t k = 0;
        if (in->class_name && !bp_parse_double(&number, in->class_name[i])) {
            return unsupported("it encodes a class without a number");
        }
        while (k < keys->n_ints && (double)keys->ints[k] != number) {
            k++;
        }
        if (k >= keys->n_ints || k >= texts->n_strings) {
            return unsupported("its keys are not the numbers of the classes");
        }
        text[i] = texts->strings[k];
    }
    return text ? note_classes(in, text, NULL, count) : BP_ERR_MEMORY;
}

static bp_status handle_argmax(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    int64_t axis = bp_onnx_int_or(in->node, "axis", 0);
    if (a[0]->kind != BP_ONNX_DATA || a[0]->dims != 1 || (axis != 1 && axis != -1)) {
        return unsupported("expected the largest element of each row");
    }
    *out = *a[0];
    out->kind = BP_ONNX_LABEL;
    return BP_OK;
}

/* Whatever is done with the class that was found; names of classes are noted. */
static bp_status handle_label(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] && a[i]->kind == BP_ONNX_LABEL) {
            *out = *a[i];
            const bp_onnx_tensor *names = i > 0 && a[0] && a[0]->kind == BP_ONNX_CONSTANT ? a[0]->tensor : NULL;
            return names ? note_classes(in, names->text, names->value, names->count) : note_encoded(in);
        }
    }
    return unsupported("expected the class that ArgMax found");
}

static bp_status handle_zipmap(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count)
{
    (void)count;
    if (a[0]->kind != BP_ONNX_DATA) {
        return unsupported("expected probabilities");
    }
    *out = *a[0];
    return note_attribute(in, "classlabels_strings", "classlabels_int64s");
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

bp_onnx_handler bp_onnx_structure_handler(const char *domain, const char *op)
{
    static const struct {
        const char *domain, *op;
        bp_onnx_handler handler;
    } table[] = {
        {"", "MatMul", handle_matmul},
        {"", "Gemm", handle_gemm},
        {"", "BatchNormalization", handle_batch_norm},
        {"", "Softmax", handle_softmax},
        {"", "LogSoftmax", handle_log_softmax},
        {"", "Identity", handle_same},
        {"", "Dropout", handle_same},
        {"", "Cast", handle_cast},
        {"", "Flatten", handle_flatten},
        {"", "Reshape", handle_reshape},
        {"", "Squeeze", handle_squeeze},
        {"", "Unsqueeze", handle_unsqueeze},
        {"", "Transpose", handle_transpose},
        {"", "Shape", handle_shape},
        {"", "Gather", handle_gather},
        {"", "Constant", handle_constant},
        {"", "Concat", handle_concat},
        {"", "ArgMax", handle_argmax},
        {"ai.onnx.ml", "Scaler", handle_scaler},
        {"ai.onnx.ml", "ArrayFeatureExtractor", handle_label},
        {"ai.onnx.ml", "LabelEncoder", handle_label},
        {"ai.onnx.ml", "ZipMap", handle_zipmap},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].domain, domain) == 0 && strcmp(table[i].op, op) == 0) {
            return table[i].handler;
        }
    }
    return NULL;
}
