/* memory.c - aligned, zeroed, overflow-checked allocation through a replaceable allocator. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* madvise */
#endif
#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { HUGE_PAGE = 2 * 1024 * 1024 };

/* Large blocks ask for huge pages: a matrix walked by columns touches a page a row, more than the CPU's table of small
 * pages holds. */
static void *default_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE) {
        size_t size = bp_round_up(bytes, HUGE_PAGE);
        void *block = aligned_alloc(HUGE_PAGE, size);
        if (block) {
            madvise(block, size, MADV_HUGEPAGE); /* a wish: the memory is as good without */
        }
        return block;
    }
#endif
    return aligned_alloc(BP_ALIGN, bytes);
}

static void default_release(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

bp_allocator bp_allocator_or_default(const bp_allocator *a)
{
    if (a && a->alloc && a->release) {
        return *a;
    }
    return (bp_allocator){default_alloc, default_release, NULL};
}

bool bp_mul_size(size_t *out, size_t a, size_t b)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *out = a * b;
    return true;
}

bool bp_add_size(size_t *out, size_t a, size_t b)
{
    *out = a + b;
    return a <= SIZE_MAX - b;
}

void *bp_alloc(const bp_allocator *a, size_t count, size_t size)
{
    size_t bytes;
    if (!bp_mul_size(&bytes, count, size) || bytes > SIZE_MAX / 2) {
        bp_fail(BP_ERR_MEMORY, "out of memory: %zu elements of %zu bytes overflow the address space", count, size);
        return NULL;
    }
    bytes = bp_round_up(bytes ? bytes : 1, BP_ALIGN);
    void *block = a->alloc(a->ctx, bytes);
    if (!block) {
        bp_fail(BP_ERR_MEMORY, "out of memory: %zu bytes could not be allocated", bytes);
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

void bp_release(const bp_allocator *a, void *block)
{
    if (block) {
        a->release(a->ctx, block);
    }
}

char *bp_strdup(const bp_allocator *a, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = bp_alloc(a, n, 1);
    if (copy) {
        memcpy(copy, text, n);
    }
    return copy;
}
