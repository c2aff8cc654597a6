/* picture.c - images drawn with characters: half blocks in greys where the terminal has them, else letters. */
#include "picture.h"

#include <string.h>

#include "source.h"

typedef struct frame {
    size_t top, bottom, left, right; /* ends excluded */
} frame;

/* The smallest frame around the pixels that are not background, of all pictures together. */
static frame content(const picture *pictures, size_t count)
{
    frame f = {pictures[0].height, 0, pictures[0].width, 0};
    for (size_t i = 0; i < count; i++) {
        const picture *p = &pictures[i];
        for (size_t at = 0; at < p->height * p->width; at++) {
            size_t y = at / p->width, x = at % p->width;
            if (!(p->pixel[at] > 0.1)) {
                continue;
            }
            f.top = y < f.top ? y : f.top;
            f.bottom = y >= f.bottom ? y + 1 : f.bottom;
            f.left = x < f.left ? x : f.left;
            f.right = x >= f.right ? x + 1 : f.right;
        }
    }
    if (f.top >= f.bottom) {
        f = (frame){0, pictures[0].height, 0, pictures[0].width};
    }
    return f;
}

static double pixel_at(const picture *p, const frame *f, size_t y, size_t x)
{
    if (y >= f->bottom || x >= f->right) {
        return 0;
    }
    double v = p->pixel[y * p->width + x];
    return v > 0 ? (v < 1 ? v : 1) : 0;
}

/* One character shows two pixels, one above the other. */
static void draw_cell(const terminal *t, double upper, double lower)
{
    if (t->colour && t->unicode) {
        /* 232..255 is the ramp of greys in the palette of 256 colours */
        fprintf(t->file, "\033[38;5;%d;48;5;%dm▀", 232 + (int)(upper * 23 + 0.5), 232 + (int)(lower * 23 + 0.5));
    } else if (t->unicode) {
        bool u = upper > 0.4, l = lower > 0.4;
        fputs(u && l ? "█" : u ? "▀" : l ? "▄" : " ", t->file);
    } else {
        fputc(" .:-=+*#%@"[(int)((upper + lower) / 2 * 9 + 0.5)], t -> file);
    }
}

static void draw_line(const terminal *t, const picture *p, const frame *f, size_t y)
{
    for (size_t x = f->left; x < f->right; x++) {
        draw_cell(t, pixel_at(p, f, y, x), pixel_at(p, f, y + 1, x));
    }
    fputs(style_off(t), t->file);
}

size_t draw_pictures(const terminal *t, const picture *pictures, size_t count, size_t indent)
{
    enum { GAP = 4 };
    if (count == 0) {
        return 0;
    }
    frame f = content(pictures, count);
    size_t caption = 0;
    for (size_t i = 0; i < count; i++) {
        caption = strlen(pictures[i].caption) > caption ? strlen(pictures[i].caption) : caption;
    }
    size_t drawn = f.right - f.left, column = drawn > caption ? drawn : caption;
    while (count > 0 && indent + count * (column + GAP) - GAP > t->width) {
        count--;
    }
    for (size_t y = f.top; y < f.bottom && count > 0; y += 2) {
        for (size_t i = 0; i < count; i++) {
            fprintf(t->file, "%*s", (int)(i == 0 ? indent : GAP + column - drawn), "");
            draw_line(t, &pictures[i], &f, y);
        }
        fputc('\n', t->file);
    }
    for (size_t i = 0; i < count; i++) {
        fprintf(t->file, "%*s%-*s", (int)(i == 0 ? indent : GAP), "", (int)(i + 1 < count ? column : 0),
                pictures[i].caption);
    }
    if (count > 0) {
        fputc('\n', t->file);
    }
    return count;
}

/* ---- with text beside it ----------------------------------------------------------------------------------------- */

enum { INDENT = 2, BESIDE_GAP = 3 };

bool draw_fits_beside(const terminal *t, size_t width, size_t columns)
{
    return INDENT + width + BESIDE_GAP + columns <= t->width;
}

void draw_beside(const terminal *t, const picture *p, const char *const *lines, size_t count, size_t columns)
{
    frame f = content(p, 1);
    f.left = 0;
    f.right = p->width;
    bool drawn = p->width + INDENT <= t->width, beside = draw_fits_beside(t, p->width, columns);
    size_t height = drawn ? (f.bottom - f.top + 1) / 2 : 0, first = height > count ? (height - count) / 2 : 0;
    for (size_t i = 0; i < height || (beside && i < first + count); i++) {
        fprintf(t->file, "%*s", INDENT, "");
        if (f.top + 2 * i < f.bottom) {
            draw_line(t, p, &f, f.top + 2 * i);
        } else {
            fprintf(t->file, "%*s", (int)p->width, "");
        }
        if (beside && i >= first && i < first + count) {
            fprintf(t->file, "%*s%s", BESIDE_GAP, "", lines[i - first]);
        }
        fputc('\n', t->file);
    }
    for (size_t i = 0; i < count && !beside; i++) {
        fprintf(t->file, "%*s%s\n", INDENT, "", lines[i]);
    }
}

/* ---- from data --------------------------------------------------------------------------------------------------- */

void picture_pixels(double *out, const bp_data *data, size_t row)
{
    double low = 0, high = 255;
    row_values(out, data, row);
    for (size_t i = 0; i < data->inputs && data->x_type != BP_U8; i++) {
        low = i == 0 || out[i] < low ? out[i] : low;
        high = i == 0 || out[i] > high ? out[i] : high;
    }
    for (size_t i = 0; i < data->inputs; i++) {
        out[i] = high > low ? (out[i] - low) / (high - low) : 0;
    }
}
