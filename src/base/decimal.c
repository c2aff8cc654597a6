/* decimal.c - shortest decimals.
 *
 * The quick way serves f32 of everyday size. With p digits, 6 to 9, the nearest decimal is m / 10^s for a whole m < 10^9; m
 * and 10^s, |s| <= 22, are exact in f64, so that m / 10^s is the f64 nearest to the decimal (Clinger, How to read floating
 * point numbers accurately, PLDI 1990), and rounds to the f32 that a reader of the decimal gets, unless it lies exactly
 * between two of them: then it is not taken. Fewer than 6 digits need no try of their own: they are 6 with zeros at the end.
 * All else goes the slow way, by the C library. */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* value = digits * 10^-scale, without zeros at the end of digits. */
typedef struct decimal {
    uint64_t digits;
    int scale;
} decimal;

static double decimal_value(const decimal *d)
{
    return d->scale >= 0 ? (double)d->digits / power[d->scale] : (double)d->digits * power[-d->scale];
}

/* Halfway between two f32: the 29 bits that f64 has more are 1000... */
static bool is_midpoint(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1FFFFFFFu) == 0x10000000u;
}

/* a: a positive f32 from 1e-12 to below 1e13, 10^exponent <= a. */
static bool shortest_f32(decimal *out, double a, int exponent)
{
    for (int p = 6; p <= 9; p++) {
        decimal d = {.scale = p - 1 - exponent};
        d.digits = (uint64_t)((d.scale >= 0 ? a * power[d.scale] : a / power[-d.scale]) + 0.5);
        double back = decimal_value(&d);
        if ((float)back == (float)a && !is_midpoint(back)) {
            for (; d.digits % 10 == 0; d.scale--) {
                d.digits /= 10;
            }
            *out = d;
            return true;
        }
    }
    return false;
}

static int exponent_of(double a)
{
    int e = 0;
    if (a >= 1) {
        for (; a >= power[e + 1]; e++) {
        }
        return e;
    }
    for (e = 1; a * power[e] < 1; e++) {
    }
    return -e;
}

static size_t write_digits(char *out, uint64_t digits)
{
    char turned[20];
    size_t n = 0;
    do {
        turned[n++] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits > 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = turned[n - 1 - i];
    }
    return n;
}

/* 12.5, 1250, 0.0125: scale < 18. */
static size_t write_fixed(char *out, const decimal *d)
{
    char digits[20];
    size_t n = write_digits(digits, d->digits), used = 0;
    if (d->scale <= 0) {
        memcpy(out, digits, n);
        memset(out + n, '0', (size_t)-d->scale);
        return n + (size_t)-d->scale;
    }
    size_t fraction = (size_t)d->scale, whole = n > fraction ? n - fraction : 0;
    if (whole == 0) {
        out[used++] = '0';
    }
    memcpy(out + used, digits, whole);
    used += whole;
    out[used++] = '.';
    for (size_t i = n; i < fraction; i++) {
        out[used++] = '0';
    }
    memcpy(out + used, digits + whole, n - whole);
    return used + n - whole;
}

/* 1.25e-05, as printf writes it. */
static size_t write_scientific(char *out, const decimal *d)
{
    char digits[20];
    size_t n = write_digits(digits, d->digits), used = 0;
    int exponent = (int)n - 1 - d->scale;
    out[used++] = digits[0];
    if (n > 1) {
        out[used++] = '.';
        memcpy(out + used, digits + 1, n - 1);
        used += n - 1;
    }
    return used + (size_t)snprintf(out + used, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* printf and strtod speak the caller's locale; the text must not. */
static size_t without_locale(char *text)
{
    size_t used = 0;
    bool point = false;
    for (const char *c = text; *c != '\0'; c++) {
        bool plain = strchr("0123456789+-eainf", *c) != NULL;
        if (plain || !point) {
            text[used++] = plain ? *c : '.';
        }
        point = !plain;
    }
    text[used] = '\0';
    return used;
}

static size_t slow_text(char *out, double value, bp_type type)
{
    int most = type == BP_F32 ? 9 : 17;
    /* %g leaves out zeros at the end, and 15 digits never say more than an f64 holds, but for the smallest */
    for (int p = type == BP_F64 && fabs(value) > 1e-300 ? 15 : 1; p <= most; p++) {
        snprintf(out, BP_DECIMAL_SIZE, "%.*g", p, value);
        if (type == BP_F32 ? strtof(out, NULL) == (float)value : strtod(out, NULL) == value) {
            break;
        }
    }
    return without_locale(out);
}

size_t bp_decimal_text(char out[BP_DECIMAL_SIZE], double value, bp_type type)
{
    double a = fabs(value);
    decimal d;
    if (value == 0 || isnan(value)) {
        return (size_t)snprintf(out, BP_DECIMAL_SIZE, "%s", value == 0 ? "0" : "nan");
    }
    if (type != BP_F32 || !(a >= 1e-12 && a < 1e13)) {
        return slow_text(out, value, type);
    }
    if (!shortest_f32(&d, a, exponent_of(a))) {
        return slow_text(out, value, type);
    }
    size_t sign = value < 0;
    out[0] = '-';
    size_t n = sign + (decimal_value(&d) >= 1e-4 ? write_fixed(out + sign, &d) : write_scientific(out + sign, &d));
    out[n] = '\0';
    return n;
}
