// Forces on coupled oscillators, from the cosines and sines of all phases and their products with the couplings; and all steps of a network
// in one block, in a bath too.
// rows : states of networks; of a relaxation, phases x batch
// batch : samples
// nodes : oscillators of a network
// field_rows : 1 where all samples have the same fields, else rows or batch
// start_rows : rows of start: 1, batch or rows
// below : oscillators of the first group, each coupled to all of the second; 0: one group, all with all
// outputs : the last oscillators, which are nudged
// slices, slices_above : threads that share the neighbours of an oscillator of the first group and of the second
// steps : of each network
// place : 0 couplings and states in shared memory; 1 couplings stay where they are; 2 states in workspace as well
// tolerance : a network stops where the force that is left, relative to the largest possible one, is below; 0: never
// step : of the phases, in units of one over the force
// key0, key1 : words of the key, where key is null
// key : (2) where they lie in the device's memory; or null
// sample0 : global number of sample 0, where index is null
// index : (batch) global number of each sample, or null
// coupling : (nodes, nodes) or (below, nodes - below) couplings
// across : (nodes - below, below) a transposed copy of those of two groups, where place is above 0; else null
// x, y : (field_rows, nodes) fields on cosines and sines; or null
// second : (nodes) second harmonics; or null
// slope : (nodes) what a force moves each oscillator by; or null: 1
// detuning : (nodes) of their frequencies; or null
// nudge : (phases) strength of each phase; or null
// target : (batch, outputs) cosines; or null
// start : (start_rows, nodes) [rad] phases at the beginning
// phase : (rows, nodes) [rad] phases at the end
// output : (rows, outputs) cosines of the outputs; or null
// left : (rows) force that is left, relative to the largest possible one
// workspace : (blocks, room) states where place is 2, xy_room values for each block; else null
#include "pnnkern/xy.cuh"

namespace pnn {
template <class T> PNN_D void xy_waves(long long count, const T* phase, T* cosine, T* sine) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x)
        circle_(phase[i], sine + i, cosine + i);
}
template <class T>
PNN_D void xy_force(long long rows, long long nodes, long long field_rows, const T* cosine, const T* sine, const T* sum_cosine,
                    const T* sum_sine, const T* field_x, const T* field_y, const T* second, T* force) {
#pragma unroll 1
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
#pragma unroll
                for (int n = 0; n < EACH; n++) {
                    int k = warp * EACH + n;
                    T w = j < hidden && k0 + k < inputs ? weight[(long long)(k0 + k) * hidden + j] : T(0);
#pragma unroll
                    for (int r = 0; r < XY_ROWS; r++) sum[r] += w * xs[k][r];
                }
                __syncthreads();
            }
        }
#pragma unroll
        for (int r0 = 0; r0 < XY_ROWS; r0 += 4) {
#pragma unroll
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
}  // namespace pnn

// cosine and sine of phases.
// Bytes: 1 value in, 2 out.
// Launch: any 1-D grid and block.
// count : phases
// phase : (count) [rad] phases
// cosine, sine : (count) of each
extern "C" __global__ void pnn_xy_waves_f32(long long count, const float* __restrict__ phase, float* __restrict__ cosine,
    float* __restrict__ sine) { pnn::xy_waves(count, phase, cosine, sine); }
extern "C" __global__ void pnn_xy_waves_f64(long long count, const double* __restrict__ phase, double* __restrict__ cosine,
    double* __restrict__ sine) { pnn::xy_waves(count, phase, cosine, sine); }

// force = -dE / dphase of every oscillator, from the sums over its neighbours.
// Bytes: 4 values in and 1 out, and the fields.
// Launch: any 1-D grid and block.
// cosine, sine : (rows, nodes) of the phases
// sum_cosine, sum_sine : (rows, nodes) sums of couplings times cosines and sines of the others
// field_x, field_y : (field_rows, nodes) fields on cosines and sines
// force : (rows, nodes) result
extern "C" __global__ void pnn_xy_force_f32(long long rows, long long nodes, long long field_rows, const float* __restrict__ cosine,
    const float* __restrict__ sine, const float* __restrict__ sum_cosine, const float* __restrict__ sum_sine, const float* __restrict__ field_x,
    const float* __restrict__ field_y, const float* __restrict__ second, float* __restrict__ force) {
    pnn::xy_force(rows, nodes, field_rows, cosine, sine, sum_cosine, sum_sine, field_x, field_y, second, force);
}
extern "C" __global__ void pnn_xy_force_f64(long long rows, long long nodes, long long field_rows, const double* __restrict__ cosine,
    const double* __restrict__ sine, const double* __restrict__ sum_cosine, const double* __restrict__ sum_sine, const double* __restrict__ field_x,
    const double* __restrict__ field_y, const double* __restrict__ second, double* __restrict__ force) {
    pnn::xy_force(rows, nodes, field_rows, cosine, sine, sum_cosine, sum_sine, field_x, field_y, second, force);
}

// out = x weight + bias for hidden oscillators, and others for the rest: the field of inputs.
// Bytes: x once for 32 columns, the weights once for 16 samples, out once.
// Launch: grid (ceil((hidden + rest) / 32), ceil(batch / 16)), block 32 x 16.
// inputs : of a sample
// hidden : oscillators that have inputs
// rest : oscillators behind them
// x : (batch, inputs) inputs
// weight : (inputs, hidden) weights
// bias : (hidden) of each
// others : (rest) fields of the rest
// out : (batch, hidden + rest) fields
extern "C" __global__ void __launch_bounds__(512) pnn_xy_drive_f32(long long batch, int inputs, int hidden, int rest,
    const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias, const float* __restrict__ others,
    float* __restrict__ out) {
    __shared__ float xs[pnn::XY_DEPTH][pnn::XY_ROWS], parts[pnn::XY_WARPS][4][32];
    pnn::xy_drive(batch, inputs, hidden, rest, x, weight, bias, others, out, xs, parts);
}
extern "C" __global__ void __launch_bounds__(512) pnn_xy_drive_f64(long long batch, int inputs, int hidden, int rest,
    const double* __restrict__ x, const double* __restrict__ weight, const double* __restrict__ bias, const double* __restrict__ others,
    double* __restrict__ out) {
    __shared__ double xs[pnn::XY_DEPTH][pnn::XY_ROWS], parts[pnn::XY_WARPS][4][32];
    pnn::xy_drive(batch, inputs, hidden, rest, x, weight, bias, others, out, xs, parts);
}

// All steps of oscillators down their energy. The last `outputs` nodes of phase p feel nudge[p] (target - cosine).
// Bytes: couplings once for a block where they are in shared memory, else once a step; phases once in and out.
// Launch: a block for each of rows networks, of any grid, 512 threads at most, whole warps; dynamic shared memory: couplings where place
//   is 0, of two groups in rows of an odd length, and xy_room values unless it is 2.
// field_rows : 1 or batch
extern "C" __global__ void __launch_bounds__(512, 1) pnn_xy_relax_f32(long long rows, long long field_rows, long long batch, long long start_rows,
    int nodes, int below, int outputs, int slices, int slices_above,
    int steps, int place, double tolerance, double step, const float* __restrict__ coupling, const float* __restrict__ across,
    const float* __restrict__ x, const float* __restrict__ y, const float* __restrict__ second, const float* __restrict__ slope,
    const float* __restrict__ detuning, const float* __restrict__ nudge, const float* __restrict__ target, const float* __restrict__ start,
    float* phase, float* output, float* left, float* workspace) {
    PNN_DYNAMIC_SHARED(float, xy_relax_shared_f32);
    pnn::xy_system<float> net = {field_rows, batch, nodes, outputs, tolerance, float(step), x, y, second, slope, detuning, nudge, target};
    pnn::xy_rows(net, rows, nodes, below, slices, slices_above, place, false, coupling, across, xy_relax_shared_f32, workspace,
                 pnn::xy_relaxed<float>{steps, nodes, outputs, start_rows, start, phase, output, left});
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_xy_relax_f64(long long rows, long long field_rows, long long batch, long long start_rows,
    int nodes, int below, int outputs, int slices, int slices_above,
    int steps, int place, double tolerance, double step, const double* __restrict__ coupling, const double* __restrict__ across,
    const double* __restrict__ x, const double* __restrict__ y, const double* __restrict__ second, const double* __restrict__ slope,
    const double* __restrict__ detuning, const double* __restrict__ nudge, const double* __restrict__ target, const double* __restrict__ start,
    double* phase, double* output, double* left, double* workspace) {
    PNN_DYNAMIC_SHARED(double, xy_relax_shared_f64);
    pnn::xy_system<double> net = {field_rows, batch, nodes, outputs, tolerance, double(step), x, y, second, slope, detuning, nudge, target};
    pnn::xy_rows(net, rows, nodes, below, slices, slices_above, place, false, coupling, across, xy_relax_shared_f64, workspace,
                 pnn::xy_relaxed<double>{steps, nodes, outputs, start_rows, start, phase, output, left});
}

// Steps in a bath: relax, with noise of amplitude sqrt(slope) times standard normals, of the sample of each network, in each phase. No step
// is judged.
// Bytes: as relax.
// Launch: as relax.
// Faults: 4 a sample index that is negative.
// amplitude : [rad] of the noise of a step
extern "C" __global__ void __launch_bounds__(512, 1) pnn_xy_warm_f32(long long rows, long long field_rows, long long batch, long long start_rows,
    int nodes, int below, int outputs, int slices, int slices_above,
    int steps, int place, double amplitude, double step, unsigned key0, unsigned key1, const unsigned* __restrict__ key,
    long long sample0, const long long* __restrict__ index, const float* __restrict__ coupling, const float* __restrict__ across, const float* __restrict__ x,
    const float* __restrict__ y, const float* __restrict__ second, const float* __restrict__ slope, const float* __restrict__ detuning,
    const float* __restrict__ nudge, const float* __restrict__ target, const float* __restrict__ start, float* phase, float* workspace, int* fault) {
    PNN_DYNAMIC_SHARED(float, xy_warm_shared_f32);
    pnn::xy_system<float> net = {field_rows, batch, nodes, outputs, 0, float(step), x, y, second, slope, detuning, nudge, target};
    pnn::xy_rows(net, rows, nodes, below, slices, slices_above, place, false, coupling, across, xy_warm_shared_f32, workspace,
                 pnn::xy_warmed<float>{steps, nodes, float(amplitude), pnn::key_of(key0, key1, key), batch, sample0, start_rows, index, start, phase, fault});
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_xy_warm_f64(long long rows, long long field_rows, long long batch, long long start_rows,
    int nodes, int below, int outputs, int slices, int slices_above,
    int steps, int place, double amplitude, double step, unsigned key0, unsigned key1, const unsigned* __restrict__ key,
    long long sample0, const long long* __restrict__ index, const double* __restrict__ coupling, const double* __restrict__ across, const double* __restrict__ x,
    const double* __restrict__ y, const double* __restrict__ second, const double* __restrict__ slope, const double* __restrict__ detuning,
    const double* __restrict__ nudge, const double* __restrict__ target, const double* __restrict__ start, double* phase, double* workspace, int* fault) {
    PNN_DYNAMIC_SHARED(double, xy_warm_shared_f64);
    pnn::xy_system<double> net = {field_rows, batch, nodes, outputs, 0, double(step), x, y, second, slope, detuning, nudge, target};
    pnn::xy_rows(net, rows, nodes, below, slices, slices_above, place, false, coupling, across, xy_warm_shared_f64, workspace,
                 pnn::xy_warmed<double>{steps, nodes, double(amplitude), pnn::key_of(key0, key1, key), batch, sample0, start_rows, index, start, phase, fault});
}

// How far nudges move free phases. mode 0: nudged; 1: outputs held at cosines c + nudge (target - c); 2: the linear response to the forces
// of a cotangent of the output cosines, given as target.
// Bytes: as relax.
// Launch: as relax.
// mode : 0, 1 or 2
// phase : (batch, nodes) [rad] free phases
// moved : (rows, nodes) [rad] how far they move
// output : (batch, outputs) cosines of the free state; or null
extern "C" __global__ void __launch_bounds__(512, 1) pnn_xy_respond_f32(long long rows, long long field_rows, long long batch, int mode,
    int nodes, int below, int outputs, int slices, int slices_above,
    int steps, int place, double tolerance, double step, const float* __restrict__ coupling, const float* __restrict__ across,
    const float* __restrict__ x, const float* __restrict__ y, const float* __restrict__ second, const float* __restrict__ slope,
    const float* __restrict__ nudge, const float* __restrict__ target, const float* __restrict__ phase,
    float* moved, float* output, float* left, float* workspace) {
    PNN_DYNAMIC_SHARED(float, xy_respond_shared_f32);
    pnn::xy_system<float> net = {field_rows, batch, nodes, outputs, tolerance, float(step), x, y, second, slope, nullptr, nudge, target};
    pnn::xy_rows(net, rows, nodes, below, slices, slices_above, place, true, coupling, across, xy_respond_shared_f32, workspace,
                 pnn::xy_responded<float>{mode, steps, nodes, outputs, batch, phase, moved, output, left});
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_xy_respond_f64(long long rows, long long field_rows, long long batch, int mode,
    int nodes, int below, int outputs, int slices, int slices_above,
    int steps, int place, double tolerance, double step, const double* __restrict__ coupling, const double* __restrict__ across,
    const double* __restrict__ x, const double* __restrict__ y, const double* __restrict__ second, const double* __restrict__ slope,
    const double* __restrict__ nudge, const double* __restrict__ target, const double* __restrict__ phase,
    double* moved, double* output, double* left, double* workspace) {
    PNN_DYNAMIC_SHARED(double, xy_respond_shared_f64);
    pnn::xy_system<double> net = {field_rows, batch, nodes, outputs, tolerance, double(step), x, y, second, slope, nullptr, nudge, target};
    pnn::xy_rows(net, rows, nodes, below, slices, slices_above, place, true, coupling, across, xy_respond_shared_f64, workspace,
                 pnn::xy_responded<double>{mode, steps, nodes, outputs, batch, phase, moved, output, left});
}

// dE / dparameter of phase b less that of phase a, as factors and sums.
// Bytes: both states once in, twice out.
// Launch: any 1-D grid of tiles of 32 nodes, block 32 x 8.
// firsts : of the first oscillators
// from : the first of the last oscillators
// scale : of the difference
// free : (batch, nodes) [rad] free phases
// a, b : (batch, nodes) [rad] how far the phases a and b have moved; or null: not
// first : (4 batch, firsts) c, dc, s, ds: means and differences of cosines and sines
// second : (4 batch, nodes - from) -scale times dc, c, ds, s
// dx, dy : (batch, firsts) -dc and -ds; dy may be null
// field : (nodes) sum of -dc over the batch
// harmonic : (nodes) scale times the sum of the second harmonics' share
extern "C" __global__ void __launch_bounds__(256) pnn_xy_contrast_f32(long long batch, int nodes, int firsts, int from, double scale,
    const float* __restrict__ free, const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ first, float* __restrict__ second,
    float* __restrict__ dx, float* __restrict__ dy, float* __restrict__ field, float* __restrict__ harmonic) {
    __shared__ float parts[pnn::XY_SHARES][2][32];
    pnn::xy_contrast(batch, nodes, firsts, from, float(scale), free, a, b, first, second, dx, dy, field, harmonic, parts);
}
extern "C" __global__ void __launch_bounds__(256) pnn_xy_contrast_f64(long long batch, int nodes, int firsts, int from, double scale,
    const double* __restrict__ free, const double* __restrict__ a, const double* __restrict__ b, double* __restrict__ first, double* __restrict__ second,
    double* __restrict__ dx, double* __restrict__ dy, double* __restrict__ field, double* __restrict__ harmonic) {
    __shared__ double parts[pnn::XY_SHARES][2][32];
    pnn::xy_contrast(batch, nodes, firsts, from, double(scale), free, a, b, first, second, dx, dy, field, harmonic, parts);
}
