// Fields in the frequency domain.
#include "pnnkern/complex.cuh"
#include "pnnkern/platform.cuh"

namespace pnn {
template <class T>
PNN_D void spectrum_multiply(long long batch, long long points, const long long* index, const complex<T>* transfer, complex<T>* spectrum) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < batch * points; i += (long long)gridDim.x * blockDim.x)
        spectrum[i] = spectrum[i] * transfer[index[i / points] * points + i % points];
}

// A NaN or infinity anywhere in a field has spread over all of it by the transforms: look at its first value.
template <class T> PNN_D void spectrum_finite(long long batch, long long points, const complex<T>* field, int* fault) {
    for (long long b = blockIdx.x * (long long)blockDim.x + threadIdx.x; b < batch; b += (long long)gridDim.x * blockDim.x) {
        complex<T> u = field[b * points];
        if (!((u.re - u.re) + (u.im - u.im) == T(0))) atomicMax(fault, 1);
    }
}
}  // namespace pnn

// spectrum[b, f] *= transfer[index[b], f], in place.  batch x points, C order.  Moves 2 spectra; the transfer functions are cached.
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
// Flags fault 1 if a propagated field has NaN or infinite values.  batch x points.  Reads one value per field.
extern "C" __global__ void pnn_spectrum_finite_c64(long long batch, long long points, const pnn::complex<float>* __restrict__ field,
                                                   int* fault) {
    pnn::spectrum_finite(batch, points, field, fault);
}
extern "C" __global__ void pnn_spectrum_finite_c128(long long batch, long long points, const pnn::complex<double>* __restrict__ field,
                                                    int* fault) {
    pnn::spectrum_finite(batch, points, field, fault);
}
