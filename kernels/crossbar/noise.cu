// Products with cells that are drawn anew in each reading and stored nowhere: x_ij(b) is the conductance of cell (i, j) for sample b. A
// cell's quad is quad0 + i ceil(n_out / 4) + j / 4, its lane j mod 4. Sums run in order, those over the inputs by slices of 64 that are
// added up in their order: the same bits on every backend.
// batch : samples
// n_in, n_out : rows and columns of the crossbar
// kind : of noise: 0 Gaussian, 1 log-normal, 2 telegraph (cells.cuh)
// p : probability that a telegraph is up
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// quad0 : number of the first quad of cells
// sample0 : global number of row 0, where index is null
// index : (batch) global number of each row, or null
// v : (batch, n_in) [V] inputs
// g : (n_in, n_out) [S] conductances
// a : (n_in, n_out) [S] size of the noise of each cell, as cells.cuh says; a spread of the logarithm where kind is 1
// da : (n_in, n_out) da / dg
// cotangent : (batch, n_out) dL / dout
#include "pnnkern/noise.cuh"

// out[b, j] = sum over i of v[b, i] x_ij(b). One block of random words for four cells of one sample: arithmetic, not bytes, is the floor.
// Bytes: reads g and a once for every sample, v once for every four columns, writes out once.
// Launch: any 1-D grid, blocks of 256.
// out : (batch, n_out) [A] currents
extern "C" __global__ void __launch_bounds__(256, 4) pnn_noise_mvm_f32(long long batch, long long n_in, long long n_out, int kind, float p,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long quad0, long long sample0, const long long* __restrict__ index,
    const float* __restrict__ v, const float* __restrict__ g, const float* __restrict__ a, float* __restrict__ out) {
    __shared__ float parts[pnn::NOISE_SLICES][pnn::NOISE_LANES][4];
    pnn::noise_mvm<float>(parts, batch, n_in, n_out, kind, p, pnn::key_of(key0, key1, key), quad0, sample0, index, v, g, a, out);
}
extern "C" __global__ void __launch_bounds__(256, 2) pnn_noise_mvm_f64(long long batch, long long n_in, long long n_out, int kind, double p,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long quad0, long long sample0, const long long* __restrict__ index,
    const double* __restrict__ v, const double* __restrict__ g, const double* __restrict__ a, double* __restrict__ out) {
    __shared__ double parts[pnn::NOISE_SLICES][pnn::NOISE_LANES][4];
    pnn::noise_mvm<double>(parts, batch, n_in, n_out, kind, p, pnn::key_of(key0, key1, key), quad0, sample0, index, v, g, a, out);
}
// out[b, i] = sum over j of cotangent[b, j] x_ij(b), with the same draws.
// Bytes: reads g, a and the cotangent once for every sample and input, writes out once.
// Launch: any 1-D grid and block.
// out : (batch, n_in) dL / dv
extern "C" __global__ void pnn_noise_vjp_v_f32(long long batch, long long n_in, long long n_out, int kind, float p,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long quad0, long long sample0, const long long* __restrict__ index,
    const float* __restrict__ cotangent, const float* __restrict__ g, const float* __restrict__ a, float* __restrict__ out) {
    pnn::noise_vjp_v<float>(batch, n_in, n_out, kind, p, pnn::key_of(key0, key1, key), quad0, sample0, index, cotangent, g, a, out);
}
extern "C" __global__ void pnn_noise_vjp_v_f64(long long batch, long long n_in, long long n_out, int kind, double p,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long quad0, long long sample0, const long long* __restrict__ index,
    const double* __restrict__ cotangent, const double* __restrict__ g, const double* __restrict__ a, double* __restrict__ out) {
    pnn::noise_vjp_v<double>(batch, n_in, n_out, kind, p, pnn::key_of(key0, key1, key), quad0, sample0, index, cotangent, g, a, out);
}
// out[i, j] = sum over b of v[b, i] cotangent[b, j] dx_ij(b) / dg_ij, with the same draws.
// Bytes: reads v and the cotangent once for every four cells, g, a and da once for every sample, writes out once.
// Launch: any 1-D grid and block; a thread takes four cells.
// out : (n_in, n_out) dL / dg
extern "C" __global__ void pnn_noise_vjp_g_f32(long long batch, long long n_in, long long n_out, int kind, float p,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long quad0, long long sample0, const long long* __restrict__ index,
    const float* __restrict__ v, const float* __restrict__ cotangent, const float* __restrict__ g,
    const float* __restrict__ a, const float* __restrict__ da, float* __restrict__ out) {
    pnn::noise_vjp_g<float>(batch, n_in, n_out, kind, p, pnn::key_of(key0, key1, key), quad0, sample0, index, v, cotangent, g, a, da, out);
}
extern "C" __global__ void pnn_noise_vjp_g_f64(long long batch, long long n_in, long long n_out, int kind, double p,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long quad0, long long sample0, const long long* __restrict__ index,
    const double* __restrict__ v, const double* __restrict__ cotangent, const double* __restrict__ g,
    const double* __restrict__ a, const double* __restrict__ da, double* __restrict__ out) {
    pnn::noise_vjp_g<double>(batch, n_in, n_out, kind, p, pnn::key_of(key0, key1, key), quad0, sample0, index, v, cotangent, g, a, da, out);
}
