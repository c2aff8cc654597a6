/* test_fetch.c - `backprop fetch` against a web server of its own: everything that a mirror and a network can do wrong.
 *
 * The server gives out a small set in the form of MNIST, with checksums given by --sums. No other network is used. */
#include "web_server.h"

#include <zlib.h>

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                    "t10k-labels-idx1-ubyte"};
enum { FILES = 4 };

static web_server server;

static void write_bytes(const char *name, const char *data, size_t size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

static void shell(const char *line)
{
    char text[1200];
    snprintf(text, sizeof text, "cd '%s' && %s", folder, line);
    if (system(text) != 0)
        fail_msg("failed: %s", line);
}

/* FOLDER/plain/NAME to FOLDER/origin/NAME.gz */
static void pack(const char *name)
{
    char from[128], to[600];
    size_t size = 0;
    snprintf(from, sizeof from, "plain/%s", name);
    snprintf(to, sizeof to, "%s/origin/%s.gz", folder, name);
    char *content = slurp(from, &size);
    gzFile f = gzopen(to, "wb1");
    assert_true(f != NULL && content != NULL);
    assert_int_equal(gzwrite(f, content, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
    free(content);
}

/* What the mirror has: digits, so that all ten classes are there, and their checksums. */
static int set_up(void **state)
{
    if (make_folder(state) != 0)
        return 1;
    expect(0, NULL, "data|digits|--rows|600|--out|plain");
    shell("mkdir origin");
    for (size_t i = 0; i < FILES; i++)
        pack(names[i]);
    shell("cd origin && sha256sum * > ../sums");
    server = server_start();
    return 0;
}

static int tear_down(void **state)
{
    server_stop(&server);
    return remove_folder(state);
}

/* The arguments of a fetch from the server's `how`. */
static const char *fetch_line(way how, const char *more)
{
    static char line[300];
    snprintf(line, sizeof line, "fetch|mnist|--data-dir|d|--timeout|60|--sums|sums|--mirror|http://127.0.0.1:%d/%s%s",
             server.port, way_name[how], more);
    return line;
}

static void assert_all_here(void)
{
    for (size_t i = 0; i < FILES; i++) {
        char a[128], b[128];
        snprintf(a, sizeof a, "origin/%s.gz", names[i]);
        snprintf(b, sizeof b, "d/mnist/%s.gz", names[i]);
        assert_same_files(a, b);
        snprintf(b, sizeof b, "d/mnist/%s.gz.part", names[i]);
        assert_false(exists(b));
    }
}

/* Lines of the server's log that have `part` in them; the log is removed. */
static int count_requests(const char *part)
{
    char path[600];
    int count = 0;
    char *log = slurp("requests", NULL);
    for (char *line = log != NULL ? strtok(log, "\n") : NULL; line != NULL; line = strtok(NULL, "\n"))
        count += strstr(line, part) != NULL;
    free(log);
    snprintf(path, sizeof path, "%s/requests", folder);
    remove(path);
    return count;
}

/* The first `size` bytes of a file of the mirror as an unfinished download. */
static void leave_part(size_t file, size_t size, bool damaged)
{
    char name[128];
    snprintf(name, sizeof name, "origin/%s.gz", names[file]);
    char *content = slurp(name, NULL);
    assert_non_null(content);
    content[size / 2] ^= damaged;
    shell("mkdir -p d/mnist");
    snprintf(name, sizeof name, "d/mnist/%s.gz.part", names[file]);
    write_bytes(name, content, size);
    free(content);
}

/* ---- when all is well -------------------------------------------------------------------------------------------- */

static void test_right(void **state)
{
    (void)state;
    json_t *r = result_of(fetch_line(WAY_RIGHT, "|--json"));
    assert_true(number(r, "files") == FILES && number(r, "fetched") == FILES);
    json_decref(r);
    assert_all_here();
    assert_int_equal(count_requests("right/"), FILES);
    r = result_of(fetch_line(WAY_RIGHT, "/|--json"));
    assert_true(number(r, "fetched") == 0);
    json_decref(r);
    assert_int_equal(count_requests(""), 0);
    expect(0, "mnist: 600 training rows", "train|mnist|--data-dir|d|--epochs|1");
    expect(0, NULL, "data|mnist|--data-dir|d");
}

static void test_redirect(void **state)
{
    (void)state;
    expect(0, NULL, fetch_line(WAY_MOVED, ""));
    assert_all_here();
}

static void test_damaged_file_is_replaced(void **state)
{
    (void)state;
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    write_bytes("d/mnist/t10k-labels-idx1-ubyte.gz", "damaged", 7);
    count_requests("");
    expect(0, "is here, but damaged", fetch_line(WAY_RIGHT, ""));
    assert_all_here();
    assert_int_equal(count_requests(""), 1);
}

/* ---- when it is not ---------------------------------------------------------------------------------------------- */

static void test_wrong_checksum(void **state)
{
    (void)state;
    expect(7, "its SHA-256 is", fetch_line(WAY_WRONG, ""));
    expect(7, "its SHA-256 is", fetch_line(WAY_PAGE, ""));
    shell("test -z \"$(ls d/mnist)\"");
}

/* The checksums of the original files are built in, and this mirror has others. */
static void test_built_in_checksums(void **state)
{
    (void)state;
    char line[200];
    snprintf(line, sizeof line, "fetch|mnist|--data-dir|d|--mirror|http://127.0.0.1:%d/right", server.port);
    expect(7, "another file", line);
    snprintf(line, sizeof line, "fetch|fashion-mnist|--data-dir|d|--mirror|http://127.0.0.1:%d/right", server.port);
    expect(7, "another file", line);
    shell("test -z \"$(ls d/mnist d/fashion-mnist | grep ubyte)\"");
}

static void test_cut_connections_are_resumed(void **state)
{
    (void)state;
    expect(0, NULL, fetch_line(WAY_CUT, ""));
    assert_all_here();
    assert_true(count_requests(" 30000-") >= 1);
}

static void test_server_without_range(void **state)
{
    (void)state;
    leave_part(0, 5000, false);
    expect(0, NULL, fetch_line(WAY_WHOLE, ""));
    assert_all_here();
    assert_int_equal(count_requests(""), FILES); /* one each: what came is used, not asked for again */
}

/* What an earlier run left is used; where it proves to be rubbish, the file is fetched as a whole. */
static void test_parts_of_earlier_runs(void **state)
{
    (void)state;
    leave_part(0, 5000, false);
    leave_part(2, 600, true);
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    assert_all_here();
    assert_int_equal(count_requests(""), FILES + 1);
}

/* A part that is already the whole file: the server has nothing left to send. */
static void test_complete_part(void **state)
{
    (void)state;
    size_t size = 0;
    free(slurp("origin/train-labels-idx1-ubyte.gz", &size));
    leave_part(1, size, false);
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    assert_all_here();
}

static void test_error_answers(void **state)
{
    (void)state;
    expect(7, "HTTP status 404 (not found)", fetch_line(WAY_MISSING, ""));
    expect(7, "HTTP status 500", fetch_line(WAY_BROKEN, ""));
    expect(7, "no mirror delivered", fetch_line(WAY_BROKEN, "|--quiet"));
}

static void test_silent_servers(void **state)
{
    (void)state;
    expect(7, "nothing came for 0.3 s", fetch_line(WAY_MUTE, "|--timeout|0.3"));
    expect(7, "nothing came for 1 s", fetch_line(WAY_STALL, "|--timeout=1"));
    size_t kept = 0;
    char range[32];
    free(slurp("d/mnist/train-images-idx3-ubyte.gz.part", &kept));
    assert_true(kept >= STALL_BYTES);
    count_requests("");
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    assert_all_here();
    snprintf(range, sizeof range, " %zu-", kept);
    assert_int_equal(count_requests(range), 1);
}

static void test_no_server(void **state)
{
    (void)state;
    server_stop(&server);
    expect(7, "onnect", fetch_line(WAY_RIGHT, ""));
    server = server_start();
}

/* ---- this side --------------------------------------------------------------------------------------------------- */

static void wait_for_part(void)
{
    for (int i = 0; i < 1000; i++) {
        size_t size = 0;
        free(slurp("d/mnist/train-images-idx3-ubyte.gz.part", &size));
        if (size > 0)
            return;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    fail_msg("nothing arrived");
}

static void test_interrupt_keeps_the_part(void **state)
{
    (void)state;
    pid_t child = start(&(manner){0}, fetch_line(WAY_STALL, ""));
    wait_for_part();
    kill(child, SIGINT);
    assert_int_equal(code_of(child), 130);
    char *err = slurp("stderr", NULL);
    assert_non_null(strstr(err, "goes on from there"));
    free(err);
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    assert_all_here();
    assert_int_equal(count_requests(" 1000-"), 1);
}

static void test_two_at_once(void **state)
{
    (void)state;
    pid_t child = start(&(manner){0}, fetch_line(WAY_STALL, ""));
    wait_for_part();
    expect(5, "another backprop is writing", fetch_line(WAY_RIGHT, ""));
    kill(child, SIGTERM);
    assert_int_equal(code_of(child), 130);
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    assert_all_here();
}

static void test_full_disk(void **state)
{
    (void)state;
    outcome o = run_as(&(manner){.file_limit = 8192}, fetch_line(WAY_RIGHT, ""));
    assert_int_equal(o.code, 5);
    assert_non_null(strstr(o.err, "cannot write d/mnist/train-images-idx3-ubyte.gz.part"));
    outcome_free(&o);
    expect(0, NULL, fetch_line(WAY_RIGHT, ""));
    assert_all_here();
}

static void test_unwritable_folder(void **state)
{
    (void)state;
    write_bytes("d", "a file, not a folder", 20);
    expect(5, "cannot make the folder d", fetch_line(WAY_RIGHT, ""));
}

static void test_bad_sums(void **state)
{
    (void)state;
    expect(3, "cannot read the checksums", "fetch|mnist|--data-dir|d|--sums|nowhere");
    write_bytes("sums", "no sums\n", 8);
    expect(3, "has no SHA-256 of train-images-idx3-ubyte.gz", fetch_line(WAY_RIGHT, ""));
}

static void test_usage(void **state)
{
    (void)state;
    expect(2, "did you mean \"mnist\"?", "fetch|mnst");
    expect(2, "digits is generated", "fetch|digits");
    expect(2, "begins with http", "fetch|mnist|--mirror|ftp://127.0.0.1/");
    expect(2, "--timeout needs", "fetch|mnist|--timeout|0");
    expect(2, "needs more arguments", "fetch");
    expect(3, "to download it: backprop fetch fashion-mnist", "train|fashion-mnist|--data-dir|d");
}

#define FETCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FETCH_TEST(test_right),
        FETCH_TEST(test_redirect),
        FETCH_TEST(test_damaged_file_is_replaced),
        FETCH_TEST(test_wrong_checksum),
        FETCH_TEST(test_built_in_checksums),
        FETCH_TEST(test_cut_connections_are_resumed),
        FETCH_TEST(test_server_without_range),
        FETCH_TEST(test_parts_of_earlier_runs),
        FETCH_TEST(test_complete_part),
        FETCH_TEST(test_error_answers),
        FETCH_TEST(test_silent_servers),
        FETCH_TEST(test_no_server),
        FETCH_TEST(test_interrupt_keeps_the_part),
        FETCH_TEST(test_two_at_once),
        FETCH_TEST(test_full_disk),
        FETCH_TEST(test_unwritable_folder),
        FETCH_TEST(test_bad_sums),
        FETCH_TEST(test_usage),
    };
    setenv("no_proxy", "*", 1); /* a proxy would see the loopback of another machine */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
