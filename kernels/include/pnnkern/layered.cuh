// Layered networks: what one launch of networks/layered.cu does with a tile of nodes (drive), with a sample (relax), with columns of
// states (contrast). Twin: networks/layered.py.
//
// Layer l of 0 .. layers - 1 is the one behind weight[l], (size[l], size[l + 1]) with size[0] inputs; all its nodes are between two others,
// and half of a sweep moves every second layer at once. Nodes of all layers lie one after another, layer l from offset[l] = size[1] + .. +
// size[l] on. Arrays (batch, n) of each layer lie one after another in the same way: layer l from batch offset[l] on.
//
// A hidden node that its neighbours pull to u takes the state value(u); difference(u, du) is value(u + du) - value(u) without cancellation:
// near the free state the differences are beta times smaller than the states, and keep their own digits.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/layered.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/extremes.cuh"
#include "pnnkern/fold.cuh"
#include "pnnkern/four.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
enum { BOX = 0, SIGMOID = 1, TANH = 2, DIODES = 3 };   // clamp(u, 0, 1), 1 / (1 + exp(2 - 4 u)), tanh(u), u kept >= 0 or <= 0
constexpr int LAYERS = 8;                              // weights that a launch takes

PNN_D float tanh_(float x) { return tanhf(x); }
PNN_D double tanh_(double x) { return tanh(x); }
PNN_D float magnitude(float x) { return fabsf(x); }
PNN_D double magnitude(double x) { return fabs(x); }
template <class T> PNN_D T at_least(T x, T low) { return x < low ? low : x; }
template <class T> PNN_D T at_most(T x, T high) { return x > high ? high : x; }

// `up`: of DIODES, whether the node is kept at or above 0.
template <class T> PNN_D T value(int model, T u, bool up) {
    if (model == BOX) return at_most(at_least(u, T(0)), T(1));
    if (model == DIODES) return up ? at_least(u, T(0)) : at_most(u, T(0));
    if (model == SIGMOID) return T(0.5) + T(0.5) * tanh_(T(2) * u - T(1));
    return tanh_(u);
}
template <class T> PNN_D T difference(int model, T u, T du, bool up) {
    if (model == BOX || model == DIODES) {
        T x = value(model, u, up), y = du + (u - x);
        if (model == BOX) return at_most(at_least(y, -x), T(1) - x);
        return up ? at_least(y, -x) : at_most(y, -x);
    }
    T x = model == SIGMOID ? T(2) * u - T(1) : u, d = model == SIGMOID ? T(2) * du : du;
    T moved = tanh_(d) * (T(1) - tanh_(x) * tanh_(x + d));   // tanh(x + d) - tanh(x)
    return model == SIGMOID ? T(0.5) * moved : moved;
}

// ------------------------------------------------------------------------------------------------------------------------ drive
constexpr int TILE_NODES = 8, TILE_THREADS = 512, TILE_SAMPLES = 4, TILE_WARPS = TILE_THREADS / 32, TILE_ROWS = TILE_THREADS / 2 * 4;

// What a tile of 8 nodes from j0 on gets from `rows` nodes below, and the sums of its conductances; x null: no samples.
//   drive[s, j] = bias[j] + sum_i x[s, i] weight[i, j] for 4 samples;   total[j] = sum_i weight[i, j] + sum_k above[j, k], over slope[j]
// A thread has four of the nodes, and four rows of every 1024; sums are over its rows, then over threads, then over warps in order: their bits
// do not depend on the batch. A: of the sums of columns. shares: 16 x 2 x 20, of type A.
template <class T> struct drive_tile {
    int rows, samples;   // samples: how many of the tile's 4 there are
    int columns, next, j0;
    const T *x, *weight, *above, *bias, *slope;
    double least;   // the least of the nudges of this layer, 0 if it is not nudged
    T *drive, *total;

    template <class A> PNN_D void run(A* shares, int* fault) const {
        constexpr int S = TILE_SAMPLES, SUMS = 4 * S, VALUES = SUMS + 4;   // four nodes of each sample, and of the conductances
        int t = threadIdx.y * TILE_NODES + threadIdx.x, warp = t / 32, lane = t % 32, j = j0 + t % 2 * 4, wide = columns - j;
        bool whole = sizeof(T) == 4 && wide >= 4 && in_fours(columns, weight) && in_fours(rows, x) && (samples == S || !x);
        T pulled[SUMS] = {}, smallest = T(0);
        A sum[4] = {};
        // a warp for each row of the conductances above: 8 of the 16 warps
        bool sums_row = total && warp < TILE_NODES && j0 + warp < columns;
        const T* row = above + (long long)(j0 + warp) * next;
        T before = sums_row && lane < next ? row[lane] : T(0);   // asked for long before it is needed
        int i = t / 2 * 4;
        const T *at = weight + (long long)i * columns + j, *from_x = x + i;
        PNN_UNROLL_BY(1)
        for (; i < rows; i += TILE_ROWS, at += (long long)TILE_ROWS * columns, from_x += TILE_ROWS) {
            if (whole) {
                T w[4][4], of[S][4];
                PNN_UNROLL
                for (int m = 0; m < 4; m++) fetch(at + (long long)m * columns, w[m]);
                PNN_UNROLL
                for (int s = 0; s < S && x; s++) fetch(from_x + (long long)s * rows, of[s]);
                PNN_UNROLL
                for (int m = 0; m < 4; m++) {
                    T one[S];
                    PNN_UNROLL
                    for (int s = 0; s < S; s++) one[s] = of[s][m];
                    add(w[m], one, pulled, sum, smallest);
                }
            } else {
                PNN_UNROLL_BY(1)
                for (int m = 0; m < 4 && i + m < rows; m++) {
                    T w[4], one[S];
                    PNN_UNROLL
                    for (int n = 0; n < 4; n++) w[n] = n < wide ? at[(long long)m * columns + n] : T(0);
                    PNN_UNROLL
                    for (int s = 0; s < S; s++) one[s] = x && s < samples ? from_x[(long long)s * rows + m] : T(0);
                    add(w, one, pulled, sum, smallest);
                }
            }
        }
        A* mine = shares + (2 * warp + t % 2) * VALUES;
        // a warp is 16 rows of two threads
        if (total) fold<4, 16, 2>(sum, lane), keep(sum, left<4, 16, 2>(lane), mine + SUMS);
        if (x) fold<SUMS, 16, 2>(pulled, lane), keep(pulled, left<SUMS, 16, 2>(lane), mine);
        A up = A(before);
        for (int k = lane + 32; k < next && sums_row; k += 32) up += A(row[k]);
        for (int lanes = 16; lanes > 0 && total; lanes /= 2) up += __shfl_down_sync(0xffffffffu, up, lanes);
        __syncthreads();
        int s = t / TILE_NODES, node = t % TILE_NODES;
        const A* from = shares + node / 4 * VALUES + node % 4;   // of the first warp
        if (x && s < samples && j0 + node < columns) {
            T out = T(0);
            PNN_UNROLL
            for (int k = 0; k < TILE_WARPS; k++) out += T(from[2 * k * VALUES + 4 * s]);
            drive[s * (long long)columns + j0 + node] = out + bias[j0 + node];
        }
        if (lane == 0 && sums_row) {
            A all = A(0);
            from = shares + warp / 4 * VALUES + SUMS + warp % 4;
            PNN_UNROLL
            for (int k = 0; k < TILE_WARPS; k++) all += from[2 * k * VALUES];
            all += up;
            if (slope) all /= A(slope[j0 + warp]);
            total[j0 + warp] = T(all);
            if (!(all > A(0))) atomicMax(fault, 62);
            if (least < 0 && !(double(all) + least > 0)) atomicMax(fault, 61);
        }
        if (!(smallest >= T(0))) atomicMax(fault, 63);
    }
    // A row's share
    template <class A> PNN_D void add(const T (&w)[4], const T (&of)[TILE_SAMPLES], T (&pulled)[4 * TILE_SAMPLES], A (&sum)[4], T& smallest) const {
        PNN_UNROLL
        for (int s = 0; s < TILE_SAMPLES && x; s++)
            PNN_UNROLL
            for (int n = 0; n < 4; n++) pulled[4 * s + n] += of[s] * w[n];
        PNN_UNROLL
        for (int n = 0; n < 4 && total; n++) sum[n] += A(w[n]), smallest = lower(smallest, w[n]);
    }
    // The values that a fold has left to this lane, to where all of a warp's are
    template <int N, class V, class A> static PNN_D void keep(const V (&v)[N], range own, A* to) {
        PNN_UNROLL
        for (int i = 0; i < N / 16 + 1 && i < N; i++)
            if (own.first + i < own.end) to[own.first + i] = A(v[i]);
    }
};

// ------------------------------------------------------------------------------------------------------------------------ relax
// The largest of two numbers over a block, each by itself, for every thread; NaN if there is one. scratch: 64 values.
template <class T> PNN_D void block_largest(T* x, T* y, T* scratch) {
    int warps = (blockDim.x + 31) / 32;
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        *x = larger(*x, __shfl_xor_sync(0xffffffffu, *x, lanes));
        *y = larger(*y, __shfl_xor_sync(0xffffffffu, *y, lanes));
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = *x, scratch[32 + threadIdx.x / 32] = *y;
    __syncthreads();
    *x = scratch[0], *y = scratch[32];
    for (int k = 1; k < warps; k++) *x = larger(*x, scratch[k]), *y = larger(*y, scratch[32 + k]);
    __syncthreads();
}

// How a block relaxes samples one after another: the free state, then what nudges move, P of them together. `Block` says how nodes move:
//   layer<P, FREE>(l, nudge, target, step, largest): every node of layer l, by the states of its neighbours; ends with a barrier
//   rested(): once the free state is there; all threads of the block come here
//   bias_of(l, j): of node j of layer l, but for the first
// total null: nothing divides what pulls a node. gathered: what a layer gets from above.
// Shared memory: state[nodes], pull[nodes], moved[P][nodes], gathered[P][widest], scratch[max(64, P threads)].
template <class Block, class T> struct settling {
    int layers, model, nodes, widest;
    const int *size, *offset;
    const T *const *weight, *const *bias, *drive, *total;
    T *state, *pull, *moved, *gathered, *scratch;
    PNN_D Block& own() { return static_cast<Block&>(*this); }

    // Node j of layer l moves to where its neighbours pull it, by sum[P] from below and what was gathered from above.
    template <int P, bool FREE>
    PNN_D void move(int l, int j, const T* sum, const T* nudge, const T* target, T* step, T* largest) {
        int i = offset[l] + j, last = l + 1 == layers;
        bool up = j < size[l + 1] - size[l + 1] / 2;
        T divisor = total ? total[i] : T(1);
        for (int p = 0; p < P; p++) {
            T u = sum[p], *x = (FREE ? state : moved + p * nodes) + i, new_;
            if (!last) u += gathered[p * widest + j];
            if (FREE) {
                u += l == 0 ? drive[j] : own().bias_of(l, j);
                if (total) u /= divisor;
                pull[i] = u;
                new_ = last ? u : value(model, u, up);
            } else if (last) {
                new_ = (nudge[p] * (target[j] - state[i]) + u) / (divisor + nudge[p]);
            } else {
                if (total) u /= divisor;
                new_ = difference(model, pull[i], u, up);
            }
            step[p] = larger(step[p], magnitude(new_ - *x));
            largest[p] = larger(largest[p], magnitude(new_));
            *x = new_;
        }
    }
    // Up to `sweeps` sweeps; change[p] is the last step relative to the largest state. With a tolerance P is 1, and a sweep is the last
    // when its step is within it; without one nothing is looked at before the last sweep.
    template <int P, bool FREE>
    PNN_D void sweep(int sweeps, T tolerance, bool hold, const T* nudge, const T* target, T* change) {
        int first = FREE ? 0 : (layers - 1) % 2, count = hold ? layers - 1 : layers;
        PNN_UNROLL_BY(1)
        for (int s = 0; s < sweeps; s++) {
            T step[P] = {}, largest[P] = {};
            PNN_UNROLL_BY(1)
            for (int half = 0; half < 2; half++)
                PNN_UNROLL_BY(1)
                for (int l = half ? 1 - first : first; l < count; l += 2) own().template layer<P, FREE>(l, nudge, target, step, largest);
            if (!(tolerance > T(0)) && s + 1 < sweeps) continue;
            for (int p = 0; p < P; p++) {
                if (hold)
                    for (int k = threadIdx.x; k < size[layers]; k += blockDim.x)
                        largest[p] = larger(largest[p], magnitude(moved[p * nodes + offset[layers - 1] + k]));
                block_largest(&step[p], &largest[p], scratch);
                change[p] = largest[p] > T(0) ? step[p] / largest[p] : step[p];
            }
            if (tolerance > T(0) && change[0] <= tolerance) break;
        }
    }
    // Layer by layer to out[batch][n] of each, of sample b
    PNN_D void store(const T* x, long long batch, long long b, T* out) const {
        for (int l = 0; l < layers; l++)
            for (int j = threadIdx.x; j < size[l + 1]; j += blockDim.x) out[batch * offset[l] + b * size[l + 1] + j] = x[offset[l] + j];
    }
    PNN_D void relax(long long batch, long long b, int begun, int sweeps, T tolerance, T* out, T* change) {
        for (int l = 0; l < layers; l++)
            for (int j = threadIdx.x; j < size[l + 1]; j += blockDim.x)
                state[offset[l] + j] = begun ? out[batch * offset[l] + b * size[l + 1] + j] : T(0);
        __syncthreads();
        T last[1] = {};
        sweep<1, true>(sweeps, tolerance, false, nullptr, nullptr, last);
        own().rested();
        store(state, batch, b, out);
        if (threadIdx.x == 0) change[b] = last[0];
    }
    // Phases p0 .. p0 + P - 1 of `phases`: out[phases][batch][n] of each layer, change[1 + phases][batch]
    template <int P>
    PNN_D void respond(long long batch, long long b, int phases, int p0, bool hold, int sweeps, T tolerance, const T* nudge,
                       const T* target, T* out, T* change) {
        int from = offset[layers - 1];
        for (int i = threadIdx.x; i < nodes; i += blockDim.x)
            for (int p = 0; p < P; p++) moved[p * nodes + i] = hold && i >= from ? nudge[p0 + p] * (target[i - from] - state[i]) : T(0);
        __syncthreads();
        T last[P] = {};
        sweep<P, false>(sweeps, tolerance, hold, nudge + p0, target, last);
        for (int p = 0; p < P; p++) {
            // (phases, batch, n) of a layer: sample (p0 + p) batch + b of phases * batch
            store(moved + p * nodes, phases * batch, (p0 + p) * batch + b, out);
            if (threadIdx.x == 0) change[(1 + p0 + p) * batch + b] = last[p];
        }
        __syncthreads();
    }
};

// Rows of an array of weights: in global memory, or staged in shared memory with a row longer, so that columns lie in different banks.
template <class T> struct global_rows {
    const T* at;
    int columns;
    PNN_D T operator()(long long i, int j) const { return __ldg(at + i * columns + j); }
};
template <class T> struct shared_rows {
    const T* at;
    int pitch;
    PNN_D T operator()(int i, int j) const { return at[i * pitch + j]; }
};

// Layers that are joined by arrays of weights: weight[l] and bias[l] of l = 1 .. layers - 1, of this sample's network.
// Shared memory, behind that of `settling`: staged: the last weights.
template <class T> struct layered_block : settling<layered_block<T>, T> {
    using base = settling<layered_block<T>, T>;
    using base::layers, base::nodes, base::widest, base::size, base::offset, base::weight, base::moved, base::state, base::gathered, base::scratch;
    int pitch;   // of the staged weights, 0 if they are not
    T* staged;

    PNN_D layered_block(const base& of, int pitch, T* staged) : base(of), pitch(pitch), staged(staged) {}
    PNN_D void rested() const {}
    PNN_D T bias_of(int l, int j) const { return this->bias[l][j]; }

    // Weights that a thread asks for before it needs the first: 512 threads have 32 KiB on their way then, what a multiprocessor takes to
    // get them from the second cache at its full rate.
    static constexpr int AHEAD = 64 / sizeof(T);

    // gathered[p][j] = sum_k w(j, k) x[p][k], what layer l + 1 pulls at the nodes of layer l
    template <int P, class Rows> PNN_D void from_above(int l, const T* x, Rows w) {
        int n = size[l + 1], m = size[l + 2];
        const T* y = x + offset[l + 1];
        if (m < 32) {   // a thread for each node
            for (int j = threadIdx.x; j < n; j += blockDim.x) {
                T sum[P] = {};
                for (int k = 0; k < m; k++) {
                    T g = w(j, k);
                    for (int p = 0; p < P; p++) sum[p] += g * y[p * nodes + k];
                }
                for (int p = 0; p < P; p++) gathered[p * widest + j] = sum[p];
            }
            return;
        }
        for (int j = threadIdx.x / 32; j < n; j += blockDim.x / 32) {   // a warp for each node
            T sum[P] = {};
            PNN_UNROLL_BY(AHEAD)
            for (int k = threadIdx.x % 32; k < m; k += 32) {
                T g = w(j, k);
                for (int p = 0; p < P; p++) sum[p] += g * y[p * nodes + k];
            }
            for (int lanes = 16; lanes > 0; lanes /= 2)
                for (int p = 0; p < P; p++) sum[p] += __shfl_down_sync(0xffffffffu, sum[p], lanes);
            if (threadIdx.x % 32 == 0)
                for (int p = 0; p < P; p++) gathered[p * widest + j] = sum[p];
        }
    }
    // sum[p] += sum over every `by`-th row i from `first` on of w(i, j) x[p][i], of the layer below layer l
    template <int P, class Rows> PNN_D void from_below(int l, const T* x, Rows w, int j, int first, int by, T* sum) const {
        int n = size[l];
        const T* y = x + offset[l - 1];
        PNN_UNROLL_BY(AHEAD)
        for (int i = first; i < n; i += by) {
            T g = w(i, j);
            for (int p = 0; p < P; p++) sum[p] += g * y[p * nodes + i];
        }
    }
    template <int P> PNN_D void from_below(int l, const T* x, int j, int first, int by, T* sum) const {
        if (l + 1 == layers && pitch)
            from_below<P>(l, x, shared_rows<T>{staged, pitch}, j, first, by, sum);
        else
            from_below<P>(l, x, global_rows<T>{weight[l], size[l + 1]}, j, first, by, sum);
    }

    // Every node of layer l, by the states of its neighbours; ends with a barrier.
    template <int P, bool FREE> PNN_D void layer(int l, const T* nudge, const T* target, T* step, T* largest) {
        const T* x = FREE ? state : moved;
        int n = size[l + 1], threads = blockDim.x, groups = l > 0 && n < threads ? threads / n : 1;
        if (l + 2 == layers && pitch)
            from_above<P>(l, x, shared_rows<T>{staged, pitch});
        else if (l + 1 < layers)
            from_above<P>(l, x, global_rows<T>{weight[l + 1], size[l + 2]});
        if (groups > 1 && int(threadIdx.x) < groups * n) {   // narrow: rows are shared out to groups of threads
            T sum[P] = {};
            from_below<P>(l, x, threadIdx.x % n, threadIdx.x / n, groups, sum);
            for (int p = 0; p < P; p++) scratch[p * threads + threadIdx.x] = sum[p];
        }
        __syncthreads();
        if (groups > 1) {
            for (int j = threadIdx.x / 32; j < n; j += threads / 32) {   // a warp for each node adds up what they found
                T sum[P] = {};
                for (int g = threadIdx.x % 32; g < groups; g += 32)
                    for (int p = 0; p < P; p++) sum[p] += scratch[p * threads + g * n + j];
                for (int lanes = 16; lanes > 0; lanes /= 2)
                    for (int p = 0; p < P; p++) sum[p] += __shfl_down_sync(0xffffffffu, sum[p], lanes);
                if (threadIdx.x % 32 == 0) this->template move<P, FREE>(l, j, sum, nudge, target, step, largest);
            }
        } else {
            for (int j = threadIdx.x; j < n; j += threads) {
                T sum[P] = {};
                if (l > 0) from_below<P>(l, x, j, 0, 1, sum);
                this->template move<P, FREE>(l, j, sum, nudge, target, step, largest);
            }
        }
        __syncthreads();
    }
};

// --------------------------------------------------------------------------------------------------------------------- contrast
constexpr int CONTRAST_COLUMNS = 32, CONTRAST_LANES = 8;   // a block is 32 x 8 threads

// Column j of a layer's factors, from the states s, moved by x and y (null: not moved) in the two phases, m = s + (x + y) / 2, d = y - x:
//   below[rows][n] of products with the layer above, and above[rows][n] of those with the layer below, of which it is a part:
//   DROPS (resistive): m of all samples, -1, d of all samples, sum_s d m, then m and -1 once more;   else m, d, m
//   sum[n] = sum_s d
// shares: [2][8][32] values.
template <class T>
PNN_D void contrast_column(long long batch, long long n, long long j, bool drops, const T* s, const T* x, const T* y, T* out, T* sum, T* shares) {
    long long half = batch + drops;
    T changes = T(0), products = T(0);
    if (j < n)
        for (long long b = threadIdx.y; b < batch; b += CONTRAST_LANES) {
            T one = x ? x[b * n + j] : T(0), two = y ? y[b * n + j] : T(0), m = s[b * n + j] + (one + two) / T(2), d = two - one;
            out[b * n + j] = out[(2 * half + b) * n + j] = m;
            out[(half + b) * n + j] = d;
            changes += d;
            products += d * m;
        }
    int t = threadIdx.y * CONTRAST_COLUMNS + threadIdx.x;
    shares[t] = changes, shares[CONTRAST_COLUMNS * CONTRAST_LANES + t] = products;
    __syncthreads();
    if (threadIdx.y == 0 && j < n) {
        for (int k = 1; k < CONTRAST_LANES; k++) {
            changes += shares[k * CONTRAST_COLUMNS + threadIdx.x];
            products += shares[(CONTRAST_LANES + k) * CONTRAST_COLUMNS + threadIdx.x];
        }
        sum[j] = changes;
        if (drops) {
            out[batch * n + j] = out[(2 * half + batch) * n + j] = T(-1);
            out[(half + batch) * n + j] = products;
        }
    }
    __syncthreads();
}

// Shared memory: shares[16 * 8 * 5] doubles.
template <class T>
PNN_D void layered_drive(long long networks, long long batch, int layers, int given, double least, const int* size, const T* x,
                         const T* bias, const T* slope, const T* w0, const T* w1, const T* w2, const T* w3, const T* w4, const T* w5,
                         const T* w6, const T* w7, T* drive, T* total, double* shares, int* fault) {
    // the layer of this tile: its number, the nodes of those before it and of all; below, n and next are sizes, from the layer before it on
    int l = -1, offset = 0, own = int(blockIdx.x), nodes = 0, below = 0, n = 0, next = 0;
    for (int k = 0, last = size[0]; k < given; k++) {
        int here = size[k + 1], tiles = (here + TILE_NODES - 1) / TILE_NODES;
        if (l >= 0 && k == l + 1) next = here;
        if (k < layers) {
            if (l < 0 && own < tiles) l = k, offset = nodes, below = last, n = here;
            if (l < 0) own -= tiles;
            nodes += here;
        }
        last = here;
    }
    if (l < 0) return;
    const T* w = chosen(l, w0, w1, w2, w3, w4, w5, w6, w7);
    long long parts = x && l == 0 && batch > TILE_SAMPLES ? (batch + TILE_SAMPLES - 1) / TILE_SAMPLES : 1;
    for (long long m = blockIdx.z; m < networks; m += gridDim.z)
        for (long long part = blockIdx.y; part < parts; part += gridDim.y) {
            const T* up = chosen(l + 1, w0, w1, w2, w3, w4, w5, w6, w7);   // here, so that no register holds it from one tile to the next
            long long s0 = part * TILE_SAMPLES, left = batch - s0;
            drive_tile<T> of = {below, int(left < TILE_SAMPLES ? left : TILE_SAMPLES), n, next, own * TILE_NODES,
                                l == 0 && x && left > 0 ? x + s0 * below : nullptr, w + m * below * n, up + m * n * next, bias + m * n,
                                slope ? slope + offset : nullptr, l + 1 == given ? least : 0.0, drive + (m * batch + s0) * n,
                                total && part == 0 ? total + m * nodes + offset : nullptr};
            if (l + 1 == given)   // the least sum of these bounds the nudges
                of.run(shares, fault);
            else
                of.run((T*)shares, fault);
            __syncthreads();
        }
}

// Shared memory: of the block, see layered_block; weight, bias: [8] pointers; at: size[0 .. layers], then offset[0 .. layers - 1].
template <class T>
PNN_D void layered_relax(long long batch, long long each, int layers, int model, int phases, int begun, int hold, int together, int pitch,
                         int sweeps, int nudged_sweeps, T tolerance, const int* size, const T* drive, const T* total, const T* w1, const T* w2,
                         const T* w3, const T* w4, const T* w5, const T* w6, const T* w7, const T* b1, const T* b2, const T* b3, const T* b4,
                         const T* b5, const T* b6, const T* b7, const T* nudge, const T* target, T* state, T* moved, T* change, T* memory,
                         const T** weight, const T** bias, int* at) {
    int nodes = 0, widest = 0, *offset = at + LAYERS + 1;
    for (int l = 0; l < layers; l++) {
        if (threadIdx.x == 0) at[l] = size[l], offset[l] = nodes;
        nodes += size[l + 1];
        widest = size[l + 1] > widest ? size[l + 1] : widest;
    }
    if (threadIdx.x == 0) at[layers] = size[layers];
    int scratch = together * int(blockDim.x) > 64 ? together * int(blockDim.x) : 64;
    T *pull = memory + nodes, *changes = pull + nodes, *gathered = changes + together * nodes, *shares = gathered + together * widest;
    settling<layered_block<T>, T> base = {layers, model, nodes, widest, at, offset, weight, bias, drive, total, memory, pull, changes, gathered,
                                          shares};
    layered_block<T> block(base, pitch, shares + scratch);
    long long network = -1;
    for (long long b = blockIdx.x; b < batch; b += gridDim.x) {
        long long m = b / each;
        if (m != network) {
            network = m;
            __syncthreads();
            if (threadIdx.x > 0 && int(threadIdx.x) < layers) {
                int l = threadIdx.x;
                weight[l] = chosen(l, w1, w1, w2, w3, w4, w5, w6, w7) + m * size[l] * size[l + 1];
                bias[l] = chosen(l, b1, b1, b2, b3, b4, b5, b6, b7) + m * size[l + 1];
            }
            __syncthreads();
            int rows = size[layers - 1], columns = size[layers];
            for (int e = threadIdx.x; e < rows * columns && pitch; e += blockDim.x)
                block.staged[e / columns * pitch + e % columns] = weight[layers - 1][e];
            if (total) block.total = total + m * nodes;
        }
        block.drive = drive + b * size[1];
        const T* wanted = target ? target + b * size[layers] : nullptr;
        block.relax(batch, b, begun, sweeps, tolerance, state, change);
        int p = 0;
        for (; together == 2 && p + 2 <= phases; p += 2)
            block.template respond<2>(batch, b, phases, p, hold, nudged_sweeps, tolerance, nudge, wanted, moved, change);
        for (; p < phases; p++) block.template respond<1>(batch, b, phases, p, hold, nudged_sweeps, tolerance, nudge, wanted, moved, change);
    }
}

// Shared memory: shares[2 * 8 * 32] values.
template <class T>
PNN_D void layered_contrast(long long batch, int layers, int drops, int a, int b, const int* size, const T* x, const T* s0, const T* s1,
                            const T* s2, const T* s3, const T* s4, const T* s5, const T* s6, const T* s7, const T* m0, const T* m1, const T* m2,
                            const T* m3, const T* m4, const T* m5, const T* m6, const T* m7, T* inputs, T* factors, T* sums, T* shares) {
    long long half = batch + drops, first = inputs ? (size[0] + CONTRAST_COLUMNS - 1) / CONTRAST_COLUMNS : 0, tiles = first;
    for (int l = 0; l < layers; l++) tiles += (size[l + 1] + CONTRAST_COLUMNS - 1) / CONTRAST_COLUMNS;
    for (long long tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        if (tile < first) {   // inputs, which do not move: they, and -1
            long long n = size[0], j = tile * CONTRAST_COLUMNS + threadIdx.x;
            for (long long r = threadIdx.y; r < half && j < n; r += CONTRAST_LANES) inputs[r * n + j] = r < batch ? x[r * n + j] : T(-1);
            continue;
        }
        int l = 0;
        long long offset = 0, own = tile - first;
        while (own >= (size[l + 1] + CONTRAST_COLUMNS - 1) / CONTRAST_COLUMNS) {
            own -= (size[l + 1] + CONTRAST_COLUMNS - 1) / CONTRAST_COLUMNS;
            offset += size[++l];
        }
        long long n = size[l + 1];
        const T *s = chosen(l, s0, s1, s2, s3, s4, s5, s6, s7), *moved = chosen(l, m0, m1, m2, m3, m4, m5, m6, m7);
        contrast_column(batch, n, own * CONTRAST_COLUMNS + threadIdx.x, drops != 0, s, a ? moved + (a - 1) * batch * n : nullptr,
                        b ? moved + (b - 1) * batch * n : nullptr, factors + 3 * half * offset, sums + offset, shares);
    }
}
}  // namespace pnn
#endif
