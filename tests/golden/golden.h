/* golden.h - reading golden values and comparing with them: shared by the test programs that use this folder.
 *
 * A difference is relative to the larger of the two numbers, or to a floor below which only the absolute difference
 * counts. Every comparison is written so that NaN fails. */
#ifndef BP_TEST_GOLDEN_H
#define BP_TEST_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backprop/backprop.h"

typedef struct golden_tolerance {
    double relative, floor;
} golden_tolerance;

/* Numbers of a JSON array, nested ones one after the other. */
typedef struct golden_array {
    size_t count;
    double *v; /* released by the caller with free */
} golden_array;

#define golden_ok(call) golden_status((call), #call, __FILE__, __LINE__) /* the only way to name the call in the text */

static inline void golden_status(bp_status status, const char *call, const char *file, int line)
{
    if (status == BP_OK)
        return;
    print_error("%s: %s: %s\n", call, bp_status_name(status), bp_error());
    _fail(file, line);
}

static inline json_t *golden_load(const char *name)
{
    char path[4096];
    json_error_t error;
    (void)snprintf(path, sizeof path, "%s/%s", BP_GOLDEN_DIR, name);
    json_t *root = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
    if (!root)
        fail_msg("%s, line %d: %s", path, error.line, error.text);
    return root;
}

static inline const json_t *golden_get(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    if (!v)
        fail_msg("golden values: no \"%s\"", key);
    return v;
}

static inline double golden_number(const json_t *object, const char *key)
{
    return json_number_value(golden_get(object, key));
}

static inline size_t golden_size(const json_t *object, const char *key)
{
    return (size_t)golden_number(object, key);
}

static inline const char *golden_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(golden_get(object, key));
    if (!text)
        fail_msg("golden values: \"%s\" is no text", key);
    return text;
}

static inline size_t golden_count(const json_t *v)
{
    size_t n = 0;
    if (json_is_number(v))
        return 1;
    for (size_t i = 0; i < json_array_size(v); i++)
        n += golden_count(json_array_get(v, i));
    return n;
}

static inline double *golden_fill(double *out, const json_t *v)
{
    if (json_is_number(v))
        *out++ = json_number_value(v);
    for (size_t i = 0; i < json_array_size(v); i++)
        out = golden_fill(out, json_array_get(v, i));
    return out;
}

static inline void *golden_alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p)
        fail_msg("out of memory");
    return p;
}

static inline golden_array golden_numbers(const json_t *v)
{
    golden_array a = {golden_count(v), NULL};
    if (a.count == 0)
        fail_msg("golden values: an array without numbers");
    a.v = golden_alloc(a.count, sizeof *a.v);
    (void)golden_fill(a.v, v);
    return a;
}

/* How many of n numbers differ from the golden ones; the worst of them is printed. */
static inline size_t golden_differences(const char *what, const char *part, const double *found, const double *golden,
                                        size_t n, golden_tolerance tolerance)
{
    size_t bad = 0, worst = 0;
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fmax(fmax(fabs(found[i]), fabs(golden[i])), tolerance.floor);
        double difference = found[i] == golden[i] ? 0 : fabs(found[i] - golden[i]) / size;
        if (difference <= tolerance.relative)
            continue;
        if (bad++ == 0 || !(difference <= most)) {
            worst = i;
            most = difference;
        }
    }
    if (bad)
        print_error("%s: %s: %zu of %zu differ, worst [%zu] %.17g, golden %.17g, relative %.2g\n", what, part, bad, n,
                    worst, found[worst], golden[worst], most);
    return bad;
}

#endif
