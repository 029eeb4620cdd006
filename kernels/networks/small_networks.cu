// Many small resistor networks on one graph, each with conductances of its own: the grounded Laplacian packed in shared memory, dense
// Cholesky, and all samples of a network solved from one factor.
#include "pnnkern/small_networks.cuh"

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
