// What a launch of the kernels in networks/contrast.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/contrast.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/extremes.cuh"
#include "pnnkern/four.cuh"

namespace pnn {
constexpr int CONTRAST_TILE = 64, CONTRAST_DEPTH = 2;   // of weights in each direction, for 16 x 16 threads; samples that are asked for together

// Four values from p on, of which `count` are there; WHOLE: all, and in one access.
template <bool WHOLE, class T> PNN_D void take(const T* p, int count, T* v) {
    if (WHOLE) return fetch(p, v);
    PNN_UNROLL
    for (int n = 0; n < 4; n++) v[n] = n < count ? p[n] : T(0);
}

template <class T> PNN_D void add(const T (&a)[4], const T (&b)[4], T (&sum)[4][4]) {
    PNN_UNROLL
    for (int m = 0; m < 4; m++)
        PNN_UNROLL
        for (int n = 0; n < 4; n++) sum[m][n] += a[m] * b[n];
}

// 4 x 4 weights from `weight` on, of which `tall` rows and `wide` columns are there; first and second begin at them, too. TALL, WIDE: all four
// rows and columns, and in one access.
template <bool TALL, bool WIDE, class T>
PNN_D void contrast_weights(int rows, int columns, int samples, int tall, int wide, double rate, const double* how, const T* first,
                            const T* second, T* weight) {
    T w[4][4], sum[4][4] = {};
    T step = T(rate * how[0]);
    double least = how[1], most = how[2];   // all of it asked for before it is needed
    int s = 0;
    PNN_UNROLL_BY(1)
    for (; s + CONTRAST_DEPTH <= samples; s += CONTRAST_DEPTH) {
        T a[CONTRAST_DEPTH][4], b[CONTRAST_DEPTH][4];
        PNN_UNROLL
        for (int d = 0; d < CONTRAST_DEPTH; d++) {
            take<TALL>(first, tall, a[d]), take<WIDE>(second, wide, b[d]);
            first += rows, second += columns;
        }
        PNN_UNROLL
        for (int d = 0; d < CONTRAST_DEPTH; d++) add(a[d], b[d], sum);
    }
    if (s < samples) {
        T a[CONTRAST_DEPTH - 1][4], b[CONTRAST_DEPTH - 1][4];
        PNN_UNROLL
        for (int d = 0; d < CONTRAST_DEPTH - 1; d++)
            if (s + d < samples) take<TALL>(first + (long long)d * rows, tall, a[d]), take<WIDE>(second + (long long)d * columns, wide, b[d]);
        PNN_UNROLL
        for (int d = 0; d < CONTRAST_DEPTH - 1; d++)
            if (s + d < samples) add(a[d], b[d], sum);
    }
    PNN_UNROLL
    for (int m = 0; m < 4; m++) {   // later than sums, which need the registers
        T* at = weight + (long long)m * columns;
        if (TALL && WIDE) {
            load(at, w[m]);
        } else {
            PNN_UNROLL
            for (int n = 0; n < 4; n++) w[m][n] = m < tall && n < wide ? at[n] : T(0);
        }
    }
    T low = T(least), high = T(most);
    PNN_UNROLL
    for (int m = 0; m < 4; m++) {
        T* at = weight + (long long)m * columns;
        PNN_UNROLL
        for (int n = 0; n < 4; n++) w[m][n] = lower(upper(w[m][n] - step * sum[m][n], low), high);
        if (TALL && WIDE) {
            store(at, w[m]);
        } else {
            PNN_UNROLL
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
    PNN_UNROLL_BY(1)
    for (;; k++) {
        if (k == arrays) return;
        rows = int(shape[3 * k]), columns = int(shape[3 * k + 1]), samples = int(shape[3 * k + 2]);
        across = unsigned(columns + CONTRAST_TILE - 1) / CONTRAST_TILE;
        unsigned tiles = across * (unsigned(rows + CONTRAST_TILE - 1) / CONTRAST_TILE);
        if (tile < tiles) break;
        tile -= tiles;
    }
    unsigned down = tile / across;
    int i = int(down) * CONTRAST_TILE + 4 * int(threadIdx.y), j = int(tile - down * across) * CONTRAST_TILE + 4 * int(threadIdx.x);
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
#endif
