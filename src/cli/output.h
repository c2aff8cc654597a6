/* output.h - JSON results and files that are written whole or not at all. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>

#include "cli.h"

/* Adds a number; what is not finite becomes null. */
void json_put(json_t *object, const char *key, double value);
void json_put_size(json_t *object, const char *key, size_t value);
void json_put_text(json_t *object, const char *key, const char *text); /* NULL: null */
void json_put_bool(json_t *object, const char *key, bool value);
/* Writes the object as one line and releases it. */
exit_code json_print(FILE *out, json_t *object);

/* Fails if two paths are one file. what: "--log", "the model". */
bp_status output_apart(const char *a, const char *what_a, const char *b, const char *what_b);
/* Fails with BP_ERR_IO unless a file can be created at `path`, or one that is there replaced. Leaves nothing behind. */
bp_status output_check(const char *path);

/* A file under construction, beside its place. */
typedef struct output_file {
    FILE *file;
    char *temporary; /* NULL: written in place (a device or a pipe) */
    const char *path;
} output_file;
bp_status output_open(output_file *out, const char *path);
bp_status output_close(output_file *out); /* flushes to the disk and moves it into place */
void output_discard(output_file *out);

#endif
