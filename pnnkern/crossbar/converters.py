"""Converters at the edges of a crossbar: descriptions, and what they do to arrays.

All quantisers work alike, in this order: divide by the step; round to the nearest integer, halves to the even one; cut to the range of
codes; multiply by the step. With sign, b bits are the 2^b - 1 codes -L .. L, L = 2^(b - 1) - 1, so that zero is a code; without,
0 .. 2^b - 1. The largest code is the end of the range. Derivatives are straight through: a quantiser passes the cotangent on where its
input lies inside the range, and stops it where it is cut (Bengio, Leonard and Courville, arXiv:1308.3432, 2013).
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _array, _constants, _launch, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import wrt_names
from .._gate import accepts_any
from . import _checks

RANGES = ("calibrated", "max", "per-column")
NO_RANGE = _launch.fault(36, "the range of an ADC must be positive and finite (amperes)")
NEGATIVE_OFFSET = _launch.fault(38, "an unsigned ADC cuts negative column offsets, and its range promises that nothing is cut: make it signed")
NO_DAC_RANGE = "range {!r} of an ADC needs a DAC with bits, whose range is the largest voltage"


def _codes(bits: int, signed: bool) -> tuple[int, int]:
    """The least and the greatest code."""
    return (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


# ---------------------------------------------------------------------------------------------------------------------- inputs
@accepts_any
@dataclass(frozen=True)
class DAC:
    """A converter for each input line.

    Parameters
    ----------
    bits : int | None
        Of the code, at least 2 with sign and 1 without; None converts nothing and cuts nothing.
    range : float
        Volts of the largest code.
    signed : bool
        Lines take both polarities.
    stochastic : bool
        Round up with the chance of the fraction, so that the mean is exact.
    noise : float
        Standard deviation of the voltage on a line, in volts, drawn for each sample and input, after conversion.
    """

    bits: int | None = 8
    range: float = 0.2
    signed: bool = True
    stochastic: bool = False
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.bits is not None:
            _checks.bits("a DAC", self.bits, 2 if self.signed else 1)
        _checks.number("range of a DAC", self.range, "volts", positive=True)
        _checks.number("noise of a DAC", self.noise, "volts, up to its range", most=self.range)

    @property
    def random(self) -> bool:
        return self.noise > 0 or (self.stochastic and self.bits is not None)

    def arguments(self, key: Key | None, like: Numbers | None = None) -> tuple[Any, ...]:
        """step, low, high, stochastic, rounding key, noise, noise key: as the kernels on the device of `like` take them."""
        if self.random:
            key = random.require_key(key, "a DAC with noise or stochastic rounding is random")
        low, high = (0, 0) if self.bits is None else _codes(self.bits, self.signed)
        step = self.range / high if high else 0.0
        keys = [_checks.words(key if self.random else None, purpose, like) for purpose in ("dac rounding", "dac noise")]
        return (step, low, high, int(self.stochastic), *keys[0], self.noise, *keys[1])

    def gate(self, V: Real) -> Array | None:
        """Where the derivative passes; None: everywhere."""
        if self.bits is None:
            return None
        least = -self.range if self.signed else 0.0
        return (least <= V) & (self.range >= V)


NO_DAC = DAC(bits=None)


@accepts_any
@dataclass(frozen=True)
class BitSerial:
    """Inputs that are sent in slices of a few bits, the least significant first, each read on its own and added with its weight.

    Parameters
    ----------
    bits : int
        Of the whole code.
    slice_bits : int
        Of a slice; a slice is a voltage of 2^slice_bits - 1 levels up to `range` volts. The sign of an input is the polarity of its line in all
        slices.
    shift_add : str
        "digital": each slice is converted by the ADC and the codes are added; "analogue": currents are added, with one conversion at the end.
        Cell noise is drawn anew in each slice.

    Notes
    -----
    Currents come out as of one conversion with as many bits: slice k counts 2^(k slice_bits) (2^slice_bits - 1) / L times.
    """

    bits: int = 8
    slice_bits: int = 1
    range: float = 0.2
    signed: bool = True
    shift_add: str = "digital"

    def __post_init__(self) -> None:
        _checks.bits("bit-serial inputs", self.bits, 2 if self.signed else 1)
        _checks.number("range of bit-serial inputs", self.range, "volts", positive=True)
        if not 1 <= _checks.bits("slices of bit-serial inputs", self.slice_bits, 1) <= self.magnitude_bits:
            raise ValueError(f"slices must have 1 to {self.magnitude_bits} bits for inputs of {self.bits} bits, got {self.slice_bits}")
        if self.shift_add not in ("digital", "analogue"):
            raise ValueError(f"shift_add must be 'digital' or 'analogue', got {self.shift_add!r:.40}")

    @property
    def magnitude_bits(self) -> int:
        """Bits without the sign."""
        return self.bits - 1 if self.signed else self.bits

    @property
    def slices(self) -> int:
        return -(-self.magnitude_bits // self.slice_bits)

    @property
    def whole(self) -> DAC:
        """The converter that would do all bits at once."""
        return DAC(self.bits, self.range, self.signed)

    def planes(self, V: Real) -> Iterator[tuple[float, Array]]:
        """What each slice counts, and its voltages."""
        xp = _array.namespace(V)
        step, low, high = self.whole.arguments(None)[:3]
        code = xp.rint(V / V.dtype.type(step)).clip(low, high)
        size, sign, base = xp.abs(code).astype(np.int32), xp.sign(code), 2**self.slice_bits
        for k in range(self.slices):
            digit = (size // base**k % base).astype(V.dtype) * sign
            yield base**k * (base - 1) / high, digit * V.dtype.type(self.range / (base - 1))


# --------------------------------------------------------------------------------------------------------------------- outputs
@dataclass(frozen=True)
class SAR:
    """Errors of successive approximation, drawn once for each converter from the seed.

    Parameters
    ----------
    mismatch : float
        Relative standard deviation of a unit capacitor; the capacitor of bit k is 2^k of them, so it deviates by mismatch / sqrt(2^k).
    offset : float
        Standard deviation of the comparator's offset, in codes.
    first : int
        Number of the converter of the first column, so that other arrays have others.
    """

    mismatch: float = 0.0
    offset: float = 0.0
    seed: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        _checks.number("mismatch of a SAR converter", self.mismatch, "of a unit capacitor", most=1.0)
        _checks.number("offset of a SAR converter", self.offset, "codes")

    def tables(self, bits: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        key = random.key(self.seed)
        z = random.normal(random.fold_in(key, "capacitors"), (columns, bits + 1), sample=self.first, dtype=np.float64)
        units = 2.0 ** np.arange(bits)
        capacitors = units + self.mismatch * np.sqrt(units) * z[:, 1:]
        total = capacitors.sum(1, keepdims=True) + 1 + self.mismatch * z[:, :1]  # and one unit that takes no part
        return np.ones(columns), self.offset * _column(key, "offset", self, columns), None, capacitors * (2.0**bits / total)


@dataclass(frozen=True)
class Ramp:
    """Errors of ramp (slope) converters, drawn once for each converter from the seed.

    Parameters
    ----------
    slope : float
        Standard deviation of its relative error.
    offset : float
        That of the offset, in codes.
    bow : float
        That of the deviation in the middle of the range, in codes, a parabola that is zero at the ends (integral nonlinearity).
    first : int
        As for `SAR`.
    """

    slope: float = 0.0
    offset: float = 0.0
    bow: float = 0.0
    seed: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        _checks.number("slope of a ramp converter", self.slope, "relative", most=1.0)
        for name in ("offset", "bow"):
            _checks.number(f"{name} of a ramp converter", getattr(self, name), "codes")

    def tables(self, bits: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        key = random.key(self.seed)
        slope, offset, bow = (getattr(self, n) * _column(key, n, self, columns) for n in ("slope", "offset", "bow"))
        return 1 + slope, offset, bow, None


def _column(key: np.ndarray, purpose: str, errors: SAR | Ramp, columns: int) -> np.ndarray:
    z: np.ndarray = random.normal(random.fold_in(key, purpose), (columns, 1), sample=errors.first, dtype=np.float64)[:, 0]
    return z


@functools.lru_cache(maxsize=256)
def _tables(errors: SAR | Ramp, bits: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    return errors.tables(bits, columns)


_constants.clearable(_tables.cache_clear)


@accepts_any
@dataclass(frozen=True)
class ADC:
    """A converter for each output column.

    Parameters
    ----------
    bits : int | None
        Of the code, at least 2 with sign and 1 without; None cuts at the range and rounds nothing.
    range
        Amperes of the largest code, one number or an array (n_out,) or (..., n_out) like the currents; or

        - "calibrated": a number that `calibrated` finds from currents, once, so that it does not depend on how a batch is split;
        - "max": the largest current that any column can have, with the DAC's full range on all inputs, the cells' I-V law, column offsets, and
          as much noise as can be drawn; errors of the converters have room, too, so that nothing is ever cut;
        - "per-column": the same for each column by itself.
    signed : bool
        Currents flow both ways; without it what is negative is cut.
    errors : SAR | Ramp | None
        `SAR` or `Ramp`; None for an ideal one.
    noise : float
        Standard deviation at the input, amperes, drawn for each conversion.
    """

    bits: int | None = 8
    range: Any = "calibrated"
    signed: bool = True
    errors: SAR | Ramp | None = None
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.bits is not None:
            _checks.bits("an ADC", self.bits, 2 if self.signed else 1)
        _checks.number("noise of an ADC", self.noise, "amperes", most=1.0)
        if isinstance(self.range, str):
            if self.range not in RANGES:
                raise ValueError(f"range of an ADC must be amperes or one of {', '.join(RANGES)}, got {self.range!r:.40}")
        else:
            values = _checks.real("range of an ADC", self.range, "amperes", _array.namespace(self.range))
            fits = (values > 0) & _array.namespace(values).isfinite(values)
            _launch.flag(~fits.all(), NO_RANGE, lambda: f"range of an ADC must be positive and finite (amperes), got {self.range!r:.80}")
        if self.bits is None and self.errors is not None:
            raise ValueError("errors of an ADC are counted in codes: give bits")

    @property
    def guaranteed(self) -> bool:
        """Whether the range is such that nothing is ever cut."""
        return isinstance(self.range, str) and self.range != "calibrated"

    def calibrated(self, currents: Real, *, quantile: float = 1.0, per_column: bool = False) -> "ADC":
        """This converter with the range of these currents (..., batch, n_out), amperes: the given quantile of their size.

        Parameters
        ----------
        per_column : bool
            A range for each column.

        Raises
        ------
        ValueError
            For a quantile outside (0, 1].
        """
        currents, quantile = _checks.matrix("currents", currents, 2 if per_column else 1), _checks.quantile(quantile)
        xp = _array.namespace(currents)
        size = xp.quantile(xp.abs(currents), quantile, axis=-2 if per_column else None)
        floor = _checks.floor(size)  # a column without current
        return replace(self, range=size.clip(floor, None) if per_column else max(float(size), float(floor)))

    def given(self, G: Real) -> Array:
        """Amperes of the largest code of each column, float64, broadcastable to (..., n_out) of the conductances G."""
        if isinstance(self.range, str):
            raise ValueError("the range of the ADC is not calibrated yet: adc = adc.calibrated(currents), or range='max' or amperes")
        if not G.ndim:
            raise ValueError("G must have a last axis of columns, got shape ()")
        return by_column("range of an ADC", self.range, (*G.shape[:-2], G.shape[-1]), _array.namespace(G))

    @property
    def codes(self) -> tuple[int, int]:
        """The least and the greatest code."""
        return _codes(self.bits, self.signed) if self.bits is not None else (-1 if self.signed else 0, 1)


@dataclass(frozen=True)
class Outputs:
    """Converters and offsets of the columns of each array of a stack, as the kernels take them: arrays (arrays, n_out)."""

    mode: int
    bits: int
    low: int
    high: int
    lsb: Array | None
    step: Array | None
    offset: Array | None
    bow: Array | None
    table: Array | None

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.mode, self.bits, self.low, self.high, self.lsb, self.step, self.offset, self.bow, self.table

    def gate(self, currents: Real) -> Array:
        """Where currents (arrays, batch, n_out) lie inside the range."""
        if self.offset is not None:
            currents = currents + self.offset[:, None]
        lsb = self.lsb[:, None]  # type: ignore[index]
        return (currents >= self.low * lsb) & (currents <= self.high * lsb)


def outputs(adc: ADC | None, offset: Any, G: Real, largest: Numbers | None = None) -> Outputs:
    """The converters of a stack of arrays G (..., n_in, n_out), with the columns' offsets in amperes.

    largest : the largest current of each column without its offset (arrays, n_out), for an ADC by which nothing is ever cut.
    """
    xp, shape = _array.namespace(G), (*G.shape[:-2], G.shape[-1])
    arrays = int(np.prod(shape[:-1]))

    def columns(values: Array) -> Array:
        return xp.array(xp.broadcast_to(values, shape).reshape(arrays, shape[-1]), dtype=G.dtype, order="C")

    given = None if offset is None else by_column("offset", offset, shape, xp)
    if adc is None:
        return Outputs(0, 0, 0, 0, None, None, None if given is None else columns(given), None, None)
    low, high = adc.codes
    errors = None if adc.errors is None or adc.bits is None else _tables(adc.errors, adc.bits, arrays * shape[-1])
    slope, shift, bow, table = errors or _NO_ERRORS
    if adc.guaranteed:
        step = _guaranteed(adc, largest, given, xp.asarray(_room(adc, slope, shift, bow, table)), shape)
    else:
        step = adc.given(G) / high
    if errors is None:
        steps, mode = columns(step), 1 if adc.bits is None else 2
        return Outputs(mode, adc.bits or 0, low, high, steps, steps, None if given is None else columns(given), None, None)
    given = xp.asarray(shift).reshape(shape) * step + (0 if given is None else given)
    return Outputs(
        2 if table is None else 3, adc.bits or 0, low, high, columns(xp.asarray(slope).reshape(shape) * step), columns(step), columns(given),
        None if bow is None else columns(xp.asarray(bow).reshape(shape)),
        None if table is None else xp.array(xp.asarray(table).reshape(arrays, -1), dtype=G.dtype, order="C"),
    )  # fmt: skip


def by_column(name: str, value: Any, shape: tuple[int, ...], xp: Any) -> Array:
    """Amperes of each column, float64, broadcastable to columns of this shape."""
    given = _checks.real(name, value, "amperes", xp)
    try:
        xp.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} of shape {given.shape} must fit the columns {shape} (amperes)") from None
    return given


_NO_ERRORS: tuple[np.ndarray, np.ndarray, None, None] = (np.ones(1), np.zeros(1), None, None)


def _room(adc: ADC, slope: np.ndarray, shift: np.ndarray, bow: np.ndarray | None, table: np.ndarray | None) -> np.ndarray:
    """Codes that a current may count on either side, so that a converter with these errors does not cut it; float64 (columns,)."""
    low, high = adc.codes
    if table is not None:  # with sign all capacitors together are the first code beyond the range; a hair less than it
        reach = np.minimum(high, table.sum(1) + low + (-0.501 if adc.signed else 0.499))
    else:
        reach = high * slope
    if bow is not None:
        # of t = code / high becomes t + b (1 - t^2), which for b > 1/2 leaves the range where t > (1 - b) / b
        b = np.maximum(np.abs(bow) / (0.5 * (high - low)), 0.5)
        reach = reach * ((1 - b) / b if adc.signed else b <= 0.5)
    room: np.ndarray = reach - np.abs(shift)
    if not (room > 0).all():
        raise ValueError(
            f"no range of this ADC can promise that nothing is cut: the errors of converter {int(room.argmin())} are as large as its range of "
            f"codes, {low} to {high}; give amperes"
        )
    return room


def _guaranteed(adc: ADC, largest: Array | None, offset: Array | None, room: Array, shape: tuple[int, ...]) -> Array:
    """Amperes of a code by which nothing is cut, () or (..., n_out)."""
    if largest is None:
        raise ValueError(NO_DAC_RANGE.format(adc.range))
    xp, most = _array.namespace(largest), largest.reshape(shape)
    if offset is not None:
        most = most + xp.abs(offset)
        if not adc.signed:
            _launch.flag((offset < 0).any(), NEGATIVE_OFFSET)
    step = most / room.reshape(shape if room.size > 1 else ())
    return (step if adc.range == "per-column" else step.max()).clip(1e-30, None)


# ---------------------------------------------------------------------------------------------------------------- on their own
@accepts_any
def convert(x: Real, converter: DAC | ADC, *, key: Key | None = None, sample: Sample = 0) -> Array:
    """Send voltages through a `DAC`, or currents through an `ADC`, whose range must be in amperes.

    Parameters
    ----------
    x : Real
        (batch, n), volts or amperes, float32 or float64.
    sample
        The global index of row 0, or of each row.

    Returns
    -------
    Array
        An array like x, in the same unit.

    Raises
    ------
    ValueError
        For noise without a key, or a range that is not known.
    """
    x = _checks.batch("x", x)
    _check_converter(converter)
    out, (rows, n) = _array.namespace(x).empty_like(x), x.shape
    which = _checks.samples(sample, rows, _array.namespace(x))
    if isinstance(converter, DAC):
        arguments = converter.arguments(key, x)
        _launch.launch("crossbar/read", "dac", x.dtype, rows, n, *arguments, *which, x, out, threads=rows * ((n + 3) // 4))
        return out
    if converter.noise > 0:
        key = random.require_key(key, "noise of an ADC is random")
    by_column = outputs(converter, None, x).arguments
    _launch.launch(
        "crossbar/read", "adc", x.dtype, 1, 1, rows, n, converter.noise**2, *_checks.words(key, "output", x), 0, *which, *by_column, x, None,
        out, threads=rows * ((n + 3) // 4),
    )  # fmt: skip
    return out


def _check_converter(given: Any) -> None:
    if not isinstance(given, DAC | ADC):
        raise TypeError(f"converter must be a DAC or an ADC, got {type(given).__name__}")


@accepts_any
def convert_vjp(
    cotangent: Real, x: Real, converter: DAC | ADC, *, key: Key | None = None, sample: Sample = 0, wrt: str | Sequence[str] = ("x",)
) -> Array:
    """The straight-through derivative of `convert`: the cotangent where x lies inside the range, 0 where it is cut.

    Noise of an ADC counts: what lies inside is x with its noise.

    Returns
    -------
    Array
        An array like x.
    """
    wrt_names(wrt, ("x",))
    x = _checks.batch("x", x)
    _check_converter(converter)
    _checks.shaped("cotangent", cotangent, x.shape, "x")
    if isinstance(converter, DAC):
        gate = converter.gate(x)
        return _array.copied(cotangent) if gate is None else cotangent * gate
    if converter.noise > 0:
        key = random.require_key(key, "noise of an ADC is random")
        z = random.normal(random.fold_in(key, "output"), x.shape, sample=sample, dtype=x.dtype, like=x)
        x = x + x.dtype.type(converter.noise) * z
    return cotangent * outputs(converter, None, x).gate(x[None])[0]


__all__ = ["ADC", "DAC", "SAR", "BitSerial", "Ramp", "convert", "convert_vjp"]
