/* roc.c - the area under the ROC curve from the order of the scores. */
#include "nn/roc.h"

#include <math.h>
#include <string.h>

enum { BYTES = 8, VALUES = 256 };

/* Order-preserving bits of a double: all flipped for negative numbers, else the sign alone. -0 is 0. */
static uint64_t ordered_bits(double v)
{
    uint64_t bits;
    v += 0.0;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static unsigned byte_of(uint64_t key, int byte)
{
    return (unsigned)(key >> (8 * byte)) & (VALUES - 1);
}

/* One pass of a radix sort, stable; false, and nothing done, where all keys have the same byte there. */
static bool sort_by_byte(bp_ranked *to, const bp_ranked *from, size_t rows, int byte)
{
    size_t begin[VALUES] = {0}, at = 0;
    for (size_t i = 0; i < rows; i++) {
        begin[byte_of(from[i].key, byte)]++;
    }
    if (begin[byte_of(from[0].key, byte)] == rows) {
        return false;
    }
    for (size_t v = 0; v < VALUES; v++) {
        size_t count = begin[v];
        begin[v] = at;
        at += count;
    }
    for (size_t i = 0; i < rows; i++) {
        to[begin[byte_of(from[i].key, byte)]++] = from[i];
    }
    return true;
}

/* Sorts work[0 .. rows) with the second half as room; returns the half where the order is. */
static const bp_ranked *sort_ranked(bp_ranked *work, size_t rows)
{
    bp_ranked *from = work, *to = work + rows;
    for (int byte = 0; byte < BYTES; byte++) {
        if (sort_by_byte(to, from, rows, byte)) {
            bp_ranked *filled = to;
            to = from;
            from = filled;
        }
    }
    return from;
}

double bp_roc_area(const double *score, const uint8_t *positive, const float *weight, size_t rows, bp_ranked *work)
{
    for (size_t i = 0; i < rows; i++) {
        if (isnan(score[i])) {
            return NAN;
        }
        work[i] = (bp_ranked){ordered_bits(score[i]), (uint32_t)i};
    }
    const bp_ranked *order = rows ? sort_ranked(work, rows) : work;
    double below[2] = {0}, area = 0; /* below: weight of the negative and positive rows with a lower score */
    for (size_t i = 0; i < rows;) {
        double equal[2] = {0};
        uint64_t key = order[i].key;
        for (; i < rows && order[i].key == key; i++) {
            size_t row = order[i].row;
            equal[positive[row] != 0] += weight ? (double)weight[row] : 1;
        }
        area += equal[1] * (below[0] + equal[0] / 2);
        below[0] += equal[0];
        below[1] += equal[1];
    }
    return below[0] > 0 && below[1] > 0 ? area / (below[0] * below[1]) : NAN;
}
