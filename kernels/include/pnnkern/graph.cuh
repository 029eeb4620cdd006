// Nonlinear networks on graphs: what flows along an edge, and the voltage at which nothing is left of the net current at one node while
// its neighbours stay as they are.
#pragma once
#include "pnnkern/platform.cuh"
#if !defined(__CUDACC_RTC__)
#include <cmath>
#endif

namespace pnn {
// Neighbours of node i: neighbour[k] over edge[k], offsets[i] <= k < offsets[i + 1]; sense[k] is 1 if i is the edge's first node, else -1.
struct graph {
    const int *offsets, *neighbour, *edge;
    const signed char* sense;
    PNN_HD int of(int k) const { return edge[k]; }
};
// The same where what edges have is told for each entry k.
struct entry_graph {
    const int *offsets, *neighbour;
    const signed char* sense;
    PNN_HD int of(int k) const { return k; }
};

// A resistor, or a diode that conducts from its first node to its second: w = u - v gives g (reverse w + (1 - reverse) max(w - drop, 0)).
// reverse = 1 is a resistor, 0 an ideal diode.
struct diode_law {
    const double *conductance, *reverse, *drop;

    // The same for the entries of a graph, in room for VALUES of each.
    static constexpr int VALUES = 3;
#ifdef PNN_DEVICE
    PNN_D diode_law inside(const graph& g, int entries, double* room) const {
        for (int k = threadIdx.x; k < entries; k += blockDim.x) {
            int e = g.edge[k];
            room[k] = conductance[e], room[entries + k] = reverse[e], room[2 * entries + k] = drop[e];
        }
        return {room, room + entries, room + 2 * entries};
    }
#endif
    // current out of a node at u towards a neighbour at v
    PNN_HD double current(int e, int s, double u, double v) const {
        double w = s * (u - v), over = w - drop[e];
        return s * conductance[e] * (reverse[e] * w + (1 - reverse[e]) * (over > 0 ? over : 0));
    }
    PNN_HD double slope(int e, int s, double u, double v) const {
        double over = s * (u - v) - drop[e];
        return conductance[e] * (reverse[e] + (over > 0 ? 1 - reverse[e] : 0));
    }
    template <class Graph> PNN_HD double net(const Graph& g, int i, const double* v, double u, double load, double driven) const {
        double sum = load * u - driven;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) sum += current(g.of(k), g.sense[k], u, v[g.neighbour[k]]);
        return sum;
    }
    template <class Graph> PNN_HD double slopes(const Graph& g, int i, const double* v, double u, double load) const {
        double sum = load;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) sum += slope(g.of(k), g.sense[k], u, v[g.neighbour[k]]);
        return sum;
    }
    // The net current rises with u, in straight pieces between the voltages at which one of the diodes starts to conduct: the root is on the
    // piece of the last voltage, or else the pieces left and right of it are found by trying them all.
    template <class Graph> PNN_HD double root(const Graph& g, int i, const double* v, double load, double driven) const {
        double was = v[i], left = load * was - driven, slopes = load;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
            int e = g.of(k), s = g.sense[k];
            double t = v[g.neighbour[k]];
            left += current(e, s, was, t);
            slopes += slope(e, s, was, t);
        }
        if (slopes > 0) {
            double u = was - left / slopes;
            bool same = true;
            for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
                double t = v[g.neighbour[k]], from = drop[g.of(k)];
                same = same && (g.sense[k] * (u - t) > from) == (g.sense[k] * (was - t) > from);
            }
            if (same) return u;
        }
        double below = -1e300, above = 1e300, f_below = 0, f_above = 0;
        bool has_below = false, has_above = false;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
            double t = v[g.neighbour[k]] + g.sense[k] * drop[g.of(k)], f = net(g, i, v, t, load, driven);
            if (f <= 0 && (!has_below || t > below)) { below = t; f_below = f; has_below = true; }
            if (f >= 0 && (!has_above || t < above)) { above = t; f_above = f; has_above = true; }
        }
        if (has_below && has_above) {
            if (f_above > f_below) return below + (above - below) * (-f_below / (f_above - f_below));
            return was < below ? below : was > above ? above : was;   // nothing conducts: any voltage between them will do
        }
        double t = has_below ? below : above, f = has_below ? f_below : f_above, rate = load;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {   // outermost piece: the diodes that point out of it conduct
            int e = g.of(k);
            rate += conductance[e] * (reverse[e] + ((g.sense[k] > 0) == has_below ? 1 - reverse[e] : 0));
        }
        return rate > 0 ? t - f / rate : t;
    }
};

// A transistor below saturation: current strength max(gate - threshold - (u + v) / 2, least) (u - v). It does not derive from an energy.
struct transistor_law {
    const double* gate;
    double strength, threshold, least;

    static constexpr int VALUES = 1;
#ifdef PNN_DEVICE
    PNN_D transistor_law inside(const graph& g, int entries, double* room) const {
        for (int k = threadIdx.x; k < entries; k += blockDim.x) room[k] = gate[g.edge[k]];
        return {room, strength, threshold, least};
    }
#endif
    PNN_HD double current(int e, int, double u, double v) const {
        double over = gate[e] - threshold - (u + v) / 2;
        return strength * (over > least ? over : least) * (u - v);
    }
    template <class Graph> PNN_HD double net(const Graph& g, int i, const double* v, double u, double load, double driven) const {
        double sum = load * u - driven;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) sum += current(g.of(k), 1, u, v[g.neighbour[k]]);
        return sum;
    }
    template <class Graph> PNN_HD double slopes(const Graph& g, int i, const double* v, double u, double load) const {
        double sum = load;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
            double over = gate[g.of(k)] - threshold - (u + v[g.neighbour[k]]) / 2;
            sum += strength * (over > least ? over : least);
        }
        return sum;
    }
    // With the transistors that conduct known, Kirchhoff's law at the node is a quadratic, -square u^2 / 2 + linear u = constant; its
    // smaller root. Which conduct is guessed from the node's last voltage and corrected. Where that leads nowhere, because the quadratic has no
    // root or the guess goes in circles, the node follows its own current, to where that ends.
    template <class Graph> PNN_HD double root(const Graph& g, int i, const double* v, double load, double driven) const {
        double u = v[i];
        for (int attempt = 0; attempt < 8; attempt++) {
            double square = 0, linear = load, constant = driven;
            for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
                double w = v[g.neighbour[k]], a = gate[g.of(k)] - threshold;
                if (a - (u + w) / 2 > least) {
                    square += strength;
                    linear += strength * a;
                    constant += strength * (a * w - w * w / 2);
                } else {
                    linear += strength * least;
                    constant += strength * least * w;
                }
            }
            double inside = linear * linear - 2 * square * constant;
            // 2 c / (b + sqrt(b^2 - 2 a c)): no cancellation, and right for a = 0; without a root the largest current there is
            double next = inside > 0 ? 2 * constant / (linear + sqrt(inside)) : linear / square;
            bool same = inside > 0;
            for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
                double a = gate[g.of(k)] - threshold, w = v[g.neighbour[k]];
                same = same && (a - (u + w) / 2 > least) == (a - (next + w) / 2 > least);
            }
            u = next;
            if (same) return u;
        }
        return downstream(g, i, v, load, driven);
    }
    // The next voltage above, or below, at which the net current has changed its sign: C du/dt = -net goes there.
    template <class Graph> PNN_HD double downstream(const Graph& g, int i, const double* v, double load, double driven) const {
        double near = v[i], first = net(g, i, v, near, load, driven), span = 0;
        if (first == 0) return near;
        double way = first < 0 ? 1 : -1;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
            double apart = v[g.neighbour[k]] - near;
            apart = apart < 0 ? -apart : apart;
            span = apart > span ? apart : span;
        }
        if (span == 0) span = 1;
        double far = near + way * span;
        for (int n = 0; n < 60 && way * net(g, i, v, far, load, driven) < 0; n++) {
            span *= 2;
            far = near + way * span;
        }
        for (int n = 0; n < 60; n++) {
            double middle = near + (far - near) / 2;
            if (way * net(g, i, v, middle, load, driven) < 0) near = middle;
            else far = middle;
        }
        return far;
    }
};
}  // namespace pnn
