/* metadata.c - the texts that describe a model, read: options of the network, then what travels with it. What they are is
 * specified in docs/formats.md; model_save.c writes them. */
#include "format/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/model_slots.h"

static const char *text_of(const bp_metadata *f, const char *key)
{
    return json_string_value(json_object_get(f->object, key));
}

/* Whether it is of a version that is known here. */
static bp_status check_version(const bp_metadata *f)
{
    const char *text = text_of(f, "format_version");
    size_t version;
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
static bp_status need(const char **out, const bp_metadata *f, const char *key)
{
    *out = text_of(f, key);
    return *out ? BP_OK : bp_fail(BP_ERR_FORMAT, "reading %s: \"%s\" is missing in the metadata", f->path, key);
}

static bp_status fail_value(const bp_metadata *f, const char *key, const char *text, const char *expected)
{
    return bp_fail(BP_ERR_FORMAT, "reading %s: \"%s\" in the metadata is \"%.40s\", expected %s", f->path, key, text,
                   expected);
}

static bp_status need_size(size_t *out, const bp_metadata *f, const char *key)
{
    const char *text;
    bp_status status = need(&text, f, key);
    if (status == BP_OK && (!bp_parse_size(out, text) || *out == 0)) {
        status = fail_value(f, key, text, "a positive number");
    }
    return status;
}

static bp_status need_seed(uint64_t *out, const bp_metadata *f)
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

static bp_status need_task(bp_task *out, const bp_metadata *f)
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

static bp_status need_type(bp_type *out, const bp_metadata *f)
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

bp_status bp_metadata_options(bp_model_options *o, const bp_metadata *f)
{
    const struct {
        const char **out, *key;
    } text[] = {{&o->net, "net"}, {&o->output, "output"}, {&o->loss, "loss"}, {&o->init, "init"}};
    bp_status status = check_version(f);
    if (status == BP_OK) {
        status = need_size(&o->inputs, f, "inputs");
    }
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
static bp_status read_json(json_t **out, const bp_metadata *f, const char *key)
{
    const char *text = text_of(f, key);
    json_error_t error;
    *out = text ? json_loads(text, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (text && !*out) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: \"%s\" in the metadata is no valid JSON: %s", f->path, key,
                       error.text);
    }
    return BP_OK;
}

typedef bp_status (*scaling_setter)(bp_model *m, size_t count, const double *mean, const double *scale);

static bp_status apply_scaling(bp_model *m, scaling_setter set, const char *key, const bp_metadata *f)
{
    const bp_allocator *a = f->allocator;
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

static bp_status apply_classes(bp_model *m, const bp_metadata *f)
{
    const bp_allocator *a = f->allocator;
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

static bp_status apply_notes(bp_model *m, const bp_metadata *f)
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

bp_status bp_metadata_apply(bp_model *m, const bp_metadata *f)
{
    bp_status status = apply_scaling(m, bp_model_set_scaling, "scaling", f);
    if (status == BP_OK) {
        status = apply_scaling(m, bp_model_set_output_scaling, "output_scaling", f);
    }
    if (status == BP_OK) {
        status = bp_model_set_preparation_text(m, text_of(f, "preprocessing"));
    }
    if (status == BP_OK) {
        status = apply_classes(m, f);
    }
    if (status == BP_OK) {
        status = apply_notes(m, f);
    }
    if (status == BP_OK || status == BP_ERR_MEMORY) {
        return status;
    }
    return bp_fail_context(BP_ERR_FORMAT, "reading %s: ", f->path);
}
