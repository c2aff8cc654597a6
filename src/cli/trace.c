/* trace.c - w, b, z, a, delta, dC/db, dC/dw of every layer for one sample: all that is needed to follow it by hand.
 *
 * The model is copied to f64 with one op for each formula, so that every quantity of the literature is a node of the graph.
 * Samples are rows here, so z = a_in w + b, and the four equations read
 *   BP1  delta = dC/da * f'(z)           BP3  dC/db = delta
 *   BP2  delta = (delta' w'^T) * f'(z)   BP4  dC/dw = a_in^T delta                (' is the next layer) */
#include "trace.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "memory.h"
#include "report.h"
#include "subject.h"

enum { FIRST = 6 }; /* numbers shown of a tensor without --full */

typedef struct tracing {
    const options *o;
    subject s;
    bp_model *exact;
    bp_session *session;
    double *values; /* room for the largest tensor */
    terminal terminal;
    bp_status status; /* the first failure */
} tracing;

/* ---- printing one tensor ----------------------------------------------------------------------------------------- */

static void shape_text(char *out, size_t size, bp_shape s)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < s.dims && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i > 0 ? " x " : "", s.dim[i]);
    }
}

static void print_summary(const tracing *t, const double *v, size_t n)
{
    double low = INFINITY, high = -INFINITY, sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
        sum += v[i];
        square += v[i] * v[i];
    }
    fprintf(t->terminal.file, "         min %.4g  max %.4g  mean %.4g  norm %.4g\n        ", low, high, sum / (double)n,
            sqrt(square));
    for (size_t i = 0; i < n && i < FIRST; i++) {
        fprintf(t->terminal.file, " %.5g", v[i] + 0.0); /* -0 is 0 */
    }
    fprintf(t->terminal.file, "%s\n", n > FIRST ? " ..." : "");
}

/* A matrix row by row, so that lines can be compared with other programs' output. */
static void print_full(const tracing *t, const double *v, bp_shape s)
{
    size_t columns = s.dim[s.dims - 1], n = 1;
    for (int i = 0; i < s.dims; i++) {
        n *= s.dim[i];
    }
    for (size_t i = 0; i < n; i++) {
        fprintf(t->terminal.file, "%s%.17g%s", i % columns == 0 ? "         " : " ", v[i] + 0.0,
                (i + 1) % columns == 0 ? "\n" : "");
    }
}

/* equation: "BP1" or "". gradient: dC/dnode instead of its value. */
static void show(tracing *t, const char *equation, const char *formula, const bp_node *node, bool gradient)
{
    char shape[64];
    bp_shape s = bp_node_shape(node);
    if (t->status != BP_OK) {
        return;
    }
    t->status =
        gradient ? bp_session_gradient(t->session, node, t->values) : bp_session_get(t->session, node, t->values);
    if (t->status != BP_OK) {
        return;
    }
    shape_text(shape, sizeof shape, s);
    fprintf(t->terminal.file, "  %s%-4s%s %-34s %s%s%s\n", style_on(&t->terminal, STYLE_ACCENT), equation,
            style_off(&t->terminal), formula, style_on(&t->terminal, STYLE_DIM), shape, style_off(&t->terminal));
    if (given(t->o, OPT_FULL)) {
        print_full(t, t->values, s);
    } else {
        print_summary(t, t->values, bp_node_size(node));
    }
}

/* ---- the way forward and back ------------------------------------------------------------------------------------ */

static void title(const tracing *t, const char *text)
{
    fprintf(t->terminal.file, "\n%s%s%s\n", style_on(&t->terminal, STYLE_BOLD), text, style_off(&t->terminal));
}

static size_t count_layers(const bp_model *m)
{
    bp_layer_info layer;
    size_t count = 0;
    while (bp_model_layer(m, count, &layer)) {
        count++;
    }
    return count;
}

/* "layer 2: dense 50 relu, 784 -> 50" */
static void layer_title(const tracing *t, size_t index, const bp_layer_info *layer)
{
    char text[128];
    snprintf(text, sizeof text, "layer %zu: %s, %zu -> %zu", index, layer->text, layer->inputs, layer->outputs);
    title(t, text);
}

static void forward_layer(tracing *t, size_t index, const bp_layer_info *layer)
{
    layer_title(t, index, layer);
    if (layer->w == NULL) {
        fprintf(t->terminal.file, "       passes on what it gets, outside training\n");
        return;
    }
    show(t, "", "w", layer->w, false);
    show(t, "", "b", layer->b, false);
    show(t, "", "z = a_in w + b", layer->z, false);
    show(t, "", "a = f(z)", layer->a, false);
}

static void backward_layer(tracing *t, size_t index, const bp_layer_info *layer, bool output)
{
    layer_title(t, index, layer);
    if (layer->w == NULL) {
        fprintf(t->terminal.file, "       passes back what it gets, outside training\n");
        return;
    }
    show(t, output ? "BP1" : "BP2", output ? "delta = dC/da * f'(z)" : "delta = (delta' w'^T) * f'(z)", layer->z, true);
    show(t, "BP3", "dC/db = delta", layer->b, true);
    show(t, "BP4", "dC/dw = a_in^T delta", layer->w, true);
}

static void print_trace(tracing *t)
{
    bp_layer_info layer;
    size_t layers = count_layers(t->exact);
    title(t, "forward");
    show(t, "", "x, scaled", bp_model_x(t->exact), false);
    for (size_t i = 0; i < layers && bp_model_layer(t->exact, i, &layer); i++) {
        forward_layer(t, i, &layer);
    }
    fprintf(t->terminal.file, "\n%scost%s C = %.9g  (%s)\n", style_on(&t->terminal, STYLE_BOLD),
            style_off(&t->terminal), bp_session_objective(t->session), bp_loss_name(bp_model_loss(t->exact)));
    title(t, "backward");
    for (size_t i = layers; i-- > 0 && bp_model_layer(t->exact, i, &layer);) {
        backward_layer(t, i, &layer, i + 1 == layers);
    }
    title(t, "input");
    show(t, "", "dC/dx = delta' w'^T", bp_model_x(t->exact), true);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static size_t largest_tensor(const bp_model *m)
{
    bp_layer_info layer;
    size_t most = bp_node_size(bp_model_x(m));
    for (size_t i = 0; bp_model_layer(m, i, &layer); i++) {
        const bp_node *nodes[4] = {layer.w, layer.b, layer.z, layer.a};
        for (size_t k = 0; k < 4; k++) {
            if (nodes[k] != NULL && bp_node_size(nodes[k]) > most) {
                most = bp_node_size(nodes[k]);
            }
        }
    }
    return most;
}

static bp_status prepare(tracing *t, size_t row)
{
    const bp_data *d = &t->s.part.data;
    if (row >= d->rows) {
        return bp_fail(BP_ERR_ARGUMENT, "--row %zu: the %s part of %s has rows 0-%zu", row, t->s.part.name,
                       t->s.set->name, d->rows - 1);
    }
    bp_model_options as = bp_model_describe(t->s.model);
    as.type = BP_F64;
    as.unfused = true;
    bp_status status = bp_model_copy(&t->exact, t->s.model, &as);
    if (status == BP_OK) {
        status = loss_session(&t->session, t->exact, d, row, 1);
    }
    if (status == BP_OK) {
        status = bp_forward(t->session, 1);
    }
    if (status == BP_OK) {
        status = bp_backward(t->session);
    }
    if (status != BP_OK) {
        return status;
    }
    t->values = cli_alloc(largest_tensor(t->exact), sizeof *t->values);
    return t->values != NULL ? BP_OK : BP_ERR_MEMORY;
}

static void print_head(const tracing *t, size_t row)
{
    const bp_data *d = &t->s.part.data;
    char truth[CLASS_NAME];
    if (t->s.table != NULL) {
        fprintf(t->terminal.file, "row %zu of %s", row, table_title(t->o->value[OPT_TRACE].text));
    } else {
        fprintf(t->terminal.file, "row %zu of %s, %s part", row, t->s.set->name, t->s.part.name);
    }
    if (d->classes > 0) {
        fprintf(t->terminal.file, ": class %s", class_text(truth, t->s.model, (size_t)d->label[row]));
    }
    fputc('\n', t->terminal.file);
}

exit_code run_trace(const options *o)
{
    tracing t = {.o = o, .terminal = terminal_of(stdout), .status = BP_OK};
    size_t row = size_or(o, OPT_ROW, 0);
    bp_status status = subject_load(&t.s, o->positional[0], o->value[OPT_TRACE].text, o);
    if (status != BP_OK) {
        return fail_as(status == BP_ERR_MEMORY ? CODE_FAULT : CODE_DATA);
    }
    t.status = prepare(&t, row);
    if (t.status == BP_OK) {
        print_head(&t, row);
        print_trace(&t);
    }
    exit_code code = t.status == BP_OK ? CODE_OK : fail_status(t.status);
    cli_release(t.values);
    bp_session_free(t.session);
    bp_model_free(t.exact);
    subject_free(&t.s);
    return code;
}
