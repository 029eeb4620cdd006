// Deep resistive network with one hidden layer: every sweep of every phase in one launch, a block of 2^k threads for each sample.
// Shared memory: (2 hidden + outputs + threads) values. See pnnkern/layered.cuh for the arguments; `positive` hidden nodes have diodes
// that keep them at or above 0 V, the others are kept at or below.
#include "pnnkern/layered.cuh"

namespace pnn {
template <class T> struct diode {
    int positive;
    PNN_D T value(int j, T u) const { return (j < positive) == (u > T(0)) ? u : T(0); }
    PNN_D T difference(int j, T u, T du) const {
        T sign = j < positive ? T(1) : T(-1), x = sign * u, d = sign * du, y;
        if (x > T(0)) y = x + d > T(0) ? d : -x;
        else y = x + d > T(0) ? x + d : T(0);
        return sign * y;
    }
};
template <class T>
PNN_D void drn_relax(long long batch, int hidden, int outputs, int positive, int phases, int sweeps, int nudged_sweeps, double tolerance,
                     const T* weight, const T* drive, const T* total1, const T* total2, const T* bias, const T* nudge, const T* target, T* h,
                     T* o, T* dh, T* d_o, T* change, T* shared) {
    one_hidden<T, diode<T>> net = {batch, hidden, outputs, weight, drive, total1, total2, bias, {positive}, shared, shared + hidden,
                                   shared + 2 * hidden, shared + 2 * hidden + outputs};
    net.run(phases, sweeps, nudged_sweeps, T(tolerance), nudge, target, h, o, dh, d_o, change);
}
}  // namespace pnn

extern "C" __global__ void pnn_drn_relax_f32(long long batch, int hidden, int outputs, int positive, int phases, int sweeps, int nudged_sweeps,
    double tolerance, const float* __restrict__ weight, const float* __restrict__ drive, const float* __restrict__ total1,
    const float* __restrict__ total2, const float* __restrict__ bias, const float* __restrict__ nudge, const float* __restrict__ target,
    float* h, float* o, float* dh, float* d_o, float* change) {
    extern __shared__ float drn_shared_f32[];
    pnn::drn_relax(batch, hidden, outputs, positive, phases, sweeps, nudged_sweeps, tolerance, weight, drive, total1, total2, bias, nudge, target,
                   h, o, dh, d_o, change, drn_shared_f32);
}
extern "C" __global__ void pnn_drn_relax_f64(long long batch, int hidden, int outputs, int positive, int phases, int sweeps, int nudged_sweeps,
    double tolerance, const double* __restrict__ weight, const double* __restrict__ drive, const double* __restrict__ total1,
    const double* __restrict__ total2, const double* __restrict__ bias, const double* __restrict__ nudge, const double* __restrict__ target,
    double* h, double* o, double* dh, double* d_o, double* change) {
    extern __shared__ double drn_shared_f64[];
    pnn::drn_relax(batch, hidden, outputs, positive, phases, sweeps, nudged_sweeps, tolerance, weight, drive, total1, total2, bias, nudge, target,
                   h, o, dh, d_o, change, drn_shared_f64);
}
