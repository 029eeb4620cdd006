// Gibbs sweeps of +-1 spins. Draws and tables: pnnkern/pbit.cuh.
#include "pnnkern/pbit.cuh"

// A block for each sample, whose threads share the quads of a colour: neighbouring threads visit neighbouring nodes.
// state[samples][nodes] in place, +-1. visit[quads][4]: nodes to visit, -1 for none (also where one is clamped); colour c is the quads from
// quad_first[c] to quad_first[c + 1]. first, other, coupling: `spin_graph`. field[field_rows][nodes], field_rows 1 or samples. beta[sweeps]:
// inverse temperature of each sweep. total[samples][nodes], if not null, gains the states after each sweep. Draws of sweep n:
// blocks (sweep0 + n) nodes + quad of sample index[s], or sample0 + s if null.
extern "C" __global__ void pnn_pbit_sweep_f32(long long samples, long long nodes, long long field_rows, int colours, int sweeps, int width,
    unsigned key0, unsigned key1, long long sweep0, long long sample0, const long long* __restrict__ index,
    const int* __restrict__ quad_first, const int* __restrict__ visit, const int* __restrict__ first, const int* __restrict__ other,
    const float* __restrict__ coupling, const float* __restrict__ field, const double* __restrict__ beta, signed char* state, int* total) {
    pnn::spin_graph graph = {width, first, other, coupling};
    pnn::rng_key key = {key0, key1};
    for (long long s = blockIdx.x; s < samples; s += gridDim.x) {
        signed char* mine = state + s * nodes;
        const float* own = field + (field_rows > 1 ? s * nodes : 0);
        unsigned long long sample = (unsigned long long)(index ? index[s] : sample0 + s);
        for (int n = 0; n < sweeps; n++) {
            float gain = pnn::spin_gain(pnn::mul_(2.0, beta[n]));
            for (int c = 0; c < colours; c++) {
                for (int q = quad_first[c] + (int)threadIdx.x; q < quad_first[c + 1]; q += blockDim.x) {
                    pnn::words w = pnn::block(key, (unsigned long long)((sweep0 + n) * nodes + q), sample);
                    for (int j = 0; j < 4; j++) {
                        int i = visit[4 * (long long)q + j];
                        if (i >= 0) mine[i] = pnn::spin(graph.field(i, own[i], mine), gain, w.w[j]);
                    }
                }
                __syncthreads();
            }
            if (total)
                for (long long i = threadIdx.x; i < nodes; i += blockDim.x) total[s * nodes + i] += mine[i];
            __syncthreads();   // the next sweep overwrites states that other threads add up
        }
    }
}

// One colour of one sweep where nearly all nodes of the colour have the same neighbours: a product of matrices, and the draws.
// state[ceil(samples / 16)][nodes][16]: spins of 16 samples side by side, +-1 in float. input[inputs]: the neighbours, ascending.
// coupling[panels][inputs][8], 0 where there is no edge: a panel is two quads, visit[panels][8], -1 for none. A thread is a panel of one
// sample; beta[1]. Sums in the order of the inputs: bit for bit those of `sweep`. Draws: blocks block0 + quad of the samples, as there.
extern "C" __global__ void pnn_pbit_layer_f32(long long samples, long long nodes, long long field_rows, int panels, int inputs,
    unsigned key0, unsigned key1, long long block0, long long sample0, const long long* __restrict__ index, const int* __restrict__ visit,
    const int* __restrict__ input, const float* __restrict__ coupling, const float* __restrict__ field, const double* __restrict__ beta, float* state) {
    pnn::rng_key key = {key0, key1};
    float gain = pnn::spin_gain(pnn::mul_(2.0, beta[0]));
    for (int p = blockIdx.y; p < panels; p += gridDim.y) {
        const int* node = visit + 8ll * p;
        const float* weight = coupling + 8ll * p * inputs;
        for (long long s = blockIdx.x * (long long)blockDim.x + threadIdx.x; s < samples; s += gridDim.x * (long long)blockDim.x) {
            float* mine = state + (s / 16) * 16 * nodes + s % 16;
            const float* own = field + (field_rows > 1 ? s * nodes : 0);
            unsigned long long sample = (unsigned long long)(index ? index[s] : sample0 + s);
            float sum[8];
#pragma unroll
            for (int r = 0; r < 8; r++) sum[r] = node[r] >= 0 ? own[node[r]] : 0.0f;
            for (int k = 0; k < inputs; k++) {
                float x = mine[16ll * input[k]];
#pragma unroll
                for (int r = 0; r < 8; r++) sum[r] = pnn::fma_(weight[8ll * k + r], x, sum[r]);
            }
#pragma unroll
            for (int h = 0; h < 2; h++) {
                pnn::words w = pnn::block(key, (unsigned long long)(block0 + 2 * p + h), sample);
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    int i = node[4 * h + j];
                    if (i >= 0) mine[16ll * i] = (float)pnn::spin(sum[4 * h + j], gain, w.w[j]);
                }
            }
        }
    }
}
