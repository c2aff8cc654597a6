/* model.h - the inside of a model, for the other files of this room. */
#ifndef BP_MODEL_H
#define BP_MODEL_H

#include "nn/net.h"

/* Of inputs: x' = (x - mean) * scale, count 0 (none), 1 (one for all) or inputs; of outputs: y' = y * scale + mean. */
typedef struct bp_scaling {
    size_t count;
    double *mean, *scale;
} bp_scaling;

typedef struct bp_note {
    char *key, *value;
} bp_note;

struct bp_model {
    bp_allocator allocator;
    bp_model_options options; /* resolved; its strings are those below, or from tables */
    char *net_text, *init_text;
    bp_activation output;
    bp_loss loss;
    size_t units;
    bp_net net; /* hidden layers */
    bp_layer_info *layers;
    size_t layer_count;
    bp_graph *graph;
    bp_node *x, *target, *score, *y, *loss_node;
    bp_scaling scaling, output_scaling;
    char *preparation; /* text, or NULL */
    char **classes;    /* outputs names, or NULL */
    bp_note *notes;
    size_t note_count;
};

/* What is in model_extras.c: of a model that is freed; into a fresh model. */
void bp_model_free_extras(bp_model *m);
bp_status bp_model_copy_extras(bp_model *to, const bp_model *from);

/* What the targets of the classes look like at the output units, and where the border between two lies. score is the
 * node whose largest element is the class: logits where the loss works on those, else the outputs. */
typedef struct bp_decision {
    double low, high; /* target of the wrong and the right class */
    double threshold; /* of the score, for one unit: above is class 1 */
} bp_decision;
bp_decision bp_model_decision(const bp_model *m);

/* The class that a row of scores (of m's type) says. */
size_t bp_model_decide(const bp_model *m, const void *row, double threshold);

#endif
