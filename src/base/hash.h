/* hash.h - a 64-bit fingerprint of bytes: XXH64 with seed 0, as specified in
 * github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, version 0.1.1. It finds damage and tells data apart; it is no
 * protection against people who mean harm. The values are part of file formats: never change them. */
#ifndef BP_HASH_H
#define BP_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct bp_hash {
    uint64_t lane[4];
    uint64_t bytes;         /* so far */
    unsigned char rest[32]; /* the last bytes % 32 of them */
} bp_hash;

bp_hash bp_hash_new(void);
void bp_hash_add(bp_hash *h, const void *data, size_t bytes);
uint64_t bp_hash_value(const bp_hash *h); /* of all bytes so far; more may follow */

#endif
