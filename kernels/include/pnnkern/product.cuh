// Products of matrices in tiles: sums of x[row, k] w[k, column], and of x^2 s2 beside them, for a block of threads.
//
// The order of each sum is fixed, whatever the tile, the grid and the block that does it: SLICE of the k at a time, from 0 with one fma_
// after another in their order (or with the steps of a matrix unit), and the slices in their order. So slices may go to blocks of their own.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/product.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/matrix_unit.cuh"

namespace pnn {
constexpr int SLICE = 64;   // Twin, callers: crossbar/read.py

// ---- four neighbours, at once where addresses allow
PNN_D void load4(const float* p, float x[4]) {
    float4 v = *(const float4*)p;
    x[0] = v.x; x[1] = v.y; x[2] = v.z; x[3] = v.w;
}
PNN_D void load4(const double* p, double x[4]) {
    double2 a = ((const double2*)p)[0], b = ((const double2*)p)[1];
    x[0] = a.x; x[1] = a.y; x[2] = b.x; x[3] = b.y;
}
PNN_D void store4(float* p, const float x[4]) { *(float4*)p = make_float4(x[0], x[1], x[2], x[3]); }
PNN_D void store4(double* p, const double x[4]) {
    ((double2*)p)[0] = make_double2(x[0], x[1]);
    ((double2*)p)[1] = make_double2(x[2], x[3]);
}
// Whether all quads of rows of n values from p on are 16-byte pieces.
template <class T> PNN_D bool whole_quads(const T* p, i64 n) { return (u64)p % 16 == 0 && n * (i64)sizeof(T) % 16 == 0; }
// `many` of the four (or all of them), the others 0.
template <class T> PNN_D void load4(const T* p, i64 many, bool whole, T x[4]) {
    if (whole && many >= 4) return load4(p, x);
    PNN_UNROLL
    for (int j = 0; j < 4; j++) x[j] = j < many ? p[j] : T(0);
}
// The same to device memory. In PTX, for the compiler makes one of the two ways, four stores, of an assignment of the whole.
template <class T> PNN_D void put4(T* p, const T x[4]) { store4(p, x); }
#ifdef __CUDA_ARCH__
PNN_D void put4(float* p, const float x[4]) {
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(x[0]), "f"(x[1]), "f"(x[2]), "f"(x[3]) : "memory");
}
PNN_D void put4(double* p, const double x[4]) {
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p), "d"(x[0]), "d"(x[1]) : "memory");
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p + 2), "d"(x[2]), "d"(x[3]) : "memory");
}
#endif
template <class T> PNN_D void put4(T* p, i64 many, bool whole, const T x[4]) {
    if (whole && many >= 4) return put4(p, x);
    PNN_UNROLL
    for (int j = 0; j < 4; j++) if (j < many) p[j] = x[j];
}

// ---- copies from device to shared memory that go on in the background from compute capability 8.0 on
template <int BYTES> PNN_D void copy_async(void* to, const void* from) {
#if defined(__CUDA_HOST_EMULATION__)
    cuda_host::copy_async(to, from, BYTES);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if (BYTES == 16) asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((u32)__cvta_generic_to_shared(to)), "l"(from) : "memory");
    else asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"((u32)__cvta_generic_to_shared(to)), "l"(from), "n"(BYTES) : "memory");
#else
    if (BYTES == 16) *(float4*)to = *(const float4*)from;
    else if (BYTES == 8) *(double*)to = *(const double*)from;
    else *(float*)to = *(const float*)from;
#endif
}
PNN_D void copy_commit() {   // what was copied since the last one is a group
#if defined(__CUDA_HOST_EMULATION__)
    cuda_host::copy_commit();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int OPEN> PNN_D void copy_wait() {   // for this thread's groups but the last OPEN
#if defined(__CUDA_HOST_EMULATION__)
    cuda_host::copy_wait(OPEN);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(OPEN) : "memory");
#endif
}
template <class T> PNN_D void copy4_async(T* to, const T* from, i64 many, bool whole) {   // as load4
    if (whole && many >= 4) {
        PNN_UNROLL
        for (int j = 0; j < 4 * (int)sizeof(T) / 16; j++) copy_async<16>(to + j * (16 / sizeof(T)), from + j * (16 / sizeof(T)));
        return;
    }
    PNN_UNROLL
    for (int j = 0; j < 4; j++) {
        if (j < many) copy_async<sizeof(T)>(to + j, from + j);
        else to[j] = T(0);
    }
}

// ---- a tile of SIDE x SIDE sums, STAGES pieces of DEPTH of the k in shared memory
template <class T, int SIDE> struct alignas(16) product_tile {
    static constexpr int DEPTH = 64 / (int)sizeof(T), STAGES = SIDE == 64 ? 3 : 4, QUADS = SIDE / 16, THREADS = SIDE * SIDE / 4 / QUADS;
    // rows are 16 bytes longer, and 32, than they hold: eight neighbours in a column lie in banks of their own
    struct pieces { T x[STAGES][SIDE][DEPTH + 16 / sizeof(T)], w[STAGES][DEPTH][SIDE + 32 / sizeof(T)]; };
    union {
        pieces in;
        T second[SIDE][SIDE + 4];   // sums that take the place of the pieces when these have been used
    };
    T first[SIDE][SIDE + 4];
};

// Sums of a thread, by fma_: QUADS rows, four columns.  A warp has 4 QUADS rows and 32 columns.
template <class T, int SIDE> struct by_threads {
    using tile = product_tile<T, SIDE>;
    static constexpr int QUADS = tile::QUADS;
    int row0, column0;
    PNN_D by_threads() {
        int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        row0 = 4 * QUADS * (warp / (SIDE / 32)) + lane / 8;
        column0 = 32 * (warp % (SIDE / 32)) + 4 * (lane % 8);
    }
    PNN_D void step(const tile& t, int stage, T sum[QUADS][4]) const {
        const auto& x = t.in.x[stage];
        const auto& w = t.in.w[stage];
        PNN_UNROLL
        for (int k = 0; k < tile::DEPTH; k += 4) {
            T a[QUADS][4], b[4];
            PNN_UNROLL
            for (int i = 0; i < QUADS; i++) load4(&x[row0 + 4 * i][k], a[i]);
            PNN_UNROLL
            for (int j = 0; j < 4; j++) {
                load4(&w[k + j][column0], b);
                PNN_UNROLL
                for (int i = 0; i < QUADS; i++)
                    PNN_UNROLL
                    for (int c = 0; c < 4; c++) sum[i][c] = fma_(a[i][j], b[c], sum[i][c]);
            }
        }
    }
    PNN_D void put(const T sum[QUADS][4], T (*to)[SIDE + 4]) const {
        PNN_UNROLL
        for (int i = 0; i < QUADS; i++) store4(&to[row0 + 4 * i][column0], sum[i]);
    }
};

// Sums of a thread, by the matrix units: of x and w rounded to tf32 or bf16. A warp has 16 rows and SIDE / 2 columns, in QUADS fragments
// of 8 columns.
template <int SIDE> struct by_matrix_units {
    using tile = product_tile<float, SIDE>;
    static constexpr int QUADS = tile::QUADS;
    int row0, column0, g, t4;
    bool bf16;
    PNN_D explicit by_matrix_units(bool bf16) : bf16(bf16) {
        int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        row0 = 16 * (warp / 2);
        column0 = SIDE / 2 * (warp % 2);
        g = lane / 4;
        t4 = lane % 4;
    }
    PNN_D void step(const tile& t, int stage, float sum[QUADS][4]) const {
        const auto& x = t.in.x[stage];
        const auto& w = t.in.w[stage];
        const int above = row0 + g, below = row0 + g + 8;
        if (bf16) {
            static_assert(tile::DEPTH == 16, "one multiplication a step");
            const u32 a[4] = {bf16_pair(x[above][2 * t4], x[above][2 * t4 + 1]), bf16_pair(x[below][2 * t4], x[below][2 * t4 + 1]),
                              bf16_pair(x[above][2 * t4 + 8], x[above][2 * t4 + 9]), bf16_pair(x[below][2 * t4 + 8], x[below][2 * t4 + 9])};
            PNN_UNROLL
            for (int i = 0; i < QUADS; i++) {
                int c = column0 + 8 * i + g;
                const u32 b[2] = {bf16_pair(w[2 * t4][c], w[2 * t4 + 1][c]), bf16_pair(w[2 * t4 + 8][c], w[2 * t4 + 9][c])};
                multiply_bf16(sum[i], a, b);
            }
            return;
        }
        PNN_UNROLL
        for (int k = 0; k < tile::DEPTH; k += 8) {
            const u32 a[4] = {tf32_bits(x[above][k + t4]), tf32_bits(x[below][k + t4]), tf32_bits(x[above][k + t4 + 4]),
                              tf32_bits(x[below][k + t4 + 4])};
            PNN_UNROLL
            for (int i = 0; i < QUADS; i++) {
                int c = column0 + 8 * i + g;
                const u32 b[2] = {tf32_bits(w[k + t4][c]), tf32_bits(w[k + t4 + 4][c])};
                multiply_tf32(sum[i], a, b);
            }
        }
    }
    PNN_D void put(const float sum[QUADS][4], float (*to)[SIDE + 4]) const {
        PNN_UNROLL
        for (int i = 0; i < QUADS; i++)
            PNN_UNROLL
            for (int r = 0; r < 4; r++) to[row0 + g + 8 * (r / 2)][column0 + 8 * i + 2 * t4 + r % 2] = sum[i][r];
    }
};

// The sums of a tile whose first row and column are given, over the steps [first, last) of DEPTH, to t.first or t.second.
// prepare(row, k, x): four inputs, in place, before they are used; check(w), four of them. Ends with a barrier.
template <class T, int SIDE, class By, class Prepare, class Check>
PNN_D void tile_sums(product_tile<T, SIDE>& t, T (*to)[SIDE + 4], const By& by, i64 rows, i64 depth, i64 columns, i64 row0, i64 column0,
                     int first, int last, const T* x, const T* w, bool prepares, Prepare prepare, bool checks, Check check) {
    using tile = product_tile<T, SIDE>;
    constexpr int DEPTH = tile::DEPTH, STAGES = tile::STAGES, ACROSS = DEPTH / 4, WIDE = SIDE / 4;
    static_assert(SIDE * ACROSS <= tile::THREADS && DEPTH * WIDE <= tile::THREADS, "a thread has a quad of each at most");
    const int me = threadIdx.x, x_row = me / ACROSS, x_k = 4 * (me % ACROSS), w_k = me / WIDE, w_column = 4 * (me % WIDE);
    const i64 row = row0 + x_row;
    const bool x_mine = x_row < SIDE, w_mine = w_k < DEPTH, x_there = row < rows, x_whole = whole_quads(x, depth), w_whole = whole_quads(w, columns);
    i64 next = (i64)first * DEPTH;   // k of the step that is loaded next
    auto load = [&](int stage) {
        if (x_mine) copy4_async(&t.in.x[stage][x_row][x_k], x + row * depth + next + x_k, x_there ? depth - next - x_k : 0, x_whole);
        if (w_mine) copy4_async(&t.in.w[stage][w_k][w_column], w + (next + w_k) * columns + column0 + w_column,
                                next + w_k < depth ? columns - column0 - w_column : 0, w_whole);
        next += DEPTH;
    };
    // what this thread has copied itself, before the others look at it
    auto visit = [&](int stage, int step) {
        T four[4];
        if (prepares && x_mine && x_there) {
            load4(&t.in.x[stage][x_row][x_k], four);
            prepare(row, (i64)step * DEPTH + x_k, four);
            store4(&t.in.x[stage][x_row][x_k], four);
        }
        if (checks && w_mine) {
            load4(&t.in.w[stage][w_k][w_column], four);
            check(four);
        }
    };
    PNN_UNROLL_BY(1)
    for (int s = 0; s < STAGES - 1; s++) {
        if (first + s < last) load(s);
        copy_commit();
    }
    T sum[By::QUADS][4] = {}, total[By::QUADS][4] = {};
    int stage = 0, ahead = STAGES - 1;
    PNN_UNROLL_BY(1)
    for (int step = first; step < last; step++) {
        copy_wait<STAGES - 2>();
        visit(stage, step);
        __syncthreads();   // this stage is there for all, and nobody reads the one before it any more
        if (step + STAGES - 1 < last) load(ahead);
        copy_commit();
        by.step(t, stage, sum);
        if ((step + 1) % (SLICE / DEPTH) == 0 || step + 1 == last) {
            const bool begun = step - first >= SLICE / DEPTH;   // else this is the first slice, whose zeros keep their sign
            PNN_UNROLL
            for (int i = 0; i < By::QUADS; i++)
                PNN_UNROLL
                for (int c = 0; c < 4; c++) {
                    total[i][c] = begun ? add_(total[i][c], sum[i][c]) : sum[i][c];
                    sum[i][c] = T(0);
                }
        }
        stage = stage + 1 < STAGES ? stage + 1 : 0;
        ahead = ahead + 1 < STAGES ? ahead + 1 : 0;
    }
    __syncthreads();
    by.put(total, to);
    __syncthreads();
}
}  // namespace pnn
#endif
