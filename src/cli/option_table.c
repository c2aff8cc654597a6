/* option_table.c - every option of every command, a row each. Data only; options.c parses, help.c shows. */
#include "options.h"

#include <assert.h>

#include "defaults.h"
#include "mirrors.h"

enum {
    TRAIN = 1u << CMD_TRAIN,
    EVAL = 1u << CMD_EVAL,
    PREDICT = 1u << CMD_PREDICT,
    EXPLAIN = 1u << CMD_EXPLAIN,
    CHECK = 1u << CMD_CHECK,
    INSPECT = 1u << CMD_INSPECT,
    EXPORT = 1u << CMD_EXPORT,
    IMPORT = 1u << CMD_IMPORT,
    BENCH = 1u << CMD_BENCH,
    DATA = 1u << CMD_DATA,
    FETCH = 1u << CMD_FETCH,
    VERSION = 1u << CMD_VERSION,
    HELP = 1u << CMD_HELP,
    COMPUTES = TRAIN | EVAL | PREDICT | EXPLAIN | CHECK | INSPECT,
    READS_DATA = COMPUTES | DATA,
    READS_TABLES = COMPUTES,
    EVERY = READS_DATA | EXPORT | IMPORT | BENCH | FETCH | VERSION | HELP
};

static const interval positive = {0, 1e300, true, "a number above 0"};
static const interval not_negative = {0, 1e300, false, "a number of 0 or more"};
static const interval fraction = {0, 1, true, "a number between 0 and 1"};
static const interval fraction_or_none = {-1e-300, 1, true, "a number from 0 (none) to below 1"};
static const interval whole = {0, 1.8446744073709550e19, false, "a whole number of 0 or more"};
static const interval from_one = {1, 1.8446744073709550e19, false, "a whole number of 1 or more"};
static const interval from_two = {2, 4294967295.0, false, "a whole number of 2 or more"};
static const interval threads_limits = {0, 1024, false, "a whole number from 0 (choose for me) to 1024"};

/* ---- words ------------------------------------------------------------------------------------------------------- */

const char *data_word(size_t index)
{
    return bp_dataset_list(index).name;
}

const char *directory_text(void)
{
    return "with the four IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
           "t10k-labels-idx1-ubyte, each plain or .gz";
}

const char *file_text(void)
{
    return "a table, plain or .gz: CSV and its kin, with or without a header (separator, header and kinds of columns "
           "are "
           "found out), NPY, NPZ or LIBSVM text; - is standard input";
}

static const char *optimizer_word(size_t index)
{
    return index < BP_OPTIMIZERS ? bp_optimizer_name((bp_optimizer_kind)index) : NULL;
}

static const char *loss_word(size_t index)
{
    return index < BP_LOSSES ? bp_loss_name((bp_loss)index) : NULL;
}

static const char *output_word(size_t index)
{
    static const bp_activation valid[] = {BP_LINEAR, BP_SIGMOID, BP_TANH, BP_SOFTMAX};
    return index < sizeof valid / sizeof *valid ? bp_activation_name(valid[index]) : NULL;
}

static const char *imported_task_word(size_t index)
{
    static const bp_task tasks[] = {BP_CLASSIFY, BP_REGRESS};
    return index < sizeof tasks / sizeof *tasks ? bp_task_name(tasks[index]) : NULL;
}

static const char *type_word(size_t index)
{
    return index <= BP_F64 ? bp_type_name((bp_type)index) : NULL;
}

static const char *list_word(const char *const *list, size_t count, size_t index)
{
    return index < count ? list[index] : NULL;
}

static const char *c_type_word(size_t index)
{
    static const char *const names[] = {"f32", "f64", "int8"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *kernel_word(size_t index)
{
    static const char *const names[] = {"avx512", "avx2", "neon", "portable"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *part_word(size_t index)
{
    static const char *const names[] = {"train", "test", "all"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *task_word(size_t index)
{
    return index < BP_TABLE_TASKS ? bp_table_task_name((bp_table_task)index) : NULL;
}

static const char *missing_word(size_t index)
{
    return index < BP_MISSING_RULES ? bp_missing_rule_name((bp_missing_rule)index) : NULL;
}

static const char *impute_word(size_t index)
{
    return index < BP_IMPUTE_RULES ? bp_impute_rule_name((bp_impute_rule)index) : NULL;
}

static const char *numbers_word(size_t index)
{
    return index < BP_NUMBERS_RULES ? bp_numbers_rule_name((bp_numbers_rule)index) : NULL;
}

static const char *yes_word(size_t index)
{
    static const char *const names[] = {"no", "yes"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *bad_rows_word(size_t index)
{
    static const char *const names[] = {"error", "skip"};
    return list_word(names, sizeof names / sizeof *names, index);
}

const char *delimiter_word(size_t index)
{
    static const char *const names[] = {"comma", "semicolon", "tab", "pipe", "space"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *shell_word(size_t index)
{
    static const char *const names[] = {"bash", "zsh", "fish"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *init_word(size_t index)
{
    static const char *const names[] = {"zeros",      "normal:0.01", "uniform:0.05",  "glorot-uniform", "glorot-normal",
                                        "he-uniform", "he-normal",   "lecun-uniform", "lecun-normal"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *freeze_word(size_t index)
{
    static const char *const names[] = {"body", "0"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *interval_word(size_t index)
{
    static const char *const names[] = {"50 steps", "1 epoch", "30 seconds", "10 minutes"};
    return list_word(names, sizeof names / sizeof *names, index);
}

static const char *schedule_word(size_t index)
{
    static const char *const names[] = {"constant", "step:10", "exponential:0.95", "cosine", "inverse:1", "plateau:10"};
    return list_word(names, sizeof names / sizeof *names, index);
}

/* ---- defaults, as they are in this build ------------------------------------------------------------------------- */

static void by_data(char *out, size_t size)
{
    snprintf(out, size, "by data, see below");
}

static void by_set(char *out, size_t size)
{
    snprintf(out, size, "by the set");
}

static void by_content(char *out, size_t size)
{
    snprintf(out, size, "found from the content");
}

static void default_valid(char *out, size_t size)
{
    snprintf(out, size, "data sets: none; tables: by size, see below");
}

static void default_target(char *out, size_t size)
{
    snprintf(out, size, "the last column");
}

static void default_plain_target(char *out, size_t size)
{
    snprintf(out, size, "the last columns, where there are more than inputs");
}

static void default_task(char *out, size_t size)
{
    snprintf(out, size, "%s: found from the target", bp_table_task_name(bp_prepare_defaults().task));
}

static void default_missing(char *out, size_t size)
{
    snprintf(out, size, "%s", bp_missing_rule_name(bp_prepare_defaults().missing));
}

static void default_impute(char *out, size_t size)
{
    snprintf(out, size, "%s", bp_impute_rule_name(bp_prepare_defaults().impute));
}

static void default_numbers(char *out, size_t size)
{
    snprintf(out, size, "%s", bp_numbers_rule_name(bp_prepare_defaults().numbers));
}

static void default_missing_words(char *out, size_t size)
{
    snprintf(out, size, "NA, N/A, NaN, null, ? and their like");
}

static void default_search_time(char *out, size_t size)
{
    snprintf(out, size, "no limit");
}

static void default_bad_rows(char *out, size_t size)
{
    snprintf(out, size, "%s", bad_rows_word(0));
}

static void default_part(char *out, size_t size)
{
    snprintf(out, size, "test, or train where there is no test part");
}

static void default_checked_rows(char *out, size_t size)
{
    snprintf(out, size, "8");
}

static void default_c_type(char *out, size_t size)
{
    snprintf(out, size, "%s", c_type_word(0));
}

static void default_c_name(char *out, size_t size)
{
    snprintf(out, size, "%s", bp_c_defaults().name);
}

static void default_type(char *out, size_t size)
{
    snprintf(out, size, "%s", bp_type_name(bp_model_defaults().type));
}

static void default_steps(char *out, size_t size)
{
    snprintf(out, size, "no limit");
}

static void default_patience(char *out, size_t size)
{
    size_t n = bp_train_defaults().patience;
    snprintf(out, size, n == 0 ? "never" : "%zu", n);
}

static void default_every(char *out, size_t size)
{
    snprintf(out, size, "%s", bp_checkpoint_defaults().every);
}

static void default_keep(char *out, size_t size)
{
    snprintf(out, size, "%zu", bp_checkpoint_defaults().keep);
}

static void default_momentum(char *out, size_t size)
{
    snprintf(out, size, "%g; rmsprop: %g", bp_optimizer_defaults(BP_MOMENTUM).momentum,
             bp_optimizer_defaults(BP_RMSPROP).momentum);
}

static void default_weight_decay(char *out, size_t size)
{
    snprintf(out, size, "adamw: %g; others: %g", bp_optimizer_defaults(BP_ADAMW).weight_decay,
             bp_optimizer_defaults(BP_ADAM).l2);
}

static void default_sample(char *out, size_t size)
{
    snprintf(out, size, "%zu", bp_check_defaults().sample);
}

static void default_seed(char *out, size_t size)
{
    snprintf(out, size, "%d", DEFAULT_SEED);
}

static void default_threads(char *out, size_t size)
{
    snprintf(out, size, "as many as pay for the work");
}

static void default_kernel(char *out, size_t size)
{
    snprintf(out, size, "the fastest this CPU can run");
}

static void default_init(char *out, size_t size)
{
    snprintf(out, size, "he-uniform for the relu family, else glorot-uniform");
}

static void default_imported_out(char *out, size_t size)
{
    snprintf(out, size, "the name of FILE, with .safetensors, here");
}

static void default_imported_task(char *out, size_t size)
{
    snprintf(out, size, "classify where the output is softmax, else regress");
}

static void by_output(char *out, size_t size)
{
    snprintf(out, size, "that of the file, else by task and output");
}

static void default_model_out(char *out, size_t size)
{
    snprintf(out, size, "the name of the data + .safetensors, here");
}

static void default_table_out(char *out, size_t size)
{
    snprintf(out, size, "stdout");
}

static void default_top(char *out, size_t size)
{
    snprintf(out, size, "1; with --draw: %d", DEFAULT_DRAWN_TOP);
}

static void default_row_range(char *out, size_t size)
{
    snprintf(out, size, "all; with --draw: the first %d", DEFAULT_DRAWN);
}

static void default_sampled_rows(char *out, size_t size)
{
    snprintf(out, size, "all");
}

static void default_repeats(char *out, size_t size)
{
    snprintf(out, size, "%zu", bp_importance_defaults().repeats);
}

static void default_fetch_dir(char *out, size_t size)
{
    snprintf(out, size, "$XDG_CACHE_HOME/backprop/NAME, or ~/.cache/backprop/NAME");
}

static void default_mirror(char *out, size_t size)
{
    snprintf(out, size, "%d public ones for each set", REMOTE_MIRRORS);
}

static void default_sums(char *out, size_t size)
{
    snprintf(out, size, "those of the original files");
}

static void default_timeout(char *out, size_t size)
{
    snprintf(out, size, "%d", DEFAULT_TIMEOUT);
}

static void default_row(char *out, size_t size)
{
    snprintf(out, size, "0");
}

static void default_net_output(char *out, size_t size)
{
    snprintf(out, size, "classes: softmax; numbers: linear");
}

static void default_loss(char *out, size_t size)
{
    snprintf(out, size, "by output: cross-entropy for softmax, bce for sigmoid, else mse");
}

const char *option_group_title(option_group g)
{
    static const char *const titles[] = {"Data",      "Tables",         "Network", "Training",
                                         "Optimizer", "Looking inside", "Running", "Output"};
    static_assert(sizeof titles / sizeof *titles == GROUPS, "a title for each group");
    return titles[g];
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const option_row option_table[OPTIONS] = {
    [OPT_DATA_DIR] = {"data-dir", "DIR", VALUE_FILE, GROUP_DATA, READS_DATA | EXPORT, NULL, NULL,
                      "look for named data in DIR first, then in $BACKPROP_DATA, then in the cache directory", NULL},
    [OPT_TEST] = {"test", "DATA|SHARE", VALUE_PART, GROUP_DATA, TRAIN, &fraction, data_word,
                  "measure on DATA (its test part if it has one) instead of the test part of the training data; of a "
                  "table, on a share of its rows (0.2), drawn by --seed, or on another table",
                  NULL},
    [OPT_VALID] =
        {"valid", "SHARE|FILE", VALUE_PART, GROUP_DATA, TRAIN, &fraction_or_none, NULL,
         "set this share of the training rows aside, or of a table take the rows of FILE; their loss decides about "
         "early stopping, best weights and the plateau schedule",
         default_valid},
    [OPT_PART] = {"part", "PART", VALUE_WORD, GROUP_DATA, EVAL | PREDICT | INSPECT, NULL, part_word,
                  "rows to use: train, test or all (the training rows, then the test rows)", default_part},
    [OPT_GENERATED_ROWS] = {"rows", "N", VALUE_SIZE, GROUP_DATA, TRAIN | EVAL | EXPORT | DATA, &from_one, NULL,
                            "training rows of a generated set; its test part has a sixth as many (digits) or a quarter",
                            by_set},
    [OPT_CHECKED_ROWS] = {"rows", "N", VALUE_SIZE, GROUP_DATA, CHECK, &from_one, NULL,
                          "check on the first N training rows", default_checked_rows},
    [OPT_ROW_RANGE] = {"rows", "N|FROM-TO", VALUE_RANGE, GROUP_DATA, PREDICT, NULL, NULL,
                       "only row N, or rows FROM to TO, both included; the first row is 0", default_row_range},
    [OPT_SAMPLED_ROWS] = {"rows", "N", VALUE_SIZE, GROUP_DATA, EXPLAIN, &from_two, NULL,
                          "measure on at most N of the rows, drawn by --seed", default_sampled_rows},
    [OPT_ROW] = {"row", "N", VALUE_SIZE, GROUP_CHECK, INSPECT, &whole, NULL, "the sample to trace; the first is 0",
                 default_row},
    [OPT_FETCH_DIR] = {"data-dir", "DIR", VALUE_FILE, GROUP_DATA, FETCH, NULL, NULL, "put the files into DIR/NAME",
                       default_fetch_dir},
    [OPT_MIRROR] = {"mirror", "URL", VALUE_TEXT, GROUP_DATA, FETCH, NULL, NULL,
                    "fetch from this address alone, to which the names of the files are added", default_mirror},
    [OPT_SUMS] =
        {"sums", "FILE", VALUE_FILE, GROUP_DATA, FETCH, NULL, NULL,
         "check against the SHA-256 sums in FILE, as sha256sum writes them: for a mirror that packed the files "
         "anew",
         default_sums},
    [OPT_STANDARDIZE] =
        {"standardize", NULL, VALUE_FLAG, GROUP_DATA, TRAIN | CHECK, NULL, NULL,
         "scale each input to mean 0 and standard deviation 1 over the training rows, and keep that scaling "
         "in the model; without it bytes are scaled to 0..1 and other data is left as it is",
         NULL},

    [OPT_TARGET] = {"target", "NAMES", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL,
                    "the column to predict, by name or, from 1, number; several: \"a,b,\\\"c, d\\\"\"", default_target},
    [OPT_TASK] = {"task", "TASK", VALUE_WORD, GROUP_TABLE, TRAIN, NULL, task_word,
                  "classify, regress, or multilabel for several yes/no targets", default_task},
    [OPT_CATEGORICAL] = {"categorical", "NAMES", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL,
                         "columns whose values are names, even if they look like numbers", by_content},
    [OPT_NUMERIC] = {"numeric", "NAMES", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL,
                     "columns that are numbers: any other text in them is an error", by_content},
    [OPT_DROP] = {"drop", "NAMES", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL, "columns that are not used", NULL},
    [OPT_ID] = {"id", "NAMES", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL,
                "columns that are not used, but name the row in predictions", NULL},
    [OPT_PLAIN_TARGET] = {"target", "NAMES", VALUE_TEXT, GROUP_TABLE, READS_TABLES & ~(unsigned)TRAIN, NULL, NULL,
                          "of a model that knows no columns: the column that it predicts, by name or number",
                          default_plain_target},
    [OPT_PLAIN_DROP] = {"drop", "NAMES", VALUE_TEXT, GROUP_TABLE, READS_TABLES & ~(unsigned)TRAIN, NULL, NULL,
                        "of a model that knows no columns: those that are not its inputs", NULL},
    [OPT_PLAIN_ID] =
        {"id", "NAMES", VALUE_TEXT, GROUP_TABLE, PREDICT, NULL, NULL,
         "of a model that knows no columns: those that are not its inputs, but name the row in predictions", NULL},
    [OPT_SAMPLE_WEIGHT] = {"sample-weight", "COLUMN", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL,
                           "how much each row counts: 2 as if it were there twice, 0 as if it were not", NULL},
    [OPT_CLASS_WEIGHT] = {"class-weight", "WEIGHTS", VALUE_TEXT, GROUP_TABLE, TRAIN, NULL, NULL,
                          "how much the rows of each class count in training: balanced, or name=w,name=w", NULL},
    [OPT_MISSING] = {"missing", "RULE", VALUE_WORD, GROUP_TABLE, TRAIN, NULL, missing_word,
                     "cells without a value: impute (fill in, and tell the network), drop the row, or error",
                     default_missing},
    [OPT_IMPUTE] = {"impute", "RULE", VALUE_WORD, GROUP_TABLE, TRAIN, NULL, impute_word,
                    "what to fill in for a number: median or mean of the training rows", default_impute},
    [OPT_NUMBERS] = {"numbers", "RULE", VALUE_WORD, GROUP_TABLE, TRAIN, NULL, numbers_word,
                     "scaling of numbers: standard (mean and deviation), robust (median and quartiles), quantile (to a "
                     "normal distribution), or auto, for each column the one that suits it",
                     default_numbers},
    [OPT_FOLDS] = {"folds", "K", VALUE_SIZE, GROUP_TABLE, TRAIN, &from_two, NULL,
                   "cross-validate: train K times, each time measured on another K-th of the rows; then train on all",
                   NULL},
    [OPT_SEARCH] =
        {"search", "N", VALUE_SIZE, GROUP_TABLE, TRAIN, &from_one, NULL,
         "try N settings of network, optimizer and scaling, told apart by the validation rows or the folds, and "
         "train the best; what other options say stays fixed",
         NULL},
    [OPT_SEARCH_STATE] = {"search-state", "FILE", VALUE_FILE, GROUP_TABLE, TRAIN, NULL, NULL,
                          "keep the scores in FILE: a search that was stopped goes on where it ended", NULL},
    [OPT_SEARCH_TIME] = {"search-time", "SECONDS", VALUE_REAL, GROUP_TABLE, TRAIN, &positive, NULL,
                         "end the search after that time, once a setting has a score, with the best so far",
                         default_search_time},
    [OPT_DELIMITER] = {"delimiter", "CHAR", VALUE_TEXT, GROUP_TABLE, READS_TABLES, NULL, delimiter_word,
                       "what separates the cells: comma, semicolon, tab, pipe, space, or the character", by_content},
    [OPT_HEADER] = {"header", "ANSWER", VALUE_WORD, GROUP_TABLE, READS_TABLES, NULL, yes_word,
                    "whether the first row has the names of the columns: yes or no", by_content},
    [OPT_DECIMAL_COMMA] = {"decimal-comma", NULL, VALUE_FLAG, GROUP_TABLE, READS_TABLES, NULL, NULL,
                           "numbers are written with a comma: 1,5 is one and a half", NULL},
    [OPT_MISSING_WORDS] = {"missing-words", "WORDS", VALUE_TEXT, GROUP_TABLE, READS_TABLES, NULL, NULL,
                           "what stands for a cell without a value, separated by commas; an empty cell always does",
                           default_missing_words},
    [OPT_BAD_ROWS] = {"bad-rows", "RULE", VALUE_WORD, GROUP_TABLE, READS_TABLES, NULL, bad_rows_word,
                      "rows with too few or too many cells: error, or skip and count them", default_bad_rows},
    [OPT_CACHE] = {"cache", "FILE", VALUE_FILE, GROUP_TABLE, TRAIN, NULL, NULL,
                   "keep the converted table in FILE and map it into memory: for tables larger than memory, and "
                   "faster the next time",
                   NULL},

    [OPT_NET] = {"net", "LAYERS", VALUE_TEXT, GROUP_NETWORK, TRAIN | CHECK, NULL, NULL,
                 "hidden layers, separated by commas: \"dense N [activation]\" or \"dropout RATE\"; \"\" for none",
                 by_data},
    [OPT_OUTPUT] = {"output", "NAME", VALUE_WORD, GROUP_NETWORK, TRAIN | CHECK, NULL, output_word,
                    "activation of the output layer: linear, sigmoid, tanh or softmax; two classes with another output "
                    "than softmax have one unit",
                    default_net_output},
    [OPT_LOSS] =
        {"loss", "NAME", VALUE_WORD, GROUP_NETWORK, TRAIN | CHECK, NULL, loss_word,
         "cross-entropy, bce, mse, mae or huber; mse is the mean over the rows of 1/2 |o-t|^2, for D outputs D/2 "
         "times PyTorch's MSELoss",
         default_loss},
    [OPT_INIT] = {"init", "RULE", VALUE_TEXT, GROUP_NETWORK, TRAIN | CHECK, NULL, init_word,
                  "initial weights: zeros, normal[:sigma], uniform[:limit], glorot-uniform, glorot-normal, he-uniform, "
                  "he-normal, lecun-uniform or lecun-normal",
                  default_init},
    [OPT_INIT_FROM] = {"init-from", "MODEL", VALUE_FILE, GROUP_NETWORK, TRAIN, NULL, NULL,
                       "go on from the network, the weights and the scaling or preparation of this model; for other "
                       "classes or numbers "
                       "than it has, the last layer is new",
                       NULL},
    [OPT_FREEZE] =
        {"freeze", "LAYERS", VALUE_TEXT, GROUP_NETWORK, TRAIN, NULL, freeze_word,
         "with --init-from: layers that are not trained, by the numbers that inspect shows, such as 0, 0-2 or "
         "0,2; or body, all but the last",
         NULL},
    [OPT_NEW_HEAD] = {"new-head", NULL, VALUE_FLAG, GROUP_NETWORK, TRAIN, NULL, NULL,
                      "with --init-from: the last layer is new, even where that of the model would fit", NULL},
    [OPT_DTYPE] = {"dtype", "TYPE", VALUE_WORD, GROUP_NETWORK, TRAIN | BENCH, NULL, type_word,
                   "type of weights and arithmetic: f32 or f64", default_type},
    [OPT_IMPORTED_NET] = {"net", "LAYERS", VALUE_TEXT, GROUP_NETWORK, IMPORT, NULL, NULL,
                          "hidden layers, as for train, of a file that has weights alone", NULL},
    [OPT_IMPORTED_TASK] = {"task", "TASK", VALUE_WORD, GROUP_NETWORK, IMPORT, NULL, imported_task_word,
                           "what the outputs are: classify (classes) or regress (numbers)", default_imported_task},
    [OPT_IMPORTED_OUTPUT] = {"output", "NAME", VALUE_WORD, GROUP_NETWORK, IMPORT, NULL, output_word,
                             "activation of the output layer, of a file that does not say it", NULL},
    [OPT_IMPORTED_LOSS] = {"loss", "NAME", VALUE_WORD, GROUP_NETWORK, IMPORT, NULL, loss_word,
                           "loss for evaluation and further training", by_output},
    [OPT_APPROXIMATE] = {"approximate", NULL, VALUE_FLAG, GROUP_NETWORK, IMPORT, NULL, NULL,
                         "where an activation is not here, take the one that is nearest; without it, such a file is "
                         "refused",
                         NULL},
    [OPT_IMPORTED_SCALING] =
        {"scaling", "MEAN,DEVIATION", VALUE_TEXT, GROUP_NETWORK, IMPORT, NULL, NULL,
         "the original was given (x - MEAN) / DEVIATION for each number x of the data: 0,255 where "
         "ToTensor of torchvision made 0..1 of the bytes of images; the model does it itself then "
         "(default: what the file says, else numbers go in as they are)",
         NULL},
    [OPT_IMPORTED_CLASSES] = {"classes", "NAMES", VALUE_TEXT, GROUP_NETWORK, IMPORT, NULL, NULL,
                              "what the classes are called, in the order of the outputs, separated by commas "
                              "(default: what the file says, else 0, 1 ...)",
                              NULL},

    [OPT_EPOCHS] = {"epochs", "N", VALUE_SIZE, GROUP_TRAINING, TRAIN, &whole, NULL,
                    "passes over the training rows; with --steps: whichever ends first", by_data},
    [OPT_STEPS] = {"steps", "N", VALUE_SIZE, GROUP_TRAINING, TRAIN, &whole, NULL,
                   "steps, one for each batch; 0 saves the initial weights", default_steps},
    [OPT_BATCH] = {"batch", "N", VALUE_SIZE, GROUP_TRAINING, TRAIN, &from_one, NULL,
                   "rows in a step; lbfgs and rprop: all", by_data},
    [OPT_NO_SHUFFLE] = {"no-shuffle", NULL, VALUE_FLAG, GROUP_TRAINING, TRAIN, NULL, NULL,
                        "keep the order of the rows instead of a new one each epoch", NULL},
    [OPT_PATIENCE] = {"patience", "N", VALUE_SIZE, GROUP_TRAINING, TRAIN, &whole, NULL,
                      "stop after N epochs without a better loss (of the rows of --valid, else of training)",
                      default_patience},
    [OPT_RESTORE_BEST] = {"restore-best", NULL, VALUE_FLAG, GROUP_TRAINING, TRAIN, NULL, NULL,
                          "end with the weights of the epoch that had the best loss", NULL},
    [OPT_CHECKPOINT] = {"checkpoint", "DIR", VALUE_FILE, GROUP_TRAINING, TRAIN, NULL, NULL,
                        "write the state of the run into DIR now and then, and at the end, so that it can go on after "
                        "whatever happens",
                        NULL},
    [OPT_EVERY] = {"every", "INTERVAL", VALUE_TEXT, GROUP_TRAINING, TRAIN, NULL, interval_word,
                   "how often: \"50 steps\", \"2 epochs\", \"30 seconds\"; also minutes and hours", default_every},
    [OPT_KEEP_NEWEST] = {"keep", "K", VALUE_SIZE, GROUP_TRAINING, TRAIN, &from_one, NULL,
                         "keep the K newest checkpoints", default_keep},
    [OPT_RESUME] =
        {"resume", "DIR", VALUE_FILE, GROUP_TRAINING, TRAIN, NULL, NULL,
         "go on from the newest intact checkpoint in DIR, with the same data, network and options, and write further "
         "ones there, or where --checkpoint says; the result is the one of a run that was not interrupted, bit for "
         "bit. "
         "Other threads are allowed, and more epochs or steps, unless the schedule depends on them",
         NULL},

    [OPT_OPTIMIZER] =
        {"optimizer", "NAME", VALUE_WORD, GROUP_OPTIMIZER, TRAIN, NULL, optimizer_word,
         "sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw, as PyTorch defines them; for small data lbfgs or "
         "rprop (iRPROP+)",
         by_data},
    [OPT_LR] = {"lr", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &not_negative, NULL,
                "learning rate; lbfgs and rprop: length of the first step", by_data},
    [OPT_MOMENTUM] = {"momentum", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &not_negative, NULL,
                      "only for momentum, nesterov and rmsprop", default_momentum},
    [OPT_SCHEDULE] = {"schedule", "RULE", VALUE_TEXT, GROUP_OPTIMIZER, TRAIN, NULL, schedule_word,
                      "constant, step:E[,gamma], exponential:gamma, cosine[:floor], inverse:k[,power] or "
                      "plateau[:patience[,gamma]], each with \"warmup:S + \" in front if wanted",
                      by_data},
    [OPT_WEIGHT_DECAY] = {"weight-decay", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &not_negative, NULL,
                          "as in PyTorch: decoupled for adamw, an L2 penalty for the others; not on biases",
                          default_weight_decay},
    [OPT_L1] = {"l1", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &not_negative, NULL,
                "penalty F |w| on the weights, not on biases", NULL},
    [OPT_L2] = {"l2", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &not_negative, NULL,
                "penalty 1/2 F |w|^2 on the weights, not on biases", NULL},
    [OPT_CLIP_NORM] = {"clip-norm", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &positive, NULL,
                       "shrink the gradient where its norm, over all parameters, exceeds F", NULL},
    [OPT_CLIP_VALUE] = {"clip-value", "F", VALUE_REAL, GROUP_OPTIMIZER, TRAIN, &positive, NULL,
                        "clamp each element of the gradient to -F..F", NULL},

    [OPT_ALL] = {"all", NULL, VALUE_FLAG, GROUP_CHECK, CHECK, NULL, NULL,
                 "check every element of every tensor, however long it takes", NULL},
    [OPT_SAMPLE] = {"sample", "N", VALUE_SIZE, GROUP_CHECK, CHECK, &from_one, NULL,
                    "check N elements, drawn by --seed, of each tensor that has more", default_sample},
    [OPT_UNFUSED] = {"unfused", NULL, VALUE_FLAG, GROUP_CHECK, CHECK, NULL, NULL,
                     "check one op for each formula instead of the fused ones that training uses", NULL},
    [OPT_TRACE] =
        {"trace", "DATA", VALUE_DATA, GROUP_CHECK, INSPECT, NULL, data_word,
         "take one sample of DATA through the network and back, and show w, b, z, a, delta, dC/db and dC/dw of "
         "every layer",
         NULL},
    [OPT_FULL] = {"full", NULL, VALUE_FLAG, GROUP_CHECK, INSPECT, NULL, NULL,
                  "with --trace: every number, not the first few and a summary", NULL},

    [OPT_REPEATS] = {"repeats", "N", VALUE_SIZE, GROUP_CHECK, EXPLAIN, &from_one, NULL,
                     "shuffle each column N times: more of them, less depends on chance", default_repeats},

    [OPT_SEED] = {"seed", "N", VALUE_SIZE, GROUP_RUN, READS_DATA, &whole, NULL,
                  "of everything random: weights, order, dropout, splits, samples, generated data", default_seed},
    [OPT_THREADS] = {"threads", "N", VALUE_SIZE, GROUP_RUN, TRAIN | EVAL | PREDICT | EXPLAIN | BENCH, &threads_limits,
                     NULL, "threads; the results are the same for any number", default_threads},
    [OPT_KERNEL] = {"kernel", "NAME", VALUE_WORD, GROUP_RUN, COMPUTES | BENCH | VERSION, NULL, kernel_word,
                    "instruction set: avx512, avx2, neon or portable", default_kernel},

    [OPT_QUICK] = {"quick", NULL, VALUE_FLAG, GROUP_RUN, BENCH, NULL, NULL,
                   "a few seconds in all: fewer and shorter runs, less exact", NULL},
    [OPT_TIMEOUT] = {"timeout", "SECONDS", VALUE_REAL, GROUP_RUN, FETCH, &positive, NULL,
                     "give up on a server that sends nothing for so long", default_timeout},

    [OPT_MODEL_OUT] = {"out", "MODEL", VALUE_FILE, GROUP_OUTPUT, TRAIN, NULL, NULL, "write the model here",
                       default_model_out},
    [OPT_TABLE_OUT] = {"out", "FILE", VALUE_FILE, GROUP_OUTPUT, PREDICT, NULL, NULL,
                       "write the predictions here, whole or not at all", default_table_out},
    [OPT_DATA_OUT] = {"out", "DIR", VALUE_FILE, GROUP_OUTPUT, DATA, NULL, NULL, "write the IDX files into DIR", NULL},
    [OPT_SHEET] = {"sheet", "FILE", VALUE_FILE, GROUP_OUTPUT, DATA, NULL, NULL,
                   "write the first images, line by line, into one picture: FILE.png or FILE.pgm", NULL},
    [OPT_ONNX] = {"onnx", "FILE", VALUE_FILE, GROUP_OUTPUT, EXPORT, NULL, NULL, "write an ONNX graph", NULL},
    [OPT_C] = {"c", "FILE", VALUE_FILE, GROUP_OUTPUT, EXPORT, NULL, NULL, "write C source", NULL},
    [OPT_C_HEADER] = {"header", "FILE", VALUE_FILE, GROUP_OUTPUT, EXPORT, NULL, NULL,
                      "with --c: declare in this file what the source offers, not in the source itself", NULL},
    [OPT_C_TYPE] = {"type", "TYPE", VALUE_WORD, GROUP_OUTPUT, EXPORT, NULL, c_type_word,
                    "with --c: f32, f64 or int8 (weights and activations in 8 bits)", default_c_type},
    [OPT_C_NAME] = {"name", "PREFIX", VALUE_TEXT, GROUP_OUTPUT, EXPORT, NULL, NULL,
                    "with --c: what all names in the source begin with", default_c_name},
    [OPT_C_TEST] = {"with-test", NULL, VALUE_FLAG, GROUP_OUTPUT, EXPORT, NULL, NULL,
                    "with --c: add a function that predicts known rows and compares", NULL},
    [OPT_C_CALIBRATE] = {"calibrate", "DATA", VALUE_DATA, GROUP_OUTPUT, EXPORT, NULL, data_word,
                         "with --type int8: data that shows how large the numbers between the layers become (its "
                         "training part), and how far int8 is off (its test part)",
                         NULL},
    [OPT_IMPORTED_OUT] = {"out", "MODEL", VALUE_FILE, GROUP_OUTPUT, IMPORT, NULL, NULL, "write the model here",
                          default_imported_out},
    [OPT_FORCE] = {"force", NULL, VALUE_FLAG, GROUP_OUTPUT, DATA, NULL, NULL, "replace files that are there", NULL},
    [OPT_DRAW] = {"draw", NULL, VALUE_FLAG, GROUP_OUTPUT, PREDICT, NULL, NULL,
                  "draw each image, with its most probable classes as bars beside it", NULL},
    [OPT_TOP] = {"top", "K", VALUE_SIZE, GROUP_OUTPUT, PREDICT, &from_one, NULL,
                 "the K most probable classes of each sample, the best first", default_top},
    [OPT_PROBA] = {"proba", NULL, VALUE_FLAG, GROUP_OUTPUT, PREDICT, NULL, NULL,
                   "of a table: the probability of every class too, a column each", NULL},
    [OPT_KEEP] = {"keep", NULL, VALUE_FLAG, GROUP_OUTPUT, PREDICT, NULL, NULL,
                  "of a table: append the predictions to the lines of the input, as they are", NULL},
    [OPT_LOG] = {"log", "FILE", VALUE_FILE, GROUP_OUTPUT, TRAIN, NULL, NULL,
                 "write a JSON object for each epoch to FILE, a line each", NULL},
    [OPT_JSON] = {"json", NULL, VALUE_FLAG, GROUP_OUTPUT, (unsigned)EVERY & ~((unsigned)PREDICT | (unsigned)HELP), NULL,
                  NULL, "print the result as one JSON object, the last line of stdout", NULL},
    [OPT_QUIET] = {"quiet", NULL, VALUE_FLAG, GROUP_OUTPUT, TRAIN | FETCH, NULL, NULL, "print the result alone", NULL},
    [OPT_MAN] = {"man", NULL, VALUE_FLAG, GROUP_OUTPUT, HELP, NULL, NULL, "print the manual page (roff)", NULL},
    [OPT_MARKDOWN] = {"markdown", NULL, VALUE_FLAG, GROUP_OUTPUT, HELP, NULL, NULL,
                      "print the reference of all commands in Markdown (docs/commands.md)", NULL},
    [OPT_COMPLETIONS] = {"completions", "SHELL", VALUE_WORD, GROUP_OUTPUT, HELP, NULL, shell_word,
                         "print the completions for bash, zsh or fish", NULL},
    [OPT_HELP] = {"help", NULL, VALUE_FLAG, GROUP_OUTPUT, EVERY, NULL, NULL, "show this help; also -h", NULL},
};
