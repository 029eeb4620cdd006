// Networks of resistors and of two-terminal elements with a characteristic of a user's own (pnnkern/own.cuh).
#pragma once
#include "pnnkern/own.cuh"
#include "pnnkern/graph.cuh"

namespace pnn {
// An edge with voltage w from its first node to its second carries g f(w), or where it is ohmic g w. f rises.
struct element_law {
    const double *conductance, *ohmic, *constants;

    static constexpr int VALUES = 2;
#ifdef PNN_DEVICE
    PNN_D element_law inside(const graph& g, int entries, double* room) const {
        for (int k = threadIdx.x; k < entries; k += blockDim.x) {
            room[k] = conductance[g.edge[k]];
            room[entries + k] = ohmic[g.edge[k]];
        }
        return {room, room + entries, constants};
    }
#endif
    // Net current out of a node at u; its derivative by u.
    template <class Graph>
    PNN_HD double both(const Graph& g, int i, const double* v, double u, double load, double driven, double* slopes) const {
        double sum = load * u - driven, rate = load;
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
            int e = g.of(k), s = g.sense[k];
            double w = s * (u - v[g.neighbour[k]]);
            bool resistor = ohmic[e] != 0;
            sum += s * conductance[e] * (resistor ? w : own_f(w, constants));
            rate += conductance[e] * (resistor ? 1.0 : own_slope(w, constants));
        }
        *slopes = rate;
        return sum;
    }
    template <class Graph> PNN_HD double net(const Graph& g, int i, const double* v, double u, double load, double driven) const {
        double unused;
        return both(g, i, v, u, load, driven, &unused);
    }
    template <class Graph> PNN_HD double slopes(const Graph& g, int i, const double* v, double u, double load) const {
        double rate;
        both(g, i, v, u, load, 0.0, &rate);
        return rate;
    }
    // Newton's steps, as long as each halves what is left; else the root is enclosed, and halved towards where that is quicker.
    template <class Graph> PNN_HD double root(const Graph& g, int i, const double* v, double load, double driven) const {
        double u = v[i], low = u, high = u, rate, left = both(g, i, v, u, load, driven, &rate);
        for (int k = g.offsets[i]; k < g.offsets[i + 1]; k++) {
            double t = v[g.neighbour[k]];
            low = t < low ? t : low;
            high = t > high ? t : high;
        }
        double small = 4e-16 * ((low < 0 ? -low : low) + (high < 0 ? -high : high));
        for (int n = 0; n < 8 && rate > 0; n++) {
            double step = left / rate, next = u - step, then, after = both(g, i, v, next, load, driven, &then);
            if ((step < 0 ? -step : step) <= small) return next;
            if (!((after < 0 ? -after : after) <= (left < 0 ? -left : left) / 2)) break;
            u = next;
            left = after;
            rate = then;
        }
        double span = high > low ? high - low : 1.0;
        for (int n = 0; n < 60 && net(g, i, v, low, load, driven) > 0; n++, span *= 2) low -= span;
        for (int n = 0; n < 60 && net(g, i, v, high, load, driven) < 0; n++, span *= 2) high += span;
        u = u > low && u < high ? u : low + (high - low) / 2;
        double last = high - low, before = last;
        for (int n = 0; n < 200; n++) {
            left = both(g, i, v, u, load, driven, &rate);
            if (left == 0 || left != left) return u;
            if (left > 0) high = u;
            else low = u;
            double next = u - left / rate, step = next > u ? next - u : u - next;
            if (!(rate > 0 && next > low && next < high && step < before / 2)) {
                next = low + (high - low) / 2;
                step = next > u ? next - u : u - next;
            }
            before = last;
            last = step;
            if (step <= small || next == u) return next;
            u = next;
        }
        return u;
    }
};
}  // namespace pnn
