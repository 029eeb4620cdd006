// Shares that several pieces of a batch have in a sum, added in their order.
#include "pnnkern/shares.cuh"

// out = ((s0 + s1) + s2) + ..., of as many as there are.
// Bytes: a number of each share in, one out.
// Launch: any 1-D grid.
// n : numbers of a share
// s0 .. s7 : (n) shares; null from the first one on that there is not
// out : (n) sums
extern "C" __global__ void pnn_shares_add_f32(long long n, const float* __restrict__ s0, const float* __restrict__ s1,
    const float* __restrict__ s2, const float* __restrict__ s3, const float* __restrict__ s4, const float* __restrict__ s5,
    const float* __restrict__ s6, const float* __restrict__ s7, float* __restrict__ out) {
    pnn::shares_add(n, s0, s1, s2, s3, s4, s5, s6, s7, out);
}
extern "C" __global__ void pnn_shares_add_f64(long long n, const double* __restrict__ s0, const double* __restrict__ s1,
    const double* __restrict__ s2, const double* __restrict__ s3, const double* __restrict__ s4, const double* __restrict__ s5,
    const double* __restrict__ s6, const double* __restrict__ s7, double* __restrict__ out) {
    pnn::shares_add(n, s0, s1, s2, s3, s4, s5, s6, s7, out);
}
