/* node.h - making nodes: what graph.c offers to build.c, and conversions between the graph's type and double. */
#ifndef BP_NODE_H
#define BP_NODE_H

#include "graph/graph.h"

/* Adds a copy of `like` to the graph, under a name (NULL: "op:number"). NULL on failure, which the graph keeps. */
bp_node *bp_node_add(bp_graph *g, const bp_node *like, const char *name);
/* Keeps the last failure of the thread as the graph's first failure; returns NULL. */
void *bp_graph_failed(bp_graph *g);
/* *size = number of elements; false, with the text set, for a shape that makes no sense. */
bool bp_shape_size(size_t *size, bp_shape shape);
/* "3", "3x4" ... into text. */
const char *bp_shape_text(char text[96], bp_shape shape);

/* The op of an activation, and the value of its parameter (slope, alpha). */
const bp_op *bp_activation_op(bp_activation a);
double bp_activation_parameter(bp_activation a);

/* Conversions between the graph's type and double, n elements. */
void bp_narrow(void *out, bp_type type, const double *in, size_t n);
void bp_widen(double *out, const void *in, bp_type type, size_t n);

#endif
