// Complex numbers as pairs of IEEE 754 16-bit floats in 32 bits, the real part below, times a power of two that a whole row of a field shares: the
// largest part of the row comes to 2^14 .. 2^15, so parts down to 2^-28 of it keep their 11 bits.
#pragma once
#include "pnnkern/complex.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#include <cstring>
#endif

namespace pnn {
#ifdef __CUDA_ARCH__
PNN_HD unsigned bits_(float x) { return __float_as_uint(x); }
PNN_HD float of_bits_(unsigned u) { return __uint_as_float(u); }
#else
PNN_HD unsigned bits_(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
PNN_HD float of_bits_(unsigned u) { float x; memcpy(&x, &u, 4); return x; }
#endif
// A float to the nearest half, ties to even, and back.
PNN_HD unsigned to_half(float x) {
#ifdef __CUDA_ARCH__
    unsigned short h;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
    return h;
#else
    unsigned u = bits_(x), sign = (u & 0x80000000u) >> 16;
    u &= 0x7fffffffu;
    if (u >= 143u << 23) return sign | (u > 0x7f800000u ? 0x7e00u : 0x7c00u);                    // 2^16 and more
    if (u < 113u << 23) return sign | (bits_(of_bits_(u) + 0.5f) - (126u << 23));   // less than 2^-14: the sum rounds
    return sign | ((u - (112u << 23) + 0xfff + (u >> 13 & 1)) >> 13);
#endif
}
PNN_HD float from_half(unsigned h) {
#ifdef __CUDA_ARCH__
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"((unsigned short)h));
    return x;
#else
    unsigned u = (h & 0x7fffu) << 13, exponent = u & 0x7c00u << 13;
    u += 112u << 23;
    if (exponent == 0x7c00u << 13) u += 112u << 23;
    if (exponent == 0) u = bits_(of_bits_(u + (1u << 23)) - of_bits_(113u << 23));
    return of_bits_(u | (h & 0x8000u) << 16);
#endif
}
template <class T> PNN_HD int to_halves(complex<T> z) { return (int)(to_half((float)z.re) | to_half((float)z.im) << 16); }
template <class T> PNN_HD complex<T> from_halves(int word) { return {T(from_half((unsigned)word & 0xffffu)), T(from_half((unsigned)word >> 16))}; }

PNN_HD float greater(float a, float b) { return fmaxf(a, b); }   // a NaN counts for nothing
PNN_HD double greater(double a, double b) { return fmax(a, b); }

// k of the power 2^k that a row shares whose largest part is x: that part over 2^k lies in 2^14 .. 2^15. Rows without light, or with infinite
// values, have k = 0; those with less than 2^-101 the k of that.
PNN_HD int row_exponent(float x) {
    if (!(x > 0 && x - x == 0)) return 0;
    const int e = (int)(bits_(x) >> 23) - 126;
    return (e < -100 ? -100 : e) - 15;
}
PNN_HD int row_exponent(double x) {
    if (!(x > 0 && x - x == 0)) return 0;
    int e;
    frexp(x, &e);
    return (e < -100 ? -100 : e) - 15;
}
PNN_HD float power(float, int k) { return of_bits_((unsigned)(k + 127) << 23); }   // 2^k
PNN_HD double power(double, int k) { return ldexp(1.0, k); }

#ifdef PNN_DEVICE
constexpr int HALVES_THREADS = 128;

// A block does a row at a time. most: what each of its threads has found.
template <class T> PNN_D void halves_put(long long rows, long long nx, const complex<T>* field, int* words, T* scale, T* most) {
    for (long long y = blockIdx.x; y < rows; y += gridDim.x) {
        const complex<T>* u = field + y * nx;
        T largest = 0;
        for (long long x = threadIdx.x; x < nx; x += HALVES_THREADS)
            largest = greater(largest, greater(u[x].re < 0 ? -u[x].re : u[x].re, u[x].im < 0 ? -u[x].im : u[x].im));
        most[threadIdx.x] = largest;
        __syncthreads();
        for (int half = HALVES_THREADS / 2; half > 0; half /= 2) {
            if ((int)threadIdx.x < half) most[threadIdx.x] = greater(most[threadIdx.x], most[threadIdx.x + half]);
            __syncthreads();
        }
        const int k = row_exponent(most[0]);
        const T over = power(T(), -k);
        if (threadIdx.x == 0) scale[y] = power(T(), k);
        for (long long x = threadIdx.x; x < nx; x += HALVES_THREADS) words[y * nx + x] = to_halves(over * u[x]);
        __syncthreads();
    }
}
template <class T> PNN_D void halves_take(long long rows, long long nx, const int* words, const T* scale, complex<T>* field) {
    for (long long y = blockIdx.x; y < rows; y += gridDim.x)
        for (long long x = threadIdx.x; x < nx; x += blockDim.x) field[y * nx + x] = scale[y] * from_halves<T>(words[y * nx + x]);
}
#endif
}  // namespace pnn
