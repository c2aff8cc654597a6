/* dispatch.c - which kernel set is used: the best one that this build has and this CPU can run, or the one asked for.
 *
 * The choice is the library's one mutable global, a single atomic index. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "kernel/kernel.h"
#include "kernel/sets.h"

typedef struct kernel_set {
    const bp_kernels *f32, *f64;
    bool (*runs_here)(void);
} kernel_set;

/* The compiler's check includes the operating system's support of the wide registers (XGETBV). */
#ifdef BP_HAVE_AVX512
static bool cpu_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma");
}
#endif

#ifdef BP_HAVE_AVX2
static bool cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static bool always(void)
{
    return true; /* NEON is part of the aarch64 baseline */
}

/* Best first. */
static const kernel_set sets[] = {
#ifdef BP_HAVE_AVX512
    {&bp_kernels_avx512_f32, &bp_kernels_avx512_f64, cpu_has_avx512},
#endif
#ifdef BP_HAVE_AVX2
    {&bp_kernels_avx2_f32, &bp_kernels_avx2_f64, cpu_has_avx2},
#endif
#ifdef BP_HAVE_NEON
    {&bp_kernels_neon_f32, &bp_kernels_neon_f64, always},
#endif
    {&bp_kernels_portable_f32, &bp_kernels_portable_f64, always},
};
enum { SET_COUNT = sizeof sets / sizeof *sets };

static atomic_int chosen = -1; /* index in sets, or -1: not yet looked */

/* The index-th set that runs here, or NULL. */
static const kernel_set *available_set(size_t index)
{
    for (size_t i = 0; i < SET_COUNT; i++) {
        if (sets[i].runs_here() && index-- == 0) {
            return &sets[i];
        }
    }
    return NULL;
}

static const kernel_set *find_set(const char *name)
{
    for (size_t i = 0; i < SET_COUNT; i++) {
        if (strcmp(sets[i].f32->name, name) == 0) {
            return sets[i].runs_here() ? &sets[i] : NULL;
        }
    }
    return NULL;
}

/* Two threads may look at the CPU at once: they see the same. */
static const kernel_set *current_set(void)
{
    int index = atomic_load_explicit(&chosen, memory_order_acquire);
    if (index < 0) {
        int none = -1;
        index = (int)(available_set(0) - sets);
        if (!atomic_compare_exchange_strong(&chosen, &none, index)) {
            index = none; /* bp_kernel_select came in between */
        }
    }
    return &sets[index];
}

const bp_kernels *bp_kernels_for(bp_type type)
{
    const kernel_set *set = current_set();
    return type == BP_F64 ? set->f64 : set->f32;
}

const bp_kernels *bp_kernels_named(const char *name, bp_type type)
{
    const kernel_set *set = find_set(name);
    if (!set) {
        return NULL;
    }
    return type == BP_F64 ? set->f64 : set->f32;
}

const char *bp_kernel_available(size_t index)
{
    const kernel_set *set = available_set(index);
    return set ? set->f32->name : NULL;
}

const char *bp_kernel_name(void)
{
    return current_set()->f32->name;
}

bp_status bp_kernel_select(const char *name)
{
    const kernel_set *set = name ? find_set(name) : NULL;
    if (!set) {
        char valid[64] = "";
        for (size_t i = 0; bp_kernel_available(i); i++) {
            size_t used = strlen(valid);
            snprintf(valid + used, sizeof valid - used, "%s%s", used ? ", " : "", bp_kernel_available(i));
        }
        return bp_fail(BP_ERR_UNSUPPORTED,
                       "selecting kernels: \"%s\" is unknown or cannot run on this CPU (available here: %s)",
                       name ? name : "(null)", valid);
    }
    atomic_store_explicit(&chosen, (int)(set - sets), memory_order_release);
    return BP_OK;
}
