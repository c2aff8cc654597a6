/* test_idx.c - the IDX reader and writer, and the file helpers under them: every type and shape, and every kind of bad
 * input and output. */
#include "support_io.h"

/* An IDX file in memory: header, then `size` bytes of elements with the values 0, 1, 2 ... */
static bytes make_idx(unsigned char type, int dims, const uint32_t *dim, size_t size)
{
    bytes b = {NULL, 4 + 4 * (size_t)dims + size};
    b.data = calloc(1, b.size);
    assert_non_null(b.data);
    b.data[2] = type;
    b.data[3] = (unsigned char)dims;
    for (int i = 0; i < dims; i++) {
        for (int k = 0; k < 4; k++) {
            b.data[4 + 4 * i + k] = (unsigned char)(dim[i] >> (24 - 8 * k));
        }
    }
    for (size_t i = 0; i < size; i++) {
        b.data[4 + 4 * (size_t)dims + i] = (unsigned char)i;
    }
    return b;
}

static const struct {
    unsigned char code;
    bp_type type;
    size_t size;
} types[] = {{0x08, BP_U8, 1},  {0x09, BP_I8, 1},  {0x0B, BP_I16, 2},
             {0x0C, BP_I32, 4}, {0x0D, BP_F32, 4}, {0x0E, BP_F64, 8}};
enum { TYPE_COUNT = sizeof types / sizeof *types };

static double element(const bp_array *a, size_t i)
{
    switch (a->type) {
    case BP_U8:
        return ((uint8_t *)a->data)[i];
    case BP_I8:
        return ((int8_t *)a->data)[i];
    case BP_I16:
        return ((int16_t *)a->data)[i];
    case BP_I32:
        return ((int32_t *)a->data)[i];
    case BP_F32:
        return (double)((float *)a->data)[i];
    default:
        return ((double *)a->data)[i];
    }
}

/* ---- Good files -------------------------------------------------------------------------------------------------- */

/* The known bytes of three numbers of every type. */
static void test_values(void **state)
{
    (void)state;
    static const struct {
        unsigned char code, byte[8];
        double value;
    } known[] = {
        {0x08, {200}, 200},
        {0x09, {0xFE}, -2},
        {0x0B, {0xFE, 0xFF}, -257},
        {0x0B, {0x01, 0x02}, 258},
        {0x0C, {0xFF, 0xFE, 0xFF, 0xFF}, -65537},
        {0x0C, {0x01, 0x02, 0x03, 0x04}, 16909060},
        {0x0D, {0x3F, 0xC0, 0, 0}, 1.5},
        {0x0E, {0xC0, 0x09, 0x21, 0xFB, 0x54, 0x44, 0x2D, 0x18}, -3.141592653589793},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t size = 1;
        for (size_t t = 0; t < TYPE_COUNT; t++) {
            size = types[t].code == known[i].code ? types[t].size : size;
        }
        unsigned char file[16] = {0, 0, known[i].code, 1, 0, 0, 0, 1};
        memcpy(file + 8, known[i].byte, size);
        write_file(in_folder("value"), file, 8 + size);
        bp_array a;
        assert_ok(bp_idx_read(&a, in_folder("value"), NULL));
        assert_true(element(&a, 0) == known[i].value);
        bp_array_free(&a);
    }
}

/* Every type with 1 to 4 dimensions, plain and gzip, read, written and compared byte for byte. */
static void test_round_trip(void **state)
{
    (void)state;
    const uint32_t dim[4] = {3, 2, 5, 7};
    for (size_t t = 0; t < TYPE_COUNT; t++) {
        size_t count = 1;
        for (int dims = 1; dims <= 4; dims++) {
            count *= dim[dims - 1];
            bytes file = make_idx(types[t].code, dims, dim, count * types[t].size);
            write_file(in_folder("plain.gz"), file.data, file.size); /* the content decides, not the name */
            write_gzip(in_folder("packed"), file.data, file.size);
            for (int gzip = 0; gzip < 2; gzip++) {
                bp_array a;
                assert_ok(bp_idx_read(&a, in_folder(gzip ? "packed" : "plain.gz"), NULL));
                assert_int_equal(a.type, types[t].type);
                assert_int_equal(a.shape.dims, dims);
                for (int i = 0; i < dims; i++) {
                    assert_int_equal(a.shape.dim[i], dim[i]);
                }
                assert_ok(bp_idx_write(in_folder("again"), &a));
                assert_ok(bp_idx_write(in_folder("again.gz"), &a));
                bytes again = read_file(in_folder("again"));
                assert_int_equal(again.size, file.size);
                assert_memory_equal(again.data, file.data, file.size);
                bp_array b;
                assert_ok(bp_idx_read(&b, in_folder("again.gz"), NULL));
                assert_memory_equal(a.data, b.data, count * types[t].size);
                free(again.data);
                bp_array_free(&a);
                bp_array_free(&b);
            }
            free(file.data);
        }
    }
}

/* Large enough for several buffers and several inflate calls; a gzip file of two members is one content. */
static void test_large_and_members(void **state)
{
    (void)state;
    const uint32_t dim[1] = {1000003};
    bytes file = make_idx(0x08, 1, dim, dim[0]);
    uint32_t x = 1;
    for (size_t i = 8; i < file.size; i++) { /* hardly compressible */
        x = x * 1664525u + 1013904223u;
        file.data[i] = (unsigned char)(x >> 24);
    }
    const char *path = in_folder("members.gz");
    gzFile f = gzopen(path, "wb");
    assert_int_equal(gzwrite(f, file.data, 500), 500);
    assert_int_equal(gzclose(f), Z_OK);
    f = gzopen(path, "ab");
    assert_int_equal(gzwrite(f, file.data + 500, (unsigned)file.size - 500), (int)file.size - 500);
    assert_int_equal(gzclose(f), Z_OK);
    bp_array a;
    assert_ok(bp_idx_read(&a, path, NULL));
    assert_memory_equal(a.data, file.data + 8, dim[0]);
    assert_ok(bp_idx_write(in_folder("large"), &a));
    bytes again = read_file(in_folder("large"));
    assert_int_equal(again.size, file.size);
    assert_memory_equal(again.data, file.data, file.size);
    free(again.data);
    bp_array_free(&a);

    memset(file.data + 8, 0, dim[0]); /* packs a thousand to one: memory grows while reading */
    write_gzip(path, file.data, file.size);
    assert_ok(bp_idx_read(&a, path, NULL));
    assert_memory_equal(a.data, file.data + 8, dim[0]);
    bp_array_free(&a);
    free(file.data);
}

/* ---- Bad files --------------------------------------------------------------------------------------------------- */

static void refuse(const void *data, size_t size, bp_status expected, const char *mention)
{
    bp_array a;
    write_file(in_folder("bad"), data, size);
    assert_error(bp_idx_read(&a, in_folder("bad"), NULL), expected, mention);
    assert_non_null(strstr(bp_error(), in_folder("bad")));
    assert_null(a.data);
    bp_array_free(&a);
}

static void refuse_gzip(const void *data, size_t size, const char *mention)
{
    bp_array a;
    write_gzip(in_folder("bad.gz"), data, size);
    assert_error(bp_idx_read(&a, in_folder("bad.gz"), NULL), BP_ERR_FORMAT, mention);
    assert_null(a.data);
}

static void test_not_a_file(void **state)
{
    (void)state;
    bp_array a;
    assert_error(bp_idx_read(&a, in_folder("absent"), NULL), BP_ERR_IO, "No such file");
    assert_error(bp_idx_read(&a, folder, NULL), BP_ERR_IO, "a directory");
    assert_error(bp_idx_read(&a, "/dev/null", NULL), BP_ERR_IO, "a device or pipe");
    assert_error(bp_idx_read(&a, "", NULL), BP_ERR_ARGUMENT, "no path");
    assert_error(bp_idx_read(&a, NULL, NULL), BP_ERR_ARGUMENT, "no path");
    bp_array_free(NULL);
}

static void test_bad_header(void **state)
{
    (void)state;
    const uint32_t dim[4] = {2, 3, 4, 5};
    bytes good = make_idx(0x08, 2, dim, 6);
    good.data[0] = 1;
    refuse(good.data, good.size, BP_ERR_FORMAT, "begins with 01 00, expected 00 00");
    good.data[0] = 0;
    good.data[1] = 7;
    refuse(good.data, good.size, BP_ERR_FORMAT, "not an IDX file");
    good.data[1] = 0;
    for (int type = 0; type < 256; type++) {
        bool known = (type >= 8 && type <= 14 && type != 10);
        good.data[2] = (unsigned char)type;
        if (!known) {
            refuse(good.data, good.size, BP_ERR_FORMAT, "unknown element type");
        }
    }
    good.data[2] = 8;
    good.data[3] = 0;
    refuse(good.data, good.size, BP_ERR_FORMAT, "0 dimensions at byte 3, expected 1 to 4");
    good.data[3] = 5;
    refuse(good.data, good.size, BP_ERR_FORMAT, "5 dimensions");
    good.data[3] = 2;
    good.data[11] = 0;
    refuse(good.data, good.size, BP_ERR_DATA, "dimension 2 of 2 is 0");
    refuse("<!DOCTYPE html><html>404</html>", 31, BP_ERR_FORMAT, "not an IDX file");
    free(good.data);
}

static void test_bad_length(void **state)
{
    (void)state;
    const uint32_t dim[3] = {3, 2, 2};
    bytes good = make_idx(0x0B, 3, dim, 24);
    for (size_t n = 0; n < good.size; n++) {
        refuse(good.data, n, BP_ERR_FORMAT, n < 16 ? "too short" : "promises 3 x 2 x 2 elements of type i16, 24 bytes");
        refuse_gzip(good.data, n, "too short");
    }
    unsigned char longer[64] = {0};
    memcpy(longer, good.data, good.size);
    refuse(longer, good.size + 1, BP_ERR_FORMAT, "the bytes that follow it are 25");
    refuse_gzip(longer, good.size + 1, "expected the end of the unpacked content after 40 bytes, found more");
    free(good.data);
}

static void test_absurd_sizes(void **state)
{
    (void)state;
    const uint32_t huge[4] = {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, large[2] = {0xFFFFFFFF, 0xFFFFFFFF},
                   wrap[4] = {0x80000000, 0x80000000, 4, 1}, some[1] = {0x40000000};
    bytes file = make_idx(0x0E, 4, huge, 100);
    refuse(file.data, file.size, BP_ERR_FORMAT, "more bytes than there are addresses");
    refuse_gzip(file.data, file.size, "more bytes than there are addresses");
    free(file.data);
    file = make_idx(0x08, 2, large, 100);
    refuse(file.data, file.size, BP_ERR_FORMAT, "4294967295 x 4294967295");
    refuse_gzip(file.data, file.size, "unpacks at most to");
    free(file.data);
    file = make_idx(0x08, 4, wrap, 0); /* the product is 2^64, which wraps to 0 */
    refuse(file.data, file.size, BP_ERR_FORMAT, "more bytes than there are addresses");
    free(file.data);
    file = make_idx(0x0E, 1, some, 100); /* 8 GiB */
    refuse(file.data, file.size, BP_ERR_FORMAT, "8589934592 bytes");
    refuse_gzip(file.data, file.size, "8589934592 bytes");
    free(file.data);
}

/* A gzip file cut anywhere is refused; one with a flipped bit is refused or still says the same. */
static void test_gzip_damage(void **state)
{
    (void)state;
    const uint32_t dim[1] = {300};
    bytes content = make_idx(0x08, 1, dim, dim[0]);
    write_gzip(in_folder("whole.gz"), content.data, content.size);
    bytes whole = read_file(in_folder("whole.gz"));
    bp_array a;
    for (size_t n = 2; n < whole.size; n++) {
        refuse(whole.data, n, BP_ERR_FORMAT, "cut short");
    }
    for (size_t i = 2; i < whole.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            whole.data[i] ^= (unsigned char)(1 << bit);
            write_file(in_folder("flip.gz"), whole.data, whole.size);
            whole.data[i] ^= (unsigned char)(1 << bit);
            bp_status status = bp_idx_read(&a, in_folder("flip.gz"), NULL);
            if (status == BP_OK) { /* bits that say nothing of the content: the time, the padding of a block */
                assert_int_equal(a.shape.dim[0], dim[0]);
                assert_memory_equal(a.data, content.data + 8, dim[0]);
            } else {
                assert_int_equal(status, BP_ERR_FORMAT);
                assert_non_null(strstr(bp_error(), "flip.gz"));
            }
            bp_array_free(&a);
        }
    }
    whole.data[whole.size - 8] ^= 1; /* the checksum */
    refuse(whole.data, whole.size, BP_ERR_FORMAT, "gzip data damaged near byte");
    whole.data[whole.size - 8] ^= 1;
    unsigned char *more = malloc(whole.size + 20);
    memcpy(more, whole.data, whole.size);
    memset(more + whole.size, 'x', 20);
    refuse(more, whole.size + 20, BP_ERR_FORMAT, "other bytes follow the gzip data");
    free(more);
    free(whole.data);
    free(content.data);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

typedef struct counter {
    int left, live;
    size_t largest;
} counter;

static void *count_alloc(void *ctx, size_t size)
{
    counter *c = ctx;
    c->largest = size > c->largest ? size : c->largest;
    if (c->left-- <= 0) {
        return NULL;
    }
    c->live++;
    return aligned_alloc(64, size);
}

static void count_release(void *ctx, void *block)
{
    counter *c = ctx;
    c->live--;
    free(block);
}

/* Running out of memory at every allocation in turn: an error, and nothing is lost. */
static void test_memory(void **state)
{
    (void)state;
    const uint32_t dim[1] = {30000};
    bytes file = make_idx(0x08, 1, dim, dim[0]);
    memset(file.data + 8, 0, dim[0]);
    write_gzip(in_folder("memory.gz"), file.data, file.size);
    bp_status status = BP_ERR_MEMORY;
    int tries = 0;
    for (; status != BP_OK; tries++) {
        counter c = {tries, 0, 0};
        bp_allocator allocator = {count_alloc, count_release, &c};
        bp_array a;
        status = bp_idx_read(&a, in_folder("memory.gz"), &allocator);
        assert_true(status == BP_OK || status == BP_ERR_MEMORY);
        assert_int_equal(c.live, status == BP_OK ? 1 : 0);
        bp_array_free(&a);
        assert_int_equal(c.live, 0);
        assert_true(tries < 100);
    }
    assert_true(tries > 5);
    free(file.data);
}

/* A small file that promises 100 MB, as much as its size could just hold, is not given 100 MB. */
static void test_hostile_gzip(void **state)
{
    (void)state;
    const uint32_t dim[1] = {100000000};
    bytes file = make_idx(0x08, 1, dim, 300000);
    uint32_t x = 1;
    for (size_t i = 8; i < file.size; i++) {
        x = x * 1664525u + 1013904223u;
        file.data[i] = (unsigned char)(x >> 24);
    }
    write_gzip(in_folder("hostile.gz"), file.data, file.size);
    counter c = {1000, 0, 0};
    bp_allocator allocator = {count_alloc, count_release, &c};
    bp_array a;
    assert_error(bp_idx_read(&a, in_folder("hostile.gz"), &allocator), BP_ERR_FORMAT, "too short");
    assert_true(c.largest < 25000000);
    assert_int_equal(c.live, 0);
    free(file.data);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static float numbers[50000];
static const bp_array array = {BP_F32, {2, {500, 100, 0, 0}}, numbers, {NULL, NULL, NULL}};

static int write_limited(void *path)
{
    bp_status status = bp_idx_write(path, &array);
    return status == BP_ERR_IO && strstr(bp_error(), "File too large") && strstr(bp_error(), "free some space") ? 0 : 1;
}

/* A disk that is full: an error, the old file stays as it was, and no temporary file stays behind. */
static void test_full_disk(void **state)
{
    (void)state;
    char inner[128];
    snprintf(inner, sizeof inner, "%s/full", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    for (int gzip = 0; gzip < 2; gzip++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", inner, gzip ? "a.gz" : "a");
        for (size_t i = 0; i < 50000; i++) {
            numbers[i] = (float)(i * 7919 % 10007) / 3;
        }
        assert_int_equal(with_file_limit(10000, write_limited, path), 0);
        assert_int_equal(files_in(inner), gzip);
        write_file(path, "old", 3);
        assert_int_equal(with_file_limit(10000, write_limited, path), 0);
        assert_int_equal(files_in(inner), 1 + gzip);
        bytes old = read_file(path);
        assert_int_equal(old.size, 3);
        assert_memory_equal(old.data, "old", 3);
        free(old.data);
        assert_ok(bp_idx_write(path, &array));
    }
    assert_error(bp_idx_write("/dev/full", &array), BP_ERR_IO, "No space left");
    assert_ok(bp_idx_write("/dev/null", &array));
}

static void test_unwritable(void **state)
{
    (void)state;
    assert_error(bp_idx_write(in_folder("no/such/folder"), &array), BP_ERR_IO, "create the folder first");
    assert_error(bp_idx_write(folder, &array), BP_ERR_IO, "it is a directory");
    assert_error(bp_idx_write("", &array), BP_ERR_ARGUMENT, "no path");
    assert_error(bp_idx_write(NULL, &array), BP_ERR_ARGUMENT, "no path");
    bp_array bad = array;
    bad.shape.dim[1] = 0;
    assert_error(bp_idx_write(in_folder("x"), &bad), BP_ERR_ARGUMENT, "dimension 2 is 0");
    bad.shape.dim[1] = (size_t)1 << 32;
    assert_error(bp_idx_write(in_folder("x"), &bad), BP_ERR_ARGUMENT, "4294967296");
    bad.shape.dims = 5;
    assert_error(bp_idx_write(in_folder("x"), &bad), BP_ERR_ARGUMENT, "1 to 4 dimensions");
    bad.data = NULL;
    assert_error(bp_idx_write(in_folder("x"), &bad), BP_ERR_ARGUMENT, "needs data");
    if (geteuid() != 0) { /* the superuser may write anywhere */
        char path[128];
        snprintf(path, sizeof path, "%s/closed", folder);
        assert_int_equal(mkdir(path, 0500), 0);
        strcat(path, "/a");
        assert_error(bp_idx_write(path, &array), BP_ERR_IO, "where you have permission");
        write_file(in_folder("protected"), "old", 3);
        assert_int_equal(chmod(in_folder("protected"), 0400), 0);
        assert_error(bp_idx_write(in_folder("protected"), &array), BP_ERR_IO, "where you have permission");
    }
}

/* Links are followed, permissions kept. */
static void test_replace(void **state)
{
    (void)state;
    write_file(in_folder("target"), "old", 3);
    assert_int_equal(chmod(in_folder("target"), 0640), 0);
    assert_int_equal(symlink("target", in_folder("link")), 0);
    assert_ok(bp_idx_write(in_folder("link"), &array));
    struct stat st;
    assert_int_equal(lstat(in_folder("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_folder("target"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, 12 + sizeof numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_large_and_members),
        cmocka_unit_test(test_not_a_file),
        cmocka_unit_test(test_bad_header),
        cmocka_unit_test(test_bad_length),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_gzip_damage),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_hostile_gzip),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_replace),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
