/* transfer.c - what one model has learned as the start of another: taking over its layers, and freezing layers. */
#include "graph/node.h"
#include "nn/model.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- taking over ------------------------------------------------------------------------------------------------- */

static bool last_of(const bp_model *m, size_t i)
{
    return i == m->layer_count - 1;
}

/* Whether layer i of one can have the weights of the other's: the same sizes and activation, and, of the heads, the same
 * kind of answers; the rate of dropout may differ. */
static bool alike(const bp_model *to, const bp_model *from, size_t i)
{
    const bp_layer_info *a = &to->layers[i], *b = &from->layers[i];
    if (a->inputs != b->inputs) {
        return false;
    }
    if (!a->w || !b->w) {
        return !a->w && !b->w;
    }
    if (last_of(to, i) && last_of(from, i) &&
        (to->options.outputs != from->options.outputs || to->options.task != from->options.task)) {
        return false;
    }
    return strcmp(a->text, b->text) == 0;
}

/* "dense 10 softmax, 50 -> 10, for 10 classes" */
static const char *layer_text(char *out, size_t size, const bp_model *m, size_t i)
{
    const bp_layer_info *l = &m->layers[i];
    int used = snprintf(out, size, "%s, %zu -> %zu", l->text, l->inputs, l->outputs);
    if (last_of(m, i)) {
        snprintf(out + used, size - (size_t)used, ", for %zu %s", m->options.outputs,
                 m->options.task == BP_CLASSIFY ? "classes" : "numbers");
    }
    return out;
}

static bp_status fail_unlike(const bp_model *to, const bp_model *from, size_t i)
{
    char there[200], here[200];
    return bp_fail(BP_ERR_SHAPE,
                   "taking over layers: layer %zu is \"%s\" there and \"%s\" here; expected the same sizes and "
                   "activation%s",
                   i, layer_text(there, sizeof there, from, i), layer_text(here, sizeof here, to, i),
                   i > 0 ? ", or take only the layers before it" : "");
}

/* *count = how many layers are taken. */
static bp_status count_layers(size_t *count, const bp_model *to, const bp_model *from, size_t layers)
{
    size_t least = to->layer_count < from->layer_count ? to->layer_count : from->layer_count;
    if (layers > least || (layers == 0 && to->layer_count != from->layer_count)) {
        return bp_fail(BP_ERR_SHAPE, "taking over layers: %zu there and %zu here; %s", from->layer_count,
                       to->layer_count,
                       layers > 0 ? "more were asked for than both have" : "say how many of the first ones to take");
    }
    *count = layers > 0 ? layers : least;
    for (size_t i = 0; i < *count; i++) {
        if (alike(to, from, i)) {
            continue;
        }
        if (layers > 0 || !last_of(to, i) || i == 0) {
            return fail_unlike(to, from, i);
        }
        *count = i; /* another head */
    }
    return BP_OK;
}

static void copy_values(bp_node *to, const bp_node *from, double *values)
{
    bp_param_get(from, values);
    bp_param_set(to, values);
}

static bp_status copy_layers(bp_model *to, const bp_model *from, size_t count)
{
    size_t largest = 1;
    for (size_t i = 0; i < count; i++) {
        const bp_node *w = from->layers[i].w; /* not smaller than b */
        largest = w && w->size > largest ? w->size : largest;
    }
    double *values = bp_alloc(&to->allocator, largest, sizeof *values);
    for (size_t i = 0; values && i < count; i++) {
        if (from->layers[i].w) {
            copy_values(to->layers[i].w, from->layers[i].w, values);
            copy_values(to->layers[i].b, from->layers[i].b, values);
        }
    }
    bp_release(&to->allocator, values);
    return values ? BP_OK : BP_ERR_MEMORY;
}

/* What belongs to the outputs. */
static bp_status copy_meaning(bp_model *to, const bp_model *from)
{
    const double *mean, *scale;
    size_t count = bp_model_output_scaling(from, &mean, &scale);
    bp_status status = bp_model_set_output_scaling(to, count, mean, scale);
    bool names = from->classes && !to->classes && to->options.task == BP_CLASSIFY;
    return status == BP_OK && names ? bp_model_set_classes(to, (const char *const *)from->classes) : status;
}

bp_status bp_model_transfer(size_t *taken, bp_model *to, const bp_model *from, size_t layers)
{
    const double *mean, *scale;
    size_t count = 0, scaled = bp_model_scaling(from, &mean, &scale);
    bp_status status = count_layers(&count, to, from, layers);
    if (status == BP_OK && last_of(to, count - 1) && last_of(from, count - 1)) {
        status = copy_meaning(to, from); /* first, for it may refuse */
    }
    if (status == BP_OK) {
        status = bp_model_set_scaling(to, scaled, mean, scale);
    }
    if (status == BP_OK) {
        status = copy_layers(to, from, count);
    }
    if (taken) {
        *taken = status == BP_OK ? count : 0;
    }
    return status;
}

/* ---- freezing ---------------------------------------------------------------------------------------------------- */

/* The number at *at, which moves behind it and the blanks around it; false: there is none, or it is out of range. */
static bool read_number(size_t *out, const char **at)
{
    const char *p = *at + strspn(*at, " ");
    size_t digits = strspn(p, "0123456789");
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        size_t digit = (size_t)(p[i] - '0');
        if (*out > (SIZE_MAX - digit) / 10) {
            return false;
        }
        *out = 10 * *out + digit;
    }
    *at = p + digits + strspn(p + digits, " ");
    return digits > 0;
}

/* "N" or "N-M" at *at, both included. */
static bool read_range(size_t *first, size_t *last, const char **at)
{
    if (!read_number(first, at)) {
        return false;
    }
    *last = *first;
    if (**at == '-') {
        ++*at;
        return read_number(last, at) && *last >= *first;
    }
    return true;
}

static bp_status mark_range(bool *frozen, const bp_model *m, size_t first, size_t last)
{
    bool any = false;
    if (last >= m->layer_count) {
        return bp_fail(BP_ERR_ARGUMENT, "there is no layer %zu: they are counted from 0, and the last one is %zu", last,
                       m->layer_count - 1);
    }
    for (size_t i = first; i <= last; i++) {
        frozen[i] = true;
        any |= m->layers[i].w != NULL;
    }
    return any ? BP_OK
               : bp_fail(BP_ERR_ARGUMENT, "layer %zu, %s, has no weights to be frozen", first, m->layers[first].text);
}

/* frozen: a mark a layer. */
static bp_status mark_layers(bool *frozen, const bp_model *m, const char *text)
{
    size_t first, last;
    const char *at = text;
    if (strcmp(text, "none") == 0) {
        return BP_OK;
    }
    if (strcmp(text, "body") == 0) {
        return m->layer_count > 1
                   ? mark_range(frozen, m, 0, m->layer_count - 2)
                   : bp_fail(BP_ERR_ARGUMENT, "there is no layer before the last one, which is not frozen by \"body\"");
    }
    for (;; at++) {
        if (!read_range(&first, &last, &at) || (*at != ',' && *at != '\0')) {
            return bp_fail(
                BP_ERR_ARGUMENT,
                "expected numbers of layers, counted from 0, such as \"0\", \"0-2\" or \"0,2\"; \"body\" for "
                "all but the last; or \"none\"");
        }
        bp_status status = mark_range(frozen, m, first, last);
        if (status != BP_OK || *at == '\0') {
            return status;
        }
    }
}

static bool all_frozen(const bool *frozen, const bp_model *m)
{
    for (size_t i = 0; i < m->layer_count; i++) {
        if (m->layers[i].w && !frozen[i]) {
            return false;
        }
    }
    return true;
}

bp_status bp_model_freeze(bp_model *m, const char *layers)
{
    bool *frozen = bp_alloc(&m->allocator, m->layer_count, sizeof *frozen);
    bp_status status = frozen ? mark_layers(frozen, m, layers) : BP_ERR_MEMORY;
    if (status == BP_OK && all_frozen(frozen, m)) {
        status = bp_fail(BP_ERR_ARGUMENT, "these are all layers: nothing would be left to train");
    }
    if (status == BP_ERR_ARGUMENT) {
        bp_fail_context(status, "freezing layers \"%s\": ", layers);
    }
    for (size_t i = 0; status == BP_OK && i < m->layer_count; i++) {
        if (m->layers[i].w) {
            bp_param_freeze(m->layers[i].w, frozen[i]);
            bp_param_freeze(m->layers[i].b, frozen[i]);
        }
    }
    bp_release(&m->allocator, frozen);
    return status;
}

/* ---- which are frozen -------------------------------------------------------------------------------------------- */

typedef struct list {
    char *out;
    size_t size, length; /* room; what the text needs so far, without its end */
} list;

static void add(list *l, const char *item)
{
    const char *comma = l->length > 0 ? "," : "";
    bool room = l->length < l->size;
    int n = snprintf(room ? l->out + l->length : NULL, room ? l->size - l->length : 0, "%s%s", comma, item);
    l->length += n > 0 ? (size_t)n : 0;
}

/* Of a layer whose w and b differ: the name of the one that is frozen. */
static void add_half(list *l, const bp_layer_info *layer)
{
    if (layer->w->frozen != layer->b->frozen) {
        add(l, layer->w->frozen ? layer->w->name : layer->b->name);
    }
}

static bool is_frozen(const bp_layer_info *layer)
{
    return layer->w && layer->w->frozen && layer->b->frozen;
}

/* The last layer of the frozen ones that begin at `first`; those without weights in between do not count. */
static size_t end_of_range(const bp_model *m, size_t first)
{
    size_t last = first;
    for (size_t i = first; i < m->layer_count && (!m->layers[i].w || is_frozen(&m->layers[i])); i++) {
        last = m->layers[i].w ? i : last;
    }
    return last;
}

size_t bp_model_frozen(char *out, size_t size, const bp_model *m)
{
    list l = {out, size, 0};
    if (size > 0) {
        out[0] = '\0';
    }
    for (size_t i = 0; i < m->layer_count; i++) {
        const bp_layer_info *layer = &m->layers[i];
        char range[64];
        if (is_frozen(layer)) {
            size_t last = end_of_range(m, i);
            snprintf(range, sizeof range, last > i ? "%zu-%zu" : "%zu", i, last);
            add(&l, range);
            i = last;
        } else if (layer->w) {
            add_half(&l, layer);
        }
    }
    return l.length;
}
