// Many small resistor networks on one graph, each with conductances of its own: the grounded Laplacian packed in shared memory, dense
// Cholesky, and all samples of a network solved from one factor.
#include "pnnkern/platform.cuh"

namespace pnn {
// entry (r, c), c <= r, of a packed lower triangle
PNN_HD long long packed(long long r, long long c) { return r * (r + 1) / 2 + c; }

constexpr int ACROSS = 8;   // threads that share a row; a block has a multiple of them

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
            if (i >= 0 && j >= 0) a[i > j ? packed(i, j) : packed(j, i)] -= g[e];
        }
        for (long long i = threadIdx.x; i < n_nodes; i += blockDim.x) {   // each node's edges in order
            if (place[i] < 0) continue;
            T sum = 0;
            for (long long e = 0; e < n_edges; e++)
                if (edges[2 * e] == i || edges[2 * e + 1] == i) sum += g[e];
            a[packed(place[i], place[i])] = sum;
        }
        __syncthreads();
        for (long long k = 0; k < n_free; k++) {   // right-looking: column k, then what is left of it in the others, whose entries all share
            T pivot = a[packed(k, k)];
            if (!(pivot > 0)) {
                if (threadIdx.x == 0) atomicMax(fault, 60);
                pivot = 1;
            }
            T root = sqrt(pivot);
            for (long long r = k + 1 + threadIdx.x; r < n_free; r += blockDim.x) a[packed(r, k)] /= root;
            __syncthreads();
            if (threadIdx.x == 0) a[packed(k, k)] = root;
            for (long long r = k + 1 + threadIdx.x / ACROSS; r < n_free; r += blockDim.x / ACROSS) {
                T x = a[packed(r, k)];
                for (long long c = k + 1 + threadIdx.x % ACROSS; c <= r; c += ACROSS) a[packed(r, c)] -= x * a[packed(c, k)];
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
                    if (place[j] >= 0) sum -= a[packed(r, place[j])] * v[j];
                v[i] = sum / a[packed(r, r)];
            }
            for (long long i = n_nodes - 1; i >= 0; i--) {
                long long r = place[i];
                if (r < 0) continue;
                T sum = v[i];
                for (long long j = i + 1; j < n_nodes; j++)
                    if (place[j] >= 0) sum -= a[packed(place[j], r)] * v[j];
                v[i] = sum / a[packed(r, r)];
            }
        }
    }
}
}  // namespace pnn

// Voltages of the free nodes of each network, for each of its samples.
// Bytes: the conductances once for each network, the voltages of a sample in and out; the factor in shared memory, or in work.
// Launch: a block for each network, of any grid, 128 threads at most, a multiple of 8; dynamic shared memory n_free (n_free + 1) / 2
//   values, or none with work.
// Faults: 60 a pivot that is not positive: conductances span too many orders of magnitude for this precision.
// networks : of a population
// batch : samples of each network
// n_nodes, n_edges : of the graph
// n_free : nodes that are not held
// place : (n_nodes) the row of a node among the free ones, -1 where it is held
// edges : (n_edges, 2) first and second node of each; one edge between two nodes at most
// conductance : (networks, n_edges) [S] of each edge
// work : (networks, n_free (n_free + 1) / 2) factors that do not fit the shared memory; or null
// out : (networks, batch, n_nodes) [V] holds the voltages of held nodes, and receives the rest
extern "C" __global__ void __launch_bounds__(128, 4) pnn_small_networks_solve_f32(long long networks, long long batch, long long n_nodes, long long n_edges,
    long long n_free, const int* __restrict__ place, const int* __restrict__ edges, const float* __restrict__ conductance, float* work,
    float* out, int* fault) {
    PNN_DYNAMIC_SHARED(double, memory);
    pnn::small_networks_solve(networks, batch, n_nodes, n_edges, n_free, place, edges, conductance, work, out, (float*)memory, fault);
}
extern "C" __global__ void __launch_bounds__(128, 4) pnn_small_networks_solve_f64(long long networks, long long batch, long long n_nodes, long long n_edges,
    long long n_free, const int* __restrict__ place, const int* __restrict__ edges, const double* __restrict__ conductance, double* work,
    double* out, int* fault) {
    PNN_DYNAMIC_SHARED(double, memory);
    pnn::small_networks_solve(networks, batch, n_nodes, n_edges, n_free, place, edges, conductance, work, out, memory, fault);
}
