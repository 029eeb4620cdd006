// What a launch of the kernels in networks/dense.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/dense.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/philox.cuh"

namespace pnn {
constexpr int DENSE_SIDE = 16, DENSE_SLICE = 64, DENSE_QUARTER = DENSE_SLICE / 4, DENSE_THREADS = 256;

template <class T> struct dense_tile {
    T x[DENSE_SLICE][DENSE_SIDE + 1], w[DENSE_SLICE][DENSE_SIDE + 1];   // by k: neighbours in a column lie in banks of their own
    T sum[4][DENSE_SIDE][DENSE_SIDE];
};

// Entry `row` at k of a matrix of numbers: values (rows, depth), or (depth, rows) where TURNED; 0 beyond it.
template <class T, bool TURNED_> struct dense_matrix {
    static constexpr bool TURNED = TURNED_;
    const T* from;
    i64 rows, depth;
    PNN_D T operator()(i64 row, i64 k) const { return row < rows && k < depth ? from[TURNED ? k * rows + row : row * depth + k] : T(0); }
};

// The four of a slice and 16 rows that a thread brings; neighbours by neighbours in memory: rows where the matrix is TURNED, else k.
template <class T, class Matrix> struct brought {
    static constexpr bool TURNED = Matrix::TURNED;
    T v[4];
    PNN_D static int k(int i) { return TURNED ? int(threadIdx.x) / DENSE_SIDE + DENSE_QUARTER * i : int(threadIdx.x) % DENSE_SLICE; }
    PNN_D static int row(int i) { return TURNED ? int(threadIdx.x) % DENSE_SIDE : int(threadIdx.x) / DENSE_SLICE + 4 * i; }
    PNN_D void load(const Matrix& from, i64 row0, i64 k0) {
        PNN_UNROLL
        for (int i = 0; i < 4; i++) v[i] = from(row0 + row(i), k0 + k(i));
    }
    PNN_D void put(T (*to)[DENSE_SIDE + 1]) const {
        PNN_UNROLL
        for (int i = 0; i < 4; i++) to[k(i)][row(i)] = v[i];
    }
};

// This thread's output of a tile, row threadIdx.x / DENSE_SIDE and column threadIdx.x % DENSE_SIDE: the sum over k < depth of x(row, k)
// w(column, k), which are 0 beyond their matrices. All threads of the block come here.
template <class T, class X, class W> PNN_D T dense_sum(dense_tile<T>& t, i64 depth, i64 row0, i64 column0, const X& x, const W& w) {
    const int me = threadIdx.x, quarter = me / 64, r = 2 * (me % 64 / 8), c = 2 * (me % 8);
    brought<T, X> a;
    brought<T, W> b;
    T s00 = T(0), s01 = T(0), s10 = T(0), s11 = T(0);
    a.load(x, row0, 0);
    b.load(w, column0, 0);
    PNN_UNROLL_BY(1)
    for (i64 k0 = 0; k0 < depth; k0 += DENSE_SLICE) {
        a.put(t.x);
        b.put(t.w);
        __syncthreads();
        if (k0 + DENSE_SLICE < depth) {   // on their way while these are used
            a.load(x, row0, k0 + DENSE_SLICE);
            b.load(w, column0, k0 + DENSE_SLICE);
        }
        PNN_UNROLL
        for (int k = DENSE_QUARTER * quarter; k < DENSE_QUARTER * (quarter + 1); k++) {
            const T x0 = t.x[k][r], x1 = t.x[k][r + 1], w0 = t.w[k][c], w1 = t.w[k][c + 1];
            s00 = fma_(x0, w0, s00);
            s01 = fma_(x0, w1, s01);
            s10 = fma_(x1, w0, s10);
            s11 = fma_(x1, w1, s11);
        }
        __syncthreads();
    }
    t.sum[quarter][r][c] = s00;
    t.sum[quarter][r][c + 1] = s01;
    t.sum[quarter][r + 1][c] = s10;
    t.sum[quarter][r + 1][c + 1] = s11;
    __syncthreads();
    const int row = me / DENSE_SIDE, column = me % DENSE_SIDE;
    const T total = add_(add_(add_(t.sum[0][row][column], t.sum[1][row][column]), t.sum[2][row][column]), t.sum[3][row][column]);
    __syncthreads();   // the next tile may write there
    return total;
}

// f, and its derivative by f's own value. 1 tanh, 2 relu, 3 sigmoid. Twin: networks/dense.py; caller: _dense.py.
template <class T> PNN_D T active(int activation, T a) {
    if (activation == 0) return a;
    if (activation == 2) return a > T(0) || a != a ? a : T(0);
    const T h = T(tanh(activation == 3 ? a / T(2) : a));
    return activation == 3 ? T(0.5) + T(0.5) * h : h;
}
template <class T> PNN_D T slope(int activation, T h) {
    if (activation == 1) return T(1) - h * h;
    if (activation == 2) return h > T(0) ? T(1) : T(0);
    return h * (T(1) - h);
}

template <class T>
PNN_D void dense_layer(dense_tile<T>& t, i64 members, int shared, i64 batch, i64 n_in, i64 n_out, int activation, int ones, const T* x, const T* w,
                       T* out) {
    const i64 width = n_out + (ones != 0);
    const int across = int((width + DENSE_SIDE - 1) / DENSE_SIDE), down = int((batch + DENSE_SIDE - 1) / DENSE_SIDE), tiles = int(members) * down * across;
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const int m = n / (down * across), i = n / across % down, j = n % across;
        const dense_matrix<T, false> own = {x + (shared ? 0 : m * batch * n_in), batch, n_in};
        const dense_matrix<T, true> weights = {w + m * n_in * n_out, n_out, n_in};
        const T sum = dense_sum<T>(t, n_in, i * (i64)DENSE_SIDE, j * (i64)DENSE_SIDE, own, weights);
        const i64 row = i * (i64)DENSE_SIDE + threadIdx.x / DENSE_SIDE, column = j * (i64)DENSE_SIDE + threadIdx.x % DENSE_SIDE;
        if (row < batch && column < width) out[(m * batch + row) * width + column] = column < n_out ? active(activation, sum) : T(1);
    }
}
template <class T>
PNN_D void dense_below(dense_tile<T>& t, i64 batch, i64 n_in, i64 n_out, int activation, const T* error, const T* w, const T* entered, T* out) {
    const int across = int((n_in - 1 + DENSE_SIDE - 1) / DENSE_SIDE), tiles = int((batch + DENSE_SIDE - 1) / DENSE_SIDE) * across;
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const i64 row0 = n / across * (i64)DENSE_SIDE, column0 = n % across * (i64)DENSE_SIDE;
        const dense_matrix<T, false> above = {error, batch, n_out}, weights = {w, n_in - 1, n_out};
        const T sum = dense_sum<T>(t, n_out, row0, column0, above, weights);
        const i64 row = row0 + threadIdx.x / DENSE_SIDE, column = column0 + threadIdx.x % DENSE_SIDE;
        if (row < batch && column < n_in - 1) out[row * (n_in - 1) + column] = sum * slope(activation, entered[row * n_in + column]);
    }
}
template <class T>
PNN_D void dense_outer(dense_tile<T>& t, i64 samples, i64 rows, i64 columns, T scale, const T* first, const T* second, T* out) {
    const int across = int((columns + DENSE_SIDE - 1) / DENSE_SIDE), tiles = int((rows + DENSE_SIDE - 1) / DENSE_SIDE) * across;
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const i64 row0 = n / across * (i64)DENSE_SIDE, column0 = n % across * (i64)DENSE_SIDE;
        const dense_matrix<T, true> one = {first, rows, samples}, two = {second, columns, samples};
        const T sum = dense_sum<T>(t, samples, row0, column0, one, two);
        const i64 row = row0 + threadIdx.x / DENSE_SIDE, column = column0 + threadIdx.x % DENSE_SIDE;
        if (row < rows && column < columns) out[row * columns + column] = scale * sum;
    }
}
template <class T> PNN_D void dense_slope(i64 values, int activation, const T* error, const T* left, T* out) {
    for (i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < values; i += (i64)gridDim.x * blockDim.x)
        out[i] = error[i] * slope(activation, left[i]);
}
}  // namespace pnn
#endif
