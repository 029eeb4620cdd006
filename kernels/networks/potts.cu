// Gibbs sweeps of Potts spins. Draws and tables as in pbit.cu: quads of nodes, a word of a block for each node.
#include "pnnkern/potts.cuh"

// A block for each sample, whose threads share the nodes of a colour. state[samples][nodes] in place, 0 .. states - 1;
// field[field_rows][nodes][states], field_rows 1 or samples. first, neighbour, coupling: edges at each node, whose coupling is the field on the
// neighbour's state. Others: pnn_pbit_sweep_f32.
// Shared memory: float[states][threads], and as `kept` and `pad` of pnn_pbit_sweep_f32 say.
// Faults: 64 a coupling or field that is not finite, 67 a beta that is negative or not finite, 70 a state that is none (it becomes 0).
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
