/* budget.c - an allocator with a limit. Each block begins with its size, in a cache line of its own. */
#include "format/budget.h"

#include <string.h>

static void *budget_alloc(void *ctx, size_t bytes)
{
    bp_budget *b = ctx;
    if (b->left < 2 * BP_ALIGN || bytes > b->left - 2 * BP_ALIGN) {
        return NULL;
    }
    bytes = bp_round_up(bytes, BP_ALIGN); /* an allocator may ask for that, and not every caller does it */
    char *block = b->allocator.alloc(b->allocator.ctx, bytes + BP_ALIGN);
    if (!block) {
        b->starved = true;
        return NULL;
    }
    bytes += BP_ALIGN;
    b->left -= bytes;
    memcpy(block, &bytes, sizeof bytes);
    return block + BP_ALIGN;
}

static void budget_release(void *ctx, void *block)
{
    bp_budget *b = ctx;
    size_t bytes;
    memcpy(&bytes, (char *)block - BP_ALIGN, sizeof bytes);
    b->left += bytes;
    b->allocator.release(b->allocator.ctx, (char *)block - BP_ALIGN);
}

bp_budget bp_budget_for(size_t bytes, size_t times, const bp_allocator *allocator)
{
    enum { USUAL = 1 << 22 }; /* bytes: nodes and names */
    size_t all;
    bool fits = bp_mul_size(&all, bytes, times) && bp_add_size(&all, all, USUAL);
    return (bp_budget){*allocator, fits ? all : SIZE_MAX, false};
}

bp_allocator bp_budget_allocator(bp_budget *b)
{
    return (bp_allocator){budget_alloc, budget_release, b};
}
