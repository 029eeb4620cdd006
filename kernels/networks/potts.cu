// Gibbs sweeps of Potts spins. Draws and tables as in pbit.cu: quads of nodes, a word of a block for each node.
#include "pnnkern/potts.cuh"

// Visits all nodes, colour by colour, in every sweep: each takes a state a with the chance exp(beta field[a]) over their sum. Draws of
// sweep n: blocks (sweep0 + n) nodes + quad of the sample.
// Bytes: the tables and the states of all neighbours in each sweep, from shared memory where they are kept.
// Launch: a block for each sample, of any grid, 128 threads at most, which share the nodes of a colour; dynamic shared memory:
//   float[states][threads], and then as `kept` and `pad` of pnn_pbit_sweep_f32 say, with width 1.
// Faults: 64 a coupling or field that is not finite, 67 a beta that is negative or not finite, 70 a state that is none (it becomes 0).
// samples : networks
// nodes : of the graph
// field_rows : 1 where all samples have the same field, else samples
// states : of a node
// colours : of the nodes
// sweeps : over all nodes
// kept, pad : as of pnn_pbit_sweep_f32
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// sweep0 : number of the first sweep
// sample0 : global number of sample 0, where index is null
// index : (samples) global number of each sample, or null
// quad_first : (colours + 1) colour c is the quads from quad_first[c] to quad_first[c + 1]
// visit : (quads, 4) nodes to visit, -1 for none
// first : (nodes + 1) edges of node i are entries first[i] to first[i + 1]
// neighbour : (entries) the node at the other end
// coupling : (entries) field on the neighbour's state
// field : (field_rows, nodes, states) on each state of each node
// beta : (sweeps) inverse temperature of each sweep
// state : (samples, nodes) 0 .. states - 1, in place
extern "C" __global__ void __launch_bounds__(128, 6) pnn_potts_sweep_f32(long long samples, long long nodes, long long field_rows, int states,
    int colours, int sweeps, int kept, int pad, unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long sweep0,
    long long sample0, const long long* __restrict__ index, const int* __restrict__ quad_first, const int* __restrict__ visit, const int* __restrict__ first,
    const int* __restrict__ neighbour, const float* __restrict__ coupling, const float* __restrict__ field, const double* __restrict__ beta,
    signed char* state, int* fault) {
    PNN_DYNAMIC_SHARED(float, potts_shared);
    pnn::potts_sweep(samples, nodes, field_rows, states, colours, sweeps, kept, pad, pnn::key_of(key0, key1, key), sweep0, sample0, index,
                     quad_first, visit, first, neighbour, coupling, field, beta, state, fault, potts_shared);
}
