/* simd.h - the vector type of this compilation and its operations, the same few names for every instruction set.
 *
 *   real, vec, VL    element, vector, lanes
 *   bits             unsigned integers of the same lanes; (bits)v and (vec)b reinterpret
 *   mask             result of a comparison
 * + - * / work on vec, + - & | << >> on bits. v_..._n versions touch n lanes of memory, 0 <= n <= VL, and nothing else.
 * Every lane is computed alike, so a result does not depend on the lane it is computed in.
 *
 * Fused multiply-adds are written out (v_fma), never left to the compiler. */
#ifndef BP_KERNEL_SIMD_H
#define BP_KERNEL_SIMD_H

#include <string.h>

#include "kernel/element.h"

/* Registers decide how much of C the GEMM keeps in them (BP_REGISTERS: how many vectors the CPU can name). */
#if defined(BP_ISA_AVX512)
#define BP_SET_NAME  "avx512"
#define BP_REGISTERS 32
#include "kernel/vector/simd_avx512.h"
#elif defined(BP_ISA_AVX2)
#define BP_SET_NAME  "avx2"
#define BP_REGISTERS 16
#include "kernel/vector/simd_avx2.h"
#elif defined(BP_ISA_NEON)
#define BP_SET_NAME  "neon"
#define BP_REGISTERS 32
#include "kernel/vector/simd_neon.h"
#else
#error "define BP_ISA_AVX512, BP_ISA_AVX2 or BP_ISA_NEON"
#endif

/* The next loop, of a constant number of turns, is unrolled completely. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* IEEE 754 layout of the element. */
#if defined(BP_KERNEL_F32)
typedef uint32_t word;
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#define SIGN_BIT      UINT32_C(0x80000000)
#else
typedef uint64_t word;
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define SIGN_BIT      UINT64_C(0x8000000000000000)
#endif
typedef word bits __attribute__((vector_size(sizeof(vec))));

BP_INLINE bits b_set(word w)
{
    return (bits){0} + w;
}

BP_INLINE vec v_abs(vec a)
{
    return (vec)((bits)a & b_set(~SIGN_BIT));
}

/* |a| with the sign of s. */
BP_INLINE vec v_copysign(vec a, vec s)
{
    return (vec)(((bits)a & b_set(~SIGN_BIT)) | ((bits)s & b_set(SIGN_BIT)));
}

BP_INLINE vec v_neg(vec a)
{
    return (vec)((bits)a ^ b_set(SIGN_BIT));
}

/* Up to VL elements into lanes; the other lanes get zero. */
BP_INLINE vec v_load_upto(const real *p, size_t n)
{
    return n >= VL ? v_load(p) : v_load_n(p, n);
}

BP_INLINE void v_store_upto(real *p, vec v, size_t n)
{
    if (n >= VL) {
        v_store(p, v);
    } else {
        v_store_n(p, v, n);
    }
}

/* Stores, or adds, up to VL lanes. */
BP_INLINE void v_put(real *to, vec v, size_t n, bool add)
{
    v_store_upto(to, add ? (vec)(v_load_upto(to, n) + v) : v, n);
}

/* Transposes VL vectors: VL-fold perfect shuffles, log2(VL) rounds of them. */
BP_INLINE void v_transpose(vec r[VL])
{
    UNROLL for (int round = 1; round < VL; round *= 2)
    {
        vec t[VL];
        UNROLL for (int i = 0; i < VL / 2; i++)
        {
            t[2 * i] = v_zip_lo(r[i], r[i + VL / 2]);
            t[2 * i + 1] = v_zip_hi(r[i], r[i + VL / 2]);
        }
        UNROLL for (int i = 0; i < VL; i++)
        {
            r[i] = t[i];
        }
    }
}

#endif
