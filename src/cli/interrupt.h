/* interrupt.h - Ctrl-C while training: the first asks to stop, the second ends the program. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

void interrupt_watch(void); /* from now on SIGINT and SIGTERM are noted instead of fatal, once each */
bool interrupt_seen(void);
void interrupt_forget(void); /* what was seen has been answered; the next one is watched for again */

#endif
