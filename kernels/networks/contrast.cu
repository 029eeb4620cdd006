// Local updates by outer products, in one pass over the weights: nothing of their size is stored beside them.
#include "pnnkern/contrast.cuh"

// weight[i, j] = clamp(weight[i, j] - rate scale sum_s first[s, i] second[s, j], low, high), of up to 8 arrays in a launch. A thread has 4
// x 4 weights of a tile of 64 x 64; samples are added in order.
// Bytes: 2 values per weight, and first and second once for every 64 columns or rows.
// Launch: a block of 16 x 16 for each tile of 64 x 64 of all arrays, one after another in a 1-D grid.
// arrays : how many, 8 at most; pointers of the others are not looked at
// rate : of the move, where now is null
// now : (1) it, where it is in the device's memory; or null
// shape : (arrays, 3) rows, columns and samples of each
// how : (arrays, 3) scale, low and high of each
// first0 .. first7 : (samples, rows) one factor of each
// second0 .. second7 : (samples, columns) the other factor
// weight0 .. weight7 : (rows, columns) in place
extern "C" __global__ void __launch_bounds__(256, 4) pnn_contrast_update_f32(int arrays, double rate, const double* __restrict__ now,
    const long long* __restrict__ shape, const double* __restrict__ how, const float* __restrict__ first0, const float* __restrict__ first1, const float* __restrict__ first2,
    const float* __restrict__ first3, const float* __restrict__ first4, const float* __restrict__ first5, const float* __restrict__ first6,
    const float* __restrict__ first7, const float* __restrict__ second0, const float* __restrict__ second1, const float* __restrict__ second2,
    const float* __restrict__ second3, const float* __restrict__ second4, const float* __restrict__ second5, const float* __restrict__ second6,
    const float* __restrict__ second7, float* __restrict__ weight0, float* __restrict__ weight1, float* __restrict__ weight2,
    float* __restrict__ weight3, float* __restrict__ weight4, float* __restrict__ weight5, float* __restrict__ weight6,
    float* __restrict__ weight7) {
    pnn::contrast_update(arrays, now ? now[0] : rate, shape, how, first0, first1, first2, first3, first4, first5, first6, first7,
                         second0, second1, second2, second3, second4, second5, second6, second7,
                         weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7);
}
extern "C" __global__ void __launch_bounds__(256) pnn_contrast_update_f64(int arrays, double rate, const double* __restrict__ now,
    const long long* __restrict__ shape, const double* __restrict__ how, const double* __restrict__ first0, const double* __restrict__ first1, const double* __restrict__ first2,
    const double* __restrict__ first3, const double* __restrict__ first4, const double* __restrict__ first5, const double* __restrict__ first6,
    const double* __restrict__ first7, const double* __restrict__ second0, const double* __restrict__ second1,
    const double* __restrict__ second2, const double* __restrict__ second3, const double* __restrict__ second4,
    const double* __restrict__ second5, const double* __restrict__ second6, const double* __restrict__ second7, double* __restrict__ weight0,
    double* __restrict__ weight1, double* __restrict__ weight2, double* __restrict__ weight3, double* __restrict__ weight4,
    double* __restrict__ weight5, double* __restrict__ weight6, double* __restrict__ weight7) {
    pnn::contrast_update(arrays, now ? now[0] : rate, shape, how, first0, first1, first2, first3, first4, first5, first6, first7,
                         second0, second1, second2, second3, second4, second5, second6, second7,
                         weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7);
}
