/* team.c - the thread team, on OpenMP; the clock. */
#include "base/base.h"

#include <omp.h>
#include <time.h>

void bp_team_run(int threads, bp_team_fn fn, void *ctx)
{
    if (threads <= 1) {
        fn(ctx, 0, 1);
        return;
    }
#pragma omp parallel num_threads(threads)
    fn(ctx, omp_get_thread_num(), omp_get_num_threads());
}

void bp_team_barrier(int threads)
{
    if (threads > 1) {
#pragma omp barrier
    }
}

bp_range bp_team_share(size_t n, size_t grain, int thread, int threads)
{
    size_t pieces = (n + grain - 1) / grain, t = (size_t)thread, count = (size_t)threads;
    size_t base = pieces / count, extra = pieces % count;
    size_t first = t * base + (t < extra ? t : extra);
    size_t last = first + base + (t < extra);
    size_t begin = first * grain, end = last * grain;
    return (bp_range){begin < n ? begin : n, end < n ? end : n};
}

double bp_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
