// Local updates by outer products, in one pass over the weights: nothing of their size is stored beside them. Up to 8 arrays in a launch:
//   weight[i, j] = clamp(weight[i, j] - rate scale sum_s first[s, i] second[s, j], low, high)
// Tiles of 64 x 64 of all arrays for blocks of 16 x 16 threads, each thread 4 x 4 weights; samples are added in order.
// Moves 2 values per weight, and first and second once for every 64 columns or rows.
#include "pnnkern/four.cuh"

namespace pnn {
constexpr int TILE = 64, DEPTH = 8;

// The tile whose first weight is `weight`, of which `tall` rows and `wide` columns are there; first and second begin at it, too.
template <class T>
PNN_D void contrast_tile(long long rows, long long columns, int samples, int tall, int wide, T rate, T low, T high, const T* first,
                         const T* second, T* weight, T (*a)[TILE], T (*b)[TILE]) {
    int t = threadIdx.y * 16 + threadIdx.x, i = t % TILE, lane = t / TILE;   // a row of a or b for each two warps
    T sum[4][4] = {};
#pragma unroll 1
    for (int s0 = 0; s0 < samples; s0 += DEPTH) {
#pragma unroll
        for (int s = lane; s < DEPTH; s += 256 / TILE) {
            a[s][i] = s0 + s < samples && i < tall ? first[(s0 + s) * rows + i] : T(0);
            b[s][i] = s0 + s < samples && i < wide ? second[(s0 + s) * columns + i] : T(0);
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
    int j = 4 * threadIdx.x;
    bool whole = j + 4 <= wide && columns % 4 == 0 && (unsigned long long)weight % 16 == 0;
#pragma unroll
    for (int m = 0; m < 4; m++) {
        int row = threadIdx.y + 16 * m;
        if (row >= tall || j >= wide) continue;
        T *at = weight + row * columns + j, w[4];
        if (whole) {
            load(at, w);
        } else {
#pragma unroll
            for (int n = 0; n < 4; n++) w[n] = j + n < wide ? at[n] : T(0);
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
                if (j + n < wide) at[n] = w[n];
        }
    }
}

template <class T>
PNN_D void contrast_update(int arrays, double rate, const long long* shape, const double* how, const T* f0, const T* f1, const T* f2,
                           const T* f3, const T* f4, const T* f5, const T* f6, const T* f7, const T* s0, const T* s1, const T* s2,
                           const T* s3, const T* s4, const T* s5, const T* s6, const T* s7, T* w0, T* w1, T* w2, T* w3, T* w4, T* w5, T* w6,
                           T* w7, T (*a)[TILE], T (*b)[TILE]) {
    unsigned before = 0;   // tiles of the arrays that came before: block i takes tiles i, i + gridDim.x, .. of all
#pragma unroll 1
    for (int k = 0; k < arrays; k++) {
        long long rows = shape[3 * k], columns = shape[3 * k + 1];
        unsigned across = unsigned((columns + TILE - 1) / TILE), tiles = across * unsigned((rows + TILE - 1) / TILE);
#pragma unroll 1
        for (unsigned tile = (blockIdx.x + gridDim.x - before % gridDim.x) % gridDim.x; tile < tiles; tile += gridDim.x) {
            long long i0 = tile / across * (long long)TILE, j0 = tile % across * (long long)TILE;
            contrast_tile(rows, columns, int(shape[3 * k + 2]), int(rows - i0 < TILE ? rows - i0 : TILE),
                          int(columns - j0 < TILE ? columns - j0 : TILE), T(rate * how[3 * k]), T(how[3 * k + 1]), T(how[3 * k + 2]),
                          chosen(k, f0, f1, f2, f3, f4, f5, f6, f7) + i0, chosen(k, s0, s1, s2, s3, s4, s5, s6, s7) + j0,
                          chosen(k, w0, w1, w2, w3, w4, w5, w6, w7) + i0 * columns + j0, a, b);
        }
        before += tiles;
    }
}
}  // namespace pnn

// shape[arrays][3]: rows, columns, samples; how[arrays][3]: scale, low, high. first[samples][rows], second[samples][columns] of each.
extern "C" __global__ void __launch_bounds__(256, 4) pnn_contrast_update_f32(int arrays, double rate, const long long* __restrict__ shape,
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
