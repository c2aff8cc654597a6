/* number.c - decimal numbers to binary, correctly rounded, by the first of four ways that can do it:
 *   1. one exact multiplication or division of doubles (W. D. Clinger, "How to read floating point numbers accurately",
 *      PLDI 1990): up to 2^53, powers of ten up to 22. Nearly every number in a table is one of these.
 *   2. up to 19 digits, powers up to 27: an exact product of 128 bits, or an exact quotient and whether there is a rest.
 *   3. more digits than 19: way 2 with the digits cut off, and with one more in the last place; if both round to the same,
 *      so does what is between them.
 *   4. whole numbers of any length: long division.
 * Nothing here depends on the locale or on the C library's reading of numbers. */
#include "data/number.h"

#include <float.h>
#include <math.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum { MOST_DIGITS = 19, MOST_FIVES = 27, CLINGER = 22 };

/* value = digits (without the point) * 10^exponent */
typedef struct decimal {
    uint64_t digits;  /* the first MOST_DIGITS significant ones */
    int64_t exponent; /* of ten, for these */
    bool negative;
    bool cut;           /* there are more digits, not all 0 */
    const char *first;  /* where digits and point begin */
    const char *behind; /* and end */
} decimal;

/* The format that is rounded to. */
typedef struct precision {
    int bits;        /* of the significand, with the leading 1 */
    int least, most; /* exponent of two of the leading 1, of normal numbers */
} precision;

static const precision f64 = {DBL_MANT_DIG, DBL_MIN_EXP - 1, DBL_MAX_EXP - 1};
static const precision f32 = {FLT_MANT_DIG, FLT_MIN_EXP - 1, FLT_MAX_EXP - 1};

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* ---- Rounding ---------------------------------------------------------------------------------------------------- */

/* m * 2^exponent to the nearest number, ties to even; the top bit of m is set, rest: there is more below its last bit. */
static double round_to(uint64_t m, int64_t exponent, bool rest, precision to)
{
    int64_t leading = exponent + 63;
    int64_t drop = 64 - to.bits + (leading < to.least ? to.least - leading : 0);
    if (leading > to.most) {
        return (double)INFINITY;
    }
    if (drop > 64) {
        return 0;
    }
    uint64_t kept = drop == 64 ? 0 : m >> drop;
    uint64_t tail = drop == 64 ? m : m & (((uint64_t)1 << drop) - 1), half = (uint64_t)1 << (drop - 1);
    kept += tail > half || (tail == half && (rest || (kept & 1)));
    if (leading == to.most && kept >> to.bits) { /* rounded up beyond the largest */
        return (double)INFINITY;
    }
    return ldexp((double)kept, (int)(exponent + drop));
}

static int leading_zeros(uint64_t n)
{
    return __builtin_clzll(n);
}

/* ---- Way 2: 128 bits --------------------------------------------------------------------------------------------- */

/* digits * 10^exponent, digits > 0, |exponent| <= MOST_FIVES. */
static double round_128(uint64_t digits, int exponent, bool rest, precision to)
{
    static const uint64_t five[MOST_FIVES + 1] = {1u,
                                                  5u,
                                                  25u,
                                                  125u,
                                                  625u,
                                                  3125u,
                                                  15625u,
                                                  78125u,
                                                  390625u,
                                                  1953125u,
                                                  9765625u,
                                                  48828125u,
                                                  244140625u,
                                                  1220703125u,
                                                  6103515625u,
                                                  30517578125u,
                                                  152587890625u,
                                                  762939453125u,
                                                  3814697265625u,
                                                  19073486328125u,
                                                  95367431640625u,
                                                  476837158203125u,
                                                  2384185791015625u,
                                                  11920928955078125u,
                                                  59604644775390625u,
                                                  298023223876953125u,
                                                  1490116119384765625u,
                                                  7450580596923828125u};
    if (exponent >= 0) {
        wide product = (wide)digits * five[exponent];
        uint64_t high = (uint64_t)(product >> 64);
        int zeros = high ? leading_zeros(high) : 64 + leading_zeros((uint64_t)product);
        product <<= zeros;
        return round_to((uint64_t)(product >> 64), 64 - zeros + exponent, rest || (uint64_t)product != 0, to);
    }
    uint64_t divisor = five[-exponent];
    int up = leading_zeros(digits), down = leading_zeros(divisor);
    uint64_t n = digits << up, d = divisor << down;
    int shift = n >= d ? 63 : 64; /* either way the quotient has 64 bits */
    wide dividend = (wide)n << shift;
    uint64_t quotient = (uint64_t)(dividend / d);
    return round_to(quotient, down - up + exponent - shift, rest || (uint64_t)(dividend % d) != 0, to);
}

/* ---- Way 4: whole numbers of any length -------------------------------------------------------------------------- */

/* A number half way between two doubles has at most 767 significant digits: digits after these only say "a bit more". */
enum { ALL_DIGITS = 770, LIMBS = 128 };

typedef struct big {
    size_t count;         /* limbs in use; the last is not 0 */
    uint32_t limb[LIMBS]; /* the least first */
} big;

static void big_multiply_add(big *b, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;
    for (size_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) {
        b->limb[b->count++] = (uint32_t)carry;
    }
}

static int64_t big_bits(const big *b)
{
    return b->count ? 32 * (int64_t)b->count - (leading_zeros(b->limb[b->count - 1]) - 32) : 0;
}

static void big_shift_up(big *b, int64_t bits)
{
    size_t limbs = (size_t)bits / 32;
    memmove(b->limb + limbs, b->limb, b->count * sizeof *b->limb);
    memset(b->limb, 0, limbs * sizeof *b->limb);
    b->count += limbs;
    big_multiply_add(b, (uint32_t)1 << (bits % 32), 0);
}

static void big_halve(big *b)
{
    for (size_t i = 0; i < b->count; i++) {
        uint32_t above = i + 1 < b->count ? b->limb[i + 1] : 0;
        b->limb[i] = b->limb[i] >> 1 | above << 31;
    }
    b->count -= b->count && b->limb[b->count - 1] == 0;
}

static bool big_less(const big *a, const big *b)
{
    if (a->count != b->count) {
        return a->count < b->count;
    }
    for (size_t i = a->count; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i];
        }
    }
    return false;
}

/* a -= b, a >= b */
static void big_subtract(big *a, const big *b)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->count; i++) {
        uint64_t term = (i < b->count ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < term;
        a->limb[i] = (uint32_t)(a->limb[i] - term);
    }
    while (a->count && a->limb[a->count - 1] == 0) {
        a->count--;
    }
}

static void big_times_five(big *b, int64_t power)
{
    enum { STEP = 13, FIVES = 1220703125 };
    for (; power >= STEP; power -= STEP) {
        big_multiply_add(b, FIVES, 0);
    }
    for (; power > 0; power--) {
        big_multiply_add(b, 5, 0);
    }
}

/* The significant digits as a whole number; *exponent is the power of ten of the last one. */
static void big_from(big *b, int64_t *exponent, const decimal *d)
{
    size_t taken = 0;
    int64_t dropped = 0;
    bool more = false;
    b->count = 0;
    for (const char *p = d->first; p < d->behind; p++) {
        if (!is_digit(*p) || (taken == 0 && *p == '0')) {
            continue;
        }
        if (taken++ < ALL_DIGITS) {
            big_multiply_add(b, 10, (uint32_t)(*p - '0'));
        } else {
            dropped++;
            more = more || *p != '0';
        }
    }
    int64_t behind = taken > MOST_DIGITS ? (int64_t)taken - MOST_DIGITS : 0; /* of the digits in d->digits */
    *exponent = d->exponent - behind + dropped;
    if (more) {
        big_multiply_add(b, 10, 1);
        --*exponent;
    }
}

static uint64_t big_top(const big *b, bool *rest)
{
    big top = *b;
    big_shift_up(&top, 32 - big_bits(b) % 32);
    size_t n = top.count;
    uint64_t m = 0;
    for (size_t i = 1; i <= 2; i++) {
        m = m << 32 | (n >= i ? top.limb[n - i] : 0);
    }
    *rest = false;
    for (size_t i = 0; i + 2 < n; i++) {
        *rest = *rest || top.limb[i] != 0;
    }
    return m;
}

/* The 65 bits of n / d, which is less than 2^65 and more than 2^63, by the method of school; the last one joins the rest. */
static uint64_t big_divide(big *n, big *d, int64_t *exponent, bool *rest)
{
    uint64_t quotient = 0;
    bool first = false, last = false;
    big_shift_up(d, 64);
    for (int i = 64; i >= 0; i--) {
        bool fits = !big_less(n, d);
        if (fits) {
            big_subtract(n, d);
        }
        big_halve(d);
        first = i == 64 ? fits : first;
        if (i == 0 && first) {
            last = fits;
            ++*exponent;
        } else {
            quotient = quotient << 1 | fits;
        }
    }
    *rest = n->count > 0 || last;
    return quotient;
}

static double round_big(const decimal *d, precision to)
{
    big n, divisor = {1, {1}};
    int64_t exponent;
    bool rest;
    big_from(&n, &exponent, d);
    if (exponent >= 0) {
        big_times_five(&n, exponent);
        int64_t bits = big_bits(&n);
        uint64_t m = big_top(&n, &rest);
        return round_to(m, bits - 64 + exponent, rest, to);
    }
    big_times_five(&divisor, -exponent);
    int64_t up = big_bits(&divisor) + 64 - big_bits(&n);
    big_shift_up(up > 0 ? &n : &divisor, up > 0 ? up : -up);
    int64_t twos = exponent - up;
    uint64_t m = big_divide(&n, &divisor, &twos, &rest);
    return round_to(m, twos, rest, to);
}

/* ---- Which way --------------------------------------------------------------------------------------------------- */

/* The magnitude. */
static double round_decimal(const decimal *d, precision to)
{
    if (d->digits == 0) {
        return 0;
    }
    if (d->exponent > DBL_MAX_10_EXP) {
        return (double)INFINITY;
    }
    if (d->exponent < DBL_MIN_10_EXP - DBL_DIG - 1 - MOST_DIGITS) { /* less than half of the least subnormal */
        return 0;
    }
    if (d->exponent >= -MOST_FIVES && d->exponent <= MOST_FIVES) {
        double low = round_128(d->digits, (int)d->exponent, d->cut, to);
        if (!d->cut || low == round_128(d->digits + 1, (int)d->exponent, false, to)) {
            return low;
        }
    }
    return round_big(d, to);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool equals_word(const char *text, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - text) != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((text[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return true;
}

static bp_number_kind read_word(double *out, const char *p, const char *end, bool negative)
{
    if (equals_word(p, end, "nan")) {
        *out = (double)NAN;
        return BP_NUMBER_MISSING;
    }
    if (equals_word(p, end, "inf") || equals_word(p, end, "infinity")) {
        *out = negative ? -(double)INFINITY : (double)INFINITY;
        return BP_NUMBER_INFINITE;
    }
    return BP_NUMBER_NONE;
}

/* More digits than fit: those that do, without leading zeros. */
static void read_long(decimal *d, int64_t exponent, int64_t fraction)
{
    int taken = 0;
    int64_t left = 0;
    d->digits = 0;
    for (const char *p = d->first; p < d->behind; p++) {
        if (!is_digit(*p)) {
            continue;
        }
        if (taken < MOST_DIGITS) {
            d->digits = d->digits * 10 + (uint64_t)(*p - '0');
            taken += d->digits != 0;
        } else {
            left++;
            d->cut = d->cut || *p != '0';
        }
    }
    d->exponent = exponent - fraction + left;
}

/* [+-] digits at p; false if there are none. Large ones stay large. */
static bool read_exponent(int64_t *exponent, const char **at, const char *end)
{
    const char *p = *at;
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *first = p;
    int64_t e = 0;
    for (; p < end && is_digit(*p); p++) {
        e = e < INT64_C(1) << 40 ? e * 10 + (*p - '0') : e;
    }
    *exponent = negative ? -e : e;
    *at = p;
    return p > first;
}

static bp_number_kind read_decimal(decimal *d, double *word, const char *p, const char *end, char point)
{
    d->negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    d->first = p;
    uint64_t digits = 0;
    for (; p < end && is_digit(*p); p++) {
        digits = digits * 10 + (uint64_t)(*p - '0');
    }
    int64_t count = p - d->first, fraction = 0, exponent = 0;
    if (p < end && *p == point) {
        const char *after = ++p;
        for (; p < end && is_digit(*p); p++) {
            digits = digits * 10 + (uint64_t)(*p - '0');
        }
        fraction = p - after;
        count += fraction;
    }
    d->behind = p;
    if (count == 0) {
        return read_word(word, d->first, end, d->negative);
    }
    if (p < end) {
        if ((*p | 0x20) != 'e' || (p++, !read_exponent(&exponent, &p, end)) || p < end) {
            return BP_NUMBER_NONE;
        }
    }
    d->digits = digits;
    d->exponent = exponent - fraction;
    d->cut = false;
    if (count > MOST_DIGITS) {
        read_long(d, exponent, fraction);
    }
    return BP_NUMBER_VALUE;
}

/* ---- Short numbers ----------------------------------------------------------------------------------------------- */

/* The number of eight digits, the first in the lowest byte: pairs, fours, all (J. Kiefer's and D. Lemire's way). */
static inline uint64_t eight_digits(uint64_t word)
{
    word = (word & UINT64_C(0x0F0F0F0F0F0F0F0F)) * (10 * 256 + 1) >> 8;
    word = (word & UINT64_C(0x00FF00FF00FF00FF)) * (100 * 65536 + 1) >> 16;
    return (word & UINT64_C(0x0000FFFF0000FFFF)) * ((UINT64_C(10000) << 32) + 1) >> 32;
}

static inline bool all_digits(uint64_t word)
{
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0), zeros = UINT64_C(0x3030303030303030);
    return ((word & high) | (((word + UINT64_C(0x0606060606060606)) & high) >> 4)) == (zeros | zeros >> 4);
}

/* The last 8 bytes of the text in a word, the first of them lowest, behind zeros where there are fewer. */
static inline uint64_t load_short(const char *text, size_t bytes)
{
    uint64_t word = 0;
    if (bytes == 8) {
        memcpy(&word, text, 8);
    } else if (bytes >= 4) {
        uint32_t low, high;
        memcpy(&low, text, 4);
        memcpy(&high, text + bytes - 4, 4);
        word = (uint64_t)high << 32 | (uint64_t)low << (8 * (8 - bytes));
    } else {
        uint64_t first = (unsigned char)text[0], middle = (unsigned char)text[bytes / 2],
                 last = (unsigned char)text[bytes - 1];
        word = last << 56 | middle << (56 - 8 * (bytes - 1 - bytes / 2)) | first << (8 * (8 - bytes));
    }
    return word | (UINT64_C(0x3030303030303030) & ((UINT64_C(1) << (8 * (8 - bytes) & 63)) - 1));
}

/* [-] 1 to 8 digits and perhaps a point among them, without a branch for each; false: another way must be found. */
static inline bool read_short(double *out, const char *text, size_t bytes, char point)
{
    static const double ten[8] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    const uint64_t ones = UINT64_C(0x0101010101010101);
    bool negative = bytes > 0 && text[0] == '-';
    text += negative;
    bytes -= negative;
    if (bytes == 0 || bytes > 8 || __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
        return false;
    }
    uint64_t word = load_short(text, bytes), other = word ^ ones * (unsigned char)point;
    uint64_t marks = (other - ones) & ~other & ones << 7;
    size_t fraction = 0;
    if (marks) { /* take the point out, close the gap from below */
        size_t at = (size_t)__builtin_ctzll(marks) / 8;
        uint64_t below = word & ((UINT64_C(1) << 8 * at) - 1), above = word & ~((UINT64_C(2) << (8 * at + 7)) - 1);
        word = above | below << 8 | '0';
        fraction = 7 - at;
    }
    if (!all_digits(word) || (bytes == 1 && marks)) {
        return false;
    }
    double value = (double)(int64_t)eight_digits(word) / ten[fraction];
    *out = negative ? -value : value;
    return true;
}

bp_number_kind bp_number_parse(double *out, const char *text, size_t bytes, char point)
{
    static const double ten[CLINGER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                            1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (read_short(out, text, bytes, point)) {
        return BP_NUMBER_VALUE;
    }
    decimal d;
    bp_number_kind kind = read_decimal(&d, out, text, text + bytes, point);
    if (kind != BP_NUMBER_VALUE) {
        return kind;
    }
    double value;
    if (d.digits <= (uint64_t)1 << DBL_MANT_DIG && d.exponent >= -CLINGER && d.exponent <= CLINGER && !d.cut) {
        value = (double)(int64_t)d.digits;
        value = d.exponent < 0 ? value / ten[-d.exponent] : value * ten[d.exponent];
    } else {
        value = round_decimal(&d, f64);
    }
    *out = d.negative ? -value : value;
    return isinf(value) ? BP_NUMBER_INFINITE : BP_NUMBER_VALUE;
}

float bp_number_narrow(double value, const char *text, size_t bytes, char point)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    /* The first rounding matters only where it may have ended half way between two floats. */
    uint64_t below = (uint64_t)1 << (DBL_MANT_DIG - FLT_MANT_DIG), tail = bits & (below - 1);
    if (tail != below / 2 && (fabs(value) >= (double)FLT_MIN || value == 0)) {
        return (float)value;
    }
    decimal d;
    double word;
    if (isnan(value) || read_decimal(&d, &word, text, text + bytes, point) != BP_NUMBER_VALUE) {
        return (float)value;
    }
    double rounded = round_decimal(&d, f32);
    return (float)(d.negative ? -rounded : rounded);
}
