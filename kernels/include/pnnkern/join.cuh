// Pairs of blocks of a crossbar, wired together: the nodes that the two share are eliminated (tree.cuh says how and why), all pairs of a
// level of the tree at a time, and of all arrays of a stack.
//
// rows (e, n) of a pair: conductances of the e nodes that go, to each other and to the n - e ports that stay. With D the sum of a row, the
// matrix of the nodes is D - A = U^T U, and no diagonal is ever stored. 16 nodes at a time are a panel:
//     R = U_pp^-T   (16, 16), lower, by Gauss-Jordan from conductances alone, in the registers of one warp: every sum is of positive numbers
//     rows of the panel, right of it:  X = R rows;   rows below, when they are a panel: += X^T X of all panels before it
// What stays in rows is Z = U^-T B of the ports B that stay; their conductances grow by Z^T Z. The voltages of the nodes are averages of
// those of the ports, with the weights U^-1 Z = (D - A)^-1 B. All numbers of nodes and ports are multiples of 4, as leaves are of 4 x 4 cells.
//
// Elimination needs of the ports that stay no more than their sum, so that blocks of a launch take strips of them, and each of these does
// the elimination over again. All sums are in an order of their own, whatever the grid.
#pragma once
#include "pnnkern/inverse.cuh"
#include "pnnkern/matrix_unit.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/join.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
typedef long long i64;
const int JOIN_PANEL = 16, JOIN_WIDE = 20, JOIN_SCRATCH = JOIN_PANEL * JOIN_WIDE + JOIN_PANEL;   // numbers of shared memory beside the rows
const int JOIN_TILE = 32, JOIN_DEPTH = 64, JOIN_GROUPS = 4;          // of a product: its block has 64 threads for each group
const int JOIN_LD = 36, JOIN_PRODUCT = 2 * JOIN_DEPTH * JOIN_LD;      // of a tile's rows in shared memory, and all of them
static_assert(JOIN_PRODUCT >= JOIN_GROUPS * JOIN_TILE * 33, "the sums of all groups have room where factors were");

template <class T> struct alignas(16) quad { T v[4]; };
template <class T> PNN_D quad<T> load4(const T* p) { return *reinterpret_cast<const quad<T>*>(p); }
PNN_HD i64 least(i64 a, i64 b) { return a < b ? a : b; }
PNN_HD int smaller(int a, int b) { return a < b ? a : b; }
PNN_HD int join_row(int n) { return (n + 3) / 8 * 8 + 4; }   // numbers between two rows in shared memory, of n each: 4 more than a multiple of 8

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
// A column of rows that go, in one or both of two matrices; rows begin at `first` and `second` of a join_node. Both are read, also where it is
// not in one of them (at its column 0), so that no load waits for another.
template <class T> struct join_column {
    const T *first, *second;
    bool in_first, in_second;
    PNN_D T operator()(join_node row) const {
        const T one = first[row.first], two = second[row.second];
        return (in_first ? one : T(0)) + (in_second ? two : T(0));
    }
    PNN_D T port(join_node row) const { return (in_first ? first : second)[in_first ? row.first : row.second]; }   // which one of both has
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
        const bool in_first = x.first >= 0 && y.first >= 0, in_second = x.second >= 0 && y.second >= 0;
        const T one = first[in_first ? x.first * (int)pair.first_size + y.first : 0];
        const T two = second[in_second ? x.second * (int)pair.second_size + y.second : 0];
        return (in_first ? one : T(0)) + (in_second ? two : T(0));
    }
    PNN_D T operator()(i64 x, i64 y) const { return (*this)(pair.at(x), pair.at(y)); }
    // Node x, which goes and so is one of both parts, as a row; node y as a column.
    PNN_D join_node row(i64 x) const { return {(int)(pair.at_first[x] * pair.first_size), (int)(pair.at_second[x] * pair.second_size)}; }
    PNN_D join_column<T> column(i64 y) const {
        const join_node at = pair.at(y);
        return {first + (at.first < 0 ? 0 : at.first), second + (at.second < 0 ? 0 : at.second), at.first >= 0, at.second >= 0};
    }
};

// ---- products of what lies in shared memory: rows of X and Y are aligned to 16 bytes, and ld is 4 more than a multiple of 8, so that lanes
// meet no conflict of banks. A warp has a tile of 16 x 32.
// The number of this warp, known to be that of all its lanes.
PNN_D int join_warp() { return __shfl_sync(0xffffffffu, (int)threadIdx.x / 32, 0); }
// What a lane has of a tile: ROWS rows of CHUNKS times as many numbers as 16 bytes have.
template <class T> struct join_lane;
template <> struct join_lane<float> {
    static const int ROWS = 4, CHUNKS = 1, WIDE = 4;
    PNN_D static int row(int i) { return (threadIdx.x & 31) / 8 * 4 + i; }
    PNN_D static int col(int) { return threadIdx.x % 8 * 4; }
};
template <> struct join_lane<double> {   // as multiply_f64 has its results
    static const int ROWS = 2, CHUNKS = 4, WIDE = 2;
    PNN_D static int row(int i) { return 8 * i + (threadIdx.x & 31) / 4; }
    PNN_D static int col(int j) { return 8 * j + threadIdx.x % 4 * 2; }
};
template <class T> struct alignas(16) join_few { T v[16 / sizeof(T)]; };
template <class T> struct join_tile { join_few<T> v[join_lane<T>::ROWS][join_lane<T>::CHUNKS]; };
// tile[r, c] += sum_k X(k, r) Y[k, c], k < depth, a multiple of 4; X(k, r) lies at X[k * step + r * ldx]. Rows and columns from `rows` and `cols`
// on come out as anything.
PNN_D void join_multiply(join_tile<float>& tile, int depth, const float* X, int step, int ldx, int rows, const float* Y, int ldy, int cols) {
    const int r = join_lane<float>::row(0), last = (cols + 3) / 4 * 4 - 4;
    const float* y = Y + smaller(join_lane<float>::col(0), last);
    const float *x0 = X + smaller(r, rows - 1) * ldx, *x1 = X + smaller(r + 1, rows - 1) * ldx, *x2 = X + smaller(r + 2, rows - 1) * ldx,
                *x3 = X + smaller(r + 3, rows - 1) * ldx;
    PNN_UNROLL_BY(4)
    for (int k = 0; k < depth; k++) {
        const quad<float> right = load4(y + k * ldy);
        const float left[4] = {x0[k * step], x1[k * step], x2[k * step], x3[k * step]};
        PNN_UNROLL
        for (int i = 0; i < 4; i++)
            PNN_UNROLL
            for (int j = 0; j < 4; j++) tile.v[i][0].v[j] += left[i] * right.v[j];
    }
}
PNN_D void join_multiply(join_tile<double>& tile, int depth, const double* X, int step, int ldx, int rows, const double* Y, int ldy, int cols) {
    const int g = (threadIdx.x & 31) / 4, t = threadIdx.x % 4;
    const double *x0 = X + smaller(g, rows - 1) * ldx + t * step, *x1 = X + smaller(8 + g, rows - 1) * ldx + t * step;
    const double *y = Y + t * ldy, *y0 = y + smaller(g, cols - 1), *y1 = y + smaller(8 + g, cols - 1), *y2 = y + smaller(16 + g, cols - 1),
                 *y3 = y + smaller(24 + g, cols - 1);
    PNN_UNROLL_BY(2)
    for (int k = 0; k < depth; k += 4) {
        const double a[2] = {x0[k * step], x1[k * step]}, b[4] = {y0[k * ldy], y1[k * ldy], y2[k * ldy], y3[k * ldy]};
        PNN_UNROLL
        for (int i = 0; i < 2; i++)
            PNN_UNROLL
            for (int j = 0; j < 4; j++) multiply_f64(tile.v[i][j].v, a[i], b[j]);
    }
}
// body(r, c, i, j) for what this lane has of a tile: its row and the first column of a chunk
template <class T, class Body> PNN_D void join_elements(int rows, int cols, Body body) {
    PNN_UNROLL
    for (int i = 0; i < join_lane<T>::ROWS; i++)
        PNN_UNROLL
        for (int j = 0; j < join_lane<T>::CHUNKS; j++) {
            const int r = join_lane<T>::row(i), c = join_lane<T>::col(j);
            if (r < rows && c < cols) body(r, c, i, j);
        }
}
template <class T> PNN_D join_few<T> load_few(const T* p) { return *reinterpret_cast<const join_few<T>*>(p); }
template <class T> PNN_D void store_few(T* p, join_few<T> x) { *reinterpret_cast<join_few<T>*>(p) = x; }
// What a lane has of a tile that lies at `at` in shared memory, beyond its rows and columns anything.
template <class T> PNN_D join_tile<T> join_fetch(const T* at, int ld, int rows, int cols) {
    join_tile<T> tile;
    const int last = (cols - 1) / join_lane<T>::WIDE * join_lane<T>::WIDE;
    PNN_UNROLL
    for (int i = 0; i < join_lane<T>::ROWS; i++)
        PNN_UNROLL
        for (int j = 0; j < join_lane<T>::CHUNKS; j++)
            tile.v[i][j] = load_few(at + smaller(join_lane<T>::row(i), rows - 1) * ld + smaller(join_lane<T>::col(j), last));
    return tile;
}
template <class T> PNN_D void join_store(const join_tile<T>& tile, T* at, int ld, int rows, int cols) {
    join_elements<T>(rows, cols, [&](int r, int c, int i, int j) { store_few(at + r * ld + c, tile.v[i][j]); });
}
// body(r, c) for the tiles of a matrix (rows, cols) that do not lie below the diagonal, shared out to the warps of a block
template <class Body> PNN_D void join_upper(int rows, int cols, Body body) {
    int turn = threadIdx.x / 32;
    for (int r = 0; r < rows; r += 16)
        for (int c = r; c < cols; c += 32)
            if (turn-- == 0) {
                body(r, c);
                turn = blockDim.x / 32 - 1;
            }
}

// ---- elimination in shared memory, one block of whole warps
// D (p, ld), the nodes of a panel: their conductances above the diagonal, and to all that comes after it in `rest` columns beside and in `sum`.
// tail (16, 20): what node b has beyond each node from b on.
template <class T> PNN_D void join_tails(int p, int rest, const T* D, int sum, int ld, T* tail) {
    const int lane = threadIdx.x & 31, column = lane & 15, warp = join_warp(), warps = blockDim.x / 32;
    for (int u = 2 * warp; u < p; u += 2 * warps) {   // half a warp for each node
        const int b = u + lane / 16;
        const T* mine = D + smaller(b, p - 1) * ld;
        T total = column == 0 ? mine[sum] : T(0), suffix = column + 1 < p && column >= b ? mine[column + 1] : T(0);
        PNN_UNROLL_BY(4)
        for (int a = column; a < rest; a += 16) total += mine[p + a];
        PNN_UNROLL
        for (int step = 1; step < 16; step *= 2) {
            const T other = __shfl_down_sync(0xffffffffu, suffix, step, 16);
            total += __shfl_xor_sync(0xffffffffu, total, step);
            suffix += column + step < 16 ? other : T(0);
        }
        if (b < p) tail[b * JOIN_WIDE + column] = suffix + total;
    }
}
// Nodes K to K + 3 and those behind them go, if there are as many, one after another: a lane has a column, x[b] of row b.
template <int K, class T> PNN_D void join_nodes(int p, T (&x)[JOIN_PANEL], T& inverses) {
    const int lane = threadIdx.x & 31;
    if constexpr (K < JOIN_PANEL)
        if (K < p) {
            PNN_UNROLL
            for (int i = 0; i < 4; i++) {
                const int k = K + i;
                const T inverse = inverse_or_zero(__shfl_sync(0xffffffffu, x[k], 16 + k));
                const T mine = (lane == k ? T(1) : x[k]) * inverse;
                if (lane == k) inverses = inverse;
                PNN_UNROLL
                for (int b = K + 1; b < JOIN_PANEL; b++)
                    if (b > k) x[b] = (lane == k ? T(0) : x[b]) + __shfl_sync(0xffffffffu, x[k], b) * mine;
            }
            join_nodes<K + 4>(p, x, inverses);
        }
}
// As one warp does it, tails given in Rt. On return columns of R there.
template <class T> PNN_D void join_panel(int p, const T* D, int ld, T* roots, T* Rt) {
    const int lane = threadIdx.x & 31, column = lane & 15;
    // A lane of the first half has a column: conductances between nodes, until its own node goes, and then R but for its roots; one of the
    // second half what nodes b <= column have beyond node `column`.
    const bool tails = lane >= 16;
    T x[JOIN_PANEL], inverses = T(0);
    PNN_UNROLL
    for (int b = 0; b < JOIN_PANEL; b++) {
        const int r = smaller(b, p - 1), c = smaller(column, p - 1);
        const T value = tails ? Rt[r * JOIN_WIDE + c] : D[r * ld + c];
        x[b] = column < p && b < p && b < column + tails ? value : T(0);
    }
    __syncwarp();
    join_nodes<0>(p, x, inverses);
    const T root = sqrt(inverses);
    if (!tails) roots[column] = root;
    __syncwarp();
    PNN_UNROLL
    for (int b = 0; b < JOIN_PANEL; b++) x[b] = roots[b] * (b == column ? T(1) : b < column ? T(0) : x[b]);
    if (!tails)
        PNN_UNROLL
        for (int b = 0; b < JOIN_PANEL; b++) Rt[column * JOIN_WIDE + b] = x[b];
}
// Rows `first` to `last` of M on and right of the diagonal += what panels from `start` to `stop` add to them; warps from `warp` on take turns.
template <class T> PNN_D void join_add(T* M, int ld, int sum, int first, int last, int start, int stop, int warp, int warps) {
    const int cols = sum + 1 - first;
    if (start < stop)
        for (int c = warp * 32; c < cols; c += warps * 32) {
            T* at = M + first * ld + first + c;
            const T* done = M + start * ld + first;
            join_tile<T> tile = join_fetch(at, ld, last - first, cols - c);
            join_multiply(tile, stop - start, done, ld, 1, last - first, done + c, ld, cols - c);
            __syncwarp();   // lanes beyond the edge have read what is another's
            join_store(tile, at, ld, last - first, cols - c);
        }
}
// M (h, ld): nodes that go, in columns from 0, and from h on `width` ports that stay, and the sum of all of these. On return Z; if `weights` are
// wanted, R in the columns of each panel, with zeros above its diagonal. While the first warp is with a panel, the others add to the next one
// what all before these add.
template <class T> PNN_D void join_eliminate(int h, int width, int ld, T* M, T* scratch, bool weights) {
    T *roots = scratch, *Rt = roots + JOIN_PANEL;
    const int sum = h + width, warp = join_warp(), warps = blockDim.x / 32;
    for (int start = 0; start < h; start += JOIN_PANEL) {
        const int p = smaller(JOIN_PANEL, h - start), stop = start + p, next = smaller(stop + JOIN_PANEL, h), cols = sum + 1 - stop;
        T *panel = M + start * ld, *right = panel + stop;
        join_tails(p, h - stop, panel + start, sum - start, ld, Rt);
        __syncthreads();
        if (warp == 0) join_panel(p, panel + start, ld, roots, Rt);
        if (stop < h && (warp > 0 || warps == 1)) join_add(M, ld, sum, stop, next, 0, start, smaller(warp, warps - 1) - (warps > 1), warps - (warps > 1));
        __syncthreads();
        if (weights)
            for (int i = threadIdx.x; i < JOIN_PANEL * JOIN_PANEL; i += blockDim.x) {
                const int b = i / JOIN_PANEL, c = i % JOIN_PANEL;
                if (b < p && c < p) panel[b * ld + start + c] = Rt[c * JOIN_WIDE + b];
            }
        for (int c = warp * 32; c < cols; c += warps * 32) {
            join_tile<T> tile = {};
            join_multiply(tile, p, Rt, JOIN_WIDE, 1, p, right + c, ld, cols - c);
            __syncwarp();
            join_store(tile, right + c, ld, p, cols - c);
        }
        __syncthreads();
        if (stop < h) {
            join_add(M, ld, sum, stop, next, start, stop, warp, warps);
            __syncthreads();
        }
    }
}
// What join_eliminate left -> the weights of the ports, (h, width) from column h on.
template <class T> PNN_D void join_weights(int h, int width, int ld, T* M) {
    for (int c = threadIdx.x / 32 * 32; c < width; c += blockDim.x)
        for (int start = (h - 1) / JOIN_PANEL * JOIN_PANEL; start >= 0; start -= JOIN_PANEL) {
            const int p = (int)least(JOIN_PANEL, h - start), stop = start + p;
            T* Y = M + start * ld + h + c;
            join_tile<T> tile = join_fetch(Y, ld, p, width - c);
            join_multiply(tile, h - stop, M + start * ld + stop, 1, ld, p, M + stop * ld + h + c, ld, width - c);
            __syncwarp();
            join_store(tile, Y, ld, p, width - c);
            __syncwarp();
            tile = {};
            join_multiply(tile, p, M + start * ld + start, ld, 1, p, Y, ld, width - c);   // R has nothing above its diagonal
            __syncwarp();
            join_store(tile, Y, ld, p, width - c);
            __syncwarp();
        }
    __syncthreads();
}
// One strip of a pair, `width` columns from `column` on of the rows start to stop, and the sum of all from `stop` on: row(x) and ports(y) say
// where they are; columns from `alone` on are in one matrix only. A lane keeps to its columns and has the loads of eight rows under way.
template <class T, class Row, class Column>
PNN_D void join_gather(Row row, Column ports, i64 alone, i64 n, i64 start, i64 stop, i64 column, int width, int ld, T* M, T* scratch) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const int h = (int)(stop - start), sum = h + width, across = (ld + 31) / 32;
    join_node* nodes = reinterpret_cast<join_node*>(scratch);
    for (int k = threadIdx.x; k < h; k += blockDim.x) nodes[k] = row(start + k);
    __syncthreads();
    for (int u = warp; u < (h + 7) / 8 * across; u += warps) {
        const int k0 = u / across * 8, c = u % across * 32 + lane;
        const bool node = c < h, port = c >= h && c < sum;
        if ((u % across + 1) * 32 <= smaller(k0 + 1, h)) continue;   // nothing is asked of what lies below the diagonal
        const join_column<T> y = ports(port ? column + c - h : start + (node ? c : 0));
        T v[8];
        if (u % across * 32 >= h && column + u % across * 32 - h >= alone)
            PNN_UNROLL
            for (int i = 0; i < 8; i++) v[i] = y.port(nodes[smaller(k0 + i, h - 1)]);
        else
            PNN_UNROLL
            for (int i = 0; i < 8; i++) v[i] = y(nodes[smaller(k0 + i, h - 1)]);
        PNN_UNROLL
        for (int i = 0; i < 8; i++)
            if (k0 + i < h && c < ld && c != sum) M[(k0 + i) * ld + c] = port || (node && c > k0 + i) ? v[i] : T(0);
    }
    __syncthreads();
    const bool every = column == stop && width == n - stop;
    for (int k0 = 8 * warp; k0 < h; k0 += 8 * warps) {
        T total[8] = {};
        if (every)
            for (int c = h + lane; c < sum; c += 32)
                PNN_UNROLL
                for (int i = 0; i < 8; i++) total[i] += k0 + i < h ? M[(k0 + i) * ld + c] : T(0);
        else {
            for (i64 y = stop + lane; y < alone; y += 32) {
                const join_column<T> some = ports(y);
                PNN_UNROLL
                for (int i = 0; i < 8; i++) total[i] += some(nodes[k0 + i < h ? k0 + i : k0]);
            }
            PNN_UNROLL_BY(4)
            for (i64 y = (stop > alone ? stop : alone) + lane; y < n; y += 32) {
                const join_column<T> some = ports(y);
                PNN_UNROLL
                for (int i = 0; i < 8; i++) total[i] += some.port(nodes[k0 + i < h ? k0 + i : k0]);
            }
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
// shared[i * 33 + j] = sum_k X[k, i] Y[k, j], four k at a time, and each fourth of these together; depth is a multiple of 4; rows of X
// and Y have nx and ny numbers.
template <class T> PNN_D void join_product(i64 depth, const T* X, i64 ldx, i64 nx, const T* Y, i64 ldy, i64 ny, T* shared) {
    T *x = shared, *y = shared + JOIN_DEPTH * JOIN_LD;
    const int group = threadIdx.x / 64, upper = threadIdx.x / 32 % 2 * 16;
    join_tile<T> tile = {};
    for (i64 from = 0; from < depth; from += JOIN_DEPTH) {
        __syncthreads();
        const int some = (int)least(JOIN_DEPTH, depth - from);
        const int first = threadIdx.x / JOIN_TILE, j = threadIdx.x % JOIN_TILE, step = 2 * JOIN_GROUPS;
        const T *left = X + (from + first) * ldx + j, *right = Y + (from + first) * ldy + j;
        PNN_UNROLL_BY(4)
        for (int i = 0; i < JOIN_DEPTH / step; i++) {
            const int k = first + i * step;
            const bool there = k < some;
            x[k * JOIN_LD + j] = there && j < nx ? left[i * step * ldx] : T(0);
            y[k * JOIN_LD + j] = there && j < ny ? right[i * step * ldy] : T(0);
        }
        __syncthreads();
        for (int k = 4 * group; k < some; k += 4 * JOIN_GROUPS)
            join_multiply(tile, 4, x + k * JOIN_LD + upper, JOIN_LD, 1, 16, y + k * JOIN_LD, JOIN_LD, 32);
    }
    __syncthreads();
    join_elements<T>(16, 32, [&](int r, int c, int i, int j) {
        PNN_UNROLL
        for (int w = 0; w < join_lane<T>::WIDE; w++) shared[(group * JOIN_TILE + upper + r) * 33 + c + w] = tile.v[i][j].v[w];
    });
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
const int JOIN_EACH = JOIN_TILE * JOIN_TILE / (64 * JOIN_GROUPS);   // elements of a tile that a thread has: of one column, from row join_down(0) on
PNN_D int join_across() { return threadIdx.x % JOIN_TILE; }
PNN_D int join_down(int i) { return threadIdx.x / JOIN_TILE + i * (JOIN_TILE / JOIN_EACH); }
// A tile from (x0, y0) on of a symmetric matrix: `value(i, sum)` of a thread's element i, if it lies on or above the diagonal, is put down as
// put(i, x, y, v), and below the diagonal as turned(i, x, y, v), each row by row: there a thread's column is one of x. `shared` holds the sums.
template <class T, class Value, class Put, class Turned>
PNN_D void join_symmetric(i64 x0, i64 y0, i64 n, T* shared, Value value, Put put, Turned turned) {
    PNN_UNROLL
    for (int i = 0; i < JOIN_EACH; i++) {
        const int at = join_down(i) * 33 + join_across();
        const i64 x = x0 + join_down(i), y = y0 + join_across();
        if (x >= n || y >= n || y < x) continue;
        const T v = value(i, shared[at]);
        shared[at] = v;
        put(i, x, y, v);
    }
    __syncthreads();
    PNN_UNROLL
    for (int i = 0; i < JOIN_EACH; i++) {
        const i64 x = x0 + join_across(), y = y0 + join_down(i);
        if (x < n && y < n && y > x) turned(i, x, y, shared[join_across() * 33 + join_down(i)]);
    }
    __syncthreads();
}

// ---- what a block does. `memory` has JOIN_SCRATCH numbers and then the rows, `tile` JOIN_PRODUCT
template <class T> PNN_D void join_small(const join_wired<T>& wired, T* memory, T* above, T* weights) {
    T* M = memory + JOIN_SCRATCH;
    const int h = (int)wired.pair.e, width = (int)(wired.pair.n - h), ld = join_row(h + width + 1);
    join_gather([&](i64 x) { return wired.row(x); }, [&](i64 y) { return wired.column(y); }, h, h + width, 0, h, h, width, ld, M, memory);
    join_eliminate(h, width, ld, M, memory, weights != 0);
    join_upper(width, width, [&](int r0, int c0) {
        const int rows = width - r0, cols = width - c0;
        join_tile<T> tile;
        join_node across[join_lane<T>::CHUNKS][join_lane<T>::WIDE];
        PNN_UNROLL
        for (int j = 0; j < join_lane<T>::CHUNKS; j++)
            PNN_UNROLL
            for (int w = 0; w < join_lane<T>::WIDE; w++) across[j][w] = wired.at(h + smaller(c0 + join_lane<T>::col(j) + w, width - 1));
        PNN_UNROLL
        for (int i = 0; i < join_lane<T>::ROWS; i++) {
            const join_node row = wired.at(h + smaller(r0 + join_lane<T>::row(i), width - 1));
            PNN_UNROLL
            for (int j = 0; j < join_lane<T>::CHUNKS; j++)
                PNN_UNROLL
                for (int w = 0; w < join_lane<T>::WIDE; w++) tile.v[i][j].v[w] = wired(row, across[j][w]);
        }
        join_multiply(tile, h, M + h + r0, ld, 1, rows, M + h + c0, ld, cols);
        join_elements<T>(rows, cols, [&](int r, int c, int i, int j) {
            PNN_UNROLL
            for (int w = 0; w < join_lane<T>::WIDE; w++) {
                const int x = r0 + r, y = c0 + c + w;
                if (y >= x) above[x * width + y] = above[y * width + x] = tile.v[i][j].v[w];
            }
        });
    });
    __syncthreads();
    if (weights) {
        join_weights(h, width, ld, M);
        for (int i = threadIdx.x; i < h * width; i += blockDim.x) weights[i] = M[i % h * ld + h + i / h];
        __syncthreads();
    }
}
template <class T>
PNN_D void join_strip(const join_wired<T>& wired, i64 start, i64 stop, i64 column, i64 strip, T* memory, const T* rows, T* done, T* weights) {
    T* M = memory + JOIN_SCRATCH;
    const i64 n = wired.pair.n;
    const int h = (int)(stop - start), width = (int)least(strip, n - column), ld = join_row(h + width + 1);
    if (start == 0)
        join_gather([&](i64 x) { return wired.row(x); }, [&](i64 y) { return wired.column(y); }, wired.pair.e, n, start, stop, column, width, ld, M,
                    memory);
    else
        join_gather([&](i64 x) { return join_node{(int)(x * n), 0}; }, [&](i64 y) { return join_column<T>{rows + y, rows, true, false}; },
                    0, n, start, stop, column, width, ld, M, memory);
    join_eliminate(h, width, ld, M, memory, weights != 0);
    for (int i = threadIdx.x; i < h * width; i += blockDim.x) {
        const int k = i / width, c = i % width;
        done[(start + k) * n + column + c] = M[k * ld + h + c];
    }
    if (weights) {
        __syncthreads();
        join_weights(h, width, ld, M);
        for (int i = threadIdx.x; i < h * width; i += blockDim.x)
            weights[start * n + (column - stop + i / h) * h + i % h] = M[i % h * ld + h + i / h];
    }
    __syncthreads();
}
// What products are added to is fetched before they are worked out.
template <class T> PNN_D void join_update(const join_wired<T>& wired, i64 start, i64 stop, i64 x0, i64 y0, const T* done, T* rows, T* tile) {
    const i64 e = wired.pair.e, n = wired.pair.n;
    T before[JOIN_EACH];
    if (start == 0) {
        const join_node column = wired.at(least(y0 + join_across(), n - 1));
        PNN_UNROLL
        for (int i = 0; i < JOIN_EACH; i++) before[i] = wired(wired.at(least(x0 + join_down(i), e - 1)), column);
    } else
        PNN_UNROLL
        for (int i = 0; i < JOIN_EACH; i++) before[i] = rows[least(x0 + join_down(i), e - 1) * n + least(y0 + join_across(), n - 1)];
    join_product(stop - start, done + start * n + x0, n, e - x0, done + start * n + y0, n, n - y0, tile);
    PNN_UNROLL
    for (int i = 0; i < JOIN_EACH; i++) {
        const i64 x = x0 + join_down(i), y = y0 + join_across();
        if (x < e && y < n && y > x) rows[x * n + y] = before[i] + tile[join_down(i) * 33 + join_across()];
    }
    __syncthreads();
}
template <class T> PNN_D void join_couple(const join_wired<T>& wired, i64 x0, i64 y0, const T* done, T* above, T* tile) {
    const i64 e = wired.pair.e, n = wired.pair.n;
    const join_node column = wired.at(least(y0 + join_across(), n - 1));
    T before[JOIN_EACH];
    PNN_UNROLL
    for (int i = 0; i < JOIN_EACH; i++) before[i] = wired(wired.at(least(x0 + join_down(i), n - 1)), column);
    join_product(e, done + x0, n, n - x0, done + y0, n, n - y0, tile);
    join_symmetric(x0, y0, n, tile, [&](int i, T sum) { return before[i] + sum; },
                   [&](int, i64 x, i64 y, T v) { above[(x - e) * (n - e) + y - e] = v; },
                   [&](int, i64 x, i64 y, T v) { above[(y - e) * (n - e) + x - e] = v; });
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
    // A thread's column and rows, of the tile and of what lies below the diagonal: what is there already, and where its elements go.
    const i64 y = least(y0 + join_across(), n - 1), x = least(x0 + join_across(), n - 1);
    T known[JOIN_EACH];
    join_node rows[JOIN_EACH], lower[JOIN_EACH], column = {0, 0}, across = {0, 0};
    PNN_UNROLL
    for (int i = 0; i < JOIN_EACH; i++) {
        const i64 r = least(x0 + join_down(i), n - 1);
        known[i] = y < h ? T(0) : r < h ? turned[(y - h) * h + r] : W[(r - h) * kept + y - h];
    }
    if (start == 0) {
        column = pair.at(y);
        across = pair.at(x);
        PNN_UNROLL
        for (int i = 0; i < JOIN_EACH; i++) {
            rows[i] = pair.at(least(x0 + join_down(i), n - 1));
            lower[i] = pair.at(least(y0 + join_down(i), n - 1));
        }
    }
    if (y0 < h) join_product(kept, turned + x0, h, h - x0, weights + y0, h, h - y0, tile);
    auto both = [&](join_node a, join_node b, T v) {
        if (a.first >= 0 && b.first >= 0) first[a.first * (int)pair.first_size + b.first] = v;
        if (a.second >= 0 && b.second >= 0) second[a.second * (int)pair.second_size + b.second] = v;
    };
    join_symmetric(x0, y0, n, tile, [&](int i, T sum) { return y < h ? sum : known[i]; },
                   [&](int i, i64 r, i64 c, T v) {
                       if (start > 0) out[r * n + c] = v;
                       else both(rows[i], column, v);
                   },
                   [&](int i, i64 r, i64 c, T v) {
                       if (start > 0) out[c * n + r] = v;
                       else both(lower[i], across, v);
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
