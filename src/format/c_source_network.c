/* c_source_network.c - layers as C: one function a layer, with bounds that the compiler sees.
 *
 * A layer adds rows of its weights, which lie as [input][output], to all outputs at once: each output is the sum over the
 * inputs from the first to the last, so that compilers may use vectors without reordering a sum. Four rows at a time, so
 * that the outputs are read and written a quarter as often. Loops over outputs are cut where they stop being a multiple of
 * 16: compilers that vectorise only loops without a rest do so then. */
#include "format/c_source.h"

#include <stdio.h>
#include <string.h>

#include "graph/node.h"

/* ---- Activations ------------------------------------------------------------------------------------------------- */

typedef struct activation {
    const char *body; /* of the function of one number x; %s: its parameter */
    bool math;        /* calls libm */
} activation;

static const activation activations[] = {
    [BP_LINEAR] = {NULL, false},
    [BP_SIGMOID] = {"    const ~ e = exp^(-fabs^(x)); /* never overflows */\n"
                    "    return (x < 0 ? e : 1) / (1 + e);\n",
                    true},
    [BP_TANH] = {"    return tanh^(x);\n", true},
    [BP_RELU] = {"    return x < 0 ? 0 : x;\n", false},
    [BP_LEAKY_RELU] = {"    return x > 0 ? x : %s * x;\n", false},
    [BP_ELU] = {"    return x > 0 ? x : %s * expm1^(x);\n", true},
    [BP_GELU] = {"    return x / 2 * (1 + erf^(x * 0.70710678118654752440^));\n", true},
    [BP_GELU_TANH] = {"    const ~ u = 0.79788456080286535588^ * (x + 0.044715^ * x * x * x);\n"
                      "    return x / 2 * (1 + tanh^(u));\n",
                      true},
    [BP_SILU] = {"    const ~ e = exp^(-fabs^(x));\n"
                 "    return x * (x < 0 ? e : 1) / (1 + e);\n",
                 true},
    [BP_SOFTPLUS] = {"    return (x > 0 ? x : 0) + log1p^(exp^(-fabs^(x)));\n", true},
    [BP_SOFTMAX] = {NULL, true},
};
_Static_assert(sizeof activations / sizeof *activations == BP_ACTIVATIONS, "one row for each activation");

/* "gelu-tanh" is no name in C. */
static void function_name(char out[BP_C_NAME], bp_activation a)
{
    bp_c_identifier(out, bp_activation_name(a), false);
}

bool bp_c_needs_math(const bp_c_model *c)
{
    bool needs = c->p != NULL;
    for (size_t l = 0; l < c->layers; l++) {
        needs = needs || activations[c->layer[l].f].math;
    }
    return needs;
}

static void write_softmax(bp_c_file *f)
{
    bp_c_put(f, "/* exp(v_j) / sum_k exp(v_k) */\n"
                "static void @_softmax(~ *v, size_t n)\n"
                "{\n"
                "    ~ most = v[0], sum = 0;\n"
                "    size_t i;\n"
                "    for (i = 1; i < n; i++) {\n"
                "        most = v[i] > most ? v[i] : most;\n"
                "    }\n"
                "    for (i = 0; i < n; i++) {\n"
                "        v[i] = exp^(v[i] - most);\n"
                "        sum += v[i];\n"
                "    }\n"
                "    for (i = 0; i < n; i++) {\n"
                "        v[i] /= sum;\n"
                "    }\n"
                "}\n\n");
}

static void write_activation(bp_c_file *f, bp_activation a)
{
    char name[BP_C_NAME], parameter[BP_C_LITERAL];
    if (a == BP_SOFTMAX) {
        write_softmax(f);
    } else if (activations[a].body) {
        function_name(name, a);
        bp_c_put(f, "static ~ @_%s(~ x)\n{\n", name);
        bp_c_literal(parameter, bp_activation_parameter(a), f->wide);
        const char *body = activations[a].body, *hole = strstr(body, "%s");
        if (hole) {
            bp_c_put(f, "%.*s%s%s", (int)(hole - body), body, parameter, hole + 2);
        } else {
            bp_c_put(f, "%s", body);
        }
        bp_c_put(f, "}\n\n");
    }
}

void bp_c_write_activations(bp_c_file *f, const bp_c_model *c)
{
    bool used[BP_ACTIVATIONS] = {false};
    for (size_t l = 0; l < c->layers; l++) {
        used[c->layer[l].f] = true;
    }
    for (size_t a = 0; a < BP_ACTIVATIONS; a++) {
        if (used[a]) {
            write_activation(f, (bp_activation)a);
        }
    }
}

void bp_c_activate(bp_c_file *f, const bp_c_layer *l)
{
    char name[BP_C_NAME];
    function_name(name, l->f);
    if (l->f == BP_SOFTMAX) {
        bp_c_put(f, "    @_softmax(y, %zu);\n", l->outputs);
    } else if (l->f != BP_LINEAR) {
        bp_c_put(f, "    for (j = 0; j < %zu; j++) {\n        y[j] = @_%s(y[j]);\n    }\n", l->outputs, name);
    }
}

void bp_c_activated(bp_c_file *f, bp_activation a, const char *expression)
{
    char name[BP_C_NAME];
    function_name(name, a);
    if (a == BP_LINEAR) {
        bp_c_put(f, "%s", expression);
    } else {
        bp_c_put(f, "@_%s(%s)", name, expression);
    }
}

/* ---- Scaling ----------------------------------------------------------------------------------------------------- */

/* A mean or scale of inputs as the model uses it: one of type f32 rounds it. */
static double as_used(const bp_c_model *c, double value)
{
    return c->described.type == BP_F64 ? value : (double)(float)value;
}

/* What a mean loses when it becomes a float, taken off separately: the mean may be far greater than the deviation. */
static double mean_rest(const bp_c_model *c, double mean)
{
    return c->o.type == BP_F64 ? 0 : as_used(c, mean) - (double)(float)mean;
}

static bool has_rest(const bp_c_model *c, const double *mean, size_t count)
{
    bool rest = false;
    for (size_t i = 0; i < count; i++) {
        rest = rest || mean_rest(c, mean[i]) != 0;
    }
    return rest;
}

static void write_derived(bp_c_file *f, const bp_c_model *c, const char *name, const double *value, size_t count,
                          double (*derive)(const bp_c_model *, double))
{
    bp_pool work = {c->pool.allocator, NULL};
    double *derived = bp_pool_alloc(&work, count, sizeof *derived);
    for (size_t i = 0; derived && i < count; i++) {
        derived[i] = derive(c, value[i]);
    }
    if (derived) {
        bp_c_table(f, name, derived, count, f->wide);
    }
    f->status = derived ? f->status : BP_ERR_MEMORY;
    bp_pool_free(&work);
}

bp_status bp_c_write_scaling(bp_c_file *f, const bp_c_model *c)
{
    const double *mean, *scale;
    size_t count = bp_model_scaling(c->m, &mean, &scale);
    if (count > 1) {
        bool rest = has_rest(c, mean, count);
        bp_c_put(f, "/* Inputs: (x - mean) * scale%s. */\n", rest ? ", the mean in two parts" : "");
        write_derived(f, c, "mean", mean, count, as_used);
        write_derived(f, c, "scale", scale, count, as_used);
        if (rest) {
            write_derived(f, c, "rest", mean, count, mean_rest);
        }
        bp_c_raw(f, "\n");
    }
    count = bp_model_output_scaling(c->m, &mean, &scale);
    if (count > 0) {
        bp_c_put(f, "/* Outputs: y * out_scale + out_mean. */\n");
        bp_c_table(f, "out_mean", mean, count, f->wide);
        bp_c_table(f, "out_scale", scale, count, f->wide);
        bp_c_raw(f, "\n");
    }
    return f->status;
}

void bp_c_scaled_input(bp_c_file *f, const bp_c_model *c, const char *index)
{
    const double *mean, *scale;
    char text[3][BP_C_LITERAL];
    size_t count = bp_model_scaling(c->m, &mean, &scale);
    if (count == 0) {
        bp_c_put(f, "x[%s]", index);
        return;
    }
    bool rest = has_rest(c, mean, count);
    if (count > 1) {
        bp_c_put(f, rest ? "((x[%s] - @_mean[%s]) - @_rest[%s]) * @_scale[%s]" : "(x[%s] - @_mean[%s]) * @_scale[%s]",
                 index, index, index, index);
        return;
    }
    bp_c_literal(text[0], as_used(c, mean[0]), f->wide);
    bp_c_literal(text[1], mean_rest(c, mean[0]), f->wide);
    bp_c_literal(text[2], as_used(c, scale[0]), f->wide);
    if (rest) {
        bp_c_put(f, "((x[%s] - (%s)) - (%s)) * (%s)", index, text[0], text[1], text[2]);
    } else {
        bp_c_put(f, "(x[%s] - (%s)) * (%s)", index, text[0], text[2]);
    }
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */

enum { ROWS = 4 };

static void write_weights(bp_c_file *f, const bp_c_layer *l, size_t number)
{
    bp_c_put(f, "/* Layer %zu: ", number);
    bp_c_remark(f, l->text);
    bp_c_put(f, ". */\nstatic const ~ @_w%zu[%zu][%zu] = {\n", number, l->inputs, l->outputs);
    for (size_t i = 0; i < l->inputs; i++) {
        bp_c_raw(f, "    ");
        bp_c_list(f, l->w + i * l->outputs, l->outputs, f->wide);
        bp_c_raw(f, ",\n");
    }
    bp_c_raw(f, "};\n");
    char name[BP_C_NAME];
    snprintf(name, sizeof name, "b%zu", number);
    bp_c_table(f, name, l->b, l->outputs, f->wide);
    bp_c_raw(f, "\n");
}

/* y[j] += x0 w[i][j] + x1 w[i + 1][j] ... for j from .. to. */
static void write_columns(bp_c_file *f, size_t number, const char *const *index, size_t rows, size_t from, size_t to)
{
    if (from == to) {
        return;
    }
    bp_c_put(f, "        for (j = %zu; j < %zu; j++) {\n            y[j] = y[j]", from, to);
    for (size_t k = 0; k < rows; k++) {
        bp_c_put(f, " + x%zu * @_w%zu[%s][j]", k, number, index[k]);
    }
    bp_c_put(f, ";\n        }\n");
}

/* The inputs `first` .. `first` + rows - 1; first NULL: i ... */
static void write_rows(bp_c_file *f, const bp_c_model *c, size_t layer, bool looped, size_t first, size_t rows)
{
    const bp_c_layer *l = &c->layer[layer];
    char text[ROWS][32];
    const char *index[ROWS];
    for (size_t k = 0; k < rows; k++) {
        snprintf(text[k], sizeof text[k], !looped ? "%zu" : k ? "i + %zu" : "i", first + k);
        index[k] = text[k];
        bp_c_put(f, "        const ~ x%zu = ", k);
        if (layer == 0) {
            bp_c_scaled_input(f, c, index[k]);
        } else {
            bp_c_put(f, "x[%s]", index[k]);
        }
        bp_c_put(f, ";\n");
    }
    size_t unit = l->outputs >= 16 ? 16 : 4, cut = l->outputs / unit * unit;
    write_columns(f, layer + 1, index, rows, 0, cut);
    write_columns(f, layer + 1, index, rows, cut, l->outputs);
}

static void write_layer(bp_c_file *f, const bp_c_model *c, size_t layer)
{
    const bp_c_layer *l = &c->layer[layer];
    size_t whole = l->inputs / ROWS * ROWS;
    bp_c_put(f, "static void @_layer%zu(~ *$_RESTRICT y, const ~ *$_RESTRICT x)\n{\n    size_t %sj;\n", layer + 1,
             whole ? "i, " : "");
    bp_c_put(f, "    for (j = 0; j < %zu; j++) {\n        y[j] = @_b%zu[j];\n    }\n", l->outputs, layer + 1);
    if (whole) {
        bp_c_put(f, "    for (i = 0; i < %zu; i += %d) {\n", whole, ROWS);
        write_rows(f, c, layer, true, 0, ROWS);
        bp_c_put(f, "    }\n");
    }
    if (whole < l->inputs) {
        bp_c_put(f, "    {\n");
        write_rows(f, c, layer, false, whole, l->inputs - whole);
        bp_c_put(f, "    }\n");
    }
    bp_c_activate(f, l);
    bp_c_put(f, "}\n\n");
}

/* ---- Predicting -------------------------------------------------------------------------------------------------- */

/* From what the network says to what the caller gets, in y. */
void bp_c_write_answer(bp_c_file *f, const bp_c_model *c)
{
    const double *mean, *scale;
    size_t count = bp_model_output_scaling(c->m, &mean, &scale);
    if (bp_model_units(c->m) != c->described.outputs) { /* one unit for two classes */
        bp_c_put(f, "    /* the unit says how probable the second class is */\n    y[1] = %s;\n",
                 bp_model_output(c->m) == BP_TANH ? "(y[0] + 1) / 2" : "y[0]");
        bp_c_put(f, "    y[1] = y[1] < 0 ? 0 : y[1] > 1 ? 1 : y[1];\n    y[0] = 1 - y[1];\n");
    } else if (count > 0) {
        bp_c_put(f, "    for (j = 0; j < %zu; j++) {\n        y[j] = y[j] * @_out_scale[j] + @_out_mean[j];\n    }\n",
                 count);
    }
}

void bp_c_open_predict(bp_c_file *f, const bp_c_model *c)
{
    const double *mean, *scale;
    bp_c_put(f, "void @_predict(~ *y, const ~ *x, %s *scratch)\n{\n", bp_c_is_int8(c) ? "int8_t" : "~");
    if (bp_model_units(c->m) == c->described.outputs && bp_model_output_scaling(c->m, &mean, &scale) > 0) {
        bp_c_put(f, "    size_t j;\n");
    }
}

/* Where the layers leave their outputs: they take turns with two buffers; the last one writes to y. */
static void write_place(bp_c_file *f, const bp_c_model *c, size_t layer)
{
    if (layer + 1 == c->layers) {
        bp_c_put(f, "y");
    } else if (layer % 2 == 0) {
        bp_c_put(f, "scratch");
    } else {
        bp_c_put(f, "scratch + %zu", c->scratch[0]);
    }
}

static void write_predict(bp_c_file *f, const bp_c_model *c)
{
    bp_c_open_predict(f, c);
    for (size_t l = 0; l < c->layers; l++) {
        bp_c_put(f, "    @_layer%zu(", l + 1);
        write_place(f, c, l);
        bp_c_put(f, ", ");
        if (l == 0) {
            bp_c_put(f, "x");
        } else {
            write_place(f, c, l - 1);
        }
        bp_c_put(f, ");\n");
    }
    if (c->layers == 1) {
        bp_c_put(f, "    (void)scratch;\n");
    }
    bp_c_write_answer(f, c);
    bp_c_put(f, "}\n\n");
}

void bp_c_write_network(bp_c_file *f, const bp_c_model *c)
{
    for (size_t l = 0; l < c->layers; l++) {
        write_weights(f, &c->layer[l], l + 1);
    }
    for (size_t l = 0; l < c->layers; l++) {
        write_layer(f, c, l);
    }
    write_predict(f, c);
}
