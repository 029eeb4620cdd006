// Intensity detectors. A detector is a list of pixels: region r holds pixel[start[r] .. start[r + 1]). Powers are in the square of the
// field's unit.
// batch : fields
// pixels : of a field
// regions : of the detector
// start : (regions + 1) where the pixels of each region begin
// pixel : (start[regions]) numbers of pixels
// label : (pixels) the region of each pixel, -1 where there is none
// field : (batch, pixels) fields
#include "pnnkern/wide.cuh"

namespace pnn {
constexpr int DETECTOR_THREADS = 128;

template <class T>
PNN_D void detector_powers(long long batch, long long pixels, long long regions, const long long* start, const int* pixel,
                           const complex<T>* field, T* power, double* sums, int* fault) {
    for (long long i = blockIdx.x; i < batch * regions; i += gridDim.x) {
        const complex<T>* u = field + i / regions * pixels;
        long long r = i % regions;
        double sum = 0;
        for (long long k = start[r] + threadIdx.x; k < start[r + 1]; k += DETECTOR_THREADS) {
            complex<T> v = u[pixel[k]];
            sum += (double)v.re * v.re + (double)v.im * v.im;
        }
        sums[threadIdx.x] = sum;
        __syncthreads();
        for (int half = DETECTOR_THREADS / 2; half > 0; half /= 2) {
            if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            T total = T(sums[0]);
            power[i] = total;
            if (!(total - total == T(0))) atomicMax(fault, 5);
        }
        __syncthreads();
    }
}
// x goes along the pixels, y along the fields. What lies in no region is not read.
template <class T, int W>
PNN_D void powers_vjp(long long batch, long long pixels, long long regions, const int* label, const T* cotangent, const complex<T>* field,
                      complex<T>* out) {
    for (long long b = blockIdx.y; b < batch; b += gridDim.y) {
        const complex<T>* u = field + b * pixels;
        const T* g = cotangent + b * regions;
#pragma unroll 1
        for (long long p = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); p < pixels; p += W * ((long long)gridDim.x * blockDim.x)) {
            values<T, W> v;
#pragma unroll
            for (int i = 0; i < W; i++) {
                const int r = label[p + i];
                v.z[i] = {0, 0};
                if (r >= 0) v.z[i] = (2 * g[r]) * u[p + i];
            }
            store<W>(out + b * pixels + p, v);
        }
    }
}
template <class T>
PNN_D void detector_powers_vjp(long long batch, long long pixels, long long regions, const int* label, const T* cotangent,
                               const complex<T>* field, complex<T>* out) {
    if (WIDE<T> > 1 && whole(pixels, out, out, out)) powers_vjp<T, WIDE<T>>(batch, pixels, regions, label, cotangent, field, out);
    else powers_vjp<T, 1>(batch, pixels, regions, label, cotangent, field, out);
}
template <class T, int W> PNN_D void intensity(long long pixels, const complex<T>* field, T* out) {
#pragma unroll 1
    for (long long i = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); i < pixels; i += W * ((long long)gridDim.x * blockDim.x)) {
        const values<T, W> u = load<W>(field + i);
#pragma unroll
        for (int j = 0; j < W; j++) out[i + j] = abs2(u.z[j]);
    }
}
template <class T> PNN_D void detector_intensity(long long pixels, const complex<T>* field, T* out) {
    if (WIDE<T> > 1 && whole(pixels, field, field, field)) intensity<T, WIDE<T>>(pixels, field, out);
    else intensity<T, 1>(pixels, field, out);
}
}  // namespace pnn

// power[b, r] = sum over the pixels of region r of |field[b]|^2, in float64.
// Bytes: the regions' pixels once.
// Launch: any grid, blocks of 128.
// Faults: 5 a power that is NaN or infinite.
// power : (batch, regions) powers
extern "C" __global__ void __launch_bounds__(128) pnn_detector_powers_c64(long long batch, long long pixels, long long regions,
    const long long* __restrict__ start, const int* __restrict__ pixel, const pnn::complex<float>* __restrict__ field, float* __restrict__ power,
    int* fault) {
    __shared__ double sums[pnn::DETECTOR_THREADS];
    pnn::detector_powers(batch, pixels, regions, start, pixel, field, power, sums, fault);
}
extern "C" __global__ void __launch_bounds__(128) pnn_detector_powers_c128(long long batch, long long pixels, long long regions,
    const long long* __restrict__ start, const int* __restrict__ pixel, const pnn::complex<double>* __restrict__ field, double* __restrict__ power,
    int* fault) {
    __shared__ double sums[pnn::DETECTOR_THREADS];
    pnn::detector_powers(batch, pixels, regions, start, pixel, field, power, sums, fault);
}
// out[b, p] = 2 cotangent[b, label[p]] field[b, p].
// Bytes: writes a field, and reads what of one lies in the regions.
// Launch: any grid of two axes.
// cotangent : (batch, regions) dL / dpower
// out : (batch, pixels) dL / dfield
extern "C" __global__ void pnn_detector_powers_vjp_c64(long long batch, long long pixels, long long regions, const int* __restrict__ label,
    const float* __restrict__ cotangent, const pnn::complex<float>* field, pnn::complex<float>* out) {
    pnn::detector_powers_vjp(batch, pixels, regions, label, cotangent, field, out);
}
extern "C" __global__ void pnn_detector_powers_vjp_c128(long long batch, long long pixels, long long regions, const int* __restrict__ label,
    const double* __restrict__ cotangent, const pnn::complex<double>* field, pnn::complex<double>* out) {
    pnn::detector_powers_vjp(batch, pixels, regions, label, cotangent, field, out);
}
// out = |field|^2.
// Bytes: 1.5 fields.
// Launch: any 1-D grid and block.
// field : (pixels) fields, all in one
// out : (pixels) intensities
extern "C" __global__ void pnn_detector_intensity_c64(long long pixels, const pnn::complex<float>* __restrict__ field, float* __restrict__ out) {
    pnn::detector_intensity(pixels, field, out);
}
extern "C" __global__ void pnn_detector_intensity_c128(long long pixels, const pnn::complex<double>* __restrict__ field, double* __restrict__ out) {
    pnn::detector_intensity(pixels, field, out);
}
