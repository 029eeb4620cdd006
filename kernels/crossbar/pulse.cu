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
#include "pnnkern/pulses.cuh"

// slots[s], scale_x[s], scale_d[s] of each sample: how long its trains are, and what |x| and |d| are multiplied by to give the chance of a
// pulse. A warp takes a sample.
// Bytes: reads x and d once.
// Launch: any 1-D grid, blocks of whole warps.
// lr : learning rate, where now is null: the mean effect is w - lr x d
// now : (1) it, where it is in the device's memory; or null
// step : what a pulse moves a weight by, on average
// pulses : most of a train, 31 at most
// x : (batch, rows) inputs
// d : (batch, columns) errors
// slots : (batch) lengths of the trains
// scale_x, scale_d : (batch) factors
extern "C" __global__ void pnn_pulse_chances_f32(long long batch, long long rows, long long columns, double lr,
                                                 const double* __restrict__ now, double step, int pulses,
                                                 const float* __restrict__ x, const float* __restrict__ d, int* __restrict__ slots,
                                                 double* __restrict__ scale_x, double* __restrict__ scale_d) {
    pnn::pulse_chances(batch, rows, columns, now ? now[0] : lr, step, pulses, x, d, slots, scale_x, scale_d);
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
    pnn::pulse_trains(batch, lines, {key0, key1}, sample0, index, scale, slots, values, line_stride, sample_stride, words, fault);
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
    __shared__ float scales[32];
    pnn::pulse_update(rows, columns, batch, {device0, device1}, {cycle0, cycle1}, row0, column0, sample0, index, kind, parameters, count, nodes,
                      x_words, d_words, w, fault, scales);
}

// Moves each weight by counts[i, j] pulses, up where positive.
// Bytes: reads a count and a weight per cell, writes the weight.
// Launch: any 1-D grid and block.
// Faults: 20 a weight outside its cell's range.
// sample0 : number of the sample that the noise is of, where index is null
// index : (1) that number, or null
// counts : (rows, columns) pulses, down where negative
extern "C" __global__ void pnn_pulse_apply_f32(long long rows, long long columns, unsigned device0, unsigned device1, unsigned cycle0,
                                               unsigned cycle1, long long row0, long long column0, long long sample0,
                                               const long long* __restrict__ index, int kind, const float* __restrict__ parameters,
                                               int count, const float* __restrict__ nodes, const int* __restrict__ counts,
                                               float* __restrict__ w, int* fault) {
    pnn::pulse_apply(rows, columns, {device0, device1}, {cycle0, cycle1}, row0, column0, pnn::sample_of(0, sample0, index), kind, parameters,
                     count, nodes, counts, w, fault);
}

// The parameters of all cells, which are numbered and not stored.
// Bytes: writes 6 values per cell.
// Launch: any 1-D grid and block.
// out : (6, rows, columns) steps up and down, upper and lower bounds, and the two shapes (of the linear kind: slopes)
extern "C" __global__ void pnn_pulse_cells_f32(long long rows, long long columns, unsigned device0, unsigned device1, long long row0,
                                               long long column0, int kind, const float* __restrict__ parameters, float* __restrict__ out) {
    pnn::pulse_cells(rows, columns, {device0, device1}, row0, column0, kind, parameters, out);
}
