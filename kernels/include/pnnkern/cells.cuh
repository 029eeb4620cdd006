// Noise of single cells in single readings, drawn where it is needed. Twin: crossbar/noise.py.
// The rule of philox.cuh holds here: a product feeds an addition through fma_ only.
//   GAUSSIAN   max(g + a z, 0)                    slope [> 0] (1 + a' z)        a: siemens
//   LOGNORMAL  g m, m = exp(a z - a^2 / 2)        slope m (1 + g (z - a) a')    a: spread of the logarithm; the mean stays g
//   TELEGRAPH  max(g + a (t - p), 0)              slope [> 0] (1 + a' (t - p))  t = 1 with probability p, else 0; the mean stays g
// slope: the derivative by g of the same draw; a' = da / dg.
#pragma once
#include "pnnkern/philox.cuh"

namespace pnn {
enum { GAUSSIAN, LOGNORMAL, TELEGRAPH };

PNN_HD double exp_either(double x) { return x > 0.0 ? div_(1.0, exp_neg(x < 690.0 ? x : 690.0)) : exp_neg(x > -690.0 ? -x : 690.0); }

// The random part of four cells: z, or t - p.
template <class T> PNN_HD void cell_draws(int kind, T p, rng_key key, u64 quad, u64 sample, T z[4]) {
    if (kind == TELEGRAPH) {
        words w = block(key, quad, sample);
        for (int j = 0; j < 4; j++) z[j] = (bernoulli((double)p, w.w[j], w.w[(j + 1) & 3]) ? T(1) : T(0)) - p;
    } else {
        normal4(key, quad, sample, z);
    }
}
template <class T> PNN_HD T cell_factor(T a, T z) {
    double s = (double)a;
    return (T)exp_either(fma_(s, (double)z, mul_(-0.5, mul_(s, s))));
}
template <class T> PNN_HD T cell_value(int kind, T g, T a, T z) {
    if (kind == LOGNORMAL) return mul_(g, cell_factor(a, z));
    T x = fma_(a, z, g);
    return x > T(0) ? x : T(0);
}
template <class T> PNN_HD T cell_slope(int kind, T g, T a, T da, T z) {
    if (kind == LOGNORMAL) return mul_(cell_factor(a, z), fma_(mul_(g, z - a), da, T(1)));
    return fma_(a, z, g) > T(0) ? fma_(da, z, T(1)) : T(0);
}
}  // namespace pnn
