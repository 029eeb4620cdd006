// One read of a crossbar: inputs through their converters, the product, noise of the outputs, converters of the outputs.
//   out[a, b, j] = adc_aj(sum over i of w_aij v'_bi + sqrt(sum over i of s2_aij v'_bi^2 + extra) z_baj),  v' = dac(v) + dac_noise z'_bi
// for a stack of arrays a on the same inputs. Element numbers: of z' and of the rounding the input i, of z element0 + j + a (n_out, up to a
// multiple of 4), with element0 a multiple of 4; sample0 + b or index[b].
// arrays : of the stack
// batch : samples
// n_in, n_out : rows and columns of an array
// step, dac_step : [V] of the converters of inputs; 0: nothing is converted
// low, high : [codes] lowest and highest code of a converter, here of the outputs
// dac_low, dac_high : [codes] lowest and highest code of the converters of inputs
// stochastic : not 0: up or down with the chance of the fraction; else to the nearest
// rounding0, rounding1 : words of the key of that rounding, where rounding is null
// rounding : (2) where they lie in the device's memory; or null
// noise : [V] standard deviation of the noise of inputs
// noisy0, noisy1 : words of the key of that noise, where noisy is null
// noisy : (2) where they lie in the device's memory; or null
// extra : [A^2] variance that every output has
// key0, key1 : words of the key of the noise of outputs, where key is null
// key : (2) where they lie in the device's memory; or null
// element0 : number of the first output
// sample0 : global number of row 0, where index is null
// index : (batch) global number of each row, or null
// mode : of the converters of outputs: 0 none, 1 cut only, 2 rounded, 3 successive approximation (converters.cuh)
// bits : of the converters of outputs
// lsb : (arrays, n_out) [A] what one code of each converter really is
// offset : (arrays, n_out) [A] added to the current; or null
// bow : (arrays, n_out) [codes] deviation in the middle of the range; or null
// table : (arrays, n_out, bits) [codes] capacitors, where mode is 3; or null
// v : (batch, n_in) [V] inputs
// w : (arrays, n_in, n_out) [S] conductances, or what stands for them
// s2 : (arrays, n_in, n_out) [S^2] variances of the conductances; or null
// parts : (1 or 2, slices, arrays, batch, n_out) [A, A^2] sums over slices of 64 inputs, of w and then of s2; or null
// out : (arrays, batch, n_out) [A] outputs
#include "pnnkern/read.cuh"

// out = dac(v) + noise z.
// Bytes: 2 values per input.
// Launch: any 1-D grid and block; a thread takes four inputs of a sample.
// low, high : [codes] lowest and highest code
// out : (batch, n_in) [V] what the lines get; may be v
extern "C" __global__ void pnn_read_dac_f32(long long batch, long long n_in, float step, float low, float high, int stochastic,
    unsigned rounding0, unsigned rounding1, const unsigned* __restrict__ rounding, float noise, unsigned noisy0, unsigned noisy1,
    const unsigned* __restrict__ noisy, long long sample0, const long long* __restrict__ index, const float* v, float* out) {
    pnn::read_dac<float>(batch, n_in, {{step, low, high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                       pnn::key_of(noisy0, noisy1, noisy)}, sample0, index, v, out);
}
extern "C" __global__ void pnn_read_dac_f64(long long batch, long long n_in, double step, double low, double high, int stochastic,
    unsigned rounding0, unsigned rounding1, const unsigned* __restrict__ rounding, double noise, unsigned noisy0, unsigned noisy1,
    const unsigned* __restrict__ noisy, long long sample0, const long long* __restrict__ index, const double* v, double* out) {
    pnn::read_dac<double>(batch, n_in, {{step, low, high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                       pnn::key_of(noisy0, noisy1, noisy)}, sample0, index, v, out);
}
// out[a, b, j] = adc_aj(current + sqrt(variance + extra) z), where current and variance are added up over the slices in their order.
// Bytes: slices + 1 (2 slices + 1 with variance) values per output.
// Launch: any 1-D grid and block; a thread takes four outputs of a sample.
// slices : that are added up
// step : (arrays, n_out) [A] what one code is taken for
// current : (slices, arrays, batch, n_out) [A] sums; may be out
// variance : (slices, arrays, batch, n_out) [A^2] sums; or null
extern "C" __global__ void pnn_read_adc_f32(long long arrays, long long slices, long long batch, long long n_out, float extra, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, int mode,
    int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset,
    const float* __restrict__ bow, const float* __restrict__ table, const float* current, const float* variance, float* out) {
    pnn::read_adc<float>(arrays, slices, batch, n_out,
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}},
                       sample0, index, current, variance, out);
}
extern "C" __global__ void pnn_read_adc_f64(long long arrays, long long slices, long long batch, long long n_out, double extra, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index, int mode,
    int bits, double low, double high, const double* __restrict__ lsb, const double* __restrict__ step, const double* __restrict__ offset,
    const double* __restrict__ bow, const double* __restrict__ table, const double* current, const double* variance, double* out) {
    pnn::read_adc<double>(arrays, slices, batch, n_out,
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}},
                       sample0, index, current, variance, out);
}
// out[b, i] = x[b, i] / scale[b] v_max, with the scale that is given, if it is above 0, or else the largest |x[b, i]|, or 1 where there is
// nothing.
// Bytes: 2 values per input, x twice where it does not stay in the cache.
// Launch: any 1-D grid, blocks of whole warps; a warp takes a sample.
// given : scale of all samples; 0: of each its own
// v_max : [V] largest voltage
// x : (batch, n_in) inputs
// scale : (batch) what each sample was divided by
// out : (batch, n_in) [V] voltages
extern "C" __global__ void pnn_read_scale_f32(long long batch, long long n_in, float given, float v_max, const float* __restrict__ x,
    float* __restrict__ scale, float* __restrict__ out) {
    pnn::read_scale<float>(batch, n_in, given, v_max, x, scale, out);
}
extern "C" __global__ void pnn_read_scale_f64(long long batch, long long n_in, double given, double v_max, const double* __restrict__ x,
    double* __restrict__ scale, double* __restrict__ out) {
    pnn::read_scale<double>(batch, n_in, given, v_max, x, scale, out);
}
// All at once. Where parts are given, slices = ceil(n_in / 64), blocks write the sums over a slice of the inputs there, of w first and then
// of s2 if there is one, and nothing to out: pnn_read_adc adds and converts them, to the same bits.
// Bytes: v once per 32 columns, w (and s2) once per 32 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 128, which take turns at tiles of 32 x 32.
// Faults: 30 an element of w is negative or NaN.
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(128, 4) pnn_read_mvm_f32(long long arrays, long long batch, long long n_in, long long n_out,
    float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1,
    const unsigned* __restrict__ rounding, float noise, unsigned noisy0, unsigned noisy1, const unsigned* __restrict__ noisy, float extra,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset,
    const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v, const float* __restrict__ w,
    const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 32> tile;
    pnn::read_mvm<float, 32>(tile, pnn::by_threads<float, 32>(), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                        pnn::key_of(noisy0, noisy1, noisy)},
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index,
                       v, w, s2, parts, out, fault);
}
extern "C" __global__ void __launch_bounds__(128, 2) pnn_read_mvm_f64(long long arrays, long long batch, long long n_in, long long n_out,
    double dac_step, double dac_low, double dac_high, int stochastic, unsigned rounding0, unsigned rounding1,
    const unsigned* __restrict__ rounding, double noise, unsigned noisy0, unsigned noisy1, const unsigned* __restrict__ noisy, double extra,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, double low, double high, const double* __restrict__ lsb, const double* __restrict__ step,
    const double* __restrict__ offset, const double* __restrict__ bow, const double* __restrict__ table, const double* __restrict__ v,
    const double* __restrict__ w, const double* __restrict__ s2, double* __restrict__ parts, double* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<double, 32> tile;
    pnn::read_mvm<double, 32>(tile, pnn::by_threads<double, 32>(), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                        pnn::key_of(noisy0, noisy1, noisy)},
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index,
                       v, w, s2, parts, out, fault);
}
// The same in larger tiles, for large products: the same bits.
// Bytes: v once per 64 columns, w (and s2) once per 64 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 256, which take turns at tiles of 64 x 64.
// Faults: 30 an element of w is negative or NaN.
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(256, 2) pnn_read_mvm_large_f32(long long arrays, long long batch, long long n_in, long long n_out,
    float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1,
    const unsigned* __restrict__ rounding, float noise, unsigned noisy0, unsigned noisy1, const unsigned* __restrict__ noisy, float extra,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset,
    const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v, const float* __restrict__ w,
    const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 64> tile;
    pnn::read_mvm<float, 64>(tile, pnn::by_threads<float, 64>(), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                        pnn::key_of(noisy0, noisy1, noisy)},
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index,
                       v, w, s2, parts, out, fault);
}
// The same by matrix units, of converted inputs, their squares, w and s2 rounded to bf16 or tf32.
// Bytes: v once per 32 columns, w (and s2) once per 32 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 128, which take turns at tiles of 32 x 32.
// Faults: 30 an element of w is negative or NaN.
// bf16 : not 0: rounded to bf16; else to tf32
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(128, 4) pnn_read_units_f32(long long arrays, long long batch, long long n_in, long long n_out,
    int bf16, float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1,
    const unsigned* __restrict__ rounding, float noise, unsigned noisy0, unsigned noisy1, const unsigned* __restrict__ noisy, float extra,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset,
    const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v, const float* __restrict__ w,
    const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 32> tile;
    pnn::read_mvm<float, 32>(tile, pnn::by_matrix_units<32>(bf16), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                        pnn::key_of(noisy0, noisy1, noisy)},
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index,
                       v, w, s2, parts, out, fault);
}
// The same by matrix units in larger tiles.
// Bytes: v once per 64 columns, w (and s2) once per 64 rows of the batch, out once.
// Launch: any 1-D grid, blocks of 256, which take turns at tiles of 64 x 64.
// Faults: 30 an element of w is negative or NaN.
// bf16 : not 0: rounded to bf16; else to tf32
// step : (arrays, n_out) [A] what one code of each converter is taken for
extern "C" __global__ void __launch_bounds__(256, 2) pnn_read_units_large_f32(long long arrays, long long batch, long long n_in,
    long long n_out, int bf16, float dac_step, float dac_low, float dac_high, int stochastic, unsigned rounding0, unsigned rounding1,
    const unsigned* __restrict__ rounding, float noise, unsigned noisy0, unsigned noisy1, const unsigned* __restrict__ noisy, float extra,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long element0, long long sample0, const long long* __restrict__ index,
    int mode, int bits, float low, float high, const float* __restrict__ lsb, const float* __restrict__ step, const float* __restrict__ offset,
    const float* __restrict__ bow, const float* __restrict__ table, const float* __restrict__ v, const float* __restrict__ w,
    const float* __restrict__ s2, float* __restrict__ parts, float* __restrict__ out, int* fault) {
    __shared__ pnn::product_tile<float, 64> tile;
    pnn::read_mvm<float, 64>(tile, pnn::by_matrix_units<64>(bf16), arrays, batch, n_in, n_out,
                       {{dac_step, dac_low, dac_high}, stochastic, pnn::key_of(rounding0, rounding1, rounding), noise,
                        pnn::key_of(noisy0, noisy1, noisy)},
                       {extra, pnn::key_of(key0, key1, key), element0, {mode, bits, low, high, lsb, step, offset, bow, table}}, sample0, index,
                       v, w, s2, parts, out, fault);
}
