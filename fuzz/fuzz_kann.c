/* fuzz_kann.c - networks of KANN. */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_import_options o = bp_import_defaults();
    import_input(data, size, &o);
    return 0;
}
