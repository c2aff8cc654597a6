/* init.h - initial weights. */
#ifndef BP_INIT_H
#define BP_INIT_H

#include "graph/graph.h"

typedef struct bp_init {
    int kind;
    double value; /* sigma or limit */
    bool given;   /* value was given in the text */
} bp_init;

/* "normal:0.01", "he-uniform", ...; NULL or "auto": by activation. */
bp_status bp_init_parse(bp_init *out, const char *text);
/* Fills a weight matrix {in, out} that feeds activation f: element i is number i of the stream (seed, index). */
void bp_init_fill(bp_node *w, bp_init init, bp_activation f, uint64_t seed, uint32_t index);

#endif
