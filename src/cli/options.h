/* options.h - the one table of options, and the parsed command line.
 *
 * Parsing, --help, the man page, the reference and the shell completions are all derived from option_table: an option is added by one row
 * there and one name here. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <math.h>

#include "cli.h"

typedef enum option_id {
    /* data */
    OPT_DATA_DIR,
    OPT_TEST,
    OPT_VALID,
    OPT_PART,
    OPT_GENERATED_ROWS,
    OPT_CHECKED_ROWS,
    OPT_ROW_RANGE,
    OPT_SAMPLED_ROWS,
    OPT_ROW,
    OPT_STANDARDIZE,
    OPT_FETCH_DIR,
    OPT_MIRROR,
    OPT_SUMS,
    /* tables */
    OPT_TARGET,
    OPT_TASK,
    OPT_CATEGORICAL,
    OPT_NUMERIC,
    OPT_DROP,
    OPT_ID,
    OPT_PLAIN_TARGET,
    OPT_PLAIN_DROP,
    OPT_PLAIN_ID,
    OPT_SAMPLE_WEIGHT,
    OPT_CLASS_WEIGHT,
    OPT_MISSING,
    OPT_IMPUTE,
    OPT_NUMBERS,
    OPT_FOLDS,
    OPT_SEARCH,
    OPT_SEARCH_STATE,
    OPT_SEARCH_TIME,
    OPT_DELIMITER,
    OPT_HEADER,
    OPT_DECIMAL_COMMA,
    OPT_MISSING_WORDS,
    OPT_BAD_ROWS,
    OPT_CACHE,
    /* network */
    OPT_NET,
    OPT_OUTPUT,
    OPT_LOSS,
    OPT_INIT,
    OPT_INIT_FROM,
    OPT_FREEZE,
    OPT_NEW_HEAD,
    OPT_DTYPE,
    /* importing */
    OPT_IMPORTED_NET,
    OPT_IMPORTED_TASK,
    OPT_IMPORTED_OUTPUT,
    OPT_IMPORTED_LOSS,
    OPT_APPROXIMATE,
    OPT_IMPORTED_SCALING,
    OPT_IMPORTED_CLASSES,
    /* training */
    OPT_EPOCHS,
    OPT_STEPS,
    OPT_BATCH,
    OPT_NO_SHUFFLE,
    OPT_PATIENCE,
    OPT_RESTORE_BEST,
    OPT_CHECKPOINT,
    OPT_EVERY,
    OPT_KEEP_NEWEST,
    OPT_RESUME,
    /* optimizer */
    OPT_OPTIMIZER,
    OPT_LR,
    OPT_MOMENTUM,
    OPT_SCHEDULE,
    OPT_WEIGHT_DECAY,
    OPT_L1,
    OPT_L2,
    OPT_CLIP_NORM,
    OPT_CLIP_VALUE,
    /* checking and tracing */
    OPT_ALL,
    OPT_SAMPLE,
    OPT_UNFUSED,
    OPT_TRACE,
    OPT_FULL,
    OPT_REPEATS,
    /* running */
    OPT_SEED,
    OPT_THREADS,
    OPT_KERNEL,
    OPT_QUICK,
    OPT_TIMEOUT,
    /* output */
    OPT_MODEL_OUT,
    OPT_TABLE_OUT,
    OPT_DATA_OUT,
    OPT_SHEET,
    OPT_ONNX,
    OPT_C,
    OPT_C_HEADER,
    OPT_C_TYPE,
    OPT_C_NAME,
    OPT_C_TEST,
    OPT_C_CALIBRATE,
    OPT_IMPORTED_OUT,
    OPT_FORCE,
    OPT_DRAW,
    OPT_TOP,
    OPT_PROBA,
    OPT_KEEP,
    OPT_LOG,
    OPT_JSON,
    OPT_QUIET,
    OPT_MAN,
    OPT_MARKDOWN,
    OPT_COMPLETIONS,
    OPT_HELP,
    OPTIONS
} option_id;

typedef enum option_group {
    GROUP_DATA,
    GROUP_TABLE,
    GROUP_NETWORK,
    GROUP_TRAINING,
    GROUP_OPTIMIZER,
    GROUP_CHECK,
    GROUP_RUN,
    GROUP_OUTPUT,
    GROUPS
} option_group;

const char *option_group_title(option_group g);

typedef enum value_type {
    VALUE_FLAG,
    VALUE_TEXT,
    VALUE_FILE, /* a path */
    VALUE_DATA, /* the name of a data set, a directory or a file */
    VALUE_PART, /* a share of the rows, or data: a number within the limits, or a name */
    VALUE_WORD, /* one of a list */
    VALUE_SIZE,
    VALUE_REAL,
    VALUE_RANGE /* N, or FROM-TO, both included */
} value_type;

/* Numbers that an option accepts. */
typedef struct interval {
    double low, high;
    bool open; /* the ends themselves are excluded */
    const char *text;
} interval;

typedef const char *(*word_at)(size_t index); /* NULL past the last */

typedef struct option_row {
    const char *name;    /* without the dashes */
    const char *metavar; /* NULL for flags */
    value_type type;
    option_group group;
    unsigned commands;      /* bit 1 << command_id for each command that takes it */
    const interval *limits; /* numbers; NULL: any */
    word_at words;          /* VALUE_WORD: the valid ones; others: suggestions for completion, or NULL */
    const char *help;
    void (*fallback)(char *out, size_t size); /* writes the default as it is now; NULL: none to tell */
} option_row;

extern const option_row option_table[OPTIONS];

static inline bool option_applies(option_id id, command_id c)
{
    return (option_table[id].commands >> c & 1u) != 0;
}

typedef struct option_value {
    bool given;
    const char *text;
    double real;     /* VALUE_PART: the share; NaN where it is a name */
    size_t size;     /* VALUE_SIZE; VALUE_WORD: index of the word; VALUE_RANGE: the first */
    size_t size_end; /* VALUE_RANGE: one past the last */
} option_value;

#define MAX_POSITIONALS 8

typedef struct options {
    command_id command;
    const char *positional[MAX_POSITIONALS];
    size_t positionals;
    option_value value[OPTIONS];
    double started; /* bp_seconds() when the program began */
} options;

/* Parses what follows the name of the command. Fails with BP_ERR_ARGUMENT and text. The strings are those of argv. After
 * --help the rest is not looked at. */
bp_status options_parse(options *out, command_id id, int count, char **words);

static inline bool given(const options *o, option_id id)
{
    return o->value[id].given;
}
static inline const char *text_or(const options *o, option_id id, const char *fallback)
{
    return o->value[id].given ? o->value[id].text : fallback;
}
static inline double real_or(const options *o, option_id id, double fallback)
{
    return o->value[id].given ? o->value[id].real : fallback;
}
/* VALUE_PART: whether data was named, or a share was given. */
static inline bool named(const options *o, option_id id)
{
    return o->value[id].given && isnan(o->value[id].real);
}
static inline bool shared(const options *o, option_id id)
{
    return o->value[id].given && !isnan(o->value[id].real);
}
static inline size_t size_or(const options *o, option_id id, size_t fallback)
{
    return o->value[id].given ? o->value[id].size : fallback;
}

/* The seed of a command that was given none. */
#define DEFAULT_SEED 1
/* What `train` trains on when it is not told. */
#define DEFAULT_DATA "digits"
/* Seconds after which fetch gives up on a silent server. */
#define DEFAULT_TIMEOUT 20
/* Samples that `predict --draw` draws, and the classes beside each. */
#define DEFAULT_DRAWN     5
#define DEFAULT_DRAWN_TOP 3

/* Names of what separates the cells of a table. */
const char *delimiter_word(size_t index);
/* Names of data sets, for VALUE_DATA. */
const char *data_word(size_t index);
/* What a directory given as data must hold. */
const char *directory_text(void);
/* What a file given as data may be. */
const char *file_text(void);

#endif
