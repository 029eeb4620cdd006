// Parameter updates, one pass over memory each.
#include "pnnkern/platform.cuh"

namespace pnn {
// now : (rate, correction1, correction2) of this step, where they are in the device's memory and not given; else null.
template <class T>
PNN_D void optimizer_adam(long long n, double rate, double beta1, double beta2, double epsilon, double correction1, double correction2,
                          const double* now, const T* gradient, T* first, T* second, T* parameter) {
    if (now) rate = now[0], correction1 = now[1], correction2 = now[2];
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        T g = gradient[i];
        T m = T(beta1) * first[i] + T(1 - beta1) * g;
        T v = T(beta2) * second[i] + T(1 - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        parameter[i] -= T(rate) * (m / T(correction1)) / (sqrt(v / T(correction2)) + T(epsilon));
    }
}
template <class T> PNN_D void optimizer_sgd(long long n, double rate, double momentum, const double* now, const T* gradient, T* velocity, T* parameter) {
    if (now) rate = now[0];
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        T v = T(momentum) * velocity[i] + gradient[i];
        velocity[i] = v;
        parameter[i] -= T(rate) * v;
    }
}
}  // namespace pnn

// Adam (Kingma and Ba 2015): corrections are 1 - beta^step.  Moves 7 values per parameter: reads 4, writes 3.
extern "C" __global__ void pnn_optimizer_adam_f32(long long n, double rate, double beta1, double beta2, double epsilon, double correction1,
    double correction2, const double* __restrict__ now, const float* __restrict__ gradient, float* __restrict__ first, float* __restrict__ second, float* __restrict__ parameter) {
    pnn::optimizer_adam(n, rate, beta1, beta2, epsilon, correction1, correction2, now, gradient, first, second, parameter);
}
extern "C" __global__ void pnn_optimizer_adam_f64(long long n, double rate, double beta1, double beta2, double epsilon, double correction1,
    double correction2, const double* __restrict__ now, const double* __restrict__ gradient, double* __restrict__ first, double* __restrict__ second, double* __restrict__ parameter) {
    pnn::optimizer_adam(n, rate, beta1, beta2, epsilon, correction1, correction2, now, gradient, first, second, parameter);
}
// velocity = momentum velocity + gradient; parameter -= rate velocity.  Moves 5 values per parameter.
extern "C" __global__ void pnn_optimizer_sgd_f32(long long n, double rate, double momentum, const double* __restrict__ now,
                                                 const float* __restrict__ gradient,
                                                 float* __restrict__ velocity, float* __restrict__ parameter) {
    pnn::optimizer_sgd(n, rate, momentum, now, gradient, velocity, parameter);
}
extern "C" __global__ void pnn_optimizer_sgd_f64(long long n, double rate, double momentum, const double* __restrict__ now,
                                                 const double* __restrict__ gradient,
                                                 double* __restrict__ velocity, double* __restrict__ parameter) {
    pnn::optimizer_sgd(n, rate, momentum, now, gradient, velocity, parameter);
}
