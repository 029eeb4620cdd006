// A fitted read-out: sums over samples of products of features and targets, the weights that follow from them, and what these read. Products
// and a solution of our own, because those of a library cannot be captured as a graph. All in double precision; the order of each sum is
// fixed, whatever the grid. Equations: pnnkern/learning/readout.py.
// Launch: any 1-D grid, blocks of 256.
// samples : that are added up, or read
// features : of a sample, without the constant, which is the last row of weights
// outputs : of a sample
// size : features and the constant
// x : (samples, features) features
// gram : (size, size) X^T X of features and the constant
// cross : (size, outputs) X^T Y
// a : (size, size) gram with the penalty; what is left of it
// rhs : (size, outputs) cross; what is left of it
// inverses : (ceil(size / 32), 32, 32) of the tiles on the diagonal of a, as they are when their turn comes
// weights : (size, outputs) W
#include "pnnkern/readout.cuh"

// gram = X^T X and cross = X^T Y, X of features and a constant 1, Y of targets, or 1 at the label and 0 elsewhere.
// Bytes: a feature once for 16 columns of the results, these once.
// labels : (samples) classes, where one output alone stands for class 1; null where targets are given
// targets : (samples, outputs) real targets; or null
// gram : (features + 1, features + 1) X^T X
// cross : (features + 1, outputs) X^T Y
extern "C" __global__ void __launch_bounds__(256) pnn_readout_moments_f32(long long samples, long long features, long long outputs,
    const float* __restrict__ x, const long long* __restrict__ labels, const double* __restrict__ targets, double* __restrict__ gram,
    double* __restrict__ cross) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::readout_moments(tile, samples, features, outputs, x, labels, targets, gram, cross);
}
extern "C" __global__ void __launch_bounds__(256) pnn_readout_moments_f64(long long samples, long long features, long long outputs,
    const double* __restrict__ x, const long long* __restrict__ labels, const double* __restrict__ targets, double* __restrict__ gram,
    double* __restrict__ cross) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::readout_moments(tile, samples, features, outputs, x, labels, targets, gram, cross);
}
// out = X W, of features and a constant 1.
// Bytes: a feature once for 16 outputs, the weights once for 16 samples, out once.
// weights : (features + 1, outputs) W
// out : (samples, outputs) what is read
extern "C" __global__ void __launch_bounds__(256) pnn_readout_scores_f32(long long samples, long long features, long long outputs,
    const float* __restrict__ x, const double* __restrict__ weights, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::readout_scores(tile, samples, features, outputs, x, weights, out);
}
extern "C" __global__ void __launch_bounds__(256) pnn_readout_scores_f64(long long samples, long long features, long long outputs,
    const double* __restrict__ x, const double* __restrict__ weights, double* __restrict__ out) {
    __shared__ pnn::dense_tile<double> tile;
    pnn::readout_scores(tile, samples, features, outputs, x, weights, out);
}
// Before the panels: a = gram + ridge s diag(1, ..., 1, 0), s the mean of gram's diagonal but for the constant, rhs = cross, and the first
// of the inverses.
// Bytes: gram and cross once in and once out.
// Faults: 79 a variable that those before it make up, but for rounding.
// ridge : weight of the squares of the weights, relative to those of the features
extern "C" __global__ void __launch_bounds__(256) pnn_readout_begin_f64(long long size, long long outputs, double ridge,
    const double* __restrict__ gram, const double* __restrict__ cross, double* __restrict__ a, double* __restrict__ rhs,
    double* __restrict__ inverses, int* fault) {
    __shared__ pnn::ridge_tiles tiles;
    pnn::ridge_begin(tiles, size, outputs, ridge, gram, cross, a, rhs, inverses, fault);
}
// One panel of 32 of the variables goes from the equations a W = rhs of all others; with the last of them come the weights.
// Bytes: what is right of the panel in a, once in and once out; its rows and columns once for each of them.
// Faults: 79 a variable that those before it make up, but for rounding.
// panel : which one, from 0 on; all of them, one after another
// gram : (size, size) X^T X, whose diagonal says what rounding is
extern "C" __global__ void __launch_bounds__(256) pnn_readout_panel_f64(long long size, long long outputs, long long panel,
    const double* __restrict__ gram, double* a, double* rhs, double* inverses, double* __restrict__ weights,
    int* fault) {
    __shared__ pnn::ridge_tiles tiles;
    pnn::ridge_panel(tiles, size, outputs, panel, gram, a, rhs, inverses, weights, fault);
}
