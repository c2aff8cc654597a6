/* fuzz_torch.c - weights of PyTorch, for a network of one hidden layer. */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_import_options o = bp_import_defaults();
    o.net = "dense 2 tanh";
    import_input(data, size, &o);
    return 0;
}
