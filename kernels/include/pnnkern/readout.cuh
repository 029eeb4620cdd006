// What a launch of the kernels in learning/readout.cu does, for blocks of any grid; layouts and sizes stand there.
//
// The weights solve A W = X with A symmetric and positive definite, by Gauss-Jordan elimination in tiles of 32 x 32, without pivoting and
// without going back (Golub and Van Loan, Matrix Computations, 4th ed., section 3.2; Higham, Accuracy and Stability, section 14.4). Panel k
// takes itself from all other rows, of what is right of it:
//     A_ij -= A_ik P_k A_kj,  X_i -= A_ik P_k X_k,  i != k, j > k,  with P_k = A_kk^-1 as it is by then;  at the end  W_i = P_i X_i
// Column and row k are not written meanwhile, so that blocks do not wait for each other: a panel is a launch. The block that has A_k+1,k+1
// inverts it.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/readout.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/dense.cuh"

namespace pnn {
// ---- products of features, with a constant behind them, and targets
// Column `row` of the features (samples, F), a column of ones, and the targets (samples, outputs): of classes 1 at the label, or as they are.
template <class T> struct readout_columns {
    static constexpr bool TURNED = true;
    i64 samples, features, outputs;
    const T* x;
    const i64* labels;
    const double* targets;
    PNN_D double operator()(i64 row, i64 s) const {
        const i64 output = row - features - 1;
        if (s >= samples || output >= outputs) return 0.0;
        if (output < 0) return output == -1 ? 1.0 : double(x[s * features + row]);
        return targets ? targets[s * outputs + output] : double(labels[s] == (outputs == 1 ? 1 : output));
    }
};
template <class T>
PNN_D void readout_moments(dense_tile<double>& t, i64 samples, i64 features, i64 outputs, const T* x, const i64* labels, const double* targets,
                           double* gram, double* cross) {
    const i64 size = features + 1, width = size + outputs;
    const int across = int((width + DENSE_SIDE - 1) / DENSE_SIDE), tiles = int((size + DENSE_SIDE - 1) / DENSE_SIDE) * across;
    const readout_columns<T> all = {samples, features, outputs, x, labels, targets};
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const i64 row0 = n / across * (i64)DENSE_SIDE, column0 = n % across * (i64)DENSE_SIDE;
        const double sum = dense_sum<double>(t, samples, row0, column0, all, all);
        const i64 row = row0 + threadIdx.x / DENSE_SIDE, column = column0 + threadIdx.x % DENSE_SIDE;
        if (row >= size || column >= width) continue;
        if (column < size) gram[row * size + column] = sum;
        else cross[row * outputs + column - size] = sum;
    }
}
// Features of a sample, with the constant behind them.
template <class T> struct readout_row {
    static constexpr bool TURNED = false;
    i64 samples, features;
    const T* x;
    PNN_D double operator()(i64 s, i64 k) const { return s >= samples || k > features ? 0.0 : k == features ? 1.0 : double(x[s * features + k]); }
};
template <class T>
PNN_D void readout_scores(dense_tile<double>& t, i64 samples, i64 features, i64 outputs, const T* x, const double* weights, double* out) {
    const int across = int((outputs + DENSE_SIDE - 1) / DENSE_SIDE), tiles = int((samples + DENSE_SIDE - 1) / DENSE_SIDE) * across;
    const readout_row<T> left = {samples, features, x};
    const dense_matrix<double, true> right = {weights, outputs, features + 1};
    for (int n = blockIdx.x; n < tiles; n += gridDim.x) {
        const i64 row0 = n / across * (i64)DENSE_SIDE, column0 = n % across * (i64)DENSE_SIDE;
        const double sum = dense_sum<double>(t, features + 1, row0, column0, left, right);
        const i64 row = row0 + threadIdx.x / DENSE_SIDE, column = column0 + threadIdx.x % DENSE_SIDE;
        if (row < samples && column < outputs) out[row * outputs + column] = sum;
    }
}

// ---- elimination, by blocks of 256 threads, of which each has 2 x 2 numbers of a tile
constexpr int RIDGE_SIDE = 32, RIDGE_THREADS = 256, RIDGE_STRIP = 4;   // Callers, twin: pnnkern/learning/readout.py, learning/readout.py
constexpr double RIDGE_ROUNDING = 64 * 2.220446049250313e-16;   // what elimination leaves of a square, for each variable
constexpr int RIDGE_SINGULAR = 79;   // fault

typedef double ridge_tile[RIDGE_SIDE][RIDGE_SIDE + 2];
struct ridge_tiles { ridge_tile a, b, m; };
struct ridge_few {
    double v[2][2];
    PNN_D static int row(int i) { return 2 * (int(threadIdx.x) / 16) + i; }
    PNN_D static int column(int j) { return 2 * (int(threadIdx.x) % 16) + j; }
    template <class Body> PNN_D void each(Body body) {
        PNN_UNROLL
        for (int i = 0; i < 2; i++)
            PNN_UNROLL
            for (int j = 0; j < 2; j++) body(row(i), column(j), v[i][j]);
    }
    // That of a matrix (rows, columns), 0 beyond it.
    PNN_D void load(const double* from, i64 rows, i64 columns, i64 row0, i64 column0) {
        each([&](int r, int c, double& x) { x = row0 + r < rows && column0 + c < columns ? from[(row0 + r) * columns + column0 + c] : 0.0; });
    }
    PNN_D void store(double* to, i64 rows, i64 columns, i64 row0, i64 column0) {
        each([&](int r, int c, double& x) { if (row0 + r < rows && column0 + c < columns) to[(row0 + r) * columns + column0 + c] = x; });
    }
    PNN_D void put(ridge_tile& to) {
        each([&](int r, int c, double& x) { to[r][c] = x; });
    }
    PNN_D void product(const ridge_tile& a, const ridge_tile& b) {   // a b, each sum in the order of k
        each([](int, int, double& x) { x = 0.0; });
        PNN_UNROLL_BY(8)
        for (int k = 0; k < RIDGE_SIDE; k++) each([&](int r, int c, double& x) { x = fma_(a[r][k], b[k][c], x); });
    }
};

// The inverse of the tile in `a`, by Gauss-Jordan, from one of two tiles to the other. A pivot that is no more than what rounding leaves of
// the variable's own square is of a variable that those before it make up: a fault, and its row and column of the inverse are 0, as they are
// beyond the matrix. NaN stays NaN.
PNN_D void ridge_inverse(ridge_tile& a, ridge_tile& b, i64 size, i64 row0, const double* gram, double* inverse, int* fault) {
    ridge_few own;
    if (threadIdx.x < RIDGE_SIDE) {   // asked for once, and kept beside the tile
        const i64 at = row0 + threadIdx.x;
        a[threadIdx.x][RIDGE_SIDE] = at < size ? double(size) * RIDGE_ROUNDING * gram[at * size + at] : 1.0;
    }
    __syncthreads();
    for (int k = 0; k < RIDGE_SIDE; k++) {
        ridge_tile &now = k % 2 ? b : a, &next = k % 2 ? a : b;
        const double pivot = now[k][k];
        const bool gone = pivot <= a[k][RIDGE_SIDE];
        if (gone && row0 + k < size && threadIdx.x == 0) atomicMax(fault, RIDGE_SINGULAR);
        const double over = gone ? 0.0 : 1.0 / pivot;
        own.each([&](int r, int c, double& x) {
            const double row = mul_(over, now[k][c]);   // of what is left
            x = r == k ? (c == k ? over : row) : c == k ? -mul_(now[r][k], over) : fma_(-now[r][k], row, now[r][c]);
        });
        own.put(next);
        __syncthreads();
    }
    static_assert(RIDGE_SIDE % 2 == 0, "the last step leaves it in a");
    own.store(inverse, RIDGE_SIDE, RIDGE_SIDE, 0, 0);
}

// The mean square of the features, to all threads: sums of every 256th of the diagonal, then of these by halves.
PNN_D double ridge_square(i64 size, const double* gram, double* part) {
    const int me = threadIdx.x;
    double sum = 0.0;
    for (i64 i = me; i < size - 1; i += RIDGE_THREADS) sum += gram[i * size + i];
    part[me] = sum;
    for (int half = RIDGE_THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (me < half) part[me] += part[me + half];
    }
    __syncthreads();
    return part[0] / double(size - 1);
}

PNN_D void ridge_begin(ridge_tiles& t, i64 size, i64 outputs, double ridge, const double* gram, const double* cross, double* a, double* x,
                       double* inverses, int* fault) {
    const double penalty = ridge * ridge_square(size, gram, &t.m[0][0]);
    auto penalised = [&](i64 r, i64 c) { return r == c && r < size - 1 ? gram[r * size + c] + penalty : gram[r * size + c]; };
    for (i64 r = blockIdx.x; r < size; r += gridDim.x) {
        for (i64 c = threadIdx.x; c < size; c += RIDGE_THREADS) a[r * size + c] = penalised(r, c);
        for (i64 c = threadIdx.x; c < outputs; c += RIDGE_THREADS) x[r * outputs + c] = cross[r * outputs + c];
    }
    if (blockIdx.x > 0) return;
    ridge_few own;
    own.each([&](int r, int c, double& v) { v = r < size && c < size ? penalised(r, c) : 0.0; });
    own.put(t.a);
    ridge_inverse(t.a, t.b, size, 0, gram, inverses, fault);
}

PNN_D void ridge_panel(ridge_tiles& t, i64 size, i64 outputs, i64 panel, const double* gram, double* a, double* x, double* inverses, double* weights,
                       int* fault) {
    const int side = RIDGE_SIDE, k = int(panel), tiles = int((size + side - 1) / side), last = k == tiles - 1;
    const int wide = tiles - 1 - k, columns = wide + int((outputs + side - 1) / side), strips = (columns + RIDGE_STRIP - 1) / RIDGE_STRIP;
    const double* own_inverse = inverses + k * side * side;
    ridge_few own;
    for (int n = blockIdx.x; n < tiles * strips; n += gridDim.x) {
        const int i = n / strips, first = n % strips * RIDGE_STRIP;
        if (i == k && !last) continue;
        __syncthreads();   // the tiles may be used again
        own.load(a, size, size, i * (i64)side, k * (i64)side);
        own.put(t.a);
        own.load(own_inverse, side, side, 0, 0);
        own.put(t.b);
        __syncthreads();
        own.product(t.a, t.b);
        own.put(t.m);
        for (int j = first; j < columns && j < first + RIDGE_STRIP; j++) {
            const bool right = j >= wide;   // a tile of X
            double* in = right ? x : a;
            const i64 width = right ? outputs : size, column0 = (right ? j - wide : k + 1 + j) * (i64)side;
            ridge_few sum, before;
            __syncthreads();
            own.load(in, size, width, k * (i64)side, column0);
            own.put(t.b);
            before.load(in, size, width, i * (i64)side, column0);
            __syncthreads();
            if (i != k) {
                sum.product(t.m, t.b);
                PNN_UNROLL
                for (int e = 0; e < 4; e++) before.v[e / 2][e % 2] -= sum.v[e / 2][e % 2];
                if (!last) before.store(in, size, width, i * (i64)side, column0);
            }
            const bool next = i == k + 1 && !right && j == 0;
            if (!next && !last) continue;
            __syncthreads();
            before.put(t.a);
            if (last) {
                own.load(inverses + i * side * side, side, side, 0, 0);
                own.put(t.b);
            }
            __syncthreads();
            if (next) ridge_inverse(t.a, t.b, size, (i64)i * side, gram, inverses + i * side * side, fault);
            else {
                sum.product(t.b, t.a);
                sum.store(weights, size, outputs, i * (i64)side, column0);
            }
        }
    }
}
}  // namespace pnn
#endif
