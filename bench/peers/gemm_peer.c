/* gemm_peer.c - matrix products in f32 by oneDNN (PEER_ONEDNN) or OpenBLAS.
 * Job: gemm FORM M N K THREADS, with FORM NN, NT or TN: row-major C[m,n] = op(A) op(B). Also: version. */
#include "peer.h"

#ifdef PEER_ONEDNN
#include <dnnl.h>
#include <omp.h>
#else
#include <cblas.h>
#endif

typedef struct product {
    int a_turned, b_turned, m, n, k;
    float *a, *b, *c;
} product;

static void set_threads(int threads)
{
#ifdef PEER_ONEDNN
    omp_set_num_threads(threads);
#else
    openblas_set_num_threads(threads);
#endif
}

static void multiply(const product *p)
{
    int lda = p->a_turned ? p->m : p->k, ldb = p->b_turned ? p->k : p->n;
#ifdef PEER_ONEDNN
    dnnl_sgemm(p->a_turned ? 'T' : 'N', p->b_turned ? 'T' : 'N', p->m, p->n, p->k, 1, p->a, lda, p->b, ldb, 0, p->c,
               p->n);
#else
    cblas_sgemm(CblasRowMajor, p->a_turned ? CblasTrans : CblasNoTrans, p->b_turned ? CblasTrans : CblasNoTrans, p->m,
                p->n, p->k, 1, p->a, lda, p->b, ldb, 0, p->c, p->n);
#endif
}

static double time_products(const product *p, long times)
{
    double start = seconds_now();
    for (long i = 0; i < times; i++)
        multiply(p);
    return seconds_now() - start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of one product: the median of several runs of at least 15 ms each. */
static double measure(const product *p)
{
    enum { RUNS = 7 };
    double run[RUNS];
    long times = 1;
    multiply(p);
    while (time_products(p, times) < 15e-3)
        times *= 2;
    for (int i = 0; i < RUNS; i++)
        run[i] = time_products(p, times) / (double)times;
    qsort(run, RUNS, sizeof *run, by_size);
    return run[RUNS / 2];
}

static float *numbers(size_t count)
{
    float *p = memory(count, sizeof *p);
    for (size_t i = 0; i < count; i++)
        p[i] = (float)rand() / (float)RAND_MAX * 2 - 1;
    return p;
}

static void do_product(const char *form, int m, int n, int k, int threads)
{
    product p = {.a_turned = form[0] == 'T', .b_turned = form[1] == 'T', .m = m, .n = n, .k = k};
    p.a = numbers((size_t)m * (size_t)k);
    p.b = numbers((size_t)k * (size_t)n);
    p.c = memory((size_t)m * (size_t)n, sizeof *p.c);
    set_threads(threads);
    answer(measure(&p));
    free(p.a);
    free(p.b);
    free(p.c);
}

static void do_version(void)
{
#ifdef PEER_ONEDNN
    char text[64];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    answer_version(text);
#else
    char text[64] = "";
    sscanf(openblas_get_config(), "OpenBLAS %30s", text);
    snprintf(text + strlen(text), sizeof text - strlen(text), " (%.30s)", openblas_get_corename());
    answer_version(text);
#endif
}

int main(void)
{
    char line[256], form[3];
    int m, n, k, threads;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "gemm %2s %d %d %d %d", form, &m, &n, &k, &threads) == 5 && m > 0 && n > 0 && k > 0)
            do_product(form, m, n, k, threads);
        else if (strcmp(line, "version\n") == 0)
            do_version();
        else
            refuse(line);
    }
    return 0;
}
