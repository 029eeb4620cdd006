// Networks of springs: forces, the Hessian of the energy in an envelope, and Newton's method on them. One block of threads per sample.
#pragma once
#include "pnnkern/platform.cuh"
#ifdef PNN_DEVICE
#include "pnnkern/reach.cuh"
#endif
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
// Neighbours of node i: neighbour[q] over edge[q], offsets[i] <= q < offsets[i + 1]. node[r] is the free node of row r of blocks of the
// Hessian, place[i] the row of node i, or -1 - h where it is held as number h; a row of blocks begins with column first[r]. Entry (row, c)
// of the lower envelope is h[begin[row] + c], D * first[row / D] <= c <= row.
struct springs {
    long long n_nodes, n_edges, n_free;
    const double *k, *l;
    const int *offsets, *neighbour, *edge, *node, *place, *first;
    const long long* begin;
};
constexpr double SPRINGS_KEEP = 0.1;    // a factor is used again while a step with it lowers the largest force to this part
constexpr double SPRINGS_EVEN = 1e-12;  // of the energy: what two sums of the same springs may differ by
constexpr double SPRINGS_LEAST = 1e-6;    // shifts of the Hessian, in the largest stiffness
constexpr double SPRINGS_LARGEST = 1e12;  // beyond, the positions are no longer numbers
constexpr int SPRINGS_RESTLESS = 72, SPRINGS_FLOATING = 73, SPRINGS_NO_LENGTH = 74, SPRINGS_NO_STIFFNESS = 75;   // faults: the highest is told
constexpr int SPRINGS_WARPS = 4;        // most of a block, which are whole
constexpr int SPRINGS_ACROSS = 8;       // threads that share a row

// w = x_i - x_j; returns its length
template <int D>
PNN_HD double springs_between(const double* x, int i, int j, double* w) {
    double square = 0;
    for (int a = 0; a < D; a++) {
        w[a] = x[i * D + a] - x[j * D + a];
        square += w[a] * w[a];
    }
    return sqrt(square);
}

#ifdef PNN_DEVICE
// Flags what is negative or not finite of a spring.
PNN_D void springs_fit(const springs& net, long long e, int* fault) {
    double k = net.k[e], l = net.l[e];
    if (!(k >= 0 && k - k == 0)) atomicMax(fault, SPRINGS_NO_STIFFNESS);
    if (!(l >= 0 && l - l == 0)) atomicMax(fault, SPRINGS_NO_LENGTH);
}

// The largest stiffness and the largest rest length, to all threads. Where a spring has no stiffness the first block looks whether
// springs join each free node to a held one. part: three numbers for each warp. work: room for
// 2 n_nodes bytes.
struct springs_span {
    double stiffest, longest, scale;   // scale: of forces, N
};
PNN_D springs_span springs_largest(const springs& net, double* part, double* work, int* fault) {
    double stiffest = 0, longest = 0, limp = 0;
    for (long long e = threadIdx.x; e < net.n_edges; e += blockDim.x) {
        springs_fit(net, e, fault);
        stiffest = larger(stiffest, net.k[e]);
        longest = larger(longest, net.l[e]);
        if (net.k[e] == 0) limp = 1;
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        stiffest = larger(stiffest, __shfl_xor_sync(0xffffffffu, stiffest, lanes));
        longest = larger(longest, __shfl_xor_sync(0xffffffffu, longest, lanes));
        limp = larger(limp, __shfl_xor_sync(0xffffffffu, limp, lanes));
    }
    if (threadIdx.x % 32 == 0) {
        double* own = part + 3 * (threadIdx.x / 32);
        own[0] = stiffest, own[1] = longest, own[2] = limp;
    }
    __syncthreads();
    for (unsigned w = 0; w < blockDim.x / 32; w++) {
        stiffest = larger(stiffest, part[3 * w]);
        longest = larger(longest, part[3 * w + 1]);
        limp = larger(limp, part[3 * w + 2]);
    }
    if (limp > 0 && blockIdx.x == 0) {
        bool all = all_reached(net.n_nodes, net.offsets, net.neighbour, net.edge, [&](long long i) { return net.place[i] < 0; },
                               [&](int e) { return net.k[e] > 0; }, (unsigned char*)work);
        if (!all && threadIdx.x == 0) atomicMax(fault, SPRINGS_FLOATING);
    }
    __syncthreads();
    return {stiffest, longest, stiffest * longest};
}

// Coordinate t of sample s before it settles, D of a node: held ones are where `held` (batch, n_held, D) says, free ones where `start` does.
PNN_D double springs_begins(const springs& net, int D, const double* held, const double* start, long long t) {
    int at = net.place[t / D];
    return at < 0 ? held[(-1LL - at) * D + t % D] : start[t];
}

// The energy at x less that of springs between held nodes, and the largest force, to all threads. g (n_free * D): gradient. part: two numbers
// for each warp.
struct springs_rest {
    double energy, force;
};
template <int D>
PNN_D springs_rest springs_forces(const springs& net, const double* pull, const double* load, const double* x, double* g, double* part) {
    double energy = 0, largest = 0;
    __syncthreads();
    for (long long r = threadIdx.x; r < net.n_free; r += blockDim.x) {
        int i = net.node[r];
        double f[D], w[D];
        for (int a = 0; a < D; a++) {
            double u = x[i * D + a], from = load[i * D + a];
            f[a] = from * u - pull[i * D + a];
            energy += (from * u / 2 - pull[i * D + a]) * u;
        }
        for (int q = net.offsets[i]; q < net.offsets[i + 1]; q++) {
            int j = net.neighbour[q];
            double length = springs_between<D>(x, i, j, w), stiff = net.k[net.edge[q]], longer = length - net.l[net.edge[q]];
            energy += (net.place[j] < 0 ? 0.5 : 0.25) * stiff * longer * longer;   // the other end counts its half
            double per = length > 0 ? stiff * longer / length : 0;
            for (int a = 0; a < D; a++) f[a] += per * w[a];
        }
        for (int a = 0; a < D; a++) {
            double size = f[a] < 0 ? -f[a] : f[a];
            g[r * D + a] = f[a];
            largest = larger(largest, size);
        }
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        energy += __shfl_xor_sync(0xffffffffu, energy, lanes);
        largest = larger(largest, __shfl_xor_sync(0xffffffffu, largest, lanes));
    }
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 16] = energy, part[threadIdx.x / 16 + 1] = largest;
    __syncthreads();
    springs_rest all = {part[0], part[1]};
    for (unsigned w = 1; w < blockDim.x / 32; w++) all = {all.energy + part[2 * w], larger(all.force, part[2 * w + 1])};
    return all;
}

template <int D>
PNN_D void springs_hessian(const springs& net, const double* load, const double* x, double shift, double* h) {
    for (long long r = threadIdx.x; r < net.n_free; r += blockDim.x) {
        int i = net.node[r];
        double w[D];
        for (int a = 0; a < D; a++) {
            long long row = r * D + a;
            for (long long c = D * (long long)net.first[r]; c <= row; c++) h[net.begin[row] + c] = 0;
            h[net.begin[row] + row] = shift + load[i * D + a];
        }
        for (int q = net.offsets[i]; q < net.offsets[i + 1]; q++) {
            int j = net.neighbour[q], c = net.place[j];
            double length = springs_between<D>(x, i, j, w), stiff = net.k[net.edge[q]];
            double tension = length > 0 ? stiff * (1 - net.l[net.edge[q]] / length) : 0;
            double along = length > 0 ? (stiff - tension) / (length * length) : 0;
            for (int a = 0; a < D; a++)
                for (int b = 0; b < D; b++) {
                    double value = along * w[a] * w[b] + (a == b ? tension : 0);
                    double* row = h + net.begin[r * D + a];
                    if (b <= a) row[r * D + b] += value;
                    if (c >= 0 && c < r) row[c * D + b] -= value;
                }
        }
    }
    __syncthreads();
}

// Cholesky factor in place, column by column; the threads share rows and columns of what is left. False, for all threads, if the matrix is not
// positive definite. column: room for n numbers, of the column at hand, 0 where a row begins later.
template <int D>
PNN_D bool springs_factor(const springs& net, double* h, double* column) {
    int n = int(net.n_free) * D, across = threadIdx.x % SPRINGS_ACROSS, down = threadIdx.x / SPRINGS_ACROSS;
    for (int k = 0; k < n; k++) {
        double pivot = h[net.begin[k] + k];
        if (!(pivot > 0)) {
            __syncthreads();   // all have seen it
            return false;
        }
        double root = sqrt(pivot);
        for (int r = k + 1 + threadIdx.x; r < n; r += blockDim.x) {
            double x = 0;
            if (D * net.first[r / D] <= k) {
                double* at = h + net.begin[r] + k;
                *at = x = *at / root;
            }
            column[r] = x;
        }
        __syncthreads();
        if (threadIdx.x == 0) h[net.begin[k] + k] = root;
        for (int r = k + 1 + down; r < n; r += blockDim.x / SPRINGS_ACROSS) {
            if (D * net.first[r / D] > k) continue;
            double x = column[r], *row = h + net.begin[r];
            for (int c = k + 1 + across; c <= r; c += SPRINGS_ACROSS) row[c] -= x * column[c];
        }
        __syncthreads();
    }
    return true;
}

// y in place, by the factor: a warp goes along, the others wait.
template <int D>
PNN_D void springs_solve(const springs& net, const double* h, double* y) {
    int n = int(net.n_free) * D, lane = threadIdx.x;
    if (lane < 32) {
        for (int k = 0; k < n; k++) {
            double x = y[k] / h[net.begin[k] + k];
            __syncwarp();
            if (lane == 0) y[k] = x;
            for (int r = k + 1 + lane; r < n; r += 32)
                if (D * net.first[r / D] <= k) y[r] -= h[net.begin[r] + k] * x;
            __syncwarp();
        }
        for (int r = n - 1; r >= 0; r--) {
            const double* row = h + net.begin[r];
            double x = y[r] / row[r];
            __syncwarp();
            if (lane == 0) y[r] = x;
            for (int c = D * net.first[r / D] + lane; c < r; c += 32) y[c] -= row[c] * x;
            __syncwarp();
        }
    }
    __syncthreads();
}

#endif

// How many numbers of memory a block needs.
PNN_HD long long springs_memory(long long n_nodes, long long n, long long envelope) { return envelope + 3 * n + n_nodes; }

#ifdef PNN_DEVICE
// Energy is least where no force is left at a free node. x (n_nodes * D): where the nodes start, then where they rest. tolerance: of the largest
// force that may be left, relative to span.scale, which lies in shared memory; returns what is left, and counts steps.
template <int D>
PNN_D double springs_settle(const springs& net, int steps, double tolerance, const springs_span& span, const double* pull,
                            const double* load, double* own, double* part, double* x, int* taken) {
    long long n = net.n_free * D;
    double *h = own, *g = own + net.begin[n], *y = g + n, *other = y + n, *trial = other + n, shift = 0, last = 0;
    for (long long t = threadIdx.x; t < net.n_nodes * D; t += blockDim.x) trial[t] = x[t];
    springs_rest rest = springs_forces<D>(net, pull, load, x, g, part);
    double energy = rest.energy, left = rest.force;
    bool kept = false;
    int step = 0;
    for (; step < steps && !(left <= tolerance * span.scale); step++) {
        if (!kept) {
            double least = last / 10 > SPRINGS_LEAST * span.stiffest ? last / 10 : SPRINGS_LEAST * span.stiffest;
            for (shift = 0; shift < SPRINGS_LARGEST * span.stiffest; last = shift = shift > 0 ? 10 * shift : least) {
                springs_hessian<D>(net, load, x, shift, h);
                if (springs_factor<D>(net, h, other)) break;
            }
            if (!(shift < SPRINGS_LARGEST * span.stiffest)) break;
        }
        for (long long t = threadIdx.x; t < n; t += blockDim.x) y[t] = g[t];
        __syncthreads();
        springs_solve<D>(net, h, y);
        double length = 1, now = energy, force = left;
        bool fell = false;
        for (int attempt = 0; attempt < 40; attempt++) {
            for (long long t = threadIdx.x; t < n; t += blockDim.x) {
                long long at = (long long)net.node[t / D] * D + t % D;
                trial[at] = x[at] - length * y[t];
            }
            rest = springs_forces<D>(net, pull, load, trial, other, part);
            now = rest.energy;
            force = rest.force;
            double slack = SPRINGS_EVEN * (energy < 0 ? -energy : energy);
            // close to the minimum energies are equal to rounding; then the force decides
            fell = now < energy || (now <= energy + slack && force < left);
            if (fell || kept) break;
            length /= 2;
        }
        if (fell) {
            for (long long t = threadIdx.x; t < n; t += blockDim.x) {
                long long at = (long long)net.node[t / D] * D + t % D;
                x[at] = trial[at];
                g[t] = other[t];
            }
            kept = shift == 0 && length == 1 && force <= SPRINGS_KEEP * left;
            energy = now;
            left = force;
        } else if (kept) kept = false;   // a factor that was used once too often
        else break;                      // rounding is all there is to gain
        __syncthreads();
    }
    if (threadIdx.x == 0) *taken = step;
    return left;
}

template <int D>
PNN_D void springs_respond(const springs& net, const double* load, const double* x, double* own, double* y, int* stable) {
    long long n = net.n_free * D;
    double *h = own, *by_row = own + net.begin[n];
    springs_hessian<D>(net, load, x, 0, h);
    bool fine = springs_factor<D>(net, h, by_row);
    for (long long t = threadIdx.x; t < n; t += blockDim.x) by_row[t] = y[net.node[t / D] * (long long)D + t % D];
    __syncthreads();
    if (fine) springs_solve<D>(net, h, by_row);
    for (long long t = threadIdx.x; t < n; t += blockDim.x) y[net.node[t / D] * (long long)D + t % D] = by_row[t];
    if (threadIdx.x == 0) *stable = fine;
}
#endif
}  // namespace pnn
