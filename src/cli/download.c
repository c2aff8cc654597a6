/* download.c - libcurl around one file: resuming, giving up on a silent server, checking, moving into place.
 *
 * What arrives is appended to PATH.part and stays there when the connection is cut, so that the next attempt, of this run or
 * a later one, asks only for the rest (RFC 9110, section 14: Range). Only a file with the right SHA-256 gets its name. */
#include "download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

enum {
    ATTEMPTS = 8,                    /* at one server, and only while each brings the file further */
    STALLS = 2,                      /* of them, those that may end in silence */
    UNKNOWN_SIZE_LIMIT = 1073741824, /* bytes of a file whose size is not known */
    PATH_ROOM = 1200
};

typedef struct transfer {
    const download *d;
    CURL *curl;
    char part[PATH_ROOM];
    int fd;                       /* of the part; locked */
    size_t offset;                /* bytes in it */
    bool begun;                   /* the answer's first byte has been seen */
    bool stopped, stalled, other; /* other: another file, or rubbish */
    int write_error;              /* errno; 0: none */
    size_t seen;                  /* bytes at `seen_at`, the last time that something came */
    double seen_at;
} transfer;

static bp_status cannot_write(const char *path, int error)
{
    return bp_fail(BP_ERR_IO, "cannot write %s: %s", path, strerror(error));
}

/* ---- checksum ---------------------------------------------------------------------------------------------------- */

static bool digest_fd(unsigned char *digest, int fd)
{
    char block[16384];
    ssize_t n = 1;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md != NULL && lseek(fd, 0, SEEK_SET) == 0 && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    while (good && (n = read(fd, block, sizeof block)) > 0) {
        good = EVP_DigestUpdate(md, block, (size_t)n) == 1;
    }
    good = good && n == 0 && EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

/* Leaves the position of fd at the end. */
static bp_status sha256_of(char *out, int fd, const char *path)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!digest_fd(digest, fd)) {
        return bp_fail(BP_ERR_IO, "computing the SHA-256 of %s failed", path);
    }
    for (size_t i = 0; i < SHA256_TEXT / 2; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
    return BP_OK;
}

bp_status file_sha256(char *out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return bp_fail(BP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    bp_status status = sha256_of(out, fd, path);
    close(fd);
    return status;
}

/* ---- the part ---------------------------------------------------------------------------------------------------- */

/* True once this process alone holds the file that is called t->part. */
static bool lock_part(const transfer *t)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat mine, named;
    if (fcntl(t->fd, F_SETLK, &lock) != 0) {
        return errno != EAGAIN && errno != EACCES; /* a file system without locks */
    }
    return fstat(t->fd, &mine) == 0 && stat(t->part, &named) == 0 && mine.st_ino == named.st_ino;
}

/* Opens PATH.part, with what is in it. */
static bp_status open_part(transfer *t)
{
    int n = snprintf(t->part, sizeof t->part, "%s.part", t->d->path);
    if (n < 0 || (size_t)n >= sizeof t->part) {
        return bp_fail(BP_ERR_IO, "the path %s is too long", t->d->path);
    }
    t->fd = open(t->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (t->fd < 0) {
        return cannot_write(t->part, errno);
    }
    if (!lock_part(t)) {
        close(t->fd);
        t->fd = -1;
        return bp_fail(BP_ERR_IO, "another backprop is writing %s; wait for it to finish", t->part);
    }
    off_t end = lseek(t->fd, 0, SEEK_END);
    if (end < 0) {
        return cannot_write(t->part, errno);
    }
    t->offset = (size_t)end;
    return BP_OK;
}

static bool empty_part(transfer *t)
{
    bool good = ftruncate(t->fd, 0) == 0 && lseek(t->fd, 0, SEEK_SET) == 0;
    t->write_error = good ? 0 : errno;
    t->offset = 0;
    return good;
}

/* Closes the part; one without content is removed. */
static void close_part(transfer *t)
{
    if (t->fd < 0) {
        return;
    }
    if (lseek(t->fd, 0, SEEK_END) == 0) {
        unlink(t->part);
    }
    close(t->fd);
}

static void sync_folder(const char *path)
{
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1, slash != NULL ? path : ".");
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* a file system that cannot do this is no reason to lose the download */
        close(fd);
    }
}

static bp_status place_part(transfer *t)
{
    if (fsync(t->fd) != 0 || rename(t->part, t->d->path) != 0) {
        return cannot_write(t->d->path, errno);
    }
    close(t->fd);
    t->fd = -1;
    sync_folder(t->d->path);
    return BP_OK;
}

/* ---- callbacks of libcurl ---------------------------------------------------------------------------------------- */

/* A server that was asked for the rest may send everything (200 instead of 206). */
static bool begin_content(transfer *t)
{
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    t->begun = true;
    return code == 206 || t->offset == 0 || empty_part(t);
}

static bool write_all(transfer *t, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(t->fd, data, bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            t->write_error = errno;
            return false;
        }
        data += n;
        bytes -= (size_t)n;
        t->offset += (size_t)n;
    }
    return true;
}

static size_t receive(char *data, size_t size, size_t count, void *ctx)
{
    transfer *t = ctx;
    size_t bytes = size * count, limit = t->d->bytes > 0 ? t->d->bytes : UNKNOWN_SIZE_LIMIT;
    if (!t->begun && !begin_content(t)) {
        return 0;
    }
    t->other = bytes > limit || t->offset > limit - bytes;
    return !t->other && write_all(t, data, bytes) ? bytes : 0;
}

/* Comes at least once a second: watches for silence and for Ctrl-C. */
static int watch(void *ctx, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up)
{
    transfer *t = ctx;
    double now = bp_seconds();
    (void)up_total;
    (void)up;
    if ((size_t)done != t->seen) {
        t->seen = (size_t)done;
        t->seen_at = now;
    }
    t->stalled = now - t->seen_at > t->d->timeout;
    size_t all = t->d->bytes;
    if (all == 0 && total > 0) {
        all = (size_t)total + t->offset - (size_t)done;
    }
    t->stopped = !t->d->on_bytes(t->d->ctx, t->offset, all);
    return t->stalled || t->stopped;
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

static void set_up(transfer *t, char *error)
{
    static const char protocols[] = "http,https";
    char range[32];
    CURL *c = t->curl;
    double connect = t->d->timeout < 10 ? t->d->timeout : 10;
    curl_easy_setopt(c, CURLOPT_URL, t->d->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "backprop/" BP_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect * 1000));
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    if (t->offset > 0) {
        snprintf(range, sizeof range, "%zu-", t->offset);
        curl_easy_setopt(c, CURLOPT_RANGE, range);
    }
}

static const char *status_meaning(long code)
{
    return code == 404                  ? " (not found)"
           : code == 403                ? " (forbidden)"
           : code == 429                ? " (too many requests)"
           : code >= 500 && code <= 599 ? " (trouble at the server)"
                                        : "";
}

/* What a request came to. */
static bp_status judge(transfer *t, CURLcode code, const char *error)
{
    long http = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    if (t->stopped) {
        return bp_fail(BP_ERR_STOPPED, "stopped");
    }
    if (t->write_error != 0) {
        return cannot_write(t->part, t->write_error);
    }
    if (t->other) {
        return bp_fail(BP_ERR_DATA, "another file: more than the %zu bytes that it must have",
                       t->d->bytes > 0 ? t->d->bytes : (size_t)UNKNOWN_SIZE_LIMIT);
    }
    if (t->stalled) {
        return bp_fail(BP_ERR_DATA, "nothing came for %g s", t->d->timeout);
    }
    if (code == CURLE_HTTP_RETURNED_ERROR) {
        return bp_fail(BP_ERR_DATA, "HTTP status %ld%s", http, status_meaning(http));
    }
    if (code != CURLE_OK) {
        return bp_fail(BP_ERR_DATA, "%s", error[0] != '\0' ? error : curl_easy_strerror(code));
    }
    if (t->offset >= t->d->bytes) {
        return BP_OK;
    }
    curl_off_t announced = -1;
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    t->other = announced >= 0;
    return bp_fail(BP_ERR_DATA, t->other ? "another file: %zu bytes, expected %zu" : "cut after %zu of %zu bytes",
                   t->offset, t->d->bytes);
}

static bp_status request(transfer *t)
{
    char error[CURL_ERROR_SIZE] = "";
    t->curl = curl_easy_init();
    if (t->curl == NULL) {
        return bp_fail(BP_ERR_MEMORY, "starting libcurl failed");
    }
    t->begun = t->stopped = t->stalled = t->other = false;
    t->seen = 0;
    t->seen_at = bp_seconds();
    set_up(t, error);
    CURLcode code = curl_easy_perform(t->curl);
    long http = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    bool nothing_left = code == CURLE_HTTP_RETURNED_ERROR && http == 416 && t->offset > 0;
    bp_status status = nothing_left ? BP_OK : judge(t, code, error);
    curl_easy_cleanup(t->curl);
    return status;
}

/* Asks until everything is there: a server that cuts connections is asked again as long as that brings the file further. */
static bp_status transfer_rest(transfer *t)
{
    bp_status status = BP_OK;
    int stalls = 0;
    for (int i = 0; i < ATTEMPTS && stalls < STALLS; i++) {
        size_t before = t->offset;
        if (t->d->bytes > 0 && t->offset == t->d->bytes) {
            return BP_OK;
        }
        status = request(t);
        if (status != BP_ERR_DATA || t->other || t->offset <= before) {
            return status;
        }
        stalls += t->stalled;
    }
    return status;
}

static bp_status check_part(const transfer *t)
{
    char sha256[SHA256_TEXT + 1];
    bp_status status = sha256_of(sha256, t->fd, t->part);
    if (status != BP_OK || strcmp(sha256, t->d->sha256) == 0) {
        return status;
    }
    return bp_fail(BP_ERR_DATA, "the file is damaged or another one: its SHA-256 is %s, expected %s", sha256,
                   t->d->sha256);
}

/* A wrong sum after resuming may come from the piece that was here before: then all of it is asked for once more. */
static bp_status fetch_and_check(transfer *t)
{
    bool resumed = t->offset > 0;
    if (t->d->bytes > 0 && t->offset > t->d->bytes && !empty_part(t)) {
        return cannot_write(t->part, t->write_error);
    }
    bp_status status = transfer_rest(t);
    if (status == BP_OK) {
        status = check_part(t);
    } else if (!t->other) {
        return status;
    }
    if (status != BP_ERR_DATA) {
        return status;
    }
    if (!empty_part(t)) {
        return cannot_write(t->part, t->write_error);
    }
    return resumed ? fetch_and_check(t) : status;
}

bp_status download_file(const download *d)
{
    transfer t = {.d = d, .fd = -1};
    bp_status status = open_part(&t);
    if (status == BP_OK) {
        status = fetch_and_check(&t);
    }
    if (status == BP_OK) {
        status = place_part(&t);
    }
    close_part(&t);
    return status;
}
