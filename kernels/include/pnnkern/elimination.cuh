// What a launch of the kernel in networks/elimination.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/elimination.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
// The row, from k on, with the largest entry in column k, by the first warp; of equal ones the first. NaN counts as largest, 0 as no pivot.
PNN_D void elimination_pivot(int n, int k, int stride, const double* a, int* row, int* pivot) {
    double most = 0;
    int best = n;
    for (int r = k + int(threadIdx.x); r < n; r += 32) {
        double x = a[row[r] * stride + k];
        x = x < 0 ? -x : x;
        if (x > most || x != x) most = x, best = r;
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        double x = __shfl_xor_sync(0xffffffffu, most, lanes);
        int r = __shfl_xor_sync(0xffffffffu, best, lanes);
        if (r < n && (best == n || x > most || x != x || (x == most && r < best))) most = x, best = r;
    }
    __syncwarp();   // all have read which rows there are
    if (threadIdx.x == 0) {
        *pivot = most > 0 && most - most == 0 ? best : n;
        if (*pivot < n) {
            int other = row[best];
            row[best] = row[k];
            row[k] = other;
        }
    }
}

// Gauss's elimination with partial pivoting, a warp for each row: of a matrix and `wide` columns of its right sides, in shared memory.
PNN_D void elimination_solve(int matrices, int n, int columns, int wide, const double* matrix, const double* rhs, double* out,
                             double* a, int* pivot) {
    int stride = n + wide, warps = blockDim.x / 32, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int* row = (int*)(a + (long long)n * stride);
    int slices = (columns + wide - 1) / wide;
    for (int job = blockIdx.x; job < matrices * slices; job += gridDim.x) {
        int m = job / slices, first = job % slices * wide, own = columns - first < wide ? columns - first : wide, width = n + own;
        const double *from = matrix + (long long)m * n * n, *right = rhs + (long long)m * n * columns + first;
        double* to = out + (long long)m * n * columns + first;
        __syncthreads();   // the last job is done with
        for (int r = warp; r < n; r += warps) {
            for (int c = lane; c < width; c += 32) {
                a[r * stride + c] = c < n ? from[(long long)r * n + c] : right[(long long)r * columns + c - n];
            }
            if (lane == 0) row[r] = r;
        }
        bool solvable = true;
        const double zero = 0, none = zero / zero;   // NaN
        for (int k = 0; k < n && solvable; k++) {
            __syncthreads();
            if (warp == 0) elimination_pivot(n, k, stride, a, row, pivot);
            __syncthreads();
            solvable = *pivot < n;
            if (!solvable) break;
            const double* top = a + row[k] * stride;
            for (int r = k + 1 + warp; r < n; r += warps) {
                double *at = a + row[r] * stride, times = at[k] / top[k];
                for (int c = k + 1 + lane; c < width; c += 32) at[c] -= times * top[c];
            }
        }
        // from the last unknown on: known, it is taken out of the equations above, and the warp of the next one then knows that
        for (int k = n; k > 0 && solvable; k--) {
            __syncthreads();
            const double* known = k < n ? a + row[k] * stride : nullptr;
            for (int r = warp; r < k; r += warps) {
                double* at = a + row[r] * stride;
                for (int c = n + lane; known && c < width; c += 32) at[c] -= at[k] * known[c];
                for (int c = n + lane; r == k - 1 && c < width; c += 32) at[c] /= at[r];
            }
        }
        __syncthreads();
        for (int k = warp; k < n; k += warps) {
            const double* at = a + row[k] * stride + n;
            for (int c = lane; c < own; c += 32) to[(long long)k * columns + c] = solvable ? at[c] : none;
        }
    }
}
}  // namespace pnn
#endif
