/* sheet.c - a contact sheet: the first images of a data set side by side in one PNG or PGM file, for a person to look at.
 *
 * Grey level, 8 bits, no gaps, nothing resized. PNG is written by hand (W3C, Portable Network Graphics, third edition):
 * a signature and the chunks IHDR, IDAT and IEND; zlib does the packing and the checksums. It reads no images. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backprop/io.h"
#include "data/file.h"
#include "data/gzip.h"

/* A grey picture; each line starts with a byte that PNG calls its filter type, 0: none. */
typedef struct picture {
    size_t width, height;
    size_t stride; /* width + 1 */
    uint8_t *line; /* height x stride */
} picture;

/* PNG's limit of a length or size. */
static const size_t png_limit = 0x7fffffff;

static double element(const bp_data *d, size_t index)
{
    switch (d->x_type) {
    case BP_F32:
        return ((const float *)d->x)[index];
    case BP_F64:
        return ((const double *)d->x)[index];
    case BP_U8:
        return ((const uint8_t *)d->x)[index];
    case BP_I8:
        return ((const int8_t *)d->x)[index];
    case BP_I16:
        return ((const int16_t *)d->x)[index];
    default:
        return ((const int32_t *)d->x)[index];
    }
}

/* The grey level of v in a range; bytes are grey levels already, other types are stretched to what occurs. */
static uint8_t grey(double v, double low, double high)
{
    double level = high > low ? 255 * ((v - low) / (high - low)) : 0;
    return (uint8_t)(level > 0 ? level + 0.5 : 0); /* NaN: black */
}

static void find_range(double *low, double *high, const bp_data *d, size_t count)
{
    *low = d->x_type == BP_U8 ? 0 : INFINITY;
    *high = d->x_type == BP_U8 ? 255 : -INFINITY;
    for (size_t i = 0; d->x_type != BP_U8 && i < count; i++) {
        double v = element(d, i);
        *low = v < *low ? v : *low;
        *high = v > *high ? v : *high;
    }
}

static void paste_images(picture *p, const bp_data *d, size_t columns, size_t images)
{
    double low, high;
    find_range(&low, &high, d, images * d->inputs);
    for (size_t i = 0; i < images; i++) {
        uint8_t *corner = p->line + i / columns * d->height * p->stride + 1 + i % columns * d->width;
        for (size_t y = 0; y < d->height; y++) {
            for (size_t x = 0; x < d->width; x++) {
                corner[y * p->stride + x] = grey(element(d, i * d->inputs + y * d->width + x), low, high);
            }
        }
    }
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static void put_u32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

/* Length, kind, content, checksum of kind and content. */
static bp_status write_chunk(bp_writer *w, const char *kind, const uint8_t *content, size_t bytes)
{
    uint8_t head[8], tail[4];
    put_u32(head, (uint32_t)bytes);
    memcpy(head + 4, kind, 4);
    uLong crc = crc32(crc32(0, NULL, 0), head + 4, 4);
    put_u32(tail, (uint32_t)(bytes ? crc32(crc, content, (uInt)bytes) : crc));
    bp_status status = bp_writer_write(w, head, sizeof head);
    if (status == BP_OK && bytes) {
        status = bp_writer_write(w, content, bytes);
    }
    return status == BP_OK ? bp_writer_write(w, tail, sizeof tail) : status;
}

/* Packs the lines into out, which holds the bound that deflate gave; returns the bytes used, 0 when that failed. */
static size_t pack(uint8_t **out, const picture *p)
{
    bp_allocator a = bp_allocator_or_default(NULL);
    size_t bytes = p->height * p->stride, packed = 0;
    z_stream z = {0};
    bp_zlib_use(&z, &a);
    *out = NULL;
    if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK) {
        bp_fail(BP_ERR_MEMORY, "packing an image: zlib did not start: %s", z.msg ? z.msg : "out of memory");
        return 0;
    }
    size_t room = deflateBound(&z, (uLong)bytes);
    *out = bp_alloc(&a, room, 1);
    if (*out) {
        z.next_in = p->line;
        z.avail_in = (uInt)bytes;
        z.next_out = *out;
        z.avail_out = (uInt)room;
        packed = deflate(&z, Z_FINISH) == Z_STREAM_END ? z.total_out : 0;
    }
    deflateEnd(&z);
    return packed;
}

static bp_status write_png(bp_writer *w, const picture *p)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {[8] = 8}; /* width, height, 8 bits, grey, deflate, no filters, not interlaced */
    put_u32(header, (uint32_t)p->width);
    put_u32(header + 4, (uint32_t)p->height);
    uint8_t *packed;
    size_t bytes = pack(&packed, p);
    bp_status status = bytes ? bp_writer_write(w, signature, sizeof signature) : bp_last_status();
    if (status == BP_OK) {
        status = write_chunk(w, "IHDR", header, sizeof header);
    }
    if (status == BP_OK) {
        status = write_chunk(w, "IDAT", packed, bytes);
    }
    if (status == BP_OK) {
        status = write_chunk(w, "IEND", NULL, 0);
    }
    bp_allocator a = bp_allocator_or_default(NULL);
    bp_release(&a, packed);
    return status;
}

/* Netpbm's raw grey format: netpbm.sourceforge.net/doc/pgm.html. */
static bp_status write_pgm(bp_writer *w, const picture *p)
{
    char header[64];
    int n = snprintf(header, sizeof header, "P5\n%zu %zu\n255\n", p->width, p->height);
    bp_status status = bp_writer_write(w, header, (size_t)n);
    for (size_t y = 0; y < p->height && status == BP_OK; y++) {
        status = bp_writer_write(w, p->line + y * p->stride + 1, p->width);
    }
    return status;
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static bp_status write_picture(const char *path, const picture *p)
{
    bp_writer *w;
    bp_status status = bp_writer_open(&w, path, false, NULL);
    if (status != BP_OK) {
        return status;
    }
    status = ends_in(path, ".pgm") ? write_pgm(w, p) : write_png(w, p);
    if (status != BP_OK) {
        bp_writer_abandon(w);
        return status;
    }
    return bp_writer_commit(w);
}

bp_status bp_image_sheet(const char *path, const bp_data *data, size_t columns, size_t rows)
{
    if (!data->rows || !data->height || !data->width || data->height > data->inputs ||
        data->height * data->width != data->inputs) {
        return bp_fail(BP_ERR_SHAPE,
                       "contact sheet %s: the data are no images: %zu rows of %zu numbers, images of %zu x %zu pixels",
                       path, data->rows, data->inputs, data->height, data->width);
    }
    if (data->fill) {
        return bp_fail(BP_ERR_ARGUMENT, "contact sheet %s: the rows are made on demand, expected images in memory",
                       path);
    }
    if (!columns || !rows) {
        return bp_fail(BP_ERR_ARGUMENT, "contact sheet %s: %zu x %zu images, expected at least one", path, columns,
                       rows);
    }
    columns = columns < data->rows ? columns : data->rows;
    size_t needed = (data->rows - 1) / columns + 1;
    rows = rows < needed ? rows : needed;
    picture p = {0};
    size_t bytes;
    if (!bp_mul_size(&p.width, columns, data->width) || !bp_mul_size(&p.height, rows, data->height) ||
        !bp_add_size(&p.stride, p.width, 1) || !bp_mul_size(&bytes, p.height, p.stride) || bytes > png_limit / 2) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "contact sheet %s: %zu x %zu images make a picture of over a gigabyte; ask for fewer", path,
                       columns, rows);
    }
    bp_allocator a = bp_allocator_or_default(NULL);
    p.line = bp_alloc(&a, bytes, 1);
    if (!p.line) {
        return BP_ERR_MEMORY;
    }
    size_t images = columns * rows < data->rows ? columns * rows : data->rows;
    paste_images(&p, data, columns, images);
    bp_status status = write_picture(path, &p);
    bp_release(&a, p.line);
    return status;
}
