/* prepare_hint.c - columns of text that were probably meant as numbers: what stands in the way, in words. Nothing is decided
 * here; texts stay texts. */
#include "data/prepare.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LOOKED_AT = 1000, HINT = 400 }; /* levels; bytes */

/* Digits in front; how many. */
static size_t digits(const char *text)
{
    size_t n = 0;
    while (isdigit((unsigned char)text[n])) {
        n++;
    }
    return n;
}

/* 1.234,5 or 12,5: the comma in front of decimals. */
static bool decimal_comma(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t n = digits(text);
    text += n;
    while (n > 0 && *text == '.' && digits(text + 1) == 3) {
        text += 4;
    }
    return n > 0 && *text == ',' && digits(text + 1) > 0 && text[1 + digits(text + 1)] == '\0';
}

/* 1,234 or 1,234,567.8: commas between thousands. */
static bool grouped(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t n = digits(text), groups = 0;
    text += n;
    for (; *text == ',' && digits(text + 1) == 3; text += 4) {
        groups++;
    }
    if (*text == '.') {
        text += 1 + digits(text + 1);
    }
    return n > 0 && n <= 3 && groups > 0 && *text == '\0';
}

/* $12, 5 %, 1,200 EUR-sign: a number with a sign of money or per cent around it. */
static bool with_sign(const char *text)
{
    static const char *const signs[] = {"$", "€", "£", "¥", "%"};
    char number[64];
    double value;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const char *at = strstr(text, signs[i]);
        size_t before = at ? (size_t)(at - text) : 0, n = strlen(signs[i]);
        if (at && strlen(text) < sizeof number && (before == 0 || at[n] == '\0')) {
            snprintf(number, sizeof number, "%.*s%s", (int)before, text, at + n);
            const char *bare = number + strspn(number, " ");
            number[strlen(number) - (before > 0 && number[strlen(number) - 1] == ' ')] = '\0';
            return bp_parse_double(&value, bare) || grouped(bare) || decimal_comma(bare);
        }
    }
    return false;
}

/* Ways to write numbers that are not read as such, in the order in which they are tried: 1,234 may be both of the first. */
static const struct {
    bool (*is)(const char *text);
    const char *what, *advice;
} ways[] = {
    {grouped, "commas between thousands", "write them without"},
    {decimal_comma, "a decimal comma", "have the table read with decimal commas"},
    {with_sign, "a sign of money or per cent", "write them without"},
};

/* Whether nine in ten of the levels are numbers, this way or as usual, and some are so only this way; *example: one of those. */
static bool written_so(const char **example, const bp_column *c, bool (*is)(const char *text))
{
    size_t looked = c->level_count < LOOKED_AT ? c->level_count : LOOKED_AT, numbers = 0;
    double value;
    *example = NULL;
    for (size_t i = 0; i < looked; i++) {
        bool so = is(c->level[i]);
        *example = so && !*example ? c->level[i] : *example;
        numbers += so || bp_parse_double(&value, c->level[i]);
    }
    return *example && 10 * numbers >= 9 * looked;
}

static void odd_cells(char *out, size_t size, const bp_column *c)
{
    const char *them = c->odd == 1 ? "it" : "them";
    snprintf(out, size,
             "hint: it is text because of %zu cell%s among numbers or dates, the first in line %zu: \"%s\"; correct "
             "%s, or count %s as missing",
             c->odd, c->odd == 1 ? "" : "s", c->odd_line, c->odd_text, them, them);
}

bp_status bp_column_hint(const char **out, bp_pool *pool, const bp_column *c)
{
    char text[HINT] = "";
    const char *example = NULL;
    *out = NULL;
    if (c->kind != BP_COLUMN_TEXT) {
        return BP_OK;
    }
    if (c->odd > 0) {
        odd_cells(text, sizeof text, c);
    }
    for (size_t i = 0; i < sizeof ways / sizeof *ways && text[0] == '\0'; i++) {
        if (written_so(&example, c, ways[i].is)) {
            char shown[64];
            snprintf(text, sizeof text, "hint: its cells look like numbers with %s, as in \"%s\"; %s", ways[i].what,
                     bp_text_shown(shown, sizeof shown, example, strlen(example)), ways[i].advice);
        }
    }
    *out = text[0] != '\0' ? bp_pool_copy(pool, text) : NULL;
    return *out || text[0] == '\0' ? BP_OK : BP_ERR_MEMORY;
}
