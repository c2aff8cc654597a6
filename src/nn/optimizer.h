/* optimizer.h - what the trainer needs of an optimizer beyond the public calls. */
#ifndef BP_OPTIMIZER_H
#define BP_OPTIMIZER_H

#include "graph/graph.h"

/* bp_optimizer_step with hooks for loading and observing the rows. The session and the rows have been checked. */
void bp_optimizer_run(bp_optimizer *o, bp_session *s, size_t rows, const bp_hooks *hooks);
/* Whether the gradients have to be kept, for this optimizer on this session's plan. */
bool bp_optimizer_needs_gradients(const bp_optimizer *o, const bp_session *s);
bp_status bp_optimizer_check(const bp_optimizer_options *o);

#endif
