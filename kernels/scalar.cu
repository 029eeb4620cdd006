// A user's function, of many values at once.
#include "pnnkern/own.cuh"

namespace pnn {
template <class T> PNN_D void scalar_values(long long n, const T* constants, const T* x, T* out) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        out[i] = own_value(x + i, n, constants);
}
}  // namespace pnn

// own_value of each set of arguments; as it is here, the first argument.
// Bytes: reads each argument and writes each value once.
// Launch: any 1-D grid and block.
// n : values
// constants : (constants) as many as there are: what the function takes behind its arguments
// x : (arguments, n) what the function is of
// out : (n) its values
extern "C" __global__ void pnn_scalar_values_f32(long long n, const float* __restrict__ constants, const float* __restrict__ x,
                                                 float* __restrict__ out) {
    pnn::scalar_values(n, constants, x, out);
}
extern "C" __global__ void pnn_scalar_values_f64(long long n, const double* __restrict__ constants, const double* __restrict__ x,
                                                 double* __restrict__ out) {
    pnn::scalar_values(n, constants, x, out);
}
