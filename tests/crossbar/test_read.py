"""Reads against the chain written out in plain NumPy, on every backend; wires, I-V laws, stacks; derivatives; memory; messages."""

import functools
import tracemalloc

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern._capture import StepKey
from pnnkern.crossbar import (
    ADC,
    DAC,
    SAR,
    BitSerial,
    Chain,
    GaussianNoise,
    LognormalNoise,
    Ramp,
    Reader,
    TelegraphNoise,
    Wires,
    convert,
    cubic_iv,
    read,
    read_vjp,
    sinh_iv,
)
from pnnkern.testing import check_linear, check_vjp

KEY = pnn.random.key(8)
SIGMAS = 4.5
SHAPES = [(1, 1, 1), (3, 31, 33), (70, 17, 65), (65, 64, 3)]
CLOSE = {"float32": 2e-6, "float64": 1e-14}


def problem(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    *stack, batch, n_in, n_out = shape
    return rng.uniform(-0.3, 0.3, (batch, n_in)).astype(dtype), rng.uniform(0, 25e-6, (*stack, n_in, n_out)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ideal_reads_are_products(backend, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    V, G = problem(rng, shape, dtype)
    got = backend.numpy(read(backend.array(V), backend.array(G)))
    assert got.dtype == dtype
    assert np.abs(got - V.astype(float) @ G).max() <= CLOSE[dtype] * 0.3 * G.sum(0).max()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_chain(backend, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    """DAC, product, noise of cells and outputs, column offset, ADC; codes differ where a sum falls within rounding of a half only."""
    V, G = problem(rng, shape, dtype)
    batch, n_in, n_out = shape
    step, full, offset = 0.2 / 63, 0.2 * n_in * 12e-6, rng.uniform(-1e-7, 1e-7, n_out)
    got = backend.numpy(
        read(backend.array(V), backend.array(G), dac=DAC(7, 0.2, noise=2e-3), noise=GaussianNoise(relative=0.05), output_noise=3e-8,
             offset=offset, adc=ADC(9, full, noise=4e-8), key=KEY, sample=100)
    )  # fmt: skip
    zin, zout = (
        pnn.random.normal(pnn.random.fold_in(KEY, purpose), (batch, n), sample=100, dtype=dtype).astype(float)
        for purpose, n in (("dac noise", n_in), ("output", n_out))
    )
    v = np.clip(np.rint(V / V.dtype.type(step)), -63, 63).astype(float) * step + 2e-3 * zin
    g = G.astype(float)
    current = v @ g + np.sqrt(v**2 @ (0.05 * g) ** 2 + 3e-8**2 + 4e-8**2) * zout + offset
    codes = np.clip(np.rint(current / (full / 255)), -255, 255)
    off = np.abs(np.rint(got / (full / 255)) - codes)
    assert np.abs(got / (full / 255) - np.rint(got / (full / 255))).max() < 1e-3  # they are codes
    assert off.max() <= (1 if dtype == "float32" else 0)
    assert (off > 0).mean() < 0.01


@pytest.mark.parametrize("noise", [None, GaussianNoise(relative=0.1), LognormalNoise(0.2)])
def test_stacks_share_inputs_and_have_their_own_noise(backend, noise, rng: np.random.Generator) -> None:
    V, G = problem(rng, (2, 3, 5, 9, 6))
    got = backend.numpy(read(backend.array(V), backend.array(G), noise=noise, dac=DAC(5), key=KEY))
    assert got.shape == (2, 3, 5, 6)
    v = np.clip(np.rint(V / (0.2 / 15)), -15, 15) * (0.2 / 15)
    assert np.allclose(got, v @ G, rtol=0, atol=1e-18 if noise is None else 5e-6)
    same = backend.numpy(read(backend.array(V), backend.array(np.broadcast_to(G[0, 0], G.shape)), noise=noise, dac=DAC(5), key=KEY))
    rest = (same - v @ G[0, 0]).reshape(6, -1)
    assert (np.ptp(rest, axis=0) == 0).all() if noise is None else len(np.unique(rest[:, 0])) == 6


def test_sinh_and_cubic_cells(backend, rng: np.random.Generator) -> None:
    V, G = problem(rng, (4, 6, 5))
    on = backend.array(V), backend.array(G)
    assert np.allclose(backend.numpy(read(*on, iv=sinh_iv(0.25))), (0.25 * np.sinh(V / 0.25)) @ G, rtol=1e-12, atol=1e-20)
    assert np.allclose(backend.numpy(read(*on, iv=cubic_iv(0.8))), (V + 0.8 * V**3) @ G, rtol=1e-12, atol=1e-20)


# ------------------------------------------------------------------------------------------------------------------ bit serial
@pytest.mark.parametrize("shift_add", ["digital", "analogue"])
@pytest.mark.parametrize("slice_bits", [1, 2, 5])
def test_bit_serial_reads(backend, shift_add: str, slice_bits: int, rng: np.random.Generator) -> None:
    V, G = problem(rng, (4, 7, 5))
    serial = BitSerial(6, slice_bits, 0.2, shift_add=shift_add)
    code = np.clip(np.rint(V / (0.2 / 31)), -31, 31)
    on = backend.array(V), backend.array(G)
    assert np.allclose(backend.numpy(read(*on, dac=serial)), code * (0.2 / 31) @ G, rtol=1e-12, atol=1e-20)
    adc, base = ADC(6, 2e-5), 2**slice_bits
    got = backend.numpy(read(*on, dac=serial, adc=adc))
    digits = [np.sign(code) * (np.abs(code) // base**k % base) for k in range(serial.slices)]
    slices = [d * (0.2 / (base - 1)) @ G for d in digits]
    counts = [base**k * (base - 1) / 31 for k in range(serial.slices)]

    def convert(i: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(i / (2e-5 / 31)), -31, 31) * (2e-5 / 31)

    if shift_add == "digital":
        expected = sum(c * convert(i) for c, i in zip(counts, slices))
    else:
        expected = convert(sum(c * i for c, i in zip(counts, slices)))
    assert np.allclose(got, expected, rtol=1e-12, atol=1e-20)


def test_slices_are_read_with_noise_of_their_own(rng: np.random.Generator) -> None:
    """Two slices, each with the noise of its read, weighted as they count: the variance says so."""
    reads = 4000
    V, G = np.full((reads, 3), 0.2), rng.uniform(5e-6, 20e-6, (3, 2))
    got = read(V, G, dac=BitSerial(3, 1, 0.2), noise=GaussianNoise(relative=0.2), key=KEY)
    one = (0.2 * 0.2 * G) ** 2  # variance of a cell at the full voltage
    expected = one.sum(0) * ((1 / 3) ** 2 + (2 / 3) ** 2)
    assert np.abs(got.var(0) / expected - 1).max() < SIGMAS * np.sqrt(2 / reads)


# ------------------------------------------------------------------------------------------------------------------------- ADC
def test_ranges_of_the_array(backend, rng: np.random.Generator) -> None:
    """max: the column with the most conductance never saturates; per-column: each reaches its own end."""
    V, G = np.full((1, 5), 0.2), rng.uniform(0, 25e-6, (2, 5, 4))
    sums = 0.2 * G.sum(-2, keepdims=True)
    on = backend.array(V), backend.array(G)
    whole, each = (backend.numpy(read(*on, dac=DAC(4, 0.2), adc=ADC(4, r))) for r in ("max", "per-column"))
    assert np.allclose(each, sums, rtol=1e-12)
    step = sums.max() / 7
    assert np.allclose(whole, np.rint(sums / step) * step, rtol=1e-12)


# ----------------------------------------------------------------------------------------------------------------------- wires
def test_reads_through_wires(backend, rng: np.random.Generator) -> None:
    V, G = problem(rng, (2, 5, 9, 6))
    wires = Wires(word=20.0, bit=35.0, source=100.0)
    got = backend.numpy(read(backend.array(V), backend.array(G), wires=wires, dac=DAC(8), adc=ADC(8, 3e-5)))
    T = np.stack([crossbar.effective_conductance(g, wires=wires) for g in G])
    v = np.clip(np.rint(V / (0.2 / 127)), -127, 127) * (0.2 / 127)
    assert np.allclose(got, np.clip(np.rint(v @ T / (3e-5 / 127)), -127, 127) * (3e-5 / 127), rtol=1e-12, atol=1e-20)
    assert np.abs(v @ T - v @ G).max() > 1e-7


def test_wires_that_have_no_effective_conductance(rng: np.random.Generator) -> None:
    """Cells with a characteristic, and gated inputs: each read is solved."""
    V, G = problem(rng, (2, 4, 5, 6))
    wires, iv = Wires(word=200.0, bit=300.0), sinh_iv(0.2)
    got = read(V, G, wires=wires, iv=iv, adc=ADC(20, 1e-4))
    assert np.abs(got - np.stack([crossbar.solve_currents(V, g, wires=wires, iv=iv) for g in G])).max() < 1e-4 / 2**19
    check_vjp(read, read_vjp, V, G + 1e-6, wrt=("V", "G"), steps={"V": 1e-4, "G": 1e-9}, rtol=1e-5, wires=wires, iv=iv)
    gates, wires = 0.2 * (V > 0), Wires(word=2.0, bit=3.0, topology="gated")
    assert np.array_equal(read(gates, G[0], wires=wires), crossbar.solve_currents(gates, G[0], wires=wires))


def test_noise_through_wires_is_correlated(rng: np.random.Generator) -> None:
    V, G = problem(rng, (1, 5, 3))
    reads, wires = 4000, Wires(word=2000.0, bit=3000.0)
    got = read(np.tile(V, (reads, 1)), G, wires=wires, noise=GaussianNoise(relative=0.1), output_noise=1e-8, key=KEY)
    covariance = crossbar.read_covariance(V, G, 0.1 * G, wires=wires)[0] + 1e-16 * np.eye(3)
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, (got - V @ crossbar.effective_conductance(G, wires=wires)).T)
    assert np.abs(np.cov(white) - np.eye(3)).max() < SIGMAS * np.sqrt(2 / reads)
    assert np.abs(white.mean(1)).max() < SIGMAS / np.sqrt(reads)


# ------------------------------------------------------------------------------------------------------------------ derivative
@pytest.mark.parametrize(
    "chain",
    [{}, {"iv": sinh_iv(0.3)}, {"iv": cubic_iv(2.0), "noise": GaussianNoise(relative=0.1)}, {"wires": Wires(20.0, 50.0)},
     {"output_noise": 1e-6, "offset": 1e-7, "noise": GaussianNoise(sigma=1e-6)}],
    ids=["ideal", "sinh", "cubic", "wires", "noise"],
)  # fmt: skip
def test_derivatives(backend, chain: dict, rng: np.random.Generator) -> None:
    V, G = (backend.array(a) for a in problem(rng, (2, 4, 5, 7)))
    G = G + 1e-6
    key = KEY if "noise" in chain else None
    check_vjp(read, read_vjp, V, G, wrt=("V", "G"), steps={"V": 1e-4, "G": 1e-9}, rtol=1e-5, key=key, **chain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_adjoint(backend, dtype: str, rng: np.random.Generator) -> None:
    V, G = (backend.array(a) for a in problem(rng, (3, 5, 9, 6), dtype))
    check_linear(read, read_vjp, V, G, wrt="V")
    check_linear(read, read_vjp, V, G, wrt="G")


def test_converters_are_passed_straight_through_inside_their_range(backend, rng: np.random.Generator) -> None:
    """The cotangent stops at inputs and outputs that are cut, and else meets the product: V and G as they are on the lines."""
    V, G = problem(rng, (6, 9, 7))
    g = rng.standard_normal((6, 7))
    full = 0.2 * 2e-5
    for errors in (None, SAR(0.02, 4.0), Ramp(0.2, 4.0, 0.5)):
        dV, dG = read_vjp(
            backend.array(g), backend.array(V), backend.array(G), dac=DAC(6, 0.2), adc=ADC(5, full, errors=errors), output_noise=1e-7, key=KEY
        )
        v = np.clip(np.rint(V / (0.2 / 31)), -31, 31) * (0.2 / 31)
        z = pnn.random.normal(pnn.random.fold_in(KEY, "output"), (6, 7), dtype=np.float64)
        current = v @ G + 1e-7 * z
        if errors is not None:
            slope, offset, _, _ = errors.tables(5, 7)
            current = (current + offset * full / 15) / slope
        inside = np.abs(current) <= full
        assert 0.1 < inside.mean() < 0.95
        assert np.allclose(backend.numpy(dV), ((g * inside) @ G.T) * (np.abs(V) <= 0.2), rtol=1e-10, atol=1e-18)
        assert np.allclose(backend.numpy(dG), v.T @ (g * inside), rtol=1e-10, atol=1e-14)


def test_bit_serial_derivative_is_that_of_one_conversion(backend, rng: np.random.Generator) -> None:
    V, G = problem(rng, (6, 9, 7))
    g = rng.standard_normal((6, 7))
    got = read_vjp(backend.array(g), backend.array(V), backend.array(G), dac=BitSerial(6, 2, 0.2), noise=GaussianNoise(relative=0.1), key=KEY)
    once = read_vjp(backend.array(g), backend.array(V), backend.array(G), dac=DAC(6, 0.2))
    for a, b in zip(got, once):
        assert np.allclose(backend.numpy(a), backend.numpy(b), rtol=1e-12, atol=1e-20)


# ---------------------------------------------------------------------------------------------------------------------- memory
def test_memory_does_not_grow_with_cells_times_batch(rng: np.random.Generator) -> None:
    V, G = problem(rng, (3000, 60, 50), "float32")
    for noise in ("pcm", LognormalNoise(0.1)):
        read(V[:3], G, noise=noise, key=KEY)
        tracemalloc.start()
        out = read(V, G, noise=noise, key=KEY)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * (V.nbytes + out.nbytes)  # a draw for each cell and sample would be 36 MB


@pytest.mark.parametrize("dac", [DAC(6, stochastic=True), BitSerial(6, 2)])
def test_chunks_give_the_same_reads(dac, rng: np.random.Generator) -> None:
    V, G = problem(rng, (2, 40, 6, 5))
    chain = Chain(noise=LognormalNoise(0.1), dac=dac, adc=ADC(7, "max"), output_noise=1e-8)
    reader = Reader(G, chain)
    whole = reader(V, key=KEY, sample=7)
    assert np.array_equal(reader(V, key=KEY, sample=7, memory_limit=5000), whole)
    assert np.array_equal(reader(V, key=KEY, sample=np.arange(7, 47), memory_limit=5000), whole)


# ------------------------------------------------------------------------------------------------------------------- bad input
ONES = np.ones((2, 3)), np.ones((3, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: read(np.ones((2, 4)), ONES[1]), ValueError, r"must fit G \(..., n_in, n_out\): got \(2, 4\) and \(3, 4\)"),
        (lambda: read(np.ones(3), ONES[1]), ValueError, "V must have at least 2 axes"),
        (lambda: read(ONES[0], np.ones(3)), ValueError, "G must have at least 2 axes"),
        (lambda: read(ONES[0].astype(np.float32), ONES[1]), TypeError, "one dtype, got float32 and float64"),
        (lambda: read(ONES[0].astype(int), ONES[1]), TypeError, "V must be an array of float32 or float64"),
        (lambda: read(ONES[0], ONES[1], dac=7), TypeError, "dac must be a DAC or a BitSerial"),
        (lambda: read(ONES[0], ONES[1], adc=DAC(7)), TypeError, "adc must be an ADC"),
        (lambda: read(ONES[0], ONES[1], iv=2.0), TypeError, "iv must be an IV, such as sinh_iv"),
        (lambda: read(ONES[0], ONES[1], output_noise=-1.0), ValueError, "output_noise must be finite and 0 or more"),
        (lambda: read(ONES[0], ONES[1], output_noise=1.0), ValueError, "needs a key"),
        (lambda: Chain(adc=ADC(8, "max")), ValueError, "range 'max' of an ADC needs a DAC with bits, whose range is the largest voltage"),
        (lambda: Chain(dac=DAC(None), adc=ADC(8, "per-column")), ValueError, "range 'per-column' of an ADC needs a DAC with bits"),
        (lambda: Chain(dac=DAC(8, signed=False), adc=ADC(8, "max", False, noise=1e-9)), ValueError, "drive below 0: make it signed"),
        (lambda: Chain(noise="pcm", dac=DAC(8, signed=False), adc=ADC(8, "max", False)), ValueError, "drive below 0: make it signed"),
        (lambda: Chain(dac=DAC(8, signed=False), adc=ADC(8, "max", False, SAR(0.0, 1.0))), ValueError, "drive below 0: make it signed"),
        (lambda: read(*ONES, dac=DAC(8, signed=False), adc=ADC(8, "max", False), offset=-1.0), ValueError, "cuts negative column offsets"),
        (lambda: read(*ONES, dac=DAC(8), adc=ADC(2, "max", errors=Ramp(offset=9.0))), ValueError, "no range of this ADC can promise"),
        (lambda: read(ONES[0], ONES[1], offset=np.ones(3)), ValueError, r"offset of shape \(3,\) must fit the columns \(4,\)"),
        (lambda: read(ONES[0], ONES[1], iv=sinh_iv(1.0), wires=1.0, noise="pcm", key=KEY), ValueError, "linear cells with GaussianNoise"),
        (lambda: read(ONES[0], ONES[1], noise=LognormalNoise(), wires=1.0, key=KEY), ValueError, "GaussianNoise that is not clipped"),
        (lambda: read(ONES[0], ONES[1], noise="pcm", key=KEY, sample=-1), ValueError, "sample must be from 0"),
        (lambda: read(ONES[0], ONES[1], noise="pcm", key=KEY, sample=np.arange(3)), ValueError, "2 indices, one for each row"),
        (lambda: read_vjp(np.ones((2, 3)), *ONES), ValueError, r"cotangent must have the shape \(2, 4\)"),
        (lambda: read_vjp(np.ones((2, 4)), *ONES, wrt="W"), ValueError, "this derivative exists for V, G"),
    ],
)
def test_bad_input(call, error, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("bad", [-1e-9, np.nan])
@pytest.mark.parametrize("noise", [None, "pcm", LognormalNoise(0.1)])
def test_conductances_must_be_physical(backend, bad: float, noise) -> None:
    G = np.full((3, 4), 1e-6)
    G[1, 2] = bad

    def reads() -> None:
        read(backend.array(ONES[0]), backend.array(G), noise=noise, key=KEY)
        pnn.check()  # a GPU says so later

    with pytest.raises(ValueError, match="must not be negative or NaN"):
        reads()


# ------------------------------------------------------------------------------------------------------------- keys of later
CELLS = [
    None, GaussianNoise(relative=0.1), GaussianNoise(relative=0.3, clipped=True), LognormalNoise(0.2), TelegraphNoise(relative=0.2, p=0.3),
    GaussianNoise(relative=0.1, frozen=True),
]  # fmt: skip


@pytest.mark.parametrize("noise", CELLS, ids=["none", "outputs", "cells", "lognormal", "telegraph", "frozen"])
@pytest.mark.parametrize("size", [5, 400])
def test_keys_in_the_memory_of_a_gpu(cupy, noise: object, size: int, rng: np.random.Generator) -> None:
    """What only the GPU knows the key of gives the draws of that key: of rounding, inputs, cells and outputs, forward and back."""
    V, G = (cupy.asarray(x) for x in problem(rng, (3, size, 7), "float32"))
    chain = {"dac": DAC(5, 0.3, stochastic=True, noise=1e-3), "noise": noise, "adc": ADC(6, 4e-5 * size**0.5, noise=1e-6)}
    later = StepKey(lambda path: cupy.asarray(functools.reduce(pnn.random.fold_in, path, KEY)))
    for dac in (chain["dac"], BitSerial(4, 2)):
        chain["dac"] = dac
        np.testing.assert_array_equal(read(V, G, **chain, key=later).get(), read(V, G, **chain, key=KEY).get())
        cotangent = cupy.ones((3, 7), np.float32)
        for a, b in zip(read_vjp(cotangent, V, G, **chain, key=later), read_vjp(cotangent, V, G, **chain, key=KEY), strict=True):
            np.testing.assert_array_equal(a.get(), b.get())
    for converter in (DAC(5, 0.3, stochastic=True, noise=1e-3), ADC(6, 0.3, noise=1e-2)):
        np.testing.assert_array_equal(convert(V, converter, key=later).get(), convert(V, converter, key=KEY).get())


# ------------------------------------------------------------------------------------------------------------------------ races
@pytest.mark.parametrize("order", ["descending", "shuffled"])
def test_blocks_do_not_race(order: str, rng: np.random.Generator) -> None:
    """The fused kernel passes inputs and weights through shared memory: no race, and the same codes in any order of threads."""
    V, G = problem(rng, (70, 33, 67), "float32")
    chain = {"dac": DAC(7, 0.2, noise=1e-3), "noise": GaussianNoise(relative=0.05), "adc": ADC(9, 4e-5), "key": KEY}
    with pnn._launch.host(order=order, build="race", seed=3):
        got = read(V, G, **chain)
    off = np.abs(got - read(V, G, **chain)) / (4e-5 / 255)
    assert off.max() < 1.01
    assert (off > 0.5).mean() < 0.01
