/* digits_pen.c - how a hand writes a digit: a style becomes a trace.
 *
 * In this order: the style's two extremes are mixed and every point trembles; curves are drawn through the points; the
 * plane is bent smoothly, slanted, squeezed and turned; the pen gets its width. Every number that is drawn at random has
 * its spread in one table, below. Nothing here knows of pixels except the width of the pen. */
#include <assert.h>
#include <math.h>

#include "data/digits.h"

/* Spreads are standard deviations unless they say otherwise; lengths in heights of the digit. Chosen by comparing ink,
 * slant, proportions and line width with those of handwriting, class by class. */
static const struct {
    float mix_beyond; /* the mixture of a style's extremes is uniform in -this .. 1 + this */
    float tremble;    /* of a point */
    float end;        /* of the first and last point of a stroke, added to that */
    float stroke;     /* of a whole stroke against the others */
    float tension;    /* of the factor on the tangents: tight or wide curves */
    float aspect;     /* of the logarithm of width / height */
    float slant, slant_mean;
    float turn;       /* radians */
    float taper;      /* width at the top against width at the bottom */
    float waist;      /* of the logarithm of the exponent on y: a small head or small feet */
    float bend;       /* amplitude of the longest wave of the distortion */
    float width_mean; /* half of a line's width in pixels: the median */
    float width;      /* and the spread of its logarithm */
    float pressure;   /* largest slow variation along a stroke, a share of the width */
    float nib;        /* largest variation by direction, as of a broad nib */
    float fade;       /* largest loss of width at an end */
    float rough;      /* of the radius from point to point */
} hand = {
    .mix_beyond = 0.15F,
    .tremble = 0.02F,
    .end = 0.02F,
    .stroke = 0.02F,
    .tension = 0.12F,
    .aspect = 0.17F,
    .slant = 0.22F,
    .slant_mean = 0.12F,
    .turn = 0.09F,
    .taper = 0.2F,
    .waist = 0.17F,
    .bend = 0.025F,
    .width_mean = 1.25F,
    .width = 0.28F,
    .pressure = 0.4F,
    .nib = 0.3F,
    .fade = 0.5F,
    .rough = 0.05F,
};

/* What differs from digit to digit in the same hand: the slant, and the width of the line after fitting - a zero is
 * written smaller than an eight, so it is enlarged more. */
static const struct {
    float slant, width;
} habit[] = {
    {0.10F, 1.08F}, {0.12F, 1.05F},  {-0.02F, 0.98F}, {-0.05F, 0.96F}, {0.09F, 0.92F},
    {0.02F, 0.95F}, {-0.07F, 0.94F}, {-0.13F, 1.00F}, {-0.04F, 0.90F}, {-0.01F, 0.90F},
};

typedef struct vec {
    float x, y;
} vec;

static float uniform(bp_rng *r, float low, float high)
{
    return low + (high - low) * (float)(bp_rng_u32(r) >> 8) * 0x1p-24F;
}

static float normal(bp_rng *r, float sigma)
{
    return sigma * (float)bp_rng_normal(r);
}

/* ---- Points ------------------------------------------------------------------------------------------------------ */

/* Whether a line leads from point i to the next. */
static bool continues(const bp_digit_style *s, int i)
{
    int next = s->point[i + 1].move;
    return next == BP_PEN_SMOOTH || next == BP_PEN_CORNER;
}

static bool ends_stroke(const bp_digit_style *s, int i)
{
    return s->point[i].move == BP_PEN_DOWN || !continues(s, i);
}

/* The points of one writing, in heights of the digit. */
static void place_points(vec *p, const bp_digit_style *s, bp_rng *r)
{
    float mix_x = uniform(r, -hand.mix_beyond, 1 + hand.mix_beyond);
    float mix_y = uniform(r, -hand.mix_beyond, 1 + hand.mix_beyond);
    vec lift = {0, 0};
    for (int i = 0; s->point[i].move != BP_PEN_END; i++) {
        const bp_pen_point *q = &s->point[i];
        if (i > 0 && q->move == BP_PEN_DOWN) {
            lift = (vec){normal(r, hand.stroke), normal(r, hand.stroke)};
        }
        float sigma = hand.tremble + (ends_stroke(s, i) ? hand.end : 0);
        p[i].x = 0.01F * ((float)q->ax + mix_x * (float)(q->bx - q->ax)) + lift.x + normal(r, sigma);
        p[i].y = 0.01F * ((float)q->ay + mix_y * (float)(q->by - q->ay)) + lift.y + normal(r, sigma);
    }
}

/* ---- Curves ------------------------------------------------------------------------------------------------------ */

static float distance(vec a, vec b)
{
    return sqrtf((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

/* The velocity with which a centripetal Catmull-Rom spline passes q between p and s, per unit of its parameter
 * (Barry & Goldman, SIGGRAPH 1988; Yuksel, Schaefer, Keyser, "Parameterization and applications of Catmull-Rom curves",
 * 2011: no cusps and no loops between two points). */
static vec velocity(vec p, vec q, vec s)
{
    float a = sqrtf(distance(p, q)) + 1e-6F, b = sqrtf(distance(q, s)) + 1e-6F;
    return (vec){(q.x - p.x) / a - (s.x - p.x) / (a + b) + (s.x - q.x) / b,
                 (q.y - p.y) / a - (s.y - p.y) / (a + b) + (s.y - q.y) / b};
}

/* The velocity at point i of a stroke that is smooth there; ends and corners leave as straight as they can. */
static vec tangent(const bp_digit_style *s, const vec *p, int i, bool leaving)
{
    bool open = s->point[i].move == BP_PEN_CORNER || ends_stroke(s, i);
    int from = open && leaving ? i : i - 1, to = open && !leaving ? i : i + 1;
    if (!open) {
        return velocity(p[from], p[i], p[to]);
    }
    float t = sqrtf(distance(p[from], p[to])) + 1e-6F;
    return (vec){(p[to].x - p[from].x) / t, (p[to].y - p[from].y) / t};
}

static void add_point(bp_trace *t, vec p, bool begins)
{
    t->point[t->count++] = (bp_trace_point){p.x, p.y, 0, begins};
}

enum { PIECES = 11 }; /* at most, for one curve */
static_assert(BP_STYLE_POINTS * PIECES <= BP_TRACE_POINTS, "every style fits into a trace");

/* A cubic Hermite curve from p[i] to p[i+1], in short straight pieces. */
static void add_curve(bp_trace *t, const bp_digit_style *s, const vec *p, int i, float tension)
{
    vec a = p[i], b = p[i + 1], u = tangent(s, p, i, true), v = tangent(s, p, i + 1, false);
    float chord = distance(a, b), scale = tension * sqrtf(chord);
    int pieces = 3 + (int)((PIECES - 3) * (chord < 1 ? chord : 1));
    for (int k = 1; k <= pieces; k++) {
        float h = (float)k / (float)pieces, h2 = h * h, h3 = h2 * h;
        float wa = 2 * h3 - 3 * h2 + 1, wb = 1 - wa, wu = scale * (h3 - 2 * h2 + h), wv = scale * (h3 - h2);
        add_point(t, (vec){wa * a.x + wb * b.x + wu * u.x + wv * v.x, wa * a.y + wb * b.y + wu * u.y + wv * v.y},
                  false);
    }
}

static void draw_curves(bp_trace *t, const bp_digit_style *s, bp_rng *r)
{
    vec p[BP_STYLE_POINTS] = {{0, 0}};
    place_points(p, s, r);
    float tension = 1 + normal(r, hand.tension);
    t->count = 0;
    for (int i = 0; s->point[i].move != BP_PEN_END; i++) {
        if (s->point[i].move == BP_PEN_DOWN) {
            add_point(t, p[i], true);
        }
        if (continues(s, i)) {
            add_curve(t, s, p, i, tension);
        }
    }
}

/* ---- The plane --------------------------------------------------------------------------------------------------- */

enum { WAVES = 4 };

/* A smooth displacement: a few plane waves, the shorter ones weaker. */
typedef struct bending {
    float fx[WAVES], fy[WAVES], phase[WAVES], ax[WAVES], ay[WAVES];
} bending;

static void draw_bending(bending *b, bp_rng *r)
{
    for (int k = 0; k < WAVES; k++) {
        float length = uniform(r, 0.5F, 1.6F); /* of the wave */
        float angle = uniform(r, 0, 6.2831853F), amplitude = hand.bend * length;
        b->fx[k] = 6.2831853F / length * cosf(angle);
        b->fy[k] = 6.2831853F / length * sinf(angle);
        b->phase[k] = uniform(r, 0, 6.2831853F);
        b->ax[k] = normal(r, amplitude);
        b->ay[k] = normal(r, amplitude);
    }
}

static vec bend(const bending *b, vec p)
{
    vec q = p;
    for (int k = 0; k < WAVES; k++) {
        float wave = sinf(b->fx[k] * p.x + b->fy[k] * p.y + b->phase[k]);
        q.x += b->ax[k] * wave;
        q.y += b->ay[k] * wave;
    }
    return q;
}

/* What a hand does to everything it writes. */
static void shape_trace(bp_trace *t, int digit, bp_rng *r)
{
    bending b;
    draw_bending(&b, r);
    float aspect = expf(normal(r, hand.aspect)), waist = expf(normal(r, hand.waist)), taper = normal(r, hand.taper);
    float slant = hand.slant_mean + habit[digit].slant + normal(r, hand.slant), turn = normal(r, hand.turn);
    float c = cosf(turn), s = sinf(turn);
    for (size_t i = 0; i < t->count; i++) {
        bp_trace_point *p = &t->point[i];
        vec q = bend(&b, (vec){p->x - 0.35F, p->y});
        float y = q.y > 0 && q.y < 1 ? powf(q.y, waist) - 0.5F : q.y - 0.5F;
        float x = aspect * q.x * (1 + taper * y) - slant * y;
        p->x = c * x - s * y;
        p->y = s * x + c * y;
    }
}

/* ---- The pen ----------------------------------------------------------------------------------------------------- */

/* 1 in the middle of a stroke, less by up to `loss` within `reach` of its end. */
static float fading(float from_end, float reach, float loss)
{
    float h = from_end / reach;
    return h < 1 ? 1 - loss * (1 - h) * (1 - h) : 1;
}

/* The widths of one stroke: points begin .. end-1. */
static void press(bp_trace *t, size_t begin, size_t end, float radius, vec nib, bp_rng *r)
{
    float along[BP_TRACE_POINTS], length = 0;
    for (size_t i = begin; i < end; i++) {
        const bp_trace_point *p = &t->point[i];
        length += i > begin ? distance((vec){p[-1].x, p[-1].y}, (vec){p->x, p->y}) : 0;
        along[i] = length;
    }
    float swing = uniform(r, 0, hand.pressure), phase = uniform(r, 0, 6.2831853F), rate = uniform(r, 2, 8);
    float start = uniform(r, -hand.fade / 2, hand.fade), stop = uniform(r, -hand.fade / 2, hand.fade);
    for (size_t i = begin; i < end; i++) {
        bp_trace_point *p = &t->point[i];
        const bp_trace_point *before = i > begin ? p - 1 : p, *after = i + 1 < end ? p + 1 : p;
        float dx = after->x - before->x, dy = after->y - before->y, square = dx * dx + dy * dy + 1e-9F;
        float wide = 1 + (nib.x * (dx * dx - dy * dy) + nib.y * 2 * dx * dy) / square; /* cos and sin of 2 angle */
        float ends = fading(along[i], 0.2F, start) * fading(length - along[i], 0.2F, stop);
        p->radius = radius * wide * ends * (1 + swing * sinf(phase + rate * along[i])) * (1 + normal(r, hand.rough));
        p->radius = p->radius > 0.3F ? p->radius : 0.3F;
    }
}

void bp_digit_trace(bp_trace *out, const bp_digit_style *style, bp_rng *r)
{
    draw_curves(out, style, r);
    shape_trace(out, style->digit, r);
    float radius = hand.width_mean * habit[style->digit].width * expf(normal(r, hand.width));
    float angle = uniform(r, 0, 6.2831853F), strength = uniform(r, 0, hand.nib);
    vec nib = {strength * cosf(angle), strength * sinf(angle)};
    for (size_t begin = 0; begin < out->count;) {
        size_t end = begin + 1;
        while (end < out->count && !out->point[end].begins) {
            end++;
        }
        press(out, begin, end, radius, nib, r);
        begin = end;
    }
}
