/* reader.c - reading files, plain or gzip, with every byte counted. The contract is in file.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/file.h"
#include "data/gzip.h"

#define INPUT_BYTES     ((size_t)65536)   /* read from the file at a time when unpacking */
#define READ_AT_MOST    ((size_t)1 << 30) /* one call of read or inflate: their counts are narrower than size_t */
#define GZIP_MOST_RATIO ((size_t)1032)

struct bp_reader {
    bp_allocator allocator;
    char *path;
    int fd;
    size_t size;     /* of the file */
    size_t position; /* bytes taken from the file */
    size_t content;  /* bytes of content handed out */
    bool gzip;
    bool member_ended; /* the last gzip member is complete and the file has no more bytes */
    bool second_member;
    bool regular;
    z_stream z;
    unsigned char *input; /* INPUT_BYTES: gzip, and the first bytes of a pipe */
    size_t early;         /* bytes of a pipe that is not gzip, in input, still to be handed out: its last ones */
    size_t early_end;
};

static const char *error_text(int code, char *buffer, size_t bytes)
{
    return strerror_r(code, buffer, bytes) == 0 ? buffer : "unknown error";
}

static bp_status fail_system(const bp_reader *r, const char *doing)
{
    int code = errno;
    char text[128];
    return bp_fail(BP_ERR_IO, "%s %s: %s", doing, r->path, error_text(code, text, sizeof text));
}

/* One read from the file, of at most `bytes`; *got = 0 only where the file has ended. */
static bp_status read_some(bp_reader *r, void *out, size_t bytes, size_t *got)
{
    ssize_t n;
    *got = 0;
    do {
        n = read(r->fd, out, bytes < READ_AT_MOST ? bytes : READ_AT_MOST);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return fail_system(r, "reading");
    }
    r->position += (size_t)n;
    *got = (size_t)n;
    return BP_OK;
}

static bp_status open_file(bp_reader *r)
{
    /* O_NONBLOCK: a pipe must be refused below, not waited for. */
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0) {
        return fail_system(r, "opening");
    }
    struct stat st;
    if (fstat(r->fd, &st) != 0) {
        return fail_system(r, "looking at");
    }
    if (!S_ISREG(st.st_mode)) {
        return bp_fail(BP_ERR_IO, "opening %s: it is %s, expected a regular file", r->path,
                       S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    }
    r->size = (size_t)st.st_size;
    r->regular = true;
    return BP_OK;
}

/* The same without being choosy. */
static bp_status open_anything(bp_reader *r)
{
    r->fd = strcmp(r->path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(r->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        return fail_system(r, "opening");
    }
    if (S_ISDIR(st.st_mode)) {
        return bp_fail(BP_ERR_IO, "opening %s: it is a directory, expected a file", r->path);
    }
    r->regular = S_ISREG(st.st_mode) && strcmp(r->path, "-") != 0; /* standard input may begin anywhere in its file */
    r->size = r->regular ? (size_t)st.st_size : 0;
    return BP_OK;
}

static bool is_gzip_magic(const unsigned char *p)
{
    return p[0] == 0x1f && p[1] == 0x8b; /* RFC 1952, section 2.3.1 */
}

static bp_status start_gzip(bp_reader *r)
{
    if (!r->input) {
        r->input = bp_alloc(&r->allocator, INPUT_BYTES, 1);
    }
    if (!r->input) {
        return BP_ERR_MEMORY;
    }
    bp_zlib_use(&r->z, &r->allocator);
    if (inflateInit2(&r->z, 15 + 16) != Z_OK) { /* window of 2^15, gzip wrapper */
        return bp_fail(BP_ERR_MEMORY, "opening %s: no memory for unpacking gzip", r->path);
    }
    r->gzip = true;
    return BP_OK;
}

/* Looks at the first bytes and gets ready to unpack if they are those of gzip. */
static bp_status detect_gzip(bp_reader *r)
{
    unsigned char magic[2];
    if (r->size < sizeof magic || pread(r->fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic ||
        !is_gzip_magic(magic)) {
        return BP_OK;
    }
    return start_gzip(r);
}

/* The same where nobody can look without taking. */
static bp_status detect_gzip_pipe(bp_reader *r)
{
    r->input = bp_alloc(&r->allocator, INPUT_BYTES, 1);
    if (!r->input) {
        return BP_ERR_MEMORY;
    }
    size_t got = 1;
    while (r->early_end < 2 && got > 0) {
        bp_status status = read_some(r, r->input + r->early_end, INPUT_BYTES - r->early_end, &got);
        if (status != BP_OK) {
            return status;
        }
        r->early_end += got;
    }
    if (r->early_end < 2 || !is_gzip_magic(r->input)) {
        r->early = r->early_end;
        return BP_OK;
    }
    bp_status status = start_gzip(r);
    r->z.next_in = r->input;
    r->z.avail_in = (uInt)r->early_end;
    return status;
}

static bp_status open_reader(bp_reader **out, const char *path, bool gunzip, bool stream, const bp_allocator *allocator)
{
    *out = NULL;
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "opening a file: no path was given");
    }
    bp_allocator a = bp_allocator_or_default(allocator);
    bp_reader *r = bp_alloc(&a, 1, sizeof *r);
    if (!r) {
        return BP_ERR_MEMORY;
    }
    r->allocator = a;
    r->fd = -1;
    r->path = bp_strdup(&a, path);
    bp_status status = !r->path ? BP_ERR_MEMORY : stream ? open_anything(r) : open_file(r);
    if (status == BP_OK && gunzip) {
        status = r->regular ? detect_gzip(r) : detect_gzip_pipe(r);
    }
    if (status != BP_OK) {
        bp_reader_close(r);
        return status;
    }
    *out = r;
    return BP_OK;
}

bp_status bp_reader_open(bp_reader **out, const char *path, bool gunzip, const bp_allocator *allocator)
{
    return open_reader(out, path, gunzip, false, allocator);
}

bp_status bp_reader_open_stream(bp_reader **out, const char *path, const bp_allocator *allocator)
{
    return open_reader(out, path, true, true, allocator);
}

bool bp_reader_is_regular(const bp_reader *r)
{
    return r->regular;
}

void bp_reader_close(bp_reader *r)
{
    if (!r) {
        return;
    }
    if (r->gzip) {
        inflateEnd(&r->z);
    }
    if (r->fd >= 0) {
        close(r->fd);
    }
    bp_allocator a = r->allocator;
    bp_release(&a, r->input);
    bp_release(&a, r->path);
    bp_release(&a, r);
}

bool bp_reader_is_gzip(const bp_reader *r)
{
    return r->gzip;
}

size_t bp_reader_file_bytes(const bp_reader *r)
{
    return r->size;
}

static size_t file_left(const bp_reader *r)
{
    return r->position < r->size ? r->size - r->position : 0;
}

size_t bp_reader_most(const bp_reader *r)
{
    if (!r->gzip) {
        return file_left(r);
    }
    /* What inflate holds back unwritten is at most one copy of 258 bytes and its window of 32 KiB. */
    size_t packed, most;
    if (!bp_add_size(&packed, file_left(r), r->z.avail_in) || !bp_mul_size(&most, packed, GZIP_MOST_RATIO) ||
        !bp_add_size(&most, most, 65536)) {
        return SIZE_MAX;
    }
    return most;
}

/* ---- gzip -------------------------------------------------------------------------------------------------------- */

static bp_status fail_gzip(const bp_reader *r, int code)
{
    size_t at = r->position - r->z.avail_in;
    if (code == Z_MEM_ERROR) {
        return bp_fail(BP_ERR_MEMORY, "reading %s: no memory for unpacking gzip", r->path);
    }
    if (r->second_member && r->z.total_out == 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: other bytes follow the gzip data, near byte %zu of %zu of the file",
                       r->path, at, r->size);
    }
    return bp_fail(BP_ERR_FORMAT,
                   "reading %s: gzip data damaged near byte %zu of %zu of the file (%s); get the file again", r->path,
                   at, r->size, r->z.msg ? r->z.msg : "unexpected code");
}

static bp_status refill(bp_reader *r)
{
    size_t got;
    bp_status status = read_some(r, r->input, INPUT_BYTES, &got);
    if (status == BP_OK && got == 0) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: the gzip data is cut short: the file ends at byte %zu, before their end mark; get the "
            "file again",
            r->path, r->position);
    }
    r->z.next_in = r->input;
    r->z.avail_in = (uInt)got;
    return status;
}

/* A member of the gzip file is complete: either the file ends too, or another member begins (RFC 1952, section 2.2). */
static bp_status next_member(bp_reader *r)
{
    if (r->z.avail_in == 0) {
        size_t got;
        bp_status status = read_some(r, r->input, INPUT_BYTES, &got);
        if (status != BP_OK) {
            return status;
        }
        r->z.next_in = r->input;
        r->z.avail_in = (uInt)got;
    }
    r->member_ended = r->z.avail_in == 0;
    if (!r->member_ended) {
        r->second_member = true;
        inflateReset(&r->z);
    }
    return BP_OK;
}

/* Unpacks up to `bytes` bytes; *got is less only where the content ends, or, at_hand, where more would have to be read. */
static bp_status unpack(bp_reader *r, unsigned char *out, size_t bytes, size_t *got, bool at_hand)
{
    *got = 0;
    while (*got < bytes && !r->member_ended) {
        if (r->z.avail_in == 0 && at_hand && *got > 0) {
            return BP_OK;
        }
        if (r->z.avail_in == 0) {
            bp_status status = refill(r);
            if (status != BP_OK) {
                return status;
            }
        }
        size_t room = bytes - *got < READ_AT_MOST ? bytes - *got : READ_AT_MOST;
        r->z.next_out = out + *got;
        r->z.avail_out = (uInt)room;
        int code = inflate(&r->z, Z_NO_FLUSH);
        *got += room - r->z.avail_out;
        if (code == Z_STREAM_END) {
            bp_status status = next_member(r);
            if (status != BP_OK) {
                return status;
            }
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            return fail_gzip(r, code);
        }
    }
    return BP_OK;
}

/* ---- Content ----------------------------------------------------------------------------------------------------- */

static bp_status read_plain(bp_reader *r, unsigned char *out, size_t bytes, size_t *got)
{
    *got = 0;
    while (*got < bytes) {
        size_t n;
        bp_status status = read_some(r, out + *got, bytes - *got, &n);
        if (status != BP_OK) {
            return status;
        }
        if (n == 0) {
            break;
        }
        *got += n;
    }
    return BP_OK;
}

bp_status bp_reader_read(bp_reader *r, void *out, size_t bytes, const char *what)
{
    size_t got, begin = r->content;
    bp_status status = r->gzip ? unpack(r, out, bytes, &got, false) : read_plain(r, out, bytes, &got);
    if (status != BP_OK) {
        return status;
    }
    r->content += got;
    if (got < bytes) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: the file is too short: expected %zu bytes of %s at byte %zu%s, found %zu", r->path,
                       bytes, what, begin, r->gzip ? " of the unpacked content" : "", got);
    }
    return BP_OK;
}

bp_status bp_reader_some(bp_reader *r, void *out, size_t bytes, size_t *got)
{
    bp_status status = BP_OK;
    if (r->gzip) {
        status = unpack(r, out, bytes < INPUT_BYTES ? bytes : INPUT_BYTES, got, true);
    } else if (r->early > 0) {
        *got = r->early < bytes ? r->early : bytes;
        memcpy(out, r->input + r->early_end - r->early, *got);
        r->early -= *got;
    } else {
        status = read_some(r, out, bytes, got);
    }
    r->content += *got;
    return status;
}

bool bp_reader_pauses(const bp_reader *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    bool at_hand = r->regular || r->early > 0 || (r->gzip && r->z.avail_in > 0);
    return !at_hand && poll(&p, 1, 0) == 0;
}

bp_status bp_reader_finish(bp_reader *r)
{
    unsigned char extra;
    size_t got;
    bp_status status = r->gzip ? unpack(r, &extra, 1, &got, false) : read_plain(r, &extra, 1, &got);
    if (status == BP_OK && got > 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: expected the end of the %s after %zu bytes, found more", r->path,
                       r->gzip ? "unpacked content" : "file", r->content);
    }
    return status;
}

/* ---- Byte order -------------------------------------------------------------------------------------------------- */

bool bp_host_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

void bp_swap_bytes(void *data, size_t count, size_t size)
{
    unsigned char *p = data;
    for (size_t i = 0; i < count; i++, p += size) {
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char t = p[low];
            p[low] = p[high];
            p[high] = t;
        }
    }
}
