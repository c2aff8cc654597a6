/* pace.c - one thread or all of them? Whether a step gains from more threads depends on its size, on the machine and on what
 * else runs there: with other programs on the same processors the threads of a step wait for each other, and one alone may
 * be ten times faster. So it is measured while running, now and then, and the faster way is kept until the next trial.
 * Results do not depend on the number of threads, so changing it on the way changes nothing but the time. */
#include "graph/graph.h"

enum { TRIAL_RUNS = 2 };                  /* at least, */
static const double TRIAL_SECONDS = 2e-3; /* and at least */
static const double FIRST_INTERVAL = 20;  /* from one trial to the next, as a multiple of the time that it took; */
static const double LAST_INTERVAL = 160;  /* doubled while the answer stays the same */
static const double WORTH_IT = 1.15; /* so much faster must all threads be to be used: they cost power, and others */
static const double FORGET = 0.8;    /* of an earlier rate that is kept: a trial may have been interrupted */

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

/* Goes on with so many threads until the next trial. */
static void run_with(bp_pace *p, int threads, double trial_seconds)
{
    double longer = p->interval * 2 < LAST_INTERVAL ? p->interval * 2 : LAST_INTERVAL;
    p->interval = p->interval > 0 && threads == p->chosen ? longer : FIRST_INTERVAL;
    p->chosen = threads;
    p->until = p->interval * trial_seconds;
    begin(p, BP_PACE_RUN);
}

/* Not before its time is up, except that all threads have become slower than one was: others need the processors. */
static void watch_run(bp_pace *p)
{
    bool enough = p->runs >= TRIAL_RUNS && p->seconds >= TRIAL_SECONDS;
    if (enough && p->chosen > 1 && p->rows / p->seconds < p->one) {
        run_with(p, 1, p->seconds);
        return;
    }
    if (enough) {
        p->until -= p->seconds;
        begin(p, p->until > 0 ? BP_PACE_RUN : BP_PACE_TRY_ONE);
    }
}

static void end_trial(bp_pace *p)
{
    double rate = p->rows / p->seconds;
    if (p->mode == BP_PACE_TRY_ONE) {
        p->one = rate > FORGET * p->one ? rate : FORGET * p->one;
        p->one_seconds = p->seconds;
        begin(p, BP_PACE_TRY_ALL);
    } else {
        run_with(p, rate > WORTH_IT * p->one ? p->most : 1, p->one_seconds + p->seconds);
    }
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
        watch_run(p);
    } else if (p->runs >= TRIAL_RUNS && p->seconds >= TRIAL_SECONDS) {
        end_trial(p);
    }
}
