/* evaluate.c - the measures of a model on data. Each is a sum over the rows, weight by weight; only the areas under ROC curves
 * need the scores of all rows at once, and take the classes in groups where those would be too many. */
#include "graph/node.h"
#include "nn/predict.h"
#include "nn/roc.h"

#include <math.h>

enum { MOST_SCORES = 1 << 24 }; /* kept at a time: 128 MB */

static const double least_probability = 1e-15;

typedef struct evaluation {
    bp_evaluation public;
    bp_allocator allocator;
    const bp_model *m;
    const bp_data *data;
    size_t columns;               /* classes or labels; 0 for other numbers */
    void *answer;                 /* of one row, as bp_predict gives it, */
    double *value;                /* and as doubles */
    double *hits, *said, *occurs; /* a column each: weight of the rows that were rightly said, said, true */
    double *mean;                 /* of each target */
    double weight, right;         /* of all rows; of those whose labels are all right */
    double squared, absolute;     /* errors of numbers, */
    double spread;                /* squared distances of the targets from their means */
    double minus_log;
    double *score; /* group x rows: values of the columns first .. first + group - 1 */
    size_t group_size, first, group;
    uint8_t *positive;
    bp_ranked *ranked;
} evaluation;

/* ---- memory ---- */

/* Targets that are all 0 or 1, under a loss that takes them for probabilities. */
static bool has_labels(const bp_model *m, const bp_data *d)
{
    bool labels = m->options.task == BP_REGRESS && m->loss == BP_BCE;
    for (size_t i = 0; labels && i < d->rows * d->targets; i++) {
        labels = d->y[i] == 0 || d->y[i] == 1;
    }
    return labels;
}

static size_t group_of(size_t columns, size_t rows)
{
    size_t fit = MOST_SCORES / rows < 1 ? 1 : MOST_SCORES / rows;
    return fit < columns ? fit : columns;
}

static bp_status allocate(evaluation *v)
{
    bp_evaluation *e = &v->public;
    size_t k = v->columns, outputs = v->m->options.outputs, rows = k ? v->data->rows : 0;
    size_t cells, scores, square = e->classes; /* side of the confusion matrix */
    if (!bp_mul_size(&cells, square, square) || !bp_mul_size(&scores, v->group_size, rows)) {
        return bp_fail(BP_ERR_MEMORY, "evaluating: %zu classes are too many", k);
    }
    double **const lists[] = {&e->precision, &e->recall, &e->f1, &e->class_auc, &v->hits, &v->said, &v->occurs};
    for (size_t i = 0; k && i < sizeof lists / sizeof *lists; i++) {
        *lists[i] = bp_alloc(&v->allocator, k, sizeof(double));
        if (!*lists[i]) {
            return BP_ERR_MEMORY;
        }
    }
    e->confusion = square ? bp_alloc(&v->allocator, cells, sizeof *e->confusion) : NULL;
    v->answer = bp_alloc(&v->allocator, outputs, v->m->graph->element);
    v->value = bp_alloc(&v->allocator, outputs, sizeof *v->value);
    v->mean = bp_alloc(&v->allocator, outputs, sizeof *v->mean);
    v->score = bp_alloc(&v->allocator, scores, sizeof *v->score);
    v->positive = bp_alloc(&v->allocator, rows, 1);
    v->ranked = bp_alloc(&v->allocator, rows, 2 * sizeof *v->ranked);
    bool complete =
        (square == 0 || e->confusion) && v->answer && v->value && v->mean && v->score && v->positive && v->ranked;
    return complete ? BP_OK : BP_ERR_MEMORY;
}

static void release_work(evaluation *v)
{
    void *const work[] = {v->answer, v->value, v->hits, v->said, v->occurs, v->mean, v->score, v->positive, v->ranked};
    for (size_t i = 0; i < sizeof work / sizeof *work; i++) {
        bp_release(&v->allocator, work[i]);
    }
    v->answer = v->value = v->hits = v->said = v->occurs = v->mean = v->score = NULL;
    v->positive = NULL;
    v->ranked = NULL;
}

/* ---- one row ---- */

static double weight_of(const bp_data *d, size_t row)
{
    return d->weight ? (double)d->weight[row] : 1;
}

static bool is_true(const bp_data *d, size_t row, size_t column)
{
    return d->classes ? (size_t)d->label[row] == column : d->y[row * d->targets + column] == 1;
}

static void read_answer(evaluation *v, const bp_measure *e, size_t r)
{
    bp_model_answer(v->m, v->answer, e->y + r * e->y_ld * v->m->graph->element);
    bp_widen(v->value, v->answer, v->m->graph->type, v->m->options.outputs);
}

static void keep_scores(evaluation *v, size_t row)
{
    for (size_t c = 0; c < v->group; c++) {
        v->score[c * v->data->rows + row] = v->value[v->first + c];
    }
}

static double minus_log(double probability)
{
    return -log(probability > least_probability ? probability : least_probability);
}

static void add_class(evaluation *v, const bp_measure *e, size_t r, size_t row)
{
    const char *score = e->batch.score + r * e->batch.score_ld * v->m->graph->element;
    size_t said = bp_model_decide(v->m, score, e->batch.decision.threshold), label = (size_t)v->data->label[row];
    double w = weight_of(v->data, row);
    v->public.confusion[label * v->public.classes + said]++;
    v->occurs[label] += w;
    v->said[said] += w;
    v->hits[label] += said == label ? w : 0;
    v->minus_log += w * minus_log(v->value[label]);
}

static void add_labels(evaluation *v, size_t row)
{
    double w = weight_of(v->data, row);
    bool all = true;
    for (size_t c = 0; c < v->columns; c++) {
        bool yes = is_true(v->data, row, c), said = v->value[c] > 0.5;
        v->occurs[c] += yes ? w : 0;
        v->said[c] += said ? w : 0;
        v->hits[c] += yes && said ? w : 0;
        v->minus_log += w * minus_log(yes ? v->value[c] : 1 - v->value[c]);
        all = all && yes == said;
    }
    v->right += all ? w : 0;
}

static void add_numbers(evaluation *v, size_t row)
{
    const double *t = v->data->y + row * v->data->targets;
    double w = weight_of(v->data, row);
    for (size_t c = 0; c < v->data->targets; c++) {
        double error = v->value[c] - t[c], off = t[c] - v->mean[c];
        v->squared += w * (error * error);
        v->absolute += w * fabs(error);
        v->spread += w * (off * off);
    }
}

/* ---- all rows ---- */

static void add_rows(void *ctx, const bp_measure *e, size_t first, size_t rows)
{
    evaluation *v = ctx;
    for (size_t r = 0; r < rows; r++) {
        read_answer(v, e, r);
        keep_scores(v, first + r);
        if (v->data->classes) {
            add_class(v, e, r, first + r);
            continue;
        }
        add_numbers(v, first + r);
        if (v->columns) {
            add_labels(v, first + r);
        }
    }
}

static void only_keep_scores(void *ctx, const bp_measure *e, size_t first, size_t rows)
{
    evaluation *v = ctx;
    for (size_t r = 0; r < rows; r++) {
        read_answer(v, e, r);
        keep_scores(v, first + r);
    }
}

/* Whether target c is the same number in all rows that count, which is then their mean, free of rounding errors: a spread
 * that consists of those is none. */
static bool is_constant(double *value, const bp_data *d, size_t c)
{
    bool seen = false;
    for (size_t r = 0; r < d->rows; r++) {
        double t = d->y[r * d->targets + c];
        if (weight_of(d, r) == 0) {
            continue;
        }
        if (seen && t != *value) {
            return false;
        }
        *value = t;
        seen = true;
    }
    return true;
}

/* Weight of all rows, and the mean of each target. */
static void sum_targets(evaluation *v)
{
    const bp_data *d = v->data;
    for (size_t r = 0; r < d->rows; r++) {
        double w = weight_of(d, r);
        v->weight += w;
        for (size_t c = 0; !d->classes && c < d->targets; c++) {
            v->mean[c] += w * d->y[r * d->targets + c];
        }
    }
    for (size_t c = 0; !d->classes && c < d->targets; c++) {
        double value = 0;
        v->mean[c] = is_constant(&value, d, c) ? value : v->mean[c] / v->weight;
    }
}

/* ---- measures ---- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static void score_columns(evaluation *v)
{
    bp_evaluation *e = &v->public;
    double recall = 0, f1 = 0;
    size_t occurring = 0, involved = 0;
    for (size_t c = 0; c < v->columns; c++) {
        e->precision[c] = ratio(v->hits[c], v->said[c]);
        e->recall[c] = ratio(v->hits[c], v->occurs[c]);
        e->f1[c] = ratio(2 * v->hits[c], v->said[c] + v->occurs[c]);
        recall += e->recall[c];
        f1 += e->f1[c];
        occurring += v->occurs[c] > 0;
        involved += v->occurs[c] > 0 || v->said[c] > 0;
    }
    e->balanced_accuracy = e->classes ? recall / (double)occurring : NAN;
    e->macro_f1 = involved ? f1 / (double)involved : NAN;
}

static void score_labels(evaluation *v)
{
    double wrong = 0;
    for (size_t c = 0; c < v->columns; c++) {
        wrong += (v->said[c] - v->hits[c]) + (v->occurs[c] - v->hits[c]);
    }
    v->public.accuracy = v->right / v->weight;
    v->public.label_accuracy = 1 - wrong / (v->weight * (double)v->columns);
    v->public.log_loss = v->minus_log / (v->weight * (double)v->columns);
}

static void score_classes(evaluation *v)
{
    bool probabilities = v->m->output == BP_SOFTMAX || v->m->units == 1;
    v->public.log_loss = probabilities ? v->minus_log / v->weight : NAN;
}

/* R^2 = 1 - sum (o - t)^2 / sum (t - mean t)^2, the mean of each target apart. */
static void score_numbers(evaluation *v)
{
    double count = v->weight * (double)v->data->targets;
    v->public.rmse = sqrt(v->squared / count);
    v->public.mae = v->absolute / count;
    v->public.r2 = v->spread > 0 ? 1 - v->squared / v->spread : NAN;
}

/* Areas of the columns whose scores are there. */
static void score_curves(evaluation *v)
{
    const bp_data *d = v->data;
    for (size_t c = 0; c < v->group; c++) {
        for (size_t r = 0; r < d->rows; r++) {
            v->positive[r] = is_true(d, r, v->first + c);
        }
        v->public.class_auc[v->first + c] =
            bp_roc_area(v->score + c * d->rows, v->positive, d->weight, d->rows, v->ranked);
    }
}

static void average_curves(evaluation *v)
{
    bp_evaluation *e = &v->public;
    double sum = 0;
    size_t defined = 0;
    if (e->classes == 2) { /* one curve, seen from either end */
        e->class_auc[0] = e->class_auc[1];
    }
    for (size_t c = 0; c < v->columns; c++) {
        sum += isnan(e->class_auc[c]) ? 0 : e->class_auc[c];
        defined += isnan(e->class_auc[c]) ? 0 : 1;
    }
    e->auc = defined ? sum / (double)defined : NAN;
}

/* ---- the evaluation ---- */

static void measure(evaluation *v, bp_measure *e)
{
    bp_evaluation *public = &v->public;
    double accuracy;
    sum_targets(v);
    v->first = public->classes == 2 ? 1 : 0;
    v->group = v->group_size;
    bp_measure_run(e, &public->loss, &accuracy, add_rows, v);
    score_curves(v);
    while (v->first + v->group < v->columns) {
        v->first += v->group;
        v->group = v->columns - v->first < v->group_size ? v->columns - v->first : v->group_size;
        double again[2];
        bp_measure_run(e, &again[0], &again[1], only_keep_scores, v);
        score_curves(v);
    }
    if (v->columns) {
        score_columns(v);
        average_curves(v);
    }
    if (public->classes) {
        public->accuracy = accuracy;
        score_classes(v);
    } else {
        score_numbers(v);
    }
    if (public->labels) {
        score_labels(v);
    }
}

static bp_status evaluation_new(evaluation **out, const bp_model *m, const bp_data *data)
{
    evaluation *v = bp_alloc(&m->allocator, 1, sizeof *v);
    *out = v;
    if (!v) {
        return BP_ERR_MEMORY;
    }
    v->allocator = m->allocator;
    v->m = m;
    v->data = data;
    v->public = (bp_evaluation){.rows = data->rows, .accuracy = NAN, .rmse = NAN, .mae = NAN, .r2 = NAN};
    v->public.label_accuracy = v->public.balanced_accuracy = v->public.macro_f1 = NAN;
    v->public.log_loss = v->public.auc = NAN;
    v->public.classes = m->options.task == BP_CLASSIFY ? m->options.outputs : 0;
    v->public.labels = has_labels(m, data) ? data->targets : 0;
    v->columns = v->public.classes + v->public.labels;
    v->group_size = v->public.classes == 2 ? 1 : group_of(v->columns, data->rows);
    return allocate(v);
}

bp_status bp_evaluate(bp_evaluation **out, const bp_model *m, const bp_data *data, int threads)
{
    double start = bp_seconds();
    *out = NULL;
    bp_status status = bp_data_check(data, m);
    if (status != BP_OK) {
        return status;
    }
    evaluation *v;
    bp_measure e = {0};
    status = evaluation_new(&v, m, data);
    status = status == BP_OK ? bp_measure_new(&e, m, data, threads) : status;
    if (status == BP_OK) {
        measure(v, &e);
        release_work(v);
        v->public.seconds = bp_seconds() - start;
        *out = &v->public;
    } else if (v) {
        bp_evaluation_free(&v->public);
    }
    bp_measure_free(&e);
    return status;
}

void bp_evaluation_free(bp_evaluation *e)
{
    if (!e) {
        return;
    }
    evaluation *v = (evaluation *)e;
    bp_allocator a = v->allocator;
    release_work(v);
    void *const lists[] = {e->confusion, e->precision, e->recall, e->f1, e->class_auc, v};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        bp_release(&a, lists[i]);
    }
}
