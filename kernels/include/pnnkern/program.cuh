// What a launch of the kernels in crossbar/program.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/program.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/philox.cuh"

namespace pnn {
// out = max(g + sigma z, 0)
template <class T>
PNN_D void program_perturb(i64 cells, rng_key key, i64 sample, const T* sigma, const T* g, T* out) {
    for (i64 q = blockIdx.x * (i64)blockDim.x + threadIdx.x; 4 * q < cells; q += (i64)gridDim.x * blockDim.x) {
        T z[4];
        normal4(key, q, sample, z);
        PNN_UNROLL
        for (int j = 0; j < 4; j++) {
            i64 c = 4 * q + j;
            if (c >= cells) break;
            T value = fma_(sigma[c], z[j], g[c]);
            out[c] = value < T(0) ? T(0) : value;
        }
    }
}
// out = g exp(-nu L), nu = |mean + std z|, L = ln((t + t0) / t0)
template <class T>
PNN_D void program_drift(i64 cells, rng_key key, i64 sample, double log_ratio, const T* mean, const T* std, const T* g, T* out) {
    for (i64 q = blockIdx.x * (i64)blockDim.x + threadIdx.x; 4 * q < cells; q += (i64)gridDim.x * blockDim.x) {
        T z[4];
        normal4(key, q, sample, z);
        PNN_UNROLL
        for (int j = 0; j < 4; j++) {
            i64 c = 4 * q + j;
            if (c >= cells) break;
            double nu = (double)fma_(std[c], z[j], mean[c]), decay = mul_(nu < 0 ? -nu : nu, log_ratio);
            out[c] = mul_(g[c], (T)exp_neg(decay < 690.0 ? decay : 690.0));
        }
    }
}
}  // namespace pnn
#endif
