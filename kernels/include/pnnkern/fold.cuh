// Sums of several values over the lanes of a warp, with about one shuffle for each value and not five.
#pragma once
#include "pnnkern/platform.cuh"
#ifndef PNN_DEVICE
#error "pnnkern/fold.cuh is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
#else

namespace pnn {
// Lanes that differ in bit LANE take one half of the SIZE values each, added up with those of the lane that has the other half; and so on, down
// to bit LAST. Where one value is left, lanes add it up. What is left lies at the beginning of v: `left` says which it is. lane: this thread's.
template <int SIZE, int LANE = 16, int LAST = 1, int N, class T> PNN_D void fold(T (&v)[N], int lane) {
    constexpr int HALF = SIZE / 2 + SIZE % 2;
    bool up = lane & LANE;
    PNN_UNROLL
    for (int i = 0; i < HALF && SIZE > 1; i++) {
        T other = i + HALF < SIZE ? v[i + HALF] : T(0), kept = up ? other : v[i], sent = up ? v[i] : other;
        v[i] = kept + __shfl_xor_sync(0xffffffffu, sent, LANE);
    }
    if constexpr (SIZE == 1) v[0] += __shfl_xor_sync(0xffffffffu, v[0], LANE);
    if constexpr (LANE > LAST) fold<HALF, LANE / 2, LAST>(v, lane);
}
// The values that `fold` leaves in this lane: from first to before end; none where another lane has the same.
struct range { int first, end; };
template <int SIZE, int LANE = 16, int LAST = 1, bool WHOLE = true> PNN_D range left(int lane, int first = 0, int end = SIZE) {
    constexpr int HALF = SIZE / 2 + SIZE % 2;
    constexpr bool EVEN = WHOLE && SIZE % 2 == 0;   // both halves are as long
    bool up = lane & LANE;
    if (SIZE == 1 && up) return {0, 0};
    if (SIZE > 1 && up) first += HALF;
    if (SIZE > 1 && (EVEN || (!up && first + HALF < end))) end = first + HALF;
    if constexpr (LANE > LAST) return left<HALF, LANE / 2, LAST, EVEN>(lane, first, end);
    return {first, end};
}
}  // namespace pnn
#endif
