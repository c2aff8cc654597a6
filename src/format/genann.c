/* genann.c - reads the text that genann_write of genann (github.com/codeplea/genann) makes.
 *
 *   inputs hidden_layers hidden outputs weight weight ...
 *
 * All hidden layers have the same size. Weights go neuron by neuron, layer by layer; the first of each neuron is that of its
 * bias, which is -1. Activations are not in the file: genann's own are sigmoids, the output may be made linear in the program.
 * Its default sigmoid is looked up in a table of 4096 steps; genann_act_sigmoid is the function itself, and is what comes here. */
#include <ctype.h>

#include "format/import.h"
#include "format/scan.h"

enum { HEADER = 4 }; /* numbers before the weights */

typedef struct genann {
    size_t inputs, layers, hidden, outputs;
} genann;

bool bp_genann_is(const unsigned char *head, size_t bytes)
{
    size_t at = 0;
    for (int i = 0; i < HEADER; i++) {
        size_t begin = at;
        while (at < bytes && isdigit(head[at])) {
            at++;
        }
        if (at == begin || at == bytes || !isspace(head[at])) {
            return false;
        }
        at++;
    }
    return true;
}

static bp_status read_header(genann *g, bp_scan *s)
{
    bp_status status = bp_scan_count(s, &g->inputs, "the number of inputs");
    status = status == BP_OK ? bp_scan_count(s, &g->layers, "the number of hidden layers") : status;
    status = status == BP_OK ? bp_scan_count(s, &g->hidden, "the size of a hidden layer") : status;
    status = status == BP_OK ? bp_scan_count(s, &g->outputs, "the number of outputs") : status;
    if (status == BP_OK && (g->inputs == 0 || g->outputs == 0 || (g->layers > 0 && g->hidden == 0))) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: %zu inputs, %zu hidden layers of %zu neurons, %zu outputs; expected at least one each",
            s->path, g->inputs, g->layers, g->hidden, g->outputs);
    }
    return status;
}

/* *total += (inputs + 1) * units, the weights of a layer. */
static bool add_layer(size_t *total, size_t inputs, size_t units, size_t times)
{
    size_t weights;
    return bp_add_size(&weights, inputs, 1) && bp_mul_size(&weights, weights, units) &&
           bp_mul_size(&weights, weights, times) && bp_add_size(total, *total, weights);
}

/* The weights that the header promises are there: each takes a digit and a blank. */
static bp_status check_size(const genann *g, const bp_scan *s)
{
    size_t total = 0, last = g->layers ? g->hidden : g->inputs;
    bool good = add_layer(&total, last, g->outputs, 1);
    if (g->layers) {
        good = good && add_layer(&total, g->inputs, g->hidden, 1) &&
               add_layer(&total, g->hidden, g->hidden, g->layers - 1);
    }
    if (!good || total > bp_scan_left(s) / 2 || g->layers > total) {
        return bp_fail(
            BP_ERR_FORMAT,
            "reading %s: %zu inputs, %zu hidden layers of %zu neurons and %zu outputs need more weights than the "
            "%zu bytes that follow can hold",
            s->path, g->inputs, g->layers, g->hidden, g->outputs, bp_scan_left(s));
    }
    return BP_OK;
}

static bp_status read_layer(bp_import_layer *l, bp_scan *s)
{
    bp_status status = BP_OK;
    for (size_t j = 0; status == BP_OK && j < l->units; j++) {
        status = bp_scan_number(s, &l->b[j], "the weight of a bias");
        l->b[j] = -l->b[j];
        for (size_t i = 0; status == BP_OK && i < l->inputs; i++) {
            status = bp_scan_number(s, &l->w[i * l->units + j], "a weight");
        }
    }
    return status;
}

static bp_status read_layers(bp_import_net *n, const genann *g, bp_scan *s)
{
    bp_status status = bp_import_layers(n, g->layers + 1);
    for (size_t i = 0; status == BP_OK && i <= g->layers; i++) {
        size_t inputs = i ? g->hidden : g->inputs, units = i < g->layers ? g->hidden : g->outputs;
        status = bp_import_weights(n, i, inputs, units);
        status = status == BP_OK ? read_layer(&n->layer[i], s) : status;
        n->layer[i].f = BP_SIGMOID;
    }
    if (status == BP_OK && !bp_scan_at_end(s)) {
        return bp_scan_fail(s, "the end of the file after the last weight");
    }
    return status;
}

static bp_status choose_output(bp_import_net *n, const char *output)
{
    bp_import_layer *last = &n->layer[n->count - 1];
    bp_status status = output ? bp_activation_parse(&last->f, output) : BP_OK;
    if (status == BP_OK && last->f != BP_SIGMOID && last->f != BP_LINEAR) {
        return bp_fail(BP_ERR_ARGUMENT, "reading %s: the output of genann is sigmoid or linear, not %s", n->path,
                       output);
    }
    return status;
}

bp_status bp_genann_read(bp_model **out, const char *path, const bp_import_options *options)
{
    bp_import_net n = {
        .allocator = bp_allocator_or_default(options->allocator), .path = path, .format = "genann", .type = BP_F64};
    char *text = NULL;
    bp_scan s;
    genann g;
    bp_status status = bp_import_refuse(path, "genann", options->net, "net");
    status = status == BP_OK ? bp_scan_open(&s, &text, path, &n.allocator) : status;
    status = status == BP_OK ? read_header(&g, &s) : status;
    status = status == BP_OK ? check_size(&g, &s) : status;
    status = status == BP_OK ? read_layers(&n, &g, &s) : status;
    status = status == BP_OK ? choose_output(&n, options->output) : status;
    status = status == BP_OK ? bp_import_build(out, &n, options) : status;
    bp_import_release(&n);
    bp_release(&n.allocator, text);
    return status;
}
