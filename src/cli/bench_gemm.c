/* bench_gemm.c - the products of training alone: forward, deltas and weight gradients of the workloads' layers. */
#include "bench.h"

#include <stdlib.h>

#include "base/base.h"
#include "base/random.h"
#include "memory.h"

typedef struct product {
    bp_gemm_form form;
    size_t m, n, k;
    const char *what;
} product;

static const product products[] = {
    {BP_GEMM_NN, 100, 50, 784, "W1 forward"},    {BP_GEMM_TN, 784, 50, 100, "W1 weights"},
    {BP_GEMM_NN, 100, 10, 50, "W1 output"},      {BP_GEMM_NT, 100, 50, 10, "W1 deltas"},
    {BP_GEMM_NN, 128, 512, 784, "W2 forward"},   {BP_GEMM_TN, 784, 512, 128, "W2 weights"},
    {BP_GEMM_NN, 128, 512, 512, "W2 hidden"},    {BP_GEMM_NT, 128, 512, 512, "W2 deltas"},
    {BP_GEMM_NN, 512, 2048, 2048, "W3 forward"}, {BP_GEMM_TN, 2048, 2048, 512, "W3 weights"},
    {BP_GEMM_NT, 512, 2048, 2048, "W3 deltas"},  {BP_GEMM_NN, 1024, 1024, 1024, "square"},
    {BP_GEMM_NN, 1024, 4096, 4096, "large"},     {BP_GEMM_NN, 32, 32, 10, "small"},
    {BP_GEMM_NN, 1, 512, 784, "one row"},
};
enum { PRODUCTS = sizeof products / sizeof *products };

static const char *const form_names[] = {[BP_GEMM_NN] = "NN", [BP_GEMM_NT] = "NT", [BP_GEMM_TN] = "TN"};

static double product_flops(const product *p)
{
    return 2.0 * (double)p->m * (double)p->n * (double)p->k;
}

/* The same product again and again, by a team that stays together, with a barrier after each: as in a training step. */
typedef struct gemm_job {
    const bp_kernels *kernels;
    bp_gemm whole;
    size_t times;
    double seconds; /* of all */
} gemm_job;

static const void *element(const void *p, size_t index, size_t size)
{
    return (const char *)p + index * size;
}

/* A thread's part: rows of C where there are enough, else columns. */
static bp_gemm part_of(const bp_gemm *g, size_t size, int thread, int threads)
{
    enum { FEW_ROWS = 8, ROWS = 2, COLUMNS = 64 };
    bp_gemm p = *g;
    bool rows = g->m >= FEW_ROWS * (size_t)threads;
    bp_range r = bp_team_share(rows ? g->m : g->n, rows ? ROWS : COLUMNS, thread, threads);
    size_t c_at = rows ? r.begin * g->c.ld : r.begin;
    if (rows) {
        p.m = r.end - r.begin;
        p.a.p = element(g->a.p, g->form == BP_GEMM_TN ? r.begin : r.begin * g->a.ld, size);
    } else {
        p.n = r.end - r.begin;
        p.b.p = element(g->b.p, g->form == BP_GEMM_NT ? r.begin * g->b.ld : r.begin, size);
    }
    p.c.p = (char *)g->c.p + c_at * size;
    return p;
}

static void multiply(void *ctx, int thread, int threads)
{
    gemm_job *j = ctx;
    bp_gemm mine = part_of(&j->whole, bp_type_size(j->kernels->type), thread, threads);
    bp_team_barrier(threads);
    double start = bp_seconds();
    for (size_t i = 0; i < j->times; i++) {
        if (mine.m > 0 && mine.n > 0) {
            j->kernels->gemm(&mine);
        }
        bp_team_barrier(threads);
    }
    if (thread == 0) {
        j->seconds = bp_seconds() - start;
    }
}

/* So many products that one thread needs `enough` seconds for them; fewer where a team needs much longer for so many,
 * because others keep a processor busy and every barrier waits for it. */
static void choose_times(gemm_job *j, int threads, double enough)
{
    j->times = 1;
    bp_team_run(threads, multiply, j); /* to warm up */
    for (bp_team_run(1, multiply, j); j->seconds < enough; bp_team_run(1, multiply, j)) {
        j->times *= 2;
    }
    size_t alone = j->times;
    j->times = 1;
    for (bp_team_run(threads, multiply, j); j->seconds < 2 * enough && j->times < alone;
         bp_team_run(threads, multiply, j)) {
        j->times *= 2;
    }
}

/* Seconds of one product. */
static bench_figure measure(gemm_job *j, int threads, bool quick)
{
    bench_times t = {.count = 0};
    choose_times(j, threads, quick ? 2e-3 : 15e-3);
    while (!times_enough(&t, quick ? 3 : 7, 0)) {
        bp_team_run(threads, multiply, j);
        times_add(&t, j->seconds / (double)j->times, j->seconds);
    }
    return times_figure(&t);
}

/* Dense matrices of numbers in [-1, 1): a, b and c in one block. */
static void *make_operands(bp_gemm *g, const product *p, bp_type type)
{
    size_t a = p->m * p->k, b = p->k * p->n, c = p->m * p->n, size = bp_type_size(type);
    size_t room = BP_ALIGN / size;
    char *block = cli_alloc(bp_round_up(a, room) + bp_round_up(b, room) + c, size);
    if (block == NULL) {
        return NULL;
    }
    char *second = block + bp_round_up(a, room) * size;
    bp_rng r = bp_rng_new(1, BP_RANDOM_DATA, 0);
    for (size_t i = 0; i < bp_round_up(a, room) + b; i++) {
        double value = bp_rng_uniform(&r) * 2 - 1;
        if (type == BP_F64) {
            ((double *)(void *)block)[i] = value;
        } else {
            ((float *)(void *)block)[i] = (float)value;
        }
    }
    *g = (bp_gemm){.form = p->form, .m = p->m, .n = p->n, .k = p->k, .map = BP_MAP_LINEAR};
    g->a = (bp_cmat){block, p->form == BP_GEMM_TN ? p->m : p->k};
    g->b = (bp_cmat){second, p->form == BP_GEMM_NT ? p->k : p->n};
    g->c = (bp_mat){second + bp_round_up(b, room) * size, p->n};
    return block;
}

static void report(bench *b, json_t *list, const product *p, int threads, const bench_figure *f)
{
    double rate = product_flops(p) / f->median, share = rate / bench_limits_for(b, threads)->flops;
    json_t *row = json_object();
    json_put_text(row, "what", p->what);
    json_put_text(row, "form", form_names[p->form]);
    json_put_size(row, "m", p->m);
    json_put_size(row, "n", p->n);
    json_put_size(row, "k", p->k);
    json_put_size(row, "threads", (size_t)threads);
    json_put(row, "seconds", f->median);
    json_put(row, "best_seconds", f->best);
    json_put(row, "spread", f->spread);
    json_put(row, "gflops", rate / 1e9);
    json_put(row, "fma_share", share);
    json_array_append_new(list, row);
    if (!b->json) {
        printf("  %8.1f %4.0f %%  ", rate / 1e9, 100 * share);
    }
}

static void heading(const bench *b)
{
    terminal t = terminal_of(stdout);
    printf("\nProducts alone, C[m,n] = op(A) op(B), GFLOP/s, share of the limit\n");
    printf("%s%-12s form  %5s %5s %5s", style_on(&t, STYLE_BOLD), "", "m", "n", "k");
    for (size_t i = 0; i < b->count; i++) {
        printf("  %9d thread%s ", b->counts[i], b->counts[i] == 1 ? " " : "s");
    }
    printf("%s\n", style_off(&t));
}

bp_status gemm_run(bench *b)
{
    static const double quick_flops = 3e8; /* --quick leaves larger products out */
    json_t *list = json_array();
    json_object_set_new(b->result, "gemm", list);
    if (!b->json) {
        heading(b);
    }
    for (size_t i = 0; i < PRODUCTS; i++) {
        const product *p = &products[i];
        gemm_job j = {.kernels = b->kernels};
        if (b->quick && product_flops(p) > quick_flops) {
            continue;
        }
        void *block = make_operands(&j.whole, p, b->kernels->type);
        if (block == NULL) {
            return BP_ERR_MEMORY;
        }
        if (!b->json) {
            printf("%-12s %s    %5zu %5zu %5zu", p->what, form_names[p->form], p->m, p->n, p->k);
        }
        for (size_t c = 0; c < b->count; c++) {
            bench_figure f = measure(&j, b->counts[c], b->quick);
            report(b, list, p, b->counts[c], &f);
        }
        if (!b->json) {
            printf("\n");
        }
        fflush(stdout);
        cli_release(block);
    }
    return BP_OK;
}
