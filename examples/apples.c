/* apples.c - what back-propagation is, with a shopping bag.
 *
 * Two apples at 100 and three oranges at 150, and 10 % tax on everything. How much does the bill change when one of these
 * numbers changes a little? One pass backward through the calculation answers for all of them at once. */
#include <backprop/backprop.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

typedef struct quantity {
    const char *name;
    double value, derivative; /* what it is; what d bill / d quantity has to be */
    bp_node *node;
} quantity;

/* Computes bill and derivatives, prints both, and says whether they are what they should be. */
static bool settle(bp_graph *g, const bp_node *bill, double expected, const quantity *q, size_t count)
{
    bp_session *s;
    must(bp_graph_compile(g));
    must(bp_session_new(&s, g, &bill, 1, NULL));
    for (size_t i = 0; i < count; i++) {
        must(bp_session_set(s, q[i].node, &q[i].value, 1));
    }
    must(bp_forward(s, 1));
    must(bp_backward(s));

    printf("the bill is %g\n", bp_session_objective(s));
    bool right = fabs(bp_session_objective(s) - expected) < 1e-9;
    for (size_t i = 0; i < count; i++) {
        double d;
        must(bp_session_gradient(s, q[i].node, &d));
        printf("  d bill / d %-13s = %g\n", q[i].name, d);
        right = right && fabs(d - q[i].derivative) < 1e-9;
    }
    bp_session_free(s);
    bp_graph_free(g);
    return right;
}

static bool apples(void)
{
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *price = bp_input(g, "apple price", bp_shape1(1));
    bp_node *count = bp_input(g, "apple count", bp_shape1(1));
    bp_node *tax = bp_input(g, "tax", bp_shape1(1));

    bp_node *bill = bp_mul(bp_mul(price, count), tax);

    quantity q[] = {{"apple price", 100, 2.2, price}, {"apple count", 2, 110, count}, {"tax", 1.1, 200, tax}};
    return settle(g, bill, 220, q, 3);
}

static bool apples_and_oranges(void)
{
    bp_graph *g = bp_graph_new(BP_F64, NULL);
    bp_node *apple = bp_input(g, "apple price", bp_shape1(1)), *apple_count = bp_input(g, "apple count", bp_shape1(1));
    bp_node *orange = bp_input(g, "orange price", bp_shape1(1)),
            *orange_count = bp_input(g, "orange count", bp_shape1(1));
    bp_node *tax = bp_input(g, "tax", bp_shape1(1));

    bp_node *bill = bp_mul(bp_add(bp_mul(apple, apple_count), bp_mul(orange, orange_count)), tax);

    quantity q[] = {{"apple price", 100, 2.2, apple},
                    {"apple count", 2, 110, apple_count},
                    {"orange price", 150, 3.3, orange},
                    {"orange count", 3, 165, orange_count},
                    {"tax", 1.1, 650, tax}};
    return settle(g, bill, 715, q, 5);
}

int main(void)
{
    bool alone = apples(), together = apples_and_oranges();
    return alone && together ? 0 : 1;
}
