/* c_source_int8.c - layers in 8-bit integers as C; c_source_quantize.c says what the numbers mean. Weights lie as
 * [output][input]: a sum of integers may be reordered, so that compilers make vectors of this loop, and processors without
 * vectors keep the sum in a register. */
#include "format/c_source.h"

#include <stdio.h>

static void write_weights(bp_c_file *f, const bp_c_layer *l, size_t number)
{
    bp_c_put(f, "/* Layer %zu: ", number);
    bp_c_remark(f, l->text);
    bp_c_put(f, ". */\nstatic const int8_t @_q%zu[%zu][%zu] = {\n", number, l->outputs, l->inputs);
    for (size_t j = 0; j < l->outputs; j++) {
        bp_c_raw(f, "    ");
        bp_c_bytes(f, l->q + j * l->inputs, l->inputs);
        bp_c_raw(f, ",\n");
    }
    bp_c_raw(f, "};\n");
    const struct {
        const char *name;
        const float *value;
    } table[] = {{"factor", l->scale}, {"bias", l->bias}};
    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        bp_c_put(f, "static const float @_%s%zu[%zu] = {", table[t].name, number, l->outputs);
        for (size_t j = 0; j < l->outputs; j++) {
            char text[BP_C_LITERAL];
            bp_c_put(f, "%s%s",
                     j == 0  ? ""
                     : j % 8 ? ", "
                             : ",\n     ",
                     bp_c_literal(text, (double)table[t].value[j], false));
        }
        bp_c_put(f, "};\n");
        f->constants += l->outputs * sizeof(float);
    }
    bp_c_raw(f, "\n");
}

static void write_byte(bp_c_file *f)
{
    bp_c_put(f, "/* v in steps of a layer's inputs, kept within 8 bits. */\n"
                "static int8_t @_byte(float v, float steps, float zero)\n{\n"
                "    float x = v * steps + zero;\n    x = x > -128 ? x : -128;\n    x = x < 127 ? x : 127;\n"
                "    return (int8_t)(x < 0 ? x - 0.5f : x + 0.5f);\n}\n\n");
}

/* @_byte(EXPRESSION, steps, zero) for the inputs of a layer: its beginning and its end. */
static void write_steps(bp_c_file *f, const bp_c_layer *l)
{
    char steps[BP_C_LITERAL];
    bp_c_put(f, ", %s, %d)", bp_c_literal(steps, (double)(1 / l->step), false), l->zero);
}

static void write_layer(bp_c_file *f, const bp_c_model *c, size_t layer)
{
    const bp_c_layer *l = &c->layer[layer];
    bool last = layer + 1 == c->layers, whole = l->f == BP_SOFTMAX && !last; /* softmax needs all of them */
    char z[128];
    snprintf(z, sizeof z, "(float)sum * %s_factor%zu[j] + %s_bias%zu[j]", f->name, layer + 1, f->name, layer + 1);
    bp_c_put(f, "static void @_layer%zu(%s *$_RESTRICT %s, const int8_t *$_RESTRICT x)\n{\n    size_t i, j;\n",
             layer + 1, last ? "float" : "int8_t", whole ? "out" : "y");
    if (whole) {
        bp_c_put(f, "    float y[%zu];\n", l->outputs);
    }
    bp_c_put(
        f,
        "    for (j = 0; j < %zu; j++) {\n        const int8_t *$_RESTRICT q = @_q%zu[j];\n"
        "        int32_t sum = 0;\n"
        "        for (i = 0; i < %zu; i++) {\n            sum += (int32_t)q[i] * x[i];\n        }\n        y[j] = ",
        l->outputs, layer + 1, l->inputs);
    if (last || whole) {
        bp_c_put(f, "%s", z);
    } else {
        bp_c_put(f, "@_byte(");
        bp_c_activated(f, l->f, z);
        write_steps(f, l + 1);
    }
    bp_c_put(f, ";\n    }\n");
    if (last || whole) {
        bp_c_activate(f, l);
    }
    if (whole) {
        bp_c_put(f, "    for (j = 0; j < %zu; j++) {\n        out[j] = @_byte(y[j]", l->outputs);
        write_steps(f, l + 1);
        bp_c_put(f, ";\n    }\n");
    }
    bp_c_put(f, "}\n\n");
}

/* Layer l takes its inputs from buffer l % 2. */
static void write_buffer(bp_c_file *f, const bp_c_model *c, size_t layer)
{
    if (layer == c->layers) {
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
    bp_c_put(f, "    {\n        size_t i;\n        for (i = 0; i < %zu; i++) {\n            scratch[i] = @_byte(",
             c->described.inputs);
    bp_c_scaled_input(f, c, "i");
    write_steps(f, &c->layer[0]);
    bp_c_put(f, ";\n        }\n    }\n");
    for (size_t l = 0; l < c->layers; l++) {
        bp_c_put(f, "    @_layer%zu(", l + 1);
        write_buffer(f, c, l + 1);
        bp_c_put(f, ", ");
        write_buffer(f, c, l);
        bp_c_put(f, ");\n");
    }
    bp_c_write_answer(f, c);
    bp_c_put(f, "}\n\n");
}

void bp_c_write_int8(bp_c_file *f, const bp_c_model *c)
{
    for (size_t l = 0; l < c->layers; l++) {
        write_weights(f, &c->layer[l], l + 1);
    }
    write_byte(f);
    for (size_t l = 0; l < c->layers; l++) {
        write_layer(f, c, l);
    }
    write_predict(f, c);
}
