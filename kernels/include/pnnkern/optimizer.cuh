// What a launch of the kernels in learning/optimizer.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/optimizer.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

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
// What one thread updates after another: value i of array a, from arrays in whole warps.
struct turns {
    long long left[8], at, step;   // values of each array; which one of those that are still to come this thread is at
    PNN_D turns(int arrays, const long long* sizes)
        : at(blockIdx.x * (long long)blockDim.x + threadIdx.x), step((long long)gridDim.x * blockDim.x) {
        PNN_UNROLL
        for (int a = 0; a < 8; a++) left[a] = a < arrays ? sizes[a] : 0;   // all asked for together
    }
    PNN_D static long long whole(long long n) { return (n + 31) & ~31ll; }
};
template <class T>
PNN_D void optimizer_adam(turns& of, int a, const double* how, double rate, double beta1, double beta2, double epsilon, double correction1,
                          double correction2, const T* gradient, T* first, T* second, T* parameter) {
    long long n = of.left[a], end = turns::whole(n);
    if (of.at < end) {
        way<T> own(how + 4 * a);
        PNN_UNROLL_BY(1)   // eight copies of it are enough
        for (; of.at < end; of.at += of.step) {
            if (of.at >= n) continue;
            long long i = of.at;
            T value = parameter[i], g = own.mean(gradient[i]);
            T m = T(beta1) * first[i] + T(1 - beta1) * g;
            T v = T(beta2) * second[i] + T(1 - beta2) * g * g;
            first[i] = m;
            second[i] = v;
            parameter[i] = own.within(value - T(rate) * (m / T(correction1)) / (sqrt(v / T(correction2)) + T(epsilon)));
        }
    }
    of.at -= end;
}
template <class T>
PNN_D void optimizer_sgd(turns& of, int a, const double* how, double rate, double momentum, const T* gradient, T* velocity, T* parameter) {
    long long n = of.left[a], end = turns::whole(n);
    if (of.at < end) {
        way<T> own(how + 4 * a);
        PNN_UNROLL_BY(1)   // eight copies of it are enough
        for (; of.at < end; of.at += of.step) {
            if (of.at >= n) continue;
            long long i = of.at;
            T value = parameter[i], v = T(momentum) * velocity[i] + own.mean(gradient[i]);
            velocity[i] = v;
            parameter[i] = own.within(value - T(rate) * v);
        }
    }
    of.at -= end;
}
}  // namespace pnn
#endif
