// Ladder sweeps over all lines of a crossbar and all right-hand sides (ladder.cuh). Factors belong to the conductances: made once for all
// right-hand sides (own = 0), or for each its own (own = 1: cells that follow the read).
// lines : word or bit lines
// cells : of a line
// first, line_stride, cell_stride : the cell k of line l is number first + l line_stride + k cell_stride; k = 0 is at the driven end
// ratio : (n_in, n_out, sets) wire over wire and all that lies behind it; sets is 1, or rhs where own is not 0
// inverse : (n_in, n_out, sets) [ohm] one over the same
// rhs : right-hand sides
// own : not 0 where each right-hand side has factors of its own
// f : (n_in, n_out, rhs) [A] currents into the nodes of the lines
// x : (n_in, n_out, rhs) [V] voltages of the nodes; may be f
#include "pnnkern/ladder.cuh"

// The factors of all lines: inverse_k = 1 / (wire_k + D_k), ratio_k = wire_k inverse_k, with D_k what is seen from node k away from the
// driven end.
// Bytes: reads 1 value per cell and set, writes 2.
// Launch: any 1-D grid and block; a thread takes a line of a set.
// sets : of conductances
// wire : (cells) [S] the segment on the driven side of each node
// cell : (n_in, n_out, sets) [S] conductances to ground
extern "C" __global__ void pnn_ladder_factor_f32(long long lines, long long cells, long long sets, long long first, long long line_stride,
                                               long long cell_stride, const float* wire, const float* cell, float* ratio, float* inverse) {
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < lines * sets; t += (long long)gridDim.x * blockDim.x)
        pnn::ladder_factor<float>(t / sets, t % sets, cells, sets, {first, line_stride, cell_stride}, wire, cell, ratio, inverse);
}
// Both recurrences of a line by one thread, neighbours along the right-hand sides: coalesced on word and bit lines alike.
// Bytes: 2 reads and 2 writes of the field, and 3 reads of the factors.
// Launch: any 1-D grid and block.
extern "C" __global__ void pnn_ladder_sweep_f32(long long lines, long long cells, long long rhs, int own, long long first,
                                              long long line_stride, long long cell_stride, const float* ratio, const float* inverse,
                                              const float* f, float* x) {
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < lines * rhs; t += (long long)gridDim.x * blockDim.x)
        pnn::ladder_sweep<float>(t / rhs, t % rhs, cells, {rhs, own != 0}, {first, line_stride, cell_stride}, ratio, inverse, f, x);
}
// The same with a warp for each line and right-hand side, for few right-hand sides: both recurrences are affine, so each is a scan.
// Bytes: as sweep.
// Launch: any 1-D grid, blocks of whole warps.
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
