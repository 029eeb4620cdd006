"""Which form of free-space propagation a grid can hold: the transfer function H sampled on the window, or the impulse response h on the pitch.

Sampling H every 1 / (P d) repeats the result every P pixels of pitch d: a wave of frequency f goes sideways by
``reach = |z| f / sqrt(1/lambda^2 - f^2)``, and the window must hold the largest one, f = 1 / 2d, beside the largest offset between a pixel
of the field and one of the result. Sampling h every d repeats its spectrum: at an offset x its phase turns by x / (lambda r) periods per
metre, which must not exceed 1 / 2d. For a window twice the field and paraxial light the two meet at |z| = 2 n d^2 / lambda.
Voelz and Roggemann, Appl. Opt. 48, 6132 (2009); Matsushima and Shimobaba, Opt. Express 17, 19662 (2009).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .._array import Pair
from .._errors import SamplingWarning
from . import _checks, _fft

MARGIN = 32  # pixels over which an impulse response that is cut off falls to zero, where that must not ring in the result
SLACK = 1.1  # times its room that the reach may take: the tails of the highest frequencies are still small there
PEAK = 3.0  # samples that the peak of h, as wide as the distance, needs
NEAR = 0.3  # wavelengths of distance within which waves at grazing angles carry too little to be missed, whatever the window


def pads(pad: Pair) -> tuple[float, float]:
    """`pad`, a number or a pair (y, x), as a pair."""
    both: Any = pad if np.shape(pad) == (2,) else (pad, pad)
    return _checks.padding(both[0]), _checks.padding(both[1])


def flags(name: str, value: Any) -> tuple[bool, bool]:
    """True or False, or a pair of them (y, x), as a pair."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2 or not all(isinstance(b, (bool, np.bool_)) for b in both):
        raise TypeError(f"{name} must be True or False, or a pair of them (y, x), got {value!r:.80}")
    return bool(both[0]), bool(both[1])


@dataclass(frozen=True)
class Axis:
    """One axis of the two planes: pixels and pitch (metres) of the field and of the result, and how far (metres) the result is shifted.

    pad : least size of the window, in planes. scaled : the result is not on the grid of the field, so that an impulse response that ends in
    the window must end softly.
    """

    count: int
    pitch: float
    out_count: int
    out_pitch: float
    shift: float = 0.0
    pad: float = 2.0
    scaled: bool = False

    @property
    def uniform(self) -> bool:
        """A side of one sample: the field does not change along it, and neither does the result."""
        return self.count == 1

    @property
    def periodic(self) -> bool:
        return self.pad == 1

    @property
    def span(self) -> float:
        """The largest distance between a pixel of the field and one of the result, the shift left out; metres."""
        n, m = self.count, self.out_count
        up = (m - 1 - m // 2) * self.out_pitch + n // 2 * self.pitch
        down = m // 2 * self.out_pitch + (n - 1 - n // 2) * self.pitch
        return max(up, down)

    @property
    def offset(self) -> float:
        """`span` with the shift."""
        return self.span + abs(self.shift)

    @property
    def margin(self) -> float:
        """Metres over which an impulse response that ends within the window must fall off."""
        return MARGIN * self.pitch if self.scaled else 0.0

    def padded(self, least: float = 0.0) -> int:
        """Side of the window: `pad` times the field, or the longer of two planes of the same pitch, and at least `least` metres."""
        if self.uniform:
            return 1
        side = _fft.window_side(self.count if self.scaled else max(self.count, self.out_count), self.pad)
        needed = math.ceil(min(least / self.pitch - 1e-9, _fft.LONGEST))  # which is more than `check_memory` lets anybody have
        return side if self.periodic or side >= needed else scipy.fft.next_fast_len(needed, real=True)


@dataclass(frozen=True)
class Choice:
    """How one distance and wavelength is worked out: "angular_spectrum", "fresnel" or "rayleigh_sommerfeld"; points of the window; for the
    last how many times finer than the pitch h is sampled; and why."""

    method: str
    window: tuple[int, int]
    finer: tuple[int, int]
    why: str


def reach(pitch: float, z: float, wavelength: float, method: str = "angular_spectrum") -> float:
    """How far sideways the highest frequency of the pitch goes, metres; infinite at pitches of half a wavelength or less."""
    sine = wavelength / (2 * pitch)
    if method == "fresnel":
        return abs(z) * sine
    return abs(z) * sine / math.sqrt(1 - sine * sine) if sine < 1 else math.inf


def _held(axis: Axis, z: float, wavelength: float, method: str) -> float:
    """Metres of window along an axis that the transfer function needs."""
    if axis.uniform or axis.periodic:
        return 0.0
    sideways = reach(axis.pitch, z, wavelength, method)
    if math.isinf(sideways) and abs(z) <= NEAR * wavelength:
        sideways = max(axis.offset, 10 * wavelength)
    return axis.offset + sideways / SLACK


def farthest(axis: Axis, side: int, wavelength: float, method: str) -> float:
    """The largest |distance| at which a window of `side` samples the transfer function; metres."""
    if axis.uniform or axis.periodic:
        return math.inf
    room = SLACK * (side * axis.pitch - axis.offset)
    per_metre = reach(axis.pitch, 1.0, wavelength, method)
    if math.isinf(per_metre):
        return NEAR * wavelength if room >= max(axis.offset, 10 * wavelength) else 0.0
    return max(0.0, room / per_metre)


def nearest(axis: Axis, wavelength: float) -> float:
    """The smallest |distance| at which the pitch samples the impulse response; metres."""
    if axis.uniform:
        return 0.0
    ratio = 2 * axis.pitch / wavelength
    oscillation = axis.offset * math.sqrt(max(0.0, (ratio - 1) * (ratio + 1)))
    return max(oscillation, PEAK * axis.pitch)


def _finer(axis: Axis, z: float, wavelength: float) -> int:
    """How many times finer than the pitch h must be sampled."""
    if axis.uniform:
        return 1
    x = axis.offset
    oscillation = 2 * axis.pitch * x / (wavelength * math.hypot(x, z))
    return max(1, math.ceil(oscillation - 1e-9), math.ceil(PEAK * axis.pitch / abs(z) - 1e-9))


def choose(axes: tuple[Axis, Axis], z: float, wavelength: float, evanescent: str) -> Choice:
    """The exact form for a geometry, of the two the one that its sampling allows at the least cost."""
    y, x = axes
    held = tuple(_held(a, z, wavelength, "angular_spectrum") for a in axes)
    spectral = None if math.inf in held else (y.padded(held[0]), x.padded(held[1]))
    far = min(farthest(a, side, wavelength, "angular_spectrum") for a, side in zip(axes, spectral or (0, 0), strict=True))
    by_spectrum = "the window samples the transfer function" + ("" if math.isinf(far) else f": |distance| <= {far:.3g} m")
    reason = ""
    if z == 0 or (y.uniform and x.uniform):
        reason = "the field does not change" if z == 0 else "the field is uniform"
    elif y.periodic or x.periodic:
        reason = "pad=1 asks for a periodic window"
    elif evanescent == "drop":
        reason = "evanescent='drop' exists for the transfer function alone"
    if reason:
        window = spectral or (y.padded(), x.padded())
        if z and spectral is None:  # grazing waves, which no window holds, and no other form to take
            _check_window("angular_spectrum", axes, z, wavelength, window, reason)
        return Choice("angular_spectrum", window, (1, 1), reason)

    finer = (_finer(y, z, wavelength), _finer(x, z, wavelength))
    # a response that is kept to the band of the pitch rings where it is cut
    soft = tuple(MARGIN * a.pitch if q > 1 else a.margin for a, q in zip(axes, finer, strict=True))
    spatial = tuple(a.padded(2 * (a.span + m) + a.pitch) for a, m in zip(axes, soft, strict=True))
    near = max(nearest(a, wavelength) for a in axes)
    by_response = f"the pitch samples the impulse response: |distance| >= {near:.3g} m"
    if finer != (1, 1):
        by_response = f"the impulse response, sampled {finer[0]} x {finer[1]} times finer than the pitch and kept to its band"
    points, cost = spatial[0] * spatial[1], finer[0] * finer[1]
    if spectral is not None and cost > 1 and 8 * spectral[0] * spectral[1] <= points * (8 + cost):
        return Choice("angular_spectrum", spectral, (1, 1), by_spectrum)
    return Choice("rayleigh_sommerfeld", (spatial[0], spatial[1]), finer, by_response)


def paraxial(axes: tuple[Axis, Axis], z: float, wavelength: float) -> bool:
    """True where the Fresnel sum over the pixels is exact to a few parts in ten thousand: by the next terms of phase and amplitude at the
    largest offset, and by the sampling of its chirp."""
    offsets = [a.offset for a in axes if not a.uniform]
    square = sum(o * o for o in offsets)
    sampled = all(a.uniform or 2 * a.pitch * a.offset <= wavelength * abs(z) for a in axes)
    return sampled and z != 0 and square <= 3e-4 * z * z and 2 * math.pi / wavelength * square**2 <= 8 * 3e-4 * abs(z) ** 3


def forced(method: str, axes: tuple[Axis, Axis], z: float, wavelength: float, window: tuple[int, int]) -> Choice:
    """What the user asked for, with a warning where the grid does not hold it."""
    y, x = axes
    plain = Choice(method, window, (1, 1), f"method={method!r} was asked for")
    if z == 0 or (y.uniform and x.uniform):
        return plain
    size = abs(z)
    if method == "rayleigh_sommerfeld":
        near = max(nearest(a, wavelength) for a in axes)
        if size < near * (1 - 1e-9):
            _warn(f"method={method!r}", "the pitch does not sample the impulse response", f">= {near:.3g}", z, 1 - size / near)
        for name, axis, side in zip("yx", axes, window, strict=True):
            if not axis.uniform and not axis.scaled and side * axis.pitch < 2 * axis.span + axis.pitch * (1 - 1e-9):
                _say(
                    f"method={method!r}: the window of {side} points along {name} is shorter than field and result together, "
                    f"{round(2 * axis.span / axis.pitch) + 1}, so that the ends of the result wrap around: pad=2 is enough"
                )
        return plain
    _check_window(method, axes, z, wavelength, window, f"method={method!r}")
    return plain


def _check_window(
    method: str, axes: tuple[Axis, Axis], z: float, wavelength: float, window: tuple[int, int], asked: str
) -> None:
    """Warn where the window does not sample the transfer function. asked : what left no other choice."""
    far = min(farthest(a, side, wavelength, method) for a, side in zip(axes, window, strict=True))
    if abs(z) > far * (1 + 1e-9):
        aperture = min(a.offset for a in axes if not (a.uniform or a.periodic))
        error = math.sqrt(wavelength * abs(z)) / max(aperture, wavelength)
        _warn(asked, "the window does not sample the transfer function", f"<= {far:.3g}", z, error)


def _say(message: str) -> None:
    _checks.warn(message, SamplingWarning)


def _warn(asked: str, what: str, limit: str, z: float, error: float) -> None:
    _say(
        f"{asked}: {what} at this distance; its range here is |distance| {limit} m, got {z:.3g} m: expect errors of up to about "
        f"{100 * min(1.0, error):.2g} % of the peak (method='auto' by itself has none)"
    )
