/* distribution.c - sorting weighted values, and the statistics of what results. */
#include "data/distribution.h"

#include <math.h>
#include <string.h>

/* ---- Sorting ----------------------------------------------------------------------------------------------------- */

/* An integer that is ordered as the doubles are: negative numbers have all bits turned around, the others the sign bit. */
static inline uint64_t sort_key(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* Radix sort, byte by byte from the lowest; bytes that are the same in all keys, as most are in numbers of few digits,
 * are left out. Stable, so that the weights of equal values are summed in the order of the rows. */
static bp_weighted *sort_items(bp_weighted *item, bp_weighted *other, size_t count)
{
    for (int shift = 0; shift < 64; shift += 8) {
        size_t begin[256] = {0};
        for (size_t i = 0; i < count; i++) {
            begin[(sort_key(item[i].value) >> shift) & 255]++;
        }
        if (count == 0 || begin[(sort_key(item[0].value) >> shift) & 255] == count) {
            continue;
        }
        size_t at = 0;
        for (size_t b = 0; b < 256; b++) {
            size_t n = begin[b];
            begin[b] = at;
            at += n;
        }
        for (size_t i = 0; i < count; i++) {
            other[begin[(sort_key(item[i].value) >> shift) & 255]++] = item[i];
        }
        bp_weighted *swap = item;
        item = other;
        other = swap;
    }
    return item;
}

void bp_distribution_sort(bp_distribution *d, bp_weighted *scratch)
{
    for (size_t i = 0; i < d->count; i++) {
        d->item[i].value += 0.0; /* -0 is 0 */
    }
    bp_weighted *sorted = sort_items(d->item, scratch, d->count);
    size_t n = 0;
    d->total = 0;
    for (size_t i = 0; i < d->count; i++) {
        bp_weighted one = sorted[i];
        if (n > 0 && d->item[n - 1].value == one.value) {
            d->item[n - 1].weight += one.weight;
        } else {
            d->item[n++] = one;
        }
    }
    d->count = n;
    for (size_t i = 0; i < n; i++) {
        d->total += d->item[i].weight;
    }
}

/* ---- Statistics -------------------------------------------------------------------------------------------------- */

/* A power of two near the largest distance of a value from `center`: squares and sums in this unit stay within range. */
static double unit_of(const bp_distribution *d, double center)
{
    double low = fabs(d->item[0].value / 2 - center / 2), high = fabs(d->item[d->count - 1].value / 2 - center / 2);
    int exponent;
    frexp(fmax(low, high), &exponent);
    return ldexp(1, exponent < 1000 ? exponent : 1000);
}

double bp_distribution_mean(const bp_distribution *d)
{
    double sum = 0, middle = d->item[d->count / 2].value, unit = unit_of(d, middle);
    for (size_t i = 0; i < d->count; i++) {
        sum += d->item[i].weight / d->total * (d->item[i].value / unit - middle / unit);
    }
    return middle + sum * unit;
}

double bp_distribution_deviation(const bp_distribution *d, double center)
{
    double sum = 0, unit = unit_of(d, center);
    for (size_t i = 0; i < d->count; i++) {
        double distance = d->item[i].value / unit - center / unit;
        sum += d->item[i].weight / d->total * distance * distance;
    }
    return sqrt(sum) * unit;
}

double bp_distribution_spread(const bp_distribution *d, double center)
{
    double sum = 0, unit = unit_of(d, center);
    for (size_t i = 0; i < d->count; i++) {
        sum += d->item[i].weight / d->total * fabs(d->item[i].value / unit - center / unit);
    }
    return sum * unit;
}

double bp_distribution_quantile(const bp_distribution *d, double q)
{
    double want = q * d->total, sum = 0;
    size_t i = 0;
    while (i + 1 < d->count && sum + d->item[i].weight < want) {
        sum += d->item[i++].weight;
    }
    double value = d->item[i].value;
    bool exact = sum + d->item[i].weight == want && i + 1 < d->count;
    return exact ? value / 2 + d->item[i + 1].value / 2 : value;
}

bool bp_distribution_is_whole(const bp_distribution *d)
{
    for (size_t i = 0; i < d->count; i++) {
        double x = d->item[i].value;
        if (!(fabs(x) < 9007199254740992.0) || floor(x) != x) {
            return false;
        }
    }
    return true;
}

/* ---- The normal distribution ------------------------------------------------------------------------------------- */

/* A first guess, good to 4.5e-4 (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.2.23), then Halley's method on
 * Phi(x) - p, which triples the digits each time. */
double bp_normal_quantile(double p)
{
    bool upper = p > 0.5;
    double tail = upper ? 1 - p : p, t = sqrt(-2 * log(tail));
    double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
    for (int i = 0; i < 3; i++) {
        double error = 0.5 * erfc(-x / sqrt(2)) - tail;
        double step = error * sqrt(2 * 3.14159265358979323846) * exp(x * x / 2);
        x -= step / (1 + x * step / 2);
    }
    return upper ? -x : x;
}
