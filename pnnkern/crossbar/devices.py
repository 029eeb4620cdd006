"""Conductance devices: how well they are programmed, how they drift, and how they fluctuate while they are read.

A device is a frozen description; `program`, `drift` and `flicker` draw from it. Conductances and their standard deviations are in
siemens everywhere, times in seconds after programming. The fits below are quoted in microsiemens, as they were published::

    G = program(target, device="pcm", key=key)
    G_day = drift(G, time=86400.0, device="pcm", key=key)   # always from the programmed state
    sigma = device("pcm").read_noise(G_day, 86400.0, programmed=G)  # of a reading: its published fit is by what was programmed
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, _launch, random
from .._array import Array, Key, Numbers, Real
from .._errors import nearest
from .._gate import accepts_any
from . import _checks

_uS = 1e-6
DAY = 86400.0
COMPENSATORS = ("two-reads", "absolute")
NEGATIVE = _launch.fault(30, "conductances must not be negative or NaN (siemens)")
OUTSIDE = _launch.fault(33, "the target of programming must lie in the device's range of conductances")
RETURNED = _launch.fault(40, "exponent and relaxed of a Custom device must return finite numbers")
NO_KEY = _launch.fault(34, random.key_missing("programming, drift and noise of this device are random"))
DEVIATION = _launch.fault(35, "a standard deviation of conductances must not be negative or NaN (siemens)")


# --------------------------------------------------------------------------------------------------------------------- devices
@accepts_any
@dataclass(frozen=True)
class Device:
    """An ideal device, and the methods of all others.

    Parameters
    ----------
    g_min, g_max : float
        Siemens; targets lie between them. Programmed conductances may leave the range, but are never negative.
    """

    g_min: float = 0.0
    g_max: float = 25e-6

    noise_by_programmed: ClassVar[bool] = False  # whether the read noise of a drifted cell goes by what was programmed

    def __post_init__(self) -> None:
        for name in ("g_min", "g_max"):
            if not isinstance(getattr(self, name), int | float | np.integer | np.floating):
                raise TypeError(f"{name} of a device must be a number (siemens), got {getattr(self, name)!r:.80}")
        if not (np.isfinite(self.g_max) and 0 <= self.g_min < self.g_max):
            raise ValueError(f"a device needs 0 <= g_min < g_max (siemens), got g_min = {self.g_min!r}, g_max = {self.g_max!r}")
        _checks.siemens("g_max of a device", self.g_max)

    def programming_noise(self, target: Real) -> Array:
        """Standard deviation of the programmed conductance around its target, siemens; like `target`."""
        return 0 * target

    def exponents(self, G: Real) -> tuple[Array, Array] | None:
        """Mean and standard deviation of the drift exponent nu of a cell, ``G (t / t0 + 1)^-|nu|``; None: no such drift."""
        return None

    def relaxation(self, G: Real, time: float) -> tuple[Array, Array] | None:
        """Mean shift and standard deviation that a conductance has gained `time` seconds after programming, siemens; None: none."""
        return None

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        """Standard deviation of one reading, siemens.

        Parameters
        ----------
        G : Real
            Conductances now, siemens.
        time : float
            Seconds after programming.
        programmed : Real | None
            As they were programmed, where the published fit is by that (`noise_by_programmed`); G by default, which is right only while they
            have not drifted.

        Returns
        -------
        Array
            An array like G.
        """
        return 0 * G


@accepts_any
@dataclass(frozen=True)
class PCM(Device):
    """Phase-change memory: doped Ge2Sb2Te5 mushroom cells, 90 nm, a million of them, programmed by iteration.

    Parameters
    ----------
    programming : tuple[float, ...]
        Coefficients c_i of sigma = sum of c_i (g / g_max)^i, in microsiemens where g_max is 25 uS; it scales with g_max. (0.26348, 1.9650,
        -1.1731).
    exponent_mean : tuple[float, float, float, float]
        (slope, offset, least, most) of nu's mean, slope ln(g / g_max) + offset clipped: (-0.0155, 0.0244, 0.049, 0.1).
    exponent_std : tuple[float, float, float, float]
        The same of its standard deviation: (-0.0125, -0.0059, 0.008, 0.045).
    flicker : tuple[float, float, float]
        (q, power, most): 1/f noise of relative size Q sqrt(ln((t + t0 + t_read) / 2 t_read)), Q = min(most, q (g / g_max)^-power) by the
        programmed g: (0.0088, 0.65, 0.2).
    t0 : float
        Seconds from programming to the first reading, which `time` = 0 is: 20.
    t_read : float
        Seconds of a reading: 250e-9.

    Notes
    -----
    Source of all: Nandakumar et al., Phase-change memory models for deep learning training and inference, ICECS 2019; Joshi et al., Nature
    Communications 11, 2473 (2020). ``device("pcm-joshi")`` has the programming noise of figure 3b of the latter, 0.28638599 + 0.07585724 g -
    0.00178767 g^2 (g in uS, up to 25), and the drift and 1/f noise given here.
    """

    programming: tuple[float, ...] = (0.26348, 1.9650, -1.1731)
    exponent_mean: tuple[float, float, float, float] = (-0.0155, 0.0244, 0.049, 0.1)
    exponent_std: tuple[float, float, float, float] = (-0.0125, -0.0059, 0.008, 0.045)
    flicker: tuple[float, float, float] = (0.0088, 0.65, 0.2)
    t0: float = 20.0
    t_read: float = 250e-9

    noise_by_programmed: ClassVar[bool] = True

    def programming_noise(self, target: Real) -> Array:
        return _polynomial(self.programming, target / self.g_max) * (self.g_max / 25e-6)

    def exponents(self, G: Real) -> tuple[Array, Array] | None:
        log = _log(G / self.g_max)
        mean, std = (
            (slope * log + offset).clip(low, high) for slope, offset, low, high in (self.exponent_mean, self.exponent_std)
        )
        return mean, std

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        q, power, most = self.flicker
        r = ((G if programmed is None else programmed) / self.g_max).clip(1e-9, None)
        return G * (q * r**-power).clip(None, most) * self._spectrum(time)

    def _spectrum(self, time: float) -> float:
        """sqrt(ln((t + t_read) / 2 t_read)), t since programming: 1/f noise between the reading's and the waiting time's frequency."""
        return float(np.sqrt(np.log((time + self.t0 + self.t_read) / (2 * self.t_read))))


@accepts_any
@dataclass(frozen=True)
class HermesPCM(PCM):
    """Phase-change memory of a 14 nm chip with 64 cores, one or two devices for each conductance.

    Parameters
    ----------
    pair : bool
        Two devices, g_max 20.7 uS and t0 300 s; else one, 10.35 uS and 200 s (``device("pcm-hermes-single")``).

    Notes
    -----
    Programming noise: cubic in g / g_max (of `programming`, in uS at the g_max given). Exponents and Q are cubic or quadratic in r = g / g_max
    above a threshold and logarithmic below: nu: -0.0387 ln r - 0.0182 in [0.072, 0.13] for r < 0.0945, else -0.0436 r^2 - 0.0126 r + 0.0736;
    its std (pair): -0.0117 ln r - 0.0057 in [0.0091, 0.04] for r < 0.3055, else -0.0118 r^2 + 0.0093 r + 0.0073; (single): -0.0120 ln r -
    0.0023 in [0.0124, 0.04] for r < 0.3039, else -0.0165 r^2 + 0.0116 r + 0.0104; Q (pair): -0.0117 ln r - 0.0069 in [0.015, 0.04] for r <
    0.16, else 0.0069 r^3 - 0.0280 r^2 + 0.0211 r + 0.0123; (single): -0.0078 ln r + 0.0038 in [0.0179, 0.04] for r < 0.1591, else 0.0664 r^3 -
    0.1352 r^2 + 0.0768 r + 0.0088.

    Source: Le Gallo et al., Nature Electronics 6, 680 (2023), with the fits of the chip's authors in IBM's aihwkit (HermesNoiseModel); method
    of Nandakumar et al., ICECS 2019; t_read 512 ns.
    """

    g_max: float = 20.7e-6
    programming: tuple[float, ...] = (0.16603222, 4.71806468, -8.48101252, 4.68961419)
    t0: float = 300.0
    t_read: float = 512e-9
    pair: bool = True

    def programming_noise(self, target: Real) -> Array:
        return _polynomial(self.programming, target / self.g_max) * (self.g_max / (20.7e-6 if self.pair else 10.35e-6))

    def exponents(self, G: Real) -> tuple[Array, Array] | None:
        r = G / self.g_max
        mean = _two_fits(r, 0.0945, (-0.0387, -0.0182, 0.0720, 0.13), (0.0736, -0.0126, -0.0436))
        if self.pair:
            return mean, _two_fits(r, 0.3055, (-0.0117, -0.0057, 0.0091, 0.04), (0.0073, 0.0093, -0.0118))
        return mean, _two_fits(r, 0.3039, (-0.0120, -0.0023, 0.0124, 0.04), (0.0104, 0.0116, -0.0165))

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        r = (G if programmed is None else programmed) / self.g_max
        if self.pair:
            q = _two_fits(r, 0.16, (-0.0117, -0.0069, 0.015, 0.04), (0.0123, 0.0211, -0.0280, 0.0069))
        else:
            q = _two_fits(r, 0.1591, (-0.0078, 0.0038, 0.0179, 0.04), (0.0088, 0.0768, -0.1352, 0.0664))
        return G * q * self._spectrum(time)


@accepts_any
@dataclass(frozen=True)
class RRAM(Device):
    """Filamentary resistive memory whose spread around the target has been measured at some times after programming.

    Parameters
    ----------
    times : tuple[float, ...]
        Seconds.
    spreads : tuple[tuple[float, ...], ...]
        For each time the coefficients c_i of sigma = sum of c_i (g / g_max)^i, in microsiemens where g_max is `g_fit`; sigma scales with g_max.
        Between the times it follows the logarithm of time; before the first and after the last it stays. Programming noise is that of the first
        time, and a cell goes on along its own direction, so that the spread at a measured time is the measured one.
    relative_read_noise : float
        Of the conductance; the sources give no measurement by state.

    Notes
    -----
    Default: 1 s, 1 day and 2 days of Wan et al., Nature 608, 504 (2022), extended data figure 3, as fitted in IBM's aihwkit
    (ReRamWan2022NoiseModel, g_max 40 uS); read noise 1 %, as recommended there. ``device("rram-cubic")``: a cubic fit to the same figure at 1
    s, 1.053 + 0.2374 g - 0.01167 g^2 + 1.536e-4 g^3 uS up to 39.26 uS (Sandia's CrossSim). ``device("rram-milo")``: 4.782321 - 0.009107 g uS,
    50 to 225 uS, Milo et al., IRPS 2021, figure 4, algorithm IGVVA-100.
    """

    g_max: float = 40e-6
    g_fit: float = 40e-6
    times: tuple[float, ...] = (1.0, DAY, 2 * DAY)
    spreads: tuple[tuple[float, ...], ...] = (
        (0.348, 16.030, -43.853, 45.393, -16.815),
        (0.701, 22.086, -50.773, 47.095, -16.458),
        (0.782, 20.274, -43.507, 37.062, -11.934),
    )
    relative_read_noise: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        _checks.number("relative_read_noise", self.relative_read_noise, "of the conductance", most=1.0)
        if len(self.times) != len(self.spreads) or not self.times or any(b <= a for a, b in zip(self.times, self.times[1:])):
            raise ValueError(f"times must increase, one for each of the {len(self.spreads)} spreads, got {self.times}")

    def spread(self, G: Real, time: float) -> Array:
        """Standard deviation around the target `time` seconds after programming, siemens."""
        sigmas = [_polynomial(c, G / self.g_max).clip(0, None) for c in self.spreads]
        position = float(np.interp(np.log(max(time, self.times[0])), np.log(self.times), np.arange(len(self.times))))
        left = min(int(position), len(sigmas) - 1)
        right = min(left + 1, len(sigmas) - 1)
        share = position - left
        return (sigmas[left] * (1 - share) + sigmas[right] * share) * (self.g_max / self.g_fit)

    def programming_noise(self, target: Real) -> Array:
        return self.spread(target, 0.0)

    def relaxation(self, G: Real, time: float) -> tuple[Array, Array] | None:
        if len(self.times) == 1:
            return None
        grown = self.spread(G, time) ** 2 - self.spread(G, 0.0) ** 2
        return 0 * G, _array.namespace(G).sqrt(grown.clip(0, None))

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        return self.relative_read_noise * G


@accepts_any
@dataclass(frozen=True)
class ReRAM(Device):
    """Analog filamentary resistive memory of conductive metal oxide on HfOx, 9 to 88.19 uS. All fits in microsiemens.

    Parameters
    ----------
    programming : tuple[float, float]
        (c0, c1) of sigma = c0 + c1 g, for programming until within 2 % of the target: (0.0112185391, 0.01129027418). Within 0.2 %: (0.00081107,
        0.00106879).
    shift : float
        Mean shift, times ln t: -0.08900206.
    spread : tuple[float, float]
        (slope, offset) of the standard deviation of the shift, slope ln t + offset: (0.04201137, 0.41183342). Both independent of g; before 1 s
        they are as at 1 s, and at 0 none.
    flicker : float
        K of sigma = K log10(g) sqrt(ln((t + t_read) / 2 t_read)): 0.0277316483.
    t_read : float
        Seconds: 1e-6.

    Notes
    -----
    Source: Falcone et al., All-in-one analog AI hardware: on-chip training and inference with conductive-metal-oxide/HfOx ReRAM devices,
    Advanced Functional Materials (2025), with the fits in IBM's aihwkit (ReRamCMONoiseModel).
    """

    g_min: float = 9e-6
    g_max: float = 88.19e-6
    programming: tuple[float, float] = (0.0112185391, 0.01129027418)
    shift: float = -0.08900206
    spread: tuple[float, float] = (0.04201137, 0.41183342)
    flicker: float = 0.0277316483
    t_read: float = 1e-6

    def programming_noise(self, target: Real) -> Array:
        return _uS * self.programming[0] + self.programming[1] * target

    def relaxation(self, G: Real, time: float) -> tuple[Array, Array] | None:
        log, ones = float(np.log(max(time, 1.0))), _array.namespace(G).ones_like(G)
        return _uS * self.shift * log * ones, _uS * (self.spread[0] * log + self.spread[1]) * ones

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        spectrum = float(np.sqrt(np.log((max(time, 2 * self.t_read) + self.t_read) / (2 * self.t_read))))
        return _uS * self.flicker * spectrum * _array.namespace(G).log10((G / _uS).clip(1.0, None))


@accepts_any
@dataclass(frozen=True)
class SONOS(Device):
    """Charge-trapping transistors read below threshold, 0 to 1600 nA at the read voltage.

    Parameters
    ----------
    v_read : float
        Volts by which the published currents become conductances: 0.1 gives 16 uS.
    spreads : tuple[tuple[float, float], ...]
        (A, B) in nanoamperes of sigma = A (1 - exp(-I / B)) at 0, 1, ..., 5 days; linear between them, constant after.
    noise : tuple[float, float]
        (A, B) of the read noise: (12.58037, 215.36557).

    Notes
    -----
    The drift of the mean is published as a figure only, and not modelled: give it by `Custom`. Source: Agrawal et al., Subthreshold operation
    of SONOS analog memory, IEDM 2022, figures 10a and 11b; fits of Sandia's CrossSim.
    """

    g_max: float = 16e-6
    v_read: float = 0.1
    spreads: tuple[tuple[float, float], ...] = (
        (19.88665, 176.3115), (25.59102, 186.85544), (28.72753, 193.56834), (31.04318, 198.90332), (33.76214, 204.77023),
        (34.57909, 207.34309),
    )  # fmt: skip
    noise: tuple[float, float] = (12.58037, 215.36557)

    def _saturating(self, G: Real, a: float, b: float) -> Array:
        return (1e-9 * a / self.v_read) * (1 - _array.namespace(G).exp(G * (-self.v_read / (1e-9 * b))))

    def spread(self, G: Real, time: float) -> Array:
        """Standard deviation around the target `time` seconds after programming, siemens."""
        days = np.arange(len(self.spreads))
        a, b = (float(np.interp(time / DAY, days, column)) for column in zip(*self.spreads))
        return self._saturating(G, a, b)

    def programming_noise(self, target: Real) -> Array:
        return self.spread(target, 0.0)

    def relaxation(self, G: Real, time: float) -> tuple[Array, Array] | None:
        grown = self.spread(G, time) ** 2 - self.spread(G, 0.0) ** 2
        return 0 * G, _array.namespace(G).sqrt(grown.clip(0, None))

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        return self._saturating(G, *self.noise)


@accepts_any
@dataclass(frozen=True)
class Custom(Device):
    """A device of your own functions of conductance arrays in siemens; what is not given is ideal.

    Functions return arrays like theirs, or numbers for all cells; `exponent` and `relaxed` finite ones.

    Parameters
    ----------
    programming : Callable[[Array], Array] | None
        Target -> standard deviation, siemens.
    exponent : Callable[[Array], tuple[Array, Array]] | None
        G -> (mean, standard deviation) of the drift exponent, with its t0 (seconds).
    relaxed : Callable[[Array, float], tuple[Array, Array]] | None
        (G, time) -> (mean shift, standard deviation), siemens.
    reading : Callable[[Array, float], Array] | None
        (G, time) -> standard deviation of one reading, siemens.
    """

    programming: Callable[[Array], Array] | None = None
    exponent: Callable[[Array], tuple[Array, Array]] | None = None
    t0: float = 1.0
    relaxed: Callable[[Array, float], tuple[Array, Array]] | None = None
    reading: Callable[[Array, float], Array] | None = None

    def programming_noise(self, target: Real) -> Array:
        return 0 * target if self.programming is None else self.programming(target)

    def exponents(self, G: Real) -> tuple[Array, Array] | None:
        return None if self.exponent is None else _two("exponent", self.exponent(G), G)

    def relaxation(self, G: Real, time: float) -> tuple[Array, Array] | None:
        return None if self.relaxed is None else _two("relaxed", self.relaxed(G, time), G)

    def read_noise(self, G: Real, time: float = 0.0, *, programmed: Real | None = None) -> Array:
        return 0 * G if self.reading is None else self.reading(G, time)


def _two(name: str, returned: Any, G: Real) -> tuple[Array, Array]:
    """A mean and a standard deviation of each cell, as a function of a user's returns them."""
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        raise TypeError(f"{name} of a Custom device must return (mean, standard deviation), got {type(returned).__name__}")
    mean, std = (_checks.each(f"{what} that {name} returns", values, G, "G") for what, values in zip(("the mean", "the deviation"), returned))
    bad = ~(_array.namespace(G).isfinite(mean + std).all())
    _launch.flag(bad, RETURNED, lambda: f"{name} of a Custom device must return finite numbers, got NaN or infinity")
    return mean, std


DEVICES: dict[str, Device] = {
    "ideal": Device(),
    "pcm": PCM(),
    # microsiemens at g = r 25 uS: c0, 25 c1, 625 c2 of the published polynomial in g
    "pcm-joshi": PCM(programming=(0.28638599, 25 * 0.07585724, -625 * 0.00178767)),
    "pcm-hermes": HermesPCM(),
    "pcm-hermes-single": HermesPCM(
        g_max=10.35e-6, programming=(0.15781817, 2.32443916, -2.16310839, 0.68841818), t0=200.0, pair=False
    ),
    "reram": ReRAM(),
    "rram": RRAM(),
    "rram-cubic": RRAM(
        g_max=39.26e-6, g_fit=39.26e-6, times=(1.0,),
        spreads=((1.053, 39.26 * 0.2374, -(39.26**2) * 1.167e-2, 39.26**3 * 1.536e-4),),
    ),
    "rram-milo": RRAM(g_min=50e-6, g_max=225e-6, g_fit=225e-6, times=(1.0,), spreads=((4.782321, -225 * 0.009107),)),
    "sonos": SONOS(),
}  # fmt: skip


def device(name: str | Device) -> Device:
    """The published device of that name (`DEVICES`), or the given device itself.

    Raises
    ------
    ValueError
        With the nearest name.
    """
    if isinstance(name, Device):
        return name
    if not isinstance(name, str) or name not in DEVICES:
        raise ValueError(f"no conductance device is called {name!r:.80}: {nearest(name, DEVICES)}")
    return DEVICES[name]


# ----------------------------------------------------------------------------------------------------------------------- draws
@accepts_any
def program(target: Real, device: str | Device = "pcm", *, key: Key | None = None, sample: int = 0) -> Array:
    """Program conductances: ``max(target + sigma(target) z, 0)`` with one standard normal z for each cell.

    Parameters
    ----------
    target : Real
        Siemens, between the device's g_min and g_max; any shape, float32 or float64.
    device : str | Device
        A name in `DEVICES`, or a device.
    key
        Of `pnnkern.random`; not needed for devices without programming noise.
    sample : int
        The number of the programming attempt (or of the chip); another one is another draw.

    Returns
    -------
    Array
        An array like `target`.

    Raises
    ------
    ValueError
        For a target outside the range or NaN, an unknown device, or noise without a key.
    """
    chosen = _lookup(device)
    target = _conductance("target", target)
    if target.size:
        low, high = target.min(), target.max()
        slack = 1e-6 * chosen.g_max  # rounding of float32

        def outside() -> str:
            span = f"{chosen.g_min:.4g} to {chosen.g_max:.4g} S, got {float(low):.4g} to {float(high):.4g} S"
            return f"target must lie in the device's range {span}"

        _launch.flag(~((low >= chosen.g_min - slack) & (high <= chosen.g_max + slack)), OUTSIDE, outside)
    return _perturb(target, chosen.programming_noise(target), key, "programming", sample)


@accepts_any
def drift(
    G: Real, *, time: float, device: str | Device = "pcm", key: Key | None = None, sample: int = 0, target: Real | None = None,
    stuck: Numbers | None = None,
) -> Array:  # fmt: skip
    """Conductances `time` seconds after they were programmed to G.

    ``G (time / t0 + 1)^-nu`` with one exponent ``nu = |mean + std z|`` for each cell, plus the device's relaxation. A cell's exponent depends
    on the key, `sample` and its place only, so that all times lie on one history. Start from the programmed state each time: a drifted one must
    not be drifted again.

    Parameters
    ----------
    G : Real
        Siemens, any shape, float32 or float64, not negative.
    target : Real | None
        What was asked of `program`; exponents follow it as they were published. G by default.
    stuck : Array | None
        Boolean like G; cells that cannot be programmed, and stay as they are.

    Returns
    -------
    Array
        An array like G, whose last bits may differ between NumPy and a GPU.

    Raises
    ------
    ValueError
        For a time that is negative or not finite, an unknown device, or noise without a key.

    Notes
    -----
    Other arguments as for
        `program`.
    """
    chosen = _lookup(device)
    G, time = _conductance("G", G), _checks.number("time", time, "seconds after programming")
    state = G if target is None else _conductance("target", target)
    if state.shape != G.shape or state.dtype != G.dtype:
        raise ValueError(f"target must be like G, {G.dtype} {G.shape}, got {state.dtype} {state.shape}")
    if stuck is not None:
        _checks.mask("stuck", stuck, G.shape, "G")
    if time == 0:
        return _array.copied(G)
    moved = _moved(G, time, chosen, key, sample, state)
    return moved if stuck is None else _array.namespace(G).where(stuck, G, moved)


def _moved(G: Real, time: float, chosen: Device, key: Any, sample: int, state: Array) -> Array:
    """All cells as they are at `time`, whose laws go by `state`."""
    result = G
    laws = chosen.exponents(state)
    if laws is not None:
        mean, std = (_checks.each("the exponent", law, G, "G") for law in laws)
        k0, k1 = random.key_words(random.require_key(key, "drift is random"), "drift")
        result = _array.namespace(G).empty_like(G)
        log_ratio = float(np.log1p(time / getattr(chosen, "t0", 1.0)))
        _launch.launch(
            "crossbar/program", "drift", G.dtype, G.size, k0, k1, _sample(sample), log_ratio, mean, std, G, result,
            threads=(G.size + 3) // 4,
        )  # fmt: skip
    moved = chosen.relaxation(state, time)
    if moved is None:
        return result if result is not G else _array.copied(G)
    shift, spread = moved
    return _perturb(_checks.each("the relaxed conductance", result + shift, G, "G"), spread, key, "relaxation", sample)


@accepts_any
def flicker(
    G: Real, *, time: float, device: str | Device = "pcm", key: Key | None = None, sample: int = 0, programmed: Real | None = None
) -> Array:
    """Conductances as they are while a batch is read at `time`: with one draw of the read noise for each cell, frozen.

    Slow (1/f) noise hardly changes during a batch; `device.read_noise` as the noise of a read chain draws it anew for each reading.

    Parameters
    ----------
    G : Real
        Siemens, as `drift` gives them.
    sample : int
        The number of the batch. Other arguments and errors as for `drift`.
    programmed : Real | None
        As they were programmed; needed after the time 0 where the device's published noise is by that (`Device.noise_by_programmed`).

    Returns
    -------
    Array
        An array like G.
    """
    chosen, G, time = _lookup(device), _conductance("G", G), _checks.number("time", time, "seconds after programming")
    return _perturb(G, reading(chosen, G, time, programmed), key, "flicker", sample)


def reading(device: Device, G: Real, time: float, programmed: Real | None) -> Array:
    """`Device.read_noise`, refused where it would go by what cells have drifted to instead of what was programmed."""
    if device.noise_by_programmed and time > 0 and programmed is None:
        raise ValueError(
            f"read noise of {type(device).__name__} goes by the conductances that were programmed, and {time:g} s later G is another: "
            "give programmed="
        )
    if programmed is not None:
        _checks.shaped("programmed", programmed, G.shape, "G")
    return _checks.each(f"the read noise of {type(device).__name__}", device.read_noise(G, time, programmed=programmed), G, "G")


@accepts_any
def drift_compensation(before: Real, after: Real, *, per_column: bool = False, estimator: str = "two-reads") -> Array:
    """The factor that undoes the drift of an array, from the currents of one set of test inputs before and after.

    Parameters
    ----------
    before, after : Real
        Amperes (or any unit) of the same inputs; later outputs times the factor are compensated. For "two-reads" (2, tests, n_out), each read
        twice with noise of its own (other keys); for "absolute" (tests, n_out).
    per_column : bool
        One factor for each output instead of one for all; it needs more tests for the same precision.
    estimator : str
        "two-reads": ``sqrt(sum before_1 before_2 / sum after_1 after_2)``: noise that is independent averages out of the products, so that the
        factor is that of reads without noise, with an error that falls as one over the square root of the tests. "absolute": ``sum |before| /
        sum |after|``, for comparison: noise adds to both sums, more to the weaker later one, and the factor comes out too small.

    Returns
    -------
    Array
        (1,) or (n_out,) float64.

    Raises
    ------
    ValueError
        For shapes that do not fit and an unknown estimator.

    Notes
    -----
    Sums are over all or along each column; 1 where nothing flows before or after, or nothing rises above the noise.

    Global drift compensation, with "absolute": Joshi et al., Nature Communications 11, 2473 (2020).
    """
    if estimator not in COMPENSATORS:
        raise ValueError(f"estimator must be one of {', '.join(COMPENSATORS)}, got {estimator!r:.40}")
    twice = estimator == "two-reads"
    if before.shape != after.shape or before.ndim != 2 + twice or (twice and len(before) != 2):
        right = "(2, tests, n_out), each read twice with noise of its own," if twice else "(tests, n_out)"
        raise ValueError(f"before and after must be {right} of the same inputs for {estimator!r}, got {before.shape} and {after.shape}")
    xp = _array.namespace(before, after)
    axes = 0 if per_column else None

    def size(reads: Array) -> Array:
        if not twice:
            return xp.abs(reads).sum(axis=axes, dtype=np.float64).reshape(-1)
        first, second = reads.astype(np.float64)
        return xp.sqrt((first * second).sum(axis=axes).clip(0, None)).reshape(-1)

    one, two = size(before), size(after)
    flows = (one > 0) & (two > 0)
    return xp.where(flows, one, 1) / xp.where(flows, two, 1)


# ---------------------------------------------------------------------------------------------------------------------- inside
_lookup = device  # the functions' argument has the same name


def _polynomial(microsiemens: tuple[float, ...], r: Array) -> Array:
    """The polynomial of these coefficients, lowest first, in siemens."""
    value = 0 * r + microsiemens[-1] * _uS
    for c in microsiemens[-2::-1]:
        value = value * r + c * _uS
    return value


def _log(r: Array) -> Array:
    return _array.namespace(r).log(r.clip(1e-9, None))


def _two_fits(r: Array, threshold: float, low: tuple[float, float, float, float], high: tuple[float, ...]) -> Array:
    """slope ln r + offset clipped to [least, most] below the threshold, a polynomial (lowest first) above."""
    slope, offset, least, most = low
    above = 0 * r + high[-1]
    for c in high[-2::-1]:
        above = above * r + c
    return _array.namespace(r).where(r < threshold, (slope * _log(r) + offset).clip(least, most), above)


def _conductance(name: str, G: Real) -> Array:
    check_positive(name, G)
    return np.asarray(G) if isinstance(G, np.generic) else _array.contiguous(G)


def check_positive(name: str, G: Real) -> None:
    """Refuse conductances of which one is negative or NaN; warn of what looks like ohms."""
    if G.size:
        least, what = G.min(), f"{name} must not be negative or NaN (siemens), got a least value of"
        _launch.flag(~(least >= 0), NEGATIVE, lambda: f"{what} {float(least):.4g}")
        if _array.namespace(G) is np:  # a GPU would have to be waited for
            _checks.siemens(name, G.max())


def check_deviation(what: str, sigma: Real) -> None:
    """Refuse standard deviations, siemens, of which one is negative or NaN."""
    if sigma.size:
        least = sigma.min()
        _launch.flag(~(least >= 0), DEVIATION, lambda: f"{what} must not be negative or NaN, got {float(least):.4g} S")


def _sample(sample: Any) -> int:
    if isinstance(sample, bool) or not isinstance(sample, int | np.integer) or not 0 <= sample < 2**63 - 1:
        raise ValueError(f"sample must be an integer from 0 to below 2^63 - 1, got {sample!r:.80}")
    return int(sample)


def _perturb(G: Real, sigma: Real, key: Any, purpose: str, sample: Any) -> Array:
    sigma = _checks.each(f"the standard deviation of {purpose}", sigma, G, "G")
    sample = _sample(sample)
    if key is None:
        _launch.flag(sigma.any(), NO_KEY, lambda: random.key_missing(f"{purpose} is random"))
        return _array.copied(G)
    if _array.namespace(sigma) is np and not sigma.any():  # a GPU has it done sooner than looked at
        return _array.copied(G)
    check_deviation(f"the standard deviation of {purpose}", sigma)
    words = _checks.words(random.require_key(key, f"{purpose} is random"), purpose, G)
    out = _array.namespace(G).empty_like(G)
    _launch.launch("crossbar/program", "perturb", G.dtype, G.size, *words, sample, sigma, G, out, threads=(G.size + 3) // 4)
    return out


__all__ = [
    "DEVICES", "PCM", "RRAM", "SONOS", "Custom", "Device", "HermesPCM", "ReRAM", "device", "drift", "drift_compensation", "flicker", "program",
]  # fmt: skip
