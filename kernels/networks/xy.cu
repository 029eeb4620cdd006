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
