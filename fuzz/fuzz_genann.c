/* fuzz_genann.c - the text of genann. */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_import_options o = bp_import_defaults();
    o.output = "linear";
    import_input(data, size, &o);
    return 0;
}
