// What a launch of the kernels in networks/graph_sweep.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/graph_sweep.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/graph.cuh"

namespace pnn {
// order: the free nodes, colour by colour; colour c is order[first[c]] .. order[first[c + 1] - 1]. v (nodes,) in place, of one sample, until no
// node moves by more than `small`; returns the number of its sweeps.
template <class Law, class Graph>
PNN_D int graph_sweeps(int colours, int sweeps, double small, double relaxation, const Law& law, const Graph& g, const int* order,
                       const int* first, const double* load, const double* low, const double* high, const double* into, double* v) {
    int sweep = 0;
    for (bool moving = true; moving && sweep < sweeps; sweep++) {
        int moved = 0;
        for (int c = 0; c < colours; c++) {
            for (int k = first[c] + threadIdx.x; k < first[c + 1]; k += blockDim.x) {
                int i = order[k];
                double was = v[i], u = was + relaxation * (law.root(g, i, v, load[i], into[i]) - was);
                u = u < low[i] ? low[i] : u > high[i] ? high[i] : u;
                v[i] = u;
                moved |= (u > was ? u - was : was - u) > small;
            }
            __syncthreads();
        }
        moving = __syncthreads_or(moved);
    }
    return sweep;
}

// How far node i still is from where it would step to, to first order: v - clip(v - net / slopes, low, high).
template <class Law, class Graph>
PNN_D double graph_left_of(const Law& law, const Graph& g, int i, double load, double low, double high, double into, const double* v) {
    double net = law.net(g, i, v, v[i], load, into), rate = law.slopes(g, i, v, v[i], load);
    double u = v[i] - (rate > 0 ? net / rate : 0);
    return v[i] - (u < low ? low : u > high ? high : u);
}

constexpr int GRAPH_UNSETTLED = 76;         // a fault
constexpr double GRAPH_SMALLEST = 1e-17;    // of the scale: sweeps that move less are no use
constexpr int GRAPH_CLOSER = 20;            // times less is to move where that little was no proof that little is left

// One sample, v (nodes,) in place: swept until no node moves by more than tolerance scale and, with enough > 0, until no more than enough
// scale is left, or on to a smaller tolerance. sweep: taken so far; returns what is left, of the scale, to all threads. part: of each warp.
template <class Law, class Graph>
PNN_D double graph_settle(int colours, int sweeps, double tolerance, double relaxation, double enough, double scale, const Law& law, const Graph& g,
                          const int* order, const int* first, const double* load, const double* low, const double* high, const double* into,
                          double* v, double* part, int* sweep) {
    for (double small = tolerance * scale;; small /= GRAPH_CLOSER) {
        *sweep += graph_sweeps(colours, sweeps - *sweep, small, relaxation, law, g, order, first, load, low, high, into, v);
        double left = 0;
        for (int k = threadIdx.x; k < first[colours]; k += blockDim.x) {
            int i = order[k];
            double far = graph_left_of(law, g, i, load[i], low[i], high[i], into[i], v);
            left = larger(left, far < 0 ? -far : far);
        }
        for (int lanes = 16; lanes > 0; lanes /= 2) left = larger(left, __shfl_xor_sync(0xffffffffu, left, lanes));
        if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = left;
        __syncthreads();
        for (unsigned w = 0; w < blockDim.x / 32; w++) left = larger(left, part[w]);
        __syncthreads();
        left /= scale;
        if (!(enough > 0) || left <= enough || *sweep >= sweeps || small / GRAPH_CLOSER < GRAPH_SMALLEST * scale) return left;
    }
}

// v (batch, nodes) in place, each sample by itself; taken[sample]: its sweeps, left[sample]: of its scale. told: what has more left than
// enough is flagged. part: a number for each warp.
// Shared memory: kept 0, nothing; 1, double v[nodes]; 2, then what the law has of each entry, double; int offsets[nodes + 1],
// neighbour[entries]; char sense[entries].
template <class Law>
PNN_D void graph_sweep(long long batch, long long n_nodes, int colours, int sweeps, int kept, double tolerance, double relaxation, double enough,
                       int told, const Law& law, const graph& g, const int* order, const int* first, const double* load, const double* low,
                       const double* high, const double* driven, const double* scale, double* v, int* taken, double* left, int* fault,
                       double* part, double* room) {
    int entries = g.offsets[n_nodes];
    int* offsets = (int*)(room + n_nodes + Law::VALUES * (long long)entries);
    int* neighbour = offsets + n_nodes + 1;
    signed char* sense = (signed char*)(neighbour + entries);
    Law near = law;
    if (kept == 2) {
        near = law.inside(g, entries, room + n_nodes);
        for (int i = threadIdx.x; i <= n_nodes; i += blockDim.x) offsets[i] = g.offsets[i];
        for (int k = threadIdx.x; k < entries; k += blockDim.x) neighbour[k] = g.neighbour[k], sense[k] = g.sense[k];
    }
    for (long long s = blockIdx.x; s < batch; s += gridDim.x) {
        double *there = v + s * n_nodes, *own = kept ? room : there;
        if (kept)
            for (long long i = threadIdx.x; i < n_nodes; i += blockDim.x) own[i] = there[i];
        __syncthreads();
        const double* into = driven + s * n_nodes;
        int sweep = 0;
        double over;
        if (kept == 2) {
            over = graph_settle(colours, sweeps, tolerance, relaxation, enough, scale[s], near, entry_graph{offsets, neighbour, sense}, order,
                                first, load, low, high, into, room, part, &sweep);
        } else {
            over = graph_settle(colours, sweeps, tolerance, relaxation, enough, scale[s], law, g, order, first, load, low, high, into, own, part,
                                &sweep);
        }
        if (kept)   // each thread those that it brings for the next sample, too
            for (long long i = threadIdx.x; i < n_nodes; i += blockDim.x) there[i] = own[i];
        if (threadIdx.x == 0) {
            taken[s] = sweep;
            left[s] = over;
            if (told && !(over <= enough)) atomicMax(fault, GRAPH_UNSETTLED);
        }
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
        if (free[i]) left = graph_left_of(law, g, i, load[i], low[i], high[i], driven[t], own);
        out[t] = left;
    }
}
}  // namespace pnn
#endif
