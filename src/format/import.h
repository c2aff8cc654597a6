/* import.h - what the readers of other libraries' models share: a network as plain layers, and how it becomes a model.
 *
 * A reader fills in the layers as its file has them, weights as f64, [inputs][units]; everything that a model of ours cannot
 * be is refused in one place, here. */
#ifndef BP_IMPORT_H
#define BP_IMPORT_H

#include "backprop/io.h"
#include "base/base.h"

typedef struct bp_import_layer {
    size_t inputs, units;
    bp_activation f;
    double dropout; /* rate of a dropout behind it; 0: none */
    double *w;      /* inputs x units, row-major */
    double *b;      /* units */
} bp_import_layer;

typedef struct bp_import_net {
    bp_allocator allocator;
    const char *path, *format; /* "FANN" */
    bp_type type;
    size_t count;
    double dropout;         /* rate of a dropout of the inputs; 0: none */
    bp_import_layer *layer; /* the last one is the output layer */
    const char *net;        /* the hidden layers as text; NULL: made from the layers */
    const char *loss;       /* that belongs to the output; NULL: the usual one */
} bp_import_net;

/* Room for layers without weights; bp_import_release also after a failure. */
bp_status bp_import_layers(bp_import_net *n, size_t count);
/* Room for the weights of a layer, zeroed. */
bp_status bp_import_weights(bp_import_net *n, size_t layer, size_t inputs, size_t units);
void bp_import_release(bp_import_net *n);
/* The model. */
bp_status bp_import_build(bp_model **out, const bp_import_net *n, const bp_import_options *options);
/* The task that was asked for; where none was, *task stays as it is. */
bp_status bp_import_task(bp_task *task, const bp_import_options *options);
/* Fails where an option was given that says what the file itself says. */
bp_status bp_import_refuse(const char *path, const char *format, const char *value, const char *option);

/* The readers, rows of the table in import.c: whether a file that begins like this is theirs, and the file as a model. */
bool bp_fann_is(const unsigned char *head, size_t bytes);
bp_status bp_fann_read(bp_model **out, const char *path, const bp_import_options *options);
bool bp_onnx_is(const unsigned char *head, size_t bytes);
bp_status bp_onnx_read(bp_model **out, const char *path, const bp_import_options *options);
bool bp_genann_is(const unsigned char *head, size_t bytes);
bp_status bp_genann_read(bp_model **out, const char *path, const bp_import_options *options);
bool bp_kann_is(const unsigned char *head, size_t bytes);
bp_status bp_kann_read(bp_model **out, const char *path, const bp_import_options *options);
bool bp_torch_is(const unsigned char *head, size_t bytes);
bp_status bp_torch_read(bp_model **out, const char *path, const bp_import_options *options);

#endif
