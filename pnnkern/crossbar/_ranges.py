"""The largest current that a chain can send to the converter of a column: the range of an ADC by which nothing is ever cut.

A current is a sum over the cells of a column: with lines at no more than v volts no node lies outside +-v, cells carry no more than
G f(v), and currents rise with every voltage, so that the sum of G f(v) bounds the output of each circuit in `wires`, of curved cells,
too. Noise counts with the largest normal that can be drawn: for each cell that is drawn by itself, and for the output where one draw
stands for all of them. Through wires an output is a sum of many draws: there the bound is as many standard deviations (a chance below
1e-13).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _array
from .._array import Array, Real
from .._own import ScalarFunction
from .converters import DAC, BitSerial
from .noise import CellNoise, LognormalNoise, TelegraphNoise
from .solve import IV, TOLERANCE, carried

if TYPE_CHECKING:
    from .read import Reader

NORMAL = {"float32": 7.54, "float64": 9.42}  # |z| that `pnnkern.random.normal` does not exceed: kernels/include/pnnkern/philox.cuh


def largest_currents(reader: "Reader") -> Array:
    """Amperes that no conversion of a read exceeds, in either direction, without column offsets: float64 (arrays, n_out)."""
    chain, G, z = reader.chain, reader.stack, NORMAL[reader.stack.dtype.name]
    both = chain.dac is None or chain.dac.signed or getattr(chain.dac, "noise", 0.0) > 0
    siemens = _cells(reader, z)
    total = z * reader.extra**0.5
    for weight, volts in _voltages(reader.dac, z):
        total = total + weight * _carried(chain.iv, volts, both, G) * siemens
    rounding = G.shape[1] * float(np.finfo(G.dtype).eps) + (TOLERANCE[G.dtype.name] if reader.solved else 0.0)
    return total * (1 + rounding)


def _voltages(dac: DAC | BitSerial, z: float) -> list[tuple[float, float]]:
    """What the reads that make up one conversion count, and the highest voltage of a line in each."""
    if isinstance(dac, DAC):
        return [(1.0, dac.range + z * dac.noise)]
    if dac.shift_add == "digital":
        return [(1.0, dac.range)]
    return [(weight, float(plane[0, 0])) for weight, plane in dac.planes(np.full((1, 1), dac.range))]


def _carried(iv: IV | ScalarFunction | None, volts: float, both: bool, like: Array) -> Any:
    """What a cell carries at the highest voltage, as the voltage at which one that obeys Ohm's law would."""
    if iv is None:
        return volts
    xp = _array.namespace(like)
    return xp.abs(carried(iv, xp.asarray([volts, -volts] if both else [volts]))).max()


def _cells(reader: "Reader", z: float) -> Array:
    """Siemens by which the highest voltage is multiplied, (arrays, n_out): those of the columns, and what noise of the cells adds."""
    noise, wires = reader.noise, reader.chain.wires
    if noise is not None and not noise.by_output:
        return _highest(noise, reader.stack, reader.spread, z).sum(1, dtype=np.float64)
    sums = _sums(reader)
    if noise is None:
        return sums
    xp = _array.namespace(reader.stack)
    if wires is None or reader.gated:
        # through gated wires a cell moves an output by no more than what lies between a supply and a bit line
        apart = 2 if reader.chain.topology == "gated-interleaved" else 1
        return sums + apart * z * xp.sqrt((reader.spread * reader.spread).sum(1, dtype=np.float64))
    for a, spread in enumerate(reader.spread):
        fields = reader.fields_of(a)
        across = xp.abs(reader.received(fields.forward)).sum(1, dtype=np.float64)  # of each cell, every line at a volt of its own sign
        sums[a] += z * xp.sqrt((spread.reshape(-1) * across) ** 2 @ fields.adjoint.astype(np.float64) ** 2)
    return sums


def _sums(reader: "Reader") -> Array:
    """Of the columns without noise."""
    if reader.gated and reader.chain.topology != "gated":  # what +V_read feeds flows one way, what -V_read feeds the other
        each = [reader.stack[:, row::2].sum(1, dtype=np.float64) for row in (0, 1)]
        return _array.namespace(reader.stack).maximum(*each)
    if reader.solved or not reader.pairs:
        return reader.weights.sum(1, dtype=np.float64)
    return _array.namespace(reader.stack).abs(reader.weights[:, 0::2] - reader.weights[:, 1::2]).sum(1, dtype=np.float64)


def _highest(noise: CellNoise, G: Real, spread: Array, z: float) -> Array:
    """The highest conductance in which a cell that is drawn by itself can be met."""
    if isinstance(noise, LognormalNoise):
        return G * _array.namespace(G).exp(z * spread - 0.5 * spread * spread)
    return G + spread * ((1 - noise.p) if isinstance(noise, TelegraphNoise) else z)
