/* measures.h - what is told about a model: the measures of an evaluation under their names, one table for text and JSON. */
#ifndef CLI_MEASURES_H
#define CLI_MEASURES_H

#include "output.h"
#include "terminal.h"

typedef enum measure_form {
    MEASURE_PERCENT, /* a share */
    MEASURE_PLAIN,   /* a number near 1 */
    MEASURE_UNIT     /* in the unit of the target */
} measure_form;

typedef struct measure {
    const char *key;  /* in JSON: "balanced_accuracy" */
    const char *text; /* for people: "balanced accuracy" */
    size_t offset;    /* in bp_evaluation, of a double */
    unsigned kinds;   /* of targets that have it */
    measure_form form;
    bool higher;  /* is better */
    bool summary; /* told by report_summary */
} measure;

/* Mean and standard deviation (n - 1) of a measure. */
typedef struct spread {
    double mean, deviation;
} spread;

/* Row `index` of those that an evaluation has, the one that decides first; key is NULL past the last. The loss, which is
 * another for each model, is none of them. */
measure measure_at(const bp_evaluation *e, size_t index);
double measure_value(const measure *m, const bp_evaluation *e);
/* out: NUMBER_SIZE bytes. */
const char *measure_text(char *out, const measure *m, double value);
/* "0.9665 +-0.0335", both with the decimals that the mean has. out: SPREAD_SIZE bytes. */
#define SPREAD_SIZE (2 * NUMBER_SIZE + 4)
const char *spread_text(char *out, const measure *m, spread s);
/* Whether a is better than b: by the first measure in which they differ. balanced: by the balanced accuracy first. */
bool measure_better(const bp_evaluation *a, const bp_evaluation *b, bool balanced);

/* Adds the loss and all measures, "test_loss" with the prefix "test_"; keys that are there already stay. */
void measures_json(json_t *object, const char *prefix, const bp_evaluation *e);

/* Over several evaluations. */
spread measure_spread(const measure *m, const bp_evaluation *const *e, size_t count);

#endif
