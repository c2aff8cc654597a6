/* onnx_in.h - reading ONNX: what the files share that turn a graph into a model.
 *
 * A graph is executed in the abstract, node by node. Constants are computed. What depends on the input is a row of numbers that
 * is known as f(z): z is what a stage gives - the input, or an affine map of an earlier stage - and f one function for all
 * elements, known by its values at some points. So a chain of additions, divisions and error functions is recognised as what it
 * computes, however it is written, and no expression has to be kept: hostile graphs cannot make it large. */
#ifndef BP_ONNX_IN_H
#define BP_ONNX_IN_H

#include <onnx_subset.pb-c.h>

#include "backprop/io.h"
#include "data/pool.h"
#include "format/budget.h"

/* MEMORY: bytes that may be allocated for each byte of the file. */
enum { BP_ONNX_DIMS = 6, BP_ONNX_POINTS = 40, BP_ONNX_MEMORY = 64 };

/* A constant. */
typedef struct bp_onnx_tensor {
    int type; /* as in the file */
    int dims;
    size_t dim[BP_ONNX_DIMS], count;
    double *value;                   /* numbers, whatever their type; NULL: texts */
    const ProtobufCBinaryData *text; /* count texts, or NULL */
    bool uniform;                    /* all numbers are the same; at least one */
} bp_onnx_tensor;

/* z = f(z of parent) W alpha * scale + shift. Immutable. */
typedef struct bp_onnx_stage {
    const struct bp_onnx_stage *parent; /* NULL: the input */
    bp_activation act;                  /* f */
    const bp_onnx_tensor *w;            /* [in, out], or [out, in] if transposed; NULL: the identity */
    bool transposed;
    double alpha;
    size_t n;              /* elements of z */
    double *scale, *shift; /* n each; NULL: 1, 0 */
} bp_onnx_stage;

typedef enum bp_onnx_kind {
    BP_ONNX_CONSTANT,
    BP_ONNX_DATA,
    BP_ONNX_LABEL, /* the number or name of the most probable class */
    BP_ONNX_UNKNOWN
} bp_onnx_kind;

typedef struct bp_onnx_value {
    bp_onnx_kind kind;
    const bp_onnx_tensor *tensor; /* constants */
    const bp_onnx_stage *stage;   /* data; labels: what they are the largest of */
    double f[BP_ONNX_POINTS];     /* at bp_onnx_point */
    int dims;                     /* of a row: without the batch */
    size_t dim[BP_ONNX_DIMS], columns;
    bool pair;       /* [1 - p, p], f(z) being p */
    bool log;        /* logarithms of f(z) = softmax */
    const char *why; /* unknown: which node it comes from, and why */
    const char *at;  /* the node that made it, for messages */
} bp_onnx_value;

typedef struct bp_onnx_in {
    const char *path;
    bp_pool pool; /* takes from the budget */
    bp_budget *budget;
    const BpOnnx__Model *model;
    struct bp_onnx_names *names;
    struct bp_onnx_external *externals; /* the last file with weights that was read; each knows the one before */
    const BpOnnx__Node *node;           /* at work */
    bool old_axes;                      /* operators below version 13: axes are attributes */
    /* names of classes, where the graph has them */
    const char **class_name;
    size_t classes;
    bool class_texts; /* they are more than numbers */
} bp_onnx_in;

/* ---- onnx_tensor.c ---- */

/* A tensor of the file, checked, its numbers copied. */
bp_status bp_onnx_tensor_read(const bp_onnx_tensor **out, bp_onnx_in *in, const BpOnnx__Tensor *t);
/* A new one of that type and shape, zero. NULL without memory. */
bp_onnx_tensor *bp_onnx_tensor_new(bp_onnx_in *in, int type, int dims, const size_t *dim);
/* Sets `uniform`, once the values are set. */
void bp_onnx_tensor_finish(bp_onnx_tensor *t);
const BpOnnx__Attribute *bp_onnx_attribute(const BpOnnx__Node *n, const char *name); /* or NULL */
int64_t bp_onnx_int_or(const BpOnnx__Node *n, const char *name, int64_t fallback);
double bp_onnx_float_or(const BpOnnx__Node *n, const char *name, double fallback);

/* ---- onnx_element.c ---- */

double bp_onnx_point(size_t k);
void bp_onnx_identity(bp_onnx_value *v); /* f(z) = z */
/* The stage whose z is f(z) of v: recognises f, makes a stage of it. */
bp_status bp_onnx_commit(const bp_onnx_stage **out, bp_onnx_in *in, const bp_onnx_value *v);
/* A copy of s, z' = z * scale + shift, n numbers each; NULL: 1, 0. */
bp_onnx_stage *bp_onnx_rescale(bp_onnx_in *in, const bp_onnx_stage *s, const double *scale, const double *shift);
/* v * scale + shift for v's elements one by one. */
bp_status bp_onnx_affine(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *v, const double *scale,
                         const double *shift);

/* A kind of operator; false: not one of these. */
typedef bp_status (*bp_onnx_handler)(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a, size_t count);
bp_onnx_handler bp_onnx_element_handler(const char *op); /* or NULL */

/* ---- onnx_ops.c ---- */

bp_onnx_handler bp_onnx_structure_handler(const char *domain, const char *op); /* or NULL */
/* "node "x" (Gemm)": of the node at work. */
const char *bp_onnx_here(const bp_onnx_in *in, char out[160]);

/* ---- onnx_chain.c ---- */

/* The model that computes v, which is data or a label. */
bp_status bp_onnx_build(bp_model **out, bp_onnx_in *in, const bp_onnx_value *v, bool labelled,
                        const bp_import_options *options);

#endif
