// Thin masks: out = field * transmission.  Axes that all masks share may lie before and after theirs.
// outer : fields of the axes before the masks'
// masks : how many
// batch : fields of the axes behind
// pixels : of a mask
// transmission : (masks, pixels) transmissions
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
#pragma unroll 1
        for (long long p = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); p < pixels; p += W * ((long long)gridDim.x * blockDim.x)) {
            values<T, W> u = load<W>(field + first + p), v = load<W>(t + p);
#pragma unroll
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
constexpr int LANES = 32, SLICES = 8;

// x goes along the pixels, y along the masks. sums: [SLICES][2][LANES WIDE] of the block.
template <class T, int W>
PNN_D void transmit_vjp(long long outer, long long masks, long long batch, long long pixels, const complex<T>* cotangent, const complex<T>* field,
                        complex<T>* out, double* sums) {
    const int lane = threadIdx.x % LANES, slice = threadIdx.x / LANES;
    double* own = sums + slice * 2 * W * LANES + lane;
    for (long long m = blockIdx.y; m < masks; m += gridDim.y)
        for (long long tile = W * LANES * (long long)blockIdx.x; tile < pixels; tile += W * LANES * (long long)gridDim.x) {
            const long long p = tile + W * lane;
            double re[W] = {}, im[W] = {};
            if (p < pixels && batch > 0) {
                long long o = 0, b = slice;
                for (;;) {
                    for (; b >= batch && o < outer; b -= batch) o++;
                    if (o >= outer) break;
                    const long long at = ((o * masks + m) * batch + b) * pixels + p;
                    const values<T, W> g = load<W>(cotangent + at), u = load<W>(field + at);
#pragma unroll
                    for (int i = 0; i < W; i++) {
                        re[i] += (double)g.z[i].re * u.z[i].re + (double)g.z[i].im * u.z[i].im;
                        im[i] += (double)g.z[i].im * u.z[i].re - (double)g.z[i].re * u.z[i].im;
                    }
                    b += SLICES;
                }
            }
#pragma unroll
            for (int i = 0; i < W; i++) {
                own[2 * i * LANES] = re[i];
                own[(2 * i + 1) * LANES] = im[i];
            }
            __syncthreads();
            if (slice == 0 && p < pixels) {
                values<T, W> total;
#pragma unroll
                for (int i = 0; i < W; i++) {
                    double r = 0, j = 0;
                    for (int s = 0; s < SLICES; s++) {
                        r += own[(s * W + i) * 2 * LANES];
                        j += own[((s * W + i) * 2 + 1) * LANES];
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

// As above. sums: [SLICES][LANES WIDE] of the block.
template <class T, int W>
PNN_D void phase_adjoint(long long masks, long long batch, long long pixels, const complex<T>* transmission, const complex<T>* after,
                         complex<T>* cotangent, T* gradient, double* sums) {
    const int lane = threadIdx.x % LANES, slice = threadIdx.x / LANES;
    double* own = sums + slice * W * LANES + lane;
    for (long long m = blockIdx.y; m < masks; m += gridDim.y)
        for (long long tile = W * LANES * (long long)blockIdx.x; tile < pixels; tile += W * LANES * (long long)gridDim.x) {
            const long long p = tile + W * lane;
            double sum[W] = {};
            if (p < pixels) {
                const values<T, W> t = load<W>(transmission + m * pixels + p);
#pragma unroll 1
                for (long long b = slice; b < batch; b += SLICES) {
                    const long long at = (m * batch + b) * pixels + p;
                    values<T, W> g = load<W>(cotangent + at);
                    const values<T, W> v = load<W>(after + at);
#pragma unroll
                    for (int i = 0; i < W; i++) {
                        sum[i] += (double)g.z[i].im * v.z[i].re - (double)g.z[i].re * v.z[i].im;
                        g.z[i] = g.z[i] * conj(t.z[i]);
                    }
                    store<W>(cotangent + at, g);
                }
            }
#pragma unroll
            for (int i = 0; i < W; i++) own[i * LANES] = sum[i];
            __syncthreads();
            if (slice == 0 && p < pixels) {
#pragma unroll
                for (int i = 0; i < W; i++) {
                    double total = 0;
                    for (int s = 0; s < SLICES; s++) total += own[(s * W + i) * LANES];
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

// transmission = exp(i phase).
// Bytes: 1.5 fields.
// Launch: any 1-D grid and block.
// phase : (pixels) [rad] phases
// transmission : (pixels) result
extern "C" __global__ void pnn_mask_phasor_f32(long long pixels, const float* __restrict__ phase, pnn::complex<float>* __restrict__ transmission) {
    pnn::mask_phasor(pixels, phase, transmission);
}
extern "C" __global__ void pnn_mask_phasor_f64(long long pixels, const double* __restrict__ phase, pnn::complex<double>* __restrict__ transmission) {
    pnn::mask_phasor(pixels, phase, transmission);
}
// out[o, m, b, p] = field[o, m, b, p] transmission[m, p].
// Bytes: 2 fields; the masks are cached.
// Launch: any grid of two axes.
// field : (outer, masks, batch, pixels) fields
// out : (outer, masks, batch, pixels) result; may be field
extern "C" __global__ void pnn_mask_transmit_c64(long long outer, long long masks, long long batch, long long pixels,
                                                 const pnn::complex<float>* __restrict__ transmission, const pnn::complex<float>* field,
                                                 pnn::complex<float>* out) {
    pnn::mask_transmit(outer, masks, batch, pixels, transmission, field, out);
}
extern "C" __global__ void pnn_mask_transmit_c128(long long outer, long long masks, long long batch, long long pixels,
                                                  const pnn::complex<double>* __restrict__ transmission, const pnn::complex<double>* field,
                                                  pnn::complex<double>* out) {
    pnn::mask_transmit(outer, masks, batch, pixels, transmission, field, out);
}
// out[m, p] = sum over o and b of cotangent conj(field): the cotangent of the transmission.
// Bytes: reads 2 fields.
// Launch: any grid of two axes, blocks of 256.
// cotangent : (outer, masks, batch, pixels) dL / dout
// field : (outer, masks, batch, pixels) fields that came in
// out : (masks, pixels) dL / dtransmission
extern "C" __global__ void __launch_bounds__(256) pnn_mask_transmit_vjp_c64(long long outer, long long masks, long long batch, long long pixels,
                                                     const pnn::complex<float>* __restrict__ cotangent,
                                                     const pnn::complex<float>* __restrict__ field, pnn::complex<float>* __restrict__ out) {
    __shared__ double sums[pnn::SLICES * pnn::LANES * 2 * pnn::WIDE<float>];
    pnn::mask_transmit_vjp(outer, masks, batch, pixels, cotangent, field, out, sums);
}
extern "C" __global__ void __launch_bounds__(256) pnn_mask_transmit_vjp_c128(long long outer, long long masks, long long batch, long long pixels,
                                                      const pnn::complex<double>* __restrict__ cotangent,
                                                      const pnn::complex<double>* __restrict__ field, pnn::complex<double>* __restrict__ out) {
    __shared__ double sums[pnn::SLICES * pnn::LANES * 2 * pnn::WIDE<double>];
    pnn::mask_transmit_vjp(outer, masks, batch, pixels, cotangent, field, out, sums);
}
// For a phase mask whose output was kept: gradient[m, p] = sum over b of Im(cotangent conj(after)), and in the same pass cotangent *=
// conj(transmission).
// Bytes: reads 2 fields, writes 1.
// Launch: any grid of two axes, blocks of 256.
// after : (masks, batch, pixels) fields behind the masks
// cotangent : (masks, batch, pixels) dL / dafter, then that of what came in; in place
// gradient : (masks, pixels) dL / dphase
extern "C" __global__ void __launch_bounds__(256) pnn_mask_phase_adjoint_c64(long long masks, long long batch, long long pixels,
                                                      const pnn::complex<float>* __restrict__ transmission,
                                                      const pnn::complex<float>* __restrict__ after, pnn::complex<float>* __restrict__ cotangent,
                                                      float* __restrict__ gradient) {
    __shared__ double sums[pnn::SLICES * pnn::LANES * pnn::WIDE<float>];
    pnn::mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient, sums);
}
extern "C" __global__ void __launch_bounds__(256) pnn_mask_phase_adjoint_c128(long long masks, long long batch, long long pixels,
                                                       const pnn::complex<double>* __restrict__ transmission,
                                                       const pnn::complex<double>* __restrict__ after,
                                                       pnn::complex<double>* __restrict__ cotangent, double* __restrict__ gradient) {
    __shared__ double sums[pnn::SLICES * pnn::LANES * pnn::WIDE<double>];
    pnn::mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient, sums);
}
