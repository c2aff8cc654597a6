/* progress.c - the live line and the lines of the epochs. */
#include "progress.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

enum { MANY_EPOCHS = 30, LINES_OF_MANY = 20 };
static const double redraw_seconds = 0.1;

progress progress_new(bool quiet, size_t epochs, bool valid, bool test, bool classes)
{
    progress p = {.terminal = terminal_of(stderr), .quiet = quiet, .valid = valid, .test = test, .classes = classes};
    p.epochs = epochs;
    p.every = epochs > MANY_EPOCHS ? (epochs + LINES_OF_MANY - 1) / LINES_OF_MANY : 1;
    p.drawn = bp_seconds();
    return p;
}

/* ---- the live line ----------------------------------------------------------------------------------------------- */

void progress_clear(progress *p)
{
    if (p->terminal.live && !p->quiet) {
        fputs("\r\033[K", p->terminal.file);
    }
}

/* "  loss 0.0812  accuracy 97.50 %  215,000 samples/s  2.1 s left" */
static void live_text(char *out, size_t size, const progress *p, const bp_progress *now)
{
    char loss[NUMBER_SIZE], accuracy[NUMBER_SIZE], rate[NUMBER_SIZE], left[NUMBER_SIZE];
    double done = (double)now->step, planned = (double)now->total_steps;
    double remaining = done > 0 ? now->seconds * (planned - done) / done : NAN;
    size_t used = (size_t)snprintf(out, size, "  loss %s", loss_text(loss, now->train_loss));
    if (p->classes) {
        used += (size_t)snprintf(out + used, size - used, "  accuracy %s", percent_text(accuracy, now->train_accuracy));
    }
    snprintf(out + used, size - used, "  %s samples/s  %s left", rate_text(rate, now->samples_per_second),
             duration_text(left, remaining));
}

/* Cuts text to so many columns, between its parts, each of which begins with two blanks. */
static void keep_parts(char *text, size_t columns)
{
    size_t end = 0, length = strlen(text);
    for (size_t at = 0; at <= length && at <= columns; at++) {
        if (at == length || strncmp(text + at, "  ", 2) == 0) {
            end = at;
        }
    }
    text[end] = '\0';
}

void progress_step(progress *p, const bp_progress *now)
{
    char head[64], text[200], bar[3 * 40 + 1];
    double time = bp_seconds();
    if (p->quiet || !p->terminal.live || time - p->drawn < redraw_seconds) {
        return;
    }
    p->drawn = time;
    p->terminal = terminal_of(stderr); /* its width may have changed */
    double share = now->total_steps > 0 ? (double)now->step / (double)now->total_steps : 1;
    snprintf(head, sizeof head, "epoch %zu/%zu ", now->epoch, p->epochs);
    live_text(text, sizeof text, p, now);
    size_t used = strlen(head) + strlen(text) + 1, room = p->terminal.width > used ? p->terminal.width - used : 0;
    if (room >= 8) {
        progress_bar(bar, &p->terminal, share, room < 40 ? room : 40);
    } else {
        snprintf(bar, sizeof bar, "%3.0f %%", share * 100);
    }
    if (room < 8) { /* a narrow terminal: the text gives way */
        size_t fixed = strlen(head) + strlen(bar) + 1;
        keep_parts(text, p->terminal.width > fixed ? p->terminal.width - fixed : 0);
    }
    progress_clear(p);
    fprintf(p->terminal.file, "%s%s%s%s%s", head, style_on(&p->terminal, STYLE_ACCENT), bar, style_off(&p->terminal),
            text);
    fflush(p->terminal.file);
}

/* ---- a line an epoch --------------------------------------------------------------------------------------------- */

static void remember(progress *p, double loss)
{
    if (p->curve_count == CURVE) {
        memmove(p->curve, p->curve + 1, (CURVE - 1) * sizeof *p->curve);
    } else {
        p->curve_count++;
    }
    p->curve[p->curve_count - 1] = log(loss);
}

static void heading_pair(const progress *p, const char *loss)
{
    fprintf(p->terminal.file, " %9s", loss);
    if (p->classes) {
        fprintf(p->terminal.file, " %9s", "accuracy");
    }
}

static void table_heading(const progress *p)
{
    const terminal *t = &p->terminal;
    fprintf(t->file, "%s%9s", style_on(t, STYLE_BOLD), "epoch");
    heading_pair(p, "loss");
    if (p->valid) {
        heading_pair(p, "val. loss");
    }
    if (p->test) {
        heading_pair(p, "test loss");
    }
    fprintf(t->file, " %8s%s\n", "time", style_off(t));
}

static size_t pair_columns(const progress *p, double loss, double accuracy)
{
    char text[NUMBER_SIZE];
    size_t columns = (size_t)fprintf(p->terminal.file, " %9s", loss_text(text, loss));
    if (p->classes) {
        columns += (size_t)fprintf(p->terminal.file, " %9s", percent_text(text, accuracy));
    }
    return columns;
}

/* A row of the table, with the loss curve where there is room for it. */
static void table_row(progress *p, const bp_progress *now)
{
    const terminal *t = &p->terminal;
    char text[NUMBER_SIZE], curve[3 * CURVE + 1];
    if (p->printed == 0) {
        table_heading(p);
    }
    snprintf(text, sizeof text, "%zu/%zu", now->epoch, p->epochs);
    size_t columns = (size_t)fprintf(t->file, "%9s", text);
    columns += pair_columns(p, now->train_loss, now->train_accuracy);
    if (p->valid) {
        columns += pair_columns(p, now->valid_loss, now->valid_accuracy);
    }
    if (p->test) {
        columns += pair_columns(p, now->test_loss, now->test_accuracy);
    }
    columns += (size_t)fprintf(t->file, " %8s", duration_text(text, now->seconds));
    size_t room = t->width > columns + 3 ? t->width - columns - 3 : 0, shown = p->curve_count;
    shown = shown < room ? shown : room;
    sparkline(curve, t, p->curve + (p->curve_count - shown), shown);
    fprintf(t->file, "  %s%s%s\n", style_on(t, STYLE_ACCENT), curve, style_off(t));
}

/* The same where nobody looks on: every line can be understood alone. */
static void plain_line(const progress *p, const bp_progress *now)
{
    char loss[NUMBER_SIZE], accuracy[NUMBER_SIZE];
    const struct {
        bool shown;
        const char *name;
        double loss, accuracy;
    } parts[] = {{true, "", now->train_loss, now->train_accuracy},
                 {p->valid, "valid ", now->valid_loss, now->valid_accuracy},
                 {p->test, "test ", now->test_loss, now->test_accuracy}};
    fprintf(stderr, "epoch %zu/%zu:", now->epoch, p->epochs);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].shown) {
            continue;
        }
        fprintf(stderr, "%s %sloss %s", i > 0 ? ";" : "", parts[i].name, loss_text(loss, parts[i].loss));
        if (p->classes) {
            fprintf(stderr, ", %saccuracy %s", parts[i].name, percent_text(accuracy, parts[i].accuracy));
        }
    }
    fprintf(stderr, "; %s samples/s\n", rate_text(loss, now->samples_per_second));
}

static void print_epoch(progress *p, const bp_progress *now)
{
    remember(p, now->train_loss);
    progress_clear(p);
    if (p->terminal.live) {
        table_row(p, now);
    } else {
        plain_line(p, now);
    }
    p->printed = now->epoch;
}

void progress_epoch(progress *p, const bp_progress *now)
{
    p->last = *now;
    if (p->quiet) {
        return;
    }
    if (now->epoch == 1 || now->epoch % p->every == 0 || now->epoch == p->epochs) {
        print_epoch(p, now);
    }
}

void progress_end(progress *p)
{
    if (p->quiet) {
        return;
    }
    progress_clear(p);
    if (p->last.epoch > p->printed) {
        print_epoch(p, &p->last);
    }
    fflush(p->terminal.file);
}
