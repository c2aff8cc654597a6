/* scan.h - numbers and signs out of a text file: what the readers of other libraries' text formats stand on. Knows the line
 * it is in, never reads past the end, and tells what was expected and found. Nothing here knows a format. */
#ifndef BP_SCAN_H
#define BP_SCAN_H

#include "base/base.h"

typedef struct bp_scan {
    const char *path; /* the caller's */
    const char *at, *end;
    size_t line; /* of `at`, from 1 */
} bp_scan;

/* The whole file in memory, *text, which the caller releases with the same allocator; s begins at its first byte. */
bp_status bp_scan_open(bp_scan *s, char **text, const char *path, const bp_allocator *allocator);
void bp_scan_blanks(bp_scan *s);       /* moves past blanks and line ends */
bool bp_scan_at_end(bp_scan *s);       /* nothing but blanks is left */
size_t bp_scan_left(const bp_scan *s); /* bytes */
/* The next number, finite, up to a blank, a comma or a bracket; blanks before it are skipped. what: "weight 7" is for the text. */
bp_status bp_scan_number(bp_scan *s, double *out, const char *what);
bp_status bp_scan_count(bp_scan *s, size_t *out, const char *what);
/* The next sign that is no blank must be c. */
bp_status bp_scan_sign(bp_scan *s, char c, const char *what);
/* Fails: "reading PATH, line N: expected WHAT, found "..."". */
bp_status bp_scan_fail(const bp_scan *s, const char *what);

#endif
