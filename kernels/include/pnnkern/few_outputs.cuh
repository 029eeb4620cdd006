// Layered networks of one hidden layer and a few outputs: all sweeps of a sample with states and weights in registers. See layered.cuh for
// the order of nodes in memory, and for what a node does.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/few_outputs.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/fold.cuh"
#include "pnnkern/four.cuh"
#include "pnnkern/layered.cuh"

namespace pnn {
constexpr int FEW = 16, FEW_WARPS = 8;   // outputs, and warps of a block, at most

template <class T> struct alignas(16) pack { T v[16 / sizeof(T)]; };

// A block that relaxes samples one after another. Thread t has the OWN hidden nodes from t OWN on, with their weights; every warp has all the
// outputs, output k in lanes k and k + 16, and comes to the same bits. So a sweep is two products in registers and one sum over all threads,
// by way of shares in shared memory, of which two sums that follow each other take different halves: one barrier.
// MODEL: of all nodes, where the code knows it, else -1. M: outputs, at most.
constexpr int FEW_SHARES = 2 * FEW_WARPS * FEW, FEW_NOTES = 4 * FEW_WARPS;   // values of a half of shares, and of a half of notes

template <class T, int MODEL, int M> struct few_outputs_block {
    static constexpr int OWN = sizeof(T) == 4 ? 4 : 1, PACK = 16 / int(sizeof(T));   // hidden nodes of a thread
    static constexpr bool CLAMPED = MODEL == BOX || MODEL == DIODES;                 // nodes that are kept within low .. high
    int n, m, model, output, place, turn, look;       // hidden nodes, outputs; which output is this lane's, and which it sums; halves that are next
    T *shares, *notes, *outputs;                      // [2][2][8][16], [2][4][8]; [2][16] of the warp
    T w[OWN][M], drive[OWN], part[OWN], state[1][OWN], pull[OWN];   // part: 1 over what divides a node's pull; drive: times it
    T low[OWN], high[OWN], out, out_bias, out_divisor;

    PNN_D int node(int r) const { return int(threadIdx.x) * OWN + r; }
    PNN_D bool up(int r) const { return node(r) < n - n / 2; }
    PNN_D static T infinity() {
        T much = T(sizeof(T) == 4 ? 1e38 : 1e300);
        return much * much;
    }
    PNN_D static T within(T x, T low, T high) { return lower(upper(x, low), high); }
    PNN_D T free_value(int r, T u) const { return CLAMPED ? within(u, low[r], high[r]) : value(model, u, up(r)); }

    // The values of this thread's nodes, 0 for those that there are not
    PNN_D void take(const T* from, T (&v)[OWN]) const {
        if constexpr (OWN == 4)
            if (in_fours(n, from) && node(0) < n) return fetch(from + node(0), v);
        PNN_UNROLL
        for (int r = 0; r < OWN; r++) v[r] = node(r) < n ? from[node(r)] : T(0);
    }
    PNN_D void give(const T (&v)[OWN], T* to) const {
        if constexpr (OWN == 4)
            if (in_fours(n, to) && node(0) < n) return pnn::store(to + node(0), v);
        PNN_UNROLL
        for (int r = 0; r < OWN; r++)
            if (node(r) < n) to[node(r)] = v[r];
    }
    // What does not change from sample to sample of a network; total null: nothing divides what pulls a node.
    PNN_D void load(const T* weight, const T* bias, const T* total) {
        PNN_UNROLL
        for (int r = 0; r < OWN; r++) part[r] = T(1);
        if (total) take(total, part);
        out_bias = output < m ? bias[output] : T(0);
        out_divisor = total && output < m ? total[n + output] : T(1);
        __syncthreads();   // what is small is asked for before the weights; and shares and notes have been set to 0
        if (OWN == 4 && m == M && node(OWN) <= n && (unsigned long long)weight % 16 == 0) {   // rows that lie one after another
            T rows[OWN * M];
            PNN_UNROLL
            for (int i = 0; i < OWN * M; i += 4) fetch(weight + node(0) * M + i, rows + i);
            PNN_UNROLL
            for (int i = 0; i < OWN * M; i++) w[i / M][i % M] = rows[i];
        } else {
            PNN_UNROLL
            for (int r = 0; r < OWN; r++) {
                const T* row = weight + (node(r) < n ? node(r) * m : 0);
                int some = node(r) < n ? m : 0;
                PNN_UNROLL
                for (int k = 0; k < M; k++) w[r][k] = k < some ? row[k] : T(0);
            }
        }
        PNN_UNROLL
        for (int r = 0; r < OWN; r++) {
            part[r] = total && node(r) < n ? T(1) / part[r] : T(1);
            low[r] = MODEL == BOX || up(r) ? T(0) : -infinity();
            high[r] = MODEL == BOX ? T(1) : up(r) ? infinity() : T(0);
        }
    }
    // Outputs, one in a lane, to where every lane of the warp reads them. What was there has been read: a barrier of the block lies between.
    PNN_D void publish(int p, T y) const {
        if (threadIdx.x % 32 < FEW) outputs[p * FEW + output] = y;
    }
    // sum[r] = sum_k w[r][k] y_k: what the outputs pull at this thread's nodes, in phase p
    PNN_D void from_above(int p, T (&sum)[OWN]) const {
        const pack<T>* y = reinterpret_cast<const pack<T>*>(outputs + p * FEW);
        PNN_UNROLL
        for (int r = 0; r < OWN; r++) sum[r] = T(0);
        PNN_UNROLL
        for (int k = 0; k < M; k += PACK) {
            pack<T> some = y[k / PACK];
            PNN_UNROLL
            for (int q = 0; q < PACK && k + q < M; q++)
                PNN_UNROLL
                for (int r = 0; r < OWN; r++) sum[r] += w[r][k + q] * some.v[q];
        }
    }
    // sum[p] = sum over all hidden nodes of w x[p], for this lane's output
    template <int P> PNN_D void from_below(const T (&x)[P][OWN], T (&sum)[P]) {
        T* mine = shares + turn * FEW_SHARES;
        turn ^= 1;
        PNN_UNROLL
        for (int p = 0; p < P; p++) {
            T own[M];
            PNN_UNROLL
            for (int k = 0; k < M; k++) {
                own[k] = T(0);
                PNN_UNROLL
                for (int r = 0; r < OWN; r++) own[k] += w[r][k] * x[p][r];
            }
            fold<M>(own, threadIdx.x % 32);
            if (place >= 0) mine[(p * FEW_WARPS + threadIdx.x / 32) * FEW + place] = own[0];
        }
        __syncthreads();
        PNN_UNROLL
        for (int p = 0; p < P; p++) {   // half a warp takes the even warps' shares, the other half the odd ones'; those of no warp are 0
            T* from = mine + p * FEW_WARPS * FEW + threadIdx.x % 32;
            T half = (from[0] + from[2 * FEW]) + (from[4 * FEW] + from[6 * FEW]);
            sum[p] = half + __shfl_xor_sync(0xffffffffu, half, FEW);
        }
    }
    static PNN_D void note(T old, T now, T* step, T* largest) {
        *step = upper(*step, magnitude(now - old));
        *largest = upper(*largest, magnitude(now));
    }
    PNN_D void note_nodes(const T (&old)[OWN], const T (&now)[OWN], T* step, T* largest) const {
        PNN_UNROLL
        for (int r = 0; r < OWN; r++)
            if (CLAMPED || node(r) < n) note(old[r], now[r], step, largest);   // where there is no node a clamped one stays at 0
    }
    // last[p] = the last step relative to the largest state, over the block: for every thread if `all`, else for the first warp. By one barrier,
    // as two that follow each other take different halves of the notes.
    template <int P> PNN_D void change(bool all, T (&step)[P], T (&largest)[P], T (&last)[P]) {
        int warp = threadIdx.x / 32;
        T* mine = notes + look * FEW_NOTES;
        look ^= 1;
        PNN_UNROLL
        for (int lanes = 16; lanes > 0; lanes /= 2)
            PNN_UNROLL
            for (int p = 0; p < P; p++) {
                step[p] = upper(step[p], __shfl_xor_sync(0xffffffffu, step[p], lanes));
                largest[p] = upper(largest[p], __shfl_xor_sync(0xffffffffu, largest[p], lanes));
            }
        PNN_UNROLL
        for (int p = 0; p < P; p++)
            if (threadIdx.x % 32 == 0) mine[2 * p * FEW_WARPS + warp] = step[p], mine[(2 * p + 1) * FEW_WARPS + warp] = largest[p];
        __syncthreads();
        if (!all && warp > 0) return;
        PNN_UNROLL
        for (int p = 0; p < P; p++) {
            const T *steps = mine + 2 * p * FEW_WARPS, *sizes = steps + FEW_WARPS;   // those of no warp are 0
            PNN_UNROLL
            for (int k = 0; k < FEW_WARPS; k++) step[p] = upper(step[p], steps[k]), largest[p] = upper(largest[p], sizes[k]);
            last[p] = largest[p] > T(0) ? step[p] / largest[p] : step[p];
        }
    }

    // Without a tolerance steps are looked at in the last sweep alone. begun: the outputs are not 0
    PNN_D T relax(bool begun, int sweeps, T tolerance) {
        T last[1] = {}, out_part = T(1) / out_divisor;
        PNN_UNROLL_BY(1)
        for (int s = 0; s < sweeps; s++) {
            bool looked = tolerance > T(0) || s + 1 == sweeps;
            T step[1] = {}, largest[1] = {}, above[OWN] = {}, now[OWN], below[1];
            if (s > 0 || begun) {
                publish(0, out);
                __syncwarp();
                from_above(0, above);
            }
            PNN_UNROLL
            for (int r = 0; r < OWN; r++) {
                pull[r] = above[r] * part[r] + drive[r];
                now[r] = free_value(r, pull[r]);
            }
            if (looked) note_nodes(state[0], now, step, largest);
            PNN_UNROLL
            for (int r = 0; r < OWN; r++) state[0][r] = now[r];
            from_below<1>(state, below);
            T y = (below[0] + out_bias) * out_part, old = out;
            out = y;
            if (!looked) continue;
            note(old, y, step, largest);
            change<1>(tolerance > T(0), step, largest, last);
            if (tolerance > T(0) && last[0] <= tolerance) break;
        }
        return last[0];
    }
    // P phases together: differences moved[p] and out_moved[p] to the free state; target: of this lane's output
    template <int P>
    PNN_D void respond(bool hold, int sweeps, T tolerance, const T (&nudge)[P], T target, T (&moved)[P][OWN], T (&out_moved)[P], T (&last)[P]) {
        T force[P], out_part[P], slack[OWN], least[OWN], most[OWN];   // of clamped nodes: how far they are pulled beyond, how far they can move
        PNN_UNROLL
        for (int p = 0; p < P; p++) {
            force[p] = output < m ? nudge[p] * (target - out) : T(0);
            out_part[p] = output < m ? T(1) / (out_divisor + nudge[p]) : T(0);
            out_moved[p] = hold ? force[p] : T(0);
            if (hold) publish(p, out_moved[p]);
            PNN_UNROLL
            for (int r = 0; r < OWN; r++) moved[p][r] = T(0);
        }
        PNN_UNROLL
        for (int r = 0; r < OWN; r++) slack[r] = pull[r] - state[0][r], least[r] = low[r] - state[0][r], most[r] = high[r] - state[0][r];
        __syncwarp();
        PNN_UNROLL_BY(1)
        for (int s = 0; s < sweeps; s++) {
            bool looked = tolerance > T(0) || s + 1 == sweeps;
            T step[P] = {}, largest[P] = {}, below[P] = {}, above[OWN], now[OWN];
            if (!hold) {
                if (s > 0) from_below<P>(moved, below);   // at first nothing has moved
                PNN_UNROLL
                for (int p = 0; p < P; p++) {
                    T y = (force[p] + below[p]) * out_part[p];
                    publish(p, y);
                    if (looked) note(out_moved[p], y, &step[p], &largest[p]);
                    out_moved[p] = y;
                }
                __syncwarp();
            }
            PNN_UNROLL
            for (int p = 0; p < P; p++) {
                from_above(p, above);
                PNN_UNROLL
                for (int r = 0; r < OWN; r++) {
                    T by = above[r] * part[r];
                    now[r] = CLAMPED ? within(by + slack[r], least[r], most[r]) : difference(model, pull[r], by, up(r));
                }
                if (looked) note_nodes(moved[p], now, &step[p], &largest[p]);
                PNN_UNROLL
                for (int r = 0; r < OWN; r++) moved[p][r] = now[r];
            }
            if (!looked) continue;
            PNN_UNROLL
            for (int p = 0; p < P; p++)
                if (hold) largest[p] = upper(largest[p], magnitude(out_moved[p]));
            change<P>(tolerance > T(0), step, largest, last);
            if (tolerance > T(0) && last[0] <= tolerance) break;
        }
    }
    // Row `row` of (rows, n) and (rows, m), one after the other
    PNN_D void store(const T (&x)[OWN], T y, long long rows, long long row, T* to) const {
        give(x, to + row * n);
        if (int(threadIdx.x) < m) to[rows * n + row * m + output] = y;
    }
};

// What layered_relax does, of such networks. Blocks (b, y) of one sample share its phases out, and each finds the free state.
template <int MODEL, int M, class T>
PNN_D void relax_few_outputs(long long batch, long long each, int n, int m, int model, int phases, int begun, int hold, int together,
                             int sweeps, int nudged_sweeps, T tolerance, const T* drive, const T* total, const T* weight, const T* bias,
                             const T* nudge, const T* target, T* state, T* moved, T* change, T* shares, T* notes, T* outputs) {
    using block = few_outputs_block<T, MODEL, M>;
    block of;
    of.n = n, of.m = m, of.model = model, of.turn = of.look = 0, of.shares = shares, of.notes = notes;
    of.outputs = outputs + threadIdx.x / 32 * 2 * FEW, of.output = threadIdx.x % FEW;
    range own = left<M>(threadIdx.x % 32);
    of.place = own.first < own.end ? own.first : -1;
    for (int i = threadIdx.x; i < 2 * FEW_SHARES; i += blockDim.x) shares[i] = T(0);
    for (int i = threadIdx.x; i < 2 * FEW_NOTES; i += blockDim.x) notes[i] = T(0);
    T first = int(blockIdx.y) < phases ? nudge[blockIdx.y] : T(0);   // asked for long before it is needed
    long long network = -1;
    for (long long b = blockIdx.x; b < batch; b += gridDim.x) {
        bool has = of.output < m;
        T wanted = target && has ? target[b * m + of.output] : T(0);
        of.take(drive + b * n, of.drive);
        long long mine = each < batch ? b / each : 0;
        if (mine != network) {
            network = mine;
            of.load(weight + mine * n * m, bias + mine * m, total ? total + mine * (n + m) : nullptr);
        }
        PNN_UNROLL
        for (int r = 0; r < of.OWN; r++) {
            of.drive[r] *= of.part[r];
            of.state[0][r] = begun && of.node(r) < n ? state[b * n + of.node(r)] : T(0);
        }
        of.out = begun && has ? state[batch * n + b * m + of.output] : T(0);
        T left = of.relax(begun, sweeps, tolerance);
        if (blockIdx.y == 0) {
            of.store(of.state[0], of.out, batch, b, state);
            if (threadIdx.x == 0) change[b] = left;
        }
        int p = int(blockIdx.y);
        for (; together == 2 && gridDim.y == 1 && p + 2 <= phases; p += 2) {
            T by[2][block::OWN], out[2], last[2] = {}, beta[2] = {p > 0 ? nudge[p] : first, nudge[p + 1]};
            of.template respond<2>(hold, nudged_sweeps, tolerance, beta, wanted, by, out, last);
            PNN_UNROLL
            for (int q = 0; q < 2; q++) {
                of.store(by[q], out[q], phases * batch, (p + q) * batch + b, moved);
                if (threadIdx.x == 0) change[(1 + p + q) * batch + b] = last[q];
            }
        }
        for (; p < phases; p += int(gridDim.y)) {
            T by[1][block::OWN], out[1], last[1] = {}, beta[1] = {p == int(blockIdx.y) ? first : nudge[p]};
            of.template respond<1>(hold, nudged_sweeps, tolerance, beta, wanted, by, out, last);
            of.store(by[0], out[0], phases * batch, p * batch + b, moved);
            if (threadIdx.x == 0) change[(1 + p) * batch + b] = last[0];
        }
    }
}
// The same; code of its own for the models whose nodes cost less than to ask which they are, with up to ten outputs, in single precision.
template <class T, class... More> PNN_D void relax_few(long long batch, long long each, int n, int m, int model, More... more) {
    constexpr bool single = sizeof(T) == 4;
    if (single && model == BOX && m <= 10)
        relax_few_outputs<single ? BOX : -1, single ? 10 : FEW, T>(batch, each, n, m, model, more...);
    else if (single && model == DIODES && m <= 10)
        relax_few_outputs<single ? DIODES : -1, single ? 10 : FEW, T>(batch, each, n, m, model, more...);
    else
        relax_few_outputs<-1, FEW, T>(batch, each, n, m, model, more...);
}
}  // namespace pnn
#endif
