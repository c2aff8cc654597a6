/* distribution.h - what is known of one column of numbers: its distinct values and how much each of them weighs. Every
 * statistic is a function of these, so that a row of weight 2 and the same row twice give the same bits, in any order of
 * the rows. */
#ifndef BP_DISTRIBUTION_H
#define BP_DISTRIBUTION_H

#include "data/pool.h"

typedef struct bp_weighted {
    double value, weight;
} bp_weighted;

typedef struct bp_distribution {
    size_t count;      /* distinct values */
    bp_weighted *item; /* ascending */
    double total;      /* weight of all of them; that of missing values is not in it */
    double missing;    /* weight of the missing values */
} bp_distribution;

/* Sorts item[0 .. count) and merges equal values; scratch: count items. NaN is not allowed. */
void bp_distribution_sort(bp_distribution *d, bp_weighted *scratch);

double bp_distribution_mean(const bp_distribution *d);
/* Square root of the mean square of the distance from `center`. */
double bp_distribution_deviation(const bp_distribution *d, double center);
/* Mean of the distance from `center`. */
double bp_distribution_spread(const bp_distribution *d, double center);
/* The smallest value that at least the share q of the weight does not exceed; the middle between it and the next where
 * the share is met exactly. */
double bp_distribution_quantile(const bp_distribution *d, double q);
/* Whether all values are whole numbers below 2^53. */
bool bp_distribution_is_whole(const bp_distribution *d);

/* The quantile function of the normal distribution: its x with Phi(x) = p, 0 < p < 1. */
double bp_normal_quantile(double p);

#endif
