/* base.h - what every room needs: failure text, checked memory, the thread team, time. */
#ifndef BP_BASE_H
#define BP_BASE_H

#include <stdarg.h>

#include "backprop/backprop.h"

#define BP_ALIGN 64 /* bytes: a cache line, and the widest vector */

#if defined(__GNUC__)
#define BP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define BP_PRINTF(fmt, args)
#endif

/* Records the text of a failure for bp_error() and returns its status: return bp_fail(BP_ERR_SHAPE, "...", ...); */
bp_status bp_fail(bp_status status, const char *format, ...) BP_PRINTF(2, 3);
/* The status of the last failure in the calling thread. */
bp_status bp_last_status(void);
/* Puts more context in front of the recorded text, "reading x.bin: ", and returns status. */
bp_status bp_fail_context(bp_status status, const char *format, ...) BP_PRINTF(2, 3);

/* Memory: aligned to BP_ALIGN, zeroed, count * size checked for overflow; count or size 0 gives a valid block. On failure
 * NULL, with the text set (BP_ERR_MEMORY). The allocator is never NULL: bp_allocator_or_default makes one. */
bp_allocator bp_allocator_or_default(const bp_allocator *a);
void *bp_alloc(const bp_allocator *a, size_t count, size_t size);
void bp_release(const bp_allocator *a, void *block); /* NULL is allowed */
char *bp_strdup(const bp_allocator *a, const char *text);
/* *out = a * b or a + b; false when that overflows. */
bool bp_mul_size(size_t *out, size_t a, size_t b);
bool bp_add_size(size_t *out, size_t a, size_t b);

static inline size_t bp_round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* The index of the name that equals `name`, of `count`, or -1. name_at gives the valid names. */
typedef const char *(*bp_name_at)(size_t index);
int bp_find_name(const char *name, bp_name_at name_at, size_t count);
/* Fails with "unknown WHAT "NAME"; did you mean ...? (valid: a, b, c)". */
bp_status bp_fail_unknown(const char *what, const char *name, bp_name_at name_at, size_t count);
/* The valid name nearest to `name` by edit distance, or NULL when none is near. */
const char *bp_nearest_name(const char *name, bp_name_at name_at, size_t count);

/* Levenshtein's distance; 40 for texts that are longer than that. */
size_t bp_edit_distance(const char *a, const char *b);

/* name = text up to `until` or its end (cut at 31 bytes); returns what follows `until`, NULL if it is not there. */
const char *bp_split_name(char name[32], const char *text, char until);

/* How many bytes of a text of `length` bytes in UTF-8 fit into `most` without cutting a character in two. */
static inline size_t bp_text_fitting(const char *text, size_t length, size_t most)
{
    size_t n = length < most ? length : most;
    while (n > 0 && n < length && ((unsigned char)text[n] & 0xC0) == 0x80) {
        n--;
    }
    return n;
}

/* Number from text, whole text, independent of locale; false if it is none or not finite. */
bool bp_parse_double(double *out, const char *text);
bool bp_parse_size(size_t *out, const char *text);

/* Thread team: runs fn(ctx, thread, threads) on up to `threads` threads at once, the caller being number 0, and returns
 * when all are done. With threads = 1 it is a plain call. Inside fn, bp_team_barrier waits for all. */
typedef void (*bp_team_fn)(void *ctx, int thread, int threads);
void bp_team_run(int threads, bp_team_fn fn, void *ctx);
void bp_team_barrier(int threads);

/* The part of 0 .. n that belongs to a thread, cut at multiples of `grain`. */
typedef struct bp_range {
    size_t begin, end;
} bp_range;
bp_range bp_team_share(size_t n, size_t grain, int thread, int threads);

double bp_seconds(void); /* monotonic clock */

#endif
