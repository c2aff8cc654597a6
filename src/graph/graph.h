/* graph.h - the inside of graphs and sessions: nodes, the op table, the plan, the executor's hooks.
 *
 * Vocabulary. A node is *batched* when it depends on an input; it then has one row a sample. The others - parameters,
 * constants and what is computed from those alone - are *shared* by all rows. The gradient of a shared node is a sum over
 * the rows of the batch, a *reduction*, made in the weights phase; everything batched is made in the rows phase. */
#ifndef BP_GRAPH_H
#define BP_GRAPH_H

#include "base/base.h"
#include "kernel/kernel.h"

enum { BP_ARITY = 3 };

typedef struct bp_run bp_run;
typedef struct bp_tile bp_tile;

/* One op: everything the library knows about it. See op_table.c. */
typedef struct bp_op {
    const char *name, *formula, *gradient;
    int arity;
    int weight; /* operands from this one on are weights: shared, reduced over the rows; arity if there are none */
    /* Checks the operands and sets n->shape; fails with the text set. NULL: the shape of the first operand. */
    bool (*shape)(bp_node *n);
    void (*forward)(const bp_run *r);
    /* Gradients of the operands that have rows where this node has rows, from the gradient of the node. */
    void (*backward)(const bp_run *r);
    /* Gradient of shared operand i, one tile of it, summed over all rows. */
    void (*reduce)(const bp_run *r, int i, const bp_tile *t);
    double (*flops)(const bp_node *n); /* of one row, forward; NULL: one an element */
    size_t (*work)(const bp_node *n);  /* elements of workspace a row; NULL: none */
    int kernel;                        /* bp_map, bp_zip or bp_error_fn of the element-wise families */
    /* The sides of its kinks: whether element (row, c) lies above; NULL where the op is smooth. */
    bool (*above)(const bp_run *r, size_t c);
    size_t (*kinks)(const bp_node *n); /* elements a row that `above` is asked about */
} bp_op;

typedef enum bp_op_id {
    BP_OP_INPUT,
    BP_OP_PARAM,
    BP_OP_CONST,
    BP_OP_ADD,
    BP_OP_SUB,
    BP_OP_MUL,
    BP_OP_DIV,
    BP_OP_NEG,
    BP_OP_EXP,
    BP_OP_LOG,
    BP_OP_SQRT,
    BP_OP_SQUARE,
    BP_OP_SUM,
    BP_OP_MEAN,
    BP_OP_MATMUL,
    BP_OP_AFFINE,
    BP_OP_DENSE,
    BP_OP_LINEAR,
    BP_OP_SIGMOID,
    BP_OP_TANH,
    BP_OP_RELU,
    BP_OP_LEAKY_RELU,
    BP_OP_ELU,
    BP_OP_GELU,
    BP_OP_GELU_TANH,
    BP_OP_SILU,
    BP_OP_SOFTPLUS,
    BP_OP_SOFTMAX,
    BP_OP_DROPOUT,
    BP_OP_SQUARED_ERROR,
    BP_OP_ABSOLUTE_ERROR,
    BP_OP_HUBER,
    BP_OP_SOFTMAX_CROSS_ENTROPY,
    BP_OP_SIGMOID_BCE,
    BP_OPS
} bp_op_id;

extern const bp_op bp_op_table[BP_OPS];

struct bp_node {
    bp_graph *graph;
    const bp_op *op;
    size_t index; /* position in the graph; operands come before */
    char *name;
    bp_shape shape;
    size_t size; /* elements */
    bool batched;
    bp_node *in[BP_ARITY];
    double a;        /* the op's parameter: slope, rate, delta */
    bp_activation f; /* dense */
    size_t offset;   /* parameters: first element in the slab, */
    bool frozen;     /* and whether they are not trained */
    void *constant;  /* constants: the values */
};

struct bp_graph {
    bp_allocator allocator;
    bp_type type;
    size_t element; /* bytes */
    const bp_kernels *kernels;
    bp_node **nodes;
    size_t count, capacity;
    bp_node **params;
    size_t param_count, param_capacity;
    char *slab; /* values of all parameters, each aligned; gradients and moments use the same offsets */
    size_t slab_size, slab_capacity; /* elements */
    bool compiled;
    bp_status status; /* of the first failed builder, */
    char *error;      /* and its text */
};

static inline bool bp_node_is(const bp_node *n, bp_op_id id)
{
    return n->op == &bp_op_table[id];
}

/* A node seen as a matrix. */
static inline size_t bp_node_cols(const bp_node *n)
{
    return n->shape.dims == 2 ? n->shape.dim[1] : n->size;
}

/* Whether the gradient of operand i of n is a reduction. */
static inline bool bp_node_reduces(const bp_node *n, int i)
{
    return !n->in[i]->batched && (n->batched || i >= n->op->weight);
}

/* One node within a session. */
typedef struct bp_slot {
    char *value, *grad, *work;
    size_t ld;                 /* elements between rows of value and grad; 0: shared */
    size_t work_ld;            /* elements */
    bool needed;               /* a target depends on it */
    bool gradient;             /* its gradient is wanted and the objective depends on it */
    bool accumulate[BP_ARITY]; /* the node adds to the gradient of operand i, others having written before */
} bp_slot;

/* An op's part in the gradient of its shared operand i. */
typedef struct bp_contribution {
    const bp_node *op;
    int i;
} bp_contribution;

/* The gradient of one shared node: the sum of what its consumers contribute. The node is seen as a matrix, a vector as one
 * of a single row. Threads share it out by units of rows (a vector: of columns) and go over their part in tiles. */
typedef struct bp_reduction {
    const bp_node *node;
    const bp_contribution *parts;
    size_t part_count;
    size_t rows, cols;
    bool by_cols;       /* units are columns */
    size_t unit, units; /* rows (columns) that are never split, and how many such there are */
    size_t tile_rows, tile_cols;
    double cost;   /* FLOPs of one unit and one row of the batch */
    double before; /* cost of all reductions in front of this one, for sharing out */
} bp_reduction;

/* A block of a parameter and its gradient, handed from the weights phase to the optimizer. */
struct bp_tile {
    const bp_node *node;
    bp_range rows, cols; /* of the node seen as a matrix */
    char *grad;          /* element (rows.begin, cols.begin); the next row is ld elements on */
    size_t ld;
    bool accumulate; /* add to grad, do not overwrite (used while it is being made) */
};

/* What a caller of the executor does in between. Called from all threads, each for its own rows or tiles. */
typedef struct bp_hooks {
    void *rows_ctx;
    void (*load)(void *rows_ctx, size_t row, size_t rows);    /* fills the inputs of these rows; NULL: they are set */
    void (*observe)(void *rows_ctx, size_t row, size_t rows); /* after their forward pass; or NULL */
    void *tile_ctx;
    void (*tile)(void *tile_ctx,
                 const bp_tile *t); /* consumes a finished gradient tile of a parameter; NULL: it is kept */
} bp_hooks;

/* How many threads pay, found out while running: see pace.c. */
typedef enum bp_pace_mode { BP_PACE_FIXED, BP_PACE_TRY_ONE, BP_PACE_TRY_ALL, BP_PACE_RUN } bp_pace_mode;
typedef struct bp_pace {
    bp_pace_mode mode;
    int most, chosen;        /* threads that there are; threads that were faster */
    size_t runs;             /* since the last look, */
    double seconds, rows;    /* what they took, and did */
    double one, one_seconds; /* of the trial with one thread: rows a second, and how long it took */
    double interval, until;  /* seconds to the next trial, as a multiple of the last one and as such */
} bp_pace;

/* Fixed, or to be found out between 1 and `most`. */
bp_pace bp_pace_new(int most, bool fixed);
int bp_pace_threads(const bp_pace *p);
void bp_pace_note(bp_pace *p, double seconds, size_t rows);

struct bp_session {
    const bp_graph *graph;
    bp_session_options options;
    bp_slot *slots;          /* one a node of the graph */
    const bp_node **forward; /* batched ops in order */
    size_t forward_count;
    const bp_node **backward; /* batched ops whose backward runs, in reverse order */
    size_t backward_count;
    const bp_node **shared; /* shared ops in order */
    size_t shared_count;
    const bp_node **shared_backward; /* those whose backward runs, in reverse order */
    size_t shared_backward_count;
    bp_contribution *contributions;
    bp_reduction *reductions;
    size_t reduction_count;
    double reduction_cost;
    const bp_node **targets;
    size_t target_count;
    int threads; /* at most */
    bp_pace pace;
    size_t block;  /* rows carried through the whole depth together */
    char *memory;  /* values, gradients, workspaces */
    char *grads;   /* gradient slab of the parameters, same offsets as the parameters */
    char *scratch; /* one gradient tile a thread */
    size_t scratch_bytes, bytes;
    double flops;
    double *weights;    /* max_rows factors of the rows' losses in the objective; NULL: all 1 */
    size_t rows;        /* of the last forward pass */
    bool has_gradients; /* the last run left them in the session */
    uint64_t step;
};

/* What an op sees when it runs: rows [row, row + rows) of a session. */
struct bp_run {
    const bp_session *s;
    const bp_kernels *k;
    const bp_node *n;
    size_t row, rows;
};

enum { BP_FORWARD = 1, BP_BACKWARD = 2 };

/* The two-phase step. Without BP_FORWARD the values of the last forward pass are used. Cannot fail. */
void bp_session_run(bp_session *s, size_t rows, int what, const bp_hooks *hooks);
/* Gives every row a weight, 1 at first, to be changed by a load hook for its rows; NULL, with the text set, without memory. */
double *bp_session_weigh(bp_session *s);
/* Whether gradient tiles are final as they leave the weights phase: no parameter is also used by a shared op, or is the
 * objective itself. */
bool bp_session_tiles_final(const bp_session *s);
/* Decides what is computed, in which order, and where it is kept. On failure the caller frees the session. */
bp_status bp_session_plan(bp_session *s);

/* Puts the values of the frozen parameters into x, the parameter slab as double: methods that move all of it at once may
 * turn a -0 into 0. */
void bp_graph_keep_frozen(const bp_graph *g, double *x);

/* Whether the gradient of n reaches operand i: not through the number of a class. */
bool bp_node_differentiable(const bp_node *n, int i);

#endif
