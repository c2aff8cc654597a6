/* kinds.c - models of every kind, exported to ONNX, each beside a JSON file with inputs and with what the library answers:
 *   kinds DIR     writes DIR/NAME.onnx and DIR/NAME.json
 * run.sh hands them to ONNX's checker and to ONNX Runtime. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backprop/io.h"

enum { ROWS = 50, INPUTS = 7 };

static const char *folder;

static void need(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "kinds: %s\n", bp_error());
        exit(1);
    }
}

/* Numbers between -1 and 1, always the same. */
static double noise(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)state / 9223372036854775808.0;
}

static double at(const void *values, bp_type type, size_t i)
{
    float narrow = 0;
    double wide = 0;
    memcpy(&narrow, (const char *)values + i * sizeof narrow, type == BP_F32 ? sizeof narrow : 0);
    memcpy(&wide, (const char *)values + i * sizeof wide, type == BP_F64 ? sizeof wide : 0);
    return type == BP_F32 ? (double)narrow : wide;
}

/* ---- the JSON beside a model ------------------------------------------------------------------------------------- */

static json_t *tensor(const char *type, size_t rows, size_t columns, json_t *data)
{
    return json_pack("{s:s, s:[i,i], s:o}", "type", type, "dims", (int)rows, (int)columns, "data", data);
}

static json_t *numbers(const double *value, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, isnan(value[i]) ? json_null() : json_real(value[i]));
    }
    return list;
}

/* Exports m, and writes what it should answer. */
static void write_kind(const bp_model *m, const char *name, json_t *inputs, const bp_data *data)
{
    char path[1024];
    bp_model_options o = bp_model_describe(m);
    bp_predictor *p;
    void *y = calloc(data->rows * o.outputs, sizeof(double));
    json_t *answers = json_array(), *classes = json_array();
    need(bp_predictor_new(&p, m, 16, 1));
    need(bp_predict_data(p, y, data, 0, data->rows));
    for (size_t i = 0; i < data->rows * o.outputs; i++) {
        json_array_append_new(answers, json_real(at(y, o.type, i)));
    }
    for (size_t i = 0; i < o.outputs && bp_model_class(m, i); i++) {
        json_array_append_new(classes, json_string(bp_model_class(m, i)));
    }
    json_t *all =
        json_pack("{s:s, s:o, s:o, s:i, s:b, s:o, s:s}", "name", name, "inputs", inputs, "answers", answers, "outputs",
                  (int)o.outputs, "classify", o.task == BP_CLASSIFY, "classes", classes, "type", bp_type_name(o.type));
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    if (json_dump_file(all, path, JSON_REAL_PRECISION(17)) != 0) {
        fprintf(stderr, "kinds: cannot write %s\n", path);
        exit(1);
    }
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    need(bp_onnx_save(m, path));
    json_decref(all);
    bp_predictor_free(p);
    free(y);
}

/* ---- networks ---------------------------------------------------------------------------------------------------- */

static void randomise(bp_model *m)
{
    bp_graph *g = bp_model_graph(m);
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        bp_node *p = bp_graph_param(g, i);
        double *value = calloc(bp_node_size(p), sizeof *value);
        for (size_t j = 0; j < bp_node_size(p); j++) {
            value[j] = noise();
        }
        need(bp_param_set(p, value));
        free(value);
    }
}

static void network(const char *name, bp_model_options o)
{
    bp_model *m;
    double x[ROWS * INPUTS], mean[INPUTS], scale[INPUTS];
    const char *names[] = {"zero", "one", "two", "three", "four"};
    o.inputs = INPUTS;
    need(bp_model_new(&m, &o));
    randomise(m);
    for (size_t i = 0; i < INPUTS; i++) {
        mean[i] = noise();
        scale[i] = 1 + noise() / 2;
    }
    need(bp_model_set_scaling(m, o.outputs % 2 ? INPUTS : 1, mean, scale));
    if (o.task == BP_CLASSIFY) {
        need(bp_model_set_classes(m, names));
    } else if (bp_model_loss(m) != BP_BCE) {
        need(bp_model_set_output_scaling(m, o.outputs, mean, scale));
    }
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        x[i] = (double)(float)(3 * noise());
    }
    bp_data data = {.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64};
    json_t *inputs = json_object();
    json_object_set_new(inputs, "x",
                        tensor(o.type == BP_F32 ? "float32" : "float64", ROWS, INPUTS, numbers(x, ROWS * INPUTS)));
    write_kind(m, name, inputs, &data);
    bp_model_free(m);
}

static void every_activation(bp_type type)
{
    for (bp_activation f = 0; f < BP_ACTIVATIONS; f++) {
        char name[64], net[64];
        snprintf(name, sizeof name, "%s-%s", bp_activation_name(f), bp_type_name(type));
        snprintf(net, sizeof net, "dense 9 %s, dropout 0.3, dense 6 %s", bp_activation_name(f), bp_activation_name(f));
        bp_model_options o = bp_model_defaults();
        o.task = BP_REGRESS;
        o.net = net;
        o.type = type;
        o.outputs = 2;
        network(name, o);
    }
}

static void every_output(bp_type type)
{
    static const struct {
        const char *name;
        bp_task task;
        const char *output, *loss;
        size_t outputs;
    } kind[] = {
        {"softmax", BP_CLASSIFY, "softmax", "cross-entropy", 5},
        {"softmax2", BP_CLASSIFY, "softmax", "cross-entropy", 2},
        {"bce2", BP_CLASSIFY, "sigmoid", "bce", 2},
        {"bce3", BP_CLASSIFY, "sigmoid", "bce", 3},
        {"tanh2", BP_CLASSIFY, "tanh", "mse", 2},
        {"tanh4", BP_CLASSIFY, "tanh", "mse", 4},
        {"linear2", BP_CLASSIFY, "linear", "mse", 2},
        {"linear3", BP_CLASSIFY, "linear", "mse", 3},
        {"sigmoid-mse", BP_CLASSIFY, "sigmoid", "mse", 2},
        {"numbers", BP_REGRESS, "linear", "huber", 3},
        {"numbers-tanh", BP_REGRESS, "tanh", "mae", 2},
        {"labels", BP_REGRESS, "sigmoid", "bce", 4},
        {"numbers-softmax", BP_REGRESS, "softmax", "mse", 3},
    };
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        char name[64];
        snprintf(name, sizeof name, "out-%s-%s", kind[i].name, bp_type_name(type));
        bp_model_options o = bp_model_defaults();
        o.task = kind[i].task;
        o.output = kind[i].output;
        o.loss = kind[i].loss;
        o.outputs = kind[i].outputs;
        o.net = i % 3 == 0 ? "" : "dense 6 tanh";
        o.type = type;
        network(name, o);
    }
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Every kind of column, with missing values in all of them. */
static void write_csv(const char *path, size_t rows)
{
    static const char *const colour[] = {"red", "green", "blue", "", "violet"};
    FILE *f = fopen(path, "w");
    fputs("size,tail,heavy,flag,two,colour,code,when,big,kind,price,rain,wind\n", f);
    for (size_t i = 0; i < rows; i++) {
        double a = noise(), b = noise(), c = noise();
        fprintf(f, i % 17 == 3 ? "," : "%.6f,", 100 + 20 * a);
        fprintf(f, "%.0f,%.9g,", exp(6 * b) > 100 ? 1000.0 : floor(8 * (b + 1)), exp(8 * c));
        fprintf(f, "%s,%s,", i % 13 == 5 ? "" : a > 0 ? "yes" : "no", b > 0 ? "1" : "0");
        fprintf(f, "%s,c%zu,", i % 97 == 0 ? "rare" : colour[i % 5], i * 7 % 90);
        fprintf(f, i % 19 == 7 ? "," : "%04zu-%02zu-%02zu %02zu:30:00,", 1950 + i % 120, i * 5 % 12 + 1, i % 28 + 1,
                i % 24);
        fprintf(f, "%.3f,", 16777217.125 + (double)i * 1000003);
        fprintf(f, "%s,%.4f,%s,%s\n",
                a + b > 0.3    ? "dear"
                : a + b < -0.3 ? "cheap"
                               : "fair",
                100 * a + 10 * b, a > 0 ? "yes" : "no", c > 0 ? "yes" : "no");
    }
    fclose(f);
}

static json_t *column_tensor(const bp_table *t, size_t column, const bp_feature_info *f, bool text)
{
    bp_column_info info = bp_table_column(t, column);
    json_t *list = json_array();
    for (size_t r = 0; r < bp_table_rows(t); r++) {
        double x = info.kind == BP_COLUMN_TEXT ? 0 : bp_table_number(t, r, column);
        const char *s = info.kind == BP_COLUMN_TEXT ? bp_table_text(t, r, column) : NULL;
        char number[32] = "";
        if (text && info.kind != BP_COLUMN_TEXT && !isnan(x)) {
            snprintf(number, sizeof number, "%.10g", x);
        }
        json_array_append_new(list, text ? json_string(s ? s : number) : isnan(x) ? json_null() : json_real(x));
    }
    bool wide = strcmp(f->kind, "date") == 0 || info.type == BP_F64;
    return tensor(text ? "string" : wide ? "float64" : "float32", bp_table_rows(t), 1, list);
}

static void table(const char *name, const char *csv, const char *const *target, size_t targets, bp_numbers_rule rule,
                  bp_type type)
{
    static const char *const drop[] = {"kind", "price", "rain", "wind"}, *const codes[] = {"code"};
    bp_table *t;
    bp_preparation *p;
    bp_dataset *d;
    bp_model *m;
    need(bp_table_read(&t, csv, NULL));
    bp_prepare_options o = bp_prepare_defaults();
    const char *dropped[4];
    size_t drops = 0;
    for (size_t i = 0; i < 4; i++) {
        bool wanted = false;
        for (size_t k = 0; k < targets; k++) {
            wanted = wanted || strcmp(drop[i], target[k]) == 0;
        }
        if (!wanted) {
            dropped[drops++] = drop[i];
        }
    }
    o.target = (bp_columns){target, targets};
    o.drop = (bp_columns){dropped, drops};
    o.categorical = (bp_columns){codes, 1};
    o.numbers = rule;
    o.max_levels = 60;
    need(bp_preparation_fit(&p, t, NULL, 300, &o));
    bp_model_options net = bp_model_defaults();
    bp_table_task task = bp_preparation_task(p);
    net.inputs = bp_preparation_inputs(p);
    net.outputs = bp_preparation_outputs(p);
    net.task = task == BP_TABLE_CLASSIFY ? BP_CLASSIFY : BP_REGRESS;
    net.loss = task == BP_TABLE_MULTILABEL ? "bce" : NULL;
    net.net = "dense 8 tanh";
    net.type = type;
    need(bp_model_new(&m, &net));
    need(bp_model_set_preparation(m, p));
    const char *names[8];
    for (size_t i = 0; i < net.outputs && i < 8; i++) {
        names[i] = bp_preparation_class(p, i);
    }
    if (net.task == BP_CLASSIFY) {
        need(bp_model_set_classes(m, names));
    } else if (task == BP_TABLE_REGRESS) {
        double mean, deviation;
        bp_preparation_target(p, 0, &mean, &deviation);
        need(bp_model_set_output_scaling(m, 1, &mean, &deviation));
    }
    need(bp_preparation_apply(&d, p, t, NULL, bp_table_rows(t), false, NULL, NULL));
    json_t *inputs = json_object();
    bp_feature_info f;
    for (size_t i = 0; bp_preparation_feature(p, i, &f); i++) {
        size_t column = bp_table_find(t, f.column);
        bool text = strcmp(f.kind, "category") == 0 || bp_table_column(t, column).kind == BP_COLUMN_TEXT;
        json_object_set_new(inputs, f.column, column_tensor(t, column, &f, text));
    }
    write_kind(m, name, inputs, &d->train);
    bp_model_free(m);
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(t);
}

static void every_table(bp_type type)
{
    static const char *const kind[] = {"kind"}, *const price[] = {"price"}, *const both[] = {"rain", "wind"};
    char csv[1024], name[64];
    snprintf(csv, sizeof csv, "%s/table.csv", folder);
    write_csv(csv, 400);
    for (bp_numbers_rule r = 0; r < BP_NUMBERS_RULES; r++) {
        snprintf(name, sizeof name, "table-%s-%s", bp_numbers_rule_name(r), bp_type_name(type));
        table(name, csv, price, 1, r, type);
    }
    snprintf(name, sizeof name, "table-classes-%s", bp_type_name(type));
    table(name, csv, kind, 1, BP_NUMBERS_AUTO, type);
    snprintf(name, sizeof name, "table-labels-%s", bp_type_name(type));
    table(name, csv, both, 2, BP_NUMBERS_AUTO, type);
}

int main(int count, char **words)
{
    if (count != 2) {
        fprintf(stderr, "usage: kinds DIR\n");
        return 2;
    }
    folder = words[1];
    for (bp_type type = BP_F32; type <= BP_F64; type++) {
        every_activation(type);
        every_output(type);
        every_table(type);
    }
    return 0;
}
