/* csv_text.h - a growing piece of CSV text: cells, quoted where they must be, and line ends (RFC 4180, but with \n). */
#ifndef CLI_CSV_TEXT_H
#define CLI_CSV_TEXT_H

#include "cli.h"

typedef struct csv_text {
    char *text;
    size_t used, room;
    char delimiter;
    bool decimal_comma; /* numbers are written 1,5 */
    bool in_line;       /* a cell of the line has been written */
    bool failed;        /* out of memory, the text is set: further calls do nothing */
} csv_text;

csv_text csv_text_new(char delimiter, bool decimal_comma);
void csv_text_free(csv_text *t);
/* Forgets what was written, keeps the memory. */
static inline void csv_text_clear(csv_text *t)
{
    t->used = 0;
}

void csv_cell(csv_text *t, const char *text); /* NULL: an empty cell */
void csv_number(csv_text *t, double value, bp_type type);
/* A line, or the beginning of one, that is CSV already. */
void csv_raw(csv_text *t, const char *text, size_t bytes);
void csv_line_end(csv_text *t);
/* Writes it to file; BP_ERR_IO where that failed, BP_ERR_MEMORY where it could not be made. */
bp_status csv_text_write(const csv_text *t, FILE *file);

#endif
