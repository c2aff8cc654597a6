/* fit_choose.c - which of a recipe's penalties suits a table: cross-validation with each. */
#include "data/fit.h"

/* Higher is better. The mean over the folds of what people ask for: right classes; else a small loss. */
static double score(const bp_folds *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        const bp_evaluation *e = r->fold[i].network;
        sum += e->classes > 0 ? e->accuracy : -e->loss;
    }
    return sum / (double)r->count;
}

bp_status bp_fit_choose(bp_folds **out, bp_fit *f, const bp_folds_options *options)
{
    bp_folds_options o = options ? *options : bp_folds_defaults();
    bp_status status = BP_OK;
    double best = 0;
    o.folds = options ? o.folds : f->recipe.folds;
    *out = NULL;
    for (size_t i = 0; i < BP_FIT_PENALTIES && status == BP_OK; i++) {
        bp_folds *r = NULL;
        if (i > 0 && f->recipe.penalty[i] == 0) {
            break;
        }
        f->run.optimizer.l2 = f->recipe.penalty[i] / (double)f->train->train.rows;
        status = bp_fit_folds(&r, f, &o);
        if (status == BP_OK && (!*out || score(r) > score(*out))) {
            bp_folds *worse = *out;
            *out = r;
            r = worse;
            best = f->run.optimizer.l2;
        }
        bp_folds_free(r);
    }
    if (status != BP_OK) {
        bp_folds_free(*out);
        *out = NULL;
        return status;
    }
    f->run.optimizer.l2 = best;
    return BP_OK;
}
