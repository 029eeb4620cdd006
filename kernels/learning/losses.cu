// Losses on measured outputs (batch, n), their cotangents and how many samples they get right, in one launch.
#include "pnnkern/losses.cuh"

// The loss of every sample, its derivative by the outputs, and whether the sample is right, in double precision; summed over the samples in
// a fixed order. Equations: pnnkern/learning/losses.py.
// Bytes: 2 n values and a label per sample; some 30 n double-precision operations and exponentials.
// Launch: one block of 256.
// Faults: 83 a label of no class.
// batch : samples
// n : outputs of a sample
// kind : 0 cross-entropy of powers, 1 of pairs of them, 2 of logits, 3 square error of shares of the power, 4 of outputs
// scale : of the softmax's scores, where kind is 0 to 2
// high, low : targets of the right and of the other outputs, where kind is 4
// hinge : not 0: outputs beyond their target on the right side are left alone, where kind is 4
// outputs : (batch, n) powers, logits or states
// labels : (batch) numbers of classes; null where fractions are given
// fractions : (batch, n) targets as fractions of high, else of low, where kind is 4; or null
// cotangent : (batch, n) dloss / doutput
// sums : (2) loss and rating, summed over the samples
extern "C" __global__ void pnn_losses_judge_f32(long long batch, long long n, int kind, double scale, double high, double low, int hinge,
    const float* __restrict__ outputs, const long long* __restrict__ labels, const double* __restrict__ fractions,
    float* __restrict__ cotangent, double* __restrict__ sums, int* fault) {
    __shared__ pnn::judges<float> of;
    pnn::losses_judge(batch, n, kind, scale, high, low, hinge, outputs, labels, fractions, cotangent, sums, fault, of);
}
extern "C" __global__ void pnn_losses_judge_f64(long long batch, long long n, int kind, double scale, double high, double low, int hinge,
    const double* __restrict__ outputs, const long long* __restrict__ labels, const double* __restrict__ fractions,
    double* __restrict__ cotangent, double* __restrict__ sums, int* fault) {
    __shared__ pnn::judges<double> of;
    pnn::losses_judge(batch, n, kind, scale, high, low, hinge, outputs, labels, fractions, cotangent, sums, fault, of);
}
