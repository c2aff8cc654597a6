/* search.h - `backprop train --search`: which of many settings suits a table, before the ordinary run that trains the best
 * one. */
#ifndef CLI_SEARCH_H
#define CLI_SEARCH_H

#include "train.h"

/* Fails with BP_ERR_ARGUMENT where options about the search stand without it, or make it senseless. */
bp_status search_check_options(const options *o);
/* Searches, if that was asked for, tells the table, and makes the best setting that of the run: fit, model, run and data of
 * t are then its own. Ctrl-C ends the search with what it has; t->code says so. */
exit_code search_settings(training *t);
/* "search": the table, and how it was found. Nothing without a search. */
void search_json(json_t *object, const training *t);
/* Notes in the model. */
bp_status search_notes(const training *t);

#endif
