/* network.c - from the network options to a model that is ready to train. */
#include "network.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "memory.h"
#include "source.h"

/* Mean and 1 / standard deviation of each input over all rows, in two passes; an input that never changes keeps its unit. */
static void measure(double *mean, double *scale, double *row, const bp_data *d)
{
    for (size_t i = 0; i < d->rows; i++) {
        row_values(row, d, i);
        for (size_t j = 0; j < d->inputs; j++) {
            mean[j] += row[j];
        }
    }
    for (size_t j = 0; j < d->inputs; j++) {
        mean[j] /= (double)d->rows;
    }
    for (size_t i = 0; i < d->rows; i++) {
        row_values(row, d, i);
        for (size_t j = 0; j < d->inputs; j++) {
            scale[j] += (row[j] - mean[j]) * (row[j] - mean[j]);
        }
    }
    for (size_t j = 0; j < d->inputs; j++) {
        double deviation = sqrt(scale[j] / (double)d->rows);
        bool changes = deviation > 1e-12 * fabs(mean[j]); /* less is the rounding of the mean */
        scale[j] = changes ? 1 / deviation : 1;
    }
}

static bp_status standardize(bp_model *m, const bp_data *train)
{
    double *block = cli_alloc(3, train->inputs * sizeof *block);
    if (block == NULL) {
        return BP_ERR_MEMORY;
    }
    double *mean = block, *scale = block + train->inputs;
    measure(mean, scale, block + 2 * train->inputs, train);
    bp_status status = bp_model_set_scaling(m, train->inputs, mean, scale);
    cli_release(block);
    return status;
}

static bp_status set_scaling(bp_model *m, const options *o, const bp_data *train)
{
    const double zero = 0, byte = 1.0 / 255;
    if (given(o, OPT_STANDARDIZE)) {
        return standardize(m, train);
    }
    return train->x_type == BP_U8 ? bp_model_set_scaling(m, 1, &zero, &byte) : BP_OK;
}

bp_status network_new(bp_model **out, const options *o, const recipe *r, const bp_data *train, bp_type type)
{
    bp_model_options make = bp_model_defaults();
    make.inputs = train->inputs;
    make.task = train->classes > 0 ? BP_CLASSIFY : BP_REGRESS;
    make.outputs = train->classes > 0 ? train->classes : train->targets;
    make.net = text_or(o, OPT_NET, r->net);
    make.output = text_or(o, OPT_OUTPUT, NULL);
    make.loss = text_or(o, OPT_LOSS, NULL);
    make.init = text_or(o, OPT_INIT, NULL);
    make.type = type;
    make.seed = size_or(o, OPT_SEED, DEFAULT_SEED);
    make.unfused = given(o, OPT_UNFUSED);
    bp_status status = bp_model_new(out, &make);
    if (status != BP_OK) {
        return status;
    }
    status = set_scaling(*out, o, train);
    if (status == BP_OK && train->class_names != NULL) {
        status = bp_model_set_classes(*out, train->class_names);
    }
    if (status != BP_OK) {
        bp_model_free(*out);
        *out = NULL;
    }
    return status;
}

void network_text(char *out, size_t size, const bp_model *m)
{
    bp_layer_info layer;
    size_t inputs = bp_model_describe(m).inputs;
    size_t used = (size_t)snprintf(out, size, "%zu input%s", inputs, inputs == 1 ? "" : "s");
    for (size_t i = 0; bp_model_layer(m, i, &layer) && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, " -> %s", layer.text);
    }
}
