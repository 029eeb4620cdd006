// Maths of pnnkern's headers in a program of one's own: random numbers with the bits of pnnkern.random, and a law of a diode.
#include "pnnkern/graph.cuh"
#include "pnnkern/philox.cuh"

#include <cstdio>

int main() {
    float z[4];
    pnn::normal4(pnn::rng_key{7, 0}, 0, 0, z);   // key 7, elements 0 to 3 of sample 0
    std::printf("normals: %.9g %.9g %.9g %.9g\n", (double)z[0], (double)z[1], (double)z[2], (double)z[3]);

    const double conductance = 1e-3, reverse = 0.0, drop = 0.3;   // siemens, of it against its direction, volts
    const pnn::diode_law diode{&conductance, &reverse, &drop};
    std::printf("current of a diode at 1 V: %.6g A\n", diode.current(0, 1, 1.0, 0.0));
    return 0;
}
