/* io.h - files and data sets around the core of <backprop/backprop.h>: readers, generated data, the model file.
 *
 * Lives in libbackprop_io, which depends on zlib (gzip), minizip (zip), jansson (JSON) and protobuf-c (ONNX) besides the core. The same
 * conventions hold: a bp_status and bp_error(), nothing is printed, nothing exits. Every reader knows how many bytes remain
 * and checks each count in a file before believing it; files are written to a temporary name, flushed and renamed, so that
 * a reader sees the old file or the new one, never half of one. */
#ifndef BACKPROP_IO_H
#define BACKPROP_IO_H

#include <backprop/backprop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. IDX files ------------------------------------------------------------------------------------------------ */

/* An n-dimensional array in memory, row-major, in the machine's byte order. */
typedef struct bp_array {
    bp_type type;
    bp_shape shape; /* 1 to 4 dimensions */
    void *data;
    bp_allocator allocator; /* what data came from */
} bp_array;

/* Reads an IDX file (yann.lecun.com/exdb/mnist, "the IDX file format"): u8, i8, i16, i32, f32 or f64, 1 to 4 dimensions,
 * plain or gzip (the content decides, not the name). The header is checked against the length of the file before anything
 * is allocated for it; a dimension of 0 is an error. On failure out->data is NULL. */
bp_status bp_idx_read(bp_array *out, const char *path, const bp_allocator *allocator);
void bp_array_free(bp_array *a);
/* Writes one, gzip-compressed when path ends in ".gz". */
bp_status bp_idx_write(const char *path, const bp_array *a);

/* ---- 2. Data sets ------------------------------------------------------------------------------------------------ */

/* A named data set with its memory. */
typedef struct bp_dataset {
    char name[64];
    char source[512]; /* "generated, seed 1" or the directory */
    bp_data train;
    bp_data test; /* rows = 0 if there is none */
    void *owned;
} bp_dataset;

typedef struct bp_dataset_options {
    const char *const *dirs; /* where named sets are looked for, in this order: DIR/name, then (see below) DIR itself */
    size_t dir_count;
    uint64_t seed; /* generated sets */
    size_t rows; /* generated sets: training rows; test part: a sixth of digits, a quarter of others; 0: the default */
    const bp_allocator *allocator;
} bp_dataset_options;
bp_dataset_options bp_dataset_defaults(void);

/* what: a generated set ("digits", "xor", "spirals", "circles", "moons"), "mnist", "fashion-mnist", or a directory with
 * the four IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte,
 * each plain or .gz; the two of the test part may both be missing. Any other name is looked for as DIR/name, then as
 * ./name. Images are rows x height x width or rows x features, of any type. Counts of images and labels must agree and
 * labels must lie in 0 .. 255; classes = largest label of the training part + 1 (10 for the named sets); a test label
 * beyond that is an error. DIR itself is taken for mnist or fashion-mnist where it has that name, for mnist also where it
 * has a name that is not a known set's: four IDX files do not tell which set they are. Unknown: the error lists what there
 * is and where was looked. */
bp_status bp_dataset_load(bp_dataset **out, const char *what, const bp_dataset_options *options);
void bp_dataset_free(bp_dataset *d);

/* The sets that bp_dataset_load makes or knows by name. name is NULL past the last. */
typedef struct bp_dataset_info {
    const char *name, *summary;
    bool generated;
} bp_dataset_info;
bp_dataset_info bp_dataset_list(size_t index);
/* The directory that bp_dataset_load would read the set `name` from; false if there is none. Generated sets have none. */
bool bp_dataset_find(char *path, size_t size, const char *name, const bp_dataset_options *options);

/* Copies of the rows of `data`: part gets about `fraction` of them, rest the others, class by class (stratified) where
 * there are classes, drawn by seed, each in the original order. 0 < fraction < 1; both parts get at least one row. Rows that
 * are made on demand (bp_data.fill) are made, as f64. */
bp_status bp_data_split(bp_dataset **part, bp_dataset **rest, const bp_data *data, double fraction, uint64_t seed,
                        const bp_allocator *allocator);

/* A contact sheet to look at: the first columns x rows images of `data` side by side, line by line, in a PNG file, or PGM
 * where path ends in ".pgm". Bytes are grey levels; other types are stretched from the least to the greatest value shown.
 * Cells that the data do not fill are black, lines without any image are left out. */
bp_status bp_image_sheet(const char *path, const bp_data *data, size_t columns, size_t rows);

/* ---- 3. Tables --------------------------------------------------------------------------------------------------- */

/* A table: rows of named columns, as files have them, before anything is prepared for a network. Immutable; in memory, or
 * mapped from a cache file. */
typedef struct bp_table bp_table;

typedef enum bp_column_kind {
    BP_COLUMN_NUMBER, /* missing: NaN */
    BP_COLUMN_TEXT,   /* kept as codes of its distinct texts, its levels; missing: no level */
    BP_COLUMN_DATE,   /* seconds since 1970-01-01 00:00 UTC; missing: NaN */
    BP_COLUMN_KINDS
} bp_column_kind;
const char *bp_column_kind_name(bp_column_kind k); /* "number", "text", "date" */

typedef struct bp_column_info {
    const char *name; /* from the header, else "column1", "column2" ... */
    bp_column_kind kind;
    bp_type
        type; /* of its cells: BP_F32 or, where that would lose what matters, BP_F64; BP_I32 for the codes of text */
    size_t missing;       /* cells */
    size_t levels;        /* text: distinct texts, in order of appearance */
    size_t odd;           /* text, though most of its first cells look like numbers or dates: how many cells do not */
    const char *odd_text; /* the first of these, NULL if there is none, */
    size_t odd_line;      /* and its line in the file */
    const char *date_format; /* date: "iso", "d.m.y", "d/m/y", "m/d/y" or "ymd"; else NULL */
} bp_column_info;

typedef struct bp_table_options {
    char delimiter;     /* ',', ';', '\t', '|' or ' ' (any number of blanks); 0: detected */
    int header;         /* 1: the first row has names, 0: it has data, -1 (default): detected */
    bool decimal_comma; /* 1,5 is one and a half */
    bool skip_bad_rows; /* leave out, and count, rows with too few or too many cells, bad numbers or bad quotes, instead
                            of failing */
    const char *missing;     /* what stands for "no value", separated by commas, in capital or small letters; NULL:
                            "NA,N/A,#N/A,<NA>,NaN,-NaN,null,?"; an empty cell always does */
    const char *const *text; /* columns to be read as text whatever they look like: names or, from 1, numbers */
    size_t text_count;
    const char *const *number; /* columns that must be numbers: another text in them is an error */
    size_t number_count;
    const char *const *wide; /* columns whose numbers are to be kept as BP_F64 whatever they look like */
    size_t wide_count;
    const char *const *date; /* columns that must be dates */
    size_t date_count;
    const char *const
        *date_format; /* of each of these, as in bp_column_info; NULL, or NULL for one: the one that fits */
    const char
        *cache; /* a file that keeps the converted table: written if it is not there or does not belong to the file
                          as it is now, mapped into memory otherwise; for files larger than memory. NULL: none */
    /* Called when the columns of a file are known, before the first row is read: `columns` has no rows, and kinds as the
     * first rows of the file look. May set the lists of columns above, up to `cache`; a failure is passed on. NULL: nothing
     * is asked */
    bp_status (*on_columns)(const void *ctx, const bp_table *columns, struct bp_table_options *options);
    const void *ctx;
    const bp_allocator *allocator;
} bp_table_options;
bp_table_options bp_table_defaults(void);

/* Reads a table from a file, plain or gzip; "-" is standard input. The content decides what it is, and the name where the
 * content could be several things; with a delimiter in the options it is CSV. Numbers are correctly rounded, whatever the
 * locale. A cell that does not fit fails with file, line, column, the cell's text and what to do.
 *
 *   CSV      RFC 4180 and its everyday deviations.
 *   NPY      an array of NumPy of 1 or 2 dimensions, a row each: booleans, whole numbers, f2, f4, f8, texts (S, U), of either
 *            byte order, row by row or column by column. Columns are column1, column2 ... Whole numbers of 2^53 or more are
 *            refused, since f64 has not all of them; infinite ones, too; NaN and empty texts are missing.
 *   NPZ      an archive of such arrays with equally many rows. Two of them named X (or x, data) and y (or target), y of one
 *            dimension: column1, column2 ... and, last, y. Else an array of one dimension is a column of its own name, one of
 *            two dimensions, m, the columns m_1, m_2 ...
 *   LIBSVM   lines like "1 3:0.5 7:2 # comment", or a name in ".libsvm" or ".svm": columns named after the indices,
 *            column1, column2 ... up to the largest of the file or of the names in `number` (column0, too, where an index is
 *            0), and, last, "label". What a line does not have is 0; qid:N is skipped. The table is dense: more than 256
 *            times the size of the file is BP_ERR_MEMORY.
 *
 * The last three cannot come from standard input. */
bp_status bp_table_read(bp_table **out, const char *path, const bp_table_options *options);
void bp_table_free(bp_table *t);

size_t bp_table_rows(const bp_table *t);
size_t bp_table_columns(const bp_table *t);
bp_column_info bp_table_column(const bp_table *t, size_t column);
bool bp_table_has_header(const bp_table *t);
const char *bp_table_source(const bp_table *t); /* the path it was read from, or "standard input" */
/* The column of that name, or of that number, from 1; bp_table_columns(t) with the text set if there is none. */
size_t bp_table_find(const bp_table *t, const char *name);
double bp_table_number(const bp_table *t, size_t row, size_t column);    /* numbers and dates; NaN: missing */
const char *bp_table_text(const bp_table *t, size_t row, size_t column); /* text; NULL: missing */
const char *bp_table_level(const bp_table *t, size_t column, size_t level);
/* Rows that were left out (skip_bad_rows); *why, if not NULL, is the message about the first of them. */
size_t bp_table_skipped(const bp_table *t, const char **why);
size_t bp_table_bytes(const bp_table *t); /* memory, or of the mapped file */

/* Reading in blocks, with constant memory: each call replaces the rows of the block by the next ones, at most `rows`,
 * none at the end. Kinds of columns are fixed when it is opened: number and date of the options; others are text,
 * whose levels are those of the block. Numbers are BP_F32, or BP_F64 where wide. Dates without a format are "iso". A
 * file with a header and no rows is none too few. Names in the options that the file does not have are an error. Where
 * a pipe pauses, the block is what has come; nothing is waited for but the first row of a block. NPY, NPZ and LIBSVM
 * are read whole, with the kinds that bp_table_read finds, and handed out in blocks. */
typedef struct bp_table_stream bp_table_stream;
bp_status bp_table_open(bp_table_stream **out, const char *path, const bp_table_options *options);
bp_status bp_table_next(bp_table_stream *s, const bp_table **block, size_t rows);
/* A row of the last block as it stands in the file, without the line end; its header: row = SIZE_MAX (NULL: it has none).
 * NULL where the format has no lines of cells: NPY, NPZ, LIBSVM. */
const char *bp_table_line(const bp_table_stream *s, size_t row, size_t *bytes);
char bp_table_delimiter(const bp_table_stream *s);
void bp_table_close(bp_table_stream *s);

/* ---- 4. Preparation: from the columns of a table to the inputs of a network -------------------------------------- */

/* How rows of a table become inputs and targets: found from the rows it is trained on, applied alike to every other row,
 * kept in the model. Immutable. */
typedef struct bp_preparation bp_preparation;

/* What is to be learnt. BP_TABLE_AUTO finds it from the targets. One: classes if it is text, has two values, or at most 20
 * distinct whole numbers with 10 rows each on average; else numbers. Several: multilabel if all are yes and no (or 0 and 1,
 * true and false ...); else numbers. A single target among the categorical (numeric) columns: classes (numbers). */
typedef enum bp_table_task {
    BP_TABLE_AUTO,
    BP_TABLE_CLASSIFY,   /* one of several classes */
    BP_TABLE_REGRESS,    /* one or more numbers */
    BP_TABLE_MULTILABEL, /* several yes/no targets at once */
    BP_TABLE_TASKS
} bp_table_task;
typedef enum bp_missing_rule { BP_MISSING_IMPUTE, BP_MISSING_DROP, BP_MISSING_ERROR, BP_MISSING_RULES } bp_missing_rule;
typedef enum bp_impute_rule { BP_IMPUTE_MEDIAN, BP_IMPUTE_MEAN, BP_IMPUTE_RULES } bp_impute_rule;
/* What is done with numbers before the network: (x - mean) / deviation; the same with median and quartiles; a map of the
 * quantiles to those of the normal distribution; the default, for each column the one that suits its distribution. */
typedef enum bp_numbers_rule {
    BP_NUMBERS_AUTO,
    BP_NUMBERS_STANDARD,
    BP_NUMBERS_ROBUST,
    BP_NUMBERS_QUANTILE,
    BP_NUMBERS_RULES
} bp_numbers_rule;
const char *bp_table_task_name(bp_table_task t); /* "auto", "classify" ... */
const char *bp_missing_rule_name(bp_missing_rule r);
const char *bp_impute_rule_name(bp_impute_rule r);
const char *bp_numbers_rule_name(bp_numbers_rule r);

/* A list of columns, by name or, from 1, number. */
typedef struct bp_columns {
    const char *const *name;
    size_t count;
} bp_columns;

typedef struct bp_prepare_options {
    bp_columns target;               /* none: the last column */
    bp_columns categorical, numeric; /* treated as such whatever they look like */
    bp_columns drop;                 /* not used */
    bp_columns id;                   /* not used, but named as the row's identity in predictions */
    const char *weight;              /* column of sample weights, 0 or more; NULL: every row counts 1 */
    const char *class_weight;        /* "balanced" or "name=w,name=w"; NULL: every class counts 1 */
    bp_table_task task;
    bp_missing_rule missing;
    bp_impute_rule impute;
    bp_numbers_rule numbers;
    size_t max_levels; /* of a category; more: the rarest are pooled. Default 64 */
    size_t min_count;  /* levels with fewer rows are pooled. Default 0: chosen from the number of rows */
    const bp_allocator *allocator;
} bp_prepare_options;
bp_prepare_options bp_prepare_defaults(void);

/* Finds the preparation from the rows row[0 .. count) of t; row NULL: all of them. A row of weight 2 counts as two such rows
 * and one of weight 0 as none, exactly; weights that are not whole say only what rows count beside each other. Needs 44
 * bytes a row while it runs. */
bp_status bp_preparation_fit(bp_preparation **out, const bp_table *t, const uint32_t *row, size_t count,
                             const bp_prepare_options *options);
/* The inputs as in `from`, whose columns t needs, but the targets, their task and classes, weights and ids found anew, for a
 * model that goes on from one that was trained with `from`; of the options that is what counts. *same = whether the targets
 * are those of `from`: the same columns and task, the same classes; numbers are then scaled as there. BP_ERR_DATA: t lacks a
 * column; BP_ERR_ARGUMENT: a target is one of the inputs. */
bp_status bp_preparation_retarget(bp_preparation **out, bool *same, const bp_preparation *from, const bp_table *t,
                                  const uint32_t *row, size_t count, const bp_prepare_options *options);
/* For a model that has none, since it was imported or trained on arrays: the columns of the table, in their order, are its
 * inputs, numbers as they are; what scaling there is, is in the model. Of the options target, id, drop and the allocator are
 * looked at. `columns`, which need not have rows, must have exactly as many columns as the model inputs besides those of id,
 * drop and target; without names of targets, with as many more as the model answers with numbers (one for a class), the last
 * ones are the targets, and they may be missing unless with_target. Classes are the model's, else "0", "1" ...; numbers are
 * scaled as its outputs are. Rows that lack an input are errors when it is applied (BP_MISSING_ERROR). BP_ERR_SHAPE: another
 * number of columns; BP_ERR_DATA: a column that is no number; BP_ERR_ARGUMENT: a name that is not there. The model stays as
 * it is; with bp_model_set_preparation it becomes one that knows its columns. */
bp_status bp_preparation_plain(bp_preparation **out, const bp_model *m, const bp_table *columns, bool with_target,
                               const bp_prepare_options *options);
void bp_preparation_free(bp_preparation *p);
/* Its description as JSON, which docs/formats.md specifies; and back. */
const char *bp_preparation_text(const bp_preparation *p);
bp_status bp_preparation_parse(bp_preparation **out, const char *text, const bp_allocator *allocator);

size_t bp_preparation_inputs(const bp_preparation *p);                   /* of the network */
size_t bp_preparation_outputs(const bp_preparation *p);                  /* classes, target numbers or labels */
bp_table_task bp_preparation_task(const bp_preparation *p);              /* never BP_TABLE_AUTO */
const char *bp_preparation_class(const bp_preparation *p, size_t index); /* class or target name; NULL past the last */
/* The column of target `index`; NULL past the last. mean and deviation (each may be NULL) are what bp_model_set_output_scaling
 * takes: of the training rows for task regress, else 0 and 1. */
const char *bp_preparation_target(const bp_preparation *p, size_t index, double *mean, double *deviation);
const char *bp_preparation_weight(const bp_preparation *p);                /* column of weights; NULL: none */
double bp_preparation_class_weight(const bp_preparation *p, size_t index); /* 1 where none was asked for */
const char *bp_preparation_id(const bp_preparation *p, size_t index);      /* NULL past the last */
/* The column of t that stands for a feature or id column of the fitted table: by name where both have headers, else by
 * position; with_target: t has the targets too. bp_table_columns(t) with the text set if there is none. */
size_t bp_preparation_find(const bp_preparation *p, const bp_table *t, const char *column, bool with_target);
bp_missing_rule bp_preparation_missing(const bp_preparation *p);
/* The text of a yes/no target that means yes or no; NULL where there is none. */
const char *bp_preparation_label(const bp_preparation *p, size_t index, bool yes);
/* What should be known about columns: those that were left out and why, and hints. false past the last. */
bool bp_preparation_note(const bp_preparation *p, size_t index, const char **column, const char **text);
/* The columns that become inputs, in the order of the inputs: numbers, booleans and dates, then categories. false past the
 * last. */
typedef struct bp_feature_info {
    const char *column;
    const char *kind;     /* "number", "boolean", "category", "date" */
    size_t first, inputs; /* its inputs are first .. first + inputs - 1 */
    char text[160];       /* for people: "median 29, robust scale" or "5 levels, 1 pooled" */
} bp_feature_info;
bool bp_preparation_feature(const bp_preparation *p, size_t index, bp_feature_info *out);
/* "ocean_proximity=INLAND": what an input stands for. */
const char *bp_preparation_input(const bp_preparation *p, size_t input, char *out, size_t size);
/* The options with which a file must be read so that its columns fit: kinds of the columns it needs, by name, or by number
 * where there are no names (on_columns sees to it); those that are missing are named in one error. p must live as long as
 * the options are used. with_target: the targets (and weights) too. */
bp_table_options bp_preparation_reading(const bp_preparation *p, bool with_target);
/* The same for a file without names of columns that has `columns` of them: all; all but the targets; or all but targets and
 * weight. Columns are told by their numbers, even if the preparation knows their names. */
bp_table_options bp_preparation_reading_unnamed(const bp_preparation *p, size_t columns, bool with_target);

/* What a table has that the preparation did not know. */
typedef struct bp_prepare_report {
    size_t rows;             /* given out */
    size_t dropped;          /* rows left out for missing values, missing targets or weight 0 */
    size_t missing;          /* cells filled in */
    size_t unknown;          /* category cells whose level the training rows did not have */
    size_t alike;            /* targets taken for a class that differs in blanks, case or a final full stop */
    char first_unknown[160]; /* the first of the unknown: column, text, row */
} bp_prepare_report;
/* Rows row[0 .. count) of t (row NULL: all) as data for bp_train, bp_evaluate and bp_predict: the train part of a data
 * set. Columns are found by name where t and the fitted table have headers, else by position. Rows that must be left out
 * are; with_target false: no targets are looked for, no row is left out. kept: NULL, or count numbers that receive the
 * rows that are in. report: NULL, or what was found. */
bp_status bp_preparation_apply(bp_dataset **out, const bp_preparation *p, const bp_table *t, const uint32_t *row,
                               size_t count, bool with_target, uint32_t *kept, bp_prepare_report *report);

/* The same rows for measuring: with the weights of the weight column alone, without those of the classes, which bp_train
 * should see but which would make an accuracy another quantity. */
bp_data bp_prepared_without_class_weights(const bp_data *data);

/* The preparation travels in the model, as its text. Set: inputs and outputs must agree; p NULL removes it. Get: the caller
 * frees it; BP_ERR_STATE if the model has none. */
bp_status bp_model_set_preparation(bp_model *m, const bp_preparation *p);
bp_status bp_model_preparation(bp_preparation **out, const bp_model *m);

/* ---- 5. Fitting a table ------------------------------------------------------------------------------------------ */

/* Folds for cross-validation: fold[i] = 0 .. k-1 for each of `rows` rows, class by class where label (0 or more) is not
 * NULL, drawn by seed. Sizes of folds differ by at most one row, those of each class in them, too. */
bp_status bp_fold_rows(uint32_t *fold, size_t rows, size_t k, const int32_t *label, uint64_t seed);
/* The rows of a table in two parts, each ascending. */
typedef struct bp_split {
    uint32_t *part, *rest;
    size_t part_rows, rest_rows;
    bp_allocator allocator;
} bp_split;
/* Takes about `share` of the rows of t apart, drawn by seed, evenly over the values of the first target where it has few:
 * texts, or at most 64 numbers with 5 rows each on average, or whatever number if the task is to tell classes. Rows that
 * cannot be learned from are in neither part: those whose targets are missing or whose weight is 0. Of the options the
 * targets, the weight, the task and the allocator are looked at. */
bp_status bp_table_split(bp_split *out, const bp_table *t, double share, const bp_prepare_options *columns,
                         uint64_t seed);
void bp_split_free(bp_split *s);

#define BP_FIT_PENALTIES 2
/* What is done with a table when nobody says otherwise: chosen by the number of rows to train on and by the task, from
 * experiments that docs/performance.md describes. */
typedef struct bp_fit_recipe {
    const char *name; /* "up to 1,000 rows, classes" */
    const char *net;
    bp_optimizer_kind optimizer;
    double lr;
    double penalty[BP_FIT_PENALTIES]; /* against the sum of the losses: l2 = penalty / rows. The second, unless it is 0,
                                         is taken where cross-validation finds it better */
    const char *other_net;            /* that goes with the second; NULL: the same network */
    const char *schedule;
    size_t batch, epochs, patience;
    double valid; /* share of the rows that is held back to watch: */
    size_t
        folds; /* 0. Else only where it or patience is asked for: all rows are trained on, for the whole schedule, and
                     so many folds tell how good that is */
} bp_fit_recipe;
bp_fit_recipe bp_fit_recipe_at(size_t index); /* row of the table; name is NULL past the last */
bp_fit_recipe bp_fit_recipe_for(size_t rows, bp_table_task task);

/* The whole job on a table: preparation, network, training with early stopping. NULL, zero and own_... = false choose by
 * the recipe. */
typedef struct bp_fit_options {
    bp_prepare_options prepare;
    bp_model_options model; /* output, loss, init, type and seed are used; net where own_net */
    bool own_net;
    bp_train_options train; /* used as they are, but for what the recipe decides: */
    bool own_optimizer, own_schedule, own_epochs, own_batch, own_patience; /* the caller's, not chosen */
    double valid;                /* share of the rows that is held back to watch; 0: chosen; < 0: none */
    const bp_table *valid_table; /* or the rows of this table */
    const bp_model
        *from; /* NULL, or a model of a table to go on from: inputs are prepared as it does, the network, output, loss
                             and weights are its own, but the last layer is new where the targets are others
                             (bp_preparation_retarget). own_net, folds and searches do not go with it. Lives as long as the fit */
    bool new_head; /* with from: the last layer is new in any case */
    uint64_t seed; /* of the split, the first weights, the order of the rows, dropout */
} bp_fit_options;
bp_fit_options bp_fit_defaults(void);

typedef struct bp_fit {
    bp_preparation *preparation;
    bp_model *model;           /* with its preparation */
    bool new_head;             /* of options.from all layers but the last were taken */
    bp_fit_recipe recipe;      /* what was proposed */
    bp_train_options run;      /* how it is trained; may be changed before bp_fit_train */
    bp_dataset *train, *valid; /* prepared; valid NULL: none */
    uint32_t *train_row; /* which rows of the table these are: as many as the sets have, ascending. valid_row: of */
    uint32_t *valid_row; /* valid_table, if there is one */
    bp_prepare_report report; /* of the rows trained on and watched */
    bp_train_result result;
    const bp_table *table; /* the caller's; lives as long as the fit, as do the strings of the options */
    bp_fit_options options;
    uint32_t *row; /* the rows to learn from, ascending: train_row and valid_row together */
    size_t rows;
    bp_allocator allocator;
} bp_fit;
/* Everything up to the first step: row[0 .. count) of t (row NULL: all) divided, prepared, a new network for them. */
bp_status bp_fit_new(bp_fit **out, const bp_table *t, const uint32_t *row, size_t count, const bp_fit_options *options);
/* The training. */
bp_status bp_fit_train(bp_fit *f);
/* Both, with bp_fit_choose in between where the recipe has several penalties and no row is held back. */
bp_status bp_table_fit(bp_fit **out, const bp_table *t, const uint32_t *row, size_t count,
                       const bp_fit_options *options);
void bp_fit_free(bp_fit *f);

/* What a network must beat, made from the same rows and the same preparation. */
bp_status bp_fit_trivial(bp_model **out, const bp_fit *f); /* answers the shares of the classes, or the mean, always */
bp_status bp_fit_linear(bp_model **out, const bp_fit *f);  /* no hidden layer */

/* Cross-validation: what was measured on rows that were not trained on. */
typedef struct bp_fold {
    bp_evaluation *network, *linear, *trivial;
    size_t best_epoch;
} bp_fold;
typedef struct bp_folds {
    size_t count;
    bp_fold *fold;
    uint32_t *of_row; /* the fold in which each row of the fit was measured; UINT32_MAX: in none, since no other row has
                         its class */
    bp_allocator allocator;
} bp_folds;
typedef struct bp_folds_options {
    size_t folds; /* default 5 */
    int threads;  /* folds trained side by side, a thread each; 0: as many as there are processors. With an allocator of
                      your own: one after the other */
    /* After each fold, as they end, never two at once; on_step of the fit's run is called from several threads. false: stop */
    bool (*on_fold)(void *ctx, size_t fold, const bp_fold *done);
    void *ctx;
} bp_folds_options;
bp_folds_options bp_folds_defaults(void);
/* Trains a network like that of f, with the same network and options but on other rows, for each fold of the rows of f, and
 * measures it on the fold; preparation and validation rows are found anew from the other folds. The result does not depend
 * on the number of threads. f need not be trained. BP_ERR_STOPPED if a callback stopped it. */
bp_status bp_fit_folds(bp_folds **out, const bp_fit *f, const bp_folds_options *options);
void bp_folds_free(bp_folds *r);
/* Cross-validation with each penalty of the recipe and the network that goes with it; f->run and f->model, which is made
 * anew, go on with the better ones: by accuracy, and where that is equal, for numbers and for labels, by the loss. *out:
 * the folds of these. options NULL: as many folds as the recipe says. With an optimizer of the caller's own: bp_fit_folds. */
bp_status bp_fit_choose(bp_folds **out, bp_fit *f, const bp_folds_options *options);

/* What a search varies; all the rest is that of a fit. */
typedef struct bp_setting {
    const char *net; /* lives as long as the fit or the search that gave it */
    bp_optimizer_kind optimizer;
    double lr, l2, weight_decay;
    bp_schedule schedule;
    size_t batch, epochs, patience;
    bp_numbers_rule numbers;
} bp_setting;
/* That of f: what its model and its run have. */
bp_setting bp_fit_setting(const bp_fit *f);
/* A new fit, not yet trained, of the same rows as f, alike in everything but the setting. */
bp_status bp_fit_with(bp_fit **out, const bp_fit *f, const bp_setting *s);

/* Parts of a setting that are to stay as they are in f. */
enum {
    BP_SEARCH_NET = 1,
    BP_SEARCH_OPTIMIZER = 2, /* its kind; another kind has a learning rate and penalties of its own */
    BP_SEARCH_LR = 4,
    BP_SEARCH_PENALTY = 8, /* l2 and weight_decay */
    BP_SEARCH_SCHEDULE = 16,
    BP_SEARCH_BATCH = 32,
    BP_SEARCH_EPOCHS = 64,
    BP_SEARCH_NUMBERS = 128
};

typedef struct bp_search_row {
    size_t candidate; /* from 1; 1 is the setting of f itself */
    bp_setting setting;
    size_t rung;    /* the last one that it was scored in, from 1 */
    double loss;    /* on the rows that decide; infinite where training diverged */
    double measure; /* see bp_search.measure */
} bp_search_row;

typedef struct bp_search_progress {
    size_t rung, rungs;       /* from 1 */
    size_t done, total;       /* candidates of this rung */
    const bp_search_row *row; /* the one that was just scored */
} bp_search_progress;

typedef struct bp_search_options {
    size_t candidates; /* default 20 */
    size_t folds; /* scored on that many folds of the rows of f; 1: on its validation rows; 0 (default): on these where
                     there are some, else on as many folds as the recipe has, or 5 */
    unsigned fixed;    /* BP_SEARCH_... added up; default 0 */
    int threads;       /* candidates tried side by side, a thread each; as in bp_folds_options */
    const char *state; /* a file in which the scores are kept, written after each candidate, so that a search which was
                          stopped can go on; one of another search is refused with what differs: BP_ERR_DATA. NULL: none */
    /* After each score, never two at once; on_step of the fit's run is called from several threads. false: stop */
    bool (*on_score)(void *ctx, const bp_search_progress *p);
    void *ctx;
} bp_search_options;
bp_search_options bp_search_defaults(void);

typedef struct bp_search {
    size_t count;
    bp_search_row *row;  /* the best first: by the rung reached, then as bp_fit_search says */
    size_t rungs, folds; /* folds 1: validation rows */
    size_t defaults;     /* 1, or 2: the first so many candidates are what would be tried without a search */
    const char *
        measure; /* "accuracy", with weights of classes "balanced_accuracy", of numbers "r2"; of the rows of the loss */
    size_t trained; /* scores that were found by this call, not read from the state */
    bool stopped;   /* by a callback: only what had been scored by then is in the table */
    double seconds;
    void *owned;
} bp_search;
/* Looks for a better setting than that of f by successive halving (Jamieson & Talwalkar, AISTATS 2016; Li et al.,
 * Hyperband, JMLR 18, 2018) of settings drawn at random: all are trained for a small share of their epochs, the best third
 * of them, from new, for three times as much, and so on until the last rung trains in full. The setting of f is candidate 1
 * (where the recipe proposes two things, the other one is candidate 2) and is taken along to the last rung,
 * so the winner is no worse than it on the rows that decide. These decide by the loss; of classes, settings whose accuracy
 * is lower than the best one of the rung by more than one row and half its standard error stand behind the others. Half of the others differ
 * from it in some parts, half in all that are not fixed: 0 to 3 layers of 16 to 512 units (up to 1,000 rows 128, 10,000 rows 256), relu, tanh or gelu, dropout up to
 * 0.5; adam, adamw, up to 10,000 rows lbfgs; learning rate, penalty, batch, constant or cosine schedule; up to 200,000 rows
 * the rule for numbers. Candidate i depends on the seed of f and on what is fixed, not on how many there are.
 *
 * The table does not depend on the number of threads, nor on whether a search was stopped and went on. The best of many
 * scores looks better than it is: measure the winner on rows that the search has not seen. f need not be trained. Without a
 * single score: BP_ERR_STOPPED where a callback stopped it, BP_ERR_NUMERIC where every candidate diverged. */
bp_status bp_fit_search(bp_search **out, const bp_fit *f, const bp_search_options *options);
void bp_search_free(bp_search *s);

/* ---- 6. Which columns matter ------------------------------------------------------------------------------------- */

/* Permutation importance (Breiman, Random forests, Machine Learning 45, 2001, section 10; Fisher, Rudin, Dominici, JMLR
 * 20(177), 2019): how much worse the model answers when the values of one column are shuffled over the rows, so that they
 * stay what they are but no longer belong to the rest of the row.
 *
 * It tells what this model uses: neither what causes the target nor what another model would use. Columns that say nearly
 * the same stand in for each other, and each alone looks less important than they are together. On rows that were trained
 * on it also counts what was learned by heart. */
typedef struct bp_importance_options {
    size_t repeats; /* shuffles of each column; default 5 */
    size_t rows;    /* measure on at most so many rows, drawn by seed; default 0: all */
    uint64_t seed;
    int threads; /* the result does not depend on it; 0: as many as pay */
    /* After each column; return false to stop: BP_ERR_STOPPED. */
    bool (*on_column)(void *ctx, size_t done, size_t total);
    void *ctx;
    const bp_allocator *allocator;
} bp_importance_options;
bp_importance_options bp_importance_defaults(void);

typedef struct bp_importance_row {
    const char *column;
    double loss, loss_deviation; /* increase of the loss: mean of the shuffles, and their standard deviation (n - 1) */
    double score, score_deviation; /* decrease of the score likewise */
} bp_importance_row;
typedef struct bp_importance {
    size_t rows, repeats;   /* as measured */
    double loss, score;     /* with nothing shuffled */
    const char *score_name; /* "accuracy", or "r2" for numbers */
    size_t count;
    bp_importance_row *row; /* a column each of those that become inputs; the largest increase of the loss first */
} bp_importance;
/* t must have the targets too; m the preparation of tables. Rows that bp_preparation_apply leaves out are not measured. */
bp_status bp_importance_measure(bp_importance **out, const bp_model *m, const bp_table *t,
                                const bp_importance_options *options);
void bp_importance_free(bp_importance *r);

/* ---- 7. The model file ------------------------------------------------------------------------------------------- */

/* safetensors (huggingface.co/docs/safetensors): 8 bytes header length, a JSON header, the tensors. Weights are stored
 * [out, in] under the names torch.nn.Sequential gives the same layers ("0.weight", "0.bias", "2.weight" ...), so PyTorch
 * loads them as they are. "__metadata__" holds the rest: format version, network, task, output, loss, scaling, class
 * names, notes. The same model gives the same bytes. docs/formats.md is the specification.
 *
 * Saving: weights that are not finite are refused (BP_ERR_NUMERIC), texts that are no UTF-8, too (BP_ERR_DATA); a program
 * that may run under a limit of file sizes ignores SIGXFSZ, so that the limit becomes an error and not a death. Loading:
 * whatever is wrong with the file is BP_ERR_FORMAT, a newer version of the format BP_ERR_UNSUPPORTED. */
bp_status bp_model_save(const bp_model *m, const char *path);
bp_status bp_model_load(bp_model **out, const char *path, const bp_allocator *allocator);

/* ---- 8. Models for and of other programs ------------------------------------------------------------------------- */

/* ONNX (onnx.ai): the whole way from raw inputs to answers as a graph that ONNX Runtime and its like execute; operators of
 * version 13, file version 7, any number of rows N.
 *
 *   inputs   x [N, inputs] of the model's type; models of tables: an input a column, [N, 1], under its name: numbers as float
 *            or double, dates as double (seconds since 1970-01-01 00:00 UTC), categories and texts as string; missing: NaN, ""
 *   outputs  classes: label [N] (number of the class; of tables its text) and probabilities [N, classes]; numbers: y [N, outputs]
 *
 * What the model file says beside weights is in metadata_props, under the same keys. f64: gelu has the precision of f32,
 * since ONNX Runtime knows erf in f32 only. Fails where bp_model_save does; beyond 2 GiB: BP_ERR_UNSUPPORTED. */
bp_status bp_onnx_save(const bp_model *m, const char *path);

/* What can be imported, told by the content of a file. name is NULL past the last. */
typedef struct bp_import_format {
    const char *name, *summary; /* "FANN" */
} bp_import_format;
bp_import_format bp_import_format_list(size_t index);

typedef struct bp_import_options {
    const char *task;   /* "classify" or "regress"; NULL: classes where the output is softmax, else numbers */
    const char *net;    /* hidden layers, as in bp_model_options, of files that have weights alone; else NULL */
    const char *output; /* of files that do not say; NULL: see below */
    const char *loss;   /* for further training; NULL: from the file, or from task and output */
    bool approximate;   /* take what is here nearest to an activation that is not here, where a file has one */
    const bp_allocator *allocator;
} bp_import_options;
bp_import_options bp_import_defaults(void);

/* Reads a model that another library wrote. Its answers are those of the original, but for rounding; what cannot be had so is
 * refused by its name (BP_ERR_UNSUPPORTED). The note "imported_from" has the name of the format.
 *
 *   FANN   .net, FANN_FLO_2.1: layers of FANN_LINEAR, FANN_SIGMOID and FANN_SIGMOID_SYMMETRIC with any steepness, full or sparse;
 *          with approximate also the two stepwise sigmoids. Scaling becomes that of the model's inputs and outputs: answers are
 *          those of fann_scale_input, fann_run, fann_descale_output. FANN cuts sums off at 150 / steepness, models here do not:
 *          only a linear output can tell. Connections that were missing are there, with weight 0.
 *   ONNX   graphs as PyTorch, Keras and scikit-learn converters write them: one input, layers that follow each other. Gemm,
 *          MatMul, arithmetic with constants, BatchNormalization, Scaler; all activations, however they are composed; softmax;
 *          Flatten, Reshape, Squeeze, Dropout, Identity, Cast; ArgMax, ZipMap and the like tell classes and their names.
 *          Weights raw, typed, or in other files in the same folder; f64 where those of the first layer are double. Classes
 *          where the graph ends in softmax (also its logarithm: answers are probabilities), ArgMax, ZipMap or [1 - p, p]; with
 *          task "classify" linear outputs are scores, and softmax is added. Files of bp_onnx_save give the model back.
 *   KANN   a chain of dense layers (with or without bias), sigm, tanh, relu, dropout, and softmax at the end.
 *   genann the text; f64. Its table of sigmoids becomes the function; output: "linear" where the program set that.
 *   safetensors  matrices NAME.weight [out, in] and vectors NAME.bias, as a torch.nn.Sequential is saved: net is needed, and
 *          output where it is not linear (classify: softmax). Layers are taken in the order of their names. */
bp_status bp_model_import(bp_model **out, const char *path, const bp_import_options *options);

/* ---- 9. Checkpoints ---------------------------------------------------------------------------------------------- */

/* The state of a run, or of an optimizer in a loop of one's own (bp_optimizer_state), as a file: safetensors with a checksum,
 * specified in docs/formats.md. note: a text that goes with it, e.g. how far the loop has come; NULL: none. */
bp_status bp_state_save(const bp_state *s, const char *note, const char *path);
typedef struct bp_saved_state {
    bp_state state;
    const char *path;
    const char *note;   /* "" if there is none */
    const char *kernel; /* instruction set that it was computed with: others round differently. NULL: not told */
    void *owned;
} bp_saved_state;
/* A file that is cut short, damaged or something else: BP_ERR_FORMAT. */
bp_status bp_state_load(bp_saved_state **out, const char *path, const bp_allocator *allocator);
void bp_saved_state_free(bp_saved_state *s);

/* A folder with checkpoints of one run, so that a run that is killed loses no more than what came after the last one:
 *
 *   bp_checkpoint_options how = bp_checkpoint_defaults();
 *   how.dir = "run1";                                     (a run that goes on: how.resume = "run1")
 *   bp_checkpoints *c;
 *   bp_checkpoints_open(&c, model, &data, &run, &how);    run: the bp_train_options, in full
 *   bp_checkpoints_attach(&run, c);
 *   bp_train(&result, model, &data, &run);                or bp_fit_train, where run is that of the fit
 *   bp_checkpoints_close(c);
 *
 * Each is written to a temporary file, flushed, renamed, and the folder flushed; then all but the newest are removed. A run
 * that goes on ends with the same bits as one that was never interrupted, with any number of threads. */
typedef struct bp_checkpoints bp_checkpoints;
typedef struct bp_checkpoint_options {
    const char *dir;    /* where they are written; made if it is not there. NULL: where `resume` is */
    const char *resume; /* where the newest intact one is gone on from; NULL: the run starts anew */
    const char *every; /* "50 steps", "2 epochs", "30 seconds", "10 minutes"; default "1 minute". The end of a run is */
    size_t keep;       /* always written, an end by a callback too. keep: so many, the newest; default 2 */
    /* Asked before each is written: a text that goes with it, e.g. how far a log has come; copied. NULL: none. */
    const char *(*on_write)(void *ctx);
    /* Told after each attempt. Where status is not BP_OK (bp_error() has the text) the ones before are as they were, and the
     * run goes on unless it returns false. */
    bool (*on_written)(void *ctx, const char *path, bp_status status);
    void *ctx;
    const bp_allocator *allocator;
} bp_checkpoint_options;
bp_checkpoint_options bp_checkpoint_defaults(void);
/* Whether they make sense and the folders are as they must be; reads no checkpoint. bp_checkpoints_open asks this, too. */
bp_status bp_checkpoint_check(const bp_checkpoint_options *o);

/* Looks at the folders; reads all data for a fingerprint. Fails with BP_ERR_DATA where `resume` has no intact checkpoint, or
 * one of another run: other data, network or options, each difference named. Threads may differ, and, unless the schedule
 * depends on them, epochs and steps. A new run is not started in a folder that has checkpoints (BP_ERR_DATA), nor where
 * another process writes (BP_ERR_IO). m and run are not changed, and not needed afterwards. */
bp_status bp_checkpoints_open(bp_checkpoints **out, const bp_model *m, const bp_data *data, const bp_train_options *run,
                              const bp_checkpoint_options *options);
/* Sets resume, on_state and state_ctx. c must live as long as the run is used. */
void bp_checkpoints_attach(bp_train_options *run, bp_checkpoints *c);
/* What the run goes on from, NULL if it starts anew. Valid until c is closed. */
const bp_saved_state *bp_checkpoints_resumed(const bp_checkpoints *c);
/* Why checkpoints newer than that were passed over, a text each; NULL past the last. They are left where they are. */
const char *bp_checkpoints_damaged(const bp_checkpoints *c, size_t index);
/* The last one that is on disk, "" if there is none. */
const char *bp_checkpoints_newest(const bp_checkpoints *c);
void bp_checkpoints_close(bp_checkpoints *c);

/* ---- 10. A model as C source -------------------------------------------------------------------------------------- */

/* One file of C99 that is C++ as well: weights as static const, no malloc, no stdio, working memory from the caller. It has
 * everything that is needed to predict: scaling, the preparation of tables, names of classes. From libm it calls what the
 * activations need. docs/formats.md says what it declares. */
typedef struct bp_c_options {
    const char *name;         /* all names in the source begin with it, "model" by default; macros with MODEL */
    bp_type type;             /* BP_F32 (default), BP_F64, or BP_I8: 8-bit weights and activations, 32-bit sums */
    const char *header;       /* a file for what the source declares; NULL: it stands in the source */
    bool with_test;           /* a function that predicts known rows and compares */
    const bp_data *calibrate; /* BP_I8: the rows that show how large the inputs of each layer become; else not used */
    const bp_data *measure;   /* BP_I8: the rows on which errors are measured; NULL: those of calibrate */
} bp_c_options;
bp_c_options bp_c_defaults(void);

/* What was written. Errors of BP_I8 are those against this library's answers for the rows of `measure`. */
typedef struct bp_c_report {
    size_t constants;           /* bytes of weights, tables and texts, which lie in flash, besides the code */
    size_t scratch;             /* bytes of working memory, */
    size_t arguments;           /* and of inputs and outputs */
    size_t rows;                /* measured; 0: none, and then what follows is NaN */
    double largest, mean;       /* absolute error of an output */
    double before, after;       /* accuracy of this library and of the source; numbers: NaN */
    double r2_before, r2_after; /* numbers; classes: NaN */
} bp_c_report;
/* Writes the source to path. report may be NULL. */
bp_status bp_model_export_c(bp_c_report *report, const bp_model *m, const char *path, const bp_c_options *options);

#ifdef __cplusplus
}
#endif

#endif
