// Thin masks: out = field * transmission.  Fields outer x masks x batch x pixels, transmissions masks x pixels, C order: axes that all masks
// share may lie before and after theirs.
#include "pnnkern/complex.cuh"
#include "pnnkern/platform.cuh"

namespace pnn {
PNN_D void phasor(float phi, complex<float>* t) { sincosf(phi, &t->im, &t->re); }
PNN_D void phasor(double phi, complex<double>* t) { sincos(phi, &t->im, &t->re); }

template <class T> PNN_D void mask_phasor(long long pixels, const T* phase, complex<T>* transmission) {
    for (long long p = blockIdx.x * (long long)blockDim.x + threadIdx.x; p < pixels; p += (long long)gridDim.x * blockDim.x)
        phasor(phase[p], transmission + p);
}
template <class T>
PNN_D void mask_transmit(long long outer, long long masks, long long batch, long long pixels, const complex<T>* transmission,
                         const complex<T>* field, complex<T>* out) {
    long long each = batch * pixels;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < outer * masks * each; i += (long long)gridDim.x * blockDim.x)
        out[i] = field[i] * transmission[i / each % masks * pixels + i % pixels];
}
// One thread owns a pixel and walks the fields of its mask in order: no atomics, the same sum on every run.
template <class T>
PNN_D void mask_transmit_vjp(long long outer, long long masks, long long batch, long long pixels, const complex<T>* cotangent,
                             const complex<T>* field, complex<T>* out) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < masks * pixels; i += (long long)gridDim.x * blockDim.x) {
        double re = 0, im = 0;
        for (long long o = 0; o < outer; o++) {
            long long first = (o * masks + i / pixels) * batch * pixels + i % pixels;
            for (long long b = 0; b < batch; b++) {
                complex<T> g = cotangent[first + b * pixels], u = field[first + b * pixels];
                re += (double)g.re * u.re + (double)g.im * u.im;
                im += (double)g.im * u.re - (double)g.re * u.im;
            }
        }
        out[i] = {T(re), T(im)};
    }
}
template <class T>
PNN_D void mask_phase_adjoint(long long masks, long long batch, long long pixels, const complex<T>* transmission, const complex<T>* after,
                              complex<T>* cotangent, T* gradient) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < masks * pixels; i += (long long)gridDim.x * blockDim.x) {
        long long first = i / pixels * batch * pixels + i % pixels;
        complex<T> back = conj(transmission[i]);
        double sum = 0;
        for (long long b = 0; b < batch; b++) {
            complex<T> g = cotangent[first + b * pixels], v = after[first + b * pixels];
            sum += (double)g.im * v.re - (double)g.re * v.im;
            cotangent[first + b * pixels] = g * back;
        }
        gradient[i] = T(sum);
    }
}
}  // namespace pnn

// transmission = exp(i phase); phase in radians.
extern "C" __global__ void pnn_mask_phasor_f32(long long pixels, const float* __restrict__ phase, pnn::complex<float>* __restrict__ transmission) {
    pnn::mask_phasor(pixels, phase, transmission);
}
extern "C" __global__ void pnn_mask_phasor_f64(long long pixels, const double* __restrict__ phase, pnn::complex<double>* __restrict__ transmission) {
    pnn::mask_phasor(pixels, phase, transmission);
}
// out[o, m, b, p] = field[o, m, b, p] transmission[m, p]; out may be field.  Moves 2 fields; the masks are cached.
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
// out[m, p] = sum over o and b of cotangent conj(field): the cotangent of the transmission.  Reads 2 fields.
extern "C" __global__ void pnn_mask_transmit_vjp_c64(long long outer, long long masks, long long batch, long long pixels,
                                                     const pnn::complex<float>* __restrict__ cotangent,
                                                     const pnn::complex<float>* __restrict__ field, pnn::complex<float>* __restrict__ out) {
    pnn::mask_transmit_vjp(outer, masks, batch, pixels, cotangent, field, out);
}
extern "C" __global__ void pnn_mask_transmit_vjp_c128(long long outer, long long masks, long long batch, long long pixels,
                                                      const pnn::complex<double>* __restrict__ cotangent,
                                                      const pnn::complex<double>* __restrict__ field, pnn::complex<double>* __restrict__ out) {
    pnn::mask_transmit_vjp(outer, masks, batch, pixels, cotangent, field, out);
}
// For a phase mask whose output `after` (masks x batch x pixels) was kept: gradient[m, p] = sum over b of Im(cotangent conj(after)), and in the same pass
// cotangent *= conj(transmission), in place.  Reads 2 fields, writes 1.
extern "C" __global__ void pnn_mask_phase_adjoint_c64(long long masks, long long batch, long long pixels,
                                                      const pnn::complex<float>* __restrict__ transmission,
                                                      const pnn::complex<float>* __restrict__ after, pnn::complex<float>* __restrict__ cotangent,
                                                      float* __restrict__ gradient) {
    pnn::mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient);
}
extern "C" __global__ void pnn_mask_phase_adjoint_c128(long long masks, long long batch, long long pixels,
                                                       const pnn::complex<double>* __restrict__ transmission,
                                                       const pnn::complex<double>* __restrict__ after,
                                                       pnn::complex<double>* __restrict__ cotangent, double* __restrict__ gradient) {
    pnn::mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient);
}
