// out[s, e] for s < samples, e < elements, C order: the draw of element element0 + e of sample (index ? index[s] : sample0 + s).
// Launch any 2-D grid: x walks blocks of four elements, y the samples.  Poisson: x walks elements.  Writes each draw once.
#include "pnnkern/philox.cuh"

namespace pnn {
template <class T, class F>
PNN_D void fill4(long long samples, long long elements, unsigned key0, unsigned key1, long long element0, long long sample0,
                 const long long* index, T* out, F draw) {
    long long q0 = element0 >> 2, quads = ((element0 + elements + 3) >> 2) - q0;
    for (long long s = blockIdx.y; s < samples; s += gridDim.y) {
        long long sample = index ? index[s] : sample0 + s;
        for (long long q = blockIdx.x * (long long)blockDim.x + threadIdx.x; q < quads; q += (long long)gridDim.x * blockDim.x) {
            T z[4];
            long long e = 4 * (q0 + q) - element0;   // offset of lane 0 in the row
            draw(block4({key0, key1}, q0 + q, sample), s * elements + e, e, z);
            T* o = out + s * elements + e;
#pragma unroll
            for (int j = 0; j < 4; j++) if (e + j >= 0 && e + j < elements) o[j] = z[j];
        }
    }
}
struct draw_words { __device__ void operator()(words w, long long, long long, unsigned* z) const { for (int j = 0; j < 4; j++) z[j] = w.w[j]; } };
struct draw_uniform { __device__ void operator()(words w, long long, long long, float* z) const { for (int j = 0; j < 4; j++) z[j] = uniform(w.w[j]); } };
struct draw_normal { __device__ void operator()(words w, long long, long long, float* z) const { normal4(w, z); } };
struct draw_bernoulli {
    const float* p;
    long long elements;
    __device__ void operator()(words w, long long i, long long e, unsigned char* z) const {
        for (int j = 0; j < 4; j++) z[j] = e + j >= 0 && e + j < elements && bernoulli(p[i + j], w.w[j], w.w[(j + 1) & 3]);
    }
};
}  // namespace pnn

extern "C" __global__ void pnn_draws_words_u32(long long samples, long long elements, unsigned key0, unsigned key1, long long element0,
                                               long long sample0, const long long* __restrict__ index, unsigned* __restrict__ out) {
    pnn::fill4(samples, elements, key0, key1, element0, sample0, index, out, pnn::draw_words{});
}
extern "C" __global__ void pnn_draws_uniform_f32(long long samples, long long elements, unsigned key0, unsigned key1, long long element0,
                                                 long long sample0, const long long* __restrict__ index, float* __restrict__ out) {
    pnn::fill4(samples, elements, key0, key1, element0, sample0, index, out, pnn::draw_uniform{});
}
extern "C" __global__ void pnn_draws_normal_f32(long long samples, long long elements, unsigned key0, unsigned key1, long long element0,
                                                long long sample0, const long long* __restrict__ index, float* __restrict__ out) {
    pnn::fill4(samples, elements, key0, key1, element0, sample0, index, out, pnn::draw_normal{});
}
// p[s, e]: probability of a one.
extern "C" __global__ void pnn_draws_bernoulli_f32(long long samples, long long elements, unsigned key0, unsigned key1, long long element0,
                                                   long long sample0, const long long* __restrict__ index, const float* __restrict__ p,
                                                   unsigned char* __restrict__ out) {
    pnn::fill4(samples, elements, key0, key1, element0, sample0, index, out, pnn::draw_bernoulli{p, elements});
}
// mean[s, e] in [0, 2e9], else fault 2 and -1; element < 2^48.
extern "C" __global__ void pnn_draws_poisson_f32(long long samples, long long elements, unsigned key0, unsigned key1, long long element0,
                                                 long long sample0, const long long* __restrict__ index, const float* __restrict__ mean,
                                                 int* __restrict__ out, int* fault) {
    for (long long s = blockIdx.y; s < samples; s += gridDim.y) {
        long long sample = index ? index[s] : sample0 + s;
        for (long long e = blockIdx.x * (long long)blockDim.x + threadIdx.x; e < elements; e += (long long)gridDim.x * blockDim.x) {
            int n = pnn::poisson({key0, key1}, element0 + e, sample, mean[s * elements + e]);
            if (n < 0) atomicMax(fault, 2);
            out[s * elements + e] = n;
        }
    }
}
