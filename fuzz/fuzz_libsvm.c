/* fuzz_libsvm.c - LIBSVM text. */
#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const first[] = {"1"}, *const wanted[] = {"column0", "column40"};
    const char *path = input_path(data, size);
    bp_table_options o = bp_table_defaults();
    bp_table *t;
    (void)bp_libsvm_looks((const char *)data, size);
    bp_status status = bp_libsvm_table(&t, path, &o);
    table_demand(status, t);
    if (status == BP_OK) { /* once more, with numbers as texts, and columns that the file does not have */
        o.text = first;
        o.text_count = 1;
        o.number = wanted;
        o.number_count = 2;
        status = bp_libsvm_table(&t, path, &o);
        table_demand(status, t);
    }
    return 0;
}
