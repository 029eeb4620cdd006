/* Kernels of random: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_RANDOM_H
#define PNN_KERNELS_RANDOM_H
#include "pnnkern/kernel_types.h"


/* ---- random/draws.cu */
struct pnn_draws_words_u32_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    unsigned* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_words_u32_pointers(struct pnn_draws_words_u32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->out; pointers[9] = (void*)&a->fault;
}
struct pnn_draws_uniform_f32_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    float* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_uniform_f32_pointers(struct pnn_draws_uniform_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->out; pointers[9] = (void*)&a->fault;
}
struct pnn_draws_uniform_f64_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    double* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_uniform_f64_pointers(struct pnn_draws_uniform_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->out; pointers[9] = (void*)&a->fault;
}
struct pnn_draws_normal_f32_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    float* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_normal_f32_pointers(struct pnn_draws_normal_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->out; pointers[9] = (void*)&a->fault;
}
struct pnn_draws_normal_f64_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    double* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_normal_f64_pointers(struct pnn_draws_normal_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->out; pointers[9] = (void*)&a->fault;
}
struct pnn_draws_bernoulli_f32_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    const float* p; /* (samples, elements) */
    unsigned char* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_bernoulli_f32_pointers(struct pnn_draws_bernoulli_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->p; pointers[9] = (void*)&a->out; pointers[10] = (void*)&a->fault;
}
struct pnn_draws_bernoulli_f64_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    const double* p; /* (samples, elements) */
    unsigned char* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_bernoulli_f64_pointers(struct pnn_draws_bernoulli_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->p; pointers[9] = (void*)&a->out; pointers[10] = (void*)&a->fault;
}
struct pnn_draws_poisson_f32_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    const float* mean; /* (samples, elements) */
    int* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_poisson_f32_pointers(struct pnn_draws_poisson_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->mean; pointers[9] = (void*)&a->out; pointers[10] = (void*)&a->fault;
}
struct pnn_draws_poisson_f64_arguments {
    long long samples;
    long long elements;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (samples) */
    const double* mean; /* (samples, elements) */
    int* out; /* (samples, elements) */
    int* fault; /* (1) */
};
static inline void pnn_draws_poisson_f64_pointers(struct pnn_draws_poisson_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->elements; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->key; pointers[5] = (void*)&a->element0; pointers[6] = (void*)&a->sample0; pointers[7] = (void*)&a->index;
    pointers[8] = (void*)&a->mean; pointers[9] = (void*)&a->out; pointers[10] = (void*)&a->fault;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_draws_words_u32(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, unsigned* out, int* fault);
extern "C" __global__ void pnn_draws_uniform_f32(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, float* out, int* fault);
extern "C" __global__ void pnn_draws_uniform_f64(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, double* out, int* fault);
extern "C" __global__ void pnn_draws_normal_f32(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, float* out, int* fault);
extern "C" __global__ void pnn_draws_normal_f64(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, double* out, int* fault);
extern "C" __global__ void pnn_draws_bernoulli_f32(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, const float* p, unsigned char* out, int* fault);
extern "C" __global__ void pnn_draws_bernoulli_f64(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, const double* p, unsigned char* out, int* fault);
extern "C" __global__ void pnn_draws_poisson_f32(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, const float* mean, int* out, int* fault);
extern "C" __global__ void pnn_draws_poisson_f64(long long samples, long long elements, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, const double* mean, int* out, int* fault);
#endif

#endif
