/* fann_peer.c - FANN, which works on one thread.
 *   fann_peer IMAGES LABELS   raw bytes: 784 an image, one a label
 * Jobs: W1 (online steps on 10,000 rows, as an epoch of 60,000), W5 (online), W6; version. The number of threads after the
 * name of a job is not used. */
#include <fann.h>

#include "peer.h"

enum { IMAGE = 784, CLASSES = 10, ROWS = 10000, EPOCH = 60000, SMALL_ROWS = 20000, SMALL_EPOCHS = 5 };

static unsigned char *read_bytes(const char *path, size_t size)
{
    unsigned char *bytes = memory(size, 1);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fread(bytes, 1, size, f) != size) {
        fprintf(stderr, "fann_peer: cannot read %zu bytes of %s\n", size, path);
        exit(1);
    }
    fclose(f);
    return bytes;
}

static struct fann_train_data *read_images(const char *images, const char *labels)
{
    unsigned char *x = read_bytes(images, (size_t)ROWS * IMAGE), *t = read_bytes(labels, ROWS);
    struct fann_train_data *d = fann_create_train(ROWS, IMAGE, CLASSES);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < IMAGE; i++)
            d->input[r][i] = (float)x[r * IMAGE + i] / 255;
        for (size_t c = 0; c < CLASSES; c++)
            d->output[r][c] = t[r] == c;
    }
    free(x);
    free(t);
    return d;
}

static struct fann_train_data *make_numbers(void)
{
    struct fann_train_data *d = fann_create_train(SMALL_ROWS, 2, 1);
    for (size_t r = 0; r < SMALL_ROWS; r++) {
        for (size_t i = 0; i < 2; i++)
            d->input[r][i] = (float)rand() / (float)RAND_MAX * 2 - 1;
        d->output[r][0] = (float)rand() / (float)RAND_MAX;
    }
    return d;
}

static struct fann *make_net(unsigned inputs, unsigned hidden, unsigned outputs)
{
    struct fann *net = fann_create_standard(3, inputs, hidden, outputs);
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_training_algorithm(net, FANN_TRAIN_INCREMENTAL); /* its fastest an epoch */
    return net;
}

/* Seconds of an epoch of `d`. */
static double train(struct fann *net, struct fann_train_data *d, int epochs)
{
    double start = seconds_now();
    for (int i = 0; i < epochs; i++)
        fann_train_epoch(net, d);
    return (seconds_now() - start) / epochs;
}

/* Seconds of a row. */
static double predict(struct fann *net, struct fann_train_data *d)
{
    double start = seconds_now();
    for (size_t r = 0; r < ROWS; r++)
        fann_run(net, d->input[r]);
    return (seconds_now() - start) / ROWS;
}

int main(int argc, char **argv)
{
    char line[256];
    if (argc != 3)
        return 2;
    struct fann_train_data *images = read_images(argv[1], argv[2]), *numbers = make_numbers();
    struct fann *net = make_net(IMAGE, 50, CLASSES), *small = make_net(2, 10, 1);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "W1 ", 3) == 0)
            answer(train(net, images, 1) * EPOCH / ROWS);
        else if (strncmp(line, "W5 ", 3) == 0)
            answer(train(small, numbers, SMALL_EPOCHS) / SMALL_ROWS);
        else if (strncmp(line, "W6 ", 3) == 0)
            answer(predict(net, images));
        else if (strcmp(line, "version\n") == 0)
            answer_version(PEER_VERSION); /* FANN has no way to ask */
        else
            refuse(line);
    }
    fann_destroy(net);
    fann_destroy(small);
    fann_destroy_train(images);
    fann_destroy_train(numbers);
    return 0;
}
