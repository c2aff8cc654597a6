/* digits.c - the built-in data set "digits": handwritten-looking digits in the format of MNIST, drawn, not stored.
 *
 * A trace is treated as the makers of MNIST treated their scans (LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 1998,
 * section III.A): scaled to fit a box of 20 x 20 pixels without changing its proportions, anti-aliased, and placed in 28 x
 * 28 so that the centre of mass of the ink is in the middle. Every image is a function of (seed, part, index) alone, so
 * neither threads nor the number of rows change it. */
#include <math.h>
#include <string.h>

#include "data/digits.h"

enum {
    DIGITS = 10,
    BOX = 20,                           /* the digit is fitted into BOX x BOX ... */
    MARGIN = (BP_DIGIT_SIDE - BOX) / 2, /* ... this far from the frame, before it is centred */
};

/* ---- Fitting ----------------------------------------------------------------------------------------------------- */

typedef struct bounds {
    float left, right, top, bottom;
} bounds;

/* What the trace covers when it is enlarged `scale` times; the pen is not. */
static bounds trace_bounds(const bp_trace *t, float scale)
{
    bounds b = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < t->count; i++) {
        const bp_trace_point *p = &t->point[i];
        b.left = fminf(b.left, scale * p->x - p->radius);
        b.right = fmaxf(b.right, scale * p->x + p->radius);
        b.top = fminf(b.top, scale * p->y - p->radius);
        b.bottom = fmaxf(b.bottom, scale * p->y + p->radius);
    }
    return b;
}

static float extent(bounds b)
{
    return fmaxf(b.right - b.left, b.bottom - b.top);
}

/* From heights to pixels: the larger side becomes BOX, the trace lies in 0 .. BOX. The width of the pen stays as it is,
 * so the scale is found in steps: the first is a guess from the size of a digit, about 1. */
static void fit_trace(bp_trace *t)
{
    float scale = BOX;
    bounds b = trace_bounds(t, scale);
    for (int i = 0; i < 4; i++) {
        scale *= BOX / fmaxf(extent(b), 1);
        b = trace_bounds(t, scale);
    }
    float x = 0.5F * (BOX - b.left - b.right), y = 0.5F * (BOX - b.top - b.bottom);
    for (size_t i = 0; i < t->count; i++) {
        t->point[i].x = scale * t->point[i].x + x;
        t->point[i].y = scale * t->point[i].y + y;
    }
}

/* ---- Ink --------------------------------------------------------------------------------------------------------- */

static int pixel_below(float v)
{
    return v <= 0 ? 0 : v >= BOX ? BOX : (int)v;
}

/* One piece: every pixel gets the share of it that the line covers, taken from the distance of its centre to the edge of
 * the line; softness is the width in pixels over which an edge goes from full to none. */
static void ink_piece(float ink[BOX * BOX], const bp_trace_point *a, const bp_trace_point *b, float softness)
{
    float reach = fmaxf(a->radius, b->radius) + 0.5F * softness + 0.5F;
    int left = pixel_below(fminf(a->x, b->x) - reach), right = pixel_below(fmaxf(a->x, b->x) + reach + 1);
    int top = pixel_below(fminf(a->y, b->y) - reach), bottom = pixel_below(fmaxf(a->y, b->y) + reach + 1);
    float dx = b->x - a->x, dy = b->y - a->y, per_square = 1 / (dx * dx + dy * dy + 1e-9F), per_edge = 1 / softness;
    for (int y = top; y < bottom; y++) {
        float *line = ink + y * BOX, v = (float)y + 0.5F - a->y;
        for (int x = left; x < right; x++) {
            float u = (float)x + 0.5F - a->x, along = (u * dx + v * dy) * per_square;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            float p = u - along * dx, q = v - along * dy;
            float inside = a->radius + along * (b->radius - a->radius) - sqrtf(p * p + q * q);
            float cover = 0.5F + inside * per_edge;
            line[x] = cover > line[x] ? cover : line[x];
        }
    }
}

static void ink_trace(float ink[BOX * BOX], const bp_trace *t, float softness)
{
    memset(ink, 0, BOX * BOX * sizeof *ink);
    for (size_t i = 0; i < t->count; i++) {
        const bp_trace_point *p = &t->point[i];
        ink_piece(ink, p->begins ? p : p - 1, p, softness);
    }
}

/* ---- The image --------------------------------------------------------------------------------------------------- */

/* Grey levels; the darkest ink becomes `full`, as scans are normalised. */
static void develop(uint8_t box[BOX * BOX], const float ink[BOX * BOX], float full)
{
    float most = 0;
    for (int i = 0; i < BOX * BOX; i++) {
        most = fmaxf(most, ink[i]);
    }
    float scale = full / fminf(most, 1);
    for (int i = 0; i < BOX * BOX; i++) {
        float level = scale * fminf(ink[i], 1);
        box[i] = (uint8_t)(level < 255 ? level + 0.5F : 255);
    }
}

/* Where the box begins in the frame, in one direction, so that the centre of mass is in the middle of pixel 14 (counted
 * from 0), where it is in MNIST. */
static int place(double moment, double mass)
{
    double corner = 0.5 * (BP_DIGIT_SIDE + 1) - moment / mass;
    int at = (int)floor(corner + 0.5);
    return at < 0 ? 0 : at > 2 * MARGIN ? 2 * MARGIN : at;
}

static void centre(uint8_t image[BP_DIGIT_PIXELS], const uint8_t box[BOX * BOX])
{
    double mass = 0, moment_x = 0, moment_y = 0;
    for (int y = 0; y < BOX; y++) {
        for (int x = 0; x < BOX; x++) {
            mass += box[y * BOX + x];
            moment_x += (x + 0.5) * box[y * BOX + x];
            moment_y += (y + 0.5) * box[y * BOX + x];
        }
    }
    int left = place(moment_x, mass), top = place(moment_y, mass);
    memset(image, 0, BP_DIGIT_PIXELS);
    for (int y = 0; y < BOX; y++) {
        memcpy(image + (top + y) * BP_DIGIT_SIDE + left, box + y * BOX, BOX);
    }
}

/* A style of the digit, by its share. */
static const bp_digit_style *choose_style(int digit, bp_rng *r)
{
    uint32_t sum = 0, end = 0;
    const bp_digit_style *s;
    for (size_t i = 0; (s = bp_digit_style_at(i)); i++) {
        sum += s->digit == digit ? s->share : 0;
    }
    uint32_t at = bp_rng_below(r, sum);
    for (size_t i = 0; (s = bp_digit_style_at(i)); i++) {
        end += s->digit == digit ? s->share : 0;
        if (at < end) {
            break;
        }
    }
    return s;
}

void bp_digit_draw(uint8_t image[BP_DIGIT_PIXELS], int digit, uint64_t seed, uint32_t part, uint32_t index)
{
    bp_rng r = bp_rng_new(seed, BP_RANDOM_DATA, 0x80000000U | part << 30 | index);
    bp_trace trace;
    float ink[BOX * BOX];
    uint8_t box[BOX * BOX];
    bp_digit_trace(&trace, choose_style(digit, &r), &r);
    fit_trace(&trace);
    ink_trace(ink, &trace, 0.9F + 0.5F * (float)bp_rng_uniform(&r));
    develop(box, ink, 255 * (1.04F - 0.06F * (float)bp_rng_uniform(&r)));
    centre(image, box);
}

/* ---- The set ----------------------------------------------------------------------------------------------------- */

typedef struct job {
    uint8_t *x;
    int32_t *label;
    size_t rows;
    uint64_t seed;
    uint32_t part;
} job;

static void fill_share(void *ctx, int thread, int threads)
{
    const job *j = ctx;
    bp_range share = bp_team_share(j->rows, 1, thread, threads);
    for (size_t i = share.begin; i < share.end; i++) {
        j->label[i] = (int32_t)(i % DIGITS);
        bp_digit_draw(j->x + i * BP_DIGIT_PIXELS, j->label[i], j->seed, j->part, (uint32_t)i);
    }
}

void bp_digits_fill(uint8_t *x, int32_t *label, size_t rows, uint64_t seed, uint32_t part, int threads)
{
    job j = {x, label, rows, seed, part};
    bp_team_run(threads, fill_share, &j);
}

static bp_status make_part(bp_dataset *d, bp_data *part, size_t rows, uint64_t seed, uint32_t number,
                           const char *const *names)
{
    enum { ROWS_PER_THREAD = 64 }; /* fewer are not worth a thread */
    uint8_t *x = bp_dataset_alloc(d, rows, BP_DIGIT_PIXELS);
    int32_t *label = bp_dataset_alloc(d, rows, sizeof *label);
    if (!x || !label) {
        return BP_ERR_MEMORY;
    }
    size_t worth = 1 + rows / ROWS_PER_THREAD, available = (size_t)bp_threads_available();
    bp_digits_fill(x, label, rows, seed, number, (int)(worth < available ? worth : available));
    part->rows = rows;
    part->inputs = BP_DIGIT_PIXELS;
    part->x = x;
    part->x_type = BP_U8;
    part->classes = DIGITS;
    part->label = label;
    part->class_names = names;
    part->height = part->width = BP_DIGIT_SIDE;
    return BP_OK;
}

bp_status bp_digits_make(const bp_generator *g, bp_dataset *d, size_t rows, size_t test_rows, uint64_t seed)
{
    const size_t most = 1U << 30; /* images have streams of random numbers of their own, and 30 bits to name them */
    if (rows > most) {
        return bp_fail(BP_ERR_ARGUMENT, "data set %s: %zu rows, expected at most %zu", g->name, rows, most);
    }
    const char *const *names = bp_dataset_names(d, NULL, DIGITS);
    bp_status status = names ? make_part(d, &d->train, rows, seed, 0, names) : BP_ERR_MEMORY;
    return status == BP_OK ? make_part(d, &d->test, test_rows, seed, 1, names) : status;
}
