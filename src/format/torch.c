/* torch.c - reads the weights of a torch.nn.Sequential, or anything like it, out of a safetensors file.
 *
 * Such a file has matrices NAME.weight [out, in] and vectors NAME.bias [out], and no word about what is between them: that is
 * what --net is for. Layers come in the order of their names, numbers in names by their value: "2.weight" before
 * "10.weight". A layer without bias gets one of zeros. The container is that of safetensors.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/import.h"
#include "format/safetensors.h"
#include "nn/net.h"

static const char weight[] = ".weight", bias[] = ".bias";

typedef struct torch {
    bp_safetensors file;
    const bp_tensor **matrix; /* the weights, in the order of the layers */
    size_t count;
    bp_import_net net;
} torch;

bool bp_torch_is(const unsigned char *head, size_t bytes)
{
    static const unsigned char high[4]; /* of the length of the header, which is below 2^32 */
    return bytes > 8 && memcmp(head + 4, high, sizeof high) == 0 && head[8] == '{';
}

/* The length of NAME where `name` is NAME + ending, else SIZE_MAX. */
static size_t stem_length(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);
    return n >= e && strcmp(name + n - e, ending) == 0 ? n - e : SIZE_MAX;
}

/* Names as people sort them: runs of digits are compared as numbers. */
static int compare_names(const char *a, const char *b)
{
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            size_t za = strspn(a, "0"), zb = strspn(b, "0"), na = strspn(a + za, "0123456789"),
                   nb = strspn(b + zb, "0123456789");
            int order = na != nb ? (na > nb) - (na < nb) : strncmp(a + za, b + zb, na);
            if (order != 0) {
                return order;
            }
            a += za + na;
            b += zb + nb;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return (*a != '\0') - (*b != '\0');
}

static int by_name(const void *a, const void *b)
{
    const bp_tensor *const *s = a, *const *t = b;
    int order = compare_names((*s)->name, (*t)->name);
    return order ? order : strcmp((*s)->name, (*t)->name); /* "01" and "1" */
}

/* ---- which tensors ----------------------------------------------------------------------------------------------- */

static bp_status check_tensor(const torch *t, const bp_tensor *x)
{
    if (x->type != BP_F32 && x->type != BP_F64) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: tensor \"%.100s\" has the type %s; expected F32 or F64: save the network after .float()",
            t->file.path, x->name, x->dtype);
    }
    bool good = (x->shape.dims == 2 && stem_length(x->name, weight) != SIZE_MAX) ||
                (x->shape.dims == 1 && stem_length(x->name, bias) != SIZE_MAX);
    if (!good || x->bytes == 0) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "reading %s: tensor \"%.100s\" with %d dimensions; expected matrices NAME.weight and vectors "
                       "NAME.bias, those of torch.nn.Linear, alone. BatchNorm is taken from ONNX files",
                       t->file.path, x->name, x->shape.dims);
    }
    return BP_OK;
}

static bp_status list_matrices(torch *t)
{
    t->matrix = bp_alloc(&t->net.allocator, t->file.count, sizeof(bp_tensor *));
    bp_status status = t->matrix ? BP_OK : BP_ERR_MEMORY;
    t->net.type = BP_F32;
    for (size_t i = 0; status == BP_OK && i < t->file.count; i++) {
        const bp_tensor *x = &t->file.tensor[i];
        status = check_tensor(t, x);
        t->net.type = x->type == BP_F64 ? BP_F64 : t->net.type;
        if (status == BP_OK && x->shape.dims == 2) {
            t->matrix[t->count++] = x;
        }
    }
    if (status != BP_OK) {
        return status;
    }
    if (t->count == 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: there is no tensor NAME.weight in it", t->file.path);
    }
    qsort(t->matrix, t->count, sizeof *t->matrix, by_name);
    for (size_t i = 1; i < t->count; i++) {
        size_t units = t->matrix[i - 1]->shape.dim[0], inputs = t->matrix[i]->shape.dim[1];
        if (units != inputs) {
            return bp_fail(
                BP_ERR_FORMAT,
                "reading %s: \"%.100s\" gives %zu numbers, but \"%.100s\", the next by name, takes %zu; expected a "
                "chain of layers named in their order",
                t->file.path, t->matrix[i - 1]->name, units, t->matrix[i]->name, inputs);
        }
    }
    return BP_OK;
}

/* ---- what is between them ---------------------------------------------------------------------------------------- */

/* No --net: says what it might be. */
static bp_status ask_for_net(const torch *t)
{
    char text[300] = "";
    size_t used = 0;
    for (size_t i = 0; i + 1 < t->count && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%sdense %zu relu", i ? ", " : "",
                                 t->matrix[i]->shape.dim[0]);
    }
    return bp_fail(
        BP_ERR_ARGUMENT,
        "reading %s: the file has weights alone, of %zu layers; say what the hidden layers are, e.g. net \"%s\"",
        t->file.path, t->count, text);
}

static bp_status choose_output(bp_activation *f, const torch *t, const bp_import_options *options)
{
    size_t units = t->matrix[t->count - 1]->shape.dim[0];
    if (options->output) {
        return bp_activation_parse(f, options->output);
    }
    bool classes = options->task && strcmp(options->task, bp_task_name(BP_CLASSIFY)) == 0;
    *f = !classes ? BP_LINEAR : units == 1 ? BP_SIGMOID : BP_SOFTMAX;
    return BP_OK;
}

/* The activations of the hidden layers, which must be as many as in the file, with as many units. */
static bp_status match_net(torch *t, const bp_net *net)
{
    size_t dense = 0, done = 0;
    for (size_t i = 0; i < net->count; i++) {
        dense += net->layers[i].id == BP_LAYER_DENSE;
    }
    if (dense + 1 != t->count) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "reading %s: net \"%s\" has %zu dense layers, but the file has %zu hidden ones; the last of its "
                       "layers, of %zu units, is the output",
                       t->file.path, t->net.net, dense, t->count - 1, t->matrix[t->count - 1]->shape.dim[0]);
    }
    for (size_t i = 0; i < net->count; i++) {
        const bp_layer *l = &net->layers[i];
        if (l->id != BP_LAYER_DENSE) {
            continue;
        }
        if (l->units != t->matrix[done]->shape.dim[0]) {
            return bp_fail(BP_ERR_ARGUMENT,
                           "reading %s: net \"%s\" has %zu units in dense layer %zu, but the file has %zu there",
                           t->file.path, t->net.net, l->units, done + 1, t->matrix[done]->shape.dim[0]);
        }
        t->net.layer[done++].f = l->f;
    }
    return BP_OK;
}

static bp_status make_layers(torch *t, const bp_import_options *options)
{
    bp_net net = {.allocator = t->net.allocator};
    bp_status status = bp_import_layers(&t->net, t->count);
    for (size_t i = 0; status == BP_OK && i < t->count; i++) {
        const bp_shape *s = &t->matrix[i]->shape;
        status = bp_import_weights(&t->net, i, s->dim[1], s->dim[0]);
    }
    status = status == BP_OK ? bp_net_parse(&net, options->net, &t->net.allocator) : status;
    if (status == BP_OK) {
        t->net.net = options->net;
        status = match_net(t, &net);
        bp_net_free(&net);
    }
    return status == BP_OK ? choose_output(&t->net.layer[t->count - 1].f, t, options) : status;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* The layer that a tensor belongs to, or `count`. */
static size_t layer_of(const torch *t, const bp_tensor *x)
{
    const char *ending = x->shape.dims == 2 ? weight : bias;
    size_t stem = stem_length(x->name, ending), i = 0;
    while (i < t->count &&
           (stem_length(t->matrix[i]->name, weight) != stem || memcmp(t->matrix[i]->name, x->name, stem) != 0)) {
        i++;
    }
    return i;
}

static double element(const void *values, bp_type type, size_t i)
{
    return type == BP_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static bp_status read_tensor(torch *t, const bp_tensor *x, void *values)
{
    size_t i = layer_of(t, x);
    bp_import_layer *l = i < t->count ? &t->net.layer[i] : NULL;
    if (!l || (x->shape.dims == 1 && x->shape.dim[0] != l->units)) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: \"%.100s\" has %zu numbers, but no weights go with that",
                       t->file.path, x->name, x->shape.dim[0]);
    }
    bp_status status = bp_safetensors_read_next(&t->file, values);
    if (status != BP_OK) {
        return status;
    }
    for (size_t j = 0; j < l->units; j++) {
        for (size_t k = 0; x->shape.dims == 2 && k < l->inputs; k++) {
            l->w[k * l->units + j] = element(values, x->type, j * l->inputs + k);
        }
        if (x->shape.dims == 1) {
            l->b[j] = element(values, x->type, j);
        }
    }
    return BP_OK;
}

static bp_status read_tensors(torch *t)
{
    size_t most = 0;
    for (size_t i = 0; i < t->file.count; i++) {
        most = t->file.tensor[i].bytes > most ? t->file.tensor[i].bytes : most;
    }
    void *values = bp_alloc(&t->net.allocator, most, 1);
    bp_status status = values ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; status == BP_OK && i < t->file.count; i++) {
        status = read_tensor(t, &t->file.tensor[i], values);
    }
    bp_release(&t->net.allocator, values);
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bp_status read_file(torch *t, const bp_import_options *options)
{
    const char *format = bp_safetensors_metadata(&t->file, "format");
    if (format && strcmp(format, "backprop-state") == 0) {
        return bp_fail(BP_ERR_STATE,
                       "%s is a checkpoint, not a network: a run that goes on from its folder (--resume) ends with a "
                       "model, which needs no import",
                       t->file.path);
    }
    if (bp_safetensors_metadata(&t->file, "net")) {
        return bp_fail(BP_ERR_STATE, "%s is a model already: it needs no import", t->file.path);
    }
    bp_status status = list_matrices(t);
    if (status == BP_OK && !options->net) {
        return ask_for_net(t);
    }
    status = status == BP_OK ? make_layers(t, options) : status;
    return status == BP_OK ? read_tensors(t) : status;
}

bp_status bp_torch_read(bp_model **out, const char *path, const bp_import_options *options)
{
    torch t = {
        .net = {.allocator = bp_allocator_or_default(options->allocator), .path = path, .format = "safetensors"}};
    bp_status status = bp_safetensors_open(&t.file, path, &t.net.allocator);
    status = status == BP_OK ? read_file(&t, options) : status;
    status = status == BP_OK ? bp_import_build(out, &t.net, options) : status;
    bp_import_release(&t.net);
    bp_release(&t.net.allocator, t.matrix);
    bp_safetensors_close(&t.file);
    return status;
}
