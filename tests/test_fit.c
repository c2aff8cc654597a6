/* test_fit.c - from a table to a model by the library: dividing rows, fitting, cross-validation, simpler models. */
#include "support_io.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/random.h"

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static bp_table *table_of(const char *text)
{
    bp_table *t = NULL;
    const char *path = in_folder("table.csv");
    write_file(path, text, strlen(text));
    bp_table_options o = bp_table_defaults();
    assert_ok(bp_table_read(&t, path, &o));
    return t;
}

typedef struct writer {
    char *text;
    size_t used, size;
} writer;

static void put(writer *w, const char *format, ...)
{
    va_list list;
    if (w->size - w->used < 256) {
        w->size = w->size * 2 + 4096;
        w->text = realloc(w->text, w->size);
        assert_non_null(w->text);
    }
    va_start(list, format);
    w->used += (size_t)vsnprintf(w->text + w->used, w->size - w->used, format, list);
    va_end(list);
}

static bp_table *table_done(writer *w)
{
    bp_table *t = table_of(w->text);
    free(w->text);
    *w = (writer){0};
    return t;
}

/* Points in and out of a circle, with a colour that says it for a third of the rows and a cell in 20 missing. spoiled: a
 * weight column, and beside each tenth row a wrong one of weight 0. */
static bp_table *circles(size_t rows, bool weights, bool spoiled)
{
    bp_rng r = bp_rng_new(7, BP_RANDOM_DATA, 0);
    writer w = {0};
    put(&w, "x,y,colour,%sinside\n", weights ? "w," : "");
    for (size_t i = 0; i < rows; i++) {
        double x = 2 * bp_rng_uniform(&r) - 1, y = 2 * bp_rng_uniform(&r) - 1;
        bool inside = x * x + y * y < 0.6;
        const char *colour = bp_rng_below(&r, 3) > 0 ? "grey" : inside ? "red" : "blue";
        char cell[32];
        snprintf(cell, sizeof cell, "%.6f", x);
        put(&w, "%s,%.6f,%s,%s%s\n", bp_rng_below(&r, 20) == 0 ? "" : cell, y, colour, weights ? "1," : "",
            inside ? "yes" : "no");
        if (spoiled && i % 10 == 0) {
            put(&w, "%.6f,%.6f,%s,0,%s\n", x, y, colour, inside ? "no" : "yes");
        }
    }
    return table_done(&w);
}

/* Prices in the hundreds of thousands: a line in two numbers, plus noise. */
static bp_table *prices(size_t rows, double noise)
{
    bp_rng r = bp_rng_new(8, BP_RANDOM_DATA, 0);
    writer w = {0};
    put(&w, "area,age,price\n");
    for (size_t i = 0; i < rows; i++) {
        double area = 40 + 160 * bp_rng_uniform(&r), age = 100 * bp_rng_uniform(&r);
        put(&w, "%.3f,%.3f,%.1f\n", area, age, 300000 + 2500 * area - 1100 * age + noise * bp_rng_normal(&r));
    }
    return table_done(&w);
}

/* ---- dividing ---------------------------------------------------------------------------------------------------- */

static void test_folds_are_even(void **state)
{
    (void)state;
    enum { ROWS = 103, K = 5 };
    uint32_t fold[ROWS], again[ROWS];
    int32_t label[ROWS];
    size_t size[K] = {0}, ones[K] = {0};
    for (int i = 0; i < ROWS; i++) {
        label[i] = i % 7 == 0;
    }
    assert_ok(bp_fold_rows(fold, ROWS, K, label, 3));
    for (int i = 0; i < ROWS; i++) {
        assert_true(fold[i] < K);
        size[fold[i]]++;
        ones[fold[i]] += label[i] == 1;
    }
    for (int k = 0; k < K; k++) {
        assert_in_range(size[k], ROWS / K, ROWS / K + 1);
        assert_in_range(ones[k], 3, 3); /* 15 of them */
    }
    assert_ok(bp_fold_rows(again, ROWS, K, label, 3));
    assert_memory_equal(fold, again, sizeof fold);
    assert_ok(bp_fold_rows(again, ROWS, K, label, 4));
    assert_true(memcmp(fold, again, sizeof fold) != 0);
    assert_ok(bp_fold_rows(again, ROWS, K, NULL, 3));
    assert_error(bp_fold_rows(fold, 3, 4, NULL, 1), BP_ERR_ARGUMENT, "4 folds of 3 rows");
    assert_error(bp_fold_rows(fold, 3, 1, NULL, 1), BP_ERR_ARGUMENT, "1 folds");
    label[2] = -1;
    assert_error(bp_fold_rows(fold, ROWS, K, label, 1), BP_ERR_ARGUMENT, "label of row 2 is -1");
}

/* Rows without a target or of weight 0 are in neither part, a class of one row is never taken apart. */
static void test_split(void **state)
{
    (void)state;
    bp_table *t = table_of("x,w,c\n1,1,a\n2,1,a\n3,1,a\n4,1,a\n5,1,b\n6,1,b\n7,1,b\n8,1,b\n9,0,b\n10,1,\n11,1,z\n");
    bp_prepare_options o = bp_prepare_defaults();
    bp_split s;
    o.weight = "w";
    for (uint64_t seed = 1; seed < 20; seed++) {
        size_t a = 0;
        assert_ok(bp_table_split(&s, t, 0.4, &o, seed));
        assert_int_equal(s.part_rows, 4);
        assert_int_equal(s.rest_rows, 5);
        for (size_t i = 0; i < s.part_rows; i++) {
            assert_true(s.part[i] < 8);
            assert_true(i == 0 || s.part[i] > s.part[i - 1]);
            a += s.part[i] < 4;
        }
        assert_int_equal(a, 2);
        assert_int_equal(s.rest[4], 10);
        bp_split_free(&s);
    }
    assert_error(bp_table_split(&s, t, 1, &o, 1), BP_ERR_ARGUMENT, "share is 1");
    assert_error(bp_table_split(&s, t, 0.01, &o, 1), BP_ERR_DATA, "too few");
    o.weight = "weight";
    assert_error(bp_table_split(&s, t, 0.5, &o, 1), BP_ERR_ARGUMENT, "weight");
    bp_table_free(t);
}

/* Without a name the target is the last column that is nothing else. */
static void test_split_by_the_last_free_column(void **state)
{
    (void)state;
    static const char *const id[] = {"who"}, *const drop[] = {"more"};
    bp_table *t = table_of("x,c,w,who,more\n1,a,1,p,\n2,a,1,q,\n3,,1,r,1\n4,a,0,s,1\n5,a,1,t,1\n6,a,1,,1\n");
    bp_prepare_options o = bp_prepare_defaults();
    bp_split s;
    o.weight = "w";
    o.id = (bp_columns){id, 1};
    o.drop = (bp_columns){drop, 1};
    assert_ok(bp_table_split(&s, t, 0.5, &o, 1));
    assert_int_equal(s.part_rows + s.rest_rows, 4); /* not the one without c, nor the one of weight 0 */
    bp_split_free(&s);
    bp_table_free(t);
}

/* Numbers that hardly repeat are not divided value by value: the share is the share that was asked for. */
static void test_split_of_numbers(void **state)
{
    (void)state;
    bp_prepare_options o = bp_prepare_defaults();
    for (size_t rows = 10; rows <= 90; rows += 40) {
        bp_table *t = prices(rows, 1000);
        bp_split s;
        assert_ok(bp_table_split(&s, t, 0.2, &o, 1));
        assert_int_equal(s.part_rows, rows / 5);
        assert_int_equal(s.rest_rows, rows - rows / 5);
        bp_split_free(&s);
        bp_table_free(t);
    }
    bp_table *few = table_of("x,y\n1,0\n2,0\n3,0\n4,0\n5,0\n6,7\n7,7\n8,7\n9,7\n10,7\n");
    for (uint64_t seed = 1; seed < 20; seed++) {
        bp_split s;
        assert_ok(bp_table_split(&s, few, 0.2, &o, seed));
        assert_int_equal(s.part_rows, 2);
        assert_true(s.part[0] < 5 && s.part[1] >= 5);
        bp_split_free(&s);
    }
    bp_table_free(few);
}

/* A fifth of `values` times `rows` rows is taken apart: how many values have exactly one row in the part; *lost: none left. */
static size_t values_with_one(size_t values, size_t rows, bp_table_task task, size_t *lost)
{
    enum { MOST = 128 };
    size_t part[MOST] = {0}, rest[MOST] = {0}, ones = 0;
    bp_prepare_options o = bp_prepare_defaults();
    bp_split s;
    writer w = {0};
    put(&w, "x,y\n");
    for (size_t i = 0; i < values * rows; i++) {
        put(&w, "%zu,%zu\n", i, i % values);
    }
    bp_table *t = table_done(&w);
    o.task = task;
    assert_ok(bp_table_split(&s, t, 0.2, &o, 1));
    for (size_t i = 0; i < s.part_rows; i++) {
        part[s.part[i] % values]++;
    }
    for (size_t i = 0; i < s.rest_rows; i++) {
        rest[s.rest[i] % values]++;
    }
    *lost = 0;
    for (size_t v = 0; v < values; v++) {
        ones += part[v] == 1;
        *lost += rest[v] == 0;
    }
    bp_split_free(&s);
    bp_table_free(t);
    return ones;
}

/* Up to 64 numbers are divided value by value, as classes however many: none of these vanishes from the rest. */
static void test_split_of_many_numbers(void **state)
{
    (void)state;
    size_t lost;
    assert_int_equal(values_with_one(64, 5, BP_TABLE_AUTO, &lost), 64);
    assert_true(values_with_one(65, 5, BP_TABLE_AUTO, &lost) < 60);
    assert_int_equal(values_with_one(100, 5, BP_TABLE_CLASSIFY, &lost), 100);
    values_with_one(100, 2, BP_TABLE_CLASSIFY, &lost);
    assert_int_equal(lost, 0);
}

/* ---- fitting ----------------------------------------------------------------------------------------------------- */

static bp_evaluation *measured(const bp_model *m, const bp_fit *f, const bp_table *t)
{
    bp_dataset *d = NULL;
    bp_evaluation *e = NULL;
    assert_ok(bp_preparation_apply(&d, f->preparation, t, NULL, 0, true, NULL, NULL));
    bp_data data = bp_prepared_without_class_weights(&d->train);
    assert_ok(bp_evaluate(&e, m, &data, 1));
    bp_dataset_free(d);
    return e;
}

static void assert_same_weights(const bp_model *a, const bp_model *b)
{
    const bp_graph *g = bp_model_graph_const(a), *h = bp_model_graph_const(b);
    assert_int_equal(bp_graph_params(g), bp_graph_params(h));
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        const bp_node *p = bp_graph_param(g, i), *q = bp_graph_param(h, i);
        assert_int_equal(bp_node_size(p), bp_node_size(q));
        assert_memory_equal(bp_param_values(p), bp_param_values(q), bp_node_size(p) * sizeof(float));
    }
}

static void test_classes(void **state)
{
    (void)state;
    bp_table *t = circles(600, false, false);
    bp_fit_options o = bp_fit_defaults();
    bp_fit *f = NULL;
    assert_ok(bp_table_fit(&f, t, NULL, 0, &o));
    assert_int_equal(bp_preparation_task(f->preparation), BP_TABLE_CLASSIFY);
    assert_null(f->valid); /* few rows: none is held back */
    assert_true(f->train->train.rows == 600 && f->rows == 600);
    assert_string_equal(bp_model_class(f->model, 0), "no");
    assert_string_equal(bp_model_class(f->model, 1), "yes");
    assert_non_null(bp_model_preparation_text(f->model));
    bp_evaluation *e = measured(f->model, f, t);
    assert_true(e->accuracy > 0.93);
    bp_evaluation_free(e);
    for (int threads = 1; threads <= 3; threads += 2) {
        bp_fit *again = NULL;
        o.train.threads = threads;
        assert_ok(bp_table_fit(&again, t, NULL, 0, &o));
        assert_same_weights(f->model, again->model);
        bp_fit_free(again);
    }
    bp_fit_free(f);
    bp_table_free(t);
}

/* Rows are held back where that is asked for, or patience, which is for nothing else. */
static void test_watched(void **state)
{
    (void)state;
    bp_table *t = circles(600, false, false);
    for (int i = 0; i < 2; i++) {
        bp_fit_options o = bp_fit_defaults();
        bp_fit *f = NULL;
        o.own_epochs = true;
        o.train.epochs = 5;
        o.valid = i == 0 ? 0.25 : 0;
        o.own_patience = i == 1;
        o.train.patience = 3;
        assert_ok(bp_table_fit(&f, t, NULL, 0, &o));
        assert_non_null(f->valid);
        assert_true(f->train->train.rows + f->valid->train.rows == 600 && f->rows == 600);
        assert_true(f->valid->train.rows == (i == 0 ? 150 : 90));
        assert_true(f->run.restore_best && f->result.best_epoch > 0);
        bp_fit_free(f);
    }
    bp_table_free(t);
}

static double mean_loss(const bp_folds *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        sum += r->fold[i].network->loss;
    }
    return sum / (double)r->count;
}

/* The penalty that is chosen is the one whose folds are better. */
static void test_choice(void **state)
{
    (void)state;
    bp_table *t = prices(120, 1);
    bp_fit *f = NULL;
    bp_folds *one[BP_FIT_PENALTIES] = {NULL}, *chosen = NULL;
    bp_folds_options o = bp_folds_defaults();
    assert_ok(bp_fit_new(&f, t, NULL, 0, NULL));
    for (size_t i = 0; i < BP_FIT_PENALTIES; i++) {
        assert_true(f->recipe.penalty[i] > 0);
        f->run.optimizer.l2 = f->recipe.penalty[i] / 120;
        assert_ok(bp_fit_folds(&one[i], f, &o));
    }
    size_t better = mean_loss(one[0]) < mean_loss(one[1]) ? 0 : 1;
    assert_true(mean_loss(one[0]) != mean_loss(one[1]));
    assert_ok(bp_fit_choose(&chosen, f, NULL));
    assert_true(chosen->count == f->recipe.folds);
    assert_true(f->run.optimizer.l2 == f->recipe.penalty[better] / 120);
    assert_true(mean_loss(chosen) == mean_loss(one[better]));
    bp_folds_free(chosen);
    o.folds = 3;
    assert_ok(bp_fit_choose(&chosen, f, &o));
    assert_int_equal(chosen->count, 3);
    bp_fit *whole = NULL;
    assert_ok(bp_table_fit(&whole, t, NULL, 0, NULL));
    assert_true(whole->run.optimizer.l2 == f->run.optimizer.l2);
    bp_fit_free(whole);
    bp_folds_free(chosen);
    bp_folds_free(one[0]);
    bp_folds_free(one[1]);
    bp_fit_free(f);
    bp_table_free(t);
}

/* Whatever the unit of the target: the network works on scaled numbers and answers in the unit. */
static void test_numbers(void **state)
{
    (void)state;
    bp_table *t = prices(500, 1000);
    bp_fit *f = NULL;
    assert_ok(bp_table_fit(&f, t, NULL, 0, NULL));
    assert_int_equal(bp_preparation_task(f->preparation), BP_TABLE_REGRESS);
    const double *mean = NULL, *scale = NULL;
    assert_int_equal(bp_model_output_scaling(f->model, &mean, &scale), 1);
    assert_true(mean[0] > 400000 && mean[0] < 700000 && scale[0] > 50000 && scale[0] < 200000);
    bp_evaluation *e = measured(f->model, f, t);
    assert_true(e->r2 > 0.99);
    assert_true(e->rmse < 20000 && e->rmse > 500);
    bp_evaluation_free(e);
    bp_fit_free(f);
    bp_table_free(t);
}

static void test_labels(void **state)
{
    (void)state;
    bp_rng r = bp_rng_new(9, BP_RANDOM_DATA, 0);
    writer w = {0};
    put(&w, "x,y,left,low\n");
    for (int i = 0; i < 300; i++) {
        double x = bp_rng_uniform(&r) - 0.5, y = bp_rng_uniform(&r) - 0.5;
        put(&w, "%.5f,%.5f,%s,%d\n", x, y, x < 0 ? "yes" : "no", y < 0);
    }
    bp_table *t = table_done(&w);
    const char *const targets[] = {"left", "low"};
    bp_fit_options o = bp_fit_defaults();
    bp_fit *f = NULL;
    o.prepare.target = (bp_columns){targets, 2};
    o.prepare.task = BP_TABLE_MULTILABEL;
    assert_ok(bp_table_fit(&f, t, NULL, 0, &o));
    assert_int_equal(bp_model_loss(f->model), BP_BCE);
    bp_evaluation *e = measured(f->model, f, t);
    assert_true(e->rmse < 0.25);
    bp_evaluation_free(e);
    bp_fit_free(f);
    bp_table_free(t);
}

/* A row of weight 0 is as if it were not there, down to the last bit; a weight of 1 changes nothing. */
static void test_weight_zero_is_absence(void **state)
{
    (void)state;
    bp_table *clean = circles(300, true, false), *spoiled = circles(300, true, true),
             *plain = circles(300, false, false);
    bp_fit_options o = bp_fit_defaults();
    bp_fit *a = NULL, *b = NULL, *c = NULL;
    o.own_epochs = true;
    o.train.epochs = 5;
    assert_ok(bp_table_fit(&c, plain, NULL, 0, &o));
    o.prepare.weight = "w";
    assert_ok(bp_table_fit(&a, clean, NULL, 0, &o));
    assert_ok(bp_table_fit(&b, spoiled, NULL, 0, &o));
    assert_int_equal(bp_table_rows(spoiled), 330);
    assert_int_equal(b->rows, 300);
    assert_same_weights(a->model, b->model);
    assert_same_weights(a->model, c->model);
    bp_fit_free(a);
    bp_fit_free(b);
    bp_fit_free(c);
    bp_table_free(clean);
    bp_table_free(spoiled);
    bp_table_free(plain);
}

/* Weights of classes move the border and are in no measure. */
static void test_class_weights(void **state)
{
    (void)state;
    bp_rng r = bp_rng_new(10, BP_RANDOM_DATA, 0);
    writer w = {0};
    put(&w, "x,rare\n");
    for (int i = 0; i < 800; i++) {
        bool rare = i % 10 == 0;
        put(&w, "%.5f,%s\n", bp_rng_normal(&r) + (rare ? 1.5 : 0), rare ? "yes" : "no");
    }
    bp_table *t = table_done(&w);
    bp_fit_options o = bp_fit_defaults();
    bp_fit *plain = NULL, *balanced = NULL;
    assert_ok(bp_table_fit(&plain, t, NULL, 0, &o));
    o.prepare.class_weight = "balanced";
    assert_ok(bp_table_fit(&balanced, t, NULL, 0, &o));
    bp_evaluation *a = measured(plain->model, plain, t), *b = measured(balanced->model, balanced, t);
    double right = (double)(b->confusion[0] + b->confusion[3]) / 800;
    assert_true(fabs(b->accuracy - right) < 1e-9);
    assert_true(b->confusion[3] > a->confusion[3] + 20);
    bp_model *trivial = NULL;
    assert_ok(bp_fit_trivial(&trivial, balanced));
    bp_evaluation *e = measured(trivial, balanced, t);
    assert_true(fabs(e->accuracy - 0.9) < 1e-6);
    bp_evaluation_free(e);
    bp_evaluation_free(a);
    bp_evaluation_free(b);
    bp_model_free(trivial);
    bp_fit_free(plain);
    bp_fit_free(balanced);
    bp_table_free(t);
}

static void test_watched_rows(void **state)
{
    (void)state;
    bp_table *t = circles(200, false, false), *other = circles(50, false, false);
    bp_fit_options o = bp_fit_defaults();
    bp_fit *f = NULL;
    o.valid = -1;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_null(f->valid);
    assert_int_equal(f->run.patience, 0);
    bp_fit_free(f);
    o.valid = 0.25;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_int_equal(f->valid->train.rows, 50);
    assert_true(f->run.restore_best && f->run.patience > 0 && f->run.valid == &f->valid->train);
    bp_fit_free(f);
    o.valid_table = other;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_int_equal(f->valid->train.rows, 50);
    assert_int_equal(f->train->train.rows, 200);
    bp_fit_free(f);
    o.valid = 1.5;
    o.valid_table = NULL;
    assert_error(bp_fit_new(&f, t, NULL, 0, &o), BP_ERR_ARGUMENT, "share of 1.5");
    assert_null(f);
    bp_table_free(t);
    bp_table_free(other);
}

/* ---- simpler models ---------------------------------------------------------------------------------------------- */

static void test_simpler_models(void **state)
{
    (void)state;
    bp_table *t = circles(400, false, false);
    bp_fit_options o = bp_fit_defaults();
    bp_fit *f = NULL;
    bp_model *m = NULL;
    o.valid = -1;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_ok(bp_fit_trivial(&m, f));
    bp_evaluation *e = measured(m, f, t);
    double no = (double)(e->confusion[0] + e->confusion[1]) / 400, most = no > 0.5 ? no : 1 - no;
    assert_true(fabs(e->accuracy - most) < 1e-9);
    assert_true(fabs(e->log_loss + no * log(no) + (1 - no) * log(1 - no)) < 1e-5);
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_fit_free(f);
    bp_table_free(t);
    t = prices(400, 0);
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_ok(bp_fit_trivial(&m, f));
    e = measured(m, f, t);
    assert_true(fabs(e->r2) < 1e-6);
    bp_evaluation_free(e);
    bp_model_free(m);
    assert_ok(bp_fit_linear(&m, f));
    e = measured(m, f, t);
    assert_true(e->r2 > 0.9999);
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_fit_free(f);
    bp_table_free(t);
    static const char *const labels[] = {"a", "b"}; /* b is always yes: no number makes that of a sigmoid */
    t = table_of("x,a,b\n1,0,1\n2,1,1\n3,1,1\n4,0,1\n");
    o.prepare.target = (bp_columns){labels, 2};
    o.prepare.task = BP_TABLE_MULTILABEL;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_ok(bp_fit_trivial(&m, f));
    e = measured(m, f, t);
    assert_true(e->loss > 0.1 && e->loss < 1);
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_fit_free(f);
    bp_table_free(t);
}

/* ---- cross-validation -------------------------------------------------------------------------------------------- */

static bool stop_after_first(void *ctx, size_t fold, const bp_fold *done)
{
    (void)fold;
    assert_non_null(done->network);
    ++*(int *)ctx;
    return false;
}

static void test_folds(void **state)
{
    (void)state;
    bp_table *t = circles(300, false, false);
    bp_fit *f = NULL;
    bp_folds *one = NULL, *three = NULL;
    bp_folds_options o = bp_folds_defaults();
    assert_ok(bp_fit_new(&f, t, NULL, 0, NULL));
    o.threads = 1;
    assert_ok(bp_fit_folds(&one, f, &o));
    o.threads = 3;
    assert_ok(bp_fit_folds(&three, f, &o));
    assert_int_equal(one->count, 5);
    size_t rows = 0;
    for (size_t i = 0; i < 5; i++) {
        const bp_evaluation *a = one->fold[i].network, *b = three->fold[i].network;
        rows += a->rows;
        assert_true(a->accuracy == b->accuracy && a->log_loss == b->log_loss);
        assert_true(one->fold[i].linear->log_loss == three->fold[i].linear->log_loss);
        assert_true(a->accuracy > one->fold[i].trivial->accuracy);
    }
    assert_int_equal(rows, 300);
    bp_folds_free(one);
    bp_folds_free(three);
    int calls = 0;
    o = (bp_folds_options){.folds = 4, .threads = 1, .on_fold = stop_after_first, .ctx = &calls};
    assert_error(bp_fit_folds(&one, f, &o), BP_ERR_STOPPED, "stopped");
    assert_null(one);
    assert_int_equal(calls, 1);
    o.folds = 301;
    assert_error(bp_fit_folds(&one, f, &o), BP_ERR_ARGUMENT, "301 folds");
    bp_fit_free(f);
    bp_table_free(t);
}

/* A class of a single row cannot be measured: it is trained on in each fold. */
static void test_folds_keep_singles(void **state)
{
    (void)state;
    writer w = {0};
    put(&w, "x,c\n");
    for (int i = 0; i < 40; i++) {
        put(&w, "%d.5,%s\n", i, i == 11 ? "only" : i % 2 ? "odd" : "even");
    }
    bp_table *t = table_done(&w);
    bp_fit_options o = bp_fit_defaults();
    bp_fit *f = NULL;
    bp_folds *r = NULL;
    o.own_epochs = true;
    o.train.epochs = 2;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_ok(bp_fit_folds(&r, f, NULL));
    assert_true(r->of_row[11] == UINT32_MAX);
    for (size_t i = 0; i < 40; i++) {
        assert_true(i == 11 || r->of_row[i] < 5);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_in_range(r->fold[i].best_epoch, 1, 2);
    }
    bp_folds_free(r);
    bp_fit_free(f);
    bp_table_free(t);
}

static void test_errors(void **state)
{
    (void)state;
    bp_table *t = table_of("x,y\n1,2.5\n2,\n3,\n");
    const char *const wrong[] = {"z"};
    bp_fit_options o = bp_fit_defaults();
    bp_fit *f = NULL;
    assert_error(bp_table_fit(&f, t, NULL, 0, &o), BP_ERR_DATA, "1 row with a target");
    assert_null(f);
    o.prepare.target = (bp_columns){wrong, 1};
    assert_error(bp_table_fit(&f, t, NULL, 0, &o), BP_ERR_ARGUMENT, "z");
    bp_table_free(t);
    t = table_of("x,y\n1,2.5\n,3\n2,3.5\n,7\n3,4\n");
    o = bp_fit_defaults();
    o.prepare.missing = BP_MISSING_DROP;
    assert_ok(bp_fit_new(&f, t, NULL, 0, &o));
    assert_int_equal(f->report.rows, 3);
    assert_int_equal(f->report.dropped, 2);
    bp_fit_free(f);
    bp_table_free(t);
    t = table_of("x,y\n1,2.5\n2,3.5\n3,4\n");
    bp_folds *r = NULL;
    bp_folds_options many = {.folds = (size_t)1 << 40}; /* refused before there is room for them */
    assert_ok(bp_fit_new(&f, t, NULL, 0, NULL));
    assert_error(bp_fit_folds(&r, f, &many), BP_ERR_ARGUMENT, "1099511627776 folds of 3 rows");
    assert_null(r);
    bp_fit_free(f);
    bp_table_free(t);
}

/* Each table of recipes ends with rows for any number of rows, and those of one size watch one share. */
static void test_recipes(void **state)
{
    (void)state;
    size_t sizes[] = {1, 100, 1000, 1001, 20000, 1000000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        double share = bp_fit_recipe_for(sizes[i], BP_TABLE_AUTO).valid;
        for (int task = 0; task < BP_TABLE_TASKS; task++) {
            bp_fit_recipe r = bp_fit_recipe_for(sizes[i], (bp_table_task)task);
            bp_schedule schedule;
            assert_non_null(r.net);
            assert_true(r.valid == share);
            assert_ok(bp_schedule_parse(&schedule, r.schedule));
        }
    }
    assert_null(bp_fit_recipe_at(1000).name);
    size_t count = 0;
    while (bp_fit_recipe_at(count).name != NULL) {
        count++;
    }
    assert_int_equal(count, 6); /* three sizes, classes or numbers */
    assert_null(bp_fit_recipe_at(count).name);
    assert_string_equal(bp_fit_recipe_for(1000, BP_TABLE_REGRESS).name, "up to 1,000 rows, numbers");
    assert_string_equal(bp_fit_recipe_for(1001, BP_TABLE_REGRESS).name, "up to 10,000 rows, numbers");
    assert_string_equal(bp_fit_recipe_for(10001, BP_TABLE_MULTILABEL).name, "more rows, classes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_are_even),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_of_numbers),
        cmocka_unit_test(test_split_by_the_last_free_column),
        cmocka_unit_test(test_split_of_many_numbers),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_watched),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_weight_zero_is_absence),
        cmocka_unit_test(test_class_weights),
        cmocka_unit_test(test_watched_rows),
        cmocka_unit_test(test_simpler_models),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_folds_keep_singles),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_recipes),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
