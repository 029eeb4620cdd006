// Exact wires: the effective conductance of a crossbar by star-mesh elimination (tree.cuh). Leaves of 4 x 4 cells: half a warp for each. What
// becomes of them is in join.cu. leaves = ceil(n_in / 4) ceil(n_out / 4).
// Launch: any 1-D grid, blocks of at most 128: two leaves a warp, of pnn_tree_leaves_vjp one; of pnn_tree_voltages blocks of at most 64.
// arrays : of the stack
// n_in, n_out : rows and columns of an array
// pair : not 0 where rows are positive and negative in turn and share the node on the bit line
// word, bit : [S] a segment of a word and of a bit line
// first, last : [S] the first segment of a word line and the last one of a bit line
// G : (arrays, n_in, n_out) [S] conductances of the cells
#include "pnnkern/tree.cuh"

// The conductances between the ports of every leaf.
// Bytes: reads every cell once, writes 16 values for each.
// out : (arrays, leaves, 16, 16) [S] conductances
extern "C" __global__ void __launch_bounds__(128, 6) pnn_tree_leaves_f32(
    long long arrays, long long n_in, long long n_out, int pair, float word, float bit, float first, float last, const float* __restrict__ G,
    float* __restrict__ out) {
    pnn::tree_leaves<float>(arrays, {n_in, n_out, pair != 0, word, bit, first, last}, G, out);
}
// gradient and segments = -sum Q dv dv, from W = Phi Q Phi^T of the ports of every leaf.
// Bytes: reads 17 values per cell, writes 1, and 4 for each leaf.
// W : (arrays, leaves, 16, 16) of pnn_join_split
// gradient : (arrays, n_in, n_out) dL / dG
// segments : (arrays, leaves, 4) by the conductances of the leaf's segments: word, bit, first, last
extern "C" __global__ void __launch_bounds__(128, 4) pnn_tree_leaves_vjp_f32(
    long long arrays, long long n_in, long long n_out, int pair, float word, float bit, float first, float last, const float* __restrict__ G,
    const float* __restrict__ W, float* __restrict__ gradient, float* __restrict__ segments) {
    __shared__ float shared[4 * pnn::TREE_VJP];
    pnn::tree_leaves_vjp<float>(arrays, {n_in, n_out, pair != 0, word, bit, first, last}, G, W, gradient, segments, shared);
}
// Voltages on both lines at every cell, from those of the ports of its leaf.
// Bytes: reads a value per cell, and q of each port, writes 2 q per cell.
// q : columns of voltages
// V : (arrays, leaves, 16, q) [V] of pnn_join_voltages
// on_word, on_bit : (arrays, n_in, n_out, q) [V] voltages
extern "C" __global__ void __launch_bounds__(64, 8) pnn_tree_voltages_f32(
    long long arrays, long long n_in, long long n_out, long long q, int pair, float word, float bit, float first, float last,
    const float* __restrict__ G, const float* __restrict__ V, float* __restrict__ on_word, float* __restrict__ on_bit) {
    __shared__ float shared[2 * pnn::TREE_VOLTAGES];
    pnn::tree_voltages<float>(arrays, {n_in, n_out, pair != 0, word, bit, first, last}, q, G, V, on_word, on_bit, shared);
}
extern "C" __global__ void __launch_bounds__(128, 4) pnn_tree_leaves_f64(
    long long arrays, long long n_in, long long n_out, int pair, double word, double bit, double first, double last,
    const double* __restrict__ G, double* __restrict__ out) {
    pnn::tree_leaves<double>(arrays, {n_in, n_out, pair != 0, word, bit, first, last}, G, out);
}
extern "C" __global__ void __launch_bounds__(128, 3) pnn_tree_leaves_vjp_f64(
    long long arrays, long long n_in, long long n_out, int pair, double word, double bit, double first, double last,
    const double* __restrict__ G, const double* __restrict__ W, double* __restrict__ gradient, double* __restrict__ segments) {
    __shared__ double shared[4 * pnn::TREE_VJP];
    pnn::tree_leaves_vjp<double>(arrays, {n_in, n_out, pair != 0, word, bit, first, last}, G, W, gradient, segments, shared);
}
extern "C" __global__ void __launch_bounds__(64, 6) pnn_tree_voltages_f64(
    long long arrays, long long n_in, long long n_out, long long q, int pair, double word, double bit, double first, double last,
    const double* __restrict__ G, const double* __restrict__ V, double* __restrict__ on_word, double* __restrict__ on_bit) {
    __shared__ double shared[2 * pnn::TREE_VOLTAGES];
    pnn::tree_voltages<double>(arrays, {n_in, n_out, pair != 0, word, bit, first, last}, q, G, V, on_word, on_bit, shared);
}
