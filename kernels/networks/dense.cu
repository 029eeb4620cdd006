// Layers of a network in exact arithmetic: what goes up, the error that comes down, and the gradient. Products of our own, because those of
// a library cannot be captured as a graph; everything at their edges is done on the way.
// Tiles of 16 x 16 outputs for blocks of 256 threads, of which each quarter adds up every fourth 16 of the k; a thread has 2 x 2 sums. The
// order of each sum is fixed, whatever the grid and the number of samples: of each quarter in the order of k, then the quarters.
// Launch: any 1-D grid, blocks of 256, which take turns at tiles of 16 x 16.
// batch : samples
// n_in, n_out : inputs, with that of the bias, and outputs of the layer
// activation : 1 tanh, 2 relu, 3 sigmoid; 0: none
#include "pnnkern/dense.cuh"

// out[m, b, :] = f(x[m, b, :] w[m]), and a column of ones behind, if asked for, for the bias of the next layer.
// Bytes: x once for 16 outputs, w once for 16 samples, out once.
// members : networks of a population
// shared : not 0: all have the same x
// x : (members, batch, n_in) inputs; (batch, n_in) where shared
// w : (members, n_in, n_out) weights
// ones : not 0: with the column of ones
// out : (members, batch, n_out or n_out + 1) outputs
extern "C" __global__ void __launch_bounds__(256) pnn_dense_layer_f32(long long members, int shared, long long batch, long long n_in,
    long long n_out, int activation, int ones, const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ out) {
    __shared__ pnn::dense_tile<float> tile;
    pnn::dense_layer(tile, members, shared, batch, n_in, n_out, activation, ones, x, w, out);
}
extern "C" __global__ void __launch_bounds__(256, 2) pnn_dense_layer_f64(long long members, int shared, long long batch, long long n_in,
    long long n_out, int activation, int ones, const double* __restrict__ x, const double* __restrict__ w, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::dense_layer(tile, members, shared, batch, n_in, n_out, activation, ones, x, w, out);
}
// The error below a layer whose last input is that of the bias: out[b, i] = f'(entered[b, i]) sum over j of error[b, j] w[i, j], i < n_in -
// 1, f' by f's own value.
// Bytes: the error once for 16 inputs, w once for 16 samples, entered and out once.
// error : (batch, n_out) error above
// w : (n_in, n_out) weights
// entered : (batch, n_in) values of f that entered the layer
// out : (batch, n_in - 1) error below
extern "C" __global__ void __launch_bounds__(256) pnn_dense_below_f32(long long batch, long long n_in, long long n_out, int activation,
    const float* __restrict__ error, const float* __restrict__ w, const float* __restrict__ entered, float* __restrict__ out) {
    __shared__ pnn::dense_tile<float> tile;
    pnn::dense_below(tile, batch, n_in, n_out, activation, error, w, entered, out);
}
extern "C" __global__ void __launch_bounds__(256) pnn_dense_below_f64(long long batch, long long n_in, long long n_out, int activation,
    const double* __restrict__ error, const double* __restrict__ w, const double* __restrict__ entered, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::dense_below(tile, batch, n_in, n_out, activation, error, w, entered, out);
}
// out = scale first^T second, the gradient of the weights.
// Bytes: first once for 16 columns, second once for 16 rows, out once.
// samples : that are added up
// rows, columns : of out
// scale : of the sum
// first : (samples, rows) what entered
// second : (samples, columns) the error
// out : (rows, columns) result
extern "C" __global__ void __launch_bounds__(256) pnn_dense_outer_f32(long long samples, long long rows, long long columns, float scale,
    const float* __restrict__ first, const float* __restrict__ second, float* __restrict__ out) {
    __shared__ pnn::dense_tile<float> tile;
    pnn::dense_outer(tile, samples, rows, columns, scale, first, second, out);
}
extern "C" __global__ void __launch_bounds__(256) pnn_dense_outer_f64(long long samples, long long rows, long long columns, double scale,
    const double* __restrict__ first, const double* __restrict__ second, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::dense_outer(tile, samples, rows, columns, scale, first, second, out);
}
// The error before f of a layer, by f's own value: out = f'(left) error.
// Bytes: two values in, one out.
// Launch: any 1-D grid.
// values : of the error
// activation : 1 tanh, 2 relu, 3 sigmoid
// error : (values) error behind f
// left : (values) values of f that left the layer
// out : (values) error before f
extern "C" __global__ void pnn_dense_slope_f32(long long values, int activation, const float* __restrict__ error,
    const float* __restrict__ left, float* __restrict__ out) {
    pnn::dense_slope(values, activation, error, left, out);
}
extern "C" __global__ void pnn_dense_slope_f64(long long values, int activation, const double* __restrict__ error,
    const double* __restrict__ left, double* __restrict__ out) {
    pnn::dense_slope(values, activation, error, left, out);
}
