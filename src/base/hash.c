/* hash.c - XXH64; names and steps are those of its specification, see hash.h. */
#include "base/hash.h"

#include <string.h>

static const uint64_t PRIME1 = 0x9E3779B185EBCA87u, PRIME2 = 0xC2B2AE3D27D4EB4Fu, PRIME3 = 0x165667B19E3779F9u,
                      PRIME4 = 0x85EBCA77C2B2AE63u, PRIME5 = 0x27D4EB2F165667C5u;

enum { STRIPE = 32 };

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* Little-endian, whatever the machine is. */
static inline uint64_t read_64(const unsigned char *p)
{
    uint64_t x = 0;
    for (int i = 7; i >= 0; i--) {
        x = x << 8 | p[i];
    }
    return x;
}

static inline uint64_t read_32(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static inline uint64_t round_of(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * PRIME2, 31) * PRIME1;
}

bp_hash bp_hash_new(void)
{
    return (bp_hash){.lane = {PRIME1 + PRIME2, PRIME2, 0, 0 - PRIME1}};
}

static void add_stripe(bp_hash *h, const unsigned char *p)
{
    for (size_t i = 0; i < 4; i++) {
        h->lane[i] = round_of(h->lane[i], read_64(p + 8 * i));
    }
}

void bp_hash_add(bp_hash *h, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    size_t used = h->bytes % STRIPE;
    h->bytes += bytes;
    if (bytes > 0 && used > 0) { /* of no bytes the address may be NULL */
        size_t more = bytes < STRIPE - used ? bytes : STRIPE - used;
        memcpy(h->rest + used, p, more);
        p += more;
        bytes -= more;
        if (used + more < STRIPE) {
            return;
        }
        add_stripe(h, h->rest);
    }
    for (; bytes >= STRIPE; p += STRIPE, bytes -= STRIPE) {
        add_stripe(h, p);
    }
    if (bytes > 0) {
        memcpy(h->rest, p, bytes);
    }
}

static uint64_t merge_lanes(const bp_hash *h)
{
    const uint64_t *lane = h->lane;
    uint64_t x = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
    for (size_t i = 0; i < 4; i++) {
        x = (x ^ round_of(0, lane[i])) * PRIME1 + PRIME4;
    }
    return x;
}

uint64_t bp_hash_value(const bp_hash *h)
{
    const unsigned char *p = h->rest;
    size_t left = h->bytes % STRIPE;
    uint64_t x = (h->bytes >= STRIPE ? merge_lanes(h) : PRIME5) + h->bytes;
    for (; left >= 8; p += 8, left -= 8) {
        x = rotate(x ^ round_of(0, read_64(p)), 27) * PRIME1 + PRIME4;
    }
    if (left >= 4) {
        x = rotate(x ^ read_32(p) * PRIME1, 23) * PRIME2 + PRIME3;
        p += 4;
        left -= 4;
    }
    for (; left > 0; p++, left--) {
        x = rotate(x ^ *p * PRIME5, 11) * PRIME1;
    }
    x = (x ^ x >> 33) * PRIME2;
    x = (x ^ x >> 29) * PRIME3;
    return x ^ x >> 32;
}
