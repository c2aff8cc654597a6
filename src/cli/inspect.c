/* inspect.c - `backprop inspect`: what is in a model file. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "options.h"
#include "output.h"
#include "terminal.h"
#include "trace.h"

enum { TRAINING_ROWS = 128 }; /* batch for which memory is told where the model's notes name none */

/* Memory and work of a prediction of one row, and of a training step. */
typedef struct cost {
    size_t batch, weights, predict_bytes, train_bytes;
    double predict_flops, train_flops; /* of one row */
} cost;

static bp_status measure(size_t *bytes, double *flops, const bp_model *m, const bp_node *target, size_t rows,
                         bool gradients)
{
    bp_session *s = NULL;
    bp_session_options o = bp_session_defaults();
    o.max_rows = rows;
    o.gradients = gradients;
    o.input_gradients = false;
    bp_status status = bp_session_new(&s, bp_model_graph_const(m), &target, 1, &o);
    if (status != BP_OK) {
        return status;
    }
    *bytes = bp_session_bytes(s);
    *flops = bp_session_flops(s);
    bp_session_free(s);
    return BP_OK;
}

static bp_status cost_of(cost *out, const bp_model *m)
{
    const char *batch = bp_model_note(m, "batch");
    *out = (cost){.batch = TRAINING_ROWS};
    if (batch != NULL && (!bp_parse_size(&out->batch, batch) || out->batch == 0 || out->batch > 1u << 20)) {
        out->batch = TRAINING_ROWS;
    }
    out->weights = bp_model_parameters(m) * bp_type_size(bp_model_describe(m).type);
    bp_status status = measure(&out->predict_bytes, &out->predict_flops, m, bp_model_y(m), 1, false);
    if (status != BP_OK) {
        return status;
    }
    return measure(&out->train_bytes, &out->train_flops, m, bp_model_loss_node(m), out->batch, true);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void label(const terminal *t, const char *name)
{
    printf("%s%-10s%s", style_on(t, STYLE_DIM), name, style_off(t));
}

static void print_head(const terminal *t, const bp_model *m, const char *path)
{
    bp_model_options o = bp_model_describe(m);
    struct stat file;
    char bytes[NUMBER_SIZE] = "?";
    if (stat(path, &file) == 0) {
        bytes_text(bytes, (double)file.st_size);
    }
    printf("%s%s%s  (%s)\n\n", style_on(t, STYLE_BOLD), path, style_off(t), bytes);
    label(t, "predicts");
    const char *what = o.task == BP_CLASSIFY ? "classes" : o.outputs == 1 ? "number" : "numbers";
    printf("%zu %s from %zu input%s, %s\n", o.outputs, what, o.inputs, o.inputs == 1 ? "" : "s", bp_type_name(o.type));
    label(t, "loss");
    printf("%s, output %s\n", bp_loss_name(bp_model_loss(m)), bp_activation_name(bp_model_output(m)));
}

static void print_classes(const terminal *t, const bp_model *m)
{
    size_t outputs = bp_model_describe(m).outputs;
    if (bp_model_class(m, 0) == NULL) {
        return;
    }
    label(t, "classes");
    for (size_t i = 0; i < outputs && i < 20; i++) {
        printf("%s%s", i > 0 ? ", " : "", bp_model_class(m, i));
    }
    printf("%s\n", outputs > 20 ? ", ..." : "");
}

static void print_scaling(const terminal *t, const bp_model *m)
{
    const double *mean = NULL, *scale = NULL;
    size_t count = bp_model_scaling(m, &mean, &scale);
    if (count == 0 && bp_model_preparation_text(m) != NULL) {
        return; /* the preparation scales */
    }
    label(t, "scaling");
    if (count == 0) {
        printf("none\n");
    } else if (count == 1) {
        printf("(x - %.6g) * %.6g for every input\n", mean[0], scale[0]);
    } else {
        printf("(x - mean) * scale, each input its own; the first: (x - %.6g) * %.6g\n", mean[0], scale[0]);
    }
}

static void print_output_scaling(const terminal *t, const bp_model *m)
{
    const double *mean = NULL, *scale = NULL;
    size_t count = bp_model_output_scaling(m, &mean, &scale);
    if (count > 0) {
        label(t, "outputs");
        printf("y * %.6g + %.6g%s\n", scale[0], mean[0], count > 1 ? " is the first; each output its own" : "");
    }
}

/* What is known of a feature, and the first levels of a category. */
static void feature_text(char *out, size_t size, const bp_preparation *p, const bp_feature_info *f)
{
    enum { SHOWN = 12 };
    size_t used = (size_t)snprintf(out, size, "%s", f->text);
    for (size_t i = 0; strcmp(f->kind, "category") == 0 && i < f->inputs && used < size; i++) {
        char input[200];
        const char *name = bp_preparation_input(p, f->first + i, input, sizeof input);
        if (i == SHOWN) {
            snprintf(out + used, size - used, ", ...");
            return;
        }
        name += strncmp(name, f->column, strlen(f->column)) == 0 ? strlen(f->column) + 1 : 0; /* "colour=red" */
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : ": ", name);
    }
}

/* What becomes of each column of a table, on the way to the inputs. */
static bp_status print_preparation(const terminal *t, const bp_model *m)
{
    enum { COLUMN_NAMES = 24, PREPARATION = 9 + COLUMN_NAMES + 11 }; /* columns of the terminal */
    bp_preparation *p = NULL;
    bp_feature_info f;
    if (bp_model_preparation_text(m) == NULL) {
        return BP_OK;
    }
    bp_status status = bp_model_preparation(&p, m);
    if (status != BP_OK) {
        return status;
    }
    label(t, "target");
    for (size_t i = 0; bp_preparation_target(p, i, NULL, NULL) != NULL; i++) {
        printf("%s%s", i > 0 ? ", " : "", bp_preparation_target(p, i, NULL, NULL));
    }
    printf(" (%s)\n", bp_table_task_name(bp_preparation_task(p)));
    printf("\n%s%7s  %-24s %-9s %s%s\n", style_on(t, STYLE_BOLD), "inputs", "column", "kind", "preparation",
           style_off(t));
    for (size_t i = 0; bp_preparation_feature(p, i, &f); i++) {
        char inputs[NUMBER_SIZE], text[1000];
        feature_text(text, sizeof text, p, &f);
        snprintf(inputs, sizeof inputs, f.inputs > 1 ? "%zu-%zu" : "%zu", f.first, f.first + f.inputs - 1);
        printf("%7s  ", inputs);
        pad_text(stdout, f.column, COLUMN_NAMES);
        printf(" %-9s ", f.kind);
        wrap_text(stdout, text, PREPARATION, PREPARATION, t->width > 70 ? wrap_width(t) : SIZE_MAX);
    }
    const char *column = NULL, *text = NULL;
    for (size_t i = 0; bp_preparation_note(p, i, &column, &text); i++) {
        printf("%7s  %s", "-", style_on(t, STYLE_DIM));
        pad_text(stdout, column, COLUMN_NAMES);
        printf(" %-9s ", "");
        wrap_text(stdout, text, PREPARATION, PREPARATION, t->width > 70 ? wrap_width(t) : SIZE_MAX);
        fputs(style_off(t), stdout);
    }
    bp_preparation_free(p);
    return BP_OK;
}

static void print_layers(const terminal *t, const bp_model *m)
{
    bp_layer_info layer;
    char parameters[NUMBER_SIZE], flops[NUMBER_SIZE];
    double total = 0;
    printf("\n%s%5s  %-26s %8s %8s %13s %13s%s\n", style_on(t, STYLE_BOLD), "layer", "", "in", "out", "parameters",
           "flop a row", style_off(t));
    for (size_t i = 0; bp_model_layer(m, i, &layer); i++) {
        printf("%5zu  %-26s %8zu %8zu %13s %13s\n", i, layer.text, layer.inputs, layer.outputs,
               number_text(parameters, (double)layer.parameters), number_text(flops, layer.flops));
        total += layer.flops;
    }
    printf("%5s  %-26s %8s %8s %13s %13s\n\n", "", "total", "", "",
           number_text(parameters, (double)bp_model_parameters(m)), number_text(flops, total));
}

static void print_cost(const terminal *t, const cost *c)
{
    char weights[NUMBER_SIZE], one[NUMBER_SIZE], step[NUMBER_SIZE], flops[NUMBER_SIZE], text[4 * NUMBER_SIZE + 80];
    label(t, "memory");
    snprintf(text, sizeof text, "weights %s; predicting a row %s; a training step of %zu rows %s",
             bytes_text(weights, (double)c->weights), bytes_text(one, (double)c->predict_bytes), c->batch,
             bytes_text(step, (double)c->train_bytes));
    wrap_text(stdout, text, 10, 10, wrap_width(t));
    label(t, "work");
    printf("training on a row: %s flop\n", number_text(flops, c->train_flops));
}

static void print_notes(const terminal *t, const bp_model *m)
{
    const char *key = NULL, *value = NULL;
    size_t width = 0;
    for (size_t i = 0; bp_model_note_at(m, i, &key, &value); i++) {
        width = strlen(key) > width ? strlen(key) : width;
    }
    for (size_t i = 0; bp_model_note_at(m, i, &key, &value); i++) {
        if (i == 0) {
            printf("\n%snotes%s\n", style_on(t, STYLE_BOLD), style_off(t));
        }
        printf("  %-*s %s\n", (int)width, key, value);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *layers_json(const bp_model *m)
{
    bp_layer_info layer;
    json_t *layers = json_array();
    for (size_t i = 0; bp_model_layer(m, i, &layer); i++) {
        json_t *one = json_object();
        json_put_text(one, "layer", layer.text);
        json_put_size(one, "inputs", layer.inputs);
        json_put_size(one, "outputs", layer.outputs);
        json_put_size(one, "parameters", layer.parameters);
        json_put(one, "flops", layer.flops);
        json_array_append_new(layers, one);
    }
    return layers;
}

static json_t *numbers_json(const double *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_real(values[i]));
    }
    return list;
}

static void put_scaling(json_t *o, const char *key, size_t count, const double *mean, const double *scale)
{
    if (count > 0) {
        json_t *both = json_object();
        json_object_set_new(both, "mean", numbers_json(mean, count));
        json_object_set_new(both, "scale", numbers_json(scale, count));
        json_object_set_new(o, key, both);
    }
}

static void put_scalings(json_t *o, const bp_model *m)
{
    const double *mean = NULL, *scale = NULL;
    size_t count = bp_model_scaling(m, &mean, &scale);
    put_scaling(o, "scaling", count, mean, scale);
    count = bp_model_output_scaling(m, &mean, &scale);
    put_scaling(o, "output_scaling", count, mean, scale);
}

static void put_classes(json_t *o, const bp_model *m)
{
    if (bp_model_class(m, 0) != NULL) {
        json_t *list = json_array();
        for (size_t i = 0; bp_model_class(m, i) != NULL; i++) {
            json_array_append_new(list, json_string(bp_model_class(m, i)));
        }
        json_object_set_new(o, "classes", list);
    }
}

static exit_code inspect_json(const bp_model *m, const char *path, const cost *c)
{
    bp_model_options d = bp_model_describe(m);
    const char *key = NULL, *value = NULL;
    json_t *o = json_object(), *notes = json_object();
    json_put_text(o, "model", path);
    json_put_text(o, "task", bp_task_name(d.task));
    json_put_size(o, "inputs", d.inputs);
    json_put_size(o, "outputs", d.outputs);
    json_put_text(o, "net", d.net);
    json_put_text(o, "output", bp_activation_name(bp_model_output(m)));
    json_put_text(o, "loss", bp_loss_name(bp_model_loss(m)));
    json_put_text(o, "dtype", bp_type_name(d.type));
    json_put_size(o, "parameters", bp_model_parameters(m));
    put_classes(o, m);
    json_object_set_new(o, "layers", layers_json(m));
    put_scalings(o, m);
    json_put_size(o, "weight_bytes", c->weights);
    json_put_size(o, "predict_bytes", c->predict_bytes);
    json_put_size(o, "train_bytes", c->train_bytes);
    json_put_size(o, "batch", c->batch);
    json_put(o, "predict_flops", c->predict_flops);
    json_put(o, "train_flops", c->train_flops);
    for (size_t i = 0; bp_model_note_at(m, i, &key, &value); i++) {
        json_put_text(notes, key, value);
    }
    json_object_set_new(o, "notes", notes);
    const char *preparation = bp_model_preparation_text(m);
    json_t *prepared = preparation != NULL ? json_loads(preparation, 0, NULL) : NULL;
    json_object_set_new(o, "preparation", prepared != NULL ? prepared : json_null());
    return json_print(stdout, o);
}

static exit_code inspect_text(const bp_model *m, const char *path, const cost *c)
{
    terminal t = terminal_of(stdout);
    print_head(&t, m, path);
    print_classes(&t, m);
    print_scaling(&t, m);
    print_output_scaling(&t, m);
    if (print_preparation(&t, m) != BP_OK) {
        return fail_as(CODE_DATA);
    }
    print_layers(&t, m);
    print_cost(&t, c);
    print_notes(&t, m);
    return CODE_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* What belongs to --trace alone, and what does not go with it. */
static bp_status check_options(const options *o)
{
    static const option_id only_trace[] = {OPT_ROW, OPT_FULL, OPT_PART};
    for (size_t i = 0; i < sizeof only_trace / sizeof *only_trace; i++) {
        if (given(o, only_trace[i]) && !given(o, OPT_TRACE)) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s needs --trace DATA", option_table[only_trace[i]].name);
        }
    }
    if (given(o, OPT_JSON) && given(o, OPT_TRACE)) {
        return bp_fail(BP_ERR_ARGUMENT, "--trace prints text only; leave --json out, or use --full for every number");
    }
    return BP_OK;
}

exit_code run_inspect(const options *o)
{
    bp_model *m = NULL;
    cost c;
    if (check_options(o) != BP_OK) {
        return fail_usage(&command_table[CMD_INSPECT]);
    }
    if (given(o, OPT_TRACE)) {
        return run_trace(o);
    }
    if (bp_model_load(&m, o->positional[0], NULL) != BP_OK) {
        return fail_as(CODE_DATA);
    }
    bp_status status = cost_of(&c, m);
    exit_code code = CODE_OK;
    if (status != BP_OK) {
        code = fail_status(status);
    } else if (given(o, OPT_JSON)) {
        code = inspect_json(m, o->positional[0], &c);
    } else {
        code = inspect_text(m, o->positional[0], &c);
    }
    bp_model_free(m);
    return code;
}
