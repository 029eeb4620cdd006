// Diffractive layers: two fused kernels per layer and direction.  One pair of sides per compilation: -DPNN_FIELD=N -DPNN_SIDE=P, fields N x
// N padded to P x P, P = 256, 320, 384, 400, 448 or 512, N <= P.  See pnnkern/layer.cuh for the algorithm and layouts.
//
// The spectrum is the state between two kernels, and may be one buffer throughout.  Where there are masks, a population of them: everything
// has a leading axis of that size.
// Launch: grid (N, ceil(batch / row_samples)[, population]), block row_samples max(A, B), P = A B: shape in layer.cu.
// batch : fields
// kept : not 0: h stays in shared memory
// apart : spectra from one member to the next: batch, or 0 where all have the same
// w : (P) twiddles w[k1 B + n2] = exp(-2 pi i k1 n2 / P)
// h : (P, P) transfer function in FFT order, divided by P^2
// field : (batch, N, N) fields
// spectrum : (population, batch, N, P) what comes in: rows transformed, columns in space
// mask : (population, N, N) transmissions
// out : (population, batch, N, P) what goes on
// scale : (population, batch, N) power of two of each row
// partial : (population, slices, N, N) sum over each slice of row_samples samples of Im(cotangent conj(saved))
#ifndef PNN_SIDE
#define PNN_SIDE 256
#endif
#ifndef PNN_FIELD
#define PNN_FIELD (PNN_SIDE / 2)
#endif
#include "pnnkern/layer.cuh"

// spectrum = rows of field, padded and transformed.
// Bytes: N^2 + N P values.
// spectrum : (batch, N, P) result
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_first_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* field, pnn::complex<float>* spectrum) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    pnn::first(batch, w, field, spectrum, shared);
}
// out = columns of spectrum times h.
// Bytes: 2 N P values, and slices times h.
// Launch: grid (P / lines, slices), block column_samples lines max(A, B), column_samples lines shared values of dynamic shared memory,
//   and with `kept` lines P more; slices: any number, a block does every slices-th group of samples.
// spectrum : (batch, N, P) what comes in
// out : (batch, N, P) what goes on; may be spectrum
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::column_threads, pnn::shape<float>::column_blocks)
pnn_layer_columns_c64(long long batch, long long kept, const pnn::complex<float>* w, const pnn::complex<float>* h, const pnn::complex<float>* spectrum, pnn::complex<float>* out) {
    PNN_DYNAMIC_SHARED(pnn::complex<float>, columns_f32);
    pnn::columns<float, false>(batch, kept != 0, w, h, spectrum, out, columns_f32);
}
// The adjoint: times conj(h).
// Bytes: as columns.
// Launch: as columns.
// spectrum : (batch, N, P) what comes in
// out : (batch, N, P) what goes on; may be spectrum
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::column_threads, pnn::shape<float>::column_blocks)
pnn_layer_columns_vjp_c64(long long batch, long long kept, const pnn::complex<float>* w, const pnn::complex<float>* h, const pnn::complex<float>* spectrum, pnn::complex<float>* out) {
    PNN_DYNAMIC_SHARED(pnn::complex<float>, columns_f32);
    pnn::columns<float, true>(batch, kept != 0, w, h, spectrum, out, columns_f32);
}
// out = rows of (field of spectrum times mask); saved keeps that product.
// Bytes: 2 N P (+ N^2) values.
// saved : (population, batch, N, N) fields behind the mask; or null
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_rows_c64(long long batch, long long apart, const pnn::complex<float>* w, const pnn::complex<float>* mask, const pnn::complex<float>* spectrum, pnn::complex<float>* saved, pnn::complex<float>* out) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    if (saved) pnn::rows<float, true>(blockIdx.z, batch, apart, w, mask, spectrum, saved, out, shared);
    else pnn::rows<float, false>(blockIdx.z, batch, apart, w, mask, spectrum, saved, out, shared);
}
// The adjoint: out = rows of (cotangent times conj(mask)), and the gradient of a phase mask in parts.
// Bytes: 2 N P + N^2 values, and partial.
// saved : (population, batch, N, N) fields behind the mask
// out : (population, batch, N, P) what goes on; or null
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_rows_vjp_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* mask, const pnn::complex<float>* saved, const pnn::complex<float>* spectrum, pnn::complex<float>* out, float* partial) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    __shared__ float share[pnn::shape<float>::row_samples * pnn::N];
    pnn::rows_full_vjp(blockIdx.z, batch, w, mask, saved, spectrum, out, partial, shared, share);
}
// rows, with the product kept as saved times scale, pairs of 16-bit floats times a power of two of each row: see pnnkern/halves.cuh.
// Bytes: 2 N P + N^2 / 2 values; of complex128 2 N P + N^2 / 4.
// saved : (population, batch, N, N) pairs of 16-bit floats
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_rows_halves_c64(long long batch, long long apart, const pnn::complex<float>* w, const pnn::complex<float>* mask, const pnn::complex<float>* spectrum, int* saved, float* scale, pnn::complex<float>* out) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    __shared__ float largest[pnn::shape<float>::row_samples * pnn::shape<float>::plan::B];
    pnn::rows_halves(blockIdx.z, batch, apart, w, mask, spectrum, saved, scale, out, shared, largest);
}
// rows_vjp, with what rows_halves kept.
// Bytes: 2 N P + N^2 / 2 values, and partial; of complex128 2 N P + N^2 / 4.
// saved : (population, batch, N, N) pairs of 16-bit floats
// out : (population, batch, N, P) what goes on; or null
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_rows_halves_vjp_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* mask, const int* saved, const float* scale, const pnn::complex<float>* spectrum, pnn::complex<float>* out, float* partial) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    __shared__ float share[pnn::shape<float>::row_samples * pnn::N];
    pnn::rows_halves_vjp(blockIdx.z, batch, w, mask, saved, scale, spectrum, out, partial, shared, share);
}
// field = the rows back in space, cropped.
// Bytes: N P + N^2 values.
// spectrum : (batch, N, P) what comes in
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_last_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* spectrum, pnn::complex<float>* field) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    pnn::last(batch, w, spectrum, field, shared);
}
// gradient[layers][first .. first + population of members] += the slices of partial added in order, in double.
// Bytes: slices values in, a double in and out, per pixel.
// Launch: any grid of two axes.
// layers : of the network
// population : members of this launch
// first : member of them
// members : of the whole population
// slices : of each sum
// pixels : of a mask
// partial : (layers, population, slices, pixels) of pnn_layer_rows_vjp
// gradient : (layers, members, pixels) sums, in place
extern "C" __global__ void pnn_layer_gradient_f32(long long layers, long long population, long long first, long long members, long long slices,
                                                  long long pixels, const float* __restrict__ partial, double* __restrict__ gradient) {
    pnn::add_slices(layers, population, first, members, slices, pixels, partial, gradient);
}

extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_first_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* field, pnn::complex<double>* spectrum) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    pnn::first(batch, w, field, spectrum, shared);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::column_threads, pnn::shape<double>::column_blocks)
pnn_layer_columns_c128(long long batch, long long kept, const pnn::complex<double>* w, const pnn::complex<double>* h, const pnn::complex<double>* spectrum, pnn::complex<double>* out) {
    PNN_DYNAMIC_SHARED(pnn::complex<double>, columns_f64);
    pnn::columns<double, false>(batch, kept != 0, w, h, spectrum, out, columns_f64);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::column_threads, pnn::shape<double>::column_blocks)
pnn_layer_columns_vjp_c128(long long batch, long long kept, const pnn::complex<double>* w, const pnn::complex<double>* h, const pnn::complex<double>* spectrum, pnn::complex<double>* out) {
    PNN_DYNAMIC_SHARED(pnn::complex<double>, columns_f64);
    pnn::columns<double, true>(batch, kept != 0, w, h, spectrum, out, columns_f64);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_rows_c128(long long batch, long long apart, const pnn::complex<double>* w, const pnn::complex<double>* mask, const pnn::complex<double>* spectrum, pnn::complex<double>* saved, pnn::complex<double>* out) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    if (saved) pnn::rows<double, true>(blockIdx.z, batch, apart, w, mask, spectrum, saved, out, shared);
    else pnn::rows<double, false>(blockIdx.z, batch, apart, w, mask, spectrum, saved, out, shared);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_rows_vjp_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* mask, const pnn::complex<double>* saved, const pnn::complex<double>* spectrum, pnn::complex<double>* out, double* partial) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    __shared__ double share[pnn::shape<double>::row_samples * pnn::N];
    pnn::rows_full_vjp(blockIdx.z, batch, w, mask, saved, spectrum, out, partial, shared, share);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_rows_halves_c128(long long batch, long long apart, const pnn::complex<double>* w, const pnn::complex<double>* mask, const pnn::complex<double>* spectrum, int* saved, double* scale, pnn::complex<double>* out) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    __shared__ double largest[pnn::shape<double>::row_samples * pnn::shape<double>::plan::B];
    pnn::rows_halves(blockIdx.z, batch, apart, w, mask, spectrum, saved, scale, out, shared, largest);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_rows_halves_vjp_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* mask, const int* saved, const double* scale, const pnn::complex<double>* spectrum, pnn::complex<double>* out, double* partial) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    __shared__ double share[pnn::shape<double>::row_samples * pnn::N];
    pnn::rows_halves_vjp(blockIdx.z, batch, w, mask, saved, scale, spectrum, out, partial, shared, share);
}
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_last_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* spectrum, pnn::complex<double>* field) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    pnn::last(batch, w, spectrum, field, shared);
}
extern "C" __global__ void pnn_layer_gradient_f64(long long layers, long long population, long long first, long long members, long long slices,
                                                  long long pixels, const double* __restrict__ partial, double* __restrict__ gradient) {
    pnn::add_slices(layers, population, first, members, slices, pixels, partial, gradient);
}
