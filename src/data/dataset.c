/* dataset.c - data sets by name: whose memory they are, which there are, where they are looked for. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "data/dataset.h"

/* ---- Ownership --------------------------------------------------------------------------------------------------- */

enum { BLOCKS = 16 }; /* a set has two parts of at most four arrays, and names */

typedef struct owner {
    bp_allocator allocator;
    size_t count;
    void *block[BLOCKS];
    void *mapping; /* NULL: none */
    size_t mapping_bytes;
} owner;

bp_status bp_dataset_new(bp_dataset **out, const char *name, const bp_allocator *allocator)
{
    bp_allocator a = bp_allocator_or_default(allocator);
    bp_dataset *d = bp_alloc(&a, 1, sizeof *d);
    owner *o = bp_alloc(&a, 1, sizeof *o);
    *out = NULL;
    if (!d || !o) {
        bp_release(&a, d);
        bp_release(&a, o);
        return BP_ERR_MEMORY;
    }
    o->allocator = a;
    d->owned = o;
    snprintf(d->name, sizeof d->name, "%s", name);
    *out = d;
    return BP_OK;
}

void bp_dataset_free(bp_dataset *d)
{
    if (!d) {
        return;
    }
    owner *o = d->owned;
    bp_allocator a = o->allocator;
    for (size_t i = 0; i < o->count; i++) {
        bp_release(&a, o->block[i]);
    }
    if (o->mapping) {
        munmap(o->mapping, o->mapping_bytes);
    }
    bp_release(&a, o);
    bp_release(&a, d);
}

void bp_dataset_adopt_mapping(bp_dataset *d, void *mapping, size_t bytes)
{
    owner *o = d->owned;
    o->mapping = mapping;
    o->mapping_bytes = bytes;
}

const bp_allocator *bp_dataset_allocator(const bp_dataset *d)
{
    const owner *o = d->owned;
    return &o->allocator;
}

bp_status bp_dataset_adopt(bp_dataset *d, void *block)
{
    owner *o = d->owned;
    if (o->count == BLOCKS) {
        bp_release(&o->allocator, block);
        return bp_fail(BP_ERR_MEMORY, "data set %s: more than %d arrays", d->name, BLOCKS);
    }
    o->block[o->count++] = block;
    return BP_OK;
}

void *bp_dataset_alloc(bp_dataset *d, size_t count, size_t size)
{
    void *block = bp_alloc(bp_dataset_allocator(d), count, size);
    return block && bp_dataset_adopt(d, block) == BP_OK ? block : NULL;
}

const char *const *bp_dataset_names(bp_dataset *d, const char *const *names, size_t classes)
{
    enum { DIGITS = 24 }; /* a class number as text */
    size_t bytes = 0;
    for (size_t i = 0; i < classes; i++) {
        bytes += names ? strlen(names[i]) + 1 : DIGITS;
    }
    char **list = bp_dataset_alloc(d, classes, sizeof *list);
    char *text = bp_dataset_alloc(d, bytes, 1);
    if (!list || !text) {
        return NULL;
    }
    for (size_t i = 0; i < classes; i++) {
        size_t room = names ? strlen(names[i]) + 1 : DIGITS;
        if (names) {
            memcpy(text, names[i], room);
        } else {
            snprintf(text, room, "%zu", i);
        }
        list[i] = text;
        text += room;
    }
    return (const char *const *)list;
}

/* ---- What there is ----------------------------------------------------------------------------------------------- */

/* Sets of IDX files that are known by name. */
typedef struct file_set {
    const char *name, *summary;
    size_t classes;
    const char *class_names[10]; /* the first NULL: they are numbers */
} file_set;

static const file_set file_sets[] = {
    {"mnist", "70,000 handwritten digits of 28x28 pixels, 10 classes (IDX files)", 10, {NULL}},
    {"fashion-mnist",
     "70,000 pieces of clothing of 28x28 pixels, 10 classes (IDX files)",
     10,
     {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}},
};
enum { FILE_SETS = sizeof file_sets / sizeof *file_sets };

static size_t count_generators(void)
{
    size_t n = 0;
    while (bp_generator_at(n)) {
        n++;
    }
    return n;
}

bp_dataset_info bp_dataset_list(size_t index)
{
    size_t generated = count_generators();
    if (index < generated) {
        const bp_generator *g = bp_generator_at(index);
        return (bp_dataset_info){g->name, g->summary, true};
    }
    index -= generated;
    if (index < FILE_SETS) {
        return (bp_dataset_info){file_sets[index].name, file_sets[index].summary, false};
    }
    return (bp_dataset_info){NULL, NULL, false};
}

static const file_set *known_set(const char *name)
{
    for (size_t i = 0; i < FILE_SETS; i++) {
        if (strcmp(name, file_sets[i].name) == 0) {
            return &file_sets[i];
        }
    }
    return NULL;
}

static const char *set_name(size_t index)
{
    return bp_dataset_list(index).name;
}

bp_dataset_options bp_dataset_defaults(void)
{
    return (bp_dataset_options){NULL, 0, 1, 0, NULL};
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bp_status load_generated(bp_dataset **out, const bp_generator *g, const bp_dataset_options *o)
{
    size_t rows = o->rows ? o->rows : g->rows;
    size_t test_rows = rows / g->test_part > 2 ? rows / g->test_part : 2;
    if (rows < 2) {
        return bp_fail(BP_ERR_ARGUMENT, "data set %s: %zu rows, expected at least 2", g->name, rows);
    }
    bp_dataset *d;
    bp_status status = bp_dataset_new(&d, g->name, o->allocator);
    if (status != BP_OK) {
        return status;
    }
    snprintf(d->source, sizeof d->source, "generated, seed %llu", (unsigned long long)o->seed);
    status = g->make(g, d, rows, test_rows, o->seed);
    if (status != BP_OK) {
        bp_dataset_free(d);
        return status;
    }
    *out = d;
    return BP_OK;
}

/* known: the set that it must be; NULL: any. */
static bp_status load_directory(bp_dataset **out, const char *name, const char *dir, const file_set *known,
                                const bp_dataset_options *o)
{
    bp_dataset *d;
    bp_status status = bp_dataset_new(&d, name, o->allocator);
    if (status != BP_OK) {
        return status;
    }
    snprintf(d->source, sizeof d->source, "%s", dir);
    status = bp_idx_set_load(d, dir, known ? known->classes : 0);
    if (status == BP_OK && known && known->class_names[0]) {
        const char *const *names = bp_dataset_names(d, known->class_names, known->classes);
        d->train.class_names = names;
        d->test.class_names = d->test.rows > 0 ? names : NULL;
        status = names ? BP_OK : BP_ERR_MEMORY;
    }
    if (status != BP_OK) {
        bp_dataset_free(d);
        return status;
    }
    *out = d;
    return BP_OK;
}

/* The last component of a path, for a name; slashes at the end do not count. */
static void base_name(char *out, size_t room, const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    snprintf(out, room, "%.*s", (int)bp_text_fitting(path + begin, end - begin, room - 1), path + begin);
}

/* Whether a folder that was given may hold the known set `name` itself: its own name says so, or it has a name of its own
 * and MNIST is asked for - four IDX files do not tell which set they are. */
static bool is_home_of(const char *dir, const char *name)
{
    char own[64];
    base_name(own, sizeof own, dir);
    return strcmp(own, name) == 0 || (strcmp(name, file_sets[0].name) == 0 && !known_set(own));
}

bool bp_dataset_find(char *path, size_t size, const char *name, const bp_dataset_options *o)
{
    const file_set *known = known_set(name);
    for (size_t i = 0; i < o->dir_count; i++) {
        int n = snprintf(path, size, "%s/%s", o->dirs[i], name);
        if (n > 0 && (size_t)n < size && bp_idx_set_exists(path)) {
            return true;
        }
        n = snprintf(path, size, "%s", o->dirs[i]);
        if (known && n > 0 && (size_t)n < size && is_home_of(path, name) && bp_idx_set_exists(path)) {
            return true;
        }
    }
    int n = snprintf(path, size, "%s", name);
    return n > 0 && (size_t)n < size && (known ? bp_idx_set_exists(path) : is_directory(path));
}

/* "a, b and below" for messages: where was looked. */
static void list_folders(char *text, size_t room, const char *name, const bp_dataset_options *o)
{
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < o->dir_count && used < room; i++) {
        int n = snprintf(text + used, room - used, "%s%s/%s", i ? ", " : "", o->dirs[i], name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static bp_status fail_not_found(const char *name, bool known, const bp_dataset_options *o)
{
    char folders[512];
    list_folders(folders, sizeof folders, name, o);
    const char *looked = *folders ? folders : "no folder: none was given";
    if (known) {
        return bp_fail(
            BP_ERR_IO,
            "data set %s is not here; looked in %s; put its four IDX files (train-images-idx3-ubyte ..., plain or "
            ".gz) into one of these, or give the folder that holds them",
            name, looked);
    }
    size_t count = 0;
    while (set_name(count)) {
        count++;
    }
    bp_status status = bp_fail_unknown("data set", name, set_name, count);
    return bp_fail(status, "%s; a folder with IDX files is a data set, too: looked for ./%s and in %s", bp_error(),
                   name, looked);
}

static bp_status load_named(bp_dataset **out, const char *name, const bp_dataset_options *o)
{
    const file_set *known = known_set(name);
    char dir[sizeof((bp_dataset *)0)->source];
    if (!bp_dataset_find(dir, sizeof dir, name, o)) {
        return fail_not_found(name, known != NULL, o);
    }
    return load_directory(out, name, dir, known, o);
}

bp_status bp_dataset_load(bp_dataset **out, const char *what, const bp_dataset_options *options)
{
    bp_dataset_options o = options ? *options : bp_dataset_defaults();
    *out = NULL;
    if (!what || !*what) {
        return bp_fail(BP_ERR_ARGUMENT, "loading a data set: no name was given");
    }
    for (size_t i = 0; bp_generator_at(i); i++) {
        if (strcmp(what, bp_generator_at(i)->name) == 0) {
            return load_generated(out, bp_generator_at(i), &o);
        }
    }
    if (!strchr(what, '/')) {
        return load_named(out, what, &o);
    }
    char name[sizeof(*out)->name];
    base_name(name, sizeof name, what);
    return load_directory(out, name, what, NULL, &o);
}
