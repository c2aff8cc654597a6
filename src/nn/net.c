/* net.c - the layer table: each kind of layer is one row - how it is read, printed and built. */
#include "nn/net.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>

enum { WORDS = 4, WORD = 32 };

typedef struct words {
    size_t count;
    char word[WORDS][WORD];
} words;

typedef struct layer_kind {
    const char *name, *usage;
    bp_status (*parse)(bp_layer *l, const words *w);
    void (*print)(char text[48], const bp_layer *l);
    void (*build)(bp_layer_info *info, bp_net_builder *b, const bp_layer *l);
} layer_kind;

/* ---- dense ---- */

static bp_status parse_dense(bp_layer *l, const words *w)
{
    l->f = BP_RELU;
    if (w->count < 2 || w->count > 3 || !bp_parse_size(&l->units, w->word[1]) || l->units == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "expected \"dense UNITS [activation]\" with at least one unit");
    }
    bp_status status = w->count == 3 ? bp_activation_parse(&l->f, w->word[2]) : BP_OK;
    if (status == BP_OK && l->units > INT32_MAX) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu units are more than a layer can have", l->units);
    }
    return status;
}

static void print_dense(char text[48], const bp_layer *l)
{
    snprintf(text, 48, "dense %zu %s", l->units, bp_activation_name(l->f));
}

static void build_dense(bp_layer_info *info, bp_net_builder *b, const bp_layer *l)
{
    char weight[32], bias[32];
    snprintf(weight, sizeof weight, "%zu.weight", b->number);
    snprintf(bias, sizeof bias, "%zu.bias", b->number);
    b->number += l->f == BP_LINEAR ? 1 : 2;
    info->w = bp_param(b->graph, weight, bp_shape2(info->inputs, l->units));
    info->b = bp_param(b->graph, bias, bp_shape1(l->units));
    info->outputs = l->units;
    info->parameters = (info->inputs + 1) * l->units;
    if (b->unfused || l->f == BP_LINEAR || l->f == BP_SOFTMAX) {
        info->z = bp_affine(b->x, info->w, info->b);
        info->a = l->f == BP_LINEAR ? info->z : bp_activate(info->z, l->f);
    } else {
        info->a = bp_dense(b->x, info->w, info->b, l->f);
    }
    info->flops = 2.0 * (double)info->inputs * (double)l->units + (double)l->units;
}

/* ---- dropout ---- */

static bp_status parse_dropout(bp_layer *l, const words *w)
{
    if (w->count != 2 || !bp_parse_double(&l->rate, w->word[1]) || !(l->rate >= 0 && l->rate < 1)) {
        return bp_fail(BP_ERR_ARGUMENT, "expected \"dropout RATE\" with 0 <= RATE < 1");
    }
    return BP_OK;
}

static void print_dropout(char text[48], const bp_layer *l)
{
    char rate[BP_DECIMAL_SIZE];
    bp_decimal_text(rate, l->rate, BP_F64);
    snprintf(text, 48, "dropout %s", rate);
}

static void build_dropout(bp_layer_info *info, bp_net_builder *b, const bp_layer *l)
{
    b->number++;
    info->outputs = info->inputs;
    info->a = bp_dropout(b->x, l->rate);
}

/* ---- the table ---- */

static const layer_kind kinds[] = {
    [BP_LAYER_DENSE] = {"dense", "dense UNITS [activation]", parse_dense, print_dense, build_dense},
    [BP_LAYER_DROPOUT] = {"dropout", "dropout RATE", parse_dropout, print_dropout, build_dropout},
};
_Static_assert(sizeof kinds / sizeof *kinds == BP_LAYERS, "one row for each kind of layer");

static const char *kind_name(size_t i)
{
    return kinds[i].name;
}

void bp_layer_print(char text[48], const bp_layer *l)
{
    kinds[l->id].print(text, l);
}

void bp_layer_build(bp_layer_info *info, bp_net_builder *b, const bp_layer *l)
{
    *info = (bp_layer_info){.inputs = b->x ? bp_node_size(b->x) : 0};
    bp_layer_print(info->text, l);
    kinds[l->id].build(info, b, l);
    b->x = info->a;
}

/* ---- text ---- */

#define SPACE " \t\n\r\f\v"

/* The first comma-separated piece of text as words; returns what follows its comma, NULL if it was the last. */
static const char *read_piece(words *w, bool *too_long, const char *text)
{
    const char *p = text;
    w->count = 0;
    *too_long = false;
    while (*p && *p != ',') {
        p += strspn(p, SPACE);
        size_t n = strcspn(p, "," SPACE);
        if (n && (w->count == WORDS || n >= WORD)) {
            *too_long = true;
        } else if (n) {
            memcpy(w->word[w->count], p, n);
            w->word[w->count++][n] = '\0';
        }
        p += n;
    }
    return *p ? p + 1 : NULL;
}

static bp_status parse_layer(bp_layer *l, const words *w, bool too_long)
{
    if (w->count == 0 || too_long) {
        return bp_fail(BP_ERR_ARGUMENT, "%s; layers are separated by commas: \"dense 512 relu, dropout 0.2\"",
                       too_long ? "too many words" : "no layer between the commas");
    }
    int id = bp_find_name(w->word[0], kind_name, BP_LAYERS);
    if (id < 0) {
        return bp_fail_unknown("kind of layer", w->word[0], kind_name, BP_LAYERS);
    }
    l->id = (bp_layer_id)id;
    return kinds[id].parse(l, w);
}

static size_t count_pieces(const char *text)
{
    size_t count = 1;
    for (const char *p = text; *p; p++) {
        count += *p == ',';
    }
    return count;
}

static bool blank(const char *text)
{
    return text[strspn(text, SPACE)] == '\0';
}

bp_status bp_net_parse(bp_net *out, const char *text, const bp_allocator *allocator)
{
    size_t pieces = count_pieces(text);
    *out = (bp_net){.allocator = *allocator};
    if (pieces > BP_NET_MOST) {
        return bp_fail(BP_ERR_ARGUMENT, "a network of %zu layers; expected %d at most", pieces, BP_NET_MOST);
    }
    out->layers = bp_alloc(allocator, pieces + 1, sizeof *out->layers); /* one more: the output layer */
    if (!out->layers) {
        return BP_ERR_MEMORY;
    }
    words w;
    bool too_long;
    bp_status status = BP_OK;
    for (const char *p = blank(text) ? NULL : text; p && status == BP_OK;) {
        p = read_piece(&w, &too_long, p);
        status = parse_layer(&out->layers[out->count], &w, too_long);
        out->count++;
    }
    if (status != BP_OK) {
        bp_fail_context(status, "layer %zu of the network \"%s\": ", out->count, text);
        bp_net_free(out);
    }
    return status;
}

void bp_net_free(bp_net *net)
{
    bp_release(&net->allocator, net->layers);
    net->layers = NULL;
    net->count = 0;
}

char *bp_net_print(const bp_net *net)
{
    char *text = bp_alloc(&net->allocator, net->count * 50 + 1, 1), *end = text;
    for (size_t i = 0; text && i < net->count; i++) {
        char layer[48];
        bp_layer_print(layer, &net->layers[i]);
        end += snprintf(end, 51, "%s%s", i ? ", " : "", layer);
    }
    return text;
}
