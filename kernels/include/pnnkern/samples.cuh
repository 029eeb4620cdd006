// Samples of a data set that lives where they are worked on: rows gathered by number, and brought to what enters a system.
#pragma once
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

// What a value of a sample is: bytes are fractions of 255.
template <class T> PNN_HD T fraction(unsigned char x) { return T(x) / T(255); }
template <class T> PNN_HD T fraction(float x) { return T(x); }
template <class T> PNN_HD T fraction(double x) { return T(x); }
template <class X> PNN_HD bool within(X x, double low, double high) { return x >= low && x <= high; }

// out (batch, n), or (batch, 2 n) with the same of the other sign: gain times each value.
template <class T, class X>
PNN_D void encode(long long batch, long long n, double gain, int both, double low, double high, int code, const X* samples, T* out, int* fault) {
    long long wide = both ? 2 * n : n;
    for (long long b = blockIdx.y; b < batch; b += gridDim.y)
        for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
            X x = samples[b * n + i];
            if (!within(x, low, high)) atomicMax(fault, code);
            T value = fraction<T>(x) * T(gain);
            out[b * wide + i] = value;
            if (both) out[b * wide + n + i] = -value;
        }
}
}  // namespace pnn
