// 1 / x of sums of conductances, without a branch on a GPU: to the last bit or the one before it, and 0 of 0, as a node that nothing reaches
// stays at zero.
#pragma once
#include "pnnkern/platform.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#include <cstring>
#endif

namespace pnn {
PNN_HD float inverse_or_zero(float x) {
#if defined(__CUDA_ARCH__)
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return x >= 1.1754944e-38f ? r : 0.0f;
#else
    return x > 0.0f ? 1.0f / x : 0.0f;
#endif
}
PNN_HD double inverse_or_zero(double x) {
#if defined(__CUDA_ARCH__)
    double r;
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(x));   // to 20 bits
    const double error = __fma_rn(-x, r, 1.0);
    r = __fma_rn(r, __fma_rn(error, error, error), r);
    return x >= 2.2250738585072014e-308 ? r : 0.0;
#else
    return x > 0.0 ? 1.0 / x : 0.0;
#endif
}
// x is mantissa(x), from 1 to 2, over inverse_size(x), a power of two; of 0, as a node that nothing reaches has, they are 1 and something finite.
PNN_HD float mantissa(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    bits = (bits & 0x007fffffu) | 0x3f800000u;
    memcpy(&x, &bits, 4);
    return x;
}
PNN_HD float inverse_size(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    bits = 0x7f000000u - (bits & 0x7f800000u);
    memcpy(&x, &bits, 4);
    return x;
}
PNN_HD double mantissa(double x) {
    unsigned long long bits;
    memcpy(&bits, &x, 8);
    bits = (bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
    memcpy(&x, &bits, 8);
    return x;
}
PNN_HD double inverse_size(double x) {
    unsigned long long bits;
    memcpy(&bits, &x, 8);
    bits = 0x7fe0000000000000ull - (bits & 0x7ff0000000000000ull);
    memcpy(&x, &bits, 8);
    return x;
}
// 1 / x without a comparison, of 0 something finite: what comes of a node that nothing reaches is 0 times that.
PNN_HD float inverse_of_sum(float x) {
    x = x > 1.1754944e-38f ? x : 1.1754944e-38f;
#if defined(__CUDA_ARCH__)
    asm("rcp.approx.ftz.f32 %0, %0;" : "+f"(x));
    return x;
#else
    return 1.0f / x;
#endif
}
PNN_HD double inverse_of_sum(double x) {
#if defined(__CUDA_ARCH__)
    double r;
    const int high = __double2hiint(x);
    x = __hiloint2double(high > 0x00100000 ? high : 0x00100000, __double2loint(x));
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(x));   // to 20 bits
    const double error = __fma_rn(-x, r, 1.0);
    return __fma_rn(r, __fma_rn(error, error, error), r);
#else
    return 1.0 / (x > 2.2250738585072014e-308 ? x : 2.2250738585072014e-308);
#endif
}
// The root of such an inverse, to the last bit or the one before it.
PNN_HD float root_of_inverse(float x) { return sqrtf(x); }
PNN_HD double root_of_inverse(double x) {
#if defined(__CUDA_ARCH__)
    double r;
    asm("rsqrt.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(x));   // to 20 bits
    const double root = x * r, error = __fma_rn(-root, r, 1.0);
    return __fma_rn(root * error, __fma_rn(error, 0.375, 0.5), root);
#else
    return sqrt(x);
#endif
}
}  // namespace pnn
