// Parameters with noise of their own size, out = clamp(p + noise max|p| z, low, high), up to 8 arrays in a launch: the largest of each,
// then the noise. z are normals of sample 0, element e for value e, by fold_in(key, purpose) of each array, or by the key itself. Twin:
// learning/shake.py.
// arrays : how many, 8 at most; pointers of the others are not looked at
// sizes : (arrays) values of each
// p0 .. p7 : (sizes) parameters
// parts : (arrays, 64) the largest |p| that each block of pnn_shake_largest has seen, NaN if one is NaN
#include "pnnkern/philox.cuh"

namespace pnn {
constexpr int PARTS = 64;   // blocks that look for the largest value of an array. Twin, caller: learning/hardware_aware.py.

// Blocks (PARTS, arrays): parts[array][block] is the largest |p| that the block has seen, NaN if one is NaN.
template <class T> PNN_D void shake_largest(long long n, const T* p, T* part, T* seen) {
    T most = T(0);
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        most = larger(most, p[i] < T(0) ? -p[i] : p[i]);
    for (int o = 16; o > 0; o /= 2) most = larger(most, (T)__shfl_xor_sync(0xffffffffu, most, o));
    if (threadIdx.x % 32 == 0) seen[threadIdx.x / 32] = most;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int w = 1; w < (int)blockDim.x / 32; w++) most = larger(most, seen[w]);
    *part = most;
}

// Blocks (any, arrays), of whole warps: each warp looks at all parts, a thread takes quads.
template <class T>
PNN_D void shake_add(long long n, double noise, rng_key key, T low, T high, const T* part, const T* p, T* out) {
    T most = T(0);
    for (int i = threadIdx.x % 32; i < PARTS; i += 32) most = larger(most, part[i]);
    for (int o = 16; o > 0; o /= 2) most = larger(most, (T)__shfl_xor_sync(0xffffffffu, most, o));
    const T size = T(noise * (double)most);
    for (long long q = blockIdx.x * (long long)blockDim.x + threadIdx.x; 4 * q < n; q += (long long)gridDim.x * blockDim.x) {
        T z[4];
        normal4(key, q, 0, z);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (4 * q + j >= n) continue;
            T w = add_(p[4 * q + j], mul_(size, z[j]));
            w = w < low ? low : w;
            out[4 * q + j] = w > high ? high : w;
        }
    }
}
}  // namespace pnn

// The largest absolute value of each array, by 64 blocks each.
// Bytes: a value in.
// Launch: grid (64, arrays), blocks of whole warps, 1024 threads at most.
extern "C" __global__ void pnn_shake_largest_f32(int arrays, const long long* __restrict__ sizes, const float* __restrict__ p0,
    const float* __restrict__ p1, const float* __restrict__ p2, const float* __restrict__ p3, const float* __restrict__ p4,
    const float* __restrict__ p5, const float* __restrict__ p6, const float* __restrict__ p7, float* __restrict__ parts) {
    __shared__ float seen[32];
    const int a = blockIdx.y;
    if (a < arrays) pnn::shake_largest(sizes[a], pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7), parts + a * pnn::PARTS + blockIdx.x, seen);
}
extern "C" __global__ void pnn_shake_largest_f64(int arrays, const long long* __restrict__ sizes, const double* __restrict__ p0,
    const double* __restrict__ p1, const double* __restrict__ p2, const double* __restrict__ p3, const double* __restrict__ p4,
    const double* __restrict__ p5, const double* __restrict__ p6, const double* __restrict__ p7, double* __restrict__ parts) {
    __shared__ double seen[32];
    const int a = blockIdx.y;
    if (a < arrays) pnn::shake_largest(sizes[a], pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7), parts + a * pnn::PARTS + blockIdx.x, seen);
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
                   parts + a * pnn::PARTS, pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7),
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
                   parts + a * pnn::PARTS, pnn::chosen(a, p0, p1, p2, p3, p4, p5, p6, p7),
                   pnn::chosen(a, out0, out1, out2, out3, out4, out5, out6, out7));
}
