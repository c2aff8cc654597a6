/* residuals.h - the rows that a model of numbers gets most wrong. */
#ifndef CLI_RESIDUALS_H
#define CLI_RESIDUALS_H

#include "output.h"
#include "terminal.h"

typedef struct residual_source {
    const bp_model *model;
    const bp_data *data; /* numbers */
    const bp_preparation *preparation;
    const uint32_t *row; /* of the table, for each row of data */
    int threads;
    const char *of; /* " among the rows trained on", or "" */
} residual_source;

/* A small table of them, and the same as JSON: row (from 1), target, truth, prediction. Where they cannot be computed for
 * want of memory there are none. */
void residuals_report(const terminal *t, const residual_source *s);
json_t *residuals_json(const residual_source *s);

#endif
