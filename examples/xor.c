/* xor.c - the smallest problem that needs a hidden layer: is exactly one of two inputs on? */
#include <backprop/backprop.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

int main(void)
{
    const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    const int32_t label[4] = {0, 1, 1, 0};
    bp_data data = {.rows = 4, .inputs = 2, .x = x, .x_type = BP_F32, .classes = 2, .label = label};

    bp_model_options network = bp_model_defaults();
    network.inputs = 2;
    network.outputs = 2;
    network.net = "dense 4 tanh";
    network.seed = 1;
    bp_model *m;
    must(bp_model_new(&m, &network));

    bp_train_options how = bp_train_defaults();
    how.epochs = 300;
    how.batch = 4;
    how.optimizer.lr = 0.05;
    must(bp_train(NULL, m, &data, &how));

    bp_predictor *p;
    float probability[4][2];
    must(bp_predictor_new(&p, m, 4, 1));
    must(bp_predict(p, probability, x, BP_F32, 4));

    bool learned = true;
    for (int i = 0; i < 4; i++) {
        printf("%g xor %g: on with probability %.3f\n", x[i][0], x[i][1], probability[i][1]);
        learned = learned && probability[i][label[i]] > 0.95F;
    }
    bp_predictor_free(p);
    bp_model_free(m);
    return learned ? 0 : 1;
}
