/* npy.h - one array of NumPy's NPY format, whatever its bytes come from: a file, or a member of a zip archive. */
#ifndef BP_NPY_H
#define BP_NPY_H

#include "data/numeric.h"

/* A type of elements, in the order of bytes of this machine. */
typedef struct bp_npy_type {
    const char *code;             /* of descr, after the byte order */
    size_t size;                  /* 0: the length of a text follows the code, in characters */
    size_t unit;                  /* bytes that are turned around together */
    bool narrow;                  /* every element is an f32: the widths of columns need no evidence */
    bool large;                   /* may be whole numbers that a double does not have */
    double (*get)(const void *p); /* NULL: a text */
} bp_npy_type;
const bp_npy_type *bp_npy_type_at(size_t index); /* NULL past the last */

/* Where the bytes of an array come from, from the front as often as wanted. */
typedef struct bp_npy_source {
    void *ctx;
    const char *name; /* for messages: the path, or "path, member x.npy" */
    bp_status (*begin)(void *ctx);
    bp_status (*read)(void *ctx, void *out, size_t bytes, const char *what);
    bp_status (*finish)(void *ctx); /* checks that the bytes end here */
    size_t (*most)(void *ctx);      /* that may remain */
    bool exact;                     /* most is the number that do remain */
} bp_npy_source;

typedef struct bp_npy {
    bp_npy_source source;
    const bp_npy_type *type;
    size_t size; /* bytes of an element */
    bool swap;   /* not in the order of this machine */
    bool fortran;
    int dims; /* 1 or 2 */
    size_t rows, columns;
} bp_npy;

/* Begins the source and reads the header: everything but the elements. Only what can be a table is accepted. */
bp_status bp_npy_header(bp_npy *out, const bp_npy_source *source, const bp_allocator *allocator);
static inline bool bp_npy_is_text(const bp_npy *a)
{
    return !a->type->get;
}
/* After the header: reads all elements and the end, and notes the numbers as evidence of `columns` columns. */
bp_status bp_npy_note(const bp_npy *a, bp_evidence *evidence, const bp_allocator *allocator);
/* Reads the array once more, from the front, into the columns of t from `column` on. */
bp_status bp_npy_fill(const bp_npy *a, bp_table *t, size_t column);

#endif
