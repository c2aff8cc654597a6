/* sets.h - the kernel tables that a build may contain; BP_HAVE_AVX2, BP_HAVE_AVX512 and BP_HAVE_NEON say which. */
#ifndef BP_KERNEL_SETS_H
#define BP_KERNEL_SETS_H

#include "kernel/kernel.h"

extern const bp_kernels bp_kernels_portable_f32, bp_kernels_portable_f64;
extern const bp_kernels bp_kernels_avx2_f32, bp_kernels_avx2_f64;
extern const bp_kernels bp_kernels_avx512_f32, bp_kernels_avx512_f64;
extern const bp_kernels bp_kernels_neon_f32, bp_kernels_neon_f64;

#endif
