// Cells of a crossbar with a characteristic of a user's own, g f(v): their currents and slopes, for Newton's method. As they are here, f is Ohm's law.
// cells : of an array
// reads : right-hand sides
// sets : 1, or reads where each has conductances of its own
// constants : (constants) as many as there are: what f and its slope take behind v
// g : (cells, sets) [S] conductances
#include "pnnkern/characteristic.cuh"

// Each cell as a conductance and a source: I = slopes v + known near the voltage at which it is.
// Bytes: reads a voltage and, of each cell or of each voltage, a conductance; writes three values.
// Launch: any 1-D grid and block.
// v : (cells, reads) [V] across the cells
// slope : (cells, reads) of f
// slopes : (cells, reads) [S] g times that
// known : (cells, reads) [A] currents of the sources
extern "C" __global__ void pnn_characteristic_linear_f32(long long cells, long long reads, long long sets, const float* __restrict__ constants,
    const float* __restrict__ g, const float* __restrict__ v, float* __restrict__ slope, float* __restrict__ slopes, float* __restrict__ known) {
    pnn::characteristic_linear(cells, reads, sets, constants, g, v, slope, slopes, known);
}
extern "C" __global__ void pnn_characteristic_linear_f64(long long cells, long long reads, long long sets, const double* __restrict__ constants,
    const double* __restrict__ g, const double* __restrict__ v, double* __restrict__ slope, double* __restrict__ slopes, double* __restrict__ known) {
    pnn::characteristic_linear(cells, reads, sets, constants, g, v, slope, slopes, known);
}
// A step of Newton's method, or a part of it, and what is then left: voltages and currents between the last and those aimed at.
// Bytes: reads seven values and, of each cell or of each voltage, a conductance; writes five values.
// Launch: any 1-D grid and block.
// slope : (cells, reads) of f at the last voltages
// part : (reads) of the step, 1 for all of it
// word, to_word : (cells, reads) [V] word lines, before and aimed at
// bit, to_bit : (cells, reads) [V] bit lines
// current, to_current : (cells, reads) [A] of the cells by Kirchhoff's law
// w, u : (cells, reads) [V] word and bit lines after the step
// j : (cells, reads) [A] currents after it
// off : (cells, reads) [A] |g f(w - u) - j|
// growth : (cells, reads) by which f has become steeper
extern "C" __global__ void pnn_characteristic_tried_f32(long long cells, long long reads, long long sets, const float* __restrict__ constants,
    const float* __restrict__ g, const float* __restrict__ slope, const float* __restrict__ part, const float* __restrict__ word,
    const float* __restrict__ to_word, const float* __restrict__ bit, const float* __restrict__ to_bit, const float* __restrict__ current,
    const float* __restrict__ to_current, float* __restrict__ w, float* __restrict__ u, float* __restrict__ j, float* __restrict__ off,
    float* __restrict__ growth) {
    pnn::characteristic_tried(cells, reads, sets, constants, g, slope, part, word, to_word, bit, to_bit, current, to_current, w, u, j, off,
                              growth);
}
extern "C" __global__ void pnn_characteristic_tried_f64(long long cells, long long reads, long long sets, const double* __restrict__ constants,
    const double* __restrict__ g, const double* __restrict__ slope, const double* __restrict__ part, const double* __restrict__ word,
    const double* __restrict__ to_word, const double* __restrict__ bit, const double* __restrict__ to_bit, const double* __restrict__ current,
    const double* __restrict__ to_current, double* __restrict__ w, double* __restrict__ u, double* __restrict__ j, double* __restrict__ off,
    double* __restrict__ growth) {
    pnn::characteristic_tried(cells, reads, sets, constants, g, slope, part, word, to_word, bit, to_bit, current, to_current, w, u, j, off,
                              growth);
}
