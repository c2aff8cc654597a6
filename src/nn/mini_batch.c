/* mini_batch.c - an epoch as steps on mini-batches of shuffled rows. */
#include "base/random.h"
#include "nn/schedule.h"
#include "nn/train.h"

#include <math.h>

typedef struct mini_batch {
    bp_optimizer *optimizer;
    uint32_t *order; /* of the rows in this epoch */
} mini_batch;

static size_t steps(const bp_train_options *o, const bp_data *data)
{
    return data->rows / o->batch + (data->rows % o->batch > 0); /* a batch may be any number: SIZE_MAX, for all rows */
}

static bp_status set_up(bp_trainer *t)
{
    size_t rows = t->o->batch < t->data->rows ? t->o->batch : t->data->rows;
    bool stream = t->o->optimizer.clip_norm == 0; /* a model's parameters are used by no shared op */
    mini_batch *own = t->own = bp_alloc(&t->m->allocator, 1, sizeof *own);
    bp_status status = own ? bp_trainer_session(t, rows, stream) : BP_ERR_MEMORY;
    status = status == BP_OK ? bp_optimizer_new(&own->optimizer, t->m->graph, &t->o->optimizer) : status;
    if (status != BP_OK || !(own->order = bp_alloc(&t->m->allocator, t->data->rows, sizeof *own->order))) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    for (size_t i = 0; i < t->data->rows; i++) {
        own->order[i] = (uint32_t)i;
    }
    t->batch.order = own->order;
    return BP_OK;
}

static void tear_down(bp_trainer *t)
{
    mini_batch *own = t->own;
    if (own) {
        bp_optimizer_free(own->optimizer);
        bp_release(&t->m->allocator, own->order);
        bp_release(&t->m->allocator, own);
    }
}

static bp_status train_step(bp_trainer *t, size_t first, size_t rows)
{
    mini_batch *own = t->own;
    t->lr = t->o->optimizer.lr * bp_schedule_factor(&t->o->schedule, t->step, t->per_epoch, t->total);
    t->lr *= t->plateau_factor;
    bp_hooks hooks = {.rows_ctx = &t->batch, .load = bp_batch_load, .observe = bp_batch_observe};
    t->batch.first = first;
    bp_optimizer_set_lr(own->optimizer, t->lr);
    bp_session_set_step(t->s, t->step);
    bp_optimizer_run(own->optimizer, t->s, rows, &hooks);
    double loss = bp_session_objective(t->s);
    t->step++;
    t->evaluations++;
    if (!isfinite(loss)) {
        return bp_trainer_diverged(t, loss);
    }
    t->loss_sum += loss * (double)rows;
    t->rows_done += rows;
    t->samples += rows;
    bp_tally these = bp_batch_tally(&t->batch, rows);
    t->done.rows += these.rows;
    t->done.right += these.right;
    return BP_OK;
}

static void shuffle(bp_trainer *t)
{
    mini_batch *own = t->own;
    if (t->o->shuffle) {
        bp_rng rng = bp_rng_new(t->o->seed, BP_RANDOM_SHUFFLE, (uint32_t)t->epoch);
        bp_rng_permutation(&rng, own->order, t->data->rows);
    }
}

/* The clock is read around callbacks, not around steps: reading it takes a twentieth of the smallest ones. */
static bp_status epoch(bp_trainer *t)
{
    bp_status status = BP_OK;
    shuffle(t);
    double start = bp_seconds();
    for (size_t first = t->rows_done; first < t->data->rows && t->step < t->total && !t->stop && status == BP_OK;
         first += t->o->batch) {
        size_t left = t->data->rows - first;
        status = train_step(t, first, left < t->o->batch ? left : t->o->batch);
        if (status == BP_OK && (t->o->on_step || t->o->on_state)) {
            t->train_seconds += bp_seconds() - start;
            bp_trainer_stepped(t);
            start = bp_seconds();
        }
    }
    t->train_seconds += bp_seconds() - start;
    return status;
}

/* The order of the rows is a function of seed and epoch: where the run was in it is rows_done. */
static void list(bp_trainer *t, bp_state_list *s)
{
    mini_batch *own = t->own;
    bp_optimizer_list(own->optimizer, s);
}

const bp_stepper bp_mini_batches = {set_up, epoch, tear_down, steps, list};
