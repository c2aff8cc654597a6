/* search.c - the search for a setting, for people and as JSON. */
#include "search.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/base.h"
#include "interrupt.h"

/* ---- options ----------------------------------------------------------------------------------------------------- */

bp_status search_check_options(const options *o)
{
    static const option_id only[] = {OPT_SEARCH_STATE, OPT_SEARCH_TIME};
    for (size_t i = 0; i < sizeof only / sizeof *only; i++) {
        if (given(o, only[i]) && !given(o, OPT_SEARCH)) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s needs --search N: how many settings to try",
                           option_table[only[i]].name);
        }
    }
    if (given(o, OPT_SEARCH) && (size_or(o, OPT_EPOCHS, 1) == 0 || size_or(o, OPT_STEPS, 1) == 0)) {
        return bp_fail(BP_ERR_ARGUMENT, "--search needs at least 1 epoch and 1 step to tell settings apart");
    }
    return BP_OK;
}

/* What the command line says stays as it is. Options of an optimizer are about the one that is used without a search. */
static unsigned fixed_parts(const options *o)
{
    static const struct {
        option_id id;
        unsigned parts;
    } table[] = {
        {OPT_NET, BP_SEARCH_NET},
        {OPT_OPTIMIZER, BP_SEARCH_OPTIMIZER},
        {OPT_LR, BP_SEARCH_LR | BP_SEARCH_OPTIMIZER},
        {OPT_MOMENTUM, BP_SEARCH_OPTIMIZER},
        {OPT_WEIGHT_DECAY, BP_SEARCH_PENALTY | BP_SEARCH_OPTIMIZER},
        {OPT_L2, BP_SEARCH_PENALTY | BP_SEARCH_OPTIMIZER},
        {OPT_SCHEDULE, BP_SEARCH_SCHEDULE},
        {OPT_BATCH, BP_SEARCH_BATCH},
        {OPT_EPOCHS, BP_SEARCH_EPOCHS},
        {OPT_NUMBERS, BP_SEARCH_NUMBERS},
    };
    unsigned parts = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        parts |= given(o, table[i].id) ? table[i].parts : 0;
    }
    return parts;
}

/* ---- a table line ------------------------------------------------------------------------------------------------ */

static const char *measure_title(const char *key)
{
    return strcmp(key, "r2") == 0 ? "R2" : strcmp(key, "balanced_accuracy") == 0 ? "balanced" : key;
}

static const char *score_text(char *out, const char *key, double value)
{
    if (strcmp(key, "r2") != 0) {
        return percent_text(out, value);
    }
    snprintf(out, NUMBER_SIZE, isfinite(value) ? "%.4f" : "-", value);
    return out;
}

/* "64x2 silu 0.2" for "dense 64 silu, dropout 0.2, dense 64 silu, dropout 0.2"; "128-64 relu"; "none". */
static void net_text(char *out, size_t size, const char *net)
{
    char widths[64] = "", name[24] = "", rate[16] = "";
    size_t width[16] = {0}, layers = 0, used = 0;
    bool equal = true;
    for (const char *at = net; at != NULL; at = strchr(at, ','), at = at != NULL ? at + 1 : NULL) {
        size_t units = 0;
        if (sscanf(at, " dense %zu %23[a-z_-]", &units, name) >= 1 && layers < sizeof width / sizeof *width) {
            equal = equal && (layers == 0 || units == width[layers - 1]);
            width[layers++] = units;
        } else {
            sscanf(at, " dropout %15[0-9.]", rate);
        }
    }
    for (size_t i = 0; i < (equal ? 1 : layers) && i < layers && used < sizeof widths; i++) {
        used += (size_t)snprintf(widths + used, sizeof widths - used, "%s%zu", i > 0 ? "-" : "", width[i]);
    }
    if (equal && layers > 1 && used < sizeof widths) {
        snprintf(widths + used, sizeof widths - used, "x%zu", layers);
    }
    snprintf(out, size, "%s%s%s%s%s", layers > 0 ? widths : "none", name[0] != '\0' ? " " : "", name,
             rate[0] != '\0' ? " " : "", rate);
}

static double penalty_of(const bp_setting *s)
{
    return s->weight_decay > 0 ? s->weight_decay : s->l2;
}

enum { NET_COLUMN = 17 }; /* lines fit 80 columns */

static void say_row(const terminal *out, const training *t, size_t index)
{
    const bp_search *r = t->tables.search;
    const bp_search_row *row = &r->row[index];
    const bp_setting *s = &row->setting;
    char net[64], loss[NUMBER_SIZE], score[NUMBER_SIZE], batch[24] = "all";
    net_text(net, sizeof net, s->net);
    if (!bp_optimizer_full_batch(s->optimizer)) {
        snprintf(batch, sizeof batch, "%zu", s->batch);
    }
    fprintf(out->file, "%s%4zu%s %7s %8s  %-*.*s %-6.6s %7.2g %5s %7.2g %s%s\n",
            index == 0 ? style_on(out, STYLE_BOLD) : "", index + 1, row->candidate <= r->defaults ? "*" : " ",
            isfinite(row->loss) ? loss_text(loss, row->loss) : "-", score_text(score, r->measure, row->measure),
            NET_COLUMN, NET_COLUMN, net, bp_optimizer_name(s->optimizer), s->lr, batch, penalty_of(s),
            bp_numbers_rule_name(s->numbers), index == 0 ? style_off(out) : "");
}

/* "the whole training", "1/3 of the epochs". */
static void rung_text(char *out, size_t size, const bp_search *r, size_t rung)
{
    size_t part = 1;
    for (size_t i = rung; i < r->rungs; i++) {
        part *= 3;
    }
    snprintf(out, size, part == 1 ? "trained in full" : "after 1/%zu of the training", part);
}

/* All rows up to a sensible number; the last ones say little. */
static void say_table(const terminal *out, const training *t)
{
    enum { MOST_LINES = 40 };
    const bp_search *r = t->tables.search;
    char text[NUMBER_SIZE];
    fprintf(out->file, "%s%4s  %7s %8s  %-*s %-6s %7s %5s %7s %s%s\n", style_on(out, STYLE_BOLD), "rank", "loss",
            measure_title(r->measure), NET_COLUMN, "hidden layers", "by", "lr", "batch", "penalty", "numbers",
            style_off(out));
    for (size_t i = 0; i < r->count && i < MOST_LINES; i++) {
        if (r->rungs > 1 && (i == 0 || r->row[i].rung != r->row[i - 1].rung)) {
            rung_text(text, sizeof text, r, r->row[i].rung);
            fprintf(out->file, "%s      %s%s\n", style_on(out, STYLE_DIM), text, style_off(out));
        }
        say_row(out, t, i);
    }
    if (r->count > MOST_LINES) {
        fprintf(out->file, "      %s... and %zu more%s\n", style_on(out, STYLE_DIM), r->count - MOST_LINES,
                style_off(out));
    }
    fprintf(out->file, "%s*     %s%s\n\n", style_on(out, STYLE_DIM),
            r->defaults > 1 ? "the two proposals of the defaults" : "without a search", style_off(out));
    fflush(out->file);
}

/* ---- while it runs ----------------------------------------------------------------------------------------------- */

/* What the callbacks see; on_step comes from several threads and only reads. */
typedef struct watch {
    const training *t;
    terminal terminal;
    double end; /* of the time; infinite: no limit */
    double best;
    atomic_bool
        scored; /* a setting, and it did not diverge: before that time ends nothing, so that there is a best one */
} watch;

static bool go_on(watch *w)
{
    return !interrupt_seen() && (!atomic_load(&w->scored) || bp_seconds() < w->end);
}

static bool on_step(void *ctx, const bp_progress *p)
{
    (void)p;
    return go_on(ctx);
}

static bool on_score(void *ctx, const bp_search_progress *p)
{
    watch *w = ctx;
    char loss[NUMBER_SIZE], best[NUMBER_SIZE];
    if (isfinite(p->row->loss)) {
        atomic_store(&w->scored, true);
    }
    if (w->t->quiet) {
        return go_on(w);
    }
    w->best = p->done == 1 || p->row->loss < w->best ? p->row->loss : w->best;
    if (w->terminal.live) {
        fputs("\r\033[K", w->terminal.file);
    }
    fprintf(w->terminal.file, "rung %zu of %zu, %zu of %zu: candidate %zu, loss %s; best %s", p->rung, p->rungs,
            p->done, p->total, p->row->candidate, isfinite(p->row->loss) ? loss_text(loss, p->row->loss) : "diverged",
            loss_text(best, w->best));
    fputs(w->terminal.live ? "" : "\n", w->terminal.file);
    fflush(w->terminal.file);
    return go_on(w);
}

static void say_search(const terminal *out, const training *t)
{
    const bp_fit *f = t->tables.fit;
    char rows[NUMBER_SIZE], text[200], on[80];
    if (!given(t->o, OPT_FOLDS) && f->valid != NULL) {
        snprintf(on, sizeof on, "%s validation rows", number_text(rows, (double)f->valid->train.rows));
    } else {
        snprintf(on, sizeof on, "cross-validation");
    }
    snprintf(text, sizeof text, "%zu settings on %s rows of %s, told apart by %s", t->o->value[OPT_SEARCH].size,
             number_text(rows, (double)f->rows), t->name, on);
    train_say(out, "search", text);
}

static bp_status search(training *t, const terminal *out)
{
    bp_search_options o = bp_search_defaults();
    bp_fit *f = t->tables.fit;
    watch w = {.t = t, .terminal = *out, .end = bp_seconds() + real_or(t->o, OPT_SEARCH_TIME, INFINITY)};
    o.candidates = t->o->value[OPT_SEARCH].size;
    o.folds = size_or(t->o, OPT_FOLDS, 0);
    o.fixed = fixed_parts(t->o);
    o.threads = (int)size_or(t->o, OPT_THREADS, 0);
    o.state = text_or(t->o, OPT_SEARCH_STATE, NULL);
    o.on_score = on_score;
    o.ctx = &w;
    f->run.on_step = on_step;
    f->run.ctx = &w;
    interrupt_watch();
    bp_status status = bp_fit_search(&t->tables.search, f, &o);
    f->run.on_step = NULL;
    f->run.ctx = NULL;
    if (out->live && !t->quiet) {
        fputs("\r\033[K", out->file);
    }
    return status;
}

/* ---- afterwards -------------------------------------------------------------------------------------------------- */

/* From here on everything is as if the options had asked for the best setting. */
static bp_status take_best(training *t)
{
    table_training *tables = &t->tables;
    bp_fit *found = NULL;
    const bp_setting *best = &tables->search->row[0].setting;
    bp_status status = bp_fit_with(&found, tables->fit, best);
    if (status != BP_OK) {
        return status;
    }
    bp_fit_free(tables->fit);
    tables->fit = found;
    t->schedule_text = bp_schedule_text(tables->schedule, sizeof tables->schedule, &best->schedule);
    train_table_adopt(t);
    return BP_OK;
}

static void say_result(const terminal *out, const training *t, bool interrupted)
{
    const bp_search *r = t->tables.search;
    char time[NUMBER_SIZE], text[200];
    snprintf(text, sizeof text, "%s%s", r->stopped ? "stopped, after " : "", duration_text(time, r->seconds));
    if (r->trained == 0) {
        snprintf(text + strlen(text), sizeof text - strlen(text), ", all from %s", t->o->value[OPT_SEARCH_STATE].text);
    }
    train_say(out, "searched", text);
    if (interrupted) {
        train_say(out, "", "the best so far is trained now; Ctrl-C again stops that, too, and saves it");
    }
    fputc('\n', out->file);
}

static exit_code failed(const training *t, bp_status status)
{
    if (status != BP_ERR_STOPPED) {
        return fail_status(status);
    }
    fprintf(stderr, "backprop: %s; nothing was saved\n", bp_error());
    return interrupt_seen() ? CODE_INTERRUPTED : t->code != CODE_OK ? t->code : CODE_NEGATIVE;
}

/* The state is written: it must be no file that is read or written otherwise. */
static bp_status check_state(const training *t)
{
    const char *path = text_or(t->o, OPT_SEARCH_STATE, NULL);
    if (path == NULL) {
        return BP_OK;
    }
    bp_status status = output_apart(path, "--search-state", t->what, "the table");
    status = status == BP_OK ? output_apart(path, "--search-state", t->out, "the model to write") : status;
    if (status == BP_OK && given(t->o, OPT_LOG)) {
        status = output_apart(path, "--search-state", t->o->value[OPT_LOG].text, "--log");
    }
    return status;
}

exit_code search_settings(training *t)
{
    if (!given(t->o, OPT_SEARCH)) {
        return CODE_OK;
    }
    if (check_state(t) != BP_OK) {
        return fail_usage(&command_table[CMD_TRAIN]);
    }
    if (given(t->o, OPT_SEARCH_STATE) && output_check(t->o->value[OPT_SEARCH_STATE].text) != BP_OK) {
        return fail_as(CODE_OUTPUT);
    }
    terminal talk = terminal_of(stderr), out = terminal_of(stdout);
    if (!t->quiet) {
        say_search(&talk, t);
    }
    bp_status status = search(t, &talk);
    if (status != BP_OK) {
        return failed(t, status);
    }
    bool interrupted = interrupt_seen();
    t->tables.search_interrupted = interrupted;
    if (!t->quiet) {
        say_result(&talk, t, interrupted);
    }
    if (!t->quiet && !given(t->o, OPT_JSON)) {
        say_table(&out, t);
    }
    interrupt_forget();
    status = take_best(t);
    return status == BP_OK ? CODE_OK : fail_status(status);
}

/* ---- for programs ------------------------------------------------------------------------------------------------ */

static json_t *row_json(const bp_search *r, size_t index)
{
    const bp_search_row *row = &r->row[index];
    const bp_setting *s = &row->setting;
    char schedule[BP_SCHEDULE_TEXT];
    json_t *o = json_object();
    json_put_size(o, "rank", index + 1);
    json_put_size(o, "candidate", row->candidate);
    json_put_size(o, "rung", row->rung);
    json_put(o, "score", row->loss);
    json_put(o, r->measure, row->measure);
    json_put_text(o, "net", s->net);
    json_put_text(o, "optimizer", bp_optimizer_name(s->optimizer));
    json_put(o, "lr", s->lr);
    json_put(o, "l2", s->l2);
    json_put(o, "weight_decay", s->weight_decay);
    json_put_text(o, "schedule", bp_schedule_text(schedule, sizeof schedule, &s->schedule));
    json_put_size(o, "batch", s->batch);
    json_put_size(o, "epochs", s->epochs);
    json_put_size(o, "patience", s->patience);
    json_put_text(o, "numbers", bp_numbers_rule_name(s->numbers));
    return o;
}

void search_json(json_t *object, const training *t)
{
    const bp_search *r = t->tables.search;
    if (r == NULL) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < r->count; i++) {
        json_array_append_new(list, row_json(r, i));
    }
    json_object_set_new(object, "search", list);
    json_put_size(object, "search_rungs", r->rungs);
    json_put_size(object, "search_folds", r->folds > 1 ? r->folds : 0);
    json_put_bool(object, "search_stopped", r->stopped);
    json_put(object, "search_seconds", r->seconds);
}

bp_status search_notes(const training *t)
{
    const bp_search *r = t->tables.search;
    char text[160];
    if (r == NULL) {
        return BP_OK;
    }
    snprintf(text, sizeof text, "candidate %zu of %zu, loss %.6g, without a search %s", r->row[0].candidate,
             t->o->value[OPT_SEARCH].size, r->row[0].loss, r->row[0].candidate <= r->defaults ? "the same" : "another");
    bp_status status = bp_model_set_note(t->model, "search", text);
    const char *numbers = bp_numbers_rule_name(r->row[0].setting.numbers);
    return status == BP_OK ? bp_model_set_note(t->model, "numbers", numbers) : status;
}
