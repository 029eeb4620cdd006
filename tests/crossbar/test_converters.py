"""Converters against statements in plain NumPy, their extremes, and their straight-through derivatives."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.crossbar import ADC, DAC, SAR, BitSerial, Ramp, convert, convert_vjp

KEY = pnn.random.key(5)
SIGMAS = 4.5


def quantised(x: np.ndarray, step: float, low: int, high: int) -> np.ndarray:
    """Round to the nearest (halves to even), then cut: in the precision of x."""
    step = x.dtype.type(step)
    return np.clip(np.rint(x / step), low, high).astype(x.dtype) * step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("bits", "signed", "low", "high"), [(2, True, -1, 1), (7, True, -63, 63), (1, False, 0, 1), (5, False, 0, 31)])
def test_dac_rounds_and_cuts(backend, dtype: str, bits: int, signed: bool, low: int, high: int, rng: np.random.Generator) -> None:
    v = rng.uniform(-0.5, 0.5, (3, 31)).astype(dtype)
    v[0, :4] = 0, 0.3, -0.3, np.nan
    got = backend.numpy(convert(backend.array(v), DAC(bits, 0.3, signed)))
    assert got.dtype == dtype
    assert np.array_equal(got, quantised(v, 0.3 / high, low, high), equal_nan=True)


def test_halves_go_to_the_even_code(backend) -> None:
    v = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, -2.5]])
    got = backend.numpy(convert(backend.array(v), DAC(5, 15.0)))
    assert np.array_equal(got, [[0, 2, 2, 0, -2, -2]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stochastic_rounding_and_noise_are_the_documented_draws(backend, dtype: str, rng: np.random.Generator) -> None:
    v = rng.uniform(-0.3, 0.3, (4, 7)).astype(dtype)
    got = backend.numpy(convert(backend.array(v), DAC(5, 0.2, stochastic=True, noise=0.01), key=KEY, sample=9))
    u, z = (
        draw(pnn.random.fold_in(KEY, purpose), v.shape, sample=9, dtype=dtype)
        for draw, purpose in ((pnn.random.uniform, "dac rounding"), (pnn.random.normal, "dac noise"))
    )
    step = v.dtype.type(0.2 / 15)
    expected = np.clip(np.floor(v / step + u), -15, 15) * step + v.dtype.type(0.01) * z
    assert np.allclose(got, expected, rtol=0, atol=1e-7 if dtype == "float32" else 1e-15)


def test_stochastic_rounding_is_right_on_average() -> None:
    v = np.full((20_000, 1), 0.234)
    codes = convert(v, DAC(4, 0.7, stochastic=True), key=KEY) / 0.1
    assert set(np.round(codes.ravel(), 9)) == {2.0, 3.0}
    assert abs(codes.mean() - 2.34) < SIGMAS * np.sqrt(0.34 * 0.66 / v.size)


@pytest.mark.parametrize("slice_bits", [1, 3, 7])
def test_bit_serial_inputs_carry_the_code(slice_bits: int, rng: np.random.Generator) -> None:
    v = rng.uniform(-0.3, 0.3, (5, 6))
    serial = BitSerial(8, slice_bits, 0.2)
    planes = list(serial.planes(v))
    assert len(planes) == -(-7 // slice_bits)
    assert np.allclose(sum(weight * plane for weight, plane in planes), quantised(v, 0.2 / 127, -127, 127), rtol=1e-13, atol=0)
    levels = np.unique(np.round(np.abs(np.concatenate([p for _, p in planes])) / 0.2 * (2**slice_bits - 1), 9))
    assert set(levels) <= set(range(2**slice_bits))


# --------------------------------------------------------------------------------------------------------------------- outputs
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adc_rounds_and_saturates(backend, dtype: str, rng: np.random.Generator) -> None:
    i = rng.uniform(-2e-5, 2e-5, (5, 33)).astype(dtype)
    i[0, :3] = np.inf, -np.inf, np.nan
    on = backend.array(i)
    assert np.array_equal(
        backend.numpy(convert(on, ADC(6, 1e-5))), np.clip(np.rint(i / i.dtype.type(1e-5 / 31)), -31, 31) * i.dtype.type(1e-5 / 31),
        equal_nan=True,
    )  # fmt: skip
    cut = np.clip(i / i.dtype.type(1e-5), -1, 1) * i.dtype.type(1e-5)
    assert np.array_equal(backend.numpy(convert(on, ADC(None, 1e-5))), cut, equal_nan=True)
    ranges = rng.uniform(5e-6, 1e-5, 33)
    got = backend.numpy(convert(on, ADC(4, backend.array(ranges), signed=False)))
    step = (ranges / 15).astype(dtype)
    assert np.array_equal(got, np.clip(np.rint(i / step), 0, 15) * step, equal_nan=True)


def test_adc_noise_is_one_normal_for_each_conversion(backend) -> None:
    i = np.linspace(-1e-5, 1e-5, 22).reshape(2, 11)
    got = backend.numpy(convert(backend.array(i), ADC(12, 2e-5, noise=1e-6), key=KEY, sample=4))
    z = pnn.random.normal(pnn.random.fold_in(KEY, "output"), i.shape, sample=4, dtype=np.float64)
    assert np.allclose(got, quantised(i + 1e-6 * z, 2e-5 / 2047, -2047, 2047), rtol=1e-12, atol=0)


def test_sar_without_mismatch_is_rounding(backend, rng: np.random.Generator) -> None:
    i = rng.uniform(-1.2e-5, 1.2e-5, (8, 19))
    ideal, sar = (backend.numpy(convert(backend.array(i), ADC(7, 1e-5, errors=e))) for e in (None, SAR()))
    assert np.array_equal(ideal, sar)


def test_sar_decides_bit_by_bit(backend, rng: np.random.Generator) -> None:
    """Greedy search written out, with the capacitors of each column's converter; the last of them go wrong by whole codes."""
    errors, bits, n = SAR(mismatch=0.3, offset=0.5, seed=3, first=2), 6, 5
    slope, offset, bow, table = errors.tables(bits, n)
    assert bow is None
    assert (slope == 1).all()
    assert table is not None
    i = rng.uniform(-31, 31, (40, n))
    got = backend.numpy(convert(backend.array(i), ADC(bits, 31.0, errors=errors)))
    for column in range(n):
        for row in range(len(i)):
            rest, charge, code = i[row, column] + offset[column] + 31 + 0.5, 0.0, 0
            for k in reversed(range(bits)):
                if charge + table[column, k] <= rest:
                    charge, code = charge + table[column, k], code + 2**k
            assert got[row, column] == np.clip(code - 31, -31, 31)
    assert not np.array_equal(got, np.clip(np.rint(i), -31, 31))
    unit = table * (64 / table.sum(1, keepdims=True))
    assert np.abs(unit[:, -1] - 32).max() < 6  # the largest is the most exact: relative 0.3 / sqrt(32)


def test_errors_belong_to_the_converter() -> None:
    """Another first column is a view of the same converters; another seed is another chip."""
    for errors in (SAR(0.1, 1.0, seed=1), Ramp(0.1, 1.0, 1.0, seed=1)):
        whole = errors.tables(5, 6)
        later = type(errors)(**{**vars(errors), "first": 2}).tables(5, 4)
        other = type(errors)(**{**vars(errors), "seed": 2}).tables(5, 6)
        for a, b, c in zip(whole, later, other):
            if a is not None and np.ptp(a):
                assert np.array_equal(a[2:], b)
                assert not np.array_equal(a, c)


def test_ramp_errors_are_slope_offset_and_bow(backend, rng: np.random.Generator) -> None:
    errors, n = Ramp(slope=0.05, offset=2.0, bow=3.0, seed=9), 7
    slope, offset, bow, table = errors.tables(8, n)
    assert table is None
    assert bow is not None
    i = rng.uniform(-1.3, 1.3, (30, n))
    got = backend.numpy(convert(backend.array(i), ADC(8, 1.0, errors=errors)))
    t = (i * 127 + offset) / slope
    t = t + bow * (1 - (t / 127) ** 2)
    assert np.allclose(got, np.clip(np.rint(t), -127, 127) / 127, rtol=1e-12, atol=0)
    assert np.abs(got - np.clip(np.rint(i * 127), -127, 127) / 127).max() > 2 / 127


def test_calibration(rng: np.random.Generator) -> None:
    i = rng.standard_normal((2, 50, 4))
    assert ADC(8).calibrated(i).range == np.abs(i).max()
    assert np.allclose(ADC(8).calibrated(i, quantile=0.9, per_column=True).range, np.quantile(np.abs(i), 0.9, axis=1))
    i[:, :, 2] = 0
    assert (ADC(8).calibrated(i, per_column=True).range > 0).all()


# ------------------------------------------------------------------------------------------------------------------ derivative
def test_derivatives_pass_inside_and_stop_outside(backend, rng: np.random.Generator) -> None:
    x, g = rng.uniform(-2, 2, (6, 9)), rng.standard_normal((6, 9))
    cases = [
        (DAC(6, 1.0), np.abs(x) <= 1), (DAC(6, 1.0, signed=False), (x >= 0) & (x <= 1)), (DAC(None), np.ones_like(x, bool)),
        (ADC(6, 1.0), np.abs(x) <= 1), (ADC(6, 1.0, signed=False), (x >= 0) & (x <= 1)),
    ]  # fmt: skip
    for converter, inside in cases:
        got = backend.numpy(convert_vjp(backend.array(g), backend.array(x), converter))
        assert np.array_equal(got, g * inside)


# ------------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ADC(0), "an ADC must have 2 to 24 bits, got 0"),
        (lambda: ADC(1), "an ADC must have 2 to 24 bits, got 1"),
        (lambda: ADC(0, signed=False), "an ADC must have 1 to 24 bits, got 0"),
        (lambda: ADC(8, -1.0), "range of an ADC must be positive and finite"),
        (lambda: ADC(8, np.array([1.0, np.nan])), "range of an ADC must be positive and finite"),
        (lambda: ADC(8, "auto"), "must be amperes or one of calibrated, max, per-column, got 'auto'"),
        (lambda: ADC(8, noise=-1.0), "noise of an ADC must be finite and 0 or more"),
        (lambda: ADC(None, errors=SAR()), "give bits"),
        (lambda: DAC(1), "a DAC must have 2 to 24 bits"),
        (lambda: DAC(8, 0.0), "range of a DAC must be positive"),
        (lambda: BitSerial(8, 8), "slices must have 1 to 7 bits"),
        (lambda: BitSerial(8, shift_add="both"), "shift_add must be 'digital' or 'analogue'"),
        (lambda: convert(np.ones((2, 3)), ADC(8)), "not calibrated yet"),
        (lambda: convert(np.ones((2, 3)), ADC(8, "max")), "needs a DAC"),
        (lambda: convert(np.ones((2, 3)), ADC(8, np.ones(4))), r"shape \(4,\) must fit the columns \(3,\)"),
        (lambda: convert(np.ones((2, 3)), DAC(8, noise=0.1)), "needs a key"),
        (lambda: convert(np.ones((2, 3)), ADC(8, 1.0, noise=0.1)), "needs a key"),
        (lambda: ADC(8).calibrated(np.ones((2, 3)), quantile=0.0), r"quantile must lie in \(0, 1\]"),
    ],
)
def test_bad_input(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
