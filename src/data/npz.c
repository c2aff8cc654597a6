/* npz.c - the NPZ format of NumPy: a zip archive whose members are NPY arrays, stored or deflated.
 *
 * Two layouts are tables: a matrix X (or x, data) with a row y (or target), which becomes the last column; else every
 * array of one dimension is a column of its own name, and every matrix m gives the columns m_1, m_2 ... All must have the
 * same number of rows. The archive itself is minizip's business, which needs the same small memory for any file; what the
 * archive promises is checked here. */
#include <minizip/unzip.h>
#include <stdio.h>
#include <string.h>

#include "data/file.h"
#include "data/npy.h"

#define DEFLATE_MOST  ((size_t)1032) /* to 1, see bp_reader_most */
#define DEFLATE_SLACK ((size_t)64)
#define MOST_NAME     ((size_t)256)
#define READ_AT_MOST  ((size_t)1 << 20)

typedef struct archive {
    const char *path;
    bp_allocator allocator;
    unzFile zip;
    size_t file_bytes;
    struct member *member;
    size_t count, room;
} archive;

typedef struct member {
    archive *archive;
    char name[MOST_NAME];      /* "x.npy", later without the end */
    char title[2 * MOST_NAME]; /* "data.npz, member x.npy", for messages */
    unz64_file_pos place;
    size_t bytes, left; /* of the array; not yet read */
    bp_npy array;
    size_t column; /* its first in the table */
} member;

/* ---- One member as a source of bytes ----------------------------------------------------------------------------- */

static bp_status fail_member(const member *m, const char *what)
{
    return bp_fail(BP_ERR_FORMAT, "reading %s: %s; get the file again", m->title, what);
}

static bp_status member_begin(void *ctx)
{
    member *m = ctx;
    unzFile zip = m->archive->zip;
    unzCloseCurrentFile(zip); /* whichever it was; its checksum was looked at when it ended */
    if (unzGoToFilePos64(zip, &m->place) != UNZ_OK || unzOpenCurrentFile(zip) != UNZ_OK) {
        return fail_member(m, "the zip archive is damaged where the member begins");
    }
    m->left = m->bytes;
    return BP_OK;
}

static bp_status member_read(void *ctx, void *out, size_t bytes, const char *what)
{
    member *m = ctx;
    if (bytes > m->left) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the member is too short: expected %zu bytes of %s, found %zu",
                       m->title, bytes, what, m->left);
    }
    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < READ_AT_MOST ? bytes - done : READ_AT_MOST;
        int got = unzReadCurrentFile(m->archive->zip, (char *)out + done, (unsigned)n);
        if (got <= 0) {
            return fail_member(m, "the zip archive is damaged, or shorter than its directory says");
        }
        done += (size_t)got;
    }
    m->left -= bytes;
    return BP_OK;
}

static bp_status member_finish(void *ctx)
{
    member *m = ctx;
    char extra;
    int got = unzReadCurrentFile(m->archive->zip, &extra, 1);
    int closed = unzCloseCurrentFile(m->archive->zip);
    if (got != 0 || closed != UNZ_OK) {
        return fail_member(m, closed == UNZ_CRCERROR ? "the checksum is wrong: the zip archive is damaged"
                                                     : "the zip archive is damaged at the end of the member");
    }
    return BP_OK;
}

static size_t member_most(void *ctx)
{
    const member *m = ctx;
    return m->left;
}

/* ---- The directory ----------------------------------------------------------------------------------------------- */

static bp_status grow_members(archive *z)
{
    size_t room = z->room ? 2 * z->room : 4;
    member *larger = bp_alloc(&z->allocator, room, sizeof *larger);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (z->count > 0) {
        memcpy(larger, z->member, z->count * sizeof *larger);
    }
    bp_release(&z->allocator, z->member);
    z->member = larger;
    z->room = room;
    return BP_OK;
}

/* What the directory says of a member, held against what can be: deflate packs at most 1032 to 1. */
static bp_status check_member(const member *m, const unz_file_info64 *info)
{
    size_t most = (size_t)info->compressed_size;
    size_t end = strlen(m->name);
    if (end < 5 || strcmp(m->name + end - 4, ".npy") != 0) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: no array: the name does not end in .npy", m->title);
    }
    if (info->flag & 1) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: it is encrypted", m->title);
    }
    if (info->compression_method != 0 && info->compression_method != Z_DEFLATED) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: packed by method %lu, expected 0 (stored) or 8 (deflate)",
                       m->title, info->compression_method);
    }
    if (info->compressed_size > m->archive->file_bytes ||
        (info->compression_method == Z_DEFLATED &&
         (!bp_mul_size(&most, most, DEFLATE_MOST) || !bp_add_size(&most, most, DEFLATE_SLACK)))) {
        most = 0;
    }
    if (info->uncompressed_size > most) {
        return fail_member(m, "the directory of the zip archive promises more bytes than it can hold");
    }
    return BP_OK;
}

/* The member that minizip stands at. */
static bp_status add_member(archive *z, size_t *packed)
{
    unz_file_info64 info;
    bp_status status = z->count == z->room ? grow_members(z) : BP_OK;
    if (status != BP_OK) {
        return status;
    }
    member *m = &z->member[z->count];
    *m = (member){.archive = z};
    if (unzGetCurrentFileInfo64(z->zip, &info, m->name, sizeof m->name, NULL, 0, NULL, 0) != UNZ_OK ||
        unzGetFilePos64(z->zip, &m->place) != UNZ_OK) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: the directory of the zip archive is damaged at member %zu; get the "
                       "file again",
                       z->path, z->count + 1);
    }
    m->name[sizeof m->name - 1] = '\0';
    char shown[MOST_NAME];
    snprintf(m->title, sizeof m->title, "%.250s, member %.250s", z->path,
             bp_text_shown(shown, sizeof shown, m->name, strlen(m->name)));
    if (info.size_filename >= sizeof m->name) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: the name has %lu characters, expected at most %zu", m->title,
                       info.size_filename, sizeof m->name - 1);
    }
    status = check_member(m, &info);
    m->bytes = (size_t)info.uncompressed_size;
    /* Members that lie over one another would each be possible, but not all of them. */
    if (status == BP_OK && (!bp_add_size(packed, *packed, (size_t)info.compressed_size) || *packed > z->file_bytes)) {
        status = fail_member(m, "the members together are longer than the zip archive");
    }
    z->count += status == BP_OK;
    return status;
}

static bp_status read_directory(archive *z)
{
    size_t packed = 0;
    int code = unzGoToFirstFile(z->zip);
    bp_status status = BP_OK;
    while (status == BP_OK && code == UNZ_OK) {
        status = add_member(z, &packed);
        code = unzGoToNextFile(z->zip);
    }
    if (status == BP_OK && code != UNZ_END_OF_LIST_OF_FILE) {
        status = bp_fail(BP_ERR_FORMAT,
                         "reading %s: the directory of the zip archive is damaged after member %zu; get "
                         "the file again",
                         z->path, z->count);
    }
    if (status == BP_OK && z->count == 0) {
        status = bp_fail(BP_ERR_DATA, "reading %s: the archive has no members", z->path);
    }
    return status;
}

static bp_status read_headers(archive *z)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < z->count && status == BP_OK; i++) {
        member *m = &z->member[i];
        bp_npy_source source = {m, m->title, member_begin, member_read, member_finish, member_most, true};
        status = bp_npy_header(&m->array, &source, &z->allocator);
        m->name[strlen(m->name) - 4] = '\0';
    }
    return status;
}

/* ---- Layouts ----------------------------------------------------------------------------------------------------- */

/* "x (150 x 4), y (150)" */
static const char *list_members(char *out, size_t room, const archive *z)
{
    size_t used = 0;
    for (size_t i = 0; i < z->count && used < room; i++) {
        const member *m = &z->member[i];
        char shown[48], columns[32] = "";
        if (m->array.dims == 2) {
            snprintf(columns, sizeof columns, " x %zu", m->array.columns);
        }
        int n = snprintf(out + used, room - used, "%s%s (%zu%s)", i ? ", " : "",
                         bp_text_shown(shown, sizeof shown, m->name, strlen(m->name)), m->array.rows, columns);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

static bp_status check_rows(const archive *z)
{
    for (size_t i = 1; i < z->count; i++) {
        if (z->member[i].array.rows != z->member[0].array.rows) {
            char list[600];
            return bp_fail(
                BP_ERR_SHAPE,
                "reading %s: the arrays have different numbers of rows: %s; a table needs an .npz file whose "
                "arrays have the same, for instance X and y",
                z->path, list_members(list, sizeof list, z));
        }
    }
    return BP_OK;
}

/* The columns of a member: for a matrix base_1, base_2 ..., and column1, column2 ... without a base. */
static bp_status add_columns(bp_table *names, member *m, const char *base)
{
    bp_column_kind kind = bp_npy_is_text(&m->array) ? BP_COLUMN_TEXT : BP_COLUMN_NUMBER;
    bp_status status = BP_OK;
    m->column = names->column_count;
    for (size_t i = 0; i < m->array.columns && status == BP_OK; i++) {
        char name[MOST_NAME + 32] = "";
        if (base && m->array.dims == 1) {
            snprintf(name, sizeof name, "%s", base);
        } else if (base) {
            snprintf(name, sizeof name, "%s_%zu", base, i + 1);
        }
        status = bp_table_add_column(names, name, strlen(name), kind, BP_F32);
    }
    return status;
}

static member *find_member(const archive *z, const char *const *name, size_t count)
{
    for (size_t i = 0; i < z->count * count; i++) {
        if (strcmp(z->member[i / count].name, name[i % count]) == 0) {
            return &z->member[i / count];
        }
    }
    return NULL;
}

static bp_status name_columns(bp_table **names, const archive *z)
{
    static const char *const inputs[] = {"X", "x", "data"}, *const targets[] = {"y", "target"};
    member *x = find_member(z, inputs, 3), *y = find_member(z, targets, 2);
    bool pair = z->count == 2 && x && y && y->array.dims == 1;
    bp_status status = bp_table_new(names, z->path, !pair, &z->allocator);
    if (pair) {
        status = status == BP_OK ? add_columns(*names, x, NULL) : status;
        return status == BP_OK ? add_columns(*names, y, "y") : status;
    }
    for (size_t i = 0; i < z->count && status == BP_OK; i++) {
        status = add_columns(*names, &z->member[i], z->member[i].name);
    }
    status = status == BP_OK ? bp_table_check_names(*names) : status;
    return status == BP_OK ? status : bp_fail_context(status, "reading %s: ", z->path);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bp_status note_members(const archive *z, bp_evidence *evidence)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < z->count && status == BP_OK; i++) {
        const member *m = &z->member[i];
        bp_npy again; /* the member was left after its header */
        status = bp_npy_header(&again, &m->array.source, &z->allocator);
        status = status == BP_OK ? bp_npy_note(&again, evidence + m->column, &z->allocator) : status;
    }
    return status;
}

static bp_status fill_members(const archive *z, bp_table *t)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < z->count && status == BP_OK; i++) {
        status = bp_npy_fill(&z->member[i].array, t, z->member[i].column);
    }
    return status == BP_OK ? bp_table_finish(t) : status;
}

static bp_status read_arrays(bp_table **out, const archive *z, const bp_table_options *options)
{
    bp_table *names = NULL;
    bp_status status = name_columns(&names, z);
    bp_evidence *evidence = status == BP_OK ? bp_alloc(&z->allocator, names->column_count, sizeof *evidence) : NULL;
    status = status == BP_OK && !evidence ? BP_ERR_MEMORY : status;
    status = status == BP_OK ? note_members(z, evidence) : status;
    status = status == BP_OK ? bp_numeric_table(out, names, evidence, z->member[0].array.rows, options) : status;
    status = status == BP_OK ? fill_members(z, *out) : status;
    bp_release(&z->allocator, evidence);
    bp_table_free(names);
    if (status != BP_OK) {
        bp_table_free(*out);
        *out = NULL;
    }
    return status;
}

/* As any file is opened here, with the errors of that; minizip then opens it by itself. */
static bp_status open_archive(archive *z)
{
    bp_reader *r;
    bp_status status = bp_reader_open(&r, z->path, false, &z->allocator);
    if (status != BP_OK) {
        return status;
    }
    z->file_bytes = bp_reader_file_bytes(r);
    bp_reader_close(r);
    z->zip = unzOpen64(z->path);
    return z->zip ? BP_OK
                  : bp_fail(BP_ERR_FORMAT,
                            "reading %s: no zip archive, or one without its directory, which is at the "
                            "end; get the file again",
                            z->path);
}

bp_status bp_npz_table(bp_table **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    archive z = {.path = path, .allocator = bp_allocator_or_default(options->allocator)};
    bp_status status = open_archive(&z);
    status = status == BP_OK ? read_directory(&z) : status;
    status = status == BP_OK ? read_headers(&z) : status;
    status = status == BP_OK ? check_rows(&z) : status;
    status = status == BP_OK ? read_arrays(out, &z, options) : status;
    if (z.zip) {
        unzClose(z.zip);
    }
    bp_release(&z.allocator, z.member);
    return status;
}
