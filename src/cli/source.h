/* source.h - the data a command works on: found, loaded, cut to the part that was asked for, checked against a model. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "options.h"

/* ${XDG_CACHE_HOME:-~/.cache}/backprop; "" where there is no home. */
void source_cache_dir(char *out, size_t size);
/* Where named sets are looked for: --data-dir, $BACKPROP_DATA, the cache directory. */
typedef struct data_places {
    const char *dir[3];
    size_t count;
    char cache[1024];
} data_places;
void source_places(data_places *out, const options *o);

/* Loads `what`, looking in those places. rows: of generated sets, 0: default. */
bp_status source_load(bp_dataset **out, const char *what, const options *o, size_t rows);

/* The rows that --part asks for. */
typedef struct data_part {
    bp_data data;
    const char *name; /* "train", "test", "all" */
    void *owned[4];   /* memory of "all" */
} data_part;
bp_status part_take(data_part *out, const bp_dataset *set, const options *o);
void part_free(data_part *p);

/* Fails unless the model can be used on the data; data with fewer classes than the model gets the model's number. */
bp_status source_fits(bp_data *data, const char *name, const bp_model *m, const char *model_path);

/* Row `row` as the network sees it: converted, and scaled as the model does. out: data->inputs numbers. */
void row_inputs(double *out, const bp_data *data, size_t row, const bp_model *m);
/* The same numbers as they are in the data. */
void row_values(double *out, const bp_data *data, size_t row);

#endif
