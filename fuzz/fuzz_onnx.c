/* fuzz_onnx.c - ONNX graphs. What can be imported predicts, and can be exported. */
#include "import.h"

#include "format/import.h"

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
    import_predict(m);
    bp_status saved = bp_onnx_save(m, "/dev/null");
    if (saved != BP_OK && !*bp_error()) {
        abort();
    }
    bp_model_free(m);
    return 0;
}
