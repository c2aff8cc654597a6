/* prepare_scale.c - how numbers become inputs of about unit size: the rules, and which one suits which distribution. */
#include "data/prepare.h"

#include <math.h>
#include <string.h>

enum { KNOTS = 256 };

static const char *const map_names[] = {"linear", "asinh", "quantile"};
_Static_assert(sizeof map_names / sizeof *map_names == BP_MAPS, "one name a map");

const char *bp_scale_map_name(bp_scale_map m)
{
    return (unsigned)m < BP_MAPS ? map_names[m] : NULL;
}

/* ---- Applying ---------------------------------------------------------------------------------------------------- */

/* The slope beyond an end of the knots: that of the line over the outer tenth of them. */
static double end_slope(const bp_scale *s, bool high)
{
    size_t edge = s->knots / 10 > 0 ? s->knots / 10 : 1, last = s->knots - 1;
    size_t from = high ? last - edge : 0, to = high ? last : edge;
    return (s->score[to] - s->score[from]) / (s->knot[to] - s->knot[from]);
}

static double map_quantile(const bp_scale *s, double x)
{
    size_t last = s->knots - 1, low = 0, high = last;
    if (x <= s->knot[0]) {
        return s->score[0] + (x - s->knot[0]) * end_slope(s, false);
    }
    if (x >= s->knot[last]) {
        return s->score[last] + (x - s->knot[last]) * end_slope(s, true);
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->knot[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double share = (x - s->knot[low]) / (s->knot[high] - s->knot[low]);
    return s->score[low] + share * (s->score[high] - s->score[low]);
}

static double map_value(const bp_scale *s, double x)
{
    switch (s->map) {
    case BP_MAP_ASINH:
        return asinh((x - s->origin) / s->unit);
    case BP_MAP_QUANTILE:
        return map_quantile(s, x);
    default:
        return x;
    }
}

const bp_scale bp_scale_none = {.map = BP_MAP_LINEAR, .scale = 1, .limit = 1e30};

bool bp_scale_is_none(const bp_scale *s)
{
    const bp_scale *none = &bp_scale_none;
    return s->map == none->map && s->center == none->center && s->scale == none->scale && s->limit == none->limit;
}

double bp_scale_apply(const bp_scale *s, double x)
{
    double z = (map_value(s, x) - s->center) * s->scale;
    return z > s->limit ? s->limit : z < -s->limit ? -s->limit : z;
}

/* ---- Fitting ----------------------------------------------------------------------------------------------------- */

/* What is linear may be as far out as the data are, what was chosen for tails may not. */
enum { FAR = 1000, NEAR = 10 };

static double inverse(double x)
{
    double y = 1 / x;
    return x > 0 && isfinite(y) ? y : 0;
}

/* The deviation that a normal distribution with these quartiles has; where they coincide, what has a like meaning. */
static double robust_deviation(const bp_distribution *d)
{
    double range = bp_distribution_quantile(d, 0.75) - bp_distribution_quantile(d, 0.25);
    if (range > 0 && isfinite(range)) {
        return range / 1.349;
    }
    return 1.2533 * bp_distribution_spread(d, bp_distribution_quantile(d, 0.5)); /* sqrt(pi/2) */
}

static bp_status fit_standard(bp_scale *s, bp_pool *pool, const bp_distribution *d)
{
    (void)pool;
    double mean = bp_distribution_mean(d);
    *s = (bp_scale){.map = BP_MAP_LINEAR, .center = mean, .limit = FAR};
    s->scale = inverse(bp_distribution_deviation(d, mean));
    return BP_OK;
}

static bp_status fit_robust(bp_scale *s, bp_pool *pool, const bp_distribution *d)
{
    (void)pool;
    *s = (bp_scale){.map = BP_MAP_LINEAR, .center = bp_distribution_quantile(d, 0.5), .limit = FAR};
    s->scale = inverse(robust_deviation(d));
    return BP_OK;
}

/* asinh of the robustly scaled number, standardised. */
static bp_status fit_asinh(bp_scale *s, bp_pool *pool, const bp_distribution *d)
{
    (void)pool;
    *s = (bp_scale){.map = BP_MAP_ASINH, .origin = bp_distribution_quantile(d, 0.5), .limit = NEAR};
    s->unit = robust_deviation(d);
    double mean = 0, square = 0; /* |asinh| < 711: nothing can overflow */
    for (size_t i = 0; i < d->count; i++) {
        mean += d->item[i].weight / d->total * map_value(s, d->item[i].value);
    }
    for (size_t i = 0; i < d->count; i++) {
        double distance = map_value(s, d->item[i].value) - mean;
        square += d->item[i].weight / d->total * distance * distance;
    }
    s->center = mean;
    s->scale = inverse(sqrt(square));
    return BP_OK;
}

/* The normal score of the middle of the weight of a value, within +-4. */
static double normal_score(double below, double weight, double total)
{
    double score = bp_normal_quantile((below + weight / 2) / total);
    return score > 4 ? 4 : score < -4 ? -4 : score;
}

/* Whether the value that ends at share (below + weight) / total is the first to reach a further step of 1/(KNOTS-1). */
static bool is_knot(size_t *next, double reached)
{
    if (reached * (KNOTS - 1) < (double)*next) {
        return false;
    }
    *next = (size_t)(reached * (KNOTS - 1)) + 1;
    return true;
}

/* Knots are values of the data: all of them where they are few, else the first, the last, and about KNOTS quantiles. */
static bp_status fit_quantile(bp_scale *s, bp_pool *pool, const bp_distribution *d)
{
    *s = (bp_scale){.map = BP_MAP_QUANTILE, .scale = 1, .limit = 6};
    s->knot = bp_pool_alloc(pool, KNOTS + 2, sizeof *s->knot);
    s->score = bp_pool_alloc(pool, KNOTS + 2, sizeof *s->score);
    if (!s->knot || !s->score) {
        return BP_ERR_MEMORY;
    }
    double below = 0;
    size_t next = 0;
    for (size_t i = 0; i < d->count; i++) {
        bp_weighted v = d->item[i];
        bool end = i == 0 || i + 1 == d->count;
        if (is_knot(&next, (below + v.weight) / d->total) || end || d->count <= KNOTS) {
            s->knot[s->knots] = v.value;
            s->score[s->knots++] = normal_score(below, v.weight, d->total);
        }
        below += v.weight;
    }
    return BP_OK;
}

/* How far out the farthest value is, in deviations: about 3 to 5 where the distribution is normal. */
static double tail_length(const bp_distribution *d)
{
    double mean = bp_distribution_mean(d);
    double far = fmax(d->item[d->count - 1].value - mean, mean - d->item[0].value);
    return far * inverse(bp_distribution_deviation(d, mean));
}

typedef bp_status (*fit_rule)(bp_scale *s, bp_pool *pool, const bp_distribution *d);

/* The automatic choice: the first row whose bounds hold. */
static const struct {
    double tail;   /* deviations, at most */
    double values; /* distinct, at most */
    fit_rule fit;
} auto_rules[] = {
    {5, INFINITY, fit_standard},
    {INFINITY, 30, fit_asinh},
    {INFINITY, INFINITY, fit_quantile},
};

static bp_status fit_auto(bp_scale *s, bp_pool *pool, const bp_distribution *d)
{
    double tail = tail_length(d);
    size_t i = 0;
    while (!(tail <= auto_rules[i].tail && (double)d->count <= auto_rules[i].values)) {
        i++;
    }
    bp_status status = auto_rules[i].fit(s, pool, d);
    s->limit = fmin(s->limit, NEAR);
    return status;
}

static const fit_rule rules[] = {fit_auto, fit_standard, fit_robust, fit_quantile};
_Static_assert(sizeof rules / sizeof *rules == BP_NUMBERS_RULES, "one function a rule");

bp_status bp_scale_fit(bp_scale *s, bp_pool *pool, const bp_distribution *d, bp_numbers_rule rule)
{
    if (d->count < 2) { /* only whether it is missing can tell anything */
        *s = (bp_scale){.map = BP_MAP_LINEAR, .center = d->item[0].value, .limit = NEAR};
        return BP_OK;
    }
    return rules[rule](s, pool, d);
}

void bp_scale_fit_boolean(bp_scale *s, double zero, double one, double ones)
{
    /* A deviation of 0.1 is that of one in a hundred: what is rarer stays within +-10. */
    double deviation = fmax(sqrt(ones * (1 - ones)), 0.1);
    *s = (bp_scale){.map = BP_MAP_LINEAR, .center = zero + ones * (one - zero), .limit = NEAR};
    s->scale = inverse(deviation * (one - zero));
}
