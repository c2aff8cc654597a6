/* budget.h - an allocator with a limit, so that a damaged file cannot claim more memory than its bytes justify. */
#ifndef BP_BUDGET_H
#define BP_BUDGET_H

#include "base/base.h"

typedef struct bp_budget {
    bp_allocator allocator;
    size_t left;
    bool starved; /* there was less memory than that */
} bp_budget;

/* `times` bytes for each of `bytes`, and some MiB for what every file needs. */
bp_budget bp_budget_for(size_t bytes, size_t times, const bp_allocator *allocator);
/* Allocates from b, which must stay where it is. Blocks outlive b only if they are not released through this. */
bp_allocator bp_budget_allocator(bp_budget *b);

#endif
