/* test_digits.c - the built-in handwritten digits: the same bits from the same seed, images that look like MNIST's in
 * every number that can be measured, a task that is neither trivial nor hopeless; and the contact sheet. */
#include <math.h>

#include "data/digits.h"
#include "support_io.h"

static bp_dataset *generate(uint64_t seed, size_t rows)
{
    bp_dataset_options o = bp_dataset_defaults();
    o.seed = seed;
    o.rows = rows;
    bp_dataset *d;
    assert_ok(bp_dataset_load(&d, "digits", &o));
    return d;
}

/* ---- Determinism ------------------------------------------------------------------------------------------------- */

static void test_threads(void **state)
{
    (void)state;
    enum { ROWS = 503 };
    static uint8_t x[4][ROWS * BP_DIGIT_PIXELS];
    int32_t label[ROWS];
    for (int threads = 1; threads <= 3; threads++) {
        bp_digits_fill(x[threads], label, ROWS, 7, 0, threads);
        assert_memory_equal(x[1], x[threads], sizeof x[1]);
    }
    bp_digits_fill(x[0], label, ROWS, 8, 0, 2);
    assert_memory_not_equal(x[0], x[1], sizeof x[1]);
    bp_digits_fill(x[0], label, ROWS, 7, 1, 2);
    assert_memory_not_equal(x[0], x[1], sizeof x[1]);
}

static void test_rows_do_not_matter(void **state)
{
    (void)state;
    bp_dataset *small = generate(3, 100), *large = generate(3, 1000);
    assert_memory_equal(small->train.x, large->train.x, 100 * BP_DIGIT_PIXELS);
    assert_memory_equal(small->test.x, large->test.x, small->test.rows * BP_DIGIT_PIXELS);
    assert_memory_not_equal(large->train.x, large->test.x, large->test.rows * BP_DIGIT_PIXELS);
    bp_dataset_free(small);
    bp_dataset_free(large);
}

/* No image occurs twice, neither in a part nor in both. */
static int compare_images(const void *a, const void *b)
{
    return memcmp(a, b, BP_DIGIT_PIXELS);
}

static void test_all_different(void **state)
{
    (void)state;
    enum { ROWS = 6000, ALL = ROWS + ROWS / 6 };
    bp_dataset *d = generate(1, ROWS);
    uint8_t *all = malloc((size_t)ALL * BP_DIGIT_PIXELS);
    assert_non_null(all);
    memcpy(all, d->train.x, (size_t)ROWS * BP_DIGIT_PIXELS);
    memcpy(all + ROWS * BP_DIGIT_PIXELS, d->test.x, (size_t)(ALL - ROWS) * BP_DIGIT_PIXELS);
    qsort(all, ALL, BP_DIGIT_PIXELS, compare_images);
    for (size_t i = 1; i < ALL; i++) {
        assert_memory_not_equal(all + (i - 1) * BP_DIGIT_PIXELS, all + i * BP_DIGIT_PIXELS, BP_DIGIT_PIXELS);
    }
    free(all);
    bp_dataset_free(d);
}

/* ---- The format -------------------------------------------------------------------------------------------------- */

static void check_part(const bp_data *p, size_t rows)
{
    size_t count[10] = {0};
    assert_int_equal(p->rows, rows);
    assert_int_equal(p->inputs, 784);
    assert_int_equal(p->height, 28);
    assert_int_equal(p->width, 28);
    assert_int_equal(p->x_type, BP_U8);
    assert_int_equal(p->classes, 10);
    assert_string_equal(p->class_names[7], "7");
    for (size_t i = 0; i < rows; i++) {
        assert_in_range(p->label[i], 0, 9);
        count[p->label[i]]++;
    }
    for (int k = 0; k < 10; k++) {
        assert_in_range(count[k], rows / 10, rows / 10 + 1);
    }
}

static void test_format(void **state)
{
    (void)state;
    bp_dataset *d = generate(2, 6007);
    assert_string_equal(d->name, "digits");
    assert_string_equal(d->source, "generated, seed 2");
    check_part(&d->train, 6007);
    check_part(&d->test, 1001);
    bp_dataset_free(d);
    bp_dataset_options o = bp_dataset_defaults();
    o.rows = ((size_t)1 << 30) + 1;
    assert_error(bp_dataset_load(&d, "digits", &o), BP_ERR_ARGUMENT, "at most 1073741824");
    assert_null(d);
}

static void test_default_size(void **state)
{
    (void)state;
    bp_dataset *d = generate(1, 0);
    check_part(&d->train, 60000);
    check_part(&d->test, 10000);
    bp_dataset_free(d);
}

/* ---- The look ---------------------------------------------------------------------------------------------------- */

/* What can be measured on one image. */
typedef struct look {
    double ink;                   /* mean grey level */
    double x, y;                  /* centre of mass */
    int left, right, top, bottom; /* first and last column and row with ink */
    int black, full;              /* pixels without ink; pixels of at least 250 */
    int most;                     /* largest grey level */
} look;

static look look_at(const uint8_t *image)
{
    look l = {.left = 28, .right = -1, .top = 28, .bottom = -1};
    for (int i = 0; i < 784; i++) {
        int v = image[i], x = i % 28, y = i / 28;
        l.ink += v;
        l.x += v * x;
        l.y += v * y;
        l.black += v == 0;
        l.full += v >= 250;
        l.most = v > l.most ? v : l.most;
        if (v > 0) {
            l.left = x < l.left ? x : l.left;
            l.right = x > l.right ? x : l.right;
            l.top = y < l.top ? y : l.top;
            l.bottom = y > l.bottom ? y : l.bottom;
        }
    }
    l.x /= l.ink;
    l.y /= l.ink;
    l.ink /= 784;
    return l;
}

/* Every single image is as MNIST's are made: 20 pixels in one direction and at most 20 in the other, the centre of mass in
 * the middle of pixel 14 as well as whole pixels can, white ink on black. */
static void test_every_image(void **state)
{
    (void)state;
    enum { ROWS = 10000 };
    bp_dataset *d = generate(5, ROWS);
    const uint8_t *x = d->train.x;
    size_t off_centre = 0;
    for (size_t i = 0; i < ROWS; i++) {
        look l = look_at(x + i * BP_DIGIT_PIXELS);
        int width = l.right - l.left + 1, height = l.bottom - l.top + 1;
        bool framed = width <= 20 && height <= 20 && (width == 20 || height == 20);
        if (!framed || l.most < 245 || !(l.ink >= 3 && l.ink <= 130) || l.black < 784 - 400) {
            fail_msg("image %zu, a %d: %d x %d, ink %g, grey up to %d, %d black", i, (int)d->train.label[i], width,
                     height, l.ink, l.most, l.black);
        }
        off_centre += !(fabs(l.x - 14) <= 0.51 && fabs(l.y - 14) <= 0.51);
    }
    assert_in_range(off_centre, 0, ROWS / 100); /* where the frame is in the way */
    bp_dataset_free(d);
}

/* Class means of the MNIST training images: grey level and standard deviation of it, width over height of the ink. */
static const struct {
    double ink, spread, shape;
} mnist[10] = {{44.2, 11.0, 0.93}, {19.4, 5.6, 0.47}, {38.0, 9.7, 0.96}, {36.1, 9.6, 0.83}, {30.9, 8.1, 0.83},
               {32.8, 9.5, 0.96},  {35.0, 9.5, 0.77}, {29.2, 7.8, 0.81}, {38.3, 9.9, 0.80}, {31.3, 8.3, 0.72}};

static void test_class_means(void **state)
{
    (void)state;
    enum { ROWS = 10000, EACH = ROWS / 10 };
    bp_dataset *d = generate(6, ROWS);
    double ink[10] = {0}, square[10] = {0}, shape[10] = {0}, full = 0;
    for (size_t i = 0; i < ROWS; i++) {
        int k = d->train.label[i];
        look l = look_at((const uint8_t *)d->train.x + i * BP_DIGIT_PIXELS);
        ink[k] += l.ink / EACH;
        square[k] += l.ink * l.ink / EACH;
        shape[k] += (l.right - l.left + 1.0) / (l.bottom - l.top + 1.0) / EACH;
        full += (double)l.full / (784 - l.black) / ROWS;
    }
    for (int k = 0; k < 10; k++) {
        double spread = sqrt(square[k] - ink[k] * ink[k]);
        if (!(fabs(ink[k] / mnist[k].ink - 1) <= 0.1) || !(fabs(spread / mnist[k].spread - 1) <= 0.3) ||
            !(fabs(shape[k] / mnist[k].shape - 1) <= 0.1)) {
            fail_msg("a %d: ink %g, spread %g, shape %g", k, ink[k], spread, shape[k]);
        }
    }
    if (!(full >= 0.33 && full <= 0.41)) { /* MNIST: 0.37 of the inked pixels are full */
        fail_msg("full pixels: %g", full);
    }
    bp_dataset_free(d);
}

/* Every style of the table draws something that fits, and its share counts. */
static void test_styles(void **state)
{
    (void)state;
    size_t styles[10] = {0};
    const bp_digit_style *s;
    for (size_t i = 0; (s = bp_digit_style_at(i)); i++) {
        assert_in_range(s->digit, 0, 9);
        assert_true(s->share > 0);
        assert_int_equal(s->point[0].move, BP_PEN_DOWN);
        assert_int_equal(s->point[BP_STYLE_POINTS].move, BP_PEN_END);
        styles[s->digit]++;
        bp_rng r = bp_rng_new(1, BP_RANDOM_DATA, (uint32_t)i);
        bp_trace t;
        bp_digit_trace(&t, s, &r);
        assert_in_range(t.count, 10, BP_TRACE_POINTS);
        for (size_t j = 0; j < t.count; j++) {
            const bp_trace_point *p = &t.point[j];
            assert_true(fabsf(p->x) < 3 && fabsf(p->y) < 3 && p->radius >= 0.3F && p->radius < 8);
        }
    }
    for (int k = 0; k < 10; k++) {
        assert_true(styles[k] >= 3);
    }
}

/* ---- The task ---------------------------------------------------------------------------------------------------- */

static bp_model *train_on(const bp_data *data, const char *net)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = data->inputs;
    o.outputs = data->classes;
    o.net = net;
    o.seed = 1;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    double mean = 0, scale = 1.0 / 255;
    assert_ok(bp_model_set_scaling(m, 1, &mean, &scale));
    bp_train_options t = bp_train_defaults();
    t.epochs = 6;
    t.batch = 64;
    t.optimizer.lr = 0.002;
    t.seed = 1;
    assert_ok(bp_schedule_parse(&t.schedule, "cosine"));
    assert_ok(bp_train(NULL, m, data, &t));
    return m;
}

static double accuracy(const bp_model *m, const bp_data *data)
{
    bp_evaluation *e;
    assert_ok(bp_evaluate(&e, m, data, 0));
    double a = e->accuracy;
    bp_evaluation_free(e);
    return a;
}

/* Neither trivial nor hopeless: without a hidden layer it is not solved, with one it nearly is; and what was learned from
 * drawn digits holds for written ones. */
static void test_task(void **state)
{
    (void)state;
    bp_dataset *d = generate(1, 12000), *real = NULL;
    bp_model *softmax = train_on(&d->train, ""), *hidden = train_on(&d->train, "dense 128 relu");
    double plain = accuracy(softmax, &d->test), better = accuracy(hidden, &d->test), transfer = 1;
    if (real_data("mnist")) {
        assert_ok(bp_dataset_load(&real, real_data("mnist"), NULL));
        transfer = accuracy(hidden, &real->test);
        bp_dataset_free(real);
    }
    print_message("softmax regression %.4f, one hidden layer %.4f, on MNIST %.4f\n", plain, better, transfer);
    if (!(plain >= 0.8 && plain < 0.95) || !(better >= plain + 0.03) || !(better >= 0.91) || !(transfer >= 0.88)) {
        fail_msg("softmax regression %.4f, one hidden layer %.4f, on MNIST %.4f", plain, better, transfer);
    }
    bp_model_free(softmax);
    bp_model_free(hidden);
    bp_dataset_free(d);
}

/* ---- The contact sheet ------------------------------------------------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Decodes a grey PNG without interlacing whose lines are not filtered, checking everything on the way. */
static unsigned char *decode_png(const char *path, size_t width, size_t height)
{
    bytes f = read_file(path);
    unsigned char *lines = malloc((width + 1) * height), *pixels = malloc(width * height);
    size_t at = 8, unpacked = 0;
    const char *expected[3] = {"IHDR", "IDAT", "IEND"};
    assert_non_null(lines);
    assert_non_null(pixels);
    assert_true(f.size > 8 && memcmp(f.data, "\x89PNG\r\n\x1a\n", 8) == 0);
    for (int chunk = 0; chunk < 3; chunk++) {
        assert_true(at + 12 <= f.size);
        size_t n = be32(f.data + at);
        const unsigned char *content = f.data + at + 8;
        assert_true(n <= f.size - at - 12);
        assert_memory_equal(content - 4, expected[chunk], 4);
        assert_int_equal(crc32(0, content - 4, (uInt)(n + 4)), be32(content + n));
        if (chunk == 0) {
            assert_int_equal(n, 13);
            assert_int_equal(be32(content), width);
            assert_int_equal(be32(content + 4), height);
            assert_memory_equal(content + 8, "\x08\0\0\0\0", 5);
        } else if (chunk == 1) {
            uLongf room = (uLongf)((width + 1) * height);
            assert_int_equal(uncompress(lines, &room, content, (uLong)n), Z_OK);
            unpacked = room;
        }
        at += 12 + n;
    }
    assert_int_equal(at, f.size);
    assert_int_equal(unpacked, (width + 1) * height);
    for (size_t y = 0; y < height; y++) {
        assert_int_equal(lines[y * (width + 1)], 0);
        memcpy(pixels + y * width, lines + y * (width + 1) + 1, width);
    }
    free(lines);
    free(f.data);
    return pixels;
}

/* Image i stands in column i % columns of row i / columns; what no image fills is black. */
static void check_pixels(const unsigned char *sheet, const bp_data *d, size_t columns, size_t rows)
{
    const uint8_t *x = d->x;
    for (size_t v = 0; v < rows * d->height; v++) {
        for (size_t u = 0; u < columns * d->width; u++) {
            size_t i = v / d->height * columns + u / d->width;
            int expected = i < d->rows ? x[i * d->inputs + v % d->height * d->width + u % d->width] : 0;
            assert_int_equal(sheet[v * columns * d->width + u], expected);
        }
    }
}

static void test_sheet_png(void **state)
{
    (void)state;
    bp_dataset *d = generate(4, 60);
    const char *path = in_folder("sheet.png");
    assert_ok(bp_image_sheet(path, &d->train, 10, 5));
    unsigned char *pixels = decode_png(path, 280, 140);
    check_pixels(pixels, &d->train, 10, 5);
    free(pixels);
    /* more cells than images: the lower rows are left out, the last one is filled up with black */
    assert_ok(bp_image_sheet(path, &d->train, 7, 50));
    pixels = decode_png(path, 196, 252);
    check_pixels(pixels, &d->train, 7, 9);
    free(pixels);
    assert_ok(bp_image_sheet(path, &d->train, SIZE_MAX, SIZE_MAX));
    pixels = decode_png(path, 1680, 28);
    check_pixels(pixels, &d->train, 60, 1);
    free(pixels);
    bp_dataset_free(d);
}

static void test_sheet_pgm(void **state)
{
    (void)state;
    bp_dataset *d = generate(4, 60);
    const char *path = in_folder("sheet.pgm");
    assert_ok(bp_image_sheet(path, &d->train, 10, 6));
    bytes f = read_file(path);
    static const char header[] = "P5\n280 168\n255\n";
    assert_int_equal(f.size, sizeof header - 1 + 280 * 168);
    assert_memory_equal(f.data, header, sizeof header - 1);
    check_pixels(f.data + sizeof header - 1, &d->train, 10, 6);
    free(f.data);
    bp_dataset_free(d);
}

/* Other types are stretched: the least value black, the greatest white, all of the same sheet alike; NaN is black. */
static void test_sheet_types(void **state)
{
    (void)state;
    static const float x[8] = {-1, 0, 1, 3, 0, 0, NAN, 1};
    static const int16_t n[8] = {-100, 0, 100, 300, 0, 0, -100, 100};
    static const unsigned char expected[8] = {0, 64, 64, 64, 128, 255, 0, 128};
    bp_data d = {.rows = 2, .inputs = 4, .x = x, .x_type = BP_F32, .height = 2, .width = 2};
    for (int turn = 0; turn < 2; turn++) {
        assert_ok(bp_image_sheet(in_folder("small.png"), &d, 2, 1));
        unsigned char *pixels = decode_png(in_folder("small.png"), 4, 2);
        assert_memory_equal(pixels, expected, 8);
        free(pixels);
        d.x = n;
        d.x_type = BP_I16;
    }
}

static void test_sheet_errors(void **state)
{
    (void)state;
    bp_dataset *d = generate(4, 60);
    bp_data none = d->train;
    int before = files_in(folder);
    assert_error(bp_image_sheet(in_folder("a.png"), &d->train, 0, 5), BP_ERR_ARGUMENT, "0 x 5");
    assert_error(bp_image_sheet(in_folder("a.png"), &d->train, 5, 0), BP_ERR_ARGUMENT, "5 x 0");
    none.height = 0;
    assert_error(bp_image_sheet(in_folder("a.png"), &none, 5, 5), BP_ERR_SHAPE, "no images");
    none = d->train;
    none.inputs = 783;
    assert_error(bp_image_sheet(in_folder("a.png"), &none, 5, 5), BP_ERR_SHAPE, "783");
    none = d->train;
    none.rows = SIZE_MAX / 2;
    assert_error(bp_image_sheet(in_folder("a.png"), &none, SIZE_MAX / 4, 1), BP_ERR_ARGUMENT, "ask for fewer");
    assert_error(bp_image_sheet(in_folder("no/such/folder.png"), &d->train, 5, 5), BP_ERR_IO, "no/such/folder.png");
    assert_int_equal(files_in(folder), before);
    bp_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_rows_do_not_matter),
        cmocka_unit_test(test_all_different), cmocka_unit_test(test_format),
        cmocka_unit_test(test_default_size),  cmocka_unit_test(test_every_image),
        cmocka_unit_test(test_class_means),   cmocka_unit_test(test_styles),
        cmocka_unit_test(test_task),          cmocka_unit_test(test_sheet_png),
        cmocka_unit_test(test_sheet_pgm),     cmocka_unit_test(test_sheet_types),
        cmocka_unit_test(test_sheet_errors),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
