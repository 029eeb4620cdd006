// Local updates by outer products, in one pass over the weights: nothing of their size is stored beside them. Up to 8 arrays in a launch:
//   weight[i, j] = clamp(weight[i, j] - rate scale sum_s first[s, i] second[s, j], low, high)
// Tiles of 64 x 64 of all arrays for blocks of 16 x 16 threads, each thread 4 x 4 weights; samples are added in order.
// Moves 2 values per weight, and first and second once for every 64 columns or rows.
#include "pnnkern/platform.cuh"

namespace pnn {
constexpr int TILE = 64, DEPTH = 8;

// Four weights side by side, in 16-byte accesses where the address allows.
template <class T> PNN_D void load(const T* p, T* v) { for (int n = 0; n < 4; n++) v[n] = p[n]; }
template <class T> PNN_D void store(T* p, const T* v) { for (int n = 0; n < 4; n++) p[n] = v[n]; }
#ifdef __CUDA_ARCH__   // where a copy of four comes to one access for each value
PNN_D void load(const float* p, float* v) {
    asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v[0]), "=f"(v[1]), "=f"(v[2]), "=f"(v[3]) : "l"(p) : "memory");
}
PNN_D void store(float* p, const float* v) {
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]) : "memory");
}
PNN_D void load(const double* p, double* v) {
    asm volatile("ld.global.v2.f64 {%0, %1}, [%2];" : "=d"(v[0]), "=d"(v[1]) : "l"(p) : "memory");
    asm volatile("ld.global.v2.f64 {%0, %1}, [%2];" : "=d"(v[2]), "=d"(v[3]) : "l"(p + 2) : "memory");
}
PNN_D void store(double* p, const double* v) {
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p), "d"(v[0]), "d"(v[1]) : "memory");
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p + 2), "d"(v[2]), "d"(v[3]) : "memory");
}
#endif

template <class T>
PNN_D void contrast_tile(long long rows, long long columns, long long samples, T rate, T low, T high, long long i0, long long j0,
                         const T* first, const T* second, T* weight, T (*a)[TILE], T (*b)[TILE]) {
    int t = threadIdx.y * 16 + threadIdx.x;
    T sum[4][4] = {};
    for (long long s0 = 0; s0 < samples; s0 += DEPTH) {
        for (int e = t; e < DEPTH * TILE; e += 256) {
            long long s = s0 + e / TILE, i = i0 + e % TILE, j = j0 + e % TILE;
            a[e / TILE][e % TILE] = s < samples && i < rows ? first[s * rows + i] : T(0);
            b[e / TILE][e % TILE] = s < samples && j < columns ? second[s * columns + j] : T(0);
        }
        __syncthreads();
#pragma unroll
        for (int s = 0; s < DEPTH; s++)
#pragma unroll
            for (int m = 0; m < 4; m++)
#pragma unroll
                for (int n = 0; n < 4; n++) sum[m][n] += a[s][threadIdx.y + 16 * m] * b[s][4 * threadIdx.x + n];
        __syncthreads();
    }
    long long j = j0 + 4 * threadIdx.x;
    bool whole = j + 4 <= columns && columns % 4 == 0 && (unsigned long long)weight % 16 == 0;
#pragma unroll
    for (int m = 0; m < 4; m++) {
        long long i = i0 + threadIdx.y + 16 * m;
        if (i >= rows || j >= columns) continue;
        T *at = weight + i * columns + j, w[4];
        if (whole) {
            load(at, w);
        } else {
#pragma unroll
            for (int n = 0; n < 4; n++) w[n] = j + n < columns ? at[n] : T(0);
        }
#pragma unroll
        for (int n = 0; n < 4; n++) {
            w[n] -= rate * sum[m][n];
            w[n] = w[n] < low ? low : w[n];
            w[n] = w[n] > high ? high : w[n];
        }
        if (whole) {
            store(at, w);
        } else {
#pragma unroll
            for (int n = 0; n < 4; n++)
                if (j + n < columns) at[n] = w[n];
        }
    }
}

template <class P> PNN_D P chosen(int k, P p0, P p1, P p2, P p3, P p4, P p5, P p6, P p7) {
    P low = k == 0 ? p0 : k == 1 ? p1 : k == 2 ? p2 : p3, high = k == 4 ? p4 : k == 5 ? p5 : k == 6 ? p6 : p7;
    return k < 4 ? low : high;
}

template <class T>
PNN_D void contrast_update(int arrays, double rate, const long long* shape, const double* how, const T* f0, const T* f1, const T* f2,
                           const T* f3, const T* f4, const T* f5, const T* f6, const T* f7, const T* s0, const T* s1, const T* s2,
                           const T* s3, const T* s4, const T* s5, const T* s6, const T* s7, T* w0, T* w1, T* w2, T* w3, T* w4, T* w5, T* w6,
                           T* w7, T (*a)[TILE], T (*b)[TILE]) {
    long long before = 0;   // tiles of the arrays that came before
    for (int k = 0; k < arrays; k++) {
        long long rows = shape[3 * k], columns = shape[3 * k + 1], samples = shape[3 * k + 2];
        long long wide = (columns + TILE - 1) / TILE, tiles = wide * ((rows + TILE - 1) / TILE);
        // of gridDim.x blocks the one that takes tile `before` of all takes the first of this array
        long long skip = (blockIdx.x - before) % gridDim.x, tile = skip < 0 ? skip + gridDim.x : skip;
        for (; tile < tiles; tile += gridDim.x)
            contrast_tile(rows, columns, samples, T(rate * how[3 * k]), T(how[3 * k + 1]), T(how[3 * k + 2]), tile / wide * TILE,
                          tile % wide * TILE, chosen(k, f0, f1, f2, f3, f4, f5, f6, f7), chosen(k, s0, s1, s2, s3, s4, s5, s6, s7),
                          chosen(k, w0, w1, w2, w3, w4, w5, w6, w7), a, b);
        before += tiles;
    }
}
}  // namespace pnn

// shape[arrays][3]: rows, columns, samples; how[arrays][3]: scale, low, high. first[samples][rows], second[samples][columns] of each.
extern "C" __global__ void __launch_bounds__(256) pnn_contrast_update_f32(int arrays, double rate, const long long* __restrict__ shape,
    const double* __restrict__ how, const float* __restrict__ first0, const float* __restrict__ first1, const float* __restrict__ first2,
    const float* __restrict__ first3, const float* __restrict__ first4, const float* __restrict__ first5, const float* __restrict__ first6,
    const float* __restrict__ first7, const float* __restrict__ second0, const float* __restrict__ second1, const float* __restrict__ second2,
    const float* __restrict__ second3, const float* __restrict__ second4, const float* __restrict__ second5, const float* __restrict__ second6,
    const float* __restrict__ second7, float* __restrict__ weight0, float* __restrict__ weight1, float* __restrict__ weight2,
    float* __restrict__ weight3, float* __restrict__ weight4, float* __restrict__ weight5, float* __restrict__ weight6,
    float* __restrict__ weight7) {
    __shared__ float a[pnn::DEPTH][pnn::TILE], b[pnn::DEPTH][pnn::TILE];
    pnn::contrast_update(arrays, rate, shape, how, first0, first1, first2, first3, first4, first5, first6, first7,
                         second0, second1, second2, second3, second4, second5, second6, second7,
                         weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7, a, b);
}
extern "C" __global__ void __launch_bounds__(256) pnn_contrast_update_f64(int arrays, double rate, const long long* __restrict__ shape,
    const double* __restrict__ how, const double* __restrict__ first0, const double* __restrict__ first1, const double* __restrict__ first2,
    const double* __restrict__ first3, const double* __restrict__ first4, const double* __restrict__ first5, const double* __restrict__ first6,
    const double* __restrict__ first7, const double* __restrict__ second0, const double* __restrict__ second1,
    const double* __restrict__ second2, const double* __restrict__ second3, const double* __restrict__ second4,
    const double* __restrict__ second5, const double* __restrict__ second6, const double* __restrict__ second7, double* __restrict__ weight0,
    double* __restrict__ weight1, double* __restrict__ weight2, double* __restrict__ weight3, double* __restrict__ weight4,
    double* __restrict__ weight5, double* __restrict__ weight6, double* __restrict__ weight7) {
    __shared__ double a[pnn::DEPTH][pnn::TILE], b[pnn::DEPTH][pnn::TILE];
    pnn::contrast_update(arrays, rate, shape, how, first0, first1, first2, first3, first4, first5, first6, first7,
                         second0, second1, second2, second3, second4, second5, second6, second7,
                         weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7, a, b);
}
