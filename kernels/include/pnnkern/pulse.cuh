// Cells that are updated by pulses: parameters of a cell from the key, and its answer to a pulse. Twin: crossbar/pulse.py.
// The rule of philox.cuh holds here: a product feeds an addition through fma_ only.
#pragma once
#include "pnnkern/own.cuh"
#include "pnnkern/philox.cuh"

namespace pnn {
// A word of a train: pulses in bits 0 to 30, the sign of the value in bit 31.
const u32 PULSES = 0x7fffffffu;
const int MOST = 0x7fffffff;   // pulses of a cell
const int ROUND = 1024;        // of them, after which is looked whether a weight still moves

// Places in the table of a device's parameters.
enum { STEP, STEP_DTOD, UP_DOWN, UP_DOWN_DTOD, W_MAX, W_MAX_DTOD, W_MIN, W_MIN_DTOD, SHAPE_UP, SHAPE_UP_DTOD, SHAPE_DOWN, SHAPE_DOWN_DTOD,
       NOISE, A_UP, A_DOWN, SLOPE, OFFSET };
enum { CONSTANT, LINEAR, EXPONENTIAL, POWER, PIECEWISE, OWN };

struct cell { float up, down, high, low, shape_up, shape_down; };

PNN_HD u64 cell_number(i64 row, i64 column) { return (u64)row << 31 | (u64)column; }
PNN_HD float abs_(float x) { return x < 0.0f ? -x : x; }
PNN_HD float positive_(float x) { return x > 0.0f ? x : 0.0f; }
PNN_HD int popcount_(u32 x) {
#ifdef __CUDA_ARCH__
    return __popc(x);
#else
    return __builtin_popcount(x);
#endif
}
PNN_HD double exp_(double x) { return x > 0.0 ? div_(1.0, exp_neg(x < 690.0 ? x : 690.0)) : exp_neg(x > -690.0 ? -x : 690.0); }

// Numbered by place, not stored: blocks 2 n and 2 n + 1 of the device's key are cell n's.
PNN_HD cell make_cell(rng_key key, u64 number, int kind, const float* p) {
    float z[4], y[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    normal4(key, 2 * number, 0, z);
    if (p[SHAPE_UP_DTOD] != 0.0f || p[SHAPE_DOWN_DTOD] != 0.0f) normal4(key, 2 * number + 1, 0, y);
    cell c;
    float size = abs_(fma_(mul_(p[STEP], p[STEP_DTOD]), z[0], p[STEP])), a = fma_(p[UP_DOWN_DTOD], z[1], p[UP_DOWN]);
    c.up = mul_(size, positive_(1.0f + a));
    c.down = mul_(size, positive_(1.0f - a));
    c.high = abs_(fma_(mul_(p[W_MAX], p[W_MAX_DTOD]), z[2], p[W_MAX]));
    c.low = -abs_(fma_(mul_(p[W_MIN], p[W_MIN_DTOD]), z[3], p[W_MIN]));
    c.shape_up = abs_(fma_(p[SHAPE_UP_DTOD], y[0], p[SHAPE_UP]));
    c.shape_down = abs_(fma_(p[SHAPE_DOWN_DTOD], y[1], p[SHAPE_DOWN]));
    if (kind == LINEAR) {   // the slopes of 1 - shape w / bound
        c.shape_up = c.high > 0.0f ? c.shape_up / c.high : 0.0f;
        c.shape_down = c.low < 0.0f ? c.shape_down / c.low : 0.0f;
    }
    return c;
}

// What a pulse moves the weight by, relative to the cell's step; 0 or more.
PNN_HD float response(const cell& c, bool up, float w, int kind, const float* p, int count, const float* nodes) {
    if (kind == CONSTANT) return 1.0f;
    if (kind == LINEAR) return positive_(fma_(-(up ? c.shape_up : c.shape_down), w, 1.0f));
#ifdef PNN_OWN
    if (kind == OWN) {   // a user's functions, whose constants are the nodes; NaN stays, and is found in the weight
        float size = up ? own_up(w, c.low, c.high, nodes) : own_down(w, c.low, c.high, nodes + count);
        return size < 0.0f ? 0.0f : size;
    }
#endif
    float range = c.high - c.low;
    if (!(range > 0.0f)) return 0.0f;
    if (kind == EXPONENTIAL) {
        double z = fma_((double)p[SLOPE], div_(mul_(2.0, (double)w), (double)range), (double)p[OFFSET]);
        double e = exp_(up ? mul_((double)c.shape_up, z) : -mul_((double)c.shape_down, z));
        return positive_((float)fma_(-(double)(up ? p[A_UP] : p[A_DOWN]), e, 1.0));
    }
    float part = (w - c.low) / range;
    if (kind == POWER) {
        float base = up ? (c.high - w) / range : part;
        if (!(base > 0.0f)) return 0.0f;
        return (float)exp_(mul_((double)(up ? c.shape_up : c.shape_down), log_((double)base)));
    }
    float x = mul_(positive_(part), (float)(count - 1));   // PIECEWISE: between the nodes of this direction
    int left = x < (float)(count - 2) ? (int)x : count - 2;
    const float* y = nodes + (up ? 0 : count) + left;
    return positive_(fma_(x - (float)left, y[1] - y[0], y[0]));
}

#ifdef __CUDA_ARCH__
PNN_HD double ceil_(double x) { return ceil(x); }
#else
PNN_HD double ceil_(double x) { return std::ceil(x); }
#endif
// The length of the trains of a sample with the largest |x| and |d| given, and what these are multiplied by to give the chance of a pulse:
// as many pulses as the largest update has steps, `pulses` at most. Gokmen and Vlasov (2016), with update management.
PNN_HD void chances(double lr, double step, int pulses, float x, float d, int* slots, double* scale_x, double* scale_d) {
    double steps = div_(mul_(mul_(lr, (double)x), (double)d), step);
    steps = steps > 0.0 ? steps < (double)pulses ? steps : (double)pulses : 0.0;   // what is not finite is flagged where trains are made
    double n = ceil_(steps) > 1.0 ? ceil_(steps) : 1.0, share = sqrt_(div_(steps, n));
    *slots = (int)n;
    *scale_x = div_(share, x > 0.0f ? (double)x : 1.0);
    *scale_d = div_(share, d > 0.0f ? (double)d : 1.0);
}

PNN_HD float noise_scale(float noise, int pulses) { return (float)div_((double)noise, sqrt_((double)pulses)); }

// n pulses one after another; factor = 1 + the mean of their noise.
PNN_HD float pulsed(const cell& c, bool up, int n, float factor, float w, int kind, const float* p, int count, const float* nodes) {
    float size = mul_(up ? c.up : -c.down, factor);
    if (kind == CONSTANT) {
        w = fma_((float)n, size, w);
        return w > c.high ? c.high : w < c.low ? c.low : w;
    }
    for (int i = 0; i < n; i++) {
        w = fma_(size, response(c, up, w, kind, p, count, nodes), w);
        w = w > c.high ? c.high : w < c.low ? c.low : w;
    }
    return w;
}
}  // namespace pnn
