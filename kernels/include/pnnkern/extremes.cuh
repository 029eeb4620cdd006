// The upper and the lower of two numbers, NaN if one of them is: as `larger`, in one instruction where there is one for it.
#pragma once
#include "pnnkern/platform.cuh"

namespace pnn {
template <class T> PNN_HD T upper(T a, T b) { return b > a || b != b ? b : a; }
template <class T> PNN_HD T lower(T a, T b) { return b < a || b != b ? b : a; }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
PNN_HD float upper(float a, float b) {
    float found;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(found) : "f"(a), "f"(b));
    return found;
}
PNN_HD float lower(float a, float b) {
    float found;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(found) : "f"(a), "f"(b));
    return found;
}
#endif
}  // namespace pnn
