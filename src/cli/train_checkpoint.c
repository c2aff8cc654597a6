/* train_checkpoint.c - `backprop train` with checkpoints: from the options to the library's calls, what travels with each
 * checkpoint, and what is said. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "train.h"

static bool wanted(const training *t)
{
    return given(t->o, OPT_CHECKPOINT) || given(t->o, OPT_RESUME);
}

static bp_checkpoint_options checkpoint_options(const training *t)
{
    bp_checkpoint_options c = bp_checkpoint_defaults();
    c.dir = text_or(t->o, OPT_CHECKPOINT, NULL);
    c.resume = text_or(t->o, OPT_RESUME, NULL);
    c.every = text_or(t->o, OPT_EVERY, c.every);
    c.keep = size_or(t->o, OPT_KEEP_NEWEST, c.keep);
    return c;
}

bp_status train_checkpoint_check(const training *t)
{
    static const option_id depend[] = {OPT_EVERY, OPT_KEEP_NEWEST};
    for (size_t i = 0; i < sizeof depend / sizeof *depend && !wanted(t); i++) {
        if (given(t->o, depend[i])) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s is about checkpoints: it needs --checkpoint DIR or --resume DIR",
                           option_table[depend[i]].name);
        }
    }
    bp_checkpoint_options c = checkpoint_options(t);
    return wanted(t) ? bp_checkpoint_check(&c) : BP_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void say(const char *text)
{
    terminal out = terminal_of(stderr);
    fputs("backprop: ", stderr);
    wrap_text(stderr, text, strlen("backprop: "), 2, wrap_width(&out));
}

/* What the library does not know of: {"seconds", "init_from", "new_head", "log"}. */
static const char *on_write(void *ctx)
{
    training *t = ctx;
    json_t *note = json_object();
    json_put(note, "seconds", train_seconds(t));
    json_put_text(note, "init_from", text_or(t->o, OPT_INIT_FROM, NULL));
    json_put_bool(note, "new_head", t->new_head);
    json_t *log = train_log_position(&t->log);
    if (log != NULL) {
        json_object_set_new(note, "log", log);
    }
    free(t->note);
    t->note = json_dumps(note, JSON_COMPACT);
    json_decref(note);
    return t->note;
}

/* A disk that stays full is told once. */
static bool on_written(void *ctx, const char *path, bp_status status)
{
    training *t = ctx;
    (void)path;
    if (status != BP_OK && !t->checkpoint_failed) {
        progress_clear(&t->progress);
        say(bp_error());
    }
    t->checkpoint_failed = status != BP_OK;
    return true;
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

static double state_number(const bp_state *s, const char *name)
{
    const bp_state_part *p = bp_state_find(s, name);
    return p != NULL && p->type == BP_F64 && p->count == 1 ? *(const double *)p->data : 0;
}

/* The kernel decides about the last bits, and is no reason to throw a run away. */
static void say_resumed(const training *t, const bp_saved_state *s)
{
    char text[1400];
    for (size_t i = 0; bp_checkpoints_damaged(t->checkpoints, i) != NULL; i++) {
        snprintf(text, sizeof text, "%s; passed over", bp_checkpoints_damaged(t->checkpoints, i));
        say(text);
    }
    if (s->kernel != NULL && strcmp(s->kernel, bp_kernel_name()) != 0) {
        snprintf(text, sizeof text,
                 "%s was computed with %s, this run uses %s: the last bits will be others than those of a run that was "
                 "not interrupted",
                 s->path, s->kernel, bp_kernel_name());
        say(text);
    }
    if (!t->quiet) {
        terminal out = terminal_of(stderr);
        snprintf(text, sizeof text, "after step %zu, from %s", t->resumed_step, s->path);
        train_say(&out, "goes on", text);
        fputc('\n', stderr);
    }
}

/* The weights of the checkpoint replace those of --init-from, but it stands in the notes of the model. */
static bp_status check_note(const training *t, const json_t *note, const char *path)
{
    const char *there = json_string_value(json_object_get(note, "init_from"));
    const char *here = text_or(t->o, OPT_INIT_FROM, NULL);
    if ((there == NULL) != (here == NULL) || (there != NULL && strcmp(there, here) != 0)) {
        return bp_fail(BP_ERR_DATA, "%s is of another run: --init-from: %s there, %s now", path,
                       there != NULL ? there : "none", here != NULL ? here : "none");
    }
    bool new_head = json_is_true(json_object_get(note, "new_head"));
    if (new_head != t->new_head) {
        return bp_fail(BP_ERR_DATA, "%s is of another run: a new last layer (--new-head): %s there, %s now", path,
                       new_head ? "yes" : "no", t->new_head ? "yes" : "no");
    }
    return BP_OK;
}

/* note: NULL where it is no JSON of ours, as in a checkpoint that another program has written. */
static bp_status go_on(training *t, const bp_saved_state *s, const json_t *note)
{
    bp_status status = check_note(t, note, s->path);
    if (status != BP_OK) {
        return status;
    }
    t->resumed_step = (size_t)state_number(&s->state, "step");
    t->epochs_done = (size_t)(state_number(&s->state, "epoch") - state_number(&s->state, "within"));
    t->earlier_seconds = json_number_value(json_object_get(note, "seconds"));
    say_resumed(t, s);
    return train_log_begin(&t->log, json_object_get(note, "log"));
}

/* Who finds the run killed later reads here how it goes on. */
static void say_begun(const training *t, const bp_checkpoint_options *c)
{
    if (!t->quiet) {
        terminal out = terminal_of(stderr);
        char text[1400];
        snprintf(text, sizeof text,
                 "a checkpoint in %s, every %s; if interrupted, the same command with --resume %s goes on", c->dir,
                 c->every, c->dir);
        train_say(&out, "saves", text);
        fputc('\n', stderr);
    }
}

bp_status train_checkpoint_open(training *t)
{
    if (!wanted(t)) {
        return train_log_begin(&t->log, NULL);
    }
    bp_checkpoint_options c = checkpoint_options(t);
    c.on_write = on_write;
    c.on_written = on_written;
    c.ctx = t;
    bp_status status = bp_checkpoints_open(&t->checkpoints, t->model, &t->train, &t->run, &c);
    if (status != BP_OK) {
        return status;
    }
    bp_checkpoints_attach(&t->run, t->checkpoints);
    const bp_saved_state *s = bp_checkpoints_resumed(t->checkpoints);
    if (s == NULL) {
        say_begun(t, &c);
        return train_log_begin(&t->log, NULL);
    }
    json_t *note = json_loads(s->note, 0, NULL);
    status = go_on(t, s, note);
    json_decref(note);
    return status;
}

exit_code train_checkpoint_close(training *t)
{
    bool failed = t->checkpoint_failed;
    t->checkpoint_failed = false; /* told once, though the end of the program closes again */
    bp_checkpoints_close(t->checkpoints);
    t->checkpoints = NULL;
    free(t->note);
    t->note = NULL;
    if (failed) {
        fprintf(stderr, "backprop: the last checkpoint could not be written\n");
    }
    return failed ? CODE_OUTPUT : CODE_OK;
}
