/* import.c - models of other libraries: which library a file is of, and plain layers as a model. */
#include <math.h>
#include <string.h>

#include "data/file.h"
#include "format/import.h"
#include "nn/net.h"

typedef struct import_format {
    bp_import_format info;
    bool (*is)(const unsigned char *head, size_t bytes);
    bp_status (*read)(bp_model **out, const char *path, const bp_import_options *options);
} import_format;

/* In the order in which they are asked. */
static const import_format formats[] = {
    {{"FANN", "a .net file of FANN, version 2.1, with floating-point numbers"}, bp_fann_is, bp_fann_read},
    {{"KANN", "a dense network of KANN"}, bp_kann_is, bp_kann_read},
    {{"safetensors", "weights of a torch.nn.Sequential in a safetensors file"}, bp_torch_is, bp_torch_read},
    {{"genann", "the text of genann"}, bp_genann_is, bp_genann_read},
    {{"ONNX", "an ONNX graph of layers that follow each other"}, bp_onnx_is, bp_onnx_read},
};
enum { FORMATS = sizeof formats / sizeof *formats, HEAD = 64 };

bp_import_format bp_import_format_list(size_t index)
{
    return index < FORMATS ? formats[index].info : (bp_import_format){NULL, NULL};
}

bp_import_options bp_import_defaults(void)
{
    return (bp_import_options){0};
}

/* ---- layers ------------------------------------------------------------------------------------------------------ */

bp_status bp_import_layers(bp_import_net *n, size_t count)
{
    n->layer = bp_alloc(&n->allocator, count, sizeof *n->layer);
    n->count = n->layer ? count : 0;
    return n->layer ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_import_weights(bp_import_net *n, size_t layer, size_t inputs, size_t units)
{
    bp_import_layer *l = &n->layer[layer];
    size_t elements;
    if (!bp_mul_size(&elements, inputs, units)) {
        return bp_fail(BP_ERR_MEMORY, "reading %s: layer %zu has %zu inputs and %zu units, more than fits", n->path,
                       layer + 1, inputs, units);
    }
    l->inputs = inputs;
    l->units = units;
    l->w = bp_alloc(&n->allocator, elements, sizeof *l->w);
    l->b = bp_alloc(&n->allocator, units, sizeof *l->b);
    return l->w && l->b ? BP_OK : BP_ERR_MEMORY;
}

void bp_import_release(bp_import_net *n)
{
    for (size_t i = 0; i < n->count; i++) {
        bp_release(&n->allocator, n->layer[i].w);
        bp_release(&n->allocator, n->layer[i].b);
    }
    bp_release(&n->allocator, n->layer);
    n->layer = NULL;
    n->count = 0;
}

bp_status bp_import_refuse(const char *path, const char *format, const char *value, const char *option)
{
    return value ? bp_fail(BP_ERR_ARGUMENT, "reading %s: %s \"%s\" was given, but a file of %s says that itself", path,
                           option, value, format)
                 : BP_OK;
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

/* The hidden layers as bp_model_options has them. */
static char *net_text(const bp_import_net *n)
{
    bp_net net = {n->allocator, bp_alloc(&n->allocator, 2 * n->count + 1, sizeof *net.layers), 0};
    if (net.layers && n->dropout > 0) {
        net.layers[net.count++] = (bp_layer){.id = BP_LAYER_DROPOUT, .rate = n->dropout};
    }
    for (size_t i = 0; net.layers && i + 1 < n->count; i++) {
        const bp_import_layer *l = &n->layer[i];
        net.layers[net.count++] = (bp_layer){.id = BP_LAYER_DENSE, .units = l->units, .f = l->f};
        if (l->dropout > 0) {
            net.layers[net.count++] = (bp_layer){.id = BP_LAYER_DROPOUT, .rate = l->dropout};
        }
    }
    char *text = net.layers ? bp_net_print(&net) : NULL;
    bp_net_free(&net);
    return text;
}

bp_status bp_import_task(bp_task *task, const bp_import_options *options)
{
    static const bp_task tasks[] = {BP_CLASSIFY, BP_REGRESS};
    if (!options->task) {
        return BP_OK;
    }
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        if (strcmp(options->task, bp_task_name(tasks[i])) == 0) {
            *task = tasks[i];
            return BP_OK;
        }
    }
    return bp_fail(BP_ERR_ARGUMENT, "unknown task \"%s\" (valid: classify, regress)", options->task);
}

/* Refuses values that are not finite as numbers of the model's type. */
static bp_status set_values(bp_node *param, const double *values, const bp_import_net *n, size_t layer)
{
    for (size_t i = 0; i < bp_node_size(param); i++) {
        if (!isfinite(n->type == BP_F32 ? (double)(float)values[i] : values[i])) {
            return bp_fail(BP_ERR_NUMERIC, "reading %s: layer %zu has a weight of %g, which %s does not have", n->path,
                           layer + 1, values[i], bp_type_name(n->type));
        }
    }
    return bp_param_set(param, values);
}

static bp_status set_weights(bp_model *m, const bp_import_net *n)
{
    bp_layer_info info;
    size_t done = 0;
    bp_status status = BP_OK;
    for (size_t i = 0; status == BP_OK && done < n->count && bp_model_layer(m, i, &info); i++) {
        if (info.w) {
            status = set_values(info.w, n->layer[done].w, n, done);
            status = status == BP_OK ? set_values(info.b, n->layer[done].b, n, done) : status;
            done++;
        }
    }
    return status;
}

/* One unit answers for two classes, and only softmax has two of them for two classes. */
static bp_status check_units(const bp_import_net *n, const bp_model_options *o)
{
    const bp_import_layer *last = &n->layer[n->count - 1];
    if (o->task == BP_CLASSIFY && last->units == 2 && last->f != BP_SOFTMAX) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "reading %s: two %s units that tell two classes apart are not supported: leave the task out, "
                       "and the model answers with their two numbers",
                       n->path, bp_activation_name(last->f));
    }
    return BP_OK;
}

static bp_status finish(bp_model *m, const bp_import_net *n)
{
    bp_status status = set_weights(m, n);
    return status == BP_OK ? bp_model_set_note(m, "imported_from", n->format) : status;
}

bp_status bp_import_build(bp_model **out, const bp_import_net *n, const bp_import_options *options)
{
    const bp_import_layer *last = &n->layer[n->count - 1];
    bp_model_options o = bp_model_defaults();
    o.task = last->f == BP_SOFTMAX ? BP_CLASSIFY : BP_REGRESS;
    bp_status status = bp_import_task(&o.task, options);
    status = status == BP_OK ? check_units(n, &o) : status;
    char *text = status == BP_OK ? net_text(n) : NULL;
    if (!text) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    o.inputs = n->layer[0].inputs;
    o.outputs = o.task == BP_CLASSIFY && last->units == 1 ? 2 : last->units;
    o.net = n->net ? n->net : text;
    o.output = bp_activation_name(last->f);
    o.loss = options->loss ? options->loss : o.task == BP_REGRESS ? n->loss : NULL;
    o.init = "zeros";
    o.type = n->type;
    o.allocator = &n->allocator;
    bp_model *m = NULL;
    status = bp_model_new(&m, &o);
    bp_release(&n->allocator, text);
    status = status == BP_OK ? finish(m, n) : bp_fail_context(status, "reading %s: ", n->path);
    if (status != BP_OK) {
        bp_model_free(m);
        return status;
    }
    *out = m;
    return BP_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* What people try first, and what to do instead. */
static const struct {
    const char *head;
    size_t bytes;
    const char *advice;
} elsewhere[] = {
    {"PK\3\4", 4,
     "is a zip archive, perhaps of torch.save or Keras: save the weights with safetensors.torch.save_file, or export "
     "the "
     "network to ONNX"},
    {"\x80\2", 2, "is a pickle of Python, which is a program rather than data: export the network to ONNX"},
    {"\x80\3", 2, "is a pickle of Python, which is a program rather than data: export the network to ONNX"},
    {"\x80\4", 2, "is a pickle of Python, which is a program rather than data: export the network to ONNX"},
    {"\x80\5", 2, "is a pickle of Python, which is a program rather than data: export the network to ONNX"},
    {"\x89HDF", 4, "is an HDF5 file, perhaps of Keras: export the network to ONNX, with tf2onnx for one"},
};

static bp_status fail_unknown(const char *path, const unsigned char *head, size_t bytes)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        if (bytes >= elsewhere[i].bytes && memcmp(head, elsewhere[i].head, elsewhere[i].bytes) == 0) {
            return bp_fail(BP_ERR_FORMAT, "%s %s", path, elsewhere[i].advice);
        }
    }
    char list[400] = "";
    for (size_t i = 0; i < FORMATS; i++) {
        if (i) {
            strncat(list, "; ", sizeof list - strlen(list) - 1);
        }
        strncat(list, formats[i].info.summary, sizeof list - strlen(list) - 1);
    }
    return bp_fail(BP_ERR_FORMAT, "%s is of no kind that can be imported (there are: %s)", path, list);
}

bp_status bp_model_import(bp_model **out, const char *path, const bp_import_options *options)
{
    unsigned char head[HEAD];
    bp_reader *r;
    bp_import_options o = options ? *options : bp_import_defaults();
    *out = NULL;
    bp_status status = bp_reader_open(&r, path, false, o.allocator);
    if (status != BP_OK) {
        return status;
    }
    size_t bytes = bp_reader_most(r) < HEAD ? bp_reader_most(r) : HEAD;
    status = bp_reader_read(r, head, bytes, "beginning");
    bp_reader_close(r);
    for (size_t i = 0; status == BP_OK && i < FORMATS; i++) {
        if (formats[i].is(head, bytes)) {
            return formats[i].read(out, path, &o);
        }
    }
    return status == BP_OK ? fail_unknown(path, head, bytes) : status;
}
