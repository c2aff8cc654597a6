/* train_log.c - writing the log, and going on with one. */
#include "train_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "memory.h"

static bp_status cannot(const train_log *log, const char *what)
{
    return bp_fail(BP_ERR_IO, "cannot %s the log %s: %s", what, log->path, strerror(errno));
}

bp_status train_log_open(train_log *log, const char *path)
{
    struct stat there;
    bool device = stat(path, &there) == 0 && !S_ISREG(there.st_mode);
    *log = (train_log){.path = path, .regular = !device, .hash = bp_hash_new()};
    log->fd = open(path, (device ? O_WRONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0666);
    if (log->fd < 0) {
        bp_status status = cannot(log, "write");
        log->path = NULL;
        return status;
    }
    return BP_OK;
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* Reads the first `bytes` of the file into the hash; false if there are fewer. */
static bool hash_front(train_log *log, size_t bytes)
{
    enum { BLOCK = 8192 };
    char block[BLOCK];
    log->hash = bp_hash_new();
    for (log->bytes = 0; log->bytes < bytes;) {
        size_t wanted = bytes - log->bytes < BLOCK ? bytes - log->bytes : BLOCK;
        ssize_t n = read(log->fd, block, wanted);
        if (n <= 0) {
            return false;
        }
        bp_hash_add(&log->hash, block, (size_t)n);
        log->bytes += (size_t)n;
    }
    return true;
}

static void hash_text(char out[20], const train_log *log)
{
    snprintf(out, 20, "%016" PRIx64, bp_hash_value(&log->hash));
}

/* Whether the file begins as it was when the position was told. */
static bool continues(train_log *log, const json_t *position)
{
    char hash[20];
    const char *expected = json_string_value(json_object_get(position, "hash"));
    json_int_t bytes = json_integer_value(json_object_get(position, "bytes"));
    if (expected == NULL || bytes < 0 || !hash_front(log, (size_t)bytes)) {
        return false;
    }
    hash_text(hash, log);
    return strcmp(hash, expected) == 0;
}

static void append(train_log *log, const char *text);

bp_status train_log_begin(train_log *log, const json_t *position)
{
    struct stat there;
    if (log->path == NULL || !log->regular) {
        return BP_OK;
    }
    bool fresh = fstat(log->fd, &there) == 0 && there.st_size == 0;
    if (position != NULL && !fresh && !continues(log, position)) {
        return bp_fail(BP_ERR_DATA,
                       "the log %s is not the one of the checkpoint, which had %lld bytes: name that one, or a file "
                       "that is not there yet",
                       log->path, (long long)json_integer_value(json_object_get(position, "bytes")));
    }
    if (ftruncate(log->fd, (off_t)log->bytes) != 0 || lseek(log->fd, (off_t)log->bytes, SEEK_SET) < 0) {
        return cannot(log, "write");
    }
    const char *pending = json_string_value(json_object_get(position, "pending"));
    if (pending != NULL) {
        append(log, pending);
    }
    return BP_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Writes what is pending, as far as that goes. */
static void write_pending(train_log *log)
{
    size_t left = log->pending != NULL ? strlen(log->pending) : 0;
    const char *from = log->pending;
    while (left > 0) {
        ssize_t n = write(log->fd, from, left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            log->error = errno;
            memmove(log->pending, from, left + 1);
            return;
        }
        bp_hash_add(&log->hash, from, (size_t)n);
        log->bytes += (size_t)n;
        from += n;
        left -= (size_t)n;
    }
    cli_release(log->pending);
    log->pending = NULL;
}

static void append(train_log *log, const char *text)
{
    const char *before = log->pending != NULL ? log->pending : "";
    size_t size = strlen(before) + strlen(text) + 1;
    char *longer = cli_alloc(size, 1);
    if (longer == NULL) {
        log->error = ENOMEM; /* the line is lost: told when the log is closed */
        return;
    }
    snprintf(longer, size, "%s%s", before, text);
    cli_release(log->pending);
    log->pending = longer;
    write_pending(log);
}

void train_log_line(train_log *log, json_t *object)
{
    char *text = json_dumps(object, 0);
    json_decref(object);
    if (text == NULL) {
        log->error = ENOMEM;
        return;
    }
    append(log, text);
    append(log, "\n");
    free(text);
}

json_t *train_log_position(train_log *log)
{
    char hash[20];
    if (log->path == NULL || !log->regular) {
        return NULL;
    }
    write_pending(log);
    fsync(log->fd);
    hash_text(hash, log);
    json_t *position = json_object();
    json_object_set_new(position, "bytes", json_integer((json_int_t)log->bytes));
    json_object_set_new(position, "hash", json_string(hash));
    if (log->pending != NULL) {
        json_object_set_new(position, "pending", json_string(log->pending));
    }
    return position;
}

exit_code train_log_close(train_log *log)
{
    if (log->path == NULL) {
        return CODE_OK;
    }
    write_pending(log);
    bool lost = log->pending != NULL || log->error == ENOMEM;
    if (close(log->fd) != 0 && !lost) {
        lost = true;
        log->error = errno;
    }
    cli_release(log->pending);
    const char *path = log->path;
    *log = (train_log){.path = NULL};
    if (lost) {
        bp_fail(BP_ERR_IO, "writing the log %s failed: is the disk full? The model was saved", path);
    }
    return lost ? CODE_OUTPUT : CODE_OK;
}
