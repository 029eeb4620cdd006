// What the compilers differ in. nvcc, NVRTC and the host runner's g++ take every header here as it is, each by itself. A plain C++17 compiler
// takes those with maths for host and device, without what needs threads; headers for devices only say so in one #error.
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

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
#define PNN_DEVICE 1                            // there are threads, shared memory and shuffles
#endif
#if defined(__CUDA_HOST_EMULATION__)
#define PNN_DYNAMIC_SHARED(T, name) DYN_SHARED(T, name)
#else
#define PNN_DYNAMIC_SHARED(T, name) extern __shared__ T name[]   // as large as the launch says
#endif
#if defined(__CUDACC__)
#define PNN_PRAGMA(text) _Pragma(#text)
#define PNN_UNROLL _Pragma("unroll")
#define PNN_UNROLL_BY(count) PNN_PRAGMA(unroll(count))
#else   // g++ unrolls as it sees fit, and warns about pragmas that it does not know
#define PNN_UNROLL
#define PNN_UNROLL_BY(count)
#endif

namespace pnn {
// The larger of two numbers, NaN if one of them is: what must not be taken for small is not lost among others.
template <class T> PNN_HD T larger(T a, T b) { return b > a || b != b ? b : a; }
// One of eight pointers, chosen without an array of them, which would lie in local memory.
template <class P> PNN_D P chosen(int l, P p0, P p1, P p2, P p3, P p4, P p5, P p6, P p7) {
    P low = l == 0 ? p0 : l == 1 ? p1 : l == 2 ? p2 : p3, high = l == 4 ? p4 : l == 5 ? p5 : l == 6 ? p6 : p7;
    return l < 4 ? low : high;
}
}  // namespace pnn
