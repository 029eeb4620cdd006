// Convolutional layered networks that relax, a training step in a few launches: see pnnkern/convolutional.cuh for layers, maps and how they are
// pooled, and layered.cu for what both have in common. At most 8 arrays of weights. Nodes of all layers are n.
// batch : samples
#include "pnnkern/convolutional.cuh"

// All sweeps of the free state and of what nudges move: a block for each sample.
// Bytes: weights of the convolutions and of the outputs at each sweep, from a cache; states once in and out.
// Launch: a block of whole warps for each sample, 512 threads at most (256 in double precision), of any grid. Dynamic shared memory:
//   (2 + together) n + together widest + 64 + nodes of the first layer values, and a byte for each node where `largest`.
// layers : of weights, 8 at most
// model : of hidden nodes: 0 clamped to 0 .. 1, 1 sigmoid, 2 tanh (layered.cuh)
// largest : not 0: squares are pooled by the largest; else by the mean
// softmax : not 0: outputs are scores that a softmax reads, and a nudge's force on them is their state
// phases : nudged states beside the free one
// begun : not 0: state holds a start; else all nodes start at 0
// hold : not 0: outputs move by nudge (target - output)
// together : nudged states that are relaxed at a time, 1 or 2; a tolerance does not allow 2
// sweeps : of the free state
// nudged_sweeps : of each nudged state
// tolerance : relative to the largest state: a sample stops when no node moves by more; 0: never
// shape : (layers + 1, 4) maps, height and width of each layer, the inputs first, and the side of the convolution to the next one
// x : (batch, N) inputs, one map after another
// total : (n) what divides the pulls of each node; or null
// weight0 .. weight7 : (numbers) maps above by maps below by side by side, and the last one values below by outputs
// bias0 .. bias7 : (numbers) of each map above, and the last one of each output
// nudge : (phases) strength
// target : (batch, outputs) targets; or null
// state : (batch, n) free states, (batch, nodes) of each layer one after another; in place
// moved : (phases, batch, n) nudged states less the free one, laid out alike
// output : (batch, outputs) free outputs, or scores
// change : (1 + phases, batch) the last steps, relative to the largest states
extern "C" __global__ void __launch_bounds__(512, 1) pnn_convolutional_relax_f32(long long batch, int layers, int model, int largest,
    int softmax, int phases, int begun, int hold, int together, int sweeps, int nudged_sweeps, double tolerance,
    const int* __restrict__ shape, const float* __restrict__ x, const float* __restrict__ total, const float* __restrict__ weight0,
    const float* __restrict__ weight1, const float* __restrict__ weight2, const float* __restrict__ weight3,
    const float* __restrict__ weight4, const float* __restrict__ weight5, const float* __restrict__ weight6,
    const float* __restrict__ weight7, const float* __restrict__ bias0, const float* __restrict__ bias1, const float* __restrict__ bias2,
    const float* __restrict__ bias3, const float* __restrict__ bias4, const float* __restrict__ bias5, const float* __restrict__ bias6,
    const float* __restrict__ bias7, const float* __restrict__ nudge, const float* __restrict__ target, float* __restrict__ state,
    float* __restrict__ moved, float* __restrict__ output, float* __restrict__ change) {
    PNN_DYNAMIC_SHARED(float, convolutional_shared_f32);
    __shared__ const float *weight[pnn::LAYERS], *bias[pnn::LAYERS];
    __shared__ int at[6 * (pnn::LAYERS + 1)];
    pnn::conv_relax(batch, layers, model, largest, softmax, phases, begun, hold, together, sweeps, nudged_sweeps, float(tolerance), shape,
                    x, total, weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7, bias0, bias1, bias2, bias3, bias4, bias5, bias6,
                    bias7, nudge, target, state, moved, output, change, convolutional_shared_f32, weight, bias, at);
}
extern "C" __global__ void __launch_bounds__(256, 1) pnn_convolutional_relax_f64(long long batch, int layers, int model, int largest,
    int softmax, int phases, int begun, int hold, int together, int sweeps, int nudged_sweeps, double tolerance,
    const int* __restrict__ shape, const double* __restrict__ x, const double* __restrict__ total, const double* __restrict__ weight0,
    const double* __restrict__ weight1, const double* __restrict__ weight2, const double* __restrict__ weight3,
    const double* __restrict__ weight4, const double* __restrict__ weight5, const double* __restrict__ weight6,
    const double* __restrict__ weight7, const double* __restrict__ bias0, const double* __restrict__ bias1,
    const double* __restrict__ bias2, const double* __restrict__ bias3, const double* __restrict__ bias4, const double* __restrict__ bias5,
    const double* __restrict__ bias6, const double* __restrict__ bias7, const double* __restrict__ nudge, const double* __restrict__ target,
    double* __restrict__ state, double* __restrict__ moved, double* __restrict__ output, double* __restrict__ change) {
    PNN_DYNAMIC_SHARED(double, convolutional_shared_f64);
    __shared__ const double *weight[pnn::LAYERS], *bias[pnn::LAYERS];
    __shared__ int at[6 * (pnn::LAYERS + 1)];
    pnn::conv_relax(batch, layers, model, largest, softmax, phases, begun, hold, together, sweeps, nudged_sweeps, double(tolerance), shape,
                    x, total, weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7, bias0, bias1, bias2, bias3, bias4, bias5, bias6,
                    bias7, nudge, target, state, moved, output, change, convolutional_shared_f64, weight, bias, at);
}

// Which pixel of each square of 2 x 2 of a convolution is the largest.
// Bytes: the values below and the weights from a cache; writes a byte for each node above.
// Launch: any 1-D grid and block; a thread for each node.
// below : maps below
// maps : above
// height, width : of the maps below
// side : of the convolution
// x : (batch, below, height, width) values
// weight : (maps, below, side, side) of the convolution
// out : (batch, maps, height / 2, width / 2) 0, 1 above, 2, 3 below
extern "C" __global__ void pnn_convolutional_choose_f32(long long batch, int below, int maps, int height, int width, int side,
    const float* __restrict__ x, const float* __restrict__ weight, unsigned char* __restrict__ out) {
    pnn::conv_choose(batch, below, maps, height, width, side, x, weight, out);
}
extern "C" __global__ void pnn_convolutional_choose_f64(long long batch, int below, int maps, int height, int width, int side,
    const double* __restrict__ x, const double* __restrict__ weight, unsigned char* __restrict__ out) {
    pnn::conv_choose(batch, below, maps, height, width, side, x, weight, out);
}

// The sum over rows of above . pooled(weight * below), differentiated by the weights; and sums over maps, for the biases.
// Bytes: first and second from a cache; writes each derivative once.
// Launch: any 1-D grid of tiles of 32 derivatives, block (32, 8).
// rows : products to add up, of factors of `batch` samples one after another
// below : maps below
// maps : above
// height, width : of the maps below
// side : of the convolution
// first : (rows, below, height, width) factors
// second : (rows, maps, height / 2, width / 2) factors
// sums : (maps, height / 2, width / 2) to add up over each map
// picked : (batch, maps, height / 2, width / 2) of pnn_convolutional_choose; or null: squares are pooled by the mean
// of_weight : (maps, below, side, side) derivative
// of_bias : (maps) derivative
extern "C" __global__ void __launch_bounds__(256) pnn_convolutional_product_f32(long long rows, long long batch, int below, int maps,
    int height, int width, int side, const float* __restrict__ first, const float* __restrict__ second, const float* __restrict__ sums,
    const unsigned char* __restrict__ picked, float* __restrict__ of_weight, float* __restrict__ of_bias) {
    __shared__ float shares[pnn::CONV_LANES * pnn::CONV_COLUMNS];
    pnn::conv_product(rows, batch, below, maps, height, width, side, first, second, sums, picked, of_weight, of_bias, shares);
}
extern "C" __global__ void __launch_bounds__(256) pnn_convolutional_product_f64(long long rows, long long batch, int below, int maps,
    int height, int width, int side, const double* __restrict__ first, const double* __restrict__ second, const double* __restrict__ sums,
    const unsigned char* __restrict__ picked, double* __restrict__ of_weight, double* __restrict__ of_bias) {
    __shared__ double shares[pnn::CONV_LANES * pnn::CONV_COLUMNS];
    pnn::conv_product(rows, batch, below, maps, height, width, side, first, second, sums, picked, of_weight, of_bias, shares);
}
