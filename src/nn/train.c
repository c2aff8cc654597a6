/* train.c - the trainer: epochs, watching for the best weights, early stopping, and what to say when numbers stop being
 * finite. What happens within an epoch is in mini_batch.c and full_batch.c. */
#include "nn/train.h"

#include "graph/node.h"
#include "nn/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bp_train_options bp_train_defaults(void)
{
    return (bp_train_options){.epochs = 10,
                              .steps = SIZE_MAX,
                              .batch = 32,
                              .optimizer = bp_optimizer_defaults(BP_ADAM),
                              .shuffle = true,
                              .seed = 1};
}

typedef bp_trainer trainer;

/* ---- setting up ---- */

static bp_status check_options(const bp_train_options *o)
{
    if (o->batch == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "a batch of 0 rows; expected at least 1");
    }
    if (o->threads < 0) {
        return bp_fail(BP_ERR_ARGUMENT, "%d threads; expected 0 (as many as pay) or more", o->threads);
    }
    if (!bp_schedule_is_known(&o->schedule)) {
        return bp_fail(BP_ERR_ARGUMENT, "%d is not a schedule; bp_schedule_parse makes one", o->schedule.kind);
    }
    return bp_optimizer_check(&o->optimizer);
}

static void plan_steps(trainer *t)
{
    size_t epochs_steps;
    t->stepper = bp_optimizer_full_batch(t->o->optimizer.kind) ? &bp_full_batch : &bp_mini_batches;
    t->per_epoch = t->stepper->steps(t->o, t->data);
    if (!bp_mul_size(&epochs_steps, t->per_epoch, t->o->epochs)) {
        epochs_steps = SIZE_MAX;
    }
    t->total = epochs_steps < t->o->steps ? epochs_steps : t->o->steps;
}

bp_status bp_trainer_session(trainer *t, size_t rows, bool stream_updates)
{
    bp_session_options so = bp_session_defaults();
    so.max_rows = rows;
    so.threads = t->o->threads;
    so.input_gradients = false;
    so.stream_updates = stream_updates;
    so.training = true;
    so.seed = t->o->seed;
    const bp_node *targets[] = {t->m->loss_node};
    bp_status status = bp_session_new(&t->s, t->m->graph, targets, 1, &so);
    return status == BP_OK ? bp_batch_bind(&t->batch, t->s, t->m, t->data, true) : status;
}

static size_t slab_bytes(const trainer *t)
{
    return t->m->graph->slab_size * t->m->graph->element;
}

static bp_status make_buffers(trainer *t)
{
    const bp_allocator *a = &t->m->allocator;
    t->good = bp_alloc(a, slab_bytes(t), 1);
    t->best = bp_alloc(a, t->o->restore_best ? slab_bytes(t) : 0, 1);
    t->right = t->data->classes ? bp_alloc(a, t->s->options.max_rows, 1) : NULL;
    if (!t->good || !t->best || (t->data->classes && !t->right)) {
        return BP_ERR_MEMORY;
    }
    t->batch.right = t->right;
    memcpy(t->good, t->m->graph->slab, slab_bytes(t));
    return BP_OK;
}

static bp_status make_measures(trainer *t)
{
    bp_status status = BP_OK;
    if (t->o->valid) {
        status = bp_data_check(t->o->valid, t->m);
        status = status == BP_OK ? bp_measure_new(&t->valid, t->m, t->o->valid, t->o->threads) : status;
    }
    if (status == BP_OK && t->o->test) {
        status = bp_data_check(t->o->test, t->m);
        status = status == BP_OK ? bp_measure_new(&t->test, t->m, t->o->test, t->o->threads) : status;
    }
    return status;
}

static void tear_down(trainer *t)
{
    const bp_allocator *a = &t->m->allocator;
    bp_measure_free(&t->valid);
    bp_measure_free(&t->test);
    if (t->stepper) {
        t->stepper->tear_down(t);
    }
    bp_session_free(t->s);
    bp_state_free(&t->state);
    bp_release(a, t->right);
    bp_release(a, t->good);
    bp_release(a, t->best);
}

/* ---- when numbers stop being finite ---- */

/* Name of the first tensor, in the order of computing, that holds a number that is not finite. */
static const char *first_broken(const trainer *t)
{
    const bp_graph *g = t->m->graph;
    for (size_t i = 0; i < g->param_count; i++) {
        if (!g->kernels->all_finite(g->params[i]->size, bp_param_values(g->params[i]))) {
            return g->params[i]->name;
        }
    }
    for (size_t i = 0; i < t->s->forward_count; i++) {
        const bp_node *n = t->s->forward[i];
        const bp_slot *slot = &t->s->slots[n->index];
        for (size_t r = 0; r < t->s->rows; r++) {
            if (!g->kernels->all_finite(n->size, slot->value + r * slot->ld * g->element)) {
                return n->name;
            }
        }
    }
    return isfinite(bp_session_objective(t->s)) ? "the gradients" : "the loss";
}

static double largest_input(const trainer *t)
{
    double most = 0;
    for (size_t r = 0; r < t->s->rows; r++) {
        for (size_t c = 0; c < t->m->options.inputs; c++) {
            double x;
            bp_widen(&x, t->batch.x + (r * t->batch.x_ld + c) * t->m->graph->element, t->m->graph->type, 1);
            most = fabs(x) > most ? fabs(x) : most;
        }
    }
    return most;
}

/* Where the run was, and the likely cause. */
static void describe_divergence(const trainer *t, char place[128], char cause[256])
{
    bool full = t->stepper == &bp_full_batch;
    if (full) {
        snprintf(place, 128, "epoch %zu, a step on all rows", t->epoch);
    } else {
        snprintf(place, 128, "epoch %zu, batch %zu (step %zu, learning rate %g)", t->epoch,
                 (t->step - 1) % t->per_epoch + 1, t->step, t->lr);
    }
    double input = largest_input(t);
    if (input > 100) {
        snprintf(cause, 256, "the inputs are as large as %.3g: scale them (mean 0, deviation 1)", input);
    } else if (full) {
        snprintf(cause, 256, "the steps are too large: try a first step (learning rate) of %.1g",
                 t->o->optimizer.lr / 10);
    } else {
        snprintf(cause, 256, "the steps are too large: try a learning rate of %.1g, or clip the gradient norm to 1",
                 t->lr / 10);
    }
}

bp_status bp_trainer_diverged(trainer *t, double loss)
{
    const char *where = first_broken(t);
    char place[128], cause[256];
    describe_divergence(t, place, cause);
    bool best = t->o->restore_best && t->best_epoch > 0;
    memcpy(t->m->graph->slab, best ? t->best : t->good, slab_bytes(t));
    return bp_fail(BP_ERR_NUMERIC,
                   "the %s in %s; the first numbers that are not finite are in %s. Likely %s. The weights are those of "
                   "%s %zu",
                   isnan(loss)   ? "loss became nan"
                   : isinf(loss) ? "loss became infinite"
                                 : "gradient stopped being finite",
                   place, where, cause,
                   best           ? "the best epoch,"
                   : t->epoch > 1 ? "the end of epoch"
                                  : "the start, epoch",
                   best ? t->best_epoch : t->epoch - 1);
}

/* ---- progress ---- */

static void note_progress(trainer *t)
{
    bp_progress *p = &t->last;
    *p = (bp_progress){.epoch = t->epoch,
                       .step = t->step,
                       .total_steps = t->total,
                       .rows_done = t->rows_done,
                       .rows_total = t->data->rows,
                       .train_loss = t->rows_done ? t->loss_sum / t->done.rows : NAN,
                       .train_accuracy = t->right && t->rows_done ? t->done.right / t->done.rows : NAN,
                       .valid_loss = NAN,
                       .valid_accuracy = NAN,
                       .test_loss = NAN,
                       .test_accuracy = NAN,
                       .lr = t->lr,
                       .seconds = bp_seconds() - t->start,
                       .train_seconds = t->train_seconds};
    p->samples_per_second = t->train_seconds > 0 ? (double)t->samples / t->train_seconds : NAN;
}

/* Calls on_state, if there is one. */
static void show_state(trainer *t)
{
    if (!t->o->on_state) {
        return;
    }
    t->seconds = bp_seconds() - t->start;
    bp_state_show(&t->state); /* cannot fail: it has been shown once */
    t->state.view.last = t->stop || t->step == t->total;
    if (!t->o->on_state(t->o->state_ctx, &t->last, &t->state.view)) {
        t->stop = t->stopped_by_callback = true;
    }
}

static bool epoch_is_whole(const trainer *t)
{
    return t->rows_done == t->data->rows;
}

void bp_trainer_stepped(trainer *t)
{
    if (t->o->on_step || t->o->on_state) {
        note_progress(t);
    }
    if (t->o->on_step && !t->o->on_step(t->o->ctx, &t->last)) {
        t->stop = t->stopped_by_callback = true;
    }
    if (!epoch_is_whole(t)) {
        show_state(t);
    }
}

/* ---- one epoch ---- */

/* The loss that decides: of the validation part, else of training. */
static double watched(const trainer *t)
{
    return t->o->valid ? t->last.valid_loss : t->last.train_loss;
}

/* PyTorch's ReduceLROnPlateau: better means below (1 - 1e-4) of the best. */
static void lower_on_plateau(trainer *t, double loss)
{
    if (!bp_schedule_is_plateau(&t->o->schedule)) {
        return;
    }
    if (loss < t->plateau_best * (1 - 1e-4)) {
        t->plateau_best = loss;
        t->plateau_wait = 0;
    } else if ((double)++t->plateau_wait > t->o->schedule.a) {
        t->plateau_factor *= t->o->schedule.b;
        t->plateau_wait = 0;
    }
}

static void watch(trainer *t)
{
    double loss = watched(t);
    if (loss < t->best_loss) {
        t->best_loss = loss;
        t->best_epoch = t->epoch;
        t->last.best = true;
        t->best_progress = t->last;
        if (t->o->restore_best) {
            memcpy(t->best, t->m->graph->slab, slab_bytes(t));
        }
    } else if (t->o->patience && t->epoch - t->best_epoch >= t->o->patience) {
        t->stop = t->stopped_early = true;
    }
    lower_on_plateau(t, loss);
}

static bp_status end_epoch(trainer *t)
{
    note_progress(t);
    if (t->o->valid) {
        bp_measure_run(&t->valid, &t->last.valid_loss, &t->last.valid_accuracy, NULL, NULL);
    }
    if (t->o->test) {
        bp_measure_run(&t->test, &t->last.test_loss, &t->last.test_accuracy, NULL, NULL);
    }
    const bp_graph *g = t->m->graph;
    if (!g->kernels->all_finite(g->slab_size, g->slab)) {
        return bp_trainer_diverged(t, NAN);
    }
    memcpy(t->good, g->slab, slab_bytes(t));
    watch(t);
    t->last.seconds = bp_seconds() - t->start;
    t->within = false;
    if (t->o->on_epoch && !t->o->on_epoch(t->o->ctx, &t->last)) {
        t->stop = t->stopped_by_callback = true;
    }
    if (epoch_is_whole(t)) { /* else the run ended within it, and could go on there: that state has been shown */
        show_state(t);
    }
    return BP_OK;
}

static void begin_epoch(trainer *t)
{
    t->within = true;
    t->epoch++;
    t->loss_sum = 0;
    t->done = (bp_tally){0};
    t->rows_done = 0;
}

static bp_status train_epoch(trainer *t)
{
    if (!t->within) {
        begin_epoch(t);
    }
    bp_status status = t->stepper->epoch(t);
    return status == BP_OK ? end_epoch(t) : status;
}

/* ---- the state of a run ---- */

/* Numbers of a bp_progress that are not made anew. */
static const struct {
    const char *name;
    size_t offset;
    bool count; /* else a real number */
} progress_fields[] = {
    {"epoch", offsetof(bp_progress, epoch), true},
    {"step", offsetof(bp_progress, step), true},
    {"rows_done", offsetof(bp_progress, rows_done), true},
    {"train_loss", offsetof(bp_progress, train_loss), false},
    {"train_accuracy", offsetof(bp_progress, train_accuracy), false},
    {"valid_loss", offsetof(bp_progress, valid_loss), false},
    {"valid_accuracy", offsetof(bp_progress, valid_accuracy), false},
    {"test_loss", offsetof(bp_progress, test_loss), false},
    {"test_accuracy", offsetof(bp_progress, test_accuracy), false},
    {"lr", offsetof(bp_progress, lr), false},
    {"seconds", offsetof(bp_progress, seconds), false},
    {"train_seconds", offsetof(bp_progress, train_seconds), false},
    {"samples_per_second", offsetof(bp_progress, samples_per_second), false},
};

static void list_progress(bp_state_list *s, const char *name, bp_progress *p)
{
    char full[32];
    for (size_t i = 0; i < sizeof progress_fields / sizeof *progress_fields; i++) {
        void *at = (char *)p + progress_fields[i].offset;
        snprintf(full, sizeof full, "%s.%s", name, progress_fields[i].name);
        if (progress_fields[i].count) {
            bp_state_count(s, full, at, SIZE_MAX);
        } else {
            bp_state_real(s, full, at);
        }
    }
    snprintf(full, sizeof full, "%s.best", name);
    bp_state_flag(s, full, &p->best);
}

static void list_slabs(trainer *t)
{
    const bp_graph *g = t->m->graph;
    bp_state_array(&t->state, "weights", g->type, g->slab_size, g->slab);
    bp_state_array(&t->state, "good", g->type, g->slab_size, t->good);
    if (t->o->restore_best) {
        bp_state_array(&t->state, "best", g->type, g->slab_size, t->best);
    }
}

static bp_status make_state(trainer *t)
{
    bp_state_list *s = &t->state;
    *s = bp_state_new(&t->m->allocator);
    list_slabs(t);
    t->stepper->list(t, s);
    bp_state_count(s, "epoch", &t->epoch, UINT32_MAX);
    bp_state_count(s, "step", &t->step, SIZE_MAX);
    bp_state_count(s, "rows_done", &t->rows_done, t->data->rows);
    bp_state_flag(s, "within", &t->within);
    bp_state_real(s, "loss_sum", &t->loss_sum);
    bp_state_real(s, "done.rows", &t->done.rows);
    bp_state_real(s, "done.right", &t->done.right);
    bp_state_real(s, "lr", &t->lr);
    bp_state_real(s, "plateau.factor", &t->plateau_factor);
    bp_state_real(s, "plateau.best", &t->plateau_best);
    bp_state_count(s, "plateau.wait", &t->plateau_wait, SIZE_MAX);
    bp_state_real(s, "best_loss", &t->best_loss);
    bp_state_count(s, "best_epoch", &t->best_epoch, UINT32_MAX);
    bp_state_flag(s, "stopped_early", &t->stopped_early);
    bp_state_flag(s, "converged", &t->converged);
    bp_state_count(s, "samples", &t->samples, SIZE_MAX);
    bp_state_count(s, "evaluations", &t->evaluations, SIZE_MAX);
    bp_state_real(s, "seconds", &t->seconds);
    bp_state_real(s, "train_seconds", &t->train_seconds);
    list_progress(s, "last", &t->last);
    list_progress(s, "best", &t->best_progress);
    return bp_state_show(s);
}

static bp_status resume(trainer *t)
{
    const bp_state_part *step = bp_state_find(t->o->resume, "step");
    if (step && step->type == BP_F64 && step->count == 1 && *(const double *)step->data > (double)t->total) {
        return bp_fail(BP_ERR_DATA,
                       "restoring a run: it has done %.0f steps, but %zu are planned: allow more epochs or steps",
                       *(const double *)step->data, t->total);
    }
    bp_status status = bp_state_restore(&t->state, t->o->resume);
    if (status != BP_OK) {
        return status;
    }
    t->start = bp_seconds() - t->seconds;
    t->stop = t->stopped_early || t->converged;
    t->last.total_steps = t->best_progress.total_steps = t->total;
    t->last.rows_total = t->best_progress.rows_total = t->data->rows;
    return BP_OK;
}

static bp_status set_up_state(trainer *t)
{
    bp_status status = t->o->on_state || t->o->resume ? make_state(t) : BP_OK;
    return status == BP_OK && t->o->resume ? resume(t) : status;
}

/* ---- the run ---- */

static bool any_trained(const bp_graph *g)
{
    for (size_t i = 0; i < g->param_count; i++) {
        if (!g->params[i]->frozen) {
            return true;
        }
    }
    return false;
}

static bp_status set_up(trainer *t)
{
    bp_status status = check_options(t->o);
    status = status == BP_OK ? bp_data_check(t->data, t->m) : status;
    if (status != BP_OK) {
        return status;
    }
    plan_steps(t);
    if (!any_trained(t->m->graph)) {
        return bp_fail(BP_ERR_ARGUMENT, "all parameters are frozen: there is nothing to train");
    }
    status = t->stepper->set_up(t);
    status = status == BP_OK ? make_buffers(t) : status;
    return status == BP_OK ? make_measures(t) : status;
}

static void fill_result(bp_train_result *r, const trainer *t)
{
    *r = (bp_train_result){.last = t->last,
                           .best = t->best_progress,
                           .best_epoch = t->best_epoch,
                           .best_loss = t->best_loss,
                           .stopped_early = t->stopped_early,
                           .stopped_by_callback = t->stopped_by_callback,
                           .converged = t->converged,
                           .evaluations = t->evaluations,
                           .threads = t->s ? t->s->threads : 0};
}

bp_status bp_train(bp_train_result *result, bp_model *m, const bp_data *data, const bp_train_options *options)
{
    bp_train_options defaults = bp_train_defaults();
    trainer t = {.m = m,
                 .data = data,
                 .o = options ? options : &defaults,
                 .plateau_factor = 1,
                 .plateau_best = INFINITY,
                 .best_loss = INFINITY,
                 .lr = options ? options->optimizer.lr : defaults.optimizer.lr,
                 .start = bp_seconds()};
    bp_status status = set_up(&t);
    note_progress(&t);
    status = status == BP_OK ? set_up_state(&t) : status;
    while (status == BP_OK && (t.step < t.total || t.within) && !t.stop) {
        status = train_epoch(&t);
    }
    if (status == BP_OK && t.o->restore_best && t.best_epoch) {
        memcpy(m->graph->slab, t.best, slab_bytes(&t));
    }
    if (result) {
        fill_result(result, &t);
    }
    tear_down(&t);
    return status;
}
