// Probabilistic spins on a graph: each sweep visits the nodes colour by colour, and a node takes its state from its neighbours' field by a
// random draw. Nodes of one colour are no neighbours, so their order does not matter. Twin: networks/pbit.py.
//
// The field is summed in double, in the order of the edges, by fma_, and compared as an integer: every backend makes the same decisions.
#pragma once
#include "pnnkern/philox.cuh"

namespace pnn {
// P(s = +1) = 1 / (1 + exp(-2 x)).
PNN_HD double spin_chance(double x) {
    double y = mul_(2.0, x < 0 ? -x : x), p = div_(1.0, add_(1.0, exp_neg(y < 600.0 ? y : 600.0)));   // 1 above 37 already
    return x < 0 ? sub_(1.0, p) : p;
}

struct spin_graph {
    long long nodes;
    const int *first, *neighbour;   // first[nodes + 1], neighbour[edges twice]
    const float* coupling;          // [edges twice]
    PNN_HD double field(long long i, double own, const signed char* state) const {
        for (int e = first[i]; e < first[i + 1]; e++) own = fma_((double)coupling[e], (double)state[neighbour[e]], own);
        return own;
    }
};
}  // namespace pnn
