// A local update by outer products, in one pass over the weights: nothing of their size is stored beside them.
//   weight[i, j] = clamp(weight[i, j] - rate sum_s first[s, i] second[s, j], low, high)
// Grid (ceil(columns / 64), ceil(rows / 64)), block 16 x 16, each thread 4 x 4 weights; samples are added in order.
// Moves 2 values per weight, and first and second once for every 64 columns or rows.
#include "pnnkern/platform.cuh"

namespace pnn {
constexpr int TILE = 64, DEPTH = 8;
template <class T>
PNN_D void contrast_update(long long rows, long long columns, long long samples, double rate, double low, double high, const T* first,
                           const T* second, T* weight, T (*a)[TILE], T (*b)[TILE]) {
    int t = threadIdx.y * 16 + threadIdx.x;
    for (long long i0 = blockIdx.y * (long long)TILE; i0 < rows; i0 += gridDim.y * (long long)TILE) {
        long long j0 = blockIdx.x * (long long)TILE;
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
                    for (int n = 0; n < 4; n++) sum[m][n] += a[s][threadIdx.y + 16 * m] * b[s][threadIdx.x + 16 * n];
            __syncthreads();
        }
#pragma unroll
        for (int m = 0; m < 4; m++)
#pragma unroll
            for (int n = 0; n < 4; n++) {
                long long i = i0 + threadIdx.y + 16 * m, j = j0 + threadIdx.x + 16 * n;
                if (i >= rows || j >= columns) continue;
                T w = weight[i * columns + j] - T(rate) * sum[m][n];
                w = w < T(low) ? T(low) : w;
                weight[i * columns + j] = w > T(high) ? T(high) : w;
            }
    }
}
}  // namespace pnn

// first[samples][rows], second[samples][columns].
extern "C" __global__ void __launch_bounds__(256) pnn_contrast_update_f32(long long rows, long long columns, long long samples, double rate,
    double low, double high, const float* __restrict__ first, const float* __restrict__ second, float* __restrict__ weight) {
    __shared__ float a[pnn::DEPTH][pnn::TILE], b[pnn::DEPTH][pnn::TILE];
    pnn::contrast_update(rows, columns, samples, rate, low, high, first, second, weight, a, b);
}
extern "C" __global__ void __launch_bounds__(256) pnn_contrast_update_f64(long long rows, long long columns, long long samples, double rate,
    double low, double high, const double* __restrict__ first, const double* __restrict__ second, double* __restrict__ weight) {
    __shared__ double a[pnn::DEPTH][pnn::TILE], b[pnn::DEPTH][pnn::TILE];
    pnn::contrast_update(rows, columns, samples, rate, low, high, first, second, weight, a, b);
}
