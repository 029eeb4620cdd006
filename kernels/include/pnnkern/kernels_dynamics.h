/* Kernels of dynamics: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_DYNAMICS_H
#define PNN_KERNELS_DYNAMICS_H
#include "pnnkern/kernel_types.h"


/* ---- dynamics/adjoint.cu */
struct pnn_adjoint_back_f32_arguments {
    long long samples;
    long long n;
    long long steps;
    long long every;
    long long segment;
    long long step0;
    int method;
    int team;
    long long times;
    long long channels;
    double dt; /* [s] */
    const float* constants; /* (constants) */
    const float* parameters; /* (parameters, n) */
    const float* weights; /* (edges) */
    const int* offsets; /* (n + 1) */
    const int* neighbour; /* (entries) */
    const int* edge; /* (entries) */
    const int* from_offsets; /* (n + 1) */
    const int* from_neighbour; /* (entries) */
    const int* from_edge; /* (entries) */
    long long edges;
    int both;
    const int* ends; /* (edges, 2) */
    const float* drive; /* (samples, times, channels) */
    int noisy;
    const float* sigma; /* (components) */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (samples) */
    const float* state; /* (samples, components, n) */
    const float* checkpoints; /* (samples, steps / segment, components, n) */
    const float* cotangent; /* (samples, steps / every, components, n) */
    float* history; /* (teams, segment, stages, components, n) */
    float* by_state; /* (samples, components, n) */
    float* by_parameters; /* (teams, parameters + constants, n) */
    float* by_weights; /* (teams, edges) */
    float* by_drive; /* (samples, times, channels) */
};
static inline void pnn_adjoint_back_f32_pointers(struct pnn_adjoint_back_f32_arguments* a, void* pointers[39]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->steps; pointers[3] = (void*)&a->every;
    pointers[4] = (void*)&a->segment; pointers[5] = (void*)&a->step0; pointers[6] = (void*)&a->method; pointers[7] = (void*)&a->team;
    pointers[8] = (void*)&a->times; pointers[9] = (void*)&a->channels; pointers[10] = (void*)&a->dt; pointers[11] = (void*)&a->constants;
    pointers[12] = (void*)&a->parameters; pointers[13] = (void*)&a->weights; pointers[14] = (void*)&a->offsets;
    pointers[15] = (void*)&a->neighbour; pointers[16] = (void*)&a->edge; pointers[17] = (void*)&a->from_offsets;
    pointers[18] = (void*)&a->from_neighbour; pointers[19] = (void*)&a->from_edge; pointers[20] = (void*)&a->edges;
    pointers[21] = (void*)&a->both; pointers[22] = (void*)&a->ends; pointers[23] = (void*)&a->drive; pointers[24] = (void*)&a->noisy;
    pointers[25] = (void*)&a->sigma; pointers[26] = (void*)&a->key0; pointers[27] = (void*)&a->key1; pointers[28] = (void*)&a->key;
    pointers[29] = (void*)&a->sample0; pointers[30] = (void*)&a->index; pointers[31] = (void*)&a->state;
    pointers[32] = (void*)&a->checkpoints; pointers[33] = (void*)&a->cotangent; pointers[34] = (void*)&a->history;
    pointers[35] = (void*)&a->by_state; pointers[36] = (void*)&a->by_parameters; pointers[37] = (void*)&a->by_weights;
    pointers[38] = (void*)&a->by_drive;
}
struct pnn_adjoint_back_f64_arguments {
    long long samples;
    long long n;
    long long steps;
    long long every;
    long long segment;
    long long step0;
    int method;
    int team;
    long long times;
    long long channels;
    double dt; /* [s] */
    const double* constants; /* (constants) */
    const double* parameters; /* (parameters, n) */
    const double* weights; /* (edges) */
    const int* offsets; /* (n + 1) */
    const int* neighbour; /* (entries) */
    const int* edge; /* (entries) */
    const int* from_offsets; /* (n + 1) */
    const int* from_neighbour; /* (entries) */
    const int* from_edge; /* (entries) */
    long long edges;
    int both;
    const int* ends; /* (edges, 2) */
    const double* drive; /* (samples, times, channels) */
    int noisy;
    const double* sigma; /* (components) */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (samples) */
    const double* state; /* (samples, components, n) */
    const double* checkpoints; /* (samples, steps / segment, components, n) */
    const double* cotangent; /* (samples, steps / every, components, n) */
    double* history; /* (teams, segment, stages, components, n) */
    double* by_state; /* (samples, components, n) */
    double* by_parameters; /* (teams, parameters + constants, n) */
    double* by_weights; /* (teams, edges) */
    double* by_drive; /* (samples, times, channels) */
};
static inline void pnn_adjoint_back_f64_pointers(struct pnn_adjoint_back_f64_arguments* a, void* pointers[39]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->steps; pointers[3] = (void*)&a->every;
    pointers[4] = (void*)&a->segment; pointers[5] = (void*)&a->step0; pointers[6] = (void*)&a->method; pointers[7] = (void*)&a->team;
    pointers[8] = (void*)&a->times; pointers[9] = (void*)&a->channels; pointers[10] = (void*)&a->dt; pointers[11] = (void*)&a->constants;
    pointers[12] = (void*)&a->parameters; pointers[13] = (void*)&a->weights; pointers[14] = (void*)&a->offsets;
    pointers[15] = (void*)&a->neighbour; pointers[16] = (void*)&a->edge; pointers[17] = (void*)&a->from_offsets;
    pointers[18] = (void*)&a->from_neighbour; pointers[19] = (void*)&a->from_edge; pointers[20] = (void*)&a->edges;
    pointers[21] = (void*)&a->both; pointers[22] = (void*)&a->ends; pointers[23] = (void*)&a->drive; pointers[24] = (void*)&a->noisy;
    pointers[25] = (void*)&a->sigma; pointers[26] = (void*)&a->key0; pointers[27] = (void*)&a->key1; pointers[28] = (void*)&a->key;
    pointers[29] = (void*)&a->sample0; pointers[30] = (void*)&a->index; pointers[31] = (void*)&a->state;
    pointers[32] = (void*)&a->checkpoints; pointers[33] = (void*)&a->cotangent; pointers[34] = (void*)&a->history;
    pointers[35] = (void*)&a->by_state; pointers[36] = (void*)&a->by_parameters; pointers[37] = (void*)&a->by_weights;
    pointers[38] = (void*)&a->by_drive;
}

/* ---- dynamics/ode.cu */
struct pnn_ode_solve_f32_arguments {
    long long samples;
    long long n;
    long long steps;
    long long every;
    long long step0;
    int method;
    int team;
    long long times;
    long long channels;
    double dt; /* [s] */
    const float* constants; /* (constants) */
    const float* parameters; /* (parameters, n) */
    const float* weights; /* (edges) */
    const int* offsets; /* (n + 1) */
    const int* neighbour; /* (entries) */
    const int* edge; /* (entries) */
    const float* drive; /* (samples, times, channels) */
    int noisy;
    const float* sigma; /* (components) */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (samples) */
    const float* state; /* (samples, components, n) */
    float* out; /* (samples, steps / every, components, n) */
};
static inline void pnn_ode_solve_f32_pointers(struct pnn_ode_solve_f32_arguments* a, void* pointers[26]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->steps; pointers[3] = (void*)&a->every;
    pointers[4] = (void*)&a->step0; pointers[5] = (void*)&a->method; pointers[6] = (void*)&a->team; pointers[7] = (void*)&a->times;
    pointers[8] = (void*)&a->channels; pointers[9] = (void*)&a->dt; pointers[10] = (void*)&a->constants;
    pointers[11] = (void*)&a->parameters; pointers[12] = (void*)&a->weights; pointers[13] = (void*)&a->offsets;
    pointers[14] = (void*)&a->neighbour; pointers[15] = (void*)&a->edge; pointers[16] = (void*)&a->drive; pointers[17] = (void*)&a->noisy;
    pointers[18] = (void*)&a->sigma; pointers[19] = (void*)&a->key0; pointers[20] = (void*)&a->key1; pointers[21] = (void*)&a->key;
    pointers[22] = (void*)&a->sample0; pointers[23] = (void*)&a->index; pointers[24] = (void*)&a->state; pointers[25] = (void*)&a->out;
}
struct pnn_ode_solve_f64_arguments {
    long long samples;
    long long n;
    long long steps;
    long long every;
    long long step0;
    int method;
    int team;
    long long times;
    long long channels;
    double dt; /* [s] */
    const double* constants; /* (constants) */
    const double* parameters; /* (parameters, n) */
    const double* weights; /* (edges) */
    const int* offsets; /* (n + 1) */
    const int* neighbour; /* (entries) */
    const int* edge; /* (entries) */
    const double* drive; /* (samples, times, channels) */
    int noisy;
    const double* sigma; /* (components) */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (samples) */
    const double* state; /* (samples, components, n) */
    double* out; /* (samples, steps / every, components, n) */
};
static inline void pnn_ode_solve_f64_pointers(struct pnn_ode_solve_f64_arguments* a, void* pointers[26]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->steps; pointers[3] = (void*)&a->every;
    pointers[4] = (void*)&a->step0; pointers[5] = (void*)&a->method; pointers[6] = (void*)&a->team; pointers[7] = (void*)&a->times;
    pointers[8] = (void*)&a->channels; pointers[9] = (void*)&a->dt; pointers[10] = (void*)&a->constants;
    pointers[11] = (void*)&a->parameters; pointers[12] = (void*)&a->weights; pointers[13] = (void*)&a->offsets;
    pointers[14] = (void*)&a->neighbour; pointers[15] = (void*)&a->edge; pointers[16] = (void*)&a->drive; pointers[17] = (void*)&a->noisy;
    pointers[18] = (void*)&a->sigma; pointers[19] = (void*)&a->key0; pointers[20] = (void*)&a->key1; pointers[21] = (void*)&a->key;
    pointers[22] = (void*)&a->sample0; pointers[23] = (void*)&a->index; pointers[24] = (void*)&a->state; pointers[25] = (void*)&a->out;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_adjoint_back_f32(long long samples, long long n, long long steps, long long every, long long segment,
    long long step0, int method, int team, long long times, long long channels, double dt, const float* constants, const float* parameters,
    const float* weights, const int* offsets, const int* neighbour, const int* edge, const int* from_offsets, const int* from_neighbour,
    const int* from_edge, long long edges, int both, const int* ends, const float* drive, int noisy, const float* sigma, unsigned key0,
    unsigned key1, const unsigned* key, long long sample0, const long long* index, const float* state, const float* checkpoints,
    const float* cotangent, float* history, float* by_state, float* by_parameters, float* by_weights, float* by_drive);
extern "C" __global__ void pnn_adjoint_back_f64(long long samples, long long n, long long steps, long long every, long long segment,
    long long step0, int method, int team, long long times, long long channels, double dt, const double* constants, const double* parameters,
    const double* weights, const int* offsets, const int* neighbour, const int* edge, const int* from_offsets, const int* from_neighbour,
    const int* from_edge, long long edges, int both, const int* ends, const double* drive, int noisy, const double* sigma, unsigned key0,
    unsigned key1, const unsigned* key, long long sample0, const long long* index, const double* state, const double* checkpoints,
    const double* cotangent, double* history, double* by_state, double* by_parameters, double* by_weights, double* by_drive);
extern "C" __global__ void pnn_ode_solve_f32(long long samples, long long n, long long steps, long long every, long long step0, int method,
    int team, long long times, long long channels, double dt, const float* constants, const float* parameters, const float* weights,
    const int* offsets, const int* neighbour, const int* edge, const float* drive, int noisy, const float* sigma, unsigned key0,
    unsigned key1, const unsigned* key, long long sample0, const long long* index, const float* state, float* out);
extern "C" __global__ void pnn_ode_solve_f64(long long samples, long long n, long long steps, long long every, long long step0, int method,
    int team, long long times, long long channels, double dt, const double* constants, const double* parameters, const double* weights,
    const int* offsets, const int* neighbour, const int* edge, const double* drive, int noisy, const double* sigma, unsigned key0,
    unsigned key1, const unsigned* key, long long sample0, const long long* index, const double* state, double* out);
#endif

#endif
