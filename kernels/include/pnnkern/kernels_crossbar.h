/* Kernels of crossbar: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_CROSSBAR_H
#define PNN_KERNELS_CROSSBAR_H
#include "pnnkern/kernel_types.h"


/* ---- crossbar/characteristic.cu */
struct pnn_characteristic_linear_f32_arguments {
    long long cells;
    long long reads;
    long long sets;
    const float* constants; /* (constants) */
    const float* g; /* (cells, sets) [S] */
    const float* v; /* (cells, reads) [V] */
    float* slope; /* (cells, reads) */
    float* slopes; /* (cells, reads) [S] */
    float* known; /* (cells, reads) [A] */
};
static inline void pnn_characteristic_linear_f32_pointers(struct pnn_characteristic_linear_f32_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->reads; pointers[2] = (void*)&a->sets; pointers[3] = (void*)&a->constants;
    pointers[4] = (void*)&a->g; pointers[5] = (void*)&a->v; pointers[6] = (void*)&a->slope; pointers[7] = (void*)&a->slopes;
    pointers[8] = (void*)&a->known;
}
struct pnn_characteristic_linear_f64_arguments {
    long long cells;
    long long reads;
    long long sets;
    const double* constants; /* (constants) */
    const double* g; /* (cells, sets) [S] */
    const double* v; /* (cells, reads) [V] */
    double* slope; /* (cells, reads) */
    double* slopes; /* (cells, reads) [S] */
    double* known; /* (cells, reads) [A] */
};
static inline void pnn_characteristic_linear_f64_pointers(struct pnn_characteristic_linear_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->reads; pointers[2] = (void*)&a->sets; pointers[3] = (void*)&a->constants;
    pointers[4] = (void*)&a->g; pointers[5] = (void*)&a->v; pointers[6] = (void*)&a->slope; pointers[7] = (void*)&a->slopes;
    pointers[8] = (void*)&a->known;
}
struct pnn_characteristic_tried_f32_arguments {
    long long cells;
    long long reads;
    long long sets;
    const float* constants; /* (constants) */
    const float* g; /* (cells, sets) [S] */
    const float* slope; /* (cells, reads) */
    const float* part; /* (reads) */
    const float* word; /* (cells, reads) [V] */
    const float* to_word; /* (cells, reads) [V] */
    const float* bit; /* (cells, reads) [V] */
    const float* to_bit; /* (cells, reads) [V] */
    const float* current; /* (cells, reads) [A] */
    const float* to_current; /* (cells, reads) [A] */
    float* w; /* (cells, reads) [V] */
    float* u; /* (cells, reads) [V] */
    float* j; /* (cells, reads) [A] */
    float* off; /* (cells, reads) [A] */
    float* growth; /* (cells, reads) */
};
static inline void pnn_characteristic_tried_f32_pointers(struct pnn_characteristic_tried_f32_arguments* a, void* pointers[18]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->reads; pointers[2] = (void*)&a->sets; pointers[3] = (void*)&a->constants;
    pointers[4] = (void*)&a->g; pointers[5] = (void*)&a->slope; pointers[6] = (void*)&a->part; pointers[7] = (void*)&a->word;
    pointers[8] = (void*)&a->to_word; pointers[9] = (void*)&a->bit; pointers[10] = (void*)&a->to_bit; pointers[11] = (void*)&a->current;
    pointers[12] = (void*)&a->to_current; pointers[13] = (void*)&a->w; pointers[14] = (void*)&a->u; pointers[15] = (void*)&a->j;
    pointers[16] = (void*)&a->off; pointers[17] = (void*)&a->growth;
}
struct pnn_characteristic_tried_f64_arguments {
    long long cells;
    long long reads;
    long long sets;
    const double* constants; /* (constants) */
    const double* g; /* (cells, sets) [S] */
    const double* slope; /* (cells, reads) */
    const double* part; /* (reads) */
    const double* word; /* (cells, reads) [V] */
    const double* to_word; /* (cells, reads) [V] */
    const double* bit; /* (cells, reads) [V] */
    const double* to_bit; /* (cells, reads) [V] */
    const double* current; /* (cells, reads) [A] */
    const double* to_current; /* (cells, reads) [A] */
    double* w; /* (cells, reads) [V] */
    double* u; /* (cells, reads) [V] */
    double* j; /* (cells, reads) [A] */
    double* off; /* (cells, reads) [A] */
    double* growth; /* (cells, reads) */
};
static inline void pnn_characteristic_tried_f64_pointers(struct pnn_characteristic_tried_f64_arguments* a, void* pointers[18]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->reads; pointers[2] = (void*)&a->sets; pointers[3] = (void*)&a->constants;
    pointers[4] = (void*)&a->g; pointers[5] = (void*)&a->slope; pointers[6] = (void*)&a->part; pointers[7] = (void*)&a->word;
    pointers[8] = (void*)&a->to_word; pointers[9] = (void*)&a->bit; pointers[10] = (void*)&a->to_bit; pointers[11] = (void*)&a->current;
    pointers[12] = (void*)&a->to_current; pointers[13] = (void*)&a->w; pointers[14] = (void*)&a->u; pointers[15] = (void*)&a->j;
    pointers[16] = (void*)&a->off; pointers[17] = (void*)&a->growth;
}

/* ---- crossbar/join.cu */
struct pnn_join_small_f32_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const float* leaves; /* (arrays, leaf_each) [S] */
    const float* below; /* (arrays, below_each) [S] */
    float* above; /* (arrays, above_each) [S] */
    float* weights; /* (arrays, rows_each) */
};
static inline void pnn_join_small_f32_pointers(struct pnn_join_small_f32_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->joins; pointers[7] = (void*)&a->ports; pointers[8] = (void*)&a->leaves; pointers[9] = (void*)&a->below;
    pointers[10] = (void*)&a->above; pointers[11] = (void*)&a->weights;
}
struct pnn_join_lay_f32_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long rows_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* leaves; /* (arrays, leaf_each) [S] */
    const float* below; /* (arrays, below_each) [S] */
    float* rows; /* (arrays, rows_each) [S] */
};
static inline void pnn_join_lay_f32_pointers(struct pnn_join_lay_f32_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->rows_each; pointers[5] = (void*)&a->start; pointers[6] = (void*)&a->most;
    pointers[7] = (void*)&a->joins; pointers[8] = (void*)&a->ports; pointers[9] = (void*)&a->tasks; pointers[10] = (void*)&a->leaves;
    pointers[11] = (void*)&a->below; pointers[12] = (void*)&a->rows;
}
struct pnn_join_eliminate_f32_arguments {
    long long arrays;
    long long count;
    long long rows_each;
    long long start;
    long long most;
    long long strip;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* rows; /* (arrays, rows_each) [S] */
    float* done; /* (arrays, rows_each) */
    float* weights; /* (arrays, rows_each) */
};
static inline void pnn_join_eliminate_f32_pointers(struct pnn_join_eliminate_f32_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->rows_each; pointers[3] = (void*)&a->start;
    pointers[4] = (void*)&a->most; pointers[5] = (void*)&a->strip; pointers[6] = (void*)&a->joins; pointers[7] = (void*)&a->ports;
    pointers[8] = (void*)&a->tasks; pointers[9] = (void*)&a->rows; pointers[10] = (void*)&a->done; pointers[11] = (void*)&a->weights;
}
struct pnn_join_update_f32_arguments {
    long long arrays;
    long long count;
    long long rows_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* done; /* (arrays, rows_each) */
    float* rows; /* (arrays, rows_each) [S] */
};
static inline void pnn_join_update_f32_pointers(struct pnn_join_update_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->rows_each; pointers[3] = (void*)&a->start;
    pointers[4] = (void*)&a->most; pointers[5] = (void*)&a->joins; pointers[6] = (void*)&a->ports; pointers[7] = (void*)&a->tasks;
    pointers[8] = (void*)&a->done; pointers[9] = (void*)&a->rows;
}
struct pnn_join_couple_f32_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    long long n_in;
    long long n_out;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* leaves; /* (arrays, leaf_each) [S] */
    const float* below; /* (arrays, below_each) [S] */
    const float* done; /* (arrays, rows_each) */
    float* above; /* (arrays, above_each) [S] */
};
static inline void pnn_join_couple_f32_pointers(struct pnn_join_couple_f32_arguments* a, void* pointers[15]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->n_in; pointers[7] = (void*)&a->n_out; pointers[8] = (void*)&a->joins; pointers[9] = (void*)&a->ports;
    pointers[10] = (void*)&a->tasks; pointers[11] = (void*)&a->leaves; pointers[12] = (void*)&a->below; pointers[13] = (void*)&a->done;
    pointers[14] = (void*)&a->above;
}
struct pnn_join_turn_f32_arguments {
    long long arrays;
    long long count;
    long long above_each;
    long long rows_each;
    long long whole_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* weights; /* (arrays, rows_each) */
    const float* above; /* (arrays, above_each) */
    const float* whole; /* (arrays, whole_each) */
    float* turned; /* (arrays, rows_each) */
};
static inline void pnn_join_turn_f32_pointers(struct pnn_join_turn_f32_arguments* a, void* pointers[14]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->above_each;
    pointers[3] = (void*)&a->rows_each; pointers[4] = (void*)&a->whole_each; pointers[5] = (void*)&a->start; pointers[6] = (void*)&a->most;
    pointers[7] = (void*)&a->joins; pointers[8] = (void*)&a->ports; pointers[9] = (void*)&a->tasks; pointers[10] = (void*)&a->weights;
    pointers[11] = (void*)&a->above; pointers[12] = (void*)&a->whole; pointers[13] = (void*)&a->turned;
}
struct pnn_join_split_f32_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    long long whole_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* weights; /* (arrays, rows_each) */
    const float* above; /* (arrays, above_each) */
    const float* whole; /* (arrays, whole_each) */
    const float* turned; /* (arrays, rows_each) */
    float* out; /* (arrays, whole_each) */
    float* leaves; /* (arrays, leaf_each) */
    float* below; /* (arrays, below_each) */
};
static inline void pnn_join_split_f32_pointers(struct pnn_join_split_f32_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->whole_each; pointers[7] = (void*)&a->start; pointers[8] = (void*)&a->most; pointers[9] = (void*)&a->joins;
    pointers[10] = (void*)&a->ports; pointers[11] = (void*)&a->tasks; pointers[12] = (void*)&a->weights; pointers[13] = (void*)&a->above;
    pointers[14] = (void*)&a->whole; pointers[15] = (void*)&a->turned; pointers[16] = (void*)&a->out; pointers[17] = (void*)&a->leaves;
    pointers[18] = (void*)&a->below;
}
struct pnn_join_voltages_f32_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    long long whole_each;
    long long start;
    long long most;
    long long q;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const float* weights; /* (arrays, rows_each) */
    const float* above; /* (arrays, above lines, q) [V] */
    const float* whole; /* (arrays, whole lines, q) [V] */
    float* out; /* (arrays, whole lines, q) [V] */
    float* leaves; /* (arrays, leaf lines, q) [V] */
    float* below; /* (arrays, below lines, q) [V] */
};
static inline void pnn_join_voltages_f32_pointers(struct pnn_join_voltages_f32_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->whole_each; pointers[7] = (void*)&a->start; pointers[8] = (void*)&a->most; pointers[9] = (void*)&a->q;
    pointers[10] = (void*)&a->joins; pointers[11] = (void*)&a->ports; pointers[12] = (void*)&a->tasks; pointers[13] = (void*)&a->weights;
    pointers[14] = (void*)&a->above; pointers[15] = (void*)&a->whole; pointers[16] = (void*)&a->out; pointers[17] = (void*)&a->leaves;
    pointers[18] = (void*)&a->below;
}
struct pnn_join_small_f64_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const double* leaves; /* (arrays, leaf_each) [S] */
    const double* below; /* (arrays, below_each) [S] */
    double* above; /* (arrays, above_each) [S] */
    double* weights; /* (arrays, rows_each) */
};
static inline void pnn_join_small_f64_pointers(struct pnn_join_small_f64_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->joins; pointers[7] = (void*)&a->ports; pointers[8] = (void*)&a->leaves; pointers[9] = (void*)&a->below;
    pointers[10] = (void*)&a->above; pointers[11] = (void*)&a->weights;
}
struct pnn_join_lay_f64_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long rows_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* leaves; /* (arrays, leaf_each) [S] */
    const double* below; /* (arrays, below_each) [S] */
    double* rows; /* (arrays, rows_each) [S] */
};
static inline void pnn_join_lay_f64_pointers(struct pnn_join_lay_f64_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->rows_each; pointers[5] = (void*)&a->start; pointers[6] = (void*)&a->most;
    pointers[7] = (void*)&a->joins; pointers[8] = (void*)&a->ports; pointers[9] = (void*)&a->tasks; pointers[10] = (void*)&a->leaves;
    pointers[11] = (void*)&a->below; pointers[12] = (void*)&a->rows;
}
struct pnn_join_eliminate_f64_arguments {
    long long arrays;
    long long count;
    long long rows_each;
    long long start;
    long long most;
    long long strip;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* rows; /* (arrays, rows_each) [S] */
    double* done; /* (arrays, rows_each) */
    double* weights; /* (arrays, rows_each) */
};
static inline void pnn_join_eliminate_f64_pointers(struct pnn_join_eliminate_f64_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->rows_each; pointers[3] = (void*)&a->start;
    pointers[4] = (void*)&a->most; pointers[5] = (void*)&a->strip; pointers[6] = (void*)&a->joins; pointers[7] = (void*)&a->ports;
    pointers[8] = (void*)&a->tasks; pointers[9] = (void*)&a->rows; pointers[10] = (void*)&a->done; pointers[11] = (void*)&a->weights;
}
struct pnn_join_update_f64_arguments {
    long long arrays;
    long long count;
    long long rows_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* done; /* (arrays, rows_each) */
    double* rows; /* (arrays, rows_each) [S] */
};
static inline void pnn_join_update_f64_pointers(struct pnn_join_update_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->rows_each; pointers[3] = (void*)&a->start;
    pointers[4] = (void*)&a->most; pointers[5] = (void*)&a->joins; pointers[6] = (void*)&a->ports; pointers[7] = (void*)&a->tasks;
    pointers[8] = (void*)&a->done; pointers[9] = (void*)&a->rows;
}
struct pnn_join_couple_f64_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    long long n_in;
    long long n_out;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* leaves; /* (arrays, leaf_each) [S] */
    const double* below; /* (arrays, below_each) [S] */
    const double* done; /* (arrays, rows_each) */
    double* above; /* (arrays, above_each) [S] */
};
static inline void pnn_join_couple_f64_pointers(struct pnn_join_couple_f64_arguments* a, void* pointers[15]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->n_in; pointers[7] = (void*)&a->n_out; pointers[8] = (void*)&a->joins; pointers[9] = (void*)&a->ports;
    pointers[10] = (void*)&a->tasks; pointers[11] = (void*)&a->leaves; pointers[12] = (void*)&a->below; pointers[13] = (void*)&a->done;
    pointers[14] = (void*)&a->above;
}
struct pnn_join_turn_f64_arguments {
    long long arrays;
    long long count;
    long long above_each;
    long long rows_each;
    long long whole_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* weights; /* (arrays, rows_each) */
    const double* above; /* (arrays, above_each) */
    const double* whole; /* (arrays, whole_each) */
    double* turned; /* (arrays, rows_each) */
};
static inline void pnn_join_turn_f64_pointers(struct pnn_join_turn_f64_arguments* a, void* pointers[14]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->above_each;
    pointers[3] = (void*)&a->rows_each; pointers[4] = (void*)&a->whole_each; pointers[5] = (void*)&a->start; pointers[6] = (void*)&a->most;
    pointers[7] = (void*)&a->joins; pointers[8] = (void*)&a->ports; pointers[9] = (void*)&a->tasks; pointers[10] = (void*)&a->weights;
    pointers[11] = (void*)&a->above; pointers[12] = (void*)&a->whole; pointers[13] = (void*)&a->turned;
}
struct pnn_join_split_f64_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    long long whole_each;
    long long start;
    long long most;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* weights; /* (arrays, rows_each) */
    const double* above; /* (arrays, above_each) */
    const double* whole; /* (arrays, whole_each) */
    const double* turned; /* (arrays, rows_each) */
    double* out; /* (arrays, whole_each) */
    double* leaves; /* (arrays, leaf_each) */
    double* below; /* (arrays, below_each) */
};
static inline void pnn_join_split_f64_pointers(struct pnn_join_split_f64_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->whole_each; pointers[7] = (void*)&a->start; pointers[8] = (void*)&a->most; pointers[9] = (void*)&a->joins;
    pointers[10] = (void*)&a->ports; pointers[11] = (void*)&a->tasks; pointers[12] = (void*)&a->weights; pointers[13] = (void*)&a->above;
    pointers[14] = (void*)&a->whole; pointers[15] = (void*)&a->turned; pointers[16] = (void*)&a->out; pointers[17] = (void*)&a->leaves;
    pointers[18] = (void*)&a->below;
}
struct pnn_join_voltages_f64_arguments {
    long long arrays;
    long long count;
    long long leaf_each;
    long long below_each;
    long long above_each;
    long long rows_each;
    long long whole_each;
    long long start;
    long long most;
    long long q;
    const long long* joins; /* (pairs, 14) */
    const long long* ports; /* (numbers) */
    const long long* tasks; /* (count, 3) */
    const double* weights; /* (arrays, rows_each) */
    const double* above; /* (arrays, above lines, q) [V] */
    const double* whole; /* (arrays, whole lines, q) [V] */
    double* out; /* (arrays, whole lines, q) [V] */
    double* leaves; /* (arrays, leaf lines, q) [V] */
    double* below; /* (arrays, below lines, q) [V] */
};
static inline void pnn_join_voltages_f64_pointers(struct pnn_join_voltages_f64_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->count; pointers[2] = (void*)&a->leaf_each;
    pointers[3] = (void*)&a->below_each; pointers[4] = (void*)&a->above_each; pointers[5] = (void*)&a->rows_each;
    pointers[6] = (void*)&a->whole_each; pointers[7] = (void*)&a->start; pointers[8] = (void*)&a->most; pointers[9] = (void*)&a->q;
    pointers[10] = (void*)&a->joins; pointers[11] = (void*)&a->ports; pointers[12] = (void*)&a->tasks; pointers[13] = (void*)&a->weights;
    pointers[14] = (void*)&a->above; pointers[15] = (void*)&a->whole; pointers[16] = (void*)&a->out; pointers[17] = (void*)&a->leaves;
    pointers[18] = (void*)&a->below;
}

/* ---- crossbar/ladder.cu */
struct pnn_ladder_factor_f32_arguments {
    long long lines;
    long long cells;
    long long sets;
    long long first;
    long long line_stride;
    long long cell_stride;
    const float* wire; /* (cells) [S] */
    const float* cell; /* (n_in, n_out, sets) [S] */
    float* ratio; /* (n_in, n_out, sets) */
    float* inverse; /* (n_in, n_out, sets) [ohm] */
};
static inline void pnn_ladder_factor_f32_pointers(struct pnn_ladder_factor_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->lines; pointers[1] = (void*)&a->cells; pointers[2] = (void*)&a->sets; pointers[3] = (void*)&a->first;
    pointers[4] = (void*)&a->line_stride; pointers[5] = (void*)&a->cell_stride; pointers[6] = (void*)&a->wire;
    pointers[7] = (void*)&a->cell; pointers[8] = (void*)&a->ratio; pointers[9] = (void*)&a->inverse;
}
struct pnn_ladder_sweep_f32_arguments {
    long long lines;
    long long cells;
    long long rhs;
    int own;
    long long first;
    long long line_stride;
    long long cell_stride;
    const float* ratio; /* (n_in, n_out, sets) */
    const float* inverse; /* (n_in, n_out, sets) [ohm] */
    const float* f; /* (n_in, n_out, rhs) [A] */
    float* x; /* (n_in, n_out, rhs) [V] */
};
static inline void pnn_ladder_sweep_f32_pointers(struct pnn_ladder_sweep_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->lines; pointers[1] = (void*)&a->cells; pointers[2] = (void*)&a->rhs; pointers[3] = (void*)&a->own;
    pointers[4] = (void*)&a->first; pointers[5] = (void*)&a->line_stride; pointers[6] = (void*)&a->cell_stride;
    pointers[7] = (void*)&a->ratio; pointers[8] = (void*)&a->inverse; pointers[9] = (void*)&a->f; pointers[10] = (void*)&a->x;
}
struct pnn_ladder_scan_f32_arguments {
    long long lines;
    long long cells;
    long long rhs;
    int own;
    long long first;
    long long line_stride;
    long long cell_stride;
    const float* ratio; /* (n_in, n_out, sets) */
    const float* inverse; /* (n_in, n_out, sets) [ohm] */
    const float* f; /* (n_in, n_out, rhs) [A] */
    float* x; /* (n_in, n_out, rhs) [V] */
};
static inline void pnn_ladder_scan_f32_pointers(struct pnn_ladder_scan_f32_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->lines; pointers[1] = (void*)&a->cells; pointers[2] = (void*)&a->rhs; pointers[3] = (void*)&a->own;
    pointers[4] = (void*)&a->first; pointers[5] = (void*)&a->line_stride; pointers[6] = (void*)&a->cell_stride;
    pointers[7] = (void*)&a->ratio; pointers[8] = (void*)&a->inverse; pointers[9] = (void*)&a->f; pointers[10] = (void*)&a->x;
}
struct pnn_ladder_factor_f64_arguments {
    long long lines;
    long long cells;
    long long sets;
    long long first;
    long long line_stride;
    long long cell_stride;
    const double* wire; /* (cells) [S] */
    const double* cell; /* (n_in, n_out, sets) [S] */
    double* ratio; /* (n_in, n_out, sets) */
    double* inverse; /* (n_in, n_out, sets) [ohm] */
};
static inline void pnn_ladder_factor_f64_pointers(struct pnn_ladder_factor_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->lines; pointers[1] = (void*)&a->cells; pointers[2] = (void*)&a->sets; pointers[3] = (void*)&a->first;
    pointers[4] = (void*)&a->line_stride; pointers[5] = (void*)&a->cell_stride; pointers[6] = (void*)&a->wire;
    pointers[7] = (void*)&a->cell; pointers[8] = (void*)&a->ratio; pointers[9] = (void*)&a->inverse;
}
struct pnn_ladder_sweep_f64_arguments {
    long long lines;
    long long cells;
    long long rhs;
    int own;
    long long first;
    long long line_stride;
    long long cell_stride;
    const double* ratio; /* (n_in, n_out, sets) */
    const double* inverse; /* (n_in, n_out, sets) [ohm] */
    const double* f; /* (n_in, n_out, rhs) [A] */
    double* x; /* (n_in, n_out, rhs) [V] */
};
static inline void pnn_ladder_sweep_f64_pointers(struct pnn_ladder_sweep_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->lines; pointers[1] = (void*)&a->cells; pointers[2] = (void*)&a->rhs; pointers[3] = (void*)&a->own;
    pointers[4] = (void*)&a->first; pointers[5] = (void*)&a->line_stride; pointers[6] = (void*)&a->cell_stride;
    pointers[7] = (void*)&a->ratio; pointers[8] = (void*)&a->inverse; pointers[9] = (void*)&a->f; pointers[10] = (void*)&a->x;
}
struct pnn_ladder_scan_f64_arguments {
    long long lines;
    long long cells;
    long long rhs;
    int own;
    long long first;
    long long line_stride;
    long long cell_stride;
    const double* ratio; /* (n_in, n_out, sets) */
    const double* inverse; /* (n_in, n_out, sets) [ohm] */
    const double* f; /* (n_in, n_out, rhs) [A] */
    double* x; /* (n_in, n_out, rhs) [V] */
};
static inline void pnn_ladder_scan_f64_pointers(struct pnn_ladder_scan_f64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->lines; pointers[1] = (void*)&a->cells; pointers[2] = (void*)&a->rhs; pointers[3] = (void*)&a->own;
    pointers[4] = (void*)&a->first; pointers[5] = (void*)&a->line_stride; pointers[6] = (void*)&a->cell_stride;
    pointers[7] = (void*)&a->ratio; pointers[8] = (void*)&a->inverse; pointers[9] = (void*)&a->f; pointers[10] = (void*)&a->x;
}

/* ---- crossbar/noise.cu */
struct pnn_noise_mvm_f32_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int kind;
    float p;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long quad0;
    long long sample0;
    const long long* index; /* (batch) */
    const float* v; /* (batch, n_in) [V] */
    const float* g; /* (n_in, n_out) [S] */
    const float* a; /* (n_in, n_out) [S] */
    float* out; /* (batch, n_out) [A] */
};
static inline void pnn_noise_mvm_f32_pointers(struct pnn_noise_mvm_f32_arguments* a, void* pointers[15]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->kind;
    pointers[4] = (void*)&a->p; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->quad0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->v;
    pointers[12] = (void*)&a->g; pointers[13] = (void*)&a->a; pointers[14] = (void*)&a->out;
}
struct pnn_noise_mvm_f64_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int kind;
    double p;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long quad0;
    long long sample0;
    const long long* index; /* (batch) */
    const double* v; /* (batch, n_in) [V] */
    const double* g; /* (n_in, n_out) [S] */
    const double* a; /* (n_in, n_out) [S] */
    double* out; /* (batch, n_out) [A] */
};
static inline void pnn_noise_mvm_f64_pointers(struct pnn_noise_mvm_f64_arguments* a, void* pointers[15]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->kind;
    pointers[4] = (void*)&a->p; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->quad0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->v;
    pointers[12] = (void*)&a->g; pointers[13] = (void*)&a->a; pointers[14] = (void*)&a->out;
}
struct pnn_noise_vjp_v_f32_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int kind;
    float p;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long quad0;
    long long sample0;
    const long long* index; /* (batch) */
    const float* cotangent; /* (batch, n_out) */
    const float* g; /* (n_in, n_out) [S] */
    const float* a; /* (n_in, n_out) [S] */
    float* out; /* (batch, n_in) */
};
static inline void pnn_noise_vjp_v_f32_pointers(struct pnn_noise_vjp_v_f32_arguments* a, void* pointers[15]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->kind;
    pointers[4] = (void*)&a->p; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->quad0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->cotangent;
    pointers[12] = (void*)&a->g; pointers[13] = (void*)&a->a; pointers[14] = (void*)&a->out;
}
struct pnn_noise_vjp_v_f64_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int kind;
    double p;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long quad0;
    long long sample0;
    const long long* index; /* (batch) */
    const double* cotangent; /* (batch, n_out) */
    const double* g; /* (n_in, n_out) [S] */
    const double* a; /* (n_in, n_out) [S] */
    double* out; /* (batch, n_in) */
};
static inline void pnn_noise_vjp_v_f64_pointers(struct pnn_noise_vjp_v_f64_arguments* a, void* pointers[15]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->kind;
    pointers[4] = (void*)&a->p; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->quad0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->cotangent;
    pointers[12] = (void*)&a->g; pointers[13] = (void*)&a->a; pointers[14] = (void*)&a->out;
}
struct pnn_noise_vjp_g_f32_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int kind;
    float p;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long quad0;
    long long sample0;
    const long long* index; /* (batch) */
    const float* v; /* (batch, n_in) [V] */
    const float* cotangent; /* (batch, n_out) */
    const float* g; /* (n_in, n_out) [S] */
    const float* a; /* (n_in, n_out) [S] */
    const float* da; /* (n_in, n_out) */
    float* out; /* (n_in, n_out) */
};
static inline void pnn_noise_vjp_g_f32_pointers(struct pnn_noise_vjp_g_f32_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->kind;
    pointers[4] = (void*)&a->p; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->quad0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->v;
    pointers[12] = (void*)&a->cotangent; pointers[13] = (void*)&a->g; pointers[14] = (void*)&a->a; pointers[15] = (void*)&a->da;
    pointers[16] = (void*)&a->out;
}
struct pnn_noise_vjp_g_f64_arguments {
    long long batch;
    long long n_in;
    long long n_out;
    int kind;
    double p;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long quad0;
    long long sample0;
    const long long* index; /* (batch) */
    const double* v; /* (batch, n_in) [V] */
    const double* cotangent; /* (batch, n_out) */
    const double* g; /* (n_in, n_out) [S] */
    const double* a; /* (n_in, n_out) [S] */
    const double* da; /* (n_in, n_out) */
    double* out; /* (n_in, n_out) */
};
static inline void pnn_noise_vjp_g_f64_pointers(struct pnn_noise_vjp_g_f64_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->kind;
    pointers[4] = (void*)&a->p; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->quad0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->v;
    pointers[12] = (void*)&a->cotangent; pointers[13] = (void*)&a->g; pointers[14] = (void*)&a->a; pointers[15] = (void*)&a->da;
    pointers[16] = (void*)&a->out;
}

/* ---- crossbar/program.cu */
struct pnn_program_perturb_f32_arguments {
    long long cells;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample;
    const float* sigma; /* (cells) [S] */
    const float* g; /* (cells) [S] */
    float* out; /* (cells) [S] */
};
static inline void pnn_program_perturb_f32_pointers(struct pnn_program_perturb_f32_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->key0; pointers[2] = (void*)&a->key1; pointers[3] = (void*)&a->key;
    pointers[4] = (void*)&a->sample; pointers[5] = (void*)&a->sigma; pointers[6] = (void*)&a->g; pointers[7] = (void*)&a->out;
}
struct pnn_program_perturb_f64_arguments {
    long long cells;
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long sample;
    const double* sigma; /* (cells) [S] */
    const double* g; /* (cells) [S] */
    double* out; /* (cells) [S] */
};
static inline void pnn_program_perturb_f64_pointers(struct pnn_program_perturb_f64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->key0; pointers[2] = (void*)&a->key1; pointers[3] = (void*)&a->key;
    pointers[4] = (void*)&a->sample; pointers[5] = (void*)&a->sigma; pointers[6] = (void*)&a->g; pointers[7] = (void*)&a->out;
}
struct pnn_program_drift_f32_arguments {
    long long cells;
    unsigned key0;
    unsigned key1;
    long long sample;
    double log_ratio;
    const float* mean; /* (cells) */
    const float* std; /* (cells) */
    const float* g; /* (cells) [S] */
    float* out; /* (cells) [S] */
};
static inline void pnn_program_drift_f32_pointers(struct pnn_program_drift_f32_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->key0; pointers[2] = (void*)&a->key1; pointers[3] = (void*)&a->sample;
    pointers[4] = (void*)&a->log_ratio; pointers[5] = (void*)&a->mean; pointers[6] = (void*)&a->std; pointers[7] = (void*)&a->g;
    pointers[8] = (void*)&a->out;
}
struct pnn_program_drift_f64_arguments {
    long long cells;
    unsigned key0;
    unsigned key1;
    long long sample;
    double log_ratio;
    const double* mean; /* (cells) */
    const double* std; /* (cells) */
    const double* g; /* (cells) [S] */
    double* out; /* (cells) [S] */
};
static inline void pnn_program_drift_f64_pointers(struct pnn_program_drift_f64_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->cells; pointers[1] = (void*)&a->key0; pointers[2] = (void*)&a->key1; pointers[3] = (void*)&a->sample;
    pointers[4] = (void*)&a->log_ratio; pointers[5] = (void*)&a->mean; pointers[6] = (void*)&a->std; pointers[7] = (void*)&a->g;
    pointers[8] = (void*)&a->out;
}

/* ---- crossbar/pulse.cu */
struct pnn_pulse_chances_f32_arguments {
    long long batch;
    long long rows;
    long long columns;
    double lr;
    const double* now; /* (1) */
    double step;
    int pulses;
    const float* x; /* (batch, rows) */
    const float* d; /* (batch, columns) */
    int* slots; /* (batch) */
    double* scale_x; /* (batch) */
    double* scale_d; /* (batch) */
};
static inline void pnn_pulse_chances_f32_pointers(struct pnn_pulse_chances_f32_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->rows; pointers[2] = (void*)&a->columns; pointers[3] = (void*)&a->lr;
    pointers[4] = (void*)&a->now; pointers[5] = (void*)&a->step; pointers[6] = (void*)&a->pulses; pointers[7] = (void*)&a->x;
    pointers[8] = (void*)&a->d; pointers[9] = (void*)&a->slots; pointers[10] = (void*)&a->scale_x; pointers[11] = (void*)&a->scale_d;
}
struct pnn_pulse_trains_f32_arguments {
    long long batch;
    long long lines;
    unsigned key0;
    unsigned key1;
    long long sample0;
    const long long* index; /* (batch) */
    const double* scale; /* (batch) */
    const int* slots; /* (batch) */
    const float* values; /* (batch, lines) */
    long long line_stride;
    long long sample_stride;
    unsigned* words; /* (batch, lines) */
    int* fault; /* (1) */
};
static inline void pnn_pulse_trains_f32_pointers(struct pnn_pulse_trains_f32_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->lines; pointers[2] = (void*)&a->key0; pointers[3] = (void*)&a->key1;
    pointers[4] = (void*)&a->sample0; pointers[5] = (void*)&a->index; pointers[6] = (void*)&a->scale; pointers[7] = (void*)&a->slots;
    pointers[8] = (void*)&a->values; pointers[9] = (void*)&a->line_stride; pointers[10] = (void*)&a->sample_stride;
    pointers[11] = (void*)&a->words; pointers[12] = (void*)&a->fault;
}
struct pnn_pulse_update_f32_arguments {
    long long rows;
    long long columns;
    long long batch;
    unsigned device0;
    unsigned device1;
    unsigned cycle0;
    unsigned cycle1;
    long long row0;
    long long column0;
    long long sample0;
    const long long* index; /* (batch) */
    int kind;
    const float* parameters; /* (17) */
    int count;
    const float* nodes; /* (2, count) */
    const unsigned* x_words; /* (rows, batch) */
    const unsigned* d_words; /* (batch, columns) */
    float* w; /* (rows, columns) */
    int* fault; /* (1) */
};
static inline void pnn_pulse_update_f32_pointers(struct pnn_pulse_update_f32_arguments* a, void* pointers[19]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->device0;
    pointers[4] = (void*)&a->device1; pointers[5] = (void*)&a->cycle0; pointers[6] = (void*)&a->cycle1; pointers[7] = (void*)&a->row0;
    pointers[8] = (void*)&a->column0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->kind;
    pointers[12] = (void*)&a->parameters; pointers[13] = (void*)&a->count; pointers[14] = (void*)&a->nodes;
    pointers[15] = (void*)&a->x_words; pointers[16] = (void*)&a->d_words; pointers[17] = (void*)&a->w; pointers[18] = (void*)&a->fault;
}
struct pnn_pulse_apply_f32_arguments {
    long long rows;
    long long columns;
    unsigned device0;
    unsigned device1;
    unsigned cycle0;
    unsigned cycle1;
    long long row0;
    long long column0;
    long long sample0;
    const long long* index; /* (1) */
    int kind;
    const float* parameters; /* (17) */
    int count;
    const float* nodes; /* (2, count) */
    const int* counts; /* (rows, columns) */
    float* w; /* (rows, columns) */
    int* fault; /* (1) */
};
static inline void pnn_pulse_apply_f32_pointers(struct pnn_pulse_apply_f32_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->device0; pointers[3] = (void*)&a->device1;
    pointers[4] = (void*)&a->cycle0; pointers[5] = (void*)&a->cycle1; pointers[6] = (void*)&a->row0; pointers[7] = (void*)&a->column0;
    pointers[8] = (void*)&a->sample0; pointers[9] = (void*)&a->index; pointers[10] = (void*)&a->kind; pointers[11] = (void*)&a->parameters;
    pointers[12] = (void*)&a->count; pointers[13] = (void*)&a->nodes; pointers[14] = (void*)&a->counts; pointers[15] = (void*)&a->w;
    pointers[16] = (void*)&a->fault;
}
struct pnn_pulse_cells_f32_arguments {
    long long rows;
    long long columns;
    unsigned device0;
    unsigned device1;
    long long row0;
    long long column0;
    int kind;
    const float* parameters; /* (17) */
    float* out; /* (6, rows, columns) */
};
static inline void pnn_pulse_cells_f32_pointers(struct pnn_pulse_cells_f32_arguments* a, void* pointers[9]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->columns; pointers[2] = (void*)&a->device0; pointers[3] = (void*)&a->device1;
    pointers[4] = (void*)&a->row0; pointers[5] = (void*)&a->column0; pointers[6] = (void*)&a->kind; pointers[7] = (void*)&a->parameters;
    pointers[8] = (void*)&a->out;
}

/* ---- crossbar/read.cu */
struct pnn_read_dac_f32_arguments {
    long long batch;
    long long n_in;
    float step; /* [V] */
    float low; /* [codes] */
    float high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    float noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    long long sample0;
    const long long* index; /* (batch) */
    const float* v; /* (batch, n_in) [V] */
    float* out; /* (batch, n_in) [V] */
};
static inline void pnn_read_dac_f32_pointers(struct pnn_read_dac_f32_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->step; pointers[3] = (void*)&a->low;
    pointers[4] = (void*)&a->high; pointers[5] = (void*)&a->stochastic; pointers[6] = (void*)&a->rounding0;
    pointers[7] = (void*)&a->rounding1; pointers[8] = (void*)&a->rounding; pointers[9] = (void*)&a->noise; pointers[10] = (void*)&a->noisy0;
    pointers[11] = (void*)&a->noisy1; pointers[12] = (void*)&a->noisy; pointers[13] = (void*)&a->sample0; pointers[14] = (void*)&a->index;
    pointers[15] = (void*)&a->v; pointers[16] = (void*)&a->out;
}
struct pnn_read_dac_f64_arguments {
    long long batch;
    long long n_in;
    double step; /* [V] */
    double low; /* [codes] */
    double high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    double noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    long long sample0;
    const long long* index; /* (batch) */
    const double* v; /* (batch, n_in) [V] */
    double* out; /* (batch, n_in) [V] */
};
static inline void pnn_read_dac_f64_pointers(struct pnn_read_dac_f64_arguments* a, void* pointers[17]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->step; pointers[3] = (void*)&a->low;
    pointers[4] = (void*)&a->high; pointers[5] = (void*)&a->stochastic; pointers[6] = (void*)&a->rounding0;
    pointers[7] = (void*)&a->rounding1; pointers[8] = (void*)&a->rounding; pointers[9] = (void*)&a->noise; pointers[10] = (void*)&a->noisy0;
    pointers[11] = (void*)&a->noisy1; pointers[12] = (void*)&a->noisy; pointers[13] = (void*)&a->sample0; pointers[14] = (void*)&a->index;
    pointers[15] = (void*)&a->v; pointers[16] = (void*)&a->out;
}
struct pnn_read_adc_f32_arguments {
    long long arrays;
    long long slices;
    long long batch;
    long long n_out;
    float extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    float low; /* [codes] */
    float high; /* [codes] */
    const float* lsb; /* (arrays, n_out) [A] */
    const float* step; /* (arrays, n_out) [A] */
    const float* offset; /* (arrays, n_out) [A] */
    const float* bow; /* (arrays, n_out) [codes] */
    const float* table; /* (arrays, n_out, bits) [codes] */
    const float* current; /* (slices, arrays, batch, n_out) [A] */
    const float* variance; /* (slices, arrays, batch, n_out) [A^2] */
    float* out; /* (arrays, batch, n_out) [A] */
};
static inline void pnn_read_adc_f32_pointers(struct pnn_read_adc_f32_arguments* a, void* pointers[23]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->slices; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->extra; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->element0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->mode;
    pointers[12] = (void*)&a->bits; pointers[13] = (void*)&a->low; pointers[14] = (void*)&a->high; pointers[15] = (void*)&a->lsb;
    pointers[16] = (void*)&a->step; pointers[17] = (void*)&a->offset; pointers[18] = (void*)&a->bow; pointers[19] = (void*)&a->table;
    pointers[20] = (void*)&a->current; pointers[21] = (void*)&a->variance; pointers[22] = (void*)&a->out;
}
struct pnn_read_adc_f64_arguments {
    long long arrays;
    long long slices;
    long long batch;
    long long n_out;
    double extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    double low; /* [codes] */
    double high; /* [codes] */
    const double* lsb; /* (arrays, n_out) [A] */
    const double* step; /* (arrays, n_out) [A] */
    const double* offset; /* (arrays, n_out) [A] */
    const double* bow; /* (arrays, n_out) [codes] */
    const double* table; /* (arrays, n_out, bits) [codes] */
    const double* current; /* (slices, arrays, batch, n_out) [A] */
    const double* variance; /* (slices, arrays, batch, n_out) [A^2] */
    double* out; /* (arrays, batch, n_out) [A] */
};
static inline void pnn_read_adc_f64_pointers(struct pnn_read_adc_f64_arguments* a, void* pointers[23]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->slices; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->extra; pointers[5] = (void*)&a->key0; pointers[6] = (void*)&a->key1; pointers[7] = (void*)&a->key;
    pointers[8] = (void*)&a->element0; pointers[9] = (void*)&a->sample0; pointers[10] = (void*)&a->index; pointers[11] = (void*)&a->mode;
    pointers[12] = (void*)&a->bits; pointers[13] = (void*)&a->low; pointers[14] = (void*)&a->high; pointers[15] = (void*)&a->lsb;
    pointers[16] = (void*)&a->step; pointers[17] = (void*)&a->offset; pointers[18] = (void*)&a->bow; pointers[19] = (void*)&a->table;
    pointers[20] = (void*)&a->current; pointers[21] = (void*)&a->variance; pointers[22] = (void*)&a->out;
}
struct pnn_read_scale_f32_arguments {
    long long batch;
    long long n_in;
    float given;
    float v_max; /* [V] */
    const float* x; /* (batch, n_in) */
    float* scale; /* (batch) */
    float* out; /* (batch, n_in) [V] */
};
static inline void pnn_read_scale_f32_pointers(struct pnn_read_scale_f32_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->given; pointers[3] = (void*)&a->v_max;
    pointers[4] = (void*)&a->x; pointers[5] = (void*)&a->scale; pointers[6] = (void*)&a->out;
}
struct pnn_read_scale_f64_arguments {
    long long batch;
    long long n_in;
    double given;
    double v_max; /* [V] */
    const double* x; /* (batch, n_in) */
    double* scale; /* (batch) */
    double* out; /* (batch, n_in) [V] */
};
static inline void pnn_read_scale_f64_pointers(struct pnn_read_scale_f64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->given; pointers[3] = (void*)&a->v_max;
    pointers[4] = (void*)&a->x; pointers[5] = (void*)&a->scale; pointers[6] = (void*)&a->out;
}
struct pnn_read_mvm_f32_arguments {
    long long arrays;
    long long batch;
    long long n_in;
    long long n_out;
    float dac_step; /* [V] */
    float dac_low; /* [codes] */
    float dac_high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    float noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    float extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    float low; /* [codes] */
    float high; /* [codes] */
    const float* lsb; /* (arrays, n_out) [A] */
    const float* step; /* (arrays, n_out) [A] */
    const float* offset; /* (arrays, n_out) [A] */
    const float* bow; /* (arrays, n_out) [codes] */
    const float* table; /* (arrays, n_out, bits) [codes] */
    const float* v; /* (batch, n_in) [V] */
    const float* w; /* (arrays, n_in, n_out) [S] */
    const float* s2; /* (arrays, n_in, n_out) [S^2] */
    float* parts; /* (1 or 2, slices, arrays, batch, n_out) [A, A^2] */
    float* out; /* (arrays, batch, n_out) [A] */
    int* fault; /* (1) */
};
static inline void pnn_read_mvm_f32_pointers(struct pnn_read_mvm_f32_arguments* a, void* pointers[37]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_in; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->dac_step; pointers[5] = (void*)&a->dac_low; pointers[6] = (void*)&a->dac_high;
    pointers[7] = (void*)&a->stochastic; pointers[8] = (void*)&a->rounding0; pointers[9] = (void*)&a->rounding1;
    pointers[10] = (void*)&a->rounding; pointers[11] = (void*)&a->noise; pointers[12] = (void*)&a->noisy0; pointers[13] = (void*)&a->noisy1;
    pointers[14] = (void*)&a->noisy; pointers[15] = (void*)&a->extra; pointers[16] = (void*)&a->key0; pointers[17] = (void*)&a->key1;
    pointers[18] = (void*)&a->key; pointers[19] = (void*)&a->element0; pointers[20] = (void*)&a->sample0; pointers[21] = (void*)&a->index;
    pointers[22] = (void*)&a->mode; pointers[23] = (void*)&a->bits; pointers[24] = (void*)&a->low; pointers[25] = (void*)&a->high;
    pointers[26] = (void*)&a->lsb; pointers[27] = (void*)&a->step; pointers[28] = (void*)&a->offset; pointers[29] = (void*)&a->bow;
    pointers[30] = (void*)&a->table; pointers[31] = (void*)&a->v; pointers[32] = (void*)&a->w; pointers[33] = (void*)&a->s2;
    pointers[34] = (void*)&a->parts; pointers[35] = (void*)&a->out; pointers[36] = (void*)&a->fault;
}
struct pnn_read_mvm_f64_arguments {
    long long arrays;
    long long batch;
    long long n_in;
    long long n_out;
    double dac_step; /* [V] */
    double dac_low; /* [codes] */
    double dac_high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    double noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    double extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    double low; /* [codes] */
    double high; /* [codes] */
    const double* lsb; /* (arrays, n_out) [A] */
    const double* step; /* (arrays, n_out) [A] */
    const double* offset; /* (arrays, n_out) [A] */
    const double* bow; /* (arrays, n_out) [codes] */
    const double* table; /* (arrays, n_out, bits) [codes] */
    const double* v; /* (batch, n_in) [V] */
    const double* w; /* (arrays, n_in, n_out) [S] */
    const double* s2; /* (arrays, n_in, n_out) [S^2] */
    double* parts; /* (1 or 2, slices, arrays, batch, n_out) [A, A^2] */
    double* out; /* (arrays, batch, n_out) [A] */
    int* fault; /* (1) */
};
static inline void pnn_read_mvm_f64_pointers(struct pnn_read_mvm_f64_arguments* a, void* pointers[37]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_in; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->dac_step; pointers[5] = (void*)&a->dac_low; pointers[6] = (void*)&a->dac_high;
    pointers[7] = (void*)&a->stochastic; pointers[8] = (void*)&a->rounding0; pointers[9] = (void*)&a->rounding1;
    pointers[10] = (void*)&a->rounding; pointers[11] = (void*)&a->noise; pointers[12] = (void*)&a->noisy0; pointers[13] = (void*)&a->noisy1;
    pointers[14] = (void*)&a->noisy; pointers[15] = (void*)&a->extra; pointers[16] = (void*)&a->key0; pointers[17] = (void*)&a->key1;
    pointers[18] = (void*)&a->key; pointers[19] = (void*)&a->element0; pointers[20] = (void*)&a->sample0; pointers[21] = (void*)&a->index;
    pointers[22] = (void*)&a->mode; pointers[23] = (void*)&a->bits; pointers[24] = (void*)&a->low; pointers[25] = (void*)&a->high;
    pointers[26] = (void*)&a->lsb; pointers[27] = (void*)&a->step; pointers[28] = (void*)&a->offset; pointers[29] = (void*)&a->bow;
    pointers[30] = (void*)&a->table; pointers[31] = (void*)&a->v; pointers[32] = (void*)&a->w; pointers[33] = (void*)&a->s2;
    pointers[34] = (void*)&a->parts; pointers[35] = (void*)&a->out; pointers[36] = (void*)&a->fault;
}
struct pnn_read_mvm_large_f32_arguments {
    long long arrays;
    long long batch;
    long long n_in;
    long long n_out;
    float dac_step; /* [V] */
    float dac_low; /* [codes] */
    float dac_high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    float noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    float extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    float low; /* [codes] */
    float high; /* [codes] */
    const float* lsb; /* (arrays, n_out) [A] */
    const float* step; /* (arrays, n_out) [A] */
    const float* offset; /* (arrays, n_out) [A] */
    const float* bow; /* (arrays, n_out) [codes] */
    const float* table; /* (arrays, n_out, bits) [codes] */
    const float* v; /* (batch, n_in) [V] */
    const float* w; /* (arrays, n_in, n_out) [S] */
    const float* s2; /* (arrays, n_in, n_out) [S^2] */
    float* parts; /* (1 or 2, slices, arrays, batch, n_out) [A, A^2] */
    float* out; /* (arrays, batch, n_out) [A] */
    int* fault; /* (1) */
};
static inline void pnn_read_mvm_large_f32_pointers(struct pnn_read_mvm_large_f32_arguments* a, void* pointers[37]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_in; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->dac_step; pointers[5] = (void*)&a->dac_low; pointers[6] = (void*)&a->dac_high;
    pointers[7] = (void*)&a->stochastic; pointers[8] = (void*)&a->rounding0; pointers[9] = (void*)&a->rounding1;
    pointers[10] = (void*)&a->rounding; pointers[11] = (void*)&a->noise; pointers[12] = (void*)&a->noisy0; pointers[13] = (void*)&a->noisy1;
    pointers[14] = (void*)&a->noisy; pointers[15] = (void*)&a->extra; pointers[16] = (void*)&a->key0; pointers[17] = (void*)&a->key1;
    pointers[18] = (void*)&a->key; pointers[19] = (void*)&a->element0; pointers[20] = (void*)&a->sample0; pointers[21] = (void*)&a->index;
    pointers[22] = (void*)&a->mode; pointers[23] = (void*)&a->bits; pointers[24] = (void*)&a->low; pointers[25] = (void*)&a->high;
    pointers[26] = (void*)&a->lsb; pointers[27] = (void*)&a->step; pointers[28] = (void*)&a->offset; pointers[29] = (void*)&a->bow;
    pointers[30] = (void*)&a->table; pointers[31] = (void*)&a->v; pointers[32] = (void*)&a->w; pointers[33] = (void*)&a->s2;
    pointers[34] = (void*)&a->parts; pointers[35] = (void*)&a->out; pointers[36] = (void*)&a->fault;
}
struct pnn_read_units_f32_arguments {
    long long arrays;
    long long batch;
    long long n_in;
    long long n_out;
    int bf16;
    float dac_step; /* [V] */
    float dac_low; /* [codes] */
    float dac_high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    float noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    float extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    float low; /* [codes] */
    float high; /* [codes] */
    const float* lsb; /* (arrays, n_out) [A] */
    const float* step; /* (arrays, n_out) [A] */
    const float* offset; /* (arrays, n_out) [A] */
    const float* bow; /* (arrays, n_out) [codes] */
    const float* table; /* (arrays, n_out, bits) [codes] */
    const float* v; /* (batch, n_in) [V] */
    const float* w; /* (arrays, n_in, n_out) [S] */
    const float* s2; /* (arrays, n_in, n_out) [S^2] */
    float* parts; /* (1 or 2, slices, arrays, batch, n_out) [A, A^2] */
    float* out; /* (arrays, batch, n_out) [A] */
    int* fault; /* (1) */
};
static inline void pnn_read_units_f32_pointers(struct pnn_read_units_f32_arguments* a, void* pointers[38]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_in; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->bf16; pointers[5] = (void*)&a->dac_step; pointers[6] = (void*)&a->dac_low; pointers[7] = (void*)&a->dac_high;
    pointers[8] = (void*)&a->stochastic; pointers[9] = (void*)&a->rounding0; pointers[10] = (void*)&a->rounding1;
    pointers[11] = (void*)&a->rounding; pointers[12] = (void*)&a->noise; pointers[13] = (void*)&a->noisy0; pointers[14] = (void*)&a->noisy1;
    pointers[15] = (void*)&a->noisy; pointers[16] = (void*)&a->extra; pointers[17] = (void*)&a->key0; pointers[18] = (void*)&a->key1;
    pointers[19] = (void*)&a->key; pointers[20] = (void*)&a->element0; pointers[21] = (void*)&a->sample0; pointers[22] = (void*)&a->index;
    pointers[23] = (void*)&a->mode; pointers[24] = (void*)&a->bits; pointers[25] = (void*)&a->low; pointers[26] = (void*)&a->high;
    pointers[27] = (void*)&a->lsb; pointers[28] = (void*)&a->step; pointers[29] = (void*)&a->offset; pointers[30] = (void*)&a->bow;
    pointers[31] = (void*)&a->table; pointers[32] = (void*)&a->v; pointers[33] = (void*)&a->w; pointers[34] = (void*)&a->s2;
    pointers[35] = (void*)&a->parts; pointers[36] = (void*)&a->out; pointers[37] = (void*)&a->fault;
}
struct pnn_read_units_large_f32_arguments {
    long long arrays;
    long long batch;
    long long n_in;
    long long n_out;
    int bf16;
    float dac_step; /* [V] */
    float dac_low; /* [codes] */
    float dac_high; /* [codes] */
    int stochastic;
    unsigned rounding0;
    unsigned rounding1;
    const unsigned* rounding; /* (2) */
    float noise; /* [V] */
    unsigned noisy0;
    unsigned noisy1;
    const unsigned* noisy; /* (2) */
    float extra; /* [A^2] */
    unsigned key0;
    unsigned key1;
    const unsigned* key; /* (2) */
    long long element0;
    long long sample0;
    const long long* index; /* (batch) */
    int mode;
    int bits;
    float low; /* [codes] */
    float high; /* [codes] */
    const float* lsb; /* (arrays, n_out) [A] */
    const float* step; /* (arrays, n_out) [A] */
    const float* offset; /* (arrays, n_out) [A] */
    const float* bow; /* (arrays, n_out) [codes] */
    const float* table; /* (arrays, n_out, bits) [codes] */
    const float* v; /* (batch, n_in) [V] */
    const float* w; /* (arrays, n_in, n_out) [S] */
    const float* s2; /* (arrays, n_in, n_out) [S^2] */
    float* parts; /* (1 or 2, slices, arrays, batch, n_out) [A, A^2] */
    float* out; /* (arrays, batch, n_out) [A] */
    int* fault; /* (1) */
};
static inline void pnn_read_units_large_f32_pointers(struct pnn_read_units_large_f32_arguments* a, void* pointers[38]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->n_in; pointers[3] = (void*)&a->n_out;
    pointers[4] = (void*)&a->bf16; pointers[5] = (void*)&a->dac_step; pointers[6] = (void*)&a->dac_low; pointers[7] = (void*)&a->dac_high;
    pointers[8] = (void*)&a->stochastic; pointers[9] = (void*)&a->rounding0; pointers[10] = (void*)&a->rounding1;
    pointers[11] = (void*)&a->rounding; pointers[12] = (void*)&a->noise; pointers[13] = (void*)&a->noisy0; pointers[14] = (void*)&a->noisy1;
    pointers[15] = (void*)&a->noisy; pointers[16] = (void*)&a->extra; pointers[17] = (void*)&a->key0; pointers[18] = (void*)&a->key1;
    pointers[19] = (void*)&a->key; pointers[20] = (void*)&a->element0; pointers[21] = (void*)&a->sample0; pointers[22] = (void*)&a->index;
    pointers[23] = (void*)&a->mode; pointers[24] = (void*)&a->bits; pointers[25] = (void*)&a->low; pointers[26] = (void*)&a->high;
    pointers[27] = (void*)&a->lsb; pointers[28] = (void*)&a->step; pointers[29] = (void*)&a->offset; pointers[30] = (void*)&a->bow;
    pointers[31] = (void*)&a->table; pointers[32] = (void*)&a->v; pointers[33] = (void*)&a->w; pointers[34] = (void*)&a->s2;
    pointers[35] = (void*)&a->parts; pointers[36] = (void*)&a->out; pointers[37] = (void*)&a->fault;
}

/* ---- crossbar/tree.cu */
struct pnn_tree_leaves_f32_arguments {
    long long arrays;
    long long n_in;
    long long n_out;
    int pair;
    float word; /* [S] */
    float bit; /* [S] */
    float first; /* [S] */
    float last; /* [S] */
    const float* G; /* (arrays, n_in, n_out) [S] */
    float* out; /* (arrays, leaves, 16, 16) [S] */
};
static inline void pnn_tree_leaves_f32_pointers(struct pnn_tree_leaves_f32_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->pair;
    pointers[4] = (void*)&a->word; pointers[5] = (void*)&a->bit; pointers[6] = (void*)&a->first; pointers[7] = (void*)&a->last;
    pointers[8] = (void*)&a->G; pointers[9] = (void*)&a->out;
}
struct pnn_tree_leaves_vjp_f32_arguments {
    long long arrays;
    long long n_in;
    long long n_out;
    int pair;
    float word; /* [S] */
    float bit; /* [S] */
    float first; /* [S] */
    float last; /* [S] */
    const float* G; /* (arrays, n_in, n_out) [S] */
    const float* W; /* (arrays, leaves, 16, 16) */
    float* gradient; /* (arrays, n_in, n_out) */
    float* segments; /* (arrays, leaves, 4) */
};
static inline void pnn_tree_leaves_vjp_f32_pointers(struct pnn_tree_leaves_vjp_f32_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->pair;
    pointers[4] = (void*)&a->word; pointers[5] = (void*)&a->bit; pointers[6] = (void*)&a->first; pointers[7] = (void*)&a->last;
    pointers[8] = (void*)&a->G; pointers[9] = (void*)&a->W; pointers[10] = (void*)&a->gradient; pointers[11] = (void*)&a->segments;
}
struct pnn_tree_voltages_f32_arguments {
    long long arrays;
    long long n_in;
    long long n_out;
    long long q;
    int pair;
    float word; /* [S] */
    float bit; /* [S] */
    float first; /* [S] */
    float last; /* [S] */
    const float* G; /* (arrays, n_in, n_out) [S] */
    const float* V; /* (arrays, leaves, 16, q) [V] */
    float* on_word; /* (arrays, n_in, n_out, q) [V] */
    float* on_bit; /* (arrays, n_in, n_out, q) [V] */
};
static inline void pnn_tree_voltages_f32_pointers(struct pnn_tree_voltages_f32_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->q;
    pointers[4] = (void*)&a->pair; pointers[5] = (void*)&a->word; pointers[6] = (void*)&a->bit; pointers[7] = (void*)&a->first;
    pointers[8] = (void*)&a->last; pointers[9] = (void*)&a->G; pointers[10] = (void*)&a->V; pointers[11] = (void*)&a->on_word;
    pointers[12] = (void*)&a->on_bit;
}
struct pnn_tree_leaves_f64_arguments {
    long long arrays;
    long long n_in;
    long long n_out;
    int pair;
    double word; /* [S] */
    double bit; /* [S] */
    double first; /* [S] */
    double last; /* [S] */
    const double* G; /* (arrays, n_in, n_out) [S] */
    double* out; /* (arrays, leaves, 16, 16) [S] */
};
static inline void pnn_tree_leaves_f64_pointers(struct pnn_tree_leaves_f64_arguments* a, void* pointers[10]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->pair;
    pointers[4] = (void*)&a->word; pointers[5] = (void*)&a->bit; pointers[6] = (void*)&a->first; pointers[7] = (void*)&a->last;
    pointers[8] = (void*)&a->G; pointers[9] = (void*)&a->out;
}
struct pnn_tree_leaves_vjp_f64_arguments {
    long long arrays;
    long long n_in;
    long long n_out;
    int pair;
    double word; /* [S] */
    double bit; /* [S] */
    double first; /* [S] */
    double last; /* [S] */
    const double* G; /* (arrays, n_in, n_out) [S] */
    const double* W; /* (arrays, leaves, 16, 16) */
    double* gradient; /* (arrays, n_in, n_out) */
    double* segments; /* (arrays, leaves, 4) */
};
static inline void pnn_tree_leaves_vjp_f64_pointers(struct pnn_tree_leaves_vjp_f64_arguments* a, void* pointers[12]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->pair;
    pointers[4] = (void*)&a->word; pointers[5] = (void*)&a->bit; pointers[6] = (void*)&a->first; pointers[7] = (void*)&a->last;
    pointers[8] = (void*)&a->G; pointers[9] = (void*)&a->W; pointers[10] = (void*)&a->gradient; pointers[11] = (void*)&a->segments;
}
struct pnn_tree_voltages_f64_arguments {
    long long arrays;
    long long n_in;
    long long n_out;
    long long q;
    int pair;
    double word; /* [S] */
    double bit; /* [S] */
    double first; /* [S] */
    double last; /* [S] */
    const double* G; /* (arrays, n_in, n_out) [S] */
    const double* V; /* (arrays, leaves, 16, q) [V] */
    double* on_word; /* (arrays, n_in, n_out, q) [V] */
    double* on_bit; /* (arrays, n_in, n_out, q) [V] */
};
static inline void pnn_tree_voltages_f64_pointers(struct pnn_tree_voltages_f64_arguments* a, void* pointers[13]) {
    pointers[0] = (void*)&a->arrays; pointers[1] = (void*)&a->n_in; pointers[2] = (void*)&a->n_out; pointers[3] = (void*)&a->q;
    pointers[4] = (void*)&a->pair; pointers[5] = (void*)&a->word; pointers[6] = (void*)&a->bit; pointers[7] = (void*)&a->first;
    pointers[8] = (void*)&a->last; pointers[9] = (void*)&a->G; pointers[10] = (void*)&a->V; pointers[11] = (void*)&a->on_word;
    pointers[12] = (void*)&a->on_bit;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_characteristic_linear_f32(long long cells, long long reads, long long sets, const float* constants,
    const float* g, const float* v, float* slope, float* slopes, float* known);
extern "C" __global__ void pnn_characteristic_linear_f64(long long cells, long long reads, long long sets, const double* constants,
    const double* g, const double* v, double* slope, double* slopes, double* known);
extern "C" __global__ void pnn_characteristic_tried_f32(long long cells, long long reads, long long sets, const float* constants,
    const float* g, const float* slope, const float* part, const float* word, const float* to_word, const float* bit, const float* to_bit,
    const float* current, const float* to_current, float* w, float* u, float* j, float* off, float* growth);
extern "C" __global__ void pnn_characteristic_tried_f64(long long cells, long long reads, long long sets, const double* constants,
    const double* g, const double* slope, const double* part, const double* word, const double* to_word, const double* bit,
    const double* to_bit, const double* current, const double* to_current, double* w, double* u, double* j, double* off, double* growth);
extern "C" __global__ void pnn_join_small_f32(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, const long long* joins, const long long* ports, const float* leaves, const float* below,
    float* above, float* weights);
extern "C" __global__ void pnn_join_lay_f32(long long arrays, long long count, long long leaf_each, long long below_each,
    long long rows_each, long long start, long long most, const long long* joins, const long long* ports, const long long* tasks,
    const float* leaves, const float* below, float* rows);
extern "C" __global__ void pnn_join_eliminate_f32(long long arrays, long long count, long long rows_each, long long start, long long most,
    long long strip, const long long* joins, const long long* ports, const long long* tasks, const float* rows, float* done, float* weights);
extern "C" __global__ void pnn_join_update_f32(long long arrays, long long count, long long rows_each, long long start, long long most,
    const long long* joins, const long long* ports, const long long* tasks, const float* done, float* rows);
extern "C" __global__ void pnn_join_couple_f32(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, long long n_in, long long n_out, const long long* joins, const long long* ports,
    const long long* tasks, const float* leaves, const float* below, const float* done, float* above);
extern "C" __global__ void pnn_join_turn_f32(long long arrays, long long count, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, const long long* joins, const long long* ports, const long long* tasks,
    const float* weights, const float* above, const float* whole, float* turned);
extern "C" __global__ void pnn_join_split_f32(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, long long whole_each, long long start, long long most, const long long* joins,
    const long long* ports, const long long* tasks, const float* weights, const float* above, const float* whole, const float* turned,
    float* out, float* leaves, float* below);
extern "C" __global__ void pnn_join_voltages_f32(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, long long whole_each, long long start, long long most, long long q, const long long* joins,
    const long long* ports, const long long* tasks, const float* weights, const float* above, const float* whole, float* out, float* leaves,
    float* below);
extern "C" __global__ void pnn_join_small_f64(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, const long long* joins, const long long* ports, const double* leaves, const double* below,
    double* above, double* weights);
extern "C" __global__ void pnn_join_lay_f64(long long arrays, long long count, long long leaf_each, long long below_each,
    long long rows_each, long long start, long long most, const long long* joins, const long long* ports, const long long* tasks,
    const double* leaves, const double* below, double* rows);
extern "C" __global__ void pnn_join_eliminate_f64(long long arrays, long long count, long long rows_each, long long start, long long most,
    long long strip, const long long* joins, const long long* ports, const long long* tasks, const double* rows, double* done,
    double* weights);
extern "C" __global__ void pnn_join_update_f64(long long arrays, long long count, long long rows_each, long long start, long long most,
    const long long* joins, const long long* ports, const long long* tasks, const double* done, double* rows);
extern "C" __global__ void pnn_join_couple_f64(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, long long n_in, long long n_out, const long long* joins, const long long* ports,
    const long long* tasks, const double* leaves, const double* below, const double* done, double* above);
extern "C" __global__ void pnn_join_turn_f64(long long arrays, long long count, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, const long long* joins, const long long* ports, const long long* tasks,
    const double* weights, const double* above, const double* whole, double* turned);
extern "C" __global__ void pnn_join_split_f64(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, long long whole_each, long long start, long long most, const long long* joins,
    const long long* ports, const long long* tasks, const double* weights, const double* above, const double* whole, const double* turned,
    double* out, double* leaves, double* below);
extern "C" __global__ void pnn_join_voltages_f64(long long arrays, long long count, long long leaf_each, long long below_each,
    long long above_each, long long rows_each, long long whole_each, long long start, long long most, long long q, const long long* joins,
    const long long* ports, const long long* tasks, const double* weights, const double* above, const double* whole, double* out,
    double* leaves, double* below);
extern "C" __global__ void pnn_ladder_factor_f32(long long lines, long long cells, long long sets, long long first, long long line_stride,
    long long cell_stride, const float* wire, const float* cell, float* ratio, float* inverse);
extern "C" __global__ void pnn_ladder_sweep_f32(long long lines, long long cells, long long rhs, int own, long long first,
    long long line_stride, long long cell_stride, const float* ratio, const float* inverse, const float* f, float* x);
extern "C" __global__ void pnn_ladder_scan_f32(long long lines, long long cells, long long rhs, int own, long long first,
    long long line_stride, long long cell_stride, const float* ratio, const float* inverse, const float* f, float* x);
extern "C" __global__ void pnn_ladder_factor_f64(long long lines, long long cells, long long sets, long long first, long long line_stride,
    long long cell_stride, const double* wire, const double* cell, double* ratio, double* inverse);
extern "C" __global__ void pnn_ladder_sweep_f64(long long lines, long long cells, long long rhs, int own, long long first,
    long long line_stride, long long cell_stride, const double* ratio, const double* inverse, const double* f, double* x);
extern "C" __global__ void pnn_ladder_scan_f64(long long lines, long long cells, long long rhs, int own, long long first,
    long long line_stride, long long cell_stride, const double* ratio, const double* inverse, const double* f, double* x);
extern "C" __global__ void pnn_noise_mvm_f32(long long batch, long long n_in, long long n_out, int kind, float p, unsigned key0,
    unsigned key1, const unsigned* key, long long quad0, long long sample0, const long long* index, const float* v, const float* g,
    const float* a, float* out);
extern "C" __global__ void pnn_noise_mvm_f64(long long batch, long long n_in, long long n_out, int kind, double p, unsigned key0,
    unsigned key1, const unsigned* key, long long quad0, long long sample0, const long long* index, const double* v, const double* g,
    const double* a, double* out);
extern "C" __global__ void pnn_noise_vjp_v_f32(long long batch, long long n_in, long long n_out, int kind, float p, unsigned key0,
    unsigned key1, const unsigned* key, long long quad0, long long sample0, const long long* index, const float* cotangent, const float* g,
    const float* a, float* out);
extern "C" __global__ void pnn_noise_vjp_v_f64(long long batch, long long n_in, long long n_out, int kind, double p, unsigned key0,
    unsigned key1, const unsigned* key, long long quad0, long long sample0, const long long* index, const double* cotangent, const double* g,
    const double* a, double* out);
extern "C" __global__ void pnn_noise_vjp_g_f32(long long batch, long long n_in, long long n_out, int kind, float p, unsigned key0,
    unsigned key1, const unsigned* key, long long quad0, long long sample0, const long long* index, const float* v, const float* cotangent,
    const float* g, const float* a, const float* da, float* out);
extern "C" __global__ void pnn_noise_vjp_g_f64(long long batch, long long n_in, long long n_out, int kind, double p, unsigned key0,
    unsigned key1, const unsigned* key, long long quad0, long long sample0, const long long* index, const double* v, const double* cotangent,
    const double* g, const double* a, const double* da, double* out);
extern "C" __global__ void pnn_program_perturb_f32(long long cells, unsigned key0, unsigned key1, const unsigned* key, long long sample,
    const float* sigma, const float* g, float* out);
extern "C" __global__ void pnn_program_perturb_f64(long long cells, unsigned key0, unsigned key1, const unsigned* key, long long sample,
    const double* sigma, const double* g, double* out);
extern "C" __global__ void pnn_program_drift_f32(long long cells, unsigned key0, unsigned key1, long long sample, double log_ratio,
    const float* mean, const float* std, const float* g, float* out);
extern "C" __global__ void pnn_program_drift_f64(long long cells, unsigned key0, unsigned key1, long long sample, double log_ratio,
    const double* mean, const double* std, const double* g, double* out);
extern "C" __global__ void pnn_pulse_chances_f32(long long batch, long long rows, long long columns, double lr, const double* now,
    double step, int pulses, const float* x, const float* d, int* slots, double* scale_x, double* scale_d);
extern "C" __global__ void pnn_pulse_trains_f32(long long batch, long long lines, unsigned key0, unsigned key1, long long sample0,
    const long long* index, const double* scale, const int* slots, const float* values, long long line_stride, long long sample_stride,
    unsigned* words, int* fault);
extern "C" __global__ void pnn_pulse_update_f32(long long rows, long long columns, long long batch, unsigned device0, unsigned device1,
    unsigned cycle0, unsigned cycle1, long long row0, long long column0, long long sample0, const long long* index, int kind,
    const float* parameters, int count, const float* nodes, const unsigned* x_words, const unsigned* d_words, float* w, int* fault);
extern "C" __global__ void pnn_pulse_apply_f32(long long rows, long long columns, unsigned device0, unsigned device1, unsigned cycle0,
    unsigned cycle1, long long row0, long long column0, long long sample0, const long long* index, int kind, const float* parameters,
    int count, const float* nodes, const int* counts, float* w, int* fault);
extern "C" __global__ void pnn_pulse_cells_f32(long long rows, long long columns, unsigned device0, unsigned device1, long long row0,
    long long column0, int kind, const float* parameters, float* out);
extern "C" __global__ void pnn_read_dac_f32(long long batch, long long n_in, float step, float low, float high, int stochastic,
    unsigned rounding0, unsigned rounding1, const unsigned* rounding, float noise, unsigned noisy0, unsigned noisy1, const unsigned* noisy,
    long long sample0, const long long* index, const float* v, float* out);
extern "C" __global__ void pnn_read_dac_f64(long long batch, long long n_in, double step, double low, double high, int stochastic,
    unsigned rounding0, unsigned rounding1, const unsigned* rounding, double noise, unsigned noisy0, unsigned noisy1, const unsigned* noisy,
    long long sample0, const long long* index, const double* v, double* out);
extern "C" __global__ void pnn_read_adc_f32(long long arrays, long long slices, long long batch, long long n_out, float extra, unsigned key0,
    unsigned key1, const unsigned* key, long long element0, long long sample0, const long long* index, int mode, int bits, float low,
    float high, const float* lsb, const float* step, const float* offset, const float* bow, const float* table, const float* current,
    const float* variance, float* out);
extern "C" __global__ void pnn_read_adc_f64(long long arrays, long long slices, long long batch, long long n_out, double extra,
    unsigned key0, unsigned key1, const unsigned* key, long long element0, long long sample0, const long long* index, int mode, int bits,
    double low, double high, const double* lsb, const double* step, const double* offset, const double* bow, const double* table,
    const double* current, const double* variance, double* out);
extern "C" __global__ void pnn_read_scale_f32(long long batch, long long n_in, float given, float v_max, const float* x, float* scale,
    float* out);
extern "C" __global__ void pnn_read_scale_f64(long long batch, long long n_in, double given, double v_max, const double* x, double* scale,
    double* out);
extern "C" __global__ void pnn_read_mvm_f32(long long arrays, long long batch, long long n_in, long long n_out, float dac_step,
    float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, const unsigned* rounding, float noise,
    unsigned noisy0, unsigned noisy1, const unsigned* noisy, float extra, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, int mode, int bits, float low, float high, const float* lsb,
    const float* step, const float* offset, const float* bow, const float* table, const float* v, const float* w, const float* s2,
    float* parts, float* out, int* fault);
extern "C" __global__ void pnn_read_mvm_f64(long long arrays, long long batch, long long n_in, long long n_out, double dac_step,
    double dac_low, double dac_high, int stochastic, unsigned rounding0, unsigned rounding1, const unsigned* rounding, double noise,
    unsigned noisy0, unsigned noisy1, const unsigned* noisy, double extra, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, int mode, int bits, double low, double high, const double* lsb,
    const double* step, const double* offset, const double* bow, const double* table, const double* v, const double* w, const double* s2,
    double* parts, double* out, int* fault);
extern "C" __global__ void pnn_read_mvm_large_f32(long long arrays, long long batch, long long n_in, long long n_out, float dac_step,
    float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, const unsigned* rounding, float noise,
    unsigned noisy0, unsigned noisy1, const unsigned* noisy, float extra, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, int mode, int bits, float low, float high, const float* lsb,
    const float* step, const float* offset, const float* bow, const float* table, const float* v, const float* w, const float* s2,
    float* parts, float* out, int* fault);
extern "C" __global__ void pnn_read_units_f32(long long arrays, long long batch, long long n_in, long long n_out, int bf16, float dac_step,
    float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, const unsigned* rounding, float noise,
    unsigned noisy0, unsigned noisy1, const unsigned* noisy, float extra, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, int mode, int bits, float low, float high, const float* lsb,
    const float* step, const float* offset, const float* bow, const float* table, const float* v, const float* w, const float* s2,
    float* parts, float* out, int* fault);
extern "C" __global__ void pnn_read_units_large_f32(long long arrays, long long batch, long long n_in, long long n_out, int bf16,
    float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1, const unsigned* rounding,
    float noise, unsigned noisy0, unsigned noisy1, const unsigned* noisy, float extra, unsigned key0, unsigned key1, const unsigned* key,
    long long element0, long long sample0, const long long* index, int mode, int bits, float low, float high, const float* lsb,
    const float* step, const float* offset, const float* bow, const float* table, const float* v, const float* w, const float* s2,
    float* parts, float* out, int* fault);
extern "C" __global__ void pnn_tree_leaves_f32(long long arrays, long long n_in, long long n_out, int pair, float word, float bit,
    float first, float last, const float* G, float* out);
extern "C" __global__ void pnn_tree_leaves_vjp_f32(long long arrays, long long n_in, long long n_out, int pair, float word, float bit,
    float first, float last, const float* G, const float* W, float* gradient, float* segments);
extern "C" __global__ void pnn_tree_voltages_f32(long long arrays, long long n_in, long long n_out, long long q, int pair, float word,
    float bit, float first, float last, const float* G, const float* V, float* on_word, float* on_bit);
extern "C" __global__ void pnn_tree_leaves_f64(long long arrays, long long n_in, long long n_out, int pair, double word, double bit,
    double first, double last, const double* G, double* out);
extern "C" __global__ void pnn_tree_leaves_vjp_f64(long long arrays, long long n_in, long long n_out, int pair, double word, double bit,
    double first, double last, const double* G, const double* W, double* gradient, double* segments);
extern "C" __global__ void pnn_tree_voltages_f64(long long arrays, long long n_in, long long n_out, long long q, int pair, double word,
    double bit, double first, double last, const double* G, const double* V, double* on_word, double* on_bit);
#endif

#endif
