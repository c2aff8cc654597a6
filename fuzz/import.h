/* import.h - the body of the targets for models of other libraries. What can be imported predicts, and can be saved. That it
 * predicts is asked of our own files and of ONNX, too. */
#ifndef FUZZ_IMPORT_H
#define FUZZ_IMPORT_H

#include "input.h"

#include <backprop/io.h>

static inline void import_predict(const bp_model *m)
{
    enum { MOST = 4096 };
    static const double x[MOST];
    static double y[MOST];
    bp_predictor *p;
    bp_model_options info = bp_model_describe(m);
    if (info.inputs > MOST || info.outputs > MOST || bp_predictor_new(&p, m, 1, 1) != BP_OK) {
        return;
    }
    if (bp_predict(p, y, x, BP_F64, 1) != BP_OK && !*bp_error()) {
        abort();
    }
    bp_predictor_free(p);
}

static inline void import_input(const uint8_t *data, size_t size, const bp_import_options *options)
{
    bp_model *m;
    if (bp_model_import(&m, input_path(data, size), options) != BP_OK) {
        if (m || !*bp_error()) {
            abort();
        }
        return;
    }
    import_predict(m);
    if (bp_model_save(m, "/dev/null") != BP_OK) { /* weights are finite: that was looked at */
        abort();
    }
    bp_model_free(m);
}

#endif
