/* onnx_save.c - models as ONNX graphs: inputs, scaling, layers, answers. How the columns of a table become inputs is in
 * onnx_table.c, the graph itself in onnx_graph.c.
 *
 * ONNX Runtime computes in double what it has kernels for; the formulas below for f64 use only those. */
#include "backprop/io.h"
#include "format/model_slots.h"
#include "format/onnx_out.h"

#include <math.h>
#include <string.h>

/* ---- activations ------------------------------------------------------------------------------------------------- */

static const char *one_op(bp_onnx_out *s, const char *x, const char *op)
{
    return bp_onnx_op1(s->g, op, x);
}

static const char *with_alpha(bp_onnx_out *s, const char *x, const char *op, float alpha)
{
    const char *y = bp_onnx_op1(s->g, op, x);
    bp_onnx_float(s->g, "alpha", alpha);
    return y;
}

static const char *write_linear(bp_onnx_out *s, const char *x)
{
    (void)s;
    return x;
}

static const char *write_sigmoid(bp_onnx_out *s, const char *x)
{
    return one_op(s, x, "Sigmoid");
}

static const char *write_tanh(bp_onnx_out *s, const char *x)
{
    return one_op(s, x, "Tanh");
}

static const char *write_relu(bp_onnx_out *s, const char *x)
{
    return one_op(s, x, "Relu");
}

static const char *constant(bp_onnx_out *s, double value)
{
    return bp_onnx_scalar(s->g, s->element, value);
}

/* f64: max(x, 0.01 x) */
static const char *write_leaky_relu(bp_onnx_out *s, const char *x)
{
    if (s->element == BP_ONNX_FLOAT) {
        return with_alpha(s, x, "LeakyRelu", 0.01f);
    }
    return bp_onnx_op2(s->g, "Max", x, bp_onnx_op2(s->g, "Mul", x, constant(s, 0.01)));
}

/* f64: max(x, 0) + e^min(x, 0) - 1, one of the two being 0 */
static const char *write_elu(bp_onnx_out *s, const char *x)
{
    if (s->element == BP_ONNX_FLOAT) {
        return with_alpha(s, x, "Elu", 1);
    }
    const char *zero = constant(s, 0);
    const char *low = bp_onnx_op1(s->g, "Exp", bp_onnx_op2(s->g, "Min", x, zero));
    return bp_onnx_op2(s->g, "Add", bp_onnx_op2(s->g, "Max", x, zero), bp_onnx_op2(s->g, "Sub", low, constant(s, 1)));
}

/* f64: max(x, 0) + ln(1 + e^-|x|) */
static const char *write_softplus(bp_onnx_out *s, const char *x)
{
    if (s->element == BP_ONNX_FLOAT) {
        return one_op(s, x, "Softplus");
    }
    const char *small = bp_onnx_op1(s->g, "Exp", bp_onnx_op1(s->g, "Neg", bp_onnx_op1(s->g, "Abs", x)));
    const char *log = bp_onnx_op1(s->g, "Log", bp_onnx_op2(s->g, "Add", small, constant(s, 1)));
    return bp_onnx_op2(s->g, "Add", bp_onnx_op2(s->g, "Max", x, constant(s, 0)), log);
}

/* x/2 (1 + t) */
static const char *half_gate(bp_onnx_out *s, const char *x, const char *t)
{
    const char *half = bp_onnx_op2(s->g, "Mul", x, constant(s, 0.5));
    return bp_onnx_op2(s->g, "Mul", half, bp_onnx_op2(s->g, "Add", t, constant(s, 1)));
}

/* x/2 (1 + erf(x / sqrt 2)). ONNX Runtime has erf in single precision only. */
static const char *write_gelu(bp_onnx_out *s, const char *x)
{
    const char *z = bp_onnx_op2(s->g, "Mul", x, constant(s, sqrt(0.5)));
    if (s->element == BP_ONNX_DOUBLE) {
        z = bp_onnx_op1(s->g, "Erf", bp_onnx_cast(s->g, z, BP_ONNX_FLOAT));
        return half_gate(s, x, bp_onnx_cast(s->g, z, BP_ONNX_DOUBLE));
    }
    return half_gate(s, x, bp_onnx_op1(s->g, "Erf", z));
}

/* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
static const char *write_gelu_tanh(bp_onnx_out *s, const char *x)
{
    const char *square = bp_onnx_op2(s->g, "Mul", x, x);
    const char *inner =
        bp_onnx_op2(s->g, "Add", bp_onnx_op2(s->g, "Mul", square, constant(s, 0.044715)), constant(s, 1));
    const char *scaled = bp_onnx_op2(s->g, "Mul", x, constant(s, sqrt(2 / 3.14159265358979323846)));
    return half_gate(s, x, bp_onnx_op1(s->g, "Tanh", bp_onnx_op2(s->g, "Mul", scaled, inner)));
}

/* f64: x / (1 + e^-x), since ONNX Runtime turns x sigmoid(x) into an operator that it has for f32 only */
static const char *write_silu(bp_onnx_out *s, const char *x)
{
    if (s->element == BP_ONNX_FLOAT) {
        return bp_onnx_op2(s->g, "Mul", x, bp_onnx_op1(s->g, "Sigmoid", x));
    }
    const char *low = bp_onnx_op1(s->g, "Exp", bp_onnx_op1(s->g, "Neg", x));
    return bp_onnx_op2(s->g, "Div", x, bp_onnx_op2(s->g, "Add", low, constant(s, 1)));
}

static const char *write_softmax(bp_onnx_out *s, const char *x)
{
    const char *y = one_op(s, x, "Softmax");
    bp_onnx_int(s->g, "axis", -1);
    return y;
}

static const char *(*const activations[])(bp_onnx_out *s, const char *x) = {
    [BP_LINEAR] = write_linear,     [BP_SIGMOID] = write_sigmoid,       [BP_TANH] = write_tanh,
    [BP_RELU] = write_relu,         [BP_LEAKY_RELU] = write_leaky_relu, [BP_ELU] = write_elu,
    [BP_GELU] = write_gelu,         [BP_GELU_TANH] = write_gelu_tanh,   [BP_SILU] = write_silu,
    [BP_SOFTPLUS] = write_softplus, [BP_SOFTMAX] = write_softmax,
};
_Static_assert(sizeof activations / sizeof *activations == BP_ACTIVATIONS, "one function an activation");

/* ---- layers ------------------------------------------------------------------------------------------------------ */

/* A parameter under its own name, as in the model file: weights [out, in]. */
static const char *write_slot(bp_onnx_out *s, const bp_slot *t)
{
    void *data = bp_pool_alloc(&s->g->pool, bp_node_size(t->node), bp_type_size(t->tensor.type));
    if (!data) {
        s->g->status = BP_ERR_MEMORY;
        return NULL;
    }
    if (!bp_slot_finite(t, bp_param_values(t->node))) {
        s->g->status = bp_fail(BP_ERR_NUMERIC, "\"%s\" holds numbers that are not finite; such a model cannot predict",
                               t->tensor.name);
        return NULL;
    }
    bp_slot_to_file(data, t);
    return bp_onnx_raw(s->g, t->tensor.name, s->element, data, t->tensor.shape.dims, t->tensor.shape.dim);
}

static const char *write_dense(bp_onnx_out *s, const char *x, const bp_layer_info *l, bp_activation f)
{
    const char *w = write_slot(s, bp_slots_find(&s->slots, bp_node_name(l->w)));
    const char *b = write_slot(s, bp_slots_find(&s->slots, bp_node_name(l->b)));
    const char *z = bp_onnx_op(s->g, "Gemm", x, w, b);
    bp_onnx_int(s->g, "transB", 1);
    return activations[f](s, z);
}

/* The activation in the words that describe a layer: the last one of "dense 50 relu". */
static bp_activation layer_activation(const bp_layer_info *l)
{
    bp_activation f = BP_LINEAR;
    const char *word = strrchr(l->text, ' ');
    bp_activation_parse(&f, word ? word + 1 : "");
    return f;
}

static const char *write_layers(bp_onnx_out *s, const char *x)
{
    bp_layer_info l;
    for (size_t i = 0; bp_model_layer(s->m, i, &l); i++) {
        x = l.w ? write_dense(s, x, &l, layer_activation(&l)) : x; /* dropout does nothing when predicting */
    }
    return x;
}

/* (x - mean) * scale */
static const char *write_scaling(bp_onnx_out *s, const char *x)
{
    const double *mean, *scale;
    size_t count = bp_model_scaling(s->m, &mean, &scale);
    if (count == 0) {
        return x;
    }
    x = bp_onnx_op2(s->g, "Sub", x, bp_onnx_array(s->g, s->element, mean, 1, count, 0));
    return bp_onnx_op2(s->g, "Mul", x, bp_onnx_array(s->g, s->element, scale, 1, count, 0));
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Two classes with one unit: p = (y - low) / (high - low) within 0 and 1; [1 - p, p]. low is -1 for tanh, else 0. */
static const char *write_pair(bp_onnx_out *s, const char *y)
{
    bp_activation output = bp_model_output(s->m);
    if (output == BP_TANH) {
        y = bp_onnx_op2(s->g, "Mul", bp_onnx_op2(s->g, "Add", y, constant(s, 1)), constant(s, 0.5));
    }
    const char *p = output == BP_SIGMOID ? y : bp_onnx_op(s->g, "Clip", y, constant(s, 0), constant(s, 1));
    y = bp_onnx_op2(s->g, "Concat", bp_onnx_op2(s->g, "Sub", constant(s, 1), p), p);
    bp_onnx_int(s->g, "axis", 1);
    return y;
}

/* The number of the class; where names are wanted, its name. */
static void write_label(bp_onnx_out *s, const char *probabilities)
{
    bp_onnx_graph *g = s->g;
    size_t classes = bp_model_describe(s->m).outputs;
    const char *label = bp_onnx_op1(g, "ArgMax", probabilities);
    bp_onnx_int(g, "axis", 1);
    bp_onnx_int(g, "keepdims", 0);
    if (!s->named || !bp_model_class(s->m, 0)) {
        bp_onnx_output(g, "label", label, BP_ONNX_INT64, 0);
        return;
    }
    int64_t *number = bp_pool_alloc(&g->pool, classes, sizeof *number);
    const char **name = bp_pool_alloc(&g->pool, classes, sizeof *name);
    for (size_t i = 0; number && name && i < classes; i++) {
        number[i] = (int64_t)i;
        name[i] = bp_model_class(s->m, i);
    }
    if (!number || !name) {
        g->status = BP_ERR_MEMORY;
        return;
    }
    label = bp_onnx_op1(g, "ml:LabelEncoder", label);
    bp_onnx_ints(g, "keys_int64s", number, classes);
    bp_onnx_strings(g, "values_strings", name, classes);
    bp_onnx_output(g, "label", label, BP_ONNX_STRING, 0);
}

static void write_answers(bp_onnx_out *s, const char *y)
{
    const double *mean, *scale;
    bp_model_options o = bp_model_describe(s->m);
    if (o.task == BP_CLASSIFY) {
        y = bp_model_units(s->m) == o.outputs ? y : write_pair(s, y);
        write_label(s, y);
        bp_onnx_output(s->g, "probabilities", y, s->element, o.outputs);
        return;
    }
    size_t count = bp_model_output_scaling(s->m, &mean, &scale);
    if (count) {
        y = bp_onnx_op2(s->g, "Mul", y, bp_onnx_array(s->g, s->element, scale, 1, count, 0));
        y = bp_onnx_op2(s->g, "Add", y, bp_onnx_array(s->g, s->element, mean, 1, count, 0));
    }
    bp_onnx_output(s->g, "y", y, s->element, o.outputs);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bp_status write_graph(bp_onnx_out *s)
{
    bp_model_options o = bp_model_describe(s->m);
    s->element = o.type == BP_F32 ? BP_ONNX_FLOAT : BP_ONNX_DOUBLE;
    s->named = bp_model_preparation_text(s->m) != NULL;
    const char *x = NULL;
    bp_status status = BP_OK;
    if (s->named) {
        status = bp_onnx_table(s, &x);
    } else {
        x = bp_onnx_input(s->g, "x", s->element, o.inputs);
    }
    if (status != BP_OK) {
        return status;
    }
    write_answers(s, write_layers(s, write_scaling(s, x)));
    return s->g->status;
}

bp_status bp_onnx_save(const bp_model *m, const char *path)
{
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "exporting a model to ONNX: no path was given");
    }
    bp_allocator a = bp_allocator_or_default(bp_model_describe(m).allocator);
    bp_onnx_graph g;
    bp_onnx_graph_start(&g, &a);
    bp_onnx_out s = {.g = &g, .m = m};
    json_t *metadata = json_object();
    bp_status status = bp_slots_list(&s.slots, m, &a);
    status = status == BP_OK ? write_graph(&s) : status;
    status = status == BP_OK ? bp_model_metadata(metadata, m) : status;
    if (status != BP_OK) {
        bp_fail_context(status, "exporting the model to %s: ", path);
    } else {
        status = bp_onnx_graph_write(&g, path, metadata);
    }
    json_decref(metadata);
    bp_slots_release(&s.slots);
    bp_onnx_graph_free(&g);
    return status;
}
