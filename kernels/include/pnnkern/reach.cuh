// Which nodes of a graph hang together with those that are held.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/reach.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
// Whether a path of edges that conduct joins every node to one that is held, for all threads of the block. Neighbours of node i: neighbour[q]
// over edge[q], offsets[i] <= q < offsets[i + 1]. marks: 2 n_nodes bytes. From turn to turn each node asks its neighbours whether a path has
// reached them.
template <class Held, class Conducts>
PNN_D bool all_reached(long long n_nodes, const int* offsets, const int* neighbour, const int* edge, Held held, Conducts conducts,
                       unsigned char* marks) {
    unsigned char *reached = marks, *then = marks + n_nodes;
    for (long long i = threadIdx.x; i < n_nodes; i += blockDim.x) reached[i] = held(i);
    int missing = 1;
    for (int more = 1; more;) {
        __syncthreads();
        int found = 0;
        missing = 0;
        for (long long i = threadIdx.x; i < n_nodes; i += blockDim.x) {
            unsigned char now = reached[i];
            for (int q = offsets[i]; !now && q < offsets[i + 1]; q++)
                if (conducts(edge[q]) && reached[neighbour[q]]) now = 1, found = 1;
            then[i] = now;
            missing |= !now;
        }
        more = __syncthreads_or(found);
        unsigned char* last = reached;
        reached = then;
        then = last;
    }
    return !__syncthreads_or(missing);
}
}  // namespace pnn
#endif
