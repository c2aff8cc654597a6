/* net.h - the description of a network: layers from text, layers to nodes. */
#ifndef BP_NET_H
#define BP_NET_H

#include "graph/graph.h"

typedef enum bp_layer_id { BP_LAYER_DENSE, BP_LAYER_DROPOUT, BP_LAYERS } bp_layer_id;

typedef struct bp_layer {
    bp_layer_id id;
    size_t units;
    bp_activation f;
    double rate;
} bp_layer;

typedef struct bp_net {
    bp_allocator allocator;
    bp_layer *layers;
    size_t count;
} bp_net;

/* Layers of a network. Far more than any is made of: names are looked up one by one, so that a small file that claims a hundred
 * thousand layers would take minutes to refuse. */
enum { BP_NET_MOST = 4096 };

/* Parses "dense 512 relu, dropout 0.2"; errors name the layer and what was expected. Frees nothing on success: bp_net_free. */
bp_status bp_net_parse(bp_net *out, const char *text, const bp_allocator *allocator);
void bp_net_free(bp_net *net);
/* "dense 512 relu" into text. */
void bp_layer_print(char text[48], const bp_layer *l);
/* The whole net, as bp_net_parse reads it; NULL without memory. */
char *bp_net_print(const bp_net *net);

/* Where layers are put on: the node so far, and the number the next layer has in torch.nn.Sequential. */
typedef struct bp_net_builder {
    bp_graph *graph;
    bp_node *x;
    size_t number;
    bool unfused;
} bp_net_builder;

/* Adds a layer's nodes; *info tells which. NULL nodes mean that the graph has failed. */
void bp_layer_build(bp_layer_info *info, bp_net_builder *b, const bp_layer *l);

#endif
