/* model_columns.h - what the columns of a table are to a model: what they were in training, or, where it knows none, since it
 * was imported or trained on a data set of numbers, its inputs by their position. */
#ifndef CLI_MODEL_COLUMNS_H
#define CLI_MODEL_COLUMNS_H

#include "table_options.h"
#include "terminal.h"

/* What is found when the columns of the file are known. */
typedef struct plain_columns {
    bp_preparation *preparation;
    bool has_target;
    size_t last_index; /* LIBSVM: of the model's last input, where the file ends before it; else 0 */
} plain_columns;

typedef struct model_columns {
    const bp_model *model;
    const char *path;
    bp_table_task task;
    bp_table_options reading;
    bool with_target; /* needed */
    bool plain;       /* by position */
    const bp_preparation *preparation;
    bp_preparation *own;        /* the model's */
    name_list target, drop, id; /* where plain */
    plain_columns found;
    plain_columns *to; /* found: as the reader sees this struct, which is const */
} model_columns;

/* For the table at `path` and the model, the first argument of the command. Nothing is read yet. c must not be moved and has
 * to be freed in any case. */
bp_status columns_begin(model_columns *c, const bp_model *m, const options *o, const char *path, bool with_target);
/* Reads the table, or opens it; from then on there is a preparation. */
bp_status columns_read(bp_table **out, model_columns *c);
bp_status columns_open(bp_table_stream **out, model_columns *c);
void columns_free(model_columns *c);
/* Where nothing but their position says it: which columns are the inputs, and which the target. */
void columns_say(const terminal *t, const model_columns *c);

#endif
