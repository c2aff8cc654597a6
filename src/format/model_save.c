/* model_save.c - writing model files: what their metadata say. The container is safetensors.c, the names of the tensors
 * model_slots.c; docs/formats.md is the specification of all three. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backprop/io.h"
#include "format/model_slots.h"

/* ---- Metadata -------------------------------------------------------------------------------------------- */

/* Sets key to a text; false when memory is out or the text is no UTF-8. */
static bool put(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text)) == 0;
}

/* Sets key to the JSON text of `value`, which is released. Numbers have 17 digits: doubles read back exactly. */
static bool put_json(json_t *object, const char *key, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17));
    bool complete = text && put(object, key, text);
    free(text);
    json_decref(value);
    return complete;
}

static bp_status put_options(json_t *metadata, const bp_model *m)
{
    bp_model_options o = bp_model_describe(m);
    char version[12], seed[24], inputs[24], outputs[24];
    const double *mean, *scale;
    bool scaled = bp_model_output_scaling(m, &mean, &scale) > 0; /* a reader that ignores it would predict nonsense */
    snprintf(version, sizeof version, "%d", scaled ? BP_FORMAT_OUTPUT_SCALING : 1);
    snprintf(seed, sizeof seed, "%" PRIu64, o.seed);
    snprintf(inputs, sizeof inputs, "%zu", o.inputs);
    snprintf(outputs, sizeof outputs, "%zu", o.outputs);
    bool complete = put(metadata, "format", "backprop") && put(metadata, "format_version", version) &&
                    put(metadata, "task", bp_task_name(o.task)) && put(metadata, "net", o.net) &&
                    put(metadata, "output", o.output) && put(metadata, "loss", o.loss) &&
                    put(metadata, "init", o.init) && put(metadata, "seed", seed) && put(metadata, "inputs", inputs) &&
                    put(metadata, "outputs", outputs) && put(metadata, "dtype", bp_type_name(o.type));
    return complete ? BP_OK : bp_fail(BP_ERR_MEMORY, "out of memory for the description of the model");
}

static bp_status put_scaling(json_t *metadata, const char *key, size_t count, const double *mean, const double *scale)
{
    if (count == 0) {
        return BP_OK;
    }
    json_t *means = json_array(), *scales = json_array();
    bool complete = true;
    for (size_t i = 0; i < count && complete; i++) {
        complete = json_array_append_new(means, json_real(mean[i])) == 0 &&
                   json_array_append_new(scales, json_real(scale[i])) == 0;
    }
    json_t *both = json_pack("{s:o, s:o}", "mean", means, "scale", scales);
    complete = put_json(metadata, key, both) && complete;
    return complete ? BP_OK : bp_fail(BP_ERR_NUMERIC, "the %s is not finite, or memory is out", key);
}

static bp_status put_scalings(json_t *metadata, const bp_model *m)
{
    const double *mean, *scale;
    size_t count = bp_model_scaling(m, &mean, &scale);
    bp_status status = put_scaling(metadata, "scaling", count, mean, scale);
    count = bp_model_output_scaling(m, &mean, &scale);
    return status == BP_OK ? put_scaling(metadata, "output_scaling", count, mean, scale) : status;
}

static bp_status put_preparation(json_t *metadata, const bp_model *m)
{
    const char *text = bp_model_preparation_text(m);
    return !text || put(metadata, "preprocessing", text)
               ? BP_OK
               : bp_fail(BP_ERR_DATA, "the text of the preparation is no valid UTF-8, or memory is out");
}

static bp_status put_classes(json_t *metadata, const bp_model *m)
{
    if (!bp_model_class(m, 0)) {
        return BP_OK;
    }
    json_t *names = json_array();
    size_t outputs = bp_model_describe(m).outputs;
    for (size_t i = 0; i < outputs; i++) {
        if (json_array_append_new(names, json_string(bp_model_class(m, i))) != 0) {
            json_decref(names);
            return bp_fail(BP_ERR_DATA, "the name of class %zu is no valid UTF-8, or memory is out", i);
        }
    }
    return put_json(metadata, "classes", names) ? BP_OK : bp_fail(BP_ERR_MEMORY, "out of memory for the class names");
}

static bp_status put_notes(json_t *metadata, const bp_model *m)
{
    const char *key, *value;
    json_t *notes = json_object();
    for (size_t i = 0; bp_model_note_at(m, i, &key, &value); i++) {
        if (!put(notes, key, value)) {
            json_decref(notes);
            return bp_fail(BP_ERR_DATA, "the note \"%.100s\" is no valid UTF-8, or memory is out", key);
        }
    }
    if (json_object_size(notes) == 0) {
        json_decref(notes);
        return BP_OK;
    }
    return put_json(metadata, "notes", notes) ? BP_OK : bp_fail(BP_ERR_MEMORY, "out of memory for the notes");
}

/* The order of the keys is fixed: same model, same bytes. */
bp_status bp_model_metadata(json_t *metadata, const bp_model *m)
{
    bp_status status = put_options(metadata, m);
    if (status == BP_OK) {
        status = put_scalings(metadata, m);
    }
    if (status == BP_OK) {
        status = put_preparation(metadata, m);
    }
    if (status == BP_OK) {
        status = put_classes(metadata, m);
    }
    return status == BP_OK ? put_notes(metadata, m) : status;
}

/* ---- The file ------------------------------------------------------------------------------------------------------ */

static bp_status check_weights(const bp_slots *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const bp_slot *t = &s->slot[i];
        if (!bp_slot_finite(t, bp_param_values(t->node))) {
            return bp_fail(BP_ERR_NUMERIC, "\"%s\" holds numbers that are not finite; such a model cannot predict",
                           t->tensor.name);
        }
    }
    return BP_OK;
}

static bp_status write_slots(bp_writer *w, const bp_slots *s)
{
    void *scratch = bp_slots_scratch(s);
    bp_status status = scratch ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < s->count && status == BP_OK; i++) {
        bp_slot_to_file(scratch, &s->slot[i]);
        status = bp_safetensors_write(w, &s->slot[i].tensor, scratch);
    }
    bp_release(&s->allocator, scratch);
    return status;
}

static bp_status write_model(const bp_slots *s, json_t *metadata, const char *path)
{
    bp_tensor *tensor = bp_alloc(&s->allocator, s->count, sizeof *tensor);
    if (!tensor) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < s->count; i++) {
        tensor[i] = s->slot[i].tensor;
    }
    bp_writer *w;
    bp_status status = bp_safetensors_create(&w, path, metadata, tensor, s->count, &s->allocator);
    bp_release(&s->allocator, tensor);
    if (status != BP_OK) {
        return status;
    }
    status = write_slots(w, s);
    if (status != BP_OK) {
        bp_writer_abandon(w);
        return status;
    }
    return bp_writer_commit(w);
}

bp_status bp_model_save(const bp_model *m, const char *path)
{
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "saving a model: no path was given");
    }
    bp_slots s = {0};
    json_t *metadata = json_object();
    bp_status status = bp_slots_list(&s, m, bp_model_describe(m).allocator);
    if (status == BP_OK) {
        status = check_weights(&s);
    }
    if (status == BP_OK) {
        status = bp_model_metadata(metadata, m);
    }
    if (status != BP_OK) {
        bp_fail_context(status, "saving the model %s: ", path);
    } else {
        status = write_model(&s, metadata, path);
    }
    bp_slots_release(&s);
    json_decref(metadata);
    return status;
}
