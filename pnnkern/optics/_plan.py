"""What planned propagators share: the window and the media for a geometry, their memory, and where the energy goes."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Field, Numbers, Pair
from .._errors import DeviceMemoryError
from . import _sampling, _transfer
from ._sampling import Axis
from ._transfer import Grid, Medium


def check_options(method: str, known: Sequence[str], evanescent: str) -> None:
    if method not in known:
        raise ValueError(f"method must be one of {', '.join(known)}, got {method!r}")
    if evanescent not in ("decay", "drop"):
        raise ValueError(f"evanescent must be 'decay' or 'drop', got {evanescent!r}")


class Explained:
    """A planned propagator that says which method it uses for each of its media, and why."""

    methods: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def method(self) -> str:
        """The method that is used; several for different media are joined by " and "."""
        return " and ".join(dict.fromkeys(self.methods))

    @property
    def why(self) -> str:
        """Why, in words; one clause for each reason."""
        return "; ".join(dict.fromkeys(f"{method}: {why}" for method, why in zip(self.methods, self.reasons, strict=True)))


# ---------------------------------------------------------------------------------------------------------- a side of one sample
def inner(shape: tuple[int, int], out_shape: tuple[int, int]) -> tuple[int, int]:
    """The shape that is worked out: a side along which the field is uniform has one sample in the result as well."""
    return (1 if shape[0] == 1 else out_shape[0]), (1 if shape[1] == 1 else out_shape[1])


def spread(field: Field, out_shape: tuple[int, int]) -> Array:
    """A field (..., *inner) on all pixels (..., *out_shape) of the result."""
    if field.shape[-2:] == out_shape:
        return field
    return _array.contiguous(_array.namespace(field).broadcast_to(field, (*field.shape[:-2], *out_shape)))


def gathered(cotangent: Numbers, inner_shape: tuple[int, int]) -> Array:
    """The adjoint of `spread`."""
    for axis, n in zip((-2, -1), inner_shape, strict=True):
        if cotangent.shape[axis] != n:
            cotangent = cotangent.sum(axis=axis, keepdims=True)
    return _array.contiguous(cotangent)


# ----------------------------------------------------------------------------------------------------------------- the geometry
def axes(shape: tuple[int, int], pitch: tuple[float, float], out_shape: tuple[int, int], out_pitch: tuple[float, float],
         shift: tuple[float, float], pad: Pair, *, scaled: bool = False) -> tuple[Axis, Axis]:  # fmt: skip
    """The two axes; a shift along one in which the field is uniform does nothing."""
    y, x = (
        Axis(n, d, m, a, 0.0 if n == 1 else s, p, scaled)
        for n, d, m, a, s, p in zip(shape, pitch, out_shape, out_pitch, shift, _sampling.pads(pad), strict=True)
    )
    return y, x


def media(
    pairs: Sequence[tuple[float, float]], both: tuple[Axis, Axis], method: str, band_limit: Any, evanescent: str
) -> tuple[Grid, tuple[Medium, ...], tuple[str, ...]]:
    """One window for all (distance, wavelength) pairs, the medium of each, and why its method was taken."""
    limits = _sampling.flags("band_limit", band_limit)
    y, x = both
    pitch, shift = (y.pitch, x.pitch), (y.shift, x.shift)
    if method == "auto":
        choices = [_sampling.choose(both, z, w, evanescent) for z, w in pairs]
        limits = (False, False)  # there is nothing to drop
    else:
        window = (_asked(y, method), _asked(x, method))
        choices = [_sampling.forced(method, both, z, w, window) for z, w in pairs]
    window = (max(c.window[0] for c in choices), max(c.window[1] for c in choices))
    out = []
    for (z, w), choice in zip(pairs, choices, strict=True):
        spatial = choice.method == "rayleigh_sommerfeld"
        soft = [spatial and (a.scaled or q > 1) and not a.uniform for a, q in zip(both, choice.finer, strict=True)]
        reach, fade = (math.inf, math.inf), (0.0, 0.0)
        if True in soft:
            ends = [(p // 2) * a.pitch for a, p in zip(both, window, strict=True)]
            reach = (y.span if soft[0] else math.inf, x.span if soft[1] else math.inf)
            fade = (ends[0] - y.span if soft[0] else 0.0, ends[1] - x.span if soft[1] else 0.0)
        out.append(Medium(z, w, shift, limits, evanescent, choice.method, choice.finer, reach, fade))
    return Grid(window, pitch), tuple(out), tuple(choice.why for choice in choices)


def _asked(axis: Axis, method: str) -> int:
    """Side of the window for a method that was asked for: as `pad` says; for a scaled result at least field and result side by side."""
    if not axis.scaled:
        return axis.padded()
    if method == "rayleigh_sommerfeld":
        return axis.padded(2 * (axis.span + axis.margin) + axis.pitch)
    return axis.padded(axis.count * axis.pitch + axis.out_count * axis.out_pitch)


# ------------------------------------------------------------------------------------------------------------------- the memory
def needed(grid: Grid, medium: Medium, itemsize: int) -> int:
    """Bytes that one transfer function takes while it is made, or with the work on one field after that, whichever is more.

    The work: the spectrum, and the transfer function once more in the order in which fused kernels meet it.
    """
    (rows, columns), (py, px) = _transfer.distinct(grid, medium.shift), grid.window
    making = rows * medium.finer[0] * columns * 16 if medium.method == "rayleigh_sommerfeld" and medium.finer[0] > 1 else 0
    return rows * px * itemsize + max(making, 2 * py * px * itemsize)


def check_memory(grid: Grid, media: Sequence[Medium], like: Numbers, limit: int | None, other: str) -> None:
    """Raises, before anything is allocated, where a plan needs more than `limit` bytes. other : what needs less."""
    if limit is None:
        limit = _half_of_memory(like)
    most = max(needed(grid, medium, like.dtype.itemsize) for medium in media)
    if most > limit:
        raise DeviceMemoryError(
            f"this plan needs {most / 2**20:.4g} MiB for a window of {grid.window[0]} x {grid.window[1]} points, more than memory_limit = "
            f"{limit / 2**20:.4g} MiB; {other}"
        )


def _half_of_memory(like: Array) -> int:
    if _array.namespace(like) is not np:
        return _array.memory(like) // 2
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 1 << 62


# ------------------------------------------------------------------------------------------------------------------- the energy
class Lossy:
    """What one medium takes from a field, as tables of the window (py, px) that serve for any number of fields."""

    def __init__(self, grid: Grid, medium: Medium, xp: Any) -> None:
        self.grid, self.medium = grid, medium
        self.transfer = xp.asarray(_transfer.made(grid, (medium,)).full[0])
        if medium.method == "rayleigh_sommerfeld":
            decay = xp.asarray(_transfer.axial_frequency(grid, medium.wavelength)[2])
            self.evanescent = 0.0 - xp.expm1(-4 * np.pi * abs(medium.distance) * decay)
            limited = True in medium.band_limit
            self.whole = abs(xp.asarray(_transfer.made(grid, (_without_limit(medium),)).full[0])) ** 2 if limited else None
        else:
            self.kept = xp.asarray(_transfer.band(grid, medium))


class Balance:
    """Where the energy of one field goes. spectrum : F pad(field), complex128 (py, px), unnormalised."""

    def __init__(self, lossy: Lossy, spectrum: Numbers) -> None:
        self.grid, self.medium = lossy.grid, lossy.medium
        self.xp = xp = _array.namespace(spectrum)
        self.points = self.grid.window[0] * self.grid.window[1]
        self.arrived = spectrum * lossy.transfer
        power = abs(spectrum) ** 2 / self.points
        self.entered = xp.sum(power)
        if self.medium.method == "rayleigh_sommerfeld":
            self.evanescent = xp.sum(power * lossy.evanescent)
            self.dropped = xp.zeros(())
            if lossy.whole is not None:
                self.dropped = xp.sum(power * lossy.whole) - xp.sum(abs(self.arrived) ** 2) / self.points
        else:
            self.dropped = xp.sum(xp.where(lossy.kept, 0.0, power))
            self.evanescent = self.entered - self.dropped - xp.sum(abs(self.arrived) ** 2) / self.points

    def wraps(self, both: tuple[Axis, Axis]) -> float:
        """1 if what leaves the padded window comes back on the other side, 0 if its impulse response ends before."""
        ends = all(a.uniform or p * a.pitch >= 2 * a.span for a, p in zip(both, self.grid.window, strict=True))
        return 0.0 if self.medium.method == "rayleigh_sommerfeld" and ends else 1.0

    def fractions(self, inside: Numbers, edge: Numbers) -> Array:
        """window, outside, evanescent, band_limit, edge as in `Losses`, for energies inside the output window and at the edge."""
        outside = self.entered - self.evanescent - self.dropped - inside
        rows = self.xp.stack([inside, outside, self.evanescent, self.dropped, edge])
        return rows / self.xp.maximum(self.entered, 1e-300)


def _without_limit(medium: Medium) -> Medium:
    return Medium(
        medium.distance, medium.wavelength, medium.shift, (False, False), medium.evanescent, medium.method, medium.finer
    )
