/* train_log.h - the log of `backprop train`: a JSON object a line. It knows how far it has come, so that a run that goes on
 * from a checkpoint can continue it without a gap or a line twice. */
#ifndef CLI_TRAIN_LOG_H
#define CLI_TRAIN_LOG_H

#include <jansson.h>

#include "base/hash.h"
#include "cli.h"

typedef struct train_log {
    const char *path; /* NULL: none is kept */
    int fd;
    bool regular;
    size_t bytes;  /* in the file, */
    bp_hash hash;  /* and their hash */
    char *pending; /* what could not be written yet, from a disk that was full; NULL: nothing */
    int error;     /* why: errno */
} train_log;

/* Opens it; what is there stays until train_log_begin. */
bp_status train_log_open(train_log *log, const char *path);
/* Empties it, or cuts it back to where it was when `position` was told, which fails if it is another file. NULL: empties. */
bp_status train_log_begin(train_log *log, const json_t *position);
/* Adds a line and releases the object. */
void train_log_line(train_log *log, json_t *object);
/* How far it has come; what that tells is on the disk. */
json_t *train_log_position(train_log *log);
/* CODE_OUTPUT, with the text set, if not all of it could be written. */
exit_code train_log_close(train_log *log);

#endif
