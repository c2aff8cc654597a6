/* train_start.c - where `backprop train` starts from, if not from nothing: a model that is there, with a new head where the
 * answers are others, and what of it stays as it is. */
#include <string.h>

#include "base/base.h"
#include "source.h"
#include "train.h"

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* A model that is there decides about these. */
static const struct {
    option_id id;
    const char *why;
} decided[] = {
    {OPT_NET, "network, loss, weights and scaling are those of the model"},
    {OPT_OUTPUT, "network, loss, weights and scaling are those of the model"},
    {OPT_LOSS, "network, loss, weights and scaling are those of the model"},
    {OPT_INIT, "network, loss, weights and scaling are those of the model"},
    {OPT_STANDARDIZE, "network, loss, weights and scaling are those of the model"},
    {OPT_CATEGORICAL, "the columns are prepared as the model does"},
    {OPT_NUMERIC, "the columns are prepared as the model does"},
    {OPT_DROP, "the columns are prepared as the model does, and others are not used"},
    {OPT_MISSING, "the columns are prepared as the model does"},
    {OPT_IMPUTE, "the columns are prepared as the model does"},
    {OPT_NUMBERS, "the columns are prepared as the model does"},
    {OPT_FOLDS, "cross-validation trains networks from nothing"},
    {OPT_SEARCH, "a search trains networks from nothing"},
};

bp_status train_start_check(const options *o)
{
    static const option_id dependent[] = {OPT_FREEZE, OPT_NEW_HEAD};
    for (size_t i = 0; i < sizeof decided / sizeof *decided && given(o, OPT_INIT_FROM); i++) {
        if (given(o, decided[i].id)) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s and --init-from exclude each other: %s",
                           option_table[decided[i].id].name, decided[i].why);
        }
    }
    for (size_t i = 0; i < sizeof dependent / sizeof *dependent && !given(o, OPT_INIT_FROM); i++) {
        if (given(o, dependent[i])) {
            return bp_fail(BP_ERR_ARGUMENT,
                           "--%s is about a model that has learned something: it needs --init-from MODEL",
                           option_table[dependent[i]].name);
        }
    }
    return BP_OK;
}

bp_status train_start_load(training *t)
{
    return given(t->o, OPT_INIT_FROM) ? bp_model_load(&t->from, t->o->value[OPT_INIT_FROM].text, NULL) : BP_OK;
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

static bool other_answers(const bp_data *d, const bp_model_options *m)
{
    size_t answers = d->classes > 0 ? d->classes : d->targets;
    return (d->classes > 0) != (m->task == BP_CLASSIFY) || answers != m->outputs;
}

/* The model as it is. */
static bp_status keep_head(training *t, const bp_model_options *make)
{
    bp_status status = bp_model_copy(&t->model, t->from, make);
    return status == BP_OK ? source_fits(&t->train, t->name, t->model, t->o->value[OPT_INIT_FROM].text) : status;
}

/* All its layers but the last. */
static bp_status replace_head(training *t, bp_model_options *make)
{
    bool classes = t->train.classes > 0;
    size_t layers = 0;
    for (bp_layer_info l; bp_model_layer(t->from, layers, &l); layers++) {
    }
    if (layers == 1) {
        return bp_fail(BP_ERR_DATA, "%s has no layer but the last one, which would be replaced: nothing of it is left",
                       t->o->value[OPT_INIT_FROM].text);
    }
    if (classes != (make->task == BP_CLASSIFY)) {
        make->output = NULL;
        make->loss = NULL;
    }
    make->task = classes ? BP_CLASSIFY : BP_REGRESS;
    make->outputs = classes ? t->train.classes : t->train.targets;
    make->allocator = NULL;
    bp_status status = bp_model_new(&t->model, make);
    status = status == BP_OK ? bp_model_transfer(NULL, t->model, t->from, layers - 1) : status;
    if (status == BP_OK && t->train.class_names != NULL) {
        status = bp_model_set_classes(t->model, t->train.class_names);
    }
    return status;
}

bp_status train_start_model(training *t)
{
    const char *path = t->o->value[OPT_INIT_FROM].text;
    bp_model_options make = bp_model_describe(t->from);
    if (bp_model_preparation_text(t->from) != NULL) {
        return bp_fail(BP_ERR_DATA, "%s prepares the columns of a table, but %s is a data set", path, t->name);
    }
    if (make.inputs != t->train.inputs) {
        return source_fits(&t->train, t->name, t->from, path); /* says so */
    }
    make.type = (bp_type)size_or(t->o, OPT_DTYPE, (size_t)make.type);
    make.seed = size_or(t->o, OPT_SEED, DEFAULT_SEED);
    make.unfused = false;
    t->new_head = given(t->o, OPT_NEW_HEAD) || other_answers(&t->train, &make);
    return t->new_head ? replace_head(t, &make) : keep_head(t, &make);
}

bp_status train_start_freeze(const training *t)
{
    bp_layer_info last = {0};
    if (!given(t->o, OPT_FREEZE)) {
        return BP_OK;
    }
    bp_status status = bp_model_freeze(t->model, t->o->value[OPT_FREEZE].text);
    for (size_t i = 0; status == BP_OK && bp_model_layer(t->model, i, &last); i++) {
    }
    if (status == BP_OK && t->new_head && last.frozen) {
        return bp_fail(BP_ERR_ARGUMENT, "--freeze %s: the last layer is new and has learned nothing yet",
                       t->o->value[OPT_FREEZE].text);
    }
    return status;
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

static void answers_text(char *out, size_t size, const bp_model *m)
{
    bp_model_options o = bp_model_describe(m);
    snprintf(out, size, "%zu %s", o.outputs, o.task == BP_CLASSIFY ? "classes" : o.outputs == 1 ? "number" : "numbers");
}

static void say_from(const terminal *out, const training *t)
{
    char here[48], there[48], instead[120] = "", text[700];
    answers_text(here, sizeof here, t->model);
    answers_text(there, sizeof there, t->from);
    if (strcmp(here, there) != 0) {
        snprintf(instead, sizeof instead, ": %s instead of %s", here, there);
    }
    snprintf(text, sizeof text, "%s: %s, and the weights of all layers%s%s", t->o->value[OPT_INIT_FROM].text,
             t->is_table ? "preparation of the columns" : "scaling of the inputs",
             t->new_head ? " but the last, which is new" : "", t->new_head ? instead : "");
    train_say(out, "from", text);
}

size_t train_start_trained(const bp_model *m)
{
    size_t trained = 0;
    const bp_graph *g = bp_model_graph_const(m);
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        const bp_node *p = bp_graph_param(g, i);
        trained += bp_param_frozen(p) ? 0 : bp_node_size(p);
    }
    return trained;
}

void train_start_say(const terminal *out, const training *t)
{
    char layers[128], trained[NUMBER_SIZE], all[NUMBER_SIZE], text[300];
    if (t->from == NULL) {
        return;
    }
    say_from(out, t);
    if (bp_model_frozen(layers, sizeof layers, t->model) > 0) {
        snprintf(text, sizeof text, "layer%s %s; %s of %s parameters are trained",
                 strpbrk(layers, "-,") != NULL ? "s" : "", layers,
                 number_text(trained, (double)train_start_trained(t->model)),
                 number_text(all, (double)bp_model_parameters(t->model)));
        train_say(out, "frozen", text);
    }
}
