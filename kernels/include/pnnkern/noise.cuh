// What a launch of the kernels in crossbar/noise.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/noise.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/cells.cuh"

namespace pnn {
// NOISE_LANES neighbouring outputs (quads of a row after another) and NOISE_SLICES slices of the inputs for a block: each thread adds up its slice of
// its quad, and the first of them the slices in their order.
constexpr int NOISE_LANES = 32, NOISE_SLICES = 8, NOISE_SLICE = 64;   // Twin: noise.py
template <class T>
PNN_D void noise_mvm(T (*parts)[NOISE_LANES][4], i64 batch, i64 n_in, i64 n_out, int kind, T p, rng_key key, i64 quad0, i64 sample0, const i64* index,
                     const T* v, const T* g, const T* a, T* out) {
    const i64 quads = (n_out + 3) / 4, all = batch * quads;
    const int lane = threadIdx.x % NOISE_LANES, part = threadIdx.x / NOISE_LANES;
    for (i64 first = blockIdx.x * (i64)NOISE_LANES; first < all; first += (i64)gridDim.x * NOISE_LANES) {
        const i64 t = first + lane, b = t / quads, q = t - b * quads;
        T total[4] = {};
        for (i64 begin = 0; begin < n_in; begin += NOISE_SLICES * NOISE_SLICE) {
            const i64 from = begin + part * NOISE_SLICE, to = from + NOISE_SLICE < n_in ? from + NOISE_SLICE : n_in;
            T sum[4] = {}, z[4];
            const i64 sample = t < all ? sample_of(b, sample0, index) : 0;
            for (i64 i = from; t < all && i < to; i++) {
                T x = v[b * n_in + i];
                cell_draws(kind, p, key, quad0 + i * quads + q, sample, z);
                PNN_UNROLL
                for (int j = 0; j < 4; j++) {
                    i64 c = 4 * q + j;
                    if (c < n_out) sum[j] = fma_(x, cell_value(kind, g[i * n_out + c], a[i * n_out + c], z[j]), sum[j]);
                }
            }
            PNN_UNROLL
            for (int j = 0; j < 4; j++) parts[part][lane][j] = sum[j];
            __syncthreads();
            if (part == 0)
                for (int s = 0; s < NOISE_SLICES && begin + s * NOISE_SLICE < n_in; s++)
                    PNN_UNROLL
                    for (int j = 0; j < 4; j++) total[j] = add_(total[j], parts[s][lane][j]);
            __syncthreads();
        }
        if (part == 0 && t < all)
            PNN_UNROLL
            for (int j = 0; j < 4; j++) if (4 * q + j < n_out) out[b * n_out + 4 * q + j] = total[j];
    }
}
template <class T>
PNN_D void noise_vjp_v(i64 batch, i64 n_in, i64 n_out, int kind, T p, rng_key key, i64 quad0, i64 sample0, const i64* index,
                       const T* cotangent, const T* g, const T* a, T* out) {
    i64 quads = (n_out + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * n_in; t += (i64)gridDim.x * blockDim.x) {
        i64 b = t / n_in, i = t % n_in, sample = sample_of(b, sample0, index);
        T sum = T(0), z[4];
        for (i64 q = 0; q < quads; q++) {
            cell_draws(kind, p, key, quad0 + i * quads + q, sample, z);
            PNN_UNROLL
            for (int j = 0; j < 4; j++) {
                i64 c = 4 * q + j;
                if (c < n_out) sum = fma_(cotangent[b * n_out + c], cell_value(kind, g[i * n_out + c], a[i * n_out + c], z[j]), sum);
            }
        }
        out[t] = sum;
    }
}
template <class T>
PNN_D void noise_vjp_g(i64 batch, i64 n_in, i64 n_out, int kind, T p, rng_key key, i64 quad0, i64 sample0, const i64* index, const T* v,
                       const T* cotangent, const T* g, const T* a, const T* da, T* out) {
    i64 quads = (n_out + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < n_in * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / quads, q = t % quads;
        T sum[4] = {}, z[4];
        for (i64 b = 0; b < batch; b++) {
            T x = v[b * n_in + i];
            cell_draws(kind, p, key, quad0 + t, sample_of(b, sample0, index), z);
            PNN_UNROLL
            for (int j = 0; j < 4; j++) {
                i64 c = 4 * q + j;
                if (c >= n_out) break;
                T slope = cell_slope(kind, g[i * n_out + c], a[i * n_out + c], da[i * n_out + c], z[j]);
                sum[j] = fma_(mul_(x, cotangent[b * n_out + c]), slope, sum[j]);
            }
        }
        PNN_UNROLL
        for (int j = 0; j < 4; j++) if (4 * q + j < n_out) out[i * n_out + 4 * q + j] = sum[j];
    }
}
}  // namespace pnn
#endif
