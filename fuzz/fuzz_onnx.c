/* fuzz_onnx.c - ONNX graphs. What can be imported predicts, and can be exported. */
#include "input.h"

#include <backprop/io.h>

#include "format/import.h"

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
    bp_import_options o = bp_import_defaults();
    /* not bp_model_import: its look at the first bytes would turn most inputs away */
    if (bp_onnx_read(&m, input_path(data, size), &o) != BP_OK) {
        if (m || !*bp_error()) {
            abort();
        }
        return 0;
    }
    predict(m);
    bp_status saved = bp_onnx_save(m, "/dev/null");
    if (saved != BP_OK && !*bp_error()) {
        abort();
    }
    bp_model_free(m);
    return 0;
}
