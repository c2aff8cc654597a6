/* model_slots.h - the parameters of a model as tensors of a file: what each is called and how it lies there. */
#ifndef BP_MODEL_SLOTS_H
#define BP_MODEL_SLOTS_H

#include "format/safetensors.h"

/* The newest version of the format; files with a larger one are refused. A file says the lowest that has what is in it. */
enum { BP_FORMAT_VERSION = 2, BP_FORMAT_OUTPUT_SCALING = 2 };

/* Everything about a model but its weights, as texts under keys: docs/formats.md, "Metadata". */
bp_status bp_model_metadata(json_t *metadata, const bp_model *m);

/* A parameter and its tensor. */
typedef struct bp_slot {
    bp_node *node;
    bp_tensor tensor; /* shape as in the file: weights are [out, in], in the model [in, out] */
} bp_slot;

typedef struct bp_slots {
    bp_allocator allocator;
    size_t count;
    bp_slot *slot;
} bp_slots;

/* The parameters of a model in the order of its layers. They already have the names of torch.nn.Sequential. Release also
 * after a failure. */
bp_status bp_slots_list(bp_slots *s, const bp_model *m, const bp_allocator *allocator);
void bp_slots_release(bp_slots *s);
const bp_slot *bp_slots_find(const bp_slots *s, const char *name); /* or NULL */
/* Room for the largest tensor; NULL with the text set when there is none. */
void *bp_slots_scratch(const bp_slots *s);
/* The parameter's values into the layout of the file, and back. */
void bp_slot_to_file(void *file, const bp_slot *s);
void bp_slot_from_file(const bp_slot *s, const void *file);
/* Whether n = bp_node_size(s->node) values of its type are all finite. */
bool bp_slot_finite(const bp_slot *s, const void *values);

#endif
