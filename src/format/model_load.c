/* model_load.c - reading model files. Nothing in a file is believed before it is checked: the container by safetensors.c,
 * the description of the network and its tensors against each other here. docs/formats.md is the specification. */
#include <stdio.h>
#include <string.h>

#include "backprop/io.h"
#include "format/budget.h"
#include "format/metadata.h"
#include "format/model_slots.h"

/* ---- Metadata ------------------------------------------------------------------------------------------- */

/* Whether this is a model of ours. */
static bp_status check_format(const bp_safetensors *f)
{
    const char *format = bp_safetensors_metadata(f, "format");
    if (format && strcmp(format, "backprop-state") == 0) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: this is a checkpoint, not a model: a run that goes on from its folder (--resume) "
                       "ends with one",
                       f->path);
    }
    if (!format || strcmp(format, "backprop") != 0) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: a safetensors file of another program (%zu tensors): its metadata does not say \"format\": "
            "\"backprop\" and does not describe a network; import makes a model of the weights in it",
            f->path, f->count);
    }
    return BP_OK;
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

/* Makes the described network once with all weights zero and little memory, and compares it with the tensors. */
static bp_status try_network(const bp_model_options *options, const bp_safetensors *f)
{
    bp_budget b = bp_budget_for(bp_reader_file_bytes(f->reader), 16, &f->allocator);
    bp_allocator limited = bp_budget_allocator(&b);
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

static bp_metadata metadata_of(const bp_safetensors *f)
{
    return (bp_metadata){f->path, json_object_get(f->header, "__metadata__"), &f->allocator};
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
    bp_metadata texts = metadata_of(f);
    return bp_metadata_apply(m, &texts);
}

static bp_status load_model(bp_model **out, bp_safetensors *f)
{
    bp_model_options o = bp_model_defaults();
    bp_status status = check_format(f);
    if (status == BP_OK) {
        bp_metadata texts = metadata_of(f);
        status = bp_metadata_options(&o, &texts);
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
