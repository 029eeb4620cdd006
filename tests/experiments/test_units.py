"""How numbers are written: closed cases, and every prefix against its power of ten."""

import math

import numpy as np
import pytest

from pnnkern.experiments import units


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (1.05e-8, "J", "10.5 nJ"), (1.4e-8, "m2", "0.014 mm²"), (0.4e-3, "m", "400 µm"), (25e-6, "S", "25 µS"), (-2e-5, "S", "-20 µS"),
        (0.0, "J", "0 J"), (-0.0, "V", "0 V"), (1.0, "m", "1 m"), (1e3, "N/m", "1 kN/m"), (3.51e13, "1/J", "35.1 T/J"), (50, "1/s", "50/s"),
        (0.9999, "s", "1 s"), (999.96e-9, "J", "1 µJ"), (999.4e-9, "J", "999 nJ"), (6.2, "rad", "6.2 rad"), (0.001, "rad", "0.001 rad"),
        (1e-6, "m2", "1 mm²"), (9e-9, "m2", "9 000 µm²"), (1e-12, "m2", "1 µm²"), (2.5, "m2", "2.5 m²"), (0.25, "1", "0.25"),
        (1e-40, "J", "1 × 10⁻⁴⁰ J"), (math.inf, "J", "inf J"), (math.nan, "s", "nan s"),
    ],
)  # fmt: skip
def test_quantities(value: float, unit: str, written: str) -> None:
    assert units.si(value, unit) == written


def test_prefixes_are_powers_of_a_thousand() -> None:
    for order, prefix in enumerate("yzafpnµm", -8):
        assert units.si(2.5 * 1000.0**order, "J") == f"2.5 {prefix}J"
        assert units.scaled(2.5 * 1000.0**order, "J") == (pytest.approx(1000.0**order, rel=1e-12), f"{prefix}J")
    for order, prefix in enumerate(["", *"kMGTPEZY"]):
        assert units.si(2.5 * 1000.0**order, "W") == f"2.5 {prefix}W"


def test_what_is_written_is_what_was_meant() -> None:
    """Of any value, three digits and the power of the prefix; the number in front is 1 or more and below 1000."""
    rng = np.random.default_rng(0)
    powers = {prefix: 10.0 ** (3 * n) for n, prefix in enumerate(["y", "z", "a", "f", "p", "n", "µ", "m", "", *"kMGTPEZY"], -8)}
    for value in 10 ** rng.uniform(-23, 26, 3000):
        number, unit = units.si(value, "S").split(" ")
        assert 1 <= float(number) < 1000
        assert float(number) * powers[unit.removesuffix("S")] == pytest.approx(value, rel=5.01e-3)


@pytest.mark.parametrize(
    ("value", "written"),
    [(12300, "12 300"), (0.0123, "0.0123"), (1.05e-8, "1.05 × 10⁻⁸"), (0.00012346, "0.0001235"), (-1234567, "-1.235 × 10⁶"), (100, "100")],
)
def test_pure_numbers(value: float, written: str) -> None:
    assert units.number(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"), (0.0123, "12.3 ms"), (1.26, "1.3 s"), (35.4, "35 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3599.7, "1 h 00 min"),
        (3720, "1 h 02 min"), (86399, "1 d 00 h"), (3 * 86400 + 4 * 3600, "3 d 04 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float, written: str) -> None:
    assert units.duration(seconds) == written


def test_shares_counts_and_ranges() -> None:
    assert units.percent(0.932) == "93.20 %"
    assert units.percent(1, 0) == "100 %"
    assert units.count(200960) == "200 960"
    assert units.span(0.2e-6, 25e-6, "S") == "0.2 to 25 µS"
    assert units.span(0, 1.04e-3, "m") == "0 to 1.04 mm"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("energy_per_inference_j", 1.05e-8, ("energy per inference", "10.5 nJ")), ("area_m2", 1.4e-8, ("area", "0.014 mm²")),
        ("latency_s", 4.22e-7, ("latency", "422 ns")), ("operations_per_joule", 3.9e13, ("operations per joule", "39 T/J")),
        ("vectors_per_s", 2.5e6, ("vectors per second", "2.5 M/s")), ("test_accuracy", 0.906, ("test accuracy", "90.60 %")),
        ("cells", 200960.0, ("cells", "200 960")), ("test_loss", 0.12345, ("test loss", "0.1235")),
        ("test_loss", math.nan, ("test loss", "nan")),
    ],
)  # fmt: skip
def test_metrics_carry_their_unit_in_their_name(key: str, value: float, told: tuple[str, str]) -> None:
    assert units.named(key, value) == told
