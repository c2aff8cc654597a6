/* fit_compare.c - what a network must beat to be worth its while: an answer that is always the same, and a linear model. */
#include <math.h>
#include <stddef.h>

#include "data/fit.h"

/* ---- always the same answer -------------------------------------------------------------------------------------- */

/* The z at which the output is `mean`, kept away from what no z gives. */
static double inverse(bp_activation output, double mean)
{
    const double edge = 1e-6;
    double low = output == BP_TANH ? -1 : 0, p = (mean - low) / (1 - low);
    p = p < edge ? edge : p > 1 - edge ? 1 - edge : p;
    switch (output) {
    case BP_SIGMOID:
        return log(p / (1 - p));
    case BP_TANH:
        return 0.5 * log(p / (1 - p));
    case BP_SOFTMAX:
        return log(p);
    default:
        return mean;
    }
}

/* sum[j] = the weighted mean of the targets at output unit j. */
static void mean_targets(double *sum, double *target, size_t units, const bp_model *m, const bp_data *d)
{
    bool number = bp_node_size(bp_model_target(m)) == 1 && units > 1; /* of the class: see bp_softmax_cross_entropy */
    double total = 0;
    for (size_t i = 0; i < d->rows; i++) {
        double w = d->weight ? (double)d->weight[i] : 1;
        bp_model_encode(m, target, d, i);
        total += w;
        for (size_t j = 0; j < units; j++) {
            sum[j] += w * (number ? (double)((size_t)target[0] == j) : target[j]);
        }
    }
    for (size_t j = 0; j < units && total > 0; j++) {
        sum[j] /= total;
    }
}

static bp_status set_bias(bp_model *m, const bp_fit *f)
{
    size_t units = bp_model_units(m);
    bp_layer_info layer;
    double *block = bp_alloc(&f->allocator, units, 2 * sizeof *block);
    if (!block || !bp_model_layer(m, 0, &layer)) {
        bp_release(&f->allocator, block);
        return BP_ERR_MEMORY;
    }
    bp_data rows = bp_prepared_without_class_weights(&f->train->train);
    mean_targets(block, block + units, units, m, &rows);
    for (size_t j = 0; j < units; j++) {
        block[j] = inverse(bp_model_output(m), block[j]);
    }
    bp_status status = bp_param_set(layer.b, block);
    bp_release(&f->allocator, block);
    return status;
}

bp_status bp_fit_trivial(bp_model **out, const bp_fit *f)
{
    bp_status status = bp_fit_network(out, f, "", "zeros");
    status = status == BP_OK ? set_bias(*out, f) : status;
    if (status != BP_OK) {
        bp_model_free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- a linear model ---------------------------------------------------------------------------------------------- */

/* To the minimum where that is cheap, else some epochs. The penalty is that of scikit-learn's LogisticRegression and
 * Ridge where nothing is said: 1/2 |w|^2 against the sum of the losses. */
static bp_train_options linear_run(const bp_fit *f)
{
    enum { MANY_ROWS = 200000 };
    bp_train_options o = bp_train_defaults();
    bool many = f->train->train.rows > MANY_ROWS;
    o.optimizer = bp_optimizer_defaults(many ? BP_ADAM : BP_LBFGS);
    o.optimizer.l2 = 1.0 / (double)f->train->train.rows;
    o.epochs = many ? 5 : 100;
    o.batch = 256;
    o.seed = f->options.seed;
    o.threads = f->run.threads;
    o.on_step = f->run.on_step;
    o.ctx = f->run.ctx;
    return o;
}

bp_status bp_fit_linear(bp_model **out, const bp_fit *f)
{
    bp_train_options run = linear_run(f);
    bp_status status = bp_fit_network(out, f, "", NULL);
    status = status == BP_OK ? bp_train(NULL, *out, &f->train->train, &run) : status;
    if (status != BP_OK) {
        bp_model_free(*out);
        *out = NULL;
    }
    return status;
}
