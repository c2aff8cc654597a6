/* prepare_date.c - the parts of dates that become inputs: how long ago, and where in the year, the week and the day. */
#include "data/prepare.h"

#include <math.h>

static const struct {
    const char *name;
    double period; /* of a cyclic part, in its own unit; 0: the part is a plain number */
} parts[] = {{"days", 0}, {"year", 0}, {"month", 12}, {"weekday", 7}, {"hour", 24}};
_Static_assert(sizeof parts / sizeof *parts == BP_DATE_PARTS, "one row a part");

const char *bp_date_part_name(bp_date_part p)
{
    return (unsigned)p < BP_DATE_PARTS ? parts[p].name : NULL;
}

double bp_date_part_period(bp_date_part p)
{
    return parts[p].period;
}

size_t bp_date_part_inputs(bp_date_part p)
{
    return parts[p].period > 0 ? 2 : 1;
}

/* Year and month (0 to 11) of a day since 1970-01-01 in the Gregorian calendar. Years begin in March, so that the leap day
 * is the last one; 400 years have 146097 days (after Neri & Schneider, Euclidean affine functions and their application
 * to calendar algorithms, 2023, section 3). */
static void civil_month(double day, double *year, double *month)
{
    double shifted = day + 719468; /* days since 0000-03-01 */
    double era = floor(shifted / 146097), in_era = shifted - era * 146097;
    double of_era = floor((in_era - floor(in_era / 1460) + floor(in_era / 36524) - floor(in_era / 146096)) / 365);
    double in_year = in_era - (365 * of_era + floor(of_era / 4) - floor(of_era / 100));
    double march = floor((5 * in_year + 2) / 153); /* 0: March */
    *month = march < 10 ? march + 2 : march - 10;
    *year = era * 400 + of_era + (*month < 2 ? 1 : 0);
}

double bp_date_part_value(bp_date_part p, double seconds)
{
    double day = floor(seconds / 86400), year, month;
    civil_month(day, &year, &month);
    switch (p) {
    case BP_DATE_YEAR:
        return year;
    case BP_DATE_MONTH:
        return month;
    case BP_DATE_WEEKDAY: /* 1970-01-01 was a Thursday; 0: Monday */
        return day + 3 - 7 * floor((day + 3) / 7);
    case BP_DATE_HOUR:
        return (seconds - day * 86400) / 3600;
    default:
        return seconds / 86400;
    }
}

/* The distribution of one part, of those of the whole dates. */
static bp_status part_distribution(bp_distribution *out, bp_pool *pool, const bp_distribution *d, bp_date_part p)
{
    bp_weighted *item = bp_pool_alloc(pool, d->count, sizeof *item);
    bp_weighted *scratch = bp_pool_alloc(pool, d->count, sizeof *scratch);
    if (!item || !scratch) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < d->count; i++) {
        item[i] = (bp_weighted){bp_date_part_value(p, d->item[i].value), d->item[i].weight};
    }
    *out = (bp_distribution){d->count, item, 0, 0};
    bp_distribution_sort(out, scratch);
    return BP_OK;
}

bp_status bp_date_fit(bp_feature *f, bp_pool *pool, const bp_distribution *d)
{
    bp_pool work = {pool->allocator, NULL};
    bp_status status = BP_OK;
    for (bp_date_part p = 0; p < BP_DATE_PARTS && status == BP_OK; p++) {
        bp_distribution part;
        status = part_distribution(&part, &work, d, p);
        f->part[p] = status == BP_OK && part.count > 1;
        if (f->part[p] && parts[p].period == 0) {
            /* Later dates lie outside of all that was seen: far out they all look alike. */
            status = bp_scale_fit(&f->part_scale[p], pool, &part, BP_NUMBERS_STANDARD);
            f->part_scale[p].limit = 10;
        }
        bp_pool_free(&work);
    }
    return status;
}

void bp_date_write(const bp_feature *f, float *out, double seconds)
{
    const double pi = 3.14159265358979323846;
    for (bp_date_part p = 0; p < BP_DATE_PARTS; p++) {
        if (!f->part[p]) {
            continue;
        }
        double value = bp_date_part_value(p, seconds);
        if (parts[p].period > 0) {
            double angle = 2 * pi * value / parts[p].period;
            *out++ = (float)sin(angle);
            *out++ = (float)cos(angle);
        } else {
            *out++ = (float)bp_scale_apply(&f->part_scale[p], value);
        }
    }
}
