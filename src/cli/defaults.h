/* defaults.h - what `backprop train` does when it is told nothing: one recipe for each kind of data. */
#ifndef CLI_DEFAULTS_H
#define CLI_DEFAULTS_H

#include "options.h"

typedef struct recipe {
    const char *name; /* "images" */
    const char *what; /* which data it is for */
    const char *net;
    bp_optimizer_kind optimizer;
    double lr;
    const char *schedule;
    size_t batch, epochs;
    double l2;         /* with its optimizer */
    double penalty[2]; /* of tables: see bp_fit_recipe */
    const char *other_net;
    size_t patience; /* 0: no early stopping */
    double valid;    /* share of the rows watched for it */
    size_t folds;    /* or: cross-validation, and all rows are trained on */
} recipe;

/* Row of the table, data sets first, then tables by size; name is NULL past the last. */
recipe recipe_at(size_t index);
/* The recipe as words for people: "images: --net ..."; out: 640 bytes. */
void recipe_text(char *out, size_t size, const recipe *r);
/* What becomes of a recipe when an option replaces a part of it. */
const char *recipe_note(void);
/* "sgd 0.01, momentum 0.01 ...": the learning rate of each optimizer; out: 320 bytes. */
void learning_rates_text(char *out, size_t size);
/* Steps of an optimizer that takes all rows for each, unless --epochs says otherwise: most have converged before. */
enum { FULL_BATCH_EPOCHS = 200 };
/* The recipe for a data set, and that which the library chose for a table. */
recipe recipe_for(const bp_data *data);
recipe recipe_for_table(const bp_fit_recipe *r);

/* The optimizer and schedule that the options ask for. A recipe's optimizer, learning rate and schedule belong together:
 * when --optimizer names another one, its own learning rate applies; when --optimizer or --lr is given, the schedule is
 * constant unless --schedule says otherwise. */
bp_status optimizer_from_options(bp_optimizer_options *out, bp_schedule *schedule, const char **schedule_text,
                                 const options *o, const recipe *r);

/* Epochs, where --epochs is not given: those of the recipe, or for optimizers that take all rows in a step, more. */
size_t epochs_from_options(const options *o, const recipe *r);

#endif
