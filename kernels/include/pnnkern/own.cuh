// Where a user's own functions stand in kernels: what is here holds for the kernels as they are compiled without any. In C and C++ define PNN_OWN
// and functions of these names before this header; from Python pnnkern puts them here (docs/own-physics.md).
#pragma once
#include "pnnkern/platform.cuh"
#if defined(PNN_OWN) && !defined(__CUDACC_RTC__)
#include <math.h>
#endif

// PNN_OWN_FUNCTIONS
#ifndef PNN_OWN
namespace pnn {
// A characteristic and its slope: Ohm's law. constants: what else a function takes, in the order of its arguments.
template <class real> PNN_HD real own_f(real v, const real*) { return v; }
template <class real> PNN_HD real own_slope(real, const real*) { return 1; }
// Any function, of x[0], x[stride], ...
template <class real> PNN_HD real own_value(const real* x, long long, const real*) { return x[0]; }
}  // namespace pnn
#endif
