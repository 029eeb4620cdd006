// Layered networks of one hidden layer and a few outputs: all sweeps of a sample with states and weights in registers. See layered.cuh for
// the order of nodes in memory, and for what a node does.
#pragma once
#include "pnnkern/layered.cuh"

namespace pnn {
constexpr int FEW = 16, FEW_WARPS = 8;   // outputs, and warps of a block, at most

// Each lane is left with one half of v, added up with that of the lane that has the other.
template <int HALF, class T> PNN_D void fold(T (&v)[FEW]) {
    bool up = threadIdx.x & HALF;
#pragma unroll
    for (int i = 0; i < HALF; i++) {
        T kept = up ? v[i + HALF] : v[i], sent = up ? v[i] : v[i + HALF];
        v[i] = kept + __shfl_xor_sync(0xffffffffu, sent, HALF);
    }
}
// v[k] summed over the lanes of a warp, for k = lane % 16
template <class T> PNN_D T folded(T (&v)[FEW]) {
    fold<8>(v), fold<4>(v), fold<2>(v), fold<1>(v);
    return v[0] + __shfl_xor_sync(0xffffffffu, v[0], FEW);
}

template <class T> struct alignas(16) pack { T v[16 / sizeof(T)]; };

// A block that relaxes samples one after another. Thread t has the hidden nodes t, t + threads, .., with their weights; every warp has all the
// outputs, output k in lanes k and k + 16, and comes to the same bits. So a sweep is two products in registers and one sum over all threads,
// by way of shares[2][2][warps][16] in shared memory, of which two sums that follow each other take different halves: one barrier.
// MODEL: of all nodes, where the code knows it, else -1.
template <class T, int MODEL> struct few_outputs_block {
    static constexpr int OWN = sizeof(T) == 4 ? 4 : 1, PACK = 16 / int(sizeof(T));   // hidden nodes of a thread, at most
    int n, m, model, output, turn;                    // hidden nodes, outputs; which output is this lane's, which half is next
    T *shares, *outputs, *scratch;                    // outputs: [2][16] of the warp; scratch: 64 values
    T w[OWN][FEW], drive[OWN], part[OWN], state[1][OWN], pull[OWN];   // part: 1 over what divides a node's pull
    T out, out_bias, out_divisor;

    PNN_D int node(int r) const { return int(threadIdx.x) + r * int(blockDim.x); }
    PNN_D int kind() const { return MODEL < 0 ? model : MODEL; }
    PNN_D bool up(int r) const { return node(r) < n - n / 2; }

    // What does not change from sample to sample of a network; total null: nothing divides what pulls a node.
    PNN_D void load(const T* weight, const T* bias, const T* total) {
        output = threadIdx.x % FEW;
        out_bias = output < m ? bias[output] : T(0);
        out_divisor = total && output < m ? total[n + output] : T(1);
#pragma unroll
        for (int r = 0; r < OWN; r++) {
            int i = node(r);
            const T* row = weight + (i < n ? i * m : 0);
            int some = i < n ? m : 0;
            part[r] = total && i < n ? T(1) / total[i] : T(1);
#pragma unroll
            for (int k = 0; k < FEW; k++) w[r][k] = k < some ? row[k] : T(0);
        }
    }
    // Outputs, one in a lane, to where every lane of the warp reads them. What was there has been read: a barrier of the block lies between.
    PNN_D void publish(int p, T y) const {
        if (threadIdx.x % 32 < FEW) outputs[p * FEW + output] = y;
    }
    // sum[r] = sum_k w[r][k] y_k: what the outputs pull at this thread's nodes, in phase p
    PNN_D void from_above(int p, T (&sum)[OWN]) const {
        const pack<T>* y = reinterpret_cast<const pack<T>*>(outputs + p * FEW);
#pragma unroll
        for (int r = 0; r < OWN; r++) sum[r] = T(0);
#pragma unroll
        for (int k = 0; k < FEW; k += PACK) {
            pack<T> some = y[k / PACK];
#pragma unroll
            for (int q = 0; q < PACK; q++)
#pragma unroll
                for (int r = 0; r < OWN; r++) sum[r] += w[r][k + q] * some.v[q];
        }
    }
    // sum[p] = sum over all hidden nodes of w x[p], for this lane's output
    template <int P> PNN_D void from_below(const T (&x)[P][OWN], T (&sum)[P]) {
        int warp = threadIdx.x / 32, warps = blockDim.x / 32;
        T* mine = shares + turn * 2 * warps * FEW;
        turn ^= 1;
#pragma unroll
        for (int p = 0; p < P; p++) {
            T own[FEW];
#pragma unroll
            for (int k = 0; k < FEW; k++) {
                own[k] = T(0);
#pragma unroll
                for (int r = 0; r < OWN; r++) own[k] += w[r][k] * x[p][r];
            }
            T found = folded(own);
            if (threadIdx.x % 32 < FEW) mine[(p * warps + warp) * FEW + output] = found;
        }
        __syncthreads();
#pragma unroll
        for (int p = 0; p < P; p++) {   // half a warp takes the even warps' shares, the other half the odd ones'
            sum[p] = T(0);
#pragma unroll
            for (int i = 0; i < FEW_WARPS; i += 2) {
                int k = i + threadIdx.x % 32 / FEW;
                if (k < warps) sum[p] += mine[(p * warps + k) * FEW + output];
            }
            sum[p] += __shfl_xor_sync(0xffffffffu, sum[p], FEW);
        }
    }
    static PNN_D void note(T old, T now, T* step, T* largest) {
        *step = larger(*step, magnitude(now - old));
        *largest = larger(*largest, magnitude(now));
    }
    // The last step relative to the largest state, over the block
    PNN_D T change(T step, T largest) const {
        block_largest(&step, &largest, scratch);
        return largest > T(0) ? step / largest : step;
    }

    // Without a tolerance steps are looked at in the last sweep alone.
    PNN_D T relax(int sweeps, T tolerance) {
        T last = T(0);
#pragma unroll 1
        for (int s = 0; s < sweeps; s++) {
            bool looked = tolerance > T(0) || s + 1 == sweeps;
            T step = T(0), largest = T(0), above[OWN], below[1];
            publish(0, out);
            __syncwarp();
            from_above(0, above);
#pragma unroll
            for (int r = 0; r < OWN; r++) {
                pull[r] = (above[r] + drive[r]) * part[r];
                T now = value(kind(), pull[r], up(r));
                if (looked && node(r) < n) note(state[0][r], now, &step, &largest);
                state[0][r] = now;
            }
            from_below<1>(state, below);
            T now = (below[0] + out_bias) / out_divisor;
            if (looked) note(out, now, &step, &largest);
            out = now;
            if (!looked) continue;
            last = change(step, largest);
            if (tolerance > T(0) && last <= tolerance) break;
        }
        return last;
    }
    // P phases together: differences moved[p] and out_moved[p] to the free state; target: of this lane's output
    template <int P>
    PNN_D void respond(bool hold, int sweeps, T tolerance, const T* nudge, T target, T (&moved)[P][OWN], T (&out_moved)[P], T (&last)[P]) {
        T force[P], out_part[P];
#pragma unroll
        for (int p = 0; p < P; p++) {
            force[p] = output < m ? nudge[p] * (target - out) : T(0);
            out_part[p] = output < m ? T(1) / (out_divisor + nudge[p]) : T(0);
            out_moved[p] = hold ? force[p] : T(0);
            publish(p, out_moved[p]);
#pragma unroll
            for (int r = 0; r < OWN; r++) moved[p][r] = T(0);
        }
        __syncwarp();
#pragma unroll 1
        for (int s = 0; s < sweeps; s++) {
            bool looked = tolerance > T(0) || s + 1 == sweeps;
            T step[P] = {}, largest[P] = {}, below[P], above[OWN];
            if (!hold) {
                from_below<P>(moved, below);
#pragma unroll
                for (int p = 0; p < P; p++) {
                    T now = (force[p] + below[p]) * out_part[p];
                    if (looked) note(out_moved[p], now, &step[p], &largest[p]);
                    out_moved[p] = now;
                    publish(p, now);
                }
                __syncwarp();
            }
#pragma unroll
            for (int p = 0; p < P; p++) {
                from_above(p, above);
#pragma unroll
                for (int r = 0; r < OWN; r++) {
                    T now = difference(kind(), pull[r], above[r] * part[r], up(r));
                    if (looked && node(r) < n) note(moved[p][r], now, &step[p], &largest[p]);
                    moved[p][r] = now;
                }
            }
            if (!looked) continue;
#pragma unroll
            for (int p = 0; p < P; p++) {
                if (hold) largest[p] = larger(largest[p], magnitude(out_moved[p]));
                last[p] = change(step[p], largest[p]);
            }
            if (tolerance > T(0) && last[0] <= tolerance) break;
        }
    }
    // Row `row` of (rows, n) and (rows, m), one after the other
    PNN_D void store(const T (&x)[OWN], T y, long long rows, long long row, T* to) const {
#pragma unroll
        for (int r = 0; r < OWN; r++)
            if (node(r) < n) to[row * n + node(r)] = x[r];
        if (int(threadIdx.x) < m) to[rows * n + row * m + output] = y;
    }
};

// What layered_relax does, of such networks.
template <int MODEL, class T>
PNN_D void relax_few_outputs(long long batch, long long each, int n, int m, int model, int phases, int begun, int hold, int together,
                             int sweeps, int nudged_sweeps, T tolerance, const T* drive, const T* total, const T* weight, const T* bias,
                             const T* nudge, const T* target, T* state, T* moved, T* change, T* shares, T* outputs,
                             T* scratch) {
    few_outputs_block<T, MODEL> of;
    of.n = n, of.m = m, of.model = model, of.turn = 0, of.shares = shares, of.outputs = outputs + threadIdx.x / 32 * 2 * FEW, of.scratch = scratch;
    long long network = -1;
    for (long long b = blockIdx.x; b < batch; b += gridDim.x) {
        if (b / each != network) {
            network = b / each;
            of.load(weight + network * n * m, bias + network * m, total ? total + network * (n + m) : nullptr);
        }
#pragma unroll
        for (int r = 0; r < of.OWN; r++) {
            int i = of.node(r);
            of.drive[r] = i < n ? drive[b * n + i] : T(0);
            of.state[0][r] = begun && i < n ? state[b * n + i] : T(0);
        }
        bool has = of.output < m;
        of.out = begun && has ? state[batch * n + b * m + of.output] : T(0);
        T left = of.relax(sweeps, tolerance), wanted = target && has ? target[b * m + of.output] : T(0);
        of.store(of.state[0], of.out, batch, b, state);
        if (threadIdx.x == 0) change[b] = left;
        int p = 0;
        for (; together == 2 && p + 2 <= phases; p += 2) {
            T by[2][few_outputs_block<T, MODEL>::OWN], out[2], last[2] = {};
            of.template respond<2>(hold, nudged_sweeps, tolerance, nudge + p, wanted, by, out, last);
#pragma unroll
            for (int q = 0; q < 2; q++) {
                of.store(by[q], out[q], phases * batch, (p + q) * batch + b, moved);
                if (threadIdx.x == 0) change[(1 + p + q) * batch + b] = last[q];
            }
        }
        for (; p < phases; p++) {
            T by[1][few_outputs_block<T, MODEL>::OWN], out[1], last[1] = {};
            of.template respond<1>(hold, nudged_sweeps, tolerance, nudge + p, wanted, by, out, last);
            of.store(by[0], out[0], phases * batch, p * batch + b, moved);
            if (threadIdx.x == 0) change[(1 + p) * batch + b] = last[0];
        }
    }
}
// The same; code of its own for the models whose nodes cost less than to ask which they are, in single precision.
template <class T, class... More> PNN_D void relax_few(long long batch, long long each, int n, int m, int model, More... more) {
    if (sizeof(T) == 4 && model == BOX)
        relax_few_outputs<sizeof(T) == 4 ? BOX : -1, T>(batch, each, n, m, model, more...);
    else if (sizeof(T) == 4 && model == DIODES)
        relax_few_outputs<sizeof(T) == 4 ? DIODES : -1, T>(batch, each, n, m, model, more...);
    else
        relax_few_outputs<-1, T>(batch, each, n, m, model, more...);
}
}  // namespace pnn
