// Discrete Fourier transforms of short lines, forward exp(-2 pi i n k / R), inverse with +, neither scaled.
//
//   dft<R>                  R values in one thread's registers, R = 2^a 3^b 5^c 7^d, all loops unrolled
//   dft_padded, dft_cropped the same when the upper half of the inputs is zero / of the outputs is not wanted
//   line_fft<P>             P = A B values over max(A, B) threads: two register transforms and one trip through shared memory
#pragma once
#include "pnnkern/complex.cuh"

namespace pnn {

// cos and sin of 2 pi k / R, k < R, worked out by the compiler: series below an eighth of a turn, symmetry beyond.
template <class T, int R> struct roots {
    T c[R], s[R];
    PNN_HD constexpr roots() : c(), s() {
        for (int k = 0; k < R; k++) {
            int quarters = 4 * k / R, rest = 4 * k - quarters * R;      // k / R = quarters / 4 + rest / (4 R)
            bool flip = 2 * rest > R;
            double x = 1.57079632679489661923 * (flip ? R - rest : rest) / R, co = 0, si = 0, term = 1;
            for (int i = 0; i < 22; i++) {
                double sign = i & 2 ? -1 : 1;
                if (i & 1) si += sign * term; else co += sign * term;
                term *= x / (i + 1);
            }
            if (flip) { double swap = co; co = si; si = swap; }
            for (; quarters > 0; quarters--) { double old = co; co = -si; si = old; }
            c[k] = T(co);
            s[k] = T(si);
        }
    }
};

// A quarter turn: times -i forward, +i inverse.
template <bool INVERSE, class T> PNN_HD complex<T> quarter(complex<T> z) {
    if (INVERSE) return {-z.im, z.re};
    return {z.im, -z.re};
}

// z exp(-+2 pi i k / R). k is known once the caller's loops are unrolled, so the branches and the table vanish.
template <int R, bool INVERSE, class T> PNN_HD complex<T> turned(complex<T> z, int k) {
    constexpr roots<T, R> w;
    if (4 * k % R == 0) {
        if (4 * k / R & 1) z = quarter<INVERSE>(z);
        if (4 * k / R & 2) z = {-z.re, -z.im};
        return z;
    }
    return z * complex<T>{w.c[k], INVERSE ? w.s[k] : -w.s[k]};
}

// a + z exp(-+2 pi i k / R), by products that are added at once.
template <int R, bool INVERSE, class T> PNN_HD complex<T> plus_turned(complex<T> a, complex<T> z, int k) {
    constexpr roots<T, R> w;
    if (4 * k % R == 0) return a + turned<R, INVERSE>(z, k);
    const T s = INVERSE ? w.s[k] : -w.s[k];
    return {a.re + z.re * w.c[k] - z.im * s, a.im + z.re * s + z.im * w.c[k]};
}

template <int R, bool INVERSE, class T> PNN_HD void dft(complex<T>* v) {
    if constexpr (R == 1) {
    } else if constexpr (R == 2) {
        complex<T> a = v[0];
        v[0] = a + v[1];
        v[1] = a - v[1];
    } else if constexpr (R == 4) {
        complex<T> a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = quarter<INVERSE>(v[1] - v[3]);
        v[0] = a + c;
        v[1] = b + d;
        v[2] = a - c;
        v[3] = b - d;
    } else if constexpr (R == 3 || R == 5 || R == 7) {          // odd: pair n with R - n; cosines of the sums, sines of the differences
        constexpr roots<T, R> w;
        constexpr int half = R / 2;
        complex<T> sum[half], difference[half], first = v[0], p[half];
        PNN_UNROLL
        for (int j = 0; j < half; j++) {
            sum[j] = v[j + 1] + v[R - 1 - j];
            difference[j] = v[j + 1] - v[R - 1 - j];
        }
        if constexpr (R == 5) {                                 // cos(2 pi / 5) and cos(4 pi / 5) are -1/4 +- sqrt(5)/4
            constexpr T root = T(0.55901699437494742410);
            complex<T> both = sum[0] + sum[1], apart = sum[0] - sum[1];
            v[0] = first + both;
            first = {first.re - both.re * T(0.25), first.im - both.im * T(0.25)};
            p[0] = {first.re + apart.re * root, first.im + apart.im * root};
            p[1] = {first.re - apart.re * root, first.im - apart.im * root};
        } else {
            PNN_UNROLL
            for (int k = 0; k < half; k++) {
                v[0] = v[0] + sum[k];
                p[k] = first;
                PNN_UNROLL
                for (int j = 0; j < half; j++) {
                    const T c = w.c[(j + 1) * (k + 1) % R];
                    p[k] = {p[k].re + sum[j].re * c, p[k].im + sum[j].im * c};
                }
            }
        }
        PNN_UNROLL
        for (int k = 1; k <= half; k++) {                       // the first sine is left for the sum with p: one product less
            complex<T> q = difference[0];
            PNN_UNROLL
            for (int j = 1; j < half; j++) {
                const T s = w.s[(j + 1) * k % R] / w.s[k];
                q = {q.re + difference[j].re * s, q.im + difference[j].im * s};
            }
            q = quarter<INVERSE>(q);
            v[k] = {p[k - 1].re + q.re * w.s[k], p[k - 1].im + q.im * w.s[k]};
            v[R - k] = {p[k - 1].re - q.re * w.s[k], p[k - 1].im - q.im * w.s[k]};
        }
    } else if constexpr ((R & -R) > 1 && (R & -R) < R) {        // R = R1 R2 without a common factor: rows and columns, no turns (Good, Thomas)
        constexpr int R1 = R & -R, R2 = R / R1;
        complex<T> y[R];
        PNN_UNROLL
        for (int j = 0; j < R2; j++) {
            complex<T> a[R1];
            PNN_UNROLL
            for (int i = 0; i < R1; i++) a[i] = v[(R2 * i + R1 * j) % R];
            dft<R1, INVERSE>(a);
            PNN_UNROLL
            for (int k = 0; k < R1; k++) y[R2 * k + j] = a[k];
        }
        PNN_UNROLL
        for (int k = 0; k < R1; k++) dft<R2, INVERSE>(y + R2 * k);
        PNN_UNROLL
        for (int k = 0; k < R; k++) v[k] = y[R2 * (k % R1) + k % R2];
    } else {                                                    // R = R1 R2: columns, turn, rows (Cooley-Tukey)
        constexpr int R1 = R % 4 == 0 ? 4 : R % 2 == 0 ? 2 : R % 7 == 0 ? 7 : R % 5 == 0 ? 5 : 3, R2 = R / R1;
        complex<T> y[R];
        PNN_UNROLL
        for (int j = 0; j < R2; j++) {
            complex<T> a[R1];
            PNN_UNROLL
            for (int i = 0; i < R1; i++) a[i] = v[R2 * i + j];
            dft<R1, INVERSE>(a);
            PNN_UNROLL
            for (int k = 0; k < R1; k++) y[R2 * k + j] = turned<R, INVERSE>(a[k], j * k);
        }
        PNN_UNROLL
        for (int k = 0; k < R1; k++) {
            dft<R2, INVERSE>(y + R2 * k);
            PNN_UNROLL
            for (int l = 0; l < R2; l++) v[k + R1 * l] = y[R2 * k + l];
        }
    }
}

// v[0 .. R/2) in, v[0 .. R) out: the upper half of the inputs is zero (HALF), so even and odd outputs are two transforms of R/2.
template <int R, bool HALF, bool INVERSE, class T> PNN_HD void dft_padded(complex<T>* v) {
    if constexpr (!HALF) {
        dft<R, INVERSE>(v);
    } else {
        complex<T> even[R / 2], odd[R / 2];
        PNN_UNROLL
        for (int j = 0; j < R / 2; j++) {
            even[j] = v[j];
            odd[j] = turned<R, INVERSE>(v[j], j);
        }
        dft<R / 2, INVERSE>(even);
        dft<R / 2, INVERSE>(odd);
        PNN_UNROLL
        for (int j = 0; j < R / 2; j++) {
            v[2 * j] = even[j];
            v[2 * j + 1] = odd[j];
        }
    }
}

// v[0 .. R) in, v[0 .. R/2) out: the transpose of dft_padded.
template <int R, bool HALF, bool INVERSE, class T> PNN_HD void dft_cropped(complex<T>* v) {
    if constexpr (!HALF) {
        dft<R, INVERSE>(v);
    } else {
        complex<T> even[R / 2], odd[R / 2];
        PNN_UNROLL
        for (int j = 0; j < R / 2; j++) {
            even[j] = v[2 * j];
            odd[j] = v[2 * j + 1];
        }
        dft<R / 2, INVERSE>(even);
        dft<R / 2, INVERSE>(odd);
        PNN_UNROLL
        for (int j = 0; j < R / 2; j++) v[j] = plus_turned<R, INVERSE>(even[j], odd[j], j);
    }
}

// A line of P = A B values, x[B n1 + n2] in space and X[k1 + A k2] in the spectrum:
//
//   X[k1 + A k2] = sum_n2 exp(-2 pi i n2 k2 / B) (w[k1][n2] sum_n1 exp(-2 pi i n1 k1 / A) x[B n1 + n2]),   w[k1][n2] = exp(-2 pi i k1 n2 / P)
//
// In space thread n2 < B holds the A values over n1, in the spectrum thread k1 < A holds the B values over k2; neighbouring threads hold
// neighbouring values on both sides. The inverse runs the same road back, so forward-multiply-inverse (and inverse-multiply-forward)
// needs no transposition, and every thread writes the shared elements that it alone has read: one barrier per direction is enough.
// Element (k1, n2) lies at line[(k1 pitch + n2) step]; the odd pitch keeps both sides free of bank conflicts for step 1, 4, 8 and 16.
// Only x[0, N) is non-zero on the way out and wanted on the way back; N <= P / 2 saves half of the A-transforms. w is a table of P values made in float64.
template <class T, int P_, int N_> struct line_fft {
    enum : int {                                                // numbers without an address: no symbols on any compiler
        P = P_, N = N_, A = P % 20 == 0 ? 20 : 16, B = P / A, pitch = B | 1,
        live = (N + B - 1) / B,                                 // values per thread in space that can be non-zero
        HALF = live <= A / 2,
        threads = A > B ? A : B, shared = A * pitch
    };
    static_assert(A * B == P && 0 < N && N <= P, "no plan for this length");

    static PNN_HD bool inside(int n1, int n2) { return n1 < N / B || B * n1 + n2 < N; }   // only the last n1 has to ask

    static PNN_HD void from_space(complex<T>* v, int n2, const complex<T>* w, complex<T>* line, int step) {
        PNN_UNROLL
        for (int n1 = live; n1 < A; n1++) v[n1] = {0, 0};
        dft_padded<A, HALF != 0, false>(v);
        PNN_UNROLL
        for (int k1 = 0; k1 < A; k1++) line[(k1 * pitch + n2) * step] = k1 ? v[k1] * w[k1 * B + n2] : v[0];
    }
    static PNN_HD void to_spectrum(complex<T>* v, int k1, const complex<T>* line, int step) {
        PNN_UNROLL
        for (int n2 = 0; n2 < B; n2++) v[n2] = line[(k1 * pitch + n2) * step];
        dft<B, false>(v);
    }
    static PNN_HD void from_spectrum(complex<T>* v, int k1, complex<T>* line, int step) {
        dft<B, true>(v);
        PNN_UNROLL
        for (int n2 = 0; n2 < B; n2++) line[(k1 * pitch + n2) * step] = v[n2];
    }
    static PNN_HD void to_space(complex<T>* v, int n2, const complex<T>* w, const complex<T>* line, int step) {
        PNN_UNROLL
        for (int k1 = 0; k1 < A; k1++) {
            v[k1] = line[(k1 * pitch + n2) * step];
            if (k1) v[k1] = v[k1] * conj(w[k1 * B + n2]);
        }
        dft_cropped<A, HALF != 0, true>(v);
    }
};
}  // namespace pnn
