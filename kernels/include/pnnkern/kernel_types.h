/* What the kernels_*.h need, in C11, C++17 and CUDA: complex numbers, and launchers of kernels that the host runner has compiled. */
#ifndef PNN_KERNEL_TYPES_H
#define PNN_KERNEL_TYPES_H

#ifdef __cplusplus
#include "pnnkern/complex.cuh"
typedef pnn::complex<float> pnn_complex64;
typedef pnn::complex<double> pnn_complex128;
#else
typedef struct { _Alignas(8) float re; float im; } pnn_complex64; /* as pnn::complex: aligned as a whole */
typedef struct { _Alignas(16) double re; double im; } pnn_complex128;
#endif
#if !defined(__CUDACC_RTC__)
#include <stddef.h>

/* Declares the launcher that CUDA_HOST_EXPORT(kernel) defines in a C++ file behind cuda_host.h: the grid, the block, bytes of dynamic shared
   memory, and pointers to the arguments, as cuLaunchKernel takes them. It returns 0, or the number of an error: cuda_host_message() has its
   words. */
#ifdef __cplusplus
#define PNN_C extern "C"
#else
#define PNN_C extern
#endif
#define PNN_HOST_LAUNCHER(kernel) \
    PNN_C int launch_##kernel(unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z, \
                              size_t shared, void** arguments)
PNN_C const char* cuda_host_message(void);
#endif

#endif
