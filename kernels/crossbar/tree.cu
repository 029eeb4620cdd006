// Exact wires: the effective conductance of a crossbar by star-mesh elimination (tree.cuh). Leaves of 4 x 4 cells: a warp for each. What
// becomes of them is in join.cu. leaves = ceil(n_in / 4) ceil(n_out / 4).
// Launch: any 1-D grid, blocks of 128: four leaves.
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
extern "C" __global__ void pnn_tree_leaves_f32(long long arrays, long long n_in, long long n_out, int pair, float word,
                                             float bit, float first, float last, const float* __restrict__ G, float* __restrict__ out) {
    __shared__ float C[4][256];
    const pnn::tree_array<float> array = {n_in, n_out, pair != 0, word, bit, first, last};
    const long long each = array.rows() * array.cols();
    float* mine = C[threadIdx.x / 32];
    pnn::tree_each(arrays * each, [=](long long t) {
        pnn::tree_leaf(array, G + t / each * n_in * n_out, t % each, mine, (float*)0);
        for (int c = threadIdx.x & 31; c < 256; c += 32) out[t * 256 + c] = mine[c];
        __syncwarp();
    });
}
// gradient and segments = -sum Q dv dv, from W = Phi Q Phi^T of the ports of every leaf.
// Bytes: reads 17 values per cell, writes 1, and 4 for each leaf.
// W : (arrays, leaves, 16, 16) of pnn_join_split
// gradient : (arrays, n_in, n_out) dL / dG
// segments : (arrays, leaves, 4) by the conductances of the leaf's segments: word, bit, first, last
extern "C" __global__ void pnn_tree_leaves_vjp_f32(long long arrays, long long n_in, long long n_out, int pair, float word,
                                                 float bit, float first, float last, const float* __restrict__ G,
                                                 const float* __restrict__ W,
                                                 float* __restrict__ gradient, float* __restrict__ segments) {
    __shared__ float C[4][256], tape[4][512], row[4][16];
    const pnn::tree_array<float> array = {n_in, n_out, pair != 0, word, bit, first, last};
    const long long each = array.rows() * array.cols(), cells = n_in * n_out;
    const int warp = threadIdx.x / 32;
    float *mine = C[warp], *steps = tape[warp], *line = row[warp];
    pnn::tree_each(arrays * each, [=](long long t) {
        const long long n = t / each, leaf = t % each;
        pnn::tree_leaf(array, G + n * cells, leaf, mine, steps);
        __syncwarp();
        for (int c = threadIdx.x & 31; c < 256; c += 32) mine[c] = W[t * 256 + c];
        __syncwarp();
        pnn::tree_leaf_vjp(array, leaf, mine, steps, line, gradient + n * cells, segments + t * 4);
        __syncwarp();
    });
}
// Voltages on both lines at every cell, from those of the ports of its leaf.
// Bytes: reads a value per cell, and q of each port, writes 2 q per cell.
// q : columns of voltages
// V : (arrays, leaves, 16, q) [V] of pnn_join_voltages
// on_word, on_bit : (arrays, n_in, n_out, q) [V] voltages
extern "C" __global__ void pnn_tree_voltages_f32(long long arrays, long long n_in, long long n_out, long long q, int pair, float word,
                                               float bit, float first, float last, const float* __restrict__ G,
                                               const float* __restrict__ V,
                                               float* __restrict__ on_word, float* __restrict__ on_bit) {
    __shared__ float C[2][256], tape[2][512], ports[2][512];
    const pnn::tree_array<float> array = {n_in, n_out, pair != 0, word, bit, first, last};
    const long long each = array.rows() * array.cols(), cells = n_in * n_out;
    const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    float *mine = C[warp], *steps = tape[warp], *v = ports[warp];
    pnn::tree_each(arrays * each, [=](long long t) {
        const long long n = t / each, leaf = t % each;
        pnn::tree_leaf(array, G + n * cells, leaf, mine, steps);
        __syncwarp();
        for (long long column = lane; column - lane < q; column += 32) {
            for (int a = 0; a < 16; a++) v[a * 32 + lane] = column < q ? V[(t * 16 + a) * q + column] : float(0);
            pnn::tree_leaf_voltages(array, leaf, q, column, v, steps, on_word + n * cells * q, on_bit + n * cells * q);
        }
        __syncwarp();
    });
}
extern "C" __global__ void pnn_tree_leaves_f64(long long arrays, long long n_in, long long n_out, int pair, double word,
                                             double bit, double first, double last, const double* __restrict__ G, double* __restrict__ out) {
    __shared__ double C[4][256];
    const pnn::tree_array<double> array = {n_in, n_out, pair != 0, word, bit, first, last};
    const long long each = array.rows() * array.cols();
    double* mine = C[threadIdx.x / 32];
    pnn::tree_each(arrays * each, [=](long long t) {
        pnn::tree_leaf(array, G + t / each * n_in * n_out, t % each, mine, (double*)0);
        for (int c = threadIdx.x & 31; c < 256; c += 32) out[t * 256 + c] = mine[c];
        __syncwarp();
    });
}
extern "C" __global__ void pnn_tree_leaves_vjp_f64(long long arrays, long long n_in, long long n_out, int pair, double word,
                                                 double bit, double first, double last, const double* __restrict__ G,
                                                 const double* __restrict__ W,
                                                 double* __restrict__ gradient, double* __restrict__ segments) {
    __shared__ double C[4][256], tape[4][512], row[4][16];
    const pnn::tree_array<double> array = {n_in, n_out, pair != 0, word, bit, first, last};
    const long long each = array.rows() * array.cols(), cells = n_in * n_out;
    const int warp = threadIdx.x / 32;
    double *mine = C[warp], *steps = tape[warp], *line = row[warp];
    pnn::tree_each(arrays * each, [=](long long t) {
        const long long n = t / each, leaf = t % each;
        pnn::tree_leaf(array, G + n * cells, leaf, mine, steps);
        __syncwarp();
        for (int c = threadIdx.x & 31; c < 256; c += 32) mine[c] = W[t * 256 + c];
        __syncwarp();
        pnn::tree_leaf_vjp(array, leaf, mine, steps, line, gradient + n * cells, segments + t * 4);
        __syncwarp();
    });
}
extern "C" __global__ void pnn_tree_voltages_f64(long long arrays, long long n_in, long long n_out, long long q, int pair, double word,
                                               double bit, double first, double last, const double* __restrict__ G,
                                               const double* __restrict__ V,
                                               double* __restrict__ on_word, double* __restrict__ on_bit) {
    __shared__ double C[2][256], tape[2][512], ports[2][512];
    const pnn::tree_array<double> array = {n_in, n_out, pair != 0, word, bit, first, last};
    const long long each = array.rows() * array.cols(), cells = n_in * n_out;
    const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    double *mine = C[warp], *steps = tape[warp], *v = ports[warp];
    pnn::tree_each(arrays * each, [=](long long t) {
        const long long n = t / each, leaf = t % each;
        pnn::tree_leaf(array, G + n * cells, leaf, mine, steps);
        __syncwarp();
        for (long long column = lane; column - lane < q; column += 32) {
            for (int a = 0; a < 16; a++) v[a * 32 + lane] = column < q ? V[(t * 16 + a) * q + column] : double(0);
            pnn::tree_leaf_voltages(array, leaf, q, column, v, steps, on_word + n * cells * q, on_bit + n * cells * q);
        }
        __syncwarp();
    });
}
