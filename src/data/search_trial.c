/* search_trial.c - one setting tried: a network of it trained on some rows, for some of its epochs, and measured on others. */
#include <math.h>

#include "data/search.h"

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* The setting does not matter here but for the rule; networks are made for each candidate. */
bp_status bp_search_ground_new(bp_search_ground *g, const bp_fit *f, bp_numbers_rule rule, const uint32_t *of_row,
                               size_t fold)
{
    bp_setting base = bp_fit_setting(f);
    bp_split split = {0};
    base.numbers = rule;
    if (!of_row) {
        return bp_fit_with(&g->fit, f, &base);
    }
    bp_fit_options o = bp_setting_options(f, &base);
    bp_status status = bp_fit_take_fold(&split, f, of_row, fold);
    status = status == BP_OK ? bp_fit_new(&g->fit, f->table, split.rest, split.rest_rows, &o) : status;
    if (status == BP_OK) {
        status = bp_preparation_apply(&g->held, g->fit->preparation, f->table, split.part, split.part_rows, true, NULL,
                                      NULL);
    }
    bp_split_free(&split);
    return status;
}

void bp_search_ground_free(bp_search_ground *g)
{
    bp_fit_free(g->fit);
    bp_dataset_free(g->held);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* With the whole share an ordinary run. */
static bp_train_options trial_run(const bp_search_trial *t)
{
    bp_train_options run;
    const bp_fit *g = t->ground->fit;
    bp_setting_apply(&run, t->f, t->setting);
    size_t rows = g->train->train.rows, batch = run.batch > 0 ? run.batch : 1;
    size_t per_epoch = bp_optimizer_full_batch(t->setting->optimizer) ? 1 : rows / batch + (rows % batch > 0);
    double planned = fmin((double)per_epoch * (double)run.epochs, (double)run.steps);
    run.steps = t->share < 1 ? (size_t)ceil(planned * t->share) : run.steps;
    run.valid = g->run.valid;
    run.restore_best = g->run.restore_best;
    run.test = NULL;
    run.threads = 1;
    run.resume = NULL;
    run.on_state = NULL;
    run.on_epoch = NULL;
    run.on_step = t->on_step;
    run.ctx = t->ctx;
    return run;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

bool bp_search_balanced(const bp_fit *f)
{
    return f->options.prepare.class_weight != NULL && bp_preparation_task(f->preparation) == BP_TABLE_CLASSIFY;
}

/* Accuracy, or R2 of numbers, as they are told; the loss as it is trained, with the weights of the classes. */
static bp_status measure_trial(bp_search_trial *t, const bp_model *m, const bp_train_result *trained)
{
    const bp_search_ground *g = t->ground;
    bp_evaluation *e = NULL, *weighted = NULL;
    const bp_data *data = g->held ? &g->held->train : &g->fit->valid->train;
    bp_data plain = bp_prepared_without_class_weights(data);
    bp_status status = bp_evaluate(&e, m, &plain, 1);
    if (status == BP_OK && g->held && plain.weight != data->weight) {
        status = bp_evaluate(&weighted, m, data, 1);
    }
    if (status == BP_OK) {
        t->rows = (double)data->rows;
        t->loss = !g->held ? trained->best_loss : weighted ? weighted->loss : e->loss;
        t->measure = e->classes + e->labels == 0  ? e->r2
                     : bp_search_balanced(g->fit) ? e->balanced_accuracy
                                                  : e->accuracy;
    }
    bp_evaluation_free(e);
    bp_evaluation_free(weighted);
    return status;
}

bp_status bp_search_try(bp_search_trial *t)
{
    bp_train_options run = trial_run(t);
    bp_train_result trained;
    bp_model *m = NULL;
    const bp_fit *g = t->ground->fit;
    bp_status status = bp_fit_network(&m, g, t->setting->net, t->f->options.model.init);
    status = status == BP_OK ? bp_train(&trained, m, &g->train->train, &run) : status;
    if (status == BP_ERR_NUMERIC) {
        t->loss = INFINITY;
        t->finished = true;
        status = BP_OK;
    } else if (status == BP_OK && !trained.stopped_by_callback) {
        status = measure_trial(t, m, &trained);
        t->finished = status == BP_OK;
    }
    bp_model_free(m);
    return status;
}
