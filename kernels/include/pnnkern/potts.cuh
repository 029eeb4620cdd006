// Potts spins: nodes in one of several states, drawn as in pbit.cuh, to whose rules this keeps. Twin: networks/potts.py.
#pragma once
#include "pnnkern/pbit.cuh"

namespace pnn {
// The new state of a node: a with probability w[a] / sum w, w[a] = exp(gain field[a]) over the largest of them. fields: field[a stride], which
// are overwritten. A state of less than 2^-24 is not met.
PNN_HD signed char potts_state(int states, float* fields, int stride, float gain, u32 word) {
    float most = fields[0], total = 0.0f, sum = 0.0f;
    for (int a = 1; a < states; a++) most = fields[a * stride] > most ? fields[a * stride] : most;
    most = most < 3.4028234e38f ? most : 3.4028234e38f;
    for (int a = 0; a < states; a++) {
        float short_of = sub_(most, fields[a * stride]);
        short_of = short_of < 3.4028234e38f ? short_of : 3.4028234e38f;
        float y = mul_(short_of, gain), w = exp_neg(y < 80.0f ? y : 80.0f);
        fields[a * stride] = w;
        total = add_(total, w);
    }
    float level = mul_(uniform(word), total);   // below total
    int state = 0;
    for (int a = 0; a < states - 1; a++) {
        sum = add_(sum, fields[a * stride]);
        state += sum <= level;
    }
    return (signed char)state;
}

// A visit of node i: the fields on its states, in the order of its edges, and the draw.
PNN_D void potts_visit(spin_graph graph, int i, int states, const float* own, float* fields, int stride, float gain, u32 word,
                       signed char* state) {
    for (int a = 0; a < states; a++) fields[a * stride] = own[(i64)i * states + a];
    for (int e = graph.first[i] + graph.pad * i; e < graph.first[i + 1] + graph.pad * i; e++) {
        float* its = fields + state[graph.other[e]] * stride;
        *its = add_(*its, graph.coupling[e]);
    }
    state[i] = potts_state(states, fields, stride, gain, word);
}

#ifdef PNN_DEVICE
// All sweeps of one sample by one block. Colours with fewer quads than threads have a thread for each node, which makes the quad's words again.
PNN_D void potts_sweeps(spin_graph graph, i64 nodes, int states, int colours, int sweeps, rng_key key, i64 sweep0, u64 sample,
                        const int* quad_first, const int* visit, const float* own, const double* beta, float* fields, signed char* state) {
    int stride = (int)blockDim.x;
    for (int n = 0; n < sweeps; n++) {
        float gain = spin_gain(beta[n]);
        u64 block0 = (u64)((sweep0 + n) * nodes);
        for (int c = 0; c < colours; c++) {
            int q0 = quad_first[c], q1 = quad_first[c + 1];
            bool single = q1 - q0 < stride;
            int each = single ? 1 : 4;   // visits of a thread, one after another
            for (int v = 4 * q0 + each * (int)threadIdx.x; v < 4 * q1; v += each * stride) {
                words w = block(key, block0 + v / 4, sample);
                if (single) w.w[0] = word_(w, v % 4);
                for (int j = 0; j < each; j++) {
                    int i = visit[v + j];
                    if (i >= 0) potts_visit(graph, i, states, own, fields, stride, gain, w.w[0], state);
                    w.w[0] = w.w[1], w.w[1] = w.w[2], w.w[2] = w.w[3];   // no index, which would put them into local memory
                }
            }
            __syncthreads();
        }
    }
}

// What a launch of the kernel of this name in networks/potts.cu does, where layouts and sizes stand.
PNN_D void potts_sweep(i64 samples, i64 nodes, i64 field_rows, int states, int colours, int sweeps, int kept, int pad, rng_key by,
                       i64 sweep0, i64 sample0, const i64* index, const int* quad_first, const int* visit, const int* first,
                       const int* neighbour, const float* coupling, const float* field, const double* beta, signed char* state, int* fault,
                       float* memory) {
    int entries = first[nodes], room = kept == 2 ? entries + pad * (int)nodes : 0;
    float *fields = memory + threadIdx.x, *w = memory + states * (int)blockDim.x;
    int* o = (int*)(w + room);
    signed char* inside = (signed char*)(o + room);
    if (blockIdx.x == 0) {   // what all blocks have
        for (int e = threadIdx.x; e < entries; e += blockDim.x)
            if (!finite_(coupling[e])) atomicMax(fault, 64);
        for (int n = threadIdx.x; n < sweeps; n += blockDim.x)
            if (!finite_(beta[n]) || beta[n] < 0) atomicMax(fault, 67);
    }
    if (kept == 2)
        for (int i = threadIdx.x; i < nodes; i += blockDim.x)
            for (int e = first[i]; e < first[i + 1]; e++) w[e + pad * i] = coupling[e], o[e + pad * i] = neighbour[e];
    for (i64 s = blockIdx.x; s < samples; s += gridDim.x) {
        signed char *there = state + s * nodes, *mine = kept ? inside : there;
        const float* own = field + (field_rows > 1 ? s * nodes * states : 0);
        u64 sample = (u64)(index ? index[s] : sample0 + s);
        for (i64 i = threadIdx.x; i < nodes; i += blockDim.x) {
            signed char x = there[i];
            bool none = x < 0 || x >= states;
            if (none) atomicMax(fault, 70);
            mine[i] = none ? 0 : x;   // what it points at must be there
        }
        if (field_rows > 1 || s == 0)
            for (i64 t = threadIdx.x; t < nodes * states; t += blockDim.x)
                if (!finite_(own[t])) atomicMax(fault, 64);
        __syncthreads();
        if (kept == 2) {
            potts_sweeps({1, pad, first, o, w}, nodes, states, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta, fields, mine);
        } else {
            potts_sweeps({1, 0, first, neighbour, coupling}, nodes, states, colours, sweeps, by, sweep0, sample, quad_first, visit, own, beta,
                         fields, mine);
        }
        if (kept)   // each thread those that it brings for the next sample, too
            for (i64 i = threadIdx.x; i < nodes; i += blockDim.x) there[i] = mine[i];
    }
}
#endif
}  // namespace pnn
