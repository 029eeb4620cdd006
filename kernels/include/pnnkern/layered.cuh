// Relaxation of layered networks with one hidden layer, a block for each sample: the free state, then the nudged states as differences
// from it, all together, with the states in shared memory. Twin: networks/layered.py.
//
// A node of the hidden layer that its neighbours pull to u takes the state value(u); difference(u, du) is value(u + du) - value(u)
// without cancellation: near the free state the differences are beta times smaller than the states, and keep their own digits.
#pragma once
#include "pnnkern/platform.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
enum { BOX = 0, SIGMOID = 1, TANH = 2 };   // clamp(u, low, high), 1 / (1 + exp(2 - 4 u)), tanh(u)

PNN_D float tanh_(float x) { return tanhf(x); }
PNN_D double tanh_(double x) { return tanh(x); }
template <class T> PNN_D T magnitude(T x) { return x < T(0) ? -x : x; }
template <class T> PNN_D T clamped(T x, T low, T high) { return x < low ? low : x > high ? high : x; }

template <class T> PNN_D T value(int model, T u, T low, T high) {
    if (model == BOX) return clamped(u, low, high);
    if (model == SIGMOID) return T(0.5) + T(0.5) * tanh_(T(2) * u - T(1));
    return tanh_(u);
}
template <class T> PNN_D T difference(int model, T u, T du, T low, T high) {
    if (model == BOX) {
        T x = clamped(u, low, high);
        return clamped(du + (u - x), low - x, high - x);
    }
    T x = model == SIGMOID ? T(2) * u - T(1) : u, d = model == SIGMOID ? T(2) * du : du;
    T moved = tanh_(d) * (T(1) - tanh_(x) * tanh_(x + d));   // tanh(x + d) - tanh(x)
    return model == SIGMOID ? T(0.5) * moved : moved;
}

// The largest over a block; every thread gets it, NaN if there is one. scratch: one T per thread; blockDim.x is a power of two, at least 32.
template <class T> PNN_D T block_largest(T x, T* scratch) {
    scratch[threadIdx.x] = x;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) scratch[threadIdx.x] = larger(scratch[threadIdx.x], scratch[threadIdx.x + half]);
        __syncthreads();
    }
    T largest = scratch[0];
    __syncthreads();
    return largest;
}

// weight[outputs][hidden] between hidden and output layer; drive[batch][hidden] from inputs and biases; total1[hidden], total2[outputs]
// divide what pulls a node; bias[outputs]; low[hidden], high[hidden] of a BOX. Of a population, networks of `each` samples one after
// another in the batch, weight, total1, total2 and bias have a first axis of networks.
// Shared memory: pull[hidden], state[hidden], output[outputs], scratch[threads].
template <class T> struct one_hidden {
    long long batch, each;
    int hidden, outputs, model;
    const T *weight, *drive, *total1, *total2, *bias, *low, *high;
    T *pull, *state, *output, *scratch;

    PNN_D T gathered(int j) const {   // what the outputs pull at hidden node j
        T sum = T(0);
        for (int k = 0; k < outputs; k++) sum += weight[(long long)k * hidden + j] * output[k];
        return sum;
    }
    // output[k] = (base(k) + sum_j weight state) / (total2 + nudge); raises this thread's largest step and magnitude.
    template <class Base> PNN_D void outputs_step(T nudge, Base base, T* step, T* largest) {
        for (int k = threadIdx.x / 32; k < outputs; k += blockDim.x / 32) {   // a warp for each output
            T sum = T(0);
            for (int j = threadIdx.x % 32; j < hidden; j += 32) sum += weight[(long long)k * hidden + j] * state[j];
            for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_down_sync(0xffffffffu, sum, lanes);
            if (threadIdx.x % 32 == 0) {
                T x = (base(k) + sum) / (total2[k] + nudge), moved = magnitude(x - output[k]), size = magnitude(x);
                output[k] = x;
                *step = larger(*step, moved);
                *largest = larger(*largest, size);
            }
        }
        __syncthreads();
    }
    PNN_D bool settled(T step, T largest, T tolerance, T* change) {
        step = block_largest(step, scratch);
        largest = block_largest(largest, scratch);
        *change = largest > T(0) ? step / largest : step;
        return *change <= tolerance;
    }
    PNN_D void start(const T* h, const T* o) {   // zeros for null
        for (int j = threadIdx.x; j < hidden; j += blockDim.x) state[j] = h ? h[j] : T(0);
        for (int k = threadIdx.x; k < outputs; k += blockDim.x) output[k] = o ? o[k] : T(0);
        __syncthreads();
    }
    PNN_D void store(T last, T* h, T* o, T* change) {
        for (int j = threadIdx.x; j < hidden; j += blockDim.x) h[j] = state[j];
        for (int k = threadIdx.x; k < outputs; k += blockDim.x) o[k] = output[k];
        if (threadIdx.x == 0) *change = last;
        __syncthreads();
    }

    // h[hidden], o[outputs] of sample b hold the start and then the free state; change the last step relative to the largest state.
    PNN_D void relax(long long b, int sweeps, T tolerance, T* h, T* o, T* change) {
        start(h, o);
        T last = T(0);
        for (int sweep = 0; sweep < sweeps; sweep++) {
            T step = T(0), largest = T(0);
            for (int j = threadIdx.x; j < hidden; j += blockDim.x) {
                T u = (drive[b * hidden + j] + gathered(j)) / total1[j], x = value(model, u, low[j], high[j]);
                T moved = magnitude(x - state[j]), size = magnitude(x);
                pull[j] = u;
                state[j] = x;
                step = larger(step, moved);
                largest = larger(largest, size);
            }
            __syncthreads();
            outputs_step(T(0), [=](int k) { return bias[k]; }, &step, &largest);
            if (settled(step, largest, tolerance, &last)) break;
        }
        store(last, h, o, change);
    }
    // After relax, for one nudge: pull holds what pulled the free state o. With hold the outputs move by nudge (target - o), and stay.
    PNN_D void respond(T nudge, int hold, int sweeps, T tolerance, const T* target, const T* o, T* dh, T* d_o, T* change) {
        start(nullptr, nullptr);
        T last = T(0);
        for (int sweep = 0; sweep < sweeps; sweep++) {
            T step = T(0), largest = T(0);
            if (hold) {
                for (int k = threadIdx.x; k < outputs; k += blockDim.x) {
                    T x = nudge * (target[k] - o[k]), size = magnitude(x);
                    output[k] = x;
                    largest = larger(largest, size);
                }
                __syncthreads();
            } else {
                outputs_step(nudge, [=](int k) { return nudge * (target[k] - o[k]); }, &step, &largest);
            }
            for (int j = threadIdx.x; j < hidden; j += blockDim.x) {
                T x = difference(model, pull[j], gathered(j) / total1[j], low[j], high[j]);
                T moved = magnitude(x - state[j]), size = magnitude(x);
                state[j] = x;
                step = larger(step, moved);
                largest = larger(largest, size);
            }
            __syncthreads();
            if (settled(step, largest, tolerance, &last)) break;
        }
        store(last, dh, d_o, change);
    }
    // dh[phases][batch][hidden], d_o[phases][batch][outputs]; change[1 + phases][batch].
    PNN_D void run(int phases, int hold, int sweeps, int nudged_sweeps, T tolerance, const T* nudge, const T* target, T* h, T* o, T* dh,
                   T* d_o, T* change) {
        long long network = 0;
        for (long long b = blockIdx.x; b < batch; b += gridDim.x) {
            long long on = b / each - network;
            network += on;
            weight += on * outputs * hidden, total1 += on * hidden, total2 += on * outputs, bias += on * outputs;
            relax(b, sweeps, tolerance, h + b * hidden, o + b * outputs, change + b);
            for (int p = 0; p < phases; p++) {
                long long i = p * batch + b;
                respond(nudge[p], hold, nudged_sweeps, tolerance, target + b * outputs, o + b * outputs, dh + i * hidden, d_o + i * outputs,
                        change + batch + i);
            }
        }
    }
};
}  // namespace pnn
