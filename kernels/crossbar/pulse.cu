// Weights updated in place by coincidences of pulses. Rows are inputs, columns outputs; cells are numbered by row0 + row, column0 + column.
// Weights, steps and bounds are in the unit of the weights.
// batch : samples
// rows, columns : of the weights
// key0, key1 : words of the key of the trains
// device0, device1 : words of the device's key: which cells these are
// cycle0, cycle1 : words of the key of the noise from pulse to pulse
// row0, column0 : number of the first row and column of these weights among those of the device
// sample0 : global number of sample 0, where index is null
// index : (batch) global number of each sample, or null
// kind : of response: 0 constant, 1 linear, 2 exponential, 3 power, 4 piecewise, 5 a user's functions (pulse.cuh)
// parameters : (17) of the device, in the order of pulse.cuh
// count : nodes of a piecewise response, or constants of a user's function
// nodes : (2, count) response at equal distances between the bounds, or constants, up and down; null for other kinds
// w : (rows, columns) weights, in place
#include "pnnkern/pulse.cuh"

namespace pnn {
const int FEW = 8;   // pulses below which each has a random word of its own; else the words are bit planes of 31 uniforms at once
}  // namespace pnn

// slots[s], scale_x[s], scale_d[s] of each sample: how long its trains are, and what |x| and |d| are multiplied by to give the chance of a
// pulse. A warp takes a sample.
// Bytes: reads x and d once.
// Launch: any 1-D grid, blocks of whole warps.
// lr : learning rate: the mean effect is w - lr x d
// step : what a pulse moves a weight by, on average
// pulses : most of a train, 31 at most
// x : (batch, rows) inputs
// d : (batch, columns) errors
// slots : (batch) lengths of the trains
// scale_x, scale_d : (batch) factors
extern "C" __global__ void pnn_pulse_chances_f32(long long batch, long long rows, long long columns, double lr, double step, int pulses,
                                                 const float* __restrict__ x, const float* __restrict__ d, int* __restrict__ slots,
                                                 double* __restrict__ scale_x, double* __restrict__ scale_d) {
    using namespace pnn;
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

// Trains of slots[s] pulses, each fired with probability scale[s] |value|, to 2^-32. Random word of pulse or plane k for lines 4 q .. 4 q +
// 3: block 32 q + k.
// Bytes: reads each value once, writes a word for it.
// Launch: any 1-D grid and block; a thread takes four lines of a sample.
// Faults: 21 a value that is not finite.
// lines : rows or columns
// scale : (batch) of pnn_pulse_chances
// slots : (batch) of pnn_pulse_chances
// values : (batch, lines) x or d
// line_stride, sample_stride : the word of sample s and line l goes to words[s sample_stride + l line_stride]
// words : (batch, lines) pulses in bits 0 to 30, the sign of the value in bit 31; in the order that the strides say
extern "C" __global__ void pnn_pulse_trains_f32(long long batch, long long lines, unsigned key0, unsigned key1, long long sample0,
                                                const long long* __restrict__ index, const double* __restrict__ scale,
                                                const int* __restrict__ slots, const float* __restrict__ values, long long line_stride,
                                                long long sample_stride, unsigned* __restrict__ words, int* fault) {
    using namespace pnn;
    i64 quads = (lines + 3) / 4;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < batch * quads; t += (i64)gridDim.x * blockDim.x) {
        i64 s = t / quads, q = t - s * quads, sample = index ? index[s] : sample0 + s;
        u32 all = (1u << slots[s]) - 1, got[4] = {0, 0, 0, 0}, open[4] = {0, 0, 0, 0}, sign[4] = {0, 0, 0, 0};
        u64 chance[4] = {0, 0, 0, 0};
#pragma unroll
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
        if (slots[s] < FEW) {
            for (int k = 0; k < slots[s]; k++) {
                pnn::words r = block({key0, key1}, 32 * q + k, sample);
#pragma unroll
                for (int j = 0; j < 4; j++) got[j] |= (u32)((u64)r.w[j] < chance[j]) << k;
            }
        } else {   // compare 31 uniforms with the chance from the highest bit down; a pulse stays open while all bits are equal
            for (int k = 0; k < 32 && (open[0] | open[1] | open[2] | open[3]); k++) {
                pnn::words r = block({key0, key1}, 32 * q + k, sample);
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    u32 bit = (u32)(chance[j] >> (31 - k)) & 1 ? ~0u : 0u;
                    got[j] |= open[j] & ~r.w[j] & bit;
                    open[j] &= ~(r.w[j] ^ bit);
                }
            }
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (4 * q + j < lines) words[s * sample_stride + (4 * q + j) * line_stride] = got[j] | sign[j];
    }
}

// Weights move by the coincidences of their row's and their column's pulses, sample after sample. One thread owns a cell.
// Bytes: reads and writes each weight once; the words of a row of cells are read by all its threads.
// Launch: any 1-D grid and block.
// Faults: 20 a weight outside its cell's range.
// x_words : (rows, batch) of pnn_pulse_trains
// d_words : (batch, columns) of pnn_pulse_trains
extern "C" __global__ void pnn_pulse_update_f32(long long rows, long long columns, long long batch, unsigned device0, unsigned device1,
                                                unsigned cycle0, unsigned cycle1, long long row0, long long column0, long long sample0,
                                                const long long* __restrict__ index, int kind, const float* __restrict__ parameters,
                                                int count, const float* __restrict__ nodes, const unsigned* __restrict__ x_words,
                                                const unsigned* __restrict__ d_words, float* __restrict__ w, int* fault) {
    using namespace pnn;
    __shared__ float scales[32];   // of the noise of so many pulses
    for (int n = 1 + threadIdx.x; n < 32; n += blockDim.x) scales[n] = noise_scale(parameters[NOISE], n);
    __syncthreads();
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < rows * columns; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / columns, j = t - i * columns;
        u64 number = cell_number(row0 + i, column0 + j);
        cell c = make_cell({device0, device1}, number, kind, parameters);
        float value = w[t], noise = parameters[NOISE];
        if (!(value >= c.low && value <= c.high)) atomicMax(fault, 20);
        for (i64 s = 0; s < batch; s++) {
            u32 x = x_words[i * batch + s], d = d_words[s * columns + j], both = x & d & PULSES;
            if (!both) continue;
            int n = popcount_(both);
            float factor = 1.0f;
            if (noise != 0.0f) {
                words r = block({cycle0, cycle1}, number, index ? index[s] : sample0 + s);
                float z, unused;
                normal2(r.w[0], r.w[1], &z, &unused);
                factor = fma_(scales[n], z, 1.0f);
            }
            value = pulsed(c, (x ^ d) >> 31, n, factor, value, kind, parameters, count, nodes);
        }
        w[t] = value;
    }
}

// Moves each weight by counts[i, j] pulses, up where positive.
// Bytes: reads a count and a weight per cell, writes the weight.
// Launch: any 1-D grid and block.
// Faults: 20 a weight outside its cell's range.
// sample : number of the sample that the noise is of
// counts : (rows, columns) pulses, down where negative
extern "C" __global__ void pnn_pulse_apply_f32(long long rows, long long columns, unsigned device0, unsigned device1, unsigned cycle0,
                                               unsigned cycle1, long long row0, long long column0, long long sample, int kind,
                                               const float* __restrict__ parameters, int count, const float* __restrict__ nodes,
                                               const int* __restrict__ counts, float* __restrict__ w, int* fault) {
    using namespace pnn;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < rows * columns; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / columns, j = t - i * columns;
        u64 number = cell_number(row0 + i, column0 + j);
        cell c = make_cell({device0, device1}, number, kind, parameters);
        float value = w[t], noise = parameters[NOISE];
        if (!(value >= c.low && value <= c.high)) atomicMax(fault, 20);
        int n = counts[t] >= 0 ? counts[t] : counts[t] < -MOST ? MOST : -counts[t];
        float factor = 1.0f;
        if (noise != 0.0f) {
            words r = block({cycle0, cycle1}, number, sample);
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
// Bytes: writes 6 values per cell.
// Launch: any 1-D grid and block.
// out : (6, rows, columns) steps up and down, upper and lower bounds, and the two shapes (of the linear kind: slopes)
extern "C" __global__ void pnn_pulse_cells_f32(long long rows, long long columns, unsigned device0, unsigned device1, long long row0,
                                               long long column0, int kind, const float* __restrict__ parameters, float* __restrict__ out) {
    using namespace pnn;
    i64 all = rows * columns;
    for (i64 t = blockIdx.x * (i64)blockDim.x + threadIdx.x; t < all; t += (i64)gridDim.x * blockDim.x) {
        i64 i = t / columns;
        cell c = make_cell({device0, device1}, cell_number(row0 + i, column0 + t - i * columns), kind, parameters);
        out[t] = c.up;
        out[all + t] = c.down;
        out[2 * all + t] = c.high;
        out[3 * all + t] = c.low;
        out[4 * all + t] = c.shape_up;
        out[5 * all + t] = c.shape_down;
    }
}
