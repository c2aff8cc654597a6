/* support.h - what the tests share: cmocka, the real data, the kernel set to test with. */
#ifndef BP_TEST_SUPPORT_H
#define BP_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backprop/backprop.h"
#include "counter.h"

/* Fails with the library's own words. */
static inline void expect_ok(bp_status status, const char *file, int line)
{
    if (status != BP_OK) {
        print_error("%s: %s\n", bp_status_name(status), bp_error());
        _fail(file, line);
    }
}
#define assert_ok(call) expect_ok((call), __FILE__, __LINE__)

/* |a - b| <= tolerance max(|a|, |b|, 1); NaN fails. */
static inline void expect_near(double a, double b, double tolerance, const char *file, int line)
{
    double size = a < 0 ? -a : a, other = b < 0 ? -b : b, diff = a < b ? b - a : a - b;
    size = other > size ? other : size;
    size = size > 1 ? size : 1;
    if (!(diff <= tolerance * size)) {
        print_error("%.17g and %.17g differ by %g\n", a, b, diff);
        _fail(file, line);
    }
}
#define assert_near(a, b, tolerance) expect_near((a), (b), (tolerance), __FILE__, __LINE__)

/* BACKPROP_TEST_KERNEL forces a kernel set on a whole test program. Used as a group set-up. */
static inline int choose_kernel(void **state)
{
    (void)state;
    const char *name = getenv("BACKPROP_TEST_KERNEL");
    if (name && bp_kernel_select(name) != BP_OK) {
        print_error("%s\n", bp_error());
        return -1;
    }
    return 0;
}

/* The folder of real data, or NULL. */
static inline const char *real_data(void)
{
    const char *dir = getenv("BACKPROP_DATA");
    if (!dir) {
        dir = BP_SOURCE_DIR "/../shared/data";
    }
    static char probe[512];
    snprintf(probe, sizeof probe, "%s/mnist/t10k-labels-idx1-ubyte.gz", dir);
    FILE *f = fopen(probe, "rb");
    if (!f) {
        return NULL;
    }
    fclose(f);
    return dir;
}

#endif
