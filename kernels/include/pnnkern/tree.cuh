// Star-mesh elimination of a crossbar with resistive wires. Only conductances between ports are kept, never the diagonal of the nodal
// matrix: every step adds and multiplies positive numbers, so nothing cancels (Grassmann, Taksar, Heyman, Oper. Res. 33 (1985)).
//
// A leaf is 4 x 4 cells and has 16 ports: word in (0..), word out (4..), bit top (8..), bit out (12..). C[k, a]: conductance between
// ports k and a; the diagonal means nothing. Two moves are the whole physics:
//   cell g: C[w, u] += g
//   segment g, over which port k moves on: s = g + sum_a C[k, a];  C[a, b] += C[k, a] C[k, b] / s;  C[k, a] *= g / s
// The node left behind is an average of its neighbours, with weights C[k, a] / s, and g / s of the new port: the tape.
#pragma once
#include "pnnkern/inverse.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/tree.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
typedef long long i64;
const int TREE_SIDE = 4, TREE_PORTS = 16, TREE_STEPS = 32;

// The array and its wires. Leaves are counted row by row; empty rows above and columns beside the array carry no current.
template <class T> struct tree_array {
    i64 n_in, n_out;
    bool pair;                         // rows are positive and negative in turn and share the node on the bit line
    T word, bit, first, last;          // a word and a bit segment; the first word and the last bit segment of a line
    PNN_HD i64 rows() const { return (n_in + TREE_SIDE - 1) / TREE_SIDE; }
    PNN_HD i64 cols() const { return (n_out + TREE_SIDE - 1) / TREE_SIDE; }
    PNN_HD i64 row(i64 leaf, int i) const { return leaf / cols() * TREE_SIDE + i - (rows() * TREE_SIDE - n_in); }
    PNN_HD i64 col(i64 leaf, int j) const { return leaf % cols() * TREE_SIDE + j; }
    PNN_HD bool top(i64 leaf) const { return leaf < cols(); }
    PNN_HD bool right(i64 leaf) const { return leaf % cols() == cols() - 1; }
    PNN_HD bool has(i64 row, i64 col) const { return row >= 0 && col < n_out; }
    // Kinds of segments: 0 word, 1 bit, 2 first, 3 last, 4 perfect.
    PNN_HD int before(i64 col) const { return col == 0 ? 2 : 0; }
    PNN_HD int after(i64 row) const { return row == n_in - 1 ? 3 : pair && row >= 0 && row % 2 == 0 ? 4 : 1; }
    PNN_HD T conductance(int kind) const { return kind == 0 ? word : kind == 1 ? bit : kind == 2 ? first : kind == 3 ? last : T(1e20); }
};

// ---- one leaf, half a warp: lane c has column c of C, x[a] = C[a, c]
template <class T> PNN_D void tree_set(T (&x)[TREE_PORTS], int a, int b, T g) {
    const int c = threadIdx.x & 15;
    x[a] += c == b ? g : T(0);
    x[b] += c == a ? g : T(0);
}
// Port k moves on through g, if it does; on(a): whether port a is there already. tape, if it is this lane's to write: the weights.
template <class T, class On> PNN_D void tree_move(T (&x)[TREE_PORTS], int k, T g, bool moves, On on, T* tape, bool writes) {
    const int c = threadIdx.x & 15, from = (threadIdx.x & 16) + k;
    T even = g, odd = T(0);
    PNN_UNROLL
    for (int a = 0; a < TREE_PORTS; a += 2) {
        if (a != k && on(a)) even += x[a];
        if (a + 1 != k && on(a + 1)) odd += x[a + 1];
    }
    const T inverse = inverse_or_zero(__shfl_sync(0xffffffffu, even + odd, from));   // a node that nothing reaches stays at zero
    const T scale = g * inverse, mine = c == k ? scale : x[k] * inverse;
    if (writes) tape[c] = moves ? mine : c == k ? T(1) : T(0);
    PNN_UNROLL
    for (int a = 0; a < TREE_PORTS; a++)
        if (a != k && on(a)) {
            const T other = __shfl_sync(0xffffffffu, x[a], from);
            x[a] = moves ? (c == k ? T(0) : x[a]) + other * mine : x[a];
        }
    x[k] = moves ? x[k] * scale : x[k];
}
// All moves of a leaf in order, one for each half of the warp; the tape of all is filled by the lanes that are to write it.
template <class T> PNN_D void tree_leaf(tree_array<T> array, const T* G, i64 leaf, T (&x)[TREE_PORTS], T* tape, bool writes) {
    const int c = threadIdx.x & 15, half = threadIdx.x & 16;
    const i64 top = array.row(leaf, 0), left = array.col(leaf, 0);
    const T cells = array.has(top + c / 4, left + c % 4) ? G[(top + c / 4) * array.n_out + left + c % 4] : T(0);
    PNN_UNROLL
    for (int a = 0; a < TREE_PORTS; a++) x[a] = T(0);
    int step = 0;
    PNN_UNROLL
    for (int i = 0; i < TREE_SIDE; i++) {
        const T after = array.conductance(array.after(top + i));
        PNN_UNROLL
        for (int j = 0; j < TREE_SIDE; j++) {
            const int w = 4 + i, u = i == 0 ? 8 + j : 12 + j;
            const T before = array.conductance(array.before(left + j));
            const auto on = [i, j](int a) { return a < 8 ? a % 4 <= i : i > 0 || (a < 12 ? a - 8 <= j : a - 12 < j); };
            if (j == 0) tree_set(x, i, w, before);
            else tree_move(x, w, before, true, on, tape + TREE_PORTS * step++, writes);
            tree_set(x, w, u, __shfl_sync(0xffffffffu, cells, half + 4 * i + j));
            if (i == 0) tree_set(x, u, 12 + j, after);
            else tree_move(x, u, after, true, on, tape + TREE_PORTS * step++, writes);
        }
    }
    const bool right = array.right(leaf), upper = array.top(leaf);   // wires end at the right side and at the top
    const bool ends = __any_sync(0xffffffffu, right || upper) != 0;
    const auto every = [](int) { return true; };
    PNN_UNROLL
    for (int last = 0; last < 2 * TREE_SIDE; last++) {
        const int k = 4 + last / 2 + last % 2 * 4;
        T* weights = tape + TREE_PORTS * (step + last);
        if (ends) tree_move(x, k, T(0), last % 2 ? upper : right, every, weights, writes);
        else if (writes) weights[c] = c == k ? T(1) : T(0);
    }
}
// W with port k -> W with the node left behind when port k moved on. Returns -sum Q dv dv of the segment between the two.
template <class T> PNN_D T tree_unmove(T* W, int k, const T* tape, T* row) {
    const int lane = threadIdx.x & 31;
    if (lane < TREE_PORTS) {
        T sum = T(0);
        for (int a = 0; a < TREE_PORTS; a++) sum += tape[a] * W[a * TREE_PORTS + lane];
        row[lane] = sum;
    }
    __syncwarp();
    T corner = T(0);
    for (int a = 0; a < TREE_PORTS; a++) corner += tape[a] * row[a];
    const T along = row[k] - (W[k * TREE_PORTS + k] + corner) / T(2);
    __syncwarp();
    if (lane < TREE_PORTS) {
        W[k * TREE_PORTS + lane] = lane == k ? corner : row[lane];
        if (lane != k) W[lane * TREE_PORTS + k] = row[lane];
    }
    __syncwarp();
    return along;
}
template <class T> PNN_D T tree_between(const T* W, int a, int b) {
    return W[a * TREE_PORTS + b] - (W[a * TREE_PORTS + a] + W[b * TREE_PORTS + b]) / T(2);
}
template <class T> PNN_D void tree_leaf_vjp(tree_array<T> array, i64 leaf, T* W, const T* tape, T* row, T* gradient, T* segments) {
    const bool writes = (threadIdx.x & 31) == 0;
    T sum[4] = {T(0), T(0), T(0), T(0)};
    auto add = [&](int kind, T along) {   // no indexing by `kind`: the sums stay in registers
        PNN_UNROLL
        for (int k = 0; k < 4; k++) sum[k] += k == kind ? along : T(0);
    };
    int step = TREE_STEPS;
    for (int k = TREE_SIDE - 1; k >= 0; k--) {
        tree_unmove(W, 8 + k, tape + TREE_PORTS * --step, row);
        tree_unmove(W, 4 + k, tape + TREE_PORTS * --step, row);
    }
    for (int i = TREE_SIDE - 1; i >= 0; i--) {
        for (int j = TREE_SIDE - 1; j >= 0; j--) {
            const i64 r = array.row(leaf, i), c = array.col(leaf, j);
            const bool has = array.has(r, c);
            const int w = 4 + i, u = i == 0 ? 8 + j : 12 + j;
            T along = i == 0 ? tree_between(W, u, 12 + j) : tree_unmove(W, u, tape + TREE_PORTS * --step, row);
            if (has) {
                add(array.after(r), along);
                if (writes) gradient[r * array.n_out + c] = tree_between(W, w, u);
            }
            along = j == 0 ? tree_between(W, i, w) : tree_unmove(W, w, tape + TREE_PORTS * --step, row);
            if (has) add(array.before(c), along);
        }
    }
    PNN_UNROLL
    for (int k = 0; k < 4; k++) if (writes) segments[k] = sum[k];
}
// v (ports, 32): one column of voltages in each lane.
template <class T> PNN_D void tree_left_behind(T* v, int k, const T* tape) {
    const int lane = threadIdx.x & 31;
    T sum = T(0);
    for (int a = 0; a < TREE_PORTS; a++) sum += tape[a] * v[a * 32 + lane];
    v[k * 32 + lane] = sum;
}
template <class T> PNN_D void tree_leaf_voltages(tree_array<T> array, i64 leaf, i64 q, i64 column, T* v, const T* tape, T* word, T* bit) {
    const int lane = threadIdx.x & 31;
    int step = TREE_STEPS;
    for (int k = TREE_SIDE - 1; k >= 0; k--) {
        tree_left_behind(v, 8 + k, tape + TREE_PORTS * --step);
        tree_left_behind(v, 4 + k, tape + TREE_PORTS * --step);
    }
    for (int i = TREE_SIDE - 1; i >= 0; i--) {
        for (int j = TREE_SIDE - 1; j >= 0; j--) {
            const i64 r = array.row(leaf, i), c = array.col(leaf, j);
            const int w = 4 + i, u = i == 0 ? 8 + j : 12 + j;
            if (i) tree_left_behind(v, u, tape + TREE_PORTS * --step);
            if (array.has(r, c) && column < q) {
                word[(r * array.n_out + c) * q + column] = v[w * 32 + lane];
                bit[(r * array.n_out + c) * q + column] = v[u * 32 + lane];
            }
            if (j) tree_left_behind(v, w, tape + TREE_PORTS * --step);
        }
    }
}

// ---- what a block does; `shared` has for each of its warps as many numbers as is said
// body(leaf) for this warp's leaves, `each` of them at a time
template <class Body> PNN_D void tree_each(i64 leaves, int each, Body body) {
    const i64 warps = (i64)gridDim.x * (blockDim.x / 32);
    for (i64 t = each * (blockIdx.x * (i64)(blockDim.x / 32) + threadIdx.x / 32); t < leaves; t += each * warps) body(t);
}
template <class T> PNN_D void tree_leaves(i64 arrays, tree_array<T> array, const T* G, T* out) {
    const i64 each = array.rows() * array.cols(), all = arrays * each;
    tree_each(all, 2, [=](i64 first) {
        const i64 t = first + (threadIdx.x & 16) / 16, mine = t < all ? t : first;
        T x[TREE_PORTS];
        tree_leaf(array, G + mine / each * array.n_in * array.n_out, mine % each, x, (T*)0, false);
        if (t < all)
            PNN_UNROLL
            for (int a = 0; a < TREE_PORTS; a++) out[t * 256 + a * TREE_PORTS + (threadIdx.x & 15)] = x[a];
    });
}
const int TREE_VJP = 256 + TREE_STEPS * TREE_PORTS + TREE_PORTS, TREE_VOLTAGES = 2 * TREE_STEPS * TREE_PORTS;
template <class T>
PNN_D void tree_leaves_vjp(i64 arrays, tree_array<T> array, const T* G, const T* W, T* gradient, T* segments, T* shared) {
    const i64 each = array.rows() * array.cols(), cells = array.n_in * array.n_out;
    T *mine = shared + threadIdx.x / 32 * TREE_VJP, *tape = mine + 256, *row = tape + TREE_STEPS * TREE_PORTS;
    tree_each(arrays * each, 1, [=](i64 t) {
        const i64 n = t / each, leaf = t % each;
        T x[TREE_PORTS];
        tree_leaf(array, G + n * cells, leaf, x, tape, (threadIdx.x & 16) == 0);
        for (int c = threadIdx.x & 31; c < 256; c += 32) mine[c] = W[t * 256 + c];
        __syncwarp();
        tree_leaf_vjp(array, leaf, mine, tape, row, gradient + n * cells, segments + t * 4);
        __syncwarp();
    });
}
template <class T>
PNN_D void tree_voltages(i64 arrays, tree_array<T> array, i64 q, const T* G, const T* V, T* on_word, T* on_bit, T* shared) {
    const i64 each = array.rows() * array.cols(), cells = array.n_in * array.n_out;
    const int lane = threadIdx.x & 31;
    T *tape = shared + threadIdx.x / 32 * TREE_VOLTAGES, *v = tape + TREE_STEPS * TREE_PORTS;
    tree_each(arrays * each, 1, [=](i64 t) {
        const i64 n = t / each, leaf = t % each;
        T x[TREE_PORTS];
        tree_leaf(array, G + n * cells, leaf, x, tape, lane < 16);
        __syncwarp();
        for (i64 column = lane; column - lane < q; column += 32) {
            for (int a = 0; a < TREE_PORTS; a++) v[a * 32 + lane] = column < q ? V[(t * TREE_PORTS + a) * q + column] : T(0);
            tree_leaf_voltages(array, leaf, q, column, v, tape, on_word + n * cells * q, on_bit + n * cells * q);
        }
        __syncwarp();
    });
}
}  // namespace pnn
#endif
