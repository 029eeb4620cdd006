// Samples of a data set that lives where they are worked on: rows gathered by number, and brought to what enters a system.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/samples.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/complex.cuh"

namespace pnn {
struct alignas(16) sixteen { unsigned long long v[2]; };

// out[b] = rows[index[b]], rows of so many bytes; in pieces of the largest size that lengths and addresses allow.
template <class U> PNN_D void gather_pieces(long long count, long long bytes, const long long* index, const unsigned char* rows, unsigned char* out) {
    long long pieces = bytes / (long long)sizeof(U);
    const U* from = reinterpret_cast<const U*>(rows);
    U* to = reinterpret_cast<U*>(out);
    for (long long b = blockIdx.x; b < count; b += gridDim.x)
        for (long long i = threadIdx.x; i < pieces; i += blockDim.x) to[b * pieces + i] = from[index[b] * pieces + i];
}
PNN_D void gather_rows(long long count, long long bytes, const long long* index, const unsigned char* rows, unsigned char* out) {
    long long fits = bytes | (long long)rows | (long long)out;
    if (fits % 16 == 0) gather_pieces<sixteen>(count, bytes, index, rows, out);
    else if (fits % 8 == 0) gather_pieces<unsigned long long>(count, bytes, index, rows, out);
    else if (fits % 4 == 0) gather_pieces<unsigned>(count, bytes, index, rows, out);
    else gather_pieces<unsigned char>(count, bytes, index, rows, out);
}

PNN_D void copy_numbers(long long count, const long long* from, long long* to) {
    for (long long b = blockIdx.x * (long long)blockDim.x + threadIdx.x; b < count; b += (long long)gridDim.x * blockDim.x) to[b] = from[b];
}

// What a value of a sample is: bytes are fractions of 255.
template <class T> PNN_HD T fraction(unsigned char x) { return T(x) / T(255); }
template <class T> PNN_HD T fraction(float x) { return T(x); }
template <class T> PNN_HD T fraction(double x) { return T(x); }
template <class X> PNN_HD bool within(X x, double low, double high) { return x >= low && x <= high; }

// out (batch, n), or (batch, 2 n) with the same of the other sign: gain times each value. next : the sample of each row, null: in their order.
// By the blocks from number `before` on.
template <class T, class X>
PNN_D void encode(long long batch, long long n, double gain, int both, double low, double high, int code, const long long* next,
                  const X* samples, T* out, int* fault, unsigned before) {
    for (long long i = (blockIdx.x - before) * (long long)blockDim.x + threadIdx.x; i < batch * n;
         i += (gridDim.x - before) * (long long)blockDim.x) {
        long long b = both || next ? i / n : 0;
        X x = samples[next ? i + (next[b] - b) * n : i];
        if (!within(x, low, high)) atomicMax(fault, code);
        T value = fraction<T>(x) * T(gain);
        if (both) {
            long long first = i + b * n;   // sample b begins at 2 n b
            out[first] = value, out[first + n] = -value;
        } else {
            out[i] = value;
        }
    }
}

// The labels and targets of samples `next`, rows of so many pieces, and their numbers; a warp for each, of all in so many blocks.
template <class U>
PNN_D void copy_beside(long long batch, long long label_pieces, long long target_pieces, const long long* next, const void* labels,
                       const void* targets, void* out_labels, void* out_targets, long long* index, unsigned blocks) {
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    long long most = label_pieces > target_pieces ? label_pieces : target_pieces;
    PNN_UNROLL_BY(1)
    for (long long b = blockIdx.x * (long long)warps + threadIdx.x / 32; b < batch; b += (long long)blocks * warps) {
        long long own = next[b];
        PNN_UNROLL_BY(1)
        for (long long i = lane; i < most; i += 32) {
            U label = i < label_pieces ? ((const U*)labels)[own * label_pieces + i] : U(0);
            U target = i < target_pieces ? ((const U*)targets)[own * target_pieces + i] : U(0);
            if (i < label_pieces) ((U*)out_labels)[b * label_pieces + i] = label;
            if (i < target_pieces) ((U*)out_targets)[b * target_pieces + i] = target;
        }
        if (lane == 0) index[b] = own;
    }
}

// What a step needs of the samples that are next in an order: themselves encoded, rows of labels and targets, and their numbers, by blocks of
// their own where there are several.
template <class T, class X>
PNN_D void encode_next(long long batch, long long n, double gain, int both, double low, double high, int code, long long label_bytes,
                       long long target_bytes, const long long* order, const long long* at, const X* samples, const unsigned char* labels,
                       const unsigned char* targets, T* out, unsigned char* out_labels, unsigned char* out_targets, long long* index,
                       int* fault) {
    unsigned half = order ? gridDim.x / 2 : 0, beside = batch < half ? unsigned(batch * 32 + blockDim.x - 1) / blockDim.x : half;
    const long long* next = order ? order + at[0] : nullptr;
    if (blockIdx.x >= beside) encode(batch, n, gain, both, low, high, code, next, samples, out, fault, beside);
    if (!next || (blockIdx.x >= beside && gridDim.x > 1)) return;
    long long fits = label_bytes | target_bytes | (long long)labels | (long long)targets | (long long)out_labels | (long long)out_targets;
    unsigned blocks = gridDim.x > 1 ? beside : 1;
    if (fits % 8 == 0)
        copy_beside<unsigned long long>(batch, label_bytes / 8, target_bytes / 8, next, labels, targets, out_labels, out_targets, index, blocks);
    else if (fits % 4 == 0)
        copy_beside<unsigned>(batch, label_bytes / 4, target_bytes / 4, next, labels, targets, out_labels, out_targets, index, blocks);
    else
        copy_beside<unsigned char>(batch, label_bytes, target_bytes, next, labels, targets, out_labels, out_targets, index, blocks);
}

// Amplitudes (batch, side, side) of images (batch, height, width): rows @ image @ columns^T, of which a line of `rows` (side, height) is 0
// outside of pixels first .. end of reach[line], and a line of `columns` (side, width) of reach[side + line].
template <class T>
PNN_D void spread(long long batch, long long side, long long height, long long width, const T* rows, const T* columns, const int* reach,
                  const T* images, complex<T>* out) {
    for (long long k = blockIdx.x * (long long)blockDim.x + threadIdx.x; k < batch * side * side; k += (long long)gridDim.x * blockDim.x) {
        long long line = k / side, x = k - line * side, b = line / side, y = line - b * side;
        const int *of_y = reach + 2 * y, *of_x = reach + 2 * (side + x);
        T sum = 0;
        for (int i = of_y[0]; i < of_y[1]; i++) {
            const T* pixels = images + (b * height + i) * width;
            T across = 0;
            for (int j = of_x[0]; j < of_x[1]; j++) across += pixels[j] * columns[x * width + j];
            sum += rows[y * height + i] * across;
        }
        out[k] = {sum, T(0)};
    }
}
}  // namespace pnn
#endif
