// Losses on measured outputs, of one sample at a time and in double precision. The equations stand in pnnkern/learning/losses.py.
#pragma once
#include "pnnkern/platform.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
enum { LOSS_POWERS = 0, LOSS_PAIRS = 1, LOSS_LOGITS = 2, LOSS_SHARES = 3, LOSS_SQUARES = 4 };

struct Judged { double loss, rating; };

// `power`, if it can be divided by, else NaN: ratios of no light say nothing.
PNN_HD double lit(double power) { return power > 0 && power - power == 0 ? power : sqrt(-1.0); }

// What a softmax compares: the score of class c among m, of outputs p in units of `unit`.
template <class T> PNN_HD double score(int kind, double scale, long long m, double unit, const T* p, long long c) {
    if (kind == LOSS_PAIRS) return scale * (double(p[c]) - double(p[m + c])) / lit(double(p[c]) + double(p[m + c]));
    return kind == LOSS_POWERS ? scale * double(p[c]) / unit : scale * double(p[c]);
}

// Cross-entropy of the softmax of scores; one score alone is that of class 1, beside 0 for class 0.
template <class T> PNN_HD Judged judge_softmax(int kind, double scale, long long n, const T* p, long long label, T* cotangent) {
    long long m = kind == LOSS_PAIRS ? n / 2 : n, brightest = 0, best = 0;
    double unit = 1.0;
    if (kind == LOSS_POWERS) {
        for (long long c = 1; c < n; c++) if (p[c] > p[brightest]) brightest = c;
        unit = lit(double(p[brightest]));
    }
    double top = score(kind, scale, m, unit, p, 0);
    for (long long c = 1; c < m; c++) {
        double s = score(kind, scale, m, unit, p, c);
        if (s > top) { top = s; best = c; }
    }
    long long first = 0;   // class of score 0
    if (m == 1) {
        best = top > 0, first = 1;
        top = larger(top, 0.0);
    }
    double total = m == 1 ? exp(-top) : 0.0, right = m == 1 && label == 0 ? -top : 0.0;
    for (long long c = 0; c < m; c++) {
        double above = score(kind, scale, m, unit, p, c) - top;
        total += exp(above);
        if (c + first == label) right = above;
    }
    double dot = 0.0;
    for (long long c = 0; c < m; c++) {
        double g = exp(score(kind, scale, m, unit, p, c) - top) / total - (c + first == label);
        if (kind == LOSS_PAIRS) {
            double both = double(p[c]) + double(p[m + c]);
            cotangent[c] = T(2 * scale * double(p[m + c]) * g / (both * both));
            cotangent[m + c] = T(-2 * scale * double(p[c]) * g / (both * both));
        } else {
            dot += g * double(p[c]);
            if (kind == LOSS_LOGITS || c != brightest) cotangent[c] = T(scale / unit * g);
        }
    }
    if (kind == LOSS_POWERS) {   // the largest moves all scores
        double g = exp(score(kind, scale, m, unit, p, brightest) - top) / total - (brightest == label);
        cotangent[brightest] = T(scale / unit * g - scale * dot / (unit * unit));
    }
    return {log(total) - right, double(best == label)};
}

// Square error of each output's share of the power.
template <class T> PNN_HD Judged judge_shares(long long n, const T* p, long long label, T* cotangent) {
    double total = 0.0, dot = 0.0, loss = 0.0;
    long long best = 0;
    for (long long c = 0; c < n; c++) {
        total += double(p[c]);
        if (p[c] > p[best]) best = c;
    }
    total = lit(total);
    for (long long c = 0; c < n; c++) {
        double q = double(p[c]) / total, d = q - (c == label);
        dot += d * q;
        loss += d * d;
    }
    for (long long c = 0; c < n; c++) cotangent[c] = T(2 * (double(p[c]) / total - (c == label) - dot) / total);
    return {loss, double(best == label)};
}

// Half the square error; outputs that a hinge leaves alone lie beyond their target on its own side of the middle.
// fractions : of the way from low to high, or null: high at the label.
template <class T>
PNN_HD Judged judge_squares(double high, double low, bool hinge, long long n, const T* p, long long label, const double* fractions, T* cotangent) {
    double loss = 0.0, apart = 0.0, middle = (high + low) / 2;
    long long best = 0;
    for (long long c = 0; c < n; c++) {
        double share = fractions ? fractions[c] : double(label == (n == 1 ? 1 : c));
        double target = double(T(low + (high - low) * share)), error = double(p[c]) - target;
        if (fractions) apart += error / (high - low) * (error / (high - low));
        double d = hinge && (error > 0) == (target > middle) ? 0.0 : error;
        loss += d * d;
        cotangent[c] = T(d);
        if (p[c] > p[best]) best = c;
    }
    if (n == 1) best = double(p[0]) > middle;
    return {loss / 2, fractions ? apart / double(n) : double(best == label)};
}

// What a block has in shared memory, a value for each thread.
constexpr int JUDGES = 256;
template <class T> struct judges { double loss[JUDGES], rating[JUDGES], square[JUDGES]; T output[JUDGES]; };

#ifdef PNN_DEVICE
// The same of classes, with up to 256 outputs: a thread looks at an output, then one adds up those of a sample. Adds to loss and rating.
template <class T>
PNN_D void judge_outputs(long long batch, int n, double high, double low, bool hinge, const T* outputs, const long long* labels, long long most,
                         T* cotangent, int* fault, judges<T>& of) {
    int t = threadIdx.x, together = JUDGES / n, own = t / n, c = t - own * n;
    double middle = (high + low) / 2;
    for (long long first = 0; first < batch; first += together) {
        if (own < together && first + own < batch) {
            long long label = labels[first + own];
            T p = outputs[first * n + t];
            if (label < 0 || label > most) atomicMax(fault, 83);
            double target = double(T(low + (high - low) * double(label == (n == 1 ? 1 : c)))), error = double(p) - target;
            double d = hinge && (error > 0) == (target > middle) ? 0.0 : error;
            of.square[t] = d * d, of.output[t] = p;
            cotangent[first * n + t] = T(d);
        }
        __syncthreads();
        if (t < together && first + t < batch) {
            double sum = 0.0;
            T largest = of.output[t * n];
            int best = 0, slot = (first + t) % JUDGES;
            for (int k = 0; k < n; k++) {
                T p = of.output[t * n + k];
                sum += of.square[t * n + k];
                if (p > largest) largest = p, best = k;
            }
            if (n == 1) best = double(largest) > middle;
            of.loss[slot] += sum / 2, of.rating[slot] += best == labels[first + t];
        }
        __syncthreads();
    }
}

// One block: thread t judges samples t, t + its size, ..., and shares are added in a fixed order, whatever the batch.
template <class T>
PNN_D void losses_judge(long long batch, long long n, int kind, double scale, double high, double low, int hinge, const T* outputs, const long long* labels,
                        const double* fractions, T* cotangent, double* sums, int* fault, judges<T>& of) {
    int t = threadIdx.x;
    long long most = (n == 1 || (kind == LOSS_PAIRS && n == 2) ? 2 : kind == LOSS_PAIRS ? n / 2 : n) - 1;
    double a = 0.0, b = 0.0;
    bool shared = kind == LOSS_SQUARES && !fractions && n <= JUDGES;
    for (long long s = shared ? batch : t; s < batch; s += JUDGES) {
        long long label = fractions ? 0 : labels[s];
        if (label < 0 || label > most) atomicMax(fault, 83);
        const T* p = outputs + s * n;
        T* g = cotangent + s * n;
        Judged one = kind == LOSS_SQUARES ? judge_squares(high, low, hinge != 0, n, p, label, fractions ? fractions + s * n : nullptr, g)
                     : kind == LOSS_SHARES ? judge_shares(n, p, label, g) : judge_softmax(kind, scale, n, p, label, g);
        a += one.loss, b += one.rating;
    }
    of.loss[t] = a, of.rating[t] = b;
    if (shared) judge_outputs(batch, int(n), high, low, hinge != 0, outputs, labels, most, cotangent, fault, of);
    for (int half = JUDGES / 2; half > 0; half /= 2) {
        if (half >= batch) continue;   // where there is no sample is nothing to add
        __syncthreads();
        if (t < half) of.loss[t] += of.loss[t + half], of.rating[t] += of.rating[t + half];
    }
    if (t == 0) sums[0] = of.loss[0], sums[1] = of.rating[0];
}
#endif
}  // namespace pnn
