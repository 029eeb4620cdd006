// Restricted Boltzmann machines: a chain of hidden units and classes in turn, and a whole layer at once. Draws: pnnkern/philox.cuh, of keys
// fold_in(fold_in(key, step), purpose): hidden units by their number, a class by one uniform.
// Faults: 3 a pull that is no number, 4 a sample index that is negative.
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// sample0 : global number of sample 0, where index is null
// index : (samples) global number of each sample, or null
#include "pnnkern/boltzmann.cuh"

// A layer of units from what pulls them: `one` with the chance 1 / (1 + exp(-x)), x = slope ((pull + bias) + more), else 0.
// Bytes: 1 value in (2 with more), 1 out.
// Launch: any 2-D grid and block: x along quads of units, y along samples.
// samples : rows
// units : of the layer
// slope : of the units
// one : what a unit is that is on
// pull : (samples, units) what pulls them
// bias : (units) of each
// more : (samples, units) what a second layer pulls with; or null
// out : (samples, units) states
extern "C" __global__ void pnn_boltzmann_units_f32(long long samples, long long units, double slope, double one, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long sample0, const long long* __restrict__ index, const float* __restrict__ pull, const float* __restrict__ bias,
    const float* __restrict__ more, float* __restrict__ out, int* fault) {
    pnn::boltzmann_units(samples, units, float(slope), float(one), pnn::key_of(key0, key1, key), sample0, index, pull, bias, more, out, fault);
}
extern "C" __global__ void pnn_boltzmann_units_f64(long long samples, long long units, double slope, double one, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long sample0, const long long* __restrict__ index, const double* __restrict__ pull, const double* __restrict__ bias,
    const double* __restrict__ more, double* __restrict__ out, int* fault) {
    pnn::boltzmann_units(samples, units, slope, one, pnn::key_of(key0, key1, key), sample0, index, pull, bias, more, out, fault);
}

// The body of the chain's kernels.
#define PNN_CHAIN(T, NAME)                                                                                                                 \
    PNN_DYNAMIC_SHARED(T, NAME);                                                                                                           \
    __shared__ int now;                                                                                                                    \
    const pnn::rng_key by = pnn::key_of(key0, key1, key);                                                                                  \
    pnn::boltzmann_chain(batch, hidden, classes, settle, sweeps, kept, by, pnn::fold_in(by, pnn::join_(start0, start1)),                   \
                         pnn::join_(hidden0, hidden1), pnn::join_(classes0, classes1),                                                     \
                         sample0, index, drive, weight, bias, field, drawn, given, mean, fault, NAME, &now);
// A chain for each sample: hidden units and a class in turn, each drawn given the other. After `settle` steps that do not count, what is
// seen of each of the others is written down.
// Bytes: reads the weights once for a block where they are kept, else twice a step; writes hidden + classes values a step.
// Launch: a block for each sample, of any grid, of 2^k >= 32 threads; dynamic shared memory, with the weights in it where kept is not 0.
// batch : samples
// hidden : units
// classes : of which one is on
// settle : steps that do not count
// sweeps : steps that do
// kept : not 0: weights lie in shared memory
// start0, start1 : purpose of the first class, low word first
// hidden0, hidden1 : purpose of hidden units, low word first
// classes0, classes1 : purpose of classes, low word first
// drive : (batch, hidden) what inputs and biases give hidden units
// weight : (hidden, classes) between hidden units and classes
// bias : (classes) of the classes
// field : (batch, classes) beside the bias; or null
// drawn : (sweeps, batch, classes) the class that was there, one-hot
// given : (sweeps, batch, hidden) chances of hidden units given it
// mean : (batch, classes) means of the chances of classes given hidden units
extern "C" __global__ void pnn_boltzmann_chain_f32(long long batch, int hidden, int classes, int settle, int sweeps, int kept, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, unsigned start0, unsigned start1, unsigned hidden0, unsigned hidden1,
    unsigned classes0, unsigned classes1, long long sample0, const long long* __restrict__ index, const float* __restrict__ drive,
    const float* __restrict__ weight, const float* __restrict__ bias, const float* __restrict__ field, float* __restrict__ drawn,
    float* __restrict__ given, float* __restrict__ mean, int* fault) {
    PNN_CHAIN(float, boltzmann_shared_f32)
}
extern "C" __global__ void pnn_boltzmann_chain_f64(long long batch, int hidden, int classes, int settle, int sweeps, int kept, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, unsigned start0, unsigned start1, unsigned hidden0, unsigned hidden1,
    unsigned classes0, unsigned classes1, long long sample0, const long long* __restrict__ index, const double* __restrict__ drive,
    const double* __restrict__ weight, const double* __restrict__ bias, const double* __restrict__ field, double* __restrict__ drawn,
    double* __restrict__ given, double* __restrict__ mean, int* fault) {
    PNN_CHAIN(double, boltzmann_shared_f64)
}
