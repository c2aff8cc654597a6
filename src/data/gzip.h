/* gzip.h - zlib with the caller's memory, for reader.c and writer.c. */
#ifndef BP_GZIP_H
#define BP_GZIP_H

#define ZLIB_CONST /* inputs are const */
#include <zlib.h>

#include "base/base.h"

static inline void *bp_zlib_alloc(void *ctx, unsigned items, unsigned size)
{
    return bp_alloc(ctx, items, size);
}

static inline void bp_zlib_release(void *ctx, void *block)
{
    bp_release(ctx, block);
}

/* Before inflateInit2 or deflateInit2. The allocator must outlive the stream. */
static inline void bp_zlib_use(z_stream *z, bp_allocator *allocator)
{
    z->zalloc = bp_zlib_alloc;
    z->zfree = bp_zlib_release;
    z->opaque = allocator;
}

#endif
