/* support_io.h - what the tests of readers and writers share: a folder of their own, raw files, gzip, limits. */
#ifndef SUPPORT_IO_H
#define SUPPORT_IO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants those before it */
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <backprop/io.h>

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

/* A folder for the files of this test program, removed by folder_remove. */
static char folder[64];

static inline int folder_make(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(folder, sizeof folder, "/tmp/backprop-test-%ld-%d", (long)getpid(), i);
        if (mkdir(folder, 0700) == 0) {
            return 0;
        }
    }
    return -1;
}

/* The path of `name` in the folder, in one of eight buffers that take turns. */
static inline const char *in_folder(const char *name)
{
    static char path[8][256];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* Removes the files of a folder, and the folder. */
static inline void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char inner[1024];
        int n = snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        bool real = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        if (real && n > 0 && (size_t)n < sizeof inner && unlink(inner) != 0) {
            remove_tree(inner);
        }
    }
    if (d) {
        closedir(d);
    }
    rmdir(path);
}

static inline int folder_remove(void **state)
{
    (void)state;
    remove_tree(folder);
    return 0;
}

/* How many files the folder holds: temporary ones must not stay behind. */
static inline int files_in(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n - 2; /* . and .. */
}

/* A fresh file each time: to truncate an old one makes some file systems wait for the disk. */
static inline void write_file(const char *path, const void *data, size_t size)
{
    unlink(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline bytes read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    bytes b = {NULL, (size_t)ftell(f)};
    b.data = malloc(b.size + 1);
    assert_non_null(b.data);
    rewind(f);
    assert_int_equal(fread(b.data, 1, b.size, f), b.size);
    fclose(f);
    return b;
}

static inline void write_gzip(const char *path, const void *data, size_t size)
{
    unlink(path);
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, (unsigned)size), (int)size);
    assert_int_equal(gzclose(f), Z_OK);
}

/* Fails unless status is as expected and the text of the error mentions `mention`. */
#define assert_error(call, expected, mention)                                                                          \
    do {                                                                                                               \
        bp_status status_ = (call);                                                                                    \
        if (status_ != (expected) || !strstr(bp_error(), (mention))) {                                                 \
            fail_msg("status %s, text \"%s\"; expected %s and \"%s\"", bp_status_name(status_), bp_error(),            \
                     bp_status_name(expected), (mention));                                                             \
        }                                                                                                              \
    } while (0)

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        bp_status status_ = (call);                                                                                    \
        if (status_ != BP_OK) {                                                                                        \
            fail_msg("%s: %s", bp_status_name(status_), bp_error());                                                   \
        }                                                                                                              \
    } while (0)

/* Runs work(ctx) in a child process that may write files of at most `limit` bytes, as on a full disk; returns what work
 * returned. */
static inline int with_file_limit(size_t limit, int (*work)(void *ctx), void *ctx)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit r = {limit, limit};
        signal(SIGXFSZ, SIG_IGN);
        _exit(setrlimit(RLIMIT_FSIZE, &r) == 0 ? work(ctx) : 99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The folder with the real data, or NULL. */
static inline const char *real_data(const char *name)
{
    static char path[1024];
    const char *base = getenv("BACKPROP_DATA");
    snprintf(path, sizeof path, "%s/%s", base ? base : BP_SOURCE_DIR "/../shared/data", name);
    return access(path, F_OK) == 0 ? path : NULL;
}

#endif
