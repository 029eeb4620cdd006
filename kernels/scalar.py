"""CPU twin of scalar.cu, and the functions that stand in twins where a user gives none, as in own.cuh."""

from ._jit import inner, njit, with_functions

inline = inner(error_model="numpy")


@inline
def own_f(v, constants):
    return v


@inline
def own_slope(v, constants):
    return 1.0


@inline
def own_value(x, i, n, constants):
    return x[i]


@with_functions(own_value)
def pnn_scalar_values(value):
    @njit(error_model="numpy")
    def pnn_scalar_values(n, constants, x, out):
        for i in range(n):
            out[i] = value(x, i, n, constants)

    return pnn_scalar_values
