/* safetensors.h - the container: named tensors behind a JSON header (huggingface.co/docs/safetensors).
 *
 *   8 bytes       n, the length of the header, little-endian
 *   n bytes       JSON: {"__metadata__": {key: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
 *   the rest      the tensors, little-endian, row-major, one after the other without gaps
 *
 * Here is what every such file must obey; what ours mean by it is the business of model_save.c, model_load.c and state_file.c. */
#ifndef BP_SAFETENSORS_H
#define BP_SAFETENSORS_H

#include <jansson.h>

#include "base/base.h"
#include "data/file.h"

typedef struct bp_tensor {
    const char *name;
    bp_type type; /* BP_TYPES: one that this library does not have, see dtype */
    const char *dtype;
    bp_shape shape;
    size_t begin, bytes; /* in the data behind the header */
} bp_tensor;

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

typedef struct bp_safetensors {
    bp_allocator allocator;
    const char *path; /* the caller's */
    bp_reader *reader;
    json_t *header;
    size_t count;
    bp_tensor *tensor; /* in the order of the file */
    size_t next;
} bp_safetensors;

/* Reads the header and checks all of it against the length of the file. Close it also after a failure. */
bp_status bp_safetensors_open(bp_safetensors *s, const char *path, const bp_allocator *allocator);
void bp_safetensors_close(bp_safetensors *s);
/* An entry of "__metadata__", or NULL. */
const char *bp_safetensors_metadata(const bp_safetensors *s, const char *key);
/* The index of a tensor, or `count`. */
size_t bp_safetensors_find(const bp_safetensors *s, const char *name);
/* Reads the tensor s->next and moves on; out has its bytes, and gets its elements in the machine's byte order. */
bp_status bp_safetensors_read_next(bp_safetensors *s, void *out);

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* Starts a file: the header for `count` tensors of type, name and shape as given, and metadata (an object of strings).
 * The tensors follow by bp_safetensors_write in the same order; then bp_writer_commit. */
bp_status bp_safetensors_create(bp_writer **out, const char *path, json_t *metadata, const bp_tensor *tensor,
                                size_t count, const bp_allocator *allocator);
/* data, in the machine's byte order, is turned around where the machine is big-endian, and not restored. */
bp_status bp_safetensors_write(bp_writer *w, const bp_tensor *t, void *data);

/* Elements of a shape; false when that overflows. */
bool bp_shape_count(size_t *out, const bp_shape *shape);

#endif
