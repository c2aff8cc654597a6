/* test_checkpoint.c - folders of checkpoints: the newest intact one is gone on from, another run is refused with every
 * difference named, and a full disk costs nothing but the checkpoint that was being written. */
#include "counter.h" /* before the other: a name of its own would hide a parameter */

#include "support_io.h"

#include <math.h>

/* Two folders for runs, in that of the test program. */
static char run_dir[128], other_dir[128];

static int folders_make(void **state)
{
    int code = folder_make(state);
    snprintf(run_dir, sizeof run_dir, "%s/run", folder);
    snprintf(other_dir, sizeof other_dir, "%s/other", folder);
    return code;
}

/* ---- a run ---- */

enum { ROWS = 50, INPUTS = 3, BATCH = 10 }; /* 5 steps an epoch */

static double x[ROWS * INPUTS], y[ROWS];
static float weight[ROWS];

static bp_data made_up(void)
{
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < INPUTS; c++) {
            x[r * INPUTS + c] = sin((double)(r * INPUTS + c) * 1.7);
        }
        y[r] = x[r * INPUTS] - 2 * x[r * INPUTS + 1] * x[r * INPUTS + 2];
        weight[r] = 1 + (float)(r % 2);
    }
    return (bp_data){.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64, .targets = 1, .y = y, .weight = weight};
}

static bp_model *make_model(const char *net)
{
    bp_model_options o = bp_model_defaults();
    bp_model *m;
    o.inputs = INPUTS;
    o.outputs = 1;
    o.task = BP_REGRESS;
    o.net = net;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

#define NET "dense 6 tanh"

static bp_train_options run_options(size_t epochs)
{
    bp_train_options o = bp_train_defaults();
    o.epochs = epochs;
    o.batch = BATCH;
    o.threads = 1;
    return o;
}

static bp_checkpoint_options folder_options(const char *dir, const char *resume, const char *every)
{
    bp_checkpoint_options c = bp_checkpoint_defaults();
    c.dir = dir;
    c.resume = resume;
    c.every = every;
    return c;
}

static bp_status train_with(bp_model *m, const bp_data *d, bp_train_options run, const bp_checkpoint_options *how)
{
    bp_checkpoints *c;
    bp_status status = bp_checkpoints_open(&c, m, d, &run, how);
    if (status == BP_OK) {
        bp_checkpoints_attach(&run, c);
        status = bp_train(NULL, m, d, &run);
        bp_checkpoints_close(c);
    }
    return status;
}

static void assert_same_models(const bp_model *a, const bp_model *b)
{
    assert_ok(bp_model_save(a, in_folder("a.model")));
    assert_ok(bp_model_save(b, in_folder("b.model")));
    bytes p = read_file(in_folder("a.model")), q = read_file(in_folder("b.model"));
    assert_int_equal(p.size, q.size);
    assert_memory_equal(p.data, q.data, p.size);
    free(p.data);
    free(q.data);
}

/* The model of a run of so many epochs that was left alone. */
static bp_model *whole_run(size_t epochs)
{
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_train_options o = run_options(epochs);
    assert_ok(bp_train(NULL, m, &d, &o));
    return m;
}

/* Trains into a fresh folder. */
static void prepare_folder(const char *dir, size_t epochs, const char *every, size_t keep)
{
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_checkpoint_options how = folder_options(dir, NULL, every);
    how.keep = keep;
    remove_tree(dir);
    assert_ok(train_with(m, &d, run_options(epochs), &how));
    bp_model_free(m);
}

static const char *checkpoint_path(const char *dir, int step)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/checkpoint-%012d.safetensors", dir, step);
    return path[turn];
}

/* Fails unless the folder has the checkpoints of these steps, ended by 0, and nothing else. */
static void assert_steps(const char *dir, const int *step)
{
    int count = 0;
    for (; step[count]; count++) {
        if (access(checkpoint_path(dir, step[count]), F_OK) != 0) {
            fail_msg("no checkpoint of step %d", step[count]);
        }
    }
    assert_int_equal(files_in(dir), count);
}

static void damage(const char *path)
{
    bytes b = read_file(path);
    b.data[b.size / 2] ^= 1;
    write_file(path, b.data, b.size);
    free(b.data);
}

/* ---- when, and how many ---- */

static void test_intervals(void **state)
{
    (void)state;
    prepare_folder(run_dir, 4, "3 steps", 3);
    assert_steps(run_dir, (int[]){15, 18, 20, 0}); /* the end is always written */
    prepare_folder(run_dir, 4, "2 epochs", 9);
    assert_steps(run_dir, (int[]){10, 20, 0});
    prepare_folder(run_dir, 1, "1 step", 100);
    assert_steps(run_dir, (int[]){1, 2, 3, 4, 5, 0});
    prepare_folder(run_dir, 4, "2 hours", 2);
    assert_steps(run_dir, (int[]){20, 0});
    prepare_folder(run_dir, 1, "1e-9 seconds", 9);
    assert_steps(run_dir, (int[]){1, 2, 3, 4, 5, 0});
    prepare_folder(run_dir, 4, "1 steps", 1);
    assert_steps(run_dir, (int[]){20, 0});
    static const char *const wrong[] = {"",          "50",     "steps", "0 steps",  "-1 steps",
                                        "1.5 steps", "2 days", "1 s",   "1 stepss", "1e400 seconds"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bp_checkpoint_options how = folder_options(run_dir, run_dir, wrong[i]);
        assert_error(bp_checkpoint_check(&how), BP_ERR_ARGUMENT, "a checkpoint every");
    }
    bp_checkpoint_options how = folder_options(NULL, NULL, "1 step");
    assert_error(bp_checkpoint_check(&how), BP_ERR_ARGUMENT, "no folder");
    how = folder_options(run_dir, run_dir, "1 step");
    how.keep = 0;
    assert_error(bp_checkpoint_check(&how), BP_ERR_ARGUMENT, "0 are to be kept");
}

/* ---- going on ---- */

/* What a run that goes on in `run_dir` ends with, and what it says is damaged. */
static bp_model *go_on(const char *dir, size_t epochs, int threads, const int *damaged)
{
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_train_options run = run_options(epochs);
    run.threads = threads;
    bp_checkpoint_options how = folder_options(NULL, dir, "3 steps");
    bp_checkpoints *c;
    assert_ok(bp_checkpoints_open(&c, m, &d, &run, &how));
    size_t told = 0;
    for (; damaged[told]; told++) {
        const char *text = bp_checkpoints_damaged(c, told);
        if (!text || !strstr(text, checkpoint_path(dir, damaged[told]))) {
            fail_msg("nothing is said of the checkpoint of step %d", damaged[told]);
        }
    }
    assert_null(bp_checkpoints_damaged(c, told));
    assert_non_null(bp_checkpoints_resumed(c));
    bp_checkpoints_attach(&run, c);
    assert_ok(bp_train(NULL, m, &d, &run));
    bp_checkpoints_close(c);
    return m;
}

static void test_newest_intact(void **state)
{
    (void)state;
    bp_model *whole = whole_run(4);
    for (int broken = 0; broken < 4; broken++) {
        prepare_folder(run_dir, 3, "3 steps", 4); /* 6, 9, 12, 15 */
        const int newest_first[] = {15, 12, 9, 0};
        int damaged[4] = {0};
        for (int i = 0; i < broken; i++) {
            damage(checkpoint_path(run_dir, damaged[i] = newest_first[i]));
        }
        bp_model *m = go_on(run_dir, 4, 1 + broken % 2, damaged);
        assert_same_models(m, whole);
        bp_model_free(m);
        /* Two are kept, and those that were passed over, unless the run wrote them anew. */
        assert_steps(run_dir, (int[]){18, 20, 0});
    }
    bp_model_free(whole);
}

/* Damaged ones that the run does not reach again stay, and do not push intact ones out. */
static void test_damaged_stay(void **state)
{
    (void)state;
    prepare_folder(run_dir, 2, "4 steps", 9); /* 4, 8, 10 */
    rename(checkpoint_path(run_dir, 10), checkpoint_path(run_dir, 1000));
    damage(checkpoint_path(run_dir, 1000));
    bp_model *m = go_on(run_dir, 4, 1, (int[]){1000, 0});
    assert_steps(run_dir, (int[]){18, 20, 1000, 0});
    bp_model_free(m);
}

/* What cannot be read is passed over as what is damaged; a file that is not called as the library calls them is none. */
static void test_strange_names(void **state)
{
    (void)state;
    char longer[600];
    prepare_folder(run_dir, 2, "4 steps", 9); /* 4, 8, 10 */
    snprintf(longer, sizeof longer, "%s/checkpoint-%013d.safetensors", run_dir, 999);
    write_file(longer, "", 0);
    unlink(checkpoint_path(run_dir, 10));
    assert_int_equal(mkdir(checkpoint_path(run_dir, 10), 0700), 0);
    bp_model *whole = whole_run(3), *m = go_on(run_dir, 3, 1, (int[]){10, 0});
    assert_same_models(m, whole);
    bp_model_free(m);
    bp_model_free(whole);
    remove_tree(run_dir);
}

static void test_nothing_intact(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_checkpoint_options how = folder_options(NULL, run_dir, "1 step");
    prepare_folder(run_dir, 1, "5 steps", 1);
    damage(checkpoint_path(run_dir, 5));
    assert_error(train_with(m, &d, run_options(1), &how), BP_ERR_DATA, "none of the 1 checkpoints");
    assert_non_null(strstr(bp_error(), "checksum"));
    unlink(checkpoint_path(run_dir, 5));
    assert_error(train_with(m, &d, run_options(1), &how), BP_ERR_DATA, "no checkpoint in");
    remove_tree(run_dir);
    assert_error(train_with(m, &d, run_options(1), &how), BP_ERR_DATA, "No such file");
    bp_model_free(m);
}

/* ---- another run ---- */

typedef struct change {
    const char *mention;
    void (*apply)(bp_train_options *o, bp_data *d, const char **net);
} change;

static void change_lr(bp_train_options *o, bp_data *d, const char **net)
{
    (void)d;
    (void)net;
    o->optimizer.lr = 0.3;
}

static void change_batch(bp_train_options *o, bp_data *d, const char **net)
{
    (void)d;
    (void)net;
    o->batch = 25;
    o->shuffle = false;
}

static void change_seed(bp_train_options *o, bp_data *d, const char **net)
{
    (void)d;
    (void)net;
    o->seed = 99;
}

static void change_kind(bp_train_options *o, bp_data *d, const char **net)
{
    (void)d;
    (void)net;
    o->optimizer = bp_optimizer_defaults(BP_RMSPROP);
}

static void change_schedule(bp_train_options *o, bp_data *d, const char **net)
{
    (void)d;
    (void)net;
    bp_schedule_parse(&o->schedule, "warmup:3 + step:2,0.5");
}

static void change_net(bp_train_options *o, bp_data *d, const char **net)
{
    (void)o;
    (void)d;
    *net = "dense 6 relu";
}

static void change_value(bp_train_options *o, bp_data *d, const char **net)
{
    static double other[ROWS * INPUTS];
    (void)o;
    (void)net;
    memcpy(other, x, sizeof x);
    other[ROWS * INPUTS - 1] += 1e-9;
    d->x = other;
}

static void change_target(bp_train_options *o, bp_data *d, const char **net)
{
    static double other[ROWS];
    (void)o;
    (void)net;
    memcpy(other, y, sizeof y);
    other[3] = 0;
    d->y = other;
}

static void change_weight(bp_train_options *o, bp_data *d, const char **net)
{
    (void)o;
    (void)net;
    d->weight = NULL;
}

static void add_valid(bp_train_options *o, bp_data *d, const char **net)
{
    (void)net;
    o->valid = d;
    o->patience = 4;
}

static void test_other_runs(void **state)
{
    (void)state;
    const change changes[] = {
        {"learning rate: 0.001 there, 0.3 now", change_lr},
        {"batch: 10 there, 25 now; shuffling: on there, off now", change_batch},
        {"seed: 1 there, 99 now", change_seed},
        {"optimizer: adam there, rmsprop now", change_kind},
        {"schedule: constant there, warmup:3 + step:2,0.5 now", change_schedule},
        {"network: dense 6 tanh there, dense 6 relu now", change_net},
        {"training data: 50 rows with weights", change_value},
        {"training data: 50 rows with weights", change_target},
        {"training data: 50 rows with weights", change_weight},
        {"patience: 0 there, 4 now; validation data: none there, 50 rows", add_valid},
    };
    prepare_folder(run_dir, 2, "5 steps", 2);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        bp_data d = made_up();
        bp_train_options o = run_options(3);
        const char *net = NET;
        changes[i].apply(&o, &d, &net);
        bp_model *m = make_model(net);
        bp_checkpoint_options how = folder_options(NULL, run_dir, "5 steps");
        assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, changes[i].mention);
        assert_non_null(strstr(bp_error(), checkpoint_path(run_dir, 10)));
        bp_model_free(m);
    }
    assert_steps(run_dir, (int[]){5, 10, 0});
}

/* Which layers are frozen decides about the run, too; they are marked in the model, not in its options. */
static void test_frozen(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_train_options o = run_options(2);
    bp_model *m = make_model(NET), *whole = make_model(NET);
    remove_tree(run_dir);
    assert_ok(bp_model_freeze(whole, "0"));
    bp_train_options all = run_options(4);
    assert_ok(bp_train(NULL, whole, &d, &all));
    assert_ok(bp_model_freeze(m, "0"));
    bp_checkpoint_options how = folder_options(run_dir, NULL, "5 steps");
    assert_ok(train_with(m, &d, o, &how));
    bp_model_free(m);
    m = make_model(NET);
    how = folder_options(NULL, run_dir, "5 steps");
    o.epochs = 4;
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "frozen layers: 0 there, none now");
    assert_ok(bp_model_freeze(m, "0"));
    assert_ok(train_with(m, &d, o, &how));
    assert_same_models(m, whole);
    prepare_folder(run_dir, 2, "5 steps", 2); /* nothing frozen */
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "frozen layers: none there, 0 now");
    bp_model_free(whole);
    bp_model_free(m);
}

/* A schedule that looks at the end of the run binds the run to that end. */
static void test_schedule_with_end(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_train_options o = run_options(2);
    assert_ok(bp_schedule_parse(&o.schedule, "cosine"));
    bp_checkpoint_options how = folder_options(run_dir, NULL, "5 steps");
    remove_tree(run_dir);
    assert_ok(train_with(m, &d, o, &how));
    how.resume = run_dir;
    assert_ok(train_with(m, &d, o, &how));
    o.epochs = 3;
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "epochs of the schedule: 2 there, 3 now");
    assert_ok(bp_schedule_parse(&o.schedule, "constant"));
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "run: schedule: cosine there, constant now. Use");
    assert_ok(bp_schedule_parse(&o.schedule, "step:7"));
    o.optimizer.lr = o.optimizer.l1 = o.optimizer.l2 = 7;
    o.seed = o.batch = 7;
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "l1: 0 there, 7 now");
    assert_non_null(strstr(bp_error(), "; and 1 more. Use"));
    bp_model_free(m);
}

/* Rows that are made on demand are looked at as they are made. */
static void fill_row(const void *from, size_t row, void *out, bp_type type)
{
    const double *values = (const double *)from + row * INPUTS;
    for (size_t c = 0; c < INPUTS; c++) {
        if (type == BP_F64) {
            ((double *)out)[c] = values[c];
        } else {
            ((float *)out)[c] = (float)values[c];
        }
    }
}

static void test_made_rows(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    d.fill = fill_row;
    bp_checkpoint_options how = folder_options(run_dir, NULL, "5 steps");
    remove_tree(run_dir);
    assert_ok(train_with(m, &d, run_options(1), &how));
    how.resume = run_dir;
    assert_ok(train_with(m, &d, run_options(2), &how));
    x[5] += 1e-9;
    assert_error(train_with(m, &d, run_options(2), &how), BP_ERR_DATA, "training data: ");
    assert_non_null(strstr(bp_error(), "with other values. Use"));
    assert_null(strstr(bp_error(), "made"));
    bp_model_free(m);
}

/* ---- the folder ---- */

static void test_folder(void **state)
{
    (void)state;
    const char *leftover;
    char path[600];
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_train_options o = run_options(1);
    bp_checkpoints *c, *second;
    prepare_folder(run_dir, 1, "5 steps", 2);
    bp_checkpoint_options how = folder_options(run_dir, NULL, "5 steps");
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "checkpoints of an earlier run, up to step 5");
    prepare_folder(other_dir, 1, "5 steps", 2);
    how.resume = other_dir;
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "checkpoints of an earlier run");
    /* One process at a time; what another one left half written goes, everything else stays. */
    how = folder_options(NULL, run_dir, "5 steps");
    leftover = ".backprop-77-0.tmp";
    snprintf(path, sizeof path, "%s%s", checkpoint_path(run_dir, 9), leftover);
    write_file(path, "half", 4);
    snprintf(path, sizeof path, "%s/notes.txt", run_dir);
    write_file(path, "mine", 4);
    assert_ok(bp_checkpoints_open(&c, m, &d, &o, &how));
    assert_int_equal(files_in(run_dir), 2);
    assert_error(bp_checkpoints_open(&second, m, &d, &o, &how), BP_ERR_IO, "another process");
    bp_checkpoints_close(c);
    assert_ok(bp_checkpoints_open(&second, m, &d, &o, &how));
    bp_checkpoints_close(second);
    how = folder_options(in_folder("missing/run"), NULL, "5 steps");
    assert_error(train_with(m, &d, o, &how), BP_ERR_IO, "make the folder that it lies in first");
    how.dir = path;
    assert_error(train_with(m, &d, o, &how), BP_ERR_DATA, "notes.txt");
    bp_checkpoints_close(NULL);
    bp_saved_state_free(NULL);
    bp_model_free(m);
}

/* A run that is stopped by a callback leaves a checkpoint; one that goes on elsewhere leaves the first folder alone. */
static bool stop_at_7(void *ctx, const bp_progress *p)
{
    (void)ctx;
    return p->step != 7;
}

static void test_stopped(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_model *m = make_model(NET), *whole = whole_run(3);
    bp_train_options o = run_options(3);
    remove_tree(run_dir);
    remove_tree(other_dir);
    o.on_step = stop_at_7;
    bp_checkpoint_options how = folder_options(run_dir, NULL, "1 hour");
    assert_ok(train_with(m, &d, o, &how));
    assert_steps(run_dir, (int[]){7, 0});
    o.on_step = NULL;
    how = folder_options(other_dir, run_dir, "1 hour");
    assert_ok(train_with(m, &d, o, &how));
    assert_same_models(m, whole);
    assert_steps(run_dir, (int[]){7, 0});
    assert_steps(other_dir, (int[]){15, 0});
    bp_model_free(m);
    bp_model_free(whole);
}

/* ---- a full disk ---- */

typedef struct tally {
    int written, failed;
    bool stop;
    char text[500];
} tally;

static const char *note_steps(void *ctx)
{
    static char text[32];
    const tally *t = ctx;
    snprintf(text, sizeof text, "%d before", t->written);
    return text;
}

static bool count_attempt(void *ctx, const char *path, bp_status status)
{
    tally *t = ctx;
    t->written += status == BP_OK && access(path, F_OK) == 0;
    if (status != BP_OK) {
        t->failed += status == BP_ERR_IO;
        snprintf(t->text, sizeof t->text, "%s", bp_error());
        return !t->stop;
    }
    return true;
}

/* In a child that may write little: every attempt fails, the run goes on, the checkpoint before stays. */
static int train_on_full_disk(void *ctx)
{
    tally *t = ctx;
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_checkpoint_options how = folder_options(NULL, run_dir, "1 step");
    how.on_written = count_attempt;
    how.ctx = t;
    bp_checkpoints *c;
    bp_train_options run = run_options(2);
    bp_train_result result;
    if (bp_checkpoints_open(&c, m, &d, &run, &how) != BP_OK) {
        return 1;
    }
    bp_checkpoints_attach(&run, c);
    bp_status status = bp_train(&result, m, &d, &run);
    bool as_expected = status == BP_OK && t->written == 0 && strstr(t->text, "no checkpoint: writing") != NULL &&
                       t->failed == (t->stop ? 1 : 5) && result.last.step == (t->stop ? 6 : 10) &&
                       result.stopped_by_callback == t->stop &&
                       strcmp(bp_checkpoints_newest(c), checkpoint_path(run_dir, 5)) == 0;
    bp_checkpoints_close(c);
    return as_expected ? 0 : 2;
}

static void test_full_disk(void **state)
{
    (void)state;
    bp_model *whole = whole_run(2);
    for (int stop = 0; stop < 2; stop++) {
        for (size_t limit = 0; limit < 6000; limit += 1500) {
            tally t = {.stop = stop};
            prepare_folder(run_dir, 1, "1 step", 1);
            assert_int_equal(with_file_limit(limit, train_on_full_disk, &t), 0);
            assert_steps(run_dir, (int[]){5, 0});
            bp_model *m = go_on(run_dir, 2, 1, (int[]){0});
            assert_same_models(m, whole);
            bp_model_free(m);
        }
    }
    bp_model_free(whole);
}

static void test_notes(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    tally t = {0};
    bp_train_options run = run_options(2);
    bp_checkpoint_options how = folder_options(run_dir, NULL, "5 steps");
    how.on_write = note_steps;
    how.on_written = count_attempt;
    how.ctx = &t;
    remove_tree(run_dir);
    assert_ok(train_with(m, &d, run, &how));
    assert_int_equal(t.written, 2);
    bp_checkpoints *c;
    how.resume = run_dir;
    assert_ok(bp_checkpoints_open(&c, m, &d, &run, &how));
    assert_string_equal(bp_checkpoints_resumed(c)->note, "1 before");
    assert_string_equal(bp_checkpoints_newest(c), checkpoint_path(run_dir, 10));
    bp_checkpoints_close(c);
    bp_model_free(m);
}

/* ---- memory ---- */

static void test_memory(void **state)
{
    (void)state;
    bp_data d = made_up();
    bp_model *m = make_model(NET);
    bp_train_options run = run_options(2);
    prepare_folder(run_dir, 2, "5 steps", 2);
    damage(checkpoint_path(run_dir, 10));
    bool done = false;
    for (size_t fail_at = 1; !done; fail_at++) {
        counter c = {.fail_at = fail_at};
        bp_allocator a = counting(&c);
        bp_checkpoint_options how = folder_options(NULL, run_dir, "5 steps");
        how.allocator = &a;
        bp_checkpoints *checkpoints;
        bp_status status = bp_checkpoints_open(&checkpoints, m, &d, &run, &how);
        done = status == BP_OK;
        assert_true(done || status == BP_ERR_MEMORY);
        assert_true(!done || bp_checkpoints_damaged(checkpoints, 0));
        bp_checkpoints_close(checkpoints);
        assert_int_equal(c.live, 0);
        assert_true(fail_at < 1000);
    }
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_newest_intact),
        cmocka_unit_test(test_damaged_stay),
        cmocka_unit_test(test_nothing_intact),
        cmocka_unit_test(test_strange_names),
        cmocka_unit_test(test_other_runs),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_made_rows),
        cmocka_unit_test(test_schedule_with_end),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, folders_make, folder_remove);
}
