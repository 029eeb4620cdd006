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

PNN_D bool finite_(double x) { return x - x == 0.0; }

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

// What a launch of the kernel of this name in networks/pbit.cu does, where layouts and sizes stand; so below.
PNN_D void pbit_sweep(i64 samples, i64 nodes, i64 field_rows, int colours, int sweeps, int width, int kept, int pad, rng_key by, i64 sweep0,
                      i64 sample0, const i64* index, const int* quad_first, const int* visit, const int* first, const int* other,
                      const float* coupling, const float* field, const double* beta, signed char* state, int* total, int* fault,
                      float* memory) {
    int entries = first[nodes], room = entries + pad * (int)nodes;
    float* w = memory;
    int* o = (int*)(w + room);
    signed char* mine = kept == 2 ? (signed char*)(o + (i64)room * width) : (signed char*)memory;
    if (blockIdx.x == 0) {   // what all blocks have
        for (int e = threadIdx.x; e < entries; e += blockDim.x)
            if (!finite_(coupling[e])) atomicMax(fault, 64);
        for (int n = threadIdx.x; n < sweeps; n += blockDim.x)
            if (!finite_(beta[n]) || beta[n] < 0) atomicMax(fault, 67);
    }
    if (kept == 2) {
        for (int i = threadIdx.x; i < nodes; i += blockDim.x)
            for (int e = first[i]; e < first[i + 1]; e++) {
                w[e + pad * i] = coupling[e];
                for (int m = 0; m < width; m++) o[(e + pad * i) * width + m] = other[(i64)e * width + m];
            }
    }
    for (i64 s = blockIdx.x; s < samples; s += gridDim.x) {
        signed char* there = state + s * nodes;
        const float* own = field + (field_rows > 1 ? s * nodes : 0);
        int* sum = total ? total + s * nodes : nullptr;
        u64 sample = (u64)(index ? index[s] : sample0 + s);
        for (i64 i = threadIdx.x; i < nodes; i += blockDim.x) {
            signed char x = there[i];
            if (x != 1 && x != -1) atomicMax(fault, 66);
            if (!finite_(own[i])) atomicMax(fault, 64);
            if (kept) mine[i] = x;
        }
        __syncthreads();
        if (kept == 2)
            pbit_sweeps({width, pad, first, o, w}, nodes, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta, mine, sum);
        else if (kept == 1)
            pbit_sweeps({width, 0, first, other, coupling}, nodes, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta, mine,
                             sum);
        else
            pbit_sweeps({width, 0, first, other, coupling}, nodes, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta,
                        there, sum);
        if (kept)
            for (i64 i = threadIdx.x; i < nodes; i += blockDim.x) there[i] = mine[i];
        __syncthreads();
    }
}

// A thread is a panel, two quads, of one sample. Sums in the order of the inputs: bit for bit those of `pbit_sweep`.
PNN_D void pbit_layer(i64 samples, i64 nodes, i64 field_rows, int panels, int inputs, rng_key by, i64 block0, i64 sample0, const i64* index,
                      const int* visit, const int* input, const float* coupling, const float* field, const double* beta, float* state) {
    float gain = spin_gain(mul_(2.0, beta[0]));
    for (int p = blockIdx.y; p < panels; p += gridDim.y) {
        const int* node = visit + 8ll * p;
        const float* weight = coupling + 8ll * p * inputs;
        for (i64 s = blockIdx.x * (i64)blockDim.x + threadIdx.x; s < samples; s += gridDim.x * (i64)blockDim.x) {
            float* mine = state + (s / 16) * 16 * nodes + s % 16;
            const float* own = field + (field_rows > 1 ? s * nodes : 0);
            u64 sample = (u64)(index ? index[s] : sample0 + s);
            float sum[8];
            PNN_UNROLL
            for (int r = 0; r < 8; r++) sum[r] = node[r] >= 0 ? own[node[r]] : 0.0f;
            for (int k = 0; k < inputs; k++) {
                float x = mine[16ll * input[k]];
                PNN_UNROLL
                for (int r = 0; r < 8; r++) sum[r] = fma_(weight[8ll * k + r], x, sum[r]);
            }
            PNN_UNROLL
            for (int h = 0; h < 2; h++) {
                words w = block(by, (u64)(block0 + 2 * p + h), sample);
                PNN_UNROLL
                for (int j = 0; j < 4; j++) {
                    int i = node[4 * h + j];
                    if (i >= 0) mine[16ll * i] = (float)spin(sum[4 * h + j], gain, w.w[j]);
                }
            }
        }
    }
}

// parts : shared memory, of each warp a sum for each of 32 nodes
PNN_D void pbit_contrast(i64 samples, i64 nodes, i64 below, const signed char* a, const signed char* b, float* first, float* second,
                         float* moved, float* field, int (*parts)[32]) {
    i64 above = nodes - below;
    for (i64 j0 = blockIdx.x * 32ll; j0 < nodes; j0 += gridDim.x * 32ll) {
        i64 j = j0 + threadIdx.x;
        int total = 0;
        for (i64 s = threadIdx.y; j < nodes && s < samples; s += 8) {
            int u = a[s * nodes + j], v = b[s * nodes + j];
            if (j < below) {
                first[s * below + j] = (float)u;
                first[(samples + s) * below + j] = (float)v;
                moved[s * below + j] = (float)(u - v);
            } else {
                second[s * above + j - below] = (float)u;
                second[(samples + s) * above + j - below] = (float)-v;
            }
            total += u - v;
        }
        parts[threadIdx.y][threadIdx.x] = total;
        __syncthreads();
        if (threadIdx.y == 0 && j < nodes) {
            total = 0;
            for (int w = 0; w < 8; w++) total += parts[w][threadIdx.x];
            field[j] = (float)total;
        }
        __syncthreads();
    }
}
#endif
}  // namespace pnn
