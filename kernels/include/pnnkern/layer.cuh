// A chain of masks and free-space propagations (angular spectrum, zero-padded), two kernels per layer and direction:
//
//   row_pass     spectrum of the rows -> rows -> pixel operation (mask) -> spectrum of the rows       one block: a row of S samples
//   column_pass  columns -> spectrum -> times transfer function -> columns                           one block: C neighbouring columns
//
// Fields are N x N, padded to P x P, P >= N, with the field in the corner [0, N): where it lies does not matter, the convolution is the same.
// Between kernels lives only spectrum[batch][N][P]: rows transformed, columns in space, because the other P - N rows are zero before the
// column pass and cropped after it. Each kernel reads and writes it once: 4 N P 8 bytes a layer = 64 N^2 for P = 2 N, complex64.
// A row of a mask is read by the S samples of its block, and sums over samples are of S each; the columns of a transfer function stay in the
// shared memory of a block, which walks over samples.
// All passes may work in place. No scaling: the table h carries 1 / P^2.
// N and P are compile-time numbers: bounds and zero halves then cost nothing.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/layer.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/fft.cuh"
#include "pnnkern/halves.cuh"

namespace pnn {

// Pixel operations of the row pass: called once for each of the block's samples and pixels with the value z at this point of the chain. i is
// the place of the pixel in the fields from the block's first sample on, p that in a mask, slot that in the rows of the block. What they
// return goes on. TOGETHER: the threads of a row have something to tell each other, note(), before they keep() it.
template <class T> struct read_field {                          // start of a chain
    enum { TOGETHER = false };
    const complex<T>* field;
    PNN_HD complex<T> operator()(int i, int, int, complex<T>) { return field[i]; }
};
template <class T> struct write_field {                         // end of a chain
    enum { TOGETHER = false };
    complex<T>* field;
    PNN_HD complex<T> operator()(int i, int, int, complex<T> z) { return field[i] = z; }
};
template <class T, bool SAVE> struct mask_field {               // z mask; the product is kept for the way back
    enum { TOGETHER = false };
    const complex<T>* mask;
    complex<T>* saved;
    PNN_HD complex<T> operator()(int i, int p, int, complex<T> z) {
        z = z * mask[p];
        if constexpr (SAVE) saved[i] = z;
        return z;
    }
};
template <class T> struct mask_halves {                         // the same, kept in pairs of 16-bit floats
    enum { TOGETHER = true };
    const complex<T>* mask;
    int* saved;
    T* scale;                                                   // of the row, for each of the block's samples; N from one to the next
    T* largest;                                                 // shared: what each thread of a row has
    PNN_HD complex<T> operator()(int, int p, int, complex<T> z) { return z * mask[p]; }
    template <class fft> PNN_HD void note(const complex<T>* v, int sample, int n2) {
        T most = 0;
        PNN_UNROLL
        for (int n1 = 0; n1 < fft::live; n1++)
            if (fft::inside(n1, n2)) most = greater(most, greater(v[n1].re < 0 ? -v[n1].re : v[n1].re, v[n1].im < 0 ? -v[n1].im : v[n1].im));
        largest[sample * fft::B + n2] = most;
    }
    template <class fft> PNN_HD void keep(const complex<T>* v, int sample, int n2, int i) {
        T most = 0;
        PNN_UNROLL
        for (int j = 0; j < fft::B; j++) most = greater(most, largest[sample * fft::B + j]);
        const int k = row_exponent(most);
        const T over = power(T(), -k);
        if (n2 == 0) scale[sample * fft::N] = power(T(), k);
        PNN_UNROLL
        for (int n1 = 0; n1 < fft::live; n1++)
            if (fft::inside(n1, n2)) saved[i + fft::B * n1] = to_halves(over * v[n1]);
    }
};
template <class T> struct mask_field_vjp {                      // z conj(mask), and Im(z conj(saved)) to share[slot]
    enum { TOGETHER = false };
    const complex<T>* mask;
    const complex<T>* saved;
    T* share;
    PNN_HD complex<T> operator()(int i, int p, int slot, complex<T> z) {
        complex<T> u = saved[i];
        share[slot] = z.im * u.re - z.re * u.im;
        return z * conj(mask[p]);
    }
};
template <class T> struct mask_halves_vjp {                     // the same, of what was kept in pairs of 16-bit floats
    enum { TOGETHER = false };
    const complex<T>* mask;
    const int* saved;
    T scale;                                                    // of this thread's row
    T* share;
    PNN_HD complex<T> operator()(int i, int p, int slot, complex<T> z) {
        complex<T> u = from_halves<T>(saved[i]);
        share[slot] = scale * (z.im * u.re - z.re * u.im);
        return z * conj(mask[p]);
    }
};

// Grid (N, ceil(batch / S)), block S threads(P), shared S shared(P) values. Row blockIdx.x of samples S blockIdx.y, ..., one after another
// in the block; in and out begin at the first of them. FROM and TO: start from and end in a spectrum; `onward` false: nobody asks for that
// at the end.
template <class T, int P, int N, int S, bool FROM, bool TO, class Pixel>
PNN_D void row_pass(long long batch, const complex<T>* w, const complex<T>* in, complex<T>* out, complex<T>* shared, Pixel& pixel, bool onward = true) {
    using fft = line_fft<T, P, N>;
    const int t = threadIdx.x, k1 = t % fft::A, k_sample = t / fft::A, n2 = t % fft::B, n_sample = t / fft::B, y = blockIdx.x;
    const long long left = batch - (long long)blockIdx.y * S;
    const int samples = left < S ? (int)left : S, spectrum = (k_sample * N + y) * P + k1, pixel_0 = y * N + n2;
    const bool spectrum_side = k_sample < samples, space_side = n_sample < samples;
    complex<T>* k_line = shared + k_sample * fft::shared;
    complex<T>* n_line = shared + n_sample * fft::shared;
    complex<T> v[fft::threads];
    if constexpr (FROM) {
        if (spectrum_side) {
            PNN_UNROLL
            for (int k2 = 0; k2 < fft::B; k2++) v[k2] = in[spectrum + fft::A * k2];
            fft::from_spectrum(v, k1, k_line, 1);
        }
        __syncthreads();
    }
    if (space_side) {
        if constexpr (FROM) fft::to_space(v, n2, w, n_line, 1);
        PNN_UNROLL
        for (int n1 = 0; n1 < fft::live; n1++)
            v[n1] = fft::inside(n1, n2) ? pixel(n_sample * (N * N) + pixel_0 + fft::B * n1, pixel_0 + fft::B * n1, n_sample * N + n2 + fft::B * n1, v[n1])
                                        : complex<T>{0, 0};
    }
    if constexpr (Pixel::TOGETHER != 0) {
        if (space_side) pixel.template note<fft>(v, n_sample, n2);
        __syncthreads();
        if (space_side) pixel.template keep<fft>(v, n_sample, n2, n_sample * (N * N) + pixel_0);
    }
    if constexpr (TO) {
        if (space_side && onward) fft::from_space(v, n2, w, n_line, 1);
    }
    if constexpr (TO) {
        __syncthreads();
        if (spectrum_side && onward) {
            fft::to_spectrum(v, k1, k_line, 1);
            PNN_UNROLL
            for (int k2 = 0; k2 < fft::B; k2++) out[spectrum + fft::A * k2] = v[k2];
        }
    }
}

// The row pass of the adjoint: as above, then row blockIdx.x of slice blockIdx.y of partial[gridDim.y][N][N] takes the sum of what the block's
// samples share, in their order. share: S N values of shared memory, where `pixel` puts them. out null: this is the first mask, and nobody asks for the field in front of it.
template <class T, int P, int N, int S, class Pixel>
PNN_D void row_pass_vjp(long long batch, const complex<T>* w, const complex<T>* in, complex<T>* out, T* partial, complex<T>* shared, const T* share,
                        Pixel& pixel) {
    row_pass<T, P, N, S, true, true>(batch, w, in, out, shared, pixel, out != nullptr);    // its last barrier comes after the shares
    const long long left = batch - (long long)blockIdx.y * S;
    const int samples = left < S ? (int)left : S;
    partial += ((long long)blockIdx.y * N + blockIdx.x) * N;
    for (int x = threadIdx.x; x < N; x += blockDim.x) {
        T sum = 0;
        for (int s = 0; s < samples; s++) sum += share[s * N + x];
        partial[x] = sum;
    }
}

// Grid (P / C, any), block S C threads(P): S samples at a time, every gridDim.y-th S of them. shared: S C shared(P) values, and with KEPT P C
// more for the block's columns of h, which are then read once. h[P][P] in FFT order, divided by P^2; CONJUGATE for the adjoint.
template <class T, int P, int N, int C, int S, bool CONJUGATE, bool KEPT>
PNN_D void column_pass(long long batch, const complex<T>* w, const complex<T>* h, const complex<T>* in, complex<T>* out, complex<T>* shared) {
    using fft = line_fft<T, P, N>;
    static_assert(P % C == 0, "columns per block must divide the side");
    const int c = threadIdx.x % C, r = threadIdx.x / C % fft::threads, s = threadIdx.x / (C * fft::threads);    // r is n2 in space and k1 in the spectrum
    const int x = blockIdx.x * C + c, columns = KEPT ? C : P;
    complex<T>* line = shared + s * (C * fft::shared) + c;
    const complex<T>* table = h + x;
    if constexpr (KEPT) {                                       // seen by all behind the first barrier
        complex<T>* kept = shared + S * (C * fft::shared) + c;
        for (int k = threadIdx.x / C; k < P; k += S * fft::threads) kept[k * C] = h[k * P + x];
        table = kept;
    }
    const int samples = (int)batch;                             // a register less; 2^31 fields fill no memory there is
    complex<T> v[fft::threads];
    for (int group = blockIdx.y * S; group < samples; group += gridDim.y * S) {
        const int b = group + s;
        const long long column = (long long)b * N * P + x;
        if (r < fft::B && b < samples) {
            PNN_UNROLL
            for (int n1 = 0; n1 < fft::live; n1++) v[n1] = fft::inside(n1, r) ? in[column + (fft::B * n1 + r) * P] : complex<T>{0, 0};
            fft::from_space(v, r, w, line, C);
        }
        __syncthreads();
        if (r < fft::A && b < samples) {
            fft::to_spectrum(v, r, line, C);
            PNN_UNROLL
            for (int k2 = 0; k2 < fft::B; k2++) {
                const complex<T> g = table[(r + fft::A * k2) * columns];
                v[k2] = v[k2] * complex<T>{g.re, CONJUGATE ? -g.im : g.im};
            }
            fft::from_spectrum(v, r, line, C);
        }
        __syncthreads();
        if (r < fft::B && b < samples) {
            fft::to_space(v, r, w, line, C);
            PNN_UNROLL
            for (int n1 = 0; n1 < fft::live; n1++)
                if (fft::inside(n1, r)) out[column + (fft::B * n1 + r) * P] = v[n1];
        }
    }
}

#ifdef PNN_SIDE   // what launches of one window do, whose sides are known: PNN_SIDE, and PNN_FIELD of the fields in it
constexpr int N = PNN_FIELD, P = PNN_SIDE, PIXELS = N * N;
// 8 columns of complex64 or 4 of complex128 are two sectors of memory, and as many samples of a row whole warps, or nearly.  So many
// warps on a multiprocessor leave registers enough.  Two samples at a time where a multiprocessor has room for two such blocks: they share what is kept of h.
template <class T> struct shape {
    using plan = line_fft<T, P, N>;
    static constexpr int lines = sizeof(T) == 4 ? 8 : 4, warps = sizeof(T) == 8 ? 8 : plan::threads <= 20 ? 20 : 16;
    static constexpr int row_samples = lines * int(sizeof(T)) * (2 * plan::shared + N) <= 48 << 10 ? lines : lines / 2;
    static constexpr int column_samples = sizeof(T) == 4 && 2 * lines * plan::threads <= 320 ? 2 : 1;
    static constexpr int row_threads = row_samples * plan::threads, row_shared = row_samples * plan::shared;
    static constexpr int column_threads = column_samples * lines * plan::threads;
    static constexpr int row_blocks = warps > (row_threads + 31) / 32 ? warps / ((row_threads + 31) / 32) : 1;
    static constexpr int column_blocks = warps > (column_threads + 31) / 32 ? warps / ((column_threads + 31) / 32) : 1;
};
// The samples of a block of rows: where their spectra and fields begin.
template <class T> PNN_D long long spectra() { return (long long)blockIdx.y * shape<T>::row_samples * (N * P); }
template <class T> PNN_D long long fields() { return (long long)blockIdx.y * shape<T>::row_samples * PIXELS; }
template <class T> PNN_D void first(long long batch, const complex<T>* w, const complex<T>* field, complex<T>* spectrum, complex<T>* shared) {
    read_field<T> pixel = {field + fields<T>()};
    row_pass<T, P, N, shape<T>::row_samples, false, true>(batch, w, nullptr, spectrum + spectra<T>(), shared, pixel);
}
template <class T> PNN_D void last(long long batch, const complex<T>* w, const complex<T>* spectrum, complex<T>* field, complex<T>* shared) {
    write_field<T> pixel = {field + fields<T>()};
    row_pass<T, P, N, shape<T>::row_samples, true, false>(batch, w, spectrum + spectra<T>(), nullptr, shared, pixel);
}
// Of member m of the population. apart: spectra from one member to the next, 0 where all have the same.
template <class T, bool SAVE>
PNN_D void rows(int m, long long batch, long long apart, const complex<T>* w, const complex<T>* mask, const complex<T>* spectrum,
                complex<T>* saved, complex<T>* out, complex<T>* shared) {
    mask_field<T, SAVE> pixel = {mask + m * (long long)PIXELS, SAVE ? saved + m * batch * PIXELS + fields<T>() : nullptr};
    row_pass<T, P, N, shape<T>::row_samples, true, true>(batch, w, spectrum + m * apart * (N * P) + spectra<T>(),
                                                         out + m * batch * (N * P) + spectra<T>(), shared, pixel);
}
template <class T>
PNN_D void rows_halves(int m, long long batch, long long apart, const complex<T>* w, const complex<T>* mask, const complex<T>* spectrum, int* saved,
                       T* scale, complex<T>* out, complex<T>* shared, T* largest) {
    const long long before = m * batch + (long long)blockIdx.y * shape<T>::row_samples;     // fields
    mask_halves<T> pixel = {mask + m * (long long)PIXELS, saved + before * PIXELS, scale + before * N + blockIdx.x, largest};
    row_pass<T, P, N, shape<T>::row_samples, true, true>(batch, w, spectrum + m * apart * (N * P) + spectra<T>(),
                                                         out + m * batch * (N * P) + spectra<T>(), shared, pixel);
}
template <class T, class Pixel>
PNN_D void rows_vjp(int m, long long batch, const complex<T>* w, const complex<T>* spectrum, complex<T>* out, T* partial, complex<T>* shared,
                    const T* share, Pixel pixel) {
    const long long each = m * batch * (N * P) + spectra<T>();
    row_pass_vjp<T, P, N, shape<T>::row_samples>(batch, w, spectrum + each, out ? out + each : nullptr,
                                                 partial + m * (long long)gridDim.y * PIXELS, shared, share, pixel);
}
template <class T>
PNN_D void rows_full_vjp(int m, long long batch, const complex<T>* w, const complex<T>* mask, const complex<T>* saved, const complex<T>* spectrum,
                         complex<T>* out, T* partial, complex<T>* shared, T* share) {
    rows_vjp(m, batch, w, spectrum, out, partial, shared, share,
             mask_field_vjp<T>{mask + m * (long long)PIXELS, saved + m * batch * PIXELS + fields<T>(), share});
}
template <class T>
PNN_D void rows_halves_vjp(int m, long long batch, const complex<T>* w, const complex<T>* mask, const int* saved, const T* scale,
                           const complex<T>* spectrum, complex<T>* out, T* partial, complex<T>* shared, T* share) {
    const long long sample = (long long)blockIdx.y * shape<T>::row_samples + threadIdx.x / shape<T>::plan::B;
    const T own = sample < batch ? scale[(m * batch + sample) * N + blockIdx.x] : T(0);
    rows_vjp(m, batch, w, spectrum, out, partial, shared, share,
             mask_halves_vjp<T>{mask + m * (long long)PIXELS, saved + m * batch * PIXELS + fields<T>(), own, share});
}
template <class T, bool CONJUGATE>
PNN_D void columns(long long batch, bool kept, const complex<T>* w, const complex<T>* h, const complex<T>* in, complex<T>* out, complex<T>* shared) {
    using as = shape<T>;
    if (kept) column_pass<T, P, N, as::lines, as::column_samples, CONJUGATE, true>(batch, w, h, in, out, shared);
    else column_pass<T, P, N, as::lines, as::column_samples, CONJUGATE, false>(batch, w, h, in, out, shared);
}
template <class T>
PNN_D void add_slices(long long layers, long long population, long long first, long long members, long long slices, long long pixels,
                      const T* partial, double* gradient) {
    for (long long plane = blockIdx.y; plane < layers * population; plane += gridDim.y) {
        const long long layer = plane / population, member = first + plane % population;
        const T* own = partial + plane * slices * pixels;
        double* total = gradient + (layer * members + member) * pixels;
        for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < pixels; i += (long long)gridDim.x * blockDim.x) {
            double sum = 0;
            for (long long s = 0; s < slices; s++) sum += own[s * pixels + i];
            total[i] += sum;
        }
    }
}
#endif
}  // namespace pnn
#endif
