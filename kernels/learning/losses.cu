// Losses on measured outputs (batch, n), their cotangents and how many samples they get right, in one launch.
#include "pnnkern/losses.cuh"

// kind : 0 cross-entropy of powers, 1 of pairs of them, 2 of logits, 3 square error of shares of the power, 4 of outputs (high, low, hinge).
// labels (batch,), or fractions (batch, n) with kind 4. sums : (loss, rating). One block of 256 threads. Fault 83: a label of no class.
// Moves 2 n values and a label per sample; some 30 n double-precision operations and exponentials.
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
