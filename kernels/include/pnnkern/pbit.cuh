// Probabilistic spins on a graph: each sweep visits the nodes colour by colour, and a node takes its state from its neighbours' field by a
// random draw. Nodes of one colour are no neighbours, so their order does not matter. Twin: networks/pbit.py.
//
// All in float, in the order of the table of neighbours, by fma_, and compared as integers: every backend makes the same decisions.
// Draws: the visits of a sweep are numbered in quads, 4 nodes of one colour, and quad q of sweep n has the four words of block n nodes + q.
#pragma once
#include "pnnkern/philox.cuh"

namespace pnn {
// exp(-y), 0 <= y <= 80, relative error below 2e-7.
PNN_HD float exp_neg(float y) {
    int n = (int)fma_(y, 1.44269504f, 0.5f);
    float m = (float)n, r = fma_(m, -1.90465421e-9f, fma_(m, 0.693147182f, -y)), p = 1.0f / 5040.0f;   // Taylor, |r| < 0.35
    p = fma_(p, r, 1.0f / 720.0f);
    p = fma_(p, r, 1.0f / 120.0f);
    p = fma_(p, r, 1.0f / 24.0f);
    p = fma_(p, r, 1.0f / 6.0f);
    p = fma_(p, r, 0.5f);
    p = fma_(p, r, 1.0f);
    p = fma_(p, r, 1.0f);
    return mul_(p, f32_((u32)(127 - n) << 23));
}
// In float, however large.
PNN_HD float spin_gain(double gain) { return (float)(gain < 3.4028234e38 ? gain : 3.4028234e38); }
// The new state of a spin: the sign of its field, unless the word is below 2^32 / (1 + exp(gain |field|)), a whole number.
PNN_HD signed char spin(float field, float gain, u32 word) {
    float size = field < 0 ? -field : field;
    size = size < 3.4028234e38f ? size : 3.4028234e38f;   // a sum that overflows is still a field of that sign
    float y = mul_(size, gain), e = exp_neg(y < 24.0f ? y : 24.0f);   // less than one word from there on
    u32 against = (u32)mul_(div_(e, add_(1.0f, e)), 0x1p32f);
    return (word < against) == (field < 0) ? 1 : -1;
}

// Factors at each node: entries first[i] .. first[i + 1], each a coupling and the other nodes of the factor, other[entry][width], of which
// those after the first may be -1: none. Tables that leave `pad` entries after each node have their entries pad i further on.
struct spin_graph {
    int width, pad;
    const int *first, *other;
    const float* coupling;
    PNN_HD float field(int i, float own, const signed char* state) const {
        for (int e = first[i] + pad * i; e < first[i + 1] + pad * i; e++) {
            const int* nodes = other + (long long)e * width;
            int product = state[nodes[0]];
            for (int m = 1; m < width && nodes[m] >= 0; m++) product *= state[nodes[m]];
            own = fma_(coupling[e], (float)product, own);
        }
        return own;
    }
};
// Word j of four, by choices: an index would put them into local memory.
PNN_HD u32 word_(words z, int j) {
    u32 low = j & 1 ? z.w[1] : z.w[0], high = j & 1 ? z.w[3] : z.w[2];
    return j & 2 ? high : low;
}

#ifdef PNN_DEVICE
// All sweeps of one sample by one block. Colours with fewer quads than threads have a thread for each node, which makes the quad's words again.
PNN_D void pbit_sweeps(spin_graph graph, long long nodes, int colours, int sweeps, rng_key key, long long sweep0, unsigned long long sample,
                       const int* quad_first, const int* visit, const float* own, const double* beta, signed char* state, int* total) {
    for (int n = 0; n < sweeps; n++) {
        float gain = spin_gain(mul_(2.0, beta[n]));
        unsigned long long block0 = (unsigned long long)((sweep0 + n) * nodes);
        for (int c = 0; c < colours; c++) {
            int q0 = quad_first[c], q1 = quad_first[c + 1];
            if (q1 - q0 < (int)blockDim.x) {
                for (int v = 4 * q0 + (int)threadIdx.x; v < 4 * q1; v += blockDim.x) {
                    int i = visit[v];
                    if (i >= 0) state[i] = spin(graph.field(i, own[i], state), gain, word_(block(key, block0 + v / 4, sample), v % 4));
                }
            } else {
                for (int q = q0 + (int)threadIdx.x; q < q1; q += blockDim.x) {
                    words w = block(key, block0 + q, sample);
                    for (int j = 0; j < 4; j++) {
                        int i = visit[4 * (long long)q + j];
                        if (i >= 0) state[i] = spin(graph.field(i, own[i], state), gain, w.w[0]);
                        w.w[0] = w.w[1], w.w[1] = w.w[2], w.w[2] = w.w[3];   // no index, which would put them into local memory
                    }
                }
            }
            __syncthreads();
        }
        if (total)
            for (long long i = threadIdx.x; i < nodes; i += blockDim.x) total[i] += state[i];
        __syncthreads();   // the next sweep overwrites states that other threads add up
    }
}
#endif
PNN_D bool finite_(double x) { return x - x == 0.0; }
}  // namespace pnn
