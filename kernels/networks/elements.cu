// Coloured sweeps over networks of resistors and elements of a user's own, as of graph_sweep.cu. As they are here, f is Ohm's law.
// batch : samples
// n_nodes : of the graph
// colours : of the nodes
// sweeps : at most
// kept : what lies in dynamic shared memory: 0 nothing; 1 double v[n_nodes]; 2 then what the law has of each entry, double, int
//   offsets[n_nodes + 1] and neighbour[entries], char sense[entries]
// tolerance : [V] a sample stops when no node moves by more than tolerance scale
// enough : 0; or what may be left, of the scale: where more is, a sample goes on to a smaller tolerance
// told : not 0: a sample that has more left than enough is a fault
// relaxation : of a step: 1 goes all the way
// conductance : (edges) [S] by which f(w), in volts, is multiplied
// ohmic : (edges) 1 where f(w) = w, else 0
// constants : (constants) as many as there are: what f and its slope take behind w
// offsets : (n_nodes + 1) neighbours of node i are neighbour[k] over edge[k], offsets[i] <= k < offsets[i + 1]
// neighbour, edge : (2 edges) the node at the other end, and the edge
// sense : (2 edges) 1 where the node is the edge's first one, else -1
// order : (free nodes) the free nodes, colour by colour
// first : (colours + 1) colour c is order[first[c]] .. order[first[c + 1] - 1]
// free : (n_nodes) 0 where a node is held
// load : (n_nodes) [S] conductance to ground of each node
// low, high : (n_nodes) [V] rails
// driven : (batch, n_nodes) [A] current into each node
// scale : (batch) of the tolerance
// taken : (batch) sweeps of each sample
// left : (batch) largest step that a node would still make, of the scale
#include "pnnkern/graph_sweep.cuh"
#include "pnnkern/elements.cuh"

// A sample is swept until no node moves (element_law in elements.cuh).
// Bytes: voltages once in and out where they are kept, else those of all neighbours in each sweep; the tables in each sweep, or once for
//   a block.
// Launch: a block for each sample, of any grid, of up to 4 whole warps; dynamic shared memory as `kept` says.
// Faults: 76 with `told`, a sample that has not settled.
// v : (batch, n_nodes) [V] in place
extern "C" __global__ void __launch_bounds__(128, 4) pnn_elements_sweep_f64(long long batch, long long n_nodes, int colours, int sweeps, int kept,
    double tolerance, double relaxation, double enough, int told, const double* __restrict__ conductance, const double* __restrict__ ohmic,
    const double* __restrict__ constants, const int* __restrict__ offsets, const int* __restrict__ neighbour, const int* __restrict__ edge,
    const signed char* __restrict__ sense, const int* __restrict__ order, const int* __restrict__ first, const double* __restrict__ load,
    const double* __restrict__ low, const double* __restrict__ high, const double* __restrict__ driven, const double* __restrict__ scale,
    double* v, int* taken, double* left,
    int* fault) {
    PNN_DYNAMIC_SHARED(double, elements_shared);
    __shared__ double part[4];
    pnn::graph_sweep(batch, n_nodes, colours, sweeps, kept, tolerance, relaxation, enough, told, pnn::element_law{conductance, ohmic, constants},
                     pnn::graph{offsets, neighbour, edge, sense}, order, first, load, low, high, driven, scale, v, taken, left, fault,
                     part, elements_shared);
}
// How far each node still is from where it would step to, to first order: v - clip(v - net / slope, low, high); 0 where it is held.
// Bytes: voltages of all neighbours, the tables, and a value out for each node.
// Launch: any 1-D grid and block.
// v : (batch, n_nodes) [V] states
// out : (batch, n_nodes) [V] distances
extern "C" __global__ void pnn_elements_sweep_left_f64(long long batch, long long n_nodes, const double* __restrict__ conductance,
    const double* __restrict__ ohmic, const double* __restrict__ constants, const int* __restrict__ offsets,
    const int* __restrict__ neighbour, const int* __restrict__ edge, const signed char* __restrict__ sense,
    const unsigned char* __restrict__ free, const double* __restrict__ load, const double* __restrict__ low,
    const double* __restrict__ high, const double* __restrict__ driven, const double* __restrict__ v, double* __restrict__ out) {
    pnn::graph_left(batch, n_nodes, pnn::element_law{conductance, ohmic, constants}, pnn::graph{offsets, neighbour, edge, sense}, free, load,
                    low, high, driven, v, out);
}
