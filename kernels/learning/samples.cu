// Samples of a data set as a step takes them: gathered by their numbers, and brought to what enters a system.
#include "pnnkern/samples.cuh"

// out[b] = rows[index[b]] for the samples, of `bytes` each, and likewise for their labels, of `label_bytes`. Moves each byte twice.
// Any 1-D grid: a block takes whole samples.
extern "C" __global__ void pnn_samples_gather_u8(long long count, long long bytes, long long label_bytes, const long long* __restrict__ index,
    const unsigned char* __restrict__ rows, const unsigned char* __restrict__ labels, unsigned char* __restrict__ out,
    unsigned char* __restrict__ out_labels) {
    pnn::gather_rows(count, bytes, index, rows, out);
    pnn::gather_rows(count, label_bytes, index, labels, out_labels);
}

// out (batch, n), or (batch, 2 n) where both signs enter: gain times each value, of bytes their fractions of 255. Values outside of low .. high
// flag fault `code`. Any 2-D grid: x over the values, y over the samples. Moves a value in, one or two out.
extern "C" __global__ void pnn_samples_single_u8(long long batch, long long n, double gain, int both, double low, double high, int code,
    const unsigned char* __restrict__ samples, float* __restrict__ out, int* fault) {
    pnn::encode(batch, n, gain, both, low, high, code, samples, out, fault);
}
extern "C" __global__ void pnn_samples_single_f32(long long batch, long long n, double gain, int both, double low, double high, int code,
    const float* __restrict__ samples, float* __restrict__ out, int* fault) {
    pnn::encode(batch, n, gain, both, low, high, code, samples, out, fault);
}
extern "C" __global__ void pnn_samples_single_f64(long long batch, long long n, double gain, int both, double low, double high, int code,
    const double* __restrict__ samples, float* __restrict__ out, int* fault) {
    pnn::encode(batch, n, gain, both, low, high, code, samples, out, fault);
}
extern "C" __global__ void pnn_samples_double_u8(long long batch, long long n, double gain, int both, double low, double high, int code,
    const unsigned char* __restrict__ samples, double* __restrict__ out, int* fault) {
    pnn::encode(batch, n, gain, both, low, high, code, samples, out, fault);
}
extern "C" __global__ void pnn_samples_double_f32(long long batch, long long n, double gain, int both, double low, double high, int code,
    const float* __restrict__ samples, double* __restrict__ out, int* fault) {
    pnn::encode(batch, n, gain, both, low, high, code, samples, out, fault);
}
extern "C" __global__ void pnn_samples_double_f64(long long batch, long long n, double gain, int both, double low, double high, int code,
    const double* __restrict__ samples, double* __restrict__ out, int* fault) {
    pnn::encode(batch, n, gain, both, low, high, code, samples, out, fault);
}
