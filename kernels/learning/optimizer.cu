// Parameter updates, one pass over memory each, of up to 8 arrays in a launch.
// Launch: any 1-D grid, blocks of whole warps. Arrays lie one after another in a row of warps: threads for each array in whole warps are
//   enough, and any grid takes turns.
// arrays : how many, 8 at most; pointers of the others are not looked at
// sizes : (arrays) values of each
// how : (arrays, 4) factor, divisor, low, high: a gradient counts factor / divisor times, so that the mean of a sum over samples is made
//   on the way, and values stay within low .. high
// rate : learning rate, where now is null
// now : (3) rate, correction1, correction2 of this step, where they are in the device's memory; or null
// gradient0 .. gradient7 : (sizes) dL / dparameter, summed over the samples
// parameter0 .. parameter7 : (sizes) in place
#include "pnnkern/optimizer.cuh"

// Adam (Kingma and Ba 2015).
// Bytes: 7 values per parameter: reads 4, writes 3.
// beta1, beta2 : of the means of gradients and of their squares
// epsilon : added to the root
// correction1, correction2 : 1 - beta^step, where now is null
// first0 .. first7 : (sizes) means of the gradients, in place
// second0 .. second7 : (sizes) means of their squares, in place
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
    pnn::turns of(arrays, sizes);
#pragma unroll
    for (int a = 0; a < 8; a++) {
        if (a == arrays) return;
        pnn::optimizer_adam(of, a, how, rate, beta1, beta2, epsilon, correction1, correction2, g[a], f[a], s[a], p[a]);
    }
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
    pnn::turns of(arrays, sizes);
#pragma unroll
    for (int a = 0; a < 8; a++) {
        if (a == arrays) return;
        pnn::optimizer_adam(of, a, how, rate, beta1, beta2, epsilon, correction1, correction2, g[a], f[a], s[a], p[a]);
    }
}
// velocity = momentum velocity + gradient; parameter -= rate velocity.
// Bytes: 5 values per parameter: reads 3, writes 2.
// momentum : 0 .. 1
// velocity0 .. velocity7 : (sizes) in place
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
    pnn::turns of(arrays, sizes);
#pragma unroll
    for (int a = 0; a < 8; a++) {
        if (a == arrays) return;
        pnn::optimizer_sgd(of, a, how, rate, momentum, g[a], v[a], p[a]);
    }
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
    pnn::turns of(arrays, sizes);
#pragma unroll
    for (int a = 0; a < 8; a++) {
        if (a == arrays) return;
        pnn::optimizer_sgd(of, a, how, rate, momentum, g[a], v[a], p[a]);
    }
}
