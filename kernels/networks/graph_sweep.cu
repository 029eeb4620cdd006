// Coloured sweeps over nonlinear networks: nodes of one colour are not joined, so all of them step at once to the voltage at which their
// net current vanishes. One block per sample, which stays in the block for all its sweeps; threads share the nodes of a colour.
#include "pnnkern/graph.cuh"

namespace pnn {
// order: the free nodes, colour by colour; colour c is order[first[c]] .. order[first[c + 1] - 1]. v (batch, nodes) in place.
// A sample stops when no node moves by more than tolerance * scale[sample]; taken[sample] is the number of its sweeps.
template <class Law>
PNN_D void graph_sweep(long long batch, long long n_nodes, int colours, int sweeps, double tolerance, double relaxation, const Law& law,
                       const graph& g, const int* order, const int* first, const double* load, const double* low, const double* high,
                       const double* driven, const double* scale, double* v, int* taken) {
    for (long long s = blockIdx.x; s < batch; s += gridDim.x) {
        double* own = v + s * n_nodes;
        const double* into = driven + s * n_nodes;
        int sweep = 0;
        for (bool moving = true; moving && sweep < sweeps; sweep++) {
            int moved = 0;
            for (int c = 0; c < colours; c++) {
                for (int k = first[c] + threadIdx.x; k < first[c + 1]; k += blockDim.x) {
                    int i = order[k];
                    double was = own[i], u = was + relaxation * (law.root(g, i, own, load[i], into[i]) - was);
                    u = u < low[i] ? low[i] : u > high[i] ? high[i] : u;
                    own[i] = u;
                    moved |= (u > was ? u - was : was - u) > tolerance * scale[s];
                }
                __syncthreads();
            }
            moving = __syncthreads_or(moved);
        }
        if (threadIdx.x == 0) taken[s] = sweep;
    }
}
// How far each node still is from where it would step to, to first order: v - clip(v - net / slopes, low, high); 0 where held.
template <class Law>
PNN_D void graph_left(long long batch, long long n_nodes, const Law& law, const graph& g, const unsigned char* free, const double* load,
                      const double* low, const double* high, const double* driven, const double* v, double* out) {
    long long total = batch * n_nodes, stride = (long long)gridDim.x * blockDim.x;
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < total; t += stride) {
        int i = int(t % n_nodes);
        const double* own = v + (t - i);
        double left = 0;
        if (free[i]) {
            double net = law.net(g, i, own, v[t], load[i], driven[t]), rate = law.slopes(g, i, own, v[t], load[i]);
            double u = v[t] - (rate > 0 ? net / rate : 0);
            left = v[t] - (u < low[i] ? low[i] : u > high[i] ? high[i] : u);
        }
        out[t] = left;
    }
}
}  // namespace pnn

extern "C" __global__ void pnn_graph_sweep_diode_f64(long long batch, long long n_nodes, int colours, int sweeps, double tolerance,
    double relaxation, const double* __restrict__ conductance, const double* __restrict__ reverse, const double* __restrict__ drop,
    const int* __restrict__ offsets, const int* __restrict__ neighbour, const int* __restrict__ edge, const signed char* __restrict__ sense,
    const int* __restrict__ order, const int* __restrict__ first, const double* __restrict__ load, const double* __restrict__ low,
    const double* __restrict__ high, const double* __restrict__ driven, const double* __restrict__ scale, double* v, int* taken) {
    pnn::graph_sweep(batch, n_nodes, colours, sweeps, tolerance, relaxation, pnn::diode_law{conductance, reverse, drop},
                     pnn::graph{offsets, neighbour, edge, sense}, order, first, load, low, high, driven, scale, v, taken);
}
extern "C" __global__ void pnn_graph_sweep_diode_left_f64(long long batch, long long n_nodes, const double* __restrict__ conductance,
    const double* __restrict__ reverse, const double* __restrict__ drop, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const int* __restrict__ edge, const signed char* __restrict__ sense, const unsigned char* __restrict__ free,
    const double* __restrict__ load, const double* __restrict__ low, const double* __restrict__ high, const double* __restrict__ driven,
    const double* __restrict__ v, double* __restrict__ out) {
    pnn::graph_left(batch, n_nodes, pnn::diode_law{conductance, reverse, drop}, pnn::graph{offsets, neighbour, edge, sense}, free, load, low,
                    high, driven, v, out);
}
extern "C" __global__ void pnn_graph_sweep_transistor_f64(long long batch, long long n_nodes, int colours, int sweeps, double tolerance,
    double relaxation, double strength, double threshold, double least, const double* __restrict__ gate, const int* __restrict__ offsets,
    const int* __restrict__ neighbour, const int* __restrict__ edge, const signed char* __restrict__ sense, const int* __restrict__ order,
    const int* __restrict__ first, const double* __restrict__ load, const double* __restrict__ low, const double* __restrict__ high,
    const double* __restrict__ driven, const double* __restrict__ scale, double* v, int* taken) {
    pnn::graph_sweep(batch, n_nodes, colours, sweeps, tolerance, relaxation, pnn::transistor_law{gate, strength, threshold, least},
                     pnn::graph{offsets, neighbour, edge, sense}, order, first, load, low, high, driven, scale, v, taken);
}
extern "C" __global__ void pnn_graph_sweep_transistor_left_f64(long long batch, long long n_nodes, double strength, double threshold,
    double least, const double* __restrict__ gate, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const int* __restrict__ edge, const signed char* __restrict__ sense, const unsigned char* __restrict__ free,
    const double* __restrict__ load, const double* __restrict__ low, const double* __restrict__ high, const double* __restrict__ driven,
    const double* __restrict__ v, double* __restrict__ out) {
    pnn::graph_left(batch, n_nodes, pnn::transistor_law{gate, strength, threshold, least}, pnn::graph{offsets, neighbour, edge, sense}, free,
                    load, low, high, driven, v, out);
}
