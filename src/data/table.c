/* table.c - tables in memory: making them, and looking at them. Where the rows come from is the readers' business. */
#include "data/table.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_TEXTS ((size_t)1024)
#define MOST_TEXTS  ((size_t)65536)
#define FIRST_SLOTS ((size_t)64)
#define MOST_LEVELS ((size_t)UINT32_MAX - 1)

const char *bp_column_kind_name(bp_column_kind k)
{
    static const char *const name[] = {"number", "text", "date"};
    static_assert(sizeof name / sizeof *name == BP_COLUMN_KINDS, "a name for every kind");
    return (size_t)k < BP_COLUMN_KINDS ? name[k] : NULL;
}

bp_table_options bp_table_defaults(void)
{
    return (bp_table_options){.header = -1};
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static const char *keep(const bp_allocator *a, bp_text_block **blocks, const char *text, size_t bytes)
{
    bp_text_block *b = *blocks;
    if (!b || b->size - b->used <= bytes) {
        size_t more = b ? 2 * b->size : FIRST_TEXTS, usual = more < MOST_TEXTS ? more : MOST_TEXTS;
        size_t size = bytes < usual / 4 ? usual : bytes + 1;
        bp_text_block *fresh = bp_alloc(a, 1, sizeof *b + size);
        if (!fresh) {
            return NULL;
        }
        *fresh = (bp_text_block){b, 0, size};
        *blocks = b = fresh;
    }
    char *copy = (char *)(b + 1) + b->used;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    b->used += bytes + 1;
    return copy;
}

static void release_texts(const bp_allocator *a, bp_text_block **blocks)
{
    while (*blocks) {
        bp_text_block *next = (*blocks)->next;
        bp_release(a, *blocks);
        *blocks = next;
    }
}

const char *bp_table_keep(bp_table *t, const char *text, size_t bytes)
{
    return keep(&t->allocator, &t->names, text, bytes);
}

/* The length of the UTF-8 character at p, 0 if there is none (RFC 3629, section 4). */
static size_t utf8_length(const unsigned char *p, size_t bytes)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n > bytes) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xED && p[1] > 0x9F, beyond = p[0] == 0xF4 && p[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : n;
}

bp_status bp_check_utf8(const char *text, size_t bytes, const char *what)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < bytes;) {
        size_t n = utf8_length(p + i, bytes - i);
        if (n == 0 || p[i] == '\0') {
            char shown[48];
            return bp_fail(BP_ERR_FORMAT,
                           "%s, \"%s\", is not UTF-8 text: byte %zu of it is %02x; convert the file, for instance with "
                           "iconv -f WINDOWS-1252 -t UTF-8",
                           what, bp_text_shown(shown, sizeof shown, text, bytes), i + 1, p[i]);
        }
        i += n;
    }
    return BP_OK;
}

const char *bp_text_shown(char *out, size_t size, const char *text, size_t bytes)
{
    static const char more[] = "...";
    size_t used = 0;
    for (size_t i = 0; i < bytes;) {
        const unsigned char *p = (const unsigned char *)text + i;
        size_t n = utf8_length(p, bytes - i);
        if (used + (n ? n : 1) + sizeof more > size) {
            memcpy(out + used, more, sizeof more - 1);
            used += sizeof more - 1;
            break;
        }
        if (n == 0 || *p < ' ' || *p == 0x7F) {
            out[used++] = '?';
            i++;
            continue;
        }
        memcpy(out + used, p, n);
        used += n;
        i += n;
    }
    out[used] = '\0';
    return out;
}

/* ---- Levels ------------------------------------------------------------------------------------------------------ */

/* 8 bytes at a time; the last ones together with the length. */
static uint32_t hash_text(const char *text, size_t bytes)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ bytes;
    for (size_t left = bytes; left > 0;) {
        uint64_t word = 0;
        size_t n = left < 8 ? left : 8;
        memcpy(&word, text, n);
        h = (h ^ word) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
        text += n;
        left -= n;
    }
    return (uint32_t)(h ^ h >> 29);
}

static void place_code(bp_dictionary *d, uint32_t code)
{
    size_t i = d->hash[code] & (d->slots - 1);
    while (d->slot[i]) {
        i = (i + 1) & (d->slots - 1);
    }
    d->slot[i] = code + 1;
}

/* Twice the slots, and a level for every second slot at most. */
static bp_status grow_dictionary(const bp_allocator *a, bp_column *c)
{
    bp_dictionary *d = &c->dictionary, larger = {NULL, d->slots ? 2 * d->slots : FIRST_SLOTS, NULL, 0};
    larger.room = larger.slots / 2;
    const char **level = bp_alloc(a, larger.room, sizeof *level);
    larger.slot = bp_alloc(a, larger.slots, sizeof *larger.slot);
    larger.hash = bp_alloc(a, larger.room, sizeof *larger.hash);
    if (!level || !larger.slot || !larger.hash) {
        bp_release(a, level);
        bp_release(a, larger.slot);
        bp_release(a, larger.hash);
        return BP_ERR_MEMORY;
    }
    if (c->level_count > 0) {
        memcpy(level, c->level, c->level_count * sizeof *level);
        memcpy(larger.hash, d->hash, c->level_count * sizeof *larger.hash);
    }
    bp_release(a, c->level);
    bp_release(a, d->slot);
    bp_release(a, d->hash);
    c->level = level;
    *d = larger;
    for (size_t i = 0; i < c->level_count; i++) {
        place_code(d, (uint32_t)i);
    }
    return BP_OK;
}

static bp_status add_level(uint32_t *code, bp_table *t, bp_column *c, const char *text, size_t bytes, uint32_t hash)
{
    bp_status status = bp_check_utf8(text, bytes, "a text");
    if (status != BP_OK) {
        return status;
    }
    if (c->level_count >= MOST_LEVELS) {
        return bp_fail(BP_ERR_UNSUPPORTED, "column %s has more than %zu different texts", c->name, MOST_LEVELS);
    }
    if (c->level_count == c->dictionary.room) {
        status = grow_dictionary(&t->allocator, c);
    }
    const char *copy = status == BP_OK ? keep(&t->allocator, &t->levels, text, bytes) : NULL;
    if (!copy) {
        return BP_ERR_MEMORY;
    }
    *code = (uint32_t)c->level_count++;
    c->level[*code] = copy;
    c->dictionary.hash[*code] = hash;
    place_code(&c->dictionary, *code);
    return BP_OK;
}

bp_status bp_table_intern(uint32_t *code, bp_table *t, size_t column, const char *text, size_t bytes)
{
    bp_column *c = &t->column[column];
    const bp_dictionary *d = &c->dictionary;
    uint32_t hash = hash_text(text, bytes);
    for (size_t i = hash & (d->slots - 1); d->slots > 0 && d->slot[i]; i = (i + 1) & (d->slots - 1)) {
        uint32_t known = d->slot[i] - 1;
        if (d->hash[known] == hash && strncmp(c->level[known], text, bytes) == 0 && c->level[known][bytes] == '\0') {
            *code = known;
            return BP_OK;
        }
    }
    return add_level(code, t, c, text, bytes, hash);
}

static void release_dictionary(const bp_allocator *a, bp_column *c)
{
    bp_release(a, c->dictionary.slot);
    bp_release(a, c->dictionary.hash);
    c->dictionary = (bp_dictionary){0};
}

/* ---- Making a table ---------------------------------------------------------------------------------------------- */

bp_status bp_table_new(bp_table **out, const char *source, bool has_header, const bp_allocator *allocator)
{
    *out = NULL;
    bp_allocator a = bp_allocator_or_default(allocator);
    bp_table *t = bp_alloc(&a, 1, sizeof *t);
    if (!t) {
        return BP_ERR_MEMORY;
    }
    t->allocator = a;
    t->has_header = has_header;
    t->source = bp_table_keep(t, source, strlen(source));
    if (!t->source) {
        bp_table_free(t);
        return BP_ERR_MEMORY;
    }
    *out = t;
    return BP_OK;
}

void bp_table_free(bp_table *t)
{
    if (!t) {
        return;
    }
    bp_allocator a = t->allocator;
    for (size_t i = 0; i < t->column_count; i++) {
        bp_release(&a, t->column[i].level);
        release_dictionary(&a, &t->column[i]);
    }
    bp_release(&a, t->column);
    if (t->mapping) {
        munmap(t->mapping, t->mapping_bytes);
    } else {
        bp_release(&a, t->records);
    }
    release_texts(&a, &t->names);
    release_texts(&a, &t->levels);
    bp_release(&a, t);
}

static int compare_names(const void *a, const void *b)
{
    const bp_column *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order ? order : (*x > *y) - (*x < *y);
}

bp_status bp_table_check_names(const bp_table *t)
{
    const bp_column **sorted = bp_alloc(&t->allocator, t->column_count, sizeof *sorted);
    if (!sorted) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < t->column_count; i++) {
        sorted[i] = &t->column[i];
    }
    qsort(sorted, t->column_count, sizeof *sorted, compare_names);
    bp_status status = BP_OK;
    for (size_t i = 1; i < t->column_count && status == BP_OK; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            status = bp_fail(
                BP_ERR_FORMAT, "columns %zu and %zu are both named \"%s\"; give one of them another name in the file",
                (size_t)(sorted[i - 1] - t->column) + 1, (size_t)(sorted[i] - t->column) + 1, sorted[i]->name);
        }
    }
    bp_release(&t->allocator, sorted);
    return status;
}

static bp_status grow_columns(bp_table *t)
{
    size_t room = t->column_room ? 2 * t->column_room : 16;
    if (t->column_count >= BP_MOST_COLUMNS) {
        return bp_fail(BP_ERR_UNSUPPORTED, "%s has more than %zu columns", t->source, BP_MOST_COLUMNS);
    }
    bp_column *larger = bp_alloc(&t->allocator, room, sizeof *larger);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (t->column_count > 0) {
        memcpy(larger, t->column, t->column_count * sizeof *larger);
    }
    bp_release(&t->allocator, t->column);
    t->column = larger;
    t->column_room = room;
    return BP_OK;
}

bp_status bp_table_add_column(bp_table *t, const char *name, size_t name_bytes, bp_column_kind kind, bp_type type)
{
    char made[32], what[64];
    if (!name || name_bytes == 0) {
        name_bytes = (size_t)snprintf(made, sizeof made, "column%zu", t->column_count + 1);
        name = made;
    }
    snprintf(what, sizeof what, "the name of column %zu", t->column_count + 1);
    bp_status status = bp_check_utf8(name, name_bytes, what);
    if (status == BP_OK && t->column_count == t->column_room) {
        status = grow_columns(t);
    }
    if (status != BP_OK) {
        return status;
    }
    bp_column *c = &t->column[t->column_count];
    *c = (bp_column){.kind = kind, .type = kind == BP_COLUMN_TEXT ? BP_I32 : type, .offset = t->record_bytes};
    c->name = bp_table_keep(t, name, name_bytes);
    if (!c->name) {
        return BP_ERR_MEMORY;
    }
    t->record_bytes += bp_type_size(c->type);
    t->column_count++;
    return BP_OK;
}

bp_status bp_table_reserve(bp_table *t, size_t rows)
{
    if (rows <= t->row_room) {
        return BP_OK;
    }
    char *larger = bp_alloc(&t->allocator, rows, t->record_bytes);
    if (!larger) {
        return BP_ERR_MEMORY;
    }
    if (t->rows > 0) {
        memcpy(larger, t->records, t->rows * t->record_bytes);
    }
    bp_release(&t->allocator, t->records);
    t->records = larger;
    t->row_room = rows;
    return BP_OK;
}

char *bp_table_add_rows(bp_table *t, size_t rows)
{
    size_t need;
    if (!bp_add_size(&need, t->rows, rows)) {
        bp_fail(BP_ERR_MEMORY, "out of memory: %zu rows more than %zu", rows, t->rows);
        return NULL;
    }
    if (need > t->row_room) {
        size_t half_more = t->row_room + t->row_room / 2;
        if (bp_table_reserve(t, need > half_more ? need : half_more) != BP_OK) {
            return NULL;
        }
    }
    char *record = t->records + t->rows * t->record_bytes;
    t->rows = need;
    return record;
}

void bp_table_clear(bp_table *t)
{
    t->rows = 0;
    for (size_t i = 0; i < t->column_count; i++) {
        bp_column *c = &t->column[i];
        c->missing = c->level_count = 0;
        if (c->dictionary.slots > 0) {
            memset(c->dictionary.slot, 0, c->dictionary.slots * sizeof *c->dictionary.slot);
        }
    }
    release_texts(&t->allocator, &t->levels);
}

void bp_table_count_missing(bp_table *t, size_t first)
{
    for (size_t row = first; row < t->rows; row++) {
        for (size_t i = 0; i < t->column_count; i++) {
            bp_column *c = &t->column[i];
            c->missing += c->kind == BP_COLUMN_TEXT ? bp_table_code(t, row, c) == BP_NO_LEVEL
                                                    : isnan(bp_table_number(t, row, i)) != 0;
        }
    }
}

bp_status bp_table_shrink(bp_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        release_dictionary(&t->allocator, &t->column[i]);
    }
    if (t->row_room - t->rows > t->rows / 8 + 16) {
        t->row_room = 0; /* makes bp_table_reserve copy */
        return bp_table_reserve(t, t->rows);
    }
    return BP_OK;
}

bp_status bp_table_finish(bp_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        t->column[i].missing = 0;
    }
    bp_table_count_missing(t, 0);
    return bp_table_shrink(t);
}

/* ---- Looking at one ---------------------------------------------------------------------------------------------- */

size_t bp_table_rows(const bp_table *t)
{
    return t->rows;
}

size_t bp_table_columns(const bp_table *t)
{
    return t->column_count;
}

bp_column_info bp_table_column(const bp_table *t, size_t column)
{
    if (column >= t->column_count) {
        return (bp_column_info){0};
    }
    const bp_column *c = &t->column[column];
    return (bp_column_info){.name = c->name,
                            .kind = c->kind,
                            .type = c->type,
                            .missing = c->missing,
                            .levels = c->level_count,
                            .odd = c->odd,
                            .odd_text = c->odd_text,
                            .odd_line = c->odd_line,
                            .date_format = c->date_format};
}

bool bp_table_has_header(const bp_table *t)
{
    return t->has_header;
}

const char *bp_table_source(const bp_table *t)
{
    return t->source;
}

/* " (did you mean ...?)": the column whose name is nearest, if one is near. */
static const char *suggestion(char *out, size_t size, const bp_table *t, const char *name)
{
    size_t best = strlen(name) / 3 + 2; /* farther than this is no typing error */
    out[0] = '\0';
    for (size_t i = 0; i < t->column_count; i++) {
        size_t d = bp_edit_distance(name, t->column[i].name);
        if (d < best) {
            best = d;
            snprintf(out, size, "; did you mean \"%s\"?", t->column[i].name);
        }
    }
    return out;
}

/* Not finding is an error with the names that there are. */
static void fail_find(const bp_table *t, const char *name)
{
    char near[128], list[480];
    size_t used = 0;
    for (size_t i = 0; i < t->column_count && used < sizeof list; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", t->column[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
    bp_fail(BP_ERR_ARGUMENT, "%s has no column \"%s\"%s (it has %zu, known by name or number: %s%s)", t->source, name,
            suggestion(near, sizeof near, t, name), t->column_count, list, used < sizeof list ? "" : "...");
}

size_t bp_table_find(const bp_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->column[i].name, name) == 0) {
            return i;
        }
    }
    size_t number;
    if (bp_parse_size(&number, name) && number >= 1 && number <= t->column_count) {
        return number - 1;
    }
    fail_find(t, name);
    return t->column_count;
}

double bp_table_number(const bp_table *t, size_t row, size_t column)
{
    if (row >= t->rows || column >= t->column_count || t->column[column].kind == BP_COLUMN_TEXT) {
        return (double)NAN;
    }
    const bp_column *c = &t->column[column];
    const char *cell = bp_table_cell(t, row, c);
    float narrow;
    double value;
    if (c->type == BP_F32) {
        memcpy(&narrow, cell, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&value, cell, sizeof value);
    return value;
}

const char *bp_table_text(const bp_table *t, size_t row, size_t column)
{
    if (row >= t->rows || column >= t->column_count || t->column[column].kind != BP_COLUMN_TEXT) {
        return NULL;
    }
    uint32_t code = bp_table_code(t, row, &t->column[column]);
    return code == BP_NO_LEVEL ? NULL : t->column[column].level[code];
}

const char *bp_table_level(const bp_table *t, size_t column, size_t level)
{
    return column < t->column_count && level < t->column[column].level_count ? t->column[column].level[level] : NULL;
}

size_t bp_table_skipped(const bp_table *t, const char **why)
{
    if (why) {
        *why = t->skipped_why;
    }
    return t->skipped;
}

static size_t text_bytes(const bp_text_block *b)
{
    size_t sum = 0;
    for (; b; b = b->next) {
        sum += sizeof *b + b->size;
    }
    return sum;
}

size_t bp_table_bytes(const bp_table *t)
{
    size_t sum = sizeof *t + t->column_room * sizeof *t->column + text_bytes(t->names) + text_bytes(t->levels);
    for (size_t i = 0; i < t->column_count; i++) {
        sum += t->column[i].level_count * sizeof *t->column[i].level;
    }
    return sum + (t->mapping ? t->mapping_bytes : t->row_room * t->record_bytes);
}
