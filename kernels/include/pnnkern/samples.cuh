// Samples of a data set that lives where they are worked on: rows gathered by number, and brought to what enters a system.
#pragma once
#include "pnnkern/complex.cuh"
#include "pnnkern/platform.cuh"

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
template <class T, class X>
PNN_D void encode(long long batch, long long n, double gain, int both, double low, double high, int code, const long long* next,
                  const X* samples, T* out, int* fault) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < batch * n; i += (long long)gridDim.x * blockDim.x) {
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

// What a step needs of the samples that are next in an order: themselves encoded, rows of labels and targets, and their numbers.
template <class T, class X>
PNN_D void encode_next(long long batch, long long n, double gain, int both, double low, double high, int code, long long label_bytes,
                       long long target_bytes, const long long* order, const long long* at, const X* samples, const unsigned char* labels,
                       const unsigned char* targets, T* out, unsigned char* out_labels, unsigned char* out_targets, long long* index,
                       int* fault) {
    const long long* next = order ? order + at[0] : nullptr;
    encode(batch, n, gain, both, low, high, code, next, samples, out, fault);
    if (!next) return;
    gather_rows(batch, label_bytes, next, labels, out_labels);
    gather_rows(batch, target_bytes, next, targets, out_targets);
    copy_numbers(batch, next, index);
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
