/* test_table_file.c - tables from files of every sort: packed, piped, longer than a buffer, kept in a cache, block by block;
 * and memory that runs out. */
#include "support_table.h"

/* ---- Where it comes from ----------------------------------------------------------------------------------------- */

static void test_gzip(void **state)
{
    (void)state;
    bp_table *t;
    static const char text[] = "a,b\n1,x\n2,y\nz,w\n";
    write_gzip(in_folder("t.csv"), text, sizeof text - 1);
    assert_ok(bp_table_read(&t, in_folder("t.csv"), NULL));
    assert_string_equal(shown(t), "a:t b:t|1 x|2 y|z w");
    bp_table_free(t);
    bytes b = read_file(in_folder("t.csv"));
    write_file(in_folder("cut.csv"), b.data, b.size - 9);
    assert_error(bp_table_read(&t, in_folder("cut.csv"), NULL), BP_ERR_FORMAT, "cut short");
    free(b.data);
}

/* Runs work with standard input coming from a pipe that gets `size` bytes, a few at a time. */
static void with_input(const char *text, size_t size, size_t piece, void (*work)(void))
{
    int pipe_end[2], saved = dup(0);
    assert_int_equal(pipe(pipe_end), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipe_end[0]);
        for (size_t i = 0; i < size; i += piece) {
            size_t n = size - i < piece ? size - i : piece;
            if (write(pipe_end[1], text + i, n) != (ssize_t)n) {
                _exit(1);
            }
        }
        _exit(0);
    }
    close(pipe_end[1]);
    dup2(pipe_end[0], 0);
    close(pipe_end[0]);
    work();
    dup2(saved, 0);
    close(saved);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void read_input(void)
{
    bp_table *t;
    assert_ok(bp_table_read(&t, "-", NULL));
    assert_string_equal(bp_table_source(t), "standard input");
    assert_int_equal(bp_table_rows(t), 100001);
    assert_int_equal(bp_table_column(t, 0).odd, 1);
    assert_string_equal(bp_table_text(t, 100000, 0), "end");
    assert_true(bp_table_number(t, 77777, 1) == 77777);
    bp_table_free(t);
}

static void test_input(void **state)
{
    (void)state;
    enum { SIZE = 2000000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < 100000; i++) {
        n += (size_t)snprintf(text + n, SIZE - n, "%d,%d\n", i % 7, i);
    }
    n += (size_t)snprintf(text + n, SIZE - n, "end,0\n");
    with_input(text, n, 1000, read_input);
    write_gzip(in_folder("t.gz"), text, n);
    bytes b = read_file(in_folder("t.gz"));
    with_input((const char *)b.data, b.size, 1, read_input);
    free(b.data);
    free(text);
}

/* Rows and cells that lie across the ends of buffers: every length of a first row, so that others shift. */
static void test_buffers(void **state)
{
    (void)state;
    enum { SIZE = 700000, ROWS = 20000 };
    bp_table_options o = bp_table_defaults();
    o.header = 1;
    char *text = malloc(SIZE + 1000);
    assert_non_null(text);
    for (size_t shift = 0; shift < 40; shift++) {
        size_t n = (size_t)snprintf(text, SIZE, "a,\"%0*d\"\r\n", (int)shift + 2, 0);
        for (int i = 0; i < ROWS; i++) {
            n += (size_t)snprintf(text + n, SIZE - n, "%d,\"a \"\"%d\"\"\r\nb\"\r\n", i, i % 100);
        }
        bp_table *t;
        assert_ok(read_bytes(&t, text, n, &o));
        assert_int_equal(bp_table_rows(t), ROWS);
        assert_int_equal(bp_table_column(t, 1).levels, 100);
        for (size_t i = 0; i < ROWS; i += 7) {
            assert_true(bp_table_number(t, i, 0) == (double)i);
        }
        assert_string_equal(bp_table_text(t, ROWS - 1, 1), "a \"99\"\r\nb");
        bp_table_free(t);
    }
    memset(text, 'x', SIZE); /* one cell, longer than the first buffer */
    memcpy(text + SIZE, ",1\ny,2\n", 7);
    bp_table *t;
    assert_ok(read_bytes(&t, text, SIZE + 7, NULL));
    assert_int_equal(bp_table_rows(t), 2);
    assert_int_equal(strlen(bp_table_text(t, 0, 0)), SIZE);
    bp_table_free(t);
    free(text);
}

/* ---- The cache --------------------------------------------------------------------------------------------------- */

static const char cached[] = "a,b,d,w\n1,x,2020-01-01,16777217\n,y,,1\n3,,2020-01-02,2\n";
static const char cached_shown[] = "a:n b:t d:d w:n|1 x 1577836800 16777217|- y - 1|3 - 1577923200 2";

static void test_cache(void **state)
{
    (void)state;
    bp_table *t;
    bp_table_options o = bp_table_defaults();
    char cache[256], source[256];
    snprintf(cache, sizeof cache, "%s", in_folder("t.cache"));
    snprintf(source, sizeof source, "%s", in_folder("c.csv"));
    o.cache = cache;
    write_file(source, cached, sizeof cached - 1);
    struct stat first, second;
    for (int i = 0; i < 2; i++) {
        assert_ok(bp_table_read(&t, source, &o));
        assert_string_equal(shown(t), cached_shown);
        assert_string_equal(bp_table_source(t), source);
        assert_true(bp_table_has_header(t));
        assert_int_equal(bp_table_column(t, 2).missing, 1);
        assert_string_equal(bp_table_column(t, 2).date_format, "iso");
        assert_int_equal(bp_table_column(t, 3).type, BP_F64);
        assert_true(bp_table_bytes(t) > 3 * 24);
        bp_table_free(t);
        assert_int_equal(stat(cache, i ? &second : &first), 0);
    }
    assert_int_equal(first.st_ino, second.st_ino); /* the second time it was used as it was */
    o.skip_bad_rows = true;                        /* other options, another table */
    assert_ok(bp_table_read(&t, source, &o));
    bp_table_free(t);
    assert_int_equal(stat(cache, &second), 0);
    assert_true(first.st_ino != second.st_ino || first.st_mtim.tv_nsec != second.st_mtim.tv_nsec);
    write_file(source, "a,b\n7,z\n8,z,bad\n", 16); /* another content */
    for (int i = 0; i < 2; i++) {
        const char *why;
        assert_ok(bp_table_read(&t, source, &o));
        assert_string_equal(shown(t), "a:n b:t|7 z");
        assert_int_equal(bp_table_skipped(t, &why), 1);
        assert_non_null(strstr(why, "line 3"));
        bp_table_free(t);
    }
    assert_error(bp_table_read(&t, "-", &o), BP_ERR_ARGUMENT, "standard input");
    write_file(cache, "precious", 8);
    assert_error(bp_table_read(&t, source, &o), BP_ERR_FORMAT, "another kind of file");
    bytes b = read_file(cache);
    assert_int_equal(b.size, 8);
    free(b.data);
    unlink(cache);
    write_file(source, "a,b\n7,z\n8,z,bad\n", 16);
    o.skip_bad_rows = false;
    assert_error(bp_table_read(&t, source, &o), BP_ERR_FORMAT, "line 3");
    assert_int_equal(access(cache, F_OK), -1); /* nothing half-done stays behind */
}

/* Two passes, many blocks. */
static void test_cache_large(void **state)
{
    (void)state;
    enum { ROWS = 300000, SIZE = 6000000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < ROWS; i++) {
        n += (size_t)snprintf(text + n, SIZE - n, "%d,%d,%s\n", i, i % 11, i == ROWS - 1 ? "odd" : "0.5");
    }
    write_file(in_folder("l.csv"), text, n);
    bp_table_options o = bp_table_defaults();
    char cache[256];
    snprintf(cache, sizeof cache, "%s", in_folder("l.cache"));
    o.cache = cache;
    bp_table *t;
    assert_ok(bp_table_read(&t, in_folder("l.csv"), &o));
    assert_int_equal(bp_table_rows(t), ROWS);
    assert_int_equal(bp_table_column(t, 2).odd, 1);
    for (size_t i = 0; i < ROWS; i += 997) {
        assert_true(bp_table_number(t, i, 0) == (double)i && bp_table_number(t, i, 1) == (double)(i % 11));
        assert_string_equal(bp_table_text(t, i, 2), "0.5");
    }
    bp_table_free(t);
    free(text);
}

/* Each byte of a cache changed, and each length cut: an error or a table, never a crash; never half a description. */
static void test_cache_damage(void **state)
{
    (void)state;
    bp_table *t;
    bp_table_options o = bp_table_defaults();
    char cache[256], source[256];
    snprintf(cache, sizeof cache, "%s", in_folder("d.cache"));
    snprintf(source, sizeof source, "%s", in_folder("d.csv"));
    o.cache = cache;
    write_file(source, cached, sizeof cached - 1);
    assert_ok(bp_table_read(&t, source, &o));
    bp_table_free(t);
    bytes b = read_file(cache);
    enum { HEAD = 64, RECORDS = 3 * 24 };
    for (size_t i = 0; i < b.size; i++) {
        unsigned char kept = b.data[i];
        b.data[i] ^= 0x5A;
        write_file(cache, b.data, b.size);
        b.data[i] = kept;
        bp_status status = bp_table_read(&t, source, &o);
        bool free_bytes = i >= 8 && i < HEAD + RECORDS; /* version: made anew; records have no checksum */
        if (status != (free_bytes ? BP_OK : BP_ERR_FORMAT)) {
            fail_msg("byte %zu: %s", i, status ? bp_error() : "read");
        }
        if (t) {
            assert_int_equal(strlen(shown(t)) > 20, 1);
        }
        bp_table_free(t);
    }
    for (size_t n = 0; n < b.size; n++) {
        write_file(cache, b.data, n);
        assert_error(bp_table_read(&t, source, &o), BP_ERR_FORMAT, n < 64 ? "" : "damaged");
    }
    write_file(cache, b.data, b.size);
    assert_ok(bp_table_read(&t, source, &o));
    assert_string_equal(shown(t), cached_shown);
    bp_table_free(t);
    free(b.data);
}

/* ---- Streams ----------------------------------------------------------------------------------------------------- */

static void test_stream(void **state)
{
    (void)state;
    static const char *const number[] = {"n", "4"}, *const wide[] = {"4"}, *const date[] = {"d"};
    bp_table_options o = bp_table_defaults();
    o.number = number;
    o.number_count = 2;
    o.wide = wide;
    o.wide_count = 1;
    o.date = date;
    o.date_count = 1;
    static const char text[] = "x;n;d;w\r\n"
                               "a;1;2020-01-01;0.1\r\n"
                               "\"b;\"\"c\";NA;; 5 \r\n\r\n"
                               "a;3;2020-01-02;7\r\n"
                               "7;4;;8";
    write_file(in_folder("s.csv"), text, sizeof text - 1);
    bp_table_stream *s;
    const bp_table *t;
    size_t n;
    assert_ok(bp_table_open(&s, in_folder("s.csv"), &o));
    assert_int_equal(bp_table_delimiter(s), ';');
    assert_memory_equal(bp_table_line(s, SIZE_MAX, &n), "x;n;d;w", 7);
    assert_int_equal(n, 7);
    assert_ok(bp_table_next(s, &t, 2));
    assert_string_equal(shown(t), "x:t n:n d:d w:n|a 1 1577836800 0.1|b;\"c - - 5");
    assert_int_equal(bp_table_column(t, 1).type, BP_F32);
    assert_int_equal(bp_table_column(t, 3).type, BP_F64);
    assert_int_equal(bp_table_column(t, 0).levels, 2);
    assert_int_equal(bp_table_column(t, 1).missing, 1);
    assert_memory_equal(bp_table_line(s, 1, &n), "\"b;\"\"c\";NA;; 5 ", 15);
    assert_int_equal(n, 15);
    assert_null(bp_table_line(s, 2, &n));
    assert_ok(bp_table_next(s, &t, 2));
    assert_string_equal(shown(t), "x:t n:n d:d w:n|a 3 1577923200 7|7 4 - 8");
    assert_memory_equal(bp_table_line(s, 1, &n), "7;4;;8", 6);
    assert_int_equal(bp_table_column(t, 1).missing, 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(bp_table_next(s, &t, 2));
        assert_int_equal(bp_table_rows(t), 0);
    }
    bp_table_close(s);
    bp_table_close(NULL);
}

static void test_stream_mistakes(void **state)
{
    (void)state;
    static const char *const number[] = {"n"};
    bp_table_options o = bp_table_defaults();
    o.number = number;
    o.number_count = 1;
    bp_table_stream *s;
    const bp_table *t;
    size_t n;
    static const char text[] = "x,n\na,1\nb,z\nc,1,1\nd,1e39\ne,5\n";
    write_file(in_folder("s.csv"), text, sizeof text - 1);
    assert_ok(bp_table_open(&s, in_folder("s.csv"), &o));
    assert_error(bp_table_next(s, &t, 10), BP_ERR_DATA, "line 3, column 2 (n): \"z\" is not a number");
    bp_table_close(s);
    o.skip_bad_rows = true;
    assert_ok(bp_table_open(&s, in_folder("s.csv"), &o));
    assert_ok(bp_table_next(s, &t, 10));
    assert_string_equal(shown(t), "x:t n:n|a 1|e 5");
    assert_int_equal(bp_table_skipped(t, NULL), 3);
    assert_memory_equal(bp_table_line(s, 1, &n), "e,5", 3);
    bp_table_close(s);
    write_file(in_folder("s.csv"), "x,m\n", 4);
    assert_error(bp_table_open(&s, in_folder("s.csv"), &o), BP_ERR_ARGUMENT, "no column \"n\"");
    write_file(in_folder("s.csv"), "x,n\n", 4);
    assert_ok(bp_table_open(&s, in_folder("s.csv"), &o));
    assert_ok(bp_table_next(s, &t, 10));
    assert_int_equal(bp_table_rows(t), 0);
    bp_table_close(s);
}

/* Texts that are all different, block after block: no more memory for the last than for the second. */
static size_t live, most_live;

static void *weighed_alloc(void *ctx, size_t size)
{
    (void)ctx;
    size_t *block = aligned_alloc(64, size + 64);
    if (!block) {
        return NULL;
    }
    *block = size;
    live += size;
    most_live = live > most_live ? live : most_live;
    return block + 8;
}

static void weighed_release(void *ctx, void *p)
{
    (void)ctx;
    size_t *block = (size_t *)p - 8;
    live -= *block;
    free(block);
}

static void test_stream_memory(void **state)
{
    (void)state;
    enum { ROWS = 100000, SIZE = 4000000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < ROWS; i++) {
        n += (size_t)snprintf(text + n, SIZE - n, "text number %07d,%07d\n", i, i);
    }
    write_file(in_folder("s.csv"), text, n);
    free(text);
    bp_allocator a = {weighed_alloc, weighed_release, NULL};
    bp_table_options o = bp_table_defaults();
    o.allocator = &a;
    bp_table_stream *s;
    const bp_table *t;
    assert_ok(bp_table_open(&s, in_folder("s.csv"), &o));
    size_t early = 0, rows = 0;
    do {
        assert_ok(bp_table_next(s, &t, 500));
        rows += bp_table_rows(t);
        if (rows == 1000) {
            early = most_live;
        }
    } while (bp_table_rows(t) > 0);
    bp_table_close(s);
    assert_int_equal(rows, ROWS);
    assert_int_equal(live, 0);
    assert_true(early > 0 && most_live <= early);
}

/* Whichever allocation fails, the call says so and nothing stays behind. */
static void *counted_alloc(void *ctx, size_t size)
{
    size_t *c = ctx; /* calls left before one fails, blocks out */
    if (c[0] == 0) {
        return NULL;
    }
    c[0]--;
    c[1]++;
    return aligned_alloc(64, size);
}

static void counted_release(void *ctx, void *block)
{
    ((size_t *)ctx)[1]--;
    free(block);
}

static void test_memory(void **state)
{
    (void)state;
    char cache[256], source[256];
    snprintf(cache, sizeof cache, "%s", in_folder("m.cache"));
    snprintf(source, sizeof source, "%s", in_folder("m.csv"));
    static const char text[] = "a,b,c\n1,\"x\"\"\",2020-01-01\n2,y,3/4/2020\nz,w,\n1,2\n";
    write_file(source, text, sizeof text - 1);
    for (int way = 0; way < 3; way++) {
        bp_status status = BP_ERR_MEMORY;
        for (size_t allowed = 0; status != BP_OK; allowed++) {
            assert_true(allowed < 1000);
            size_t count[2] = {allowed, 0};
            bp_allocator a = {counted_alloc, counted_release, count};
            bp_table_options o = bp_table_defaults();
            o.allocator = &a;
            o.skip_bad_rows = true;
            o.cache = way == 1 ? cache : NULL;
            bp_table *t = NULL;
            bp_table_stream *s = NULL;
            const bp_table *block;
            unlink(cache);
            status = way < 2 ? bp_table_read(&t, source, &o) : bp_table_open(&s, source, &o);
            if (s) {
                status = bp_table_next(s, &block, 10);
            }
            assert_true(status == BP_OK || status == BP_ERR_MEMORY);
            bp_table_free(t);
            bp_table_close(s);
            assert_int_equal(count[1], 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip),   cmocka_unit_test(test_input),           cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_cache),  cmocka_unit_test(test_cache_large),     cmocka_unit_test(test_cache_damage),
        cmocka_unit_test(test_stream), cmocka_unit_test(test_stream_mistakes), cmocka_unit_test(test_stream_memory),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
