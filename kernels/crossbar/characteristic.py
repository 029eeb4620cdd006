"""CPU twin of characteristic.cu: all that Newton's method asks of the cells in one pass over them."""

from .._jit import njit, with_functions
from ..scalar import own_f, own_slope


@with_functions(own_f, own_slope)
def pnn_characteristic_linear(f, f_slope):
    @njit(error_model="numpy")
    def pnn_characteristic_linear(cells, reads, sets, constants, g, v, slope, slopes, known):
        real = v.dtype.type
        for k in range(cells):
            for r in range(reads):
                i = k * reads + r
                conductance = g[i] if sets > 1 else g[k]
                steep = real(f_slope(v[i], constants))
                slope[i] = steep
                slopes[i] = conductance * steep
                known[i] = conductance * real(f(v[i], constants)) - conductance * steep * v[i]

    return pnn_characteristic_linear


@with_functions(own_f, own_slope)
def pnn_characteristic_tried(f, f_slope):
    @njit(error_model="numpy")
    def pnn_characteristic_tried(cells, reads, sets, constants, g, slope, part, word, to_word, bit, to_bit, current, to_current, w, u, j, off,
                                 growth):  # fmt: skip
        real = g.dtype.type
        for k in range(cells):
            for r in range(reads):
                i, t = k * reads + r, part[r]
                a = word[i] + t * (to_word[i] - word[i])
                b = bit[i] + t * (to_bit[i] - bit[i])
                c = current[i] + t * (to_current[i] - current[i])
                w[i], u[i], j[i] = a, b, c
                off[i] = abs((g[i] if sets > 1 else g[k]) * real(f(a - b, constants)) - c)
                growth[i] = real(f_slope(a - b, constants)) / slope[i]

    return pnn_characteristic_tried
