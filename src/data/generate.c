/* generate.c - data sets that are computed, deterministic by seed: the table of them all, and those with two classes of
 * points in the plane (the digits have files of their own).
 *
 * Classes take turns, so they are balanced; training and test part are drawn from streams of their own. */
#include <math.h>

#include "data/dataset.h"
#include "data/digits.h"

#define PI 3.14159265358979323846

/* Uniform in the square; the class tells whether the signs differ. */
static void draw_xor(double point[2], int label, bp_rng *r)
{
    double sign = bp_rng_u32(r) & 1 ? 1 : -1;
    point[0] = sign * (1 - bp_rng_uniform(r)); /* (0, 1]: never on an axis */
    point[1] = (label ? -sign : sign) * (1 - bp_rng_uniform(r));
}

/* Two arms of one and a half turns, half a turn apart. */
static void draw_spirals(double point[2], int label, bp_rng *r)
{
    double radius = 0.1 + 0.9 * bp_rng_uniform(r);
    double angle = 3 * PI * radius + PI * label;
    point[0] = radius * cos(angle) + 0.02 * bp_rng_normal(r);
    point[1] = radius * sin(angle) + 0.02 * bp_rng_normal(r);
}

/* An inner ring of radius 1/2 and an outer one of radius 1. */
static void draw_circles(double point[2], int label, bp_rng *r)
{
    double radius = (label ? 1.0 : 0.5) + 0.08 * bp_rng_normal(r);
    double angle = 2 * PI * bp_rng_uniform(r);
    point[0] = radius * cos(angle);
    point[1] = radius * sin(angle);
}

/* Two half circles of radius 1, each with its end in the other's middle. */
static void draw_moons(double point[2], int label, bp_rng *r)
{
    double angle = PI * bp_rng_uniform(r);
    point[0] = (label ? 1 - cos(angle) : cos(angle)) + 0.1 * bp_rng_normal(r);
    point[1] = (label ? 0.5 - sin(angle) : sin(angle)) + 0.1 * bp_rng_normal(r);
}

static bp_status fill_plane(const bp_generator *g, bp_dataset *d, bp_data *part, size_t rows, bp_rng rng)
{
    float *x = bp_dataset_alloc(d, rows, 2 * sizeof *x);
    int32_t *label = bp_dataset_alloc(d, rows, sizeof *label);
    if (!x || !label) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < rows; i++) {
        double point[2];
        label[i] = (int32_t)(i % 2);
        g->draw(point, label[i], &rng);
        x[2 * i] = (float)point[0];
        x[2 * i + 1] = (float)point[1];
    }
    part->rows = rows;
    part->inputs = 2;
    part->x = x;
    part->x_type = BP_F32;
    part->classes = 2;
    part->label = label;
    return BP_OK;
}

static bp_status make_plane(const bp_generator *g, bp_dataset *d, size_t rows, size_t test_rows, uint64_t seed)
{
    bp_status status = fill_plane(g, d, &d->train, rows, bp_rng_new(seed, BP_RANDOM_DATA, 2 * g->id));
    if (status == BP_OK) {
        status = fill_plane(g, d, &d->test, test_rows, bp_rng_new(seed, BP_RANDOM_DATA, 2 * g->id + 1));
    }
    const char *const *names = status == BP_OK ? bp_dataset_names(d, g->class_names, 2) : NULL;
    d->train.class_names = d->test.class_names = names;
    return names ? BP_OK : BP_ERR_MEMORY;
}

static const bp_generator generators[] = {
    {"digits", "70,000 handwritten-looking digits of 28x28 pixels, 10 classes", 60000, 6, 5, bp_digits_make, {0}, NULL},
    {"xor",
     "2 classes in the plane: are the signs of both inputs equal?",
     1000,
     4,
     1,
     make_plane,
     {"equal", "different"},
     draw_xor},
    {"spirals",
     "2 classes in the plane: two arms of a spiral",
     1000,
     4,
     2,
     make_plane,
     {"arm-1", "arm-2"},
     draw_spirals},
    {"circles",
     "2 classes in the plane: a ring around a ring",
     1000,
     4,
     3,
     make_plane,
     {"inner", "outer"},
     draw_circles},
    {"moons",
     "2 classes in the plane: two interlocking half circles",
     1000,
     4,
     4,
     make_plane,
     {"upper", "lower"},
     draw_moons},
};

const bp_generator *bp_generator_at(size_t index)
{
    return index < sizeof generators / sizeof *generators ? &generators[index] : NULL;
}
