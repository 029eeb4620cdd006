"""Weights as conductances: pairs, offset columns, slices of bits, tiles; and the description of a whole crossbar layer.

A weight w in [-w_max, w_max] becomes conductances between g_min and g_max of the device:

    pair, one-sided   G+ carries max(w, 0), G- carries max(-w, 0); the other rests at g_min         w ~ G+ - G-
    pair, two-sided   G+ and G- move against each other about the middle                            w ~ G+ - G-
    offset column     G moves about the middle, a reference column of each tile rests there         w ~ 2 (G - G_ref)

Sliced weights are integers of B = slices * cell_bits bits; array k holds their digits of cell_bits bits, the least significant first, and
its outputs count 2^(k cell_bits) times. A weight of 0 reads 0: a pair holds two codes whose difference is the nearest to w (2^B - 1) / w_max,
an offset column the code 2^(B - 1) + n for the nearest n to w (2^(B - 1) - 1) / w_max, and its reference the code 2^(B - 1). Conductances
are (arrays, n_in, columns): for each slice G+ and G-, or G with reference columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Numbers, Real, Values
from .._checks import wrt_names
from .._gate import accepts_any
from . import _checks
from .devices import Device, device
from .read import Chain

NO_END = _launch.fault(41, "w_max must be positive and finite (the unit of the weights)")
BEYOND = _launch.fault(32, "weights must lie within w_max, the end of the conductance range: clip W or give a larger w_max")


@dataclass(frozen=True)
class DifferentialPair:
    """Two cells for a weight, whose currents are subtracted.

    Parameters
    ----------
    one_sided : bool
        One of the two rests at g_min.
    """

    one_sided: bool = True


@dataclass(frozen=True)
class OffsetColumn:
    """One cell for a weight, and a reference column in each tile, whose current is subtracted from the others."""


@dataclass(frozen=True)
class Crossbar:
    """A layer ``y = x @ W`` on crossbars, described; W (n_in, n_out).

    Parameters
    ----------
    weights : DifferentialPair | OffsetColumn
        `DifferentialPair` or `OffsetColumn`.
    device : str | Device
        A device or its name; its range of conductances, and how it is programmed.
    slices, cell_bits
        Arrays that share the bits of a weight, and bits of each cell; None: one analogue cell.
    w_max : float | None
        The weight at the end of the range; None: the largest |w| when a matrix is programmed.
    tile : tuple[int, int]
        Largest (rows, columns) of one array. Partial sums of tiles on the same outputs are added after the ADC.
    v_max : float
        Volts of an input of 1: the largest code of the chain's DAC, which is taken if it is not given; 0.2 without a DAC.
    input_scale : float | str
        "absmax": each sample is divided by its largest |x|, which multiplies its outputs again; or a number for all, beyond which a DAC cuts.
    bound_rounds : int
        A sample that drives an ADC to its end is read again with half the input, so many times at most (bound management).
    stuck_low, stuck_high : float
        Fractions of cells that are stuck at g_min and g_max.
    chain : Chain
        What lies between voltages and currents of a tile. With an unsigned DAC inputs must be 0 or more. With interleaved wires G+ and G- of a
        pair are rows 2 k and 2 k + 1 of one array, whose currents meet on the bit line before one converter; a tile has half as many inputs as
        rows. With gated ones inputs are sent bit by bit by an unsigned converter, and open their rows.

    Raises
    ------
    ValueError
        For what cannot be built: among others a v_max that is not the DAC's, and a topology for which weights or inputs are not made.

    Notes
    -----
    Gokmen, Onen and Haensch, Frontiers in Neuroscience 11, 538 (2017) for the two managements; Shafiee et al., ISAAC, ISCA 2016, and Xiao et
    al., On the accuracy of analog neural network inference accelerators, IEEE CAS Magazine 22, 26 (2022) for slices and offsets.
    """

    weights: DifferentialPair | OffsetColumn = field(default_factory=DifferentialPair)
    device: str | Device = "ideal"
    slices: int = 1
    cell_bits: int | None = None
    w_max: float | None = None
    tile: tuple[int, int] = (512, 512)
    v_max: float = None  # type: ignore[assignment]  # a number once it is made
    input_scale: float | str = "absmax"
    bound_rounds: int = 0
    stuck_low: float = 0.0
    stuck_high: float = 0.0
    chain: Chain = field(default_factory=Chain)

    def __post_init__(self) -> None:
        device(self.device)
        if not isinstance(self.chain, Chain):
            raise TypeError(f"chain must be a Chain, got {type(self.chain).__name__}")
        if not isinstance(self.weights, DifferentialPair | OffsetColumn):
            raise TypeError(f"weights must be a DifferentialPair or an OffsetColumn, got {type(self.weights).__name__}")
        if isinstance(self.slices, bool) or not isinstance(self.slices, int) or self.slices < 1:
            raise ValueError(f"slices must be 1 or more, got {self.slices!r:.40}")
        _checks.whole("bound_rounds", self.bound_rounds, 0)
        if self.cell_bits is None and self.slices > 1:
            raise ValueError(f"weights in {self.slices} slices need cell_bits: the bits of each cell")
        if self.cell_bits is not None:
            _checks.bits("cells", self.cell_bits, 1)
            # an offset needs a code on either side of its 0
            least = 2 if isinstance(self.weights, OffsetColumn) else 1
            _checks.bits("weights (slices times cell_bits)", self.cell_bits * self.slices, least)
        least = 2 if isinstance(self.weights, OffsetColumn) else 1
        sides = self.tile if isinstance(self.tile, tuple | list) else ()
        if len(sides) != 2 or not all(isinstance(n, int) for n in sides) or sides[0] < 1 or sides[1] < least:
            raise ValueError(f"tile must be (rows, columns), at least (1, {least}), got {self.tile!r:.60}")
        self._settle_v_max()
        self._check_topology()
        if self.w_max is not None:
            _checks.number("w_max", self.w_max, "the unit of the weights", positive=True)
        if self.input_scale != "absmax":
            _checks.number("input_scale, if not 'absmax',", self.input_scale, "the unit of the inputs", positive=True)
        if self.bound_rounds and (self.chain.adc is None or getattr(self.chain.dac, "shift_add", "") == "digital"):
            raise ValueError("bound_rounds need an ADC whose codes show their end: not without one, nor after a digital sum of slices")

    def _settle_v_max(self) -> None:
        """One voltage: of an input of 1, and of the largest code of the DAC."""
        dac = self.chain.dac
        if self.v_max is None:
            object.__setattr__(self, "v_max", 0.2 if dac is None else dac.range)
        _checks.number("v_max", self.v_max, "volts of an input of 1", positive=True)
        if dac is not None and not np.isclose(self.v_max, dac.range, rtol=1e-9, atol=0):
            raise ValueError(
                f"an input of 1 is v_max = {self.v_max:.6g} V, and the largest code of the DAC {dac.range:.6g} V: give both the same, or only "
                "the DAC's range"
            )

    def _check_topology(self) -> None:
        chain = self.chain
        if self.paired and not isinstance(self.weights, DifferentialPair):
            raise ValueError(f"topology {chain.topology!r} has rows of positive and negative weights: weights must be a DifferentialPair")
        if self.paired and self.tile[0] < 2:
            raise ValueError(f"topology {chain.topology!r} takes rows in pairs: a tile must have 2 rows or more, got {self.tile[0]}")
        if chain.gated and (chain.dac is None or chain.dac.bits is None):
            raise ValueError(
                f"topology {chain.topology!r} takes inputs that are open or shut: give the chain a dac, BitSerial(bits, slice_bits=1, "
                "signed=False) or DAC(1, signed=False)"
            )

    @property
    def paired(self) -> bool:
        """Whether G+ and G- lie in one array, row by row, and their currents meet on the bit line."""
        return self.chain.topology.endswith("interleaved")

    @property
    def tile_inputs(self) -> int:
        """Inputs of one tile, at most."""
        return self.tile[0] // 2 if self.paired else self.tile[0]

    @property
    def range(self) -> tuple[float, float]:
        """g_min and g_max, siemens."""
        used = device(self.device)
        return used.g_min, used.g_max

    @property
    def parts(self) -> list[float]:
        """What the current of each array counts, as weights relative to w_max for conductances relative to g_max - g_min."""
        pair = isinstance(self.weights, DifferentialPair)
        signs = (1.0, -1.0) if pair else (1.0,)
        if self.cell_bits is None:
            return list(signs) if pair else [2.0]
        base, bits = 2**self.cell_bits, self.cell_bits * self.slices
        top = 2 ** (bits if pair else bits - 1) - 1
        return [s * base**k * (base - 1) / top for k in range(self.slices) for s in signs]

    @property
    def counts(self) -> list[float]:
        """The same of each current that is read: one for both arrays of a pair that is interleaved."""
        return self.parts[::2] if self.paired else self.parts

    def blocks(self, n_out: int) -> list[tuple[slice, slice]]:
        """For each tile along the columns: its outputs, and its physical columns, the last of which may be a reference."""
        extra = int(isinstance(self.weights, OffsetColumn))
        width = self.tile[1] - extra
        cuts = [(a, min(a + width, n_out)) for a in range(0, n_out, width)]
        return [(slice(a, b), slice(a + t * extra, b + (t + 1) * extra)) for t, (a, b) in enumerate(cuts)]

    def columns(self, n_out: int) -> int:
        """Physical columns of an array for n_out outputs."""
        return self.blocks(n_out)[-1][1].stop


# -------------------------------------------------------------------------------------------------- weights <-> conductances
@accepts_any
def conductances(W: Real, description: Crossbar, *, w_max: Values | None = None) -> Array:
    """The conductances that stand for weights: targets for `program`.

    Parameters
    ----------
    W : Real
        (n_in, n_out) float32 or float64.
    w_max
        Number or (n_out,); the description's, or the largest |w|, by default.

    Returns
    -------
    Array
        (arrays, n_in, columns) siemens.

    Raises
    ------
    ValueError
        For weights beyond w_max or NaN.
    """
    W = check_weights(W)
    xp, d = _array.namespace(W), check_description(description)
    ends = weight_range(W, d, w_max)
    share = W / ends.astype(W.dtype)
    most = xp.abs(share).max()

    def beyond() -> str:
        return (
            f"weights must lie within w_max, the end of the conductance range: the largest is {float(most):.4g} times w_max "
            f"({float(ends.max()):.4g}); clip W or give a larger w_max"
        )

    _launch.flag(~(most <= 1 + 1e-5), BEYOND, beyond)
    arrays = _units(share.clip(-1, 1), d)
    if isinstance(d.weights, OffsetColumn):
        whole = xp.empty((len(arrays), W.shape[0], d.columns(W.shape[1])), W.dtype)
        whole[...] = _units(xp.zeros((1, 1), W.dtype), d)  # a reference is a weight of 0
        for outputs, columns in d.blocks(W.shape[1]):
            whole[..., columns.start : columns.stop - 1] = arrays[..., outputs]
        arrays = whole
    low, high = d.range
    return (W.dtype.type(low) + W.dtype.type(high - low) * arrays).clip(W.dtype.type(low), W.dtype.type(high)).astype(W.dtype, copy=False)


def _units(share: Array, d: Crossbar) -> Array:
    """Weights in units of w_max as conductances in units of the range, from 0 to 1: (arrays, *share.shape), without reference columns."""
    xp, offset = _array.namespace(share), isinstance(d.weights, OffsetColumn)
    one_sided = isinstance(d.weights, DifferentialPair) and d.weights.one_sided
    if d.cell_bits is None:
        if one_sided:
            return xp.stack([share.clip(0, None), (-share).clip(0, None)])
        return xp.stack([(1 + share) / 2] if offset else [(1 + share) / 2, (1 - share) / 2])
    base, bits = 2**d.cell_bits, d.cell_bits * d.slices
    n = xp.rint(share * (2 ** (bits - 1 if offset else bits) - 1)).astype(np.int64)
    if offset:
        codes = [n + 2 ** (bits - 1)]
    elif one_sided:
        codes = [n.clip(0, None), (-n).clip(0, None)]
    else:
        plus = (n + 2**bits) // 2  # against each other about the middle, by turns
        codes = [plus, plus - n]
    return xp.stack([(code // base**k % base).astype(share.dtype) / (base - 1) for k in range(d.slices) for code in codes])


def check_description(description: Any) -> Crossbar:
    if not isinstance(description, Crossbar):
        raise TypeError(f"description must be a Crossbar, got {type(description).__name__}")
    return description


def check_weights(W: Real) -> Array:
    W = _checks.matrix("W", W, 2)
    if W.ndim != 2:
        raise ValueError(f"W must be (n_in, n_out), got shape {W.shape}")
    return W


def weight_range(W: Real, description: Crossbar, w_max: Values | None = None) -> Array:
    """The weight at the end of the range, float64 () or (n_out,): the one that is given, the description's, or the largest |w| of W."""
    xp, given = _array.namespace(W), description.w_max if w_max is None else w_max
    if given is not None:
        return end_of_range(given, W.shape[-1], xp)
    largest = xp.abs(W).max().astype(np.float64)
    return xp.where(largest != 0, largest, 1.0)


def end_of_range(w_max: Values, n_out: int, xp: Any) -> Array:
    """w_max as float64 () or (n_out,), positive."""
    given = _checks.real("w_max", w_max, "the unit of the weights", xp)
    if given.shape not in ((), (n_out,)):
        raise ValueError(f"w_max must be one number or {n_out}, one for each output, got shape {given.shape}")
    if xp is np or not _array.is_array(w_max):  # an array on a GPU would have to be waited for
        bad = ~((given > 0) & xp.isfinite(given)).all()
        _launch.flag(bad, NO_END, lambda: f"w_max must be positive and finite (the unit of the weights), got {w_max!r:.80}")
    return given


def check_arrays(name: str, G: Numbers, description: Crossbar) -> int:
    """The outputs of arrays (arrays, n_in, columns) as the description lays them out; refuses any other shape."""
    d = check_description(description)
    arrays = len(d.parts)
    n_out = outputs_of(G.shape[2], d) if G.ndim == 3 else 0
    if n_out < 1 or 0 in G.shape or len(G) != arrays or d.columns(n_out) != G.shape[2]:
        raise ValueError(f"{name} of this description must be ({arrays}, n_in, columns), got {G.shape}")
    return n_out


@accepts_any
def weights(G: Real, description: Crossbar, *, w_max: Values = 1.0) -> Array:
    """The weights for which conductances stand: the inverse of `conductances`, up to rounding to cell_bits.

    Parameters
    ----------
    G : Real
        (arrays, n_in, columns) siemens.
    w_max
        Number or (n_out,).

    Returns
    -------
    Array
        (n_in, n_out).
    """
    n_out = check_arrays("G", G, description)
    low, high = description.range
    scale = end_of_range(w_max, n_out, _array.namespace(G)) / (high - low)
    W = combine(_array.as_type(G, np.float64), description)
    return (W * scale).astype(G.dtype)


def outputs_of(columns: int, description: Crossbar) -> int:
    """How many outputs physical columns make."""
    if not isinstance(description.weights, OffsetColumn):
        return columns
    return columns - -(-columns // description.tile[1])


def interleaved(G: Real) -> Array:
    """Arrays of G+ and G- in turn (2 s, n_in, columns) as one of twice the rows for both, (s, 2 n_in, columns)."""
    return _array.contiguous(G.reshape(-1, 2, *G.shape[1:]).swapaxes(1, 2)).reshape(len(G) // 2, 2 * G.shape[1], G.shape[2])


def separated(G: Real) -> Array:
    """The inverse of `interleaved`."""
    return G.reshape(len(G), -1, 2, G.shape[2]).swapaxes(1, 2).reshape(2 * len(G), G.shape[1] // 2, G.shape[2])


def combine(values: Numbers, description: Crossbar, counts: list[float] | None = None) -> Array:
    """Sum over the arrays (arrays, rows, columns) of what each counts (`parts`), less the reference columns: (rows, n_out)."""
    if not isinstance(description.weights, OffsetColumn):
        return _counted(values, counts or description.parts)
    xp, n_out = _array.namespace(values), outputs_of(values.shape[-1], description)
    out = xp.empty((values.shape[1], n_out), values.dtype)
    for outputs, columns in description.blocks(n_out):
        own = values[..., columns]
        out[:, outputs] = _counted(own[..., :-1] - own[..., -1:], counts or description.parts)
    return out


def _counted(values: Array, counts: list[float]) -> Array:
    """The sum of the arrays, each as often as it counts, one after another."""
    xp, one, out = _array.namespace(values), values.dtype.type, None
    for count, array in zip(counts, values, strict=True):
        if out is None:
            out = array if count == 1 else one(count) * array
        elif abs(count) == 1:
            out = out + array if count > 0 else out - array
        else:
            out = out + one(count) * array
    return out if len(values) > 1 or counts[0] != 1 else xp.array(out)


def combine_vjp(cotangent: Numbers, description: Crossbar, counts: list[float] | None = None) -> Array:
    """The derivative of `combine`: cotangents (arrays, rows, columns) of (rows, n_out)."""
    xp, n_out, counts = _array.namespace(cotangent), cotangent.shape[-1], counts or description.parts
    out = xp.zeros((len(counts), len(cotangent), description.columns(n_out)), cotangent.dtype)
    for outputs, columns in description.blocks(n_out):
        for share, array in zip(counts, out, strict=True):
            part = cotangent.dtype.type(share) * cotangent[:, outputs]
            if isinstance(description.weights, OffsetColumn):
                array[:, columns.start : columns.stop - 1] = part
                array[:, columns.stop - 1] = -part.sum(-1)
            else:
                array[:, columns] = part
    return out


@accepts_any
def conductances_vjp(
    cotangent: Real, W: Real, description: Crossbar, *, w_max: Values | None = None, wrt: str | Sequence[str] = ("W",)
) -> Array:
    """The derivative of `conductances`, straight through the rounding to cell_bits.

    With slices the step of a weight is shared among them by what they count, so that the cotangents of all of them agree on one step of the
    weight; one-sided pairs move the cell that carries the weight (G+ at 0). w_max counts as a constant.

    Parameters
    ----------
    cotangent : Real
        (arrays, n_in, columns).

    Returns
    -------
    Array
        (n_in, n_out).
    """
    wrt_names(wrt, ("W",))
    W, d = check_weights(W), check_description(description)
    xp, n_out = _array.namespace(W), W.shape[1]
    _checks.shaped("cotangent", cotangent, (len(d.parts), W.shape[0], d.columns(n_out)), "the conductances")
    low, high = d.range
    ends = weight_range(W, d, w_max)
    one_sided = isinstance(d.weights, DifferentialPair) and d.weights.one_sided
    norm = sum(p * p for p in d.parts) / (2 if one_sided else 1)
    out = xp.zeros_like(W)
    for outputs, columns in d.blocks(n_out):
        stop = columns.stop - int(isinstance(d.weights, OffsetColumn))
        for share, array in zip(d.parts, cotangent, strict=True):
            part = array[:, columns.start : stop] * W.dtype.type(share / norm)
            if one_sided:
                part = part * ((W[:, outputs] >= 0) if share > 0 else (W[:, outputs] < 0))
            out[:, outputs] += part
    return (out * ((high - low) / ends)).astype(W.dtype, copy=False)


__all__ = ["Crossbar", "DifferentialPair", "OffsetColumn", "conductances", "conductances_vjp", "weights"]
