/* trace.h - back-propagation at work on one sample, for `backprop inspect --trace`. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "options.h"

exit_code run_trace(const options *o);

#endif
