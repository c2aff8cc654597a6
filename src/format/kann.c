/* kann.c - reads the dense networks that kann_save of KANN (github.com/attractivechaos/kann) writes.
 *
 *   4 bytes       "KAN\1"
 *   i32           number of nodes, each:
 *     i32 label, u32 role (1 input, 2 output, 4 truth, 8 cost), u8 kind (1 variable, 2 constant), i32 children, then
 *     with children:   u16 op, i32 number of each child, i32 number of the node before in time or -1, i32 bytes, the bytes
 *     without:         u8 dimensions, i32 size of each
 *   f32           values of all variables, in the order of the nodes, then of all constants
 *
 * little-endian, as on the machines that KANN runs on. Children come before the nodes that use them. What is a model here is
 * one chain from output to input: x w^T + b of kann_layer_dense, activations, kann_layer_dropout, and the softmax output of
 * kann_layer_cost, whose logits are multiplied by a constant. */
#include <string.h>

#include "format/import.h"
#include "format/scan.h"

enum { ROLE_INPUT = 1, ROLE_OUTPUT = 2, ROLE_COST = 8, KIND_VARIABLE = 1, KIND_CONSTANT = 2, DIMS = 4, CHILDREN = 2 };
enum op {
    OP_ADD = 1,
    OP_MUL = 2,
    OP_CMUL = 3,
    OP_SIGMOID = 6,
    OP_TANH = 7,
    OP_RELU = 8,
    OP_SELECT = 12,
    OP_SOFTMAX = 14,
    OP_DROPOUT = 15,
    OP_BCE = 22
};

/* KANN's names of its operators, by number. */
static const char *const op_names[] = {
    "none",          "add",        "mul",         "cmul",   "ce_bin_neg", "square",   "sigm",    "tanh",
    "relu",          "matmul",     "avg",         "1minus", "select",     "ce_multi", "softmax", "dropout",
    "conv2d",        "max2d",      "conv1d",      "max1d",  "slice",      "max",      "ce_bin",  "sub",
    "sample_normal", "reduce_sum", "reduce_mean", "log",    "avg1d",      "mse",      "reshape", "concat",
    "stdnorm",       "exp",        "sin",         "stack",  "reverse"};
enum { OPS = sizeof op_names / sizeof *op_names };

typedef struct node {
    uint32_t role;
    unsigned kind, op;
    size_t children;
    size_t child[CHILDREN]; /* numbers of the first ones */
    size_t dims, dim[DIMS];
    size_t values; /* of leaves */
    bool used;     /* by a layer */
    size_t first;  /* which of the variables, or constants, is its first */
} node;

typedef struct kann {
    const char *path;
    bp_allocator allocator;
    const unsigned char *at, *end;
    size_t count;
    node *node;
    const unsigned char *variables, *constants;
    bp_import_net net;
} kann;

/* What stands between a node of the chain and the layer before it, on the way from output to input. */
typedef struct pending {
    bool has_f;
    bp_activation f;
    double factor;  /* of the sums */
    double dropout; /* behind the layer */
} pending;

bool bp_kann_is(const unsigned char *head, size_t bytes)
{
    return bytes >= 4 && memcmp(head, "KAN\1", 4) == 0;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static bp_status fail_short(const kann *k, const char *what)
{
    return bp_fail(BP_ERR_FORMAT, "reading %s: the file ends within %s; is it cut short?", k->path, what);
}

static uint32_t number_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static float value_at(const unsigned char *values, size_t index)
{
    uint32_t bits = number_at(values + 4 * index);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* An unsigned number of `bytes` bytes, at most 4. */
static bp_status take(uint32_t *out, kann *k, size_t bytes, const char *what)
{
    unsigned char p[4] = {0};
    if ((size_t)(k->end - k->at) < bytes) {
        return fail_short(k, what);
    }
    memcpy(p, k->at, bytes);
    k->at += bytes;
    *out = number_at(p);
    return BP_OK;
}

/* A number that is not negative, and no larger than what can follow if each takes `each` bytes. */
static bp_status take_count(size_t *out, kann *k, size_t each, const char *what)
{
    uint32_t n = 0;
    bp_status status = take(&n, k, 4, what);
    *out = n;
    if (status == BP_OK && (n > INT32_MAX || n > (size_t)(k->end - k->at) / each)) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: %u as %s, but only %zu bytes follow", k->path, n, what,
                       (size_t)(k->end - k->at));
    }
    return status;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static bp_status read_inner(kann *k, node *n, size_t index)
{
    uint32_t op = 0, child = 0, before = 0;
    size_t bytes = 0;
    bp_status status = take(&op, k, 2, "a node");
    n->op = op;
    for (size_t i = 0; status == BP_OK && i < n->children; i++) {
        status = take(&child, k, 4, "a node");
        if (status == BP_OK && child >= index) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: node %zu uses node %u, which does not come before it", k->path,
                           index, child);
        }
        if (i < CHILDREN) {
            n->child[i] = child;
        }
    }
    status = status == BP_OK ? take(&before, k, 4, "a node") : status;
    if (status == BP_OK && before != UINT32_MAX) {
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "reading %s: node %zu (%s) is part of a recurrent network; only dense networks are "
                       "supported",
                       k->path, index, op < OPS ? op_names[op] : "unknown");
    }
    status = status == BP_OK ? take_count(&bytes, k, 1, "the bytes of an operator") : status;
    k->at += status == BP_OK ? bytes : 0;
    return status;
}

/* totals: variables and constants so far. */
static bp_status read_leaf(kann *k, node *n, size_t index, size_t totals[2])
{
    uint32_t dims = 0, size = 0;
    bp_status status = take(&dims, k, 1, "a node");
    if (status == BP_OK && dims > DIMS) {
        return bp_fail(BP_ERR_FORMAT, "reading %s: node %zu has %u dimensions; expected at most %d", k->path, index,
                       dims, DIMS);
    }
    n->dims = dims;
    n->values = 1;
    for (size_t i = 0; status == BP_OK && i < dims; i++) {
        status = take(&size, k, 4, "a node");
        n->dim[i] = size;
        if (status == BP_OK && (size == 0 || size > INT32_MAX || !bp_mul_size(&n->values, n->values, size))) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: dimension %zu of node %zu is %u", k->path, i + 1, index, size);
        }
    }
    if (status == BP_OK && n->kind != 0) {
        size_t *total = &totals[n->kind == KIND_CONSTANT];
        n->first = *total;
        if (!bp_add_size(total, *total, n->values)) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: node %zu has %zu values", k->path, index, n->values);
        }
    }
    return status;
}

static bp_status read_node(kann *k, size_t index, size_t totals[2])
{
    node *n = &k->node[index];
    uint32_t label = 0, kind = 0;
    bp_status status = take(&label, k, 4, "a node");
    status = status == BP_OK ? take(&n->role, k, 4, "a node") : status;
    status = status == BP_OK ? take(&kind, k, 1, "a node") : status;
    status = status == BP_OK ? take_count(&n->children, k, 4, "the number of children of a node") : status;
    if (status != BP_OK) {
        return status;
    }
    n->kind = kind & KIND_VARIABLE ? KIND_VARIABLE : kind & KIND_CONSTANT;
    return n->children ? read_inner(k, n, index) : read_leaf(k, n, index, totals);
}

static bp_status read_nodes(kann *k)
{
    enum { MAGIC = 4, SHORTEST = 14 };
    size_t totals[2] = {0, 0}, values, bytes;
    k->at += MAGIC;
    bp_status status = take_count(&k->count, k, SHORTEST, "the number of nodes");
    k->node = status == BP_OK ? bp_alloc(&k->allocator, k->count, sizeof *k->node) : NULL;
    if (!k->node) {
        return status == BP_OK ? BP_ERR_MEMORY : status;
    }
    for (size_t i = 0; status == BP_OK && i < k->count; i++) {
        status = read_node(k, i, totals);
    }
    if (status != BP_OK) {
        return status;
    }
    if (!bp_add_size(&values, totals[0], totals[1]) || !bp_mul_size(&bytes, values, 4) ||
        bytes != (size_t)(k->end - k->at)) {
        return bp_fail(BP_ERR_FORMAT,
                       "reading %s: the nodes have %zu variables and %zu constants of 4 bytes, but %zu bytes follow",
                       k->path, totals[0], totals[1], (size_t)(k->end - k->at));
    }
    k->variables = k->at;
    k->constants = k->at + 4 * totals[0];
    return BP_OK;
}

/* ---- the chain --------------------------------------------------------------------------------------------------- */

static bp_status refuse(const kann *k, size_t index, const char *why)
{
    const node *n = &k->node[index];
    return bp_fail(BP_ERR_UNSUPPORTED,
                   "reading %s: node %zu (%s) %s; supported are chains of dense layers, sigm, tanh, relu, "
                   "dropout and, at the end, softmax",
                   k->path, index,
                   n->children == 0 ? "a leaf"
                   : n->op < OPS    ? op_names[n->op]
                                    : "of a later version",
                   why);
}

static bool is_leaf(const node *n, unsigned kind, size_t dims)
{
    return n->children == 0 && n->kind == kind && n->dims == dims;
}

/* The matrix product at `index`, x w^T, with its bias b or NULL: the layer whose output *p describes. The layers are gathered
 * from the last to the first. *next: x. */
static bp_status take_dense(kann *k, size_t index, const node *b, const pending *p, size_t *next)
{
    const node *n = &k->node[index];
    node *w = n->children == 2 ? &k->node[n->child[1]] : NULL;
    if (n->op != OP_CMUL || !w || !is_leaf(w, KIND_VARIABLE, 2)) {
        return refuse(k, index, "is no product with a matrix of weights");
    }
    size_t units = w->dim[0], inputs = w->dim[1], layer = k->net.count;
    if (b && b->values != units) {
        return refuse(k, index, "has not one bias a unit");
    }
    if (w->used) {
        return refuse(k, index, "has the weights of another layer");
    }
    w->used = true;
    k->net.count++;
    bp_status status = bp_import_weights(&k->net, layer, inputs, units);
    if (status != BP_OK) {
        return status;
    }
    bp_import_layer *l = &k->net.layer[layer];
    l->f = p->has_f ? p->f : BP_LINEAR;
    l->dropout = p->dropout;
    for (size_t j = 0; j < units; j++) {
        l->b[j] = b ? p->factor * (double)value_at(k->variables, b->first + j) : 0;
        for (size_t i = 0; i < inputs; i++) {
            l->w[i * units + j] = p->factor * (double)value_at(k->variables, w->first + j * inputs + i);
        }
    }
    *next = n->child[0];
    return BP_OK;
}

/* x w^T + b. */
static bp_status take_affine(kann *k, size_t index, pending *p, size_t *next)
{
    const node *n = &k->node[index];
    const node *b = n->children == 2 ? &k->node[n->child[1]] : NULL;
    if (!b || !is_leaf(b, KIND_VARIABLE, 1) || k->node[n->child[0]].children == 0) {
        return refuse(k, index, "adds something else than the biases of a layer");
    }
    return take_dense(k, n->child[0], b, p, next);
}

/* Logits times a constant, in front of softmax. */
static bp_status take_factor(kann *k, size_t index, pending *p, size_t *next)
{
    const node *n = &k->node[index];
    const node *c = n->children == 2 ? &k->node[n->child[1]] : NULL;
    if (!c || c->children != 0 || c->kind != KIND_CONSTANT || c->values != 1) {
        return refuse(k, index, "multiplies by something else than one constant");
    }
    p->factor *= (double)value_at(k->constants, c->first);
    *next = n->child[0];
    return BP_OK;
}

/* kann_layer_dropout: a choice between x and dropout(x), rate. */
static bp_status take_dropout(kann *k, size_t index, pending *p, size_t *next)
{
    const node *n = &k->node[index], *d = n->children == 2 ? &k->node[n->child[1]] : NULL;
    const node *rate = d && d->children == 2 && d->op == OP_DROPOUT ? &k->node[d->child[1]] : NULL;
    if (!rate || d->child[0] != n->child[0] || rate->children != 0 || rate->kind != KIND_CONSTANT ||
        rate->values != 1) {
        return refuse(k, index, "chooses something else than dropout");
    }
    double r = (double)value_at(k->constants, rate->first);
    if (p->has_f || p->dropout > 0 || p->factor != 1 || !(r >= 0 && r < 1)) {
        return refuse(k, index, "is dropout where models here cannot have it");
    }
    p->dropout = r;
    *next = n->child[0];
    return BP_OK;
}

static bp_status take_activation(kann *k, size_t index, pending *p, size_t *next)
{
    static const bp_activation f[] = {
        [OP_SIGMOID] = BP_SIGMOID, [OP_TANH] = BP_TANH, [OP_RELU] = BP_RELU, [OP_SOFTMAX] = BP_SOFTMAX};
    const node *n = &k->node[index];
    if (p->has_f || p->factor != 1 || n->children != 1) {
        return refuse(k, index, "is an activation of an activation");
    }
    p->has_f = true;
    p->f = f[n->op];
    *next = n->child[0];
    return BP_OK;
}

/* x w^T alone. */
static bp_status take_product(kann *k, size_t index, pending *p, size_t *next)
{
    return take_dense(k, index, NULL, p, next);
}

/* From the node at `index` to the one before it; what was gathered in *p belongs to the next dense layer. */
static bp_status take_step(kann *k, size_t index, pending *p, size_t *next)
{
    static bp_status (*const steps[])(kann *, size_t, pending *, size_t *) = {
        [OP_ADD] = take_affine,         [OP_MUL] = take_factor,         [OP_CMUL] = take_product,
        [OP_SIGMOID] = take_activation, [OP_TANH] = take_activation,    [OP_RELU] = take_activation,
        [OP_SELECT] = take_dropout,     [OP_SOFTMAX] = take_activation,
    };
    const node *n = &k->node[index];
    if (n->children == 0 || n->op >= sizeof steps / sizeof *steps || !steps[n->op]) {
        return refuse(k, index, "cannot be a part of a model here");
    }
    size_t layers = k->net.count;
    bp_status status = steps[n->op](k, index, p, next);
    if (k->net.count > layers) {
        *p = (pending){.factor = 1};
    }
    return status;
}

/* The one node with this role, or an error. */
static bp_status find_role(size_t *out, const kann *k, uint32_t role, const char *what)
{
    size_t found = 0;
    for (size_t i = 0; i < k->count; i++) {
        if (k->node[i].role & role) {
            *out = i;
            found++;
        }
    }
    return found == 1
               ? BP_OK
               : bp_fail(BP_ERR_UNSUPPORTED, "reading %s: the network has %zu %s; expected one", k->path, found, what);
}

/* Layers were gathered from the last to the first. */
static void turn_around(bp_import_net *n)
{
    for (size_t i = 0; i < n->count / 2; i++) {
        bp_import_layer l = n->layer[i];
        n->layer[i] = n->layer[n->count - 1 - i];
        n->layer[n->count - 1 - i] = l;
    }
}

static bp_status check_chain(const kann *k, const node *in)
{
    const bp_import_net *n = &k->net;
    size_t inputs = in->values / (in->dims > 1 ? in->dim[0] : 1);
    for (size_t i = 0; i < n->count; i++) {
        if (n->layer[i].inputs != (i ? n->layer[i - 1].units : inputs)) {
            return bp_fail(BP_ERR_FORMAT, "reading %s: layer %zu takes %zu numbers, but gets %zu", k->path, i + 1,
                           n->layer[i].inputs, i ? n->layer[i - 1].units : inputs);
        }
    }
    return n->count ? BP_OK : bp_fail(BP_ERR_UNSUPPORTED, "reading %s: the network has no dense layer", k->path);
}

static bp_status read_chain(kann *k)
{
    size_t input = 0, at = 0, cost = 0;
    pending p = {.factor = 1};
    bp_status status = find_role(&input, k, ROLE_INPUT, "inputs");
    status = status == BP_OK ? find_role(&at, k, ROLE_OUTPUT, "outputs") : status;
    status = status == BP_OK ? bp_import_layers(&k->net, k->count) : status;
    k->net.count = 0; /* each layer is counted when it has been gathered */
    while (status == BP_OK && at != input) {
        status = take_step(k, at, &p, &at); /* always to a smaller number */
    }
    if (status == BP_OK && (k->node[input].children != 0 || p.has_f || p.factor != 1)) {
        return refuse(k, input, "is an input with an activation or children");
    }
    k->net.dropout = p.dropout;
    turn_around(&k->net);
    status = status == BP_OK ? check_chain(k, &k->node[input]) : status;
    if (status == BP_OK && find_role(&cost, k, ROLE_COST, "costs") == BP_OK && k->node[cost].op == OP_BCE) {
        k->net.loss = bp_loss_name(BP_BCE);
    }
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

bp_status bp_kann_read(bp_model **out, const char *path, const bp_import_options *options)
{
    kann k = {.path = path, .allocator = bp_allocator_or_default(options->allocator)};
    k.net = (bp_import_net){.allocator = k.allocator, .path = path, .format = "KANN", .type = BP_F32};
    char *text = NULL;
    bp_scan s;
    bp_status status = bp_import_refuse(path, "KANN", options->net, "net");
    status = status == BP_OK ? bp_import_refuse(path, "KANN", options->output, "output") : status;
    status = status == BP_OK ? bp_scan_open(&s, &text, path, &k.allocator) : status;
    if (status == BP_OK) {
        k.at = (const unsigned char *)s.at;
        k.end = (const unsigned char *)s.end;
        status = read_nodes(&k);
    }
    status = status == BP_OK ? read_chain(&k) : status;
    status = status == BP_OK ? bp_import_build(out, &k.net, options) : status;
    bp_import_release(&k.net);
    bp_release(&k.allocator, k.node);
    bp_release(&k.allocator, text);
    return status;
}
