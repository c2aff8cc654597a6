/* decimal.h - numbers as the shortest decimal text that reads back as the same number. Not for people: see the command's
 * terminal.h for those. */
#ifndef BP_DECIMAL_H
#define BP_DECIMAL_H

#include "backprop/backprop.h"

#define BP_DECIMAL_SIZE 32 /* bytes that hold any of them */

/* Writes `value`, a number of type BP_F32 or BP_F64, and returns the length. A point whatever the locale; no exponent from
 * 1e-4 to 1e13 (f64: 1e15); "nan", "inf", "-inf". Zero has no sign. */
size_t bp_decimal_text(char out[BP_DECIMAL_SIZE], double value, bp_type type);

#endif
