// Maths of pnnkern's headers on the host, and a CUDA kernel that runs on the CPU through the host runner: a random phase mask, on a field of ones.
#include "cuda_host.h"   // first: what CUDA has and C++ has not
#include "optics/mask.cu"
#include "pnnkern/kernels_optics.h"
#include "pnnkern/philox.cuh"

#include <cstdio>
#include <vector>

CUDA_HOST_EXPORT(pnn_mask_phasor_f32)   // defines launch_pnn_mask_phasor_f32

int main() {
    const long long pixels = 1000;
    std::vector<float> phase(pixels);
    for (long long quad = 0; 4 * quad < pixels; quad++) {   // four normals of standard deviation 1 for each quad, as pnnkern.random.normal
        float z[4];
        pnn::normal4(pnn::rng_key{7, 0}, (unsigned long long)quad, 0, z);
        for (int j = 0; j < 4; j++) phase[4 * quad + j] = z[j];
    }

    std::vector<pnn_complex64> transmission(pixels);
    pnn_mask_phasor_f32_arguments arguments = {pixels, phase.data(), transmission.data()};
    void* pointers[3];
    pnn_mask_phasor_f32_pointers(&arguments, pointers);
    if (launch_pnn_mask_phasor_f32(4, 1, 1, 256, 1, 1, 0, pointers)) {   // as cuLaunchKernel: the grid, the block, shared memory
        std::fprintf(stderr, "%s\n", cuda_host_message());
        return 1;
    }

    pnn::complex<double> mean = {0, 0};
    for (pnn_complex64 t : transmission) mean = mean + pnn::complex<double>{t.re / (double)pixels, t.im / (double)pixels};
    std::printf("light that is left on the axis: %.6f (exp(-1) for many pixels)\n", pnn::abs2(mean));
    return 0;
}
