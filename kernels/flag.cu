#include "pnnkern/platform.cuh"

// Flags fault `code` if the one value at `bad` is not 0: a check of values that are on the GPU, which nobody waits for.
extern "C" __global__ void pnn_flag_raise_u8(int code, const unsigned char* __restrict__ bad, int* fault) {
    if (blockIdx.x == 0 && threadIdx.x == 0 && *bad) atomicMax(fault, code);
}
