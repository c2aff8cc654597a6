/* train.h - the inside of the trainer. What makes an epoch differs: many steps on mini-batches, or one on all rows; that
 * is the stepper's business. Everything around it - watching, best weights, early stopping, callbacks, divergence - is the
 * trainer's. */
#ifndef BP_TRAIN_H
#define BP_TRAIN_H

#include "nn/optimizer.h"
#include "nn/predict.h"

typedef struct bp_trainer bp_trainer;

typedef struct bp_stepper {
    /* Makes t->s and t->batch and what else steps need, t->per_epoch being set; tear_down also after a failure. */
    bp_status (*set_up)(bp_trainer *t);
    /* One epoch, or what is left of it: trains, fills in loss_sum, done, rows_done and lr, and calls bp_trainer_stepped
     * after every step. */
    bp_status (*epoch)(bp_trainer *t);
    void (*tear_down)(bp_trainer *t);
    size_t (*steps)(const bp_train_options *o, const bp_data *data); /* of an epoch */
    /* What it keeps from one step to the next, the parameters excepted. */
    void (*list)(bp_trainer *t, bp_state_list *s);
} bp_stepper;

extern const bp_stepper bp_mini_batches, bp_full_batch;

struct bp_trainer {
    bp_model *m;
    const bp_data *data;
    const bp_train_options *o;
    const bp_stepper *stepper;
    void *own; /* the stepper's */
    bp_session *s;
    bp_batch batch;
    uint8_t *right; /* of the batch */
    bp_measure valid, test;
    char *good, *best; /* weights of the last epoch whose numbers were finite; of the best watched loss */
    double plateau_factor, plateau_best;
    size_t plateau_wait;
    size_t epoch, step, per_epoch, total; /* epochs begun, steps done, steps of an epoch, steps planned */
    double loss_sum;                      /* over the rows of this epoch so far */
    bp_tally done;                        /* the same rows, and those that were right, by weight */
    size_t rows_done;
    double lr;                            /* of the last step */
    double start, seconds, train_seconds; /* seconds: those since the start of the run, when its state was shown */
    size_t samples, evaluations;          /* rows and batches computed since the start */
    double best_loss;
    size_t best_epoch;
    bool within; /* an epoch that has begun and not ended */
    bool stop, stopped_early, stopped_by_callback, converged;
    bp_progress last, best_progress;
    bp_state_list state; /* of the run; empty where nobody asks for it */
};

/* After a step: tells the caller, and shows the state unless the epoch is over, which has an end to come. */
void bp_trainer_stepped(bp_trainer *t);
/* The loss, or something behind it, is not finite: puts good weights back and fails with what is known. */
bp_status bp_trainer_diverged(bp_trainer *t, double loss);
/* A session of t's model on the loss, for `rows` rows at once, and the batch that fills it. */
bp_status bp_trainer_session(bp_trainer *t, size_t rows, bool stream_updates);

#endif
