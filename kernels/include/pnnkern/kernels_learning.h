/* Kernels of learning: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_LEARNING_H
#define PNN_KERNELS_LEARNING_H
#include "pnnkern/kernel_types.h"


/* ---- learning/goodness.cu */
struct pnn_goodness_pairs_u8_arguments {
    long long n;
    long long values;
    long long classes;
    long long width;
    double level;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    const long long* index; /* (n) */
    const long long* labels; /* (n) */
    const unsigned char* samples; /* (n, values) */
    unsigned char* out; /* (2 n, values) */
    long long* numbers; /* (2 n) */
};
static inline void pnn_goodness_pairs_u8_pointers(struct pnn_goodness_pairs_u8_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->classes; pointers[3] = (void*)&a->width;
    pointers[4] = (void*)&a->level; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->index; pointers[9] = (void*)&a->labels; pointers[10] = (void*)&a->samples; pointers[11] = (void*)&a->out;
    pointers[12] = (void*)&a->numbers;
}
struct pnn_goodness_pairs_f32_arguments {
    long long n;
    long long values;
    long long classes;
    long long width;
    double level;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    const long long* index; /* (n) */
    const long long* labels; /* (n) */
    const float* samples; /* (n, values) */
    float* out; /* (2 n, values) */
    long long* numbers; /* (2 n) */
};
static inline void pnn_goodness_pairs_f32_pointers(struct pnn_goodness_pairs_f32_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->classes; pointers[3] = (void*)&a->width;
    pointers[4] = (void*)&a->level; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->index; pointers[9] = (void*)&a->labels; pointers[10] = (void*)&a->samples; pointers[11] = (void*)&a->out;
    pointers[12] = (void*)&a->numbers;
}
struct pnn_goodness_pairs_f64_arguments {
    long long n;
    long long values;
    long long classes;
    long long width;
    double level;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    const long long* index; /* (n) */
    const long long* labels; /* (n) */
    const double* samples; /* (n, values) */
    double* out; /* (2 n, values) */
    long long* numbers; /* (2 n) */
};
static inline void pnn_goodness_pairs_f64_pointers(struct pnn_goodness_pairs_f64_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->classes; pointers[3] = (void*)&a->width;
    pointers[4] = (void*)&a->level; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->index; pointers[9] = (void*)&a->labels; pointers[10] = (void*)&a->samples; pointers[11] = (void*)&a->out;
    pointers[12] = (void*)&a->numbers;
}
struct pnn_goodness_parts_f32_arguments {
    long long samples;
    long long values;
    const float* x; /* (samples, values) */
    double* goodness; /* (samples) */
    double* parts; /* (64) */
};
static inline void pnn_goodness_parts_f32_pointers(struct pnn_goodness_parts_f32_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->x; pointers[3] = (void*)&a->goodness;
    pointers[4] = (void*)&a->parts;
}
struct pnn_goodness_parts_f64_arguments {
    long long samples;
    long long values;
    const double* x; /* (samples, values) */
    double* goodness; /* (samples) */
    double* parts; /* (64) */
};
static inline void pnn_goodness_parts_f64_pointers(struct pnn_goodness_parts_f64_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->x; pointers[3] = (void*)&a->goodness;
    pointers[4] = (void*)&a->parts;
}
struct pnn_goodness_learn_f32_arguments {
    long long samples;
    long long values;
    int pairs;
    double sharpness;
    double memory;
    long long batch;
    int counts;
    const float* x; /* (samples, values) */
    const double* goodness; /* (samples) */
    const double* parts; /* (64) */
    const double* before; /* (1) */
    float* cotangent; /* (samples, values) */
    float* level; /* (samples, values) */
    double* losses; /* (samples or samples / 2) */
    double* ratings; /* (samples) */
    double* threshold; /* (1) */
};
static inline void pnn_goodness_learn_f32_pointers(struct pnn_goodness_learn_f32_arguments* a, void* pointers[16]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->pairs; pointers[3] = (void*)&a->sharpness;
    pointers[4] = (void*)&a->memory; pointers[5] = (void*)&a->batch; pointers[6] = (void*)&a->counts; pointers[7] = (void*)&a->x;
    pointers[8] = (void*)&a->goodness; pointers[9] = (void*)&a->parts; pointers[10] = (void*)&a->before;
    pointers[11] = (void*)&a->cotangent; pointers[12] = (void*)&a->level; pointers[13] = (void*)&a->losses;
    pointers[14] = (void*)&a->ratings; pointers[15] = (void*)&a->threshold;
}
struct pnn_goodness_learn_f64_arguments {
    long long samples;
    long long values;
    int pairs;
    double sharpness;
    double memory;
    long long batch;
    int counts;
    const double* x; /* (samples, values) */
    const double* goodness; /* (samples) */
    const double* parts; /* (64) */
    const double* before; /* (1) */
    double* cotangent; /* (samples, values) */
    double* level; /* (samples, values) */
    double* losses; /* (samples or samples / 2) */
    double* ratings; /* (samples) */
    double* threshold; /* (1) */
};
static inline void pnn_goodness_learn_f64_pointers(struct pnn_goodness_learn_f64_arguments* a, void* pointers[16]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->values; pointers[2] = (void*)&a->pairs; pointers[3] = (void*)&a->sharpness;
    pointers[4] = (void*)&a->memory; pointers[5] = (void*)&a->batch; pointers[6] = (void*)&a->counts; pointers[7] = (void*)&a->x;
    pointers[8] = (void*)&a->goodness; pointers[9] = (void*)&a->parts; pointers[10] = (void*)&a->before;
    pointers[11] = (void*)&a->cotangent; pointers[12] = (void*)&a->level; pointers[13] = (void*)&a->losses;
    pointers[14] = (void*)&a->ratings; pointers[15] = (void*)&a->threshold;
}
struct pnn_goodness_rate_f64_arguments {
    long long samples;
    long long stages;
    int pairs;
    const double* losses; /* (stages, samples or samples / 2) */
    const double* ratings; /* (samples) */
    double* sums; /* (stages + 1) */
};
static inline void pnn_goodness_rate_f64_pointers(struct pnn_goodness_rate_f64_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->stages; pointers[2] = (void*)&a->pairs; pointers[3] = (void*)&a->losses;
    pointers[4] = (void*)&a->ratings; pointers[5] = (void*)&a->sums;
}

/* ---- learning/losses.cu */
struct pnn_losses_judge_f32_arguments {
    long long batch;
    long long n;
    int kind;
    double scale;
    double high;
    double low;
    int hinge;
    const float* outputs; /* (batch, n) */
    const long long* labels; /* (batch) */
    const double* fractions; /* (batch, n) */
    float* cotangent; /* (batch, n) */
    double* sums; /* (2) */
    int* fault; /* (1) */
};
static inline void pnn_losses_judge_f32_pointers(struct pnn_losses_judge_f32_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->kind; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->high; pointers[5] = (void*)&a->low; pointers[6] = (void*)&a->hinge; pointers[7] = (void*)&a->outputs;
    pointers[8] = (void*)&a->labels; pointers[9] = (void*)&a->fractions; pointers[10] = (void*)&a->cotangent;
    pointers[11] = (void*)&a->sums; pointers[12] = (void*)&a->fault;
}
struct pnn_losses_judge_f64_arguments {
    long long batch;
    long long n;
    int kind;
    double scale;
    double high;
    double low;
    int hinge;
    const double* outputs; /* (batch, n) */
    const long long* labels; /* (batch) */
    const double* fractions; /* (batch, n) */
    double* cotangent; /* (batch, n) */
    double* sums; /* (2) */
    int* fault; /* (1) */
};
static inline void pnn_losses_judge_f64_pointers(struct pnn_losses_judge_f64_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->kind; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->high; pointers[5] = (void*)&a->low; pointers[6] = (void*)&a->hinge; pointers[7] = (void*)&a->outputs;
    pointers[8] = (void*)&a->labels; pointers[9] = (void*)&a->fractions; pointers[10] = (void*)&a->cotangent;
    pointers[11] = (void*)&a->sums; pointers[12] = (void*)&a->fault;
}

/* ---- learning/optimizer.cu */
struct pnn_optimizer_adam_f32_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* how; /* (arrays, 4) */
    double rate;
    double beta1;
    double beta2;
    double epsilon;
    double correction1;
    double correction2;
    const double* now; /* (3) */
    const float* gradient0; /* (sizes) */
    const float* gradient1; /* (sizes) */
    const float* gradient2; /* (sizes) */
    const float* gradient3; /* (sizes) */
    const float* gradient4; /* (sizes) */
    const float* gradient5; /* (sizes) */
    const float* gradient6; /* (sizes) */
    const float* gradient7; /* (sizes) */
    float* first0; /* (sizes) */
    float* first1; /* (sizes) */
    float* first2; /* (sizes) */
    float* first3; /* (sizes) */
    float* first4; /* (sizes) */
    float* first5; /* (sizes) */
    float* first6; /* (sizes) */
    float* first7; /* (sizes) */
    float* second0; /* (sizes) */
    float* second1; /* (sizes) */
    float* second2; /* (sizes) */
    float* second3; /* (sizes) */
    float* second4; /* (sizes) */
    float* second5; /* (sizes) */
    float* second6; /* (sizes) */
    float* second7; /* (sizes) */
    float* parameter0; /* (sizes) */
    float* parameter1; /* (sizes) */
    float* parameter2; /* (sizes) */
    float* parameter3; /* (sizes) */
    float* parameter4; /* (sizes) */
    float* parameter5; /* (sizes) */
    float* parameter6; /* (sizes) */
    float* parameter7; /* (sizes) */
};
static inline void pnn_optimizer_adam_f32_pointers(struct pnn_optimizer_adam_f32_arguments* a, void* pointers[42]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->how; pointers[3] = (void*)&a->rate;
    pointers[4] = (void*)&a->beta1; pointers[5] = (void*)&a->beta2; pointers[6] = (void*)&a->epsilon; pointers[7] = (void*)&a->correction1;
    pointers[8] = (void*)&a->correction2; pointers[9] = (void*)&a->now; pointers[10] = (void*)&a->gradient0;
    pointers[11] = (void*)&a->gradient1; pointers[12] = (void*)&a->gradient2; pointers[13] = (void*)&a->gradient3;
    pointers[14] = (void*)&a->gradient4; pointers[15] = (void*)&a->gradient5; pointers[16] = (void*)&a->gradient6;
    pointers[17] = (void*)&a->gradient7; pointers[18] = (void*)&a->first0; pointers[19] = (void*)&a->first1;
    pointers[20] = (void*)&a->first2; pointers[21] = (void*)&a->first3; pointers[22] = (void*)&a->first4; pointers[23] = (void*)&a->first5;
    pointers[24] = (void*)&a->first6; pointers[25] = (void*)&a->first7; pointers[26] = (void*)&a->second0;
    pointers[27] = (void*)&a->second1; pointers[28] = (void*)&a->second2; pointers[29] = (void*)&a->second3;
    pointers[30] = (void*)&a->second4; pointers[31] = (void*)&a->second5; pointers[32] = (void*)&a->second6;
    pointers[33] = (void*)&a->second7; pointers[34] = (void*)&a->parameter0; pointers[35] = (void*)&a->parameter1;
    pointers[36] = (void*)&a->parameter2; pointers[37] = (void*)&a->parameter3; pointers[38] = (void*)&a->parameter4;
    pointers[39] = (void*)&a->parameter5; pointers[40] = (void*)&a->parameter6; pointers[41] = (void*)&a->parameter7;
}
struct pnn_optimizer_adam_f64_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* how; /* (arrays, 4) */
    double rate;
    double beta1;
    double beta2;
    double epsilon;
    double correction1;
    double correction2;
    const double* now; /* (3) */
    const double* gradient0; /* (sizes) */
    const double* gradient1; /* (sizes) */
    const double* gradient2; /* (sizes) */
    const double* gradient3; /* (sizes) */
    const double* gradient4; /* (sizes) */
    const double* gradient5; /* (sizes) */
    const double* gradient6; /* (sizes) */
    const double* gradient7; /* (sizes) */
    double* first0; /* (sizes) */
    double* first1; /* (sizes) */
    double* first2; /* (sizes) */
    double* first3; /* (sizes) */
    double* first4; /* (sizes) */
    double* first5; /* (sizes) */
    double* first6; /* (sizes) */
    double* first7; /* (sizes) */
    double* second0; /* (sizes) */
    double* second1; /* (sizes) */
    double* second2; /* (sizes) */
    double* second3; /* (sizes) */
    double* second4; /* (sizes) */
    double* second5; /* (sizes) */
    double* second6; /* (sizes) */
    double* second7; /* (sizes) */
    double* parameter0; /* (sizes) */
    double* parameter1; /* (sizes) */
    double* parameter2; /* (sizes) */
    double* parameter3; /* (sizes) */
    double* parameter4; /* (sizes) */
    double* parameter5; /* (sizes) */
    double* parameter6; /* (sizes) */
    double* parameter7; /* (sizes) */
};
static inline void pnn_optimizer_adam_f64_pointers(struct pnn_optimizer_adam_f64_arguments* a, void* pointers[42]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->how; pointers[3] = (void*)&a->rate;
    pointers[4] = (void*)&a->beta1; pointers[5] = (void*)&a->beta2; pointers[6] = (void*)&a->epsilon; pointers[7] = (void*)&a->correction1;
    pointers[8] = (void*)&a->correction2; pointers[9] = (void*)&a->now; pointers[10] = (void*)&a->gradient0;
    pointers[11] = (void*)&a->gradient1; pointers[12] = (void*)&a->gradient2; pointers[13] = (void*)&a->gradient3;
    pointers[14] = (void*)&a->gradient4; pointers[15] = (void*)&a->gradient5; pointers[16] = (void*)&a->gradient6;
    pointers[17] = (void*)&a->gradient7; pointers[18] = (void*)&a->first0; pointers[19] = (void*)&a->first1;
    pointers[20] = (void*)&a->first2; pointers[21] = (void*)&a->first3; pointers[22] = (void*)&a->first4; pointers[23] = (void*)&a->first5;
    pointers[24] = (void*)&a->first6; pointers[25] = (void*)&a->first7; pointers[26] = (void*)&a->second0;
    pointers[27] = (void*)&a->second1; pointers[28] = (void*)&a->second2; pointers[29] = (void*)&a->second3;
    pointers[30] = (void*)&a->second4; pointers[31] = (void*)&a->second5; pointers[32] = (void*)&a->second6;
    pointers[33] = (void*)&a->second7; pointers[34] = (void*)&a->parameter0; pointers[35] = (void*)&a->parameter1;
    pointers[36] = (void*)&a->parameter2; pointers[37] = (void*)&a->parameter3; pointers[38] = (void*)&a->parameter4;
    pointers[39] = (void*)&a->parameter5; pointers[40] = (void*)&a->parameter6; pointers[41] = (void*)&a->parameter7;
}
struct pnn_optimizer_sgd_f32_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* how; /* (arrays, 4) */
    double rate;
    double momentum;
    const double* now; /* (3) */
    const float* gradient0; /* (sizes) */
    const float* gradient1; /* (sizes) */
    const float* gradient2; /* (sizes) */
    const float* gradient3; /* (sizes) */
    const float* gradient4; /* (sizes) */
    const float* gradient5; /* (sizes) */
    const float* gradient6; /* (sizes) */
    const float* gradient7; /* (sizes) */
    float* velocity0; /* (sizes) */
    float* velocity1; /* (sizes) */
    float* velocity2; /* (sizes) */
    float* velocity3; /* (sizes) */
    float* velocity4; /* (sizes) */
    float* velocity5; /* (sizes) */
    float* velocity6; /* (sizes) */
    float* velocity7; /* (sizes) */
    float* parameter0; /* (sizes) */
    float* parameter1; /* (sizes) */
    float* parameter2; /* (sizes) */
    float* parameter3; /* (sizes) */
    float* parameter4; /* (sizes) */
    float* parameter5; /* (sizes) */
    float* parameter6; /* (sizes) */
    float* parameter7; /* (sizes) */
};
static inline void pnn_optimizer_sgd_f32_pointers(struct pnn_optimizer_sgd_f32_arguments* a, void* pointers[30]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->how; pointers[3] = (void*)&a->rate;
    pointers[4] = (void*)&a->momentum; pointers[5] = (void*)&a->now; pointers[6] = (void*)&a->gradient0; pointers[7] = (void*)&a->gradient1;
    pointers[8] = (void*)&a->gradient2; pointers[9] = (void*)&a->gradient3; pointers[10] = (void*)&a->gradient4;
    pointers[11] = (void*)&a->gradient5; pointers[12] = (void*)&a->gradient6; pointers[13] = (void*)&a->gradient7;
    pointers[14] = (void*)&a->velocity0; pointers[15] = (void*)&a->velocity1; pointers[16] = (void*)&a->velocity2;
    pointers[17] = (void*)&a->velocity3; pointers[18] = (void*)&a->velocity4; pointers[19] = (void*)&a->velocity5;
    pointers[20] = (void*)&a->velocity6; pointers[21] = (void*)&a->velocity7; pointers[22] = (void*)&a->parameter0;
    pointers[23] = (void*)&a->parameter1; pointers[24] = (void*)&a->parameter2; pointers[25] = (void*)&a->parameter3;
    pointers[26] = (void*)&a->parameter4; pointers[27] = (void*)&a->parameter5; pointers[28] = (void*)&a->parameter6;
    pointers[29] = (void*)&a->parameter7;
}
struct pnn_optimizer_sgd_f64_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* how; /* (arrays, 4) */
    double rate;
    double momentum;
    const double* now; /* (3) */
    const double* gradient0; /* (sizes) */
    const double* gradient1; /* (sizes) */
    const double* gradient2; /* (sizes) */
    const double* gradient3; /* (sizes) */
    const double* gradient4; /* (sizes) */
    const double* gradient5; /* (sizes) */
    const double* gradient6; /* (sizes) */
    const double* gradient7; /* (sizes) */
    double* velocity0; /* (sizes) */
    double* velocity1; /* (sizes) */
    double* velocity2; /* (sizes) */
    double* velocity3; /* (sizes) */
    double* velocity4; /* (sizes) */
    double* velocity5; /* (sizes) */
    double* velocity6; /* (sizes) */
    double* velocity7; /* (sizes) */
    double* parameter0; /* (sizes) */
    double* parameter1; /* (sizes) */
    double* parameter2; /* (sizes) */
    double* parameter3; /* (sizes) */
    double* parameter4; /* (sizes) */
    double* parameter5; /* (sizes) */
    double* parameter6; /* (sizes) */
    double* parameter7; /* (sizes) */
};
static inline void pnn_optimizer_sgd_f64_pointers(struct pnn_optimizer_sgd_f64_arguments* a, void* pointers[30]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->how; pointers[3] = (void*)&a->rate;
    pointers[4] = (void*)&a->momentum; pointers[5] = (void*)&a->now; pointers[6] = (void*)&a->gradient0; pointers[7] = (void*)&a->gradient1;
    pointers[8] = (void*)&a->gradient2; pointers[9] = (void*)&a->gradient3; pointers[10] = (void*)&a->gradient4;
    pointers[11] = (void*)&a->gradient5; pointers[12] = (void*)&a->gradient6; pointers[13] = (void*)&a->gradient7;
    pointers[14] = (void*)&a->velocity0; pointers[15] = (void*)&a->velocity1; pointers[16] = (void*)&a->velocity2;
    pointers[17] = (void*)&a->velocity3; pointers[18] = (void*)&a->velocity4; pointers[19] = (void*)&a->velocity5;
    pointers[20] = (void*)&a->velocity6; pointers[21] = (void*)&a->velocity7; pointers[22] = (void*)&a->parameter0;
    pointers[23] = (void*)&a->parameter1; pointers[24] = (void*)&a->parameter2; pointers[25] = (void*)&a->parameter3;
    pointers[26] = (void*)&a->parameter4; pointers[27] = (void*)&a->parameter5; pointers[28] = (void*)&a->parameter6;
    pointers[29] = (void*)&a->parameter7;
}

/* ---- learning/readout.cu */
struct pnn_readout_moments_f32_arguments {
    long long samples;
    long long features;
    long long outputs;
    const float* x; /* (samples, features) */
    const long long* labels; /* (samples) */
    const double* targets; /* (samples, outputs) */
    double* gram; /* (features + 1, features + 1) */
    double* cross; /* (features + 1, outputs) */
};
static inline void pnn_readout_moments_f32_pointers(struct pnn_readout_moments_f32_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->features; pointers[2] = (void*)&a->outputs; pointers[3] = (void*)&a->x;
    pointers[4] = (void*)&a->labels; pointers[5] = (void*)&a->targets; pointers[6] = (void*)&a->gram; pointers[7] = (void*)&a->cross;
}
struct pnn_readout_moments_f64_arguments {
    long long samples;
    long long features;
    long long outputs;
    const double* x; /* (samples, features) */
    const long long* labels; /* (samples) */
    const double* targets; /* (samples, outputs) */
    double* gram; /* (features + 1, features + 1) */
    double* cross; /* (features + 1, outputs) */
};
static inline void pnn_readout_moments_f64_pointers(struct pnn_readout_moments_f64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->features; pointers[2] = (void*)&a->outputs; pointers[3] = (void*)&a->x;
    pointers[4] = (void*)&a->labels; pointers[5] = (void*)&a->targets; pointers[6] = (void*)&a->gram; pointers[7] = (void*)&a->cross;
}
struct pnn_readout_scores_f32_arguments {
    long long samples;
    long long features;
    long long outputs;
    const float* x; /* (samples, features) */
    const double* weights; /* (features + 1, outputs) */
    double* out; /* (samples, outputs) */
};
static inline void pnn_readout_scores_f32_pointers(struct pnn_readout_scores_f32_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->features; pointers[2] = (void*)&a->outputs; pointers[3] = (void*)&a->x;
    pointers[4] = (void*)&a->weights; pointers[5] = (void*)&a->out;
}
struct pnn_readout_scores_f64_arguments {
    long long samples;
    long long features;
    long long outputs;
    const double* x; /* (samples, features) */
    const double* weights; /* (features + 1, outputs) */
    double* out; /* (samples, outputs) */
};
static inline void pnn_readout_scores_f64_pointers(struct pnn_readout_scores_f64_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->samples; pointers[1] = (void*)&a->features; pointers[2] = (void*)&a->outputs; pointers[3] = (void*)&a->x;
    pointers[4] = (void*)&a->weights; pointers[5] = (void*)&a->out;
}
struct pnn_readout_begin_f64_arguments {
    long long size;
    long long outputs;
    double ridge;
    const double* gram; /* (size, size) */
    const double* cross; /* (size, outputs) */
    double* a; /* (size, size) */
    double* rhs; /* (size, outputs) */
    double* inverses; /* (ceil(size / 32), 32, 32) */
    int* fault; /* (1) */
};
static inline void pnn_readout_begin_f64_pointers(struct pnn_readout_begin_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->size; pointers[1] = (void*)&a->outputs; pointers[2] = (void*)&a->ridge; pointers[3] = (void*)&a->gram;
    pointers[4] = (void*)&a->cross; pointers[5] = (void*)&a->a; pointers[6] = (void*)&a->rhs; pointers[7] = (void*)&a->inverses;
    pointers[8] = (void*)&a->fault;
}
struct pnn_readout_panel_f64_arguments {
    long long size;
    long long outputs;
    long long panel;
    const double* gram; /* (size, size) */
    double* a; /* (size, size) */
    double* rhs; /* (size, outputs) */
    double* inverses; /* (ceil(size / 32), 32, 32) */
    double* weights; /* (size, outputs) */
    int* fault; /* (1) */
};
static inline void pnn_readout_panel_f64_pointers(struct pnn_readout_panel_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->size; pointers[1] = (void*)&a->outputs; pointers[2] = (void*)&a->panel; pointers[3] = (void*)&a->gram;
    pointers[4] = (void*)&a->a; pointers[5] = (void*)&a->rhs; pointers[6] = (void*)&a->inverses; pointers[7] = (void*)&a->weights;
    pointers[8] = (void*)&a->fault;
}

/* ---- learning/samples.cu */
struct pnn_samples_gather_u8_arguments {
    long long count;
    long long bytes;
    long long label_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const unsigned char* rows; /* (samples, bytes) */
    const unsigned char* labels; /* (samples, label_bytes) */
    unsigned char* out; /* (count, bytes) */
    unsigned char* out_labels; /* (count, label_bytes) */
    long long* index; /* (count) */
};
static inline void pnn_samples_gather_u8_pointers(struct pnn_samples_gather_u8_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->count; pointers[1] = (void*)&a->bytes; pointers[2] = (void*)&a->label_bytes; pointers[3] = (void*)&a->order;
    pointers[4] = (void*)&a->at; pointers[5] = (void*)&a->rows; pointers[6] = (void*)&a->labels; pointers[7] = (void*)&a->out;
    pointers[8] = (void*)&a->out_labels; pointers[9] = (void*)&a->index;
}
struct pnn_samples_advance_f64_arguments {
    long long count;
    long long steps;
    long long columns;
    long long slots;
    const double* known; /* (steps, columns) */
    const double* loss; /* (1) */
    const double* rating; /* (1) */
    long long* at; /* (3) */
    double* now; /* (columns) */
    double* found; /* (slots, 2) */
    int keys;
    int width;
    unsigned key0;
    unsigned key1;
    const unsigned long long* paths; /* (keys, width) */
    unsigned* key; /* (keys, 2) */
};
static inline void pnn_samples_advance_f64_pointers(struct pnn_samples_advance_f64_arguments* a, void* pointers[16]) {
    pointers[0] = (void*)&a->count; pointers[1] = (void*)&a->steps; pointers[2] = (void*)&a->columns; pointers[3] = (void*)&a->slots;
    pointers[4] = (void*)&a->known; pointers[5] = (void*)&a->loss; pointers[6] = (void*)&a->rating; pointers[7] = (void*)&a->at;
    pointers[8] = (void*)&a->now; pointers[9] = (void*)&a->found; pointers[10] = (void*)&a->keys; pointers[11] = (void*)&a->width;
    pointers[12] = (void*)&a->key0; pointers[13] = (void*)&a->key1; pointers[14] = (void*)&a->paths; pointers[15] = (void*)&a->key;
}
struct pnn_samples_single_u8_arguments {
    long long batch;
    long long n;
    double gain;
    int both;
    double low;
    double high;
    int code;
    long long label_bytes;
    long long target_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const unsigned char* samples; /* (samples, n) */
    const unsigned char* labels; /* (samples, label_bytes) */
    const unsigned char* targets; /* (samples, target_bytes) */
    float* out; /* (batch, n or 2 n) */
    unsigned char* out_labels; /* (batch, label_bytes) */
    unsigned char* out_targets; /* (batch, target_bytes) */
    long long* index; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_samples_single_u8_pointers(struct pnn_samples_single_u8_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->gain; pointers[3] = (void*)&a->both;
    pointers[4] = (void*)&a->low; pointers[5] = (void*)&a->high; pointers[6] = (void*)&a->code; pointers[7] = (void*)&a->label_bytes;
    pointers[8] = (void*)&a->target_bytes; pointers[9] = (void*)&a->order; pointers[10] = (void*)&a->at; pointers[11] = (void*)&a->samples;
    pointers[12] = (void*)&a->labels; pointers[13] = (void*)&a->targets; pointers[14] = (void*)&a->out;
    pointers[15] = (void*)&a->out_labels; pointers[16] = (void*)&a->out_targets; pointers[17] = (void*)&a->index;
    pointers[18] = (void*)&a->fault;
}
struct pnn_samples_single_f32_arguments {
    long long batch;
    long long n;
    double gain;
    int both;
    double low;
    double high;
    int code;
    long long label_bytes;
    long long target_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const float* samples; /* (samples, n) */
    const unsigned char* labels; /* (samples, label_bytes) */
    const unsigned char* targets; /* (samples, target_bytes) */
    float* out; /* (batch, n or 2 n) */
    unsigned char* out_labels; /* (batch, label_bytes) */
    unsigned char* out_targets; /* (batch, target_bytes) */
    long long* index; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_samples_single_f32_pointers(struct pnn_samples_single_f32_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->gain; pointers[3] = (void*)&a->both;
    pointers[4] = (void*)&a->low; pointers[5] = (void*)&a->high; pointers[6] = (void*)&a->code; pointers[7] = (void*)&a->label_bytes;
    pointers[8] = (void*)&a->target_bytes; pointers[9] = (void*)&a->order; pointers[10] = (void*)&a->at; pointers[11] = (void*)&a->samples;
    pointers[12] = (void*)&a->labels; pointers[13] = (void*)&a->targets; pointers[14] = (void*)&a->out;
    pointers[15] = (void*)&a->out_labels; pointers[16] = (void*)&a->out_targets; pointers[17] = (void*)&a->index;
    pointers[18] = (void*)&a->fault;
}
struct pnn_samples_single_f64_arguments {
    long long batch;
    long long n;
    double gain;
    int both;
    double low;
    double high;
    int code;
    long long label_bytes;
    long long target_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const double* samples; /* (samples, n) */
    const unsigned char* labels; /* (samples, label_bytes) */
    const unsigned char* targets; /* (samples, target_bytes) */
    float* out; /* (batch, n or 2 n) */
    unsigned char* out_labels; /* (batch, label_bytes) */
    unsigned char* out_targets; /* (batch, target_bytes) */
    long long* index; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_samples_single_f64_pointers(struct pnn_samples_single_f64_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->gain; pointers[3] = (void*)&a->both;
    pointers[4] = (void*)&a->low; pointers[5] = (void*)&a->high; pointers[6] = (void*)&a->code; pointers[7] = (void*)&a->label_bytes;
    pointers[8] = (void*)&a->target_bytes; pointers[9] = (void*)&a->order; pointers[10] = (void*)&a->at; pointers[11] = (void*)&a->samples;
    pointers[12] = (void*)&a->labels; pointers[13] = (void*)&a->targets; pointers[14] = (void*)&a->out;
    pointers[15] = (void*)&a->out_labels; pointers[16] = (void*)&a->out_targets; pointers[17] = (void*)&a->index;
    pointers[18] = (void*)&a->fault;
}
struct pnn_samples_double_u8_arguments {
    long long batch;
    long long n;
    double gain;
    int both;
    double low;
    double high;
    int code;
    long long label_bytes;
    long long target_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const unsigned char* samples; /* (samples, n) */
    const unsigned char* labels; /* (samples, label_bytes) */
    const unsigned char* targets; /* (samples, target_bytes) */
    double* out; /* (batch, n or 2 n) */
    unsigned char* out_labels; /* (batch, label_bytes) */
    unsigned char* out_targets; /* (batch, target_bytes) */
    long long* index; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_samples_double_u8_pointers(struct pnn_samples_double_u8_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->gain; pointers[3] = (void*)&a->both;
    pointers[4] = (void*)&a->low; pointers[5] = (void*)&a->high; pointers[6] = (void*)&a->code; pointers[7] = (void*)&a->label_bytes;
    pointers[8] = (void*)&a->target_bytes; pointers[9] = (void*)&a->order; pointers[10] = (void*)&a->at; pointers[11] = (void*)&a->samples;
    pointers[12] = (void*)&a->labels; pointers[13] = (void*)&a->targets; pointers[14] = (void*)&a->out;
    pointers[15] = (void*)&a->out_labels; pointers[16] = (void*)&a->out_targets; pointers[17] = (void*)&a->index;
    pointers[18] = (void*)&a->fault;
}
struct pnn_samples_double_f32_arguments {
    long long batch;
    long long n;
    double gain;
    int both;
    double low;
    double high;
    int code;
    long long label_bytes;
    long long target_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const float* samples; /* (samples, n) */
    const unsigned char* labels; /* (samples, label_bytes) */
    const unsigned char* targets; /* (samples, target_bytes) */
    double* out; /* (batch, n or 2 n) */
    unsigned char* out_labels; /* (batch, label_bytes) */
    unsigned char* out_targets; /* (batch, target_bytes) */
    long long* index; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_samples_double_f32_pointers(struct pnn_samples_double_f32_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->gain; pointers[3] = (void*)&a->both;
    pointers[4] = (void*)&a->low; pointers[5] = (void*)&a->high; pointers[6] = (void*)&a->code; pointers[7] = (void*)&a->label_bytes;
    pointers[8] = (void*)&a->target_bytes; pointers[9] = (void*)&a->order; pointers[10] = (void*)&a->at; pointers[11] = (void*)&a->samples;
    pointers[12] = (void*)&a->labels; pointers[13] = (void*)&a->targets; pointers[14] = (void*)&a->out;
    pointers[15] = (void*)&a->out_labels; pointers[16] = (void*)&a->out_targets; pointers[17] = (void*)&a->index;
    pointers[18] = (void*)&a->fault;
}
struct pnn_samples_double_f64_arguments {
    long long batch;
    long long n;
    double gain;
    int both;
    double low;
    double high;
    int code;
    long long label_bytes;
    long long target_bytes;
    const long long* order; /* (samples) */
    const long long* at; /* (3) */
    const double* samples; /* (samples, n) */
    const unsigned char* labels; /* (samples, label_bytes) */
    const unsigned char* targets; /* (samples, target_bytes) */
    double* out; /* (batch, n or 2 n) */
    unsigned char* out_labels; /* (batch, label_bytes) */
    unsigned char* out_targets; /* (batch, target_bytes) */
    long long* index; /* (batch) */
    int* fault; /* (1) */
};
static inline void pnn_samples_double_f64_pointers(struct pnn_samples_double_f64_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n; pointers[2] = (void*)&a->gain; pointers[3] = (void*)&a->both;
    pointers[4] = (void*)&a->low; pointers[5] = (void*)&a->high; pointers[6] = (void*)&a->code; pointers[7] = (void*)&a->label_bytes;
    pointers[8] = (void*)&a->target_bytes; pointers[9] = (void*)&a->order; pointers[10] = (void*)&a->at; pointers[11] = (void*)&a->samples;
    pointers[12] = (void*)&a->labels; pointers[13] = (void*)&a->targets; pointers[14] = (void*)&a->out;
    pointers[15] = (void*)&a->out_labels; pointers[16] = (void*)&a->out_targets; pointers[17] = (void*)&a->index;
    pointers[18] = (void*)&a->fault;
}
struct pnn_samples_spread_c64_arguments {
    long long batch;
    long long side;
    long long height;
    long long width;
    const float* rows; /* (side, height) */
    const float* columns; /* (side, width) */
    const int* reach; /* (2 side, 2) */
    const float* images; /* (batch, height, width) */
    pnn_complex64* out; /* (batch, side, side) */
};
static inline void pnn_samples_spread_c64_pointers(struct pnn_samples_spread_c64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->side; pointers[2] = (void*)&a->height; pointers[3] = (void*)&a->width;
    pointers[4] = (void*)&a->rows; pointers[5] = (void*)&a->columns; pointers[6] = (void*)&a->reach; pointers[7] = (void*)&a->images;
    pointers[8] = (void*)&a->out;
}
struct pnn_samples_spread_c128_arguments {
    long long batch;
    long long side;
    long long height;
    long long width;
    const double* rows; /* (side, height) */
    const double* columns; /* (side, width) */
    const int* reach; /* (2 side, 2) */
    const double* images; /* (batch, height, width) */
    pnn_complex128* out; /* (batch, side, side) */
};
static inline void pnn_samples_spread_c128_pointers(struct pnn_samples_spread_c128_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->side; pointers[2] = (void*)&a->height; pointers[3] = (void*)&a->width;
    pointers[4] = (void*)&a->rows; pointers[5] = (void*)&a->columns; pointers[6] = (void*)&a->reach; pointers[7] = (void*)&a->images;
    pointers[8] = (void*)&a->out;
}

/* ---- learning/shake.cu */
struct pnn_shake_largest_f32_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const float* p0; /* (sizes) */
    const float* p1; /* (sizes) */
    const float* p2; /* (sizes) */
    const float* p3; /* (sizes) */
    const float* p4; /* (sizes) */
    const float* p5; /* (sizes) */
    const float* p6; /* (sizes) */
    const float* p7; /* (sizes) */
    float* parts; /* (arrays, 64) */
};
static inline void pnn_shake_largest_f32_pointers(struct pnn_shake_largest_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->p0; pointers[3] = (void*)&a->p1;
    pointers[4] = (void*)&a->p2; pointers[5] = (void*)&a->p3; pointers[6] = (void*)&a->p4; pointers[7] = (void*)&a->p5;
    pointers[8] = (void*)&a->p6; pointers[9] = (void*)&a->p7; pointers[10] = (void*)&a->parts;
}
struct pnn_shake_largest_f64_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* p0; /* (sizes) */
    const double* p1; /* (sizes) */
    const double* p2; /* (sizes) */
    const double* p3; /* (sizes) */
    const double* p4; /* (sizes) */
    const double* p5; /* (sizes) */
    const double* p6; /* (sizes) */
    const double* p7; /* (sizes) */
    double* parts; /* (arrays, 64) */
};
static inline void pnn_shake_largest_f64_pointers(struct pnn_shake_largest_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->p0; pointers[3] = (void*)&a->p1;
    pointers[4] = (void*)&a->p2; pointers[5] = (void*)&a->p3; pointers[6] = (void*)&a->p4; pointers[7] = (void*)&a->p5;
    pointers[8] = (void*)&a->p6; pointers[9] = (void*)&a->p7; pointers[10] = (void*)&a->parts;
}
struct pnn_shake_add_f32_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* limits; /* (arrays, 2) */
    double noise;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    const unsigned long long* purposes; /* (arrays) */
    const float* parts; /* (arrays, 64) */
    const float* p0; /* (sizes) */
    const float* p1; /* (sizes) */
    const float* p2; /* (sizes) */
    const float* p3; /* (sizes) */
    const float* p4; /* (sizes) */
    const float* p5; /* (sizes) */
    const float* p6; /* (sizes) */
    const float* p7; /* (sizes) */
    float* out0; /* (sizes) */
    float* out1; /* (sizes) */
    float* out2; /* (sizes) */
    float* out3; /* (sizes) */
    float* out4; /* (sizes) */
    float* out5; /* (sizes) */
    float* out6; /* (sizes) */
    float* out7; /* (sizes) */
};
static inline void pnn_shake_add_f32_pointers(struct pnn_shake_add_f32_arguments* a, void* pointers[25]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->limits; pointers[3] = (void*)&a->noise;
    pointers[4] = (void*)&a->key0; pointers[5] = (void*)&a->key1; pointers[6] = (void*)&a->key; pointers[7] = (void*)&a->purposes;
    pointers[8] = (void*)&a->parts; pointers[9] = (void*)&a->p0; pointers[10] = (void*)&a->p1; pointers[11] = (void*)&a->p2;
    pointers[12] = (void*)&a->p3; pointers[13] = (void*)&a->p4; pointers[14] = (void*)&a->p5; pointers[15] = (void*)&a->p6;
    pointers[16] = (void*)&a->p7; pointers[17] = (void*)&a->out0; pointers[18] = (void*)&a->out1; pointers[19] = (void*)&a->out2;
    pointers[20] = (void*)&a->out3; pointers[21] = (void*)&a->out4; pointers[22] = (void*)&a->out5; pointers[23] = (void*)&a->out6;
    pointers[24] = (void*)&a->out7;
}
struct pnn_shake_add_f64_arguments {
    int arrays;
    const long long* sizes; /* (arrays) */
    const double* limits; /* (arrays, 2) */
    double noise;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    const unsigned long long* purposes; /* (arrays) */
    const double* parts; /* (arrays, 64) */
    const double* p0; /* (sizes) */
    const double* p1; /* (sizes) */
    const double* p2; /* (sizes) */
    const double* p3; /* (sizes) */
    const double* p4; /* (sizes) */
    const double* p5; /* (sizes) */
    const double* p6; /* (sizes) */
    const double* p7; /* (sizes) */
    double* out0; /* (sizes) */
    double* out1; /* (sizes) */
    double* out2; /* (sizes) */
    double* out3; /* (sizes) */
    double* out4; /* (sizes) */
    double* out5; /* (sizes) */
    double* out6; /* (sizes) */
    double* out7; /* (sizes) */
};
static inline void pnn_shake_add_f64_pointers(struct pnn_shake_add_f64_arguments* a, void* pointers[25]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->sizes; pointers[2] = (void*)&a->limits; pointers[3] = (void*)&a->noise;
    pointers[4] = (void*)&a->key0; pointers[5] = (void*)&a->key1; pointers[6] = (void*)&a->key; pointers[7] = (void*)&a->purposes;
    pointers[8] = (void*)&a->parts; pointers[9] = (void*)&a->p0; pointers[10] = (void*)&a->p1; pointers[11] = (void*)&a->p2;
    pointers[12] = (void*)&a->p3; pointers[13] = (void*)&a->p4; pointers[14] = (void*)&a->p5; pointers[15] = (void*)&a->p6;
    pointers[16] = (void*)&a->p7; pointers[17] = (void*)&a->out0; pointers[18] = (void*)&a->out1; pointers[19] = (void*)&a->out2;
    pointers[20] = (void*)&a->out3; pointers[21] = (void*)&a->out4; pointers[22] = (void*)&a->out5; pointers[23] = (void*)&a->out6;
    pointers[24] = (void*)&a->out7;
}

/* ---- learning/shares.cu */
struct pnn_shares_add_f32_arguments {
    long long n;
    const float* s0; /* (n) */
    const float* s1; /* (n) */
    const float* s2; /* (n) */
    const float* s3; /* (n) */
    const float* s4; /* (n) */
    const float* s5; /* (n) */
    const float* s6; /* (n) */
    const float* s7; /* (n) */
    float* out; /* (n) */
};
static inline void pnn_shares_add_f32_pointers(struct pnn_shares_add_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->s0; pointers[2] = (void*)&a->s1; pointers[3] = (void*)&a->s2;
    pointers[4] = (void*)&a->s3; pointers[5] = (void*)&a->s4; pointers[6] = (void*)&a->s5; pointers[7] = (void*)&a->s6;
    pointers[8] = (void*)&a->s7; pointers[9] = (void*)&a->out;
}
struct pnn_shares_add_f64_arguments {
    long long n;
    const double* s0; /* (n) */
    const double* s1; /* (n) */
    const double* s2; /* (n) */
    const double* s3; /* (n) */
    const double* s4; /* (n) */
    const double* s5; /* (n) */
    const double* s6; /* (n) */
    const double* s7; /* (n) */
    double* out; /* (n) */
};
static inline void pnn_shares_add_f64_pointers(struct pnn_shares_add_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->n; pointers[1] = (void*)&a->s0; pointers[2] = (void*)&a->s1; pointers[3] = (void*)&a->s2;
    pointers[4] = (void*)&a->s3; pointers[5] = (void*)&a->s4; pointers[6] = (void*)&a->s5; pointers[7] = (void*)&a->s6;
    pointers[8] = (void*)&a->s7; pointers[9] = (void*)&a->out;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_goodness_pairs_u8(long long n, long long values, long long classes, long long width, double level,
    unsigned key0, unsigned key1, const unsigned* key, const long long* index, const long long* labels, const unsigned char* samples,
    unsigned char* out, long long* numbers);
extern "C" __global__ void pnn_goodness_pairs_f32(long long n, long long values, long long classes, long long width, double level,
    unsigned key0, unsigned key1, const unsigned* key, const long long* index, const long long* labels, const float* samples, float* out,
    long long* numbers);
extern "C" __global__ void pnn_goodness_pairs_f64(long long n, long long values, long long classes, long long width, double level,
    unsigned key0, unsigned key1, const unsigned* key, const long long* index, const long long* labels, const double* samples, double* out,
    long long* numbers);
extern "C" __global__ void pnn_goodness_parts_f32(long long samples, long long values, const float* x, double* goodness, double* parts);
extern "C" __global__ void pnn_goodness_parts_f64(long long samples, long long values, const double* x, double* goodness, double* parts);
extern "C" __global__ void pnn_goodness_learn_f32(long long samples, long long values, int pairs, double sharpness, double memory,
    long long batch, int counts, const float* x, const double* goodness, const double* parts, const double* before, float* cotangent,
    float* level, double* losses, double* ratings, double* threshold);
extern "C" __global__ void pnn_goodness_learn_f64(long long samples, long long values, int pairs, double sharpness, double memory,
    long long batch, int counts, const double* x, const double* goodness, const double* parts, const double* before, double* cotangent,
    double* level, double* losses, double* ratings, double* threshold);
extern "C" __global__ void pnn_goodness_rate_f64(long long samples, long long stages, int pairs, const double* losses, const double* ratings,
    double* sums);
extern "C" __global__ void pnn_losses_judge_f32(long long batch, long long n, int kind, double scale, double high, double low, int hinge,
    const float* outputs, const long long* labels, const double* fractions, float* cotangent, double* sums, int* fault);
extern "C" __global__ void pnn_losses_judge_f64(long long batch, long long n, int kind, double scale, double high, double low, int hinge,
    const double* outputs, const long long* labels, const double* fractions, double* cotangent, double* sums, int* fault);
extern "C" __global__ void pnn_optimizer_adam_f32(int arrays, const long long* sizes, const double* how, double rate, double beta1,
    double beta2, double epsilon, double correction1, double correction2, const double* now, const float* gradient0, const float* gradient1,
    const float* gradient2, const float* gradient3, const float* gradient4, const float* gradient5, const float* gradient6,
    const float* gradient7, float* first0, float* first1, float* first2, float* first3, float* first4, float* first5, float* first6,
    float* first7, float* second0, float* second1, float* second2, float* second3, float* second4, float* second5, float* second6,
    float* second7, float* parameter0, float* parameter1, float* parameter2, float* parameter3, float* parameter4, float* parameter5,
    float* parameter6, float* parameter7);
extern "C" __global__ void pnn_optimizer_adam_f64(int arrays, const long long* sizes, const double* how, double rate, double beta1,
    double beta2, double epsilon, double correction1, double correction2, const double* now, const double* gradient0,
    const double* gradient1, const double* gradient2, const double* gradient3, const double* gradient4, const double* gradient5,
    const double* gradient6, const double* gradient7, double* first0, double* first1, double* first2, double* first3, double* first4,
    double* first5, double* first6, double* first7, double* second0, double* second1, double* second2, double* second3, double* second4,
    double* second5, double* second6, double* second7, double* parameter0, double* parameter1, double* parameter2, double* parameter3,
    double* parameter4, double* parameter5, double* parameter6, double* parameter7);
extern "C" __global__ void pnn_optimizer_sgd_f32(int arrays, const long long* sizes, const double* how, double rate, double momentum,
    const double* now, const float* gradient0, const float* gradient1, const float* gradient2, const float* gradient3,
    const float* gradient4, const float* gradient5, const float* gradient6, const float* gradient7, float* velocity0, float* velocity1,
    float* velocity2, float* velocity3, float* velocity4, float* velocity5, float* velocity6, float* velocity7, float* parameter0,
    float* parameter1, float* parameter2, float* parameter3, float* parameter4, float* parameter5, float* parameter6, float* parameter7);
extern "C" __global__ void pnn_optimizer_sgd_f64(int arrays, const long long* sizes, const double* how, double rate, double momentum,
    const double* now, const double* gradient0, const double* gradient1, const double* gradient2, const double* gradient3,
    const double* gradient4, const double* gradient5, const double* gradient6, const double* gradient7, double* velocity0, double* velocity1,
    double* velocity2, double* velocity3, double* velocity4, double* velocity5, double* velocity6, double* velocity7, double* parameter0,
    double* parameter1, double* parameter2, double* parameter3, double* parameter4, double* parameter5, double* parameter6,
    double* parameter7);
extern "C" __global__ void pnn_readout_moments_f32(long long samples, long long features, long long outputs, const float* x,
    const long long* labels, const double* targets, double* gram, double* cross);
extern "C" __global__ void pnn_readout_moments_f64(long long samples, long long features, long long outputs, const double* x,
    const long long* labels, const double* targets, double* gram, double* cross);
extern "C" __global__ void pnn_readout_scores_f32(long long samples, long long features, long long outputs, const float* x,
    const double* weights, double* out);
extern "C" __global__ void pnn_readout_scores_f64(long long samples, long long features, long long outputs, const double* x,
    const double* weights, double* out);
extern "C" __global__ void pnn_readout_begin_f64(long long size, long long outputs, double ridge, const double* gram, const double* cross,
    double* a, double* rhs, double* inverses, int* fault);
extern "C" __global__ void pnn_readout_panel_f64(long long size, long long outputs, long long panel, const double* gram, double* a,
    double* rhs, double* inverses, double* weights, int* fault);
extern "C" __global__ void pnn_samples_gather_u8(long long count, long long bytes, long long label_bytes, const long long* order,
    const long long* at, const unsigned char* rows, const unsigned char* labels, unsigned char* out, unsigned char* out_labels,
    long long* index);
extern "C" __global__ void pnn_samples_advance_f64(long long count, long long steps, long long columns, long long slots, const double* known,
    const double* loss, const double* rating, long long* at, double* now, double* found, int keys, int width, unsigned key0, unsigned key1,
    const unsigned long long* paths, unsigned* key);
extern "C" __global__ void pnn_samples_single_u8(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* order, const long long* at, const unsigned char* samples,
    const unsigned char* labels, const unsigned char* targets, float* out, unsigned char* out_labels, unsigned char* out_targets,
    long long* index, int* fault);
extern "C" __global__ void pnn_samples_single_f32(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* order, const long long* at, const float* samples,
    const unsigned char* labels, const unsigned char* targets, float* out, unsigned char* out_labels, unsigned char* out_targets,
    long long* index, int* fault);
extern "C" __global__ void pnn_samples_single_f64(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* order, const long long* at, const double* samples,
    const unsigned char* labels, const unsigned char* targets, float* out, unsigned char* out_labels, unsigned char* out_targets,
    long long* index, int* fault);
extern "C" __global__ void pnn_samples_double_u8(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* order, const long long* at, const unsigned char* samples,
    const unsigned char* labels, const unsigned char* targets, double* out, unsigned char* out_labels, unsigned char* out_targets,
    long long* index, int* fault);
extern "C" __global__ void pnn_samples_double_f32(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* order, const long long* at, const float* samples,
    const unsigned char* labels, const unsigned char* targets, double* out, unsigned char* out_labels, unsigned char* out_targets,
    long long* index, int* fault);
extern "C" __global__ void pnn_samples_double_f64(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* order, const long long* at, const double* samples,
    const unsigned char* labels, const unsigned char* targets, double* out, unsigned char* out_labels, unsigned char* out_targets,
    long long* index, int* fault);
extern "C" __global__ void pnn_samples_spread_c64(long long batch, long long side, long long height, long long width, const float* rows,
    const float* columns, const int* reach, const float* images, pnn::complex<float>* out);
extern "C" __global__ void pnn_samples_spread_c128(long long batch, long long side, long long height, long long width, const double* rows,
    const double* columns, const int* reach, const double* images, pnn::complex<double>* out);
extern "C" __global__ void pnn_shake_largest_f32(int arrays, const long long* sizes, const float* p0, const float* p1, const float* p2,
    const float* p3, const float* p4, const float* p5, const float* p6, const float* p7, float* parts);
extern "C" __global__ void pnn_shake_largest_f64(int arrays, const long long* sizes, const double* p0, const double* p1, const double* p2,
    const double* p3, const double* p4, const double* p5, const double* p6, const double* p7, double* parts);
extern "C" __global__ void pnn_shake_add_f32(int arrays, const long long* sizes, const double* limits, double noise, unsigned key0,
    unsigned key1, const unsigned* key, const unsigned long long* purposes, const float* parts, const float* p0, const float* p1,
    const float* p2, const float* p3, const float* p4, const float* p5, const float* p6, const float* p7, float* out0, float* out1,
    float* out2, float* out3, float* out4, float* out5, float* out6, float* out7);
extern "C" __global__ void pnn_shake_add_f64(int arrays, const long long* sizes, const double* limits, double noise, unsigned key0,
    unsigned key1, const unsigned* key, const unsigned long long* purposes, const double* parts, const double* p0, const double* p1,
    const double* p2, const double* p3, const double* p4, const double* p5, const double* p6, const double* p7, double* out0, double* out1,
    double* out2, double* out3, double* out4, double* out5, double* out6, double* out7);
extern "C" __global__ void pnn_shares_add_f32(long long n, const float* s0, const float* s1, const float* s2, const float* s3,
    const float* s4, const float* s5, const float* s6, const float* s7, float* out);
extern "C" __global__ void pnn_shares_add_f64(long long n, const double* s0, const double* s1, const double* s2, const double* s3,
    const double* s4, const double* s5, const double* s6, const double* s7, double* out);
#endif

#endif
