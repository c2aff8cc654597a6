/* test_plain.c - the oracle itself: the plain kernels against formulas written out here in long double, Philox against its
 * published vectors, and gradients against differences of the functions. */
#include "support_kernel.h"

enum { N = 9 };

static const bp_kernels *plain(bp_type type)
{
    const bp_kernels *k = bp_kernels_named("portable", type);
    assert_non_null(k);
    return k;
}

/* Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds). */
static void test_philox(void **state)
{
    static const struct {
        uint32_t ctr[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        bp_philox(out, known[i].key, known[i].ctr);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

/* ---- Maps -------------------------------------------------------------------------------------------------------- */

static long double phi(long double x)
{
    return (1 + erfl(x / sqrtl(2))) / 2;
}

/* The table's formulas once more, literally. */
static long double formula(bp_map f, long double x, long double a)
{
    switch (f) {
    case BP_MAP_LINEAR:
        return x;
    case BP_MAP_SIGMOID:
        return 1 / (1 + expl(-x));
    case BP_MAP_TANH:
        return (expl(2 * x) - 1) / (expl(2 * x) + 1);
    case BP_MAP_RELU:
        return x > 0 ? x : 0;
    case BP_MAP_LEAKY_RELU:
        return x > 0 ? x : a * x;
    case BP_MAP_ELU:
        return x > 0 ? x : a * (expl(x) - 1);
    case BP_MAP_GELU:
        return x * phi(x);
    case BP_MAP_GELU_TANH:
        return x / 2 * (1 + tanhl(sqrtl(2 / acosl(-1)) * (x + 0.044715L * x * x * x)));
    case BP_MAP_SILU:
        return x / (1 + expl(-x));
    case BP_MAP_SOFTPLUS:
        return logl(1 + expl(x));
    case BP_MAP_NEG:
        return -x;
    case BP_MAP_EXP:
        return expl(x);
    case BP_MAP_LOG:
        return logl(x);
    case BP_MAP_SQRT:
        return sqrtl(x);
    case BP_MAP_SQUARE:
        return x * x;
    case BP_MAP_ERF:
        return erfl(x);
    case BP_MAP_LOG1P:
        return logl(1 + x);
    case BP_MAP_EXPM1:
        return expl(x) - 1;
    default:
        fail_msg("map %d has no formula here", (int)f);
        return 0;
    }
}

static void maps_and_gradients(bp_type type)
{
    static const double at[N] = {-4, -1.7, -0.75, -0.1, 0.2, 0.5, 1.1, 2.5, 5};
    const bp_kernels *k = plain(type);
    box x = box_new(type, 1, N, 0, 0, false), y = box_new(type, 1, N, 0, 0, true), dx = box_new(type, 1, N, 0, 0, true);
    box dy = box_input(type, 1, N, 0, 0, 1, 2);
    for (int f = 0; f < BP_MAPS; f++) {
        bool positive = f == BP_MAP_LOG || f == BP_MAP_SQRT || f == BP_MAP_LOG1P;
        for (size_t i = 0; i < N; i++) {
            set(&x, 0, i, positive ? fabs(at[i]) : at[i]);
        }
        k->map[f](1, N, mat(&y), cmat(&x), 0.3);
        bp_map_grad g = {1, N, mat(&dx), cmat(&dy), cmat(&x), cmat(&y), 0.3, false};
        k->map_grad[f](&g);
        for (size_t i = 0; i < N; i++) {
            const long double xi = get(&x, 0, i), h = 1e-6L;
            long double slope = (formula((bp_map)f, xi + h, 0.3L) - formula((bp_map)f, xi - h, 0.3L)) / (2 * h);
            double want = get(&dy, 0, i) * (double)slope;
            assert_true(near_enough(type, get(&y, 0, i), (double)formula((bp_map)f, xi, 0.3L), 4));
            if (!(fabs(get(&dx, 0, i) - want) <= 1e-8 + 16 * epsilon(type) * (1 + fabs(want)))) {
                fail_msg("gradient of map %d at %g: %.12g, by differences %.12g", f, (double)xi, get(&dx, 0, i), want);
            }
        }
    }
    box_free(&x);
    box_free(&y);
    box_free(&dx);
    box_free(&dy);
}

static void test_maps(void **state)
{
    (void)state;
    maps_and_gradients(BP_F32);
    maps_and_gradients(BP_F64);
}

/* ---- Losses ------------------------------------------------------------------------------------------------------ */

static long double error_formula(bp_error_fn e, long double o, long double t, long double a)
{
    long double d = fabsl(o - t);
    switch (e) {
    case BP_ERROR_SQUARED:
        return d * d / 2;
    case BP_ERROR_ABSOLUTE:
        return d;
    case BP_ERROR_HUBER:
        return d <= a ? d * d / 2 : a * (d - a / 2);
    case BP_ERROR_BCE: /* -t ln s - (1-t) ln(1-s) */
        return t * logl(1 + expl(-o)) + (1 - t) * logl(1 + expl(o));
    default:
        fail_msg("error %d has no formula here", (int)e);
        return 0;
    }
}

static void test_errors(void **state)
{
    (void)state;
    const bp_kernels *k = plain(BP_F64);
    box o = box_input(BP_F64, 1, N, 0, 0, -3, 3), t = box_input(BP_F64, 1, N, 1, 0, 0.1, 0.9);
    box loss = box_new(BP_F64, 1, 1, 0, 0, true), dx = box_new(BP_F64, 1, N, 0, 0, true);
    const double g = 1.5;
    for (int e = 0; e < BP_ERRORS; e++) {
        long double sum = 0, h = 1e-6L;
        k->error[e](1, N, mat(&loss), cmat(&o), cmat(&t), 0.7);
        bp_loss_grad grad = {1, N, mat(&dx), {&g, 1}, cmat(&o), operand(&t), 0.7, false};
        k->error_grad[e](&grad);
        for (size_t c = 0; c < N; c++) {
            long double oc = get(&o, 0, c), tc = get(&t, 0, c);
            long double up = error_formula((bp_error_fn)e, oc + h, tc, 0.7L),
                        down = error_formula((bp_error_fn)e, oc - h, tc, 0.7L);
            sum += error_formula((bp_error_fn)e, oc, tc, 0.7L);
            assert_true(fabs(get(&dx, 0, c) - g * (double)((up - down) / (2 * h))) <= 1e-8);
        }
        assert_true(near_enough(BP_F64, get(&loss, 0, 0), (double)sum, 16));
    }
    box_free(&o);
    box_free(&t);
    box_free(&loss);
    box_free(&dx);
}

/* -sum_c t ln softmax(x), x moved by h in one column. */
static long double cross_entropy_formula(const box *x, const box *t, size_t moved, long double h)
{
    long double sum = 0, loss = 0;
    for (size_t c = 0; c < N; c++) {
        sum += expl(get(x, 0, c) + (c == moved ? h : 0));
    }
    for (size_t c = 0; c < N; c++) {
        loss -= get(t, 0, c) * (get(x, 0, c) + (c == moved ? h : 0) - logl(sum));
    }
    return loss;
}

static void cross_entropy_with(const box *t, bp_operand target)
{
    const bp_kernels *k = plain(BP_F64);
    const double g = 0.25;
    const long double h = 1e-6L;
    box x = box_input(BP_F64, 1, N, 0, 0, -3, 3), p = box_new(BP_F64, 1, N, 0, 0, true);
    box loss = box_new(BP_F64, 1, 1, 0, 0, true), dx = box_new(BP_F64, 1, N, 0, 0, true);
    k->cross_entropy(1, N, mat(&loss), mat(&p), cmat(&x), target);
    assert_true(near_enough(BP_F64, get(&loss, 0, 0), (double)cross_entropy_formula(&x, t, N, 0), 16));
    bp_loss_grad grad = {1, N, mat(&dx), {&g, 1}, cmat(&p), target, 0, false};
    k->cross_entropy_grad(&grad);
    for (size_t c = 0; c < N; c++) {
        long double slope = (cross_entropy_formula(&x, t, c, h) - cross_entropy_formula(&x, t, c, -h)) / (2 * h);
        assert_true(fabs(get(&dx, 0, c) - g * (double)slope) <= 1e-8);
    }
    box_free(&x);
    box_free(&p);
    box_free(&loss);
    box_free(&dx);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    box t = box_input(BP_F64, 1, N, 0, 0, 0, 1); /* of any sum */
    cross_entropy_with(&t, operand(&t));
    const double class = 4;
    for (size_t c = 0; c < N; c++) {
        set(&t, 0, c, c == 4);
    }
    cross_entropy_with(&t, (bp_operand){&class, 1, 0});
    box_free(&t);
}

/* dx = J^T dy with J_ij = y_i (d_ij - y_j), summed the long way. */
static void test_softmax(void **state)
{
    (void)state;
    const bp_kernels *k = plain(BP_F64);
    box x = box_input(BP_F64, 1, N, 0, 0, -2, 2), dy = box_input(BP_F64, 1, N, 1, 0, -1, 1);
    box y = box_new(BP_F64, 1, N, 0, 0, true), dx = box_new(BP_F64, 1, N, 0, 0, true);
    k->softmax(1, N, mat(&y), cmat(&x));
    bp_map_grad g = {1, N, mat(&dx), cmat(&dy), {NULL, 0}, cmat(&y), 0, false};
    k->softmax_grad(&g);
    long double sum = 0;
    for (size_t c = 0; c < N; c++) {
        sum += expl(get(&x, 0, c));
    }
    for (size_t j = 0; j < N; j++) {
        long double want = 0;
        for (size_t i = 0; i < N; i++) {
            want += get(&dy, 0, i) * (expl(get(&x, 0, i)) / sum) * ((i == j) - expl(get(&x, 0, j)) / sum);
        }
        assert_true(near_enough(BP_F64, get(&y, 0, j), (double)(expl(get(&x, 0, j)) / sum), 4));
        assert_true(near_enough(BP_F64, get(&dx, 0, j), (double)want, 8));
    }
    box_free(&x);
    box_free(&dy);
    box_free(&y);
    box_free(&dx);
}

/* ---- Dropout, updates -------------------------------------------------------------------------------------------- */

static void test_dropout(void **state)
{
    (void)state;
    const bp_kernels *k = plain(BP_F64);
    box x = box_input(BP_F64, 2, N, 0, 0, 1, 2), y = box_new(BP_F64, 2, N, 0, 0, true);
    bp_drop d = {2, N, mat(&y), cmat(&x), 0.25, {11, 12}, {13, 14}, 100, false};
    size_t kept = 0;
    k->dropout(&d);
    for (uint32_t r = 0; r < 2; r++) {
        for (uint32_t c = 0; c < N; c++) {
            uint32_t out[4], ctr[4] = {c / 4, 100 + r, 13, 14};
            bp_philox(out, d.key, ctr);
            bool keep = (double)out[c % 4] >= 0.25 * 4294967296.0;
            kept += keep;
            assert_true(near_enough(BP_F64, get(&y, r, c), keep ? get(&x, r, c) / 0.75 : 0, 2));
        }
    }
    assert_in_range(kept, 1, 2 * N - 1);
    box_free(&x);
    box_free(&y);
}

/* Two steps of each rule on one weight, worked out with PyTorch's order of operations. */
static void test_updates(void **state)
{
    (void)state;
    const bp_kernels *k = plain(BP_F64);
    const double grad[2] = {0.8, -3}, lr = 0.1, b1 = 0.9, b2 = 0.99, eps = 1e-3, mu = 0.9, l2 = 0.01, decay = 0.002;
    for (int rule = 0; rule < BP_UPDATES; rule++) {
        double w = 2, m = 0, v = 0;
        long double ww = 2, mm = 0, vv = 0;
        for (int t = 1; t <= 2; t++) {
            bp_update u = {.lr = lr,
                           .l2 = l2,
                           .decay = decay,
                           .clip = 2,
                           .scale = 1,
                           .momentum = mu,
                           .dampening = 0.2,
                           .nesterov = true,
                           .first_step = t == 1,
                           .beta1 = b1,
                           .beta2 = b2,
                           .eps = eps};
            u.bias1 = 1 - pow(b1, t);
            u.bias2 = 1 - pow(b2, t);
            k->update[rule](&u, &(bp_update_args){1, &w, &grad[t - 1], &m, &v});
            long double g = grad[t - 1] < -2 ? -2.0L : grad[t - 1];
            g += l2 * ww;
            ww -= decay * ww;
            if (rule == BP_UPDATE_SGD) {
                ww -= lr * g;
            } else if (rule == BP_UPDATE_MOMENTUM) {
                mm = t == 1 ? g : mu * mm + (1 - 0.2L) * g;
                ww -= lr * (g + mu * mm);
            } else if (rule == BP_UPDATE_ADAGRAD) {
                vv += g * g;
                ww -= lr * g / (sqrtl(vv) + eps);
            } else if (rule == BP_UPDATE_RMSPROP) {
                vv = b2 * vv + (1 - (long double)b2) * g * g;
                mm = mu * mm + g / (sqrtl(vv) + eps);
                ww -= lr * mm;
            } else {
                mm = b1 * mm + (1 - (long double)b1) * g;
                vv = b2 * vv + (1 - (long double)b2) * g * g;
                ww -= lr / (1 - powl(b1, t)) * mm / (sqrtl(vv) / sqrtl(1 - powl(b2, t)) + eps);
            }
        }
        if (!near_enough(BP_F64, w, (double)ww, 32)) {
            fail_msg("rule %d: w is %.17g, expected %.17g", rule, w, (double)ww);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox),        cmocka_unit_test(test_maps),    cmocka_unit_test(test_errors),
        cmocka_unit_test(test_cross_entropy), cmocka_unit_test(test_softmax), cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
