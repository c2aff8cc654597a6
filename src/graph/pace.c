/* pace.c - one thread or all of them? Whether a step gains from more threads depends on its size, on the machine and on what
 * else runs there: with other programs on the same processors the threads of a step wait for each other, and one alone may
 * be ten times faster. So it is measured while running, now and then, and the faster way is kept until the next trial.
 * Results do not depend on the number of threads, so changing it on the way changes nothing but the time. */
#include "graph/graph.h"

enum { TRIAL_RUNS = 2 };                  /* at least, */
static const double TRIAL_SECONDS = 1e-3; /* and at least */
static const double FIRST_INTERVAL = 20;  /* from one trial to the next, as a multiple of the time that it took; */
static const double LAST_INTERVAL = 160;  /* doubled while the answer stays the same */
static const double WORTH_IT = 1.15; /* so much faster must all threads be to be used: they cost power, and others */

bp_pace bp_pace_new(int most, bool fixed)
{
    return (bp_pace){.mode = fixed || most == 1 ? BP_PACE_FIXED : BP_PACE_TRY_ONE, .most = most, .chosen = most};
}

int bp_pace_threads(const bp_pace *p)
{
    switch (p->mode) {
    case BP_PACE_TRY_ONE:
        return 1;
    case BP_PACE_RUN:
        return p->chosen;
    default:
        return p->most;
    }
}

static void begin(bp_pace *p, bp_pace_mode mode)
{
    p->mode = mode;
    p->runs = 0;
    p->seconds = p->rows = 0;
}

static void decide(bp_pace *p)
{
    int faster = p->rows / p->seconds > WORTH_IT * p->one ? p->most : 1;
    double longer = p->interval * 2 < LAST_INTERVAL ? p->interval * 2 : LAST_INTERVAL;
    p->interval = p->interval > 0 && faster == p->chosen ? longer : FIRST_INTERVAL;
    p->chosen = faster;
    p->until = p->interval * (p->one_seconds + p->seconds);
    begin(p, BP_PACE_RUN);
}

void bp_pace_note(bp_pace *p, double seconds, size_t rows)
{
    if (p->mode == BP_PACE_FIXED) {
        return;
    }
    p->runs++;
    p->seconds += seconds;
    p->rows += (double)rows;
    if (p->mode == BP_PACE_RUN) {
        if (p->seconds >= p->until) {
            begin(p, BP_PACE_TRY_ONE);
        }
    } else if (p->runs >= TRIAL_RUNS && p->seconds >= TRIAL_SECONDS) {
        if (p->mode == BP_PACE_TRY_ONE) {
            p->one = p->rows / p->seconds;
            p->one_seconds = p->seconds;
            begin(p, BP_PACE_TRY_ALL);
        } else {
            decide(p);
        }
    }
}
