/* model_load.c - reading model files. Nothing in a file is believed before it is checked: the container by safetensors.c,
 * the description of the network and its tensors against each other here. docs/formats.md is the specification. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backprop/io.h"
#include "format/model_slots.h"

/* ---- Metadata ------------------------------------------------------------------------------------------- */

/* Whether this is a model of ours, of a version that is known here. */
static bp_status check_format(const bp_safetensors *f)
{
    const char *format = bp_safetensors_metadata(f, "format"), *text = bp_safetensors_metadata(f, "format_version");
    size_t version;
    if (!format || strcmp(format, "backprop") != 0) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: a safetensors file of another program (%zu tensors): its metadata does not say \"format\": "
            "\"backprop\" and does not describe a network; only files written by bp_model_save can be loaded",
            f->path, f->count);
    }
    if (!text || !bp_parse_size(&version, text) || version == 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: \"format_version\" in the metadata is missing or no number",
                       f->path);
    }
    if (version > BP_FORMAT_VERSION) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: written in version %zu of the model format by a newer version of the library; this one "
            "(%s) knows versions up to %d: update it, or save the model with an older one",
            f->path, version, bp_version(), BP_FORMAT_VERSION);
    }
    return BP_OK;
}

/* A text of the metadata that must be there. */
static bp_status need(const char **out, const bp_safetensors *f, const char *key)
{
    *out = bp_safetensors_metadata(f, key);
    return *out ? BP_OK : bp_fail(BP_ERR_FORMAT, "reading %s: \"%s\" is missing in the metadata", f->path, key);
}

static bp_status fail_value(const bp_safetensors *f, const char *key, const char *text, const char *expected)
{
    return bp_fail(BP_ERR_FORMAT, "reading %s: \"%s\" in the metadata is \"%.40s\", expected %s", f->path, key, text,
                   expected);
}

static bp_status need_size(size_t *out, const bp_safetensors *f, const char *key)
{
    const char *text;
    bp_status status = need(&text, f, key);
    if (status == BP_OK && (!bp_parse_size(out, text) || *out == 0)) {
        status = fail_value(f, key, text, "a positive number");
    }
    return status;
}

static bp_status need_seed(uint64_t *out, const bp_safetensors *f)
{
    const char *text;
    bp_status status = need(&text, f, "seed");
    if (status != BP_OK) {
        return status;
    }
    errno = 0;
    *out = strtoull(text, NULL, 10);
    bool digits = *text && strspn(text, "0123456789") == strlen(text);
    return digits && errno == 0 ? BP_OK : fail_value(f, "seed", text, "a number below 2^64");
}

static bp_status need_task(bp_task *out, const bp_safetensors *f)
{
    static const bp_task tasks[] = {BP_CLASSIFY, BP_REGRESS};
    const char *text;
    bp_status status = need(&text, f, "task");
    for (size_t i = 0; status == BP_OK && i < sizeof tasks / sizeof *tasks; i++) {
        if (strcmp(text, bp_task_name(tasks[i])) == 0) {
            *out = tasks[i];
            return BP_OK;
        }
    }
    return status == BP_OK ? fail_value(f, "task", text, "the name of a task") : status;
}

static bp_status need_type(bp_type *out, const bp_safetensors *f)
{
    const char *text;
    bp_status status = need(&text, f, "dtype");
    for (bp_type t = BP_F32; status == BP_OK && t <= BP_F64; t++) {
        if (strcmp(text, bp_type_name(t)) == 0) {
            *out = t;
            return BP_OK;
        }
    }
    return status == BP_OK ? fail_value(f, "dtype", text, "f32 or f64") : status;
}

/* What the model was made of. The texts belong to f. */
static bp_status read_options(bp_model_options *o, const bp_safetensors *f)
{
    const struct {
        const char **out, *key;
    } text[] = {{&o->net, "net"}, {&o->output, "output"}, {&o->loss, "loss"}, {&o->init, "init"}};
    bp_status status = need_size(&o->inputs, f, "inputs");
    if (status == BP_OK) {
        status = need_size(&o->outputs, f, "outputs");
    }
    if (status == BP_OK) {
        status = need_task(&o->task, f);
    }
    if (status == BP_OK) {
        status = need_type(&o->type, f);
    }
    if (status == BP_OK) {
        status = need_seed(&o->seed, f);
    }
    for (size_t i = 0; status == BP_OK && i < sizeof text / sizeof *text; i++) {
        status = need(text[i].out, f, text[i].key);
    }
    return status;
}

/* The JSON text under a key, parsed; *out = NULL where there is none. */
static bp_status read_json(json_t **out, const bp_safetensors *f, const char *key)
{
    const char *text = bp_safetensors_metadata(f, key);
    json_error_t error;
    *out = text ? json_loads(text, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (text && !*out) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: \"%s\" in the metadata is no valid JSON: %s", f->path, key,
                       error.text);
    }
    return BP_OK;
}

typedef bp_status (*scaling_setter)(bp_model *m, size_t count, const double *mean, const double *scale);

static bp_status apply_scaling(bp_model *m, scaling_setter set, const char *key, const bp_safetensors *f)
{
    const bp_allocator *a = &f->allocator;
    json_t *both;
    bp_status status = read_json(&both, f, key);
    if (!both) {
        return status;
    }
    const json_t *mean = json_object_get(both, "mean"), *scale = json_object_get(both, "scale");
    size_t count = json_array_size(mean);
    double *values = bp_alloc(a, count, 2 * sizeof *values);
    bool good = count > 0 && json_array_size(scale) == count;
    for (size_t i = 0; values && good && i < count; i++) {
        const json_t *x = json_array_get(mean, i), *y = json_array_get(scale, i);
        good = json_is_number(x) && json_is_number(y);
        values[i] = json_number_value(x);
        values[count + i] = json_number_value(y);
    }
    json_decref(both);
    if (!values) {
        return BP_ERR_MEMORY;
    }
    status = good ? set(m, count, values, values + count)
                  : bp_fail(BP_ERR_FORMAT, "\"%s\" is not two lists of numbers of the same length", key);
    bp_release(a, values);
    return status;
}

static bp_status apply_classes(bp_model *m, const bp_safetensors *f, const bp_allocator *a)
{
    json_t *list;
    bp_status status = read_json(&list, f, "classes");
    if (!list) {
        return status;
    }
    size_t outputs = bp_model_describe(m).outputs;
    bool good = json_array_size(list) == outputs;
    const char **names = bp_alloc(a, outputs, sizeof *names);
    for (size_t i = 0; names && good && i < outputs; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        good = names[i] != NULL;
    }
    if (!names) {
        status = BP_ERR_MEMORY;
    } else {
        status = good ? bp_model_set_classes(m, names)
                      : bp_fail(BP_ERR_FORMAT, "\"classes\" is not a list of %zu texts, one an output", outputs);
    }
    bp_release(a, names);
    json_decref(list);
    return status;
}

static bp_status apply_notes(bp_model *m, const bp_safetensors *f)
{
    json_t *notes, *value;
    const char *key;
    bp_status status = read_json(&notes, f, "notes");
    if (notes && !json_is_object(notes)) {
        status = bp_fail(BP_ERR_FORMAT, "\"notes\" is no JSON object");
    }
    json_object_foreach(notes, key, value)
    {
        if (status == BP_OK) {
            status = json_is_string(value) ? bp_model_set_note(m, key, json_string_value(value))
                                           : bp_fail(BP_ERR_FORMAT, "the note \"%.100s\" is no text", key);
        }
    }
    json_decref(notes);
    return status;
}

/* ---- Tensors -------------------------------------------------------------------------------------------- */

static bool same_shape(const bp_shape *a, const bp_shape *b)
{
    return a->dims == b->dims && memcmp(a->dim, b->dim, (size_t)a->dims * sizeof *a->dim) == 0;
}

/* "[128, 784] of type F32" */
static const char *tensor_text(char *out, size_t room, const bp_tensor *t, const char *dtype)
{
    size_t used = (size_t)snprintf(out, room, "[");
    for (int i = 0; i < t->shape.dims && used < room; i++) {
        used += (size_t)snprintf(out + used, room - used, "%s%zu", i ? ", " : "", t->shape.dim[i]);
    }
    if (used < room) {
        snprintf(out + used, room - used, "] of type %s", dtype);
    }
    return out;
}

/* Every tensor that the network needs is there, with the right type and shape, and none besides. */
static bp_status check_tensors(const bp_slots *s, const bp_safetensors *f)
{
    for (size_t i = 0; i < s->count; i++) {
        const bp_tensor *need = &s->slot[i].tensor;
        size_t at = bp_safetensors_find(f, need->name);
        const char *dtype = need->type == BP_F32 ? "F32" : "F64";
        char expected[128], found[128];
        tensor_text(expected, sizeof expected, need, dtype);
        if (at == f->count) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%s\" %s is missing", f->path, need->name, expected);
        }
        if (f->tensor[at].type != need->type || !same_shape(&f->tensor[at].shape, &need->shape)) {
            tensor_text(found, sizeof found, &f->tensor[at], f->tensor[at].dtype);
            return bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%s\" is %s, expected %s", f->path, need->name, found,
                           expected);
        }
    }
    for (size_t i = 0; i < f->count; i++) {
        if (!bp_slots_find(s, f->tensor[i].name)) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: unexpected tensor \"%.100s\": the network has no such parameter",
                           f->path, f->tensor[i].name);
        }
    }
    return BP_OK;
}

/* Reads the tensors in the order of the file into the parameters. */
static bp_status read_tensors(const bp_slots *s, bp_safetensors *f)
{
    void *scratch = bp_slots_scratch(s);
    bp_status status = scratch ? BP_OK : BP_ERR_MEMORY;
    while (status == BP_OK && f->next < f->count) {
        const bp_slot *t = bp_slots_find(s, f->tensor[f->next].name);
        status = bp_safetensors_read_next(f, scratch);
        if (status != BP_OK) {
            break;
        }
        if (bp_slot_finite(t, scratch)) {
            bp_slot_from_file(t, scratch);
        } else {
            status = bp_fail(BP_ERR_FORMAT, "reading %s: tensor \"%s\" holds numbers that are not finite", f->path,
                             t->tensor.name);
        }
    }
    bp_release(&s->allocator, scratch);
    return status == BP_OK ? bp_reader_finish(f->reader) : status;
}

/* ---- The model ------------------------------------------------------------------------------------------ */

/* An allocator with a limit, so that a damaged description cannot claim more memory than its file could fill. Each block
 * begins with its size, in a cache line of its own. */
typedef struct budget {
    bp_allocator allocator;
    size_t left;
    bool starved; /* there was less memory than that */
} budget;

static void *budget_alloc(void *ctx, size_t bytes)
{
    budget *b = ctx;
    if (b->left < BP_ALIGN || bytes > b->left - BP_ALIGN) {
        return NULL;
    }
    char *block = b->allocator.alloc(b->allocator.ctx, bytes + BP_ALIGN);
    if (!block) {
        b->starved = true;
        return NULL;
    }
    bytes += BP_ALIGN;
    b->left -= bytes;
    memcpy(block, &bytes, sizeof bytes);
    return block + BP_ALIGN;
}

static void budget_release(void *ctx, void *block)
{
    budget *b = ctx;
    size_t bytes;
    memcpy(&bytes, (char *)block - BP_ALIGN, sizeof bytes);
    b->left += bytes;
    b->allocator.release(b->allocator.ctx, (char *)block - BP_ALIGN);
}

/* Makes the described network once with all weights zero and little memory, and compares it with the tensors. */
static bp_status try_network(const bp_model_options *options, const bp_safetensors *f)
{
    enum { USUAL = 1 << 22 }; /* bytes: nodes and names */
    size_t file = bp_reader_file_bytes(f->reader);
    budget b = {f->allocator, file < (SIZE_MAX - USUAL) / 16 ? 16 * file + USUAL : SIZE_MAX, false};
    bp_allocator limited = {budget_alloc, budget_release, &b};
    bp_model_options o = *options;
    o.init = "zeros";
    o.allocator = &limited;
    bp_model *m;
    bp_status status = bp_model_new(&m, &o);
    if (b.starved) {
        return BP_ERR_MEMORY;
    }
    if (status != BP_OK) {
        return bp_fail_context(
            BP_ERR_FORMAT,
            "reading %s: the network that the metadata describe cannot be made from this file: ", f->path);
    }
    bp_slots s = {0};
    status = bp_slots_list(&s, m, &f->allocator);
    if (status == BP_OK) {
        status = check_tensors(&s, f);
    }
    bp_slots_release(&s);
    bp_model_free(m);
    return status;
}

static bp_status fill_model(bp_model *m, bp_safetensors *f)
{
    bp_slots s = {0};
    bp_status status = bp_slots_list(&s, m, &f->allocator);
    if (status == BP_OK) {
        status = read_tensors(&s, f);
    }
    bp_slots_release(&s);
    if (status != BP_OK) {
        return status;
    }
    status = apply_scaling(m, bp_model_set_scaling, "scaling", f);
    if (status == BP_OK) {
        status = apply_scaling(m, bp_model_set_output_scaling, "output_scaling", f);
    }
    if (status == BP_OK) {
        status = bp_model_set_preparation_text(m, bp_safetensors_metadata(f, "preprocessing"));
    }
    if (status == BP_OK) {
        status = apply_classes(m, f, &f->allocator);
    }
    if (status == BP_OK) {
        status = apply_notes(m, f);
    }
    if (status == BP_OK || status == BP_ERR_MEMORY) {
        return status;
    }
    return bp_fail_context(BP_ERR_FORMAT, "reading %s: ", f->path);
}

static bp_status load_model(bp_model **out, bp_safetensors *f)
{
    bp_model_options o = bp_model_defaults();
    bp_status status = check_format(f);
    if (status == BP_OK) {
        status = read_options(&o, f);
    }
    if (status == BP_OK) {
        status = try_network(&o, f);
    }
    if (status != BP_OK) {
        return status;
    }
    o.allocator = &f->allocator;
    bp_model *m;
    status = bp_model_new(&m, &o);
    if (status != BP_OK) {
        return bp_fail_context(status == BP_ERR_MEMORY ? status : BP_ERR_FORMAT, "reading %s: ", f->path);
    }
    status = fill_model(m, f);
    if (status != BP_OK) {
        bp_model_free(m);
        return status;
    }
    *out = m;
    return BP_OK;
}

bp_status bp_model_load(bp_model **out, const char *path, const bp_allocator *allocator)
{
    *out = NULL;
    bp_safetensors f;
    bp_status status = bp_safetensors_open(&f, path, allocator);
    if (status == BP_OK) {
        status = load_model(out, &f);
    }
    bp_safetensors_close(&f);
    return status;
}
