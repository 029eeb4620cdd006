// Cells of a crossbar that carry g f(v): what Newton's method asks of all of them. Twin: crossbar/characteristic.py.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/characteristic.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/own.cuh"

namespace pnn {
// cells times reads values; g of each cell, or (sets > 1) of each cell and read
template <class T>
PNN_D void characteristic_linear(long long cells, long long reads, long long sets, const T* constants, const T* g, const T* v, T* slope,
                                 T* slopes, T* known) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < cells * reads; i += (long long)gridDim.x * blockDim.x) {
        T conductance = g[sets > 1 ? i : i / reads], steep = own_slope(v[i], constants), along = conductance * steep;
        slope[i] = steep;
        slopes[i] = along;
        known[i] = conductance * own_f(v[i], constants) - along * v[i];
    }
}
template <class T>
PNN_D void characteristic_tried(long long cells, long long reads, long long sets, const T* constants, const T* g, const T* slope,
                                const T* part, const T* word, const T* to_word, const T* bit, const T* to_bit, const T* current,
                                const T* to_current, T* w, T* u, T* j, T* off, T* growth) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < cells * reads; i += (long long)gridDim.x * blockDim.x) {
        T t = part[i % reads], a = word[i] + t * (to_word[i] - word[i]), b = bit[i] + t * (to_bit[i] - bit[i]);
        T c = current[i] + t * (to_current[i] - current[i]), left = g[sets > 1 ? i : i / reads] * own_f(a - b, constants) - c;
        w[i] = a;
        u[i] = b;
        j[i] = c;
        off[i] = left < 0 ? -left : left;
        growth[i] = own_slope(a - b, constants) / slope[i];
    }
}
}  // namespace pnn
#endif
