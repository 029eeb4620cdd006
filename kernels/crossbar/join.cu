// Pairs of blocks of a crossbar's tree are joined, and what is known of a pair is handed down to its parts (join.cuh): all pairs of a
// level, of all arrays of a stack, in one launch. An array has leaves, blocks below and above, and rows of pairs. A pair has n nodes, of
// which e are eliminated and kept = n - e are its ports; all of these, and the nodes of a stage, are multiples of 4.
//
// A stage is the elimination of `most` nodes of a pair at most, from `start` on, to stop = min(start + most, e); pairs of more nodes take
// several. Of a stage, `done` has the rows Z (n columns), and weights (n - stop, stop - start) those of the ports and nodes that stay, from
// start * n of a pair on.
// Launch: grid (count, arrays), of any size, as blocks take turns.
// arrays : of the stack
// count : pairs or tasks of this launch
// leaf_each, below_each, above_each, rows_each, whole_each : numbers that an array has in leaves, below, above, in the rows of its pairs,
//   and in `whole`
// start : the first node of this stage
// most : nodes of a stage
// joins : (pairs, 14) records of the level's pairs: join_pair in join.cuh
// ports : (numbers) numbers of every node among the ports of both parts, -1 where it is none of them; records say from where on
// tasks : (count, 3) a pair and two numbers that the kernel explains
// leaves : (arrays, leaf_each) [S] conductances between the ports of leaves, 16 x 16 each
// below : (arrays, below_each) [S] conductances between the ports of the blocks below, or null where all parts are leaves
// above : (arrays, above_each) [S] conductances between the ports of the pairs, (kept, kept) each
// rows : (arrays, rows_each) [S] rows of the nodes that are left to eliminate, (e, n) of each pair: conductances right of the diagonal, and
//   from pnn_join_lay on the tails of a stage (join.cuh)
// done : (arrays, rows_each) the rows Z of this stage, and those before
// weights : (arrays, rows_each) of the voltages of ports and later nodes in that of an eliminated one
#include "pnnkern/join.cuh"

// The ports of pairs (kept, kept) from those of their parts, below and leaves, of pairs that share at most 32 nodes, all at once.
// Bytes: reads the conductances of both parts once, writes those of the pair, and its weights.
// Launch: grid (count, arrays, any), of any size, blocks of whole warps, 512 threads at most, one for each pair; those of the third axis do
//   the elimination over again and share out what comes out; dynamic shared memory for rows and scratch of the largest pair.
// weights : (arrays, rows_each) of the voltages of ports and later nodes in that of an eliminated one; or null
extern "C" __global__ void __launch_bounds__(512, 1) pnn_join_small_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const float* __restrict__ leaves, const float* __restrict__ below,
    float* __restrict__ above, float* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(float, join_shared_f32);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + t * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_small(wired, blockIdx.z, gridDim.z, join_shared_f32, above + a * above_each + pair.above,
                        weights ? weights + a * rows_each + pair.rows : weights);
    });
}
// Rows of pairs of any size: gathered from leaves and below where start is 0, and with the tails of the stage's nodes; tasks: pair, the first
// of two rows, 0.
// Bytes: reads (e, n) of each pair, or (stop - start, n - start) of its rows, writes what it gathers and (stop - start)^2 / 2 tails.
// Launch: grid (count, arrays), of any size, blocks of 320.
extern "C" __global__ void __launch_bounds__(320, 3) pnn_join_lay_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long rows_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ leaves, const float* __restrict__ below, float* __restrict__ rows) {
    __shared__ float sums[8];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_lay(wired, (int)start, pair.stop(start, most), (int)tasks[t * 3 + 1], rows + a * rows_each + pair.rows, sums);
    });
}
// One stage of pairs of any size: a block for each strip of at most `strip` columns; tasks: pair, first column, 0.
// Bytes: reads and writes (stop - start) n numbers of each pair, and reads the (stop - start)^2 that are eliminated once for each strip.
// Launch: grid (count, arrays), of any size, blocks of whole warps, 512 threads at most; dynamic shared memory for the stage's rows of a
//   strip, and scratch.
// strip : columns of a block
// weights : (arrays, rows_each) of the voltages of ports and later nodes in that of an eliminated one; or null
extern "C" __global__ void __launch_bounds__(512, 1) pnn_join_eliminate_f32(
    long long arrays, long long count, long long rows_each, long long start, long long most, long long strip,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ rows, float* __restrict__ done, float* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(float, join_shared_f32);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long own = a * rows_each + pair.rows;
        pnn::join_strip(pair.n, (int)start, pair.stop(start, most), (int)tasks[t * 3 + 1], (int)strip, rows + own, join_shared_f32, done + own,
                        weights ? weights + own : weights);
    });
}
// What a stage adds to the rows below it (above the diagonal): rows (stop to e, stop to n); tasks: pair, x0 and y0 of a tile of 32 x 32.
// Bytes: reads the stage's rows once for every 32 columns, reads and writes the rows below once.
// Launch: grid (count, arrays), of any size, blocks of 128.
extern "C" __global__ void __launch_bounds__(128, 4) pnn_join_update_f32(
    long long arrays, long long count, long long rows_each, long long start, long long most, const long long* __restrict__ joins,
    const long long* __restrict__ ports, const long long* __restrict__ tasks, const float* __restrict__ done, float* __restrict__ rows) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long own = a * rows_each + pair.rows;
        pnn::join_update(pair, (int)start, pair.stop(start, most), (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], done + own, rows + own, tile);
    });
}
// above (kept, kept) from all stages: what the ports had between them, and Z^T Z; tasks: pair, x0 and y0 of a tile of 32 x 32.
// Bytes: reads e rows of 32 columns twice and writes 32 x 32 numbers twice, for each tile.
// Launch: grid (count, arrays), of any size, blocks of 128.
// n_in, n_out : of an array where the pair is all of it, and above is what outputs see of drivers, (n_in, n_out) of each; else 0
extern "C" __global__ void __launch_bounds__(128, 4) pnn_join_couple_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long n_in, long long n_out, const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ leaves, const float* __restrict__ below, const float* __restrict__ done, float* __restrict__ above) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<float> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_couple(wired, (int)n_in, (int)n_out, (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], done + a * rows_each + pair.rows,
                         above + a * above_each + pair.above, tile);
    });
}
// Down the tree: W = Phi Q Phi^T (Phi: port voltages, Q: the cotangent), of the ports of a pair, or in `whole` of those and the nodes of
// later stages. turned (kept, nodes) = W weights: W between the nodes of a stage and all that stays; tasks: pair, first column and node of
// a tile of 32 x 32.
// Bytes: reads W once for every 32 nodes and the weights once for every 32 columns, writes turned once.
// Launch: grid (count, arrays), of any size, blocks of 128.
// above : (arrays, above_each) W of the ports of pairs
// whole : (arrays, whole_each) W of the ports and the nodes of later stages; not looked at in a pair's last stage
// turned : (arrays, rows_each) result, laid out as the weights
extern "C" __global__ void __launch_bounds__(128, 4) pnn_join_turn_f32(
    long long arrays, long long count, long long above_each, long long rows_each, long long whole_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const float* __restrict__ weights, const float* __restrict__ above, const float* __restrict__ whole, float* __restrict__ turned) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const int stop = pair.stop(start, most);
        const long long own = a * rows_each + pair.rows + start * pair.n;
        const float* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_turn(pair, stop - (int)start, stop, (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], weights + own, W, turned + own, tile);
    });
}
// W of all nodes from start on: (n - start)^2 numbers in `out`, or, where start is 0, W of the ports of the parts, in leaves (zeros until
// then) and below; tasks: pair, x0 and y0 of a tile of 32 x 32, counted from start.
// Bytes: reads weights and turned once for every 32 columns, W once, and writes the parts or `out` once.
// Launch: grid (count, arrays), of any size, blocks of 128.
// above : (arrays, above_each) W of the ports of pairs
// whole : (arrays, whole_each) W of the ports and the nodes of later stages; not looked at in a pair's last stage
// turned : (arrays, rows_each) of pnn_join_turn
// out : (arrays, whole_each) result where start is above 0
// leaves : (arrays, leaf_each) result where start is 0
// below : (arrays, below_each) result where start is 0
extern "C" __global__ void __launch_bounds__(128, 3) pnn_join_split_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, const long long* __restrict__ joins, const long long* __restrict__ ports,
    const long long* __restrict__ tasks, const float* __restrict__ weights, const float* __restrict__ above, const float* __restrict__ whole,
    const float* __restrict__ turned, float* __restrict__ out, float* __restrict__ leaves, float* __restrict__ below) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const int stop = pair.stop(start, most);
        const long long own = a * rows_each + pair.rows + start * pair.n;
        const float* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_split(pair, (int)start, stop, (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], weights + own, turned + own, W,
                        out + a * whole_each + pair.whole, leaves + a * leaf_each, below + a * below_each, tile);
    });
}
// As split, with voltages: (n - start, q) numbers in `out`, or, where start is 0, those of the ports of the parts; tasks: pair, x0 of a
// tile of 32, 0.
// Bytes: reads the weights once for every 32 columns of q, the voltages once for every 32 nodes, writes each voltage once.
// Launch: grid (count, arrays, any), of any size, blocks of 128; the third axis shares out the columns.
// q : columns of voltages
// above : (arrays, above lines, q) [V] of the ports of pairs; whole_each and the like count lines here
// whole : (arrays, whole lines, q) [V] of the ports and the nodes of later stages; not looked at in a pair's last stage
// out : (arrays, whole lines, q) [V] result where start is above 0
// leaves : (arrays, leaf lines, q) [V] result where start is 0
// below : (arrays, below lines, q) [V] result where start is 0
extern "C" __global__ void __launch_bounds__(128, 3) pnn_join_voltages_f32(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, long long q, const long long* __restrict__ joins,
    const long long* __restrict__ ports, const long long* __restrict__ tasks, const float* __restrict__ weights,
    const float* __restrict__ above, const float* __restrict__ whole, float* __restrict__ out, float* __restrict__ leaves,
    float* __restrict__ below) {
    alignas(16) __shared__ float tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const int stop = pair.stop(start, most);
        const long long own = a * rows_each + pair.rows + start * pair.n;
        const float* V = stop < pair.e ? whole + (a * whole_each + pair.whole_line) * q : above + (a * above_each + pair.above_line) * q;
        for (long long c = blockIdx.z * pnn::JOIN_TILE; c < q; c += gridDim.z * (long long)pnn::JOIN_TILE)
            pnn::join_voltages(pair, (int)start, stop, (int)tasks[t * 3 + 1], (int)c, (int)q, weights + own, V,
                               out + (a * whole_each + pair.whole_line) * q, leaves + a * leaf_each * q, below + a * below_each * q, tile);
    });
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_join_small_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const double* __restrict__ leaves, const double* __restrict__ below,
    double* __restrict__ above, double* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(double, join_shared_f64);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + t * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_small(wired, blockIdx.z, gridDim.z, join_shared_f64, above + a * above_each + pair.above,
                        weights ? weights + a * rows_each + pair.rows : weights);
    });
}
extern "C" __global__ void __launch_bounds__(320, 3) pnn_join_lay_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long rows_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ leaves, const double* __restrict__ below, double* __restrict__ rows) {
    __shared__ double sums[8];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_lay(wired, (int)start, pair.stop(start, most), (int)tasks[t * 3 + 1], rows + a * rows_each + pair.rows, sums);
    });
}
extern "C" __global__ void __launch_bounds__(512, 1) pnn_join_eliminate_f64(
    long long arrays, long long count, long long rows_each, long long start, long long most, long long strip,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ rows, double* __restrict__ done, double* __restrict__ weights) {
    PNN_DYNAMIC_SHARED(double, join_shared_f64);
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long own = a * rows_each + pair.rows;
        pnn::join_strip(pair.n, (int)start, pair.stop(start, most), (int)tasks[t * 3 + 1], (int)strip, rows + own, join_shared_f64, done + own,
                        weights ? weights + own : weights);
    });
}
extern "C" __global__ void __launch_bounds__(128, 4) pnn_join_update_f64(
    long long arrays, long long count, long long rows_each, long long start, long long most, const long long* __restrict__ joins,
    const long long* __restrict__ ports, const long long* __restrict__ tasks, const double* __restrict__ done, double* __restrict__ rows) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const long long own = a * rows_each + pair.rows;
        pnn::join_update(pair, (int)start, pair.stop(start, most), (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], done + own, rows + own, tile);
    });
}
extern "C" __global__ void __launch_bounds__(128, 4) pnn_join_couple_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long n_in, long long n_out, const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ leaves, const double* __restrict__ below, const double* __restrict__ done, double* __restrict__ above) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const pnn::join_wired<double> wired(pair, leaves + a * leaf_each, below + a * below_each);
        pnn::join_couple(wired, (int)n_in, (int)n_out, (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], done + a * rows_each + pair.rows,
                         above + a * above_each + pair.above, tile);
    });
}
extern "C" __global__ void __launch_bounds__(128, 4) pnn_join_turn_f64(
    long long arrays, long long count, long long above_each, long long rows_each, long long whole_each, long long start, long long most,
    const long long* __restrict__ joins, const long long* __restrict__ ports, const long long* __restrict__ tasks,
    const double* __restrict__ weights, const double* __restrict__ above, const double* __restrict__ whole, double* __restrict__ turned) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const int stop = pair.stop(start, most);
        const long long own = a * rows_each + pair.rows + start * pair.n;
        const double* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_turn(pair, stop - (int)start, stop, (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], weights + own, W, turned + own, tile);
    });
}
extern "C" __global__ void __launch_bounds__(128, 3) pnn_join_split_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, const long long* __restrict__ joins, const long long* __restrict__ ports,
    const long long* __restrict__ tasks, const double* __restrict__ weights, const double* __restrict__ above, const double* __restrict__ whole,
    const double* __restrict__ turned, double* __restrict__ out, double* __restrict__ leaves, double* __restrict__ below) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const int stop = pair.stop(start, most);
        const long long own = a * rows_each + pair.rows + start * pair.n;
        const double* W = stop < pair.e ? whole + a * whole_each + pair.whole : above + a * above_each + pair.above;
        pnn::join_split(pair, (int)start, stop, (int)tasks[t * 3 + 1], (int)tasks[t * 3 + 2], weights + own, turned + own, W,
                        out + a * whole_each + pair.whole, leaves + a * leaf_each, below + a * below_each, tile);
    });
}
extern "C" __global__ void __launch_bounds__(128, 3) pnn_join_voltages_f64(
    long long arrays, long long count, long long leaf_each, long long below_each, long long above_each, long long rows_each,
    long long whole_each, long long start, long long most, long long q, const long long* __restrict__ joins,
    const long long* __restrict__ ports, const long long* __restrict__ tasks, const double* __restrict__ weights,
    const double* __restrict__ above, const double* __restrict__ whole, double* __restrict__ out, double* __restrict__ leaves,
    double* __restrict__ below) {
    alignas(16) __shared__ double tile[pnn::JOIN_PRODUCT];
    pnn::join_each(arrays, count, [&](long long a, long long t) {
        const pnn::join_pair pair(joins + tasks[t * 3] * pnn::JOIN_FIELDS, ports);
        const int stop = pair.stop(start, most);
        const long long own = a * rows_each + pair.rows + start * pair.n;
        const double* V = stop < pair.e ? whole + (a * whole_each + pair.whole_line) * q : above + (a * above_each + pair.above_line) * q;
        for (long long c = blockIdx.z * pnn::JOIN_TILE; c < q; c += gridDim.z * (long long)pnn::JOIN_TILE)
            pnn::join_voltages(pair, (int)start, stop, (int)tasks[t * 3 + 1], (int)c, (int)q, weights + own, V,
                               out + (a * whole_each + pair.whole_line) * q, leaves + a * leaf_each * q, below + a * below_each * q, tile);
    });
}
