/* Kernels of optics: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.
   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */

#ifndef PNN_KERNELS_OPTICS_H
#define PNN_KERNELS_OPTICS_H
#include "pnnkern/kernel_types.h"


/* ---- optics/detector.cu */
struct pnn_detector_powers_c64_arguments {
    long long batch;
    long long pixels;
    long long regions;
    const long long* start; /* (regions + 1) */
    const int* pixel; /* (start[regions]) */
    const pnn_complex64* field; /* (batch, pixels) */
    float* power; /* (batch, regions) */
    int* fault; /* (1) */
};
static inline void pnn_detector_powers_c64_pointers(struct pnn_detector_powers_c64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->pixels; pointers[2] = (void*)&a->regions; pointers[3] = (void*)&a->start;
    pointers[4] = (void*)&a->pixel; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->power; pointers[7] = (void*)&a->fault;
}
struct pnn_detector_powers_c128_arguments {
    long long batch;
    long long pixels;
    long long regions;
    const long long* start; /* (regions + 1) */
    const int* pixel; /* (start[regions]) */
    const pnn_complex128* field; /* (batch, pixels) */
    double* power; /* (batch, regions) */
    int* fault; /* (1) */
};
static inline void pnn_detector_powers_c128_pointers(struct pnn_detector_powers_c128_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->pixels; pointers[2] = (void*)&a->regions; pointers[3] = (void*)&a->start;
    pointers[4] = (void*)&a->pixel; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->power; pointers[7] = (void*)&a->fault;
}
struct pnn_detector_powers_vjp_c64_arguments {
    long long batch;
    long long pixels;
    long long regions;
    const int* label; /* (pixels) */
    const float* cotangent; /* (batch, regions) */
    const pnn_complex64* field; /* (batch, pixels) */
    pnn_complex64* out; /* (batch, pixels) */
};
static inline void pnn_detector_powers_vjp_c64_pointers(struct pnn_detector_powers_vjp_c64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->pixels; pointers[2] = (void*)&a->regions; pointers[3] = (void*)&a->label;
    pointers[4] = (void*)&a->cotangent; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->out;
}
struct pnn_detector_powers_vjp_c128_arguments {
    long long batch;
    long long pixels;
    long long regions;
    const int* label; /* (pixels) */
    const double* cotangent; /* (batch, regions) */
    const pnn_complex128* field; /* (batch, pixels) */
    pnn_complex128* out; /* (batch, pixels) */
};
static inline void pnn_detector_powers_vjp_c128_pointers(struct pnn_detector_powers_vjp_c128_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->pixels; pointers[2] = (void*)&a->regions; pointers[3] = (void*)&a->label;
    pointers[4] = (void*)&a->cotangent; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->out;
}
struct pnn_detector_intensity_c64_arguments {
    long long pixels;
    const pnn_complex64* field; /* (pixels) */
    float* out; /* (pixels) */
};
static inline void pnn_detector_intensity_c64_pointers(struct pnn_detector_intensity_c64_arguments* a, void* pointers[3]) {
    pointers[0] = (void*)&a->pixels; pointers[1] = (void*)&a->field; pointers[2] = (void*)&a->out;
}
struct pnn_detector_intensity_c128_arguments {
    long long pixels;
    const pnn_complex128* field; /* (pixels) */
    double* out; /* (pixels) */
};
static inline void pnn_detector_intensity_c128_pointers(struct pnn_detector_intensity_c128_arguments* a, void* pointers[3]) {
    pointers[0] = (void*)&a->pixels; pointers[1] = (void*)&a->field; pointers[2] = (void*)&a->out;
}

/* ---- optics/halves.cu */
struct pnn_halves_put_c64_arguments {
    long long rows;
    long long nx;
    const pnn_complex64* field; /* (rows, nx) */
    int* words; /* (rows, nx) */
    float* scale; /* (rows) */
};
static inline void pnn_halves_put_c64_pointers(struct pnn_halves_put_c64_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->nx; pointers[2] = (void*)&a->field; pointers[3] = (void*)&a->words;
    pointers[4] = (void*)&a->scale;
}
struct pnn_halves_put_c128_arguments {
    long long rows;
    long long nx;
    const pnn_complex128* field; /* (rows, nx) */
    int* words; /* (rows, nx) */
    double* scale; /* (rows) */
};
static inline void pnn_halves_put_c128_pointers(struct pnn_halves_put_c128_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->nx; pointers[2] = (void*)&a->field; pointers[3] = (void*)&a->words;
    pointers[4] = (void*)&a->scale;
}
struct pnn_halves_take_c64_arguments {
    long long rows;
    long long nx;
    const int* words; /* (rows, nx) */
    const float* scale; /* (rows) */
    pnn_complex64* field; /* (rows, nx) */
};
static inline void pnn_halves_take_c64_pointers(struct pnn_halves_take_c64_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->nx; pointers[2] = (void*)&a->words; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->field;
}
struct pnn_halves_take_c128_arguments {
    long long rows;
    long long nx;
    const int* words; /* (rows, nx) */
    const double* scale; /* (rows) */
    pnn_complex128* field; /* (rows, nx) */
};
static inline void pnn_halves_take_c128_pointers(struct pnn_halves_take_c128_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->rows; pointers[1] = (void*)&a->nx; pointers[2] = (void*)&a->words; pointers[3] = (void*)&a->scale;
    pointers[4] = (void*)&a->field;
}

/* ---- optics/layer.cu */
struct pnn_layer_first_c64_arguments {
    long long batch;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* field; /* (batch, N, N) */
    pnn_complex64* spectrum; /* (batch, N, P) */
};
static inline void pnn_layer_first_c64_pointers(struct pnn_layer_first_c64_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->field; pointers[3] = (void*)&a->spectrum;
}
struct pnn_layer_columns_c64_arguments {
    long long batch;
    long long kept;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* h; /* (P, P) */
    const pnn_complex64* spectrum; /* (batch, N, P) */
    pnn_complex64* out; /* (batch, N, P) */
};
static inline void pnn_layer_columns_c64_pointers(struct pnn_layer_columns_c64_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->kept; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->h;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->out;
}
struct pnn_layer_columns_vjp_c64_arguments {
    long long batch;
    long long kept;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* h; /* (P, P) */
    const pnn_complex64* spectrum; /* (batch, N, P) */
    pnn_complex64* out; /* (batch, N, P) */
};
static inline void pnn_layer_columns_vjp_c64_pointers(struct pnn_layer_columns_vjp_c64_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->kept; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->h;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->out;
}
struct pnn_layer_rows_c64_arguments {
    long long batch;
    long long apart;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* mask; /* (population, N, N) */
    const pnn_complex64* spectrum; /* (population, batch, N, P) */
    pnn_complex64* saved; /* (population, batch, N, N) */
    pnn_complex64* out; /* (population, batch, N, P) */
};
static inline void pnn_layer_rows_c64_pointers(struct pnn_layer_rows_c64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->apart; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->mask;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->saved; pointers[6] = (void*)&a->out;
}
struct pnn_layer_rows_vjp_c64_arguments {
    long long batch;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* mask; /* (population, N, N) */
    const pnn_complex64* saved; /* (population, batch, N, N) */
    const pnn_complex64* spectrum; /* (population, batch, N, P) */
    pnn_complex64* out; /* (population, batch, N, P) */
    float* partial; /* (population, slices, N, N) */
};
static inline void pnn_layer_rows_vjp_c64_pointers(struct pnn_layer_rows_vjp_c64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->mask; pointers[3] = (void*)&a->saved;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->out; pointers[6] = (void*)&a->partial;
}
struct pnn_layer_rows_halves_c64_arguments {
    long long batch;
    long long apart;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* mask; /* (population, N, N) */
    const pnn_complex64* spectrum; /* (population, batch, N, P) */
    int* saved; /* (population, batch, N, N) */
    float* scale; /* (population, batch, N) */
    pnn_complex64* out; /* (population, batch, N, P) */
};
static inline void pnn_layer_rows_halves_c64_pointers(struct pnn_layer_rows_halves_c64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->apart; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->mask;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->saved; pointers[6] = (void*)&a->scale; pointers[7] = (void*)&a->out;
}
struct pnn_layer_rows_halves_vjp_c64_arguments {
    long long batch;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* mask; /* (population, N, N) */
    const int* saved; /* (population, batch, N, N) */
    const float* scale; /* (population, batch, N) */
    const pnn_complex64* spectrum; /* (population, batch, N, P) */
    pnn_complex64* out; /* (population, batch, N, P) */
    float* partial; /* (population, slices, N, N) */
};
static inline void pnn_layer_rows_halves_vjp_c64_pointers(struct pnn_layer_rows_halves_vjp_c64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->mask; pointers[3] = (void*)&a->saved;
    pointers[4] = (void*)&a->scale; pointers[5] = (void*)&a->spectrum; pointers[6] = (void*)&a->out; pointers[7] = (void*)&a->partial;
}
struct pnn_layer_last_c64_arguments {
    long long batch;
    const pnn_complex64* w; /* (P) */
    const pnn_complex64* spectrum; /* (batch, N, P) */
    pnn_complex64* field; /* (batch, N, N) */
};
static inline void pnn_layer_last_c64_pointers(struct pnn_layer_last_c64_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->spectrum; pointers[3] = (void*)&a->field;
}
struct pnn_layer_gradient_f32_arguments {
    long long layers;
    long long population;
    long long first;
    long long members;
    long long slices;
    long long pixels;
    const float* partial; /* (layers, population, slices, pixels) */
    double* gradient; /* (layers, members, pixels) */
};
static inline void pnn_layer_gradient_f32_pointers(struct pnn_layer_gradient_f32_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->layers; pointers[1] = (void*)&a->population; pointers[2] = (void*)&a->first; pointers[3] = (void*)&a->members;
    pointers[4] = (void*)&a->slices; pointers[5] = (void*)&a->pixels; pointers[6] = (void*)&a->partial; pointers[7] = (void*)&a->gradient;
}
struct pnn_layer_first_c128_arguments {
    long long batch;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* field; /* (batch, N, N) */
    pnn_complex128* spectrum; /* (batch, N, P) */
};
static inline void pnn_layer_first_c128_pointers(struct pnn_layer_first_c128_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->field; pointers[3] = (void*)&a->spectrum;
}
struct pnn_layer_columns_c128_arguments {
    long long batch;
    long long kept;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* h; /* (P, P) */
    const pnn_complex128* spectrum; /* (batch, N, P) */
    pnn_complex128* out; /* (batch, N, P) */
};
static inline void pnn_layer_columns_c128_pointers(struct pnn_layer_columns_c128_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->kept; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->h;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->out;
}
struct pnn_layer_columns_vjp_c128_arguments {
    long long batch;
    long long kept;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* h; /* (P, P) */
    const pnn_complex128* spectrum; /* (batch, N, P) */
    pnn_complex128* out; /* (batch, N, P) */
};
static inline void pnn_layer_columns_vjp_c128_pointers(struct pnn_layer_columns_vjp_c128_arguments* a, void* pointers[6]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->kept; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->h;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->out;
}
struct pnn_layer_rows_c128_arguments {
    long long batch;
    long long apart;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* mask; /* (population, N, N) */
    const pnn_complex128* spectrum; /* (population, batch, N, P) */
    pnn_complex128* saved; /* (population, batch, N, N) */
    pnn_complex128* out; /* (population, batch, N, P) */
};
static inline void pnn_layer_rows_c128_pointers(struct pnn_layer_rows_c128_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->apart; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->mask;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->saved; pointers[6] = (void*)&a->out;
}
struct pnn_layer_rows_vjp_c128_arguments {
    long long batch;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* mask; /* (population, N, N) */
    const pnn_complex128* saved; /* (population, batch, N, N) */
    const pnn_complex128* spectrum; /* (population, batch, N, P) */
    pnn_complex128* out; /* (population, batch, N, P) */
    double* partial; /* (population, slices, N, N) */
};
static inline void pnn_layer_rows_vjp_c128_pointers(struct pnn_layer_rows_vjp_c128_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->mask; pointers[3] = (void*)&a->saved;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->out; pointers[6] = (void*)&a->partial;
}
struct pnn_layer_rows_halves_c128_arguments {
    long long batch;
    long long apart;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* mask; /* (population, N, N) */
    const pnn_complex128* spectrum; /* (population, batch, N, P) */
    int* saved; /* (population, batch, N, N) */
    double* scale; /* (population, batch, N) */
    pnn_complex128* out; /* (population, batch, N, P) */
};
static inline void pnn_layer_rows_halves_c128_pointers(struct pnn_layer_rows_halves_c128_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->apart; pointers[2] = (void*)&a->w; pointers[3] = (void*)&a->mask;
    pointers[4] = (void*)&a->spectrum; pointers[5] = (void*)&a->saved; pointers[6] = (void*)&a->scale; pointers[7] = (void*)&a->out;
}
struct pnn_layer_rows_halves_vjp_c128_arguments {
    long long batch;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* mask; /* (population, N, N) */
    const int* saved; /* (population, batch, N, N) */
    const double* scale; /* (population, batch, N) */
    const pnn_complex128* spectrum; /* (population, batch, N, P) */
    pnn_complex128* out; /* (population, batch, N, P) */
    double* partial; /* (population, slices, N, N) */
};
static inline void pnn_layer_rows_halves_vjp_c128_pointers(struct pnn_layer_rows_halves_vjp_c128_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->mask; pointers[3] = (void*)&a->saved;
    pointers[4] = (void*)&a->scale; pointers[5] = (void*)&a->spectrum; pointers[6] = (void*)&a->out; pointers[7] = (void*)&a->partial;
}
struct pnn_layer_last_c128_arguments {
    long long batch;
    const pnn_complex128* w; /* (P) */
    const pnn_complex128* spectrum; /* (batch, N, P) */
    pnn_complex128* field; /* (batch, N, N) */
};
static inline void pnn_layer_last_c128_pointers(struct pnn_layer_last_c128_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->w; pointers[2] = (void*)&a->spectrum; pointers[3] = (void*)&a->field;
}
struct pnn_layer_gradient_f64_arguments {
    long long layers;
    long long population;
    long long first;
    long long members;
    long long slices;
    long long pixels;
    const double* partial; /* (layers, population, slices, pixels) */
    double* gradient; /* (layers, members, pixels) */
};
static inline void pnn_layer_gradient_f64_pointers(struct pnn_layer_gradient_f64_arguments* a, void* pointers[8]) {
    pointers[0] = (void*)&a->layers; pointers[1] = (void*)&a->population; pointers[2] = (void*)&a->first; pointers[3] = (void*)&a->members;
    pointers[4] = (void*)&a->slices; pointers[5] = (void*)&a->pixels; pointers[6] = (void*)&a->partial; pointers[7] = (void*)&a->gradient;
}

/* ---- optics/mask.cu */
struct pnn_mask_phasor_f32_arguments {
    long long pixels;
    const float* phase; /* (pixels) [rad] */
    pnn_complex64* transmission; /* (pixels) */
};
static inline void pnn_mask_phasor_f32_pointers(struct pnn_mask_phasor_f32_arguments* a, void* pointers[3]) {
    pointers[0] = (void*)&a->pixels; pointers[1] = (void*)&a->phase; pointers[2] = (void*)&a->transmission;
}
struct pnn_mask_phasor_f64_arguments {
    long long pixels;
    const double* phase; /* (pixels) [rad] */
    pnn_complex128* transmission; /* (pixels) */
};
static inline void pnn_mask_phasor_f64_pointers(struct pnn_mask_phasor_f64_arguments* a, void* pointers[3]) {
    pointers[0] = (void*)&a->pixels; pointers[1] = (void*)&a->phase; pointers[2] = (void*)&a->transmission;
}
struct pnn_mask_transmit_c64_arguments {
    long long outer;
    long long masks;
    long long batch;
    long long pixels;
    const pnn_complex64* transmission; /* (masks, pixels) */
    const pnn_complex64* field; /* (outer, masks, batch, pixels) */
    pnn_complex64* out; /* (outer, masks, batch, pixels) */
};
static inline void pnn_mask_transmit_c64_pointers(struct pnn_mask_transmit_c64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->outer; pointers[1] = (void*)&a->masks; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->pixels;
    pointers[4] = (void*)&a->transmission; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->out;
}
struct pnn_mask_transmit_c128_arguments {
    long long outer;
    long long masks;
    long long batch;
    long long pixels;
    const pnn_complex128* transmission; /* (masks, pixels) */
    const pnn_complex128* field; /* (outer, masks, batch, pixels) */
    pnn_complex128* out; /* (outer, masks, batch, pixels) */
};
static inline void pnn_mask_transmit_c128_pointers(struct pnn_mask_transmit_c128_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->outer; pointers[1] = (void*)&a->masks; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->pixels;
    pointers[4] = (void*)&a->transmission; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->out;
}
struct pnn_mask_transmit_vjp_c64_arguments {
    long long outer;
    long long masks;
    long long batch;
    long long pixels;
    const pnn_complex64* cotangent; /* (outer, masks, batch, pixels) */
    const pnn_complex64* field; /* (outer, masks, batch, pixels) */
    pnn_complex64* out; /* (masks, pixels) */
};
static inline void pnn_mask_transmit_vjp_c64_pointers(struct pnn_mask_transmit_vjp_c64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->outer; pointers[1] = (void*)&a->masks; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->pixels;
    pointers[4] = (void*)&a->cotangent; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->out;
}
struct pnn_mask_transmit_vjp_c128_arguments {
    long long outer;
    long long masks;
    long long batch;
    long long pixels;
    const pnn_complex128* cotangent; /* (outer, masks, batch, pixels) */
    const pnn_complex128* field; /* (outer, masks, batch, pixels) */
    pnn_complex128* out; /* (masks, pixels) */
};
static inline void pnn_mask_transmit_vjp_c128_pointers(struct pnn_mask_transmit_vjp_c128_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->outer; pointers[1] = (void*)&a->masks; pointers[2] = (void*)&a->batch; pointers[3] = (void*)&a->pixels;
    pointers[4] = (void*)&a->cotangent; pointers[5] = (void*)&a->field; pointers[6] = (void*)&a->out;
}
struct pnn_mask_phase_adjoint_c64_arguments {
    long long masks;
    long long batch;
    long long pixels;
    const pnn_complex64* transmission; /* (masks, pixels) */
    const pnn_complex64* after; /* (masks, batch, pixels) */
    pnn_complex64* cotangent; /* (masks, batch, pixels) */
    float* gradient; /* (masks, pixels) */
};
static inline void pnn_mask_phase_adjoint_c64_pointers(struct pnn_mask_phase_adjoint_c64_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->masks; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->pixels; pointers[3] = (void*)&a->transmission;
    pointers[4] = (void*)&a->after; pointers[5] = (void*)&a->cotangent; pointers[6] = (void*)&a->gradient;
}
struct pnn_mask_phase_adjoint_c128_arguments {
    long long masks;
    long long batch;
    long long pixels;
    const pnn_complex128* transmission; /* (masks, pixels) */
    const pnn_complex128* after; /* (masks, batch, pixels) */
    pnn_complex128* cotangent; /* (masks, batch, pixels) */
    double* gradient; /* (masks, pixels) */
};
static inline void pnn_mask_phase_adjoint_c128_pointers(struct pnn_mask_phase_adjoint_c128_arguments* a, void* pointers[7]) {
    pointers[0] = (void*)&a->masks; pointers[1] = (void*)&a->batch; pointers[2] = (void*)&a->pixels; pointers[3] = (void*)&a->transmission;
    pointers[4] = (void*)&a->after; pointers[5] = (void*)&a->cotangent; pointers[6] = (void*)&a->gradient;
}

/* ---- optics/spectrum.cu */
struct pnn_spectrum_multiply_c64_arguments {
    long long batch;
    long long points;
    const long long* index; /* (batch) */
    const pnn_complex64* transfer; /* (functions, points) */
    pnn_complex64* spectrum; /* (batch, points) */
};
static inline void pnn_spectrum_multiply_c64_pointers(struct pnn_spectrum_multiply_c64_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->points; pointers[2] = (void*)&a->index; pointers[3] = (void*)&a->transfer;
    pointers[4] = (void*)&a->spectrum;
}
struct pnn_spectrum_multiply_c128_arguments {
    long long batch;
    long long points;
    const long long* index; /* (batch) */
    const pnn_complex128* transfer; /* (functions, points) */
    pnn_complex128* spectrum; /* (batch, points) */
};
static inline void pnn_spectrum_multiply_c128_pointers(struct pnn_spectrum_multiply_c128_arguments* a, void* pointers[5]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->points; pointers[2] = (void*)&a->index; pointers[3] = (void*)&a->transfer;
    pointers[4] = (void*)&a->spectrum;
}
struct pnn_spectrum_finite_c64_arguments {
    long long batch;
    long long points;
    const pnn_complex64* field; /* (batch, points) */
    int* fault; /* (1) */
};
static inline void pnn_spectrum_finite_c64_pointers(struct pnn_spectrum_finite_c64_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->points; pointers[2] = (void*)&a->field; pointers[3] = (void*)&a->fault;
}
struct pnn_spectrum_finite_c128_arguments {
    long long batch;
    long long points;
    const pnn_complex128* field; /* (batch, points) */
    int* fault; /* (1) */
};
static inline void pnn_spectrum_finite_c128_pointers(struct pnn_spectrum_finite_c128_arguments* a, void* pointers[4]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->points; pointers[2] = (void*)&a->field; pointers[3] = (void*)&a->fault;
}
struct pnn_spectrum_roll_c64_arguments {
    long long batch;
    long long ny;
    long long nx;
    long long row_in;
    long long row_out;
    long long sy;
    long long sx;
    const pnn_complex64* along_y; /* (ny) */
    const pnn_complex64* along_x; /* (nx) */
    const pnn_complex64* before; /* (batch, ny, row_in) */
    pnn_complex64* after; /* (batch, ny, row_out) */
};
static inline void pnn_spectrum_roll_c64_pointers(struct pnn_spectrum_roll_c64_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->ny; pointers[2] = (void*)&a->nx; pointers[3] = (void*)&a->row_in;
    pointers[4] = (void*)&a->row_out; pointers[5] = (void*)&a->sy; pointers[6] = (void*)&a->sx; pointers[7] = (void*)&a->along_y;
    pointers[8] = (void*)&a->along_x; pointers[9] = (void*)&a->before; pointers[10] = (void*)&a->after;
}
struct pnn_spectrum_roll_c128_arguments {
    long long batch;
    long long ny;
    long long nx;
    long long row_in;
    long long row_out;
    long long sy;
    long long sx;
    const pnn_complex128* along_y; /* (ny) */
    const pnn_complex128* along_x; /* (nx) */
    const pnn_complex128* before; /* (batch, ny, row_in) */
    pnn_complex128* after; /* (batch, ny, row_out) */
};
static inline void pnn_spectrum_roll_c128_pointers(struct pnn_spectrum_roll_c128_arguments* a, void* pointers[11]) {
    pointers[0] = (void*)&a->batch; pointers[1] = (void*)&a->ny; pointers[2] = (void*)&a->nx; pointers[3] = (void*)&a->row_in;
    pointers[4] = (void*)&a->row_out; pointers[5] = (void*)&a->sy; pointers[6] = (void*)&a->sx; pointers[7] = (void*)&a->along_y;
    pointers[8] = (void*)&a->along_x; pointers[9] = (void*)&a->before; pointers[10] = (void*)&a->after;
}

#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)
extern "C" __global__ void pnn_detector_powers_c64(long long batch, long long pixels, long long regions, const long long* start,
    const int* pixel, const pnn::complex<float>* field, float* power, int* fault);
extern "C" __global__ void pnn_detector_powers_c128(long long batch, long long pixels, long long regions, const long long* start,
    const int* pixel, const pnn::complex<double>* field, double* power, int* fault);
extern "C" __global__ void pnn_detector_powers_vjp_c64(long long batch, long long pixels, long long regions, const int* label,
    const float* cotangent, const pnn::complex<float>* field, pnn::complex<float>* out);
extern "C" __global__ void pnn_detector_powers_vjp_c128(long long batch, long long pixels, long long regions, const int* label,
    const double* cotangent, const pnn::complex<double>* field, pnn::complex<double>* out);
extern "C" __global__ void pnn_detector_intensity_c64(long long pixels, const pnn::complex<float>* field, float* out);
extern "C" __global__ void pnn_detector_intensity_c128(long long pixels, const pnn::complex<double>* field, double* out);
extern "C" __global__ void pnn_halves_put_c64(long long rows, long long nx, const pnn::complex<float>* field, int* words, float* scale);
extern "C" __global__ void pnn_halves_put_c128(long long rows, long long nx, const pnn::complex<double>* field, int* words, double* scale);
extern "C" __global__ void pnn_halves_take_c64(long long rows, long long nx, const int* words, const float* scale,
    pnn::complex<float>* field);
extern "C" __global__ void pnn_halves_take_c128(long long rows, long long nx, const int* words, const double* scale,
    pnn::complex<double>* field);
extern "C" __global__ void pnn_layer_first_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* field,
    pnn::complex<float>* spectrum);
extern "C" __global__ void pnn_layer_columns_c64(long long batch, long long kept, const pnn::complex<float>* w, const pnn::complex<float>* h,
    const pnn::complex<float>* spectrum, pnn::complex<float>* out);
extern "C" __global__ void pnn_layer_columns_vjp_c64(long long batch, long long kept, const pnn::complex<float>* w,
    const pnn::complex<float>* h, const pnn::complex<float>* spectrum, pnn::complex<float>* out);
extern "C" __global__ void pnn_layer_rows_c64(long long batch, long long apart, const pnn::complex<float>* w,
    const pnn::complex<float>* mask, const pnn::complex<float>* spectrum, pnn::complex<float>* saved, pnn::complex<float>* out);
extern "C" __global__ void pnn_layer_rows_vjp_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* mask,
    const pnn::complex<float>* saved, const pnn::complex<float>* spectrum, pnn::complex<float>* out, float* partial);
extern "C" __global__ void pnn_layer_rows_halves_c64(long long batch, long long apart, const pnn::complex<float>* w,
    const pnn::complex<float>* mask, const pnn::complex<float>* spectrum, int* saved, float* scale, pnn::complex<float>* out);
extern "C" __global__ void pnn_layer_rows_halves_vjp_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* mask,
    const int* saved, const float* scale, const pnn::complex<float>* spectrum, pnn::complex<float>* out, float* partial);
extern "C" __global__ void pnn_layer_last_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* spectrum,
    pnn::complex<float>* field);
extern "C" __global__ void pnn_layer_gradient_f32(long long layers, long long population, long long first, long long members,
    long long slices, long long pixels, const float* partial, double* gradient);
extern "C" __global__ void pnn_layer_first_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* field,
    pnn::complex<double>* spectrum);
extern "C" __global__ void pnn_layer_columns_c128(long long batch, long long kept, const pnn::complex<double>* w,
    const pnn::complex<double>* h, const pnn::complex<double>* spectrum, pnn::complex<double>* out);
extern "C" __global__ void pnn_layer_columns_vjp_c128(long long batch, long long kept, const pnn::complex<double>* w,
    const pnn::complex<double>* h, const pnn::complex<double>* spectrum, pnn::complex<double>* out);
extern "C" __global__ void pnn_layer_rows_c128(long long batch, long long apart, const pnn::complex<double>* w,
    const pnn::complex<double>* mask, const pnn::complex<double>* spectrum, pnn::complex<double>* saved, pnn::complex<double>* out);
extern "C" __global__ void pnn_layer_rows_vjp_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* mask,
    const pnn::complex<double>* saved, const pnn::complex<double>* spectrum, pnn::complex<double>* out, double* partial);
extern "C" __global__ void pnn_layer_rows_halves_c128(long long batch, long long apart, const pnn::complex<double>* w,
    const pnn::complex<double>* mask, const pnn::complex<double>* spectrum, int* saved, double* scale, pnn::complex<double>* out);
extern "C" __global__ void pnn_layer_rows_halves_vjp_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* mask,
    const int* saved, const double* scale, const pnn::complex<double>* spectrum, pnn::complex<double>* out, double* partial);
extern "C" __global__ void pnn_layer_last_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* spectrum,
    pnn::complex<double>* field);
extern "C" __global__ void pnn_layer_gradient_f64(long long layers, long long population, long long first, long long members,
    long long slices, long long pixels, const double* partial, double* gradient);
extern "C" __global__ void pnn_mask_phasor_f32(long long pixels, const float* phase, pnn::complex<float>* transmission);
extern "C" __global__ void pnn_mask_phasor_f64(long long pixels, const double* phase, pnn::complex<double>* transmission);
extern "C" __global__ void pnn_mask_transmit_c64(long long outer, long long masks, long long batch, long long pixels,
    const pnn::complex<float>* transmission, const pnn::complex<float>* field, pnn::complex<float>* out);
extern "C" __global__ void pnn_mask_transmit_c128(long long outer, long long masks, long long batch, long long pixels,
    const pnn::complex<double>* transmission, const pnn::complex<double>* field, pnn::complex<double>* out);
extern "C" __global__ void pnn_mask_transmit_vjp_c64(long long outer, long long masks, long long batch, long long pixels,
    const pnn::complex<float>* cotangent, const pnn::complex<float>* field, pnn::complex<float>* out);
extern "C" __global__ void pnn_mask_transmit_vjp_c128(long long outer, long long masks, long long batch, long long pixels,
    const pnn::complex<double>* cotangent, const pnn::complex<double>* field, pnn::complex<double>* out);
extern "C" __global__ void pnn_mask_phase_adjoint_c64(long long masks, long long batch, long long pixels,
    const pnn::complex<float>* transmission, const pnn::complex<float>* after, pnn::complex<float>* cotangent, float* gradient);
extern "C" __global__ void pnn_mask_phase_adjoint_c128(long long masks, long long batch, long long pixels,
    const pnn::complex<double>* transmission, const pnn::complex<double>* after, pnn::complex<double>* cotangent, double* gradient);
extern "C" __global__ void pnn_spectrum_multiply_c64(long long batch, long long points, const long long* index,
    const pnn::complex<float>* transfer, pnn::complex<float>* spectrum);
extern "C" __global__ void pnn_spectrum_multiply_c128(long long batch, long long points, const long long* index,
    const pnn::complex<double>* transfer, pnn::complex<double>* spectrum);
extern "C" __global__ void pnn_spectrum_finite_c64(long long batch, long long points, const pnn::complex<float>* field, int* fault);
extern "C" __global__ void pnn_spectrum_finite_c128(long long batch, long long points, const pnn::complex<double>* field, int* fault);
extern "C" __global__ void pnn_spectrum_roll_c64(long long batch, long long ny, long long nx, long long row_in, long long row_out,
    long long sy, long long sx, const pnn::complex<float>* along_y, const pnn::complex<float>* along_x, const pnn::complex<float>* before,
    pnn::complex<float>* after);
extern "C" __global__ void pnn_spectrum_roll_c128(long long batch, long long ny, long long nx, long long row_in, long long row_out,
    long long sy, long long sx, const pnn::complex<double>* along_y, const pnn::complex<double>* along_x, const pnn::complex<double>* before,
    pnn::complex<double>* after);
#endif

#endif
