/* fuzz_fann.c - networks of FANN, with and without approximation. */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_import_options o = bp_import_defaults();
    import_input(data, size, &o);
    o.approximate = true;
    import_input(data, size, &o);
    return 0;
}
