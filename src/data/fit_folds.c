/* fit_folds.c - cross-validation: the same network on other rows, fold by fold, folds side by side. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "data/fit.h"

typedef struct cross {
    const bp_fit *f;
    const bp_folds_options *o;
    bp_folds *result;
    pthread_mutex_t lock; /* of what follows, and of on_fold */
    bool stop;
    size_t failed; /* the first fold that failed; count: none */
    bp_status status;
    char error[1024];
} cross;

bp_folds_options bp_folds_defaults(void)
{
    return (bp_folds_options){.folds = 5};
}

/* ---- one fold ---------------------------------------------------------------------------------------------------- */

/* The fit of the other folds: what was chosen for f holds for all of them. */
static bp_fit_options fold_options(const bp_fit *f)
{
    bp_fit_options o = f->options;
    o.train = f->run;
    o.train.threads = 1;
    o.train.test = NULL;
    o.train.on_epoch = NULL;
    o.model.net = bp_model_describe(f->model).net;
    o.own_net = o.own_optimizer = o.own_schedule = o.own_epochs = o.own_batch = o.own_patience = true;
    o.prepare.task = bp_preparation_task(f->preparation);
    o.valid = o.valid != 0 ? o.valid : f->valid ? f->recipe.valid : -1;
    return o;
}

bp_status bp_fit_take_fold(bp_split *s, const bp_fit *f, const uint32_t *of_row, size_t fold)
{
    *s = (bp_split){.allocator = f->allocator};
    s->part = bp_alloc(&s->allocator, f->rows, sizeof *s->part);
    s->rest = bp_alloc(&s->allocator, f->rows, sizeof *s->rest);
    if (!s->part || !s->rest) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < f->rows; i++) {
        if (of_row[i] == fold) {
            s->part[s->part_rows++] = f->row[i];
        } else {
            s->rest[s->rest_rows++] = f->row[i];
        }
    }
    return BP_OK;
}

static bp_status measure_other(bp_evaluation **out, bp_status (*make)(bp_model **, const bp_fit *), const bp_fit *g,
                               const bp_data *held)
{
    bp_model *m = NULL;
    bp_status status = make(&m, g);
    status = status == BP_OK ? bp_evaluate(out, m, held, 1) : status;
    bp_model_free(m);
    return status;
}

static bp_status measure(bp_fold *out, const bp_fit *g, const bp_split *s)
{
    bp_dataset *held = NULL;
    bp_status status = bp_preparation_apply(&held, g->preparation, g->table, s->part, s->part_rows, true, NULL, NULL);
    bp_data rows = status == BP_OK ? bp_prepared_without_class_weights(&held->train) : (bp_data){0};
    if (status == BP_OK) {
        status = bp_evaluate(&out->network, g->model, &rows, 1);
    }
    if (status == BP_OK) {
        status = measure_other(&out->linear, bp_fit_linear, g, &rows);
    }
    if (status == BP_OK) {
        status = measure_other(&out->trivial, bp_fit_trivial, g, &rows);
    }
    bp_dataset_free(held);
    return status;
}

static bp_status run_fold(bp_fold *out, const cross *c, size_t fold)
{
    bp_fit *g = NULL;
    bp_split s = {0};
    bp_fit_options o = fold_options(c->f);
    bp_status status = bp_fit_take_fold(&s, c->f, c->result->of_row, fold);
    status = status == BP_OK ? bp_table_fit(&g, c->f->table, s.rest, s.rest_rows, &o) : status;
    if (status == BP_OK && g->result.stopped_by_callback) {
        status = bp_fail(BP_ERR_STOPPED, "cross-validation was stopped in fold %zu", fold + 1);
    }
    status = status == BP_OK ? measure(out, g, &s) : status;
    out->best_epoch = status == BP_OK ? g->result.best_epoch : 0;
    bp_fit_free(g);
    bp_split_free(&s);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* Texts of failures belong to a thread: the one of the first fold that failed is carried over. */
static void fold_done(cross *c, size_t fold, bp_status status)
{
    pthread_mutex_lock(&c->lock);
    if (status != BP_OK) {
        c->stop = true;
        if (fold < c->failed) {
            c->failed = fold;
            c->status = status;
            snprintf(c->error, sizeof c->error, "%s", bp_error());
        }
    } else if (c->o->on_fold && !c->stop && !c->o->on_fold(c->o->ctx, fold, &c->result->fold[fold])) {
        c->stop = true;
        c->failed = fold;
        c->status = BP_ERR_STOPPED;
        snprintf(c->error, sizeof c->error, "cross-validation was stopped after fold %zu", fold + 1);
    }
    pthread_mutex_unlock(&c->lock);
}

static bool stopped(cross *c)
{
    pthread_mutex_lock(&c->lock);
    bool stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static void work(void *ctx, int thread, int threads)
{
    cross *c = ctx;
    for (size_t i = (size_t)thread; i < c->result->count && !stopped(c); i += (size_t)threads) {
        fold_done(c, i, run_fold(&c->result->fold[i], c, i));
    }
}

/* Rows whose value of the target no other row has are trained on in every fold: their class would be unknown to the
 * network that they measure. */
static void keep_singles(uint32_t *of_row, const bp_fit *f, const int32_t *label, uint32_t *count)
{
    if (bp_preparation_task(f->preparation) != BP_TABLE_CLASSIFY) {
        return;
    }
    for (size_t i = 0; i < f->rows; i++) {
        count[label[i]]++;
    }
    for (size_t i = 0; i < f->rows; i++) {
        of_row[i] = count[label[i]] == 1 ? UINT32_MAX : of_row[i];
    }
}

bp_status bp_fit_assign_folds(uint32_t *of_row, const bp_fit *f, size_t k)
{
    int32_t *label = bp_alloc(&f->allocator, f->rows, sizeof *label);
    bp_status status = label ? bp_rows_label(label, f->table, f->row, f->rows, &f->options.prepare) : BP_ERR_MEMORY;
    int32_t most = 0;
    for (size_t i = 0; i < f->rows && status == BP_OK; i++) {
        most = label[i] > most ? label[i] : most;
    }
    uint32_t *count = bp_alloc(&f->allocator, (size_t)most + 1, sizeof *count);
    status = status == BP_OK && !count ? BP_ERR_MEMORY : status;
    if (status == BP_OK) {
        status = bp_fold_rows(of_row, f->rows, k, label, f->options.seed);
    }
    if (status == BP_OK) {
        keep_singles(of_row, f, label, count);
    }
    bp_release(&f->allocator, label);
    bp_release(&f->allocator, count);
    return status;
}

static int team_size(const bp_fit *f, const bp_folds_options *o)
{
    int threads = o->threads > 0 ? o->threads : bp_threads_available();
    if (f->options.prepare.allocator != NULL || threads < 1) {
        return 1;
    }
    return (size_t)threads < o->folds ? threads : (int)o->folds;
}

static bp_status run_folds(bp_folds *r, const bp_fit *f, const bp_folds_options *o)
{
    cross c = {.f = f, .o = o, .result = r, .failed = o->folds, .status = BP_OK};
    if (pthread_mutex_init(&c.lock, NULL) != 0) {
        return bp_fail(BP_ERR_MEMORY, "cross-validation: no memory for a lock");
    }
    bp_team_run(team_size(f, o), work, &c);
    pthread_mutex_destroy(&c.lock);
    return c.status == BP_OK ? BP_OK : bp_fail(c.status, "%s", c.error);
}

bp_status bp_fit_folds(bp_folds **out, const bp_fit *f, const bp_folds_options *options)
{
    bp_folds_options o = options ? *options : bp_folds_defaults();
    *out = NULL;
    if (f->options.from) {
        return bp_fit_fail_from("cross-validation");
    }
    bp_status status = bp_check_folds(o.folds, f->rows); /* before there is room for so many */
    if (status != BP_OK) {
        return status;
    }
    bp_folds *r = bp_alloc(&f->allocator, 1, sizeof *r);
    if (!r) {
        return BP_ERR_MEMORY;
    }
    r->allocator = f->allocator;
    r->count = o.folds;
    r->fold = bp_alloc(&f->allocator, o.folds, sizeof *r->fold);
    r->of_row = bp_alloc(&f->allocator, f->rows, sizeof *r->of_row);
    status = r->fold && r->of_row ? bp_fit_assign_folds(r->of_row, f, o.folds) : BP_ERR_MEMORY;
    status = status == BP_OK ? run_folds(r, f, &o) : status;
    if (status != BP_OK) {
        bp_folds_free(r);
        return status;
    }
    *out = r;
    return BP_OK;
}

void bp_folds_free(bp_folds *r)
{
    if (!r) {
        return;
    }
    bp_allocator a = r->allocator;
    for (size_t i = 0; r->fold && i < r->count; i++) {
        bp_evaluation_free(r->fold[i].network);
        bp_evaluation_free(r->fold[i].linear);
        bp_evaluation_free(r->fold[i].trivial);
    }
    bp_release(&a, r->fold);
    bp_release(&a, r->of_row);
    bp_release(&a, r);
}
