// Samples of a data set as a step takes them: gathered by their numbers, and brought to what enters a system.
// label_bytes : of a label
// order : (samples) numbers of the samples in the order of the epoch
// at : (3) place in the order, step of the epoch, number of the epoch's first step among all
// labels : (samples, label_bytes) of the data set
// out_labels : (batch, label_bytes) of the next samples
// index : (batch) numbers of the next samples
#include "pnnkern/philox.cuh"
#include "pnnkern/samples.cuh"

// The next samples of an order: index[b] = order[at[0] + b], out[b] = rows[index[b]], and likewise their labels.
// Bytes: each byte of the samples twice.
// Launch: any 1-D grid: a block takes whole samples.
// count : samples that are next
// bytes : of a sample
// rows : (samples, bytes) the data set
// out : (count, bytes) the next samples
// out_labels : (count, label_bytes) of the next samples
// index : (count) numbers of the next samples
extern "C" __global__ void pnn_samples_gather_u8(long long count, long long bytes, long long label_bytes, const long long* __restrict__ order,
    const long long* __restrict__ at, const unsigned char* __restrict__ rows, const unsigned char* __restrict__ labels,
    unsigned char* __restrict__ out, unsigned char* __restrict__ out_labels, long long* __restrict__ index) {
    const long long* next = order + at[0];
    pnn::gather_rows(count, bytes, next, rows, out);
    pnn::gather_rows(count, label_bytes, next, labels, out_labels);
    pnn::copy_numbers(count, next, index);
}

// A step is done: its loss and rating go to the next slot, at advances, and `now` is what is known of the next step of the epoch. `keys`
// keys are those of the next step, of the key of all steps: folded by its number, and then by as many purposes as paths[k, 0] says.
// Bytes: a row of what is known, two numbers and the keys.
// Launch: one block.
// count : samples of a step
// steps : of the epoch
// columns : numbers that are known of each step
// slots : steps whose loss and rating are kept
// known : (steps, columns) learning rates and the like
// loss, rating : (1) of the step that is done
// now : (columns) what is known of the next step
// found : (slots, 2) losses and ratings
// keys : of a step
// width : of paths
// key0, key1 : words of the key of all steps
// paths : (keys, width) how many purposes, and which
// key : (keys, 2) words of the keys of the next step
extern "C" __global__ void pnn_samples_advance_f64(long long count, long long steps, long long columns, long long slots,
    const double* __restrict__ known, const double* __restrict__ loss, const double* __restrict__ rating, long long* __restrict__ at,
    double* __restrict__ now, double* __restrict__ found, int keys, int width, unsigned key0, unsigned key1,
    const unsigned long long* __restrict__ paths, unsigned* __restrict__ key) {
    if (blockIdx.x != 0) return;
    const long long step = at[1], next = at[2] + step + 1;
    for (int k = threadIdx.x; k < keys; k += blockDim.x) {
        const unsigned long long* path = paths + k * width;
        pnn::rng_key own = pnn::fold_in({key0, key1}, next);
        for (unsigned long long n = 1; n <= path[0]; n++) own = pnn::fold_in(own, path[n]);
        key[2 * k] = own.a, key[2 * k + 1] = own.b;
    }
    __syncthreads();   // all have seen which step it is
    if (threadIdx.x != 0) return;
    const long long slot = step % slots;
    found[2 * slot] = *loss, found[2 * slot + 1] = *rating;
    at[0] += count, at[1] = step + 1;
    if (step + 1 < steps) for (long long c = 0; c < columns; c++) now[c] = known[(step + 1) * columns + c];
}

// Inputs in single precision: gain times each value, of bytes their fractions of 255. Where an order is given, samples are those that are
// next, and their labels, targets and numbers are gathered as well.
// Bytes: a value in, one or two out.
// Launch: any 1-D grid, blocks of whole warps.
// Faults: `code` for a value outside of low .. high.
// batch : samples
// n : values of a sample
// gain : of the inputs
// both : not 0: each value enters with both signs
// low, high : bounds of values
// code : of the fault
// target_bytes : of a target
// order : (samples) as above; null: samples are all, and nothing is gathered
// samples : (samples, n) of the data set, or (batch, n)
// targets : (samples, target_bytes) of the data set; or null
// out : (batch, n or 2 n) inputs
// out_targets : (batch, target_bytes) of the next samples
extern "C" __global__ void pnn_samples_single_u8(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* __restrict__ order, const long long* __restrict__ at,
    const unsigned char* __restrict__ samples, const unsigned char* __restrict__ labels, const unsigned char* __restrict__ targets,
    float* __restrict__ out, unsigned char* __restrict__ out_labels, unsigned char* __restrict__ out_targets, long long* __restrict__ index,
    int* fault) {
    pnn::encode_next(batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels,
                     out_targets, index, fault);
}
extern "C" __global__ void pnn_samples_single_f32(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* __restrict__ order, const long long* __restrict__ at,
    const float* __restrict__ samples, const unsigned char* __restrict__ labels, const unsigned char* __restrict__ targets,
    float* __restrict__ out, unsigned char* __restrict__ out_labels, unsigned char* __restrict__ out_targets, long long* __restrict__ index,
    int* fault) {
    pnn::encode_next(batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels,
                     out_targets, index, fault);
}
extern "C" __global__ void pnn_samples_single_f64(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* __restrict__ order, const long long* __restrict__ at,
    const double* __restrict__ samples, const unsigned char* __restrict__ labels, const unsigned char* __restrict__ targets,
    float* __restrict__ out, unsigned char* __restrict__ out_labels, unsigned char* __restrict__ out_targets, long long* __restrict__ index,
    int* fault) {
    pnn::encode_next(batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels,
                     out_targets, index, fault);
}
// The same in double precision.
// Bytes: a value in, one or two out.
// Launch: any 1-D grid, blocks of whole warps.
// Faults: `code` for a value outside of low .. high.
// batch : samples
// n : values of a sample
// gain : of the inputs
// both : not 0: each value enters with both signs
// low, high : bounds of values
// code : of the fault
// target_bytes : of a target
// order : (samples) as above; null: samples are all, and nothing is gathered
// samples : (samples, n) of the data set, or (batch, n)
// targets : (samples, target_bytes) of the data set; or null
// out : (batch, n or 2 n) inputs
// out_targets : (batch, target_bytes) of the next samples
extern "C" __global__ void pnn_samples_double_u8(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* __restrict__ order, const long long* __restrict__ at,
    const unsigned char* __restrict__ samples, const unsigned char* __restrict__ labels, const unsigned char* __restrict__ targets,
    double* __restrict__ out, unsigned char* __restrict__ out_labels, unsigned char* __restrict__ out_targets, long long* __restrict__ index,
    int* fault) {
    pnn::encode_next(batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels,
                     out_targets, index, fault);
}
extern "C" __global__ void pnn_samples_double_f32(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* __restrict__ order, const long long* __restrict__ at,
    const float* __restrict__ samples, const unsigned char* __restrict__ labels, const unsigned char* __restrict__ targets,
    double* __restrict__ out, unsigned char* __restrict__ out_labels, unsigned char* __restrict__ out_targets, long long* __restrict__ index,
    int* fault) {
    pnn::encode_next(batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels,
                     out_targets, index, fault);
}
extern "C" __global__ void pnn_samples_double_f64(long long batch, long long n, double gain, int both, double low, double high, int code,
    long long label_bytes, long long target_bytes, const long long* __restrict__ order, const long long* __restrict__ at,
    const double* __restrict__ samples, const unsigned char* __restrict__ labels, const unsigned char* __restrict__ targets,
    double* __restrict__ out, unsigned char* __restrict__ out_labels, unsigned char* __restrict__ out_targets, long long* __restrict__ index,
    int* fault) {
    pnn::encode_next(batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels,
                     out_targets, index, fault);
}

// Amplitudes of images: rows @ image @ columns^T, real, as complex numbers.
// Bytes: the images in and the amplitudes out.
// Launch: any 1-D grid and block.
// batch : images
// side : of the field
// height, width : of an image
// rows : (side, height) resampling along the columns of an image
// columns : (side, width) resampling along its rows
// reach : (2 side, 2) the pixels, first and end, that a line of rows, and after them of columns, is not 0 for
// images : (batch, height, width) amplitudes
// out : (batch, side, side) fields
extern "C" __global__ void pnn_samples_spread_c64(long long batch, long long side, long long height, long long width,
    const float* __restrict__ rows, const float* __restrict__ columns, const int* __restrict__ reach, const float* __restrict__ images,
    pnn::complex<float>* __restrict__ out) {
    pnn::spread(batch, side, height, width, rows, columns, reach, images, out);
}
extern "C" __global__ void pnn_samples_spread_c128(long long batch, long long side, long long height, long long width,
    const double* __restrict__ rows, const double* __restrict__ columns, const int* __restrict__ reach, const double* __restrict__ images,
    pnn::complex<double>* __restrict__ out) {
    pnn::spread(batch, side, height, width, rows, columns, reach, images, out);
}
