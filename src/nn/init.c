/* init.c - the table of initialisers. Each draws from a distribution with mean 0 and a variance that depends on the number
 * of inputs and outputs of the layer; sources in backprop.h. */
#include "nn/init.h"

#include "base/random.h"
#include "graph/node.h"

#include <math.h>

typedef enum fan { FIXED, FAN_IN, FAN_BOTH } fan;

typedef struct init_kind {
    const char *name;
    bool uniform;
    fan fan;
    double value; /* FIXED: default sigma or limit; else variance = value / fan */
} init_kind;

/* FAN_BOTH divides by (in + out). */
static const init_kind kinds[] = {
    {"auto", false, FIXED, 0},
    {"zeros", false, FIXED, 0},
    {"normal", false, FIXED, 0.01},
    {"uniform", true, FIXED, 0.05},
    {"glorot-uniform", true, FAN_BOTH, 2},
    {"glorot-normal", false, FAN_BOTH, 2},
    {"he-uniform", true, FAN_IN, 2},
    {"he-normal", false, FAN_IN, 2},
    {"lecun-uniform", true, FAN_IN, 1},
    {"lecun-normal", false, FAN_IN, 1},
};
enum { AUTO = 0, GLOROT_UNIFORM = 4, HE_UNIFORM = 6, KINDS = sizeof kinds / sizeof *kinds };

static const char *kind_name(size_t i)
{
    return kinds[i].name;
}

bp_status bp_init_parse(bp_init *out, const char *text)
{
    *out = (bp_init){AUTO, 0, false};
    if (!text) {
        return BP_OK;
    }
    char name[32];
    const char *number = bp_split_name(name, text, ':');
    out->kind = bp_find_name(name, kind_name, KINDS);
    if (out->kind < 0) {
        return bp_fail_unknown("initialiser", name, kind_name, KINDS);
    }
    const init_kind *k = &kinds[out->kind];
    out->value = k->value;
    if (!number) {
        return BP_OK;
    }
    if (k->fan != FIXED || k->value == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "initialiser \"%s\" takes no number; found \"%s\"", name, text);
    }
    if (!bp_parse_double(&out->value, number) || out->value < 0) {
        return bp_fail(BP_ERR_ARGUMENT, "initialiser \"%s\": expected \"%s:NUMBER\" with a number >= 0", text, name);
    }
    out->given = true;
    return BP_OK;
}

static int automatic(bp_activation f)
{
    bool rectifies = f == BP_RELU || f == BP_LEAKY_RELU || f == BP_ELU || f == BP_GELU || f == BP_GELU_TANH ||
                     f == BP_SILU || f == BP_SOFTPLUS;
    return rectifies ? HE_UNIFORM : GLOROT_UNIFORM;
}

void bp_init_fill(bp_node *w, bp_init init, bp_activation f, uint64_t seed, uint32_t index)
{
    if (init.kind == AUTO) {
        init.kind = automatic(f);
        init.value = kinds[init.kind].value;
    }
    const init_kind *k = &kinds[init.kind];
    double in = (double)w->shape.dim[0], out = (double)w->shape.dim[1], spread = init.value;
    if (k->fan != FIXED) {
        double sigma = sqrt(init.value / (k->fan == FAN_IN ? in : in + out));
        spread = k->uniform ? sqrt(3) * sigma : sigma;
    }
    bp_rng rng = bp_rng_new(seed, BP_RANDOM_INIT, index);
    char *at = bp_param_data(w);
    for (size_t i = 0; i < w->size; i++, at += w->graph->element) {
        double unit = k->uniform ? 2 * bp_rng_uniform(&rng) - 1 : bp_rng_normal(&rng);
        double value = spread * unit;
        bp_narrow(at, w->graph->type, &value, 1);
    }
}
