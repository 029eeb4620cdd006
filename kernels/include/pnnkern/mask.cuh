// What a launch of the kernels in optics/mask.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/mask.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/wide.cuh"

namespace pnn {
PNN_D void phasor(float phi, complex<float>* t) { sincosf(phi, &t->im, &t->re); }
PNN_D void phasor(double phi, complex<double>* t) { sincos(phi, &t->im, &t->re); }

template <class T> PNN_D void mask_phasor(long long pixels, const T* phase, complex<T>* transmission) {
    for (long long p = blockIdx.x * (long long)blockDim.x + threadIdx.x; p < pixels; p += (long long)gridDim.x * blockDim.x)
        phasor(phase[p], transmission + p);
}
// x goes along the pixels, y along the fields, whose number has 32 bits.
template <class T, int W>
PNN_D void transmit(unsigned fields, unsigned masks, unsigned batch, long long pixels, const complex<T>* transmission, const complex<T>* field,
                    complex<T>* out) {
    for (unsigned f = blockIdx.y; f < fields; f += gridDim.y) {
        const complex<T>* t = transmission + f / batch % masks * pixels;
        const long long first = f * pixels;
        PNN_UNROLL_BY(1)
        for (long long p = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); p < pixels; p += W * ((long long)gridDim.x * blockDim.x)) {
            values<T, W> u = load<W>(field + first + p), v = load<W>(t + p);
            PNN_UNROLL
            for (int i = 0; i < W; i++) u.z[i] = u.z[i] * v.z[i];
            store<W>(out + first + p, u);
        }
    }
}
template <class T>
PNN_D void mask_transmit(long long outer, long long masks, long long batch, long long pixels, const complex<T>* transmission,
                         const complex<T>* field, complex<T>* out) {
    const unsigned fields = (unsigned)(outer * masks * batch);
    if (WIDE<T> > 1 && whole(pixels, transmission, field, out)) transmit<T, WIDE<T>>(fields, (unsigned)masks, (unsigned)batch, pixels, transmission, field, out);
    else transmit<T, 1>(fields, (unsigned)masks, (unsigned)batch, pixels, transmission, field, out);
}

// Sums over fields: lanes of a warp are neighbouring pixels, and each of the block's warps takes every eighth field, in order; what the
// warps come to is added in their order. No atomics, and the same sum on every run and on every card.
constexpr int MASK_LANES = 32, MASK_SLICES = 8;

// x goes along the pixels, y along the masks. sums: [MASK_SLICES][2][MASK_LANES WIDE] of the block.
template <class T, int W>
PNN_D void transmit_vjp(long long outer, long long masks, long long batch, long long pixels, const complex<T>* cotangent, const complex<T>* field,
                        complex<T>* out, double* sums) {
    const int lane = threadIdx.x % MASK_LANES, slice = threadIdx.x / MASK_LANES;
    double* own = sums + slice * 2 * W * MASK_LANES + lane;
    for (long long m = blockIdx.y; m < masks; m += gridDim.y)
        for (long long tile = W * MASK_LANES * (long long)blockIdx.x; tile < pixels; tile += W * MASK_LANES * (long long)gridDim.x) {
            const long long p = tile + W * lane;
            double re[W] = {}, im[W] = {};
            if (p < pixels && batch > 0) {
                long long o = 0, b = slice;
                for (;;) {
                    for (; b >= batch && o < outer; b -= batch) o++;
                    if (o >= outer) break;
                    const long long at = ((o * masks + m) * batch + b) * pixels + p;
                    const values<T, W> g = load<W>(cotangent + at), u = load<W>(field + at);
                    PNN_UNROLL
                    for (int i = 0; i < W; i++) {
                        re[i] += (double)g.z[i].re * u.z[i].re + (double)g.z[i].im * u.z[i].im;
                        im[i] += (double)g.z[i].im * u.z[i].re - (double)g.z[i].re * u.z[i].im;
                    }
                    b += MASK_SLICES;
                }
            }
            PNN_UNROLL
            for (int i = 0; i < W; i++) {
                own[2 * i * MASK_LANES] = re[i];
                own[(2 * i + 1) * MASK_LANES] = im[i];
            }
            __syncthreads();
            if (slice == 0 && p < pixels) {
                values<T, W> total;
                PNN_UNROLL
                for (int i = 0; i < W; i++) {
                    double r = 0, j = 0;
                    for (int s = 0; s < MASK_SLICES; s++) {
                        r += own[(s * W + i) * 2 * MASK_LANES];
                        j += own[((s * W + i) * 2 + 1) * MASK_LANES];
                    }
                    total.z[i] = {T(r), T(j)};
                }
                store<W>(out + m * pixels + p, total);
            }
            __syncthreads();
        }
}
template <class T>
PNN_D void mask_transmit_vjp(long long outer, long long masks, long long batch, long long pixels, const complex<T>* cotangent,
                             const complex<T>* field, complex<T>* out, double* sums) {
    if (WIDE<T> > 1 && whole(pixels, cotangent, field, out)) transmit_vjp<T, WIDE<T>>(outer, masks, batch, pixels, cotangent, field, out, sums);
    else transmit_vjp<T, 1>(outer, masks, batch, pixels, cotangent, field, out, sums);
}

// As above. sums: [MASK_SLICES][MASK_LANES WIDE] of the block.
template <class T, int W>
PNN_D void phase_adjoint(long long masks, long long batch, long long pixels, const complex<T>* transmission, const complex<T>* after,
                         complex<T>* cotangent, T* gradient, double* sums) {
    const int lane = threadIdx.x % MASK_LANES, slice = threadIdx.x / MASK_LANES;
    double* own = sums + slice * W * MASK_LANES + lane;
    for (long long m = blockIdx.y; m < masks; m += gridDim.y)
        for (long long tile = W * MASK_LANES * (long long)blockIdx.x; tile < pixels; tile += W * MASK_LANES * (long long)gridDim.x) {
            const long long p = tile + W * lane;
            double sum[W] = {};
            if (p < pixels) {
                const values<T, W> t = load<W>(transmission + m * pixels + p);
                PNN_UNROLL_BY(1)
                for (long long b = slice; b < batch; b += MASK_SLICES) {
                    const long long at = (m * batch + b) * pixels + p;
                    values<T, W> g = load<W>(cotangent + at);
                    const values<T, W> v = load<W>(after + at);
                    PNN_UNROLL
                    for (int i = 0; i < W; i++) {
                        sum[i] += (double)g.z[i].im * v.z[i].re - (double)g.z[i].re * v.z[i].im;
                        g.z[i] = g.z[i] * conj(t.z[i]);
                    }
                    store<W>(cotangent + at, g);
                }
            }
            PNN_UNROLL
            for (int i = 0; i < W; i++) own[i * MASK_LANES] = sum[i];
            __syncthreads();
            if (slice == 0 && p < pixels) {
                PNN_UNROLL
                for (int i = 0; i < W; i++) {
                    double total = 0;
                    for (int s = 0; s < MASK_SLICES; s++) total += own[(s * W + i) * MASK_LANES];
                    gradient[m * pixels + p + i] = T(total);
                }
            }
            __syncthreads();
        }
}
template <class T>
PNN_D void mask_phase_adjoint(long long masks, long long batch, long long pixels, const complex<T>* transmission, const complex<T>* after,
                              complex<T>* cotangent, T* gradient, double* sums) {
    if (WIDE<T> > 1 && whole(pixels, transmission, after, cotangent))
        phase_adjoint<T, WIDE<T>>(masks, batch, pixels, transmission, after, cotangent, gradient, sums);
    else phase_adjoint<T, 1>(masks, batch, pixels, transmission, after, cotangent, gradient, sums);
}
}  // namespace pnn
#endif
