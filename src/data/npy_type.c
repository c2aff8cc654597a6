/* npy_type.c - the types of elements that NPY files have, and what they are as numbers. */
#include <math.h>
#include <string.h>

#include "data/npy.h"

/* IEEE 754 binary16, in doubles: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -size : size;
}

static double get_bool(const void *p)
{
    return *(const unsigned char *)p != 0;
}

static double get_i8(const void *p)
{
    return *(const signed char *)p;
}

static double get_u8(const void *p)
{
    return *(const unsigned char *)p;
}

static double get_i16(const void *p)
{
    int16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static double get_u16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static double get_i32(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static double get_u32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static double get_i64(const void *p)
{
    int64_t v;
    memcpy(&v, p, sizeof v);
    return (double)v;
}

static double get_u64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (double)v;
}

static double get_f16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return half_value(v);
}

static double get_f32(const void *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return (double)v;
}

static double get_f64(const void *p)
{
    double v;
    memcpy(&v, p, sizeof v);
    return v;
}

static const bp_npy_type types[] = {
    {"b1", 1, 1, true, false, get_bool}, {"i1", 1, 1, true, false, get_i8},  {"u1", 1, 1, true, false, get_u8},
    {"i2", 2, 2, true, false, get_i16},  {"u2", 2, 2, true, false, get_u16}, {"i4", 4, 4, false, false, get_i32},
    {"u4", 4, 4, false, false, get_u32}, {"i8", 8, 8, false, true, get_i64}, {"u8", 8, 8, false, true, get_u64},
    {"f2", 2, 2, true, false, get_f16},  {"f4", 4, 4, true, false, get_f32}, {"f8", 8, 8, false, false, get_f64},
    {"S", 0, 1, false, false, NULL},     {"U", 0, 4, false, false, NULL},
};

const bp_npy_type *bp_npy_type_at(size_t index)
{
    return index < sizeof types / sizeof *types ? &types[index] : NULL;
}
