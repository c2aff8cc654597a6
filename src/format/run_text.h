/* run_text.h - what decides about a run, as texts that can be kept and compared: network, data, options. */
#ifndef BP_RUN_TEXT_H
#define BP_RUN_TEXT_H

#include <jansson.h>

#include "backprop/io.h"

/* Makes an object of texts, by what they are about. Reads all data. */
bp_status bp_run_describe(json_t **out, const bp_model *m, const bp_data *data, const bp_train_options *run);
/* Where the parameters lie in the arrays that are as long as all of them: a list of name, shape and offset. */
json_t *bp_run_layout(const bp_model *m);
/* Fails with BP_ERR_DATA and every difference unless `saved`, such an object as text, describes the same run. `path` is
 * where it comes from. */
bp_status bp_run_compare(const char *saved, const json_t *now, const char *path);

#endif
