// Parameter updates, one pass over memory each, of up to 8 arrays in a launch. Array a has sizes[a] values.
// how[a] = (factor, divisor, low, high): its gradient counts factor / divisor times, so that the mean of a sum over samples is made on the
// way, and its values stay within low .. high.
// now : (rate, correction1, correction2) of this step, where they are in the device's memory and not given; else null.
#include "pnnkern/platform.cuh"

namespace pnn {
// What is done with an array.
template <class T> struct way {
    T factor, divisor, low, high;
    PNN_D explicit way(const double* how) : factor(T(how[0])), divisor(T(how[1])), low(T(how[2])), high(T(how[3])) {}
    PNN_D T mean(T gradient) const {
        T g = gradient * factor;
        return divisor == T(1) ? g : g / divisor;
    }
    PNN_D T within(T value) const {
        value = value < low ? low : value;
        return value > high ? high : value;
    }
};
template <class T>
PNN_D void optimizer_adam(long long n, way<T> how, double rate, double beta1, double beta2, double epsilon, double correction1,
                          double correction2, const T* gradient, T* first, T* second, T* parameter) {
#pragma unroll 1   // eight copies of it are enough
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        T g = how.mean(gradient[i]);
        T m = T(beta1) * first[i] + T(1 - beta1) * g;
        T v = T(beta2) * second[i] + T(1 - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        parameter[i] = how.within(parameter[i] - T(rate) * (m / T(correction1)) / (sqrt(v / T(correction2)) + T(epsilon)));
    }
}
template <class T>
PNN_D void optimizer_sgd(long long n, way<T> how, double rate, double momentum, const T* gradient, T* velocity, T* parameter) {
#pragma unroll 1   // eight copies of it are enough
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        T v = T(momentum) * velocity[i] + how.mean(gradient[i]);
        velocity[i] = v;
        parameter[i] = how.within(parameter[i] - T(rate) * v);
    }
}
}  // namespace pnn

// Adam (Kingma and Ba 2015): corrections are 1 - beta^step.  Moves 7 values per parameter: reads 4, writes 3.
extern "C" __global__ void pnn_optimizer_adam_f32(
    int arrays, const long long* __restrict__ sizes, const double* __restrict__ how, double rate, double beta1, double beta2,
    double epsilon, double correction1, double correction2, const double* __restrict__ now, const float* __restrict__ gradient0,
    const float* __restrict__ gradient1, const float* __restrict__ gradient2, const float* __restrict__ gradient3,
    const float* __restrict__ gradient4, const float* __restrict__ gradient5, const float* __restrict__ gradient6,
    const float* __restrict__ gradient7, float* __restrict__ first0, float* __restrict__ first1, float* __restrict__ first2,
    float* __restrict__ first3, float* __restrict__ first4, float* __restrict__ first5, float* __restrict__ first6,
    float* __restrict__ first7, float* __restrict__ second0, float* __restrict__ second1, float* __restrict__ second2,
    float* __restrict__ second3, float* __restrict__ second4, float* __restrict__ second5, float* __restrict__ second6,
    float* __restrict__ second7, float* __restrict__ parameter0, float* __restrict__ parameter1, float* __restrict__ parameter2,
    float* __restrict__ parameter3, float* __restrict__ parameter4, float* __restrict__ parameter5, float* __restrict__ parameter6,
    float* __restrict__ parameter7) {
    if (now) rate = now[0], correction1 = now[1], correction2 = now[2];
    const float* g[8] = {gradient0, gradient1, gradient2, gradient3, gradient4, gradient5, gradient6, gradient7};
    float* f[8] = {first0, first1, first2, first3, first4, first5, first6, first7};
    float* s[8] = {second0, second1, second2, second3, second4, second5, second6, second7};
    float* p[8] = {parameter0, parameter1, parameter2, parameter3, parameter4, parameter5, parameter6, parameter7};
#pragma unroll
    for (int a = 0; a < 8; a++)
        if (a < arrays)
            pnn::optimizer_adam(sizes[a], pnn::way<float>(how + 4 * a), rate, beta1, beta2, epsilon, correction1, correction2, g[a], f[a], s[a],
                                p[a]);
}
extern "C" __global__ void pnn_optimizer_adam_f64(
    int arrays, const long long* __restrict__ sizes, const double* __restrict__ how, double rate, double beta1, double beta2,
    double epsilon, double correction1, double correction2, const double* __restrict__ now, const double* __restrict__ gradient0,
    const double* __restrict__ gradient1, const double* __restrict__ gradient2, const double* __restrict__ gradient3,
    const double* __restrict__ gradient4, const double* __restrict__ gradient5, const double* __restrict__ gradient6,
    const double* __restrict__ gradient7, double* __restrict__ first0, double* __restrict__ first1, double* __restrict__ first2,
    double* __restrict__ first3, double* __restrict__ first4, double* __restrict__ first5, double* __restrict__ first6,
    double* __restrict__ first7, double* __restrict__ second0, double* __restrict__ second1, double* __restrict__ second2,
    double* __restrict__ second3, double* __restrict__ second4, double* __restrict__ second5, double* __restrict__ second6,
    double* __restrict__ second7, double* __restrict__ parameter0, double* __restrict__ parameter1, double* __restrict__ parameter2,
    double* __restrict__ parameter3, double* __restrict__ parameter4, double* __restrict__ parameter5, double* __restrict__ parameter6,
    double* __restrict__ parameter7) {
    if (now) rate = now[0], correction1 = now[1], correction2 = now[2];
    const double* g[8] = {gradient0, gradient1, gradient2, gradient3, gradient4, gradient5, gradient6, gradient7};
    double* f[8] = {first0, first1, first2, first3, first4, first5, first6, first7};
    double* s[8] = {second0, second1, second2, second3, second4, second5, second6, second7};
    double* p[8] = {parameter0, parameter1, parameter2, parameter3, parameter4, parameter5, parameter6, parameter7};
#pragma unroll
    for (int a = 0; a < 8; a++)
        if (a < arrays)
            pnn::optimizer_adam(sizes[a], pnn::way<double>(how + 4 * a), rate, beta1, beta2, epsilon, correction1, correction2, g[a], f[a], s[a],
                                p[a]);
}
// velocity = momentum velocity + gradient; parameter -= rate velocity.  Moves 5 values per parameter.
extern "C" __global__ void pnn_optimizer_sgd_f32(
    int arrays, const long long* __restrict__ sizes, const double* __restrict__ how, double rate, double momentum,
    const double* __restrict__ now, const float* __restrict__ gradient0, const float* __restrict__ gradient1,
    const float* __restrict__ gradient2, const float* __restrict__ gradient3, const float* __restrict__ gradient4,
    const float* __restrict__ gradient5, const float* __restrict__ gradient6, const float* __restrict__ gradient7,
    float* __restrict__ velocity0, float* __restrict__ velocity1, float* __restrict__ velocity2, float* __restrict__ velocity3,
    float* __restrict__ velocity4, float* __restrict__ velocity5, float* __restrict__ velocity6, float* __restrict__ velocity7,
    float* __restrict__ parameter0, float* __restrict__ parameter1, float* __restrict__ parameter2, float* __restrict__ parameter3,
    float* __restrict__ parameter4, float* __restrict__ parameter5, float* __restrict__ parameter6, float* __restrict__ parameter7) {
    if (now) rate = now[0];
    const float* g[8] = {gradient0, gradient1, gradient2, gradient3, gradient4, gradient5, gradient6, gradient7};
    float* v[8] = {velocity0, velocity1, velocity2, velocity3, velocity4, velocity5, velocity6, velocity7};
    float* p[8] = {parameter0, parameter1, parameter2, parameter3, parameter4, parameter5, parameter6, parameter7};
#pragma unroll
    for (int a = 0; a < 8; a++)
        if (a < arrays) pnn::optimizer_sgd(sizes[a], pnn::way<float>(how + 4 * a), rate, momentum, g[a], v[a], p[a]);
}
extern "C" __global__ void pnn_optimizer_sgd_f64(
    int arrays, const long long* __restrict__ sizes, const double* __restrict__ how, double rate, double momentum,
    const double* __restrict__ now, const double* __restrict__ gradient0, const double* __restrict__ gradient1,
    const double* __restrict__ gradient2, const double* __restrict__ gradient3, const double* __restrict__ gradient4,
    const double* __restrict__ gradient5, const double* __restrict__ gradient6, const double* __restrict__ gradient7,
    double* __restrict__ velocity0, double* __restrict__ velocity1, double* __restrict__ velocity2, double* __restrict__ velocity3,
    double* __restrict__ velocity4, double* __restrict__ velocity5, double* __restrict__ velocity6, double* __restrict__ velocity7,
    double* __restrict__ parameter0, double* __restrict__ parameter1, double* __restrict__ parameter2, double* __restrict__ parameter3,
    double* __restrict__ parameter4, double* __restrict__ parameter5, double* __restrict__ parameter6, double* __restrict__ parameter7) {
    if (now) rate = now[0];
    const double* g[8] = {gradient0, gradient1, gradient2, gradient3, gradient4, gradient5, gradient6, gradient7};
    double* v[8] = {velocity0, velocity1, velocity2, velocity3, velocity4, velocity5, velocity6, velocity7};
    double* p[8] = {parameter0, parameter1, parameter2, parameter3, parameter4, parameter5, parameter6, parameter7};
#pragma unroll
    for (int a = 0; a < 8; a++)
        if (a < arrays) pnn::optimizer_sgd(sizes[a], pnn::way<double>(how + 4 * a), rate, momentum, g[a], v[a], p[a]);
}
