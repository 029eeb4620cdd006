// Multiplications of small matrices by the matrix units of a GPU, for a whole warp: d += a b, inputs rounded to tf32 or bf16, sums in
// float32, or all of it in float64.  From compute capability 8.0 on by mma.sync (PTX ISA, section "Warp-level matrix multiply-accumulate instructions"); elsewhere,
// and on the host runner, by shuffles and one fma_ after another, with inputs rounded to the same bits.
//
// Fragments, lane = 4 g + t:  d[0..3] = d[g][2 t], d[g][2 t + 1], d[g + 8][2 t], d[g + 8][2 t + 1], 16 x 8.
//   tf32  a[0..3] = a[g][t], a[g + 8][t], a[g][t + 4], a[g + 8][t + 4], 16 x 8;  b[0..1] = b[t][g], b[t + 4][g], 8 x 8
//   bf16  two neighbours k in a word, the first in its low half: a[0..3] = a[g][2 t ..], a[g + 8][2 t ..], a[g][2 t + 8 ..],
//         a[g + 8][2 t + 8 ..], 16 x 16;  b[0..1] = b[2 t ..][g], b[2 t + 8 ..][g], 16 x 8
#pragma once
#include "pnnkern/philox.cuh"

namespace pnn {
#ifdef __CUDA_ARCH__
PNN_HD u32 word_(float x) { return __float_as_uint(x); }
#else
PNN_HD u32 word_(float x) { u32 b; memcpy(&b, &x, 4); return b; }
#endif
// To the nearest of 11 significant bits, ties away from zero, as cvt.rna.tf32.f32 does; NaN stays NaN.
PNN_HD u32 tf32_bits(float x) { return x == x ? (word_(x) + 0x1000u) & 0xffffe000u : 0x7fffe000u; }
// To the nearest of 8 significant bits, ties to even, as cvt.rn.bf16.f32 does: the upper half of a float.
PNN_HD u32 bf16_bits(float x) { return x == x ? (word_(x) + 0x7fffu + (word_(x) >> 16 & 1)) >> 16 : 0x7fffu; }
PNN_D u32 bf16_pair(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
#else
    return bf16_bits(low) | bf16_bits(high) << 16;
#endif
}

#ifdef PNN_DEVICE
// d += a b by fma_ in the order of the k
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ < 800
struct warp_words {
#ifdef __CUDA_HOST_EMULATION__
    u32 mine[6];
    const unsigned* all;
    PNN_D warp_words(const u32 a[4], const u32 b[2]) : mine{a[0], a[1], a[2], a[3], b[0], b[1]}, all(cuda_host::share(__LINE__, mine, 6)) {}
    PNN_D u32 operator()(int i, int lane) const { return all[6 * lane + i]; }
#else
    u32 mine[6];
    PNN_D warp_words(const u32 a[4], const u32 b[2]) : mine{a[0], a[1], a[2], a[3], b[0], b[1]} {}
    PNN_D u32 operator()(int i, int lane) const { return __shfl_sync(0xffffffffu, mine[i], lane); }
#endif
};
// EACH words k side by side in a word of a fragment: 1 or 2
template <int EACH> PNN_D void multiply_(float d[4], const u32 a[4], const u32 b[2]) {
    const warp_words lanes(a, b);
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    PNN_UNROLL
    for (int k = 0; k < 8 * EACH; k++) {
        const int half = k / (4 * EACH), from = k % (4 * EACH) / EACH, bits = 32 / EACH, skip = bits * (k % EACH), rest = 32 - bits;
        auto number = [&](int i, int of) { return f32_(lanes(i, of) >> skip << rest); };
        const float upper = number(2 * half, 4 * g + from), lower = number(2 * half + 1, 4 * g + from);
        PNN_UNROLL
        for (int j = 0; j < 2; j++) {
            const float right = number(4 + half, 4 * (2 * t + j) + from);
            d[j] = fma_(upper, right, d[j]);
            d[2 + j] = fma_(lower, right, d[2 + j]);
        }
    }
}
#endif
PNN_D void multiply_tf32(float d[4], const u32 a[4], const u32 b[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    multiply_<1>(d, a, b);
#endif
}
PNN_D void multiply_bf16(float d[4], const u32 a[4], const u32 b[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    multiply_<2>(d, a, b);
#endif
}
// Whether one of double precision is an instruction, so that code for many of them does not grow.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr bool MATRIX_F64 = false;
#else
constexpr bool MATRIX_F64 = true;
#endif
// In double precision, and nothing is rounded but sums: a[g][t], 8 x 4;  b[t][g], 4 x 8;  d[0..1] = d[g][2 t], d[g][2 t + 1], 8 x 8.
PNN_D void multiply_f64(double d[2], double a, double b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+d"(d[0]), "+d"(d[1]) : "d"(a), "d"(b));
#else
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#ifdef __CUDA_HOST_EMULATION__
    u32 mine[4];
    memcpy(mine, &a, 8);
    memcpy(mine + 2, &b, 8);
    const unsigned* all = cuda_host::share(__LINE__, mine, 4);
    auto number = [&](int i, int from) { double x; memcpy(&x, all + 4 * from + 2 * i, 8); return x; };
#else
    auto number = [&](int i, int from) { return __shfl_sync(0xffffffffu, i ? b : a, from); };
#endif
    PNN_UNROLL
    for (int k = 0; k < 4; k++) {
        const double left = number(0, 4 * g + k);
        PNN_UNROLL
        for (int j = 0; j < 2; j++) d[j] = fma_(left, number(1, 4 * (2 * t + j) + k), d[j]);
    }
#endif
}
#endif
}  // namespace pnn
