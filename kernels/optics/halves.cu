// Complex fields as pairs of 16-bit floats with a power of two for each row: see pnnkern/halves.cuh.
// rows : of all fields
// nx : pixels of a row
// field : (rows, nx) fields
// words : (rows, nx) two 16-bit floats, the real part below
// scale : (rows) power of two of each
#include "pnnkern/halves.cuh"

// words[y, x] scale[y] = field[y, x], nearly.
// Bytes: 2.5 fields of complex64, one of them from a cache.
// Launch: any grid, blocks of 128.
extern "C" __global__ void __launch_bounds__(128) pnn_halves_put_c64(long long rows, long long nx, const pnn::complex<float>* __restrict__ field,
                                                                     int* __restrict__ words, float* __restrict__ scale) {
    __shared__ float most[pnn::HALVES_THREADS];
    pnn::halves_put(rows, nx, field, words, scale, most);
}
extern "C" __global__ void __launch_bounds__(128) pnn_halves_put_c128(long long rows, long long nx, const pnn::complex<double>* __restrict__ field,
                                                                      int* __restrict__ words, double* __restrict__ scale) {
    __shared__ double most[pnn::HALVES_THREADS];
    pnn::halves_put(rows, nx, field, words, scale, most);
}
// field[y, x] = words[y, x] scale[y].
// Bytes: 1.5 fields of complex64.
// Launch: any grid and block.
extern "C" __global__ void pnn_halves_take_c64(long long rows, long long nx, const int* __restrict__ words, const float* __restrict__ scale,
                                               pnn::complex<float>* __restrict__ field) {
    pnn::halves_take(rows, nx, words, scale, field);
}
extern "C" __global__ void pnn_halves_take_c128(long long rows, long long nx, const int* __restrict__ words, const double* __restrict__ scale,
                                                pnn::complex<double>* __restrict__ field) {
    pnn::halves_take(rows, nx, words, scale, field);
}
