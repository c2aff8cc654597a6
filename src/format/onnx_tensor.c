/* onnx_tensor.c - constants of ONNX files: shape against bytes before anything is believed; typed, raw or in another file. */
#include "format/onnx_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/file.h"
#include "format/onnx_graph.h"

/* ---- attributes -------------------------------------------------------------------------------------------------- */

const BpOnnx__Attribute *bp_onnx_attribute(const BpOnnx__Node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++) {
        if (strcmp(n->attribute[i]->name, name) == 0) {
            return n->attribute[i];
        }
    }
    return NULL;
}

int64_t bp_onnx_int_or(const BpOnnx__Node *n, const char *name, int64_t fallback)
{
    const BpOnnx__Attribute *a = bp_onnx_attribute(n, name);
    return a ? a->i : fallback;
}

double bp_onnx_float_or(const BpOnnx__Node *n, const char *name, double fallback)
{
    const BpOnnx__Attribute *a = bp_onnx_attribute(n, name);
    return a ? (double)a->f : fallback;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static const char *shown(const BpOnnx__Tensor *t)
{
    return t->name && *t->name ? t->name : "(without a name)";
}

bp_onnx_tensor *bp_onnx_tensor_new(bp_onnx_in *in, int type, int dims, const size_t *dim)
{
    bp_onnx_tensor *t = bp_pool_alloc(&in->pool, 1, sizeof *t);
    if (!t) {
        return NULL;
    }
    t->type = type;
    t->dims = dims;
    t->count = 1;
    for (int i = 0; i < dims; i++) {
        t->dim[i] = dim[i];
        if (!bp_mul_size(&t->count, t->count, dim[i])) {
            bp_fail(BP_ERR_MEMORY, "a tensor with more elements than the address space has");
            return NULL;
        }
    }
    t->value = bp_pool_alloc(&in->pool, t->count, sizeof *t->value);
    return t->value ? t : NULL;
}

void bp_onnx_tensor_finish(bp_onnx_tensor *t)
{
    t->uniform = t->count > 0;
    for (size_t i = 1; i < t->count && t->uniform; i++) {
        t->uniform = t->value[i] == t->value[0];
    }
}

static bp_status read_shape(size_t *count, int *dims, size_t dim[BP_ONNX_DIMS], const bp_onnx_in *in,
                            const BpOnnx__Tensor *t)
{
    *count = 1;
    if (t->n_dims > BP_ONNX_DIMS) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: tensor \"%.80s\" has %zu dimensions; at most %d are supported",
                       in->path, shown(t), t->n_dims, BP_ONNX_DIMS);
    }
    *dims = (int)t->n_dims;
    for (size_t i = 0; i < t->n_dims; i++) {
        dim[i] = (size_t)t->dims[i];
        if (t->dims[i] < 0 || !bp_mul_size(count, *count, dim[i])) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%.80s\" has a dimension of %lld", in->path, shown(t),
                           (long long)t->dims[i]);
        }
    }
    return BP_OK;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static double from_float(const void *p)
{
    float x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}
static double from_double(const void *p)
{
    double x;
    memcpy(&x, p, sizeof x);
    return x;
}
static double from_i64(const void *p)
{
    int64_t x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}
static double from_i32(const void *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}
static double from_u8(const void *p)
{
    return *(const uint8_t *)p;
}
static double from_i8(const void *p)
{
    return *(const int8_t *)p;
}

/* What the types are called, how they lie in raw data, and which list holds them otherwise. */
static const struct number_type {
    int type;
    size_t bytes;
    double (*raw)(const void *p);
    enum { IN_FLOATS, IN_DOUBLES, IN_I64, IN_I32 } list;
} number_types[] = {
    {BP_ONNX_FLOAT, 4, from_float, IN_FLOATS}, {BP_ONNX_DOUBLE, 8, from_double, IN_DOUBLES},
    {BP_ONNX_INT64, 8, from_i64, IN_I64},      {BP_ONNX_INT32, 4, from_i32, IN_I32},
    {BP_ONNX_UINT8, 1, from_u8, IN_I32},       {BP_ONNX_INT8, 1, from_i8, IN_I32},
    {BP_ONNX_BOOL, 1, from_u8, IN_I32},
};
enum { NUMBER_TYPES = sizeof number_types / sizeof *number_types };

static size_t listed(const BpOnnx__Tensor *t, const struct number_type *n)
{
    const size_t count[] = {t->n_float_data, t->n_double_data, t->n_int64_data, t->n_int32_data};
    return count[n->list];
}

static double list_at(const BpOnnx__Tensor *t, const struct number_type *n, size_t i)
{
    switch (n->list) {
    case IN_FLOATS:
        return (double)t->float_data[i];
    case IN_DOUBLES:
        return t->double_data[i];
    case IN_I64:
        return (double)t->int64_data[i];
    default:
        return t->int32_data[i];
    }
}

static bp_status read_raw(bp_onnx_tensor *out, const uint8_t *data, const struct number_type *n)
{
    for (size_t i = 0; i < out->count; i++) {
        uint8_t element[8];
        memcpy(element, data + i * n->bytes, n->bytes);
        if (!bp_host_is_little()) {
            bp_swap_bytes(element, 1, n->bytes);
        }
        out->value[i] = n->raw(element);
    }
    return BP_OK;
}

/* ---- other files ------------------------------------------------------------------------------------------------- */

static const char *entry(const BpOnnx__Tensor *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        if (strcmp(t->external_data[i]->key, key) == 0) {
            return t->external_data[i]->value;
        }
    }
    return NULL;
}

/* A file in the folder of the model or below it, never elsewhere: a model must not make its reader open other files. */
static bool stays_inside(const char *name)
{
    if (!name || !*name || *name == '/' || strchr(name, '\\')) {
        return false;
    }
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
            return false;
        }
    }
    return true;
}

static bp_status external_path(char out[4096], const bp_onnx_in *in, const BpOnnx__Tensor *t, const char *name)
{
    const char *slash = strrchr(in->path, '/');
    int folder = slash ? (int)(slash - in->path) + 1 : 0;
    if (!stays_inside(name)) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: tensor \"%.80s\" lies in the file \"%.100s\"; expected one in the folder of the model",
            in->path, shown(t), name ? name : "");
    }
    int n = snprintf(out, 4096, "%.*s%s", folder, in->path, name);
    return n > 0 && n < 4096 ? BP_OK
                             : bp_fail(BP_ERR_FORMAT, "reading %s: the path of the weights is too long", in->path);
}

/* Skips to `offset` and reads `bytes`. */
static bp_status read_part(uint8_t *out, bp_reader *r, size_t offset, size_t bytes)
{
    bp_status status = BP_OK;
    uint8_t skipped[4096];
    while (offset > 0 && status == BP_OK) {
        size_t n = offset < sizeof skipped ? offset : sizeof skipped;
        status = bp_reader_read(r, skipped, n, "weights");
        offset -= n;
    }
    return status == BP_OK ? bp_reader_read(r, out, bytes, "weights") : status;
}

/* A file with weights, and how many of its bytes have been counted. */
typedef struct bp_onnx_external {
    struct bp_onnx_external *before;
    char *path;
    size_t counted;
} weight_file;

static weight_file *weight_file_of(bp_onnx_in *in, const char *path)
{
    weight_file *e = in->externals;
    while (e && strcmp(e->path, path) != 0) {
        e = e->before;
    }
    if (e) {
        return e;
    }
    e = bp_pool_alloc(&in->pool, 1, sizeof *e);
    char *copy = e ? bp_pool_copy(&in->pool, path) : NULL;
    if (!copy) {
        return NULL;
    }
    *e = (weight_file){.before = in->externals, .path = copy};
    in->externals = e;
    return e;
}

/* Bytes that are there earn the memory that they need, as those of the graph itself do, but each once, however many tensors
 * say that they lie in the same place. */
static bp_status grow_budget(bp_onnx_in *in, const char *path, size_t bytes, size_t file_bytes)
{
    weight_file *e = weight_file_of(in, path);
    if (!e) {
        return BP_ERR_MEMORY;
    }
    size_t left = e->counted < file_bytes ? file_bytes - e->counted : 0, earned = bytes < left ? bytes : left, more;
    e->counted += earned;
    if (!bp_mul_size(&more, earned, BP_ONNX_MEMORY) || !bp_add_size(&in->budget->left, in->budget->left, more)) {
        in->budget->left = SIZE_MAX;
    }
    return BP_OK;
}

/* `shape` has the shape of the tensor. */
static bp_status read_external(bp_onnx_tensor **out, bp_onnx_in *in, const BpOnnx__Tensor *t,
                               const struct number_type *n, const bp_onnx_tensor *shape)
{
    char path[4096];
    const char *offset_text = entry(t, "offset"), *length_text = entry(t, "length");
    size_t offset = 0, bytes = shape->count * n->bytes, length = bytes, end;
    bp_status status = external_path(path, in, t, entry(t, "location"));
    if (status != BP_OK) {
        return status;
    }
    bool numbers =
        (!offset_text || bp_parse_size(&offset, offset_text)) && (!length_text || bp_parse_size(&length, length_text));
    if (!numbers || length != bytes) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%.80s\" needs %zu bytes of %s; its entry says otherwise",
                       in->path, shown(t), bytes, path);
    }
    bp_reader *r;
    status = bp_reader_open(&r, path, false, &in->pool.allocator);
    if (status != BP_OK) {
        return status;
    }
    uint8_t *data = NULL;
    if (!bp_add_size(&end, offset, bytes) || end > bp_reader_file_bytes(r)) {
        status =
            bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%.80s\" lies beyond the end of %s", in->path, shown(t), path);
    } else {
        bool earned = grow_budget(in, path, bytes, bp_reader_file_bytes(r)) == BP_OK;
        data = earned ? bp_pool_alloc(&in->pool, bytes, 1) : NULL;
        *out = data ? bp_onnx_tensor_new(in, shape->type, shape->dims, shape->dim) : NULL;
        status = *out ? read_part(data, r, offset, bytes) : BP_ERR_MEMORY;
    }
    bp_reader_close(r);
    return status == BP_OK ? read_raw(*out, data, n) : status;
}

/* ---- a tensor ---------------------------------------------------------------------------------------------------- */

static bp_status fail_length(const bp_onnx_in *in, const BpOnnx__Tensor *t, size_t found, size_t expected)
{
    return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%.80s\" has %zu bytes or numbers, its shape asks for %zu",
                   in->path, shown(t), found, expected);
}

static bp_status read_texts(const bp_onnx_tensor **out, bp_onnx_in *in, const BpOnnx__Tensor *t, size_t count)
{
    size_t none = 0;
    if (t->n_string_data != count) {
        return fail_length(in, t, t->n_string_data, count);
    }
    bp_onnx_tensor *made = bp_onnx_tensor_new(in, BP_ONNX_STRING, 1, &none);
    if (!made) {
        return BP_ERR_MEMORY;
    }
    made->dim[0] = made->count = count;
    made->value = NULL;
    made->text = t->string_data;
    *out = made;
    return BP_OK;
}

static bp_status read_numbers(const bp_onnx_tensor **out, bp_onnx_in *in, const BpOnnx__Tensor *t,
                              const struct number_type *n)
{
    size_t dim[BP_ONNX_DIMS] = {0}, count, bytes;
    int dims;
    bool external = t->data_location == 1;
    bp_status status = read_shape(&count, &dims, dim, in, t);
    if (status != BP_OK) {
        return status;
    }
    bool raw = t->raw_data.len > 0 || count == 0;
    if (!bp_mul_size(&bytes, count, n->bytes)) {
        return fail_length(in, t, t->raw_data.len, count);
    }
    if (!external && (raw ? t->raw_data.len != bytes : listed(t, n) != count)) {
        return fail_length(in, t, raw ? t->raw_data.len : listed(t, n), raw ? bytes : count);
    }
    bp_onnx_tensor *made = NULL, shape = {.type = t->data_type, .dims = dims, .count = count};
    memcpy(shape.dim, dim, sizeof dim);
    if (external) {
        status = read_external(&made, in, t, n, &shape);
    } else {
        made = bp_onnx_tensor_new(in, t->data_type, dims, dim);
        status = made ? BP_OK : BP_ERR_MEMORY;
    }
    if (status != BP_OK) {
        return status;
    }
    if (!external && raw) {
        status = read_raw(made, t->raw_data.data, n);
    }
    for (size_t i = 0; i < count && !external && !raw; i++) {
        made->value[i] = list_at(t, n, i);
    }
    bp_onnx_tensor_finish(made);
    *out = made;
    return status;
}

bp_status bp_onnx_tensor_read(const bp_onnx_tensor **out, bp_onnx_in *in, const BpOnnx__Tensor *t)
{
    size_t dim[BP_ONNX_DIMS], count;
    int dims;
    if (t->data_type == BP_ONNX_STRING) {
        bp_status status = read_shape(&count, &dims, dim, in, t);
        return status == BP_OK ? read_texts(out, in, t, count) : status;
    }
    for (size_t i = 0; i < NUMBER_TYPES; i++) {
        if (number_types[i].type == t->data_type) {
            return read_numbers(out, in, t, &number_types[i]);
        }
    }
    return bp_fail(BP_ERR_UNSUPPORTED,
                   "reading %s: tensor \"%.80s\" has elements of type %d; supported are float, double, whole numbers, "
                   "bool and string",
                   in->path, shown(t), t->data_type);
}
