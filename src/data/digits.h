/* digits.h - the inside of the built-in handwritten digits: how a way of writing one is described, and the steps from a
 * description to an image.
 *
 *   digits_styles.c  what is written: the strokes of every style                            (a table)
 *   digits_pen.c     how a hand writes it: variation, curves, slant, distortion, the pen    (style -> trace)
 *   digits.c         what a scanner makes of it: fitting, anti-aliasing, centring           (trace -> 28x28 bytes) */
#ifndef BP_DIGITS_H
#define BP_DIGITS_H

#include "base/random.h"
#include "data/dataset.h"

/* ---- Styles ------------------------------------------------------------------------------------------------------ */

/* How the pen arrives at a point. */
typedef enum bp_move {
    BP_PEN_END,    /* no point: the style ends before it */
    BP_PEN_DOWN,   /* a new stroke begins here */
    BP_PEN_SMOOTH, /* passes through */
    BP_PEN_CORNER  /* turns sharply */
} bp_move;

/* A point in two versions: a writing is a mixture of the two extremes (ax, ay) and (bx, by), the same mixture for all
 * points. x to the right, y down, a digit is about 100 high. */
typedef struct bp_pen_point {
    int16_t move; /* a bp_move */
    int16_t ax, ay, bx, by;
} bp_pen_point;

enum { BP_STYLE_POINTS = 16 };

typedef struct bp_digit_style {
    int digit;
    uint32_t share; /* of its digit's images, relative to the digit's other styles */
    bp_pen_point point[BP_STYLE_POINTS + 1];
} bp_digit_style;

/* Row `index` of the table; NULL past the last. */
const bp_digit_style *bp_digit_style_at(size_t index);

/* ---- Traces ------------------------------------------------------------------------------------------------------ */

/* What the pen leaves: short straight pieces with round ends. Points that begin a stroke have no piece before them. */
typedef struct bp_trace_point {
    float x, y;   /* in heights of the digit; after fitting in pixels */
    float radius; /* half the width of the line, in pixels */
    bool begins;
} bp_trace_point;

enum { BP_TRACE_POINTS = 256 };

typedef struct bp_trace {
    size_t count;
    bp_trace_point point[BP_TRACE_POINTS];
} bp_trace;

/* One writing of `style`. */
void bp_digit_trace(bp_trace *out, const bp_digit_style *style, bp_rng *r);

/* ---- Images ------------------------------------------------------------------------------------------------------ */

enum { BP_DIGIT_SIDE = 28, BP_DIGIT_PIXELS = BP_DIGIT_SIDE * BP_DIGIT_SIDE };

/* Image `index` of a part (0: training, 1: test) of the set drawn by `seed`: a function of these alone. */
void bp_digit_draw(uint8_t image[BP_DIGIT_PIXELS], int digit, uint64_t seed, uint32_t part, uint32_t index);
/* rows images with the digits 0 to 9 in turn, on `threads` threads. */
void bp_digits_fill(uint8_t *x, int32_t *label, size_t rows, uint64_t seed, uint32_t part, int threads);
/* bp_generator.make of the set "digits". */
bp_status bp_digits_make(const bp_generator *g, bp_dataset *d, size_t rows, size_t test_rows, uint64_t seed);

#endif
