/* records.c - room for the rows of a data set: in memory, or in a file without a name where they may be more than that. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/dataset.h"

/* "FOLDER/.backprop-XXXXXX" for a file in the folder of `beside`; to be released. */
static char *pattern_beside(const bp_allocator *a, const char *beside)
{
    static const char name[] = ".backprop-XXXXXX";
    const char *slash = strrchr(beside, '/');
    size_t folder = slash ? (size_t)(slash - beside) + 1 : 0;
    char *pattern = bp_alloc(a, folder + sizeof name, 1);
    if (pattern) {
        memcpy(pattern, beside, folder);
        memcpy(pattern + folder, name, sizeof name);
    }
    return pattern;
}

/* A file of that size that vanishes with its descriptor. */
static bp_status open_unnamed(int *file, const bp_allocator *a, const char *beside, size_t bytes)
{
    char *pattern = pattern_beside(a, beside);
    if (!pattern) {
        return BP_ERR_MEMORY;
    }
    bp_status status = BP_OK;
    *file = mkstemp(pattern);
    if (*file < 0) {
        status = bp_fail(BP_ERR_IO, "making room for %zu bytes beside %s: %s", bytes, beside, strerror(errno));
    } else {
        unlink(pattern);
        /* Reserved, not only promised: a full disk must be an error now, not a signal at the first write. */
        int problem = posix_fallocate(*file, 0, (off_t)bytes);
        if (problem != 0) {
            status = bp_fail(BP_ERR_IO, "making room for %zu bytes beside %s: %s", bytes, beside, strerror(problem));
            close(*file);
        }
    }
    bp_release(a, pattern);
    return status;
}

char *bp_dataset_records(bp_dataset *d, size_t rows, size_t bytes, const char *beside)
{
    size_t whole;
    if (!bp_mul_size(&whole, rows, bytes) || whole > SIZE_MAX / 2) {
        bp_fail(BP_ERR_MEMORY, "%zu rows of %zu bytes are more than the address space holds", rows, bytes);
        return NULL;
    }
    if (!beside || whole == 0) {
        return bp_dataset_alloc(d, whole, 1);
    }
    int file;
    if (open_unnamed(&file, bp_dataset_allocator(d), beside, whole) != BP_OK) {
        return NULL;
    }
    void *mapping = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapping == MAP_FAILED) {
        bp_fail(BP_ERR_MEMORY, "mapping %zu bytes of prepared rows: %s", whole, strerror(errno));
    }
    close(file);
    if (mapping == MAP_FAILED) {
        return NULL;
    }
    bp_dataset_adopt_mapping(d, mapping, whole);
    return mapping;
}
