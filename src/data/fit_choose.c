/* fit_choose.c - which of a recipe's penalties and networks suits a table: cross-validation with each. */
#include "data/fit.h"

#include <string.h>

/* Means over the folds. */
static double mean_accuracy(const bp_folds *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        sum += r->fold[i].network->classes > 0 ? r->fold[i].network->accuracy : 0;
    }
    return sum / (double)r->count;
}

static double mean_loss(const bp_folds *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        sum += r->fold[i].network->loss;
    }
    return sum / (double)r->count;
}

/* By what people ask for, right classes; where that is equal, as it often is on few rows, and for numbers, by the loss. */
static bool better(const bp_folds *a, const bp_folds *b)
{
    double more = mean_accuracy(a) - mean_accuracy(b);
    return more > 0 || (more == 0 && mean_loss(a) < mean_loss(b));
}

/* Proposal i: its penalty, and a new network where it has another and the caller leaves the choice. */
static bp_status propose(bp_fit *f, size_t i)
{
    const char *net = i > 0 && f->recipe.other_net ? f->recipe.other_net : f->recipe.net;
    bp_model *m = NULL;
    f->run.optimizer.l2 = f->recipe.penalty[i] / (double)f->train->train.rows;
    if (f->options.own_net || !f->recipe.other_net) {
        return BP_OK;
    }
    bp_status status = bp_fit_network(&m, f, net, f->options.model.init);
    status = status == BP_OK ? bp_model_set_preparation(m, f->preparation) : status;
    if (status != BP_OK) {
        bp_model_free(m);
        return status;
    }
    bp_model_free(f->model);
    f->model = m;
    return BP_OK;
}

bp_status bp_fit_choose(bp_folds **out, bp_fit *f, const bp_folds_options *options)
{
    bp_folds_options o = options ? *options : bp_folds_defaults();
    bp_status status = BP_OK;
    size_t best = 0;
    o.folds = options ? o.folds : f->recipe.folds;
    *out = NULL;
    for (size_t i = 0; i < BP_FIT_PENALTIES && status == BP_OK; i++) {
        bp_folds *r = NULL;
        if (i > 0 && f->recipe.penalty[i] == 0) {
            break;
        }
        status = propose(f, i);
        status = status == BP_OK ? bp_fit_folds(&r, f, &o) : status;
        if (status == BP_OK && (!*out || better(r, *out))) {
            bp_folds *worse = *out;
            *out = r;
            r = worse;
            best = i;
        }
        bp_folds_free(r);
    }
    status = status == BP_OK ? propose(f, best) : status;
    if (status != BP_OK) {
        bp_folds_free(*out);
        *out = NULL;
    }
    return status;
}
