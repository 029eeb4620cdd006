// What a launch of the kernels in learning/goodness.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/goodness.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/philox.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
constexpr int GOODNESS_THREADS = 256, GOODNESS_PARTS = 64;   // Twin, caller: learning/goodness.py, pnnkern/learning/forward_forward.py

// The sum of what all threads of a block have, to all of them: of pairs of lanes, of warps in their order.
PNN_D double goodness_sum(double x, double* warps) {
    for (int o = 16; o > 0; o /= 2) x += __shfl_xor_sync(0xffffffffu, x, o);
    __syncthreads();   // the sum before may still be read
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    double sum = warps[0];
    for (int w = 1; w < GOODNESS_THREADS / 32; w++) sum += warps[w];
    return sum;
}
PNN_D double log_one_plus_exp(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

template <class T>
PNN_D void goodness_pairs(i64 n, i64 values, i64 classes, i64 width, double level, rng_key key, const i64* index, const i64* labels,
                          const T* samples, T* out, i64* numbers) {
    for (i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < 2 * n * values; i += (i64)gridDim.x * blockDim.x) {
        const i64 row = i / values, value = i - row * values, s = row < n ? row : row - n;
        if (value == 0) numbers[row] = index[s];
        if (value >= classes * width) {
            out[i] = samples[s * values + value];
            continue;
        }
        i64 label = labels[s];
        if (row >= n) label = (label + 1 + block(key, 0, u64(index[s])).w[0] % u64(classes - 1)) % classes;
        out[i] = value / width == label ? T(level) : T(0);
    }
}

template <class T> PNN_D void goodness_parts(i64 samples, i64 values, const T* x, double* goodness, double* parts, double* warps) {
    for (int p = blockIdx.x; p < GOODNESS_PARTS; p += gridDim.x) {
        double part = 0.0;
        for (i64 s = p; s < samples; s += GOODNESS_PARTS) {
            double square = 0.0;
            for (i64 v = threadIdx.x; v < values; v += GOODNESS_THREADS) square = fma_(double(x[s * values + v]), double(x[s * values + v]), square);
            square = goodness_sum(square, warps) / double(values);
            if (threadIdx.x == 0) goodness[s] = square;
            part += square;
        }
        if (threadIdx.x == 0) parts[p] = part;
    }
}

template <class T>
PNN_D void goodness_learn(i64 samples, i64 values, int pairs, double sharpness, double memory, i64 batch, int counts, const T* x,
                          const double* goodness, const double* parts, const double* before, T* cotangent, T* level, double* losses,
                          double* ratings, double* threshold, double* warps) {
    const int me = threadIdx.x;
    const double now = goodness_sum(me < GOODNESS_PARTS ? parts[me] : 0.0, warps) / double(batch), last = *before;
    const double tau = last > 0 ? memory * last + (1 - memory) * now : now;
    if (blockIdx.x == 0 && me == 0) *threshold = tau;
    const i64 n = samples / 2;
    for (i64 s = blockIdx.x; s < samples; s += gridDim.x) {
        __syncthreads();   // what one thread says may still be read
        if (me == 0) {
            const double own = goodness[s], sign = s < n ? -1.0 : 1.0;
            double against;   // what the loss is log(1 + exp()) of
            if (pairs) against = -sharpness * (s < n ? own - goodness[n + s] : goodness[s - n] - own) / tau;
            else against = sign * (sharpness * (own / tau - 1));
            if (!(pairs && s >= n)) losses[s] = log_one_plus_exp(against);
            if (counts) ratings[s] = counts == 1 ? own / tau : ratings[s] + own / tau;
            warps[0] = 2.0 / double(values) * (sign * sharpness / tau / (1 + exp(-against)));   // of the loss, by the goodness, by the outputs
            warps[1] = sqrt(own);
        }
        __syncthreads();
        const double scale = warps[0];
        const T tiny = sizeof(T) == 4 ? T(1.17549435e-38f) : T(2.2250738585072014e-308), rms = larger(T(warps[1]), tiny);
        for (i64 v = me; v < values; v += GOODNESS_THREADS) {
            const T value = x[s * values + v];
            cotangent[s * values + v] = T(scale * double(value));
            if (level) level[s * values + v] = value / rms;
        }
    }
}

// One block.
PNN_D void goodness_rate(i64 samples, i64 stages, int pairs, const double* losses, const double* ratings, double* sums, double* warps) {
    const i64 n = samples / 2, each = pairs ? n : samples;
    for (i64 l = 0; l <= stages; l++) {
        double sum = 0.0;
        for (i64 s = threadIdx.x; s < (l < stages ? each : n); s += GOODNESS_THREADS)
            sum += l < stages ? losses[l * each + s] : double(ratings[s] > ratings[n + s]);
        sum = goodness_sum(sum, warps);
        if (threadIdx.x == 0) sums[l] = l < stages && !pairs ? sum / 2 : sum;
    }
}
}  // namespace pnn
#endif
