// 1 / x of sums of conductances, without a branch on a GPU: to the last bit or the one before it, and 0 of 0, as a node that nothing reaches
// stays at zero.
#pragma once
#include "pnnkern/platform.cuh"

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
}  // namespace pnn
