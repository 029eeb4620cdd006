// Fields in the frequency domain.
// batch : fields
// points : of a field
#include "pnnkern/spectrum.cuh"

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
