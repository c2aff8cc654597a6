/* network.h - models from the command line: a new one for some data, with its scaling. */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include "defaults.h"

bp_status network_new(bp_model **out, const options *o, const recipe *r, const bp_data *train, bp_type type);
/* "784 -> dense 256 relu -> dropout 0.2 -> dense 10 softmax"; cut to size. */
void network_text(char *out, size_t size, const bp_model *m);

#endif
