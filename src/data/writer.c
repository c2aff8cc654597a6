/* writer.c - writing files so that nobody ever sees half of one. The contract is in file.h. */
#define _XOPEN_SOURCE 700 /* realpath */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "data/file.h"
#include "data/gzip.h"

#define BUFFER_BYTES  ((size_t)65536)
#define WRITE_AT_MOST ((size_t)1 << 30)
#define TRIES         1000 /* names for the temporary file, before giving up */

struct bp_writer {
    bp_allocator allocator;
    char *path;      /* as the caller named it */
    char *target;    /* with links followed */
    char *temporary; /* NULL: bytes go straight to the target */
    int fd;
    bp_status status; /* of the first failure */
    unsigned char *buffer;
    size_t used;
    bool gzip;
    z_stream z;
    bp_hash hash; /* of the content so far */
};

/* What the user can do about a failure of the operating system. */
static const char *advice(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "free some space or write to another place";
    case EACCES:
    case EPERM:
    case EROFS:
        return "write to a place where you have permission";
    case ENOENT:
    case ENOTDIR:
        return "create the folder first or write to another one";
    case ENAMETOOLONG:
        return "choose a shorter name";
    default:
        return "check the disk or write to another place";
    }
}

/* Records the failure, with errno, and makes it stick: later calls on w return it, too. */
static bp_status fail_system(bp_writer *w)
{
    int code = errno;
    char text[128];
    if (strerror_r(code, text, sizeof text) != 0) {
        snprintf(text, sizeof text, "error %d", code);
    }
    bool kept = w->temporary && access(w->target, F_OK) == 0;
    w->status = bp_fail(BP_ERR_IO, "writing %s: %s; %s%s", w->path, text, advice(code),
                        kept ? " (the old file is unchanged)" : "");
    return w->status;
}

static bp_status write_all(bp_writer *w, const unsigned char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(w->fd, data, bytes < WRITE_AT_MOST ? bytes : WRITE_AT_MOST);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_system(w);
        }
        data += n;
        bytes -= (size_t)n;
    }
    return BP_OK;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* Sets w->target: the file behind the links that path may lead through. */
static bp_status follow_links(bp_writer *w)
{
    struct stat st;
    char *real = lstat(w->path, &st) == 0 && S_ISLNK(st.st_mode) ? realpath(w->path, NULL) : NULL;
    w->target = bp_strdup(&w->allocator, real ? real : w->path);
    free(real);
    return w->target ? BP_OK : BP_ERR_MEMORY;
}

/* The length of the folder part of a path, the last slash included; 0 where there is none. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Creates a file with a name of its own beside the target: only within one folder is a rename atomic. */
static bp_status open_temporary(bp_writer *w, mode_t mode)
{
    size_t folder = folder_length(w->target), room = folder + 64;
    w->temporary = bp_alloc(&w->allocator, room, 1);
    if (!w->temporary) {
        return BP_ERR_MEMORY;
    }
    for (int i = 0; i < TRIES; i++) {
        snprintf(w->temporary, room, "%.*s.backprop-%ld-%d.tmp", (int)folder, w->target, (long)getpid(), i);
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (w->fd >= 0) {
            return BP_OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    bp_status status = fail_system(w);
    bp_release(&w->allocator, w->temporary); /* not ours to remove */
    w->temporary = NULL;
    return status;
}

static bp_status open_target(bp_writer *w)
{
    struct stat st;
    if (stat(w->target, &st) != 0) {
        return open_temporary(w, 0666); /* as the umask has it */
    }
    if (S_ISDIR(st.st_mode)) {
        return w->status = bp_fail(BP_ERR_IO, "writing %s: it is a directory; name a file in it", w->path);
    }
    if (!S_ISREG(st.st_mode)) {
        w->fd = open(w->target, O_WRONLY | O_CLOEXEC);
        return w->fd >= 0 ? BP_OK : fail_system(w);
    }
    if (access(w->target, W_OK) != 0) { /* a rename would replace a write-protected file without asking */
        return fail_system(w);
    }
    bp_status status = open_temporary(w, 0600);
    if (status == BP_OK && fchmod(w->fd, st.st_mode & 07777) != 0) {
        status = fail_system(w);
    }
    return status;
}

static bp_status start_gzip(bp_writer *w)
{
    bp_zlib_use(&w->z, &w->allocator);
    if (deflateInit2(&w->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return bp_fail(BP_ERR_MEMORY, "writing %s: no memory for packing gzip", w->path);
    }
    w->z.next_out = w->buffer;
    w->z.avail_out = (uInt)BUFFER_BYTES;
    w->gzip = true;
    return BP_OK;
}

bp_status bp_writer_open(bp_writer **out, const char *path, bool gzip, const bp_allocator *allocator)
{
    *out = NULL;
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "writing a file: no path was given");
    }
    bp_allocator a = bp_allocator_or_default(allocator);
    bp_writer *w = bp_alloc(&a, 1, sizeof *w);
    if (!w) {
        return BP_ERR_MEMORY;
    }
    w->allocator = a;
    w->fd = -1;
    w->hash = bp_hash_new();
    w->path = bp_strdup(&a, path);
    w->buffer = bp_alloc(&a, BUFFER_BYTES, 1);
    bp_status status = w->path && w->buffer ? follow_links(w) : BP_ERR_MEMORY;
    if (status == BP_OK) {
        status = open_target(w);
    }
    if (status == BP_OK && gzip) {
        status = start_gzip(w);
    }
    if (status != BP_OK) {
        bp_writer_abandon(w);
        return status;
    }
    *out = w;
    return BP_OK;
}

/* ---- Content ----------------------------------------------------------------------------------------------------- */

static bp_status flush_buffer(bp_writer *w, size_t bytes)
{
    bp_status status = write_all(w, w->buffer, bytes);
    w->used = 0;
    return status;
}

/* Packs all of z's input; with Z_FINISH until the gzip trailer is written, too. */
static bp_status pack(bp_writer *w, int flush)
{
    for (;;) {
        int code = deflate(&w->z, flush);
        bool full = w->z.avail_out == 0, ended = code == Z_STREAM_END;
        if (full || ended) {
            bp_status status = flush_buffer(w, BUFFER_BYTES - w->z.avail_out);
            if (status != BP_OK) {
                return status;
            }
            w->z.next_out = w->buffer;
            w->z.avail_out = (uInt)BUFFER_BYTES;
        }
        if (ended || (!full && flush == Z_NO_FLUSH)) {
            return BP_OK;
        }
    }
}

static bp_status write_packed(bp_writer *w, const unsigned char *data, size_t bytes)
{
    bp_status status = BP_OK;
    while (bytes > 0 && status == BP_OK) {
        size_t n = bytes < WRITE_AT_MOST ? bytes : WRITE_AT_MOST;
        w->z.next_in = data;
        w->z.avail_in = (uInt)n;
        status = pack(w, Z_NO_FLUSH);
        data += n;
        bytes -= n;
    }
    return status;
}

bp_status bp_writer_write(bp_writer *w, const void *data, size_t bytes)
{
    if (w->status != BP_OK || bytes == 0) {
        return w->status;
    }
    bp_hash_add(&w->hash, data, bytes);
    if (w->gzip) {
        return write_packed(w, data, bytes);
    }
    if (w->used + bytes > BUFFER_BYTES) {
        bp_status status = flush_buffer(w, w->used);
        if (status != BP_OK || bytes >= BUFFER_BYTES) {
            return status == BP_OK ? write_all(w, data, bytes) : status;
        }
    }
    memcpy(w->buffer + w->used, data, bytes);
    w->used += bytes;
    return BP_OK;
}

uint64_t bp_writer_hash(const bp_writer *w)
{
    return bp_hash_value(&w->hash);
}

/* ---- The end ----------------------------------------------------------------------------------------------------- */

void bp_writer_abandon(bp_writer *w)
{
    if (!w) {
        return;
    }
    if (w->gzip) {
        deflateEnd(&w->z);
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    if (w->temporary) {
        unlink(w->temporary);
    }
    bp_allocator a = w->allocator;
    bp_release(&a, w->temporary);
    bp_release(&a, w->target);
    bp_release(&a, w->path);
    bp_release(&a, w->buffer);
    bp_release(&a, w);
}

/* A rename is on disk once its folder is. Not every file system can do that, and some folders may not be read. */
static bp_status sync_folder(bp_writer *w)
{
    size_t folder = folder_length(w->target);
    if (folder > 0) {
        w->target[folder] = '\0';
    }
    int fd = open(folder > 0 ? w->target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return BP_OK;
    }
    bp_status status = fsync(fd) == 0 || errno != EIO ? BP_OK : fail_system(w);
    close(fd);
    return status;
}

bp_status bp_writer_settle(bp_writer *w)
{
    bp_status status = w->status;
    if (w->fd < 0) { /* it is already */
        return status;
    }
    if (status == BP_OK) {
        status = w->gzip ? pack(w, Z_FINISH) : flush_buffer(w, w->used);
    }
    if (status == BP_OK && fsync(w->fd) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS) {
        status = fail_system(w); /* those three: a device or pipe, which has nothing to flush */
    }
    if (status != BP_OK) {
        return status;
    }
    int fd = w->fd;
    w->fd = -1;
    return close(fd) == 0 ? BP_OK : fail_system(w); /* network file systems report a full disk here */
}

static bp_status finish(bp_writer *w)
{
    bp_status status = bp_writer_settle(w);
    if (status != BP_OK || !w->temporary) {
        return status;
    }
    if (rename(w->temporary, w->target) != 0) {
        return fail_system(w);
    }
    bp_release(&w->allocator, w->temporary);
    w->temporary = NULL;
    return sync_folder(w);
}

bp_status bp_writer_commit(bp_writer *w)
{
    bp_status status = finish(w);
    bp_writer_abandon(w);
    return status;
}
