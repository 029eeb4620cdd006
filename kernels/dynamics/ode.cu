// ODEs of networks of nodes, whose rates are a user's own: as they are here, springs and masses, q' = v, v' = coupled + drive - p q.
// samples : networks
// n : nodes of each
// steps : of the length dt
// every : of so many steps the states of one are kept
// step0 : number of the first step for the noise
// method : 0 Runge and Kutta's of fourth order, 1 leapfrog, 2 Heun's
// team : threads of a sample, which divides those of a block
// times : of the drive: 1 where it is constant, else steps + 1, with straight lines between
// channels : of the drive: n, 1 for all nodes, 0 where there is none
// dt : [s] of a step
// constants : (constants) of the user's functions, one behind the other
// parameters : (parameters, n) of the nodes
// weights : (edges) of what nodes feel of each other
// offsets : (n + 1) node i feels neighbour[k] over edge[k], offsets[i] <= k < offsets[i + 1]; null without couplings
// neighbour, edge : (entries) the other node, and the edge
// drive : (samples, times, channels) inputs; or null
// noisy : 1 with noise
// sigma : (components) standard deviations of the noise, per root of time; or null
// key0, key1 : of the noise
// key : (2) the same, where it lies in memory; or null
// sample0 : global number of the first sample
// index : (samples) global number of each, instead; or null
// state : (samples, components, n) where the networks begin
#include "pnnkern/ode.cuh"

// All steps of all samples.
// Bytes: the states once in, those that are kept out, and the drive once; the tables in each stage, from a cache.
// Launch: a team of threads for each sample, of any grid; dynamic shared memory of 4 components n numbers for each team of a block.
// out : (samples, steps / every, components, n) states after every, 2 every, ... steps
extern "C" __global__ void pnn_ode_solve_f32(long long samples, long long n, long long steps, long long every, long long step0, int method,
    int team, long long times, long long channels, double dt, const float* __restrict__ constants, const float* __restrict__ parameters,
    const float* __restrict__ weights, const int* __restrict__ offsets, const int* __restrict__ neighbour, const int* __restrict__ edge,
    const float* __restrict__ drive, int noisy, const float* __restrict__ sigma, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long sample0, const long long* __restrict__ index, const float* __restrict__ state,
    float* __restrict__ out) {
    PNN_DYNAMIC_SHARED(float, singles);
    pnn::ode_solve<float>({samples, n, steps, method, times, channels, step0, (float)dt, constants, parameters, weights, offsets, neighbour,
                           edge, drive, noisy, sigma, pnn::key_of(key0, key1, key), sample0, index}, every, team, state, out, singles);
}
extern "C" __global__ void pnn_ode_solve_f64(long long samples, long long n, long long steps, long long every, long long step0, int method,
    int team, long long times, long long channels, double dt, const double* __restrict__ constants, const double* __restrict__ parameters,
    const double* __restrict__ weights, const int* __restrict__ offsets, const int* __restrict__ neighbour, const int* __restrict__ edge,
    const double* __restrict__ drive, int noisy, const double* __restrict__ sigma, unsigned key0, unsigned key1,
    const unsigned* __restrict__ key, long long sample0, const long long* __restrict__ index, const double* __restrict__ state,
    double* __restrict__ out) {
    PNN_DYNAMIC_SHARED(double, doubles);
    pnn::ode_solve<double>({samples, n, steps, method, times, channels, step0, dt, constants, parameters, weights, offsets, neighbour,
                            edge, drive, noisy, sigma, pnn::key_of(key0, key1, key), sample0, index}, every, team, state, out, doubles);
}
