// out[s, e]: the draw of element element0 + e of sample (index ? index[s] : sample0 + s), for s < samples, e < elements. Every draw is
// written once. Counters: pnnkern/philox.cuh.
// Bytes: a draw out; what is random costs more.
// Launch: any 2-D grid and block: x walks the quads of a row (Poisson: its elements), y the rows.
// Faults: 4 a sample index that is negative.
// samples : rows
// elements : of a row
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// element0 : number of the first element
// sample0 : global number of row 0, where index is null
// index : (samples) global number of each row, or null
// out : (samples, elements) draws
#include "pnnkern/draws.cuh"

// 32-bit words.
extern "C" __global__ void pnn_draws_words_u32(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, unsigned* __restrict__ out,
    int* fault) {
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::fill(samples, elements, element0, sample0, index, out, fault,
              [=](long long quad, long long sample, long long, long long, unsigned* z) { pnn::words4(pnn::afresh(k), quad, sample, z); });
}
// Uniform in (0, 1).
extern "C" __global__ void pnn_draws_uniform_f32(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, float* __restrict__ out,
    int* fault) {
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::fill(samples, elements, element0, sample0, index, out, fault,
              [=](long long quad, long long sample, long long, long long, float* z) { pnn::uniform4(pnn::afresh(k), quad, sample, z); });
}
extern "C" __global__ void pnn_draws_uniform_f64(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, double* __restrict__ out,
    int* fault) {
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::fill(samples, elements, element0, sample0, index, out, fault,
              [=](long long quad, long long sample, long long, long long, double* z) { pnn::uniform4(pnn::afresh(k), quad, sample, z); });
}
// Standard normals.
extern "C" __global__ void pnn_draws_normal_f32(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, float* __restrict__ out,
    int* fault) {
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::fill(samples, elements, element0, sample0, index, out, fault,
              [=](long long quad, long long sample, long long, long long, float* z) { pnn::normal4(pnn::afresh(k), quad, sample, z); });
}
extern "C" __global__ void pnn_draws_normal_f64(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, double* __restrict__ out,
    int* fault) {
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::fill(samples, elements, element0, sample0, index, out, fault,
              [=](long long quad, long long sample, long long, long long, double* z) { pnn::normal4(pnn::afresh(k), quad, sample, z); });
}
// 1 with probability p, else 0.
// Bytes: a probability in, a byte out.
// Faults: 3 a probability outside of 0 .. 1, 4 a sample index that is negative.
// p : (samples, elements) probability of a one
extern "C" __global__ void pnn_draws_bernoulli_f32(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, const float* __restrict__ p,
    unsigned char* __restrict__ out, int* fault) {
    pnn::fill_bernoulli(samples, elements, pnn::key_of(key0, key1, key), element0, sample0, index, p, out, fault);
}
extern "C" __global__ void pnn_draws_bernoulli_f64(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, const double* __restrict__ p,
    unsigned char* __restrict__ out, int* fault) {
    pnn::fill_bernoulli(samples, elements, pnn::key_of(key0, key1, key), element0, sample0, index, p, out, fault);
}
// Poisson numbers; -1 for a mean out of range. Elements are below 2^48.
// Bytes: a mean in, an int out.
// Faults: 2 a mean outside of 0 .. 2e9, 4 a sample index that is negative.
// mean : (samples, elements) means
extern "C" __global__ void pnn_draws_poisson_f32(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, const float* __restrict__ mean,
    int* __restrict__ out, int* fault) {
    pnn::fill_poisson(samples, elements, pnn::key_of(key0, key1, key), element0, sample0, index, mean, out, fault);
}
extern "C" __global__ void pnn_draws_poisson_f64(long long samples, long long elements, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, const double* __restrict__ mean,
    int* __restrict__ out, int* fault) {
    pnn::fill_poisson(samples, elements, pnn::key_of(key0, key1, key), element0, sample0, index, mean, out, fault);
}
