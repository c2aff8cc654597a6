/* own_loss.c - a loss that the library does not have, written as a formula: back-propagation does the rest.
 *
 * The quantile loss, q max(0, t - y) + (1 - q) max(0, y - t), is least where a share q of the targets lies below the
 * curve (Koenker & Bassett, Econometrica 46, 1978). Here q = 0.9: the curve that 90 % of the points stay under, though
 * the points spread wider and wider. */
#include <backprop/backprop.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 1000, STEPS = 2000 };

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static double spread(size_t i, double irrational) /* 0 .. 1, evenly */
{
    double turns = irrational * (double)i;
    return turns - floor(turns);
}

static bp_node *quantile_loss(bp_graph *g, bp_node *y, bp_node *t, double q)
{
    bp_node *below = bp_mul(bp_constant(g, q), bp_relu(bp_sub(t, y)));
    bp_node *above = bp_mul(bp_constant(g, 1 - q), bp_relu(bp_sub(y, t)));
    return bp_add(below, above);
}

int main(void)
{
    bp_graph *g = bp_graph_new(BP_F32, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(2)), *t = bp_input(g, "t", bp_shape1(1)); /* x: position and its square */
    bp_node *w = bp_param(g, "w", bp_shape2(2, 1)), *b = bp_param(g, "b", bp_shape1(1));
    bp_node *y = bp_affine(x, w, b);
    bp_node *loss = quantile_loss(g, y, t, 0.9);
    must(bp_graph_compile(g));

    double xs[POINTS][2], ts[POINTS], ys[POINTS];
    for (size_t i = 0; i < POINTS; i++) {
        double u = spread(i, sqrt(2));
        xs[i][0] = u;
        xs[i][1] = u * u;
        ts[i] = 1 + u * u + u * (spread(i, sqrt(3)) - 0.5); /* the noise grows with u */
    }
    const bp_node *targets[] = {loss, y};
    bp_session_options so = bp_session_defaults();
    so.max_rows = POINTS;
    bp_session *s;
    must(bp_session_new(&s, g, targets, 2, &so));
    must(bp_session_set(s, x, &xs[0][0], POINTS));
    must(bp_session_set(s, t, ts, POINTS));

    bp_optimizer_options adam = bp_optimizer_defaults(BP_ADAM);
    bp_optimizer *optimizer;
    must(bp_optimizer_new(&optimizer, g, &adam));
    for (size_t step = 0; step < STEPS; step++) {
        bp_optimizer_set_lr(optimizer, 0.02 * (1 - (double)step / STEPS));
        must(bp_optimizer_step(optimizer, s, POINTS));
    }
    must(bp_forward(s, POINTS));
    must(bp_session_get(s, y, ys));

    size_t under = 0;
    for (size_t i = 0; i < POINTS; i++) {
        under += ts[i] < ys[i];
    }
    printf("loss %.4f; %.1f %% of the points lie under the curve\n", bp_session_objective(s),
           100.0 * (double)under / POINTS);
    bp_optimizer_free(optimizer);
    bp_session_free(s);
    bp_graph_free(g);
    return under >= 880 && under <= 920 ? 0 : 1;
}
