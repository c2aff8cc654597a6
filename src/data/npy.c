/* npy.c - the NPY format of NumPy: a text header, then the elements.
 *
 *   93 'N' 'U' 'M' 'P' 'Y'   major minor   length, 2 bytes (version 1) or 4, little-endian
 *   {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   padded with blanks   elements
 *
 * Source: numpy.org, "numpy.lib.format", versions 1.0 to 3.0. The header is a Python dictionary of these three entries in
 * any order; nothing else of Python is understood. Objects (pickles) and structured types are refused. */
#include "data/npy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/file.h"

#define BLOCK_BYTES  ((size_t)65536)
#define MOST_HEADER  ((size_t)1 << 20)
#define MOST_ELEMENT ((size_t)4096)        /* bytes: of a text */
#define EXACT        ((double)(1LL << 53)) /* whole numbers below are doubles, each its own */

/* ---- The header: a Python dictionary ----------------------------------------------------------------------------- */

typedef struct header {
    const char *begin, *at, *end;
    const char *name; /* of the source */
} header;

static bp_status fail_header(const header *h, const char *expected)
{
    char shown[40];
    size_t left = (size_t)(h->end - h->at);
    return bp_fail(BP_ERR_FORMAT, "reading %s: NPY header: expected %s at character %zu, found \"%s\"", h->name,
                   expected, (size_t)(h->at - h->begin) + 1,
                   bp_text_shown(shown, sizeof shown, h->at, left < 24 ? left : 24));
}

static void skip_blanks(header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t')) {
        h->at++;
    }
}

/* Takes c if it comes next, after blanks. */
static bool take(header *h, char c)
{
    skip_blanks(h);
    bool found = h->at < h->end && *h->at == c;
    h->at += found;
    return found;
}

/* Takes a word if it comes next. */
static bool take_word(header *h, const char *word)
{
    skip_blanks(h);
    size_t n = strlen(word);
    bool found = (size_t)(h->end - h->at) >= n && memcmp(h->at, word, n) == 0;
    h->at += found ? n : 0;
    return found;
}

/* A text in quotes of either kind, without escapes; cut to the room. */
static bp_status take_text(char *out, size_t room, header *h, const char *expected)
{
    skip_blanks(h);
    const char *open = h->at < h->end && (*h->at == '\'' || *h->at == '"') ? h->at : NULL;
    const char *close = open ? memchr(open + 1, *open, (size_t)(h->end - open - 1)) : NULL;
    if (!close || (size_t)(close - open - 1) >= room) {
        return fail_header(h, expected);
    }
    size_t n = (size_t)(close - open - 1);
    memcpy(out, open + 1, n);
    out[n] = '\0';
    h->at = close + 1;
    return BP_OK;
}

static bp_status take_order(header *h, bp_npy *a)
{
    a->fortran = take_word(h, "True");
    return a->fortran || take_word(h, "False") ? BP_OK : fail_header(h, "True or False after 'fortran_order'");
}

static bp_status take_size(size_t *out, header *h)
{
    skip_blanks(h);
    const char *first = h->at;
    *out = 0;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++) {
        if (!bp_mul_size(out, *out, 10) || !bp_add_size(out, *out, (size_t)(*h->at - '0'))) {
            h->at = first;
            return fail_header(h, "a length that this machine can address");
        }
    }
    if (h->at == first) {
        return fail_header(h, "a length");
    }
    take(h, 'L'); /* Python 2 */
    return BP_OK;
}

/* (), (3,) or (3, 4) */
static bp_status take_shape(header *h, bp_npy *a)
{
    size_t dim[2] = {1, 1}, more;
    a->dims = 0;
    if (!take(h, '(')) {
        return fail_header(h, "( after 'shape'");
    }
    while (!take(h, ')')) {
        bp_status status = take_size(a->dims < 2 ? &dim[a->dims] : &more, h);
        if (status != BP_OK) {
            return status;
        }
        a->dims++;
        if (!take(h, ',')) {
            if (!take(h, ')')) {
                return fail_header(h, ", or ) in 'shape'");
            }
            break;
        }
    }
    a->rows = dim[0];
    a->columns = dim[1];
    return BP_OK;
}

/* '<f8': byte order, kind, size. */
static bp_status parse_type(bp_npy *a, const char *descr, const char *name)
{
    char order = descr[0];
    const char *code = descr + (order == '<' || order == '>' || order == '|' || order == '=');
    const bp_npy_type *t;
    for (size_t i = 0; (t = bp_npy_type_at(i)); i++) {
        size_t n = strlen(t->code), length = 1;
        if (strncmp(code, t->code, n) != 0 || (t->size ? code[n] != '\0' : !bp_parse_size(&length, code + n))) {
            continue;
        }
        if (!t->size && (length == 0 || length > MOST_ELEMENT / t->unit)) {
            return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: texts of %zu characters, expected 1 to %zu", name, length,
                           MOST_ELEMENT / t->unit);
        }
        a->type = t;
        a->size = t->size ? t->size : length * t->unit;
        a->swap = t->unit > 1 && ((order == '<' && !bp_host_is_little()) || (order == '>' && bp_host_is_little()));
        return BP_OK;
    }
    return bp_fail(BP_ERR_UNSUPPORTED,
                   "reading %s: elements of type '%s', expected booleans (b1), whole numbers (i1 to i8, u1 to u8), "
                   "floating-point numbers (f2, f4, f8) or texts (S, U); convert the array with .astype",
                   name, descr);
}

static bp_status take_descr(header *h, bp_npy *a)
{
    char descr[16];
    skip_blanks(h);
    if (h->at < h->end && *h->at == '[') {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: the elements are records of several fields; save the fields as arrays of an .npz file",
            h->name);
    }
    bp_status status = take_text(descr, sizeof descr, h, "a type, like '<f8', after 'descr'");
    return status == BP_OK ? parse_type(a, descr, h->name) : status;
}

static bp_status take_entries(header *h, bp_npy *a)
{
    static const struct {
        const char *key;
        bp_status (*take)(header *h, bp_npy *a);
    } entries[] = {{"descr", take_descr}, {"fortran_order", take_order}, {"shape", take_shape}};
    enum { ENTRIES = sizeof entries / sizeof *entries };
    bool seen[ENTRIES] = {false};
    if (!take(h, '{')) {
        return fail_header(h, "{");
    }
    while (!take(h, '}')) {
        char key[16];
        size_t i = 0;
        const char *before = h->at;
        bp_status status = take_text(key, sizeof key, h, "'descr', 'fortran_order' or 'shape'");
        if (status != BP_OK) {
            return status;
        }
        while (i < ENTRIES && strcmp(key, entries[i].key) != 0) {
            i++;
        }
        if (i == ENTRIES || seen[i]) {
            h->at = before;
            return fail_header(h, "'descr', 'fortran_order' and 'shape', each once");
        }
        seen[i] = true;
        if (!take(h, ':')) {
            return fail_header(h, ":");
        }
        status = entries[i].take(h, a);
        if (status != BP_OK) {
            return status;
        }
        if (!take(h, ',') && !(h->at < h->end && *h->at == '}')) {
            return fail_header(h, ", or }");
        }
    }
    return seen[0] && seen[1] && seen[2] ? BP_OK : fail_header(h, "before here 'descr', 'fortran_order' and 'shape'");
}

static bp_status parse_header(bp_npy *a, const char *text, size_t bytes)
{
    header h = {text, text, text + bytes, a->source.name};
    bp_status status = take_entries(&h, a);
    if (status != BP_OK) {
        return status;
    }
    skip_blanks(&h);
    if (h.at < h.end) {
        return fail_header(&h, "nothing but blanks after }");
    }
    if (a->dims < 1 || a->dims > 2) {
        return bp_fail(BP_ERR_SHAPE,
                       "reading %s: the array has %d dimensions, a table has 1 or 2; reshape it, for instance with "
                       "x.reshape(len(x), -1)",
                       a->source.name, a->dims);
    }
    if (a->rows == 0 || a->columns == 0) {
        return bp_fail(BP_ERR_DATA, "reading %s: the array is empty: %zu x %zu", a->source.name, a->rows, a->columns);
    }
    return BP_OK;
}

/* Believes the shape only where there are as many bytes. */
static bp_status check_length(const bp_npy *a)
{
    size_t elements, bytes, most = a->source.most(a->source.ctx);
    bool fits = bp_mul_size(&elements, a->rows, a->columns) && bp_mul_size(&bytes, elements, a->size);
    if (fits && (a->source.exact ? bytes == most : bytes <= most)) {
        return BP_OK;
    }
    return bp_fail(BP_ERR_FORMAT,
                   "reading %s: the header promises %zu x %zu elements of %zu bytes, but %s %zu bytes; the file is "
                   "damaged or cut short",
                   a->source.name, a->rows, a->columns, a->size,
                   a->source.exact ? "what follows it are" : "what follows it are at most", most);
}

/* Magic, version and length of the text. */
static bp_status read_start(size_t *bytes, const bp_npy_source *s)
{
    unsigned char start[8], length[4] = {0};
    bp_status status = s->read(s->ctx, start, sizeof start, "NPY header");
    if (status != BP_OK) {
        return status;
    }
    if (memcmp(start, "\x93NUMPY", 6) != 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: not NPY: it does not begin with 93 and NUMPY", s->name);
    }
    if (start[6] < 1 || start[6] > 3 || start[7] != 0) {
        return bp_fail(BP_ERR_UNSUPPORTED, "reading %s: NPY version %d.%d, expected 1.0, 2.0 or 3.0", s->name, start[6],
                       start[7]);
    }
    status = s->read(s->ctx, length, start[6] == 1 ? 2 : 4, "the length of the NPY header");
    *bytes = (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (status == BP_OK && (*bytes > MOST_HEADER || *bytes > s->most(s->ctx))) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: an NPY header of %zu bytes, expected at most %zu", s->name, *bytes,
                       MOST_HEADER);
    }
    return status;
}

bp_status bp_npy_header(bp_npy *out, const bp_npy_source *source, const bp_allocator *allocator)
{
    size_t bytes = 0;
    *out = (bp_npy){.source = *source};
    bp_status status = source->begin(source->ctx);
    status = status == BP_OK ? read_start(&bytes, source) : status;
    char *text = status == BP_OK ? bp_alloc(allocator, bytes, 1) : NULL;
    if (!text) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    status = source->read(source->ctx, text, bytes, "NPY header");
    status = status == BP_OK ? parse_header(out, text, bytes) : status;
    bp_release(allocator, text);
    return status == BP_OK ? check_length(out) : status;
}

/* ---- The elements ------------------------------------------------------------------------------------------------ */

typedef struct visitor {
    const bp_npy *array;
    size_t row, column;    /* of the next element */
    bp_evidence *evidence; /* of each column; NULL: elements go into the table */
    bp_table *table;
    size_t first; /* column of the table */
} visitor;

static void step(visitor *v)
{
    const bp_npy *a = v->array;
    size_t *fast = a->fortran ? &v->row : &v->column, *slow = a->fortran ? &v->column : &v->row;
    if (++*fast == (a->fortran ? a->rows : a->columns)) {
        *fast = 0;
        ++*slow;
    }
}

static bp_status fail_element(const visitor *v, const char *what)
{
    return bp_fail(BP_ERR_DATA, "reading %s: row %zu, column %zu: %s", v->array->source.name, v->row + 1, v->column + 1,
                   what);
}

static bp_status visit_number(visitor *v, const void *element)
{
    const bp_npy_type *t = v->array->type;
    double value = t->get(element);
    if (!v->evidence) {
        return bp_numeric_put(v->table, v->row, v->first + v->column, value);
    }
    if (isinf(value)) {
        return fail_element(v, "the number is infinite; replace it by a number, or by nan where the value is missing");
    }
    if (t->large && fabs(value) >= EXACT) {
        return fail_element(
            v, "the whole number is not below 2^53, where 64-bit floating-point numbers begin to have gaps; save the "
               "column as texts if it is a name, or as float64 if it may be rounded");
    }
    if (!t->narrow) {
        bp_numeric_note(&v->evidence[v->column], value);
    }
    return BP_OK;
}

/* UTF-8 of a code point (RFC 3629, section 3); none for what is no character, which is no UTF-8 then either. */
static size_t put_character(char out[4], uint32_t c)
{
    static const struct {
        uint32_t below;
        unsigned char lead;
    } length[] = {{0x80, 0}, {0x800, 0xC0}, {0x10000, 0xE0}, {0x110000, 0xF0}};
    for (size_t n = 1; n <= 4; n++) {
        if (c < length[n - 1].below) {
            for (size_t i = n; i-- > 1; c >>= 6) {
                out[i] = (char)(0x80 | (c & 0x3F));
            }
            out[0] = (char)(length[n - 1].lead | c);
            return n;
        }
    }
    out[0] = (char)0xFF;
    return 1;
}

/* Texts end with zeros up to their size; an empty one is a missing cell. */
static bp_status visit_text(visitor *v, const unsigned char *element)
{
    const bp_npy *a = v->array;
    char text[MOST_ELEMENT];
    size_t n = 0, end = a->size;
    while (end >= a->type->unit && memcmp(element + end - a->type->unit, "\0\0\0", a->type->unit) == 0) {
        end -= a->type->unit;
    }
    for (size_t i = 0; i < end; i += a->type->unit) {
        uint32_t c = element[i];
        if (a->type->unit == sizeof c) {
            memcpy(&c, element + i, sizeof c);
            n += put_character(text + n, c);
        } else {
            text[n++] = (char)c;
        }
    }
    if (v->evidence) {
        bp_status status = bp_check_utf8(text, n, "a text");
        return status == BP_OK ? status
                               : bp_fail_context(status, "reading %s: row %zu, column %zu: ", a->source.name,
                                                 v->row + 1, v->column + 1);
    }
    uint32_t code = BP_NO_LEVEL;
    bp_status status = n ? bp_table_intern(&code, v->table, v->first + v->column, text, n) : BP_OK;
    const bp_column *c = &v->table->column[v->first + v->column];
    bp_record_set_code(v->table->records + v->row * v->table->record_bytes, c, code);
    return status;
}

/* All elements, in the order of the file, a block at a time. */
static bp_status visit_all(visitor *v, const bp_allocator *allocator)
{
    const bp_npy *a = v->array;
    size_t total = a->rows * a->columns, block = BLOCK_BYTES / a->size;
    unsigned char *buffer = bp_alloc(allocator, block, a->size);
    bp_status status = buffer ? BP_OK : BP_ERR_MEMORY;
    for (size_t done = 0; done < total && status == BP_OK;) {
        size_t n = total - done < block ? total - done : block;
        status = a->source.read(a->source.ctx, buffer, n * a->size, "elements");
        if (status == BP_OK && a->swap) {
            bp_swap_bytes(buffer, n * (a->size / a->type->unit), a->type->unit);
        }
        for (size_t i = 0; i < n && status == BP_OK; i++, step(v)) {
            const unsigned char *element = buffer + i * a->size;
            status = a->type->get ? visit_number(v, element) : visit_text(v, element);
        }
        done += n;
    }
    bp_release(allocator, buffer);
    return status == BP_OK ? a->source.finish(a->source.ctx) : status;
}

bp_status bp_npy_note(const bp_npy *a, bp_evidence *evidence, const bp_allocator *allocator)
{
    visitor v = {.array = a, .evidence = evidence};
    return visit_all(&v, allocator);
}

bp_status bp_npy_fill(const bp_npy *a, bp_table *t, size_t column)
{
    bp_npy again;
    bp_status status = bp_npy_header(&again, &a->source, &t->allocator);
    if (status != BP_OK) {
        return status;
    }
    if (again.type != a->type || again.size != a->size || again.rows != a->rows || again.columns != a->columns) {
        return bp_fail(BP_ERR_IO, "reading %s: the file changed while it was read; try again", a->source.name);
    }
    visitor v = {.array = &again, .table = t, .first = column};
    return visit_all(&v, &t->allocator);
}

/* ---- A file of one array ----------------------------------------------------------------------------------------- */

typedef struct file {
    const char *path;
    const bp_allocator *allocator;
    bp_reader *reader;
} file;

static bp_status file_begin(void *ctx)
{
    file *f = ctx;
    bp_reader_close(f->reader);
    f->reader = NULL;
    return bp_reader_open(&f->reader, f->path, true, f->allocator);
}

static bp_status file_read(void *ctx, void *out, size_t bytes, const char *what)
{
    file *f = ctx;
    return bp_reader_read(f->reader, out, bytes, what);
}

static bp_status file_finish(void *ctx)
{
    file *f = ctx;
    return bp_reader_finish(f->reader);
}

static size_t file_most(void *ctx)
{
    file *f = ctx;
    return bp_reader_most(f->reader);
}

/* The columns, without rows: column1, column2 ... */
static bp_status name_columns(bp_table **names, const bp_npy *a, const bp_allocator *allocator)
{
    bp_status status = bp_table_new(names, a->source.name, false, allocator);
    for (size_t i = 0; i < a->columns && status == BP_OK; i++) {
        status = bp_table_add_column(*names, NULL, 0, bp_npy_is_text(a) ? BP_COLUMN_TEXT : BP_COLUMN_NUMBER, BP_F32);
    }
    return status;
}

static bp_status read_array(bp_table **out, const bp_npy *a, const bp_table_options *options)
{
    bp_allocator allocator = bp_allocator_or_default(options->allocator);
    bp_table *names = NULL;
    bp_status status = name_columns(&names, a, &allocator);
    bp_evidence *evidence = status == BP_OK ? bp_alloc(&allocator, a->columns, sizeof *evidence) : NULL;
    status = status == BP_OK && !evidence ? BP_ERR_MEMORY : status;
    status = status == BP_OK ? bp_npy_note(a, evidence, &allocator) : status;
    status = status == BP_OK ? bp_numeric_table(out, names, evidence, a->rows, options) : status;
    status = status == BP_OK ? bp_npy_fill(a, *out, 0) : status;
    status = status == BP_OK ? bp_table_finish(*out) : status;
    bp_release(&allocator, evidence);
    bp_table_free(names);
    if (status != BP_OK) {
        bp_table_free(*out);
        *out = NULL;
    }
    return status;
}

bp_status bp_npy_table(bp_table **out, const char *path, const bp_table_options *options)
{
    *out = NULL;
    bp_allocator allocator = bp_allocator_or_default(options->allocator);
    file f = {path, &allocator, NULL};
    bp_npy a;
    bp_npy_source source = {&f, path, file_begin, file_read, file_finish, file_most, false};
    bp_status status = file_begin(&f);
    if (status == BP_OK) {
        source.exact = !bp_reader_is_gzip(f.reader);
        status = bp_npy_header(&a, &source, &allocator);
    }
    if (status == BP_OK) {
        status = read_array(out, &a, options);
    }
    bp_reader_close(f.reader);
    return status;
}
