/* names.c - tables of names: look-up, the nearest valid name, numbers from text. */
#include "base/base.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bp_find_name(const char *name, bp_name_at name_at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, name_at(i)) == 0) {
            return (int)i;
        }
    }
    return -1;
}

enum { LONGEST = 40 }; /* name whose distance to another is computed */

size_t bp_edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) {
        return LONGEST;
    }
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *bp_nearest_name(const char *name, bp_name_at name_at, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 2; /* farther than this is no typing error */
    best = best < LONGEST ? best : LONGEST;
    for (size_t i = 0; i < count; i++) {
        const char *candidate = name_at(i);
        size_t d = bp_edit_distance(name, candidate);
        bool prefix = strlen(name) >= 2 && strncmp(name, candidate, strlen(name)) == 0;
        if (prefix && d >= best) {
            d = best - 1;
        }
        if (d < best) {
            best = d;
            nearest = candidate;
        }
    }
    return nearest;
}

bp_status bp_fail_unknown(const char *what, const char *name, bp_name_at name_at, size_t count)
{
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof list; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", name_at(i));
        used += n > 0 ? (size_t)n : 0;
    }
    const char *near = bp_nearest_name(name, name_at, count);
    if (near) {
        return bp_fail(BP_ERR_ARGUMENT, "unknown %s \"%s\"; did you mean \"%s\"? (valid: %s)", what, name, near, list);
    }
    return bp_fail(BP_ERR_ARGUMENT, "unknown %s \"%s\" (valid: %s)", what, name, list);
}

const char *bp_split_name(char name[32], const char *text, char until)
{
    const char *at = strchr(text, until);
    size_t n = at ? (size_t)(at - text) : strlen(text);
    n = n < 31 ? n : 31;
    memcpy(name, text, n);
    name[n] = '\0';
    return at ? at + 1 : NULL;
}

bool bp_parse_double(double *out, const char *text)
{
    /* strtod reads the decimal point of the current locale: give it that one in place of ours. */
    enum { LONGEST_NUMBER = 63 };
    char copy[LONGEST_NUMBER + 17]; /* a decimal point may take several bytes */
    size_t n = strlen(text), whole = strcspn(text, ".");
    if (n == 0 || n > LONGEST_NUMBER || strspn(text, "0123456789+-.eE") != n) {
        return false;
    }
    bool point = whole < n;
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)whole, text, point ? localeconv()->decimal_point : "",
             point ? text + whole + 1 : "");
    char *end;
    double value = strtod(copy, &end);
    if (*end != '\0' || end == copy || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

bool bp_parse_size(size_t *out, const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || strspn(text, "0123456789") != n) {
        return false;
    }
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value > SIZE_MAX) {
        return false;
    }
    *out = (size_t)value;
    return true;
}
