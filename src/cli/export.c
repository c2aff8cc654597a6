/* export.c - `backprop export`: a model in another program's format. One row of the table a format. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/base.h"
#include "export.h"
#include "terminal.h"

typedef struct target {
    option_id option; /* whose value is the file */
    const char *format;
    /* Tells of its own failures; details: receives what is to be told besides name and size, */
    exit_code (*write)(const options *o, const bp_model *m, const char *path, json_t *details);
    void (*tell)(const json_t *details); /* and this tells it; or NULL */
} target;

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static size_t file_bytes(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? (size_t)file.st_size : 0;
}

/* Releases the details. */
static exit_code tell(const options *o, const target *t, const char *path, json_t *details)
{
    if (given(o, OPT_JSON)) {
        json_t *result = json_object();
        json_put_text(result, "model", o->positional[0]);
        json_put_text(result, "format", t->format);
        json_put_text(result, "file", path);
        json_put_size(result, "bytes", file_bytes(path));
        json_object_update(result, details);
        json_decref(details);
        return json_print(stdout, result);
    }
    char bytes[NUMBER_SIZE];
    bytes_text(bytes, (double)file_bytes(path));
    printf("%s: %s, %s\n", path, t->format, bytes);
    if (t->tell) {
        t->tell(details);
    }
    json_decref(details);
    return finish_stdout(CODE_OK);
}

/* ---- ONNX -------------------------------------------------------------------------------------------------------- */

static exit_code write_onnx(const options *o, const bp_model *m, const char *path, json_t *details)
{
    (void)o;
    (void)details;
    return export_code(bp_onnx_save(m, path));
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static const target targets[] = {{OPT_ONNX, "ONNX", write_onnx, NULL}, {OPT_C, "C", export_c, export_c_tell}};
enum { TARGETS = sizeof targets / sizeof *targets };

/* The one format that is asked for. */
static const target *asked_for(const options *o)
{
    const target *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < TARGETS; i++) {
        if (given(o, targets[i].option)) {
            found = &targets[i];
            count++;
        }
    }
    if (count == 1) {
        return found;
    }
    char list[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < TARGETS && used < sizeof list; i++) {
        const option_row *row = &option_table[targets[i].option];
        int n = snprintf(list + used, sizeof list - used, "%s--%s %s", i ? ", " : "", row->name, row->metavar);
        used += n > 0 ? (size_t)n : 0;
    }
    bp_fail(BP_ERR_ARGUMENT, "%s; expected one of: %s", count ? "several formats at once" : "no format to export to",
            list);
    return NULL;
}

exit_code run_export(const options *o)
{
    const target *t = asked_for(o);
    if (!t || export_c_refuse(o) != BP_OK) {
        return fail_usage(&command_table[CMD_EXPORT]);
    }
    const char *path = o->value[t->option].text;
    if (output_apart(o->positional[0], "the model", path, "the file to write") != BP_OK) {
        return fail_usage(&command_table[CMD_EXPORT]);
    }
    bp_model *m = NULL;
    bp_status status = bp_model_load(&m, o->positional[0], NULL);
    json_t *details = json_object();
    exit_code code = status == BP_OK ? t->write(o, m, path, details) : fail_status(status);
    bp_model_free(m);
    if (code != CODE_OK) {
        json_decref(details);
        return code;
    }
    return tell(o, t, path, details);
}
