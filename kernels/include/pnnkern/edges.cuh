// What a launch of the kernels in networks/edges.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/edges.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/reach.cuh"

namespace pnn {
constexpr int EDGES_UNFIT = 78, EDGES_FLOATING = 77;   // faults: the higher one is told
// One block: what is no value of an edge is flagged, and nodes that float. marks: 2 n_nodes bytes.
PNN_D void edges_fit(long long n_nodes, long long n_edges, double lowest, int passes, const int* offsets, const int* neighbour, const int* edge,
                     const unsigned char* free, const double* value, unsigned char* marks, int* fault) {
    int closed = 0;
    for (long long e = threadIdx.x; e < n_edges; e += blockDim.x) {
        double x = value[e];
        if (!(x >= lowest && x - x == 0)) atomicMax(fault, EDGES_UNFIT);
        closed |= !(x > 0);
    }
    if (passes || !__syncthreads_or(closed)) return;
    bool all = all_reached(n_nodes, offsets, neighbour, edge, [&](long long i) { return !free[i]; }, [&](int e) { return value[e] > 0; }, marks);
    if (!all && threadIdx.x == 0) atomicMax(fault, EDGES_FLOATING);
}
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
