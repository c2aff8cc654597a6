/* version.c - `backprop version`: what is running, for people and bug reports. */
#include "options.h"
#include "output.h"

const char *compiler_text(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

static void version_json(void)
{
    json_t *o = json_object(), *sets = json_array();
    for (size_t i = 0; bp_kernel_available(i) != NULL; i++) {
        json_array_append_new(sets, json_string(bp_kernel_available(i)));
    }
    json_put_text(o, "version", bp_version());
    json_put_text(o, "kernel", bp_kernel_name());
    json_object_set_new(o, "kernels", sets);
    json_put_size(o, "threads", (size_t)bp_threads_available());
    json_put_text(o, "compiler", compiler_text());
    json_print(stdout, o);
}

exit_code run_version(const options *o)
{
    if (given(o, OPT_JSON)) {
        version_json();
        return CODE_OK;
    }
    printf("backprop %s\nkernel    %s (this CPU can run:", bp_version(), bp_kernel_name());
    for (size_t i = 0; bp_kernel_available(i) != NULL; i++) {
        printf(" %s", bp_kernel_available(i));
    }
    printf(")\nthreads   %d\ncompiler  %s\n", bp_threads_available(), compiler_text());
    return CODE_OK;
}
