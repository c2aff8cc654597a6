/* train.h - the state of one `backprop train`, shared by the work (train.c) and the talk (train_report.c). */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "defaults.h"
#include "output.h"
#include "progress.h"
#include "report.h"

typedef struct training {
    const options *o;
    const char *what; /* the data, as it was named */
    bool quiet;
    bp_dataset *set, *test_set, *valid_set, *rest_set;
    bp_data train, valid, test; /* rows = 0: absent */
    recipe recipe;
    bp_model *model;
    bp_train_options run;
    bool full_batch; /* every step takes all rows */
    const char *schedule_text;
    bp_train_result result;
    progress progress;
    bool diverged;
    size_t epochs_done;
    const bp_data *measured; /* what the final evaluation was made on */
    const char *measured_name;
    bp_evaluation *measure, *valid_measure;
    char default_out[sizeof((bp_dataset *)0)->name + 16];
    const char *out;
    FILE *log;
    exit_code code; /* of a run that ended early */
} training;

/* Data, network and plan, on stderr. */
void train_introduction(const training *t, size_t epochs);
/* Keeps in the model where it came from: nothing that depends on time, threads or machine. */
bp_status train_notes(training *t);
/* The result, on stdout. */
void train_report(const training *t);

#endif
