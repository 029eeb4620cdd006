// Complex numbers side by side, W at a time: 16 bytes in one access, where the addresses allow it.
#pragma once
#include "pnnkern/complex.cuh"

namespace pnn {
template <class T> constexpr int WIDE = 16 / sizeof(complex<T>);

template <class T, int W> struct alignas(W * sizeof(complex<T>)) values { complex<T> z[W]; };

template <int W, class T> PNN_D values<T, W> load(const complex<T>* p) { return *reinterpret_cast<const values<T, W>*>(p); }
template <int W, class T> PNN_D void store(complex<T>* p, const values<T, W>& v) {
#ifdef __CUDA_ARCH__   // where an assignment of the whole comes to one store for each number
    if constexpr (W == 2) {
        asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v.z[0].re), "f"(v.z[0].im), "f"(v.z[1].re), "f"(v.z[1].im) : "memory");
        return;
    }
#endif
    *reinterpret_cast<values<T, W>*>(p) = v;
}

// Whether rows of so many numbers from these addresses on can be gone through WIDE at a time, where that is more than one.
template <class T> PNN_D bool whole(long long numbers, const complex<T>* a, const complex<T>* b, const complex<T>* c) {
    return numbers % WIDE<T> == 0 && ((unsigned long long)a | (unsigned long long)b | (unsigned long long)c) % 16 == 0;
}
}  // namespace pnn
