// Star-mesh elimination of a crossbar with resistive wires. Only conductances between ports are kept, never the diagonal of the nodal
// matrix: every step adds and multiplies positive numbers, so nothing cancels (Grassmann, Taksar, Heyman, Oper. Res. 33 (1985)).
//
// A leaf is 4 x 4 cells and has 16 ports: word in (0..), word out (4..), bit top (8..), bit out (12..). C[k, a]: conductance between
// ports k and a; the diagonal means nothing. Two moves are the whole physics:
//   cell g: C[w, u] += g
//   segment g, over which port k moves on: s = g + sum_a C[k, a];  C[a, b] += C[k, a] C[k, b] / s;  C[k, a] *= g / s
// The node left behind is an average of its neighbours, with weights C[k, a] / s, and g / s of the new port: the tape.
#pragma once
#include "pnnkern/platform.cuh"
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

// ---- one leaf, one warp; C, tape, W, row in shared memory
template <class T> PNN_D void tree_set(T* C, int a, int b, T g) {
    if ((threadIdx.x & 31) == 0) {
        C[a * TREE_PORTS + b] += g;
        C[b * TREE_PORTS + a] += g;
    }
    __syncwarp();
}
template <class T> PNN_D void tree_move(T* C, int k, T g, T* tape) {
    const int lane = threadIdx.x & 31, b = lane % TREE_PORTS;
    T s = g;
    for (int a = 0; a < TREE_PORTS; a++) if (a != k) s += C[k * TREE_PORTS + a];
    const T inverse = s > T(0) ? T(1) / s : T(0);   // a node that nothing reaches stays at zero
    for (int a = lane / TREE_PORTS; a < TREE_PORTS; a += 2)
        if (a != k && b != k) C[a * TREE_PORTS + b] += C[k * TREE_PORTS + a] * inverse * C[k * TREE_PORTS + b];
    __syncwarp();
    if (lane < TREE_PORTS) {
        const T old = C[k * TREE_PORTS + lane];
        if (tape) tape[lane] = lane == k ? g * inverse : old * inverse;
        if (lane != k) {
            C[k * TREE_PORTS + lane] = old * (g * inverse);
            C[lane * TREE_PORTS + k] = old * (g * inverse);
        }
    }
    __syncwarp();
}
// All moves of a leaf in order. at(step, kind, i, j, k): visit(...) is told the tape to fill.
template <class T> PNN_D void tree_leaf(tree_array<T> array, const T* G, i64 leaf, T* C, T* tape) {
    const int lane = threadIdx.x & 31;
    for (int c = lane; c < TREE_PORTS * TREE_PORTS; c += 32) C[c] = T(0);
    if (tape) for (int c = lane; c < TREE_STEPS * TREE_PORTS; c += 32) tape[c] = T(0);
    __syncwarp();
    int step = 0;
    for (int i = 0; i < TREE_SIDE; i++) {
        for (int j = 0; j < TREE_SIDE; j++) {
            const i64 row = array.row(leaf, i), col = array.col(leaf, j);
            const int w = 4 + i, u = i == 0 ? 8 + j : 12 + j;
            const T before = array.conductance(array.before(col)), after = array.conductance(array.after(row));
            if (j == 0) tree_set(C, i, w, before);
            else tree_move(C, w, before, tape ? tape + TREE_PORTS * step++ : tape);
            if (array.has(row, col)) tree_set(C, w, u, G[row * array.n_out + col]);
            if (i == 0) tree_set(C, u, 12 + j, after);
            else tree_move(C, u, after, tape ? tape + TREE_PORTS * step++ : tape);
        }
    }
    for (int k = 0; k < TREE_SIDE; k++) {   // wires end at the right side and at the top
        for (int side = 0; side < 2; side++) {
            const int port = side == 0 ? 4 + k : 8 + k;
            T* weights = tape ? tape + TREE_PORTS * step++ : tape;
            if (side == 0 ? array.right(leaf) : array.top(leaf)) tree_move(C, port, T(0), weights);
            else if (weights && lane == 0) weights[port] = T(1);
            __syncwarp();
        }
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

// body(array, leaf) for this warp's leaves
template <class Body> PNN_D void tree_each(i64 leaves, Body body) {
    const i64 warps = (i64)gridDim.x * (blockDim.x / 32);
    for (i64 t = blockIdx.x * (i64)(blockDim.x / 32) + threadIdx.x / 32; t < leaves; t += warps) body(t);
}
}  // namespace pnn
#endif
