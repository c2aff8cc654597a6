/* status.c - failure text: one thread-local buffer, written by bp_fail, read by bp_error. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char text[1024];
static _Thread_local bp_status last = BP_OK;

const char *bp_version(void)
{
    return BP_VERSION;
}

const char *bp_error(void)
{
    return text;
}

bp_status bp_last_status(void)
{
    return last;
}

const char *bp_status_name(bp_status status)
{
    static const char *const name[] = {[BP_OK] = "ok",
                                       [BP_ERR_ARGUMENT] = "argument",
                                       [BP_ERR_SHAPE] = "shape",
                                       [BP_ERR_MEMORY] = "memory",
                                       [BP_ERR_STATE] = "state",
                                       [BP_ERR_DATA] = "data",
                                       [BP_ERR_NUMERIC] = "numeric",
                                       [BP_ERR_IO] = "io",
                                       [BP_ERR_FORMAT] = "format",
                                       [BP_ERR_UNSUPPORTED] = "unsupported",
                                       [BP_ERR_STOPPED] = "stopped"};
    size_t i = (size_t)status;
    return i < sizeof name / sizeof *name ? name[i] : "unknown";
}

bp_status bp_fail(bp_status status, const char *format, ...)
{
    char fresh[sizeof text]; /* the arguments may point into text */
    va_list args;
    va_start(args, format);
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    memcpy(text, fresh, sizeof text);
    last = status;
    return status;
}

bp_status bp_fail_context(bp_status status, const char *format, ...)
{
    char front[sizeof text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(front, sizeof front, format, args);
    va_end(args);
    last = status;
    if (n < 0) {
        return status;
    }
    size_t used = strlen(front);
    size_t room = sizeof text - 1 - used;
    size_t tail = strlen(text);
    tail = tail < room ? tail : room;
    memmove(text + used, text, tail);
    memcpy(text, front, used);
    text[used + tail] = '\0';
    return status;
}
