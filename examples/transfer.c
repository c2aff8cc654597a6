/* transfer.c - what a network has learned helps it to learn something else. One learns to tell ten digits from many images;
 * then the question is another, odd or even, and only 40 images have an answer. The layers of the first network, frozen, under
 * a new last layer do better than a network that begins with nothing. */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 6000, FEW = 40, EPOCHS = 60 };

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static bp_dataset *digits(size_t rows, uint64_t seed)
{
    bp_dataset_options o = bp_dataset_defaults();
    bp_dataset *d;
    o.rows = rows;
    o.seed = seed;
    must(bp_dataset_load(&d, "digits", &o));
    return d;
}

static bp_model *new_model(const bp_data *data)
{
    const double zero = 0, byte = 1.0 / 255;
    bp_model_options o = bp_model_defaults();
    bp_model *m;
    o.inputs = data->inputs;
    o.outputs = data->classes;
    o.net = "dense 64 relu, dense 32 relu";
    must(bp_model_new(&m, &o));
    must(bp_model_set_scaling(m, 1, &zero, &byte));
    return m;
}

/* The same images with another label: 0 even, 1 odd. label: rows numbers */
static bp_data odd_or_even(const bp_data *digits, int32_t *label)
{
    bp_data d = *digits;
    for (size_t i = 0; i < d.rows; i++) {
        label[i] = digits->label[i] % 2;
    }
    d.classes = 2;
    d.label = label;
    d.class_names = NULL;
    return d;
}

/* Trains, and gives back the accuracy on the test rows. */
static double train(bp_model *m, const bp_data *data, const bp_data *test, size_t epochs)
{
    bp_train_options o = bp_train_defaults();
    bp_evaluation *e;
    o.epochs = epochs;
    must(bp_train(NULL, m, data, &o));
    must(bp_evaluate(&e, m, test, 0));
    double accuracy = e->accuracy;
    bp_evaluation_free(e);
    return accuracy;
}

int main(void)
{
    bp_dataset *many = digits(MANY, 1), *few = digits(10000, 2);
    static int32_t label[10000], test_label[10000];
    bp_data data = odd_or_even(&few->train, label), test = odd_or_even(&few->test, test_label);
    data.rows = FEW;

    bp_model *ten = new_model(&many->train), *scratch = new_model(&data), *transferred = new_model(&data);
    printf("ten digits, %d images:                %.1f %%\n", MANY, 100 * train(ten, &many->train, &many->test, 8));

    size_t taken;
    must(bp_model_transfer(&taken, transferred, ten, 0)); /* two layers: the third has other outputs */
    must(bp_model_freeze(transferred, "body"));
    double alone = train(scratch, &data, &test, EPOCHS), helped = train(transferred, &data, &test, EPOCHS);
    printf("odd or even, %d images, from nothing:   %.1f %%\n", FEW, 100 * alone);
    printf("the same, on %zu layers of the first:     %.1f %%\n", taken, 100 * helped);

    bp_model_free(ten);
    bp_model_free(scratch);
    bp_model_free(transferred);
    bp_dataset_free(many);
    bp_dataset_free(few);
    return helped > alone + 0.02 ? 0 : 1;
}
