// What a launch of the kernel in networks/elimination.cu does, for blocks of any grid; layouts and sizes stand there.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/elimination.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
PNN_HD long long elimination_memory(long long n, int wide) { return n * (n + wide + 1); }

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
PNN_D void elimination_solve(long long matrices, int n, long long columns, int wide, const double* matrix, const double* rhs, double* out,
                             double* a, int* pivot) {
    int stride = n + wide, warps = blockDim.x / 32, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int* row = (int*)(a + (long long)n * stride);
    long long slices = (columns + wide - 1) / wide;
    for (long long job = blockIdx.x; job < matrices * slices; job += gridDim.x) {
        long long m = job / slices, first = job % slices * wide;
        int own = int(columns - first < wide ? columns - first : wide), width = n + own;
        __syncthreads();   // the last job is done with
        for (int r = warp; r < n; r += warps) {
            for (int c = lane; c < width; c += 32) {
                a[r * stride + c] = c < n ? matrix[(m * n + r) * n + c] : rhs[(m * n + r) * columns + first + c - n];
            }
            if (lane == 0) row[r] = r;
        }
        bool solvable = true;
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
        for (int k = n - 1; k >= 0 && solvable; k--) {   // from the last unknown on, each once those below it are taken out of its equation
            __syncthreads();
            const double* low = a + row[k] * stride;
            for (int r = warp; r < k; r += warps) {
                double* at = a + row[r] * stride;
                for (int c = n + lane; c < width; c += 32) at[c] -= at[k] * (low[c] / low[k]);
            }
        }
        __syncthreads();
        for (int k = warp; k < n; k += warps) {
            const double* at = a + row[k] * stride;
            for (int c = lane; c < own; c += 32) out[(m * n + k) * columns + first + c] = solvable ? at[n + c] / at[k] : NAN;
        }
    }
}
}  // namespace pnn
#endif
