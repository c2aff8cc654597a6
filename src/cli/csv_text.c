/* csv_text.c - cells and lines of CSV in memory. */
#include "csv_text.h"

#include <errno.h>
#include <string.h>

#include "base/decimal.h"
#include "memory.h"

csv_text csv_text_new(char delimiter, bool decimal_comma)
{
    return (csv_text){.delimiter = delimiter, .decimal_comma = decimal_comma};
}

void csv_text_free(csv_text *t)
{
    cli_release(t->text);
    *t = (csv_text){0};
}

/* Room for `bytes` more at the end, or NULL. */
static char *more(csv_text *t, size_t bytes)
{
    enum { FIRST = 1 << 16 };
    if (t->failed) {
        return NULL;
    }
    if (bytes > t->room - t->used) {
        size_t room = t->room < FIRST ? FIRST : 2 * t->room;
        room = room - t->used < bytes ? t->used + bytes : room;
        char *text = cli_alloc(room, 1);
        t->failed = text == NULL;
        if (t->failed) {
            return NULL;
        }
        memcpy(text, t->text != NULL ? t->text : "", t->used);
        cli_release(t->text);
        t->text = text;
        t->room = room;
    }
    return t->text + t->used;
}

static void put(csv_text *t, const char *bytes, size_t count)
{
    char *to = more(t, count);
    if (to != NULL) {
        memcpy(to, bytes, count);
        t->used += count;
    }
}

static void separate(csv_text *t)
{
    if (t->in_line) {
        put(t, &t->delimiter, 1);
    }
    t->in_line = true;
}

/* Whether a reader would take the plain text for something else. Between blanks, an empty cell would be none. */
static bool needs_quotes(const csv_text *t, const char *text, size_t length)
{
    if (length == 0) {
        return t->delimiter == ' ';
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == t->delimiter || c == '"' || c == '\n' || c == '\r' || (c == '\t' && t->delimiter == ' ')) {
            return true;
        }
    }
    char first = text[0], last = text[length - 1];
    return first == ' ' || first == '\t' || last == ' ' || last == '\t';
}

void csv_cell(csv_text *t, const char *text)
{
    const char *cell = text != NULL ? text : "";
    size_t length = strlen(cell);
    separate(t);
    if (!needs_quotes(t, cell, length)) {
        put(t, cell, length);
        return;
    }
    put(t, "\"", 1);
    for (const char *at = cell; *at != '\0'; at++) {
        put(t, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    }
    put(t, "\"", 1);
}

void csv_number(csv_text *t, double value, bp_type type)
{
    char text[BP_DECIMAL_SIZE];
    size_t length = bp_decimal_text(text, value, type);
    char *point = t->decimal_comma ? strchr(text, '.') : NULL;
    if (point != NULL) {
        *point = ',';
        csv_cell(t, text);
        return;
    }
    separate(t);
    put(t, text, length);
}

void csv_raw(csv_text *t, const char *text, size_t bytes)
{
    separate(t);
    put(t, text, bytes);
}

void csv_line_end(csv_text *t)
{
    put(t, "\n", 1);
    t->in_line = false;
}

bp_status csv_text_write(const csv_text *t, FILE *file)
{
    if (t->failed) {
        return BP_ERR_MEMORY;
    }
    if (fwrite(t->text, 1, t->used, file) != t->used) {
        return bp_fail(BP_ERR_IO, "writing CSV failed: %s", strerror(errno));
    }
    return BP_OK;
}
