// Converters at the edges of a crossbar. Twin: crossbar/read.py.
// The rule of philox.cuh holds here: a product feeds an addition through fma_ only, so a code is the same on every backend.
#pragma once
#include "pnnkern/philox.cuh"

namespace pnn {
#ifdef __CUDA_ARCH__
PNN_HD float  even_(float x) { return rintf(x); }   // to the nearest integer, ties to even
PNN_HD double even_(double x) { return rint(x); }
PNN_HD float  floor_(float x) { return floorf(x); }
PNN_HD double floor_(double x) { return floor(x); }
#else
PNN_HD float  even_(float x) { return std::rint(x); }
PNN_HD double even_(double x) { return std::rint(x); }
PNN_HD float  floor_(float x) { return std::floor(x); }
PNN_HD double floor_(double x) { return std::floor(x); }
#endif
template <class T> PNN_HD T cut_(T x, T low, T high) { return x < low ? low : x > high ? high : x; }   // NaN stays

// A converter of inputs: code = v / step, to the nearest (u < 0) or up with the chance of its fraction (u in (0, 1)); then cut to
// [low, high]. step = 0: nothing is converted.
template <class T> struct dac_of {
    T step, low, high;
    PNN_HD T operator()(T v, T u) const {
        if (step == T(0)) return v;
        T code = v / step;
        code = u < T(0) ? even_(code) : floor_(add_(code, u));
        return mul_(cut_(code, low, high), step);
    }
};

// Converters of outputs, one for each column c. x: current. lsb[c]: what one code really is, step[c]: what it is taken for, offset[c]
// (or null) is added to the current, bow[c] (or null) is the deviation in the middle of the range, in codes, a parabola.
// mode 0: none, 1: cut only, 2: rounded, ties to even, 3: successive approximation with the capacitors table[c, 0 .. bits), in codes.
template <class T> struct adc_of {
    int mode, bits;
    T low, high;
    const T *lsb, *step, *offset, *bow, *table;
    PNN_HD T operator()(T x, i64 c) const {
        if (offset) x = add_(x, offset[c]);
        if (mode == 0) return x;
        T code = x / lsb[c];
        if (bow) {
            T half = mul_(T(0.5), sub_(high, low));
            code = fma_(mul_(bow[c], sub_(high, code) / half), sub_(code, low) / half, code);
        }
        if (mode == 2) code = even_(code);
        if (mode == 3 && code == code) {
            const T* capacitor = table + c * bits;
            T rest = add_(sub_(code, low), T(0.5)), charge = T(0), value = T(0);   // compared half a code lower: to the nearest
            for (int k = bits - 1; k >= 0; k--) {
                T tried = add_(charge, capacitor[k]);
                if (tried <= rest) {
                    charge = tried;
                    value = add_(value, (T)(1ll << k));
                }
            }
            code = add_(value, low);
        }
        return mul_(cut_(code, low, high), step[c]);
    }
};
}  // namespace pnn
