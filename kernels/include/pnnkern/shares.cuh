// What a launch of the kernels in learning/shares.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/shares.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
template <class T>
PNN_D void shares_add(long long n, const T* s0, const T* s1, const T* s2, const T* s3, const T* s4, const T* s5, const T* s6, const T* s7, T* out) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        T v[8];
        PNN_UNROLL
        for (int s = 0; s < 8; s++) {   // all asked for together
            const T* from = chosen(s, s0, s1, s2, s3, s4, s5, s6, s7);
            v[s] = from ? from[i] : T(0);
        }
        T sum = v[0];
        PNN_UNROLL
        for (int s = 1; s < 8; s++) if (chosen(s, s0, s1, s2, s3, s4, s5, s6, s7)) sum += v[s];   // -0 stays -0 where there is no more
        out[i] = sum;
    }
}
}  // namespace pnn
#endif
