// Samples of a data set as a step takes them: gathered by their numbers, and brought to what enters a system.
#include "pnnkern/philox.cuh"
#include "pnnkern/samples.cuh"

// The next samples of an order: index[b] = order[at[0] + b], out[b] = rows[index[b]], of `bytes` each, and likewise their labels, of
// `label_bytes`. Moves each byte twice. Any 1-D grid: a block takes whole samples.
extern "C" __global__ void pnn_samples_gather_u8(long long count, long long bytes, long long label_bytes, const long long* __restrict__ order,
    const long long* __restrict__ at, const unsigned char* __restrict__ rows, const unsigned char* __restrict__ labels,
    unsigned char* __restrict__ out, unsigned char* __restrict__ out_labels, long long* __restrict__ index) {
    const long long* next = order + at[0];
    pnn::gather_rows(count, bytes, next, rows, out);
    pnn::gather_rows(count, label_bytes, next, labels, out_labels);
    pnn::copy_numbers(count, next, index);
}

// A step is done: its loss and rating go to found (slots, 2), at = (samples, steps, first) advances, and `now` is what is known (steps, columns)
// of the next step of the epoch, whose first is step `first` of all. `keys` keys are those of the next step, of the key of all steps: folded by
// its number, and then by as many purposes as paths[k, 0] says, from paths[k, 1] on (keys, width). One block.
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

// out (batch, n), or (batch, 2 n) where both signs enter: gain times each value, of bytes their fractions of 255. Values outside of low .. high
// flag fault `code`. order : as in `gather`, the samples are those that are next, their labels, targets of `target_bytes` and numbers are
// gathered as well; null: samples (batch, n) are all, and nothing is gathered. Moves a value in, one or two out.
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

// Amplitudes (batch, side, side) of images (batch, height, width): rows (side, height) @ image @ columns (side, width)^T. reach (2 side, 2) :
// the pixels, first and end, that a line of rows, and after them of columns, is not 0 for. Moves the images in and the amplitudes out.
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
