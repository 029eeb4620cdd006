// Forward-forward: samples with their own label and with a wrong one, how good a layer finds them, what it learns from that, and what goes on
// to the next layer. Equations: pnnkern/learning/forward_forward.py.
// Launch: any 1-D grid, blocks of 256.
// samples : pairs come as all those with their own label, then as many with a wrong one
// values : of a sample, or of a layer's outputs for one
// pairs : not 0: each sample is held against itself with a wrong label, else against the threshold
// x : (samples, values) outputs of a layer
// goodness : (samples) mean squares
// parts : (64) of their sum, of every 64th sample each
// ratings : (samples) goodness over threshold, summed over stages
#include "pnnkern/goodness.cuh"

// Samples twice, with the label written over the first values: their own, then a wrong one, which is drawn by their numbers.
// Bytes: a sample in, two out.
// Launch: any 1-D grid.
// n : samples
// classes : of labels
// width : values of a sample that stand for a class
// level : of those of the label
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// index : (n) numbers of the samples
// labels : (n) classes
// samples : (n, values) as they are
// out : (2 n, values) with labels
// numbers : (2 n) index, twice
extern "C" __global__ void pnn_goodness_pairs_u8(long long n, long long values, long long classes, long long width, double level, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, const long long* __restrict__ index, const long long* __restrict__ labels,
    const unsigned char* __restrict__ samples, unsigned char* __restrict__ out, long long* __restrict__ numbers) {
    pnn::goodness_pairs(n, values, classes, width, level, pnn::key_of(key0, key1, key), index, labels, samples, out, numbers);
}
extern "C" __global__ void pnn_goodness_pairs_f32(long long n, long long values, long long classes, long long width, double level, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, const long long* __restrict__ index, const long long* __restrict__ labels,
    const float* __restrict__ samples, float* __restrict__ out, long long* __restrict__ numbers) {
    pnn::goodness_pairs(n, values, classes, width, level, pnn::key_of(key0, key1, key), index, labels, samples, out, numbers);
}
extern "C" __global__ void pnn_goodness_pairs_f64(long long n, long long values, long long classes, long long width, double level, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, const long long* __restrict__ index, const long long* __restrict__ labels,
    const double* __restrict__ samples, double* __restrict__ out, long long* __restrict__ numbers) {
    pnn::goodness_pairs(n, values, classes, width, level, pnn::key_of(key0, key1, key), index, labels, samples, out, numbers);
}
// The goodness of each sample, and of their sum 64 parts.
// Bytes: an output in.
extern "C" __global__ void __launch_bounds__(256) pnn_goodness_parts_f32(long long samples, long long values, const float* __restrict__ x,
    double* __restrict__ goodness, double* __restrict__ parts) {
    __shared__ double warps[8];
    pnn::goodness_parts(samples, values, x, goodness, parts, warps);
}
extern "C" __global__ void __launch_bounds__(256) pnn_goodness_parts_f64(long long samples, long long values, const double* __restrict__ x,
    double* __restrict__ goodness, double* __restrict__ parts) {
    __shared__ double warps[8];
    pnn::goodness_parts(samples, values, x, goodness, parts, warps);
}
// The threshold, a running mean of the goodness; the loss of each sample, or pair, and its cotangent by the outputs; and these over their rms,
// as they go on.
// Bytes: an output in, two out.
// sharpness : of the step from bad to good, per threshold
// memory : of the threshold, from step to step
// batch : samples that parts are the sum of, on all ranks
// counts : 0 ratings stay as they are, 1 they begin with this stage, 2 it is added
// before : (1) the threshold so far; 0: none yet
// cotangent : (samples, values) dloss / doutput
// level : (samples, values) outputs with an rms of 1; or null
// losses : (samples or samples / 2) loss of each, or of each pair where pairs
// threshold : (1) the threshold now
extern "C" __global__ void __launch_bounds__(256) pnn_goodness_learn_f32(long long samples, long long values, int pairs, double sharpness,
    double memory, long long batch, int counts, const float* __restrict__ x, const double* __restrict__ goodness,
    const double* __restrict__ parts, const double* __restrict__ before, float* __restrict__ cotangent, float* __restrict__ level,
    double* __restrict__ losses, double* __restrict__ ratings, double* __restrict__ threshold) {
    __shared__ double warps[8];
    pnn::goodness_learn(samples, values, pairs, sharpness, memory, batch, counts, x, goodness, parts, before, cotangent, level, losses, ratings,
                        threshold, warps);
}
extern "C" __global__ void __launch_bounds__(256) pnn_goodness_learn_f64(long long samples, long long values, int pairs, double sharpness,
    double memory, long long batch, int counts, const double* __restrict__ x, const double* __restrict__ goodness,
    const double* __restrict__ parts, const double* __restrict__ before, double* __restrict__ cotangent, double* __restrict__ level,
    double* __restrict__ losses, double* __restrict__ ratings, double* __restrict__ threshold) {
    __shared__ double warps[8];
    pnn::goodness_learn(samples, values, pairs, sharpness, memory, batch, counts, x, goodness, parts, before, cotangent, level, losses, ratings,
                        threshold, warps);
}
// The losses of all stages, summed over samples (half of it where there are two for each), and how many have the larger rating with their own
// label.
// Bytes: a loss of each stage and a rating in.
// Launch: one block of 256.
// stages : of the network
// losses : (stages, samples or samples / 2) loss of each, or of each pair where pairs
// sums : (stages + 1) losses, and how many samples are right
extern "C" __global__ void __launch_bounds__(256) pnn_goodness_rate_f64(long long samples, long long stages, int pairs,
    const double* __restrict__ losses, const double* __restrict__ ratings, double* __restrict__ sums) {
    __shared__ double warps[8];
    if (blockIdx.x == 0) pnn::goodness_rate(samples, stages, pairs, losses, ratings, sums, warps);
}
