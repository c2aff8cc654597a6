/* progress.h - what `train` says while it works, on stderr: a live line on a terminal, and lines of epochs anywhere:
 * of all of them, or of about 20 where there are many. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli.h"
#include "terminal.h"

enum { CURVE = 16 }; /* epochs in the small loss curve */

typedef struct progress {
    terminal terminal;
    bool quiet;
    bool valid, test, classes; /* what is measured */
    size_t epochs, every;      /* planned; on a terminal one epoch in `every` gets a line */
    double curve[CURVE];       /* logarithm of the training loss at the lines so far, the newest last */
    size_t curve_count;
    double drawn;   /* when the live line was drawn last; 0: no live line there */
    size_t printed; /* last epoch that got a line */
    bp_progress last;
} progress;

/* epochs: planned. */
progress progress_new(bool quiet, size_t epochs, bool valid, bool test, bool classes);
void progress_step(progress *p, const bp_progress *now);
void progress_epoch(progress *p, const bp_progress *now);
/* Takes the live line away, for something else to be said. */
void progress_clear(progress *p);
/* Clears the live line and prints the last epoch if it has not been. */
void progress_end(progress *p);

#endif
