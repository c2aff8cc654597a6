/* pool.h - memory that is given back all at once: for objects of many small parts, and for work space. Not for worker
 * threads. */
#ifndef BP_POOL_H
#define BP_POOL_H

#include "base/base.h"

typedef struct bp_pool {
    bp_allocator allocator;
    struct bp_pool_block *last; /* the block in use; each knows the one before */
} bp_pool;

/* Zeroed, aligned to 16 bytes; count or size 0 gives a valid block. NULL with the text set when memory is out. */
void *bp_pool_alloc(bp_pool *p, size_t count, size_t size);
/* A copy of the first `bytes` bytes of text, ended by 0. */
char *bp_pool_text(bp_pool *p, const char *text, size_t bytes);
char *bp_pool_copy(bp_pool *p, const char *text);
void bp_pool_free(bp_pool *p);

#endif
