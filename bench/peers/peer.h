/* peer.h - what the peers written in C share. A peer reads a line with a job from stdin, does it once, and answers with a
 * line of JSON: {"seconds": ...}, of one unit of the job (an epoch, a step, a sample, a row, a product). */
#ifndef PEER_H
#define PEER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void answer(double seconds)
{
    printf("{\"seconds\": %.9g}\n", seconds);
    fflush(stdout);
}

static inline void answer_version(const char *version)
{
    printf("{\"version\": \"%s\"}\n", version);
    fflush(stdout);
}

static inline void refuse(const char *job)
{
    printf("{\"error\": \"unknown job: %.*s\"}\n", (int)strcspn(job, "\n\"\\"), job);
    fflush(stdout);
}

static inline void *memory(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        fprintf(stderr, "peer: no memory for %zu x %zu bytes\n", count, size);
        exit(1);
    }
    return p;
}

#endif
