// What was found to be wrong on a GPU without a kernel of its own, told to the word of faults.
#include "pnnkern/platform.cuh"

// Flags fault `code` if the one value at `bad` is not 0: a check of values that are on the GPU, which nobody waits for.
// Bytes: reads 1.
// Launch: one block of one thread; others do nothing.
// Faults: `code`.
// code : of the fault, above 0
// bad : (1) not 0 where something is wrong
extern "C" __global__ void pnn_flag_raise_u8(int code, const unsigned char* __restrict__ bad, int* fault) {
    if (blockIdx.x == 0 && threadIdx.x == 0 && *bad) atomicMax(fault, code);
}
