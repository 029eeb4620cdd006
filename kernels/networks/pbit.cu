// Gibbs sweeps of +-1 spins. Draws and tables: pnnkern/pbit.cuh.
// samples : networks
// nodes : of the graph
// field_rows : 1 where all samples have the same field, else samples
// colours : of the nodes
// sweeps : over all nodes
// width : nodes that a factor has beside its own
// kept : what lies in dynamic shared memory: 0 nothing; 1 states char[nodes]; 2 before these the tables with `pad` entries after each
//   node, so that rows of an even length lie in different banks: entries float and entries width int, entries = first[nodes] + pad nodes
// pad : entries after each node
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// sweep0 : number of the first sweep
// sample0 : global number of sample 0, where index is null
// index : (samples) global number of each sample, or null
// quad_first : (colours + 1) colour c is the quads from quad_first[c] to quad_first[c + 1]
// visit : (quads, 4) nodes to visit, -1 for none (also where one is clamped)
// first : (nodes + 1) factors of node i are entries first[i] to first[i + 1]
// other : (entries, width) the other nodes of a factor; after the first -1 for none
// coupling : (entries) of each factor
// field : (field_rows, nodes) on each node
// beta : (sweeps) inverse temperature of each sweep
// state : (samples, nodes) +-1, in place
// total : (samples, nodes) gains the states after each sweep; or null
#include "pnnkern/pbit.cuh"

// Visits all nodes, colour by colour, in every sweep: each takes its state by a draw with the chance that its field gives. Draws of sweep
// n: blocks (sweep0 + n) nodes + quad of the sample.
// Bytes: the tables and the states of all neighbours in each sweep, from shared memory where they are kept.
// Launch: a block for each sample, of any grid, 128 threads at most, which share the nodes of a colour; dynamic shared memory as `kept`
//   says.
// Faults: 64 a coupling or field that is not finite, 66 a state that is no spin, 67 a beta that is negative or not finite.
extern "C" __global__ void __launch_bounds__(128, 6) pnn_pbit_sweep_f32(long long samples, long long nodes, long long field_rows, int colours,
    int sweeps, int width, int kept, int pad, unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long sweep0, long long sample0,
    const long long* __restrict__ index, const int* __restrict__ quad_first, const int* __restrict__ visit, const int* __restrict__ first,
    const int* __restrict__ other, const float* __restrict__ coupling, const float* __restrict__ field, const double* __restrict__ beta,
    signed char* state, int* total, int* fault) {
    PNN_DYNAMIC_SHARED(float, pbit_shared);
    pnn::pbit_sweep(samples, nodes, field_rows, colours, sweeps, width, kept, pad, pnn::key_of(key0, key1, key), sweep0, sample0, index,
                    quad_first, visit, first, other, coupling, field, beta, state, total, fault, pbit_shared);
}

// One colour of one sweep where nearly all nodes of the colour have the same neighbours: a product of matrices, and the draws. A thread is
// a panel, two quads, of one sample. Sums in the order of the inputs: bit for bit those of `sweep`.
// Bytes: the couplings once for every block, the neighbours' states once for every panel.
// Launch: any 2-D grid: x along samples, y along panels.
// panels : pairs of quads
// inputs : neighbours
// block0 : number of the sweep times nodes: draws are blocks block0 + quad
// visit : (panels, 8) nodes to visit, -1 for none
// input : (inputs) the neighbours, ascending
// coupling : (panels, inputs, 8) 0 where there is no edge
// beta : (1) inverse temperature
// state : (ceil(samples / 16), nodes, 16) spins of 16 samples side by side, +-1; in place
extern "C" __global__ void pnn_pbit_layer_f32(long long samples, long long nodes, long long field_rows, int panels, int inputs, unsigned key0,
    unsigned key1, const unsigned* __restrict__ key, long long block0, long long sample0, const long long* __restrict__ index,
    const int* __restrict__ visit, const int* __restrict__ input, const float* __restrict__ coupling, const float* __restrict__ field,
    const double* __restrict__ beta, float* state) {
    pnn::pbit_layer(samples, nodes, field_rows, panels, inputs, pnn::key_of(key0, key1, key), block0, sample0, index, visit, input,
                    coupling, field, beta, state);
}

// How the states b of samples differ from the states a, as factors and sums: all are whole numbers.
// Bytes: both states once in, as numbers twice out.
// Launch: any 1-D grid of tiles of 32 nodes, block (32, 8), whose warps share out the samples.
// below : nodes of the first group
// a, b : (samples, nodes) states
// first : (2 samples, below) (a; b) of the first nodes
// second : (2 samples, nodes - below) (a; -b) of the others
// moved : (samples, below) a - b of the first nodes
// field : (nodes) sum of a - b over the samples
extern "C" __global__ void __launch_bounds__(256) pnn_pbit_contrast_f32(long long samples, long long nodes, long long below,
    const signed char* __restrict__ a, const signed char* __restrict__ b, float* __restrict__ first, float* __restrict__ second,
    float* __restrict__ moved, float* __restrict__ field) {
    __shared__ int parts[8][32];
    pnn::pbit_contrast(samples, nodes, below, a, b, first, second, moved, field, parts);
}
