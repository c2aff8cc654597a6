/* batch.h - from a data set to the inputs of a session: gather, convert, scale. */
#ifndef BP_BATCH_H
#define BP_BATCH_H

#include "nn/model.h"

/* Row r of a batch is row order[first + r] of the data (order NULL: first + r). bp_batch_load fills a session's x, and its
 * target if it has one; it is a load hook of the executor, called for different rows from different threads. */
typedef struct bp_batch {
    const bp_model *m;
    const bp_data *data;
    const uint32_t *order;
    size_t first;
    char *x, *target, *score; /* of the session; target NULL: not computed */
    size_t x_ld, target_ld, score_ld;
    bp_decision decision;
    uint8_t *right;     /* one a row: bp_batch_observe's verdict; NULL: not wanted */
    double *weights;    /* of the session, a row each; NULL: all 1 */
    double mean_weight; /* of all rows of the data */
} bp_batch;

/* Binds a batch to a session of m's graph. with_target: the session computes the loss. */
bp_status bp_batch_bind(bp_batch *b, bp_session *s, const bp_model *m, const bp_data *data, bool with_target);
void bp_batch_load(void *batch, size_t row, size_t rows);
/* right[row] = whether the class said is the true one. */
void bp_batch_observe(void *batch, size_t row, size_t rows);

/* What the first rows of a batch that has run count together, as numbers of rows of mean weight. */
typedef struct bp_tally {
    double rows, right; /* right: those whose class was said; 0 where that was not observed */
} bp_tally;
bp_tally bp_batch_tally(const bp_batch *b, size_t rows);

/* Whether the data fits the model: sizes, labels in range, finite numbers. Reads all of it. */
bp_status bp_data_check(const bp_data *d, const bp_model *m);

#endif
