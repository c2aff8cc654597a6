/* sizes.c - a network given as the textbooks give it: a list of layer sizes and an activation for each layer but the
 * first. Here 2-10-1, all sigmoid, squared error: which of two rings around each other does a point belong to? */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

/* A network with sizes[0] inputs, then layers of sizes[i] units with activation f[i - 1]; the last is the output. */
static bp_model *network(const size_t *sizes, const bp_activation *f, size_t count)
{
    char hidden[256] = "";
    for (size_t i = 1; i + 1 < count; i++) {
        size_t used = strlen(hidden);
        snprintf(hidden + used, sizeof hidden - used, "%sdense %zu %s", used ? ", " : "", sizes[i],
                 bp_activation_name(f[i - 1]));
    }
    bp_model_options o = bp_model_defaults();
    o.inputs = sizes[0];
    o.outputs = sizes[count - 1] == 1 ? 2 : sizes[count - 1]; /* one sigmoid unit tells two classes apart */
    o.net = hidden;
    o.output = bp_activation_name(f[count - 2]);
    o.loss = "mse";
    bp_model *m;
    must(bp_model_new(&m, &o));
    return m;
}

int main(void)
{
    bp_dataset *circles;
    must(bp_dataset_load(&circles, "circles", NULL));

    const size_t sizes[] = {2, 10, 1};
    const bp_activation f[] = {BP_SIGMOID, BP_SIGMOID};
    bp_model *m = network(sizes, f, 3);

    bp_train_options how = bp_train_defaults();
    how.epochs = 100;
    how.batch = 10;
    how.optimizer = bp_optimizer_defaults(BP_MOMENTUM);
    how.optimizer.lr = 0.3;
    must(bp_train(NULL, m, &circles->train, &how));

    bp_evaluation *e;
    must(bp_evaluate(&e, m, &circles->test, 0));
    printf("2-10-1, %zu parameters: %.2f %% of %zu points it has never seen are right\n", bp_model_parameters(m),
           100 * e->accuracy, e->rows);
    bool learned = e->accuracy >= 0.97;
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_dataset_free(circles);
    return learned ? 0 : 1;
}
