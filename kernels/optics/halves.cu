// Complex fields as pairs of 16-bit floats with a power of two for each row: see pnnkern/halves.cuh.
// rows : of all fields
// nx : pixels of a row
// field : (rows, nx) fields
// words : (rows, nx) two 16-bit floats, the real part below
// scale : (rows) power of two of each
#include "pnnkern/halves.cuh"

namespace pnn {
constexpr int HALVES_THREADS = 128;

// A block does a row at a time. most: what each of its threads has found.
template <class T> PNN_D void halves_put(long long rows, long long nx, const complex<T>* field, int* words, T* scale, T* most) {
    for (long long y = blockIdx.x; y < rows; y += gridDim.x) {
        const complex<T>* u = field + y * nx;
        T largest = 0;
        for (long long x = threadIdx.x; x < nx; x += HALVES_THREADS)
            largest = greater(largest, greater(u[x].re < 0 ? -u[x].re : u[x].re, u[x].im < 0 ? -u[x].im : u[x].im));
        most[threadIdx.x] = largest;
        __syncthreads();
        for (int half = HALVES_THREADS / 2; half > 0; half /= 2) {
            if ((int)threadIdx.x < half) most[threadIdx.x] = greater(most[threadIdx.x], most[threadIdx.x + half]);
            __syncthreads();
        }
        const int k = row_exponent(most[0]);
        const T over = power(T(), -k);
        if (threadIdx.x == 0) scale[y] = power(T(), k);
        for (long long x = threadIdx.x; x < nx; x += HALVES_THREADS) words[y * nx + x] = to_halves(over * u[x]);
        __syncthreads();
    }
}
template <class T> PNN_D void halves_take(long long rows, long long nx, const int* words, const T* scale, complex<T>* field) {
    for (long long y = blockIdx.x; y < rows; y += gridDim.x)
        for (long long x = threadIdx.x; x < nx; x += blockDim.x) field[y * nx + x] = scale[y] * from_halves<T>(words[y * nx + x]);
}
}  // namespace pnn

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
