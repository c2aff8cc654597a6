/* test_dataset.c - data sets: generated ones, folders of IDX files with everything that can be wrong with them, look-up
 * by name, splits, and the real MNIST where it is present. */
#include <math.h>

#include "support_io.h"

/* ---- Generated sets ---------------------------------------------------------------------------------------------- */

static bp_dataset *generate(const char *name, uint64_t seed, size_t rows)
{
    bp_dataset_options o = bp_dataset_defaults();
    o.seed = seed;
    o.rows = rows;
    bp_dataset *d;
    assert_ok(bp_dataset_load(&d, name, &o));
    return d;
}

static void check_plane(const bp_data *p, size_t rows)
{
    size_t ones = 0;
    assert_int_equal(p->rows, rows);
    assert_int_equal(p->inputs, 2);
    assert_int_equal(p->classes, 2);
    assert_int_equal(p->x_type, BP_F32);
    assert_int_equal(p->height, 0);
    const float *x = p->x;
    for (size_t i = 0; i < rows; i++) {
        assert_true(p->label[i] == 0 || p->label[i] == 1);
        assert_true(fabsf(x[2 * i]) < 3 && fabsf(x[2 * i + 1]) < 3);
        ones += (size_t)p->label[i];
    }
    assert_int_equal(ones, rows / 2);
}

static void test_generated(void **state)
{
    (void)state;
    static const char *const names[] = {"xor", "spirals", "circles", "moons"};
    for (size_t i = 0; i < 4; i++) {
        bp_dataset *d = generate(names[i], 7, 0);
        assert_string_equal(d->name, names[i]);
        assert_string_equal(d->source, "generated, seed 7");
        check_plane(&d->train, 1000);
        check_plane(&d->test, 250);
        assert_string_not_equal(d->train.class_names[0], d->train.class_names[1]);
        bp_dataset *same = generate(names[i], 7, 0), *other = generate(names[i], 8, 0),
                   *longer = generate(names[i], 7, 5000);
        assert_memory_equal(d->train.x, same->train.x, 8000);
        assert_memory_equal(d->test.x, same->test.x, 2000);
        assert_memory_equal(d->train.x, longer->train.x, 8000);
        assert_memory_not_equal(d->train.x, other->train.x, 8000);
        assert_memory_not_equal(d->train.x, d->test.x, 2000);
        check_plane(&longer->train, 5000);
        check_plane(&longer->test, 1250);
        bp_dataset_free(d);
        bp_dataset_free(same);
        bp_dataset_free(other);
        bp_dataset_free(longer);
    }
    bp_dataset_free(NULL);
}

/* The points lie where their class says, up to noise: what the set is about. */
static void test_geometry(void **state)
{
    (void)state;
    bp_dataset *d = generate("xor", 1, 4000);
    const float *x = d->train.x;
    size_t quadrant[4] = {0};
    for (size_t i = 0; i < 4000; i++) {
        assert_int_equal(d->train.label[i], x[2 * i] * x[2 * i + 1] < 0);
        quadrant[(x[2 * i] > 0) + 2 * (x[2 * i + 1] > 0)]++;
    }
    for (int q = 0; q < 4; q++) {
        assert_true(quadrant[q] > 850 && quadrant[q] < 1150);
    }
    bp_dataset_free(d);
    d = generate("circles", 1, 4000);
    x = d->train.x;
    size_t right = 0;
    for (size_t i = 0; i < 4000; i++) {
        right += (hypotf(x[2 * i], x[2 * i + 1]) > 0.75f) == (d->train.label[i] == 1);
    }
    assert_true(right > 3950);
    bp_dataset_free(d);
    d = generate("spirals", 1, 4000);
    x = d->train.x;
    right = 0;
    for (size_t i = 0; i < 4000; i++) { /* undo the winding: the arms then point to opposite sides */
        double radius = (double)hypotf(x[2 * i], x[2 * i + 1]), angle = 3 * 3.14159265358979 * radius;
        double along = (double)x[2 * i] * cos(angle) + (double)x[2 * i + 1] * sin(angle);
        right += (along < 0) == (d->train.label[i] == 1);
    }
    assert_true(right > 3950);
    bp_dataset_free(d);
}

/* The first points of seed 1, computed by an independent Philox: never to change. */
static void test_golden_points(void **state)
{
    (void)state;
    bp_dataset *d = generate("xor", 1, 0);
    const float *x = d->train.x;
    static const float expected[4] = {0.538188841f, 0.572770164f, -0.182222293f, 0.694074504f};
    for (int i = 0; i < 4; i++) {
        if (!(fabsf(x[i] - expected[i]) <= 1e-7f)) {
            fail_msg("%d: %.9g", i, (double)x[i]);
        }
    }
    bp_dataset_free(d);
}

static void test_options(void **state)
{
    (void)state;
    bp_dataset_options o = bp_dataset_defaults();
    bp_dataset *d;
    o.rows = 1;
    assert_error(bp_dataset_load(&d, "moons", &o), BP_ERR_ARGUMENT, "at least 2");
    assert_null(d);
    o.rows = SIZE_MAX / 4;
    assert_error(bp_dataset_load(&d, "moons", &o), BP_ERR_MEMORY, "overflow");
    assert_null(d);
    assert_error(bp_dataset_load(&d, "", NULL), BP_ERR_ARGUMENT, "no name");
    assert_error(bp_dataset_load(&d, NULL, NULL), BP_ERR_ARGUMENT, "no name");
    size_t n = 0, generated = 0;
    while (bp_dataset_list(n).name) {
        assert_true(strlen(bp_dataset_list(n).summary) > 10);
        generated += bp_dataset_list(n).generated;
        n++;
    }
    assert_int_equal(generated, 5);
    assert_true(n > generated); /* and those that are files */
}

/* ---- Folders of IDX files ---------------------------------------------------------------------------------------- */

static const char *const file_names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                          "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
enum { ROWS = 12, TEST_ROWS = 5, PIXELS = 6 };

/* The four arrays of a small set, to be spoiled by the tests. */
typedef struct small_set {
    unsigned char pixel[ROWS * PIXELS], label[ROWS], test_pixel[TEST_ROWS * PIXELS], test_label[TEST_ROWS];
    bp_array file[4];
} small_set;

static void make_small(small_set *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < sizeof s->pixel; i++) {
        s->pixel[i] = (unsigned char)(3 * i);
    }
    for (size_t i = 0; i < sizeof s->test_pixel; i++) {
        s->test_pixel[i] = (unsigned char)(200 - i);
    }
    for (size_t i = 0; i < ROWS; i++) {
        s->label[i] = (unsigned char)(i % 3);
    }
    for (size_t i = 0; i < TEST_ROWS; i++) {
        s->test_label[i] = (unsigned char)(i % 2);
    }
    s->file[0] = (bp_array){BP_U8, {3, {ROWS, 2, 3, 0}}, s->pixel, {NULL, NULL, NULL}};
    s->file[1] = (bp_array){BP_U8, {1, {ROWS, 0, 0, 0}}, s->label, {NULL, NULL, NULL}};
    s->file[2] = (bp_array){BP_U8, {3, {TEST_ROWS, 2, 3, 0}}, s->test_pixel, {NULL, NULL, NULL}};
    s->file[3] = (bp_array){BP_U8, {1, {TEST_ROWS, 0, 0, 0}}, s->test_label, {NULL, NULL, NULL}};
}

/* Writes the set into the folder `name`, without the files whose data is NULL. */
static const char *write_small(const small_set *s, const char *name, const char *ending)
{
    static char dir[128];
    snprintf(dir, sizeof dir, "%s/%s", folder, name);
    remove_tree(dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    for (int k = 0; k < 4; k++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s%s", dir, file_names[k], ending);
        if (s->file[k].data) {
            assert_ok(bp_idx_write(path, &s->file[k]));
        }
    }
    return dir;
}

static void test_directory(void **state)
{
    (void)state;
    small_set s;
    for (int gzip = 0; gzip < 2; gzip++) {
        make_small(&s);
        bp_dataset *d;
        const char *dir = write_small(&s, "small", gzip ? ".gz" : "");
        assert_ok(bp_dataset_load(&d, dir, NULL));
        assert_string_equal(d->name, "small");
        assert_string_equal(d->source, dir);
        assert_int_equal(d->train.rows, ROWS);
        assert_int_equal(d->train.inputs, PIXELS);
        assert_int_equal(d->train.height, 2);
        assert_int_equal(d->train.width, 3);
        assert_int_equal(d->train.classes, 3);
        assert_int_equal(d->train.x_type, BP_U8);
        assert_memory_equal(d->train.x, s.pixel, sizeof s.pixel);
        assert_int_equal(d->train.label[11], 2);
        assert_string_equal(d->train.class_names[2], "2");
        assert_int_equal(d->test.rows, TEST_ROWS);
        assert_int_equal(d->test.classes, 3);
        assert_memory_equal(d->test.x, s.test_pixel, sizeof s.test_pixel);
        assert_int_equal(d->test.label[1], 1);
        bp_dataset_free(d);
    }
}

/* A set without a test part, rows of features in place of images, numbers in place of bytes. */
static void test_other_shapes(void **state)
{
    (void)state;
    small_set s;
    make_small(&s);
    float x[ROWS * PIXELS];
    int16_t label[ROWS];
    for (size_t i = 0; i < ROWS * PIXELS; i++) {
        x[i] = (float)i / 8 - 3;
    }
    for (int i = 0; i < ROWS; i++) {
        label[i] = (int16_t)(i == 4 ? 255 : i);
    }
    s.file[0] = (bp_array){BP_F32, {2, {ROWS, PIXELS, 0, 0}}, x, {NULL, NULL, NULL}};
    s.file[1].type = BP_I16;
    s.file[1].data = label;
    s.file[2].data = s.file[3].data = NULL;
    bp_dataset *d;
    assert_ok(bp_dataset_load(&d, write_small(&s, "table", ".gz"), NULL));
    assert_int_equal(d->train.x_type, BP_F32);
    assert_memory_equal(d->train.x, x, sizeof x);
    assert_int_equal(d->train.height, 0);
    assert_int_equal(d->train.classes, 256);
    assert_string_equal(d->train.class_names[255], "255");
    assert_int_equal(d->test.rows, 0);
    bp_dataset_free(d);

    x[8] = NAN;
    assert_error(bp_dataset_load(&d, write_small(&s, "table", ".gz"), NULL), BP_ERR_DATA, "element 2 of row 1");
    x[8] = -INFINITY;
    assert_error(bp_dataset_load(&d, write_small(&s, "table", ".gz"), NULL), BP_ERR_DATA, "not a finite number");
    x[8] = 0;
    label[7] = 256;
    assert_error(bp_dataset_load(&d, write_small(&s, "table", ".gz"), NULL), BP_ERR_DATA,
                 "row 7 (counted from 0) is 256");
    label[7] = -1;
    assert_error(bp_dataset_load(&d, write_small(&s, "table", ".gz"), NULL), BP_ERR_DATA, "is -1, expected 0 to 255");
    assert_null(d);
}

static void refuse_set(const small_set *s, bp_status expected, const char *mention)
{
    bp_dataset *d;
    assert_error(bp_dataset_load(&d, write_small(s, "bad", ""), NULL), expected, mention);
    assert_null(d);
}

static void test_bad_sets(void **state)
{
    (void)state;
    small_set s;
    make_small(&s); /* mislabelled: the two training files swapped */
    bp_array first = s.file[0];
    s.file[0] = s.file[1];
    refuse_set(&s, BP_ERR_DATA, "looks like labels");
    s.file[0] = s.file[1] = first;
    refuse_set(&s, BP_ERR_DATA, "looks like images");

    make_small(&s); /* counts that disagree */
    s.file[1].shape.dim[0] = ROWS - 1;
    refuse_set(&s, BP_ERR_DATA, "holds 12 images, but");
    make_small(&s);
    s.file[3].shape.dim[0] = TEST_ROWS - 1;
    refuse_set(&s, BP_ERR_DATA, "holds 4 labels");

    make_small(&s); /* a class that training never sees */
    s.test_label[3] = 3;
    refuse_set(&s, BP_ERR_DATA, "the label of row 3 (counted from 0) is 3, expected 0 to 2");
    make_small(&s);
    s.file[2].shape = (bp_shape){3, {TEST_ROWS, 3, 2, 0}};
    refuse_set(&s, BP_ERR_DATA, "height 3");
    s.file[2].shape = (bp_shape){3, {TEST_ROWS, 2, 2, 0}};
    refuse_set(&s, BP_ERR_DATA, "rows of 4 elements");
    make_small(&s);
    s.file[2].type = BP_I8;
    refuse_set(&s, BP_ERR_DATA, "type i8");

    make_small(&s); /* other types, other dimensions */
    float label[ROWS] = {0};
    s.file[1].type = BP_F32;
    s.file[1].data = label;
    refuse_set(&s, BP_ERR_DATA, "labels of type f32, expected integers");
    make_small(&s);
    s.file[0].shape = (bp_shape){4, {ROWS, 1, 2, 3}};
    refuse_set(&s, BP_ERR_UNSUPPORTED, "4 dimensions");

    for (int k = 0; k < 4; k++) { /* each file missing */
        make_small(&s);
        s.file[k].data = NULL;
        refuse_set(&s, BP_ERR_IO, file_names[k]);
    }
    bp_dataset *d;
    assert_error(bp_dataset_load(&d, in_folder("nowhere"), NULL), BP_ERR_IO, "there is no folder");
}

/* Each of the four files empty, cut, and empty of rows: the error names the file. */
static void test_damaged_sets(void **state)
{
    (void)state;
    small_set s;
    make_small(&s);
    bp_dataset *d;
    for (int k = 0; k < 4; k++) {
        const char *dir = write_small(&s, "damaged", "");
        char path[256];
        snprintf(path, sizeof path, "%s/%s", dir, file_names[k]);
        bytes b = read_file(path);
        write_file(path, b.data, b.size - 1);
        assert_error(bp_dataset_load(&d, dir, NULL), BP_ERR_FORMAT, path);
        write_file(path, "", 0);
        assert_error(bp_dataset_load(&d, dir, NULL), BP_ERR_FORMAT, path);
        b.data[7] = 0;
        write_file(path, b.data, k % 2 ? 8 : 16);
        assert_error(bp_dataset_load(&d, dir, NULL), BP_ERR_DATA, "empty: dimension 1");
        assert_null(d);
        free(b.data);
    }
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static void test_lookup(void **state)
{
    (void)state;
    small_set s;
    make_small(&s);
    char parent[128], absent[128];
    snprintf(parent, sizeof parent, "%s", folder);
    snprintf(absent, sizeof absent, "%s/absent", folder);
    const char *dirs[2] = {absent, parent};
    bp_dataset_options o = bp_dataset_defaults();
    o.dirs = dirs;
    o.dir_count = 2;
    bp_dataset *d;
    assert_error(bp_dataset_load(&d, "mnist", &o), BP_ERR_IO, absent);
    assert_non_null(strstr(bp_error(), parent));
    write_small(&s, "mnist", "");
    assert_ok(bp_dataset_load(&d, "mnist", &o)); /* DIR/name; ten classes by definition */
    assert_int_equal(d->train.classes, 10);
    assert_string_equal(d->train.class_names[9], "9");
    bp_dataset_free(d);

    char inside[128];
    snprintf(inside, sizeof inside, "%s", write_small(&s, "elsewhere", ""));
    dirs[1] = inside;
    assert_ok(bp_dataset_load(&d, "mnist", &o)); /* DIR itself */
    assert_string_equal(d->source, inside);
    bp_dataset_free(d);
    assert_error(bp_dataset_load(&d, "other", &o), BP_ERR_ARGUMENT, "unknown data set");
    dirs[1] = parent;
    assert_ok(bp_dataset_load(&d, "elsewhere", &o)); /* any name that is a folder in DIR */
    assert_int_equal(d->train.classes, 3);
    bp_dataset_free(d);

    s.label[2] = 10;
    write_small(&s, "mnist", "");
    assert_error(bp_dataset_load(&d, "mnist", &o), BP_ERR_DATA, "is 10, expected 0 to 9");
    assert_error(bp_dataset_load(&d, "mnits", &o), BP_ERR_ARGUMENT, "did you mean \"mnist\"");
    assert_non_null(strstr(bp_error(), "xor, spirals, circles, moons, mnist"));
    assert_non_null(strstr(bp_error(), absent));
    assert_error(bp_dataset_load(&d, "moon", NULL), BP_ERR_ARGUMENT, "did you mean \"moons\"");
    assert_null(d);
}

static void test_real_mnist(void **state)
{
    (void)state;
    const char *dir = real_data("mnist");
    if (!dir) {
        skip();
    }
    static const size_t train_count[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    static const size_t test_count[10] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    char path[1100];
    snprintf(path, sizeof path, "%s/", dir);
    bp_dataset *d;
    assert_ok(bp_dataset_load(&d, path, NULL));
    assert_string_equal(d->name, "mnist");
    assert_int_equal(d->train.rows, 60000);
    assert_int_equal(d->test.rows, 10000);
    const bp_data *part[2] = {&d->train, &d->test};
    const size_t *count[2] = {train_count, test_count}, sum[2] = {1567298545, 264923200};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(part[k]->inputs, 784);
        assert_int_equal(part[k]->height, 28);
        assert_int_equal(part[k]->width, 28);
        assert_int_equal(part[k]->classes, 10);
        size_t seen[10] = {0}, total = 0;
        for (size_t i = 0; i < part[k]->rows; i++) {
            seen[part[k]->label[i]]++;
        }
        for (size_t i = 0; i < part[k]->rows * 784; i++) {
            total += ((const unsigned char *)part[k]->x)[i];
        }
        assert_memory_equal(seen, count[k], sizeof seen);
        assert_int_equal(total, sum[k]);
    }
    assert_int_equal(d->train.label[0], 5);
    bp_dataset_free(d);
}

/* ---- Splits ------------------------------------------------------------------------------------------------------ */

/* A set whose row i is (i, -i), of class i % 10 < counts..., so that rows can be recognised. */
typedef struct numbered {
    int16_t x[2 * 1000];
    int32_t label[1000];
    double y[3 * 1000];
    float weight[1000];
    bp_data data;
} numbered;

static void make_numbered(numbered *n, size_t rows, size_t classes)
{
    static const char *const names[] = {"a", "bb", "ccc", "dddd"};
    memset(n, 0, sizeof *n);
    for (size_t i = 0; i < rows; i++) {
        n->x[2 * i] = (int16_t)i;
        n->x[2 * i + 1] = (int16_t) - (int16_t)i;
        n->label[i] = classes ? (int32_t)((i * i + i / 3) % classes) : 0;
        for (size_t j = 0; j < 3; j++) {
            n->y[3 * i + j] = (double)i + 0.25 * (double)j;
        }
        n->weight[i] = 0.5F * (float)i;
    }
    n->data = (bp_data){.rows = rows,
                        .inputs = 2,
                        .x = n->x,
                        .x_type = BP_I16,
                        .classes = classes,
                        .label = n->label,
                        .weight = n->weight,
                        .class_names = names};
    if (classes == 0) {
        n->data.label = NULL;
        n->data.class_names = NULL;
        n->data.y = n->y;
        n->data.targets = 3;
    }
}

/* Every row of the whole is in exactly one of both, with what belongs to it, in the original order. */
static void check_split(const numbered *n, const bp_dataset *part, const bp_dataset *rest)
{
    const bp_data *side[2] = {&part->train, &rest->train};
    unsigned char seen[1000] = {0};
    assert_int_equal(side[0]->rows + side[1]->rows, n->data.rows);
    for (int k = 0; k < 2; k++) {
        assert_true(side[k]->rows > 0);
        assert_int_equal(side[k]->inputs, 2);
        assert_int_equal(side[k]->x_type, BP_I16);
        int last = -1;
        for (size_t i = 0; i < side[k]->rows; i++) {
            int row = ((const int16_t *)side[k]->x)[2 * i];
            assert_int_equal(((const int16_t *)side[k]->x)[2 * i + 1], -row);
            assert_true(row > last);
            assert_int_equal(seen[row]++, 0);
            assert_true(side[k]->weight[i] == n->weight[row]);
            last = row;
            if (n->data.label) {
                assert_int_equal(side[k]->label[i], n->label[row]);
            } else {
                assert_memory_equal(side[k]->y + 3 * i, n->y + 3 * row, 3 * sizeof(double));
            }
        }
    }
}

static void test_split(void **state)
{
    (void)state;
    static numbered n;
    static const double fraction[] = {0.001, 0.1, 0.25, 1.0 / 3, 0.5, 0.87, 0.9999};
    for (size_t rows = 2; rows <= 1000; rows = rows < 20 ? rows + 1 : rows * 3 - 7) {
        for (size_t classes = 0; classes <= 4; classes++) {
            for (size_t f = 0; f < sizeof fraction / sizeof *fraction; f++) {
                make_numbered(&n, rows, classes);
                bp_dataset *part, *rest;
                assert_ok(bp_data_split(&part, &rest, &n.data, fraction[f], 5, NULL));
                check_split(&n, part, rest);
                double wanted = floor(fraction[f] * (double)rows + 0.5);
                wanted = wanted < 1 ? 1 : wanted > (double)rows - 1 ? (double)rows - 1 : wanted;
                assert_int_equal(part->train.rows, (size_t)wanted);
                for (size_t c = 0; c < classes; c++) { /* every class within one row of its share */
                    double all = 0, taken = 0;
                    for (size_t i = 0; i < rows; i++) {
                        all += n.label[i] == (int32_t)c;
                    }
                    for (size_t i = 0; i < part->train.rows; i++) {
                        taken += part->train.label[i] == (int32_t)c;
                    }
                    assert_true(fabs(taken - all * wanted / (double)rows) < 1);
                }
                bp_dataset_free(part);
                bp_dataset_free(rest);
            }
        }
    }
}

static void test_split_seed(void **state)
{
    (void)state;
    static numbered n;
    make_numbered(&n, 1000, 4);
    bp_dataset *part[3], *rest[3];
    for (int k = 0; k < 3; k++) {
        assert_ok(bp_data_split(&part[k], &rest[k], &n.data, 0.2, k == 2 ? 43 : 42, NULL));
    }
    memset(n.x, 0, sizeof n.x); /* the parts are copies */
    assert_memory_equal(part[0]->train.x, part[1]->train.x, 200 * 4);
    assert_memory_equal(rest[0]->train.x, rest[1]->train.x, 800 * 4);
    assert_memory_not_equal(part[0]->train.x, part[2]->train.x, 200 * 4);
    assert_int_not_equal(((const int16_t *)part[0]->train.x)[2 * 199], 0);
    assert_string_equal(part[0]->train.class_names[3], "dddd");
    for (int k = 0; k < 3; k++) {
        bp_dataset_free(part[k]);
        bp_dataset_free(rest[k]);
    }
}

static void test_split_errors(void **state)
{
    (void)state;
    static numbered n;
    make_numbered(&n, 10, 4);
    bp_dataset *part, *rest;
    static const double bad[] = {0, 1, -0.5, 1.5, NAN};
    for (size_t i = 0; i < 5; i++) {
        assert_error(bp_data_split(&part, &rest, &n.data, bad[i], 1, NULL), BP_ERR_ARGUMENT, "between 0 and 1");
        assert_null(part);
    }
    n.data.rows = 1;
    assert_error(bp_data_split(&part, &rest, &n.data, 0.5, 1, NULL), BP_ERR_DATA, "at least 2");
    n.data.rows = 10;
    n.label[6] = 4;
    assert_error(bp_data_split(&part, &rest, &n.data, 0.5, 1, NULL), BP_ERR_DATA, "row 6");
    n.label[6] = -1;
    assert_error(bp_data_split(&part, &rest, &n.data, 0.5, 1, NULL), BP_ERR_DATA, "is -1");
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

typedef struct counter {
    int left, live;
} counter;

static void *count_alloc(void *ctx, size_t size)
{
    counter *c = ctx;
    if (c->left-- <= 0) {
        return NULL;
    }
    c->live++;
    return aligned_alloc(64, size);
}

static void count_release(void *ctx, void *block)
{
    ((counter *)ctx)->live--;
    free(block);
}

/* Out of memory at every allocation in turn: an error, and nothing is lost. */
static void test_memory(void **state)
{
    (void)state;
    small_set s;
    static numbered n;
    make_small(&s);
    make_numbered(&n, 50, 3);
    char dir[128];
    snprintf(dir, sizeof dir, "%s", write_small(&s, "memory", ".gz"));
    const char *what[3] = {"moons", dir, NULL};
    for (int k = 0; k < 3; k++) {
        bp_status status = BP_ERR_MEMORY;
        for (int tries = 0; status != BP_OK; tries++) {
            counter c = {tries, 0};
            bp_allocator a = {count_alloc, count_release, &c};
            bp_dataset_options o = bp_dataset_defaults();
            o.allocator = &a;
            bp_dataset *d = NULL, *rest = NULL;
            status = k < 2 ? bp_dataset_load(&d, what[k], &o) : bp_data_split(&d, &rest, &n.data, 0.3, 1, &a);
            assert_true(status == BP_OK ? c.live > 0 : status == BP_ERR_MEMORY && c.live == 0);
            bp_dataset_free(d);
            bp_dataset_free(rest);
            assert_int_equal(c.live, 0);
            assert_true(tries < 200);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated),    cmocka_unit_test(test_geometry),     cmocka_unit_test(test_golden_points),
        cmocka_unit_test(test_options),      cmocka_unit_test(test_directory),    cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_bad_sets),     cmocka_unit_test(test_damaged_sets), cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_real_mnist),   cmocka_unit_test(test_split),        cmocka_unit_test(test_split_seed),
        cmocka_unit_test(test_split_errors), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
