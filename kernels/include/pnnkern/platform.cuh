// What the compilers differ in. No includes: nvcc, NVRTC and the host runner's g++ take every header here as it is.
#pragma once

#if defined(__CUDACC__) || (defined(__CUDA_HOST_EMULATION__) && !defined(__SANITIZE_ADDRESS__))   // g++ inlines for minutes under ASan
#define PNN_INLINE __forceinline__
#else
#define PNN_INLINE inline
#endif
#if defined(__CUDACC__)
#define PNN_HD __host__ __device__ PNN_INLINE   // maths for host and device
#define PNN_D __device__ PNN_INLINE             // bodies of kernels
#else
#define PNN_HD PNN_INLINE
#define PNN_D PNN_INLINE
#endif

namespace pnn {
// The larger of two numbers, NaN if one of them is: what must not be taken for small is not lost among others.
template <class T> PNN_HD T larger(T a, T b) { return b > a || b != b ? b : a; }
}  // namespace pnn
