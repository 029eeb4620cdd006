// Layers of a network in exact arithmetic: what goes up, the error that comes down, and the gradient. Products of our own, because those of
// a library cannot be captured as a graph; everything at their edges is done on the way.
// Tiles of 16 x 16 outputs for blocks of 256 threads, of which each quarter adds up every fourth 16 of the k; a thread has 2 x 2 sums. The
// order of each sum is fixed, whatever the grid and the number of samples: of each quarter in the order of k, then the quarters.
// Launch: any 1-D grid, blocks of 256, which take turns at tiles of 16 x 16.
// batch : samples
// n_in, n_out : inputs, with that of the bias, and outputs of the layer
// activation : 1 tanh, 2 relu, 3 sigmoid; 0: none
#include "pnnkern/philox.cuh"

namespace pnn {
constexpr int SIDE = 16, SLICE = 64, QUARTER = SLICE / 4, THREADS = 256;

template <class T> struct dense_tile {
    T x[SLICE][SIDE + 1], w[SLICE][SIDE + 1];   // by k: neighbours in a column lie in banks of their own
    T sum[4][SIDE][SIDE];
};

// The four of a slice and 16 rows that a thread brings: values (rows, depth), or (depth, rows) where TURNED; neighbours by neighbours in memory.
template <class T, bool TURNED> struct brought {
    T v[4];
    PNN_D static int k(int i) { return TURNED ? int(threadIdx.x) / SIDE + QUARTER * i : int(threadIdx.x) % SLICE; }
    PNN_D static int row(int i) { return TURNED ? int(threadIdx.x) % SIDE : int(threadIdx.x) / SLICE + 4 * i; }
    PNN_D void load(const T* from, i64 rows, i64 depth, i64 row0, i64 k0) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const i64 r = row0 + row(i), d = k0 + k(i);
            v[i] = r < rows && d < depth ? from[TURNED ? d * rows + r : r * depth + d] : T(0);
        }
    }
    PNN_D void put(T (*to)[SIDE + 1]) const {
#pragma unroll
        for (int i = 0; i < 4; i++) to[k(i)][row(i)] = v[i];
    }
};

// This thread's output of a tile, row threadIdx.x / SIDE and column threadIdx.x % SIDE: the sum over k of x[row, k] w[k, column].
// x (rows, depth), w (columns, depth); turned: (depth, rows), (depth, columns). All threads of the block come here.
template <class T, bool TURNED_X, bool TURNED_W>
PNN_D T dense_sum(dense_tile<T>& t, i64 rows, i64 depth, i64 columns, i64 row0, i64 column0, const T* x, const T* w) {
    const int me = threadIdx.x, quarter = me / 64, r = 2 * (me % 64 / 8), c = 2 * (me % 8);
    brought<T, TURNED_X> a;
    brought<T, TURNED_W> b;
    T s00 = T(0), s01 = T(0), s10 = T(0), s11 = T(0);
    a.load(x, rows, depth, row0, 0);
    b.load(w, columns, depth, column0, 0);
#pragma unroll 1
    for (i64 k0 = 0; k0 < depth; k0 += SLICE) {
        a.put(t.x);
        b.put(t.w);
        __syncthreads();
        if (k0 + SLICE < depth) {   // on their way while these are used
            a.load(x, rows, depth, row0, k0 + SLICE);
            b.load(w, columns, depth, column0, k0 + SLICE);
        }
#pragma unroll
        for (int k = QUARTER * quarter; k < QUARTER * (quarter + 1); k++) {
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
    const int row = me / SIDE, column = me % SIDE;
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
PNN_D void dense_layer(dense_tile<T>& t, i64 members, int shared, i64 batch, i64 n_in, i64 n_out, int activation, const T* x, const T* w, T* out) {
    const i64 width = n_out + (activation > 0);
    const int across = int((width + SIDE - 1) / SIDE), down = int((batch + SIDE - 1) / SIDE), tiles = int(members) * down * across;
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const int m = n / (down * across), i = n / across % down, j = n % across;
        const T sum = dense_sum<T, false, true>(t, batch, n_in, n_out, i * (i64)SIDE, j * (i64)SIDE, x + (shared ? 0 : m * batch * n_in),
                                                w + m * n_in * n_out);
        const i64 row = i * (i64)SIDE + threadIdx.x / SIDE, column = j * (i64)SIDE + threadIdx.x % SIDE;
        if (row < batch && column < width) out[(m * batch + row) * width + column] = column < n_out ? active(activation, sum) : T(1);
    }
}
template <class T>
PNN_D void dense_below(dense_tile<T>& t, i64 batch, i64 n_in, i64 n_out, int activation, const T* error, const T* w, const T* entered, T* out) {
    const int across = int((n_in - 1 + SIDE - 1) / SIDE), tiles = int((batch + SIDE - 1) / SIDE) * across;
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const i64 row0 = n / across * (i64)SIDE, column0 = n % across * (i64)SIDE;
        const T sum = dense_sum<T, false, false>(t, batch, n_out, n_in - 1, row0, column0, error, w);
        const i64 row = row0 + threadIdx.x / SIDE, column = column0 + threadIdx.x % SIDE;
        if (row < batch && column < n_in - 1) out[row * (n_in - 1) + column] = sum * slope(activation, entered[row * n_in + column]);
    }
}
template <class T>
PNN_D void dense_outer(dense_tile<T>& t, i64 samples, i64 rows, i64 columns, T scale, const T* first, const T* second, T* out) {
    const int across = int((columns + SIDE - 1) / SIDE), tiles = int((rows + SIDE - 1) / SIDE) * across;
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const i64 row0 = n / across * (i64)SIDE, column0 = n % across * (i64)SIDE;
        const T sum = dense_sum<T, true, true>(t, rows, samples, columns, row0, column0, first, second);
        const i64 row = row0 + threadIdx.x / SIDE, column = column0 + threadIdx.x % SIDE;
        if (row < rows && column < columns) out[row * columns + column] = scale * sum;
    }
}
}  // namespace pnn

// out[m, b, :] = f(x[m, b, :] w[m]), and with an activation a column of ones behind, for the bias of the next layer.
// Bytes: x once for 16 outputs, w once for 16 samples, out once.
// members : networks of a population
// shared : not 0: all have the same x
// x : (members, batch, n_in) inputs; (batch, n_in) where shared
// w : (members, n_in, n_out) weights
// out : (members, batch, n_out or n_out + 1) outputs
extern "C" __global__ void __launch_bounds__(256) pnn_dense_layer_f32(long long members, int shared, long long batch, long long n_in,
    long long n_out, int activation, const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ out) {
    __shared__ pnn::dense_tile<float> tile;
    pnn::dense_layer(tile, members, shared, batch, n_in, n_out, activation, x, w, out);
}
extern "C" __global__ void __launch_bounds__(256, 2) pnn_dense_layer_f64(long long members, int shared, long long batch, long long n_in,
    long long n_out, int activation, const double* __restrict__ x, const double* __restrict__ w, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::dense_layer(tile, members, shared, batch, n_in, n_out, activation, x, w, out);
}
// The error below a layer whose last input is that of the bias: out[b, i] = f'(entered[b, i]) sum over j of error[b, j] w[i, j], i < n_in -
// 1, f' by f's own value.
// Bytes: the error once for 16 inputs, w once for 16 samples, entered and out once.
// error : (batch, n_out) error above
// w : (n_in, n_out) weights
// entered : (batch, n_in) values of f that entered the layer
// out : (batch, n_in - 1) error below
extern "C" __global__ void __launch_bounds__(256) pnn_dense_below_f32(long long batch, long long n_in, long long n_out, int activation,
    const float* __restrict__ error, const float* __restrict__ w, const float* __restrict__ entered, float* __restrict__ out) {
    __shared__ pnn::dense_tile<float> tile;
    pnn::dense_below(tile, batch, n_in, n_out, activation, error, w, entered, out);
}
extern "C" __global__ void __launch_bounds__(256) pnn_dense_below_f64(long long batch, long long n_in, long long n_out, int activation,
    const double* __restrict__ error, const double* __restrict__ w, const double* __restrict__ entered, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::dense_below(tile, batch, n_in, n_out, activation, error, w, entered, out);
}
// out = scale first^T second, the gradient of the weights.
// Bytes: first once for 16 columns, second once for 16 rows, out once.
// samples : that are added up
// rows, columns : of out
// scale : of the sum
// first : (samples, rows) what entered
// second : (samples, columns) the error
// out : (rows, columns) result
extern "C" __global__ void __launch_bounds__(256) pnn_dense_outer_f32(long long samples, long long rows, long long columns, float scale,
    const float* __restrict__ first, const float* __restrict__ second, float* __restrict__ out) {
    __shared__ pnn::dense_tile<float> tile;
    pnn::dense_outer(tile, samples, rows, columns, scale, first, second, out);
}
extern "C" __global__ void __launch_bounds__(256) pnn_dense_outer_f64(long long samples, long long rows, long long columns, double scale,
    const double* __restrict__ first, const double* __restrict__ second, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::dense_outer(tile, samples, rows, columns, scale, first, second, out);
}
