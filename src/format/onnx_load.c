/* onnx_load.c - reading ONNX files: the message, its names, the walk through its nodes, and which of the outputs is meant. What
 * the operators do is in onnx_ops.c and onnx_element.c, what becomes of it in onnx_chain.c.
 *
 * Files that this library wrote describe their model in metadata_props; that is believed as far as the tensors agree. */
#include "backprop/io.h"
#include "data/file.h"
#include "format/budget.h"
#include "format/import.h"
#include "format/metadata.h"
#include "format/model_slots.h"
#include "format/onnx_graph.h"
#include "format/onnx_in.h"

#include <math.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* A hash table with open addressing; never more than half full. */
typedef struct bp_onnx_names {
    size_t room; /* a power of 2 */
    struct {
        const char *name;
        const bp_onnx_value *value;
    } entry[];
} bp_onnx_names;

static size_t place_of(const bp_onnx_names *t, const char *name)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *p = name; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    }
    size_t at = (size_t)hash & (t->room - 1);
    while (t->entry[at].name && strcmp(t->entry[at].name, name) != 0) {
        at = (at + 1) & (t->room - 1);
    }
    return at;
}

static bp_status make_names(bp_onnx_in *in)
{
    const BpOnnx__Graph *g = in->model->graph;
    size_t names = g->n_initializer + g->n_input, room = 16;
    for (size_t i = 0; i < g->n_node; i++) {
        names += g->node[i]->n_output;
    }
    while (room < 2 * names + 2) {
        room *= 2;
    }
    in->names = bp_pool_alloc(&in->pool, 1, sizeof *in->names + room * sizeof in->names->entry[0]);
    if (!in->names) {
        return BP_ERR_MEMORY;
    }
    in->names->room = room;
    return BP_OK;
}

static const bp_onnx_value *find(const bp_onnx_in *in, const char *name)
{
    return in->names->entry[place_of(in->names, name)].value;
}

static bp_status define(bp_onnx_in *in, const char *name, const bp_onnx_value *v)
{
    size_t at = place_of(in->names, name);
    if (in->names->entry[at].name) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the name \"%.80s\" is given twice", in->path, name);
    }
    in->names->entry[at].name = name;
    in->names->entry[at].value = v;
    return BP_OK;
}

static bp_onnx_value *new_value(bp_onnx_in *in, const bp_onnx_value *v)
{
    bp_onnx_value *copy = bp_pool_alloc(&in->pool, 1, sizeof *copy);
    if (copy) {
        *copy = *v;
    }
    return copy;
}

/* ---- constants and inputs ---------------------------------------------------------------------------------------- */

static bp_status define_initializers(bp_onnx_in *in)
{
    const BpOnnx__Graph *g = in->model->graph;
    for (size_t i = 0; i < g->n_initializer; i++) {
        bp_onnx_value v = {.kind = BP_ONNX_CONSTANT};
        bp_status status = bp_onnx_tensor_read(&v.tensor, in, g->initializer[i]);
        if (status == BP_ERR_UNSUPPORTED) { /* it matters only where it is used */
            v.kind = BP_ONNX_UNKNOWN;
            v.why = bp_pool_copy(&in->pool, bp_error());
            status = v.why ? BP_OK : BP_ERR_MEMORY;
        }
        const bp_onnx_value *kept = status == BP_OK ? new_value(in, &v) : NULL;
        if (!kept) {
            return status == BP_OK ? BP_ERR_MEMORY : status;
        }
        status = define(in, g->initializer[i]->name, kept);
        if (status != BP_OK) {
            return status;
        }
    }
    return BP_OK;
}

/* [N, 1, 28, 28]: the first dimension is the batch, the others are those of a row. */
static bp_status read_input(bp_onnx_value *v, const bp_onnx_in *in, const BpOnnx__ValueInfo *info)
{
    const BpOnnx__TensorType *t = info->type ? info->type->tensor_type : NULL;
    const BpOnnx__Shape *shape = t ? t->shape : NULL;
    *v = (bp_onnx_value){.kind = BP_ONNX_DATA, .columns = 1};
    if (!shape || shape->n_dim < 2 || shape->n_dim - 1 > BP_ONNX_DIMS || t->elem_type == BP_ONNX_STRING) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "reading %s: the input \"%.80s\" is no batch of numbers with a known shape, like [N, 10]",
                       in->path, info->name);
    }
    v->dims = (int)shape->n_dim - 1;
    for (int d = 0; d < v->dims; d++) {
        int64_t size = shape->dim[d + 1]->dim_value;
        if (size <= 0 || size > INT32_MAX || !bp_mul_size(&v->columns, v->columns, (size_t)size) ||
            v->columns > INT32_MAX) {
            return bp_fail(
                BP_ERR_UNSUPPORTED,
                "reading %s: the input \"%.80s\" has a dimension (number %d) that is not known or too large; "
                "only the first one, the batch, may be open",
                in->path, info->name, d + 1);
        }
        v->dim[d] = (size_t)size;
    }
    return BP_OK;
}

static bp_status define_inputs(bp_onnx_in *in)
{
    const BpOnnx__Graph *g = in->model->graph;
    const char *seen = NULL;
    for (size_t i = 0; i < g->n_input; i++) {
        bp_onnx_value v;
        const bp_onnx_value *there = find(in, g->input[i]->name);
        if (there && there->kind != BP_ONNX_DATA) { /* a constant that is listed as an input, too */
            continue;
        }
        if (seen) {
            return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: inputs \"%.80s\" and \"%.80s\"; one is supported", in->path,
                           seen, g->input[i]->name);
        }
        bp_status status = read_input(&v, in, g->input[i]);
        bp_onnx_stage *s = status == BP_OK ? bp_pool_alloc(&in->pool, 1, sizeof *s) : NULL;
        if (!s) {
            return status == BP_OK ? BP_ERR_MEMORY : status;
        }
        *s = (bp_onnx_stage){.n = v.columns, .alpha = 1};
        v.stage = s;
        bp_onnx_identity(&v);
        const bp_onnx_value *kept = new_value(in, &v);
        status = kept ? define(in, g->input[i]->name, kept) : BP_ERR_MEMORY;
        if (status != BP_OK) {
            return status;
        }
        seen = g->input[i]->name;
    }
    return seen ? BP_OK : bp_fail(BP_ERR_UNSUPPORTED, "reading %s: the graph has no input", in->path);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

/* The values that a node takes; the last ones may be missing. */
static bp_status gather_inputs(const bp_onnx_value ***out, bp_onnx_in *in)
{
    const BpOnnx__Node *n = in->node;
    char here[160];
    *out = bp_pool_alloc(&in->pool, n->n_input + 1, sizeof **out);
    for (size_t i = 0; *out && i < n->n_input; i++) {
        (*out)[i] = *n->input[i] ? find(in, n->input[i]) : NULL;
        if (*n->input[i] && !(*out)[i]) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: %s takes \"%.80s\", which nothing before it gives", in->path,
                           bp_onnx_here(in, here), n->input[i]);
        }
    }
    return *out ? BP_OK : BP_ERR_MEMORY;
}

static const bp_onnx_value *first_of(const bp_onnx_value *const *a, size_t count, bp_onnx_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] && a[i]->kind == kind) {
            return a[i];
        }
    }
    return NULL;
}

/* The domain of the usual operators has two names. */
static const char *plain_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

static bp_onnx_handler handler_of(const BpOnnx__Node *n, const bp_onnx_value *const *a)
{
    const char *domain = plain_domain(n->domain);
    if (first_of(a, n->n_input, BP_ONNX_LABEL)) {
        return bp_onnx_structure_handler("ai.onnx.ml", "LabelEncoder"); /* whatever it does: it is about the class */
    }
    bp_onnx_handler handler = bp_onnx_structure_handler(domain, n->op_type);
    return handler || *domain ? handler : bp_onnx_element_handler(n->op_type);
}

static bp_status run_node(bp_onnx_value *out, bp_onnx_in *in, const bp_onnx_value *const *a)
{
    const BpOnnx__Node *n = in->node;
    const bp_onnx_value *unknown = first_of(a, n->n_input, BP_ONNX_UNKNOWN);
    if (unknown) {
        *out = *unknown;
        return BP_OK;
    }
    bp_onnx_handler handler = handler_of(n, a);
    if (!handler) {
        return bp_fail(BP_ERR_UNSUPPORTED, "this operator%s%s is not supported", *n->domain ? " of " : "", n->domain);
    }
    if (strcmp(n->op_type, "Constant") != 0 && (n->n_input == 0 || !a[0])) {
        return bp_fail(BP_ERR_FORMAT, "it has no input");
    }
    return handler(out, in, a, n->n_input);
}

static bool same_answer(const bp_onnx_value *a, const bp_onnx_value *b)
{
    bool same = a->kind == b->kind && a->stage == b->stage && a->pair == b->pair;
    for (size_t i = 0; i < sizeof a->f / sizeof *a->f && same; i++) {
        same = a->f[i] == b->f[i] || (isnan(a->f[i]) && isnan(b->f[i]));
    }
    return same;
}

/* The outputs of a node: v, and behind it what is of use in training alone, such as the mask of Dropout. */
static bp_status define_outputs(bp_onnx_in *in, const bp_onnx_value *v, const char *here)
{
    const BpOnnx__Node *n = in->node;
    const bp_onnx_value *kept = new_value(in, v), *rest = NULL;
    bp_status status = kept ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < n->n_output && status == BP_OK; i++) {
        if (i == 1) {
            bp_fail(BP_ERR_UNSUPPORTED, "reading %s: %s: only its first output is supported", in->path, here);
            bp_onnx_value unknown = {.kind = BP_ONNX_UNKNOWN, .why = bp_pool_copy(&in->pool, bp_error())};
            rest = unknown.why ? new_value(in, &unknown) : NULL;
            status = rest ? BP_OK : BP_ERR_MEMORY;
        }
        status = status == BP_OK && *n->output[i] ? define(in, n->output[i], i ? rest : kept) : status;
    }
    return status;
}

/* Runs the node; what it cannot do is remembered in its output, and an error only where that is needed. */
static bp_status visit(bp_onnx_in *in)
{
    const BpOnnx__Node *n = in->node;
    const bp_onnx_value **a;
    char here[160];
    bp_onnx_value v = {0};
    bp_status status = gather_inputs(&a, in);
    if (status != BP_OK) {
        return status;
    }
    status = run_node(&v, in, a);
    bp_onnx_here(in, here);
    if (status == BP_ERR_UNSUPPORTED) {
        bp_fail_context(status, "reading %s: %s: ", in->path, here);
        v = (bp_onnx_value){.kind = BP_ONNX_UNKNOWN, .why = bp_pool_copy(&in->pool, bp_error())};
        status = v.why ? BP_OK : BP_ERR_MEMORY;
    } else if (status != BP_OK) {
        return bp_fail_context(status, "reading %s: %s: ", in->path, here);
    }
    /* a message about what is computed should name the node that computes, not one that passes it on */
    bool passed = n->n_input && a[0] && a[0]->at && same_answer(a[0], &v);
    v.at = passed ? a[0]->at : bp_pool_copy(&in->pool, here);
    return v.at && status == BP_OK ? define_outputs(in, &v, here) : BP_ERR_MEMORY;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* The output that is meant: numbers or probabilities; or, alone, the class. */
static bp_status choose_output(const bp_onnx_value **out, bool *labelled, const bp_onnx_in *in)
{
    const BpOnnx__Graph *g = in->model->graph;
    const bp_onnx_value *data = NULL, *label = NULL;
    for (size_t i = 0; i < g->n_output; i++) {
        const bp_onnx_value *v = find(in, g->output[i]->name);
        if (!v || v->kind == BP_ONNX_CONSTANT) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: the output \"%.80s\" %s", in->path, g->output[i]->name,
                           v ? "does not depend on the input" : "is given by nothing");
        }
        if (v->kind == BP_ONNX_UNKNOWN) {
            return bp_fail(BP_ERR_UNSUPPORTED, "%s", v->why);
        }
        label = v->kind == BP_ONNX_LABEL ? v : label;
        if (v->kind == BP_ONNX_DATA && data && !same_answer(v, data)) {
            return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: several outputs, \"%.80s\" being one; one is supported",
                           in->path, g->output[i]->name);
        }
        data = v->kind == BP_ONNX_DATA ? v : data;
    }
    *out = data ? data : label;
    *labelled = label != NULL;
    return *out ? BP_OK : bp_fail(BP_ERR_FORMAT, "reading %s: the graph has no output", in->path);
}

static bp_status read_graph(bp_model **out, bp_onnx_in *in, const bp_import_options *options)
{
    const BpOnnx__Graph *g = in->model->graph;
    bp_status status = make_names(in);
    status = status == BP_OK ? define_initializers(in) : status;
    status = status == BP_OK ? define_inputs(in) : status;
    for (size_t i = 0; i < g->n_node && status == BP_OK; i++) {
        in->node = g->node[i];
        status = visit(in);
    }
    const bp_onnx_value *v = NULL;
    bool labelled = false;
    status = status == BP_OK ? choose_output(&v, &labelled, in) : status;
    if (status != BP_OK) {
        return status;
    }
    status = bp_onnx_build(out, in, v, labelled, options);
    return status == BP_OK ? status : bp_fail_context(status, "reading %s: ", in->path);
}

/* ---- files of this library --------------------------------------------------------------------------------------- */

/* Texts that are no UTF-8 are left out: they are none of ours. */
static bp_status metadata_object(json_t **out, const bp_onnx_in *in)
{
    const BpOnnx__Model *m = in->model;
    *out = json_object();
    for (size_t i = 0; i < m->n_metadata_props; i++) {
        const char *key = m->metadata_props[i]->key;
        if (json_object_get(*out, key)) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: the metadata have \"%.80s\" twice", in->path, key);
        }
        json_object_set_new(*out, key, json_string(m->metadata_props[i]->value));
    }
    return BP_OK;
}

static bp_status copy_slots(bp_model *m, bp_onnx_in *in)
{
    const BpOnnx__Graph *g = in->model->graph;
    bp_slots slots = {0};
    bp_status status = bp_slots_list(&slots, m, &in->pool.allocator);
    for (size_t s = 0; s < slots.count && status == BP_OK; s++) {
        const bp_tensor *t = &slots.slot[s].tensor;
        const BpOnnx__Tensor *found = NULL;
        for (size_t i = 0; i < g->n_initializer; i++) {
            found = strcmp(g->initializer[i]->name, t->name) == 0 ? g->initializer[i] : found;
        }
        size_t bytes = bp_node_size(slots.slot[s].node) * bp_type_size(t->type);
        bool fits = found && found->data_type == (t->type == BP_F32 ? BP_ONNX_FLOAT : BP_ONNX_DOUBLE) &&
                    found->n_dims == (size_t)t->shape.dims && found->raw_data.len == bytes;
        for (size_t d = 0; fits && d < found->n_dims; d++) {
            fits = found->dims[d] == (int64_t)t->shape.dim[d];
        }
        if (!fits) {
            status =
                bp_fail(BP_ERR_FORMAT,
                        "reading %s: the tensor \"%s\" is missing or has another shape than the description of the "
                        "model in the file says",
                        in->path, t->name);
            break;
        }
        void *data = bp_alloc(&in->pool.allocator, bytes, 1);
        if (!data) {
            status = BP_ERR_MEMORY;
            break;
        }
        memcpy(data, found->raw_data.data, bytes);
        if (!bp_host_is_little()) {
            bp_swap_bytes(data, bytes / bp_type_size(t->type), bp_type_size(t->type));
        }
        if (bp_slot_finite(&slots.slot[s], data)) {
            bp_slot_from_file(&slots.slot[s], data);
        } else {
            status = bp_fail(BP_ERR_FORMAT, "reading %s: the tensor \"%s\" holds numbers that are not finite", in->path,
                             t->name);
        }
        bp_release(&in->pool.allocator, data);
    }
    bp_slots_release(&slots);
    return status;
}

static bp_status read_own(bp_model **out, bp_onnx_in *in, const json_t *object, const bp_import_options *options)
{
    bp_metadata texts = {in->path, object, &in->pool.allocator};
    bp_model_options o = bp_model_defaults();
    bp_model *m = NULL;
    bp_status status = bp_import_refuse(in->path, "backprop", options->task, "task");
    status = status == BP_OK ? bp_metadata_options(&o, &texts) : status;
    if (status != BP_OK) {
        return status;
    }
    o.loss = options->loss ? options->loss : o.loss;
    o.allocator = &in->pool.allocator; /* first with limited memory */
    status = bp_model_new(&m, &o);
    status = status == BP_OK ? copy_slots(m, in) : status;
    bp_model_free(m);
    o.allocator = options->allocator;
    m = NULL;
    status = status == BP_OK ? bp_model_new(&m, &o) : status;
    status = status == BP_OK ? copy_slots(m, in) : status;
    status = status == BP_OK ? bp_metadata_apply(m, &texts) : status;
    if (status != BP_OK) {
        bp_model_free(m);
        return status;
    }
    *out = m;
    return BP_OK;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static bp_status read_bytes(uint8_t **out, size_t *bytes, const char *path, const bp_allocator *a)
{
    bp_reader *r;
    bp_status status = bp_reader_open(&r, path, false, a);
    if (status != BP_OK) {
        return status;
    }
    *bytes = bp_reader_file_bytes(r);
    *out = bp_alloc(a, *bytes, 1);
    status = *out ? bp_reader_read(r, *out, *bytes, "ONNX graph") : BP_ERR_MEMORY;
    bp_reader_close(r);
    return status;
}

static bp_status check_message(bp_onnx_in *in)
{
    const BpOnnx__Model *m = in->model;
    if (!m->graph || m->n_opset_import == 0 || m->ir_version < 3) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: no ONNX file: a graph, its version and its operators are missing",
                       in->path);
    }
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const BpOnnx__OperatorSetId *set = m->opset_import[i];
        in->old_axes = in->old_axes || (*plain_domain(set->domain) == '\0' && set->version < 13);
    }
    return BP_OK;
}

static bp_status read_model(bp_model **out, bp_onnx_in *in, const bp_import_options *options)
{
    bp_status status = check_message(in);
    if (status != BP_OK) {
        return status;
    }
    json_t *object;
    status = metadata_object(&object, in);
    const char *format = json_string_value(json_object_get(object, "format"));
    bool own = format && strcmp(format, "backprop") == 0;
    if (status == BP_OK) {
        status = own ? read_own(out, in, object, options) : read_graph(out, in, options);
    }
    json_decref(object);
    return status;
}

bool bp_onnx_is(const unsigned char *head, size_t bytes)
{
    /* the field ir_version, a number; behind it a field of a text or a message */
    return bytes > 4 && head[0] == 0x08 && head[1] >= 3 && head[1] < 64 && head[2] != 0 && (head[2] & 7) == 2;
}

bp_status bp_onnx_read(bp_model **out, const char *path, const bp_import_options *options)
{
    bp_allocator a = bp_allocator_or_default(options->allocator);
    uint8_t *data = NULL;
    size_t bytes = 0;
    *out = NULL;
    bp_status status = bp_import_refuse(path, "ONNX", options->net, "net");
    status = status == BP_OK ? bp_import_refuse(path, "ONNX", options->output, "output") : status;
    status = status == BP_OK ? read_bytes(&data, &bytes, path, &a) : status;
    bp_budget budget = bp_budget_for(bytes, BP_ONNX_MEMORY, &a);
    bp_onnx_in in = {.path = path, .pool.allocator = bp_budget_allocator(&budget), .budget = &budget};
    ProtobufCAllocator messages = {in.pool.allocator.alloc, in.pool.allocator.release, in.pool.allocator.ctx};
    BpOnnx__Model *m = status == BP_OK ? bp_onnx__model__unpack(&messages, bytes, data) : NULL;
    bp_release(&a, data);
    if (m) {
        in.model = m;
        status = read_model(out, &in, options);
        bp_onnx__model__free_unpacked(m, &messages);
    } else if (status == BP_OK && budget.starved) {
        status = bp_fail(BP_ERR_MEMORY, "reading %s: out of memory", path);
    } else if (status == BP_OK) {
        status = bp_fail(BP_ERR_FORMAT,
                         "reading %s: no ONNX file, or a damaged one: its %zu bytes are no message of that kind", path,
                         bytes);
    }
    bp_pool_free(&in.pool);
    return status;
}
