// A ladder: cells g[k] hanging on a wire, k = 0 at the driven end. Solved without subtractions, so float32 keeps its digits.
//   D_k = g_k + ratio_{k+1} D_{k+1}: conductance seen from node k away from the driven end
//   inverse_k = 1 / (wire_k + D_k), ratio_k = wire_k inverse_k         wire_k: the segment on the driven side of node k
//   J_k = f_k + ratio_{k+1} J_{k+1};  x_k = inverse_k J_k + ratio_k x_{k-1}        (x_{-1} = 0: put wire_0 V into f_0)
#pragma once
#include "pnnkern/platform.cuh"

namespace pnn {
typedef long long i64;

// y -> a y + b. Along a ladder 0 <= a <= 1.
template <class T> struct affine { T a, b; };
// first, then second
template <class T> PNN_HD affine<T> then(affine<T> first, affine<T> second) { return {second.a * first.a, second.a * first.b + second.b}; }

#ifdef PNN_DEVICE
// Inclusive scan over a warp: lane l gets map_0, then map_1, ..., then map_l.
template <class T> PNN_D affine<T> warp_scan(affine<T> map) {
    const int lane = threadIdx.x & 31;
    PNN_UNROLL
    for (int step = 1; step < 32; step *= 2) {
        affine<T> before = {__shfl_up_sync(0xffffffffu, map.a, step), __shfl_up_sync(0xffffffffu, map.b, step)};
        if (lane >= step) map = then(before, map);
    }
    return map;
}
#endif

// Where cell k of a line lives. Word lines: {0, n_out, 1}. Bit lines, whose driven end is row n_in - 1: {(n_in - 1) n_out, 1, -n_out}.
struct ladder_layout {
    i64 first, line_stride, cell_stride;
    PNN_HD i64 at(i64 line, i64 k) const { return first + line * line_stride + k * cell_stride; }
};
// Right-hand side r of node `at` is element at rhs + r; its factors too where each has its own (`own`), else element at.
struct ladder_rhs {
    i64 count;
    bool own;
    PNN_HD i64 value(i64 at, i64 r) const { return at * count + r; }
    PNN_HD i64 factor(i64 at, i64 r) const { return own ? at * count + r : at; }
};

template <class T>
PNN_D void ladder_factor(i64 line, i64 r, i64 cells, i64 sets, ladder_layout where, const T* wire, const T* cell, T* ratio, T* inverse) {
    T carry = 0;
    for (i64 k = cells - 1; k >= 0; k--) {
        const i64 at = where.at(line, k) * sets + r;
        const T D = cell[at] + carry;
        inverse[at] = wire[k] + D > T(0) ? T(1) / (wire[k] + D) : T(0);   // a node that nothing reaches stays at zero
        ratio[at] = wire[k] * inverse[at];
        carry = ratio[at] * D;
    }
}

// One thread, one line, one right-hand side.
template <class T>
PNN_D void ladder_sweep(i64 line, i64 r, i64 cells, ladder_rhs rhs, ladder_layout where, const T* ratio, const T* inverse, const T* f, T* x) {
    T J = 0, a = 0;
    for (i64 k = cells - 1; k >= 0; k--) {
        const i64 at = where.at(line, k);
        J = f[rhs.value(at, r)] + a * J;
        a = ratio[rhs.factor(at, r)];
        x[rhs.value(at, r)] = J;
    }
    T y = 0;
    for (i64 k = 0; k < cells; k++) {
        const i64 at = where.at(line, k);
        y = inverse[rhs.factor(at, r)] * x[rhs.value(at, r)] + ratio[rhs.factor(at, r)] * y;
        x[rhs.value(at, r)] = y;
    }
}

#ifdef PNN_DEVICE
// The same with one warp, 32 cells at a time: both recurrences are affine, so each is a scan with a carry.
template <class T>
PNN_D void ladder_scan(i64 line, i64 r, i64 cells, ladder_rhs rhs, ladder_layout where, const T* ratio, const T* inverse, const T* f, T* x) {
    const int lane = threadIdx.x & 31;
    T carry = 0;
    for (i64 done = 0; done < cells; done += 32) {
        const i64 k = cells - 1 - done - lane;
        affine<T> map = {T(1), T(0)};
        if (k >= 0) map = {k + 1 < cells ? ratio[rhs.factor(where.at(line, k + 1), r)] : T(0), f[rhs.value(where.at(line, k), r)]};
        map = warp_scan(map);
        const T J = map.a * carry + map.b;
        if (k >= 0) x[rhs.value(where.at(line, k), r)] = J;
        carry = __shfl_sync(0xffffffffu, J, 31);
    }
    __syncwarp();   // J was written by other lanes
    carry = 0;
    for (i64 done = 0; done < cells; done += 32) {
        const i64 k = done + lane;
        affine<T> map = {T(1), T(0)};
        if (k < cells) {
            const i64 at = where.at(line, k);
            map = {ratio[rhs.factor(at, r)], inverse[rhs.factor(at, r)] * x[rhs.value(at, r)]};
        }
        map = warp_scan(map);
        const T y = map.a * carry + map.b;
        if (k < cells) x[rhs.value(where.at(line, k), r)] = y;
        carry = __shfl_sync(0xffffffffu, y, 31);
    }
}
#endif
}  // namespace pnn
