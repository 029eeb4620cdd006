// complex<T>: two T's, laid out like float2 / double2 and NumPy's complex.
#pragma once
#include "pnnkern/platform.cuh"

namespace pnn {
template <class T> struct alignas(2 * sizeof(T)) complex { T re, im; };   // aligned as a whole: one access of 8 or 16 bytes

template <class T> PNN_HD complex<T> operator+(complex<T> a, complex<T> b) { return {a.re + b.re, a.im + b.im}; }
template <class T> PNN_HD complex<T> operator-(complex<T> a, complex<T> b) { return {a.re - b.re, a.im - b.im}; }
template <class T> PNN_HD complex<T> operator*(complex<T> a, complex<T> b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
template <class T> PNN_HD complex<T> operator*(T s, complex<T> a) { return {s * a.re, s * a.im}; }
template <class T> PNN_HD complex<T> conj(complex<T> a) { return {a.re, -a.im}; }
template <class T> PNN_HD T abs2(complex<T> a) { return a.re * a.re + a.im * a.im; }
}  // namespace pnn
