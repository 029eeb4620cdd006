/* Kernels of networks: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_NETWORKS_H
#define PNN_KERNELS_NETWORKS_H
#include "pnnkern/kernel_types.h"


/* ---- networks/boltzmann.cu */
struct pnn_boltzmann_units_f32_arguments {
    long long samples;
    long long units;
    double slope;
    double one;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (samples) */
    const float* pull; /* (samples, units) */
    const float* bias; /* (units) */
    const float* more; /* (samples, units) */
    float* out; /* (samples, units) */
    int* fault; /* (1) */
};
static inline void pnn_boltzmann_units_f32_pointers(struct pnn_boltzmann_units_f32_arguments* a, void* pointers[14]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->units; pointers[2] = (void*)&a->slope; pointers[3] = (void*)&a->one;
    pointers[4] = (void*)&a->key0; pointers[5] = (void*)&a->key1; pointers[6] = (void*)&a->key; pointers[7] = (void*)&a->sample0;
    pointers[8] = (void*)&a->index; pointers[9] = (void*)&a->pull; pointers[10] = (void*)&a->bias; pointers[11] = (void*)&a->more;
    pointers[12] = (void*)&a->out; pointers[13] = (void*)&a->fault;
}
struct pnn_boltzmann_units_f64_arguments {
    long long samples;
    long long units;
    double slope;
    double one;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (samples) */
    const double* pull; /* (samples, units) */
    const double* bias; /* (units) */
    const double* more; /* (samples, units) */
    double* out; /* (samples, units) */
    int* fault; /* (1) */
};
static inline void pnn_boltzmann_units_f64_pointers(struct pnn_boltzmann_units_f64_arguments* a, void* pointers[14]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->units; pointers[2] = (void*)&a->slope; pointers[3] = (void*)&a->one;
    pointers[4] = (void*)&a->key0; pointers[5] = (void*)&a->key1; pointers[6] = (void*)&a->key; pointers[7] = (void*)&a->sample0;
    pointers[8] = (void*)&a->index; pointers[9] = (void*)&a->pull; pointers[10] = (void*)&a->bias; pointers[11] = (void*)&a->more;
    pointers[12] = (void*)&a->out; pointers[13] = (void*)&a->fault;
}
struct pnn_boltzmann_chain_f32_arguments {
    long long batch;
    int hidden;
    int classes;
    int settle;
    int sweeps;
    int kept;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    unsigned start0;
    unsigned start1;
    unsigned hidden0;
    unsigned hidden1;
    unsigned classes0;
    unsigned classes1;
    long long sample0;
    const long long* index; /* (samples) */
    const float* drive; /* (batch, hidden) */
    const float* weight; /* (hidden, classes) */
    const float* bias; /* (classes) */
    const float* field; /* (batch, classes) */
    float* drawn; /* (sweeps, batch, classes) */
    float* given; /* (sweeps, batch, hidden) */
    float* mean; /* (batch, classes) */
    int* fault; /* (1) */
};
static inline void pnn_boltzmann_chain_f32_pointers(struct pnn_boltzmann_chain_f32_arguments* a, void* pointers[25]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->hidden; pointers[2] = (void*)&a->classes; pointers[3] = (void*)&a->settle;
    pointers[4] = (void*)&a->sweeps; pointers[5] = (void*)&a->kept; pointers[6] = (void*)&a->key0; pointers[7] = (void*)&a->key1;
    pointers[8] = (void*)&a->key; pointers[9] = (void*)&a->start0; pointers[10] = (void*)&a->start1; pointers[11] = (void*)&a->hidden0;
    pointers[12] = (void*)&a->hidden1; pointers[13] = (void*)&a->classes0; pointers[14] = (void*)&a->classes1;
    pointers[15] = (void*)&a->sample0; pointers[16] = (void*)&a->index; pointers[17] = (void*)&a->drive; pointers[18] = (void*)&a->weight;
    pointers[19] = (void*)&a->bias; pointers[20] = (void*)&a->field; pointers[21] = (void*)&a->drawn; pointers[22] = (void*)&a->given;
    pointers[23] = (void*)&a->mean; pointers[24] = (void*)&a->fault;
}
struct pnn_boltzmann_chain_f64_arguments {
    long long batch;
    int hidden;
    int classes;
    int settle;
    int sweeps;
    int kept;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    unsigned start0;
    unsigned start1;
    unsigned hidden0;
    unsigned hidden1;
    unsigned classes0;
    unsigned classes1;
    long long sample0;
    const long long* index; /* (samples) */
    const double* drive; /* (batch, hidden) */
    const double* weight; /* (hidden, classes) */
    const double* bias; /* (classes) */
    const double* field; /* (batch, classes) */
    double* drawn; /* (sweeps, batch, classes) */
    double* given; /* (sweeps, batch, hidden) */
    double* mean; /* (batch, classes) */
    int* fault; /* (1) */
};
static inline void pnn_boltzmann_chain_f64_pointers(struct pnn_boltzmann_chain_f64_arguments* a, void* pointers[25]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->hidden; pointers[2] = (void*)&a->classes; pointers[3] = (void*)&a->settle;
    pointers[4] = (void*)&a->sweeps; pointers[5] = (void*)&a->kept; pointers[6] = (void*)&a->key0; pointers[7] = (void*)&a->key1;
    pointers[8] = (void*)&a->key; pointers[9] = (void*)&a->start0; pointers[10] = (void*)&a->start1; pointers[11] = (void*)&a->hidden0;
    pointers[12] = (void*)&a->hidden1; pointers[13] = (void*)&a->classes0; pointers[14] = (void*)&a->classes1;
    pointers[15] = (void*)&a->sample0; pointers[16] = (void*)&a->index; pointers[17] = (void*)&a->drive; pointers[18] = (void*)&a->weight;
    pointers[19] = (void*)&a->bias; pointers[20] = (void*)&a->field; pointers[21] = (void*)&a->drawn; pointers[22] = (void*)&a->given;
    pointers[23] = (void*)&a->mean; pointers[24] = (void*)&a->fault;
}

/* ---- networks/contrast.cu */
struct pnn_contrast_update_f32_arguments {
    int arrays;
    double rate;
    const double* now; /* (1) */
    const long long* shape; /* (arrays, 3) */
    const double* how; /* (arrays, 3) */
    const float* first0; /* (samples, rows) */
    const float* first1; /* (samples, rows) */
    const float* first2; /* (samples, rows) */
    const float* first3; /* (samples, rows) */
    const float* first4; /* (samples, rows) */
    const float* first5; /* (samples, rows) */
    const float* first6; /* (samples, rows) */
    const float* first7; /* (samples, rows) */
    const float* second0; /* (samples, columns) */
    const float* second1; /* (samples, columns) */
    const float* second2; /* (samples, columns) */
    const float* second3; /* (samples, columns) */
    const float* second4; /* (samples, columns) */
    const float* second5; /* (samples, columns) */
    const float* second6; /* (samples, columns) */
    const float* second7; /* (samples, columns) */
    float* weight0; /* (rows, columns) */
    float* weight1; /* (rows, columns) */
    float* weight2; /* (rows, columns) */
    float* weight3; /* (rows, columns) */
    float* weight4; /* (rows, columns) */
    float* weight5; /* (rows, columns) */
    float* weight6; /* (rows, columns) */
    float* weight7; /* (rows, columns) */
};
static inline void pnn_contrast_update_f32_pointers(struct pnn_contrast_update_f32_arguments* a, void* pointers[29]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->rate; pointers[2] = (void*)&a->now; pointers[3] = (void*)&a->shape;
    pointers[4] = (void*)&a->how; pointers[5] = (void*)&a->first0; pointers[6] = (void*)&a->first1; pointers[7] = (void*)&a->first2;
    pointers[8] = (void*)&a->first3; pointers[9] = (void*)&a->first4; pointers[10] = (void*)&a->first5; pointers[11] = (void*)&a->first6;
    pointers[12] = (void*)&a->first7; pointers[13] = (void*)&a->second0; pointers[14] = (void*)&a->second1;
    pointers[15] = (void*)&a->second2; pointers[16] = (void*)&a->second3; pointers[17] = (void*)&a->second4;
    pointers[18] = (void*)&a->second5; pointers[19] = (void*)&a->second6; pointers[20] = (void*)&a->second7;
    pointers[21] = (void*)&a->weight0; pointers[22] = (void*)&a->weight1; pointers[23] = (void*)&a->weight2;
    pointers[24] = (void*)&a->weight3; pointers[25] = (void*)&a->weight4; pointers[26] = (void*)&a->weight5;
    pointers[27] = (void*)&a->weight6; pointers[28] = (void*)&a->weight7;
}
struct pnn_contrast_update_f64_arguments {
    int arrays;
    double rate;
    const double* now; /* (1) */
    const long long* shape; /* (arrays, 3) */
    const double* how; /* (arrays, 3) */
    const double* first0; /* (samples, rows) */
    const double* first1; /* (samples, rows) */
    const double* first2; /* (samples, rows) */
    const double* first3; /* (samples, rows) */
    const double* first4; /* (samples, rows) */
    const double* first5; /* (samples, rows) */
    const double* first6; /* (samples, rows) */
    const double* first7; /* (samples, rows) */
    const double* second0; /* (samples, columns) */
    const double* second1; /* (samples, columns) */
    const double* second2; /* (samples, columns) */
    const double* second3; /* (samples, columns) */
    const double* second4; /* (samples, columns) */
    const double* second5; /* (samples, columns) */
    const double* second6; /* (samples, columns) */
    const double* second7; /* (samples, columns) */
    double* weight0; /* (rows, columns) */
    double* weight1; /* (rows, columns) */
    double* weight2; /* (rows, columns) */
    double* weight3; /* (rows, columns) */
    double* weight4; /* (rows, columns) */
    double* weight5; /* (rows, columns) */
    double* weight6; /* (rows, columns) */
    double* weight7; /* (rows, columns) */
};
static inline void pnn_contrast_update_f64_pointers(struct pnn_contrast_update_f64_arguments* a, void* pointers[29]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->rate; pointers[2] = (void*)&a->now; pointers[3] = (void*)&a->shape;
    pointers[4] = (void*)&a->how; pointers[5] = (void*)&a->first0; pointers[6] = (void*)&a->first1; pointers[7] = (void*)&a->first2;
    pointers[8] = (void*)&a->first3; pointers[9] = (void*)&a->first4; pointers[10] = (void*)&a->first5; pointers[11] = (void*)&a->first6;
    pointers[12] = (void*)&a->first7; pointers[13] = (void*)&a->second0; pointers[14] = (void*)&a->second1;
    pointers[15] = (void*)&a->second2; pointers[16] = (void*)&a->second3; pointers[17] = (void*)&a->second4;
    pointers[18] = (void*)&a->second5; pointers[19] = (void*)&a->second6; pointers[20] = (void*)&a->second7;
    pointers[21] = (void*)&a->weight0; pointers[22] = (void*)&a->weight1; pointers[23] = (void*)&a->weight2;
    pointers[24] = (void*)&a->weight3; pointers[25] = (void*)&a->weight4; pointers[26] = (void*)&a->weight5;
    pointers[27] = (void*)&a->weight6; pointers[28] = (void*)&a->weight7;
}

/* ---- networks/convolutional.cu */
struct pnn_convolutional_relax_f32_arguments {
    long long batch;
    int layers;
    int model;
    int largest;
    int softmax;
    int phases;
    int begun;
    int hold;
    int together;
    int sweeps;
    int nudged_sweeps;
    double tolerance;
    const int* shape; /* (layers + 1, 4) */
    const float* x; /* (batch, N) */
    const float* total; /* (n) */
    const float* weight0; /* (numbers) */
    const float* weight1; /* (numbers) */
    const float* weight2; /* (numbers) */
    const float* weight3; /* (numbers) */
    const float* weight4; /* (numbers) */
    const float* weight5; /* (numbers) */
    const float* weight6; /* (numbers) */
    const float* weight7; /* (numbers) */
    const float* bias0; /* (numbers) */
    const float* bias1; /* (numbers) */
    const float* bias2; /* (numbers) */
    const float* bias3; /* (numbers) */
    const float* bias4; /* (numbers) */
    const float* bias5; /* (numbers) */
    const float* bias6; /* (numbers) */
    const float* bias7; /* (numbers) */
    const float* nudge; /* (phases) */
    const float* target; /* (batch, outputs) */
    float* state; /* (batch, n) */
    float* moved; /* (phases, batch, n) */
    float* output; /* (batch, outputs) */
    float* change; /* (1 + phases, batch) */
};
static inline void pnn_convolutional_relax_f32_pointers(struct pnn_convolutional_relax_f32_arguments* a, void* pointers[37]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->layers; pointers[2] = (void*)&a->model; pointers[3] = (void*)&a->largest;
    pointers[4] = (void*)&a->softmax; pointers[5] = (void*)&a->phases; pointers[6] = (void*)&a->begun; pointers[7] = (void*)&a->hold;
    pointers[8] = (void*)&a->together; pointers[9] = (void*)&a->sweeps; pointers[10] = (void*)&a->nudged_sweeps;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->shape; pointers[13] = (void*)&a->x; pointers[14] = (void*)&a->total;
    pointers[15] = (void*)&a->weight0; pointers[16] = (void*)&a->weight1; pointers[17] = (void*)&a->weight2;
    pointers[18] = (void*)&a->weight3; pointers[19] = (void*)&a->weight4; pointers[20] = (void*)&a->weight5;
    pointers[21] = (void*)&a->weight6; pointers[22] = (void*)&a->weight7; pointers[23] = (void*)&a->bias0; pointers[24] = (void*)&a->bias1;
    pointers[25] = (void*)&a->bias2; pointers[26] = (void*)&a->bias3; pointers[27] = (void*)&a->bias4; pointers[28] = (void*)&a->bias5;
    pointers[29] = (void*)&a->bias6; pointers[30] = (void*)&a->bias7; pointers[31] = (void*)&a->nudge; pointers[32] = (void*)&a->target;
    pointers[33] = (void*)&a->state; pointers[34] = (void*)&a->moved; pointers[35] = (void*)&a->output; pointers[36] = (void*)&a->change;
}
struct pnn_convolutional_relax_f64_arguments {
    long long batch;
    int layers;
    int model;
    int largest;
    int softmax;
    int phases;
    int begun;
    int hold;
    int together;
    int sweeps;
    int nudged_sweeps;
    double tolerance;
    const int* shape; /* (layers + 1, 4) */
    const double* x; /* (batch, N) */
    const double* total; /* (n) */
    const double* weight0; /* (numbers) */
    const double* weight1; /* (numbers) */
    const double* weight2; /* (numbers) */
    const double* weight3; /* (numbers) */
    const double* weight4; /* (numbers) */
    const double* weight5; /* (numbers) */
    const double* weight6; /* (numbers) */
    const double* weight7; /* (numbers) */
    const double* bias0; /* (numbers) */
    const double* bias1; /* (numbers) */
    const double* bias2; /* (numbers) */
    const double* bias3; /* (numbers) */
    const double* bias4; /* (numbers) */
    const double* bias5; /* (numbers) */
    const double* bias6; /* (numbers) */
    const double* bias7; /* (numbers) */
    const double* nudge; /* (phases) */
    const double* target; /* (batch, outputs) */
    double* state; /* (batch, n) */
    double* moved; /* (phases, batch, n) */
    double* output; /* (batch, outputs) */
    double* change; /* (1 + phases, batch) */
};
static inline void pnn_convolutional_relax_f64_pointers(struct pnn_convolutional_relax_f64_arguments* a, void* pointers[37]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->layers; pointers[2] = (void*)&a->model; pointers[3] = (void*)&a->largest;
    pointers[4] = (void*)&a->softmax; pointers[5] = (void*)&a->phases; pointers[6] = (void*)&a->begun; pointers[7] = (void*)&a->hold;
    pointers[8] = (void*)&a->together; pointers[9] = (void*)&a->sweeps; pointers[10] = (void*)&a->nudged_sweeps;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->shape; pointers[13] = (void*)&a->x; pointers[14] = (void*)&a->total;
    pointers[15] = (void*)&a->weight0; pointers[16] = (void*)&a->weight1; pointers[17] = (void*)&a->weight2;
    pointers[18] = (void*)&a->weight3; pointers[19] = (void*)&a->weight4; pointers[20] = (void*)&a->weight5;
    pointers[21] = (void*)&a->weight6; pointers[22] = (void*)&a->weight7; pointers[23] = (void*)&a->bias0; pointers[24] = (void*)&a->bias1;
    pointers[25] = (void*)&a->bias2; pointers[26] = (void*)&a->bias3; pointers[27] = (void*)&a->bias4; pointers[28] = (void*)&a->bias5;
    pointers[29] = (void*)&a->bias6; pointers[30] = (void*)&a->bias7; pointers[31] = (void*)&a->nudge; pointers[32] = (void*)&a->target;
    pointers[33] = (void*)&a->state; pointers[34] = (void*)&a->moved; pointers[35] = (void*)&a->output; pointers[36] = (void*)&a->change;
}
struct pnn_convolutional_choose_f32_arguments {
    long long batch;
    int below;
    int maps;
    int height;
    int width;
    int side;
    const float* x; /* (batch, below, height, width) */
    const float* weight; /* (maps, below, side, side) */
    unsigned char* out; /* (batch, maps, height / 2, width / 2) */
};
static inline void pnn_convolutional_choose_f32_pointers(struct pnn_convolutional_choose_f32_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->below; pointers[2] = (void*)&a->maps; pointers[3] = (void*)&a->height;
    pointers[4] = (void*)&a->width; pointers[5] = (void*)&a->side; pointers[6] = (void*)&a->x; pointers[7] = (void*)&a->weight;
    pointers[8] = (void*)&a->out;
}
struct pnn_convolutional_choose_f64_arguments {
    long long batch;
    int below;
    int maps;
    int height;
    int width;
    int side;
    const double* x; /* (batch, below, height, width) */
    const double* weight; /* (maps, below, side, side) */
    unsigned char* out; /* (batch, maps, height / 2, width / 2) */
};
static inline void pnn_convolutional_choose_f64_pointers(struct pnn_convolutional_choose_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->below; pointers[2] = (void*)&a->maps; pointers[3] = (void*)&a->height;
    pointers[4] = (void*)&a->width; pointers[5] = (void*)&a->side; pointers[6] = (void*)&a->x; pointers[7] = (void*)&a->weight;
    pointers[8] = (void*)&a->out;
}
struct pnn_convolutional_product_f32_arguments {
    long long rows;
    long long batch;
    int below;
    int maps;
    int height;
    int width;
    int side;
    const float* first; /* (rows, below, height, width) */
    const float* second; /* (rows, maps, height / 2, width / 2) */
    const float* sums; /* (maps, height / 2, width / 2) */
    const unsigned char* picked; /* (batch, maps, height / 2, width / 2) */
    float* of_weight; /* (maps, below, side, side) */
    float* of_bias; /* (maps) */
};
static inline void pnn_convolutional_product_f32_pointers(struct pnn_convolutional_product_f32_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->below; pointers[3] = (void*)&a->maps;
    pointers[4] = (void*)&a->height; pointers[5] = (void*)&a->width; pointers[6] = (void*)&a->side; pointers[7] = (void*)&a->first;
    pointers[8] = (void*)&a->second; pointers[9] = (void*)&a->sums; pointers[10] = (void*)&a->picked; pointers[11] = (void*)&a->of_weight;
    pointers[12] = (void*)&a->of_bias;
}
struct pnn_convolutional_product_f64_arguments {
    long long rows;
    long long batch;
    int below;
    int maps;
    int height;
    int width;
    int side;
    const double* first; /* (rows, below, height, width) */
    const double* second; /* (rows, maps, height / 2, width / 2) */
    const double* sums; /* (maps, height / 2, width / 2) */
    const unsigned char* picked; /* (batch, maps, height / 2, width / 2) */
    double* of_weight; /* (maps, below, side, side) */
    double* of_bias; /* (maps) */
};
static inline void pnn_convolutional_product_f64_pointers(struct pnn_convolutional_product_f64_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->below; pointers[3] = (void*)&a->maps;
    pointers[4] = (void*)&a->height; pointers[5] = (void*)&a->width; pointers[6] = (void*)&a->side; pointers[7] = (void*)&a->first;
    pointers[8] = (void*)&a->second; pointers[9] = (void*)&a->sums; pointers[10] = (void*)&a->picked; pointers[11] = (void*)&a->of_weight;
    pointers[12] = (void*)&a->of_bias;
}

/* ---- networks/dense.cu */
struct pnn_dense_layer_f32_arguments {
    long long members;
    int shared;
    long long batch;
    long long n_in;
    long long n_out;
    int activation;
    int ones;
    const float* x; /* (members, batch, n_in) */
    const float* w; /* (members, n_in, n_out) */
    float* out; /* (members, batch, n_out or n_out + 1) */
};
static inline void pnn_dense_layer_f32_pointers(struct pnn_dense_layer_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->members; pointers[1] = (void*)&a->shared; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->n_in;
    pointers[4] = (void*)&a->n_out; pointers[5] = (void*)&a->activation; pointers[6] = (void*)&a->ones; pointers[7] = (void*)&a->x;
    pointers[8] = (void*)&a->w; pointers[9] = (void*)&a->out;
}
struct pnn_dense_layer_f64_arguments {
    long long members;
    int shared;
    long long batch;
    long long n_in;
    long long n_out;
    int activation;
    int ones;
    const double* x; /* (members, batch, n_in) */
    const double* w; /* (members, n_in, n_out) */
    double* out; /* (members, batch, n_out or n_out + 1) */
};
static inline void pnn_dense_layer_f64_pointers(struct pnn_dense_layer_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->members; pointers[1] = (void*)&a->shared; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->n_in;
    pointers[4] = (void*)&a->n_out; pointers[5] = (void*)&a->activation; pointers[6] = (void*)&a->ones; pointers[7] = (void*)&a->x;
    pointers[8] = (void*)&a->w; pointers[9] = (void*)&a->out;
}
struct pnn_dense_below_f32_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int activation;
    const float* error; /* (batch, n_out) */
    const float* w; /* (n_in, n_out) */
    const float* entered; /* (batch, n_in) */
    float* out; /* (batch, n_in - 1) */
};
static inline void pnn_dense_below_f32_pointers(struct pnn_dense_below_f32_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->activation;
    pointers[4] = (void*)&a->error; pointers[5] = (void*)&a->w; pointers[6] = (void*)&a->entered; pointers[7] = (void*)&a->out;
}
struct pnn_dense_below_f64_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int activation;
    const double* error; /* (batch, n_out) */
    const double* w; /* (n_in, n_out) */
    const double* entered; /* (batch, n_in) */
    double* out; /* (batch, n_in - 1) */
};
static inline void pnn_dense_below_f64_pointers(struct pnn_dense_below_f64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->activation;
    pointers[4] = (void*)&a->error; pointers[5] = (void*)&a->w; pointers[6] = (void*)&a->entered; pointers[7] = (void*)&a->out;
}
struct pnn_dense_outer_f32_arguments {
    long long samples;
    long long rows;
    long long columns;
    float scale;
    const float* first; /* (samples, rows) */
    const float* second; /* (samples, columns) */
    float* out; /* (rows, columns) */
};
static inline void pnn_dense_outer_f32_pointers(struct pnn_dense_outer_f32_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->rows; pointers[2] = (void*)&a->columns; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->first; pointers[5] = (void*)&a->second; pointers[6] = (void*)&a->out;
}
struct pnn_dense_outer_f64_arguments {
    long long samples;
    long long rows;
    long long columns;
    double scale;
    const double* first; /* (samples, rows) */
    const double* second; /* (samples, columns) */
    double* out; /* (rows, columns) */
};
static inline void pnn_dense_outer_f64_pointers(struct pnn_dense_outer_f64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->rows; pointers[2] = (void*)&a->columns; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->first; pointers[5] = (void*)&a->second; pointers[6] = (void*)&a->out;
}
struct pnn_dense_slope_f32_arguments {
    long long values;
    int activation;
    const float* error; /* (values) */
    const float* left; /* (values) */
    float* out; /* (values) */
};
static inline void pnn_dense_slope_f32_pointers(struct pnn_dense_slope_f32_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->values; pointers[1] = (void*)&a->activation; pointers[2] = (void*)&a->error; pointers[3] = (void*)&a->left;
    pointers[4] = (void*)&a->out;
}
struct pnn_dense_slope_f64_arguments {
    long long values;
    int activation;
    const double* error; /* (values) */
    const double* left; /* (values) */
    double* out; /* (values) */
};
static inline void pnn_dense_slope_f64_pointers(struct pnn_dense_slope_f64_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->values; pointers[1] = (void*)&a->activation; pointers[2] = (void*)&a->error; pointers[3] = (void*)&a->left;
    pointers[4] = (void*)&a->out;
}

/* ---- networks/edges.cu */
struct pnn_edges_contrast_f32_arguments {
    long long n_edges;
    long long columns;
    int lanes;
    double scale;
    const int* edges; /* (n_edges, 2) */
    const float* a; /* (nodes, columns) */
    const float* b; /* (nodes, columns) */
    float* out; /* (n_edges) */
};
static inline void pnn_edges_contrast_f32_pointers(struct pnn_edges_contrast_f32_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->n_edges; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->lanes; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->edges; pointers[5] = (void*)&a->a; pointers[6] = (void*)&a->b; pointers[7] = (void*)&a->out;
}
struct pnn_edges_contrast_f64_arguments {
    long long n_edges;
    long long columns;
    int lanes;
    double scale;
    const int* edges; /* (n_edges, 2) */
    const double* a; /* (nodes, columns) */
    const double* b; /* (nodes, columns) */
    double* out; /* (n_edges) */
};
static inline void pnn_edges_contrast_f64_pointers(struct pnn_edges_contrast_f64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->n_edges; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->lanes; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->edges; pointers[5] = (void*)&a->a; pointers[6] = (void*)&a->b; pointers[7] = (void*)&a->out;
}
struct pnn_edges_update_f32_arguments {
    long long n_edges;
    long long columns;
    int lanes;
    double scale;
    double step;
    double lower;
    double upper;
    const int* edges; /* (n_edges, 2) */
    const float* a; /* (nodes, columns) */
    const float* b; /* (nodes, columns) */
    float* conductance; /* (n_edges) */
};
static inline void pnn_edges_update_f32_pointers(struct pnn_edges_update_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->n_edges; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->lanes; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->step; pointers[5] = (void*)&a->lower; pointers[6] = (void*)&a->upper; pointers[7] = (void*)&a->edges;
    pointers[8] = (void*)&a->a; pointers[9] = (void*)&a->b; pointers[10] = (void*)&a->conductance;
}
struct pnn_edges_update_f64_arguments {
    long long n_edges;
    long long columns;
    int lanes;
    double scale;
    double step;
    double lower;
    double upper;
    const int* edges; /* (n_edges, 2) */
    const double* a; /* (nodes, columns) */
    const double* b; /* (nodes, columns) */
    double* conductance; /* (n_edges) */
};
static inline void pnn_edges_update_f64_pointers(struct pnn_edges_update_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->n_edges; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->lanes; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->step; pointers[5] = (void*)&a->lower; pointers[6] = (void*)&a->upper; pointers[7] = (void*)&a->edges;
    pointers[8] = (void*)&a->a; pointers[9] = (void*)&a->b; pointers[10] = (void*)&a->conductance;
}
struct pnn_edges_laplacian_f64_arguments {
    long long n_nodes;
    long long columns;
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const unsigned char* free; /* (n_nodes) */
    const double* conductance; /* (edges) [S] */
    const double* v; /* (n_nodes, columns) [V] */
    double* out; /* (n_nodes, columns) [A] */
};
static inline void pnn_edges_laplacian_f64_pointers(struct pnn_edges_laplacian_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->n_nodes; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->offsets;
    pointers[3] = (void*)&a->neighbour; pointers[4] = (void*)&a->edge; pointers[5] = (void*)&a->free; pointers[6] = (void*)&a->conductance;
    pointers[7] = (void*)&a->v; pointers[8] = (void*)&a->out;
}
struct pnn_edges_fit_f64_arguments {
    long long n_nodes;
    long long n_edges;
    double lowest;
    int passes;
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const unsigned char* free; /* (n_nodes) */
    const double* value; /* (n_edges) [S] */
    unsigned char* marks; /* (2 n_nodes) */
    int* fault; /* (1) */
};
static inline void pnn_edges_fit_f64_pointers(struct pnn_edges_fit_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->n_nodes; pointers[1] = (void*)&a->n_edges; pointers[2] = (void*)&a->lowest; pointers[3] = (void*)&a->passes;
    pointers[4] = (void*)&a->offsets; pointers[5] = (void*)&a->neighbour; pointers[6] = (void*)&a->edge; pointers[7] = (void*)&a->free;
    pointers[8] = (void*)&a->value; pointers[9] = (void*)&a->marks; pointers[10] = (void*)&a->fault;
}

/* ---- networks/elements.cu */
struct pnn_elements_sweep_f64_arguments {
    long long batch;
    long long n_nodes;
    int colours;
    int sweeps;
    int kept;
    double tolerance; /* [V] */
    double relaxation;
    double enough;
    int told;
    const double* conductance; /* (edges) [S] */
    const double* ohmic; /* (edges) */
    const double* constants; /* (constants) */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const signed char* sense; /* (2 edges) */
    const int* order; /* (free nodes) */
    const int* first; /* (colours + 1) */
    const double* load; /* (n_nodes) [S] */
    const double* low; /* (n_nodes) [V] */
    const double* high; /* (n_nodes) [V] */
    const double* driven; /* (batch, n_nodes) [A] */
    const double* scale; /* (batch) */
    double* v; /* (batch, n_nodes) [V] */
    int* taken; /* (batch) */
    double* left; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_elements_sweep_f64_pointers(struct pnn_elements_sweep_f64_arguments* a, void* pointers[27]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->colours; pointers[3] = (void*)&a->sweeps;
    pointers[4] = (void*)&a->kept; pointers[5] = (void*)&a->tolerance; pointers[6] = (void*)&a->relaxation; pointers[7] = (void*)&a->enough;
    pointers[8] = (void*)&a->told; pointers[9] = (void*)&a->conductance; pointers[10] = (void*)&a->ohmic;
    pointers[11] = (void*)&a->constants; pointers[12] = (void*)&a->offsets; pointers[13] = (void*)&a->neighbour;
    pointers[14] = (void*)&a->edge; pointers[15] = (void*)&a->sense; pointers[16] = (void*)&a->order; pointers[17] = (void*)&a->first;
    pointers[18] = (void*)&a->load; pointers[19] = (void*)&a->low; pointers[20] = (void*)&a->high; pointers[21] = (void*)&a->driven;
    pointers[22] = (void*)&a->scale; pointers[23] = (void*)&a->v; pointers[24] = (void*)&a->taken; pointers[25] = (void*)&a->left;
    pointers[26] = (void*)&a->fault;
}
struct pnn_elements_sweep_left_f64_arguments {
    long long batch;
    long long n_nodes;
    const double* conductance; /* (edges) [S] */
    const double* ohmic; /* (edges) */
    const double* constants; /* (constants) */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const signed char* sense; /* (2 edges) */
    const unsigned char* free; /* (n_nodes) */
    const double* load; /* (n_nodes) [S] */
    const double* low; /* (n_nodes) [V] */
    const double* high; /* (n_nodes) [V] */
    const double* driven; /* (batch, n_nodes) [A] */
    const double* v; /* (batch, n_nodes) [V] */
    double* out; /* (batch, n_nodes) [V] */
};
static inline void pnn_elements_sweep_left_f64_pointers(struct pnn_elements_sweep_left_f64_arguments* a, void* pointers[16]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->conductance; pointers[3] = (void*)&a->ohmic;
    pointers[4] = (void*)&a->constants; pointers[5] = (void*)&a->offsets; pointers[6] = (void*)&a->neighbour; pointers[7] = (void*)&a->edge;
    pointers[8] = (void*)&a->sense; pointers[9] = (void*)&a->free; pointers[10] = (void*)&a->load; pointers[11] = (void*)&a->low;
    pointers[12] = (void*)&a->high; pointers[13] = (void*)&a->driven; pointers[14] = (void*)&a->v; pointers[15] = (void*)&a->out;
}

/* ---- networks/elimination.cu */
struct pnn_elimination_solve_f64_arguments {
    int matrices;
    int n;
    int columns;
    int wide;
    const double* matrix; /* (matrices, n, n) */
    const double* rhs; /* (matrices, n, columns) */
    double* out; /* (matrices, n, columns) */
};
static inline void pnn_elimination_solve_f64_pointers(struct pnn_elimination_solve_f64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->matrices; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->columns; pointers[3] = (void*)&a->wide;
    pointers[4] = (void*)&a->matrix; pointers[5] = (void*)&a->rhs; pointers[6] = (void*)&a->out;
}

/* ---- networks/graph_sweep.cu */
struct pnn_graph_sweep_diode_f64_arguments {
    long long batch;
    long long n_nodes;
    int colours;
    int sweeps;
    int kept;
    double tolerance; /* [V] */
    double relaxation;
    double enough;
    int told;
    const double* conductance; /* (edges) [S] */
    const double* reverse; /* (edges) */
    const double* drop; /* (edges) [V] */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const signed char* sense; /* (2 edges) */
    const int* order; /* (free nodes) */
    const int* first; /* (colours + 1) */
    const double* load; /* (n_nodes) [S] */
    const double* low; /* (n_nodes) [V] */
    const double* high; /* (n_nodes) [V] */
    const double* driven; /* (batch, n_nodes) [A] */
    const double* scale; /* (batch) */
    double* v; /* (batch, n_nodes) [V] */
    int* taken; /* (batch) */
    double* left; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_graph_sweep_diode_f64_pointers(struct pnn_graph_sweep_diode_f64_arguments* a, void* pointers[27]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->colours; pointers[3] = (void*)&a->sweeps;
    pointers[4] = (void*)&a->kept; pointers[5] = (void*)&a->tolerance; pointers[6] = (void*)&a->relaxation; pointers[7] = (void*)&a->enough;
    pointers[8] = (void*)&a->told; pointers[9] = (void*)&a->conductance; pointers[10] = (void*)&a->reverse; pointers[11] = (void*)&a->drop;
    pointers[12] = (void*)&a->offsets; pointers[13] = (void*)&a->neighbour; pointers[14] = (void*)&a->edge; pointers[15] = (void*)&a->sense;
    pointers[16] = (void*)&a->order; pointers[17] = (void*)&a->first; pointers[18] = (void*)&a->load; pointers[19] = (void*)&a->low;
    pointers[20] = (void*)&a->high; pointers[21] = (void*)&a->driven; pointers[22] = (void*)&a->scale; pointers[23] = (void*)&a->v;
    pointers[24] = (void*)&a->taken; pointers[25] = (void*)&a->left; pointers[26] = (void*)&a->fault;
}
struct pnn_graph_sweep_diode_left_f64_arguments {
    long long batch;
    long long n_nodes;
    const double* conductance; /* (edges) [S] */
    const double* reverse; /* (edges) */
    const double* drop; /* (edges) [V] */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const signed char* sense; /* (2 edges) */
    const unsigned char* free; /* (n_nodes) */
    const double* load; /* (n_nodes) [S] */
    const double* low; /* (n_nodes) [V] */
    const double* high; /* (n_nodes) [V] */
    const double* driven; /* (batch, n_nodes) [A] */
    const double* v; /* (batch, n_nodes) [V] */
    double* out; /* (batch, n_nodes) [V] */
};
static inline void pnn_graph_sweep_diode_left_f64_pointers(struct pnn_graph_sweep_diode_left_f64_arguments* a, void* pointers[16]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->conductance;
    pointers[3] = (void*)&a->reverse; pointers[4] = (void*)&a->drop; pointers[5] = (void*)&a->offsets; pointers[6] = (void*)&a->neighbour;
    pointers[7] = (void*)&a->edge; pointers[8] = (void*)&a->sense; pointers[9] = (void*)&a->free; pointers[10] = (void*)&a->load;
    pointers[11] = (void*)&a->low; pointers[12] = (void*)&a->high; pointers[13] = (void*)&a->driven; pointers[14] = (void*)&a->v;
    pointers[15] = (void*)&a->out;
}
struct pnn_graph_sweep_transistor_f64_arguments {
    long long batch;
    long long n_nodes;
    int colours;
    int sweeps;
    int kept;
    double tolerance; /* [V] */
    double relaxation;
    double enough;
    int told;
    double strength; /* [A/V^2] */
    double threshold; /* [V] */
    double least; /* [V] */
    const double* gate; /* (edges) [V] */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const signed char* sense; /* (2 edges) */
    const int* order; /* (free nodes) */
    const int* first; /* (colours + 1) */
    const double* load; /* (n_nodes) [S] */
    const double* low; /* (n_nodes) [V] */
    const double* high; /* (n_nodes) [V] */
    const double* driven; /* (batch, n_nodes) [A] */
    const double* scale; /* (batch) */
    double* v; /* (batch, n_nodes) [V] */
    int* taken; /* (batch) */
    double* left; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_graph_sweep_transistor_f64_pointers(struct pnn_graph_sweep_transistor_f64_arguments* a, void* pointers[28]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->colours; pointers[3] = (void*)&a->sweeps;
    pointers[4] = (void*)&a->kept; pointers[5] = (void*)&a->tolerance; pointers[6] = (void*)&a->relaxation; pointers[7] = (void*)&a->enough;
    pointers[8] = (void*)&a->told; pointers[9] = (void*)&a->strength; pointers[10] = (void*)&a->threshold; pointers[11] = (void*)&a->least;
    pointers[12] = (void*)&a->gate; pointers[13] = (void*)&a->offsets; pointers[14] = (void*)&a->neighbour; pointers[15] = (void*)&a->edge;
    pointers[16] = (void*)&a->sense; pointers[17] = (void*)&a->order; pointers[18] = (void*)&a->first; pointers[19] = (void*)&a->load;
    pointers[20] = (void*)&a->low; pointers[21] = (void*)&a->high; pointers[22] = (void*)&a->driven; pointers[23] = (void*)&a->scale;
    pointers[24] = (void*)&a->v; pointers[25] = (void*)&a->taken; pointers[26] = (void*)&a->left; pointers[27] = (void*)&a->fault;
}
struct pnn_graph_sweep_transistor_left_f64_arguments {
    long long batch;
    long long n_nodes;
    double strength; /* [A/V^2] */
    double threshold; /* [V] */
    double least; /* [V] */
    const double* gate; /* (edges) [V] */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const signed char* sense; /* (2 edges) */
    const unsigned char* free; /* (n_nodes) */
    const double* load; /* (n_nodes) [S] */
    const double* low; /* (n_nodes) [V] */
    const double* high; /* (n_nodes) [V] */
    const double* driven; /* (batch, n_nodes) [A] */
    const double* v; /* (batch, n_nodes) [V] */
    double* out; /* (batch, n_nodes) [V] */
};
static inline void pnn_graph_sweep_transistor_left_f64_pointers(struct pnn_graph_sweep_transistor_left_f64_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->strength; pointers[3] = (void*)&a->threshold;
    pointers[4] = (void*)&a->least; pointers[5] = (void*)&a->gate; pointers[6] = (void*)&a->offsets; pointers[7] = (void*)&a->neighbour;
    pointers[8] = (void*)&a->edge; pointers[9] = (void*)&a->sense; pointers[10] = (void*)&a->free; pointers[11] = (void*)&a->load;
    pointers[12] = (void*)&a->low; pointers[13] = (void*)&a->high; pointers[14] = (void*)&a->driven; pointers[15] = (void*)&a->v;
    pointers[16] = (void*)&a->out;
}

/* ---- networks/layered.cu */
struct pnn_layered_drive_f32_arguments {
    long long networks;
    long long batch;
    int layers;
    int given;
    double least;
    const int* size; /* (layers + 1) */
    const float* x; /* (batch, size[0]) */
    const float* bias; /* (networks, size[1]) */
    const float* slope; /* (n) */
    const float* weight0; /* (networks, size[l], size[l + 1]) */
    const float* weight1; /* (networks, size[l], size[l + 1]) */
    const float* weight2; /* (networks, size[l], size[l + 1]) */
    const float* weight3; /* (networks, size[l], size[l + 1]) */
    const float* weight4; /* (networks, size[l], size[l + 1]) */
    const float* weight5; /* (networks, size[l], size[l + 1]) */
    const float* weight6; /* (networks, size[l], size[l + 1]) */
    const float* weight7; /* (networks, size[l], size[l + 1]) */
    float* drive; /* (networks, batch, size[1]) */
    float* total; /* (networks, n) */
    int* fault; /* (1) */
};
static inline void pnn_layered_drive_f32_pointers(struct pnn_layered_drive_f32_arguments* a, void* pointers[20]) {
    pointers[0] = (void*)&a->networks; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->layers; pointers[3] = (void*)&a->given;
    pointers[4] = (void*)&a->least; pointers[5] = (void*)&a->size; pointers[6] = (void*)&a->x; pointers[7] = (void*)&a->bias;
    pointers[8] = (void*)&a->slope; pointers[9] = (void*)&a->weight0; pointers[10] = (void*)&a->weight1; pointers[11] = (void*)&a->weight2;
    pointers[12] = (void*)&a->weight3; pointers[13] = (void*)&a->weight4; pointers[14] = (void*)&a->weight5;
    pointers[15] = (void*)&a->weight6; pointers[16] = (void*)&a->weight7; pointers[17] = (void*)&a->drive; pointers[18] = (void*)&a->total;
    pointers[19] = (void*)&a->fault;
}
struct pnn_layered_drive_f64_arguments {
    long long networks;
    long long batch;
    int layers;
    int given;
    double least;
    const int* size; /* (layers + 1) */
    const double* x; /* (batch, size[0]) */
    const double* bias; /* (networks, size[1]) */
    const double* slope; /* (n) */
    const double* weight0; /* (networks, size[l], size[l + 1]) */
    const double* weight1; /* (networks, size[l], size[l + 1]) */
    const double* weight2; /* (networks, size[l], size[l + 1]) */
    const double* weight3; /* (networks, size[l], size[l + 1]) */
    const double* weight4; /* (networks, size[l], size[l + 1]) */
    const double* weight5; /* (networks, size[l], size[l + 1]) */
    const double* weight6; /* (networks, size[l], size[l + 1]) */
    const double* weight7; /* (networks, size[l], size[l + 1]) */
    double* drive; /* (networks, batch, size[1]) */
    double* total; /* (networks, n) */
    int* fault; /* (1) */
};
static inline void pnn_layered_drive_f64_pointers(struct pnn_layered_drive_f64_arguments* a, void* pointers[20]) {
    pointers[0] = (void*)&a->networks; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->layers; pointers[3] = (void*)&a->given;
    pointers[4] = (void*)&a->least; pointers[5] = (void*)&a->size; pointers[6] = (void*)&a->x; pointers[7] = (void*)&a->bias;
    pointers[8] = (void*)&a->slope; pointers[9] = (void*)&a->weight0; pointers[10] = (void*)&a->weight1; pointers[11] = (void*)&a->weight2;
    pointers[12] = (void*)&a->weight3; pointers[13] = (void*)&a->weight4; pointers[14] = (void*)&a->weight5;
    pointers[15] = (void*)&a->weight6; pointers[16] = (void*)&a->weight7; pointers[17] = (void*)&a->drive; pointers[18] = (void*)&a->total;
    pointers[19] = (void*)&a->fault;
}
struct pnn_layered_relax_f32_arguments {
    long long batch;
    long long each;
    int layers;
    int model;
    int phases;
    int begun;
    int hold;
    int together;
    int pitch;
    int sweeps;
    int nudged_sweeps;
    double tolerance;
    const int* size; /* (layers + 1) */
    const float* drive; /* (networks, each, size[1]) */
    const float* total; /* (networks, n) */
    const float* weight1; /* (networks, size[l], size[l + 1]) */
    const float* weight2; /* (networks, size[l], size[l + 1]) */
    const float* weight3; /* (networks, size[l], size[l + 1]) */
    const float* weight4; /* (networks, size[l], size[l + 1]) */
    const float* weight5; /* (networks, size[l], size[l + 1]) */
    const float* weight6; /* (networks, size[l], size[l + 1]) */
    const float* weight7; /* (networks, size[l], size[l + 1]) */
    const float* bias1; /* (networks, size[l + 1]) */
    const float* bias2; /* (networks, size[l + 1]) */
    const float* bias3; /* (networks, size[l + 1]) */
    const float* bias4; /* (networks, size[l + 1]) */
    const float* bias5; /* (networks, size[l + 1]) */
    const float* bias6; /* (networks, size[l + 1]) */
    const float* bias7; /* (networks, size[l + 1]) */
    const float* nudge; /* (phases, batch) */
    const float* target; /* (batch, outputs) */
    float* state; /* (batch, n) */
    float* moved; /* (phases, batch, n) */
    float* change; /* (1 + phases, batch) */
};
static inline void pnn_layered_relax_f32_pointers(struct pnn_layered_relax_f32_arguments* a, void* pointers[34]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->each; pointers[2] = (void*)&a->layers; pointers[3] = (void*)&a->model;
    pointers[4] = (void*)&a->phases; pointers[5] = (void*)&a->begun; pointers[6] = (void*)&a->hold; pointers[7] = (void*)&a->together;
    pointers[8] = (void*)&a->pitch; pointers[9] = (void*)&a->sweeps; pointers[10] = (void*)&a->nudged_sweeps;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->size; pointers[13] = (void*)&a->drive; pointers[14] = (void*)&a->total;
    pointers[15] = (void*)&a->weight1; pointers[16] = (void*)&a->weight2; pointers[17] = (void*)&a->weight3;
    pointers[18] = (void*)&a->weight4; pointers[19] = (void*)&a->weight5; pointers[20] = (void*)&a->weight6;
    pointers[21] = (void*)&a->weight7; pointers[22] = (void*)&a->bias1; pointers[23] = (void*)&a->bias2; pointers[24] = (void*)&a->bias3;
    pointers[25] = (void*)&a->bias4; pointers[26] = (void*)&a->bias5; pointers[27] = (void*)&a->bias6; pointers[28] = (void*)&a->bias7;
    pointers[29] = (void*)&a->nudge; pointers[30] = (void*)&a->target; pointers[31] = (void*)&a->state; pointers[32] = (void*)&a->moved;
    pointers[33] = (void*)&a->change;
}
struct pnn_layered_relax_f64_arguments {
    long long batch;
    long long each;
    int layers;
    int model;
    int phases;
    int begun;
    int hold;
    int together;
    int pitch;
    int sweeps;
    int nudged_sweeps;
    double tolerance;
    const int* size; /* (layers + 1) */
    const double* drive; /* (networks, each, size[1]) */
    const double* total; /* (networks, n) */
    const double* weight1; /* (networks, size[l], size[l + 1]) */
    const double* weight2; /* (networks, size[l], size[l + 1]) */
    const double* weight3; /* (networks, size[l], size[l + 1]) */
    const double* weight4; /* (networks, size[l], size[l + 1]) */
    const double* weight5; /* (networks, size[l], size[l + 1]) */
    const double* weight6; /* (networks, size[l], size[l + 1]) */
    const double* weight7; /* (networks, size[l], size[l + 1]) */
    const double* bias1; /* (networks, size[l + 1]) */
    const double* bias2; /* (networks, size[l + 1]) */
    const double* bias3; /* (networks, size[l + 1]) */
    const double* bias4; /* (networks, size[l + 1]) */
    const double* bias5; /* (networks, size[l + 1]) */
    const double* bias6; /* (networks, size[l + 1]) */
    const double* bias7; /* (networks, size[l + 1]) */
    const double* nudge; /* (phases, batch) */
    const double* target; /* (batch, outputs) */
    double* state; /* (batch, n) */
    double* moved; /* (phases, batch, n) */
    double* change; /* (1 + phases, batch) */
};
static inline void pnn_layered_relax_f64_pointers(struct pnn_layered_relax_f64_arguments* a, void* pointers[34]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->each; pointers[2] = (void*)&a->layers; pointers[3] = (void*)&a->model;
    pointers[4] = (void*)&a->phases; pointers[5] = (void*)&a->begun; pointers[6] = (void*)&a->hold; pointers[7] = (void*)&a->together;
    pointers[8] = (void*)&a->pitch; pointers[9] = (void*)&a->sweeps; pointers[10] = (void*)&a->nudged_sweeps;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->size; pointers[13] = (void*)&a->drive; pointers[14] = (void*)&a->total;
    pointers[15] = (void*)&a->weight1; pointers[16] = (void*)&a->weight2; pointers[17] = (void*)&a->weight3;
    pointers[18] = (void*)&a->weight4; pointers[19] = (void*)&a->weight5; pointers[20] = (void*)&a->weight6;
    pointers[21] = (void*)&a->weight7; pointers[22] = (void*)&a->bias1; pointers[23] = (void*)&a->bias2; pointers[24] = (void*)&a->bias3;
    pointers[25] = (void*)&a->bias4; pointers[26] = (void*)&a->bias5; pointers[27] = (void*)&a->bias6; pointers[28] = (void*)&a->bias7;
    pointers[29] = (void*)&a->nudge; pointers[30] = (void*)&a->target; pointers[31] = (void*)&a->state; pointers[32] = (void*)&a->moved;
    pointers[33] = (void*)&a->change;
}
struct pnn_layered_relax_few_f32_arguments {
    long long batch;
    long long each;
    int n;
    int m;
    int model;
    int phases;
    int begun;
    int hold;
    int together;
    int sweeps;
    int nudged_sweeps;
    double tolerance;
    const float* drive; /* (batch, n) */
    const float* total; /* (networks, n + m) */
    const float* weight; /* (networks, n, m) */
    const float* bias; /* (networks, m) */
    const float* nudge; /* (phases, batch) */
    const float* target; /* (batch, outputs) */
    float* state; /* (batch, n) */
    float* moved; /* (phases, batch, n) */
    float* change; /* (1 + phases, batch) */
};
static inline void pnn_layered_relax_few_f32_pointers(struct pnn_layered_relax_few_f32_arguments* a, void* pointers[21]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->each; pointers[2] = (void*)&a->n; pointers[3] = (void*)&a->m;
    pointers[4] = (void*)&a->model; pointers[5] = (void*)&a->phases; pointers[6] = (void*)&a->begun; pointers[7] = (void*)&a->hold;
    pointers[8] = (void*)&a->together; pointers[9] = (void*)&a->sweeps; pointers[10] = (void*)&a->nudged_sweeps;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->drive; pointers[13] = (void*)&a->total; pointers[14] = (void*)&a->weight;
    pointers[15] = (void*)&a->bias; pointers[16] = (void*)&a->nudge; pointers[17] = (void*)&a->target; pointers[18] = (void*)&a->state;
    pointers[19] = (void*)&a->moved; pointers[20] = (void*)&a->change;
}
struct pnn_layered_relax_few_f64_arguments {
    long long batch;
    long long each;
    int n;
    int m;
    int model;
    int phases;
    int begun;
    int hold;
    int together;
    int sweeps;
    int nudged_sweeps;
    double tolerance;
    const double* drive; /* (batch, n) */
    const double* total; /* (networks, n + m) */
    const double* weight; /* (networks, n, m) */
    const double* bias; /* (networks, m) */
    const double* nudge; /* (phases, batch) */
    const double* target; /* (batch, outputs) */
    double* state; /* (batch, n) */
    double* moved; /* (phases, batch, n) */
    double* change; /* (1 + phases, batch) */
};
static inline void pnn_layered_relax_few_f64_pointers(struct pnn_layered_relax_few_f64_arguments* a, void* pointers[21]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->each; pointers[2] = (void*)&a->n; pointers[3] = (void*)&a->m;
    pointers[4] = (void*)&a->model; pointers[5] = (void*)&a->phases; pointers[6] = (void*)&a->begun; pointers[7] = (void*)&a->hold;
    pointers[8] = (void*)&a->together; pointers[9] = (void*)&a->sweeps; pointers[10] = (void*)&a->nudged_sweeps;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->drive; pointers[13] = (void*)&a->total; pointers[14] = (void*)&a->weight;
    pointers[15] = (void*)&a->bias; pointers[16] = (void*)&a->nudge; pointers[17] = (void*)&a->target; pointers[18] = (void*)&a->state;
    pointers[19] = (void*)&a->moved; pointers[20] = (void*)&a->change;
}
struct pnn_layered_contrast_f32_arguments {
    long long batch;
    int layers;
    int drops;
    int a;
    int b;
    const int* size; /* (layers + 1) */
    const float* x; /* (batch, size[0]) */
    const float* state0; /* (batch, size[l + 1]) */
    const float* state1; /* (batch, size[l + 1]) */
    const float* state2; /* (batch, size[l + 1]) */
    const float* state3; /* (batch, size[l + 1]) */
    const float* state4; /* (batch, size[l + 1]) */
    const float* state5; /* (batch, size[l + 1]) */
    const float* state6; /* (batch, size[l + 1]) */
    const float* state7; /* (batch, size[l + 1]) */
    const float* moved0; /* (phases, batch, size[l + 1]) */
    const float* moved1; /* (phases, batch, size[l + 1]) */
    const float* moved2; /* (phases, batch, size[l + 1]) */
    const float* moved3; /* (phases, batch, size[l + 1]) */
    const float* moved4; /* (phases, batch, size[l + 1]) */
    const float* moved5; /* (phases, batch, size[l + 1]) */
    const float* moved6; /* (phases, batch, size[l + 1]) */
    const float* moved7; /* (phases, batch, size[l + 1]) */
    float* inputs; /* (batch + 1, size[0]) */
    float* factors; /* (3 (batch + drops), n) */
    float* sums; /* (n) */
};
static inline void pnn_layered_contrast_f32_pointers(struct pnn_layered_contrast_f32_arguments* a, void* pointers[26]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->layers; pointers[2] = (void*)&a->drops; pointers[3] = (void*)&a->a;
    pointers[4] = (void*)&a->b; pointers[5] = (void*)&a->size; pointers[6] = (void*)&a->x; pointers[7] = (void*)&a->state0;
    pointers[8] = (void*)&a->state1; pointers[9] = (void*)&a->state2; pointers[10] = (void*)&a->state3; pointers[11] = (void*)&a->state4;
    pointers[12] = (void*)&a->state5; pointers[13] = (void*)&a->state6; pointers[14] = (void*)&a->state7; pointers[15] = (void*)&a->moved0;
    pointers[16] = (void*)&a->moved1; pointers[17] = (void*)&a->moved2; pointers[18] = (void*)&a->moved3; pointers[19] = (void*)&a->moved4;
    pointers[20] = (void*)&a->moved5; pointers[21] = (void*)&a->moved6; pointers[22] = (void*)&a->moved7; pointers[23] = (void*)&a->inputs;
    pointers[24] = (void*)&a->factors; pointers[25] = (void*)&a->sums;
}
struct pnn_layered_contrast_f64_arguments {
    long long batch;
    int layers;
    int drops;
    int a;
    int b;
    const int* size; /* (layers + 1) */
    const double* x; /* (batch, size[0]) */
    const double* state0; /* (batch, size[l + 1]) */
    const double* state1; /* (batch, size[l + 1]) */
    const double* state2; /* (batch, size[l + 1]) */
    const double* state3; /* (batch, size[l + 1]) */
    const double* state4; /* (batch, size[l + 1]) */
    const double* state5; /* (batch, size[l + 1]) */
    const double* state6; /* (batch, size[l + 1]) */
    const double* state7; /* (batch, size[l + 1]) */
    const double* moved0; /* (phases, batch, size[l + 1]) */
    const double* moved1; /* (phases, batch, size[l + 1]) */
    const double* moved2; /* (phases, batch, size[l + 1]) */
    const double* moved3; /* (phases, batch, size[l + 1]) */
    const double* moved4; /* (phases, batch, size[l + 1]) */
    const double* moved5; /* (phases, batch, size[l + 1]) */
    const double* moved6; /* (phases, batch, size[l + 1]) */
    const double* moved7; /* (phases, batch, size[l + 1]) */
    double* inputs; /* (batch + 1, size[0]) */
    double* factors; /* (3 (batch + drops), n) */
    double* sums; /* (n) */
};
static inline void pnn_layered_contrast_f64_pointers(struct pnn_layered_contrast_f64_arguments* a, void* pointers[26]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->layers; pointers[2] = (void*)&a->drops; pointers[3] = (void*)&a->a;
    pointers[4] = (void*)&a->b; pointers[5] = (void*)&a->size; pointers[6] = (void*)&a->x; pointers[7] = (void*)&a->state0;
    pointers[8] = (void*)&a->state1; pointers[9] = (void*)&a->state2; pointers[10] = (void*)&a->state3; pointers[11] = (void*)&a->state4;
    pointers[12] = (void*)&a->state5; pointers[13] = (void*)&a->state6; pointers[14] = (void*)&a->state7; pointers[15] = (void*)&a->moved0;
    pointers[16] = (void*)&a->moved1; pointers[17] = (void*)&a->moved2; pointers[18] = (void*)&a->moved3; pointers[19] = (void*)&a->moved4;
    pointers[20] = (void*)&a->moved5; pointers[21] = (void*)&a->moved6; pointers[22] = (void*)&a->moved7; pointers[23] = (void*)&a->inputs;
    pointers[24] = (void*)&a->factors; pointers[25] = (void*)&a->sums;
}

/* ---- networks/pbit.cu */
struct pnn_pbit_sweep_f32_arguments {
    long long samples;
    long long nodes;
    long long field_rows;
    int colours;
    int sweeps;
    int width;
    int kept;
    int pad;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sweep0;
    long long sample0;
    const long long* index; /* (samples) */
    const int* quad_first; /* (colours + 1) */
    const int* visit; /* (quads, 4) */
    const int* first; /* (nodes + 1) */
    const int* other; /* (entries, width) */
    const float* coupling; /* (entries) */
    const float* field; /* (field_rows, nodes) */
    const double* beta; /* (sweeps) */
    signed char* state; /* (samples, nodes) */
    int* total; /* (samples, nodes) */
    int* fault; /* (1) */
};
static inline void pnn_pbit_sweep_f32_pointers(struct pnn_pbit_sweep_f32_arguments* a, void* pointers[24]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->field_rows; pointers[3] = (void*)&a->colours;
    pointers[4] = (void*)&a->sweeps; pointers[5] = (void*)&a->width; pointers[6] = (void*)&a->kept; pointers[7] = (void*)&a->pad;
    pointers[8] = (void*)&a->key0; pointers[9] = (void*)&a->key1; pointers[10] = (void*)&a->key; pointers[11] = (void*)&a->sweep0;
    pointers[12] = (void*)&a->sample0; pointers[13] = (void*)&a->index; pointers[14] = (void*)&a->quad_first;
    pointers[15] = (void*)&a->visit; pointers[16] = (void*)&a->first; pointers[17] = (void*)&a->other; pointers[18] = (void*)&a->coupling;
    pointers[19] = (void*)&a->field; pointers[20] = (void*)&a->beta; pointers[21] = (void*)&a->state; pointers[22] = (void*)&a->total;
    pointers[23] = (void*)&a->fault;
}
struct pnn_pbit_layer_f32_arguments {
    long long samples;
    long long nodes;
    long long field_rows;
    int panels;
    int inputs;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long block0;
    long long sample0;
    const long long* index; /* (samples) */
    const int* visit; /* (panels, 8) */
    const int* input; /* (inputs) */
    const float* coupling; /* (panels, inputs, 8) */
    const float* field; /* (field_rows, nodes) */
    const double* beta; /* (1) */
    float* state; /* (ceil(samples / 16), nodes, 16) */
};
static inline void pnn_pbit_layer_f32_pointers(struct pnn_pbit_layer_f32_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->field_rows; pointers[3] = (void*)&a->panels;
    pointers[4] = (void*)&a->inputs; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->block0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->visit;
    pointers[12] = (void*)&a->input; pointers[13] = (void*)&a->coupling; pointers[14] = (void*)&a->field; pointers[15] = (void*)&a->beta;
    pointers[16] = (void*)&a->state;
}
struct pnn_pbit_contrast_f32_arguments {
    long long samples;
    long long nodes;
    long long below;
    const signed char* a; /* (samples, nodes) */
    const signed char* b; /* (samples, nodes) */
    float* first; /* (2 samples, below) */
    float* second; /* (2 samples, nodes - below) */
    float* moved; /* (samples, below) */
    float* field; /* (nodes) */
};
static inline void pnn_pbit_contrast_f32_pointers(struct pnn_pbit_contrast_f32_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->below; pointers[3] = (void*)&a->a;
    pointers[4] = (void*)&a->b; pointers[5] = (void*)&a->first; pointers[6] = (void*)&a->second; pointers[7] = (void*)&a->moved;
    pointers[8] = (void*)&a->field;
}

/* ---- networks/potts.cu */
struct pnn_potts_sweep_f32_arguments {
    long long samples;
    long long nodes;
    long long field_rows;
    int states;
    int colours;
    int sweeps;
    int kept;
    int pad;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sweep0;
    long long sample0;
    const long long* index; /* (samples) */
    const int* quad_first; /* (colours + 1) */
    const int* visit; /* (quads, 4) */
    const int* first; /* (nodes + 1) */
    const int* neighbour; /* (entries) */
    const float* coupling; /* (entries) */
    const float* field; /* (field_rows, nodes, states) */
    const double* beta; /* (sweeps) */
    signed char* state; /* (samples, nodes) */
    int* fault; /* (1) */
};
static inline void pnn_potts_sweep_f32_pointers(struct pnn_potts_sweep_f32_arguments* a, void* pointers[23]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->field_rows; pointers[3] = (void*)&a->states;
    pointers[4] = (void*)&a->colours; pointers[5] = (void*)&a->sweeps; pointers[6] = (void*)&a->kept; pointers[7] = (void*)&a->pad;
    pointers[8] = (void*)&a->key0; pointers[9] = (void*)&a->key1; pointers[10] = (void*)&a->key; pointers[11] = (void*)&a->sweep0;
    pointers[12] = (void*)&a->sample0; pointers[13] = (void*)&a->index; pointers[14] = (void*)&a->quad_first;
    pointers[15] = (void*)&a->visit; pointers[16] = (void*)&a->first; pointers[17] = (void*)&a->neighbour;
    pointers[18] = (void*)&a->coupling; pointers[19] = (void*)&a->field; pointers[20] = (void*)&a->beta; pointers[21] = (void*)&a->state;
    pointers[22] = (void*)&a->fault;
}

/* ---- networks/small_networks.cu */
struct pnn_small_networks_solve_f32_arguments {
    long long networks;
    long long batch;
    long long n_nodes;
    long long n_edges;
    long long n_free;
    const int* place; /* (n_nodes) */
    const int* edges; /* (n_edges, 2) */
    const float* conductance; /* (networks, n_edges) [S] */
    float* work; /* (networks, n_free (n_free + 1) / 2) */
    float* out; /* (networks, batch, n_nodes) [V] */
    int* fault; /* (1) */
};
static inline void pnn_small_networks_solve_f32_pointers(struct pnn_small_networks_solve_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->networks; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_nodes; pointers[3] = (void*)&a->n_edges;
    pointers[4] = (void*)&a->n_free; pointers[5] = (void*)&a->place; pointers[6] = (void*)&a->edges; pointers[7] = (void*)&a->conductance;
    pointers[8] = (void*)&a->work; pointers[9] = (void*)&a->out; pointers[10] = (void*)&a->fault;
}
struct pnn_small_networks_solve_f64_arguments {
    long long networks;
    long long batch;
    long long n_nodes;
    long long n_edges;
    long long n_free;
    const int* place; /* (n_nodes) */
    const int* edges; /* (n_edges, 2) */
    const double* conductance; /* (networks, n_edges) [S] */
    double* work; /* (networks, n_free (n_free + 1) / 2) */
    double* out; /* (networks, batch, n_nodes) [V] */
    int* fault; /* (1) */
};
static inline void pnn_small_networks_solve_f64_pointers(struct pnn_small_networks_solve_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->networks; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_nodes; pointers[3] = (void*)&a->n_edges;
    pointers[4] = (void*)&a->n_free; pointers[5] = (void*)&a->place; pointers[6] = (void*)&a->edges; pointers[7] = (void*)&a->conductance;
    pointers[8] = (void*)&a->work; pointers[9] = (void*)&a->out; pointers[10] = (void*)&a->fault;
}

/* ---- networks/springs.cu */
struct pnn_springs_settle_f64_arguments {
    long long batch;
    long long n_nodes;
    long long n_free;
    long long n_edges;
    int dimension;
    long long n_held;
    long long starts;
    long long pulls;
    long long loads;
    int steps;
    double tolerance;
    int told;
    const double* stiffness; /* (edges) [N/m] */
    const double* rest; /* (edges) [m] */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const int* node; /* (n_free) */
    const int* place; /* (n_nodes) */
    const int* first; /* (n_free) */
    const long long* begin; /* (n + 1) */
    const double* held; /* (batch, n_held, dimension) [m] */
    const double* start; /* (starts, n_nodes, dimension) [m] */
    const double* pull; /* (pulls, n_nodes, dimension) [N] */
    const double* load; /* (loads, n_nodes, dimension) [N/m] */
    double* work; /* (blocks, begin[n] + 3 n + n_nodes dimension) */
    double* x; /* (batch, n_nodes, dimension) [m] */
    double* left; /* (batch) */
    int* taken; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_springs_settle_f64_pointers(struct pnn_springs_settle_f64_arguments* a, void* pointers[30]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->n_free; pointers[3] = (void*)&a->n_edges;
    pointers[4] = (void*)&a->dimension; pointers[5] = (void*)&a->n_held; pointers[6] = (void*)&a->starts; pointers[7] = (void*)&a->pulls;
    pointers[8] = (void*)&a->loads; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->tolerance; pointers[11] = (void*)&a->told;
    pointers[12] = (void*)&a->stiffness; pointers[13] = (void*)&a->rest; pointers[14] = (void*)&a->offsets;
    pointers[15] = (void*)&a->neighbour; pointers[16] = (void*)&a->edge; pointers[17] = (void*)&a->node; pointers[18] = (void*)&a->place;
    pointers[19] = (void*)&a->first; pointers[20] = (void*)&a->begin; pointers[21] = (void*)&a->held; pointers[22] = (void*)&a->start;
    pointers[23] = (void*)&a->pull; pointers[24] = (void*)&a->load; pointers[25] = (void*)&a->work; pointers[26] = (void*)&a->x;
    pointers[27] = (void*)&a->left; pointers[28] = (void*)&a->taken; pointers[29] = (void*)&a->fault;
}
struct pnn_springs_respond_f64_arguments {
    long long batch;
    long long n_nodes;
    long long n_free;
    long long n_edges;
    int dimension;
    long long loads;
    const double* stiffness; /* (edges) [N/m] */
    const double* rest; /* (edges) [m] */
    const int* offsets; /* (n_nodes + 1) */
    const int* neighbour; /* (2 edges) */
    const int* edge; /* (2 edges) */
    const int* node; /* (n_free) */
    const int* place; /* (n_nodes) */
    const int* first; /* (n_free) */
    const long long* begin; /* (n + 1) */
    const double* load; /* (loads, n_nodes, dimension) [N/m] */
    double* work; /* (blocks, begin[n] + 3 n + n_nodes dimension) */
    const double* x; /* (batch, n_nodes, dimension) [m] */
    double* y; /* (batch, n_nodes, dimension) [N, m] */
    int* stable; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_springs_respond_f64_pointers(struct pnn_springs_respond_f64_arguments* a, void* pointers[21]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_nodes; pointers[2] = (void*)&a->n_free; pointers[3] = (void*)&a->n_edges;
    pointers[4] = (void*)&a->dimension; pointers[5] = (void*)&a->loads; pointers[6] = (void*)&a->stiffness; pointers[7] = (void*)&a->rest;
    pointers[8] = (void*)&a->offsets; pointers[9] = (void*)&a->neighbour; pointers[10] = (void*)&a->edge; pointers[11] = (void*)&a->node;
    pointers[12] = (void*)&a->place; pointers[13] = (void*)&a->first; pointers[14] = (void*)&a->begin; pointers[15] = (void*)&a->load;
    pointers[16] = (void*)&a->work; pointers[17] = (void*)&a->x; pointers[18] = (void*)&a->y; pointers[19] = (void*)&a->stable;
    pointers[20] = (void*)&a->fault;
}

/* ---- networks/xy.cu */
struct pnn_xy_waves_f32_arguments {
    long long count;
    const float* phase; /* (count) [rad] */
    float* cosine; /* (count) */
    float* sine; /* (count) */
};
static inline void pnn_xy_waves_f32_pointers(struct pnn_xy_waves_f32_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->count; pointers[1] = (void*)&a->phase; pointers[2] = (void*)&a->cosine; pointers[3] = (void*)&a->sine;
}
struct pnn_xy_waves_f64_arguments {
    long long count;
    const double* phase; /* (count) [rad] */
    double* cosine; /* (count) */
    double* sine; /* (count) */
};
static inline void pnn_xy_waves_f64_pointers(struct pnn_xy_waves_f64_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->count; pointers[1] = (void*)&a->phase; pointers[2] = (void*)&a->cosine; pointers[3] = (void*)&a->sine;
}
struct pnn_xy_force_f32_arguments {
    long long rows;
    long long nodes;
    long long field_rows;
    const float* cosine; /* (rows, nodes) */
    const float* sine; /* (rows, nodes) */
    const float* sum_cosine; /* (rows, nodes) */
    const float* sum_sine; /* (rows, nodes) */
    const float* field_x; /* (field_rows, nodes) */
    const float* field_y; /* (field_rows, nodes) */
    const float* second; /* (nodes) */
    float* force; /* (rows, nodes) */
};
static inline void pnn_xy_force_f32_pointers(struct pnn_xy_force_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->field_rows; pointers[3] = (void*)&a->cosine;
    pointers[4] = (void*)&a->sine; pointers[5] = (void*)&a->sum_cosine; pointers[6] = (void*)&a->sum_sine; pointers[7] = (void*)&a->field_x;
    pointers[8] = (void*)&a->field_y; pointers[9] = (void*)&a->second; pointers[10] = (void*)&a->force;
}
struct pnn_xy_force_f64_arguments {
    long long rows;
    long long nodes;
    long long field_rows;
    const double* cosine; /* (rows, nodes) */
    const double* sine; /* (rows, nodes) */
    const double* sum_cosine; /* (rows, nodes) */
    const double* sum_sine; /* (rows, nodes) */
    const double* field_x; /* (field_rows, nodes) */
    const double* field_y; /* (field_rows, nodes) */
    const double* second; /* (nodes) */
    double* force; /* (rows, nodes) */
};
static inline void pnn_xy_force_f64_pointers(struct pnn_xy_force_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->field_rows; pointers[3] = (void*)&a->cosine;
    pointers[4] = (void*)&a->sine; pointers[5] = (void*)&a->sum_cosine; pointers[6] = (void*)&a->sum_sine; pointers[7] = (void*)&a->field_x;
    pointers[8] = (void*)&a->field_y; pointers[9] = (void*)&a->second; pointers[10] = (void*)&a->force;
}
struct pnn_xy_drive_f32_arguments {
    long long batch;
    int inputs;
    int hidden;
    int rest;
    const float* x; /* (batch, inputs) */
    const float* weight; /* (inputs, hidden) */
    const float* bias; /* (hidden) */
    const float* others; /* (rest) */
    float* out; /* (batch, hidden + rest) */
};
static inline void pnn_xy_drive_f32_pointers(struct pnn_xy_drive_f32_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->inputs; pointers[2] = (void*)&a->hidden; pointers[3] = (void*)&a->rest;
    pointers[4] = (void*)&a->x; pointers[5] = (void*)&a->weight; pointers[6] = (void*)&a->bias; pointers[7] = (void*)&a->others;
    pointers[8] = (void*)&a->out;
}
struct pnn_xy_drive_f64_arguments {
    long long batch;
    int inputs;
    int hidden;
    int rest;
    const double* x; /* (batch, inputs) */
    const double* weight; /* (inputs, hidden) */
    const double* bias; /* (hidden) */
    const double* others; /* (rest) */
    double* out; /* (batch, hidden + rest) */
};
static inline void pnn_xy_drive_f64_pointers(struct pnn_xy_drive_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->inputs; pointers[2] = (void*)&a->hidden; pointers[3] = (void*)&a->rest;
    pointers[4] = (void*)&a->x; pointers[5] = (void*)&a->weight; pointers[6] = (void*)&a->bias; pointers[7] = (void*)&a->others;
    pointers[8] = (void*)&a->out;
}
struct pnn_xy_relax_f32_arguments {
    long long rows;
    long long field_rows;
    long long batch;
    long long start_rows;
    int nodes;
    int below;
    int outputs;
    int slices;
    int slices_above;
    int steps;
    int place;
    double tolerance;
    double step;
    const float* coupling; /* (nodes, nodes) */
    const float* across; /* (nodes - below, below) */
    const float* x; /* (field_rows, nodes) */
    const float* y; /* (field_rows, nodes) */
    const float* second; /* (nodes) */
    const float* slope; /* (nodes) */
    const float* detuning; /* (nodes) */
    const float* nudge; /* (phases) */
    const float* target; /* (batch, outputs) */
    const float* start; /* (start_rows, nodes) [rad] */
    float* phase; /* (rows, nodes) [rad] */
    float* output; /* (rows, outputs) */
    float* left; /* (rows) */
    float* workspace; /* (blocks, room) */
};
static inline void pnn_xy_relax_f32_pointers(struct pnn_xy_relax_f32_arguments* a, void* pointers[27]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->field_rows; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->start_rows;
    pointers[4] = (void*)&a->nodes; pointers[5] = (void*)&a->below; pointers[6] = (void*)&a->outputs; pointers[7] = (void*)&a->slices;
    pointers[8] = (void*)&a->slices_above; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->place;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->step; pointers[13] = (void*)&a->coupling;
    pointers[14] = (void*)&a->across; pointers[15] = (void*)&a->x; pointers[16] = (void*)&a->y; pointers[17] = (void*)&a->second;
    pointers[18] = (void*)&a->slope; pointers[19] = (void*)&a->detuning; pointers[20] = (void*)&a->nudge; pointers[21] = (void*)&a->target;
    pointers[22] = (void*)&a->start; pointers[23] = (void*)&a->phase; pointers[24] = (void*)&a->output; pointers[25] = (void*)&a->left;
    pointers[26] = (void*)&a->workspace;
}
struct pnn_xy_relax_f64_arguments {
    long long rows;
    long long field_rows;
    long long batch;
    long long start_rows;
    int nodes;
    int below;
    int outputs;
    int slices;
    int slices_above;
    int steps;
    int place;
    double tolerance;
    double step;
    const double* coupling; /* (nodes, nodes) */
    const double* across; /* (nodes - below, below) */
    const double* x; /* (field_rows, nodes) */
    const double* y; /* (field_rows, nodes) */
    const double* second; /* (nodes) */
    const double* slope; /* (nodes) */
    const double* detuning; /* (nodes) */
    const double* nudge; /* (phases) */
    const double* target; /* (batch, outputs) */
    const double* start; /* (start_rows, nodes) [rad] */
    double* phase; /* (rows, nodes) [rad] */
    double* output; /* (rows, outputs) */
    double* left; /* (rows) */
    double* workspace; /* (blocks, room) */
};
static inline void pnn_xy_relax_f64_pointers(struct pnn_xy_relax_f64_arguments* a, void* pointers[27]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->field_rows; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->start_rows;
    pointers[4] = (void*)&a->nodes; pointers[5] = (void*)&a->below; pointers[6] = (void*)&a->outputs; pointers[7] = (void*)&a->slices;
    pointers[8] = (void*)&a->slices_above; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->place;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->step; pointers[13] = (void*)&a->coupling;
    pointers[14] = (void*)&a->across; pointers[15] = (void*)&a->x; pointers[16] = (void*)&a->y; pointers[17] = (void*)&a->second;
    pointers[18] = (void*)&a->slope; pointers[19] = (void*)&a->detuning; pointers[20] = (void*)&a->nudge; pointers[21] = (void*)&a->target;
    pointers[22] = (void*)&a->start; pointers[23] = (void*)&a->phase; pointers[24] = (void*)&a->output; pointers[25] = (void*)&a->left;
    pointers[26] = (void*)&a->workspace;
}
struct pnn_xy_warm_f32_arguments {
    long long rows;
    long long field_rows;
    long long batch;
    long long start_rows;
    int nodes;
    int below;
    int outputs;
    int slices;
    int slices_above;
    int steps;
    int place;
    double amplitude; /* [rad] */
    double step;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (batch) */
    const float* coupling; /* (nodes, nodes) */
    const float* across; /* (nodes - below, below) */
    const float* x; /* (field_rows, nodes) */
    const float* y; /* (field_rows, nodes) */
    const float* second; /* (nodes) */
    const float* slope; /* (nodes) */
    const float* detuning; /* (nodes) */
    const float* nudge; /* (phases) */
    const float* target; /* (batch, outputs) */
    const float* start; /* (start_rows, nodes) [rad] */
    float* phase; /* (rows, nodes) [rad] */
    float* workspace; /* (blocks, room) */
    int* fault; /* (1) */
};
static inline void pnn_xy_warm_f32_pointers(struct pnn_xy_warm_f32_arguments* a, void* pointers[31]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->field_rows; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->start_rows;
    pointers[4] = (void*)&a->nodes; pointers[5] = (void*)&a->below; pointers[6] = (void*)&a->outputs; pointers[7] = (void*)&a->slices;
    pointers[8] = (void*)&a->slices_above; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->place;
    pointers[11] = (void*)&a->amplitude; pointers[12] = (void*)&a->step; pointers[13] = (void*)&a->key0; pointers[14] = (void*)&a->key1;
    pointers[15] = (void*)&a->key; pointers[16] = (void*)&a->sample0; pointers[17] = (void*)&a->index; pointers[18] = (void*)&a->coupling;
    pointers[19] = (void*)&a->across; pointers[20] = (void*)&a->x; pointers[21] = (void*)&a->y; pointers[22] = (void*)&a->second;
    pointers[23] = (void*)&a->slope; pointers[24] = (void*)&a->detuning; pointers[25] = (void*)&a->nudge; pointers[26] = (void*)&a->target;
    pointers[27] = (void*)&a->start; pointers[28] = (void*)&a->phase; pointers[29] = (void*)&a->workspace; pointers[30] = (void*)&a->fault;
}
struct pnn_xy_warm_f64_arguments {
    long long rows;
    long long field_rows;
    long long batch;
    long long start_rows;
    int nodes;
    int below;
    int outputs;
    int slices;
    int slices_above;
    int steps;
    int place;
    double amplitude; /* [rad] */
    double step;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample0;
    const long long* index; /* (batch) */
    const double* coupling; /* (nodes, nodes) */
    const double* across; /* (nodes - below, below) */
    const double* x; /* (field_rows, nodes) */
    const double* y; /* (field_rows, nodes) */
    const double* second; /* (nodes) */
    const double* slope; /* (nodes) */
    const double* detuning; /* (nodes) */
    const double* nudge; /* (phases) */
    const double* target; /* (batch, outputs) */
    const double* start; /* (start_rows, nodes) [rad] */
    double* phase; /* (rows, nodes) [rad] */
    double* workspace; /* (blocks, room) */
    int* fault; /* (1) */
};
static inline void pnn_xy_warm_f64_pointers(struct pnn_xy_warm_f64_arguments* a, void* pointers[31]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->field_rows; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->start_rows;
    pointers[4] = (void*)&a->nodes; pointers[5] = (void*)&a->below; pointers[6] = (void*)&a->outputs; pointers[7] = (void*)&a->slices;
    pointers[8] = (void*)&a->slices_above; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->place;
    pointers[11] = (void*)&a->amplitude; pointers[12] = (void*)&a->step; pointers[13] = (void*)&a->key0; pointers[14] = (void*)&a->key1;
    pointers[15] = (void*)&a->key; pointers[16] = (void*)&a->sample0; pointers[17] = (void*)&a->index; pointers[18] = (void*)&a->coupling;
    pointers[19] = (void*)&a->across; pointers[20] = (void*)&a->x; pointers[21] = (void*)&a->y; pointers[22] = (void*)&a->second;
    pointers[23] = (void*)&a->slope; pointers[24] = (void*)&a->detuning; pointers[25] = (void*)&a->nudge; pointers[26] = (void*)&a->target;
    pointers[27] = (void*)&a->start; pointers[28] = (void*)&a->phase; pointers[29] = (void*)&a->workspace; pointers[30] = (void*)&a->fault;
}
struct pnn_xy_respond_f32_arguments {
    long long rows;
    long long field_rows;
    long long batch;
    int mode;
    int nodes;
    int below;
    int outputs;
    int slices;
    int slices_above;
    int steps;
    int place;
    double tolerance;
    double step;
    const float* coupling; /* (nodes, nodes) */
    const float* across; /* (nodes - below, below) */
    const float* x; /* (field_rows, nodes) */
    const float* y; /* (field_rows, nodes) */
    const float* second; /* (nodes) */
    const float* slope; /* (nodes) */
    const float* nudge; /* (phases) */
    const float* target; /* (batch, outputs) */
    const float* phase; /* (batch, nodes) [rad] */
    float* moved; /* (rows, nodes) [rad] */
    float* output; /* (batch, outputs) */
    float* left; /* (rows) */
    float* workspace; /* (blocks, room) */
};
static inline void pnn_xy_respond_f32_pointers(struct pnn_xy_respond_f32_arguments* a, void* pointers[26]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->field_rows; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->mode;
    pointers[4] = (void*)&a->nodes; pointers[5] = (void*)&a->below; pointers[6] = (void*)&a->outputs; pointers[7] = (void*)&a->slices;
    pointers[8] = (void*)&a->slices_above; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->place;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->step; pointers[13] = (void*)&a->coupling;
    pointers[14] = (void*)&a->across; pointers[15] = (void*)&a->x; pointers[16] = (void*)&a->y; pointers[17] = (void*)&a->second;
    pointers[18] = (void*)&a->slope; pointers[19] = (void*)&a->nudge; pointers[20] = (void*)&a->target; pointers[21] = (void*)&a->phase;
    pointers[22] = (void*)&a->moved; pointers[23] = (void*)&a->output; pointers[24] = (void*)&a->left; pointers[25] = (void*)&a->workspace;
}
struct pnn_xy_respond_f64_arguments {
    long long rows;
    long long field_rows;
    long long batch;
    int mode;
    int nodes;
    int below;
    int outputs;
    int slices;
    int slices_above;
    int steps;
    int place;
    double tolerance;
    double step;
    const double* coupling; /* (nodes, nodes) */
    const double* across; /* (nodes - below, below) */
    const double* x; /* (field_rows, nodes) */
    const double* y; /* (field_rows, nodes) */
    const double* second; /* (nodes) */
    const double* slope; /* (nodes) */
    const double* nudge; /* (phases) */
    const double* target; /* (batch, outputs) */
    const double* phase; /* (batch, nodes) [rad] */
    double* moved; /* (rows, nodes) [rad] */
    double* output; /* (batch, outputs) */
    double* left; /* (rows) */
    double* workspace; /* (blocks, room) */
};
static inline void pnn_xy_respond_f64_pointers(struct pnn_xy_respond_f64_arguments* a, void* pointers[26]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->field_rows; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->mode;
    pointers[4] = (void*)&a->nodes; pointers[5] = (void*)&a->below; pointers[6] = (void*)&a->outputs; pointers[7] = (void*)&a->slices;
    pointers[8] = (void*)&a->slices_above; pointers[9] = (void*)&a->steps; pointers[10] = (void*)&a->place;
    pointers[11] = (void*)&a->tolerance; pointers[12] = (void*)&a->step; pointers[13] = (void*)&a->coupling;
    pointers[14] = (void*)&a->across; pointers[15] = (void*)&a->x; pointers[16] = (void*)&a->y; pointers[17] = (void*)&a->second;
    pointers[18] = (void*)&a->slope; pointers[19] = (void*)&a->nudge; pointers[20] = (void*)&a->target; pointers[21] = (void*)&a->phase;
    pointers[22] = (void*)&a->moved; pointers[23] = (void*)&a->output; pointers[24] = (void*)&a->left; pointers[25] = (void*)&a->workspace;
}
struct pnn_xy_contrast_f32_arguments {
    long long batch;
    int nodes;
    int firsts;
    int from;
    double scale;
    const float* free; /* (batch, nodes) [rad] */
    const float* a; /* (batch, nodes) [rad] */
    const float* b; /* (batch, nodes) [rad] */
    float* first; /* (4 batch, firsts) */
    float* second; /* (4 batch, nodes - from) */
    float* dx; /* (batch, firsts) */
    float* dy; /* (batch, firsts) */
    float* field; /* (nodes) */
    float* harmonic; /* (nodes) */
};
static inline void pnn_xy_contrast_f32_pointers(struct pnn_xy_contrast_f32_arguments* a, void* pointers[14]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->firsts; pointers[3] = (void*)&a->from;
    pointers[4] = (void*)&a->scale; pointers[5] = (void*)&a->free; pointers[6] = (void*)&a->a; pointers[7] = (void*)&a->b;
    pointers[8] = (void*)&a->first; pointers[9] = (void*)&a->second; pointers[10] = (void*)&a->dx; pointers[11] = (void*)&a->dy;
    pointers[12] = (void*)&a->field; pointers[13] = (void*)&a->harmonic;
}
struct pnn_xy_contrast_f64_arguments {
    long long batch;
    int nodes;
    int firsts;
    int from;
    double scale;
    const double* free; /* (batch, nodes) [rad] */
    const double* a; /* (batch, nodes) [rad] */
    const double* b; /* (batch, nodes) [rad] */
    double* first; /* (4 batch, firsts) */
    double* second; /* (4 batch, nodes - from) */
    double* dx; /* (batch, firsts) */
    double* dy; /* (batch, firsts) */
    double* field; /* (nodes) */
    double* harmonic; /* (nodes) */
};
static inline void pnn_xy_contrast_f64_pointers(struct pnn_xy_contrast_f64_arguments* a, void* pointers[14]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->nodes; pointers[2] = (void*)&a->firsts; pointers[3] = (void*)&a->from;
    pointers[4] = (void*)&a->scale; pointers[5] = (void*)&a->free; pointers[6] = (void*)&a->a; pointers[7] = (void*)&a->b;
    pointers[8] = (void*)&a->first; pointers[9] = (void*)&a->second; pointers[10] = (void*)&a->dx; pointers[11] = (void*)&a->dy;
    pointers[12] = (void*)&a->field; pointers[13] = (void*)&a->harmonic;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_boltzmann_units_f32(long long samples, long long units, double slope, double one, unsigned key0,
    unsigned key1, const unsigned* key, long long sample0, const long long* index, const float* pull, const float* bias, const float* more,
    float* out, int* fault);
extern "C" __global__ void pnn_boltzmann_units_f64(long long samples, long long units, double slope, double one, unsigned key0,
    unsigned key1, const unsigned* key, long long sample0, const long long* index, const double* pull, const double* bias,
    const double* more, double* out, int* fault);
extern "C" __global__ void pnn_boltzmann_chain_f32(long long batch, int hidden, int classes, int settle, int sweeps, int kept, unsigned key0,
    unsigned key1, const unsigned* key, unsigned start0, unsigned start1, unsigned hidden0, unsigned hidden1, unsigned classes0,
    unsigned classes1, long long sample0, const long long* index, const float* drive, const float* weight, const float* bias,
    const float* field, float* drawn, float* given, float* mean, int* fault);
extern "C" __global__ void pnn_boltzmann_chain_f64(long long batch, int hidden, int classes, int settle, int sweeps, int kept, unsigned key0,
    unsigned key1, const unsigned* key, unsigned start0, unsigned start1, unsigned hidden0, unsigned hidden1, unsigned classes0,
    unsigned classes1, long long sample0, const long long* index, const double* drive, const double* weight, const double* bias,
    const double* field, double* drawn, double* given, double* mean, int* fault);
extern "C" __global__ void pnn_contrast_update_f32(int arrays, double rate, const double* now, const long long* shape, const double* how,
    const float* first0, const float* first1, const float* first2, const float* first3, const float* first4, const float* first5,
    const float* first6, const float* first7, const float* second0, const float* second1, const float* second2, const float* second3,
    const float* second4, const float* second5, const float* second6, const float* second7, float* weight0, float* weight1, float* weight2,
    float* weight3, float* weight4, float* weight5, float* weight6, float* weight7);
extern "C" __global__ void pnn_contrast_update_f64(int arrays, double rate, const double* now, const long long* shape, const double* how,
    const double* first0, const double* first1, const double* first2, const double* first3, const double* first4, const double* first5,
    const double* first6, const double* first7, const double* second0, const double* second1, const double* second2, const double* second3,
    const double* second4, const double* second5, const double* second6, const double* second7, double* weight0, double* weight1,
    double* weight2, double* weight3, double* weight4, double* weight5, double* weight6, double* weight7);
extern "C" __global__ void pnn_convolutional_relax_f32(long long batch, int layers, int model, int largest, int softmax, int phases,
    int begun, int hold, int together, int sweeps, int nudged_sweeps, double tolerance, const int* shape, const float* x, const float* total,
    const float* weight0, const float* weight1, const float* weight2, const float* weight3, const float* weight4, const float* weight5,
    const float* weight6, const float* weight7, const float* bias0, const float* bias1, const float* bias2, const float* bias3,
    const float* bias4, const float* bias5, const float* bias6, const float* bias7, const float* nudge, const float* target, float* state,
    float* moved, float* output, float* change);
extern "C" __global__ void pnn_convolutional_relax_f64(long long batch, int layers, int model, int largest, int softmax, int phases,
    int begun, int hold, int together, int sweeps, int nudged_sweeps, double tolerance, const int* shape, const double* x,
    const double* total, const double* weight0, const double* weight1, const double* weight2, const double* weight3, const double* weight4,
    const double* weight5, const double* weight6, const double* weight7, const double* bias0, const double* bias1, const double* bias2,
    const double* bias3, const double* bias4, const double* bias5, const double* bias6, const double* bias7, const double* nudge,
    const double* target, double* state, double* moved, double* output, double* change);
extern "C" __global__ void pnn_convolutional_choose_f32(long long batch, int below, int maps, int height, int width, int side,
    const float* x, const float* weight, unsigned char* out);
extern "C" __global__ void pnn_convolutional_choose_f64(long long batch, int below, int maps, int height, int width, int side,
    const double* x, const double* weight, unsigned char* out);
extern "C" __global__ void pnn_convolutional_product_f32(long long rows, long long batch, int below, int maps, int height, int width,
    int side, const float* first, const float* second, const float* sums, const unsigned char* picked, float* of_weight, float* of_bias);
extern "C" __global__ void pnn_convolutional_product_f64(long long rows, long long batch, int below, int maps, int height, int width,
    int side, const double* first, const double* second, const double* sums, const unsigned char* picked, double* of_weight, double* of_bias);
extern "C" __global__ void pnn_dense_layer_f32(long long members, int shared, long long batch, long long n_in, long long n_out,
    int activation, int ones, const float* x, const float* w, float* out);
extern "C" __global__ void pnn_dense_layer_f64(long long members, int shared, long long batch, long long n_in, long long n_out,
    int activation, int ones, const double* x, const double* w, double* out);
extern "C" __global__ void pnn_dense_below_f32(long long batch, long long n_in, long long n_out, int activation, const float* error,
    const float* w, const float* entered, float* out);
extern "C" __global__ void pnn_dense_below_f64(long long batch, long long n_in, long long n_out, int activation, const double* error,
    const double* w, const double* entered, double* out);
extern "C" __global__ void pnn_dense_outer_f32(long long samples, long long rows, long long columns, float scale, const float* first,
    const float* second, float* out);
extern "C" __global__ void pnn_dense_outer_f64(long long samples, long long rows, long long columns, double scale, const double* first,
    const double* second, double* out);
extern "C" __global__ void pnn_dense_slope_f32(long long values, int activation, const float* error, const float* left, float* out);
extern "C" __global__ void pnn_dense_slope_f64(long long values, int activation, const double* error, const double* left, double* out);
extern "C" __global__ void pnn_edges_contrast_f32(long long n_edges, long long columns, int lanes, double scale, const int* edges,
    const float* a, const float* b, float* out);
extern "C" __global__ void pnn_edges_contrast_f64(long long n_edges, long long columns, int lanes, double scale, const int* edges,
    const double* a, const double* b, double* out);
extern "C" __global__ void pnn_edges_update_f32(long long n_edges, long long columns, int lanes, double scale, double step, double lower,
    double upper, const int* edges, const float* a, const float* b, float* conductance);
extern "C" __global__ void pnn_edges_update_f64(long long n_edges, long long columns, int lanes, double scale, double step, double lower,
    double upper, const int* edges, const double* a, const double* b, double* conductance);
extern "C" __global__ void pnn_edges_laplacian_f64(long long n_nodes, long long columns, const int* offsets, const int* neighbour,
    const int* edge, const unsigned char* free, const double* conductance, const double* v, double* out);
extern "C" __global__ void pnn_edges_fit_f64(long long n_nodes, long long n_edges, double lowest, int passes, const int* offsets,
    const int* neighbour, const int* edge, const unsigned char* free, const double* value, unsigned char* marks, int* fault);
extern "C" __global__ void pnn_elements_sweep_f64(long long batch, long long n_nodes, int colours, int sweeps, int kept, double tolerance,
    double relaxation, double enough, int told, const double* conductance, const double* ohmic, const double* constants, const int* offsets,
    const int* neighbour, const int* edge, const signed char* sense, const int* order, const int* first, const double* load,
    const double* low, const double* high, const double* driven, const double* scale, double* v, int* taken, double* left, int* fault);
extern "C" __global__ void pnn_elements_sweep_left_f64(long long batch, long long n_nodes, const double* conductance, const double* ohmic,
    const double* constants, const int* offsets, const int* neighbour, const int* edge, const signed char* sense, const unsigned char* free,
    const double* load, const double* low, const double* high, const double* driven, const double* v, double* out);
extern "C" __global__ void pnn_elimination_solve_f64(int matrices, int n, int columns, int wide, const double* matrix, const double* rhs,
    double* out);
extern "C" __global__ void pnn_graph_sweep_diode_f64(long long batch, long long n_nodes, int colours, int sweeps, int kept, double tolerance,
    double relaxation, double enough, int told, const double* conductance, const double* reverse, const double* drop, const int* offsets,
    const int* neighbour, const int* edge, const signed char* sense, const int* order, const int* first, const double* load,
    const double* low, const double* high, const double* driven, const double* scale, double* v, int* taken, double* left, int* fault);
extern "C" __global__ void pnn_graph_sweep_diode_left_f64(long long batch, long long n_nodes, const double* conductance,
    const double* reverse, const double* drop, const int* offsets, const int* neighbour, const int* edge, const signed char* sense,
    const unsigned char* free, const double* load, const double* low, const double* high, const double* driven, const double* v, double* out);
extern "C" __global__ void pnn_graph_sweep_transistor_f64(long long batch, long long n_nodes, int colours, int sweeps, int kept,
    double tolerance, double relaxation, double enough, int told, double strength, double threshold, double least, const double* gate,
    const int* offsets, const int* neighbour, const int* edge, const signed char* sense, const int* order, const int* first,
    const double* load, const double* low, const double* high, const double* driven, const double* scale, double* v, int* taken,
    double* left, int* fault);
extern "C" __global__ void pnn_graph_sweep_transistor_left_f64(long long batch, long long n_nodes, double strength, double threshold,
    double least, const double* gate, const int* offsets, const int* neighbour, const int* edge, const signed char* sense,
    const unsigned char* free, const double* load, const double* low, const double* high, const double* driven, const double* v, double* out);
extern "C" __global__ void pnn_layered_drive_f32(long long networks, long long batch, int layers, int given, double least, const int* size,
    const float* x, const float* bias, const float* slope, const float* weight0, const float* weight1, const float* weight2,
    const float* weight3, const float* weight4, const float* weight5, const float* weight6, const float* weight7, float* drive, float* total,
    int* fault);
extern "C" __global__ void pnn_layered_drive_f64(long long networks, long long batch, int layers, int given, double least, const int* size,
    const double* x, const double* bias, const double* slope, const double* weight0, const double* weight1, const double* weight2,
    const double* weight3, const double* weight4, const double* weight5, const double* weight6, const double* weight7, double* drive,
    double* total, int* fault);
extern "C" __global__ void pnn_layered_relax_f32(long long batch, long long each, int layers, int model, int phases, int begun, int hold,
    int together, int pitch, int sweeps, int nudged_sweeps, double tolerance, const int* size, const float* drive, const float* total,
    const float* weight1, const float* weight2, const float* weight3, const float* weight4, const float* weight5, const float* weight6,
    const float* weight7, const float* bias1, const float* bias2, const float* bias3, const float* bias4, const float* bias5,
    const float* bias6, const float* bias7, const float* nudge, const float* target, float* state, float* moved, float* change);
extern "C" __global__ void pnn_layered_relax_f64(long long batch, long long each, int layers, int model, int phases, int begun, int hold,
    int together, int pitch, int sweeps, int nudged_sweeps, double tolerance, const int* size, const double* drive, const double* total,
    const double* weight1, const double* weight2, const double* weight3, const double* weight4, const double* weight5, const double* weight6,
    const double* weight7, const double* bias1, const double* bias2, const double* bias3, const double* bias4, const double* bias5,
    const double* bias6, const double* bias7, const double* nudge, const double* target, double* state, double* moved, double* change);
extern "C" __global__ void pnn_layered_relax_few_f32(long long batch, long long each, int n, int m, int model, int phases, int begun,
    int hold, int together, int sweeps, int nudged_sweeps, double tolerance, const float* drive, const float* total, const float* weight,
    const float* bias, const float* nudge, const float* target, float* state, float* moved, float* change);
extern "C" __global__ void pnn_layered_relax_few_f64(long long batch, long long each, int n, int m, int model, int phases, int begun,
    int hold, int together, int sweeps, int nudged_sweeps, double tolerance, const double* drive, const double* total, const double* weight,
    const double* bias, const double* nudge, const double* target, double* state, double* moved, double* change);
extern "C" __global__ void pnn_layered_contrast_f32(long long batch, int layers, int drops, int a, int b, const int* size, const float* x,
    const float* state0, const float* state1, const float* state2, const float* state3, const float* state4, const float* state5,
    const float* state6, const float* state7, const float* moved0, const float* moved1, const float* moved2, const float* moved3,
    const float* moved4, const float* moved5, const float* moved6, const float* moved7, float* inputs, float* factors, float* sums);
extern "C" __global__ void pnn_layered_contrast_f64(long long batch, int layers, int drops, int a, int b, const int* size, const double* x,
    const double* state0, const double* state1, const double* state2, const double* state3, const double* state4, const double* state5,
    const double* state6, const double* state7, const double* moved0, const double* moved1, const double* moved2, const double* moved3,
    const double* moved4, const double* moved5, const double* moved6, const double* moved7, double* inputs, double* factors, double* sums);
extern "C" __global__ void pnn_pbit_sweep_f32(long long samples, long long nodes, long long field_rows, int colours, int sweeps, int width,
    int kept, int pad, unsigned key0, unsigned key1, const unsigned* key, long long sweep0, long long sample0, const long long* index,
    const int* quad_first, const int* visit, const int* first, const int* other, const float* coupling, const float* field,
    const double* beta, signed char* state, int* total, int* fault);
extern "C" __global__ void pnn_pbit_layer_f32(long long samples, long long nodes, long long field_rows, int panels, int inputs,
    unsigned key0, unsigned key1, const unsigned* key, long long block0, long long sample0, const long long* index, const int* visit,
    const int* input, const float* coupling, const float* field, const double* beta, float* state);
extern "C" __global__ void pnn_pbit_contrast_f32(long long samples, long long nodes, long long below, const signed char* a,
    const signed char* b, float* first, float* second, float* moved, float* field);
extern "C" __global__ void pnn_potts_sweep_f32(long long samples, long long nodes, long long field_rows, int states, int colours, int sweeps,
    int kept, int pad, unsigned key0, unsigned key1, const unsigned* key, long long sweep0, long long sample0, const long long* index,
    const int* quad_first, const int* visit, const int* first, const int* neighbour, const float* coupling, const float* field,
    const double* beta, signed char* state, int* fault);
extern "C" __global__ void pnn_small_networks_solve_f32(long long networks, long long batch, long long n_nodes, long long n_edges,
    long long n_free, const int* place, const int* edges, const float* conductance, float* work, float* out, int* fault);
extern "C" __global__ void pnn_small_networks_solve_f64(long long networks, long long batch, long long n_nodes, long long n_edges,
    long long n_free, const int* place, const int* edges, const double* conductance, double* work, double* out, int* fault);
extern "C" __global__ void pnn_springs_settle_f64(long long batch, long long n_nodes, long long n_free, long long n_edges, int dimension,
    long long n_held, long long starts, long long pulls, long long loads, int steps, double tolerance, int told, const double* stiffness,
    const double* rest, const int* offsets, const int* neighbour, const int* edge, const int* node, const int* place, const int* first,
    const long long* begin, const double* held, const double* start, const double* pull, const double* load, double* work, double* x,
    double* left, int* taken, int* fault);
extern "C" __global__ void pnn_springs_respond_f64(long long batch, long long n_nodes, long long n_free, long long n_edges, int dimension,
    long long loads, const double* stiffness, const double* rest, const int* offsets, const int* neighbour, const int* edge, const int* node,
    const int* place, const int* first, const long long* begin, const double* load, double* work, const double* x, double* y, int* stable,
    int* fault);
extern "C" __global__ void pnn_xy_waves_f32(long long count, const float* phase, float* cosine, float* sine);
extern "C" __global__ void pnn_xy_waves_f64(long long count, const double* phase, double* cosine, double* sine);
extern "C" __global__ void pnn_xy_force_f32(long long rows, long long nodes, long long field_rows, const float* cosine, const float* sine,
    const float* sum_cosine, const float* sum_sine, const float* field_x, const float* field_y, const float* second, float* force);
extern "C" __global__ void pnn_xy_force_f64(long long rows, long long nodes, long long field_rows, const double* cosine, const double* sine,
    const double* sum_cosine, const double* sum_sine, const double* field_x, const double* field_y, const double* second, double* force);
extern "C" __global__ void pnn_xy_drive_f32(long long batch, int inputs, int hidden, int rest, const float* x, const float* weight,
    const float* bias, const float* others, float* out);
extern "C" __global__ void pnn_xy_drive_f64(long long batch, int inputs, int hidden, int rest, const double* x, const double* weight,
    const double* bias, const double* others, double* out);
extern "C" __global__ void pnn_xy_relax_f32(long long rows, long long field_rows, long long batch, long long start_rows, int nodes,
    int below, int outputs, int slices, int slices_above, int steps, int place, double tolerance, double step, const float* coupling,
    const float* across, const float* x, const float* y, const float* second, const float* slope, const float* detuning, const float* nudge,
    const float* target, const float* start, float* phase, float* output, float* left, float* workspace);
extern "C" __global__ void pnn_xy_relax_f64(long long rows, long long field_rows, long long batch, long long start_rows, int nodes,
    int below, int outputs, int slices, int slices_above, int steps, int place, double tolerance, double step, const double* coupling,
    const double* across, const double* x, const double* y, const double* second, const double* slope, const double* detuning,
    const double* nudge, const double* target, const double* start, double* phase, double* output, double* left, double* workspace);
extern "C" __global__ void pnn_xy_warm_f32(long long rows, long long field_rows, long long batch, long long start_rows, int nodes, int below,
    int outputs, int slices, int slices_above, int steps, int place, double amplitude, double step, unsigned key0, unsigned key1,
    const unsigned* key, long long sample0, const long long* index, const float* coupling, const float* across, const float* x,
    const float* y, const float* second, const float* slope, const float* detuning, const float* nudge, const float* target,
    const float* start, float* phase, float* workspace, int* fault);
extern "C" __global__ void pnn_xy_warm_f64(long long rows, long long field_rows, long long batch, long long start_rows, int nodes, int below,
    int outputs, int slices, int slices_above, int steps, int place, double amplitude, double step, unsigned key0, unsigned key1,
    const unsigned* key, long long sample0, const long long* index, const double* coupling, const double* across, const double* x,
    const double* y, const double* second, const double* slope, const double* detuning, const double* nudge, const double* target,
    const double* start, double* phase, double* workspace, int* fault);
extern "C" __global__ void pnn_xy_respond_f32(long long rows, long long field_rows, long long batch, int mode, int nodes, int below,
    int outputs, int slices, int slices_above, int steps, int place, double tolerance, double step, const float* coupling,
    const float* across, const float* x, const float* y, const float* second, const float* slope, const float* nudge, const float* target,
    const float* phase, float* moved, float* output, float* left, float* workspace);
extern "C" __global__ void pnn_xy_respond_f64(long long rows, long long field_rows, long long batch, int mode, int nodes, int below,
    int outputs, int slices, int slices_above, int steps, int place, double tolerance, double step, const double* coupling,
    const double* across, const double* x, const double* y, const double* second, const double* slope, const double* nudge,
    const double* target, const double* phase, double* moved, double* output, double* left, double* workspace);
extern "C" __global__ void pnn_xy_contrast_f32(long long batch, int nodes, int firsts, int from, double scale, const float* free,
    const float* a, const float* b, float* first, float* second, float* dx, float* dy, float* field, float* harmonic);
extern "C" __global__ void pnn_xy_contrast_f64(long long batch, int nodes, int firsts, int from, double scale, const double* free,
    const double* a, const double* b, double* first, double* second, double* dx, double* dy, double* field, double* harmonic);
#endif

#endif
