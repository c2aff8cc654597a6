/* model_slots.c - names and layout of the parameters in a model file; see model_slots.h. */
#include <string.h>

#include "format/model_slots.h"
#include "kernel/kernel.h"

void bp_slots_release(bp_slots *s)
{
    bp_release(&s->allocator, s->slot);
}

bp_status bp_slots_list(bp_slots *s, const bp_model *m, const bp_allocator *allocator)
{
    const bp_graph *g = bp_model_graph_const(m);
    s->allocator = bp_allocator_or_default(allocator);
    s->count = bp_graph_params(g);
    s->slot = bp_alloc(&s->allocator, s->count, sizeof *s->slot);
    for (size_t i = 0; s->slot && i < s->count; i++) {
        bp_slot *t = &s->slot[i];
        t->node = bp_graph_param(g, i);
        bp_shape shape = bp_node_shape(t->node);
        t->tensor.name = bp_node_name(t->node);
        t->tensor.type = bp_graph_type(g);
        t->tensor.shape = shape.dims == 2 ? bp_shape2(shape.dim[1], shape.dim[0]) : shape;
    }
    return s->slot ? BP_OK : BP_ERR_MEMORY;
}

/* to[c][r] = from[r][c], in blocks that stay in the cache. */
static inline void transpose_blocks(void *to, const void *from, size_t rows, size_t cols, size_t size)
{
    enum { BLOCK = 16 };
    for (size_t r0 = 0; r0 < rows; r0 += BLOCK) {
        for (size_t c0 = 0; c0 < cols; c0 += BLOCK) {
            for (size_t r = r0; r < rows && r < r0 + BLOCK; r++) {
                for (size_t c = c0; c < cols && c < c0 + BLOCK; c++) {
                    memcpy((char *)to + (c * rows + r) * size, (const char *)from + (r * cols + c) * size, size);
                }
            }
        }
    }
}

static void transpose(void *to, const void *from, size_t rows, size_t cols, bp_type type)
{
    if (type == BP_F32) { /* sizes known to the compiler: elements are moved without a call */
        transpose_blocks(to, from, rows, cols, sizeof(float));
    } else {
        transpose_blocks(to, from, rows, cols, sizeof(double));
    }
}

bool bp_slot_finite(const bp_slot *s, const void *values)
{
    return bp_kernels_for(s->tensor.type)->all_finite(bp_node_size(s->node), values);
}

void bp_slot_to_file(void *file, const bp_slot *s)
{
    const bp_shape *shape = &s->tensor.shape;
    if (shape->dims == 2) {
        transpose(file, bp_param_values(s->node), shape->dim[1], shape->dim[0], s->tensor.type);
    } else {
        memcpy(file, bp_param_values(s->node), bp_node_size(s->node) * bp_type_size(s->tensor.type));
    }
}

void bp_slot_from_file(const bp_slot *s, const void *file)
{
    const bp_shape *shape = &s->tensor.shape;
    if (shape->dims == 2) {
        transpose(bp_param_data(s->node), file, shape->dim[0], shape->dim[1], s->tensor.type);
    } else {
        memcpy(bp_param_data(s->node), file, bp_node_size(s->node) * bp_type_size(s->tensor.type));
    }
}

const bp_slot *bp_slots_find(const bp_slots *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->slot[i].tensor.name, name) == 0) {
            return &s->slot[i];
        }
    }
    return NULL;
}

void *bp_slots_scratch(const bp_slots *s)
{
    size_t most = 0;
    bp_type type = BP_F32;
    for (size_t i = 0; i < s->count; i++) {
        size_t n = bp_node_size(s->slot[i].node);
        most = n > most ? n : most;
        type = s->slot[i].tensor.type;
    }
    return bp_alloc(&s->allocator, most, bp_type_size(type));
}
