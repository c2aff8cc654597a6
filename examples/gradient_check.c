/* gradient_check.c - the gradient computed twice: by back-propagation, and by nudging each weight up and down.
 *
 * Nudging (central differences) needs two passes through the network for every weight, back-propagation one pass forward
 * and one backward for all of them. That is the whole reason for back-propagation, and this shows the price of both. */
#include <backprop/backprop.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 4, INPUTS = 64, CLASSES = 10 };

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

/* A session on the loss of m, with made-up samples in it. */
static bp_session *session_with_samples(bp_model *m)
{
    double x[ROWS][INPUTS], target[ROWS];
    for (int r = 0; r < ROWS; r++) {
        target[r] = (3 * r + 1) % CLASSES; /* the number of the class */
        for (int c = 0; c < INPUTS; c++) {
            x[r][c] = sin(1.0 + c + 7.3 * r);
        }
    }
    bp_session *s;
    bp_session_options o = bp_session_defaults();
    o.max_rows = ROWS;
    const bp_node *loss = bp_model_loss_node(m);
    must(bp_session_new(&s, bp_model_graph(m), &loss, 1, &o));
    must(bp_session_set(s, bp_model_x(m), &x[0][0], ROWS));
    must(bp_session_set(s, bp_model_target(m), target, ROWS));
    return s;
}

int main(void)
{
    bp_model_options network = bp_model_defaults();
    network.inputs = INPUTS;
    network.outputs = CLASSES;
    network.net = "dense 32 tanh, dense 32 gelu";
    network.type = BP_F64;
    bp_model *m;
    must(bp_model_new(&m, &network));
    bp_session *s = session_with_samples(m);

    bp_check_options all = bp_check_defaults();
    all.sample = 0; /* every element, not a sample of each tensor */
    bp_check_report *r;
    must(bp_gradient_check(&r, s, bp_model_graph(m), ROWS, &all));

    printf("gradient of   numbers   largest difference, absolute and relative\n");
    for (size_t i = 0; i < r->count; i++) {
        const bp_check_row *t = &r->rows[i];
        printf("%-12s  %7zu   %.1e   %.1e  %s\n", t->name, t->checked, t->max_abs, t->max_rel,
               t->passed ? "ok" : "WRONG");
    }
    printf("numerical: %zu forward passes, %.1f ms\n", r->numeric_passes, 1e3 * r->numeric_seconds);
    printf("back-propagation: one forward and one backward, %.3f ms\n", 1e3 * r->backprop_seconds);
    bool passed = r->passed;
    bp_check_report_free(r);
    bp_session_free(s);
    bp_model_free(m);
    return passed ? 0 : 1;
}
