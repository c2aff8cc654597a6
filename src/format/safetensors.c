/* safetensors.c - reading and writing the container described in safetensors.h. A header is believed only where every
 * count and offset in it fits the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/safetensors.h"

#define MOST_HEADER ((size_t)100000000) /* bytes; the limit of the reference implementation */

/* Element types of the format; those that this library has no type for are known by their size. */
static const struct {
    const char *name;
    size_t size;
    bp_type type;
} dtypes[] = {
    {"F32", 4, BP_F32},    {"F64", 8, BP_F64},       {"U8", 1, BP_U8},         {"I8", 1, BP_I8},
    {"I16", 2, BP_I16},    {"I32", 4, BP_I32},       {"BOOL", 1, BP_TYPES},    {"F16", 2, BP_TYPES},
    {"BF16", 2, BP_TYPES}, {"U16", 2, BP_TYPES},     {"U32", 4, BP_TYPES},     {"I64", 8, BP_TYPES},
    {"U64", 8, BP_TYPES},  {"F8_E4M3", 1, BP_TYPES}, {"F8_E5M2", 1, BP_TYPES},
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

bool bp_shape_count(size_t *out, const bp_shape *shape)
{
    *out = 1;
    for (int i = 0; i < shape->dims; i++) {
        if (!bp_mul_size(out, *out, shape->dim[i])) {
            return false;
        }
    }
    return true;
}

/* ---- Reading: one entry of the header ---------------------------------------------------------------------------- */

static bp_status fail_tensor(const bp_safetensors *s, const char *name, const char *problem)
{
    return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%.100s\" in the header: %s", s->path, name, problem);
}

/* A count in JSON: an integer, not negative. */
static bool parse_count(size_t *out, const json_t *j)
{
    json_int_t n = json_integer_value(j);
    if (!json_is_integer(j) || n < 0 || (unsigned long long)n > SIZE_MAX) {
        return false;
    }
    *out = (size_t)n;
    return true;
}

static bp_status parse_shape(bp_tensor *t, const bp_safetensors *s, const json_t *shape)
{
    size_t dims = json_array_size(shape);
    if (!json_is_array(shape)) {
        return fail_tensor(s, t->name, "\"shape\" is missing or no array");
    }
    if (dims > BP_MAX_DIMS) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: tensor \"%.100s\" has %zu dimensions, at most %d are supported",
                       s->path, t->name, dims, BP_MAX_DIMS);
    }
    t->shape.dims = (int)dims;
    for (size_t i = 0; i < dims; i++) {
        if (!parse_count(&t->shape.dim[i], json_array_get(shape, i))) {
            return fail_tensor(s, t->name, "\"shape\" holds something else than counts");
        }
    }
    return BP_OK;
}

/* t->begin and t->bytes, which must be what type and shape need. */
static bp_status parse_offsets(bp_tensor *t, const bp_safetensors *s, const json_t *offsets, size_t size, size_t data)
{
    size_t end, elements, bytes;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !parse_count(&t->begin, json_array_get(offsets, 0)) || !parse_count(&end, json_array_get(offsets, 1))) {
        return fail_tensor(s, t->name, "\"data_offsets\" is missing or not two counts");
    }
    if (t->begin > end || end > data) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: tensor \"%.100s\" lies at bytes %zu to %zu of the data, but the file has %zu bytes of data",
            s->path, t->name, t->begin, end, data);
    }
    t->bytes = end - t->begin;
    if (!bp_shape_count(&elements, &t->shape) || !bp_mul_size(&bytes, elements, size)) {
        return fail_tensor(s, t->name, "its shape overflows the address space");
    }
    if (bytes != t->bytes) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: tensor \"%.100s\" needs %zu bytes for its type and shape, but has %zu", s->path,
                       t->name, bytes, t->bytes);
    }
    return BP_OK;
}

static bp_status parse_tensor(bp_tensor *t, const bp_safetensors *s, const char *name, const json_t *entry, size_t data)
{
    size_t i = 0;
    t->name = name;
    t->dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!t->dtype) {
        return fail_tensor(s, name, "\"dtype\" is missing or no text");
    }
    while (i < DTYPES && strcmp(dtypes[i].name, t->dtype) != 0) {
        i++;
    }
    if (i == DTYPES) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%.100s\" has the unknown dtype \"%.20s\"", s->path, name,
                       t->dtype);
    }
    t->type = dtypes[i].type;
    bp_status status = parse_shape(t, s, json_object_get(entry, "shape"));
    return status == BP_OK ? parse_offsets(t, s, json_object_get(entry, "data_offsets"), dtypes[i].size, data) : status;
}

/* ---- Reading: the header ----------------------------------------------------------------------------------------- */

static bp_status check_metadata(const bp_safetensors *s)
{
    json_t *metadata = json_object_get(s->header, "__metadata__"), *value;
    const char *key;
    if (metadata && !json_is_object(metadata)) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: \"__metadata__\" in the header is no object", s->path);
    }
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value)) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: \"%.100s\" in \"__metadata__\" is no text", s->path, key);
        }
    }
    return BP_OK;
}

static int by_position(const void *a, const void *b)
{
    const bp_tensor *s = a, *t = b;
    if (s->begin != t->begin) {
        return s->begin < t->begin ? -1 : 1;
    }
    return (s->bytes > t->bytes) - (s->bytes < t->bytes);
}

/* The tensors fill the data from the first byte to the last, each beginning where the one before it ends. */
static bp_status check_layout(const bp_safetensors *s, size_t data)
{
    size_t at = 0;
    for (size_t i = 0; i < s->count; i++) {
        const bp_tensor *t = &s->tensor[i];
        if (t->begin != at) {
            return bp_fail(BP_ERR_FORMAT,
                           "reading %s: tensor \"%.100s\" begins at byte %zu of the data, expected %zu: %s", s->path,
                           t->name, t->begin, at, t->begin < at ? "tensors overlap" : "there is a gap");
        }
        at += t->bytes;
    }
    if (at != data) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: the tensors end at byte %zu of the data, but %zu bytes follow the header", s->path,
                       at, data);
    }
    return BP_OK;
}

static bp_status parse_tensors(bp_safetensors *s, size_t data)
{
    const char *name;
    json_t *entry;
    s->tensor = bp_alloc(&s->allocator, json_object_size(s->header), sizeof *s->tensor);
    bp_status status = s->tensor ? check_metadata(s) : BP_ERR_MEMORY;
    json_object_foreach(s->header, name, entry)
    {
        if (status == BP_OK && strcmp(name, "__metadata__") != 0) {
            status = parse_tensor(&s->tensor[s->count++], s, name, entry, data);
        }
    }
    if (status != BP_OK) {
        return status;
    }
    qsort(s->tensor, s->count, sizeof *s->tensor, by_position);
    return check_layout(s, data);
}

static bp_status parse_json(bp_safetensors *s, const char *text, size_t length)
{
    json_error_t error;
    s->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!s->header) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the header is no valid JSON: %s at byte %d of the file", s->path,
                       error.text, error.position + 8);
    }
    if (!json_is_object(s->header)) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the header is no JSON object", s->path);
    }
    return BP_OK;
}

/* The length of the header, checked against the file. */
static bp_status read_length(size_t *length, bp_safetensors *s)
{
    unsigned char n[8];
    bp_status status = bp_reader_read(s->reader, n, sizeof n, "header length");
    if (status != BP_OK) {
        return status;
    }
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | n[i];
    }
    size_t left = bp_reader_most(s->reader);
    if (value > MOST_HEADER) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: this is no safetensors file, as models are: its first 8 bytes should be the length "
                       "of a header, but would be %llu bytes. What other libraries wrote is to be imported first",
                       s->path, (unsigned long long)value);
    }
    if (value > left) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: the first 8 bytes promise a header of %llu bytes, but %zu bytes follow: it is cut "
                       "short, or no safetensors file",
                       s->path, (unsigned long long)value, left);
    }
    *length = (size_t)value;
    return BP_OK;
}

static bp_status read_header(bp_safetensors *s)
{
    size_t length = 0;
    bp_status status = read_length(&length, s);
    char *text = status == BP_OK ? bp_alloc(&s->allocator, length, 1) : NULL;
    if (!text) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    status = bp_reader_read(s->reader, text, length, "header");
    if (status == BP_OK) {
        status = parse_json(s, text, length);
    }
    bp_release(&s->allocator, text);
    return status == BP_OK ? parse_tensors(s, bp_reader_most(s->reader)) : status;
}

bp_status bp_safetensors_open(bp_safetensors *s, const char *path, const bp_allocator *allocator)
{
    memset(s, 0, sizeof *s);
    s->allocator = bp_allocator_or_default(allocator);
    s->path = path;
    bp_status status = bp_reader_open(&s->reader, path, false, allocator);
    return status == BP_OK ? read_header(s) : status;
}

void bp_safetensors_close(bp_safetensors *s)
{
    bp_reader_close(s->reader);
    json_decref(s->header);
    bp_release(&s->allocator, s->tensor);
    memset(s, 0, sizeof *s);
}

const char *bp_safetensors_metadata(const bp_safetensors *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

size_t bp_safetensors_find(const bp_safetensors *s, const char *name)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->tensor[i].name, name) != 0) {
        i++;
    }
    return i;
}

bp_status bp_safetensors_read_next(bp_safetensors *s, void *out)
{
    if (s->next >= s->count || s->tensor[s->next].type >= BP_TYPES) {
        return bp_fail(BP_ERR_STATE, "%s: tensor %zu of %zu cannot be read", s->path, s->next + 1, s->count);
    }
    const bp_tensor *t = &s->tensor[s->next++];
    size_t size = bp_type_size(t->type);
    bp_status status = bp_reader_read(s->reader, out, t->bytes, t->name);
    if (status == BP_OK && !bp_host_is_little()) {
        bp_swap_bytes(out, t->bytes / size, size);
    }
    return status;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static const char *dtype_name(bp_type type)
{
    size_t i = 0;
    while (dtypes[i].type != type) {
        i++;
    }
    return dtypes[i].name;
}

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]} */
static json_t *describe_tensor(const bp_tensor *t, size_t begin, size_t end)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->shape.dims; i++) {
        json_array_append_new(shape, json_integer((json_int_t)t->shape.dim[i]));
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(t->type), "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)end);
}

/* The header as JSON, metadata first, keys in the order given; NULL where memory is out or a size overflows. */
static json_t *describe_file(json_t *metadata, const bp_tensor *tensor, size_t count)
{
    json_t *header = json_object();
    bool complete = json_object_set(header, "__metadata__", metadata) == 0;
    size_t at = 0;
    for (size_t i = 0; i < count && complete; i++) {
        size_t elements, bytes, begin = at;
        complete = bp_shape_count(&elements, &tensor[i].shape) &&
                   bp_mul_size(&bytes, elements, bp_type_size(tensor[i].type)) && bp_add_size(&at, at, bytes) &&
                   at < INT64_MAX &&
                   json_object_set_new(header, tensor[i].name, describe_tensor(&tensor[i], begin, at)) == 0;
    }
    if (!complete) {
        json_decref(header);
        return NULL;
    }
    return header;
}

/* Writes length and JSON, with spaces behind it so that the tensors begin at a multiple of 8. */
static bp_status write_header(bp_writer *w, const json_t *header, const bp_allocator *a)
{
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT), padded = bp_round_up(length, 8);
    char *text = bp_alloc(a, padded, 1);
    if (!text) {
        return BP_ERR_MEMORY;
    }
    memset(text, ' ', padded);
    bp_status status = BP_OK;
    if (length == 0 || json_dumpb(header, text, length, JSON_COMPACT) != length) {
        status = bp_fail(BP_ERR_MEMORY, "out of memory while writing the header of a model file");
    }
    unsigned char n[8];
    for (int i = 0; i < 8; i++) {
        n[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    }
    if (status == BP_OK) {
        status = bp_writer_write(w, n, sizeof n);
    }
    if (status == BP_OK) {
        status = bp_writer_write(w, text, padded);
    }
    bp_release(a, text);
    return status;
}

bp_status bp_safetensors_create(bp_writer **out, const char *path, json_t *metadata, const bp_tensor *tensor,
                                size_t count, const bp_allocator *allocator)
{
    *out = NULL;
    bp_allocator a = bp_allocator_or_default(allocator);
    json_t *header = describe_file(metadata, tensor, count);
    if (!header) {
        return bp_fail(BP_ERR_MEMORY, "writing %s: out of memory for the header, or tensors that overflow the file",
                       path);
    }
    bp_writer *w;
    bp_status status = bp_writer_open(&w, path, false, &a);
    if (status == BP_OK) {
        status = write_header(w, header, &a);
        if (status != BP_OK) {
            bp_writer_abandon(w);
        }
    }
    json_decref(header);
    if (status == BP_OK) {
        *out = w;
    }
    return status;
}

bp_status bp_safetensors_write(bp_writer *w, const bp_tensor *t, void *data)
{
    size_t elements = 0, size = bp_type_size(t->type);
    bp_shape_count(&elements, &t->shape);
    if (!bp_host_is_little()) {
        bp_swap_bytes(data, elements, size);
    }
    return bp_writer_write(w, data, elements * size);
}
