// What a launch of the kernels in networks/boltzmann.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/boltzmann.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/draws.cuh"
#include "pnnkern/layered.cuh"

namespace pnn {
PNN_D float exp_of(float x) { return expf(x); }
PNN_D double exp_of(double x) { return exp(x); }
template <class T> PNN_D T logistic(T x) { return T(0.5) + T(0.5) * tanh_(x / T(2)); }

// The class that a uniform falls into, by chances that sum to one.
template <class T> PNN_D int class_of(int classes, const T* chance, rng_key key, u64 sample) {
    T u = T(uniform(block(key, 0, sample).w[0])), reach = T(0);
    int number = 0;
    for (int c = 0; c < classes - 1; c++) {
        reach += chance[c];
        number += u >= reach;
    }
    return number;
}

// Shared memory: room = (hidden units; chances, pulls and means of classes), and the weights in rows of an odd length if `kept`; now: a class.
template <class T>
PNN_D void boltzmann_chain(i64 batch, int hidden, int classes, int settle, int sweeps, int kept, rng_key key, rng_key start, u64 of_hidden,
                           u64 of_classes, i64 sample0, const i64* index, const T* drive, const T* weight, const T* bias, const T* field,
                           T* drawn, T* given, T* mean, int* fault, T* room, int* now) {
    T *h = room, *chance = h + hidden, *pull = chance + classes, *sum = pull + classes;
    const T* w = weight;
    int pitch = kept ? classes | 1 : classes, lane = threadIdx.x % 32;
    if (kept) {
        T* copy = sum + classes;
        for (int e = threadIdx.x; e < hidden * classes; e += blockDim.x) copy[e / classes * pitch + e % classes] = weight[e];
        w = copy;
    }
    for (i64 b = blockIdx.x; b < batch; b += gridDim.x) {
        i64 sample = index ? index[b] : sample0 + b;
        if (sample < 0 && threadIdx.x == 0) atomicMax(fault, 4);
        for (int c = threadIdx.x; c < classes; c += blockDim.x) sum[c] = T(0), chance[c] = T(1) / T(classes);
        __syncthreads();
        if (threadIdx.x == 0) *now = class_of(classes, chance, start, (u64)sample);
        __syncthreads();
        for (int n = 0; n < settle + sweeps; n++) {
            rng_key own = fold_in(key, (u64)n), key_h = fold_in(own, of_hidden);
            int y = *now;
            i64 row = (i64)(n - settle) * batch + b;
            for (int j = threadIdx.x; j < hidden; j += blockDim.x) {
                T p = logistic(drive[b * hidden + j] + w[j * pitch + y]);
                if (!(p >= T(0) && p <= T(1))) atomicMax(fault, 3);
                words z = block(key_h, (u64)j >> 2, (u64)sample);
                u32 one = z.w[0], two = z.w[1];   // words j and j + 1 of four
                if (j % 4 == 1) one = z.w[1], two = z.w[2];
                if (j % 4 == 2) one = z.w[2], two = z.w[3];
                if (j % 4 == 3) one = z.w[3], two = z.w[0];
                h[j] = bernoulli((double)p, one, two) ? T(1) : T(0);
                if (n >= settle) given[row * hidden + j] = p;
            }
            __syncthreads();
            for (int c = threadIdx.x / 32; c < classes; c += blockDim.x / 32) {   // a warp for each class
                T total = T(0);
                for (int j = lane; j < hidden; j += 32) total += h[j] * w[j * pitch + c];
                for (int lanes = 16; lanes > 0; lanes /= 2) total += __shfl_down_sync(0xffffffffu, total, lanes);
                if (lane == 0) pull[c] = total + bias[c] + (field ? field[b * classes + c] : T(0));
            }
            __syncthreads();
            for (int c = threadIdx.x; c < classes; c += blockDim.x) {
                T most = pull[0], total = T(0);
                for (int k = 1; k < classes; k++) most = larger(most, pull[k]);
                for (int k = 0; k < classes; k++) total += exp_of(pull[k] - most);
                chance[c] = exp_of(pull[c] - most) / total;
                if (n >= settle) {
                    sum[c] += chance[c] / T(sweeps);
                    drawn[row * classes + c] = c == y ? T(1) : T(0);
                }
            }
            __syncthreads();
            if (threadIdx.x == 0) *now = class_of(classes, chance, fold_in(own, of_classes), (u64)sample);
            __syncthreads();
        }
        for (int c = threadIdx.x; c < classes; c += blockDim.x) mean[b * classes + c] = sum[c];
        __syncthreads();   // the next sample begins
    }
}

// A layer of units from what pulls them, x = slope ((pull + bias) + more): `one` with chance 1 / (1 + exp(-x)), else 0.
template <class T>
PNN_D void boltzmann_units(i64 samples, i64 units, T slope, T one, rng_key key, i64 sample0, const i64* index, const T* pull, const T* bias,
                           const T* more, T* out, int* fault) {
    fill(samples, units, 0, sample0, index, out, fault, [=](i64 quad, i64 sample, i64 e, i64 position, T* z) {
        four<T> x = load(pull + position, e, units), b = load(bias + e, e, units), chance;
        if (more) {
            four<T> m = load(more + position, e, units);
            PNN_UNROLL
            for (int j = 0; j < 4; j++) x.v[j] = (x.v[j] + b.v[j]) + m.v[j];
        } else {
            PNN_UNROLL
            for (int j = 0; j < 4; j++) x.v[j] += b.v[j];
        }
        bool good = true;
        PNN_UNROLL
        for (int j = 0; j < 4; j++) {
            chance.v[j] = logistic(slope * x.v[j]);
            good = good && chance.v[j] >= T(0) && chance.v[j] <= T(1);
        }
        if (!good) atomicMax(fault, 3);
        unsigned char bit[4];
        bernoulli4(key, (u64)quad, (u64)sample, chance.v, bit);
        PNN_UNROLL
        for (int j = 0; j < 4; j++) z[j] = bit[j] ? one : T(0);
    });
}
}  // namespace pnn
#endif
