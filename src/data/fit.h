/* fit.h - the inside of fitting: which rows can be learned from, and how they are divided. */
#ifndef BP_FIT_H
#define BP_FIT_H

#include "data/dataset.h"

/* What a division of rows is for: each has random numbers of its own. Part of the reproducibility promise: never
 * renumber. */
typedef enum bp_division { BP_DIVIDE_FOLDS = 1, BP_DIVIDE_WATCH = 2, BP_DIVIDE_TEST = 3 } bp_division;

/* Makes rest the rows of row[0 .. count) (NULL: all rows of t) that can be learned from, part empty with room for all. */
bp_status bp_rows_usable(bp_split *out, const bp_table *t, const uint32_t *row, size_t count,
                         const bp_prepare_options *columns);
/* label[i] = a number for the value of the first target in row[i], where the target has few (bp_table_split); else all 0. */
bp_status bp_rows_label(int32_t *label, const bp_table *t, const uint32_t *row, size_t count,
                        const bp_prepare_options *columns);
/* Moves about `share` of the rows from rest to part, evenly over the labels; of each label at least one row stays. */
bp_status bp_rows_divide(bp_split *s, const bp_table *t, double share, const bp_prepare_options *columns, uint64_t seed,
                         bp_division use);

/* Fails unless so many rows can be divided into k folds. */
bp_status bp_check_folds(size_t k, size_t rows);
/* of_row[i] = the fold, of k, of f->row[i]; UINT32_MAX: in none, see bp_folds. */
bp_status bp_fit_assign_folds(uint32_t *of_row, const bp_fit *f, size_t k);
/* part = the rows of the fold, rest = the others; freed by the caller also after a failure. */
bp_status bp_fit_take_fold(bp_split *out, const bp_fit *f, const uint32_t *of_row, size_t fold);

/* What trains networks of its own cannot go on from a model. */
static inline bp_status bp_fit_fail_from(const char *what)
{
    return bp_fail(BP_ERR_ARGUMENT, "%s trains networks from nothing; it does not go with a model to go on from", what);
}

/* A network for the prepared rows of f, with the scaling of its outputs and the names of its classes. */
bp_status bp_fit_network(bp_model **out, const bp_fit *f, const char *net, const char *init);

#endif
