/* train.h - the state of one `backprop train`, shared by the work (train.c) and the talk (train_report.c). */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "defaults.h"
#include "measures.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "table_options.h"
#include "train_log.h"

/* What training on a table needs besides. */
typedef struct table_training {
    table_request request;
    bp_table *table, *valid_table, *test_table;
    double read_seconds;
    bp_preparation *from; /* of the model that training starts from; NULL: none */
    bp_split split;       /* a share of the rows held back as test: part */
    bp_fit *fit;
    bp_folds *folds;
    size_t fold_count, folds_done; /* of them, or, comparing penalties, of each */
    bool comparing;
    bp_search *search;               /* NULL: none */
    bool search_interrupted;         /* by Ctrl-C, and the best so far is trained */
    char schedule[BP_SCHEDULE_TEXT]; /* of the best setting */
    bp_dataset *measured_set;        /* the rows that the result was measured on, */
    bp_data measured_data;
    uint32_t *measured_row; /* which of their table they are, */
    bp_prepare_report measured_report;
    bp_evaluation *linear, *trivial; /* on the same rows */
} table_training;

typedef struct training {
    const options *o;
    const char *what; /* the data, as it was named */
    char name[64];    /* and in short */
    bool is_table;
    table_training tables;
    bool quiet;
    bp_dataset *set, *test_set, *valid_set, *rest_set;
    bp_data train, valid, test; /* rows = 0: absent */
    recipe recipe;
    bp_model *from; /* NULL: it starts from nothing */
    bool new_head;  /* of it all layers but the last are taken */
    bp_model *model;
    bp_train_options run;
    bool full_batch; /* every step takes all rows */
    const char *schedule_text;
    bp_train_result result;
    progress progress;
    bool diverged;
    size_t epochs_done;
    const bp_data *measured; /* what the result was measured on: test, else valid, else train */
    const char *measured_name;
    bp_evaluation *measure;                                      /* of these rows: one of the next three */
    bp_evaluation *train_measure, *valid_measure, *test_measure; /* NULL: not made */
    char default_out[80];
    const char *out;
    train_log log;
    bp_checkpoints *checkpoints; /* NULL: none are written */
    char *note;                  /* that goes with the checkpoint being written */
    bool checkpoint_failed;      /* the last one */
    size_t resumed_step;         /* that the run went on from; 0: it began */
    double earlier_seconds;      /* of the run before it was interrupted */
    exit_code code;              /* of a run that ended early */
} training;

/* ---- train_start.c: --init-from ---- */

/* Whether the options about a model to start from make sense, as far as that can be known without it. */
bp_status train_start_check(const options *o);
/* t->from, if it was asked for. */
bp_status train_start_load(training *t);
/* t->model, for the data set t->train. */
bp_status train_start_model(training *t);
/* Freezes layers of t->model, as --freeze says. */
bp_status train_start_freeze(const training *t);
/* What was taken and what is frozen; nothing without --init-from. */
void train_start_say(const terminal *out, const training *t);
/* Parameters that are not frozen. */
size_t train_start_trained(const bp_model *m);

/* ---- train_table.c: the same job, begun with a table ---- */

/* Everything up to the first step; fills in what train.c works with: name, data, model, run, recipe. */
exit_code train_table_prepare(training *t);
/* Fills in what train.c works with from the fit. */
void train_table_adopt(training *t);
/* Whether folds are still to choose network and penalty: the plan is known only after them. */
bool train_table_open(const training *t);
/* Cross-validation, if it was asked for, or if there is something to choose. */
exit_code train_table_folds(training *t);
/* All measures, those of simpler models included. */
bp_status train_table_evaluate(training *t);
void train_table_free(training *t);

/* ---- train_table_intro.c ---- */

void train_table_introduction(const training *t);
/* Which network and penalty the folds chose. */
void train_table_chosen(const training *t);
/* One fold, as it ends. */
void train_table_folds_live(const training *t); /* how far they are, on a terminal only */
void train_table_fold(size_t fold, const training *t, const bp_fold *done);

/* ---- train_table_report.c ---- */

/* In a line or two, for --quiet. */
void train_table_result(const terminal *out, const training *t);
void train_table_report(const terminal *out, const training *t);
void train_table_json(json_t *object, const training *t);
/* Target, folds and measures, for the notes in the model. */
bp_status train_table_notes(const training *t);
/* What the trivial predictor always answers, in words; out: CLASS_NAME + 16 bytes. */
const char *trivial_text(char *out, const training *t);

/* ---- train_checkpoint.c ---- */

/* Whether the options about checkpoints make sense, as far as that can be known before data is read. */
bp_status train_checkpoint_check(const training *t);
/* Opens the folders and attaches them to t->run, which is complete; and begins the log, where it belongs. */
bp_status train_checkpoint_open(training *t);
/* CODE_OUTPUT, having told it, where the last checkpoint could not be written. Also without checkpoints. */
exit_code train_checkpoint_close(training *t);
/* Since the run began, interruptions left out. */
double train_seconds(const training *t);

/* ---- train_report.c ---- */

/* A labelled line, its text in a column of its own. */
void train_say(const terminal *t, const char *name, const char *text);
/* On stderr: the data; network and plan. */
void train_say_data(const training *t);
void train_say_plan(const training *t, size_t epochs);
/* Keeps in the model where it came from: nothing that depends on time, threads or machine. */
bp_status train_notes(training *t);
/* The result, on stdout. */
void train_report(const training *t);

#endif
