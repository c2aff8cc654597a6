/* number.h - decimal numbers as texts, to the nearest f64 or f32, whatever the locale. */
#ifndef BP_NUMBER_H
#define BP_NUMBER_H

#include "base/base.h"

typedef enum bp_number_kind {
    BP_NUMBER_VALUE,
    BP_NUMBER_MISSING,  /* nan */
    BP_NUMBER_INFINITE, /* inf, infinity, or beyond the range of f64 */
    BP_NUMBER_NONE      /* the text is no number */
} bp_number_kind;

/* The whole text: [+-] digits [point digits] [e [+-] digits] with digits before or after the point, or nan, inf, infinity.
 * *out is the nearest double, ties to even; too small: 0. Blanks, hexadecimal digits and thousands separators are none of it. */
bp_number_kind bp_number_parse(double *out, const char *text, size_t bytes, char point);

/* The float nearest to the number, of which bp_number_parse made `value` from the same text: one rounding, not two.
 * Infinite beyond the range of f32. */
float bp_number_narrow(double value, const char *text, size_t bytes, char point);

#endif
