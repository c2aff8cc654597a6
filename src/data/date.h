/* date.h - dates and times as texts, to seconds since 1970-01-01 00:00 UTC in the proleptic Gregorian calendar. */
#ifndef BP_DATE_H
#define BP_DATE_H

#include "base/base.h"

/* The order of the parts. A time may follow each after a blank or "T": hh:mm, hh:mm:ss or hh:mm:ss.fraction, then "Z" or an
 * offset from UTC, +hh, +hhmm or +hh:mm. Without one it is UTC. Years have four digits; days and months one or two, but two
 * in "iso" (2023-01-31, ISO 8601) and "ymd" (20230131). */
typedef enum bp_date_format {
    BP_DATE_ISO,
    BP_DATE_DMY_DOTS, /* 31.1.2023 */
    BP_DATE_DMY,      /* 31/1/2023 */
    BP_DATE_MDY,      /* 1/31/2023 */
    BP_DATE_YMD,
    BP_DATE_FORMATS
} bp_date_format;

const char *bp_date_format_name(size_t format); /* "iso", "d.m.y", "d/m/y", "m/d/y", "ymd" */
bool bp_date_parse(double *seconds, const char *text, size_t bytes, bp_date_format format);
/* The formats that the text fits, a bit for each (1 << format), but for ymd: such texts are numbers before they are dates. */
unsigned bp_date_formats(const char *text, size_t bytes);

#endif
