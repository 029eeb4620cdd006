// Intensity detectors. A detector is a list of pixels: region r holds pixel[start[r] .. start[r + 1]). Powers are in the square of the
// field's unit.
// batch : fields
// pixels : of a field
// regions : of the detector
// start : (regions + 1) where the pixels of each region begin
// pixel : (start[regions]) numbers of pixels
// label : (pixels) the region of each pixel, -1 where there is none
// field : (batch, pixels) fields
#include "pnnkern/detector.cuh"

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
