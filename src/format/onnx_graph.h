/* onnx_graph.h - writing ONNX: a graph that grows node by node, and its file. Knows messages and names, no networks.
 *
 * Values are known by their names. Builders return the name of the new value, or NULL once something has failed, and accept
 * NULL; g->status has the first failure. Everything lives in the pool of the graph. */
#ifndef BP_ONNX_GRAPH_H
#define BP_ONNX_GRAPH_H

#include <jansson.h>
#include <onnx_subset.pb-c.h>

#include "data/pool.h"

/* Operators as in version 13 of the operator set, and version 2 of ai.onnx.ml, in a file of version 7: all of ONNX Runtime
 * since 1.6 (2020) reads that. */
enum { BP_ONNX_IR = 7, BP_ONNX_OPSET = 13, BP_ONNX_ML_OPSET = 2 };

/* Element types (onnx.proto, TensorProto.DataType). */
enum {
    BP_ONNX_FLOAT = 1,
    BP_ONNX_UINT8 = 2,
    BP_ONNX_INT8 = 3,
    BP_ONNX_INT16 = 5,
    BP_ONNX_INT32 = 6,
    BP_ONNX_INT64 = 7,
    BP_ONNX_STRING = 8,
    BP_ONNX_BOOL = 9,
    BP_ONNX_DOUBLE = 11
};

/* Kinds of attributes (onnx.proto, AttributeProto.AttributeType). */
enum { BP_ONNX_A_FLOAT = 1, BP_ONNX_A_INT = 2, BP_ONNX_A_FLOATS = 6, BP_ONNX_A_INTS = 7, BP_ONNX_A_STRINGS = 8 };

/* A growing list of pointers. */
typedef struct bp_onnx_list {
    void **item;
    size_t count, room;
} bp_onnx_list;

typedef struct bp_onnx_graph {
    bp_pool pool;
    bp_status status;
    bp_onnx_list node, initializer, input, output;
    BpOnnx__Node *last; /* the node that attributes go to */
    size_t numbered;    /* names that were made up */
    bool ml;            /* an operator of ai.onnx.ml is in use */
} bp_onnx_graph;

void bp_onnx_graph_start(bp_onnx_graph *g, const bp_allocator *allocator);
void bp_onnx_graph_free(bp_onnx_graph *g);

/* An input of shape [N, columns]; returns its name. All inputs come first: names that are made up differ from theirs. */
const char *bp_onnx_input(bp_onnx_graph *g, const char *name, int type, size_t columns);
/* Makes `value` an output of that name and shape, [N] where columns is 0; where an input has the name, a number is put behind
 * it. */
void bp_onnx_output(bp_onnx_graph *g, const char *name, const char *value, int type, size_t columns);

/* A node with up to three inputs. Operators with a colon, "ml:LabelEncoder", are those of ai.onnx.ml. */
const char *bp_onnx_op(bp_onnx_graph *g, const char *op, const char *a, const char *b, const char *c);
/* ... or with any number. */
const char *bp_onnx_node(bp_onnx_graph *g, const char *op, const char *const *inputs, size_t count);
static inline const char *bp_onnx_op1(bp_onnx_graph *g, const char *op, const char *a)
{
    return bp_onnx_op(g, op, a, "", "");
}
static inline const char *bp_onnx_op2(bp_onnx_graph *g, const char *op, const char *a, const char *b)
{
    return bp_onnx_op(g, op, a, b, "");
}
/* Attributes of the last node. */
void bp_onnx_int(bp_onnx_graph *g, const char *name, int64_t value);
void bp_onnx_float(bp_onnx_graph *g, const char *name, float value);
void bp_onnx_ints(bp_onnx_graph *g, const char *name, const int64_t *value, size_t count);
void bp_onnx_floats(bp_onnx_graph *g, const char *name, const float *value, size_t count);
void bp_onnx_strings(bp_onnx_graph *g, const char *name, const char *const *value, size_t count);

/* Constants: doubles stored as `type` (float, double or int64) under a name that is made up (name NULL) or given; shape [] for
 * rank 0, [a] for 1, [a, b] for 2. */
const char *bp_onnx_array(bp_onnx_graph *g, int type, const double *value, int rank, size_t a, size_t b);
const char *bp_onnx_scalar(bp_onnx_graph *g, int type, double value);
/* Elements of `type`, float or double, as they lie in memory. The bytes are turned around where the machine is big-endian. */
const char *bp_onnx_raw(bp_onnx_graph *g, const char *name, int type, void *data, int rank, const size_t *dim);
const char *bp_onnx_cast(bp_onnx_graph *g, const char *value, int type);

/* Writes the file; metadata: an object of texts. */
bp_status bp_onnx_graph_write(bp_onnx_graph *g, const char *path, const json_t *metadata);

#endif
