/* source.c - finding data and giving rows of it in the form that the graph level wants. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "memory.h"
#include "mirrors.h"

void source_cache_dir(char *out, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache != NULL && cache[0] != '\0') {
        snprintf(out, size, "%s/backprop", cache);
    } else if (home != NULL && home[0] != '\0') {
        snprintf(out, size, "%s/.cache/backprop", home);
    } else {
        out[0] = '\0';
    }
}

void source_places(data_places *out, const options *o)
{
    const char *variable = getenv("BACKPROP_DATA");
    out->count = 0;
    if (given(o, OPT_DATA_DIR)) {
        out->dir[out->count++] = o->value[OPT_DATA_DIR].text;
    }
    if (variable != NULL && variable[0] != '\0') {
        out->dir[out->count++] = variable;
    }
    source_cache_dir(out->cache, sizeof out->cache);
    if (out->cache[0] != '\0') {
        out->dir[out->count++] = out->cache;
    }
}

/* A data set that is not there: "iris" may have been meant for iris.csv. */
static bp_status with_table(bp_status status, const char *what)
{
    char path[1024];
    struct stat there;
    snprintf(path, sizeof path, "%s.csv", what);
    bool meant = stat(path, &there) == 0;
    return bp_fail(status, "%s%s%s%s", bp_error(),
                   meant ? "; did you mean " : "; a table is given as a file, such as iris.csv", meant ? path : "",
                   meant ? "?" : "");
}

bp_status source_load(bp_dataset **out, const char *what, const options *o, size_t rows)
{
    data_places places;
    bp_dataset_options load = bp_dataset_defaults();
    source_places(&places, o);
    load.dirs = places.dir;
    load.dir_count = places.count;
    load.rows = rows;
    load.seed = size_or(o, OPT_SEED, DEFAULT_SEED);
    bp_status status = bp_dataset_load(out, what, &load);
    char path[1024];
    if (status == BP_ERR_IO && remote_find(what) != NULL && !bp_dataset_find(path, sizeof path, what, &load)) {
        return bp_fail(status, "%s; to download it: backprop fetch %s", bp_error(), what);
    }
    return status == BP_ERR_ARGUMENT ? with_table(status, what) : status;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* A new block with the rows of a, then those of b. */
static bp_status join(void **out, const void *a, const void *b, size_t a_rows, size_t b_rows, size_t row_bytes)
{
    *out = NULL;
    if (a == NULL || b == NULL) {
        return BP_OK;
    }
    char *block = cli_alloc(a_rows + b_rows, row_bytes);
    if (block == NULL) {
        return BP_ERR_MEMORY;
    }
    memcpy(block, a, a_rows * row_bytes);
    memcpy(block + a_rows * row_bytes, b, b_rows * row_bytes);
    *out = block;
    return BP_OK;
}

/* The inputs of both, those that are made on demand as well. */
static bp_status join_inputs(data_part *out, const bp_data *a, const bp_data *b)
{
    if (a->fill == NULL && b->fill == NULL) {
        return join(&out->owned[0], a->x, b->x, a->rows, b->rows, a->inputs * bp_type_size(a->x_type));
    }
    size_t cells;
    double *x = bp_mul_size(&cells, a->rows + b->rows, a->inputs) ? cli_alloc(cells, sizeof *x) : NULL;
    for (size_t i = 0; x != NULL && i < a->rows + b->rows; i++) {
        row_values(x + i * a->inputs, i < a->rows ? a : b, i < a->rows ? i : i - a->rows);
    }
    out->owned[0] = x;
    out->data.fill = NULL;
    out->data.x_type = BP_F64;
    return x != NULL ? BP_OK : BP_ERR_MEMORY;
}

/* Where only one of them has weights, each row of the other counts 1. */
static bp_status join_weights(data_part *out, const bp_data *a, const bp_data *b)
{
    if (a->weight == NULL && b->weight == NULL) {
        return BP_OK;
    }
    float *weight = cli_alloc(a->rows + b->rows, sizeof *weight);
    for (size_t i = 0; weight != NULL && i < a->rows + b->rows; i++) {
        const bp_data *d = i < a->rows ? a : b;
        weight[i] = d->weight != NULL ? d->weight[i < a->rows ? i : i - a->rows] : 1;
    }
    out->owned[3] = weight;
    out->data.weight = weight;
    return weight != NULL ? BP_OK : BP_ERR_MEMORY;
}

static bp_status take_all(data_part *out, const bp_data *a, const bp_data *b)
{
    bp_status status = join_inputs(out, a, b);
    if (status == BP_OK) {
        status = join_weights(out, a, b);
    }
    if (status == BP_OK) {
        status = join(&out->owned[1], a->label, b->label, a->rows, b->rows, sizeof *a->label);
    }
    if (status == BP_OK) {
        status = join(&out->owned[2], a->y, b->y, a->rows, b->rows, a->targets * sizeof *a->y);
    }
    out->data.rows = a->rows + b->rows;
    out->data.x = out->owned[0];
    out->data.label = out->owned[1];
    out->data.y = out->owned[2];
    return status;
}

bp_status part_take(data_part *out, const bp_dataset *set, const options *o)
{
    bool has_test = set->test.rows > 0;
    const char *name = text_or(o, OPT_PART, has_test ? "test" : "train");
    *out = (data_part){.data = set->train, .name = name};
    if (strcmp(name, "train") == 0) {
        return BP_OK;
    }
    if (!has_test && strcmp(name, "test") == 0) {
        return bp_fail(BP_ERR_DATA, "%s has no test part; use --part train", set->name);
    }
    if (strcmp(name, "test") == 0) {
        out->data = set->test;
    } else if (has_test) {
        return take_all(out, &set->train, &set->test);
    }
    return BP_OK;
}

void part_free(data_part *p)
{
    for (size_t i = 0; i < sizeof p->owned / sizeof *p->owned; i++) {
        cli_release(p->owned[i]);
    }
}

/* ---- data and model ---------------------------------------------------------------------------------------------- */

bp_status source_fits(bp_data *data, const char *name, const bp_model *m, const char *model_path)
{
    bp_model_options o = bp_model_describe(m);
    if (data->inputs != o.inputs) {
        return bp_fail(BP_ERR_DATA, "%s was trained on samples of %zu numbers, those of %s have %zu", model_path,
                       o.inputs, name, data->inputs);
    }
    if ((data->classes > 0) != (o.task == BP_CLASSIFY)) {
        return bp_fail(BP_ERR_DATA, "%s predicts %s, but %s has %s", model_path,
                       o.task == BP_CLASSIFY ? "classes" : "numbers", name, data->classes > 0 ? "classes" : "numbers");
    }
    if (data->classes > o.outputs || (data->classes == 0 && data->targets != o.outputs)) {
        return bp_fail(BP_ERR_DATA, "%s predicts %zu %s, but %s has %zu", model_path, o.outputs,
                       data->classes > 0 ? "classes" : "numbers", name,
                       data->classes > 0 ? data->classes : data->targets);
    }
    if (data->classes > 0 && data->classes < o.outputs) {
        data->classes = o.outputs;
        data->class_names = NULL;
    }
    return BP_OK;
}

void row_values(double *out, const bp_data *data, size_t row)
{
    size_t n = data->inputs, start = row * n;
    if (data->fill != NULL) {
        data->fill(data->x, row, out, BP_F64);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        switch (data->x_type) {
        case BP_F32:
            out[j] = ((const float *)data->x)[start + j];
            break;
        case BP_F64:
            out[j] = ((const double *)data->x)[start + j];
            break;
        case BP_U8:
            out[j] = ((const uint8_t *)data->x)[start + j];
            break;
        case BP_I8:
            out[j] = ((const int8_t *)data->x)[start + j];
            break;
        case BP_I16:
            out[j] = ((const int16_t *)data->x)[start + j];
            break;
        case BP_I32:
            out[j] = ((const int32_t *)data->x)[start + j];
            break;
        case BP_TYPES:
            break;
        }
    }
}

void row_inputs(double *out, const bp_data *data, size_t row, const bp_model *m)
{
    const double *mean = NULL, *scale = NULL;
    size_t count = bp_model_scaling(m, &mean, &scale);
    row_values(out, data, row);
    for (size_t j = 0; j < data->inputs && count > 0; j++) {
        size_t k = count == 1 ? 0 : j;
        out[j] = (out[j] - mean[k]) * scale[k];
    }
}
