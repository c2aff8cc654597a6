/* mnist.c - handwritten digits from C: load, train, save, load again, measure.
 *
 *   example_mnist [DIR]     DIR, or the folder that BACKPROP_DATA names, holds mnist/ with the four IDX files */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static bp_dataset *load(const char *dir)
{
    bp_dataset *mnist;
    bp_dataset_options o = bp_dataset_defaults();
    o.dirs = &dir;
    o.dir_count = dir ? 1 : 0;
    bp_status status = bp_dataset_load(&mnist, "mnist", &o);
    if (status == BP_ERR_IO) { /* not on this machine */
        fprintf(stderr, "%s\n", bp_error());
        exit(77);
    }
    must(status);
    return mnist;
}

static bool show(void *ctx, const bp_progress *p)
{
    (void)ctx;
    printf("epoch %zu: loss %.4f, %.0f samples/s\n", p->epoch, p->train_loss, p->samples_per_second);
    return true; /* go on */
}

int main(int argc, char **argv)
{
    bp_dataset *mnist = load(argc > 1 ? argv[1] : getenv("BACKPROP_DATA"));

    bp_model_options network = bp_model_defaults();
    network.inputs = mnist->train.inputs;
    network.outputs = mnist->train.classes;
    network.net = "dense 100 relu";
    bp_model *m;
    must(bp_model_new(&m, &network));
    double mean = 0, scale = 1.0 / 255; /* bytes to 0..1; the model keeps this */
    must(bp_model_set_scaling(m, 1, &mean, &scale));

    bp_train_options how = bp_train_defaults();
    how.epochs = 3;
    how.batch = 64;
    how.on_epoch = show;
    must(bp_train(NULL, m, &mnist->train, &how));
    must(bp_model_save(m, "mnist-example.safetensors"));
    bp_model_free(m);

    must(bp_model_load(&m, "mnist-example.safetensors", NULL));
    bp_evaluation *e;
    must(bp_evaluate(&e, m, &mnist->test, 0));
    printf("%.2f %% of %zu test images are right\n", 100 * e->accuracy, e->rows);
    bool learned = e->accuracy >= 0.965;
    bp_evaluation_free(e);
    bp_model_free(m);
    bp_dataset_free(mnist);
    return learned ? 0 : 1;
}
