/* lbfgs.c - L-BFGS with a line search for the strong Wolfe conditions: J. Nocedal, S. J. Wright, *Numerical Optimization*,
 * 2nd ed., Springer 2006. Algorithms 7.4 (two-loop recursion), 7.5, 3.5 and 3.6 (line search); the names are theirs:
 * s = x' - x, y = g' - g, rho = 1 / y's, gamma = s'y / y'y, phi(a) = f(x + a d). */
#include "nn/minimize.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double C1 = 1e-4, C2 = 0.9; /* sufficient decrease and curvature, the book's for quasi-Newton methods */
static const double CURVATURE = 1e-12;   /* least cosine of s and y: a pair below it would spoil the scaling */
enum { TRIALS = 30 };                    /* evaluations of one line search */

typedef struct pair {
    double *s, *y;
    double *rho;
} pair;

typedef struct lbfgs {
    bp_allocator allocator;
    size_t n;
    double first; /* length tried first */
    double tolerance_gradient, tolerance_decrease;
    size_t history, kept, newest; /* pairs in use at most, pairs in use, index of the last one */
    pair *pairs;                  /* a ring of one more, in which the next pair is made */
    double *memory, *rho;         /* all vectors of the pairs, and their rho */
    double *alpha;                /* of the two loops, one a pair */
    double *d;                    /* direction */
    bp_point trial;               /* last evaluated */
    double *scratch;              /* of the trial */
} lbfgs;

/* ---- vectors: one fixed order for every sum ---- */

static double dot(size_t n, const double *a, const double *b)
{
    double sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sum[k] += a[i + k] * b[i + k];
        }
    }
    for (; i < n; i++) {
        sum[i % 8] += a[i] * b[i];
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* y += a x */
static void add(size_t n, double *y, double a, const double *x)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += a * x[i];
    }
}

double bp_largest(size_t n, const double *g)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs(g[i]);
        most = size > most || isnan(size) ? size : most;
    }
    return most;
}

/* ---- making and freeing ---- */

static void lbfgs_free(void *method)
{
    lbfgs *l = method;
    if (l) {
        bp_allocator a = l->allocator;
        bp_release(&a, l->pairs);
        bp_release(&a, l->memory);
        bp_release(&a, l->rho);
        bp_release(&a, l->alpha);
        bp_release(&a, l->d);
        bp_release(&a, l->scratch);
        bp_release(&a, l);
    }
}

static bp_status allocate(lbfgs *l)
{
    const bp_allocator *a = &l->allocator;
    size_t vectors, bytes;
    if (!bp_add_size(&vectors, l->history, 1) || !bp_mul_size(&vectors, vectors, 2) ||
        !bp_mul_size(&bytes, l->n, sizeof(double))) {
        return bp_fail(BP_ERR_MEMORY, "lbfgs: a history of %zu steps is too long", l->history);
    }
    if (!(l->pairs = bp_alloc(a, l->history + 1, sizeof *l->pairs)) || !(l->memory = bp_alloc(a, vectors, bytes)) ||
        !(l->rho = bp_alloc(a, l->history + 1, sizeof(double))) ||
        !(l->alpha = bp_alloc(a, l->history, sizeof(double))) || !(l->d = bp_alloc(a, 1, bytes)) ||
        !(l->scratch = bp_alloc(a, 2, bytes))) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i <= l->history; i++) {
        l->pairs[i] = (pair){l->memory + 2 * i * l->n, l->memory + (2 * i + 1) * l->n, l->rho + i};
    }
    l->trial = (bp_point){.x = l->scratch, .g = l->scratch + l->n};
    return BP_OK;
}

static bp_status lbfgs_new(void **out, const bp_allocator *a, size_t n, const bp_optimizer_options *o)
{
    lbfgs *l = bp_alloc(a, 1, sizeof *l);
    *out = NULL;
    if (!l) {
        return BP_ERR_MEMORY;
    }
    *l = (lbfgs){.allocator = *a,
                 .n = n,
                 .first = o->lr,
                 .tolerance_gradient = o->tolerance_gradient,
                 .tolerance_decrease = o->tolerance_decrease,
                 .history = o->history};
    bp_status status = allocate(l);
    if (status != BP_OK) {
        lbfgs_free(l);
        return status;
    }
    *out = l;
    return BP_OK;
}

/* ---- direction: algorithm 7.4 ---- */

/* Pair `age` steps back, 0 the newest. */
static size_t pair_at(const lbfgs *l, size_t age)
{
    return (l->newest + l->history + 1 - age) % (l->history + 1);
}

/* d = -H g, H the inverse of the Hessian as the pairs tell it, on top of gamma times the identity (7.20). */
static void choose_direction(lbfgs *l, const double *g)
{
    for (size_t i = 0; i < l->n; i++) {
        l->d[i] = -g[i];
    }
    for (size_t age = 0; age < l->kept; age++) {
        const pair *p = &l->pairs[pair_at(l, age)];
        l->alpha[age] = *p->rho * dot(l->n, p->s, l->d);
        add(l->n, l->d, -l->alpha[age], p->y);
    }
    if (l->kept) {
        const pair *p = &l->pairs[l->newest];
        double gamma = 1 / (*p->rho * dot(l->n, p->y, p->y));
        for (size_t i = 0; i < l->n; i++) {
            l->d[i] *= gamma;
        }
    }
    for (size_t age = l->kept; age-- > 0;) {
        const pair *p = &l->pairs[pair_at(l, age)];
        add(l->n, l->d, l->alpha[age] - *p->rho * dot(l->n, p->y, l->d), p->s);
    }
}

/* Remembers the step from p to the trial. A step along which the gradient did not grow says nothing about a minimum: it
 * is left out (the Wolfe conditions exclude it, save for rounding and for a line search that gave up). */
static void remember(lbfgs *l, const bp_point *p)
{
    size_t at = (l->newest + 1) % (l->history + 1);
    pair *next = &l->pairs[at];
    for (size_t i = 0; i < l->n; i++) {
        next->s[i] = l->trial.x[i] - p->x[i];
        next->y[i] = l->trial.g[i] - p->g[i];
    }
    double sy = dot(l->n, next->s, next->y), ss = dot(l->n, next->s, next->s), yy = dot(l->n, next->y, next->y);
    if (!(sy > CURVATURE * sqrt(ss) * sqrt(yy))) {
        return;
    }
    *next->rho = 1 / sy;
    l->newest = at;
    l->kept += l->kept < l->history;
}

/* ---- line search: algorithms 3.5 and 3.6 ---- */

/* One point of phi: a, phi(a), phi'(a). */
typedef struct sample {
    double a, f, slope;
} sample;

typedef struct search {
    lbfgs *l;
    const bp_function *function;
    const bp_point *from;
    sample start; /* a = 0 */
    int left;     /* evaluations */
} search;

static sample evaluate(search *q, double a)
{
    lbfgs *l = q->l;
    for (size_t i = 0; i < l->n; i++) {
        l->trial.x[i] = q->from->x[i] + a * l->d[i];
    }
    l->trial.f = q->function->at(q->function->ctx, l->trial.g, l->trial.x);
    l->trial.step = a;
    q->left--;
    if (!isfinite(l->trial.f)) {
        return (sample){a, INFINITY, NAN};
    }
    return (sample){a, l->trial.f, dot(l->n, l->trial.g, l->d)};
}

/* (3.7a), written so that NaN fails. */
static bool decreases(const search *q, sample p)
{
    return p.f <= q->start.f + C1 * p.a * q->start.slope;
}

/* (3.7b) */
static bool flat_enough(const search *q, sample p)
{
    return fabs(p.slope) <= -C2 * q->start.slope;
}

/* The minimum of the cubic through two points and their slopes (3.59); NaN where there is none. */
static double cubic_minimum(sample p, sample q)
{
    double d1 = p.slope + q.slope - 3 * (p.f - q.f) / (p.a - q.a);
    double d2 = copysign(sqrt(d1 * d1 - p.slope * q.slope), q.a - p.a);
    return q.a - (q.a - p.a) * (q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2);
}

/* A number that lies in [low, high]: the wish, or the end next to it; `otherwise` for NaN. */
static double within(double wish, double low, double high, double otherwise)
{
    return isnan(wish) ? otherwise : fmin(fmax(wish, low), high);
}

/* Where to look between lo and hi: the cubic's minimum, but a tenth of the width away from both ends; where phi cannot be
 * computed at hi, near lo. */
static double between(sample lo, sample hi)
{
    double width = hi.a - lo.a, near = lo.a + 0.1 * width, far = hi.a - 0.1 * width;
    if (!isfinite(hi.f)) {
        return near;
    }
    return within(cubic_minimum(lo, hi), fmin(near, far), fmax(near, far), lo.a + 0.5 * width);
}

/* Algorithm 3.6. lo: the lowest value so far that decreases enough, or the start; the slope at lo points towards hi. True
 * if the trial satisfies both conditions; else the best of the points is *best. */
static bool zoom(search *q, sample lo, sample hi, sample *best)
{
    double width = fabs(hi.a - lo.a);
    bool slow = false;
    while (q->left > 0 && fabs(hi.a - lo.a) > DBL_EPSILON * fmax(lo.a, hi.a)) {
        sample p = evaluate(q, slow ? 0.5 * (lo.a + hi.a) : between(lo, hi));
        if (!decreases(q, p) || !(p.f < lo.f)) {
            hi = p;
        } else {
            if (flat_enough(q, p)) {
                return true;
            }
            if (p.slope * (hi.a - lo.a) >= 0) {
                hi = lo;
            }
            lo = p;
        }
        slow = fabs(hi.a - lo.a) > 0.66 * width; /* the cubic is a poor guide here: halve */
        width = fabs(hi.a - lo.a);
    }
    *best = lo;
    return false;
}

/* Beyond p, where phi still falls: the cubic's minimum, but at least half as far again and at most ten times as far. */
static double beyond(sample before, sample p)
{
    return within(cubic_minimum(before, p), 1.5 * p.a, 10 * p.a, 2 * p.a);
}

/* Algorithm 3.5, from a first length. True if the trial satisfies both conditions; else *best as in zoom. */
static bool search_line(search *q, double a, sample *best)
{
    sample before = q->start;
    *best = q->start;
    while (q->left > 0) {
        sample p = evaluate(q, a);
        if (!decreases(q, p) || (before.a > 0 && p.f >= before.f)) {
            return zoom(q, before, p, best);
        }
        if (flat_enough(q, p)) {
            return true;
        }
        if (p.slope >= 0) {
            return zoom(q, p, before, best);
        }
        a = beyond(before, p);
        *best = before = p;
    }
    return false;
}

/* Along d from p to the trial. False if no length makes f smaller. */
static bool go(lbfgs *l, const bp_function *f, const bp_point *p)
{
    double slope = dot(l->n, p->g, l->d), length = l->first;
    if (!(slope < 0)) {
        return false;
    }
    if (l->kept == 0) { /* nothing is known of the scale yet: the first step has a length of at most 1 */
        length *= fmin(1, 1 / sqrt(dot(l->n, l->d, l->d)));
    }
    search q = {l, f, p, {0, p->f, slope}, TRIALS};
    sample best;
    if (search_line(&q, length, &best)) {
        return true;
    }
    if (!(best.a > 0)) {
        return false;
    }
    evaluate(&q, best.a); /* lower, though still steep: the last trial was another one */
    return true;
}

/* ---- one iteration of algorithm 7.5 ---- */

static bp_outcome lbfgs_step(void *method, const bp_function *f, bp_point *p)
{
    lbfgs *l = method;
    if (bp_largest(l->n, p->g) <= l->tolerance_gradient) {
        return BP_CONVERGED;
    }
    choose_direction(l, p->g);
    bool moved = go(l, f, p);
    if (!moved && l->kept > 0) { /* the pairs mislead: once more along the steepest descent */
        l->kept = 0;
        choose_direction(l, p->g);
        moved = go(l, f, p);
    }
    if (!moved) {
        return BP_CONVERGED;
    }
    remember(l, p);
    double decrease = p->f - l->trial.f, scale = fmax(fmax(fabs(p->f), fabs(l->trial.f)), 1);
    memcpy(p->x, l->trial.x, l->n * sizeof *p->x);
    memcpy(p->g, l->trial.g, l->n * sizeof *p->g);
    p->f = l->trial.f;
    p->step = l->trial.step;
    bool done = bp_largest(l->n, p->g) <= l->tolerance_gradient || decrease <= l->tolerance_decrease * scale;
    return done ? BP_CONVERGED : BP_MOVED;
}

static void lbfgs_list(void *method, bp_state_list *s)
{
    lbfgs *l = method;
    bp_state_array(s, "lbfgs.pairs", BP_F64, 2 * (l->history + 1) * l->n, l->memory);
    bp_state_array(s, "lbfgs.rho", BP_F64, l->history + 1, l->rho);
    bp_state_count(s, "lbfgs.kept", &l->kept, l->history);
    bp_state_count(s, "lbfgs.newest", &l->newest, l->history);
}

const bp_method bp_lbfgs_method = {lbfgs_new, lbfgs_free, lbfgs_step, lbfgs_list};
