/* support_kernel.h - matrices for kernel tests: any element type, stride and alignment, with canaries where a kernel has
 * no business to write, and with nothing behind the last element of an input, so that a sanitizer sees it read too far. */
#ifndef BP_TESTS_SUPPORT_KERNEL_H
#define BP_TESTS_SUPPORT_KERNEL_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/kernel.h"

#define UNUSED_HELPER __attribute__((unused))

enum { GUARD = 24 }; /* canaries before the first and, in outputs, after the last element */

typedef struct box {
    bp_type type;
    size_t rows, cols, ld, count;
    unsigned char *base, *p; /* p: element (0, 0) */
} box;

/* A NaN that no kernel produces. */
static inline void canary(void *to, bp_type type)
{
    const uint32_t f = 0x7fedcba9u;
    const uint64_t d = 0x7ffedcba98765432u;
    memcpy(to, type == BP_F64 ? (const void *)&d : (const void *)&f, bp_type_size(type));
}

static inline unsigned char *cell(const box *b, size_t r, size_t c)
{
    return b->p + (r * b->ld + c) * bp_type_size(b->type);
}

UNUSED_HELPER static double get(const box *b, size_t r, size_t c)
{
    float f;
    double d;
    if (b->type == BP_F64) {
        memcpy(&d, cell(b, r, c), sizeof d);
        return d;
    }
    memcpy(&f, cell(b, r, c), sizeof f);
    return f;
}

UNUSED_HELPER static void set(const box *b, size_t r, size_t c, double v)
{
    float f = (float)v;
    memcpy(cell(b, r, c), b->type == BP_F64 ? (const void *)&v : (const void *)&f, bp_type_size(b->type));
}

/* rows x cols canaries inside canaries; gap = ld - cols, shift = elements off the aligned start. */
UNUSED_HELPER static box box_new(bp_type type, size_t rows, size_t cols, size_t gap, size_t shift, bool output)
{
    box b = {.type = type, .rows = rows, .cols = cols, .ld = cols + gap};
    size_t inside = rows ? (rows - 1) * b.ld + cols : 0, size = bp_type_size(type);
    b.count = GUARD + shift + inside + (output ? (size_t)GUARD : 0);
    b.base = malloc(b.count * size);
    assert_non_null(b.base);
    for (size_t i = 0; i < b.count; i++) {
        canary(b.base + i * size, type);
    }
    b.p = b.base + (GUARD + shift) * size;
    return b;
}

UNUSED_HELPER static void box_free(box *b)
{
    free(b->base);
}

/* Fills with values in low .. high that depend on the seed and the element. */
UNUSED_HELPER static void box_fill(const box *b, double low, double high, uint32_t seed)
{
    for (size_t r = 0; r < b->rows; r++) {
        for (size_t c = 0; c < b->cols; c++) {
            uint32_t out[4], key[2] = {seed, 17}, ctr[4] = {(uint32_t)c, (uint32_t)r, 0, 0};
            bp_philox(out, key, ctr);
            set(b, r, c, low + (high - low) * (out[0] / 4294967296.0));
        }
    }
}

UNUSED_HELPER static box box_input(bp_type type, size_t rows, size_t cols, size_t gap, size_t shift, double low,
                                   double high)
{
    box b = box_new(type, rows, cols, gap, shift, false);
    box_fill(&b, low, high, (uint32_t)(rows * 131 + cols * 7 + gap));
    return b;
}

UNUSED_HELPER static void box_copy(const box *to, const box *from)
{
    for (size_t r = 0; r < to->rows; r++) {
        for (size_t c = 0; c < to->cols; c++) {
            memcpy(cell(to, r, c), cell(from, r, c), bp_type_size(to->type));
        }
    }
}

UNUSED_HELPER static bp_mat mat(const box *b)
{
    return (bp_mat){b->p, b->ld};
}
UNUSED_HELPER static bp_cmat cmat(const box *b)
{
    return (bp_cmat){b->p, b->ld};
}
UNUSED_HELPER static bp_operand operand(const box *b)
{
    return (bp_operand){b->p, b->ld, 1};
}

/* Fails if anything but the rows x cols elements was written. */
UNUSED_HELPER static void check_canaries(const box *b, const char *what)
{
    unsigned char expected[8];
    size_t size = bp_type_size(b->type), start = (size_t)(b->p - b->base) / size;
    canary(expected, b->type);
    for (size_t i = 0; i < b->count; i++) {
        bool inside = i >= start && (i - start) / b->ld < b->rows && (i - start) % b->ld < b->cols;
        if (!inside && memcmp(b->base + i * size, expected, size) != 0) {
            fail_msg("%s: wrote outside, %zu x %zu, ld %zu, at %ld", what, b->rows, b->cols, b->ld,
                     (long)i - (long)start);
        }
    }
}

UNUSED_HELPER static double epsilon(bp_type type)
{
    return type == BP_F64 ? 2.220446049250313e-16 : 1.1920929e-7;
}

/* |got - want| <= tolerance epsilon (1 + |want|), or the same infinity, or both NaN. */
UNUSED_HELPER static bool near_enough(bp_type type, double got, double want, double tolerance)
{
    if (isnan(want) || isinf(want)) {
        return isnan(want) ? isnan(got) : got == want;
    }
    return fabs(got - want) <= tolerance * epsilon(type) * (1 + fabs(want));
}

UNUSED_HELPER static void check_near(const box *got, const box *want, double tolerance, const char *what)
{
    for (size_t r = 0; r < got->rows; r++) {
        for (size_t c = 0; c < got->cols; c++) {
            double g = get(got, r, c), w = get(want, r, c);
            if (!near_enough(got->type, g, w, tolerance)) {
                fail_msg("%s %s: %zu x %zu, ld %zu: element %zu,%zu is %.17g, expected %.17g", what,
                         bp_type_name(got->type), got->rows, got->cols, got->ld, r, c, g, w);
            }
        }
    }
    check_canaries(got, what);
}

/* Bit equality of element (r, c) with element (i, j) of another box. Sign and payload of a NaN are nobody's promise. */
UNUSED_HELPER static void check_same(const box *a, size_t r, size_t c, const box *b, size_t i, size_t j,
                                     const char *what)
{
    const bool both_nan = isnan(get(a, r, c)) && isnan(get(b, i, j));
    if (!both_nan && memcmp(cell(a, r, c), cell(b, i, j), bp_type_size(a->type)) != 0) {
        fail_msg("%s: bits depend on the position: %.17g at %zu,%zu of %zu x %zu, %.17g at %zu,%zu of %zu x %zu", what,
                 get(a, r, c), r, c, a->rows, a->cols, get(b, i, j), i, j, b->rows, b->cols);
    }
}

/* Runs a test body on every set that this CPU has and both types, beside the plain kernels of the type. */
typedef void (*kernel_test)(const bp_kernels *k, const bp_kernels *plain);

UNUSED_HELPER static void on_every_set(kernel_test test)
{
    const char *name;
    for (size_t i = 0; (name = bp_kernel_available(i)) != NULL; i++) {
        for (int f64 = 0; f64 < 2; f64++) {
            bp_type type = f64 ? BP_F64 : BP_F32;
            const bp_kernels *k = bp_kernels_named(name, type), *plain = bp_kernels_named("portable", type);
            assert_non_null(k);
            assert_non_null(plain);
            assert_string_equal(k->name, name);
            assert_int_equal(k->type, type);
            test(k, plain);
        }
    }
}

#endif
