// Graphs of edges. States are node-major, v[node, column], so that every gather reads whole lines; an edge or a node is written by its
// owner only: no atomics. Sums in double.
// n_edges : of the graph
// columns : samples
// lanes : threads of an edge, a power of two up to 32
// scale : of the contrast
// edges : (n_edges, 2) first and second node of each
// a, b : (nodes, columns) two states
#include "pnnkern/edges.cuh"

// out[e] = scale sum_c (a_i - a_j)(b_i - b_j), edge e = (i, j): the contrast of two states in product form.
// Bytes: 4 values per edge and column, whole lines at a time.
// Launch: any 1-D grid, blocks of whole warps.
// out : (n_edges) contrasts
extern "C" __global__ void pnn_edges_contrast_f32(long long n_edges, long long columns, int lanes, double scale, const int* __restrict__ edges,
                                                  const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ out) {
    pnn::edges_contrast(n_edges, columns, lanes, scale, edges, a, b, out);
}
extern "C" __global__ void pnn_edges_contrast_f64(long long n_edges, long long columns, int lanes, double scale, const int* __restrict__ edges,
                                                  const double* __restrict__ a, const double* __restrict__ b, double* __restrict__ out) {
    pnn::edges_contrast(n_edges, columns, lanes, scale, edges, a, b, out);
}
// The same contrast, written into the conductances in the same pass, kept within [lower, upper].
// Bytes: 4 values per edge and column, and 2 per edge.
// Launch: any 1-D grid, blocks of whole warps.
// step : above 0: each moves by one step of a potentiometer, up or down as the contrast says, or not at all where it is zero; 0: by the
//   contrast
// lower, upper : bounds of the conductances
// conductance : (n_edges) in place
extern "C" __global__ void pnn_edges_update_f32(long long n_edges, long long columns, int lanes, double scale, double step, double lower,
    double upper, const int* __restrict__ edges, const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ conductance) {
    pnn::edges_update(n_edges, columns, lanes, scale, step, lower, upper, edges, a, b, conductance);
}
extern "C" __global__ void pnn_edges_update_f64(long long n_edges, long long columns, int lanes, double scale, double step, double lower,
    double upper, const int* __restrict__ edges, const double* __restrict__ a, const double* __restrict__ b, double* __restrict__ conductance) {
    pnn::edges_update(n_edges, columns, lanes, scale, step, lower, upper, edges, a, b, conductance);
}
// out = L v on rows with free[i] != 0, and 0 on the others: out[i, c] = sum over edges (i, j) of g (v[i, c] - v[j, c]).
// Bytes: 1 value per edge end and column, 2 per node and column.
// Launch: any 1-D grid and block.
// n_nodes : of the graph
// offsets : (n_nodes + 1) neighbours of node i are neighbour[k] over edge[k], offsets[i] <= k < offsets[i + 1]
// neighbour, edge : (2 edges) the node at the other end, and the edge
// free : (n_nodes) 0 where a node is held
// conductance : (edges) [S] of each edge
// v : (n_nodes, columns) [V] states
// out : (n_nodes, columns) [A] net currents
extern "C" __global__ void pnn_edges_laplacian_f64(long long n_nodes, long long columns, const int* __restrict__ offsets,
    const int* __restrict__ neighbour, const int* __restrict__ edge, const unsigned char* __restrict__ free,
    const double* __restrict__ conductance, const double* __restrict__ v, double* __restrict__ out) {
    long long total = n_nodes * columns;
    for (long long t = blockIdx.x * (long long)blockDim.x + threadIdx.x; t < total; t += (long long)gridDim.x * blockDim.x) {
        long long i = t / columns, c = t % columns;
        double sum = 0, own = v[t];
        if (free[i])
            for (int k = offsets[i]; k < offsets[i + 1]; k++) sum += conductance[edge[k]] * (own - v[neighbour[k] * columns + c]);
        out[t] = sum;
    }
}
// What edges are given is looked at where it lies: values that are out of range, and nodes without a path of edges above 0 to a held one.
// Bytes: the values; the graph and a byte for each node in some turns where a value is 0.
// Launch: one block of whole warps; dynamic shared memory 2 n_nodes bytes, or none with marks.
// Faults: 78 a value below `lowest`, or not finite; 77 a node that floats.
// n_nodes : of the graph
// lowest : of the values
// passes : not 0: edges conduct whatever their value
// offsets : (n_nodes + 1) neighbours of node i are neighbour[k] over edge[k], offsets[i] <= k < offsets[i + 1]
// neighbour, edge : (2 edges) the node at the other end, and the edge
// free : (n_nodes) 0 where a node is held
// value : (n_edges) [S] of each edge, or what it has in its place
// marks : (2 n_nodes) that do not fit the shared memory; or null
extern "C" __global__ void pnn_edges_fit_f64(long long n_nodes, long long n_edges, double lowest, int passes, const int* __restrict__ offsets,
    const int* __restrict__ neighbour, const int* __restrict__ edge, const unsigned char* __restrict__ free,
    const double* __restrict__ value, unsigned char* marks, int* fault) {
    PNN_DYNAMIC_SHARED(unsigned char, edges_marks);
    pnn::edges_fit(n_nodes, n_edges, lowest, passes, offsets, neighbour, edge, free, value, marks ? marks : edges_marks, fault);
}
