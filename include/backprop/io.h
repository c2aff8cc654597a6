/* io.h - files and data sets around the core of <backprop/backprop.h>: readers, generated data, the model file.
 *
 * Lives in libbackprop_io, which depends on zlib (gzip) and jansson (JSON) besides the core. The same conventions hold:
 * a bp_status and bp_error(), nothing is printed, nothing exits. Every reader knows how many bytes remain and checks each
 * count in a file before believing it; files are written to a temporary name, flushed and renamed, so that a reader sees
 * the old file or the new one, never half of one. */
#ifndef BACKPROP_IO_H
#define BACKPROP_IO_H

#include <backprop/backprop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. IDX files ------------------------------------------------------------------------------------------------ */

/* An n-dimensional array in memory, row-major, in the machine's byte order. */
typedef struct bp_array {
    bp_type type;
    bp_shape shape; /* 1 to 4 dimensions */
    void *data;
    bp_allocator allocator; /* what data came from */
} bp_array;

/* Reads an IDX file (yann.lecun.com/exdb/mnist, "the IDX file format"): u8, i8, i16, i32, f32 or f64, 1 to 4 dimensions,
 * plain or gzip (the content decides, not the name). The header is checked against the length of the file before anything
 * is allocated for it; a dimension of 0 is an error. On failure out->data is NULL. */
bp_status bp_idx_read(bp_array *out, const char *path, const bp_allocator *allocator);
void bp_array_free(bp_array *a);
/* Writes one, gzip-compressed when path ends in ".gz". */
bp_status bp_idx_write(const char *path, const bp_array *a);

/* ---- 2. Data sets ------------------------------------------------------------------------------------------------ */

/* A named data set with its memory. */
typedef struct bp_dataset {
    char name[64];
    char source[512]; /* "generated, seed 1" or the directory */
    bp_data train;
    bp_data test; /* rows = 0 if there is none */
    void *owned;
} bp_dataset;

typedef struct bp_dataset_options {
    const char *const *dirs; /* where named sets are looked for, in this order: DIR/name, then (see below) DIR itself */
    size_t dir_count;
    uint64_t seed; /* generated sets */
    size_t rows; /* generated sets: training rows; test part: a sixth of digits, a quarter of others; 0: the default */
    const bp_allocator *allocator;
} bp_dataset_options;
bp_dataset_options bp_dataset_defaults(void);

/* what: a generated set ("digits", "xor", "spirals", "circles", "moons"), "mnist", "fashion-mnist", or a directory with
 * the four IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte,
 * each plain or .gz; the two of the test part may both be missing. Any other name is looked for as DIR/name, then as
 * ./name. Images are rows x height x width or rows x features, of any type. Counts of images and labels must agree and
 * labels must lie in 0 .. 255; classes = largest label of the training part + 1 (10 for the named sets); a test label
 * beyond that is an error. DIR itself is taken for mnist or fashion-mnist where it has that name, for mnist also where it
 * has a name that is not a known set's: four IDX files do not tell which set they are. Unknown: the error lists what there
 * is and where was looked. */
bp_status bp_dataset_load(bp_dataset **out, const char *what, const bp_dataset_options *options);
void bp_dataset_free(bp_dataset *d);

/* The sets that bp_dataset_load makes or knows by name. name is NULL past the last. */
typedef struct bp_dataset_info {
    const char *name, *summary;
    bool generated;
} bp_dataset_info;
bp_dataset_info bp_dataset_list(size_t index);
/* The directory that bp_dataset_load would read the set `name` from; false if there is none. Generated sets have none. */
bool bp_dataset_find(char *path, size_t size, const char *name, const bp_dataset_options *options);

/* Copies of the rows of `data`: part gets about `fraction` of them, rest the others, class by class (stratified) where
 * there are classes, drawn by seed, each in the original order. 0 < fraction < 1; both parts get at least one row. */
bp_status bp_data_split(bp_dataset **part, bp_dataset **rest, const bp_data *data, double fraction, uint64_t seed,
                        const bp_allocator *allocator);

/* A contact sheet to look at: the first columns x rows images of `data` side by side, line by line, in a PNG file, or PGM
 * where path ends in ".pgm". Bytes are grey levels; other types are stretched from the least to the greatest value shown.
 * Cells that the data do not fill are black, lines without any image are left out. */
bp_status bp_image_sheet(const char *path, const bp_data *data, size_t columns, size_t rows);

/* ---- 3. The model file ------------------------------------------------------------------------------------------- */

/* safetensors (huggingface.co/docs/safetensors): 8 bytes header length, a JSON header, the tensors. Weights are stored
 * [out, in] under the names torch.nn.Sequential gives the same layers ("0.weight", "0.bias", "2.weight" ...), so PyTorch
 * loads them as they are. "__metadata__" holds the rest: format version, network, task, output, loss, scaling, class
 * names, notes. The same model gives the same bytes. docs/formats.md is the specification.
 *
 * Saving: weights that are not finite are refused (BP_ERR_NUMERIC), texts that are no UTF-8, too (BP_ERR_DATA); a program
 * that may run under a limit of file sizes ignores SIGXFSZ, so that the limit becomes an error and not a death. Loading:
 * whatever is wrong with the file is BP_ERR_FORMAT, a newer version of the format BP_ERR_UNSUPPORTED. */
bp_status bp_model_save(const bp_model *m, const char *path);
bp_status bp_model_load(bp_model **out, const char *path, const bp_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif
