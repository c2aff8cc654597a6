/* bench.c - `backprop bench`: how fast this machine trains, and how near that is to what the machine can do. */
#include "bench.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

/* ---- what to run ------------------------------------------------------------------------------------------------- */

/* After the workloads: */
enum { WORK_GEMM = WORKLOADS, WORK_MEMORY, WORKS };
static_assert((int)WORKS <= MAX_POSITIONALS, "all of them can be named on one line");

const char *bench_word(size_t index)
{
    return index == WORK_GEMM ? "gemm" : index == WORK_MEMORY ? "memory" : workload_name(index);
}

static bp_status choose(bool chosen[WORKS], const options *o)
{
    for (size_t i = 0; i < WORKS; i++) {
        chosen[i] = o->positionals == 0;
    }
    for (size_t i = 0; i < o->positionals; i++) {
        int index = bp_find_name(o->positional[i], bench_word, WORKS);
        if (index < 0) {
            return bp_fail_unknown("work", o->positional[i], bench_word, WORKS);
        }
        chosen[index] = true;
    }
    return BP_OK;
}

/* ---- statistics -------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_figure times_figure(bench_times *t)
{
    size_t n = t->count;
    qsort(t->value, n, sizeof *t->value, by_size);
    double median = (t->value[(n - 1) / 2] + t->value[n / 2]) / 2;
    return (bench_figure){median, t->value[0], (t->value[n - 1] - t->value[0]) / median, n};
}

const char *bench_time_text(char *out, double seconds)
{
    static const char *const units[] = {"s", "ms", "us", "ns"};
    size_t unit = 0;
    while (seconds < 0.9995 && unit < 3) {
        seconds *= 1000;
        unit++;
    }
    int decimals = seconds < 9.995 ? 2 : seconds < 99.95 ? 1 : 0;
    snprintf(out, NUMBER_SIZE, "%.*f %s", decimals, seconds, units[unit]);
    return out;
}

/* ---- peak memory ------------------------------------------------------------------------------------------------- */

/* Trains the first workload in a process of its own, forked before this one has started threads or loaded data, and reads
 * how much memory that one had at most. *peak stays 0 where it could not be told. */
static bp_status measure_memory(size_t *peak, const bench *b)
{
    int ends[2], code = 0;
    *peak = 0;
    fflush(stdout);
    if (pipe(ends) != 0) {
        return bp_fail(BP_ERR_IO, "measuring memory: no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        bench own = *b;
        own.json = true; /* says nothing */
        size_t bytes = workload_train(&own, 0) == BP_OK ? peak_memory() : 0;
        _exit(write(ends[1], &bytes, sizeof bytes) == (ssize_t)sizeof bytes ? 0 : 1);
    }
    close(ends[1]);
    bool good = child > 0 && read(ends[0], peak, sizeof *peak) == (ssize_t)sizeof *peak;
    close(ends[0]);
    if (child > 0) {
        waitpid(child, &code, 0);
    }
    if (!good || *peak == 0) {
        return bp_fail(BP_ERR_STATE,
                       "measuring memory: the process that trains W1 ended with status %d and said nothing", code);
    }
    return BP_OK;
}

static void report_memory(bench *b, size_t peak)
{
    char text[NUMBER_SIZE];
    json_put_size(b->result, "peak_bytes", peak);
    if (!b->json) {
        printf("\nPeak memory of a process that trains W1: %s\n", bytes_text(text, (double)peak));
    }
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

const bench_limits *bench_limits_for(const bench *b, int threads)
{
    return threads == b->limits[0].threads || b->count == 1 ? &b->limits[0] : &b->limits[1];
}

static void print_limits(const bench *b, const char *cpu)
{
    terminal t = terminal_of(stdout);
    printf("backprop %s on %s\n%s kernels, %s, %d thread%s at hand, %s\n\n", bp_version(), cpu, b->kernels->name,
           bp_type_name(b->kernels->type), bp_threads_available(), bp_threads_available() == 1 ? "" : "s",
           compiler_text());
    printf("%s%-25s", style_on(&t, STYLE_BOLD), "Limits, measured");
    for (size_t i = 0; i < b->count; i++) {
        printf(" %6d thread%s", b->counts[i], b->counts[i] == 1 ? " " : "s");
    }
    printf("%s\n%-25s", style_off(&t), "multiply-add");
    for (size_t i = 0; i < b->count; i++) {
        printf(" %14.1f", b->limits[i].flops / 1e9);
    }
    printf("  GFLOP/s\n%-25s", "memory, read");
    for (size_t i = 0; i < b->count; i++) {
        printf(" %14.1f", b->limits[i].read / 1e9);
    }
    printf("  GB/s\n%-25s", "memory, copy (both ways)");
    for (size_t i = 0; i < b->count; i++) {
        printf(" %14.1f", b->limits[i].copy / 1e9);
    }
    printf("  GB/s\n");
    fflush(stdout);
}

static void machine_json(bench *b, const char *cpu)
{
    json_put_text(b->result, "version", bp_version());
    json_put_text(b->result, "cpu", cpu);
    json_put_text(b->result, "kernel", b->kernels->name);
    json_put_text(b->result, "dtype", bp_type_name(b->kernels->type));
    json_put_size(b->result, "threads", (size_t)bp_threads_available());
    json_put_text(b->result, "compiler", compiler_text());
    json_put_bool(b->result, "quick", b->quick);
    json_put_size(b->result, "cache_bytes", b->cache);
    json_t *list = json_array();
    for (size_t i = 0; i < b->count; i++) {
        json_t *row = json_object();
        json_put_size(row, "threads", (size_t)b->limits[i].threads);
        json_put(row, "gflops", b->limits[i].flops / 1e9);
        json_put(row, "read_gb_per_second", b->limits[i].read / 1e9);
        json_put(row, "copy_gb_per_second", b->limits[i].copy / 1e9);
        json_array_append_new(list, row);
    }
    json_object_set_new(b->result, "limits", list);
    json_object_set_new(b->result, "work", json_array());
}

static bp_status look_at_machine(bench *b)
{
    char cpu[128];
    for (size_t i = 0; i < b->count; i++) {
        bp_status status = limits_measure(&b->limits[i], b->kernels, b->counts[i], b->cache, b->quick);
        if (status != BP_OK) {
            return status;
        }
    }
    cpu_name(cpu, sizeof cpu);
    machine_json(b, cpu);
    if (!b->json) {
        print_limits(b, cpu);
    }
    return BP_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void start(bench *b, const options *o)
{
    int all = bp_threads_available();
    bp_type type = given(o, OPT_DTYPE) ? (bp_type)o->value[OPT_DTYPE].size : BP_F32;
    *b = (bench){.o = o, .kernels = bp_kernels_for(type), .quick = given(o, OPT_QUICK), .json = given(o, OPT_JSON)};
    b->threads = (int)size_or(o, OPT_THREADS, 0);
    b->counts[0] = b->threads > 0 ? b->threads : 1;
    b->counts[1] = all;
    b->count = b->threads > 0 || all == 1 ? 1 : 2;
    b->cache = cache_bytes();
    b->result = json_object();
}

static bp_status run_all(bench *b, const bool chosen[WORKS])
{
    size_t peak = 0;
    bool any = false;
    bp_status status = chosen[WORK_MEMORY] ? measure_memory(&peak, b) : BP_OK;
    if (status == BP_OK) {
        status = look_at_machine(b);
    }
    for (size_t i = 0; i < WORKLOADS; i++) {
        any = any || chosen[i];
    }
    if (any && status == BP_OK) {
        status = workload_heading(b, chosen);
    }
    for (size_t i = 0; i < WORKLOADS && status == BP_OK; i++) {
        if (chosen[i]) {
            status = workload_run(b, i);
        }
    }
    if (status == BP_OK && chosen[WORK_GEMM]) {
        status = gemm_run(b);
    }
    if (status == BP_OK && chosen[WORK_MEMORY]) {
        report_memory(b, peak);
    }
    return status;
}

exit_code run_bench(const options *o)
{
    bench b;
    bool chosen[WORKS];
    if (choose(chosen, o) != BP_OK) {
        return fail_usage(&command_table[CMD_BENCH]);
    }
    start(&b, o);
    bp_status status = run_all(&b, chosen);
    workload_data_free(&b);
    if (status != BP_OK) {
        json_decref(b.result);
        return fail_status(status);
    }
    if (b.json) {
        return json_print(stdout, b.result);
    }
    json_decref(b.result);
    return CODE_OK;
}
