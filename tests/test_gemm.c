/* test_gemm.c - matrix products of every kernel set against the plain one: all forms, all sizes 1 to 70 along each
 * dimension, strides, alignment, accumulation, epilogues; and that an element's bits do not depend on the tiling. */
#include "support_kernel.h"

static const bp_gemm_form FORMS[] = {BP_GEMM_NN, BP_GEMM_NT, BP_GEMM_TN};
static const char *const FORM_NAMES[] = {"NN", "NT", "TN"};

typedef struct problem {
    bp_gemm_form form;
    size_t m, n, k;
    bool accumulate, bias, z, not_finite;
    bp_map map;
} problem;

/* Operands of a problem. */
typedef struct operands {
    box a, b, bias, c, z;
} operands;

static operands operands_new(const problem *q, bp_type type)
{
    const size_t gap = (q->m + q->n) % 3, shift = q->k % 5;
    const bool at = q->form == BP_GEMM_TN, bt = q->form == BP_GEMM_NT;
    operands o;
    o.a = box_input(type, at ? q->k : q->m, at ? q->m : q->k, gap, shift, -1, 1);
    o.b = box_input(type, bt ? q->n : q->k, bt ? q->k : q->n, 2 - gap, shift / 2, -1, 1);
    o.bias = box_input(type, 1, q->n, 0, 3, -1, 1);
    o.c = box_new(type, q->m, q->n, gap + 1, shift, true);
    o.z = box_new(type, q->m, q->n, 2, 1, true);
    if (q->accumulate) {
        box_fill(&o.c, -1, 1, 99);
    }
    if (q->not_finite && q->m * q->n * q->k > 0) {
        set(&o.a, 0, 0, NAN);
        set(&o.b, o.b.rows - 1, o.b.cols - 1, INFINITY);
    }
    return o;
}

static void operands_free(operands *o)
{
    box_free(&o->a);
    box_free(&o->b);
    box_free(&o->bias);
    box_free(&o->c);
    box_free(&o->z);
}

static bp_gemm call_of(const problem *q, const operands *o)
{
    return (bp_gemm){.form = q->form,
                     .m = q->m,
                     .n = q->n,
                     .k = q->k,
                     .a = cmat(&o->a),
                     .b = cmat(&o->b),
                     .c = mat(&o->c),
                     .accumulate = q->accumulate,
                     .bias = q->bias ? o->bias.p : NULL,
                     .map = q->map,
                     .map_a = 0.25,
                     .z = q->z ? mat(&o->z) : (bp_mat){NULL, 0}};
}

static void compare(const bp_kernels *k, const bp_kernels *plain, const problem *q)
{
    operands got = operands_new(q, k->type), want = operands_new(q, k->type);
    char what[160];
    snprintf(what, sizeof what, "%s gemm %s m %zu n %zu k %zu%s%s%s map %d", k->name, FORM_NAMES[q->form], q->m, q->n,
             q->k, q->accumulate ? " accumulate" : "", q->bias ? " bias" : "", q->z ? " z" : "", (int)q->map);
    bp_gemm g = call_of(q, &got), w = call_of(q, &want);
    k->gemm(&g);
    plain->gemm(&w);
    double tolerance = 4 + 0.5 * (double)q->k;
    check_near(&got.c, &want.c, tolerance, what);
    if (q->z) {
        check_near(&got.z, &want.z, tolerance, what);
    } else {
        check_canaries(&got.z, what);
    }
    operands_free(&got);
    operands_free(&want);
}

/* The number of a problem chooses its epilogue. */
static problem problem_of(size_t number, bp_gemm_form form, size_t m, size_t n, size_t k)
{
    static const bp_map maps[] = {BP_MAP_LINEAR, BP_MAP_RELU, BP_MAP_TANH, BP_MAP_RELU, BP_MAP_ELU};
    problem q = {.form = form, .m = m, .n = n, .k = k, .accumulate = number % 4 == 3, .not_finite = number % 7 == 0};
    if (!q.accumulate) {
        q.map = maps[number % 5];
        q.bias = number % 3 != 0;
        q.z = number % 2 == 0;
    }
    return q;
}

static void all_sizes(const bp_kernels *k, const bp_kernels *plain)
{
    static const size_t others[][2] = {{1, 1}, {2, 33}, {5, 16}, {7, 70}, {13, 8}, {17, 65}, {64, 3}, {49, 31}};
    size_t number = 0;
    for (size_t f = 0; f < 3; f++) {
        for (size_t s = 1; s <= 70; s++) {
            for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                const size_t a = others[i][0], b = others[i][1];
                problem q = problem_of(number++, FORMS[f], s, a, b);
                compare(k, plain, &q);
                q = problem_of(number++, FORMS[f], a, s, b);
                compare(k, plain, &q);
                q = problem_of(number++, FORMS[f], a, b, s);
                compare(k, plain, &q);
            }
        }
    }
}

static void test_all_sizes(void **state)
{
    (void)state;
    on_every_set(all_sizes);
}

/* Several blocks of k, several panels; wide panels of few rows. */
static void large_sizes(const bp_kernels *k, const bp_kernels *plain)
{
    static const size_t sizes[][3] = {{30, 150, 1100}, {1, 600, 530},  {2, 333, 270},
                                      {3, 257, 129},   {131, 70, 300}, {4, 130, 777}};
    size_t number = 0;
    for (size_t f = 0; f < 3; f++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            for (size_t e = 0; e < 4; e++) {
                problem q = problem_of(number++, FORMS[f], sizes[i][0], sizes[i][1], sizes[i][2]);
                compare(k, plain, &q);
            }
        }
    }
}

static void test_large_sizes(void **state)
{
    (void)state;
    on_every_set(large_sizes);
}

/* k = 0: f(bias), or C untouched. m = 0 and n = 0: nothing. */
static void empty_sizes(const bp_kernels *k, const bp_kernels *plain)
{
    for (size_t f = 0; f < 3; f++) {
        for (size_t number = 0; number < 20; number++) {
            problem q = problem_of(number, FORMS[f], 5, 19, 0);
            compare(k, plain, &q);
            q = problem_of(number, FORMS[f], 0, 19, 3);
            compare(k, plain, &q);
            q = problem_of(number, FORMS[f], 5, 0, 3);
            compare(k, plain, &q);
        }
    }
}

static void test_empty_sizes(void **state)
{
    (void)state;
    on_every_set(empty_sizes);
}

/* The block of C at (i, j), rows x cols, computed alone has the bits that it has in the whole. */
static void compare_part(const bp_kernels *k, const problem *q, const operands *o, size_t i, size_t j, size_t rows,
                         size_t cols)
{
    const size_t size = bp_type_size(k->type);
    box part = box_new(k->type, rows, cols, 1, (i + j) % 4, true);
    bp_gemm g = call_of(q, o);
    g.m = rows;
    g.n = cols;
    g.c = mat(&part);
    g.a.p = q->form == BP_GEMM_TN ? cell(&o->a, 0, 0) + i * size : cell(&o->a, i, 0);
    g.b.p = q->form == BP_GEMM_NT ? cell(&o->b, j, 0) : cell(&o->b, 0, 0) + j * size;
    g.bias = q->bias ? cell(&o->bias, 0, j) : NULL;
    g.z.p = NULL;
    k->gemm(&g);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cols; c++) {
            check_same(&part, r, c, &o->c, i + r, j + c, k->name);
        }
    }
    box_free(&part);
}

static void parts(const bp_kernels *k, const bp_kernels *plain)
{
    static const size_t blocks[][4] = {{0, 0, 1, 1},   {38, 76, 1, 1}, {11, 13, 1, 64}, {3, 1, 2, 70},
                                       {5, 60, 30, 1}, {7, 9, 17, 19}, {0, 3, 39, 10},  {20, 30, 7, 47}};
    (void)plain;
    for (size_t f = 0; f < 3; f++) {
        for (size_t e = 0; e < 3; e++) {
            problem q = {.form = FORMS[f], .m = 39, .n = 77, .k = e == 0 ? 600 : 35, .bias = e != 1};
            q.map = e == 2 ? BP_MAP_SIGMOID : BP_MAP_RELU;
            operands o = operands_new(&q, k->type);
            bp_gemm g = call_of(&q, &o);
            k->gemm(&g);
            for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
                compare_part(k, &q, &o, blocks[b][0], blocks[b][1], blocks[b][2], blocks[b][3]);
            }
            operands_free(&o);
        }
    }
}

static void test_parts(void **state)
{
    (void)state;
    on_every_set(parts);
}

/* Tall weight gradients whose last columns are too few to fill a vector, over several strips of rows: right, and the same
 * bits as those columns computed alone, row by row. */
static void tall(const bp_kernels *k, const bp_kernels *plain)
{
    static const size_t heights[] = {16, 63, 64, 65, 130, 1025, 2100};
    for (size_t h = 0; h < sizeof heights / sizeof *heights; h++) {
        for (size_t n = 5; n <= 51; n += n % 8 < 4 ? 1 : 4) {
            problem q = {.form = BP_GEMM_TN, .m = heights[h], .n = n, .k = 9, .accumulate = (h + n) % 2};
            compare(k, plain, &q);
            q.accumulate = false;
            operands o = operands_new(&q, k->type);
            bp_gemm g = call_of(&q, &o);
            k->gemm(&g);
            compare_part(k, &q, &o, 0, n - 3, 7, 3);
            compare_part(k, &q, &o, q.m - 3, 0, 3, n);
            operands_free(&o);
        }
    }
}

static void test_tall(void **state)
{
    (void)state;
    on_every_set(tall);
}

/* Sums accumulated over pieces of k are the same chain. */
static void pieces(const bp_kernels *k, const bp_kernels *plain)
{
    static const size_t cuts[] = {0, 1, 30, 31, 300, 640};
    const size_t size = bp_type_size(k->type);
    (void)plain;
    for (size_t f = 0; f < 3; f++) {
        problem q = {.form = FORMS[f], .m = 21, .n = 45, .k = 640};
        operands whole = operands_new(&q, k->type), sum = operands_new(&q, k->type);
        bp_gemm g = call_of(&q, &whole);
        k->gemm(&g);
        for (size_t i = 0; i + 1 < sizeof cuts / sizeof *cuts; i++) {
            g = call_of(&q, &sum);
            g.accumulate = i > 0;
            g.k = cuts[i + 1] - cuts[i];
            g.a.p = f == BP_GEMM_TN ? cell(&sum.a, cuts[i], 0) : cell(&sum.a, 0, 0) + cuts[i] * size;
            g.b.p = f == BP_GEMM_NT ? cell(&sum.b, 0, 0) + cuts[i] * size : cell(&sum.b, cuts[i], 0);
            k->gemm(&g);
        }
        for (size_t r = 0; r < q.m; r++) {
            for (size_t c = 0; c < q.n; c++) {
                check_same(&sum.c, r, c, &whole.c, r, c, k->name);
            }
        }
        operands_free(&whole);
        operands_free(&sum);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    on_every_set(pieces);
}

/* The plain kernel itself: the definition, summed in long double. */
static void definition(const bp_kernels *k, const bp_kernels *plain)
{
    (void)plain;
    for (size_t f = 0; f < 3; f++) {
        problem q = {.form = FORMS[f], .m = 3, .n = 5, .k = 7, .bias = true, .z = true, .map = BP_MAP_LEAKY_RELU};
        operands o = operands_new(&q, k->type);
        bp_gemm g = call_of(&q, &o);
        k->gemm(&g);
        for (size_t i = 0; i < q.m; i++) {
            for (size_t j = 0; j < q.n; j++) {
                long double sum = get(&o.bias, 0, j);
                for (size_t p = 0; p < q.k; p++) {
                    long double a = f == BP_GEMM_TN ? get(&o.a, p, i) : get(&o.a, i, p);
                    sum += a * (f == BP_GEMM_NT ? get(&o.b, j, p) : get(&o.b, p, j));
                }
                assert_true(near_enough(k->type, get(&o.z, i, j), (double)sum, 8));
                assert_true(near_enough(k->type, get(&o.c, i, j), (double)(sum > 0 ? sum : 0.25L * sum), 8));
            }
        }
        operands_free(&o);
    }
}

static void test_definition(void **state)
{
    (void)state;
    on_every_set(definition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),  cmocka_unit_test(test_all_sizes), cmocka_unit_test(test_large_sizes),
        cmocka_unit_test(test_empty_sizes), cmocka_unit_test(test_parts),     cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_tall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
