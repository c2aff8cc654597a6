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

/* Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019), arXiv:1805.10941, algorithm 5. */
uint32_t bp_rng_below(bp_rng *r, uint32_t n)
{
    uint64_t product = (uint64_t)bp_rng_u32(r) * n;
    if ((uint32_t)product < n) {
        uint32_t biased = -n % n;
        while ((uint32_t)product < biased) {
            product = (uint64_t)bp_rng_u32(r) * n;
        }
    }
    return (uint32_t)(product >> 32);
}

void bp_rng_permutation(bp_rng *r, uint32_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint32_t)i;
    }
    for (size_t i = n; i > 1; i--) {
        uint32_t j = bp_rng_below(r, (uint32_t)i), t = p[i - 1];
        p[i - 1] = p[j];
        p[j] = t;
    }
}
