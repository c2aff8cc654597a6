/* scan.c - reading texts sign by sign; see scan.h. */
#include <ctype.h>
#include <string.h>

#include "data/file.h"
#include "data/number.h"
#include "format/scan.h"

bp_status bp_scan_open(bp_scan *s, char **text, const char *path, const bp_allocator *allocator)
{
    bp_reader *r;
    *text = NULL;
    bp_status status = bp_reader_open(&r, path, false, allocator);
    if (status != BP_OK) {
        return status;
    }
    size_t bytes = bp_reader_most(r);
    bp_allocator a = bp_allocator_or_default(allocator);
    *text = bp_alloc(&a, bytes, 1);
    status = *text ? bp_reader_read(r, *text, bytes, "text") : BP_ERR_MEMORY;
    bp_reader_close(r);
    *s = (bp_scan){path, *text, *text ? *text + bytes : NULL, 1};
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void bp_scan_blanks(bp_scan *s)
{
    for (; s->at < s->end && is_blank(*s->at); s->at++) {
        s->line += *s->at == '\n';
    }
}

bool bp_scan_at_end(bp_scan *s)
{
    bp_scan_blanks(s);
    return s->at == s->end;
}

size_t bp_scan_left(const bp_scan *s)
{
    return (size_t)(s->end - s->at);
}

/* Length of the word at s->at. */
static size_t word_length(const bp_scan *s)
{
    const char *p = s->at;
    while (p < s->end && !is_blank(*p) && !strchr("(),=", *p)) { /* the terminating zero counts as such a sign, too */
        p++;
    }
    return (size_t)(p - s->at);
}

bp_status bp_scan_fail(const bp_scan *s, const char *what)
{
    char found[41];
    size_t length = 0;
    for (const char *p = s->at; p < s->end && *p != '\n' && length < sizeof found - 1; p++) {
        found[length++] = isprint((unsigned char)*p) ? *p : '?';
    }
    found[length] = '\0';
    return length ? bp_fail(BP_ERR_FORMAT, "reading %s, line %zu: expected %s, found \"%s\"", s->path, s->line, what,
                            found)
                  : bp_fail(BP_ERR_FORMAT, "reading %s, line %zu: expected %s, but %s ends here", s->path, s->line,
                            what, s->at < s->end ? "the line" : "the text");
}

bp_status bp_scan_number(bp_scan *s, double *out, const char *what)
{
    bp_scan_blanks(s);
    size_t length = word_length(s);
    if (bp_number_parse(out, s->at, length, '.') != BP_NUMBER_VALUE) {
        return bp_scan_fail(s, what);
    }
    s->at += length;
    return BP_OK;
}

bp_status bp_scan_count(bp_scan *s, size_t *out, const char *what)
{
    char digits[24];
    bp_scan_blanks(s);
    size_t length = word_length(s);
    if (length >= sizeof digits) {
        return bp_scan_fail(s, what);
    }
    memcpy(digits, s->at, length);
    digits[length] = '\0';
    if (!bp_parse_size(out, digits)) {
        return bp_scan_fail(s, what);
    }
    s->at += length;
    return BP_OK;
}

bp_status bp_scan_sign(bp_scan *s, char c, const char *what)
{
    bp_scan_blanks(s);
    if (s->at == s->end || *s->at != c) {
        return bp_scan_fail(s, what);
    }
    s->at++;
    return BP_OK;
}
