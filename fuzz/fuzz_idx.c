/* fuzz_idx.c - IDX files, plain and gzip. What can be read is whole, and can be written. */
#include "input.h"

#include <backprop/io.h>

static size_t array_bytes(const bp_array *a)
{
    size_t bytes = bp_type_size(a->type);
    for (int i = 0; i < a->shape.dims; i++) {
        bytes *= a->shape.dim[i];
    }
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bp_array a;
    if (bp_idx_read(&a, input_path(data, size), NULL) != BP_OK) {
        if (a.data || !*bp_error()) {
            abort();
        }
        return 0;
    }
    size_t bytes = array_bytes(&a);
    volatile unsigned char sum = 0; /* every byte is really there */
    for (size_t i = 0; i < bytes; i++) {
        sum = (unsigned char)(sum + ((unsigned char *)a.data)[i]);
    }
    if (bp_idx_write("/dev/null", &a) != BP_OK) {
        abort();
    }
    bp_array_free(&a);
    return 0;
}
