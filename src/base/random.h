/* random.h - counter-based random numbers.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
 * doi:10.1145/2063384.2063405, section 4.3. A number is a pure function of (key, counter): there is no state to share,
 * so masks, shuffles and initial weights do not depend on threads or on the order in which they are asked for. */
#ifndef BP_RANDOM_H
#define BP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* out[4] = Philox4x32-10 of key[2] and ctr[4]. */
static inline void bp_philox(uint32_t out[4], const uint32_t key[2], const uint32_t ctr[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0; /* multipliers and Weyl constants: table 2 of the paper */
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* What a stream of numbers is for. Part of its counter, so no two uses of one seed ever overlap. Values are part of the
 * reproducibility promise: never renumber. */
typedef enum bp_purpose {
    BP_RANDOM_INIT = 1,    /* initial weights */
    BP_RANDOM_SHUFFLE = 2, /* order of the rows in an epoch */
    BP_RANDOM_DROPOUT = 3, /* dropout masks */
    BP_RANDOM_SPLIT = 4,   /* train/validation split */
    BP_RANDOM_DATA = 5,    /* generated data sets */
    BP_RANDOM_SAMPLE = 6,  /* samples drawn by checks */
    BP_RANDOM_PERMUTE = 7, /* columns of tables shuffled to see what they are worth */
    BP_RANDOM_SEARCH = 8   /* settings that a search tries */
} bp_purpose;

/* A reader of one stream: (seed, purpose, index) names the stream, the position counts within it. */
typedef struct bp_rng {
    uint32_t key[2];
    uint32_t ctr[4]; /* position (64 bits), index, purpose */
    uint32_t word[4];
    int left; /* words of word[] not yet handed out */
} bp_rng;

bp_rng bp_rng_new(uint64_t seed, bp_purpose purpose, uint32_t index);
uint32_t bp_rng_u32(bp_rng *r);
uint64_t bp_rng_u64(bp_rng *r);
double bp_rng_uniform(bp_rng *r);             /* [0, 1), 53 random bits */
double bp_rng_normal(bp_rng *r);              /* mean 0, variance 1: Box & Muller, Ann. Math. Stat. 29 (1958) */
uint32_t bp_rng_below(bp_rng *r, uint32_t n); /* 0 .. n-1 without bias; n > 0 */
/* p[0..n) = a random permutation of 0 .. n-1, n < 2^32 (Fisher and Yates, in Durstenfeld's form). */
void bp_rng_permutation(bp_rng *r, uint32_t *p, size_t n);

#endif
