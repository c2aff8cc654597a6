/* minimize.h - what the full-batch methods (lbfgs.c, rprop.c) know of their task: a function of n numbers with a
 * gradient, and the point where they are. They know nothing of networks, so that they can be tested on functions whose
 * minima are known. Everything is double: sums over many small differences decide here, not speed. */
#ifndef BP_MINIMIZE_H
#define BP_MINIMIZE_H

#include "nn/state.h"

/* at: f(x), with its gradient in g. It may round x to numbers that it can represent. A value that is not finite says that
 * f cannot be computed at x; g is then undefined. */
typedef struct bp_function {
    size_t n;
    double (*at)(void *ctx, double *g, double *x);
    void *ctx;
} bp_function;

/* x and its gradient g, n numbers each. */
typedef struct bp_point {
    double *x, *g;
    double f;
    double
        step; /* how the last step was chosen: lbfgs: its length as a multiple of the direction; rprop: the mean step */
} bp_point;

typedef enum bp_outcome {
    BP_MOVED,
    BP_CONVERGED, /* moved or not: there is nothing to gain from here */
    BP_BROKEN     /* f or its gradient is not finite where the method has to go on from */
} bp_outcome;

/* One method: a row of the table in full_batch.c. */
typedef struct bp_method {
    bp_status (*new)(void **out, const bp_allocator *a, size_t n, const bp_optimizer_options *o);
    void (*free)(void *method);
    /* From a point whose f and g are known to the next one. */
    bp_outcome (*step)(void *method, const bp_function *f, bp_point *p);
    /* What it keeps from one step to the next. */
    void (*list)(void *method, bp_state_list *s);
} bp_method;

extern const bp_method bp_lbfgs_method, bp_rprop_method;

/* iRPROP+ for those who evaluate themselves: moves x, where the objective is f and its gradient g. */
void bp_rprop_move(void *rprop, double *x, const double *g, double f);

/* max_i |g_i|; NaN if one is. */
double bp_largest(size_t n, const double *g);

#endif
