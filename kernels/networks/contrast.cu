// Local updates by outer products, in one pass over the weights: nothing of their size is stored beside them.
#include "pnnkern/extremes.cuh"
#include "pnnkern/four.cuh"

namespace pnn {
constexpr int TILE = 64, DEPTH = 2;   // of weights in each direction, for 16 x 16 threads; samples that are asked for together

// Four values from p on, of which `count` are there; WHOLE: all, and in one access.
template <bool WHOLE, class T> PNN_D void take(const T* p, int count, T* v) {
    if (WHOLE) return fetch(p, v);
#pragma unroll
    for (int n = 0; n < 4; n++) v[n] = n < count ? p[n] : T(0);
}

template <class T> PNN_D void add(const T (&a)[4], const T (&b)[4], T (&sum)[4][4]) {
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int n = 0; n < 4; n++) sum[m][n] += a[m] * b[n];
}

// 4 x 4 weights from `weight` on, of which `tall` rows and `wide` columns are there; first and second begin at them, too. TALL, WIDE: all four
// rows and columns, and in one access.
template <bool TALL, bool WIDE, class T>
PNN_D void contrast_weights(int rows, int columns, int samples, int tall, int wide, double rate, const double* how, const T* first,
                            const T* second, T* weight) {
    T w[4][4], sum[4][4] = {};
    double scale = how[0], least = how[1], most = how[2];   // asked for before they are needed
    int s = 0;
#pragma unroll 1
    for (; s + DEPTH <= samples; s += DEPTH) {
        T a[DEPTH][4], b[DEPTH][4];
#pragma unroll
        for (int d = 0; d < DEPTH; d++) {
            take<TALL>(first, tall, a[d]), take<WIDE>(second, wide, b[d]);
            first += rows, second += columns;
        }
#pragma unroll
        for (int d = 0; d < DEPTH; d++) add(a[d], b[d], sum);
    }
    if (s < samples) {
        T a[DEPTH - 1][4], b[DEPTH - 1][4];
#pragma unroll
        for (int d = 0; d < DEPTH - 1; d++)
            if (s + d < samples) take<TALL>(first + (long long)d * rows, tall, a[d]), take<WIDE>(second + (long long)d * columns, wide, b[d]);
#pragma unroll
        for (int d = 0; d < DEPTH - 1; d++)
            if (s + d < samples) add(a[d], b[d], sum);
    }
#pragma unroll
    for (int m = 0; m < 4; m++) {   // later than sums, which need the registers
        T* at = weight + (long long)m * columns;
        if (TALL && WIDE) {
            load(at, w[m]);
        } else {
#pragma unroll
            for (int n = 0; n < 4; n++) w[m][n] = m < tall && n < wide ? at[n] : T(0);
        }
    }
    T step = T(rate * scale), low = T(least), high = T(most);
#pragma unroll
    for (int m = 0; m < 4; m++) {
        T* at = weight + (long long)m * columns;
#pragma unroll
        for (int n = 0; n < 4; n++) w[m][n] = lower(upper(w[m][n] - step * sum[m][n], low), high);
        if (TALL && WIDE) {
            store(at, w[m]);
        } else {
#pragma unroll
            for (int n = 0; n < 4; n++)
                if (m < tall && n < wide) at[n] = w[m][n];
        }
    }
}

template <class T>
PNN_D void contrast_update(int arrays, double rate, const long long* shape, const double* how, const T* f0, const T* f1, const T* f2,
                           const T* f3, const T* f4, const T* f5, const T* f6, const T* f7, const T* s0, const T* s1, const T* s2,
                           const T* s3, const T* s4, const T* s5, const T* s6, const T* s7, T* w0, T* w1, T* w2, T* w3, T* w4, T* w5, T* w6,
                           T* w7) {
    unsigned tile = blockIdx.x, across;
    int rows, columns, samples, k = 0;
#pragma unroll 1
    for (;; k++) {
        if (k == arrays) return;
        rows = int(shape[3 * k]), columns = int(shape[3 * k + 1]), samples = int(shape[3 * k + 2]);
        across = unsigned(columns + TILE - 1) / TILE;
        unsigned tiles = across * (unsigned(rows + TILE - 1) / TILE);
        if (tile < tiles) break;
        tile -= tiles;
    }
    unsigned down = tile / across;
    int i = int(down) * TILE + 4 * int(threadIdx.y), j = int(tile - down * across) * TILE + 4 * int(threadIdx.x);
    if (i >= rows || j >= columns) return;
    const T *first = chosen(k, f0, f1, f2, f3, f4, f5, f6, f7), *second = chosen(k, s0, s1, s2, s3, s4, s5, s6, s7);
    T* weight = chosen(k, w0, w1, w2, w3, w4, w5, w6, w7);
    bool tall = in_fours(rows, first), wide = in_fours(columns, second) && in_fours(columns, weight);
    first += i, second += j, weight += (long long)i * columns + j, how += 3 * k;
    if (tall && wide)
        contrast_weights<true, true>(rows, columns, samples, 4, 4, rate, how, first, second, weight);
    else if (tall)
        contrast_weights<true, false>(rows, columns, samples, 4, columns - j < 4 ? columns - j : 4, rate, how, first, second, weight);
    else
        contrast_weights<false, false>(rows, columns, samples, rows - i < 4 ? rows - i : 4, columns - j < 4 ? columns - j : 4, rate, how, first,
                                       second, weight);
}
}  // namespace pnn

// weight[i, j] = clamp(weight[i, j] - rate scale sum_s first[s, i] second[s, j], low, high), of up to 8 arrays in a launch. A thread has 4
// x 4 weights of a tile of 64 x 64; samples are added in order.
// Bytes: 2 values per weight, and first and second once for every 64 columns or rows.
// Launch: any 1-D grid, blocks of 16 x 16, which take turns at the tiles of all arrays.
// arrays : how many, 8 at most; pointers of the others are not looked at
// rate : of the move
// shape : (arrays, 3) rows, columns and samples of each
// how : (arrays, 3) scale, low and high of each
// first0 .. first7 : (samples, rows) one factor of each
// second0 .. second7 : (samples, columns) the other factor
// weight0 .. weight7 : (rows, columns) in place
extern "C" __global__ void __launch_bounds__(256, 4) pnn_contrast_update_f32(int arrays, double rate, const long long* __restrict__ shape,
    const double* __restrict__ how, const float* __restrict__ first0, const float* __restrict__ first1, const float* __restrict__ first2,
    const float* __restrict__ first3, const float* __restrict__ first4, const float* __restrict__ first5, const float* __restrict__ first6,
    const float* __restrict__ first7, const float* __restrict__ second0, const float* __restrict__ second1, const float* __restrict__ second2,
    const float* __restrict__ second3, const float* __restrict__ second4, const float* __restrict__ second5, const float* __restrict__ second6,
    const float* __restrict__ second7, float* __restrict__ weight0, float* __restrict__ weight1, float* __restrict__ weight2,
    float* __restrict__ weight3, float* __restrict__ weight4, float* __restrict__ weight5, float* __restrict__ weight6,
    float* __restrict__ weight7) {
    pnn::contrast_update(arrays, rate, shape, how, first0, first1, first2, first3, first4, first5, first6, first7,
                         second0, second1, second2, second3, second4, second5, second6, second7,
                         weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7);
}
extern "C" __global__ void __launch_bounds__(256) pnn_contrast_update_f64(int arrays, double rate, const long long* __restrict__ shape,
    const double* __restrict__ how, const double* __restrict__ first0, const double* __restrict__ first1, const double* __restrict__ first2,
    const double* __restrict__ first3, const double* __restrict__ first4, const double* __restrict__ first5, const double* __restrict__ first6,
    const double* __restrict__ first7, const double* __restrict__ second0, const double* __restrict__ second1,
    const double* __restrict__ second2, const double* __restrict__ second3, const double* __restrict__ second4,
    const double* __restrict__ second5, const double* __restrict__ second6, const double* __restrict__ second7, double* __restrict__ weight0,
    double* __restrict__ weight1, double* __restrict__ weight2, double* __restrict__ weight3, double* __restrict__ weight4,
    double* __restrict__ weight5, double* __restrict__ weight6, double* __restrict__ weight7) {
    pnn::contrast_update(arrays, rate, shape, how, first0, first1, first2, first3, first4, first5, first6, first7,
                         second0, second1, second2, second3, second4, second5, second6, second7,
                         weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7);
}
