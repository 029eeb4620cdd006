// Fields in the frequency domain.
// batch : fields
// points : of a field
#include "pnnkern/wide.cuh"

namespace pnn {
// x goes along the points, y along the spectra.
template <class T, int W>
PNN_D void multiply(long long batch, long long points, const long long* index, const complex<T>* transfer, complex<T>* spectrum) {
    for (long long b = blockIdx.y; b < batch; b += gridDim.y) {
        const complex<T>* h = transfer + index[b] * points;
        complex<T>* own = spectrum + b * points;
#pragma unroll 1
        for (long long i = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); i < points; i += W * ((long long)gridDim.x * blockDim.x)) {
            values<T, W> u = load<W>(own + i);
            const values<T, W> g = load<W>(h + i);
#pragma unroll
            for (int j = 0; j < W; j++) u.z[j] = u.z[j] * g.z[j];
            store<W>(own + i, u);
        }
    }
}
template <class T>
PNN_D void spectrum_multiply(long long batch, long long points, const long long* index, const complex<T>* transfer, complex<T>* spectrum) {
    if (WIDE<T> > 1 && whole(points, transfer, spectrum, spectrum)) multiply<T, WIDE<T>>(batch, points, index, transfer, spectrum);
    else multiply<T, 1>(batch, points, index, transfer, spectrum);
}

// A NaN or infinity anywhere in a field has spread over all of it by the transforms: look at its first value.
template <class T> PNN_D void spectrum_finite(long long batch, long long points, const complex<T>* field, int* fault) {
    for (long long b = blockIdx.x * (long long)blockDim.x + threadIdx.x; b < batch; b += (long long)gridDim.x * blockDim.x) {
        complex<T> u = field[b * points];
        if (!((u.re - u.re) + (u.im - u.im) == T(0))) atomicMax(fault, 1);
    }
}

// after[b, (y + sy) % ny, (x + sx) % nx] = before[b, y, x] along_y[y] along_x[x].
template <class T>
PNN_D void spectrum_roll(long long batch, long long ny, long long nx, long long row_in, long long row_out, long long sy, long long sx,
                         const complex<T>* along_y, const complex<T>* along_x, const complex<T>* before, complex<T>* after) {
    for (long long line = blockIdx.y; line < batch * ny; line += gridDim.y) {
        const long long y = line % ny, to = y + sy < ny ? line + sy : line + sy - ny;
        const complex<T> f = along_y[y];
        for (long long x = blockIdx.x * (long long)blockDim.x + threadIdx.x; x < nx; x += (long long)gridDim.x * blockDim.x)
            after[to * row_out + (x + sx < nx ? x + sx : x + sx - nx)] = before[line * row_in + x] * (f * along_x[x]);
    }
}
}  // namespace pnn

// spectrum[b, f] *= transfer[index[b], f].
// Bytes: 2 spectra; the transfer functions are cached.
// Launch: any grid of two axes.
// index : (batch) transfer function of each field
// transfer : (functions, points) transfer functions
// spectrum : (batch, points) in place
extern "C" __global__ void pnn_spectrum_multiply_c64(long long batch, long long points, const long long* __restrict__ index,
                                                     const pnn::complex<float>* __restrict__ transfer,
                                                     pnn::complex<float>* __restrict__ spectrum) {
    pnn::spectrum_multiply(batch, points, index, transfer, spectrum);
}
extern "C" __global__ void pnn_spectrum_multiply_c128(long long batch, long long points, const long long* __restrict__ index,
                                                      const pnn::complex<double>* __restrict__ transfer,
                                                      pnn::complex<double>* __restrict__ spectrum) {
    pnn::spectrum_multiply(batch, points, index, transfer, spectrum);
}
// Flags a propagated field that has NaN or infinite values.
// Bytes: reads one value per field.
// Launch: any 1-D grid and block.
// Faults: 1 a field that is not finite.
// field : (batch, points) fields
extern "C" __global__ void pnn_spectrum_finite_c64(long long batch, long long points, const pnn::complex<float>* __restrict__ field,
                                                   int* fault) {
    pnn::spectrum_finite(batch, points, field, fault);
}
extern "C" __global__ void pnn_spectrum_finite_c128(long long batch, long long points, const pnn::complex<double>* __restrict__ field,
                                                    int* fault) {
    pnn::spectrum_finite(batch, points, field, fault);
}
// after[b, (y + sy) % ny, (x + sx) % nx] = before[b, y, x] along_y[y] along_x[x].
// Bytes: 2 spectra.
// Launch: any grid of two axes.
// ny, nx : rows and columns of a field
// row_in, row_out : values from one row to the next, of before and of after
// sy, sx : shifts, 0 <= sy < ny, 0 <= sx < nx
// along_y : (ny) factors of the rows
// along_x : (nx) factors of the columns
// before : (batch, ny, row_in) what comes in
// after : (batch, ny, row_out) result
extern "C" __global__ void pnn_spectrum_roll_c64(long long batch, long long ny, long long nx, long long row_in, long long row_out,
                                                 long long sy, long long sx, const pnn::complex<float>* __restrict__ along_y,
                                                 const pnn::complex<float>* __restrict__ along_x,
                                                 const pnn::complex<float>* __restrict__ before, pnn::complex<float>* __restrict__ after) {
    pnn::spectrum_roll(batch, ny, nx, row_in, row_out, sy, sx, along_y, along_x, before, after);
}
extern "C" __global__ void pnn_spectrum_roll_c128(long long batch, long long ny, long long nx, long long row_in, long long row_out,
                                                 long long sy, long long sx, const pnn::complex<double>* __restrict__ along_y,
                                                 const pnn::complex<double>* __restrict__ along_x,
                                                 const pnn::complex<double>* __restrict__ before, pnn::complex<double>* __restrict__ after) {
    pnn::spectrum_roll(batch, ny, nx, row_in, row_out, sy, sx, along_y, along_x, before, after);
}
