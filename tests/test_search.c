/* test_search.c - the search for a setting: the same table for any number of threads, after a stop and with a state; what is
 * fixed stays; how much is spent; the winner against the default; files that cannot be gone on with. */
#include "support_table.h"

#include "base/random.h"
#include "data/search.h"
#include "data/table.h"

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Points in and out of a circle (yes, no), or their distance from its rim; some cells are missing, some answers wrong. */
static bp_table *circles_of(int rows, bool classes, uint64_t seed)
{
    bp_rng r = bp_rng_new(seed, BP_RANDOM_DATA, 0);
    bp_table *t = NULL;
    size_t size = (size_t)rows * 64 + 64, used = 0;
    char *text = malloc(size);
    assert_non_null(text);
    used += (size_t)snprintf(text, size, "x,y,noise,inside\n");
    for (int i = 0; i < rows; i++) {
        double x = 2 * bp_rng_uniform(&r) - 1, y = 2 * bp_rng_uniform(&r) - 1;
        bool inside = (x * x + y * y < 0.6) != (bp_rng_below(&r, 12) == 0);
        used += (size_t)snprintf(text + used, size - used, "%.4f,%.4f,%.4f,", x, y, bp_rng_normal(&r));
        used += classes ? (size_t)snprintf(text + used, size - used, "%s\n", inside ? "yes" : "no")
                        : (size_t)snprintf(text + used, size - used, "%.4f\n", x * x + y * y);
    }
    assert_ok(read_bytes(&t, text, used, NULL));
    free(text);
    return t;
}

static bp_table *circles(int rows, bool classes)
{
    return circles_of(rows, classes, 11);
}

/* A fit whose default is short: few epochs, two small layers. */
static bp_fit *fit_of(const bp_table *t, double valid, uint64_t seed)
{
    bp_fit *f = NULL;
    bp_fit_options o = bp_fit_defaults();
    o.seed = seed;
    o.valid = valid;
    o.own_epochs = true;
    o.train.epochs = 9;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    return f;
}

/* For a few seconds in all: lbfgs, too, has the few epochs of the fit. */
static bp_search_options quick(void)
{
    bp_search_options o = bp_search_defaults();
    o.fixed = BP_SEARCH_EPOCHS;
    return o;
}

static bp_search *search_of(const bp_fit *f, const bp_search_options *o)
{
    bp_search *s = NULL;
    assert_ok(bp_fit_search(&s, f, o));
    return s;
}

static void assert_same_table(const bp_search *a, const bp_search *b)
{
    char text[BP_SETTING_TEXT], other[BP_SETTING_TEXT];
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const bp_search_row *x = &a->row[i], *y = &b->row[i];
        assert_int_equal(x->candidate, y->candidate);
        assert_int_equal(x->rung, y->rung);
        assert_memory_equal(&x->loss, &y->loss, sizeof x->loss);
        assert_true(x->measure == y->measure || (isnan(x->measure) && isnan(y->measure)));
        assert_string_equal(bp_setting_text(text, &x->setting), bp_setting_text(other, &y->setting));
    }
}

static const bp_search_row *row_of(const bp_search *s, size_t candidate)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->row[i].candidate == candidate) {
            return &s->row[i];
        }
    }
    return NULL;
}

/* ---- what is tried ----------------------------------------------------------------------------------------------- */

static void test_candidates(void **state)
{
    (void)state;
    bp_table *t = circles(300, true);
    bp_fit *f = fit_of(t, 0.2, 1), *other = fit_of(t, 0.2, 2);
    char net[BP_SETTING_NET], again[BP_SETTING_NET], text[BP_SETTING_TEXT], same[BP_SETTING_TEXT];
    size_t kinds[BP_OPTIMIZERS] = {0}, rules[BP_NUMBERS_RULES] = {0}, differ = 0, depth[5] = {0};
    bp_setting first = bp_setting_draw(net, f, 0, 0), base = bp_fit_setting(f);
    assert_string_equal(bp_setting_text(text, &first), bp_setting_text(same, &base));
    for (size_t i = 1; i < 300; i++) {
        bp_setting s = bp_setting_draw(net, f, 0, i);
        bp_setting_text(text, &s);
        s = bp_setting_draw(again, f, 0, i);
        assert_string_equal(text, bp_setting_text(same, &s));
        kinds[s.optimizer]++;
        rules[s.numbers]++;
        size_t layers = 0;
        for (const char *at = s.net; (at = strstr(at, "dense")) != NULL; at++) {
            size_t width = strtoul(at + strlen("dense "), NULL, 10);
            assert_true(width >= 16 && width <= 128 && width % 8 == 0); /* of few rows */
            layers++;
        }
        depth[layers < 4 ? layers : 4]++;
        assert_true(s.lr > 1e-4 && s.lr <= 1 && s.batch >= 8 && s.batch <= 300);
        s = bp_setting_draw(again, other, 0, i);
        differ += strcmp(text, bp_setting_text(same, &s)) != 0;
    }
    assert_true(kinds[BP_ADAM] > 30 && kinds[BP_ADAMW] > 30 && kinds[BP_LBFGS] > 30);
    for (size_t i = 0; i < BP_NUMBERS_RULES; i++) {
        assert_true(rules[i] > 10);
    }
    assert_true(depth[0] > 5 && depth[1] > 20 && depth[2] > 20 && depth[3] > 10 && depth[4] == 0);
    assert_true(differ > 290);
    bp_fit_free(other);
    bp_fit_free(f);
    bp_table_free(t);
}

/* Each part that is fixed is that of the fit, and the others are drawn as if it were not. */
static void test_fixed(void **state)
{
    (void)state;
    bp_table *t = circles(300, true);
    bp_fit *f = fit_of(t, 0.2, 1);
    bp_setting base = bp_fit_setting(f);
    char net[BP_SETTING_NET], free_net[BP_SETTING_NET];
    for (size_t i = 1; i < 60; i++) {
        bp_setting open = bp_setting_draw(free_net, f, 0, i), s = bp_setting_draw(net, f, BP_SEARCH_NET, i);
        assert_string_equal(s.net, base.net);
        assert_true(s.lr == open.lr || s.optimizer != open.optimizer);
        s = bp_setting_draw(net, f, BP_SEARCH_NUMBERS, i);
        assert_true(s.numbers == base.numbers && s.lr == open.lr && s.batch == open.batch);
        assert_string_equal(s.net, open.net);
        s = bp_setting_draw(net, f, BP_SEARCH_LR | BP_SEARCH_OPTIMIZER, i);
        assert_true(s.optimizer == base.optimizer && s.lr == base.lr);
        s = bp_setting_draw(net, f, BP_SEARCH_PENALTY | BP_SEARCH_OPTIMIZER, i);
        assert_true(s.l2 == base.l2 && s.weight_decay == base.weight_decay);
        s = bp_setting_draw(net, f, BP_SEARCH_BATCH | BP_SEARCH_SCHEDULE | BP_SEARCH_EPOCHS, i);
        assert_true(s.batch == base.batch && s.schedule.kind == base.schedule.kind && s.epochs == base.epochs);
    }
    bp_fit_free(f);
    bp_table_free(t);
}

/* ---- the search -------------------------------------------------------------------------------------------------- */

/* On validation rows and on folds, for classes and numbers. */
static void test_threads_do_not_matter(void **state)
{
    (void)state;
    for (int classes = 0; classes < 2; classes++) {
        bp_table *t = circles(160, classes);
        bp_fit *f = fit_of(t, classes ? 0.25 : -1, 3);
        bp_search_options o = quick();
        o.candidates = 10;
        o.threads = 1;
        bp_search *one = search_of(f, &o);
        o.threads = 4;
        bp_search *four = search_of(f, &o);
        assert_int_equal(one->folds, classes ? 1 : 5);
        assert_string_equal(one->measure, classes ? "accuracy" : "r2");
        assert_int_equal(one->count, 10);
        assert_same_table(one, four);
        bp_search_free(one);
        bp_search_free(four);
        bp_fit_free(f);
        bp_table_free(t);
    }
}

typedef struct counts {
    size_t calls, steps, stop_after;
    size_t of_rung[5];
} counts;

static bool count_score(void *ctx, const bp_search_progress *p)
{
    counts *c = ctx;
    c->calls++;
    c->of_rung[p->rung]++;
    assert_true(p->done <= p->total && p->rung <= p->rungs && p->row->rung == p->rung);
    return c->calls != c->stop_after;
}

enum { PROMOTED = 12 };

static bool keep_loss(void *ctx, const bp_search_progress *p)
{
    double(*loss)[PROMOTED] = ctx;
    loss[p->rung - 1][p->row->candidate - 1] = p->row->loss;
    return true;
}

/* Of numbers, those with the least loss go on. */
static void test_the_best_go_on(void **state)
{
    (void)state;
    bp_table *t = circles(120, false);
    bp_fit *f = fit_of(t, 0.25, 3);
    double loss[3][PROMOTED];
    bp_search_options o = quick();
    for (size_t i = 0; i < PROMOTED; i++) {
        loss[0][i] = loss[1][i] = loss[2][i] = NAN;
    }
    o.candidates = PROMOTED;
    o.threads = 1;
    o.on_score = keep_loss;
    o.ctx = loss;
    bp_search *s = search_of(f, &o);
    assert_int_equal(s->rungs, 3);
    size_t went_on = 0;
    for (size_t i = 0; i < PROMOTED; i++) {
        size_t better = 0;
        for (size_t j = 0; j < PROMOTED; j++) {
            better += loss[0][j] < loss[0][i] ? 1 : 0;
        }
        went_on += isnan(loss[1][i]) ? 0 : 1;
        assert_true(i == 0 || isnan(loss[1][i]) == (better >= PROMOTED / 3));
    }
    assert_in_range(went_on, PROMOTED / 3, PROMOTED / 3 + 1);
    bp_search_free(s);
    bp_fit_free(f);
    bp_table_free(t);
}

/* A third of the candidates in each rung for three times as long; the setting of the fit is in all of them. */
static void test_rungs(void **state)
{
    (void)state;
    bp_table *t = circles(160, true);
    bp_fit *f = fit_of(t, 0.25, 3);
    counts c = {0};
    bp_search_options o = quick();
    o.candidates = 18;
    o.threads = 1;
    o.fixed = BP_SEARCH_OPTIMIZER | BP_SEARCH_BATCH | BP_SEARCH_EPOCHS | BP_SEARCH_PENALTY;
    o.on_score = count_score;
    o.ctx = &c;
    bp_search *s = search_of(f, &o);
    assert_int_equal(s->rungs, 3);
    assert_int_equal(c.of_rung[1], 18);
    assert_in_range(c.of_rung[2], 6, 7);
    assert_in_range(c.of_rung[3], 2, 3);
    assert_int_equal(s->trained, c.calls);
    assert_int_equal(row_of(s, 1)->rung, 3);
    for (size_t i = 1; i < s->count; i++) {
        const bp_search_row *a = &s->row[i - 1], *b = &s->row[i];
        assert_true(a->rung > b->rung || (a->rung == b->rung && (a->loss <= b->loss || a->measure > b->measure)));
    }
    bp_search_free(s);
    bp_fit_free(f);
    bp_table_free(t);
}

static bool count_step(void *ctx, const bp_progress *p)
{
    counts *c = ctx;
    (void)p;
    c->steps++;
    return true;
}

/* Steps that are made: 1/9, 1/3 and all of those of a whole training, rounded up. */
static void test_budget(void **state)
{
    (void)state;
    bp_table *t = circles(160, true);
    bp_fit *f = fit_of(t, 0.25, 3);
    counts c = {0};
    bp_search_options o = quick();
    o.candidates = 9;
    o.threads = 1;
    o.fixed = BP_SEARCH_OPTIMIZER | BP_SEARCH_BATCH | BP_SEARCH_EPOCHS;
    f->run.batch = 30;
    f->run.patience = 0;
    f->run.on_step = count_step;
    f->run.ctx = &c;
    bp_search *s = search_of(f, &o);
    size_t whole = f->run.epochs * ((f->train->train.rows + 29) / 30), rungs[4] = {0, 9, 0, 0};
    assert_int_equal(whole, 36);
    for (size_t i = 0; i < s->count; i++) {
        rungs[2] += s->row[i].rung >= 2;
        rungs[3] += s->row[i].rung >= 3;
    }
    assert_int_equal(c.steps, rungs[1] * 4 + rungs[2] * 12 + rungs[3] * 36);
    bp_search_free(s);
    bp_fit_free(f);
    bp_table_free(t);
}

/* The winner is no worse than the default, and what an ordinary run with it finds is its score, to the last bit. */
static void test_winner(void **state)
{
    (void)state;
    bp_table *t = circles(300, true);
    bp_fit *f = fit_of(t, 0.25, 5), *g = NULL;
    bp_search_options o = quick();
    bp_search *s = search_of(f, &o);
    assert_int_equal(s->count, 20);
    assert_true(s->row[0].loss <= row_of(s, 1)->loss || s->row[0].measure > row_of(s, 1)->measure);
    for (size_t i = 0; i < 2; i++) {
        const bp_search_row *row = i == 0 ? &s->row[0] : row_of(s, 1);
        assert_ok(bp_fit_with(&g, f, &row->setting));
        assert_int_equal(g->valid->train.rows, f->valid->train.rows);
        assert_memory_equal(g->valid_row, f->valid_row, f->valid->train.rows * sizeof *f->valid_row);
        assert_ok(bp_fit_train(g));
        assert_true(g->result.best_loss == row->loss);
        bp_fit_free(g);
    }
    assert_ok(bp_fit_train(f));
    assert_true(f->result.best_loss == row_of(s, 1)->loss);
    char net[512];
    snprintf(net, sizeof net, "%s", bp_model_describe(f->model).net);
    bp_fit_free(f);
    assert_string_equal(row_of(s, 1)->setting.net, net); /* lives as long as the search */
    bp_search_free(s);
    bp_table_free(t);
}

/* With folds the score of the default is that of a cross-validation. */
static void test_folds(void **state)
{
    (void)state;
    bp_table *t = circles(151, false);
    bp_fit *f = fit_of(t, -1, 5);
    bp_search_options o = quick();
    bp_folds_options fo = bp_folds_defaults();
    bp_folds *folds = NULL;
    o.candidates = 3;
    o.folds = fo.folds = 4;
    bp_search *s = search_of(f, &o);
    assert_ok(bp_fit_folds(&folds, f, &fo));
    double loss = 0, rows = 0;
    for (size_t k = 0; k < 4; k++) {
        loss += (double)folds->fold[k].network->rows * folds->fold[k].network->loss;
        rows += (double)folds->fold[k].network->rows;
    }
    assert_true(rows == 151);
    assert_true(fabs(loss / rows - row_of(s, 1)->loss) < 1e-12);
    bp_folds_free(folds);
    bp_search_free(s);
    bp_fit_free(f);
    bp_table_free(t);
}

/* Who weighs classes is told the balanced accuracy, and settings are told apart by the weighted loss. */
static void test_weighted_classes(void **state)
{
    (void)state;
    bp_table *t = circles(150, true);
    bp_fit_options options = bp_fit_defaults();
    bp_fit *f = NULL;
    options.prepare.class_weight = "no=1,yes=5";
    options.own_epochs = true;
    options.train.epochs = 9;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &options));
    bp_search_options o = quick();
    bp_folds_options fo = bp_folds_defaults();
    bp_folds *folds = NULL;
    o.candidates = 2;
    o.folds = fo.folds = 3;
    bp_search *s = search_of(f, &o);
    assert_ok(bp_fit_folds(&folds, f, &fo));
    double balanced = 0, loss = 0;
    for (size_t k = 0; k < 3; k++) {
        balanced += folds->fold[k].network->balanced_accuracy / 3;
        loss += folds->fold[k].network->loss / 3;
    }
    assert_string_equal(s->measure, "balanced_accuracy");
    assert_true(fabs(balanced - row_of(s, 1)->measure) < 1e-12);
    assert_true(fabs(loss - row_of(s, 1)->loss) > 1e-3);
    bp_folds_free(folds);
    bp_search_free(s);
    bp_fit_free(f);
    bp_table_free(t);
}

/* Two rows of one class exchange a number: what is known of columns is the same, the rows are not. */
static void exchange_cells(bp_table *t, const bp_fit *f)
{
    const char *first = bp_table_text(t, f->train_row[0], 3);
    size_t i = 1;
    while (strcmp(bp_table_text(t, f->train_row[i], 3), first) != 0) {
        i++;
    }
    double a = bp_table_number(t, f->train_row[0], 0), b = bp_table_number(t, f->train_row[i], 0);
    assert_true(a != b);
    bp_record_set_number(t->records + f->train_row[0] * t->record_bytes, &t->column[0], b);
    bp_record_set_number(t->records + f->train_row[i] * t->record_bytes, &t->column[0], a);
}

/* ---- stopping and going on --------------------------------------------------------------------------------------- */

static void test_resume(void **state)
{
    (void)state;
    for (int by_folds = 0; by_folds < 2; by_folds++) {
        bp_table *t = circles(120, true);
        bp_fit *f = fit_of(t, by_folds ? -1 : 0.25, 3);
        counts c = {0};
        bp_search_options o = quick();
        o.candidates = 9;
        bp_search *whole = search_of(f, &o);
        const char *path = in_folder(by_folds ? "folds.json" : "valid.json");
        o.state = path;
        o.on_score = count_score;
        o.ctx = &c;
        size_t trained = 0, rounds = 0;
        for (bool stopped = true; stopped; rounds++) {
            c.calls = 0;
            c.stop_after = 4;
            bp_search *part = search_of(f, &o);
            trained += part->trained;
            stopped = part->stopped;
            if (!stopped) {
                assert_same_table(whole, part);
            }
            bp_search_free(part);
        }
        assert_true(rounds >= 3);
        assert_int_equal(trained, whole->trained);
        c.stop_after = 0;
        bp_search *again = search_of(f, &o);
        assert_int_equal(again->trained, 0);
        assert_same_table(whole, again);
        bp_search_free(again);
        bp_search_free(whole);
        bp_fit_free(f);
        bp_table_free(t);
    }
}

static bool no_step(void *ctx, const bp_progress *p)
{
    (void)ctx;
    (void)p;
    return false;
}

static void test_stopped_at_once(void **state)
{
    (void)state;
    bp_table *t = circles(120, true);
    bp_fit *f = fit_of(t, 0.25, 3);
    bp_search *s = NULL;
    f->run.on_step = no_step;
    assert_error(bp_fit_search(&s, f, NULL), BP_ERR_STOPPED, "before the first setting");
    assert_null(s);
    bp_fit_free(f);
    bp_table_free(t);
}

/* A step that is refused once ends the search, although the others were allowed. */
static bool refuse_one_step(void *ctx, const bp_progress *p)
{
    counts *c = ctx;
    (void)p;
    return ++c->steps != 20;
}

static void test_stopped_by_a_step(void **state)
{
    (void)state;
    bp_table *t = circles(120, true);
    bp_fit *f = fit_of(t, 0.25, 3);
    counts c = {0};
    bp_search_options o = quick();
    o.threads = 1;
    f->run.on_step = refuse_one_step;
    f->run.ctx = &c;
    bp_search *s = NULL;
    bp_status status = bp_fit_search(&s, f, &o);
    assert_int_equal(c.steps, 20);
    assert_true(status == BP_OK ? s->stopped : status == BP_ERR_STOPPED);
    bp_search_free(s);
    bp_fit_free(f);
    bp_table_free(t);
}

/* A setting with an optimizer of another kind keeps what settings do not have. */
static void test_apply(void **state)
{
    (void)state;
    bp_table *t = circles(120, true);
    bp_fit *f = fit_of(t, 0.25, 3);
    bp_train_options run;
    f->run.optimizer.l1 = 0.25;
    f->run.optimizer.clip_norm = 3;
    f->run.optimizer.clip_value = 0.5;
    bp_setting s = bp_fit_setting(f);
    s.optimizer = BP_ADAMW;
    s.lr = 0.125;
    s.l2 = 0.0625;
    s.weight_decay = 0.75;
    s.batch = 17;
    s.epochs = 5;
    s.patience = 2;
    bp_setting_apply(&run, f, &s);
    assert_int_equal(run.optimizer.kind, BP_ADAMW);
    assert_true(run.optimizer.l1 == 0.25 && run.optimizer.clip_norm == 3 && run.optimizer.clip_value == 0.5);
    assert_true(run.optimizer.lr == 0.125 && run.optimizer.l2 == 0.0625 && run.optimizer.weight_decay == 0.75);
    assert_true(run.batch == 17 && run.epochs == 5 && run.patience == 2);
    bp_fit_free(f);
    bp_table_free(t);
}

static void test_another_search_is_refused(void **state)
{
    (void)state;
    bp_table *t = circles(120, true), *more = circles(121, true), *moved = circles_of(120, true, 12);
    bp_fit *cells = fit_of(moved, 0.25, 3), *f = fit_of(t, 0.25, 3), *seed = fit_of(t, 0.25, 4),
           *rows = fit_of(more, 0.25, 3), *split = fit_of(t, 0.3, 3);
    bp_search *s = NULL;
    bp_search_options o = quick();
    o.candidates = 3;
    o.state = in_folder("state.json");
    bp_search_free(search_of(f, &o));
    bytes before = read_file(o.state);
    assert_error(bp_fit_search(&s, seed, &o), BP_ERR_DATA, "seed \"3\" there, \"4\" here");
    assert_error(bp_fit_search(&s, rows, &o), BP_ERR_DATA, "rows \"120");
    assert_error(bp_fit_search(&s, split, &o), BP_ERR_DATA, "of them watched");
    assert_error(bp_fit_search(&s, cells, &o), BP_ERR_DATA, "prepared data");
    exchange_cells(t, f);
    bp_fit *exchanged = fit_of(t, 0.25, 3);
    assert_string_equal(bp_preparation_text(exchanged->preparation), bp_preparation_text(f->preparation));
    assert_error(bp_fit_search(&s, exchanged, &o), BP_ERR_DATA, "prepared data");
    bp_fit_free(exchanged);
    o.candidates = 4;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_DATA, "candidates \"3\" there, \"4\" here");
    o.candidates = 3;
    o.folds = 3;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_DATA, "folds \"1\" there, \"3\" here");
    o.folds = 0;
    o.fixed = BP_SEARCH_NET | BP_SEARCH_OPTIMIZER;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_DATA, "candidate 3 is");
    o.fixed = BP_SEARCH_EPOCHS;
    f->run.optimizer.clip_norm = 1;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_DATA, "training");
    f->run.optimizer.clip_norm = 0;
    bytes after = read_file(o.state);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    free(before.data);
    free(after.data);
    bp_fit_free(cells);
    bp_table_free(moved);
    bp_fit_free(split);
    bp_fit_free(rows);
    bp_fit_free(seed);
    bp_fit_free(f);
    bp_table_free(more);
    bp_table_free(t);
}

/* The state with one thing changed: no such file is believed. */
static void test_damaged_state(void **state)
{
    (void)state;
    bp_table *t = circles(120, true);
    bp_fit *f = fit_of(t, 0.25, 3);
    bp_search *s = NULL;
    bp_search_options o = quick();
    const char *const damage[][2] = {{"backprop search", "another program"},
                                     {"\"version\": 1", "\"version\": 2"},
                                     {"\"candidate\": 2", "\"candidate\": 4"},
                                     {"\"candidate\": 2", "\"candidate\": 1"},
                                     {"\"rung\": 1", "\"rung\": 0"},
                                     {"\"loss\"", "\"lost\""},
                                     {"\"scores\"", "\"skores\""},
                                     {"\"settings\"", "\"sittings\""},
                                     {"\"about\"", "\"above\""},
                                     {"{", "["}};
    o.candidates = 3;
    o.state = in_folder("damaged.json");
    bp_search_free(search_of(f, &o));
    bytes good = read_file(o.state);
    good.data[good.size] = '\0';
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        char *bad = malloc(good.size + 64), *at = strstr((char *)good.data, damage[i][0]);
        assert_non_null(bad);
        assert_non_null(at);
        int head = (int)(at - (char *)good.data);
        snprintf(bad, good.size + 64, "%.*s%s%s", head, (char *)good.data, damage[i][1], at + strlen(damage[i][0]));
        write_file(o.state, bad, strlen(bad));
        assert_error(bp_fit_search(&s, f, &o), i == 1 ? BP_ERR_UNSUPPORTED : BP_ERR_FORMAT, "remove this one");
        free(bad);
    }
    for (size_t cut = 0; cut < good.size; cut += 97) {
        write_file(o.state, good.data, cut);
        assert_error(bp_fit_search(&s, f, &o), BP_ERR_FORMAT, "remove this one");
    }
    free(good.data);
    o.state = in_folder("no/such/folder/state.json");
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_IO, "no/such/folder");
    bp_fit_free(f);
    bp_table_free(t);
}

static void test_errors(void **state)
{
    (void)state;
    bp_table *t = circles(120, true);
    bp_fit *f = fit_of(t, -1, 3);
    bp_search *s = NULL;
    bp_search_options o = quick();
    o.candidates = 0;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_ARGUMENT, "0 settings");
    o.candidates = 2;
    o.folds = 1;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_ARGUMENT, "not trained on");
    o.folds = (size_t)1 << 40; /* refused before there is room for them */
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_ARGUMENT, "1099511627776 folds of 120 rows");
    o.folds = 500;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_ARGUMENT, "500 folds of 120 rows");
    o.folds = 0;
    f->run.steps = 0;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_ARGUMENT, "without training");
    f->run.steps = SIZE_MAX;
    f->run.optimizer.lr = 1e30; /* all candidates have it */
    o.fixed = BP_SEARCH_LR | BP_SEARCH_OPTIMIZER;
    f->run.optimizer.kind = BP_SGD;
    f->run.optimizer = bp_optimizer_defaults(BP_SGD);
    f->run.optimizer.lr = 1e30;
    assert_error(bp_fit_search(&s, f, &o), BP_ERR_NUMERIC, "diverged with each of 2");
    assert_null(s);
    bp_fit_free(f);
    bp_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_rungs),
        cmocka_unit_test(test_the_best_go_on),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_winner),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_stopped_by_a_step),
        cmocka_unit_test(test_weighted_classes),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_stopped_at_once),
        cmocka_unit_test(test_another_search_is_refused),
        cmocka_unit_test(test_damaged_state),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
