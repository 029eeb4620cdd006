// Potts spins: nodes in one of several states, drawn as in pbit.cuh, to whose rules this keeps. Twin: networks/potts.py.
#pragma once
#include "pnnkern/pbit.cuh"

namespace pnn {
// The new state of a node: a with probability w[a] / sum w, w[a] = exp(gain field[a]) over the largest of them. fields: field[a stride], which
// are overwritten. A state of less than 2^-24 is not met.
PNN_HD signed char potts_state(int states, float* fields, int stride, float gain, u32 word) {
    float most = fields[0], total = 0.0f, sum = 0.0f;
    for (int a = 1; a < states; a++) most = fields[a * stride] > most ? fields[a * stride] : most;
    most = most < 3.4028234e38f ? most : 3.4028234e38f;
    for (int a = 0; a < states; a++) {
        float short_of = sub_(most, fields[a * stride]);
        short_of = short_of < 3.4028234e38f ? short_of : 3.4028234e38f;
        float y = mul_(short_of, gain), w = exp_neg(y < 80.0f ? y : 80.0f);
        fields[a * stride] = w;
        total = add_(total, w);
    }
    float level = mul_(uniform(word), total);   // below total
    int state = 0;
    for (int a = 0; a < states - 1; a++) {
        sum = add_(sum, fields[a * stride]);
        state += sum <= level;
    }
    return (signed char)state;
}
}  // namespace pnn
