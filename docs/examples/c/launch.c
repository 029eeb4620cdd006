/* The same launch on a GPU, by the driver API: program.cubin is what `nvcc -cubin -arch=sm_90 FLAGS .../crossbar/program.cu` makes.
   Pointers are those of cuMemAlloc. */
#include "pnnkern/kernels_crossbar.h"

#include <cuda.h>

CUresult drift(CUmodule module, CUstream stream, struct pnn_program_drift_f32_arguments* arguments) {
    CUfunction kernel;
    CUresult error = cuModuleGetFunction(&kernel, module, "pnn_program_drift_f32");
    if (error) return error;
    void* pointers[9];
    pnn_program_drift_f32_pointers(arguments, pointers);
    const unsigned blocks = (unsigned)((arguments->cells + 4 * 256 - 1) / (4 * 256)); /* a thread for each four cells */
    return cuLaunchKernel(kernel, blocks, 1, 1, 256, 1, 1, 0, stream, pointers, NULL);
}
