/* fuzz_preparation.c - the text of a preparation, as models have it. What can be understood is written in the same words
 * again, and makes finite inputs of a table or says why not. */
#include "input.h"

#include <math.h>

#include <backprop/io.h>

static const char sample[] = "age,colour,day,price,ok\n"
                             "1.5,red,2024-01-11,5,yes\n"
                             ",,,,no\n"
                             "-3e9,green,1999-12-31,7.25,\n"
                             "40,blue,2031-06-01,1e-9,yes.\n";

static const char *sample_path(void)
{
    static char path[64];
    if (!*path) {
        int fd = memfd_create("table", MFD_CLOEXEC);
        input_demand(fd >= 0 && write(fd, sample, sizeof sample - 1) == (ssize_t)sizeof sample - 1, "memfd_create");
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    return path;
}

static void same_words(const bp_preparation *p)
{
    bp_preparation *again;
    input_demand(bp_preparation_parse(&again, bp_preparation_text(p), NULL) == BP_OK, "its own text");
    input_demand(strcmp(bp_preparation_text(p), bp_preparation_text(again)) == 0, "the same text");
    bp_preparation_free(again);
}

static void look_at(const bp_preparation *p)
{
    bp_feature_info feature;
    char name[64];
    for (size_t i = 0; bp_preparation_feature(p, i, &feature); i++) {
        input_demand(feature.column && feature.kind, "a column and its kind");
        input_demand(feature.first + feature.inputs <= bp_preparation_inputs(p), "inputs within the network's");
        for (size_t k = 0; k < feature.inputs; k++) {
            input_demand(bp_preparation_input(p, feature.first + k, name, sizeof name) != NULL, "a name of an input");
        }
    }
    for (size_t i = 0; bp_preparation_class(p, i); i++) {
        input_demand(i < bp_preparation_outputs(p), "as many classes as outputs");
    }
}

static void apply(const bp_preparation *p, bool with_target)
{
    bp_table_options o = bp_preparation_reading(p, with_target);
    bp_table *t;
    bp_dataset *d;
    if (bp_table_read(&t, sample_path(), &o) != BP_OK) {
        return;
    }
    if (bp_preparation_apply(&d, p, t, NULL, 0, with_target, NULL, NULL) == BP_OK) {
        double *x = malloc((d->train.inputs + 1) * sizeof *x);
        for (size_t row = 0; x && d->train.fill && row < d->train.rows; row++) {
            d->train.fill(d->train.x, row, x, BP_F64);
            for (size_t i = 0; i < d->train.inputs; i++) {
                input_demand(isfinite(x[i]), "a finite input");
            }
        }
        free(x);
        bp_dataset_free(d);
    }
    bp_table_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_preparation *p;
    char *text = malloc(size + 1);
    input_demand(text != NULL, "malloc");
    memcpy(text, data, size);
    text[size] = '\0';
    if (bp_preparation_parse(&p, text, NULL) == BP_OK) {
        same_words(p);
        look_at(p);
        apply(p, true);
        apply(p, false);
        bp_preparation_free(p);
    } else {
        input_demand(!p && *bp_error(), "a reason");
    }
    free(text);
    return 0;
}
