/* types.c - element types: names and sizes. */
#include "base/base.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [BP_F32] = {"f32", 4}, [BP_F64] = {"f64", 8}, [BP_U8] = {"u8", 1},
    [BP_I8] = {"i8", 1},   [BP_I16] = {"i16", 2}, [BP_I32] = {"i32", 4},
};
_Static_assert(sizeof types / sizeof *types == BP_TYPES, "one row for each type");

size_t bp_type_size(bp_type type)
{
    return (size_t)type < BP_TYPES ? types[type].size : 0;
}

const char *bp_type_name(bp_type type)
{
    return (size_t)type < BP_TYPES ? types[type].name : "unknown";
}
