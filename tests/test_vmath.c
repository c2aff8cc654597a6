/* test_vmath.c - accuracy of exp, log, log1p, expm1, tanh, sigmoid and erf as the kernels compute them: at most 4 units in
 * the last place from the true value, over all numbers. True values come from libm in a wider type. */
#include <float.h>

#include "support_kernel.h"

enum { CHUNK = 4096 };
static const double BOUND = 4.0; /* units in the last place */

static long double sigmoid_wide(long double x)
{
    long double e = expl(-fabsl(x));
    return (x < 0 ? e : 1) / (1 + e);
}

typedef struct function {
    const char *name;
    bp_map map;
    long double (*wide)(long double);
    double (*middle)(double); /* good enough for f32, and much faster */
} function;

static double sigmoid_middle(double x)
{
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static const function functions[] = {
    {"exp", BP_MAP_EXP, expl, exp},         {"log", BP_MAP_LOG, logl, log},
    {"log1p", BP_MAP_LOG1P, log1pl, log1p}, {"expm1", BP_MAP_EXPM1, expm1l, expm1},
    {"tanh", BP_MAP_TANH, tanhl, tanh},     {"sigmoid", BP_MAP_SIGMOID, sigmoid_wide, sigmoid_middle},
    {"erf", BP_MAP_ERF, erfl, erf},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* Distance of got from want in units of the last place that the type has there. */
static double ulps(bp_type type, double got, long double want)
{
    const int digits = type == BP_F64 ? DBL_MANT_DIG : FLT_MANT_DIG;
    const int least = type == BP_F64 ? DBL_MIN_EXP : FLT_MIN_EXP; /* of a normal number, as frexp counts */
    const long double most = type == BP_F64 ? (long double)DBL_MAX : (long double)FLT_MAX;
    int e = 0;
    if (isnan(want) || isnan(got)) {
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    }
    if (isinf(got) || isinf(want)) { /* overflow: the number after the largest one stands for infinity */
        if (isinf(want) || fabsl(want) > most) {
            return isinf(got) && (got > 0) == (want > 0) ? 0 : INFINITY;
        }
        want = want > 0 ? want - most : want + most;
        return fabs((double)ldexpl(want, digits - (type == BP_F64 ? DBL_MAX_EXP : FLT_MAX_EXP))) + 1;
    }
    frexpl(want, &e);
    e = e < least ? least : e;
    return fabs((double)ldexpl((long double)got - want, digits - e));
}

typedef struct worst {
    double error, x, y;
} worst;

static void measure(const bp_kernels *k, const function *f, const box *x, size_t n, worst *w)
{
    box y = box_new(k->type, 1, n, 0, 0, true);
    k->map[f->map](1, n, mat(&y), cmat(x), 0);
    for (size_t i = 0; i < n; i++) {
        double xi = get(x, 0, i), yi = get(&y, 0, i);
        long double want = k->type == BP_F64 ? f->wide(xi) : (long double)f->middle(xi);
        double error = ulps(k->type, yi, want);
        if (!(error <= w->error)) {
            *w = (worst){error, xi, yi};
        }
    }
    box_free(&y);
}

static void judge(const bp_kernels *k, const function *f, const worst *w)
{
    print_message("%-8s %s %-7s %.3f ulp at %.9g\n", k->name, bp_type_name(k->type), f->name, w->error, w->x);
    if (!(w->error <= BOUND)) {
        fail_msg("%s %s %s: %g ulp at x = %.17g, y = %.17g", k->name, bp_type_name(k->type), f->name, w->error, w->x,
                 w->y);
    }
    assert_true(w->error > 0); /* something was measured */
}

static double float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* All float bit patterns in a stride: every exponent, both signs, subnormals, infinities and NaN. */
static void sweep_f32(const bp_kernels *k, const function *f, worst *w)
{
    const uint64_t stride = 4099, patterns = UINT64_C(1) << 32;
    box x = box_new(BP_F32, 1, CHUNK, 0, 0, false);
    for (uint64_t i = 0; i < patterns;) {
        size_t n = 0;
        for (; n < CHUNK && i < patterns; n++, i += stride) {
            set(&x, 0, n, float_of((uint32_t)i));
        }
        measure(k, f, &x, n, w);
    }
    box_free(&x);
}

/* Doubles: random bit patterns, and random values where the functions bend. */
static void sweep_f64(const bp_kernels *k, const function *f, worst *w)
{
    static const double reach[] = {0, 1e-9, 0.5, 2, 7, 45, 760};
    box x = box_new(BP_F64, 1, CHUNK, 0, 0, false);
    bp_rng rng = bp_rng_new(11, BP_RANDOM_SAMPLE, 0);
    for (int turn = 0; turn < 42; turn++) {
        double range = reach[turn % 7];
        for (size_t i = 0; i < CHUNK; i++) {
            uint64_t bits = bp_rng_u64(&rng);
            double any;
            memcpy(&any, &bits, sizeof any);
            set(&x, 0, i, range > 0 ? range * (2 * bp_rng_uniform(&rng) - 1) : any);
        }
        measure(k, f, &x, CHUNK, w);
    }
    box_free(&x);
}

static void accuracy(const bp_kernels *k, const bp_kernels *plain)
{
    (void)plain;
    for (size_t i = 0; i < FUNCTIONS; i++) {
        worst w = {0, 0, 0};
        if (k->type == BP_F64) {
            sweep_f64(k, &functions[i], &w);
        } else {
            sweep_f32(k, &functions[i], &w);
        }
        judge(k, &functions[i], &w);
    }
}

static void test_accuracy(void **state)
{
    (void)state;
    on_every_set(accuracy);
}

/* Zeros, ones, limits of the type, the last numbers before overflow and underflow. */
static void edges(const bp_kernels *k, const bp_kernels *plain)
{
    (void)plain;
    const bool f64 = k->type == BP_F64;
    const double at[] = {0.0,
                         -0.0,
                         1,
                         -1,
                         INFINITY,
                         -INFINITY,
                         NAN,
                         f64 ? DBL_MIN : FLT_MIN,
                         f64 ? DBL_MAX : FLT_MAX,
                         f64 ? -DBL_MAX : -FLT_MAX,
                         f64 ? 4.9406564584124654e-324 : 1.40129846e-45,
                         f64 ? 709.782712893384 : 88.7228394,
                         f64 ? 709.78271289338409 : 88.7228470,
                         f64 ? -745.13321910194122 : -103.972076,
                         f64 ? -745.2 : -104.1,
                         f64 ? -708.4 : -87.34,
                         f64 ? 36.75 : 17.4,
                         f64 ? 5.92 : 3.92};
    enum { EDGES = sizeof at / sizeof *at };
    box x = box_new(k->type, 1, EDGES, 0, 1, false);
    for (size_t i = 0; i < EDGES; i++) {
        set(&x, 0, i, at[i]);
    }
    for (size_t i = 0; i < FUNCTIONS; i++) {
        worst w = {0, 0, 0};
        measure(k, &functions[i], &x, EDGES, &w);
        if (!(w.error <= BOUND)) {
            fail_msg("%s %s %s: %g ulp at x = %.17g, y = %.17g", k->name, bp_type_name(k->type), functions[i].name,
                     w.error, w.x, w.y);
        }
    }
    box_free(&x);
}

static void test_edges(void **state)
{
    (void)state;
    on_every_set(edges);
}

/* The measure itself. */
static void test_ulps(void **state)
{
    (void)state;
    assert_true(ulps(BP_F32, 1.0, 1.0L) == 0);
    assert_true(ulps(BP_F32, 1.0 + 0x1p-23, 1.0L) == 1);
    assert_true(ulps(BP_F64, 2.0 + 0x1p-50, 2.0L) == 2);
    assert_true(ulps(BP_F32, 0, 0x1p-149L) == 1);
    assert_true(ulps(BP_F32, NAN, 1.0L) > BOUND);
    assert_true(ulps(BP_F32, 1.0, (long double)NAN) > BOUND);
    assert_true(ulps(BP_F32, INFINITY, 1.0L) > BOUND);
    assert_true(ulps(BP_F32, -(double)INFINITY, (long double)INFINITY) > BOUND);
    assert_true(ulps(BP_F32, 1.0, (long double)INFINITY) > BOUND);
    assert_true(ulps(BP_F32, INFINITY, (long double)FLT_MAX) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ulps),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_accuracy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
