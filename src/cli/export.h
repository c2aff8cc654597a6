/* export.h - what the formats of `backprop export` share. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "options.h"
#include "output.h"

/* A status as the exit code of writing a file. */
static inline exit_code export_code(bp_status status)
{
    return status == BP_ERR_IO ? fail_as(CODE_OUTPUT) : status == BP_OK ? CODE_OK : fail_status(status);
}

/* export_c.c. Fails where options of C are given without it. */
bp_status export_c_refuse(const options *o);
/* details: receives what is told of the file besides its name and size. */
exit_code export_c(const options *o, const bp_model *m, const char *path, json_t *details);
void export_c_tell(const json_t *details);

#endif
