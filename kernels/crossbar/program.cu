// Programming, relaxation and drift of conductances. A quad of four cells is one thread; all draws of one call are of one sample.
// Launch: any 1-D grid and block; a thread takes four cells.
// cells : of all arrays
// key0, key1 : words of the key
// sample : number of the sample that the draws are of
// g : (cells) [S] conductances as programmed
// out : (cells) [S] conductances; may be g
#include "pnnkern/philox.cuh"

namespace pnn {
// out = max(g + sigma z, 0)
template <class T>
PNN_D void program_perturb(i64 cells, rng_key key, i64 sample, const T* sigma, const T* g, T* out) {
    for (i64 q = blockIdx.x * (i64)blockDim.x + threadIdx.x; 4 * q < cells; q += (i64)gridDim.x * blockDim.x) {
        T z[4];
        normal4(key, q, sample, z);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            i64 c = 4 * q + j;
            if (c >= cells) break;
            T value = fma_(sigma[c], z[j], g[c]);
            out[c] = value < T(0) ? T(0) : value;
        }
    }
}
// out = g exp(-nu L), nu = |mean + std z|, L = ln((t + t0) / t0)
template <class T>
PNN_D void program_drift(i64 cells, rng_key key, i64 sample, double log_ratio, const T* mean, const T* std, const T* g, T* out) {
    for (i64 q = blockIdx.x * (i64)blockDim.x + threadIdx.x; 4 * q < cells; q += (i64)gridDim.x * blockDim.x) {
        T z[4];
        normal4(key, q, sample, z);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            i64 c = 4 * q + j;
            if (c >= cells) break;
            double nu = (double)fma_(std[c], z[j], mean[c]), decay = mul_(nu < 0 ? -nu : nu, log_ratio);
            out[c] = mul_(g[c], (T)exp_neg(decay < 690.0 ? decay : 690.0));
        }
    }
}
}  // namespace pnn

// out = max(g + sigma z, 0), z standard normal: programming, relaxation.
// Bytes: reads 2, writes 1 value per cell.
// sigma : (cells) [S] standard deviations
extern "C" __global__ void pnn_program_perturb_f32(long long cells, unsigned key0, unsigned key1, long long sample,
                                                   const float* __restrict__ sigma, const float* __restrict__ g, float* __restrict__ out) {
    pnn::program_perturb(cells, {key0, key1}, sample, sigma, g, out);
}
extern "C" __global__ void pnn_program_perturb_f64(long long cells, unsigned key0, unsigned key1, long long sample,
                                                   const double* __restrict__ sigma, const double* __restrict__ g, double* __restrict__ out) {
    pnn::program_perturb(cells, {key0, key1}, sample, sigma, g, out);
}
// out = g exp(-nu L), nu = |mean + std z|, L = ln((t + t0) / t0): drift to time t after programming.
// Bytes: reads 3, writes 1 value per cell.
// log_ratio : L
// mean, std : (cells) mean and standard deviation of the exponents of drift
extern "C" __global__ void pnn_program_drift_f32(long long cells, unsigned key0, unsigned key1, long long sample, double log_ratio,
                                                 const float* __restrict__ mean, const float* __restrict__ std,
                                                 const float* __restrict__ g, float* __restrict__ out) {
    pnn::program_drift(cells, {key0, key1}, sample, log_ratio, mean, std, g, out);
}
extern "C" __global__ void pnn_program_drift_f64(long long cells, unsigned key0, unsigned key1, long long sample, double log_ratio,
                                                 const double* __restrict__ mean, const double* __restrict__ std,
                                                 const double* __restrict__ g, double* __restrict__ out) {
    pnn::program_drift(cells, {key0, key1}, sample, log_ratio, mean, std, g, out);
}
