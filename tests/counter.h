/* counter.h - an allocator that counts, and fails where it is told to. */
#ifndef BP_TEST_COUNTER_H
#define BP_TEST_COUNTER_H

#include <stdlib.h>

#include "backprop/backprop.h"

/* How often it was asked, and what is still out. */
typedef struct counter {
    size_t calls, live;
    size_t fail_at; /* the call that fails, 1-based; 0: none */
} counter;

static inline void *counted_alloc(void *ctx, size_t bytes)
{
    counter *c = ctx;
    if (++c->calls == c->fail_at) {
        return NULL;
    }
    c->live++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static inline void counted_release(void *ctx, void *block)
{
    counter *c = ctx;
    c->live--;
    free(block);
}

static inline bp_allocator counting(counter *c)
{
    bp_allocator a = {counted_alloc, counted_release, c};
    return a;
}

#endif
