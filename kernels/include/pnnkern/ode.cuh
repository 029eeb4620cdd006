// ODEs of networks of nodes, whose rates are a user's own (pnnkern/own.cuh), for blocks of any grid; layouts stand in dynamics/ode.cu.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/ode.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/own.cuh"
#include "pnnkern/philox.cuh"

namespace pnn {
enum { ODE_RK4, ODE_LEAPFROG, ODE_HEUN };

template <class real> struct ode {
    long long samples, n, steps;
    int method;
    long long times, channels, step0;
    real dt;
    const real *constants, *parameters, *weights;
    const int *offsets, *neighbour, *edge;
    const real* drive;
    int noisy;
    const real* sigma;
    rng_key key;
    long long sample0;
    const long long* index;

    PNN_D int stages() const { return method == ODE_RK4 ? 4 : method == ODE_LEAPFROG ? 1 : 2; }
    // Where in the step a stage is, and what its rates weigh.
    PNN_D real at(int j) const {
        if (method == ODE_RK4) return j == 0 ? (real)0 : j == 3 ? (real)1 : (real)0.5;
        return method == ODE_LEAPFROG ? (real)0.5 : (real)j;
    }
    PNN_D real part(int j) const {
        if (method == ODE_RK4) return j == 0 || j == 3 ? (real)(1.0 / 6.0) : (real)(1.0 / 3.0);
        return method == ODE_LEAPFROG ? (real)1 : (real)0.5;
    }
    PNN_D real input(long long s, long long t, real place, long long i) const {
        if (!drive) return 0;
        const real* a = drive + (s * times + (times > 1 ? t : 0)) * channels + (channels > 1 ? i : 0);
        return times > 1 ? a[0] + place * (a[channels] - a[0]) : a[0];
    }
    // What node i feels of the others; y begins with the first components of all nodes.
    PNN_D real coupled(long long i, const real* y) const {
        real sum = 0;
        if (!offsets) return sum;
        for (int k = offsets[i]; k < offsets[i + 1]; k++) sum += weights[edge[k]] * own_felt(y[i], y[neighbour[k]], constants);
        return sum;
    }
    // A node's parameters, and its components at a stage.
    PNN_D void node(long long i, const real* y, real* own, real* p) const {
        PNN_UNROLL
        for (int j = 0; j < OWN_PARAMETERS; j++) p[j] = parameters[j * n + i];
        PNN_UNROLL
        for (int k = 0; k < OWN_STATES; k++) own[k] = y[k * n + i];
    }
    // What the noise adds to node i in step t.
    PNN_D void noise(long long s, long long t, long long i, real* z) const {
        real draws[4];
        normal4(key, (u64)((step0 + t) * n + i), (u64)sample_of(s, sample0, index), draws);
        real root = sqrt_(dt);
        PNN_UNROLL
        for (int k = 0; k < OWN_STATES; k++) z[k] = root * sigma[k] * draws[k];
    }
    PNN_D int parity(long long t) const { return (int)(t * stages() & 1); }   // of the buffer of a step's first stage
};

// A thread's part of a step of sample s, nodes lane, lane + team, ... x holds its states, y two buffers of a stage, acc sums.
// kept : where the states of all stages are written; or null.
template <class real>
PNN_D void ode_step(const ode<real>& o, long long s, long long t, int lane, int team, real* x, real* acc, real* y, real* kept) {
    const long long n = o.n, each = OWN_STATES * n;
    const int stages = o.stages();
    const real h = o.dt, half = h / 2;
    int turn = o.parity(t);
    for (int j = 0; j < stages; j++, turn ^= 1) {
        real *here = y + turn * each, *next = y + (turn ^ 1) * each;
        if (j == 0)
            for (long long i = lane; i < n; i += team)
                for (int k = 0; k < OWN_STATES; k++) {
                    here[k * n + i] = o.method == ODE_LEAPFROG && k == 0 ? x[i] + half * x[(OWN_STATES - 1) * n + i] : x[k * n + i];
                    acc[k * n + i] = x[k * n + i];
                }
        __syncthreads();
        const real weight = h * o.part(j), ahead = j + 1 < stages ? h * o.at(j + 1) : 0;
        for (long long i = lane; i < n; i += team) {
            real own[OWN_STATES], p[OWN_PARAMETERS + 1], rates[OWN_STATES], z[OWN_STATES] = {};
            o.node(i, here, own, p);
            if (kept)
                for (int k = 0; k < OWN_STATES; k++) kept[j * each + k * n + i] = own[k];
            own_rates(own, o.coupled(i, here), o.input(s, t, o.at(j), i), p, o.constants, rates);
            if (o.method == ODE_LEAPFROG) {
                const long long v = (OWN_STATES - 1) * n + i;
                x[v] += h * rates[OWN_STATES - 1];
                x[i] = own[0] + half * x[v];
                continue;
            }
            if (o.noisy) o.noise(s, t, i, z);
            for (int k = 0; k < OWN_STATES; k++) {
                const long long at = k * n + i;
                acc[at] += weight * rates[k];
                if (j + 1 < stages) next[at] = x[at] + ahead * rates[k] + z[k];
                else x[at] = acc[at] + z[k];
            }
        }
    }
}

template <class real>
PNN_D void ode_solve(const ode<real>& o, long long every, int team, const real* state, real* out, real* memory) {
    const int lane = threadIdx.x % team, slot = threadIdx.x / team, teams = blockDim.x / team;
    const long long n = o.n, each = OWN_STATES * n, records = o.steps / every;
    real *x = memory + slot * 4 * each, *acc = x + each, *y = acc + each;
    for (long long base = (long long)blockIdx.x * teams; base < o.samples; base += (long long)gridDim.x * teams) {
        const bool mine = base + slot < o.samples;   // other teams go along
        const long long s = mine ? base + slot : o.samples - 1;
        for (long long i = lane; i < n; i += team)
            for (int k = 0; k < OWN_STATES; k++) x[k * n + i] = state[s * each + k * n + i];
        __syncthreads();
        for (long long t = 0; t < o.steps; t++) {
            ode_step(o, s, t, lane, team, x, acc, y, (real*)nullptr);
            if ((t + 1) % every == 0 && mine)
                for (long long i = lane; i < n; i += team)
                    for (int k = 0; k < OWN_STATES; k++) out[(s * records + (t + 1) / every - 1) * each + k * n + i] = x[k * n + i];
        }
    }
}
}  // namespace pnn
#endif
