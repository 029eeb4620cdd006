// Thin masks: out = field * transmission.  Axes that all masks share may lie before and after theirs.
// outer : fields of the axes before the masks'
// masks : how many
// batch : fields of the axes behind
// pixels : of a mask
// transmission : (masks, pixels) transmissions
#include "pnnkern/mask.cuh"

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
    __shared__ double sums[pnn::MASK_SLICES * pnn::MASK_LANES * 2 * pnn::WIDE<float>];
    pnn::mask_transmit_vjp(outer, masks, batch, pixels, cotangent, field, out, sums);
}
extern "C" __global__ void __launch_bounds__(256) pnn_mask_transmit_vjp_c128(long long outer, long long masks, long long batch, long long pixels,
                                                      const pnn::complex<double>* __restrict__ cotangent,
                                                      const pnn::complex<double>* __restrict__ field, pnn::complex<double>* __restrict__ out) {
    __shared__ double sums[pnn::MASK_SLICES * pnn::MASK_LANES * 2 * pnn::WIDE<double>];
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
    __shared__ double sums[pnn::MASK_SLICES * pnn::MASK_LANES * pnn::WIDE<float>];
    pnn::mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient, sums);
}
extern "C" __global__ void __launch_bounds__(256) pnn_mask_phase_adjoint_c128(long long masks, long long batch, long long pixels,
                                                       const pnn::complex<double>* __restrict__ transmission,
                                                       const pnn::complex<double>* __restrict__ after,
                                                       pnn::complex<double>* __restrict__ cotangent, double* __restrict__ gradient) {
    __shared__ double sums[pnn::MASK_SLICES * pnn::MASK_LANES * pnn::WIDE<double>];
    pnn::mask_phase_adjoint(masks, batch, pixels, transmission, after, cotangent, gradient, sums);
}
