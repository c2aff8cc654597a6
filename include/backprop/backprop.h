/* backprop.h - train and run feed-forward neural networks by back-propagation.
 *
 * The core library: it depends on libc, libm and OpenMP only; it reads and writes no file, prints nothing, never exits
 * and keeps no state behind your back. Files are the business of <backprop/io.h>.
 *
 * Three levels, each built on the one before it:
 *   graph   build any expression from nodes, run it forward, differentiate it backward       (sections 3 to 5)
 *   model   a described network: "dense 512 relu, dropout 0.2, dense 512 relu"               (sections 6 and 7)
 *   train   the whole job: shuffled mini-batches, optimizer, schedule, early stopping        (sections 8 to 10)
 *
 * Conventions. Functions that can fail return a bp_status, or NULL where they return an object; bp_error() then has the
 * text: what was being done, what was found, what was expected, what to do. Outputs come first, then inputs, sizes,
 * options. Every xxx_new has its xxx_free; freeing NULL is allowed. Options come from a factory that fills in the
 * defaults: bp_train_options o = bp_train_defaults(); o.epochs = 5;
 *
 * Same seed, same bits: on one kind of CPU, results do not depend on the number of threads. */
#ifndef BACKPROP_H
#define BACKPROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BP_VERSION "0.2.0"

/* The version of the library that is running, "0.2.0"; compare with BP_VERSION. */
const char *bp_version(void);

/* ---- 1. Status and errors ---------------------------------------------------------------------------------------- */

typedef enum bp_status {
    BP_OK = 0,
    BP_ERR_ARGUMENT,    /* an argument or option that makes no sense */
    BP_ERR_SHAPE,       /* shapes that do not fit together */
    BP_ERR_MEMORY,      /* out of memory, or a size that overflows */
    BP_ERR_STATE,       /* a call at the wrong time, e.g. backward before forward */
    BP_ERR_DATA,        /* data that cannot be used: label out of range, no rows */
    BP_ERR_NUMERIC,     /* a loss, gradient or weight that is not finite */
    BP_ERR_IO,          /* the operating system refused: missing file, full disk */
    BP_ERR_FORMAT,      /* a file that is damaged or of another kind */
    BP_ERR_UNSUPPORTED, /* a valid request that this build or CPU cannot serve */
    BP_ERR_STOPPED /* the user asked to stop, for callers that pass statuses on; the library itself never returns it */
} bp_status;

/* "ok", "argument", "shape" ... */
const char *bp_status_name(bp_status status);
/* Text of the last failure in the calling thread; "" if there was none. Valid until the thread's next failing call. */
const char *bp_error(void);

/* ---- 2. Types, memory, kernels ----------------------------------------------------------------------------------- */

/* Element types. Graphs compute in BP_F32 or BP_F64; data may come in any of them. */
typedef enum bp_type { BP_F32, BP_F64, BP_U8, BP_I8, BP_I16, BP_I32, BP_TYPES } bp_type;

size_t bp_type_size(bp_type type);      /* bytes of one element */
const char *bp_type_name(bp_type type); /* "f32", "f64", "u8" ... */

/* Shape of a parameter, or of one sample of a value. */
#define BP_MAX_DIMS 4
typedef struct bp_shape {
    int dims;
    size_t dim[BP_MAX_DIMS];
} bp_shape;

static inline bp_shape bp_shape1(size_t n)
{
    bp_shape s = {1, {n, 0, 0, 0}};
    return s;
}
static inline bp_shape bp_shape2(size_t rows, size_t cols)
{
    bp_shape s = {2, {rows, cols, 0, 0}};
    return s;
}

/* Where memory comes from. alloc returns `bytes` bytes aligned to 64, or NULL; release accepts what alloc returned. Both
 * may be called from the thread that calls the library, never from its worker threads. */
typedef struct bp_allocator {
    void *(*alloc)(void *ctx, size_t bytes);
    void (*release)(void *ctx, void *block);
    void *ctx;
} bp_allocator;

/* The kernel set used by graphs created from now on: "avx512", "avx2", "neon" or "portable". Without a call it is the
 * best one that the CPU supports. Unknown or unsupported: BP_ERR_UNSUPPORTED, with the valid names in the text. Call it
 * before other threads use the library. */
bp_status bp_kernel_select(const char *name);
const char *bp_kernel_name(void);              /* the set in use */
const char *bp_kernel_available(size_t index); /* the sets this CPU can run, best first; NULL past the last */
int bp_threads_available(void);                /* processors this process may use: affinity mask, container quota */

/* ---- 3. The computation graph ------------------------------------------------------------------------------------ */

/* A graph owns its nodes and the values of its parameters. A node stands for
 *   an input      set by the caller before each run,   rows x shape
 *   a parameter   trained,                             shape
 *   a constant                                         shape
 *   a value       computed by one op,                  rows x shape, or shape if it depends on no input
 * The batch dimension is implicit: shapes are those of one sample. Builders return NULL once anything failed and accept
 * NULL, so an expression can be written without checking each line; the first error is kept and bp_graph_compile
 * reports it. Nodes live as long as their graph. */
typedef struct bp_graph bp_graph;
typedef struct bp_node bp_node;

/* type: BP_F32 or BP_F64. allocator: NULL for the C library's; it is copied, and used by everything made from the graph. */
bp_graph *bp_graph_new(bp_type type, const bp_allocator *allocator);
void bp_graph_free(bp_graph *g);
/* Reports the first builder error, or closes the graph: no more nodes, sessions can be made. Idempotent. */
bp_status bp_graph_compile(bp_graph *g);
bp_type bp_graph_type(const bp_graph *g);

/* Names must be unique within the graph among inputs and parameters; NULL gives "input:0", "param:1" ... */
bp_node *bp_input(bp_graph *g, const char *name, bp_shape sample);
bp_node *bp_param(bp_graph *g, const char *name, bp_shape shape);              /* initially zero */
bp_node *bp_constant(bp_graph *g, double value);                               /* shape {1} */
bp_node *bp_constant_array(bp_graph *g, bp_shape shape, const double *values); /* copied */

/* Arithmetic, element by element. Operands have the same shape, or one has a single element (it is repeated). An operand
 * that does not depend on an input is the same for every row. */
bp_node *bp_add(bp_node *a, bp_node *b); /* a + b */
bp_node *bp_sub(bp_node *a, bp_node *b); /* a - b */
bp_node *bp_mul(bp_node *a, bp_node *b); /* a b   */
bp_node *bp_div(bp_node *a, bp_node *b); /* a / b */
bp_node *bp_neg(bp_node *x);             /* -x */
bp_node *bp_exp(bp_node *x);             /* e^x */
bp_node *bp_log(bp_node *x);             /* ln x */
bp_node *bp_sqrt(bp_node *x);            /* square root */
bp_node *bp_square(bp_node *x);          /* x^2 */

/* Reductions over the elements of one sample, to shape {1}. */
bp_node *bp_sum(bp_node *x);  /* sum_j x_j */
bp_node *bp_mean(bp_node *x); /* 1/n sum_j x_j */

/* Linear maps. x: n elements a sample; w: {n, m}; b: {m}. w and b do not depend on an input. */
bp_node *bp_matmul(bp_node *x, bp_node *w);             /* x w     -> {m} */
bp_node *bp_affine(bp_node *x, bp_node *w, bp_node *b); /* x w + b -> {m} */

/* Activations. */
typedef enum bp_activation {
    BP_LINEAR,     /* x */
    BP_SIGMOID,    /* 1 / (1 + e^-x) */
    BP_TANH,       /* tanh x */
    BP_RELU,       /* max(0, x) */
    BP_LEAKY_RELU, /* x > 0 ? x : 0.01 x */
    BP_ELU,        /* x > 0 ? x : e^x - 1 */
    BP_GELU,       /* x Phi(x), Phi the normal distribution function: Hendrycks & Gimpel, arXiv:1606.08415 */
    BP_GELU_TANH,  /* its tanh approximation, same paper */
    BP_SILU,       /* x sigmoid(x) */
    BP_SOFTPLUS,   /* ln(1 + e^x) */
    BP_SOFTMAX,    /* e^x_j / sum_k e^x_k over the elements of a sample */
    BP_ACTIVATIONS
} bp_activation;

const char *bp_activation_name(bp_activation a); /* "relu" ... */
bp_status bp_activation_parse(bp_activation *out, const char *name);

bp_node *bp_activate(bp_node *x, bp_activation a);
bp_node *bp_linear(bp_node *x);
bp_node *bp_sigmoid(bp_node *x);
bp_node *bp_tanh(bp_node *x);
bp_node *bp_relu(bp_node *x);
bp_node *bp_leaky_relu(bp_node *x, double slope);
bp_node *bp_elu(bp_node *x, double alpha);
bp_node *bp_gelu(bp_node *x);
bp_node *bp_gelu_tanh(bp_node *x);
bp_node *bp_silu(bp_node *x);
bp_node *bp_softplus(bp_node *x);
bp_node *bp_softmax(bp_node *x);

/* Inverted dropout (Srivastava et al., JMLR 15, 2014): in training mode y = x/(1-rate) with probability 1-rate, else 0;
 * otherwise y = x. 0 <= rate < 1. The mask is a function of (seed, step, node, row, column) alone. */
bp_node *bp_dropout(bp_node *x, double rate);

/* f(x w + b) in one op, f any activation but softmax. Same value as bp_activate(bp_affine(x, w, b), f). The gradient kept
 * for this node after a backward pass is delta = dL/dz, z = x w + b - the quantity the literature calls the error of the
 * layer - not dL/da. */
bp_node *bp_dense(bp_node *x, bp_node *w, bp_node *b, bp_activation f);

/* Losses: one number a sample. o: outputs, t: targets of the same shape. The objective of a batch of N samples is their
 * mean, L = 1/N sum_n loss_n.
 *
 * Squared error is loss = 1/2 sum_j (o_j - t_j)^2, so L = 1/N sum_n 1/2 |o-t|^2. For D outputs this is D/2 times PyTorch's
 * MSELoss() and scikit-learn's mean_squared_error, and equal to scikit-learn's MLPRegressor loss for D = 1. */
bp_node *bp_squared_error(bp_node *o, bp_node *t);
bp_node *bp_absolute_error(bp_node *o, bp_node *t);      /* sum_j |o_j - t_j| */
bp_node *bp_huber(bp_node *o, bp_node *t, double delta); /* sum_j |d| <= delta ? d^2/2 : delta (|d| - delta/2) */
/* Cross-entropy of softmax(z) by log-sum-exp: -sum_j t_j ln softmax(z)_j. t is a distribution of the shape of z, or has one
 * element: the number of the true class, 0 .. n-1 (then it has no gradient). */
bp_node *bp_softmax_cross_entropy(bp_node *z, bp_node *t);
/* Binary cross-entropy of sigmoid(z), t_j in [0, 1]: sum_j max(z,0) - z t + ln(1 + e^-|z|). */
bp_node *bp_sigmoid_bce(bp_node *z, bp_node *t);

/* What a node is. */
const char *bp_node_name(const bp_node *n); /* inputs and parameters: the name; values: op and number, "affine:3" */
const char *bp_node_op(const bp_node *n);   /* "input", "param", "const", "affine" ... */
bp_shape bp_node_shape(const bp_node *n);
size_t bp_node_size(const bp_node *n); /* elements of a sample, or of the parameter */

/* Parameters in order of creation: one named view each into one slab. */
size_t bp_graph_params(const bp_graph *g);
bp_node *bp_graph_param(const bp_graph *g, size_t index);
bp_node *bp_graph_find(const bp_graph *g, const char *name); /* an input or parameter, or NULL */
/* The values, dense row-major, of the graph's type. Valid until the next bp_param of the graph; fixed once compiled. */
void *bp_param_data(bp_node *param);
const void *bp_param_values(const bp_node *param);
bp_status bp_param_set(bp_node *param, const double *values);
bp_status bp_param_get(const bp_node *param, double *values);
/* A frozen parameter is not trained: no optimizer changes a bit of it. Sessions made while it is frozen compute no gradient
 * of it, nor of what lies before it alone, which makes training faster; made earlier, they still do. Thawed, it is trained by
 * sessions made from then on. bp_model_copy copies the mark; model files do not have it. New parameters are not frozen. */
void bp_param_freeze(bp_node *param, bool frozen);
bool bp_param_frozen(const bp_node *param);

/* One row of the op table: for documentation, inspection and tests. */
typedef struct bp_op_info {
    const char *name, *formula, *gradient;
    int arity;
} bp_op_info;
/* Row `index` of the table; name is NULL past the last. */
bp_op_info bp_op_list(size_t index);

/* ---- 4. Sessions: running a graph -------------------------------------------------------------------------------- */

/* A session is the workspace of one caller thread: values, gradients, everything planned once for the largest batch, so
 * that running allocates nothing. The graph is only read (parameters are changed by optimizers and bp_param_set alone):
 * many threads may run one graph, each with its own session. */
typedef struct bp_session bp_session;

typedef struct bp_session_options {
    size_t max_rows;      /* largest batch; default 1 */
    int threads;          /* worker threads, this one included; 0 (default): as many as pay for the work */
    bool gradients;       /* plan for bp_backward; default true */
    bool input_gradients; /* dL/dx of inputs too; default true */
    bool stream_updates; /* gradients of parameters are not kept: bp_optimizer_step uses each one while it is hot in the
                             cache. Then bp_backward is refused; default false */
    bool training;       /* dropout active; default false */
    uint64_t seed;       /* of the dropout masks */
} bp_session_options;

bp_session_options bp_session_defaults(void);

/* targets: the nodes wanted. The first is the objective of bp_backward. Only what they depend on is computed. */
bp_status bp_session_new(bp_session **out, const bp_graph *g, const bp_node *const *targets, size_t count,
                         const bp_session_options *options);
void bp_session_free(bp_session *s);

/* Inputs: dense rows x size(input), row-major. */
bp_status bp_session_set(bp_session *s, const bp_node *input, const double *values, size_t rows);
/* Weights of the rows in the objective: L = 1/N sum_n weight_n loss_n. values: one a row, copied; later rows, and all with
 * NULL, count 1. */
bp_status bp_session_set_weights(bp_session *s, const double *values, size_t rows);
/* Computes all targets for the first `rows` rows of the inputs. */
bp_status bp_forward(bp_session *s, size_t rows);
/* Reverse mode from the first target: gradients of L = mean over the rows of the last bp_forward of the target, which has
 * one element a sample. (Rumelhart, Hinton, Williams, Nature 323, 1986.) */
bp_status bp_backward(bp_session *s);
/* Values after bp_forward: rows x size(node) doubles for what depends on an input, else size(node). Parameters and
 * constants included. */
bp_status bp_session_get(const bp_session *s, const bp_node *node, double *values);
/* dL/dnode after bp_backward, the same layout. */
bp_status bp_session_gradient(const bp_session *s, const bp_node *node, double *values);
/* The objective after bp_forward: the mean of the first target, times the weights if there are any, over the rows. */
double bp_session_objective(const bp_session *s);
/* The same without copying, in the graph's type; *stride receives the distance of two rows in elements. NULL if absent. */
void *bp_session_values(bp_session *s, const bp_node *node, size_t *stride);
const void *bp_session_gradients(const bp_session *s, const bp_node *node, size_t *stride);
/* Number of the step, which selects the dropout masks, and whether dropout is active. */
void bp_session_set_step(bp_session *s, uint64_t step);
void bp_session_set_training(bp_session *s, bool training);
int bp_session_threads(const bp_session *s);
size_t bp_session_bytes(const bp_session *s); /* memory held */
double bp_session_flops(const bp_session *s); /* of one row: forward, and backward if planned */

/* ---- 5. Gradient checking ---------------------------------------------------------------------------------------- */

/* Numerical differentiation: (L(x+h) - L(x-h)) / 2h for each element of `of` (a parameter or an input), L the objective of
 * the session with the inputs as they are set. gradient: as bp_session_gradient. h <= 0 chooses a step that suits the
 * type. Inputs and parameters are restored exactly. */
bp_status bp_numeric_gradient(bp_session *s, bp_graph *g, const bp_node *of, double h, double *gradient);

typedef struct bp_check_options {
    double tolerance; /* largest relative difference allowed; default 1e-6 */
    size_t sample;    /* elements checked of each tensor; larger tensors are sampled; default 200, 0: all */
    bool inputs;      /* check dL/dx too; default true */
    uint64_t seed;    /* of the sample */
} bp_check_options;
bp_check_options bp_check_defaults(void);

/* One tensor. The relative difference of an element is |a - n| / max(|a|, |n|, noise/tolerance), a by back-propagation, n
 * numerically, noise the rounding error of the numerical method, 2 eps max(1, |L|) / h. */
typedef struct bp_check_row {
    const char *name; /* of the graph: valid as long as it is, as is kink */
    bool input;
    size_t size, checked; /* elements of the tensor; elements compared */
    size_t kinks;         /* elements left out: no step is small enough to stay on one side of a kink */
    const char *kink;     /* the op of the first of them, e.g. "relu:4"; NULL if none */
    double max_abs, mean_abs, max_rel, mean_rel;
    size_t worst; /* element with the largest relative difference, */
    double worst_backprop, worst_numeric;
    bool all_zero; /* every element of the gradient is exactly zero: fails */
    bool passed;
} bp_check_row;

typedef struct bp_check_report {
    size_t count;
    bp_check_row *rows;
    bool passed;
    size_t numeric_passes;                    /* forward passes of the numerical way, for the elements checked */
    double numeric_seconds, backprop_seconds; /* backprop: one forward and one backward */
    size_t total;                             /* elements in all checked tensors together */
} bp_check_report;

/* Compares back-propagation with numerical differentiation for every parameter (and input) of the session, whose graph
 * must be f64 and whose inputs must be set. Frozen parameters have no gradient and no row; with nothing to compare the report
 * is not passed. BP_OK means that the comparison was made: look at (*out)->passed. */
bp_status bp_gradient_check(bp_check_report **out, bp_session *s, bp_graph *g, size_t rows,
                            const bp_check_options *options);
void bp_check_report_free(bp_check_report *r);

/* ---- 6. Models: described networks ------------------------------------------------------------------------------- */

typedef enum bp_task { BP_CLASSIFY, BP_REGRESS } bp_task;
typedef enum bp_loss {
    BP_CROSS_ENTROPY, /* softmax output */
    BP_BCE,           /* sigmoid output, targets in [0, 1] */
    BP_MSE,           /* 1/N sum_n 1/2 |o-t|^2, see bp_squared_error */
    BP_MAE,           /* 1/N sum_n sum_j |o_j-t_j| */
    BP_HUBER,         /* delta = 1 */
    BP_LOSSES
} bp_loss;

const char *bp_task_name(bp_task t);
const char *bp_loss_name(bp_loss l);
bp_status bp_loss_parse(bp_loss *out, const char *name);

/* A network is described by its hidden layers, separated by commas:
 *   dense N [activation]   x W + b with N units, then the activation (default relu)
 *   dropout RATE
 * e.g. "dense 512 relu, dropout 0.2, dense 512 relu"; "" has no hidden layer. The output layer follows from the task:
 *   classes   one unit a class, softmax, cross-entropy; or, for two classes and another output, one unit
 *   numbers   one linear unit a number, mse
 *
 * Initial weights (`init`), NULL for a default by activation: He uniform for the relu family, Glorot uniform else; biases
 * start at zero.
 *   zeros | normal[:sigma] (0.01) | uniform[:limit] (0.05) |
 *   glorot-uniform | glorot-normal   Glorot & Bengio, AISTATS 2010:  variance 2 / (n_in + n_out)
 *   he-uniform | he-normal           He et al., arXiv:1502.01852:    variance 2 / n_in
 *   lecun-uniform | lecun-normal     LeCun et al., Efficient BackProp, 1998: variance 1 / n_in */
typedef struct bp_model_options {
    size_t inputs, outputs; /* elements of a sample; classes or target numbers */
    bp_task task;
    const char *net;    /* default "dense 64 relu"; at most 4096 layers */
    const char *output; /* linear, sigmoid, tanh or softmax; NULL: from the task */
    const char *loss;   /* cross-entropy, bce, mse, mae or huber; NULL: from the task and output */
    const char *init;
    bp_type type; /* default BP_F32 */
    uint64_t seed;
    bool unfused; /* one op for each formula, so that z, a and delta of every layer can be looked at */
    const bp_allocator *allocator;
} bp_model_options;
bp_model_options bp_model_defaults(void);

typedef struct bp_model bp_model;

bp_status bp_model_new(bp_model **out, const bp_model_options *options);
void bp_model_free(bp_model *m);
/* An independent copy, with the options (type, unfused) changed as given; weights are converted. NULL: as m. */
bp_status bp_model_copy(bp_model **out, const bp_model *m, const bp_model_options *options);

/* What the model was made of, in full: every default resolved. The strings live as long as the model. */
bp_model_options bp_model_describe(const bp_model *m);
bp_loss bp_model_loss(const bp_model *m);
bp_activation bp_model_output(const bp_model *m);
size_t bp_model_units(const bp_model *m);      /* of the output layer: 1 for two classes with one unit */
size_t bp_model_parameters(const bp_model *m); /* trained numbers */
/* Layers as torch.nn.Sequential would number them, the output layer included. false past the last. */
typedef struct bp_layer_info {
    char text[48]; /* "dense 50 relu" */
    size_t inputs, outputs, parameters;
    double flops;           /* of one sample, forward */
    bp_node *w, *b, *z, *a; /* NULL where the layer has none; z is NULL in a fused model unless linear */
    bool frozen;            /* it has weights, and all of them are frozen */
} bp_layer_info;
bool bp_model_layer(const bp_model *m, size_t index, bp_layer_info *out);

/* What one model has learned as the start of another, e.g. for three classes instead of ten, of which there are few samples:
 *
 *     bp_model_options o = bp_model_describe(digits);
 *     o.outputs = 3;
 *     bp_model_new(&m, &o);                       // the same network with another head, the last layer
 *     bp_model_transfer(NULL, m, digits, 0);      // all other layers as they are in digits
 *     bp_model_freeze(m, "body");                 // and they stay so: bp_train changes the head alone
 *
 * Layers are counted from 0, as bp_model_layer counts them, and taken from the front: for i < layers, layer i of `to` gets
 * w and b of layer i of `from`, converted to its type. They must have the same sizes and activation; dropout has no weights,
 * its rate may differ. layers = 0 takes all of them, but the head only if it is alike too, for the same task and number of
 * outputs; else the head stays as it is. The scaling of the inputs comes with the layers, which mean nothing without it; with
 * the head come the scaling of the outputs and, where `to` has none, the names of the classes. Nothing else of `to` changes,
 * and nothing of `from`. *taken (may be NULL) = how many layers were taken. BP_ERR_SHAPE: they do not fit; the text names the
 * layer and what it is in both, and `to` is as it was. */
bp_status bp_model_transfer(size_t *taken, bp_model *to, const bp_model *from, size_t layers);
/* Freezes w and b of these layers, see bp_param_freeze, and thaws all others: "0", "0-2", "0,2-3"; "body": all but the last;
 * "none". Dropout within a range of them goes on. BP_ERR_ARGUMENT, with nothing changed: no such list, no such layer, none
 * with weights, or all of them. */
bp_status bp_model_freeze(bp_model *m, const char *layers);
/* Which are frozen, in that form, "" for none; of a layer of which only one is, the name of the parameter: "0-2,6.bias". Cut
 * to size; returns the length that it needs, without the 0 at the end. */
size_t bp_model_frozen(char *out, size_t size, const bp_model *m);

/* The graph and its nodes, for everything the model level does not offer. */
bp_graph *bp_model_graph(bp_model *m);
const bp_graph *bp_model_graph_const(const bp_model *m);
bp_node *bp_model_x(const bp_model *m);      /* input */
bp_node *bp_model_target(const bp_model *m); /* input: what should come out */
bp_node *bp_model_y(const bp_model *m);      /* output: probabilities or numbers */
bp_node *bp_model_loss_node(const bp_model *m);

/* Scaling applied to inputs before the network, x' = (x - mean) * scale, kept with the model. count: 0 (none), 1 (one for
 * all) or inputs. */
bp_status bp_model_set_scaling(bp_model *m, size_t count, const double *mean, const double *scale);
size_t bp_model_scaling(const bp_model *m, const double **mean, const double **scale);
/* Scaling of the numbers that a model answers with: y' = y * scale + mean, applied to everything that bp_predict gives
 * out; targets are mapped back before the loss, which is therefore that of the scaled targets. Kept with the model. count:
 * 0 (none) or outputs; task BP_REGRESS only. */
bp_status bp_model_set_output_scaling(bp_model *m, size_t count, const double *mean, const double *scale);
size_t bp_model_output_scaling(const bp_model *m, const double **mean, const double **scale);
/* A text that says how raw data become inputs of this model; the core only carries it. <backprop/io.h>, section 4, makes
 * and understands it. Copied; NULL removes it. */
bp_status bp_model_set_preparation_text(bp_model *m, const char *text);
const char *bp_model_preparation_text(const bp_model *m); /* NULL: none */
/* Names of the classes; NULL where none were given. names: outputs strings, copied. */
bp_status bp_model_set_classes(bp_model *m, const char *const *names);
const char *bp_model_class(const bp_model *m, size_t index);
/* Notes that travel with the model (where it came from, how it was trained): key and value, copied; value NULL removes. */
bp_status bp_model_set_note(bp_model *m, const char *key, const char *value);
const char *bp_model_note(const bp_model *m, const char *key);
bool bp_model_note_at(const bp_model *m, size_t index, const char **key, const char **value);

/* ---- 7. Data and prediction -------------------------------------------------------------------------------------- */

/* A set of samples: a view, the arrays are the caller's and are only read. */
typedef struct bp_data {
    size_t rows;
    size_t inputs; /* elements of a sample */
    const void *x; /* rows x inputs, dense, of type x_type; bytes stay bytes and are converted batch by batch */
    bp_type x_type;
    size_t classes;                 /* > 0: label is set; 0: y is set */
    const int32_t *label;           /* rows, each 0 .. classes-1 */
    size_t targets;                 /* numbers a sample in y */
    const double *y;                /* rows x targets */
    const char *const *class_names; /* classes strings, or NULL */
    size_t height, width;           /* of an image, 0 for other data */
    const float
        *weight; /* rows, 0 or more: how much each row counts, relative to their mean; NULL: all the same. Training
                            minimises 1/N sum_n weight_n / mean weight * loss_n over the N rows of a batch, the mean being
                            that of all rows: weight 2 is the row twice, weight 0 the row left out. All measures count
                            alike; the confusion matrix counts rows */
    /* Rows that are made when they are needed, as those of tables are: writes the `inputs` numbers of row `row` as type
     * BP_F32 or BP_F64. Called from several threads at once, with x, which is then its context (x_type is not used), again
     * and again for the same rows, with the same answer. NULL: x holds the rows. */
    void (*fill)(const void *x, size_t row, void *out, bp_type type);
} bp_data;

/* What m is to answer for row `row` of the data, as its target node wants it: the number of the class for cross-entropy;
 * else a number a unit - 1 for the right class and 0 (tanh: -1) for the others, one unit: 1 (or 0, -1) for class 1 (0);
 * or the numbers of y. target: bp_node_size(bp_model_target(m)) doubles. */
void bp_model_encode(const bp_model *m, double *target, const bp_data *data, size_t row);

/* A predictor is the workspace of one caller thread for one model. */
typedef struct bp_predictor bp_predictor;
bp_status bp_predictor_new(bp_predictor **out, const bp_model *m, size_t max_rows, int threads);
void bp_predictor_free(bp_predictor *p);
/* out: rows x outputs of the model's type (two classes with one unit: both probabilities); x: rows x inputs of any type, as
 * in the data the model was trained on (the model's scaling is applied here). Any number of rows. */
bp_status bp_predict(bp_predictor *p, void *out, const void *x, bp_type x_type, size_t rows);
/* The same for rows first .. first + rows - 1 of the data, which need no targets; those of bp_data.fill, too. */
bp_status bp_predict_data(bp_predictor *p, void *out, const bp_data *data, size_t first, size_t rows);

/* Measures of a model on data, as scikit-learn defines them, each row counting by its weight. They are those of the answers
 * that bp_predict gives. What does not apply is NaN or NULL. Targets of 0 and 1 under the loss bce are *labels*, a yes or no
 * each, yes being said above 0.5; they have the measures of numbers, too. */
typedef struct bp_evaluation {
    size_t rows;
    double loss;          /* the objective; with output scaling that of the scaled targets */
    double accuracy;      /* share of rows whose most probable class, or all of whose labels, are right; numbers: NaN */
    double rmse, mae, r2; /* numbers: over all targets together, in their own units; classes: NaN */
    size_t classes;       /* 0 for numbers */
    size_t labels;        /* targets that are labels; else 0 */
    size_t *confusion;    /* classes x classes, [true][predicted], numbers of rows; NULL without classes */
    double *precision, *recall, *f1; /* a class or label each; 0 where undefined */
    double *class_auc;        /* a class against the rest, or a label, each; NaN where only one kind of row occurs */
    double label_accuracy;    /* share of right labels over all rows */
    double balanced_accuracy; /* classes: mean recall of those that occur */
    double macro_f1;          /* mean f1 of the classes or labels that occur or were predicted */
    double log_loss; /* mean of -ln of the probability given to the right class or answer, at least 1e-15; NaN where the
                        outputs are no probabilities: several that are not softmax */
    double auc;      /* area under the ROC curve; several classes, and labels: mean of class_auc where it is defined */
    double seconds;
} bp_evaluation;
bp_status bp_evaluate(bp_evaluation **out, const bp_model *m, const bp_data *data, int threads);
void bp_evaluation_free(bp_evaluation *e);

/* ---- 8. Optimizers and schedules --------------------------------------------------------------------------------- */

/* Update rules with PyTorch's meaning and default hyper-parameters (torch.optim of the same name), and two for small data
 * that look at all rows before each step: an epoch is then one step (bp_optimizer_full_batch). Both take l2, neither
 * weight_decay, clipping, momentum nor a schedule: how far to go is theirs to find out.
 *
 *   lbfgs   a quasi-Newton method: Nocedal & Wright, Numerical Optimization, 2nd ed. 2006, algorithm 7.5, with a line
 *           search for the strong Wolfe conditions (algorithms 3.5 and 3.6, c1 = 1e-4, c2 = 0.9). It needs an objective
 *           that is the same each time and has a gradient: no dropout, no l1. Ends when it has converged.
 *   rprop   iRPROP+: Igel & Huesken, Neurocomputing 50, 2003. Every weight has a step length of its own; of the gradient
 *           only the sign counts; a step that made the objective worse is taken back where the sign changed. */
typedef enum bp_optimizer_kind {
    BP_SGD,
    BP_MOMENTUM, /* SGD(momentum = 0.9) */
    BP_NESTEROV, /* SGD(momentum = 0.9, nesterov) - Sutskever et al., ICML 2013 */
    BP_ADAGRAD,  /* Duchi, Hazan, Singer, JMLR 12, 2011 */
    BP_RMSPROP,  /* Hinton's lecture 6e, 2012 */
    BP_ADAM,     /* Kingma & Ba, arXiv:1412.6980 */
    BP_ADAMW,    /* Loshchilov & Hutter, arXiv:1711.05101 */
    BP_LBFGS,    /* see above; by bp_train alone */
    BP_RPROP,    /* see above; not PyTorch's, which has no weight-backtracking */
    BP_OPTIMIZERS
} bp_optimizer_kind;

const char *bp_optimizer_name(bp_optimizer_kind k);
bp_status bp_optimizer_parse(bp_optimizer_kind *out, const char *name);
bool bp_optimizer_full_batch(bp_optimizer_kind k); /* whether a step of bp_train takes all rows: lbfgs, rprop */

typedef struct bp_optimizer_options {
    bp_optimizer_kind kind;
    double lr;           /* learning rate; lbfgs: the first length tried along a direction, 1; rprop: first step, 0.1 */
    double momentum;     /* momentum, nesterov: 0.9; rmsprop: 0 */
    double dampening;    /* 0 */
    double beta1, beta2; /* adam: 0.9, 0.999; rmsprop: beta2 = 0.99 (PyTorch's alpha) */
    double eps;          /* 1e-8; adagrad 1e-10 */
    double lr_decay;     /* adagrad: lr / (1 + step * lr_decay); 0 */
    double initial;      /* adagrad: first value of the accumulator; 0 */
    double l2, l1;       /* penalties 1/2 l2 |w|^2 + l1 |w|_1 added to the objective's gradient; not on biases */
    double weight_decay; /* decoupled: w -= lr weight_decay w; not on biases; adamw: 0.01 */
    double clip_norm;    /* scale all gradients so that their joint norm is at most this; 0: not */
    double clip_value;   /* clamp each gradient to [-v, v]; 0: not */
    size_t history;      /* lbfgs: steps remembered, 10 */
    /* lbfgs, rprop: converged when no element of the gradient is larger (1e-5; rprop 0); lbfgs: or when a step lowers the
     * objective f by no more than tolerance_decrease max(|f|, 1) (1e-9). */
    double tolerance_gradient, tolerance_decrease;
    double eta_plus, eta_minus; /* rprop: a step grows and shrinks by these factors, 1.2 and 0.5, */
    double step_min, step_max;  /* within these bounds, 1e-6 and 50 */
} bp_optimizer_options;
/* The defaults of a kind. */
bp_optimizer_options bp_optimizer_defaults(bp_optimizer_kind kind);
/* Whether they can be used: numbers in range, and none set that the kind does not have. bp_train asks this, too. */
bp_status bp_optimizer_check(const bp_optimizer_options *o);

/* Learning rate as a function of progress, as a factor of lr.
 *   constant
 *   step:E[,gamma]       times gamma (0.1) every E epochs
 *   exponential:gamma    times gamma every epoch
 *   cosine[:floor]       from 1 to floor (0) over the whole run: Loshchilov & Hutter, arXiv:1608.03983
 *   inverse:k[,power]    1 / (1 + k epoch)^power (1)
 *   plateau[:patience[,gamma]]   times gamma (0.1) when the watched loss has not improved, by 1e-4 of the best, for more
 *                                than patience (10) epochs
 * each with an optional linear warm-up in front: "warmup:S + cosine", S steps. Epochs count from the start of the run;
 * cosine runs over what is left after the warm-up. */
typedef struct bp_schedule {
    int kind;
    double a, b;
    size_t warmup;
} bp_schedule;
bp_status bp_schedule_parse(bp_schedule *out, const char *text);
#define BP_SCHEDULE_TEXT 128
/* The text that bp_schedule_parse reads it back from, number by number. out: BP_SCHEDULE_TEXT bytes; returned. */
const char *bp_schedule_text(char *out, size_t size, const bp_schedule *s);
/* The factor at a step (0-based) of a run of `total` steps, `per_epoch` steps an epoch (plateau: without its reductions). */
double bp_schedule_factor(const bp_schedule *s, size_t step, size_t per_epoch, size_t total);

/* For loops of your own: one optimizer over all parameters of a graph. */
typedef struct bp_optimizer bp_optimizer;
bp_status bp_optimizer_new(bp_optimizer **out, bp_graph *g, const bp_optimizer_options *options);
void bp_optimizer_free(bp_optimizer *o);
void bp_optimizer_set_lr(bp_optimizer *o, double lr);
/* Forward, backward and update in one go, the two-phase step: as bp_forward, bp_backward, then an update of every
 * parameter, without the gradients ever being stored (rprop needs them whole, and all rows in every step; lbfgs evaluates
 * more than once a step and is refused by bp_optimizer_new). The objective is that before the update. */
bp_status bp_optimizer_step(bp_optimizer *o, bp_session *s, size_t rows);

/* The state of a run, or of an optimizer: everything that is carried from one step to the next, as named arrays of numbers.
 * Counts and truths are arrays of one number of type BP_F64. A list of views: nothing in it is owned. */
typedef struct bp_state_part {
    const char *name; /* "weights", "optimizer.m", "epoch" ... */
    bp_type type;     /* BP_F32 or BP_F64 */
    size_t count;
    void *data;
} bp_state_part;
typedef struct bp_state {
    size_t count;
    bp_state_part *part;
    bool last; /* of a run: there will be no step after it */
} bp_state;
const bp_state_part *bp_state_find(const bp_state *s, const char *name); /* NULL: it has none of that name */
/* The state of an optimizer, the parameters of its graph ("weights") included, as it is now; valid until the next call on
 * o. Restored into an optimizer of the same kind on the same graph, all steps go on as they would have, bit for bit.
 * bp_state_save and bp_state_load of <backprop/io.h> carry it over the end of a process. */
bp_status bp_optimizer_state(const bp_state **out, bp_optimizer *o);
bp_status bp_optimizer_restore(bp_optimizer *o, const bp_state *from);

/* ---- 9. Training ------------------------------------------------------------------------------------------------- */

/* State of a run, given to callbacks. Losses and accuracies are NaN where there is nothing to measure. Accuracy is the
 * share of right classes; for numbers it is NaN. */
typedef struct bp_progress {
    size_t epoch;                      /* 1-based */
    size_t step, total_steps;          /* steps done; planned */
    size_t rows_done, rows_total;      /* of this epoch */
    double train_loss, train_accuracy; /* accumulated over this epoch while training */
    double valid_loss, valid_accuracy; /* end of epoch */
    double test_loss, test_accuracy;   /* end of epoch */
    double lr;                         /* of the last step */
    double seconds, train_seconds;     /* since the start; in training steps alone */
    double samples_per_second;         /* of training steps */
    bool best;                         /* the watched loss is the best so far */
} bp_progress;

typedef struct bp_train_options {
    size_t epochs; /* default 10 */
    size_t steps;  /* default SIZE_MAX: no limit; whichever ends first. 0: the model is left as it is */
    size_t batch; /* default 32; the last batch of an epoch is smaller where rows do not divide; full batch: not used */
    bp_optimizer_options optimizer; /* default adam */
    bp_schedule schedule;           /* default constant */
    bool shuffle;                   /* default true; full batch: not used */
    uint64_t seed;                  /* of shuffling and dropout */
    int threads;                    /* 0: as many as pay */
    const bp_data *valid; /* watched for best weights, plateau and early stopping; NULL: the training loss is watched */
    const bp_data *test;  /* only measured */
    size_t patience;      /* stop after that many epochs without a better watched loss; 0: never */
    bool restore_best;    /* end with the weights of the best watched loss; default false */
    /* Return false to stop; what has been trained stays. on_step may be called from the training thread after any step. */
    bool (*on_epoch)(void *ctx, const bp_progress *p);
    bool (*on_step)(void *ctx, const bp_progress *p);
    void *ctx;
    /* The state of the run, after every step; after the last one of an epoch when that has been measured and on_epoch
     * called. Views, valid during the call. Return false to stop. */
    bool (*on_state)(void *state_ctx, const bp_progress *p, const bp_state *state);
    void *state_ctx;
    /* Where to go on from, instead of the start: what on_state of a run with the same network, data and options was given.
     * Only threads, callbacks, and, unless the schedule depends on them, epochs and steps may differ. The weights of m are
     * replaced; from here on the run is the same, bit for bit. BP_ERR_DATA if it does not fit. NULL: from the start. */
    const bp_state *resume;
} bp_train_options;
bp_train_options bp_train_defaults(void);

typedef struct bp_train_result {
    bp_progress last;  /* at the end of the run */
    bp_progress best;  /* at the end of the best epoch; with restore_best the weights are its */
    size_t best_epoch; /* 0: not watched */
    double best_loss;
    bool stopped_early; /* patience ran out */
    bool stopped_by_callback;
    bool converged;     /* lbfgs, rprop: nothing more to gain, see bp_optimizer_options */
    size_t evaluations; /* of the loss and its gradient: batches, or passes over all rows */
    int threads;        /* used */
} bp_train_result;

/* Trains m on data. With lbfgs and rprop an epoch is one step, an iteration; rows are taken 1024 at a time, so memory does
 * not grow with them; train_loss is that of the weights at the end of the iteration; lr is the length of the step that the
 * line search chose, or the mean step of rprop. If a loss or gradient stops being finite: BP_ERR_NUMERIC, with epoch, batch, layer, learning rate and
 * the likely cause in bp_error(); the model then has the weights of the last epoch that was good. result may be NULL. */
bp_status bp_train(bp_train_result *result, bp_model *m, const bp_data *data, const bp_train_options *options);

#ifdef __cplusplus
}
#endif

#endif
