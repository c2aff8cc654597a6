/* dream.c - what does a network think a digit looks like?
 *
 * Back-propagation does not end at the weights: the gradient of the loss with respect to the *input* says how an image has
 * to change to be more of a three. Following it from an empty image, the network draws its own idea of each digit. */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, STEPS = 60 };

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static bp_model *trained(const bp_data *data)
{
    bp_model *m;
    bp_model_options network = bp_model_defaults();
    network.inputs = PIXELS;
    network.outputs = CLASSES;
    network.net = "dropout 0.4, dense 128 relu, dropout 0.4"; /* dropout: no pixel may matter too much */
    must(bp_model_new(&m, &network));
    double mean = 0, scale = 1.0 / 255;
    must(bp_model_set_scaling(m, 1, &mean, &scale));
    bp_train_options how = bp_train_defaults();
    how.epochs = 5;
    how.optimizer.l2 = 0.001; /* small weights give smooth pictures */
    must(bp_train(NULL, m, data, &how));
    return m;
}

/* g blurred with the window 1 2 1, across and down: a pen has a width, so neighbours change together. */
static void blur(double g[PIXELS])
{
    for (int pass = 0; pass < 2; pass++) {
        double turned[PIXELS] = {0}; /* the second pass goes down, and turns it back */
        for (int i = 1; i < PIXELS - 1; i++) {
            turned[i % SIDE * SIDE + i / SIDE] = (g[i - 1] + 2 * g[i] + g[i + 1]) / 4;
        }
        memcpy(g, turned, sizeof turned);
    }
}

/* Follows -dL/dx, keeping pixels within 0 .. 1: image c becomes the dream of class c. */
static double dream(double x[CLASSES][PIXELS], bp_session *s, const bp_model *m)
{
    static double g[CLASSES][PIXELS];
    const double target[CLASSES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    must(bp_session_set(s, bp_model_target(m), target, CLASSES));
    for (int step = 0; step < STEPS; step++) {
        must(bp_session_set(s, bp_model_x(m), &x[0][0], CLASSES));
        must(bp_forward(s, CLASSES));
        must(bp_backward(s));
        must(bp_session_gradient(s, bp_model_x(m), &g[0][0]));
        for (int c = 0; c < CLASSES; c++) {
            blur(g[c]);
            for (int i = 0; i < PIXELS; i++) {
                double p = x[c][i] - 60 * g[c][i] - 0.01; /* 0.01: ink that does not help fades */
                x[c][i] = p < 0 ? 0 : p > 1 ? 1 : p;
            }
        }
    }
    return bp_session_objective(s);
}

int main(void)
{
    bp_dataset *digits;
    bp_dataset_options some = bp_dataset_defaults();
    some.rows = 10000;
    must(bp_dataset_load(&digits, "digits", &some));
    bp_model *m = trained(&digits->train);

    static double x[CLASSES][PIXELS];
    bp_session *s;
    bp_session_options so = bp_session_defaults();
    so.max_rows = CLASSES;
    const bp_node *loss = bp_model_loss_node(m);
    must(bp_session_new(&s, bp_model_graph(m), &loss, 1, &so));
    double doubt = dream(x, s, m);
    for (int i = 0; i < CLASSES * PIXELS / 2; i++) { /* ten images, one below the other; two rows of pixels on a line */
        static const char *const ink[] = {" ", "░", "▒", "▓", "█"};
        const double *p = &x[0][0] + i / SIDE * 2 * SIDE + i % SIDE;
        printf("%s%s", ink[(int)(2.499 * (p[0] + p[SIDE]))], i % SIDE == SIDE - 1 ? "\n" : "");
    }
    printf("the network is sure of its dreams: mean loss %.4f\n", doubt);
    bp_session_free(s);
    bp_model_free(m);
    bp_dataset_free(digits);
    return doubt < 0.05 ? 0 : 1;
}
