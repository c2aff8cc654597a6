/* bench_limits.c - the limits of the machine, measured: multiply-adds of each core's registers, and bytes to and from memory. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/base.h"
#include "memory.h"

/* ---- what the system tells --------------------------------------------------------------------------------------- */

void cpu_name(char *out, size_t size)
{
    char line[256];
    struct utsname system;
    snprintf(out, size, "%s", uname(&system) == 0 ? system.machine : "unknown CPU");
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            value[strcspn(value, "\n")] = '\0';
            snprintf(out, size, "%s", value + 2);
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

size_t cache_bytes(void)
{
    enum { LEVELS = 8, FALLBACK = 32 };
    unsigned long largest = 0, size;
    for (int i = 0; i < LEVELS; i++) {
        char path[80], unit = 'K';
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        FILE *f = fopen(path, "r");
        if (f == NULL) {
            break;
        }
        if (fscanf(f, "%lu%c", &size, &unit) >= 1) {
            size *= unit == 'M' ? 1024 : 1;
            largest = size > largest ? size : largest;
        }
        fclose(f);
    }
    return (largest > 0 ? (size_t)largest : FALLBACK * 1024) * 1024;
}

size_t peak_memory(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* One measurement by a team; thread 0 takes the time from the moment all have started until all are done. */
typedef struct limit_job {
    const bp_kernels *kernels;
    size_t rounds; /* of multiply-adds */
    char *array;   /* 2 n bytes */
    size_t n;
    double amount; /* done by one thread (flop), or by all (bytes) */
    double seconds;
} limit_job;

static void burst(void *ctx, int thread, int threads)
{
    limit_job *j = ctx;
    double sum, done; /* sum has room for either type */
    bp_team_barrier(threads);
    double start = bp_seconds();
    done = j->kernels->fma_burst(j->rounds, &sum);
    bp_team_barrier(threads);
    if (thread == 0) {
        j->seconds = bp_seconds() - start;
        j->amount = done * threads;
    }
}

static uint64_t sum_words(const uint64_t *p, size_t n)
{
    enum { CHAINS = 16 };
    uint64_t sum[CHAINS] = {0}, total = 0;
    for (size_t i = 0; i + CHAINS <= n; i += CHAINS) {
        for (size_t c = 0; c < CHAINS; c++) {
            sum[c] += p[i + c];
        }
    }
    for (size_t c = 0; c < CHAINS; c++) {
        total += sum[c];
    }
    return total;
}

static void read_array(void *ctx, int thread, int threads)
{
    limit_job *j = ctx;
    bp_range part = bp_team_share(2 * j->n, BP_ALIGN * 2, thread, threads);
    bp_team_barrier(threads);
    double start = bp_seconds();
    volatile uint64_t sum = sum_words((const uint64_t *)(void *)(j->array + part.begin), (part.end - part.begin) / 8);
    (void)sum;
    bp_team_barrier(threads);
    if (thread == 0) {
        j->seconds = bp_seconds() - start;
        j->amount = 2 * (double)j->n;
    }
}

static void copy_array(void *ctx, int thread, int threads)
{
    limit_job *j = ctx;
    bp_range part = bp_team_share(j->n, BP_ALIGN * 2, thread, threads);
    bp_team_barrier(threads);
    double start = bp_seconds();
    memcpy(j->array + j->n + part.begin, j->array + part.begin, part.end - part.begin);
    bp_team_barrier(threads);
    if (thread == 0) {
        j->seconds = bp_seconds() - start;
        j->amount = 2 * (double)j->n;
    }
}

/* The best rate of several runs: a limit is what the machine can do, not what it does while it is busy elsewhere. */
static double best_rate(limit_job *j, bp_team_fn fn, int threads, size_t runs)
{
    double best = 0;
    for (size_t i = 0; i < runs; i++) {
        bp_team_run(threads, fn, j);
        best = j->amount / j->seconds > best ? j->amount / j->seconds : best;
    }
    return best;
}

bp_status limits_measure(bench_limits *out, const bp_kernels *k, int threads, size_t cache, bool quick)
{
    static const size_t least = (size_t)16 << 20, most = (size_t)512 << 20;
    size_t wanted = quick ? cache : 2 * cache, half = wanted < least ? least : wanted > most ? most : wanted;
    limit_job j = {.kernels = k, .rounds = 1000, .n = half, .array = cli_alloc(2 * half, 1)};
    if (j.array == NULL) {
        return BP_ERR_MEMORY;
    }
    do { /* alone: waiting for others is no work */
        j.rounds *= 2;
        bp_team_run(1, burst, &j);
    } while (j.seconds < 3e-3); /* shorter than a slice of time that others may get */
    size_t runs = quick ? 3 : 7;
    out->threads = threads;
    out->flops = best_rate(&j, burst, threads, 10 * runs);
    out->read = best_rate(&j, read_array, threads, runs);
    out->copy = best_rate(&j, copy_array, threads, runs);
    cli_release(j.array);
    return BP_OK;
}
