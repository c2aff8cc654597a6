/* train.c - `backprop train`: data, network, training, and the model saved. What is said at the end is in train_report.c. */
#include "train.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "interrupt.h"
#include "network.h"
#include "search.h"
#include "source.h"

/* ---- what to train on -------------------------------------------------------------------------------------------- */

/* --test names another set: its test part, or all of it. */
static bp_status load_test(training *t)
{
    t->test = t->set->test;
    if (!given(t->o, OPT_TEST)) {
        return BP_OK;
    }
    const char *what = t->o->value[OPT_TEST].text;
    bp_status status = source_load(&t->test_set, what, t->o, 0);
    if (status != BP_OK) {
        return status;
    }
    t->test = t->test_set->test.rows > 0 ? t->test_set->test : t->test_set->train;
    const bp_data *a = &t->set->train, *b = &t->test;
    if (b->inputs != a->inputs || (b->classes > 0) != (a->classes > 0) || b->classes > a->classes ||
        b->targets != a->targets) {
        return bp_fail(BP_ERR_DATA, "--test %s does not fit %s: %zu inputs and %zu classes, not %zu and %zu", what,
                       t->name, b->inputs, b->classes, a->inputs, a->classes);
    }
    t->test.classes = a->classes;
    t->test.class_names = a->class_names;
    return BP_OK;
}

static bp_status load_data(training *t)
{
    bp_status status = source_load(&t->set, t->what, t->o, size_or(t->o, OPT_GENERATED_ROWS, 0));
    if (status != BP_OK) {
        return status;
    }
    snprintf(t->name, sizeof t->name, "%s", t->set->name);
    status = load_test(t);
    if (status != BP_OK) {
        return status;
    }
    t->train = t->set->train;
    t->recipe = recipe_for(&t->train);
    if (!given(t->o, OPT_VALID) || t->o->value[OPT_VALID].real == 0) {
        return BP_OK;
    }
    status = bp_data_split(&t->valid_set, &t->rest_set, &t->train, t->o->value[OPT_VALID].real,
                           size_or(t->o, OPT_SEED, DEFAULT_SEED), NULL);
    if (status == BP_OK) {
        t->train = t->rest_set->train;
        t->valid = t->valid_set->train;
    }
    return status;
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

static bp_status make_model(training *t)
{
    if (t->from != NULL) {
        return train_start_model(t);
    }
    bp_type type = (bp_type)size_or(t->o, OPT_DTYPE, (size_t)bp_model_defaults().type);
    return network_new(&t->model, t->o, &t->recipe, &t->train, type);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static bp_status set_options(training *t)
{
    const options *o = t->o;
    bp_train_options *run = &t->run;
    *run = bp_train_defaults();
    bp_status status = optimizer_from_options(&run->optimizer, &run->schedule, &t->schedule_text, o, &t->recipe);
    if (status != BP_OK) {
        return status;
    }
    t->full_batch = bp_optimizer_full_batch(run->optimizer.kind);
    run->epochs = epochs_from_options(o, &t->recipe);
    run->steps = size_or(o, OPT_STEPS, run->steps);
    if (run->epochs == 0) {
        run->epochs = 1;
        run->steps = 0;
    }
    run->batch = size_or(o, OPT_BATCH, t->recipe.batch);
    run->shuffle = !given(o, OPT_NO_SHUFFLE);
    run->seed = size_or(o, OPT_SEED, DEFAULT_SEED);
    run->threads = (int)size_or(o, OPT_THREADS, 0);
    run->valid = t->valid.rows > 0 ? &t->valid : NULL;
    run->test = t->test.rows > 0 ? &t->test : NULL;
    run->patience = size_or(o, OPT_PATIENCE, run->patience);
    run->restore_best = given(o, OPT_RESTORE_BEST);
    return BP_OK;
}

/* Epochs that will be run: those asked for, or those that the steps suffice for. */
static size_t planned_epochs(const training *t)
{
    size_t per_epoch = t->full_batch ? 1 : t->train.rows / t->run.batch + (t->train.rows % t->run.batch > 0);
    size_t enough = t->run.steps / per_epoch + (t->run.steps % per_epoch > 0);
    return enough < t->run.epochs ? enough : t->run.epochs;
}

double train_seconds(const training *t)
{
    return t->earlier_seconds + bp_seconds() - t->o->started;
}

static void log_epoch(training *t, const bp_progress *p)
{
    json_t *o = json_object();
    json_put_size(o, "epochs", p->epoch);
    json_put_size(o, "steps", p->step);
    json_put(o, "seconds", train_seconds(t));
    json_put(o, "samples_per_second", p->samples_per_second);
    json_put(o, "train_loss", p->train_loss);
    json_put(o, "train_accuracy", p->train_accuracy);
    json_put(o, "valid_loss", p->valid_loss);
    json_put(o, "valid_accuracy", p->valid_accuracy);
    json_put(o, "test_loss", p->test_loss);
    json_put(o, "test_accuracy", p->test_accuracy);
    json_put(o, "lr", p->lr);
    json_put_bool(o, "best", p->best);
    train_log_line(&t->log, o);
}

static bool on_epoch(void *ctx, const bp_progress *p)
{
    training *t = ctx;
    t->epochs_done++;
    progress_epoch(&t->progress, p);
    if (t->log.path != NULL) {
        log_epoch(t, p);
    }
    return !interrupt_seen();
}

static bool on_step(void *ctx, const bp_progress *p)
{
    training *t = ctx;
    progress_step(&t->progress, p);
    return !interrupt_seen();
}

/* Trains; a divergence is told at once and kept in t->code, since the last good weights are still worth saving. */
static exit_code run_training(training *t)
{
    t->run.on_epoch = on_epoch;
    t->run.on_step = on_step;
    t->run.ctx = t;
    t->progress = progress_new(t->quiet, planned_epochs(t), t->valid.rows > 0, t->test.rows > 0, t->train.classes > 0);
    interrupt_watch();
    bp_status status = bp_train(&t->result, t->model, &t->train, &t->run);
    progress_end(&t->progress);
    if (status == BP_ERR_NUMERIC) {
        t->diverged = true;
        t->result.last = t->progress.last;
        t->result.last.train_loss = NAN;
        return t->code = fail_status(status);
    }
    if (status != BP_OK) {
        return t->code = fail_status(status);
    }
    if (interrupt_seen() && t->result.stopped_by_callback) {
        t->code = CODE_INTERRUPTED;
    }
    return CODE_OK;
}

static bp_status evaluate(training *t)
{
    if (t->is_table) {
        return train_table_evaluate(t);
    }
    const bp_data *data = t->test.rows > 0 ? &t->test : t->valid.rows > 0 ? &t->valid : &t->train;
    bp_evaluation **made = data == &t->test    ? &t->test_measure
                           : data == &t->valid ? &t->valid_measure
                                               : &t->train_measure;
    t->measured_name = data == &t->test ? "test" : data == &t->valid ? "valid" : "train";
    t->measured = data;
    bp_status status = bp_evaluate(made, t->model, data, t->run.threads);
    if (status == BP_OK && t->valid.rows > 0 && t->valid_measure == NULL) {
        status = bp_evaluate(&t->valid_measure, t->model, &t->valid, t->run.threads);
    }
    t->measure = *made;
    return status;
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

static bp_status open_log(training *t)
{
    if (!given(t->o, OPT_LOG)) {
        return BP_OK;
    }
    const char *path = t->o->value[OPT_LOG].text;
    bp_status status = output_apart(path, "--log", t->out, "the model to write");
    if (status == BP_OK && given(t->o, OPT_INIT_FROM)) {
        status = output_apart(path, "--log", t->o->value[OPT_INIT_FROM].text, "the model to start from");
    }
    return status == BP_OK ? train_log_open(&t->log, path) : status;
}

/* Hours of training are not thrown away because a disk is full: the model goes to the folder for temporary files. */
static void save_elsewhere(const training *t)
{
    char folder[512], path[600];
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/backprop-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return;
    }
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (bp_model_save(t->model, path) == BP_OK) {
        fprintf(stderr, "backprop: the model was saved as %s instead\n", path);
    } else {
        remove(folder);
    }
}

static exit_code save(training *t)
{
    bp_status status = train_notes(t);
    if (status != BP_OK) {
        return fail_status(status);
    }
    if (bp_model_save(t->model, t->out) == BP_OK) {
        return CODE_OK;
    }
    fail_as(CODE_OUTPUT);
    save_elsewhere(t);
    return CODE_OUTPUT;
}

static exit_code close_log(training *t)
{
    exit_code code = train_log_close(&t->log);
    return code == CODE_OK ? CODE_OK : fail_as(code);
}

/* --out, or the name of the data in the current directory: "houses.csv.gz" makes houses.safetensors. */
static bp_status choose_output(training *t)
{
    const char *slash = strrchr(t->name, '/'), *name = slash != NULL ? slash + 1 : t->name;
    bool nameless = name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    const char *stem = nameless ? "model" : name;
    size_t length = strlen(stem);
    if (t->is_table && strcspn(stem, ".") > 0) {
        length = strcspn(stem, ".");
    }
    snprintf(t->default_out, sizeof t->default_out, "%.*s.safetensors", (int)length, stem);
    t->out = text_or(t->o, OPT_MODEL_OUT, t->default_out);
    return output_check(t->out);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* What has no meaning where every step takes all rows is refused, not ignored. */
static bp_status check_full_batch(const options *o, const char *optimizer)
{
    static const option_id unused[] = {OPT_BATCH, OPT_NO_SHUFFLE};
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
        if (given(o, unused[i])) {
            return bp_fail(BP_ERR_ARGUMENT,
                           "--%s and --optimizer %s exclude each other: it takes all rows for each step",
                           option_table[unused[i]].name, optimizer);
        }
    }
    return BP_OK;
}

/* What can be known to be wrong with the optimizer before any data is looked at: all recipes of data sets have the same
 * one, tables may have another. */
static bp_status check_optimizer(const training *t)
{
    bp_optimizer_options optimizer;
    bp_schedule schedule;
    const char *text = NULL;
    recipe any = recipe_at(0);
    if (t->is_table && !given(t->o, OPT_OPTIMIZER)) {
        return BP_OK;
    }
    bp_status status = optimizer_from_options(&optimizer, &schedule, &text, t->o, &any);
    status = status == BP_OK ? bp_optimizer_check(&optimizer) : status;
    bool full = status == BP_OK && bp_optimizer_full_batch(optimizer.kind);
    return full ? check_full_batch(t->o, bp_optimizer_name(optimizer.kind)) : status;
}

static bp_status check_line(const training *t)
{
    bp_status status = train_start_check(t->o);
    status = status == BP_OK ? table_check_options(t->o, t->what) : status;
    status = status == BP_OK ? search_check_options(t->o) : status;
    return status == BP_OK ? check_optimizer(t) : status;
}

static exit_code prepare_set(training *t)
{
    bp_status status = load_data(t);
    if (status != BP_OK) {
        return status == BP_ERR_ARGUMENT ? fail_as(CODE_DATA) : fail_status(status);
    }
    status = train_start_load(t);
    status = status == BP_OK ? make_model(t) : status;
    status = status == BP_OK ? train_start_freeze(t) : status;
    status = status == BP_OK ? set_options(t) : status;
    return status == BP_OK ? CODE_OK : fail_status(status);
}

/* Everything that can go wrong before the first step, so that it goes wrong now. */
static exit_code prepare(training *t)
{
    if (check_line(t) != BP_OK) {
        return fail_usage(&command_table[CMD_TRAIN]);
    }
    bp_status status = train_checkpoint_check(t);
    if (status != BP_OK) {
        return status == BP_ERR_ARGUMENT ? fail_usage(&command_table[CMD_TRAIN]) : fail_status(status);
    }
    exit_code code = t->is_table ? train_table_prepare(t) : prepare_set(t);
    if (code != CODE_OK) {
        return code;
    }
    if (choose_output(t) != BP_OK) {
        return fail_as(CODE_OUTPUT);
    }
    status = open_log(t);
    return status == BP_OK ? CODE_OK : status == BP_ERR_ARGUMENT ? fail_status(status) : fail_as(CODE_OUTPUT);
}

static exit_code train_and_save(training *t)
{
    exit_code code = prepare(t);
    code = code == CODE_OK ? search_settings(t) : code;
    if (code != CODE_OK) {
        return code;
    }
    bool open = train_table_open(t);
    if (!t->quiet) {
        train_say_data(t);
    }
    if (!t->quiet && !open) {
        train_say_plan(t, planned_epochs(t));
    }
    code = train_table_folds(t);
    if (code != CODE_OK) {
        return code;
    }
    if (!t->quiet && open) {
        train_say_plan(t, planned_epochs(t));
    }
    bp_status status = train_checkpoint_open(t); /* last: the old log is lost by it */
    if (status != BP_OK) {
        return status == BP_ERR_IO ? fail_as(CODE_OUTPUT) : fail_status(status);
    }
    if (run_training(t) != CODE_OK && !t->diverged) {
        return t->code;
    }
    if (t->diverged && t->epochs_done == 0) {
        fprintf(stderr, "backprop: no epoch was finished, so nothing was saved\n");
        return t->code;
    }
    if (t->code == CODE_INTERRUPTED) { /* at once: who is in a hurry may press Ctrl-C again */
        code = save(t);
    }
    status = code == CODE_OK ? evaluate(t) : BP_OK;
    if (status != BP_OK) {
        return fail_status(status);
    }
    if (code == CODE_OK) {
        code = save(t);
    }
    if (code == CODE_OK) {
        code = close_log(t);
    }
    if (code != CODE_OK) {
        return code;
    }
    train_report(t);
    code = train_checkpoint_close(t);
    if (code == CODE_OK && t->tables.search_interrupted) {
        code = CODE_INTERRUPTED;
    }
    return t->code == CODE_OK ? code : t->code;
}

exit_code run_train(const options *o)
{
    training t = {.o = o, .quiet = given(o, OPT_QUIET), .code = CODE_OK};
    t.what = o->positionals > 0 ? o->positional[0] : DEFAULT_DATA;
    t.is_table = table_named(t.what);
    exit_code code = train_and_save(&t);
    train_checkpoint_close(&t);
    train_log_close(&t.log);
    bp_evaluation_free(t.train_measure);
    bp_evaluation_free(t.valid_measure);
    bp_evaluation_free(t.test_measure);
    if (t.is_table) {
        train_table_free(&t); /* the model, too */
    } else {
        bp_model_free(t.model);
    }
    bp_model_free(t.from);
    bp_dataset_free(t.valid_set);
    bp_dataset_free(t.rest_set);
    bp_dataset_free(t.test_set);
    bp_dataset_free(t.set);
    return code;
}
