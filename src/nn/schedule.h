/* schedule.h - what the trainer needs to know of a schedule beyond its factor. */
#ifndef BP_SCHEDULE_H
#define BP_SCHEDULE_H

#include "backprop/backprop.h"

/* Whether its kind is one: it may not come from bp_schedule_parse. */
bool bp_schedule_is_known(const bp_schedule *s);
/* plateau[:patience[,gamma]]: a = patience, b = gamma; its reductions are the trainer's, who knows the loss. */
bool bp_schedule_is_plateau(const bp_schedule *s);
/* Whether the factor at a step depends on how many steps there will be. */
bool bp_schedule_uses_end(const bp_schedule *s);

#endif
