// What a launch of the kernels in crossbar/pulse.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/pulses.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/pulse.cuh"

namespace pnn {
const int FEW_PULSES = 8;   // pulses below which each has a random word of its own; else the words are bit planes of 31 uniforms at once

// How long the trains of each sample are, and what |x| and |d| are multiplied by; a warp takes a sample.
PNN_D void pulse_chances(i64 batch, i64 rows, i64 columns, double lr, double step, int pulses, const float* x, const float* d, int* slots,
                         double* scale_x, double* scale_d) {
    const int lane = threadIdx.x % 32;
    for (i64 s = (blockIdx.x * (i64)blockDim.x + threadIdx.x) / 32; s < batch; s += (i64)gridDim.x * blockDim.x / 32) {
        float most_x = 0.0f, most_d = 0.0f;
        for (i64 i = lane; i < rows; i += 32) most_x = larger(most_x, abs_(x[s * rows + i]));
        for (i64 j = lane; j < columns; j += 32) most_d = larger(most_d, abs_(d[s * columns + j]));
        for (int o = 16; o > 0; o /= 2) {
            most_x = larger(most_x, __shfl_xor_sync(0xffffffffu, most_x, o));
            most_d = larger(most_d, __shfl_xor_sync(0xffffffffu, most_d, o));
        }
        if (lane == 0) chances(lr, step, pulses, most_x, most_d, slots + s, scale_x + s, scale_d + s);
    }
}

// Trains of four lines of a sample by each thread.
PNN_D void pulse_trains(i64 batch, i64 lines, rng_key key, i64 sample0, const i64* index, const double* scale, const int* slots,
                        const float* values, i64 line_stride, i64 sample_stride, u32* words, int* fault) {
    i64 quads = (lines + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 s = t / quads, q = t - s * quads, sample = index ? index[s] : sample0 + s;
        u32 all = (1u << slots[s]) - 1, got[4] = {0, 0, 0, 0}, open[4] = {0, 0, 0, 0}, sign[4] = {0, 0, 0, 0};
        u64 chance[4] = {0, 0, 0, 0};
        PNN_UNROLL
        for (int j = 0; j < 4; j++) {
            if (4 * q + j >= lines) break;
            float v = values[s * lines + 4 * q + j];
            if (!(abs_(v) <= 3.4028234663852886e38f)) atomicMax(fault, 21);
            double p = mul_(scale[s], (double)abs_(v));
            chance[j] = p >= 1.0 ? 1ull << 32 : p > 0.0 ? (u64)mul_(p, 0x1p32) : 0;
            sign[j] = v < 0.0f ? ~PULSES : 0;
            open[j] = chance[j] > 0 && chance[j] >> 32 == 0 ? all : 0;
            got[j] = chance[j] >> 32 ? all : 0;
        }
        if (slots[s] < FEW_PULSES) {
            for (int k = 0; k < slots[s]; k++) {
                pnn::words r = block(key, 32 * q + k, sample);
                PNN_UNROLL
                for (int j = 0; j < 4; j++) got[j] |= (u32)((u64)r.w[j] < chance[j]) << k;
            }
        } else {   // compare 31 uniforms with the chance from the highest bit down; a pulse stays open while all bits are equal
            for (int k = 0; k < 32 && (open[0] | open[1] | open[2] | open[3]); k++) {
                pnn::words r = block(key, 32 * q + k, sample);
                PNN_UNROLL
                for (int j = 0; j < 4; j++) {
                    u32 bit = (u32)(chance[j] >> (31 - k)) & 1 ? ~0u : 0u;
                    got[j] |= open[j] & ~r.w[j] & bit;
                    open[j] &= ~(r.w[j] ^ bit);
                }
            }
        }
        PNN_UNROLL
        for (int j = 0; j < 4; j++)
            if (4 * q + j < lines) words[s * sample_stride + (4 * q + j) * line_stride] = got[j] | sign[j];
    }
}

// Weights move by the coincidences of their row's and their column's pulses, sample after sample. One thread owns a cell.
// scales : shared memory for 32, the noise of so many pulses
PNN_D void pulse_update(i64 rows, i64 columns, i64 batch, rng_key device, rng_key cycle, i64 row0, i64 column0, i64 sample0, const i64* index,
                        int kind, const float* parameters, int count, const float* nodes, const u32* x_words, const u32* d_words, float* w,
                        int* fault, float* scales) {
    for (int n = 1 + threadIdx.x; n < 32; n += blockDim.x) scales[n] = noise_scale(parameters[NOISE], n);
    __syncthreads();
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < rows * columns; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / columns, j = t - i * columns;
        u64 number = cell_number(row0 + i, column0 + j);
        cell c = make_cell(device, number, kind, parameters);
        float value = w[t], noise = parameters[NOISE];
        if (!(value >= c.low && value <= c.high)) atomicMax(fault, 20);
        for (i64 s = 0; s < batch; s++) {
            u32 x = x_words[i * batch + s], d = d_words[s * columns + j], both = x & d & PULSES;
            if (!both) continue;
            int n = popcount_(both);
            float factor = 1.0f;
            if (noise != 0.0f) {
                words r = block(cycle, number, index ? index[s] : sample0 + s);
                float z, unused;
                normal2(r.w[0], r.w[1], &z, &unused);
                factor = fma_(scales[n], z, 1.0f);
            }
            value = pulsed(c, (x ^ d) >> 31, n, factor, value, kind, parameters, count, nodes);
        }
        w[t] = value;
    }
}

// Each weight moves by counts[i, j] pulses, up where positive.
PNN_D void pulse_apply(i64 rows, i64 columns, rng_key device, rng_key cycle, i64 row0, i64 column0, i64 sample, int kind,
                       const float* parameters, int count, const float* nodes, const int* counts, float* w, int* fault) {
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < rows * columns; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / columns, j = t - i * columns;
        u64 number = cell_number(row0 + i, column0 + j);
        cell c = make_cell(device, number, kind, parameters);
        float value = w[t], noise = parameters[NOISE];
        if (!(value >= c.low && value <= c.high)) atomicMax(fault, 20);
        int n = counts[t] >= 0 ? counts[t] : counts[t] < -MOST ? MOST : -counts[t];
        float factor = 1.0f;
        if (noise != 0.0f) {
            words r = block(cycle, number, sample);
            float z, unused;
            normal2(r.w[0], r.w[1], &z, &unused);
            factor = fma_(noise_scale(noise, n), z, 1.0f);
        }
        while (n > 0) {
            int some = kind != CONSTANT && n > ROUND ? ROUND : n;
            float next = pulsed(c, counts[t] > 0, some, factor, value, kind, parameters, count, nodes);
            n -= some;
            if (!(next < value || next > value)) n %= ROUND;   // nor will further rounds move it
            value = next;
        }
        w[t] = value;
    }
}

// The parameters of all cells, which are numbered and not stored.
PNN_D void pulse_cells(i64 rows, i64 columns, rng_key device, i64 row0, i64 column0, int kind, const float* parameters, float* out) {
    i64 all = rows * columns;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < all; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / columns;
        cell c = make_cell(device, cell_number(row0 + i, column0 + t - i * columns), kind, parameters);
        out[t] = c.up;
        out[all + t] = c.down;
        out[2 * all + t] = c.high;
        out[3 * all + t] = c.low;
        out[4 * all + t] = c.shape_up;
        out[5 * all + t] = c.shape_down;
    }
}
}  // namespace pnn
#endif
