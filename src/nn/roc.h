/* roc.h - the area under the ROC curve. */
#ifndef BP_ROC_H
#define BP_ROC_H

#include <stdint.h>

#include "backprop/backprop.h"

/* A row on its way into order. */
typedef struct bp_ranked {
    uint64_t key; /* in the order of the scores */
    uint32_t row;
} bp_ranked;

/* The probability that a positive row has a higher score than a negative one, equal scores counting one half (Mann and
 * Whitney, Annals of Mathematical Statistics 18, 1947; Fawcett, Pattern Recognition Letters 27, 2006). weight: a row each, or
 * NULL. work: 2 x rows. NaN where one kind has no weight, or where a score is NaN. */
double bp_roc_area(const double *score, const uint8_t *positive, const float *weight, size_t rows, bp_ranked *work);

#endif
