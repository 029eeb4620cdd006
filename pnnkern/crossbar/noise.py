"""Noise of cells: how much they fluctuate from reading to reading, and cells that are stuck.

Fresh noise is drawn anew for each sample. For linear cells the sum of many independent Gaussian terms is Gaussian, so `read` draws one
normal for each output instead of one for each cell, with exactly the same distribution; noise of any other kind is drawn cell by
cell on the fly. Slow noise (1/f, programming) does not change within a batch: `pnnkern.crossbar.flicker` and `program` draw it once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Real
from .._gate import accepts_any
from . import _checks
from .devices import Device, check_deviation, device, reading


@accepts_any
@dataclass(frozen=True)
class CellNoise:
    """What all kinds have; use one of them."""

    # without annotations these are no fields
    kind = -1  # as the kernels number them
    chance = 0.0
    by_output = False  # one draw for each output does
    frozen = False  # one draw of the cells for all samples

    def spread(self, G: Real, programmed: Real | None = None) -> Array:
        """The size of the noise of each cell at conductances G (siemens), as the kind defines it; like G.

        Parameters
        ----------
        programmed : Real | None
            G as it was programmed, if it has drifted since.
        """
        raise TypeError("CellNoise has no size of its own: use GaussianNoise, LognormalNoise or TelegraphNoise")

    def slope(self, G: Real, programmed: Real | None = None) -> Array:
        """The derivative of `spread` by G, by differences in float64; like G. What was programmed is held, or is G itself if None."""
        wide = _array.as_type(G, np.float64)
        h = 1e-5 * max(float(wide.max()), 1e-12)
        below = (wide - h).clip(0, None)
        held = programmed if programmed is None else _array.as_type(programmed, np.float64)
        above = self.spread(wide + h, wide + h if held is None else held)
        return ((above - self.spread(below, below if held is None else held)) / (wide + h - below)).astype(G.dtype)


@accepts_any
@dataclass(frozen=True)
class GaussianNoise(CellNoise):
    """Independent normal noise of the conductance; the parts add up in variance.

    Parameters
    ----------
    sigma : float | Callable[[Array], Array]
        Siemens, a number or a function of G that returns an array like it.
    relative : float
        Of the conductance, up to 1.
    device : str | Device | None
        A name in `DEVICES` or a device, whose published read noise at `time` seconds after programming is taken; after 0, with what was
        programmed.
    clipped : bool
        Conductances do not become negative. Then each cell is drawn by itself, hundreds of times slower.
    frozen : bool
        One draw of all cells for each key instead of each sample, never negative: slow (1/f) noise, which hardly changes while a batch is read,
        and the usual way to shake weights in hardware-aware training. Give each batch a key of its own.
    """

    sigma: float | Callable[[Array], Array] = 0.0
    relative: float = 0.0
    device: str | Device | None = None
    time: float = 0.0
    clipped: bool = False
    frozen: bool = False

    kind = 0

    def __post_init__(self) -> None:
        if not callable(self.sigma):
            _checks.number("sigma of a noise", self.sigma, "siemens", most=_checks.OHMS)
        _checks.number("relative noise", self.relative, "of the conductance", most=1.0)
        _checks.number("time of a noise", self.time, "seconds after programming")
        if self.device is not None:
            device(self.device)

    @property
    def by_output(self) -> bool:  # type: ignore[override]
        return not (self.clipped or self.frozen)

    def spread(self, G: Real, programmed: Real | None = None) -> Array:
        """Standard deviation of one reading, siemens."""
        parts = [self.relative * G] if self.relative else []
        if callable(self.sigma) or self.sigma:
            parts.append(_checks.each("sigma", self.sigma(G) if callable(self.sigma) else self.sigma, G, "G"))
        if self.device is not None:
            parts.append(reading(device(self.device), G, self.time, programmed))
        xp = _array.namespace(G)
        total = parts[0] if parts else xp.zeros_like(G)
        for part in parts[1:]:
            total = xp.hypot(total, part)
        check_deviation("sigma of a noise", total)
        return total.astype(G.dtype, copy=False)


@accepts_any
@dataclass(frozen=True)
class LognormalNoise(CellNoise):
    """Conductances times ``exp(s z - s^2 / 2)``: never negative, and the mean stays.

    Parameters
    ----------
    s : float
        Spread of the logarithm, such as 0.1, up to 2.
    """

    s: float = 0.1

    kind = 1

    def __post_init__(self) -> None:
        _checks.number("s of a lognormal noise", self.s, "no unit", most=2.0)

    def spread(self, G: Real, programmed: Real | None = None) -> Array:
        """The spread of the logarithm."""
        return _array.namespace(G).full_like(G, self.s)


@accepts_any
@dataclass(frozen=True)
class TelegraphNoise(CellNoise):
    """Random telegraph noise: a cell is found in its upper state with probability p, `amplitude` + `relative` G above the lower one.

    The mean stays G; the standard deviation is the distance of the states times sqrt(p (1 - p)). What would be negative is 0.

    Parameters
    ----------
    amplitude : float
        Siemens.
    relative : float
        Of the conductance, up to 2.
    p : float
        In [0, 1].
    """

    amplitude: float = 0.0
    relative: float = 0.0
    p: float = 0.5

    kind = 2

    def __post_init__(self) -> None:
        _checks.number("amplitude of a telegraph noise", self.amplitude, "siemens", most=_checks.OHMS)
        _checks.number("relative amplitude of a telegraph noise", self.relative, "of the conductance", most=2.0)
        if not 0 <= self.p <= 1:
            raise ValueError(f"p of a telegraph noise must be a probability, got {self.p!r:.40}")

    @property
    def chance(self) -> float:  # type: ignore[override]
        return self.p

    def spread(self, G: Real, programmed: Real | None = None) -> Array:
        """The distance of the two states, siemens."""
        return (self.amplitude + self.relative * G).astype(G.dtype, copy=False)


def noise(given: Any) -> CellNoise | None:
    """A description as it is; a device or its name as its read noise at the time 0."""
    if given is None or isinstance(given, CellNoise):
        return given
    if isinstance(given, str | Device):
        return GaussianNoise(device=given)
    raise TypeError(f"noise must be a GaussianNoise, LognormalNoise, TelegraphNoise or a device, got {type(given).__name__}")


# ----------------------------------------------------------------------------------------------------------------------- stuck
@accepts_any
def stuck_cells(
    G: Real, *, low: float | Numbers = 0.0, high: float | Numbers = 0.0, g_min: float = 0.0, g_max: float = 25e-6,
    key: Key | None = None, sample: int = 0,
) -> Array:  # fmt: skip
    """Conductances of an array some of whose cells are stuck at g_min or g_max.

    Parameters
    ----------
    low, high
        The fraction of cells stuck there, drawn from the key by the cell's place; or boolean masks like G of which ones.
    g_min, g_max : float
        Siemens.
    sample : int
        The number of the array (of the chip).

    Returns
    -------
    Array
        An array like G.

    Raises
    ------
    ValueError
        For fractions that are no probabilities or exceed 1 together, a mask of another shape, or fractions without a key.
    """
    ends = [G.dtype.type(_checks.number(name, g, "siemens")) for name, g in (("g_min", g_min), ("g_max", g_max))]
    at_low, at_high = stuck_masks(G, low=low, high=high, key=key, sample=sample)
    xp = _array.namespace(G)
    return xp.where(at_high, ends[1], xp.where(at_low, ends[0], G))


@accepts_any
def stuck_masks(
    G: Real, *, low: float | Numbers = 0.0, high: float | Numbers = 0.0, key: Key | None = None, sample: int = 0
) -> tuple[Array, Array]:
    """Which cells are stuck low and which high: two boolean arrays like G. Arguments of `stuck_cells`."""
    G = _checks.matrix("G", G, 1)
    xp = _array.namespace(G)
    masks = [_array.is_array(v) for v in (low, high)]
    for name, value, is_mask in (("low", low, masks[0]), ("high", high, masks[1])):
        if is_mask:
            _checks.mask(f"{name}, if it is no fraction,", value, G.shape, "G")
        elif not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
            raise ValueError(f"{name} must be a fraction of the cells, from 0 to 1, got {value!r:.40}")
    if not any(masks) and float(low) + float(high) > 1:
        raise ValueError(f"low and high are fractions of the same cells, at most 1 together, got {low} and {high}")
    none = xp.zeros(G.shape, bool)
    if all(m or not v for m, v in zip(masks, (low, high))):
        return (low if masks[0] else none), (high if masks[1] else none)
    key = random.require_key(key, "which cells are stuck is random")
    u = random.uniform(random.fold_in(key, "stuck"), (1, G.size), sample=sample, like=G).reshape(G.shape)
    return (low if masks[0] else u < low), (high if masks[1] else u > 1 - high)


__all__ = ["CellNoise", "GaussianNoise", "LognormalNoise", "TelegraphNoise", "stuck_cells", "stuck_masks"]
