/* idx.c - IDX files, the format of MNIST: a type code, up to four dimensions, then the elements, big-endian.
 *
 *   0 0 type dims   dim[0] .. dim[dims-1], 4 bytes each   elements, row-major
 *
 * Source: yann.lecun.com/exdb/mnist, "the IDX file format". Nothing here knows what the numbers mean: see idx_set.c. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "backprop/io.h"
#include "data/file.h"

static const struct {
    unsigned char code;
    bp_type type;
} codes[] = {{0x08, BP_U8}, {0x09, BP_I8}, {0x0B, BP_I16}, {0x0C, BP_I32}, {0x0D, BP_F32}, {0x0E, BP_F64}};
static_assert(sizeof codes / sizeof *codes == BP_TYPES, "every element type has a code");

void bp_array_free(bp_array *a)
{
    if (a && a->data) {
        bp_release(&a->allocator, a->data);
        a->data = NULL;
    }
}

/* Elements and bytes of an array; false where that overflows. */
static bool array_size(size_t *elements, size_t *bytes, const bp_array *a)
{
    *elements = 1;
    for (int i = 0; i < a->shape.dims; i++) {
        if (!bp_mul_size(elements, *elements, a->shape.dim[i])) {
            return false;
        }
    }
    return bp_mul_size(bytes, *elements, bp_type_size(a->type));
}

/* "60000 x 28 x 28" */
static const char *shape_text(char *out, size_t room, const bp_shape *s)
{
    size_t used = 0;
    *out = '\0';
    for (int i = 0; i < s->dims && used < room; i++) {
        int n = snprintf(out + used, room - used, "%s%zu", i ? " x " : "", s->dim[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bp_status parse_magic(bp_array *a, const unsigned char magic[4], const char *path)
{
    if (magic[0] != 0 || magic[1] != 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: not an IDX file: it begins with %02x %02x, expected 00 00", path,
                       magic[0], magic[1]);
    }
    size_t i = 0;
    while (i < BP_TYPES && codes[i].code != magic[2]) {
        i++;
    }
    if (i == BP_TYPES) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: unknown element type 0x%02x at byte 2, expected 08 (u8), 09 (i8), 0B (i16), 0C (i32), "
            "0D (f32) or 0E (f64)",
            path, magic[2]);
    }
    if (magic[3] < 1 || magic[3] > BP_MAX_DIMS) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: %d dimensions at byte 3, expected 1 to %d", path, magic[3],
                       BP_MAX_DIMS);
    }
    a->type = codes[i].type;
    a->shape.dims = magic[3];
    return BP_OK;
}

static bp_status read_header(bp_array *a, bp_reader *r, const char *path)
{
    unsigned char magic[4], dim[4 * BP_MAX_DIMS];
    bp_status status = bp_reader_read(r, magic, sizeof magic, "IDX header");
    if (status == BP_OK) {
        status = parse_magic(a, magic, path);
    }
    if (status == BP_OK) {
        status = bp_reader_read(r, dim, 4 * (size_t)a->shape.dims, "IDX dimensions");
    }
    for (int i = 0; status == BP_OK && i < a->shape.dims; i++) {
        const unsigned char *d = dim + 4 * i;
        a->shape.dim[i] = (size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3];
        if (a->shape.dim[i] == 0) {
            status = bp_fail(BP_ERR_DATA, "reading %s: empty: dimension %d of %d is 0", path, i + 1, a->shape.dims);
        }
    }
    return status;
}

/* Believes the header only where the file can hold what it says. */
static bp_status check_length(size_t *bytes, const bp_array *a, const bp_reader *r, const char *path)
{
    size_t elements, most = bp_reader_most(r);
    bool gzip = bp_reader_is_gzip(r), fits = array_size(&elements, bytes, a);
    if (fits && (gzip ? *bytes <= most : *bytes == most)) {
        return BP_OK;
    }
    char shape[96], expected[48] = "more bytes than there are addresses";
    shape_text(shape, sizeof shape, &a->shape);
    if (fits) {
        snprintf(expected, sizeof expected, "%zu bytes", *bytes);
    }
    return bp_fail(
        BP_ERR_FORMAT,
        "reading %s: the header promises %s elements of type %s, %s, but %s %zu; the file is damaged or cut short",
        path, shape, bp_type_name(a->type), expected,
        gzip ? "this much gzip data unpacks at most to" : "the bytes that follow it are", most);
}

/* How much memory to start with: all of it, unless the file would have to unpack to an unusual multiple of its size. Then
 * memory grows with what really comes, so that a small hostile file cannot claim a large block. */
static size_t first_block(const bp_reader *r, size_t bytes)
{
    size_t usual;
    if (!bp_reader_is_gzip(r) || !bp_mul_size(&usual, bp_reader_file_bytes(r), 64)) {
        return bytes;
    }
    return bytes < usual ? bytes : usual;
}

/* Doubles the block, to at most `bytes`. */
static bp_status grow_block(bp_array *a, size_t *room, size_t bytes)
{
    size_t larger = *room > bytes / 2 ? bytes : 2 * *room;
    void *block = bp_alloc(&a->allocator, larger, 1);
    if (!block) {
        return BP_ERR_MEMORY;
    }
    memcpy(block, a->data, *room);
    bp_release(&a->allocator, a->data);
    a->data = block;
    *room = larger;
    return BP_OK;
}

static bp_status read_elements(bp_array *a, bp_reader *r, size_t bytes)
{
    size_t done = 0, room = first_block(r, bytes);
    a->data = bp_alloc(&a->allocator, room, 1);
    bp_status status = a->data ? BP_OK : BP_ERR_MEMORY;
    while (status == BP_OK && done < bytes) {
        if (done == room) {
            status = grow_block(a, &room, bytes);
        }
        if (status == BP_OK) {
            status = bp_reader_read(r, (char *)a->data + done, room - done, "elements");
            done = room;
        }
    }
    return status;
}

bp_status bp_idx_read(bp_array *out, const char *path, const bp_allocator *allocator)
{
    memset(out, 0, sizeof *out);
    out->allocator = bp_allocator_or_default(allocator);
    bp_reader *r;
    size_t bytes = 0;
    bp_status status = bp_reader_open(&r, path, true, allocator);
    if (status != BP_OK) {
        return status;
    }
    status = read_header(out, r, path);
    if (status == BP_OK) {
        status = check_length(&bytes, out, r, path);
    }
    if (status == BP_OK) {
        status = read_elements(out, r, bytes);
    }
    if (status == BP_OK) {
        status = bp_reader_finish(r);
    }
    bp_reader_close(r);
    if (status != BP_OK) {
        bp_array_free(out);
        return status;
    }
    size_t size = bp_type_size(out->type);
    if (bp_host_is_little() && size > 1) {
        bp_swap_bytes(out->data, bytes / size, size);
    }
    return BP_OK;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static bp_status check_array(size_t *bytes, const bp_array *a, const char *path)
{
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "writing an IDX file: no path was given");
    }
    if (!a->data || (unsigned)a->type >= BP_TYPES || a->shape.dims < 1 || a->shape.dims > BP_MAX_DIMS) {
        return bp_fail(BP_ERR_ARGUMENT, "writing %s: the array needs data, a type, and 1 to %d dimensions", path,
                       BP_MAX_DIMS);
    }
    for (int i = 0; i < a->shape.dims; i++) {
        if (a->shape.dim[i] == 0 || a->shape.dim[i] > UINT32_MAX) {
            return bp_fail(BP_ERR_ARGUMENT, "writing %s: dimension %d is %zu, an IDX file holds 1 to 4294967295", path,
                           i + 1, a->shape.dim[i]);
        }
    }
    size_t elements;
    if (!array_size(&elements, bytes, a)) {
        return bp_fail(BP_ERR_ARGUMENT, "writing %s: the size of the array overflows", path);
    }
    return BP_OK;
}

static bp_status write_header(bp_writer *w, const bp_array *a)
{
    unsigned char header[4 + 4 * BP_MAX_DIMS] = {0};
    for (size_t i = 0; i < BP_TYPES; i++) {
        if (codes[i].type == a->type) {
            header[2] = codes[i].code;
        }
    }
    header[3] = (unsigned char)a->shape.dims;
    for (int i = 0; i < a->shape.dims; i++) {
        for (int byte = 0; byte < 4; byte++) {
            header[4 + 4 * i + byte] = (unsigned char)(a->shape.dim[i] >> (24 - 8 * byte));
        }
    }
    return bp_writer_write(w, header, 4 + 4 * (size_t)a->shape.dims);
}

/* In pieces, since the array is not ours to turn around in place. */
static bp_status write_elements(bp_writer *w, const bp_array *a, size_t bytes)
{
    size_t size = bp_type_size(a->type);
    bp_status status = BP_OK;
    if (size == 1 || !bp_host_is_little()) {
        return bp_writer_write(w, a->data, bytes);
    }
    unsigned char piece[4096];
    for (size_t done = 0; done < bytes && status == BP_OK; done += sizeof piece) {
        size_t n = bytes - done < sizeof piece ? bytes - done : sizeof piece;
        memcpy(piece, (const char *)a->data + done, n);
        bp_swap_bytes(piece, n / size, size);
        status = bp_writer_write(w, piece, n);
    }
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

bp_status bp_idx_write(const char *path, const bp_array *a)
{
    size_t bytes = 0;
    bp_writer *w = NULL;
    bp_status status = check_array(&bytes, a, path);
    if (status == BP_OK) {
        status = bp_writer_open(&w, path, ends_with(path, ".gz"), NULL);
    }
    if (status != BP_OK) {
        return status;
    }
    status = write_header(w, a);
    if (status == BP_OK) {
        status = write_elements(w, a, bytes);
    }
    if (status != BP_OK) {
        bp_writer_abandon(w);
        return status;
    }
    return bp_writer_commit(w);
}
