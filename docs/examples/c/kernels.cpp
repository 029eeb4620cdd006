// The kernels that main.c calls, compiled for the CPU: a shared object with a plain C interface. The same .cu goes through nvcc for a GPU.
#include "cuda_host.h"
#include "crossbar/program.cu"

CUDA_HOST_EXPORT(pnn_program_drift_f32)
