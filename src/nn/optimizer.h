/* optimizer.h - what the trainer needs of an optimizer beyond the public calls. */
#ifndef BP_OPTIMIZER_H
#define BP_OPTIMIZER_H

#include "graph/graph.h"
#include "nn/minimize.h"

/* bp_optimizer_step with hooks for loading and observing the rows. The session and the rows have been checked. */
void bp_optimizer_run(bp_optimizer *o, bp_session *s, size_t rows, const bp_hooks *hooks);
/* What it keeps from one step to the next, the parameters excepted. */
void bp_optimizer_list(bp_optimizer *o, bp_state_list *s);
/* Whether the gradients have to be kept, for this optimizer on this session's plan. */
bool bp_optimizer_needs_gradients(const bp_optimizer *o, const bp_session *s);
bp_status bp_optimizer_check_schedule(const bp_optimizer_options *o, const bp_schedule *s);
/* The method of a kind that takes all rows for a step; NULL: it takes mini-batches. */
const bp_method *bp_optimizer_method(bp_optimizer_kind k);
/* Adds the gradient of the penalties, 1/2 l2 |w|^2 + l1 |w|_1 of the weights that s differentiates, to g, and returns
 * their value. x, g: the parameter slab and its gradient as double. */
double bp_penalties(const bp_session *s, const bp_optimizer_options *o, double *g, const double *x);

#endif
