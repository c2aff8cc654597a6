/* metadata.h - the texts that describe a model, wherever they stand: in a model file or in an ONNX graph. */
#ifndef BP_METADATA_H
#define BP_METADATA_H

#include <jansson.h>

#include "backprop/io.h"
#include "base/base.h"

typedef struct bp_metadata {
    const char *path; /* of the file, for messages */
    const json_t *object;
    const bp_allocator *allocator;
} bp_metadata;

/* What the model was made of. The texts belong to the object. */
bp_status bp_metadata_options(bp_model_options *o, const bp_metadata *f);
/* Scalings, preparation, class names and notes, into a model that was made with these options. */
bp_status bp_metadata_apply(bp_model *m, const bp_metadata *f);

#endif
