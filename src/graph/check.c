/* check.c - numerical differentiation, and back-propagation held against it.
 *
 * The derivative of L at x is estimated by central differences, (L(x+h) - L(x-h)) / 2h: its truncation error falls with
 * h^2, its rounding error grows as eps |L| / h. Where that is not enough, a four-point formula with a larger step, error
 * h^4 (Abramowitz & Stegun 25.3.6). Between x-h and x+h no op may cross a kink (relu at 0): the difference quotient is
 * then no estimate of the derivative on either side. Crossings are found by looking at the side of every kink, not by
 * being lenient. */
#include "base/random.h"
#include "graph/ops.h"

#include <math.h>
#include <string.h>

/* Rounding error of a loss, relative to the numbers it is computed from. */
#define ROUNDING 0x1p-51

bp_check_options bp_check_defaults(void)
{
    return (bp_check_options){.tolerance = 1e-6, .sample = 200, .inputs = true, .seed = 1};
}

/* ---- one element of a tensor, moved to and fro ---- */

typedef struct probe {
    bp_session *s;
    size_t rows;
    double scale; /* of the numbers that L is computed from */
    char *at;     /* the element */
    double value;
    size_t passes;
} probe;

static double read_element(const bp_session *s, const char *at)
{
    return s->graph->type == BP_F64 ? *(const double *)at : (double)*(const float *)at;
}

static void write_element(const bp_session *s, char *at, double value)
{
    bp_narrow(at, s->graph->type, &value, 1);
}

static char *element_at(const bp_session *s, const bp_node *n, size_t i)
{
    const bp_slot *slot = &s->slots[n->index];
    size_t at = n->batched ? i / n->size * slot->ld + i % n->size : i;
    return slot->value + at * s->graph->element;
}

static probe probe_of(bp_session *s, const bp_node *n, size_t rows, size_t i)
{
    char *at = element_at(s, n, i);
    return (probe){s, rows, 1, at, read_element(s, at), 0};
}

static void move_by(probe *p, double d)
{
    write_element(p->s, p->at, p->value + d);
    bp_session_run(p->s, p->rows, BP_FORWARD, &(bp_hooks){0});
    p->passes++;
}

static void move_back(const probe *p)
{
    write_element(p->s, p->at, p->value);
}

/* L with the element moved by d; the element is put back. */
static double loss_at(probe *p, double d)
{
    move_by(p, d);
    double loss = bp_session_objective(p->s);
    move_back(p);
    return loss;
}

/* The step, rounded so that value + h is exact. */
static double exact_step(double value, double h, bp_type type)
{
    if (type == BP_F32) {
        float there = (float)(value + h);
        return (double)there - value;
    }
    volatile double there = value + h;
    return there - value;
}

static double default_step(bp_type type)
{
    return type == BP_F64 ? 1e-5 : 1e-2;
}

bp_status bp_numeric_gradient(bp_session *s, bp_graph *g, const bp_node *of, double h, double *gradient)
{
    if (s->graph != g || !of || of->graph != g || s->rows == 0) {
        return bp_fail(BP_ERR_STATE, "bp_numeric_gradient: needs a session of this graph after bp_forward");
    }
    if (!bp_node_is(of, BP_OP_PARAM) && !bp_node_is(of, BP_OP_INPUT)) {
        return bp_fail(BP_ERR_ARGUMENT, "bp_numeric_gradient: \"%s\" is neither a parameter nor an input", of->name);
    }
    if (!s->slots[of->index].needed) {
        return bp_fail(BP_ERR_STATE, "no target of the session depends on \"%s\"", of->name);
    }
    if (s->targets[0]->size != 1) {
        return bp_fail(BP_ERR_SHAPE,
                       "bp_numeric_gradient: the objective \"%s\" has %zu elements a sample; it needs one",
                       s->targets[0]->name, s->targets[0]->size);
    }
    size_t count = of->size * (of->batched ? s->rows : 1);
    for (size_t i = 0; i < count; i++) {
        probe p = probe_of(s, of, s->rows, i);
        double step = h > 0 ? h : default_step(g->type) * fmax(1, fabs(p.value));
        step = exact_step(p.value, step, g->type);
        gradient[i] = (loss_at(&p, step) - loss_at(&p, -step)) / (2 * step);
    }
    bp_session_run(s, s->rows, BP_FORWARD, &(bp_hooks){0});
    return BP_OK;
}

/* ---- kinks ---- */

/* A digest of the side on which every row of node n lies of each of its kinks, after a forward pass. */
static uint64_t side_digest(const bp_session *s, const bp_node *n, size_t rows)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a, 64 bits */
    size_t count = n->op->kinks(n);
    for (size_t row = 0; row < rows; row++) {
        bp_run r = {s, s->graph->kernels, n, row, 1};
        for (size_t c = 0; c < count; c++) {
            hash = (hash ^ (uint64_t)n->op->above(&r, c)) * 1099511628211u;
        }
    }
    return hash;
}

/* Op i of all that are computed: those that depend on no input, then the batched ones. */
static const bp_node *computed(const bp_session *s, size_t i)
{
    return i < s->shared_count ? s->shared[i] : s->forward[i - s->shared_count];
}

/* The first op that crosses a kink when the element moves from -reach to +reach, or NULL. sides: one an op of scratch. */
static const bp_node *crossed_kink(probe *p, double reach, uint64_t *sides)
{
    const bp_session *s = p->s;
    const bp_node *crossed = NULL;
    size_t count = s->shared_count + s->forward_count;
    move_by(p, -reach);
    for (size_t i = 0; i < count; i++) {
        const bp_node *n = computed(s, i);
        sides[i] = n->op->above ? side_digest(s, n, n->batched ? p->rows : 1) : 0;
    }
    move_by(p, reach);
    for (size_t i = 0; i < count && !crossed; i++) {
        const bp_node *n = computed(s, i);
        if (n->op->above && side_digest(s, n, n->batched ? p->rows : 1) != sides[i]) {
            crossed = n;
        }
    }
    move_back(p); /* not before: an op may read the element itself */
    return crossed;
}

/* ---- comparing one element ---- */

typedef struct comparison {
    double numeric, abs, rel;
    const bp_node *kink; /* set when no comparison was possible */
} comparison;

static comparison compare(double backprop, double numeric, double noise, double tolerance)
{
    comparison c = {.numeric = numeric, .abs = fabs(backprop - numeric)};
    double size = fmax(fmax(fabs(backprop), fabs(numeric)), noise / tolerance);
    c.rel = size > 0 ? c.abs / size : c.abs;
    return c;
}

static comparison two_points(probe *p, double backprop, double h, double tolerance)
{
    double right = loss_at(p, h), left = loss_at(p, -h);
    return compare(backprop, (right - left) / (2 * h), ROUNDING * p->scale / h, tolerance);
}

static comparison four_points(probe *p, double backprop, double h, double tolerance)
{
    double near = loss_at(p, h) - loss_at(p, -h), far = loss_at(p, 2 * h) - loss_at(p, -2 * h);
    return compare(backprop, (8 * near - far) / (12 * h), ROUNDING * p->scale / h, tolerance);
}

/* The cheap estimate first; where it disagrees, better ones, keeping clear of kinks. */
static comparison compare_element(probe *p, double backprop, double tolerance, uint64_t *sides)
{
    double scale = fmax(1, fabs(p->value)), h = default_step(BP_F64) * scale;
    comparison c = two_points(p, backprop, exact_step(p->value, h, BP_F64), tolerance);
    if (c.rel <= tolerance) {
        return c;
    }
    const bp_node *kink = NULL;
    for (double step = h; step >= 0.9e-7 * scale; step /= 10) {
        kink = crossed_kink(p, step, sides);
        if (!kink) {
            c = two_points(p, backprop, exact_step(p->value, step, BP_F64), tolerance);
            break;
        }
    }
    if (kink) {
        c.kink = kink;
        return c;
    }
    for (double step = 1e-4; step <= 1.1e-2 && !(c.rel <= tolerance); step *= 10) {
        if (!crossed_kink(p, 2 * step * scale, sides)) {
            comparison better = four_points(p, backprop, exact_step(p->value, step * scale, BP_F64), tolerance);
            c = better.rel < c.rel || isnan(c.rel) ? better : c;
        }
    }
    return c;
}

/* ---- one tensor ---- */

typedef struct checker {
    bp_session *s;
    size_t rows;
    const bp_check_options *o;
    double scale; /* see probe */
    uint64_t *sides;
    double *gradient; /* of the tensor, by back-propagation */
    uint32_t *order;  /* which elements: a random permutation */
    bp_check_report *report;
} checker;

static void add_comparison(bp_check_row *row, size_t i, double backprop, comparison c)
{
    if (c.kink) {
        row->kink = row->kinks++ == 0 ? c.kink->name : row->kink;
        return;
    }
    row->checked++;
    row->mean_abs += c.abs;
    row->mean_rel += c.rel;
    row->max_abs = c.abs > row->max_abs || isnan(c.abs) ? c.abs : row->max_abs;
    if (!isnan(row->max_rel) && !(c.rel <= row->max_rel)) { /* NaN counts as the worst and stays */
        row->max_rel = c.rel;
        row->worst = i;
        row->worst_backprop = backprop;
        row->worst_numeric = c.numeric;
    }
}

static void check_tensor(checker *k, const bp_node *n, bp_check_row *row)
{
    row->name = n->name;
    row->input = n->batched;
    row->size = n->size * (n->batched ? k->rows : 1);
    row->all_zero = true;
    bool flows = k->s->slots[n->index].gradient;
    if (flows) {
        bp_session_gradient(k->s, n, k->gradient);
    } else {
        memset(k->gradient, 0, row->size * sizeof *k->gradient);
    }
    for (size_t i = 0; i < row->size; i++) {
        row->all_zero &= k->gradient[i] == 0;
    }
    size_t count = k->o->sample && k->o->sample < row->size ? k->o->sample : row->size;
    bp_rng rng = bp_rng_new(k->o->seed, BP_RANDOM_SAMPLE, (uint32_t)n->index);
    bp_rng_permutation(&rng, k->order, row->size);
    double start = bp_seconds();
    for (size_t i = 0; i < count; i++) {
        size_t e = k->order[i];
        probe p = probe_of(k->s, n, k->rows, e);
        p.scale = k->scale;
        add_comparison(row, e, k->gradient[e], compare_element(&p, k->gradient[e], k->o->tolerance, k->sides));
        k->report->numeric_passes += p.passes;
    }
    k->report->numeric_seconds += bp_seconds() - start;
    row->mean_abs /= row->checked ? (double)row->checked : 1;
    row->mean_rel /= row->checked ? (double)row->checked : 1;
    row->passed = row->checked > 0 && row->max_rel <= k->o->tolerance && !row->all_zero;
    k->report->total += row->size;
    k->report->passed &= row->passed;
}

static bool is_checked(const checker *k, const bp_node *n)
{
    if (bp_node_is(n, BP_OP_PARAM)) {
        const bp_slot *slot = &k->s->slots[n->index];
        return slot->needed && (slot->gradient || !n->frozen);
    }
    return bp_node_is(n, BP_OP_INPUT) && k->o->inputs && k->s->slots[n->index].gradient;
}

static size_t list_tensors(const checker *k, size_t *largest)
{
    size_t count = 0;
    *largest = 0;
    for (size_t i = 0; i < k->s->graph->count; i++) {
        const bp_node *n = k->s->graph->nodes[i];
        if (is_checked(k, n)) {
            size_t size = n->size * (n->batched ? k->rows : 1);
            *largest = size > *largest ? size : *largest;
            count++;
        }
    }
    return count;
}

/* Seconds of one forward and one backward pass, the mean of as many as fill a millisecond; the first one is warm-up. */
static double time_backprop(const checker *k)
{
    double seconds = 0;
    int runs = -1;
    while (runs < 1 || (seconds < 1e-3 && runs < 1000)) {
        double start = bp_seconds();
        bp_session_run(k->s, k->rows, BP_FORWARD | BP_BACKWARD, &(bp_hooks){0});
        seconds = runs < 0 ? 0 : seconds + bp_seconds() - start;
        runs++;
    }
    return seconds / runs;
}

static void check_all(checker *k)
{
    k->report->backprop_seconds = time_backprop(k);
    k->report->passed = k->report->count > 0;
    k->scale = fmax(1, fabs(bp_session_objective(k->s))); /* a small loss still comes from numbers around 1 */
    size_t next = 0;
    for (size_t i = 0; i < k->s->graph->count; i++) {
        if (is_checked(k, k->s->graph->nodes[i])) {
            check_tensor(k, k->s->graph->nodes[i], &k->report->rows[next++]);
        }
    }
    bp_session_run(k->s, k->rows, BP_FORWARD | BP_BACKWARD, &(bp_hooks){0});
}

/* A report remembers its allocator in front, to be freed without the session. */
typedef struct report {
    bp_check_report public;
    bp_allocator allocator;
} report;

static report *new_report(const bp_allocator *a, size_t count)
{
    report *r = bp_alloc(a, 1, sizeof *r);
    if (!r) {
        return NULL;
    }
    r->allocator = *a;
    r->public.count = count;
    r->public.rows = bp_alloc(a, count, sizeof *r->public.rows);
    if (!r->public.rows) {
        bp_release(a, r);
        return NULL;
    }
    return r;
}

void bp_check_report_free(bp_check_report *r)
{
    if (r) {
        bp_allocator a = ((report *)r)->allocator;
        bp_release(&a, r->rows);
        bp_release(&a, r);
    }
}

static bp_status check_arguments(const bp_session *s, const bp_graph *g, size_t rows)
{
    if (s->graph != g || g->type != BP_F64) {
        return bp_fail(BP_ERR_ARGUMENT, "a gradient check needs a session of this graph, and a graph in f64, not %s",
                       bp_type_name(g->type));
    }
    if (!s->options.gradients || s->options.stream_updates) {
        return bp_fail(BP_ERR_STATE, "a gradient check needs a session that keeps gradients");
    }
    if (rows < 1 || rows > s->options.max_rows) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu rows; this session was made for 1 to %zu", rows, s->options.max_rows);
    }
    return BP_OK;
}

bp_status bp_gradient_check(bp_check_report **out, bp_session *s, bp_graph *g, size_t rows,
                            const bp_check_options *options)
{
    bp_check_options defaults = bp_check_defaults();
    *out = NULL;
    bp_status status = check_arguments(s, g, rows);
    if (status != BP_OK) {
        return status;
    }
    const bp_allocator *a = &g->allocator;
    checker k = {.s = s, .rows = rows, .o = options ? options : &defaults};
    size_t largest, count = list_tensors(&k, &largest);
    report *r = new_report(a, count);
    k.report = r ? &r->public : NULL;
    k.sides = bp_alloc(a, s->shared_count + s->forward_count, sizeof *k.sides);
    k.gradient = bp_alloc(a, largest, sizeof *k.gradient);
    k.order = bp_alloc(a, largest, sizeof *k.order);
    bool ready = k.report && k.sides && k.gradient && k.order;
    if (ready) {
        check_all(&k);
        *out = k.report;
    } else if (k.report) {
        bp_check_report_free(k.report);
    }
    bp_release(a, k.sides);
    bp_release(a, k.gradient);
    bp_release(a, k.order);
    return ready ? BP_OK : BP_ERR_MEMORY;
}
