// What a launch of the kernels in optics/detector.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/detector.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/wide.cuh"

namespace pnn {
constexpr int DETECTOR_THREADS = 128;

template <class T>
PNN_D void detector_powers(long long batch, long long pixels, long long regions, const long long* start, const int* pixel,
                           const complex<T>* field, T* power, double* sums, int* fault) {
    for (long long i = blockIdx.x; i < batch * regions; i += gridDim.x) {
        const complex<T>* u = field + i / regions * pixels;
        long long r = i % regions;
        double sum = 0;
        for (long long k = start[r] + threadIdx.x; k < start[r + 1]; k += DETECTOR_THREADS) {
            complex<T> v = u[pixel[k]];
            sum += (double)v.re * v.re + (double)v.im * v.im;
        }
        sums[threadIdx.x] = sum;
        __syncthreads();
        for (int half = DETECTOR_THREADS / 2; half > 0; half /= 2) {
            if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            T total = T(sums[0]);
            power[i] = total;
            if (!(total - total == T(0))) atomicMax(fault, 5);
        }
        __syncthreads();
    }
}
// x goes along the pixels, y along the fields. What lies in no region is not read.
template <class T, int W>
PNN_D void powers_vjp(long long batch, long long pixels, long long regions, const int* label, const T* cotangent, const complex<T>* field,
                      complex<T>* out) {
    for (long long b = blockIdx.y; b < batch; b += gridDim.y) {
        const complex<T>* u = field + b * pixels;
        const T* g = cotangent + b * regions;
        PNN_UNROLL_BY(1)
        for (long long p = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); p < pixels; p += W * ((long long)gridDim.x * blockDim.x)) {
            values<T, W> v;
            PNN_UNROLL
            for (int i = 0; i < W; i++) {
                const int r = label[p + i];
                v.z[i] = {0, 0};
                if (r >= 0) v.z[i] = (2 * g[r]) * u[p + i];
            }
            store<W>(out + b * pixels + p, v);
        }
    }
}
template <class T>
PNN_D void detector_powers_vjp(long long batch, long long pixels, long long regions, const int* label, const T* cotangent,
                               const complex<T>* field, complex<T>* out) {
    if (WIDE<T> > 1 && whole(pixels, out, out, out)) powers_vjp<T, WIDE<T>>(batch, pixels, regions, label, cotangent, field, out);
    else powers_vjp<T, 1>(batch, pixels, regions, label, cotangent, field, out);
}
template <class T, int W> PNN_D void intensity(long long pixels, const complex<T>* field, T* out) {
    PNN_UNROLL_BY(1)
    for (long long i = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); i < pixels; i += W * ((long long)gridDim.x * blockDim.x)) {
        const values<T, W> u = load<W>(field + i);
        PNN_UNROLL
        for (int j = 0; j < W; j++) out[i + j] = abs2(u.z[j]);
    }
}
template <class T> PNN_D void detector_intensity(long long pixels, const complex<T>* field, T* out) {
    if (WIDE<T> > 1 && whole(pixels, field, field, field)) intensity<T, WIDE<T>>(pixels, field, out);
    else intensity<T, 1>(pixels, field, out);
}
}  // namespace pnn
#endif
