/* memory.h - checked memory from the C library's allocator: zeroed, NULL with the text set where there is none. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include "base/base.h"

static inline void *cli_alloc(size_t count, size_t size)
{
    bp_allocator a = bp_allocator_or_default(NULL);
    return bp_alloc(&a, count, size);
}

static inline void cli_release(void *block)
{
    bp_allocator a = bp_allocator_or_default(NULL);
    bp_release(&a, block);
}

#endif
