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
// place : (n_nodes) the row of each node, negative where it is held
// first : (n_free) the column that a row of blocks begins with
// begin : (n + 1) entry (row, c) of the lower envelope is number begin[row] + c, n = n_free dimension
// loads : 1, or batch
// load : (loads, n_nodes, dimension) [N/m] stiffness that pulls each coordinate back to 0, of all samples or of each
// work : (blocks, begin[n] + 3 n + n_nodes dimension) for what does not fit the shared memory; or null
#include "pnnkern/springs.cuh"

// Held nodes stay, free ones go where the energy is least: the springs' and that of `load`, less the work of `pull`. Newton's method with a
// shifted Hessian where that is not positive definite. Each block decides for its sample when that rests: nobody need wait for it.
// Bytes: the positions once in and out; the network in each step, from a cache.
// Faults: 75 a stiffness that is negative or not finite; 74 such a rest length; 73 nodes that only springs without stiffness join to held
//   ones; 72 with `told`, a sample that has not come to rest.
// n_held : nodes that are held
// n_edges : of the network
// starts, pulls : 1, or batch
// steps : at most
// tolerance : of the largest force that may be left, relative to the largest stiffness times the largest rest length, or times the largest
//   coordinate where all rest lengths are 0
// told : not 0: a sample that does not come to rest is a fault
// held : (batch, n_held, dimension) [m] where nodes are held: number h is the node whose place is -1 - h
// start : (starts, n_nodes, dimension) [m] where free nodes are before they settle, of all samples or of each
// pull : (pulls, n_nodes, dimension) [N] outer forces, of all samples or of each
// x : (batch, n_nodes, dimension) [m] positions
// left : (batch) largest force that is left at a free node, relative as `tolerance` is
// taken : (batch) steps
extern "C" __global__ void __launch_bounds__(128, 3) pnn_springs_settle_f64(long long batch, long long n_nodes, long long n_free, long long n_edges,
    int dimension, long long n_held, long long starts, long long pulls, long long loads, int steps, double tolerance, int told, const double* __restrict__ stiffness,
    const double* __restrict__ rest, const int* __restrict__ offsets, const int* __restrict__ neighbour, const int* __restrict__ edge,
    const int* __restrict__ node, const int* __restrict__ place, const int* __restrict__ first, const long long* __restrict__ begin,
    const double* __restrict__ held, const double* __restrict__ start, const double* __restrict__ pull, const double* __restrict__ load,
    double* work, double* x, double* left, int* taken, int* fault) {
    PNN_DYNAMIC_SHARED(double, memory);
    __shared__ double part[3 * pnn::SPRINGS_WARPS];
    pnn::springs net{n_nodes, n_edges, n_free, stiffness, rest, offsets, neighbour, edge, node, place, first, begin};
    long long n = n_free * dimension;
    double* own = work ? work + blockIdx.x * pnn::springs_memory(n_nodes * dimension, n, begin[n]) : memory;
    __shared__ pnn::springs_span span;   // not in registers
    pnn::springs_span found = pnn::springs_largest(net, part, own + begin[n], fault);
    long long each = n_nodes * dimension;
    if (found.scale == 0) {   // springs without a length: by where they lie
        double farthest = 0;
        for (long long s = 0; s < batch; s++)
            for (long long t = 0; t < each; t++) {
                double at = pnn::springs_begins(net, dimension, held + s * n_held * dimension, start + (starts > 1 ? s * each : 0), t);
                farthest = pnn::larger(farthest, at < 0 ? -at : at);
            }
        found.scale = found.stiffest * farthest;
    }
    if (threadIdx.x == 0) span = found;
    for (long long s = blockIdx.x; s < batch; s += gridDim.x) {
        const double *f = pull + (pulls > 1 ? s * each : 0), *stiff = load + (loads > 1 ? s * each : 0);
        double *at = x + s * each, over = 0;
        for (long long t = threadIdx.x; t < each; t += blockDim.x)
            at[t] = pnn::springs_begins(net, dimension, held + s * n_held * dimension, start + (starts > 1 ? s * each : 0), t);
        __syncthreads();
        if (dimension == 1) over = pnn::springs_settle<1>(net, steps, tolerance, span, f, stiff, own, part, at, taken + s);
        if (dimension == 2) over = pnn::springs_settle<2>(net, steps, tolerance, span, f, stiff, own, part, at, taken + s);
        if (dimension == 3) over = pnn::springs_settle<3>(net, steps, tolerance, span, f, stiff, own, part, at, taken + s);
        if (threadIdx.x == 0) {
            left[s] = over / span.scale;
            if (told && !(over / span.scale <= tolerance)) atomicMax(fault, pnn::SPRINGS_RESTLESS);
        }
        __syncthreads();
    }
}

// Forces become the displacements of the free nodes by them, to first order; what y has at held nodes stays.
// Bytes: positions in, forces in and displacements out, once.
// Faults: 75 a stiffness that is negative or not finite; 74 such a rest length.
// n_edges : of the network
// x : (batch, n_nodes, dimension) [m] positions
// y : (batch, n_nodes, dimension) [N, m] forces, then displacements, in place
// stable : (batch) 1 where the Hessian is positive definite; elsewhere y stays
extern "C" __global__ void __launch_bounds__(128, 3) pnn_springs_respond_f64(long long batch, long long n_nodes, long long n_free, long long n_edges, int dimension,
    long long loads, const double* __restrict__ stiffness, const double* __restrict__ rest, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const int* __restrict__ edge, const int* __restrict__ node, const int* __restrict__ place, const int* __restrict__ first,
    const long long* __restrict__ begin, const double* __restrict__ load, double* work, const double* __restrict__ x, double* y, int* stable,
    int* fault) {
    PNN_DYNAMIC_SHARED(double, memory);
    pnn::springs net{n_nodes, n_edges, n_free, stiffness, rest, offsets, neighbour, edge, node, place, first, begin};
    long long each = n_nodes * dimension, n = n_free * dimension;
    double* own = work ? work + blockIdx.x * pnn::springs_memory(each, n, begin[n]) : memory;
    if (blockIdx.x == 0)
        for (long long e = threadIdx.x; e < n_edges; e += blockDim.x) pnn::springs_fit(net, e, fault);
    for (long long s = blockIdx.x; s < batch; s += gridDim.x) {
        const double *stiff = load + (loads > 1 ? s * each : 0), *at = x + s * each;
        __syncthreads();
        if (dimension == 1) pnn::springs_respond<1>(net, stiff, at, own, y + s * each, stable + s);
        if (dimension == 2) pnn::springs_respond<2>(net, stiff, at, own, y + s * each, stable + s);
        if (dimension == 3) pnn::springs_respond<3>(net, stiff, at, own, y + s * each, stable + s);
    }
}
