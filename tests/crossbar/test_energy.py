"""Energy, latency and area against sums done by hand."""

import numpy as np
import pytest

from pnnkern.crossbar import (
    ADC,
    DAC,
    IV,
    PCM,
    BitSerial,
    Chain,
    Crossbar,
    DifferentialPair,
    OffsetColumn,
    Technology,
    cubic_iv,
    estimate,
    program_weights,
    sinh_iv,
)

ROUND = Technology(
    t_read=1e-7, adc_energy=1e-14, adc_rate=1e9, adc_area=1e-9, dac_energy=2e-13, dac_area=1e-13, hold_energy=3e-15, adder_energy=5e-14,
    adder_area=1e-10, wire_capacitance=1e-10, cell_pitch=1e-7,
)  # fmt: skip


def test_one_pair_of_arrays() -> None:
    """100 x 50 weights on two arrays; 6-bit inputs of 0.2 V, 8-bit ADC shared by the 50 columns."""
    d = Crossbar(DifferentialPair(), PCM(g_min=4e-6, g_max=20e-6), chain=Chain(dac=DAC(6, 0.2), adc=ADC(8)))
    got = estimate(d, (100, 50), technology=ROUND)
    square = 0.04 / 3
    hand = {
        "energy_drivers_j": 200 * 6 * 2e-13,
        "energy_wires_j": 200 * 50 * 1e-7 * 1e-10 * square,
        "energy_cells_j": 10_000 * 8e-6 * square * 1e-7,
        "energy_adc_j": 100 * 256 * 1e-14,
        "energy_hold_j": 100 * 3e-15,
        "energy_digital_j": 100 * 5e-14,
        "latency_s": 1e-7 + 50e-9,
        "vectors_per_s": 1e7,
        "area_cells_m2": 10_000 * 1e-14,
        "area_adc_m2": 2e-9,
        "area_dac_m2": 200 * 6 * 1e-13,
        "area_digital_m2": 2e-10,
        "arrays": 2,
        "cells": 10_000,
        "conversions": 100,
        "input_slices": 1,
    }
    for name, value in hand.items():
        assert got[name] == pytest.approx(value, rel=1e-12), name
    total = sum(v for k, v in hand.items() if k.startswith("energy"))
    assert got["energy_total_j"] == pytest.approx(total)
    assert got["energy_per_operation_j"] == pytest.approx(total / 10_000)
    assert got["area_total_m2"] == pytest.approx(sum(v for k, v in hand.items() if k.startswith("area")))
    assert all(isinstance(v, float) for v in got.values())


def test_bits_in_series_offset_columns_and_tiles() -> None:
    """9 x 7 weights in two slices, on tiles of 4 x 3 with a reference column each: rows 4 + 4 + 1, columns 3 + 3 + 3 + 2."""
    chain = Chain(dac=BitSerial(5, 2, 0.1), adc=ADC(6))
    d = Crossbar(OffsetColumn(), PCM(g_max=20e-6), slices=2, cell_bits=3, tile=(4, 3), chain=chain)
    got = estimate(d, (9, 7), technology=ROUND)
    assert got["arrays"] == 2 * 3 * 4
    assert got["cells"] == 2 * 9 * 11
    assert got["input_slices"] == 2
    assert got["conversions"] == 2 * 2 * 11 * 3
    assert got["energy_drivers_j"] == pytest.approx(2 * (2 * 9 * 4) * 2 * 2e-13)
    assert got["energy_cells_j"] == pytest.approx(2 * (2 * 9 * 11) * 10e-6 * (0.01 * 7 / 18) * 1e-7)  # levels 0 1 2 3 of 3: 14 / 36
    assert got["energy_adc_j"] == pytest.approx(132 * 64 * 1e-14)
    assert got["area_adc_m2"] == pytest.approx(24 * 1e-9 / 4)
    assert got["latency_s"] == pytest.approx(2e-7 + 3 * 6 / 8e9)
    once = estimate(Crossbar(OffsetColumn(), chain=Chain(dac=BitSerial(5, 2, 0.1, shift_add="analogue"), adc=ADC(6))), (9, 7), technology=ROUND)
    assert once["conversions"] == 8
    assert once["latency_s"] == pytest.approx(2e-7 + 8 * 6 / 8e9)


def test_slow_converters_set_the_pace() -> None:
    slow = Technology(adc_rate=1e7, columns_per_adc=10)
    d = Crossbar(chain=Chain(dac=BitSerial(9, 1), adc=ADC(8)))
    got = estimate(d, (64, 64), technology=slow)
    assert got["vectors_per_s"] == pytest.approx(1 / (8 * 1e-6))
    assert got["latency_s"] == pytest.approx(7 * 1e-6 + 1e-7 + 1e-6)
    assert got["area_adc_m2"] == pytest.approx(2 * 7 * 1.5e-9)


def test_what_is_not_there_costs_nothing(rng: np.random.Generator) -> None:
    got = estimate(Crossbar(), (10, 10))
    for name in ("energy_adc_j", "energy_drivers_j", "energy_digital_j", "area_adc_m2", "area_dac_m2", "conversions"):
        assert got[name] == 0
    state = program_weights(rng.standard_normal((10, 10)), Crossbar())
    programmed = estimate(Crossbar(), (10, 10), state=state, mean_square_input=0.1)
    assert programmed["energy_cells_j"] == pytest.approx(float(state["G"].sum()) * 0.1 * 0.04 * 100e-9)


V0, A = 0.15, 6.0


@pytest.mark.parametrize(
    ("dac", "iv", "given", "carried"),
    [
        # mean of v f(v) over an even spread to 0.3 V, on the levels of slices, and for a given mean square
        (DAC(6, 0.3), cubic_iv(A), None, 0.09 / 3 + A * 0.3**4 / 5),
        (DAC(6, 0.3, signed=False), sinh_iv(V0), None, V0**2 * (np.cosh(2) - np.sinh(2) / 2)),
        (BitSerial(7, 1, 0.3), cubic_iv(A), None, (0.09 + A * 0.3**4) / 2),
        (BitSerial(7, 2, 0.3), cubic_iv(A), None, 0.09 * 14 / 36 + A * 0.3**4 * (1 + 16 + 81) / 81 / 4),
        (DAC(6, 0.3), cubic_iv(A), 0.12, 0.09 * 0.12 + A * 0.3**4 * 9 * 0.12**2 / 5),  # up to 0.6 of 0.3 V
        (DAC(6, 0.3), cubic_iv(A), 0.79 / 3 + 1 / 3, None),
        (DAC(6, 0.3), cubic_iv(A), 1.0, 0.09 + A * 0.3**4),
        (DAC(6, 0.3), IV(lambda v: np.where(v > 0, 3 * v, v), np.ones_like), None, 2 * 0.09 / 3),
        (DAC(6, 0.3, signed=False), IV(lambda v: np.where(v > 0, 3 * v, v), np.ones_like), None, 3 * 0.09 / 3),
    ],
)  # fmt: skip
def test_cells_carry_what_their_law_says(dac, iv: IV, given: float | None, carried: float | None) -> None:
    """Power is V I, not G V^2: 12 times as much, say, where a tunnel oxide is read at 4 v0."""
    if carried is None:  # spread evenly from a to 1, 1 + a + a^2 = 3 (0.79 + 1) / 3
        a = (np.sqrt(1 + 4 * 0.79) - 1) / 2
        carried = 0.09 * 1.79 / 3 + A * 0.3**4 * (1 - a**5) / (5 * (1 - a))
    d = Crossbar(chain=Chain(dac=dac, iv=iv))
    got = estimate(d, (10, 20), technology=ROUND, mean_square_input=given)
    slices = dac.slices if isinstance(dac, BitSerial) else 1
    assert got["energy_cells_j"] == pytest.approx(slices * 400 * 25e-6 / 4 * carried * 1e-7, rel=1e-9)
    ohmic = estimate(Crossbar(chain=Chain(dac=dac)), (10, 20), technology=ROUND, mean_square_input=given)
    assert got["energy_wires_j"] == ohmic["energy_wires_j"]
    assert got["energy_cells_j"] > ohmic["energy_cells_j"]


def test_the_defaults_are_the_published_figures() -> None:
    t = Technology()
    assert t.adc_energy * 2**8 * 1.2e9 == pytest.approx(3.1e-3)  # Kull et al.: 3.1 mW at 1.2 GS/s, 8 bits
    assert t.dac_energy == pytest.approx(0.39e-12, rel=2e-3)
    assert t.adder_energy == pytest.approx(42e-15, rel=1e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimate(Crossbar(), (0, 3)), r"shape must be \(n_in, n_out\)"),
        (lambda: estimate(Crossbar(), 3), r"shape must be \(n_in, n_out\)"),
        (lambda: estimate(Crossbar(), (2, 3), mean_square_input=-1.0), "mean_square_input must be finite and 0 or more"),
        (lambda: estimate(Crossbar(), (2, 3), mean_square_input=1.01), "mean_square_input must not exceed 1"),
        (lambda: Technology(t_read=0.0), "t_read must be positive"),
        (lambda: Technology(adc_energy=np.nan), "adc_energy must be finite"),
        (lambda: Technology(columns_per_adc=0), "columns_per_adc must be 1 or more"),
    ],
)
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
