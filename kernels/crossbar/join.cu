// Pairs of blocks of a crossbar's tree are joined, and what is known of a pair is handed down to its parts (join.cuh): all pairs of a level, of
// all arrays of a stack, in one launch. joins (records of 14) and ports are the tables of a level, tasks (count, 3) those of a launch, pair and two numbers. An array
// has leaves (leaf_each numbers), blocks below (below_each) and above (above_each), and rows of pairs (rows_each).
//
// A stage is the elimination of `most` nodes of a pair at most, from `start` on; pairs of more nodes take several. Of a stage, `done` has
// the rows Z (n columns), and weights (n - stop, stop - start) those of the ports and nodes that stay, from start * n of a pair on.
#include "pnnkern/join.cuh"

// below, leaves -> above (kept, kept) of pairs that share at most 32 nodes, a block of whole warps for each; weights unless null.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_small_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const float* __restrict__ leaves, const float* __restrict__ below,
    float* __restrict__ above, float* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(float, join_shared_f32);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + t * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_small(wired, join_shared_f32, above + a * above_each + pair.above, weights ? weights + a * rows_each + pair.rows : weights);
    });
}
// One stage of pairs of any size: a block for each strip of at most `strip` columns; tasks: pair, first column, 0. Nodes are wired as leaves and
// below say where start is 0, else as rows say.
extern "C" __global__ void __launch_bounds__(512) pnn_join_eliminate_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long rows_each, long long start, long long most,
    long long strip, const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ leaves, const float* __restrict__ below, const float* __restrict__ rows, float* __restrict__ done,
    float* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(float, join_shared_f32);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        const long long own = a * rows_each + pair.rows;
        pnn::join_strip(wired, start, pair.stop(start, most), tasks[t * 3 + 1], strip, join_shared_f32, rows ? rows + own : rows, done + own,
                        weights ? weights + own : weights);
    });
}
// What a stage adds to the rows below it (on and above the diagonal): rows (stop to e, stop to n); tasks: pair, x0 and y0 of a tile.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_update_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long rows_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ leaves, const float* __restrict__ below, const float* __restrict__ done, float* __restrict__ rows) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        const long long own = a * rows_each + pair.rows;
        pnn::join_update(wired, start, pair.stop(start, most), tasks[t * 3 + 1], tasks[t * 3 + 2], done + own, rows + own, tile);
    });
}
// above (kept, kept) from all stages: what the ports had between them, and Z^T Z; tasks: pair, x0 and y0 of a tile.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_couple_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ leaves, const float* __restrict__ below, const float* __restrict__ done, float* __restrict__ above) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_couple(wired, tasks[t * 3 + 1], tasks[t * 3 + 2], done + a * rows_each + pair.rows, above + a * above_each + pair.above, tile);
    });
}
// ---- down the tree. W = Phi Q Phi^T (Phi: port voltages, Q: the cotangent), of the ports of a pair, or in `whole` of those and the nodes of
// later stages; V: voltages (ports, q).
// turned (kept, nodes) = W weights: W between the nodes of a stage and all that stays; tasks: pair, first column and node of a tile.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_turn_f32(
    long long arrays, long long count, long long above_each, long long rows_each, long long whole_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ weights, const float* __restrict__ above, const float* __restrict__ whole, float* __restrict__ turned) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long stop = pair.stop(start, most), own = a * rows_each + pair.rows + start * pair.n;
        const float* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_turn(pair, stop - start, stop, tasks[t * 3 + 1], tasks[t * 3 + 2], weights + own, W, turned + own, tile);
    });
}
// W of all nodes from start on: (n - start)^2 numbers in `out`, or, where start is 0, W of the ports of the parts, in leaves (zeros until
// then) and below; tasks: pair, x0 and y0 of a tile, counted from start.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_split_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, const long long* __restrict__ joins, const long long* __restrict__ ports,
    const long long* __restrict__ tasks, const float* __restrict__ weights, const float* __restrict__ above, const float* __restrict__ whole,
    const float* __restrict__ turned, float* __restrict__ out, float* __restrict__ leaves, float* __restrict__ below) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long stop = pair.stop(start, most), own = a * rows_each + pair.rows + start * pair.n;
        const float* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_split(pair, start, stop, tasks[t * 3 + 1], tasks[t * 3 + 2], weights + own, turned + own, W, out + a * whole_each + pair.whole,
                        leaves + a * leaf_each, below + a * below_each, tile);
    });
}
// As split, with voltages: (n - start, q) numbers in `out`, or V of the ports of the parts; tasks: pair, x0 of a tile, 0.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_voltages_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, long long q, const long long* __restrict__ joins,
    const long long* __restrict__ ports, const long long* __restrict__ tasks, const float* __restrict__ weights,
    const float* __restrict__ above, const float* __restrict__ whole, float* __restrict__ out, float* __restrict__ leaves,
    float* __restrict__ below) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long stop = pair.stop(start, most), own = a * rows_each + pair.rows + start * pair.n;
        const float* V = stop < pair.e ? whole + (a * whole_each + pair.whole_line) * q : above + (a * above_each + pair.above_line) * q;
        for (long long c = blockIdx.z * pnn::JOIN_TILE; c < q; c += gridDim.z * (long long)pnn::JOIN_TILE)
            pnn::join_voltages(pair, start, stop, tasks[t * 3 + 1], c, q, weights + own, V, out + (a * whole_each + pair.whole_line) * q,
                               leaves + a * leaf_each * q, below + a * below_each * q, tile);
    });
}
// below, leaves -> above (kept, kept) of pairs that share at most 32 nodes, a block of whole warps for each; weights unless null.
extern "C" __global__ void __launch_bounds__(256, 1) pnn_join_small_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const double* __restrict__ leaves, const double* __restrict__ below,
    double* __restrict__ above, double* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(double, join_shared_f64);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + t * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_small(wired, join_shared_f64, above + a * above_each + pair.above, weights ? weights + a * rows_each + pair.rows : weights);
    });
}
// One stage of pairs of any size: a block for each strip of at most `strip` columns; tasks: pair, first column, 0. Nodes are wired as leaves and
// below say where start is 0, else as rows say.
extern "C" __global__ void __launch_bounds__(256, 1) pnn_join_eliminate_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long rows_each, long long start, long long most,
    long long strip, const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ leaves, const double* __restrict__ below, const double* __restrict__ rows, double* __restrict__ done,
    double* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(double, join_shared_f64);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        const long long own = a * rows_each + pair.rows;
        pnn::join_strip(wired, start, pair.stop(start, most), tasks[t * 3 + 1], strip, join_shared_f64, rows ? rows + own : rows, done + own,
                        weights ? weights + own : weights);
    });
}
// What a stage adds to the rows below it (on and above the diagonal): rows (stop to e, stop to n); tasks: pair, x0 and y0 of a tile.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_update_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long rows_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ leaves, const double* __restrict__ below, const double* __restrict__ done, double* __restrict__ rows) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        const long long own = a * rows_each + pair.rows;
        pnn::join_update(wired, start, pair.stop(start, most), tasks[t * 3 + 1], tasks[t * 3 + 2], done + own, rows + own, tile);
    });
}
// above (kept, kept) from all stages: what the ports had between them, and Z^T Z; tasks: pair, x0 and y0 of a tile.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_couple_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ leaves, const double* __restrict__ below, const double* __restrict__ done, double* __restrict__ above) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_couple(wired, tasks[t * 3 + 1], tasks[t * 3 + 2], done + a * rows_each + pair.rows, above + a * above_each + pair.above, tile);
    });
}
// ---- down the tree. W = Phi Q Phi^T (Phi: port voltages, Q: the cotangent), of the ports of a pair, or in `whole` of those and the nodes of
// later stages; V: voltages (ports, q).
// turned (kept, nodes) = W weights: W between the nodes of a stage and all that stays; tasks: pair, first column and node of a tile.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_turn_f64(
    long long arrays, long long count, long long above_each, long long rows_each, long long whole_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ weights, const double* __restrict__ above, const double* __restrict__ whole, double* __restrict__ turned) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long stop = pair.stop(start, most), own = a * rows_each + pair.rows + start * pair.n;
        const double* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_turn(pair, stop - start, stop, tasks[t * 3 + 1], tasks[t * 3 + 2], weights + own, W, turned + own, tile);
    });
}
// W of all nodes from start on: (n - start)^2 numbers in `out`, or, where start is 0, W of the ports of the parts, in leaves (zeros until
// then) and below; tasks: pair, x0 and y0 of a tile, counted from start.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_split_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, const long long* __restrict__ joins, const long long* __restrict__ ports,
    const long long* __restrict__ tasks, const double* __restrict__ weights, const double* __restrict__ above, const double* __restrict__ whole,
    const double* __restrict__ turned, double* __restrict__ out, double* __restrict__ leaves, double* __restrict__ below) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long stop = pair.stop(start, most), own = a * rows_each + pair.rows + start * pair.n;
        const double* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_split(pair, start, stop, tasks[t * 3 + 1], tasks[t * 3 + 2], weights + own, turned + own, W, out + a * whole_each + pair.whole,
                        leaves + a * leaf_each, below + a * below_each, tile);
    });
}
// As split, with voltages: (n - start, q) numbers in `out`, or V of the ports of the parts; tasks: pair, x0 of a tile, 0.
extern "C" __global__ void __launch_bounds__(256, 2) pnn_join_voltages_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, long long q, const long long* __restrict__ joins,
    const long long* __restrict__ ports, const long long* __restrict__ tasks, const double* __restrict__ weights,
    const double* __restrict__ above, const double* __restrict__ whole, double* __restrict__ out, double* __restrict__ leaves,
    double* __restrict__ below) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long stop = pair.stop(start, most), own = a * rows_each + pair.rows + start * pair.n;
        const double* V = stop < pair.e ? whole + (a * whole_each + pair.whole_line) * q : above + (a * above_each + pair.above_line) * q;
        for (long long c = blockIdx.z * pnn::JOIN_TILE; c < q; c += gridDim.z * (long long)pnn::JOIN_TILE)
            pnn::join_voltages(pair, start, stop, tasks[t * 3 + 1], c, q, weights + own, V, out + (a * whole_each + pair.whole_line) * q,
                               leaves + a * leaf_each * q, below + a * below_each * q, tile);
    });
}
