// What a launch of the kernels in optics/spectrum.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/spectrum.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#include "pnnkern/wide.cuh"

namespace pnn {
// x goes along the points, y along the spectra.
template <class T, int W>
PNN_D void multiply(long long batch, long long points, const long long* index, const complex<T>* transfer, complex<T>* spectrum) {
    for (long long b = blockIdx.y; b < batch; b += gridDim.y) {
        const complex<T>* h = transfer + index[b] * points;
        complex<T>* own = spectrum + b * points;
        PNN_UNROLL_BY(1)
        for (long long i = W * (blockIdx.x * (long long)blockDim.x + threadIdx.x); i < points; i += W * ((long long)gridDim.x * blockDim.x)) {
            values<T, W> u = load<W>(own + i);
            const values<T, W> g = load<W>(h + i);
            PNN_UNROLL
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
#endif
