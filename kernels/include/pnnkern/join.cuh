// Pairs of blocks of a crossbar, wired together: the nodes that the two share are eliminated (tree.cuh says how and why), all pairs of a
// level of the tree at a time, and of all arrays of a stack.
//
// rows (e, n) of a pair: conductances of the e nodes that go, to each other and to the n - e ports that stay, right of the diagonal. With D the sum
// of a row, the matrix of the nodes is D - A = U^T U, and no difference is ever taken: on and below the diagonal of the nodes of a stage stand
// tails, row c and column b <= c: what node b has beyond node c, to all later nodes and ports. They go along as a factor L. 16 nodes at a time
// are a panel:
//     R = U_pp^-T   (16, 16), lower, by Gauss-Jordan from conductances and tails, in the registers of one warp: every sum is of positive numbers
//     rows of the panel, right of it:  U = R rows;   columns of the panel, below it:  L = columns R^T
//     rows right of the next panel += U^T U, columns below it += L U, of all panels before it
// What stays in rows is Z = U^-T B of the ports B that stay; their conductances grow by Z^T Z. The voltages of the nodes are averages of
// those of the ports, with the weights U^-1 Z = (D - A)^-1 B. All numbers of nodes and ports are multiples of 4, as leaves are of 4 x 4 cells.
//
// Elimination needs of the ports that stay no more than their sum, which is in the tails, so that blocks of a launch take strips of them, and
// each of these does the elimination over again. All sums are in an order of their own, whatever the grid.
#pragma once
#include "pnnkern/inverse.cuh"
#include "pnnkern/matrix_unit.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/join.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
typedef long long i64;
const int JOIN_PANEL = 16, JOIN_WIDE = 20, JOIN_FACTOR = JOIN_PANEL * JOIN_WIDE + JOIN_PANEL;   // a panel's R and its roots
const int JOIN_SMALL = 192;                                           // ports that a small pair keeps at most
const int JOIN_SCRATCH = 2 * JOIN_FACTOR + JOIN_SMALL;                // numbers of shared memory beside the rows
const int JOIN_MOST = 128;                                            // nodes of a stage at most
const int JOIN_TILE = 32, JOIN_DEPTH = 32, JOIN_BLOCK = 128;         // of a product, the rows of its factors at a time, and its threads
const int JOIN_LD = 36, JOIN_PRODUCT = 4 * JOIN_DEPTH * JOIN_LD;      // of such a row in shared memory, and of both factors, twice

PNN_HD i64 least(i64 a, i64 b) { return a < b ? a : b; }
PNN_HD int smaller(int a, int b) { return a < b ? a : b; }
// Where row number `row` begins, of rows of n numbers.
PNN_HD i64 row_at(int row, int n) { return (i64)row * n; }
// In shared memory nodes are filled up to a multiple of 16 and ports to one of 32, by zeros; numbers between two rows.
PNN_HD int join_nodes_of(int h) { return (h + 15) / 16 * 16; }
PNN_HD int join_ports_of(int width) { return (width + 31) / 32 * 32; }
PNN_HD int join_row(int h, int width) { return join_nodes_of(h) + join_ports_of(width) + 4; }

// body(array, task) for what this block has to do
template <class Body> PNN_D void join_each(i64 arrays, i64 count, Body body) {
    PNN_UNROLL_BY(1)
    for (int a = blockIdx.y; a < arrays; a += gridDim.y)
        PNN_UNROLL_BY(1)
        for (int t = blockIdx.x; t < count; t += gridDim.x) body((i64)a, (i64)t);
}

// ---- the tables of a level
const int JOIN_FIELDS = 14;
struct join_node { int first, second; };   // its numbers among the ports of both parts
// A record: nodes that go, all nodes; where `ports` has the number of every node among the ports of the first and of the second part (-1: it
// is none of them); then where things lie in the arrays of a level. A part that is a leaf is -1 - its number.
struct join_pair {
    int e, n, first_size, second_size;
    i64 first, second, above, rows, whole, first_line, second_line, above_line, whole_line;
    const i64 *at_first, *at_second;
    PNN_D join_pair(const i64* r, const i64* ports)
        : e((int)r[0]), n((int)r[1]), first_size((int)r[4]), second_size((int)r[6]), first(r[3]), second(r[5]), above(r[7]), rows(r[8]),
          whole(r[9]), first_line(r[10]), second_line(r[11]), above_line(r[12]), whole_line(r[13]), at_first(ports + r[2]),
          at_second(at_first + n) {}
    PNN_D join_node at(int node) const { return {(int)at_first[node], (int)at_second[node]}; }
    PNN_D int stop(i64 start, i64 most) const { return (int)least(start + most, e); }
};
template <class T> struct alignas(16) join_few { T v[16 / sizeof(T)]; };
template <class T> PNN_D join_few<T> load_few(const T* p) { return *reinterpret_cast<const join_few<T>*>(p); }
template <class T> PNN_D void store_few(T* p, join_few<T> x) { *reinterpret_cast<join_few<T>*>(p) = x; }
// Neighbours in rows that go, in one or both of two matrices; rows begin at `first` and `second` of a join_node. Both are read, also where they
// are not in one of them (at its column 0), so that no load waits for another.
template <class T> struct join_columns {
    const T *first, *second;
    bool in_first, in_second;
    PNN_D join_few<T> operator()(join_node row) const {
        const join_few<T> one = load_few(first + row.first), two = load_few(second + row.second);
        join_few<T> sum;
        PNN_UNROLL
        for (int w = 0; w < 16 / (int)sizeof(T); w++) sum.v[w] = (in_first ? one.v[w] : T(0)) + (in_second ? two.v[w] : T(0));
        return sum;
    }
    // Of ports, which one of both has.
    PNN_D join_few<T> ports(join_node row) const { return load_few((in_first ? first : second) + (in_first ? row.first : row.second)); }
};
// What two nodes of a pair have between them before any goes: conductances of one array's leaves (16, 16), and of its blocks below. Four nodes
// from a multiple of 4 on are neighbours in each part that has them.
template <class T> struct join_wired {
    join_pair pair;
    const T *first, *second;
    PNN_D join_wired(const join_pair& p, const T* leaves, const T* below)
        : pair(p), first(p.first < 0 ? leaves + (-1 - p.first) * 256 : below + p.first),
          second(p.second < 0 ? leaves + (-1 - p.second) * 256 : below + p.second) {}
    // Of ports that stay, each of which is one of one part: its number there, turned to ~number in the second part; and what one of these has
    // with another and its neighbours.
    PNN_D static int kept(join_node at) { return at.first >= 0 ? at.first : ~at.second; }
    PNN_D join_few<T> between(int x, int y) const {
        const T* row = x < 0 ? second + ~x * pair.second_size : first + x * pair.first_size;
        join_few<T> v = {};
        if ((x ^ y) >= 0) v = load_few(row + (y < 0 ? ~y : y));   // both of one part
        return v;
    }
    // A node that goes and so is one of both parts, as a row; node y as a column, and it and its neighbours.
    PNN_D join_node row(join_node at) const { return {at.first * pair.first_size, at.second * pair.second_size}; }
    PNN_D T node(join_node row, int y) const { return first[row.first + (int)pair.at_first[y]] + second[row.second + (int)pair.at_second[y]]; }
    PNN_D join_columns<T> columns(int y) const {
        const join_node at = pair.at(y);
        return {first + (at.first < 0 ? 0 : at.first), second + (at.second < 0 ? 0 : at.second), at.first >= 0, at.second >= 0};
    }
};

// ---- products of what lies in shared memory: rows of X and Y are aligned to 16 bytes, and ld is 4 more than a multiple of 8, so that lanes
// meet no conflict of banks. A warp has a tile of 16 x 32.
// The number of this warp, known to be that of all its lanes.
PNN_D int join_warp() { return __shfl_sync(0xffffffffu, (int)threadIdx.x / 32, 0); }
// What a lane has of a tile of 16 x COLS: ROWS rows of CHUNKS times as many numbers as 16 bytes have.
template <class T, int COLS> struct join_lane;
template <int COLS> struct join_lane<float, COLS> {
    static const int ROWS = COLS / 8, CHUNKS = 1, WIDE = 4;
    PNN_D static int row(int i) { return (threadIdx.x & 31) / (COLS / 4) * ROWS + i; }
    PNN_D static int col(int) { return threadIdx.x % (COLS / 4) * 4; }
};
template <int COLS> struct join_lane<double, COLS> {   // as multiply_f64 has its results
    static const int ROWS = 2, CHUNKS = COLS / 8, WIDE = 2;
    PNN_D static int row(int i) { return 8 * i + (threadIdx.x & 31) / 4; }
    PNN_D static int col(int j) { return 8 * j + threadIdx.x % 4 * 2; }
};
template <class T, int COLS = 32> struct join_tile { join_few<T> v[join_lane<T, COLS>::ROWS][join_lane<T, COLS>::CHUNKS]; };
// tile[r, c] += sum_k X[k, r] Y[k, c], or by rows sum_k X[r, k] Y[k, c], k < depth, a multiple of 4. Where only what lies above or below the
// diagonal is wanted, the rest may be left as it was.
enum join_left { BY_COLUMNS, BY_ROWS };
enum join_wanted { ALL, ABOVE, BELOW };
template <join_left LEFT, join_wanted = ALL, int COLS>
PNN_D void join_multiply(join_tile<float, COLS>& tile, int depth, const float* X, int ldx, const float* Y, int ldy) {
    typedef join_lane<float, COLS> lane;
    const int step = LEFT == BY_ROWS ? 1 : ldx, across = LEFT == BY_ROWS ? ldx : 1;
    const float *y = Y + lane::col(0), *x = X + lane::row(0) * across;
    PNN_UNROLL_BY(4)
    for (int k = 0; k < depth; k++) {
        const join_few<float> right = load_few(y + k * ldy);
        PNN_UNROLL
        for (int i = 0; i < lane::ROWS; i++) {
            const float left = x[k * step + i * across];
            PNN_UNROLL
            for (int j = 0; j < 4; j++) tile.v[i][0].v[j] += left * right.v[j];
        }
    }
}
// Factors of four k for the matrix units, and their products.
template <int COLS> struct join_four {
    double a[2], b[COLS / 8];
    template <join_left LEFT> PNN_D void load(const double* x, int ldx, const double* y) {
        PNN_UNROLL
        for (int i = 0; i < 2; i++) a[i] = x[8 * i * (LEFT == BY_ROWS ? ldx : 1)];
        PNN_UNROLL
        for (int j = 0; j < COLS / 8; j++) b[j] = y[8 * j];
    }
    template <join_wanted WANTED> PNN_D void multiply(join_tile<double, COLS>& tile) const {
        PNN_UNROLL
        for (int i = 0; i < 2; i++)
            PNN_UNROLL
            for (int j = 0; j < COLS / 8; j++)
                if (WANTED == ALL || (WANTED == ABOVE ? j >= i : j <= i)) multiply_f64(tile.v[i][j].v, a[i], b[j]);
    }
};
template <join_left LEFT, join_wanted WANTED = ALL, int COLS>
PNN_D void join_multiply(join_tile<double, COLS>& tile, int depth, const double* X, int ldx, const double* Y, int ldy) {
    const int g = (threadIdx.x & 31) / 4, t = threadIdx.x % 4, step = LEFT == BY_ROWS ? 4 : 4 * ldx;
    const double *x = X + (LEFT == BY_ROWS ? g * ldx + t : g + t * ldx), *y = Y + t * ldy + g;
    join_four<COLS> four[4];   // two are on their way while the two before them are multiplied
    auto load = [&](int i) {
        four[i].template load<LEFT>(x, ldx, y);
        x += step, y += 4 * ldy;
    };
    if (!MATRIX_F64) {
        PNN_UNROLL_BY(1)
        for (; depth > 0; depth -= 4) {
            load(0);
            four[0].template multiply<WANTED>(tile);
        }
        return;
    }
    if (depth >= 8) load(0), load(1);
    PNN_UNROLL_BY(1)
    for (; depth >= 16; depth -= 16) {
        load(2), load(3);
        four[0].template multiply<WANTED>(tile), four[1].template multiply<WANTED>(tile);
        if (depth >= 24) load(0), load(1);
        four[2].template multiply<WANTED>(tile), four[3].template multiply<WANTED>(tile);
    }
    if (depth >= 8) {
        four[0].template multiply<WANTED>(tile), four[1].template multiply<WANTED>(tile);
        depth -= 8;
    }
    if (depth > 0) {
        load(0);
        four[0].template multiply<WANTED>(tile);
    }
}
// body(r, c, i, j) for what this lane has of a tile: its row and the first column of a chunk
template <class T, int COLS, class Body> PNN_D void join_elements(Body body) {
    PNN_UNROLL
    for (int i = 0; i < join_lane<T, COLS>::ROWS; i++)
        PNN_UNROLL
        for (int j = 0; j < join_lane<T, COLS>::CHUNKS; j++) body(join_lane<T, COLS>::row(i), join_lane<T, COLS>::col(j), i, j);
}
// A tile that lies at `at` in shared memory.
template <class T, int COLS> PNN_D void join_fetch(join_tile<T, COLS>& tile, const T* at, int ld) {
    join_elements<T, COLS>([&](int r, int c, int i, int j) { tile.v[i][j] = load_few(at + r * ld + c); });
}
template <class T, int COLS> PNN_D void join_store(const join_tile<T, COLS>& tile, T* at, int ld) {
    join_elements<T, COLS>([&](int r, int c, int i, int j) { store_few(at + r * ld + c, tile.v[i][j]); });
}
// body(r, c) for the tiles of a matrix (rows, cols) that do not lie below the diagonal, shared out to the warps of `parts` blocks
template <class Body> PNN_D void join_upper(int rows, int cols, int part, int parts, Body body) {
    const int warps = blockDim.x / 32;
    int r = 0;
    for (int u = part * warps + join_warp();; u += parts * warps) {
        int across = (cols - r + 31) / 32;
        for (; r < rows && u >= across; across = (cols - r + 31) / 32) u -= across, r += 16;
        if (r >= rows) return;
        body(r, r + 32 * u);
    }
}
// What ports from r0 and c0 on have between them, of `some` of which number(port) tells which they are.
template <int COLS, class T, class Number>
PNN_D void join_between(const join_wired<T>& wired, int r0, int c0, int some, Number number, join_tile<T, COLS>& tile) {
    typedef join_lane<T, COLS> mine;
    int down[mine::ROWS], across[mine::CHUNKS];
    PNN_UNROLL
    for (int i = 0; i < mine::ROWS; i++) down[i] = number(smaller(r0 + mine::row(i), some - 1));
    PNN_UNROLL
    for (int j = 0; j < mine::CHUNKS; j++) across[j] = number(smaller(c0 + mine::col(j), some - mine::WIDE));
    join_elements<T, COLS>([&](int, int, int i, int j) { tile.v[i][j] = wired.between(down[i], across[j]); });
}

// ---- elimination in shared memory, one block of whole warps
// Nodes K to K + 3 and those behind them go, if there are as many, two at a time: a lane has a column, x[b] of row b, and shows what it has of
// both in `shown` (2, 2, 32). Both inverses, which are put into `inverses`, are worked out at once: s is what node k has beyond itself, and
// s (t + a u / s) = s t + a u.
template <int K, class T> PNN_D void join_nodes(int p, T (&x)[JOIN_PANEL], T* inverses, T* shown) {
    const int lane = threadIdx.x & 31, WIDE = 16 / sizeof(T);
    if constexpr (K < JOIN_PANEL)
        if (K < p) {
            const bool own = lane >= K && lane < K + 4;   // has R, and nothing else, of the rows behind these
            PNN_UNROLL
            for (int b = K + 4; b < JOIN_PANEL; b++) x[b] = own ? T(0) : x[b];
            PNN_UNROLL
            for (int k = K; k < K + 4; k += 2) {
                T *one = shown + k % 4 * 32, *two = one + 32;
                one[lane] = x[k];
                two[lane] = x[k + 1];
                __syncwarp();
                const T s = one[16 + k], u = one[17 + k], t = two[17 + k], a = one[k + 1];
                join_few<T> ones[JOIN_PANEL / WIDE], twos[JOIN_PANEL / WIDE];
                const int now = k < 4 ? 3 * JOIN_PANEL / 4 : JOIN_PANEL;   // of the first nodes the last rows are loaded later, for registers' sake
                PNN_UNROLL
                for (int i = (k + 2) / WIDE; i < now / WIDE; i++) ones[i] = load_few(one + i * WIDE), twos[i] = load_few(two + i * WIDE);
                const T size = inverse_size(s), scaled = mantissa(s);
                const T first = inverse_of_sum(s), second = scaled * inverse_of_sum(scaled * t + a * size * u), weight = a * first;
                const T mine = (lane == k ? T(1) : x[k]) * first, later = (lane == k ? T(0) : x[k + 1]) + a * mine;
                const T next = (lane == k + 1 ? T(1) : later) * second;
                if (lane == 0) inverses[k] = first, inverses[k + 1] = second;
                const T far = own && lane > k ? T(0) : mine, further = own && lane > k + 1 ? T(0) : next;
                PNN_UNROLL
                for (int b = k + 2; b < JOIN_PANEL; b++) {
                    if (b == now) {
                        __syncwarp();
                        PNN_UNROLL
                        for (int i = now / WIDE; i < JOIN_PANEL / WIDE; i++) ones[i] = load_few(one + i * WIDE), twos[i] = load_few(two + i * WIDE);
                    }
                    const T left = ones[b / WIDE].v[b % WIDE], right = twos[b / WIDE].v[b % WIDE] + weight * left;
                    if (b < K + 4) x[b] = (lane == k || lane == k + 1 ? T(0) : x[b]) + left * (lane == k + 1 ? T(0) : mine) + right * next;
                    else x[b] = x[b] + left * far + right * further;
                }
                x[k + 1] = later;
            }
            join_nodes<K + 4>(p, x, inverses, shown);
        }
}
// D (16, ld), the nodes of a panel, p of them and zeros: conductances above the diagonal, tails on and below it. One warp puts columns of R, with
// ones on its diagonal, into Rt (16, 20), and what rows of R are still to be multiplied by into `roots`, behind it.
template <class T> PNN_D void join_panel(int p, const T* D, int ld, T* Rt) {
    const int lane = threadIdx.x & 31, column = lane & 15, WIDE = 16 / sizeof(T);
    // A lane of the first half has a column: conductances between nodes, until its own node goes, and then R but for its roots; one of the
    // second half what nodes b <= column have beyond node `column`. What lies beyond the diagonal in either is not looked at.
    const bool tails = lane >= 16;
    const int step = tails ? 1 : ld;
    const T* mine = D + (tails ? column * ld : column);
    T x[JOIN_PANEL], *roots = Rt + JOIN_PANEL * JOIN_WIDE;
    if (!tails) roots[column] = T(1);
    PNN_UNROLL
    for (int b = 0; b < JOIN_PANEL; b++) x[b] = mine[b * step];
    join_nodes<0>(p, x, roots, Rt);
    __syncwarp();
    if (!tails) {
        PNN_UNROLL
        for (int i = 0; i < JOIN_PANEL / WIDE; i++) {
            join_few<T> some;
            PNN_UNROLL
            for (int w = 0; w < WIDE; w++) some.v[w] = i * WIDE + w > column ? x[i * WIDE + w] : T(0);
            store_few(Rt + column * JOIN_WIDE + i * WIDE, some);
        }
        Rt[column * (JOIN_WIDE + 1)] = T(1);
        roots[column] = root_of_inverse(roots[column]);
    }
}
// Of the rows of a panel what lies right of `last`, and of its columns what lies below it, tiles of 16 x 16: how many of the former, and of all.
struct join_beyond {
    int last, upper, all;
    PNN_D join_beyond(int H, int cols, int last) : last(last), upper((int)((u32)(cols - last) / 16)), all(upper + (int)((u32)(H - last) / 16)) {}
    PNN_D bool right(int u) const { return u < upper; }
    PNN_D int at(int u) const { return last + 16 * (u < upper ? u : u - upper); }   // the first column of a tile, or its first row
};
// A panel's tile number u += what panels before `start` add to it.
template <class T> PNN_D void join_add(T* M, int ld, const join_beyond& tiles, int start, int u) {
    const int at = tiles.at(u);
    T *own = M + start * ld + at, *other = M + at * ld + start;
    join_tile<T, 16> tile;
    if (tiles.right(u)) {
        join_fetch(tile, own, ld);
        join_multiply<BY_COLUMNS>(tile, start, M + start, ld, M + at, ld);
        join_store(tile, own, ld);
    } else {
        join_fetch(tile, other, ld);
        join_multiply<BY_ROWS>(tile, start, M + at * ld, ld, M + start, ld);
        join_store(tile, other, ld);
    }
}
// What a panel from `start` on adds to the nodes of the next one among each other.
template <class T> PNN_D void join_add_own(T* M, int ld, int start) {
    const int first = start + JOIN_PANEL;
    T *D = M + first * ld + first, *above = M + start * ld + first;
    join_tile<T, 16> nodes, tails;
    join_fetch(nodes, D, ld);
    tails = nodes;
    join_multiply<BY_COLUMNS, ABOVE>(nodes, JOIN_PANEL, above, ld, above, ld);
    join_multiply<BY_ROWS, BELOW>(tails, JOIN_PANEL, M + first * ld + start, ld, above, ld);
    __syncwarp();
    join_elements<T, 16>([&](int r, int c, int i, int j) {
        PNN_UNROLL
        for (int w = 0; w < join_lane<T, 16>::WIDE; w++)
            if (c + w <= r) nodes.v[i][j].v[w] = tails.v[i][j].v[w];
        store_few(D + r * ld + c, nodes.v[i][j]);
    });
    __syncwarp();
}
// body(D[r, c], v) for what a lane has of a tile above the diagonal, or of its tails, on and below it.
template <class T, class Body> PNN_D void join_halves(T* D, int ld, bool tails, join_tile<T, 16>& tile, Body body) {
    join_elements<T, 16>([&](int r, int c, int i, int j) {
        PNN_UNROLL
        for (int w = 0; w < join_lane<T, 16>::WIDE; w++)
            if ((c + w <= r) == tails) body(D[r * ld + c + w], tile.v[i][j].v[w]);
    });
}
// What panels before `stop` add to nodes among each other from `first` on: to conductances, above the diagonal, or to tails.
template <class T> PNN_D void join_add_half(T* M, int ld, int first, int stop, bool tails) {
    T *D = M + first * ld + first, *above = M + first;
    join_tile<T, 16> tile = {};
    join_halves(D, ld, tails, tile, [](T& there, T& v) { v = there; });   // the other half is another warp's
    if (tails) join_multiply<BY_ROWS, BELOW>(tile, stop, M + first * ld, ld, above, ld);
    else join_multiply<BY_COLUMNS, ABOVE>(tile, stop, above, ld, above, ld);
    join_halves(D, ld, tails, tile, [](T& there, T& v) { there = v; });
}
// R of a panel on its tile number u.
template <class T> PNN_D void join_apply(T* M, int ld, const join_beyond& tiles, int start, const T* Rt, int u) {
    typedef join_lane<T, 16> mine;
    const T* roots = Rt + JOIN_PANEL * JOIN_WIDE;
    join_tile<T, 16> tile = {};
    if (tiles.right(u)) {
        T *at = M + start * ld + tiles.at(u), root[mine::ROWS];
        PNN_UNROLL
        for (int i = 0; i < mine::ROWS; i++) root[i] = roots[mine::row(i)];
        join_multiply<BY_COLUMNS>(tile, JOIN_PANEL, Rt, JOIN_WIDE, at, ld);
        __syncwarp();
        join_elements<T, 16>([&](int r, int c, int i, int j) {
            PNN_UNROLL
            for (int w = 0; w < mine::WIDE; w++) tile.v[i][j].v[w] *= root[i];
            store_few(at + r * ld + c, tile.v[i][j]);
        });
    } else {
        T* at = M + tiles.at(u) * ld + start;
        join_few<T> root[mine::CHUNKS];
        PNN_UNROLL
        for (int j = 0; j < mine::CHUNKS; j++) root[j] = load_few(roots + mine::col(j));
        join_multiply<BY_ROWS>(tile, JOIN_PANEL, at, ld, Rt, JOIN_WIDE);
        __syncwarp();
        join_elements<T, 16>([&](int r, int c, int i, int j) {
            PNN_UNROLL
            for (int w = 0; w < mine::WIDE; w++) tile.v[i][j].v[w] *= root[j].v[w];
            store_few(at + r * ld + c, tile.v[i][j]);
        });
    }
}
// M: h nodes that go, with their tails, in columns from 0, and from H on `width` ports that stay, each filled up by zeros (join_row). On return Z;
// if `weights` are wanted, R in the columns of each panel, with zeros above its diagonal. While the first warp is with a panel, the others add
// to what lies right of it and below it, and to the next one, what all before these add.
template <class T> PNN_D void join_eliminate(int h, int width, T* M, T* scratch, bool weights) {
    const int H = join_nodes_of(h), cols = H + join_ports_of(width), ld = join_row(h, width);
    const int warp = join_warp(), warps = blockDim.x / 32;
    // Of eight warps and more, those that share the first one's scheduler and matrix unit leave it alone while it is with a panel.
    const bool apart = warps >= 8;
    const int helpers = warps == 1 ? 1 : apart ? warps - (warps + 3) / 4 : warps - 1;
    const int helper = warps == 1 ? 0 : !apart ? warp - 1 : warp % 4 == 0 ? -1 : warp - warp / 4 - 1;
    T *Rt = scratch, *other = scratch + JOIN_FACTOR;
    if (warp == 0) join_panel(smaller(JOIN_PANEL, h), M, ld, Rt);
    __syncthreads();
    PNN_UNROLL_BY(1)
    for (int start = 0; start < H; start += JOIN_PANEL) {
        const int stop = start + JOIN_PANEL, last = stop + JOIN_PANEL;
        const join_beyond beyond(H, cols, stop);
        PNN_UNROLL_BY(1)
        for (int u = warp; u < beyond.all; u += warps) join_apply(M, ld, beyond, start, Rt, u);
        __syncthreads();
        if (stop < H && warp == 0) {
            join_add_own(M, ld, start);
            join_panel(smaller(JOIN_PANEL, h - stop), M + stop * ld + stop, ld, other);
        }
        if (stop < H && helper >= 0) {
            const join_beyond tiles(H, cols, last);
            PNN_UNROLL_BY(1)
            for (int u = helper; u < tiles.all + (last < H ? 2 : 0); u += helpers) {
                if (u < tiles.all) join_add(M, ld, tiles, stop, u);
                else join_add_half(M, ld, last, stop, u > tiles.all);
            }
        }
        if (weights)
            for (int i = threadIdx.x; i < JOIN_PANEL * JOIN_PANEL; i += blockDim.x) {
                const int b = i / JOIN_PANEL, c = i % JOIN_PANEL;
                M[(start + b) * ld + start + c] = Rt[c * JOIN_WIDE + b] * Rt[JOIN_PANEL * JOIN_WIDE + b];
            }
        __syncthreads();
        T* turn = Rt;
        Rt = other, other = turn;
    }
}
// What join_eliminate left -> the weights of the ports, in their columns.
template <class T> PNN_D void join_weights(int h, int width, T* M) {
    const int H = join_nodes_of(h), ld = join_row(h, width);
    for (int c = threadIdx.x / 32 * 16; c < width; c += blockDim.x / 2)
        for (int start = H - JOIN_PANEL; start >= 0; start -= JOIN_PANEL) {
            const int stop = start + JOIN_PANEL;
            T* Y = M + start * ld + H + c;
            join_tile<T, 16> tile;
            join_fetch(tile, Y, ld);
            join_multiply<BY_ROWS>(tile, H - stop, M + start * ld + stop, ld, M + stop * ld + H + c, ld);
            join_store(tile, Y, ld);
            __syncwarp();
            tile = {};
            join_multiply<BY_COLUMNS>(tile, JOIN_PANEL, M + start * ld + start, ld, Y, ld);   // R has nothing above its diagonal
            __syncwarp();
            join_store(tile, Y, ld);
            __syncwarp();
        }
    __syncthreads();
}
// Tails of ROWS nodes from b on, a warp for them, to `stop`, at most 32 CHUNKS nodes: first what each has beyond a node to others before `stop`,
// from at(i, y) that it has with a later node, which seen(i, y, v) is told; then put(i, c, v) of node b + i and of each node c from b on, with
// what it has beyond all of them, of which lanes have parts.
template <int ROWS, int CHUNKS, class T> struct join_tails {
    T suffix[ROWS][CHUNKS];
    template <class At, class Seen> PNN_D void among(int b, int stop, At at, Seen seen) {
        const int lane = threadIdx.x & 31;
        PNN_UNROLL
        for (int i = 0; i < ROWS; i++)
            PNN_UNROLL
            for (int j = 0; j < CHUNKS; j++) suffix[i][j] = at(i, smaller(b + 32 * j + lane + 1, stop - 1));   // all loads first
        PNN_UNROLL
        for (int i = 0; i < ROWS; i++)
            PNN_UNROLL
            for (int j = 0; j < CHUNKS; j++) {
                const int y = b + 32 * j + lane + 1;
                if (y < stop && y > b + i) seen(i, y, suffix[i][j]);
                else suffix[i][j] = T(0);
            }
        PNN_UNROLL
        for (int step = 1; step < 32; step *= 2)
            PNN_UNROLL
            for (int i = 0; i < ROWS; i++)
                PNN_UNROLL
                for (int j = 0; j < CHUNKS; j++) {
                    const T other = __shfl_down_sync(0xffffffffu, suffix[i][j], step);
                    suffix[i][j] += lane + step < 32 ? other : T(0);
                }
    }
    template <class Put> PNN_D void with(int b, int stop, T (&beyond)[ROWS], Put put) const {
        const int lane = threadIdx.x & 31;
        PNN_UNROLL
        for (int step = 1; step < 32; step *= 2)
            PNN_UNROLL
            for (int i = 0; i < ROWS; i++) beyond[i] += __shfl_xor_sync(0xffffffffu, beyond[i], step);
        PNN_UNROLL
        for (int i = 0; i < ROWS; i++)
            PNN_UNROLL
            for (int j = CHUNKS - 1; j >= 0; j--) {
                const int c = b + 32 * j + lane;
                if (c < stop && c >= b + i) put(i, c, suffix[i][j] + beyond[i]);
                beyond[i] += __shfl_sync(0xffffffffu, suffix[i][j], 0);
            }
    }
};
// A pair of few nodes to shared memory, with its tails. A lane keeps to its columns and has the loads of four rows under way.
// kept: which ports they are.
template <class T> PNN_D void join_gather(const join_wired<T>& wired, int h, int width, T* M, T* scratch, int* kept) {
    const int lane = threadIdx.x & 31, warp = join_warp(), warps = blockDim.x / 32;
    const int WIDE = 16 / sizeof(T), SPAN = 32 * WIDE, H = join_nodes_of(h), ld = join_row(h, width), cols = ld - 4;
    join_node* nodes = reinterpret_cast<join_node*>(scratch);
    for (int i = threadIdx.x; i < h + width; i += blockDim.x) {
        const join_node at = wired.pair.at(i);
        if (i < h) nodes[i] = wired.row(at);
        else kept[i - h] = wired.kept(at);
    }
    for (int i = h * ld + threadIdx.x; i < H * ld; i += blockDim.x) M[i] = T(0);
    for (int i = threadIdx.x; i < h * 16; i += blockDim.x)
        if (h + i % 16 < H) M[i / 16 * ld + h + i % 16] = T(0);
    __syncthreads();
    // Nodes, and then ports and the zeros behind them; those from `alone` on are in one part only. What nodes have on and below the diagonal
    // is written over by tails.
    const int alone = (h + SPAN - 1) / SPAN, across = alone + (cols - H + SPAN - 1) / SPAN;
    int k0 = 0, turn = warp;
    PNN_UNROLL_BY(1)
    for (;; turn += warps) {
        for (; turn >= across; turn -= across) k0 += 4;
        if (k0 >= h) break;
        const int c = (turn < alone ? turn : turn - alone) * SPAN + lane * WIDE;
        const bool there = c < (turn < alone ? h : width);
        const join_columns<T> y = wired.columns(!there ? 0 : turn < alone ? c : h + c);
        join_few<T> v[4];
        if (turn >= alone)
            PNN_UNROLL
            for (int i = 0; i < 4; i++) v[i] = y.ports(nodes[k0 + i]);
        else
            PNN_UNROLL
            for (int i = 0; i < 4; i++) v[i] = y(nodes[k0 + i]);
        T* at = M + k0 * ld + c + (turn < alone ? 0 : H);
        PNN_UNROLL
        for (int i = 0; i < 4; i++)
            if (there || (turn >= alone && c < cols - H)) store_few(at + i * ld, there ? v[i] : join_few<T>{});
    }
    __syncthreads();
    PNN_UNROLL_BY(1)
    for (int b = 2 * warp; b < h; b += 2 * warps) {   // two nodes at a time
        const T* mine = M + b * ld;
        T total[2] = {};
        for (int c = H + lane; c < H + width; c += 32)
            PNN_UNROLL
            for (int i = 0; i < 2; i++) total[i] += mine[i * ld + c];
        join_tails<2, 1, T> tails;
        tails.among(b, h, [&](int i, int y) { return mine[i * ld + y]; }, [](int, int, T) {});
        __syncwarp();
        tails.with(b, h, total, [&](int i, int c, T v) { M[c * ld + b + i] = v; });
    }
    __syncthreads();
}

// ---- products of what lies in memory, one block of JOIN_BLOCK threads for a tile of 32 x 32, each of its warps for a quarter
// Rows of a product's factor, JOIN_DEPTH of them at a time, of 32 numbers: a thread's share. EVEN: ld and n are multiples of 4, and all are
// loaded by 16 bytes.
template <bool EVEN, class T> struct join_factor {
    static const int WIDE = EVEN ? 16 / sizeof(T) : 1, ACROSS = JOIN_TILE / WIDE, STEP = JOIN_BLOCK / ACROSS, EACH = JOIN_DEPTH / STEP;
    struct alignas(WIDE * sizeof(T)) chunk { T v[WIDE]; };
    const T* from;
    i64 step;
    int left;   // rows from this thread's first one on, none where it has no column
    chunk v[EACH];
    PNN_D static int row() { return threadIdx.x / ACROSS; }
    PNN_D static int col() { return threadIdx.x % ACROSS * WIDE; }
    // `depth` rows of n numbers, ld between rows
    PNN_D join_factor(const T* X, int ld, int n, int depth)
        : from(X + row_at(row(), ld) + col()), step(row_at(STEP, ld)), left(col() < n ? depth - row() : 0) {}
    PNN_D void load() {   // the next ones, and zeros behind the last
        PNN_UNROLL
        for (int i = 0; i < EACH; i++) {
            v[i] = chunk{};
            if (i * STEP < left) v[i] = *reinterpret_cast<const chunk*>(from + i * step);
        }
        from += EACH * step, left -= JOIN_DEPTH;
    }
    PNN_D void store(T* x) const {
        PNN_UNROLL
        for (int i = 0; i < EACH; i++) *reinterpret_cast<chunk*>(x + (row() + i * STEP) * JOIN_LD + col()) = v[i];
    }
};
// Where this warp's quarter of a tile begins.
PNN_D int join_down() { return join_warp() / 2 * 16; }
PNN_D int join_across() { return join_warp() % 2 * 16; }
// quarter[i, j] += sum_k X[k, i] Y[k, j], k < depth, a multiple of 4; rows of X and Y have nx and ny numbers. Rows are on their way while those
// before them are multiplied. All threads have to be here; `mine`: whether this warp's quarter is wanted.
template <bool EVEN, class T>
PNN_D void join_product(join_tile<T, 16>& quarter, bool mine, int depth, const T* X, int ldx, int nx, const T* Y, int ldy, int ny, T* memory) {
    join_factor<true, T> left(X, ldx, nx, depth);
    join_factor<EVEN, T> right(Y, ldy, ny, depth);
    left.load();
    right.load();
    PNN_UNROLL_BY(1)
    for (int from = 0; from < depth; from += JOIN_DEPTH) {
        T *x = memory + from / JOIN_DEPTH % 2 * (2 * JOIN_DEPTH * JOIN_LD), *y = x + JOIN_DEPTH * JOIN_LD;
        left.store(x);
        right.store(y);
        __syncthreads();
        left.load();   // nothing, behind the last
        right.load();
        if (mine) join_multiply<BY_COLUMNS>(quarter, smaller(JOIN_DEPTH, depth - from), x + join_down(), JOIN_LD, y + join_across(), JOIN_LD);
    }
    __syncthreads();
}
// body(r, c, v) for what a lane has of a quarter of the tile from (x0, y0) on: rows, columns, and the number, which may be changed.
template <class T, class Body> PNN_D void join_quarter(join_tile<T, 16>& quarter, int x0, int y0, Body body) {
    const int x = x0 + join_down(), y = y0 + join_across();
    join_elements<T, 16>([&](int r, int c, int i, int j) {
        PNN_UNROLL
        for (int w = 0; w < join_lane<T, 16>::WIDE; w++) body(x + r, y + c + w, quarter.v[i][j].v[w]);
    });
}
// Whether any of it lies on or above the diagonal.
PNN_D bool join_on_or_above(int x0, int y0) { return x0 + join_down() < y0 + join_across() + 16; }

// Neighbours in row x of a symmetric matrix (n, n), from column y on, and in its rows y, if `turned`.
template <class T> PNN_D void join_put(T* C, int n, int x, int y, bool turned, join_few<T> v) {
    if (x >= n || y >= n) return;
    store_few(C + row_at(x, n) + y, v);
    if (turned)
        PNN_UNROLL
        for (int w = 0; w < 16 / (int)sizeof(T); w++) C[row_at(y + w, n) + x] = v.v[w];
}

// ---- what a block does. `memory` has JOIN_SCRATCH numbers and then the rows, or JOIN_PRODUCT of products
// Blocks of one pair share out the tiles of what its ports have between them, `part` of `parts` is this one's; the first has the weights.
template <class T> PNN_D void join_small(const join_wired<T>& wired, int part, int parts, T* memory, T* above, T* weights) {
    T* M = memory + JOIN_SCRATCH;
    const int h = wired.pair.e, width = wired.pair.n - h, H = join_nodes_of(h), ld = join_row(h, width);
    int* kept = reinterpret_cast<int*>(memory + 2 * JOIN_FACTOR);
    join_gather(wired, h, width, M, memory, kept);
    join_eliminate(h, width, M, memory, weights != 0);
    join_upper(width, width, part, parts, [&](int r0, int c0) {
        join_tile<T, 32> tile;
        join_between(wired, r0, c0, width, [&](int port) { return kept[port]; }, tile);
        join_multiply<BY_COLUMNS>(tile, h, M + H + r0, ld, M + H + c0, ld);
        join_elements<T, 32>([&](int r, int c, int i, int j) { join_put(above, width, r0 + r, c0 + c, c0 + c >= r0 + 16, tile.v[i][j]); });
    });
    __syncthreads();
    if (weights && part == 0) {
        join_weights(h, width, M);
        for (int i = threadIdx.x; i < h * width; i += blockDim.x) weights[i] = M[i % h * ld + H + i / h];
    }
    __syncthreads();
}
// Rows x0 and x0 + 1, five warps each: what the nodes of a pair have between them, if nothing has gone yet, and the tails of those up to `end`.
// Four warps have the sum of a row, the fifth what its node has with others of the stage.
template <class T> PNN_D void join_lay(const join_wired<T>& wired, int start, int end, int x0, T* rows, T* sums) {
    const int e = wired.pair.e, n = wired.pair.n, lane = threadIdx.x & 31, warp = join_warp(), part = warp % 5;
    const int WIDE = 16 / sizeof(T), b = x0 + warp / 5;
    const int first = (b < end ? end : b / 4 * 4) + (part * 32 + lane) * WIDE;   // beyond it is none of this stage's nodes but what is written over
    const bool there = b < (start == 0 ? e : end);
    T* mine = rows + row_at(there ? b : 0, n);
    const join_node row = start == 0 ? wired.row(wired.pair.at(there ? b : 0)) : join_node{0, 0};
    const bool goes = there && b < end;   // in this stage
    join_tails<1, JOIN_MOST / 32, T> tails;
    if (part == 4 && goes)
        tails.among(
            b, end, [&](int, int y) { return start == 0 ? wired.node(row, y) : mine[y]; },
            [&](int, int y, T v) { if (start == 0) mine[y] = v; });
    if (part < 4) {
        T total = T(0);
        if (there)
            PNN_UNROLL_BY(1)
            for (int y = first; y < n; y += 3 * 128 * WIDE) {   // all loads of a batch first
                join_few<T> v[3];
                PNN_UNROLL
                for (int i = 0; i < 3; i++) {
                    const int at = smaller(y + i * 128 * WIDE, n - WIDE);
                    v[i] = start > 0 ? load_few(mine + at) : wired.columns(at)(row);
                }
                PNN_UNROLL
                for (int i = 0; i < 3; i++) {
                    const int at = y + i * 128 * WIDE;
                    if (at >= n) continue;
                    if (start == 0) store_few(mine + at, v[i]);
                    PNN_UNROLL
                    for (int w = 0; w < WIDE; w++) total += v[i].v[w];
                }
            }
        PNN_UNROLL
        for (int half = 16; half > 0; half /= 2) total += __shfl_xor_sync(0xffffffffu, total, half);
        if (lane == 0) sums[warp / 5 * 4 + part] = total;
    }
    __syncthreads();
    if (part == 4 && goes) {
        T beyond[1] = {lane < 4 ? sums[warp / 5 * 4 + lane] : T(0)};
        tails.with(b, end, beyond, [&](int, int c, T v) { rows[row_at(c, n) + b] = v; });
    }
    __syncthreads();
}
// Rows start to stop of a strip of a pair, as they lie in memory, to shared memory, `width` columns from `column` on; a warp has the loads of
// eight rows under way.
template <class T> PNN_D void join_strip(int n, int start, int stop, int column, int strip, const T* rows, T* memory, T* done, T* weights) {
    T* M = memory + JOIN_SCRATCH;
    const int WIDE = 16 / sizeof(T), lane = threadIdx.x & 31, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const int h = stop - start, width = smaller(strip, n - column), H = join_nodes_of(h), ld = join_row(h, width);
    for (int c = lane * WIDE; c < ld - 4; c += 32 * WIDE) {
        const bool there = c < h || (c >= H && c < H + width);
        const T* from = rows + row_at(start + warp, n) + (c < H ? start + c : column + c - H);
        T* to = M + warp * ld + c;
        for (int k0 = warp; k0 < H; k0 += 8 * warps, from += row_at(8 * warps, n), to += 8 * warps * ld) {
            join_few<T> v[8] = {};
            PNN_UNROLL
            for (int i = 0; i < 8; i++)
                if (there && k0 + i * warps < h) v[i] = load_few(from + row_at(i * warps, n));
            PNN_UNROLL
            for (int i = 0; i < 8; i++)
                if (k0 + i * warps < H) store_few(to + i * warps * ld, v[i]);
        }
    }
    __syncthreads();
    join_eliminate(h, width, M, memory, weights != 0);
    for (int c = lane * WIDE; c < width; c += 32 * WIDE)
        PNN_UNROLL_BY(8)
        for (int k = warp; k < h; k += warps) store_few(done + row_at(start + k, n) + column + c, load_few(M + k * ld + H + c));
    if (weights) {
        __syncthreads();
        join_weights(h, width, M);
        for (int c = warp; c < width; c += warps)
            for (int k = lane; k < h; k += 32) weights[row_at(start, n) + row_at(column - stop + c, h) + k] = M[k * ld + H + c];
    }
    __syncthreads();
}
// What products are added to is fetched before they are worked out.
template <class T> PNN_D void join_update(const join_pair& pair, int start, int stop, int x0, int y0, const T* done, T* rows, T* memory) {
    const int e = pair.e, n = pair.n;
    const T *X = done + row_at(start, n) + x0, *Y = done + row_at(start, n) + y0;
    join_tile<T, 16> quarter;
    join_quarter(quarter, x0, y0, [&](int x, int y, T& v) { v = rows[row_at(smaller(x, e - 1), n) + smaller(y, n - 1)]; });
    join_product<true>(quarter, join_on_or_above(x0, y0), stop - start, X, n, e - x0, Y, n, n - y0, memory);
    join_quarter(quarter, x0, y0, [&](int x, int y, T& v) {
        if (x < e && y < n && y > x) rows[row_at(x, n) + y] = v;
    });
}
// Of the whole array, whose drivers are the last ports at the left and whose outputs the first at the bottom, only what these have: T (n_in, n_out).
template <class T>
PNN_D void join_couple(const join_wired<T>& wired, int n_in, int n_out, int x0, int y0, const T* done, T* above, T* memory) {
    const int e = wired.pair.e, n = wired.pair.n, kept = n - e;
    join_tile<T, 16> quarter;
    join_between(wired, x0 + join_down(), y0 + join_across(), n, [&](int node) { return wired.kept(wired.pair.at(node)); }, quarter);
    join_product<true>(quarter, join_on_or_above(x0, y0), e, done + x0, n, n - x0, done + y0, n, n - y0, memory);
    const int x = x0 - e + join_down(), y = y0 - e + join_across();
    if (n_out > 0) {
        const int left = (n_in + 3) / 4 * 4, idle = left - n_in;
        join_quarter(quarter, x0 - e - idle, y0 - e - left, [&](int row, int column, T& v) {
            if (row >= 0 && row < n_in && column >= 0 && column < n_out) above[row_at(row, n_out) + column] = v;
        });
    } else if (x <= y) join_elements<T, 16>([&](int r, int c, int i, int j) { join_put(above, kept, x + r, y + c, x < y, quarter.v[i][j]); });
}
template <class T>
PNN_D void join_turn(const join_pair& pair, int h, int stop, int c0, int k0, const T* weights, const T* W, T* turned, T* memory) {
    const int kept = pair.n - stop;
    join_tile<T, 16> quarter = {};
    join_product<true>(quarter, true, kept, W + c0, kept, kept - c0, weights + k0, h, h - k0, memory);
    join_quarter(quarter, c0, k0, [&](int c, int k, T& v) {
        if (c < kept && k < h) turned[row_at(c, h) + k] = v;
    });
}
template <class T>
PNN_D void join_split(const join_pair& pair, int start, int stop, int x0, int y0, const T* weights, const T* turned, const T* W, T* out, T* leaves,
                      T* below, T* memory) {
    const int h = stop - start, n = pair.n - start, kept = n - h;
    T* first = pair.first < 0 ? leaves + (-1 - pair.first) * 256 : below + pair.first;
    T* second = pair.second < 0 ? leaves + (-1 - pair.second) * 256 : below + pair.second;
    // What is there already; what products make, from zeros on, replaces it.
    join_tile<T, 16> quarter;
    join_quarter(quarter, x0, y0, [&](int x, int y, T& v) {
        const int r = smaller(x, n - 1), c = smaller(y, n - 1);
        v = c < h ? T(0) : r < h ? turned[row_at(c - h, h) + r] : W[row_at(r - h, kept) + c - h];
    });
    if (y0 < h) {
        join_tile<T, 16> made = {};
        join_product<true>(made, join_on_or_above(x0, y0), kept, turned + x0, h, h - x0, weights + y0, h, h - y0, memory);
        join_elements<T, 16>([&](int, int c, int i, int j) {
            PNN_UNROLL
            for (int w = 0; w < join_lane<T, 16>::WIDE; w++)
                if (y0 + join_across() + c + w < h) quarter.v[i][j].v[w] = made.v[i][j].v[w];
        });
    }
    join_quarter(quarter, x0, y0, [&](int x, int y, T& v) {
        if (y < x || y >= n) return;
        if (start > 0) {
            out[row_at(x, n) + y] = out[row_at(y, n) + x] = v;
            return;
        }
        const join_node a = pair.at(x), b = pair.at(y);
        if (a.first >= 0 && b.first >= 0) first[a.first * pair.first_size + b.first] = first[b.first * pair.first_size + a.first] = v;
        if (a.second >= 0 && b.second >= 0) second[a.second * pair.second_size + b.second] = second[b.second * pair.second_size + a.second] = v;
    });
}
template <class T>
PNN_D void join_voltages(const join_pair& pair, int start, int stop, int x0, int c0, int q, const T* weights, const T* V, T* out, T* leaves,
                         T* below, T* memory) {
    const int h = stop - start, n = pair.n - start, kept = n - h;
    T* first = pair.first < 0 ? leaves + (-1 - pair.first) * 16 * (i64)q : below + pair.first_line * q;
    T* second = pair.second < 0 ? leaves + (-1 - pair.second) * 16 * (i64)q : below + pair.second_line * q;
    join_tile<T, 16> quarter = {};
    if (x0 < h) join_product<false>(quarter, true, kept, weights + x0, h, h - x0, V + c0, q, q - c0, memory);
    join_quarter(quarter, x0, c0, [&](int x, int c, T& v) {
        if (x >= n || c >= q) return;
        if (x >= h) v = V[row_at(x - h, q) + c];
        if (start > 0) {
            out[row_at(x, q) + c] = v;
            return;
        }
        const join_node at = pair.at(x);
        if (at.first >= 0) first[row_at(at.first, q) + c] = v;
        if (at.second >= 0) second[row_at(at.second, q) + c] = v;
    });
}
}  // namespace pnn
#endif
