// Ladder sweeps over all lines of a crossbar and all right-hand sides (ladder.cuh). Factors belong to the conductances: made once for
// all right-hand sides (own = 0), or for each its own (own = 1: cells that follow the read).
// sweep: a thread for each line and right-hand side, neighbours along the right-hand sides: coalesced on word and bit lines alike. Moves
// 2 reads and 2 writes of the field and 3 reads of the factors. scan: a warp for each, for few right-hand sides. x may be f.
#include "pnnkern/ladder.cuh"

extern "C" __global__ void pnn_ladder_factor_f32(long long lines, long long cells, long long sets, long long first, long long line_stride,
                                               long long cell_stride, const float* wire, const float* cell, float* ratio, float* inverse) {
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < lines * sets; t += (long long)gridDim.x * blockDim.x)
        pnn::ladder_factor<float>(t / sets, t % sets, cells, sets, {first, line_stride, cell_stride}, wire, cell, ratio, inverse);
}
extern "C" __global__ void pnn_ladder_sweep_f32(long long lines, long long cells, long long rhs, int own, long long first,
                                              long long line_stride, long long cell_stride, const float* ratio, const float* inverse,
                                              const float* f, float* x) {
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < lines * rhs; t += (long long)gridDim.x * blockDim.x)
        pnn::ladder_sweep<float>(t / rhs, t % rhs, cells, {rhs, own != 0}, {first, line_stride, cell_stride}, ratio, inverse, f, x);
}
extern "C" __global__ void pnn_ladder_scan_f32(long long lines, long long cells, long long rhs, int own, long long first,
                                             long long line_stride, long long cell_stride, const float* ratio, const float* inverse,
                                             const float* f, float* x) {
    const long long warps = (long long)gridDim.x * (blockDim.x / 32);
    for (long long t = blockIdx.x * (long long)(blockDim.x / 32) + threadIdx.x / 32; t < lines * rhs; t += warps)
        pnn::ladder_scan<float>(t / rhs, t % rhs, cells, {rhs, own != 0}, {first, line_stride, cell_stride}, ratio, inverse, f, x);
}

extern "C" __global__ void pnn_ladder_factor_f64(long long lines, long long cells, long long sets, long long first, long long line_stride,
                                               long long cell_stride, const double* wire, const double* cell, double* ratio, double* inverse) {
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < lines * sets; t += (long long)gridDim.x * blockDim.x)
        pnn::ladder_factor<double>(t / sets, t % sets, cells, sets, {first, line_stride, cell_stride}, wire, cell, ratio, inverse);
}
extern "C" __global__ void pnn_ladder_sweep_f64(long long lines, long long cells, long long rhs, int own, long long first,
                                              long long line_stride, long long cell_stride, const double* ratio, const double* inverse,
                                              const double* f, double* x) {
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < lines * rhs; t += (long long)gridDim.x * blockDim.x)
        pnn::ladder_sweep<double>(t / rhs, t % rhs, cells, {rhs, own != 0}, {first, line_stride, cell_stride}, ratio, inverse, f, x);
}
extern "C" __global__ void pnn_ladder_scan_f64(long long lines, long long cells, long long rhs, int own, long long first,
                                             long long line_stride, long long cell_stride, const double* ratio, const double* inverse,
                                             const double* f, double* x) {
    const long long warps = (long long)gridDim.x * (blockDim.x / 32);
    for (long long t = blockIdx.x * (long long)(blockDim.x / 32) + threadIdx.x / 32; t < lines * rhs; t += warps)
        pnn::ladder_scan<double>(t / rhs, t % rhs, cells, {rhs, own != 0}, {first, line_stride, cell_stride}, ratio, inverse, f, x);
}
