// Four numbers side by side: 16 bytes in one access, where the addresses allow it.
#pragma once
#include "pnnkern/platform.cuh"

namespace pnn {
// fetch: of what the launch does not write.
template <class T> PNN_D void fetch(const T* p, T* v) { for (int n = 0; n < 4; n++) v[n] = p[n]; }
template <class T> PNN_D void load(const T* p, T* v) { for (int n = 0; n < 4; n++) v[n] = p[n]; }
template <class T> PNN_D void store(T* p, const T* v) { for (int n = 0; n < 4; n++) p[n] = v[n]; }
#ifdef __CUDA_ARCH__   // where a copy of four comes to one access for each value
PNN_D void fetch(const float* p, float* v) {
    asm("ld.global.nc.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v[0]), "=f"(v[1]), "=f"(v[2]), "=f"(v[3]) : "l"(p));
}
PNN_D void fetch(const double* p, double* v) {
    asm("ld.global.nc.v2.f64 {%0, %1}, [%2];" : "=d"(v[0]), "=d"(v[1]) : "l"(p));
    asm("ld.global.nc.v2.f64 {%0, %1}, [%2];" : "=d"(v[2]), "=d"(v[3]) : "l"(p + 2));
}
PNN_D void load(const float* p, float* v) {
    asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v[0]), "=f"(v[1]), "=f"(v[2]), "=f"(v[3]) : "l"(p) : "memory");
}
PNN_D void store(float* p, const float* v) {
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]) : "memory");
}
PNN_D void load(const double* p, double* v) {
    asm volatile("ld.global.v2.f64 {%0, %1}, [%2];" : "=d"(v[0]), "=d"(v[1]) : "l"(p) : "memory");
    asm volatile("ld.global.v2.f64 {%0, %1}, [%2];" : "=d"(v[2]), "=d"(v[3]) : "l"(p + 2) : "memory");
}
PNN_D void store(double* p, const double* v) {
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p), "d"(v[0]), "d"(v[1]) : "memory");
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p + 2), "d"(v[2]), "d"(v[3]) : "memory");
}
#endif
// Whether rows of so many numbers from this address on can be gone through four at a time.
template <class T> PNN_D bool in_fours(long long numbers, const T* p) { return numbers % 4 == 0 && (unsigned long long)p % 16 == 0; }
}  // namespace pnn
