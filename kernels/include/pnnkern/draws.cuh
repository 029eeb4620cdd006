// Rows of draws, a quad for each thread: what kernels share that fill an array with them.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/draws.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/philox.cuh"

namespace pnn {
// Four neighbours, moved at once where the address allows.
template <class T> struct alignas(sizeof(T) < 8 ? 4 * sizeof(T) : 16) four { T v[4]; };
template <class T> PNN_D bool aligned(const T* p) { return (u64)p % alignof(four<T>) == 0; }
template <class T> PNN_D void store(T* p, const four<T>& z) { *reinterpret_cast<four<T>*>(p) = z; }
#ifdef __CUDA_ARCH__   // where an assignment of the whole comes to one store for each value
PNN_D void store(unsigned* p, const four<unsigned>& z) {
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(z.v[0]), "r"(z.v[1]), "r"(z.v[2]), "r"(z.v[3]) : "memory");
}
PNN_D void store(float* p, const four<float>& z) {
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(z.v[0]), "f"(z.v[1]), "f"(z.v[2]), "f"(z.v[3]) : "memory");
}
PNN_D void store(double* p, const four<double>& z) {
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p), "d"(z.v[0]), "d"(z.v[1]) : "memory");
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p + 2), "d"(z.v[2]), "d"(z.v[3]) : "memory");
}
#endif
// Columns e .. e + 3 of a row of `elements`, which p points at; 0 outside.
template <class T> PNN_D four<T> load(const T* p, i64 e, i64 elements) {
    four<T> z;
    if (e >= 0 && e + 4 <= elements && aligned(p)) {
        z = *reinterpret_cast<const four<T>*>(p);
    } else {
        PNN_UNROLL
        for (int j = 0; j < 4; j++) z.v[j] = e + j >= 0 && e + j < elements ? p[j] : T(0);
    }
    return z;
}

PNN_D i64 sample_of(i64 row, i64 sample0, const i64* index, int* fault) {
    i64 sample = index ? index[row] : sample0 + row;
    if (sample < 0) atomicMax(fault, 4);
    return sample;
}

// draw(quad, sample, position, z): the draws of a quad; lane j belongs at out[position + j], and to this row where `inside` says so.
template <class T, class Draw>
PNN_D void fill(i64 samples, i64 elements, i64 element0, i64 sample0, const i64* index, T* out, int* fault, Draw draw) {
    i64 first = element0 >> 2, quads = ((element0 + elements + 3) >> 2) - first;
    for (i64 s = blockIdx.y * (i64)blockDim.y + threadIdx.y; s < samples; s += (i64)gridDim.y * blockDim.y) {
        i64 sample = sample_of(s, sample0, index, fault);
        for (i64 q = blockIdx.x * (i64)blockDim.x + threadIdx.x; q < quads; q += (i64)gridDim.x * blockDim.x) {
            i64 e = 4 * (first + q) - element0;   // column of lane 0: outside the row in cut quads
            four<T> z;
            draw(first + q, sample, e, s * elements + e, z.v);
            T* o = out + s * elements + e;
            if (e >= 0 && e + 4 <= elements && aligned(o)) {
                store(o, z);
            } else {
                PNN_UNROLL
                for (int j = 0; j < 4; j++) if (e + j >= 0 && e + j < elements) o[j] = z.v[j];
            }
        }
    }
}

template <class T>
PNN_D void fill_bernoulli(i64 samples, i64 elements, rng_key key, i64 element0, i64 sample0, const i64* index, const T* p,
                          unsigned char* out, int* fault) {
    fill(samples, elements, element0, sample0, index, out, fault, [=](i64 quad, i64 sample, i64 e, i64 position, unsigned char* z) {
        four<T> chance = load(p + position, e, elements);
        bool valid = true;
        PNN_UNROLL
        for (int j = 0; j < 4; j++) valid = valid && chance.v[j] >= T(0) && chance.v[j] <= T(1);
        if (!valid) atomicMax(fault, 3);
        bernoulli4(afresh(key), quad, sample, chance.v, z);
    });
}

template <class T>
PNN_D void fill_poisson(i64 samples, i64 elements, rng_key key, i64 element0, i64 sample0, const i64* index, const T* mean,
                        int* out, int* fault) {
    for (i64 s = blockIdx.y * (i64)blockDim.y + threadIdx.y; s < samples; s += (i64)gridDim.y * blockDim.y) {
        i64 sample = sample_of(s, sample0, index, fault);
        for (i64 e = blockIdx.x * (i64)blockDim.x + threadIdx.x; e < elements; e += (i64)gridDim.x * blockDim.x) {
            int n = poisson(key, element0 + e, sample, (double)mean[s * elements + e]);
            if (n < 0) atomicMax(fault, 2);
            out[s * elements + e] = n;
        }
    }
}
}  // namespace pnn
#endif
