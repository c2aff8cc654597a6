/* onnx_graph.c - ONNX graphs as messages of protobuf-c, and their files. The contract is in onnx_graph.h. */
#include "format/onnx_graph.h"

#include <stdio.h>
#include <string.h>

#include "data/file.h"

void bp_onnx_graph_start(bp_onnx_graph *g, const bp_allocator *allocator)
{
    *g = (bp_onnx_graph){.pool.allocator = bp_allocator_or_default(allocator)};
}

void bp_onnx_graph_free(bp_onnx_graph *g)
{
    bp_pool_free(&g->pool);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* As bp_pool_alloc; remembers a failure, and gives nothing after one. */
static void *take(bp_onnx_graph *g, size_t count, size_t size)
{
    void *block = g->status == BP_OK ? bp_pool_alloc(&g->pool, count, size) : NULL;
    if (!block && g->status == BP_OK) {
        g->status = BP_ERR_MEMORY;
    }
    return block;
}

static char *copy_text(bp_onnx_graph *g, const char *text)
{
    size_t bytes = text ? strlen(text) + 1 : 0;
    char *copy = text ? take(g, bytes, 1) : NULL;
    if (copy) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

static void append(bp_onnx_graph *g, bp_onnx_list *list, void *item)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        void **larger = take(g, room, sizeof *larger);
        if (!larger) {
            return;
        }
        if (list->count) {
            memcpy(larger, list->item, list->count * sizeof *larger);
        }
        list->item = larger;
        list->room = room;
    }
    list->item[list->count++] = item;
}

/* Inputs have the names that users gave them; all others keep out of their way. */
static bool is_input(const bp_onnx_graph *g, const char *name)
{
    for (size_t i = 0; i < g->input.count; i++) {
        if (strcmp(((const BpOnnx__ValueInfo *)g->input.item[i])->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* "relu_3": for people who look at the graph. */
static char *new_name(bp_onnx_graph *g, const char *stem)
{
    char name[64];
    do {
        snprintf(name, sizeof name, "%.40s_%zu", stem, ++g->numbered);
    } while (is_input(g, name));
    return copy_text(g, name);
}

/* ---- inputs and outputs ------------------------------------------------------------------------------------------ */

static void describe_value(bp_onnx_graph *g, bp_onnx_list *list, const char *name, int type, size_t columns)
{
    size_t dims = columns ? 2 : 1;
    struct parts {
        BpOnnx__ValueInfo info;
        BpOnnx__Type type;
        BpOnnx__TensorType tensor;
        BpOnnx__Shape shape;
        BpOnnx__Dimension dim[2], *dims[2];
    } *p = take(g, 1, sizeof *p);
    if (!p || !name) {
        return;
    }
    bp_onnx__value_info__init(&p->info);
    bp_onnx__type__init(&p->type);
    bp_onnx__tensor_type__init(&p->tensor);
    bp_onnx__shape__init(&p->shape);
    for (size_t i = 0; i < dims; i++) {
        bp_onnx__dimension__init(&p->dim[i]);
        p->dims[i] = &p->dim[i];
    }
    p->dim[0].dim_param = copy_text(g, "N");
    p->dim[1].dim_value = (int64_t)columns;
    p->shape.n_dim = dims;
    p->shape.dim = p->dims;
    p->tensor.elem_type = type;
    p->tensor.shape = &p->shape;
    p->type.tensor_type = &p->tensor;
    p->info.name = copy_text(g, name);
    p->info.type = &p->type;
    if (g->status == BP_OK) {
        append(g, list, &p->info);
    }
}

const char *bp_onnx_input(bp_onnx_graph *g, const char *name, int type, size_t columns)
{
    describe_value(g, &g->input, name, type, columns);
    return copy_text(g, name);
}

void bp_onnx_output(bp_onnx_graph *g, const char *name, const char *value, int type, size_t columns)
{
    const char *own = is_input(g, name) ? new_name(g, name) : name;
    describe_value(g, &g->output, own, type, columns);
    bp_onnx_op1(g, "Identity", value);
    if (g->status == BP_OK) {
        g->last->output[0] = copy_text(g, own);
    }
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

const char *bp_onnx_node(bp_onnx_graph *g, const char *op, const char *const *inputs, size_t count)
{
    static const char ml[] = "ml:";
    bool is_ml = strncmp(op, ml, sizeof ml - 1) == 0;
    const char *type = is_ml ? op + sizeof ml - 1 : op;
    for (size_t i = 0; i < count; i++) {
        if (!inputs[i]) {
            return NULL;
        }
    }
    BpOnnx__Node *n = take(g, 1, sizeof *n);
    char **names = take(g, count + 1, sizeof *names);
    if (!n || !names) {
        return NULL;
    }
    bp_onnx__node__init(n);
    for (size_t i = 0; i < count; i++) {
        names[i] = copy_text(g, inputs[i]);
    }
    names[count] = new_name(g, type);
    n->input = names;
    n->n_input = count;
    n->output = names + count;
    n->n_output = 1;
    n->name = names[count];
    n->op_type = copy_text(g, type);
    if (is_ml) {
        n->domain = copy_text(g, "ai.onnx.ml");
        g->ml = true;
    }
    g->last = n;
    append(g, &g->node, n);
    return g->status == BP_OK ? n->output[0] : NULL;
}

const char *bp_onnx_op(bp_onnx_graph *g, const char *op, const char *a, const char *b, const char *c)
{
    const char *const inputs[] = {a, b, c};
    size_t count = c && !*c ? b && !*b ? 1 : 2 : 3;
    return bp_onnx_node(g, op, inputs, count);
}

const char *bp_onnx_cast(bp_onnx_graph *g, const char *value, int type)
{
    const char *out = bp_onnx_op1(g, "Cast", value);
    bp_onnx_int(g, "to", type);
    return out;
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

static BpOnnx__Attribute *attribute(bp_onnx_graph *g, const char *name, int type)
{
    BpOnnx__Attribute *a = take(g, 1, sizeof *a);
    BpOnnx__Node *n = g->last;
    BpOnnx__Attribute **larger = a ? take(g, n->n_attribute + 1, sizeof *larger) : NULL;
    if (!larger) {
        return NULL;
    }
    bp_onnx__attribute__init(a);
    a->name = copy_text(g, name);
    a->type = type;
    for (size_t i = 0; i < n->n_attribute; i++) {
        larger[i] = n->attribute[i];
    }
    larger[n->n_attribute++] = a;
    n->attribute = larger;
    return a;
}

void bp_onnx_int(bp_onnx_graph *g, const char *name, int64_t value)
{
    BpOnnx__Attribute *a = attribute(g, name, BP_ONNX_A_INT);
    if (a) {
        a->i = value;
    }
}

void bp_onnx_float(bp_onnx_graph *g, const char *name, float value)
{
    BpOnnx__Attribute *a = attribute(g, name, BP_ONNX_A_FLOAT);
    if (a) {
        a->f = value;
    }
}

void bp_onnx_ints(bp_onnx_graph *g, const char *name, const int64_t *value, size_t count)
{
    BpOnnx__Attribute *a = attribute(g, name, BP_ONNX_A_INTS);
    int64_t *copy = a ? take(g, count, sizeof *copy) : NULL;
    if (copy) {
        memcpy(copy, value, count * sizeof *copy);
        a->ints = copy;
        a->n_ints = count;
    }
}

void bp_onnx_floats(bp_onnx_graph *g, const char *name, const float *value, size_t count)
{
    BpOnnx__Attribute *a = attribute(g, name, BP_ONNX_A_FLOATS);
    float *copy = a ? take(g, count, sizeof *copy) : NULL;
    if (copy) {
        memcpy(copy, value, count * sizeof *copy);
        a->floats = copy;
        a->n_floats = count;
    }
}

void bp_onnx_strings(bp_onnx_graph *g, const char *name, const char *const *value, size_t count)
{
    BpOnnx__Attribute *a = attribute(g, name, BP_ONNX_A_STRINGS);
    ProtobufCBinaryData *copy = a ? take(g, count, sizeof *copy) : NULL;
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = (ProtobufCBinaryData){strlen(value[i]), (uint8_t *)copy_text(g, value[i])};
    }
    if (copy) {
        a->strings = copy;
        a->n_strings = count;
    }
}

/* ---- constants --------------------------------------------------------------------------------------------------- */

static size_t element_bytes(int type)
{
    return type == BP_ONNX_FLOAT ? sizeof(float) : sizeof(double); /* or int64 */
}

const char *bp_onnx_raw(bp_onnx_graph *g, const char *name, int type, void *data, int rank, const size_t *dim)
{
    BpOnnx__Tensor *t = take(g, 1, sizeof *t);
    int64_t *dims = take(g, (size_t)rank, sizeof *dims);
    if (!t || !dims || !data) {
        return NULL;
    }
    if (name && is_input(g, name)) {
        g->status = bp_fail(BP_ERR_UNSUPPORTED, "the input \"%.80s\" has the name of weights of the network", name);
        return NULL;
    }
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        dims[i] = (int64_t)dim[i];
        count *= dim[i];
    }
    if (!bp_host_is_little()) {
        bp_swap_bytes(data, count, element_bytes(type));
    }
    bp_onnx__tensor__init(t);
    t->name = name ? copy_text(g, name) : new_name(g, "constant");
    t->data_type = type;
    t->dims = dims;
    t->n_dims = (size_t)rank;
    t->raw_data = (ProtobufCBinaryData){count * element_bytes(type), data};
    append(g, &g->initializer, t);
    return g->status == BP_OK ? t->name : NULL;
}

const char *bp_onnx_array(bp_onnx_graph *g, int type, const double *value, int rank, size_t a, size_t b)
{
    size_t dim[] = {a, b}, count = rank == 0 ? 1 : rank == 1 ? a : a * b;
    char *data = take(g, count, element_bytes(type));
    for (size_t i = 0; data && i < count; i++) {
        float narrow = (float)value[i];
        int64_t whole = type == BP_ONNX_INT64 ? (int64_t)value[i] : 0;
        const void *from = type == BP_ONNX_FLOAT   ? (const void *)&narrow
                           : type == BP_ONNX_INT64 ? (const void *)&whole
                                                   : (const void *)&value[i];
        memcpy(data + i * element_bytes(type), from, element_bytes(type));
    }
    return data ? bp_onnx_raw(g, NULL, type, data, rank, dim) : NULL;
}

const char *bp_onnx_scalar(bp_onnx_graph *g, int type, double value)
{
    return bp_onnx_array(g, type, &value, 0, 0, 0);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* Where protobuf-c puts what it packs. */
typedef struct sink {
    ProtobufCBuffer base;
    bp_writer *writer;
    bp_status status;
} sink;

static void sink_append(ProtobufCBuffer *buffer, size_t bytes, const uint8_t *data)
{
    sink *s = (sink *)(void *)buffer;
    if (s->status == BP_OK) {
        s->status = bp_writer_write(s->writer, data, bytes);
    }
}

static void fill_model(bp_onnx_graph *g, BpOnnx__Model *m, const json_t *metadata)
{
    struct parts {
        BpOnnx__Graph graph;
        BpOnnx__OperatorSetId set[2], *sets[2];
    } *p = take(g, 1, sizeof *p);
    size_t count = json_object_size(metadata), i = 0;
    BpOnnx__StringStringEntry *entry = take(g, count, sizeof *entry), **entries = take(g, count, sizeof *entries);
    if (!p || !entry || !entries) {
        return;
    }
    bp_onnx__model__init(m);
    bp_onnx__graph__init(&p->graph);
    p->graph.name = copy_text(g, "backprop");
    p->graph.n_node = g->node.count;
    p->graph.node = (BpOnnx__Node **)g->node.item;
    p->graph.n_initializer = g->initializer.count;
    p->graph.initializer = (BpOnnx__Tensor **)g->initializer.item;
    p->graph.n_input = g->input.count;
    p->graph.input = (BpOnnx__ValueInfo **)g->input.item;
    p->graph.n_output = g->output.count;
    p->graph.output = (BpOnnx__ValueInfo **)g->output.item;
    for (size_t s = 0; s < 2; s++) {
        bp_onnx__operator_set_id__init(&p->set[s]);
        p->sets[s] = &p->set[s];
    }
    p->set[0].version = BP_ONNX_OPSET;
    p->set[1].version = BP_ONNX_ML_OPSET;
    p->set[1].domain = copy_text(g, "ai.onnx.ml");
    m->ir_version = BP_ONNX_IR;
    m->producer_name = copy_text(g, "backprop");
    m->producer_version = copy_text(g, bp_version());
    m->graph = &p->graph;
    m->n_opset_import = g->ml ? 2 : 1;
    m->opset_import = p->sets;
    m->n_metadata_props = count;
    m->metadata_props = entries;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        bp_onnx__string_string_entry__init(&entry[i]);
        entry[i].key = copy_text(g, key);
        entry[i].value = copy_text(g, json_string_value(value));
        entries[i] = &entry[i];
        i++;
    }
}

bp_status bp_onnx_graph_write(bp_onnx_graph *g, const char *path, const json_t *metadata)
{
    BpOnnx__Model m;
    fill_model(g, &m, metadata);
    if (g->status != BP_OK) {
        return g->status;
    }
    size_t bytes = protobuf_c_message_get_packed_size(&m.base);
    if (bytes > INT32_MAX) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "writing %s: %zu bytes, and an ONNX file holds at most 2 GiB: keep the model as safetensors",
                       path, bytes);
    }
    sink s = {.base = {sink_append}};
    bp_status status = bp_writer_open(&s.writer, path, false, &g->pool.allocator);
    if (status != BP_OK) {
        return status;
    }
    protobuf_c_message_pack_to_buffer(&m.base, &s.base);
    if (s.status != BP_OK) {
        bp_writer_abandon(s.writer);
        return s.status;
    }
    return bp_writer_commit(s.writer);
}
