/* output.c - JSON, and files written to a temporary name, flushed, renamed. */
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "memory.h"

void json_put(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

void json_put_size(json_t *object, const char *key, size_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text != NULL ? json_string(text) : NULL; /* NULL too where the text is not UTF-8 */
    json_object_set_new(object, key, value != NULL ? value : json_null());
}

void json_put_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

exit_code json_print(FILE *out, json_t *object)
{
    int failed = json_dumpf(object, out, 0);
    json_decref(object);
    return failed == 0 && fputc('\n', out) != EOF ? CODE_OK : CODE_OUTPUT;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static bp_status cannot_write(const char *path, int error)
{
    return bp_fail(BP_ERR_IO, "cannot write %s: %s", path, strerror(error));
}

static char *temporary_name(const char *path)
{
    static const char suffix[] = ".tmp-XXXXXX";
    size_t length = strlen(path);
    char *name = cli_alloc(length + sizeof suffix, 1);
    if (name != NULL) {
        memcpy(name, path, length);
        memcpy(name + length, suffix, sizeof suffix);
    }
    return name;
}

bp_status output_check(const char *path)
{
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        return bp_fail(BP_ERR_IO, "cannot write %s: it is %s, not a file", path,
                       S_ISDIR(there.st_mode) ? "a directory" : "a device or pipe");
    }
    char *name = temporary_name(path);
    if (name == NULL) {
        return BP_ERR_MEMORY;
    }
    int fd = mkstemp(name);
    bp_status status = fd >= 0 ? BP_OK : cannot_write(path, errno);
    if (fd >= 0) {
        close(fd);
        unlink(name);
    }
    cli_release(name);
    return status;
}

bp_status output_apart(const char *a, const char *what_a, const char *b, const char *what_b)
{
    struct stat first, second;
    bool same = strcmp(a, b) == 0;
    if (!same && stat(a, &first) == 0 && stat(b, &second) == 0) {
        same = first.st_dev == second.st_dev && first.st_ino == second.st_ino;
    }
    return same ? bp_fail(BP_ERR_ARGUMENT, "%s and %s are the same file, %s; one would destroy the other", what_a,
                          what_b, b)
                : BP_OK;
}

bp_status output_open(output_file *out, const char *path)
{
    struct stat there;
    *out = (output_file){.path = path};
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        out->file = fopen(path, "w");
        return out->file != NULL ? BP_OK : cannot_write(path, errno);
    }
    out->temporary = temporary_name(path);
    if (out->temporary == NULL) {
        return BP_ERR_MEMORY;
    }
    int fd = mkstemp(out->temporary);
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out->file != NULL) {
        mode_t mask = umask(0); /* mkstemp makes private files; this one gets the rights of any other */
        umask(mask);
        fchmod(fd, 0666 & ~mask);
        return BP_OK;
    }
    bp_status status = cannot_write(path, errno);
    cli_release(out->temporary);
    out->temporary = NULL;
    return status;
}

void output_discard(output_file *out)
{
    if (out->file != NULL) {
        fclose(out->file);
    }
    if (out->temporary != NULL) {
        unlink(out->temporary);
    }
    cli_release(out->temporary);
    *out = (output_file){0};
}

bp_status output_close(output_file *out)
{
    bool good = fflush(out->file) == 0 && !ferror(out->file);
    if (good && out->temporary != NULL) {
        good = fsync(fileno(out->file)) == 0;
    }
    int error = errno;
    good = fclose(out->file) == 0 && good;
    out->file = NULL;
    if (good && out->temporary != NULL) {
        good = rename(out->temporary, out->path) == 0;
        error = errno;
    }
    bp_status status = good ? BP_OK : cannot_write(out->path, error);
    if (good) {
        cli_release(out->temporary);
        out->temporary = NULL;
    }
    output_discard(out);
    return status;
}
