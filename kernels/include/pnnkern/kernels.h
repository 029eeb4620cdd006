/* All kernels: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_H
#define PNN_KERNELS_H
#include "pnnkern/kernel_types.h"
#include "pnnkern/kernels_crossbar.h"
#include "pnnkern/kernels_dynamics.h"
#include "pnnkern/kernels_learning.h"
#include "pnnkern/kernels_networks.h"
#include "pnnkern/kernels_optics.h"
#include "pnnkern/kernels_random.h"


/* ---- flag.cu */
struct pnn_flag_raise_u8_arguments {
    int code;
    const unsigned char* bad; /* (1) */
    int* fault; /* (1) */
};
static inline void pnn_flag_raise_u8_pointers(struct pnn_flag_raise_u8_arguments* a, void* pointers[3]) {
    pointers[0] = (void*)&a->code; pointers[1] = (void*)&a->bad; pointers[2] = (void*)&a->fault;
}

/* ---- scalar.cu */
struct pnn_scalar_values_f32_arguments {
    long long n;
    const float* constants; /* (constants) */
    const float* x; /* (arguments, n) */
    float* out; /* (n) */
};
static inline void pnn_scalar_values_f32_pointers(struct pnn_scalar_values_f32_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->constants; pointers[2] = (void*)&a->x; pointers[3] = (void*)&a->out;
}
struct pnn_scalar_values_f64_arguments {
    long long n;
    const double* constants; /* (constants) */
    const double* x; /* (arguments, n) */
    double* out; /* (n) */
};
static inline void pnn_scalar_values_f64_pointers(struct pnn_scalar_values_f64_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->constants; pointers[2] = (void*)&a->x; pointers[3] = (void*)&a->out;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_flag_raise_u8(int code, const unsigned char* bad, int* fault);
extern "C" __global__ void pnn_scalar_values_f32(long long n, const float* constants, const float* x, float* out);
extern "C" __global__ void pnn_scalar_values_f64(long long n, const double* constants, const double* x, double* out);
#endif

#endif
