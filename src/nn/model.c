/* model.c - a model: the graph of a described network. What else has to be kept with it to be used is in model_extras.c. */
#include "nn/model.h"

#include "graph/node.h"
#include "nn/init.h"

#include <math.h>
#include <string.h>

bp_model_options bp_model_defaults(void)
{
    return (bp_model_options){.task = BP_CLASSIFY, .net = "dense 64 relu", .type = BP_F32, .seed = 1};
}

/* ---- names ---- */

const char *bp_task_name(bp_task t)
{
    return t == BP_CLASSIFY ? "classify" : "regress";
}

static const char *const loss_names[] = {
    [BP_CROSS_ENTROPY] = "cross-entropy", [BP_BCE] = "bce", [BP_MSE] = "mse", [BP_MAE] = "mae", [BP_HUBER] = "huber"};
_Static_assert(sizeof loss_names / sizeof *loss_names == BP_LOSSES, "one name for each loss");

const char *bp_loss_name(bp_loss l)
{
    return (size_t)l < BP_LOSSES ? loss_names[l] : "unknown";
}

static const char *loss_name_at(size_t i)
{
    return loss_names[i];
}

bp_status bp_loss_parse(bp_loss *out, const char *name)
{
    int i = bp_find_name(name, loss_name_at, BP_LOSSES);
    if (i < 0) {
        return bp_fail_unknown("loss", name, loss_name_at, BP_LOSSES);
    }
    *out = (bp_loss)i;
    return BP_OK;
}

/* The activations that an output layer may have. */
static const bp_activation outputs[] = {BP_LINEAR, BP_SIGMOID, BP_TANH, BP_SOFTMAX};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

static const char *output_name_at(size_t i)
{
    return bp_activation_name(outputs[i]);
}

static bp_status parse_output(bp_activation *out, const char *name)
{
    int i = bp_find_name(name, output_name_at, OUTPUTS);
    if (i < 0) {
        return bp_fail_unknown("output", name, output_name_at, OUTPUTS);
    }
    *out = outputs[i];
    return BP_OK;
}

/* ---- output layer and loss ---- */

static bp_activation default_output(bp_task task, bool has_loss, bp_loss loss)
{
    if (has_loss && loss == BP_BCE) {
        return BP_SIGMOID;
    }
    if (task == BP_REGRESS) {
        return BP_LINEAR;
    }
    return !has_loss || loss == BP_CROSS_ENTROPY ? BP_SOFTMAX : BP_SIGMOID;
}

static bp_loss default_loss(bp_task task, bp_activation output)
{
    if (task == BP_REGRESS) {
        return BP_MSE;
    }
    return output == BP_SOFTMAX ? BP_CROSS_ENTROPY : output == BP_SIGMOID ? BP_BCE : BP_MSE;
}

static bp_status refuse_senseless(const bp_model *m)
{
    const char *output = bp_activation_name(m->output);
    if (m->loss == BP_CROSS_ENTROPY && m->options.task == BP_REGRESS) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "cross-entropy compares classes, but the targets are numbers: use mse, mae or huber");
    }
    if (m->loss == BP_CROSS_ENTROPY && m->output != BP_SOFTMAX) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "cross-entropy needs probabilities that sum to 1, a softmax output, not %s: use %s", output,
                       m->output == BP_SIGMOID ? "loss bce" : "output softmax");
    }
    if (m->loss == BP_BCE && m->output != BP_SIGMOID) {
        return bp_fail(BP_ERR_ARGUMENT, "bce needs each output between 0 and 1, a sigmoid output, not %s: use %s",
                       output, m->output == BP_SOFTMAX ? "loss cross-entropy" : "output sigmoid");
    }
    if (m->output == BP_SOFTMAX && m->units < 2) {
        return bp_fail(BP_ERR_ARGUMENT, "the softmax of one unit is always 1, nothing could be learned: use output %s",
                       m->options.task == BP_REGRESS ? "linear" : "sigmoid");
    }
    return BP_OK;
}

static bp_status resolve_output(bp_model *m)
{
    const bp_model_options *o = &m->options;
    bp_status status = BP_OK;
    if (o->loss) {
        status = bp_loss_parse(&m->loss, o->loss);
    }
    if (status == BP_OK && o->output) {
        status = parse_output(&m->output, o->output);
    }
    if (status != BP_OK) {
        return status;
    }
    if (!o->output) {
        m->output = default_output(o->task, o->loss != NULL, m->loss);
    }
    if (!o->loss) {
        m->loss = default_loss(o->task, m->output);
    }
    m->units = o->task == BP_CLASSIFY && o->outputs == 2 && m->output != BP_SOFTMAX ? 1 : o->outputs;
    return refuse_senseless(m);
}

bp_decision bp_model_decision(const bp_model *m)
{
    if (m->output == BP_TANH) {
        return (bp_decision){-1, 1, 0};
    }
    return (bp_decision){0, 1, m->loss == BP_BCE ? 0 : 0.5};
}

size_t bp_model_decide(const bp_model *m, const void *row, double threshold)
{
    if (m->units > 1) {
        return m->graph->kernels->argmax(m->units, row);
    }
    double score;
    bp_widen(&score, row, m->graph->type, 1);
    return score > threshold;
}

/* ---- building ---- */

/* The loss on the scores: on the logits where a fused op does both, which is exact where the two in a row are not. */
static void build_loss(bp_model *m, const bp_layer_info *last)
{
    bp_node *(*const on_outputs[BP_LOSSES])(bp_node *,
                                            bp_node *) = {[BP_MSE] = bp_squared_error, [BP_MAE] = bp_absolute_error};
    bool logits = m->loss == BP_CROSS_ENTROPY || m->loss == BP_BCE;
    m->target = bp_input(m->graph, "target", bp_shape1(m->loss == BP_CROSS_ENTROPY ? 1 : m->units));
    m->score = last->a;
    m->y = logits ? bp_activate(last->a, m->output) : last->a;
    if (m->loss == BP_CROSS_ENTROPY) {
        m->loss_node = bp_softmax_cross_entropy(m->score, m->target);
    } else if (m->loss == BP_BCE) {
        m->loss_node = bp_sigmoid_bce(m->score, m->target);
    } else if (m->loss == BP_HUBER) {
        m->loss_node = bp_huber(m->score, m->target, 1);
    } else {
        m->loss_node = on_outputs[m->loss](m->score, m->target);
    }
}

static bp_status build_graph(bp_model *m)
{
    m->graph = bp_graph_new(m->options.type, &m->allocator);
    m->layers = bp_alloc(&m->allocator, m->net.count + 1, sizeof *m->layers);
    if (!m->graph || !m->layers) {
        return BP_ERR_MEMORY;
    }
    m->x = bp_input(m->graph, "x", bp_shape1(m->options.inputs));
    bp_net_builder b = {m->graph, m->x, 0, m->options.unfused};
    for (size_t i = 0; i < m->net.count; i++) {
        bp_layer_build(&m->layers[m->layer_count++], &b, &m->net.layers[i]);
    }
    bool logits = m->loss == BP_CROSS_ENTROPY || m->loss == BP_BCE;
    bp_layer out = {.id = BP_LAYER_DENSE, .units = m->units, .f = logits ? BP_LINEAR : m->output};
    bp_layer_info *last = &m->layers[m->layer_count++];
    bp_layer_build(last, &b, &out);
    build_loss(m, last);
    out.f = m->output;
    bp_layer_print(last->text, &out);
    if (logits && last->a) {
        last->a = m->y;
    }
    return bp_graph_compile(m->graph);
}

static void initialise(bp_model *m, bp_init init)
{
    uint32_t index = 0;
    for (size_t i = 0; i < m->layer_count; i++) {
        if (m->layers[i].w) {
            bp_activation f = i < m->net.count ? m->net.layers[i].f : m->output;
            bp_init_fill(m->layers[i].w, init, f, m->options.seed, index++);
        }
    }
}

static bp_status check_options(const bp_model_options *o)
{
    if (o->type != BP_F32 && o->type != BP_F64) {
        return bp_fail(BP_ERR_ARGUMENT, "a model computes in f32 or f64, not %s", bp_type_name(o->type));
    }
    if (o->task != BP_CLASSIFY && o->task != BP_REGRESS) {
        return bp_fail(BP_ERR_ARGUMENT, "%d is not a task; expected BP_CLASSIFY or BP_REGRESS", (int)o->task);
    }
    if (o->inputs == 0 || o->outputs == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "a model needs at least one input and one output; found %zu and %zu", o->inputs,
                       o->outputs);
    }
    if (o->task == BP_CLASSIFY && o->outputs < 2) {
        return bp_fail(BP_ERR_ARGUMENT, "only one class: there is nothing to tell apart; at least 2 are needed");
    }
    return BP_OK;
}

static bp_status make(bp_model *m)
{
    bp_init init;
    bp_status status = check_options(&m->options);
    status = status == BP_OK ? resolve_output(m) : status;
    status = status == BP_OK ? bp_init_parse(&init, m->options.init) : status;
    const char *net = m->options.net ? m->options.net : bp_model_defaults().net;
    status = status == BP_OK ? bp_net_parse(&m->net, net, &m->allocator) : status;
    status = status == BP_OK ? build_graph(m) : status;
    if (status != BP_OK) {
        return status;
    }
    initialise(m, init);
    m->net_text = bp_net_print(&m->net);
    m->init_text = bp_strdup(&m->allocator, m->options.init ? m->options.init : "auto");
    m->options.net = m->net_text;
    m->options.init = m->init_text;
    m->options.output = bp_activation_name(m->output);
    m->options.loss = bp_loss_name(m->loss);
    m->options.allocator = &m->allocator;
    return m->net_text && m->init_text ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_model_new(bp_model **out, const bp_model_options *options)
{
    *out = NULL;
    bp_allocator a = bp_allocator_or_default(options->allocator);
    bp_model *m = bp_alloc(&a, 1, sizeof *m);
    if (!m) {
        return BP_ERR_MEMORY;
    }
    m->allocator = a;
    m->options = *options;
    m->net.allocator = a;
    bp_status status = make(m);
    if (status != BP_OK) {
        bp_model_free(m);
        return status;
    }
    *out = m;
    return BP_OK;
}

void bp_model_free(bp_model *m)
{
    if (!m) {
        return;
    }
    bp_allocator a = m->allocator;
    bp_model_free_extras(m);
    bp_release(&a, m->layers);
    bp_release(&a, m->net_text);
    bp_release(&a, m->init_text);
    bp_net_free(&m->net);
    bp_graph_free(m->graph);
    bp_release(&a, m);
}

static bp_status copy_weights(bp_model *to, const bp_model *from)
{
    for (size_t i = 0; i < from->graph->param_count; i++) {
        const bp_node *p = from->graph->params[i];
        double *values = bp_alloc(&from->allocator, p->size, sizeof *values);
        if (!values) {
            return BP_ERR_MEMORY;
        }
        bp_param_get(p, values);
        bp_param_set(to->graph->params[i], values);
        to->graph->params[i]->frozen = p->frozen;
        bp_release(&from->allocator, values);
    }
    return BP_OK;
}

bp_status bp_model_copy(bp_model **out, const bp_model *m, const bp_model_options *options)
{
    bp_model_options o = m->options;
    if (options) {
        o.type = options->type;
        o.unfused = options->unfused;
    }
    bp_model *copy;
    bp_status status = bp_model_new(&copy, &o);
    *out = NULL;
    if (status != BP_OK) {
        return status;
    }
    status = copy_weights(copy, m);
    status = status == BP_OK ? bp_model_copy_extras(copy, m) : status;
    if (status != BP_OK) {
        bp_model_free(copy);
        return status;
    }
    *out = copy;
    return BP_OK;
}

/* ---- what it is ---- */

bp_model_options bp_model_describe(const bp_model *m)
{
    return m->options;
}

bp_loss bp_model_loss(const bp_model *m)
{
    return m->loss;
}

bp_activation bp_model_output(const bp_model *m)
{
    return m->output;
}

size_t bp_model_units(const bp_model *m)
{
    return m->units;
}

size_t bp_model_parameters(const bp_model *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->graph->param_count; i++) {
        count += m->graph->params[i]->size;
    }
    return count;
}

bool bp_model_layer(const bp_model *m, size_t index, bp_layer_info *out)
{
    if (index >= m->layer_count) {
        return false;
    }
    *out = m->layers[index];
    out->frozen = out->w && bp_param_frozen(out->w) && bp_param_frozen(out->b);
    return true;
}

bp_graph *bp_model_graph(bp_model *m)
{
    return m->graph;
}

const bp_graph *bp_model_graph_const(const bp_model *m)
{
    return m->graph;
}

bp_node *bp_model_x(const bp_model *m)
{
    return m->x;
}

bp_node *bp_model_target(const bp_model *m)
{
    return m->target;
}

bp_node *bp_model_y(const bp_model *m)
{
    return m->y;
}

bp_node *bp_model_loss_node(const bp_model *m)
{
    return m->loss_node;
}
