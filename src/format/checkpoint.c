/* checkpoint.c - checkpoints of a run: when one is due, writing it, and finding the one to go on from. The file itself is
 * state_file.c, the folder checkpoint_folder.c, what makes two runs the same run_text.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backprop/io.h"
#include "format/checkpoint_folder.h"
#include "format/run_text.h"
#include "format/state_file.h"

/* ---- Options ----------------------------------------------------------------------------------------------------- */

typedef enum unit { UNIT_STEPS, UNIT_EPOCHS, UNIT_SECONDS } unit;

typedef struct interval {
    unit unit;
    double amount; /* whole for steps and epochs */
} interval;

static const struct {
    const char *name; /* "s" at the end may be left out */
    unit unit;
    double times;
} units[] = {{"steps", UNIT_STEPS, 1},
             {"epochs", UNIT_EPOCHS, 1},
             {"seconds", UNIT_SECONDS, 1},
             {"minutes", UNIT_SECONDS, 60},
             {"hours", UNIT_SECONDS, 3600}};

bp_checkpoint_options bp_checkpoint_defaults(void)
{
    return (bp_checkpoint_options){.every = "1 minute", .keep = 2};
}

static bool parse_unit(interval *out, const char *name, double amount)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t full = strlen(units[i].name);
        if ((length == full || length + 1 == full) && strncmp(name, units[i].name, length) == 0) {
            *out = (interval){units[i].unit, amount * units[i].times};
            return units[i].unit == UNIT_SECONDS || amount == (double)(uint64_t)amount;
        }
    }
    return false;
}

/* "50 steps" */
static bp_status parse_interval(interval *out, const char *text)
{
    char number[32];
    const char *rest = bp_split_name(number, text, ' ');
    double amount = 0;
    bool good = bp_parse_double(&amount, number) && amount > 0 && amount < 1e15 && rest &&
                parse_unit(out, rest + strspn(rest, " "), amount);
    return good ? BP_OK
                : bp_fail(BP_ERR_ARGUMENT,
                          "a checkpoint every \"%s\"; expected \"50 steps\", \"2 epochs\", \"30 seconds\", \"10 "
                          "minutes\" or the like",
                          text);
}

/* Fails unless the folder has checkpoints, or, to be written anew, has none. */
static bp_status check_folder(const char *folder, bool wanted, const bp_allocator *a)
{
    bp_checkpoint_list list;
    bp_status status = bp_checkpoint_list_make(&list, folder, a);
    if (status == BP_OK && wanted && list.count == 0) {
        status =
            bp_fail(BP_ERR_DATA, "there is no checkpoint in %s to go on from (expected: checkpoint-NUMBER.safetensors)",
                    folder);
    }
    if (status == BP_OK && !wanted && list.count > 0) {
        status =
            bp_fail(BP_ERR_DATA,
                    "%s has checkpoints of an earlier run, up to step %" PRIu64 ": go on from them (--resume), name "
                    "another folder, or remove them",
                    folder, list.step[0]);
    }
    bp_checkpoint_list_free(&list);
    return status;
}

/* Where nothing is yet, a folder is made later. */
static bp_status check_dir(const bp_checkpoint_options *o)
{
    bool new = o->dir && !(o->resume && bp_checkpoint_same_folder(o->dir, o->resume));
    return new &&bp_checkpoint_same_folder(o->dir, o->dir) ? check_folder(o->dir, false, o->allocator) : BP_OK;
}

bp_status bp_checkpoint_check(const bp_checkpoint_options *o)
{
    interval every;
    if (!(o->dir && *o->dir) && !(o->resume && *o->resume)) {
        return bp_fail(BP_ERR_ARGUMENT, "checkpoints: no folder was named");
    }
    if (o->keep == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "checkpoints: 0 are to be kept; expected at least 1");
    }
    bp_status status = parse_interval(&every, o->every ? o->every : "");
    status = status == BP_OK && o->resume ? check_folder(o->resume, true, o->allocator) : status;
    return status == BP_OK ? check_dir(o) : status;
}

struct bp_checkpoints {
    bp_allocator allocator;
    bp_checkpoint_options options;
    interval every;
    char *dir;
    int lock;
    bool same;                  /* written where the one gone on from was read */
    json_t *about;              /* metadata of every file: what run it is of */
    bp_saved_state *resumed;    /* NULL: a new run */
    bp_checkpoint_list damaged; /* in dir, newer than the one gone on from, and not replaced since */
    size_t complaints;
    char **complaint; /* about each that was passed over */
    char *newest;     /* path of the last that is on disk */
    double written;   /* when: bp_seconds() */
};

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* Epochs and steps are counted from the start of the run, so that a resumed one writes at the same places. */
static bool is_due(const bp_checkpoints *c, const bp_progress *p, const bp_state *state)
{
    const interval *e = &c->every;
    if (state->last) {
        return true;
    }
    switch (e->unit) {
    case UNIT_STEPS:
        return p->step % (uint64_t)e->amount == 0;
    case UNIT_EPOCHS:
        return p->rows_done == p->rows_total && p->epoch % (uint64_t)e->amount == 0;
    case UNIT_SECONDS:
        break;
    }
    return bp_seconds() - c->written >= e->amount;
}

static bp_status write_checkpoint(bp_checkpoints *c, const char *path, const bp_state *state)
{
    const bp_checkpoint_options *o = &c->options;
    const char *note = o->on_write ? o->on_write(o->ctx) : NULL;
    bp_status status = bp_state_write(state, note, c->about, path, &c->allocator);
    return status == BP_OK ? BP_OK : bp_fail_context(status, "no checkpoint: ");
}

static bool on_state(void *ctx, const bp_progress *p, const bp_state *state)
{
    bp_checkpoints *c = ctx;
    const bp_checkpoint_options *o = &c->options;
    if (!is_due(c, p, state)) {
        return true;
    }
    char *path = bp_checkpoint_path(c->dir, p->step, &c->allocator);
    bp_status status = path ? write_checkpoint(c, path, state) : BP_ERR_MEMORY;
    c->written = bp_seconds();
    if (status == BP_OK) {
        bp_release(&c->allocator, c->newest);
        c->newest = path;
        bp_checkpoint_list_remove(&c->damaged, p->step); /* it has been replaced */
        bp_checkpoint_folder_prune(c->dir, o->keep, &c->damaged, &c->allocator);
    }
    bool go_on = !o->on_written || o->on_written(o->ctx, path ? path : "", status);
    if (status != BP_OK) {
        bp_release(&c->allocator, path);
    }
    return go_on;
}

void bp_checkpoints_attach(bp_train_options *run, bp_checkpoints *c)
{
    run->resume = c->resumed ? &c->resumed->state : NULL;
    run->on_state = on_state;
    run->state_ctx = c;
}

/* ---- Finding the one to go on from ------------------------------------------------------------------------------- */

/* Keeps bp_error() as what is said about the checkpoint of a step. */
static bp_status pass_over(bp_checkpoints *c, uint64_t step)
{
    char *text = bp_strdup(&c->allocator, bp_error());
    if (!text || (c->same && bp_checkpoint_list_add(&c->damaged, step) != BP_OK)) {
        bp_release(&c->allocator, text);
        return BP_ERR_MEMORY;
    }
    c->complaint[c->complaints++] = text;
    return BP_OK;
}

/* The newest that is intact, into c->resumed. */
static bp_status find_intact(bp_checkpoints *c, const bp_checkpoint_list *list)
{
    bp_status status = BP_OK;
    c->complaint = bp_alloc(&c->allocator, list->count, sizeof *c->complaint);
    if (!c->complaint) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; status == BP_OK && !c->resumed && i < list->count; i++) {
        char *path = bp_checkpoint_path(c->options.resume, list->step[i], &c->allocator);
        status = path ? bp_state_load(&c->resumed, path, &c->allocator) : BP_ERR_MEMORY;
        bp_release(&c->allocator, path);
        if (status == BP_ERR_FORMAT || status == BP_ERR_IO) {
            status = pass_over(c, list->step[i]);
        }
    }
    if (status == BP_OK && !c->resumed) {
        char first[400];
        snprintf(first, sizeof first, "%s", c->complaint[0]);
        status = bp_fail(BP_ERR_DATA, "none of the %zu checkpoints in %s is intact; the newest: %s", list->count,
                         c->options.resume, first);
    }
    return status;
}

static bp_status find_resumed(bp_checkpoints *c, const json_t *run)
{
    bp_checkpoint_list list;
    const char *folder = c->options.resume;
    bp_status status = bp_checkpoint_list_make(&list, folder, &c->allocator);
    status = status == BP_OK ? find_intact(c, &list) : status;
    bp_checkpoint_list_free(&list);
    if (status != BP_OK) {
        return status;
    }
    return bp_run_compare(bp_state_metadata(c->resumed, "run"), run, c->resumed->path);
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* First of all, so that nobody else changes what is looked at; a folder holds the checkpoints of one run. */
static bp_status take_folder(bp_checkpoints *c)
{
    bp_status status = bp_checkpoint_folder_take(&c->lock, c->dir, &c->allocator);
    c->same = status == BP_OK && c->options.resume && bp_checkpoint_same_folder(c->dir, c->options.resume);
    return status == BP_OK && !c->same ? check_folder(c->dir, false, &c->allocator) : status;
}

/* The metadata of every checkpoint: the run, and where parameters lie. */
static bp_status make_about(bp_checkpoints *c, const bp_model *m, const json_t *run)
{
    json_t *layout = bp_run_layout(m);
    char *run_text = json_dumps(run, JSON_COMPACT), *layout_text = json_dumps(layout, JSON_COMPACT);
    c->about = run_text && layout_text ? json_pack("{s:s, s:s}", "run", run_text, "parameters", layout_text) : NULL;
    free(run_text);
    free(layout_text);
    json_decref(layout);
    return c->about ? BP_OK : bp_fail(BP_ERR_MEMORY, "out of memory for the description of the run");
}

static bp_status open_folders(bp_checkpoints *c, const bp_model *m, const bp_data *data, const bp_train_options *run)
{
    json_t *text = NULL;
    const bp_checkpoint_options *o = &c->options;
    c->dir = bp_strdup(&c->allocator, o->dir ? o->dir : o->resume);
    if (!c->dir) {
        return BP_ERR_MEMORY;
    }
    bp_status status = take_folder(c);
    status = status == BP_OK ? bp_run_describe(&text, m, data, run) : status;
    status = status == BP_OK ? make_about(c, m, text) : status;
    status = status == BP_OK && o->resume ? find_resumed(c, text) : status;
    json_decref(text);
    return status;
}

bp_status bp_checkpoints_open(bp_checkpoints **out, const bp_model *m, const bp_data *data, const bp_train_options *run,
                              const bp_checkpoint_options *options)
{
    *out = NULL;
    bp_status status = bp_checkpoint_check(options);
    if (status != BP_OK) {
        return status;
    }
    bp_allocator a = bp_allocator_or_default(options->allocator);
    bp_checkpoints *c = bp_alloc(&a, 1, sizeof *c);
    if (!c) {
        return BP_ERR_MEMORY;
    }
    c->allocator = a;
    c->options = *options;
    c->lock = -1;
    c->damaged.allocator = a;
    c->written = bp_seconds();
    parse_interval(&c->every, options->every);
    status = open_folders(c, m, data, run);
    if (status != BP_OK) {
        bp_checkpoints_close(c);
        return status;
    }
    *out = c;
    return BP_OK;
}

const bp_saved_state *bp_checkpoints_resumed(const bp_checkpoints *c)
{
    return c->resumed;
}

const char *bp_checkpoints_damaged(const bp_checkpoints *c, size_t index)
{
    return index < c->complaints ? c->complaint[index] : NULL;
}

const char *bp_checkpoints_newest(const bp_checkpoints *c)
{
    return c->newest ? c->newest : c->resumed ? c->resumed->path : "";
}

void bp_checkpoints_close(bp_checkpoints *c)
{
    if (c) {
        bp_allocator a = c->allocator;
        for (size_t i = 0; i < c->complaints; i++) {
            bp_release(&a, c->complaint[i]);
        }
        bp_release(&a, c->complaint);
        bp_checkpoint_list_free(&c->damaged);
        bp_saved_state_free(c->resumed);
        bp_checkpoint_folder_leave(c->lock);
        bp_release(&a, c->newest);
        bp_release(&a, c->dir);
        json_decref(c->about);
        bp_release(&a, c);
    }
}
