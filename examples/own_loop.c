/* own_loop.c - below models and trainers: a network written as an expression, and a training loop of one's own.
 *
 * Fits y = sin(3 x) on -1 .. 1 with one hidden layer. Shows where the weights live, how batches get in, and how the
 * learning rate can follow a rule of one's own. */
#include <backprop/backprop.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { HIDDEN = 32, BATCH = 32, STEPS = 3000 };

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

/* Numbers spread evenly over -limit .. limit: the fractional parts of multiples of an irrational number. */
static double spread(size_t i, double irrational, double limit)
{
    double turns = irrational * (double)i;
    return limit * (2 * (turns - floor(turns)) - 1);
}

static void fill(bp_node *param, double irrational, double limit)
{
    double values[HIDDEN];
    for (size_t i = 0; i < bp_node_size(param); i++) {
        values[i] = spread(i + 1, irrational, limit);
    }
    must(bp_param_set(param, values));
}

int main(void)
{
    bp_graph *g = bp_graph_new(BP_F32, NULL);
    bp_node *x = bp_input(g, "x", bp_shape1(1)), *t = bp_input(g, "t", bp_shape1(1));
    bp_node *w1 = bp_param(g, "w1", bp_shape2(1, HIDDEN)), *b1 = bp_param(g, "b1", bp_shape1(HIDDEN));
    bp_node *w2 = bp_param(g, "w2", bp_shape2(HIDDEN, 1)), *b2 = bp_param(g, "b2", bp_shape1(1));
    bp_node *y = bp_affine(bp_tanh(bp_affine(x, w1, b1)), w2, b2);
    bp_node *loss = bp_squared_error(y, t);
    must(bp_graph_compile(g)); /* reports whatever went wrong above */
    fill(w1, sqrt(2), 3);
    fill(b1, sqrt(3), 2);
    fill(w2, sqrt(5), 0.2);

    const bp_node *targets[] = {loss, y};
    bp_session_options so = bp_session_defaults();
    so.max_rows = BATCH;
    so.stream_updates = true; /* gradients go straight into the weights */
    bp_session *s;
    must(bp_session_new(&s, g, targets, 2, &so));
    bp_optimizer_options adam = bp_optimizer_defaults(BP_ADAM);
    bp_optimizer *optimizer;
    must(bp_optimizer_new(&optimizer, g, &adam));

    double xs[BATCH], ts[BATCH], worst = 0;
    for (size_t step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < BATCH; i++) {
            xs[i] = spread(step * BATCH + i, sqrt(7), 1);
            ts[i] = sin(3 * xs[i]);
        }
        must(bp_session_set(s, x, xs, BATCH));
        must(bp_session_set(s, t, ts, BATCH));
        bp_optimizer_set_lr(optimizer, 0.01 * (1 - (double)step / STEPS));
        must(bp_optimizer_step(optimizer, s, BATCH)); /* forward, backward, update */
        if (step % 500 == 0) {
            printf("step %4zu: loss %.2e\n", step, bp_session_objective(s));
        }
    }

    for (size_t i = 0; i < BATCH; i++) {
        xs[i] = -1 + 2 * (double)i / (BATCH - 1);
    }
    must(bp_session_set(s, x, xs, BATCH));
    must(bp_forward(s, BATCH));
    must(bp_session_get(s, y, ts));
    for (size_t i = 0; i < BATCH; i++) {
        worst = fmax(worst, fabs(ts[i] - sin(3 * xs[i])));
    }
    printf("largest error on a new grid: %.4f\n", worst);
    bp_optimizer_free(optimizer);
    bp_session_free(s);
    bp_graph_free(g);
    return worst < 0.02 ? 0 : 1;
}
