/* state_file.h - the state of a run as a file: a safetensors file whose last tensor is a checksum of everything before it.
 * docs/formats.md is the specification. */
#ifndef BP_STATE_FILE_H
#define BP_STATE_FILE_H

#include <jansson.h>

#include "backprop/io.h"

/* The newest version of the format; files with a larger one are refused. */
enum { BP_STATE_FORMAT_VERSION = 1 };

/* As bp_state_save; `about` is put into the metadata: an object of texts, or NULL. */
bp_status bp_state_write(const bp_state *s, const char *note, json_t *about, const char *path,
                         const bp_allocator *allocator);
/* An entry of the metadata of a loaded state, or NULL. */
const char *bp_state_metadata(const bp_saved_state *s, const char *key);

#endif
