/* train_table.c - `backprop train` on a table: reading, dividing, fitting, and what the network is held against. What is
 * said of it is in train_table_report.c. */
#include <string.h>

#include "base/base.h"
#include "interrupt.h"
#include "memory.h"
#include "train.h"

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bp_status check_files(const training *t)
{
    const options *o = t->o;
    const char *valid = text_or(o, OPT_VALID, ""), *test = text_or(o, OPT_TEST, "");
    int pipes = (strcmp(t->what, "-") == 0) + (strcmp(valid, "-") == 0) + (strcmp(test, "-") == 0);
    if (pipes > 1) {
        return bp_fail(BP_ERR_ARGUMENT, "standard input can be only one of DATA, --valid and --test");
    }
    if (named(o, OPT_TEST) && !table_named(test)) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "--test %s: a table is tested on a share of its rows, such as 0.2, or on the "
                       "path of another table",
                       test);
    }
    if (given(o, OPT_CACHE) && strcmp(o->value[OPT_CACHE].text, t->what) == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "--cache %s is the table itself; give the cache a name of its own",
                       o->value[OPT_CACHE].text);
    }
    return BP_OK;
}

/* The targets, and the task, are those of the model that training starts from, unless the command line names others. */
static bp_status default_targets(table_request *r, const bp_preparation *from)
{
    size_t count = 0;
    while (bp_preparation_target(from, count, NULL, NULL) != NULL) {
        count++;
    }
    if (r->target.count > 0 || count == 0) {
        return BP_OK;
    }
    r->target.name = cli_alloc(count, sizeof *r->target.name);
    for (size_t i = 0; r->target.name != NULL && i < count; i++) {
        r->target.name[r->target.count++] = bp_preparation_target(from, i, NULL, NULL);
    }
    r->prepare.target = (bp_columns){r->target.name, r->target.count};
    r->prepare.task = r->prepare.task == BP_TABLE_AUTO ? bp_preparation_task(from) : r->prepare.task;
    return r->target.name != NULL ? BP_OK : BP_ERR_MEMORY;
}

/* The columns are read as that model wants them, but for targets, which may be others. */
static bp_status read_as_model(training *t)
{
    const char *path = text_or(t->o, OPT_INIT_FROM, NULL), *cache = t->tables.request.reading.cache;
    bp_status status = train_start_load(t);
    if (status != BP_OK || t->from == NULL) {
        return status;
    }
    if (bp_model_preparation_text(t->from) == NULL) {
        return bp_fail(BP_ERR_DATA, "%s was not trained on a table: it does not say what to do with columns", path);
    }
    status = bp_model_preparation(&t->tables.from, t->from);
    status = status == BP_OK ? default_targets(&t->tables.request, t->tables.from) : status;
    if (status != BP_OK) {
        return status;
    }
    t->tables.request.reading = bp_preparation_reading(t->tables.from, false);
    t->tables.request.reading.cache = cache;
    return table_reading(&t->tables.request.reading, t->o);
}

static bp_status read_main(training *t)
{
    double start = bp_seconds();
    const char *slash = strrchr(t->what, '/');
    bp_status status = read_as_model(t);
    status = status == BP_OK ? bp_table_read(&t->tables.table, t->what, &t->tables.request.reading) : status;
    t->tables.read_seconds = bp_seconds() - start;
    const char *name = strcmp(t->what, "-") == 0 ? "table" : slash != NULL ? slash + 1 : t->what;
    snprintf(t->name, sizeof t->name, "%.*s", (int)bp_text_fitting(name, strlen(name), sizeof t->name - 1), name);
    return status;
}

/* Another table with the same columns: read as the preparation wants it, whatever its own cells look like. */
static bp_status read_other(bp_table **out, const training *t, const bp_preparation *p, option_id id)
{
    const options *o = t->o;
    if (!named(o, id)) {
        return BP_OK;
    }
    bp_table_options reading = bp_preparation_reading(p, true);
    bp_status status = table_reading(&reading, o);
    return status == BP_OK ? bp_table_read(out, o->value[id].text, &reading) : status;
}

/* The rows of --valid FILE are needed before the fit, and how they are read is known only after one: a preparation of all
 * rows is made for that alone. */
static bp_status read_valid(training *t)
{
    bp_preparation *p = NULL;
    bool same;
    const bp_prepare_options *o = &t->tables.request.prepare;
    if (!named(t->o, OPT_VALID)) {
        return BP_OK;
    }
    bp_status status = t->from != NULL ? bp_preparation_retarget(&p, &same, t->tables.from, t->tables.table, NULL, 0, o)
                                       : bp_preparation_fit(&p, t->tables.table, NULL, 0, o);
    status = status == BP_OK ? read_other(&t->tables.valid_table, t, p, OPT_VALID) : status;
    bp_preparation_free(p);
    return status;
}

static bp_status split_test(training *t)
{
    if (!shared(t->o, OPT_TEST)) {
        return BP_OK;
    }
    return bp_table_split(&t->tables.split, t->tables.table, t->o->value[OPT_TEST].real, &t->tables.request.prepare,
                          size_or(t->o, OPT_SEED, DEFAULT_SEED));
}

/* ---- fitting ----------------------------------------------------------------------------------------------------- */

static bp_fit_options fit_options(const training *t)
{
    const options *o = t->o;
    bp_fit_options fit = bp_fit_defaults();
    fit.prepare = t->tables.request.prepare;
    fit.model.net = text_or(o, OPT_NET, NULL);
    fit.own_net = given(o, OPT_NET);
    fit.model.output = text_or(o, OPT_OUTPUT, NULL);
    fit.model.loss = text_or(o, OPT_LOSS, NULL);
    fit.model.init = text_or(o, OPT_INIT, NULL);
    bp_type type = t->from != NULL ? bp_model_describe(t->from).type : fit.model.type;
    fit.model.type = (bp_type)size_or(o, OPT_DTYPE, (size_t)type);
    fit.from = t->from;
    fit.new_head = given(o, OPT_NEW_HEAD);
    if (shared(o, OPT_VALID)) { /* to the library 0 means: choose */
        fit.valid = o->value[OPT_VALID].real > 0 ? o->value[OPT_VALID].real : -1;
    }
    fit.own_patience = given(o, OPT_PATIENCE);
    fit.train.patience = size_or(o, OPT_PATIENCE, 0);
    fit.valid_table = t->tables.valid_table;
    fit.seed = size_or(o, OPT_SEED, DEFAULT_SEED);
    return fit;
}

/* What the library chose, and on top of it what the command line says. */
static bp_status set_run(training *t)
{
    const options *o = t->o;
    bp_train_options *run = &t->tables.fit->run;
    t->recipe = recipe_for_table(&t->tables.fit->recipe);
    t->recipe.l2 = run->optimizer.l2;
    run->epochs = epochs_from_options(o, &t->recipe);
    run->steps = size_or(o, OPT_STEPS, run->steps);
    if (run->epochs == 0) {
        run->epochs = 1;
        run->steps = 0;
    }
    run->batch = size_or(o, OPT_BATCH, run->batch);
    run->shuffle = !given(o, OPT_NO_SHUFFLE);
    run->threads = (int)size_or(o, OPT_THREADS, 0);
    run->patience = size_or(o, OPT_PATIENCE, run->patience);
    run->restore_best = run->restore_best || given(o, OPT_RESTORE_BEST);
    bp_status status = optimizer_from_options(&run->optimizer, &run->schedule, &t->schedule_text, o, &t->recipe);
    return status == BP_OK ? bp_optimizer_check(&run->optimizer) : status;
}

void train_table_adopt(training *t)
{
    const bp_fit *f = t->tables.fit;
    t->model = f->model;
    t->new_head = f->new_head;
    t->run = f->run;
    t->full_batch = bp_optimizer_full_batch(f->run.optimizer.kind);
    t->train = f->train->train;
    t->valid = f->valid != NULL ? f->valid->train : (bp_data){0};
}

static bp_status fit(training *t)
{
    bp_fit_options o = fit_options(t);
    table_training *tables = &t->tables;
    bool split = tables->split.rest != NULL;
    bp_status status = bp_fit_new(&tables->fit, tables->table, split ? tables->split.rest : NULL,
                                  split ? tables->split.rest_rows : 0, &o);
    status = status == BP_OK ? set_run(t) : status;
    if (status != BP_OK) {
        return status;
    }
    train_table_adopt(t);
    status = train_start_freeze(t);
    if (status != BP_OK) {
        return status;
    }
    return read_other(&tables->test_table, t, tables->fit->preparation, OPT_TEST);
}

exit_code train_table_prepare(training *t)
{
    bp_status status = check_files(t);
    status = status == BP_OK ? table_request_make(&t->tables.request, t->o) : status;
    if (status != BP_OK) {
        return fail_usage(&command_table[CMD_TRAIN]);
    }
    status = read_main(t);
    status = status == BP_OK ? read_valid(t) : status;
    status = status == BP_OK ? split_test(t) : status;
    status = status == BP_OK ? fit(t) : status;
    return status == BP_OK ? CODE_OK : fail_status(status);
}

/* ---- folds ------------------------------------------------------------------------------------------------------- */

static bool not_interrupted(void *ctx, const bp_progress *p)
{
    (void)ctx;
    (void)p;
    return !interrupt_seen();
}

static bool on_fold(void *ctx, size_t fold, const bp_fold *done)
{
    training *t = ctx;
    t->tables.folds_done++;
    if (!t->quiet && given(t->o, OPT_FOLDS)) {
        train_table_fold(fold, t, done);
    } else if (!t->quiet) {
        train_table_folds_live(t);
    }
    return !interrupt_seen();
}

/* Whether the recipe's penalties are to be compared: not where the command line or a search decides, or rows are held
 * back. */
static bool penalty_open(const training *t)
{
    const bp_fit *f = t->tables.fit;
    return f->recipe.penalty[1] != 0 && f->valid == NULL && t->tables.search == NULL && !given(t->o, OPT_OPTIMIZER) &&
           !given(t->o, OPT_L2) && !given(t->o, OPT_WEIGHT_DECAY);
}

/* Folds that are made: those asked for, or those of the recipe where no row is held back. */
static size_t fold_count(const training *t)
{
    const bp_fit *f = t->tables.fit;
    if (given(t->o, OPT_FOLDS)) {
        return t->o->value[OPT_FOLDS].size;
    }
    return f->valid == NULL && t->from == NULL && !given(t->o, OPT_VALID) && f->rows >= 2 * f->recipe.folds
               ? f->recipe.folds
               : 0;
}

bool train_table_open(const training *t)
{
    return t->is_table && fold_count(t) > 0 && penalty_open(t);
}

exit_code train_table_folds(training *t)
{
    if (!t->is_table || fold_count(t) == 0) {
        return CODE_OK;
    }
    bp_folds_options o = bp_folds_defaults();
    bp_fit *f = t->tables.fit;
    bool choose = train_table_open(t);
    o.folds = fold_count(t);
    t->tables.fold_count = o.folds;
    t->tables.comparing = choose;
    o.threads = t->run.threads;
    o.on_fold = on_fold;
    o.ctx = t;
    f->run.on_step = not_interrupted;
    interrupt_watch();
    bp_status status = choose ? bp_fit_choose(&t->tables.folds, f, &o) : bp_fit_folds(&t->tables.folds, f, &o);
    t->run.optimizer = f->run.optimizer;
    t->model = f->model; /* another one, where the other network was better */
    if (choose && status == BP_OK && !t->quiet) {
        train_table_chosen(t);
    }
    if (status == BP_ERR_STOPPED) {
        fprintf(stderr, "backprop: interrupted during cross-validation; nothing was saved\n");
        return CODE_INTERRUPTED;
    }
    return status == BP_OK ? CODE_OK : fail_status(status);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* Rows of a table as the model's data; kept, if not NULL, receives which of them they are. */
typedef struct rows {
    const bp_table *table;
    const uint32_t *row; /* NULL: all */
    size_t count;
} rows;

static size_t row_count(const rows *r)
{
    return r->row != NULL ? r->count : bp_table_rows(r->table);
}

static bp_status measure_rows(bp_evaluation **out, const training *t, const rows *r)
{
    bp_dataset *set = NULL;
    bp_status status =
        bp_preparation_apply(&set, t->tables.fit->preparation, r->table, r->row, r->count, true, NULL, NULL);
    if (status == BP_OK) {
        bp_data data = bp_prepared_without_class_weights(&set->train);
        status = bp_evaluate(out, t->model, &data, t->run.threads);
    }
    bp_dataset_free(set);
    return status;
}

static rows train_rows(const training *t)
{
    const bp_fit *f = t->tables.fit;
    return (rows){t->tables.table, f->row, f->rows};
}

static rows valid_rows(const training *t)
{
    const bp_fit *f = t->tables.fit;
    bool other = t->tables.valid_table != NULL;
    return (rows){other ? t->tables.valid_table : t->tables.table, f->valid_row, f->valid->train.rows};
}

static rows test_rows(const training *t)
{
    const table_training *tables = &t->tables;
    if (tables->test_table != NULL) {
        return (rows){tables->test_table, NULL, 0};
    }
    return (rows){tables->table, tables->split.part, tables->split.part_rows};
}

/* The rows that the result is about: of the test, else of validation, else of training. */
static rows choose_measured(training *t)
{
    const table_training *tables = &t->tables;
    if (tables->test_table != NULL || tables->split.part_rows > 0) {
        t->measured_name = "test";
        t->measure = t->test_measure;
        return test_rows(t);
    }
    bool watched = tables->fit->valid != NULL;
    t->measured_name = watched ? "valid" : "train";
    t->measure = watched ? t->valid_measure : t->train_measure;
    return watched ? valid_rows(t) : train_rows(t);
}

/* Ctrl-C, which ends the training, does not make a linear model of one step; pressed during this one, it leaves it out. */
static bp_status measure_linear(training *t)
{
    bp_model *linear = NULL;
    bool earlier = interrupt_seen();
    t->tables.fit->run.on_step = earlier ? NULL : not_interrupted;
    bp_status status = bp_fit_linear(&linear, t->tables.fit);
    if (status == BP_OK && (earlier || !interrupt_seen())) {
        status = bp_evaluate(&t->tables.linear, linear, t->measured, t->run.threads);
    }
    bp_model_free(linear);
    return status;
}

static bp_status measure_simpler(training *t, const rows *r)
{
    table_training *tables = &t->tables;
    bp_model *trivial = NULL;
    tables->measured_row = cli_alloc(row_count(r), sizeof *tables->measured_row);
    if (tables->measured_row == NULL) {
        return BP_ERR_MEMORY;
    }
    bp_status status = bp_preparation_apply(&tables->measured_set, tables->fit->preparation, r->table, r->row, r->count,
                                            true, tables->measured_row, &tables->measured_report);
    if (status == BP_OK) {
        tables->measured_data = bp_prepared_without_class_weights(&tables->measured_set->train);
        t->measured = &tables->measured_data;
        status = bp_fit_trivial(&trivial, tables->fit);
    }
    status = status == BP_OK ? bp_evaluate(&tables->trivial, trivial, t->measured, t->run.threads) : status;
    status = status == BP_OK ? measure_linear(t) : status;
    bp_model_free(trivial);
    return status;
}

bp_status train_table_evaluate(training *t)
{
    rows all = train_rows(t);
    bp_status status = measure_rows(&t->train_measure, t, &all);
    if (status == BP_OK && t->tables.fit->valid != NULL) {
        rows watched = valid_rows(t);
        status = measure_rows(&t->valid_measure, t, &watched);
    }
    if (status == BP_OK && (t->tables.test_table != NULL || t->tables.split.part_rows > 0)) {
        rows tested = test_rows(t);
        status = measure_rows(&t->test_measure, t, &tested);
    }
    if (status != BP_OK) {
        return status;
    }
    rows measured = choose_measured(t);
    return measure_simpler(t, &measured);
}

void train_table_free(training *t)
{
    table_training *tables = &t->tables;
    bp_evaluation_free(tables->linear);
    bp_evaluation_free(tables->trivial);
    bp_dataset_free(tables->measured_set);
    cli_release(tables->measured_row);
    bp_folds_free(tables->folds);
    bp_search_free(tables->search);
    bp_fit_free(tables->fit);
    bp_split_free(&tables->split);
    bp_preparation_free(tables->from);
    bp_table_free(tables->test_table);
    bp_table_free(tables->valid_table);
    bp_table_free(tables->table);
    table_request_free(&tables->request);
}
