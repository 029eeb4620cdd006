"""Checks for operations with hand-written derivatives: this package's and your own.

They call ``op(*args, **kwargs)`` and ``op_vjp(cotangent, *args, wrt=..., **kwargs)`` and raise AssertionError when what should be equal
is not. Convention: a cotangent is g = dL/dRe + i dL/dIm, so the derivative of a linear operation is its conjugate transpose.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import _array
from ._array import Array, Key
from ._gate import accepts_any

ROUNDING = {"float32": 2e-5, "complex64": 2e-5, "float64": 1e-12, "complex128": 1e-12}


@accepts_any
def check_vjp(op: Callable[..., Any], op_vjp: Callable[..., Any], *args: Any, wrt: str | Sequence[str] = ("field",),
              steps: float | Mapping[str, float] = 1e-3, rtol: float = 1e-7, directions: int = 2, seed: int = 0,
              **kwargs: Any) -> None:  # fmt: skip
    """Check a derivative against central differences: ``Re<g, J v> = Re<J* g, v>`` for random cotangents g and directions v.

    Parameters
    ----------
    op : Callable[..., Any]
        Returns one array.
    op_vjp : Callable[..., Any]
        Returns one array, or a tuple in the order of `wrt`.
    wrt : str | Sequence[str]
        The arguments to differentiate by, named as in the signature of `op`.
    steps : float | Mapping[str, float]
        Step of the differences, or one for each name, in the unit of the argument: small against where `op` bends (a hundredth of a radian, for
        a distance in wavelengths). Two step sizes are extrapolated to zero: the error falls with its fourth power.
    rtol : float
        Of the typical size |g| |J v| / sqrt(n) of the product.
    args, kwargs
        Of `op`; every argument that `wrt` names must be float64 or complex128, an array or a number.

    Raises
    ------
    AssertionError
        With both numbers.
    TypeError
        For an argument in single precision.
    """
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    bound = inspect.signature(op).bind(*args, **kwargs)
    values = {}
    for name in names:
        if name not in bound.arguments:
            raise TypeError(f"wrt names {name!r}: it is not among the given arguments {', '.join(bound.arguments)}")
        value = bound.arguments[name]
        values[name] = np.asarray(value, np.float64) if isinstance(value, float) else value
        if not _array.is_array(values[name]) or values[name].dtype not in (np.float64, np.complex128):
            got = getattr(value, "dtype", type(value).__name__)
            raise TypeError(f"{name} must be float64 or complex128 for central differences, got {got}")

    def moved(name: str, value: Any) -> Array:
        bound.arguments[name] = value
        out = op(*bound.args, **bound.kwargs)
        bound.arguments[name] = values[name]
        return out

    rng = np.random.default_rng(seed)
    out = op(*args, **kwargs)
    for _ in range(directions):
        g = _random_like(rng, out)
        given = op_vjp(g, *args, wrt=names, **kwargs)
        results = (given,) if len(names) == 1 else given
        for name, result in zip(names, results, strict=True):
            value = values[name]
            shape = getattr(bound.arguments[name], "shape", ())
            if result.shape != shape:
                raise AssertionError(f"{name} has shape {shape}, but its derivative has {result.shape}")
            v = _random_like(rng, value)
            h = steps[name] if isinstance(steps, Mapping) else steps
            coarse, fine = ((moved(name, value + s * v) - moved(name, value - s * v)) / (2 * s) for s in (h, h / 2))
            along = (4 * fine - coarse) / 3
            _compare(f"derivative by {name}", _real_product(g, along), _real_product(result, v), g, along, rtol)


@accepts_any
def check_linear(op: Callable[..., Any], op_vjp: Callable[..., Any], *args: Any, wrt: str = "field", rtol: float | None = None,
                 seed: int = 0, **kwargs: Any) -> None:  # fmt: skip
    """Check that the derivative of a linear operation is its adjoint, in any precision: ``Re<g, op(u)> = Re<op_vjp(g), u>``.

    Parameters
    ----------
    wrt : str
        The argument u in which `op` is linear.
    rtol : float | None
        Of the typical size |g| |op(u)| / sqrt(n); by default what rounding allows in the precision of the result.

    Raises
    ------
    AssertionError
        With both numbers.

    Notes
    -----
    Others as in `check_vjp`.
    """
    u = inspect.signature(op).bind(*args, **kwargs).arguments[wrt]
    out = op(*args, **kwargs)
    g = _random_like(np.random.default_rng(seed), out)
    result = op_vjp(g, *args, wrt=(wrt,), **kwargs)
    rtol = ROUNDING[out.dtype.name] * np.sqrt(out.size) if rtol is None else rtol
    _compare(f"adjoint by {wrt}", _real_product(g, out), _real_product(result, u), g, out, rtol)


@accepts_any
def check_split(op: Callable[..., Any], batch: Any, *args: Any, key: Key, sample: int = 0, **kwargs: Any) -> None:
    """Check that noise depends on the global index of a sample only: any split of the batch, and any order, gives the same bits.

    Parameters
    ----------
    op : Callable[..., Any]
        ``op(batch, *args, key=key, sample=first or indices, **kwargs)``, one row of the result per row of `batch` (at least 3).

    Raises
    ------
    AssertionError, ValueError
        For a batch that is too small to split.
    """
    if len(batch) < 3:
        raise ValueError(f"batch must have at least 3 rows to be split, got {len(batch)}")
    whole = _array.to_numpy(op(batch, *args, key=key, sample=sample, **kwargs))
    cut = len(batch) // 3
    parts = [op(batch[a:b], *args, key=key, sample=sample + a, **kwargs) for a, b in ((0, cut), (cut, len(batch)))]
    if not np.array_equal(np.concatenate([_array.to_numpy(p) for p in parts]), whole):
        raise AssertionError(f"a batch split after row {cut} gives other values")
    order = np.arange(len(batch))[::-1]
    xp = _array.namespace(batch)
    turned = op(batch[order.copy()], *args, key=key, sample=xp.asarray(sample + order), **kwargs)
    if not np.array_equal(_array.to_numpy(turned)[::-1], whole):
        raise AssertionError("rows in another order, with their own indices, give other values")


def _random_like(rng: np.random.Generator, array: Array) -> Array:
    values = rng.standard_normal(array.shape)
    if array.dtype.kind == "c":
        values = values + 1j * rng.standard_normal(array.shape)
    return _array.namespace(array).asarray(values, dtype=array.dtype)


def _real_product(a: Array, b: Array) -> float:
    """Re<a, b>, in float64."""
    x, y = (_array.to_numpy(v).astype(np.complex128) for v in (a, b))
    return float((x.conj() * y).real.sum())


def _compare(what: str, expected: float, got: float, g: Array, along: Array, rtol: float) -> None:
    sizes = [float(np.linalg.norm(_array.to_numpy(v).astype(np.complex128))) for v in (g, along)]
    scale = max(sizes[0] * sizes[1] / np.sqrt(max(1, along.size)), abs(expected))
    if not abs(got - expected) <= rtol * scale:
        raise AssertionError(
            f"{what}: Re<g, J v> = {expected:.12g}, but Re<J* g, v> = {got:.12g} (off by {abs(got - expected) / scale:.2g})"
        )


__all__ = ["check_linear", "check_split", "check_vjp"]
