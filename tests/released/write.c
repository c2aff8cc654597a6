/* write.c - models of every kind as this version writes them, each beside inputs and what it answers:
 *   write FOLDER      NAME.safetensors, and NAME.answers: a line for each row, inputs, then answers
 * Only calls that version 0.1.0 had, so that the same program writes the files of every version. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backprop/io.h"

enum { INPUTS = 3, ROWS = 12 };

typedef struct kind {
    const char *name, *net, *output, *loss;
    bp_task task;
    size_t outputs;
    bp_type type;
} kind;

static const kind kinds[] = {
    {"softmax", "dense 4 relu, dropout 0.25, dense 3 tanh", "softmax", "cross-entropy", BP_CLASSIFY, 3, BP_F32},
    {"two-classes", "dense 3 gelu, dense 3 gelu_tanh", "sigmoid", "bce", BP_CLASSIFY, 2, BP_F64},
    {"sign", "dense 3 leaky_relu", "tanh", "mse", BP_CLASSIFY, 2, BP_F32},
    {"numbers", "dense 3 elu, dense 3 silu, dense 3 softplus", "linear", "mse", BP_REGRESS, 2, BP_F64},
    {"robust", "dense 3 sigmoid, dense 3 linear", "linear", "huber", BP_REGRESS, 1, BP_F32},
    {"no-layers", "", "linear", "mae", BP_REGRESS, 1, BP_F32},
};

static void need(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static bp_model *trained(const kind *k, const double *x)
{
    static const char *const names[] = {"red", "green \"light\"", "\xc3\xbcnlit"};
    static const double mean[] = {0.25, -0.5, 0}, scale[] = {2, 0.75, 1};
    double y[ROWS * 3] = {0};
    int32_t label[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < k->outputs; j++) {
            y[i * k->outputs + j] = j == 0 ? x[i * INPUTS] + 1 : x[i * INPUTS + 1] * x[i * INPUTS + 2];
        }
        label[i] = (int32_t)(i % k->outputs);
    }
    bp_model *m = NULL;
    bp_model_options o = bp_model_defaults();
    o.inputs = INPUTS;
    o.outputs = k->outputs;
    o.task = k->task;
    o.net = k->net;
    o.output = k->output;
    o.loss = k->loss;
    o.type = k->type;
    need(bp_model_new(&m, &o));
    need(bp_model_set_scaling(m, INPUTS, mean, scale));
    need(bp_model_set_note(m, "written by", "a test"));
    bp_data d = {.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64};
    if (k->task == BP_CLASSIFY) {
        need(bp_model_set_classes(m, names));
        d.classes = k->outputs;
        d.label = label;
    } else {
        d.targets = k->outputs;
        d.y = y;
    }
    bp_train_options run = bp_train_defaults();
    run.epochs = 5;
    need(bp_train(NULL, m, &d, &run));
    return m;
}

static void put_row(FILE *f, const bp_model *m, const double *x)
{
    bp_predictor *p = NULL;
    double wide[3];
    float narrow[3];
    bp_model_options o = bp_model_describe(m);
    need(bp_predictor_new(&p, m, 1, 1));
    need(bp_predict(p, o.type == BP_F32 ? (void *)narrow : (void *)wide, x, BP_F64, 1));
    for (size_t i = 0; i < INPUTS; i++) {
        fprintf(f, "%.17g ", x[i]);
    }
    for (size_t i = 0; i < o.outputs; i++) {
        fprintf(f, "%.17g%s", o.type == BP_F32 ? (double)narrow[i] : wide[i], i + 1 < o.outputs ? " " : "\n");
    }
    bp_predictor_free(p);
}

int main(int count, char **words)
{
    double x[ROWS * INPUTS];
    char path[1000];
    if (count != 2) {
        fprintf(stderr, "usage: write FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        x[i] = 2 * sin(1.7 * (double)i);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bp_model *m = trained(&kinds[i], x);
        snprintf(path, sizeof path, "%s/%s.safetensors", words[1], kinds[i].name);
        need(bp_model_save(m, path));
        snprintf(path, sizeof path, "%s/%s.answers", words[1], kinds[i].name);
        FILE *f = fopen(path, "w");
        if (!f) {
            perror(path);
            return 1;
        }
        for (size_t row = 0; row < ROWS; row++) {
            put_row(f, m, x + row * INPUTS);
        }
        bp_model_free(m);
        if (fclose(f) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}
