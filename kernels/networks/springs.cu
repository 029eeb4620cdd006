// Networks of springs at rest, and how they answer to small forces.
// Launch: a block for each sample, of any grid, of up to 4 whole warps; without work dynamic shared memory of as many numbers.
// batch : samples
// n_nodes : of the network
// n_free : nodes that are not held
// dimension : 1, 2 or 3
// stiffness : (edges) [N/m] of each spring
// rest : (edges) [m] length of each spring at rest
// offsets : (n_nodes + 1) neighbours of node i are neighbour[q] over edge[q], offsets[i] <= q < offsets[i + 1]
// neighbour, edge : (2 edges) the node at the other end, and the edge
// node : (n_free) the free node of each row of blocks of the Hessian
// place : (n_nodes) the row of each node, -1 where it is held
// first : (n_free) the column that a row of blocks begins with
// begin : (n + 1) entry (row, c) of the lower envelope is number begin[row] + c, n = n_free dimension
// load : (batch, n_nodes, dimension) [N/m] stiffness that pulls each coordinate back to 0
// work : (blocks, begin[n] + 3 n + n_nodes dimension) for what does not fit the shared memory; or null
#include "pnnkern/springs.cuh"

// Held nodes stay, free ones go where the energy is least: the springs' and that of `load`, less the work of `pull`. Newton's method with a
// shifted Hessian where that is not positive definite.
// Bytes: the positions once in and out; the network in each step, from a cache.
// steps : at most
// goal : [N] largest force that may be left
// stiffest : [N/m] largest stiffness
// pull : (batch, n_nodes, dimension) [N] outer forces
// x : (batch, n_nodes, dimension) [m] positions, in place
// left : (batch) [N] largest force that is left at a free node
// taken : (batch) steps
extern "C" __global__ void __launch_bounds__(128, 3) pnn_springs_settle_f64(long long batch, long long n_nodes, long long n_free, int dimension, int steps, double goal,
    double stiffest, const double* __restrict__ stiffness, const double* __restrict__ rest, const int* __restrict__ offsets,
    const int* __restrict__ neighbour, const int* __restrict__ edge, const int* __restrict__ node, const int* __restrict__ place,
    const int* __restrict__ first, const long long* __restrict__ begin, const double* __restrict__ pull, const double* __restrict__ load,
    double* work, double* x, double* left, int* taken) {
    PNN_DYNAMIC_SHARED(double, memory);
    __shared__ double part[2 * pnn::SPRINGS_WARPS];
    pnn::springs net{n_free, stiffness, rest, offsets, neighbour, edge, node, place, first, begin};
    long long each = n_nodes * dimension, n = n_free * dimension;
    double* own = work ? work + blockIdx.x * pnn::springs_memory(each, n, begin[n]) : memory;
    for (long long s = blockIdx.x; s < batch; s += gridDim.x) {
        const double *f = pull + s * each, *stiff = load + s * each;
        double* at = x + s * each;
        __syncthreads();
        if (dimension == 1) pnn::springs_settle<1>(net, n_nodes, steps, goal, stiffest, f, stiff, own, part, at, left + s, taken + s);
        if (dimension == 2) pnn::springs_settle<2>(net, n_nodes, steps, goal, stiffest, f, stiff, own, part, at, left + s, taken + s);
        if (dimension == 3) pnn::springs_settle<3>(net, n_nodes, steps, goal, stiffest, f, stiff, own, part, at, left + s, taken + s);
    }
}

// Forces become the displacements of the free nodes by them, to first order; what y has at held nodes stays.
// Bytes: positions in, forces in and displacements out, once.
// x : (batch, n_nodes, dimension) [m] positions
// y : (batch, n_nodes, dimension) [N, m] forces, then displacements, in place
// stable : (batch) 1 where the Hessian is positive definite; elsewhere y stays
extern "C" __global__ void __launch_bounds__(128, 3) pnn_springs_respond_f64(long long batch, long long n_nodes, long long n_free, int dimension,
    const double* __restrict__ stiffness, const double* __restrict__ rest, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const int* __restrict__ edge, const int* __restrict__ node, const int* __restrict__ place, const int* __restrict__ first,
    const long long* __restrict__ begin, const double* __restrict__ load, double* work, const double* __restrict__ x, double* y, int* stable) {
    PNN_DYNAMIC_SHARED(double, memory);
    pnn::springs net{n_free, stiffness, rest, offsets, neighbour, edge, node, place, first, begin};
    long long each = n_nodes * dimension, n = n_free * dimension;
    double* own = work ? work + blockIdx.x * pnn::springs_memory(each, n, begin[n]) : memory;
    for (long long s = blockIdx.x; s < batch; s += gridDim.x) {
        const double *stiff = load + s * each, *at = x + s * each;
        __syncthreads();
        if (dimension == 1) pnn::springs_respond<1>(net, stiff, at, own, y + s * each, stable + s);
        if (dimension == 2) pnn::springs_respond<2>(net, stiff, at, own, y + s * each, stable + s);
        if (dimension == 3) pnn::springs_respond<3>(net, stiff, at, own, y + s * each, stable + s);
    }
}
