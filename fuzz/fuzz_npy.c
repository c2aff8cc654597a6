/* fuzz_npy.c - NPY arrays and NPZ archives of them. */
#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const first[] = {"1"};
    const char *path = input_path(data, size);
    bool zip = size > 1 && data[0] == 'P' && data[1] == 'K';
    bp_table_options o = bp_table_defaults();
    bp_table *t;
    bp_status status = zip ? bp_npz_table(&t, path, &o) : bp_npy_table(&t, path, &o);
    table_demand(status, t);
    if (status == BP_OK) { /* once more, with numbers as texts */
        o.text = first;
        o.text_count = 1;
        status = zip ? bp_npz_table(&t, path, &o) : bp_npy_table(&t, path, &o);
        table_demand(status, t);
    }
    return 0;
}
