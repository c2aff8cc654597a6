/* train_report.c - what `backprop train` says before and after, and the notes that it leaves in the model. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "memory.h"
#include "network.h"
#include "source.h"
#include "train.h"

/* ---- before ------------------------------------------------------------------------------------------------------ */

static void label(const terminal *t, const char *name)
{
    fprintf(t->file, "%s%-9s%s", style_on(t, STYLE_DIM), name, style_off(t));
}

/* A labelled line, its text in a column of its own. */
static void say(const terminal *t, const char *name, const char *text)
{
    label(t, name);
    wrap_text(t->file, text, 9, 9, t->live ? t->width - 1 : SIZE_MAX);
}

static void say_data(const terminal *t, const training *run)
{
    char rows[NUMBER_SIZE], valid[NUMBER_SIZE + 16] = "", test[NUMBER_SIZE + 16] = "", shape[64], text[400];
    const bp_data *d = &run->train;
    if (run->valid.rows > 0)
        snprintf(valid, sizeof valid, ", %s validation", number_text(rows, (double)run->valid.rows));
    if (run->test.rows > 0)
        snprintf(test, sizeof test, ", %s test", number_text(rows, (double)run->test.rows));
    if (d->height > 0)
        snprintf(shape, sizeof shape, "%zu x %zu pixels", d->height, d->width);
    else
        snprintf(shape, sizeof shape, "%zu inputs", d->inputs);
    snprintf(text, sizeof text, "%s: %s training rows%s%s, %s, %zu %s", run->set->name,
             number_text(rows, (double)d->rows), valid, test, shape, d->classes > 0 ? d->classes : d->targets,
             d->classes > 0 ? "classes" : "targets");
    say(t, "data", text);
}

void train_introduction(const training *run, size_t epochs)
{
    terminal t = terminal_of(stderr);
    char text[512], number[NUMBER_SIZE];
    const bp_train_options *o = &run->run;
    say_data(&t, run);
    network_text(text, sizeof text, run->model);
    say(&t, "network", text);
    snprintf(text, sizeof text, "%s parameters, %s, loss %s",
             number_text(number, (double)bp_model_parameters(run->model)),
             bp_type_name(bp_model_describe(run->model).type), bp_loss_name(bp_model_loss(run->model)));
    say(&t, "", text);
    snprintf(text, sizeof text, "%s, lr %g, %s; batch %zu, %zu epoch%s; seed %llu, %s",
             bp_optimizer_name(o->optimizer.kind), o->optimizer.lr, run->schedule_text, o->batch, epochs,
             epochs == 1 ? "" : "s", (unsigned long long)o->seed, bp_kernel_name());
    say(&t, "plan", text);
    fputc('\n', t.file);
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

typedef struct notes {
    bp_model *model;
    bp_status status; /* the first failure */
} notes;

static void note_text(notes *n, const char *key, const char *value)
{
    if (n->status == BP_OK)
        n->status = bp_model_set_note(n->model, key, value);
}

static void note_real(notes *n, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    note_text(n, key, isfinite(value) ? text : NULL);
}

static void note_size(notes *n, const char *key, size_t value)
{
    char text[40];
    snprintf(text, sizeof text, "%zu", value);
    note_text(n, key, text);
}

static void note_unless_zero(notes *n, const char *key, double value)
{
    if (value != 0)
        note_real(n, key, value);
    else
        note_text(n, key, NULL);
}

static void note_optimizer(notes *n, const training *t)
{
    const bp_optimizer_options *o = &t->run.optimizer;
    note_text(n, "optimizer", bp_optimizer_name(o->kind));
    note_real(n, "lr", o->lr);
    note_text(n, "schedule", t->schedule_text);
    note_unless_zero(n, "momentum", o->momentum);
    note_unless_zero(n, "l1", o->l1);
    note_unless_zero(n, "l2", o->l2);
    note_unless_zero(n, "weight_decay", o->weight_decay);
    note_unless_zero(n, "clip_norm", o->clip_norm);
    note_unless_zero(n, "clip_value", o->clip_value);
}

static double test_loss(const training *t)
{
    return t->test.rows > 0 ? t->measure->loss : NAN;
}

static double test_accuracy(const training *t)
{
    return t->test.rows > 0 ? t->measure->accuracy : NAN;
}

static double valid_loss(const training *t)
{
    return t->valid_measure != NULL ? t->valid_measure->loss : NAN;
}

static double valid_accuracy(const training *t)
{
    return t->valid_measure != NULL ? t->valid_measure->accuracy : NAN;
}

/* Training losses are known once a step has been made. */
static double train_loss(const training *t)
{
    return t->result.last.step > 0 ? t->result.last.train_loss : NAN;
}

static double train_accuracy(const training *t)
{
    return t->result.last.step > 0 && !t->diverged ? t->result.last.train_accuracy : NAN;
}

static const char *ending(const training *t)
{
    return t->diverged                   ? "diverged"
           : t->code == CODE_INTERRUPTED ? "interrupted"
           : t->result.stopped_early     ? "patience"
                                         : NULL;
}

bp_status train_notes(training *t)
{
    notes n = {t->model, BP_OK};
    note_text(&n, "made_by", "backprop train");
    note_text(&n, "data", t->set->name);
    note_size(&n, "rows", t->train.rows);
    note_text(&n, "init_from", text_or(t->o, OPT_INIT_FROM, NULL));
    note_optimizer(&n, t);
    note_size(&n, "batch", t->run.batch);
    note_size(&n, "epochs", t->result.last.epoch);
    note_size(&n, "steps", t->result.last.step);
    note_text(&n, "shuffle", t->run.shuffle ? "true" : "false");
    note_size(&n, "seed", t->run.seed);
    note_text(&n, "stopped", ending(t));
    note_real(&n, "train_loss", train_loss(t));
    note_real(&n, "train_accuracy", train_accuracy(t));
    note_real(&n, "valid_loss", valid_loss(t));
    note_real(&n, "valid_accuracy", valid_accuracy(t));
    note_real(&n, "test_loss", test_loss(t));
    note_real(&n, "test_accuracy", test_accuracy(t));
    return n.status;
}

/* ---- after ------------------------------------------------------------------------------------------------------- */

static void print_result_json(const training *t)
{
    const bp_progress *last = &t->result.last;
    json_t *o = json_object();
    json_put_size(o, "epochs", last->epoch);
    json_put_size(o, "steps", last->step);
    json_put(o, "seconds", bp_seconds() - t->o->started);
    json_put(o, "samples_per_second", last->step > 0 ? last->samples_per_second : NAN);
    json_put(o, "train_loss", train_loss(t));
    json_put(o, "train_accuracy", train_accuracy(t));
    json_put(o, "valid_loss", valid_loss(t));
    json_put(o, "valid_accuracy", valid_accuracy(t));
    json_put(o, "test_loss", test_loss(t));
    json_put(o, "test_accuracy", test_accuracy(t));
    json_put_size(o, "parameters", bp_model_parameters(t->model));
    json_put_size(o, "threads", (size_t)t->result.threads);
    json_put_text(o, "kernel", bp_kernel_name());
    json_put_text(o, "dtype", bp_type_name(bp_model_describe(t->model).type));
    json_put_size(o, "seed", t->run.seed);
    if (t->result.best_epoch > 0)
        json_put_size(o, "best_epoch", t->result.best_epoch);
    else
        json_put(o, "best_epoch", NAN);
    json_put_bool(o, "stopped_early", t->result.stopped_early);
    json_put_text(o, "stopped", ending(t));
    json_put_text(o, "data", t->set->name);
    json_put_text(o, "model", t->out);
    json_print(stdout, o);
}

typedef struct mistake {
    size_t row, predicted;
    double probability; /* given to the wrong class */
} mistake;

/* Sorts m into the list of the surest mistakes. */
static void insert(mistake *list, size_t *count, size_t most, mistake m)
{
    if (*count == most && list[most - 1].probability >= m.probability)
        return;
    size_t at = *count < most ? (*count)++ : most - 1;
    for (; at > 0 && list[at - 1].probability < m.probability; at--)
        list[at] = list[at - 1];
    list[at] = m;
}

static double output_at(const void *out, bp_type type, size_t index)
{
    return type == BP_F64 ? ((const double *)out)[index] : (double)((const float *)out)[index];
}

static size_t surest_mistakes(mistake *list, size_t most, const training *t, const void *out)
{
    const bp_data *d = t->measured;
    bp_type type = bp_model_describe(t->model).type;
    size_t count = 0;
    for (size_t row = 0; row < d->rows; row++) {
        mistake m = {row, 0, -1};
        for (size_t j = 0; j < d->classes; j++) {
            double p = output_at(out, type, row * d->classes + j);
            if (p > m.probability)
                m = (mistake){row, j, p};
        }
        if (m.predicted != (size_t)d->label[row])
            insert(list, &count, most, m);
    }
    return count;
}

enum { MISTAKES = 3 };

static void draw_mistakes(const terminal *t, const training *run, const mistake *list, size_t count)
{
    const bp_data *d = run->measured;
    char text[MISTAKES][3 * CLASS_NAME], truth[CLASS_NAME], guess[CLASS_NAME];
    picture pictures[MISTAKES];
    double *pixels = cli_alloc(MISTAKES * d->inputs, sizeof *pixels);
    if (pixels == NULL || count == 0) {
        cli_release(pixels);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double *pixel = pixels + i * d->inputs;
        row_values(pixel, d, list[i].row);
        for (size_t j = 0; j < d->inputs; j++)
            pixel[j] /= 255;
        snprintf(text[i], sizeof text[i], "%s, taken for %s",
                 class_text(truth, run->model, (size_t)d->label[list[i].row]),
                 class_text(guess, run->model, list[i].predicted));
        pictures[i] = (picture){pixel, d->height, d->width, text[i]};
    }
    fprintf(t->file, "\n%sthe surest mistakes%s\n", style_on(t, STYLE_BOLD), style_off(t));
    draw_pictures(t, pictures, count, 2);
    cli_release(pixels);
}

/* Pictures of what it got wrong, on a terminal. Where there is no memory for it there are no pictures. */
static void show_mistakes(const terminal *t, const training *run)
{
    const bp_data *d = run->measured;
    mistake list[MISTAKES];
    bp_predictor *p = NULL;
    size_t cells = 0;
    if (!t->live || d->height == 0 || d->x_type != BP_U8 || d->classes == 0 ||
        !bp_mul_size(&cells, d->rows, d->classes))
        return;
    void *out = cli_alloc(cells, bp_type_size(bp_model_describe(run->model).type));
    if (out != NULL && bp_predictor_new(&p, run->model, 256, run->run.threads) == BP_OK &&
        bp_predict(p, out, d->x, d->x_type, d->rows) == BP_OK)
        draw_mistakes(t, run, list, surest_mistakes(list, MISTAKES, run, out));
    bp_predictor_free(p);
    cli_release(out);
}

static void say_where(const terminal *t, const training *run)
{
    struct stat file;
    char bytes[NUMBER_SIZE] = "", time[NUMBER_SIZE], rate[NUMBER_SIZE];
    if (stat(run->out, &file) == 0)
        bytes_text(bytes, (double)file.st_size);
    fprintf(t->file, "\n");
    label(t, "time");
    fprintf(t->file, "%s", duration_text(time, bp_seconds() - run->o->started));
    if (run->result.last.step > 0 && !run->diverged)
        fprintf(t->file, "; training %s samples/s on %d thread%s", rate_text(rate, run->result.last.samples_per_second),
                run->result.threads, run->result.threads == 1 ? "" : "s");
    fprintf(t->file, "\n");
    label(t, "model");
    fprintf(t->file, "%s%s%s  (%s)\n", style_on(t, STYLE_BOLD), run->out, style_off(t), bytes);
}

static void say_next(const terminal *t, const training *run)
{
    const char *data = run->o->positional[0];
    if (!t->live)
        return;
    label(t, "next");
    fprintf(t->file, "backprop eval %s %s\n", run->out, data);
    fprintf(t->file, "%-9sbackprop predict %s %s --rows 0-9%s\n", "", run->out, data,
            run->train.classes > 3 ? " --top 3" : "");
    fprintf(t->file, "%-9sbackprop inspect %s --trace %s --row 0\n", "", run->out, data);
}

/* How it ended, if not as planned: on stderr, even where the talk is off. */
static void say_ending(const training *t)
{
    if (t->code == CODE_INTERRUPTED)
        fprintf(stderr, "backprop: interrupted after step %zu of %zu; what was trained is saved\n", t->result.last.step,
                t->result.last.total_steps);
    else if (t->diverged)
        fprintf(stderr, "backprop: the weights of the last good epoch are saved\n");
    else if (t->result.stopped_early && !t->quiet)
        fprintf(stderr, "stopped early: no better loss for %zu epochs; the best was epoch %zu\n", t->run.patience,
                t->result.best_epoch);
}

void train_report(const training *t)
{
    terminal out = terminal_of(stdout);
    say_ending(t);
    if (given(t->o, OPT_JSON)) {
        print_result_json(t);
        return;
    }
    if (!t->quiet && out.live)
        fputc('\n', stdout);
    report_summary(&out, t->measure, t->measured_name);
    if (t->quiet) {
        fprintf(stdout, "%-16s %s\n", "model", t->out);
        return;
    }
    if (t->measure->classes > 0)
        report_confusion(&out, t->measure, t->model);
    show_mistakes(&out, t);
    say_where(&out, t);
    say_next(&out, t);
}
