/* peak.c - multiply-adds on registers alone: the arithmetic limit of a CPU, against which a benchmark holds the rest. */
#include "kernel/vector/set.h"
#include "kernel/vector/simd.h"

/* Chains enough for two multiply-add units with a latency of 4 cycles, and as many as the registers hold. */
enum { CHAINS = BP_REGISTERS == 32 ? 24 : 12 };

double NAME(bp_fma_burst)(size_t rounds, void *out)
{
    vec sum[CHAINS], x = v_set(R(0.999)), y = v_set(R(0.001));
    UNROLL for (int i = 0; i < CHAINS; i++)
    {
        sum[i] = v_set((real)i);
    }
    for (size_t r = 0; r < rounds; r++) {
        UNROLL for (int i = 0; i < CHAINS; i++)
        {
            sum[i] = v_fma(sum[i], x, y);
        }
    }
    UNROLL for (int i = 1; i < CHAINS; i++)
    {
        sum[0] = sum[0] + sum[i];
    }
    *(real *)out = v_sum(sum[0]);
    return 2.0 * (double)rounds * CHAINS * VL;
}
