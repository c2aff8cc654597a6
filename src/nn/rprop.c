/* rprop.c - iRPROP+, resilient propagation with weight-backtracking: C. Igel, M. Huesken, "Empirical evaluation of the
 * improved Rprop learning algorithms", Neurocomputing 50 (2003) 105-123, algorithm 3. */
#include "nn/minimize.h"

#include <math.h>

typedef struct rprop {
    bp_allocator allocator;
    size_t n;
    double grow, shrink, least, most; /* eta+, eta-, bounds of the steps */
    double tolerance;
    double *step;   /* Delta_i > 0: how far weight i goes next */
    double *before; /* its last derivative, 0 after a change of sign */
    double *moved;  /* how far it went */
    double last;    /* objective one move ago */
} rprop;

static void rprop_free(void *method)
{
    rprop *r = method;
    if (r) {
        bp_allocator a = r->allocator;
        bp_release(&a, r->step);
        bp_release(&a, r->before);
        bp_release(&a, r->moved);
        bp_release(&a, r);
    }
}

static bp_status rprop_new(void **out, const bp_allocator *a, size_t n, const bp_optimizer_options *o)
{
    rprop *r = bp_alloc(a, 1, sizeof *r);
    *out = NULL;
    if (!r) {
        return BP_ERR_MEMORY;
    }
    *r = (rprop){.allocator = *a,
                 .n = n,
                 .grow = o->eta_plus,
                 .shrink = o->eta_minus,
                 .least = o->step_min,
                 .most = o->step_max,
                 .tolerance = o->tolerance_gradient,
                 .last = INFINITY};
    if (!(r->step = bp_alloc(a, n, sizeof(double))) || !(r->before = bp_alloc(a, n, sizeof(double))) ||
        !(r->moved = bp_alloc(a, n, sizeof(double)))) {
        rprop_free(r);
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        r->step[i] = o->lr;
    }
    *out = r;
    return BP_OK;
}

static void move_against(rprop *r, size_t i, double *x, double g)
{
    r->moved[i] = g > 0 ? -r->step[i] : g < 0 ? r->step[i] : 0;
    r->before[i] = g;
    *x += r->moved[i];
}

void bp_rprop_move(void *method, double *x, const double *g, double f)
{
    rprop *r = method;
    bool worse = f > r->last;
    for (size_t i = 0; i < r->n; i++) {
        double agreement = r->before[i] * g[i];
        if (agreement < 0) { /* jumped over a minimum: half as far from now on, and back if that made things worse */
            r->step[i] = fmax(r->step[i] * r->shrink, r->least);
            x[i] -= worse ? r->moved[i] : 0;
            r->before[i] = 0;
            continue;
        }
        if (agreement > 0) {
            r->step[i] = fmin(r->step[i] * r->grow, r->most);
        }
        move_against(r, i, &x[i], g[i]);
    }
    r->last = f;
}

static double mean_step(const rprop *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        sum += r->step[i];
    }
    return r->n ? sum / (double)r->n : 0;
}

static bp_outcome rprop_step(void *method, const bp_function *f, bp_point *p)
{
    rprop *r = method;
    if (bp_largest(r->n, p->g) <= r->tolerance) {
        return BP_CONVERGED;
    }
    bp_rprop_move(r, p->x, p->g, p->f);
    p->step = mean_step(r);
    p->f = f->at(f->ctx, p->g, p->x);
    return isfinite(p->f) ? BP_MOVED : BP_BROKEN;
}

static void rprop_list(void *method, bp_state_list *s)
{
    rprop *r = method;
    bp_state_array(s, "rprop.step", BP_F64, r->n, r->step);
    bp_state_array(s, "rprop.before", BP_F64, r->n, r->before);
    bp_state_array(s, "rprop.moved", BP_F64, r->n, r->moved);
    bp_state_real(s, "rprop.last", &r->last);
}

const bp_method bp_rprop_method = {rprop_new, rprop_free, rprop_step, rprop_list};
