// Gibbs sweeps of +-1 spins, a block for each sample, whose threads share the nodes of a colour.
#include "pnnkern/pbit.cuh"

// state[samples][nodes] in place, +-1. colour_first[colours + 1] into order[]: the nodes to visit (clamped ones are not among them).
// field[field_rows][nodes], field_rows 1 or samples. beta[sweeps]: inverse temperature of each sweep. total[samples][nodes], if not null,
// gains the states after each sweep. Draw of node i in sweep n: element (sweep0 + n) nodes + i of sample index[s], or sample0 + s if null.
extern "C" __global__ void pnn_pbit_sweep_f32(long long samples, long long nodes, long long field_rows, int colours, int sweeps,
    unsigned key0, unsigned key1, long long sweep0, long long sample0, const long long* __restrict__ index,
    const int* __restrict__ colour_first, const int* __restrict__ order, const int* __restrict__ first, const int* __restrict__ neighbour,
    const float* __restrict__ coupling, const float* __restrict__ field, const double* __restrict__ beta, signed char* state, int* total) {
    pnn::spin_graph graph = {nodes, first, neighbour, coupling};
    pnn::rng_key key = {key0, key1};
    for (long long s = blockIdx.x; s < samples; s += gridDim.x) {
        signed char* mine = state + s * nodes;
        const float* own = field + (field_rows > 1 ? s * nodes : 0);
        unsigned long long sample = (unsigned long long)(index ? index[s] : sample0 + s);
        for (int n = 0; n < sweeps; n++) {
            for (int c = 0; c < colours; c++) {
                for (int k = colour_first[c] + (int)threadIdx.x; k < colour_first[c + 1]; k += blockDim.x) {
                    long long i = order[k];
                    double p = pnn::spin_chance(pnn::mul_(beta[n], graph.field(i, (double)own[i], mine)));
                    pnn::words w = pnn::block(key, (unsigned long long)((sweep0 + n) * nodes + i), sample);
                    mine[i] = pnn::bernoulli(p, w.w[0], w.w[1]) ? 1 : -1;
                }
                __syncthreads();
            }
            if (total)
                for (long long i = threadIdx.x; i < nodes; i += blockDim.x) total[s * nodes + i] += mine[i];
            __syncthreads();   // the next sweep overwrites states that other threads add up
        }
    }
}
