// Gibbs sweeps of Potts spins. Draws and tables as in pbit.cu: quads of nodes, a word of a block for each node.
#include "pnnkern/potts.cuh"

// A block for each sample. state[samples][nodes] in place, 0 .. states - 1; field[field_rows][nodes][states], field_rows 1 or samples.
// offsets, neighbour, coupling: edges at each node, whose coupling is the field on the neighbour's state. Others: pnn_pbit_sweep_f32.
// Shared memory: float[states][threads].
extern "C" __global__ void pnn_potts_sweep_f32(long long samples, long long nodes, long long field_rows, int states, int colours, int sweeps,
    unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long sweep0, long long sample0, const long long* __restrict__ index,
    const int* __restrict__ quad_first, const int* __restrict__ visit, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const float* __restrict__ coupling, const float* __restrict__ field, const double* __restrict__ beta, signed char* state) {
    extern __shared__ float shared[];
    float* fields = shared + threadIdx.x;
    int stride = (int)blockDim.x;
    const pnn::rng_key by = pnn::key_of(key0, key1, key);
    for (long long s = blockIdx.x; s < samples; s += gridDim.x) {
        signed char* mine = state + s * nodes;
        const float* own = field + (field_rows > 1 ? s * nodes * states : 0);
        unsigned long long sample = (unsigned long long)(index ? index[s] : sample0 + s);
        for (int n = 0; n < sweeps; n++) {
            float gain = pnn::spin_gain(beta[n]);
            for (int c = 0; c < colours; c++) {
                for (int q = quad_first[c] + (int)threadIdx.x; q < quad_first[c + 1]; q += stride) {
                    pnn::words w = pnn::block(by, (unsigned long long)((sweep0 + n) * nodes + q), sample);
                    for (int j = 0; j < 4; j++) {
                        int i = visit[4 * (long long)q + j];
                        if (i < 0) continue;
                        for (int a = 0; a < states; a++) fields[a * stride] = own[(long long)i * states + a];
                        for (int e = offsets[i]; e < offsets[i + 1]; e++) {
                            float* its = fields + mine[neighbour[e]] * stride;
                            *its = pnn::add_(*its, coupling[e]);
                        }
                        mine[i] = pnn::potts_state(states, fields, stride, gain, w.w[j]);
                    }
                }
                __syncthreads();
            }
        }
    }
}
