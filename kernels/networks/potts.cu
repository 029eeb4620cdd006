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
    const pnn::rng_key by = pnn::key_of(key0, key1, key);
    int entries = first[nodes], room = kept == 2 ? entries + pad * (int)nodes : 0;
    float *fields = potts_shared + threadIdx.x, *w = potts_shared + states * (int)blockDim.x;
    int* o = (int*)(w + room);
    signed char* inside = (signed char*)(o + room);
    if (blockIdx.x == 0) {   // what all blocks have
        for (int e = threadIdx.x; e < entries; e += blockDim.x)
            if (!pnn::finite_(coupling[e])) atomicMax(fault, 64);
        for (int n = threadIdx.x; n < sweeps; n += blockDim.x)
            if (!pnn::finite_(beta[n]) || beta[n] < 0) atomicMax(fault, 67);
    }
    if (kept == 2)
        for (int i = threadIdx.x; i < nodes; i += blockDim.x)
            for (int e = first[i]; e < first[i + 1]; e++) w[e + pad * i] = coupling[e], o[e + pad * i] = neighbour[e];
    for (long long s = blockIdx.x; s < samples; s += gridDim.x) {
        signed char *there = state + s * nodes, *mine = kept ? inside : there;
        const float* own = field + (field_rows > 1 ? s * nodes * states : 0);
        unsigned long long sample = (unsigned long long)(index ? index[s] : sample0 + s);
        for (long long i = threadIdx.x; i < nodes; i += blockDim.x) {
            signed char x = there[i];
            bool none = x < 0 || x >= states;
            if (none) atomicMax(fault, 70);
            mine[i] = none ? 0 : x;   // what it points at must be there
        }
        if (field_rows > 1 || s == 0)
            for (long long t = threadIdx.x; t < nodes * states; t += blockDim.x)
                if (!pnn::finite_(own[t])) atomicMax(fault, 64);
        __syncthreads();
        if (kept == 2) {
            pnn::potts_sweeps({1, pad, first, o, w}, nodes, states, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta, fields, mine);
        } else {
            pnn::potts_sweeps({1, 0, first, neighbour, coupling}, nodes, states, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta,
                              fields, mine);
        }
        if (kept)   // each thread those that it brings for the next sample, too
            for (long long i = threadIdx.x; i < nodes; i += blockDim.x) there[i] = mine[i];
    }
}
