/* predict.h - measuring a model on data, again and again, with one workspace. */
#ifndef BP_PREDICT_H
#define BP_PREDICT_H

#include "nn/batch.h"

/* What the caller gets for a row of the outputs y of the network: outputs numbers of m's type - both probabilities where one
 * unit stands for two classes, numbers in the units of the targets. */
void bp_model_answer(const bp_model *m, void *out, const void *y);

typedef struct bp_measure {
    const bp_model *m;
    const bp_data *data;
    bp_session *s;
    bp_batch batch;
    uint8_t *right;
    const char *y; /* outputs of the network, in the session */
    size_t y_ld;
} bp_measure;

/* Called after each stretch of rows, their values still in the session. */
typedef void (*bp_measure_rows)(void *ctx, const bp_measure *e, size_t first, size_t rows);

/* The data has been checked. bp_measure_free also after a failure. */
bp_status bp_measure_new(bp_measure *out, const bp_model *m, const bp_data *data, int threads);
void bp_measure_free(bp_measure *e);
/* Mean loss, and share of right classes (NaN for numbers). each may be NULL. */
void bp_measure_run(bp_measure *e, double *loss, double *accuracy, bp_measure_rows each, void *ctx);

#endif
