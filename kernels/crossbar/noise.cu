// Products with cells that are drawn anew in each reading and stored nowhere: x_ij(b) is the conductance of cell (i, j) for sample b. A
// cell's quad is quad0 + i ceil(n_out / 4) + j / 4, its lane j mod 4. Sums run in order, those over the inputs by slices of 64 that are
// added up in their order: the same bits on every backend.
// batch : samples
// n_in, n_out : rows and columns of the crossbar
// kind : of noise: 0 Gaussian, 1 log-normal, 2 telegraph (cells.cuh)
// p : probability that a telegraph is up
// key0, key1 : words of the key
// quad0 : number of the first quad of cells
// sample0 : global number of row 0, where index is null
// index : (batch) global number of each row, or null
// v : (batch, n_in) [V] inputs
// g : (n_in, n_out) [S] conductances
// a : (n_in, n_out) [S] size of the noise of each cell, as cells.cuh says; a spread of the logarithm where kind is 1
// da : (n_in, n_out) da / dg
// cotangent : (batch, n_out) dL / dout
#include "pnnkern/cells.cuh"

namespace pnn {
PNN_D i64 sample_of(i64 row, i64 sample0, const i64* index) { return index ? index[row] : sample0 + row; }

// LANES neighbouring outputs (quads of a row after another) and SLICES slices of the inputs for a block: each thread adds up its slice of
// its quad, and the first of them the slices in their order.
constexpr int LANES = 32, SLICES = 8, SLICE = 64;   // Twin: noise.py
template <class T>
PNN_D void noise_mvm(T (*parts)[LANES][4], i64 batch, i64 n_in, i64 n_out, int kind, T p, rng_key key, i64 quad0, i64 sample0, const i64* index,
                     const T* v, const T* g, const T* a, T* out) {
    const i64 quads = (n_out + 3) / 4, all = batch * quads;
    const int lane = threadIdx.x % LANES, part = threadIdx.x / LANES;
    for (i64 first = blockIdx.x * (i64)LANES; first < all; first += (i64)gridDim.x * LANES) {
        const i64 t = first + lane, b = t / quads, q = t - b * quads;
        T total[4] = {};
        for (i64 begin = 0; begin < n_in; begin += SLICES * SLICE) {
            const i64 from = begin + part * SLICE, to = from + SLICE < n_in ? from + SLICE : n_in;
            T sum[4] = {}, z[4];
            const i64 sample = t < all ? sample_of(b, sample0, index) : 0;
            for (i64 i = from; t < all && i < to; i++) {
                T x = v[b * n_in + i];
                cell_draws(kind, p, key, quad0 + i * quads + q, sample, z);
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    i64 c = 4 * q + j;
                    if (c < n_out) sum[j] = fma_(x, cell_value(kind, g[i * n_out + c], a[i * n_out + c], z[j]), sum[j]);
                }
            }
#pragma unroll
            for (int j = 0; j < 4; j++) parts[part][lane][j] = sum[j];
            __syncthreads();
            if (part == 0)
                for (int s = 0; s < SLICES && begin + s * SLICE < n_in; s++)
#pragma unroll
                    for (int j = 0; j < 4; j++) total[j] = add_(total[j], parts[s][lane][j]);
            __syncthreads();
        }
        if (part == 0 && t < all)
#pragma unroll
            for (int j = 0; j < 4; j++) if (4 * q + j < n_out) out[b * n_out + 4 * q + j] = total[j];
    }
}
template <class T>
PNN_D void noise_vjp_v(i64 batch, i64 n_in, i64 n_out, int kind, T p, rng_key key, i64 quad0, i64 sample0, const i64* index,
                       const T* cotangent, const T* g, const T* a, T* out) {
    i64 quads = (n_out + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * n_in; t += (i64)gridDim.x * blockDim.x) {
        i64 b = t / n_in, i = t % n_in, sample = sample_of(b, sample0, index);
        T sum = T(0), z[4];
        for (i64 q = 0; q < quads; q++) {
            cell_draws(kind, p, key, quad0 + i * quads + q, sample, z);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                i64 c = 4 * q + j;
                if (c < n_out) sum = fma_(cotangent[b * n_out + c], cell_value(kind, g[i * n_out + c], a[i * n_out + c], z[j]), sum);
            }
        }
        out[t] = sum;
    }
}
template <class T>
PNN_D void noise_vjp_g(i64 batch, i64 n_in, i64 n_out, int kind, T p, rng_key key, i64 quad0, i64 sample0, const i64* index, const T* v,
                       const T* cotangent, const T* g, const T* a, const T* da, T* out) {
    i64 quads = (n_out + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < n_in * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / quads, q = t % quads;
        T sum[4] = {}, z[4];
        for (i64 b = 0; b < batch; b++) {
            T x = v[b * n_in + i];
            cell_draws(kind, p, key, quad0 + t, sample_of(b, sample0, index), z);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                i64 c = 4 * q + j;
                if (c >= n_out) break;
                T slope = cell_slope(kind, g[i * n_out + c], a[i * n_out + c], da[i * n_out + c], z[j]);
                sum[j] = fma_(mul_(x, cotangent[b * n_out + c]), slope, sum[j]);
            }
        }
#pragma unroll
        for (int j = 0; j < 4; j++) if (4 * q + j < n_out) out[i * n_out + 4 * q + j] = sum[j];
    }
}
}  // namespace pnn

// out[b, j] = sum over i of v[b, i] x_ij(b). One block of random words for four cells of one sample: arithmetic, not bytes, is the floor.
// Bytes: reads g and a once for every sample, v once for every four columns, writes out once.
// Launch: any 1-D grid, blocks of 256.
// out : (batch, n_out) [A] currents
extern "C" __global__ void __launch_bounds__(256) pnn_noise_mvm_f32(long long batch, long long n_in, long long n_out, int kind, float p,
    unsigned key0, unsigned key1, long long quad0, long long sample0, const long long* __restrict__ index,
    const float* __restrict__ v, const float* __restrict__ g, const float* __restrict__ a, float* __restrict__ out) {
    __shared__ float parts[pnn::SLICES][pnn::LANES][4];
    pnn::noise_mvm<float>(parts, batch, n_in, n_out, kind, p, {key0, key1}, quad0, sample0, index, v, g, a, out);
}
extern "C" __global__ void __launch_bounds__(256, 2) pnn_noise_mvm_f64(long long batch, long long n_in, long long n_out, int kind, double p,
    unsigned key0, unsigned key1, long long quad0, long long sample0, const long long* __restrict__ index,
    const double* __restrict__ v, const double* __restrict__ g, const double* __restrict__ a, double* __restrict__ out) {
    __shared__ double parts[pnn::SLICES][pnn::LANES][4];
    pnn::noise_mvm<double>(parts, batch, n_in, n_out, kind, p, {key0, key1}, quad0, sample0, index, v, g, a, out);
}
// out[b, i] = sum over j of cotangent[b, j] x_ij(b), with the same draws.
// Bytes: reads g, a and the cotangent once for every sample and input, writes out once.
// Launch: any 1-D grid and block.
// out : (batch, n_in) dL / dv
extern "C" __global__ void pnn_noise_vjp_v_f32(long long batch, long long n_in, long long n_out, int kind, float p,
    unsigned key0, unsigned key1, long long quad0, long long sample0, const long long* __restrict__ index,
    const float* __restrict__ cotangent, const float* __restrict__ g, const float* __restrict__ a, float* __restrict__ out) {
    pnn::noise_vjp_v<float>(batch, n_in, n_out, kind, p, {key0, key1}, quad0, sample0, index, cotangent, g, a, out);
}
extern "C" __global__ void pnn_noise_vjp_v_f64(long long batch, long long n_in, long long n_out, int kind, double p,
    unsigned key0, unsigned key1, long long quad0, long long sample0, const long long* __restrict__ index,
    const double* __restrict__ cotangent, const double* __restrict__ g, const double* __restrict__ a, double* __restrict__ out) {
    pnn::noise_vjp_v<double>(batch, n_in, n_out, kind, p, {key0, key1}, quad0, sample0, index, cotangent, g, a, out);
}
// out[i, j] = sum over b of v[b, i] cotangent[b, j] dx_ij(b) / dg_ij, with the same draws.
// Bytes: reads v and the cotangent once for every four cells, g, a and da once for every sample, writes out once.
// Launch: any 1-D grid and block; a thread takes four cells.
// out : (n_in, n_out) dL / dg
extern "C" __global__ void pnn_noise_vjp_g_f32(long long batch, long long n_in, long long n_out, int kind, float p,
    unsigned key0, unsigned key1, long long quad0, long long sample0, const long long* __restrict__ index,
    const float* __restrict__ v, const float* __restrict__ cotangent, const float* __restrict__ g,
    const float* __restrict__ a, const float* __restrict__ da, float* __restrict__ out) {
    pnn::noise_vjp_g<float>(batch, n_in, n_out, kind, p, {key0, key1}, quad0, sample0, index, v, cotangent, g, a, da, out);
}
extern "C" __global__ void pnn_noise_vjp_g_f64(long long batch, long long n_in, long long n_out, int kind, double p,
    unsigned key0, unsigned key1, long long quad0, long long sample0, const long long* __restrict__ index,
    const double* __restrict__ v, const double* __restrict__ cotangent, const double* __restrict__ g,
    const double* __restrict__ a, const double* __restrict__ da, double* __restrict__ out) {
    pnn::noise_vjp_g<double>(batch, n_in, n_out, kind, p, {key0, key1}, quad0, sample0, index, v, cotangent, g, a, da, out);
}
