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
#endif
}  // namespace pnn
