/* export.c - `backprop export`: a model in another program's format. One row of the table a format. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/base.h"
#include "options.h"
#include "output.h"
#include "terminal.h"

typedef struct target {
    option_id option; /* whose value is the file */
    const char *format;
    exit_code (*write)(const options *o, const bp_model *m, const char *path); /* tells of its own failures */
} target;

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static double file_bytes(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? (double)file.st_size : 0;
}

static exit_code tell(const options *o, const target *t, const char *path)
{
    if (given(o, OPT_JSON)) {
        json_t *result = json_object();
        json_put_text(result, "model", o->positional[0]);
        json_put_text(result, "format", t->format);
        json_put_text(result, "file", path);
        json_put(result, "bytes", file_bytes(path));
        return json_print(stdout, result);
    }
    char bytes[NUMBER_SIZE];
    bytes_text(bytes, file_bytes(path));
    printf("%s: %s, %s\n", path, t->format, bytes);
    return finish_stdout(CODE_OK);
}

/* ---- ONNX -------------------------------------------------------------------------------------------------------- */

static exit_code write_onnx(const options *o, const bp_model *m, const char *path)
{
    (void)o;
    bp_status status = bp_onnx_save(m, path);
    return status == BP_ERR_IO ? fail_as(CODE_OUTPUT) : status == BP_OK ? CODE_OK : fail_status(status);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static const target targets[] = {{OPT_ONNX, "ONNX", write_onnx}};
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
    if (!t) {
        return fail_usage(&command_table[CMD_EXPORT]);
    }
    const char *path = o->value[t->option].text;
    if (output_apart(o->positional[0], "the model", path, "the file to write") != BP_OK) {
        return fail_usage(&command_table[CMD_EXPORT]);
    }
    bp_model *m = NULL;
    bp_status status = bp_model_load(&m, o->positional[0], NULL);
    exit_code code = status == BP_OK ? t->write(o, m, path) : fail_status(status);
    bp_model_free(m);
    return code == CODE_OK ? tell(o, t, path) : code;
}
