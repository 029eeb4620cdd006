// Counter-based randomness: Philox4x32-10 (Salmon et al., SC'11) and distributions whose bits are the same on every backend.
// Twin: random/draws.py. Rule of this file: a product never feeds an addition except through fma_, and every rounding is written down
// (fma_, mul_, add_, sqrt_, div_), so no compiler has anything left to contract; g++ also gets -ffp-contract=off.
#pragma once
#include "pnnkern/platform.cuh"

namespace pnn {
typedef unsigned int u32; typedef unsigned long long u64; typedef long long i64;
struct key_t { u32 a, b; };
struct words { u32 w[4]; };

// ---- arithmetic, one IEEE rounding each
#ifdef __CUDA_ARCH__
PNN_HD float  fma_(float a, float b, float c) { return __fmaf_rn(a, b, c); }
PNN_HD double fma_(double a, double b, double c) { return __fma_rn(a, b, c); }
PNN_HD float  mul_(float a, float b) { return __fmul_rn(a, b); }
PNN_HD double mul_(double a, double b) { return __dmul_rn(a, b); }
PNN_HD double add_(double a, double b) { return __dadd_rn(a, b); }
PNN_HD double sub_(double a, double b) { return __dsub_rn(a, b); }
PNN_HD double div_(double a, double b) { return __ddiv_rn(a, b); }
PNN_HD float  sqrt_(float a) { return __fsqrt_rn(a); }
PNN_HD double sqrt_(double a) { return __dsqrt_rn(a); }
PNN_HD int clz_(u32 x) { return __clz((int)x); }
PNN_HD u32 shift_in_(u32 hi, u32 lo, int n) { return __funnelshift_l(lo, hi, n); }     // n < 32
PNN_HD u64 bits_(double x) { return (u64)__double_as_longlong(x); }
PNN_HD double f64_(u64 x) { return __longlong_as_double((i64)x); }
#else
PNN_HD float  fma_(float a, float b, float c) { return std::fma(a, b, c); }
PNN_HD double fma_(double a, double b, double c) { return std::fma(a, b, c); }
PNN_HD float  mul_(float a, float b) { return a * b; }
PNN_HD double mul_(double a, double b) { return a * b; }
PNN_HD double add_(double a, double b) { return a + b; }
PNN_HD double sub_(double a, double b) { return a - b; }
PNN_HD double div_(double a, double b) { return a / b; }
PNN_HD float  sqrt_(float a) { return std::sqrt(a); }
PNN_HD double sqrt_(double a) { return std::sqrt(a); }
PNN_HD int clz_(u32 x) { return x ? __builtin_clz(x) : 32; }
PNN_HD u32 shift_in_(u32 hi, u32 lo, int n) { return (u32)(((u64)hi << 32 | lo) << n >> 32); }
PNN_HD u64 bits_(double x) { u64 b; memcpy(&b, &x, 8); return b; }
PNN_HD double f64_(u64 b) { double x; memcpy(&x, &b, 8); return x; }
#endif

// ---- Philox4x32-10
PNN_HD words philox(key_t k, u32 c0, u32 c1, u32 c2, u32 c3) {
#pragma unroll
    for (int i = 0; i < 10; i++) {
        u64 p = 0xD2511F53ull * c0, q = 0xCD9E8D57ull * c2;
        c0 = (u32)(q >> 32) ^ c1 ^ k.a; c1 = (u32)q;
        c2 = (u32)(p >> 32) ^ c3 ^ k.b; c3 = (u32)p;
        k.a += 0x9E3779B9u; k.b += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}
// Element e of a packed draw (words, uniforms, normals, Bernoulli) is lane e & 3 of block e >> 2. 0 <= e, sample < 2^63.
PNN_HD words block4(key_t k, u64 quad, u64 sample) { return philox(k, (u32)quad, (u32)(quad >> 32), (u32)sample, (u32)(sample >> 32)); }
// Sub-draw d of element e (Poisson): bit 63 of the element word set, d in bits 48..62. e < 2^48.
PNN_HD words subdraw(key_t k, u64 e, u64 sample, u32 d) { return block4(k, e | (u64)(0x8000u | d) << 48, sample); }
// Bit 63 of the sample word set: disjoint from every draw.
PNN_HD key_t fold_in(key_t k, u64 n) { words w = block4(k, n, ~0ull); return {w.w[0], w.w[1]}; }

// ---- uniforms in (0, 1), symmetric about 1/2, exact
PNN_HD float  uniform(u32 w) { return mul_((float)(int)(w >> 8 | 1), 0x1p-24f); }
PNN_HD double uniform(u32 lo, u32 hi) { return mul_((double)(i64)(((u64)hi << 32 | lo) >> 11 | 1), 0x1p-53); }
// True with probability p to 2^-64 (exactly for p <= 0, p >= 1; false for NaN). w2 matters in one draw of 2^32.
PNN_HD bool bernoulli(double p, u32 w, u32 w2) {
    double q = p > 0.0 && p < 1.0 ? p : 0.0;
    return ((u64)w << 32 | w2) < (u64)mul_(q, 0x1p64) || p >= 1.0;
}

// ---- standard normals, Box-Muller: 40 bits of two words make the radius sqrt(-2 ln u), 24 the angle
PNN_HD float radius(u32 w0, u32 w1) {
    u32 hi = w0, lo = w1 << 24 | 0x800000u; int e = 0;  // u = hi:lo / 2^64, from w0, the low 8 bits of w1, and one half
    if (hi == 0) { hi = lo; lo = 0; e = 32; }
    int n = clz_(hi); e += n;
    u32 m = shift_in_(hi, lo, n);                       // u = m 2^-32 2^-e, m in [2^31, 2^32)
    int b = m < 3037000500u;                            // m < sqrt(1/2) 2^32: take 2m
    float f = mul_((float)(int)(m << b), 0x1p-32f);     // u = (1 + f) 2^-(e + b), 1 + f in [sqrt 1/2, sqrt 2)
    float p = 0x1.38c9dep-3f;                           // fit.py: -2 log1p(f) = -2f + f^2 (1 + f p(f)), 5.8e-9
    p = fma_(p, f, -0x1.055ec6p-2f); p = fma_(p, f, 0x1.0d8242p-2f); p = fma_(p, f, -0x1.22d92ep-2f);
    p = fma_(p, f, 0x1.54728ap-2f);  p = fma_(p, f, -0x1.99a01cp-2f); p = fma_(p, f, 0x1.000226p-1f);
    p = fma_(p, f, -0x1.555554p-1f); p = fma_(p, f, 1.0f);
    float g = fma_(mul_(f, f), p, mul_(-2.0f, f));
    return sqrt_(fma_((float)(e + b), 0x1.62e43p0f, g));
}
PNN_HD void circle(u32 w, float* c, float* s) {         // angle pi/2 x from bits 8..29, |x| < 1/2; bit 30 swaps, bit 31 negates
    float x = mul_((float)(int)((w << 2 & 0xfffffc00u) | 0x200u), 0x1p-32f), y = mul_(x, x);
    float a = -0x1.33199p-8f, b = 0x1.d4f7eep-11f;      // fit.py: 2.8e-8, 4.4e-10
    a = fma_(a, y, 0x1.4680a4p-4f);  a = fma_(a, y, -0x1.4abc24p-1f); a = fma_(a, y, 0x1.921fb6p0f); a = mul_(a, x);
    b = fma_(b, y, -0x1.55b2b6p-6f); b = fma_(b, y, 0x1.03c1bp-2f);   b = fma_(b, y, -0x1.3bd3ccp0f); b = fma_(b, y, 1.0f);
    bool swap = w >> 30 & 1;
    *c = swap ? a : b; *s = swap ? b : a;
}
PNN_HD void normal2(u32 w0, u32 w1, float* z0, float* z1) {
    float r = radius(w0, w1), c, s;
    circle(w1, &c, &s);
    r = (int)w1 < 0 ? -r : r;
    *z0 = mul_(r, c); *z1 = mul_(r, s);
}
PNN_HD void normal4(const words& w, float z[4]) { normal2(w.w[0], w.w[1], z, z + 1); normal2(w.w[2], w.w[3], z + 2, z + 3); }
PNN_HD float normal(key_t k, u64 e, u64 sample) {       // one draw, for fused kernels that cannot use all four
    words w = block4(k, e >> 2, sample); float z0, z1;
    normal2(e & 2 ? w.w[2] : w.w[0], e & 2 ? w.w[3] : w.w[1], &z0, &z1);
    return e & 1 ? z1 : z0;
}

// ---- Poisson: inversion below 10, Hoermann's PTRS (1993) above; all decisions in float64
PNN_HD double exp_neg(double x) {                       // exp(-x), 0 <= x < 700
    double n = (double)(i64)fma_(x, 1.4426950408889634, 0.5), r = fma_(n, -0.6931471805599453, x);
    r = -fma_(n, -2.3190468138462996e-17, r);
    double p = 1.0 / 6227020800.0;                      // Taylor, |r| < 0.35
    p = fma_(p, r, 1.0 / 479001600.0); p = fma_(p, r, 1.0 / 39916800.0); p = fma_(p, r, 1.0 / 3628800.0); p = fma_(p, r, 1.0 / 362880.0);
    p = fma_(p, r, 1.0 / 40320.0); p = fma_(p, r, 1.0 / 5040.0); p = fma_(p, r, 1.0 / 720.0); p = fma_(p, r, 1.0 / 120.0);
    p = fma_(p, r, 1.0 / 24.0); p = fma_(p, r, 1.0 / 6.0); p = fma_(p, r, 0.5); p = fma_(p, r, 1.0); p = fma_(p, r, 1.0);
    return mul_(p, f64_((u64)(1023 - (i64)n) << 52));
}
PNN_HD double log_(double x) {                          // normal x > 0; fdlibm's log
    u64 b = bits_(x) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);
    double e = (double)((i64)(b >> 52) - 1023), f = sub_(f64_((b & 0xfffffffffffffull) + 0x3fe6a09e667f3bcdull), 1.0);
    double s = div_(f, add_(2.0, f)), z = mul_(s, s), p = 1.479819860511658591e-01;
    p = fma_(p, z, 1.531383769920937332e-01); p = fma_(p, z, 1.818357216161805012e-01); p = fma_(p, z, 2.222219843214978396e-01);
    p = fma_(p, z, 2.857142874366239149e-01); p = fma_(p, z, 3.999999999940941908e-01); p = fma_(p, z, 6.666666666666735130e-01);
    double h = mul_(mul_(0.5, f), f);
    p = mul_(s, fma_(p, z, h));                         // log1p(f) = f - (h - s (h + z p))
    return fma_(e, 0.6931471805599453, sub_(f, sub_(h, fma_(e, 2.3190468138462996e-17, p))));
}
PNN_HD double log_poisson(double k, double m) {         // log of m^k exp(-m) / k!, m >= 10, k >= 0
    double c = 0.0, j = k;
    while (j < 10.0) { j = add_(j, 1.0); c = add_(c, log_(div_(j, m))); }   // from k up to 10: P(k) = P(10) (k+1)...10 / m^(10-k)
    double i = div_(1.0, j), q = mul_(i, i);
    double t = mul_(i, fma_(q, fma_(q, fma_(q, -1.0 / 1680.0, 1.0 / 1260.0), -1.0 / 360.0), 1.0 / 12.0));   // Stirling
    double a = fma_(j, log_(div_(m, j)), sub_(j, m));
    return add_(c, sub_(fma_(-0.5, log_(mul_(6.283185307179586, j)), a), t));
}
PNN_HD int poisson(key_t k, u64 e, u64 sample, float mean) {   // mean in [0, 2e9], else -1
    double m = (double)mean;
    if (!(m >= 0.0 && m <= 2e9)) return -1;
    if (m < 10.0) {
        words w = subdraw(k, e, sample, 0);
        double u = uniform(w.w[0], w.w[1]), p = exp_neg(m);
        int n = 0;
        while (u > p && n < 100) { n++; u = sub_(u, p); p = div_(mul_(p, m), (double)n); }
        return n;
    }
    double root = sqrt_(m), b = fma_(2.53, root, 0.931), a = fma_(0.02483, b, -0.059), ia = add_(1.1239, div_(1.1328, sub_(b, 3.4)));
    double vr = sub_(0.9277, div_(3.6224, sub_(b, 2.0)));
    for (u32 d = 0; d < 256; d++) {
        words w = subdraw(k, e, sample, d);
        double u = sub_(uniform(w.w[0], w.w[1]), 0.5), v = uniform(w.w[2], w.w[3]), us = sub_(0.5, u < 0 ? -u : u);
        double x = add_(fma_(add_(div_(mul_(2.0, a), us), b), u, m), 0.43);
        if (!(x >= 0.0 && x < 2147483648.0)) continue;
        double n = (double)(i64)x;
        if (us >= 0.07 && v <= vr) return (int)n;
        if (us < 0.013 && v > us) continue;
        double lhs = log_(div_(mul_(v, ia), add_(div_(a, mul_(us, us)), b)));
        if (lhs <= log_poisson(n, m)) return (int)n;
    }
    return (int)m;                                      // 256 rejections: never
}
}  // namespace pnn
