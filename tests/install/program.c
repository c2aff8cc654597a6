/* program.c - an outside program that uses both libraries: trains, saves, loads, predicts. */
#include <backprop/io.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 2 || strcmp(bp_version(), BP_VERSION) != 0) {
        fprintf(stderr, "header %s, library %s\n", BP_VERSION, bp_version());
        return 2;
    }
    bp_dataset *data = NULL;
    bp_model *m = NULL;
    bp_evaluation *e = NULL;
    bp_model_options network = bp_model_defaults();
    network.inputs = 2;
    network.outputs = 2;
    bp_train_options how = bp_train_defaults();
    how.optimizer.lr = 0.01;
    bool worked = bp_dataset_load(&data, "moons", NULL) == BP_OK && bp_model_new(&m, &network) == BP_OK &&
                  bp_train(NULL, m, &data->train, &how) == BP_OK && bp_model_save(m, argv[1]) == BP_OK;
    bp_model_free(m);
    m = NULL;
    worked = worked && bp_model_load(&m, argv[1], NULL) == BP_OK && bp_evaluate(&e, m, &data->test, 1) == BP_OK;
    if (!worked) {
        fprintf(stderr, "%s\n", bp_error());
        return 1;
    }
    printf("accuracy %.3f\n", e->accuracy);
    bool learned = e->accuracy > 0.9;
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_dataset_free(data);
    return learned ? 0 : 1;
}
