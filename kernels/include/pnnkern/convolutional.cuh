// Convolutional layered networks: what one launch of networks/convolutional.cu does with a sample (relax), with the states of a layer (choose),
// with products of states (product).
//
// Layers are those of layered.cuh; nodes of layer l are maps[l + 1] maps of height[l + 1] x width[l + 1], those of layer - 1 the inputs. The
// last weights are (values below, outputs). The others are (maps[l + 1], maps[l], side, side): a convolution that keeps the size, with zeros
// beyond the edge, of which squares of 2 x 2 are pooled: their mean, or the largest, the first one if several are.
// picked : of a node that is pooled by the largest, which one of its square: 0, 1 above, 2, 3 below.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/convolutional.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/layered.cuh"

namespace pnn {
constexpr int CONV_LANES = 8, CONV_COLUMNS = 32;   // a block of a product is 32 x 8 threads

// Which of four is the largest, the first one if several are; NaN if there is one, as NumPy has it. Values stay in registers.
template <class T> PNN_D int first_largest(const T (&y)[4]) {
    int at = 0;
    T most = y[0];
    PNN_UNROLL
    for (int d = 1; d < 4; d++)
        if (y[d] > most || (y[d] != y[d] && most == most)) at = d, most = y[d];
    return at;
}
template <class T> PNN_D T one_of(const T (&y)[4], int at) { return at < 2 ? (at ? y[1] : y[0]) : at == 2 ? y[2] : y[3]; }

// Maps of a layer, as they are or spread out to twice their size.
template <class T> struct plain_maps {
    const T* at;
    int height, width;
    PNN_D T operator()(int map, int y, int x) const {
        return unsigned(y) < unsigned(height) && unsigned(x) < unsigned(width) ? at[(map * height + y) * width + x] : T(0);
    }
};
template <class T> struct spread_maps {   // each value at all four places of its square, or at the picked one; height, width: spread out
    const T* at;
    const unsigned char* picked;   // null: everywhere
    int height, width;
    PNN_D T operator()(int map, int y, int x) const {
        if (unsigned(y) >= unsigned(height) || unsigned(x) >= unsigned(width)) return T(0);
        int n = (map * (height / 2) + y / 2) * (width / 2) + x / 2;
        return picked && picked[n] != y % 2 * 2 + x % 2 ? T(0) : at[n];
    }
};

// sum[p][d] = sum over maps of a convolution at the four pixels of square (y, x): weight(map, i, j) by from[p](map, ..).
template <int P, class T, class From, class Weight>
PNN_D void convolve_square(int maps, int side, int y, int x, const From (&from)[P], Weight weight, T (&sum)[P][4]) {
    for (int p = 0; p < P; p++)
        for (int d = 0; d < 4; d++) sum[p][d] = T(0);
    PNN_UNROLL_BY(1)
    for (int map = 0; map < maps; map++)
        PNN_UNROLL_BY(1)
        for (int i = 0; i < side; i++) {
            int row = 2 * y + i - side / 2, column = 2 * x - side / 2;
            T upper[P], lower[P];
            for (int p = 0; p < P; p++) upper[p] = from[p](map, row, column), lower[p] = from[p](map, row + 1, column);
            PNN_UNROLL_BY(1)
            for (int j = 0; j < side; j++) {
                T w = weight(map, i, j);
                column++;
                for (int p = 0; p < P; p++) {
                    T right = from[p](map, row, column), below = from[p](map, row + 1, column);
                    sum[p][0] += w * upper[p], sum[p][1] += w * right, sum[p][2] += w * lower[p], sum[p][3] += w * below;
                    upper[p] = right, lower[p] = below;
                }
            }
        }
}
// Weights of map `own` above, by the map below; and of map `own` below by the map above, mirrored, for what goes down.
template <class T> struct weights_up {
    const T* at;
    int own, below, side;
    PNN_D T operator()(int map, int i, int j) const { return __ldg(at + (((long long)own * below + map) * side + i) * side + j); }
};
template <class T> struct weights_down {
    const T* at;
    int own, below, side;
    PNN_D T operator()(int map, int i, int j) const {
        return __ldg(at + (((long long)map * below + own) * side + side - 1 - i) * side + side - 1 - j);
    }
};

// A block that relaxes samples one after another. weight[l], bias[l] of l = 0 .. layers - 1.
// Shared memory, behind that of `settling`: fed[size[1]], what the inputs feed into the first layer; picked, a byte for each node.
template <class T> struct convolutional_block : settling<convolutional_block<T>, T> {
    using base = settling<convolutional_block<T>, T>;
    using base::layers, base::nodes, base::widest, base::size, base::offset, base::weight, base::bias, base::state, base::pull, base::moved,
        base::gathered, base::scratch;
    const int *maps, *height, *width, *side;   // of layers, the inputs first; of weights
    bool largest, softmax;
    T* fed;
    unsigned char* picked;

    PNN_D convolutional_block(const base& of, const int* maps, const int* height, const int* width, const int* side, bool largest, bool softmax,
                              T* fed, unsigned char* picked)
        : base(of), maps(maps), height(height), width(width), side(side), largest(largest), softmax(softmax), fed(fed), picked(picked) {}
    PNN_D T bias_of(int l, int j) const { return l + 1 == layers ? bias[l][j] : bias[l][j / (height[l + 1] * width[l + 1])]; }

    // What node j of layer l, a convolution, gets from the maps x[p] below: of the pixels that were picked, or (FREE) are the largest now.
    template <int P, bool FREE> PNN_D void pooled(int l, int j, const T* const (&x)[P], T* out) const {
        int columns = width[l + 1], pixels = height[l + 1] * columns, at = j % pixels;
        plain_maps<T> from[P];
        for (int p = 0; p < P; p++) from[p] = {x[p], height[l], width[l]};
        T sum[P][4];
        convolve_square<P>(maps[l], side[l], at / columns, at % columns, from, weights_up<T>{weight[l], j / pixels, maps[l], side[l]}, sum);
        for (int p = 0; p < P; p++) {
            T mean = T(0.25) * (sum[p][0] + sum[p][1] + sum[p][2] + sum[p][3]);
            int one = !largest ? 0 : FREE ? first_largest(sum[p]) : picked[offset[l] + j];
            out[p] = largest ? one_of(sum[p], one) : mean;
            if (largest && FREE) picked[offset[l] + j] = (unsigned char)one;
        }
    }
    // The inputs' share of the first layer, with its bias
    PNN_D void feed(const T* inputs) {
        const T* x[1] = {inputs};
        for (int j = threadIdx.x; j < size[1]; j += blockDim.x) {
            T sum[1];
            pooled<1, true>(0, j, x, sum);
            fed[j] = sum[0] + bias_of(0, j);
        }
    }
    // Which pixels layer l + 1 pools of the states below it
    PNN_D void choose(int l) {
        const T* x[1] = {state + offset[l - 1]};
        T sum[1];
        for (int j = threadIdx.x; j < size[l + 1]; j += blockDim.x) pooled<1, true>(l, j, x, sum);
        __syncthreads();
    }
    // gathered[p] = what layer l + 1 pulls at the nodes of layer l
    template <int P> PNN_D void from_above(int l, const T* x) {
        const T* y = x + offset[l + 1];
        int n = size[l + 1], m = size[l + 2];
        if (l + 2 == layers) {
            for (int j = threadIdx.x; j < n; j += blockDim.x) {
                T sum[P] = {};
                for (int k = 0; k < m; k++) {
                    T w = __ldg(weight[l + 1] + (long long)j * m + k);
                    for (int p = 0; p < P; p++) sum[p] += w * y[p * nodes + k];
                }
                for (int p = 0; p < P; p++) gathered[p * widest + j] = sum[p];
            }
            return;
        }
        int rows = height[l + 1], columns = width[l + 1];
        spread_maps<T> from[P];
        for (int p = 0; p < P; p++) from[p] = {y + p * nodes, largest ? picked + offset[l + 1] : nullptr, rows, columns};
        for (int k = threadIdx.x; k < n / 4; k += blockDim.x) {   // a square of a map
            int squares = rows / 2 * (columns / 2), map = k / squares, at = k % squares, v = at / (columns / 2), u = at % (columns / 2);
            T sum[P][4];
            convolve_square<P>(maps[l + 2], side[l + 1], v, u, from, weights_down<T>{weight[l + 1], map, maps[l + 1], side[l + 1]}, sum);
            for (int p = 0; p < P; p++)
                for (int d = 0; d < 4; d++)
                    gathered[p * widest + (map * rows + 2 * v + d / 2) * columns + 2 * u + d % 2] = largest ? sum[p][d] : T(0.25) * sum[p][d];
        }
    }
    // Each output, a warp for it: sum[p] of the weights and the values below, in lane 0; then `found`.
    template <int P, class Found> PNN_D void outputs(const T* x, Found found) {
        int l = layers - 1, n = size[l], m = size[l + 1];
        const T* y = x + offset[l - 1];
        for (int j = threadIdx.x / 32; j < m; j += blockDim.x / 32) {
            T sum[P] = {};
            for (int i = threadIdx.x % 32; i < n; i += 32) {
                T w = __ldg(weight[l] + (long long)i * m + j);
                for (int p = 0; p < P; p++) sum[p] += w * y[p * nodes + i];
            }
            for (int lanes = 16; lanes > 0; lanes /= 2)
                for (int p = 0; p < P; p++) sum[p] += __shfl_down_sync(0xffffffffu, sum[p], lanes);
            if (threadIdx.x % 32 == 0) found(j, sum);
        }
    }
    // The scores that a softmax reads of the free state, in the place of pulls
    PNN_D void score() {
        outputs<1>(state, [&](int j, const T* sum) { pull[offset[layers - 1] + j] = sum[0] + bias[layers - 1][j]; });
        __syncthreads();
    }
    // The force that a nudge exerts on scores: nudge (target - softmax)
    template <int P> PNN_D void force(const T* nudge, const T* target, T* step, T* most) {
        int from = offset[layers - 1], m = size[layers];
        outputs<P>(moved, [&](int j, const T* sum) {
            for (int p = 0; p < P; p++) gathered[p * widest + j] = pull[from + j] + sum[p];
        });
        __syncthreads();
        for (int j = threadIdx.x; j < m; j += blockDim.x)
            for (int p = 0; p < P; p++) {
                const T* score = gathered + p * widest;
                T top = score[0], all = T(0);
                for (int k = 1; k < m; k++) top = larger(top, score[k]);
                for (int k = 0; k < m; k++) all += exp_(score[k] - top);
                T to = nudge[p] * (target[j] - exp_(score[j] - top) / all), *at = moved + p * nodes + from + j;
                step[p] = larger(step[p], magnitude(to - *at));
                most[p] = larger(most[p], magnitude(to));
                *at = to;
            }
    }
    static PNN_D float exp_(float x) { return expf(x); }
    static PNN_D double exp_(double x) { return exp(x); }

    PNN_D void rested() {
        for (int l = 1; l + 1 < layers && largest; l++) choose(l);   // for good: what is nudged keeps them
        if (softmax) score();
    }
    template <int P, bool FREE> PNN_D void layer(int l, const T* nudge, const T* target, T* step, T* most) {
        const T* x = FREE ? state : moved;
        if (l + 1 == layers) {
            if (!softmax)
                outputs<P>(x, [&](int j, const T* sum) { this->template move<P, FREE>(l, j, sum, nudge, target, step, most); });
            else if (FREE)   // no force, whatever they began with
                for (int j = threadIdx.x; j < size[layers]; j += blockDim.x) {
                    step[0] = larger(step[0], magnitude(state[offset[l] + j]));
                    state[offset[l] + j] = T(0);
                }
            else
                force<P>(nudge, target, step, most);
            __syncthreads();
            return;
        }
        if (FREE && largest && l + 2 < layers) choose(l + 1);
        from_above<P>(l, x);
        __syncthreads();
        const T* below[P];
        for (int p = 0; p < P && l; p++) below[p] = x + p * nodes + offset[l - 1];
        for (int j = threadIdx.x; j < size[l + 1]; j += blockDim.x) {
            T sum[P] = {};
            if (l) pooled<P, FREE>(l, j, below, sum);
            this->template move<P, FREE>(l, j, sum, nudge, target, step, most);
        }
        __syncthreads();
    }
};

// Shared memory: of the block; weight, bias: [8] pointers; at: [6][9], of layers.
template <class T>
PNN_D void conv_relax(long long batch, int layers, int model, int largest, int softmax, int phases, int begun, int hold, int together, int sweeps,
                      int nudged_sweeps, T tolerance, const int* shape, const T* x, const T* total, const T* w0, const T* w1, const T* w2,
                      const T* w3, const T* w4, const T* w5, const T* w6, const T* w7, const T* b0, const T* b1, const T* b2, const T* b3,
                      const T* b4, const T* b5, const T* b6, const T* b7, const T* nudge, const T* target, T* state, T* moved, T* output,
                      T* change, T* memory, const T** weight, const T** bias, int* at) {
    constexpr int ROW = LAYERS + 1;
    int *size = at, *offset = at + ROW, *maps = at + 2 * ROW, *height = at + 3 * ROW, *width = at + 4 * ROW, *side = at + 5 * ROW;
    int nodes = 0, widest = 0;
    for (int l = 0; l <= layers; l++) {
        int n = shape[4 * l] * shape[4 * l + 1] * shape[4 * l + 2];
        if (threadIdx.x == 0) {
            size[l] = n, maps[l] = shape[4 * l], height[l] = shape[4 * l + 1], width[l] = shape[4 * l + 2], side[l] = shape[4 * l + 3];
            if (l > 0) offset[l - 1] = nodes;
        }
        if (l > 0) nodes += n, widest = n > widest ? n : widest;
    }
    if (int(threadIdx.x) < layers) {
        weight[threadIdx.x] = chosen(int(threadIdx.x), w0, w1, w2, w3, w4, w5, w6, w7);
        bias[threadIdx.x] = chosen(int(threadIdx.x), b0, b1, b2, b3, b4, b5, b6, b7);
    }
    __syncthreads();
    T *pull = memory + nodes, *changes = pull + nodes, *gathered = changes + together * nodes, *scratch = gathered + together * widest;
    T *fed = scratch + 64, *end = fed + size[1];
    settling<convolutional_block<T>, T> base = {layers, model, nodes, widest, size, offset, weight, bias, fed, total, memory, pull, changes,
                                                gathered, scratch};
    convolutional_block<T> block(base, maps, height, width, side, largest != 0, softmax != 0, fed, (unsigned char*)end);
    for (long long b = blockIdx.x; b < batch; b += gridDim.x) {
        block.feed(x + b * size[0]);   // `relax` begins with a barrier
        const T* wanted = target ? target + b * size[layers] : nullptr;
        block.relax(batch, b, begun, sweeps, tolerance, state, change);
        for (int j = threadIdx.x; j < size[layers]; j += blockDim.x) output[b * size[layers] + j] = pull[offset[layers - 1] + j];
        int p = 0;
        for (; together == 2 && p + 2 <= phases; p += 2)
            block.template respond<2>(batch, b, phases, p, hold, nudged_sweeps, tolerance, nudge, wanted, moved, change);
        for (; p < phases; p++) block.template respond<1>(batch, b, phases, p, hold, nudged_sweeps, tolerance, nudge, wanted, moved, change);
    }
}

// ---------------------------------------------------------------------------------------------------------------------- products
template <class T>
PNN_D void conv_choose(long long batch, int below, int maps, int height, int width, int side, const T* x, const T* weight,
                       unsigned char* out) {
    int columns = width / 2, pixels = height / 2 * columns, n = maps * pixels;
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < batch * n; t += (long long)gridDim.x * blockDim.x) {
        int j = int(t % n), at = j % pixels;
        plain_maps<T> from[1] = {{x + t / n * below * height * width, height, width}};
        T sum[1][4];
        convolve_square<1>(below, side, at / columns, at % columns, from, weights_up<T>{weight, j / pixels, below, side}, sum);
        out[t] = (unsigned char)first_largest(sum[0]);
    }
}

// Value e of the derivative by the weights, or, behind them, by the bias of a map: summed over rows of samples by lanes, then over lanes.
// shares: [8][32] values.
template <class T>
PNN_D void conv_product(long long rows, long long batch, int below, int maps, int height, int width, int side, const T* first, const T* second,
                        const T* sums, const unsigned char* picked, T* of_weight, T* of_bias, T* shares) {
    int own = below * side * side, columns = width / 2, pixels = height / 2 * columns;
    long long all = (long long)maps * own, tiles = (all + maps + CONV_COLUMNS - 1) / CONV_COLUMNS;
    for (long long tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        long long e = tile * CONV_COLUMNS + threadIdx.x;
        T sum = T(0);
        if (e < all) {
            int map = int(e / own), k = int(e % own), c = k / (side * side), i = k / side % side - side / 2, j = k % side - side / 2;
            for (long long s = threadIdx.y; s < rows; s += CONV_LANES) {
                plain_maps<T> from = {first + s * below * height * width, height, width};
                const T* above = second + (s * maps + map) * pixels;
                const unsigned char* one = picked ? picked + (s % batch * maps + map) * pixels : nullptr;
                for (int at = 0; at < pixels; at++) {
                    int y = at / columns * 2 + i, x = at % columns * 2 + j;
                    if (one)
                        sum += above[at] * from(c, y + one[at] / 2, x + one[at] % 2);
                    else
                        sum += above[at] * (T(0.25) * (from(c, y, x) + from(c, y, x + 1) + from(c, y + 1, x) + from(c, y + 1, x + 1)));
                }
            }
        } else if (e < all + maps) {
            for (int at = threadIdx.y; at < pixels; at += CONV_LANES) sum += sums[(e - all) * pixels + at];
        }
        shares[threadIdx.y * CONV_COLUMNS + threadIdx.x] = sum;
        __syncthreads();
        if (threadIdx.y == 0 && e < all + maps) {
            for (int k = 1; k < CONV_LANES; k++) sum += shares[k * CONV_COLUMNS + threadIdx.x];
            (e < all ? of_weight + e : of_bias + (e - all))[0] = sum;
        }
        __syncthreads();
    }
}
}  // namespace pnn
#endif
