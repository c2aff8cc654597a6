/* fuzz_model.c - model files. What can be loaded predicts, and can be saved. */
#include "input.h"

#include <backprop/io.h>

enum { MOST_INPUTS = 4096 };

static void predict(const bp_model *m)
{
    static const double x[MOST_INPUTS];
    static double y[MOST_INPUTS];
    bp_predictor *p;
    bp_model_options info = bp_model_describe(m);
    if (info.inputs > MOST_INPUTS || info.outputs > MOST_INPUTS || bp_predictor_new(&p, m, 1, 1) != BP_OK) {
        return;
    }
    if (bp_predict(p, y, x, BP_F64, 1) != BP_OK && !*bp_error()) {
        abort();
    }
    bp_predictor_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_model *m;
    if (bp_model_load(&m, input_path(data, size), NULL) != BP_OK) {
        if (m || !*bp_error()) {
            abort();
        }
        return 0;
    }
    predict(m);
    bp_preparation *p;
    if (bp_model_preparation(&p, m) == BP_OK) {
        bp_preparation_free(p);
    }
    bp_status saved = bp_model_save(m, "/dev/null");
    if (saved != BP_OK && saved != BP_ERR_NUMERIC) { /* files may hold weights that are not finite */
        abort();
    }
    bp_model_free(m);
    return 0;
}
