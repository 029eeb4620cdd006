// The steps of ode.cuh backwards: what a cotangent of the states on the way is of where they began, of parameters, weights and drive.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/adjoint.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/ode.cuh"

namespace pnn {
// The lists the other way round (who feels a node), the ends of edges, and whether both of them feel the other.
template <class real> struct ode_back {
    const int *offsets, *neighbour, *edge, *ends;
    long long edges;
    int both;
    real *by_parameters, *by_weights, *by_drive;
};

// A thread's part of a step backwards. kept : the states of all stages. g : cotangents, in place. room : acc, ga, y (components n each), gc (2 n),
// before and behind (n each) of the drive.
template <class real>
PNN_D void ode_step_back(const ode<real>& o, const ode_back<real>& b, bool mine, long long s, long long t, int lane, int team, const real* kept,
                         real* g, real* room) {
    const long long n = o.n, each = OWN_STATES * n, v = (OWN_STATES - 1) * n;
    const int stages = o.stages();
    const bool leaps = o.method == ODE_LEAPFROG;
    const real h = o.dt, half = h / 2;
    real *acc = room, *ga = acc + each, *y = ga + each, *gc = y + each, *before = gc + 2 * n, *behind = before + n;
    for (long long i = lane; i < n; i += team) {
        if (leaps) g[v + i] += half * g[i];
        for (int k = 0; k < OWN_STATES; k++) acc[k * n + i] = g[k * n + i];
        before[i] = behind[i] = 0;
    }
    for (int j = stages - 1; j >= 0; j--) {
        real* felt = gc + (j & 1) * n;
        __syncthreads();   // the last stage's states are looked at no more
        for (long long i = lane; i < n; i += team)
            for (int k = 0; k < OWN_STATES; k++) y[k * n + i] = kept[j * each + k * n + i];
        __syncthreads();
        const real weight = h * o.part(j), ahead = j + 1 < stages ? h * o.at(j + 1) : 0, place = o.at(j);
        for (long long i = lane; i < n; i += team) {
            real own[OWN_STATES], p[OWN_PARAMETERS + 1], gk[OWN_STATES], gx[OWN_STATES], gp[OWN_PARAMETERS + OWN_CONSTANTS + 1], gu;
            o.node(i, y, own, p);
            for (int k = 0; k < OWN_STATES; k++) {
                gk[k] = weight * g[k * n + i] + (j + 1 < stages ? ahead * ga[k * n + i] : 0);
                if (leaps && k == 0) gk[k] = 0;
            }
            own_rates_back(own, o.coupled(i, y), o.input(s, t, place, i), p, o.constants, gk, gx, felt + i, &gu, gp);
            for (int k = 0; k < OWN_STATES; k++) ga[k * n + i] = gx[k];
            if (mine)
                for (int q = 0; q < OWN_PARAMETERS + OWN_CONSTANTS; q++) b.by_parameters[q * n + i] += gp[q];
            before[i] += (1 - place) * gu;
            behind[i] += place * gu;
        }
        __syncthreads();
        real by_own, by_other, by_felt[OWN_FELT_CONSTANTS + 1];
        if (o.offsets)
            for (long long i = lane; i < n; i += team) {
                real sum = 0;
                for (int k = o.offsets[i]; k < o.offsets[i + 1]; k++) {
                    own_felt_back(y[i], y[o.neighbour[k]], o.constants, &by_own, &by_other, by_felt);
                    sum += o.weights[o.edge[k]] * by_own * felt[i];
                    if (mine)
                        for (int q = 0; q < OWN_FELT_CONSTANTS; q++)
                            b.by_parameters[(OWN_PARAMETERS + OWN_CONSTANTS + q) * n + i] += o.weights[o.edge[k]] * felt[i] * by_felt[q];
                }
                for (int k = b.offsets[i]; k < b.offsets[i + 1]; k++) {
                    own_felt_back(y[b.neighbour[k]], y[i], o.constants, &by_own, &by_other, by_felt);
                    sum += o.weights[b.edge[k]] * by_other * felt[b.neighbour[k]];
                }
                ga[i] += sum;
            }
        if (mine)
            for (long long e = lane; e < b.edges; e += team) {
                const int one = b.ends[2 * e], two = b.ends[2 * e + 1];
                real sum = felt[one] * own_felt(y[one], y[two], o.constants);
                if (b.both) sum += felt[two] * own_felt(y[two], y[one], o.constants);
                b.by_weights[e] += sum;
            }
        for (long long i = lane; i < n; i += team)
            for (int k = 0; k < OWN_STATES; k++) acc[k * n + i] += ga[k * n + i];
    }
    for (long long i = lane; i < n; i += team) {
        for (int k = 0; k < OWN_STATES; k++) g[k * n + i] = acc[k * n + i];
        if (leaps) g[v + i] += half * g[i];
    }
    if (!b.by_drive) return;
    real *now = b.by_drive + (s * o.times + (o.times > 1 ? t : 0)) * o.channels, *later = o.times > 1 ? now + o.channels : now;
    if (o.channels > 1) {
        if (mine)
            for (long long i = lane; i < n; i += team) {
                now[i] += before[i];
                later[i] += behind[i];
            }
        return;
    }
    __syncthreads();
    if (mine && lane == 0) {
        real one = 0, two = 0;
        for (long long i = 0; i < n; i++) {
            one += before[i];
            two += behind[i];
        }
        now[0] += one;
        later[0] += two;
    }
    __syncthreads();
}

template <class real>
PNN_D void adjoint_back(const ode<real>& o, ode_back<real> b, long long every, long long segment, int team, const real* state,
                        const real* checkpoints, const real* cotangent, real* history, real* by_state, real* memory) {
    const int lane = threadIdx.x % team, slot = threadIdx.x / team, teams = blockDim.x / team, stages = o.stages();
    const long long n = o.n, each = OWN_STATES * n, records = o.steps / every, count = o.steps / segment;
    const long long row = (long long)blockIdx.x * teams + slot;
    real *g = memory + slot * (5 * each + 4 * n), *x = g + each, *room = x;   // steps forwards and backwards take turns in one room
    history += row * segment * stages * each;
    b.by_parameters += row * (OWN_PARAMETERS + OWN_CONSTANTS + OWN_FELT_CONSTANTS) * n;
    b.by_weights += row * b.edges;
    for (long long base = (long long)blockIdx.x * teams; base < o.samples; base += (long long)gridDim.x * teams) {
        const bool mine = base + slot < o.samples;
        const long long s = mine ? base + slot : o.samples - 1;
        for (long long i = lane; i < n; i += team)
            for (int k = 0; k < OWN_STATES; k++) g[k * n + i] = 0;
        for (long long piece = (o.steps - 1) / segment; piece >= 0; piece--) {
            const long long begin = piece * segment, end = begin + segment < o.steps ? begin + segment : o.steps;
            const real* from = piece ? checkpoints + (s * count + piece - 1) * each : state + s * each;
            __syncthreads();
            for (long long i = lane; i < n; i += team)
                for (int k = 0; k < OWN_STATES; k++) x[k * n + i] = from[k * n + i];
            for (long long t = begin; t < end; t++)
                ode_step(o, s, t, lane, team, x, x + each, x + 2 * each, history + (t - begin) * stages * each);
            __syncthreads();
            for (long long t = end - 1; t >= begin; t--) {
                if ((t + 1) % every == 0)
                    for (long long i = lane; i < n; i += team)
                        for (int k = 0; k < OWN_STATES; k++) g[k * n + i] += cotangent[(s * records + (t + 1) / every - 1) * each + k * n + i];
                ode_step_back(o, b, mine, s, t, lane, team, history + (t - begin) * stages * each, g, room);
            }
        }
        if (mine)
            for (long long i = lane; i < n; i += team)
                for (int k = 0; k < OWN_STATES; k++) by_state[s * each + k * n + i] = g[k * n + i];
    }
}
}  // namespace pnn
#endif
