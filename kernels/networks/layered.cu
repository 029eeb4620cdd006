// Layered networks that relax (equilibrium propagation and its kin), a training step in three launches and networks/contrast.cu. See
// pnnkern/layered.cuh for layers, nodes and the order in which they lie in memory. At most 8 arrays of weights in a launch. Nodes of all
// layers are n = size[1] + .. + size[layers].
// networks : of a population, each with weights of its own
// batch : samples
// each : samples of a network, which lie one after another in the batch: networks = batch / each
// layers : of weights, 8 at most
// size : (layers + 1) nodes of each layer, from the inputs on
// model : of hidden nodes: 0 clamped to 0 .. 1, 1 sigmoid, 2 tanh, 3 diodes (layered.cuh)
// phases : nudged states beside the free one
// begun : not 0: state holds a start; else all nodes start at 0
// hold : not 0: outputs move by nudge (target - output)
// together : nudged states that are relaxed at a time, 1 or 2; a tolerance does not allow 2
// sweeps : of the free state
// nudged_sweeps : of each nudged state
// tolerance : relative to the largest state: a sample stops when no node moves by more; 0: never
// drive : (networks, each, size[1]) what the first hidden layer gets from the inputs
// total : (networks, n) total conductance of each node over its slope; or null
// nudge : (phases, batch) strength
// target : (batch, outputs) targets
// state : (batch, n) free states, (batch, size) of each layer one after another; in place
// moved : (phases, batch, n) nudged states less the free one, laid out alike
// change : (1 + phases, batch) the last steps, relative to the largest states
#include "pnnkern/few_outputs.cuh"
#include "pnnkern/layered.cuh"

// What the first layer of hidden nodes gets from the inputs, and the total conductance of every node: drive = x weight0 + bias; total = sum
// of a node's conductances over slope.
// Bytes: every weight once, and x once for every 8 nodes.
// Launch: grid (a block for each tile of 8 nodes of all layers, tiles of 4 samples, networks), the last two of any size, block (8, 64).
// Faults: 61 a nudge that leaves no minimum, 62 a node that is joined to nothing, 63 a conductance below 0.
// given : arrays of weights: `layers`, and where the network goes on, the next one
// least : the least nudge of the outputs
// x : (batch, size[0]) inputs; or null: none
// bias : (networks, size[1]) of the first hidden layer
// slope : (n) slopes of units; or null: 1
// drive : (networks, batch, size[1]) what the first hidden layer gets from the inputs
// weight0 .. weight7 : (networks, size[l], size[l + 1]) conductances or weights of layer l
extern "C" __global__ void __launch_bounds__(512, 1) pnn_layered_drive_f32(long long networks, long long batch, int layers, int given,
    double least, const int* __restrict__ size, const float* __restrict__ x, const float* __restrict__ bias, const float* __restrict__ slope,
    const float* __restrict__ weight0, const float* __restrict__ weight1, const float* __restrict__ weight2, const float* __restrict__ weight3,
    const float* __restrict__ weight4, const float* __restrict__ weight5, const float* __restrict__ weight6, const float* __restrict__ weight7,
    float* __restrict__ drive, float* __restrict__ total, int* fault) {
    __shared__ double shares[pnn::TILE_WARPS * pnn::TILE_NODES * (pnn::TILE_SAMPLES + 1)];
    pnn::layered_drive(networks, batch, layers, given, least, size, x, bias, slope, weight0, weight1, weight2, weight3,
                       weight4, weight5, weight6, weight7, drive, total, shares, fault);
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_layered_drive_f64(long long networks, long long batch, int layers, int given,
    double least, const int* __restrict__ size, const double* __restrict__ x, const double* __restrict__ bias, const double* __restrict__ slope,
    const double* __restrict__ weight0, const double* __restrict__ weight1, const double* __restrict__ weight2,
    const double* __restrict__ weight3, const double* __restrict__ weight4, const double* __restrict__ weight5,
    const double* __restrict__ weight6, const double* __restrict__ weight7, double* __restrict__ drive, double* __restrict__ total,
    int* fault) {
    __shared__ double shares[pnn::TILE_WARPS * pnn::TILE_NODES * (pnn::TILE_SAMPLES + 1)];
    pnn::layered_drive(networks, batch, layers, given, least, size, x, bias, slope, weight0, weight1, weight2, weight3,
                       weight4, weight5, weight6, weight7, drive, total, shares, fault);
}

// Every sweep of every phase in one launch: the free state, then the nudged states as differences from it.
// Bytes: all weights but the first twice a sweep, from a cache or shared memory; states once in and out.
// Launch: a block of whole warps for each sample, 512 threads at most, of any grid. Dynamic shared memory: (2 + together) n + together
//   widest + max(64, together threads) + size[layers - 1] pitch values.
// pitch : of rows of the last weights in shared memory; 0 where they do not fit
// weight1 .. weight7 : (networks, size[l], size[l + 1]) of layer l
// bias1 .. bias7 : (networks, size[l + 1]) of layer l
extern "C" __global__ void __launch_bounds__(512, 1) pnn_layered_relax_f32(long long batch, long long each, int layers, int model, int phases,
    int begun, int hold, int together, int pitch, int sweeps, int nudged_sweeps, double tolerance, const int* __restrict__ size,
    const float* __restrict__ drive, const float* __restrict__ total, const float* __restrict__ weight1, const float* __restrict__ weight2,
    const float* __restrict__ weight3, const float* __restrict__ weight4, const float* __restrict__ weight5, const float* __restrict__ weight6,
    const float* __restrict__ weight7, const float* __restrict__ bias1, const float* __restrict__ bias2, const float* __restrict__ bias3,
    const float* __restrict__ bias4, const float* __restrict__ bias5, const float* __restrict__ bias6, const float* __restrict__ bias7,
    const float* __restrict__ nudge, const float* __restrict__ target, float* __restrict__ state, float* __restrict__ moved,
    float* __restrict__ change) {
    PNN_DYNAMIC_SHARED(float, layered_shared_f32);
    __shared__ const float *weight[pnn::LAYERS], *bias[pnn::LAYERS];
    __shared__ int at[2 * pnn::LAYERS + 1];
    pnn::layered_relax(batch, each, layers, model, phases, begun, hold, together, pitch, sweeps, nudged_sweeps, float(tolerance), size, drive,
                       total, weight1, weight2, weight3, weight4, weight5, weight6, weight7, bias1,
                       bias2, bias3, bias4, bias5, bias6, bias7, nudge, target, state, moved, change, layered_shared_f32, weight, bias, at);
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_layered_relax_f64(long long batch, long long each, int layers, int model, int phases,
    int begun, int hold, int together, int pitch, int sweeps, int nudged_sweeps, double tolerance, const int* __restrict__ size,
    const double* __restrict__ drive, const double* __restrict__ total, const double* __restrict__ weight1, const double* __restrict__ weight2,
    const double* __restrict__ weight3, const double* __restrict__ weight4, const double* __restrict__ weight5,
    const double* __restrict__ weight6, const double* __restrict__ weight7, const double* __restrict__ bias1, const double* __restrict__ bias2,
    const double* __restrict__ bias3, const double* __restrict__ bias4, const double* __restrict__ bias5, const double* __restrict__ bias6,
    const double* __restrict__ bias7, const double* __restrict__ nudge, const double* __restrict__ target, double* __restrict__ state,
    double* __restrict__ moved, double* __restrict__ change) {
    PNN_DYNAMIC_SHARED(double, layered_shared_f64);
    __shared__ const double *weight[pnn::LAYERS], *bias[pnn::LAYERS];
    __shared__ int at[2 * pnn::LAYERS + 1];
    pnn::layered_relax(batch, each, layers, model, phases, begun, hold, together, pitch, sweeps, nudged_sweeps, double(tolerance), size, drive,
                       total, weight1, weight2, weight3, weight4, weight5, weight6, weight7, bias1,
                       bias2, bias3, bias4, bias5, bias6, bias7, nudge, target, state, moved, change, layered_shared_f64, weight, bias, at);
}

// The same of networks of one hidden layer and a few outputs, with states and weights in registers. Last bits are other than those of
// `relax`, and do not depend on the batch.
// Bytes: the weights once for a block, states once in and out.
// Launch: a block of at most 8 whole warps for each sample, of any grid: a thread has 4 hidden nodes in single precision and one in
//   double precision.
// n : hidden nodes
// m : outputs, 16 at most
// drive : (batch, n) what the hidden layer gets from the inputs
// total : (networks, n + m) total conductance of each node over its slope; or null
// weight : (networks, n, m) of the outputs
// bias : (networks, m) of the outputs
// state : (batch, n) and then (batch, m); in place
// moved : (phases, batch, n) and then (phases, batch, m)
extern "C" __global__ void __launch_bounds__(256, 1) pnn_layered_relax_few_f32(long long batch, long long each, int n, int m, int model,
    int phases, int begun, int hold, int together, int sweeps, int nudged_sweeps, double tolerance, const float* __restrict__ drive,
    const float* __restrict__ total, const float* __restrict__ weight, const float* __restrict__ bias, const float* __restrict__ nudge,
    const float* __restrict__ target, float* __restrict__ state, float* __restrict__ moved, float* __restrict__ change) {
    __shared__ pnn::pack<float> outputs[2 * pnn::FEW_WARPS * pnn::FEW * sizeof(float) / 16];
    __shared__ float shares[2 * pnn::FEW_SHARES], notes[2 * pnn::FEW_NOTES];
    pnn::relax_few<float>(batch, each, n, m, model, phases, begun, hold, together, sweeps, nudged_sweeps, float(tolerance), drive, total, weight, bias,
                   nudge, target, state, moved, change, shares, notes, outputs->v);
}
extern "C" __global__ void __launch_bounds__(256, 1) pnn_layered_relax_few_f64(long long batch, long long each, int n, int m, int model,
    int phases, int begun, int hold, int together, int sweeps, int nudged_sweeps, double tolerance, const double* __restrict__ drive,
    const double* __restrict__ total, const double* __restrict__ weight, const double* __restrict__ bias, const double* __restrict__ nudge,
    const double* __restrict__ target, double* __restrict__ state, double* __restrict__ moved, double* __restrict__ change) {
    __shared__ pnn::pack<double> outputs[2 * pnn::FEW_WARPS * pnn::FEW * sizeof(double) / 16];
    __shared__ double shares[2 * pnn::FEW_SHARES], notes[2 * pnn::FEW_NOTES];
    pnn::relax_few<double>(batch, each, n, m, model, phases, begun, hold, together, sweeps, nudged_sweeps, double(tolerance), drive, total, weight, bias,
                   nudge, target, state, moved, change, shares, notes, outputs->v);
}

// Factors of the change of dE/dweights from phase a to phase b (0 is the free one), and of dE/dbiases: contrast_column in layered.cuh.
// Bytes: the states once in, three times out.
// Launch: any 1-D grid of tiles of 32 columns, block (32, 8).
// drops : not 0: resistive networks, whose weights see drops of voltage
// a, b : phases
// x : (batch, size[0]) inputs; or null
// state0 .. state7 : (batch, size[l + 1]) free states of layer l
// moved0 .. moved7 : (phases, batch, size[l + 1]) of layer l
// inputs : (batch + 1, size[0]) factors of the inputs; or null
// factors : (3 (batch + drops), n) factors, one layer after another
// sums : (n) sums over the samples, for the biases
extern "C" __global__ void __launch_bounds__(256) pnn_layered_contrast_f32(long long batch, int layers, int drops, int a, int b,
    const int* __restrict__ size, const float* __restrict__ x, const float* __restrict__ state0, const float* __restrict__ state1,
    const float* __restrict__ state2, const float* __restrict__ state3, const float* __restrict__ state4, const float* __restrict__ state5,
    const float* __restrict__ state6, const float* __restrict__ state7, const float* __restrict__ moved0, const float* __restrict__ moved1,
    const float* __restrict__ moved2, const float* __restrict__ moved3, const float* __restrict__ moved4, const float* __restrict__ moved5,
    const float* __restrict__ moved6, const float* __restrict__ moved7, float* __restrict__ inputs, float* __restrict__ factors,
    float* __restrict__ sums) {
    __shared__ float shares[2 * pnn::CONTRAST_LANES * pnn::CONTRAST_COLUMNS];
    pnn::layered_contrast(batch, layers, drops, a, b, size, x, state0, state1, state2, state3, state4, state5, state6, state7,
                          moved0, moved1, moved2, moved3, moved4, moved5, moved6, moved7, inputs, factors, sums, shares);
}
extern "C" __global__ void __launch_bounds__(256) pnn_layered_contrast_f64(long long batch, int layers, int drops, int a, int b,
    const int* __restrict__ size, const double* __restrict__ x, const double* __restrict__ state0, const double* __restrict__ state1,
    const double* __restrict__ state2, const double* __restrict__ state3, const double* __restrict__ state4, const double* __restrict__ state5,
    const double* __restrict__ state6, const double* __restrict__ state7, const double* __restrict__ moved0, const double* __restrict__ moved1,
    const double* __restrict__ moved2, const double* __restrict__ moved3, const double* __restrict__ moved4, const double* __restrict__ moved5,
    const double* __restrict__ moved6, const double* __restrict__ moved7, double* __restrict__ inputs, double* __restrict__ factors,
    double* __restrict__ sums) {
    __shared__ double shares[2 * pnn::CONTRAST_LANES * pnn::CONTRAST_COLUMNS];
    pnn::layered_contrast(batch, layers, drops, a, b, size, x, state0, state1, state2, state3, state4, state5, state6, state7,
                          moved0, moved1, moved2, moved3, moved4, moved5, moved6, moved7, inputs, factors, sums, shares);
}
