// What a launch of the kernels in networks/edges.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/edges.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
// sum over columns of (a_i - a_j)(b_i - b_j) for the edge of this thread, by `lanes` threads (a power of two up to 32) per edge.
// Calls use(edge, sum) in the first lane of each edge.
template <class T, class F>
PNN_D void edges_products(long long n_edges, long long columns, int lanes, const int* edges, const T* a, const T* b, F use) {
    long long total = n_edges * lanes, stride = (long long)gridDim.x * blockDim.x;
    long long first = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    for (long long t = first; t - threadIdx.x % 32 < total; t += stride) {   // whole warps stay together for the shuffles
        long long e = t / lanes;
        double sum = 0;
        if (t < total) {
            long long i = edges[2 * e] * columns, j = edges[2 * e + 1] * columns;
            for (long long c = t % lanes; c < columns; c += lanes) sum += ((double)a[i + c] - a[j + c]) * ((double)b[i + c] - b[j + c]);
        }
        for (int o = lanes / 2; o > 0; o /= 2) sum += __shfl_down_sync(0xffffffffu, sum, o, lanes);
        if (t < total && t % lanes == 0) use(e, sum);
    }
}
template <class T>
PNN_D void edges_contrast(long long n_edges, long long columns, int lanes, double scale, const int* edges, const T* a, const T* b, T* out) {
    edges_products(n_edges, columns, lanes, edges, a, b, [=](long long e, double sum) { out[e] = T(scale * sum); });
}
template <class T>
PNN_D void edges_update(long long n_edges, long long columns, int lanes, double scale, double step, double lower, double upper,
                        const int* edges, const T* a, const T* b, T* conductance) {
    edges_products(n_edges, columns, lanes, edges, a, b, [=](long long e, double sum) {
        double change = scale * sum;
        if (step > 0) change = change > 0 ? step : change < 0 ? -step : 0;
        double k = conductance[e] + change;
        conductance[e] = T(k < lower ? lower : k > upper ? upper : k);
    });
}
}  // namespace pnn
#endif
