/* look.c - a saved model in a program: what it makes of a few test images, drawn with the probability of each class.
 *
 *   example_look MODEL DATA     e.g. example_look digits.safetensors digits */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1000 }; /* images looked through for the hardest */

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static size_t best(const float *p, size_t n)
{
    size_t most = 0;
    for (size_t i = 1; i < n; i++) {
        most = p[i] > p[most] ? i : most;
    }
    return most;
}

/* Two rows of pixels on one line, and beside them a class with a bar for its probability. */
static void draw_line(const unsigned char *pixels, size_t width, const char *name, double probability)
{
    static const char *const ink[] = {" ", "░", "▒", "▓", "█"};
    printf("   ");
    for (size_t c = 0; c < width; c++) {
        fputs(ink[(pixels[c] + pixels[c + width]) * 5 / 511], stdout);
    }
    if (name) {
        printf("   %s ", name);
        for (int i = 0; i < (int)(30 * probability + 0.5); i++) {
            fputs("█", stdout);
        }
        printf(" %.1f %%", 100 * probability);
    }
    putchar('\n');
}

static void draw(const bp_data *d, const bp_model *m, size_t row, const float *p)
{
    size_t said = best(p, d->classes), truth = (size_t)d->label[row];
    printf("image %zu is a %s; the network says %s%s\n", row, bp_model_class(m, truth), bp_model_class(m, said),
           said == truth ? "" : " - wrong");
    for (size_t r = 0; r + 1 < d->height; r += 2) {
        size_t c = r / 2 - 2; /* classes begin on the third line; before that this is huge */
        const unsigned char *pixels = (const unsigned char *)d->x + row * d->inputs + r * d->width;
        draw_line(pixels, d->width, c < d->classes ? bp_model_class(m, c) : NULL, c < d->classes ? (double)p[c] : 0);
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL DATA\n", argv[0]);
        return 2;
    }
    const char *dir = getenv("BACKPROP_DATA");
    bp_dataset_options o = bp_dataset_defaults();
    o.dirs = &dir;
    o.dir_count = dir ? 1 : 0;
    bp_model *m;
    bp_dataset *data;
    must(bp_model_load(&m, argv[1], NULL));
    must(bp_dataset_load(&data, argv[2], &o));
    const bp_data *d = &data->test;
    if (d->rows < 3 || d->height < 2 || d->x_type != BP_U8 || d->classes != 10 || bp_model_describe(m).outputs != 10) {
        fprintf(stderr, "%s: expected images in bytes and ten classes\n", argv[2]);
        return 1;
    }
    size_t rows = d->rows < MOST ? d->rows : MOST, hardest = 2, right = 0;
    static float p[MOST][10];
    bp_predictor *predictor;
    must(bp_predictor_new(&predictor, m, 100, 1));
    must(bp_predict(predictor, p, d->x, d->x_type, rows));
    for (size_t i = 0; i < rows; i++) {
        hardest = i > 1 && p[i][best(p[i], 10)] < p[hardest][best(p[hardest], 10)] ? i : hardest;
        right += best(p[i], 10) == (size_t)d->label[i];
    }
    draw(d, m, 0, p[0]);
    draw(d, m, 1, p[1]);
    printf("And of the first %zu, the one it is least sure of:\n\n", rows);
    draw(d, m, hardest, p[hardest]);
    bp_predictor_free(predictor);
    bp_dataset_free(data);
    bp_model_free(m);
    return 10 * right > 9 * rows ? 0 : 1; /* it has learned something */
}
