// What a launch of the kernels in learning/shake.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/shake.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/philox.cuh"

namespace pnn {
constexpr int SHAKE_PARTS = 64;   // blocks that look for the largest value of an array. Twin, caller: learning/hardware_aware.py.

// Blocks (SHAKE_PARTS, arrays): parts[array][block] is the largest |p| that the block has seen, NaN if one is NaN.
template <class T> PNN_D void shake_largest(long long n, const T* p, T* part, T* seen) {
    T most = T(0);
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        most = larger(most, p[i] < T(0) ? -p[i] : p[i]);
    for (int o = 16; o > 0; o /= 2) most = larger(most, (T)__shfl_xor_sync(0xffffffffu, most, o));
    if (threadIdx.x % 32 == 0) seen[threadIdx.x / 32] = most;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int w = 1; w < (int)blockDim.x / 32; w++) most = larger(most, seen[w]);
    *part = most;
}

// Blocks (any, arrays), of whole warps: each warp looks at all parts, a thread takes quads.
template <class T>
PNN_D void shake_add(long long n, double noise, rng_key key, T low, T high, const T* part, const T* p, T* out) {
    T most = T(0);
    for (int i = threadIdx.x % 32; i < SHAKE_PARTS; i += 32) most = larger(most, part[i]);
    for (int o = 16; o > 0; o /= 2) most = larger(most, (T)__shfl_xor_sync(0xffffffffu, most, o));
    const T size = T(noise * (double)most);
    for (long long q = blockIdx.x * (long long)blockDim.x + threadIdx.x; 4 * q < n; q += (long long)gridDim.x * blockDim.x) {
        T z[4];
        normal4(key, q, 0, z);
        PNN_UNROLL
        for (int j = 0; j < 4; j++) {
            if (4 * q + j >= n) continue;
            T w = add_(p[4 * q + j], mul_(size, z[j]));
            w = w < low ? low : w;
            out[4 * q + j] = w > high ? high : w;
        }
    }
}
}  // namespace pnn
#endif
