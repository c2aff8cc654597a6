/* search.c - successive halving: rungs of candidates, each trained for longer than the one before and by fewer. Which
 * settings are tried stands in search_setting.c, how one is tried in search_trial.c, what is kept on disk in
 * search_state.c.
 *
 * A candidate's score in a rung depends on its setting, the rows and the rung alone, whoever computes it and when; what goes
 * on to the next rung is decided when all scores of a rung are there. So the table is the same for any number of threads. */
#include "data/search.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { CHOSEN_FOLDS = 5, FACTOR = 3, MOST_RUNGS = 4 };

/* One training: of a candidate, without one of the folds. */
typedef struct job {
    size_t candidate, fold;
    bp_search_trial trial;
    bool done; /* set and looked at with the lock held */
} job;

typedef struct search {
    bp_search *result;
    const bp_fit *f;
    bp_search_options o;
    bp_allocator allocator;
    int threads;
    bp_setting *setting;                        /* candidates */
    char *base_net, *nets;                      /* that of f; those drawn, BP_SETTING_NET bytes each */
    uint32_t *of_row;                           /* the fold of each row; NULL: no folds */
    bp_search_ground *ground[BP_NUMBERS_RULES]; /* folds each; NULL: not needed so far */
    bp_search_scores scores;
    bool classes;
    double threshold[MOST_RUNGS]; /* classes: of the measure, see group_of */
    bp_search_state state;
    size_t rung, *list, listed; /* from 0; the candidates of this rung, the most promising first */
    job *job;                   /* of this rung */
    size_t jobs, next, scored;
    pthread_mutex_t lock; /* of what changes while threads work */
    atomic_bool stop;
    bp_status status; /* the first failure */
    char error[1024];
} search;

bp_search_options bp_search_defaults(void)
{
    return (bp_search_options){.candidates = 20};
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static size_t rungs_for(size_t candidates)
{
    size_t rungs = 1;
    for (size_t n = candidates; n >= FACTOR && rungs < MOST_RUNGS; n /= FACTOR) {
        rungs++;
    }
    return rungs;
}

/* 1 / FACTOR^..., 1 for the last rung. */
static double share_of(const search *s, size_t rung)
{
    return pow(FACTOR, (double)rung - (double)(s->scores.rungs - 1));
}

static size_t folds_for(const bp_fit *f, const bp_search_options *o)
{
    if (o->folds > 0) {
        return o->folds;
    }
    return f->valid ? 1 : f->recipe.folds > 0 ? f->recipe.folds : CHOSEN_FOLDS;
}

static bp_status check(const search *s)
{
    if (s->o.candidates == 0 || s->o.candidates > UINT32_MAX) {
        return bp_fail(BP_ERR_ARGUMENT, "a search among %zu settings; expected at least 1", s->o.candidates);
    }
    if (s->f->run.steps == 0 || s->f->run.epochs == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "a search without training: 0 epochs or steps; expected at least 1");
    }
    if (s->result->folds == 1 && !s->f->valid) {
        return bp_fail(BP_ERR_ARGUMENT, "a search needs rows that are not trained on to tell settings apart: "
                                        "validation rows, or folds");
    }
    return s->result->folds > 1 ? bp_check_folds(s->result->folds, s->f->rows) : BP_OK;
}

/* ---- grounds ----------------------------------------------------------------------------------------------------- */

static void note_failure(search *s, bp_status status)
{
    pthread_mutex_lock(&s->lock);
    if (s->status == BP_OK) { /* texts of failures belong to a thread: carried over */
        s->status = status;
        snprintf(s->error, sizeof s->error, "%s", bp_error());
    }
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->stop, true);
}

static void make_grounds(void *ctx, int thread, int threads)
{
    search *s = ctx;
    size_t folds = s->result->folds, turn = 0;
    for (size_t rule = 0; rule < BP_NUMBERS_RULES; rule++) {
        for (size_t k = 0; s->ground[rule] && k < folds && !atomic_load(&s->stop); k++) {
            bool mine = turn++ % (size_t)threads == (size_t)thread && !s->ground[rule][k].fit;
            bp_search_ground *g = &s->ground[rule][k];
            bp_status status = mine ? bp_search_ground_new(g, s->f, (bp_numbers_rule)rule, s->of_row, k) : BP_OK;
            if (status != BP_OK) {
                note_failure(s, status);
            }
        }
    }
}

/* Those that the jobs of this rung stand on and that are not there yet. */
static bp_status prepare_grounds(search *s)
{
    bool missing = false;
    for (size_t i = 0; i < s->jobs; i++) {
        size_t rule = (size_t)s->setting[s->job[i].candidate].numbers;
        if (!s->ground[rule]) {
            missing = true;
            s->ground[rule] = bp_alloc(&s->allocator, s->result->folds, sizeof *s->ground[rule]);
            if (!s->ground[rule]) {
                return BP_ERR_MEMORY;
            }
        }
    }
    if (missing) {
        bp_team_run(s->threads, make_grounds, s);
    }
    return s->status;
}

/* ---- one job ----------------------------------------------------------------------------------------------------- */

static bool on_step(void *ctx, const bp_progress *p)
{
    search *s = ctx;
    const bp_train_options *run = &s->f->run;
    return !atomic_load(&s->stop) && (!run->on_step || run->on_step(run->ctx, p));
}

static bp_status do_job(search *s, job *j)
{
    const bp_setting *setting = &s->setting[j->candidate];
    const bp_search_ground *g = &s->ground[setting->numbers][j->fold];
    j->trial = (bp_search_trial){
        .f = s->f, .ground = g, .setting = setting, .share = share_of(s, s->rung), .on_step = on_step, .ctx = s};
    bp_status status = bp_search_try(&j->trial);
    if (status == BP_OK && !j->trial.finished) {
        atomic_store(&s->stop, true);
    }
    return status;
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static bp_score *score_at(const search *s, size_t candidate, size_t rung)
{
    return &s->scores.score[candidate * s->scores.rungs + rung];
}

/* The mean over the folds, each row counting alike; false while one is missing. */
static bool sum_up(bp_score *out, const job *j, size_t folds)
{
    double loss = 0, measure = 0, rows = 0;
    bool diverged = false;
    for (size_t k = 0; k < folds; k++) {
        if (!j[k].done) {
            return false;
        }
        const bp_search_trial *t = &j[k].trial;
        diverged = diverged || !isfinite(t->loss);
        loss += t->rows * t->loss;
        measure += t->rows * t->measure;
        rows += t->rows;
    }
    *out = diverged ? (bp_score){true, INFINITY, NAN} : (bp_score){true, loss / rows, measure / rows};
    return true;
}

static bp_search_row row_of(const search *s, size_t candidate, size_t rung)
{
    const bp_score *score = score_at(s, candidate, rung);
    return (bp_search_row){candidate + 1, s->setting[candidate], rung + 1, score->loss, score->measure};
}

/* After a job, with the lock held: the candidate may be done by it. */
static bp_status tell_score(search *s, const job *j)
{
    size_t folds = s->result->folds;
    bp_score *score = score_at(s, j->candidate, s->rung);
    if (!sum_up(score, s->job + (size_t)(j - s->job) / folds * folds, folds)) {
        return BP_OK;
    }
    s->scored++;
    s->result->trained++;
    bp_status status = bp_search_write(&s->state, &s->scores);
    if (status == BP_OK && s->o.on_score) {
        bp_search_row row = row_of(s, j->candidate, s->rung);
        bp_search_progress p = {s->rung + 1, s->scores.rungs, s->scored, s->listed, &row};
        if (!s->o.on_score(s->o.ctx, &p)) {
            atomic_store(&s->stop, true);
        }
    }
    return status;
}

static void work(void *ctx, int thread, int threads)
{
    search *s = ctx;
    (void)thread;
    (void)threads;
    while (!atomic_load(&s->stop)) {
        pthread_mutex_lock(&s->lock);
        size_t mine = s->next < s->jobs ? s->next++ : s->jobs;
        pthread_mutex_unlock(&s->lock);
        if (mine == s->jobs) {
            return;
        }
        bp_status status = do_job(s, &s->job[mine]);
        if (status == BP_OK && s->job[mine].trial.finished) {
            pthread_mutex_lock(&s->lock);
            s->job[mine].done = true;
            status = tell_score(s, &s->job[mine]);
            pthread_mutex_unlock(&s->lock);
        }
        if (status != BP_OK) {
            note_failure(s, status);
        }
    }
}

/* ---- rungs ------------------------------------------------------------------------------------------------------- */

/* What the best measure of a rung, less one answer and half its standard error, is: of n answers of which a share p is right
 * the error is sqrt(p (1 - p) / n), p with one right and one wrong answer added. Half, since two settings are wrong on much
 * the same rows: their difference varies less than either. */
static double threshold_of(const search *s, size_t rung)
{
    double best = -1, n = (double)(s->of_row ? s->f->rows : s->f->valid->train.rows);
    for (size_t i = 0; i < s->o.candidates; i++) {
        const bp_score *score = score_at(s, i, rung);
        best = score->known && score->measure > best ? score->measure : best;
    }
    double p = (best * n + 1) / (n + 2);
    return best - 1 / n - 0.5 * sqrt(p * (1 - p) / n);
}

/* Numbers and labels: 0. Classes: the measure where it is clearly lower than the best of its rung, else 1. Fewer right
 * answers by chance shall not outweigh the loss, which tells more; but a loss may be spoiled by a few answers that are sure
 * and wrong. */
static double group_of(const search *s, size_t candidate, size_t rung)
{
    const bp_score *score = score_at(s, candidate, rung);
    return !s->classes ? 0 : score->measure >= s->threshold[rung] ? 1 : isfinite(score->measure) ? score->measure : -1;
}

/* Whether candidate a, last scored in rung ra, stands before b. */
static bool before(const search *s, size_t a, size_t ra, size_t b, size_t rb)
{
    double x = group_of(s, a, ra), y = group_of(s, b, rb);
    double loss_x = score_at(s, a, ra)->loss, loss_y = score_at(s, b, rb)->loss;
    return ra != rb ? ra > rb : x != y ? x > y : loss_x != loss_y ? loss_x < loss_y : a < b;
}

static bp_status run_rung(search *s)
{
    size_t folds = s->result->folds;
    s->jobs = s->next = s->scored = 0;
    for (size_t i = 0; i < s->listed; i++) {
        bool known = score_at(s, s->list[i], s->rung)->known;
        s->scored += known;
        for (size_t k = 0; k < folds && !known; k++) {
            s->job[s->jobs++] = (job){.candidate = s->list[i], .fold = k};
        }
    }
    bp_status status = prepare_grounds(s);
    if (status == BP_OK && s->jobs > 0) {
        bp_team_run(s->threads, work, s);
    }
    return status == BP_OK ? s->status : status;
}

static bool contains(const size_t *list, size_t count, size_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == value) {
            return true;
        }
    }
    return false;
}

/* Sorts the candidates of this rung and keeps the best third of them, and the defaults. */
static void promote(search *s)
{
    s->threshold[s->rung] = threshold_of(s, s->rung);
    for (size_t i = 1; i < s->listed; i++) {
        size_t moved = s->list[i], at = i;
        for (; at > 0 && before(s, moved, s->rung, s->list[at - 1], s->rung); at--) {
            s->list[at] = s->list[at - 1];
        }
        s->list[at] = moved;
    }
    size_t kept = s->listed / FACTOR > 0 ? s->listed / FACTOR : 1;
    for (size_t i = 0; i < s->result->defaults && i < s->o.candidates; i++) {
        if (!contains(s->list, kept, i)) {
            s->list[kept++] = i; /* there is room: it was behind them */
        }
    }
    s->listed = kept;
}

static bp_status run_rungs(search *s)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < s->o.candidates; i++) {
        s->list[i] = i;
    }
    s->listed = s->o.candidates;
    for (s->rung = 0; s->rung < s->scores.rungs && status == BP_OK && !atomic_load(&s->stop); s->rung++) {
        status = run_rung(s);
        if (status == BP_OK && !atomic_load(&s->stop)) {
            promote(s);
        }
    }
    return status;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Every candidate with a score, in its place by insertion. */
static void rank(search *s)
{
    bp_search *r = s->result;
    for (size_t rung = 0; rung < s->scores.rungs; rung++) {
        s->threshold[rung] = threshold_of(s, rung);
    }
    for (size_t i = 0; i < s->o.candidates; i++) {
        size_t rung = s->scores.rungs, at = r->count;
        while (rung > 0 && !score_at(s, i, rung - 1)->known) {
            rung--;
        }
        if (rung == 0) {
            continue;
        }
        for (; at > 0 && before(s, i, rung - 1, r->row[at - 1].candidate - 1, r->row[at - 1].rung - 1); at--) {
            r->row[at] = r->row[at - 1];
        }
        r->row[at] = row_of(s, i, rung - 1);
        r->count++;
    }
}

static bp_status finish(search *s)
{
    bp_search *r = s->result;
    rank(s);
    r->stopped = atomic_load(&s->stop);
    if (r->count == 0) {
        return bp_fail(BP_ERR_STOPPED, "the search was stopped before the first setting had a score");
    }
    if (!isfinite(r->row[0].loss)) {
        return bp_fail(BP_ERR_NUMERIC,
                       "the search: training diverged with each of %zu settings; a smaller learning "
                       "rate may help, or another scaling of the numbers",
                       r->count);
    }
    return BP_OK;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bp_status make_candidates(search *s)
{
    size_t n = s->o.candidates;
    s->setting = bp_alloc(&s->allocator, n, sizeof *s->setting);
    const char *base_net = bp_model_describe(s->f->model).net;
    s->base_net = bp_strdup(&s->allocator, base_net);
    s->nets = bp_alloc(&s->allocator, n, BP_SETTING_NET);
    s->list = bp_alloc(&s->allocator, n + 1, sizeof *s->list);
    s->scores = (bp_search_scores){.candidates = n, .rungs = rungs_for(n)};
    size_t cells = 0, jobs = 0;
    if (!bp_mul_size(&cells, n, s->scores.rungs) || !bp_mul_size(&jobs, n, s->result->folds)) {
        return bp_fail(BP_ERR_MEMORY, "a search among %zu settings on %zu folds", n, s->result->folds);
    }
    s->scores.score = bp_alloc(&s->allocator, cells, sizeof *s->scores.score);
    s->job = bp_alloc(&s->allocator, jobs, sizeof *s->job);
    s->result->row = bp_alloc(&s->allocator, n, sizeof *s->result->row);
    if (!s->setting || !s->base_net || !s->nets || !s->list || !s->scores.score || !s->job || !s->result->row) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        s->setting[i] = bp_setting_draw(s->nets + i * BP_SETTING_NET, s->f, s->o.fixed, i);
        if (s->setting[i].net == base_net) { /* the table outlives f */
            s->setting[i].net = s->base_net;
        }
    }
    return BP_OK;
}

static bp_status make_folds(search *s)
{
    if (s->result->folds == 1) {
        return BP_OK;
    }
    s->of_row = bp_alloc(&s->allocator, s->f->rows, sizeof *s->of_row);
    return s->of_row ? bp_fit_assign_folds(s->of_row, s->f, s->result->folds) : BP_ERR_MEMORY;
}

static bp_status set_up(search *s)
{
    bp_search *r = s->result;
    r->folds = folds_for(s->f, &s->o);
    r->defaults = bp_setting_defaults(s->f, s->o.fixed);
    bp_table_task task = bp_preparation_task(s->f->preparation);
    r->measure = task == BP_TABLE_REGRESS ? "r2" : bp_search_balanced(s->f) ? "balanced_accuracy" : "accuracy";
    s->classes = task == BP_TABLE_CLASSIFY;
    bp_status status = check(s);
    status = status == BP_OK ? make_candidates(s) : status;
    status = status == BP_OK ? make_folds(s) : status;
    if (status != BP_OK) {
        return status;
    }
    r->rungs = s->scores.rungs;
    s->state = (bp_search_state){.path = s->o.state, .setting = s->setting, .allocator = s->allocator};
    if (s->o.state) {
        status = bp_search_describe(&s->state, s->f, s->o.candidates, r->folds);
    }
    status = status == BP_OK ? bp_search_read(&s->scores, &s->state) : status;
    return status == BP_OK ? bp_search_write(&s->state, &s->scores) : status; /* now, if it cannot be written at all */
}

static void tear_down(search *s)
{
    const bp_allocator *a = &s->allocator;
    for (size_t rule = 0; rule < BP_NUMBERS_RULES; rule++) {
        for (size_t k = 0; s->ground[rule] && k < s->result->folds; k++) {
            bp_search_ground_free(&s->ground[rule][k]);
        }
        bp_release(a, s->ground[rule]);
    }
    bp_release(a, s->of_row);
    bp_release(a, s->list);
    bp_release(a, s->scores.score);
    bp_release(a, s->job);
    bp_release(a, s->setting);
}

/* What the rows of the table point to, and what frees it all. */
typedef struct owned {
    bp_search public;
    char *base_net, *nets;
    bp_allocator allocator;
} owned;

static int team_size(const bp_fit *f, const bp_search_options *o)
{
    int threads = o->threads > 0 ? o->threads : bp_threads_available();
    return f->options.prepare.allocator != NULL || threads < 1 ? 1 : threads;
}

static bp_status run_search(search *s)
{
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        return bp_fail(BP_ERR_MEMORY, "a search: no memory for a lock");
    }
    bp_status status = set_up(s);
    status = status == BP_OK ? run_rungs(s) : status;
    if (status != BP_OK && s->status != BP_OK) {
        status = bp_fail(s->status, "%s", s->error);
    }
    status = status == BP_OK ? finish(s) : status;
    pthread_mutex_destroy(&s->lock);
    tear_down(s);
    return status;
}

bp_status bp_fit_search(bp_search **out, const bp_fit *f, const bp_search_options *options)
{
    double start = bp_seconds();
    *out = NULL;
    if (f->options.from) {
        return bp_fit_fail_from("a search");
    }
    owned *own = bp_alloc(&f->allocator, 1, sizeof *own);
    if (!own) {
        return BP_ERR_MEMORY;
    }
    search s = {
        .result = &own->public, .f = f, .o = options ? *options : bp_search_defaults(), .allocator = f->allocator};
    s.threads = team_size(f, &s.o);
    own->allocator = f->allocator;
    own->public.owned = own;
    bp_status status = run_search(&s);
    own->base_net = s.base_net;
    own->nets = s.nets;
    own->public.seconds = bp_seconds() - start;
    if (status != BP_OK) {
        bp_search_free(&own->public);
        return status;
    }
    *out = &own->public;
    return BP_OK;
}

void bp_search_free(bp_search *s)
{
    if (!s) {
        return;
    }
    owned *own = s->owned;
    bp_allocator a = own->allocator;
    bp_release(&a, own->base_net);
    bp_release(&a, own->nets);
    bp_release(&a, s->row);
    bp_release(&a, own);
}
