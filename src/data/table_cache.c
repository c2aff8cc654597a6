/* table_cache.c - the file behind bp_table_options.cache:
 *
 *   head         64 bytes: magic, version, byte order
 *   records      rows x record_bytes, as in memory
 *   description  source and options it was made from, then columns and their levels
 *   tail         where the description is, its length and its CRC-32
 *
 * The records come before what describes them, because levels and counts are known only when all rows are read. It is a file
 * for the machine that made it: another byte order or version is simply made anew. */
#define _XOPEN_SOURCE 700 /* realpath */

#include "data/table_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/date.h"
#include "data/file.h"

#define CACHE_VERSION   1u
#define BYTE_ORDER_MARK 0x01020304u

static const char magic[8] = "BPTABLE";
static const char damaged[] = "it is damaged; remove it, it is made anew then";

typedef struct head {
    char magic[8];
    uint32_t version, order;
    char nothing[48];
} head;

typedef struct tail {
    uint64_t description, bytes; /* where it begins, how long it is */
    uint32_t crc, version;
    char magic[8];
} tail;

/* What a cache belongs to. */
typedef struct origin {
    uint64_t size, seconds, nanoseconds; /* of the source: length, time of the last change */
    uint64_t options;                    /* hash of those that change the table */
    char *path;                          /* absolute, from the C library's memory */
} origin;

struct bp_cache_writer {
    bp_allocator allocator;
    bp_writer *file;
    origin from;
    uint64_t position;
    uint32_t crc;
    bp_status status; /* of the first failure */
};

/* ---- Where a cache comes from ------------------------------------------------------------------------------------ */

/* FNV-1a, 64 bits (isthe.com/chongo/tech/comp/fnv), over the text and its end. */
static uint64_t hash_text(uint64_t h, const char *text)
{
    const unsigned char *p = (const unsigned char *)(text ? text : "\xFF");
    do {
        h = (h ^ *p) * 0x100000001B3u;
    } while (*p++);
    return h;
}

static uint64_t hash_list(uint64_t h, const char *const *text, size_t count)
{
    h = (h ^ count) * 0x100000001B3u;
    for (size_t i = 0; i < count; i++) {
        h = hash_text(h, text ? text[i] : NULL);
    }
    return h;
}

static uint64_t hash_options(const bp_table_options *o)
{
    const char flags[] = {(char)(o->delimiter + 1), (char)(o->header + 2), (char)(o->decimal_comma + 1),
                          (char)(o->skip_bad_rows + 1), '\0'};
    uint64_t h = hash_text(hash_text(0xCBF29CE484222325u, flags), o->missing);
    h = hash_list(h, o->text, o->text_count);
    h = hash_list(h, o->number, o->number_count);
    h = hash_list(h, o->wide, o->wide_count);
    h = hash_list(h, o->date, o->date_count);
    return hash_list(h, o->date_format, o->date_count);
}

static bp_status find_origin(origin *from, const char *source, const bp_table_options *options)
{
    struct stat st;
    *from = (origin){0};
    if (strcmp(source, "-") == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "a cache (%s) can be kept of a file only, not of standard input",
                       options->cache);
    }
    from->path = realpath(source, NULL);
    if (!from->path || stat(from->path, &st) != 0) {
        int code = errno;
        char text[128];
        free(from->path);
        from->path = NULL;
        return bp_fail(BP_ERR_IO, "opening %s: %s", source,
                       strerror_r(code, text, sizeof text) == 0 ? text : "unknown error");
    }
    from->size = (uint64_t)st.st_size;
    from->seconds = (uint64_t)st.st_mtim.tv_sec;
    from->nanoseconds = (uint64_t)st.st_mtim.tv_nsec;
    from->options = hash_options(options);
    return BP_OK;
}

/* zlib's CRC-32, which counts bytes in 32 bits. */
static uint32_t add_to_crc(uint32_t crc, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    while (bytes > 0) {
        uInt n = bytes < 1u << 30 ? (uInt)bytes : 1u << 30;
        crc = (uint32_t)crc32(crc, p, n);
        p += n;
        bytes -= n;
    }
    return crc;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put(bp_cache_writer *w, const void *data, size_t bytes)
{
    if (w->status == BP_OK) {
        w->status = bp_writer_write(w->file, data, bytes);
    }
    w->position += bytes;
    w->crc = add_to_crc(w->crc, data, bytes);
}

static void put_number(bp_cache_writer *w, uint64_t n)
{
    put(w, &n, sizeof n);
}

/* The length, the text, its '\0'; NULL as a length of UINT64_MAX. */
static void put_text(bp_cache_writer *w, const char *text)
{
    put_number(w, text ? strlen(text) : UINT64_MAX);
    if (text) {
        put(w, text, strlen(text) + 1);
    }
}

bp_status bp_cache_create(bp_cache_writer **out, const char *source, const bp_table_options *options)
{
    *out = NULL;
    bp_allocator a = bp_allocator_or_default(options->allocator);
    bp_cache_writer *w = bp_alloc(&a, 1, sizeof *w);
    if (!w) {
        return BP_ERR_MEMORY;
    }
    w->allocator = a;
    bp_status status = find_origin(&w->from, source, options);
    if (status == BP_OK) {
        status = bp_writer_open(&w->file, options->cache, false, &a);
    }
    if (status != BP_OK) {
        bp_cache_abandon(w);
        return status;
    }
    head h = {.version = CACHE_VERSION, .order = BYTE_ORDER_MARK};
    memcpy(h.magic, magic, sizeof magic);
    put(w, &h, sizeof h);
    *out = w;
    return BP_OK;
}

void bp_cache_abandon(bp_cache_writer *w)
{
    if (!w) {
        return;
    }
    bp_allocator a = w->allocator;
    bp_writer_abandon(w->file);
    free(w->from.path);
    bp_release(&a, w);
}

bp_status bp_cache_append(bp_cache_writer *w, const char *records, size_t bytes)
{
    if (w->status == BP_OK) {
        w->status = bp_writer_write(w->file, records, bytes);
    }
    w->position += bytes;
    return w->status;
}

static void put_column(bp_cache_writer *w, const bp_column *c)
{
    put_text(w, c->name);
    put_number(w, c->kind);
    put_number(w, c->type);
    put_number(w, c->offset);
    put_number(w, c->missing);
    put_number(w, c->odd);
    put_number(w, c->odd_line);
    put_text(w, c->odd_text);
    put_text(w, c->date_format);
    put_number(w, c->level_count);
    for (size_t i = 0; i < c->level_count; i++) {
        put_text(w, c->level[i]);
    }
}

bp_status bp_cache_finish(bp_cache_writer *w, const bp_table *t, size_t rows)
{
    tail end = {.description = w->position, .version = CACHE_VERSION};
    w->crc = 0;
    put_text(w, w->from.path);
    put_number(w, w->from.size);
    put_number(w, w->from.seconds);
    put_number(w, w->from.nanoseconds);
    put_number(w, w->from.options);
    put_text(w, t->source);
    put_number(w, t->has_header);
    put_number(w, t->skipped);
    put_text(w, t->skipped_why);
    put_number(w, rows);
    put_number(w, t->record_bytes);
    put_number(w, t->column_count);
    for (size_t i = 0; i < t->column_count; i++) {
        put_column(w, &t->column[i]);
    }
    end.bytes = w->position - end.description;
    end.crc = w->crc;
    memcpy(end.magic, magic, sizeof magic);
    put(w, &end, sizeof end);
    bp_status status = w->status;
    if (status == BP_OK) {
        status = bp_writer_commit(w->file);
        w->file = NULL;
    }
    bp_cache_abandon(w);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* What is left of the description. */
typedef struct cursor {
    const char *p, *end;
    bool bad; /* it ended too early, or made no sense */
} cursor;

static uint64_t get_number(cursor *c)
{
    uint64_t n = 0;
    if ((size_t)(c->end - c->p) < sizeof n) {
        c->bad = true;
        return 0;
    }
    memcpy(&n, c->p, sizeof n);
    c->p += sizeof n;
    return n;
}

/* Points into the mapping. */
static const char *get_text(cursor *c)
{
    uint64_t n = get_number(c);
    if (c->bad || n == UINT64_MAX) {
        return NULL;
    }
    if (n >= (uint64_t)(c->end - c->p) || c->p[n] != '\0') {
        c->bad = true;
        return NULL;
    }
    const char *text = c->p;
    c->p += n + 1;
    return text;
}

static const char *static_format(const char *name)
{
    for (size_t i = 0; name && i < BP_DATE_FORMATS; i++) {
        if (strcmp(name, bp_date_format_name(i)) == 0) {
            return bp_date_format_name(i);
        }
    }
    return NULL;
}

static bp_status get_levels(bp_table *t, bp_column *column, cursor *c)
{
    uint64_t count = get_number(c);
    if (count > (uint64_t)(c->end - c->p) / (sizeof(uint64_t) + 1)) { /* bytes of the shortest level */
        c->bad = true;
        return BP_OK;
    }
    column->level = count ? bp_alloc(&t->allocator, count, sizeof *column->level) : NULL;
    if (count && !column->level) {
        return BP_ERR_MEMORY;
    }
    column->level_count = count;
    for (size_t i = 0; i < count; i++) {
        column->level[i] = get_text(c);
        c->bad = c->bad || !column->level[i];
    }
    return BP_OK;
}

static bp_status get_column(bp_table *t, cursor *c)
{
    const char *name = get_text(c);
    uint64_t kind = get_number(c), type = get_number(c), offset = get_number(c);
    bool typed = kind == BP_COLUMN_TEXT ? type == BP_I32 : type == BP_F32 || type == BP_F64;
    if (c->bad || !name || kind >= BP_COLUMN_KINDS || !typed || offset != t->record_bytes) {
        c->bad = true;
        return BP_OK;
    }
    bp_status status = bp_table_add_column(t, name, strlen(name), (bp_column_kind)kind, (bp_type)type);
    if (status != BP_OK) {
        return status;
    }
    bp_column *column = &t->column[t->column_count - 1];
    column->missing = get_number(c);
    column->odd = get_number(c);
    column->odd_line = get_number(c);
    column->odd_text = get_text(c);
    column->date_format = static_format(get_text(c));
    return get_levels(t, column, c);
}

/* Everything behind the origin. records: their bytes, which must be what rows and columns say. */
static bp_status get_table(bp_table **out, cursor *c, size_t records, const bp_table_options *options)
{
    const char *source = get_text(c);
    bp_table *t;
    bp_status status = bp_table_new(&t, source ? source : "", false, options->allocator);
    if (status != BP_OK) {
        return status;
    }
    *out = t;
    t->has_header = get_number(c) != 0;
    t->skipped = get_number(c);
    t->skipped_why = get_text(c);
    t->rows = get_number(c);
    uint64_t record_bytes = get_number(c), columns = get_number(c);
    for (uint64_t i = 0; i < columns && status == BP_OK && !c->bad; i++) {
        status = get_column(t, c);
    }
    size_t expected;
    bool fits = bp_mul_size(&expected, t->rows, t->record_bytes) && expected == records;
    c->bad = c->bad || c->p != c->end || t->record_bytes != record_bytes || !fits || columns == 0;
    return status;
}

static bool same_origin(cursor *c, const origin *now)
{
    const char *path = get_text(c);
    uint64_t size = get_number(c), seconds = get_number(c), nanoseconds = get_number(c), options = get_number(c);
    return path && now->path && strcmp(path, now->path) == 0 && size == now->size && seconds == now->seconds &&
           nanoseconds == now->nanoseconds && options == now->options;
}

/* *current = false: the file is a cache, but of another version. */
static bp_status check_frame(cursor *c, bool *current, const char *data, size_t bytes, const char *path)
{
    head h;
    tail end;
    if (bytes < sizeof h || memcmp(data, magic, sizeof magic) != 0) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading the cache %s: it is another kind of file, which is left alone; name another", path);
    }
    memcpy(&h, data, sizeof h);
    *current = h.version == CACHE_VERSION && h.order == BYTE_ORDER_MARK;
    if (!*current) {
        return BP_OK;
    }
    if (bytes < sizeof h + sizeof end) {
        return bp_fail(BP_ERR_FORMAT, "reading the cache %s: %s", path, damaged);
    }
    memcpy(&end, data + bytes - sizeof end, sizeof end);
    size_t room = bytes - sizeof h - sizeof end;
    bool placed = end.bytes <= room && end.description == sizeof h + room - end.bytes;
    if (memcmp(end.magic, magic, sizeof magic) != 0 || end.version != CACHE_VERSION || !placed ||
        add_to_crc(0, data + end.description, end.bytes) != end.crc) {
        return bp_fail(BP_ERR_FORMAT, "reading the cache %s: %s", path, damaged);
    }
    *c = (cursor){data + end.description, data + end.description + end.bytes, false};
    return BP_OK;
}

/* *data = NULL: there is no such file. */
static bp_status map_file(void **data, size_t *bytes, const char *path)
{
    *data = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return BP_OK;
    }
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    void *mapped = MAP_FAILED;
    if (regular) {
        *bytes = (size_t)st.st_size;
        mapped = mmap(NULL, *bytes ? *bytes : 1, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (mapped == MAP_FAILED) {
        char text[128];
        bool named = strerror_r(code, text, sizeof text) == 0;
        return bp_fail(BP_ERR_IO, "reading the cache %s: %s", path,
                       fd >= 0 && !regular ? "it is no regular file; name another"
                       : named             ? text
                                           : "unknown error");
    }
    *data = mapped;
    return BP_OK;
}

static bp_status open_mapped(bp_table **out, void *data, size_t bytes, const char *source,
                             const bp_table_options *options)
{
    origin now;
    cursor c = {0};
    bool current = false;
    bp_status status = check_frame(&c, &current, data, bytes, options->cache);
    if (status != BP_OK || !current) {
        return status;
    }
    status = find_origin(&now, source, options);
    if (status != BP_OK) {
        return status;
    }
    size_t records = (size_t)(c.p - (const char *)data) - sizeof(head);
    if (same_origin(&c, &now)) {
        status = get_table(out, &c, records, options);
        if (status == BP_OK && c.bad) {
            status = bp_fail(BP_ERR_FORMAT, "reading the cache %s: %s", options->cache, damaged);
        }
    }
    free(now.path);
    return status;
}

bp_status bp_cache_open(bp_table **out, const char *source, const bp_table_options *options)
{
    void *data;
    size_t bytes = 0;
    *out = NULL;
    bp_status status = map_file(&data, &bytes, options->cache);
    if (status != BP_OK || !data) {
        return status;
    }
    bp_table *t = NULL;
    status = open_mapped(&t, data, bytes, source, options);
    if (status != BP_OK || !t) {
        bp_table_free(t);
        munmap(data, bytes ? bytes : 1);
        return status;
    }
    t->mapping = data;
    t->mapping_bytes = bytes;
    t->records = (char *)data + sizeof(head);
    *out = t;
    return BP_OK;
}
