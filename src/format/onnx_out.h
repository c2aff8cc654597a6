/* onnx_out.h - what the two files that write models as ONNX share: onnx_save.c (networks) and onnx_table.c (tables). */
#ifndef BP_ONNX_OUT_H
#define BP_ONNX_OUT_H

#include "format/model_slots.h"
#include "format/onnx_graph.h"

typedef struct bp_onnx_out {
    bp_onnx_graph *g;
    const bp_model *m;
    bp_slots slots;
    int element; /* of the network: BP_ONNX_FLOAT or BP_ONNX_DOUBLE */
    bool named;  /* classes are answered by name: models of tables */
} bp_onnx_out;

/* Inputs for the columns of the model's preparation; *x: the inputs of the network, [N, inputs] of type `element`. */
bp_status bp_onnx_table(bp_onnx_out *s, const char **x);

#endif
