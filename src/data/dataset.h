/* dataset.h - the inside of data sets: who owns the arrays of a bp_dataset, and where sets come from. */
#ifndef BP_DATASET_H
#define BP_DATASET_H

#include "backprop/io.h"
#include "base/base.h"
#include "base/random.h"

/* An empty set. name is cut to what bp_dataset holds. */
bp_status bp_dataset_new(bp_dataset **out, const char *name, const bp_allocator *allocator);
const bp_allocator *bp_dataset_allocator(const bp_dataset *d);
/* Memory that is freed with the set; NULL with the text set when there is none. */
void *bp_dataset_alloc(bp_dataset *d, size_t count, size_t size);
/* Takes over a block that came from the set's allocator. When that fails the block is freed. */
bp_status bp_dataset_adopt(bp_dataset *d, void *block);
/* Room for `rows` records of `bytes` bytes, aligned to 64, zeroed. beside NULL: as bp_dataset_alloc; else in a file without a
 * name in the folder of the file `beside`, mapped into memory: for more rows than memory holds. */
char *bp_dataset_records(bp_dataset *d, size_t rows, size_t bytes, const char *beside);
/* Takes over a mapping: it ends with the set. A set has at most one. */
void bp_dataset_adopt_mapping(bp_dataset *d, void *mapping, size_t bytes);
/* Copies `classes` names into the set; names NULL: "0", "1" ... NULL with the text set when memory is out. */
const char *const *bp_dataset_names(bp_dataset *d, const char *const *names, size_t classes);

/* A set that is computed instead of read. */
typedef struct bp_generator {
    const char *name, *summary;
    size_t rows;      /* of the training part, by default */
    size_t test_part; /* the test part has rows / test_part, at least 2 */
    uint32_t id;      /* names its random streams: part of the reproducibility promise, never renumber */
    /* Fills d->train with `rows` rows and d->test with `test_rows`. */
    bp_status (*make)(const struct bp_generator *g, bp_dataset *d, size_t rows, size_t test_rows, uint64_t seed);
    const char *class_names[2];
    /* Draws a point of class `label`; only for sets in the plane. */
    void (*draw)(double point[2], int label, bp_rng *r);
} bp_generator;
/* Row `index` of the table; NULL past the last. */
const bp_generator *bp_generator_at(size_t index);

/* Whether dir seems to hold a set of IDX files: there is a file of training images. */
bool bp_idx_set_exists(const char *dir);
/* Reads the four files of dir. classes: how many there must be, 0: as many as the training labels show. */
bp_status bp_idx_set_load(bp_dataset *d, const char *dir, size_t classes);

#endif
