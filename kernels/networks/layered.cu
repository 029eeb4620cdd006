// Layered network with one hidden layer: every sweep of every phase in one launch, a block of 2^k threads for each sample.
// Shared memory: (2 hidden + outputs + threads) values. See pnnkern/layered.cuh for the arguments.
#include "pnnkern/layered.cuh"

extern "C" __global__ void pnn_layered_relax_f32(long long batch, long long each, int hidden, int outputs, int model, int phases, int hold, int sweeps,
    int nudged_sweeps, double tolerance, const float* __restrict__ weight, const float* __restrict__ drive, const float* __restrict__ total1,
    const float* __restrict__ total2, const float* __restrict__ bias, const float* __restrict__ low, const float* __restrict__ high,
    const float* __restrict__ nudge, const float* __restrict__ target, float* h, float* o, float* dh, float* d_o, float* change) {
    extern __shared__ float layered_shared_f32[];
    float* x = layered_shared_f32;
    pnn::one_hidden<float> net = {batch, each, hidden, outputs, model, weight, drive, total1, total2, bias, low, high, x, x + hidden,
                                  x + 2 * hidden, x + 2 * hidden + outputs};
    net.run(phases, hold, sweeps, nudged_sweeps, float(tolerance), nudge, target, h, o, dh, d_o, change);
}
extern "C" __global__ void pnn_layered_relax_f64(long long batch, long long each, int hidden, int outputs, int model, int phases, int hold, int sweeps,
    int nudged_sweeps, double tolerance, const double* __restrict__ weight, const double* __restrict__ drive,
    const double* __restrict__ total1, const double* __restrict__ total2, const double* __restrict__ bias, const double* __restrict__ low,
    const double* __restrict__ high, const double* __restrict__ nudge, const double* __restrict__ target, double* h, double* o, double* dh,
    double* d_o, double* change) {
    extern __shared__ double layered_shared_f64[];
    double* x = layered_shared_f64;
    pnn::one_hidden<double> net = {batch, each, hidden, outputs, model, weight, drive, total1, total2, bias, low, high, x, x + hidden,
                                   x + 2 * hidden, x + 2 * hidden + outputs};
    net.run(phases, hold, sweeps, nudged_sweeps, tolerance, nudge, target, h, o, dh, d_o, change);
}
