// What a launch of the kernels in networks/small_networks.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/small_networks.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
// entry (r, c), c <= r, of a packed lower triangle
PNN_HD long long small_packed(long long r, long long c) { return r * (r + 1) / 2 + c; }

constexpr int SMALL_ACROSS = 8;   // threads that share a row; a block has a multiple of them

// place[i] is the row of node i among the free ones, -1 if it is held; out[network, sample, node] holds the held voltages and receives
// the rest. `work` keeps the factors if they do not fit the shared memory; null otherwise.
template <class T>
PNN_D void small_networks_solve(long long networks, long long batch, long long n_nodes, long long n_edges, long long n_free, const int* place,
                                const int* edges, const T* conductance, T* work, T* out, T* shared, int* fault) {
    long long size = n_free * (n_free + 1) / 2;
    for (long long m = blockIdx.x; m < networks; m += gridDim.x) {
        T* a = work ? work + m * size : shared;
        const T* g = conductance + m * n_edges;
        __syncthreads();
        for (long long k = threadIdx.x; k < size; k += blockDim.x) a[k] = 0;
        __syncthreads();
        for (long long e = threadIdx.x; e < n_edges; e += blockDim.x) {   // one edge between two nodes at most
            int i = place[edges[2 * e]], j = place[edges[2 * e + 1]];
            if (i >= 0 && j >= 0) a[i > j ? small_packed(i, j) : small_packed(j, i)] -= g[e];
        }
        for (long long i = threadIdx.x; i < n_nodes; i += blockDim.x) {   // each node's edges in order
            if (place[i] < 0) continue;
            T sum = 0;
            for (long long e = 0; e < n_edges; e++)
                if (edges[2 * e] == i || edges[2 * e + 1] == i) sum += g[e];
            a[small_packed(place[i], place[i])] = sum;
        }
        __syncthreads();
        for (long long k = 0; k < n_free; k++) {   // right-looking: column k, then what is left of it in the others, whose entries all share
            T pivot = a[small_packed(k, k)];
            if (!(pivot > 0)) {
                if (threadIdx.x == 0) atomicMax(fault, 60);
                pivot = 1;
            }
            T root = sqrt(pivot);
            for (long long r = k + 1 + threadIdx.x; r < n_free; r += blockDim.x) a[small_packed(r, k)] /= root;
            __syncthreads();
            if (threadIdx.x == 0) a[small_packed(k, k)] = root;
            for (long long r = k + 1 + threadIdx.x / SMALL_ACROSS; r < n_free; r += blockDim.x / SMALL_ACROSS) {
                T x = a[small_packed(r, k)];
                for (long long c = k + 1 + threadIdx.x % SMALL_ACROSS; c <= r; c += SMALL_ACROSS) a[small_packed(r, c)] -= x * a[small_packed(c, k)];
            }
            __syncthreads();
        }
        for (long long s = threadIdx.x; s < batch; s += blockDim.x) {   // a sample per thread; free entries of out are the unknowns
            T* v = out + (m * batch + s) * n_nodes;
            for (long long i = 0; i < n_nodes; i++)
                if (place[i] >= 0) v[i] = 0;
            for (long long e = 0; e < n_edges; e++) {
                int i = edges[2 * e], j = edges[2 * e + 1];
                if (place[i] >= 0 && place[j] < 0) v[i] += g[e] * v[j];
                if (place[j] >= 0 && place[i] < 0) v[j] += g[e] * v[i];
            }
            for (long long i = 0; i < n_nodes; i++) {
                long long r = place[i];
                if (r < 0) continue;
                T sum = v[i];
                for (long long j = 0; j < i; j++)
                    if (place[j] >= 0) sum -= a[small_packed(r, place[j])] * v[j];
                v[i] = sum / a[small_packed(r, r)];
            }
            for (long long i = n_nodes - 1; i >= 0; i--) {
                long long r = place[i];
                if (r < 0) continue;
                T sum = v[i];
                for (long long j = i + 1; j < n_nodes; j++)
                    if (place[j] >= 0) sum -= a[small_packed(place[j], r)] * v[j];
                v[i] = sum / a[small_packed(r, r)];
            }
        }
    }
}
}  // namespace pnn
#endif
