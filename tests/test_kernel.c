/* test_kernel.c - every kernel but GEMM, of every set, against the plain set: all row lengths 1 to 70, strides, alignment,
 * canaries, special values; and that the bits of an element, or of a row, do not depend on where it stands.
 *
 * The plain set, the oracle, is checked in test_plain.c. */
#include "support_kernel.h"

enum { LONGEST = 70, ROWS = 3 };

/* ---- Maps -------------------------------------------------------------------------------------------------------- */

#define X(id, formula, derivative) #id,
static const char *const MAP_NAMES[] = {BP_MAP_TABLE(X)};
#undef X

static const double SPECIAL[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-40, -1e-40, 30, -30, 100, -100, 1, -1};
enum { SPECIALS = sizeof SPECIAL / sizeof *SPECIAL };

/* Values in -6 .. 6, the first of them special where asked for. */
static box map_input(bp_type type, size_t rows, size_t cols, bool special)
{
    box x = box_input(type, rows, cols, cols % 3, cols % 4, -6, 6);
    for (size_t c = 0; c < cols && special; c++) {
        set(&x, 0, c, SPECIAL[c % SPECIALS]);
    }
    return x;
}

static void maps(const bp_kernels *k, const bp_kernels *plain)
{
    for (int f = 0; f < BP_MAPS; f++) {
        for (size_t cols = 1; cols <= LONGEST; cols++) {
            box x = map_input(k->type, ROWS, cols, true);
            box got = box_new(k->type, ROWS, cols, (cols + 1) % 3, cols % 5, true);
            box want = box_new(k->type, ROWS, cols, 0, 0, true);
            k->map[f](ROWS, cols, mat(&got), cmat(&x), 0.3);
            plain->map[f](ROWS, cols, mat(&want), cmat(&x), 0.3);
            check_near(&got, &want, 8, MAP_NAMES[f]);
            box_copy(&got, &x); /* in place */
            k->map[f](ROWS, cols, mat(&got), (bp_cmat){got.p, got.ld}, 0.3);
            check_near(&got, &want, 8, MAP_NAMES[f]);
            box_free(&x);
            box_free(&got);
            box_free(&want);
        }
    }
}

static void test_maps(void **state)
{
    (void)state;
    on_every_set(maps);
}

static void map_positions(const bp_kernels *k, const bp_kernels *plain)
{
    (void)plain;
    for (int f = 0; f < BP_MAPS; f++) {
        box x = map_input(k->type, ROWS, LONGEST, true);
        box y = box_new(k->type, ROWS, LONGEST, 1, 0, true), one = box_new(k->type, 1, 1, 0, 1, true);
        box dense = box_new(k->type, ROWS, LONGEST, 0, 1, true), packed = box_new(k->type, ROWS, LONGEST, 0, 0, false);
        k->map[f](ROWS, LONGEST, mat(&y), cmat(&x), 0.3);
        box_copy(&packed, &x);
        k->map[f](ROWS, LONGEST, mat(&dense), cmat(&packed), 0.3);
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t c = 0; c < LONGEST; c++) {
                k->map[f](1, 1, mat(&one), (bp_cmat){cell(&x, r, c), 1}, 0.3);
                check_same(&one, 0, 0, &y, r, c, MAP_NAMES[f]);
                check_same(&dense, r, c, &y, r, c, MAP_NAMES[f]);
            }
        }
        box_free(&x);
        box_free(&y);
        box_free(&one);
        box_free(&dense);
        box_free(&packed);
    }
}

static void test_map_positions(void **state)
{
    (void)state;
    on_every_set(map_positions);
}

static void grad_once(const bp_kernels *k, const bp_kernels *plain, int f, size_t cols, bool accumulate, bool absent)
{
    box x = map_input(k->type, ROWS, cols, true), y = box_new(k->type, ROWS, cols, 1, 2, false);
    box dy = box_input(k->type, ROWS, cols, 2, 1, -2, 2);
    box got = box_new(k->type, ROWS, cols, 1, 3, true), want = box_new(k->type, ROWS, cols, 0, 0, true);
    plain->map[f](ROWS, cols, mat(&y), cmat(&x), 0.3);
    bp_map_grad g = {ROWS, cols, mat(&got), cmat(&dy), cmat(&x), cmat(&y), 0.3, accumulate};
    if (absent) { /* y in place of x */
        g.x.p = NULL;
    }
    if (accumulate) {
        box_fill(&got, -1, 1, 5);
        box_copy(&want, &got);
    }
    bp_map_grad w = g;
    w.dx = mat(&want);
    w.x = cmat(&x);
    k->map_grad[f](&g);
    plain->map_grad[f](&w);
    check_near(&got, &want, 16, MAP_NAMES[f]);
    if (!accumulate) { /* in place of dy */
        box_copy(&got, &dy);
        g.dy = (bp_cmat){got.p, got.ld};
        k->map_grad[f](&g);
        check_near(&got, &want, 16, MAP_NAMES[f]);
    }
    box_free(&x);
    box_free(&y);
    box_free(&dy);
    box_free(&got);
    box_free(&want);
}

static void map_grads(const bp_kernels *k, const bp_kernels *plain)
{
    for (int f = 0; f < BP_MAPS; f++) {
        for (size_t cols = 1; cols <= LONGEST; cols++) {
            grad_once(k, plain, f, cols, cols % 2 == 0, false);
            if (f == BP_MAP_RELU || f == BP_MAP_LEAKY_RELU || f == BP_MAP_ELU) {
                grad_once(k, plain, f, cols, cols % 2 == 0, true);
            }
        }
    }
}

static void test_map_grads(void **state)
{
    (void)state;
    on_every_set(map_grads);
}

/* What the formula does not use may be absent. */
static void absent_operands(const bp_kernels *k, const bp_kernels *plain)
{
    static const int from_y[] = {BP_MAP_SIGMOID, BP_MAP_TANH, BP_MAP_EXP, BP_MAP_SQRT, BP_MAP_EXPM1};
    static const int from_x[] = {BP_MAP_GELU,   BP_MAP_GELU_TANH, BP_MAP_SOFTPLUS, BP_MAP_LOG,
                                 BP_MAP_SQUARE, BP_MAP_ERF,       BP_MAP_LOG1P};
    (void)plain;
    box x = box_input(k->type, ROWS, 19, 1, 0, 0.5, 2), y = box_input(k->type, ROWS, 19, 1, 0, 0.1, 0.9);
    box dy = box_input(k->type, ROWS, 19, 1, 0, -1, 1);
    box both = box_new(k->type, ROWS, 19, 1, 0, true), one = box_new(k->type, ROWS, 19, 1, 0, true);
    for (size_t i = 0; i < 12; i++) {
        int f = i < 5 ? from_y[i] : from_x[i - 5];
        bp_map_grad g = {ROWS, 19, mat(&both), cmat(&dy), cmat(&x), cmat(&y), 0, false};
        k->map_grad[f](&g);
        g.dx = mat(&one);
        g.x.p = i < 5 ? NULL : g.x.p;
        g.y.p = i < 5 ? g.y.p : NULL;
        k->map_grad[f](&g);
        check_near(&one, &both, 0, MAP_NAMES[f]);
    }
    for (size_t i = 0; i < 2; i++) { /* these use neither */
        bp_map_grad g = {ROWS, 19, mat(&one), cmat(&dy), {NULL, 0}, {NULL, 0}, 0, false};
        k->map_grad[i ? BP_MAP_LINEAR : BP_MAP_NEG](&g);
        assert_true(get(&one, 1, 2) == (i ? 1 : -1) * get(&dy, 1, 2));
    }
    box_free(&x);
    box_free(&y);
    box_free(&dy);
    box_free(&both);
    box_free(&one);
}

static void test_absent_operands(void **state)
{
    (void)state;
    on_every_set(absent_operands);
}

/* ---- Two variables, sums ----------------------------------------------------------------------------------------- */

static void zips(const bp_kernels *k, const bp_kernels *plain)
{
    static const char *const names[] = {"add", "sub", "mul", "div"};
    for (int f = 0; f < BP_ZIPS; f++) {
        for (size_t cols = 1; cols <= LONGEST; cols++) {
            for (unsigned way = 0; way < 16; way++) { /* each operand: one row or all, one column or all */
                box a = box_input(k->type, ROWS, cols, 1, 1, -2, 2), b = box_input(k->type, ROWS, cols, 2, 0, 0.5, 2);
                box got = box_new(k->type, ROWS, cols, 1, 3, true), want = box_new(k->type, ROWS, cols, 0, 0, true);
                bp_operand x1 = {a.p, way & 1 ? a.ld : 0, way >> 1 & 1}, x2 = {b.p, way & 4 ? b.ld : 0, way >> 3 & 1};
                k->zip[f](ROWS, cols, mat(&got), x1, x2);
                plain->zip[f](ROWS, cols, mat(&want), x1, x2);
                check_near(&got, &want, 0, names[f]); /* one rounding: equal */
                box_free(&a);
                box_free(&b);
                box_free(&got);
                box_free(&want);
            }
        }
    }
}

static void test_zips(void **state)
{
    (void)state;
    on_every_set(zips);
}

static void sums(const bp_kernels *k, const bp_kernels *plain)
{
    for (size_t cols = 1; cols <= LONGEST; cols++) {
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            box x = box_input(k->type, 9, cols, cols % 3, cols % 5, -1, 1);
            box got = box_new(k->type, 9, 1, 2, 1, true), want = box_new(k->type, 9, 1, 0, 0, true);
            box got_c = box_new(k->type, 1, cols, 0, cols % 4, true), want_c = box_new(k->type, 1, cols, 0, 0, true);
            box got_s = box_new(k->type, 9, cols, 1, 1, true), want_s = box_new(k->type, 9, cols, 0, 0, true);
            box_fill(&got_c, 0, 1, 3);
            box_copy(&want_c, &got_c);
            box_fill(&got_s, 0, 1, 4);
            box_copy(&want_s, &got_s);
            k->row_sum(9, cols, mat(&got), cmat(&x), 0.125);
            plain->row_sum(9, cols, mat(&want), cmat(&x), 0.125);
            check_near(&got, &want, (double)cols, "row_sum");
            k->col_sum(9, cols, got_c.p, cmat(&x), accumulate);
            plain->col_sum(9, cols, want_c.p, cmat(&x), accumulate);
            check_near(&got_c, &want_c, 0, "col_sum"); /* the same chain: equal */
            k->row_spread(9, cols, mat(&got_s), cmat(&got), 0.3, accumulate);
            plain->row_spread(9, cols, mat(&want_s), cmat(&got), 0.3, accumulate);
            check_near(&got_s, &want_s, 0, "row_spread");
            box_free(&x);
            box_free(&got);
            box_free(&want);
            box_free(&got_c);
            box_free(&want_c);
            box_free(&got_s);
            box_free(&want_s);
        }
    }
}

static void test_sums(void **state)
{
    (void)state;
    on_every_set(sums);
}

/* ---- Softmax and losses ------------------------------------------------------------------------------------------ */

/* Targets: distributions, or numbers of classes. */
static box targets_of(bp_type type, size_t cols, bool classes)
{
    box t = box_input(type, ROWS, classes ? 1 : cols, 1, 2, 0, 1);
    for (size_t r = 0; r < ROWS && classes; r++) {
        set(&t, r, 0, (double)((r * 7 + cols / 2) % cols));
    }
    return t;
}

static void softmax_once(const bp_kernels *k, const bp_kernels *plain, size_t cols, bool classes, bool accumulate)
{
    box x = box_input(k->type, ROWS, cols, cols % 2, cols % 3, -20, 20), t = targets_of(k->type, cols, classes);
    box dy = box_input(k->type, ROWS, cols, 1, 0, -1, 1), scale = box_input(k->type, ROWS, 1, 1, 0, 0.5, 2);
    box p = box_new(k->type, ROWS, cols, 1, 1, true), q = box_new(k->type, ROWS, cols, 0, 0, true);
    box loss = box_new(k->type, ROWS, 1, 2, 1, true), loss_q = box_new(k->type, ROWS, 1, 0, 0, true);
    box dx = box_new(k->type, ROWS, cols, 1, 2, true), dx_q = box_new(k->type, ROWS, cols, 0, 0, true);
    bp_operand to = {t.p, t.ld, classes ? 0 : 1};
    k->softmax(ROWS, cols, mat(&p), cmat(&x));
    plain->softmax(ROWS, cols, mat(&q), cmat(&x));
    check_near(&p, &q, 8, "softmax");
    k->cross_entropy(ROWS, cols, mat(&loss), mat(&p), cmat(&x), to);
    plain->cross_entropy(ROWS, cols, mat(&loss_q), mat(&q), cmat(&x), to);
    check_near(&p, &q, 8, "cross_entropy p");
    check_near(&loss, &loss_q, 8 + (double)cols, "cross_entropy");
    box_fill(&dx, -1, 1, 8);
    box_copy(&dx_q, &dx);
    bp_loss_grad g = {ROWS, cols, mat(&dx), cmat(&scale), cmat(&q), to, 0, accumulate}, h = g;
    h.dx = mat(&dx_q);
    k->cross_entropy_grad(&g);
    plain->cross_entropy_grad(&h);
    check_near(&dx, &dx_q, 4 + (double)cols, "cross_entropy_grad");
    bp_map_grad s = {ROWS, cols, mat(&dx), cmat(&dy), {NULL, 0}, cmat(&q), 0, accumulate}, u = s;
    box_copy(&dx_q, &dx);
    u.dx = mat(&dx_q);
    k->softmax_grad(&s);
    plain->softmax_grad(&u);
    check_near(&dx, &dx_q, 4 + (double)cols, "softmax_grad");
    box *all[] = {&x, &t, &dy, &scale, &p, &q, &loss, &loss_q, &dx, &dx_q};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        box_free(all[i]);
    }
}

static void softmaxes(const bp_kernels *k, const bp_kernels *plain)
{
    for (size_t cols = 1; cols <= LONGEST; cols++) {
        softmax_once(k, plain, cols, true, cols % 2 == 0);
        softmax_once(k, plain, cols, false, cols % 2 == 1);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    on_every_set(softmaxes);
}

/* Large logits, one NaN, a class that does not exist, infinite logits with zero probability. */
static void softmax_edges(const bp_kernels *k, const bp_kernels *plain)
{
    (void)plain;
    for (size_t cols = 2; cols < 40; cols += 9) {
        box x = box_input(k->type, 4, cols, 1, 1, 5e4, 5e4 + 1), p = box_new(k->type, 4, cols, 0, 0, true);
        box t = box_new(k->type, 4, 1, 0, 0, false), loss = box_new(k->type, 4, 1, 0, 0, true);
        set(&x, 1, cols - 1, NAN);
        set(&x, 2, 0, -INFINITY);
        for (size_t r = 0; r < 4; r++) {
            set(&t, r, 0, r == 3 ? (double)cols : 1);
        }
        k->cross_entropy(4, cols, mat(&loss), mat(&p), cmat(&x), (bp_operand){t.p, 1, 0});
        double sum = 0;
        for (size_t c = 0; c < cols; c++) {
            sum += get(&p, 0, c);
            assert_true(isnan(get(&p, 1, c)));
        }
        assert_true(near_enough(k->type, sum, 1, 40));
        assert_true(isfinite(get(&loss, 0, 0)) && get(&loss, 0, 0) > 0);
        assert_true(isnan(get(&loss, 1, 0)));
        assert_true(get(&p, 2, 0) == 0 && isfinite(get(&loss, 2, 0)));
        assert_true(isnan(get(&loss, 3, 0)));
        box_free(&x);
        box_free(&p);
        box_free(&t);
        box_free(&loss);
    }
}

static void test_softmax_edges(void **state)
{
    (void)state;
    on_every_set(softmax_edges);
}

static void errors(const bp_kernels *k, const bp_kernels *plain)
{
    static const char *const names[] = {"squared", "absolute", "huber", "bce"};
    for (int e = 0; e < BP_ERRORS; e++) {
        for (size_t cols = 1; cols <= LONGEST; cols++) {
            box o = box_input(k->type, ROWS, cols, 1, cols % 3, -4, 4), t = box_input(k->type, ROWS, cols, 2, 1, 0, 1);
            box scale = box_input(k->type, ROWS, 1, 1, 0, 0.5, 2);
            box loss = box_new(k->type, ROWS, 1, 2, 1, true), loss_p = box_new(k->type, ROWS, 1, 0, 0, true);
            box dx = box_new(k->type, ROWS, cols, 1, 2, true), dx_p = box_new(k->type, ROWS, cols, 0, 0, true);
            set(&o, 0, 0, get(&t, 0, 0)); /* no difference */
            set(&o, 1, cols - 1, cols % 5 == 0 ? NAN : -90);
            k->error[e](ROWS, cols, mat(&loss), cmat(&o), cmat(&t), 0.7);
            plain->error[e](ROWS, cols, mat(&loss_p), cmat(&o), cmat(&t), 0.7);
            check_near(&loss, &loss_p, 4 + (double)cols, names[e]);
            box_fill(&dx, -1, 1, 8);
            box_copy(&dx_p, &dx);
            bp_loss_grad g = {ROWS, cols, mat(&dx), cmat(&scale), cmat(&o), operand(&t), 0.7, cols % 2 == 0}, h = g;
            h.dx = mat(&dx_p);
            k->error_grad[e](&g);
            plain->error_grad[e](&h);
            check_near(&dx, &dx_p, 8, names[e]);
            box *all[] = {&o, &t, &scale, &loss, &loss_p, &dx, &dx_p};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                box_free(all[i]);
            }
        }
    }
}

static void test_errors(void **state)
{
    (void)state;
    on_every_set(errors);
}

/* Each row alone, elsewhere, has the bits that it has among others. */
static void row_positions(const bp_kernels *k, const bp_kernels *plain)
{
    (void)plain;
    for (size_t cols = 1; cols <= LONGEST; cols++) {
        box x = box_input(k->type, 5, cols, 3, 0, -3, 3), t = box_input(k->type, 5, cols, 0, 1, 0, 1);
        box p = box_new(k->type, 5, cols, 1, 0, true), loss = box_new(k->type, 5, 4, 1, 0, true);
        box p1 = box_new(k->type, 1, cols, 0, 3, true), loss1 = box_new(k->type, 1, 4, 0, 1, true);
        k->cross_entropy(5, cols, mat(&loss), mat(&p), cmat(&x), operand(&t));
        k->error[BP_ERROR_BCE](5, cols, (bp_mat){cell(&loss, 0, 1), loss.ld}, cmat(&x), cmat(&t), 0);
        k->row_sum(5, cols, (bp_mat){cell(&loss, 0, 2), loss.ld}, cmat(&x), 0.7);
        for (size_t r = 0; r < 5; r++) {
            bp_cmat xr = {cell(&x, r, 0), 1}, tr = {cell(&t, r, 0), 2};
            k->cross_entropy(1, cols, mat(&loss1), mat(&p1), xr, (bp_operand){tr.p, 9, 1});
            k->error[BP_ERROR_BCE](1, cols, (bp_mat){cell(&loss1, 0, 1), 1}, xr, tr, 0);
            k->row_sum(1, cols, (bp_mat){cell(&loss1, 0, 2), 1}, xr, 0.7);
            for (size_t c = 0; c < cols; c++) {
                check_same(&p1, 0, c, &p, r, c, "softmax");
            }
            check_same(&loss1, 0, 0, &loss, r, 0, "cross_entropy");
            check_same(&loss1, 0, 1, &loss, r, 1, "bce");
            check_same(&loss1, 0, 2, &loss, r, 2, "row_sum");
        }
        box *all[] = {&x, &t, &p, &loss, &p1, &loss1};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            box_free(all[i]);
        }
    }
}

static void test_row_positions(void **state)
{
    (void)state;
    on_every_set(row_positions);
}

/* ---- Dropout, conversion, updates, arrays ------------------------------------------------------------------------ */

static void dropouts(const bp_kernels *k, const bp_kernels *plain)
{
    static const double rates[] = {0, 0.2, 0.5, 0.999, 1 - 0x1p-53};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        for (size_t cols = 1; cols <= 2 * LONGEST; cols++) {
            box x = box_input(k->type, ROWS, cols, 1, cols % 3, -1, 1);
            box got = box_new(k->type, ROWS, cols, 2, 1, true), want = box_new(k->type, ROWS, cols, 0, 0, true);
            box_fill(&got, -1, 1, 3);
            box_copy(&want, &got);
            bp_drop d = {ROWS, cols, mat(&got), cmat(&x), rates[i], {7, 8}, {3, 4}, 0xfffffffeu, cols % 2 == 0};
            k->dropout(&d);
            d.y = mat(&want);
            plain->dropout(&d);
            check_near(&got, &want, 0, "dropout"); /* equal */
            d = (bp_drop){1, cols, mat(&got), {cell(&x, 2, 0), 1}, rates[i], {7, 8}, {3, 4}, 0, false};
            k->dropout(&d); /* row number 0xfffffffe + 2 = 0 alone */
            if (cols % 2 == 1) {
                for (size_t c = 0; c < cols; c++) {
                    check_same(&got, 0, c, &want, 2, c, "dropout");
                }
            }
            box_free(&x);
            box_free(&got);
            box_free(&want);
        }
    }
}

static void test_dropout(void **state)
{
    (void)state;
    on_every_set(dropouts);
}

static void converts(const bp_kernels *k, const bp_kernels *plain)
{
    double mean[LONGEST], scale[LONGEST];
    uint64_t words[LONGEST]; /* any bits do for whole numbers */
    for (size_t c = 0; c < LONGEST; c++) {
        uint32_t out[4], key[2] = {1, 2}, ctr[4] = {(uint32_t)c, 0, 0, 0};
        bp_philox(out, key, ctr);
        words[c] = (uint64_t)out[0] << 32 | out[1];
        mean[c] = out[2] / 4294967296.0;
        scale[c] = 1 + out[3] / 4294967296.0;
    }
    for (int from = 0; from < BP_TYPES; from++) {
        box real = box_input((bp_type)from == BP_F64 ? BP_F64 : BP_F32, 1, LONGEST, 0, 1, -100, 100);
        const void *src = from == BP_F32 || from == BP_F64 ? (const void *)real.p : (const void *)words;
        for (size_t cols = 1; cols <= LONGEST; cols++) {
            for (unsigned way = 0; way < 8; way++) {
                bp_convert how = {way & 1 ? mean : NULL, way & 2 ? scale : NULL, way >> 2};
                box got = box_new(k->type, 1, cols, 0, cols % 4, true), want = box_new(k->type, 1, cols, 0, 0, true);
                k->convert(cols, got.p, src, (bp_type)from, &how);
                plain->convert(cols, want.p, src, (bp_type)from, &how);
                check_near(&got, &want, 0, bp_type_name((bp_type)from)); /* equal */
                box_free(&got);
                box_free(&want);
            }
        }
        box_free(&real);
    }
}

static void test_convert(void **state)
{
    (void)state;
    on_every_set(converts);
}

static bp_update update_options(unsigned way)
{
    bp_update u = {.lr = 0.1, .scale = 1, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .bias1 = 0.3, .bias2 = 0.05};
    u.l2 = way & 1 ? 0.01 : 0;
    u.l1 = way & 2 ? 0.02 : 0;
    u.decay = way & 4 ? 0.03 : 0;
    u.clip = way & 8 ? 0.4 : 0;
    u.scale = way & 16 ? 0.5 : 1;
    u.momentum = way & 32 ? 0.9 : 0;
    u.dampening = way & 32 ? 0.1 : 0;
    u.nesterov = way & 64;
    u.first_step = way & 128;
    return u;
}

static void update_once(const bp_kernels *k, const bp_kernels *plain, int rule, size_t n, unsigned way)
{
    static const char *const names[] = {"sgd", "momentum", "adagrad", "rmsprop", "adam"};
    static const int moments[] = {0, 1, 2, 3, 3}; /* m: 1, v: 2 */
    box g = box_input(k->type, 1, n, 0, n % 3, -1, 1), got[3], want[3];
    for (int i = 0; i < 3; i++) { /* w, m, v */
        got[i] = box_new(k->type, 1, n, 0, (n + (size_t)i) % 4, true);
        want[i] = box_new(k->type, 1, n, 0, 0, true);
        box_fill(&got[i], i == 2 ? 0.1 : -1, 1, 21 + (uint32_t)i);
        box_copy(&want[i], &got[i]);
    }
    set(&got[0], 0, n / 2, 0); /* sign(0) = 0 */
    set(&want[0], 0, n / 2, 0);
    bp_update u = update_options(way);
    const bool m = moments[rule] & 1, v = moments[rule] & 2;
    k->update[rule](&u, &(bp_update_args){n, got[0].p, g.p, m ? got[1].p : NULL, v ? got[2].p : NULL});
    plain->update[rule](&u, &(bp_update_args){n, want[0].p, g.p, m ? want[1].p : NULL, v ? want[2].p : NULL});
    for (int i = 0; i < 3; i++) {
        check_near(&got[i], &want[i], 8, names[rule]);
    }
    for (int i = 0; i < 3; i++) {
        box_free(&got[i]);
        box_free(&want[i]);
    }
    box_free(&g);
}

static void updates(const bp_kernels *k, const bp_kernels *plain)
{
    for (int rule = 0; rule < BP_UPDATES; rule++) {
        for (size_t n = 1; n <= LONGEST; n++) {
            for (unsigned way = 0; way < 256; way += n % 7 == 0 ? 1 : 37) {
                update_once(k, plain, rule, n, way);
            }
        }
    }
}

static void test_updates(void **state)
{
    (void)state;
    on_every_set(updates);
}

static void arrays(const bp_kernels *k, const bp_kernels *plain)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t n = 0; n <= 2 * LONGEST; n++) {
        box x = box_input(k->type, 1, n, 0, n % 5, -3, 3);
        assert_true(near_enough(BP_F64, k->sum_squares(n, x.p), plain->sum_squares(n, x.p), (double)n));
        assert_true(k->all_finite(n, x.p));
        assert_int_equal(k->argmax(n, x.p), plain->argmax(n, x.p));
        for (size_t at = 0; at < n; at += 3) {
            double old = get(&x, 0, at);
            for (int i = 0; i < 3; i++) {
                set(&x, 0, at, bad[i]);
                assert_false(k->all_finite(n, x.p));
                assert_int_equal(k->argmax(n, x.p), plain->argmax(n, x.p));
            }
            set(&x, 0, at, 3.5); /* a tie with a later one */
            set(&x, 0, n - 1, 3.5);
            assert_int_equal(k->argmax(n, x.p), at);
            set(&x, 0, n - 1, NAN);
            assert_int_equal(k->argmax(n, x.p), n - 1);
            set(&x, 0, n - 1, 0);
            set(&x, 0, at, old);
        }
        for (size_t i = 0; i < n; i++) {
            set(&x, 0, i, -INFINITY);
        }
        assert_int_equal(k->argmax(n, x.p), 0);
        box_free(&x);
    }
}

static void test_arrays(void **state)
{
    (void)state;
    on_every_set(arrays);
}

/* ---- Choice of a set --------------------------------------------------------------------------------------------- */

static void test_choice(void **state)
{
    (void)state;
    assert_string_equal(bp_kernel_name(), bp_kernel_available(0));
    assert_ptr_equal(bp_kernels_for(BP_F64), bp_kernels_named(bp_kernel_available(0), BP_F64));
    assert_int_equal(bp_kernel_select("portable"), BP_OK);
    assert_string_equal(bp_kernel_name(), "portable");
    assert_string_equal(bp_kernels_for(BP_F32)->name, "portable");
    assert_int_equal(bp_kernels_for(BP_F32)->type, BP_F32);
    assert_int_equal(bp_kernel_select("mmx"), BP_ERR_UNSUPPORTED);
    assert_non_null(strstr(bp_error(), "mmx"));
    assert_non_null(strstr(bp_error(), "portable"));
    assert_int_equal(bp_kernel_select(NULL), BP_ERR_UNSUPPORTED);
    assert_string_equal(bp_kernel_name(), "portable"); /* a failure changes nothing */
    assert_null(bp_kernels_named("mmx", BP_F32));
    assert_int_equal(bp_kernel_select(bp_kernel_available(0)), BP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_map_positions),
        cmocka_unit_test(test_map_grads),
        cmocka_unit_test(test_absent_operands),
        cmocka_unit_test(test_zips),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_edges),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_row_positions),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
