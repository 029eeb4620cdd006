// Forces on coupled oscillators, from the cosines and sines of all phases and their products with the couplings.
#include "pnnkern/xy.cuh"

namespace pnn {
template <class T> PNN_D void xy_waves(long long count, const T* phase, T* cosine, T* sine) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x)
        circle_(phase[i], sine + i, cosine + i);
}
template <class T>
PNN_D void xy_force(long long rows, long long nodes, long long field_rows, long long batch, long long outputs, const T* cosine, const T* sine,
                    const T* sum_cosine, const T* sum_sine, const T* field_x, const T* field_y, const T* second, const T* nudge,
                    const T* target, T* force) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < rows * nodes; i += (long long)gridDim.x * blockDim.x) {
        long long row = i / nodes, j = i - row * nodes, f = (row % field_rows) * nodes + j, k = j - (nodes - outputs);
        T c = cosine[i], s = sine[i], x = sum_cosine[i], y = sum_sine[i];
        if (field_x) x += field_x[f];
        if (field_y) y += field_y[f];
        if (nudge && k >= 0) x += nudge[row / batch] * (target[(row % batch) * outputs + k] - c);
        force[i] = xy_force(c, s, x, y, second ? second[j] : T(0));
    }
}
}  // namespace pnn

// cosine, sine, phase[count].
extern "C" __global__ void pnn_xy_waves_f32(long long count, const float* __restrict__ phase, float* __restrict__ cosine,
    float* __restrict__ sine) { pnn::xy_waves(count, phase, cosine, sine); }
extern "C" __global__ void pnn_xy_waves_f64(long long count, const double* __restrict__ phase, double* __restrict__ cosine,
    double* __restrict__ sine) { pnn::xy_waves(count, phase, cosine, sine); }

// All [rows][nodes], rows = phases x batch; fields [field_rows][nodes], field_rows = 1 or batch, second[nodes] may be null.
// The last `outputs` nodes of phase p feel nudge[p] (target - cosine), target[batch][outputs]; nudge and target may be null.
extern "C" __global__ void pnn_xy_force_f32(long long rows, long long nodes, long long field_rows, long long batch, long long outputs,
    const float* __restrict__ cosine, const float* __restrict__ sine, const float* __restrict__ sum_cosine,
    const float* __restrict__ sum_sine, const float* __restrict__ field_x, const float* __restrict__ field_y,
    const float* __restrict__ second, const float* __restrict__ nudge, const float* __restrict__ target, float* __restrict__ force) {
    pnn::xy_force(rows, nodes, field_rows, batch, outputs, cosine, sine, sum_cosine, sum_sine, field_x, field_y, second, nudge, target, force);
}
extern "C" __global__ void pnn_xy_force_f64(long long rows, long long nodes, long long field_rows, long long batch, long long outputs,
    const double* __restrict__ cosine, const double* __restrict__ sine, const double* __restrict__ sum_cosine,
    const double* __restrict__ sum_sine, const double* __restrict__ field_x, const double* __restrict__ field_y,
    const double* __restrict__ second, const double* __restrict__ nudge, const double* __restrict__ target, double* __restrict__ force) {
    pnn::xy_force(rows, nodes, field_rows, batch, outputs, cosine, sine, sum_cosine, sum_sine, field_x, field_y, second, nudge, target, force);
}
