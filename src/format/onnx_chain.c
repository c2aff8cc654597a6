/* onnx_chain.c - the stages from the input of a graph to its answer, as the layers of a model.
 *
 * A dense layer takes the diagonal maps around it into its weights; one before all layers becomes the scaling of the inputs, one
 * that nothing else can take becomes a layer of its own with a diagonal matrix. */
#include "format/onnx_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/import.h"
#include "format/onnx_graph.h"

/* a = act(x' W alpha post + b), x' = x pre + pre_shift; W the identity where there is none. */
typedef struct layer {
    size_t n, m;
    const bp_onnx_stage *stage; /* NULL: no matrix */
    const double *pre, *pre_shift, *post, *shift;
    bp_activation act;
} layer;

typedef struct chain {
    bp_onnx_in *in;
    layer *layer;
    size_t count, outputs;
    const double *scale, *scale_shift; /* of the inputs, before the first layer: x scale + shift */
    const double *pre, *pre_shift;     /* not yet taken by a layer */
    bool pending, open;                /* there are such; the last layer has no activation yet */
    size_t width;
} chain;

/* ---- stages to layers -------------------------------------------------------------------------------------------- */

static layer *add_layer(chain *c, const bp_onnx_stage *s)
{
    layer *l = &c->layer[c->count++];
    *l = (layer){.n = c->width, .m = s ? s->n : c->width, .stage = s, .pre = c->pre, .pre_shift = c->pre_shift};
    c->pre = c->pre_shift = NULL;
    c->pending = false;
    c->open = true;
    c->width = l->m;
    return l;
}

/* x scale + shift after what is there, as a new pair of lists. */
static bp_status stack(chain *c, const double **scale, const double **shift, const bp_onnx_stage *s)
{
    bp_onnx_stage before = {.n = c->width, .alpha = 1};
    before.scale = (double *)(uintptr_t)*scale;
    before.shift = (double *)(uintptr_t)*shift;
    const bp_onnx_stage *both = bp_onnx_rescale(c->in, &before, s->scale, s->shift);
    if (!both) {
        return BP_ERR_MEMORY;
    }
    *scale = both->scale;
    *shift = both->shift;
    return BP_OK;
}

static bp_status add_stage(chain *c, const bp_onnx_stage *s)
{
    if (s->act != BP_LINEAR) {
        if (c->pending || !c->open) {
            add_layer(c, NULL);
        }
        c->layer[c->count - 1].act = s->act;
        c->open = false;
    }
    if (s->w) {
        layer *l = add_layer(c, s);
        l->post = s->scale;
        l->shift = s->shift;
        return BP_OK;
    }
    if (!s->scale && !s->shift) {
        return BP_OK;
    }
    if (c->open) {
        layer *l = &c->layer[c->count - 1];
        return stack(c, &l->post, &l->shift, s);
    }
    c->pending = true;
    return stack(c, &c->pre, &c->pre_shift, s);
}

/* Before the first layer: scaling of the inputs, unless it loses what an input is: scale 0. */
static void take_scaling(chain *c)
{
    bool possible = c->count == 0 && c->pending;
    for (size_t i = 0; possible && c->pre && i < c->width; i++) {
        possible = c->pre[i] != 0;
    }
    if (possible) {
        c->scale = c->pre;
        c->scale_shift = c->pre_shift;
        c->pre = c->pre_shift = NULL;
        c->pending = false;
    }
}

static bool may_end(bp_activation act)
{
    return act == BP_LINEAR || act == BP_SIGMOID || act == BP_TANH || act == BP_SOFTMAX;
}

static bp_status collect(chain *c, const bp_onnx_stage *last)
{
    size_t stages = 0;
    for (const bp_onnx_stage *s = last; s; s = s->parent) {
        stages++;
    }
    const bp_onnx_stage **in_order = bp_pool_alloc(&c->in->pool, stages, sizeof *in_order);
    c->layer = bp_pool_alloc(&c->in->pool, 2 * stages + 1, sizeof *c->layer);
    if (!in_order || !c->layer) {
        return BP_ERR_MEMORY;
    }
    size_t at = stages;
    for (const bp_onnx_stage *s = last; s; s = s->parent) {
        in_order[--at] = s;
    }
    c->width = in_order[0]->n;
    bp_status status = BP_OK;
    for (size_t i = 0; i < stages && status == BP_OK; i++) {
        if (in_order[i]->w || in_order[i]->act != BP_LINEAR) {
            take_scaling(c);
        }
        status = add_stage(c, in_order[i]);
    }
    if (status == BP_OK && (c->count == 0 || c->pending || !may_end(c->layer[c->count - 1].act))) {
        add_layer(c, NULL);
    }
    return status;
}

/* ---- what kind of model ------------------------------------------------------------------------------------------ */

/* What the graph is for: asked for, or found from its end. */
static bp_status decide_task(bp_model_options *o, layer *last, const bp_onnx_value *v, bool labelled,
                             const bp_import_options *options)
{
    bool classes = v->pair || v->log || labelled || last->act == BP_SOFTMAX, one = last->m == 1;
    o->task = classes ? BP_CLASSIFY : BP_REGRESS;
    bp_status status = bp_import_task(&o->task, options);
    if (status != BP_OK) {
        return status;
    }
    if (o->task == BP_CLASSIFY && last->act == BP_LINEAR && !one) {
        last->act = BP_SOFTMAX; /* scores: the largest stays the largest */
    }
    bool fits = o->task == BP_CLASSIFY ? (last->act == BP_SIGMOID && last->m != 2) || last->act == BP_SOFTMAX
                                       : !v->pair && !v->log;
    if (!fits) {
        return bp_fail(BP_ERR_UNSUPPORTED, "the graph ends in %zu %s outputs%s, which is no model for the task \"%s\"",
                       last->m, bp_activation_name(last->act), v->log ? " and their logarithms" : "",
                       bp_task_name(o->task));
    }
    o->outputs = o->task == BP_CLASSIFY && one ? 2 : last->m;
    o->output = bp_activation_name(last->act);
    o->loss = last->act == BP_SIGMOID ? "bce" : o->task == BP_REGRESS ? "mse" : NULL;
    o->loss = options->loss ? options->loss : o->loss;
    return BP_OK;
}

/* "dense 50 relu, dense 20 tanh": all layers but the last. */
static char *describe_hidden(const chain *c)
{
    size_t room = 48 * c->count + 1, used = 0;
    char *text = bp_pool_alloc(&c->in->pool, room, 1);
    for (size_t i = 0; text && i + 1 < c->count; i++) {
        used += (size_t)snprintf(text + used, room - used, "%sdense %zu %s", i ? ", " : "", c->layer[i].m,
                                 bp_activation_name(c->layer[i].act));
    }
    return text;
}

static bp_type element_type(const chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->layer[i].stage) {
            return c->layer[i].stage->w->type == BP_ONNX_DOUBLE ? BP_F64 : BP_F32;
        }
    }
    return BP_F32;
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static double weight_at(const layer *l, size_t i, size_t j)
{
    const bp_onnx_stage *s = l->stage;
    if (!s) {
        return i == j;
    }
    return s->alpha * s->w->value[s->transposed ? j * l->n + i : i * l->m + j];
}

static double or_one(const double *list, size_t i)
{
    return list ? list[i] : 1;
}

/* W' = pre W post; b = pre_shift W post + shift */
static bp_status fill_layer(const layer *l, const bp_layer_info *to, const bp_allocator *a)
{
    double *w = bp_alloc(a, l->n * l->m, sizeof *w), *b = bp_alloc(a, l->m, sizeof *b);
    for (size_t i = 0; w && b && i < l->n; i++) {
        for (size_t j = 0; j < l->m; j++) {
            double value = weight_at(l, i, j) * or_one(l->post, j);
            w[i * l->m + j] = or_one(l->pre, i) * value;
            b[j] += l->pre_shift ? l->pre_shift[i] * value : 0;
        }
    }
    for (size_t j = 0; w && b && l->shift && j < l->m; j++) {
        b[j] += l->shift[j];
    }
    bp_status status = w && b ? bp_param_set(to->w, w) : BP_ERR_MEMORY;
    status = status == BP_OK ? bp_param_set(to->b, b) : status;
    bp_release(a, w);
    bp_release(a, b);
    return status;
}

static bp_status check_finite(const bp_model *m)
{
    const bp_graph *g = bp_model_graph_const(m);
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        const bp_node *p = bp_graph_param(g, i);
        const char *data = bp_param_values(p);
        for (size_t k = 0; k < bp_node_size(p); k++) {
            float narrow;
            double wide;
            bool f32 = bp_graph_type(g) == BP_F32;
            memcpy(f32 ? (void *)&narrow : (void *)&wide, data + k * (f32 ? 4u : 8u), f32 ? 4 : 8);
            if (!(f32 ? isfinite(narrow) : isfinite(wide))) {
                return bp_fail(BP_ERR_FORMAT, "weights of the graph that are not finite");
            }
        }
    }
    return BP_OK;
}

/* z = x scale + shift as (x - mean) * scale; one number where all are the same. */
static bp_status set_scaling(bp_model *m, const chain *c)
{
    size_t n = c->layer[0].n;
    double *both = bp_pool_alloc(&c->in->pool, n, 2 * sizeof *both);
    if (!both) {
        return BP_ERR_MEMORY;
    }
    double *mean = both, *scale = both + n;
    bool same = true;
    for (size_t i = 0; i < n; i++) {
        scale[i] = or_one(c->scale, i);
        mean[i] = c->scale_shift ? 0 - c->scale_shift[i] / scale[i] : 0;
        same = same && scale[i] == scale[0] && mean[i] == mean[0];
    }
    return bp_model_set_scaling(m, same ? 1 : n, mean, scale);
}

static bp_status fill_model(bp_model *m, const chain *c, const bp_allocator *a)
{
    bp_layer_info info;
    bp_status status = BP_OK;
    for (size_t i = 0; i < c->count && status == BP_OK; i++) {
        if (!bp_model_layer(m, i, &info)) {
            return bp_fail(BP_ERR_STATE, "a layer is missing");
        }
        status = fill_layer(&c->layer[i], &info, a);
    }
    status = status == BP_OK ? check_finite(m) : status;
    if (status == BP_OK && (c->scale || c->scale_shift)) {
        status = set_scaling(m, c);
    }
    if (status == BP_OK && bp_model_describe(m).task == BP_CLASSIFY && c->in->classes == bp_model_describe(m).outputs) {
        status = bp_model_set_classes(m, c->in->class_name);
    }
    return status == BP_OK ? bp_model_set_note(m, "imported_from", "ONNX") : status;
}

bp_status bp_onnx_build(bp_model **out, bp_onnx_in *in, const bp_onnx_value *v, bool labelled,
                        const bp_import_options *options)
{
    chain c = {.in = in};
    bp_model_options o = bp_model_defaults();
    bp_onnx_value end = *v;
    end.pair = end.log = false; /* what the answers of a model with one unit, and of softmax, are anyway */
    const bp_onnx_stage *last;
    bp_status status = bp_onnx_commit(&last, in, &end);
    status = status == BP_OK ? collect(&c, last) : status;
    status = status == BP_OK ? decide_task(&o, &c.layer[c.count - 1], v, labelled, options) : status;
    if (status != BP_OK) {
        return status;
    }
    o.inputs = c.layer[0].n;
    o.net = describe_hidden(&c);
    o.type = element_type(&c);
    o.init = "zeros";
    o.allocator = &in->pool.allocator; /* tried first with limited memory */
    bp_model *m;
    status = o.net ? bp_model_new(&m, &o) : BP_ERR_MEMORY;
    if (status != BP_OK) {
        return status;
    }
    bp_model_free(m);
    o.allocator = options->allocator;
    status = bp_model_new(&m, &o);
    status = status == BP_OK ? fill_model(m, &c, &in->pool.allocator) : status;
    if (status != BP_OK) {
        bp_model_free(m);
        return status;
    }
    *out = m;
    return BP_OK;
}
