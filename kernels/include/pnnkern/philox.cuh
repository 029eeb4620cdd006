// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11) and distributions with the same bits on every backend.
// Twin: random/draws.py.
//
// Rule of this file: a product never feeds an addition except through fma_, and every rounding is written down (fma_, mul_, add_, ...).
// So no compiler has anything left to contract, whatever its flags, and there are no calls of a mathematical library, which differ.
// A kernel that adds noise keeps to it: fma_(sigma, z, x), not x + sigma * z.
//
// Counter of a draw: (block low, block high, sample low, sample high). A quad is the elements 4 q .. 4 q + 3 of a row.
//   words, float uniforms and normals, Bernoulli   quad q is block q              element < 2^62
//   double uniforms and normals                    quad q is blocks 2 q, 2 q + 1  element < 2^61
//   Poisson                                        element e, attempt d is block e + 2^48 d + 2^63, e < 2^48
//   fold_in(key, n)                                block n of sample 2^64 - 1; all other samples are < 2^63
// Different kinds of draw from one key share words: one key, one purpose.
#pragma once
#include "pnnkern/platform.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#include <cstring>
#endif

namespace pnn {
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
struct rng_key { u32 a, b; };
struct words { u32 w[4]; };
// The global number of a row: index[row], or, where that is null, row sample0 + row of all.
PNN_HD i64 sample_of(i64 row, i64 sample0, const i64* index) { return index ? index[row] : sample0 + row; }

// ---- arithmetic, one IEEE rounding each
#ifdef __CUDA_ARCH__
PNN_HD float  fma_(float a, float b, float c) { return __fmaf_rn(a, b, c); }
PNN_HD double fma_(double a, double b, double c) { return __fma_rn(a, b, c); }
PNN_HD float  mul_(float a, float b) { return __fmul_rn(a, b); }
PNN_HD double mul_(double a, double b) { return __dmul_rn(a, b); }
PNN_HD float  add_(float a, float b) { return __fadd_rn(a, b); }
PNN_HD double add_(double a, double b) { return __dadd_rn(a, b); }
PNN_HD float  sub_(float a, float b) { return __fsub_rn(a, b); }
PNN_HD double sub_(double a, double b) { return __dsub_rn(a, b); }
PNN_HD float  div_(float a, float b) { return __fdiv_rn(a, b); }
PNN_HD double div_(double a, double b) { return __ddiv_rn(a, b); }
PNN_HD float  sqrt_(float a) { return __fsqrt_rn(a); }
PNN_HD double sqrt_(double a) { return __dsqrt_rn(a); }
PNN_HD int clz_(u32 x) { return __clz((int)x); }
PNN_HD int clz_(u64 x) { return __clzll((i64)x); }
PNN_HD u32 shift_in_(u32 hi, u32 lo, int n) { return __funnelshift_l(lo, hi, n); }   // n < 32
PNN_HD u64 bits_(double x) { return (u64)__double_as_longlong(x); }
PNN_HD double f64_(u64 x) { return __longlong_as_double((i64)x); }
PNN_HD float f32_(u32 x) { return __uint_as_float(x); }
#else
PNN_HD float  fma_(float a, float b, float c) { return std::fma(a, b, c); }
PNN_HD double fma_(double a, double b, double c) { return std::fma(a, b, c); }
PNN_HD float  mul_(float a, float b) { return a * b; }
PNN_HD double mul_(double a, double b) { return a * b; }
PNN_HD float  add_(float a, float b) { return a + b; }
PNN_HD double add_(double a, double b) { return a + b; }
PNN_HD float  sub_(float a, float b) { return a - b; }
PNN_HD double sub_(double a, double b) { return a - b; }
PNN_HD float  div_(float a, float b) { return a / b; }
PNN_HD double div_(double a, double b) { return a / b; }
PNN_HD float  sqrt_(float a) { return std::sqrt(a); }
PNN_HD double sqrt_(double a) { return std::sqrt(a); }
PNN_HD int clz_(u32 x) { return x ? __builtin_clz(x) : 32; }
PNN_HD int clz_(u64 x) { return x ? __builtin_clzll(x) : 64; }
PNN_HD u32 shift_in_(u32 hi, u32 lo, int n) { return (u32)(((u64)hi << 32 | lo) << n >> 32); }
PNN_HD u64 bits_(double x) { u64 b; memcpy(&b, &x, 8); return b; }
PNN_HD double f64_(u64 b) { double x; memcpy(&x, &b, 8); return x; }
PNN_HD float f32_(u32 b) { float x; memcpy(&x, &b, 4); return x; }
#endif

// ---- Philox4x32-10
PNN_HD words philox(rng_key k, u32 c0, u32 c1, u32 c2, u32 c3) {
    PNN_UNROLL
    for (int i = 0; i < 10; i++) {
        u64 p = 0xD2511F53ull * c0, q = 0xCD9E8D57ull * c2;
        c0 = (u32)(q >> 32) ^ c1 ^ k.a;
        c1 = (u32)q;
        c2 = (u32)(p >> 32) ^ c3 ^ k.b;
        c3 = (u32)p;
        k.a += 0x9E3779B9u;
        k.b += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}
PNN_HD words block(rng_key k, u64 n, u64 sample) { return philox(k, (u32)n, (u32)(n >> 32), (u32)sample, (u32)(sample >> 32)); }
PNN_HD words attempt(rng_key k, u64 element, u64 sample, u32 d) { return block(k, element | (u64)(0x8000u | d) << 48, sample); }
PNN_HD rng_key fold_in(rng_key k, u64 n) {
    words w = block(k, n, ~0ull);
    return {w.w[0], w.w[1]};
}
// The key that is given, or the one that lies in the device's memory, where `key` says where: there it may be another at each launch of a graph.
PNN_HD rng_key key_of(u32 key0, u32 key1, const u32* key) { return key ? rng_key{key[0], key[1]} : rng_key{key0, key1}; }
// A key whose ten round keys are worked out where they are used: a compiler that takes them out of a loop keeps them in 20 registers.
PNN_D rng_key afresh(rng_key key) {
#ifdef __CUDA_ARCH__
    asm volatile("" : "+r"(key.a), "+r"(key.b));
#endif
    return key;
}
PNN_HD u64 join_(u32 lo, u32 hi) { return (u64)hi << 32 | lo; }

// ---- uniforms: odd multiples of 2^-24 or 2^-53, so in (0, 1), symmetric about 1/2, exact
PNN_HD float uniform(u32 w) { return mul_((float)(int)(w >> 8 | 1), 0x1p-24f); }
PNN_HD double uniform(u64 w) { return mul_((double)(i64)(w >> 11 | 1), 0x1p-53); }

// ---- Bernoulli: true with probability p to 2^-64 (never for p <= 0 and NaN, always for p >= 1). w2 matters in one draw of 2^32.
PNN_HD bool bernoulli(double p, u32 w, u32 w2) {
    double q = p > 0.0 && p < 1.0 ? p : 0.0;
    return join_(w2, w) < (u64)mul_(q, 0x1p64) || p >= 1.0;
}

// ---- natural logarithm of 2^e (1 + f), sqrt(1/2) <= 1 + f <= sqrt(2), error below 2 ulp:
// ln(1 + f) = 2 artanh s = f - (h - s (h + R)) with s = f / (2 + f), h = f^2 / 2, R = s^2 (2/3 + 2/5 s^2 + ...).
PNN_HD double log_(double e, double f) {
    double s = div_(f, add_(2.0, f)), z = mul_(s, s), h = mul_(mul_(0.5, f), f), r = 0x1.2b5baa78ffb4dp-3;
    r = fma_(r, z, 0x1.39fe1427e346bp-3);
    r = fma_(r, z, 0x1.7462b73117972p-3);
    r = fma_(r, z, 0x1.c71c62dba64fbp-3);
    r = fma_(r, z, 0x1.2492492df9f95p-2);
    r = fma_(r, z, 0x1.9999999995288p-2);
    r = fma_(r, z, 0x1.5555555555558p-1);
    r = mul_(s, fma_(r, z, h));
    return fma_(e, 0x1.62e42fefa39efp-1, sub_(f, sub_(h, fma_(e, 0x1.abc9e3b39803fp-56, r))));   // ln 2 in two parts
}
PNN_HD double log_(double x) {   // x > 0, no subnormal
    const u64 half = 0x3fe6a09e667f3bcdull;   // the bits of sqrt(1/2)
    u64 b = bits_(x) + (0x3ff0000000000000ull - half);
    return log_((double)((i64)(b >> 52) - 1023), sub_(f64_((b & 0xfffffffffffffull) + half), 1.0));
}

// ---- standard normals by Box-Muller: a pair is r (cos t, sin t), r = sqrt(-2 ln u), and u and t are independent uniforms.
// Polynomials: scripts/fit_polynomials.py.

// float: two words. u is their 40 bits (w0 and the low 8 of w1) and a half, cut to 32 significant bits: |z| <= 7.54, and the tails are
// right to 6 sigma.
PNN_HD float radius(u32 w0, u32 w1) {
    u32 hi = w0, lo = w1 << 24 | 0x800000u;   // u = hi:lo / 2^64
    int e = 0;
    if (hi == 0) { hi = lo; lo = 0; e = 32; }
    int n = clz_(hi);
    u32 m = shift_in_(hi, lo, n);             // u = m 2^-32 2^-(e + n), m in [2^31, 2^32)
    int b = m < 3037000500u;                  // m < sqrt(1/2) 2^32: take 2 m
    float f = mul_((float)(int)(m << b), 0x1p-32f), p = 0x1.38c9dep-3f;   // u = (1 + f) 2^-(e + n + b)
    p = fma_(p, f, -0x1.055ec6p-2f);          // -2 ln(1 + f) = -2 f + f^2 (1 + f p), error 5.8e-9
    p = fma_(p, f, 0x1.0d8242p-2f);
    p = fma_(p, f, -0x1.22d92ep-2f);
    p = fma_(p, f, 0x1.54728ap-2f);
    p = fma_(p, f, -0x1.99a01cp-2f);
    p = fma_(p, f, 0x1.000226p-1f);
    p = fma_(p, f, -0x1.555554p-1f);
    p = fma_(p, f, 1.0f);
    p = fma_(mul_(f, f), p, mul_(-2.0f, f));
    return sqrt_(fma_((float)(e + n + b), 0x1.62e43p0f, p));
}
// t = pi/2 x from bits 8..29, |x| < 1/2; bit 30 exchanges c and s, bit 31 is the caller's.
PNN_HD void circle(u32 w, float* c, float* s) {
    float x = mul_((float)(int)((w << 2 & 0xfffffc00u) | 0x200u), 0x1p-32f), y = mul_(x, x);
    float a = -0x1.33199p-8f, b = 0x1.d4f7eep-11f;   // errors 2.8e-8 and 4.4e-10
    a = fma_(a, y, 0x1.4680a4p-4f);
    a = fma_(a, y, -0x1.4abc24p-1f);
    a = fma_(a, y, 0x1.921fb6p0f);
    a = mul_(a, x);
    b = fma_(b, y, -0x1.55b2b6p-6f);
    b = fma_(b, y, 0x1.03c1bp-2f);
    b = fma_(b, y, -0x1.3bd3ccp0f);
    b = fma_(b, y, 1.0f);
    bool swap = w >> 30 & 1;
    *c = swap ? a : b;
    *s = swap ? b : a;
}
PNN_HD void normal2(u32 w0, u32 w1, float* z0, float* z1) {
    float r = radius(w0, w1), c, s;
    circle(w1, &c, &s);
    r = (int)w1 < 0 ? -r : r;
    *z0 = mul_(r, c);
    *z1 = mul_(r, s);
}

// double: four words. u = (v | 1) / 2^64, so |z| <= 9.42.
PNN_HD double radius(u64 v) {
    v |= 1;
    int n = clz_(v);
    v <<= n;                                  // u = v 2^-64 2^-n, v in [2^63, 2^64)
    int b = v < 0xb504f333f9de6485ull;        // v < sqrt(1/2) 2^64: take 2 v
    double f = mul_((double)(i64)(v << b), 0x1p-64);
    return sqrt_(mul_(-2.0, log_((double)-(n + b), f)));
}
// t = pi/2 x from bits 9..61, |x| < 1/2; bit 62 exchanges c and s, bit 63 is the caller's.
PNN_HD void circle(u64 w, double* c, double* s) {
    double x = mul_((double)(i64)((w << 2 & ~0x7ffull) | 0x400), 0x1p-64), y = mul_(x, x);
    double a = 0x1.e3f390d5199c7p-25, b = -0x1.b2f3f4445292bp-28;   // errors below 1e-16
    a = fma_(a, y, -0x1.e30071d77794ep-19);
    a = fma_(a, y, 0x1.50782fda3f841p-13);
    a = fma_(a, y, -0x1.32d2cce2e5dffp-8);
    a = fma_(a, y, 0x1.466bc677587fap-4);
    a = fma_(a, y, -0x1.4abbce625be41p-1);
    a = fma_(a, y, 0x1.921fb54442d18p0);
    a = mul_(a, x);
    b = fma_(b, y, 0x1.f9ce24786af4fp-22);
    b = fma_(b, y, -0x1.a6d1eef498f36p-16);
    b = fma_(b, y, 0x1.e1f5068688f61p-11);
    b = fma_(b, y, -0x1.55d3c7e3cb242p-6);
    b = fma_(b, y, 0x1.03c1f081b5ac0p-2);
    b = fma_(b, y, -0x1.3bd3cc9be45dep0);
    b = fma_(b, y, 1.0);
    bool swap = w >> 62 & 1;
    *c = swap ? a : b;
    *s = swap ? b : a;
}
PNN_HD void normal2(u64 v, u64 w, double* z0, double* z1) {
    double r = radius(v), c, s;
    circle(w, &c, &s);
    r = (i64)w < 0 ? -r : r;
    *z0 = mul_(r, c);
    *z1 = mul_(r, s);
}

// ---- the four draws of a quad
PNN_HD void words4(rng_key k, u64 quad, u64 sample, u32 z[4]) {
    words w = block(k, quad, sample);
    for (int j = 0; j < 4; j++) z[j] = w.w[j];
}
PNN_HD void uniform4(rng_key k, u64 quad, u64 sample, float z[4]) {
    words w = block(k, quad, sample);
    for (int j = 0; j < 4; j++) z[j] = uniform(w.w[j]);
}
PNN_HD void uniform4(rng_key k, u64 quad, u64 sample, double z[4]) {
    words v = block(k, 2 * quad, sample), w = block(k, 2 * quad + 1, sample);
    z[0] = uniform(join_(v.w[0], v.w[1]));
    z[1] = uniform(join_(v.w[2], v.w[3]));
    z[2] = uniform(join_(w.w[0], w.w[1]));
    z[3] = uniform(join_(w.w[2], w.w[3]));
}
PNN_HD void normal4(rng_key k, u64 quad, u64 sample, float z[4]) {
    words w = block(k, quad, sample);
    normal2(w.w[0], w.w[1], z, z + 1);
    normal2(w.w[2], w.w[3], z + 2, z + 3);
}
PNN_HD void normal4(rng_key k, u64 quad, u64 sample, double z[4]) {
    words v = block(k, 2 * quad, sample), w = block(k, 2 * quad + 1, sample);
    normal2(join_(v.w[0], v.w[1]), join_(v.w[2], v.w[3]), z, z + 1);
    normal2(join_(w.w[0], w.w[1]), join_(w.w[2], w.w[3]), z + 2, z + 3);
}
template <class T> PNN_HD void bernoulli4(rng_key k, u64 quad, u64 sample, const T p[4], unsigned char z[4]) {
    words w = block(k, quad, sample);
    for (int j = 0; j < 4; j++) z[j] = bernoulli((double)p[j], w.w[j], w.w[(j + 1) & 3]);
}

// One normal, for fused kernels that cannot use all four of a quad.
PNN_HD float normal(rng_key k, u64 element, u64 sample) {
    words w = block(k, element >> 2, sample);
    float z0, z1;
    normal2(element & 2 ? w.w[2] : w.w[0], element & 2 ? w.w[3] : w.w[1], &z0, &z1);
    return element & 1 ? z1 : z0;
}
PNN_HD void normal(rng_key k, u64 element, u64 sample, float* z) { *z = normal(k, element, sample); }
PNN_HD void normal(rng_key k, u64 element, u64 sample, double* z) {
    words w = block(k, element >> 1, sample);
    double z0, z1;
    normal2(join_(w.w[0], w.w[1]), join_(w.w[2], w.w[3]), &z0, &z1);
    *z = element & 1 ? z1 : z0;
}

// ---- Poisson: inversion below a mean of 10, transformed rejection (PTRS, Hoermann, Insurance: Mathematics and Economics 12, 1993) above.
// All decisions in double.
PNN_HD double exp_neg(double x) {   // exp(-x), 0 <= x < 700, relative error below 4e-16
    double n = (double)(i64)fma_(x, 1.4426950408889634, 0.5), r = fma_(n, -0x1.62e42fefa39efp-1, x);
    r = -fma_(n, -0x1.abc9e3b39803fp-56, r);
    double p = 1.0 / 6227020800.0;   // Taylor, |r| < 0.35
    p = fma_(p, r, 1.0 / 479001600.0);
    p = fma_(p, r, 1.0 / 39916800.0);
    p = fma_(p, r, 1.0 / 3628800.0);
    p = fma_(p, r, 1.0 / 362880.0);
    p = fma_(p, r, 1.0 / 40320.0);
    p = fma_(p, r, 1.0 / 5040.0);
    p = fma_(p, r, 1.0 / 720.0);
    p = fma_(p, r, 1.0 / 120.0);
    p = fma_(p, r, 1.0 / 24.0);
    p = fma_(p, r, 1.0 / 6.0);
    p = fma_(p, r, 0.5);
    p = fma_(p, r, 1.0);
    p = fma_(p, r, 1.0);
    return mul_(p, f64_((u64)(1023 - (i64)n) << 52));
}
// ln(m^k exp(-m) / k!), m >= 10, k >= 0: k ln(m / k) + (k - m) and Stirling's series, so nothing large cancels.
PNN_HD double log_poisson(double k, double m) {
    double c = 0.0, j = k;
    while (j < 10.0) {   // up to 10, where the series holds: P(k) = P(10) (k + 1) ... 10 / m^(10 - k)
        j = add_(j, 1.0);
        c = add_(c, log_(div_(j, m)));
    }
    double i = div_(1.0, j), q = mul_(i, i), t = -1.0 / 1680.0;
    t = fma_(t, q, 1.0 / 1260.0);
    t = fma_(t, q, -1.0 / 360.0);
    t = fma_(t, q, 1.0 / 12.0);
    t = mul_(t, i);
    double a = fma_(j, log_(div_(m, j)), sub_(j, m));
    return add_(c, sub_(fma_(-0.5, log_(mul_(6.283185307179586, j)), a), t));
}
PNN_HD int poisson(rng_key k, u64 element, u64 sample, double m) {   // -1 for a mean outside [0, 2e9]
    if (!(m >= 0.0 && m <= 2e9)) return -1;
    if (m < 10.0) {
        words w = attempt(k, element, sample, 0);
        double u = uniform(join_(w.w[0], w.w[1])), p = exp_neg(m);
        int n = 0;
        while (u > p && n < 100) {
            n++;
            u = sub_(u, p);
            p = div_(mul_(p, m), (double)n);
        }
        return n;
    }
    double b = fma_(2.53, sqrt_(m), 0.931), a = fma_(0.02483, b, -0.059);
    double inverse_alpha = add_(1.1239, div_(1.1328, sub_(b, 3.4))), vr = sub_(0.9277, div_(3.6224, sub_(b, 2.0)));
    for (u32 d = 0; d < 256; d++) {
        words w = attempt(k, element, sample, d);
        double u = sub_(uniform(join_(w.w[0], w.w[1])), 0.5), v = uniform(join_(w.w[2], w.w[3])), us = sub_(0.5, u < 0 ? -u : u);
        double x = add_(fma_(add_(div_(mul_(2.0, a), us), b), u, m), 0.43);
        if (!(x >= 0.0 && x < 2147483648.0)) continue;
        double n = (double)(i64)x;
        if (us >= 0.07 && v <= vr) return (int)n;
        if (us < 0.013 && v > us) continue;
        if (log_(div_(mul_(v, inverse_alpha), add_(div_(a, mul_(us, us)), b))) <= log_poisson(n, m)) return (int)n;
    }
    return (int)m;   // 256 rejections in a row: less than 1e-40
}
}  // namespace pnn
