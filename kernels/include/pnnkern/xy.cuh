// Oscillators coupled through the cosines of their phase differences: the sin a cos b form, so that sums over neighbours are products of
// matrices with cos and sin, never a (batch, n, n) array. A block takes a network of oscillators through all its steps. Twin: networks/xy.py.
#pragma once
#include "pnnkern/philox.cuh"

namespace pnn {
// Sine and cosine of x = r + k pi / 2, from those of |r| <= pi / 4, without a path for large angles that would need an array in local memory.
// Polynomials: cephes sinf.c, fdlibm k_sin.c and k_cos.c, errors of an ulp.
template <class T> PNN_HD void turn_(T sine, T cosine, T k, T whole, T* s, T* c) {
    T q = k - T(4) * ((k * T(0.25) - T(0.375) + whole) - whole);   // k modulo 4; adding `whole` rounds
    bool odd = q == T(1) || q == T(3);
    T a = odd ? cosine : sine, b = odd ? sine : cosine;
    *s = q >= T(2) ? -a : a;
    *c = q == T(1) || q == T(2) ? -b : b;
}
// x - k pi / 2 and k. The first parts of pi / 2 have 33 bits (fdlibm e_rem_pio2.c): exact for k < 2^20, and as good as x itself beyond.
// What is no number, or so large that turns are lost in its rounding, has no sine.
PNN_HD double reduced_(double x, double* k) {
    double n = (x * 0.63661977236758134308 + 6755399441055744.0) - 6755399441055744.0;
    *k = n;
    double r = ((x - n * 1.57079632673412561417) - n * 6.07710050630396597660e-11) - n * 2.02226624879595063154e-21;
    return x < 1e12 && x > -1e12 ? r : 0.0 / 0.0;
}
PNN_HD void circle_(double x, double* s, double* c) {
    double k, r = reduced_(x, &k), z = r * r, p = 1.58969099521155010221e-10, q = -1.13596475577881948265e-11;
    p = p * z - 2.50507602534068634195e-08;
    p = p * z + 2.75573137070700676789e-06;
    p = p * z - 1.98412698298579493134e-04;
    p = p * z + 8.33333333332248946124e-03;
    p = p * z - 1.66666666666666324348e-01;
    q = q * z + 2.08757232129817482790e-09;
    q = q * z - 2.75573143513906633035e-07;
    q = q * z + 2.48015872894767294178e-05;
    q = q * z - 1.38888888888741095749e-03;
    q = q * z + 4.16666666666666019037e-02;
    turn_(r + r * z * p, 1.0 - (0.5 * z - z * z * q), k, 6755399441055744.0, s, c);
}
PNN_HD void circle_(float x, float* s, float* c) {
    float k = (x * 0.636619772f + 12582912.0f) - 12582912.0f;
    float r = ((x - k * 1.5703125f) - k * 4.837512969970703125e-4f) - k * 7.54978995489188216e-8f;   // exact for k < 2^13
    if (!(x < 8192.0f && x > -8192.0f)) {
        double n, wide = reduced_(x, &n);
        r = (float)wide;
        k = (float)(n - 4.0 * ((n * 0.25 + 6755399441055744.0) - 6755399441055744.0));   // -2 to 2, as many quarters
    }
    float z = r * r, p = -1.9515295891e-4f, q = 2.443315711809948e-5f;
    p = p * z + 8.3321608736e-3f;
    p = p * z - 1.6666654611e-1f;
    q = q * z - 1.388731625493765e-3f;
    q = q * z + 4.166664568298827e-2f;
    turn_(r + r * z * p, 1.0f - (0.5f * z - z * z * q), k, 12582912.0f, s, c);
}
template <class T> PNN_HD T size_(T x) { return x < T(0) ? -x : x; }

// -dE/dphase of one oscillator with cosine c and sine s in the field (x, y) of sources and neighbours, with the second harmonic k.
template <class T> PNN_HD T xy_force(T c, T s, T x, T y, T k) { return c * y - s * x - T(2) * k * s * c; }

#ifdef PNN_DEVICE
// The largest over a block, NaN if there is one; every thread gets it. scratch: a T for each of its warps, which must be whole.
template <class T> PNN_D T xy_largest(T x, T* scratch) {
    for (int lanes = 16; lanes > 0; lanes /= 2) x = larger(x, __shfl_xor_sync(0xffffffffu, x, lanes));
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = x;
    __syncthreads();
    x = scratch[0];
    for (int w = 1; w < (int)blockDim.x / 32; w++) x = larger(x, scratch[w]);
    __syncthreads();   // who comes next may write there
    return x;
}

// Sums over neighbours, a block for all `nodes` oscillators: of one group, all with all, or of two, each with all of the other and none of
// its own. The neighbours of a target are shared out to `slices` threads, whose sums are added in order: nothing else decides the bits.
template <class T, class I> struct xy_group {
    const T* weight;   // of neighbour j and target i at weight[j from + i to]
    I from, to;
    int neighbours, first, targets, slices;   // the neighbours are nodes first, first + 1, ...
    T* sums;                                  // [2][slices][targets]

    // op(weight, neighbour, &x, &y) adds what one neighbour gives.
    template <class Op> PNN_D void gather(Op op) const {
        int all = slices * targets;
        for (int e = threadIdx.x; e < all; e += blockDim.x) {
            int slice = e / targets, i = e - slice * targets;
            const T* at = weight + slice * from + i * to;
            I ahead = slices * from;
            T x = T(0), y = T(0);
            PNN_UNROLL_BY(4)
            for (int j = slice; j < neighbours; j += slices, at += ahead) op(*at, first + j, &x, &y);
            sums[e] = x;
            sums[all + e] = y;
        }
    }
    PNN_D void total(int i, T* x, T* y) const {
        T u = T(0), v = T(0);
        PNN_UNROLL_BY(4)
        for (int e = i; e < slices * targets; e += targets) u += sums[e], v += sums[slices * targets + e];
        *x = u;
        *y = v;
    }
};

// Sizes: pnn_xy_relax. What is not given is null.
template <class T> struct xy_system {
    long long field_rows, batch;
    int nodes, outputs;
    double tolerance;
    T step;
    const T *x, *y, *second, *slope, *detuning, *nudge, *target;
};

template <class T, class I> struct xy_block {
    xy_system<T> net;
    xy_group<T, I> one, two;   // the second of no targets where there is one group
    T *cosine, *sine, *state;  // of each node; state its phase, or how far it moved
    T *free;                   // cosine, sine, X and Y of the free state, each [nodes]; of `respond` alone
    T *scratch;

    template <class Op> PNN_D void gather(Op op) const {
        two.gather(op);
        one.gather(op);
        __syncthreads();
    }
    PNN_D void total(int i, T* x, T* y) const { i < one.targets ? one.total(i, x, y) : two.total(i - one.targets, x, y); }
    PNN_D void fields_of(const T* c, const T* s) const {
        gather([=](T w, int j, T* x, T* y) { *x += w * c[j], *y += w * s[j]; });
    }
    // The largest force that any node could feel.
    PNN_D T largest(long long row) const {
        gather([=](T w, int j, T* x, T* y) { *x += size_(w); });
        T most = T(0), total_, none;
        long long f = row % net.field_rows * net.nodes;
        for (int j = threadIdx.x; j < net.nodes; j += blockDim.x) {
            total(j, &total_, &none);
            if (net.x) total_ += size_(net.x[f + j]);
            if (net.y) total_ += size_(net.y[f + j]);
            if (net.second) total_ += size_(net.second[j]);
            most = larger(most, total_);
        }
        return xy_largest(most, scratch);
    }
    PNN_D bool settled(T most, T scale, int n, int steps, T* left) const {
        if (net.tolerance == 0 && n < steps - 1) return false;
        *left = xy_largest(most, scratch) / scale;
        return net.tolerance > 0 && *left <= T(net.tolerance);
    }

    // What moves oscillator j, from the sums that are there; f: where the fields of its row begin.
    PNN_D T pushed(int j, long long f, T beta, const T* wanted) const {
        int k = j - (net.nodes - net.outputs);
        T c = cosine[j], s = sine[j], x, y;
        total(j, &x, &y);
        if (net.x) x += net.x[f + j];
        if (net.y) y += net.y[f + j];
        if (net.nudge && k >= 0) x += beta * (wanted[k] - c);
        T push = xy_force(c, s, x, y, net.second ? net.second[j] : T(0));
        if (net.slope) push *= net.slope[j];
        if (net.detuning) push += net.detuning[j];
        return push;
    }
    PNN_D void begin(const T* start) const {
        for (int j = threadIdx.x; j < net.nodes; j += blockDim.x) {
            state[j] = start[j];
            circle_(start[j], sine + j, cosine + j);
        }
        __syncthreads();
    }

    // phase[nodes] after all steps from start[nodes]; cosines of the last ones, and the force that is left relative to the largest possible.
    PNN_D void relax(long long row, int steps, const T* start, T* phase, T* output, T* left) const {
        int nodes = net.nodes, others = nodes - net.outputs;
        long long f = row % net.field_rows * nodes;
        T beta = net.nudge ? net.nudge[row / net.batch] : T(0), most, scale = largest(row), last = T(0);
        const T* wanted = net.target + row % net.batch * net.outputs;
        scale = scale != T(0) ? scale : T(1);
        begin(start);
        for (int n = 0; n < steps; n++) {
            fields_of(cosine, sine);
            most = T(0);
            for (int j = threadIdx.x; j < nodes; j += blockDim.x) {
                T push = pushed(j, f, beta, wanted), to = state[j] + net.step * push;
                state[j] = to;
                circle_(to, sine + j, cosine + j);
                most = larger(most, size_(push));
            }
            bool done = settled(most, scale, n, steps, &last);
            __syncthreads();
            if (done) break;
        }
        for (int j = threadIdx.x; j < nodes; j += blockDim.x) {
            phase[j] = state[j];
            if (output && j >= others) output[j - others] = cosine[j];
        }
        if (threadIdx.x == 0) *left = last;
        __syncthreads();   // the next row begins
    }

    // phase[nodes] after all steps from start[nodes] in a bath: each adds amplitude sqrt(slope) z, with standard normals z of fold_in(key, step).
    PNN_D void warm(long long row, int steps, T amplitude, rng_key key, u64 sample, const T* start, T* phase) const {
        long long f = row % net.field_rows * net.nodes;
        T beta = net.nudge ? net.nudge[row / net.batch] : T(0);
        const T* wanted = net.target + row % net.batch * net.outputs;
        begin(start);
        for (int n = 0; n < steps; n++) {
            rng_key own = fold_in(key, (u64)n);
            fields_of(cosine, sine);
            for (int j = threadIdx.x; j < net.nodes; j += blockDim.x) {
                T z;
                normal(own, (u64)j, sample, &z);
                if (net.slope) z *= sqrt_(net.slope[j]);
                T to = state[j] + fma_(amplitude, z, net.step * pushed(j, f, beta, wanted));
                state[j] = to;
                circle_(to, sine + j, cosine + j);
            }
            __syncthreads();
        }
        for (int j = threadIdx.x; j < net.nodes; j += blockDim.x) phase[j] = state[j];   // as each thread left them
    }

    // How far a nudge moves the free phases, as differences of their own: near the free state they are beta times smaller than the phases,
    // and keep their own digits. With d = moved and h = d / 2: cos(p + d) - cos p = -2 sin(p + h) sin h, and so on.
    PNN_D void waves_of(int j) const {
        T c = free[j], s = free[net.nodes + j], sh, ch;
        circle_(state[j] / T(2), &sh, &ch);
        cosine[j] = T(-2) * sh * (s * ch + c * sh);
        sine[j] = T(2) * sh * (c * ch - s * sh);
    }
    // Where held outputs go: to cosines c + beta (target - c), cut to -1 .. 1, on their half of the circle.
    PNN_D static T held(T phase, T s, T beta, T target) {
        double none, c, to;
        circle_(double(phase), &none, &c);
        to = c + double(beta) * (double(target) - c);
        double by = acos(to < -1 ? -1.0 : to > 1 ? 1.0 : to) - acos(c);
        return T(s < T(0) ? -by : by);
    }
    PNN_D void respond(long long row, int mode, int steps, const T* phase, T* moved, T* output, T* left) const {
        int nodes = net.nodes, others = nodes - net.outputs;
        long long f = row % net.field_rows * nodes;
        T beta = net.nudge[row / net.batch], most = T(0), scale = mode == LINEAR ? T(0) : largest(row), last = T(0);
        const T* wanted = net.target + row % net.batch * net.outputs;
        T *fc = free, *fs = free + nodes, *fx = free + 2 * nodes, *fy = free + 3 * nodes;
        for (int j = threadIdx.x; j < nodes; j += blockDim.x) {
            circle_(phase[j], fs + j, fc + j);
            int k = j - others;
            if (k >= 0) most = larger(most, size_(mode == LINEAR ? fs[j] * wanted[k] : beta * (wanted[k] - fc[j])));
            state[j] = mode == HOLD && k >= 0 ? held(phase[j], fs[j], beta, wanted[k]) : T(0);
            if (mode == LINEAR) cosine[j] = sine[j] = T(0);
            else waves_of(j);
        }
        most = xy_largest(most, scratch);   // and the waves are there
        most = most != T(0) ? most : T(1);
        if (mode == LINEAR) scale = most;
        else {
            scale = scale != T(0) ? scale : T(1);
            scale = most < scale || most != most ? most : scale;
        }
        fields_of(fc, fs);
        for (int j = threadIdx.x; j < nodes; j += blockDim.x) {
            total(j, fx + j, fy + j);
            if (net.x) fx[j] += net.x[f + j];
            if (net.y) fy[j] += net.y[f + j];
        }
        __syncthreads();
        for (int n = 0; n < steps; n++) {
            fields_of(cosine, sine);
            most = T(0);
            for (int j = threadIdx.x; j < nodes; j += blockDim.x) {
                T c = fc[j], s = fs[j], dc = cosine[j], ds = sine[j], by = state[j], dx, dy, push;
                T K = net.second ? net.second[j] : T(0);
                int k = j - others;
                total(j, &dx, &dy);
                if (mode == LINEAR) {
                    push = -(s * fy[j] + c * fx[j] + T(2) * K * (c - s) * (c + s)) * by + c * dy - s * dx;
                    if (k >= 0) push += s * wanted[k];
                } else {
                    push = dc * fy[j] + (c + dc) * dy - ds * fx[j] - (s + ds) * dx;
                    // sin(2 p + 2 d) - sin(2 p) = 2 cos(2 p + d) sin d, from the cosines and sines that are there
                    push -= T(2) * K * (c * (c + dc) - s * (s + ds)) * (ds * c - dc * s);
                    if (k >= 0) push = mode == HOLD ? T(0) : push - (s + ds) * beta * (wanted[k] - (c + dc));
                    if (net.slope) push *= net.slope[j];
                }
                state[j] = by + net.step * push;
                if (mode == LINEAR) {
                    cosine[j] = -s * state[j];
                    sine[j] = c * state[j];
                } else {
                    waves_of(j);
                }
                most = larger(most, size_(push));
            }
            bool done = settled(most, scale, n, steps, &last);
            __syncthreads();
            if (done) break;
        }
        for (int j = threadIdx.x; j < nodes; j += blockDim.x) {
            moved[j] = state[j];
            if (output && j >= others) output[j - others] = fc[j];
        }
        if (threadIdx.x == 0) *left = last;
        __syncthreads();   // the next row begins
    }
    enum { NUDGE = 0, HOLD = 1, LINEAR = 2 };
};

// Values that a block needs beside couplings: waves and state, four of the free state, scratch, and sums.
PNN_HD long long xy_room(int nodes, int below, int slices, int slices_above, bool responds) {
    int first = below > 0 ? below : nodes;
    return (responds ? 7 : 3) * (long long)nodes + 32 + 2ll * slices * first + 2ll * slices_above * (nodes - first);
}

template <class T> PNN_D void xy_waves(long long count, const T* phase, T* cosine, T* sine) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x)
        circle_(phase[i], sine + i, cosine + i);
}
template <class T>
PNN_D void xy_force(long long rows, long long nodes, long long field_rows, const T* cosine, const T* sine, const T* sum_cosine,
                    const T* sum_sine, const T* field_x, const T* field_y, const T* second, T* force) {
    PNN_UNROLL_BY(1)
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < rows * nodes; i += (long long)gridDim.x * blockDim.x) {
        long long row = i / nodes, j = i - row * nodes, f = (row % field_rows) * nodes + j;
        T c = cosine[i], s = sine[i], x = sum_cosine[i], y = sum_sine[i];
        if (field_x) x += field_x[f];
        if (field_y) y += field_y[f];
        force[i] = xy_force(c, s, x, y, second ? second[j] : T(0));
    }
}

// The fields that inputs and biases make: out[batch][hidden + rest] = (x weight + bias | others), x[batch][inputs],
// weight[inputs][hidden], bias[hidden], others[rest]. A block of 32 columns by 16 warps for 16 rows: a warp goes down its share of the weights
// with a sum for each row, and the shares are added in order, so that a row's bits do not depend on the others. Reads weight once for every
// 16 rows. xs and parts: shared.
constexpr int XY_WARPS = 16, XY_ROWS = 16, XY_DEPTH = 128;
template <class T>
PNN_D void xy_drive(long long batch, int inputs, int hidden, int rest, const T* x, const T* weight, const T* bias, const T* others, T* out,
                    T (*xs)[XY_ROWS], T (*parts)[4][32]) {
    int lane = threadIdx.x, warp = threadIdx.y, t = warp * 32 + lane, nodes = hidden + rest;
    for (long long tile = blockIdx.y; tile * XY_ROWS < batch; tile += gridDim.y) {
        long long row0 = tile * XY_ROWS;
        int j = blockIdx.x * 32 + lane;
        T sum[XY_ROWS] = {};
        if (blockIdx.x * 32 < hidden) {
            for (int k0 = 0; k0 < inputs; k0 += XY_DEPTH) {
                for (int e = t; e < XY_DEPTH * XY_ROWS; e += 32 * XY_WARPS) {
                    int r = e % XY_ROWS, k = e / XY_ROWS;
                    xs[k][r] = row0 + r < batch && k0 + k < inputs ? x[(row0 + r) * inputs + k0 + k] : T(0);
                }
                __syncthreads();
                constexpr int EACH = XY_DEPTH / XY_WARPS;
                PNN_UNROLL
                for (int n = 0; n < EACH; n++) {
                    int k = warp * EACH + n;
                    T w = j < hidden && k0 + k < inputs ? weight[(long long)(k0 + k) * hidden + j] : T(0);
                    PNN_UNROLL
                    for (int r = 0; r < XY_ROWS; r++) sum[r] += w * xs[k][r];
                }
                __syncthreads();
            }
        }
        PNN_UNROLL
        for (int r0 = 0; r0 < XY_ROWS; r0 += 4) {
            PNN_UNROLL
            for (int r = 0; r < 4; r++) parts[warp][r][lane] = sum[r0 + r];
            __syncthreads();
            if (warp < 4 && j < nodes && row0 + r0 + warp < batch) {
                T total = T(0);
                for (int w = 0; w < XY_WARPS; w++) total += parts[w][warp][lane];
                out[(row0 + r0 + warp) * nodes + j] = total + (j < hidden ? bias[j] : others[j - hidden]);
            }
            __syncthreads();
        }
    }
}

// How waves differ between phases b and a of free[batch][nodes], which moved by a and b [batch][nodes], null for not at all: a block of 32
// nodes by 8 warps, which share out the samples; sums over them are those of the warps in order. Products of differences keep their digits:
//   cos(m + h) + cos(m - h) = 2 cos m cos h,  cos(m + h) - cos(m - h) = -2 sin m sin h.
constexpr int XY_SHARES = 8;
template <class T>
PNN_D void xy_contrast(long long batch, int nodes, int firsts, int from, T scale, const T* free, const T* a, const T* b, T* first, T* second,
                       T* dx, T* dy, T* field, T* harmonic, T (*parts)[2][32]) {
    int lane = threadIdx.x, warp = threadIdx.y, seconds = nodes - from;
    for (int j0 = blockIdx.x * 32; j0 < nodes; j0 += gridDim.x * 32) {
        int j = j0 + lane;
        T x = T(0), k = T(0);
        for (long long n = warp; j < nodes && n < batch; n += XY_SHARES) {
            T p = free[n * nodes + j], u = a ? a[n * nodes + j] : T(0), v = b ? b[n * nodes + j] : T(0), sm, cm, sh, ch;
            circle_(p + (u + v) / T(2), &sm, &cm);
            circle_((v - u) / T(2), &sh, &ch);
            T c = cm * ch, dc = T(-2) * sm * sh, s = sm * ch, ds = T(2) * cm * sh;
            if (j < firsts) {
                T* at = first + n * firsts + j;
                long long ahead = batch * firsts;
                at[0] = c, at[ahead] = dc, at[2 * ahead] = s, at[3 * ahead] = ds;
                dx[n * firsts + j] = -dc;
                if (dy) dy[n * firsts + j] = -ds;
            }
            if (j >= from) {
                T* at = second + n * seconds + j - from;
                long long ahead = batch * seconds;
                at[0] = -scale * dc, at[ahead] = -scale * c, at[2 * ahead] = -scale * ds, at[3 * ahead] = -scale * s;
            }
            x -= dc;
            k -= T(2) * c * dc;   // cos(2 phi) = 2 cos^2 - 1
        }
        parts[warp][0][lane] = x;
        parts[warp][1][lane] = k;
        __syncthreads();
        if (warp == 0 && j < nodes) {
            x = k = T(0);
            for (int w = 0; w < XY_SHARES; w++) x += parts[w][0][lane], k += parts[w][1][lane];
            field[j] = x;
            harmonic[j] = k * scale;
        }
        __syncthreads();
    }
}

PNN_D u64 xy_sample(long long number, long long sample0, const long long* index, int* fault) {
    long long sample = index ? index[number] : sample0 + number;
    if (sample < 0 && threadIdx.x == 0) atomicMax(fault, 4);
    return (u64)sample;
}

// The arguments of `relax` and `respond` as a block, whose arrays lie in `room`. Couplings are copied there if they are to be, `kept`.
template <class T> PNN_D T* xy_kept(int count, int columns, int pitch, const T* coupling, T* room) {
    for (int e = threadIdx.x; e < count; e += blockDim.x) room[e / columns * pitch + e % columns] = coupling[e];
    __syncthreads();
    return room;
}
template <class T, class I>
PNN_D xy_block<T, I> xy_make(const xy_system<T>& net, int below, int slices, int slices_above, const T* coupling, I pitch, const T* across,
                             I across_pitch, bool transposed, bool responds, T* room) {
    int nodes = net.nodes, first = below > 0 ? below : nodes, above = nodes - first;
    xy_block<T, I> b;
    b.net = net;
    b.cosine = room;
    b.sine = room + nodes;
    b.state = room + 2 * nodes;
    b.free = room + 3 * nodes;
    b.scratch = room + (responds ? 7 : 3) * nodes;
    T* sums = b.scratch + 32;
    // of one group a neighbour is a row; of two, that of the first group's is a column, unless there is a transposed copy
    b.one = {across, below > 0 && !transposed ? I(1) : across_pitch, below > 0 && !transposed ? across_pitch : I(1),
             below > 0 ? above : nodes, below > 0 ? first : 0, first, slices, sums};
    b.two = {coupling, pitch, I(1), first, 0, above, slices_above, sums + 2 * slices * first};
    return b;
}

// Rows of a launch, by blocks of which each has the couplings in shared memory (place 0), shared memory for what it works with (1), or a part
// of `workspace` for that (2). each(block, row): what is done with a row. responds: whether the block has room for what `respond` needs.
template <class T, class Each>
PNN_D void xy_rows(const xy_system<T>& net, long long rows, int nodes, int below, int slices, int slices_above, int place, bool responds,
                   const T* coupling, const T* across, T* shared, T* workspace, Each each) {
    if (place == 0) {
        int columns = below > 0 ? nodes - below : nodes, pitch = below > 0 ? columns | 1 : columns, count = (below > 0 ? below : nodes) * columns;
        T* w = xy_kept(count, columns, pitch, coupling, shared);
        auto block = xy_make<T, int>(net, below, slices, slices_above, w, pitch, w, pitch, false, responds, w + count / columns * pitch);
        for (long long row = blockIdx.x; row < rows; row += gridDim.x) each(block, row);
    } else {
        T* room = place == 1 ? shared : workspace + blockIdx.x * xy_room(nodes, below, slices, slices_above, responds);
        long long first = below > 0 ? below : nodes, above = below > 0 ? nodes - below : nodes;
        auto block = xy_make<T, long long>(net, below, slices, slices_above, coupling, above, below > 0 ? across : coupling, first, true, responds,
                                           room);
        for (long long row = blockIdx.x; row < rows; row += gridDim.x) each(block, row);
    }
}
// What is done with a row, see the kernels.
template <class T> struct xy_relaxed {
    int steps, nodes, outputs;
    long long start_rows;
    const T* start;
    T *phase, *output, *left;
    template <class Block> PNN_D void operator()(Block& block, long long row) const {
        block.relax(row, steps, start + row % start_rows * nodes, phase + row * nodes, output ? output + row * outputs : nullptr, left + row);
    }
};
template <class T> struct xy_warmed {
    int steps, nodes;
    T amplitude;
    rng_key key;
    long long batch, sample0, start_rows;
    const long long* index;
    const T* start;
    T* phase;
    int* fault;
    template <class Block> PNN_D void operator()(Block& block, long long row) const {
        block.warm(row, steps, amplitude, key, xy_sample(row % batch, sample0, index, fault), start + row % start_rows * nodes, phase + row * nodes);
    }
};
template <class T> struct xy_responded {
    int mode, steps, nodes, outputs;
    long long batch;
    const T* phase;
    T *moved, *output, *left;
    template <class Block> PNN_D void operator()(Block& block, long long row) const {
        block.respond(row, mode, steps, phase + row % batch * nodes, moved + row * nodes, output && row < batch ? output + row * outputs : nullptr,
                      left + row);
    }
};
#endif
}  // namespace pnn
