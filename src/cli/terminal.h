/* terminal.h - what the other end of a stream can show, and how numbers are written for people. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct terminal {
    FILE *file;
    bool live;    /* a terminal that can rewrite a line */
    bool colour;  /* live, and neither NO_COLOR nor TERM=dumb forbids it */
    bool unicode; /* block characters; only ever on a terminal */
    size_t width; /* columns; 80 where unknown */
} terminal;

terminal terminal_of(FILE *file);

typedef enum style { STYLE_OFF, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_ACCENT, STYLES } style;

/* The escape sequence of a style, or "" without colour. */
const char *style_on(const terminal *t, style s);
static inline const char *style_off(const terminal *t)
{
    return style_on(t, STYLE_OFF);
}

/* Columns that UTF-8 text takes, one a character. */
size_t text_columns(const char *text);
/* The first `width` columns of text, then blanks up to there. */
void pad_text(FILE *out, const char *text, size_t width);
/* The same at the right end of them. */
void pad_text_left(FILE *out, const char *text, size_t width);
/* Writes text in words from column `at`, following lines from column `indent`, and ends the line. */
void wrap_text(FILE *out, const char *text, size_t at, size_t indent, size_t width);
/* Where lines are to be broken: one column before the end of a terminal, nowhere in a file. */
static inline size_t wrap_width(const terminal *t)
{
    return t->live ? t->width - 1 : SIZE_MAX;
}

/* A row of blocks, one for each value scaled to the range of them all; NaN is a blank. out: 3 count + 1 bytes. */
void sparkline(char *out, const terminal *t, const double *values, size_t count);
/* The same for a share 0..1 of a bar of `width` columns. out: 3 width + 1 bytes. */
void progress_bar(char *out, const terminal *t, double share, size_t width);

/* Numbers for people; out holds at least NUMBER_SIZE bytes and is returned. */
#define NUMBER_SIZE 40
const char *number_text(char *out, double value);     /* whole: "60,000" */
const char *rate_text(char *out, double per_second);  /* three digits: "215,000" */
const char *duration_text(char *out, double seconds); /* "0.31 s", "2 min 05 s" */
const char *bytes_text(char *out, double bytes);      /* "1.1 MB" */
const char *percent_text(char *out, double share);    /* "98.31 %"; NaN: "-" */
const char *loss_text(char *out, double loss);        /* four digits; NaN: "-" */

#endif
