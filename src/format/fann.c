/* fann.c - reads the .net files of FANN (leenissen.dk/fann), format FANN_FLO_2.1, which version 2.1 and later write.
 *
 * A text of lines "key=value". Of the keys that matter, layer_sizes counts a bias neuron, always 1, at the end of each layer;
 * "neurons (...)" has the number of connections, the activation and its steepness of each neuron; "connections (...)" the
 * neuron from which each comes, and its weight, neuron by neuron. A neuron gives f(s sum_i w_i x_i), s its steepness, with
 * FANN_SIGMOID = 1 / (1 + e^-2x): s and the 2 become part of the weights here.
 *
 * With a scaling section a FANN program calls fann_scale_input, fann_run, fann_descale_output; the model does all three. */
#include <math.h>
#include <string.h>

#include "format/import.h"
#include "format/scan.h"

/* ---- activations ------------------------------------------------------------------------------------------------- */

typedef enum match { EXACT, ROUGH, NONE } match;

/* By FANN's numbers. factor: f(x) of FANN is the activation of factor * x. ROUGH: FANN approximates it by straight lines. */
static const struct {
    const char *name;
    match match;
    bp_activation f;
    double factor;
} activations[] = {
    {"FANN_LINEAR", EXACT, BP_LINEAR, 1},
    {"FANN_THRESHOLD", NONE, BP_LINEAR, 0},
    {"FANN_THRESHOLD_SYMMETRIC", NONE, BP_LINEAR, 0},
    {"FANN_SIGMOID", EXACT, BP_SIGMOID, 2},
    {"FANN_SIGMOID_STEPWISE", ROUGH, BP_SIGMOID, 2},
    {"FANN_SIGMOID_SYMMETRIC", EXACT, BP_TANH, 1},
    {"FANN_SIGMOID_SYMMETRIC_STEPWISE", ROUGH, BP_TANH, 1},
    {"FANN_GAUSSIAN", NONE, BP_LINEAR, 0},
    {"FANN_GAUSSIAN_SYMMETRIC", NONE, BP_LINEAR, 0},
    {"FANN_GAUSSIAN_STEPWISE", NONE, BP_LINEAR, 0},
    {"FANN_ELLIOT", NONE, BP_LINEAR, 0},
    {"FANN_ELLIOT_SYMMETRIC", NONE, BP_LINEAR, 0},
    {"FANN_LINEAR_PIECE", NONE, BP_LINEAR, 0},
    {"FANN_LINEAR_PIECE_SYMMETRIC", NONE, BP_LINEAR, 0},
    {"FANN_SIN_SYMMETRIC", NONE, BP_LINEAR, 0},
    {"FANN_COS_SYMMETRIC", NONE, BP_LINEAR, 0},
    {"FANN_SIN", NONE, BP_LINEAR, 0},
    {"FANN_COS", NONE, BP_LINEAR, 0},
};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

/* ---- the file ---------------------------------------------------------------------------------------------------- */

enum key {
    NUM_LAYERS,
    NETWORK_TYPE,
    LAYER_SIZES,
    SCALE_INCLUDED,
    MEAN_IN,
    DEVIATION_IN,
    NEW_MIN_IN,
    FACTOR_IN,
    MEAN_OUT,
    DEVIATION_OUT,
    NEW_MIN_OUT,
    FACTOR_OUT,
    NEURONS,
    CONNECTIONS,
    KEYS
};

static const char *const key_names[] = {
    [NUM_LAYERS] = "num_layers",
    [NETWORK_TYPE] = "network_type",
    [LAYER_SIZES] = "layer_sizes",
    [SCALE_INCLUDED] = "scale_included",
    [MEAN_IN] = "scale_mean_in",
    [DEVIATION_IN] = "scale_deviation_in",
    [NEW_MIN_IN] = "scale_new_min_in",
    [FACTOR_IN] = "scale_factor_in",
    [MEAN_OUT] = "scale_mean_out",
    [DEVIATION_OUT] = "scale_deviation_out",
    [NEW_MIN_OUT] = "scale_new_min_out",
    [FACTOR_OUT] = "scale_factor_out",
    [NEURONS] = "neurons (num_inputs, activation_function, activation_steepness)",
    [CONNECTIONS] = "connections (connected_to_neuron, weight)",
};
_Static_assert(sizeof key_names / sizeof *key_names == KEYS, "one name for each key");

typedef struct neuron {
    size_t inputs, function;
    double steepness;
} neuron;

typedef struct fann {
    const char *path;
    const bp_import_options *options;
    bp_allocator allocator;
    bp_scan value[KEYS]; /* what follows the sign =, to the end of the line; path NULL: the key is not there */
    size_t layers;
    size_t *size; /* of each layer, the bias neuron included */
    size_t neurons;
    neuron *neuron;
    bool wide; /* a weight is no number of type f32 */
    bp_import_net net;
} fann;

bool bp_fann_is(const unsigned char *head, size_t bytes)
{
    return bytes >= 5 && memcmp(head, "FANN_", 5) == 0;
}

/* The rest of the line at s->at, without its end; s moves on to the next one. */
static bp_scan take_line(bp_scan *s)
{
    const char *end = memchr(s->at, '\n', bp_scan_left(s));
    bp_scan line = *s;
    line.end = end ? end : s->end;
    s->at = end ? end + 1 : s->end;
    s->line++;
    return line;
}

static bool is_text(const bp_scan *s, const char *text)
{
    size_t length = bp_scan_left(s);
    length -= length > 0 && s->at[length - 1] == '\r';
    return length == strlen(text) && memcmp(s->at, text, length) == 0;
}

static bp_status check_version(const bp_scan *line)
{
    static const char fixed[] = "FANN_FIX";
    if (is_text(line, "FANN_FLO_2.1")) {
        return BP_OK;
    }
    if (bp_scan_left(line) >= strlen(fixed) && memcmp(line->at, fixed, strlen(fixed)) == 0) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "reading %s: a fixed-point network (FANN_FIX), whose numbers are rounded: import the file that "
                       "fann_save wrote, not that of fann_save_to_fixed",
                       line->path);
    }
    bp_scan_fail(line, "\"FANN_FLO_2.1\"");
    return bp_fail_context(BP_ERR_UNSUPPORTED,
                           "the version of the format is not supported; read the file with FANN 2.1 or "
                           "later and save it again: ");
}

/* Where the values of the keys are; those that do not matter for answers are passed over. */
static bp_status find_values(fann *f, bp_scan *s)
{
    while (s->at < s->end) {
        bp_scan line = take_line(s);
        const char *equals = memchr(line.at, '=', bp_scan_left(&line));
        size_t length = equals ? (size_t)(equals - line.at) : 0;
        for (size_t k = 0; length > 0 && k < KEYS; k++) {
            if (length != strlen(key_names[k]) || memcmp(line.at, key_names[k], length) != 0) {
                continue;
            }
            if (f->value[k].path) {
                return bp_fail(BP_ERR_FORMAT, "reading %s: line %zu has \"%s\" a second time", f->path, line.line,
                               key_names[k]);
            }
            f->value[k] = (bp_scan){f->path, equals + 1, line.end, line.line};
        }
    }
    return BP_OK;
}

static bp_status need(const fann *f, enum key k)
{
    return f->value[k].path ? BP_OK
                            : bp_fail(BP_ERR_FORMAT, "reading %s: there is no \"%s\" in it", f->path, key_names[k]);
}

/* The value of a key must end where what was read of it ends. */
static bp_status need_end(fann *f, enum key k)
{
    return bp_scan_at_end(&f->value[k]) ? BP_OK : bp_scan_fail(&f->value[k], "the end of the line");
}

static bp_status read_count(size_t *out, fann *f, enum key k)
{
    bp_status status = need(f, k);
    status = status == BP_OK ? bp_scan_count(&f->value[k], out, "a count") : status;
    return status == BP_OK ? need_end(f, k) : status;
}

/* ---- layers and neurons ------------------------------------------------------------------------------------------ */

static bp_status read_sizes(fann *f)
{
    bp_scan *s = &f->value[LAYER_SIZES];
    bp_status status = read_count(&f->layers, f, NUM_LAYERS);
    status = status == BP_OK ? need(f, LAYER_SIZES) : status;
    if (status == BP_OK && (f->layers < 2 || f->layers > bp_scan_left(s))) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: %zu layers; expected at least 2, and the size of each in layer_sizes", f->path,
                       f->layers);
    }
    f->size = status == BP_OK ? bp_alloc(&f->allocator, f->layers, sizeof *f->size) : NULL;
    if (!f->size) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    for (size_t i = 0; status == BP_OK && i < f->layers; i++) {
        status = bp_scan_count(s, &f->size[i], "the size of a layer");
        if (status == BP_OK && (f->size[i] < 2 || !bp_add_size(&f->neurons, f->neurons, f->size[i]))) {
            status = bp_fail(BP_ERR_FORMAT,
                             "reading %s: layer %zu has a size of %zu; expected at least a neuron and the bias neuron",
                             f->path, i + 1, f->size[i]);
        }
    }
    return status == BP_OK ? need_end(f, LAYER_SIZES) : status;
}

/* "(3, 5, 0.5)" */
static bp_status read_neuron(neuron *n, bp_scan *s)
{
    bp_status status = bp_scan_sign(s, '(', "a neuron, \"(\"");
    status = status == BP_OK ? bp_scan_count(s, &n->inputs, "its number of connections") : status;
    status = status == BP_OK ? bp_scan_sign(s, ',', "a comma") : status;
    status = status == BP_OK ? bp_scan_count(s, &n->function, "the number of its activation") : status;
    status = status == BP_OK ? bp_scan_sign(s, ',', "a comma") : status;
    status = status == BP_OK ? bp_scan_number(s, &n->steepness, "its steepness") : status;
    return status == BP_OK ? bp_scan_sign(s, ')', "\")\"") : status;
}

static bp_status read_neurons(fann *f)
{
    enum { SHORTEST = 7 }; /* "(0,0,0)" */
    bp_scan *s = &f->value[NEURONS];
    bp_status status = need(f, NEURONS);
    if (status == BP_OK && f->neurons > bp_scan_left(s) / SHORTEST) {
        return bp_fail(BP_ERR_FORMAT, "reading %s, line %zu: too short for the %zu neurons of layer_sizes", f->path,
                       s->line, f->neurons);
    }
    f->neuron = status == BP_OK ? bp_alloc(&f->allocator, f->neurons, sizeof *f->neuron) : NULL;
    if (!f->neuron) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    for (size_t i = 0; status == BP_OK && i < f->neurons; i++) {
        status = read_neuron(&f->neuron[i], s);
    }
    return status == BP_OK ? need_end(f, NEURONS) : status;
}

/* The activation of layer l, whose first neuron is `first`: one for all, and one that we have. */
static bp_status read_activation(bp_activation *out, const fann *f, size_t l, size_t first)
{
    size_t function = f->neuron[first].function;
    for (size_t i = 1; i + 1 < f->size[l]; i++) {
        if (f->neuron[first + i].function != function) {
            return bp_fail(
                BP_ERR_UNSUPPORTED,
                "reading %s: the neurons of layer %zu have different activations (numbers %zu and %zu); only "
                "layers with one activation are supported",
                f->path, l + 1, function, f->neuron[first + i].function);
        }
    }
    if (function >= ACTIVATIONS || activations[function].match == NONE) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: layer %zu has the activation %s (number %zu); supported are FANN_LINEAR, FANN_SIGMOID "
            "and FANN_SIGMOID_SYMMETRIC",
            f->path, l + 1, function < ACTIVATIONS ? activations[function].name : "of a later version", function);
    }
    if (activations[function].match == ROUGH && !f->options->approximate) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: layer %zu has the activation %s, straight lines in place of a curve. With "
            "approximation allowed (--approximate) it becomes the curve, and each unit's value differs by up to %s",
            f->path, l + 1, activations[function].name, activations[function].f == BP_TANH ? "0.067" : "0.034");
    }
    *out = activations[function].f;
    return BP_OK;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

/* "(0, -1.5)", of neuron j of a layer that has the neurons `first` and on before it. NaN marks what is not there. */
static bp_status read_connection(fann *f, bp_import_layer *layer, size_t j, size_t first, double factor)
{
    bp_scan *s = &f->value[CONNECTIONS];
    size_t from = 0;
    double w;
    bp_status status = bp_scan_sign(s, '(', "a connection, \"(\"");
    status = status == BP_OK ? bp_scan_count(s, &from, "the number of a neuron") : status;
    status = status == BP_OK ? bp_scan_sign(s, ',', "a comma") : status;
    status = status == BP_OK ? bp_scan_number(s, &w, "a weight") : status;
    status = status == BP_OK ? bp_scan_sign(s, ')', "\")\"") : status;
    if (status != BP_OK) {
        return status;
    }
    if (from < first || from - first > layer->inputs) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s, line %zu: a connection comes from neuron %zu, but the layer before it has the neurons "
            "%zu to %zu; connections that skip a layer are not supported",
            f->path, s->line, from, first, first + layer->inputs);
    }
    double *place = from - first == layer->inputs ? &layer->b[j] : &layer->w[(from - first) * layer->units + j];
    if (!isnan(*place)) {
        return bp_fail(BP_ERR_FORMAT, "reading %s, line %zu: a second connection from neuron %zu to the same neuron",
                       f->path, s->line, from);
    }
    f->wide = f->wide || (double)(float)w != w;
    *place = w * factor;
    return BP_OK;
}

/* Values of `from` become `to`: all of them, or those that are NaN. */
static void replace(double *values, size_t count, bool only_nan, double to)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = only_nan && !isnan(values[i]) ? values[i] : to;
    }
}

/* Files of sparse networks list few connections; what they ask for must still be in proportion. */
static bp_status check_connections(const fann *f, size_t l, size_t first)
{
    enum { SHORTEST = 5, SPARSEST = 64, ALWAYS = 1 << 16 }; /* "(0,0)" */
    size_t listed = 0, full;
    for (size_t j = 0; j < f->size[l]; j++) {
        if (!bp_add_size(&listed, listed, f->neuron[first + j].inputs)) {
            listed = SIZE_MAX;
        }
    }
    if (f->neuron[first + f->size[l] - 1].inputs != 0) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: the last neuron of layer %zu is no bias neuron: it has connections",
                       f->path, l + 1);
    }
    if (listed > bp_scan_left(&f->value[CONNECTIONS]) / SHORTEST) {
        return bp_fail(BP_ERR_FORMAT, "reading %s, line %zu: too short for the %zu connections of layer %zu", f->path,
                       f->value[CONNECTIONS].line, listed, l + 1);
    }
    if (!bp_mul_size(&full, f->size[l - 1], f->size[l]) || (full > ALWAYS && full / SPARSEST > listed)) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: layer %zu has %zu connections of %zu x %zu possible ones; models here have them all, "
            "which would be a waste",
            f->path, l + 1, listed, f->size[l - 1], f->size[l]);
    }
    return BP_OK;
}

/* Layer l >= 1, whose first neuron is `first`. */
static bp_status read_layer(fann *f, size_t l, size_t first)
{
    bp_import_layer *layer = &f->net.layer[l - 1];
    size_t inputs = f->size[l - 1] - 1, units = f->size[l] - 1;
    bp_status status = read_activation(&layer->f, f, l, first);
    status = status == BP_OK ? check_connections(f, l, first) : status;
    status = status == BP_OK ? bp_import_weights(&f->net, l - 1, inputs, units) : status;
    if (status != BP_OK) {
        return status;
    }
    replace(layer->w, inputs * units, false, NAN);
    replace(layer->b, units, false, NAN);
    for (size_t j = 0; status == BP_OK && j < units; j++) {
        const neuron *n = &f->neuron[first + j];
        for (size_t i = 0; status == BP_OK && i < n->inputs; i++) {
            status =
                read_connection(f, layer, j, first - f->size[l - 1], n->steepness * activations[n->function].factor);
        }
    }
    replace(layer->w, inputs * units, true, 0);
    replace(layer->b, units, true, 0);
    return status;
}

static bp_status read_layers(fann *f)
{
    bp_status status = bp_import_layers(&f->net, f->layers - 1);
    status = status == BP_OK ? need(f, CONNECTIONS) : status;
    size_t first = f->size[0];
    for (size_t l = 1; status == BP_OK && l < f->layers; l++) {
        status = read_layer(f, l, first);
        first += f->size[l];
    }
    return status == BP_OK ? need_end(f, CONNECTIONS) : status;
}

/* ---- scaling ----------------------------------------------------------------------------------------------------- */

/* The four lists from key k on, `count` numbers each, one after the other. The caller releases them. */
static bp_status read_scales(double **out, fann *f, enum key k, size_t count)
{
    double *list = bp_alloc(&f->allocator, count, 4 * sizeof *list);
    bp_status status = list ? BP_OK : BP_ERR_MEMORY;
    for (size_t which = 0; status == BP_OK && which < 4; which++) {
        enum key at = k + (enum key)which;
        status = need(f, at);
        for (size_t i = 0; status == BP_OK && i < count; i++) {
            status = bp_scan_number(&f->value[at], &list[which * count + i], "a scaling number");
        }
        status = status == BP_OK ? need_end(f, at) : status;
    }
    if (status != BP_OK) {
        bp_release(&f->allocator, list);
        list = NULL;
    }
    *out = list;
    return status;
}

/* FANN, of inputs: x' = ((x - mean) / deviation + 1) factor + new_min; of outputs the inverse of that; where deviation is 0 it
 * leaves x alone. Ours: (x - m) s, and y s + m. */
static bp_status take_scaling(bp_model *m, fann *f, bool output)
{
    const bp_import_net *n = &f->net;
    size_t count = output ? n->layer[n->count - 1].units : n->layer[0].inputs;
    double *list;
    bp_status status = read_scales(&list, f, output ? MEAN_OUT : MEAN_IN, count);
    for (size_t i = 0; status == BP_OK && i < count; i++) {
        double deviation = list[count + i], low = list[2 * count + i], factor = list[3 * count + i];
        if (factor == 0 && deviation != 0) {
            status = bp_fail(BP_ERR_FORMAT, "reading %s: %s of number %zu is 0", f->path,
                             key_names[output ? FACTOR_OUT : FACTOR_IN], i + 1);
        }
        list[i] = deviation == 0 ? 0 : list[i] - deviation * (1 + low / factor);
        list[count + i] = deviation == 0 ? 1 : output ? deviation / factor : factor / deviation;
    }
    if (status == BP_OK) {
        status = (output ? bp_model_set_output_scaling : bp_model_set_scaling)(m, count, list, list + count);
    }
    bp_release(&f->allocator, list);
    return status == BP_ERR_ARGUMENT ? bp_fail_context(BP_ERR_FORMAT, "reading %s: ", f->path) : status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bp_status parse(fann *f, bp_scan *s)
{
    size_t type = 0;
    bp_scan version = take_line(s);
    bp_status status = check_version(&version);
    status = status == BP_OK ? find_values(f, s) : status;
    status = status == BP_OK ? read_count(&type, f, NETWORK_TYPE) : status;
    if (status == BP_OK && type != 0) {
        return bp_fail(
            BP_ERR_UNSUPPORTED,
            "reading %s: network_type=%zu, a network with shortcut connections; only layers connected to the "
            "layer before them (network_type=0) are supported",
            f->path, type);
    }
    status = status == BP_OK ? read_sizes(f) : status;
    status = status == BP_OK ? read_neurons(f) : status;
    return status == BP_OK ? read_layers(f) : status;
}

static bp_status build(bp_model **out, fann *f)
{
    size_t scaled = 0;
    bp_model *m = NULL;
    bp_status status = f->value[SCALE_INCLUDED].path ? read_count(&scaled, f, SCALE_INCLUDED) : BP_OK;
    f->net.type = f->wide ? BP_F64 : BP_F32; /* a FANN library of doubles writes the same format */
    status = status == BP_OK ? bp_import_build(&m, &f->net, f->options) : status;
    if (status == BP_OK && scaled) {
        status = take_scaling(m, f, false);
        status = status == BP_OK ? take_scaling(m, f, true) : status;
    }
    if (status != BP_OK) {
        bp_model_free(m);
        m = NULL;
    }
    *out = m;
    return status;
}

bp_status bp_fann_read(bp_model **out, const char *path, const bp_import_options *options)
{
    fann f = {.path = path, .options = options, .allocator = bp_allocator_or_default(options->allocator)};
    f.net = (bp_import_net){.allocator = f.allocator, .path = path, .format = "FANN"};
    char *text = NULL;
    bp_scan s;
    bp_status status = bp_import_refuse(path, "FANN", options->net, "net");
    status = status == BP_OK ? bp_import_refuse(path, "FANN", options->output, "output") : status;
    status = status == BP_OK ? bp_scan_open(&s, &text, path, &f.allocator) : status;
    status = status == BP_OK ? parse(&f, &s) : status;
    status = status == BP_OK ? build(out, &f) : status;
    bp_import_release(&f.net);
    bp_release(&f.allocator, f.size);
    bp_release(&f.allocator, f.neuron);
    bp_release(&f.allocator, text);
    return status;
}
