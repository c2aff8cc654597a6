/* subject.h - a model and the data to use it on: what eval, predict, check and inspect --trace begin with. */
#ifndef CLI_SUBJECT_H
#define CLI_SUBJECT_H

#include "model_columns.h"
#include "source.h"

typedef struct subject {
    bp_model *model;
    bp_dataset *set;
    data_part part; /* the rows that --part asks for */
    /* of a table: */
    model_columns columns;
    const bp_preparation *preparation; /* of columns */
    bp_table *table;
    uint32_t *row; /* of the table, for each row of the part */
    bp_prepare_report report;
} subject;

/* Loads both and checks that they belong together; a table, whose targets must be there, is prepared as the model says, or
 * by position. On failure the text is set and nothing needs to be freed. */
bp_status subject_load(subject *out, const char *model_path, const char *data, const options *o);
void subject_free(subject *s);

/* A session on the loss of the model, with the inputs set to the first `rows` rows from `first` of the data. The model
 * is f64. */
bp_status loss_session(bp_session **out, bp_model *m, const bp_data *data, size_t first, size_t rows);

#endif
