"""Layers of a network in exact arithmetic: what goes up, the error that comes down, the gradient. On a GPU by products that can be captured.

Arrays are float32 or float64; of two kinds the wider one.
"""

from typing import Any

import numpy as np

from . import _array, _launch
from ._array import Array

ACTIVATIONS = ("", "tanh", "relu", "sigmoid")  # numbered as in dense.cu
SIDE = 16  # of a tile, as in dense.cuh


def layer(x: Array, w: Array, activation: str = "", ones: bool | None = None) -> Array:
    """f(x @ w), with a column of ones behind it, which the last row of the next layer's weights is for; without f the product itself.

    ones : whether there is that column; by default where there is an f.

    x : (batch, n_in) or (members, batch, n_in). w : (n_in, n_out), or (members, n_in, n_out) of a population.
    Returns (..., batch, n_out + 1), or (..., batch, n_out) without it.
    """
    (x, w), xp = _alike(x, w), _array.namespace(x, w)
    lead = (*(w.shape[:-2] or x.shape[:-2]), x.shape[-2])
    if w.ndim == 2:  # the samples of all
        x = x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1])
    elif x.ndim == 3 and len(x) == 1:  # the same for all members
        x = x[0]
    members, batch, (n_in, n_out) = int(np.prod(w.shape[:-2])), x.shape[-2], w.shape[-2:]
    ones = bool(activation) if ones is None else ones
    width = n_out + ones
    out = xp.empty((members, batch, width), x.dtype)
    if out.size:
        _start("layer", members * _tiles(batch) * _tiles(width), x.dtype, members, int(x.ndim == 2), batch, n_in, n_out,
               ACTIVATIONS.index(activation), int(ones), x, w, out)  # fmt: skip
    return out.reshape(*lead, width)


def below(error: Array, w: Array, activation: str, entered: Array) -> Array:
    """The error (batch, n_in - 1) before f, of what a layer sends down to all its inputs but the bias.

    error : (batch, n_out), at its outputs. w : (n_in, n_out). entered : (batch, n_in), what f gave, and the bias.
    """
    error, w, entered = _alike(error, w, entered)
    (batch, n_out), n_in = error.shape, len(w)
    out = _array.namespace(error).empty((batch, n_in - 1), error.dtype)
    if out.size:
        _start("below", _tiles(batch) * _tiles(n_in - 1), out.dtype, batch, n_in, n_out, ACTIVATIONS.index(activation), error, w, entered, out)
    return out


def sloped(error: Array, activation: str, left: Array) -> Array:
    """The error before f of a layer, of `error` behind it, by what f gave, `left`."""
    error, left = _alike(error, left)
    out = _array.namespace(error).empty(error.shape, error.dtype)
    _launch.launch("networks/dense", "slope", out.dtype, out.size, ACTIVATIONS.index(activation), error, left, out, threads=out.size)
    return out


def outer(first: Array, second: Array, scale: float = 1.0) -> Array:
    """scale first.T @ second, of (samples, rows) and (samples, columns)."""
    first, second = _alike(first, second)
    (samples, rows), columns = first.shape, second.shape[1]
    out = _array.namespace(first).empty((rows, columns), first.dtype)
    if out.size:
        _start("outer", _tiles(rows) * _tiles(columns), out.dtype, samples, rows, columns, float(scale), first, second, out)
    return out


def _start(verb: str, tiles: int, dtype: Any, *args: Any) -> None:
    _launch.launch("networks/dense", verb, dtype, *args, grid=(min(tiles, _launch.MAX_BLOCKS),), block=(256,))


def _tiles(values: int) -> int:
    return -(-values // SIDE)


def _alike(*arrays: Array) -> list[Array]:
    """The arrays, contiguous and of one precision."""
    wide = np.result_type(*(a.dtype for a in arrays))
    return [_array.contiguous(a if a.dtype == wide else a.astype(wide)) for a in arrays]


__all__ = ["ACTIVATIONS", "below", "layer", "outer"]
