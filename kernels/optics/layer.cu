// Diffractive layers: two fused kernels per layer and direction.  One pair of sides per compilation: -DPNN_FIELD=N -DPNN_SIDE=P, fields N x N
// padded to P x P, P = 256, 320, 384, 400, 448 or 512, N <= P.  See pnnkern/layer.cuh for the algorithm and layouts.
//
// Common arguments: batch; w, P twiddles w[k1 B + n2] = exp(-2 pi i k1 n2 / P), A = 16, B = P / 16; spectrum[batch][N][P], the state between
// two kernels, may be one buffer throughout.  Where there are masks, a population of them: everything has a leading axis of that size.
// Rows:    grid (ceil(N / rows), slices[, population]), block rows max(A, B).    Columns: grid (P / columns, slices), block columns max(A, B).
// slices: any number from 1 to batch; a block does every slices-th sample.
#include "pnnkern/layer.cuh"
#ifndef PNN_SIDE
#define PNN_SIDE 256
#endif
#ifndef PNN_FIELD
#define PNN_FIELD (PNN_SIDE / 2)
#endif

namespace pnn {
constexpr int N = PNN_FIELD, P = PNN_SIDE, PIXELS = N * N;
// Rows and columns per block: 8 columns of complex64 or 4 of complex128 are two sectors of memory.  Registers: no spills, whole warps.
template <class T> struct shape {
    using plan = line_fft<T, P, N>;
    static constexpr int rows = 4, columns = sizeof(T) == 4 ? 8 : 4, registers = sizeof(T) == 4 ? 128 : 255, warps = 65536 / 32 / registers;
    static constexpr int row_threads = rows * plan::threads, row_shared = rows * plan::shared;
    static constexpr int column_threads = columns * plan::threads, column_shared = columns * plan::shared;
    static constexpr int row_blocks = warps > (row_threads + 31) / 32 ? warps / ((row_threads + 31) / 32) : 1;
    static constexpr int column_blocks = warps > (column_threads + 31) / 32 ? warps / ((column_threads + 31) / 32) : 1;
};
template <class T, bool FROM, bool TO, class Pixel>
PNN_D void rows(long long batch, const complex<T>* w, const complex<T>* in, complex<T>* out, complex<T>* shared, Pixel pixel) {
    row_pass<T, P, N, shape<T>::rows, FROM, TO>(batch, w, in, out, shared, pixel);
}
}  // namespace pnn

namespace pnn {
template <class T> PNN_D void add_slices(long long population, long long slices, long long pixels, const T* partial, double* gradient) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < population * pixels; i += (long long)gridDim.x * blockDim.x) {
        const T* first = partial + i / pixels * slices * pixels + i % pixels;
        double sum = 0;
        for (long long s = 0; s < slices; s++) sum += first[s * pixels];
        gradient[i] += sum;
    }
}
}  // namespace pnn

// spectrum = rows of field, padded and transformed.  Moves N^2 + N P values.
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_first_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* field, pnn::complex<float>* spectrum) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    pnn::rows<float, false, true>(batch, w, nullptr, spectrum, shared, pnn::read_field<float>{field, pnn::PIXELS});
}
// out = columns of spectrum times h.  h[P][P]: transfer function in FFT order, divided by P^2.  Moves 2 N P values.
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::column_threads, pnn::shape<float>::column_blocks)
pnn_layer_columns_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* h, const pnn::complex<float>* spectrum, pnn::complex<float>* out) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::column_shared];
    pnn::column_pass<float, pnn::P, pnn::N, pnn::shape<float>::columns, false>(batch, w, h, spectrum, out, shared);
}
// The adjoint: times conj(h).
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::column_threads, pnn::shape<float>::column_blocks)
pnn_layer_columns_vjp_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* h, const pnn::complex<float>* spectrum, pnn::complex<float>* out) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::column_shared];
    pnn::column_pass<float, pnn::P, pnn::N, pnn::shape<float>::columns, true>(batch, w, h, spectrum, out, shared);
}
// out = rows of (field of spectrum times mask[population][N][N]); saved, like the fields, keeps that product if it is not null.
// Moves 2 N P (+ N^2) values.
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_rows_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* mask, const pnn::complex<float>* spectrum, pnn::complex<float>* saved, pnn::complex<float>* out) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    long long each = blockIdx.z * batch;
    pnn::rows<float, true, true>(batch, w, spectrum + each * pnn::N * pnn::P, out + each * pnn::N * pnn::P, shared,
                               pnn::mask_field<float>{mask + blockIdx.z * (long long)pnn::PIXELS, saved ? saved + each * pnn::PIXELS : nullptr, pnn::PIXELS});
}
// The adjoint: out = rows of (cotangent times conj(mask)), partial[population][slices][N][N] = sum over each slice of Im(cotangent conj(saved)).
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_rows_vjp_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* mask, const pnn::complex<float>* saved, const pnn::complex<float>* spectrum, pnn::complex<float>* out, float* partial) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    __shared__ float sums[pnn::shape<float>::rows * pnn::N];
    long long each = blockIdx.z * batch;
    pnn::row_pass_vjp<float, pnn::P, pnn::N, pnn::shape<float>::rows>(
        batch, w, mask + blockIdx.z * (long long)pnn::PIXELS, saved + each * pnn::PIXELS, spectrum + each * pnn::N * pnn::P,
        out + each * pnn::N * pnn::P, partial + blockIdx.z * (long long)gridDim.y * pnn::PIXELS, shared, sums);
}
// field = the rows back in space, cropped.  Moves N P + N^2 values.
extern "C" __global__ void __launch_bounds__(pnn::shape<float>::row_threads, pnn::shape<float>::row_blocks)
pnn_layer_last_c64(long long batch, const pnn::complex<float>* w, const pnn::complex<float>* spectrum, pnn::complex<float>* field) {
    __shared__ pnn::complex<float> shared[pnn::shape<float>::row_shared];
    pnn::rows<float, true, false>(batch, w, spectrum, nullptr, shared, pnn::write_field<float>{field, pnn::PIXELS});
}
// gradient[population][pixels] += the slices of partial[population][slices][pixels] added in order, in double.  Any grid.
extern "C" __global__ void pnn_layer_gradient_f32(long long population, long long slices, long long pixels,
                                                  const float* __restrict__ partial, double* __restrict__ gradient) {
    pnn::add_slices(population, slices, pixels, partial, gradient);
}

// spectrum = rows of field, padded and transformed.  Moves N^2 + N P values.
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_first_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* field, pnn::complex<double>* spectrum) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    pnn::rows<double, false, true>(batch, w, nullptr, spectrum, shared, pnn::read_field<double>{field, pnn::PIXELS});
}
// out = columns of spectrum times h.  h[P][P]: transfer function in FFT order, divided by P^2.  Moves 2 N P values.
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::column_threads, pnn::shape<double>::column_blocks)
pnn_layer_columns_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* h, const pnn::complex<double>* spectrum, pnn::complex<double>* out) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::column_shared];
    pnn::column_pass<double, pnn::P, pnn::N, pnn::shape<double>::columns, false>(batch, w, h, spectrum, out, shared);
}
// The adjoint: times conj(h).
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::column_threads, pnn::shape<double>::column_blocks)
pnn_layer_columns_vjp_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* h, const pnn::complex<double>* spectrum, pnn::complex<double>* out) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::column_shared];
    pnn::column_pass<double, pnn::P, pnn::N, pnn::shape<double>::columns, true>(batch, w, h, spectrum, out, shared);
}
// out = rows of (field of spectrum times mask[population][N][N]); saved, like the fields, keeps that product if it is not null.
// Moves 2 N P (+ N^2) values.
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_rows_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* mask, const pnn::complex<double>* spectrum, pnn::complex<double>* saved, pnn::complex<double>* out) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    long long each = blockIdx.z * batch;
    pnn::rows<double, true, true>(batch, w, spectrum + each * pnn::N * pnn::P, out + each * pnn::N * pnn::P, shared,
                               pnn::mask_field<double>{mask + blockIdx.z * (long long)pnn::PIXELS, saved ? saved + each * pnn::PIXELS : nullptr, pnn::PIXELS});
}
// The adjoint: out = rows of (cotangent times conj(mask)), partial[population][slices][N][N] = sum over each slice of Im(cotangent conj(saved)).
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_rows_vjp_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* mask, const pnn::complex<double>* saved, const pnn::complex<double>* spectrum, pnn::complex<double>* out, double* partial) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    __shared__ double sums[pnn::shape<double>::rows * pnn::N];
    long long each = blockIdx.z * batch;
    pnn::row_pass_vjp<double, pnn::P, pnn::N, pnn::shape<double>::rows>(
        batch, w, mask + blockIdx.z * (long long)pnn::PIXELS, saved + each * pnn::PIXELS, spectrum + each * pnn::N * pnn::P,
        out + each * pnn::N * pnn::P, partial + blockIdx.z * (long long)gridDim.y * pnn::PIXELS, shared, sums);
}
// field = the rows back in space, cropped.  Moves N P + N^2 values.
extern "C" __global__ void __launch_bounds__(pnn::shape<double>::row_threads, pnn::shape<double>::row_blocks)
pnn_layer_last_c128(long long batch, const pnn::complex<double>* w, const pnn::complex<double>* spectrum, pnn::complex<double>* field) {
    __shared__ pnn::complex<double> shared[pnn::shape<double>::row_shared];
    pnn::rows<double, true, false>(batch, w, spectrum, nullptr, shared, pnn::write_field<double>{field, pnn::PIXELS});
}
// gradient[population][pixels] += the slices of partial[population][slices][pixels] added in order, in double.  Any grid.
extern "C" __global__ void pnn_layer_gradient_f64(long long population, long long slices, long long pixels,
                                                  const double* __restrict__ partial, double* __restrict__ gradient) {
    pnn::add_slices(population, slices, pixels, partial, gradient);
}
