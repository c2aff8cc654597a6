/* fuzz_model.c - model files. What can be loaded predicts, and can be saved. */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_model *m;
    if (bp_model_load(&m, input_path(data, size), NULL) != BP_OK) {
        if (m || !*bp_error()) {
            abort();
        }
        return 0;
    }
    import_predict(m);
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
