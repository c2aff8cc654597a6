/* fit.c - from a table to a trained model: rows divided, columns prepared, a network for them, training. What is chosen
 * where nothing was said stands in fit_recipe.c. */
#include "data/fit.h"

#include <string.h>

bp_fit_options bp_fit_defaults(void)
{
    return (bp_fit_options){
        .prepare = bp_prepare_defaults(), .model = bp_model_defaults(), .train = bp_train_defaults(), .seed = 1};
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* A share that is held back to watch needs at least these rows to tell anything. */
enum { LEAST_WATCHED = 4 };

static double watched_share(const bp_fit *f)
{
    const bp_fit_options *o = &f->options;
    bool proposed = f->recipe.folds == 0 || (o->own_patience && o->train.patience > 0);
    double share = o->valid != 0 ? o->valid : proposed ? f->recipe.valid : 0;
    return share > 0 && share * (double)f->rows >= LEAST_WATCHED ? share : 0;
}

/* Divides the rows that can be learned from into those trained on (rest) and those watched (part). */
static bp_status divide_rows(bp_split *s, bp_fit *f, const uint32_t *row, size_t count)
{
    bp_status status = bp_rows_usable(s, f->table, row, count, &f->options.prepare);
    if (status != BP_OK) {
        return status;
    }
    f->rows = s->rest_rows;
    if (f->rows < 2) {
        return bp_fail(BP_ERR_DATA, "fitting %s: %zu row%s with a target and a weight, expected at least 2",
                       bp_table_source(f->table), f->rows, f->rows == 1 ? "" : "s");
    }
    f->row = bp_alloc(&f->allocator, f->rows, sizeof *f->row);
    if (!f->row) {
        return BP_ERR_MEMORY;
    }
    memcpy(f->row, s->rest, f->rows * sizeof *f->row);
    f->recipe = bp_fit_recipe_for(f->rows, f->options.prepare.task);
    double share = f->options.valid_table ? 0 : watched_share(f);
    if (share >= 1) {
        return bp_fail(BP_ERR_ARGUMENT, "fitting %s: a share of %g to watch, expected less than 1",
                       bp_table_source(f->table), share);
    }
    return share > 0 ? bp_rows_divide(s, f->table, share, &f->options.prepare, f->options.seed, BP_DIVIDE_WATCH)
                     : BP_OK;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static void add_report(bp_prepare_report *sum, const bp_prepare_report *part)
{
    sum->rows += part->rows;
    sum->dropped += part->dropped;
    sum->missing += part->missing;
    sum->alike += part->alike;
    sum->unknown += part->unknown;
    if (sum->first_unknown[0] == '\0') {
        memcpy(sum->first_unknown, part->first_unknown, sizeof sum->first_unknown);
    }
}

/* Rows (NULL: all) of t as a data set; *kept says which they are. */
static bp_status make_set(bp_dataset **out, uint32_t **kept, bp_fit *f, const bp_table *t, const uint32_t *row,
                          size_t count)
{
    bp_prepare_report report = {0};
    count = row ? count : bp_table_rows(t);
    *kept = bp_alloc(&f->allocator, count, sizeof **kept);
    if (!*kept) {
        return BP_ERR_MEMORY;
    }
    bp_status status = bp_preparation_apply(out, f->preparation, t, row, count, true, *kept, &report);
    add_report(&f->report, &report);
    return status;
}

/* As the model does that it goes on from. */
static bp_status prepare_like(bp_fit *f, const bp_split *s)
{
    bp_preparation *from = NULL;
    bool same = false;
    bp_status status = bp_model_preparation(&from, f->options.from);
    if (status == BP_OK) {
        status =
            bp_preparation_retarget(&f->preparation, &same, from, f->table, s->rest, s->rest_rows, &f->options.prepare);
    }
    if (status == BP_OK && bp_preparation_task(from) != bp_preparation_task(f->preparation)) {
        f->options.model.output = f->options.model.loss = NULL;
    }
    f->new_head = f->options.new_head || !same;
    bp_preparation_free(from);
    return status;
}

static bp_status make_data(bp_fit *f, const bp_split *s)
{
    bp_status status = f->options.from
                           ? prepare_like(f, s)
                           : bp_preparation_fit(&f->preparation, f->table, s->rest, s->rest_rows, &f->options.prepare);
    if (status == BP_OK) {
        status = make_set(&f->train, &f->train_row, f, f->table, s->rest, s->rest_rows);
    }
    if (status == BP_OK && f->options.valid_table) {
        return make_set(&f->valid, &f->valid_row, f, f->options.valid_table, NULL, 0);
    }
    if (status == BP_OK && s->part_rows > 0) {
        status = make_set(&f->valid, &f->valid_row, f, f->table, s->part, s->part_rows);
    }
    return status;
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* Targets are numbers of any size: the network works on (t - mean) / deviation. Probabilities stay as they are. */
static bp_status scale_outputs(bp_model *m, const bp_preparation *p, const bp_allocator *a)
{
    size_t n = bp_preparation_outputs(p);
    if (bp_preparation_task(p) != BP_TABLE_REGRESS || bp_model_loss(m) == BP_BCE) {
        return BP_OK;
    }
    double *block = bp_alloc(a, n, 2 * sizeof *block);
    if (!block) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        bp_preparation_target(p, i, &block[i], &block[n + i]);
    }
    bp_status status = bp_model_set_output_scaling(m, n, block, block + n);
    bp_release(a, block);
    return status;
}

static bp_status name_classes(bp_model *m, const bp_preparation *p, const bp_allocator *a)
{
    if (bp_preparation_task(p) != BP_TABLE_CLASSIFY) {
        return BP_OK;
    }
    size_t n = bp_preparation_outputs(p);
    const char **name = bp_alloc(a, n, sizeof *name);
    if (!name) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        name[i] = bp_preparation_class(p, i);
    }
    bp_status status = bp_model_set_classes(m, name);
    bp_release(a, name);
    return status;
}

bp_status bp_fit_network(bp_model **out, const bp_fit *f, const char *net, const char *init)
{
    const bp_preparation *p = f->preparation;
    bp_model_options o = f->options.model;
    bool labels = bp_preparation_task(p) == BP_TABLE_MULTILABEL;
    o.inputs = bp_preparation_inputs(p);
    o.outputs = bp_preparation_outputs(p);
    o.task = bp_preparation_task(p) == BP_TABLE_CLASSIFY ? BP_CLASSIFY : BP_REGRESS;
    o.net = net;
    o.init = init;
    o.output = labels && !o.output ? "sigmoid" : o.output;
    o.loss = labels && !o.loss ? "bce" : o.loss;
    o.seed = f->options.seed;
    o.allocator = &f->allocator;
    bp_status status = bp_model_new(out, &o);
    status = status == BP_OK ? scale_outputs(*out, p, &f->allocator) : status;
    return status == BP_OK ? name_classes(*out, p, &f->allocator) : status;
}

/* ---- going on from a model --------------------------------------------------------------------------------------- */

/* Network, output and loss are those of the model. */
static bp_status describe_from(bp_fit_options *o)
{
    bp_model_options from = bp_model_describe(o->from);
    if (o->own_net) {
        return bp_fail(BP_ERR_ARGUMENT, "fitting a table: a network of your own and a model to go on from exclude each "
                                        "other");
    }
    o->own_net = true;
    o->model.net = from.net;
    o->model.init = from.init;
    o->model.output = from.output;
    o->model.loss = from.loss;
    return BP_OK;
}

static bp_status take_layers(bp_fit *f)
{
    size_t layers = 0;
    for (bp_layer_info l; bp_model_layer(f->model, layers, &l); layers++) {
    }
    if (f->new_head && layers == 1) {
        return bp_fail(BP_ERR_DATA, "the model to go on from has no layer but the last one, which would be replaced: "
                                    "nothing of it is left");
    }
    return bp_model_transfer(NULL, f->model, f->options.from, f->new_head ? layers - 1 : layers);
}

/* ---- how it is trained ------------------------------------------------------------------------------------------- */

static bp_status choose_run(bp_fit *f)
{
    const bp_fit_options *o = &f->options;
    const bp_fit_recipe *r = &f->recipe;
    bp_train_options *run = &f->run;
    *run = o->train;
    run->seed = o->seed;
    run->valid = f->valid ? &f->valid->train : NULL;
    run->restore_best = run->restore_best || f->valid;
    run->epochs = o->own_epochs ? run->epochs : r->epochs;
    run->batch = o->own_batch ? run->batch : r->batch;
    run->patience = o->own_patience ? run->patience : f->valid ? r->patience : 0;
    if (!o->own_optimizer) {
        run->optimizer = bp_optimizer_defaults(r->optimizer);
        run->optimizer.lr = r->lr;
        run->optimizer.l2 = r->penalty[0] / (double)f->train->train.rows;
    }
    return o->own_schedule ? BP_OK : bp_schedule_parse(&run->schedule, o->own_optimizer ? "constant" : r->schedule);
}

static bp_status set_up(bp_fit *f, const bp_split *s)
{
    bp_status status = make_data(f, s);
    if (status != BP_OK) {
        return status;
    }
    f->recipe = bp_fit_recipe_for(f->rows, bp_preparation_task(f->preparation));
    const char *net = f->options.own_net ? f->options.model.net : f->recipe.net;
    status = bp_fit_network(&f->model, f, net, f->options.model.init);
    status = status == BP_OK && f->options.from ? take_layers(f) : status;
    status = status == BP_OK ? bp_model_set_preparation(f->model, f->preparation) : status;
    return status == BP_OK ? choose_run(f) : status;
}

bp_status bp_fit_new(bp_fit **out, const bp_table *t, const uint32_t *row, size_t count, const bp_fit_options *options)
{
    bp_fit_options defaults = bp_fit_defaults();
    const bp_fit_options *o = options ? options : &defaults;
    bp_allocator a = bp_allocator_or_default(o->prepare.allocator);
    bp_fit *f = bp_alloc(&a, 1, sizeof *f);
    bp_split s = {0};
    *out = NULL;
    if (!f) {
        return BP_ERR_MEMORY;
    }
    f->allocator = a;
    f->options = *o;
    f->table = t;
    bp_status status = o->from ? describe_from(&f->options) : BP_OK;
    status = status == BP_OK ? divide_rows(&s, f, row, count) : status;
    status = status == BP_OK ? set_up(f, &s) : status;
    bp_split_free(&s);
    if (status != BP_OK) {
        bp_fit_free(f);
        return status;
    }
    *out = f;
    return BP_OK;
}

bp_status bp_fit_train(bp_fit *f)
{
    return bp_train(&f->result, f->model, &f->train->train, &f->run);
}

static bool several_penalties(const bp_fit *f)
{
    return f->recipe.penalty[1] != 0 && !f->options.own_optimizer && !f->valid && !f->options.from;
}

bp_status bp_table_fit(bp_fit **out, const bp_table *t, const uint32_t *row, size_t count,
                       const bp_fit_options *options)
{
    bp_folds *folds = NULL;
    bp_status status = bp_fit_new(out, t, row, count, options);
    if (status == BP_OK && several_penalties(*out)) {
        status = bp_fit_choose(&folds, *out, NULL);
    }
    status = status == BP_OK ? bp_fit_train(*out) : status;
    bp_folds_free(folds);
    if (status != BP_OK) {
        bp_fit_free(*out);
        *out = NULL;
    }
    return status;
}

void bp_fit_free(bp_fit *f)
{
    if (!f) {
        return;
    }
    bp_allocator a = f->allocator;
    bp_model_free(f->model);
    bp_preparation_free(f->preparation);
    bp_dataset_free(f->train);
    bp_dataset_free(f->valid);
    bp_release(&a, f->train_row);
    bp_release(&a, f->valid_row);
    bp_release(&a, f->row);
    bp_release(&a, f);
}
