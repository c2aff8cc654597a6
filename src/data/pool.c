/* pool.c - bump allocation in a chain of blocks. */
#include "data/pool.h"

#include <string.h>

enum { GRAIN = 16, HEADER = 64, USUAL = 1 << 14 };

typedef struct bp_pool_block {
    struct bp_pool_block *before;
    size_t used, bytes; /* behind the header */
} bp_pool_block;

_Static_assert(sizeof(bp_pool_block) <= HEADER, "the header of a block has its own cache line");

static bp_pool_block *add_block(bp_pool *p, size_t bytes)
{
    size_t room = bytes > USUAL ? bytes : USUAL, whole;
    if (!bp_add_size(&whole, room, HEADER)) {
        bp_fail(BP_ERR_MEMORY, "a block of %zu bytes is more than the address space holds", bytes);
        return NULL;
    }
    bp_pool_block *b = bp_alloc(&p->allocator, whole, 1);
    if (b) {
        *b = (bp_pool_block){p->last, 0, room};
        p->last = b;
    }
    return b;
}

void *bp_pool_alloc(bp_pool *p, size_t count, size_t size)
{
    size_t bytes;
    if (!bp_mul_size(&bytes, count, size) || bytes > SIZE_MAX / 2) {
        bp_fail(BP_ERR_MEMORY, "%zu elements of %zu bytes are more than the address space holds", count, size);
        return NULL;
    }
    bytes = bp_round_up(bytes, GRAIN);
    bp_pool_block *b = p->last;
    if (!b || bytes > b->bytes - b->used) {
        b = add_block(p, bytes);
    }
    if (!b) {
        return NULL;
    }
    void *block = (char *)b + HEADER + b->used;
    b->used += bytes;
    return block;
}

char *bp_pool_text(bp_pool *p, const char *text, size_t bytes)
{
    size_t room;
    char *copy = bp_add_size(&room, bytes, 1) ? bp_pool_alloc(p, room, 1) : NULL;
    if (copy) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

char *bp_pool_copy(bp_pool *p, const char *text)
{
    return bp_pool_text(p, text, strlen(text));
}

void bp_pool_free(bp_pool *p)
{
    while (p->last) {
        bp_pool_block *b = p->last;
        p->last = b->before;
        bp_release(&p->allocator, b);
    }
}
