/* import.c - `backprop import`: a model of another library as a model file. Which formats there are is the library's table. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "memory.h"
#include "options.h"
#include "output.h"
#include "table_options.h"
#include "terminal.h"

enum { PATH_SIZE = 1024 };

/* Where the model of a file of ours came from: it has only the notes that it had before. */
static const char exported[] = "ONNX of backprop export";

/* --out, or the name of FILE in the current directory: "nets/xor.net" makes xor.safetensors. */
static bp_status choose_out(char out[PATH_SIZE], const options *o)
{
    const char *path = o->positional[0], *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    int stem = dot != NULL && dot != name ? (int)(dot - name) : (int)strnlen(name, PATH_SIZE);
    int length = given(o, OPT_IMPORTED_OUT) ? snprintf(out, PATH_SIZE, "%s", o->value[OPT_IMPORTED_OUT].text)
                                            : snprintf(out, PATH_SIZE, "%.*s.safetensors", stem, name);
    if (length < 0 || length >= PATH_SIZE) {
        return bp_fail(BP_ERR_ARGUMENT, "the name of the model to write is longer than %d bytes", PATH_SIZE - 1);
    }
    bp_status status = output_apart(path, "the file to read", out, "the model to write");
    return status == BP_OK || given(o, OPT_IMPORTED_OUT)
               ? status
               : bp_fail(BP_ERR_ARGUMENT, "the model would get the name of the file, %s; another one: --out MODEL",
                         out);
}

/* "0,255": what the original was given of the numbers of the data. */
static bp_status set_scaling(bp_model *m, const options *o)
{
    const char *text = text_or(o, OPT_IMPORTED_SCALING, NULL), *comma = text != NULL ? strchr(text, ',') : NULL;
    char first[64];
    double mean = 0, deviation = 0, scale;
    if (text == NULL) {
        return BP_OK;
    }
    snprintf(first, sizeof first, "%.*s", comma != NULL ? (int)(comma - text) : 0, text);
    bool good = comma != NULL && bp_parse_double(&mean, first) && bp_parse_double(&deviation, comma + 1);
    if (!good || !isfinite(mean) || !(deviation > 0) || !isfinite(scale = 1 / deviation)) {
        return bp_fail(BP_ERR_ARGUMENT, "--scaling \"%s\": expected MEAN,DEVIATION, two numbers, the second above 0",
                       text);
    }
    const double *means, *scales;
    if (bp_model_scaling(m, &means, &scales) > 0) {
        return bp_fail(BP_ERR_ARGUMENT, "--scaling \"%s\" was given, but %s says itself how its inputs are scaled",
                       text, o->positional[0]);
    }
    return bp_model_set_scaling(m, 1, &mean, &scale);
}

static bool twice(const name_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(l->name[i], l->name[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* "setosa,versicolor": what the classes are called, which most formats do not say. */
static bp_status set_classes(bp_model *m, const options *o)
{
    name_list l;
    bp_model_options d = bp_model_describe(m);
    bp_status status = name_list_parse(&l, o, OPT_IMPORTED_CLASSES);
    if (status == BP_OK && l.count > 0) {
        if (d.task != BP_CLASSIFY) {
            status = bp_fail(BP_ERR_ARGUMENT, "--classes: this model answers with numbers; --task classify makes "
                                              "classes of its outputs");
        } else if (l.count != d.outputs || twice(&l)) {
            status = bp_fail(BP_ERR_ARGUMENT, "--classes %s: expected %zu different names, one for each class",
                             o->value[OPT_IMPORTED_CLASSES].text, d.outputs);
        } else {
            status = bp_model_set_classes(m, l.name);
        }
    }
    name_list_free(&l);
    return status;
}

static exit_code tell_json(const options *o, const bp_model *m, const char *out)
{
    bp_model_options d = bp_model_describe(m);
    json_t *result = json_object();
    json_put_text(result, "file", o->positional[0]);
    const char *from = bp_model_note(m, "imported_from");
    json_put_text(result, "format", from != NULL ? from : exported);
    json_put_text(result, "model", out);
    json_put_text(result, "task", bp_task_name(d.task));
    json_put_size(result, "inputs", d.inputs);
    json_put_size(result, "outputs", d.outputs);
    json_put_text(result, "net", d.net);
    json_put_text(result, "output", d.output);
    json_put_text(result, "loss", d.loss);
    json_put_text(result, "dtype", bp_type_name(d.type));
    json_put_size(result, "parameters", bp_model_parameters(m));
    return json_print(stdout, result);
}

static exit_code tell(const options *o, const bp_model *m, const char *out)
{
    if (given(o, OPT_JSON)) {
        return tell_json(o, m, out);
    }
    char parameters[NUMBER_SIZE];
    bp_layer_info layer;
    bp_model_options d = bp_model_describe(m);
    terminal t = terminal_of(stdout);
    size_t size = strlen(out) + 200;
    for (size_t i = 0; bp_model_layer(m, i, &layer); i++) {
        size += strlen(layer.text) + 2;
    }
    char *text = cli_alloc(size, 1);
    if (text == NULL) {
        return fail_status(BP_ERR_MEMORY);
    }
    const char *from = bp_model_note(m, "imported_from");
    size_t used = (size_t)snprintf(text, size, "%s: from %s, %s, %zu inputs", out, from != NULL ? from : exported,
                                   bp_task_name(d.task), d.inputs);
    for (size_t i = 0; bp_model_layer(m, i, &layer); i++) {
        used += (size_t)snprintf(text + used, size - used, ", %s", layer.text);
    }
    snprintf(text + used, size - used, "; %s parameters, %s", number_text(parameters, (double)bp_model_parameters(m)),
             bp_type_name(d.type));
    wrap_text(stdout, text, 0, 2, wrap_width(&t));
    cli_release(text);
    return finish_stdout(CODE_OK);
}

static exit_code fail_import(bp_status status)
{
    return status == BP_ERR_ARGUMENT ? fail_usage(&command_table[CMD_IMPORT])
           : status == BP_ERR_MEMORY ? fail_status(status)
                                     : fail_as(CODE_DATA);
}

exit_code run_import(const options *o)
{
    char out[PATH_SIZE];
    bp_model *m = NULL;
    bp_import_options how = bp_import_defaults();
    how.net = text_or(o, OPT_IMPORTED_NET, NULL);
    how.task = text_or(o, OPT_IMPORTED_TASK, NULL);
    how.output = text_or(o, OPT_IMPORTED_OUTPUT, NULL);
    how.loss = text_or(o, OPT_IMPORTED_LOSS, NULL);
    how.approximate = given(o, OPT_APPROXIMATE);
    if (choose_out(out, o) != BP_OK) {
        return fail_usage(&command_table[CMD_IMPORT]);
    }
    bp_status status = bp_model_import(&m, o->positional[0], &how);
    if (status != BP_OK) {
        return fail_import(status);
    }
    status = set_scaling(m, o);
    status = status == BP_OK ? set_classes(m, o) : status;
    if (status != BP_OK) {
        bp_model_free(m);
        return fail_import(status);
    }
    exit_code code = bp_model_save(m, out) == BP_OK ? tell(o, m, out) : fail_as(CODE_OUTPUT);
    bp_model_free(m);
    return code;
}
