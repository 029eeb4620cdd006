// Relaxation of layered networks with one hidden layer, a block for each sample: the free state, then the nudged states as differences
// from it, all together, with the states in shared memory. Twins: networks/drn.py, networks/hopfield.py.
//
// A model has value(j, u), the state of hidden node j whose neighbours pull it to u, and difference(j, u, du), value(j, u + du) -
// value(j, u) without cancellation. Differences keep their own digits: near the free state they are beta times smaller than the states.
#pragma once
#include "pnnkern/platform.cuh"

namespace pnn {
// The largest over a block; every thread gets it. scratch: one T per thread; blockDim.x is a power of two, at least 32.
template <class T> PNN_D T block_largest(T x, T* scratch) {
    scratch[threadIdx.x] = x;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && !(scratch[threadIdx.x + half] <= scratch[threadIdx.x])) scratch[threadIdx.x] = scratch[threadIdx.x + half];
        __syncthreads();
    }
    T largest = scratch[0];
    __syncthreads();
    return largest;
}
template <class T> PNN_D T magnitude(T x) { return x < T(0) ? -x : x; }

// weight[outputs][hidden] between hidden and output layer; drive[batch][hidden] from inputs and biases; total1[hidden], total2[outputs]
// divide what pulls a node. Shared memory: pull[hidden], state[hidden], output[outputs], scratch[threads].
// relax (free != 0): h[batch][hidden], o[batch][outputs] hold the start and then the free state; change[batch] the largest last step,
// relative to the largest state. respond: dh[phases][batch][hidden], do_[phases][batch][outputs], change[phases][batch] likewise.
template <class T, class Model> struct one_hidden {
    long long batch;
    int hidden, outputs;
    const T *weight, *drive, *total1, *total2, *bias;
    Model model;
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
                if (!(moved <= *step)) *step = moved;
                if (!(size <= *largest)) *largest = size;
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

    PNN_D void relax(long long b, int sweeps, T tolerance, T* h, T* o, T* change) {
        for (int j = threadIdx.x; j < hidden; j += blockDim.x) state[j] = h[b * hidden + j];
        for (int k = threadIdx.x; k < outputs; k += blockDim.x) output[k] = o[b * outputs + k];
        __syncthreads();
        T last = T(0);
        for (int sweep = 0; sweep < sweeps; sweep++) {
            T step = T(0), largest = T(0);
            for (int j = threadIdx.x; j < hidden; j += blockDim.x) {
                T u = (drive[b * hidden + j] + gathered(j)) / total1[j], x = model.value(j, u);
                T moved = magnitude(x - state[j]), size = magnitude(x);
                pull[j] = u;
                state[j] = x;
                if (!(moved <= step)) step = moved;
                if (!(size <= largest)) largest = size;
            }
            __syncthreads();
            outputs_step(T(0), [=](int k) { return bias[k]; }, &step, &largest);
            if (settled(step, largest, tolerance, &last)) break;
        }
        for (int j = threadIdx.x; j < hidden; j += blockDim.x) h[b * hidden + j] = state[j];
        for (int k = threadIdx.x; k < outputs; k += blockDim.x) o[b * outputs + k] = output[k];
        if (threadIdx.x == 0) change[b] = last;
    }
    // After relax, for one nudge: pull holds what pulled the free state.
    PNN_D void respond(long long b, T nudge, int sweeps, T tolerance, const T* target, const T* o, T* dh, T* d_o, T* change) {
        for (int j = threadIdx.x; j < hidden; j += blockDim.x) state[j] = T(0);
        for (int k = threadIdx.x; k < outputs; k += blockDim.x) output[k] = T(0);
        __syncthreads();
        T last = T(0);
        for (int sweep = 0; sweep < sweeps; sweep++) {
            T step = T(0), largest = T(0);
            outputs_step(nudge, [=](int k) { return nudge * (target[b * outputs + k] - o[b * outputs + k]); }, &step, &largest);
            for (int j = threadIdx.x; j < hidden; j += blockDim.x) {
                T x = model.difference(j, pull[j], gathered(j) / total1[j]);
                T moved = magnitude(x - state[j]), size = magnitude(x);
                state[j] = x;
                if (!(moved <= step)) step = moved;
                if (!(size <= largest)) largest = size;
            }
            __syncthreads();
            if (settled(step, largest, tolerance, &last)) break;
        }
        for (int j = threadIdx.x; j < hidden; j += blockDim.x) dh[b * hidden + j] = state[j];
        for (int k = threadIdx.x; k < outputs; k += blockDim.x) d_o[b * outputs + k] = output[k];
        if (threadIdx.x == 0) change[b] = last;
        __syncthreads();
    }
    PNN_D void run(int phases, int sweeps, int nudged_sweeps, T tolerance, const T* nudge, const T* target, T* h, T* o, T* dh, T* d_o, T* change) {
        for (long long b = blockIdx.x; b < batch; b += gridDim.x) {
            relax(b, sweeps, tolerance, h, o, change);
            __syncthreads();
            for (int p = 0; p < phases; p++)
                respond(b, nudge[p], nudged_sweeps, tolerance, target, o, dh + p * batch * hidden, d_o + p * batch * outputs,
                        change + (p + 1) * batch);
        }
    }
};
}  // namespace pnn
