/* defaults.c - the recipes. Measured, means of three seeds on two cores: images reach 98.5 % of the MNIST test set in 3
 * seconds, numbers 99.5 % or more of each generated set in a tenth of a second. */
#include "defaults.h"

#include <string.h>

static const recipe recipe_table[] = {
    {"images",
     "images: digits, mnist, fashion-mnist, a directory of IDX files",
     "dense 256 relu, dropout 0.2, dense 128 relu",
     BP_ADAM,
     0.002,
     "cosine",
     128,
     12,
     0,
     {0},
     NULL,
     0,
     0,
     0},
    {"numbers",
     "other data: xor, circles, moons, spirals",
     "dense 64 relu, dense 64 relu",
     BP_ADAM,
     0.01,
     "cosine",
     32,
     100,
     0,
     {0},
     NULL,
     0,
     0,
     0},
};
enum { SET_RECIPES = sizeof recipe_table / sizeof *recipe_table };

recipe recipe_for_table(const bp_fit_recipe *r)
{
    return (recipe){.name = "tables",
                    .what = r->name,
                    .net = r->net,
                    .optimizer = r->optimizer,
                    .lr = r->lr,
                    .schedule = r->schedule,
                    .batch = r->batch,
                    .epochs = r->epochs,
                    .penalty = {r->penalty[0], r->penalty[1]},
                    .other_net = r->other_net,
                    .patience = r->patience,
                    .valid = r->valid,
                    .folds = r->folds};
}

recipe recipe_at(size_t index)
{
    if (index < SET_RECIPES) {
        return recipe_table[index];
    }
    bp_fit_recipe table = bp_fit_recipe_at(index - SET_RECIPES);
    return table.name != NULL ? recipe_for_table(&table) : (recipe){0};
}

/* Appends " --name value" unless the value is 0. */
static void append_option(char *out, size_t size, const char *name, double value)
{
    size_t used = strlen(out);
    if (value != 0 && used < size) {
        snprintf(out + used, size - used, " --%s %g", name, value);
    }
}

static void append_penalties(char *out, size_t size, const recipe *r)
{
    size_t used = strlen(out);
    if (r->penalty[0] != 0 && used < size) {
        used += (size_t)snprintf(out + used, size - used, " --l2 %g/rows", r->penalty[0]);
    }
    if (r->other_net != NULL && used < size) {
        snprintf(out + used, size - used, ", or --net \"%s\" --l2 %g/rows, by cross-validation,", r->other_net,
                 r->penalty[1]);
    } else if (r->penalty[1] != 0 && used < size) {
        snprintf(out + used, size - used, " or %g/rows, by cross-validation,", r->penalty[1]);
    }
}

void recipe_text(char *out, size_t size, const recipe *r)
{
    snprintf(out, size, "%s: --net \"%s\" --optimizer %s --lr %g --schedule %s --batch %zu --epochs %zu", r->what,
             r->net, bp_optimizer_name(r->optimizer), r->lr, r->schedule, r->batch, r->epochs);
    append_penalties(out, size, r);
    if (r->folds > 0) {
        append_option(out, size, "folds", (double)r->folds);
    } else {
        append_option(out, size, "valid", r->valid);
        append_option(out, size, "patience", (double)r->patience);
    }
}

const char *recipe_note(void)
{
    return "Optimizer, learning rate and schedule belong together: with another --optimizer its own learning rate "
           "applies, and with --optimizer or --lr the schedule is constant unless --schedule says otherwise. lbfgs and "
           "rprop take all rows for each step, an epoch: 200 unless --epochs says otherwise, and lbfgs ends when it "
           "has "
           "converged; they need neither --batch nor --schedule, and lbfgs a --net without dropout.";
}

void learning_rates_text(char *out, size_t size)
{
    size_t used = 0;
    for (size_t k = 0; k < BP_OPTIMIZERS && used < size; k++) {
        bp_optimizer_kind kind = (bp_optimizer_kind)k;
        used += (size_t)snprintf(out + used, size - used, "%s%s %g", k > 0 ? ", " : "", bp_optimizer_name(kind),
                                 bp_optimizer_defaults(kind).lr);
    }
}

recipe recipe_for(const bp_data *data)
{
    return recipe_table[data->height > 0 ? 0 : 1];
}

bp_status optimizer_from_options(bp_optimizer_options *out, bp_schedule *schedule, const char **schedule_text,
                                 const options *o, const recipe *r)
{
    bp_optimizer_kind kind = (bp_optimizer_kind)size_or(o, OPT_OPTIMIZER, (size_t)r->optimizer);
    bool own = given(o, OPT_OPTIMIZER) || given(o, OPT_LR);
    *out = bp_optimizer_defaults(kind);
    out->lr = real_or(o, OPT_LR, kind == r->optimizer ? r->lr : out->lr);
    out->momentum = real_or(o, OPT_MOMENTUM, out->momentum);
    out->l1 = real_or(o, OPT_L1, 0);
    out->l2 = real_or(o, OPT_L2, kind == r->optimizer ? r->l2 : 0);
    out->clip_norm = real_or(o, OPT_CLIP_NORM, 0);
    out->clip_value = real_or(o, OPT_CLIP_VALUE, 0);
    /* --weight-decay means what it means to PyTorch's optimizer of that name: decoupled for adamw, a penalty elsewhere. */
    if (kind == BP_ADAMW) {
        out->weight_decay = real_or(o, OPT_WEIGHT_DECAY, out->weight_decay);
    } else {
        out->l2 += real_or(o, OPT_WEIGHT_DECAY, 0);
    }
    *schedule_text = text_or(o, OPT_SCHEDULE, own ? "constant" : r->schedule);
    return bp_schedule_parse(schedule, *schedule_text);
}

size_t epochs_from_options(const options *o, const recipe *r)
{
    bp_optimizer_kind kind = (bp_optimizer_kind)size_or(o, OPT_OPTIMIZER, (size_t)r->optimizer);
    bool other = kind != r->optimizer && bp_optimizer_full_batch(kind);
    return size_or(o, OPT_EPOCHS, other ? (size_t)FULL_BATCH_EPOCHS : r->epochs);
}
