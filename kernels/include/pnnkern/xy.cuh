// Oscillators coupled through the cosines of their phase differences: the sin a cos b form, so that sums over neighbours are products of
// matrices with cos and sin, never a (batch, n, n) array. Twin: networks/xy.py.
#pragma once
#include "pnnkern/platform.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
PNN_HD void circle_(float x, float* s, float* c) { *s = sinf(x); *c = cosf(x); }
PNN_HD void circle_(double x, double* s, double* c) { *s = sin(x); *c = cos(x); }

// -dE/dphase of one oscillator with cosine c and sine s in the field (x, y) of sources and neighbours, with the second harmonic k.
template <class T> PNN_HD T xy_force(T c, T s, T x, T y, T k) { return c * y - s * x - T(2) * k * s * c; }
}  // namespace pnn
