// Parameters with noise of their own size, out = clamp(p + noise max|p| z, low, high), up to 8 arrays in a launch: the largest of each,
// then the noise. z are normals of sample 0, element e for value e, by fold_in(key, purpose) of each array, or by the key itself. Twin:
// learning/shake.py.
// arrays : how many, 8 at most; pointers of the others are not looked at
// sizes : (arrays) values of each
// p0 .. p7 : (sizes) parameters
// parts : (arrays, 64) the largest |p| that each block of pnn_shake_largest has seen, NaN if one is NaN
#include "pnnkern/shake.cuh"

// The largest absolute value of each array, by 64 blocks each.
// Bytes: a value in.
// Launch: grid (64, arrays), blocks of whole warps, 1024 threads at most.
extern "C" __global__ void pnn_shake_largest_f32(int arrays, const long long* __restrict__ sizes, const float* __restrict__ p0,
    const float* __restrict__ p1, const float* __restrict__ p2, const float* __restrict__ p3, const float* __restrict__ p4,
    const float* __restrict__ p5, const float* __restrict__ p6, const float* __restrict__ p7, float* __restrict__ parts) {
    __shared__ float seen[32];
    const int a = blockIdx.y;
    if (a < arrays) pnn::shake_largest(sizes[a], pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7), parts + a * pnn::SHAKE_PARTS + blockIdx.x, seen);
}
extern "C" __global__ void pnn_shake_largest_f64(int arrays, const long long* __restrict__ sizes, const double* __restrict__ p0,
    const double* __restrict__ p1, const double* __restrict__ p2, const double* __restrict__ p3, const double* __restrict__ p4,
    const double* __restrict__ p5, const double* __restrict__ p6, const double* __restrict__ p7, double* __restrict__ parts) {
    __shared__ double seen[32];
    const int a = blockIdx.y;
    if (a < arrays) pnn::shake_largest(sizes[a], pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7), parts + a * pnn::SHAKE_PARTS + blockIdx.x, seen);
}
// The noise, of the size that pnn_shake_largest has found.
// Bytes: a value in and one out; some 75 instructions for a value.
// Launch: grid (any, arrays), blocks of whole warps.
// limits : (arrays, 2) low and high of each
// noise : standard deviation relative to the largest value
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// purposes : (arrays) what the key is folded by for each array; or null
// out0 .. out7 : (sizes) shaken parameters
extern "C" __global__ void pnn_shake_add_f32(int arrays, const long long* __restrict__ sizes, const double* __restrict__ limits, double noise,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, const unsigned long long* __restrict__ purposes,
    const float* __restrict__ parts, const float* __restrict__ p0, const float* __restrict__ p1, const float* __restrict__ p2,
    const float* __restrict__ p3, const float* __restrict__ p4, const float* __restrict__ p5, const float* __restrict__ p6,
    const float* __restrict__ p7, float* __restrict__ out0, float* __restrict__ out1, float* __restrict__ out2, float* __restrict__ out3,
    float* __restrict__ out4, float* __restrict__ out5, float* __restrict__ out6, float* __restrict__ out7) {
    const int a = blockIdx.y;
    if (a >= arrays) return;
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::shake_add(sizes[a], noise, purposes ? pnn::fold_in(k, purposes[a]) : k, float(limits[2 * a]), float(limits[2 * a + 1]),
                   parts + a * pnn::SHAKE_PARTS, pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7),
                   pnn::chosen(a, out0, out1, out2, out3, out4, out5, out6, out7));
}
extern "C" __global__ void pnn_shake_add_f64(int arrays, const long long* __restrict__ sizes, const double* __restrict__ limits, double noise,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, const unsigned long long* __restrict__ purposes,
    const double* __restrict__ parts, const double* __restrict__ p0, const double* __restrict__ p1, const double* __restrict__ p2,
    const double* __restrict__ p3, const double* __restrict__ p4, const double* __restrict__ p5, const double* __restrict__ p6,
    const double* __restrict__ p7, double* __restrict__ out0, double* __restrict__ out1, double* __restrict__ out2, double* __restrict__ out3,
    double* __restrict__ out4, double* __restrict__ out5, double* __restrict__ out6, double* __restrict__ out7) {
    const int a = blockIdx.y;
    if (a >= arrays) return;
    const pnn::rng_key k = pnn::key_of(key0, key1, key);
    pnn::shake_add(sizes[a], noise, purposes ? pnn::fold_in(k, purposes[a]) : k, double(limits[2 * a]), double(limits[2 * a + 1]),
                   parts + a * pnn::SHAKE_PARTS, pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7),
                   pnn::chosen(a, out0, out1, out2, out3, out4, out5, out6, out7));
}
