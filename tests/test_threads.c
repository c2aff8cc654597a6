/* test_threads.c - many threads of the caller use one model at once, each with its own predictor. Runs under
 * ThreadSanitizer too: it uses POSIX threads, and one worker thread a predictor. */
#include "support.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 8, ROWS = 64, INPUTS = 20, CLASSES = 4, ROUNDS = 50 };

typedef struct job {
    const bp_model *m;
    const float *x, *expected;
    size_t number;
    bool right;
} job;

static void *predict_many_times(void *arg)
{
    job *j = arg;
    bp_predictor *p;
    float out[ROWS * CLASSES];
    j->right = bp_predictor_new(&p, j->m, 7, 1) == BP_OK;
    for (int i = 0; j->right && i < ROUNDS; i++) {
        memset(out, 0, sizeof out);
        j->right = bp_predict(p, out, j->x, BP_F32, ROWS) == BP_OK && memcmp(out, j->expected, sizeof out) == 0;
    }
    bp_predictor_free(p);
    return NULL;
}

/* Errors belong to the thread that made them. */
static void *fail_in_own_words(void *arg)
{
    job *j = arg;
    bp_loss loss;
    char name[16];
    snprintf(name, sizeof name, "loss-%zu", j->number);
    for (int i = 0; i < ROUNDS; i++) {
        j->right = bp_loss_parse(&loss, name) == BP_ERR_ARGUMENT && strstr(bp_error(), name);
    }
    return NULL;
}

static void run_all(job *jobs, void *(*work)(void *))
{
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, work, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(jobs[i].right);
    }
}

static void one_model_many_threads(void **state)
{
    (void)state;
    bp_model_options o = bp_model_defaults();
    o.inputs = INPUTS;
    o.outputs = CLASSES;
    o.net = "dense 40 gelu, dropout 0.5, dense 30 relu";
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    float x[ROWS * INPUTS], expected[ROWS * CLASSES];
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        x[i] = (float)((i * 37 + 11) % 101) / 50.0F - 1.0F;
    }
    bp_predictor *p;
    assert_ok(bp_predictor_new(&p, m, ROWS, 1));
    assert_ok(bp_predict(p, expected, x, BP_F32, ROWS));
    job jobs[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (job){m, x, expected, i, false};
    }
    run_all(jobs, predict_many_times);
    run_all(jobs, fail_in_own_words);
    bp_predictor_free(p);
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_model_many_threads)};
    return cmocka_run_group_tests(tests, choose_kernel, NULL);
}
