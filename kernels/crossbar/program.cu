// Programming, relaxation and drift of conductances. A quad of four cells is one thread; all draws of one call are of one sample.
// Launch: any 1-D grid and block; a thread takes four cells.
// cells : of all arrays
// key0, key1 : words of the key
// sample : number of the sample that the draws are of
// g : (cells) [S] conductances as programmed
// out : (cells) [S] conductances; may be g
#include "pnnkern/program.cuh"

// out = max(g + sigma z, 0), z standard normal: programming, relaxation.
// Bytes: reads 2, writes 1 value per cell.
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// sigma : (cells) [S] standard deviations
extern "C" __global__ void pnn_program_perturb_f32(long long cells, unsigned key0, unsigned key1, const unsigned* __restrict__ key,
    long long sample, const float* __restrict__ sigma, const float* __restrict__ g, float* __restrict__ out) {
    pnn::program_perturb(cells, pnn::key_of(key0, key1, key), sample, sigma, g, out);
}
extern "C" __global__ void pnn_program_perturb_f64(long long cells, unsigned key0, unsigned key1, const unsigned* __restrict__ key,
    long long sample, const double* __restrict__ sigma, const double* __restrict__ g, double* __restrict__ out) {
    pnn::program_perturb(cells, pnn::key_of(key0, key1, key), sample, sigma, g, out);
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
