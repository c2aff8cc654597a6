/* idx_set.c - a folder of four IDX files as a data set: images and labels, to train on and to test with.
 *
 * idx.c vouches for the files one by one; this file checks that together they make sense. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"

enum { PATH_ROOM = 1024, MOST_LABEL = 255 };

/* Names of the files, with the spellings that are around. */
typedef enum file_kind { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILE_KINDS } file_kind;
static const char *const file_name[FILE_KINDS][2] = {
    {"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
    {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"},
    {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"},
    {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"},
};

/* The path of a file of the set, plain or .gz; false if there is none. path then has the name that was expected. */
static bool find_file(char *path, size_t room, const char *dir, file_kind kind)
{
    static const char *const ending[2] = {"", ".gz"};
    for (int i = 0; i < 4; i++) {
        int n = snprintf(path, room, "%s/%s%s", dir, file_name[kind][i / 2], ending[i % 2]);
        if (n > 0 && (size_t)n < room && access(path, F_OK) == 0) {
            return true;
        }
    }
    snprintf(path, room, "%s/%s", dir, file_name[kind][0]);
    return false;
}

bool bp_idx_set_exists(const char *dir)
{
    char path[PATH_ROOM];
    return find_file(path, sizeof path, dir, TRAIN_IMAGES);
}

/* ---- Images ------------------------------------------------------------------------------------------------------ */

/* The first element that is not a finite number, or `count`. Integers are finite. */
static size_t first_bad(const bp_array *a, size_t count)
{
    const float *f = a->data;
    const double *d = a->data;
    if (a->type != BP_F32 && a->type != BP_F64) {
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        if (!(a->type == BP_F32 ? isfinite(f[i]) : isfinite(d[i]))) {
            return i;
        }
    }
    return count;
}

static bp_status check_images(const bp_array *a, const char *path)
{
    if (a->shape.dims == 1) {
        return bp_fail(
            BP_ERR_DATA,
            "reading %s: one-dimensional, which looks like labels; expected images: rows x height x width, or rows x "
            "features. Are the names of two files swapped?",
            path);
    }
    if (a->shape.dims > 3) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "reading %s: %d dimensions, expected 3 (rows x height x width) or 2 (rows x features)", path,
                       a->shape.dims);
    }
    size_t inputs = a->shape.dim[1] * (a->shape.dims == 3 ? a->shape.dim[2] : 1);
    size_t count = a->shape.dim[0] * inputs, bad = first_bad(a, count);
    if (bad < count) {
        return bp_fail(BP_ERR_DATA, "reading %s: element %zu of row %zu (counted from 0) is not a finite number", path,
                       bad % inputs, bad / inputs);
    }
    return BP_OK;
}

/* Reads a file into memory that belongs to d. */
static bp_status read_array(bp_array *a, bp_dataset *d, const char *path,
                            bp_status (*check)(const bp_array *, const char *))
{
    bp_status status = bp_idx_read(a, path, bp_dataset_allocator(d));
    if (status == BP_OK) {
        status = check(a, path);
        if (status != BP_OK) {
            bp_array_free(a);
        } else {
            status = bp_dataset_adopt(d, a->data);
        }
    }
    return status;
}

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

static bp_status check_labels(const bp_array *a, const char *path)
{
    if (a->shape.dims != 1) {
        return bp_fail(
            BP_ERR_DATA,
            "reading %s: %d dimensions, which looks like images; expected labels, one-dimensional. Are the names of "
            "two files swapped?",
            path, a->shape.dims);
    }
    if (a->type == BP_F32 || a->type == BP_F64) {
        return bp_fail(BP_ERR_DATA, "reading %s: labels of type %s, expected integers: u8, i8, i16 or i32", path,
                       bp_type_name(a->type));
    }
    return BP_OK;
}

static int32_t label_at(const bp_array *a, size_t i)
{
    switch (a->type) {
    case BP_U8:
        return ((const uint8_t *)a->data)[i];
    case BP_I8:
        return ((const int8_t *)a->data)[i];
    case BP_I16:
        return ((const int16_t *)a->data)[i];
    default:
        return ((const int32_t *)a->data)[i];
    }
}

/* label[0..rows) and *largest of them; none may exceed `most`. */
static bp_status convert_labels(int32_t *label, int32_t *largest, const bp_array *a, int32_t most, const char *path)
{
    *largest = 0;
    for (size_t i = 0; i < a->shape.dim[0]; i++) {
        label[i] = label_at(a, i);
        if (label[i] < 0 || label[i] > most) {
            return bp_fail(BP_ERR_DATA, "reading %s: the label of row %zu (counted from 0) is %d, expected 0 to %d",
                           path, i, (int)label[i], (int)most);
        }
        *largest = label[i] > *largest ? label[i] : *largest;
    }
    return BP_OK;
}

/* ---- The set ----------------------------------------------------------------------------------------------------- */

/* Reads images and labels of one part. classes: how many there are, 0: as many as the labels show. */
static bp_status load_part(bp_data *part, bp_dataset *d, const char *images, const char *labels, size_t classes)
{
    bp_array x, t;
    bp_status status = read_array(&x, d, images, check_images);
    if (status == BP_OK) {
        status = read_array(&t, d, labels, check_labels);
    }
    if (status != BP_OK) {
        return status;
    }
    if (x.shape.dim[0] != t.shape.dim[0]) {
        return bp_fail(BP_ERR_DATA,
                       "%s holds %zu images, but %s holds %zu labels; they must agree: do the files belong together?",
                       images, x.shape.dim[0], labels, t.shape.dim[0]);
    }
    int32_t largest, *label = bp_dataset_alloc(d, t.shape.dim[0], sizeof *label);
    if (!label) {
        return BP_ERR_MEMORY;
    }
    status = convert_labels(label, &largest, &t, classes ? (int32_t)classes - 1 : MOST_LABEL, labels);
    bool image = x.shape.dims == 3;
    part->rows = x.shape.dim[0];
    part->inputs = x.shape.dim[1] * (image ? x.shape.dim[2] : 1);
    part->x = x.data;
    part->x_type = x.type;
    part->classes = classes ? classes : (size_t)largest + 1;
    part->label = label;
    part->height = image ? x.shape.dim[1] : 0;
    part->width = image ? x.shape.dim[2] : 0;
    return status;
}

static bp_status check_test_part(const bp_dataset *d, const char *path)
{
    const bp_data *a = &d->train, *b = &d->test;
    if (a->inputs != b->inputs || a->height != b->height || a->x_type != b->x_type) {
        return bp_fail(
            BP_ERR_DATA,
            "%s has rows of %zu elements (height %zu, type %s), but the training images have %zu (height %zu, type %s)",
            path, b->inputs, b->height, bp_type_name(b->x_type), a->inputs, a->height, bp_type_name(a->x_type));
    }
    return BP_OK;
}

static bp_status fail_missing(const char *dir, const char *path)
{
    if (access(dir, F_OK) != 0) {
        return bp_fail(BP_ERR_IO, "there is no folder %s", dir);
    }
    return bp_fail(
        BP_ERR_IO,
        "there is no file %s (nor with .gz at the end); a data set is a folder with %s, %s, %s and %s, plain or .gz",
        path, file_name[TRAIN_IMAGES][0], file_name[TRAIN_LABELS][0], file_name[TEST_IMAGES][0],
        file_name[TEST_LABELS][0]);
}

bp_status bp_idx_set_load(bp_dataset *d, const char *dir, size_t classes)
{
    char path[FILE_KINDS][PATH_ROOM];
    bool found[FILE_KINDS];
    for (int k = 0; k < FILE_KINDS; k++) {
        found[k] = find_file(path[k], PATH_ROOM, dir, (file_kind)k);
    }
    bool test = found[TEST_IMAGES] || found[TEST_LABELS]; /* a set may lack its test part, but not half of it */
    for (int k = 0; k < (test ? FILE_KINDS : TEST_IMAGES); k++) {
        if (!found[k]) {
            return fail_missing(dir, path[k]);
        }
    }
    bp_status status = load_part(&d->train, d, path[TRAIN_IMAGES], path[TRAIN_LABELS], classes);
    if (status == BP_OK && test) {
        status = load_part(&d->test, d, path[TEST_IMAGES], path[TEST_LABELS], d->train.classes);
    }
    if (status == BP_OK && test) {
        status = check_test_part(d, path[TEST_IMAGES]);
    }
    if (status != BP_OK) {
        return status;
    }
    const char *const *names = bp_dataset_names(d, NULL, d->train.classes);
    d->train.class_names = names;
    d->test.class_names = test ? names : NULL;
    return names ? BP_OK : BP_ERR_MEMORY;
}
