/* state_file.c - writing and reading the states of runs. A file is believed only when its checksum is right; what is in it
 * is checked nevertheless, since a checksum does not say who wrote the file. */
#include "format/state_file.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "format/safetensors.h"

#define FORMAT   "backprop-state"
#define CHECKSUM "checksum"
enum { CHECKSUM_BYTES = 8 };

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static json_t *describe(const char *note, json_t *about)
{
    char version[12];
    snprintf(version, sizeof version, "%d", BP_STATE_FORMAT_VERSION);
    json_t *metadata =
        json_pack("{s:s, s:s, s:s}", "format", FORMAT, "format_version", version, "kernel", bp_kernel_name());
    if (metadata && about && json_object_update(metadata, about) != 0) {
        json_decref(metadata);
        return NULL;
    }
    if (metadata && note && json_object_set_new(metadata, "note", json_string(note)) != 0) {
        json_decref(metadata);
        return NULL;
    }
    return metadata;
}

/* The parts, then the checksum. */
static bp_tensor *list_tensors(const bp_state *s, const bp_allocator *a)
{
    bp_tensor *t = bp_alloc(a, s->count + 1, sizeof *t);
    for (size_t i = 0; t && i < s->count; i++) {
        t[i] = (bp_tensor){.name = s->part[i].name, .type = s->part[i].type, .shape = bp_shape1(s->part[i].count)};
    }
    if (t) {
        t[s->count] = (bp_tensor){.name = CHECKSUM, .type = BP_U8, .shape = bp_shape1(CHECKSUM_BYTES)};
    }
    return t;
}

/* Numbers go out as they are, in blocks, which are turned around where the machine is big-endian. */
static bp_status write_part(bp_writer *w, const bp_state_part *p)
{
    enum { BLOCK = 8192 }; /* bytes */
    unsigned char block[BLOCK];
    size_t size = bp_type_size(p->type), left = p->count * size;
    const unsigned char *from = p->data;
    bp_status status = BP_OK;
    if (bp_host_is_little()) {
        return bp_writer_write(w, from, left);
    }
    for (; left > 0 && status == BP_OK; from += BLOCK) {
        size_t bytes = left < BLOCK ? left : BLOCK;
        memcpy(block, from, bytes);
        bp_swap_bytes(block, bytes / size, size);
        status = bp_writer_write(w, block, bytes);
        left -= bytes;
    }
    return status;
}

static void hash_bytes(unsigned char out[CHECKSUM_BYTES], uint64_t hash)
{
    for (int i = 0; i < CHECKSUM_BYTES; i++) {
        out[i] = (unsigned char)(hash >> 8 * i);
    }
}

static bp_status write_parts(bp_writer *w, const bp_state *s)
{
    unsigned char sum[CHECKSUM_BYTES];
    bp_status status = BP_OK;
    for (size_t i = 0; i < s->count && status == BP_OK; i++) {
        status = write_part(w, &s->part[i]);
    }
    hash_bytes(sum, bp_writer_hash(w));
    return status == BP_OK ? bp_writer_write(w, sum, sizeof sum) : status;
}

static bp_status write_file(const bp_state *s, json_t *metadata, const char *path, const bp_allocator *a)
{
    bp_tensor *tensor = list_tensors(s, a);
    if (!tensor) {
        return BP_ERR_MEMORY;
    }
    bp_writer *w;
    bp_status status = bp_safetensors_create(&w, path, metadata, tensor, s->count + 1, a);
    bp_release(a, tensor);
    if (status != BP_OK) {
        return status;
    }
    status = write_parts(w, s);
    if (status != BP_OK) {
        bp_writer_abandon(w);
        return status;
    }
    return bp_writer_commit(w);
}

static bp_status check_parts(const bp_state *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++) {
        const bp_state_part *p = &s->part[i];
        bool named = p->name && *p->name && strcmp(p->name, CHECKSUM) != 0 && strcmp(p->name, "__metadata__") != 0;
        if (!named || (p->type != BP_F32 && p->type != BP_F64) || bp_state_find(s, p->name) != p) {
            return bp_fail(BP_ERR_ARGUMENT,
                           "writing %s: part %zu of the state, \"%s\", needs a name of its own, other than \"" CHECKSUM
                           "\", and type f32 or f64",
                           path, i, p->name ? p->name : "");
        }
    }
    return BP_OK;
}

bp_status bp_state_write(const bp_state *s, const char *note, json_t *about, const char *path,
                         const bp_allocator *allocator)
{
    bp_allocator a = bp_allocator_or_default(allocator);
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "saving a state: no path was given");
    }
    bp_status status = check_parts(s, path);
    if (status != BP_OK) {
        return status;
    }
    json_t *metadata = describe(note, about);
    status = metadata ? write_file(s, metadata, path, &a)
                      : bp_fail(BP_ERR_DATA, "writing %s: the note is no valid UTF-8, or memory is out", path);
    json_decref(metadata);
    return status;
}

bp_status bp_state_save(const bp_state *s, const char *note, const char *path)
{
    return bp_state_write(s, note, NULL, path, NULL);
}

/* ---- Reading: the checksum --------------------------------------------------------------------------------------- */

static bp_status hash_file(uint64_t *out, bp_reader *r, size_t bytes)
{
    enum { BLOCK = 8192 };
    unsigned char block[BLOCK];
    bp_hash h = bp_hash_new();
    bp_status status = BP_OK;
    for (; bytes > 0 && status == BP_OK;) {
        size_t some = bytes < BLOCK ? bytes : BLOCK;
        status = bp_reader_read(r, block, some, "content");
        bp_hash_add(&h, block, some);
        bytes -= some;
    }
    *out = bp_hash_value(&h);
    return status;
}

static bp_status compare_sums(bp_reader *r, const char *path)
{
    unsigned char found[CHECKSUM_BYTES], expected[CHECKSUM_BYTES];
    uint64_t hash = 0;
    size_t bytes = bp_reader_file_bytes(r);
    if (bytes <= CHECKSUM_BYTES) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: %zu bytes are no state of a run: it is cut short", path, bytes);
    }
    bp_status status = hash_file(&hash, r, bytes - CHECKSUM_BYTES);
    hash_bytes(expected, hash);
    status = status == BP_OK ? bp_reader_read(r, found, sizeof found, CHECKSUM) : status;
    if (status == BP_OK && memcmp(found, expected, sizeof found) != 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the checksum is wrong: the file is damaged, or no state of a run",
                       path);
    }
    return status;
}

static bp_status check_sum(const char *path, const bp_allocator *a)
{
    bp_reader *r;
    bp_status status = bp_reader_open(&r, path, false, a);
    if (status == BP_OK) {
        status = compare_sums(r, path);
        bp_reader_close(r);
    }
    return status;
}

/* ---- Reading: the parts ------------------------------------------------------------------------------------------ */

typedef struct loaded {
    bp_saved_state saved;
    bp_allocator allocator;
    bp_safetensors file; /* its header, for names and metadata; the file itself is closed */
    char *path;
    bp_state_part *part;
    char *numbers;
} loaded;

static bp_status check_format(const bp_safetensors *f)
{
    const char *format = bp_safetensors_metadata(f, "format"), *text = bp_safetensors_metadata(f, "format_version");
    size_t version;
    if (!format || strcmp(format, FORMAT) != 0) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: no state of a run: its metadata do not say \"format\": \"" FORMAT "\"", f->path);
    }
    if (!text || !bp_parse_size(&version, text) || version == 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: \"format_version\" in the metadata is missing or no number",
                       f->path);
    }
    return version <= BP_STATE_FORMAT_VERSION
               ? BP_OK
               : bp_fail(BP_ERR_UNSUPPORTED,
                         "reading %s: version %zu of the format, written by a newer version of the library; this one "
                         "(%s) knows versions up to %d: update it",
                         f->path, version, bp_version(), BP_STATE_FORMAT_VERSION);
}

/* The last tensor is the checksum, the others are lists of numbers. */
static bp_status check_tensors(const bp_safetensors *f)
{
    const bp_tensor *last = f->count > 0 ? &f->tensor[f->count - 1] : NULL;
    if (!last || strcmp(last->name, CHECKSUM) != 0 || last->type != BP_U8 || last->bytes != CHECKSUM_BYTES) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the last tensor is not \"" CHECKSUM "\", 8 bytes of type U8",
                       f->path);
    }
    for (const bp_tensor *t = f->tensor; t < last; t++) {
        if ((t->type != BP_F32 && t->type != BP_F64) || t->shape.dims != 1) {
            return bp_fail(BP_ERR_FORMAT,
                           "reading %s: \"%.100s\" is of type %.20s, %d dimensions; expected F32 or F64, 1", f->path,
                           t->name, t->dtype, t->shape.dims);
        }
    }
    return BP_OK;
}

/* All numbers in one block, each part aligned. */
static bp_status make_parts(loaded *l)
{
    size_t bytes = 0, count = l->file.count - 1;
    for (size_t i = 0; i < count; i++) {
        bytes += bp_round_up(l->file.tensor[i].bytes, BP_ALIGN);
    }
    l->part = bp_alloc(&l->allocator, count, sizeof *l->part);
    l->numbers = bp_alloc(&l->allocator, bytes, 1);
    if (!l->part || !l->numbers) {
        return BP_ERR_MEMORY;
    }
    char *at = l->numbers;
    for (size_t i = 0; i < count; i++) {
        const bp_tensor *t = &l->file.tensor[i];
        l->part[i] = (bp_state_part){t->name, t->type, t->shape.dim[0], at};
        at += bp_round_up(t->bytes, BP_ALIGN);
    }
    l->saved.state = (bp_state){.count = count, .part = l->part};
    return BP_OK;
}

static bp_status read_parts(loaded *l)
{
    bp_safetensors *f = &l->file;
    bp_status status = check_format(f);
    status = status == BP_OK ? check_tensors(f) : status;
    status = status == BP_OK ? make_parts(l) : status;
    for (size_t i = 0; status == BP_OK && i < l->saved.state.count; i++) {
        status = bp_safetensors_read_next(f, l->part[i].data);
    }
    return status;
}

static bp_status load(loaded *l, const char *path)
{
    if (!(l->path = bp_strdup(&l->allocator, path))) {
        return BP_ERR_MEMORY;
    }
    bp_status status = check_sum(path, &l->allocator);
    status = status == BP_OK ? bp_safetensors_open(&l->file, l->path, &l->allocator) : status;
    status = status == BP_OK ? read_parts(l) : status;
    bp_reader_close(l->file.reader);
    l->file.reader = NULL;
    const char *note = status == BP_OK ? bp_safetensors_metadata(&l->file, "note") : NULL;
    l->saved.path = l->path;
    l->saved.note = note ? note : "";
    l->saved.kernel = status == BP_OK ? bp_safetensors_metadata(&l->file, "kernel") : NULL;
    l->saved.owned = l;
    return status;
}

bp_status bp_state_load(bp_saved_state **out, const char *path, const bp_allocator *allocator)
{
    bp_allocator a = bp_allocator_or_default(allocator);
    loaded *l = bp_alloc(&a, 1, sizeof *l);
    *out = NULL;
    if (!l) {
        return BP_ERR_MEMORY;
    }
    l->allocator = a;
    bp_status status = load(l, path);
    if (status != BP_OK) {
        l->saved.owned = l;
        bp_saved_state_free(&l->saved);
        return status;
    }
    *out = &l->saved;
    return BP_OK;
}

void bp_saved_state_free(bp_saved_state *s)
{
    if (s) {
        loaded *l = s->owned;
        bp_allocator a = l->allocator;
        if (l->file.header) {
            bp_safetensors_close(&l->file);
        }
        bp_release(&a, l->part);
        bp_release(&a, l->numbers);
        bp_release(&a, l->path);
        bp_release(&a, l);
    }
}

const char *bp_state_metadata(const bp_saved_state *s, const char *key)
{
    const loaded *l = s->owned;
    return bp_safetensors_metadata(&l->file, key);
}
