/* date.c - reading dates and times. The forms are in date.h. */
#include "data/date.h"

#include <assert.h>
#include <string.h>

/* One row for each format: what stands between the parts, and at which place each part is. */
static const struct {
    const char *name;
    char separator; /* '\0': none */
    bool two;       /* digits of day and month: two always, else one or two */
    int year, month, day;
} forms[] = {
    [BP_DATE_ISO] = {"iso", '-', true, 0, 1, 2},    [BP_DATE_DMY_DOTS] = {"d.m.y", '.', false, 2, 1, 0},
    [BP_DATE_DMY] = {"d/m/y", '/', false, 2, 1, 0}, [BP_DATE_MDY] = {"m/d/y", '/', false, 2, 0, 1},
    [BP_DATE_YMD] = {"ymd", '\0', true, 0, 1, 2},
};
static_assert(sizeof forms / sizeof *forms == BP_DATE_FORMATS, "a row for every format");

const char *bp_date_format_name(size_t format)
{
    return format < BP_DATE_FORMATS ? forms[format].name : NULL;
}

/* What is left of the text. */
typedef struct rest {
    const char *p, *end;
} rest;

/* A number of least .. most digits. */
static bool take_number(int *out, rest *r, int least, int most)
{
    int n = 0, value = 0;
    for (; n < most && r->p < r->end && *r->p >= '0' && *r->p <= '9'; n++) {
        value = value * 10 + (*r->p++ - '0');
    }
    *out = value;
    return n >= least;
}

static bool take(rest *r, char c)
{
    bool there = r->p < r->end && *r->p == c;
    r->p += there;
    return there;
}

/* Days since 1970-01-01, counting in years that begin in March, so that a leap day is the last of its year (H. Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", days_from_civil). */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(int year, int month, int day)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= length[month - 1] + (leap && month == 2);
}

/* Z, +hh, +hhmm, +hh:mm: the seconds to be taken off. */
static bool take_offset(double *seconds, rest *r)
{
    if (take(r, 'Z') || take(r, 'z')) {
        return true;
    }
    bool east = take(r, '+');
    if (!east && !take(r, '-')) {
        return true; /* none */
    }
    int hours, minutes = 0;
    if (!take_number(&hours, r, 2, 2)) {
        return false;
    }
    bool colon = take(r, ':');
    if ((colon || r->p < r->end) && !take_number(&minutes, r, 2, 2)) {
        return false;
    }
    double offset = hours * 3600.0 + minutes * 60.0;
    *seconds += east ? -offset : offset;
    return hours <= 23 && minutes <= 59;
}

static bool take_time(double *seconds, rest *r)
{
    int hour, minute, second = 0;
    if (!take_number(&hour, r, 1, 2) || !take(r, ':') || !take_number(&minute, r, 2, 2)) {
        return false;
    }
    double fraction = 0, unit = 0.1;
    if (take(r, ':')) {
        if (!take_number(&second, r, 2, 2)) {
            return false;
        }
        if (take(r, '.') || take(r, ',')) {
            const char *first = r->p;
            for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, unit /= 10) {
                fraction += unit * (*r->p - '0');
            }
            if (r->p == first) {
                return false;
            }
        }
    }
    *seconds += hour * 3600.0 + minute * 60.0 + second + fraction;
    take(r, ' ');
    return hour <= 23 && minute <= 59 && second <= 60 && take_offset(seconds, r); /* 60: a leap second */
}

bool bp_date_parse(double *seconds, const char *text, size_t bytes, bp_date_format format)
{
    rest r = {text, text + bytes};
    int part[3];
    for (int i = 0; i < 3; i++) {
        int most = i == forms[format].year ? 4 : 2, least = most == 4 ? 4 : 1 + forms[format].two;
        bool separated = i == 0 || forms[format].separator == '\0' || take(&r, forms[format].separator);
        if (!separated || !take_number(&part[i], &r, least, most)) {
            return false;
        }
    }
    int year = part[forms[format].year], month = part[forms[format].month], day = part[forms[format].day];
    if (!is_date(year, month, day)) {
        return false;
    }
    double time = 0;
    if (r.p < r.end && (!(take(&r, 'T') || take(&r, 't') || take(&r, ' ')) || !take_time(&time, &r) || r.p < r.end)) {
        return false;
    }
    *seconds = (double)days_since_epoch(year, month, day) * 86400 + time;
    return true;
}

unsigned bp_date_formats(const char *text, size_t bytes)
{
    unsigned fits = 0;
    if (bytes < 8 || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    for (unsigned f = 0; f < BP_DATE_YMD; f++) {
        double seconds;
        fits |= bp_date_parse(&seconds, text, bytes, (bp_date_format)f) ? 1U << f : 0;
    }
    return fits;
}
