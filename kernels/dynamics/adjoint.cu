// Steps of ODEs backwards (ode.cu), by checkpoints; the rates are a user's own, as they are here, springs and masses, q' = v, v' = coupled + drive - p q.
// samples : networks
// n : nodes of each
// steps : of the length dt
// every : of so many steps the states of one have a cotangent
// segment : of so many steps the states of one are in checkpoints
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
// from_offsets : (n + 1) node i is felt by from_neighbour[k] over from_edge[k], from_offsets[i] <= k < from_offsets[i + 1]; or null
// from_neighbour, from_edge : (entries) the other node, and the edge
// edges : how many
// both : 1 where both nodes of an edge feel each other, 0 where the first one feels the second
// ends : (edges, 2) nodes of each edge; or null
// drive : (samples, times, channels) inputs; or null
// noisy : 1 with noise
// sigma : (components) standard deviations of the noise, per root of time; or null
// key0, key1 : of the noise
// key : (2) the same, where it lies in memory; or null
// sample0 : global number of the first sample
// index : (samples) global number of each, instead; or null
// state : (samples, components, n) where the networks begin
#include "pnnkern/adjoint.cuh"

// All steps of all samples, the last first: those of a segment are taken again from its checkpoint, with the states of their stages in history.
// Bytes: checkpoints and cotangents in once, the stages of all steps out and in, and the sums in each stage, from a cache.
// Launch: a team of threads for each sample, of any grid; dynamic shared memory of (5 components + 4) n numbers for each team of a block.
// checkpoints : (samples, steps / segment, components, n) states after segment, 2 segment, ... steps
// cotangent : (samples, steps / every, components, n) of the states after every, 2 every, ... steps
// history : (teams, segment, stages, components, n) for each team of the grid; stages are 4 of method 0, 1 of 1, 2 of 2
// by_state : (samples, components, n) the cotangent of the beginning
// by_parameters : (teams, parameters + constants, n) sums over the samples of each team, added to what is there; by constants where own.cuh has any
// by_weights : (teams, edges) as these
// by_drive : (samples, times, channels) added to what is there; or null
extern "C" __global__ void pnn_adjoint_back_f32(long long samples, long long n, long long steps, long long every, long long segment,
    long long step0, int method, int team, long long times, long long channels, double dt, const float* __restrict__ constants,
    const float* __restrict__ parameters, const float* __restrict__ weights, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const int* __restrict__ edge, const int* __restrict__ from_offsets, const int* __restrict__ from_neighbour,
    const int* __restrict__ from_edge, long long edges, int both, const int* __restrict__ ends, const float* __restrict__ drive, int noisy,
    const float* __restrict__ sigma, unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long sample0,
    const long long* __restrict__ index, const float* __restrict__ state, const float* __restrict__ checkpoints,
    const float* __restrict__ cotangent, float* history, float* __restrict__ by_state, float* by_parameters, float* by_weights, float* by_drive) {
    PNN_DYNAMIC_SHARED(float, singles);
    pnn::adjoint_back<float>({samples, n, steps, method, times, channels, step0, (float)dt, constants, parameters, weights, offsets, neighbour,
                            edge, drive, noisy, sigma, pnn::key_of(key0, key1, key), sample0, index},
                           {from_offsets, from_neighbour, from_edge, ends, edges, both, by_parameters, by_weights, by_drive}, every, segment,
                           team, state, checkpoints, cotangent, history, by_state, singles);
}
extern "C" __global__ void pnn_adjoint_back_f64(long long samples, long long n, long long steps, long long every, long long segment,
    long long step0, int method, int team, long long times, long long channels, double dt, const double* __restrict__ constants,
    const double* __restrict__ parameters, const double* __restrict__ weights, const int* __restrict__ offsets, const int* __restrict__ neighbour,
    const int* __restrict__ edge, const int* __restrict__ from_offsets, const int* __restrict__ from_neighbour,
    const int* __restrict__ from_edge, long long edges, int both, const int* __restrict__ ends, const double* __restrict__ drive, int noisy,
    const double* __restrict__ sigma, unsigned key0, unsigned key1, const unsigned* __restrict__ key, long long sample0,
    const long long* __restrict__ index, const double* __restrict__ state, const double* __restrict__ checkpoints,
    const double* __restrict__ cotangent, double* history, double* __restrict__ by_state, double* by_parameters, double* by_weights, double* by_drive) {
    PNN_DYNAMIC_SHARED(double, doubles);
    pnn::adjoint_back<double>({samples, n, steps, method, times, channels, step0, dt, constants, parameters, weights, offsets, neighbour,
                            edge, drive, noisy, sigma, pnn::key_of(key0, key1, key), sample0, index},
                           {from_offsets, from_neighbour, from_edge, ends, edges, both, by_parameters, by_weights, by_drive}, every, segment,
                           team, state, checkpoints, cotangent, history, by_state, doubles);
}
