"""Energy, latency and area of a crossbar layer: an estimate to compare descriptions by, not a design.

Counted for each vector: charging the lines and their drivers (C V^2), the current through the cells (V^2 G t), converters (an energy for
each code, Walden's figure of merit), holding currents, and adding codes. Not counted: memories, buses, leakage, control, programming.
What a description does not have costs nothing: without an ADC currents are free to leave. The figures are as good as their sources,
some of which are estimates themselves; converters alone differ by more than ten between designs.
"""

from dataclasses import dataclass, fields

import numpy as np

from .. import _array
from .._array import Array
from .._gate import accepts_any
from . import _checks
from .converters import BitSerial
from .layer import check_state
from .mapping import Crossbar, DifferentialPair, check_description
from .solve import carried


@dataclass(frozen=True)
class Technology:
    """What things cost. Every figure is yours to replace; defaults are one consistent set for 32 nm.

    Parameters
    ----------
    t_read : float
        Seconds the inputs are on for one read: 100e-9 (ISAAC's cycle).
    adc_energy : float
        Joules for each code of the range, so that a conversion of b bits takes 2^b times it: 3.1 mW / 1.2 GS/s / 2^8 = 10.1 fJ.
    adc_rate : float
        Conversions per second of an ADC of 8 bits, in proportion to 8 / b for b: 1.2e9.
    adc_area : float
        m^2 at 8 bits, growing as 2^b: 1.5e-9. All three: Kull et al., A 3.1 mW 8b 1.2 GS/s single-channel asynchronous SAR ADC in 32 nm, ISSCC
        2013: measured. Murmann's ADC Performance Survey (github.com/bmurmann/ADC-survey) has designs an order of magnitude better and worse.
    columns_per_adc : int | None
        Columns that take turns at one converter; None: all of an array share one (ISAAC).
    dac_energy : float
        Joules for driving one line with one bit, in proportion to the bits: 4 mW / 1024 * 100 ns = 0.39 pJ.
    dac_area : float
        m^2 for each line and bit: 1.7e-13.
    hold_energy : float
        Joules to hold the current of a column for conversion: 10 uW / 1024 * 100 ns = 1 fJ. adder_energy : joules for shifting and adding one
        code: 0.2 mW / 4 / 1.2 GHz = 42 fJ.
    adder_area : float
        m^2 for each array: 6e-11. All five: Shafiee et al., ISAAC, ISCA 2016, table of component parameters (estimates of its authors; in
        proportion to bits: ours).
    wire_capacitance : float
        Farads per metre of line: 0.2e-9, the usual value of minimum-pitch wires, hardly dependent on the technology (Ho, Mai and Horowitz, The
        future of wires, Proc. IEEE 89, 490 (2001)).
    cell_pitch : float
        Metres: 64e-9, two features of 32 nm; a cell has its square, the 4 F^2 of a bare cross-point. A transistor in each cell makes it 3 to 10
        times as large.
    """

    t_read: float = 100e-9
    adc_energy: float = 3.1e-3 / 1.2e9 / 2**8
    adc_rate: float = 1.2e9
    adc_area: float = 1.5e-9
    columns_per_adc: int | None = None
    dac_energy: float = 4e-3 / 1024 * 100e-9
    dac_area: float = 1.7e-13
    hold_energy: float = 10e-6 / 1024 * 100e-9
    adder_energy: float = 0.2e-3 / 4 / 1.2e9
    adder_area: float = 6e-11
    wire_capacitance: float = 0.2e-9
    cell_pitch: float = 64e-9

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "columns_per_adc":
                if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                    raise ValueError(f"columns_per_adc must be 1 or more, or None, got {value!r:.40}")
            else:
                _checks.number(f.name, value, "SI units", positive=f.name in ("t_read", "adc_rate"))


@accepts_any
def estimate(
    description: Crossbar, shape: tuple[int, int], *, technology: Technology | None = None, state: dict[str, Array] | None = None,
    mean_square_input: float | None = None,
) -> dict[str, float]:  # fmt: skip
    """Energy, latency and area of ``y = x @ W`` on crossbars, for one vector.

    Parameters
    ----------
    description : Crossbar
        The layer.
    shape : tuple[int, int]
        (n_in, n_out) of W.
    technology : Technology | None
        The costs.
    state : dict[str, Array] | None
        Of `program_weights`, for the mean of its conductances; else that of weights spread evenly over their range: 1/4 of the range above
        g_min for one-sided pairs, 1/2 for others.
    mean_square_input : float | None
        Mean of (voltage / full voltage)^2 on the lines, 0 to 1; else 1/3, inputs spread evenly, and for bit-serial slices of m = 2^s - 1 levels
        (2 m + 1) / 6 m. For cells with an I-V law inputs of that mean square are taken to be spread evenly up to the full voltage, or, below
        1/3, from 0 up.

    Returns
    -------
    dict[str, float]
        A flat dict of floats with units in the keys: energy_*_j (drivers, wires, cells, adc, hold, digital, total), energy_per_operation_j (two
        operations for each weight), operations_per_joule, latency_s, vectors_per_s, area_*_m2 (cells, adc, dac, digital, total), and the counts
        arrays, cells, conversions, input_slices. Pairs that are interleaved are one array of twice the rows, with half as many conversions.

    Raises
    ------
    ValueError
        For a shape that is none.

    Notes
    -----
    With wires the current through the cells is taken as without: an upper bound. Reads again by bound management are not counted. Arrays work
    at the same time; while one slice of the inputs is converted the next is read.
    """
    d, t = check_description(description), Technology() if technology is None else technology
    if not isinstance(t, Technology):
        raise TypeError(f"technology must be a Technology, got {type(t).__name__}")
    sides = tuple(shape) if isinstance(shape, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(n, int | np.integer) and n >= 1 for n in sides):
        raise ValueError(f"shape must be (n_in, n_out) of the weights, at least (1, 1), got {shape!r:.60}")
    n_in, n_out = int(sides[0]), int(sides[1])
    dac, adc = d.chain.dac, d.chain.adc
    serial = dac if isinstance(dac, BitSerial) else None
    slices = serial.slices if serial else 1
    square, power = _input_power(d, mean_square_input)
    low, high = d.range
    if state is not None:
        check_state(state, d)
        mean_g = float(_array.to_numpy(state["G"]).mean(dtype=np.float64))
    else:
        one_sided = isinstance(d.weights, DifferentialPair) and d.weights.one_sided  # one of two cells carries half the range on average
        mean_g = low + (high - low) * (0.25 if one_sided else 0.5)
    lines_each = len(d.parts) // len(d.counts)  # rows of one array that an input has
    rows = [lines_each * min(d.tile_inputs, n_in - r) for r in range(0, n_in, d.tile_inputs)]
    columns = [c.stop - c.start for _, c in d.blocks(n_out)]
    parts = len(d.counts)

    arrays = parts * len(rows) * len(columns)
    cells = parts * sum(rows) * sum(columns)
    lines = parts * sum(rows) * len(columns)  # driven
    ends = parts * sum(columns) * len(rows)  # read
    converted = 1 if serial is None or serial.shift_add == "analogue" else slices
    conversions = ends * converted if adc is not None else 0
    dac_bits = 0 if dac is None or dac.bits is None else (serial.slice_bits if serial else dac.bits)
    length = sum(c * parts * sum(rows) for c in columns) * t.cell_pitch  # of all word lines together

    energy = {
        "drivers": slices * lines * dac_bits * t.dac_energy,
        "wires": slices * length * t.wire_capacitance * square,
        "cells": slices * cells * mean_g * power * t.t_read,
        "adc": 0.0 if adc is None or adc.bits is None else conversions * 2**adc.bits * t.adc_energy,
        "hold": conversions * t.hold_energy,
        "digital": conversions * t.adder_energy,
    }
    per_adc = [min(t.columns_per_adc or c, c) for c in columns]
    converting = 0.0 if adc is None or adc.bits is None else max(per_adc) * adc.bits / (8 * t.adc_rate)
    if converted == slices:  # every slice is converted, while the next one is read
        cycle = max(t.t_read, converting)
        latency, interval = (slices - 1) * cycle + t.t_read + converting, slices * cycle
    else:
        latency, interval = slices * t.t_read + converting, max(slices * t.t_read, converting)
    adcs = parts * len(rows) * sum(-(-c // p) for c, p in zip(columns, per_adc, strict=True))
    area = {
        "cells": cells * t.cell_pitch**2,
        "adc": 0.0 if adc is None or adc.bits is None else adcs * t.adc_area * 2.0 ** (adc.bits - 8),
        "dac": lines * dac_bits * t.dac_area,
        "digital": arrays * t.adder_area if adc is not None else 0.0,
    }
    total, operations = sum(energy.values()), 2.0 * n_in * n_out
    return {
        **{f"energy_{name}_j": float(value) for name, value in energy.items()},
        "energy_total_j": total, "energy_per_operation_j": total / operations, "operations_per_joule": operations / total,
        "latency_s": latency, "vectors_per_s": 1 / interval,
        **{f"area_{name}_m2": float(value) for name, value in area.items()},
        "area_total_m2": sum(area.values()), "arrays": float(arrays), "cells": float(cells), "conversions": float(conversions),
        "input_slices": float(slices),
    }  # fmt: skip


def _input_power(d: Crossbar, mean_square: float | None) -> tuple[float, float]:
    """Mean of V^2 on the lines, and of V f(V), which times G is the power of a cell whose I-V law is G f(V): volts^2."""
    dac, full = d.chain.dac, d.v_max
    at, weight = np.polynomial.legendre.leggauss(64)
    at, weight = (at + 1) / 2, weight / 2  # an even spread over [0, 1]
    if mean_square is not None:
        if _checks.number("mean_square_input", mean_square, "of the full voltage") > 1:
            raise ValueError(f"mean_square_input must not exceed 1, the square of the full voltage, got {mean_square!r:.40}")
        start = max(np.sqrt(12 * max(mean_square, 0.25) - 3) - 1, 0) / 2
        at = start + at * ((1 if start else np.sqrt(3 * mean_square)) - start)
    elif isinstance(dac, BitSerial):
        at = np.linspace(0, 1, 2**dac.slice_bits)
        weight = np.full(len(at), 1 / len(at))
    square = float(full**2 * (weight @ at**2))
    if d.chain.iv is None:
        return square, square
    volts = full * at
    ways = (volts,) if dac is not None and not dac.signed else (volts, -volts)
    return square, float(np.mean([weight @ (v * carried(d.chain.iv, v)) for v in ways]))


__all__ = ["Technology", "estimate"]
