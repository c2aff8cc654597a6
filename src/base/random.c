/* random.c - streams of random numbers on top of Philox; see random.h. */
#include "base/random.h"

#include <math.h>

bp_rng bp_rng_new(uint64_t seed, bp_purpose purpose, uint32_t index)
{
    bp_rng r = {{(uint32_t)seed, (uint32_t)(seed >> 32)}, {0, 0, index, (uint32_t)purpose}, {0, 0, 0, 0}, 0};
    return r;
}

uint32_t bp_rng_u32(bp_rng *r)
{
    if (r->left == 0) {
        bp_philox(r->word, r->key, r->ctr);
        r->left = 4;
        if (++r->ctr[0] == 0) {
            r->ctr[1]++;
        }
    }
    return r->word[4 - r->left--];
}

uint64_t bp_rng_u64(bp_rng *r)
{
    uint64_t high = bp_rng_u32(r);
    return high << 32 | bp_rng_u32(r);
}

double bp_rng_uniform(bp_rng *r)
{
    return (double)(bp_rng_u64(r) >> 11) * 0x1p-53;
}

double bp_rng_normal(bp_rng *r)
{
    double u = 1.0 - bp_rng_uniform(r); /* (0, 1] */
    double v = bp_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t bp_rng_below(bp_rng *r, uint64_t n)
{
    uint64_t unbiased = UINT64_MAX - UINT64_MAX % n; /* a multiple of n */
    uint64_t x;
    do {
        x = bp_rng_u64(r);
    } while (x >= unbiased);
    return x % n;
}

void bp_rng_permutation(bp_rng *r, uint32_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint32_t)i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)bp_rng_below(r, i);
        uint32_t t = p[i - 1];
        p[i - 1] = p[j];
        p[j] = t;
    }
}
