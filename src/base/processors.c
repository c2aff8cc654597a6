/* processors.c - how many processors the process may use: its affinity mask, and the quota of its control group, which is
 * how containers are limited. The only place of the core that reads files: those of the kernel about itself. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "base/base.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
#include <sched.h>
#endif

/* Processors in the affinity mask. */
static int affinity(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return CPU_COUNT(&set);
    }
#endif
    return omp_get_num_procs();
}

/* "QUOTA PERIOD" or "max PERIOD" in a control group's cpu.max (Linux, Documentation/admin-guide/cgroup-v2.rst): the
 * processors that it allows, rounded up; `most` where there is no limit. */
static int group_limit(const char *group, int most)
{
    char path[512];
    long long quota, period;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    FILE *f = fopen(path, "r");
    if (!f) {
        return most;
    }
    bool limited = fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0;
    fclose(f);
    long long allowed = limited ? (quota + period - 1) / period : most;
    return allowed < most ? (int)allowed : most;
}

/* The tightest limit on the way from the process's group up to the root. */
static int quota(int most)
{
    char line[256], group[256] = "";
    FILE *f = fopen("/proc/self/cgroup", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "0::", 3) == 0) {
            snprintf(group, sizeof group, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
        }
    }
    if (f) {
        fclose(f);
    }
    most = group_limit(group, most);
    for (char *slash = strrchr(group, '/'); slash; slash = strrchr(group, '/')) {
        *slash = '\0';
        most = group_limit(group, most);
    }
    return most;
}

int bp_threads_available(void)
{
    int count = quota(affinity());
    return count > 1 ? count : 1;
}
