/* A kernel from C11: conductances of phase-change cells a day after they were programmed. Launched on the CPU, by libkernels.so; launch.c has
   the same on a GPU. */
#include "pnnkern/kernels_crossbar.h"

#include <math.h>
#include <stdio.h>

PNN_HOST_LAUNCHER(pnn_program_drift_f32);

enum { CELLS = 1000 };

int main(void) {
    static float mean[CELLS], std[CELLS], g[CELLS], out[CELLS];
    for (int c = 0; c < CELLS; c++) mean[c] = 0.06f, std[c] = 0.0f, g[c] = 1e-6f * (float)(1 + c % 20); /* siemens */
    const double log_ratio = log((86400.0 + 25.0) / 25.0);
    struct pnn_program_drift_f32_arguments arguments = {
        .cells = CELLS, .key0 = 7, .key1 = 0, .sample = 0, .log_ratio = log_ratio, .mean = mean, .std = std, .g = g, .out = out};
    void* pointers[9];
    pnn_program_drift_f32_pointers(&arguments, pointers);
    if (launch_pnn_program_drift_f32(1, 1, 1, 256, 1, 1, 0, pointers)) {
        fprintf(stderr, "%s\n", cuda_host_message());
        return 1;
    }
    printf("20 microsiemens become %.6f (%.6f by the power law)\n", 1e6 * (double)out[19], 20.0 * pow((86400.0 + 25.0) / 25.0, -0.06));
    return 0;
}
