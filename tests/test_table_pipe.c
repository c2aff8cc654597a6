/* test_table_pipe.c - streams of tables from a pipe: rows are given out as they come, none is waited for without need. */
#include "support_io.h"

#include <fcntl.h>

/* A pipe with a name, open for writing; the stream is opened on it by its path. */
static int make_pipe(const char *name)
{
    assert_int_equal(mkfifo(in_folder(name), 0600), 0);
    int fd = open(in_folder(name), O_RDWR); /* for reading, too: then nobody waits for the other end */
    assert_true(fd >= 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static const bp_table *expect_rows(bp_table_stream *s, size_t rows)
{
    const bp_table *block;
    assert_ok(bp_table_next(s, &block, 100));
    assert_int_equal(bp_table_rows(block), rows);
    return block;
}

/* Were a row waited for that has not been written, the test would hang, and be ended. */
static void test_rows_come_as_they_are_written(void **state)
{
    (void)state;
    static const char *const number[] = {"b"};
    bp_table_options o = bp_table_defaults();
    bp_table_stream *s;
    int fd = make_pipe("rows");
    o.number = number;
    o.number_count = 1;
    send_text(fd, "a,b\nx,1\n");
    assert_ok(bp_table_open(&s, in_folder("rows"), &o));
    const bp_table *block = expect_rows(s, 1);
    assert_true(bp_table_has_header(block));
    assert_string_equal(bp_table_text(block, 0, 0), "x");
    send_text(fd, "y,2\nz,3\nhalf of");
    block = expect_rows(s, 2);
    assert_true(bp_table_number(block, 1, 1) == 3);
    send_text(fd, " a row,4\n\"in two\n");
    block = expect_rows(s, 1);
    assert_string_equal(bp_table_text(block, 0, 0), "half of a row");
    send_text(fd, "lines\",5\n");
    close(fd);
    block = expect_rows(s, 1);
    assert_string_equal(bp_table_text(block, 0, 0), "in two\nlines");
    expect_rows(s, 0);
    bp_table_close(s);
}

/* The first line alone is enough to begin with, in pieces as well. */
static void test_first_row_in_pieces(void **state)
{
    (void)state;
    bp_table_options o = bp_table_defaults();
    bp_table_stream *s;
    int fd = make_pipe("pieces");
    o.header = 0;
    send_text(fd, "1;2\n");
    assert_ok(bp_table_open(&s, in_folder("pieces"), &o));
    assert_int_equal(bp_table_delimiter(s), ';');
    expect_rows(s, 1);
    bp_table_close(s);
    close(fd);
}

/* What gzip has packed so far is handed out, too. */
static void test_packed_rows_come_as_they_are_written(void **state)
{
    (void)state;
    unsigned char packed[256];
    bp_table_options o = bp_table_defaults();
    bp_table_stream *s;
    z_stream z = {0};
    int fd = make_pipe("packed");
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    for (int part = 0; part < 3; part++) {
        static const char *const text[] = {"a,b\n1,x\n", "2,y\n3,z\n", "4,w\n"};
        z.next_in = (z_const Bytef *)(uintptr_t)text[part];
        z.avail_in = (uInt)strlen(text[part]);
        z.next_out = packed;
        z.avail_out = sizeof packed;
        assert_true(deflate(&z, part < 2 ? Z_SYNC_FLUSH : Z_FINISH) >= 0);
        size_t made = sizeof packed - z.avail_out;
        assert_int_equal(write(fd, packed, made), made);
        if (part == 0) {
            assert_ok(bp_table_open(&s, in_folder("packed"), &o));
        } else if (part == 2) {
            close(fd);
        }
        expect_rows(s, part == 1 ? 2 : 1);
    }
    expect_rows(s, 0);
    deflateEnd(&z);
    bp_table_close(s);
}

/* Texts over texts: only who knows a name can tell. */
static void test_known_names_make_a_header(void **state)
{
    (void)state;
    static const char *const known[] = {"second"}, *const numbers[] = {"2"};
    static const char text[] = "first,second\nred,green\nblue,red\n";
    bp_table_options o = bp_table_defaults();
    bp_table *t;
    write_file(in_folder("texts.csv"), text, sizeof text - 1);
    assert_ok(bp_table_read(&t, in_folder("texts.csv"), &o));
    assert_false(bp_table_has_header(t));
    bp_table_free(t);
    o.text_count = 1;
    o.text = numbers;
    assert_ok(bp_table_read(&t, in_folder("texts.csv"), &o));
    assert_false(bp_table_has_header(t));
    bp_table_free(t);
    o.text = known;
    assert_ok(bp_table_read(&t, in_folder("texts.csv"), &o));
    assert_true(bp_table_has_header(t));
    assert_int_equal(bp_table_rows(t), 2);
    bp_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_as_they_are_written),
        cmocka_unit_test(test_packed_rows_come_as_they_are_written),
        cmocka_unit_test(test_first_row_in_pieces),
        cmocka_unit_test(test_known_names_make_a_header),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
