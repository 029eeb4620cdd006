// Pairs of blocks of a crossbar, wired together: the nodes that the two share are eliminated (tree.cuh says how and why), all pairs of a
// level of the tree at a time, and of all arrays of a stack.
//
// rows (e, n) of a pair: conductances of the e nodes that go, to each other and to the n - e ports that stay. With D the sum of a row, the
// matrix of the nodes is D - A = U^T U, and no diagonal is ever stored. 32 nodes at a time are a panel:
//     R = U_pp^-T   (32, 32), lower, by Gauss-Jordan from conductances alone: every sum is of positive numbers
//     rows of the panel, right of it:  X = R rows;   rows below: += X^T X
// What stays in rows is Z = U^-T B of the ports B that stay; their conductances grow by Z^T Z. The voltages of the nodes are averages of
// those of the ports, with the weights U^-1 Z = (D - A)^-1 B.
//
// Elimination needs of the ports that stay no more than their sum, so that blocks of a launch take strips of them, and each of these does
// the elimination over again. All sums are in an order of their own, whatever the grid.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/join.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
typedef long long i64;
const int JOIN_PANEL = 32, JOIN_SCRATCH = 32 * 32 + 32 * 36 + 32;   // numbers of shared memory beside the rows
const int JOIN_TILE = 32, JOIN_DEPTH = 64, JOIN_GROUPS = 4;          // of a product: its block has 64 threads for each group
const int JOIN_PRODUCT = 2 * JOIN_DEPTH * JOIN_TILE > JOIN_GROUPS * JOIN_TILE * 33 ? 2 * JOIN_DEPTH * JOIN_TILE
                                                                                  : JOIN_GROUPS * JOIN_TILE * 33;

template <class T> struct alignas(16) quad { T v[4]; };
template <class T> PNN_D quad<T> load4(const T* p) { return *reinterpret_cast<const quad<T>*>(p); }
PNN_HD i64 round4(i64 n) { return (n + 3) / 4 * 4; }
PNN_HD i64 least(i64 a, i64 b) { return a < b ? a : b; }

// body(array, task) for what this block has to do
template <class Body> PNN_D void join_each(i64 arrays, i64 count, Body body) {
    for (i64 a = blockIdx.y; a < arrays; a += gridDim.y)
        for (i64 t = blockIdx.x; t < count; t += gridDim.x) body(a, t);
}

// ---- the tables of a level
const int JOIN_FIELDS = 14;
struct join_node { int first, second; };   // its numbers among the ports of both parts
// A record: nodes that go, all nodes; where `ports` has the number of every node among the ports of the first and of the second part (-1: it
// is none of them); then where things lie in the arrays of a level. A part that is a leaf is -1 - its number.
struct join_pair {
    i64 e, n, first, first_size, second, second_size, above, rows, whole, first_line, second_line, above_line, whole_line;
    const i64 *at_first, *at_second;
    PNN_D join_pair(const i64* r, const i64* ports)
        : e(r[0]), n(r[1]), first(r[3]), first_size(r[4]), second(r[5]), second_size(r[6]), above(r[7]), rows(r[8]), whole(r[9]),
          first_line(r[10]), second_line(r[11]), above_line(r[12]), whole_line(r[13]), at_first(ports + r[2]), at_second(at_first + n) {}
    PNN_D join_node at(i64 node) const { return {(int)at_first[node], (int)at_second[node]}; }
    PNN_D i64 stop(i64 start, i64 most) const { return least(start + most, e); }
};
// A column of rows that go, in one or both of two matrices (else null); rows begin at `first` and `second` of a join_node.
template <class T> struct join_column {
    const T *first, *second;
    PNN_D T operator()(join_node row) const {
        T sum = T(0);
        if (first) sum += first[row.first];
        if (second) sum += second[row.second];
        return sum;
    }
};
// What two nodes of a pair have between them before any goes: conductances of one array's leaves (16, 16), and of its blocks below.
template <class T> struct join_wired {
    join_pair pair;
    const T *first, *second;
    PNN_D join_node at(i64 node) const { return pair.at(node); }
    PNN_D join_wired(const join_pair& p, const T* leaves, const T* below)
        : pair(p), first(p.first < 0 ? leaves + (-1 - p.first) * 256 : below + p.first),
          second(p.second < 0 ? leaves + (-1 - p.second) * 256 : below + p.second) {}
    PNN_D T operator()(join_node x, join_node y) const {
        T sum = T(0);
        if (x.first >= 0 && y.first >= 0) sum += first[x.first * pair.first_size + y.first];
        if (x.second >= 0 && y.second >= 0) sum += second[x.second * pair.second_size + y.second];
        return sum;
    }
    PNN_D T operator()(i64 x, i64 y) const { return (*this)(pair.at(x), pair.at(y)); }
    // Node x, which goes and so is one of both parts, as a row; node y as a column.
    PNN_D join_node row(i64 x) const { return {(int)(pair.at_first[x] * pair.first_size), (int)(pair.at_second[x] * pair.second_size)}; }
    PNN_D join_column<T> column(i64 y) const {
        const join_node at = pair.at(y);
        return {at.first < 0 ? (const T*)0 : first + at.first, at.second < 0 ? (const T*)0 : second + at.second};
    }
};

// ---- products of what lies in shared memory; columns of 4 numbers are aligned
// put(r, c, before, acc): acc[i][j] = sum_k X[k, r + i] Y[k, c + j] in tiles of 4 x 4, none of which lies below the diagonal; load(r, c, before)
// fetches what it is to be added to, while the products are worked out.
template <class T, class Load, class Put>
PNN_D void join_tiles(int rows, int cols, int depth, const T* X, const T* Y, int ld, Load load, Put put) {
    const int lane = threadIdx.x & 31, warps = blockDim.x / 32, across = (cols + 31) / 32, tiles = (rows + 15) / 16 * across;
    for (int t = threadIdx.x / 32; t < tiles; t += warps) {
        const int r = t / across * 16 + lane / 8 * 4, c = t % across * 32 + lane % 8 * 4;
        if (r >= rows || c >= cols || c + 3 < r) continue;
        T acc[4][4] = {}, before[4][4];
        load(r, c, before);
        for (int k = 0; k < depth; k++) {
            const quad<T> x = load4(X + k * ld + r), y = load4(Y + k * ld + c);
            PNN_UNROLL
            for (int i = 0; i < 4; i++)
                PNN_UNROLL
                for (int j = 0; j < 4; j++) acc[i][j] += x.v[i] * y.v[j];
        }
        put(r, c, before, acc);
    }
}
// Y[r, c] = sum_k R[k, r] Y[k, c] in place, for the tile (r, c) of this lane, if it is `mine`. Lanes of a warp have all tiles of a column.
template <class T> PNN_D void join_apply(int p, bool mine, int r, const T* R, int ldr, T* Y, int ld) {
    T acc[4][4] = {};
    if (mine)
        for (int k = 0; k < p; k++) {
            const quad<T> x = load4(R + k * ldr + r), y = load4(Y + k * ld);
            PNN_UNROLL
            for (int i = 0; i < 4; i++)
                PNN_UNROLL
                for (int j = 0; j < 4; j++) acc[i][j] += x.v[i] * y.v[j];
        }
    __syncwarp();
    if (mine)
        PNN_UNROLL
        for (int i = 0; i < 4; i++)
            if (r + i < p)
                PNN_UNROLL
                for (int j = 0; j < 4; j++) Y[(r + i) * ld + j] = acc[i][j];
    __syncwarp();
}

// ---- elimination in shared memory, one block of whole warps
template <class T> PNN_D T join_inverse(T total) { return total > T(0) ? T(1) / total : T(0); }   // a node that nothing reaches stays at zero
// D (p, ld), the nodes of a panel: their conductances above the diagonal, to all that comes after it in `rest` columns beside and in `sum`.
// On return R stands on and below the diagonal, zeros above it, and columns of R in Rt (32, 36).
template <class T> PNN_D void join_panel(int p, int rest, T* D, int sum, int ld, T* tail, T* Rt, T* roots) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    for (int b = warp; b < p; b += warps) {   // tail[b, c]: what node b has beyond node c, c >= b
        T beyond = lane == 0 ? D[b * ld + sum] : T(0);
        for (int a = lane; a < rest; a += 32) beyond += D[b * ld + p + a];
        for (int half = 16; half > 0; half /= 2) beyond += __shfl_xor_sync(0xffffffffu, beyond, half);
        T suffix = lane > b && lane < p ? D[b * ld + lane] : T(0);
        for (int step = 1; step < 32; step *= 2) {
            const T other = __shfl_down_sync(0xffffffffu, suffix, step);
            if (lane + step < 32) suffix += other;
        }
        const T after = __shfl_down_sync(0xffffffffu, suffix, 1);
        tail[b * 32 + lane] = beyond + (lane < 31 ? after : T(0));
        if (lane <= b) D[b * ld + lane] = lane == b ? T(1) : T(0);
    }
    __syncthreads();
    // Two nodes go between barriers: every warp works out for itself what the first does to the second, whose row others still read. It is
    // put down by the first warp when they no longer do.
    int late = -1;
    T late_node = T(0), late_tail = T(0);
    for (int k = 0; k + 1 < p; k += 2) {
        if (warp == 0 && late >= 0) {
            if (lane < p) D[late * ld + lane] = late_node;
            tail[late * 32 + lane] = late_tail;
        }
        const T* one = D + k * ld;
        const T* two = one + ld;
        const T inverse = join_inverse(tail[k * 32 + k]), share = one[k + 1] * inverse, tail_one = tail[k * 32 + lane];
        const T second = join_inverse(tail[k * 32 + 32 + k + 1] + share * tail[k * 32 + k + 1]);
        const T node_one = lane < p ? one[lane] : T(0);
        late = k + 1;
        late_node = lane < p ? two[lane] : T(0);
        late_tail = tail[k * 32 + 32 + lane];
        if (lane != k + 1) late_node += share * node_one;
        if (lane > k) late_tail += share * tail_one;
        for (int b = k + 2 + warp; b < p; b += warps) {
            const T x = one[b] * inverse, y = (two[b] + share * one[b]) * second;
            if (lane < p && (lane > b || lane <= k + 1)) {
                T v = D[b * ld + lane];
                if (lane != k + 1) v += x * node_one;
                D[b * ld + lane] = v + y * late_node;
            }
            if (lane >= b) tail[b * 32 + lane] = tail[b * 32 + lane] + x * tail_one + y * late_tail;
        }
        __syncthreads();
    }
    if (warp == 0 && late >= 0) {
        if (lane < p) D[late * ld + lane] = late_node;
        tail[late * 32 + lane] = late_tail;
    }
    __syncthreads();
    if (threadIdx.x < p) roots[threadIdx.x] = sqrt(join_inverse(tail[threadIdx.x * 33]));
    __syncthreads();
    for (int b = warp; b < 32; b += warps) {
        const T value = b < p && lane <= b ? roots[b] * D[b * ld + lane] : T(0);
        Rt[lane * 36 + b] = value;
        if (b < p && lane < p) D[b * ld + lane] = value;
    }
    __syncthreads();
}
// M (h, ld): nodes that go, in columns from 0, and from round4(h) on `width` ports that stay, and the sum of all of these. On return Z.
template <class T> PNN_D void join_eliminate(int h, int width, int ld, T* M, T* scratch) {
    T *tail = scratch, *Rt = tail + 32 * 32, *roots = Rt + 32 * 36;
    const int ports = (int)round4(h), sum = ports + width;
    for (int start = 0; start < h; start += JOIN_PANEL) {
        const int p = (int)least(JOIN_PANEL, h - start), stop = start + p;
        T* panel = M + start * ld;
        join_panel(p, h - stop, panel + start, sum - start, ld, tail, Rt, roots);
        const int from = stop < h ? stop : ports, cols = sum + 1 - from;
        for (int u = threadIdx.x; (u & ~31) < (cols + 3) / 4 * 8; u += blockDim.x) {   // whole warps
            const int r = u % 8 * 4, c = u / 8 * 4;
            join_apply(p, r < p && c < cols, r, Rt, 36, panel + from + c, ld);
        }
        __syncthreads();
        T* right = M + stop * ld + stop;   // of the panel, and below
        const auto inside = [=](int r, int c) { return stop + r < h && stop + c <= sum; };
        if (stop < h)
            join_tiles(h - stop, sum + 1 - stop, p, panel + stop, panel + stop, ld,
                       [=](int r, int c, T(&before)[4][4]) {
                           PNN_UNROLL
                           for (int i = 0; i < 4; i++)
                               PNN_UNROLL
                               for (int j = 0; j < 4; j++) before[i][j] = inside(r + i, c + j) ? right[(r + i) * ld + c + j] : T(0);
                       },
                       [=](int r, int c, const T(&before)[4][4], const T(&acc)[4][4]) {
                           PNN_UNROLL
                           for (int i = 0; i < 4; i++)
                               PNN_UNROLL
                               for (int j = 0; j < 4; j++)
                                   if (inside(r + i, c + j)) right[(r + i) * ld + c + j] = before[i][j] + acc[i][j];
                       });
        __syncthreads();
    }
}
// What join_eliminate left -> the weights of the ports, (h, width) from column round4(h) on.
template <class T> PNN_D void join_weights(int h, int width, int ld, T* M) {
    const int groups = (width + 3) / 4 * 8;
    for (int u = threadIdx.x; (u & ~31) < groups; u += blockDim.x) {
        const int r = u % 8 * 4, c = u / 8 * 4;
        T* Y = M + round4(h) + c;
        for (int start = (h - 1) / JOIN_PANEL * JOIN_PANEL; start >= 0; start -= JOIN_PANEL) {
            const int p = (int)least(JOIN_PANEL, h - start), stop = start + p;
            const bool mine = r < p && c < width;
            T acc[4][4] = {};
            if (mine)
                for (int a = stop; a < h; a++) {
                    const quad<T> y = load4(Y + a * ld);
                    PNN_UNROLL
                    for (int i = 0; i < 4; i++) {
                        const T x = M[(start + (int)least(r + i, p - 1)) * ld + a];
                        PNN_UNROLL
                        for (int j = 0; j < 4; j++) acc[i][j] += x * y.v[j];
                    }
                }
            __syncwarp();
            if (mine && stop < h)
                PNN_UNROLL
                for (int i = 0; i < 4; i++)
                    if (r + i < p)
                        PNN_UNROLL
                        for (int j = 0; j < 4; j++) Y[(start + r + i) * ld + j] += acc[i][j];
            __syncwarp();
            join_apply(p, mine, r, M + start * ld + start, ld, Y + start * ld, ld);
        }
    }
    __syncthreads();
}
// One strip of a pair, `width` columns from `column` on of the rows start to stop, and the sum of all from `stop` on: row(x) and ports(y) say
// where they are. A lane keeps to its columns and has the loads of eight rows under way.
template <class T, class Row, class Column>
PNN_D void join_gather(Row row, Column ports, i64 n, i64 start, i64 stop, i64 column, int width, int ld, T* M, T* scratch) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const int h = (int)(stop - start), first = (int)round4(h), sum = first + width, across = (ld + 31) / 32;
    join_node* nodes = reinterpret_cast<join_node*>(scratch);
    for (int k = threadIdx.x; k < h; k += blockDim.x) nodes[k] = row(start + k);
    __syncthreads();
    for (int u = warp; u < (h + 7) / 8 * across; u += warps) {
        const int k0 = u / across * 8, c = u % across * 32 + lane;
        const bool node = c < h, port = c >= first && c < sum;
        join_column<T> y = {(const T*)0, (const T*)0};
        if (node || port) y = ports(node ? start + c : column + c - first);
        T v[8];
        PNN_UNROLL
        for (int i = 0; i < 8; i++) v[i] = k0 + i < h && (port || c > k0 + i) ? y(nodes[k0 + i]) : T(0);
        PNN_UNROLL
        for (int i = 0; i < 8; i++)
            if (k0 + i < h && c < ld && c != sum) M[(k0 + i) * ld + c] = v[i];
    }
    __syncthreads();
    const bool every = column == stop && width == n - stop;
    for (int k0 = 8 * warp; k0 < h; k0 += 8 * warps) {
        T total[8] = {};
        if (every)
            for (int c = first + lane; c < sum; c += 32)
                PNN_UNROLL
                for (int i = 0; i < 8; i++) total[i] += k0 + i < h ? M[(k0 + i) * ld + c] : T(0);
        else
            PNN_UNROLL_BY(2)
            for (i64 y = stop + lane; y < n; y += 32) {
                const join_column<T> some = ports(y);
                PNN_UNROLL
                for (int i = 0; i < 8; i++) total[i] += some(nodes[k0 + i < h ? k0 + i : k0]);
            }
        PNN_UNROLL
        for (int i = 0; i < 8; i++) {
            for (int half = 16; half > 0; half /= 2) total[i] += __shfl_xor_sync(0xffffffffu, total[i], half);
            if (lane == 0 && k0 + i < h) M[(k0 + i) * ld + sum] = total[i];
        }
    }
    __syncthreads();
}

// ---- products of what lies in memory, one block of 256 threads for a tile of 32 x 32
// shared[i * 33 + j] = sum_k X[k, i] Y[k, j], in the order of k modulo 4; rows of X and Y have nx and ny numbers.
template <class T> PNN_D void join_product(i64 depth, const T* X, i64 ldx, i64 nx, const T* Y, i64 ldy, i64 ny, T* shared) {
    T *x = shared, *y = shared + JOIN_DEPTH * JOIN_TILE;
    const int group = threadIdx.x / 64, t = threadIdx.x % 64, r = t / 8 * 4, c = t % 8 * 4;
    T acc[4][4] = {};
    for (i64 from = 0; from < depth; from += JOIN_DEPTH) {
        __syncthreads();
        const int some = (int)least(JOIN_DEPTH, depth - from);
        PNN_UNROLL_BY(8)
        for (int i = threadIdx.x; i < some * JOIN_TILE; i += 64 * JOIN_GROUPS) {
            const i64 k = from + i / JOIN_TILE;
            const int j = i % JOIN_TILE;
            x[i] = j < nx ? X[k * ldx + j] : T(0);
            y[i] = j < ny ? Y[k * ldy + j] : T(0);
        }
        __syncthreads();
        for (int k = group; k < some; k += JOIN_GROUPS) {
            const quad<T> a = load4(x + k * JOIN_TILE + r), b = load4(y + k * JOIN_TILE + c);
            PNN_UNROLL
            for (int i = 0; i < 4; i++)
                PNN_UNROLL
                for (int j = 0; j < 4; j++) acc[i][j] += a.v[i] * b.v[j];
        }
    }
    __syncthreads();
    PNN_UNROLL
    for (int i = 0; i < 4; i++)
        PNN_UNROLL
        for (int j = 0; j < 4; j++) shared[(group * JOIN_TILE + r + i) * 33 + c + j] = acc[i][j];
    __syncthreads();
    PNN_UNROLL
    for (int i = threadIdx.x; i < JOIN_TILE * JOIN_TILE; i += 64 * JOIN_GROUPS) {
        const int at = i / JOIN_TILE * 33 + i % JOIN_TILE;
        T sum = shared[at];
        for (int g = 1; g < JOIN_GROUPS; g++) sum += shared[at + g * JOIN_TILE * 33];
        shared[at] = sum;
    }
    __syncthreads();
}
// A tile from (x0, y0) on of a symmetric matrix: `value(x, y, sum)` of every element on and above the diagonal is put down as put(x, y, v), and
// as put(y, x, v) below it, both row by row. `shared` holds the sums.
template <class T, class Value, class Put> PNN_D void join_symmetric(i64 x0, i64 y0, i64 n, T* shared, Value value, Put put) {
    PNN_UNROLL
    for (int i = threadIdx.x; i < JOIN_TILE * JOIN_TILE; i += 64 * JOIN_GROUPS) {
        const int at = i / JOIN_TILE * 33 + i % JOIN_TILE;
        const i64 x = x0 + i / JOIN_TILE, y = y0 + i % JOIN_TILE;
        if (x >= n || y >= n || y < x) continue;
        const T v = value(x, y, shared[at]);
        shared[at] = v;
        put(x, y, v);
    }
    __syncthreads();
    PNN_UNROLL
    for (int i = threadIdx.x; i < JOIN_TILE * JOIN_TILE; i += 64 * JOIN_GROUPS) {
        const int at = i % JOIN_TILE * 33 + i / JOIN_TILE;
        const i64 x = x0 + i % JOIN_TILE, y = y0 + i / JOIN_TILE;
        if (x < n && y < n && y > x) put(y, x, shared[at]);
    }
    __syncthreads();
}

// ---- what a block does. `memory` has JOIN_SCRATCH numbers and then the rows, `tile` JOIN_PRODUCT
template <class T> PNN_D void join_small(const join_wired<T>& wired, T* memory, T* above, T* weights) {
    T* M = memory + JOIN_SCRATCH;
    const int h = (int)wired.pair.e, width = (int)(wired.pair.n - h), first = (int)round4(h), ld = (int)round4(first + width + 1);
    join_gather([&](i64 x) { return wired.row(x); }, [&](i64 y) { return wired.column(y); }, h + width, 0, h, h, width, ld, M, memory);
    join_eliminate(h, width, ld, M, memory);
    join_tiles(width, width, h, M + first, M + first, ld,
               [&](int r, int c, T(&before)[4][4]) {
                   join_node columns[4];
                   PNN_UNROLL
                   for (int j = 0; j < 4; j++) columns[j] = wired.at(h + least(c + j, width - 1));
                   PNN_UNROLL
                   for (int i = 0; i < 4; i++) {
                       const join_node row = wired.at(h + least(r + i, width - 1));
                       PNN_UNROLL
                       for (int j = 0; j < 4; j++) before[i][j] = wired(row, columns[j]);
                   }
               },
               [&](int r, int c, const T(&before)[4][4], const T(&acc)[4][4]) {
                   PNN_UNROLL
                   for (int i = 0; i < 4; i++)
                       PNN_UNROLL
                       for (int j = 0; j < 4; j++) {
                           const int x = r + i, y = c + j;
                           if (y < x || y >= width) continue;
                           above[x * width + y] = above[y * width + x] = before[i][j] + acc[i][j];
                       }
               });
    __syncthreads();
    if (weights) {
        join_weights(h, width, ld, M);
        for (int i = threadIdx.x; i < h * width; i += blockDim.x) weights[i] = M[i % h * ld + first + i / h];
        __syncthreads();
    }
}
template <class T>
PNN_D void join_strip(const join_wired<T>& wired, i64 start, i64 stop, i64 column, i64 strip, T* memory, const T* rows, T* done, T* weights) {
    T* M = memory + JOIN_SCRATCH;
    const i64 n = wired.pair.n;
    const int h = (int)(stop - start), width = (int)least(strip, n - column), first = (int)round4(h), ld = (int)round4(first + width + 1);
    join_gather([&](i64 x) { return start == 0 ? wired.row(x) : join_node{(int)(x * n), 0}; },
                [&](i64 y) { return start == 0 ? wired.column(y) : join_column<T>{rows + y, (const T*)0}; },
                n, start, stop, column, width, ld, M, memory);
    join_eliminate(h, width, ld, M, memory);
    for (int i = threadIdx.x; i < h * width; i += blockDim.x) {
        const int k = i / width, c = i % width;
        done[(start + k) * n + column + c] = M[k * ld + first + c];
    }
    if (weights) {
        __syncthreads();
        join_weights(h, width, ld, M);
        for (int i = threadIdx.x; i < h * width; i += blockDim.x)
            weights[start * n + (column - stop + i / h) * h + i % h] = M[i % h * ld + first + i / h];
    }
    __syncthreads();
}
template <class T> PNN_D void join_update(const join_wired<T>& wired, i64 start, i64 stop, i64 x0, i64 y0, const T* done, T* rows, T* tile) {
    const i64 e = wired.pair.e, n = wired.pair.n;
    join_product(stop - start, done + start * n + x0, n, e - x0, done + start * n + y0, n, n - y0, tile);
    PNN_UNROLL
    for (int i = threadIdx.x; i < JOIN_TILE * JOIN_TILE; i += 64 * JOIN_GROUPS) {
        const i64 x = x0 + i / JOIN_TILE, y = y0 + i % JOIN_TILE;
        if (x < e && y < n && y > x) rows[x * n + y] = (start == 0 ? wired(x, y) : rows[x * n + y]) + tile[i / JOIN_TILE * 33 + i % JOIN_TILE];
    }
    __syncthreads();
}
template <class T> PNN_D void join_couple(const join_wired<T>& wired, i64 x0, i64 y0, const T* done, T* above, T* tile) {
    const i64 e = wired.pair.e, n = wired.pair.n;
    join_product(e, done + x0, n, n - x0, done + y0, n, n - y0, tile);
    join_symmetric(x0, y0, n, tile, [&](i64 x, i64 y, T sum) { return wired(x, y) + sum; },
                   [&](i64 x, i64 y, T v) { above[(x - e) * (n - e) + y - e] = v; });
}
template <class T>
PNN_D void join_turn(const join_pair& pair, i64 h, i64 stop, i64 c0, i64 k0, const T* weights, const T* W, T* turned, T* tile) {
    const i64 kept = pair.n - stop;
    join_product(kept, W + c0, kept, kept - c0, weights + k0, h, h - k0, tile);
    PNN_UNROLL
    for (int i = threadIdx.x; i < JOIN_TILE * JOIN_TILE; i += 64 * JOIN_GROUPS) {
        const i64 c = c0 + i / JOIN_TILE, k = k0 + i % JOIN_TILE;
        if (c < kept && k < h) turned[c * h + k] = tile[i / JOIN_TILE * 33 + i % JOIN_TILE];
    }
    __syncthreads();
}
template <class T>
PNN_D void join_split(const join_pair& pair, i64 start, i64 stop, i64 x0, i64 y0, const T* weights, const T* turned, const T* W, T* out, T* leaves,
                      T* below, T* tile) {
    const i64 h = stop - start, n = pair.n - start, kept = n - h;
    T* first = pair.first < 0 ? leaves + (-1 - pair.first) * 256 : below + pair.first;
    T* second = pair.second < 0 ? leaves + (-1 - pair.second) * 256 : below + pair.second;
    if (y0 < h) join_product(kept, turned + x0, h, h - x0, weights + y0, h, h - y0, tile);
    join_symmetric(x0, y0, n, tile,
                   [&](i64 x, i64 y, T sum) { return y < h ? sum : x < h ? turned[(y - h) * h + x] : W[(x - h) * kept + y - h]; },
                   [&](i64 x, i64 y, T v) {
                       if (start > 0) {
                           out[x * n + y] = v;
                           return;
                       }
                       const join_node a = pair.at(x), b = pair.at(y);
                       if (a.first >= 0 && b.first >= 0) first[a.first * pair.first_size + b.first] = v;
                       if (a.second >= 0 && b.second >= 0) second[a.second * pair.second_size + b.second] = v;
                   });
}
template <class T>
PNN_D void join_voltages(const join_pair& pair, i64 start, i64 stop, i64 x0, i64 c0, i64 q, const T* weights, const T* V, T* out, T* leaves,
                         T* below, T* tile) {
    const i64 h = stop - start, n = pair.n - start, kept = n - h;
    T* first = pair.first < 0 ? leaves + (-1 - pair.first) * 16 * q : below + pair.first_line * q;
    T* second = pair.second < 0 ? leaves + (-1 - pair.second) * 16 * q : below + pair.second_line * q;
    if (x0 < h) join_product(kept, weights + x0, h, h - x0, V + c0, q, q - c0, tile);
    PNN_UNROLL
    for (int i = threadIdx.x; i < JOIN_TILE * JOIN_TILE; i += 64 * JOIN_GROUPS) {
        const i64 x = x0 + i / JOIN_TILE, c = c0 + i % JOIN_TILE;
        if (x >= n || c >= q) continue;
        const T v = x < h ? tile[i / JOIN_TILE * 33 + i % JOIN_TILE] : V[(x - h) * q + c];
        if (start > 0) out[x * q + c] = v;
        else {
            const join_node at = pair.at(x);
            if (at.first >= 0) first[at.first * q + c] = v;
            if (at.second >= 0) second[at.second * q + c] = v;
        }
    }
    __syncthreads();
}
}  // namespace pnn
#endif
