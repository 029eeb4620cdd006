// A chain of masks and free-space propagations (angular spectrum, zero-padded), two kernels per layer and direction:
//
//   row_pass     spectrum of the rows -> rows -> pixel operation (mask) -> spectrum of the rows       one block: L rows
//   column_pass  columns -> spectrum -> times transfer function -> columns                           one block: C neighbouring columns
//
// Fields are N x N, padded to P x P, P >= N, with the field in the corner [0, N): where it lies does not matter, the convolution is the same.
// Between kernels lives only spectrum[batch][N][P]: rows transformed, columns in space, because the other P - N rows are zero before the
// column pass and cropped after it. Each kernel reads and writes it once: 4 N P 8 bytes a layer = 64 N^2 for P = 2 N, complex64.
// Blocks walk the batch (b = blockIdx.y, += gridDim.y), so masks and transfer functions come from L1 / L2 after the first sample.
// All passes may work in place. No scaling: the table h carries 1 / P^2.
// N and P are compile-time numbers: bounds and zero halves then cost nothing.
#pragma once
#include "pnnkern/fft.cuh"

namespace pnn {

// Pixel operations of the row pass: called once per sample b and pixel p = y N + x with the value z at this point of the chain; slot
// counts the pixels of one thread, the same in every sample. What they return goes on.
template <class T> struct read_field {                          // start of a chain
    const complex<T>* field;
    long long pixels;
    PNN_HD complex<T> operator()(int, long long b, long long p, complex<T>) { return field[b * pixels + p]; }
};
template <class T> struct write_field {                         // end of a chain
    complex<T>* field;
    long long pixels;
    PNN_HD complex<T> operator()(int, long long b, long long p, complex<T> z) { return field[b * pixels + p] = z; }
};
template <class T> struct write_intensity {                     // end of a chain at a camera
    T* intensity;
    long long pixels;
    PNN_HD complex<T> operator()(int, long long b, long long p, complex<T> z) { intensity[b * pixels + p] = z.re * z.re + z.im * z.im; return z; }
};
template <class T> struct read_intensity_vjp {                  // start of the way back from a camera: 2 u dL/dI
    const complex<T>* field;
    const T* cotangent;
    long long pixels;
    PNN_HD complex<T> operator()(int, long long b, long long p, complex<T>) {
        complex<T> u = field[b * pixels + p];
        T g = 2 * cotangent[b * pixels + p];
        return {g * u.re, g * u.im};
    }
};
template <class T> struct mask_field {                          // z mask; the product is kept for the way back if saved is given
    const complex<T>* mask;
    complex<T>* saved;
    long long pixels;
    PNN_HD complex<T> operator()(int, long long b, long long p, complex<T> z) {
        z = z * mask[p];
        if (saved) saved[b * pixels + p] = z;
        return z;
    }
};
template <class T, int STEP> struct mask_field_vjp {            // z conj(mask), and sum over the samples of Im(z conj(saved)), in this thread's sum[STEP slot]
    const complex<T>* mask;
    const complex<T>* saved;
    long long pixels;
    T* sum;
    PNN_HD complex<T> operator()(int slot, long long b, long long p, complex<T> z) {
        complex<T> u = saved[b * pixels + p];
        sum[STEP * slot] += z.im * u.re - z.re * u.im;
        return z * conj(mask[p]);
    }
};

// Grid (ceil(N / L), any), block L threads(P), shared L shared(P) values. FROM and TO: start from and end in a spectrum.
template <class T, int P, int N, int L, bool FROM, bool TO, class Pixel>
PNN_D void row_pass(long long batch, const complex<T>* w, const complex<T>* in, complex<T>* out,
                                         complex<T>* shared, Pixel& pixel) {
    using fft = line_fft<T, P, N>;
    const int t = threadIdx.x, k1 = t % fft::A, k_row = t / fft::A, n2 = t % fft::B, n_row = t / fft::B;
    const int first = blockIdx.x * L;
    const bool spectrum_side = k_row < L && (N % L == 0 || first + k_row < N), space_side = n_row < L && (N % L == 0 || first + n_row < N);
    const int pixel_0 = (first + n_row) * N + n2;
    complex<T>* k_line = shared + k_row * fft::shared;
    complex<T>* n_line = shared + n_row * fft::shared;
    const int samples = (int)batch;                             // a register less; 2^31 fields fill no memory there is
    complex<T> v[fft::threads];
    for (int b = blockIdx.y; b < samples; b += gridDim.y) {
        const long long spectrum = ((long long)b * N + first + k_row) * P + k1;
        if constexpr (FROM) {
            if (spectrum_side) {
#pragma unroll
                for (int k2 = 0; k2 < fft::B; k2++) v[k2] = in[spectrum + fft::A * k2];
                fft::from_spectrum(v, k1, k_line, 1);
            }
            __syncthreads();
        }
        if (space_side) {
            if constexpr (FROM) fft::to_space(v, n2, w, n_line, 1);
#pragma unroll
            for (int n1 = 0; n1 < fft::live; n1++)
                v[n1] = fft::inside(n1, n2) ? pixel(n1, b, pixel_0 + fft::B * n1, v[n1]) : complex<T>{0, 0};
            if constexpr (TO) fft::from_space(v, n2, w, n_line, 1);
        }
        if constexpr (TO) {
            __syncthreads();
            if (spectrum_side) {
                fft::to_spectrum(v, k1, k_line, 1);
#pragma unroll
                for (int k2 = 0; k2 < fft::B; k2++) out[spectrum + fft::A * k2] = v[k2];
            }
        }
        if constexpr (FROM != TO) __syncthreads();              // one-way: the next sample's writers are other threads than these readers
    }
}

// The row pass of the adjoint: as above, then slice blockIdx.y of partial[gridDim.y][N][N] takes what this block summed. sums: L N values of shared
// memory, each touched by one thread only (registers are short here). No atomics: the same grid gives the same bits.
template <class T, int P, int N, int L>
PNN_D void row_pass_vjp(long long batch, const complex<T>* w, const complex<T>* mask, const complex<T>* saved,
                                             const complex<T>* in, complex<T>* out, T* partial, complex<T>* shared, T* sums) {
    using fft = line_fft<T, P, N>;
    const int n2 = threadIdx.x % fft::B, row = threadIdx.x / fft::B, y = blockIdx.x * L + row;
    const bool mine = row < L && y < N;
    sums += row * N + n2;
#pragma unroll
    for (int n1 = 0; n1 < fft::live; n1++)
        if (mine && fft::inside(n1, n2)) sums[fft::B * n1] = 0;
    mask_field_vjp<T, fft::B> pixel = {mask, saved, N * N, sums};
    row_pass<T, P, N, L, true, true>(batch, w, in, out, shared, pixel);
    partial += ((long long)blockIdx.y * N + y) * N + n2;
#pragma unroll
    for (int n1 = 0; n1 < fft::live; n1++)
        if (mine && fft::inside(n1, n2)) partial[fft::B * n1] = sums[fft::B * n1];
}

// Grid (P / C, any), block C threads(P), shared C shared(P) values. h[P][P] in FFT order, divided by P^2; CONJUGATE for the adjoint.
template <class T, int P, int N, int C, bool CONJUGATE>
PNN_D void column_pass(long long batch, const complex<T>* w, const complex<T>* h,
                                            const complex<T>* in, complex<T>* out, complex<T>* shared) {
    using fft = line_fft<T, P, N>;
    static_assert(P % C == 0, "columns per block must divide the side");
    const int c = threadIdx.x % C, r = threadIdx.x / C;         // r is n2 in space and k1 in the spectrum
    const int x = blockIdx.x * C + c;
    complex<T>* line = shared + c;
    const int samples = (int)batch;                             // a register less; 2^31 fields fill no memory there is
    complex<T> v[fft::threads];
    for (int b = blockIdx.y; b < samples; b += gridDim.y) {
        const long long column = (long long)b * N * P + x;
        if (r < fft::B) {
#pragma unroll
            for (int n1 = 0; n1 < fft::live; n1++) v[n1] = fft::inside(n1, r) ? in[column + (fft::B * n1 + r) * P] : complex<T>{0, 0};
            fft::from_space(v, r, w, line, C);
        }
        __syncthreads();
        if (r < fft::A) {
            fft::to_spectrum(v, r, line, C);
#pragma unroll
            for (int k2 = 0; k2 < fft::B; k2++) {
                const complex<T> g = h[(r + fft::A * k2) * P + x];
                v[k2] = v[k2] * complex<T>{g.re, CONJUGATE ? -g.im : g.im};
            }
            fft::from_spectrum(v, r, line, C);
        }
        __syncthreads();
        if (r < fft::B) {
            fft::to_space(v, r, w, line, C);
#pragma unroll
            for (int n1 = 0; n1 < fft::live; n1++)
                if (fft::inside(n1, r)) out[column + (fft::B * n1 + r) * P] = v[n1];
        }
    }
}
}  // namespace pnn
