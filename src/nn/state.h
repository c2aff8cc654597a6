/* state.h - the state of a training run as a list of named arrays and numbers, from which it is saved and restored: what is
 * in the list is part of the state, what is not is made anew. Everybody who keeps something from one step to the next adds
 * it here, once. */
#ifndef BP_STATE_H
#define BP_STATE_H

#include "base/base.h"

typedef struct bp_state_entry bp_state_entry;

typedef struct bp_state_list {
    bp_allocator allocator;
    bp_status status; /* of the first failure */
    size_t count, room;
    bp_state_entry *entry;
    bp_state view; /* made by bp_state_show */
} bp_state_list;

bp_state_list bp_state_new(const bp_allocator *a);
void bp_state_free(bp_state_list *s);

/* What is at the address is part of the state from now on: f32 or f64 numbers; a count, of at most `most`; a real number; a
 * truth. Names of at most 31 bytes, different from each other. Failures are kept and told by bp_state_show. */
void bp_state_array(bp_state_list *s, const char *name, bp_type type, size_t count, void *at);
void bp_state_count(bp_state_list *s, const char *name, size_t *at, size_t most);
void bp_state_real(bp_state_list *s, const char *name, double *at);
void bp_state_flag(bp_state_list *s, const char *name, bool *at);

/* The state as it is now, in s->view. Arrays are not copied. */
bp_status bp_state_show(bp_state_list *s);
/* Makes everything as it was in `from`; nothing is changed where that does not fit the list. */
bp_status bp_state_restore(bp_state_list *s, const bp_state *from);

#endif
