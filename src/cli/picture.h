/* picture.h - images drawn with characters, two pixels in each. */
#ifndef CLI_PICTURE_H
#define CLI_PICTURE_H

#include "backprop/backprop.h"
#include "terminal.h"

/* An image of height x width grey levels 0..1 (0: background), and what to write below it. */
typedef struct picture {
    const double *pixel;
    size_t height, width;
    const char *caption;
} picture;

/* Grey levels of an image of the data: bytes are grey levels already, other types are stretched from the least to the
 * greatest value in it. out: data->inputs numbers. */
void picture_pixels(double *out, const bp_data *data, size_t row);

/* Draws as many of the pictures as fit next to each other; empty borders are cut off. Returns how many. */
size_t draw_pictures(const terminal *t, const picture *pictures, size_t count, size_t indent);

/* Draws a picture with lines of text of at most `columns` columns beside it, or below it where the terminal is too narrow.
 * Empty borders above and below are cut off. */
void draw_beside(const terminal *t, const picture *p, const char *const *lines, size_t count, size_t columns);
bool draw_fits_beside(const terminal *t, size_t width, size_t columns);

#endif
