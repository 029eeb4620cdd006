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
// Rates of a node's components x, of what is coupled to it, its input and its parameters p, and what it feels of another one's first
// component: springs and masses, q' = v, v' = coupled + drive - p q. Behind them what cotangents of them are of all that they take; of so many
// constants of the rates (behind those of p), and of what is felt, as is asked for.
constexpr int OWN_STATES = 2, OWN_PARAMETERS = 1, OWN_CONSTANTS = 0, OWN_FELT_CONSTANTS = 0;
template <class real> PNN_HD void own_rates(const real* x, real coupled, real drive, const real* p, const real*, real* rates) {
    rates[0] = x[1];
    rates[1] = coupled + drive - p[0] * x[0];
}
template <class real> PNN_HD real own_felt(real, real other, const real*) { return other; }
template <class real> PNN_HD void own_rates_back(const real* x, real, real, const real* p, const real*, const real* g, real* by_x, real* by_coupled,
                                                 real* by_drive, real* by_p) {
    by_x[0] = -p[0] * g[1];
    by_x[1] = g[0];
    *by_coupled = *by_drive = g[1];
    by_p[0] = -g[1] * x[0];
}
template <class real> PNN_HD void own_felt_back(real, real, const real*, real* by_own, real* by_other, real*) {
    *by_own = 0;
    *by_other = 1;
}
}  // namespace pnn
#endif
